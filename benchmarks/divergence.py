"""Does the divergence guard stop what is healthy, or let pass what is useless?

    python benchmarks/divergence.py [--quick] [--kinds ...]

Every kind of data is fitted by every solver at learning rates from 1e-8 to 1e8. A fit
ends fine, with a warning, or with a DivergenceError. What it should have been is known
from the training rows, all of them or those that are not odd. A model is useful if it
beats a constant prediction there, by loss or by score. A fit is healthy if
MLPClassifier or MLPRegressor, which have no guard, end with a smaller loss than that
prediction, or this package does where only what is not finite ends training.

A false alarm is a healthy fit that was refused, or stopped at a model that is far
worse. A silent failure is a useless model without a warning of any kind. Both are named
on stderr.
"""

import sys
import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from common import PAGE, make_parser, make_table, publish
from sklearn.datasets import make_classification
from sklearn.metrics import accuracy_score, log_loss, r2_score
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils.class_weight import compute_sample_weight

from skmlp_scratch import ScratchMLPClassifier, ScratchMLPRegressor
from skmlp_scratch.exceptions import DivergenceError, DivergenceWarning

RATES = [float(f"1e{power}") for power in range(-8, 9)]
QUICK_RATES = {1e-8, 1e-3, 1e-1, 1e8}
SOLVERS = ("adam", "adamw", "sgd")
COMMON = {"hidden_layer_sizes": 20, "max_iter": 40}
# What MLPClassifier and MLPRegressor do not have, or have by other names.
OURS_ONLY = {"class_weight", "loss"}
# A stopped fit may be this much below what going on would have come to.
FAR_WORSE = 0.1


class Kind(NamedTuple):
    """Data, and how it is fitted."""

    X: np.ndarray
    y: np.ndarray
    options: Mapping[str, Any] = MappingProxyType({})
    batches: Sequence[int] = (200, 20)
    rates: Sequence[float] = RATES
    odd_rows: Sequence[int] = ()
    before: np.ndarray | None = None

    @property
    def regression(self) -> bool:
        """Whether y holds numbers."""
        return self.y.dtype.kind == "f"


def smooth(n_rows: int, n_features: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Return features and a smooth function of them with noise, both of spread 1."""
    rng = np.random.RandomState(0)
    X = rng.standard_normal((n_rows, n_features))
    y = X[:, 0] + np.sin(2 * X[:, 1]) + X[:, 2] * X[:, 3]
    y += 0.3 * rng.standard_normal(n_rows)
    return X, (y - y.mean()) / y.std()


def two_classes(n_rows: int, n_positive: int) -> tuple[np.ndarray, np.ndarray]:
    """Return rows of which a few are of class 1, which is shifted."""
    X, y = np.random.RandomState(0).standard_normal((n_rows, 8)), np.zeros(n_rows, int)
    y[np.linspace(0, n_rows - 1, n_positive).astype(int)] = 1
    X[y == 1, :2] += 2
    return X, y


def ordinary() -> Kind:
    """Return a regression without any trouble."""
    return Kind(*smooth(1000))


def ordinary_classes() -> Kind:
    """Return a classification without any trouble."""
    X, y = make_classification(
        1000, 10, n_informative=5, n_classes=3, flip_y=0.03, random_state=0
    )
    return Kind(X, y)


def early_stopping(kind: Callable[[], Kind]) -> Callable[[], Kind]:
    """Return that kind, validated."""
    return lambda: kind()._replace(options={"early_stopping": True})


def one_cell(n_rows: int, **fields: Any) -> Kind:
    """Return features of which one entry is 99999."""
    X, y = smooth(n_rows)
    X[n_rows // 2, 3] = 99999
    return Kind(X, y, odd_rows=[n_rows // 2], **fields)


def one_cell_classes() -> Kind:
    """Return a classification with one entry of 99999."""
    kind = ordinary_classes()
    kind.X[500, 3] = 99999
    return kind._replace(odd_rows=[500])


def sentinels(n_rows: int, **fields: Any) -> Kind:
    """Return features where -9999 means unknown in a few rows."""
    X, y = smooth(n_rows)
    odd = np.linspace(0, n_rows - 1, 5).astype(int)
    X[odd, 2] = -9999
    return Kind(X, y, odd_rows=odd, **fields)


def one_target(n_rows: int, **fields: Any) -> Kind:
    """Return targets of which one is 1e4."""
    X, y = smooth(n_rows)
    y[n_rows // 2] = 1e4
    return Kind(X, y, odd_rows=[n_rows // 2], **fields)


def log_normal() -> Kind:
    """Return targets with a long tail."""
    X, y = smooth(1000)
    return Kind(X, np.exp(1.5 * y), batches=(200, 8))


def counts() -> Kind:
    """Return counts for the Poisson loss."""
    X, y = smooth(1000)
    return Kind(
        X, np.random.RandomState(1).poisson(np.exp(y)) * 1.0, {"loss": "poisson"}
    )


def rare(n_rows: int, **fields: Any) -> Kind:
    """Return 10 rows of one class, and many of the other."""
    options = {"class_weight": "balanced", **fields.pop("options", {})}
    return Kind(*two_classes(n_rows, 10), options, (8,), **fields)


def warm_start(scale: float) -> Kind:
    """Return small targets, after a first fit of the same rows."""
    X, y = smooth(1000)
    return Kind(X, scale * y, {"warm_start": True}, before=scale * y)


def unscaled() -> Kind:
    """Return features of scales from 0.001 to 1000 with offsets, as tables have."""
    X, y = smooth(1000)
    return Kind((X + 3) * 10.0 ** np.linspace(-3, 3, X.shape[1]), y)


def offset() -> Kind:
    """Return features like temperatures in Kelvin."""
    X, y = smooth(1000)
    return Kind(X + 300, y)


def large_targets() -> Kind:
    """Return targets like incomes."""
    X, y = smooth(1000)
    return Kind(X, 1e5 + 3e4 * y)


USUAL_RATES = (1e-3, 1e-2)
SMALL: dict[str, Callable[[], Kind]] = {
    "ordinary, regression": ordinary,
    "ordinary, classes": ordinary_classes,
    "early stopping, regression": early_stopping(ordinary),
    "early stopping, classes": early_stopping(ordinary_classes),
    "one cell of 99999, regression": lambda: one_cell(1000),
    "one cell of 99999, classes": one_cell_classes,
    "-9999 in 5 of 1,000 rows": lambda: sentinels(1000),
    "one target of 1e4, 1,000 rows": lambda: one_target(1000),
    "log-normal targets": log_normal,
    "log-normal, early stopping": early_stopping(log_normal),
    "counts, Poisson loss": counts,
    "balanced, 10 of 2,000 rows": lambda: rare(2000, options={"max_iter": 10}),
    "warm start": lambda: warm_start(1.0),
    "warm start, targets of 1e-5": lambda: warm_start(1e-5),
    "features of many scales": unscaled,
    "features with an offset": offset,
    "targets of 1e5": large_targets,
    "targets of 1e5, early stopping": early_stopping(large_targets),
}
LARGE: dict[str, Callable[[], Kind]] = {
    "one cell of 99999 in 80,000": lambda: one_cell(10_000, batches=(200,)),
    "-9999 in 5 of 10,000 rows": lambda: sentinels(10_000, batches=(200,)),
    "one target of 1e4, 300,000 rows": lambda: one_target(
        300_000, options={"max_iter": 5}, batches=(200,), rates=USUAL_RATES
    ),
    "balanced, 10 of 100,000 rows": lambda: rare(
        100_000, options={"max_iter": 3}, rates=USUAL_RATES
    ),
}
KINDS = SMALL | LARGE


def fit(estimator_class: type, kind: Kind, options: Mapping[str, Any]) -> Any:
    """Return a model of the rows; where it goes on, after the fit before."""
    model = estimator_class(random_state=0, **options)
    if kind.before is not None:
        model.fit(kind.X, kind.before)
    return model.fit(kind.X, kind.y)


def fit_ours(kind: Kind, options: Mapping[str, Any]) -> Any:
    """Return our model."""
    return fit(
        ScratchMLPRegressor if kind.regression else ScratchMLPClassifier, kind, options
    )


def fit_theirs(kind: Kind, options: Mapping[str, Any]) -> Any:
    """Return scikit-learn's model, without what it does not have."""
    known = {name: v for name, v in options.items() if name not in OURS_ONLY}
    if known["solver"] == "adamw":
        known["solver"] = "adam"
    return fit(MLPRegressor if kind.regression else MLPClassifier, kind, known)


def is_useful(model: Any, kind: Kind, by_score: bool = True) -> bool:
    """Return whether a model beats a constant on all rows, or on those not odd."""
    not_odd = np.delete(np.arange(len(kind.y)), kind.odd_rows)
    return any(
        beats_constant(model, kind, rows, by_score) for rows in (slice(None), not_odd)
    )


def beats_constant(model: Any, kind: Kind, rows: Any, by_score: bool) -> bool:
    """Return whether a model's loss, or its score, is better than a constant's."""
    if kind.regression:
        return score(model, kind, rows) > 0  # R² is the loss, relative to a constant's
    y, proba = kind.y[rows], model.predict_proba(kind.X[rows])
    if not np.isfinite(proba).all():
        return False
    weights = compute_sample_weight(kind.options.get("class_weight"), y)
    shares = np.bincount(y, weights) / weights.sum()
    losses = [
        log_loss(y, p, sample_weight=weights)
        for p in (proba, np.tile(shares, (len(y), 1)))
    ]
    return losses[0] < losses[1] or (
        by_score and score(model, kind, rows) > shares.max()
    )


def score(model: Any, kind: Kind, rows: Any = slice(None)) -> float:
    """Return R² or accuracy on training rows; minus infinity for what is no number."""
    X, y = kind.X[rows], kind.y[rows]
    predictions = model.predict(X)
    if not kind.regression:
        weights = compute_sample_weight(kind.options.get("class_weight"), y)
        return float(accuracy_score(y, predictions, sample_weight=weights))
    if not np.isfinite(predictions).all():
        return -np.inf
    return float(r2_score(y, predictions.astype(float)))


def references(kind: Kind, options: Mapping[str, Any]) -> list[Any]:
    """Return the models that do well without a guard."""
    found = []
    # Nothing is clipped by that, but explosions are for clipping to get over.
    for train, more in ((fit_theirs, {}), (fit_ours, {"clip_norm": 1e300})):
        if train is fit_theirs and OURS_ONLY & options.keys():
            continue
        try:
            model = train(kind, {**options, **more})
        except ValueError:  # not finite
            continue
        if is_useful(model, kind, by_score=False):
            found.append(model)
    return found


def judge(kind: Kind, options: Mapping[str, Any]) -> tuple[str, str]:
    """Fit; return how it ended, and what is wrong with that, if anything."""
    with warnings.catch_warnings(record=True) as caught, np.errstate(all="ignore"):
        warnings.simplefilter("always")
        try:
            model = fit_ours(kind, options)
        except DivergenceError:
            return "error", "false alarm" if references(kind, options) else ""
        words = {warning.category for warning in caught}
        useful = is_useful(model, kind)
        if DivergenceWarning in words:
            best = max(
                (score(m, kind) for m in references(kind, options)), default=None
            )
            stopped = best is not None and (
                not useful or best > score(model, kind) + FAR_WORSE
            )
            return "warned", "false alarm" if stopped else ""
    if words:
        return "warned", ""
    return "fine", "" if useful else "silent failure"


def all_options(kind: Kind, quick: bool) -> list[dict[str, Any]]:
    """Return the parameters of all fits of a kind."""
    rates = [rate for rate in kind.rates if not quick or rate in QUICK_RATES]
    batches = kind.batches[-1:] if quick else kind.batches
    options = [
        {"solver": solver, "batch_size": batch, "learning_rate_init": rate}
        for solver in SOLVERS
        for batch in batches
        for rate in rates
    ]
    if not kind.options.get("early_stopping"):
        options.append({"solver": "lbfgs"})
    return [{**COMMON, **kind.options, **one} for one in options]


def main() -> None:
    """Sweep over all kinds, and print how many fits of each ended how."""
    parser = make_parser(__doc__, rounds=None, page=PAGE.with_name("divergence.md"))
    parser.add_argument("--kinds", nargs="+", choices=KINDS, metavar="KIND")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="small data, four learning rates, the smaller batches",
    )
    arguments = parser.parse_args()
    columns = ["fine", "warned", "error", "false alarm", "silent failure"]
    rows, total = [], Counter[str]()
    for name in arguments.kinds or (SMALL if arguments.quick else KINDS):
        kind, counts_of_kind = KINDS[name](), Counter[str]()
        for options in all_options(kind, arguments.quick):
            outcome, fault = judge(kind, options)
            counts_of_kind.update(["fits", outcome, *([fault] if fault else [])])
            if fault:
                what = {k: v for k, v in options.items() if COMMON.get(k) != v}
                print(
                    f"{fault}: {name}, {outcome}, {what}", file=sys.stderr, flush=True
                )
        total += counts_of_kind
        rows.append([name, *(str(counts_of_kind[c]) for c in ["fits", *columns])])
        print("; ".join(rows[-1]), file=sys.stderr, flush=True)
    rows.append(["all", *(str(total[c]) for c in ["fits", *columns])])
    head = ["", "fits", "fine", "warned", "refused", "false alarms", "silent failures"]
    publish("divergence", make_table(head, rows), arguments.write)


if __name__ == "__main__":
    main()
