"""Noise and dropout: their arithmetic and statistics."""

import numpy as np
import pytest
import scipy.sparse
from helpers import float_types, generator, make_batch, make_network

from skmlp_scratch.nn.gradient_check import check_gradient
from skmlp_scratch.nn.network import Network
from skmlp_scratch.nn.regression_losses import SquaredError
from skmlp_scratch.nn.regularization import Dropout, GaussianNoise

SHAPE = (200, 300)
rates = pytest.mark.parametrize("rate", [0.05, 0.2, 0.5, 0.9])


# Dropout


@rates
@float_types
def test_dropout_drops_and_scales(rate, dtype):
    y = Dropout(rate, generator()).forward(np.ones(SHAPE, dtype))
    assert y.dtype == dtype
    kept = y[y != 0]
    # The rate is rounded to a multiple of 2 ** -16.
    np.testing.assert_allclose(kept, 1 / (1 - rate), rtol=2e-4)
    error = np.sqrt(rate * (1 - rate) / y.size)
    assert 1 - kept.size / y.size == pytest.approx(rate, abs=4 * error)
    assert y.mean() == pytest.approx(1, abs=4 * error / (1 - rate))
    assert y.var() == pytest.approx(rate / (1 - rate), rel=0.1)


@rates
def test_entries_are_dropped_independently(rate):
    y = Dropout(rate, generator()).forward(np.ones(SHAPE)) == 0
    for other in (np.roll(y, 1, axis=0), np.roll(y, 1, axis=1), np.roll(y, 4, axis=1)):
        correlation = np.corrcoef(y.ravel(), other.ravel())[0, 1]
        assert abs(correlation) < 4 / np.sqrt(y.size)


def test_each_call_has_a_mask_of_its_own_and_a_seed_repeats_them():
    one, same, other = (Dropout(0.5, generator(seed)) for seed in (0, 0, 1))
    x = np.ones((20, 30))
    first, second = one.forward(x), one.forward(x)
    np.testing.assert_array_equal(same.forward(x), first)
    np.testing.assert_array_equal(same.forward(x), second)
    assert 0.4 < (first == second).mean() < 0.6
    assert 0.4 < (first == other.forward(x)).mean() < 0.6


def test_the_derivative_goes_through_the_same_mask():
    dropout = Dropout(0.3, generator())
    x, dout = np.random.default_rng(0).standard_normal((2, 20, 30))
    y = dropout.forward(x)
    np.testing.assert_allclose(dropout.backward(dout) * x, y * dout, rtol=1e-14)


def test_dropout_of_sparse_entries():
    X = scipy.sparse.csr_array(np.random.default_rng(0).integers(2, size=SHAPE) * 1.0)
    before = X.copy()
    Y = Dropout(0.25, generator()).forward(X)
    assert scipy.sparse.issparse(Y)
    assert (before != X).nnz == 0
    share = (Y.data == 0).mean()
    assert share == pytest.approx(0.25, abs=0.02)
    np.testing.assert_allclose(Y.data[Y.data != 0], 4 / 3)


# Noise


@pytest.mark.parametrize("std", [0.1, 3.0])
@float_types
def test_noise_has_mean_and_variance(std, dtype):
    noise = GaussianNoise(std, generator())
    x = np.full(SHAPE, 5, dtype)
    e = np.array([noise.forward(x) - x for _ in range(20)], float)
    assert noise.forward(x).dtype == dtype
    # Calls share numbers of the pool, which has four calls' worth and is renewed.
    error = std / np.sqrt(4 * x.size)
    assert e.mean() == pytest.approx(0, abs=4 * error)
    assert e.std() == pytest.approx(std, rel=0.02)
    # Normal: 4.55% of the numbers are further than two standard deviations away.
    assert (abs(e) > 2 * std).mean() == pytest.approx(0.0455, abs=0.003)


def test_noise_is_repeated_by_its_seed_and_differs_from_call_to_call():
    one, same, other = (GaussianNoise(1.0, generator(seed)) for seed in (0, 0, 1))
    x = np.zeros((100, 50))
    calls = [one.forward(x) for _ in range(30)]
    for call in calls:
        np.testing.assert_array_equal(same.forward(x), call)
    others = [*calls[1:], other.forward(x)]
    for a, b in zip(calls, others, strict=True):
        assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 4 / np.sqrt(x.size)


def test_the_pool_is_renewed_bit_by_bit():
    noise = GaussianNoise(1.0, generator())
    x = np.zeros((64, 1024))
    noise.forward(x)
    before = noise._pool.copy()
    assert len(before) == 4 * x.size
    noise.forward(x)
    assert (noise._pool != before).sum() == x.size // 16
    for _ in range(63):
        noise.forward(x)
    assert (noise._pool != before).all()
    # Another type gets a pool of its own.
    assert noise.forward(x.astype(np.float32)).dtype == np.float32


def test_the_pool_is_bounded():
    noise = GaussianNoise(1.0, generator())
    x = np.zeros((3000, 1000), np.float32)
    y = noise.forward(x)
    assert noise._pool.nbytes == 4 * 2**20
    assert y.std() == pytest.approx(1, rel=0.01)
    blocks = y.ravel()[: 11 * 2**18].reshape(11, 2**18)
    assert abs(np.corrcoef(blocks) - np.eye(11)).max() < 4 / np.sqrt(2**18)
    few = noise.forward(x[:2])
    assert few.std() == pytest.approx(1, rel=0.1)


# Within the network

REGULARIZERS = {
    "noise": {"noise": 0.5},
    "dropout": {"dropout": (0.0, 0.5, 0.3)},
    "dropout of the input": {"dropout": (0.3, 0.0, 0.0)},
    "all": {"noise": 0.5, "dropout": (0.2, 0.5, 0.5), "label_smoothing": 0.1},
}
regularizers = pytest.mark.parametrize("name", REGULARIZERS)


@regularizers
@pytest.mark.parametrize(
    "activation", ["tanh", "logistic", "elu", ("gelu", "softplus"), ("silu", "relu")]
)
def test_gradient_with_frozen_masks_agrees_with_finite_differences(activation, name):
    X, y = make_batch()
    parameters = make_network(activation).parameters.vector

    def objective(vector):
        # The same seed, hence the same masks and noise, at every evaluation.
        network = make_network(activation, **REGULARIZERS[name])
        network.parameters.vector[...] = vector
        return network.loss_and_gradient(X, y, alpha=0.1)

    check_gradient(objective, parameters)


@regularizers
def test_regularizers_are_for_training_only(name):
    X, y = make_batch()
    plain, regularized = make_network(), make_network(**REGULARIZERS[name])
    before = X.copy()
    loss, gradient = regularized.loss_and_gradient(X, y)
    np.testing.assert_array_equal(X, before)
    expected, expected_gradient = plain.loss_and_gradient(X, y)
    assert abs(loss - expected) > 1e-3
    assert abs(gradient - expected_gradient).max() > 1e-3
    np.testing.assert_array_equal(regularized.predict(X), plain.predict(X))


def test_expected_loss_of_a_linear_network_with_dropout():
    # Srivastava et al., section 9.1: dropout of the input of least squares is a penalty
    # of rate / (1 - rate) times the squares of X and W.
    rng = np.random.default_rng(0)
    X, targets = rng.standard_normal((50, 4)), rng.standard_normal((50, 1))
    network = Network((4, 1), loss=SquaredError(), dropout=(0.4,), rng=generator())
    network.parameters.W[0][...] = W = rng.standard_normal((4, 1))
    losses = [network.loss_and_gradient(X, targets)[0] for _ in range(4000)]
    penalty = 0.4 / 0.6 * (X**2 @ W**2).mean() / 2
    expected = ((X @ W - targets) ** 2).mean() / 2 + penalty
    error = np.std(losses) / np.sqrt(len(losses))
    assert np.mean(losses) == pytest.approx(expected, abs=4 * error)


def test_expected_loss_of_a_linear_network_with_noise():
    # The input does not count: all noise is that of the hidden layer.
    loss = SquaredError()
    network = Network((4, 6, 1), "identity", loss, noise=0.5, rng=generator())
    rng = np.random.default_rng(0)
    network.parameters.W[1][...] = W = rng.standard_normal((6, 1))
    X, targets = rng.standard_normal((50, 4)), np.zeros((50, 1))
    losses = [network.loss_and_gradient(X, targets)[0] for _ in range(2000)]
    error = np.std(losses) / np.sqrt(len(losses))
    expected = 0.5 * 0.5**2 * (W**2).sum()
    assert np.mean(losses) == pytest.approx(expected, abs=4 * error)


def test_batches_of_several_sizes():
    network = make_network(dtype=np.float32, **REGULARIZERS["all"])
    for n_rows in (8, 3, 8, 20, 1):
        loss, gradient = network.loss_and_gradient(*make_batch(n_rows, np.float32))
        assert np.isfinite(loss)
        assert np.isfinite(gradient).all()
        assert gradient.dtype == np.float32
