"""How the time of a fit grows with rows, hidden units and features.

    python benchmarks/scaling.py [--rounds 5]

One of them grows at a time, from a base where matrix products dominate. The exponent is
log(time ratio) / log(size ratio): 1 means that twice the size takes twice the time.
Rounds are interleaved, and every fit has a process of its own.
"""

import math
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
from common import make_parser, make_table, medians_of_rounds, publish, save_arrays
from peers import Work, fit_seconds

N_CLASSES = 10
GROWTH = {"rows": (4, 16), "hidden": (4,), "features": (4,)}


class Size(NamedTuple):
    """The size of a fit."""

    rows: int
    hidden: int
    features: int

    def times(self, dimension: str, factor: int) -> "Size":
        """Return this size with one dimension multiplied."""
        return self._replace(**{dimension: factor * getattr(self, dimension)})


def save_random(directory: Path, size: Size) -> str:
    """Save random rows and classes for children."""
    rng = np.random.default_rng(0)
    X = rng.random((size.rows, size.features), np.float32)
    y = rng.integers(N_CLASSES, size=size.rows)
    return save_arrays(directory / f"{size.rows}x{size.features}", X, y)


def measure(base: Size, arguments: Any) -> dict[Size, float]:
    """Return the median seconds of a fit of each size."""
    sizes = [base, *(base.times(d, f) for d, fs in GROWTH.items() for f in fs)]
    with TemporaryDirectory() as directory:
        measures = {}
        for size in sizes:
            data = save_random(Path(directory), size)
            work = Work(data, (size.hidden,), arguments.batch, arguments.epochs)
            measures[size] = partial(fit_seconds, "ours", work, data, "float32")
        return medians_of_rounds(arguments.rounds, measures)


def main() -> None:
    """Time all sizes, and print the table."""
    parser = make_parser(__doc__)
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--hidden", type=int, default=512)
    parser.add_argument("--features", type=int, default=784)
    parser.add_argument("--batch", type=int, default=200)
    parser.add_argument("--epochs", type=int, default=3)
    arguments = parser.parse_args()
    base = Size(arguments.rows, arguments.hidden, arguments.features)
    seconds = measure(base, arguments)
    rows = [["base: " + ", ".join(f"{n} {d}" for d, n in base._asdict().items())]]
    rows[0] += [f"{seconds[base]:.3f}", "1.00", "–"]
    for dimension, factors in GROWTH.items():
        for factor in factors:
            ratio = seconds[base.times(dimension, factor)] / seconds[base]
            exponent = math.log(ratio) / math.log(factor)
            cells = [f"{ratio * seconds[base]:.3f}", f"{ratio:.2f}", f"{exponent:.3f}"]
            rows.append([f"{dimension} × {factor}", *cells])
    table = make_table(["size", "seconds", "ratio", "exponent"], rows)
    publish("scaling", table, arguments.write)


if __name__ == "__main__":
    main()
