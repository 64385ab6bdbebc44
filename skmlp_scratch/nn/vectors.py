"""``y <- y + a x`` for long vectors, in one pass over memory.

NumPy takes two passes, with an array between them; BLAS's ``axpy``, by way of SciPy,
takes half the time: 5 us against 10.7 for 80,000 numbers; in pieces, see below, 9.4.
Unlike NumPy, SciPy lets no other Python thread run meanwhile.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from scipy.linalg.blas import daxpy, saxpy

from skmlp_scratch.nn.typing import Array

_AXPY = {"f": saxpy, "d": daxpy}
# OpenBLAS divides no vector of up to 10,000 entries among threads. SciPy often brings an
# OpenBLAS of its own, whose threads and those of NumPy's want the same cores, and spin
# while they wait: 14 ms for what takes 5 us. A power of two, so that pieces give the same
# bits as the whole: what is left over after full registers is rounded differently.
UNDIVIDED = 8192
_whole_allowed: ContextVar[Callable[[], bool]] = ContextVar(
    "whole_allowed", default=lambda: False
)


def add_multiple(y: Array, a: float, x: Array) -> None:
    """Add ``a x`` to a contiguous vector ``y`` of the same type and length, in place.

    Raises
    ------
    ValueError
        If this cannot be done in the memory of ``y``.
    """
    n = len(y)
    if n > UNDIVIDED and not _whole_allowed.get()():
        for start in range(0, n, UNDIVIDED):
            piece = slice(start, start + UNDIVIDED)
            add_multiple(y[piece], a, x[piece])
    elif _AXPY[y.dtype.char](x, y, n, a) is not y:
        raise ValueError(
            f"y must be contiguous and in native byte order, got {y.flags}"
        )


@contextmanager
def vectors_as_a_whole(allowed: Callable[[], bool]) -> Iterator[None]:
    """Have this thread add vectors of any length in one call, while it is allowed.

    Parameters
    ----------
    allowed : callable
        Asked each time; returns whether no threads of SciPy's BLAS are in the way.
    """
    token = _whole_allowed.set(allowed)
    try:
        yield
    finally:
        _whole_allowed.reset(token)
