"""Losses for real targets, and their base class.

A loss takes the *logits* ``z``, the output of the last affine layer. It defines which
targets it allows and which constant prediction is best. With row weights ``w`` and a
normalizer ``N`` (by default the number of rows), the value is ``sum_i w_i loss_i / N``.
A row's loss is the sum over its outputs.

To add a loss, derive it from ``RegressionLoss``, with the methods ``row_losses`` and
``constant``, and give it a row in ``REGRESSION_LOSSES`` of :mod:`losses`.
"""

import math
from collections.abc import Sequence

import numpy as np

from skmlp_scratch.nn.fast import weighted_total
from skmlp_scratch.nn.typing import Array


class RegressionLoss:
    """Base class: the weighted sum over the rows, and the best constant prediction.

    Attributes
    ----------
    lowest : float
        The lowest target that is allowed.
    lowest_excluded : bool
        Whether targets must be above ``lowest``.
    reads : tuple of str
        Names of the estimator's parameters that its constructor has, too.
    quadratic : bool
        Whether losses grow with the square of the targets.
    unit_free : bool
        Whether the loss is the same for targets and predictions in another unit.
    """

    output_activation = "identity"
    reads: tuple[str, ...] = ()
    lowest, lowest_excluded = -math.inf, False
    quadratic = False
    unit_free = False

    def output(self, logits: Array) -> Array:
        """Return the predictions: the logits themselves."""
        return logits

    def row_losses(
        self, logits: Array, targets: Array, out: Array | None = None
    ) -> tuple[Array, Array]:
        """Return each row's loss, and its derivative with respect to the logits."""
        raise NotImplementedError

    def constant(self, targets: Array, weights: Array | None = None) -> Array:
        """Return the logits of the best constant prediction, one per output."""
        raise NotImplementedError

    def start(self, targets: Array, weights: Array | None = None) -> Array:
        """Return logits near the best constant for training to start from."""
        return self.constant(targets, weights)

    def loss_and_gradient(
        self,
        logits: Array,
        targets: Array,
        weights: Array | None = None,
        normalizer: float | None = None,
        out: Array | None = None,
    ) -> tuple[float, Array]:
        """Return the loss and its derivative with respect to the logits.

        Parameters
        ----------
        logits : ndarray of shape (n_rows, n_outputs)
            The output ``z`` of the last layer.
        targets : ndarray of shape (n_rows, n_outputs)
            The values to predict.
        weights : ndarray of shape (n_rows,), default=None
            Row weights; None means 1 for every row.
        normalizer : float, default=None
            What the sum over the rows is divided by; None means n_rows.
        out : ndarray of shape (n_rows, n_outputs), default=None
            Where the derivative goes. May be ``logits`` itself.

        Returns
        -------
        loss : float
            The mean, or the sum divided by ``normalizer``.
        dlogits : ndarray of shape (n_rows, n_outputs)
            The derivative, in ``out`` if that is given.
        """
        losses, out = self.row_losses(logits, targets, out)
        value, scales = weighted_total(losses, weights, normalizer)
        out *= np.reshape(scales, (-1, 1))
        return value, out

    def errors(self, logits: Array, targets: Array) -> Array:
        """Return prediction minus target."""
        return self.output(logits) - targets

    def constant_loss(
        self, targets: Array, weights: Array | None = None, n_outputs: int = 0
    ) -> float:
        """Return the mean loss of the best constant prediction: the one to beat."""
        values = targets.astype(np.float64)
        best = self.constant(values, weights)
        losses, _ = self.row_losses(np.tile(best, (len(values), 1)), values)
        return float(np.average(losses, weights=weights))


class SquaredError(RegressionLoss):
    """``loss_i = 1/2 sum_k (z_ik - t_ik)^2``; its best constant is the mean."""

    quadratic = True

    def row_losses(
        self, logits: Array, targets: Array, out: Array | None = None
    ) -> tuple[Array, Array]:
        """Return the losses and ``z - t``."""
        out = np.subtract(logits, targets, out=out)
        return 0.5 * np.einsum("ij,ij->i", out, out), out

    def constant(self, targets: Array, weights: Array | None = None) -> Array:
        """Return the means."""
        return np.average(targets, axis=0, weights=weights)

    def start(self, targets: Array, weights: Array | None = None) -> Array:
        """Return the medians, which do not depend on single outliers."""
        return weighted_quantiles(targets, weights, 0.5)


class AbsoluteError(RegressionLoss):
    """``loss_i = sum_k |z_ik - t_ik|``; its best constant is the median.

    The derivative at 0 is 0.
    """

    def row_losses(
        self, logits: Array, targets: Array, out: Array | None = None
    ) -> tuple[Array, Array]:
        """Return the losses and ``sign(z - t)``."""
        out = np.subtract(logits, targets, out=out)
        return np.abs(out).sum(axis=1), np.sign(out, out=out)

    def constant(self, targets: Array, weights: Array | None = None) -> Array:
        """Return the medians."""
        return weighted_quantiles(targets, weights, 0.5)


class PinballLoss(RegressionLoss):
    """``loss_i = sum_k max(q_k (t_ik - z_ik), (1 - q_k) (z_ik - t_ik))``.

    Its best constant is the ``q`` quantile (Koenker and Bassett 1978). The derivative
    where ``z = t`` is 0.

    Parameters
    ----------
    quantile : float or sequence of float, default=0.5
        ``q``, between 0 and 1. Several quantiles, in increasing order, need targets of
        one column, and have one output each. Their predictions are sorted, so that they
        never cross.
    """

    reads = ("quantile",)

    def __init__(self, quantile: float | Sequence[float] = 0.5) -> None:
        self.quantiles = np.atleast_1d(np.asarray(quantile, dtype=np.float64))

    def output(self, logits: Array) -> Array:
        """Return the predictions: the logits, sorted if there are several quantiles."""
        return np.sort(logits, axis=1) if len(self.quantiles) > 1 else logits

    def row_losses(
        self, logits: Array, targets: Array, out: Array | None = None
    ) -> tuple[Array, Array]:
        """Return the losses and ``1 - q`` where z is above t, ``-q`` below."""
        q = self.quantiles.astype(logits.dtype)
        out = np.subtract(logits, targets, out=out)
        slopes = (out > 0) - q * (out != 0)
        losses = (slopes * out).sum(axis=1)
        out[...] = slopes
        return losses, out

    def constant(self, targets: Array, weights: Array | None = None) -> Array:
        """Return the quantiles of the targets."""
        columns = [
            weighted_quantiles(targets, weights, float(q)) for q in self.quantiles
        ]
        return np.concatenate(columns)


def weighted_quantiles(values: Array, weights: Array | None, q: float) -> Array:
    """Return the smallest value of each column with a weight share ``q`` up to it."""
    weights = np.ones(len(values)) if weights is None else weights
    quantiles = np.empty(values.shape[1], values.dtype)
    for number, column in enumerate(values.T):
        order = np.argsort(column)
        # One after the other: float32 would be off by 2% after three million rows.
        shares = np.cumsum(weights[order], dtype=np.float64)
        quantiles[number] = column[order[np.searchsorted(shares, q * shares[-1])]]
    return quantiles
