"""What both estimators share: checking the data, fitting, fitted attributes."""

import inspect
import math
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple, Self, cast

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from skmlp_scratch import _wiring
from skmlp_scratch._data import (
    Rows,
    check_finite,
    check_float32_range,
    check_sample_weight,
)
from skmlp_scratch._diagnostics import check_feature_scales, check_network
from skmlp_scratch._parameter_checks import (
    check_parameters,
    is_budgeted,
    warn_of_ignored,
)
from skmlp_scratch.exceptions import DivergenceError, DivergenceWarning, warn
from skmlp_scratch.nn.network import Network
from skmlp_scratch.nn.training import History
from skmlp_scratch.nn.typing import Array


class ValidationSet(NamedTuple):
    """What the caller of ``fit`` passed for validation, as it is."""

    X: Any = None
    y: Any = None
    sample_weight: Any = None


NO_VALIDATION_SET = ValidationSet()


class BaseScratchMLP(BaseEstimator):
    """Base of the estimators. A subclass has the constructor and knows its targets."""

    # What is read here; the subclasses' constructors set it.
    solver: str
    dtype: Any
    early_stopping: bool
    validation_fraction: float
    max_iter: int
    tol: float
    learning_rate: str
    learning_rate_init: float
    noise: float
    verbose: Any
    warm_start: bool
    monitor: str

    coefs_: list[Array]
    intercepts_: list[Array]
    out_activation_: str

    def _set_targets(self, y: Array, resume: bool, incremental: bool) -> int:
        """Set ``out_activation_``, and ``classes_`` if any; return the output width."""
        raise NotImplementedError

    def _check_y_val(self, y: Array, n_outputs: int) -> None:
        """Raise an error unless validation targets are like those of training."""
        raise NotImplementedError

    def _encode(self, y: Any, dtype: np.dtype[Any]) -> Array:
        """Return targets for the loss: class codes, or values in the given type."""
        raise NotImplementedError

    def _weigh_classes(
        self, targets: Array, weights: Array | None, incremental: bool
    ) -> Array | None:
        """Return the weights of the rows times those of their classes, if any."""
        raise NotImplementedError

    def _split(self, targets: Array, rng: np.random.RandomState) -> tuple[Array, Array]:
        """Return the positions of training and validation rows."""
        raise NotImplementedError

    def _score_logits(
        self, logits: Array, targets: Array, weights: Array | None
    ) -> float:
        """Return what ``score`` would, given logits and encoded targets."""
        raise NotImplementedError

    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        validation: ValidationSet = NO_VALIDATION_SET,
        incremental: bool = False,
    ) -> None:
        """Train, and set all fitted attributes."""
        defaults = _defaults(cast(Hashable, type(self)))
        parameters = {name: getattr(self, name) for name in defaults}
        check_parameters(parameters)
        warn_of_ignored(parameters, defaults)

        resume = hasattr(self, "coefs_") and (incremental or self.warm_start)
        X, y = self._validate(X, y, reset=not resume)
        if issparse(X) and not self._takes_sparse():
            raise ValueError(
                f"noise={self.noise} needs dense X: no entry of a sparse matrix would "
                "stay zero. Use dropout, or pass X.toarray()."
            )
        n_outputs = self._set_targets(y, resume, incremental)
        dtype = self._computing_dtype(X)
        rng = _wiring.random_numbers(self, continued=resume and incremental)
        network = _wiring.make_network(self, X.shape[1], n_outputs, dtype)
        _wiring.set_initial_weights(self, network, rng, resume)

        training = self._training_rows(X, y, sample_weight, dtype, incremental)
        training, held_out = self._hold_out(training, validation, n_outputs, dtype, rng)
        if not resume:
            check_feature_scales(training)
        constant_loss = network.loss.constant_loss(*training.taken(), n_outputs)
        history, state = _wiring.run_solver(
            self,
            network,
            training,
            held_out,
            rng,
            constant_loss=constant_loss,
            resume=resume,
            incremental=incremental,
        )
        self._set_fitted(network, history, held_out is not None)
        if not hasattr(self, "partial_fit"):
            # Only warm_start can go on, and that starts with a new optimizer.
            for name in ("optimizer", "average", "random_state"):
                state.pop(name, None)
        self._training_state = state
        self._report(history, constant_loss, incremental)
        if not incremental:
            cut_short = history.interrupted or history.divergence
            at_its_end = history.converged or (self._is_budgeted() and not cut_short)
            check_network(network, training, constant_loss, at_its_end)

    def _validate(self, X: Any, y: Any, reset: bool) -> tuple[Array, Array]:
        """Return X in its own type, if that is numeric, and y as an array."""
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse=["csr", "csc"],
            dtype="numeric",
            ensure_all_finite=False,
            multi_output=True,
            y_numeric=self.__sklearn_tags__().estimator_type == "regressor",
            reset=reset,
        )
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        check_finite(X, type(self).__name__)
        check_float32_range(X, self._computing_dtype(X))
        return (X.tocsr() if issparse(X) else X), y

    def _computing_dtype(self, X: Array) -> np.dtype[Any]:
        """Return float32 for types that it can hold exactly, float64 otherwise."""
        if isinstance(self.dtype, str) and self.dtype == "auto":
            exact = np.can_cast(X.dtype, np.float32)
            return np.dtype(np.float32 if exact else np.float64)
        return np.dtype(self.dtype)

    def _training_rows(
        self,
        X: Array,
        y: Array,
        sample_weight: Any,
        dtype: np.dtype[Any],
        incremental: bool,
    ) -> Rows:
        """Return the rows to train on: those whose weight is not zero."""
        targets, weights = self._encode(y, dtype), None
        if sample_weight is not None:
            weights = check_sample_weight(sample_weight, X.shape[0])
        weights = self._weigh_classes(targets, weights, incremental)
        if weights is None or weights.all():
            return Rows(X, targets, weights)
        if not weights.any():
            raise ValueError(
                "class_weight times sample_weight is zero for all samples: no row "
                "would be left to train on."
            )
        return Rows(X, targets, weights, np.flatnonzero(weights))

    def _hold_out(
        self,
        training: Rows,
        validation: ValidationSet,
        n_outputs: int,
        dtype: np.dtype[Any],
        rng: np.random.RandomState,
    ) -> tuple[Rows, Rows | None]:
        """Return the rows to train on and the rows to validate on, if any."""
        X_val, y_val, weights = validation
        if X_val is not None and y_val is not None:
            try:
                X, y = self._validate(X_val, y_val, reset=False)
            except ValueError as error:
                raise ValueError(f"X_val or y_val: {error}") from error
            self._check_y_val(y, n_outputs)
            if weights is not None:
                weights = check_sample_weight(weights, X.shape[0], "sample_weight_val")
            return training, Rows(X, self._encode(y, dtype), weights)
        if any(part is not None for part in validation):
            raise ValueError("X_val and y_val must be passed together")
        if not self.early_stopping or self.solver == "lbfgs":
            return training, None
        rows = np.arange(len(training)) if training.rows is None else training.rows
        train, held_out = self._split(training.taken()[0], rng)
        return (
            replace(training, rows=rows[train]),
            replace(training, rows=rows[held_out]),
        )

    def _set_fitted(self, network: Network, history: History, validated: bool) -> None:
        self.coefs_, self.intercepts_ = network.parameters.copies()
        self._activation = network.activation
        self.n_layers_ = len(network.layer_units)
        self.n_outputs_ = network.layer_units[-1]
        self.n_iter_ = history.epochs
        self.t_ = history.samples_seen
        self.loss_curve_ = history.loss_curve
        self.loss_ = history.loss_curve[-1] if history.loss_curve else math.nan
        self.best_iter_ = history.best_epoch
        self.best_loss_ = None
        if not (self.early_stopping and validated):
            self.best_loss_ = min(history.loss_curve, default=math.inf)
        self.validation_scores_ = history.validation_scores if validated else None
        self.validation_loss_curve_ = history.validation_losses if validated else None
        self.best_validation_score_ = (
            max(
                (s for s in history.validation_scores if not math.isnan(s)),
                default=math.nan,
            )
            if validated
            else None
        )

    def _report(
        self, history: History, constant_loss: float, incremental: bool
    ) -> None:
        """Warn, or raise an error, if training did not end as it should."""
        if history.divergence:
            remedy = (
                "Scale the features, for example with StandardScaler"
                if self.solver == "lbfgs"
                else f"Lower learning_rate_init={self.learning_rate_init}, or scale the "
                "features, for example with StandardScaler"
            )
            what = f"Training diverged: {history.divergence}."
            if not min(history.loss_curve, default=math.inf) < constant_loss:
                raise DivergenceError(
                    f"{what} It never did better than a constant prediction, whose "
                    f"loss is {constant_loss:.3g}. {remedy}."
                )
            warn(
                f"{what} The weights of epoch {history.best_epoch}, the best, were "
                f"restored. {remedy}.",
                DivergenceWarning,
            )
        elif history.interrupted:
            warn(
                f"Training interrupted by user after {history.epochs} epochs; the "
                "model can be used as it is.",
                UserWarning,
            )
        elif self.solver == "lbfgs" and not history.converged:
            warn(
                f"L-BFGS stopped after {history.epochs} iterations before it converged "
                f"(max_iter={self.max_iter}): {history.message}. Raise max_iter or "
                "max_fun, or scale the features.",
                ConvergenceWarning,
            )
        elif not (history.converged or incremental or self._is_budgeted()):
            early = (
                f"validation {self.monitor}" if self.early_stopping else "training loss"
            )
            warn(
                f"Stopped at max_iter={self.max_iter} before the {early} ceased to "
                f"improve by tol={self.tol}. Raise max_iter, or ignore this if max_iter "
                "is meant as a budget.",
                ConvergenceWarning,
            )

    def drop_training_state(self) -> Self:
        """Forget what only ``partial_fit`` needs, which makes pickles smaller.

        Of Adam, this is twice the size of the weights. A later ``partial_fit`` starts
        with a new optimizer and a new source of randomness.

        Returns
        -------
        self : estimator
            This estimator.
        """
        check_is_fitted(self)
        self._training_state = {}
        return self

    def _logits(self, X: Any) -> Array:
        """Validate X and return the logits of its rows, in bounded memory."""
        check_is_fitted(self)
        X = validate_data(
            self,
            X,
            accept_sparse=["csr", "csc"],
            dtype="numeric",
            ensure_all_finite=False,
            reset=False,
        )
        check_finite(X, type(self).__name__)
        check_float32_range(X, self.coefs_[0].dtype)
        return _wiring.predict(self, X.tocsr() if issparse(X) else X)

    def _takes_sparse(self) -> bool:
        # Whatever the value of noise: tags are asked for before it is checked.
        return self.solver == "lbfgs" or bool(self.noise == 0)

    def _is_budgeted(self) -> bool:
        return is_budgeted(self.solver, self.learning_rate)

    def _has_partial_fit(self) -> bool:
        """Return True, or raise the AttributeError that says why there is none."""
        if self.solver == "lbfgs":
            raise AttributeError(
                "partial_fit is only available for solver='adam', 'adamw' and 'sgd', got "
                "solver='lbfgs'"
            )
        if self._is_budgeted():
            raise AttributeError(
                f"partial_fit does not support learning_rate={self.learning_rate!r}, "
                "which plans for max_iter epochs in one fit. Use "
                "learning_rate='constant', or fit."
            )
        if self.early_stopping:
            raise AttributeError("partial_fit does not support early_stopping=True")
        return True

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = self._takes_sparse()
        return tags


@contextmanager
def unchanged_on_error(estimator: BaseEstimator) -> Iterator[None]:
    """Give an estimator back all its attributes, as they were, if the block fails.

    ``fit`` replaces attributes and never changes the objects they refer to, so that a
    shallow copy suffices.
    """
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


@cache
def _defaults(estimator_class: Hashable) -> dict[str, Any]:
    """Return the default of each of a class's parameters; asking takes 0.1 ms."""
    parameters = inspect.signature(cast(type, estimator_class)).parameters.values()
    return {parameter.name: parameter.default for parameter in parameters}
