"""``Checkpoint``: after an epoch, a file to go on from, should the process die."""

import shutil
from collections.abc import Callable
from itertools import pairwise
from os import PathLike, link
from pathlib import Path
from typing import Any

from skmlp_scratch._estimator.base import BaseScratchMLP
from skmlp_scratch._estimator.storage import check_writable, temporary_path
from skmlp_scratch.callbacks.base import Callback, is_iteration, is_positive_int
from skmlp_scratch.exceptions import warn


class Checkpoint(Callback):
    """Write the fit to a file every few epochs, and when it ends.

    ``fit(X, y, resume_from=path)`` continues from the file and ends with the weights
    that the fit would have had without interruption, bit for bit.
    ``from_checkpoint(path)`` makes a fitted estimator of it. No pickle is involved.

    The file is written beside its place, flushed to the disk and renamed: whenever the
    process dies, the file is an old one or a new one, and whole.

    For our estimators with a solver of mini-batches; with L-BFGS the file holds the
    model only. A Checkpoint in a search is refused, as all of its fits would write to
    one file. In ``cross_validate`` or in an ensemble they do write to it: set it where
    one estimator is fitted once.

    Parameters
    ----------
    path : str or path-like
        The file; its folder must be there.
    every_n_epochs : int, default=1
        Write after each of so many epochs, and after the last one.
    keep : int, default=1
        How many files to keep. Those before the newest have a number in their names,
        from 1 for the one before: ``model.npz``, ``model.1.npz``, ``model.2.npz``.
    on_error : {'raise', 'warn'}, default='raise'
        What to do when the file cannot be written: end the fit with the error, or go on
        with a warning. An older file stays as it is.

    Raises
    ------
    ValueError
        If a parameter has a value that it cannot have or, in a fit, in a search.
    TypeError
        In a fit, if the estimator is not one of ours.
    OSError
        In a fit, if the file cannot be written, unless ``on_error='warn'``.

    Examples
    --------
    >>> from skmlp_scratch import ScratchMLPClassifier
    >>> from skmlp_scratch.callbacks import Checkpoint
    >>> clf = ScratchMLPClassifier().set_callbacks(Checkpoint("model.npz"))
    """

    def __init__(
        self,
        path: str | PathLike[str],
        every_n_epochs: int = 1,
        keep: int = 1,
        on_error: str = "raise",
    ) -> None:
        numbers = {"every_n_epochs": every_n_epochs, "keep": keep}
        for name, value in numbers.items():
            if not is_positive_int(value):
                raise ValueError(f"{name} must be an int of at least 1, got {value!r}")
        if on_error not in ("raise", "warn"):
            raise ValueError(f"on_error must be 'raise' or 'warn', got {on_error!r}")
        self.path = Path(path).absolute()  # also if a fit changes the folder
        self.every_n_epochs, self.keep, self.on_error = every_n_epochs, keep, on_error
        self._unwritten: set[int] = set()

    def setup(self, estimator: Any, context: Any) -> None:
        """See that there is something to store, and where."""
        if not isinstance(estimator, BaseScratchMLP):
            raise TypeError(
                f"Checkpoint stores the estimators of skmlp_scratch, got a "
                f"{type(estimator).__name__}. Set it on the network itself."
            )
        task = context
        while task.parent is not None:
            task = task.parent
            if not task.sequential_subtasks:
                raise ValueError(
                    f"Checkpoint({str(self.path)!r}) is in a {task.estimator_name}, "
                    "all of whose fits would write to this file. Refit the best "
                    "estimator with it instead."
                )
        self._attempt(lambda: check_writable(self.path))

    def teardown(self, estimator: Any, context: Any) -> None:
        """Forget the fit."""
        self._unwritten.discard(id(estimator))

    def on_fit_task_end(self, estimator: Any, context: Any) -> None:
        """Write, if it is time to."""
        if is_iteration(context):
            self._unwritten.add(id(estimator))
            if (context.task_id + 1) % self.every_n_epochs:
                return
        checkpoint = id(estimator) in self._unwritten and context.checkpoint()
        if checkpoint:
            self._attempt(lambda: checkpoint.write(self.path, self._keep_older))
            self._unwritten.discard(id(estimator))

    def _attempt(self, write: Callable[[], None]) -> None:
        try:
            write()
        except OSError as error:
            if self.on_error == "raise":
                error.add_note(
                    f"No checkpoint in {str(self.path)!r}; an older one is as it was. "
                    "With on_error='warn' the fit goes on."
                )
                raise
            message = f"No checkpoint in {str(self.path)!r}: {error}. The fit goes on."
            warn(UserWarning(message))

    def _keep_older(self) -> None:
        """Give older files their next numbers; the newest also stays where it is."""
        newest = self.path.resolve()  # beside the file itself, if the path is a link
        if self.keep == 1 or not newest.exists():
            return
        numbers = range(1, self.keep)
        older = [newest.with_suffix(f".{n}{newest.suffix}") for n in numbers]
        for younger, file in list(pairwise(older))[::-1]:
            if younger.exists():
                younger.replace(file)
        copy = temporary_path(newest, "old")
        try:
            try:
                link(newest, copy)
            except OSError:  # a file system without links
                shutil.copyfile(newest, copy)
            copy.replace(older[0])
        finally:
            copy.unlink(missing_ok=True)
