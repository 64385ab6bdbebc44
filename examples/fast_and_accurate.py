"""Four recipes for MNIST: quick, quick and better, accurate, most accurate.

Each is one call of the constructor. What they are made of (a one-cycle learning rate,
noise, batch normalisation, decoupled weight decay) is explained in docs/training.md.

    pip install ".[examples]"
    python examples/fast_and_accurate.py           # some ten minutes
    python examples/fast_and_accurate.py --recipes quick --reference --seeds 5
    python examples/fast_and_accurate.py --tune    # how to find such values

On MNIST, if it can be had; otherwise, or with --data digits, on the small digits that
come with scikit-learn, for which the recipes are not made.
"""

import argparse
import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from mnist import Data, load_data
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import RandomizedSearchCV
from sklearn.neural_network import MLPClassifier

from skmlp_scratch import ScratchMLPClassifier

RECIPES: dict[str, dict[str, Any]] = {
    # The architecture of MLPClassifier's defaults, and its accuracy, 97.9%, and more.
    "quick": {
        "hidden_layer_sizes": (100,),
        "learning_rate": "one_cycle",
        "learning_rate_init": 0.015,
        "batch_size": 200,
        "max_iter": 6,
    },
    # About 98.5%.
    "better": {
        "hidden_layer_sizes": (256, 128),
        "noise": 0.2,
        "learning_rate": "one_cycle",
        "learning_rate_init": 0.005,
        "batch_size": 100,
        "max_iter": 8,
    },
    # About 99%.
    "accurate": {
        "hidden_layer_sizes": (1024, 1024),
        "solver": "adamw",
        "alpha": 0.02,
        "noise": 0.3,
        "learning_rate": "one_cycle",
        "learning_rate_init": 0.003,
        "batch_size": 200,
        "max_iter": 50,
    },
    # 99.1%: normalised, and deeper, with the layers of Rasmus et al. (2015,
    # arXiv:1507.02672).
    "most_accurate": {
        "hidden_layer_sizes": (1000, 500, 250, 250, 250),
        "batch_norm": True,
        "solver": "adamw",
        "alpha": 0.02,
        "noise": 0.4,
        "learning_rate": "one_cycle",
        "learning_rate_init": 0.003,
        "batch_size": 200,
        "max_iter": 80,
    },
}
# Values from which --tune draws, around the recipe "quick".
SPACE = {
    "learning_rate": ["one_cycle", "cosine"],
    "learning_rate_init": [0.003, 0.007, 0.015],
    "activation": ["relu", "gelu", "silu"],
    "solver": ["adam", "adamw"],
    "alpha": [1e-4, 1e-2],
    "noise": [0.0, 0.1, 0.3],
    "dropout": [0.0, 0.1, [0.1, 0.2]],
    "batch_norm": [False, True],
    "label_smoothing": [0.0, 0.05],
    "averaging": [0.0, 0.99],
    "max_norm": [None, 3.0],
    "clip_norm": [None, 1.0],
}


def seconds_and_accuracy(estimator: Any, data: Data) -> tuple[float, float]:
    """Fit, and return the seconds that took, and the accuracy on the test images."""
    start = time.perf_counter()
    estimator.fit(data.X_train, data.y_train)
    return time.perf_counter() - start, estimator.score(data.X_test, data.y_test)


def measure(makers: dict[str, Callable[[int], Any]], data: Data, n_seeds: int) -> None:
    """Fit each estimator with each seed, in turn; print medians and means."""
    results: dict[str, list[tuple[float, float]]] = {name: [] for name in makers}
    for seed in range(n_seeds):
        for name, make in makers.items():
            result = seconds_and_accuracy(make(seed), data)
            results[name].append(result)
            print(
                f"{name}, seed {seed}: {result[0]:.2f} s, {result[1]:.2%}", flush=True
            )
    print(f"\n{data.name}, {n_seeds} seeds")
    print(f"{'':14}{'seconds':>10}{'accuracy':>12}{'median':>10}")
    print(f"{'':14}{'median':>10}{'mean':>12}")
    for name, pairs in results.items():
        seconds = statistics.median(s for s, _ in pairs)
        accuracies = [a for _, a in pairs]
        mean, median = statistics.mean(accuracies), statistics.median(accuracies)
        print(f"{name:14}{seconds:10.2f}{mean:12.2%}{median:10.2%}")


def tune(data: Data, n_candidates: int) -> None:
    """Search for values like those above, on some of the images."""
    X, y = data.X_train[:5000], data.y_train[:5000]
    estimator = ScratchMLPClassifier(**RECIPES["quick"], random_state=0)
    search = RandomizedSearchCV(
        estimator, SPACE, n_iter=n_candidates, cv=3, random_state=0, n_jobs=-1
    ).fit(X, y)
    baseline = np.mean(search.cv_results_["mean_test_score"])
    print(f"best of {n_candidates}: {search.best_score_:.2%} (mean {baseline:.2%})")
    for name, value in search.best_params_.items():
        print(f"    {name}={value!r}")


def main() -> None:
    """Fit the recipes and print what they cost and bring."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", choices=["auto", "mnist", "digits"], default="auto")
    parser.add_argument("--recipes", nargs="+", choices=RECIPES, default=list(RECIPES))
    parser.add_argument("--seeds", type=int, default=1, help="fits of each recipe")
    parser.add_argument(
        "--reference", action="store_true", help="fit MLPClassifier() too, in turn"
    )
    parser.add_argument(
        "--tune", action="store_true", help="search for values instead, by 3-fold CV"
    )
    parser.add_argument("--candidates", type=int, default=12, help="of --tune")
    arguments = parser.parse_args()
    data = load_data(arguments.data)
    # MLPClassifier() may stop at its 200 epochs.
    warnings.simplefilter("ignore", ConvergenceWarning)
    if arguments.tune:
        tune(data, arguments.candidates)
        return

    def maker(name: str) -> Callable[[int], Any]:
        return lambda seed: ScratchMLPClassifier(**RECIPES[name], random_state=seed)

    makers = {name: maker(name) for name in arguments.recipes}
    if arguments.reference:
        makers["MLPClassifier"] = lambda seed: MLPClassifier(random_state=seed)
    measure(makers, data, arguments.seeds)


if __name__ == "__main__":
    main()
