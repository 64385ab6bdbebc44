"""Activations: values, derivatives, and which arrays they touch."""

import numpy as np
import pytest
import reference

from skmlp_scratch.nn.activations import ACTIVATIONS, ReLU, Sigmoid
from skmlp_scratch.nn.gradient_check import check_gradient

SEEDS = [0, 1, 2]


activations = pytest.mark.parametrize("name", sorted(ACTIVATIONS))


@pytest.mark.parametrize("name", sorted(reference.ACTIVATIONS))
def test_value_and_slope_equal_the_plain_formula(name):
    x = np.linspace(-5, 5, 40)  # not 0, where some have a kink
    activation, slope = reference.ACTIVATIONS[name]
    layer = ACTIVATIONS[name]()
    expected = [activation(v) for v in x.tolist()]
    np.testing.assert_allclose(layer.forward(x), expected, rtol=1e-12, atol=1e-15)
    expected = [slope(v) for v in x.tolist()]
    dx = layer.backward(np.ones(40))
    np.testing.assert_allclose(dx, expected, rtol=1e-12, atol=1e-12)


@activations
@pytest.mark.parametrize("seed", SEEDS)
def test_activation_derivative_agrees_with_finite_differences(name, seed):
    rng = np.random.default_rng(seed)
    x, dout = rng.standard_normal((2, 5, 4))

    def weighted_output(x):
        layer = ACTIVATIONS[name]()
        value = np.sum(layer.forward(x) * dout)
        return value, layer.backward(dout)

    check_gradient(weighted_output, x)


@activations
def test_in_place_equals_out_of_place(name):
    rng = np.random.default_rng(0)
    x, dout = rng.standard_normal((2, 5, 4)).astype(np.float32)
    plain, in_place = ACTIVATIONS[name](), ACTIVATIONS[name]()
    y, dx = plain.forward(x), plain.backward(dout)
    buffer, dbuffer = x.copy(), dout.copy()
    assert in_place.forward(buffer, out=buffer) is buffer
    assert in_place.backward(dbuffer, out=dbuffer) is dbuffer
    np.testing.assert_array_equal(buffer, y)
    np.testing.assert_array_equal(dbuffer, dx)
    assert y.dtype == dx.dtype == np.float32


@activations
def test_only_out_is_written_to(name):
    rng = np.random.default_rng(1)
    x, dout = rng.standard_normal((2, 5, 4))
    before = x.copy(), dout.copy()
    layer, y, dx = ACTIVATIONS[name](), np.empty_like(x), np.empty_like(x)
    assert layer.forward(x, out=y) is y
    assert layer.backward(dout, out=dx) is dx
    np.testing.assert_array_equal(x, before[0])
    np.testing.assert_array_equal(dout, before[1])


def test_relu_is_flat_at_zero():
    layer = ReLU()
    np.testing.assert_array_equal(layer.forward(np.array([-1.0, 0.0, 2.0])), [0, 0, 2])
    np.testing.assert_array_equal(layer.backward(np.ones(3)), [0, 0, 1])


def test_sigmoid_does_not_overflow():
    layer = Sigmoid()
    np.testing.assert_array_equal(layer.forward(np.array([-1e4, 0, 1e4])), [0, 0.5, 1])
    np.testing.assert_array_equal(layer.backward(np.ones(3)), [0, 0.25, 0])


def test_sigmoid_derivative_is_y_times_one_minus_y():
    # Source: the notes on the two-layer network.
    x = np.linspace(-4, 4, 9)
    layer = Sigmoid()
    y = layer.forward(x)
    np.testing.assert_allclose(layer.backward(np.ones(9)), y * (1 - y), rtol=1e-15)
    np.testing.assert_allclose(y, 1 / (1 + np.exp(-x)), rtol=1e-15)
