"""The array type and the four contracts: layer, loss, update, schedule.

A class that has the methods and attributes of a contract can be used wherever one is
asked for; there is nothing to inherit from.
"""

from typing import Any, Protocol, TypeAlias

from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]


class Layer(Protocol):
    """What the network expects of a layer.

    A layer with parameters has a method ``backward_parameters(dout)`` as well, which
    fills in their derivatives and nothing else.

    Attributes
    ----------
    in_place : bool
        Whether ``out`` may be the input itself, and whether the layer before may lose
        its output.
    """

    in_place: bool

    def forward(self, x: Array, out: Array | None = None) -> Array:
        """Return the output for the input ``x``."""

    def backward(self, dout: Array, out: Array | None = None) -> Array:
        """Return the derivative with respect to ``x``, given that of the output."""


class Loss(Protocol):
    """What the network and the estimators expect of a loss.

    Attributes
    ----------
    output_activation : str
        Name of the function that turns logits into predictions.
    """

    output_activation: str

    def output(self, logits: Array) -> Array:
        """Return the predictions that belong to the logits."""

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
        """Return how far predictions are from targets, entry by entry."""

    def constant_loss(
        self, targets: Array, weights: Array | None = None, n_outputs: int = 0
    ) -> float:
        """Return the mean loss of the best constant prediction: the one to beat.

        Class codes do not tell how many classes there are: ``n_outputs``, or as many as
        they need.
        """


class Update(Protocol):
    """One thing that happens between the gradient and the next batch.

    An optimizer moves the parameters, clipping changes the gradient, a limit changes
    the parameters afterwards: training applies a list of these, in order.
    """

    def step(self, parameters: Array, gradient: Array, learning_rate: float) -> None:
        """Change the parameters or the gradient, in place."""


class Schedule(Protocol):
    """What the training loop expects of a schedule of the learning rate."""

    learning_rate: float

    def end_step(self) -> None:
        """Take note that a step has been made."""

    def end_epoch(self, samples_seen: int) -> None:
        """Take note that an epoch has ended."""

    def plateau(self) -> bool:
        """Take note that training makes no progress; return whether to stop."""
