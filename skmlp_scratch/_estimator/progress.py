"""The lines that ``verbose`` prints, which begin like scikit-learn's."""

from skmlp_scratch.nn.history import History
from skmlp_scratch.nn.typing import Schedule


class Progress:
    """Prints a line for every epoch.

    Parameters
    ----------
    max_iter : int or None
        Maximum number of epochs; None means no limit.
    schedule : Schedule, default=None
        Its learning rate is printed whenever it has fallen.
    """

    def __init__(self, max_iter: int | None, schedule: Schedule | None = None) -> None:
        self.max_iter, self.schedule = max_iter, schedule
        self.rate = schedule.learning_rate if schedule else 0.0

    def print_epoch(self, history: History) -> None:
        """Print a line for the epoch that has just ended."""
        number = history.epochs if self.max_iter else history.total_epochs
        line = f"Iteration {number}, loss = {history.loss_curve[-1]:.8f}"
        if self.max_iter:
            line += f" (epoch {number} of {self.max_iter})"
        if self.schedule:
            if self.schedule.learning_rate < self.rate:
                line += f", learning rate = {self.schedule.learning_rate:.3g}"
            self.rate = self.schedule.learning_rate
        if history.validation_scores:
            line += f"\nValidation score: {history.validation_scores[-1]:.6f}"
            line += f", loss = {history.validation_losses[-1]:.6f}"
        print(line, flush=True)
