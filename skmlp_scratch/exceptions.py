"""Errors and warnings, each with a category of its own, so that it can be silenced.

>>> import warnings
>>> from skmlp_scratch.exceptions import FeatureScaleWarning
>>> warnings.simplefilter("ignore", FeatureScaleWarning)
"""

import sys
import warnings
from types import FrameType

from sklearn.exceptions import ConvergenceWarning


class InvalidParameterError(ValueError, TypeError):
    """A constructor parameter has a value that it cannot have.

    It is a ``TypeError`` as well, like scikit-learn's error of this name.
    """


class DataTypeError(ValueError, TypeError):
    """X, y or weights hold values that are not numbers or labels.

    scikit-learn raises a ValueError in some of these cases, a TypeError in others.
    """


class CheckpointError(ValueError):
    """A checkpoint is damaged, or does not fit the estimator or the data."""


class DivergenceError(ValueError):
    """Training diverged, and never did better than a constant prediction."""


class DivergenceWarning(ConvergenceWarning):
    """Training diverged; the weights of the best epoch were restored."""


class ConstantPredictionWarning(UserWarning):
    """The network does no better than if it predicted the same for all rows."""


class DeadUnitsWarning(UserWarning):
    """In some hidden layer most units are 0 for all training rows."""


class FeatureScaleWarning(UserWarning):
    """Features differ in scale by more than a thousand, or are far from zero.

    Or those of validation rows are far from those of the training rows.
    """


class IgnoredParameterWarning(UserWarning):
    """A parameter was set that has no effect in combination with others."""


class RareClassWarning(UserWarning):
    """A class has too few rows to be represented in the validation set."""


class TargetScaleWarning(UserWarning):
    """The targets of a regressor are far from a mean of 0 and a spread of 1."""


def warn(warning: Warning) -> None:
    """Issue a warning that points to the first line outside this package."""
    stacklevel, frame = 2, sys._getframe(1)
    while frame.f_back and _is_on_the_way(frame):
        stacklevel, frame = stacklevel + 1, frame.f_back
    warnings.warn(warning, stacklevel=stacklevel)


def _is_on_the_way(frame: FrameType) -> bool:
    """Return whether code is ours, or what scikit-learn has put around ``fit``."""
    module = _module(frame)
    package = __name__.partition(".")[0]
    return module.partition(".")[0] == package or module.startswith("sklearn.callback.")


def _module(frame: FrameType) -> str:
    # Code that exec() or timeit run may have any globals, or none.
    return str(frame.f_globals.get("__name__", ""))
