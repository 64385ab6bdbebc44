"""Callbacks for tests: one records, and fails, stops or interrupts where it is told to.

Worker processes import this module by its name.
"""

from types import SimpleNamespace

import pytest
from helpers import SKLEARN

needs_callbacks = pytest.mark.skipif(
    SKLEARN < (1, 9), reason="scikit-learn has callbacks from version 1.9 on"
)


class Recorder:
    """Keep what every hook was told, in ``seen``; see ``at`` for what else it does.

    Parameters
    ----------
    at : dict, default=None
        By the name of a hook, or name and number of the epoch, what it does there: an
        exception is raised, a function is called, anything else is returned.
    """

    def __init__(self, at=None):
        self.at, self.seen = at or {}, []

    def _told(self, hook, estimator, context, **passed):
        task = context.task_name
        number = context.task_id if task == "epoch" else task
        told = SimpleNamespace(
            hook=hook, task=number, estimator=estimator, context=context, **passed
        )
        self.seen.append(told)
        answer = self.at.get((hook, number), self.at.get(hook))
        if isinstance(answer, BaseException):
            raise answer
        return answer(told) if callable(answer) else answer

    def setup(self, estimator, context):
        self._told("setup", estimator, context)

    def teardown(self, estimator, context):
        self._told("teardown", estimator, context)

    def on_fit_task_begin(self, estimator, context, *, X, y, metadata):
        self._told("begin", estimator, context, X=X, y=y, metadata=metadata)

    def on_fit_task_end(self, estimator, context, *, X, y, metadata, fitted_estimator):
        return self._told(
            "end",
            estimator,
            context,
            X=X,
            y=y,
            metadata=metadata,
            fitted=fitted_estimator,
        )

    @property
    def order(self):
        """Hooks and tasks, in the order in which they were told."""
        return [(told.hook, told.task) for told in self.seen]

    @property
    def epochs(self):
        """What was told at the end of each epoch that came to its end."""
        return [
            told
            for told in self.seen
            if told.hook == "end" and told.task != "fit" and told.fitted is not None
        ]


class Quiet:
    """The smallest callback: it asks for nothing and does nothing."""

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        pass
