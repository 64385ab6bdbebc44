"""Rows with their targets and weights."""

from dataclasses import dataclass

import numpy as np

from skmlp_scratch.nn.typing import Array

# The size of samples: enough to find problems, at no noticeable cost.
SAMPLE_ROWS = 1000


@dataclass(frozen=True)
class Rows:
    """A selection of rows of X, with their targets and weights.

    Attributes
    ----------
    X : ndarray or sparse CSR matrix of shape (n_samples, n_features)
    targets : ndarray of shape (n_samples,) or (n_samples, n_outputs)
    weights : ndarray of shape (n_samples,) or None
        None means that all rows have the same weight.
    rows : ndarray of int or None
        Which rows are selected; None means all of them.
    """

    X: Array
    targets: Array
    weights: Array | None = None
    rows: Array | None = None

    def own(self) -> tuple[Array, Array | None]:
        """Return the targets and weights of the selected rows."""
        if self.rows is None:
            return self.targets, self.weights
        weights = None if self.weights is None else self.weights[self.rows]
        return self.targets[self.rows], weights

    def __len__(self) -> int:
        return self.X.shape[0] if self.rows is None else len(self.rows)

    def sample(self, n_rows: int) -> "Rows":
        """Return a copy of at most ``n_rows`` evenly spaced rows of the selection."""
        rows = np.arange(self.X.shape[0]) if self.rows is None else self.rows
        spread = np.linspace(0, len(rows) - 1, min(n_rows, len(rows))).astype(int)
        sampled = np.sort(rows[spread])
        weights = None if self.weights is None else self.weights[sampled]
        return Rows(self.X[sampled], self.targets[sampled], weights)

    def anything_to_distinguish(self) -> bool:
        """Return whether there are two rows with different targets."""
        return len(self) > 1 and bool(np.ptp(self.own()[0], axis=0).any())
