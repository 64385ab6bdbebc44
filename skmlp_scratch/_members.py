"""The members of an ensemble: their folds, batch sizes, epochs and training."""

import time
import warnings
from typing import Any

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning

from skmlp_scratch._estimator.threads import threads_for
from skmlp_scratch.exceptions import (
    ConstantPredictionWarning,
    DeadUnitsWarning,
    FeatureScaleWarning,
    TargetScaleWarning,
)
from skmlp_scratch.nn.typing import Array

FOLDS_OF_ONE = 8
# Of many rows, larger batches: at 300,000 rows, ten epochs of 1024 take the time of ten
# of 256, with errors that are 1 to 4% smaller. At 50,000 they are not.
SMALLEST_BATCH, LARGEST_BATCH, LARGEST_OF_MANY = 32, 256, 1024
BATCHES_PER_EPOCH = 16
STEPS = 400
FEWEST_EPOCHS, MOST_EPOCHS = 10, 200


def deal_folds(strata: Array, n_folds: int, rng: np.random.RandomState) -> Array:
    """Return the fold of each row: each stratum is spread over all folds.

    Parameters
    ----------
    strata : ndarray of int of shape (n_samples,)
        Rows with equal numbers are dealt to the folds in turn, in random order; the
        next stratum goes on where the last one ended.
    n_folds : int
        How many folds.
    rng : RandomState
        Source of the order.
    """
    order = rng.permutation(len(strata))
    order = order[np.argsort(strata[order], kind="stable")]
    folds = np.empty(len(strata), dtype=np.intp)
    folds[order] = np.arange(len(strata)) % n_folds
    return folds


def batch_rows(batch_size: Any, n_rows: int) -> int:
    """Return how many rows a batch has: 'auto' is about a sixteenth of them."""
    if not isinstance(batch_size, str):
        return int(batch_size)
    few = _power_of_two(n_rows / BATCHES_PER_EPOCH)
    many = _power_of_two(n_rows / LARGEST_BATCH)
    return max(min(max(few, SMALLEST_BATCH), LARGEST_BATCH), min(many, LARGEST_OF_MANY))


def _power_of_two(x: float) -> int:
    """Return the nearest one, by the logarithm; 1 for what is below."""
    return 1 << max(round(np.log2(x)), 0)


def epochs(max_steps: Any, batch: int, n_rows: int) -> int:
    """Return how many epochs a member is trained for."""
    if isinstance(max_steps, str):
        wanted = round(STEPS * batch / n_rows)
        return int(np.clip(wanted, FEWEST_EPOCHS, MOST_EPOCHS))
    steps_per_epoch = -(-n_rows // batch)
    return max(1, int(max_steps) // steps_per_epoch)


def train_member(
    net: Any,
    X: Array,
    y: Array,
    weights: Array,
    held_out: Array,
    predict: str,
    label: str,
) -> tuple[Any, Array]:
    """Train a network on some rows, keeping the epoch that is best on the others.

    It may run in a process of its own.

    Parameters
    ----------
    net : ScratchMLPClassifier or ScratchMLPRegressor
        Fitted in place.
    X, y, weights : ndarray
        All rows.
    held_out : ndarray of bool of shape (n_samples,)
        The rows to validate on.
    predict : str
        The method whose results for the rows held out are wanted.
    label : str
        How to call the member in a line of progress; empty for none.

    Returns
    -------
    net : estimator
        Fitted, without what only more training needs.
    outputs : ndarray
        The results of the method for the rows held out.
    """
    start = time.perf_counter()
    X_val = X[held_out]
    with threads_for([1, 1], 1), warnings.catch_warnings():
        # The data may have nothing to learn, and a fold may be a single row: warnings
        # by each member would not help the caller.
        for category in (
            ConstantPredictionWarning,
            DeadUnitsWarning,
            FeatureScaleWarning,
            TargetScaleWarning,
            UndefinedMetricWarning,
        ):
            warnings.simplefilter("ignore", category)
        # Rows of weight 0 are left out, which saves a copy of the others.
        net.fit(
            X,
            y,
            np.where(held_out, 0.0, weights),
            X_val=X_val,
            y_val=y[held_out],
            sample_weight_val=weights[held_out],
        )
        outputs = getattr(net, predict)(X_val)
    if label:
        loss = net.validation_loss_curve_[net.best_iter_ - 1]
        print(
            f"{label}: validation loss {loss:.4g} after epoch {net.best_iter_} of "
            f"{net.max_iter}, {time.perf_counter() - start:.1f} s",
            flush=True,
        )
    # Predicting in float64, a row's prediction does not depend, by more than the last
    # digits, on the rows beside it.
    net.coefs_ = [W.astype(np.float64) for W in net.coefs_]
    net.intercepts_ = [b.astype(np.float64) for b in net.intercepts_]
    return net.drop_training_state(), outputs
