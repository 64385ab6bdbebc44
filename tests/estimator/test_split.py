"""The validation rows: a share of every class, and never a whole class."""

import math
import re

import numpy as np
import pytest
from sklearn.model_selection import train_test_split

from skmlp_scratch._estimator.split import random_split, stratified_split


def random_problem(seed):
    rng = np.random.default_rng(seed)
    largest = rng.choice([1, 2, 3, 10, 60])
    counts = rng.integers(1, largest + 1, size=rng.integers(1, 15))
    counts[0] += 4  # room for the two validation rows that there must be
    codes = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    return codes, counts, rng.uniform(0.4, 0.95) if seed % 3 else 0.5


def split(codes, fraction, seed=0):
    return stratified_split(codes, fraction, np.random.RandomState(seed))


@pytest.fixture(params=range(100))
def problem(request):
    return random_problem(request.param)


def test_every_row_is_on_exactly_one_side(problem):
    codes, _, fraction = problem
    train, validation = split(codes, fraction)
    both = np.concatenate((train, validation))
    np.testing.assert_array_equal(np.sort(both), np.arange(len(codes)))


def test_each_class_gives_its_share_to_within_one_row(problem):
    codes, counts, fraction = problem
    _, validation = split(codes, fraction)
    taken = np.bincount(codes[validation], minlength=len(counts))
    share = fraction * counts
    # A class that would be used up keeps a row, whatever its share.
    assert (taken > np.minimum(share, counts - 1) - 1).all()
    assert (taken <= share + 1).all()


def test_every_class_stays_in_training(problem):
    codes, counts, fraction = problem
    train, validation = split(codes, fraction)
    assert set(codes[train]) == set(range(len(counts)))
    assert not (counts[codes[validation]] == 1).any()


def test_size_is_the_fraction_rounded_up_where_the_classes_allow_it(problem):
    codes, counts, fraction = problem
    _, validation = split(codes, fraction)
    possible = np.minimum(np.floor(fraction * counts) + 1, counts - 1).sum()
    assert len(validation) == min(math.ceil(fraction * len(codes)), possible)


@pytest.mark.parametrize("fraction", [0.05, 0.1, 0.25, 0.5])
@pytest.mark.parametrize("n_rows", [101, 300])
def test_large_classes_reach_the_exact_size(n_rows, fraction):
    codes = np.arange(n_rows) % 3
    _, validation = split(codes, fraction)
    assert len(validation) == math.ceil(fraction * n_rows)


def test_the_spare_rows_come_from_the_largest_remainders():
    codes = np.repeat([0, 1, 2], [11, 19, 10])  # shares 1.1, 1.9 and 1.0
    for seed in range(10):
        _, validation = split(codes, 0.1, seed)
        assert np.bincount(codes[validation]).tolist() == [1, 2, 1]


def test_equal_remainders_take_turns():
    codes = np.repeat([0, 1, 2], 15)  # shares 1.5, of which ceil(4.5) = 5 rows
    counts = [np.bincount(codes[split(codes, 0.1, seed)[1]]) for seed in range(40)]
    assert {tuple(count) for count in counts} == {(1, 2, 2), (2, 1, 2), (2, 2, 1)}


def test_the_seed_decides(problem):
    codes, _, fraction = problem
    first, again = split(codes, fraction, 7), split(codes, fraction, 7)
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])


def test_another_seed_splits_otherwise():
    codes = np.arange(60) % 3
    splits = {tuple(np.sort(split(codes, 0.2, seed)[1])) for seed in range(20)}
    assert len(splits) == 20


def test_every_row_has_the_same_chance():
    codes = np.repeat([0, 1], [10, 30])
    hits = np.zeros(len(codes))
    for seed in range(400):
        hits[split(codes, 0.2, seed)[1]] += 1
    # Binomial with 400 draws of probability 0.2: 80, give or take five deviations of 8.
    assert (abs(hits - 80) < 40).all()


def test_both_sides_are_in_random_order():
    codes = np.repeat([0, 1], 50)
    for rows in split(codes, 0.4):
        assert (np.diff(rows) < 0).any()
        assert (np.diff(codes[rows]) < 0).any()


@pytest.mark.parametrize(
    ("counts", "fraction", "left"),
    [([50, 50], 0.01, 1), ([1] * 20, 0.5, 0), ([2] + [1] * 9, 0.5, 1), ([9], 0.0, 0)],
)
def test_fewer_than_two_rows_raise_an_error(counts, fraction, left):
    codes = np.repeat(np.arange(len(counts)), counts)
    message = (
        "The validation set is too small: early_stopping=True with "
        f"validation_fraction={fraction} leaves {left} rows of n_samples={len(codes)} "
        "for validation. Increase validation_fraction or the number of samples."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        split(codes, fraction)


def test_codes_are_left_as_they_are(problem):
    codes, _, fraction = problem
    before = codes.copy()
    split(codes, fraction)
    np.testing.assert_array_equal(codes, before)


@pytest.mark.parametrize("fraction", [0.1, 0.25, 0.9])
@pytest.mark.parametrize("n_rows", [20, 101])
def test_random_split_is_that_of_scikit_learn(n_rows, fraction):
    for seed in range(3):
        both = random_split(n_rows, fraction, np.random.RandomState(seed))
        expected = train_test_split(
            np.arange(n_rows),
            test_size=fraction,
            random_state=np.random.RandomState(seed),
        )
        for rows, other in zip(both, expected, strict=True):
            np.testing.assert_array_equal(rows, other)


@pytest.mark.parametrize(
    ("n_rows", "fraction", "left"), [(10, 0.05, 1), (10, 0.0, 0), (3, 0.9, 3)]
)
def test_random_split_leaves_rows_on_both_sides(n_rows, fraction, left):
    message = f"validation_fraction={fraction} leaves {left} rows of n_samples={n_rows}"
    with pytest.raises(ValueError, match=re.escape(message)):
        random_split(n_rows, fraction, np.random.RandomState(0))
