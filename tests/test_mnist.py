"""Accuracy on MNIST, beside scikit-learn's. Slow; skipped where there is no MNIST."""

import importlib
from pathlib import Path

import numpy as np
import pytest
from helpers import ignore_convergence
from sklearn.datasets import fetch_openml
from sklearn.neural_network import MLPClassifier

from skmlp_scratch import ScratchMLPClassifier

pytestmark = [
    pytest.mark.slow,
    # A fixed number of epochs is what is compared.
    ignore_convergence,
]


@pytest.fixture(scope="module")
def mnist():
    pytest.importorskip("pandas", reason="reading MNIST without it takes 40 s")
    try:
        X, y = fetch_openml(
            "mnist_784", version=1, as_frame=False, return_X_y=True, n_retries=1
        )
    except OSError as error:
        pytest.skip(
            f"MNIST is neither in scikit-learn's data folder nor online: {error}"
        )
    X = np.ascontiguousarray(X / 255, dtype=np.float32)
    return X[:60_000], X[60_000:], y[:60_000], y[60_000:]


def test_accuracy_is_that_of_mlpclassifier(mnist):
    X_train, X_test, y_train, y_test = mnist
    accuracies = {ScratchMLPClassifier: [], MLPClassifier: []}
    for seed in range(3):
        for estimator_class, values in accuracies.items():
            estimator = estimator_class(max_iter=15, random_state=seed)
            values.append(estimator.fit(X_train, y_train).score(X_test, y_test))
    ours, theirs = (np.mean(values) for values in accuracies.values())
    print(f"mean test accuracy: ours {ours:.4f}, MLPClassifier {theirs:.4f}")
    assert ours >= theirs - 0.0015


def test_two_layer_network_of_the_source(mnist):
    # Source: the notes on the two-layer network, whose 10,000 steps are 17 epochs.
    X_train, X_test, y_train, y_test = mnist
    estimator = ScratchMLPClassifier(
        (50,),
        "logistic",
        solver="sgd",
        momentum=0,
        learning_rate_init=0.1,
        batch_size=100,
        alpha=0,
        weight_init=0.01,
        max_iter=17,
        random_state=0,
    ).fit(X_train, y_train)
    accuracy = estimator.score(X_test, y_test)
    print(f"test accuracy: {accuracy:.4f}")
    assert accuracy >= 0.94
    assert estimator.score(X_train, y_train) - accuracy < 0.01


@pytest.mark.parametrize(("name", "accuracy"), [("quick", 0.979), ("better", 0.984)])
def test_recipes(mnist, monkeypatch, name, accuracy):
    pytest.importorskip("matplotlib", reason="the example draws with matplotlib")
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "examples")
    recipes = importlib.import_module("fast_and_accurate").RECIPES
    X_train, X_test, y_train, y_test = mnist
    estimator = ScratchMLPClassifier(**recipes[name], random_state=0)
    found = estimator.fit(X_train, y_train).score(X_test, y_test)
    print(f"{name}: test accuracy {found:.4f}")
    assert found >= accuracy
