"""Layers and graph nodes: values, derivatives, and which arrays they touch."""

import numpy as np
import pytest
import scipy.sparse

from skmlp_scratch.nn.gradient_check import check_gradient
from skmlp_scratch.nn.graph import Add, Multiply
from skmlp_scratch.nn.layers import ACTIVATIONS, Affine, ReLU, Sigmoid

SEEDS = [0, 1, 2]
activations = pytest.mark.parametrize("name", sorted(ACTIVATIONS))


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


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("by", ["X", "W", "b"])
def test_affine_derivatives_agree_with_finite_differences(by, seed):
    rng = np.random.default_rng(seed)
    arrays = {
        "X": rng.standard_normal((5, 4)),
        "W": rng.standard_normal((4, 3)),
        "b": rng.standard_normal(3),
    }
    dout = rng.standard_normal((5, 3))

    def weighted_output(value):
        X, W, b = (value if by == name else arrays[name] for name in "XWb")
        layer = Affine(W, b)
        total = np.sum(layer.forward(X) * dout)
        dX = layer.backward(dout)
        return total, {"X": dX, "W": layer.dW, "b": layer.db}[by]

    check_gradient(weighted_output, arrays[by])


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


def test_affine_only_writes_where_it_is_told():
    rng = np.random.default_rng(2)
    X, W, b, dout = (rng.standard_normal(s) for s in [(5, 4), (4, 3), 3, (5, 3)])
    copies = [a.copy() for a in (X, W, b, dout)]
    dW, db = np.empty_like(W), np.empty_like(b)
    layer = Affine(W, b, dW, db)
    layer.forward(X)
    layer.backward(dout)
    for array, copy in zip((X, W, b, dout), copies, strict=True):
        np.testing.assert_array_equal(array, copy)
    np.testing.assert_allclose(dW, X.T @ dout, rtol=1e-12)
    np.testing.assert_allclose(db, dout.sum(axis=0), rtol=1e-12)


@pytest.mark.parametrize(
    "container", ["csr_matrix", "csc_matrix", "csr_array", "csc_array"]
)
@pytest.mark.parametrize("given", [False, True], ids=["allocated", "given"])
def test_affine_of_a_sparse_matrix_is_that_of_the_dense_one(container, given):
    rng = np.random.default_rng(3)
    X = rng.standard_normal((6, 4)) * (rng.uniform(size=(6, 4)) < 0.4)
    W, b, dout = rng.standard_normal((4, 3)), rng.standard_normal(3), np.ones((6, 3))
    dense, layer = Affine(W, b), Affine(W, b)
    out = None
    if given:
        layer.dW, layer.db, out = np.empty((4, 3)), np.empty(3), np.empty((6, 3))
    arrays = layer.dW, layer.db, out
    Y = layer.forward(getattr(scipy.sparse, container)(X), out=out)
    layer.backward_parameters(dout)
    assert type(Y) is type(layer.dW) is type(layer.db) is np.ndarray
    if given:
        assert all(a is b for a, b in zip(arrays, (layer.dW, layer.db, Y), strict=True))
    np.testing.assert_allclose(Y, dense.forward(X), rtol=1e-13)
    dense.backward_parameters(dout)
    np.testing.assert_allclose(layer.dW, dense.dW, rtol=1e-13, atol=1e-15)
    np.testing.assert_array_equal(layer.db, dense.db)


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


def test_affine_sums_the_bias_derivative_over_the_rows():
    # Source: the notes on activation layers.
    layer = Affine(np.ones((2, 3)), np.zeros(3))
    layer.forward(np.ones((2, 2)))
    layer.backward(np.array([[1.0, 2, 3], [4, 5, 6]]))
    np.testing.assert_array_equal(layer.db, [5, 7, 9])


def test_shop_with_apples():
    # Source: the notes on computational graphs.
    apples, taxed = Multiply(), Multiply()
    assert taxed.forward(apples.forward(100, 2), 1.1) == pytest.approx(220)
    dsum, dtax = taxed.backward(1)
    assert apples.backward(dsum) == pytest.approx((2.2, 110))
    assert dtax == pytest.approx(200)


def test_shop_with_apples_and_oranges():
    # Source: the notes on computational graphs.
    apples, oranges, both, taxed = Multiply(), Multiply(), Add(), Multiply()
    fruit = both.forward(apples.forward(100, 2), oranges.forward(150, 3))
    assert taxed.forward(fruit, 1.1) == pytest.approx(715)
    dfruit, dtax = taxed.backward(1)
    dapples, doranges = both.backward(dfruit)
    assert apples.backward(dapples) == pytest.approx((2.2, 110))
    assert oranges.backward(doranges) == pytest.approx((3.3, 165))
    assert dtax == pytest.approx(650)
