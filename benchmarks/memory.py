"""Measure how much memory fits and predictions add to their data.

    python benchmarks/memory.py [--cases ...] [--gigabytes 4]

Every figure comes from a process of its own: its peak resident set, less what was
resident before. For the memory-mapped fit only anonymous memory counts, since pages of
the file belong to the page cache. Pickles are measured against the parameters in them.
"""

import pickle
import resource
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from common import (
    array_paths,
    call_in_child,
    load_raw,
    make_parser,
    make_table,
    publish,
    read_arrays,
    save_arrays,
)
from peers import Work, fit_estimator, make_estimator
from sklearn.neural_network import MLPClassifier

from skmlp_scratch import ScratchMLPClassifier

ESTIMATORS = {"ours": ScratchMLPClassifier, "MLPClassifier": MLPClassifier}
LAYOUTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "uint8-C": np.ascontiguousarray,
    "uint8-F": np.asfortranarray,
    "float32-F": lambda X: np.asfortranarray(X, np.float32),
}
CASES = [*LAYOUTS, "memmap", "predict", "pickle-fit", "pickle-dropped", "pickle-budget"]
N_CLASSES = 10
SAMPLING_SECONDS = 0.005


def status(field: str) -> int | None:
    """Return a figure of /proc/self/status in bytes; None where there is none."""
    try:
        lines = Path("/proc/self/status").read_text("utf-8").splitlines()
    except OSError:
        return None
    found = [line.split()[1] for line in lines if line.startswith(f"{field}:")]
    return 1024 * int(found[0]) if found else None


def peak_resident() -> int:
    """Return the largest resident set so far, in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return status("VmHWM") or unit * largest


def added_to_peak(action: Callable[[], object]) -> float:
    """Return by how many MB the peak of a call exceeds what was resident before."""
    # Forgets past peaks; where that cannot be, the peak so far counts as resident.
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", "utf-8")
    before = peak_resident()
    action()
    return (peak_resident() - before) / 1e6


def added_anonymous(action: Callable[[], object]) -> float | None:
    """Return by how many MB anonymous memory grows at most; None if unknown."""
    before = status("RssAnon")
    if before is None:
        return None
    samples, done = [before], threading.Event()

    def sample() -> None:
        while not done.wait(SAMPLING_SECONDS):
            samples.append(status("RssAnon") or 0)

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        action()
    finally:
        done.set()
        thread.join()
    return (max(samples) - before) / 1e6


def memory_of_fit(peer: str, data: str) -> float:
    """Return, in a child, the MB that a fit adds to the data."""
    X, y = read_arrays(data)
    work = Work(data, (100,), 200, 2)
    return added_to_peak(lambda: fit_estimator(ESTIMATORS[peer], work, X, y))


def memory_of_mapped_fit(peer: str, data: str) -> float | None:
    """Return, in a child, the anonymous MB of a fit from a file."""
    X, y = read_arrays(data, mmap_mode="r")
    work = Work(data, (32,), 200, 2)
    return added_anonymous(lambda: fit_estimator(ESTIMATORS[peer], work, X, y))


def memory_of_predicting(peer: str, n_rows: int) -> float:
    """Return, in a child, the MB that predicting many rows adds to them."""
    rng = np.random.default_rng(0)
    X = rng.random((n_rows, 100), np.float32)
    few, codes = X[:1000].copy(), np.arange(1000) % N_CLASSES
    work = Work("random", (1024, 1024), 200, 1)
    estimator = fit_estimator(ESTIMATORS[peer], work, few, codes)
    return added_to_peak(lambda: estimator.predict(X))


def size_of_pickle(peer: str, data: str, method: str) -> float:
    """Return, in a child, the size of a fitted estimator's pickle in parameters."""
    X, y = read_arrays(data)
    estimator = make_estimator(ESTIMATORS[peer], Work(data, (100,), 200, 2))
    if method == "budget":
        estimator.set_params(learning_rate="one_cycle", tol=1e-4, n_iter_no_change=10)
    estimator.fit(X, y)
    if method == "dropped":
        estimator.drop_training_state()
    parameters = sum(p.nbytes for p in estimator.coefs_ + estimator.intercepts_)
    return len(pickle.dumps(estimator)) / parameters


def save_large(directory: Path, gigabytes: float) -> str:
    """Save random float32 rows of that size, a block at a time."""
    n_features, block_rows = 1000, 1000
    n_rows = max(round(gigabytes * 1e9 / 4 / n_features), block_rows)
    rng = np.random.default_rng(0)
    X_path, y_path = array_paths(directory / "large")
    np.save(y_path, rng.integers(N_CLASSES, size=n_rows))
    X = np.lib.format.open_memmap(X_path, "w+", np.float32, (n_rows, n_features))
    for start in range(0, n_rows, block_rows):
        block = X[start : start + block_rows]
        block[...] = rng.random(block.shape, np.float32)
    X.flush()
    return str(directory / "large")


def measure_case(case: str, arguments: Any, directory: Path) -> list[str]:
    """Return a row of the table."""
    peers = list(ESTIMATORS)
    data = str(directory / (case if case in LAYOUTS else "uint8-C"))
    function: Callable[..., float | None] = memory_of_fit
    options: dict[str, Any] = {"data": data}
    if case in LAYOUTS:
        name = f"fit {arguments.data}, {case.replace('-', ', ')} order, (100,): MB"
    elif case == "memmap":
        function, peers = memory_of_mapped_fit, ["ours"]
        options["data"] = save_large(directory, arguments.gigabytes)
        name = f"fit np.memmap of {arguments.gigabytes:g} GB, (32,): anonymous MB"
    elif case == "predict":
        # MLPClassifier would need some 8 GB.
        function, peers = memory_of_predicting, ["ours"]
        options = {"n_rows": arguments.rows}
        name = f"predict {arguments.rows:,} × 100, (1024, 1024): MB"
    else:
        function = size_of_pickle
        options["method"] = case.removeprefix("pickle-")
        after = {
            "fit": "fit",
            "dropped": "fit and drop_training_state()",
            "budget": "fit with learning_rate='one_cycle'",
        }
        name = f"pickle after {after[options['method']]} / parameters"
        peers = peers if case == "pickle-fit" else ["ours"]
    values = {peer: call_in_child(function, peer=peer, **options) for peer in peers}
    cells = [values.get(peer) for peer in ESTIMATORS]
    return [name, *("–" if cell is None else f"{cell:.2f}" for cell in cells)]


def main() -> None:
    """Measure all cases, and print the table."""
    parser = make_parser(__doc__, rounds=None)
    parser.add_argument("--cases", nargs="+", choices=CASES, default=CASES)
    parser.add_argument("--data", choices=["mnist", "digits"], default="mnist")
    parser.add_argument(
        "--gigabytes", type=float, default=4, help="size of the file of the mapped fit"
    )
    parser.add_argument(
        "--rows", type=int, default=1_000_000, help="how many rows to predict"
    )
    arguments = parser.parse_args()
    with TemporaryDirectory() as directory:
        X, y = load_raw(arguments.data)
        for name, arrange in LAYOUTS.items():
            save_arrays(Path(directory, name), arrange(X), y)
        rows = [measure_case(c, arguments, Path(directory)) for c in arguments.cases]
    table = make_table(["memory added to the data", *ESTIMATORS], rows)
    publish("memory", table, arguments.write)


if __name__ == "__main__":
    main()
