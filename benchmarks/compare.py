"""Time the same fits by this package and by others, turn by turn.

    python benchmarks/compare.py [--data mnist|digits|iris|all] [--solver adam|sgd]

Every peer fits the same work, in a process of its own per round; the rounds are
interleaved (A B C A B C), and the figures are medians. "floor" is the time of the bare
matrix products of that fit. With --parts, --source, --drift, --search, --layouts or
--regularized, something else is timed.
"""

import os
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from functools import partial
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import numpy as np
from common import (
    call_in_child,
    load_raw,
    load_scaled,
    make_parser,
    make_table,
    medians_of_rounds,
    publish,
    save_arrays,
)
from parts import TIMED, time_parts
from peers import FITS, Work, fit_estimator, fit_seconds, search_seconds
from sklearn.exceptions import ConvergenceWarning

from skmlp_scratch import ScratchMLPClassifier
from skmlp_scratch._estimator import training

WORKS = {
    "iris-10": Work("iris", (10,), 50, 200),
    "digits-100": Work("digits", (100,), 200, 50),
    "mnist-50": Work("mnist", (50,), 100, 5),
    "mnist-100": Work("mnist", (100,), 200, 5),
    "mnist-256-128": Work("mnist", (256, 128), 200, 3),
    "mnist-1024-1024": Work("mnist", (1024, 1024), 200, 1),
}
# The two-layer network of "Deep Learning from Scratch": 10,000 steps of batch 100 take
# the source 15 s. Whole epochs make it 10,200 here.
SOURCE = Work("mnist", (50,), 100, 17, "sgd", 0.1, 0.0, 0.0, "logistic")
SOURCE_SECONDS = 15
SEARCH = replace(WORKS["digits-100"], epochs=100)
DRIFT_EPOCHS = 40
# Types and memory orders of X; fetch_openml returns Fortran order.
LAYOUTS = ["float32-C", "float32-F", "uint8-C", "uint8-F"]


class Arrays:
    """The data sets, loaded and saved for the children when first asked for."""

    def __init__(self, directory: str) -> None:
        self.directory = Path(directory)
        self.saved: dict[str, tuple[str, int]] = {}

    def __call__(self, name: str) -> tuple[str, int]:
        """Return where a data set is, and its number of rows."""
        if name not in self.saved:
            X, y = load_scaled(name)
            self.saved[name] = save_arrays(self.directory / name, X, y), len(X)
        return self.saved[name]


def available(peers: Iterable[str], dtype: str) -> list[str]:
    """Return the peers that can take part, ours first; note those that cannot."""
    found = ["ours"]
    for peer in [name for name in FITS if name in peers and name != "ours"]:
        if peer in ("torch", "skorch", "jax") and find_spec(peer) is None:
            print(f"{peer} is left out: it is not installed.")
        elif peer == "sklearn32" and dtype == "float64":
            print("sklearn32 is left out: ours computes in float64.")
        else:
            found.append(peer)
    return found


def compare(works: dict[str, Work], arguments: Any, arrays: Arrays) -> str:
    """Return the table of all works by all peers."""
    peers = available(arguments.peers, arguments.dtype)
    others = [peer for peer in peers if peer not in ("ours", "floor")]
    head = ["ms per step (ratio to ours)", "ours", *others]
    rows = []
    for name, work in works.items():
        data, n_rows = arrays(work.data)
        seconds = medians_of_rounds(
            arguments.rounds,
            {p: partial(fit_seconds, p, work, data, arguments.dtype) for p in peers},
        )
        milliseconds = {p: 1e3 * s / work.steps(n_rows) for p, s in seconds.items()}
        ours = milliseconds["ours"]
        cells = [
            f"{milliseconds[p]:.3f} ({milliseconds[p] / ours:.2f})" for p in others
        ]
        if "floor" in peers:
            floor = milliseconds["floor"]
            cells += [f"{floor:.3f}", f"{ours / floor:.2f}"]
        rows.append([f"{name}, batch {work.batch}", f"{ours:.3f}", *cells])
    return make_table(head + ["floor", "ours / floor"] * ("floor" in peers), rows)


def source(arguments: Any, arrays: Arrays) -> str:
    """Return the seconds of the source's training, here and there."""
    data, n_rows = arrays(SOURCE.data)
    measure = partial(fit_seconds, "ours", SOURCE, data, arguments.dtype)
    seconds = medians_of_rounds(arguments.rounds, {"ours": measure})["ours"]
    steps = SOURCE.steps(n_rows)
    return make_table(
        ["784-50-10, sigmoid, batch 100, SGD", "steps", "seconds", "source / ours"],
        [
            ["ours", str(steps), f"{seconds:.2f}", f"{SOURCE_SECONDS / seconds:.1f}"],
            ["the source", "10000", str(SOURCE_SECONDS), "1.0"],
        ],
    )


def search(arguments: Any, arrays: Arrays) -> str:
    """Return the seconds of a grid search, by ours and by MLPClassifier."""
    data, _ = arrays(SEARCH.data)
    work = replace(SEARCH, epochs=arguments.epochs or SEARCH.epochs)
    peers = ["ours", "sklearn32" if arguments.dtype == "float32" else "sklearn64"]
    seconds = medians_of_rounds(
        arguments.rounds,
        {p: partial(search_seconds, p, work, data, arguments.dtype) for p in peers},
    )
    return make_table(
        ["GridSearchCV, 12 candidates, 3 folds, n_jobs=2", "seconds", "ratio to ours"],
        [
            [peer, f"{median:.2f}", f"{median / seconds['ours']:.2f}"]
            for peer, median in seconds.items()
        ],
    )


def layouts(work: Work, arguments: Any, directory: str) -> str:
    """Return the seconds of a fit to the same data in other types and orders."""
    raw, y = load_raw(work.data)
    measures: dict[str, Callable[[], float]] = {}
    for name in LAYOUTS:
        dtype, order = name.split("-")
        X = raw if dtype == "uint8" else load_scaled(work.data)[0]
        X = np.asarray(X, order="F" if order == "F" else "C")
        data = save_arrays(Path(directory, name), X, y)
        # All rows: to get memory for a copy from the system the first time may take
        # ten times as long as the copy.
        measures[name] = partial(fit_seconds, "ours", work, data, dtype, True)
    seconds = medians_of_rounds(arguments.rounds, measures)
    head = [
        f"{work.data}, {work.hidden}, {work.epochs} epochs",
        "seconds",
        "to C order",
    ]
    return make_table(
        head,
        [
            [name, f"{median:.3f}", f"{median / seconds[f'{name[:-1]}C']:.3f}"]
            for name, median in seconds.items()
        ],
    )


def regularized(works: dict[str, Work], arguments: Any, arrays: Arrays) -> str:
    """Return what dropout and noise add to the time of our fits."""
    rows = []
    for name, work in works.items():
        data, n_rows = arrays(work.data)
        variants = {
            "plain": work,
            "dropout=0.5": replace(work, dropout=0.5),
            "noise=0.3": replace(work, noise=0.3),
        }
        seconds = medians_of_rounds(
            arguments.rounds,
            {
                variant: partial(fit_seconds, "ours", w, data, arguments.dtype)
                for variant, w in variants.items()
            },
        )
        milliseconds = {v: 1e3 * s / work.steps(n_rows) for v, s in seconds.items()}
        rows.append(
            [name]
            + [
                f"{m:.3f} ({m / milliseconds['plain']:.2f})"
                for m in milliseconds.values()
            ]
        )
    return make_table(["ms per step (ratio to plain)", *variants], rows)


def parts(works: dict[str, Work], arguments: Any, arrays: Arrays) -> str:
    """Return the microseconds per step of each part of our fits."""
    columns = []
    for name, work in works.items():
        data, n_rows = arrays(work.data)
        task = {"work": asdict(work), "data": data, "dtype": arguments.dtype}
        runs: list[dict[str, float]] = []
        for number in range(arguments.rounds):
            print(f"round {number + 1}/{arguments.rounds}: {name}", file=sys.stderr)
            runs.append(call_in_child(time_parts, **task))
        microseconds = 1e6 / work.steps(n_rows)
        columns.append(
            {p: microseconds * statistics.median(run[p] for run in runs) for p in TIMED}
        )
    return make_table(
        ["µs per step", *works],
        [[part, *(f"{column[part]:.1f}" for column in columns)] for part in TIMED],
    )


def epoch_seconds(work: Work, X: Any, y: Any) -> list[float]:
    """Return the wall time of each epoch of one of our fits."""
    stamps: list[float] = []
    train: Callable[..., None] = training.train

    def stamp(*_: Any) -> None:
        stamps.append(time.perf_counter())

    def timed(*args: Any) -> None:
        *arguments, _ = args
        stamp()
        train(*arguments, stamp)

    with patch.object(training, "train", timed):
        fit_estimator(ScratchMLPClassifier, work, X, y)
    return [after - before for before, after in pairwise(stamps)]


def drift(works: dict[str, Work], arguments: Any) -> str:
    """Return how much slower late epochs are than early ones, in the table's rows.

    Numbers that decay towards zero, such as the moments of weights whose pixel is
    hardly ever set, become denormal, and arithmetic with them is slow. A penalty keeps
    other numbers alive than no penalty does: both are timed.
    """
    rows = []
    for name, work in works.items():
        X, y = load_scaled(work.data)
        X = X.astype(arguments.dtype, copy=False)
        for alpha in (0.0, 1e-4):
            task = replace(work, alpha=alpha, epochs=DRIFT_EPOCHS)
            runs = [epoch_seconds(task, X, y) for _ in range(arguments.rounds)]
            early = statistics.median(t for run in runs for t in run[1:4])
            late = statistics.median(t for run in runs for t in run[-3:])
            ms = [f"{1e3 * early:.1f}", f"{1e3 * late:.1f}", f"{late / early:.3f}"]
            rows.append([f"{name}, {work.solver}, alpha={alpha:g}", *ms])
    return make_table(["ms per epoch", "2 to 4", "38 to 40", "late / early"], rows)


def parse_arguments() -> Any:
    """Return the options of the command line."""
    parser = make_parser(__doc__)
    parser.add_argument(
        "--data", choices=["mnist", "digits", "iris", "all"], default="all"
    )
    parser.add_argument(
        "--works", nargs="+", choices=WORKS, help="only these works, of any data"
    )
    parser.add_argument(
        "--peers", nargs="+", choices=FITS, default=list(FITS), help="default: all"
    )
    parser.add_argument("--solver", choices=["adam", "sgd"], default="adam")
    parser.add_argument("--dtype", choices=["float32", "float64"], default="float32")
    parser.add_argument("--epochs", type=int, help="instead of each work's own number")
    parser.add_argument(
        "--kernels",
        help="kernels for OpenBLAS to use, such as Haswell: for AVX2, not AVX-512",
    )
    modes = parser.add_mutually_exclusive_group()
    modes.add_argument(
        "--parts", action="store_true", help="where the time of our steps goes"
    )
    modes.add_argument(
        "--source", action="store_true", help="the whole training of the source"
    )
    modes.add_argument(
        "--drift",
        action="store_true",
        help="late epochs against early ones (mnist-100, or --works)",
    )
    modes.add_argument(
        "--search", action="store_true", help="GridSearchCV with two workers on digits"
    )
    modes.add_argument(
        "--regularized",
        action="store_true",
        help="the cost of dropout and noise (mnist-100, mnist-1024-1024, or --works)",
    )
    modes.add_argument(
        "--layouts",
        action="store_true",
        help="X in other types and memory orders (mnist-100, or the first of --works)",
    )
    return parser.parse_args()


def selected(arguments: Any) -> dict[str, Work]:
    """Return the works to do, with the solver and epochs asked for."""
    names = [n for n, work in WORKS.items() if arguments.data in (work.data, "all")]
    if arguments.drift or arguments.layouts:
        names = ["mnist-100"]
    if arguments.regularized:
        names = ["mnist-100", "mnist-1024-1024"]
    names = arguments.works or names
    works = {name: WORKS[name] for name in names}
    if arguments.epochs:
        works = {n: replace(w, epochs=arguments.epochs) for n, w in works.items()}
    if arguments.solver == "sgd":
        works = {
            n: replace(w, solver="sgd", learning_rate=0.01, momentum=0.9)
            for n, w in works.items()
        }
    return works


def use_kernels(kernels: str) -> None:
    """Start this command anew unless it has been: OpenBLAS chooses as it is loaded."""
    if os.environ.get("OPENBLAS_CORETYPE") != kernels:
        environment = {**os.environ, "OPENBLAS_CORETYPE": kernels}
        os.execve(sys.executable, [sys.executable, *sys.argv], environment)


def main() -> None:
    """Time what is asked for, and print the table."""
    arguments = parse_arguments()
    if arguments.kernels:
        use_kernels(arguments.kernels)
    # Epochs are the work to be timed: fits are not meant to converge.
    warnings.simplefilter("ignore", ConvergenceWarning)
    works = selected(arguments)
    with TemporaryDirectory() as directory:
        arrays = Arrays(directory)
        if arguments.source:
            section, table = "source", source(arguments, arrays)
        elif arguments.parts:
            section = f"parts-{arguments.solver}-{arguments.dtype}"
            table = parts(works, arguments, arrays)
        elif arguments.search:
            section, table = "search", search(arguments, arrays)
        elif arguments.layouts:
            work = next(iter(works.values()))
            section, table = "layouts", layouts(work, arguments, directory)
        elif arguments.regularized:
            section, table = "regularized", regularized(works, arguments, arrays)
        elif arguments.drift:
            section, table = "drift", drift(works, arguments)
        else:
            section = f"compare-{arguments.solver}-{arguments.dtype}"
            table = compare(works, arguments, arrays)
    if arguments.kernels:
        section += f"-{arguments.kernels.lower()}"
    publish(section, table, arguments.write)


if __name__ == "__main__":
    main()
