"""
8. From layers to the estimator
===============================

You have seen all the parts. Here they become a network of any depth, in under thirty
lines of NumPy, and then an estimator. With the same seed, it ends with the same weights
as scikit-learn's own. With settings that scikit-learn's does not have, it reads nearly
99% of the digits right.
"""

# %%
# A fully connected network
# -------------------------
# If every unit gets all outputs of the layer before, a network is **fully connected**.
# All it takes to describe one is a list of widths, such as [64, 30, 20, 10]. The names
# in the class below are scikit-learn's: ``coefs_`` for the list of weight matrices,
# ``intercepts_`` for the list of biases.

from itertools import pairwise

import numpy as np

from skmlp_scratch.nn.classification_losses import softmax


class FullyConnected:
    """ReLU in the hidden layers, softmax and cross-entropy at the end."""

    def __init__(self, layer_units, rng):
        self.n_layers_ = len(layer_units)
        self.coefs_ = [
            np.sqrt(2 / n_in) * rng.standard_normal((n_in, n_out))
            for n_in, n_out in pairwise(layer_units)
        ]
        self.intercepts_ = [np.zeros(n_out) for n_out in layer_units[1:]]

    def forward(self, X):
        self.activations = [X]
        for W, b in zip(self.coefs_[:-1], self.intercepts_[:-1], strict=True):
            self.activations.append(np.maximum(self.activations[-1] @ W + b, 0))
        return softmax(self.activations[-1] @ self.coefs_[-1] + self.intercepts_[-1])

    def backward(self, predictions, one_hot):
        delta = (predictions - one_hot) / len(one_hot)
        self.coef_grads_, self.intercept_grads_ = [], []
        for W, x in zip(self.coefs_[::-1], self.activations[::-1], strict=True):
            self.coef_grads_.insert(0, x.T @ delta)
            self.intercept_grads_.insert(0, delta.sum(axis=0))
            delta = (delta @ W.T) * (x > 0)


# %%
# Each line has its formula on a page before this one. Write :math:`\delta` for the
# gradient by the output of an affine layer, and ``dW`` for that by ``W``:
#
# ============================  ============================
# formula                       line
# ============================  ============================
# :math:`\sigma = \sqrt{2/n}`   ``np.sqrt(2 / n_in) * …``
# :math:`H = \max(XW + b, 0)`   ``np.maximum(… @ W + b, 0)``
# :math:`\delta = (p - t) / N`  ``delta = … / len(one_hot)``
# :math:`dW = X^\top \delta`    ``x.T @ delta``
# :math:`db = \sum_n \delta_n`  ``delta.sum(axis=0)``
# :math:`dX = \delta\, W^\top`  ``delta @ W.T``
# ReLU, backward                ``* (x > 0)``
# ============================  ============================
#
# (The first is from page 4, the others are from page 2.)
#
# Here ``x`` is the *output* of a ReLU, and the input of the next affine layer. It is 0
# exactly where ReLU's input was not positive, so it tells where nothing passes. (For
# the network's own input, the last ``delta`` is computed, too, and nobody needs it.)
#
# The library's network
# ---------------------
# :class:`~skmlp_scratch.nn.network.Network` does the same with layers in a list.
# Forward is one loop over them, and backward the same loop from the end:
#
# .. literalinclude:: ../../skmlp_scratch/nn/network.py
#    :pyobject: Network.backward
#
# Give both the same weights and the same batch. They have the same gradients.

from sklearn.datasets import load_digits

from skmlp_scratch.nn.network import Network

X, t = load_digits(return_X_y=True)
X = X / 16
units = [64, 30, 20, 10]
ours = FullyConnected(units, np.random.RandomState(0))
ours.backward(ours.forward(X[:100]), np.eye(10)[t[:100]])  # rows of eye are one-hot

network = Network(units, activation="relu")
network.parameters.load(ours.coefs_, ours.intercepts_)
network.loss_and_gradient(X[:100], t[:100])
for mine, theirs in zip(ours.coef_grads_, network.gradient.W, strict=True):
    assert np.allclose(mine, theirs, rtol=0, atol=1e-12)
for mine, theirs in zip(ours.intercept_grads_, network.gradient.b, strict=True):
    assert np.allclose(mine, theirs, rtol=0, atol=1e-12)
print([grad.shape for grad in network.gradient.W])

# %%
# The estimator
# -------------
# :class:`~skmlp_scratch.ScratchMLPClassifier` puts the training loop around it, and all
# that a user expects: classes may have names, what it gets is checked, and it stops in
# time. Scikit-learn has a network with the same settings, ``MLPClassifier``. Its first
# weights follow Glorot's formula. Ask for that, in 64 bits, and give both the same
# seed. (``n_iter_`` will count the epochs, ``t_`` the training rows seen.)

import warnings

from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from skmlp_scratch import ScratchMLPClassifier

settings = {"hidden_layer_sizes": (30, 20), "max_iter": 20, "random_state": 0}
with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
    theirs = MLPClassifier(**settings).fit(X, t)
    mine = ScratchMLPClassifier(
        **settings, weight_init="glorot_uniform", dtype="float64"
    ).fit(X, t)

print("n_layers_", mine.n_layers_, theirs.n_layers_)
print("n_iter_  ", mine.n_iter_, theirs.n_iter_)  # epochs
print("t_       ", mine.t_, theirs.t_)  # training rows seen
for name in ("coefs_", "intercepts_"):
    for a, b in zip(getattr(mine, name), getattr(theirs, name), strict=True):
        print(f"{name:11} {a.shape!s:8} differ by {np.abs(a - b).max():.0e} at most")
        assert np.allclose(a, b, rtol=0, atol=1e-9)
assert (mine.n_iter_, mine.t_) == (theirs.n_iter_, theirs.t_)
assert np.array_equal(mine.predict(X), theirs.predict(X))

# %%
# After 20 epochs and hundreds of steps, they differ by no more than rounding does. Two
# programs that were written apart, with one mistake in either, could not agree like
# this.
#
# The weights are yours
# ---------------------
# An estimator is its ``coefs_`` and ``intercepts_``. Put them into the class above, and
# it predicts the same:

ours.coefs_, ours.intercepts_ = mine.coefs_, mine.intercepts_
assert np.allclose(ours.forward(X), mine.predict_proba(X))
print(ours.forward(X[:1]).round(3))

# %%
# Layers for training only
# ------------------------
# Two more kinds of layers stand in many networks. Both help in training, and are gone
# when the network predicts.
#
# **Dropout** makes zeros of random entries of an activation's output, so that no unit
# can rely on another one. The entries that stay are multiplied, by 2 if half of them
# go, so that a sum of them stays what it was on average. It stands in
# ``nn/regularization.py``.

from skmlp_scratch.nn.regularization import Dropout

print(Dropout(0.5, np.random.default_rng(0)).forward(np.ones((2, 8))))

# %%
# **Batch normalisation** stands between an affine layer and its activation. It gives
# the sums of each unit the mean 0 and the standard deviation 1, over the rows of the
# batch. Then it multiplies them by :math:`\gamma` and adds :math:`\beta`, which are two
# more parameters of the unit. With :math:`m` for the mean of the column and :math:`s`
# for its standard deviation:
#
# .. math::
#
#    \hat x_n = \frac{x_n - m}{s}, \qquad y_n = \gamma\, \hat x_n + \beta
#
# So the activations get numbers of the same size, whatever the layers before them do.
# Page 3 said that a row must not know of its neighbours. Here it does, but in training
# only: for predictions the library keeps averages of :math:`m` and :math:`s^2`.
#
# On the way back, each :math:`x_n` has three ways to the loss: its own :math:`y_n`, the
# mean, and the standard deviation. The three are added:
#
# .. math::
#
#    \frac{\partial L}{\partial x_n} = \frac{\gamma}{s} \Big( &\text{dout}_n
#    - \operatorname{mean}(\text{dout}) \\
#    &- \hat x_n \operatorname{mean}(\hat x \cdot \text{dout}) \Big)
#
# In ``nn/batch_norm.py``, rows may have weights, and a tiny number under the root of
# :math:`s^2` prevents a division by 0:
#
# .. literalinclude:: ../../skmlp_scratch/nn/batch_norm.py
#    :pyobject: BatchNorm.backward
#    :start-at: self.backward_parameters

from skmlp_scratch.nn import check_gradient
from skmlp_scratch.nn.batch_norm import BatchNorm

rng = np.random.RandomState(0)
x, dout = 3 + 2 * rng.standard_normal((20, 5)), rng.standard_normal((20, 5))
norm = BatchNorm(np.zeros((4, 5)), np.zeros((4, 5)))  # sets gamma to 1, beta to 0
y = norm.forward(x)
print("means", abs(y.mean(axis=0)).round(3))
print("standard deviations", y.std(axis=0).round(3))
check_gradient(lambda x: (np.sum(norm.forward(x) * dout), norm.backward(dout)), x)
through_mean = dout.mean(axis=0)
through_std = y * (y * dout).mean(axis=0)
by_formula = (dout - through_mean - through_std) / x.std(axis=0)
assert np.allclose(norm.backward(dout), by_formula, atol=1e-4)

# %%
# The estimator puts them in if you write ``dropout=0.2`` or ``batch_norm=True``.
#
# Nearly 99%
# ----------
# Two other settings take a network with a single hidden layer far. ``noise=0.1`` adds
# random numbers to the pixels, new ones in each epoch: what never looks the same twice
# cannot be learnt by heart. ``learning_rate="one_cycle"`` lets the learning rate rise
# and then fall, so that steps are long in the middle of the way and short at its end.

from sklearn.model_selection import train_test_split

X_train, X_test, t_train, t_test = train_test_split(X, t, random_state=0)
net = ScratchMLPClassifier(
    learning_rate="one_cycle",
    learning_rate_init=0.02,
    batch_size=50,
    noise=0.1,
    max_iter=30,
    random_state=0,
)
net.fit(X_train, t_train)
print(f"accuracy on the test data: {net.score(X_test, t_test):.3f}")
assert net.score(X_test, t_test) > 0.98

# %%
# Which settings suit which data is told, with measurements, in
# :doc:`/auto_use/plot_choose_settings`.
#
# In a picture
# ------------
# The two estimators that agree to the last digits, scikit-learn's and ours. Left: both
# losses by epoch, one curve on top of the other. Right: each weight and each bias is a
# point, scikit-learn's across and ours up.

import matplotlib.pyplot as plt

figure, (left, right) = plt.subplots(1, 2, figsize=(6.4, 4), layout="constrained")
left.plot(theirs.loss_curve_, color="0.7", linewidth=6, label="MLPClassifier")
left.plot(mine.loss_curve_, color="C0", label="ScratchMLPClassifier")
left.set(xlabel="epoch", ylabel="loss", title="Loss")
left.legend(fontsize=9)
for name in ("coefs_", "intercepts_"):
    for a, b in zip(getattr(mine, name), getattr(theirs, name), strict=True):
        right.plot(b.ravel(), a.ravel(), ".", color="C0", markersize=3)
right.set(xlabel="MLPClassifier", ylabel="ScratchMLPClassifier", title="Parameters")
right.set_aspect("equal")
plt.show()

# %%
# Exercises
# ---------
# **1.** Train ``FullyConnected`` yourself: 200 steps with all rows of the digits at
# once, learning rate 0.5. Which accuracy does it reach on these rows?
#
# .. dropdown:: Solution
#
#    >>> net, one_hot = FullyConnected(units, np.random.RandomState(0)), np.eye(10)[t]
#    >>> for _ in range(200):
#    ...     net.backward(net.forward(X), one_hot)
#    ...     for p, g in zip(net.coefs_, net.coef_grads_):
#    ...         p -= 0.5 * g
#    ...     for p, g in zip(net.intercepts_, net.intercept_grads_):
#    ...         p -= 0.5 * g
#    >>> accuracy = np.mean(net.forward(X).argmax(axis=1) == t)
#    >>> bool(accuracy > 0.95)
#    True
#
# **2.** Four mistakes that have been made in such classes: the list of *all* biases is
# added in each layer; ``forward`` has its ``return`` inside the loop; ``delta`` is
# divided by ``one_hot.shape[0][0]``; or by ``one_hot.shape[1]``. Which of them would
# you notice?
#
# .. dropdown:: Solution
#
#    The list has arrays of different lengths, 30, 20 and 10. NumPy cannot add them, and
#    says so: a lucky mistake.
#
#    >>> X[:100] @ ours.coefs_[0] + ours.intercepts_  # doctest: +ELLIPSIS
#    Traceback (most recent call last):
#    ...
#    ValueError: setting an array element with a sequence. ...
#
#    With the ``return`` inside the loop, the first hidden layer is the answer. It has
#    30 columns, and the targets have 10. You notice it, unless both have the same
#    number.
#
#    >>> ours.forward(X[:100]).shape, ours.activations[1].shape
#    ((100, 10), (100, 30))
#    >>> ours.activations[1] - np.eye(10)[t[:100]]  # doctest: +ELLIPSIS
#    Traceback (most recent call last):
#    ...
#    ValueError: operands could not be broadcast together with shapes ...
#
#    ``one_hot.shape[0]`` is a number, which has no entry 0: an error, at once.
#
#    The last one makes no noise. ``one_hot.shape[1]`` is the number of classes, so that
#    all gradients are 10 times too large for a batch of 100. It works like another
#    learning rate, and changes with the size of the batch. A comparison with numerical
#    gradients finds it.
#
# Next: :doc:`plot_09_find_the_bug`.
