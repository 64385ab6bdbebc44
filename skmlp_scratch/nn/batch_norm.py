"""Batch normalisation: another layer, between an affine one and its activation.

Only training has it. Its scale and shift are folded into the affine layer before it for
prediction, where ``y = gamma (x - mean) / std + beta`` is an affine function, too.
"""

from collections.abc import Sequence

import numpy as np

from skmlp_scratch.nn.fast import column_sums
from skmlp_scratch.nn.typing import Array


class BatchNorm:
    """``y = gamma (x - mean) / sqrt(var + epsilon) + beta``, column by column.

    Mean and variance are those of the batch (Ioffe and Szegedy 2015, arXiv:1502.03167,
    algorithm 1), weighted like its rows. Running averages of both are kept for
    prediction, with the variance times ``n / (n - 1)``. They stand among the parameters,
    with a derivative of 0: what copies, averages or restores the parameters does the
    same to them. A single row has no variance: the running averages take its place.

    Parameters
    ----------
    parameters : sequence of 4 ndarray of shape (n_units,)
        ``gamma``, ``beta`` and the running averages of mean and variance. They are set
        to 1, 0, 0 and 1, and the averages later in every ``forward``.
    derivatives : sequence of 4 ndarray of shape (n_units,)
        Where ``backward`` writes the derivatives of these.
    t : int, default=0
        Batches that the running averages have seen. The first ones count more, so that
        the start is soon forgotten.

    Attributes
    ----------
    weights : ndarray of shape (n_rows,) or None
        Weights of the rows that come next; None means that all weigh the same.
    """

    in_place = True
    epsilon = 1e-5
    momentum = 0.1

    def __init__(
        self,
        parameters: Sequence[Array],
        derivatives: Sequence[Array],
        t: int = 0,
    ) -> None:
        self.gamma, self.beta, self.mean, self.var = parameters
        self.dgamma, self.dbeta, self.dmean, self.dvar = derivatives
        self.t = t
        self.weights: Array | None = None
        self.gamma[...], self.var[...] = 1, 1

    def forward(self, x: Array, out: Array | None = None) -> Array:
        """Return the batch, normalised, scaled and shifted."""
        n = len(x)
        weights, self._shares = self.weights, None
        if n > 1 and weights is not None:
            self._shares = weights / weights.sum()
        mean = self.mean.copy() if n == 1 else self._mean(x)
        self._normalized = x - mean
        var = self.var if n == 1 else self._mean(np.square(self._normalized))
        if n > 1:
            self._note(mean, var * (n / (n - 1)))
        self._inverse = 1 / np.sqrt(var + self.epsilon)
        self._normalized *= self._inverse
        out = np.multiply(self._normalized, self.gamma, out=out)
        out += self.beta
        return out

    def backward_parameters(self, dout: Array) -> None:
        """Set the derivatives of scale and shift, and those of the averages to 0."""
        np.einsum("ij,ij->j", dout, self._normalized, out=self.dgamma)
        column_sums(dout, out=self.dbeta)
        self.dmean[...] = self.dvar[...] = 0

    def backward(self, dout: Array, out: Array | None = None) -> Array:
        """Return the derivative with respect to ``x``.

        With shares ``s`` of the rows in the batch, which are ``1 / n`` without weights,
        it is ``gamma / std * (dout - s (sum(dout) + y sum(y dout)))``, ``y`` being the
        normalised batch: mean and variance depend on every row.
        """
        self.backward_parameters(dout)
        n = len(dout)
        if n > 1:
            through_batch = self._normalized * self.dgamma
            through_batch += self.dbeta
            if self._shares is None:
                through_batch *= dout.dtype.type(1 / n)
            else:
                through_batch *= self._shares[:, np.newaxis]
            out = np.subtract(dout, through_batch, out=out)
        else:
            out = np.positive(dout, out=out)
        out *= self.gamma * self._inverse
        return out

    def folded(self, W: Array, b: Array) -> tuple[Array, Array]:
        """Return the weights and bias that an affine layer needs to do all of this."""
        scale = self.gamma / np.sqrt(self.var + self.epsilon)
        return W * scale, (b - self.mean) * scale + self.beta

    def unfold(self, x: Array) -> None:
        """Set everything so that the layer passes on ``x``, whole, as it is."""
        self.mean[...] = self.beta[...] = x.mean(axis=0, dtype=np.float64)
        self.var[...] = x.var(axis=0, dtype=np.float64)
        self.gamma[...] = np.sqrt(self.var + self.epsilon)

    def _mean(self, x: Array) -> Array:
        """Return the mean of each column over the rows, by their weights."""
        return column_sums(x) / len(x) if self._shares is None else self._shares @ x

    def _note(self, mean: Array, var: Array) -> None:
        """Let the running averages approach those of a batch."""
        rate = max(self.momentum, 1 / (1 + self.t))
        self.t += 1
        self.mean += rate * (mean - self.mean)
        self.var += rate * (var - self.var)
