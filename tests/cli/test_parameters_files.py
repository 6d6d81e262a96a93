"""Parameters files: what is kept, and which files are refused."""

import numpy as np
import pytest

import crncompile
from crncompile.errors import DataError
from crncompile.learn.parameters import fingerprint, load_parameters, read_arrays, save_parameters

from .conftest import MODELS

TEXT = (MODELS / "curve.tnet").read_text()


@pytest.fixture(scope="module")
def curve():
    return crncompile.loads(TEXT)


@pytest.fixture
def saved(curve, tmp_path):
    values = curve.parameters(seed=7)
    save_parameters(tmp_path / "p.npz", curve, values)
    return tmp_path / "p.npz", values


def test_what_is_saved_is_loaded_to_the_last_bit(curve, saved):
    path, values = saved
    loaded = load_parameters(path, curve)
    assert set(loaded) == {"a.level"}
    assert np.array_equal(loaded["a.level"], values["a.level"])


def test_changed_values_that_are_not_trained_are_kept(curve, tmp_path):
    values = curve.parameters({"b.gamma_left": np.array([1e9, 2e9]), "low.at": -1.5})
    save_parameters(tmp_path / "p.npz", curve, values)
    loaded = load_parameters(tmp_path / "p.npz", curve)
    assert set(loaded) == {"a.level", "b.gamma_left", "low.at"}
    assert loaded["b.gamma_left"].tolist() == [1e9, 2e9]


def test_comments_and_values_are_no_other_model(curve, saved):
    other = crncompile.loads(
        TEXT.replace("-2 kT)", "-1 kT)  # a comment").replace("detuning = 1 kT", "detuning = 2 kT")
    )
    assert fingerprint(other.network) == fingerprint(curve.network)
    assert set(load_parameters(saved[0], other)) == {"a.level"}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("1..2", "1..3", "there: reservoir h 2: floating of charge; here: reservoir h 3"),
        ("dot d:", "dot drain:", "dot d alone.*here: dot drain alone"),
        ("-> low  = resonant_dot", "-> x    = resonant_dot", "right at low; here: .*right at x"),
        ("1 GHz, coupling", "1 MHz, coupling", "a.gamma_right alone: rate in GHz; here: .* in MHz"),
    ],
)
def test_another_model_is_refused_and_the_difference_named(saved, old, new, said):
    with pytest.raises(DataError, match=f"p.npz belongs to another model; .*{said}"):
        load_parameters(saved[0], crncompile.loads(TEXT.replace(old, new)))


def test_units_stay_when_the_temperature_changes(saved):
    """A level in kT stays the same number of kT; one in ueV becomes another one."""
    path, values = saved
    warmer = crncompile.loads(TEXT.replace("100 mK", "200 mK"))
    assert load_parameters(path, warmer)["a.level"] == pytest.approx(values["a.level"], rel=1e-15)
    text = TEXT.replace("normal(0 kT, 1 kT)", "normal(0 ueV, 8.6 ueV)")
    cold, warm = crncompile.loads(text), crncompile.loads(text.replace("100 mK", "200 mK"))
    save_parameters(path, cold, cold.parameters())
    assert load_parameters(path, warm)["a.level"] == pytest.approx(cold.parameters()["a.level"] / 2, rel=1e-12)


def test_broken_files(curve, saved, tmp_path):
    path, _ = saved
    whole = path.read_bytes()
    for size in (0, 10, len(whole) // 2, len(whole) - 30):
        path.write_bytes(whole[:size])
        with pytest.raises(DataError, match=r"not a complete \.npz file"):
            load_parameters(path, curve)
    path.write_text("x,y\n1,2\n")
    with pytest.raises(DataError, match=r"not a complete \.npz file"):
        load_parameters(path, curve)
    with pytest.raises(DataError, match="No such file"):
        load_parameters(tmp_path / "none.npz", curve)


def rewritten(path, **changes):
    arrays = {**read_arrays(path), **changes}
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"__fingerprint__": None}, "is no parameters file"),
        ({"a.level": None}, "lacks the trained parameters a.level"),
        ({"a.level": np.array([np.nan, 1.0])}, "a.level has values that are not finite numbers"),
        ({"a.level": np.array([1.0, 1j])}, "a.level has values that are not finite numbers"),
        ({"a.level": np.array(["a", "b"])}, "a.level has values that are not finite numbers"),
        ({"a.level": np.zeros(3)}, "a.level"),
    ],
)
def test_files_of_the_right_model_with_wrong_arrays(curve, saved, changes, said):
    rewritten(saved[0], **changes)
    with pytest.raises(DataError, match=said):
        load_parameters(saved[0], curve)


def test_no_pickle_is_read(curve, tmp_path):
    np.savez(tmp_path / "p.npz", __fingerprint__=np.array([object()]))
    with pytest.raises(DataError, match="holds no plain arrays"):
        load_parameters(tmp_path / "p.npz", curve)


def test_what_other_commands_wrote_is_told(crn):
    crn("solve", "divider.tnet", "--set", "x=0", "-o", "s.npz")
    crn("simulate", "divider.tnet", "--set", "x=0", "--until", "1us", "-o", "c.npz")
    for file, what in {"s.npz": "steady states that solve wrote", "c.npz": "a course that simulate wrote"}.items():
        result = crn("solve", "divider.tnet", "--set", "x=0", "--parameters", file)
        assert result.exit_code == 1
        said = f"error: {file} holds {what}, and no parameters; train -o P.npz writes parameters\n"
        assert result.stderr.endswith(said)
