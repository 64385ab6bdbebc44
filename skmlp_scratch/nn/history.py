"""What happened in training, epoch by epoch."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np


class Divergence(ArithmeticError):
    """The loss exploded, or the loss or a parameter became too large or NaN."""

    def __init__(self, objective: float, epoch: int) -> None:
        super().__init__(f"the loss became {objective:.3g} at epoch {epoch}")
        self.objective, self.epoch = objective, epoch


@dataclass
class History:
    """The record of training, epoch by epoch. Continued training adds to it.

    Attributes
    ----------
    epochs_before : int
        Epochs of earlier training that this history does not list.
    loss_curve : list of float
        Mean objective over the batches of each epoch.
    validation_scores, validation_losses : list of float
        Score and mean loss, without penalty, on the validation rows after each epoch.
        Empty without validation rows.
    learning_rates : list of float
        Learning rate of the last step of each epoch; empty for L-BFGS.
    samples_seen : int
        Rows that have gone through the network, counted once per epoch.
    best_epoch : int
        The epoch, counted from 1, with the best monitored value.
    epochs : int
        Number of epochs of the last call of ``train``.
    converged : bool
        Whether the last call stopped for lack of progress.
    stopped : bool
        Whether the ``after_epoch`` callback ended the last call.
    interrupted : bool
        Whether a KeyboardInterrupt ended the last call.
    divergence : Divergence or None
        The divergence that ended the last call, if any.
    message : str
        Why SciPy ended the last call; empty for the other solvers.
    """

    epochs_before: int = 0
    loss_curve: list[float] = field(default_factory=list)
    validation_scores: list[float] = field(default_factory=list)
    validation_losses: list[float] = field(default_factory=list)
    learning_rates: list[float] = field(default_factory=list)
    samples_seen: int = 0
    best_epoch: int = 0
    epochs: int = 0
    converged: bool = False
    stopped: bool = False
    interrupted: bool = False
    divergence: Divergence | None = None
    message: str = ""

    @property
    def total_epochs(self) -> int:
        """Return the number of the last epoch, counted along the whole loss curve."""
        return self.epochs_before + len(self.loss_curve)

    @property
    def ended(self) -> bool:
        """Whether the last call ended before its time."""
        return self.converged or self.stopped

    def begin(self) -> None:
        """Forget how the last call of ``train`` ended: another one begins."""
        self.epochs, self.divergence, self.message = 0, None, ""
        self.converged = self.stopped = self.interrupted = False

    def add_epoch(
        self,
        loss: float,
        n_rows: int,
        validated: tuple[float, float] | None,
        learning_rate: float | None = None,
    ) -> None:
        """Record an epoch: its loss, number of rows, and validation score and loss.

        ``learning_rate`` is that of its last step.
        """
        if validated:
            self.validation_scores.append(validated[0])
            self.validation_losses.append(validated[1])
        if learning_rate is not None:
            self.learning_rates.append(learning_rate)
        self.loss_curve.append(loss)
        self.samples_seen += n_rows
        self.epochs += 1


# Called after every epoch; training ends if it returns True.
AfterEpoch = Callable[[History], object]


def ends(after_epoch: AfterEpoch | None, history: History) -> bool:
    """Call what is to be called after an epoch; return whether it ends training.

    Only a boolean can: a function that returns something else by the way does not.
    """
    answer = after_epoch(history) if after_epoch else None
    return isinstance(answer, bool | np.bool_) and bool(answer)
