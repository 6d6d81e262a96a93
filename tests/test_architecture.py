"""The shape of the program: which folder may import which, what the outside sees, and where words may not stand."""

import ast
import dataclasses
import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import networkx as nx
import pytest

import crncompile
from crncompile.network.library import standard_library

PACKAGE = Path(crncompile.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
REPOSITORY = PACKAGE.parent

# A stage and the stages from which it may import; `network.types` is the network that a System carries.
BASE = {"errors", "cache", "constants", "unit_names", "units"}
PIPELINE = BASE | {"language", "network", "symbolic", "program", "backends", "solve"}
ON_TOP = {"learn", "analyze", "export", "prepared", "solution", "search"}
ALLOWED = {
    "errors": set(),
    "cache": set(),
    "constants": set(),
    "unit_names": {"constants"},
    "units": {"errors", "constants", "unit_names"},
    "language": BASE,
    "network": BASE | {"language"},
    "symbolic": BASE | {"network"},
    "program": BASE | {"network", "symbolic"},
    "backends": {"errors", "cache", "constants", "program"},
    "solve": {"errors"},
    "solution": {"errors", "solve", "compiled"},
    "prepared": set(),
    "search": {"errors", "solve", "prepared", "solution", "compiled"},
    "compiled": PIPELINE - {"language"} | {"prepared", "solution", "search"},
    "compiler": PIPELINE | {"compiled"},
    "learn": PIPELINE | ON_TOP | {"compiled", "compiler"},
    "analyze": PIPELINE | ON_TOP | {"compiled", "compiler"},
    "export": PIPELINE | ON_TOP | {"compiled", "compiler"},
    "plots": PIPELINE | ON_TOP | {"compiled", "compiler"},
    "cli": PIPELINE | ON_TOP | {"compiled", "compiler", "plots"},
}
# Doors: written inside a function, so that the user finds all on one object and nothing is imported before it is used.
DOORS = {
    ("compiled", "crncompile.learn.fit"),
    ("compiled", "crncompile.learn.objective"),
    ("compiled", "crncompile.analyze.simulation"),
    ("compiled", "crncompile.compiler"),
}


def relative(path):
    return path.relative_to(REPOSITORY).as_posix()


def stage(module):
    return module.split(".")[1] if "." in module else ""


def module_name(path):
    parts = path.relative_to(REPOSITORY).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path):
    """Modules of the package that a file imports, with whether that happens as soon as the file is imported."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    late = {
        id(node)
        for outer in ast.walk(tree)
        if isinstance(outer, (ast.FunctionDef, ast.Lambda)) or (isinstance(outer, ast.If) and is_type_checking(outer))
        for node in ast.walk(outer)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module.split(".")[0] == "crncompile":
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield (whole if is_module(whole) else node.module), id(node) not in late
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "crncompile":
                    yield alias.name, id(node) not in late
        assert not isinstance(node, ast.ImportFrom) or node.level == 0, f"{path}: write imports in full"


def is_type_checking(node):
    return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def is_module(name):
    place = REPOSITORY.joinpath(*name.split("."))
    return place.is_dir() or place.with_suffix(".py").exists()


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_a_stage_imports_only_from_stages_before_it(path):
    own = stage(module_name(path))
    if own in ("", "__main__"):
        return
    for module, _ in imports(path):
        if (own, module) not in DOORS:
            assert stage(module) in ALLOWED[own] | {own, ""}, f"{relative(path)} imports {module}"


def test_every_folder_has_its_place_in_the_table():
    found = {stage(module_name(path)) for path in FILES} - {"", "__main__"}
    assert found == set(ALLOWED)


def test_the_data_types_of_a_program_need_nothing():
    assert [module for module, _ in imports(PACKAGE / "program" / "types.py")] == []
    assert {m for path in (PACKAGE / "backends").glob("*.py") for m, _ in imports(path) if stage(m) == "program"} == {
        "crncompile.program.types"
    }


def test_modules_do_not_import_in_circles():
    graph = nx.DiGraph()
    for path in FILES:
        graph.add_edges_from((module_name(path), module) for module, at_once in imports(path) if at_once)
    assert nx.is_directed_acyclic_graph(graph)


def loaded_by(statement):
    """Top-level modules beyond the standard library that a fresh process has after a statement."""
    code = f"import sys\n{statement}\nprint(*{{m.split('.')[0] for m in sys.modules}} - set(sys.stdlib_module_names))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY)
    return {name for name in done.stdout.split() if not name.startswith("_")}


def solve_modules(*without):
    names = [module_name(path) for path in (PACKAGE / "solve").glob("*.py")]
    return ", ".join(name for name in sorted(names) if name not in without)


def test_the_solver_core_needs_only_numpy_and_relaxation_scipy():
    core = solve_modules("crncompile.solve.relaxation")
    bare = loaded_by("import numpy")
    assert loaded_by(f"import {core}") - bare == {"crncompile"}
    assert loaded_by(f"import {solve_modules()}") - bare <= {"crncompile", "scipy", "cython_runtime"}


def test_importing_the_package_loads_no_other():
    assert loaded_by("import crncompile") - loaded_by("pass") == {"crncompile"}


def test_packages_of_extras_are_imported_where_they_are_wanted():
    """And by nothing else, so that nothing else needs them."""
    found = {
        (relative(path), package)
        for path in FILES
        for package in ("sklearn", "jax")
        if re.search(
            rf"^\s*(from|import) {package}\b|import_module\(.{package}", path.read_text(encoding="utf-8"), re.M
        )
    }
    backend = {path for path, _ in found if path.startswith("crncompile/backends/jax_")}
    assert backend
    assert found == {(path, "jax") for path in backend} | {
        ("crncompile/learn/datasets.py", "sklearn"),
        ("crncompile/learn/estimators.py", "sklearn"),
        ("crncompile/learn/jax_layer.py", "jax"),
    }


# --- what the outside sees --------------------------------------------------------------------------------------------


def test_the_public_names():
    assert crncompile.__all__ == [
        "CompiledNetwork",
        "CrnError",
        "DataError",
        "ModelError",
        "Solution",
        "SteadyStateError",
        "jax_layer",
        "load",
        "loads",
    ]
    assert all(getattr(crncompile, name).__name__ == name for name in crncompile.__all__)
    with pytest.raises(AttributeError, match="no attribute 'lod'"):
        crncompile.lod  # noqa: B018


def test_public_things_are_described():
    for name in crncompile.__all__:
        thing = getattr(crncompile, name)
        assert inspect.getdoc(thing), name
        for own, member in vars(thing).items() if inspect.isclass(thing) else ():
            assert own.startswith("_") or not callable(member) or inspect.getdoc(member), f"{name}.{own}"


@pytest.mark.parametrize("module", ["network.types", "program.types", "language.nodes", "symbolic.system"])
def test_values_between_stages_can_not_be_changed(module):
    loaded = importlib.import_module(f"crncompile.{module}")
    classes = [c for _, c in inspect.getmembers(loaded, inspect.isclass) if c.__module__ == loaded.__name__]
    assert classes
    for one in classes:
        assert dataclasses.is_dataclass(one), one
        assert one.__dataclass_params__.frozen, one
        for field in dataclasses.fields(one):
            assert not re.match(r"(list|dict|set)\b", str(field.type)), f"{one.__name__}.{field.name} can be changed"


# --- where words may not stand ----------------------------------------------------------------------------------------


def words_of_code(path):
    """Words of a file's names and texts; prose, which is docstrings and comments, is left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield from re.findall(r"\w+", node.value)
        for name in ("id", "attr", "name", "arg"):
            if isinstance(getattr(node, name, None), str):
                yield getattr(node, name)


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_no_python_file_names_a_device_or_a_rate_law(path):
    library = standard_library()
    assert len(library.devices) > 5
    assert len(library.laws) > 2
    assert set(words_of_code(path)) & {*library.devices, *library.laws} == set()


def written():
    """Files that a reader of the program meets."""
    kinds = {".py", ".tnet", ".lark", ".md", ".toml", ".txt", ".csv"}
    folders = ("crncompile", "grammars", "models", "examples", "tests", ".ci")
    found = [path for name in folders for path in (REPOSITORY / name).rglob("*") if path.suffix in kinds]
    return [*found, *REPOSITORY.glob("*.md"), REPOSITORY / "pyproject.toml", REPOSITORY / ".ci" / "run"]


def test_no_place_of_one_machine_is_written_down():
    places = re.compile(r"(?<![\w.~}])/(work|tmp|home|root|Users)/\w|py" + r"pi\.org", re.ASCII)
    found = [
        relative(path)
        for path in written()
        if path.is_file() and places.search(path.read_text(encoding="utf-8", errors="replace"))
    ]
    assert found == []


def test_files_stay_small():
    lengths = {relative(path): len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    long = {name: length for name, length in lengths.items() if length > 400}
    assert max(lengths.values()) <= 500, long
    assert len(long) <= 3, long
    assert sorted(lengths.values())[len(lengths) // 2] <= 200


def test_functions_stay_small():
    lengths = sorted(
        node.end_lineno - node.lineno + 1
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    )
    assert lengths[len(lengths) // 2] <= 10
    assert lengths[len(lengths) * 9 // 10] <= 35


def test_every_golden_file_has_a_test():
    """A file's name, or that of its row, stands in a test or a table: none is left behind by a test that is gone."""
    texts = [path.read_text(encoding="utf-8") for path in [*(REPOSITORY / "tests").rglob("*.py"), *FILES]]
    known = {word for text in texts for word in re.findall(r"[\w-]+", text)}
    stems = {path.stem for path in (REPOSITORY / "tests" / "golden").rglob("*") if path.is_file()}
    assert {stem for stem in stems if not {stem, re.sub(r"-\d+$", "", stem)} & known} == set()
