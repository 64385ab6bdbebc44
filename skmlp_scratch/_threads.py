"""How many threads the matrix products of a fit get, without a trace afterwards."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import pairwise
from typing import Any

from threadpoolctl import ThreadpoolController

# Multiplications in the largest product of a step below which a second thread costs more
# than it brings.
SMALL_PRODUCT = 3_000_000


@cache
def _blas() -> Any:
    """Return the BLAS libraries of this process; finding them takes a millisecond."""
    return ThreadpoolController().select(user_api="blas")


_limited = threading.Lock()


@contextmanager
def _single_thread() -> Iterator[None]:
    """Give BLAS one thread, unless another fit has done so already.

    The setting belongs to the whole process, so that fits in different threads must not
    restore what another of them has set: only the first one in sets anything, and
    restores it when it leaves. The others go along with what there is.
    """
    if not _limited.acquire(blocking=False):
        yield
        return
    try:
        with _blas().limit(limits=1):
            yield
    finally:
        _limited.release()


@contextmanager
def threads_for(layer_units: Sequence[int], batch_rows: int) -> Iterator[None]:
    """Give the matrix products of a training step the threads that suit their size.

    One for small products, otherwise what the process is set to: workers of joblib are
    set to their share of the cores.

    Parameters
    ----------
    layer_units : sequence of int
        Width of every layer.
    batch_rows : int
        Rows in a batch.
    """
    largest = batch_rows * max(n * m for n, m in pairwise(layer_units))
    if largest > SMALL_PRODUCT:
        yield
        return
    with _single_thread():
        yield
