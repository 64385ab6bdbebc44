"""Is a network useful? A comparison with the best constant prediction."""

from dataclasses import dataclass

import numpy as np

from skmlp_scratch._estimator.rows import SAMPLE_ROWS, Rows
from skmlp_scratch._estimator.targets import Targets
from skmlp_scratch.nn.activations import per_layer
from skmlp_scratch.nn.inference import layer_outputs
from skmlp_scratch.nn.network import Network
from skmlp_scratch.nn.typing import Array, Loss

LARGEST_SHARE_OF_DEAD_UNITS = 0.5


@dataclass(frozen=True)
class Judgement:
    """A network compared with the best constant prediction, on a sample of rows.

    Attributes
    ----------
    loss, constant_loss : float
        The mean losses of the network and of the constant prediction.
    ratio : float
        ``loss / constant_loss``. If this is not below 1, it is also computed without
        the 1% of rows that the network predicts worst, which may be outliers that no
        network can predict, and is divided by 0.9. The smaller value counts.
    more_right : bool
        Whether the network predicts more labels right than the most frequent label
        would be, although its loss is larger.
    distinguishes : bool
        Whether the predictions differ between rows, or need not differ.
    finite : bool
        Whether all logits are finite.
    dead_units : tuple of int, int and float, or None
        The first ReLU layer in which most units are 0 for all rows: its number, counted
        from 1, its width, and the share of dead units.
    """

    loss: float
    constant_loss: float
    ratio: float
    more_right: bool
    distinguishes: bool
    finite: bool
    dead_units: tuple[int, int, float] | None

    @property
    def useful(self) -> bool:
        """Whether the network is better than a constant prediction."""
        return self.finite and (self.ratio < 1 or self.more_right)


def judge(
    network: Network,
    targets: Targets,
    data: Rows,
    constant_loss: float | None = None,
) -> Judgement:
    """Compare a network with the best constant prediction, on a sample of rows.

    A constant prediction does too well on a sample without the rare targets. The given
    ``constant_loss``, for all rows, therefore replaces the constant's loss on the
    sample if it is larger.
    """
    sample, loss_function = data.sample(SAMPLE_ROWS), network.loss
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        outputs = layer_outputs(sample.X, *network.folded(), network.activation)
        logits = outputs[-1]
        loss, constant = _losses(loss_function, logits, sample)
        constant = max(constant, constant_loss or 0)
        ratio, more_right = np.float64(loss) / constant, False
        if not ratio < 1:
            # A network that is better on most rows only must be clearly better.
            ratio = np.fmin(ratio, _ratio_of_most(loss_function, logits, sample) / 0.9)
            more_right = _more_labels_right(targets, logits, sample)
        spread = np.ptp(logits, axis=0).max()
        same = spread <= 10 * np.finfo(logits.dtype).eps * np.abs(logits).max()
    return Judgement(
        loss,
        constant,
        float(ratio),
        more_right,
        not same or not sample.anything_to_distinguish(),
        bool(np.isfinite(logits).all()),
        _dead_units(network.activation, outputs[:-1]),
    )


def _losses(loss_function: Loss, logits: Array, rows: Rows) -> tuple[float, float]:
    """Return the mean losses of a network and of the best constant prediction."""
    normalizer = None if rows.weights is None else rows.weights.sum()
    loss, _ = loss_function.loss_and_gradient(
        logits, rows.targets, rows.weights, normalizer
    )
    constant = loss_function.constant_loss(rows.targets, rows.weights, logits.shape[1])
    return loss, constant


def _ratio_of_most(loss_function: Loss, logits: Array, sample: Rows) -> float:
    """Return the ratio of the losses without the 1% of rows predicted worst."""
    errors = np.abs(loss_function.errors(logits, sample.targets)).sum(axis=1)
    by_error = np.argsort(errors, kind="stable")
    kept = by_error[: len(by_error) - len(by_error) // 100 - (len(by_error) >= 10)]
    weights = None if sample.weights is None else sample.weights[kept]
    most = Rows(sample.X, sample.targets[kept], weights)
    loss, constant = _losses(loss_function, logits[kept], most)
    return np.float64(loss) / constant


def _more_labels_right(targets: Targets, logits: Array, sample: Rows) -> bool:
    """Return whether more labels are right than if all were the most frequent one.

    The margin is three standard errors: a network that exploded predicts some labels
    right by chance.
    """
    shares = targets.shares_right(logits, sample.targets, sample.weights)
    if shares is None:
        return False
    right, commonest = shares
    error = np.sqrt(commonest * (1 - commonest) / sample.targets.size)
    return bool(right > commonest + 3 * error)


def _dead_units(
    activation: str | tuple[str, ...], hidden: list[Array]
) -> tuple[int, int, float] | None:
    """Return number, width and share of dead units of the first layer with too many."""
    names = per_layer(activation, len(hidden))
    for number, (name, output) in enumerate(zip(names, hidden, strict=True), start=1):
        if name != "relu":
            continue
        share = 1 - output.any(axis=0).mean()
        if share > LARGEST_SHARE_OF_DEAD_UNITS:
            return number, output.shape[1], share
    return None
