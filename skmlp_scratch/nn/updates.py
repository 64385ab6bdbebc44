"""What else happens between gradient and next batch: clipping, limits, averages.

Each is an :class:`~skmlp_scratch.nn.typing.Update`, as an optimizer is. Training applies
a list of updates in order: ``[ClipNorm, Adam, MaxNorm, WeightAverage]``.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from skmlp_scratch.nn.fast import add_multiple, in_blocks
from skmlp_scratch.nn.typing import Array


class ClipNorm:
    """Scale the gradient if its Euclidean norm is larger than ``clip_norm``.

    The factor is ``clip_norm / (norm + 1e-6)`` (Pascanu et al. 2013, arXiv:1211.5063,
    in the form of PyTorch's ``clip_grad_norm_``).

    Parameters
    ----------
    clip_norm : float
        The largest norm.
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
    """Scale the incoming weights of each unit whose Euclidean norm is too large.

    The incoming weights of a unit are a column of its layer's matrix (Srebro and
    Shraibman 2005; with dropout: Srivastava et al. 2014, section 5.1).

    Parameters
    ----------
    max_norm : float
        The largest norm.
    matrices : sequence of ndarray of shape (fan_in, fan_out)
        Weight matrices: views into the vector of parameters.
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
    """The exponential moving average of the parameters (Polyak and Juditsky 1992).

    ``a <- d a + (1 - d) p`` after each step, with ``d = min(decay, (1 + t) / (10 + t))``
    at step ``t = 0, 1, ...``, so that the start is soon forgotten.

    Parameters
    ----------
    decay : float
        ``d`` in the long run: 0.999 averages over about the last 1000 steps.
    parameters : ndarray of shape (n_parameters,)
        Where the average starts.
    t : int, default=0
        Steps that are in the average already.

    Attributes
    ----------
    vector : ndarray of shape (n_parameters,)
        The average or, while it takes the place of the parameters, the parameters.
    """

    def __init__(self, decay: float, parameters: Array, t: int = 0) -> None:
        self.decay, self.vector, self.t = decay, parameters.copy(), t

    def step(self, parameters: Array, gradient: Array, learning_rate: float) -> None:
        """Let the average approach the parameters, which stay as they are."""
        share = 1 - min(self.decay, (1 + self.t) / (10 + self.t))
        self.t += 1

        def approach(average: Array, parameters: Array) -> None:
            add_multiple(average, share, parameters - average)

        in_blocks(approach, self.vector, parameters)

    def swap(self, parameters: Array) -> None:
        """Exchange the parameters for their average; a second time, back again."""
        parameters[...], self.vector = self.vector, parameters.copy()

    @contextmanager
    def swapped_in(self, parameters: Array) -> Iterator[None]:
        """Have the average in the place of the parameters for a while."""
        self.swap(parameters)
        try:
            yield
        finally:
            self.swap(parameters)
