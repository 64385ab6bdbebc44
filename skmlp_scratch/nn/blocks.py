"""Rows in blocks: how work on many rows is done in bounded memory."""

from collections.abc import Iterator
from itertools import pairwise


def row_blocks(n_rows: int, block_rows: int) -> Iterator[slice]:
    """Yield the slices that cut ``n_rows`` rows into blocks, the last one shorter."""
    bounds = [*range(0, n_rows, block_rows), n_rows]
    for start, stop in pairwise(bounds):
        yield slice(start, stop)
