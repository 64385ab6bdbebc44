"""The network: layers in a chain, over one parameter vector.

The network owns every buffer and decides which of them are shared: an activation
overwrites its input, and a hidden layer's derivative goes through one array on the
way back. Layers neither know nor care.

In training, noise and dropout may come between the layers. A batch then goes through
``noise, dropout, [affine, noise, activation, dropout] * n_hidden, affine, loss``.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from skmlp_scratch.nn.blocks import row_blocks
from skmlp_scratch.nn.layers import ACTIVATIONS, Affine, per_layer
from skmlp_scratch.nn.losses import LOSSES, Loss
from skmlp_scratch.nn.parameters import Parameters
from skmlp_scratch.nn.regularization import Dropout, GaussianNoise
from skmlp_scratch.nn.typing import Array
from skmlp_scratch.nn.vectors import add_multiple


class Network:
    """A multilayer perceptron with its loss, ready to be trained.

    Parameters
    ----------
    layer_units : sequence of int
        Width of every layer, from the input to the output: ``(784, 50, 10)``.
    activation : str or sequence of str, default='relu'
        Activation of all hidden layers, or of each: names in ``ACTIVATIONS``.
    loss : {'softmax_cross_entropy', 'sigmoid_cross_entropy', 'squared_error', \
            'poisson'}, default='softmax_cross_entropy'
        The loss, which brings the output activation with it.
    dtype : dtype, default=np.float64
        Computing type: that of parameters, gradients and buffers.
    label_smoothing : float, default=0.0
        For the two cross-entropies: how much of the target goes to all classes alike.

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
        activation: str | Sequence[str] = "relu",
        loss: str = "softmax_cross_entropy",
        dtype: Any = np.float64,
        label_smoothing: float = 0.0,
    ) -> None:
        self.layer_units = tuple(layer_units)
        self.activation = (
            activation if isinstance(activation, str) else tuple(activation)
        )
        options = {"label_smoothing": label_smoothing} if label_smoothing else {}
        self.loss: Loss = LOSSES[loss](**options)
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
        names = per_layer(activation, len(self.affines) - 1)
        self.activations = [ACTIVATIONS[name]() for name in names]
        self.noise: GaussianNoise | None = None
        self.dropouts: list[Dropout | None] = [None] * len(self.affines)
        self._buffer_rows = 0

    def disturb(
        self, noise: float, dropout: Sequence[float], rng: np.random.Generator
    ) -> None:
        """Have noise and dropout in training from now on.

        Parameters
        ----------
        noise : float
            Standard deviation of the noise on the input and on what activations get.
        dropout : sequence of float
            Probability of dropping an entry of the input, and of each hidden layer's
            output.
        rng : Generator
            Source of both.
        """
        self.noise = GaussianNoise(noise, rng) if noise else None
        self.dropouts = [Dropout(rate, rng) if rate else None for rate in dropout]

    def forward(self, X: Array, training: bool = False) -> Array:
        """Return the logits of a batch, in a buffer that the next call overwrites.

        Parameters
        ----------
        X : ndarray or sparse matrix of shape (n_rows, n_features)
            The batch, in the computing type.
        training : bool, default=False
            Whether noise and dropout, if any, take part.

        Returns
        -------
        logits : ndarray of shape (n_rows, n_outputs)
        """
        self._provide_buffers(X.shape[0])
        noise = self.noise if training else None
        dropouts = self.dropouts if training else [None] * len(self.dropouts)
        if noise:
            X = noise.forward(X)
        if dropouts[0]:
            X = dropouts[0].forward(X)
        for number, activation in enumerate(self.activations):
            out = self.outputs[number]
            X = self.affines[number].forward(X, out=out)
            if noise:
                X = noise.forward(X, out=out)
            X = activation.forward(X, out=out)
            if dropout := dropouts[number + 1]:
                # Not in place: the activation needs its output for the derivative.
                X = dropout.forward(X)
        return self.affines[-1].forward(X, out=self.outputs[-1])

    def backward(self, dlogits: Array) -> None:
        """Fill ``gradient``, given the derivative with respect to the logits.

        That of the last ``forward``, which had to be one of training if there is
        dropout.
        """
        dout = dlogits
        for number in reversed(range(len(self.activations))):
            out = self._hidden_gradients[number]
            dout = self.affines[number + 1].backward(dout, out=out)
            if dropout := self.dropouts[number + 1]:
                dout = dropout.backward(dout, out=out)
            dout = self.activations[number].backward(dout, out=out)
            # Noise comes here on the way forward; derivatives pass it unchanged.
        # Nobody needs the derivative with respect to the input.
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
        logits = self.forward(X, training=True)
        objective, dlogits = self.loss.loss_and_gradient(
            logits, targets, weights, normalizer, out=logits
        )
        self.backward(dlogits)
        if alpha > 0:
            objective += self._add_penalty(alpha / normalizer)
        return objective, self.gradient.vector

    def _add_penalty(self, strength: float) -> float:
        """Return ``strength / 2 sum_l ||W_l||^2``; add its gradient to that of the loss."""
        W = self.parameters.weights
        add_multiple(self.gradient.weights, strength, W)
        return 0.5 * strength * float(W.dot(W))

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
    activation: str | Sequence[str],
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
    activation : str or sequence of str
        Activation of all hidden layers, or of each.
    rows : ndarray of int of shape (n_rows,), default=None
        Which rows of X to take; None means all of them.
    block_rows : int, default=2000
        Rows in a block.

    Returns
    -------
    logits : ndarray of shape (n_rows, n_outputs)
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
