"""What callbacks add to an epoch, by callback and size of the work.

    python benchmarks/callbacks.py [--rounds 5]

The same fit without callbacks and with one of each, in turn. What a callback costs is
the median time between two epochs, when it is told of the end of one and the beginning
of the next. What the bar draws meanwhile, in a thread of its own, is not in it.
Needs scikit-learn 1.9 or newer, and rich for the bar.
"""

import contextlib
import io
import statistics
import time
import warnings
from collections.abc import Callable
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import numpy as np
from common import (
    PAGE,
    load_scaled,
    make_parser,
    make_table,
    medians_of_rounds,
    publish,
    seconds_of,
)
from sklearn.callback import ProgressBar, ScoringMonitor

from skmlp_scratch import ScratchMLPClassifier
from skmlp_scratch._estimator.tasks import FitTasks
from skmlp_scratch.callbacks import (
    Checkpoint,
    EarlyStopping,
    MetricsLogger,
    OnEpochEnd,
    TimeLimit,
)

# Hidden units and epochs.
WORKS = {"iris": (10, 300), "digits": (100, 30), "random": (100, 4)}
NONE = "none"


class Quiet:
    """A callback that asks for nothing."""

    def setup(self, estimator: Any, context: Any) -> None:
        pass

    teardown = on_fit_task_begin = on_fit_task_end = setup


def callbacks(folder: Path) -> dict[str, Callable[[], Any]]:
    """Return what makes each of the callbacks, by name."""
    return {
        "one that asks for nothing": Quiet,
        "TimeLimit": lambda: TimeLimit(1e9),
        "EarlyStopping": lambda: EarlyStopping("loss", patience=10**9),
        "OnEpochEnd": lambda: OnEpochEnd(len),
        "MetricsLogger": lambda: MetricsLogger(folder / "metrics.jsonl"),
        "Checkpoint": lambda: Checkpoint(folder / "model.npz"),
        "ProgressBar": ProgressBar,
        "ScoringMonitor": lambda: ScoringMonitor(scoring="accuracy"),
    }


def load(work: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows; random ones have the shape of MNIST."""
    if work != "random":
        return load_scaled(work)
    rng = np.random.default_rng(0)
    return rng.random((60_000, 784), np.float32), rng.integers(10, size=60_000)


def seconds_per_epoch(work: str, data: Any, make: Callable[[], Any] | None) -> float:
    """Return the wall time of an epoch without callbacks, or what a callback adds."""
    units, epochs = WORKS[work]
    net = ScratchMLPClassifier(
        units, max_iter=epochs, tol=0, n_iter_no_change=10**9, random_state=0
    )
    if make:
        net.set_callbacks(make())
    added, real = [], FitTasks._end_epoch

    def timed(tasks: FitTasks, run: Any) -> bool:
        start = time.perf_counter()
        stop = real(tasks, run)
        added.append(time.perf_counter() - start)
        return stop

    with (
        patch.object(FitTasks, "_end_epoch", timed),
        contextlib.redirect_stdout(io.StringIO()),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        seconds = seconds_of(lambda: net.fit(*data))
    return statistics.median(added) if make else seconds / epochs


def main() -> None:
    """Time all combinations, and print the table."""
    parser = make_parser(__doc__, page=PAGE.with_name("callbacks.md"))
    parser.add_argument("--works", nargs="+", choices=WORKS, default=list(WORKS))
    arguments = parser.parse_args()
    data = {work: load(work) for work in arguments.works}
    with TemporaryDirectory() as folder:
        makers = {NONE: None, **callbacks(Path(folder))}
        for work, rows in data.items():  # whatever is slow the first time only
            seconds_per_epoch(work, rows, None)
        measured = medians_of_rounds(
            arguments.rounds,
            {
                (work, name): lambda work=work, name=name: seconds_per_epoch(
                    work, data[work], makers[name]
                )
                for work, name in product(data, makers)
            },
        )
    lines = [["an epoch without", *(f"{measured[w, NONE] * 1e6:,.0f}" for w in data)]]
    lines += [
        [
            name,
            *(f"{measured[w, name] * 1e6:+,.0f}" for w in data),
        ]
        for name in makers
        if name != NONE
    ]
    head = [
        "µs per epoch",
        *(
            f"{work}, {len(data[work][0]):,} rows, {WORKS[work][0]} units"
            for work in data
        ),
    ]
    publish("callbacks", make_table(head, lines), arguments.write)


if __name__ == "__main__":
    main()
