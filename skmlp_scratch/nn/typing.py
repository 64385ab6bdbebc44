"""The array type and the four contracts: layer, loss, update, schedule.

A class with the methods and attributes of a contract fulfils it, without inheriting
from it.
"""

from typing import Any, Protocol, TypeAlias

from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]


class Layer(Protocol):
    """What the network expects of a layer.

    A layer with parameters also has a method ``backward_parameters(dout)``, which sets
    only the derivatives with respect to the parameters.

    Attributes
    ----------
    in_place : bool
        Whether ``out`` may be the input itself, and whether the preceding layer's
        output may be overwritten.
    """

    in_place: bool

    def forward(self, x: Array, out: Array | None = None) -> Array:
        """Return the output for the input ``x``."""

    def backward(self, dout: Array, out: Array | None = None) -> Array:
        """Return the derivative for ``x``, given the derivative for the output."""


class Loss(Protocol):
    """What the network and the estimators expect of a loss.

    Attributes
    ----------
    output_activation : str
        Name of the function that turns logits into predictions.
    """

    output_activation: str

    def output(self, logits: Array) -> Array:
        """Return the predictions for the logits."""

    def loss_and_gradient(
        self,
        logits: Array,
        targets: Array,
        weights: Array | None = None,
        normalizer: float | None = None,
        out: Array | None = None,
    ) -> tuple[float, Array]:
        """Return the loss and its derivative with respect to the logits."""

    def errors(self, logits: Array, targets: Array) -> Array:
        """Return the deviations of the predictions from the targets, entry by entry."""

    def constant_loss(
        self, targets: Array, weights: Array | None = None, n_outputs: int = 0
    ) -> float:
        """Return the mean loss of the best constant prediction.

        ``n_outputs`` is the number of classes, which may be larger than class codes
        show; 0 means as many as the codes show.
        """


class Update(Protocol):
    """A change of the gradient or the parameters between two batches.

    Clipping changes the gradient, an optimizer the parameters, and a limit changes the
    parameters again. Training applies a list of updates, in order.
    """

    def step(self, parameters: Array, gradient: Array, learning_rate: float) -> None:
        """Change the parameters or the gradient, in place."""


class Schedule(Protocol):
    """What the training loop expects of a learning rate schedule."""

    learning_rate: float

    def end_step(self) -> None:
        """Set the learning rate of the next step."""

    def end_epoch(self, samples_seen: int) -> None:
        """Set the learning rate of the next epoch."""

    def plateau(self) -> bool:
        """Return whether to stop, after training has made no more progress."""
