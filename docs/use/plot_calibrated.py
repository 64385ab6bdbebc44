"""
Calibrated probabilities and guaranteed coverage
================================================

Can I take the predicted probabilities at their word?

*The picture needs* ``pip install matplotlib``.

*Temperature scaling needs scikit-learn 1.8 or newer. The part on guaranteed coverage
needs* ``pip install mapie`` *and is skipped without it.*
"""

# %%
# Too sure of itself
# ------------------
#
# Of all rows for which a model says 90%, nine in ten should belong to the class that it
# names. It is then *calibrated*. A network that was trained until it knows its training
# rows by heart is not: it is too sure. Here is one, trained for long on few and noisy
# rows. The log-loss punishes a sure mistake.

import importlib.util

import matplotlib.pyplot as plt
import numpy as np
from sklearn.calibration import CalibratedClassifierCV, calibration_curve
from sklearn.datasets import make_classification, make_friedman1
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split

from skmlp_scratch import (
    ScratchMLPClassifier,
    ScratchMLPRegressor,
    TabularMLPClassifier,
)

STYLES = ["o-", "s--", "^-.", "D:"]
X, y = make_classification(
    n_samples=5000, n_informative=10, flip_y=0.2, n_classes=2, random_state=0
)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.8, random_state=0)
net = ScratchMLPClassifier(learning_rate_init=0.01, max_iter=300, random_state=0)
models = {"for long": net.fit(X_train, y_train)}

# %%
# One number mends it
# -------------------
#
# *Temperature scaling* divides the inputs of the softmax by one number, which is fitted
# on rows that the network has not seen.
# :class:`~sklearn.calibration.CalibratedClassifierCV` does it by cross-validation.
# Which class is the most probable one does not change by it, only how sure the model
# is. With ``cv=5``, five networks are fitted and their probabilities averaged, so that
# the accuracy is better, too.

calibrated = CalibratedClassifierCV(net, method="temperature", cv=5)
models["temperature"] = calibrated.fit(X_train, y_train)

# %%
# If the network is fitted already, pass it in a
# :class:`~sklearn.frozen.FrozenEstimator`, and fit the calibration on rows that it has
# not seen.
#
# It is better still not to learn by heart. ``early_stopping=True`` with
# ``monitor="loss"`` keeps the epoch whose probabilities were best on rows set aside.
# :class:`~skmlp_scratch.TabularMLPClassifier` does that eight times, and averages.

models["early stopping"] = ScratchMLPClassifier(
    learning_rate_init=0.01, early_stopping=True, monitor="loss", random_state=0
).fit(X_train, y_train)
models["tabular"] = TabularMLPClassifier(random_state=0).fit(X_train, y_train)

fig, ax = plt.subplots(figsize=(6.4, 4.8), layout="constrained")
ax.plot([0, 1], [0, 1], color="0.7", lw=4, label="as it should be")
for (name, model), style in zip(models.items(), STYLES, strict=True):
    p = model.predict_proba(X_test)[:, 1]
    accuracy = accuracy_score(y_test, model.predict(X_test))
    print(f"{name:15} accuracy {accuracy:.3f}, log-loss {log_loss(y_test, p):.3f}")
    share, predicted = calibration_curve(y_test, p, n_bins=10, strategy="quantile")
    ax.plot(predicted, share, style, color="k", mfc="none", label=name)
ax.set(xlabel="predicted probability of class 1", ylabel="share of class 1")
ax.legend()
plt.show()

# %%
# Before scikit-learn 1.8, take ``method="sigmoid"``, which fits two numbers, or
# ``method="isotonic"`` with some thousand rows.
#
# A promise about coverage
# ------------------------
#
# Even calibrated probabilities are right on average only, and nobody guarantees how
# nearly. A *conformal* method gives you a set of classes, or an interval, that holds
# the truth in 90% of cases, or whatever you ask for. That is guaranteed on average,
# over new rows and over the rows that were held back for it, as long as both come from
# the same place. With 500 rows held back, 88.7% or 91.3% are nothing special. None of
# them may be among those that the network was trained on.
#
# `MAPIE <https://mapie.readthedocs.io>`_ has it for fitted models of scikit-learn's
# kind.

HAS_MAPIE = bool(importlib.util.find_spec("mapie"))
X_conf, X_new, y_conf, y_new = train_test_split(
    X_test, y_test, train_size=500, random_state=0
)

if HAS_MAPIE:
    from mapie.classification import SplitConformalClassifier

    conformal = SplitConformalClassifier(models["tabular"], confidence_level=0.9)
    conformal.conformalize(X_conf, y_conf)
    _, sets = conformal.predict_set(X_new)
    sets = sets[:, :, 0]
    covered = sets[np.arange(len(y_new)), y_new].mean()
    print(f"{covered:.1%} of the sets hold the true class")
    print("sets of 0, 1 and 2 classes:", np.bincount(sets.sum(axis=1), minlength=3))
else:
    print("MAPIE is not installed: this part was skipped.")

# %%
# .. only:: not mapie
#
#    With MAPIE, it prints:
#
#    .. code-block:: text
#
#       91.2% of the sets hold the true class
#       sets of 0, 1 and 2 classes: [   0 2579  921]
#
# A set of both classes says "I do not know".
#
# For a regressor, three networks predict the 5%, 95% and 50% quantile, in this order,
# and MAPIE moves the ends of the interval by as much as the rows held back ask for.
# With 400 rows to train on, the quantiles alone cover too few.

X, y = make_friedman1(3000, noise=3.0, random_state=0)
X, y = (X - 0.5) / 0.29, (y - y.mean()) / y.std()
X_train, X_conf, X_new = X[:400], X[400:800], X[800:]
y_train, y_conf, y_new = y[:400], y[400:800], y[800:]
quantiles = [
    ScratchMLPRegressor(
        loss="quantile",
        quantile=quantile,
        learning_rate="one_cycle",
        learning_rate_init=0.01,
        max_iter=100,
        random_state=0,
    ).fit(X_train, y_train)
    for quantile in (0.05, 0.95, 0.5)
]
low, high = (quantile.predict(X_new) for quantile in quantiles[:2])
print(f"quantiles:  {np.mean((low <= y_new) & (y_new <= high)):.1%} are inside")

if HAS_MAPIE:
    from mapie.regression import ConformalizedQuantileRegressor

    conformal = ConformalizedQuantileRegressor(
        quantiles, confidence_level=0.9, prefit=True
    )
    _, intervals = conformal.conformalize(X_conf, y_conf).predict_interval(X_new)
    low, high = intervals[:, 0, 0], intervals[:, 1, 0]
    print(f"conformal:  {np.mean((low <= y_new) & (y_new <= high)):.1%} are inside")

# %%
# .. only:: not mapie
#
#    With MAPIE, it prints:
#
#    .. code-block:: text
#
#       conformal:  89.1% are inside
#
# MAPIE also logs that predictions are "ill-sorted": networks for one quantile each may
# cross. One network for several, with ``quantile=[0.05, 0.5, 0.95]``, has no such
# crossings, but MAPIE takes one each.
