"""
4. The first weights
====================

Training changes the weights little by little. But what do they start from? This page
shows why they must be random, how large they should be, and where the famous
:math:`\\sqrt{2/n}` comes from.
"""

# %%
# Layers in a row
# ---------------
# The layers of a network take turns: affine, activation, affine, activation, and so on,
# and an affine layer at the end. The outputs of an activation are called a **hidden
# layer**, because they are neither what you put in nor what you get out. A column of a
# hidden layer is a **unit**: one column of ``W``, one bias, and the activation behind
# them. (ReLU is short for *rectified linear unit*.)
#
# Why not zero?
# -------------
# Suppose that all units of a hidden layer start with the same weights, say 0. Then they
# compute the same, get the same gradient, change alike, and are the same for ever. A
# hundred units are worth no more than one.
#
# Try it with the library's ``Network``. It takes the widths of its layers: here four
# inputs, a hidden layer of five units, and logits for three classes. The inputs come
# from a random number generator. The 0 in ``RandomState(0)`` is its **seed**: with the
# same seed, it gives the same numbers each time.

import numpy as np

from skmlp_scratch.nn.network import Network

rng = np.random.RandomState(0)
X, targets = rng.standard_normal((20, 4)), rng.randint(3, size=20)
network = Network((4, 5, 3), activation="logistic")  # "logistic": the sigmoid
network.parameters.W[1][...] = [0.1, 0.2, 0.3]  # the same for each hidden unit
network.loss_and_gradient(X, targets)
print(network.gradient.W[0].round(4))
assert np.ptp(network.gradient.W[0], axis=1).max() < 1e-15
assert np.abs(network.gradient.W[0]).min() > 1e-4

# %%
# A row for each input, a column for each unit: all columns are equal. Random numbers
# break the tie.
# They come from a normal distribution, the bell curve, with the mean 0. What is left to
# choose is its **standard deviation**, the typical distance from 0.
#
# (The biases may all be 0. Once the weights differ, the units differ.)
#
# Too small, too large
# --------------------
# Send 500 rows of random numbers through four hidden layers of 256 units with ReLU. How
# large are the numbers in each of them? Measure the root of their mean square.

from skmlp_scratch.nn.activations import ReLU
from skmlp_scratch.nn.layers import Affine

n = 256


def size(x):
    return np.sqrt(np.mean(x**2))


def hidden_layers(std, n_layers=4):
    """Return the outputs of the activations, for weights of this size."""
    rng = np.random.RandomState(1)
    x, outputs = rng.standard_normal((500, n)), []
    for _ in range(n_layers):
        affine = Affine(W=std * rng.standard_normal((n, n)), b=np.zeros(n))
        x = ReLU().forward(affine.forward(x))
        outputs.append(x)
    return outputs


schemes = {"0.01": 0.01, "√(2/n)": np.sqrt(2 / n), "0.3": 0.3}
for name, std in schemes.items():
    print(f"{name:7}", *(f"{size(x):10.4f}" for x in hidden_layers(std)))

# %%
# With 0.01 each layer's numbers are about a ninth of those before: after four layers
# hardly anything is left of the input. With 0.3 they are more than three times as large
# each time. The gradients on the way back go the same way, since ``W`` is a factor
# there, too. Either the first layers hardly learn, or the numbers leave all bounds. In
# between there is a value that keeps the size.
#
# He's value
# ----------
# It can be computed. The sum :math:`s = \sum_i x_i W_i` has :math:`n` terms. The
# weights are independent, with mean 0 and mean square :math:`\sigma^2`. When :math:`s`
# is squared, the mixed products have the mean 0, and :math:`n` squares remain:
#
# .. math::
#
#    \operatorname{mean}(s^2) = n \, \sigma^2 \operatorname{mean}(x^2)
#
# ReLU makes zeros of the negative half of the sums, and so halves the mean square.
# Through affine layer and ReLU together, the mean square is multiplied by
# :math:`n \sigma^2 / 2`. It stays the same if this is 1:
#
# .. math::
#
#    \sigma = \sqrt{2 / n}
#
# This is the initialisation of He and others (2015). :math:`n` is the number of inputs
# of the layer, called **fan-in**. So each layer has its own standard deviation.

for std in (0.01, 0.3):
    predicted = np.sqrt(n * std**2 / 2)
    first, second, *_ = hidden_layers(std)
    print(f"predicted {predicted:.3f}, measured {size(second) / size(first):.3f}")
    assert np.isclose(size(second) / size(first), predicted, rtol=0.05)
first, *_, last = hidden_layers(np.sqrt(2 / n), n_layers=30)
assert 0.5 < size(last) / size(first) < 2  # even through thirty layers

# %%
# Why 0.01, then?
# ---------------
# You find 0.01 in many introductions, and in a network with a single hidden layer it
# works. The weights differ, which is what matters most. And with the sigmoid small sums
# are good: its derivative is largest in the middle, ¼, and almost 0 at the ends. Take
# 784 inputs between 0 and 1, as an image has:

from skmlp_scratch.nn.activations import Sigmoid

pixels = np.random.RandomState(2).uniform(size=(500, 784))
for std in (0.01, 1.0):
    W = std * np.random.RandomState(3).standard_normal((784, 50))
    sigmoid = Sigmoid()
    sigmoid.forward(pixels @ W)
    slopes = sigmoid.backward(np.ones((500, 50)))
    print(f"weights {std}: the median derivative is {np.median(slopes):.6f}")
    assert (np.median(slopes) > 0.24) == (std == 0.01)

# %%
# With 1 nearly all units are at one of the ends, where they cannot learn. With 0.01 all
# are in the middle. It is depth that 0.01 does not stand, as you have seen.
#
# Why not for the output layer?
# -----------------------------
# The argument for :math:`\sqrt{2/n}` needs a ReLU behind the layer, to halve the mean
# square. Behind the last layer there is none. With He's value the first answers of the
# network are random numbers, and larger than the inputs. If the answer to learn is a
# number, that is a bad start: *always answering the mean* would be better. The library
# therefore multiplies the output weights for such questions by 0.1:

from skmlp_scratch.nn.initializers import initialize
from skmlp_scratch.nn.losses import SquaredError

rng = np.random.RandomState(0)
X = rng.standard_normal((1000, 100))
y = X[:, :1] + X[:, 1:2] * X[:, 2:3]
y = (y - y.mean()) / y.std()  # now the mean has the loss ½
for scale in (1, 0.1):
    network = Network((100, 100, 1), loss=SquaredError())
    initialize(network.parameters, "he_normal", np.random.RandomState(0))
    network.parameters.W[-1] *= scale
    loss, _ = network.loss_and_gradient(X, y)
    print(f"output weights times {scale}: loss {loss:.2f}")
    assert (loss < 0.55) == (scale == 0.1)

# %%
# For classes, the library leaves them at He's value: smaller ones gained nothing where
# they were tried. These are the lines for He's value, or for a fixed number like 0.01
# (``gain`` is the 2), and those for the output layer:
#
# .. literalinclude:: ../../skmlp_scratch/nn/initializers.py
#    :pyobject: initialize
#    :start-at: if not isinstance
#    :end-at: W[...] = math.sqrt(gain
#
# .. literalinclude:: ../../skmlp_scratch/nn/initializers.py
#    :pyobject: initialize
#    :start-at: if regression and
#    :end-at: OUTPUT_SCALE
#
# (An older formula, Glorot's, has the number of outputs in it, too:
# :math:`\sqrt{2 / (n_\text{in} + n_\text{out})}`. You will meet the name again on page
# 8.)
#
# In a picture
# ------------
# How the outputs of the four hidden layers are distributed. In every case about half of
# them are 0, and make the column at the left: that is ReLU. Look at the other half.

import matplotlib.pyplot as plt

figure, axes = plt.subplots(3, 4, figsize=(5.4, 4.8), layout="constrained", sharex=True)
for row, (name, std) in zip(axes, schemes.items(), strict=True):
    for number, (ax, x) in enumerate(zip(row, hidden_layers(std), strict=True), 1):
        ax.hist(x.ravel().clip(max=4), bins=40, range=(0, 4), density=True, color="0.4")
        ax.text(0.5, 0.85, f"size {size(x):.3g}", ha="center", transform=ax.transAxes)
        ax.set(xticks=[0, 2, 4], yticks=[], ylim=(0, 2))
        if name == "0.01":
            ax.set_title(f"layer {number}", size=11)
    row[0].set_ylabel(name, size=11)
figure.supxlabel("output (4 stands for 4 and more)", size=11)
plt.show()

# %%
# Exercises
# ---------
# **1.** Somebody writes ``W = np.sqrt(2 / n) + rng.standard_normal((n, n))``. What is
# wrong, and what happens to the size from layer to layer?
#
# .. dropdown:: Solution
#
#    The standard deviation must be a *factor*. Added, it moves the mean of the weights
#    away from 0, and leaves the standard deviation at 1. The size is then multiplied by
#    more than :math:`\sqrt{n / 2}` in each layer: more, because the sums now have a
#    mean above 0.
#
#    >>> rng = np.random.RandomState(0)
#    >>> x = ReLU().forward(rng.standard_normal((500, n)))
#    >>> W = np.sqrt(2 / n) + rng.standard_normal((n, n))
#    >>> print(f"mean {W.mean():.2f}, standard deviation {W.std():.2f}")
#    mean 0.09, standard deviation 1.00
#    >>> factor = size(ReLU().forward(x @ W)) / size(x)
#    >>> print(f"{np.sqrt(n / 2):.1f} would be expected, {factor:.1f} is measured")
#    11.3 would be expected, 20.4 is measured
#
# **2.** Which standard deviation keeps the size if there is no activation at all?
# Compute it as above, and try it through four layers.
#
# .. dropdown:: Solution
#
#    Nothing is halved, so that :math:`n \sigma^2 = 1` and :math:`\sigma = 1/\sqrt n`.
#
#    >>> rng = np.random.RandomState(0)
#    >>> x = start = rng.standard_normal((500, n))
#    >>> for _ in range(4):
#    ...     x = x @ (rng.standard_normal((n, n)) / np.sqrt(n))
#    >>> bool(0.9 < size(x) / size(start) < 1.1)
#    True
#
# Next: :doc:`plot_05_training`.
