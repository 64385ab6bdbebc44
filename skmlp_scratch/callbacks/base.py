"""What the callbacks share: hooks that do nothing, and what an epoch has measured."""

import math
import time
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.base import MetaEstimatorMixin


class Callback:
    """A callback of scikit-learn 1.9, all of whose hooks do nothing.

    Several fits may use one instance, also at a time: what belongs to a fit is kept by
    the identity of its estimator.
    """

    def setup(self, estimator: Any, context: Any) -> None:
        """Refuse what has no iterations of its own: nothing would ever happen."""
        if isinstance(estimator, MetaEstimatorMixin) or hasattr(estimator, "steps"):
            raise TypeError(
                f"{type(self).__name__} follows the iterations of one fit, got a "
                f"{type(estimator).__name__}, which has none of its own. Call "
                "set_callbacks of the estimator within it."
            )

    def teardown(self, estimator: Any, context: Any) -> None:
        """Clean up after a fit, whether it succeeded or not."""

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Do nothing at the beginning of a task."""

    def on_fit_task_end(self, estimator: Any, context: Any) -> bool | None:
        """Do nothing at the end of a task."""


class TimedCallback(Callback):
    """A callback that knows how long each fit has taken."""

    def __init__(self) -> None:
        self._begun: dict[int, float] = {}

    def setup(self, estimator: Any, context: Any) -> None:
        """Start the clock."""
        super().setup(estimator, context)
        self._begun[id(estimator)] = time.monotonic()

    def teardown(self, estimator: Any, context: Any) -> None:
        """Forget the fit."""
        self._begun.pop(id(estimator), None)

    def time_of(self, estimator: Any) -> float:
        """Return the seconds since the beginning of the fit."""
        return time.monotonic() - self._begun[id(estimator)]


class EpochCallback(TimedCallback):
    """A callback that handles what each epoch has measured."""

    def on_fit_task_end(
        self, estimator: Any, context: Any, *, fitted_estimator: Any = None
    ) -> bool:
        """Handle what an epoch has measured; return whether to end the fit."""
        if fitted_estimator is None or not is_iteration(context):
            return False
        measured = {
            "epoch": iterations_done(fitted_estimator, context),
            "seconds": round(self.time_of(estimator), 6),
            **last_values(fitted_estimator),
        }
        return is_true(self.handle(measured, context))

    def handle(self, measured: dict[str, Any], context: Any) -> object:
        """Do something with it; True ends the fit."""
        raise NotImplementedError


def is_iteration(context: Any) -> bool:
    """Return whether a task is one of the iterations of a fit, such as an epoch."""
    parent = context.parent
    return bool(
        parent is not None
        and context.max_subtasks == 0
        and context.source_task_name is None
        and parent.sequential_subtasks
        and parent.estimator_name == context.estimator_name
    )


def is_true(answer: object) -> bool:
    """Return whether an answer is True, of Python or NumPy, and not just any object."""
    return isinstance(answer, bool | np.bool_) and bool(answer)


def is_real(value: object) -> bool:
    """Return whether a value is a number, but not a boolean."""
    return isinstance(value, Real) and not isinstance(value, bool)


def is_positive_int(value: Any) -> bool:
    """Return whether a value is a whole number of at least 1, but not a boolean."""
    return isinstance(value, Integral) and is_real(value) and int(value) >= 1


# What is known after each epoch: the attributes of ScratchMLPClassifier, some of which
# other estimators have, too.
CURVES = {
    "loss": "loss_curve_",
    "validation_loss": "validation_loss_curve_",
    "validation_score": "validation_scores_",
    "learning_rate": "learning_rate_curve_",
}


def curve(fitted_estimator: Any, name: str) -> list[float]:
    """Return the values of all epochs so far; an empty list if they are not known."""
    return list(getattr(fitted_estimator, CURVES[name], None) or [])


def last_values(fitted_estimator: Any) -> dict[str, float]:
    """Return what the last epoch has measured, by name, as far as it is a number."""
    curves = {name: curve(fitted_estimator, name) for name in CURVES}
    found = {name: float(values[-1]) for name, values in curves.items() if values}
    return {name: value for name, value in found.items() if not math.isnan(value)}


def iterations_done(fitted_estimator: Any, context: Any) -> int:
    """Return the number of the last iteration, from 1; a resumed fit counts on."""
    n_iter = getattr(fitted_estimator, "n_iter_", None)
    return n_iter if isinstance(n_iter, int) else int(context.task_id) + 1
