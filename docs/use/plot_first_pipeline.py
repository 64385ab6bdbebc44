"""
A first pipeline
================

How do I train a network on my data, and what do its warnings mean?

Install the package from a checkout, with Python 3.11 or newer::

    pip install .

It brings NumPy, SciPy and scikit-learn, and nothing else. The pictures on these pages
need one package more: ``pip install matplotlib``.
"""

# %%
# Scale, then train
# -----------------
#
# :class:`~skmlp_scratch.ScratchMLPClassifier` is an estimator like any other of
# scikit-learn. It learns best from features with a mean near 0 and a spread near 1, so
# a :class:`~sklearn.preprocessing.StandardScaler` goes first. In a pipeline the scaler
# learns its means from the training rows only, as it should.

import warnings

import matplotlib.pyplot as plt
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmlp_scratch import LossCurveDisplay, ScratchMLPClassifier
from skmlp_scratch.exceptions import FeatureScaleWarning

X, y = load_breast_cancer(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

model = make_pipeline(
    StandardScaler(),
    ScratchMLPClassifier(
        learning_rate="one_cycle",
        learning_rate_init=0.01,
        max_iter=30,
        random_state=0,
    ),
)
model.fit(X_train, y_train)
print(f"test accuracy: {model.score(X_test, y_test):.3f}")
print(f"predictions for five rows: {model.predict(X_test[:5])}")

# %%
# Three things were chosen here. ``learning_rate="one_cycle"`` lets the learning rate
# rise and fall again, once over all of training. ``max_iter=30`` is then the number of
# passes over the rows, called *epochs*, that you pay for. ``random_state=0`` makes the
# result the same every time: first weights, the order of the rows and all else that is
# random are drawn from it. On another processor the last digits may differ. Fit with
# several numbers to see how much of a score is chance.
#
# Without the first two, the network trains at a constant rate until its loss no longer
# falls, as ``MLPClassifier`` does. Which settings suit which data is the subject of
# :doc:`/auto_use/plot_choose_settings`.
#
# One test set is one sample. Cross-validation gives five scores:

scores = cross_val_score(model, X, y, cv=5)
print(f"five folds: {scores.round(3)}, mean {scores.mean():.3f}")

# %%
# Look at the training
# --------------------
#
# :class:`~skmlp_scratch.LossCurveDisplay` draws the loss of each epoch, and the
# learning rate because it varies. A loss that falls and then levels out is what you
# want to see.

LossCurveDisplay.from_estimator(model)
plt.show()

# %%
# In words, with what to try if something went wrong:

print(model[-1].training_summary())

# %%
# What the warnings mean
# ----------------------
#
# The network speaks up when it sees a reason for a bad result. Here are two fits that
# ask for it: rows that nobody scaled, and far too few epochs.


def warnings_of(estimator):
    """Fit, and return the warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        estimator.fit(X_train, y_train)
    return caught


for title, estimator in {
    "Not scaled": ScratchMLPClassifier(random_state=0),
    "Too few epochs": make_pipeline(
        StandardScaler(), ScratchMLPClassifier(max_iter=5, random_state=0)
    ),
}.items():
    for warning in warnings_of(estimator):
        print(f"{title}: {warning.category.__name__}\n    {warning.message}\n")

# %%
# A warning is no error: the model is fitted, and you can use it. But do what it says
# before you believe the score. These are the most common ones, all in
# :mod:`skmlp_scratch.exceptions`:
#
# ``FeatureScaleWarning``
#     Some features are much larger than others, or far from zero. Put a
#     ``StandardScaler`` first.
# ``ConvergenceWarning``
#     The loss was still falling at the last epoch. Raise ``max_iter`` or the learning
#     rate, or take ``learning_rate="one_cycle"``, which ends when it says.
# ``ConstantPredictionWarning``
#     The network does no better than a constant prediction. Look at the learning
#     rate and at the data.
# ``TargetScaleWarning``
#     The targets of a regressor are far from 0, or large:
#     :doc:`/auto_use/plot_regression` scales them.
# ``DivergenceWarning``
#     The loss exploded, and the best weights so far were kept. Lower the learning
#     rate. If there was nothing to keep, you get a ``DivergenceError`` instead.
# ``IgnoredParameterWarning``
#     You set a parameter that has no effect together with another one.
#
# After too few epochs you need not begin again. With ``warm_start=True`` the next fit
# goes on from the weights of the last one. Here it ends by itself:

estimator.set_params(
    scratchmlpclassifier__warm_start=True, scratchmlpclassifier__max_iter=300
)
estimator.fit(X_train, y_train)
print(f"{estimator[-1].n_iter_} more epochs", end=", ")
print(f"test accuracy: {estimator.score(X_test, y_test):.3f}")

# %%
# Each warning has a class of its own, so that you can silence one and keep the others:

with warnings.catch_warnings():
    warnings.simplefilter("ignore", FeatureScaleWarning)
    unscaled = ScratchMLPClassifier(max_iter=300, random_state=0)
    unscaled.fit(X_train, y_train)
print(f"test accuracy without scaling: {unscaled.score(X_test, y_test):.3f}")
