"""Prediction: from rows, through the network, to logits or functions of logits.

All attributes are read from one snapshot. A fit that ends in another thread replaces
all attributes at once, and a prediction must not mix two models.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skmlp_scratch._estimator.attributes import FittedAttributes
from skmlp_scratch._estimator.inputs import validate_X
from skmlp_scratch._estimator.loaded import as_arrays, complete
from skmlp_scratch._estimator.numbers import check_float32_range
from skmlp_scratch.nn.activations import ACTIVATIONS, per_layer
from skmlp_scratch.nn.fast import row_blocks
from skmlp_scratch.nn.inference import predict_logits
from skmlp_scratch.nn.typing import Array

# Logits that are transformed at a time: 256 kB at float64 stay in the caches.
PIECE_ENTRIES = 32_768
# Rows whose logits are in memory at a time if only labels are returned.
BLOCK_ROWS = 2000
# scikit-learn's checks take 60 us, longer than the prediction of a few rows.
FEW_ENTRIES = 10_000
FEW_ROWS_OF_A_LIST = 10
Estimator = TypeVar("Estimator", bound=FittedAttributes)
PLAIN_TYPES = (np.dtype(np.float32), np.dtype(np.float64))


def snapshot(est: Estimator) -> Estimator:
    """Return an estimator with the current attributes of this one, which it keeps.

    Both share the dict of attributes. A fit replaces the estimator's dict, and leaves
    the snapshot unchanged. If fitted attributes were set by hand, missing ones are
    added to the snapshot only.

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    """
    fitted = object.__new__(type(est))
    fitted.__dict__ = attributes = est.__dict__
    if "_activation" not in attributes:
        check_is_fitted(fitted, "coefs_")
        fitted.__dict__ = attributes.copy()
        complete(fitted)
    return fitted


def transformed_logits(
    fitted: FittedAttributes, X: Any, transform: Callable[[Array], Array] | None = None
) -> Array:
    """Check rows; return their logits, or an array of the same shape made of them.

    Parameters
    ----------
    fitted : estimator
        A snapshot.
    X : array-like or sparse matrix of shape (n_samples, n_features)
        The data, as the caller passed it.
    transform : callable, default=None
        Maps the logits of some rows to an array of the same shape.

    Returns
    -------
    outputs : ndarray of shape (n_samples, n_outputs)
        The only array with all rows, beside X.
    """
    X, network = _checked(fitted, X)
    outputs = predict_logits(X, *network)
    if transform is not None:
        piece_rows = max(1, PIECE_ENTRIES // outputs.shape[1])
        for piece in row_blocks(len(outputs), piece_rows):
            outputs[piece] = transform(outputs[piece])
    return outputs


def reduced_logits(
    fitted: FittedAttributes, X: Any, reduce: Callable[[Array], Array]
) -> Array:
    """Check rows; return a function of their logits, without storing the logits.

    The function gets the logits of some rows, and returns an array of as many rows.
    """
    X, network = _checked(fitted, X)
    outputs: Any = None
    for block in row_blocks(X.shape[0], BLOCK_ROWS):
        part = reduce(predict_logits(X[block], *network))
        if outputs is None:
            outputs = np.empty((X.shape[0], *part.shape[1:]), part.dtype)
        outputs[block] = part
    return outputs


def last_hidden_activations(fitted: FittedAttributes, X: Any) -> Array:
    """Check rows; return the activations of the last hidden layer."""
    X, (W, b, activation) = _checked(fitted, X)
    last_hidden_width(fitted)
    *names, last = per_layer(activation, len(W) - 1)
    outputs = predict_logits(X, W[:-1], b[:-1], names)
    return ACTIVATIONS[last]().forward(outputs, out=outputs)


def last_hidden_width(fitted: FittedAttributes) -> int:
    """Return the units of the last hidden layer; raise an error if there is none."""
    if len(fitted.intercepts_) == 1:
        raise ValueError(
            "transform returns the activations of the last hidden layer, and there is "
            "none. Fit with hidden_layer_sizes of at least one layer."
        )
    return len(fitted.intercepts_[-2])


def _checked(fitted: FittedAttributes, X: Any) -> tuple[Array, tuple[Any, ...]]:
    """Return the checked X, and the other arguments of ``predict_logits``."""
    W, b = as_arrays(fitted.coefs_, fitted.intercepts_)
    return _check_rows(fitted, X, W[0].dtype), (W, b, fitted._activation)


def _check_rows(fitted: FittedAttributes, X: Any, dtype: np.dtype[Any]) -> Array:
    """Return X as an array or CSR matrix; raise an error if it cannot be predicted."""
    if isinstance(X, list) and len(X) <= FEW_ROWS_OF_A_LIST:
        X = _array_of_numbers(X)
    if _is_plain(fitted, X, np.finfo(dtype).max):
        return X
    X = validate_X(fitted, X, reset=False)
    check_float32_range(X, dtype)
    return X


def _array_of_numbers(X: list[Any]) -> Any:
    """Return a list of lists of numbers as an array, and anything else unchanged."""
    try:
        array = np.array(X)
    except ValueError:  # rows of different lengths
        return X
    return array.astype(np.float64) if array.dtype.kind in "iuf" else X


def _is_plain(fitted: FittedAttributes, X: Any, largest: float) -> bool:
    """Return whether quick tests show that the checks would leave X unchanged."""
    return bool(
        type(X) is np.ndarray
        and X.dtype in PLAIN_TYPES
        and X.ndim == 2
        and 0 < X.size <= FEW_ENTRIES
        and X.shape[1] == fitted.n_features_in_
        and not hasattr(fitted, "feature_names_in_")
        # False for a NaN, too.
        and -largest <= X.min()
        and X.max() <= largest
    )
