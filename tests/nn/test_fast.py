"""What is quicker than plain NumPy gives what plain NumPy gives.

Sums as products, multiples of vectors added by BLAS, and work in blocks.
"""

import math

import numpy as np
import pytest
from helpers import block_sizes, float_types
from threadpoolctl import threadpool_limits

from skmlp_scratch.nn import fast
from skmlp_scratch.nn.fast import (
    MANY,
    PIECE,
    VECTOR_BLOCK,
    add_multiple,
    column_sums,
    in_blocks,
    row_sums,
    total,
)

# Vectors

SIZES = [1, 83, PIECE, PIECE + 1, 3 * PIECE + 17]


@float_types
@pytest.mark.parametrize("size", SIZES)
def test_equals_numpy(size, dtype):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, size)).astype(dtype)
    expected, x_before = y + dtype(0.3) * x, x.copy()
    add_multiple(y, 0.3, x)
    # The product is not rounded where the processor multiplies and adds in one go.
    np.testing.assert_allclose(y, expected, rtol=0, atol=4 * np.finfo(dtype).eps)
    np.testing.assert_array_equal(x, x_before)


@float_types
def test_pieces_give_the_bits_of_the_whole(dtype, monkeypatch):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 80_013)).astype(dtype)
    whole = y.copy()
    add_multiple(y, 0.3, x)
    monkeypatch.setattr(fast, "PIECE", len(y))
    with threadpool_limits(1, user_api="blas"):
        add_multiple(whole, 0.3, x)
    np.testing.assert_array_equal(y, whole)


@pytest.mark.parametrize("size", [10, 3 * PIECE])
def test_what_cannot_be_done_in_place_is_an_error(size):
    y = np.ones(2 * size)[::2]
    with pytest.raises(ValueError, match="contiguous"):
        add_multiple(y, 1.0, np.ones(size))


def test_in_place_in_a_part_of_an_array():
    whole = np.ones(10, np.float32)
    add_multiple(whole[2:5], 2.0, whole[5:8])
    np.testing.assert_array_equal(whole, [1, 1, 3, 3, 3, 1, 1, 1, 1, 1])


def test_long_vectors_go_in_pieces(monkeypatch):
    lengths, daxpy = [], fast._AXPY["d"]

    def spy(x, y, n, *arguments):
        lengths.append(n)
        return daxpy(x, y, n, *arguments)

    monkeypatch.setitem(fast._AXPY, "d", spy)
    add_multiple(np.ones(PIECE), 0.5, np.ones(PIECE))
    assert lengths == [PIECE]
    lengths.clear()
    add_multiple(np.ones(25_000), 0.5, np.ones(25_000))
    assert lengths == [8192, 8192, 8192, 424]


# Sums


@float_types
@pytest.mark.parametrize("shape", [(1, 1), (200, 10), (7, 300), (MANY + 1, 3)], ids=str)
def test_sums_equal_those_of_numpy(shape, dtype):
    A = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    for _ in range(2):  # the ones are kept
        for sums, axis in ((column_sums(A), 0), (row_sums(A), 1)):
            assert sums.dtype == dtype
            np.testing.assert_allclose(
                sums, A.sum(axis=axis), rtol=0, atol=1000 * np.finfo(dtype).eps
            )


def test_column_sums_go_where_they_should():
    out = np.empty(3)
    assert column_sums(np.ones((5, 3)), out=out) is out
    assert out.tolist() == [5, 5, 5]


@float_types
@pytest.mark.parametrize("n", [1, 200, 201, MANY, MANY + 1, 1_000_000])
def test_totals_equal_those_of_exact_arithmetic(n, dtype):
    random = np.random.default_rng(n).random(n)
    alike = np.full(n, np.log(10))  # what rounding loses does not even out
    for x in (random.astype(dtype), alike.astype(dtype)):
        result = total(x)
        assert isinstance(result, float)
        exact = math.fsum(x.tolist())
        assert result == pytest.approx(exact, rel=50 * float(np.finfo(dtype).eps))


@pytest.mark.parametrize("n", [3, MANY + 1])
@pytest.mark.parametrize("lost", [np.inf, np.nan])
def test_a_total_does_not_hide_what_is_not_finite(lost, n):
    x = np.ones(n, np.float32)
    x[1] = lost
    assert not math.isfinite(total(x))


# Blocks


@block_sizes
def test_every_element_is_updated_once(size):
    x, y = np.arange(size, dtype=float), np.ones(size)

    def update(x, y):
        assert len(x) <= VECTOR_BLOCK
        y += x

    in_blocks(update, x, y)
    np.testing.assert_array_equal(y, x + 1)
