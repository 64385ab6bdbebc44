"""Ours and scikit-learn's, both at their defaults: which of them predicts better.

    python benchmarks/defaults.py [--seeds 20] [--sets ...]

Each set is split anew for every seed, the same split for both. Features, and the
targets of regressions, are standardised by the training rows, which is all that the
defaults of both need. The score is accuracy or R². Differences are taken seed by seed,
since a split is easy or hard for both; their standard error is over the seeds.
"""

import sys
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from common import PAGE, make_parser, make_table, publish
from scipy.stats import t as student
from sklearn import datasets
from sklearn.compose import TransformedTargetRegressor
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmlp_scratch import ScratchMLPClassifier, ScratchMLPRegressor

Data = tuple[np.ndarray, np.ndarray]
# What chance alone would call a difference, in this share of the comparisons.
CHANCE = 0.01


def friedman(number: int, n_rows: int, noise: float) -> Data:
    """Return one of Friedman's three regressions (MARS, 1991)."""
    make = getattr(datasets, f"make_friedman{number}")
    return make(n_samples=n_rows, noise=noise, random_state=0)


def linear(n_rows: int, n_features: int, informative: int, noise: float) -> Data:
    """Return a linear regression."""
    return datasets.make_regression(
        n_rows, n_features, n_informative=informative, noise=noise, random_state=0
    )


def s_curve() -> Data:
    """Return where points of a curved sheet lie along it, with noise."""
    X, y = datasets.make_s_curve(600, noise=0.2, random_state=0)
    return X, y + 0.3 * np.random.RandomState(1).standard_normal(len(y))


def heteroscedastic() -> Data:
    """Return a wave whose noise grows with the first feature."""
    rng = np.random.RandomState(0)
    X = rng.uniform(-2, 2, (500, 3))
    noise = np.exp(X[:, 0] / 2) * rng.standard_normal(len(X))
    return X, np.sin(2 * X[:, 0]) + X[:, 1] * X[:, 2] + 0.3 * noise


def skewed() -> Data:
    """Return targets with a long tail, like prices or durations."""
    rng = np.random.RandomState(0)
    X = rng.standard_normal((600, 6))
    return X, np.exp(X[:, 0] + 0.5 * X[:, 1] * X[:, 2] + 0.3 * rng.standard_normal(600))


def sparse_counts() -> Data:
    """Return counts that are mostly 0, as of words, and a few that matter."""
    rng = np.random.RandomState(0)
    X = rng.poisson(0.08, (500, 60)).astype(float)
    return X, X[:, :8] @ np.linspace(1, 3, 8) + 0.3 * rng.standard_normal(500)


def classes(**options: Any) -> Data:
    """Return clusters at the corners of a cube, some labels flipped."""
    return datasets.make_classification(flip_y=0.03, random_state=0, **options)


class Task(NamedTuple):
    """Data, and whether its targets are numbers."""

    load: Callable[[], Data]
    regression: bool


def loaded(name: str) -> Callable[[], Data]:
    """Return a function that loads a set that comes with scikit-learn."""
    return lambda: getattr(datasets, f"load_{name}")(return_X_y=True)


REGRESSIONS: Mapping[str, Callable[[], Data]] = {
    "diabetes": loaded("diabetes"),
    "friedman1, 300 rows": lambda: friedman(1, 300, 1.0),
    "friedman1, 1000 rows": lambda: friedman(1, 1000, 1.0),
    "friedman2": lambda: friedman(2, 400, 50.0),
    "friedman3": lambda: friedman(3, 400, 0.1),
    "linear, 10 features": lambda: linear(300, 10, 5, 20.0),
    "linear, 100 features": lambda: linear(500, 100, 10, 20.0),
    "s-curve": s_curve,
    "heteroscedastic": heteroscedastic,
    "skewed": skewed,
    "sparse counts": sparse_counts,
}
CLASSIFICATIONS: Mapping[str, Callable[[], Data]] = {
    "iris": loaded("iris"),
    "wine": loaded("wine"),
    "breast cancer": loaded("breast_cancer"),
    "digits": loaded("digits"),
    "moons": lambda: datasets.make_moons(400, noise=0.25, random_state=0),
    "2 classes, 20 features": lambda: classes(n_samples=500),
    "5 classes, 15 features": lambda: classes(
        n_samples=800, n_features=15, n_informative=8, n_classes=5
    ),
    "rare class, 10 features": lambda: classes(
        n_samples=800, n_features=10, n_informative=5, weights=[0.9]
    ),
    "200 features": lambda: classes(n_samples=300, n_features=200, n_informative=10),
    "gaussian quantiles": lambda: datasets.make_gaussian_quantiles(
        n_samples=600, n_features=4, n_classes=3, random_state=0
    ),
}
TASKS = {name: Task(load, True) for name, load in REGRESSIONS.items()} | {
    name: Task(load, False) for name, load in CLASSIFICATIONS.items()
}


def make_model(ours: bool, regression: bool, seed: int, early_stopping: bool) -> Any:
    """Return an estimator at its defaults, behind the scalers."""
    pairs = (MLPClassifier, ScratchMLPClassifier), (MLPRegressor, ScratchMLPRegressor)
    estimator = pairs[regression][ours]
    net = estimator(random_state=seed, early_stopping=early_stopping)
    model = make_pipeline(StandardScaler(), net)
    if regression:
        return TransformedTargetRegressor(model, transformer=StandardScaler())
    return model


def scores(task: Task, seeds: Iterable[int], early_stopping: bool) -> np.ndarray:
    """Return the scores on test rows, a row per seed: theirs, ours."""
    X, y = task.load()
    found = []
    for seed in seeds:
        stratify = None if task.regression else y
        train, test = train_test_split(
            np.arange(len(y)), random_state=seed, stratify=stratify
        )
        models = [
            make_model(ours, task.regression, seed, early_stopping)
            for ours in (False, True)
        ]
        found.append(
            [model.fit(X[train], y[train]).score(X[test], y[test]) for model in models]
        )
    return np.array(found)


def compare(found: np.ndarray) -> tuple[float, float, str]:
    """Return the mean difference, its standard error, and what can be said of it."""
    differences = found[:, 1] - found[:, 0]
    mean = float(differences.mean())
    error = float(differences.std(ddof=1) / np.sqrt(len(differences)))
    limit = float(student.ppf(1 - CHANCE / 2, len(differences) - 1)) * error
    verdict = "even" if abs(mean) <= limit else ("better" if mean > 0 else "worse")
    return mean, error, verdict


def main() -> None:
    """Fit all sets with and without early stopping, and print the table."""
    parser = make_parser(__doc__, rounds=None, page=PAGE.with_name("defaults.md"))
    parser.add_argument(
        "--seeds", type=int, default=20, help="at least 2 (default: 20)"
    )
    parser.add_argument("--sets", nargs="+", choices=TASKS, default=list(TASKS))
    arguments = parser.parse_args()
    # max_iter=200 is a default, too.
    warnings.filterwarnings("ignore", category=UserWarning)
    rows: list[list[str]] = []
    verdicts: dict[bool, list[str]] = {False: [], True: []}
    for name in arguments.sets:
        row = [name, "R²" if TASKS[name].regression else "accuracy"]
        for early_stopping, so_far in verdicts.items():
            print(f"{name}, {early_stopping=}", file=sys.stderr, flush=True)
            found = scores(TASKS[name], range(arguments.seeds), early_stopping)
            mean, error, verdict = compare(found)
            theirs, ours = found.mean(axis=0)
            row += [f"{theirs:.3f}, {ours:.3f}", f"{mean:+.4f} ± {error:.4f}", verdict]
            so_far.append(verdict)
        rows.append(row)
    last = ["better / even / worse", ""]
    for so_far in verdicts.values():
        counts = [str(so_far.count(v)) for v in ("better", "even", "worse")]
        last += ["", "", " / ".join(counts)]
    head = ["", "score", "theirs, ours", "difference", "ours is"]
    head += ["with early stopping", "difference", "ours is"]
    publish("defaults", make_table(head, [*rows, last]), arguments.write)


if __name__ == "__main__":
    main()
