"""Checks of the data before training: the scales of features and targets.

All checks return warnings instead of issuing them: a fit is complete, and its result is
stored, before anything is reported.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.sparse import issparse

from skmlp_scratch._estimator.problem import Problem
from skmlp_scratch._estimator.rows import SAMPLE_ROWS, Rows
from skmlp_scratch._estimator.solvers import is_stochastic
from skmlp_scratch.exceptions import FeatureScaleWarning, TargetScaleWarning
from skmlp_scratch.nn.fast import row_blocks
from skmlp_scratch.nn.typing import Array

# A first chunk of partial_fit with fewer rows says too little about the features.
FEWEST_ROWS = 20
LARGEST_RATIO_OF_SCALES = 1e3
# Features are too large if all ranges exceed this, and too small if all are below its
# inverse: learning rates are made for ranges about 1.
LARGEST_RANGE = 1e3
# Validation rows are on another scale if most of them are this many ranges outside of a
# feature's range, for more than this share of the features. Of 532 tables that need a
# scaler, 98% are noticed if only the training rows had one. With random splits none of
# 869 is; with the last quarter of the rows two are, whose features grow exponentially.
LARGEST_DISTANCE, FEWEST_FEATURES = 3, 0.01
# The largest distance of a range's middle from zero, in units of the range. For
# normally distributed features, it is about 20 standard deviations.
LARGEST_OFFSET = 3.5
# Standard deviations of targets that suit the default parameters. On 18 data sets, R^2
# at 0.03, 0.1, 10, 30 and 100 is .66, .06, .02, .11 and .26 lower than at 1.
TARGET_SPREADS = 0.05, 50
# Largest means of targets, in units of their standard deviation. If training starts at
# the mean, only rounding limits them; otherwise R^2 is .30 lower at 3, 1.6 at 10.
LARGEST_MEAN, LARGEST_MEAN_FROM_ZERO = 50, 5
# How far an outlier must be from the rest to be reported as the cause of divergence.
OUTLIER = 1e3
BLOCK_ROWS = 2000
# Validation targets are on another scale than y if their distances from the mean of y
# are this many times as large, or this many times smaller.
OTHER_SCALE = 30

SCALE_FEATURES = "scale the features, for example with StandardScaler"
SCALE_TARGETS = (
    "scale the target: TransformedTargetRegressor(regressor=..., "
    "transformer=StandardScaler())"
)
DIVIDE_TARGETS = "divide the target by its mean, and multiply predictions by it"


def data_warnings(
    problem: Problem, names: Sequence[str] | None = None
) -> list[Warning]:
    """Return the warnings about the data before training.

    Parameters
    ----------
    problem : Problem
        The data and the settings.
    names : sequence of str, default=None
        The names of the features, if there are any.
    """
    settings, targets, training = problem.settings, problem.targets, problem.training
    found: list[Warning] = []
    short = problem.incremental and len(training) < FEWEST_ROWS
    if problem.past is None and not short:
        found += feature_warnings(training, names)
        found += target_scale_warnings(problem)
    held_out = problem.held_out
    if held_out and held_out.targets is not training.targets:
        found += validation_feature_warnings(training, held_out, names)
        if targets.real:
            found += validation_target_warnings(training.own()[0], held_out.own()[0])
    asked, n_rows = settings.batch_size or 0, len(training)
    by_batches = is_stochastic(settings.solver) and not problem.incremental
    if by_batches and asked > n_rows:
        found.append(
            UserWarning(
                f"batch_size={asked} is larger than the {n_rows} training rows and is "
                f"clipped to {n_rows}."
            )
        )
    return found


def feature_warnings(data: Rows, names: Sequence[str] | None = None) -> list[Warning]:
    """Return a warning if features differ too much in scale, or are far from 0 or 1.

    Parameters
    ----------
    data : Rows
        The rows, of which a sample is checked. Sparse rows are not checked.
    names : sequence of str, default=None
        The names of the features, if there are any.
    """
    if issparse(data.X) or len(data) == 0:
        return []
    sample = data.sample(SAMPLE_ROWS).X
    highest = sample.max(axis=0).astype(np.float64)
    lowest = sample.min(axis=0).astype(np.float64)
    problem = _problem_of_scales(lowest, highest, names)
    if not problem:
        return []
    remedy = "Put StandardScaler, or another scaler, before this estimator."
    return [FeatureScaleWarning(f"{problem}. {remedy}")]


def _problem_of_scales(
    lowest: Array, highest: Array, names: Sequence[str] | None
) -> str | None:
    varying = np.flatnonzero(highest > lowest)
    if not varying.size:
        return None
    with np.errstate(over="ignore"):
        ranges = highest[varying] - lowest[varying]
        offsets = np.abs(highest[varying] / 2 + lowest[varying] / 2) / ranges
    smallest, largest = ranges.min(), ranges.max()
    span = f"The ranges of the features span {smallest:.2g} to {largest:.2g}"
    constant = np.abs(np.delete(highest, varying)).max(initial=0)
    worst = offsets.argmax()
    problem = None
    if largest / LARGEST_RATIO_OF_SCALES > smallest:
        problem = f"{span}, and the small ones will hardly be learnt from"
    elif smallest > LARGEST_RANGE or largest < 1 / LARGEST_RANGE:
        problem = f"{span}, far from 1, for which default parameters are made"
    elif constant / LARGEST_RATIO_OF_SCALES > largest:
        problem = (
            f"{span}, and one is {constant:.2g} in all rows, which drowns the others"
        )
    elif offsets[worst] > LARGEST_OFFSET:
        number = int(varying[worst])
        problem = (
            f"{_feature(number, names)} goes from {lowest[number]:.10g} to "
            f"{highest[number]:.10g}: its mean is far above its spread, and the "
            "network sees little but the mean"
        )
    return problem


def target_scale_warnings(problem: Problem) -> list[Warning]:
    """Return a warning if the scale of a regressor's targets makes training harder."""
    targets = problem.targets
    if not targets.real or targets.unit_free:
        return []
    return target_warnings(
        problem.training.own()[0],
        targets.loss.output_activation == "exp",
        from_zero=problem.settings.starts_as_sklearn,
    )


def target_remedy(exponential: bool) -> str:
    """Return how to scale targets; logarithms need them above 0 still."""
    return DIVIDE_TARGETS if exponential else SCALE_TARGETS


def target_warnings(
    targets: Array, exponential: bool, from_zero: bool
) -> list[Warning]:
    """Return a warning if the targets of a regressor are far from standard scale.

    Parameters
    ----------
    targets : ndarray of shape (n_rows, n_outputs)
        The training targets.
    exponential : bool
        Whether predictions are exponentials, for which only the mean matters.
    from_zero : bool
        Whether predictions are about zero at first, not about the mean.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        means = targets.mean(axis=0, dtype=np.float64)
        spreads = targets.std(axis=0, dtype=np.float64)
    scales = means if exponential else spreads
    # Constant targets have a spread of 0, which is not too small.
    far = (scales > TARGET_SPREADS[1]) | ((scales > 0) & (scales < TARGET_SPREADS[0]))
    if not exponential:
        most = LARGEST_MEAN_FROM_ZERO if from_zero else LARGEST_MEAN
        far |= (spreads > 0) & (np.abs(means) > most * spreads)
    if not far.any():
        return []
    column = int(far.argmax())
    remedy = target_remedy(exponential)
    what = "y" if len(far) == 1 else f"Column {column} of y"
    return [
        TargetScaleWarning(
            f"{what} has a mean of {means[column]:.3g} and a standard deviation of "
            f"{spreads[column]:.3g}, far from the 0 and 1 that default parameters are "
            f"made for. {remedy[0].upper()}{remedy[1:]}."
        )
    ]


def validation_target_warnings(targets: Array, held_out: Array) -> list[Warning]:
    """Return a warning if validation and training targets are on different scales.

    ``TransformedTargetRegressor`` transforms ``y``, and leaves ``y_val`` as it is.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        center = targets.mean(axis=0, dtype=np.float64)
        far = np.abs(held_out - center).mean(axis=0)
        usual = np.abs(targets - center).mean(axis=0)
    near = len(held_out) >= FEWEST_ROWS and (far < usual / OTHER_SCALE).all()
    if not (usual > 0).all() or not (near or (far > OTHER_SCALE * usual).any()):
        return []
    return [
        TargetScaleWarning(
            f"y_val is {far.max():.3g} away from the mean of y, which itself varies by "
            f"{usual.max():.3g}. Put both on one scale: TransformedTargetRegressor "
            "transforms y, but not y_val."
        )
    ]


def validation_feature_warnings(
    training: Rows, held_out: Rows, names: Sequence[str] | None = None
) -> list[Warning]:
    """Return a warning if validation and training rows are on different scales.

    A pipeline does not transform ``X_val`` unless it is told to. Only dense rows are
    checked, a sample of them.
    """
    few = len(training) < FEWEST_ROWS or len(held_out) < 2
    if few or issparse(training.X) or issparse(held_out.X):
        return []
    sample = training.sample(SAMPLE_ROWS).X
    rows = held_out.sample(SAMPLE_ROWS).X
    highest = sample.max(axis=0).astype(np.float64)
    lowest = sample.min(axis=0).astype(np.float64)
    middle = (len(rows) - 1) // 2
    with np.errstate(over="ignore"):
        ranges = highest - lowest
        # The distance that more than half of the rows reach; below 0 means inside.
        distances = np.partition(
            np.maximum(lowest - rows, rows - highest), middle, axis=0
        )[middle]
        far = (ranges > 0) & (distances > LARGEST_DISTANCE * ranges)
    if far.mean() <= FEWEST_FEATURES:
        return []
    column = int(np.where(far, distances / np.where(far, ranges, 1), 0).argmax())
    return [
        FeatureScaleWarning(
            f"{_feature(column, names)} goes from {lowest[column]:.4g} to "
            f"{highest[column]:.4g} in X, and is about "
            f"{np.median(rows[:, column]):.4g} in X_val. Transform both alike: a "
            'pipeline transforms X_val with Pipeline(..., transform_input=["X_val"]) '
            "and metadata routing only."
        )
    ]


def _feature(number: int, names: Sequence[str] | None) -> str:
    return f"Feature {number}" + (f" ({names[number]})" if names is not None else "")


def describe_outlier(data: Rows) -> str | None:
    """Describe a target or an entry of X that is a thousand times the rest, if any is.

    All rows are checked, in blocks.
    """
    rows = np.arange(data.X.shape[0]) if data.rows is None else data.rows
    if data.targets.ndim == 2:
        found = _largest(data.targets, rows)
        if found and found[2] > OUTLIER:
            row, column, times, value = found
            where = f"y[{row}]" if data.targets.shape[1] == 1 else f"y[{row}, {column}]"
            return f"{where} = {value:.6g} is {times:.2g} times as large as the others"
    found = None if issparse(data.X) else _largest(data.X, rows)
    if found and found[2] > OUTLIER:
        row, column, times, value = found
        return (
            f"X[{row}, {column}] = {value:.6g} is {times:.2g} times as large as most "
            "of that column"
        )
    return None


def _largest(values: Array, rows: Array) -> tuple[int, int, float, float] | None:
    """Return row, column, relative distance and value of the largest outlier.

    The distance is measured from the column's median, relative to the 0.9 quantile of
    the distances in a sample.
    """
    sampled = np.sort(rows[np.linspace(0, len(rows) - 1, SAMPLE_ROWS).astype(int)])
    sample = values[sampled].astype(np.float64)
    center = np.median(sample, axis=0)
    usual = np.quantile(np.abs(sample - center), 0.9, axis=0)
    # A column that hardly ever differs from its median has no scale to compare with.
    usual[usual == 0] = np.inf
    best: tuple[int, int, float, float] | None = None
    for block in row_blocks(len(rows), BLOCK_ROWS):
        with np.errstate(over="ignore", invalid="ignore"):
            times = np.abs(values[rows[block]] - center) / usual
        at = np.unravel_index(int(times.argmax()), times.shape)
        if best is None or times[at] > best[2]:
            row, column = int(rows[block][at[0]]), int(at[1])
            best = row, column, float(times[at]), float(values[row, column])
    return best


def features_are_fine(data: Rows) -> bool:
    """Return whether the features, dense ones only, are well scaled already."""
    if issparse(data.X):
        return False
    sample = data.sample(SAMPLE_ROWS).X
    with np.errstate(over="ignore"):
        ranges = sample.max(axis=0).astype(np.float64) - sample.min(axis=0)
        middles = np.abs(sample.max(axis=0) / 2 + sample.min(axis=0) / 2)
    varying = ranges > 0
    if not varying.any():
        return False
    scaled: Any = ranges[varying].max() < 30 and ranges[varying].min() > 0.5
    return bool(scaled and (middles <= np.maximum(ranges, 1)).all())
