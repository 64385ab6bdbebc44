"""Optimizers: one step on the flat parameter vector, in place.

All of an optimizer's memory is its ``state``, a plain dict of arrays and numbers. A
step uses up the gradient: its array serves as scratch space, which the next
backward pass overwrites anyway.
"""

import math
from typing import Any, Protocol

import numpy as np

from skmlp_scratch.nn.fast import add_multiple, in_blocks
from skmlp_scratch.nn.typing import Array, Update


class Optimizer(Update, Protocol):
    """An update with a memory: its ``state``."""

    state: dict[str, Any]


class SGD:
    """Stochastic gradient descent with momentum (Sutskever et al. 2013).

    ``v <- momentum v - rate g``, then ``p <- p + v``; with Nesterov's momentum
    ``p <- p + momentum v - rate g``, which looks one step ahead.

    Parameters
    ----------
    parameters : ndarray of shape (n_parameters,)
        The vector that will be moved; read for its shape and type only.
    momentum : float, default=0.9
        How much of the last step is kept, from 0 to 1.
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
        """Move the parameters in place; ``gradient`` is used up."""
        momentum = self.momentum
        # Without dimensions: quicker to multiply by than Python's number.
        fade = np.array(momentum, parameters.dtype)

        def update(parameters: Array, gradient: Array, velocity: Array) -> None:
            velocity *= fade
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
    Kept here are plain sums, ``M <- beta_1 M + g`` and ``V <- beta_2 V + g^2``; all other
    factors go into the rate and epsilon.

    Parameters
    ----------
    parameters : ndarray of shape (n_parameters,)
        The vector that will be moved; read for its shape and type only.
    beta_1, beta_2 : float, default=0.9 and 0.999
        Decay rates of the two averages, at least 0 and below 1.
    epsilon : float, default=1e-8
        Added to the square root; at least the smallest normal number of the type, for
        otherwise parameters that have no gradient would become ``0 / 0``.
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
        self._root = math.sqrt(1 - beta_2)  # that of v / V
        # Without dimensions, as in SGD.
        dtype, least = parameters.dtype, float(np.finfo(parameters.dtype).tiny)
        self._fade_M, self._fade_V = np.array(beta_1, dtype), np.array(beta_2, dtype)
        self._epsilon = np.array(max(epsilon / self._root, least), dtype)

    def step(self, parameters: Array, gradient: Array, learning_rate: float) -> None:
        """Move the parameters in place; ``gradient`` is used up."""
        t = self.state["t"] + 1
        bias_correction = math.sqrt(1 - self.beta_2**t) / (1 - self.beta_1**t)
        rate = learning_rate * bias_correction * (1 - self.beta_1) / self._root

        def update(parameters: Array, gradient: Array, M: Array, V: Array) -> None:
            M *= self._fade_M
            M += gradient
            V *= self._fade_V
            V += np.square(gradient, out=gradient)
            step = np.sqrt(V, out=gradient)
            step += self._epsilon
            np.divide(M, step, out=step)
            add_multiple(parameters, -rate, step)

        in_blocks(update, parameters, gradient, self.state["M"], self.state["V"])
        flush_denormals(self.state, parameters)


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019, arXiv:1711.05101).

    ``W <- (1 - rate * decay) W`` before each step of Adam, whose moments never see the
    decay: it is the same for all weights, whatever their gradients. Biases do not decay.

    Parameters
    ----------
    parameters : ndarray of shape (n_parameters,)
        The vector that will be moved; read for its shape and type only.
    n_weights : int
        How many of the parameters, from the first one on, are weights.
    decay : float
        Strength of the decay.
    beta_1, beta_2, epsilon : float
        As for :class:`Adam`.
    """

    def __init__(
        self,
        parameters: Array,
        n_weights: int,
        decay: float,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
    ) -> None:
        super().__init__(parameters, beta_1, beta_2, epsilon)
        self.n_weights, self.decay = n_weights, decay

    def step(self, parameters: Array, gradient: Array, learning_rate: float) -> None:
        """Move the parameters in place; ``gradient`` is used up."""
        parameters[: self.n_weights] *= 1 - learning_rate * self.decay
        super().step(parameters, gradient, learning_rate)


def flush_denormals(state: dict[str, Any], parameters: Array) -> None:
    """Count a step; every 100 steps set to zero what is about to leave the range.

    Where the gradient vanishes, moments and decaying weights shrink for ever. Below the
    smallest normal number, ``tiny``, arithmetic is up to a hundred times slower on some
    processors. At the default decay a moment falls by ``0.9 ** 100 = 3e-5`` between two
    calls, so that none gets from ``1e8 tiny`` to there; what is that small has no
    influence.
    """
    state["t"] += 1
    if state["t"] % 100:
        return
    for array in (parameters, *state.values()):
        if isinstance(array, np.ndarray):
            array[np.abs(array) < 1e8 * np.finfo(array.dtype).tiny] = 0
