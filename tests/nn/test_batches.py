"""Mini-batches: every row once, in the right type, without a copy of X."""

import numpy as np
import pytest
import scipy.sparse
from helpers import float_types

from skmlp_scratch.nn.batches import Batches
from skmlp_scratch.nn.fast import row_blocks

N = 23


def rows_of(batches):
    """Return one epoch's row numbers in order; X holds them in column 0."""
    return np.concatenate([batch.X[:, 0].astype(int) for batch in batches]).tolist()


def make(**kwargs):
    X = np.arange(N)[:, np.newaxis] + np.zeros(3, int)
    kwargs = {"batch_size": 5, "dtype": np.float64, "rng": None, **kwargs}
    return Batches(X.astype(np.float64), np.arange(N), **kwargs)


def test_without_shuffling_rows_come_in_order():
    assert rows_of(make()) == list(range(N))
    assert [len(batch.X) for batch in make()] == [5, 5, 5, 5, 3]


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("batch_size", [1, 5, 23, 50])
def test_shuffled_epochs_hold_every_row_once(seed, batch_size):
    batches = make(rng=np.random.RandomState(seed), batch_size=batch_size)
    first, second = rows_of(batches), rows_of(batches)
    assert sorted(first) == sorted(second) == list(range(N))
    assert first != second


def test_targets_and_weights_belong_to_their_rows():
    weights = np.arange(N) / 2
    for batch in make(rng=np.random.RandomState(0), weights=weights):
        np.testing.assert_array_equal(batch.X[:, 0], batch.targets)
        np.testing.assert_array_equal(batch.weights, batch.targets / 2)


def test_without_weights_a_batch_is_divided_by_its_rows():
    assert [batch.normalizer for batch in make()] == [5, 5, 5, 5, 3]
    assert make().mean_weight == 1


def test_with_weights_a_batch_is_divided_by_its_rows_times_the_mean_of_all():
    weights = np.random.default_rng(0).uniform(0, 3, N)
    batches = make(rng=np.random.RandomState(0), weights=weights)
    assert batches.mean_weight == pytest.approx(weights.mean())
    for batch in batches:
        expected = len(batch.targets) * weights.mean()
        assert batch.normalizer == pytest.approx(expected)


def test_the_mean_weight_is_that_of_the_rows_served():
    weights = np.arange(N) + 1.0
    rows = np.array([20, 3, 4, 11, 7, 0])
    batches = make(rows=rows, weights=weights, batch_size=4)
    mean = weights[rows].mean()
    assert [batch.normalizer for batch in batches] == pytest.approx(
        [4 * mean, 2 * mean]
    )
    for batch in batches:
        np.testing.assert_array_equal(batch.weights, batch.targets + 1)


@float_types
def test_weights_are_cast_and_their_mean_is_not(dtype):
    weights = np.full(N, 0.1)
    batches = make(weights=weights, dtype=dtype)
    assert next(iter(batches)).weights.dtype == dtype
    assert batches.mean_weight == pytest.approx(0.1, rel=1e-15)


@pytest.mark.parametrize("container", ["csr_matrix", "csr_array"])
@pytest.mark.parametrize("dtype", [bool, np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("computing", [np.float32, np.float64])
@pytest.mark.parametrize("rows", [None, [20, 3, 4, 11, 7, 0, 8]], ids=str)
def test_sparse_batches_equal_dense_ones(container, dtype, computing, rows):
    X = (np.arange(N * 3).reshape(N, 3) % 4).astype(dtype)
    rows = None if rows is None else np.array(rows)
    sparse = getattr(scipy.sparse, container)(X)
    of_sparse, of_dense = (
        Batches(x, np.arange(N), 5, computing, np.random.RandomState(0), rows)
        for x in (sparse, X)
    )
    assert of_sparse.X is sparse
    for one, other in zip(of_sparse, of_dense, strict=True):
        assert scipy.sparse.issparse(one.X)
        assert one.X.dtype == computing
        np.testing.assert_array_equal(one.X.toarray(), other.X)
        np.testing.assert_array_equal(one.targets, other.targets)
        assert one.normalizer == other.normalizer
    np.testing.assert_array_equal(sparse.toarray(), X)


def test_some_rows_only():
    rows = np.array([20, 3, 4, 11, 7, 0])
    assert rows_of(make(rows=rows)) == rows.tolist()
    shuffled = rows_of(make(rows=rows, rng=np.random.RandomState(0)))
    assert sorted(shuffled) == sorted(rows)


def test_the_callers_rows_keep_their_order():
    rows = np.array([20, 3, 4, 11, 7, 0])
    before = rows.copy()
    list(make(rows=rows, rng=np.random.RandomState(0)))
    np.testing.assert_array_equal(rows, before)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int16, np.float16, np.float64])
@pytest.mark.parametrize("computing", [np.float32, np.float64])
def test_rows_are_cast_and_x_is_not(dtype, computing):
    X = np.arange(N * 3).reshape(N, 3).astype(dtype)
    batches = Batches(X, np.arange(N), 5, computing, np.random.RandomState(0))
    assert np.shares_memory(batches.X, X)
    for batch in batches:
        assert batch.X.dtype == computing
        np.testing.assert_array_equal(batch.X, X[batch.targets].astype(computing))


def test_fortran_order_gives_the_same_batches():
    X = np.random.default_rng(0).standard_normal((N, 3))
    for order in "CF":
        batches = Batches(np.asarray(X, order=order), np.arange(N), 5, X.dtype, None)
        np.testing.assert_array_equal(np.concatenate([b.X.copy() for b in batches]), X)


def test_buffer_is_reused():
    batches = make()
    first, second = (next(iter(batches)).X for _ in range(2))
    assert np.shares_memory(first, second)


@pytest.mark.parametrize("n_rows", [1, 9, 10, 11])
def test_row_blocks_cover_all_rows(n_rows):
    blocks = list(row_blocks(n_rows, 5))
    covered = np.concatenate([np.arange(n_rows)[block] for block in blocks])
    assert covered.tolist() == list(range(n_rows))
    assert max(block.stop - block.start for block in blocks) <= 5


def test_no_rows_make_no_blocks():
    assert list(row_blocks(0, 5)) == []
