"""scikit-learn's own checks of an estimator: all of them, with no failure expected."""

import json
import os
import subprocess
import sys

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from skmlp_scratch import ScratchMLPClassifier

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

SOLVERS = ("adam", "sgd")

# SciPy reads SCIPY_ARRAY_API when it is imported, hence a new process.
CHECK_WITH_ARRAY_API = """
import json, sys, warnings
from sklearn.utils.estimator_checks import check_estimator
from skmlp_scratch import ScratchMLPClassifier
warnings.simplefilter("ignore")
estimator = ScratchMLPClassifier(solver=sys.argv[1], max_iter=100)
results = check_estimator(estimator, on_skip=None, on_fail=None)
print(json.dumps([(r["check_name"], r["status"], str(r["exception"])) for r in results]))
"""


@parametrize_with_checks(
    [ScratchMLPClassifier(solver=solver, max_iter=100) for solver in SOLVERS]
)
def test_scikit_learns_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("solver", SOLVERS)
def test_with_the_array_api_no_check_fails_or_is_skipped(solver):
    for needed in ("array_api_strict", "pandas", "polars"):
        pytest.importorskip(needed, reason="scikit-learn skips checks without it")
    process = subprocess.run(
        [sys.executable, "-c", CHECK_WITH_ARRAY_API, solver],
        env={**os.environ, "SCIPY_ARRAY_API": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    results = json.loads(process.stdout.splitlines()[-1])
    assert len(results) > 40
    assert [result for result in results if result[1] != "passed"] == []
