"""The array type and the four contracts: layer, loss, update, schedule.

A class with the methods and attributes of a contract fulfils it, without inheriting
from it. Their methods are described here, with the shapes of what they take and return.
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
        """Return the output for a batch.

        Parameters
        ----------
        x : ndarray of shape (n_rows, n_inputs)
            The input, one row per sample.
        out : ndarray of shape (n_rows, n_outputs), default=None
            Where the output goes; None makes a new array.

        Returns
        -------
        y : ndarray of shape (n_rows, n_outputs)
            The output.
        """

    def backward(self, dout: Array, out: Array | None = None) -> Array:
        """Return the derivative for the input of the last ``forward``.

        Parameters
        ----------
        dout : ndarray of shape (n_rows, n_outputs)
            The derivative of the loss with respect to the output.
        out : ndarray of shape (n_rows, n_inputs), default=None
            Where the result goes; None makes a new array.

        Returns
        -------
        dx : ndarray of shape (n_rows, n_inputs)
            The derivative of the loss with respect to ``x``.
        """


class Loss(Protocol):
    """What the network and the estimators expect of a loss.

    Attributes
    ----------
    output_activation : str
        Name of the function that turns logits into predictions.
    """

    output_activation: str

    def output(self, logits: Array) -> Array:
        """Return the predictions for the logits.

        Parameters
        ----------
        logits : ndarray of shape (n_rows, n_outputs)
            The output of the last affine layer.

        Returns
        -------
        predictions : ndarray of shape (n_rows, n_outputs)
            Probabilities of classes, or values.
        """

    def loss_and_gradient(
        self,
        logits: Array,
        targets: Array,
        weights: Array | None = None,
        normalizer: float | None = None,
        out: Array | None = None,
    ) -> tuple[float, Array]:
        """Return the loss and its derivative with respect to the logits.

        Parameters
        ----------
        logits : ndarray of shape (n_rows, n_outputs)
            The output of the last affine layer.
        targets : ndarray of shape (n_rows,) or (n_rows, n_outputs)
            Codes of classes, or one target for each output.
        weights : ndarray of shape (n_rows,), default=None
            Row weights; None means 1 for every row.
        normalizer : float, default=None
            What the sum over the rows is divided by; None means n_rows.
        out : ndarray of shape (n_rows, n_outputs), default=None
            Where the derivative goes. May be ``logits`` itself.

        Returns
        -------
        loss : float
            The mean, or the sum divided by ``normalizer``.
        dlogits : ndarray of shape (n_rows, n_outputs)
            The derivative, in ``out`` if that is given.
        """

    def errors(self, logits: Array, targets: Array) -> Array:
        """Return the deviations of the predictions from the targets, entry by entry.

        Parameters
        ----------
        logits : ndarray of shape (n_rows, n_outputs)
            The output of the last affine layer.
        targets : ndarray of shape (n_rows,) or (n_rows, n_outputs)
            Codes of classes, or one target for each output.

        Returns
        -------
        errors : ndarray of shape (n_rows, n_outputs)
            Predictions minus targets.
        """

    def constant_loss(
        self, targets: Array, weights: Array | None = None, n_outputs: int = 0
    ) -> float:
        """Return the mean loss of the best constant prediction.

        Parameters
        ----------
        targets : ndarray of shape (n_rows,) or (n_rows, n_outputs)
            Codes of classes, or one target for each output.
        weights : ndarray of shape (n_rows,), default=None
            Row weights; None means 1 for every row.
        n_outputs : int, default=0
            The number of classes, which may be larger than class codes show; 0 means
            as many as the codes show.

        Returns
        -------
        loss : float
            What a network that has learnt nothing from X would reach.
        """


class Update(Protocol):
    """A change of the gradient or the parameters between two batches.

    Clipping changes the gradient, an optimizer the parameters, and a limit changes the
    parameters again. Training applies a list of updates, in order.
    """

    def step(self, parameters: Array, gradient: Array, learning_rate: float) -> None:
        """Change the parameters or the gradient, in place.

        Parameters
        ----------
        parameters : ndarray of shape (n_parameters,)
            All weights and biases of the network.
        gradient : ndarray of shape (n_parameters,)
            The derivative of the objective with respect to them.
        learning_rate : float
            The rate of this step.
        """


class Schedule(Protocol):
    """What the training loop expects of a learning rate schedule."""

    learning_rate: float

    def end_step(self) -> None:
        """Set the learning rate of the next step."""

    def end_epoch(self, samples_seen: int) -> None:
        """Set the learning rate of the next epoch.

        Parameters
        ----------
        samples_seen : int
            The number of rows that all steps until now had, together.
        """

    def plateau(self) -> bool:
        """React to epochs without progress.

        Returns
        -------
        stop : bool
            Whether to end the training.
        """
