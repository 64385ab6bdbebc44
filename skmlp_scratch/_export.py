"""To and from scikit-learn's own multilayer perceptrons."""

import copy
from typing import Any

import numpy as np
import sklearn
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.validation import check_is_fitted

from skmlp_scratch.nn.layers import per_layer
from skmlp_scratch.nn.schedules import BUDGETED

SKLEARN_ACTIVATIONS = ("identity", "logistic", "tanh", "relu")
# Fitted attributes that mean the same in both packages.
SHARED = [
    "n_layers_",
    "n_outputs_",
    "out_activation_",
    "n_iter_",
    "t_",
    "loss_",
    "best_loss_",
    "loss_curve_",
    "validation_scores_",
    "best_validation_score_",
    "n_features_in_",
    "feature_names_in_",
    "classes_",
    "coefs_",
    "intercepts_",
]


def to_sklearn(estimator: Any, model_class: Any) -> Any:
    """Return a fitted scikit-learn model that predicts as the estimator does."""
    check_is_fitted(estimator)
    if len(getattr(estimator, "classes_", "ab")) == 1:
        raise ValueError(
            "MLPClassifier cannot express a single class: its predict_proba would have "
            "two columns"
        )
    activation = _common_activation(estimator, model_class)
    model = model_class()
    if estimator.out_activation_ == "exp" and "loss" not in model.get_params():
        raise ValueError(
            "MLPRegressor has loss='poisson' from scikit-learn 1.7 on; this is "
            f"scikit-learn {sklearn.__version__}"
        )
    _copy(estimator, model)
    model.set_params(activation=activation)
    if estimator.solver == "adamw":
        model.set_params(solver="adam")
    if estimator.learning_rate in BUDGETED:
        model.set_params(learning_rate="constant")
    if hasattr(model, "classes_"):
        _set_label_binarizer(model)
        if model.out_activation_ == "softmax" and len(model.classes_) == 2:
            _two_outputs_to_one(model)
    # What scikit-learn's partial_fit and warm_start look at.
    model._no_improvement_count = 0
    model._best_coefs = [W.copy() for W in model.coefs_]
    model._best_intercepts = [b.copy() for b in model.intercepts_]
    return model


def _common_activation(estimator: Any, model_class: Any) -> str:
    """Return the activation of all hidden layers, if scikit-learn has it."""
    names = set(per_layer(estimator._activation, estimator.n_layers_ - 2))
    unknown = sorted(names - set(SKLEARN_ACTIVATIONS))
    if unknown:
        raise ValueError(
            f"{model_class.__name__} has no activation {', '.join(map(repr, unknown))}. "
            f"It can express networks with one of {', '.join(SKLEARN_ACTIVATIONS)}."
        )
    if len(names) > 1:
        raise ValueError(
            f"{model_class.__name__} has one activation for all hidden layers, not "
            f"{estimator._activation!r}"
        )
    return names.pop() if names else "relu"


def from_sklearn(model: Any, estimator_class: Any, model_class: Any) -> Any:
    """Return a fitted estimator of ours that predicts as scikit-learn's model does."""
    if not isinstance(model, model_class):
        raise TypeError(
            f"model must be a fitted {model_class.__name__}, got {type(model).__name__}"
        )
    check_is_fitted(model)
    dtype = str(model.coefs_[0].dtype)
    estimator = estimator_class(weight_init="glorot_uniform", dtype=dtype)
    _copy(model, estimator)
    if estimator.out_activation_ == "logistic" and estimator.n_outputs_ == 1:
        _one_output_to_two(estimator)
    estimator._activation = model.activation
    estimator.best_iter_ = 1 + int(np.argmin(estimator.loss_curve_ or [0]))
    estimator.validation_loss_curve_ = None
    estimator._training_state = {}
    return estimator


def _copy(source: Any, target: Any) -> None:
    """Copy parameters and fitted attributes that both have."""
    theirs, ours = source.get_params(), target.get_params()
    target.set_params(**{name: theirs[name] for name in ours.keys() & theirs.keys()})
    for name in SHARED:
        if hasattr(source, name):
            setattr(target, name, copy.deepcopy(getattr(source, name)))
    # L-BFGS leaves no history in scikit-learn.
    absent: dict[str, Any] = {
        "loss_curve_": [],
        "best_loss_": getattr(source, "loss_", None),
        "validation_scores_": None,
        "best_validation_score_": None,
    }
    for name, value in absent.items():
        if not hasattr(target, name):
            setattr(target, name, value)


def _set_label_binarizer(model: Any) -> None:
    """Set what scikit-learn turns outputs into labels with."""
    if model.out_activation_ == "logistic":
        indicators = np.ones((2, len(model.classes_)), dtype=int)
        indicators[0] = 0
        model._label_binarizer = LabelBinarizer().fit(indicators)
    else:
        model._label_binarizer = LabelBinarizer().fit(model.classes_)


def _two_outputs_to_one(model: Any) -> None:
    """Turn two softmax outputs into one logistic unit: ``z`` into ``z[1] - z[0]``."""
    W, b = model.coefs_[-1], model.intercepts_[-1]
    model.coefs_[-1] = W[:, 1:] - W[:, :1]
    model.intercepts_[-1] = b[1:] - b[:1]
    model.n_outputs_ = 1
    model.out_activation_ = "logistic"


def _one_output_to_two(estimator: Any) -> None:
    """Turn a logistic unit into two softmax outputs: ``z`` into ``(0, z)``.

    For a single class scikit-learn has a logistic unit too; here one output is enough.
    """
    W, b = estimator.coefs_[-1], estimator.intercepts_[-1]
    n_classes = len(estimator.classes_)
    estimator.coefs_[-1] = np.hstack([np.zeros_like(W), W])[:, :n_classes]
    estimator.intercepts_[-1] = np.concatenate([np.zeros_like(b), b])[:n_classes]
    estimator.n_outputs_ = n_classes
    estimator.out_activation_ = "softmax"
