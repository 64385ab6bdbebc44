"""
Watch, stop and resume a fit
============================

How do I see what a fit is doing, end it when I have seen enough, and go on with it
after a crash?

*The pictures need* ``pip install matplotlib``.

*Needs scikit-learn 1.9 or newer. The progress bar needs* ``pip install rich``.
With an older scikit-learn, go to the `last section <#older-scikit-learn>`_.
"""

# %%
# A callback is an object that hears of every epoch of a fit. ``set_callbacks`` gives an
# estimator as many as you like, before you fit it. Some come with scikit-learn, others
# with this package. They do not change what is learnt, unless they end the fit.
#
# See how far it is
# -----------------
#
# :class:`~sklearn.callback.ProgressBar` shows how far the fit is.
# :class:`~sklearn.callback.ScoringMonitor` records scores after every epoch. It is
# given the training rows; a function that knows other rows can score those, too.

import json
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skmlp_scratch import (
    AccuracyCurveDisplay,
    LossCurveDisplay,
    ScratchMLPClassifier,
)
from skmlp_scratch.callbacks import (
    Checkpoint,
    EarlyStopping,
    MetricsLogger,
    OnEpochEnd,
    TimeLimit,
)

X, y = load_digits(return_X_y=True)
X_train, X_val, y_train, y_val = train_test_split(X / 16, y, random_state=0)


def accuracies(fitted_estimator, X, y, **_):
    return {
        "training": fitted_estimator.score(X, y),
        "validation": fitted_estimator.score(X_val, y_val),
    }


monitor = ScoringMonitor(scoring=accuracies)
net = ScratchMLPClassifier(
    learning_rate="one_cycle", learning_rate_init=0.01, max_iter=15, random_state=0
)
net.set_callbacks(ProgressBar(), monitor)
net.fit(X_train, y_train)

# %%
# The log is a table with a row per epoch, and one for the whole fit.
# :class:`~skmlp_scratch.AccuracyCurveDisplay` draws it:

log = monitor.get_logs()
epochs = [row for row in log.data if row["task_name"] == "epoch"]
for row in epochs[::5]:
    print(f"epoch {row['task_id'] + 1}: validation accuracy {row['validation']:.3f}")
AccuracyCurveDisplay.from_log(log)
plt.show()

# %%
# Stop in time
# ------------
#
# :class:`~skmlp_scratch.callbacks.EarlyStopping` ends a fit when what it watches has
# not improved for ``patience`` epochs in a row.
# :class:`~skmlp_scratch.callbacks.TimeLimit` ends it when its seconds are over. Which
# one comes first, ends it.
# :class:`~skmlp_scratch.callbacks.MetricsLogger` writes a line per epoch to a file,
# which you can read while the fit goes on.

folder = Path(tempfile.mkdtemp())
net = ScratchMLPClassifier(max_iter=1000, random_state=0)
net.set_callbacks(
    EarlyStopping("validation_loss", patience=3, min_delta=0.001),
    TimeLimit(seconds=60),
    MetricsLogger(folder / "metrics.jsonl"),
)
net.fit(X_train, y_train, X_val=X_val, y_val=y_val)
print(f"ended after {net.n_iter_} of 1000 epochs")

last = json.loads((folder / "metrics.jsonl").read_text().splitlines()[-1])
print({name: last[name] for name in ("epoch", "loss", "validation_loss")})
LossCurveDisplay.from_estimator(net)
plt.show()

# %%
# A fit that a callback has ended is complete and gives no warning. This callback keeps
# the weights of the *last* epoch. The parameter ``early_stopping=True`` goes back to
# the *best* one, and needs no callback:

net = ScratchMLPClassifier(early_stopping=True, max_iter=1000, random_state=0)
net.fit(X_train, y_train, X_val=X_val, y_val=y_val)
print(f"ran {net.n_iter_} epochs, kept the weights of epoch {net.best_iter_}")

# %%
# If you press Ctrl-C during a fit, it ends, and what it has learnt so far is kept.
#
# Go on after a crash
# -------------------
#
# :class:`~skmlp_scratch.callbacks.Checkpoint` writes the whole state of the fit to a
# file, here after every second epoch. Let us fit a network, and let the lights go out
# in its eighth epoch. :class:`~skmlp_scratch.callbacks.OnEpochEnd` calls any function,
# and so it can fail for us.

settings = {
    "learning_rate": "one_cycle",
    "learning_rate_init": 0.01,
    "max_iter": 12,
    "random_state": 0,
}


def power_cut(measured):
    if measured["epoch"] == 8:
        raise RuntimeError("power cut")


net = ScratchMLPClassifier(**settings)
net.set_callbacks(
    OnEpochEnd(power_cut), Checkpoint(folder / "fit.npz", every_n_epochs=2)
)
try:
    net.fit(X_train, y_train)
except RuntimeError as error:
    print("the fit failed:", error)

# %%
# Run the same program again, with ``resume_from``: data and parameters must be those of
# the fit that was interrupted. It goes on after the last epoch in the file, and ends
# with the weights that it would have had without the power cut, to the last bit.

resumed = ScratchMLPClassifier(**settings)
resumed.fit(X_train, y_train, resume_from=folder / "fit.npz")

whole = ScratchMLPClassifier(**settings).fit(X_train, y_train)
same = all(map(np.array_equal, resumed.coefs_, whole.coefs_))
print(f"{resumed.n_iter_} epochs, the same weights: {same}")

# %%
# The file is a model, too, as it was after that epoch:

half_way = ScratchMLPClassifier.from_checkpoint(folder / "fit.npz")
print(f"after {half_way.n_iter_} epochs: {half_way.score(X_val, y_val):.3f}")

# %%
# Older scikit-learn
# ------------------
#
# Before 1.9 scikit-learn has no callbacks. ``verbose=True`` prints a line per epoch in
# every version, and ``early_stopping``, ``X_val`` and ``y_val`` are there, too:

net = ScratchMLPClassifier(
    learning_rate_init=0.02,
    early_stopping=True,
    n_iter_no_change=3,
    verbose=True,
    random_state=0,
)
net.fit(X_train, y_train, X_val=X_val, y_val=y_val)

# %%
# More, with callbacks of your own, pipelines and searches, and what each of them costs,
# is in :doc:`the page on callbacks </callbacks>`.
