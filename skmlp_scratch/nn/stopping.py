"""When to stop: the monitored quantity, and the patience without progress."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from skmlp_scratch.nn.divergence import BestTwo, DivergenceGuard
from skmlp_scratch.nn.history import History
from skmlp_scratch.nn.network import Network
from skmlp_scratch.nn.validation import Validation

# The quantities that can be monitored, with the sign for which smaller is better.
MONITORS: dict[str, Callable[[History], float]] = {
    "loss": lambda history: history.loss_curve[-1],
    "validation_loss": lambda history: history.validation_losses[-1],
    "validation_score": lambda history: -history.validation_scores[-1],
}


@dataclass
class Patience:
    """Counts the consecutive epochs that did not improve on the best by ``tol``.

    As in scikit-learn, training stops once *more* than ``n_iter_no_change`` consecutive
    epochs have failed to improve.

    Attributes
    ----------
    tol : float
        The smallest decrease that counts as an improvement.
    n_iter_no_change : float
        How many consecutive epochs without an improvement are allowed.
    untrained_above : float
        The training loss above which a network counts as untrained, as long as its
        validation score is not above 0. Its epochs do not count as failures.
    best : float
        The smallest value so far.
    failures : int
        Number of epochs since the last improvement.
    """

    tol: float
    n_iter_no_change: float
    untrained_above: float = math.inf
    best: float = math.inf
    failures: int = 0

    def update(self, value: float) -> bool:
        """Record the value of an epoch; return whether it is the best so far."""
        # Every comparison with NaN is False: NaN counts as a failure, as it must.
        self.failures = 0 if value <= self.best - self.tol else self.failures + 1
        is_best = value < self.best
        if is_best:
            self.best = value
        return is_best

    @property
    def exhausted(self) -> bool:
        """Whether too many consecutive epochs have failed to improve."""
        return self.failures > self.n_iter_no_change


@dataclass
class Watch:
    """What is monitored after each epoch.

    Attributes
    ----------
    patience : Patience
        Decides when training makes no more progress.
    monitor : {'loss', 'validation_loss', 'validation_score'}, default='loss'
        The monitored quantity. If it is not the training loss, the parameters of the
        best epoch are restored at the end.
    validation : Validation, default=None
        Rows to validate on.
    guard : DivergenceGuard
        Detects divergence. The default detects only values that are not finite.
    best : BestTwo or None
        Copies of the best parameters, during training.
    """

    patience: Patience
    monitor: str = "loss"
    validation: Validation | None = None
    guard: DivergenceGuard = field(default_factory=DivergenceGuard)
    best: BestTwo | None = None

    def end_epoch(
        self,
        history: History,
        network: Network,
        loss: float,
        n_rows: int,
        learning_rate: float | None = None,
    ) -> bool:
        """Validate and record an epoch; return whether it is the best so far."""
        # An interrupt during validation must not leave an epoch half recorded.
        validated = self.validation.measure(network) if self.validation else None
        history.add_epoch(loss, n_rows, validated, learning_rate)
        is_best = self.patience.update(MONITORS[self.monitor](history))
        if is_best:
            history.best_epoch = history.total_epochs
        untrained = loss > self.patience.untrained_above
        if untrained and not history.validation_scores[-1] > 0:
            self.patience.failures = 0
        return is_best
