"""The layers: each ``forward`` beside its ``backward``.

``forward(x)`` returns the layer's output ``y`` and remembers what its derivative needs.
``backward(dout)`` takes the derivative of the loss with respect to ``y`` and returns
the derivative with respect to ``x``: the chain rule, one layer at a time.

Both write into ``out`` when it is given, and never into anything else that they were
handed. ``out`` may be the very array that came in: a derivative is taken from the
*output* of an activation, so that an activation may overwrite its input.
"""

from typing import Any, Protocol

import numpy as np
from scipy.special import expit

from skmlp_scratch.nn.typing import Array


class Layer(Protocol):
    """What the network expects of a layer."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        """Return the output for the input ``x``."""

    def backward(self, dout: Array, out: Array | None = None) -> Array:
        """Return the derivative with respect to ``x``, given that of the output."""


def product(A: Any, B: Array, out: Array | None = None) -> Array:
    """Return the matrix product ``A B``; A may be sparse, the product is dense."""
    if isinstance(A, np.ndarray):
        return np.dot(A, B, out=out)  # 0.5 us less overhead than np.matmul
    if out is None:
        return A @ B
    out[...] = A @ B
    return out


class Affine:
    """``Y = X W + b`` for a batch of rows, which may be a sparse matrix.

    Parameters
    ----------
    W : ndarray of shape (fan_in, fan_out)
        Weights.
    b : ndarray of shape (fan_out,)
        Bias.
    dW, db : ndarray of the shapes of W and b, default=None
        Where ``backward`` writes its derivatives; None allocates them.
    """

    def __init__(
        self, W: Array, b: Array, dW: Array | None = None, db: Array | None = None
    ) -> None:
        self.W, self.b = W, b
        self.dW, self.db = dW, db
        self._ones = np.ones(0, W.dtype)

    def forward(self, X: Array, out: Array | None = None) -> Array:
        """Return ``X W + b``, of shape (n_rows, fan_out)."""
        self.X = X
        out = product(X, self.W, out=out)
        out += self.b
        return out

    def backward_parameters(self, dout: Array) -> None:
        """Set ``dW = X^T dout`` and ``db`` = the column sums of ``dout``."""
        self.dW = product(self.X.T, dout, out=self.dW)
        # As a product: 1.5 us against 7 for a sum over the axis, at 200 x 100.
        if len(self._ones) != len(dout):
            self._ones = np.ones(len(dout), dout.dtype)
        self.db = np.dot(self._ones, dout, out=self.db)

    def backward(self, dout: Array, out: Array | None = None) -> Array:
        """Set ``dW`` and ``db``; return ``dX = dout W^T``, of the shape of X."""
        self.backward_parameters(dout)
        return product(dout, self.W.T, out=out)


class ReLU:
    """``y = max(x, 0)``. The derivative at 0 is taken as 0."""

    def __init__(self) -> None:
        self._zeros = np.zeros(0)

    def forward(self, x: Array, out: Array | None = None) -> Array:
        """Return ``max(x, 0)``."""
        # With an array of zeros: 2 us against 8 with the number, at 200 x 100.
        if self._zeros.shape != x.shape or self._zeros.dtype != x.dtype:
            self._zeros = np.zeros_like(x)
        self.y = np.maximum(x, self._zeros, out=out)
        return self.y

    def backward(self, dout: Array, out: Array | None = None) -> Array:
        """Return ``dout`` where the output was positive, 0 elsewhere."""
        return np.multiply(dout, self.y > 0, out=out)


class Sigmoid:
    """``y = 1 / (1 + exp(-x))``, called ``"logistic"`` in scikit-learn."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        """Return the sigmoid of ``x``, without overflow at either end."""
        self.y = expit(x, out=out)
        return self.y

    def backward(self, dout: Array, out: Array | None = None) -> Array:
        """Return ``dout * y * (1 - y)``."""
        return np.multiply(dout, self.y * (1 - self.y), out=out)


class Tanh:
    """``y = tanh(x)``."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        """Return ``tanh(x)``."""
        self.y = np.tanh(x, out=out)
        return self.y

    def backward(self, dout: Array, out: Array | None = None) -> Array:
        """Return ``dout * (1 - y ** 2)``."""
        return np.multiply(dout, 1 - self.y * self.y, out=out)


class Identity:
    """``y = x``: a layer that changes nothing."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        """Return ``x``."""
        return x if out is None or out is x else np.positive(x, out=out)

    def backward(self, dout: Array, out: Array | None = None) -> Array:
        """Return ``dout``."""
        return dout if out is None or out is dout else np.positive(dout, out=out)


ACTIVATIONS: dict[str, type[Layer]] = {
    "identity": Identity,
    "logistic": Sigmoid,
    "tanh": Tanh,
    "relu": ReLU,
}
