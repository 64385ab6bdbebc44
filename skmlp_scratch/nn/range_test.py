"""The learning rate range test: a short training whose rate grows from step to step.

Smith (2015), arXiv:1506.01186, section 3.3. Small rates change nothing, good ones lower
the loss, and too large ones let it explode.
"""

import math
from collections.abc import Iterable, Sequence
from itertools import chain, repeat

import numpy as np

from skmlp_scratch.nn.batches import Batches
from skmlp_scratch.nn.network import Network
from skmlp_scratch.nn.typing import Array, Update

# The mean over so many batches tells an explosion from a single batch out of line.
RECENT_BATCHES = 10
# How many times the smallest such mean, and the loss of a constant, is an explosion.
EXPLOSION = 4.0
# Width of the smoothing, as a share of all steps.
SMOOTHING = 0.03
# The share of its fall that the loss has behind it at the suggested rate, measured by
# benchmarks/learning_rate.py.
SHARE_OF_FALL = 0.8


def range_test(
    network: Network,
    batches: Batches,
    updates: Sequence[Update],
    rates: Iterable[float],
    alpha: float = 0.0,
    constant_loss: float = 0.0,
) -> tuple[list[float], bool]:
    """Take one step per learning rate, until the loss explodes.

    Parameters
    ----------
    network : Network
        The network, whose parameters are updated.
    batches : Batches
        The training rows, served again and again until all steps are taken.
    updates : sequence of Update
        The optimizer, and the updates before and after it, in order of application.
    rates : iterable of float
        The learning rate of each step.
    alpha : float, default=0.0
        Strength of the penalty on the weight matrices.
    constant_loss : float, default=0.0
        The loss of the best constant prediction.

    Returns
    -------
    objectives : list of float
        The objective of each batch, before the step; finite.
    exploded : bool
        Whether the test ended early: because the next objective was not finite, or
        because the mean of the last ten was more than four times as large as the
        smallest such mean and as ``constant_loss``.
    """
    objectives: list[float] = []
    smallest = math.inf
    with np.errstate(over="ignore", invalid="ignore"):
        # The rates come first: when there are none left, no batch is drawn.
        endless = chain.from_iterable(repeat(batches))
        for rate, batch in zip(rates, endless, strict=False):
            objective, gradient = network.loss_and_gradient(*batch, alpha=alpha)
            if not math.isfinite(objective):
                return objectives, True
            objectives.append(objective)
            recent = float(np.mean(objectives[-RECENT_BATCHES:]))
            smallest = min(smallest, recent)
            if recent > EXPLOSION * max(smallest, constant_loss):
                return objectives, True
            for update in updates:
                update.step(network.parameters.vector, gradient, rate)
    return objectives, False


def smooth(losses: Array) -> Array:
    """Return means of neighbouring losses, with weights that fall off as a bell curve.

    Its standard deviation is 3% of the steps. A moving average of the steps before,
    which is more common, would lag behind the rate.
    """
    # The last one may have exploded to any size, and would be all that is seen.
    losses = np.minimum(losses, losses[:-1].max(initial=losses[0]))
    width = max(SMOOTHING * len(losses), 0.1)
    reach = math.ceil(3 * width)
    bell = np.exp(-((np.arange(-reach, reach + 1) / width) ** 2) / 2)
    inside = slice(reach, reach + len(losses))
    sums = np.convolve(losses, bell)[inside]
    return sums / np.convolve(np.ones_like(losses), bell)[inside]


def suggest(rates: Array, smoothed_losses: Array) -> float:
    """Return the rate at which the loss has done 80% of its fall, or NaN.

    The fall is the last way down to the smallest loss, from the largest one before it.
    Dips further up, of noise, do not count. NaN means that there is no fall.
    """
    end = int(smoothed_losses.argmin())
    if end == 0:
        return math.nan
    fall = smoothed_losses[: end + 1]
    largest, smallest = fall.max(), fall[-1]
    above = fall > largest - SHARE_OF_FALL * (largest - smallest)
    return float(rates[np.flatnonzero(above)[-1] + 1])


def fall_beside_noise(losses: Array, smoothed_losses: Array) -> float:
    """Return the fall of the smoothed losses, in standard errors of one of these.

    Where losses differ by chance only, it is below 5 in eight of ten tests, of 200
    steps each.
    """
    fall = slice(0, int(smoothed_losses.argmin()) + 1)
    # A mean with the weights of a bell curve is worth one of so many numbers.
    n_averaged = max(2 * math.sqrt(math.pi) * SMOOTHING * len(losses), 1)
    error = np.std((losses - smoothed_losses)[fall]) / math.sqrt(n_averaged)
    height = np.ptp(smoothed_losses[fall])
    return float(height / error) if error > 0 else math.inf
