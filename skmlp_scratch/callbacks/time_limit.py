"""``TimeLimit``: end a fit when its time is up."""

from typing import Any

from skmlp_scratch.callbacks.base import TimedCallback, is_real


class TimeLimit(TimedCallback):
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
        super().__init__()
        self.seconds = seconds

    def on_fit_task_end(self, estimator: Any, context: Any) -> bool:
        """Return whether the time is up."""
        return self.time_of(estimator) >= self.seconds
