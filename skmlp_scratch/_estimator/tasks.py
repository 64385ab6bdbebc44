"""The tasks of a fit, which scikit-learn's callbacks are told of.

scikit-learn has callbacks from version 1.9 on. They are experimental there: what
changes, changes here. With older versions an estimator has no ``set_callbacks``, and
fits as ever.
"""

import copy
from typing import Any

from skmlp_scratch._estimator.attributes import FittedAttributes
from skmlp_scratch._estimator.checkpoint import Checkpoint, checkpoint_of
from skmlp_scratch._estimator.inputs import Call
from skmlp_scratch._estimator.resuming import interrupted_fit
from skmlp_scratch._estimator.run import Observe, Run

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # scikit-learn 1.6 to 1.8

    class _NoTask:
        """A task that nobody hears of."""

        def subcontext(self, **keywords: Any) -> "_NoTask":
            return self

        def call_on_fit_task_begin(self, **keywords: Any) -> "_NoTask":
            return self

        def call_on_fit_task_end(self, **keywords: Any) -> bool:
            return False

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """No set_callbacks, by which scikit-learn knows who supports callbacks."""

        def _init_callback_context(self, **keywords: Any) -> _NoTask:
            return _NoTask()

    def with_callbacks(method: Any) -> Any:
        """Return the method as it is."""
        return method


def _nothing() -> None:
    """Return no checkpoint."""


__all__ = ["CallbackSupportMixin", "FitTasks", "with_callbacks"]


class FitTasks:
    """The tasks that callbacks are told of: a fit, and in it every epoch.

    Parameters
    ----------
    estimator : estimator
        The estimator as the callbacks know it. It gets its new attributes at the end.
    twin : estimator
        The one that is trained.
    call : Call
        What was passed to ``fit``. Callbacks get X and y as they are.
    max_epochs : int
        How many epochs there may be.
    """

    def __init__(
        self,
        estimator: FittedAttributes,
        twin: FittedAttributes,
        call: Call,
        max_epochs: int,
    ) -> None:
        self.twin, self.max_epochs, self.n_epochs = twin, max_epochs, 0
        self._run: Run | None = None
        self._has_ended = False
        # scikit-learn's own estimators ask this, too: a task costs some microseconds.
        self._is_heard = hasattr(estimator, "_skl_callbacks")
        weights = call.sample_weight
        self._passed = {
            "estimator": estimator,
            "X": call.X,
            "y": call.y,
            "metadata": None if weights is None else {"sample_weight": weights},
        }
        self._fit = estimator._init_callback_context(max_subtasks=max_epochs)
        self._fit.call_on_fit_task_begin(**self._passed)
        self._epoch: Any = None
        self._begin_epoch()

    @property
    def observe(self) -> Observe | None:
        """What is to be told after every epoch, if there are callbacks."""
        return self._end_epoch if self._is_heard else None

    def _begin_epoch(self) -> None:
        if self._is_heard and self.n_epochs < self.max_epochs:
            self._epoch = self._fit.subcontext(task_name="epoch")
            self._epoch.call_on_fit_task_begin(**self._passed)

    def _end_epoch(self, run: Run) -> bool:
        """Tell the callbacks that an epoch has ended; return whether one says stop."""
        self.n_epochs, self._run = self.n_epochs + 1, run
        # Forgotten first: whatever happens there, it is told once.
        epoch, self._epoch = self._epoch, None
        stop = self._end(epoch, lambda: self._as_fitted(run.fitted_attributes()))
        if not (stop or run.history.ended):
            self._begin_epoch()
        return stop

    def _as_fitted(self, attributes: dict[str, Any]) -> dict[str, Any]:
        """Return what makes a copy of the estimator a fitted one.

        All attributes at once, so that none of an earlier fit is left. The copy is not
        part of a search any more.
        """
        found = vars(self.twin) | attributes
        found.pop("_parent_callback_ctx", None)
        return {"__dict__": found}

    def end(self, before: dict[str, Any]) -> None:
        """Tell the callbacks that the fit has ended, and the estimator is complete.

        If one of them fails, the estimator gets back the attributes from before.
        """
        self._has_ended = True
        try:
            if self._epoch:  # which was begun, but did not come to its end
                self._end(self._epoch, None)
            self._end(self._fit, lambda: self._as_fitted(copy.copy(self.twin).__dict__))
        except Exception:
            self._passed["estimator"].__dict__ = before
            raise

    def _end(self, task: Any, attributes: Any) -> bool:
        task.checkpoint = self._checkpoint if attributes is not None else _nothing
        try:
            return bool(
                task.call_on_fit_task_end(
                    **self._passed, reconstruction_attributes=attributes
                )
            )
        finally:
            del task.checkpoint  # contexts are kept, and pickled

    def _checkpoint(self) -> Checkpoint | None:
        """Return the model as if the fit ended now, and how to go on with the fit.

        None before the first epoch, and after a fit that was interrupted or diverged:
        what was written before is worth more.
        """
        run = self._run
        if run is None:
            return None
        if not self._has_ended:
            found = run.fitted_attributes()
            return checkpoint_of(self.twin, found, interrupted_fit(run))
        if run.parts and run.last_state is None:
            return None
        return checkpoint_of(self.twin, {}, interrupted_fit(run))
