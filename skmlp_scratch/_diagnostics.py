"""Warnings that help: about the features before training, the network after it."""

import numpy as np
from scipy.sparse import issparse

from skmlp_scratch._data import Rows
from skmlp_scratch.exceptions import (
    ConstantPredictionWarning,
    DeadUnitsWarning,
    FeatureScaleWarning,
    warn,
)
from skmlp_scratch.nn.layers import per_layer
from skmlp_scratch.nn.network import Network

# What is looked at: enough to see what is amiss, at no noticeable cost.
SAMPLE_ROWS = 1000
LARGEST_RATIO_OF_SCALES = 1e3
LARGEST_SHARE_OF_DEAD_UNITS = 0.5
FAR_WORSE = 3


def check_feature_scales(data: Rows) -> None:
    """Warn if the ranges of the features, on a sample of rows, differ too much."""
    if issparse(data.X):
        return
    sample = data.some(SAMPLE_ROWS)[0]
    ranges = sample.max(axis=0).astype(np.float64) - sample.min(axis=0)
    ranges = ranges[ranges > 0]
    if ranges.size and ranges.max() > LARGEST_RATIO_OF_SCALES * ranges.min():
        warn(
            f"The ranges of the features span {ranges.min():.2g} to "
            f"{ranges.max():.2g}, and the small ones will hardly be learnt from. Put "
            "StandardScaler, or another scaler, before this estimator.",
            FeatureScaleWarning,
        )


def check_network(
    network: Network, data: Rows, constant_loss: float, at_its_end: bool
) -> None:
    """Warn if the network makes no distinctions, or most units of a layer are dead.

    A network far worse than a constant prediction is worth a word if training took
    itself to be at its end.
    """
    if len(data) < 2 or not np.ptp(data.taken()[0], axis=0).any():
        return  # nothing to distinguish
    sample, targets = data.some(SAMPLE_ROWS)
    dtype = network.parameters.vector.dtype
    with np.errstate(over="ignore", invalid="ignore"):
        logits = network.forward(sample.astype(dtype, copy=False))
        spread = np.ptp(logits, axis=0).max()
        loss, _ = network.loss.loss_and_gradient(logits, targets)
    # A sample may lack what is rare, and then be too easy for a constant.
    of_sample = network.loss.constant_loss(targets, None, network.layer_units[-1])
    constant_loss = max(constant_loss, of_sample)
    if at_its_end and loss > FAR_WORSE * constant_loss:
        warn(
            f"The trained network has a loss of {loss:.3g} on the training data, where a "
            f"constant prediction has {constant_loss:.3g}. Scale the features, train "
            "longer, or let early stopping watch the loss with monitor='loss'.",
            ConstantPredictionWarning,
        )
    elif spread <= 10 * np.finfo(dtype).eps * np.abs(logits).max():
        warn(
            "The trained network predicts the same for all rows of the training data. "
            "Scale the features, lower learning_rate_init or alpha, or train longer.",
            ConstantPredictionWarning,
        )
    check_dead_units(network)


def check_dead_units(network: Network) -> None:
    """Warn of the first ReLU layer with too many units that are 0 for all rows."""
    names = per_layer(network.activation, len(network.outputs) - 1)
    for number, (name, output) in enumerate(
        zip(names, network.outputs, strict=False), start=1
    ):
        if name != "relu":
            continue
        share = 1 - output.any(axis=0).mean()
        if share > LARGEST_SHARE_OF_DEAD_UNITS:
            warn(
                f"{share:.0%} of the {output.shape[1]} units in hidden layer {number} "
                "are 0 for all rows of the training data: ReLU passes no gradient "
                "there, and they no longer learn. Lower learning_rate_init, scale the "
                "features, or use another activation.",
                DeadUnitsWarning,
            )
            return
