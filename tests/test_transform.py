"""``transform``: the activations of the last hidden layer, as features for others."""

import threading
from functools import partial

import helpers
import numpy as np
import pandas as pd
import pytest
from helpers import (
    ESTIMATORS,
    both,
    fitted_for,
    float_names,
    ignore_convergence,
    kinds,
    make_data,
    pickled,
    quick,
)
from scipy import sparse
from sklearn.datasets import load_digits, make_friedman1
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import cross_val_score
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmlp_scratch import ScratchMLPRegressor
from skmlp_scratch.nn.activations import ACTIVATIONS

pytestmark = ignore_convergence

RELU = {"relu": lambda z: np.maximum(z, 0), "tanh": np.tanh, "identity": lambda z: z}

X, y = make_data("classes")


def by_hand(estimator, X, *names):
    """Return the hidden activations, layer by layer."""
    for W, b, name in zip(estimator.coefs_, estimator.intercepts_, names, strict=False):
        X = RELU[name](X @ W + b)
    return X


@both
@pytest.mark.parametrize("sizes", [(6,), (9, 4), (5, 5, 1)], ids=str)
@pytest.mark.parametrize("last", ["tanh", "identity", "relu"])
def test_it_is_the_networks_formula(last, sizes, estimator_class):
    names = [*["relu", "tanh"][: len(sizes) - 1], last]
    estimator = quick(estimator_class, hidden_layer_sizes=sizes, activation=names)
    estimator.fit(X, y)
    rows = np.random.default_rng(0).normal(size=(2100, 4))
    before = rows.copy()
    features = estimator.transform(rows)
    assert features.shape == (2100, sizes[-1])
    np.testing.assert_allclose(features, by_hand(estimator, rows, *names), atol=1e-12)
    np.testing.assert_array_equal(rows, before)


@kinds
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_output_layer_makes_predictions_of_it(activation, kind):
    estimator = fitted_for(kind, activation=activation, batch_norm=True)
    X, _ = make_data(kind)
    logits = estimator.transform(X) @ estimator.coefs_[-1] + estimator.intercepts_[-1]
    if isinstance(estimator, ScratchMLPRegressor):
        output = np.exp(logits) if kind == "counts" else logits
        expected = output.reshape(estimator.predict(X).shape)
        np.testing.assert_allclose(estimator.predict(X), expected, rtol=1e-9)
    elif kind == "two":
        log_odds = logits[:, 1] - logits[:, 0]
        np.testing.assert_allclose(estimator.decision_function(X), log_odds, atol=1e-9)
    else:
        np.testing.assert_allclose(estimator.decision_function(X), logits, atol=1e-9)


@both
@float_names
def test_it_is_of_the_computing_type(dtype, estimator_class):
    estimator = quick(estimator_class, dtype=dtype).fit(X, y)
    expected = estimator.transform(X)
    for rows in (X, X.astype(np.float32), X.tolist(), X[:3].tolist()):
        features = estimator.transform(rows)
        assert features.dtype == dtype
        np.testing.assert_allclose(features, expected[: len(rows)], atol=1e-5)


@both
@pytest.mark.parametrize("container", [sparse.csr_matrix, sparse.csc_array])
def test_sparse_rows(container, estimator_class):
    rows = np.where(X > 0, X, 0)
    estimator = quick(estimator_class).fit(container(rows), y)
    features = estimator.transform(container(rows))
    assert isinstance(features, np.ndarray)
    np.testing.assert_allclose(features, estimator.transform(rows), atol=1e-12)


@both
def test_data_frames_and_names(estimator_class):
    frame = pd.DataFrame(X, columns=list("abcd"), index=range(100, 160))
    estimator = quick(estimator_class, hidden_layer_sizes=(5, 3)).fit(frame, y)
    names = [f"{estimator_class.__name__.lower()}{number}" for number in range(3)]
    assert estimator.get_feature_names_out().tolist() == names
    assert isinstance(estimator.transform(frame), np.ndarray)
    expected = estimator.transform(frame)
    estimator.set_output(transform="pandas")
    features = estimator.transform(frame)
    assert features.columns.tolist() == names
    assert features.index.equals(frame.index)
    np.testing.assert_array_equal(features, expected)
    again = pickled(estimator).fit_transform(frame, y)
    pd.testing.assert_frame_equal(again, features)
    # Predictions are no features.
    assert isinstance(estimator.predict(frame), np.ndarray)
    with pytest.raises(ValueError, match="feature names should match"):
        estimator.transform(frame.rename(columns={"a": "z"}))
    with pytest.raises(ValueError, match="feature names should match"):
        estimator.transform(frame.drop(columns="d"))
    with pytest.raises(ValueError, match="X has 3 features"):
        quick(estimator_class).fit(X, y).transform(X[:, :3])


@both
def test_fit_transform_passes_on_what_fit_takes(estimator_class):
    weights = np.random.default_rng(0).integers(0, 3, size=60)
    estimator = quick(estimator_class)
    features = estimator.fit_transform(X, y, sample_weight=weights)
    expected = quick(estimator_class).fit(X, y, weights).transform(X)
    np.testing.assert_array_equal(features, expected)
    with pytest.raises(TypeError, match="'y'"):
        estimator.fit_transform(X)


# scikit-learn 1.6 with a SciPy that is newer.
@pytest.mark.filterwarnings("ignore:scipy.optimize. The .disp. and:DeprecationWarning")
def test_features_for_a_logistic_regression():
    X, y = load_digits(return_X_y=True)
    network = quick(hidden_layer_sizes=32, learning_rate_init=0.01, max_iter=20)
    model = make_pipeline(StandardScaler(), network, LogisticRegression(max_iter=500))
    assert cross_val_score(model, X[:900], y[:900], cv=3).mean() > 0.88
    names = model.fit(X[:900], y[:900])[:-1].get_feature_names_out()
    assert len(names) == 32


def test_features_for_a_ridge_regression():
    X, y = make_friedman1(400, random_state=0)
    network = quick(
        ScratchMLPRegressor,
        hidden_layer_sizes=50,
        learning_rate_init=0.01,
        max_iter=100,
    )
    model = make_pipeline(StandardScaler(), network, Ridge())
    model.fit(X[:300], y[:300])
    straight = make_pipeline(StandardScaler(), Ridge()).fit(X[:300], y[:300])
    assert model.score(X[300:], y[300:]) > straight.score(X[300:], y[300:]) + 0.1


@both
@pytest.mark.parametrize("names", [None, "pandas"])
def test_without_hidden_layer_there_are_no_features(names, estimator_class):
    estimator = quick(estimator_class, hidden_layer_sizes=()).fit(X, y)
    estimator.set_output(transform=names)
    message = "transform returns the activations of the last hidden layer, and there is"
    with pytest.raises(ValueError, match=message):
        estimator.transform(X)
    with pytest.raises(ValueError, match=message):
        estimator.get_feature_names_out()
    assert "predict" in dir(estimator)  # as completion in a notebook asks


@both
def test_not_fitted(estimator_class):
    for call in (
        lambda estimator: estimator.transform(X),
        lambda estimator: estimator.get_feature_names_out(),
    ):
        with pytest.raises(NotFittedError):
            call(quick(estimator_class))


@both
def test_parameters_set_after_fit_change_no_features(estimator_class):
    estimator = quick(estimator_class, activation="tanh").fit(X, y)
    before = estimator.transform(X)
    estimator.set_params(activation="relu", hidden_layer_sizes=(3, 2), dtype="float32")
    np.testing.assert_array_equal(estimator.transform(X), before)
    assert len(estimator.get_feature_names_out()) == 8


@both
def test_weights_set_by_hand(estimator_class):
    fitted = quick(estimator_class).fit(X, y)
    estimator = estimator_class()
    for name in (*helpers.NEEDED, "classes_"):
        if hasattr(fitted, name):
            setattr(estimator, name, getattr(fitted, name))
    np.testing.assert_array_equal(estimator.transform(X), fitted.transform(X))
    assert len(estimator.get_feature_names_out()) == 8


@both
def test_transforming_while_another_thread_refits(estimator_class):
    estimator = quick(estimator_class, hidden_layer_sizes=(4, 3), max_iter=1).fit(X, y)
    estimators = [
        partial(estimator.set_params, hidden_layer_sizes=sizes, random_state=seed)
        for seed, sizes in enumerate([(4, 3), (20, 7)])
    ]
    allowed = []
    for set_params in estimators:
        allowed.append(set_params().fit(X, y).transform(X))
    done = threading.Event()

    def refit():
        for number in range(60):
            estimators[number % 2]().fit(X, y)
        done.set()

    thread = threading.Thread(target=refit)
    thread.start()
    while not done.is_set():
        features = estimator.transform(X)
        assert any(np.array_equal(features, one) for one in allowed)
    thread.join()


def test_networks_of_scikit_learn_have_none():
    for estimator_class in (MLPClassifier, MLPRegressor):
        assert not hasattr(estimator_class, "transform")
    assert all(hasattr(estimator_class, "transform") for estimator_class in ESTIMATORS)
