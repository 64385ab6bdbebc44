"""Work in blocks: on many rows in bounded memory, on long vectors in the cache."""

from collections.abc import Callable, Iterator
from itertools import pairwise

from skmlp_scratch.nn.typing import Array

# Entries of a vector that go through all steps of an update before the next ones do: the
# four vectors of Adam, 2 MB at float32, then stay in a processor's caches.
VECTOR_BLOCK = 131_072


def row_blocks(n_rows: int, block_rows: int) -> Iterator[slice]:
    """Yield the slices that cut ``n_rows`` rows into blocks, the last one shorter."""
    bounds = [*range(0, n_rows, block_rows), n_rows]
    for start, stop in pairwise(bounds):
        yield slice(start, stop)


def in_blocks(update: Callable[..., None], *vectors: Array) -> None:
    """Apply an elementwise update to vectors of one length, block after block."""
    if len(vectors[0]) <= VECTOR_BLOCK:
        update(*vectors)
        return
    for block in row_blocks(len(vectors[0]), VECTOR_BLOCK):
        update(*(vector[block] for vector in vectors))
