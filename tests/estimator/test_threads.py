"""The number of BLAS threads: chosen by size, and always restored."""

import threading
from pathlib import Path

import numpy as np
import pytest
from helpers import ignore_convergence, in_batches_or_at_once
from sklearn.datasets import load_digits
from threadpoolctl import ThreadpoolController, threadpool_limits

from skmlp_scratch import ScratchMLPClassifier, _threads
from skmlp_scratch._estimator.threads import (
    SMALL_PRODUCT,
    _apart_from_numpy,
    _blas_of_scipy,
    threads_for,
)
from skmlp_scratch.nn import vectors
from skmlp_scratch.nn.vectors import add_multiple

SMALL, LARGE = (10, 10), (SMALL_PRODUCT, 2)
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


def test_large_products_get_what_the_process_has():
    with threads_for(LARGE, 10):
        assert numbers_of_threads(of_products_only=True) == {2}
    assert numbers_of_threads() == {2}
    with threadpool_limits(1, user_api="blas"), threads_for(LARGE, 10):
        assert numbers_of_threads() == {1}


def in_wheel(library, package):
    place = Path(library["filepath"]).parent
    return place.name == f"{package}.libs" or place.parts[-2:] == (package, ".dylibs")


def test_blas_of_scipy_is_found_in_its_wheel():
    libraries = ThreadpoolController().select(user_api="blas").info()
    expected = [library for library in libraries if in_wheel(library, "scipy")]
    if not expected:
        pytest.skip("SciPy has no BLAS of its own here")
    assert _blas_of_scipy().info() == expected


PACKAGES = Path("/python")
OF_NUMPY, OF_SCIPY = (
    "/python/numpy.libs/blas64.so",
    "/python/scipy.libs/blas.so",
)
DYLIB, SYSTEM = "/python/scipy/.dylibs/blas.dylib", "/usr/lib/blas.so"
DEVELOPMENT = "/python/scipy_openblas64/lib/blas.so"


@pytest.mark.parametrize(
    ("libraries", "expected"),
    [
        ([OF_NUMPY, OF_SCIPY], [OF_SCIPY]),
        ([OF_NUMPY, SYSTEM], [SYSTEM]),
        ([SYSTEM, OF_SCIPY], [OF_SCIPY]),
        ([DEVELOPMENT, DYLIB], [DYLIB]),
        ([SYSTEM], []),
        ([OF_NUMPY], []),
        ([], []),
    ],
)
def test_which_blas_is_of_scipy_alone(libraries, expected):
    homes = PACKAGES / "numpy", PACKAGES / "scipy"
    assert _apart_from_numpy(libraries, *homes) == expected


def test_packages_are_found_through_links(tmp_path):
    for name in ("numpy", "numpy.libs", "scipy", "scipy.libs"):
        (tmp_path / "real" / name).mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "real", target_is_directory=True)
    real = (tmp_path / "real").resolve()
    libraries = [str(real / f"{name}.libs" / "blas.so") for name in ("numpy", "scipy")]
    homes = tmp_path / "link" / "numpy", tmp_path / "link" / "scipy"
    assert _apart_from_numpy(libraries, *homes) == libraries[1:]


def test_blas_of_scipy_gets_one_thread():
    own = _blas_of_scipy()
    if not own.info():
        pytest.skip("SciPy has no BLAS of its own here")
    with threads_for(LARGE, 10):
        assert {library["num_threads"] for library in own.info()} == {1}
    assert {library["num_threads"] for library in own.info()} == {2}


def vectors_go_as_a_whole(monkeypatch):
    """Whether a long vector is added in one call."""
    lengths = []

    def spy(x, y, n, a):
        lengths.append(len(y))
        return y

    monkeypatch.setitem(vectors._AXPY, "f", spy)
    add_multiple(np.ones(25_000, np.float32), 1.0, np.ones(25_000, np.float32))
    return lengths == [25_000]


@pytest.mark.parametrize("layers", [SMALL, LARGE])
def test_vectors_go_as_a_whole_in_a_fit_only(layers, monkeypatch):
    assert not vectors_go_as_a_whole(monkeypatch)
    with threads_for(layers, 10):
        assert vectors_go_as_a_whole(monkeypatch)
    assert not vectors_go_as_a_whole(monkeypatch)


@pytest.fixture
def forgetful():
    """Nothing is known of the libraries, neither before the test nor after it."""

    def forget():
        _blas_of_scipy.cache_clear()
        _threads._rivals.cache_clear()

    forget()
    yield
    forget()


@pytest.mark.usefixtures("forgetful")
@pytest.mark.parametrize("known", [True, False])
def test_vectors_go_in_pieces_if_two_libraries_have_threads(known, monkeypatch):
    if len(ThreadpoolController().select(user_api="blas").info()) < 2:
        pytest.skip("there is only one BLAS here")
    if not known:  # which of them is SciPy's
        monkeypatch.setattr(_threads, "_apart_from_numpy", lambda *args: [])
    with threads_for(LARGE, 10):
        assert vectors_go_as_a_whole(monkeypatch) == known
        with threadpool_limits(2, user_api="blas"):
            assert not vectors_go_as_a_whole(monkeypatch)


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
