"""When to stop: what is watched after each epoch, and for how long without progress."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from skmlp_scratch.nn.divergence import DivergenceGuard
from skmlp_scratch.nn.history import History
from skmlp_scratch.nn.network import Network
from skmlp_scratch.nn.validation import Validation

# What can decide when to stop, as a number that should fall.
MONITORS: dict[str, Callable[[History], float]] = {
    "loss": lambda history: history.loss_curve[-1],
    "validation_loss": lambda history: history.validation_losses[-1],
    "validation_score": lambda history: -history.validation_scores[-1],
}


@dataclass
class Patience:
    """Counts the epochs in a row that did not improve on the best by ``tol``.

    As in scikit-learn, training stops once *more* than ``n_iter_no_change`` epochs in a
    row failed.

    Attributes
    ----------
    tol : float
        The least decrease that counts as an improvement.
    n_iter_no_change : float
        How many epochs without one are allowed.
    begins_below : float
        Epochs with a training loss above this, and a validation score that is not above
        0, do not count as failures: a network that has not begun to learn has no progress
        to show yet.
    best : float
        The smallest value so far.
    failures : int
        Epochs without an improvement since the last one.
    """

    tol: float
    n_iter_no_change: float
    begins_below: float = math.inf
    best: float = math.inf
    failures: int = 0

    def update(self, value: float) -> bool:
        """Take note of an epoch's value; return whether it is the best so far."""
        # Put so that a value that is not a number counts as a failure.
        self.failures = 0 if value <= self.best - self.tol else self.failures + 1
        is_best = value < self.best
        if is_best:
            self.best = value
        return is_best

    @property
    def exhausted(self) -> bool:
        """Whether too many epochs have failed in a row."""
        return self.failures > self.n_iter_no_change


@dataclass
class Watch:
    """What is looked at after each epoch.

    Attributes
    ----------
    patience : Patience
        Decides when there is no progress.
    monitor : {'loss', 'validation_loss', 'validation_score'}, default='loss'
        What patience watches. If it is not the training loss, the parameters of its
        best epoch are restored at the end.
    validation : Validation, default=None
        Rows to validate on.
    guard : DivergenceGuard
        Notices divergence; by default one that looks for what is not finite only.
    """

    patience: Patience
    monitor: str = "loss"
    validation: Validation | None = None
    guard: DivergenceGuard = field(default_factory=DivergenceGuard)

    def end_epoch(
        self, history: History, network: Network, loss: float, n_rows: int
    ) -> bool:
        """Validate, take note of an epoch, and return whether it is the best so far."""
        # First validated, then noted: an interrupt must not come in between.
        validated = self.validation.measure(network) if self.validation else None
        history.add_epoch(loss, n_rows, validated)
        is_best = self.patience.update(MONITORS[self.monitor](history))
        if is_best:
            history.best_epoch = history.total_epochs
        not_begun = loss > self.patience.begins_below
        if not_begun and not history.validation_scores[-1] > 0:
            self.patience.failures = 0
        return is_best
