"""The network: layers in a chain, over one parameter vector.

The network owns every buffer and decides which of them are shared: an activation
overwrites its input, and a hidden layer's derivative goes through one array on the
way back. Layers neither know nor care.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from skmlp_scratch.nn.blocks import in_blocks, row_blocks
from skmlp_scratch.nn.layers import ACTIVATIONS, Affine
from skmlp_scratch.nn.losses import LOSSES, Loss
from skmlp_scratch.nn.parameters import Parameters
from skmlp_scratch.nn.typing import Array


class Network:
    """A multilayer perceptron with its loss, ready to be trained.

    Parameters
    ----------
    layer_units : sequence of int
        Width of every layer, from the input to the output: ``(784, 50, 10)``.
    activation : {'identity', 'logistic', 'tanh', 'relu'}, default='relu'
        Activation of the hidden layers.
    loss : {'softmax_cross_entropy', 'sigmoid_cross_entropy', 'squared_error', \
            'poisson'}, default='softmax_cross_entropy'
        The loss, which brings the output activation with it.
    dtype : dtype, default=np.float64
        Computing type: that of parameters, gradients and buffers.

    Attributes
    ----------
    parameters, gradient : Parameters
        The weights and biases, and the derivatives of the last objective.
    outputs : list of ndarray of shape (n_rows, n_units)
        After ``forward``: the activations of each hidden layer, then the logits, which
        ``loss_and_gradient`` overwrites with their derivative.
    """

    def __init__(
        self,
        layer_units: Sequence[int],
        activation: str = "relu",
        loss: str = "softmax_cross_entropy",
        dtype: Any = np.float64,
    ) -> None:
        self.layer_units = tuple(layer_units)
        self.activation = activation
        self.loss: Loss = LOSSES[loss]()
        self.parameters = Parameters(layer_units, dtype)
        self.gradient = Parameters(layer_units, dtype)
        self.affines = [
            Affine(*views)
            for views in zip(
                self.parameters.W,
                self.parameters.b,
                self.gradient.W,
                self.gradient.b,
                strict=True,
            )
        ]
        self.activations = [ACTIVATIONS[activation]() for _ in self.affines[1:]]
        self._buffer_rows = 0

    def forward(self, X: Array) -> Array:
        """Return the logits of a batch, in a buffer that the next call overwrites.

        Parameters
        ----------
        X : ndarray or sparse matrix of shape (n_rows, n_features)
            The batch, in the computing type.

        Returns
        -------
        logits : ndarray of shape (n_rows, n_outputs)
        """
        self._provide_buffers(X.shape[0])
        # There is one affine layer more than activations: the last, which gives logits.
        for affine, activation, out in zip(
            self.affines, self.activations, self.outputs, strict=False
        ):
            X = activation.forward(affine.forward(X, out=out), out=out)
        return self.affines[-1].forward(X, out=self.outputs[-1])

    def backward(self, dlogits: Array) -> None:
        """Fill ``gradient``, given the derivative with respect to the logits."""
        dout = dlogits
        # On the way back the first affine layer is left over: nobody needs its dX.
        for affine, activation, out in zip(
            reversed(self.affines),
            reversed(self.activations),
            reversed(self._hidden_gradients),
            strict=False,
        ):
            dout = activation.backward(affine.backward(dout, out=out), out=out)
        self.affines[0].backward_parameters(dout)

    def loss_and_gradient(
        self,
        X: Array,
        targets: Array,
        weights: Array | None = None,
        normalizer: float | None = None,
        alpha: float = 0.0,
    ) -> tuple[float, Array]:
        """Return the objective for one batch, and its gradient.

        ``J = (sum_i w_i loss_i + alpha / 2 sum_l ||W_l||^2) / normalizer``

        Parameters
        ----------
        X : ndarray or sparse matrix of shape (n_rows, n_features)
            The batch, in the computing type.
        targets : ndarray
            Class codes of shape (n_rows,), or values of shape (n_rows, n_outputs).
        weights : ndarray of shape (n_rows,), default=None
            Row weights ``w_i``; None means 1.
        normalizer : float, default=None
            What everything is divided by; None means n_rows.
        alpha : float, default=0.0
            Strength of the penalty on the weight matrices.

        Returns
        -------
        objective : float
        gradient : ndarray of shape (n_parameters,)
            The vector of ``gradient``, which the next call overwrites.
        """
        normalizer = X.shape[0] if normalizer is None else normalizer
        logits = self.forward(X)
        objective, dlogits = self.loss.loss_and_gradient(
            logits, targets, weights, normalizer, out=logits
        )
        self.backward(dlogits)
        if alpha > 0:
            W, strength = self.parameters.weights, alpha / normalizer
            objective += 0.5 * strength * float(W @ W)

            def add_penalty(gradient: Array, W: Array) -> None:
                gradient += strength * W

            in_blocks(add_penalty, self.gradient.weights, W)
        return objective, self.gradient.vector

    def _provide_buffers(self, n_rows: int) -> None:
        """Make views of ``n_rows`` rows; allocate only when a batch is the largest."""
        if n_rows > self._buffer_rows:
            dtype = self.parameters.vector.dtype
            self._buffers = [np.empty((n_rows, u), dtype) for u in self.layer_units[1:]]
            self._dbuffers = [
                np.empty((n_rows, u), dtype) for u in self.layer_units[1:-1]
            ]
            self._buffer_rows, self._view_rows = n_rows, 0
        if n_rows != self._view_rows:
            self.outputs = [buffer[:n_rows] for buffer in self._buffers]
            self._hidden_gradients = [buffer[:n_rows] for buffer in self._dbuffers]
            self._view_rows = n_rows


def predict_logits(
    X: Array,
    W: Sequence[Array],
    b: Sequence[Array],
    activation: str,
    rows: Array | None = None,
    block_rows: int = 2000,
) -> Array:
    """Return the logits of many rows, in bounded memory.

    The rows go through in blocks, through two buffers that take turns: beside the
    result, no array is larger than ``block_rows`` rows. Nothing is shared between calls.

    Parameters
    ----------
    X : ndarray or sparse matrix of shape (n_samples, n_features)
        Of any numeric type; each block is cast to the type of the weights.
    W, b : list of ndarray
        Weight matrices of shape (fan_in, fan_out) and biases of shape (fan_out,).
    activation : {'identity', 'logistic', 'tanh', 'relu'}
        Activation of the hidden layers.
    rows : ndarray of int of shape (n_rows,), default=None
        Which rows of X to take; None means all of them.
    block_rows : int, default=2000
        Rows in a block.

    Returns
    -------
    logits : ndarray of shape (n_rows, n_outputs)
    """
    *hidden, last = [Affine(*layer) for layer in zip(W, b, strict=True)]
    activate = ACTIVATIONS[activation]()
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
            Y = activate.forward(layer.forward(Y, out=out), out=out)
        last.forward(Y, out=logits[block])
    return logits
