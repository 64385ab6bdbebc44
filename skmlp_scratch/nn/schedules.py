"""Schedules: the learning rate of each step.

All schedules have the same three arguments, and use the ones that they need. To add a
schedule, derive it from ``Constant`` or, if it plans for a known number of steps, from
``Budgeted``, and give it a row in ``SCHEDULES``.
"""

import math


class Constant:
    """The same learning rate at every step; training ends without progress.

    Parameters
    ----------
    learning_rate_init : float
        The first learning rate or, for budgeted schedules, the largest.
    n_steps : int, default=1
        The number of steps that budgeted schedules plan for.
    power_t : float, default=0.5
        The exponent of inverse scaling.

    Attributes
    ----------
    learning_rate : float
        The learning rate of the next step.
    """

    # Whether it suits optimizers with a rate for each parameter, such as Adam.
    for_adaptive = True

    def __init__(
        self, learning_rate_init: float, n_steps: int = 1, power_t: float = 0.5
    ) -> None:
        self.learning_rate = self.learning_rate_init = float(learning_rate_init)
        self.n_steps, self.power_t = n_steps, power_t

    def end_step(self) -> None:
        """Change nothing."""

    def end_epoch(self, samples_seen: int) -> None:
        """Change nothing."""

    def plateau(self) -> bool:
        """Return True: training stops."""
        return True


class InverseScaling(Constant):
    """``learning_rate_init / (samples_seen + 1) ** power_t``, set after each epoch.

    This is scikit-learn's ``'invscaling'``: training rows are counted, not steps.

    Its parameters are those of :class:`Constant`.
    """

    for_adaptive = False

    def end_epoch(self, samples_seen: int) -> None:
        """Lower the rate."""
        self.learning_rate = self.learning_rate_init / (
            (samples_seen + 1) ** self.power_t
        )


class Adaptive(Constant):
    """A rate that is divided by 5 on every plateau, until it is at most ``1e-6``.

    This is scikit-learn's ``'adaptive'``.

    Its parameters are those of :class:`Constant`.
    """

    for_adaptive = False

    def plateau(self) -> bool:
        """Lower the rate, or return True if it is too small already."""
        if self.learning_rate <= 1e-6:
            return True
        self.learning_rate /= 5
        return False


class Budgeted(Constant):
    """A rate that goes up and then down to zero over a known number of steps.

    Step ``t = 0, 1, ...`` of ``n_steps`` has the rate ``learning_rate_init * shape(u)``
    with ``u = (t + 1/2) / n_steps``: the value in the middle of the step. Training uses
    up all steps.

    Its parameters are those of :class:`Constant`.
    """

    def __init__(
        self, learning_rate_init: float, n_steps: int = 1, power_t: float = 0.5
    ) -> None:
        super().__init__(learning_rate_init, n_steps, power_t)
        self.t = -1
        self.end_step()

    def shape(self, u: float) -> float:
        """Return the rate, relative to the largest, after a fraction ``u`` of steps."""
        raise NotImplementedError

    def end_step(self) -> None:
        """Go on to the next step's rate."""
        self.t += 1
        u = min((self.t + 0.5) / self.n_steps, 1.0)
        self.learning_rate = self.learning_rate_init * self.shape(u)


class OneCycle(Budgeted):
    """A linear rise over the first quarter, then a linear fall to zero.

    Smith (2018), arXiv:1803.09820.

    Its parameters are those of :class:`Constant`.
    """

    def shape(self, u: float) -> float:
        """Return ``min(4 u, 4 (1 - u) / 3)``."""
        return min(4 * u, 4 * (1 - u) / 3)


class Cosine(Budgeted):
    """A warm-up over 1/20 of the budget, then half a cosine down to zero.

    Loshchilov and Hutter (2017), arXiv:1608.03983, equation 5, without restarts.

    Its parameters are those of :class:`Constant`.
    """

    warm_up = 0.05

    def shape(self, u: float) -> float:
        """Return ``(1 + cos(pi v)) / 2`` at a fraction ``v`` of the remaining steps."""
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
# The schedules that plan for a known number of steps.
BUDGETED = tuple(name for name, s in SCHEDULES.items() if issubclass(s, Budgeted))
