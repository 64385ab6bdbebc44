"""The affine layer: values, derivatives, and which arrays it touches."""

import numpy as np
import pytest
import scipy.sparse

from skmlp_scratch.nn.gradient_check import check_gradient
from skmlp_scratch.nn.layers import Affine

SEEDS = [0, 1, 2]


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


def test_affine_sums_the_bias_derivative_over_the_rows():
    # Source: the notes on activation layers.
    layer = Affine(np.ones((2, 3)), np.zeros(3))
    layer.forward(np.ones((2, 2)))
    layer.backward(np.array([[1.0, 2, 3], [4, 5, 6]]))
    np.testing.assert_array_equal(layer.db, [5, 7, 9])
