"""
Mixed columns and missing values
================================

My table has numbers, categories, strings and gaps. How do I get it into a network?

*Needs* ``pip install pandas matplotlib``.
"""

# %%
# Made-up customers of a telephone company, half of them to train on. One in ten did not
# tell the fee or the contract.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skmlp_scratch import ScratchMLPClassifier, TabularMLPClassifier

rng = np.random.default_rng(0)
n = 3000
X = pd.DataFrame(
    {
        "months": rng.geometric(0.04, n),
        "fee": rng.choice([20.0, 35.0, 50.0, 80.0], n) + rng.normal(0, 3, n),
        "contract": rng.choice(
            ["monthly", "yearly", "two years"], n, p=[0.5, 0.3, 0.2]
        ),
        "city": rng.choice([f"city {i}" for i in range(25)], n),
        "paperless": rng.random(n) < 0.6,
    }
)
log_odds = (
    X["contract"].map({"monthly": 0.6, "yearly": -0.8, "two years": -1.8})
    - np.minimum(X["months"], 36) / 18
    + 0.02 * X["fee"]
    + 0.4 * (X["paperless"] & (X["fee"] > 60))
    + X["city"].map(dict(zip(X["city"].unique(), rng.normal(0, 0.5, 25), strict=True)))
)
probability = 1 / (1 + np.exp(-log_odds))
y = np.where(rng.random(n) < probability, "left", "stayed")
X.loc[rng.random(n) < 0.1, "fee"] = np.nan
X.loc[rng.random(n) < 0.1, "contract"] = None

X_train, X_test, y_train, y_test, _, p_test = train_test_split(
    X, y, probability, test_size=0.5, random_state=0
)
print(X_train.head())

# %%
# Fit the frame
# -------------
#
# :class:`~skmlp_scratch.TabularMLPClassifier` takes the frame as it is. Numbers are
# scaled, gaps are filled and marked, strings and categories become columns of zeros and
# ones, where a gap is a level of its own. A city that was not there in ``fit`` is no
# error: it counts as a rare one. There is nothing to tune.

clf = TabularMLPClassifier(random_state=0)
clf.fit(X_train, y_train)
print(f"accuracy {clf.score(X_test, y_test):.3f}")
print(clf.predict_proba(X_test.head(3)).round(3), clf.classes_)

# %%
# It is an ensemble of eight networks, each trained without an eighth of the rows. So
# each row was left out by one of them, which gives an honest score without any test
# rows:

p_left = clf.oob_decision_function_[:, 0]
print(f"out of bag: accuracy {clf.oob_score_:.3f}", end=", ")
print(f"log-loss {log_loss(y_train == 'left', p_left):.3f}")

# %%
# Beside boosted trees
# --------------------
#
# :class:`~sklearn.ensemble.HistGradientBoostingClassifier` takes such frames, too, if
# strings are made categories first. Both are at their defaults. The log-loss says how
# good the probabilities are; smaller is better. We know the true ones here, and what
# they would get.

as_categories = {
    name: pd.CategoricalDtype(X[name].dropna().unique())
    for name in ("contract", "city")
}
boosting = HistGradientBoostingClassifier(random_state=0)
boosting.fit(X_train.astype(as_categories), y_train)

left = y_test == "left"
probabilities = {
    "TabularMLPClassifier": clf.predict_proba(X_test)[:, 0],
    "boosting": boosting.predict_proba(X_test.astype(as_categories))[:, 0],
    "the true probabilities": p_test,
}
for name, p in probabilities.items():
    accuracy = np.mean((p > 0.5) == left)
    print(f"{name:23} accuracy {accuracy:.3f}, log-loss {log_loss(left, p):.3f}")

# %%
# On this table, that is. :doc:`The page on tables </tabular>` compares them on 54
# public ones, with forests, linear models and others, and says where trees are the
# better choice: they are quicker, for one.
#
# Since the true probabilities are known here, they can be drawn beside the predicted
# ones:

fig, axes = plt.subplots(
    1, 2, figsize=(6.4, 3.6), sharex=True, sharey=True, layout="constrained"
)
for ax, name in zip(axes, ["TabularMLPClassifier", "boosting"], strict=True):
    ax.plot(p_test, probabilities[name], "k.", ms=2, alpha=0.4)
    ax.plot([0, 1], [0, 1], "C1-")
    ax.set(title=name, xlabel="true probability", aspect="equal")
axes[0].set_ylabel("predicted")
plt.show()

# %%
# Which columns are categories?
# -----------------------------
#
# Columns of strings, and those of type ``category``. A number that is a code, such as a
# postal area, is taken for a number unless you say otherwise:
# ``categorical_features=["area"]``, or ``df["area"].astype("category")``. Dates and
# free text are refused by name: make numbers of them first.
#
# One network, your own preprocessing
# -----------------------------------
#
# :class:`~sklearn.compose.ColumnTransformer` does it, as in front of any model of
# scikit-learn. ``add_indicator=True`` marks the gaps, and
# ``handle_unknown="infrequent_if_exist"`` lets new cities pass.

columns = make_column_transformer(
    (
        make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()),
        make_column_selector(dtype_include=["number", "bool"]),
    ),
    (
        OneHotEncoder(min_frequency=5, handle_unknown="infrequent_if_exist"),
        ["contract", "city"],
    ),
)
one = make_pipeline(
    columns,
    ScratchMLPClassifier(
        learning_rate="one_cycle",
        learning_rate_init=0.01,
        max_iter=20,
        dropout=0.3,
        random_state=0,
    ),
)
one.fit(X_train, y_train)
p_one = one.predict_proba(X_test)[:, 0]
print(f"one network: accuracy {one.score(X_test, y_test):.3f}", end=", ")
print(f"log-loss {log_loss(left, p_one):.3f}")

# %%
# :class:`~skmlp_scratch.PiecewiseLinearEncoder` for the numbers is part of what makes
# the tabular estimators good.
