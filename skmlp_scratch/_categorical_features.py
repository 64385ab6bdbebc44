"""Which columns of a table are categories: what ``categorical_features`` says."""

from typing import Any

import numpy as np
from scipy.sparse import issparse

from skmlp_scratch._columns import column, column_names, holds_levels, is_frame
from skmlp_scratch.exceptions import InvalidParameterError
from skmlp_scratch.nn.typing import Array

WORDS = (
    "'from_dtype', None, or an array-like of column names, of positions, or of True "
    "and False for each column"
)


def categorical_mask(X: Any, categorical_features: Any) -> Array:
    """Return a boolean mask of the columns of X that are categories.

    Parameters
    ----------
    X : frame, ndarray or sparse matrix of shape (n_samples, n_features)
        The table.
    categorical_features : 'from_dtype', array-like or None
        As of the estimators.

    Raises
    ------
    ValueError
        If the parameter is not valid, or does not fit the table, or a column is text.
    """
    n_features = X.shape[1]
    if isinstance(categorical_features, str) and categorical_features == "from_dtype":
        return _from_dtype(X)
    mask = np.zeros(n_features, dtype=bool)
    if categorical_features is None:
        return mask
    listed = np.asarray(categorical_features)
    if listed.ndim != 1:
        raise InvalidParameterError(
            f"categorical_features must be {WORDS}, got {categorical_features!r}"
        )
    if listed.dtype.kind == "b":
        if listed.shape != mask.shape:
            raise InvalidParameterError(
                f"categorical_features must be a mask of shape ({n_features},), one "
                f"entry for each column, got shape {listed.shape}"
            )
        mask = listed
    else:
        mask[_positions(X, listed, categorical_features)] = True
    if issparse(X) and mask.any():
        raise ValueError(
            f"categorical_features={categorical_features!r} needs dense X. Pass "
            "X.toarray(), or encode the categories before."
        )
    return mask


def _from_dtype(X: Any) -> Array:
    numeric = not is_frame(X) and X.dtype.kind in "biuf"
    if issparse(X) or numeric:
        return np.zeros(X.shape[1], dtype=bool)
    return np.array(
        [holds_levels(column(X, j), name) for j, name in enumerate(column_names(X))]
    )


def _positions(X: Any, listed: Array, given: Any) -> list[int]:
    """Return where the columns are that are listed by name or position."""
    if listed.size == 0:
        return []
    if listed.dtype.kind in "iu":
        if listed.min() < 0 or listed.max() >= X.shape[1]:
            raise InvalidParameterError(
                f"categorical_features must be positions from 0 to {X.shape[1] - 1}, "
                f"got {given!r}"
            )
        return listed.tolist()
    if not all(isinstance(name, str) for name in listed.tolist()):
        raise InvalidParameterError(
            f"categorical_features must be {WORDS}, got {given!r}"
        )
    if not is_frame(X):
        raise InvalidParameterError(
            "categorical_features must be positions or a mask where X has no column "
            f"names, got {given!r}"
        )
    names = list(X.columns)
    unknown = [name for name in listed.tolist() if name not in names]
    if unknown:
        raise InvalidParameterError(
            f"categorical_features must be names of columns of X, got {unknown!r}, "
            f"which are not among {names!r}"
        )
    return [names.index(name) for name in listed.tolist()]
