"""The losses of a regressor: what each predicts, quantiles above all."""

from functools import partial

import helpers
import numpy as np
import pytest
from helpers import (
    ignore_convergence,
    messages_of,
    pickled,
    poisson_in_scikit_learn,
    raises_and_changes_nothing,
    recorded,
    regression_losses,
    seeds,
    solvers,
)
from sklearn.base import clone
from sklearn.datasets import (
    load_diabetes,
    make_friedman1,
    make_friedman3,
    make_regression,
    make_sparse_uncorrelated,
    make_swiss_roll,
)
from sklearn.linear_model import QuantileRegressor
from sklearn.metrics import (
    d2_pinball_score,
    mean_absolute_error,
    mean_gamma_deviance,
    mean_pinball_loss,
    mean_poisson_deviance,
    mean_squared_error,
)
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import scale
from sklearn.utils import get_tags

from skmlp_scratch import ScratchMLPRegressor
from skmlp_scratch._estimator.parameters import RULES, one_of
from skmlp_scratch.exceptions import (
    DivergenceError,
    IgnoredParameterWarning,
    InvalidParameterError,
    TargetScaleWarning,
)
from skmlp_scratch.nn.losses import REGRESSION_LOSSES, SquaredError

pytestmark = ignore_convergence

quick = partial(helpers.quick, ScratchMLPRegressor)
quantiles = partial(quick, loss="quantile")
METRICS = {
    "squared_error": mean_squared_error,
    "absolute_error": mean_absolute_error,
    "quantile": mean_pinball_loss,
    "poisson": mean_poisson_deviance,
    "gamma": mean_gamma_deviance,
}
LEVELS = [0.05, 0.5, 0.95]


def skewed(seed=0, n_rows=300):
    """Return features, and targets above 0 of which the spread depends on them."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-2, 2, size=(n_rows, 3))
    return X, rng.gamma(3, np.exp(X[:, 0] / 2 + np.sin(X[:, 1])) / 3)


def heteroscedastic(seed, n_rows):
    rng = np.random.default_rng(seed)
    X = rng.uniform(-2, 2, size=(n_rows, 3))
    spread = 0.3 + 0.7 * np.abs(X[:, 0])
    return X, np.sin(2 * X[:, 1]) + spread * rng.normal(size=n_rows)


def coverage(low, high, y):
    return np.mean((low <= y) & (y <= high))


X, y = skewed()

# Learning


@regression_losses
@solvers
def test_each_loss_beats_every_constant_by_its_own_metric(solver, loss):
    X, y = skewed(n_rows=1000)
    rate = {} if solver == "lbfgs" else {"learning_rate_init": 0.01, "batch_size": 50}
    regressor = quick(loss=loss, solver=solver, max_iter=40, **rate)
    regressor.fit(X[:500], y[:500])
    metric = METRICS[loss]
    learnt = metric(y[500:], regressor.predict(X[500:]))
    constants = np.quantile(y[500:], np.linspace(0.02, 0.98, 40))
    best = min(metric(y[500:], np.full(500, constant)) for constant in constants)
    assert learnt < 0.85 * best


@seeds
def test_absolute_error_is_for_heavy_tails(seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(2000, 3))
    signal = np.sin(2 * X[:, 0]) + X[:, 1]
    y = signal[:1000] + rng.standard_t(1.5, size=1000)
    errors = {
        loss: mean_absolute_error(
            signal[1000:],
            ScratchMLPRegressor(loss, max_iter=60, random_state=seed)
            .fit(X[:1000], y)
            .predict(X[1000:]),
        )
        for loss in ("squared_error", "absolute_error")
    }
    assert errors["absolute_error"] < 0.8 * errors["squared_error"]


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.9])
def test_without_hidden_layers_it_is_a_linear_quantile_regressor(quantile):
    linear = QuantileRegressor(quantile=quantile, alpha=0).fit(X, y)
    ours = quantiles(
        quantile=quantile,
        hidden_layer_sizes=(),
        alpha=0,
        learning_rate="one_cycle",
        learning_rate_init=0.02,
        max_iter=200,
        batch_size=30,
    ).fit(X, y)
    loss = mean_pinball_loss(y, ours.predict(X), alpha=quantile)
    best = mean_pinball_loss(y, linear.predict(X), alpha=quantile)
    assert best * (1 - 1e-9) <= loss < 1.01 * best
    assert ours.predict(X).shape == linear.predict(X).shape


def test_half_of_the_pinball_loss_of_the_median_is_the_absolute_error():
    # Adam makes the same steps, whatever the unit of the loss.
    exact = {"alpha": 0, "epsilon": 1e-300, "max_iter": 20, "tol": 0}
    median = quantiles(quantile=0.5, **exact).fit(X, y)
    absolute = quick(loss="absolute_error", **exact).fit(X, y)
    np.testing.assert_allclose(median.loss_curve_, np.divide(absolute.loss_curve_, 2))
    np.testing.assert_allclose(median.predict(X), absolute.predict(X))


# Intervals


def intervals(kind, seed, X, y, X_test):
    parameters = {"random_state": seed, "loss": "quantile"}
    if kind == "early stopping":
        parameters["early_stopping"] = True
    if kind == "separate":
        return [
            ScratchMLPRegressor(quantile=q, **parameters).fit(X, y).predict(X_test)
            for q in (0.05, 0.95)
        ]
    predicted = ScratchMLPRegressor(quantile=LEVELS, **parameters).fit(X, y)
    return predicted.predict(X_test)[:, [0, 2]].T


@pytest.mark.parametrize("kind", ["defaults", "early stopping", "separate"])
@pytest.mark.parametrize(("n_rows", "margin"), [(2000, 0.03), (300, 0.05)])
def test_intervals_cover_what_they_promise(n_rows, margin, kind):
    covered = []
    for seed in range(4):
        X_test, y_test = heteroscedastic(100 + seed, 5000)
        low, high = intervals(kind, seed, *heteroscedastic(seed, n_rows), X_test)
        covered.append(coverage(low, high, y_test))
    assert np.mean(covered) == pytest.approx(0.9, abs=margin)


@seeds
def test_intervals_are_wide_where_targets_spread(seed):
    regressor = quick(loss="quantile", quantile=[0.05, 0.95], max_iter=150)
    X, y = heteroscedastic(seed, 2000)
    regressor.set_params(hidden_layer_sizes=50, random_state=seed).fit(X, y)
    width = np.diff(regressor.predict(X), axis=1).ravel()
    far, near = np.abs(X[:, 0]) > 1.5, np.abs(X[:, 0]) < 0.5
    assert width[far].mean() > 1.7 * width[near].mean()


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_quantiles_never_cross(dtype, solver):
    many = np.linspace(0.02, 0.98, 25).tolist()
    regressor = quantiles(quantile=many, solver=solver, dtype=dtype).fit(X, y)
    rows = np.random.default_rng(1).normal(scale=10, size=(2100, 3))
    predicted = regressor.predict(rows)
    assert predicted.shape == (2100, 25)
    assert predicted.dtype == dtype
    assert (np.diff(predicted, axis=1) >= 0).all()
    # The network's own outputs do.
    logits = regressor.transform(rows) @ regressor.coefs_[-1]
    assert (np.diff(logits + regressor.intercepts_[-1], axis=1) < 0).any()


# Interface


@pytest.mark.parametrize(
    ("quantile", "shape"),
    [
        (0.1, ()),
        # As scikit-learn's regressors for a y of one column.
        ([0.1], ()),
        ([0.1, 0.9], (2,)),
        ((0.1, 0.5, 0.9), (3,)),
        (np.array([0.1, 0.9]), (2,)),
    ],
    ids=str,
)
def test_shape_of_quantiles(quantile, shape):
    regressor = quantiles(quantile=quantile).fit(X, y)
    assert regressor.n_outputs_ == np.size(quantile)
    assert regressor.predict(X).shape == (300, *shape)
    assert regressor.predict(X[:1]).shape == (1, *shape)
    assert clone(regressor).fit(X, y).n_outputs_ == np.size(quantile)


def test_a_list_of_one_quantile_is_its_number():
    one, number = (quantiles(quantile=q).fit(X, y) for q in ([0.2], 0.2))
    np.testing.assert_array_equal(one.predict(X), number.predict(X))
    assert one.score(X, y) == number.score(X, y)


def test_one_quantile_of_several_columns():
    Y = np.column_stack([y, -y])
    regressor = quantiles(quantile=0.9, solver="lbfgs", max_iter=100).fit(X, Y)
    below = (regressor.predict(X) >= Y).mean(axis=0)
    np.testing.assert_allclose(below, 0.9, atol=0.06)
    assert regressor.score(X, Y) == pytest.approx(
        d2_pinball_score(Y, regressor.predict(X), alpha=0.9)
    )


def test_several_quantiles_of_several_columns_are_refused():
    message = r"quantile=\[0.1, 0.9\] has several quantiles, .* got 2 columns"
    raises_and_changes_nothing(
        quantiles(quantile=[0.1, 0.9]), message, "fit", X, np.column_stack([y, y])
    )


@pytest.mark.parametrize(
    "bad", [0, 1, 1.5, "0.5", None, [], [0.9, 0.1], [0.5, 0.5], np.nan, True], ids=repr
)
def test_bad_quantile(bad):
    message = "quantile must be a number above 0 and below 1, or a list .* got "
    raises_and_changes_nothing(
        quantiles(quantile=bad), message, "fit", X, y, error=InvalidParameterError
    )


@pytest.mark.parametrize("quantile", [0.9, [0.1, 0.9], np.array([0.1, 0.9])], ids=repr)
@pytest.mark.parametrize("loss", sorted(METRICS.keys() - {"quantile"}))
def test_a_quantile_has_no_effect_on_another_loss(loss, quantile):
    regressor = quick(loss=loss, quantile=quantile)
    (message,) = messages_of(IgnoredParameterWarning, regressor.fit, X, y)
    assert "quantile=" in message
    assert "needs loss='quantile'" in message
    assert regressor.predict(X).shape == (300,)


def test_score_of_several_quantiles_is_their_mean():
    regressor = quantiles(quantile=LEVELS, max_iter=30).fit(X, y)
    weights = np.random.default_rng(0).uniform(size=300)
    for kwargs in ({}, {"sample_weight": weights}):
        columns = zip(regressor.predict(X).T, LEVELS, strict=True)
        each = [d2_pinball_score(y, p, alpha=q, **kwargs) for p, q in columns]
        assert regressor.score(X, y, **kwargs) == pytest.approx(np.mean(each))


def test_r2_is_the_score_of_quantile_regressors():
    # The best constant for a quantile: R^2 calls it worse than none, D^2 does not.
    linear = QuantileRegressor(quantile=0.95, alpha=1e6).fit(X, y)
    assert linear.score(X, y) < -0.5
    assert d2_pinball_score(y, linear.predict(X), alpha=0.95) == pytest.approx(0)


@pytest.mark.parametrize("quantile", [0.9, LEVELS], ids=str)
@pytest.mark.parametrize("monitor", ["score", "loss"])
@pytest.mark.parametrize("weighted", [False, True])
def test_validation_numbers_are_those_of_the_fitted_regressor(
    weighted, monitor, quantile
):
    X_val, y_val = skewed(1)
    weights = np.random.default_rng(0).uniform(size=300) if weighted else None
    regressor = quantiles(quantile=quantile, early_stopping=True, monitor=monitor)
    regressor.fit(X, y, X_val=X_val, y_val=y_val, sample_weight_val=weights)
    at = regressor.best_iter_ - 1
    score = regressor.score(X_val, y_val, weights)
    # Before scikit-learn 1.7 the constant without weights was not quite the best.
    close = {"rel": 1e-9} if weighted else {"abs": 0.01}
    assert regressor.validation_scores_[at] == pytest.approx(score, **close)
    columns = regressor.predict(X_val).reshape(300, -1).T
    loss = sum(
        mean_pinball_loss(y_val, p, alpha=q, sample_weight=weights)
        for p, q in zip(columns, np.atleast_1d(quantile), strict=True)
    )
    # Of crossing outputs the loss is larger than that of sorted ones.
    assert loss <= regressor.validation_loss_curve_[at] * (1 + 1e-9)
    assert loss == pytest.approx(regressor.validation_loss_curve_[at], rel=0.02)


def test_score_of_targets_that_are_all_the_same():
    # scikit-learn's: there is nothing to explain.
    constant = np.full(300, 2.0)
    regressor = quantiles(quantile=[0.1, 0.9]).fit(X, y, X_val=X, y_val=constant)
    assert regressor.validation_scores_[-1] == regressor.score(X, constant) == 0


@pytest.mark.parametrize("parameters", [{"loss": "gamma"}, {"quantile": [0.1, 0.9]}])
def test_model_selection(parameters):
    regressor = quantiles(**{"max_iter": 30, "learning_rate_init": 0.01} | parameters)
    scores = cross_val_score(regressor, X, y, cv=3, error_score="raise")
    assert (scores > 0.1).all()
    grid = GridSearchCV(regressor, {"alpha": [0.1, 1.0]}, cv=3, error_score="raise")
    assert grid.fit(X, y).best_score_ > 0.1
    assert grid.predict(X).shape == regressor.fit(X, y).predict(X).shape


def test_a_grid_of_quantiles():
    grid = GridSearchCV(
        quantiles(), {"quantile": [0.2, [0.1, 0.9]]}, cv=3, error_score="raise"
    ).fit(X, y)
    assert np.isfinite(grid.cv_results_["mean_test_score"]).all()


# Going on


@pytest.mark.parametrize("parameters", [{"loss": "gamma"}, {"quantile": LEVELS}])
def test_partial_fit_is_fit(parameters):
    at_once = quantiles(shuffle=False, **parameters).fit(X, y)
    stream = quantiles(shuffle=False, **parameters)
    for _ in range(5):
        stream = pickled(stream.partial_fit(X, y))
    np.testing.assert_allclose(stream.predict(X), at_once.predict(X), rtol=1e-12)
    np.testing.assert_array_equal(pickled(at_once).predict(X), at_once.predict(X))


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ([0.1, 0.9], LEVELS, "3 outputs, but the last fit had 2"),
        ([0.1, 0.9], 0.5, "1 outputs, but the last fit had 2"),
        (0.5, [0.1, 0.9], "2 outputs, but the last fit had 1"),
    ],
)
def test_no_going_on_with_another_number_of_quantiles(before, after, words, method):
    regressor = quantiles(quantile=before, warm_start=True).fit(X, y)
    regressor.set_params(quantile=after)
    message = rf"^quantile=\[.*\] needs a network of {words}.*Set the number of "
    raises_and_changes_nothing(regressor, message, method, X, y)


def test_no_going_on_from_several_quantiles_to_their_mean():
    regressor = quantiles(quantile=[0.1, 0.9], warm_start=True).fit(X, y)
    regressor.set_params(loss="squared_error", quantile=0.5)
    message = "loss='squared_error' is not that of the last fit"
    raises_and_changes_nothing(regressor, message, "fit", X, y)


def test_going_on_with_other_quantiles():
    regressor = quantiles(
        quantile=[0.4, 0.6], warm_start=True, max_iter=50, learning_rate_init=0.01
    ).fit(X, y)
    before = coverage(*regressor.predict(X).T, y)
    regressor.set_params(quantile=[0.05, 0.95])
    # Parameters are for the next fit.
    assert coverage(*regressor.predict(X).T, y) == before
    assert coverage(*regressor.fit(X, y).predict(X).T, y) > before + 0.4


def test_weights_set_by_hand_are_of_the_quantiles_that_are_set():
    fitted = quantiles(quantile=[0.1, 0.9]).fit(X, y)
    by_hand = ScratchMLPRegressor("quantile", quantile=[0.1, 0.9])
    # Outputs the wrong way round cross.
    by_hand.coefs_ = [fitted.coefs_[0], fitted.coefs_[1][:, ::-1]]
    by_hand.intercepts_ = [fitted.intercepts_[0], fitted.intercepts_[1][::-1]]
    by_hand.out_activation_ = "identity"
    np.testing.assert_allclose(by_hand.predict(X), fitted.predict(X), rtol=1e-12)
    assert by_hand.score(X, y) == pytest.approx(fitted.score(X, y))
    by_hand = pickled(by_hand).set_params(quantile=LEVELS)
    with pytest.raises(ValueError, match="but the weights are for 2 outputs"):
        by_hand.predict(X)


# Weights


@regression_losses
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_weights_are_repeated_rows(solver, loss):
    times = np.random.default_rng(0).integers(0, 4, size=300)
    # The penalty is divided by the number of rows, which weights do not change.
    weighted = quick(loss=loss, solver=solver, alpha=0, tol=1e-12)
    repeated = clone(weighted)
    if solver == "adam":
        weighted.set_params(batch_size=(times > 0).sum(), shuffle=False)
        repeated.set_params(batch_size=times.sum(), shuffle=False)
    weighted.fit(X, y, sample_weight=times)
    repeated.fit(X.repeat(times, axis=0), y.repeat(times))
    np.testing.assert_allclose(weighted.predict(X), repeated.predict(X), rtol=1e-6)


def test_weights_are_repeated_rows_for_several_quantiles():
    times = np.random.default_rng(0).integers(1, 4, size=300)
    full = {"alpha": 0, "shuffle": False, "quantile": LEVELS}
    weighted = quantiles(batch_size=300, **full).fit(X, y, sample_weight=times)
    repeated = quantiles(batch_size=times.sum(), **full)
    repeated.fit(X.repeat(times, axis=0), y.repeat(times))
    np.testing.assert_allclose(weighted.predict(X), repeated.predict(X), rtol=1e-6)


# Targets above 0


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("lowest", [0.0, -1.0])
def test_gamma_needs_targets_above_zero(lowest, method):
    message = f"loss='gamma' needs targets y above 0, got a minimum of {lowest}"
    bad = np.r_[lowest, y[1:]]
    raises_and_changes_nothing(quick(loss="gamma"), message, method, X, bad)


def test_gamma_needs_validation_targets_above_zero():
    raises_and_changes_nothing(
        quick(loss="gamma"),
        "loss='gamma' needs validation targets y_val above 0, got a minimum of 0.0",
        "fit",
        X,
        y,
        X_val=X,
        y_val=np.r_[0.0, y[1:]],
    )


@pytest.mark.parametrize(
    ("dtype", "unit", "remedy"),
    [
        ("float32", 1e-46, ", or use dtype='float64'"),
        ("float32", 1e-40, ", or use dtype='float64'"),
        ("float64", 1e-310, ""),
    ],
)
def test_gamma_targets_too_small_for_the_type(dtype, unit, remedy):
    message = rf"as small as .*e-\d+, too small for dtype='{dtype}'. Scale the targets"
    regressor = quick(loss="gamma", dtype=dtype)
    raises_and_changes_nothing(
        regressor, f"^y contains values {message}{remedy}.$", "fit", X, y * unit
    )
    raises_and_changes_nothing(
        regressor, f"^y_val .* {message}", "fit", X, y, X_val=X, y_val=y * unit
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("unit", [1e-34, 1e4, 1e30])
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_gamma_does_not_feel_the_unit_of_its_targets(solver, unit, dtype):
    regressor = quick(loss="gamma", solver=solver, dtype=dtype, max_iter=20)
    expected = regressor.fit(X, y).predict(X)
    assert not messages_of(TargetScaleWarning, regressor.fit, X, y * unit)
    close = {"rtol": 0.02 if dtype == "float32" else 1e-5}
    np.testing.assert_allclose(regressor.predict(X) / unit, expected, **close)


def test_from_scikit_learns_start_gamma_feels_the_unit():
    regressor = quick(loss="gamma", weight_init="glorot_uniform")
    (message,) = messages_of(TargetScaleWarning, regressor.fit, X, y * 1e3)
    assert "Divide the target by its mean" in message
    assert "StandardScaler" not in message


@pytest.mark.parametrize("loss", ["poisson", "gamma"])
def test_no_remedy_makes_targets_negative(loss):
    regressor = quick(loss=loss, solver="sgd", learning_rate_init=1e3)
    regressor.set_params(weight_init="glorot_uniform")
    with pytest.raises(DivergenceError) as caught:
        regressor.fit(X, y * 1e3)
    assert "divide the target by its mean" in str(caught.value)
    assert "StandardScaler" not in str(caught.value)


@pytest.mark.parametrize(
    ("loss", "positive"),
    [
        ("gamma", True),
        ("poisson", True),
        ("squared_error", False),
        ("quantile", False),
        ("no such loss", False),
        (None, False),
    ],
)
def test_tags_tell_which_targets_are_allowed(loss, positive):
    # As those of scikit-learn's GammaRegressor and PoissonRegressor do.
    assert get_tags(ScratchMLPRegressor(loss)).target_tags.positive_only is positive


# No false alarms


def ordinary_data():
    for seed in range(2):
        rng = np.random.default_rng(seed)
        for n_rows in (200, 1000):
            X, y = make_friedman1(n_rows, noise=1, random_state=seed)
            yield scale(X), y
            X, y = make_regression(n_rows, 8, noise=20, random_state=seed)
            yield X, y / y.std()
            yield make_sparse_uncorrelated(n_rows, random_state=seed)
            X, y = make_swiss_roll(n_rows, random_state=seed)
            yield scale(X), y
        X, y = make_friedman3(500, random_state=seed)
        yield scale(X), y
        X = rng.normal(size=(500, 5))
        yield X, X[:, 0] + rng.standard_t(3, size=500)
        yield X, np.exp(X[:, 0] + rng.normal(size=500))
        yield X, rng.poisson(np.exp(X[:, 0] - 1)).astype(float)
    X, y = load_diabetes(return_X_y=True)
    yield scale(X), y / 100


@regression_losses
@pytest.mark.parametrize("early_stopping", [False, True])
def test_no_alarms_on_ordinary_data(early_stopping, loss):
    sets = list(ordinary_data())
    assert len(sets) > 20
    for X, y in sets:
        shift = 0.0
        if loss in ("poisson", "gamma"):
            shift = -min(y.min(), 0) + (0.1 * y.std() if loss == "gamma" else 0)
        parameters = {"early_stopping": early_stopping, "random_state": 0}
        if loss == "quantile":
            parameters["quantile"] = [0.1, 0.9]
        regressor = ScratchMLPRegressor(loss, max_iter=50, **parameters)
        caught = recorded(regressor.fit, X, y + shift)
        # That training could go on is no alarm.
        assert {w.category.__name__ for w in caught} <= {"ConvergenceWarning"}


# To and from scikit-learn


@pytest.mark.parametrize(
    ("loss", "theirs"),
    [
        ("absolute_error", "squared_error"),
        ("quantile", "squared_error"),
        pytest.param("gamma", "poisson", marks=poisson_in_scikit_learn),
    ],
)
def test_to_scikit_learn_and_back(loss, theirs):
    ours = quick(loss=loss).fit(X, y)
    model = ours.to_sklearn()
    assert type(model) is MLPRegressor
    assert getattr(model, "loss", theirs) == theirs
    np.testing.assert_allclose(model.predict(X), ours.predict(X), rtol=1e-12)
    again = ScratchMLPRegressor.from_sklearn(model)
    assert again.loss == theirs
    np.testing.assert_allclose(again.predict(X), ours.predict(X), rtol=1e-12)
    # Training can go on by the loss that it was of.
    again.set_params(loss=loss, warm_start=True, max_iter=2).fit(X, y)
    assert METRICS[loss](y, again.predict(X)) < METRICS[loss](y, ours.predict(X))


def test_several_quantiles_do_not_go_to_scikit_learn():
    regressor = quantiles(quantile=[0.1, 0.9]).fit(X, y)
    with pytest.raises(ValueError, match="cannot express several quantiles"):
        regressor.to_sklearn()


def test_mlp_regressor_has_none_of_these_losses():
    for loss in ("absolute_error", "quantile", "gamma"):
        with pytest.raises((ValueError, TypeError), match="loss"):
            MLPRegressor(loss=loss, max_iter=2).fit(X, y)


@pytest.mark.oracle
@seeds
def test_mapie_calibrates_intervals(seed):
    regression = pytest.importorskip(
        "mapie.regression", reason="needs the extra 'oracles'"
    )
    # Too few rows for the networks' own intervals.
    X, y = heteroscedastic(seed, 150)
    X_more, y_more = heteroscedastic(50 + seed, 1000)
    X_test, y_test = heteroscedastic(100 + seed, 4000)
    networks = [
        ScratchMLPRegressor(
            "quantile", quantile=q, solver="lbfgs", random_state=seed
        ).fit(X, y)
        for q in (0.05, 0.95, 0.5)
    ]
    low, high, _ = [network.predict(X_test) for network in networks]
    assert coverage(low, high, y_test) < 0.8
    conformal = regression.ConformalizedQuantileRegressor(
        networks, confidence_level=0.9, prefit=True
    ).conformalize(X_more, y_more)
    _, bounds = conformal.predict_interval(X_test)
    covered = coverage(bounds[:, 0, 0], bounds[:, 1, 0], y_test)
    assert covered == pytest.approx(0.9, abs=0.04)


class Squashed(SquaredError):
    """A loss with an output activation of its own."""

    output_activation = "squashed"

    def output(self, logits):
        return np.tanh(logits)

    def row_losses(self, logits, targets, out=None):
        y = np.tanh(logits)
        losses, dy = super().row_losses(y, targets)
        return losses, np.multiply(dy, 1 - y * y, out=out)

    def start(self, targets, weights=None):
        return np.zeros(targets.shape[1])


def test_predictions_are_the_output_of_the_loss(monkeypatch):
    monkeypatch.setitem(REGRESSION_LOSSES, "squashed", Squashed)
    monkeypatch.setitem(RULES, "loss", one_of(*REGRESSION_LOSSES))
    targets = np.tanh(X[:, 0])
    regressor = quick(loss="squashed").fit(X, targets, X_val=X, y_val=targets)
    assert abs(regressor.predict(X)).max() < 1
    score = regressor.score(X, targets)
    assert score == pytest.approx(regressor.validation_scores_[-1])
    with pytest.raises(ValueError, match="MLPRegressor has no output activation 'squa"):
        regressor.to_sklearn()
    by_hand = ScratchMLPRegressor("squashed")
    for name in ("coefs_", "intercepts_", "out_activation_"):
        setattr(by_hand, name, getattr(regressor, name))
    np.testing.assert_array_equal(by_hand.predict(X), regressor.predict(X))
    by_hand.set_params(loss="squared_error")  # for the next fit
    np.testing.assert_array_equal(by_hand.predict(X), regressor.predict(X))


@pytest.mark.parametrize("quantile", [[0.1, [0.9, 0.8]], [[0.5]], np.array([[0.5]])])
def test_nested_quantiles_are_refused(quantile):
    with pytest.raises(InvalidParameterError, match=r"^quantile must be a number"):
        quantiles(quantile=quantile).fit(X, y)
