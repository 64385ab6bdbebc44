"""
3. Batches and shapes
=====================

A batch is a stack of rows that go through the network together. This page follows one
of three rows through softmax and cross-entropy. It shows a mistake that is easy to
make, runs without an error, and spoils everything.
"""

# %%
# The shapes
# ----------
# Let ``N`` be the number of rows. ``in`` and ``out`` say how many numbers go into a
# layer and come out of it, for each row:
#
# ==========  ==============  ============  ==============
# forward     shape           backward      shape
# ==========  ==============  ============  ==============
# ``X``       (N, in)         ``dX``        (N, in)
# ``W``       (in, out)       ``dW``        (in, out)
# ``b``       (out,)          ``db``        (out,)
# ``Y``       (N, out)        ``dY``        (N, out)
# loss        a number        1             a number
# ==========  ==============  ============  ==============
#
# A gradient has the shape of what it belongs to. ``N`` is in the shapes of data, never
# in those of parameters: the same ``W`` serves a batch of any size.
#
# Why batches at all? One large matrix product is quicker than many small ones.

import timeit

import numpy as np

rng = np.random.default_rng(0)
X, W = rng.normal(size=(1000, 784)), rng.normal(size=(784, 50))
assert np.allclose(np.array([row @ W for row in X]), X @ W)
one_by_one = min(timeit.repeat(lambda: [row @ W for row in X], number=1, repeat=5))
together = min(timeit.repeat(lambda: X @ W, number=1, repeat=5))
print(f"together, the rows take {together / one_by_one:.0%} of the time")

# %%
# Three rows of logits
# --------------------
# Three rows, ten classes. The right classes are 7, 4 and 9.

logits = np.array([
    [1, 3, 5, 7, 9, 1.5, 3.5, 5.5, 7.5, 9.5],
    [1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
    [-10, -8, -6, -4, -2, 0, 2, 4, 6, 8],
])  # fmt: skip
targets = np.array([7, 4, 9])

# %%
# The softmax divides the exponentials of each row by *this row's* sum:
#
# .. math::
#
#    p_{nk} = \frac{e^{z_{nk}}}{\sum_j e^{z_{nj}}}
#
# In the library, with the sum in the last line but one:
#
# .. literalinclude:: ../../skmlp_scratch/nn/classification_losses.py
#    :pyobject: softmax
#
# ``axis=1`` sums along the row. ``keepdims=True`` leaves the sums standing as a column,
# of shape (3, 1), so that NumPy divides each row by its own sum. The helper
# ``_below_maximum`` takes the largest logit of the row off all its logits. As you saw
# in the last exercise, this changes no probability; but ``exp(1000)`` is too large for
# the computer, and ``exp(0)`` is not.

from skmlp_scratch.nn.classification_losses import SoftmaxCrossEntropy, softmax

p = softmax(logits)
print("row sums", p.sum(axis=1))
losses = -np.log(p[np.arange(3), targets])
print("losses", losses)
assert np.allclose(losses, [4.61944504, 2.30258509, 0.14541346], atol=5e-9, rtol=0)

# %%
# The first row's loss is high, because its class 7 has a logit of 5.5 while others have
# up to 9.5. The second row knows nothing: all ten probabilities are 0.1, and the loss
# is
# :math:`\log 10 = 2.3026`. Remember that number. Training on ten classes starts near it
# if the first logits are small. The third row is nearly right.
#
# The loss of the batch is the mean, and its gradient :math:`(p - t) / N`:

loss, dlogits = SoftmaxCrossEntropy().loss_and_gradient(logits, targets)
at_targets = dlogits[np.arange(3), targets]
print("mean loss", loss)
print("gradient at the targets", at_targets.round(4))
assert np.isclose(loss, 2.35581453, atol=5e-9, rtol=0)
assert np.allclose(at_targets, [-0.3300, -0.3000, -0.0451], atol=5e-5, rtol=0)

# %%
# The second row's, by hand: :math:`(0.1 - 1) / 3 = -0.3`.
#
# The library computes loss and gradient together, in one array, which makes the code
# longer than the formulas. It also knows rows that count more than others
# (``weights``), and targets that are not quite one-hot (``smoothing``):
#
# .. literalinclude:: ../../skmlp_scratch/nn/classification_losses.py
#    :pyobject: SoftmaxCrossEntropy.loss_and_gradient
#    :start-at: # With flat positions
#    :end-at: return value, out
#
# Read it with ``smoothing`` 0 and ``lead`` None. ``shifted`` are the logits, less that
# of the target: then the logarithm of the sum of their exponentials is the loss, the
# last form on page 2. ``factors`` divides the exponentials by their sum, which makes
# probabilities, and by N. ``put`` writes what stands at the targets,
# :math:`(p - 1) / N`.
#
# The mistake
# -----------
# Leave out ``axis`` and ``keepdims``, and the sum is over the *whole* batch:


def softmax_over_the_whole_batch(z):
    exponentials = np.exp(z - z.max())
    return exponentials / exponentials.sum()


wrong = softmax_over_the_whole_batch(logits)
wrong_loss = -np.log(wrong[np.arange(3), targets]).mean()
print("row sums", wrong.sum(axis=1).round(3))
print("mean loss", round(wrong_loss, 3))
assert wrong.sum(axis=1).round(3).tolist() == [0.877, 0.001, 0.122]
assert round(wrong_loss, 3) == 5.417

# %%
# No error, all numbers positive, and they add up to 1. But what do they say?
#
# - A row's numbers do not add up to 1, so they are no probabilities of its classes.
# - A row's answer depends on the rows that happen to be beside it. The second row, with
#   its ten ones, is as undecided as can be: its probabilities are 0.1 whoever is
#   beside it. Here they are 0.0001, for no other reason than that its neighbours have
#   larger logits.
# - The loss has grown from 2.356 to 5.417, although the answers are the same. Training
#   would now make the logits of whole rows larger or smaller, which means nothing.
#
# A row must not know of its neighbours. This can be tested: send it alone.

assert np.allclose(softmax(logits[1:2]), p[1:2])
alone = softmax_over_the_whole_batch(logits[1:2])
print("alone", alone[0, 0].round(4), "in the batch", wrong[1, 0].round(4))
assert not np.allclose(alone, wrong[1:2])

# %%
# In a picture
# ------------
# Each line of squares is a row, each square a class, darker where the probability is
# higher. A cross marks the right class. The numbers at the right are the row sums.

import matplotlib.pyplot as plt

figure, axes = plt.subplots(2, 1, figsize=(6.4, 4), layout="constrained")
for ax, probabilities, title in (
    (axes[0], p, "Right: over each row"),
    (axes[1], wrong, "Wrong: over the whole batch"),
):
    ax.imshow(probabilities, cmap="Greys", vmin=0, vmax=1)
    ax.plot(targets, range(3), "x", color="C1", markersize=10, markeredgewidth=3)
    ax.set(xticks=range(10), yticks=range(3), ylabel="row", title=title)
    for row, row_sum in enumerate(probabilities.sum(axis=1)):
        ax.text(9.7, row, f"sum {row_sum:.3f}", va="center", size=11)
axes[1].set_xlabel("class")
plt.show()

# %%
# Exercises
# ---------
# **1.** Take any row and make a batch of two copies of it. How does the wrong softmax
# change its loss, and why by just this much?
#
# .. dropdown:: Solution
#
#    The sum of the exponentials is twice as large, so each probability is halved. The
#    logarithm of ½ is taken off, which adds :math:`\log 2 = 0.693` to the loss.
#
#    >>> row = logits[:1]
#    >>> once = softmax_over_the_whole_batch(row)[0, 7]
#    >>> twice = softmax_over_the_whole_batch(np.vstack([row, row]))[0, 7]
#    >>> print(round(np.log(once) - np.log(twice), 4), round(np.log(2), 4))
#    0.6931 0.6931
#
# **2.** Leave out only ``keepdims=True``. With three rows and ten classes NumPy
# complains. When does it *not* complain, and what does it compute then?
#
# .. dropdown:: Solution
#
#    Without ``keepdims`` the sums have the shape (N,). NumPy lines this up with the
#    *last* axis, the classes. If there are as many rows as classes, the shapes fit, and
#    column number 2 is divided by the sum of row number 2.
#
#    >>> square = np.exp(logits[:, :3])
#    >>> p_square = square / square.sum(axis=1)
#    >>> [round(float(row_sum), 3) for row_sum in p_square.sum(axis=1)]
#    [51902.183, 950.925, 0.867]
#    >>> (square / square.sum(axis=1, keepdims=True)).sum(axis=1)
#    array([1., 1., 1.])
#
#    (A single row has a single sum, which is right for all its classes.) So try your
#    code with several rows, and with shapes that all differ.
#
# Next: :doc:`plot_04_initialisation`.
