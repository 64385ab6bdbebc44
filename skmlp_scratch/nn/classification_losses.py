"""Cross-entropies, each fused with its output activation: softmax or sigmoid.

A loss takes the *logits* ``z``, the output of the last affine layer. Softmax or sigmoid
followed by cross-entropy has the derivative prediction minus target with respect to
``z``. Fused, they need no logarithm of a rounded probability, so that the gradient is
exactly the derivative of the loss.

With row weights ``w`` and a normalizer ``N`` (by default the number of rows) the value
is ``sum_i w_i loss_i / N``. A row's loss is the sum over its outputs.
"""

import numpy as np
from scipy.special import entr, expit

from skmlp_scratch.nn.fast import row_sums, weighted_total
from skmlp_scratch.nn.typing import Array

# Sums of exponentials up to exp(60), and their inverses, are far from float32's limits.
LARGE_EXPONENT = 60


def softmax(logits: Array) -> Array:
    """Return ``exp(z) / sum(exp(z))`` for every row of logits ``z``.

    Subtracting the row's maximum first prevents overflow and keeps the result.

    Parameters
    ----------
    logits : ndarray of shape (n_rows, n_classes)
        Any finite numbers.

    Returns
    -------
    probabilities : ndarray of shape (n_rows, n_classes)
        Each row sums to 1.
    """
    exponentials = _below_maximum(logits)
    np.exp(exponentials, out=exponentials)
    exponentials /= exponentials.sum(axis=1, keepdims=True)
    return exponentials


def log_softmax(logits: Array) -> Array:
    """Return the logarithm of :func:`softmax`, finite even where softmax is 0.

    Logarithms below the smallest number of the type are clipped to this number.

    Parameters
    ----------
    logits : ndarray of shape (n_rows, n_classes)
        Any finite numbers.

    Returns
    -------
    logarithms : ndarray of shape (n_rows, n_classes)
        None above 0.
    """
    shifted = _below_maximum(logits)
    np.maximum(shifted, np.finfo(shifted.dtype).min, out=shifted)
    shifted -= np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return shifted


def _below_maximum(logits: Array) -> Array:
    """Return ``z - max(z)`` for every row; differences out of range become ``-inf``."""
    with np.errstate(over="ignore"):
        return logits - logits.max(axis=1, keepdims=True)


def log_sigmoid(logits: Array) -> Array:
    """Return ``log(1 / (1 + exp(-z)))``, finite even where the sigmoid is 0.

    The formula ``min(z, 0) - log(1 + exp(-|z|))`` cannot overflow. It takes 2 ns per
    entry; SciPy's log_expit takes 13.

    Parameters
    ----------
    logits : ndarray of any shape
        Any finite numbers.

    Returns
    -------
    logarithms : ndarray of the same shape
        None above 0.
    """
    logarithms = np.abs(logits)
    np.negative(logarithms, out=logarithms)
    np.exp(logarithms, out=logarithms)
    np.log1p(logarithms, out=logarithms)
    return np.subtract(np.minimum(logits, 0), logarithms, out=logarithms)


class SoftmaxCrossEntropy:
    """``loss_i = -sum_k q_ik log(softmax(z_i)[k])`` for integer class codes ``t``.

    ``q = (1 - s) onehot(t) + s / n_classes`` with label smoothing ``s`` (Szegedy et al.
    2016, arXiv:1512.00567, section 7); at 0 the loss is ``-log(softmax(z_i)[t_i])``.

    Parameters
    ----------
    label_smoothing : float, default=0.0
        ``s``, at least 0 and below 1.
    """

    output_activation = "softmax"

    def __init__(self, label_smoothing: float = 0.0) -> None:
        self.label_smoothing = label_smoothing

    def output(self, logits: Array) -> Array:
        """Return the class probabilities, of shape (n_rows, n_classes)."""
        return softmax(logits)

    def loss_and_gradient(
        self,
        logits: Array,
        targets: Array,
        weights: Array | None = None,
        normalizer: float | None = None,
        out: Array | None = None,
    ) -> tuple[float, Array]:
        """Return the loss and its derivative ``(softmax(z) - q) w / N``.

        Both use one buffer, and no logarithm of a probability is taken.

        Parameters
        ----------
        logits : ndarray of shape (n_rows, n_classes)
            The scores ``z``.
        targets : ndarray of int of shape (n_rows,)
            The code of each row's class, from 0 to n_classes - 1.
        weights : ndarray of shape (n_rows,), default=None
            Row weights; None means 1 for every row.
        normalizer : float, default=None
            What the sum over the rows is divided by; None means n_rows.
        out : ndarray of shape (n_rows, n_classes), default=None
            Where the derivative goes. May be ``logits`` itself.

        Returns
        -------
        loss : float
            The mean, or the sum divided by ``normalizer``.
        dlogits : ndarray of shape (n_rows, n_classes)
            The derivative, in ``out`` if that is given.
        """
        n_rows, n_classes = logits.shape
        smoothing = self.label_smoothing
        # With flat positions, take and put need 1 us at 200 x 10; indexing with
        # [rows, targets] needs 6.
        at_targets = np.arange(0, n_rows * n_classes, n_classes) + targets
        target_logits = logits.take(at_targets)
        # With the target's logit subtracted, the loss is the logarithm of the sum. Rows
        # are shifted by their maximum only if exp might overflow otherwise: finding the
        # maxima takes longer, 10 us at 200 x 10, than anything else here.
        lead = None
        shifted = logits - target_logits[:, np.newaxis]
        if shifted.item(shifted.argmax()) > LARGE_EXPONENT:  # 0.7 us less than max()
            highest = logits.max(axis=1)
            lead = highest - target_logits
            shifted = logits - highest[:, np.newaxis]
        out = np.exp(shifted, out=out)
        sums = row_sums(out)
        losses = np.log(sums)
        if smoothing:
            losses -= smoothing * shifted.mean(axis=1)
        if lead is not None:
            losses += (1 - smoothing) * lead
        value, scales = weighted_total(losses, weights, normalizer)
        factors = scales / sums
        out *= factors[:, np.newaxis]
        # At the targets, the exponentials are exp(0), or exp(-lead), and q is
        # 1 - s (1 - 1 / n_classes); elsewhere q is s / n_classes. put replaces entries,
        # so that it has to come last.
        at_target = (factors if lead is None else factors * np.exp(-lead)) - scales
        if smoothing:
            out -= np.reshape(scales, (-1, 1)) * (smoothing / n_classes)
            at_target += scales * (smoothing * (1 - 1 / n_classes))
        out.put(at_targets, at_target)
        return value, out

    def errors(self, logits: Array, targets: Array) -> Array:
        """Return ``softmax(z) - q``."""
        return self.loss_and_gradient(logits, targets, normalizer=1)[1]

    def constant_loss(
        self, targets: Array, weights: Array | None = None, n_outputs: int = 0
    ) -> float:
        """Return the entropy of the class frequencies, with label smoothing."""
        frequencies = np.bincount(targets, weights, minlength=n_outputs)
        frequencies = frequencies / frequencies.sum()
        frequencies += self.label_smoothing * (1 / len(frequencies) - frequencies)
        return float(entr(frequencies).sum())


class SigmoidCrossEntropy:
    """``loss_i = sum_k log(1 + exp(z_ik)) - q_ik z_ik`` for targets ``t`` in 0..1.

    ``q = (1 - s) t + s / 2`` with label smoothing ``s``; at 0, ``q = t``.

    Parameters
    ----------
    label_smoothing : float, default=0.0
        ``s``, at least 0 and below 1.
    """

    output_activation = "logistic"

    def __init__(self, label_smoothing: float = 0.0) -> None:
        self.label_smoothing = label_smoothing

    def output(self, logits: Array) -> Array:
        """Return the probability of each label, of shape (n_rows, n_labels)."""
        return expit(logits)

    def loss_and_gradient(
        self,
        logits: Array,
        targets: Array,
        weights: Array | None = None,
        normalizer: float | None = None,
        out: Array | None = None,
    ) -> tuple[float, Array]:
        """Return the loss and its derivative ``(sigmoid(z) - q) w / N``."""
        targets = self._smooth(targets)
        losses = (np.logaddexp(0, logits) - targets * logits).sum(axis=1)
        out = expit(logits, out=out)
        out -= targets
        value, scales = weighted_total(losses, weights, normalizer)
        out *= np.reshape(scales, (-1, 1))
        return value, out

    def errors(self, logits: Array, targets: Array) -> Array:
        """Return ``sigmoid(z) - q``."""
        return expit(logits) - self._smooth(targets)

    def constant_loss(
        self,
        targets: Array,
        weights: Array | None = None,
        n_outputs: int = 0,
    ) -> float:
        """Return the sum over the labels of the entropy of their frequencies."""
        frequencies = np.average(self._smooth(targets), axis=0, weights=weights)
        return float((entr(frequencies) + entr(1 - frequencies)).sum())

    def _smooth(self, targets: Array) -> Array:
        if not self.label_smoothing:
            return targets
        return targets + self.label_smoothing * (0.5 - targets)
