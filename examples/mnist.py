"""Handwritten digits: train a network, watch it, compare it, and look into it.

Trains a network of 784-100-10 units (ReLU, softmax) with Adam, with scikit-learn's
callbacks: a progress bar, and the accuracies after every epoch. Then scikit-learn's own
network does the same, there is a cross-validation and a grid search, and a picture.

    pip install ".[examples]" && python examples/mnist.py
"""

import argparse
import socket
import threading
import time
import warnings
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import urlopen

import numpy as np
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.datasets import fetch_openml, get_data_home, load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

from skmlp_scratch import (
    AccuracyCurveDisplay,
    LossCurveDisplay,
    ScratchMLPClassifier,
    WeightsDisplay,
)

CONSOLE = Console()


class Data(NamedTuple):
    """Images as rows of pixels from 0 to 1, and how long to train on them."""

    name: str
    batch_size: int
    epochs: int
    X_train: np.ndarray
    X_test: np.ndarray
    y_train: np.ndarray
    y_test: np.ndarray


def load_data(choice: str) -> Data:
    """Load MNIST or, where that cannot be had and need not be, the small digits."""
    if choice != "digits":
        try:
            return load_mnist()
        except (OSError, HTTPException, ValueError, ImportError) as error:
            notice = f"MNIST is not available: {error}."
        if choice == "mnist":
            raise SystemExit(f"{notice} --data digits needs no network.")
        print(f"{notice}\nUsing scikit-learn's bundled digits instead.\n")
    X, y = load_digits(return_X_y=True)
    X = np.divide(X, 16, dtype=np.float32)
    return Data("digits", 20, 40, *train_test_split(X, y, stratify=y, random_state=0))


def load_mnist() -> Data:
    """Load MNIST from the disk or, the first time, from openml.org (15 MB)."""
    files = Path(get_data_home(), "openml").rglob("*.gz")
    if not any("/52667" in file.as_posix() for file in files):  # its number there
        check_reachable("https://api.openml.org/api/v1/json/data/554")
        print("Downloading MNIST from openml.org, once ...", flush=True)
    socket.setdefaulttimeout(10)
    with warnings.catch_warnings(action="ignore"):
        X, y = fetch_openml(
            "mnist_784", version=1, as_frame=False, return_X_y=True, n_retries=1
        )
    X, y = np.divide(X, 255, dtype=np.float32), y.astype(int)
    return Data("MNIST", 200, 12, X[:60000], X[60000:], y[:60000], y[60000:])


def check_reachable(url: str, seconds: float = 4) -> None:
    """Raise an error unless the server answers soon, even where name look-up hangs."""
    answers = []

    def ask() -> None:
        with suppress(Exception), urlopen(url, timeout=seconds) as answer:
            answers.append(answer.status)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    if not answers:
        raise ConnectionError("openml.org cannot be reached")


def network(data: Data, network_class: Any = ScratchMLPClassifier) -> Any:
    """Return the network to train, which is the same in both libraries."""
    return network_class(
        hidden_layer_sizes=(100,),
        alpha=0.0,
        batch_size=data.batch_size,
        max_iter=data.epochs,
        n_iter_no_change=data.epochs,
        random_state=0,
    )


def train(data: Data) -> tuple[ScratchMLPClassifier, Any]:
    """Train, with a progress bar; print and return the errors after every epoch."""

    def errors(fitted: Any, X: np.ndarray, y: np.ndarray) -> dict[str, float]:
        test = fitted.score(data.X_test, data.y_test)
        return {"training": 1 - fitted.score(X, y), "test": 1 - test}

    monitor = ScoringMonitor(scoring=errors)
    net = network(data).set_callbacks(ProgressBar(), monitor)
    # The test images are for watching only: nothing is chosen by them.
    net.fit(data.X_train, data.y_train, X_val=data.X_test, y_val=data.y_test)
    log = monitor.get_logs()
    rows = [row for row in log.data if row["task_name"] == "epoch"]
    for number, (row, loss) in enumerate(zip(rows, net.loss_curve_, strict=True), 1):
        accuracies = "".join(f"   {n} {1 - row[n]:.4f}" for n in ("training", "test"))
        print(f"epoch {number:2}   loss {loss:.4f}   accuracy:{accuracies}")
    return net, log


def compare(data: Data) -> None:
    """Fit both libraries' networks; print seconds and test accuracy side by side."""
    table = Table("", "seconds", "test accuracy")
    for network_class in (ScratchMLPClassifier, MLPClassifier):
        net, name = network(data, network_class), network_class.__name__
        start = time.perf_counter()
        with CONSOLE.status(f"{name} trains ..."):
            net.fit(data.X_train, data.y_train)
        seconds = time.perf_counter() - start
        accuracy = net.score(data.X_test, data.y_test)
        table.add_row(name, f"{seconds:.1f}", f"{accuracy:.4f}")
    CONSOLE.print(table)


def validate_and_search(data: Data) -> None:
    """Print three-fold accuracies on all rows, then those of other networks on some."""
    X = np.concatenate([data.X_train, data.X_test])
    y = np.concatenate([data.y_train, data.y_test])
    with CONSOLE.status("Three networks are cross-validated ..."):
        scores = cross_val_score(network(data), X, y, cv=3, n_jobs=2)
    print(f"\nCross-validation on {len(X)} rows: accuracy", *scores.round(4))

    X, y = data.X_train[:10_000], data.y_train[:10_000]
    print(f"\nGrid search on {len(X)} rows:")
    grid = {
        "activation": ["tanh", "relu"],
        "hidden_layer_sizes": [(100,), (50, 50)],
    }
    search = GridSearchCV(network(data), grid, cv=3, n_jobs=2, refit=False)
    results = (
        search.set_callbacks(ProgressBar(max_propagation_depth=0)).fit(X, y).cv_results_
    )
    scores = results["mean_test_score"]
    for parameters, score in zip(results["params"], scores, strict=True):
        print(f"  accuracy {score:.4f} with", *parameters.values())


def save_picture(path: Path, data: Data, net: ScratchMLPClassifier, log: Any) -> None:
    """Draw how training went, and what the network has learnt and has not."""
    figure = Figure(figsize=(14, 9), layout="constrained")
    units = "-".join(map(str, [len(W) for W in net.coefs_] + [net.n_outputs_]))
    figure.suptitle(f"{data.name}, network of {units} units", fontsize=14)
    axes = figure.subplot_mosaic("ABC;DDE", width_ratios=[1, 1, 1.1])
    # On a logarithmic scale small errors differ, too.
    AccuracyCurveDisplay.from_log(log, ax=axes["A"])
    axes["A"].autoscale(axis="y")
    axes["A"].set(yscale="log", title="Error: share of digits misread", ylabel="error")
    LossCurveDisplay.from_estimator(net, ax=axes["B"], log_scale=True)
    axes["B"].set_title("Loss, validated on the test images")
    predicted = net.predict(data.X_test)
    ConfusionMatrixDisplay.from_predictions(
        data.y_test, predicted, ax=axes["C"], cmap="Blues", colorbar=False
    )
    axes["C"].set_title("Test images")
    WeightsDisplay.from_estimator(net, ax=axes["D"], n_units=40)
    misread = np.flatnonzero(predicted != data.y_test)
    # The surest mistakes first.
    surest = net.predict_proba(data.X_test[misread]).max(axis=1).argsort()[::-1]
    show_misread(axes["E"], data, misread[surest][:16], predicted)
    figure.savefig(path, dpi=110)


def show_misread(ax: Any, data: Data, rows: np.ndarray, predicted: np.ndarray) -> None:
    """Draw images, each with what it is and what it was taken for."""
    ax.set(xticks=[], yticks=[], frame_on=False, title="Misread, the surest mistakes")
    for number, row in enumerate(rows):
        inset = ax.inset_axes((number % 4 / 4, 0.76 - number // 4 * 0.25, 0.22, 0.18))
        side = round(data.X_test.shape[1] ** 0.5)
        inset.imshow(data.X_test[row].reshape(side, side), cmap="gray_r")
        inset.set(xticks=[], yticks=[])
        inset.set_title(f"{data.y_test[row]} as {predicted[row]}", fontsize=9, pad=2)


def main() -> None:
    """Run everything, on the data that the command line asks for."""
    parser = argparse.ArgumentParser(description="Learn to read handwritten digits.")
    parser.add_argument("--data", choices=["auto", "mnist", "digits"], default="auto")
    parser.add_argument("--output", type=Path, help="the picture, by default mnist.png")
    arguments = parser.parse_args()
    if arguments.output and not arguments.output.resolve().parent.is_dir():
        parser.error(f"no such directory: {arguments.output.parent}")
    # max_iter is a budget here: that it is used up needs no warning.
    warnings.filterwarnings("ignore", category=ConvergenceWarning)
    # Products this small gain nothing from more threads, and can take ten times as long
    # when other programs use the cores.
    threadpool_limits(limits=1, user_api="blas")

    data = load_data(arguments.data)
    n_train, n_test = len(data.X_train), len(data.X_test)
    print(f"{data.name}, {n_train} training and {n_test} test images")
    net, log = train(data)
    compare(data)
    validate_and_search(data)
    output = (arguments.output or Path(f"{data.name.lower()}.png")).resolve()
    save_picture(output, data, net, log)
    print(f"\nPicture: {output}")


if __name__ == "__main__":
    main()
