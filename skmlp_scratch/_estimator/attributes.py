"""The attributes of an estimator: parameters, and what a fit learnt."""

from typing import Any

from sklearn.base import BaseEstimator

from skmlp_scratch._estimator.continuation import TrainingState
from skmlp_scratch.nn.typing import Array


class FittedAttributes(BaseEstimator):
    """Names and types of the attributes, for functions that take an estimator."""

    hidden_layer_sizes: Any
    activation: Any
    solver: str
    learning_rate: str
    early_stopping: bool
    warm_start: bool
    noise: float
    weight_init: Any
    dtype: Any

    coefs_: list[Array]
    intercepts_: list[Array]
    out_activation_: str
    n_outputs_: int
    n_layers_: int
    n_iter_: int
    t_: int
    loss_: float
    best_loss_: float | None
    best_iter_: int
    loss_curve_: list[float]
    validation_scores_: list[float] | None
    validation_loss_curve_: list[float] | None
    learning_rate_curve_: list[float] | None
    best_validation_score_: float | None
    n_features_in_: int
    # Classifiers only.
    classes_: Array
    # Regressors only.
    quantile: Any
    loss: str
    _loss: str
    _quantiles: Array | None

    _activation: str | tuple[str, ...]
    _training_state: TrainingState
    _summary: dict[str, Any] | None
