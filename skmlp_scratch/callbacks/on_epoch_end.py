"""``OnEpochEnd``: hand what an epoch has measured to a function."""

from collections.abc import Callable, Mapping
from typing import Any

from skmlp_scratch.callbacks.base import EpochCallback


class OnEpochEnd(EpochCallback):
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
        super().__init__()
        self.function = function

    def handle(self, measured: dict[str, Any], context: Any) -> object:
        """Call the function."""
        return self.function(measured)
