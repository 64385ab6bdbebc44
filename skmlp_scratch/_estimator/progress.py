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
        # The mean over the epochs of this call; one that resumes a fit begins with
        # more in its history. A clock may be too coarse for the first epoch.
        speed = self.epochs * self.n_rows / max(seconds, 1e-6)
        rates = history.learning_rates
        line = f"Iteration {number}, loss = {history.loss_curve[-1]:.8f}"
        line += f" ({counted}{seconds:.1f} s, {speed:,.0f} rows/s)"
        if len(rates) > 1 and rates[-1] < rates[-2]:
            line += f", learning rate = {rates[-1]:.3g}"
        if history.validation_scores:
            line += f"\nValidation score: {history.validation_scores[-1]:.6f}"
            line += f", loss = {history.validation_losses[-1]:.6f}"
        print(line, flush=True)
