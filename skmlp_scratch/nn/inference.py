"""Prediction: affine layers and activations, in blocks of rows.

Layers for training only are left out, and calls share no memory.
"""

from collections.abc import Sequence

import numpy as np

from skmlp_scratch.nn.activations import ACTIVATIONS, per_layer
from skmlp_scratch.nn.fast import row_blocks
from skmlp_scratch.nn.layers import Affine
from skmlp_scratch.nn.typing import Array


def predict_logits(
    X: Array,
    W: Sequence[Array],
    b: Sequence[Array],
    activation: str | Sequence[str],
    rows: Array | None = None,
    block_rows: int = 2000,
) -> Array:
    """Return the logits of many rows, in bounded memory.

    The rows are processed in blocks, with two alternating buffers. Beside the result,
    no array has more than ``block_rows`` rows.

    Parameters
    ----------
    X : ndarray or sparse matrix of shape (n_samples, n_features)
        The data, of any numeric type; blocks are cast to the type of the matrices.
    W, b : list of ndarray
        Weight matrices of shape (fan_in, fan_out) and biases of shape (fan_out,).
    activation : str or sequence of str
        Activation of all hidden layers, or of each.
    rows : ndarray of int of shape (n_rows,), default=None
        Which rows of X to use; None means all of them.
    block_rows : int, default=2000
        Rows in a block.

    Returns
    -------
    logits : ndarray of shape (n_rows, n_outputs)
        In the type of the matrices.
    """
    *hidden, last = [Affine(*layer) for layer in zip(W, b, strict=True)]
    activations = [ACTIVATIONS[name]() for name in per_layer(activation, len(hidden))]
    dtype = W[0].dtype
    n_rows = X.shape[0] if rows is None else len(rows)
    logits = np.empty((n_rows, len(b[-1])), dtype)
    size = min(block_rows, n_rows) * max((len(layer.b) for layer in hidden), default=0)
    buffers = [np.empty(size, dtype), np.empty(size if hidden[1:] else 0, dtype)]
    for block in row_blocks(n_rows, block_rows):
        Y = X[block if rows is None else rows[block]].astype(dtype, copy=False)
        n = Y.shape[0]
        for number, layer in enumerate(hidden):
            out = buffers[number % 2][: n * len(layer.b)].reshape(n, -1)
            Y = activations[number].forward(layer.forward(Y, out=out), out=out)
        last.forward(Y, out=logits[block])
    return logits


def layer_outputs(
    X: Array, W: Sequence[Array], b: Sequence[Array], activation: str | Sequence[str]
) -> list[Array]:
    """Return the output of each layer for a few rows: the last are the logits.

    Parameters
    ----------
    X : ndarray or sparse matrix of shape (n_rows, n_features)
        The rows, of any numeric type.
    W, b : list of ndarray
        Weight matrices of shape (fan_in, fan_out) and biases of shape (fan_out,).
    activation : str or sequence of str
        Activation of all hidden layers, or of each.

    Returns
    -------
    outputs : list of ndarray of shape (n_rows, fan_out)
        In the order of the layers, after their activations.
    """
    outputs: list[Array] = []
    Y = X.astype(W[0].dtype, copy=False)
    names = [*per_layer(activation, len(W) - 1), "identity"]
    for layer_W, layer_b, name in zip(W, b, names, strict=True):
        Y = Affine(layer_W, layer_b).forward(Y)
        Y = ACTIVATIONS[name]().forward(Y, out=Y)
        outputs.append(Y)
    return outputs
