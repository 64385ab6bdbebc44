"""The number of BLAS threads: chosen by size, and always restored."""

import threading
from types import SimpleNamespace

import numpy as np
import pytest
from helpers import ignore_convergence, in_batches_or_at_once
from sklearn.datasets import load_digits
from threadpoolctl import ThreadpoolController, threadpool_limits

from skmlp_scratch import ScratchMLPClassifier
from skmlp_scratch._estimator import threads
from skmlp_scratch._estimator.threads import (
    WORTH_A_THREAD,
    _blas_of_scipy,
    _is_of_scipy,
    suitable_threads,
    threads_for,
)

SMALL, LARGE = (10, 10), (WORTH_A_THREAD, 2)
pytestmark = ignore_convergence


@pytest.fixture(autouse=True)
def two_threads():
    """Two BLAS threads, whatever the machine has."""
    with threadpool_limits(2, user_api="blas"):
        yield


def numbers_of_threads(of_products_only=False):
    libraries = ThreadpoolController().select(user_api="blas").info()
    own = [library.filepath for library in _blas_of_scipy().lib_controllers]
    return {
        library["num_threads"]
        for library in libraries
        if not (of_products_only and library["filepath"] in own)
    }


def test_small_products_get_one_thread():
    with threads_for(SMALL, 10):
        assert numbers_of_threads() == {1}
    assert numbers_of_threads() == {2}


@pytest.mark.parametrize(
    ("batch_rows", "set_to", "cores", "expected"),
    [
        (1, 8, 8, 1),
        (2, 8, 8, 2),
        (5, 8, 8, 5),
        (100, 8, 8, 8),
        (100, 8, 3, 3),  # a container, or an affinity mask
        (100, 2, 8, 2),  # a worker of joblib
        (100, 1, 8, 1),
    ],
)
def test_threads_are_no_more_than_worth_it_and_than_there_are(
    batch_rows, set_to, cores, expected, monkeypatch
):
    library = SimpleNamespace(num_threads=set_to)
    blas = SimpleNamespace(lib_controllers=[library])
    monkeypatch.setattr(threads, "_blas", lambda: blas)
    monkeypatch.setattr(threads.joblib, "cpu_count", lambda: cores)
    assert suitable_threads((WORTH_A_THREAD, 1), batch_rows) == expected


def test_large_products_get_what_the_process_has():
    with threads_for(LARGE, 10):
        assert numbers_of_threads(of_products_only=True) == {2}
    assert numbers_of_threads() == {2}
    with threadpool_limits(1, user_api="blas"), threads_for(LARGE, 10):
        assert numbers_of_threads() == {1}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/python/numpy.libs/blas64.so", False),
        ("/python/scipy.libs/blas.so", True),
        ("/python/scipy/.dylibs/blas.dylib", True),
        ("/python/numpy/.dylibs/blas.dylib", False),
        ("/usr/lib/blas.so", False),
        ("/home/scipy.libs/lib/blas.so", False),
    ],
)
def test_which_blas_is_of_scipy_alone(path, expected):
    assert _is_of_scipy(path) == expected


def test_blas_of_scipy_gets_one_thread():
    own = _blas_of_scipy()
    if not own.info():
        pytest.skip("SciPy has no BLAS of its own here")
    with threads_for(LARGE, 10):
        assert {library["num_threads"] for library in own.info()} == {1}
    assert {library["num_threads"] for library in own.info()} == {2}


def test_restored_after_an_error():
    with pytest.raises(KeyError), threads_for(SMALL, 10):
        raise KeyError
    assert numbers_of_threads() == {2}


def test_fits_in_several_threads_at_once_restore_it():
    inside, leave = threading.Event(), threading.Event()

    def other():
        with threads_for(SMALL, 10):
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=other)
    with threads_for(SMALL, 10):
        thread.start()
        inside.wait(10)
        assert numbers_of_threads() == {1}
    leave.set()
    thread.join()
    assert numbers_of_threads() == {2}
    with threads_for(SMALL, 10):
        assert numbers_of_threads() == {1}
    assert numbers_of_threads() == {2}


@in_batches_or_at_once
def test_fit_leaves_the_setting_alone(solver):
    X, y = load_digits(return_X_y=True)
    ScratchMLPClassifier(20, "tanh", solver=solver, max_iter=2, random_state=0).fit(
        X, y
    )
    assert numbers_of_threads() == {2}
    with pytest.raises(ValueError, match="hidden_layer_sizes"):
        ScratchMLPClassifier(0).fit(X, y)
    assert numbers_of_threads() == {2}


def test_predicting_in_several_threads_at_once():
    X, y = load_digits(return_X_y=True)
    model = ScratchMLPClassifier((30, 20), max_iter=5, random_state=0).fit(X, y)
    rows = np.tile(X, (5, 1))
    expected, results = model.predict_proba(rows), []
    others = [
        threading.Thread(target=lambda: results.append(model.predict_proba(rows)))
        for _ in range(4)
    ]
    for thread in others:
        thread.start()
    for thread in others:
        thread.join()
    assert len(results) == 4
    for result in results:
        np.testing.assert_allclose(result, expected, rtol=1e-10)
