"""Probabilities from logits: never 0, and in the order of the logits."""

import numpy as np

from skmlp_scratch.nn.classification_losses import log_softmax, softmax
from skmlp_scratch.nn.typing import Array


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

    The distance below the smallest normal number grows with the logarithm of the
    logarithm, so that even the lowest logarithm gets a number above 0. Two logarithms
    that differ by one part in 50,000 (float64: in 10^12) get different numbers.
    """
    info = np.finfo(logarithms.dtype)
    depths = 1 + np.log1p(np.log(info.tiny) - np.maximum(logarithms, info.min))
    return info.tiny * (1 - depths / (3 + np.log(info.max)))
