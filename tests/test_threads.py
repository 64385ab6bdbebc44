"""The number of BLAS threads: chosen by size, and always restored."""

import threading
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits
from threadpoolctl import ThreadpoolController, threadpool_limits

from skmlp_scratch import ScratchMLPClassifier
from skmlp_scratch._threads import (
    SMALL_PRODUCT,
    apart_from_numpy,
    blas_of_scipy,
    threads_for,
)
from skmlp_scratch.nn import vectors
from skmlp_scratch.nn.vectors import add_multiple

SMALL, LARGE = (10, 10), (SMALL_PRODUCT, 2)
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(autouse=True)
def two_threads():
    """Two BLAS threads, whatever the machine has."""
    with threadpool_limits(2, user_api="blas"):
        yield


def numbers_of_threads(of_products_only=False):
    libraries = ThreadpoolController().select(user_api="blas").info()
    own = [library.filepath for library in blas_of_scipy().lib_controllers]
    return {
        library["num_threads"]
        for library in libraries
        if not (of_products_only and library["filepath"] in own)
    }


def test_small_products_get_one_thread():
    with threads_for(SMALL, 10):
        assert numbers_of_threads() == {1}
    assert numbers_of_threads() == {2}


def test_large_products_get_what_the_process_has():
    with threads_for(LARGE, 10):
        assert numbers_of_threads(of_products_only=True) == {2}
    assert numbers_of_threads() == {2}
    with threadpool_limits(1, user_api="blas"), threads_for(LARGE, 10):
        assert numbers_of_threads() == {1}


def test_blas_of_scipy_is_what_numpy_does_not_use():
    of_scipy = [library["filepath"] for library in blas_of_scipy().info()]
    assert all("scipy" in str(Path(path).parent) for path in of_scipy)
    assert not any("numpy" in str(Path(path).parent) for path in of_scipy)
    assert numbers_of_threads(of_products_only=True) == {2}


NUMPY, SCIPY = "/lib/python/numpy", "/lib/python/scipy"
OF_NUMPY, OF_SCIPY = f"{NUMPY}.libs/openblas64.so", f"{SCIPY}.libs/openblas.so"


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        ([OF_NUMPY, OF_SCIPY], [OF_SCIPY]),
        ([f"{SCIPY}/.dylibs/openblas.dylib"], [f"{SCIPY}/.dylibs/openblas.dylib"]),
        ([OF_NUMPY, "/usr/lib/openblas.so"], ["/usr/lib/openblas.so"]),
        (["/usr/lib/openblas.so", OF_SCIPY], [OF_SCIPY]),
        (["/usr/lib/openblas.so"], []),
        ([OF_NUMPY], []),
        ([], []),
    ],
)
def test_which_blas_is_of_scipy_alone(paths, expected):
    assert apart_from_numpy(paths, NUMPY, SCIPY) == expected


def test_blas_of_scipy_gets_one_thread():
    own = blas_of_scipy()
    with threads_for(LARGE, 10):
        assert all(library["num_threads"] == 1 for library in own.info())
    assert all(library["num_threads"] == 2 for library in own.info())


def vectors_go_as_a_whole(monkeypatch):
    """Whether a long vector is added in one call."""
    calls = []
    monkeypatch.setitem(vectors._AXPY, "f", lambda *args, **kwargs: calls.append(args))
    add_multiple(np.ones(25_000, np.float32), 1.0, np.ones(25_000, np.float32))
    return len(calls) == 1


@pytest.mark.parametrize("layers", [SMALL, LARGE])
def test_vectors_go_as_a_whole_within(layers, monkeypatch):
    assert not vectors_go_as_a_whole(monkeypatch)
    with threads_for(layers, 10):
        assert vectors_go_as_a_whole(monkeypatch)
    assert not vectors_go_as_a_whole(monkeypatch)


def test_vectors_go_in_pieces_if_somebody_else_has_given_scipy_threads(monkeypatch):
    shared = not blas_of_scipy().lib_controllers
    with threads_for(LARGE, 10), threadpool_limits(2, user_api="blas"):
        assert vectors_go_as_a_whole(monkeypatch) == shared


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
