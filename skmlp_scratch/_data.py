"""Rows with their targets and weights, and checks beyond those of scikit-learn."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import assert_all_finite, check_array

from skmlp_scratch.nn.blocks import row_blocks
from skmlp_scratch.nn.typing import Array

FINITE_BLOCK_ROWS = 2000


@dataclass(frozen=True)
class Rows:
    """Some rows of X, with their targets and weights.

    Attributes
    ----------
    X : ndarray or sparse CSR matrix of shape (n_samples, n_features)
    targets : ndarray of shape (n_samples,) or (n_samples, n_outputs)
    weights : ndarray of shape (n_samples,) or None
        None means that all rows weigh the same.
    rows : ndarray of int or None
        Which rows are meant; None means all of them.
    """

    X: Array
    targets: Array
    weights: Array | None = None
    rows: Array | None = None

    def taken(self) -> tuple[Array, Array | None]:
        """Return targets and weights of just these rows."""
        if self.rows is None:
            return self.targets, self.weights
        weights = None if self.weights is None else self.weights[self.rows]
        return self.targets[self.rows], weights

    def __len__(self) -> int:
        return self.X.shape[0] if self.rows is None else len(self.rows)

    def some(self, n_rows: int) -> "Rows":
        """Return at most ``n_rows`` of these rows, spread evenly, by themselves."""
        rows = np.arange(self.X.shape[0]) if self.rows is None else self.rows
        spread = np.linspace(0, len(rows) - 1, min(n_rows, len(rows))).astype(int)
        some = np.sort(rows[spread])
        weights = None if self.weights is None else self.weights[some]
        return Rows(self.X[some], self.targets[some], weights)


def check_sample_weight(
    sample_weight: Any,
    n_samples: int,
    name: str = "sample_weight",
    all_zero: bool = False,
) -> Array:
    """Return weights as float64, of shape (n_samples,).

    All of them may be zero only if ``all_zero``.

    Raises
    ------
    ValueError
        If their shape is wrong, or one is negative or not finite, or all are zero.
    """
    if np.isscalar(sample_weight):
        sample_weight = np.full(n_samples, sample_weight)
    weights = check_array(
        sample_weight, ensure_2d=False, dtype=np.float64, input_name=name
    )
    if weights.shape != (n_samples,):
        raise ValueError(f"{name} must have shape ({n_samples},), got {weights.shape}")
    if weights.min() < 0:
        raise ValueError(
            f"{name} must not be negative, got {weights.min()}. Leave rows out "
            "by a weight of 0."
        )
    if not (weights.any() or all_zero):
        raise ValueError(
            f"{name} must not be zero for all samples: no row would be left."
        )
    return weights


def check_finite(X: Array, estimator_name: str) -> None:
    """Raise scikit-learn's error if X has a NaN or an infinity.

    Checked in blocks of rows, since the check makes masks of the size of what it is
    given if its first guess, a sum, is not finite: always so for much data of float16.
    """
    blocks = [X]
    if not issparse(X):
        blocks = [X[block] for block in row_blocks(len(X), FINITE_BLOCK_ROWS)]
    for block in blocks:
        assert_all_finite(block, estimator_name=estimator_name, input_name="X")


def check_float32_range(X: Array, dtype: np.dtype[Any]) -> None:
    """Raise an error if finite values of X become infinite in the computing type."""
    if X.dtype.itemsize <= dtype.itemsize:
        return
    values: Array = X.data if issparse(X) else X  # type: ignore[assignment]
    if values.size == 0:
        return
    largest = max(abs(float(values.max())), abs(float(values.min())))
    if largest > float(np.finfo(dtype).max):
        raise ValueError(
            f"X contains values as large as {largest:.3g}, too large for "
            f"dtype='{dtype}'. Scale the features, or use dtype='float64'."
        )
