"""``TimeLimit``: end a fit when its time is up."""

import time
from typing import Any

from skmlp_scratch.callbacks.base import Callback, is_real


class TimeLimit(Callback):
    """End a fit after the first epoch that ends after the time is up.

    Works with every estimator that heeds what callbacks of scikit-learn say. The fitted
    model is the one that it would be with a smaller ``max_iter``. Within a search, each
    fit has the whole time.

    Parameters
    ----------
    seconds : float
        The time from the beginning of the fit, above 0.

    Raises
    ------
    ValueError
        If ``seconds`` is not a number above 0.

    Examples
    --------
    >>> from skmlp_scratch import ScratchMLPClassifier
    >>> from skmlp_scratch.callbacks import TimeLimit
    >>> clf = ScratchMLPClassifier(max_iter=10_000)
    >>> clf = clf.set_callbacks(TimeLimit(seconds=0.5))
    """

    def __init__(self, seconds: float) -> None:
        if not (is_real(seconds) and seconds > 0):
            raise ValueError(f"seconds must be a number above 0, got {seconds!r}")
        self.seconds = seconds
        self._begun: dict[int, float] = {}

    def setup(self, estimator: Any, context: Any) -> None:
        """Start the clock."""
        super().setup(estimator, context)
        self._begun[id(estimator)] = time.monotonic()

    def teardown(self, estimator: Any, context: Any) -> None:
        """Forget the fit."""
        self._begun.pop(id(estimator), None)

    def on_fit_task_end(self, estimator: Any, context: Any) -> bool:
        """Return whether the time is up."""
        return time.monotonic() - self._begun[id(estimator)] >= self.seconds
