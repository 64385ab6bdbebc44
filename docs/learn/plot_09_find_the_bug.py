"""
9. Find the bug
===============

A network with a wrong gradient raises no error. It even learns, only worse, and you
would never know. This page collects wrong backward passes that people really write, and
finds each one with :func:`~skmlp_scratch.nn.check_gradient`.
"""

# %%
# What a bug looks like from outside
# ----------------------------------
# It looks like nothing. Two mistakes on this page come from a tutorial that we like,
# and that is where many meet NumPy and MNIST for the first time: "Deep learning on
# MNIST", one of the `NumPy tutorials <https://numpy.org/numpy-tutorials/>`_, in the
# version that we read. Its network learns all the same. At the end of the page you see
# such a network train beside a right one.
#
# (Other mistakes are loud. Python stops at ``none`` where ``None`` was meant. But it
# does so only when it comes to that line. So have tests that run every line.)
#
# To check a layer by itself, a loss is needed. Any will do: multiply each output by a
# fixed random number, and add up. The derivatives of this loss by the outputs are just
# the random numbers.

import numpy as np

from skmlp_scratch.nn import check_gradient


def is_wrong(objective, x):
    """Return whether ``check_gradient`` finds a wrong gradient; print what it says."""
    try:
        check_gradient(objective, x)
    except AssertionError as error:
        print("found:", error)
        return True
    print("nothing found")
    return False


def layer_is_wrong(layer):
    """Return whether a layer's backward is not the derivative of its forward."""
    rng = np.random.RandomState(0)
    x, factors = rng.standard_normal((4, 6)), rng.standard_normal((4, 6))

    def objective(x):
        y = layer.forward(x)
        return np.sum(factors * y), layer.backward(factors.copy())

    return is_wrong(objective, x)


# %%
# 1. Never negative
# -----------------
# ReLU's derivative is 1 for positive inputs and 0 for others. This one takes it from
# the *output*, which is a good idea, and the comparison is ``>=``:


class ReLUThatNeverStops:
    def forward(self, x):
        self.y = np.maximum(x, 0)
        return self.y

    def backward(self, dout):
        return dout * (self.y >= 0)


assert layer_is_wrong(ReLUThatNeverStops())

# %%
# The output of ReLU is never negative. So the comparison is always true, and everything
# passes, as if there were no ReLU on the way back. (This is the first of the two from
# the tutorial.) With the input, ``x >= 0`` would have been fine. With the output it
# must be ``>``:
#
# .. literalinclude:: ../../skmlp_scratch/nn/activations.py
#    :pyobject: ReLU.backward
#
# 2. The scale that was left behind
# ---------------------------------
# Dropout, from the last page: half of the entries become 0, and the others are
# multiplied by 2.


class DropoutWithoutScale:
    def forward(self, x):
        self.mask = np.random.RandomState(7).randint(2, size=x.shape)
        return x * self.mask * 2

    def backward(self, dout):
        return dout * self.mask


assert layer_is_wrong(DropoutWithoutScale())

# %%
# The numerical derivative is just twice the other. Whatever forward multiplies by,
# backward must multiply by, too. (This is the second one from the tutorial.) In the
# library, forward *calls* backward, and they cannot differ:
#
# .. literalinclude:: ../../skmlp_scratch/nn/regularization.py
#    :pyobject: Dropout
#    :start-at: self._mask = (bits
#
# Note the fixed seed in the example. A check must evaluate the *same* function twice.
# With a new mask at each call, the check would find differences that are none.
#
# 3. A backward that writes into what it was given
# ------------------------------------------------
# This one stands in much code that follows the book of these pages. Its numbers are
# right:


class ReLUThatOverwrites:
    def forward(self, x):
        self.mask = x <= 0
        y = x.copy()
        y[self.mask] = 0
        return y

    def backward(self, dout):
        dout[self.mask] = 0
        return dout


assert not layer_is_wrong(ReLUThatOverwrites())

# %%
# Alone it passes. But ``dout`` belongs to the caller, who may need it again. Suppose
# that a value goes two ways: through ReLU and past it, with :math:`y = x + \max(x, 0)`.
# Then the same ``dout`` goes back both ways, and the two results are added.


class PastAndThrough:
    def __init__(self, relu):
        self.relu = relu

    def forward(self, x):
        return x + self.relu.forward(x)

    def backward(self, dout):
        through = self.relu.backward(dout)
        return dout + through


assert layer_is_wrong(PastAndThrough(ReLUThatOverwrites()))

# %%
# Now it is found: the way *past* has lost its derivative. So check layers together, as
# you use them. Or let NumPy watch: an array can be made read-only.

dout = np.ones((4, 6))
dout.flags.writeable = False
overwrites = ReLUThatOverwrites()
overwrites.forward(np.random.RandomState(0).standard_normal((4, 6)))
try:
    overwrites.backward(dout)
except ValueError as error:
    print("found:", error)
else:
    raise AssertionError("nothing was noticed")

# %%
# 4. Softmax over the whole batch
# -------------------------------
# You know it from :doc:`plot_03_batches`. Here it has its loss and the usual gradient:

targets = np.array([7, 4, 9])
rows, one_hot = np.arange(3), np.eye(10)[targets]
logits = np.random.RandomState(1).standard_normal((3, 10))


def over_the_whole_batch(z):
    p = np.exp(z - z.max())
    p /= p.sum()
    return -np.mean(np.log(p[rows, targets])), (p - one_hot) / 3


assert is_wrong(over_the_whole_batch, logits)

# %%
# It is found because :math:`(p - t)/N` is the derivative of *another* loss, the one
# with a softmax over each row. That is luck. Had somebody derived the gradient of the
# wrong loss without a mistake, it would pass:


def consistently_wrong(z):
    p = np.exp(z - z.max())
    p /= p.sum()
    return -np.mean(np.log(p[rows, targets])), p - one_hot / 3


assert not is_wrong(consistently_wrong, logits)

# %%
# ``check_gradient`` says whether the gradient belongs to the loss. It cannot say
# whether it is the loss that you meant. That takes a test of another kind, such as:
# every row of probabilities has the sum 1.
#
# 5. A little something against log(0)
# ------------------------------------
# ``log(0)`` is minus infinity, so one adds a tiny number. It does no harm as long as
# the network is not sure:


def with_a_little_something(z):
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    return -np.mean(np.log(p[rows, targets] + 1e-7)), (p - one_hot) / 3


undecided = np.zeros((3, 10))  # all probabilities are 0.1
assert not is_wrong(with_a_little_something, undecided)

# %%
# But where the network is sure, and wrong:

sure_and_wrong = -20 * one_hot
assert is_wrong(with_a_little_something, sure_and_wrong)
print("upper limit of the loss", -np.log(1e-7))

# %%
# Beside a probability of 0.1, the tiny number is one part in a million, just what the
# check lets pass. Beside a probability of nearly 0 it is nearly everything. The loss
# has got an upper limit, :math:`-\log 10^{-7}`, and is flat there, but the gradient
# knows nothing of that. So check extreme inputs, too.
#
# The library takes no logarithm of a probability. It uses the last form of the loss
# that you saw in :doc:`plot_02_layers`, :math:`\log \sum_j e^{z_j} - z_t`. This needs
# no tiny number, and has no limit:

from skmlp_scratch.nn.classification_losses import SoftmaxCrossEntropy

loss = SoftmaxCrossEntropy()
assert not is_wrong(lambda z: loss.loss_and_gradient(z, targets), sure_and_wrong)
print(loss.loss_and_gradient(-1000 * one_hot, targets)[0])

# %%
# 6. A mean where a sum belongs
# -----------------------------
# The loss of a batch is a mean, so somewhere one must divide by the number of rows.
# *Once*: here ``dout`` comes from a loss that has done it, and the biases are divided
# again.

from skmlp_scratch.nn.layers import Affine


class AffineWithMean(Affine):
    def backward_parameters(self, dout):
        self.dW = self.X.T @ dout
        self.db = dout.mean(axis=0)


X = np.random.RandomState(2).standard_normal((3, 4))


def affine_and_loss(vector, affine_class):
    """Return loss and gradient, by 40 weights and 10 biases in one array."""
    affine = affine_class(vector[:40].reshape(4, 10), vector[40:])
    value, dlogits = loss.loss_and_gradient(affine.forward(X), targets)
    affine.backward_parameters(dlogits)
    return value, np.concatenate([affine.dW.ravel(), affine.db])


parameters = np.random.RandomState(3).standard_normal(50)
assert is_wrong(lambda vector: affine_and_loss(vector, AffineWithMean), parameters)
assert not is_wrong(lambda vector: affine_and_loss(vector, Affine), parameters)

# %%
# The message is a hint. Index 40 is the first bias; all weights before it were right.
# And the numerical value is three times the other: three rows. The library's line has a
# sum:
#
# .. literalinclude:: ../../skmlp_scratch/nn/layers.py
#    :pyobject: Affine.backward_parameters
#
# In a picture
# ------------
# The digits, a network of 64-30-10 units, and plain steps: once all right, and once
# with each of two mistakes. Without the first curve, would you notice anything?

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits

from skmlp_scratch.nn.activations import ReLU

digits, labels = load_digits(return_X_y=True)
digits = digits / 16


def losses_with(relu=ReLU, affine=Affine, n_steps=300):
    """Train with these parts; return the loss at each step."""
    rng = np.random.RandomState(0)
    first = affine(np.sqrt(2 / 64) * rng.standard_normal((64, 30)), np.zeros(30))
    last = affine(np.sqrt(2 / 30) * rng.standard_normal((30, 10)), np.zeros(10))
    layers, losses = [first, relu(), last], []
    for _ in range(n_steps):
        x = digits
        for layer in layers:
            x = layer.forward(x)
        value, dout = loss.loss_and_gradient(x, labels)
        losses.append(value)
        for layer in reversed(layers):
            dout = layer.backward(dout)
        for layer in (first, last):
            layer.W -= 0.3 * layer.dW
            layer.b -= 0.3 * layer.db
    return losses


curves = {
    "all right": losses_with(),
    "1. derivative never 0": losses_with(relu=ReLUThatNeverStops),
    "6. mean for sum": losses_with(affine=AffineWithMean),
}
figure, ax = plt.subplots(figsize=(6.4, 4), layout="constrained")
for (label, losses), line in zip(curves.items(), ["-", "--", ":"], strict=True):
    ax.plot(losses, line, linewidth=2, label=label)
    print(f"{label:22} loss at the end {losses[-1]:.3f}")
ax.set(xlabel="step", ylabel="loss", yscale="log")
ax.legend()
plt.show()

# %%
# With the mean, the biases learn too slowly, and nobody can see it. With a ReLU whose
# derivative is never 0, the loss at the end is a third higher than it could be, and
# nobody looks for what could be.
#
# Exercises
# ---------
# **1.** Here are two more backward passes. What is wrong with each, and does the check
# find it?
#
# .. code-block:: python
#
#    def backward(self, dout):  # of a sigmoid
#        return dout * self.x * (1 - self.x)
#
#    def backward(self, dout):  # of an affine layer, with a square W
#        return dout @ self.W
#
# .. dropdown:: Solution
#
#    The first one is :math:`y(1 - y)` with the input in the place of the output. The
#    second one has forgotten to transpose. With a square matrix the shapes fit all the
#    same. Both are found.
#
#    >>> class FromTheInput:
#    ...     def forward(self, x):
#    ...         self.x = x
#    ...         return 1 / (1 + np.exp(-x))
#    ...
#    ...     def backward(self, dout):
#    ...         return dout * self.x * (1 - self.x)
#    >>> layer_is_wrong(FromTheInput())  # doctest: +ELLIPSIS
#    found: gradient is wrong at index (0, 0): ...
#    True
#    >>> class NotTransposed:
#    ...     W = np.random.RandomState(5).standard_normal((6, 6))
#    ...
#    ...     def forward(self, x):
#    ...         return x @ self.W
#    ...
#    ...     def backward(self, dout):
#    ...         return dout @ self.W
#    >>> layer_is_wrong(NotTransposed())  # doctest: +ELLIPSIS
#    found: gradient is wrong at index (0, 0): ...
#    True
#
# **2.** At ``x = 0`` ReLU has no derivative. What does ``check_gradient`` say there of
# the library's ReLU? Who is right?
#
# .. dropdown:: Solution
#
#    It finds a difference. On one side the slope is 0, on the other 1, and a central
#    difference makes ½ of it. The library's choice is 0. Neither is wrong: there is no
#    derivative to compare with. So check at random points, where nothing is exactly
#    0.
#
#    >>> relu = ReLU()
#    >>> def one_relu(x):
#    ...     return relu.forward(x).sum(), relu.backward(np.ones(1))
#    >>> is_wrong(one_relu, np.zeros(1))
#    found: gradient is wrong at index (0,): analytic 0, numerical 0.5
#    True
#
# This is the end of the path. You can read all of the engine now: begin with
# ``nn/layers.py``. And you can watch a network at work while you
# :doc:`draw a digit </draw_a_digit>`.
