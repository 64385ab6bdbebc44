"""Multilayer perceptrons for scikit-learn, from scratch in NumPy."""

from skmlp_scratch.classifier import ScratchMLPClassifier
from skmlp_scratch.displays.accuracy_curve import AccuracyCurveDisplay
from skmlp_scratch.displays.loss_curve import LossCurveDisplay
from skmlp_scratch.displays.weights import WeightsDisplay
from skmlp_scratch.learning_rate import (
    LearningRateDisplay,
    LearningRateSearch,
    find_learning_rate,
)
from skmlp_scratch.piecewise_linear import PiecewiseLinearEncoder
from skmlp_scratch.regressor import ScratchMLPRegressor
from skmlp_scratch.tabular import TabularMLPClassifier, TabularMLPRegressor

__all__ = [
    "AccuracyCurveDisplay",
    "LearningRateDisplay",
    "LearningRateSearch",
    "LossCurveDisplay",
    "PiecewiseLinearEncoder",
    "ScratchMLPClassifier",
    "ScratchMLPRegressor",
    "TabularMLPClassifier",
    "TabularMLPRegressor",
    "WeightsDisplay",
    "find_learning_rate",
]
__version__ = "0.1.0"
