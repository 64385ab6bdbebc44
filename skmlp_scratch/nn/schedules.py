"""The learning rate: what it is, and what happens to it as training goes on."""

from typing import Protocol


class Schedule(Protocol):
    """What the training loop expects of a schedule."""

    learning_rate: float

    def end_epoch(self, samples_seen: int) -> None:
        """Take note that an epoch has ended."""

    def plateau(self) -> bool:
        """Take note that training makes no progress; return whether to stop."""


class Constant:
    """The same learning rate at every step; no progress ends training.

    Parameters
    ----------
    learning_rate_init : float
        The learning rate.

    Attributes
    ----------
    learning_rate : float
        The rate of the next step.
    """

    def __init__(self, learning_rate_init: float) -> None:
        self.learning_rate = learning_rate_init

    def end_epoch(self, samples_seen: int) -> None:
        """Change nothing."""

    def plateau(self) -> bool:
        """Stop."""
        return True


class InverseScaling(Constant):
    """``learning_rate_init / (samples_seen + 1) ** power_t``, renewed after each epoch.

    This is scikit-learn's ``'invscaling'``: the count is that of training rows, not of
    steps.

    Parameters
    ----------
    learning_rate_init : float
        The rate in the first epoch.
    power_t : float, default=0.5
        The exponent.
    """

    def __init__(self, learning_rate_init: float, power_t: float = 0.5) -> None:
        super().__init__(learning_rate_init)
        self.learning_rate_init, self.power_t = learning_rate_init, power_t

    def end_epoch(self, samples_seen: int) -> None:
        """Lower the rate."""
        self.learning_rate = self.learning_rate_init / (
            (samples_seen + 1) ** self.power_t
        )


class Adaptive(Constant):
    """A rate that is divided by 5 when progress ends, down to ``1e-6``.

    This is scikit-learn's ``'adaptive'``.
    """

    def plateau(self) -> bool:
        """Lower the rate, or stop if it is too small already."""
        if self.learning_rate <= 1e-6:
            return True
        self.learning_rate /= 5
        return False
