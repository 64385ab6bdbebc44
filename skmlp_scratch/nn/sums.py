"""Sums over the rows or columns of a matrix, as products with a vector of ones.

BLAS is quicker at these than NumPy's sum over an axis: at 200 x 100, the column sums take
1.5 us against 7; at 200 x 10, the row sums 0.8 against 4.
"""

from functools import cache
from typing import Any

import numpy as np

from skmlp_scratch.nn.typing import Array

# So many ones are kept: to make new ones takes as long as a short sum.
MANY = 4096


def column_sums(A: Array, out: Array | None = None) -> Array:
    """Return the sums over the rows of A: one number per column."""
    return np.dot(_ones(A.shape[0], A.dtype), A, out=out)


def row_sums(A: Array) -> Array:
    """Return the sums over the columns of A: one number per row."""
    return np.dot(A, _ones(A.shape[1], A.dtype))


def _ones(n: int, dtype: np.dtype[Any]) -> Array:
    return _many_ones(dtype)[:n] if n <= MANY else np.ones(n, dtype)


@cache
def _many_ones(dtype: np.dtype[Any]) -> Array:
    ones = np.ones(MANY, dtype)
    ones.flags.writeable = False
    return ones
