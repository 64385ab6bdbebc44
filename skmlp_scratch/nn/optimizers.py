"""Optimizers: each step updates the flat parameter vector in place.

An optimizer keeps everything between steps in ``state``, a plain dict of arrays and
numbers. A step overwrites the gradient, whose array serves as scratch space: the next
backward pass fills it again.
"""

import math
from typing import Any, Protocol

import numpy as np

from skmlp_scratch.nn.fast import add_multiple, in_blocks
from skmlp_scratch.nn.typing import Array, Update


class Optimizer(Update, Protocol):
    """An update that keeps a ``state`` between steps."""

    state: dict[str, Any]


class SGD:
    """Stochastic gradient descent with momentum (Sutskever et al. 2013).

    ``v <- momentum v - rate g``, then ``p <- p + v``; with Nesterov's momentum
    ``p <- p + momentum v - rate g``, which looks one step ahead.

    Parameters
    ----------
    parameters : ndarray of shape (n_parameters,)
        The vector to update; only its shape and type are used here.
    momentum : float, default=0.9
        The fraction of the last step that is kept, from 0 to 1.
    nesterovs_momentum : bool, default=True
        Whether to use Nesterov's momentum.
    """

    def __init__(
        self,
        parameters: Array,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
    ) -> None:
        self.momentum, self.nesterovs_momentum = momentum, nesterovs_momentum
        self.state: dict[str, Any] = {
            "t": 0,
            "velocity": np.zeros_like(parameters),
        }

    def step(self, parameters: Array, gradient: Array, learning_rate: float) -> None:
        """Update the parameters in place; ``gradient`` is overwritten."""
        momentum = self.momentum
        # A 0-dimensional array is a quicker factor than a Python float.
        decay = np.array(momentum, parameters.dtype)

        def update(parameters: Array, gradient: Array, velocity: Array) -> None:
            velocity *= decay
            add_multiple(velocity, -learning_rate, gradient)
            if self.nesterovs_momentum:
                add_multiple(parameters, momentum, velocity)
                add_multiple(parameters, -learning_rate, gradient)
            else:
                parameters += velocity

        in_blocks(update, parameters, gradient, self.state["velocity"])
        flush_denormals(self.state, parameters)


class Adam:
    """Adam (Kingma and Ba 2014, arXiv:1412.6980), as scikit-learn computes it.

    The paper's moving averages are ``m <- beta_1 m + (1 - beta_1) g`` and
    ``v <- beta_2 v + (1 - beta_2) g^2``, and its step is
    ``-rate sqrt(1 - beta_2^t) / (1 - beta_1^t) * m / (sqrt(v) + epsilon)``.
    The state holds plain sums, ``M <- beta_1 M + g`` and ``V <- beta_2 V + g^2``. All
    other factors go into the rate and epsilon.

    Parameters
    ----------
    parameters : ndarray of shape (n_parameters,)
        The vector to update; only its shape and type are used here.
    beta_1, beta_2 : float, default=0.9 and 0.999
        Decay rates of the two averages, at least 0 and below 1.
    epsilon : float, default=1e-8
        Added to the square root. It is raised to the smallest normal number of the
        type: otherwise the step of a parameter without a gradient would be ``0 / 0``.
    """

    def __init__(
        self,
        parameters: Array,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
    ) -> None:
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon
        self.state: dict[str, Any] = {
            "t": 0,
            "M": np.zeros_like(parameters),
            "V": np.zeros_like(parameters),
        }
        self._root = math.sqrt(1 - beta_2)  # sqrt(v / V)
        # Arrays without dimensions, as in SGD.
        dtype, least = parameters.dtype, float(np.finfo(parameters.dtype).tiny)
        self._beta_1, self._beta_2 = np.array(beta_1, dtype), np.array(beta_2, dtype)
        self._epsilon = np.array(max(epsilon / self._root, least), dtype)

    def step(self, parameters: Array, gradient: Array, learning_rate: float) -> None:
        """Update the parameters in place; ``gradient`` is overwritten."""
        t = self.state["t"] + 1
        bias_correction = math.sqrt(1 - self.beta_2**t) / (1 - self.beta_1**t)
        rate = learning_rate * bias_correction * (1 - self.beta_1) / self._root

        def update(parameters: Array, gradient: Array, M: Array, V: Array) -> None:
            M *= self._beta_1
            M += gradient
            V *= self._beta_2
            V += np.square(gradient, out=gradient)
            step = np.sqrt(V, out=gradient)
            step += self._epsilon
            np.divide(M, step, out=step)
            add_multiple(parameters, -rate, step)

        in_blocks(update, parameters, gradient, self.state["M"], self.state["V"])
        flush_denormals(self.state, parameters)


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019, arXiv:1711.05101).

    Before each step of Adam, ``W <- (1 - rate * decay) W``. The decay does not enter
    the moments, and is the same for all weights, whatever their gradients. Biases do
    not decay.

    Parameters
    ----------
    parameters : ndarray of shape (n_parameters,)
        The vector to update; only its shape and type are used here.
    n_matrix_entries : int
        Number of entries of the weight matrices, which come first in the vector.
    decay : float
        Strength of the decay.
    beta_1, beta_2, epsilon : float
        As for :class:`Adam`.
    """

    def __init__(
        self,
        parameters: Array,
        n_matrix_entries: int,
        decay: float,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
    ) -> None:
        super().__init__(parameters, beta_1, beta_2, epsilon)
        self.n_matrix_entries, self.decay = n_matrix_entries, decay

    def step(self, parameters: Array, gradient: Array, learning_rate: float) -> None:
        """Update the parameters in place; ``gradient`` is overwritten."""
        parameters[: self.n_matrix_entries] *= 1 - learning_rate * self.decay
        super().step(parameters, gradient, learning_rate)


def flush_denormals(state: dict[str, Any], parameters: Array) -> None:
    """Count a step; every 100 steps, set almost subnormal numbers to zero.

    Where the gradient vanishes, moments and decaying weights shrink forever. Below the
    smallest normal number, ``tiny``, arithmetic is up to a hundred times slower on some
    processors. At the default decay, a moment shrinks by a factor of
    ``0.9 ** 100 = 3e-5`` in 100 steps, so that no moment falls from ``1e8 tiny`` below
    ``tiny``. Numbers below ``1e8 tiny`` have no influence.
    """
    state["t"] += 1
    if state["t"] % 100:
        return
    for array in (parameters, *state.values()):
        if isinstance(array, np.ndarray):
            array[np.abs(array) < 1e8 * np.finfo(array.dtype).tiny] = 0
