"""A module imports only from floors below its own, so that imports never go in circles.

``nn`` knows nothing of scikit-learn, and the package needs nothing beyond what it
declares.
"""

import ast
import importlib.util
import re
import sys
from pathlib import Path

import pytest

import skmlp_scratch

PACKAGE = "skmlp_scratch"
NN = f"{PACKAGE}.nn"
ROOT = Path(skmlp_scratch.__file__).parent

PAGE = Path(__file__).parents[1] / "docs" / "architecture.md"


def floors_of_page():
    """Return the floor of each module, from the table in docs/architecture.md."""
    rows = re.findall(
        r"^\| (\d+) +\| `(\S+)\.py` ", PAGE.read_text("utf-8"), re.MULTILINE
    )
    files = {file.replace("/", "."): int(floor) for floor, file in rows}
    floors = {
        f"{PACKAGE}.{file}".removesuffix(".__init__"): floor
        for file, floor in files.items()
    }
    # Nothing but a name for what is in there: above all of it, below whoever uses it.
    floors[NN] = 1 + max(f for m, f in floors.items() if m.startswith(f"{NN}."))
    for package in ("_estimator", "displays"):
        floors[f"{PACKAGE}.{package}"] = floors[NN]
    return floors


FLOORS = floors_of_page()

NN_MAY_IMPORT = {*sys.stdlib_module_names, "numpy", "scipy"}
PACKAGE_MAY_IMPORT = {*NN_MAY_IMPORT, "sklearn", "joblib", "threadpoolctl"}
# Not declared: imported when it is used. A test imports the package without it.
MAY_IMPORT_LATE = {
    f"{PACKAGE}.displays._drawing": {"matplotlib", "mpl_toolkits"},
    f"{PACKAGE}.onnx": {"skl2onnx"},  # which it is for
    f"{PACKAGE}.summary": {"pandas"},
}


def module_name(path):
    parts = (PACKAGE, *path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {module_name(path): path for path in sorted(ROOT.rglob("*.py"))}


def imported_modules(source, module):
    imported = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            is_package = FILES[module].name == "__init__.py"
            package = module if is_package else module.rpartition(".")[0]
            dotted = "." * node.level + (node.module or "")
            base = importlib.util.resolve_name(dotted, package)
            # `from package import name`: the name may be a module.
            names = {f"{base}.{alias.name}" for alias in node.names}
            imported |= (names & FILES.keys()) or {base}
    return imported


def not_from_below(source, module):
    own = {m for m in imported_modules(source, module) if is_own(m)}
    return {m for m in own if FLOORS.get(m, sys.maxsize) >= FLOORS[module]}


def foreign(source, module):
    allowed = NN_MAY_IMPORT if is_inside(module, NN) else PACKAGE_MAY_IMPORT
    allowed = allowed | MAY_IMPORT_LATE.get(module, set())
    own = NN if is_inside(module, NN) else PACKAGE
    modules = imported_modules(source, module)
    return {
        m for m in modules if m.split(".")[0] not in allowed and not is_inside(m, own)
    }


def is_inside(module, package):
    return module == package or module.startswith(package + ".")


def is_own(module):
    return is_inside(module, PACKAGE)


def test_every_module_has_a_floor():
    assert FILES.keys() == FLOORS.keys()


@pytest.mark.parametrize("module", FILES)
def test_imports_come_from_lower_floors(module):
    assert not_from_below(FILES[module].read_text("utf-8"), module) == set()


@pytest.mark.parametrize("module", FILES)
def test_only_declared_dependencies_are_imported(module):
    assert foreign(FILES[module].read_text("utf-8"), module) == set()


@pytest.mark.parametrize(
    ("module", "statement", "found"),
    [
        (f"{NN}.layers", f"from {NN}.losses import LOSSES", f"{NN}.losses"),
        (f"{NN}.layers", f"import {NN}.network", f"{NN}.network"),
        (f"{NN}.layers", f"from {NN} import training", f"{NN}.training"),
        (f"{NN}.layers", f"from {NN} import check_gradient", NN),
        (f"{NN}.layers", "from . import training", f"{NN}.training"),
        (f"{NN}.layers", "from .network import Network", f"{NN}.network"),
        (NN, "from .. import classifier", f"{PACKAGE}.classifier"),
        (NN, "from ..classifier import x", f"{PACKAGE}.classifier"),
        (f"{NN}.layers", "def f():\n    from .losses import x", f"{NN}.losses"),
        (f"{NN}.layers", f"from {NN}.layers import x", f"{NN}.layers"),
        (f"{NN}.layers", f"from {NN}.unlisted import x", f"{NN}.unlisted"),
    ],
)
def test_an_import_from_the_same_or_a_higher_floor_is_noticed(module, statement, found):
    assert not_from_below(statement, module) == {found}


@pytest.mark.parametrize(
    ("module", "statement", "found"),
    [
        (f"{NN}.layers", "import sklearn.base", "sklearn.base"),
        (f"{NN}.layers", "from sklearn.base import clone", "sklearn.base"),
        (f"{NN}.layers", f"import {PACKAGE}.classifier", f"{PACKAGE}.classifier"),
        (f"{NN}.layers", "import numpy, joblib", "joblib"),
        (f"{PACKAGE}.classifier", "def f():\n    import pandas as pd", "pandas"),
    ],
)
def test_a_foreign_import_is_noticed(module, statement, found):
    assert foreign(statement, module) == {found}
