"""Sparse input: the numbers of a dense array, without ever making one."""

import json
import subprocess
import sys
from functools import partial

import helpers
import numpy as np
import pytest
from helpers import both, ignore_convergence, numbers
from scipy import sparse
from sklearn.base import clone

from skmlp_scratch import ScratchMLPClassifier

quick = partial(helpers.quick, hidden_layer_sizes=6, max_iter=4, batch_size=50)

pytestmark = ignore_convergence

containers = pytest.mark.parametrize(
    "container",
    [
        sparse.csr_matrix,
        sparse.csr_array,
        sparse.csc_matrix,
        sparse.csc_array,
        sparse.coo_array,
    ],
)


def make_counts(dtype=np.float64, n_rows=120, n_features=30):
    rng = np.random.default_rng(0)
    counts = rng.poisson(0.2, size=(n_rows, n_features))
    y = (counts[:, :5].sum(axis=1) > counts[:, 5:10].sum(axis=1)) + (counts[:, 10] > 0)
    return counts.astype(dtype), y.astype(int)


def parts(matrix):
    matrix = matrix.tocsr() if matrix.format == "coo" else matrix
    return [part.copy() for part in (matrix.data, matrix.indices, matrix.indptr)]


@both
@containers
@pytest.mark.parametrize(
    "dtype", [np.float64, np.float32, np.int64, np.uint8, np.bool_]
)
@pytest.mark.parametrize("hidden_layer_sizes", [(), (6,), (6, 5)], ids=repr)
def test_sparse_gives_the_numbers_of_dense(
    hidden_layer_sizes, dtype, container, estimator_class
):
    X, y = make_counts(dtype)
    estimator = quick(estimator_class, hidden_layer_sizes=hidden_layer_sizes)
    of_dense = clone(estimator).fit(X, y)
    rows = container(X)
    before = parts(rows)
    of_sparse = estimator.fit(rows, y)
    close = {"atol": 1e-5 if of_dense.coefs_[0].dtype == np.float32 else 1e-12}
    assert of_sparse.coefs_[0].dtype == of_dense.coefs_[0].dtype
    np.testing.assert_allclose(numbers(of_sparse), numbers(of_dense), **close)
    np.testing.assert_allclose(of_sparse.loss_curve_, of_dense.loss_curve_, **close)
    np.testing.assert_allclose(estimator.predict(rows), of_dense.predict(X), **close)
    if estimator_class is ScratchMLPClassifier:
        probabilities = estimator.predict_proba(rows)
        assert isinstance(probabilities, np.ndarray)
        np.testing.assert_allclose(probabilities, of_dense.predict_proba(X), **close)
    assert estimator.score(rows, y) == pytest.approx(of_dense.score(X, y), rel=1e-5)
    assert rows.dtype == dtype
    for part, old in zip(parts(rows), before, strict=True):
        np.testing.assert_array_equal(part, old)


@both
@pytest.mark.parametrize("container", [sparse.csr_matrix, sparse.csc_array])
@pytest.mark.parametrize(
    "parameters",
    [
        {"solver": "sgd"},
        {"solver": "lbfgs", "batch_size": "auto"},
        {"early_stopping": True},
        {"activation": "identity", "hidden_layer_sizes": ()},
        {"shuffle": False, "batch_size": 7},
    ],
    ids=str,
)
def test_in_every_way_of_training(parameters, container, estimator_class):
    X, y = make_counts()
    weights = np.random.default_rng(1).uniform(0, 2, size=len(y))
    weights[::9] = 0
    of_dense = quick(estimator_class, **parameters).fit(X, y, weights)
    of_sparse = quick(estimator_class, **parameters).fit(container(X), y, weights)
    np.testing.assert_allclose(numbers(of_sparse), numbers(of_dense), atol=1e-8)


@both
@containers
def test_partial_fit(container, estimator_class):
    X, y = make_counts()
    more = {"classes": [0, 1, 2]} if estimator_class is ScratchMLPClassifier else {}
    of_dense, of_sparse = quick(estimator_class), quick(estimator_class)
    for _ in range(3):
        of_dense.partial_fit(X, y, **more)
        of_sparse.partial_fit(container(X), y, **more)
    np.testing.assert_allclose(numbers(of_sparse), numbers(of_dense), atol=1e-12)
    # One may follow the other.
    of_sparse.partial_fit(X, y)
    of_dense.partial_fit(container(X), y)
    np.testing.assert_allclose(numbers(of_sparse), numbers(of_dense), atol=1e-12)


def test_unsorted_indices_and_explicit_zeros():
    X, y = make_counts()
    expected = quick(ScratchMLPClassifier).fit(X, y)
    rows = sparse.csr_array(X)
    for start, end in zip(rows.indptr[:-1], rows.indptr[1:], strict=True):
        rows.indices[start:end] = rows.indices[start:end][::-1].copy()
        rows.data[start:end] = rows.data[start:end][::-1].copy()
    rows.has_sorted_indices = False
    estimator = quick(ScratchMLPClassifier).fit(rows, y)
    np.testing.assert_allclose(numbers(estimator), numbers(expected), atol=1e-12)
    with_zeros = sparse.csr_array(X + 1)
    with_zeros.data -= 1
    estimator = quick(ScratchMLPClassifier).fit(with_zeros, y)
    np.testing.assert_allclose(numbers(estimator), numbers(expected), atol=1e-12)


def test_sparse_labels():
    X, y = make_counts()
    indicators = np.column_stack([y > 0, y > 1, X[:, 0] > 0]).astype(int)
    expected = quick(ScratchMLPClassifier).fit(X, indicators)
    for container in (sparse.csr_matrix, sparse.csr_array, sparse.csc_array):
        estimator = quick(ScratchMLPClassifier).fit(X, container(indicators))
        np.testing.assert_array_equal(numbers(estimator), numbers(expected))
        assert isinstance(estimator.predict(X), np.ndarray)


@both
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_stored_values_must_be_finite(value, estimator_class):
    X, y = make_counts()
    rows = sparse.csr_array(X)
    rows.data[3] = value
    with pytest.raises(ValueError, match=r"contains (NaN|infinity)"):
        quick(estimator_class).fit(rows, y)


def test_an_empty_matrix_is_all_zeros():
    _, y = make_counts()
    rows = sparse.csr_array((len(y), 4))
    estimator = quick(ScratchMLPClassifier, activation="tanh")
    with pytest.warns(UserWarning, match="predicts the same for all rows"):
        estimator.fit(rows, y)
    expected = estimator.predict_proba(np.zeros((1, 4)))
    np.testing.assert_allclose(estimator.predict_proba(rows)[[7]], expected)


# Peak memory is that of a process, hence a new one.
LARGE_FIT = """
import json, re, sys, warnings
from pathlib import Path
import numpy as np
from scipy import sparse
import skmlp_scratch
warnings.simplefilter("ignore")
kind, container = sys.argv[1:]
rng = np.random.default_rng(0)
n_rows, n_features, n_stored = 50_000, 20_000, 1_000_000
indices = (
    np.repeat(np.arange(n_rows), n_stored // n_rows),
    rng.integers(n_features, size=n_stored),
)
X = sparse.coo_array((rng.random(n_stored), indices), shape=(n_rows, n_features))
X = getattr(sparse, container)(X)
assert X.dtype == np.float64
y = rng.integers(2, size=n_rows)
estimator = getattr(skmlp_scratch, kind)(max_iter=1, random_state=0)
estimator.fit(X, y)
assert estimator.coefs_[0].shape == (n_features, 100)
assert estimator.coefs_[0].dtype == np.float64
assert np.isfinite(estimator.predict(X)).all()
# Not ru_maxrss, which a new process inherits from the one that started it.
peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())
print(json.dumps(int(peak[1])))
"""


@pytest.mark.slow
@pytest.mark.skipif(
    not sys.platform.startswith("linux"),
    reason="/proc/self/status is there on Linux only",
)
@pytest.mark.parametrize(
    ("kind", "container"),
    [("ScratchMLPClassifier", "csr_matrix"), ("ScratchMLPRegressor", "csc_array")],
)
def test_peak_memory_of_a_large_fit(kind, container):
    # As a dense array, X would take 8 GB.
    process = subprocess.run(
        [sys.executable, "-c", LARGE_FIT, kind, container],
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    peak = json.loads(process.stdout) * 1024
    assert peak < 1.5e9
