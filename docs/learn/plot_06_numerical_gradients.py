"""
6. Numerical gradients
======================

The author of the blog post of the last page also trained his network with *numerical*
gradients. After ten minutes, the first epoch had not ended. He asks whether something
is wrong. This page answers him. Then it shows what numerical gradients are good for.
"""

# %%
# A derivative without a derivation
# ---------------------------------
# The shop's first answer came by trial: raise the price by 1 and look at the total. For
# a function that is not a straight line, take a small step :math:`h`. Better, take one
# to each side:
#
# .. math::
#
#    \frac{\partial L}{\partial x_i} \approx
#    \frac{L(x + h\,e_i) - L(x - h\,e_i)}{2h}
#
# (:math:`e_i` is 1 at place :math:`i` and 0 elsewhere: only one number moves.) This is
# the **central difference**, and an array of them is a **numerical gradient**. It needs
# no chain rule, and hardly anything can go wrong in it:
#
# .. literalinclude:: ../../skmlp_scratch/nn/gradient_check.py
#    :pyobject: numerical_gradient
#    :start-at: x = np.array(x
#
# .. literalinclude:: ../../skmlp_scratch/nn/gradient_check.py
#    :pyobject: _slope

import time

import numpy as np

from skmlp_scratch.nn import check_gradient, numerical_gradient

print(numerical_gradient(lambda x: np.sum(x**2), np.array([1.0, 2.0])))

# %%
# Three images
# ------------
# Compare it with backpropagation, for the network of 784-50-10 units and three images.
# They are the first three of MNIST if MNIST is on the disk; else they are three of the
# small digits, each pixel enlarged to 3 × 3, with a margin of 2.

from pathlib import Path

from sklearn.datasets import fetch_openml, get_data_home, load_digits

from skmlp_scratch.nn.initializers import initialize
from skmlp_scratch.nn.network import Network

cache = Path(get_data_home()) / "openml"
if any("52667" in file.as_posix() for file in cache.rglob("*.gz")):  # MNIST's number
    print("Three images of MNIST")
    X, y = fetch_openml("mnist_784", version=1, as_frame=False, return_X_y=True)
    X, t = X[:3] / 255, y[:3].astype(int)
else:
    print("Three of scikit-learn's small digits, enlarged")
    images, t = load_digits().images[:3] / 16, load_digits().target[:3]
    large = [np.pad(np.kron(image, np.ones((3, 3))), 2) for image in images]
    X = np.reshape(large, (3, 784))
assert X.shape == (3, 784)

network = Network((784, 50, 10), activation="logistic")
initialize(network.parameters, 0.01, np.random.RandomState(0))
theta = network.parameters.vector.copy()  # all parameters


def objective(vector):
    """Return the loss and the gradient by backpropagation, at any parameters."""
    network.parameters.vector[...] = vector
    return network.loss_and_gradient(X, t)


_, gradient = objective(theta)
gradient = gradient.copy()  # the network will use its array again
start = time.perf_counter()
numerical = numerical_gradient(lambda vector: objective(vector)[0], theta)
seconds = time.perf_counter() - start

# %%
# The long array of parameters has the order W1, W2, b1, b2. The mean difference, for
# each:

ends = np.cumsum([784 * 50, 50 * 10, 50, 10])
differences = np.split(np.abs(gradient - numerical), ends[:-1])
for name, difference in zip(("W1", "W2", "b1", "b2"), differences, strict=True):
    print(f"{name}: {difference.mean():.1e}")
    assert difference.mean() < 1e-9
print(f"{len(theta)} parameters, {seconds:.1f} seconds")

# %%
# Both agree to nine decimals and more. So backpropagation is right. But it took
# seconds, for one gradient, on three images.
#
# What was wrong?
# ---------------
# Nothing was. A central difference takes two evaluations of the loss *for each
# parameter*. Let :math:`P` be the number of parameters, :math:`S` the number of steps
# in an epoch, and :math:`c` the time of one evaluation:
#
# .. math::
#
#    \text{time of an epoch} = 2 \cdot P \cdot S \cdot c

P = 784 * 50 + 50 + 50 * 10 + 10
S = 600
print(f"{P:,} parameters, {2 * P:,} evaluations a step, {2 * P * S:,} an epoch")
assert (P, 2 * P, 2 * P * S) == (39_760, 79_520, 47_712_000)

batch = np.random.RandomState(1).uniform(size=(100, 784))
labels = np.random.RandomState(2).randint(10, size=100)


def seconds_for(function, repeats=20):
    """Return the shortest of several times, which other programs disturb least."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


forward = seconds_for(lambda: network.forward(batch))
both = seconds_for(lambda: network.loss_and_gradient(batch, labels))
print(f"one evaluation, 100 rows: {forward * 1e3:.2f} ms")
print(f"an epoch with numerical gradients: {2 * P * S * forward / 3600:.1f} hours")
print(f"an epoch with backpropagation: {S * both:.2f} seconds")
assert 2 * P * S * forward > 600  # more than his ten minutes

# %%
# Ten minutes were not nearly enough. Backpropagation costs about as much as two or
# three evaluations, *whatever the number of parameters*: for each affine layer one
# matrix product forward and two backward.

print(f"forward and backward together: {both / forward:.1f} evaluations")

# %%
# How small a step?
# -----------------
# The smaller :math:`h`, the better the approximation, until rounding spoils it: the two
# losses are nearly equal, and the few digits in which they differ are all that is left.
# With two sides the error shrinks like :math:`h^2`, with one side only like :math:`h`.
# The library takes :math:`h = 6 \cdot 10^{-6}`, where rounding and approximation are
# about equal.

import matplotlib.pyplot as plt

steps = 10.0 ** np.arange(-13, 0.1, 0.5)
point, exact = 1.0, np.exp(1.0)  # the exponential is its own derivative
one_sided = [(np.exp(point + h) - np.exp(point)) / h for h in steps]
central = [(np.exp(point + h) - np.exp(point - h)) / (2 * h) for h in steps]

figure, ax = plt.subplots(figsize=(6.4, 4), layout="constrained")
ax.loglog(steps, np.abs(one_sided - exact), "s--", color="C1", label="one side")
ax.loglog(steps, np.abs(central - exact), "o-", color="C0", label="two sides")
ax.axvline(6e-6, color="0.5", linestyle=":", label="the library's step")
ax.set(xlabel="step h", ylabel="error", title="Derivative of exp at 1")
ax.legend()
plt.show()

# %%
# One random direction
# --------------------
# To *train* with numerical gradients is hopeless. To *check* a gradient, there is a
# trick. Move all parameters at once, along a direction :math:`d` of random numbers. By
# the chain rule, all the ways are added, and the derivative of the loss along :math:`d`
# is
#
# .. math::
#
#    \sum_i \frac{\partial L}{\partial x_i} d_i
#    \approx \frac{L(x + h\,d) - L(x - h\,d)}{2h}
#
# That is *two* evaluations, for a network of any size:

d = np.random.RandomState(3).standard_normal(len(theta))
d /= np.linalg.norm(d)  # now its length is 1
h = 6e-6
along = (objective(theta + h * d)[0] - objective(theta - h * d)[0]) / (2 * h)
print(f"backpropagation {gradient @ d:.10f}, numerical {along:.10f}")
assert np.isclose(gradient @ d, along, rtol=1e-6, atol=1e-9)

# %%
# If the gradient were off by an array :math:`r`, the left side would be off by
# :math:`\sum_i r_i d_i`. With random :math:`d` it would be a strange coincidence if
# this were 0. That is what the library's :func:`~skmlp_scratch.nn.check_gradient` does,
# along ten directions if there are more than 1000 parameters, else for each parameter.
# It wants a function that returns a value and its gradient, and is silent if all is
# well:

check_gradient(objective, theta)

# %%
# And if the gradient is off by one part in a thousand?


def slightly_wrong(vector):
    loss, gradient = objective(vector)
    return loss, 1.001 * gradient


try:
    check_gradient(slightly_wrong, theta)
except AssertionError as error:
    print(error)
else:
    raise AssertionError("the error was not found")

# %%
# Exercises
# ---------
# **1.** How many evaluations does a numerical gradient of a network of 784-100-100-10
# units take? And the check along one direction?
#
# .. dropdown:: Solution
#
#    >>> units = [784, 100, 100, 10]
#    >>> P = sum(n_in * n_out + n_out for n_in, n_out in zip(units, units[1:]))
#    >>> P, 2 * P
#    (89610, 179220)
#
#    The check takes two, as always.
#
# **2.** Set the derivative by one single weight to 0, the one with the largest
# derivative. Is it found? And what if it is the smallest one instead?
#
# .. dropdown:: Solution
#
#    The largest is found. An error that is smaller than the accuracy of the check
#    itself cannot be:
#
#    >>> def without(index):
#    ...     def wrong(vector):
#    ...         loss, gradient = objective(vector)
#    ...         gradient[index] = 0
#    ...         return loss, gradient
#    ...     return wrong
#    >>> largest, smallest = np.abs(gradient).argmax(), np.abs(gradient).argmin()
#    >>> check_gradient(without(largest), theta)  # doctest: +IGNORE_EXCEPTION_DETAIL
#    Traceback (most recent call last):
#    AssertionError: gradient is wrong along random direction 0: ...
#    >>> check_gradient(without(smallest), theta)
#
#    Many derivatives by weights of the first layer are 0 anyway: those of pixels that
#    are 0 in all three images. Check with inputs in which nothing is 0, such as random
#    ones.
#
# Next: :doc:`plot_07_optimizers`.
