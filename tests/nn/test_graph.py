"""Nodes of a graph: the shops of the notes."""

import pytest

from skmlp_scratch.nn.graph import Add, Multiply


def test_shop_with_apples():
    # Source: the notes on computational graphs.
    apples, taxed = Multiply(), Multiply()
    assert taxed.forward(apples.forward(100, 2), 1.1) == pytest.approx(220)
    dsum, dtax = taxed.backward(1)
    assert apples.backward(dsum) == pytest.approx((2.2, 110))
    assert dtax == pytest.approx(200)


def test_shop_with_apples_and_oranges():
    # Source: the notes on computational graphs.
    apples, oranges, both, taxed = Multiply(), Multiply(), Add(), Multiply()
    fruit = both.forward(apples.forward(100, 2), oranges.forward(150, 3))
    assert taxed.forward(fruit, 1.1) == pytest.approx(715)
    dfruit, dtax = taxed.backward(1)
    dapples, doranges = both.backward(dfruit)
    assert apples.backward(dapples) == pytest.approx((2.2, 110))
    assert oranges.backward(doranges) == pytest.approx((3.3, 165))
    assert dtax == pytest.approx(650)
