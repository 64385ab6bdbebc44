"""All parameters as one flat vector, seen through named views.

The order is ``[W0, W1, ..., b0, b1, ..., further]``. The optimizer works on a single
array, the L2 penalty applies to a single slice, and a checkpoint is a single copy. No
other module knows the offsets.
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
    further : sequence of tuple of int, default=()
        Shapes of the arrays of layers with parameters beside weights and biases.

    Attributes
    ----------
    vector : ndarray of shape (n_parameters,)
        All parameters, initially zero.
    matrices : ndarray of shape (n_matrix_entries,)
        View of the part that holds all weight matrices, which the penalty applies to.
    affine : ndarray of shape (n_matrix_entries + n_units,)
        View of the part that holds all weight matrices and biases.
    W : list of ndarray of shape (fan_in, fan_out)
        View of the weight matrix of each layer.
    b : list of ndarray of shape (fan_out,)
        View of the bias of each layer.
    further : list of ndarray
        View of each of the further arrays.
    """

    def __init__(
        self,
        layer_units: Sequence[int],
        dtype: Any = np.float64,
        further: Sequence[tuple[int, ...]] = (),
    ) -> None:
        self.layer_units = tuple(layer_units)
        shapes = list(pairwise(layer_units))
        all_shapes = [*shapes, *((fan_out,) for _, fan_out in shapes), *further]
        ends = np.cumsum([np.prod(shape, dtype=int) for shape in all_shapes]).tolist()
        self.vector = np.zeros(ends[-1], dtype=dtype)
        views = [
            self.vector[start:stop].reshape(shape)
            for (start, stop), shape in zip(
                pairwise([0, *ends]), all_shapes, strict=True
            )
        ]
        n = len(shapes)
        self.matrices = self.vector[: ends[n - 1]]
        self.affine = self.vector[: ends[2 * n - 1]]
        self.W: list[Array] = views[:n]
        self.b: list[Array] = views[n : 2 * n]
        self.further: list[Array] = views[2 * n :]

    def copies(self) -> tuple[list[Array], list[Array]]:
        """Return weight matrices and biases that share no memory with the vector."""
        return [W.copy() for W in self.W], [b.copy() for b in self.b]

    def load(self, W: Sequence[Array], b: Sequence[Array]) -> None:
        """Copy weight matrices and biases into the vector."""
        for mine, theirs in zip(self.W + self.b, [*W, *b], strict=True):
            mine[...] = theirs
