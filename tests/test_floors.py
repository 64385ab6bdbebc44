"""A module imports only from floors below its own, so that imports never go in circles.

``nn`` knows nothing of scikit-learn, and the package needs nothing beyond what it
declares.
"""

import ast
import importlib.util
import sys
from pathlib import Path

import pytest

import skmlp_scratch

PACKAGE = "skmlp_scratch"
NN = f"{PACKAGE}.nn"
ROOT = Path(skmlp_scratch.__file__).parent

FLOORS = {
    f"{NN}.typing": 0,
    f"{NN}.blocks": 1,
    f"{NN}.sums": 1,
    f"{NN}.vectors": 1,
    f"{NN}.graph": 0,
    f"{NN}.parameters": 1,
    f"{NN}.layers": 2,
    f"{NN}.losses": 2,
    f"{NN}.schedules": 1,
    f"{NN}.initializers": 3,
    f"{NN}.network": 3,
    f"{NN}.optimizers": 2,
    f"{NN}.batches": 2,
    f"{NN}.regularization": 2,
    f"{NN}.training": 4,
    f"{NN}.gradient_check": 3,
    f"{NN}.lbfgs": 5,
    NN: 6,
    f"{PACKAGE}.exceptions": 6,
    f"{PACKAGE}._validation_split": 6,
    f"{PACKAGE}._threads": 6,
    f"{PACKAGE}._parameter_checks": 7,
    f"{PACKAGE}._numbers": 7,
    f"{PACKAGE}._loaded": 7,
    f"{PACKAGE}._progress": 7,
    f"{PACKAGE}._targets": 8,
    f"{PACKAGE}._data": 8,
    f"{PACKAGE}._prediction": 9,
    f"{PACKAGE}._diagnostics": 9,
    f"{PACKAGE}._outcome": 10,
    f"{PACKAGE}._wiring": 11,
    f"{PACKAGE}._estimator": 12,
    f"{PACKAGE}._export": 12,
    f"{PACKAGE}.classifier": 13,
    f"{PACKAGE}.regressor": 13,
    f"{PACKAGE}._rollback": 7,
    f"{PACKAGE}._columns": 9,
    f"{PACKAGE}._shared_arrays": 7,
    f"{PACKAGE}._members": 9,
    f"{PACKAGE}._categorical_features": 10,
    f"{PACKAGE}.piecewise_linear": 10,
    f"{PACKAGE}._table_encoder": 11,
    f"{PACKAGE}._tabular": 12,
    f"{PACKAGE}.tabular": 14,
    PACKAGE: 15,
}

NN_MAY_IMPORT = {*sys.stdlib_module_names, "numpy", "scipy"}
PACKAGE_MAY_IMPORT = {*NN_MAY_IMPORT, "sklearn", "joblib", "threadpoolctl"}


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
    assert not_from_below(FILES[module].read_text(), module) == set()


@pytest.mark.parametrize("module", FILES)
def test_only_declared_dependencies_are_imported(module):
    assert foreign(FILES[module].read_text(), module) == set()


@pytest.mark.parametrize(
    ("module", "statement", "found"),
    [
        (f"{NN}.layers", f"from {NN}.losses import softmax", f"{NN}.losses"),
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
