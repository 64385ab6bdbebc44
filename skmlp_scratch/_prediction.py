"""Prediction: from rows, through the network, to what is wanted of their logits.

Everything is read from one snapshot of the fitted attributes: a fit that ends in another
thread replaces all of them at once, and a prediction must not mix two models.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skmlp_scratch._data import validate_X
from skmlp_scratch._loaded import as_arrays, complete
from skmlp_scratch._numbers import check_float32_range
from skmlp_scratch.nn.blocks import row_blocks
from skmlp_scratch.nn.losses import log_softmax, softmax
from skmlp_scratch.nn.network import predict_logits
from skmlp_scratch.nn.typing import Array

# Logits that become probabilities at a time: 256 kB at float64 stay in the caches.
PIECE_ENTRIES = 32_768
# Rows whose logits are there at a time if only labels are wanted.
BLOCK_ROWS = 2000
# scikit-learn's checks take 60 us, more than a few rows take to go through a network.
FEW_ENTRIES = 10_000
FEW_ROWS_OF_A_LIST = 10
PLAIN_TYPES = (np.dtype(np.float32), np.dtype(np.float64))


def snapshot(est: Any) -> Any:
    """Return an estimator with the attributes that this one has now, and keeps.

    It shares the dict of attributes. A fit that replaces this dict by a new one leaves
    the snapshot as it is. What is missing of fitted attributes set by hand is added, to
    the snapshot only.

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    """
    fitted = object.__new__(type(est))
    fitted.__dict__ = attributes = vars(est)
    if "_activation" not in attributes:
        check_is_fitted(fitted, "coefs_")
        fitted.__dict__ = attributes.copy()
        complete(fitted)
    return fitted


def transformed_logits(
    fitted: Any, X: Any, transform: Callable[[Array], Array] | None = None
) -> Array:
    """Check rows; return their logits, or an array of the same shape made of them.

    Parameters
    ----------
    fitted : estimator
        A snapshot.
    X : array-like or sparse matrix of shape (n_samples, n_features)
        The data, as the caller passed it.
    transform : callable, default=None
        Returns what takes the place of the logits of a few rows.

    Returns
    -------
    outputs : ndarray of shape (n_samples, n_outputs)
        Beside X, the only array that has all rows.
    """
    X, network = _checked(fitted, X)
    outputs = predict_logits(X, *network)
    if transform is not None:
        piece_rows = max(1, PIECE_ENTRIES // outputs.shape[1])
        for piece in row_blocks(len(outputs), piece_rows):
            outputs[piece] = transform(outputs[piece])
    return outputs


def reduced_logits(fitted: Any, X: Any, reduce: Callable[[Array], Array]) -> Array:
    """Check rows; return what a function makes of their logits, which are not kept.

    It gets those of a few rows, and returns an array of as many rows.
    """
    X, network = _checked(fitted, X)
    outputs: Any = None
    for block in row_blocks(X.shape[0], BLOCK_ROWS):
        part = reduce(predict_logits(X[block], *network))
        if outputs is None:
            outputs = np.empty((X.shape[0], *part.shape[1:]), part.dtype)
        outputs[block] = part
    return outputs


def _checked(fitted: Any, X: Any) -> tuple[Array, tuple[Any, ...]]:
    """Return X, if it can be predicted, and what ``predict_logits`` takes beside it."""
    W, b = as_arrays(fitted.coefs_, fitted.intercepts_)
    return _check_rows(fitted, X, W[0].dtype), (W, b, fitted._activation)


def class_probabilities(logits: Array) -> Array:
    """Return the softmax of logits, never 0."""
    probabilities = softmax(logits)
    tiny = np.finfo(probabilities.dtype).tiny
    if not probabilities.min() >= tiny:  # or there is a NaN
        low = probabilities < tiny
        probabilities[low] = _below_tiny(log_softmax(logits)[low])
    return probabilities


def label_probabilities(logits: Array) -> Array:
    """Return the sigmoid of logits, never 0 and never 1."""
    # A third of the time of SciPy's expit. Overflow is right: 1 / inf is 0.
    with np.errstate(over="ignore"):
        probabilities = np.exp(-logits)
    probabilities += 1
    np.divide(1, probabilities, out=probabilities)
    info = np.finfo(probabilities.dtype)
    if not probabilities.max() < 1:  # or there is a NaN
        np.minimum(probabilities, 1 - info.epsneg, out=probabilities)
    if not probabilities.min() >= info.tiny:
        low = probabilities < info.tiny
        # So far down, the logarithm of the sigmoid is the logit.
        probabilities[low] = _below_tiny(logits[low])
    return probabilities


def _below_tiny(logarithms: Array) -> Array:
    """Return numbers above 0 and below the smallest normal one, in the same order.

    How far they are below is a logarithm again: even the lowest of logarithms finds room
    above 0, and two that differ by one part in 50,000 (float64: in 10^12) do not tie.
    """
    info = np.finfo(logarithms.dtype)
    depths = 1 + np.log1p(np.log(info.tiny) - np.maximum(logarithms, info.min))
    return info.tiny * (1 - depths / (3 + np.log(info.max)))


def _check_rows(fitted: Any, X: Any, dtype: np.dtype[Any]) -> Array:
    """Return X as an array or CSR matrix; raise an error if it cannot be predicted."""
    if isinstance(X, list) and len(X) <= FEW_ROWS_OF_A_LIST:
        X = _array_of_numbers(X)
    if _is_plain(fitted, X, np.finfo(dtype).max):
        return X
    X = validate_X(fitted, X, reset=False)
    check_float32_range(X, dtype)
    return X


def _array_of_numbers(X: list[Any]) -> Any:
    """Return the array that a list of lists of numbers makes, and anything else as it is."""
    try:
        array = np.array(X)
    except ValueError:  # rows of different lengths
        return X
    return array.astype(np.float64) if array.dtype.kind in "iuf" else X


def _is_plain(fitted: Any, X: Any, largest: float) -> bool:
    """Return whether the checks would let X through as it is, which is seen at once."""
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
