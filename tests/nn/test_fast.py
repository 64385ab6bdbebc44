"""Adding a multiple of a vector by BLAS gives what plain NumPy gives."""

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from skmlp_scratch.nn import vectors
from skmlp_scratch.nn.vectors import UNDIVIDED, add_multiple, vectors_as_a_whole

SIZES = [1, 83, UNDIVIDED, UNDIVIDED + 1, 3 * UNDIVIDED + 17]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
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


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
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
