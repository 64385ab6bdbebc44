"""Handwritten digits, from the training loop to scikit-learn's tools.

Trains a network of 784-100-10 units (ReLU, softmax) with Adam: once with the engine,
``skmlp_scratch.nn``, looking inside after every epoch, and once as an estimator in a
Pipeline. Then cross-validation, a grid search and a picture.

    pip install ".[examples]" && python examples/mnist.py
"""

import argparse
import math
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
from sklearn.datasets import fetch_openml, get_data_home, load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from threadpoolctl import threadpool_limits

from skmlp_scratch import ScratchMLPClassifier
from skmlp_scratch.nn.batches import Batches
from skmlp_scratch.nn.initializers import initialize
from skmlp_scratch.nn.network import Network
from skmlp_scratch.nn.optimizers import Adam

HIDDEN_UNITS, LEARNING_RATE, SEED = 100, 0.001, 0


class Data(NamedTuple):
    """Images as rows of pixels from 0 to ``white``, and how long to train on them."""

    name: str
    white: int
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
    split = train_test_split(X.astype(np.uint8), y, stratify=y, random_state=0)
    return Data("digits", 16, 20, 40, *split)


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
    X, y = np.ascontiguousarray(X, dtype=np.uint8), y.astype(int)
    return Data("MNIST", 255, 200, 12, X[:60000], X[60000:], y[:60000], y[60000:])


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


def scale_pixels(X: np.ndarray, white: int) -> np.ndarray:
    """Map pixels to float32 from 0 to 1."""
    return np.divide(X, white, dtype=np.float32)


def train_step_by_step(data: Data) -> tuple[Network, dict[str, list[float]]]:
    """Do what ``fit`` does, and measure the accuracies after every epoch."""
    X_train, X_test = (scale_pixels(X, data.white) for X in (data.X_train, data.X_test))
    rng = np.random.RandomState(SEED)
    layer_units = [X_train.shape[1], HIDDEN_UNITS, 10]
    network = Network(layer_units, "relu", dtype=np.float32)
    initialize(network.parameters, "he_normal", rng)
    batches = Batches(X_train, data.y_train, data.batch_size, np.float32, rng)
    optimizer = Adam(network.parameters.vector)

    def accuracy(X: np.ndarray, y: np.ndarray) -> float:
        return float(np.mean(network.predict(X).argmax(axis=1) == y))

    curves: dict[str, list[float]] = {"loss": [], "training": [], "test": []}
    for epoch in range(1, data.epochs + 1):
        losses = []
        for batch in batches:
            loss, gradient = network.loss_and_gradient(*batch)
            optimizer.step(network.parameters.vector, gradient, LEARNING_RATE)
            losses.append(loss)
        curves["loss"].append(float(np.mean(losses)))
        curves["training"].append(accuracy(X_train, data.y_train))
        curves["test"].append(accuracy(X_test, data.y_test))
        line = "".join(f"   {name} {curve[-1]:.4f}" for name, curve in curves.items())
        print(f"epoch {epoch:2}{line}", flush=True)
    return network, curves


def in_pipeline(data: Data, estimator: Any) -> Pipeline:
    """Scale the pixels, then let the estimator train the same network."""
    estimator.set_params(
        hidden_layer_sizes=(HIDDEN_UNITS,),
        learning_rate_init=LEARNING_RATE,
        alpha=0.0,
        batch_size=data.batch_size,
        max_iter=data.epochs,
        n_iter_no_change=data.epochs,
        random_state=SEED,
    )
    scale = FunctionTransformer(scale_pixels, kw_args={"white": data.white})
    return Pipeline([("scale", scale), ("network", estimator)])


def compare(data: Data, *models: Pipeline) -> None:
    """Fit the models; print seconds and test accuracy side by side."""
    rows = [("", "seconds", "test accuracy")]
    for model in models:
        start = time.perf_counter()
        model.fit(data.X_train, data.y_train)
        seconds = f"{time.perf_counter() - start:.1f}"
        accuracy = f"{model.score(data.X_test, data.y_test):.4f}"
        rows.append((type(model["network"]).__name__, seconds, accuracy))
    try:
        from rich import console, table
    except ImportError:
        print(*("{:22}{:10}{}".format(*row) for row in rows), sep="\n")
        return
    grid = table.Table(*rows[0])
    for row in rows[1:]:
        grid.add_row(*row)
    console.Console().print(grid)


def validate_and_search(data: Data, model: Pipeline) -> None:
    """Print three-fold accuracies on all rows, then those of other networks on some."""
    X = np.concatenate([data.X_train, data.X_test])
    y = np.concatenate([data.y_train, data.y_test])
    scores = cross_val_score(model, X, y, cv=3, n_jobs=2)
    print(f"\nCross-validation on {len(X)} rows: accuracy", *scores.round(4))

    X, y = data.X_train[:10_000], data.y_train[:10_000]
    grid = {
        "network__activation": ["tanh", "relu"],
        "network__hidden_layer_sizes": [(100,), (50, 50)],
    }
    search = GridSearchCV(model, grid, cv=3, n_jobs=2).fit(X, y)
    results = search.cv_results_
    print(f"\nGrid search on {len(X)} rows:")
    for values, score in zip(
        results["params"], results["mean_test_score"], strict=True
    ):
        print(f"  accuracy {score:.4f} with", *values.values())
    best = search.best_estimator_.fit(data.X_train, data.y_train)
    accuracy = best.score(data.X_test, data.y_test)
    print(f"Test accuracy of the best, trained on all training rows: {accuracy:.4f}")


def save_picture(
    path: Path, network: Network, curves: dict[str, list[float]], title: str
) -> None:
    """Draw accuracy and loss by epoch, and the weights into each hidden unit."""
    figure = Figure(figsize=(14, 5.8), layout="constrained")
    units = "-".join(map(str, network.layer_units))
    figure.suptitle(f"{title}, network of {units} units", fontsize=14)
    left, right = figure.subfigures(1, 2, width_ratios=[1, 1.4])
    top, bottom = left.subplots(2, 1, sharex=True)
    epochs = range(1, len(curves["loss"]) + 1)
    for name, style in ("training", "-"), ("test", "--"):
        label = f"{name}: {curves[name][-1]:.3f} at the end"
        top.plot(epochs, curves[name], style, lw=2, label=label)
    bottom.plot(epochs, curves["loss"], "tab:green", lw=2, label="training")
    top.set(title="Accuracy", ylim=(0, 1))
    bottom.set(title="Cross-entropy loss", ylim=(0, None), xlabel="epoch")
    for axes in (top, bottom):
        axes.legend()
        axes.grid(alpha=0.3)

    W = network.parameters.W[0]
    side, limit = math.isqrt(len(W)), np.quantile(np.abs(W), 0.999)
    grid = right.subplots(5, 10)
    for axes, weights in zip(grid.flat, W.T.reshape(-1, side, side), strict=False):
        image = axes.imshow(weights, cmap="RdBu_r", vmin=-limit, vmax=limit)
        axes.set(xticks=[], yticks=[])
    right.suptitle("Weights from the pixels to the first 50 hidden units")
    right.colorbar(image, ax=grid, location="bottom", shrink=0.6, aspect=40)
    figure.savefig(path, dpi=110)


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
    output = (arguments.output or Path(f"{data.name.lower()}.png")).resolve()
    title = (
        f"{data.name}, {len(data.X_train)} training and {len(data.X_test)} test images"
    )
    print(title)
    network, curves = train_step_by_step(data)
    ours = in_pipeline(data, ScratchMLPClassifier())
    compare(data, ours, in_pipeline(data, MLPClassifier()))
    same = np.array_equal(ours["network"].coefs_[0], network.parameters.W[0])
    print("fit has come to the same weights as step by step:", same)
    validate_and_search(data, ours)
    save_picture(output, network, curves, title)
    print(f"\nPicture: {output}")


if __name__ == "__main__":
    main()
