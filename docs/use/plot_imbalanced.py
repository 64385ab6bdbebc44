"""
Imbalanced classes
==================

One class is rare. How do I get a model that finds it?

*The picture needs* ``pip install matplotlib``.
"""

# %%
# Here few rows belong to class 1. A model that never says 1 is nearly always right, and
# of no use. So do not look at the accuracy: *recall* is the share of the rare rows that
# are found, *precision* the share of the found ones that are right. *Average precision*
# sums up both over all thresholds: ``scoring="average_precision"`` in a search.

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_classification
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import (
    PrecisionRecallDisplay,
    average_precision_score,
    balanced_accuracy_score,
    log_loss,
    precision_score,
    recall_score,
)
from sklearn.model_selection import (
    FixedThresholdClassifier,
    TunedThresholdClassifierCV,
    train_test_split,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmlp_scratch import ScratchMLPClassifier

X, y = make_classification(
    n_samples=6000,
    n_features=10,
    n_informative=5,
    n_clusters_per_class=2,
    weights=[0.95],
    flip_y=0.02,
    class_sep=0.8,
    random_state=0,
)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=0.5, stratify=y, random_state=0
)
print(f"rows of each class to train on: {np.bincount(y_train)}")
print(f"accuracy if one always says 0: {np.mean(y_test == 0):.3f}")


def network(**parameters):
    """Return a pipeline whose network has these parameters, too."""
    return make_pipeline(
        StandardScaler(),
        ScratchMLPClassifier(
            learning_rate="one_cycle",
            learning_rate_init=0.01,
            max_iter=20,
            random_state=0,
            **parameters,
        ),
    )


def report(name, model):
    """Print what a fitted model finds among the test rows."""
    found = model.predict(X_test)
    probability = model.predict_proba(X_test)[:, 1]
    scores = {
        "recall": recall_score(y_test, found),
        "precision": precision_score(y_test, found),
        "balanced acc.": balanced_accuracy_score(y_test, found),
        "avg. precision": average_precision_score(y_test, probability),
        "log-loss": log_loss(y_test, probability),
    }
    print(name, *(f"    {k:15}{v:.3f}" for k, v in scores.items()), sep="\n")
    return model


plain = report("as it is", network().fit(X_train, y_train))

# %%
# Weigh the classes
# -----------------
#
# ``class_weight="balanced"`` makes both classes count the same in the loss.
# ``MLPClassifier`` has no such parameter. More rare rows are found, and more of the
# others are taken for rare. To repeat rare rows, or to make up new ones between them
# (SMOTE), has a similar effect, and makes epochs longer.

ratio = np.sum(y_train == 0) / np.sum(y_train == 1)
print(f"a rare row counts as much as {ratio:.0f} others")
balanced = report("balanced", network(class_weight="balanced").fit(X_train, y_train))

# %%
# A dict gives each class any weight: ``class_weight={1: 5}``. ``sample_weight`` gives
# one to each *row*, for example what a mistake would cost there. In a pipeline it is
# passed to the step by its name:

weights = np.where(y_train == 1, 5.0, 1.0)
by_row, by_class = network(), network(class_weight={1: 5})
by_row.fit(X_train, y_train, scratchmlpclassifier__sample_weight=weights)
by_class.fit(X_train, y_train)
p_row, p_class = by_row.predict_proba(X_test), by_class.predict_proba(X_test)
print("the same model:", np.allclose(p_row, p_class))

# %%
# ``cross_val_score`` takes the same name, and gives each fold the weights of its rows:
# ``params={"scratchmlpclassifier__sample_weight": weights}``.
#
# Or move the threshold
# ---------------------
#
# Weights change the probabilities: those of the balanced model are far too large, which
# its log-loss shows. The plain model's are honest, but it says 1 only from 0.5 on. You
# may keep the probabilities and move that threshold.
# :class:`~sklearn.model_selection.TunedThresholdClassifierCV` finds one by
# cross-validation, for whatever score you name.

tuned = TunedThresholdClassifierCV(network(), scoring="balanced_accuracy", cv=5)
report("threshold", tuned.fit(X_train, y_train))
print(f"says 1 from a probability of {tuned.best_threshold_:.3f} on")

# %%
# If you know what mistakes cost, you need no search. Say that to miss a rare row costs
# as much as twenty false alarms. Then 1 is the cheaper answer from 1 / 21 on:

by_cost = FixedThresholdClassifier(FrozenEstimator(plain), threshold=1 / 21)
by_cost.fit(X_train, y_train)
for name, model in {"from 0.5 on": plain, "from 1 / 21 on": by_cost}.items():
    found = model.predict(X_test)
    missed, alarms = np.sum(found < y_test), np.sum(found > y_test)
    print(f"{name}: {missed} missed, {alarms} false alarms", end=", ")
    print(f"cost {20 * missed + alarms}")

# %%
# A threshold changes no probability, and so no ranking of the rows: it is a place on
# the curve of the plain model. The balanced model has a curve of its own. Here it is
# the lower one: the tables above have their average precision.

fig, ax = plt.subplots(figsize=(6.4, 4), layout="constrained")
for name, model, style in (
    ("as it is", plain, {"color": "black"}),
    ("balanced", balanced, {"color": "C0", "linestyle": "--"}),
):
    curve = PrecisionRecallDisplay.from_estimator(
        model, X_test, y_test, name=name, ax=ax
    )
    curve.line_.set(**style)
for name, model, marker in (
    ("as it is, from 0.5 on", plain, "o"),
    ("threshold moved", tuned, "D"),
    ("balanced, from 0.5 on", balanced, "s"),
):
    found = model.predict(X_test)
    recall, precision = recall_score(y_test, found), precision_score(y_test, found)
    ax.plot(recall, precision, marker, color="black", mfc="none", ms=9, label=name)
ax.set(xlabel="recall", ylabel="precision")
ax.legend(fontsize="small")
plt.show()

# %%
# Which to take? If you need probabilities, or know what each mistake costs, leave the
# classes as they are and set the threshold. If you only need labels, both will do.
#
# Validation rows
# ---------------
#
# ``early_stopping=True`` sets rows aside. The split is stratified: each class keeps its
# share there. A class with too few rows for that stays in training, with a warning.
# For rare classes let it watch the loss, which notices what the accuracy does not:
# ``monitor="loss"``.

few = np.r_[np.flatnonzero(y_train == 0)[:200], np.flatnonzero(y_train == 1)[:1]]
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    network(early_stopping=True, monitor="loss").fit(X_train[few], y_train[few])
for warning in caught:
    print(f"{warning.category.__name__}: {warning.message}")
