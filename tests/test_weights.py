"""Weights of rows and of classes: what they are equal to, at every batch size."""

from functools import partial

import helpers
import numpy as np
import pytest
import sklearn
from helpers import (
    UNLIKE_SOLVERS,
    estimator_for,
    ignore,
    ignore_convergence,
    numbers,
    penalized_solvers,
    raises_and_changes_nothing,
    seeds,
    solvers,
)
from sklearn.base import clone
from sklearn.neural_network import MLPClassifier
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.fixes import parse_version

from skmlp_scratch import ScratchMLPClassifier

pytestmark = ignore_convergence

make_data = partial(helpers.make_data, n_rows=40, n_features=3, noise=0.3)
kinds = pytest.mark.parametrize(
    "kind", ["strings", "labels", "values", "outputs", "counts"]
)


def make_estimator(kind, solver="adam", **parameters):
    rate = {} if solver == "lbfgs" else {"learning_rate_init": 0.02}
    common = {"hidden_layer_sizes": 5, "max_iter": 12, "alpha": 0.1, "solver": solver}
    return estimator_for(kind, **common | rate | parameters)


ways_to_stop = pytest.mark.parametrize(
    ("solver", "early_stopping"),
    [
        (solver, early_stopping)
        for solver in UNLIKE_SOLVERS
        for early_stopping in (False, True)
        if not (solver == "lbfgs" and early_stopping)
    ],
)


@seeds
@solvers
@kinds
def test_integer_weights_are_repeated_rows(kind, solver, seed):
    rng = np.random.default_rng(seed)
    X, y = make_data(kind, rng)
    weights = rng.integers(1, 5, size=len(X))
    repeated = np.repeat(np.arange(len(X)), weights)
    if solver == "lbfgs":
        one, other = {}, {}
    else:
        one, other = (
            {"shuffle": False, "batch_size": n_rows}
            for n_rows in (len(X), len(repeated))
        )
    weighted = make_estimator(kind, solver=solver, random_state=seed, **one)
    weighted.fit(X, y, sample_weight=weights)
    expected = make_estimator(kind, solver=solver, random_state=seed, **other)
    expected.fit(X[repeated], y[repeated])
    np.testing.assert_allclose(numbers(weighted), numbers(expected), atol=1e-8)
    np.testing.assert_allclose(weighted.loss_curve_, expected.loss_curve_, atol=1e-8)
    # The weights are of consequence.
    unweighted = clone(weighted).fit(X, y)
    assert abs(numbers(unweighted) - numbers(expected)).max() > 1e-3


@penalized_solvers
@kinds
@pytest.mark.parametrize("constant", [1e-6, 0.3, 1e6])
def test_a_constant_factor_only_weakens_the_penalty(constant, kind, solver):
    # As repeating all rows does: only the sum over the rows grows.
    rng = np.random.default_rng(3)
    X, y = make_data(kind, rng)
    weights = rng.uniform(0.1, 3, size=len(X))
    batches = {} if solver == "lbfgs" else {"batch_size": 7}
    estimator = make_estimator(kind, solver=solver, alpha=0, **batches)
    expected = numbers(estimator.fit(X, y, weights))
    scaled = numbers(clone(estimator).fit(X, y, weights * constant))
    np.testing.assert_allclose(scaled, expected, rtol=1e-6, atol=1e-8)
    stronger = clone(estimator).set_params(alpha=0.1 * constant)
    np.testing.assert_allclose(
        numbers(stronger.fit(X, y, weights * constant)),
        numbers(stronger.set_params(alpha=0.1).fit(X, y, weights)),
        rtol=1e-6,
        atol=1e-8,
    )


@solvers
@kinds
def test_ones_and_a_scalar_are_no_weights(kind, solver):
    X, y = make_data(kind, 4)
    estimator = make_estimator(kind, solver=solver)
    expected = numbers(estimator.fit(X, y))
    for ones in (1, 1.0, np.ones(len(X)), [1] * len(X)):
        np.testing.assert_allclose(
            numbers(clone(estimator).fit(X, y, ones)), expected, atol=1e-8
        )


@ignore("ConstantPredictionWarning")
@seeds
@ways_to_stop
@kinds
def test_weight_zero_is_removal(kind, solver, early_stopping, seed):
    rng = np.random.default_rng(seed)
    X, y = make_data(kind, rng)
    weights = rng.uniform(0.1, 3, size=len(X))
    weights[rng.permutation(len(X))[:7]] = 0
    kept = weights > 0
    batches = {} if solver == "lbfgs" else {"batch_size": 7}
    estimator = make_estimator(
        kind, solver=solver, random_state=seed, early_stopping=early_stopping, **batches
    )
    with_zeros = clone(estimator).fit(X, y, weights)
    without = clone(estimator).fit(X[kept], y[kept], weights[kept])
    # To the bit: rows, their order and their batches are the same.
    np.testing.assert_array_equal(numbers(with_zeros), numbers(without))
    assert with_zeros.loss_curve_ == without.loss_curve_
    assert with_zeros.validation_scores_ == without.validation_scores_
    assert with_zeros.t_ == without.t_


@pytest.mark.parametrize("batch_size", [1, 5])
@kinds
def test_a_batch_without_weight_is_no_error(kind, batch_size):
    X, y = make_data(kind, 5)
    weights = np.ones(len(X))
    weights[:10] = 0
    estimator = make_estimator(kind, shuffle=False, batch_size=batch_size)
    estimator.fit(X, y, weights)
    assert np.isfinite(numbers(estimator)).all()
    assert np.isfinite(estimator.loss_curve_).all()


@seeds
def test_partial_fit_takes_weights(seed):
    rng = np.random.default_rng(seed)
    X, y = make_data("strings", rng)
    weights = rng.uniform(0.1, 3, size=len(X))
    estimator = make_estimator("strings", shuffle=False, max_iter=1, batch_size=7)
    in_one = clone(estimator).fit(X, y, weights)
    estimator.partial_fit(X, y, weights, classes=np.unique(y))
    np.testing.assert_array_equal(numbers(estimator), numbers(in_one))
    assert abs(numbers(estimator) - numbers(clone(estimator).fit(X, y))).max() > 1e-4


# A weight means the same at every batch size


def overlapping_classes(n_negative=1560, n_positive=52):
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [n_negative, n_positive])
    return rng.normal(size=(len(y), 2)) + 0.3 * y[:, np.newaxis], y


def mean_probability(estimator_class, batch_size, weights=None, repeat=1, **more):
    X, y = overlapping_classes()
    rows = np.repeat(np.arange(len(y)), np.where(y == 1, repeat, 1))
    # Small batches make many small steps, large ones fewer and larger steps.
    learning_rate, epochs = {1: (4e-4, 8), 8: (1e-3, 15), 64: (3e-3, 30)}.get(
        batch_size, (5e-3, 40)
    )
    estimator = estimator_class(
        4,
        activation="tanh",
        batch_size=batch_size,
        learning_rate_init=learning_rate,
        max_iter=epochs // (2 if repeat > 1 else 1),
        n_iter_no_change=1000,
        random_state=0,
        **more,
    )
    fit_parameters = {} if weights is None else {"sample_weight": weights}
    estimator.fit(X[rows], y[rows], **fit_parameters)
    return estimator.predict_proba(X)[:, 1].mean()


BATCH_SIZES = (1, 8, 64, 200)


def test_a_weight_means_the_same_at_every_batch_size():
    _, y = overlapping_classes()
    weights = np.where(y == 1, 30.0, 1.0)
    results = [
        *(mean_probability(ScratchMLPClassifier, n, weights) for n in BATCH_SIZES),
        *(mean_probability(ScratchMLPClassifier, n, repeat=30) for n in BATCH_SIZES),
        mean_probability(ScratchMLPClassifier, 1, class_weight={1: 30}),
    ]
    assert max(results) - min(results) < 0.05, results
    unweighted = mean_probability(ScratchMLPClassifier, 64)
    assert unweighted < 0.1


@pytest.mark.skipif(
    parse_version(sklearn.__version__) < parse_version("1.7"),
    reason="MLPClassifier takes sample_weight from scikit-learn 1.7 on",
)
def test_in_mlp_classifier_it_does_not():
    _, y = overlapping_classes()
    weights = np.where(y == 1, 30.0, 1.0)
    results = [mean_probability(MLPClassifier, size, weights) for size in BATCH_SIZES]
    assert max(results) - min(results) > 0.2, results


# class_weight


def imbalanced(labels=("a", "b", "c")):
    rng = np.random.default_rng(6)
    X, y = make_data("strings", rng, n_rows=60)
    kept = np.flatnonzero((y != "c") | (rng.random(60) < 0.3))
    codes = np.searchsorted(["a", "b", "c"], y[kept])
    return X[kept], np.array(labels)[codes]


def with_class_weight(class_weight, y, sample_weight=None, **parameters):
    X, _ = imbalanced()
    estimator = make_estimator("strings", batch_size=9, class_weight=class_weight)
    return numbers(estimator.set_params(**parameters).fit(X, y, sample_weight))


@ways_to_stop
@pytest.mark.parametrize(
    "labels", [("a", "b", "c"), (5, -1, 30), (0.0, 1.0, 2.0)], ids=str
)
def test_class_weight_is_sample_weight(labels, solver, early_stopping):
    X, y = imbalanced(labels)
    batches = {} if solver == "lbfgs" else {"batch_size": 9}
    estimator = make_estimator(
        "strings", solver=solver, early_stopping=early_stopping, **batches
    )
    a_class, _, another = labels
    of_class = {a_class: 2.5, another: 7}
    for class_weight in (of_class, "balanced"):
        weighted = clone(estimator).set_params(class_weight=class_weight).fit(X, y)
        weights = compute_sample_weight(
            {labels[1]: 1, **of_class} if class_weight is of_class else "balanced", y
        )
        expected = clone(estimator).fit(X, y, weights)
        np.testing.assert_allclose(numbers(weighted), numbers(expected), rtol=1e-12)
        assert abs(numbers(weighted) - numbers(clone(estimator).fit(X, y))).max() > 1e-3


def test_class_weight_and_sample_weight_multiply():
    _, y = imbalanced()
    sample_weight = np.random.default_rng(0).uniform(0.1, 3, size=len(y))
    product = sample_weight * np.where(y == "b", 4, 1)
    np.testing.assert_allclose(
        with_class_weight({"b": 4}, y, sample_weight),
        with_class_weight(None, y, product),
        rtol=1e-12,
    )


def test_balanced_counts_rows_by_their_sample_weight():
    _, y = imbalanced()
    rng = np.random.default_rng(1)
    sample_weight = rng.integers(1, 6, size=len(y))
    repeated = np.repeat(y, sample_weight)
    of_class = {c: len(repeated) / (3 * (repeated == c).sum()) for c in "abc"}
    np.testing.assert_allclose(
        with_class_weight("balanced", y, sample_weight),
        with_class_weight(of_class, y, sample_weight),
        rtol=1e-9,
    )
    by_rows = compute_sample_weight("balanced", y) * sample_weight
    differs = with_class_weight(None, y, by_rows)
    assert abs(differs - with_class_weight("balanced", y, sample_weight)).max() > 1e-4


def test_balanced_copes_with_a_class_without_weight():
    X, y = imbalanced()
    sample_weight = np.where(y == "c", 0.0, 1.0)
    estimator = make_estimator("strings", class_weight="balanced")
    estimator.fit(X, y, sample_weight)
    assert np.isfinite(numbers(estimator)).all()
    assert estimator.classes_.tolist() == ["a", "b", "c"]


def test_class_weight_zero_leaves_the_class_out():
    _, y = imbalanced()
    np.testing.assert_array_equal(
        with_class_weight({"c": 0}, y),
        with_class_weight(None, y, np.where(y == "c", 0.0, 1.0)),
    )


def test_class_weight_dict_in_partial_fit():
    X, y = imbalanced()
    estimator = make_estimator("strings", shuffle=False, batch_size=9)
    by_class = clone(estimator).set_params(class_weight={"b": 4})
    for _ in range(3):
        by_class.partial_fit(X, y, classes=["a", "b", "c"])
        estimator.partial_fit(X, y, np.where(y == "b", 4, 1), classes=["a", "b", "c"])
    np.testing.assert_array_equal(numbers(by_class), numbers(estimator))


# Errors


@kinds
def test_weights_that_are_all_zero(kind):
    X, y = make_data(kind, 7)
    raises_and_changes_nothing(
        make_estimator(kind),
        "sample_weight must not be zero for all samples",
        "fit",
        X,
        y,
        np.zeros(len(X)),
    )


@kinds
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (lambda n: np.r_[-1.0, np.ones(n - 1)], r"must not be negative, got -1\.0"),
        (lambda n: np.r_[np.nan, np.ones(n - 1)], "sample_weight contains NaN"),
        (lambda n: np.r_[np.inf, np.ones(n - 1)], "sample_weight contains infinity"),
        (lambda n: np.ones(n + 1), r"must have shape \(40,\), got \(41,\)"),
        (lambda n: np.ones((n, 1)), r"must have shape \(40,\), got \(40, 1\)"),
        (lambda n: ["heavy"] * n, "could not convert string to float"),
    ],
    ids=["negative", "NaN", "infinite", "long", "2d", "text"],
)
def test_bad_sample_weight(weights, message, method, kind):
    X, y = make_data(kind, 7)
    more = {}
    if method == "partial_fit" and kind in ("strings", "labels"):
        more["classes"] = np.unique(y) if kind == "strings" else [0, 1, 2]
    raises_and_changes_nothing(
        make_estimator(kind), f"(?i){message}", method, X, y, weights(len(X)), **more
    )


@pytest.mark.parametrize("sample_weight", [None, np.ones(40)], ids=["none", "ones"])
def test_class_weight_of_a_class_that_does_not_exist(sample_weight):
    X, y = make_data("strings", 7)
    raises_and_changes_nothing(
        make_estimator("strings", class_weight={"b": 2, "bee": 3}),
        r"class_weight has keys that are not among the classes .*'c'\]: \['bee'\]",
        "fit",
        X,
        y,
        sample_weight,
    )


@pytest.mark.parametrize(
    ("class_weight", "message"),
    [
        ("balance", "class_weight must be None, 'balanced' or a dict"),
        ({"a": -1}, "class_weight must be"),
        ({"a": np.nan}, "class_weight must be"),
        ({"a": "2"}, "class_weight must be"),
        ([1, 2, 3], "class_weight must be"),
        ({"a": 0, "b": 0, "c": 0}, "class_weight times sample_weight is zero for all"),
    ],
    ids=str,
)
def test_bad_class_weight(class_weight, message):
    X, y = make_data("strings", 7)
    estimator = make_estimator("strings", class_weight=class_weight)
    raises_and_changes_nothing(estimator, message, "fit", X, y)


def test_weights_whose_product_is_zero_everywhere():
    X, y = make_data("strings", 7)
    estimator = make_estimator("strings", class_weight={"a": 0})
    weights = (y == "a").astype(float)
    raises_and_changes_nothing(
        estimator, "class_weight times sample_weight is zero", "fit", X, y, weights
    )


def test_balanced_needs_all_rows_at_once():
    X, y = make_data("strings", 7)
    raises_and_changes_nothing(
        make_estimator("strings", class_weight="balanced"),
        "'balanced' needs all rows at once and is not supported by partial_fit",
        "partial_fit",
        X,
        y,
        classes=["a", "b", "c"],
    )


@pytest.mark.parametrize("class_weight", ["balanced", {0: 2}], ids=str)
def test_class_weight_is_not_for_several_labels_per_row(class_weight):
    X, y = make_data("labels", 7)
    raises_and_changes_nothing(
        make_estimator("labels", class_weight=class_weight),
        "class_weight is for one label per row",
        "fit",
        X,
        y,
    )
