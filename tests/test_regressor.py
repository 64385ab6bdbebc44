"""The regressor: what it learns, and its interface."""

import inspect
from functools import partial

import helpers
import numpy as np
import pytest
import sklearn
from helpers import (
    fitted_attributes,
    float_names,
    ignore_convergence,
    parameters_of,
    poisson_in_scikit_learn,
    regression_losses,
    seeds,
    sklearn_solvers,
    solvers,
)
from sklearn.base import clone, is_regressor
from sklearn.datasets import make_friedman1
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.linear_model import GammaRegressor, PoissonRegressor, Ridge
from sklearn.metrics import (
    d2_pinball_score,
    mean_absolute_error,
    mean_gamma_deviance,
    mean_pinball_loss,
    mean_poisson_deviance,
    mean_squared_error,
    r2_score,
)
from sklearn.neural_network import MLPRegressor
from sklearn.utils.fixes import parse_version

from skmlp_scratch import ScratchMLPClassifier, ScratchMLPRegressor
from skmlp_scratch.nn.losses import REGRESSION_LOSSES

quick = partial(helpers.quick, ScratchMLPRegressor)

pytestmark = ignore_convergence


def positive_targets(seed=0, n_rows=60, n_outputs=1):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, 3))
    y = np.abs(X @ rng.normal(size=(3, n_outputs)))
    return X, y.ravel() if n_outputs == 1 else y


# What scikit-learn's linear models minimize, without penalties.
LINEAR_MODELS = {"poisson": PoissonRegressor, "gamma": GammaRegressor}
LOSS_FUNCTIONS = {
    "squared_error": lambda y, p: mean_squared_error(y, p) / 2,
    "absolute_error": mean_absolute_error,
    "quantile": mean_pinball_loss,
    "poisson": lambda y, p: mean_poisson_deviance(y, p) / 2,
    "gamma": lambda y, p: mean_gamma_deviance(y, p) / 2,
}

# Learning


@seeds
@solvers
def test_recovers_a_known_function(solver, seed):
    rng = np.random.default_rng(seed)
    X = rng.uniform(-2, 2, size=(400, 2))

    def function(X):
        return np.sin(2 * X[:, 0]) + X[:, 1] ** 2

    regressor = ScratchMLPRegressor(
        hidden_layer_sizes=(30, 30),
        activation="tanh",
        solver=solver,
        learning_rate_init={"sgd": 0.05}.get(solver, 0.01),
        batch_size="auto" if solver == "lbfgs" else 40,
        max_iter=200,
        random_state=seed,
    )
    if solver == "lbfgs":
        regressor.set_params(learning_rate_init=1e-3)
    X_test = rng.uniform(-2, 2, size=(200, 2))
    assert regressor.fit(X, function(X)).score(X_test, function(X_test)) > 0.95


@seeds
def test_recovers_several_outputs_of_different_kinds(seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(300, 3))
    y = np.column_stack([X[:, 0] * X[:, 1], X[:, 2], np.full(300, 5.0)])
    regressor = ScratchMLPRegressor(
        hidden_layer_sizes=40, solver="lbfgs", max_iter=300, random_state=seed
    ).fit(X, y)
    np.testing.assert_allclose(
        ((regressor.predict(X) - y) ** 2).mean(axis=0), 0, atol=0.05
    )


@float_names
def test_poisson_rates_beyond_the_type_are_infinite(dtype):
    X = np.random.default_rng(0).normal(size=(200, 2))
    model = quick(hidden_layer_sizes=(), loss="poisson", dtype=dtype)
    model.fit(X, np.exp(X[:, 0]))
    # NumPy's warning would be an error here.
    far = model.predict([[1e9, 0.0], [-1e9, 0.0], [0.0, 0.0]])
    assert far.dtype == dtype
    np.testing.assert_array_equal(far[:2], [np.inf, 0])
    assert 0.1 < far[2] < 10


@seeds
@solvers
def test_recovers_poisson_rates(solver, seed):
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, size=(600, 2))
    rates = np.exp(1 + np.abs(2 * X[:, 0]) - X[:, 1])
    y = rng.poisson(rates)
    batches = (
        {} if solver == "lbfgs" else {"batch_size": 40, "learning_rate_init": 0.01}
    )
    regressor = ScratchMLPRegressor(
        loss="poisson",
        hidden_layer_sizes=20,
        solver=solver,
        alpha=1,
        max_iter=60,
        random_state=seed,
        **batches,
    ).fit(X, y)
    predicted = regressor.predict(X)
    assert regressor.out_activation_ == "exp"
    assert (predicted > 0).all()
    assert r2_score(np.log(rates), np.log(predicted)) > 0.85
    # Better than the best linear model, which cannot have the kink.
    linear = PoissonRegressor(alpha=0).fit(X, y)
    assert mean_poisson_deviance(y, predicted) < (
        mean_poisson_deviance(y, linear.predict(X)) - 0.1
    )


@seeds
@pytest.mark.parametrize("loss", ["squared_error", *LINEAR_MODELS])
def test_without_hidden_layers_it_is_a_linear_model(loss, seed):
    X, _ = positive_targets(seed, n_rows=80)
    rng = np.random.default_rng(seed)
    mean = X @ rng.normal(size=3) / 2 + 0.5
    y = mean + rng.normal(size=80)
    if loss == "poisson":
        y = rng.poisson(np.exp(mean))
    elif loss == "gamma":
        y = rng.gamma(2, np.exp(mean) / 2)
    regressor = ScratchMLPRegressor(
        loss=loss,
        hidden_layer_sizes=(),
        solver="lbfgs",
        alpha=4.0,
        tol=1e-10,
        max_iter=1000,
        random_state=seed,
    ).fit(X, y)
    if loss in LINEAR_MODELS:
        # The penalty is alpha / 2 ||w||^2 added to the *mean* half deviance.
        linear = LINEAR_MODELS[loss](alpha=4.0 / 80, tol=1e-10, max_iter=1000).fit(X, y)
    else:
        linear = Ridge(alpha=4.0).fit(X, y)
    np.testing.assert_allclose(regressor.coefs_[0].ravel(), linear.coef_, atol=1e-4)
    np.testing.assert_allclose(regressor.intercepts_[0], linear.intercept_, atol=1e-4)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_learns_a_benchmark(early_stopping):
    X, y = make_friedman1(400, noise=0.5, random_state=0)
    regressor = ScratchMLPRegressor(
        early_stopping=early_stopping,
        learning_rate_init=0.01,
        batch_size=20,
        max_iter=100,
        random_state=0,
    ).fit(X[:300], y[:300])
    assert regressor.score(X[300:], y[300:]) > 0.75


# Interface


def test_signature_is_that_of_mlp_regressor_and_keywords_more():
    ours = parameters_of(ScratchMLPRegressor)
    common, own = ours[:-10], ours[-10:]
    theirs = parameters_of(MLPRegressor)
    version = parse_version(sklearn.__version__)
    if version < parse_version("1.7"):
        # There was no other loss.
        common = [p for p in common if p.name != "loss"]
    if version >= parse_version("1.10.dev0"):
        # Versions newer than the one this was written for may have added some.
        names = {p.name for p in common}
        theirs = [p for p in theirs if p.name in names]
    assert common == theirs
    keyword = inspect.Parameter.KEYWORD_ONLY
    defaults = {
        "weight_init": "he_normal",
        "dtype": "auto",
        "monitor": "score",
        "dropout": 0.0,
        "noise": 0.0,
        "max_norm": None,
        "clip_norm": None,
        "averaging": 0.0,
        "batch_norm": False,
        "quantile": 0.5,
    }
    assert own == [
        inspect.Parameter(name, keyword, default=default)
        for name, default in defaults.items()
    ]


def test_parameters_are_those_of_the_classifier():
    ours = {p.name: p.default for p in parameters_of(ScratchMLPRegressor)}
    classifiers = {p.name: p.default for p in parameters_of(ScratchMLPClassifier)}
    assert ours.pop("loss") == "squared_error"
    assert ours.pop("quantile") == 0.5
    assert classifiers.pop("class_weight") is None
    assert classifiers.pop("label_smoothing") == 0
    assert list(ours.items()) == list(classifiers.items())


@sklearn_solvers
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("n_outputs", [1, 3])
def test_fitted_attributes(n_outputs, early_stopping, solver):
    if early_stopping and solver == "lbfgs":
        early_stopping = False
    X, y = positive_targets(n_outputs=n_outputs)
    parameters = {"solver": solver, "early_stopping": early_stopping, "max_iter": 5}
    theirs = MLPRegressor(hidden_layer_sizes=8, random_state=0, **parameters).fit(X, y)
    ours = quick(**parameters).fit(X, y)
    more = {"best_iter_", "learning_rate_curve_", "validation_loss_curve_"}
    if solver == "lbfgs":
        # Of these MLPRegressor has none for L-BFGS.
        more |= {
            "loss_curve_",
            "best_loss_",
            "validation_scores_",
            "best_validation_score_",
        }
    assert fitted_attributes(ours) - more == fitted_attributes(theirs) - more
    assert more <= fitted_attributes(ours)
    for name in ("n_layers_", "n_outputs_", "out_activation_", "n_features_in_", "t_"):
        assert getattr(ours, name) == getattr(theirs, name), name
    shapes = [W.shape for W in theirs.coefs_] + [b.shape for b in theirs.intercepts_]
    assert [a.shape for a in ours.coefs_ + ours.intercepts_] == shapes
    assert ours.loss_ == ours.loss_curve_[-1]
    assert len(ours.loss_curve_) == ours.n_iter_ == 5
    if early_stopping:
        assert ours.best_loss_ is None
        assert ours.best_validation_score_ == max(ours.validation_scores_)
    else:
        assert ours.best_loss_ == min(ours.loss_curve_)


@regression_losses
@pytest.mark.parametrize("n_outputs", [1, 2, 5])
@pytest.mark.parametrize("as_list", [False, True])
def test_shape_of_predictions(as_list, n_outputs, loss):
    X, y = positive_targets(n_outputs=n_outputs)
    if as_list:
        X, y = X.tolist(), y.tolist()
    regressor = quick(loss=loss).fit(X, y)
    assert regressor.n_outputs_ == n_outputs
    shape = (60,) if n_outputs == 1 else (60, n_outputs)
    assert regressor.predict(X).shape == shape
    assert regressor.predict(X[:1]).shape == (1, *shape[1:])
    assert is_regressor(regressor)


@regression_losses
def test_a_column_of_targets_is_raveled_with_a_warning(loss):
    X, y = positive_targets()
    message = "A column-vector y was passed when a 1d array was expected"
    column = y[:, np.newaxis]
    with pytest.warns(DataConversionWarning, match=message):
        MLPRegressor(hidden_layer_sizes=8, max_iter=2).fit(X, column)
    with pytest.warns(DataConversionWarning, match=message) as caught:
        regressor = quick(loss=loss).fit(X, column)
    assert sum(w.category is DataConversionWarning for w in caught) == 1
    expected = quick(loss=loss).fit(X, y)
    np.testing.assert_array_equal(regressor.predict(X), expected.predict(X))
    assert regressor.predict(X).shape == (60,)


@regression_losses
@pytest.mark.parametrize("n_outputs", [1, 3])
def test_score_is_r2_and_d2_of_quantiles(n_outputs, loss):
    X, y = positive_targets(n_outputs=n_outputs)
    weights = np.random.default_rng(0).uniform(size=60)
    regressor = quick(loss=loss).fit(X, y)
    score = d2_pinball_score if loss == "quantile" else r2_score
    expected = score(y, regressor.predict(X))
    assert regressor.score(X, y) == pytest.approx(expected, rel=1e-12)
    expected = score(y, regressor.predict(X), sample_weight=weights)
    assert regressor.score(X, y, weights) == pytest.approx(expected, rel=1e-12)


@regression_losses
@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("hidden_layer_sizes", [(), (6,), (9, 4)], ids=repr)
def test_predictions_are_the_networks_formula(hidden_layer_sizes, n_outputs, loss):
    X, y = positive_targets(n_outputs=n_outputs)
    regressor = quick(loss=loss, hidden_layer_sizes=hidden_layer_sizes).fit(X, y)
    data = np.random.default_rng(1).normal(size=(2100, 3))
    *hidden, (W, b) = zip(regressor.coefs_, regressor.intercepts_, strict=True)
    out = data
    for W_hidden, b_hidden in hidden:
        out = np.maximum(out @ W_hidden + b_hidden, 0)
    out = out @ W + b
    expected = np.exp(out) if regressor.out_activation_ == "exp" else out
    expected = expected.reshape(2100, *y.shape[1:])
    np.testing.assert_allclose(regressor.predict(data), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("loss", LOSS_FUNCTIONS)
@float_names
def test_numbers_belong_together(dtype, loss):
    X, y = positive_targets()
    regressor = quick(loss=loss, dtype=dtype, alpha=0.5, batch_size=60)
    # No step of any size: the loss is that of the predictions afterwards.
    regressor.set_params(learning_rate_init=1e-30, max_iter=1).fit(X, y)
    predicted = regressor.predict(X)
    data_loss = LOSS_FUNCTIONS[loss](y, predicted)
    penalty = 0.25 * sum((W**2).sum() for W in regressor.coefs_) / 60
    assert regressor.loss_ == pytest.approx(data_loss + penalty, rel=1e-5)


@regression_losses
@pytest.mark.parametrize(
    ("input_type", "parameters", "computing_type"),
    [
        (np.float32, {}, np.float32),
        (np.uint8, {}, np.float32),
        (np.float64, {}, np.float64),
        (np.int64, {}, np.float64),
        (np.float64, {"dtype": "float32"}, np.float32),
        (np.float32, {"dtype": "float64"}, np.float64),
    ],
)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_computing_type(early_stopping, input_type, parameters, computing_type, loss):
    X, y = positive_targets()
    X = (abs(X) * 3).astype(input_type)
    regressor = quick(loss=loss, early_stopping=early_stopping, **parameters)
    regressor.fit(X, y)
    arrays = regressor.coefs_ + regressor.intercepts_
    assert {array.dtype for array in arrays} == {np.dtype(computing_type)}
    for rows in (X, X.astype(np.float64), X.astype(np.float32)):
        assert regressor.predict(rows).dtype == computing_type
    regressor.set_params(early_stopping=False).partial_fit(X, y.astype(np.float64))
    assert regressor.coefs_[0].dtype == computing_type


@regression_losses
@pytest.mark.parametrize("target_type", [np.int64, np.uint8, np.float32, bool])
def test_targets_of_any_numeric_type(target_type, loss):
    X, y = positive_targets()
    y = y.round().astype(target_type)
    if REGRESSION_LOSSES[loss].lowest_excluded:
        y[y == 0] = 1
    before = y.copy()
    regressor = quick(loss=loss).fit(X, y)
    np.testing.assert_array_equal(y, before)
    expected = quick(loss=loss).fit(X, y.astype(np.float64))
    np.testing.assert_array_equal(regressor.predict(X), expected.predict(X))


@poisson_in_scikit_learn
@seeds
def test_poisson_gives_the_numbers_of_mlp_regressor(seed):
    X, y = positive_targets(seed)
    parameters = {
        "loss": "poisson",
        "hidden_layer_sizes": (8, 5),
        "batch_size": 25,
        "max_iter": 12,
        "random_state": seed,
    }
    theirs = MLPRegressor(**parameters).fit(X, y)
    ours = ScratchMLPRegressor(**parameters, weight_init="glorot_uniform").fit(X, y)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-8)


def test_poisson_loss_is_zero_where_the_prediction_is_right():
    # MLPRegressor's Poisson loss is, too, half the deviance.
    X, _ = positive_targets()
    regressor = quick(
        loss="poisson", hidden_layer_sizes=(), alpha=0, solver="lbfgs", max_iter=500
    ).set_params(tol=1e-10)
    regressor.fit(X, np.exp(X @ [0.1, 0.2, 0.3] + 0.4))
    assert 0 <= regressor.loss_ < 1e-10
    np.testing.assert_allclose(regressor.coefs_[0].ravel(), [0.1, 0.2, 0.3], atol=1e-4)


# Errors


@pytest.mark.parametrize(
    ("targets", "least", "method"),
    [
        ([-1.0, 2, 3], "-1.0", "fit"),
        ([-1.0, 2, 3], "-1.0", "partial_fit"),
        ([0.0, 0, 0], "0.0", "fit"),  # in a stream, other numbers may come
    ],
)
def test_poisson_needs_targets_of_at_least_zero(method, targets, least):
    regressor = quick(loss="poisson")
    message = f"loss='poisson' needs targets y of at least 0, and not all 0, .*{least}"
    with pytest.raises(ValueError, match=message):
        getattr(regressor, method)(np.eye(3), targets)
    assert not hasattr(regressor, "coefs_")
    # Squared error has no such needs.
    getattr(quick(activation="tanh"), method)(np.eye(3), targets)


@pytest.mark.parametrize("loss", ["log_loss", "squared_loss", None, 1])
def test_bad_loss(loss):
    known = ", ".join(map(repr, REGRESSION_LOSSES))
    with pytest.raises(ValueError, match=f"loss must be one of {known}, got "):
        quick(loss=loss).fit(*positive_targets())


def test_classification_parameters_are_unknown():
    with pytest.raises(TypeError, match="class_weight"):
        ScratchMLPRegressor(class_weight="balanced")
    for method in ("predict_proba", "predict_log_proba", "decision_function"):
        assert not hasattr(quick(), method)
    assert not hasattr(quick().fit(*positive_targets()), "classes_")


def test_text_is_no_target():
    X, _ = positive_targets()
    with pytest.raises(ValueError, match=r"^y must hold numbers, got <U4\. Turn text"):
        quick().fit(X, np.array(["high", "low"])[(X[:, 0] > 0).astype(int)])


def test_not_fitted():
    with pytest.raises(
        NotFittedError, match="ScratchMLPRegressor instance is not fitted"
    ):
        quick().predict(np.eye(3))
    # Nor does a constructor check anything, as clone needs it.
    assert clone(quick(loss="gamma")).loss == "gamma"


def test_early_stopping_of_too_few_rows():
    X, y = positive_targets(n_rows=10)
    with pytest.raises(ValueError, match="validation set is too small"):
        quick(early_stopping=True).fit(X, y)
