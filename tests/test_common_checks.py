"""scikit-learn's own checks of an estimator: all of them, with every solver."""

import json
import os
import subprocess
import sys

import pytest
from helpers import checks_of_scikit_learn, ignore, ignore_convergence, unequal_weights

from skmlp_scratch import ScratchMLPClassifier, ScratchMLPRegressor

# The checks' data are far from what a network should get; what is said of that is
# tested in test_warnings.py.
pytestmark = [
    ignore_convergence,
    *(
        ignore(category)
        for category in (
            "ConstantPredictionWarning",
            "DeadUnitsWarning",
            "FeatureScaleWarning",
            "IgnoredParameterWarning",
            "RareClassWarning",
            "TargetScaleWarning",
        )
    ),
    pytest.mark.filterwarnings("ignore:The score of the validation rows means nothing"),
]

# At the default, 0.1, the smallest of the data sets would leave a single row.
EARLY = {"early_stopping": True, "validation_fraction": 0.3, "n_iter_no_change": 50}

OPTIONS = {
    "solver": "adamw",
    "alpha": 0.01,
    "learning_rate": "one_cycle",
    "learning_rate_init": 0.005,
    "activation": "gelu",
    "max_norm": 4.0,
    "clip_norm": 1.0,
    "averaging": 0.9,
}
QUANTILE = {"loss": "quantile", "quantile": 0.2}
NOISE = {"noise": 0.1, "dropout": 0.1}

# Classifier or regressor, and parameters.
CONFIGURATIONS = {
    "classifier-adam": (ScratchMLPClassifier, {"solver": "adam"}),
    "classifier-sgd": (ScratchMLPClassifier, {"solver": "sgd"}),
    "classifier-lbfgs": (ScratchMLPClassifier, {"solver": "lbfgs"}),
    "classifier-early": (ScratchMLPClassifier, EARLY),
    "classifier-options": (ScratchMLPClassifier, OPTIONS | {"label_smoothing": 0.05}),
    "classifier-noise": (ScratchMLPClassifier, NOISE),
    "classifier-batch-norm": (ScratchMLPClassifier, {"batch_norm": True}),
    "regressor-options": (ScratchMLPRegressor, OPTIONS),
    "regressor-noise": (ScratchMLPRegressor, NOISE),
    "regressor-batch-norm": (ScratchMLPRegressor, {"batch_norm": True, **OPTIONS}),
    "regressor-adam": (ScratchMLPRegressor, {"solver": "adam"}),
    # The checks' features lie around 100, where plain SGD with ReLU diverges at the
    # default learning rate: MLPRegressor then returns R^2 = -19 without a word, ours
    # raises DivergenceError. With tanh the features saturate the units instead.
    "regressor-sgd": (ScratchMLPRegressor, {"solver": "sgd", "activation": "tanh"}),
    "regressor-lbfgs": (ScratchMLPRegressor, {"solver": "lbfgs"}),
    "regressor-early": (ScratchMLPRegressor, EARLY),
    "regressor-absolute": (ScratchMLPRegressor, {"loss": "absolute_error"}),
    "regressor-poisson": (ScratchMLPRegressor, {"loss": "poisson"}),
    "regressor-gamma": (ScratchMLPRegressor, {"loss": "gamma"}),
    "regressor-quantile": (ScratchMLPRegressor, QUANTILE),
    "regressor-quantiles": (ScratchMLPRegressor, QUANTILE | {"quantile": [0.1, 0.9]}),
}

EXPECTED_FAILURES = unequal_weights(
    "rows that are there twice are split at random, each by itself; a weight is not"
)
FAILURES_WITH_NOISE = unequal_weights(
    "rows that are there twice get noise of their own, each by itself",
    # Newer versions believe the tag that says so.
    sparse="noise refuses sparse data",
)
# They want R^2 above 0.5, and get D^2, which is about 1 - sqrt(1 - R^2).
FAILURES_OF_A_QUANTILE = {"check_regressors_train": "30 epochs: D^2 is below 0.5"}
FAILURES_OF_QUANTILES = dict.fromkeys(
    (
        "check_regressors_train",
        "check_estimator_sparse_array",
        "check_estimator_sparse_matrix",
    ),
    "for y of one column it wants predictions of one column",
)
FAILURES_OF_GAMMA = dict.fromkeys(
    (
        "check_transformer_data_not_an_array",
        "check_transformer_general",
        "check_transformer_n_iter",
        "check_transformer_preserve_dtypes",
    ),
    "some of its targets are 0, whatever the tag positive_only says",
)

# SciPy reads SCIPY_ARRAY_API when it is imported, hence a new process, one for all.
CHECK_WITH_ARRAY_API = """
import json, sys, warnings
import skmlp_scratch
from sklearn.utils.estimator_checks import check_estimator
warnings.simplefilter("ignore")
for name, parameters, expected in json.loads(sys.argv[1]):
    results = check_estimator(
        getattr(skmlp_scratch, name)(**parameters),
        expected_failed_checks=expected,
        on_skip=None,
        on_fail=None,
    )
    seen = [(r["check_name"], r["status"], str(r["exception"])) for r in results]
    print(json.dumps(seen))
"""


def expected_failures(estimator):
    if estimator.noise:
        return FAILURES_WITH_NOISE
    if getattr(estimator, "loss", None) == "gamma":
        return FAILURES_OF_GAMMA
    if getattr(estimator, "loss", None) == "quantile":
        several = isinstance(estimator.quantile, list)
        return FAILURES_OF_QUANTILES if several else FAILURES_OF_A_QUANTILE
    return EXPECTED_FAILURES if estimator.early_stopping else {}


@checks_of_scikit_learn(
    [cls(max_iter=30, **parameters) for cls, parameters in CONFIGURATIONS.values()],
    expected_failures,
)
def test_scikit_learns_checks(estimator, check):
    check(estimator)  # asserts for itself


WITH_ARRAY_API = {"classifier-adam": {}, "regressor-early": EXPECTED_FAILURES}


@pytest.fixture(scope="module")
def seen_with_array_api():
    """Return what came of each check of each estimator."""
    for needed in ("array_api_strict", "pandas", "polars"):
        pytest.importorskip(needed, reason="scikit-learn skips checks without it")
    arguments = []
    for name, expected in WITH_ARRAY_API.items():
        estimator_class, parameters = CONFIGURATIONS[name]
        parameters = {"max_iter": 30, **parameters}
        arguments.append([estimator_class.__name__, parameters, expected])
    process = subprocess.run(
        [sys.executable, "-c", CHECK_WITH_ARRAY_API, json.dumps(arguments)],
        env={**os.environ, "SCIPY_ARRAY_API": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    lines = [line for line in process.stdout.splitlines() if line[:2] == "[["]
    return dict(zip(WITH_ARRAY_API, map(json.loads, lines), strict=True))


@pytest.mark.parametrize(("name", "expected"), WITH_ARRAY_API.items())
def test_with_the_array_api_no_check_fails_or_is_skipped(
    name, expected, seen_with_array_api
):
    results = seen_with_array_api[name]
    assert len(results) > 40
    failed = {check for check, status, _ in results if status == "xfail"}
    assert failed == expected.keys()
    assert [result for result in results if result[1] not in ("passed", "xfail")] == []
