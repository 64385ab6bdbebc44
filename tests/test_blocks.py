"""Work in blocks gives what plain work gives, to the bit; no denormal numbers stay."""

import numpy as np
import pytest

from skmlp_scratch.nn import optimizers
from skmlp_scratch.nn.blocks import VECTOR_BLOCK, in_blocks
from skmlp_scratch.nn.network import Network
from skmlp_scratch.nn.optimizers import SGD, Adam, flush_denormals

SIZES = [1, VECTOR_BLOCK, VECTOR_BLOCK + 1, 3 * VECTOR_BLOCK + 17]


@pytest.mark.parametrize("size", SIZES)
def test_every_element_is_updated_once(size):
    x, y = np.arange(size, dtype=float), np.ones(size)

    def update(x, y):
        assert len(x) <= VECTOR_BLOCK
        y += x

    in_blocks(update, x, y)
    np.testing.assert_array_equal(y, x + 1)


@pytest.mark.parametrize("make", [Adam, SGD])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_optimizers_do_not_depend_on_blocks(make, size, dtype, monkeypatch):
    rng = np.random.default_rng(0)
    start, *gradients = rng.standard_normal((4, size)).astype(dtype)

    def run():
        parameters, optimizer = start.copy(), make(start)
        for gradient in gradients:
            optimizer.step(parameters, gradient.copy(), 0.1)
        return parameters

    blocked = run()
    monkeypatch.setattr(
        optimizers, "in_blocks", lambda update, *vectors: update(*vectors)
    )
    np.testing.assert_array_equal(blocked, run())


def test_penalty_is_added_to_all_weights():
    network = Network((800, 700, 10))
    rng = np.random.RandomState(0)
    network.parameters.vector[...] = rng.standard_normal(network.parameters.vector.size)
    X, targets = rng.standard_normal((3, 800)), np.array([1, 2, 3])
    _, without = network.loss_and_gradient(X, targets)
    expected = without.copy()
    expected[: network.parameters.weights.size] += 0.5 / 3 * network.parameters.weights
    _, gradient = network.loss_and_gradient(X, targets, alpha=0.5)
    np.testing.assert_allclose(gradient, expected, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_hundredth_step_drops_what_is_about_to_become_denormal(dtype):
    tiny = np.finfo(dtype).tiny
    parameters = np.array([1, 1e9 * tiny, 1e7 * tiny, -1e7 * tiny, tiny / 4], dtype)
    state = {"t": 98, "M": parameters.copy()}
    before = parameters.copy()
    flush_denormals(state, parameters)
    np.testing.assert_array_equal(parameters, before)
    flush_denormals(state, parameters)
    for array in (parameters, state["M"]):
        np.testing.assert_array_equal(array, before * [1, 1, 0, 0, 0])


@pytest.mark.parametrize("make", [Adam, SGD])
def test_no_denormals_where_the_gradient_vanishes(make):
    parameters = np.ones(4, np.float32)
    optimizer = make(parameters)
    optimizer.step(parameters, np.ones(4, np.float32), 0.1)
    for _ in range(1500):  # 0.9 ** 1500 is far below the smallest float32
        optimizer.step(parameters, np.zeros(4, np.float32), 0.1)
        for moment in ("M", "velocity"):
            values = np.abs(optimizer.state.get(moment, np.zeros(1)))
            assert not ((values > 0) & (values < np.finfo(np.float32).tiny)).any()
