"""Time one epoch of MNIST against scikit-learn's MLPClassifier, turn by turn.

    python benchmarks/compare.py [--data mnist|digits] [--rounds 5] [--epochs 1]

Both fit the same float32 array with the same settings (Adam, batches of 200, one hidden
layer of 100). They take turns, so that a machine that slows down slows both; the figures
are medians over the rounds.
"""

import argparse
import statistics
import time
import warnings

import numpy as np
from sklearn.datasets import fetch_openml, load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from skmlp_scratch import ScratchMLPClassifier


def load(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return pixels from 0 to 1 as float32 in C order, and the digits."""
    if name == "digits":
        X, y = load_digits(return_X_y=True)
        return np.ascontiguousarray(X / 16, dtype=np.float32), y
    X, y = fetch_openml("mnist_784", version=1, as_frame=False, return_X_y=True)
    return np.ascontiguousarray(X[:60_000] / 255, dtype=np.float32), y[:60_000]


def seconds_to_fit(estimator_class: type, epochs: int, X: np.ndarray, y) -> float:
    """Return the wall time of one fit."""
    estimator = estimator_class(max_iter=epochs, tol=0, random_state=0)
    start = time.perf_counter()
    estimator.fit(X, y)
    return time.perf_counter() - start


def main() -> None:
    """Run the rounds and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", choices=["mnist", "digits"], default="mnist")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=1)
    arguments = parser.parse_args()
    # The number of epochs is the work to be timed: it is not meant to converge.
    warnings.simplefilter("ignore", ConvergenceWarning)
    X, y = load(arguments.data)
    seconds: dict[type, list[float]] = {ScratchMLPClassifier: [], MLPClassifier: []}
    for _ in range(arguments.rounds + 1):
        for peer, times in seconds.items():
            times.append(seconds_to_fit(peer, arguments.epochs, X, y))
    # The first round warms up.
    medians = {peer: statistics.median(times[1:]) for peer, times in seconds.items()}
    for peer, median in medians.items():
        ratio = median / medians[ScratchMLPClassifier]
        print(f"{peer.__name__:22} {median:8.3f} s   {ratio:5.2f} x ours")


if __name__ == "__main__":
    main()
