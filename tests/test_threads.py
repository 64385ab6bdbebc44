"""The number of BLAS threads: chosen by size, and always restored."""

import threading

import numpy as np
import pytest
from sklearn.datasets import load_digits
from threadpoolctl import ThreadpoolController, threadpool_limits

from skmlp_scratch import ScratchMLPClassifier
from skmlp_scratch._threads import SMALL_PRODUCT, threads_for

SMALL, LARGE = (10, 10), (SMALL_PRODUCT, 2)
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(autouse=True)
def two_threads():
    """Two BLAS threads, whatever the machine has."""
    with threadpool_limits(2, user_api="blas"):
        yield


def numbers_of_threads():
    libraries = ThreadpoolController().select(user_api="blas").info()
    return {library["num_threads"] for library in libraries}


def test_small_products_get_one_thread():
    with threads_for(SMALL, 10):
        assert numbers_of_threads() == {1}
    assert numbers_of_threads() == {2}


def test_large_products_get_what_the_process_has():
    with threads_for(LARGE, 10):
        assert numbers_of_threads() == {2}
    with threadpool_limits(1, user_api="blas"), threads_for(LARGE, 10):
        assert numbers_of_threads() == {1}


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


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
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
    threads = [
        threading.Thread(target=lambda: results.append(model.predict_proba(rows)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    for result in results:
        np.testing.assert_allclose(result, expected, rtol=1e-10)
