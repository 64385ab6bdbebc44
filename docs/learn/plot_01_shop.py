"""
1. A shop and its graph
=======================

You buy two apples at 100 each and pay 10% tax. What do you pay? And how much more
would you pay if an apple cost 1 more?

The first question is arithmetic. The second one asks for a derivative. A neural
**network** is a long calculation with thousands of numbers in it, and **training**
adjusts these numbers until the results are good. For that, one asks the second question
about all of them at once. This page shows the trick that answers it in one go.
"""

# %%
# Forward: what do you pay?
# -------------------------
# Do one operation at a time, and keep what is in between.

from skmlp_scratch.nn.graph import Add, Multiply

apple, n_apples, tax = 100, 2, 1.1

apples = apple * n_apples
total = apples * tax
print(apples, round(total, 9))

# %%
# Each operation is a **node**. A line from one node to the next carries a number. Nodes
# and lines together are a **graph**. Going through it from left to right, from what you
# know to the result, is the way **forward**.
#
# Derivatives by trial
# --------------------
# How much more is 220 if an apple costs 101? You can try.

print(round(101 * n_apples * tax - total, 9))

# %%
# So the derivative of the total by the price of an apple is 2.2. It is easy to see
# where the number comes from. If an apple costs 1 more, the apples cost 2 more, because
# there are two. If the apples cost 1 more, the total is 1.1 more, because of the tax.
# One after the other, the two rates are *multiplied*:
#
# .. math::
#
#    \frac{\partial\,\text{total}}{\partial\,\text{apple}}
#    &= \frac{\partial\,\text{total}}{\partial\,\text{apples}}
#    \cdot \frac{\partial\,\text{apples}}{\partial\,\text{apple}} \\
#    &= 1.1 \cdot 2 = 2.2
#
# This is the **chain rule**. (The round :math:`\partial` says that there are several
# numbers that one could change, and that only one of them is changed.)
#
# Trying takes a walk through the whole graph for every number. The chain rule needs to
# know only what each node does.
#
# Backward: each node knows its own derivative
# --------------------------------------------
# Go through the graph from right to left. On the way, carry one number: the derivative
# of the *total* by whatever the line stands for. At the right end it is 1, because the
# total grows by 1 if the total grows by 1. This is the way **backward**.
#
# A node gets that number from its right. Call it ``dout``, the derivative by the node's
# output. The node multiplies it by its own derivative, and hands the product to its
# left:
#
# .. math::
#
#    z &= x + y: \quad \frac{\partial z}{\partial x} = 1, \quad
#                      \frac{\partial z}{\partial y} = 1 \\
#    z &= x\,y: \quad \frac{\partial z}{\partial x} = y, \quad
#                     \frac{\partial z}{\partial y} = x
#
# That is all there is to the two nodes of a shop. Here they are in the library:
#
# .. literalinclude:: ../../skmlp_scratch/nn/graph.py
#    :pyobject: Add
#
# .. literalinclude:: ../../skmlp_scratch/nn/graph.py
#    :pyobject: Multiply
#
# A node that multiplies must remember its two inputs, since each derivative is the
# *other* one's value. A node that adds has nothing to remember.

count, add_tax = Multiply(), Multiply()

apples = count.forward(apple, n_apples)
total = add_tax.forward(apples, tax)

dapples, dtax = add_tax.backward(1)
dapple, dn_apples = count.backward(dapples)

print("total", round(total, 9))
print("by apple", round(dapple, 9))
print("by number of apples", round(dn_apples, 9))
print("by tax", dtax)
assert (round(total, 9), round(dapple, 9)) == (220, 2.2)
assert (round(dn_apples, 9), dtax) == (110, 200)

# %%
# One walk forward and one walk backward gave *all* the derivatives. There are three
# here; with a million numbers, it would be one walk forward and one backward all the
# same. This way of computing derivatives is called **backpropagation**.
#
# Oranges, too
# ------------
# Now also buy three oranges at 150. A second node counts, and one adds.

orange, n_oranges = 150, 3
count_apples, count_oranges, add, add_tax = Multiply(), Multiply(), Add(), Multiply()

apples = count_apples.forward(apple, n_apples)
oranges = count_oranges.forward(orange, n_oranges)
fruit = add.forward(apples, oranges)
total = add_tax.forward(fruit, tax)

dfruit, dtax = add_tax.backward(1)
dapples, doranges = add.backward(dfruit)
dorange, dn_oranges = count_oranges.backward(doranges)
dapple, dn_apples = count_apples.backward(dapples)

derivatives = {
    "apple": dapple,
    "number of apples": dn_apples,
    "orange": dorange,
    "number of oranges": dn_oranges,
    "tax": dtax,
}
print("total", round(total, 9))
for name, derivative in derivatives.items():
    print(f"by {name}: {derivative:.4g}")
assert round(total, 9) == 715
assert [round(d, 9) for d in derivatives.values()] == [2.2, 110, 3.3, 165, 650]

# %%
# Read ``tax: 650`` again. It says: if the tax factor rose by 1, from 1.1 to 2.1, you
# would pay 650 more. That is true, and a reminder that a derivative speaks of a change
# of 1, and 1 may be little for a price and much for a tax.
#
# The graph
# ---------
# Above each line stands its value, below it the derivative of the total.

import matplotlib.pyplot as plt

places = {"×a": (1, 3), "×o": (1, 1), "+": (2, 2), "×t": (3, 2)}
edges = [  # from, to, value, derivative
    ((0, 3.6), "×a", apple, dapple),
    ((0, 2.6), "×a", n_apples, dn_apples),
    ((0, 1.4), "×o", orange, dorange),
    ((0, 0.4), "×o", n_oranges, dn_oranges),
    ("×a", "+", apples, dapples),
    ("×o", "+", oranges, doranges),
    ("+", "×t", fruit, dfruit),
    ((2, 0.4), "×t", tax, dtax),
    ("×t", (4, 2), total, 1),
]
names = {"apple": 3.6, "number": 2.6, "orange": 1.4, "number ": 0.4}

figure, ax = plt.subplots(figsize=(6.4, 4), layout="constrained")
for start, end, value, derivative in edges:
    (x0, y0), (x1, y1) = places.get(start, start), places.get(end, end)
    ax.plot([x0, x1], [y0, y1], color="0.6", zorder=0)
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    box = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
    style = {"ha": "center", "size": 11, "bbox": box}
    ax.text(x, y + 0.03, f"{value:g}", va="bottom", **style)
    slope = f"{derivative:.4g}"
    ax.text(x, y - 0.06, slope, va="top", color="C3", fontstyle="italic", **style)
for name, (x, y) in places.items():
    circle = {"boxstyle": "circle", "facecolor": "0.92", "edgecolor": "0.4"}
    ax.text(x, y, name[0], ha="center", va="center", size=15, bbox=circle)
for name, y in names.items():
    ax.text(-0.05, y, name, ha="right", va="center", size=11)
ax.text(1.95, 0.4, "tax", ha="right", va="center", size=11)
ax.text(4.05, 2, "total", va="center", size=11)
ax.set(xlim=(-0.75, 4.5), ylim=(0.1, 3.9))
ax.set_title("Values (upright) and derivatives of the total (italics)", size=11)
ax.axis("off")
plt.show()

# %%
# A number that is used twice
# ---------------------------
# What if one number goes into a graph in two places? Then a change of it arrives by two
# ways, and the two derivatives are *added*. Multiply 3 by itself:

square = Multiply()
square.forward(3, 3)
left, right = square.backward(1)
print(left + right)
assert left + right == 6  # the derivative of x² at 3 is 2 · 3

# %%
# Remember this one. It is the reason for every sum in the pages that follow.
#
# Exercises
# ---------
# **1.** You have a coupon: 50 less, taken off before the tax is added. Put a node
# into the second graph. What do you pay, and what is the derivative by the coupon?
# Which of the other derivatives change?
#
# .. dropdown:: Solution
#
#    Add −50 after the fruit. The coupon's derivative is that of its node, by the chain
#    rule, times −1, since it is taken off.
#
#    >>> coupon, use = 50, Add()
#    >>> total = add_tax.forward(use.forward(fruit, -coupon), tax)
#    >>> dused, dtax = add_tax.backward(1)
#    >>> dfruit, dminus = use.backward(dused)
#    >>> round(total, 9), round(-dminus, 9), round(dfruit, 9), dtax
#    (660.0, -1.1, 1.1, 600)
#
#    Only the derivative by the tax changes: ``dfruit`` is the 1.1 that it was, and with
#    it everything to its left.
#
# **2.** Five friends share the 715. Write a node ``Divide`` for :math:`z = x / y`. How
# does what each one pays change with the number of friends?
#
# .. dropdown:: Solution
#
#    School says :math:`\partial z / \partial x = 1 / y` and
#    :math:`\partial z / \partial y = -x / y^2`.
#
#    >>> class Divide:
#    ...     def forward(self, x, y):
#    ...         self.x, self.y = x, y
#    ...         return x / y
#    ...
#    ...     def backward(self, dout):
#    ...         return dout / self.y, -dout * self.x / self.y**2
#    >>> share = Divide()
#    >>> round(share.forward(715, 5), 9)
#    143.0
#    >>> share.backward(1)
#    (0.2, -28.6)
#
#    A sixth friend really saves each one less:
#
#    >>> round(715 / 5 - 715 / 6, 1)
#    23.8
#
#    The derivative −28.6 is the rate *at* five friends, and the curve flattens.
#
# Next: :doc:`plot_02_layers`, where the nodes work on whole arrays.
