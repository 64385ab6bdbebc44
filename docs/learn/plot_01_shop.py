"""
A shop and its graph
====================

Two apples at 100 each, with 10% tax.
"""

# %%
# Left to right go the values.

import matplotlib.pyplot as plt

from skmlp_scratch.nn.graph import Multiply

apples, taxed = Multiply(), Multiply()
total = taxed.forward(apples.forward(100, 2), 1.1)
print(f"{total:.0f}")

# %%
# This is the node that multiplies:
#
# .. literalinclude:: ../../skmlp_scratch/nn/graph.py
#    :pyobject: Multiply
#
# The derivative of :math:`z = x y` by :math:`x` is :math:`y`.

fig, ax = plt.subplots(figsize=(6.4, 4))
ax.plot([0, 1, 2], [100, 200, 220], "o-")
ax.set(xlabel="node", ylabel="value")
plt.show()

# %%
# Exercise
# --------
# What does the tax cost?
#
# .. dropdown:: Solution
#
#    20.
