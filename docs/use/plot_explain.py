"""
Explain predictions
===================

Which features does my network use, and how?

*The pictures need* ``pip install matplotlib``.

*The part on SHAP needs* ``pip install shap`` *and is skipped without it.*
"""

# %%
# A regression with ten features. The target depends on the first five only: on the
# first two by a sine of their product, on the third by a square, on the next two by a
# straight line. Let us see whether that comes out.

import importlib.util

import matplotlib.pyplot as plt
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import make_friedman1
from sklearn.inspection import PartialDependenceDisplay, permutation_importance
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmlp_scratch import ScratchMLPRegressor

X, y = make_friedman1(2000, noise=1.0, random_state=0)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
model = TransformedTargetRegressor(
    make_pipeline(
        StandardScaler(),
        ScratchMLPRegressor(
            learning_rate="one_cycle",
            learning_rate_init=0.01,
            max_iter=50,
            random_state=0,
        ),
    ),
    transformer=StandardScaler(),
)
model.fit(X_train, y_train)
print(f"R2 on the test rows {model.score(X_test, y_test):.3f}")

# %%
# Which features matter?
# ----------------------
#
# :func:`~sklearn.inspection.permutation_importance` shuffles one column at a time, and
# measures how much worse the score gets. Use rows that the network was not trained on:
# otherwise you see what it has learnt by heart, too.

importance = permutation_importance(model, X_test, y_test, n_repeats=10, random_state=0)
for feature in range(10):
    mean = importance.importances_mean[feature]
    spread = importance.importances_std[feature]
    print(f"feature {feature}: R2 falls by {mean:.3f} ± {spread:.3f}")

fig, ax = plt.subplots(figsize=(6.4, 4), layout="constrained")
ax.boxplot(importance.importances.T, orientation="horizontal")
ax.set_yticks(range(1, 11), [f"feature {feature}" for feature in range(10)])
ax.invert_yaxis()
ax.set(xlabel="R2 lost when the feature is shuffled")
plt.show()

# %%
# If two columns say nearly the same, shuffling one of them harms little, as the other
# is still there: both then look unimportant. Look at their correlation first.
#
# In which direction?
# -------------------
#
# *Partial dependence* sets one feature to each of several values, for all rows, and
# averages the predictions. The square of the third feature and the lines of the fourth
# and fifth are plain to see.

fig, axes = plt.subplots(2, 3, figsize=(6.4, 4.8), layout="constrained")
PartialDependenceDisplay.from_estimator(
    model,
    X_test,
    features=[0, 1, 2, 3, 4, 5],
    feature_names=[f"feature {feature}" for feature in range(10)],
    grid_resolution=25,
    ax=axes,
)
plt.show()

# %%
# Why this prediction?
# --------------------
#
# `SHAP <https://shap.readthedocs.io>`_ splits the difference between one prediction and
# the mean prediction into a part for each feature. It needs nothing but ``predict`` and
# some rows to compare with. The parts add up.

if importlib.util.find_spec("shap"):
    import shap

    background = shap.maskers.Independent(X_train, max_samples=50)
    explainer = shap.Explainer(model.predict, background, seed=0)
    values = explainer(X_test[:3], silent=True)
    print("parts of the first prediction:", values.values[0].round(2))
    total = values.base_values[0] + values.values[0].sum()
    print(f"mean {values.base_values[0]:.2f}, with all parts {total:.2f}", end=", ")
    print(f"predicted {model.predict(X_test[:1])[0]:.2f}")
    plt.figure()
    shap.plots.waterfall(values[0], show=False)
    plt.gcf().set_size_inches(6.4, 4)
    plt.suptitle("Parts of the first prediction, from the mean to it")
    plt.tight_layout()
    plt.show()
else:
    print("shap is not installed: this part was skipped.")

# %%
# .. only:: not shap
#
#    With SHAP, it prints the following, and draws the parts as steps from the mean to
#    the prediction.
#
#    .. code-block:: text
#
#       parts of the first prediction: [ 2.42  1.64 -0.58  1.57 -1.91  0.03 ...]
#       mean 14.44, with all parts 17.76, predicted 17.76
#
# For a classifier explain ``predict_proba``, or ``decision_function`` if you like parts
# that add up to logits.
