"""What more than one BLAS thread costs where other processes keep the cores busy.

    python benchmarks/threads.py [--rounds 5]

The same fits with one BLAS thread and with all, on an idle machine and beside as many
busy processes as there are cores. Threads wait for each other at the end of every
product: if one of them has lost its core, all do. Rounds are interleaved, and every fit
has a process of its own.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import joblib
import numpy as np
from common import make_parser, make_table, medians_of_rounds, publish, save_arrays
from peers import Work, fit_seconds

N_CLASSES = 10
VARIABLES = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")


@contextmanager
def busy_processes(number: int) -> Iterator[None]:
    """Have other processes compute for a while."""
    with ExitStack() as stack:
        for _ in range(number):
            process = stack.enter_context(
                subprocess.Popen([sys.executable, "-c", "while True: pass"])
            )
            stack.callback(process.kill)
        yield


def seconds(peer: str, work: Work, data: str, n_threads: int, n_busy: int) -> float:
    """Return the seconds of a fit with so many BLAS threads and busy processes."""
    variables = dict.fromkeys(VARIABLES, str(n_threads))
    with busy_processes(n_busy), patch.dict(os.environ, variables):
        return fit_seconds(peer, work, data, "float32")


def main() -> None:
    """Time all combinations, and print the table."""
    parser = make_parser(__doc__)
    parser.add_argument("--rows", type=int, default=6000)
    parser.add_argument("--features", type=int, default=784)
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--batch", type=int, default=200)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--peers", nargs="+", default=["ours", "sklearn32"])
    arguments = parser.parse_args()
    n_cores = joblib.cpu_count()
    rng = np.random.default_rng(0)
    X = rng.random((arguments.rows, arguments.features), np.float32)
    y = rng.integers(N_CLASSES, size=arguments.rows)
    work = Work("random", (arguments.hidden,), arguments.batch, arguments.epochs)
    with TemporaryDirectory() as directory:
        data = save_arrays(Path(directory) / "random", X, y)
        measured = medians_of_rounds(
            arguments.rounds,
            {
                case: lambda case=case: seconds(case[0], work, data, *case[1:])
                for case in product(arguments.peers, [1, n_cores], [0, n_cores])
            },
        )
    conditions = [
        (n_threads, n_busy) for n_busy in (0, n_cores) for n_threads in (n_cores, 1)
    ]
    head = [
        f"{'busy' if n_busy else 'idle'}, {n_threads} thread{'s' * (n_threads > 1)}"
        for n_threads, n_busy in conditions
    ]
    rows = [
        [peer, *(f"{measured[peer, *condition]:.2f}" for condition in conditions)]
        for peer in arguments.peers
    ]
    table = make_table(["seconds of a fit", *head], rows)
    publish("threads", table, arguments.write)


if __name__ == "__main__":
    main()
