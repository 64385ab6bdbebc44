"""How many threads the linear algebra of a fit gets, without a trace afterwards."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import pairwise
from pathlib import Path

import joblib
from threadpoolctl import ThreadpoolController

# Multiplications in the largest product of a step for which another thread brings more
# than it costs.
WORTH_A_THREAD = 3_000_000


@cache
def _blas() -> ThreadpoolController:
    """Return the BLAS libraries of this process; finding them takes a millisecond."""
    return ThreadpoolController().select(user_api="blas")


@cache
def _blas_of_scipy() -> ThreadpoolController:
    """Return the BLAS that came with SciPy, if it has one of its own.

    Its threads, and those of NumPy's, would want the same cores: L-BFGS takes three
    times as long with both.
    """
    paths = [library.filepath for library in _blas().lib_controllers]
    return _blas().select(filepath=[path for path in paths if _is_of_scipy(path)])


def _is_of_scipy(path: str) -> bool:
    """Return whether a library stands where SciPy's wheels have theirs."""
    folder = Path(path).parent
    on_macos = folder.name == ".dylibs" and folder.parent.name == "scipy"
    return on_macos or folder.name == "scipy.libs"


def suitable_threads(layer_units: Sequence[int], batch_rows: int) -> int:
    """Return how many threads a training step is worth, and the process may have.

    Workers of joblib have set their libraries to their share of the cores; a container
    or an affinity mask may allow less than the machine has.
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

    A BLAS that is SciPy's alone gets one, since it does not take part in products. The setting belongs to the whole process, so that fits in different threads must not
    restore what another of them has set: only the first one in sets anything, and
    restores it when it leaves. The others go along with what there is.

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
