"""
MNIST, cross-validated
======================

How do I get honest scores on images of handwritten digits?

*The pictures need* ``pip install matplotlib``. *MNIST needs* ``pip install pandas``,
*too: scikit-learn reads it with that.*
"""

# %%
# MNIST has 70,000 images of 28 x 28 pixels. ``fetch_openml`` downloads it once, 15 MB.
# So that this page needs no network, it takes MNIST only if it is on the disk already,
# in the folder that the variable ``SCIKIT_LEARN_DATA`` names or in scikit-learn's own.
# Otherwise it takes the 1,797 small digits that come with scikit-learn. To get MNIST,
# run ``fetch_openml("mnist_784", version=1, as_frame=False)`` once.

import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import fetch_openml, get_data_home, load_digits
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.model_selection import StratifiedKFold, cross_val_predict, cross_val_score

from skmlp_scratch import ScratchMLPClassifier, WeightsDisplay

stored = Path(get_data_home(), "openml").rglob("*.gz")
if any("/52667" in file.as_posix() for file in stored):  # the number of MNIST's file
    X, y = fetch_openml("mnist_784", version=1, as_frame=False, return_X_y=True)
    name, X, y, max_iter = "MNIST", X[:10_000] / 255, y[:10_000], 6
else:
    X, y = load_digits(return_X_y=True)
    name, X, max_iter = "scikit-learn's digits", X / 16, 20
X = X.astype(np.float32)
print(f"{name}: {len(X)} images of {X.shape[1]} pixels, {X.dtype}")

# %%
# Of MNIST the first 10,000 images will do here. Delete ``[:10_000]`` for all of them.
#
# Pixels from 0 to 1 need no other scaling. In float32, which is enough for them, the
# network computes in float32 and takes less time.
#
# Cross-validation
# ----------------
#
# :func:`~sklearn.model_selection.cross_val_score` fits one network per fold, and scores
# each on rows that it has not seen.

net = ScratchMLPClassifier(
    hidden_layer_sizes=(100,),
    learning_rate="one_cycle",
    learning_rate_init=0.015,
    max_iter=max_iter,
    random_state=0,
)
folds = StratifiedKFold(5, shuffle=True, random_state=0)
start = time.perf_counter()
scores = cross_val_score(net, X, y, cv=folds)
seconds = time.perf_counter() - start
print(f"accuracies {scores.round(4)} in {seconds:.1f} s")
print(f"mean {scores.mean():.4f}, standard deviation {scores.std():.4f}")

# %%
# ``n_jobs=-1`` runs the folds on all cores.
#
# What it takes for what
# ----------------------
#
# ``cross_val_predict`` gives the prediction for each row by the network that has not
# seen it. The confusion matrix counts them; what is not on the diagonal is wrong.

predicted = cross_val_predict(net, X, y, cv=folds)
fig, ax = plt.subplots(figsize=(6.4, 5.4), layout="constrained")
ConfusionMatrixDisplay.from_predictions(
    y, predicted, ax=ax, cmap="Greys", colorbar=False
)
plt.show()

# %%
# What it looks for
# -----------------
#
# The weights from the pixels to a hidden unit are an image. Where it is red, ink raises
# the unit's input; where it is blue, ink lowers it. ``alpha`` is a penalty on large
# weights: with more of it, the images are smoother.

net.set_params(alpha=1.0).fit(X, y)
WeightsDisplay.from_estimator(net, n_units=15)
plt.show()

# %%
# The score to report for the 60,000 training and the 10,000 test images of MNIST is in
# :doc:`the page on training </training>`, for four recipes. ``examples/mnist.py`` in
# the repository trains before your eyes, beside ``MLPClassifier``.
