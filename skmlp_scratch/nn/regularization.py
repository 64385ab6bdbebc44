"""What happens in training only: noise, dropout, limits on norms, averaged weights.

Prediction knows of none of these. All randomness comes from a NumPy ``Generator``.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from scipy.sparse import issparse

from skmlp_scratch.nn.blocks import in_blocks, row_blocks
from skmlp_scratch.nn.typing import Array
from skmlp_scratch.nn.vectors import add_multiple


class Dropout:
    """Each entry is 0 with probability ``rate``, else multiplied by ``1 / (1 - rate)``.

    The expected value is the input itself, so that prediction needs no correction
    ("inverted" dropout; Srivastava et al. 2014, JMLR 15, 1929-1958).

    Parameters
    ----------
    rate : float
        Probability of 0, at least 0 and below 1; rounded to a multiple of ``2 ** -16``.
    rng : Generator
        Source of the masks.
    """

    def __init__(self, rate: float, rng: np.random.Generator) -> None:
        self.rng = rng
        self._n_dropped = min(round(rate * 2**16), 2**16 - 1)
        self.scale = 1 / (1 - self._n_dropped / 2**16)

    def forward(self, x: Any, out: Array | None = None) -> Any:
        """Return ``x * mask / (1 - rate)``; of a sparse x, which stays sparse."""
        if issparse(x):
            x = x.copy()
            x.data = self.forward(x.data)
            return x
        # 16 random bits decide on an entry: four entries per random integer.
        integers = self.rng.integers(2**64, size=-(-x.size // 4), dtype=np.uint64)
        bits = integers.view(np.uint16)[: x.size]
        self._mask = (bits >= self._n_dropped).reshape(x.shape)
        return self.backward(x, out=out)

    def backward(self, dout: Array, out: Array | None = None) -> Array:
        """Return ``dout * mask / (1 - rate)``, with the mask of the last forward."""
        out = np.multiply(dout, self._mask, out=out)
        out *= self.scale
        return out


class GaussianNoise:
    """``y = x + e`` with ``e ~ N(0, std ** 2)``.

    What is added does not depend on x: the derivative with respect to y is that with
    respect to x, and there is no backward.

    To draw a normal number takes dozens of times as long as to add it. They come from a
    pool of at most a million, which is read from a random place at each call; a sixteenth
    as many numbers as were read are then drawn anew.

    Parameters
    ----------
    std : float
        Standard deviation.
    rng : Generator
        Source of the numbers.
    """

    smallest_pool, largest_pool = 2**16, 2**20

    def __init__(self, std: float, rng: np.random.Generator) -> None:
        self.std, self.rng = std, rng
        self._pool = np.empty(0)
        self._renewed = 0

    def forward(self, x: Array, out: Array | None = None) -> Array:
        """Return ``x`` plus noise; ``out``, if given, must be in C order."""
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

    def _provide_pool(self, x: Array) -> None:
        """Fill a pool of four times the numbers that x has, within the two limits."""
        size = min(max(4 * x.size, self.smallest_pool), self.largest_pool)
        if len(self._pool) < size or self._pool.dtype != x.dtype:
            self._pool, self._renewed = np.empty(size, x.dtype), 0
            self._draw(self._pool)

    def _draw(self, numbers: Array) -> None:
        self.rng.standard_normal(dtype=numbers.dtype, out=numbers)
        numbers *= self.std


def clip_gradient(gradient: Array, clip_norm: float) -> None:
    """Scale a gradient in place, if its Euclidean norm is larger than ``clip_norm``.

    The factor is ``clip_norm / (norm + 1e-6)`` (Pascanu et al. 2013, arXiv:1211.5063,
    in the form of PyTorch's ``clip_grad_norm_``).
    """
    norm = math.sqrt(float(gradient.dot(gradient)))
    factor = clip_norm / (norm + 1e-6)
    if factor < 1:
        gradient *= factor


def limit_norms(weights: Sequence[Array], max_norm: float) -> None:
    """Scale, in place, the incoming weights of each unit whose norm is too large.

    The incoming weights of a unit are a column of its layer's matrix (Srebro and
    Shraibman 2005; with dropout: Srivastava et al. 2014, section 5.1).
    """
    for W in weights:
        norms = np.sqrt(np.einsum("ij,ij->j", W, W))
        if norms.max() > max_norm:
            np.multiply(W, max_norm / np.maximum(norms, max_norm), out=W)


class WeightAverage:
    """The exponential moving average of the parameters (Polyak and Juditsky 1992).

    ``a <- d a + (1 - d) p`` after each step, with ``d = min(decay, (1 + t) / (10 + t))``
    at step ``t = 0, 1, ...``, so that the start is soon forgotten.

    Parameters
    ----------
    decay : float
        ``d`` in the long run: 0.999 averages over about the last 1000 steps.
    parameters : ndarray of shape (n_parameters,)
        Where the average starts.
    t : int, default=0
        Steps that are in the average already.

    Attributes
    ----------
    vector : ndarray of shape (n_parameters,)
        The average or, while this takes the place of the parameters, these.
    """

    def __init__(self, decay: float, parameters: Array, t: int = 0) -> None:
        self.decay, self.vector, self.t = decay, parameters.copy(), t
        self._in_place = False

    def update(self, parameters: Array) -> None:
        """Take note of the parameters after a step."""
        share = 1 - min(self.decay, (1 + self.t) / (10 + self.t))
        self.t += 1

        def approach(average: Array, parameters: Array) -> None:
            add_multiple(average, share, parameters - average)

        in_blocks(approach, self.vector, parameters)

    def put_in_place(self, parameters: Array) -> None:
        """Exchange the parameters for their average, unless this has been done."""
        if not self._in_place:
            self._exchange(parameters)

    def take_back(self, parameters: Array) -> None:
        """Undo ``put_in_place``."""
        if self._in_place:
            self._exchange(parameters)

    @contextmanager
    def shown_in(self, parameters: Array) -> Iterator[None]:
        """Have the average in the place of the parameters for a while."""
        self.put_in_place(parameters)
        try:
            yield
        finally:
            self.take_back(parameters)

    def _exchange(self, parameters: Array) -> None:
        parameters[...], self.vector = self.vector, parameters.copy()
        self._in_place = not self._in_place
