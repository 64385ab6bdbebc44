"""Does a fit survive the death of its process, whenever that comes?

    python benchmarks/kill.py [--kills 200] [--seed 0]

A fit to digits, with a checkpoint after every epoch, is killed (``kill -9``): half of
the times at a random moment, else soon after a file was begun, so that many kills hit
the writing. Then every checkpoint must load, and the fit goes on from the newest one,
or from the start if there is none. It may be killed again. In the end its weights must
equal those of a fit that nobody killed, bit for bit.

For POSIX systems, and scikit-learn from 1.9 on. The processes are forks of this one,
which saves them the time of imports.
"""

import argparse
import multiprocessing
import random
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from common import load_scaled, machine, make_table

from skmlp_scratch import ScratchMLPClassifier
from skmlp_scratch.callbacks import Checkpoint

# Much to go on with: moments, an average, running averages, random numbers, patience.
PARAMETERS = {
    "hidden_layer_sizes": (40, 20),
    "learning_rate": "cosine",
    "max_iter": 25,
    "random_state": 0,
    "early_stopping": True,
    "dropout": 0.1,
    "noise": 0.1,
    "averaging": 0.99,
    "batch_norm": True,
}
# How often one fit is killed at most, and after how many of its writes.
MOST_KILLS, MOST_WRITES = 4, 20
# A write takes some milliseconds.
SECONDS_OF_A_WRITE = 0.004
OUTCOMES = [
    "before the first checkpoint",
    "between two writes",
    "during a write, its file left behind",
]


def fit(folder: Path) -> None:
    """Fit, or go on with the fit whose checkpoint is there; save all weights."""
    warnings.simplefilter("ignore", UserWarning)
    X, y = load_scaled("digits")
    path = folder / "model.npz"
    model = ScratchMLPClassifier(**PARAMETERS)
    model.set_callbacks(Checkpoint(path, keep=2))
    model.fit(X, y, resume_from=path if path.exists() else None)
    arrays = [*model.coefs_, *model.intercepts_, np.array(model.loss_curve_)]
    np.save(folder / "weights.npy", np.concatenate([a.ravel() for a in arrays]))


def start(folder: Path) -> Any:
    """Start a process that fits."""
    process = multiprocessing.get_context("fork").Process(target=fit, args=(folder,))
    process.start()
    return process


def run_to_the_end(folder: Path) -> bytes:
    """Fit in another process; return the weights."""
    process = start(folder)
    process.join()
    if process.exitcode:
        raise SystemExit(f"A fit failed, see above; its files are in {folder}.")
    weights: bytes = np.load(folder / "weights.npy").tobytes()
    return weights


def begun_files(folder: Path) -> set[Path]:
    """Return the files that are not complete yet, or were left behind."""
    return set(folder.glob(".*.part"))


def await_moment(folder: Path, process: Any, seconds: float, rng: Any) -> None:
    """Wait until the process is to die: at random, or after a file was begun."""
    left_before = begun_files(folder)
    if rng.random() < 0.5:
        time.sleep(rng.random() * seconds)
        return
    for _ in range(rng.randrange(1, MOST_WRITES)):
        for there in (False, True):  # the last file goes, and the next one comes
            while bool(begun_files(folder) - left_before) != there:
                if not process.is_alive():
                    return
    time.sleep(rng.random() * SECONDS_OF_A_WRITE)


def kill_once(folder: Path, seconds: float, rng: Any) -> str | None:
    """Start the fit, and kill it; return what it was doing, None if it was too late."""
    left_before = begun_files(folder)
    process = start(folder)
    await_moment(folder, process, seconds, rng)
    process.kill()
    process.join()
    if process.exitcode == 0:
        return None
    if process.exitcode != -9:
        raise SystemExit(f"A fit failed, see above; its files are in {folder}.")
    if begun_files(folder) - left_before:
        return OUTCOMES[2]
    return OUTCOMES[(folder / "model.npz").exists()]


def check_files(folder: Path) -> None:
    """Read every checkpoint that is there; raise an error if one cannot be read."""
    for file in folder.glob("*.npz"):
        ScratchMLPClassifier.from_checkpoint(file)


def kill_often(
    n_kills: int, expected: bytes, seconds: float, rng: Any, tell: Callable[..., None]
) -> tuple[Counter[str], Counter[int]]:
    """Kill; return how often doing what, and how many fits were killed how often."""
    outcomes, fits = Counter[str](), Counter[int]()
    while outcomes.total() < n_kills:
        with tempfile.TemporaryDirectory() as name:
            folder, times = Path(name), 0
            for _ in range(rng.randrange(1, MOST_KILLS + 1)):
                outcome = kill_once(folder, seconds, rng)
                check_files(folder)
                if outcome is not None:
                    outcomes[outcome] += 1
                    times += 1
                if outcomes.total() == n_kills:
                    break
            if run_to_the_end(folder) != expected:
                raise SystemExit(f"After {times} kills the weights are others.")
            if times:
                fits[times] += 1
        tell(f"{outcomes.total()} of {n_kills} kills", file=sys.stderr, flush=True)
    return outcomes, fits


def main() -> None:
    """Kill, check, and print how often what was hit."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=200, help="default: 200")
    parser.add_argument("--seed", type=int, default=0, help="default: 0")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        begun = time.perf_counter()
        expected = run_to_the_end(Path(name))
        seconds = time.perf_counter() - begun
    rng = random.Random(arguments.seed)
    outcomes, fits = kill_often(arguments.kills, expected, seconds, rng, print)
    rows = [[outcome, str(outcomes[outcome])] for outcome in OUTCOMES]
    print(make_table(["killed", "times"], [*rows, ["all", str(outcomes.total())]]))
    counts = ", ".join(f"{n} killed {times} times" for times, n in sorted(fits.items()))
    print(
        f"\nAll checkpoints could be read, and all {fits.total()} fits ({counts}) "
        f"ended with the weights of the uninterrupted one.\n\n{machine()}"
    )


if __name__ == "__main__":
    main()
