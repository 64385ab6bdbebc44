"""The activations: elementwise layers without parameters.

``out`` may be the input array itself. The derivative is computed from the *output* of
an activation, so that an activation may overwrite its input. The outputs of GELU and
SiLU do not determine the input: both keep a copy of it.
"""

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import expit, ndtr

from skmlp_scratch.nn.typing import Array, Layer


class Activation:
    """Base class of the activations, which may all overwrite their input."""

    in_place = True


class ReLU(Activation):
    """``y = max(x, 0)``. The derivative at 0 is set to 0."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        """Return ``max(x, 0)``."""
        self.y = np.maximum(x, 0, out=out)
        return self.y

    def backward(self, dout: Array, out: Array | None = None) -> Array:
        """Return ``dout`` where the output was positive, 0 elsewhere."""
        return np.multiply(dout, self.y > 0, out=out)


class Sigmoid(Activation):
    """``y = 1 / (1 + exp(-x))``, called ``"logistic"`` in scikit-learn."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        """Return the sigmoid of ``x``, without overflow at either end."""
        self.y = expit(x, out=out)
        return self.y

    def backward(self, dout: Array, out: Array | None = None) -> Array:
        """Return ``dout * y * (1 - y)``."""
        return np.multiply(dout, self.y * (1 - self.y), out=out)


class Tanh(Activation):
    """``y = tanh(x)``."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        """Return ``tanh(x)``."""
        self.y = np.tanh(x, out=out)
        return self.y

    def backward(self, dout: Array, out: Array | None = None) -> Array:
        """Return ``dout * (1 - y ** 2)``."""
        return np.multiply(dout, 1 - self.y * self.y, out=out)


class Identity(Activation):
    """``y = x``: a layer that changes nothing."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        """Return ``x``."""
        return x if out is None or out is x else np.positive(x, out=out)

    def backward(self, dout: Array, out: Array | None = None) -> Array:
        """Return ``dout``."""
        return dout if out is None or out is dout else np.positive(dout, out=out)


class LeakyReLU(Activation):
    """``y = max(x, 0.01 x)`` (Maas, Hannun and Ng 2013). At 0 the slope is 0.01."""

    slope = 0.01

    def forward(self, x: Array, out: Array | None = None) -> Array:
        """Return ``max(x, 0.01 x)``."""
        self.y = np.maximum(x, self.slope * x, out=out)
        return self.y

    def backward(self, dout: Array, out: Array | None = None) -> Array:
        """Return ``dout`` where the output was positive, ``0.01 dout`` elsewhere."""
        dtype = dout.dtype.type
        slopes = np.where(self.y > 0, dtype(1), dtype(self.slope))
        return np.multiply(dout, slopes, out=out)


class ELU(Activation):
    """``y = x`` above 0, ``exp(x) - 1`` below.

    Clevert, Unterthiner and Hochreiter (2016), arXiv:1511.07289.
    """

    def forward(self, x: Array, out: Array | None = None) -> Array:
        """Return ``max(x, exp(min(x, 0)) - 1)``."""
        # Below 0, exp(x) - 1 is above its tangent x, so that the maximum selects it.
        self.y = np.maximum(x, np.expm1(np.minimum(x, 0)), out=out)
        return self.y

    def backward(self, dout: Array, out: Array | None = None) -> Array:
        """Return ``dout * (1 + min(y, 0))``."""
        return np.multiply(dout, 1 + np.minimum(self.y, 0), out=out)


class SELU(Activation):
    """``y = scale * x`` above 0, ``scale * alpha * (exp(x) - 1)`` below.

    The two constants make mean 0 and variance 1 a fixed point from layer to layer
    (Klambauer et al. 2017, arXiv:1706.02515, equation 14).
    """

    alpha = 1.6732632423543772848170429916717
    scale = 1.0507009873554804934193349852946

    def forward(self, x: Array, out: Array | None = None) -> Array:
        """Return the scaled exponential linear unit of ``x``."""
        below = self.alpha * np.expm1(np.minimum(x, 0))
        self.y = np.maximum(x, 0, out=out)
        self.y += below
        self.y *= self.scale
        return self.y

    def backward(self, dout: Array, out: Array | None = None) -> Array:
        """Return ``dout * scale`` above 0, ``dout * (y + scale * alpha)`` below."""
        at_zero = self.scale * self.alpha
        slopes = np.where(self.y > 0, dout.dtype.type(self.scale), self.y + at_zero)
        return np.multiply(dout, slopes, out=out)


class GELU(Activation):
    """``y = x Phi(x)``, where Phi is the normal distribution function.

    The exact function of Hendrycks and Gimpel (2016), arXiv:1606.08415, not its
    approximation by tanh.
    """

    def forward(self, x: Array, out: Array | None = None) -> Array:
        """Return ``x Phi(x)``."""
        self.x = x.copy() if x is out else x
        return np.multiply(self.x, ndtr(self.x), out=out)

    def backward(self, dout: Array, out: Array | None = None) -> Array:
        """Return ``dout * (Phi(x) + x phi(x))``, where phi is the normal density."""
        density = np.exp(-0.5 * self.x * self.x)
        density *= self.x / math.sqrt(2 * math.pi)
        density += ndtr(self.x)
        return np.multiply(dout, density, out=out)


class SiLU(Activation):
    """``y = x sigmoid(x)``, also called swish.

    Elfwing, Uchibe and Doya (2018), arXiv:1702.03118.
    """

    def forward(self, x: Array, out: Array | None = None) -> Array:
        """Return ``x sigmoid(x)``."""
        self.x = x.copy() if x is out else x
        return np.multiply(self.x, expit(self.x), out=out)

    def backward(self, dout: Array, out: Array | None = None) -> Array:
        """Return ``dout * s (1 + x (1 - s))`` with ``s = sigmoid(x)``."""
        sigmoid = expit(self.x)
        return np.multiply(dout, sigmoid * (1 + self.x * (1 - sigmoid)), out=out)


class Softplus(Activation):
    """``y = log(1 + exp(x))``: a smooth ReLU (Dugas et al. 2001)."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        """Return ``log(1 + exp(x))``, without overflow."""
        self.y = np.logaddexp(x, x.dtype.type(0), out=out)
        return self.y

    def backward(self, dout: Array, out: Array | None = None) -> Array:
        """Return ``dout * (1 - exp(-y))``, which is ``dout * sigmoid(x)``."""
        return np.multiply(dout, -np.expm1(-self.y), out=out)


ACTIVATIONS: dict[str, type[Layer]] = {
    "identity": Identity,
    "logistic": Sigmoid,
    "tanh": Tanh,
    "relu": ReLU,
    "leaky_relu": LeakyReLU,
    "elu": ELU,
    "selu": SELU,
    "gelu": GELU,
    "silu": SiLU,
    "softplus": Softplus,
}


def per_layer(activation: str | Sequence[str], n_hidden: int) -> tuple[str, ...]:
    """Return each hidden layer's activation, given one name for all or one for each."""
    if isinstance(activation, str):
        return (activation,) * n_hidden
    return tuple(activation)
