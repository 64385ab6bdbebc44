"""Multilayer perceptrons for scikit-learn, from scratch in NumPy."""

from skmlp_scratch.classifier import ScratchMLPClassifier
from skmlp_scratch.regressor import ScratchMLPRegressor

__all__ = ["ScratchMLPClassifier", "ScratchMLPRegressor"]
__version__ = "0.1.0"
