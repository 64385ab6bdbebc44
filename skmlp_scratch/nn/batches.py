"""Mini-batches: which rows, in which order, cast into which buffer.

Every row comes once per epoch. A batch is gathered into a buffer that is reused, so that
X is never copied as a whole, and cast on the way: images of uint8 stay uint8 in memory.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import issparse

from skmlp_scratch.nn.fast import even_blocks, row_blocks
from skmlp_scratch.nn.typing import Array


class Batch(NamedTuple):
    """Some rows of the training data; X is valid until the next batch comes.

    The normalizer is the number of rows times the mean weight of *all* training rows; in
    a stream, of all rows so far. Dividing by the weights of the batch itself would cancel
    them: entirely so in batches of one row.
    """

    X: Array
    targets: Array
    weights: Array | None
    normalizer: float


class Batches:
    """The training rows, served in mini-batches, one epoch per iteration.

    One iteration at a time: they share a buffer.

    Parameters
    ----------
    X : ndarray or sparse CSR matrix of shape (n_samples, n_features)
        Of any numeric type. Never written to.
    targets : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        Class codes or values.
    batch_size : int
        Rows in a batch; the last batch of an epoch may be smaller.
    dtype : dtype
        Computing type, to which the rows are cast.
    rng : RandomState or None
        Shuffles the order before every epoch; None keeps the order of the rows.
    rows : ndarray of int of shape (n_rows,), default=None
        Which rows of X to serve; None means all of them.
    weights : ndarray of shape (n_samples,), default=None
        Row weights; None means that all rows weigh the same.
    mean_weight : float, default=None
        What weights are relative to; None means the mean of the weights of these rows,
        or 1 without weights.
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

    def _gather(self, rows: Array) -> Array:
        if issparse(self.X):
            return self.X[rows].astype(self.dtype, copy=False)
        n = len(rows)
        # mode="raise" would go through a temporary array: 63 us against 100 for a batch
        # of 200 MNIST rows. All rows are in range.
        self.X.take(rows, axis=0, out=self._uncast[:n], mode="clip")
        if self._cast:
            self._buffer[:n] = self._uncast[:n]
        return self._buffer[:n]
