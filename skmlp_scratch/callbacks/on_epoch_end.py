"""``OnEpochEnd``: hand what an epoch has measured to a function."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from skmlp_scratch.callbacks.base import (
    Callback,
    is_iteration,
    is_true,
    iterations_done,
    last_values,
)


class OnEpochEnd(Callback):
    """Call a function after every epoch with what the epoch has measured.

    This is the way to other tools: a function that passes the numbers on to MLflow, or
    one that reports them to Optuna and raises ``TrialPruned``. Works with every
    estimator that has callbacks of scikit-learn.

    Parameters
    ----------
    function : callable
        Called with a dict: ``epoch``, counted from 1, ``seconds`` since the beginning
        of the fit and, as far as the estimator measures them, ``loss``,
        ``validation_loss``, ``validation_score`` and ``learning_rate``. If it returns
        True, the fit ends; what else it returns means nothing. If it raises an error,
        the fit fails with it.

    Raises
    ------
    TypeError
        If ``function`` cannot be called.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skmlp_scratch import ScratchMLPClassifier
    >>> from skmlp_scratch.callbacks import OnEpochEnd
    >>> X, y = load_iris(return_X_y=True)
    >>> low_enough = OnEpochEnd(lambda measured: measured["loss"] < 0.1)
    >>> clf = ScratchMLPClassifier(max_iter=10_000).set_callbacks(low_enough)
    """

    def __init__(self, function: Callable[[Mapping[str, Any]], object]) -> None:
        if not callable(function):
            raise TypeError(f"function must be callable, got {function!r}")
        self.function = function
        self._begun: dict[int, float] = {}

    def setup(self, estimator: Any, context: Any) -> None:
        """Start the clock."""
        super().setup(estimator, context)
        self._begun[id(estimator)] = time.monotonic()

    def teardown(self, estimator: Any, context: Any) -> None:
        """Forget the fit."""
        self._begun.pop(id(estimator), None)

    def on_fit_task_end(
        self, estimator: Any, context: Any, *, fitted_estimator: Any = None
    ) -> bool:
        """Call the function."""
        if fitted_estimator is None or not is_iteration(context):
            return False
        seconds = time.monotonic() - self._begun[id(estimator)]
        measured = {
            "epoch": iterations_done(fitted_estimator, context),
            "seconds": round(seconds, 6),
            **last_values(fitted_estimator),
        }
        return is_true(self._told(context, measured))

    def _told(self, context: Any, measured: dict[str, Any]) -> object:
        return self.function(measured)
