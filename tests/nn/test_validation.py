"""Validation: score and loss on rows that are not trained on."""

import numpy as np
import pytest
import scipy.sparse
from helpers import float_types, make_batch, make_network

from skmlp_scratch.nn.classification_losses import SoftmaxCrossEntropy
from skmlp_scratch.nn.validation import Validation


def accuracy(logits, targets, weights):
    return float(np.average(logits.argmax(axis=1) == targets, weights=weights))


@float_types
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("sparse", [False, True])
def test_score_and_mean_loss_are_those_of_the_rows(dtype, weighted, sparse):
    network, (X, y) = make_network(dtype=dtype), make_batch(40)
    rows = np.array([30, 2, 17, 17, 5, 39])
    weights = np.random.default_rng(0).uniform(0, 3, 6) if weighted else None
    given = scipy.sparse.csr_array(X) if sparse else X
    loss = SoftmaxCrossEntropy()
    validation = Validation(given, y[rows], loss, accuracy, rows, weights)
    score, value = validation.measure(network)

    logits = network.predict(X[rows])
    chosen = loss.output(logits)[np.arange(6), y[rows]]
    assert score == accuracy(logits, y[rows], weights)
    expected = np.average(-np.log(chosen), weights=weights)
    assert value == pytest.approx(expected, rel=10 * float(np.finfo(dtype).eps))


def test_all_rows_without_noise_or_penalty():
    X, y = make_batch(40)
    plain, noisy = make_network(), make_network(noise=1.0, dropout=(0.1, 0.5, 0.5))
    before = noisy.parameters.vector.copy()
    validation = Validation(X, y, SoftmaxCrossEntropy(), accuracy)
    assert validation.measure(noisy) == validation.measure(plain)
    np.testing.assert_array_equal(noisy.parameters.vector, before)
    value, _ = plain.loss_and_gradient(X, y)
    assert validation.measure(plain)[1] == pytest.approx(value, rel=1e-12)


def test_a_network_that_is_lost_is_measured_without_a_warning():
    network, (X, y) = make_network(dtype=np.float32), make_batch(40)
    network.parameters.vector[...] *= 1e30
    loss, seen = SoftmaxCrossEntropy(), []

    def score(logits, targets, weights):
        seen.append(logits)
        return -1.0

    assert Validation(X, y, loss, score).measure(network)[0] == -1
    assert seen[0].shape == (40, 3)
