"""Weights set by hand or loaded from elsewhere: predictions, and going on from them."""

import json
from copy import deepcopy

import helpers
import joblib
import numpy as np
import pytest
from helpers import (
    NEEDED,
    estimator_for,
    fitted_for,
    ignore_convergence,
    is_classifier,
    kinds,
    make_data,
    prediction_methods,
)
from sklearn.exceptions import NotFittedError
from sklearn.neural_network import MLPClassifier, MLPRegressor

from skmlp_scratch import ScratchMLPRegressor

pytestmark = ignore_convergence
X, _ = make_data("values")
TARGETS = {kind: make_data(kind)[1] for kind in helpers.TARGETS}


def as_they_are(values):
    return values


def as_lists(values):
    return json.loads(json.dumps([value.tolist() for value in values]))


def as_float32(values):
    return [value.astype(np.float32) for value in values]


def with_weights_of(source, stored, target):
    for name in NEEDED:
        setattr(target, name, getattr(source, name))
    target.coefs_, target.intercepts_ = (
        stored(source.coefs_),
        stored(source.intercepts_),
    )
    if hasattr(source, "classes_"):
        target.classes_ = source.classes_
        if stored is as_lists:
            target.classes_ = source.classes_.tolist()
    return target


@kinds
@pytest.mark.parametrize("stored", [as_they_are, as_lists, as_float32])
def test_weights_set_by_hand(stored, kind):
    source = fitted_for(kind)
    estimator = with_weights_of(source, stored, estimator_for(kind))
    before = joblib.hash(vars(estimator))
    close = {"rtol": 1e-4, "atol": 1e-5} if stored is as_float32 else {"rtol": 1e-12}
    for name in prediction_methods(source):
        mine, expected = (getattr(e, name)(X) for e in (estimator, source))
        assert mine.shape == expected.shape
        if mine.dtype.kind == "f":
            assert mine.dtype == ("f4" if stored is as_float32 else "f8")
            np.testing.assert_allclose(mine, expected, **close)
        else:
            np.testing.assert_array_equal(mine, expected)
    scores = [e.score(X, TARGETS[kind]) for e in (estimator, source)]
    assert scores[0] == pytest.approx(scores[1], rel=1e-4)
    assert joblib.hash(vars(estimator)) == before  # nothing was added


@pytest.mark.parametrize("kind", ["classes", "two", "strings", "labels", "values"])
@pytest.mark.parametrize("labels_in", ["classes_", "_label_binarizer"])
def test_what_scikit_learn_needs_is_enough(labels_in, kind):
    # For two classes they have one logistic output, for which ours has two.
    theirs = MLPClassifier if is_classifier(kind) else MLPRegressor
    network = {"hidden_layer_sizes": (7, 5), "activation": "tanh"}
    model = theirs(**network, random_state=0, max_iter=5).fit(X, TARGETS[kind])
    loaded = theirs(**network), estimator_for(kind)
    for estimator in loaded:
        for name in NEEDED:
            setattr(estimator, name, getattr(model, name))
        if is_classifier(kind):
            setattr(estimator, labels_in, getattr(model, labels_in))
            estimator._label_binarizer = model._label_binarizer
    if is_classifier(kind):
        np.testing.assert_array_equal(*(e.predict(X) for e in loaded))
    numbers = (
        ["predict_proba", "predict_log_proba"] if is_classifier(kind) else ["predict"]
    )
    for name in numbers:
        expected, mine = (getattr(e, name)(X) for e in loaded)
        np.testing.assert_allclose(mine, expected, rtol=1e-9)


@pytest.mark.parametrize("dtype", [int, np.int8, np.float16, np.longdouble, object])
def test_weights_of_any_numeric_type(dtype):
    estimator = ScratchMLPRegressor(2, "relu")
    estimator.coefs_ = [np.array([[1, -1], [2, 0]], dtype), np.array([[3], [1]], dtype)]
    estimator.intercepts_ = [[0.5, 0], [1]]
    estimator.out_activation_ = "identity"
    np.testing.assert_array_equal(estimator.predict([[0.25, 1], [-4, 0]]), [9.25, 5])


def test_labels_are_needed_for_labels_only():
    estimator = with_weights_of(
        fitted_for("classes"), as_they_are, estimator_for("classes")
    )
    del estimator.classes_
    expected = fitted_for("classes").predict_proba(X)
    np.testing.assert_array_equal(estimator.predict_proba(X), expected)
    with pytest.raises(NotFittedError, match="has no classes_: set the labels"):
        estimator.predict(X)


@pytest.mark.parametrize("missing", ["coefs_", "intercepts_", "out_activation_"])
def test_what_is_missing_is_named(missing):
    estimator = with_weights_of(
        fitted_for("classes"), as_they_are, estimator_for("classes")
    )
    delattr(estimator, missing)
    expected = f"has no {missing}" if missing != "coefs_" else "is not fitted yet"
    for name in [*prediction_methods(estimator), "to_sklearn"]:
        arguments = [] if name == "to_sklearn" else [X]
        with pytest.raises(NotFittedError, match=expected):
            getattr(estimator, name)(*arguments)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("coefs_", [np.ones((4, 7)), np.ones((7, 5))], "one array for each layer"),
        ("coefs_", [], "one array for each layer"),
        ("n_layers_", 3, "one array for each layer .* got 3 and 3 with n_layers_=3"),
        ("n_features_in_", 5, r"coefs_\[0\] of shape \(4, 7\) .* for 5 inputs"),
        (
            "coefs_",
            [np.ones((4, 7)), np.ones((6, 5)), np.ones((5, 3))],
            r"coefs_\[1\] of shape \(6, 5\) and intercepts_\[1\] of shape \(5,\)",
        ),
        (
            "intercepts_",
            [np.ones(7), np.ones((5, 1)), np.ones(3)],
            r"intercepts_\[1\] of shape \(5, 1\) do not fit",
        ),
        ("classes_", ["a", "b"], "got 2 labels for 3 outputs"),
        ("out_activation_", "tanh", "must be 'softmax' or 'logistic', got 'tanh'"),
        ("activation", "swish", "activation must be one of .* got 'swish'"),
        ("activation", ["relu"], "activation must be .* a list of 2 .* got"),
        ("activation", {"relu": 1}, "activation must be .* a list of 2 .* got"),
    ],
)
def test_weights_that_make_no_network(name, value, message):
    estimator = with_weights_of(
        fitted_for("classes"), as_they_are, estimator_for("classes")
    )
    setattr(estimator, name, value)
    before = joblib.hash(vars(estimator))
    for method in prediction_methods(estimator):
        with pytest.raises(ValueError, match=message):
            getattr(estimator, method)(X)
    # Before it looks at weights, training looks at parameters.
    with pytest.raises(ValueError, match=name if name == "activation" else message):
        estimator.partial_fit(X, TARGETS["classes"])
    assert joblib.hash(vars(estimator)) == before


def test_wrong_number_of_features_with_weights_set_by_hand():
    estimator = with_weights_of(
        fitted_for("values"), as_they_are, estimator_for("values")
    )
    with pytest.raises(ValueError, match=r"X has 3 features, but .* expecting 4"):
        estimator.predict(X[:, :3])


@kinds
@pytest.mark.parametrize("stored", [as_they_are, as_lists])
def test_warm_start_goes_on_from_weights_set_by_hand(stored, kind):
    parameters = {"warm_start": True, "max_iter": 8}
    source = fitted_for(kind).set_params(**parameters)
    estimator = with_weights_of(source, stored, estimator_for(kind, **parameters))
    # A warm start has a new optimizer: the same steps from the same weights.
    source.fit(X, TARGETS[kind])
    estimator.fit(X, TARGETS[kind])
    for mine, other in zip(estimator.coefs_, source.coefs_, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-12)
    assert estimator.loss_curve_ == pytest.approx(source.loss_curve_[5:], rel=1e-12)
    assert estimator.t_ == 8 * len(X)


@kinds
def test_partial_fit_goes_on_from_weights_set_by_hand(kind):
    source = fitted_for(kind, max_iter=30)
    estimator = with_weights_of(source, as_lists, estimator_for(kind))
    for _ in range(40):
        estimator.partial_fit(X, TARGETS[kind])
    assert len(estimator.loss_curve_) == 40
    assert estimator.loss_curve_[0] < source.loss_curve_[0]
    assert estimator.loss_ < source.loss_


@pytest.mark.parametrize("going_on", ["fit", "partial_fit"])
def test_training_does_not_go_on_from_weights_that_are_useless(going_on):
    def go_on(**attributes):
        estimator = with_weights_of(
            fitted_for("classes"), as_they_are, estimator_for("classes")
        )
        estimator = deepcopy(estimator).set_params(warm_start=True)
        for name, value in attributes.items():
            setattr(estimator, name, value)
        getattr(estimator, going_on)(X, TARGETS["classes"])

    go_on()
    with pytest.raises(ValueError, match=r"classes_ must hold 3 labels, .* sorted"):
        go_on(classes_=[7, 6, 5])
    with pytest.raises(ValueError, match=r"classes_ must hold 3 labels, .* sorted"):
        go_on(classes_=[5, 5, 6])
    with pytest.raises(ValueError, match=r"intercepts_\[2\] contains NaN"):
        go_on(intercepts_=[np.zeros(7), np.zeros(5), [0, 1, np.nan]])
    with pytest.raises(ValueError, match=r"hidden_layer_sizes changed from \(7, 5\)"):
        go_on(hidden_layer_sizes=(100,))


@pytest.mark.parametrize("kind", ["classes", "values"])
def test_weights_replaced_after_a_fit(kind):
    # As in federated learning: the mean of several models, which came as lists.
    one, other = fitted_for(kind), fitted_for(kind, random_state=1)
    merged = fitted_for(kind, max_iter=1)
    merged.coefs_ = [
        ((a + b) / 2).tolist() for a, b in zip(one.coefs_, other.coefs_, strict=True)
    ]
    merged.intercepts_ = as_lists(one.intercepts_)
    expected = estimator_for(kind)
    with_weights_of(merged, as_they_are, expected)
    np.testing.assert_array_equal(merged.predict(X), expected.predict(X))
    np.testing.assert_array_equal(merged.to_sklearn().predict(X), merged.predict(X))
    loss = merged.partial_fit(X, TARGETS[kind]).loss_
    assert merged.partial_fit(X, TARGETS[kind]).loss_ < loss
