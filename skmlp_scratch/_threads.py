"""How many threads the linear algebra of a fit gets, without a trace afterwards."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import scipy
from threadpoolctl import ThreadpoolController

from skmlp_scratch.nn.vectors import vectors_as_a_whole

# Multiplications in the largest product of a step below which a second thread costs more
# than it brings.
SMALL_PRODUCT = 3_000_000


@cache
def _blas() -> ThreadpoolController:
    """Return the BLAS libraries of this process; finding them takes a millisecond."""
    return ThreadpoolController().select(user_api="blas")


@cache
def blas_of_scipy() -> ThreadpoolController:
    """Return the BLAS that SciPy uses, if that is not the one that NumPy uses."""
    paths = [library.filepath for library in _blas().lib_controllers]
    numpy_home, scipy_home = Path(np.__file__).parent, Path(scipy.__file__).parent
    alone = apart_from_numpy(paths, str(numpy_home), str(scipy_home))
    return _blas().select(filepath=alone)


def apart_from_numpy(paths: Sequence[str], numpy: str, scipy: str) -> list[str]:
    """Return which BLAS libraries are SciPy's alone, given where the packages are.

    Wheels bring their own: in ``numpy.libs/`` and ``scipy.libs/`` beside the packages, or
    on macOS in ``.dylibs/`` within them. Those of a distribution share one.
    """
    if of_scipy := [path for path in paths if path.startswith(scipy)]:
        return of_scipy
    others = [path for path in paths if not path.startswith(numpy)]
    return others if len(others) < len(paths) else []


def _scipy_is_single_threaded() -> bool:
    # With all() over a generator it would be 0.9 us instead of 0.5.
    return {blas.get_num_threads() for blas in blas_of_scipy().lib_controllers} <= {1}


_limited = threading.Lock()


@contextmanager
def _single_thread(libraries: ThreadpoolController) -> Iterator[None]:
    """Give some BLAS libraries one thread, unless another fit has limited any already.

    The setting belongs to the whole process, so that fits in different threads must not
    restore what another of them has set: only the first one in sets anything, and
    restores it when it leaves. The others go along with what there is.
    """
    if not _limited.acquire(blocking=False):
        yield
        return
    try:
        with libraries.limit(limits=1):
            yield
    finally:
        _limited.release()


@contextmanager
def threads_for(layer_units: Sequence[int], batch_rows: int) -> Iterator[None]:
    """Give the linear algebra of a training step the threads that suit its size.

    One for small products, otherwise what the process is set to: workers of joblib are
    set to their share of the cores. If SciPy has a BLAS of its own, which then only adds
    vectors, that gets one thread.

    Parameters
    ----------
    layer_units : sequence of int
        Width of every layer.
    batch_rows : int
        Rows in a batch.
    """
    largest = batch_rows * max(n * m for n, m in pairwise(layer_units))
    libraries = _blas() if largest <= SMALL_PRODUCT else blas_of_scipy()
    with _single_thread(libraries), vectors_as_a_whole(_scipy_is_single_threaded):
        yield
