"""
Save and deploy a model
=======================

How do I store a fitted network, load it elsewhere, and run it without Python?

*The part on skops needs* ``pip install skops``, *the part on ONNX*
``pip install skl2onnx onnxruntime``. *Both are skipped where the package is missing.*
"""

# %%
# Here is a fitted pipeline. A file has to give the same predictions.

import importlib.util
import os
import pickle
import tempfile
from pathlib import Path

import joblib
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmlp_scratch import ScratchMLPClassifier

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
model = make_pipeline(
    StandardScaler(),
    ScratchMLPClassifier(learning_rate_init=0.01, max_iter=300, random_state=0),
)
model.fit(X_train, y_train)
expected = model.predict_proba(X_test)
print(f"test accuracy {model.score(X_test, y_test):.3f}")

folder = Path(tempfile.mkdtemp())

# %%
# Which one do I want?
# --------------------
#
# ================== ===================== =======================
# file               safe from strangers?  what reads it
# ================== ===================== =======================
# pickle, joblib     no: it can run code   the same versions
# skops              after a look          Python, with skops
# checkpoint         yes                   this package
# ``to_sklearn()``   stored as above       scikit-learn alone
# ONNX               yes                   any ONNX runtime
# ================== ===================== =======================
#
# All but the checkpoint and ``to_sklearn()`` hold whole pipelines.
#
# Pickle and joblib
# -----------------
#
# They store anything. But loading a pickle runs whatever code it holds, so load only
# files that you trust. Use the versions of the packages that wrote it.

joblib.dump(model, folder / "model.joblib")
loaded = joblib.load(folder / "model.joblib")
print("equal:", np.array_equal(loaded.predict_proba(X_test), expected))

# %%
# Adam keeps two numbers for every weight, so that ``partial_fit`` can go on. A model
# that will only predict does not need them:

before = len(pickle.dumps(model))
model[-1].drop_training_state()
print(f"pickle: {before:,} bytes, then {len(pickle.dumps(model)):,}")

# %%
# A checkpoint: no code in it
# ---------------------------
#
# ``to_checkpoint`` writes a network as arrays and text. Reading it runs no code, so a
# file from a stranger can do no harm. It holds the network, not the pipeline around it:
# here we store the mean and the scale beside it.

scaler, net = model
net.to_checkpoint(folder / "net.npz")
np.savez(folder / "scaler.npz", mean=scaler.mean_, scale=scaler.scale_)

net_again = ScratchMLPClassifier.from_checkpoint(folder / "net.npz")
with np.load(folder / "scaler.npz") as stored:
    scaled = (X_test - stored["mean"]) / stored["scale"]
print("equal:", np.array_equal(net_again.predict_proba(scaled), expected))

# %%
# skops: a pipeline that you look at first
# ----------------------------------------
#
# `skops <https://skops.readthedocs.io>`_ lists the types in a file that it does not
# know, before it loads anything. You then say which of them you trust. Of this package
# there are two: the estimator, and the state of training.

if importlib.util.find_spec("skops"):
    from skops import io as skops_io

    skops_io.dump(model, folder / "model.skops")
    unknown = skops_io.get_untrusted_types(file=folder / "model.skops")
    print("to be trusted:", *unknown, sep="\n    ")
    loaded = skops_io.load(folder / "model.skops", trusted=unknown)
    print("equal:", np.array_equal(loaded.predict_proba(X_test), expected))
else:
    print("skops is not installed: this part was skipped.")

# %%
# To be trusted are these two. In your own program write the names out, instead of
# trusting whatever the file holds::
#
#     trusted = [
#         "skmlp_scratch.classifier.ScratchMLPClassifier",
#         "skmlp_scratch._estimator.continuation.TrainingState",
#     ]
#
# Callbacks stay on an estimator. Remove them with ``set_callbacks()`` before you store
# it in this way.
#
# Hand it to scikit-learn
# -----------------------
#
# Where only scikit-learn is installed, an ``MLPClassifier`` with the same weights does
# the same. Activations that scikit-learn lacks are refused with a message.

theirs = make_pipeline(scaler, net.to_sklearn())
print(type(theirs[-1]).__module__, type(theirs[-1]).__name__)
print("largest difference:", np.abs(theirs.predict_proba(X_test) - expected).max())

# %%
# ONNX: without Python
# --------------------
#
# An ONNX file runs in other languages, on servers and in browsers.
# ``import skmlp_scratch.onnx`` teaches skl2onnx the network; after it, whole pipelines
# are converted. The one row that ``to_onnx`` is given says which type the model takes.
# In float32 predictions differ by a little. Pass float64 rows, and they do not.

if importlib.util.find_spec("skl2onnx") and importlib.util.find_spec("onnxruntime"):
    import onnxruntime
    from skl2onnx import to_onnx

    import skmlp_scratch.onnx  # noqa: F401  skl2onnx now knows the networks

    rows = X_test.astype(np.float32)
    onnx_model = to_onnx(model, rows[:1], options={"zipmap": False})
    (folder / "model.onnx").write_bytes(onnx_model.SerializeToString())

    session = onnxruntime.InferenceSession(folder / "model.onnx")
    labels, probabilities = session.run(None, {"X": rows})
    print("the same labels:", np.array_equal(labels, model.predict(X_test)))
    print("largest difference:", np.abs(probabilities - expected).max())
else:
    print("skl2onnx or onnxruntime is not installed: this part was skipped.")

# %%
# The labels are the same, and no probability differs by more than a millionth.
#
# There is no converter for ``TabularMLPClassifier`` and ``TabularMLPRegressor``; use
# joblib or skops for them.
#
# What the files weigh:

for file in sorted(folder.iterdir()):
    print(f"{file.name:14} {os.path.getsize(file):9,} bytes")

# %%
# Serve it
# --------
#
# ``predict`` changes nothing in the model, so threads can share one. A fit, too, leaves
# the old model in place until the new one is complete. Where other programs keep the
# cores busy, set ``OMP_NUM_THREADS=1`` before Python starts:
# :doc:`/auto_use/scaling_out` says why.
