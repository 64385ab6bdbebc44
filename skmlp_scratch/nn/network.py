"""The network: a list of layers over one parameter vector, and a loss at its end.

A batch goes through ``noise, dropout, [affine, batch norm, noise, activation, dropout]
* n_hidden, affine, loss``; only affine layers, activations and the loss must be there.
``forward`` goes through the list, ``backward`` comes back.

The network owns every buffer and plans which ones are shared: an activation overwrites
its input, and a hidden layer's derivative goes through one array on the way back.
Layers do not depend on this.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from skmlp_scratch.nn.activations import ACTIVATIONS, per_layer
from skmlp_scratch.nn.batch_norm import BatchNorm
from skmlp_scratch.nn.classification_losses import SoftmaxCrossEntropy
from skmlp_scratch.nn.fast import add_multiple
from skmlp_scratch.nn.inference import predict_logits
from skmlp_scratch.nn.layers import Affine
from skmlp_scratch.nn.parameters import Parameters
from skmlp_scratch.nn.regularization import Dropout, GaussianNoise
from skmlp_scratch.nn.typing import Array, Layer, Loss


class Network:
    """A multilayer perceptron with its loss, ready to be trained.

    Parameters
    ----------
    layer_units : sequence of int
        Width of every layer, from the input to the output: ``(784, 50, 10)``.
    activation : str or sequence of str, default='relu'
        Activation of all hidden layers, or of each: names in ``ACTIVATIONS``.
    loss : Loss, default=None
        The loss, which brings the output activation with it; None means
        ``SoftmaxCrossEntropy()``.
    dtype : dtype, default=np.float64
        Computing type: that of parameters, gradients and buffers.
    noise : float, default=0.0
        Standard deviation of the noise on the input and on what activations get.
    dropout : sequence of float, default=()
        Probability of dropping an entry of the input, and of each hidden layer's
        output; empty means none.
    batch_norm : bool, default=False
        Whether the input of each activation is normalised over the batch.
    rng : Generator, default=None
        Source of noise and dropout; not needed without them.

    Attributes
    ----------
    layers : list of Layer
        What a batch goes through in training.
    norms : list of BatchNorm
        The batch normalisation layers, one per hidden layer, or none.
    parameters, gradient : Parameters
        The weights and biases, and the derivatives of the last objective.
    """

    def __init__(
        self,
        layer_units: Sequence[int],
        activation: str | Sequence[str] = "relu",
        loss: Loss | None = None,
        dtype: Any = np.float64,
        *,
        noise: float = 0.0,
        dropout: Sequence[float] = (),
        batch_norm: bool = False,
        rng: np.random.Generator | None = None,
    ) -> None:
        self.layer_units = tuple(layer_units)
        *hidden, _ = self.layer_units[1:]
        self.activation = (
            activation if isinstance(activation, str) else tuple(activation)
        )
        self.loss: Loss = SoftmaxCrossEntropy() if loss is None else loss
        further = [(units,) for units in hidden for _ in range(4 * batch_norm)]
        self.parameters = Parameters(layer_units, dtype, further)
        self.gradient = Parameters(layer_units, dtype, further)
        self.norms = self._batch_norms(len(hidden) * batch_norm)
        rng = rng or np.random.default_rng()
        self.layers = self._chain(noise, dropout or [0.0] * (len(hidden) + 1), rng)
        # No derivative is needed before the first layer with parameters.
        self._first = next(
            number
            for number, layer in enumerate(self.layers)
            if hasattr(layer, "backward_parameters")
        )
        self._buffer_rows = 0

    def _batch_norms(self, n_norms: int) -> list[BatchNorm]:
        own, derivatives = self.parameters.further, self.gradient.further
        return [
            BatchNorm(own[4 * n : 4 * n + 4], derivatives[4 * n : 4 * n + 4])
            for n in range(n_norms)
        ]

    def _chain(
        self, noise: float, dropout: Sequence[float], rng: np.random.Generator
    ) -> list[Layer]:
        """Return the layers in the order in which a batch goes through them."""
        affines = map(
            Affine,
            self.parameters.W,
            self.parameters.b,
            self.gradient.W,
            self.gradient.b,
        )
        with_noise = [GaussianNoise(noise, rng)] if noise else []
        dropouts = [[Dropout(rate, rng)] if rate else [] for rate in dropout]
        layers: list[Layer] = [*with_noise, *dropouts[0]]
        names = per_layer(self.activation, len(dropouts) - 1)
        for number, name in enumerate(names):
            layers += [next(affines), *self.norms[number : number + 1], *with_noise]
            layers += [ACTIVATIONS[name](), *dropouts[number + 1]]
        return [*layers, next(affines)]

    def forward(self, X: Array, weights: Array | None = None) -> Array:
        """Return the logits of a training batch, in a buffer that the next call reuses.

        Parameters
        ----------
        X : ndarray or sparse matrix of shape (n_rows, n_features)
            The batch, in the computing type.
        weights : ndarray of shape (n_rows,), default=None
            Row weights, by which batches are normalised; None means 1.

        Returns
        -------
        logits : ndarray of shape (n_rows, n_outputs)
            The output of the last affine layer.
        """
        self._plan_buffers(X.shape[0])
        for norm in self.norms:
            norm.weights = weights
        for layer, out in self._on_the_way_forward:
            X = layer.forward(X, out=out)
        return X

    def backward(self, dlogits: Array) -> None:
        """Fill ``gradient``, given the derivative of the last logits."""
        dout = dlogits
        for layer, out in self._on_the_way_back:
            dout = layer.backward(dout, out=out)
        self.layers[self._first].backward_parameters(dout)  # type: ignore[attr-defined]

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
            ``J``.
        gradient : ndarray of shape (n_parameters,)
            The vector of ``gradient``, which the next call overwrites.
        """
        normalizer = X.shape[0] if normalizer is None else normalizer
        logits = self.forward(X, weights)
        objective, dlogits = self.loss.loss_and_gradient(
            logits, targets, weights, normalizer, out=logits
        )
        self.backward(dlogits)
        if alpha > 0:
            objective += self._add_penalty(alpha / normalizer)
        return objective, self.gradient.vector

    def folded(self) -> tuple[list[Array], list[Array]]:
        """Return the weights and biases of prediction, with ``norms`` folded in."""
        W, b = [*self.parameters.W], [*self.parameters.b]
        for number, norm in enumerate(self.norms):
            W[number], b[number] = norm.folded(W[number], b[number])
        return W, b

    def predict(self, X: Array, rows: Array | None = None) -> Array:
        """Return the logits of many rows, without noise and dropout.

        See :func:`~skmlp_scratch.nn.inference.predict_logits`.
        """
        return predict_logits(X, *self.folded(), self.activation, rows)

    def _add_penalty(self, strength: float) -> float:
        """Return the penalty, and add its gradient to the gradient of the loss."""
        W = self.parameters.matrices
        add_multiple(self.gradient.matrices, strength, W)
        return 0.5 * strength * float(W.dot(W))

    def _plan_buffers(self, n_rows: int) -> None:
        """Plan which layer writes where; allocate only when a batch is the largest."""
        if n_rows > self._buffer_rows:
            self._buffers, self._dbuffers = self._allocate(n_rows)
            self._buffer_rows, self._planned_rows = n_rows, 0
        if n_rows == self._planned_rows:
            return
        # One view of each buffer: layers see by identity that they work in place.
        buffers = [b for b in [*self._buffers, *self._dbuffers] if b is not None]
        views = {id(buffer): buffer[:n_rows] for buffer in buffers}
        outs, douts = (
            [views.get(id(buffer)) for buffer in plan]
            for plan in (self._buffers, self._dbuffers)
        )
        self._on_the_way_forward = list(zip(self.layers, outs, strict=True))
        back = list(zip(self.layers, douts, strict=True))[self._first + 1 :]
        self._on_the_way_back = back[::-1]
        self._planned_rows = n_rows

    def _allocate(self, n_rows: int) -> tuple[list[Array | None], list[Array | None]]:
        """Return where each layer puts its output, and the derivative of its input.

        Before the first affine layer, where X may be sparse, layers make arrays.
        """
        dtype = self.parameters.vector.dtype
        buffers: list[Array | None] = []
        dbuffers: list[Array | None] = []
        out: Array | None = None
        dout: Array | None = None
        for layer in self.layers:
            dbuffers.append(dout)
            if isinstance(layer, Affine):
                out = np.empty((n_rows, len(layer.b)), dtype)
                dout = np.empty_like(out)
            elif out is not None and not layer.in_place:
                out = np.empty_like(out)
            buffers.append(out)
        return buffers, dbuffers
