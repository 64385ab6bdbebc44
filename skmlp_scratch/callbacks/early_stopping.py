"""``EarlyStopping``: end a fit that no longer improves."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from skmlp_scratch.callbacks.base import (
    CURVES,
    Callback,
    curve,
    is_iteration,
    is_positive_int,
    is_real,
    iterations_done,
)

LOSSES = ("loss", "validation_loss")
MONITORS = (*LOSSES, "validation_score")


@dataclass
class _Seen:
    """What a fit has shown so far; larger scores are better."""

    epochs: int = 0
    best: float = -math.inf
    without_improvement: int = 0

    def add(self, score: float, min_delta: float) -> None:
        self.epochs += 1
        # A comparison with NaN is False: NaN is no improvement.
        if score > self.best + min_delta:
            self.best, self.without_improvement = score, 0
        else:
            self.without_improvement += 1


class EarlyStopping(Callback):
    """End a fit when a monitored value has not improved for a number of epochs.

    The parameter ``early_stopping`` of our estimators does that, too, and goes back to
    the weights of the best epoch. This callback watches anything, and leaves the
    weights of the last epoch.

    Parameters
    ----------
    monitor : {'loss', 'validation_loss', 'validation_score'} or callable, \
            default='validation_loss'
        What to watch. A name is a value that our estimators measure after every epoch,
        those of validation if there are validation rows (``X_val`` or
        ``early_stopping``); ``'loss'`` is the training loss. A callable
        ``monitor(fitted_estimator, X, y)`` returns a score, of which larger is better,
        as scikit-learn's scorers do; it works with every estimator that heeds what
        callbacks of scikit-learn say.
    patience : int, default=10
        End the fit after this many epochs in a row without improvement, at least 1.
    min_delta : float, default=0.0
        The smallest improvement that counts: a value must be better than the best by
        more than this.

    Raises
    ------
    ValueError
        If a parameter has a value that it cannot have or, in a fit, if the estimator
        does not measure what is to be watched.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skmlp_scratch import ScratchMLPClassifier
    >>> from skmlp_scratch.callbacks import EarlyStopping
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = ScratchMLPClassifier(max_iter=10_000, random_state=0)
    >>> clf = clf.set_callbacks(EarlyStopping("loss", patience=3, min_delta=0.01))
    """

    def __init__(
        self,
        monitor: str | Callable[[Any, Any, Any], float] = "validation_loss",
        patience: int = 10,
        min_delta: float = 0.0,
    ) -> None:
        if not (callable(monitor) or monitor in MONITORS):
            raise ValueError(
                f"monitor must be one of {', '.join(map(repr, MONITORS))}, or a "
                f"callable(fitted_estimator, X, y), got {monitor!r}"
            )
        if not is_positive_int(patience):
            raise ValueError(f"patience must be an int of at least 1, got {patience!r}")
        if not (is_real(min_delta) and 0 <= min_delta < math.inf):
            raise ValueError(f"min_delta must be a number from 0, got {min_delta!r}")
        self.monitor, self.patience, self.min_delta = monitor, patience, min_delta
        self._seen: dict[int, _Seen] = {}

    def setup(self, estimator: Any, context: Any) -> None:
        """Begin with nothing seen."""
        super().setup(estimator, context)
        self._seen[id(estimator)] = _Seen()

    def teardown(self, estimator: Any, context: Any) -> None:
        """Forget the fit."""
        self._seen.pop(id(estimator), None)

    def on_fit_task_end(
        self,
        estimator: Any,
        context: Any,
        *,
        X: Any = None,
        y: Any = None,
        fitted_estimator: Any = None,
    ) -> bool:
        """Return whether the values of the last epochs call for an end."""
        if fitted_estimator is None or not is_iteration(context):
            return False
        seen = self._seen[id(estimator)]
        if isinstance(self.monitor, str):
            # With the epochs before a resumed fit, so that it ends where the
            # uninterrupted one would have.
            values = self._measured(fitted_estimator, self.monitor)
            n_epochs = min(iterations_done(fitted_estimator, context), len(values))
            scores = values[len(values) - n_epochs + seen.epochs :]
        else:
            scores = [self._scored(self.monitor(fitted_estimator, X, y))]
        sign = -1 if self.monitor in LOSSES else 1
        for score in scores:
            seen.add(sign * score, self.min_delta)
        return seen.without_improvement >= self.patience

    def _scored(self, score: object) -> float:
        """Return what the callable returned, which must be a number."""
        if not is_real(score):
            raise ValueError(f"monitor must return a number, got {score!r}")
        return float(cast(float, score))

    def _measured(self, fitted_estimator: Any, name: str) -> list[float]:
        """Return what the estimator has measured."""
        values = curve(fitted_estimator, name)
        if not values:
            remedy = "Pass a callable as monitor"
            if name.startswith("validation"):
                remedy += ", or validation rows: fit(..., X_val=..., y_val=...)"
            raise ValueError(
                f"EarlyStopping(monitor={name!r}) needs {CURVES[name]}, which this fit "
                f"of {type(fitted_estimator).__name__} does not have. {remedy}."
            )
        return values
