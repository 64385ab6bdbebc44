"""Defaults that hold: first weights, warnings of scales, healthy fits left alone."""

import numpy as np
import pandas as pd
import pytest
from helpers import drawn, ignore, ignore_convergence, messages_of
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_iris,
    load_wine,
    make_friedman1,
    make_friedman2,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import balanced_accuracy_score, r2_score
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import StandardScaler, minmax_scale, scale

from skmlp_scratch import ScratchMLPClassifier, ScratchMLPRegressor
from skmlp_scratch.exceptions import (
    ConstantPredictionWarning,
    DivergenceError,
    FeatureScaleWarning,
    TargetScaleWarning,
)
from skmlp_scratch.nn.initializers import FIRST_SCALE, OUTPUT_SCALE

pytestmark = ignore_convergence


def regression_rows(n_rows=600, seed=0):
    rng = np.random.RandomState(seed)
    X = rng.randn(n_rows, 8)
    y = 2 * X[:, 0] + np.sin(3 * X[:, 1]) + 0.3 * rng.randn(n_rows)
    return X, (y - y.mean()) / y.std()


# A: the first weights


@pytest.mark.parametrize("scheme", ["he_normal", "he_uniform"])
@pytest.mark.parametrize("seed", [0, 1])
def test_first_weights_of_a_regressor(scheme, seed):
    W, b = drawn(
        scheme, regression=True, seed=seed, units=(300, 200, 250, 100)
    ).copies()
    assert W[0].std() == pytest.approx(FIRST_SCALE * np.sqrt(2 / 300), rel=0.05)
    assert W[1].std() == pytest.approx(np.sqrt(2 / 200), rel=0.05)
    assert W[2].std() == pytest.approx(OUTPUT_SCALE * np.sqrt(2 / 250), rel=0.05)
    for fan_in, biases in ((300, b[0]), (200, b[1])):
        assert abs(biases).max() <= 1 / np.sqrt(fan_in)
        assert biases.std() == pytest.approx(1 / np.sqrt(3 * fan_in), rel=0.15)
    assert not b[2].any()


@pytest.mark.parametrize("scheme", ["glorot_normal", "glorot_uniform", 0.3])
def test_other_schemes_are_the_same_for_both(scheme):
    np.testing.assert_array_equal(
        drawn(scheme, regression=True).vector, drawn(scheme, regression=False).vector
    )


def unmoved(**parameters):
    return ScratchMLPRegressor(
        learning_rate_init=1e-12, max_iter=1, random_state=0, **parameters
    )


STARTS = {
    "one output": (lambda y: y, {}, np.median),
    "far from zero": (lambda y: y + 1e4, {}, np.median),
    "several outputs": (
        lambda y: np.column_stack([y, y**2 + 7]),
        {},
        lambda y: np.median(y, axis=0),
    ),
    "an outlier": (lambda y: np.r_[1e9, y[1:]], {}, np.median),
    "counts": (lambda y: 100 + y, {"loss": "poisson"}, lambda y: y.mean(axis=0)),
}


@ignore("TargetScaleWarning")
@pytest.mark.parametrize("case", STARTS)
def test_a_regressor_starts_near_a_constant(case):
    make, parameters, constant = STARTS[case]
    X, y = regression_rows()
    y = make(y)
    start = unmoved(**parameters).fit(X, y).predict(X)
    expected = np.broadcast_to(constant(y), y.shape)
    if parameters:  # the prediction is an exponential
        start, expected = np.log(start), np.log(expected)
    assert 0 < abs(start - expected).max() < 1


def test_the_start_is_that_of_the_rows_by_weight():
    X, y = regression_rows()
    weights = np.where(y > 1, 100.0, 1.0)
    start = unmoved().fit(X, y, weights).intercepts_[-1]
    expected = unmoved().fit(
        np.repeat(X, weights.astype(int), axis=0), np.repeat(y, weights.astype(int))
    )
    np.testing.assert_allclose(start, expected.intercepts_[-1], atol=1e-9)
    assert start > 1


def test_glorot_uniform_starts_as_scikit_learn_does():
    X, y = regression_rows()
    ours = unmoved(weight_init="glorot_uniform", dtype="float64").fit(X, y + 3)
    theirs = MLPRegressor(learning_rate_init=1e-12, max_iter=1, random_state=0).fit(
        X, y + 3
    )
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), atol=1e-9)


@ignore("TargetScaleWarning")
@pytest.mark.parametrize("offset", [3, 30, 1000])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_the_mean_of_the_targets_makes_no_difference(early_stopping, offset):
    X, y = make_friedman1(300, noise=0.5, random_state=0)
    X, y = scale(X), scale(y)
    scores = [
        ScratchMLPRegressor(random_state=0, early_stopping=early_stopping)
        .fit(X[:200], y[:200] + shift)
        .score(X[200:], y[200:] + shift)
        for shift in (0, offset)
    ]
    assert scores[1] == pytest.approx(scores[0], abs=0.02)


def test_functions_of_one_or_two_variables_are_learnt():
    # With hidden biases of zero: 0.2 and 0.0, by MLPRegressor 0.4 and 0.3.
    rng = np.random.RandomState(0)
    x = rng.uniform(-3, 3, (100, 2))
    for X, y in (
        (x[:, :1], np.sin(2 * x[:, 0])),
        (x, np.sin(x[:, 0]) * np.cos(x[:, 1])),
    ):
        scores = cross_val_score(
            ScratchMLPRegressor(random_state=0), scale(X), scale(y)
        )
        assert scores.mean() > 0.45


def test_as_good_as_scikit_learns_regressor():
    """On average over five sets; benchmarks/defaults.py has more, one by one."""
    differences = []
    wine, cancer = load_wine().data, load_breast_cancer().data
    for X, y in (
        load_diabetes(return_X_y=True),
        make_friedman1(300, noise=1, random_state=0),
        (np.delete(wine, 0, axis=1), wine[:, 0]),
        (np.delete(cancer, 9, axis=1), cancer[:, 9]),
        (np.delete(load_iris().data, 1, axis=1), load_iris().data[:, 1]),
    ):
        for seed in range(2):
            rows = train_test_split(scale(X), scale(y), random_state=seed)
            X_train, X_test, y_train, y_test = rows
            ours, theirs = (
                kind(random_state=seed).fit(X_train, y_train).score(X_test, y_test)
                for kind in (ScratchMLPRegressor, MLPRegressor)
            )
            differences.append(ours - theirs)
    assert np.mean(differences) > -0.01


# A: scales of features


def around(center, spread, n_rows=200):
    return center + spread * np.random.RandomState(0).randn(n_rows)


@pytest.mark.parametrize(
    ("center", "spread"),
    [(2000, 10), (1013, 10), (290, 8), (37, 0.5), (-273, 4), (1e6, 5), (0.9967, 0.002)],
)
def test_a_feature_far_from_zero_is_named(center, spread):
    X, y = regression_rows(200)
    X[:, 4] = around(center, spread)
    (message,) = messages_of(
        FeatureScaleWarning, ScratchMLPRegressor(max_iter=2).fit, X * 1.0, y
    )
    assert "Feature 4 goes from" in message or "The ranges of the features" in message
    assert message.endswith(
        "Put StandardScaler, or another scaler, before this estimator."
    )


@pytest.mark.parametrize("factor", [1e4, 1e-4])
def test_features_that_are_all_of_another_scale_are_named(factor):
    X, y = regression_rows(200)
    fit = ScratchMLPRegressor(max_iter=2).fit
    (message,) = messages_of(FeatureScaleWarning, fit, factor * X, y)
    assert "far from 1, for which default parameters are made" in message


def test_a_constant_feature_that_drowns_the_others_is_named():
    X, y = regression_rows(200)
    X[:, 0] = 1e5
    (message,) = messages_of(
        FeatureScaleWarning, ScratchMLPRegressor(max_iter=2).fit, X, y
    )
    assert "one is 1e+05 in all rows" in message


@ignore("FeatureScaleWarning")
def test_a_bad_loss_at_max_iter_is_not_to_be_ignored():
    X, y = regression_rows(200)
    with pytest.warns(
        ConvergenceWarning, match="has a loss of .* Raise max_iter, or lo"
    ):
        ScratchMLPRegressor(max_iter=20, random_state=0).fit(1e4 * X, y)


@ignore("ConstantPredictionWarning")
def test_early_stopping_waits_until_learning_begins():
    X, y = make_friedman2(300, random_state=0)
    X, y = minmax_scale(X), scale(y)
    scores = [
        ScratchMLPRegressor(early_stopping=True, random_state=seed)
        .fit(X, y)
        .score(X, y)
        for seed in range(6)
    ]
    assert np.mean(scores) > 0.6  # 0.5 without, as three of them are 0


def test_it_is_named_by_its_name():
    X, y = regression_rows(200)
    frame = pd.DataFrame(X, columns=[*"abcdefgh"]).assign(year=around(2000, 5))
    (message,) = messages_of(
        FeatureScaleWarning, ScratchMLPRegressor(max_iter=2).fit, frame, y
    )
    assert message.startswith("Feature 8 (year) goes from 19")


FINE = {
    "iris": load_iris().data,
    "one kind of iris": load_iris().data[:50],
    "digits": load_digits().data,
    "a rare zero": np.column_stack([np.r_[0, np.ones(999)], around(0, 1, 1000)]),
    "one-hot": np.eye(5)[np.arange(200) % 5],
    "counts": np.random.RandomState(0).poisson(3, (200, 3)),
    "constant": np.column_stack([np.full(200, 1e2), around(0, 1)]),
    "skewed": np.exp(around(0, 1)).reshape(-1, 1),
    "age": around(45, 12).reshape(-1, 1),
}


@pytest.mark.parametrize("case", FINE)
def test_ordinary_features_are_not(case):
    X = FINE[case]
    y = np.arange(len(X)) % 2
    assert not messages_of(
        FeatureScaleWarning, ScratchMLPClassifier(max_iter=2).fit, X, y
    )


# A: scales of targets


FAR = {
    "times a million": lambda y: y * 1e6,
    "times a thousandth": lambda y: y * 1e-3,
    "plus a million": lambda y: y + 1e6,
    "year": lambda y: 2000 + 10 * y,
    "a second output": lambda y: np.column_stack([y, 1e4 * y]),
    "in euro": lambda y: 2e5 + 8e4 * y,
}


@ignore("ConstantPredictionWarning")
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("case", FAR)
def test_targets_of_another_scale_are_named(case, early_stopping):
    X, y = regression_rows()
    reg = ScratchMLPRegressor(max_iter=3, early_stopping=early_stopping)
    with pytest.warns(TargetScaleWarning) as record:
        reg.fit(X, FAR[case](y))
    (message,) = [str(w.message) for w in record if w.category is TargetScaleWarning]
    what = "Column 1 of y" if case == "a second output" else "y"
    assert message.startswith(f"{what} has a mean of ")
    assert "TransformedTargetRegressor(" in message
    assert "features" not in message


def test_the_remedy_that_is_named_works():
    X, y = regression_rows()
    reg = TransformedTargetRegressor(
        regressor=ScratchMLPRegressor(random_state=0), transformer=StandardScaler()
    )
    messages = messages_of(TargetScaleWarning, reg.fit, X, y * 1e6)
    assert messages == []
    assert reg.score(X, y * 1e6) > 0.9


NEAR = {
    "standardised": lambda y: y,
    "tens": lambda y: 20 + 10 * y,
    "a tenth": lambda y: y / 10,
    "constant": lambda y: np.full(len(y), 1e6),
    "zeros and ones": lambda y: (y > 0).astype(int),
    "rare ones": lambda y: (y > 2).astype(int),
}


@pytest.mark.parametrize("case", NEAR)
def test_targets_near_standard_scale_are_not(case):
    X, y = regression_rows()
    fit = ScratchMLPRegressor(max_iter=2).fit
    assert not messages_of(TargetScaleWarning, fit, X, NEAR[case](y))


@pytest.mark.parametrize(("mean", "n"), [(1e4, 1), (1e-3, 1), (5, 0), (0.5, 0)])
def test_of_counts_the_mean_matters(mean, n):
    rng = np.random.RandomState(0)
    X, y = rng.randn(5000, 2), rng.poisson(mean, 5000)
    fit = ScratchMLPRegressor(loss="poisson", max_iter=2).fit
    messages = messages_of(TargetScaleWarning, fit, X, y)
    assert len(messages) == n
    assert all("Divide the target by its mean" in message for message in messages)


def test_validation_targets_on_another_scale_are_named():
    X, y = regression_rows()
    reg = TransformedTargetRegressor(
        regressor=ScratchMLPRegressor(max_iter=5), transformer=StandardScaler()
    )
    messages = messages_of(
        TargetScaleWarning, reg.fit, X, 1e3 * y, X_val=X[:50], y_val=1e3 * y[:50]
    )
    assert len(messages) == 1
    assert "TransformedTargetRegressor transforms y, but not y_val" in messages[0]
    fit = ScratchMLPRegressor(max_iter=5).fit
    assert not messages_of(
        TargetScaleWarning, fit, X, y, X_val=X[:50], y_val=3 * y[:50]
    )
    for y_val in (1e-3 * y, 100 * y, y + 50):
        # The rows may be the very ones of training.
        assert (
            len(messages_of(TargetScaleWarning, fit, X, y, X_val=X, y_val=y_val)) == 1
        )


def test_validation_rows_that_are_predicted_badly_are_named():
    X, y = regression_rows()
    reg = ScratchMLPRegressor(early_stopping=True, max_iter=300, random_state=0)
    with pytest.warns(ConstantPredictionWarning, match="on the validation data, where"):
        reg.fit(X, y, X_val=X[:50], y_val=y[:50] + 20)


def test_a_warning_after_training_does_not_blame_features_that_are_fine():
    X, y = regression_rows()
    reg = ScratchMLPRegressor(learning_rate_init=1e-15, max_iter=50, random_state=1)
    (message,) = messages_of(ConstantPredictionWarning, reg.fit, X, y)
    assert "features" not in message
    (message,) = messages_of(ConstantPredictionWarning, reg.fit, 1e3 * X, y)
    assert "scale the features" in message
    with pytest.raises(DivergenceError) as error:
        ScratchMLPRegressor(solver="sgd", learning_rate_init=10).fit(X, y)
    assert "features" not in str(error.value)


# B: what is healthy goes on


def cell(X, y):
    X[77, 3] = 99999
    return X, y


def sentinels(X, y):
    X[np.random.RandomState(1).randint(len(X), size=5), 2] = -9999
    return X, y


def target(X, y):
    y[500] = 1e4
    return X, y


def log_normal(X, y):
    return X, np.exp(1.5 * y)


def outlier(X, y):
    y[3] = 3000
    return X, y


def moderate_outlier(X, y):
    y[3] = 300
    return X, y


def hidden_decimal(X, y):
    X[50] *= 1000
    return X, y


HEALTHY = {
    "one cell": (cell, 4000, {"max_iter": 30}),
    "one cell, all rows at once": (cell, 1000, {"batch_size": 1000, "max_iter": 200}),
    "sentinel values": (sentinels, 4000, {"max_iter": 30}),
    "one target": (target, 10_000, {"max_iter": 10}),
    "log-normal targets": (log_normal, 2000, {"batch_size": 8, "max_iter": 10}),
    "an outlier": (moderate_outlier, 2000, {"batch_size": 8, "max_iter": 30}),
    "a row a thousand times too large": (hidden_decimal, 2000, {"max_iter": 50}),
    "small targets": (lambda X, y: (X, 0.06 * y), 2000, {"max_iter": 50}),
    "adamw": (cell, 2000, {"solver": "adamw", "max_iter": 60}),
    "one cycle": (cell, 2000, {"learning_rate": "one_cycle", "max_iter": 30}),
}


@pytest.mark.filterwarnings(
    "ignore::skmlp_scratch.exceptions.FeatureScaleWarning",
    "ignore::skmlp_scratch.exceptions.TargetScaleWarning",
)
@pytest.mark.parametrize("case", HEALTHY)
def test_healthy_fits_are_left_alone(case):
    spoil, n_rows, options = HEALTHY[case]
    X, y = spoil(*regression_rows(n_rows))
    reg = ScratchMLPRegressor(random_state=0, **options).fit(X, y)
    X_new, y_new = regression_rows(500, seed=1)
    if spoil is log_normal:
        y_new = np.exp(1.5 * y_new)
    if case == "small targets":
        y_new = 0.06 * y_new
    theirs = MLPRegressor(random_state=0, max_iter=options["max_iter"]).set_params(
        batch_size=options.get("batch_size", "auto")
    )
    theirs_score = r2_score(y_new, theirs.fit(X, y).predict(X_new))
    assert r2_score(y_new, reg.predict(X_new)) > min(theirs_score - 0.3, 0.5)


def test_warm_start_on_small_targets():
    X, y = regression_rows()
    reg = ScratchMLPRegressor(warm_start=True, random_state=0).fit(X, 0.06 * y)
    for _ in range(3):
        reg.fit(X, 0.06 * y)
    assert reg.score(X, 0.06 * y) > 0.6


def test_rare_positives_in_small_batches():
    rng = np.random.RandomState(0)
    X = rng.randn(10_000, 4)
    y = np.zeros(10_000, int)
    y[X[:, 0].argsort()[-10:]] = 1
    clf = ScratchMLPClassifier(
        batch_size=8, class_weight="balanced", max_iter=3, random_state=0
    ).fit(X, y)
    assert balanced_accuracy_score(y, clf.predict(X)) > 0.9


@ignore("FeatureScaleWarning")
def test_no_fold_is_lost():
    X, y = cell(*regression_rows(1000))
    reg = ScratchMLPRegressor(max_iter=20, random_state=0)
    assert np.isfinite(cross_val_score(reg, X, y, error_score="raise")).all()


def test_what_was_validated_is_judged_on_validation():
    X, y = regression_rows()
    reg = ScratchMLPRegressor(
        solver="sgd", learning_rate_init=0.3, momentum=0.99, early_stopping=True
    ).set_params(random_state=0, max_iter=40)
    # It never beats a constant there: not even the best epoch is worth keeping.
    with pytest.raises(DivergenceError, match="It never did better than a constant"):
        reg.fit(X, y, X_val=X, y_val=1e3 - y)


@pytest.mark.filterwarnings(
    "ignore::skmlp_scratch.exceptions.FeatureScaleWarning",
    "ignore::skmlp_scratch.exceptions.TargetScaleWarning",
)
@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (cell, r"X\[77, 3\] = 99999 is \S+ times as large as most of that column"),
        (outlier, r"y\[3\] = 3000 is \S+ times as large as the others"),
        (
            hidden_decimal,
            r"X\[50, \d\] = \S+ is \S+ times as large as most of that column",
        ),
    ],
)
def test_a_row_that_made_training_diverge_is_named(spoil, named):
    X, y = spoil(*regression_rows(1000))
    reg = ScratchMLPRegressor(solver="sgd", learning_rate_init=0.05, batch_size=20)
    with pytest.raises(DivergenceError, match=f"{named}: leave that row out, or corre"):
        reg.fit(X, y)


def test_no_row_is_named_where_none_is_out_of_line():
    X, y = regression_rows(1000)
    reg = ScratchMLPRegressor(solver="sgd", learning_rate_init=5, batch_size=20)
    with pytest.raises(DivergenceError) as error:
        reg.fit(X, y)
    assert "times as large" not in str(error.value)
