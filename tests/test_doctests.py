"""The examples in the docstrings."""

import doctest
import importlib
import pkgutil
import re

import pytest
from helpers import SKLEARN

import skmlp_scratch

MODULES = [
    module.name
    for module in pkgutil.walk_packages(skmlp_scratch.__path__, "skmlp_scratch.")
    if module.name != "skmlp_scratch.onnx"  # needs skl2onnx, and has no example
]


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples(name):
    if name.startswith("skmlp_scratch.callbacks") and SKLEARN < (1, 9):
        pytest.skip("scikit-learn has callbacks from 1.9 on")
    if re.match(r"skmlp_scratch\.(displays|learning_rate)", name):
        reason = "the examples draw with matplotlib"
        pytest.importorskip("matplotlib", reason=reason).use("Agg")
    failures, _ = doctest.testmod(importlib.import_module(name))
    assert failures == 0


def test_examples_are_found():
    finder = doctest.DocTestFinder(exclude_empty=True)
    found = [
        test
        for name in MODULES
        for test in finder.find(importlib.import_module(name))
        if test.examples
    ]
    assert len(found) >= 18
