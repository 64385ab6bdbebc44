"""All losses by name. Each has its own output activation."""

from collections.abc import Callable

from skmlp_scratch.nn.classification_losses import (
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
)
from skmlp_scratch.nn.deviances import GammaDeviance, PoissonDeviance
from skmlp_scratch.nn.regression_losses import (
    AbsoluteError,
    PinballLoss,
    RegressionLoss,
    SquaredError,
)
from skmlp_scratch.nn.typing import Loss

# Named like the losses of scikit-learn's gradient boosting.
REGRESSION_LOSSES: dict[str, type[RegressionLoss]] = {
    "squared_error": SquaredError,
    "absolute_error": AbsoluteError,
    "quantile": PinballLoss,
    "poisson": PoissonDeviance,
    "gamma": GammaDeviance,
}
# All of them, for gradient checks and those who try the engine.
LOSSES: dict[str, Callable[..., Loss]] = {
    "softmax_cross_entropy": SoftmaxCrossEntropy,
    "sigmoid_cross_entropy": SigmoidCrossEntropy,
    **REGRESSION_LOSSES,
}
