"""
Choose settings
===============

Which class, and which of its many parameters, do I need?

It depends on what you have. Each of the four answers says what was measured, and links
to the page that has the table and the command that made it. All recipes run at the end
of this page.

*The picture needs* ``pip install matplotlib``.
"""

# %%
# .. list-table::
#    :header-rows: 1
#    :widths: 40 60
#
#    * - What do you have?
#      - What to take
#    * - A program that uses ``MLPClassifier`` or ``MLPRegressor``
#      - `Ours in its place <#drop-in>`_
#    * - A table with columns of all kinds
#      - `TabularMLPClassifier <#tables>`_
#    * - Images, spectra, embeddings: many numbers of one kind
#      - `One cycle, perhaps with noise <#images>`_
#    * - Rows that keep coming, or do not fit into memory
#      - `partial_fit <#streams>`_
#
# Drop-in
# -------
#
# Change the import and nothing else. At the defaults, on 21 small data sets, ours is
# better on 4, worse on 3 and even on the other 14: :doc:`the page on defaults
# </defaults>` names them and says why. :doc:`The page on performance </performance>`
# has what it gains in time.
#
# If you want scikit-learn's *numbers*, not only scores as good, set
# ``weight_init="glorot_uniform"`` and ``dtype="float64"``. With three or more classes
# you get the same losses and weights, up to rounding. What differs on purpose is listed
# in :doc:`the page for those who come from MLPClassifier </differences>`.
#
# Tables
# ------
#
# Take :class:`~skmlp_scratch.TabularMLPClassifier` or
# :class:`~skmlp_scratch.TabularMLPRegressor` and set nothing. They scale, encode and
# fill gaps themselves. In :doc:`the page on tables </tabular>` they are compared with
# boosted trees, forests, RealMLP and three others, all at their defaults, on 54 public
# tables: ours has the best mean rank in accuracy, log-loss and RMSE.
#
# The same page says where to take something else: a linear model where the relation is
# linear, boosted trees for steps in few columns, or where the time of a fit counts.
#
# For more on columns of strings and gaps, see :doc:`/auto_use/plot_mixed_columns`.
#
# Images
# ------
#
# Bring the pixels to the range from 0 to 1, as float32: the network then computes in
# it. Take ``learning_rate="one_cycle"`` with a large ``learning_rate_init``, and few
# epochs. On MNIST the recipe ``quick`` below needs a twentieth of the time of
# ``MLPClassifier()``, and is as accurate; ``better`` has more units and ``noise``.
# :doc:`The page on training </training>` has these figures, two slower recipes that are
# more accurate, and what each ingredient does.
#
# Spectra and embeddings get a :class:`~sklearn.preprocessing.StandardScaler` instead,
# and a rate around 0.01. The unit of ``noise`` is that of the features.
#
# No layer here knows that pixels have neighbours. For photographs take a convolutional
# network, or train ours on the features of one.
#
# Streams
# -------
#
# ``partial_fit`` learns from one chunk after another at a constant learning rate. Plans
# such as ``"one_cycle"`` and early stopping need to know where the end is, and so have
# no ``partial_fit``. :doc:`/auto_use/plot_streaming` shows how, :doc:`the page on
# streaming </streaming>` says what holds.
#
# A file that is larger than memory needs no chunks if it is NumPy's own: ``fit`` takes
# an ``np.memmap``, with ``"one_cycle"``, too. For one of 4 GB, the memory of the
# process grows by some 26 MB: :doc:`the page on performance </performance>` has the
# command.

import time

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

from skmlp_scratch import ScratchMLPClassifier, TabularMLPClassifier

DROP_IN = {"max_iter": 500}
SAME_NUMBERS = {**DROP_IN, "weight_init": "glorot_uniform", "dtype": "float64"}
QUICK = {
    "learning_rate": "one_cycle",
    "learning_rate_init": 0.015,
    "max_iter": 20,
}
BETTER = {
    "hidden_layer_sizes": (256, 128),
    "noise": 0.2,
    "learning_rate": "one_cycle",
    "learning_rate_init": 0.005,
    "batch_size": 100,
    "max_iter": 30,
}

# %%
# On the small digits that come with scikit-learn, with more epochs than on MNIST, since
# there are fewer rows. One test set of 450 rows is far too small to tell the
# best of these apart: what you see here is that they run, and how long they take.

X, y = load_digits(return_X_y=True)
X = (X / 16).astype(np.float32)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

models = {
    "MLPClassifier": MLPClassifier(**DROP_IN, random_state=0),
    "drop-in": ScratchMLPClassifier(**DROP_IN, random_state=0),
    "same numbers": ScratchMLPClassifier(**SAME_NUMBERS, random_state=0),
    "quick": ScratchMLPClassifier(**QUICK, random_state=0),
    "better": ScratchMLPClassifier(**BETTER, random_state=0),
    "tabular": TabularMLPClassifier(random_state=0),
}
seconds, accuracies = {}, {}
for name, model in models.items():
    start = time.perf_counter()
    model.fit(X_train, y_train)
    seconds[name] = time.perf_counter() - start
    accuracies[name] = model.score(X_test, y_test)
    print(f"{name:14} {seconds[name]:5.2f} s, accuracy {accuracies[name]:.3f}")

fig, ax = plt.subplots(figsize=(6.4, 4), layout="constrained")
names = list(models)[::-1]
bars = ax.barh(names, [seconds[name] for name in names], color="0.6")
ax.bar_label(bars, [f"accuracy {accuracies[name]:.3f}" for name in names], padding=3)
ax.set(xlabel="seconds of a fit")
ax.margins(x=0.35)
plt.show()

# %%
# Which parameter to turn first
# -----------------------------
#
# 1. **The learning rate.** It depends most on data and network.
#    :func:`~skmlp_scratch.find_learning_rate` finds one in 200 steps. For features at
#    standard scale, 0.01 with ``"one_cycle"`` is a good guess: :doc:`the page on
#    training </training>` compares the two on 29 data sets.
# 2. **The number of epochs**, ``max_iter``. Twice as many cost twice the time. Look at
#    the loss curve before you pay.
# 3. **The units**, ``hidden_layer_sizes``. Widen while the score on rows that were not
#    trained on gets better.
# 4. **Against learning by heart**, if the training score is much better than the other:
#    ``noise`` for features of one scale, ``dropout``, or ``solver="adamw"`` with
#    ``alpha=0.01``.
#
# :doc:`/auto_use/plot_tune` does this by a search.
#
# Before all of that, fit a :class:`~sklearn.linear_model.LogisticRegression`. If a
# network is not better, the linear model is: it is quicker, and easier to explain.
