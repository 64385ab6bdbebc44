"""Updates beside the optimizer: gradient clipping, weight limits, averaging.

Each class is an :class:`~skmlp_scratch.nn.typing.Update`, like the optimizers. Training
applies a list of updates in order: ``[ClipNorm, Adam, MaxNorm, WeightAverage]``.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from skmlp_scratch.nn.fast import add_multiple, in_blocks
from skmlp_scratch.nn.typing import Array


class ClipNorm:
    """Scale the gradient down if its Euclidean norm exceeds ``clip_norm``.

    The factor is ``clip_norm / (norm + 1e-6)`` (Pascanu et al. 2013, arXiv:1211.5063,
    in the form of PyTorch's ``clip_grad_norm_``).

    Parameters
    ----------
    clip_norm : float
        The largest norm of the gradient.
    """

    def __init__(self, clip_norm: float) -> None:
        self.clip_norm = clip_norm

    def step(self, parameters: Array, gradient: Array, learning_rate: float) -> None:
        """Scale the gradient in place."""
        norm = math.sqrt(float(gradient.dot(gradient)))
        factor = self.clip_norm / (norm + 1e-6)
        if factor < 1:
            gradient *= factor


class MaxNorm:
    """Scale the incoming weights of a unit down if their Euclidean norm is too large.

    The incoming weights of a unit are a column of its layer's weight matrix (Srebro and
    Shraibman 2005; with dropout: Srivastava et al. 2014, section 5.1).

    Parameters
    ----------
    max_norm : float
        The largest norm of a column.
    matrices : sequence of ndarray of shape (fan_in, fan_out)
        Weight matrices: views into the parameter vector.
    """

    def __init__(self, max_norm: float, matrices: Sequence[Array]) -> None:
        self.max_norm, self.matrices = max_norm, matrices

    def step(self, parameters: Array, gradient: Array, learning_rate: float) -> None:
        """Scale columns of the matrices in place."""
        for W in self.matrices:
            norms = np.sqrt(np.einsum("ij,ij->j", W, W))
            if norms.max() > self.max_norm:
                np.multiply(W, self.max_norm / np.maximum(norms, self.max_norm), out=W)


class WeightAverage:
    """Exponential moving average of the parameters (Polyak and Juditsky 1992).

    After each step the average becomes ``a <- d a + (1 - d) p``, where ``p`` are the
    parameters. The decay at step ``t = 0, 1, ...`` is
    ``d = min(decay, (1 + t) / (10 + t))``. It is small at first, so that the initial
    parameters soon lose their influence.

    Parameters
    ----------
    decay : float
        The largest decay: 0.999 averages over about the last 1000 steps.
    parameters : ndarray of shape (n_parameters,)
        The initial average.
    t : int, default=0
        Number of steps averaged so far.

    Attributes
    ----------
    vector : ndarray of shape (n_parameters,)
        The average. After :meth:`swap`, and within :meth:`swapped_in`, the parameters.
    """

    def __init__(self, decay: float, parameters: Array, t: int = 0) -> None:
        self.decay, self.vector, self.t = decay, parameters.copy(), t

    def step(self, parameters: Array, gradient: Array, learning_rate: float) -> None:
        """Update the average, and leave the parameters unchanged."""
        share = 1 - min(self.decay, (1 + self.t) / (10 + self.t))
        self.t += 1

        def update(average: Array, parameters: Array) -> None:
            add_multiple(average, share, parameters - average)

        in_blocks(update, self.vector, parameters)

    def swap(self, parameters: Array) -> None:
        """Exchange the parameters and the average; a second call undoes this."""
        parameters[...], self.vector = self.vector, parameters.copy()

    @contextmanager
    def swapped_in(self, parameters: Array) -> Iterator[None]:
        """Replace the parameters by the average within a ``with`` block."""
        self.swap(parameters)
        try:
            yield
        finally:
            self.swap(parameters)
