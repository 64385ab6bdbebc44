"""All weights and biases as one flat vector, seen through named views.

The order is ``[W0, W1, ..., b0, b1, ...]``. The optimizer then works on a single
array, the L2 penalty is a single slice, and a checkpoint is a single copy. This is
the only place that knows the offsets.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from skmlp_scratch.nn.typing import Array


class Parameters:
    """One flat vector, and the weight matrices and biases that are views into it.

    Parameters
    ----------
    layer_units : sequence of int
        Width of every layer, from the input to the output: ``(784, 50, 10)``.
    dtype : dtype, default=np.float64
        Floating-point type of the vector.

    Attributes
    ----------
    vector : ndarray of shape (n_parameters,)
        Everything, zero at first.
    weights : ndarray of shape (n_weights,)
        View of the part that holds all weight matrices: what the penalty acts on.
    W : list of ndarray of shape (fan_in, fan_out)
        View of the weight matrix of each layer.
    b : list of ndarray of shape (fan_out,)
        View of the bias of each layer.
    """

    def __init__(self, layer_units: Sequence[int], dtype: Any = np.float64) -> None:
        shapes = list(pairwise(layer_units))
        n_weights = sum(fan_in * fan_out for fan_in, fan_out in shapes)
        self.vector = np.zeros(n_weights + sum(layer_units[1:]), dtype=dtype)
        self.weights = self.vector[:n_weights]
        self.W: list[Array] = []
        self.b: list[Array] = []
        end_W, end_b = 0, n_weights
        for fan_in, fan_out in shapes:
            start_W, end_W = end_W, end_W + fan_in * fan_out
            start_b, end_b = end_b, end_b + fan_out
            self.W.append(self.vector[start_W:end_W].reshape(fan_in, fan_out))
            self.b.append(self.vector[start_b:end_b])

    def copies(self) -> tuple[list[Array], list[Array]]:
        """Return weight matrices and biases that share no memory with the vector."""
        return [W.copy() for W in self.W], [b.copy() for b in self.b]

    def load(self, W: Sequence[Array], b: Sequence[Array]) -> None:
        """Copy weight matrices and biases into the vector."""
        for mine, theirs in zip(self.W + self.b, [*W, *b], strict=True):
            mine[...] = theirs
