"""Callbacks that steer a fit, stop it and store it, for scikit-learn 1.9 and newer.

>>> from skmlp_scratch import ScratchMLPClassifier
>>> from skmlp_scratch.callbacks import TimeLimit
>>> clf = ScratchMLPClassifier(max_iter=1000).set_callbacks(TimeLimit(60))
"""

from skmlp_scratch.callbacks.checkpoint import Checkpoint
from skmlp_scratch.callbacks.early_stopping import EarlyStopping
from skmlp_scratch.callbacks.metrics_logger import MetricsLogger
from skmlp_scratch.callbacks.on_epoch_end import OnEpochEnd
from skmlp_scratch.callbacks.time_limit import TimeLimit

__all__ = ["Checkpoint", "EarlyStopping", "MetricsLogger", "OnEpochEnd", "TimeLimit"]
