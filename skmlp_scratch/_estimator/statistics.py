"""Activations and gradients of each layer: a forward and a backward pass on a few rows.

The network is the one that predicts: without noise and dropout, with batch
normalisation folded into weights and biases.
"""

import math
from typing import Any

import numpy as np

from skmlp_scratch._estimator.rows import Rows
from skmlp_scratch.nn.activations import ACTIVATIONS, per_layer
from skmlp_scratch.nn.fast import add_multiple
from skmlp_scratch.nn.layers import Affine, product
from skmlp_scratch.nn.network import Network
from skmlp_scratch.nn.typing import Array

# A unit is dead if its activation passes a smaller share of the gradient in all rows.
SMALLEST_SLOPE = 0.01


def layer_statistics(
    network: Network, sample: Rows, penalty: float
) -> dict[str, list[Any]]:
    """Return statistics of each layer, the output layer last.

    Parameters
    ----------
    network : Network
        The trained network.
    sample : Rows
        Training rows, all of which go through the network at once.
    penalty : float
        What the weights are multiplied by in the gradient of the objective.

    Returns
    -------
    statistics : dict of str to list
        The columns of :attr:`~skmlp_scratch.summary.TrainingSummary.layers`.
    """
    W, b = network.folded()
    names = [*per_layer(network.activation, len(W) - 1), "identity"]
    activations = [ACTIVATIONS[name]() for name in names]
    total = None if sample.weights is None else sample.weights.sum()
    found = []
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        outputs = [sample.X.astype(W[0].dtype, copy=False)]
        for layer_W, layer_b, activation in zip(W, b, activations, strict=True):
            Y = Affine(layer_W, layer_b).forward(outputs[-1])
            outputs.append(activation.forward(Y, out=Y))
        _, dout = network.loss.loss_and_gradient(
            outputs[-1], sample.targets, sample.weights, total
        )
        for number in reversed(range(len(W))):
            X, Y = outputs[number : number + 2]
            mean = Y.mean(dtype=np.float64)
            slopes = activations[number].backward(np.ones_like(Y))
            dout = dout * slopes
            dW = product(X.T, dout)
            if penalty:
                add_multiple(dW.reshape(-1), penalty, W[number].reshape(-1))
            found.append(
                {
                    "units": Y.shape[1],
                    "activation": names[number],
                    "mean": float(mean),
                    # The mean is float64, and so are the distances from it.
                    "std": _norm(Y - mean) / math.sqrt(Y.size),
                    "dead": float((np.abs(slopes) < SMALLEST_SLOPE).all(axis=0).mean()),
                    "weight_norm": _norm(W[number]),
                    "gradient_norm": _norm(dW),
                    "bias_gradient_norm": _norm(dout.sum(axis=0)),
                }
            )
            if number:  # nothing needs the derivative with respect to the data
                dout = dout @ W[number].T
    return {name: [layer[name] for layer in found[::-1]] for name in found[0]}


def weight_statistics(
    W: list[Array], activation: str | tuple[str, ...]
) -> dict[str, list[Any]]:
    """Return the statistics that need no rows; the others are NaN."""
    unknown = [math.nan] * len(W)
    return {
        "units": [matrix.shape[1] for matrix in W],
        "activation": [*per_layer(activation, len(W) - 1), "identity"],
        "mean": unknown,
        "std": unknown,
        "dead": unknown,
        "weight_norm": [_norm(matrix) for matrix in W],
        "gradient_norm": unknown,
        "bias_gradient_norm": unknown,
    }


def _norm(values: Array) -> float:
    return float(np.linalg.norm(values))
