"""
Regression: scaled targets, intervals, counts
=============================================

How do I predict values, how sure can I be of them, and what if they are counts?

*The picture needs* ``pip install matplotlib``.
"""

# %%
# Scale the targets, too
# ----------------------
#
# A network has to grow its output to the size of the targets. With targets in the
# hundreds that takes long.
# :class:`~sklearn.compose.TransformedTargetRegressor` standardises them for the fit and
# scales predictions back. The features get a
# :class:`~sklearn.preprocessing.StandardScaler` as ever.

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes
from sklearn.linear_model import PoissonRegressor
from sklearn.metrics import d2_tweedie_score
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmlp_scratch import ScratchMLPRegressor

X, y = load_diabetes(return_X_y=True)
print(f"targets: mean {y.mean():.0f}, standard deviation {y.std():.0f}")

net = ScratchMLPRegressor(
    learning_rate="one_cycle",
    learning_rate_init=0.01,
    max_iter=20,
    noise=0.3,
    random_state=0,
)
plain = make_pipeline(StandardScaler(), net)
scaled = TransformedTargetRegressor(plain, transformer=StandardScaler())
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    without = cross_val_score(plain, X, y, cv=5)
print(f"R2 with targets as they are {without.mean():.3f}")
print(f"R2 with scaled targets      {cross_val_score(scaled, X, y, cv=5).mean():.3f}")
print(f"\n{caught[0].category.__name__}: {caught[0].message}")

# %%
# The warning is what the network says if you forget it.
#
# In a search, the parameters of the network are now two names deep:
# ``regressor__scratchmlpregressor__alpha``. For targets with a long tail, such as
# incomes, take logarithms first: ``func=np.log1p, inverse_func=np.expm1`` instead of
# ``transformer``.
#
# Several targets
# ---------------
#
# Pass a matrix with a column for each. One network predicts them all, and its hidden
# layer serves each of them. Here an arm has two parts of length 1. Where is its hand,
# given the angles of shoulder and elbow?

rng = np.random.default_rng(0)
angles = rng.uniform(0, np.pi, size=(2000, 2))
upper, lower = angles[:, 0], angles.sum(axis=1)
hand = np.column_stack([np.cos(upper) + np.cos(lower), np.sin(upper) + np.sin(lower)])
print(f"R2 of the place of the hand {cross_val_score(scaled, angles, hand).mean():.3f}")

# %%
# An interval instead of a value
# ------------------------------
#
# With ``loss="quantile"`` one network predicts several quantiles. Those of 5% and 95%
# are an interval for nine rows in ten. It is wide where the data are noisy. Here are
# made-up rows whose noise grows with the distance from 0.

X = rng.uniform(-2, 2, size=(4000, 1))
y = np.sin(2 * X[:, 0]) + (0.2 + 0.3 * np.abs(X[:, 0])) * rng.normal(size=4000)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

intervals = ScratchMLPRegressor(
    loss="quantile",
    quantile=[0.05, 0.5, 0.95],
    learning_rate="one_cycle",
    learning_rate_init=0.02,
    max_iter=50,
    random_state=0,
)
intervals.fit(X_train, y_train)
low, median, high = intervals.predict(X_test).T
inside = np.mean((low <= y_test) & (y_test <= high))
print(f"{inside:.1%} of the test rows are inside")

grid = np.linspace(-2, 2, 200)[:, None]
low, median, high = intervals.predict(grid).T
fig, ax = plt.subplots(figsize=(6.4, 4), layout="constrained")
ax.plot(X_test, y_test, "k.", ms=3, alpha=0.4, label="test rows")
ax.plot(grid, median, "C0-", lw=2, label="median")
ax.fill_between(grid[:, 0], low, high, color="C0", alpha=0.3, label="5% to 95%")
ax.set(xlabel="x", ylabel="y")
ax.legend()
plt.show()

# %%
# Targets in the hundreds are scaled here, too, and all three columns are scaled back:

X, y = load_diabetes(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
net.set_params(loss="quantile", quantile=[0.05, 0.5, 0.95])
for low, median, high in scaled.fit(X_train, y_train).predict(X_test[:3]):
    print(f"{median:.0f}, between {low:.0f} and {high:.0f}")

# %%
# A network cannot promise that 90% of the rows to come are inside; with few rows it is
# too sure. :doc:`The page on training </training>` has figures. If you need a promise,
# calibrate the intervals on rows held back: :doc:`/auto_use/plot_calibrated`.
#
# Counts
# ------
#
# Counts cannot be negative, and larger ones vary more. ``loss="poisson"`` knows that:
# it predicts the mean, always above 0. Do not scale such targets. Here are counts that
# depend on two features in a way that a linear model cannot follow.

X = rng.uniform(-2, 2, size=(4000, 2))
y = rng.poisson(np.exp(np.sin(2 * X[:, 0]) + 0.5 * X[:, 0] * X[:, 1]))
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
print(f"counts: mean {y.mean():.1f}, largest {y.max()}, zero in {np.mean(y == 0):.0%}")

counts = ScratchMLPRegressor(
    loss="poisson",
    learning_rate="one_cycle",
    learning_rate_init=0.01,
    max_iter=50,
    random_state=0,
)
for model in (PoissonRegressor(), counts):
    predicted = model.fit(X_train, y_train).predict(X_test)
    explained = d2_tweedie_score(y_test, predicted, power=1)
    print(f"{type(model).__name__:20} explains {explained:.1%} of the deviance")
print(f"smallest prediction: {counts.predict(X_test).min():.3f}")

# %%
# For amounts above 0, such as costs, there is ``loss="gamma"``, and for targets of
# which some are wrong ``loss="absolute_error"``: :doc:`the page on training
# </training>` has the list. For a table with columns of all kinds take
# :class:`~skmlp_scratch.TabularMLPRegressor`, which scales its targets itself.
