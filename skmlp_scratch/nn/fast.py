"""Optimisations: sums as matrix products, vectors and rows in blocks.

This module is not needed to understand the network. The first line of each function
says what it computes, and the tests compare it with a plain version.

Sums over rows or columns are products with a vector of ones, which BLAS computes more
quickly than NumPy sums over an axis. At 200 x 100, column sums take 1.5 us instead of
7. At 200 x 10, row sums take 0.8 us instead of 4. The sum of 200 numbers takes 0.3 us
instead of 0.8.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.linalg.blas import daxpy, saxpy

from skmlp_scratch.nn.typing import Array

# Number of entries per block of an update. Blocks of Adam's four vectors, 2 MB at
# float32, stay in the processor's caches from one operation to the next.
VECTOR_BLOCK = 131_072
# Up to this length, vectors of ones are cached: making one takes as long as a short
# sum.
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
        return float(x.sum())  # pairwise: accurate at any length
    return float(_ones(len(x), x.dtype).dot(x))


def _ones(n: int, dtype: np.dtype[Any]) -> Array:
    return _kept_ones(n, dtype) if n <= MANY else np.ones(n, dtype)


@lru_cache(maxsize=64)
def _kept_ones(n: int, dtype: np.dtype[Any]) -> Array:
    ones = np.ones(n, dtype)
    ones.flags.writeable = False
    return ones


def weighted_total(
    losses: Array, weights: Array | None, normalizer: float | None
) -> tuple[float, Array]:
    """Return the sum of the rows' losses, each times its scale, and the scales.

    A row's scale is its weight divided by the normalizer. Without weights, all rows
    have the same scale, a 0-dimensional array: 0.25 us quicker than a Python float.
    """
    scale = 1 / (len(losses) if normalizer is None else normalizer)
    if weights is None:
        return total(losses) * scale, np.array(scale, losses.dtype)
    return float(weights @ losses) * scale, weights * scale


def row_blocks(n_rows: int, block_rows: int) -> Iterator[slice]:
    """Yield slices that divide ``n_rows`` rows into blocks; the last may be shorter."""
    bounds = [*range(0, n_rows, block_rows), n_rows]
    for start, stop in pairwise(bounds):
        yield slice(start, stop)


def even_blocks(n_rows: int, block_rows: int) -> Iterator[slice]:
    """Yield as many slices, which differ in length by one row at most."""
    n_blocks = -(-n_rows // block_rows)
    rows, n_longer = divmod(n_rows, n_blocks)
    bounds = [rows * n + min(n, n_longer) for n in range(n_blocks + 1)]
    for start, stop in pairwise(bounds):
        yield slice(start, stop)


def in_blocks(update: Callable[..., None], *vectors: Array) -> None:
    """Apply an elementwise update to vectors of equal length, block by block."""
    if len(vectors[0]) <= VECTOR_BLOCK:
        update(*vectors)
        return
    for block in row_blocks(len(vectors[0]), VECTOR_BLOCK):
        update(*(vector[block] for vector in vectors))


_AXPY = {"f": saxpy, "d": daxpy}
# OpenBLAS uses a single thread for vectors of up to 10,000 entries. SciPy often has its
# own copy of OpenBLAS, whose threads would compete with NumPy's for the cores.
PIECE = 8192


def add_multiple(y: Array, a: float, x: Array) -> None:
    """Add ``a x`` to a contiguous vector ``y`` of the same type and length, in place.

    NumPy needs two passes over memory and a temporary array. The BLAS function
    ``axpy``, called through SciPy, needs one pass: steps of SGD on 1024-1024 are 4%
    quicker.

    Raises
    ------
    ValueError
        If ``y`` cannot be changed in place.
    """
    axpy, n = _AXPY[y.dtype.char], len(y)
    if n <= PIECE:  # 0.3 us quicker than the loop
        in_place = axpy(x, y, n, a) is y
    else:
        for start in range(0, n, PIECE):
            # The last arguments: offset and stride of x, then of y.
            result = axpy(x, y, min(PIECE, n - start), a, start, 1, start, 1)
            in_place = result is y
    if not in_place:
        raise ValueError(
            f"y must be contiguous and in native byte order, got {y.flags}"
        )
