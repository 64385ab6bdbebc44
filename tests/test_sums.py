"""Sums as products: the same sums, in the same type."""

import math

import numpy as np
import pytest

from skmlp_scratch.nn.sums import MANY, column_sums, row_sums, total


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
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


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
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
