"""A short training whose rate grows: its steps, what it suggests, what it leaves."""

import copy
import math

import joblib
import numpy as np
import pytest
import reference
from helpers import (
    all_stochastic,
    both,
    estimator_for,
    fitted_for,
    ignore,
    ignore_convergence,
    kinds,
    make_data,
    messages_of,
    quick,
    scaled_iris,
    warnings_as,
)
from scipy.sparse import csr_matrix
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from skmlp_scratch import (
    ScratchMLPClassifier,
    ScratchMLPRegressor,
    TabularMLPClassifier,
    TabularMLPRegressor,
    find_learning_rate,
)
from skmlp_scratch.exceptions import (
    DivergenceError,
    FeatureScaleWarning,
    IgnoredParameterWarning,
    InvalidParameterError,
)

# The steps are those of a fit


def initial_weights(estimator, X, y, **fit_params):
    """Return the weights and biases that a fit begins with: at this rate all stay."""
    still = copy.deepcopy(estimator).set_params(
        learning_rate_init=1e-300, max_iter=1, alpha=0.0
    )
    with warnings_as("ignore"):
        still.fit(X, y, **fit_params)
    return (
        [W.tolist() for W in still.coefs_],
        [b.tolist() for b in still.intercepts_],
    )


class NaiveOptimizer:
    """The reference's steps, number by number, over nested lists."""

    def __init__(self, solver, alpha):
        self.solver, self.alpha, self.t, self.state = solver, alpha, 0, {}

    def step(self, W, b, dW, db, rate):
        self.t += 1
        for layer in range(len(W)):
            for i, row in enumerate(W[layer]):
                for j in range(len(row)):
                    row[j] = self._number((layer, i, j), row[j], dW[layer][i][j], rate)
            for j in range(len(b[layer])):
                b[layer][j] = self._number((layer, j), b[layer][j], db[layer][j], rate)

    def _number(self, key, p, g, rate):
        if self.solver == "sgd":
            p, v = reference.sgd(p, g, self.state.get(key, 0.0), rate)
            self.state[key] = v
            return p
        m, v = self.state.get(key, (0.0, 0.0))
        if self.solver == "adam":
            p, m, v = reference.adam(p, g, m, v, self.t, rate)
        else:
            p, m, v = reference.adamw(
                p, g, m, v, self.t, rate, self.alpha, is_weight=len(key) == 3
            )
        self.state[key] = m, v
        return p


@all_stochastic
@pytest.mark.parametrize("kind", ["outputs", "classes", "labels"])
def test_losses_equal_those_of_a_naive_loop(kind, solver):
    X, y = make_data(kind, n_rows=12)
    net = estimator_for(
        kind,
        hidden_layer_sizes=3,
        solver=solver,
        alpha=0.3,
        batch_size=4,
        shuffle=False,
    )
    with warnings_as("ignore"):
        search = find_learning_rate(net, X, y, min_rate=1e-3, max_rate=0.3, n_steps=11)
    W, b = initial_weights(net, X, y)
    loss = {"classes": "softmax_cross_entropy", "labels": "sigmoid_cross_entropy"}
    targets = (y - 5 if kind == "classes" else y).tolist()
    optimizer, expected = NaiveOptimizer(solver, net.alpha), []
    for step, rate in enumerate(np.geomspace(1e-3, 0.3, 11)):
        rows = slice(step % 3 * 4, step % 3 * 4 + 4)
        objective, dW, db = reference.loss_and_gradient(
            *(W, b, X[rows].tolist(), targets[rows], "tanh"),
            loss.get(kind, "squared_error"),
            alpha=0.0 if solver == "adamw" else net.alpha,
        )
        expected.append(objective)
        optimizer.step(W, b, dW, db, rate)
    np.testing.assert_allclose(search.losses, expected, rtol=1e-7)


REGULARIZED = {
    "dropout": {"dropout": 0.3},
    "noise": {"noise": 0.2},
    "batch_norm": {"batch_norm": True},
    "clip_norm": {"clip_norm": 0.1},
    "max_norm": {"max_norm": 0.5},
    "averaging": {"averaging": 0.9},
    "early_stopping": {"early_stopping": True, "validation_fraction": 0.2},
    "all rows": {"batch_size": 1000},
    "float32": {"dtype": "float32"},
    "no hidden layer": {"hidden_layer_sizes": (), "activation": "relu"},
}


def assert_steps_are_those_of_fit(net, X, y, sample_weight=None, n_batches=6):
    """Compare with a fit at the same rate throughout: the mean loss of each epoch."""
    net = net.set_params(learning_rate_init=1e-2, max_iter=3, n_iter_no_change=9)
    with warnings_as("ignore"):
        search = find_learning_rate(
            *(net, X, y, sample_weight),
            min_rate=1e-2,
            max_rate=1e-2 * (1 + 1e-12),
            n_steps=max(3 * n_batches, 10),
        )
        net.fit(X, y, sample_weight)
    epochs = search.losses[: 3 * n_batches].reshape(3, n_batches).mean(axis=1)
    tolerance = 1e-4 if net.dtype == "float32" else 1e-9
    np.testing.assert_allclose(epochs, net.loss_curve_, rtol=tolerance)


@kinds
@all_stochastic
def test_steps_are_those_that_a_fit_takes(kind, solver):
    net = estimator_for(kind, batch_size=10, solver=solver)
    assert_steps_are_those_of_fit(net, *make_data(kind))


@pytest.mark.parametrize("name", REGULARIZED)
@pytest.mark.parametrize("kind", ["classes", "values"])
def test_with_everything_that_a_fit_may_have(kind, name):
    parameters = {"batch_size": 10} | REGULARIZED[name]
    n_batches = {"all rows": 1, "early_stopping": 4}.get(name, 6)
    if name == "early_stopping":
        parameters["batch_size"] = 12
    net = estimator_for(kind, **parameters)
    assert_steps_are_those_of_fit(net, *make_data(kind), n_batches=n_batches)


@pytest.mark.parametrize(
    "loss", ["absolute_error", "quantile", "poisson", "gamma", "squared_error"]
)
def test_with_every_loss_of_a_regressor(loss):
    X, y = make_data("values")
    net = estimator_for("values", loss=loss, batch_size=10)
    assert_steps_are_those_of_fit(net, X, np.exp(y / 2))


def test_with_weights_of_rows_and_classes():
    X, y = make_data("classes")
    weights = np.random.default_rng(0).uniform(0.5, 2, len(y))
    net = estimator_for("classes", batch_size=10, class_weight="balanced")
    assert_steps_are_those_of_fit(net, X, y, weights)


def test_rows_of_weight_0_are_left_out():
    X, y = make_data("classes")
    weights = np.repeat([1.0, 0.0], 30)
    net = estimator_for("classes", shuffle=False)
    with warnings_as("ignore"):
        weighed = find_learning_rate(net, X, y, weights)
        left_out = find_learning_rate(net, X[:30], y[:30])
    np.testing.assert_array_equal(weighed.losses, left_out.losses)


@pytest.mark.parametrize("scaling", [0.25, 8.0])
def test_only_the_ratios_of_weights_count(scaling):
    X, y = make_data("values")
    weights = np.random.default_rng(1).uniform(0.5, 2, len(y))
    net = estimator_for("values", alpha=0.0)
    search, scaled = (
        find_learning_rate(net, X, y, w) for w in (weights, scaling * weights)
    )
    np.testing.assert_array_equal(scaled.losses, search.losses)


# The rates


def test_rates_grow_by_the_same_factor():
    X, y = scaled_iris()
    with warnings_as("ignore", ConvergenceWarning):
        search = find_learning_rate(
            quick(), X, y, min_rate=1e-4, max_rate=1e-2, n_steps=21
        )
    assert len(search.rates) == len(search.losses) == len(search.smoothed_losses) == 21
    assert search.rates[0] == 1e-4
    assert search.rates[-1] == pytest.approx(1e-2)
    np.testing.assert_allclose(search.rates[1:] / search.rates[:-1], 100 ** (1 / 20))
    assert search.diverged_at is None


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_half_the_loss_needs_twice_the_rate_with_sgd_and_the_same_with_adam(solver):
    # The pinball loss of the median is half the absolute error.
    X, y = make_data("values")
    net = estimator_for("values", loss="absolute_error", solver=solver, alpha=0.0)
    half = estimator_for("values", loss="quantile", solver=solver, alpha=0.0)
    factor = 2 if solver == "sgd" else 1
    full = find_learning_rate(net, X, y, min_rate=1e-4, max_rate=1.0)
    halved = find_learning_rate(
        half, X, y, min_rate=factor * 1e-4, max_rate=factor * 1.0
    )
    n = min(len(full.losses), 100)  # later, rounding grows, and epsilon shows
    np.testing.assert_allclose(2 * halved.losses[:n], full.losses[:n], rtol=1e-4)
    assert halved.suggestion == pytest.approx(factor * full.suggestion, rel=0.1)


def standardised_diabetes():
    X, y = load_diabetes(return_X_y=True)
    return scale(X), scale(y)


KNOWN = {
    "iris": (ScratchMLPClassifier, scaled_iris),
    "digits": (
        ScratchMLPClassifier,
        lambda: (load_digits().data / 16, load_digits().target),
    ),
    "cancer": (
        ScratchMLPClassifier,
        lambda: (scale(load_breast_cancer().data), load_breast_cancer().target),
    ),
    "diabetes": (ScratchMLPRegressor, standardised_diabetes),
}


@ignore_convergence
@ignore("ConstantPredictionWarning")
@ignore("DeadUnitsWarning")
@pytest.mark.parametrize("name", KNOWN)
@all_stochastic
def test_the_suggestion_trains_better_than_rates_far_from_it(name, solver):
    estimator_class, load = KNOWN[name]
    X, y = load()
    net = estimator_class(solver=solver, max_iter=10, random_state=0, batch_size=50)
    search = find_learning_rate(net, X, y)
    lowest, highest = (1e-3, 0.3) if solver == "sgd" else (5e-4, 5e-2)
    assert lowest < search.suggestion < highest
    assert search.diverged_at > 5 * search.suggestion

    def loss(rate):
        try:
            return net.set_params(learning_rate_init=rate).fit(X, y).loss_curve_[-1]
        except DivergenceError:
            return math.inf

    best = loss(search.suggestion)
    assert best < loss(search.suggestion / 100)
    assert best < loss(10 * search.diverged_at)


# The estimator stays as it is


def nothing_changes(net, X, y):
    before = joblib.hash(vars(net))
    search = find_learning_rate(net, X, y)
    assert joblib.hash(vars(net)) == before
    return search


@ignore("IgnoredParameterWarning")
@kinds
def test_the_estimator_is_neither_fitted_nor_changed(kind):
    X, y = make_data(kind)
    net = estimator_for(kind, batch_size=10)
    with warnings_as("ignore", ConvergenceWarning):
        fitted = fitted_for(kind, batch_size=10)
        continued = fitted_for(kind, batch_size=10, warm_start=True)
        searches = [nothing_changes(n, X, y) for n in (net, fitted, continued)]
    assert not [name for name in vars(net) if name.endswith("_")]
    # What a fit has learnt is not used.
    for search in searches[1:]:
        np.testing.assert_array_equal(search.losses, searches[0].losses)


def test_a_random_state_is_not_drawn_from():
    X, y = scaled_iris()
    net = quick(random_state=np.random.RandomState(3), noise=0.1)
    search = nothing_changes(net, X, y)
    with_seed = find_learning_rate(quick(random_state=3, noise=0.1), X, y)
    np.testing.assert_array_equal(search.losses, with_seed.losses)
    assert search.suggestion == with_seed.suggestion


def test_the_data_stay_as_they_are():
    X, y = scaled_iris()
    before = joblib.hash((X, y))
    find_learning_rate(quick(), X, y)
    assert joblib.hash((X, y)) == before


def test_other_seeds_have_other_losses():
    X, y = scaled_iris()
    searches = [find_learning_rate(quick(random_state=s), X, y) for s in (0, 0, 1)]
    np.testing.assert_array_equal(searches[0].losses, searches[1].losses)
    assert searches[0].losses[0] != searches[2].losses[0]


def test_a_constructor_of_another_kind():
    class Small(ScratchMLPClassifier):
        def __init__(self, width=4):
            super().__init__(hidden_layer_sizes=width, random_state=0)
            self.width = width

    X, y = scaled_iris()
    own = find_learning_rate(Small(), X, y)
    ours = find_learning_rate(quick(hidden_layer_sizes=4, max_iter=200), X, y)
    np.testing.assert_array_equal(own.losses, ours.losses)


# What may be passed


def test_sparse_rows():
    X, y = scaled_iris()
    X = np.where(X > 0, X, 0.0)
    dense = find_learning_rate(quick(), X, y)
    sparse = find_learning_rate(quick(), csr_matrix(X), y)
    # Later on, what rounding makes of it grows.
    np.testing.assert_allclose(sparse.losses[:100], dense.losses[:100], rtol=1e-9)


@both
@pytest.mark.parametrize("n_rows", [2, 3, 7])
def test_few_rows(estimator_class, n_rows):
    X = scale(np.random.default_rng(0).normal(size=(n_rows, 3)))
    y = np.arange(n_rows) % 2
    search = find_learning_rate(quick(estimator_class), X, y)
    assert 1e-4 < search.suggestion < 1


def test_equal_targets():
    X, _ = scaled_iris()
    with warnings_as("ignore"):
        values = find_learning_rate(quick(ScratchMLPRegressor), X, np.full(len(X), 3.0))
        # A single class is predicted without loss, whatever the weights.
        alone = find_learning_rate(quick(alpha=0.0), X, np.zeros(len(X)))
    assert 1e-6 < values.suggestion < 1
    assert math.isnan(alone.suggestion)


def test_of_a_pipeline_the_last_step_is_tried():
    X, y = load_breast_cancer(return_X_y=True)
    net = quick()
    pipeline = make_pipeline(StandardScaler(), net)
    before = joblib.hash(vars(pipeline))
    search = find_learning_rate(pipeline, X, y)
    assert joblib.hash(vars(pipeline)) == before
    assert not hasattr(pipeline[0], "mean_")
    by_hand = find_learning_rate(net, StandardScaler().fit_transform(X), y)
    np.testing.assert_array_equal(search.losses, by_hand.losses)
    alone = find_learning_rate(make_pipeline(net), scale(X), y)
    assert alone.losses[0] == pytest.approx(by_hand.losses[0])


@pytest.mark.parametrize(
    ("estimator", "named"),
    [
        (LogisticRegression(), "got LogisticRegression"),
        (TabularMLPClassifier(), "got TabularMLPClassifier"),
        (TabularMLPRegressor(), "got TabularMLPRegressor"),
        (GridSearchCV(quick(), {"alpha": [0.1]}), "got GridSearchCV"),
        (make_pipeline(StandardScaler()), "Pipeline that ends in StandardScaler"),
        (ScratchMLPClassifier, "got <class 'skmlp_scratch.classifier"),
        (None, "got NoneType"),
    ],
    ids=lambda value: None if isinstance(value, str) else type(value).__name__,
)
def test_another_estimator(estimator, named):
    with pytest.raises(TypeError, match=named):
        find_learning_rate(estimator, *scaled_iris())


@both
def test_a_solver_without_a_learning_rate(estimator_class):
    with pytest.raises(ValueError, match=r"solver='lbfgs' has no .*'adam', 'adamw' or"):
        find_learning_rate(quick(estimator_class, solver="lbfgs"), *scaled_iris())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_rate": 0}, "got min_rate=0 and max_rate=10.0"),
        ({"min_rate": 1, "max_rate": 1}, "0 < min_rate < max_rate, got min_rate=1"),
        ({"max_rate": math.inf}, "finite numbers .* max_rate=inf"),
        ({"max_rate": math.nan}, "max_rate=nan"),
        ({"min_rate": "small"}, "min_rate='small'"),
        ({"max_rate": None}, "max_rate=None"),
        ({"max_rate": np.ones(3)}, "max_rate=array"),
        ({"n_steps": 9}, "n_steps must be an integer of at least 10, got 9"),
        ({"n_steps": 20.0}, "at least 10, got 20.0"),
        ({"n_steps": None}, "at least 10, got None"),
    ],
)
def test_rates_and_steps_that_cannot_be(options, message):
    with pytest.raises(ValueError, match=message):
        find_learning_rate(quick(), *scaled_iris(), **options)


def test_numbers_of_numpy():
    search = find_learning_rate(
        *(quick(), *scaled_iris()),
        min_rate=np.float32(1e-5),
        max_rate=np.int64(1),
        n_steps=np.int8(50),
    )
    assert isinstance(search.suggestion, float)
    assert search.rates.dtype == np.float64


def test_wrong_parameters_and_data_are_named_as_by_fit():
    X, y = scaled_iris()
    with pytest.raises(InvalidParameterError, match="alpha must be"):
        find_learning_rate(quick(alpha=-1), X, y)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        find_learning_rate(quick(), X, y[:-1])
    with pytest.raises(ValueError, match="sample_weight must have shape"):
        find_learning_rate(quick(), X, y, np.ones(3))
    with pytest.raises(ValueError, match="NaN"):
        find_learning_rate(quick(), np.where(X > 2, np.nan, X), y)


# What there is to report


def test_what_fit_would_say_is_said():
    X, y = scaled_iris()
    far = X * [1e6, 1, 1, 1]
    assert messages_of(FeatureScaleWarning, find_learning_rate, quick(), far, y)
    assert messages_of(
        IgnoredParameterWarning, find_learning_rate, quick(power_t=0.3), X, y
    )
    column = y[:, np.newaxis]
    assert messages_of(DataConversionWarning, find_learning_rate, quick(), X, column)


def test_rates_that_are_all_too_large():
    X, y = scaled_iris()
    net = quick(solver="sgd", hidden_layer_sizes=(50, 50))
    with pytest.warns(ConvergenceWarning, match=r"did not fall .*smaller min_rate"):
        search = find_learning_rate(net, X, y, min_rate=1e3, max_rate=1e4)
    assert math.isnan(search.suggestion)
    assert search.diverged_at >= 1e3


def test_rates_that_are_all_too_small():
    X, y = scaled_iris()
    with pytest.warns(ConvergenceWarning, match=r"still falls at max_rate=0\.0005"):
        search = find_learning_rate(quick(), X, y, max_rate=5e-4)
    assert search.diverged_at is None


def test_a_fall_that_may_be_chance():
    X, y = scaled_iris()
    net = quick(solver="sgd", batch_size=1)
    with pytest.warns(ConvergenceWarning, match=r"may be chance.*than n_steps=50,"):
        find_learning_rate(net, X, y, min_rate=1e-12, max_rate=1e-9, n_steps=50)


def test_a_first_loss_that_is_not_finite():
    X, y = scaled_iris()
    with pytest.raises(DivergenceError, match=r"first step already.*StandardScaler"):
        find_learning_rate(quick(ScratchMLPRegressor), 1e200 * X, y)


def test_an_ordinary_search_says_nothing():
    with warnings_as("error"):
        search = find_learning_rate(quick(), *scaled_iris())
    assert repr(search).startswith("LearningRateSearch(suggestion=0.0")
