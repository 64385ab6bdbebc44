"""Sums as products: the same sums, in the same type."""

import numpy as np
import pytest

from skmlp_scratch.nn.sums import MANY, column_sums, row_sums


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
