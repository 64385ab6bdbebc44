"""How many threads the linear algebra of a fit gets, without a trace afterwards."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

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
def _blas_of_scipy() -> ThreadpoolController:
    """Return the BLAS that SciPy uses, if that is not the one that NumPy uses."""
    paths = [library.filepath for library in _blas().lib_controllers]
    alone = _apart_from_numpy(
        paths, Path(np.__file__).parent, Path(scipy.__file__).parent
    )
    return _blas().select(filepath=alone)


def _apart_from_numpy(
    libraries: Sequence[str], numpy_home: Path, scipy_home: Path
) -> list[str]:
    """Return which BLAS libraries are SciPy's alone, given where the packages are.

    Wheels bring their own: in ``numpy.libs`` and ``scipy.libs`` beside the packages, or on
    macOS in ``.dylibs`` within them. Those of a distribution share one.
    """

    def in_wheel(home: Path) -> list[str]:
        # The paths of libraries have been resolved, too.
        package = home.resolve()
        homes = {package, package.with_name(f"{package.name}.libs")}
        return [path for path in libraries if homes & {*Path(path).parents}]

    if of_scipy := in_wheel(scipy_home):
        return of_scipy
    of_numpy = in_wheel(numpy_home)
    return [path for path in libraries if of_numpy and path not in of_numpy]


@cache
def _rivals() -> Sequence[Any]:
    """Return the libraries whose threads compete with NumPy's if vectors are long."""
    everything = _blas().lib_controllers
    if len(everything) == 1:
        return []
    return _blas_of_scipy().lib_controllers or everything


def _no_rivals() -> bool:
    # Asked whenever a long vector is added: threadpoolctl ignores limits that are set while
    # another thread sets them, and other fits may restore the threads in the meantime.
    # With all() over a generator it would take 0.9 us instead of 0.5.
    return {library.get_num_threads() for library in _rivals()} <= {1}


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
    set to their share of the cores. If SciPy has a BLAS of its own, which then works on
    vectors only, that gets one thread.

    Parameters
    ----------
    layer_units : sequence of int
        Width of every layer.
    batch_rows : int
        Rows in a batch.
    """
    largest = batch_rows * max(n * m for n, m in pairwise(layer_units))
    libraries = _blas() if largest <= SMALL_PRODUCT else _blas_of_scipy()
    with _single_thread(libraries), vectors_as_a_whole(_no_rivals):
        yield
