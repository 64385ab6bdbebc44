"""``MetricsLogger``: a line of JSON for every epoch, in a file."""

import json
import math
from os import PathLike
from pathlib import Path
from typing import Any

from skmlp_scratch.callbacks.base import EpochCallback


class MetricsLogger(EpochCallback):
    """Append a line of JSON to a file after every epoch.

    A line has ``run`` (the same text in all lines of one fit, or of all fits of one
    search), ``task`` (the numbers of the tasks down to the epoch, from 0, which tell
    the fits of a search apart), ``estimator``, ``epoch``, counted from 1, ``seconds``
    since the beginning of the fit and, as far as the estimator measures them, ``loss``,
    ``validation_loss``, ``validation_score`` and ``learning_rate``. An infinite value
    is null.

    Each line is written and flushed at once: it can be read while the fit goes on, and
    is there if the process dies. Several fits, also those of a search in several
    processes, may write to one file. Read it with
    ``pandas.read_json(path, lines=True)``.

    Works with every estimator that has callbacks of scikit-learn.

    Parameters
    ----------
    path : str or path-like
        The file, to which lines are appended.

    Raises
    ------
    OSError
        In a fit, if the file cannot be written.

    Examples
    --------
    >>> from skmlp_scratch import ScratchMLPClassifier
    >>> from skmlp_scratch.callbacks import MetricsLogger
    >>> clf = ScratchMLPClassifier().set_callbacks(MetricsLogger("metrics.jsonl"))
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        super().__init__()
        self.path = Path(path).absolute()  # also if a fit changes the folder

    def setup(self, estimator: Any, context: Any) -> None:
        """Start the clock, and see that the file can be written."""
        super().setup(estimator, context)
        self._append("")

    def handle(self, measured: dict[str, Any], context: Any) -> None:
        """Append the line of an epoch."""
        task, parent = [context.task_id], context.parent
        while parent.parent is not None:
            task.insert(0, parent.task_id)
            parent = parent.parent
        line = {
            "run": str(context.root_uuid),
            "task": task,
            "estimator": context.estimator_name,
            **measured,
        }
        # JSON has no infinity.
        infinite = [k for k, v in line.items() if v in (math.inf, -math.inf)]
        line |= dict.fromkeys(infinite)
        self._append(json.dumps(line, allow_nan=False) + "\n")

    def _append(self, text: str) -> None:
        # One write in append mode: lines of several processes do not mix.
        with self.path.open("ab", buffering=0) as file:
            file.write(text.encode("utf-8"))
