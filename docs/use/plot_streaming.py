"""
Streams and data larger than memory
===================================

My rows keep coming, or do not fit into memory. How do I train on them?

*The picture needs* ``pip install matplotlib``.

*The part on Dask needs* ``pip install "dask[array]"`` *and is skipped without it.*
"""

# %%
# Chunk by chunk
# --------------
#
# ``partial_fit`` learns from the rows it is given, one row or many, and goes on where
# it was: with the same optimizer, for ever, at the same cost per call. The first call
# has to name all classes, since no chunk can tell which others there will be. A
# :class:`~sklearn.preprocessing.StandardScaler` has a ``partial_fit``, too.

import importlib.util
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.preprocessing import StandardScaler

from skmlp_scratch import ScratchMLPClassifier

CLASSES = range(10)
digits = load_digits()
rng = np.random.default_rng(0)


def stream(n_chunks, n_rows=50):
    """Yield chunks of digits with noise, as from a scanner."""
    for _ in range(n_chunks):
        rows = rng.integers(len(digits.data), size=n_rows)
        X = digits.data[rows] + rng.normal(0, 2, (n_rows, 64))
        yield X, digits.target[rows]


scaler, net = StandardScaler(), ScratchMLPClassifier(random_state=0)
accuracies = []
for X, y in stream(400):
    X_scaled = scaler.partial_fit(X).transform(X)
    if hasattr(net, "coefs_"):
        accuracies.append(net.score(X_scaled, y))  # first predict, then learn
    net.partial_fit(X_scaled, y, classes=CLASSES)
print(f"accuracy of the last 50 chunks: {np.mean(accuracies[-50:]):.3f}")

# %%
# Each chunk was new when it was predicted. So these scores are honest, and there is no
# need for test rows.

smooth = np.convolve(accuracies, np.ones(20) / 20, mode="valid")
fig, ax = plt.subplots(figsize=(6.4, 4), layout="constrained")
ax.plot(accuracies, ".", color="0.6", label="a chunk")
ax.plot(np.arange(len(smooth)) + 19, smooth, "k-", label="mean of the last 20")
ax.set(xlabel="chunks before it", ylabel="accuracy on a new chunk")
ax.legend()
plt.show()

# %%
# A file larger than memory
# -------------------------
#
# :class:`numpy.memmap` is an array whose numbers stay in a file; what you index is
# read. ``fit`` takes one as it is and reads it batch by batch. Let us write a file in
# pieces (small here, and yours may have many gigabytes), open it, and fit.

folder = Path(tempfile.mkdtemp())
n_rows = 20_000
shape = (n_rows, 64)
X_file = np.memmap(folder / "X.f32", np.float32, mode="w+", shape=shape)
y_file = np.memmap(folder / "y.i1", np.int8, mode="w+", shape=n_rows)
for start, (X, y) in zip(range(0, n_rows, 1000), stream(20, 1000), strict=True):
    X_file[start : start + 1000] = X / 16  # about from 0 to 1: scaled
    y_file[start : start + 1000] = y
X_file.flush()
y_file.flush()

X_mapped = np.memmap(folder / "X.f32", np.float32, mode="r", shape=shape)
y_mapped = np.memmap(folder / "y.i1", np.int8, mode="r", shape=n_rows)
net = ScratchMLPClassifier(
    learning_rate="one_cycle", learning_rate_init=0.01, max_iter=5, random_state=0
)
net.fit(X_mapped, y_mapped)
X_new, y_new = next(stream(1, 2000))
print(f"{X_mapped.nbytes / 1e6:.0f} MB, accuracy {net.score(X_new / 16, y_new):.3f}")

# %%
# ``fit`` knows where the end is, so all of its options are there. In a fit to a file of
# 4 GB the memory grows by some 26 MB: :doc:`the page on performance </performance>` has
# measured it.
#
# Rows that have to be changed first, by a scaler say, would be copied as a whole. Then
# go through the file yourself, with ``partial_fit``, in an order that is new in each
# round:

net = ScratchMLPClassifier(batch_size=200, learning_rate_init=0.003, random_state=0)
scaler = StandardScaler()
starts = np.arange(0, n_rows, 2000)
for start in starts:
    scaler.partial_fit(X_mapped[start : start + 2000])
for _ in range(3):
    for start in rng.permutation(starts):
        rows = slice(start, start + 2000)
        X = scaler.transform(X_mapped[rows])
        net.partial_fit(X, y_mapped[rows], classes=CLASSES)
print(f"accuracy {net.score(scaler.transform(X_new / 16), y_new):.3f}")

# %%
# A chunk is one epoch over its own rows, cut into batches of ``batch_size``. If the
# file is sorted, by class say, shuffle it once: a network forgets what it has not seen
# for long.
#
# CSV and Parquet files come in chunks from ``pandas.read_csv(file, chunksize=10_000)``
# and ``pyarrow.parquet.ParquetFile(file).iter_batches()``.
#
# Blocks of a Dask array
# ----------------------
#
# A `Dask array <https://docs.dask.org>`_ is a plan for an array, block by block. Its
# blocks go to ``partial_fit`` one after another; only one is computed at a time.

if importlib.util.find_spec("dask"):
    import dask.array as da

    X_dask = da.from_array(X_mapped, chunks=(2000, 64)) * 2 - 1
    y_dask = da.from_array(y_mapped, chunks=2000)
    net = ScratchMLPClassifier(learning_rate_init=0.003, random_state=0)
    for _ in range(3):
        for X, y in zip(X_dask.blocks, y_dask.blocks, strict=True):
            net.partial_fit(X.compute(), y.compute(), classes=CLASSES)
    accuracy = net.score(X_new / 16 * 2 - 1, y_new)
    print(f"blocks of Dask, accuracy {accuracy:.3f}")
else:
    print("dask is not installed: this part was skipped.")

# %%
# .. only:: not dask
#
#    With Dask, it prints:
#
#    .. code-block:: text
#
#       blocks of Dask, accuracy 0.980
#
# ``net.fit(X_dask, y_dask)`` works, too, and loads the whole array first.
#
# A pickle or a checkpoint in between changes nothing: the state of the optimizer is in
# it. Drift, weights in chunks, and what else holds, is in :doc:`the page on streaming
# </streaming>`.
