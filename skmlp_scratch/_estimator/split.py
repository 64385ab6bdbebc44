"""The split of training rows for early stopping: stratified or random."""

import math

import numpy as np

from skmlp_scratch.nn.typing import Array


def stratified_split(
    codes: Array, fraction: float, rng: np.random.RandomState
) -> tuple[Array, Array]:
    """Split rows at random, with the share of each class kept.

    A class with a single row stays in training; so does at least one row of every other
    class.

    Parameters
    ----------
    codes : ndarray of int of shape (n_samples,)
        The class code of every row.
    fraction : float
        Fraction of the rows for validation, rounded up as in scikit-learn.
    rng : RandomState
        The source of randomness.

    Returns
    -------
    train, validation : ndarray of int
        Row indices, each in random order.

    Raises
    ------
    ValueError
        If fewer than two rows would be left for validation.
    """
    fraction = float(fraction)  # a float16 times 100,000 rows is infinite
    counts = np.bincount(codes)
    wanted = math.ceil(fraction * len(codes))
    shares = fraction * counts
    n_held_out = np.floor(shares).astype(int)
    # The rows still wanted come from the classes with the largest remainders.
    by_remainder = np.lexsort((rng.random_sample(len(counts)), n_held_out - shares))
    spare = by_remainder[counts[by_remainder] > n_held_out[by_remainder] + 1]
    n_held_out[spare[: max(wanted - n_held_out.sum(), 0)]] += 1
    check_validation_size(n_held_out.sum(), fraction, len(codes))
    rows = rng.permutation(len(codes))
    codes = codes[rows]
    # A row is for validation if it is among the first `n_held_out` rows of its class.
    by_class = np.argsort(codes, kind="stable")
    starts = np.concatenate(([0], np.cumsum(counts)[:-1]))
    rank = np.empty_like(rows)
    rank[by_class] = np.arange(len(codes)) - np.repeat(starts, counts)
    validation = rank < n_held_out[codes]
    return rows[~validation], rows[validation]


def random_split(
    n_samples: int, fraction: float, rng: np.random.RandomState
) -> tuple[Array, Array]:
    """Split rows at random, drawing as scikit-learn's ``train_test_split`` does.

    Returns and raises what :func:`stratified_split` does.
    """
    fraction = float(fraction)
    n_validation = math.ceil(fraction * n_samples)
    check_validation_size(n_validation, fraction, n_samples)
    rows = rng.permutation(n_samples)
    return rows[n_validation:], rows[:n_validation]


def check_validation_size(n_validation: int, fraction: float, n_samples: int) -> None:
    """Raise an error if validation has less than two rows, or training none."""
    if not 2 <= n_validation < n_samples:
        raise ValueError(
            "The validation set is too small: early_stopping=True with "
            f"validation_fraction={fraction} leaves {n_validation} rows of "
            f"n_samples={n_samples} for validation. Increase validation_fraction or "
            "the number of samples."
        )
