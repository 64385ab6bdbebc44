"""The computational graph at its smallest: nodes that add and multiply.

Left to right the values, right to left the derivatives. Two apples at 100 each, with
10% tax: what does the total gain when the price of an apple rises by 1?

>>> from skmlp_scratch.nn.graph import Multiply
>>> apples, taxed = Multiply(), Multiply()
>>> round(taxed.forward(apples.forward(100, 2), 1.1), 9)
220.0
>>> dsum, dtax = taxed.backward(1)
>>> dapple, dnumber = apples.backward(dsum)
>>> round(dapple, 9), round(dnumber, 9), dtax
(2.2, 110.0, 200)
"""


class Add:
    """``z = x + y``: the derivative passes through unchanged, to both sides."""

    def forward(self, x: float, y: float) -> float:
        """Return ``x + y``."""
        return x + y

    def backward(self, dout: float) -> tuple[float, float]:
        """Return the derivatives with respect to x and y: ``dout`` twice."""
        return dout, dout


class Multiply:
    """``z = x y``: the derivative goes to each side times the *other* side's value."""

    def forward(self, x: float, y: float) -> float:
        """Return ``x * y`` and remember both."""
        self.x, self.y = x, y
        return x * y

    def backward(self, dout: float) -> tuple[float, float]:
        """Return the derivatives with respect to x and y."""
        return dout * self.y, dout * self.x
