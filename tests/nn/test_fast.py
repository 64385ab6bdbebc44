"""What is quicker than plain NumPy gives what plain NumPy gives.

Sums as products, multiples of vectors added by BLAS, and work in blocks.
"""

import math

import numpy as np
import pytest
from helpers import block_sizes, float_types
from skmlp_scratch.nn.vectors import UNDIVIDED, add_multiple, vectors_as_a_whole
from threadpoolctl import threadpool_limits

from skmlp_scratch.nn import vectors
from skmlp_scratch.nn.fast import (
    MANY,
    VECTOR_BLOCK,
    column_sums,
    in_blocks,
    row_sums,
    total,
)

# Vectors

SIZES = [1, 83, UNDIVIDED, UNDIVIDED + 1, 3 * UNDIVIDED + 17]


@float_types
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("whole", [False, True])
def test_equals_numpy(size, dtype, whole):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, size)).astype(dtype)
    expected, x_before = y + dtype(0.3) * x, x.copy()
    if whole:
        with threadpool_limits(1, user_api="blas"), vectors_as_a_whole(lambda: True):
            add_multiple(y, 0.3, x)
    else:
        add_multiple(y, 0.3, x)
    # The product is not rounded where the processor multiplies and adds in one go.
    np.testing.assert_allclose(y, expected, rtol=0, atol=4 * np.finfo(dtype).eps)
    np.testing.assert_array_equal(x, x_before)


@float_types
def test_pieces_give_the_bits_of_the_whole(dtype):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 80_013)).astype(dtype)
    whole = y.copy()
    with threadpool_limits(1, user_api="blas"), vectors_as_a_whole(lambda: True):
        add_multiple(whole, 0.3, x)
    add_multiple(y, 0.3, x)
    np.testing.assert_array_equal(y, whole)


@pytest.mark.parametrize("size", [10, 3 * UNDIVIDED])
def test_what_cannot_be_done_in_place_is_an_error(size):
    y = np.ones(2 * size)[::2]
    with pytest.raises(ValueError, match="contiguous"):
        add_multiple(y, 1.0, np.ones(size))


def test_in_place_in_a_part_of_an_array():
    whole = np.ones(10, np.float32)
    add_multiple(whole[2:5], 2.0, whole[5:8])
    np.testing.assert_array_equal(whole, [1, 1, 3, 3, 3, 1, 1, 1, 1, 1])


def test_long_vectors_go_in_pieces_unless_they_may_go_as_a_whole(monkeypatch):
    lengths, daxpy = [], vectors._AXPY["d"]

    def spy(x, y, *arguments, **options):
        lengths.append(len(y))
        return daxpy(x, y, *arguments, **options)

    def add(n):
        lengths.clear()
        add_multiple(np.ones(n), 0.5, np.ones(n))
        return lengths

    monkeypatch.setitem(vectors._AXPY, "d", spy)
    assert add(UNDIVIDED) == [UNDIVIDED]
    assert add(25_000) == [8192, 8192, 8192, 424]
    with vectors_as_a_whole(lambda: True):
        assert add(25_000) == [25_000]
    with vectors_as_a_whole(lambda: False):
        assert add(25_000) == [8192, 8192, 8192, 424]
    assert add(25_000) == [8192, 8192, 8192, 424]


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
