"""The strongest test: with the same seed, the numbers of scikit-learn, to rounding.

Weights, biases, loss curve, counters and predictions of ``MLPClassifier`` and
``MLPRegressor``, for every solver and activation, with ``weight_init="glorot_uniform"``
in float64. The last part holds where they differ on purpose, a test for each.
"""

from typing import NamedTuple

import numpy as np
import pytest
import scipy.sparse
from helpers import (
    SKLEARN,
    SKLEARN_SOLVERS,
    ignore_convergence,
    sklearn_activations,
    sklearn_solvers,
    sklearn_stochastic,
)
from sklearn.base import is_classifier
from sklearn.datasets import load_iris, make_multilabel_classification
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.neural_network import _multilayer_perceptron as sklearn_mlp
from sklearn.preprocessing import scale

from skmlp_scratch import ScratchMLPClassifier, ScratchMLPRegressor
from skmlp_scratch._estimator.split import stratified_split

pytestmark = ignore_convergence

CLOSE = {"rtol": 1e-8, "atol": 1e-8}
CLOSE_LBFGS = {"rtol": 1e-5, "atol": 1e-5}

IRIS, SPECIES = load_iris(return_X_y=True)
X = scale(IRIS)[::2]  # 75 rows: the last batch of 25 is full, of 16 is not
rng = np.random.default_rng(0)
X_LABELS, LABELS = make_multilabel_classification(75, 6, n_classes=4, random_state=0)
CURVE = np.sin(X[:, 0]) + X[:, 1] * X[:, 2] / 2 + 0.1 * rng.standard_normal(75)
CURVES = np.column_stack([CURVE, X[:, 3], X[:, 0] ** 2])
COUNTS = rng.poisson(np.exp(0.5 * X[:, 0])).astype(float)


class Task(NamedTuple):
    """A kind of targets, and the two estimators for it."""

    ours: type
    theirs: type
    X: np.ndarray
    y: np.ndarray
    parameters: dict
    since: tuple = (1, 6)


CLASSIFIERS = ScratchMLPClassifier, MLPClassifier
REGRESSORS = ScratchMLPRegressor, MLPRegressor
TASKS = {
    "multiclass": Task(*CLASSIFIERS, X, SPECIES[::2], {}),
    "multilabel": Task(*CLASSIFIERS, scale(X_LABELS), LABELS, {}),
    "regression": Task(*REGRESSORS, X, CURVE, {}),
    "several_outputs": Task(*REGRESSORS, X, CURVES, {}),
    "poisson": Task(*REGRESSORS, X, COUNTS, {"loss": "poisson"}, since=(1, 7)),
}
tasks = pytest.mark.parametrize("task", TASKS)

ALL = {
    "default": {},
    "no_penalty": {"alpha": 0},
    "large_penalty": {"alpha": 5},
    "two_hidden_layers": {"hidden_layer_sizes": (9, 6)},
    "no_hidden_layer": {"hidden_layer_sizes": ()},
}
IN_BATCHES = {
    "large_tol": {"max_iter": 100, "tol": 0.02, "n_iter_no_change": 2},
    "unequal_last_batch": {"batch_size": 16},
    "batches_of_one": {"batch_size": 1, "max_iter": 1, "learning_rate_init": 0.002},
    "one_batch": {"batch_size": 75},
    "no_shuffle": {"shuffle": False, "batch_size": 16},
    "never_gives_up": {"n_iter_no_change": np.inf, "tol": 10},
}
VARIANTS = {
    "adam": ALL
    | IN_BATCHES
    | {
        "other_betas": {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3},
        "no_averages": {"beta_1": 0, "beta_2": 0},
    },
    "sgd": ALL
    | IN_BATCHES
    | {
        "no_momentum": {"momentum": 0},
        "no_nesterov": {"nesterovs_momentum": False},
        "invscaling": {"learning_rate": "invscaling"},
        "other_power": {"learning_rate": "invscaling", "power_t": 0.1},
        "adaptive": {
            "learning_rate": "adaptive",
            "max_iter": 100,
            "tol": 0.02,
            "n_iter_no_change": 1,
        },
    },
    "lbfgs": ALL | {"large_tol": {"tol": 0.3}, "few_evaluations": {"max_fun": 6}},
}


@pytest.fixture(autouse=True)
def sum_over_outputs(monkeypatch, request):
    """Make their squared error the sum over the outputs, as their gradient has it.

    They report the mean: test_squared_error_is_summed_over_the_outputs.
    """
    if "their_own_loss" in request.fixturenames:
        return
    mean = sklearn_mlp.LOSS_FUNCTIONS["squared_error"]
    monkeypatch.setitem(
        sklearn_mlp.LOSS_FUNCTIONS,
        "squared_error",
        lambda y, *others: mean(y, *others) * y.shape[1],
    )


@pytest.fixture
def their_own_loss():
    """Leave scikit-learn as it is."""


def estimators(name, **parameters):
    """Return ours and theirs, with the same parameters."""
    task = TASKS[name]
    if task.since > SKLEARN:
        version = ".".join(map(str, task.since))
        pytest.skip(f"MLPRegressor has loss='poisson' since scikit-learn {version}")
    parameters = {
        "hidden_layer_sizes": (12,),
        "max_iter": 8,
        "random_state": 0,
        **task.parameters,
        **parameters,
    }
    if parameters.get("solver") != "lbfgs":
        parameters = {"batch_size": 25, "learning_rate_init": 0.02, **parameters}
    ours = task.ours(**parameters, weight_init="glorot_uniform", dtype="float64")
    return ours, task.theirs(**parameters)


def assert_same_numbers(ours, theirs, X_test):
    close = CLOSE_LBFGS if ours.solver == "lbfgs" else CLOSE
    assert (ours.n_iter_, ours.t_) == (theirs.n_iter_, theirs.t_)
    assert (ours.n_layers_, ours.n_outputs_) == (theirs.n_layers_, theirs.n_outputs_)
    assert ours.out_activation_ == theirs.out_activation_
    assert_same_weights(ours, theirs)
    methods = ["predict"]
    if is_classifier(ours):
        methods += ["predict_proba", "predict_log_proba"]
        np.testing.assert_array_equal(ours.classes_, theirs.classes_)
    for method in methods:
        mine, other = getattr(ours, method)(X_test), getattr(theirs, method)(X_test)
        assert mine.shape == other.shape
        np.testing.assert_allclose(mine, other, **close)
    numbers = ["loss_"]
    if ours.solver != "lbfgs":  # of which theirs keeps no history
        numbers += ["loss_curve_", "best_loss_"]
        numbers += ["validation_scores_", "best_validation_score_"]
    for name in numbers:
        mine, other = getattr(ours, name), getattr(theirs, name)
        assert (mine is None) == (other is None), name
        if mine is not None:
            np.testing.assert_allclose(mine, other, **close, err_msg=name)


def assert_same_weights(ours, theirs):
    close = CLOSE_LBFGS if ours.solver == "lbfgs" else CLOSE
    for mine, other in zip(
        ours.coefs_ + ours.intercepts_, theirs.coefs_ + theirs.intercepts_, strict=True
    ):
        np.testing.assert_allclose(mine, other, **close)


def same_weights(ours, theirs):
    return all(map(np.allclose, ours.coefs_, theirs.coefs_))


@tasks
@sklearn_activations
@pytest.mark.parametrize(
    ("solver", "variant"),
    [(solver, variant) for solver in SKLEARN_SOLVERS for variant in VARIANTS[solver]],
)
def test_fit(solver, variant, activation, task):
    seed = list(VARIANTS[solver]).index(variant)
    ours, theirs = estimators(
        task,
        solver=solver,
        activation=activation,
        **{"random_state": seed} | VARIANTS[solver][variant],
    )
    X, y = TASKS[task].X, TASKS[task].y
    assert_same_numbers(ours.fit(X, y), theirs.fit(X, y), X)


@tasks
def test_the_variants_that_should_stop_do(task):
    X, y = TASKS[task].X, TASKS[task].y
    for solver, variant in (("adam", "large_tol"), ("sgd", "large_tol")):
        estimator, _ = estimators(task, solver=solver, **VARIANTS[solver][variant])
        assert estimator.fit(X, y).n_iter_ < 100
    adaptive, _ = estimators(task, solver="sgd", **VARIANTS["sgd"]["adaptive"])
    rate = adaptive.fit(X, y)._training_state.learning_rate
    assert rate <= 1e-6
    assert adaptive.n_iter_ < 100
    for variant in ("large_tol", "few_evaluations"):
        estimator, _ = estimators(task, solver="lbfgs", **VARIANTS["lbfgs"][variant])
        assert estimator.fit(X, y).n_iter_ < 8


@tasks
@sklearn_solvers
@sklearn_activations
def test_sample_weight_in_one_batch(activation, solver, task):
    # In smaller batches theirs loses the weights: see docs/differences.md.
    if SKLEARN < (1, 7):
        pytest.skip("MLPClassifier.fit has sample_weight since scikit-learn 1.7")
    X, y = TASKS[task].X, TASKS[task].y
    weights = np.random.default_rng(1).uniform(0.1, 3, size=75)
    one_batch = {} if solver == "lbfgs" else {"batch_size": 75}
    ours, theirs = estimators(task, solver=solver, activation=activation, **one_batch)
    ours.fit(X, y, sample_weight=weights)
    theirs.fit(X, y, sample_weight=weights)
    assert_same_numbers(ours, theirs, X)


@tasks
@sklearn_solvers
@sklearn_activations
@pytest.mark.parametrize("container", ["csr_matrix", "csc_array"])
def test_sparse_input(container, activation, solver, task):
    X, y = TASKS[task].X, TASKS[task].y
    sparse = getattr(scipy.sparse, container)(X * (abs(X) > 0.5))
    ours, theirs = estimators(task, solver=solver, activation=activation)
    assert_same_numbers(ours.fit(sparse, y), theirs.fit(sparse, y), sparse)


@tasks
@sklearn_solvers
@sklearn_activations
def test_warm_start(activation, solver, task):
    X, y = TASKS[task].X, TASKS[task].y
    ours, theirs = estimators(
        task, solver=solver, activation=activation, warm_start=True, max_iter=5
    )
    # Both halves have all classes.
    for rows in (slice(0, None, 2), slice(1, None, 2), slice(None)):
        assert_same_numbers(ours.fit(X[rows], y[rows]), theirs.fit(X[rows], y[rows]), X)


@tasks
@sklearn_stochastic
def test_warm_start_after_it_has_converged(solver, task):
    X, y = TASKS[task].X, TASKS[task].y
    parameters = {"warm_start": True, "max_iter": 100, "tol": 0.05}
    ours, theirs = estimators(task, solver=solver, n_iter_no_change=2, **parameters)
    for _ in range(3):
        assert_same_numbers(ours.fit(X, y), theirs.fit(X, y), X)
        assert ours.n_iter_ < 100


CHUNKS = [slice(0, 30), slice(30, 37), slice(37, 75), slice(0, 75)]


def partial_fit(estimator, task, chunks=CHUNKS):
    X, y = TASKS[task].X, TASKS[task].y
    known = {}
    if is_classifier(estimator):
        known = {"classes": np.unique(y) if y.ndim == 1 else np.arange(y.shape[1])}
    for chunk in chunks:
        estimator.partial_fit(X[chunk], y[chunk], **known)
        known = {}
    return estimator


@tasks
@sklearn_activations
@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize(
    "parameters",
    [
        {"solver": "adam"},
        {"solver": "sgd"},
        {"solver": "sgd", "learning_rate": "invscaling"},
        {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.5},
    ],
    ids=lambda parameters: "-".join(map(str, parameters.values())),
)
def test_partial_fit(parameters, shuffle, activation, task):
    parameters = {"batch_size": 7, "n_iter_no_change": 1, **parameters}
    both = estimators(task, shuffle=shuffle, activation=activation, **parameters)
    for estimator in both:
        # With a seed the two differ in what they shuffle: see below.
        if shuffle:
            estimator.set_params(random_state=np.random.RandomState(3))
        partial_fit(estimator, task)
    assert_same_numbers(*both, TASKS[task].X)


@pytest.mark.parametrize("task", [name for name in TASKS if name != "multiclass"])
@sklearn_activations
@sklearn_stochastic
@pytest.mark.parametrize("warm_start", [False, True])
def test_early_stopping(warm_start, solver, activation, task):
    X, y = TASKS[task].X, TASKS[task].y
    ours, theirs = estimators(
        task,
        solver=solver,
        activation=activation,
        early_stopping=True,
        validation_fraction=0.25,
        n_iter_no_change=3,
        max_iter=20,
        warm_start=warm_start,
    )
    for _ in range(1 + 2 * warm_start):
        assert_same_numbers(ours.fit(X, y), theirs.fit(X, y), X)
        share_no_memory_with_the_best_weights(theirs)


def share_no_memory_with_the_best_weights(theirs):
    # Else their next fit would move the best weights: see below.
    theirs.coefs_ = [W.copy() for W in theirs.coefs_]
    theirs.intercepts_ = [b.copy() for b in theirs.intercepts_]


# Where they differ on purpose


def stratified_train_test_split(*arrays, random_state, test_size, stratify):
    codes = arrays[1].argmax(axis=1)
    train, validation = stratified_split(codes, test_size, random_state)
    return [array[rows] for array in arrays for rows in (train, validation)]


@sklearn_activations
@sklearn_stochastic
def test_early_stopping_is_the_same_but_for_the_stratified_split(
    solver, activation, monkeypatch
):
    X, y = TASKS["multiclass"].X, TASKS["multiclass"].y
    ours, theirs = estimators(
        "multiclass",
        solver=solver,
        activation=activation,
        early_stopping=True,
        validation_fraction=0.25,
        n_iter_no_change=3,
        max_iter=20,
    )
    ours.fit(X, y)
    assert not same_weights(ours, theirs.fit(X, y))
    monkeypatch.setattr(sklearn_mlp, "train_test_split", stratified_train_test_split)
    assert_same_numbers(ours, theirs.fit(X, y), X)


def test_warm_start_with_early_stopping_keeps_the_best_weights():
    X, y = TASKS["regression"].X, TASKS["regression"].y
    both = estimators(
        "regression",
        early_stopping=True,
        validation_fraction=0.25,
        n_iter_no_change=3,
        max_iter=200,
        warm_start=True,
    )
    ours, theirs = both
    assert_same_numbers(ours.fit(X, y), theirs.fit(X, y), X)
    best = [W.copy() for W in ours.coefs_]
    for estimator in both:
        # Nothing will be better than this.
        estimator.set_params(learning_rate_init=0.3, max_iter=3).fit(X, y)
        assert max(estimator.validation_scores_[-3:]) < estimator.best_validation_score_
    # Theirs calls the last weights the best: both names belong to the same arrays.
    assert all(map(np.array_equal, ours.coefs_, best))
    assert not any(map(np.allclose, theirs.coefs_, best))


@pytest.mark.usefixtures("their_own_loss")
@sklearn_stochastic
def test_squared_error_is_summed_over_the_outputs(solver):
    X, y = TASKS["several_outputs"].X, TASKS["several_outputs"].y
    for alpha in (0, 5):
        ours, theirs = estimators("several_outputs", solver=solver, alpha=alpha, tol=0)
        # Their gradient is that of the sum, so that the weights are the same...
        assert_same_weights(ours.fit(X, y), theirs.fit(X, y))
        # ...and their loss is the mean over the outputs.
        mean = np.array(theirs.loss_curve_)
        if alpha:
            assert (ours.loss_curve_ < 3 * mean).all()  # the penalty is there once
            assert (ours.loss_curve_ > mean).all()
        else:
            np.testing.assert_allclose(ours.loss_curve_, 3 * mean, **CLOSE)


@pytest.mark.usefixtures("their_own_loss")
def test_lbfgs_gets_the_gradient_of_the_loss_that_it_gets():
    # Theirs gets the mean over the outputs with the gradient of the sum, and its line
    # search goes by both. With the sum (in test_fit) the numbers are the same.
    X, y = TASKS["several_outputs"].X, TASKS["several_outputs"].y
    ours, theirs = estimators("several_outputs", solver="lbfgs", max_iter=300)
    assert not same_weights(ours.fit(X, y), theirs.fit(X, y))


@tasks
@sklearn_stochastic
def test_partial_fit_with_a_seed_goes_on_shuffling(solver, task):
    epochs = [slice(None)] * 3
    ours, theirs = (
        partial_fit(estimator, task, epochs)
        for estimator in estimators(task, solver=solver, random_state=3)
    )
    same, their_own = (
        partial_fit(estimator, task, epochs)
        for estimator in estimators(
            task, solver=solver, random_state=np.random.RandomState(3)
        )
    )
    assert_same_numbers(ours, same, TASKS[task].X)
    # Theirs starts again from the seed in every call: the same order each time.
    assert not same_weights(theirs, their_own)


def test_two_classes_have_two_softmax_outputs():
    rows = SPECIES < 2
    X, y = scale(IRIS[rows]), SPECIES[rows]
    common = {"hidden_layer_sizes": (), "solver": "lbfgs", "tol": 1e-7}
    ours = ScratchMLPClassifier(alpha=2, random_state=0, **common).fit(X, y)
    theirs = MLPClassifier(alpha=1, random_state=0, **common).fit(X, y)
    assert (ours.n_outputs_, ours.out_activation_) == (2, "softmax")
    assert (theirs.n_outputs_, theirs.out_activation_) == (1, "logistic")
    # Two outputs share the weights of one, w/2 and -w/2, at half the penalty: with
    # twice the alpha they are the same model.
    close = {"rtol": 1e-3, "atol": 1e-5}  # as far as L-BFGS goes
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), **close)
    W = ours.coefs_[0]
    np.testing.assert_allclose(W[:, 1] - W[:, 0], theirs.coefs_[0][:, 0], **close)
