"""A multilayer perceptron for scikit-learn, from scratch in NumPy."""

from skmlp_scratch.classifier import ScratchMLPClassifier

__all__ = ["ScratchMLPClassifier"]
__version__ = "0.1.0"
