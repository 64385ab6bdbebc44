"""Training that goes on: ``warm_start``, ``partial_fit``, copies and pickles."""

import copy
import pickle
import re
from functools import partial

import helpers
import joblib
import numpy as np
import pytest
from helpers import (
    both,
    ignore,
    ignore_convergence,
    numbers,
    pickled,
    raises_and_changes_nothing,
    regression_losses,
    scaled_iris,
    seeds,
    solvers,
    stochastic,
    through_joblib,
)
from sklearn.base import clone

from skmlp_scratch import ScratchMLPClassifier, ScratchMLPRegressor
from skmlp_scratch._estimator.solvers import STOCHASTIC, either

quick = partial(helpers.quick, hidden_layer_sizes=(7, 6))

pytestmark = ignore_convergence


X, y = scaled_iris()
INDICATORS = np.column_stack([y == 0, y > 0, X[:, 0] > 0]).astype(int)


def of_first_call(estimator, targets=y):
    """Return the further arguments of the first call of partial_fit."""
    if isinstance(estimator, ScratchMLPRegressor):
        return {}
    return {"classes": np.unique(targets) if targets.ndim == 1 else [0, 1, 2]}


def partial_fits(estimator, n_calls, between=lambda estimator: estimator, targets=y):
    more = of_first_call(estimator, targets)
    for _ in range(n_calls):
        estimator = between(estimator.partial_fit(X, targets, **more))
        more = {}
    return estimator


# warm_start


@both
@solvers
@seeds
def test_warm_start_goes_on(seed, solver, estimator_class):
    estimator = quick(
        estimator_class, warm_start=True, solver=solver, random_state=seed
    ).fit(X, y)
    curve, t, weights = estimator.loss_curve_, estimator.t_, numbers(estimator)
    score = estimator.score(X, y)
    estimator.set_params(max_iter=20).fit(X, y)
    assert estimator.loss_curve_[:5] == curve
    assert len(estimator.loss_curve_) == 25
    assert estimator.n_iter_ == 20
    assert estimator.t_ == (0 if solver == "lbfgs" else t + 20 * 150)
    assert (numbers(estimator) != weights).any()
    assert estimator.loss_curve_[5] < curve[0]
    assert estimator.loss_curve_[-1] < curve[-1]
    assert estimator.best_iter_ == 1 + np.argmin(estimator.loss_curve_)
    assert estimator.best_loss_ == min(estimator.loss_curve_)
    assert estimator.score(X, y) > score


@both
def test_warm_start_starts_from_the_weights_of_the_last_fit(estimator_class):
    estimator = quick(estimator_class, warm_start=True).fit(X, y)
    before = numbers(estimator)
    # No step of any size.
    estimator.set_params(learning_rate_init=1e-300, max_iter=1).fit(X, y)
    np.testing.assert_array_equal(numbers(estimator), before)


@both
def test_without_warm_start_fit_starts_afresh(estimator_class):
    estimator = quick(estimator_class)
    first = joblib.hash(vars(estimator.fit(X, y)))
    assert joblib.hash(vars(estimator.fit(X, y))) == first
    # Whatever there was before.
    other = quick(
        estimator_class, hidden_layer_sizes=3, activation="tanh", solver="lbfgs"
    ).fit(X[:, :2], -y)
    other.set_params(**estimator.get_params()).fit(X, y)
    assert joblib.hash(vars(other)) == first


@ignore("ConstantPredictionWarning")
@both
def test_warm_start_with_early_stopping(estimator_class):
    estimator = quick(estimator_class, warm_start=True, early_stopping=True).fit(X, y)
    scores, best = estimator.validation_scores_, estimator.best_validation_score_
    estimator.set_params(max_iter=30, random_state=1).fit(X, y)
    assert estimator.validation_scores_[:5] == scores
    n_epochs = len(estimator.loss_curve_)
    assert len(estimator.validation_scores_) == n_epochs == 5 + estimator.n_iter_
    assert len(estimator.validation_loss_curve_) == n_epochs
    assert estimator.best_validation_score_ == max(estimator.validation_scores_) >= best
    assert estimator.best_iter_ == 1 + np.argmax(estimator.validation_scores_)


@both
@pytest.mark.parametrize("early_stopping", [False, True])
def test_warm_start_watching_something_else(early_stopping, estimator_class):
    # Neither is a score compared with a loss nor the other way round.
    estimator = quick(
        estimator_class,
        warm_start=True,
        early_stopping=early_stopping,
        max_iter=60,
        hidden_layer_sizes=20,
        learning_rate_init=0.01,
    ).fit(X, y)
    estimator.set_params(early_stopping=not early_stopping, max_iter=30).fit(X, y)
    if early_stopping:
        assert estimator.n_iter_ > 12
    assert estimator.best_iter_ > len(estimator.loss_curve_) - estimator.n_iter_


ARCHITECTURES = [
    ({"hidden_layer_sizes": (7, 8)}, r"hidden_layer_sizes .*\(7, 6\) to \(7, 8\)"),
    ({"hidden_layer_sizes": (6, 7)}, r"hidden_layer_sizes .*\(7, 6\) to \(6, 7\)"),
    ({"hidden_layer_sizes": 7}, r"hidden_layer_sizes .*\(7, 6\) to \(7,\)"),
    (
        {"hidden_layer_sizes": (7, 6, 5)},
        r"hidden_layer_sizes .*\(7, 6\) to \(7, 6, 5\)",
    ),
    ({"hidden_layer_sizes": ()}, r"hidden_layer_sizes .*\(7, 6\) to \(\)"),
    ({"activation": "tanh"}, "activation .*'relu' to 'tanh'"),
]


@both
@pytest.mark.parametrize(("changed", "message"), ARCHITECTURES, ids=str)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_no_going_on_with_another_architecture(
    method, changed, message, estimator_class
):
    estimator = quick(estimator_class, warm_start=True).fit(X, y)
    expected = numbers(clone(estimator).set_params(**changed).fit(X, y))
    estimator.set_params(**changed)
    raises_and_changes_nothing(estimator, message, method, X, y)
    # What the message says works.
    if method == "fit":
        estimator.set_params(warm_start=False).fit(X, y)
        np.testing.assert_array_equal(numbers(estimator), expected)
    estimator = quick(estimator_class, warm_start=True).fit(X, y)
    getattr(estimator, method)(X, y)


@both
def test_equal_architectures_may_be_written_in_several_ways(estimator_class):
    estimator = quick(estimator_class, warm_start=True, hidden_layer_sizes=7).fit(X, y)
    for same in ((7,), [7], np.array([7]), np.int64(7)):
        estimator.set_params(hidden_layer_sizes=same).fit(X, y)
    assert len(estimator.loss_curve_) == 5 * 5  # it went on each time


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_no_going_on_with_another_loss(method):
    estimator = quick(ScratchMLPRegressor, warm_start=True).fit(X, y)
    estimator.set_params(loss="poisson")
    raises_and_changes_nothing(estimator, "loss", method, X, y)


@both
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_no_going_on_with_other_features(method, estimator_class):
    estimator = quick(estimator_class, warm_start=True).fit(X, y)
    message = "X has 3 features, but .* expecting 4 features"
    raises_and_changes_nothing(estimator, message, method, X[:, :3], y)


@pytest.mark.parametrize(
    "targets", [np.where(y == 2, 3, y), y + 1, np.minimum(y, 1), y.astype(str)]
)
def test_no_warm_start_with_other_classes(targets):
    estimator = quick(ScratchMLPClassifier, warm_start=True).fit(X, y)
    message = r"warm_start .* the same classes .* Previously got \[0 1 2\], `y` has \["
    raises_and_changes_nothing(estimator, message, "fit", X, targets)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_no_going_on_with_another_kind_of_targets(method):
    estimator = quick(ScratchMLPClassifier, warm_start=True).fit(X, y)
    message = "one label and several labels"
    raises_and_changes_nothing(estimator, message, method, X, INDICATORS)
    estimator = quick(ScratchMLPClassifier, warm_start=True).fit(X, INDICATORS)
    raises_and_changes_nothing(estimator, message, method, X, y)
    message = "y has 2 labels per row, but there are 3"
    raises_and_changes_nothing(estimator, message, method, X, INDICATORS[:, :2])


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_no_going_on_with_another_number_of_outputs(method):
    estimator = quick(ScratchMLPRegressor, warm_start=True).fit(X, y)
    message = "y of shape .* needs a network of 3 outputs, but the last fit had 1"
    raises_and_changes_nothing(estimator, message, method, X, INDICATORS)


# partial_fit


PARTIAL = {
    "adam": {},
    "adam, unequal last batch": {"batch_size": 40},
    "sgd with momentum": {"solver": "sgd", "batch_size": 40},
    "sgd without Nesterov": {"solver": "sgd", "nesterovs_momentum": False},
    "invscaling": {
        "solver": "sgd",
        "learning_rate": "invscaling",
        "power_t": 0.2,
        "batch_size": 40,
    },
    "adaptive": {"solver": "sgd", "learning_rate": "adaptive", "tol": 10},
    "float32": {"dtype": "float32", "batch_size": 40},
}


@both
@pytest.mark.parametrize(
    "between", [lambda e: e, pickled, through_joblib, copy.copy, copy.deepcopy]
)
@pytest.mark.parametrize("variant", PARTIAL)
def test_calls_of_partial_fit_are_epochs_of_fit(variant, between, estimator_class):
    # The adaptive rate falls after 12 epochs.
    parameters = {"learning_rate_init": 0.05, "shuffle": False} | PARTIAL[variant]
    in_one = quick(estimator_class, max_iter=14, **parameters).fit(X, y)
    in_steps = partial_fits(quick(estimator_class, **parameters), 14, between)
    np.testing.assert_array_equal(numbers(in_steps), numbers(in_one))
    assert in_steps.loss_curve_ == in_one.loss_curve_
    assert in_steps.best_loss_ == in_one.best_loss_
    assert in_steps.best_iter_ == in_one.best_iter_
    assert in_steps.t_ == in_one.t_ == 14 * 150
    assert in_steps.n_iter_ == 1


@pytest.mark.parametrize("variant", ["adam", "sgd with momentum"])
def test_multilabel_partial_fit(variant):
    parameters = PARTIAL[variant] | {"shuffle": False}
    in_one = quick(ScratchMLPClassifier, **parameters).fit(X, INDICATORS)
    in_steps = partial_fits(
        quick(ScratchMLPClassifier, **parameters), 5, pickled, INDICATORS
    )
    np.testing.assert_array_equal(numbers(in_steps), numbers(in_one))
    assert in_steps.predict(X).shape == (150, 3)


@both
def test_adaptive_rate_falls_in_partial_fit_too(estimator_class):
    parameters = {"solver": "sgd", "shuffle": False, "max_iter": 14, "tol": 10}
    adaptive = quick(estimator_class, learning_rate="adaptive", **parameters)
    constant = quick(estimator_class, n_iter_no_change=100, **parameters)
    constant.fit(X, y)
    partial_fits(adaptive, 14)
    assert (numbers(adaptive) != numbers(constant)).any()
    np.testing.assert_array_equal(
        numbers(partial_fits(clone(adaptive), 12)),
        numbers(partial_fits(clone(constant), 12)),
    )


@both
@seeds
@pytest.mark.parametrize("between", [lambda e: e, pickled, copy.copy])
def test_shuffling_goes_on_in_partial_fit(between, seed, estimator_class):
    # A seed is as good as a RandomState, which goes on by itself.
    parameters = {"batch_size": 20}
    seeded = quick(estimator_class, random_state=seed, **parameters)
    seeded = partial_fits(seeded, 4, between)
    generator = np.random.RandomState(seed)
    expected = quick(estimator_class, random_state=generator, **parameters)
    partial_fits(expected, 4)
    np.testing.assert_array_equal(numbers(seeded), numbers(expected))
    # The order is not the same in every call, as it would be from the seed again.
    first = quick(estimator_class, random_state=seed, **parameters).partial_fit(
        X, y, **of_first_call(seeded)
    )
    in_one = quick(estimator_class, random_state=seed, max_iter=1, **parameters)
    np.testing.assert_array_equal(numbers(first), numbers(in_one.fit(X, y)))


@both
def test_each_call_shuffles_in_another_order(estimator_class):
    # No step of any size. The penalty counts once per batch: without it the mean over
    # an epoch depends on the order by its rounding only.
    parameters = {"learning_rate_init": 1e-300, "batch_size": 40, "alpha": 0}
    curve = partial_fits(quick(estimator_class, **parameters), 6).loss_curve_
    np.testing.assert_allclose(curve, curve[0], rtol=1e-12)
    assert len(set(curve)) > 1
    unshuffled = quick(estimator_class, shuffle=False, **parameters)
    assert len(set(partial_fits(unshuffled, 6).loss_curve_)) == 1


@both
@solvers
def test_fit_after_partial_fit_starts_afresh(solver, estimator_class):
    estimator = partial_fits(quick(estimator_class), 3)
    estimator.set_params(solver=solver).fit(X, y)
    expected = quick(estimator_class, solver=solver).fit(X, y)
    assert joblib.hash(vars(estimator)) == joblib.hash(vars(expected))


@both
def test_partial_fit_after_fit_goes_on(estimator_class):
    parameters = {"shuffle": False, "batch_size": 40}
    expected = quick(estimator_class, max_iter=8, **parameters).fit(X, y)
    estimator = quick(estimator_class, max_iter=5, **parameters).fit(X, y)
    for _ in range(3):
        estimator.partial_fit(X, y)
    np.testing.assert_array_equal(numbers(estimator), numbers(expected))
    assert estimator.loss_curve_ == expected.loss_curve_


@both
def test_partial_fit_with_another_solver_goes_on_from_the_weights(estimator_class):
    estimator = partial_fits(quick(estimator_class), 3)
    estimator.set_params(solver="sgd", learning_rate_init=0.01).partial_fit(X, y)
    warm = partial_fits(quick(estimator_class), 3).set_params(
        solver="sgd", learning_rate_init=0.01, warm_start=True, max_iter=1
    )
    assert len(estimator.loss_curve_) == 4
    # The order is another one; up to that it is a warm start.
    assert abs(numbers(estimator) - numbers(warm.fit(X, y))).max() < 0.1


@both
def test_rows_may_come_in_parts(estimator_class):
    estimator = quick(estimator_class, learning_rate_init=0.02, activation="tanh")
    order = np.random.default_rng(0).permutation(150)
    more = of_first_call(estimator)
    for _ in range(40):
        for rows in np.split(order, [70, 71, 140]):
            estimator.partial_fit(X[rows], y[rows], **more)
            more = {}
    assert estimator.score(X, y) > 0.9
    assert estimator.t_ == 40 * 150
    assert len(estimator.loss_curve_) == 160


def test_a_batch_may_have_some_of_the_classes():
    estimator = quick(ScratchMLPClassifier, learning_rate_init=0.02, activation="tanh")
    estimator.partial_fit(X[y == 1], y[y == 1], classes=[2, 0, 1])
    assert estimator.classes_.tolist() == [0, 1, 2]
    assert estimator.predict_proba(X).shape == (150, 3)
    for _ in range(60):
        for label in (2, 0, 1):
            estimator.partial_fit(X[y == label][:20], y[y == label][:20])
    assert set(estimator.predict(X)) == {0, 1, 2}


def test_classes_of_partial_fit():
    estimator = quick(ScratchMLPClassifier)
    missing = r"classes must be passed on the first call"
    raises_and_changes_nothing(estimator, missing, "partial_fit", X, y)
    unknown = r"not among the classes array\(\[0, 1\]\): array\(\[2\]\)"
    raises_and_changes_nothing(estimator, unknown, "partial_fit", X, y, classes=[0, 1])
    assert not hasattr(estimator, "classes_")
    estimator.partial_fit(X[:100], y[:100], classes=[0, 1, 5])
    raises_and_changes_nothing(
        estimator, r"classes array\(\[0, 1, 5\]\): array\(\[2\]\)", "partial_fit", X, y
    )
    for classes in ([0, 1], [0, 1, 2], [0, 1, 2, 5], ["0", "1", "5"]):
        changed = (
            r"is not the same as on last call to partial_fit, was: array\(\[0, 1, 5"
        )
        raises_and_changes_nothing(
            estimator, changed, "partial_fit", X[:100], y[:100], classes=classes
        )
    estimator.partial_fit(X[:100], y[:100], classes=[5, 1, 0])
    assert estimator.t_ == 200


def test_classes_of_fit_are_those_of_partial_fit():
    estimator = quick(ScratchMLPClassifier).fit(X, y)
    estimator.partial_fit(X[:50], y[:50])
    assert len(estimator.loss_curve_) == 6
    raises_and_changes_nothing(
        estimator, "not among the classes", "partial_fit", X, y + 1
    )


BAD_CALLS = {
    "X contains NaN": lambda X, y: (np.where(X > 2, np.nan, X), y),
    "y contains NaN": lambda X, y: (X, np.where(y > 1, np.nan, y)),
    "inconsistent numbers of samples": lambda X, y: (X, y[1:]),
    "sample_weight must not be negative": lambda X, y: (X, y, -np.ones(150)),
    "0 feature": lambda X, y: (X[:, :0], y),
    "Expected 2D array": lambda X, y: (X[:, 0], y),
    "Found array with 0 sample": lambda X, y: (X[:0], y[:0]),
}


@both
@pytest.mark.parametrize("message", BAD_CALLS)
@pytest.mark.parametrize("fitted", [False, True])
def test_failing_partial_fit_changes_nothing(fitted, message, estimator_class):
    estimator = quick(estimator_class)
    if fitted:
        partial_fits(estimator, 2)
    arguments, more = BAD_CALLS[message](X, y), of_first_call(estimator)
    raises_and_changes_nothing(estimator, message, "partial_fit", *arguments, **more)


@both
def test_partial_fit_with_a_bad_parameter_changes_nothing(estimator_class):
    estimator = partial_fits(quick(estimator_class), 2).set_params(beta_1=1)
    raises_and_changes_nothing(estimator, "beta_1 must be", "partial_fit", X, y)


@both
@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"solver": "lbfgs"},
            f"only available for solver={either(STOCHASTIC, 'and')}, got .*lbfgs",
        ),
        ({"early_stopping": True}, "does not support early_stopping=True"),
    ],
    ids=str,
)
def test_partial_fit_is_hidden_where_there_is_none(
    parameters, message, estimator_class
):
    estimator = quick(estimator_class, **parameters)
    assert not hasattr(estimator, "partial_fit")
    with pytest.raises(AttributeError, match="partial_fit") as error:
        estimator.partial_fit(X, y)
    assert re.search(message, f"{error.value} {error.value.__cause__}")
    defaults = {name: quick(estimator_class).get_params()[name] for name in parameters}
    assert hasattr(estimator.set_params(**defaults), "partial_fit")


# Copies


@both
@pytest.mark.parametrize("copy_of", [copy.copy, copy.deepcopy, pickled, clone])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@stochastic
def test_training_a_copy_leaves_the_original_alone(
    solver, method, copy_of, estimator_class
):
    original = quick(estimator_class, solver=solver, warm_start=True).fit(X, y)
    before = joblib.hash(vars(original))
    other = copy_of(original)
    more = {}
    if copy_of is clone and method == "partial_fit":
        more = of_first_call(original)
    getattr(other, method)(X, y, **more)
    assert joblib.hash(vars(original)) == before
    other.coefs_[0][...] = 0
    if copy_of is not copy.copy:
        assert joblib.hash(vars(original)) == before


@both
def test_copies_that_part_go_on_as_if_alone(estimator_class):
    original = partial_fits(quick(estimator_class, batch_size=20), 3)
    twins = [copy.copy(original), copy.deepcopy(original), pickled(original)]
    for _ in range(3):
        for estimator in (original, *twins):
            estimator.partial_fit(X, y)
    for twin in twins:
        np.testing.assert_array_equal(numbers(twin), numbers(original))


# Parameters set after fit


@pytest.mark.parametrize(
    "parameters",
    [
        {"activation": "identity"},
        {"hidden_layer_sizes": 1},
        {"dtype": "float32"},
        {"solver": "lbfgs"},
        {"class_weight": "balanced"},
    ],
    ids=str,
)
@pytest.mark.parametrize("targets", [y, INDICATORS], ids=["classes", "labels"])
def test_parameters_set_after_fit_change_no_prediction(targets, parameters):
    estimator = quick(ScratchMLPClassifier, activation="tanh").fit(X, targets)
    methods = ["predict", "predict_proba", "predict_log_proba", "decision_function"]
    before = [getattr(estimator, method)(X) for method in methods]
    estimator.set_params(**parameters)
    for method, expected in zip(methods, before, strict=True):
        np.testing.assert_array_equal(getattr(estimator, method)(X), expected)


@regression_losses
def test_loss_set_after_fit_changes_no_prediction(loss):
    estimator = quick(ScratchMLPRegressor, loss=loss).fit(X, y + 1)
    before = estimator.predict(X)
    other = "poisson" if loss == "squared_error" else "squared_error"
    estimator.set_params(loss=other, activation="identity", hidden_layer_sizes=())
    np.testing.assert_array_equal(estimator.predict(X), before)


@both
def test_state_is_dropped_on_request(estimator_class):
    rows, targets = np.tile(X, (1, 20)), y
    estimator = quick(estimator_class, hidden_layer_sizes=(100,)).fit(rows, targets)
    parameters = estimator.coefs_ + estimator.intercepts_
    size = sum(array.nbytes for array in parameters)
    assert len(pickle.dumps(estimator)) > 2 * size
    predictions = estimator.predict(rows)
    assert estimator.drop_training_state() is estimator
    assert len(pickle.dumps(estimator)) < 1.1 * size
    np.testing.assert_array_equal(estimator.predict(rows), predictions)
    estimator.partial_fit(rows, targets)
    assert not np.array_equal(estimator.coefs_[0], parameters[0])


@both
def test_validation_curves_stay_aligned_with_the_loss_curve(estimator_class):
    estimator = quick(estimator_class, warm_start=True, max_iter=4).fit(X, y)
    estimator.set_params(max_iter=3).fit(X, y, X_val=X, y_val=y)
    for curve in (estimator.validation_scores_, estimator.validation_loss_curve_):
        assert len(curve) == len(estimator.loss_curve_) == 7
        assert np.isnan(curve[:4]).all()
        assert np.isfinite(curve[4:]).all()
    assert estimator.best_validation_score_ == max(estimator.validation_scores_[4:])
