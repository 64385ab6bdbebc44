"""The number of BLAS threads during a fit, restored afterwards."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import pairwise
from pathlib import Path

import joblib
from threadpoolctl import ThreadpoolController

# Multiplications in the largest product of a step for which another thread pays off.
WORTH_A_THREAD = 3_000_000


@cache
def _blas() -> ThreadpoolController:
    """Return the BLAS libraries of this process; finding them takes a millisecond."""
    return ThreadpoolController().select(user_api="blas")


@cache
def _blas_of_scipy() -> ThreadpoolController:
    """Return the BLAS that came with SciPy, if it has one of its own.

    Its threads would compete with the threads of NumPy's BLAS for the same cores:
    L-BFGS takes three times as long with both.
    """
    paths = [library.filepath for library in _blas().lib_controllers]
    return _blas().select(filepath=[path for path in paths if _is_of_scipy(path)])


def _is_of_scipy(path: str) -> bool:
    """Return whether a library lies where SciPy's wheels put their libraries."""
    folder = Path(path).parent
    on_macos = folder.name == ".dylibs" and folder.parent.name == "scipy"
    return on_macos or folder.name == "scipy.libs"


def suitable_threads(layer_units: Sequence[int], batch_rows: int) -> int:
    """Return how many threads pay off in a training step, and are allowed.

    Workers of joblib limit their libraries to a share of the cores. A container or an
    affinity mask may allow fewer cores than the machine has.
    """
    largest = batch_rows * max(n * m for n, m in pairwise(layer_units))
    worth = -(-largest // WORTH_A_THREAD)
    if worth <= 1:
        return 1
    set_to = [library.num_threads for library in _blas().lib_controllers]
    return min(worth, joblib.cpu_count(), *set_to)


_limited = threading.Lock()


@contextmanager
def threads_for(layer_units: Sequence[int], batch_rows: int) -> Iterator[None]:
    """Give the linear algebra of a training step the threads that suit its size.

    A separate BLAS of SciPy gets one thread, since it computes no products. The setting
    applies to the whole process, and a fit must not restore what a fit in another
    thread has set. Only the first fit therefore changes the setting, and restores it at
    its end. Simultaneous fits leave it alone.

    Parameters
    ----------
    layer_units : sequence of int
        Width of every layer.
    batch_rows : int
        Rows in a batch.
    """
    if not _limited.acquire(blocking=False):
        yield
        return
    try:
        n_threads = suitable_threads(layer_units, batch_rows)
        with _blas().limit(limits=n_threads), _blas_of_scipy().limit(limits=1):
            yield
    finally:
        _limited.release()
