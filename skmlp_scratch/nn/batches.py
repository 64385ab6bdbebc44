"""Mini-batches: which rows, in which order, cast to which type.

Every row comes once per epoch. The rows of a batch are copied to a buffer, which all
batches share, and are cast there. X is never copied as a whole: images of uint8 stay
uint8 in memory.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import issparse

from skmlp_scratch.nn.fast import even_blocks, row_blocks
from skmlp_scratch.nn.typing import Array


class Batch(NamedTuple):
    """Rows of the training data; X is valid until the next batch.

    The normalizer is the number of rows times the mean weight of *all* training rows;
    in a stream, of all rows so far. Division by the sum of the weights in the batch
    would partly cancel the weights, and entirely in batches of one row.

    Attributes
    ----------
    X : ndarray or sparse CSR matrix of shape (n_rows, n_features)
        The rows.
    targets : ndarray of shape (n_rows,) or (n_rows, n_outputs)
        Their targets.
    weights : ndarray of shape (n_rows,), or None
        Their weights; None stands for 1.
    normalizer : float
        What sums over the rows are divided by.
    """

    X: Array
    targets: Array
    weights: Array | None
    normalizer: float


class Batches:
    """The training rows, served in mini-batches, one epoch per iteration.

    Only one iteration may run at a time, since all iterations share a buffer.

    Parameters
    ----------
    X : ndarray or sparse CSR matrix of shape (n_samples, n_features)
        The data, of any numeric type. It is only read.
    targets : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        Class codes or values.
    batch_size : int
        Rows in a batch; the last batch of an epoch may be smaller.
    dtype : dtype
        Computing type, which the rows are cast to.
    rng : RandomState or None
        Shuffles the rows before every epoch; None keeps their order.
    rows : ndarray of int of shape (n_rows,), default=None
        Which rows of X to serve; None means all of them.
    weights : ndarray of shape (n_samples,), default=None
        Row weights; None means that all rows have the same weight.
    mean_weight : float, default=None
        The weight that weights are relative to; None means the mean weight of the rows
        to serve, or 1 without weights.
    even : bool, default=False
        Whether all batches of an epoch have the same number of rows, or one less,
        instead of a last one that may be much smaller.

    Attributes
    ----------
    n_rows : int
        Rows in an epoch.
    """

    def __init__(
        self,
        X: Array,
        targets: Array,
        batch_size: int,
        dtype: Any,
        rng: np.random.RandomState | None,
        rows: Array | None = None,
        weights: Array | None = None,
        mean_weight: float | None = None,
        even: bool = False,
    ) -> None:
        # Gathering rows from Fortran order is a hundred times slower than from C order.
        self.X = X if issparse(X) else np.ascontiguousarray(X)
        self.targets, self.weights = targets, weights
        self.batch_size, self.rng, self.dtype = batch_size, rng, np.dtype(dtype)
        self.order = np.arange(X.shape[0]) if rows is None else rows.copy()
        self.n_rows = len(self.order)
        self._blocks = even_blocks if even else row_blocks
        if weights is not None:
            self.weights = weights.astype(dtype, copy=False)
        if mean_weight is None:
            of_rows = None if weights is None else weights[self.order]
            mean_weight = 1.0 if of_rows is None else of_rows.mean(dtype=np.float64)
        self.mean_weight = float(mean_weight)
        if issparse(X):
            return
        shape = (min(batch_size, self.n_rows), X.shape[1])
        self._buffer = np.empty(shape, dtype)
        self._cast = X.dtype != self._buffer.dtype
        self._uncast = np.empty(shape, X.dtype) if self._cast else self._buffer

    def __iter__(self) -> Iterator[Batch]:
        """Serve one epoch."""
        if self.rng is not None:
            self.rng.shuffle(self.order)
        for block in self._blocks(self.n_rows, self.batch_size):
            rows = self.order[block]
            yield Batch(
                self._gather(rows),
                self.targets[rows],
                None if self.weights is None else self.weights[rows],
                self.mean_weight * len(rows),
            )

    def sample(self, n_rows: int) -> tuple[Array, Array | None]:
        """Return at most ``n_rows`` rows, spread evenly, and their weights."""
        order = np.sort(self.order)
        spread = np.linspace(0, self.n_rows - 1, min(n_rows, self.n_rows)).astype(int)
        rows = order[spread]
        weights = None if self.weights is None else self.weights[rows]
        return self.X[rows].astype(self.dtype, copy=False), weights

    def _gather(self, rows: Array) -> Array:
        if issparse(self.X):
            return self.X[rows].astype(self.dtype, copy=False)
        n = len(rows)
        # No row is out of range. mode="raise" would use a temporary array: 100 us
        # instead of 63 for a batch of 200 MNIST rows.
        self.X.take(rows, axis=0, out=self._uncast[:n], mode="clip")
        if self._cast:
            self._buffer[:n] = self._uncast[:n]
        return self._buffer[:n]
