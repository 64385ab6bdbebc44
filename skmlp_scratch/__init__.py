"""Multilayer perceptrons for scikit-learn, from scratch in NumPy."""

from skmlp_scratch.classifier import ScratchMLPClassifier
from skmlp_scratch.piecewise_linear import PiecewiseLinearEncoder
from skmlp_scratch.regressor import ScratchMLPRegressor
from skmlp_scratch.tabular import TabularMLPClassifier, TabularMLPRegressor

__all__ = [
    "PiecewiseLinearEncoder",
    "ScratchMLPClassifier",
    "ScratchMLPRegressor",
    "TabularMLPClassifier",
    "TabularMLPRegressor",
]
__version__ = "0.1.0"
