"""Optimizers: one step on the flat parameter vector, in place.

All of an optimizer's memory is its ``state``, a plain dict of arrays and numbers. A
step uses up the gradient: its array serves as scratch space, which the next
backward pass overwrites anyway.
"""

import math
from typing import Any, Protocol

import numpy as np

from skmlp_scratch.nn.blocks import in_blocks
from skmlp_scratch.nn.typing import Array


class Optimizer(Protocol):
    """What the training loop expects of an optimizer."""

    state: dict[str, Any]

    def step(self, parameters: Array, gradient: Array, learning_rate: float) -> None:
        """Move the parameters; ``gradient`` is used up."""


class SGD:
    """Stochastic gradient descent with momentum (Sutskever et al. 2013).

    ``v <- momentum v - rate g``, then ``p <- p + v``; with Nesterov's momentum
    ``p <- p + momentum v - rate g``, which looks one step ahead. What is kept is
    ``momentum v``: with Nesterov's momentum, this saves one of six passes over memory. A
    momentum that is changed later acts one step later.

    Parameters
    ----------
    parameters : ndarray of shape (n_parameters,)
        The vector that will be moved; read for its shape and type only.
    momentum : float, default=0.9
        How much of the last step is kept, from 0 to 1.
    nesterov : bool, default=True
        Whether to use Nesterov's momentum.
    """

    def __init__(
        self,
        parameters: Array,
        momentum: float = 0.9,
        nesterov: bool = True,
    ) -> None:
        self.momentum, self.nesterov = momentum, nesterov
        self.state: dict[str, Any] = {"t": 0, "velocity": np.zeros_like(parameters)}

    def step(self, parameters: Array, gradient: Array, learning_rate: float) -> None:
        """Move the parameters in place; ``gradient`` is used up."""
        momentum = scalar(self.momentum, parameters)
        minus_rate = scalar(-learning_rate, parameters)

        def update(parameters: Array, gradient: Array, velocity: Array) -> None:
            gradient *= minus_rate
            velocity += gradient
            if self.nesterov:
                velocity *= momentum
                parameters += velocity
                parameters += gradient
            else:
                parameters += velocity
                velocity *= momentum

        in_blocks(update, parameters, gradient, self.state["velocity"])
        flush_denormals(self.state, parameters)


class Adam:
    """Adam (Kingma and Ba 2014, arXiv:1412.6980), as scikit-learn computes it.

    The paper's moving averages are ``m <- beta_1 m + (1 - beta_1) g`` and
    ``v <- beta_2 v + (1 - beta_2) g^2``, and its step is
    ``-rate sqrt(1 - beta_2^t) / (1 - beta_1^t) * m / (sqrt(v) + epsilon)``.
    Kept here are the plain sums ``M = m / (1 - beta_1)`` and ``V = v / (1 - beta_2)``;
    all constant factors go into two numbers, which saves two passes over memory.

    Parameters
    ----------
    parameters : ndarray of shape (n_parameters,)
        The vector that will be moved; read for its shape and type only.
    beta_1, beta_2 : float, default=0.9 and 0.999
        Decay rates of the two averages, at least 0 and below 1.
    epsilon : float, default=1e-8
        Added to the square root.
    """

    def __init__(
        self,
        parameters: Array,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
    ) -> None:
        self._betas = beta_1, beta_2
        numbers = beta_1, beta_2, epsilon / math.sqrt(1 - beta_2)
        self._scalars = [scalar(number, parameters) for number in numbers]
        self.state: dict[str, Any] = {
            "t": 0,
            "M": np.zeros_like(parameters),
            "V": np.zeros_like(parameters),
        }

    def step(self, parameters: Array, gradient: Array, learning_rate: float) -> None:
        """Move the parameters in place; ``gradient`` is used up."""
        state, t = self.state, self.state["t"] + 1
        beta_1, beta_2 = self._betas
        bias_correction = math.sqrt(1 - beta_2**t) / (1 - beta_1**t)
        factor = (1 - beta_1) / math.sqrt(1 - beta_2)
        rate = scalar(learning_rate * bias_correction * factor, parameters)
        decay_M, decay_V, epsilon = self._scalars

        def update(parameters: Array, gradient: Array, M: Array, V: Array) -> None:
            M *= decay_M
            M += gradient
            V *= decay_V
            V += np.square(gradient, out=gradient)
            step = np.sqrt(V, out=gradient)
            step += epsilon
            np.divide(M, step, out=step)
            step *= rate
            parameters -= step

        in_blocks(update, parameters, gradient, state["M"], state["V"])
        flush_denormals(state, parameters)


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


def scalar(number: float, like: Array) -> Array:
    """Return a number as an array without dimensions, of the type of another array.

    Arithmetic with a short vector takes 0.3 us with these, 0.7 with Python's numbers.
    """
    return np.array(number, like.dtype)


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
