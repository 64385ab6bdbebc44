"""The affine layer, and how layers work: each ``forward`` beside its ``backward``.

``forward(x)`` returns the layer's output ``y`` and stores what ``backward`` needs.
``backward(dout)`` takes the derivative of the loss with respect to ``y`` and returns
the derivative with respect to ``x``: the chain rule, one layer at a time.

Both write to ``out`` if it is given, and to no other argument.
"""

from typing import Any

import numpy as np

from skmlp_scratch.nn.fast import column_sums
from skmlp_scratch.nn.typing import Array


def product(A: Any, B: Array, out: Array | None = None) -> Array:
    """Return the matrix product ``A B``; A may be sparse, the product is dense."""
    if isinstance(A, np.ndarray):
        # The method has 0.3 us of overhead, np.dot 0.45 and np.matmul 0.85.
        return A.dot(B, out=out)
    if out is None:
        return A @ B
    out[...] = A @ B
    return out


class Affine:
    """``Y = X W + b`` for a batch of rows, which may be a sparse matrix.

    Parameters
    ----------
    W : ndarray of shape (fan_in, fan_out)
        Weight matrix.
    b : ndarray of shape (fan_out,)
        Bias.
    dW, db : ndarray of the shapes of W and b, default=None
        Where ``backward`` writes its derivatives; None allocates them.
    """

    in_place = False

    def __init__(
        self, W: Array, b: Array, dW: Array | None = None, db: Array | None = None
    ) -> None:
        self.W, self.b = W, b
        self.dW, self.db = dW, db

    def forward(self, X: Array, out: Array | None = None) -> Array:
        """Return ``X W + b``, of shape (n_rows, fan_out)."""
        self.X = X
        out = product(X, self.W, out=out)
        out += self.b
        return out

    def backward_parameters(self, dout: Array) -> None:
        """Set ``dW = X^T dout`` and ``db`` = the column sums of ``dout``."""
        self.dW = product(self.X.T, dout, out=self.dW)
        self.db = column_sums(dout, out=self.db)

    def backward(self, dout: Array, out: Array | None = None) -> Array:
        """Set ``dW`` and ``db``; return ``dX = dout W^T``, of the shape of X."""
        self.backward_parameters(dout)
        return product(dout, self.W.T, out=out)
