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
    prediction. They stand among the parameters, with a derivative of 0: what copies,
    averages or restores the parameters does the same to them.

    The running variance divides by the number of rows, too, where the paper's algorithm
    2 has ``n - 1``: an integer weight is then the same as repeating a row.

    A single row has no variance: the running averages take its place. So they do if one
    row has nearly all of the weight of its batch: weighted rows count as
    ``n = (sum w)^2 / sum w^2`` rows of equal weight (Kish 1965).

    Parameters
    ----------
    parameters : sequence of 4 ndarray of shape (n_units,)
        ``gamma``, ``beta`` and the running averages of mean and variance. They are set
        to 1, 0, 0 and 1, and the averages later in every ``forward``.
    derivatives : sequence of 4 ndarray of shape (n_units,)
        Where ``backward`` writes the derivatives of these.

    Attributes
    ----------
    n_seen : float
        Rows that the running averages are of: each batch multiplies the number by
        ``1 - momentum`` and adds its own. Its share of them is what it counts, so that
        small batches count less, and the start is forgotten at once.
    weights : ndarray of shape (n_rows,) or None
        Weights of the rows that come next; None means that all weigh the same.
    """

    in_place = True
    epsilon = 1e-5
    momentum = 0.1
    fewest_rows = 1.001  # with fewer, next to nothing is left of the variance

    def __init__(
        self, parameters: Sequence[Array], derivatives: Sequence[Array]
    ) -> None:
        self.gamma, self.beta, self.mean, self.var = parameters
        self.dgamma, self.dbeta, self.dmean, self.dvar = derivatives
        self.n_seen = 0.0
        self.weights: Array | None = None
        self.gamma[...], self.var[...] = 1, 1

    def forward(self, x: Array, out: Array | None = None) -> Array:
        """Return the batch, normalised, scaled and shifted."""
        n = self._share_out(len(x))
        self._alone = n < self.fewest_rows
        mean = self.mean if self._alone else self._mean(x)
        self._normalized = x - mean
        var = self.var if self._alone else self._mean(np.square(self._normalized))
        if not self._alone:
            self._update_running(mean, var, n)
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
        if self._alone:
            out = np.positive(dout, out=out)
        else:
            through_batch = self._normalized * self.dgamma
            through_batch += self.dbeta
            if self._shares is None:
                through_batch *= dout.dtype.type(1 / len(dout))
            else:
                through_batch *= self._shares[:, np.newaxis]
            out = np.subtract(dout, through_batch, out=out)
        out *= self.gamma * self._inverse
        return out

    def folded(self, W: Array, b: Array) -> tuple[Array, Array]:
        """Return the weights and bias that an affine layer needs to do all of this."""
        scale = self.gamma / np.sqrt(self.var + self.epsilon)
        return W * scale, (b - self.mean) * scale + self.beta

    def unfold(self, x: Array) -> None:
        """Set everything so that the layer passes on ``x``, whole, as it is."""
        if len(x) > 1:
            self.mean[...] = self.beta[...] = x.mean(axis=0, dtype=np.float64)
            self.var[...] = x.var(axis=0, dtype=np.float64)
            self.n_seen = float(len(x))
        self.gamma[...] = np.sqrt(self.var + self.epsilon)

    def _share_out(self, n_rows: int) -> float:
        """Note the share of each row; return how many of equal weight they count as."""
        if self.weights is None:
            self._shares = None
            return n_rows
        self._shares = self.weights / self.weights.sum()
        return float(1 / self._shares.dot(self._shares))

    def _mean(self, x: Array) -> Array:
        """Return the mean of each column over the rows, by their weights."""
        return column_sums(x) / len(x) if self._shares is None else self._shares @ x

    def _update_running(self, mean: Array, var: Array, n: float) -> None:
        """Let the running averages approach those of a batch of ``n`` rows."""
        self.n_seen = (1 - self.momentum) * self.n_seen + n
        self.mean += n / self.n_seen * (mean - self.mean)
        self.var += n / self.n_seen * (var - self.var)
