"""Losses for positive targets, whose output activation is the exponential."""

import numpy as np
from scipy.special import xlogy

from skmlp_scratch.nn.regression_losses import RegressionLoss
from skmlp_scratch.nn.typing import Array


class ExponentialLoss(RegressionLoss):
    """Base class of the losses for positive targets, which predict ``exp(z)``.

    The best constant prediction is the mean of the targets.
    """

    output_activation = "exp"
    lowest = 0.0

    def output(self, logits: Array) -> Array:
        """Return the predictions ``exp(z)``, infinite where they exceed the type."""
        with np.errstate(over="ignore"):
            return np.exp(logits)

    def constant(self, targets: Array, weights: Array | None = None) -> Array:
        """Return the logarithms of the means; far below 0 where a mean is 0."""
        mean = np.average(targets.astype(np.float64), axis=0, weights=weights)
        return np.log(np.maximum(mean, np.finfo(np.float64).tiny))

    def start(self, targets: Array, weights: Array | None = None) -> Array:
        """Return the logarithms of the means, and 0 where a mean is 0."""
        mean = np.average(targets.astype(np.float64), axis=0, weights=weights)
        return np.log(np.where(mean > 0, mean, 1))


class PoissonDeviance(ExponentialLoss):
    """``loss_i = sum_k exp(z_ik) - t_ik + t_ik log(t_ik / exp(z_ik))``, ``t >= 0``.

    Half the Poisson deviance. It is 0 where the prediction ``exp(z)`` is right.
    """

    def row_losses(
        self, logits: Array, targets: Array, out: Array | None = None
    ) -> tuple[Array, Array]:
        """Return the losses and ``exp(z) - t``."""
        losses = (xlogy(targets, targets) - targets * logits).sum(axis=1)
        out = np.exp(logits, out=out)
        out -= targets
        losses += out.sum(axis=1)
        return losses, out


class GammaDeviance(ExponentialLoss):
    """``loss_i = sum_k t_ik / exp(z_ik) - 1 - log(t_ik / exp(z_ik))``, ``t > 0``.

    Half the Gamma deviance. It is 0 where the prediction ``exp(z)`` is right, and does
    not depend on the unit of the targets.
    """

    lowest_excluded = True
    unit_free = True

    def row_losses(
        self, logits: Array, targets: Array, out: Array | None = None
    ) -> tuple[Array, Array]:
        """Return the losses and ``1 - t / exp(z)``."""
        # Not t exp(-z): small targets and their predictions are far outside the range
        # of the type where their ratio is near 1.
        out = np.subtract(np.log(targets), logits, out=out)
        losses = -out.sum(axis=1)
        np.exp(out, out=out)
        np.subtract(1, out, out=out)
        losses -= out.sum(axis=1)
        return losses, out
