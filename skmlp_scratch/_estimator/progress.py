"""The lines that ``verbose`` prints, which begin like scikit-learn's."""

import time

from skmlp_scratch.nn.history import History


class Progress:
    """Prints a line for every epoch. Its clock starts when it is made.

    Parameters
    ----------
    n_rows : int
        Number of training rows, all of which an epoch uses once.
    max_iter : int or None
        Maximum number of epochs; None means no limit.
    """

    def __init__(self, n_rows: int, max_iter: int | None) -> None:
        self.n_rows, self.max_iter = n_rows, max_iter
        self.began = time.perf_counter()
        self.epochs = 0

    def print_epoch(self, history: History) -> None:
        """Print a line for the epoch that has just ended."""
        number = history.epochs if self.max_iter else history.total_epochs
        counted = f"{number} of {self.max_iter}, " if self.max_iter else ""
        self.epochs += 1
        seconds = time.perf_counter() - self.began
        # The mean over all epochs so far. A clock may be too coarse for the first.
        speed = self.epochs * self.n_rows / max(seconds, 1e-6)
        line = f"Iteration {number}, loss = {history.loss_curve[-1]:.8f}"
        line += f" ({counted}{seconds:.1f} s, {speed:,.0f} rows/s)"
        *before, rate = history.learning_rates[-2:] or [0.0]
        if before and rate < before[-1]:
            line += f", learning rate = {rate:.3g}"
        if history.validation_scores:
            line += f"\nValidation score: {history.validation_scores[-1]:.6f}"
            line += f", loss = {history.validation_losses[-1]:.6f}"
        print(line, flush=True)
