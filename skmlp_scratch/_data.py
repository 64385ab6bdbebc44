"""Rows with their targets and weights, and checks beyond those of scikit-learn."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

from skmlp_scratch._numbers import (
    NO_NUMBERS,
    as_numbers,
    check_finite,
    check_type,
    lengths_explained,
)
from skmlp_scratch.exceptions import DataTypeError
from skmlp_scratch.nn.typing import Array


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


def validate_X(estimator: Any, X: Any, reset: bool, name: str = "X") -> Array:
    """Return X in its own type, which is numeric; objects as float64.

    Raises
    ------
    ValueError
        If X is not finite numbers in two dimensions, or not like that of ``fit``.
    """
    check_type(X, name, NO_NUMBERS)
    with lengths_explained(name):
        X = validate_data(
            estimator,
            X,
            accept_sparse=["csr", "csc"],
            dtype=None,
            ensure_all_finite=False,
            reset=reset,
        )
    X = as_numbers(X, name)
    check_finite(X, type(estimator).__name__, name)
    return X.tocsr() if issparse(X) else X


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
    if isinstance(sample_weight, str):
        raise DataTypeError(
            f"{name} must hold numbers, one per row, got {sample_weight!r}. Have them "
            "computed by sklearn.utils.class_weight.compute_sample_weight('balanced', y)."
        )
    if np.isscalar(sample_weight):
        sample_weight = np.full(n_samples, sample_weight)
    check_type(sample_weight, name, "cmM")
    with lengths_explained(name):
        weights = check_array(
            sample_weight,
            ensure_2d=False,
            dtype=None,
            ensure_all_finite=False,
            input_name=name,
        )
    if weights.dtype.kind in "SU":  # numbers as text will do, as in scikit-learn
        weights = weights.astype(object)
    weights = as_numbers(weights, name)
    check_finite(weights, None, name)
    weights = weights.astype(np.float64)
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
