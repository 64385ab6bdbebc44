"""How good and how quick tabular networks are, beside others, on public tables.

    pip install ".[benchmarks]"
    OMP_NUM_THREADS=1 python benchmarks/tabular.py --cache results.json

For each table, 3-fold: accuracy and log-loss, or RMSE in standard deviations of the
target. Every peer has its defaults, on the same frames; scikit-learn's but boosting get
them scaled, imputed and one-hot encoded. Seconds are CPU seconds of a fit. Results of a
table and a peer are kept in the cache, so that a run can go on later. pytabkit's
RealMLP and TabM take part on request, if they are installed, with imputed numbers.

    OMP_NUM_THREADS=1 python benchmarks/tabular.py --large 50000 300000 --sets flights

Fits so many rows once, and tests on 20,000 others, beside boosting at its defaults and
with up to 1000 iterations.
"""

import json
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from common import make_parser, make_table, publish
from scipy.stats import rankdata, wilcoxon
from sklearn.base import is_classifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.compose import make_column_selector as selector
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.metrics import accuracy_score, log_loss, root_mean_squared_error
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC, SVR
from tabular_sets import CLASSIFICATION, REGRESSION, Table, load_table

from skmlp_scratch import TabularMLPClassifier, TabularMLPRegressor

FOLDS = 3
# Rows to test on after a fit of many.
TEST_ROWS = 20_000


def encoded(estimator: Any) -> Any:
    """Return a pipeline that makes numbers of a frame first."""
    numbers = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True), StandardScaler()
    )
    levels = OneHotEncoder(
        handle_unknown="infrequent_if_exist", min_frequency=5, sparse_output=False
    )
    columns = make_column_transformer(
        (numbers, selector(dtype_include="number")),
        (levels, selector(dtype_exclude="number")),
    )
    return make_pipeline(columns, estimator)


def standardised(estimator: Any) -> Any:
    """Return an estimator that learns a standardised target."""
    return TransformedTargetRegressor(encoded(estimator), transformer=StandardScaler())


def pytabkit(name: str) -> Any:
    """Return one of pytabkit's estimators, on one thread of the CPU."""
    import pytabkit

    # These take no gaps in numbers.
    numbers = SimpleImputer(strategy="median", add_indicator=True)
    columns = make_column_transformer(
        (numbers, selector(dtype_include="number")),
        remainder="passthrough",
        verbose_feature_names_out=False,
    ).set_output(transform="pandas")
    estimator = getattr(pytabkit, name)(device="cpu", n_threads=1, random_state=0)
    return make_pipeline(columns, estimator)


PEERS: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
    "ours": (
        lambda: TabularMLPClassifier(random_state=0),
        lambda: TabularMLPRegressor(random_state=0),
    ),
    "boosting": (
        lambda: HistGradientBoostingClassifier(random_state=0),
        lambda: HistGradientBoostingRegressor(random_state=0),
    ),
    "boosting1000": (
        lambda: HistGradientBoostingClassifier(max_iter=1000, random_state=0),
        lambda: HistGradientBoostingRegressor(max_iter=1000, random_state=0),
    ),
    "forest": (
        lambda: encoded(RandomForestClassifier(random_state=0)),
        lambda: encoded(RandomForestRegressor(random_state=0)),
    ),
    "MLP": (
        lambda: encoded(MLPClassifier(random_state=0)),
        lambda: standardised(MLPRegressor(random_state=0)),
    ),
    "linear": (
        lambda: encoded(LogisticRegression(max_iter=1000)),
        lambda: encoded(RidgeCV(np.logspace(-3, 3, 7))),
    ),
    "SVM": (
        lambda: encoded(CalibratedClassifierCV(SVC(), ensemble=False)),
        lambda: standardised(SVR()),
    ),
    "RealMLP": (
        lambda: pytabkit("RealMLP_TD_Classifier"),
        lambda: pytabkit("RealMLP_TD_Regressor"),
    ),
    "TabM": (
        lambda: pytabkit("TabM_D_Classifier"),
        lambda: pytabkit("TabM_D_Regressor"),
    ),
}
SCIKIT_LEARN = ["boosting", "forest", "MLP", "linear", "SVM"]


def measure(table: Table, peer: str, n_train: int | None = None) -> dict[str, float]:
    """Return the means over the folds of a peer's scores and CPU seconds.

    With a number of rows to train on, there is a single fit of these.
    """
    is_classification = table in CLASSIFICATION
    if n_train is None:
        X, y = load_table(table)
        splitter = (StratifiedKFold if is_classification else KFold)(
            FOLDS, shuffle=True, random_state=0
        )
        splits = list(splitter.split(X, y))
    else:
        X, y = load_table(table, n_train + TEST_ROWS)
        splits = [(np.arange(n_train), np.arange(n_train, len(X)))]
    results = []
    for train, test in splits:
        estimator = PEERS[peer][0 if is_classification else 1]()
        start = time.process_time()
        estimator.fit(X.iloc[train], y[train])
        seconds = {"seconds": time.process_time() - start}
        results.append(scores_of(estimator, X.iloc[test], y[test], y.std()) | seconds)
    return {name: float(np.mean([r[name] for r in results])) for name in results[0]}


def scores_of(estimator: Any, X: Any, y: Any, std: float) -> dict[str, float]:
    """Return accuracy and log-loss, or the error in standard deviations."""
    if not is_classifier(estimator):
        return {"rmse": root_mean_squared_error(y, estimator.predict(X)) / std}
    probabilities = estimator.predict_proba(X)
    labels = np.arange(probabilities.shape[1])
    return {
        "accuracy": accuracy_score(y, probabilities.argmax(axis=1)),
        "log_loss": log_loss(y, probabilities, labels=labels),
    }


def collect(
    tables: Sequence[Table], peers: Sequence[str], cache: Path | None
) -> dict[str, dict[str, dict[str, float]]]:
    """Measure what is not in the cache yet; return all results."""
    known: dict[str, Any] = {}
    if cache is not None and cache.exists():
        known = json.loads(cache.read_text("utf-8"))
    for table in tables:
        of_table = known.setdefault(f"{table.package}::{table.item}", {})
        for peer in peers:
            if peer in of_table:
                continue
            of_table[peer] = measure(table, peer)
            print(table.item, peer, of_table[peer], file=sys.stderr, flush=True)
            if cache is not None:
                cache.write_text(json.dumps(known, indent=1), "utf-8")
    return known


def of_all(
    results: Any, tables: Sequence[Table], peers: Sequence[str], name: str
) -> Any:
    """Return an array of one score, tables by peers."""
    return np.array(
        [[results[f"{t.package}::{t.item}"][p][name] for p in peers] for t in tables]
    )


def summary(
    results: Any, tables: Sequence[Table], peers: Sequence[str], scores: dict[str, int]
) -> str:
    """Return a table of means, mean ranks, and how often ours was better and worse.

    Scores are given with 1 if larger is better, and -1 otherwise.
    """
    columns: list[list[str]] = [[] for _ in peers]
    head = [f"{len(tables)} tables"]
    for name, sign in scores.items():
        values = of_all(results, tables, peers, name)
        ranks = np.mean([rankdata(row) for row in -sign * values.round(6)], axis=0)
        head += [name.replace("_", "-"), "rank", "ours: better, worse, p"]
        for cells, column, rank, peer in zip(
            columns, values.T, ranks, peers, strict=True
        ):
            cells += [f"{column.mean():.4f}", f"{rank:.2f}"]
            cells.append(
                versus(sign * (values[:, peers.index("ours")] - column))
                if "ours" in peers and peer != "ours"
                else ""
            )
    seconds = of_all(results, tables, peers, "seconds")
    head += ["seconds, geometric mean"]
    for cells, mean in zip(columns, np.exp(np.log(seconds).mean(axis=0)), strict=True):
        cells.append(f"{mean:.2f}")
    return make_table(
        head, [[peer, *cells] for peer, cells in zip(peers, columns, strict=True)]
    )


def versus(gains: Any) -> str:
    """Return how often a gain is positive and negative, and Wilcoxon's p."""
    p = wilcoxon(gains).pvalue if len(gains) > 5 and gains.any() else float("nan")
    return f"{(gains > 0).sum()}, {(gains < 0).sum()}, {p:.2g}"


def details(
    results: Any, tables: Sequence[Table], peers: Sequence[str], name: str
) -> str:
    """Return a table of one score for each table and peer."""
    values = of_all(results, tables, peers, name)
    rows = []
    for table, row in zip(tables, values, strict=True):
        X, _ = load_table(table)
        rows.append(
            [
                f"{table.item} ({table.package})",
                f"{len(X):,} × {X.shape[1]}",
                *(f"{value:.4f}" for value in row),
            ]
        )
    return make_table([name.replace("_", "-"), "size", *peers], rows)


def large(tables: Sequence[Table], sizes: Sequence[int], peers: Sequence[str]) -> str:
    """Return a table of scores and seconds after fits of many rows."""
    rows = []
    for table in tables:
        for n_train in sizes:
            cells = [f"{table.item}, {n_train:,} rows"]
            for peer in peers:
                result = measure(table, peer, n_train)
                print(table.item, n_train, peer, result, file=sys.stderr, flush=True)
                score = result["log_loss" if table in CLASSIFICATION else "rmse"]
                cells.append(f"{score:.4f} ({result['seconds']:.1f} s)")
            rows.append(cells)
    return make_table(["log-loss or rmse (seconds)", *peers], rows)


def main() -> None:
    """Run what is asked for, and print the tables."""
    parser = make_parser(__doc__, rounds=None)
    everything = {table.item: table for table in [*CLASSIFICATION, *REGRESSION]}
    parser.add_argument("--sets", nargs="+", choices=everything, default=[*everything])
    parser.add_argument(
        "--peers", nargs="+", choices=PEERS, default=["ours", *SCIKIT_LEARN]
    )
    parser.add_argument(
        "--large", nargs="+", type=int, metavar="ROWS", help="fit so many rows once"
    )
    parser.add_argument("--cache", type=Path, help="a JSON file of results so far")
    arguments = parser.parse_args()
    # Iterations run out here and there; unknown levels are to be expected.
    warnings.simplefilter("ignore")
    tables, peers = [everything[name] for name in arguments.sets], arguments.peers
    if arguments.large:
        report = large(tables, arguments.large, ["ours", "boosting", "boosting1000"])
        publish("tabular-large", report, arguments.write)
        return
    results = collect(tables, peers, arguments.cache)
    reports = []
    for kind, scores in [
        (CLASSIFICATION, {"accuracy": 1, "log_loss": -1}),
        (REGRESSION, {"rmse": -1}),
    ]:
        chosen = [table for table in kind if table in tables]
        if chosen:
            reports.append(summary(results, chosen, peers, scores))
            reports += [details(results, chosen, peers, name) for name in scores]
    publish("tabular", "\n\n".join(reports), arguments.write)


if __name__ == "__main__":
    main()
