"""A data frame as it comes, and probabilities that can be believed.

Fits ``TabularMLPClassifier`` and scikit-learn's boosted trees on a frame with numbers,
categories, booleans and gaps, without any preparation, and draws how often what they
predict with some probability comes true.

    pip install ".[examples]" && python examples/tabular.py

The customers are invented, so that nothing has to be downloaded and the true
probabilities are known.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from sklearn.calibration import calibration_curve
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split

from skmlp_scratch import TabularMLPClassifier

STYLES = {"TabularMLPClassifier": "o-", "HistGradientBoostingClassifier": "s--"}


def make_customers(n_rows: int, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return a mixed frame of customers, and who left, with what probability."""
    rng = np.random.RandomState(seed)
    months = rng.gamma(2, 15, n_rows).round()
    fee = rng.choice([20.0, 35.0, 50.0, 80.0], n_rows) + rng.normal(0, 3, n_rows)
    contract = rng.choice(["monthly", "yearly", "two years"], n_rows, p=[0.5, 0.3, 0.2])
    city = rng.choice([f"city {n}" for n in range(25)], n_rows)
    paperless = rng.random_sample(n_rows) < 0.6
    calls = rng.poisson(1.2, n_rows)
    of_city = dict(zip(np.unique(city), rng.normal(0, 0.5, 25), strict=True))
    logit = (
        np.select([contract == "monthly", contract == "yearly"], [0.6, -0.8], -1.8)
        - np.minimum(months, 36) / 18
        + 0.02 * fee
        + 0.9 * (calls >= 3)
        + 0.4 * (paperless & (fee > 60))
        + np.vectorize(of_city.get)(city)
    )
    probability = 1 / (1 + np.exp(-logit))
    left = np.where(rng.random_sample(n_rows) < probability, "left", "stayed")
    frame = pd.DataFrame(
        {
            "months": months,
            "fee": fee.round(2),
            "contract": pd.Categorical(contract),
            "city": city,
            "paperless": paperless,
            "calls": calls,
        }
    )
    # Some did not say, or were not asked.
    frame.loc[rng.random_sample(n_rows) < 0.1, "fee"] = np.nan
    frame.loc[rng.random_sample(n_rows) < 0.1, "contract"] = None
    return frame, pd.DataFrame({"left": left, "probability": probability})


def save_picture(path: Path, y: Any, probabilities: dict[str, Any]) -> None:
    """Draw each model's reliability, and the histogram of its probabilities."""
    figure = Figure(figsize=(12, 5.2), layout="constrained")
    reliability, histogram = figure.subplots(1, 2)
    reliability.plot([0, 1], [0, 1], "k:", label="as it should be")
    for name, p in probabilities.items():
        true, predicted = calibration_curve(y, p, n_bins=12, strategy="quantile")
        label = f"{name}: log-loss {log_loss(y, p):.3f}"
        reliability.plot(predicted, true, STYLES[name], lw=2, label=label)
    reliability.set(
        title="Reliability",
        xlabel="mean predicted probability of a group",
        ylabel="share of the group that did leave",
        xlim=(0, 1),
        ylim=(0, 1),
    )
    histogram.hist([*probabilities.values()], bins=20, label=[*probabilities])
    histogram.set(title="Predicted probabilities", xlabel="probability", ylabel="rows")
    for axes in (reliability, histogram):
        axes.legend()
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=110)


def main() -> None:
    """Fit both, print what they reach, and draw."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--rows", type=int, default=4000, help="half of them to train on"
    )
    parser.add_argument("--output", type=Path, default=Path("tabular.png"))
    arguments = parser.parse_args()
    if not arguments.output.resolve().parent.is_dir():
        parser.error(f"no such directory: {arguments.output.parent}")

    X, outcome = make_customers(arguments.rows)
    X_train, X_test, train, test = train_test_split(
        X, outcome, test_size=0.5, random_state=0
    )
    print(X_train.head(), end="\n\n")
    # Boosting takes strings for categories only if they are told to be.
    as_categories = {"city": pd.CategoricalDtype(X["city"].unique())}
    models = [
        TabularMLPClassifier(random_state=0),
        HistGradientBoostingClassifier(random_state=0),
    ]
    is_left = (test["left"] == "left").to_numpy()
    probabilities = {}
    for model in models:
        name = type(model).__name__
        cast = {} if name.startswith("Tabular") else as_categories
        start = time.perf_counter()
        model.fit(X_train.astype(cast), train["left"])
        seconds = time.perf_counter() - start
        p = model.predict_proba(X_test.astype(cast))[:, 0]
        probabilities[name] = p
        print(
            f"{name:31} {seconds:5.2f} s, "
            f"accuracy {accuracy_score(is_left, p > 0.5):.4f}, "
            f"log-loss {log_loss(is_left, p):.4f}"
        )
    best = test["probability"].to_numpy()
    print(
        f"{'(the true probabilities)':31}          "
        f"accuracy {accuracy_score(is_left, best > 0.5):.4f}, "
        f"log-loss {log_loss(is_left, best):.4f}"
    )
    clf = models[0]
    print(
        f"\nBefore any test, out of bag: accuracy {clf.oob_score_:.4f}, log-loss "
        f"{log_loss(train['left'] == 'left', clf.oob_decision_function_[:, 0]):.4f}"
    )
    save_picture(arguments.output.resolve(), is_left, probabilities)
    print(f"Picture: {arguments.output.resolve()}")


if __name__ == "__main__":
    main()
