"""Fitted attributes that were set by hand, or copied from a scikit-learn model.

A fit sets all fitted attributes. A user who loads weights from a file sets only the
attributes that scikit-learn needs to predict: ``coefs_``, ``intercepts_``,
``out_activation_`` and, for a classifier, ``classes_``. The other attributes follow
from these and from ``activation``.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.exceptions import NotFittedError

from skmlp_scratch._estimator.attributes import FittedAttributes
from skmlp_scratch._estimator.continuation import TrainingState
from skmlp_scratch.nn.activations import ACTIVATIONS
from skmlp_scratch.nn.losses import REGRESSION_LOSSES
from skmlp_scratch.nn.typing import Array


def complete(est: FittedAttributes) -> None:
    """Check attributes that were set by hand, and set the others for prediction.

    A fit sets ``_activation``, which tells its attributes from others.

    Raises
    ------
    NotFittedError
        If an attribute that prediction needs is missing.
    ValueError
        If the attributes do not make a network.
    """
    for name in ("coefs_", "intercepts_", "out_activation_"):
        if getattr(est, name, None) is None:
            raise NotFittedError(
                f"{type(est).__name__} has no {name}. Weights of your own need coefs_, "
                "intercepts_ and out_activation_, those of a classifier classes_, too."
            )
    est.coefs_, est.intercepts_ = as_arrays(est.coefs_, est.intercepts_)
    if hasattr(est, "_label_binarizer") and not hasattr(est, "classes_"):
        est.classes_ = est._label_binarizer.classes_  # which scikit-learn reads
    _check_shapes(est)
    _check_output(est)
    est._activation = _checked_activation(est.activation, len(est.coefs_) - 1)
    est.n_outputs_ = len(est.intercepts_[-1])
    if not is_classifier(est):
        _set_loss(est)
    loss_curve = getattr(est, "loss_curve_", [])
    of_a_fit: dict[str, Any] = {
        "n_layers_": len(est.coefs_) + 1,
        "n_features_in_": len(est.coefs_[0]),
        "n_iter_": 0,
        "t_": 0,
        "loss_": np.nan,
        "best_loss_": getattr(est, "loss_", np.nan),
        "loss_curve_": loss_curve,  # L-BFGS leaves none in scikit-learn
        "best_iter_": 1 + int(np.argmin(loss_curve or [0])),
        "validation_scores_": None,
        "validation_loss_curve_": None,
        "learning_rate_curve_": None,
        "best_validation_score_": None,
        "_training_state": TrainingState(),
    }
    for name, value in of_a_fit.items():
        if not hasattr(est, name):
            setattr(est, name, value)


def complete_for_training(est: FittedAttributes) -> None:
    """Do what ``complete`` does, and check that training can continue.

    Raises
    ------
    NotFittedError, ValueError
        As in :func:`complete`, and if training cannot continue.
    """
    complete(est)
    for name in ("coefs_", "intercepts_"):
        for number, array in enumerate(getattr(est, name)):
            if not np.isfinite(array).all():
                raise ValueError(f"{name}[{number}] contains NaN or infinity")
    if not is_classifier(est):
        return
    est.classes_ = np.asarray(getattr(est, "classes_", []))
    labels = np.unique(est.classes_)
    if len(labels) != est.n_outputs_ or not np.array_equal(labels, est.classes_):
        raise ValueError(
            f"classes_ must hold {est.n_outputs_} labels, one per output, sorted and "
            f"without repetition, got {est.classes_!r}"
        )


def as_arrays(
    coefs: Sequence[Any], intercepts: Sequence[Any]
) -> tuple[list[Array], list[Array]]:
    """Return weights and biases as arrays of one type, float32 or float64.

    They may be lists of lists; what is an array of that type already is not copied.
    """
    arrays = [np.asarray(values) for values in (*coefs, *intercepts)]
    kind = np.result_type(*arrays)
    if kind != np.float64:
        kind = np.dtype(np.float32 if np.can_cast(kind, np.float32) else np.float64)
    arrays = [array.astype(kind, copy=False) for array in arrays]
    return arrays[: len(coefs)], arrays[len(coefs) :]


def check_fitted(est: FittedAttributes) -> None:
    """Check attributes that a fit has set, and that come from a file.

    Raises
    ------
    ValueError
        If the attributes do not make a network.
    """
    arrays: list[Any] = [*est.coefs_, *est.intercepts_]
    if not all(isinstance(a, np.ndarray) and a.dtype.kind == "f" for a in arrays):
        raise ValueError("weights must be arrays of floats")
    _check_shapes(est)
    _check_output(est)
    _checked_activation(est._activation, len(est.coefs_) - 1)


def _check_shapes(est: FittedAttributes) -> None:
    """Raise a ValueError unless the layers fit together."""
    n_layers = getattr(est, "n_layers_", len(est.coefs_) + 1)
    if not len(est.coefs_) == len(est.intercepts_) == n_layers - 1 > 0:
        raise ValueError(
            "coefs_ and intercepts_ must have one array for each layer but the input, "
            f"got {len(est.coefs_)} and {len(est.intercepts_)} with "
            f"n_layers_={n_layers}"
        )
    fan_in = getattr(est, "n_features_in_", len(est.coefs_[0]))
    for number, (W, b) in enumerate(zip(est.coefs_, est.intercepts_, strict=True)):
        if b.ndim != 1 or W.shape != (fan_in, len(b)) or 0 in W.shape:
            raise ValueError(
                f"coefs_[{number}] of shape {W.shape} and intercepts_[{number}] of "
                f"shape {b.shape} do not fit: for {fan_in} inputs the shapes must be "
                f"({fan_in}, n_units) and (n_units,)"
            )
        fan_in = len(b)


def _check_output(est: FittedAttributes) -> None:
    """Raise a ValueError unless there is one output per class; make it so for two."""
    names = ["softmax", "logistic"]
    if not is_classifier(est):
        losses = REGRESSION_LOSSES.values()
        names = [*dict.fromkeys(loss.output_activation for loss in losses)]
    if est.out_activation_ not in names:
        raise ValueError(
            f"out_activation_ must be {' or '.join(map(repr, names))}, got "
            f"{est.out_activation_!r}"
        )
    if est.out_activation_ == "logistic" and len(est.intercepts_[-1]) == 1:
        _one_output_to_two(est)
    n_outputs = len(est.intercepts_[-1])
    if len(getattr(est, "classes_", range(n_outputs))) != n_outputs:
        raise ValueError(
            f"classes_ must have one label per output, got {len(est.classes_)} labels "
            f"for {n_outputs} outputs"
        )


def _set_loss(est: FittedAttributes) -> None:
    """Set the loss, and the quantiles of the outputs, by parameters and output.

    It decides what predictions are made of logits. Where the parameter names a loss
    with another output activation, any loss with the right one will do.
    """
    est._loss, est._quantiles = _losses_of(est.out_activation_)[0], None
    if est.loss in _losses_of(est.out_activation_):
        est._loss = est.loss
    if est._loss != "quantile":
        return
    est._quantiles = levels = np.atleast_1d(np.asarray(est.quantile, dtype=np.float64))
    if len(levels) > 1 and len(levels) != est.n_outputs_:
        raise ValueError(
            f"quantile={est.quantile!r} needs one output for each quantile, but the "
            f"weights are for {est.n_outputs_} outputs"
        )


def _losses_of(output_activation: str) -> list[str]:
    """Return the losses of a regressor that have this output activation."""
    return [
        name
        for name, loss in REGRESSION_LOSSES.items()
        if loss.output_activation == output_activation
    ]


def _one_output_to_two(est: FittedAttributes) -> None:
    """Turn a logistic unit into two softmax outputs: ``z`` into ``(0, z)``.

    scikit-learn has that unit for two classes, and for a single one as well; here one
    output is then enough.
    """
    W, b = est.coefs_[-1], est.intercepts_[-1]
    n_classes = min(len(getattr(est, "classes_", "ab")), 2)
    est.coefs_[-1] = np.hstack([np.zeros_like(W), W])[:, :n_classes]
    est.intercepts_[-1] = np.concatenate([np.zeros_like(b), b])[:n_classes]
    est.out_activation_ = "softmax"


def _checked_activation(activation: Any, n_hidden: int) -> Any:
    """Return the activation of all hidden layers, or a tuple of one for each."""
    several = isinstance(activation, list | tuple)
    names = tuple(activation) if several else (activation,) * n_hidden
    if len(names) != n_hidden or not all(name in [*ACTIVATIONS] for name in names):
        raise ValueError(
            f"activation must be one of {', '.join(map(repr, ACTIVATIONS))}, or a list "
            f"of {n_hidden} of these, got {activation!r}"
        )
    return names if several else activation
