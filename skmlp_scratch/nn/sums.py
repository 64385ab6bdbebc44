"""Sums over the rows or columns of a matrix, or a vector, as products with ones.

BLAS is quicker at these than NumPy's sum over an axis: at 200 x 100, the column sums take
1.5 us against 7; at 200 x 10, the row sums 0.8 against 4; the sum of 200 numbers 0.3
against 0.8. The methods of arrays, 0.15 us quicker than NumPy's functions, do it.
"""

from functools import lru_cache
from typing import Any

import numpy as np

from skmlp_scratch.nn.typing import Array

# Vectors of up to so many ones are kept: to make new ones takes as long as a short sum.
MANY = 4096


def column_sums(A: Array, out: Array | None = None) -> Array:
    """Return the sums over the rows of A: one number per column."""
    return _ones(A.shape[0], A.dtype).dot(A, out=out)


def row_sums(A: Array) -> Array:
    """Return the sums over the columns of A: one number per row."""
    return A.dot(_ones(A.shape[1], A.dtype))


def total(x: Array) -> float:
    """Return the sum of the entries of a vector."""
    if len(x) > MANY:
        return float(x.sum())  # in pairs: as exact, however many there are
    return float(_ones(len(x), x.dtype).dot(x))


def _ones(n: int, dtype: np.dtype[Any]) -> Array:
    return _kept_ones(n, dtype) if n <= MANY else np.ones(n, dtype)


@lru_cache(maxsize=64)
def _kept_ones(n: int, dtype: np.dtype[Any]) -> Array:
    ones = np.ones(n, dtype)
    ones.flags.writeable = False
    return ones
