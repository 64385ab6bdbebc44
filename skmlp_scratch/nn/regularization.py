"""Layers that take part in training only: dropout and Gaussian noise.

Prediction has no such layers. All randomness comes from a NumPy ``Generator``.
"""

from typing import Any

import numpy as np
from scipy.sparse import issparse

from skmlp_scratch.nn.fast import row_blocks
from skmlp_scratch.nn.typing import Array


class Dropout:
    """Set each entry to 0 with probability ``rate``, and scale the others.

    The factor ``1 / (1 - rate)`` keeps the expected value of each entry, so that
    prediction needs no correction. This is inverted dropout (Srivastava et al. 2014,
    JMLR 15, 1929-1958).

    Parameters
    ----------
    rate : float
        Probability of dropping an entry, at least 0 and below 1. It is rounded to a
        multiple of ``2 ** -16``.
    rng : Generator
        Source of the random masks.
    """

    in_place = False  # the preceding activation needs its output in backward

    def __init__(self, rate: float, rng: np.random.Generator) -> None:
        self.rng = rng
        self._n_dropped = min(round(rate * 2**16), 2**16 - 1)
        self.scale = 1 / (1 - self._n_dropped / 2**16)

    def forward(self, x: Any, out: Array | None = None) -> Any:
        """Return ``x * mask / (1 - rate)``; a sparse matrix stays sparse."""
        if issparse(x):
            x = x.copy()
            x.data = self.forward(x.data)
            return x
        # One random integer serves four entries, 16 bits each, which saves three draws.
        integers = self.rng.integers(2**64, size=-(-x.size // 4), dtype=np.uint64)
        bits = integers.view(np.uint16)[: x.size]
        self._mask = (bits >= self._n_dropped).reshape(x.shape)
        return self.backward(x, out=out)

    def backward(self, dout: Array, out: Array | None = None) -> Array:
        """Return ``dout * mask / (1 - rate)`` for the mask of the last ``forward``."""
        out = np.multiply(dout, self._mask, out=out)
        out *= self.scale
        return out


class GaussianNoise:
    """Add Gaussian noise: ``y = x + e`` with ``e ~ N(0, std ** 2)``.

    Drawing a normal number takes dozens of times as long as adding it. The noise
    therefore comes from a pool of at most ``2 ** 20`` numbers. Each call reads the pool
    from a random position. It then replaces one number of the pool for every 16 numbers
    that it read.

    Parameters
    ----------
    std : float
        Standard deviation of the noise.
    rng : Generator
        Source of the noise.
    """

    in_place = True
    smallest_pool, largest_pool = 2**16, 2**20

    def __init__(self, std: float, rng: np.random.Generator) -> None:
        self.std, self.rng = std, rng
        self._pool = np.empty(0)
        self._renewed = 0

    def forward(self, x: Array, out: Array | None = None) -> Array:
        """Return ``x`` plus noise; ``out``, if given, must be C-contiguous."""
        out = np.empty(x.shape, x.dtype) if out is None else out
        self._provide_pool(x)
        numbers, noisy = x.reshape(-1), out.reshape(-1)
        for block in row_blocks(x.size, len(self._pool) // 4):
            n = block.stop - block.start
            start = self.rng.integers(len(self._pool) - n + 1)
            np.add(numbers[block], self._pool[start : start + n], out=noisy[block])
        stop = self._renewed + -(-x.size // 16)
        self._draw(self._pool[self._renewed : stop])
        self._renewed = 0 if stop >= len(self._pool) else stop
        return out

    def backward(self, dout: Array, out: Array | None = None) -> Array:
        """Return ``dout``: the noise does not depend on ``x``."""
        return dout if out is None or out is dout else np.positive(dout, out=out)

    def _provide_pool(self, x: Array) -> None:
        """Fill a pool four times the size of ``x``, within the two limits."""
        size = min(max(4 * x.size, self.smallest_pool), self.largest_pool)
        if len(self._pool) < size or self._pool.dtype != x.dtype:
            self._pool, self._renewed = np.empty(size, x.dtype), 0
            self._draw(self._pool)

    def _draw(self, numbers: Array) -> None:
        self.rng.standard_normal(dtype=numbers.dtype, out=numbers)
        numbers *= self.std
