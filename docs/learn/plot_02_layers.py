"""
2. The chain rule by layers
===========================

In a neural network the nodes work on whole arrays. You meet the four that a network of
this library is made of: ReLU, sigmoid, affine, and softmax with its loss. For each you
see where its derivative comes from, and the line of code that computes it.
"""

# %%
# A **layer** is a node whose input and output are arrays. In a network there are
# several of them, each with the output of the one before as its input. At the right end
# of the graph there is still a single number: in the shop it was the total, and here it
# is the **loss**, which says how wrong the answers of the network are. Zero is perfect.
# Write :math:`L` for it.
#
# A layer does what ``Multiply`` did. ``forward(x)`` returns the output ``y`` and
# remembers what it will need. ``backward(dout)`` gets the derivatives of :math:`L` by
# each entry of ``y``, and returns the derivatives of :math:`L` by each entry of ``x``.
# An array of derivatives by all entries of another array is called a **gradient**, and
# always has that array's shape.
#
# ReLU
# ----
# **ReLU** lets positive numbers pass and makes zeros of the others. It works on each
# entry for itself:
#
# .. math::
#
#    y = \max(x, 0), \qquad
#    \frac{\partial y}{\partial x} = \begin{cases} 1 & x > 0 \\ 0 & x \le 0 \end{cases}
#
# Exactly at 0 the curve has a kink and no derivative. One has to choose, and chooses 0.
# By the chain rule, ``dout`` is multiplied by this 1 or 0:
#
# .. literalinclude:: ../../skmlp_scratch/nn/activations.py
#    :pyobject: ReLU
#
# (``out`` is an array to write to, for speed. You need not give it.)

import numpy as np

from skmlp_scratch.nn.activations import ReLU, Sigmoid

x = np.array([-2.0, 0.0, 0.5, 3.0])
relu = ReLU()
print(relu.forward(x))
print(relu.backward(np.array([10.0, 10.0, 10.0, 10.0])))

# %%
# Layers like this one, which change each entry for itself, are called **activations**.
#
# Sigmoid, node by node
# ---------------------
# The **sigmoid** squeezes any number into the range from 0 to 1:
#
# .. math::
#
#    y = \frac{1}{1 + e^{-x}}
#
# As a graph it has four nodes. Each has a derivative that you know from school:
#
# ============  ====================  =======================
# node          forward               derivative
# ============  ====================  =======================
# times −1      :math:`a = -x`        −1
# exp           :math:`c = e^a`       :math:`e^a = c`
# plus 1        :math:`s = 1 + c`     1
# divide        :math:`y = 1 / s`     :math:`-1/s^2 = -y^2`
# ============  ====================  =======================
#
# Forward from the top, backward from the bottom:

a = -x
c = np.exp(a)
s = 1 + c
y = 1 / s

dout = np.array([1.0, 2.0, 3.0, 4.0])  # any numbers will do
ds = dout * -(y**2)
dc = ds * 1
da = dc * c
dx = da * -1

# %%
# Four nodes can become one. The minus signs cancel, and :math:`c = s - 1 = 1/y - 1`:
#
# .. math::
#
#    \frac{\partial L}{\partial x}
#    &= \text{dout} \cdot y^2 \cdot c \\
#    &= \text{dout} \cdot y^2 \Big(\frac{1}{y} - 1\Big) \\
#    &= \text{dout} \cdot y\,(1 - y)
#
# So the layer need only remember its output:
#
# .. literalinclude:: ../../skmlp_scratch/nn/activations.py
#    :pyobject: Sigmoid

sigmoid = Sigmoid()
assert np.allclose(sigmoid.forward(x), y)
assert np.allclose(sigmoid.backward(dout), dx)
print(dx.round(4))

# %%
# Affine
# ------
# An **affine** layer mixes its inputs. Each output is a sum of all inputs, each times a
# number of its own, plus one more number:
#
# .. math::
#
#    y_j = \sum_i x_i W_{ij} + b_j
#
# The :math:`W_{ij}` are the **weights** and the :math:`b_j` the **biases**. Both
# together are the **parameters**: what a network learns. So here three gradients are
# wanted, by ``x``, by ``W`` and by ``b``.
#
# NumPy writes the formula as ``x @ W + b``, for all :math:`j` at once. The ``@`` is the
# **matrix product**. It sums over the last index of what stands before it and the
# first index of the matrix behind it, as the formula sums over :math:`i`.
#
# *By x.* The input :math:`x_i` goes into every output, into :math:`y_j` with the factor
# :math:`W_{ij}`. It is used several times, so the ways are added:
# :math:`\partial L/\partial x_i = \sum_j \text{dout}_j W_{ij}`. The sum runs over the
# *second* index of ``W``. The product ``dout @ M`` sums over the *first* index of
# ``M``. So ``M`` must be ``W`` with rows and columns exchanged: this is the
# **transposed** matrix, :math:`W^\top`, in NumPy ``W.T``.
#
# *By W.* The weight :math:`W_{ij}` goes into :math:`y_j` only, with the factor
# :math:`x_i`: the derivative is :math:`x_i \, \text{dout}_j`.
#
# *By b.* The bias goes into :math:`y_j` with the factor 1.
#
# Now give the layer several inputs at once, one below the other, as the rows of a
# matrix :math:`X`. Such a stack of rows is a **batch**. Each row has its own inputs and
# outputs, but all rows use the same ``W`` and ``b``. What is used several times gets a
# sum, here over the rows :math:`n`: :math:`\partial L/\partial W_{ij} = \sum_n X_{ni}\,
# \text{dout}_{nj}`. It runs over the first index of ``X``, so this time ``X`` is
# transposed. For the biases, the sum of each column remains:
#
# .. math::
#
#    Y &= X W + b \\[4pt]
#    \frac{\partial L}{\partial X} &= \text{dout}\; W^\top \\[4pt]
#    \frac{\partial L}{\partial W} &= X^\top\, \text{dout} \\[4pt]
#    \frac{\partial L}{\partial b} &= \sum_n \text{dout}_n
#
# You can also find the transposes by their shapes alone. Let ``X`` have the shape
# (N, in) and ``W`` the shape (in, out); then ``dout`` has the shape of ``Y``, (N, out).
# A gradient has the shape of what it belongs to. Only one product gives (N, in): (N,
# out) times (out, in). Only one gives (in, out): (in, N) times (N, out).
#
# Why does a network have activations at all? Two affine layers in a row are no more
# than one: without biases, :math:`(X W_1) W_2 = X (W_1 W_2)`. Only with something
# between them that is no straight line can a network do more. And here is affine in the
# library:
#
# .. literalinclude:: ../../skmlp_scratch/nn/layers.py
#    :pyobject: Affine
#    :start-at: def forward

from skmlp_scratch.nn.layers import Affine

affine = Affine(W=np.array([[1.0, 0.0, -1.0], [2.0, 1.0, 0.5]]), b=np.zeros(3))
affine.forward(np.array([[1.0, 2.0], [3.0, 4.0]]))
dX = affine.backward(np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]))
print("dX", dX, "dW", affine.dW, "db", affine.db, sep="\n")
assert affine.db.tolist() == [5, 7, 9]

# %%
# In the source, ``product`` is ``@``, and ``column_sums`` adds up the columns. The
# latter comes from ``nn/fast.py``. There stands what makes the library quick and what
# you need not read: here the sums as a product with a row of ones, which takes less
# time. The first line of each function there says what it computes, and a test
# compares it with the plain way, like this:

from skmlp_scratch.nn.fast import column_sums

assert np.array_equal(column_sums(dX), dX.sum(axis=0))

# %%
# Softmax with cross-entropy
# --------------------------
# Which of ten digits is in a picture? The possible answers to such a question are
# called **classes**. The network's last affine layer returns ten numbers, one for each
# class, of any size and sign: the higher, the more the network is for this digit. They
# are called the **logits**, :math:`z_k`. The **softmax** makes probabilities of them,
# positive and with the sum 1:
#
# .. math::
#
#    p_k = \frac{e^{z_k}}{\sum_j e^{z_j}}
#
# The library's own softmax, which you will meet on the next page, is written for speed.
# Here is the plain version that the tests compare it with, for one row. (Why it may
# take the largest logit off all of them is an exercise below.)
#
# .. literalinclude:: ../../tests/reference.py
#    :pyobject: softmax
#
# The right answer is a digit, say 2. To compare it with ten probabilities, write it as
# ten probabilities, too: 1 for the 2 and 0 for all others. This is called **one-hot**.
# Call these numbers the **target**, :math:`t_k`.
#
# How wrong is the answer? Look at the probability of the right digit, and take minus
# its natural logarithm. This is 0 if the probability is 1, and grows without end as it
# goes to 0. The name is **cross-entropy**:
#
# .. math::
#
#    L &= -\sum_k t_k \log p_k \\
#      &= -\log \frac{e^{z_2}}{\sum_j e^{z_j}} \\
#      &= \log \sum_j e^{z_j} - z_2
#
# (All terms of the first sum but one are 0.) The last form is easy to differentiate.
# The derivative of :math:`\log u` is :math:`1/u`, times that of :math:`u`:
#
# .. math::
#
#    \frac{\partial L}{\partial z_k} = \frac{e^{z_k}}{\sum_j e^{z_j}} - t_k = p_k - t_k
#
# *Prediction minus target*: nothing else is left of two complicated functions. That is
# why the library makes one layer of them, and why it wants the logits, not the
# probabilities. Again the plain version, for one row (the library's own, for many rows,
# is on page 3):
#
# .. literalinclude:: ../../tests/reference.py
#    :pyobject: softmax_cross_entropy

from skmlp_scratch.nn.classification_losses import SoftmaxCrossEntropy, softmax

# A batch of one row, four classes. The target is given as the number of the class.
z = np.array([[0.5, 1.0, 2.0, -1.0]])
p, one_hot = softmax(z), np.array([[0.0, 0.0, 1.0, 0.0]])
loss, dz = SoftmaxCrossEntropy().loss_and_gradient(z, targets=np.array([2]))
print("p    ", p.round(3))
print("p - t", dz.round(3), " loss", round(loss, 3))
assert np.allclose(dz, p - one_hot)
assert np.isclose(loss, -np.log(p[0, 2]))

# %%
# The same gradient again
# -----------------------
# Not every question has classes for an answer. If the answer is a number, like a price,
# the last affine layer's output is the answer, without any activation. (One says that
# the activation is the *identity*.) The loss is half the squared error, and its
# derivative is
#
# .. math::
#
#    L = \tfrac12 \sum_k (z_k - t_k)^2, \qquad
#    \frac{\partial L}{\partial z_k} = z_k - t_k
#
# Prediction minus target, again. So: identity and squared error for numbers, softmax
# and cross-entropy for classes. (It is easy to remember the wrong way round.)
#
# .. literalinclude:: ../../skmlp_scratch/nn/regression_losses.py
#    :pyobject: SquaredError.row_losses

from skmlp_scratch.nn.losses import SquaredError

_, dnumbers = SquaredError().loss_and_gradient(np.array([[3.0]]), np.array([[5.0]]))
print(dnumbers)
assert dnumbers == 3 - 5

# %%
# This is no accident. The logarithm in the cross-entropy undoes the exponential in the
# softmax, as the ½ undoes the 2 of the square. You see it well with the sigmoid as an
# output, for a question with the answer yes (:math:`t = 1`) or no (:math:`t = 0`):
#
# .. math::
#
#    L &= -t \log y - (1 - t) \log (1 - y) \\
#    \frac{\partial L}{\partial y} &= \frac{y - t}{y\,(1 - y)}, \qquad
#    \frac{\partial y}{\partial z} = y\,(1 - y)
#
# (Put 1 and 0 in the place of :math:`t` to see the second formula.) The product of the
# two derivatives is :math:`y - t`. Each loss is *chosen* for its output activation so
# that their derivatives cancel. With the squared error instead, the factor :math:`y(1 -
# y)` would stay. It is nearly 0 where the network is sure, so one that is sure and
# wrong would hardly learn.
#
# The division by the batch
# -------------------------
# The loss of a batch is the *mean* of the losses of its rows. A mean of :math:`N`
# numbers has each of them in it with the factor :math:`1/N`. Therefore the gradient in
# code is not ``p - t`` but ``(p - t) / N``. The division happens once, here at the
# right end. The chain rule carries it to all other layers, so that ``Affine`` adds up
# its rows, and does not take a mean.

logits = np.vstack([z, z, z, z])
loss_of_four, dlogits = SoftmaxCrossEntropy().loss_and_gradient(
    logits, targets=np.array([2, 2, 0, 1])
)
assert np.allclose(dlogits[0], dz[0] / 4)
print(dlogits.round(3))

# %%
# In a picture
# ------------
# Above: the sigmoid and ReLU with their derivatives. The sigmoid's is at most ¼ and
# goes to 0 at both ends; ReLU's is 1 wherever anything passes. Below: prediction minus
# target. Only one bar is negative. Training goes *against* the derivative, so that this
# logit will rise, and all others sink, most of all the one that was most wrong.

import matplotlib.pyplot as plt

figure, (above, below) = plt.subplots(2, 1, figsize=(5.4, 6), layout="constrained")
xs = np.linspace(-4, 4, 401)
for layer, label, color in ((relu, "ReLU", "C0"), (sigmoid, "sigmoid", "C1")):
    above.plot(xs, layer.forward(xs), color=color, label=label)
    slopes = layer.backward(np.ones_like(xs))
    above.plot(xs, slopes, "--", color=color, label="its derivative")
above.set(ylim=(-0.1, 2), xlabel="x", title="Activations")
above.legend()
classes = np.arange(4)
below.bar(classes - 0.27, p[0], 0.25, label="prediction p", color="0.75")
below.bar(classes, one_hot[0], 0.25, label="target t", color="0.45")
below.bar(classes + 0.27, dz[0], 0.25, label="p − t", color="C3", hatch="//")
below.axhline(0, color="black", linewidth=0.8)
below.set(xticks=classes, xlabel="class", title="Softmax, cross-entropy")
below.legend()
plt.show()

# %%
# Exercises
# ---------
# **1.** The hyperbolic tangent is :math:`y = \tanh x = (e^x - e^{-x}) / (e^x +
# e^{-x})`. Find its derivative in terms of :math:`y` alone, and compare with the
# library's class ``Tanh``.
#
# .. dropdown:: Solution
#
#    Call the numerator :math:`u` and the denominator :math:`v`. Each is the other's
#    derivative, so that the quotient rule gives
#    :math:`(v \cdot v - u \cdot u) / v^2 = 1 - y^2`.
#
#    >>> from skmlp_scratch.nn.activations import Tanh
#    >>> tanh = Tanh()
#    >>> y = tanh.forward(x)
#    >>> np.allclose(tanh.backward(dout), dout * (1 - y**2))
#    True
#
# **2.** The entries of ``p - t`` add up to 0 in each row. Why? And what becomes of the
# probabilities if you add 100 to all logits of a row?
#
# .. dropdown:: Solution
#
#    The entries of ``p`` add up to 1, and so do those of ``t``. Adding 100 multiplies
#    each exponential by :math:`e^{100}`, which cancels in the quotient: nothing
#    changes. The two are the same fact. If moving all logits together does not change
#    the loss, the derivatives by them must add up to 0.
#
#    >>> bool(np.isclose(dz.sum(), 0))
#    True
#    >>> np.allclose(softmax(z + 100), softmax(z))
#    True
#
# Next: :doc:`plot_03_batches`.
