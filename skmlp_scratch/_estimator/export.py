"""To and from scikit-learn's own multilayer perceptrons."""

import copy
from collections.abc import Iterable
from typing import Any

import numpy as np
import sklearn
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.validation import check_is_fitted

from skmlp_scratch._estimator.attributes import FittedAttributes
from skmlp_scratch._estimator.loaded import as_arrays, complete_for_training
from skmlp_scratch._estimator.prediction import snapshot
from skmlp_scratch.nn.activations import per_layer

SKLEARN_ACTIVATIONS = ("identity", "logistic", "tanh", "relu")
SKLEARN_SOLVERS = ("adam", "sgd", "lbfgs")
SKLEARN_LEARNING_RATES = ("constant", "invscaling", "adaptive")
# By output activation: the loss with the same predictions.
SKLEARN_LOSSES = {"identity": "squared_error", "exp": "poisson"}
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


def to_sklearn(estimator: FittedAttributes, model_class: Any) -> Any:
    """Return a fitted scikit-learn model with the predictions of an estimator."""
    estimator = snapshot(estimator)
    model = model_class()
    _check_expressible(estimator, model)
    activation = _common_activation(estimator, model_class)
    _copy(estimator, model, model.get_params())
    model.coefs_, model.intercepts_ = as_arrays(model.coefs_, model.intercepts_)
    model.set_params(activation=activation)
    if model.solver not in SKLEARN_SOLVERS:
        model.set_params(solver="adam")
    if model.learning_rate not in SKLEARN_LEARNING_RATES:
        model.set_params(learning_rate="constant")
    if "loss" in model.get_params():
        model.set_params(loss=SKLEARN_LOSSES[estimator.out_activation_])
    if hasattr(model, "classes_"):
        _set_label_binarizer(model)
        if model.out_activation_ == "softmax" and len(model.classes_) == 2:
            _two_outputs_to_one(model)
    # Attributes that scikit-learn's partial_fit and warm_start read.
    model._no_improvement_count = 0
    model._best_coefs = [W.copy() for W in model.coefs_]
    model._best_intercepts = [b.copy() for b in model.intercepts_]
    return model


def _check_expressible(estimator: FittedAttributes, model: Any) -> None:
    """Raise a ValueError if scikit-learn's model cannot predict as the estimator."""
    if len(getattr(estimator, "classes_", "ab")) == 1:
        raise ValueError(
            "MLPClassifier cannot express a single class: its predict_proba would have "
            "two columns"
        )
    quantiles = getattr(estimator, "_quantiles", None)
    if quantiles is not None and len(quantiles) > 1:
        raise ValueError(
            f"{type(model).__name__} cannot express several quantiles, whose "
            "predictions are sorted. Fit one regressor for each."
        )
    if estimator.out_activation_ == "exp" and "loss" not in model.get_params():
        raise ValueError(
            "MLPRegressor has loss='poisson' from scikit-learn 1.7 on; this is "
            f"scikit-learn {sklearn.__version__}"
        )
    if estimator.out_activation_ not in {*SKLEARN_LOSSES, "softmax", "logistic"}:
        raise ValueError(
            f"{type(model).__name__} has no output activation "
            f"{estimator.out_activation_!r}"
        )


def _common_activation(estimator: FittedAttributes, model_class: Any) -> str:
    """Return the activation of all hidden layers, if scikit-learn has it."""
    names = set(per_layer(estimator._activation, estimator.n_layers_ - 2))
    unknown = sorted(names - set(SKLEARN_ACTIVATIONS))
    if unknown:
        raise ValueError(
            f"{model_class.__name__} has no activation "
            f"{', '.join(map(repr, unknown))}. It can express networks with one of "
            f"{', '.join(SKLEARN_ACTIVATIONS)}."
        )
    if len(names) > 1:
        raise ValueError(
            f"{model_class.__name__} has one activation for all hidden layers, not "
            f"{estimator._activation!r}"
        )
    return names.pop() if names else "relu"


def from_sklearn(model: Any, estimator_class: Any, model_class: Any) -> Any:
    """Return a fitted estimator with the predictions of a scikit-learn model."""
    if not isinstance(model, model_class):
        raise TypeError(
            f"model must be a fitted {model_class.__name__}, got {type(model).__name__}"
        )
    check_is_fitted(model)
    try:
        estimator = estimator_class()
    except TypeError as error:
        raise TypeError(
            f"from_sklearn makes a {estimator_class.__name__} without arguments: "
            f"{error}"
        ) from error
    _copy(model, estimator, model_class().get_params())
    complete_for_training(estimator)
    estimator.weight_init = "glorot_uniform"
    estimator.dtype = str(estimator.coefs_[0].dtype)
    return estimator


def _copy(source: Any, target: Any, parameters: Iterable[str]) -> None:
    """Copy the shared parameters and the fitted attributes.

    They are set as attributes: a subclass's constructor may have other parameters.
    """
    for name in [*(name for name in parameters if hasattr(target, name)), *SHARED]:
        if hasattr(source, name):
            setattr(target, name, copy.deepcopy(getattr(source, name)))


def _set_label_binarizer(model: Any) -> None:
    """Set the binarizer with which scikit-learn turns outputs into labels."""
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
