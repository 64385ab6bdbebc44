"""
7. Optimizers
=============

A step of gradient descent goes against the gradient. That is not always the best way
down. This page follows three ways through a valley: plain steps, steps with momentum,
and Adam, which is what this library takes if you ask for nothing else. Beside each of
the library's quick optimizers stands the plain one that its tests compare it with.
"""

# %%
# The valley
# ----------
# The loss of a network has thousands of parameters. To see something, take a function
# of two:
#
# .. math::
#
#    L(x, y) &= \frac{x^2}{40} + y^2 \\
#    \frac{\partial L}{\partial x} &= \frac{x}{20}, \qquad
#    \frac{\partial L}{\partial y} = 2y
#
# It is a long valley, with the lowest point at (0, 0). Across the valley it is steep,
# along the valley nearly flat: the gradient hardly ever points to the lowest point.

import math

import numpy as np

from skmlp_scratch.nn import check_gradient
from skmlp_scratch.nn.optimizers import SGD, Adam, AdamW


def valley(p):
    """Return the loss, and its gradient."""
    return p[0] ** 2 / 40 + p[1] ** 2, np.array([p[0] / 20, 2 * p[1]])


check_gradient(valley, np.array([-7.0, 2.0]))

# %%
# An **optimizer** is a rule for the next step. In the library it is an object with a
# method ``step(parameters, gradient, learning_rate)`` that changes the parameters in
# place. So one function walks for all of them:


def walk(optimizer_class, learning_rate, n_steps=30, **settings):
    """Return the points of a walk, and the loss at its end."""
    p = np.array([-7.0, 2.0])
    optimizer = optimizer_class(p, **settings)
    points = [p.copy()]
    for _ in range(n_steps):
        _, gradient = valley(p)
        optimizer.step(p, gradient, learning_rate)
        points.append(p.copy())
    return np.array(points), valley(p)[0]


# %%
# Plain steps
# -----------
# As on the page about training: :math:`p \leftarrow p - \eta\, g`, where :math:`g` is
# the gradient and :math:`\eta` the learning rate.

plain, plain_loss = walk(SGD, 0.95, momentum=0)
print(plain[:4].round(2), f"loss after 30 steps: {plain_loss:.4f}", sep="\n")

# %%
# Look at the second column: 2, −1.8, 1.62, −1.46. Each step crosses the valley and
# lands on the other side, while along the valley there is little progress. A smaller
# learning rate would stop the zigzag, and make the little progress less.
#
# Momentum
# --------
# Let the walk have a **velocity** :math:`v`, like a ball. The gradient does not move
# the ball, it changes the velocity. A share :math:`\mu` of the velocity is kept from
# step to step. This share is called the **momentum**. 0.9 is usual; for our short walk,
# 0.8 is enough:
#
# .. math::
#
#    v \leftarrow \mu\, v - \eta\, g, \qquad p \leftarrow p + v
#
# Across the valley the gradient changes its sign again and again, and its contributions
# cancel. Along the valley they add up.

momentum, momentum_loss = walk(SGD, 0.3, momentum=0.8, nesterovs_momentum=False)
print(f"loss after 30 steps: {momentum_loss:.4f}")

# %%
# A variant is Nesterov's momentum, which takes the next step of the velocity at
# once: :math:`p \leftarrow p + \mu v - \eta g` with the new :math:`v`. Here are both,
# for one parameter ``p`` with the gradient ``g``. This is the plain version from
# ``tests/reference.py``, word for word:


def sgd(p, g, v, rate, momentum=0.9, nesterov=True):
    """Stochastic gradient descent: roll on with the velocity v of the steps before.

    Nesterov's momentum takes the velocity's next step at once (Sutskever et al. 2013).
    """
    v = momentum * v - rate * g
    p = p + (momentum * v - rate * g if nesterov else v)
    return p, v


# %%
# And the library's, for all parameters at once:
#
# .. literalinclude:: ../../skmlp_scratch/nn/optimizers.py
#    :pyobject: SGD.step
#    :start-at: def update
#    :end-at: parameters += velocity
#
# ``add_multiple(y, a, x)`` adds ``a * x`` to ``y``. It comes from ``nn/fast.py``, which
# you know from page 2. Both versions walk the same way:

for nesterov in (False, True):
    quick, _ = walk(SGD, 0.3, momentum=0.8, nesterovs_momentum=nesterov)
    p, v = [-7.0, 2.0], [0.0, 0.0]
    for t in range(1, 31):
        _, g = valley(p)
        for i in range(2):
            p[i], v[i] = sgd(p[i], g[i], v[i], 0.3, momentum=0.8, nesterov=nesterov)
        assert np.allclose(p, quick[t], rtol=0, atol=1e-12)
    print(f"nesterov={nesterov}:", np.array(p), quick[-1])

# %%
# Adam
# ----
# One learning rate for all parameters does not suit a valley: across, smaller steps
# would be right, and along, larger ones. **Adam** measures how large each parameter's
# gradients usually are, and divides by it. For each parameter it keeps two moving
# averages: ``m`` of the gradient, which is a momentum, and ``v`` of its square. Then it
# goes in the direction of ``m``, divided by the root of ``v``. For a single parameter
# these are six lines, again word for word those of ``tests/reference.py``:


def adam(p, g, m, v, t, rate, beta_1=0.9, beta_2=0.999, epsilon=1e-8):
    """Adam's step number t = 1, 2, ... (Kingma and Ba 2014, algorithm 1).

    m and v are moving averages of the gradient and of its square. They start at zero,
    and so are too small at first: m_hat and v_hat are not. The epsilon is that of the
    paper's quick form, at the end of its section 2, which scikit-learn has as well:
    there it is added to the root of v, not of v_hat.
    """
    m = beta_1 * m + (1 - beta_1) * g
    v = beta_2 * v + (1 - beta_2) * g * g
    m_hat = m / (1 - beta_1**t)
    v_hat = v / (1 - beta_2**t)
    epsilon_hat = epsilon / math.sqrt(1 - beta_2**t)
    return p - rate * m_hat / (math.sqrt(v_hat) + epsilon_hat), m, v


# %%
# Take the lines one by one.
#
# - ``m`` keeps 0.9 of what it was and takes 0.1 of the new gradient. So it is an
#   average of about the last ten gradients.
# - ``v`` is an average of about the last thousand squares.
# - Both begin at 0, and so are too small at first. After :math:`t` steps with a
#   constant gradient :math:`g`, ``m`` is :math:`(1 - 0.9^t)\, g`. The divisions in
#   ``m_hat`` and ``v_hat`` correct just that.
# - ``epsilon`` is a tiny number, against a division by 0.
#
# If the gradient is always the same, the step is :math:`\eta \cdot g / \sqrt{g^2}`: it
# has the length of the learning rate, whatever the size of the gradient. If the
# gradient changes its sign all the time, ``m`` is small beside the root of ``v``, and
# so is the step.

adam_points, adam_loss = walk(Adam, 0.4)
print(f"loss after 30 steps: {adam_loss:.4f}")
assert momentum_loss < adam_loss < plain_loss

# %%
# The quick one
# -------------
# A network calls this for tens of thousands of parameters, hundreds of times in a
# second. The library's Adam works on whole arrays, in place, and with fewer operations.
# It keeps sums in the place of averages: ``M`` is ``m / (1 - beta_1)``. All constant
# factors are gathered in one number, ``rate``, and one more in the ``epsilon``.
# ``in_blocks``, from ``nn/fast.py``, applies the update to one piece of the arrays
# after the other, so that a piece stays in the processor's fast memory.
# ``flush_denormals`` counts the steps. It also makes zeros, now and then, of numbers so
# near to 0 that some processors are slow with them:
#
# .. literalinclude:: ../../skmlp_scratch/nn/optimizers.py
#    :pyobject: Adam.step
#
# It is harder to read, but it is the same walk. The plain version is there to prove it:

p, m, v = [-7.0, 2.0], [0.0, 0.0], [0.0, 0.0]
for t in range(1, 31):
    _, g = valley(p)
    for i in range(2):
        p[i], m[i], v[i] = adam(p[i], g[i], m[i], v[i], t, rate=0.4)
    assert np.allclose(p, adam_points[t], rtol=0, atol=1e-12)
print(np.array(p), adam_points[-1])

# %%
# Weights that shrink
# -------------------
# Large weights make a network that answers a small change of its input with a large
# one. Such a network has often learnt its training data by heart. So one lets all
# weights shrink a little in each step, and only those stay large that the gradient
# needs. This is **weight decay**. With :math:`\lambda` for its strength:
#
# .. math::
#
#    W \leftarrow (1 - \eta \lambda)\, W
#
# With plain steps, the same comes of a **penalty** on large weights, :math:`\lambda/2`
# times the sum of their squares, which is added to the loss: its derivative is
# :math:`\lambda W`, and :math:`\eta` times that is taken off. (In the library's
# estimators, ``alpha`` is the strength of a penalty.) Not so with Adam. It would divide
# this derivative, like any other, by the usual size of the gradients, and hardly shrink
# the very weights that have large ones. Therefore **AdamW** keeps the decay out of the
# gradient:


def adamw(p, g, m, v, t, rate, decay, is_weight, **settings):
    """Adam, after a weight has shrunk by a share (Loshchilov and Hutter 2019).

    The decay is no part of the gradient, so that m and v never see it. A bias keeps its
    size: it says where a unit starts, not how steeply it reacts.
    """
    if is_weight:
        p = p - rate * decay * p
    return adam(p, g, m, v, t, rate, **settings)


# %%
# In the library, the weights come first in the long array of parameters, the biases
# after them:
#
# .. literalinclude:: ../../skmlp_scratch/nn/optimizers.py
#    :pyobject: AdamW.step
#
# In the valley, let ``x`` be a weight and ``y`` a bias:

quick, _ = walk(AdamW, 0.4, n_matrix_entries=1, decay=0.1)
p, m, v = [-7.0, 2.0], [0.0, 0.0], [0.0, 0.0]
for t in range(1, 31):
    _, g = valley(p)
    for i, is_weight in enumerate([True, False]):
        p[i], m[i], v[i] = adamw(p[i], g[i], m[i], v[i], t, 0.4, 0.1, is_weight)
    assert np.allclose(p, quick[t], rtol=0, atol=1e-12)
print("first step of Adam ", adam_points[1] - adam_points[0])
print("first step of AdamW", quick[1] - quick[0])

# %%
# The step in ``y`` is the same. That in ``x`` is longer by a share of
# :math:`\eta \lambda = 0.04` of the 7 that ``x`` was.
#
# In a picture
# ------------
# Thirty steps of each. The lines are lines of equal loss. Adam's first step changes x
# by as much as y, by the learning rate, though y's gradient is more than ten times as
# large.

import matplotlib.pyplot as plt

figure, axes = plt.subplots(3, 1, figsize=(5.4, 6), layout="constrained", sharex=True)
xs, ys = np.meshgrid(np.linspace(-8, 4, 200), np.linspace(-3, 3, 100))
walks = {
    "Plain steps, learning rate 0.95": plain,
    "Momentum 0.8, learning rate 0.3": momentum,
    "Adam, learning rate 0.4": adam_points,
}
for ax, (title, points) in zip(axes, walks.items(), strict=True):
    ax.contour(xs, ys, valley((xs, ys))[0], levels=12, colors="0.75", linewidths=0.8)
    ax.plot(*points.T, "o-", color="C0", markersize=4)
    ax.plot(0, 0, "+", color="C3", markersize=14, markeredgewidth=2)
    ax.set(title=title, ylabel="y", xlim=(-8, 4), ylim=(-3, 3))
axes[-1].set_xlabel("x")
plt.show()

# %%
# Plain steps are last here, though 0.95 is about the best learning rate for them.
# Momentum is first. In another valley it may be Adam. What speaks for Adam is that one
# learning rate, 0.001, does well in very many networks.
#
# Exercises
# ---------
# **1.** From which learning rate on do plain steps in this valley never arrive? First
# compute what one step does to :math:`y`.
#
# .. dropdown:: Solution
#
#    One step makes :math:`y - 2 \eta y = (1 - 2\eta)\, y` of :math:`y`. Its size
#    shrinks if :math:`|1 - 2\eta| < 1`, that is for learning rates below 1. At 1 it
#    jumps back and forth for ever, above 1 it leaves the valley. The steepest direction
#    sets the limit for all.
#
#    >>> for learning_rate in 0.9, 1.0, 1.1:
#    ...     points, loss = walk(SGD, learning_rate, momentum=0)
#    ...     print(learning_rate, abs(points[-1, 1]).round(4))
#    0.9 0.0025
#    1.0 2.0
#    1.1 474.7526
#
# **2.** Suppose that Adam had no ``m_hat`` and ``v_hat``, but used ``m`` and ``v`` as
# they are. How long would its first step be, in learning rates?
#
# .. dropdown:: Solution
#
#    After one step :math:`m = 0.1\,g` and :math:`v = 0.001\,g^2`. The quotient is
#    :math:`0.1 / \sqrt{0.001} = 3.16`: the first steps would be too *long*, because
#    ``v`` is further from its goal than ``m``. With the corrections it is 1.
#
#    >>> m, v = 0.1 * 5.0, 0.001 * 5.0**2
#    >>> print(round(m / np.sqrt(v), 2))
#    3.16
#    >>> p, _, _ = adam(0.0, 5.0, 0.0, 0.0, 1, rate=1.0)
#    >>> round(p, 6)
#    -1.0
#
# Next: :doc:`plot_08_estimator`.
