"""Run a standalone module where nothing but numpy can be imported, and compare it with the library.

Called as ``python -I isolated.py MODULE REFERENCE``: a path to the module, and one to an ``.npz`` with what to expect.
"""

import importlib.util
import sys


class Blocked:
    """Refuses the import of everything that a standalone module must do without."""

    NAMES = frozenset(["crncompile", "scipy", "sympy", "networkx", "lark", "pint", "matplotlib", "click", "rich"])

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in self.NAMES:
            raise ImportError(f"{name} is blocked")


sys.meta_path.insert(0, Blocked())

import numpy as np  # noqa: E402


def load(path):
    spec = importlib.util.spec_from_file_location("solver", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["solver"] = module
    spec.loader.exec_module(module)
    return module


def check(solver, reference):
    u, held = reference["u"], reference["held"]
    values = solver.complete({})
    assert set(values) == {name.removeprefix("parameter ") for name in reference if name.startswith("parameter ")}
    for name, value in values.items():
        np.testing.assert_array_equal(value, reference[f"parameter {name}"])
    residual, jacobian = solver.residual(u, held, values), solver.jacobian(u, held, values)
    gross = solver.gross(u, held, values)
    assert residual.tobytes() == reference["residual"].tobytes(), "residual"
    assert jacobian.tobytes() == reference["jacobian"].tobytes(), "jacobian"
    for column in range(u.shape[1]):
        moved = u + 0j
        moved[:, column] += 1e-30j
        slope = solver.residual(moved, held, values).imag * 1e30
        assert np.all(np.abs(slope - jacobian[:, :, column]) <= 1e-11 * (gross + np.abs(slope))), "complex step"
    inputs = {name: reference[f"input {name}"] for name in solver.INPUTS}
    solution = solver.steady_state(inputs)
    np.testing.assert_allclose(solution.u, reference["steady"], rtol=0, atol=1e-12, equal_nan=True)
    assert list(solution.certificate.status) == list(reference["status"])
    for name, value in solution.readouts.items():
        np.testing.assert_allclose(value, reference[f"readout {name}"], rtol=1e-11, atol=1e-12, equal_nan=True)
    for name in solver.GROUPS:
        np.testing.assert_allclose(solution.states[name], reference[f"state {name}"], rtol=1e-11, equal_nan=True)
    weights = {name: reference[f"weight {name}"] for name in solver.READOUTS}
    gradient, to_held = solver.gradient(solution, weights)
    np.testing.assert_allclose(to_held, reference["to_held"], rtol=1e-9, atol=1e-300, equal_nan=True)
    for name, value in gradient.items():
        size = np.max(np.abs(reference[f"gradient {name}"]), initial=0.0)
        np.testing.assert_allclose(
            value, reference[f"gradient {name}"], rtol=1e-9, atol=1e-11 * np.nan_to_num(size), equal_nan=True
        )
    imported = {name.split(".")[0] for name in sys.modules}
    assert not imported & Blocked.NAMES, imported & Blocked.NAMES


if __name__ == "__main__":
    check(load(sys.argv[1]), dict(np.load(sys.argv[2])))
