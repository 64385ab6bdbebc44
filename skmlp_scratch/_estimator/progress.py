"""The lines that ``verbose`` prints, which begin like scikit-learn's."""

from skmlp_scratch.nn.history import History


class Progress:
    """Prints a line for every epoch, with the learning rate where it has fallen.

    Parameters
    ----------
    max_iter : int or None
        Maximum number of epochs; None means no limit.
    """

    def __init__(self, max_iter: int | None) -> None:
        self.max_iter = max_iter

    def print_epoch(self, history: History) -> None:
        """Print a line for the epoch that has just ended."""
        number = history.epochs if self.max_iter else history.total_epochs
        line = f"Iteration {number}, loss = {history.loss_curve[-1]:.8f}"
        if self.max_iter:
            line += f" (epoch {number} of {self.max_iter})"
        *before, rate = history.learning_rates or [0.0]
        if before and rate < before[-1]:
            line += f", learning rate = {rate:.3g}"
        if history.validation_scores:
            line += f"\nValidation score: {history.validation_scores[-1]:.6f}"
            line += f", loss = {history.validation_losses[-1]:.6f}"
        print(line, flush=True)
