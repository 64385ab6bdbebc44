"""
5. The training loop
====================

Everything is ready: layers, their gradients, first weights. Now a network learns to
read handwritten digits, and you watch how well it does after every round.
"""

# %%
# The images
# ----------
# MNIST is a collection of 70,000 handwritten digits, each an image of 28 × 28 = 784
# pixels. If it is on your disk, this page uses it. You can get it once with
# :func:`sklearn.datasets.fetch_openml`. If it is not, the page takes the 1,797 small
# digits of 8 × 8 pixels that come with scikit-learn. Each image becomes a row of
# numbers between 0 and 1.
#
# Some images are set aside. The network learns from the **training data**. It never
# learns from the **test data**, which shows what it makes of images that it has not
# seen.

import time
from pathlib import Path

import numpy as np
from sklearn.datasets import fetch_openml, get_data_home, load_digits

cache = Path(get_data_home()) / "openml"
if any("52667" in file.as_posix() for file in cache.rglob("*.gz")):  # MNIST's number
    name = "MNIST"
    X, y = fetch_openml("mnist_784", version=1, as_frame=False, return_X_y=True)
    X, t, n_train = np.divide(X, 255, dtype=np.float32), y.astype(int), 60_000
else:
    name = "scikit-learn's small digits"
    X, t = load_digits(return_X_y=True)
    order = np.random.RandomState(0).permutation(len(X))
    X, t, n_train = np.divide(X[order], 16, dtype=np.float32), t[order], 1400
X_train, X_test, t_train, t_test = X[:n_train], X[n_train:], t[:n_train], t[n_train:]
print(f"This page was built with {name}:")
print(f"{len(X_train)} training images, {len(X_test)} test images, {X.shape[1]} pixels")

# %%
# The network
# -----------
# One hidden layer of 50 units with the sigmoid, which the library calls ``"logistic"``.
# Ten outputs, softmax, cross-entropy. First weights with the standard deviation 0.01.
# Numbers of 32 bits instead of NumPy's usual 64: they are quicker, and exact enough for
# training. With 784 pixels it has :math:`784
# \cdot 50 + 50 + 50 \cdot 10 + 10 = 39{,}760` parameters. The library keeps them one
# after the other in a single long array, ``network.parameters.vector``. The matrices
# ``W`` and biases ``b`` are views into it: change one, and you have changed the other.

from skmlp_scratch.nn.initializers import initialize
from skmlp_scratch.nn.network import Network

network = Network((X.shape[1], 50, 10), activation="logistic", dtype=np.float32)
rng = np.random.RandomState(0)
initialize(network.parameters, 0.01, rng)
print(len(network.parameters.vector), "parameters")
n_parameters = len(Network((784, 50, 10)).parameters.vector)
assert n_parameters == 39_760

# %%
# One step
# --------
# The gradient says how the loss changes if the parameters grow. So let each parameter
# go a little in the *other* direction:
#
# .. math::
#
#    \theta \leftarrow \theta - \eta \, \frac{\partial L}{\partial \theta}
#
# Here :math:`\theta` stands for all parameters, and :math:`\eta` is the **learning
# rate**: how far to go. This is **gradient descent**. It is called **stochastic**
# gradient descent, SGD for short, if each step looks at only a few rows, drawn at
# random. Such a step is much cheaper than one with all rows, and nearly as good.
#
# The few rows are a batch, here of 100. Shuffle the training rows, deal them out in
# batches, and when all have had their turn, shuffle again. One such round, in which
# each row comes exactly once, is an **epoch**. With 60,000 rows it has 600 steps.
#
# .. literalinclude:: ../../skmlp_scratch/nn/batches.py
#    :pyobject: Batches.__iter__
#
# The loop
# --------
# And this is the training loop. It takes ten thousand steps, and then goes on to the
# end of the epoch. After each epoch, count how many images the network reads right.
# Their share is the **accuracy**.

from skmlp_scratch.nn.batches import Batches


def accuracy(network, X, t):
    """Return the share of rows whose highest logit is at the right place."""
    return np.mean(network.predict(X).argmax(axis=1) == t)


def train(network, n_steps, rng, learning_rate=0.1):
    """Take steps of SGD; return the accuracies after each epoch, and the seconds."""
    batches = Batches(X_train, t_train, batch_size=100, dtype=np.float32, rng=rng)
    accuracies, seconds, step = [], 0.0, 0
    while step < n_steps:
        start = time.perf_counter()
        for batch in batches:
            _, gradient = network.loss_and_gradient(batch.X, batch.targets)
            network.parameters.vector -= learning_rate * gradient
            step += 1
        seconds += time.perf_counter() - start
        accuracies.append(
            (accuracy(network, X_train, t_train), accuracy(network, X_test, t_test))
        )
    return np.array(accuracies), seconds


accuracies, seconds = train(network, 10_000, rng)
n_epochs = len(accuracies)
for epoch in np.linspace(1, n_epochs, 17).astype(int):  # with MNIST, all of them
    on_training, on_test = accuracies[epoch - 1]
    print(f"epoch {epoch:3}: training {on_training:.4f}, test {on_test:.4f}")
assert accuracies[-1].min() > 0.93

# %%
# The library's own loop does the same, with a few things around it: a watch on the
# loss, other kinds of steps, a learning rate that changes.
#
# .. literalinclude:: ../../skmlp_scratch/nn/training.py
#    :pyobject: train_epoch
#    :start-at: for batch in batches
#    :end-at: total +=
#
# The two curves
# --------------
# The curves nearly coincide. So what the network has learnt is true of images that it
# has not seen. If it had just learnt the training images by heart, the test curve would
# stay behind. That is called **overfitting**.

import matplotlib.pyplot as plt

figure, ax = plt.subplots(figsize=(6.4, 4), layout="constrained")
epochs = np.arange(1, n_epochs + 1)
ax.plot(epochs, accuracies[:, 0], color="C0", label="training")
ax.plot(epochs, accuracies[:, 1], "--", color="C1", label="test")
ax.set(xlabel="epoch", ylabel="accuracy", ylim=(0, 1), title=f"Trained on {name}")
ax.legend(loc="lower right")
plt.show()

# %%
# How long does it take?
# ----------------------
# This network comes from a blog post of 2020, written in Japanese by a reader of the
# book. It tells of about 15 seconds for this training, with MNIST, on a computer with a
# Core i7 of the seventh generation. Here:

print(f"{n_epochs} epochs, {seconds:.1f} seconds for the steps, on {name}")

# %%
# (With the small digits, the steps are smaller, too: 64 inputs instead of 784.
# :doc:`/performance` has the seconds with MNIST.)
#
# That post drew each batch anew from all rows, without looking which ones had been
# drawn before. Then some rows come twice in a round and others not at all, and what it
# calls an epoch is none. The first exercise asks how many rows miss out.
#
# With the estimator
# ------------------
# In scikit-learn, an **estimator** is an object with methods ``fit``, to learn from
# data, and ``predict``, to answer. :class:`skmlp_scratch.ScratchMLPClassifier` is one.
# Here is all of this page in its terms. It gets a single epoch (and would warn that one
# is not enough), and is then where the network above was after its first. With
# ``max_iter=17`` it takes 17 times 600 steps on MNIST, since it takes whole epochs. A
# test asks that it then reads at least 94% of the test images right.

import warnings

from sklearn.exceptions import ConvergenceWarning

from skmlp_scratch import ScratchMLPClassifier

estimator = ScratchMLPClassifier(
    hidden_layer_sizes=(50,),
    activation="logistic",
    solver="sgd",
    momentum=0,  # plain steps, see page 7
    learning_rate_init=0.1,
    batch_size=100,
    alpha=0,  # large weights have no disadvantage, see page 7
    weight_init=0.01,
    max_iter=1,  # epochs
    random_state=0,
)
with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
    estimator.fit(X_train, t_train)
print("after one epoch:", estimator.score(X_test, t_test), accuracies[0, 1])
assert np.isclose(estimator.score(X_test, t_test), accuracies[0, 1], atol=0.001)

# %%
# Exercises
# ---------
# **1.** Draw 60,000 times from 60,000 rows, and put each back. Which share of the rows
# is never drawn? Compute it, then try it.
#
# .. dropdown:: Solution
#
#    One draw misses a given row with the probability :math:`1 - 1/n`, all :math:`n`
#    draws miss it with :math:`(1 - 1/n)^n`, which goes to :math:`1/e`. More than a
#    third of the rows is missing.
#
#    >>> round((1 - 1 / 60_000) ** 60_000, 3), round(float(np.exp(-1)), 3)
#    (0.368, 0.368)
#    >>> drawn = np.random.RandomState(0).randint(60_000, size=60_000)
#    >>> round(1 - len(np.unique(drawn)) / 60_000, 2)
#    0.37
#
# **2.** Put ReLU with He's first weights in the place of the sigmoid with 0.01. How far
# does the network get in 600 steps, beside the one above?
#
# .. dropdown:: Solution
#
#    >>> networks = {}
#    >>> for activation, scheme in ("logistic", 0.01), ("relu", "he_normal"):
#    ...     net = Network((X.shape[1], 50, 10), activation, dtype=np.float32)
#    ...     rng = np.random.RandomState(0)
#    ...     initialize(net.parameters, scheme, rng)
#    ...     networks[activation] = train(net, 600, rng)[0][-1, 1]
#    >>> bool(networks["relu"] > networks["logistic"])
#    True
#
#    It gets further. The slope of the sigmoid is ¼ at best, that of ReLU is 1.
#
# Next: :doc:`plot_06_numerical_gradients`.
