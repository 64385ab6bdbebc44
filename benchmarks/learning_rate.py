"""Which rule reads the best learning rate from the curve of a range test.

    python benchmarks/learning_rate.py [--seeds 2] [--scale 1] [--sets ...]

For each set of benchmarks/defaults.py, solver and batch size, a network is trained for
25 epochs at each learning rate of a grid, and at the rate of each rule: constant rates
with adam and sgd, and one cycle with adam, where the rate is the largest. The regret of
a rate is how much larger its loss on validation rows is than the smallest of the grid,
in units of the loss of a constant prediction, and at most 1. Features and targets are
standardised by the training rows. The rule of find_learning_rate was chosen by these
sets; the sets of FURTHER had no part in that.
"""

import math
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from common import PAGE, make_parser, make_table, publish
from defaults import TASKS, Task, classes
from sklearn import datasets
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.metrics import log_loss, mean_squared_error
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from skmlp_scratch import (
    LearningRateSearch,
    ScratchMLPClassifier,
    ScratchMLPRegressor,
    find_learning_rate,
)
from skmlp_scratch.exceptions import DivergenceError

EPOCHS = 25
GRID = np.geomspace(1e-4, 1, 13)
BATCH_SIZES = (32, 200)
WAYS: Mapping[str, Mapping[str, Any]] = {
    "adam": {"solver": "adam"},
    "adam, one cycle": {"solver": "adam", "learning_rate": "one_cycle"},
    "sgd": {"solver": "sgd"},
}

FURTHER: Mapping[str, Task] = {
    "hastie": Task(lambda: datasets.make_hastie_10_2(600, random_state=0), False),
    "circles": Task(
        lambda: datasets.make_circles(500, noise=0.1, factor=0.6, random_state=0),
        False,
    ),
    "blobs": Task(
        lambda: datasets.make_blobs(500, 6, centers=5, cluster_std=4, random_state=0),
        False,
    ),
    "8 classes, 30 features": Task(
        lambda: classes(n_samples=1000, n_features=30, n_informative=12, n_classes=8),
        False,
    ),
    "sparse, uncorrelated": Task(
        lambda: datasets.make_sparse_uncorrelated(400, random_state=0), True
    ),
    "low rank": Task(
        lambda: datasets.make_regression(
            500, 40, effective_rank=5, noise=1.0, random_state=0
        ),
        True,
    ),
    "swiss roll": Task(
        lambda: datasets.make_swiss_roll(600, noise=0.5, random_state=0), True
    ),
    "waist of an athlete": Task(
        lambda: (
            datasets.load_linnerud().data,
            datasets.load_linnerud().target[:, 1],
        ),
        True,
    ),
}


def steepest(search: LearningRateSearch) -> float:
    """Return the rate at which the smoothed loss falls most steeply (Smith, fastai)."""
    slopes = np.gradient(search.smoothed_losses, np.log(search.rates))
    return float(search.rates[slopes.argmin()])


def tenth(search: LearningRateSearch) -> float:
    """Return a tenth of the rate at the smallest smoothed loss (fastai)."""
    return float(search.rates[search.smoothed_losses.argmin()]) / 10


def valley(search: LearningRateSearch) -> float:
    """Return the rate halfway down the longest valley (fastai's default).

    The losses are smoothed as fastai does. The longest decreasing subsequence is the
    valley; the rate is half of its length into it.
    """
    mean, losses = 0.0, []
    for n, loss in enumerate(search.losses, 1):
        mean = 0.98 * mean + 0.02 * loss
        losses.append(mean / (1 - 0.98**n))
    smoothed, lengths = np.array(losses), np.ones(len(losses), int)
    for n in range(1, len(smoothed)):
        lengths[n] += lengths[:n].max(where=smoothed[:n] > smoothed[n], initial=0)
    end, length = int(lengths.argmax()), int(lengths.max())
    third = length // 3
    return float(search.rates[max(end - length + third + third // 2, 0)])


RULES: Mapping[str, Callable[[LearningRateSearch], float]] = {
    "80% of the fall (`suggestion`)": lambda search: search.suggestion,
    "steepest slope": steepest,
    "a tenth of the rate at the minimum": tenth,
    "fastai's valley": valley,
    **{f"{rate:g}": lambda _, rate=rate: rate for rate in (0.001, 0.01, 0.1)},
}

SETS = {**TASKS, **FURTHER}


class Split(NamedTuple):
    """Rows to train and to validate on, and the validation loss of a constant."""

    X: np.ndarray
    y: np.ndarray
    X_val: np.ndarray
    y_val: np.ndarray
    constant_loss: float


def loss_of(model: Any, X: np.ndarray, y: np.ndarray) -> float:
    """Return the mean loss of a fitted model."""
    if hasattr(model, "predict_proba"):
        return log_loss(y, model.predict_proba(X), labels=model.classes_)
    return mean_squared_error(y, model.predict(X)) / 2


def split(task: Task, seed: int, scale: float = 1.0) -> Split:
    """Return the rows of a set, standardised; the features are then multiplied."""
    X, y = task.load()
    stratify = None if task.regression else y
    X, X_val, y, y_val = train_test_split(X, y, random_state=seed, stratify=stratify)
    scaler = StandardScaler().fit(X)
    X, X_val = scale * scaler.transform(X), scale * scaler.transform(X_val)
    constant: Any = DummyClassifier(strategy="prior")
    if task.regression:
        mean, spread = y.mean(), y.std()
        y, y_val = (y - mean) / spread, (y_val - mean) / spread
        constant = DummyRegressor()
    return Split(X, y, X_val, y_val, loss_of(constant.fit(X, y), X_val, y_val))


def validation_loss(net: Any, rows: Split, rate: float) -> float:
    """Return the loss on validation rows after training at this rate."""
    net.set_params(learning_rate_init=rate)
    try:
        net.fit(rows.X, rows.y)
    except DivergenceError:
        return math.inf
    return loss_of(net, rows.X_val, rows.y_val)


def regrets(
    rows: Split, regression: bool, way: Mapping[str, Any], batch_size: int, seed: int
) -> list[float]:
    """Return the regret of each rule."""
    net = (ScratchMLPRegressor if regression else ScratchMLPClassifier)(
        **way,
        batch_size=batch_size,
        max_iter=EPOCHS,
        n_iter_no_change=math.inf,
        random_state=seed,
    )
    best = min(validation_loss(net, rows, rate) for rate in GRID)
    search = find_learning_rate(net, rows.X, rows.y)
    losses = [validation_loss(net, rows, rule(search)) for rule in RULES.values()]
    return [float(min((loss - best) / rows.constant_loss, 1)) for loss in losses]


def all_regrets(sets: Iterable[str], n_seeds: int, scale: float) -> np.ndarray:
    """Return the regrets, of shape (n_sets, n_ways, n_fits, n_rules)."""
    found = []
    for name in sets:
        print(name, file=sys.stderr, flush=True)
        task = SETS[name]
        splits = [split(task, seed, scale) for seed in range(n_seeds)]
        found.append(
            [
                [
                    regrets(rows, task.regression, way, batch_size, seed)
                    for batch_size in BATCH_SIZES
                    for seed, rows in enumerate(splits)
                ]
                for way in WAYS.values()
            ]
        )
    return np.array(found)


def main() -> None:
    """Compare the rules, and print the table."""
    parser = make_parser(__doc__, rounds=None, page=PAGE.with_name("training.md"))
    parser.add_argument("--seeds", type=int, default=2, help="splits (default: 2)")
    parser.add_argument(
        "--scale", type=float, default=1.0, help="of the features (default: 1)"
    )
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    arguments = parser.parse_args()
    # So few epochs are not meant to converge.
    warnings.filterwarnings("ignore", category=UserWarning)
    found = all_regrets(arguments.sets, arguments.seeds, arguments.scale)
    over_all = found.reshape(-1, len(RULES))
    further = found[[name in FURTHER for name in arguments.sets]]
    columns = [
        *found.mean(axis=(0, 2)),
        over_all.mean(axis=0),
        np.quantile(over_all, 0.9, axis=0),
        further.reshape(-1, len(RULES)).mean(axis=0) if len(further) else None,
    ]
    rows = [
        [rule, *("" if c is None else f"{c[number]:.3f}" for c in columns)]
        for number, rule in enumerate(RULES)
    ]
    head = ["mean regret", *WAYS, "all", "9 in 10 are below", "further sets"]
    publish("learning-rate", make_table(head, rows), arguments.write)


if __name__ == "__main__":
    main()
