"""The learning rate: what it is, and what happens to it as training goes on.

All schedules are made of the same three numbers, and use those that they need. To add
one, derive it from ``Constant`` or, if it plans for a known number of steps, from
``Budgeted``, and give it a row in ``SCHEDULES``.
"""

import math


class Constant:
    """The same learning rate at every step; no progress ends training.

    Parameters
    ----------
    learning_rate_init : float
        The learning rate at first or at its largest.
    n_steps : int, default=1
        How many steps there will be: the budget of those that plan for it.
    power_t : float, default=0.5
        The exponent of inverse scaling.

    Attributes
    ----------
    learning_rate : float
        The rate of the next step.
    """

    # Whether it suits optimizers that adapt the rate of each parameter, such as Adam.
    for_adaptive = True

    def __init__(
        self, learning_rate_init: float, n_steps: int = 1, power_t: float = 0.5
    ) -> None:
        self.learning_rate = self.learning_rate_init = learning_rate_init
        self.n_steps, self.power_t = n_steps, power_t

    def end_step(self) -> None:
        """Change nothing."""

    def end_epoch(self, samples_seen: int) -> None:
        """Change nothing."""

    def plateau(self) -> bool:
        """Stop."""
        return True


class InverseScaling(Constant):
    """``learning_rate_init / (samples_seen + 1) ** power_t``, renewed after each epoch.

    This is scikit-learn's ``'invscaling'``: training rows are counted, not steps.
    """

    for_adaptive = False

    def end_epoch(self, samples_seen: int) -> None:
        """Lower the rate."""
        self.learning_rate = self.learning_rate_init / (
            (samples_seen + 1) ** self.power_t
        )


class Adaptive(Constant):
    """A rate that is divided by 5 when progress ends, down to ``1e-6``.

    This is scikit-learn's ``'adaptive'``.
    """

    for_adaptive = False

    def plateau(self) -> bool:
        """Lower the rate, or stop if it is too small already."""
        if self.learning_rate <= 1e-6:
            return True
        self.learning_rate /= 5
        return False


class Budgeted(Constant):
    """A rate that goes up and then down to zero over a known number of steps.

    The rate of a step is taken in the middle of its share of the budget: step
    ``t = 0, 1, ...`` of ``n_steps`` has ``learning_rate_init * shape(u)`` with
    ``u = (t + 1/2) / n_steps``. Training has no reason to stop before.
    """

    def __init__(
        self, learning_rate_init: float, n_steps: int = 1, power_t: float = 0.5
    ) -> None:
        super().__init__(learning_rate_init, n_steps, power_t)
        self.t = -1
        self.end_step()

    def shape(self, u: float) -> float:
        """Return the rate, relative to its largest value, at a part of the budget."""
        raise NotImplementedError

    def end_step(self) -> None:
        """Go on to the next step's rate."""
        self.t += 1
        u = min((self.t + 0.5) / self.n_steps, 1.0)
        self.learning_rate = self.learning_rate_init * self.shape(u)


class OneCycle(Budgeted):
    """Linear up over the first quarter, linear down to zero (Smith 2018, 1803.09820)."""

    def shape(self, u: float) -> float:
        """Return ``min(4 u, 4 (1 - u) / 3)``."""
        return min(4 * u, 4 * (1 - u) / 3)


class Cosine(Budgeted):
    """A warm-up over 1/20 of the budget, then half a cosine down to zero.

    Loshchilov and Hutter (2017), arXiv:1608.03983, equation 5, without restarts.
    """

    warm_up = 0.05

    def shape(self, u: float) -> float:
        """Return ``(1 + cos(pi v)) / 2`` at the part ``v`` of what follows warm-up."""
        if u < self.warm_up:
            return u / self.warm_up
        v = (u - self.warm_up) / (1 - self.warm_up)
        return (1 + math.cos(math.pi * v)) / 2


SCHEDULES: dict[str, type[Constant]] = {
    "constant": Constant,
    "invscaling": InverseScaling,
    "adaptive": Adaptive,
    "one_cycle": OneCycle,
    "cosine": Cosine,
}
# Those that plan for a known number of steps, and use it up.
BUDGETED = tuple(name for name, s in SCHEDULES.items() if issubclass(s, Budgeted))
