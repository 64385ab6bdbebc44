"""The parameters of an estimator, checked and typed: what a fit reads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from skmlp_scratch.nn.activations import per_layer

AUTO_BATCH_ROWS = 200


@dataclass(frozen=True)
class Settings:
    """The parameters in the form that a fit needs.

    Attributes
    ----------
    hidden_layer_sizes : tuple of int
    activation : str or tuple of str
        One for all hidden layers, or one for each.
    batch_size : int or None
        None means the default number of rows.
    dtype : dtype or None
        None means that it depends on the data.
    dropout : tuple of float
        For the input, and for each hidden layer.
    quantile : tuple of float
    others
        Like the estimators' parameters of the same names. Parameters that an estimator
        lacks have their default.
    """

    hidden_layer_sizes: tuple[int, ...]
    activation: str | tuple[str, ...]
    solver: str
    alpha: float
    batch_size: int | None
    learning_rate: str
    learning_rate_init: float
    power_t: float
    max_iter: int
    shuffle: bool
    random_state: int | np.random.RandomState | None
    tol: float
    verbose: bool | int
    warm_start: bool
    momentum: float
    nesterovs_momentum: bool
    early_stopping: bool
    validation_fraction: float
    beta_1: float
    beta_2: float
    epsilon: float
    n_iter_no_change: float
    max_fun: int
    weight_init: str | float
    dtype: np.dtype[Any] | None
    monitor: str
    dropout: tuple[float, ...]
    noise: float
    max_norm: float | None
    clip_norm: float | None
    averaging: float
    batch_norm: bool
    class_weight: Mapping[Any, float] | str | None = None
    label_smoothing: float = 0.0
    loss: str = "squared_error"
    quantile: tuple[float, ...] = (0.5,)

    @classmethod
    def of(cls, parameters: Mapping[str, Any]) -> Self:
        """Return the settings for valid parameters."""
        values = dict(parameters)
        sizes = np.atleast_1d(np.asarray(values["hidden_layer_sizes"], dtype=int))
        values["hidden_layer_sizes"] = tuple(sizes.tolist())
        if not isinstance(values["activation"], str):
            values["activation"] = tuple(values["activation"])
        if not isinstance(values["dropout"], Sequence):
            values["dropout"] = (0.0, *[values["dropout"]] * len(sizes))
        values["dropout"] = tuple(values["dropout"])
        if "quantile" in values:
            values["quantile"] = tuple(np.atleast_1d(values["quantile"]).tolist())
        if values["batch_size"] == "auto":
            values["batch_size"] = None
        is_auto = isinstance(values["dtype"], str) and values["dtype"] == "auto"
        values["dtype"] = None if is_auto else np.dtype(values["dtype"])
        return cls(**values)

    @property
    def activations(self) -> tuple[str, ...]:
        """The name of each hidden layer's activation."""
        return per_layer(self.activation, len(self.hidden_layer_sizes))

    @property
    def starts_as_sklearn(self) -> bool:
        """Whether training starts from the weights that scikit-learn draws."""
        return self.weight_init == "glorot_uniform"

    def batch_rows(self, n_rows: int) -> int:
        """Return how many of ``n_rows`` rows a batch has."""
        return min(self.batch_size or AUTO_BATCH_ROWS, n_rows)

    def computing_dtype(self, X: Any) -> np.dtype[Any]:
        """Return float32 if it holds the type of X exactly, float64 otherwise."""
        if self.dtype is not None:
            return self.dtype
        exact = np.can_cast(X.dtype, np.float32)
        return np.dtype(np.float32 if exact else np.float64)
