"""What both estimators share: checking the data, fitting, fitted attributes."""

import inspect
import math
from collections.abc import Hashable
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple, Self, cast

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, is_regressor
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning
from sklearn.utils import check_array, check_consistent_length
from sklearn.utils.validation import check_is_fitted

from skmlp_scratch import _wiring
from skmlp_scratch._data import Rows, check_sample_weight, validate_X
from skmlp_scratch._diagnostics import (
    FEWEST_ROWS,
    feature_warnings,
    target_warnings,
    validation_target_warnings,
)
from skmlp_scratch._loaded import as_arrays, complete_for_training
from skmlp_scratch._numbers import (
    NO_NUMBERS,
    as_numbers,
    check_finite,
    check_float32_range,
    check_type,
    check_weight_range,
    lengths_explained,
)
from skmlp_scratch._outcome import Outcome, anything_to_distinguish
from skmlp_scratch._parameter_checks import (
    check_parameters,
    ignored_parameter_warnings,
    is_budgeted,
    plain,
)
from skmlp_scratch._targets import check_labels
from skmlp_scratch._wiring import batch_rows
from skmlp_scratch.exceptions import warn
from skmlp_scratch.nn.network import Network
from skmlp_scratch.nn.training import History
from skmlp_scratch.nn.typing import Array


class ValidationSet(NamedTuple):
    """What the caller of ``fit`` passed for validation, as it is."""

    X: Any = None
    y: Any = None
    sample_weight: Any = None


NO_VALIDATION_SET = ValidationSet()
# In scikit-learn's words.
COLUMN_VECTOR = (
    "A column-vector y was passed when a 1d array was expected. Please change the shape of "
    "y to (n_samples, ), for example using ravel()."
)


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
    loss_curve_: list[float]
    validation_scores_: list[float] | None
    validation_loss_curve_: list[float] | None

    def _set_targets(self, y: Array, resume: bool, incremental: bool) -> int:
        """Set ``out_activation_``, and ``classes_`` if any; return the output width."""
        raise NotImplementedError

    def _check_y_val(self, y: Array, n_outputs: int) -> None:
        """Raise an error unless validation targets are like those of training."""
        raise NotImplementedError

    def _encode(self, y: Array, dtype: np.dtype[Any], name: str = "y") -> Array:
        """Return targets for the loss: class codes, or values in the given type."""
        raise NotImplementedError

    def _weigh_classes(
        self, targets: Array, weights: Array | None, incremental: bool
    ) -> Array | None:
        """Return the weights of the rows times those of their classes, if any."""
        raise NotImplementedError

    def _split(
        self, targets: Array, rng: np.random.RandomState, reports: list[Warning]
    ) -> tuple[Array, Array]:
        """Return the positions of training and validation rows."""
        raise NotImplementedError

    def _largest_loss(self, targets: Array) -> float:
        """Return about what the loss of a row can be, for weights must leave room."""
        return 1000.0

    def _score_logits(
        self, logits: Array, targets: Array, weights: Array | None
    ) -> float:
        """Return what ``score`` would, given logits and encoded targets."""
        raise NotImplementedError

    def _fit_aside(self, *arguments: Any, **keywords: Any) -> None:
        """Train a twin of this estimator, then take over what it has learnt, at once.

        So a fit that fails changes nothing, other threads can predict with the old model
        meanwhile, and the model is complete and kept before anything is reported.
        """
        before = dict(vars(self))
        own = _defaults(cast(Hashable, type(self)))
        check_parameters({name: getattr(self, name) for name in own})
        parameters = {name: plain(before[name]) for name in own if name in before}
        twin = object.__new__(type(self))
        twin.__dict__ = before | parameters
        reports = twin._fit(*arguments, **keywords)
        learnt = {k: v for k, v in vars(twin).items() if before.get(k, twin) is not v}
        learnt = {k: v for k, v in learnt.items() if k not in parameters}
        forgotten = before.keys() - vars(twin).keys()
        kept = {k: v for k, v in vars(self).items() if k not in forgotten}
        # One assignment: who reads several attributes of one dict reads one model.
        self.__dict__ = kept | learnt
        for report in reports:
            warn(report)

    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        validation: ValidationSet = NO_VALIDATION_SET,
        incremental: bool = False,
    ) -> list[Warning]:
        """Train, set all fitted attributes, and return what there is to warn of."""
        defaults = _defaults(cast(Hashable, type(self)))
        parameters = {name: getattr(self, name) for name in defaults}
        reports = ignored_parameter_warnings(parameters, defaults)

        begun = "not_begun" not in getattr(self, "_training_state", {})
        resume = hasattr(self, "coefs_") and (incremental or self.warm_start) and begun
        if resume and not hasattr(self, "_activation"):
            complete_for_training(self)  # the weights were set by hand
        dtype = self._dtype_so_far() if resume else None
        X, y = self._validate(X, y, not resume, dtype)
        if y.ndim == 2 and y.shape[1] == 1:
            y = y.ravel()
            reports.append(DataConversionWarning(COLUMN_VECTOR))
        if issparse(X) and not self._takes_sparse():
            raise ValueError(
                f"noise={self.noise} needs dense X: no entry of a sparse matrix would "
                "stay zero. Use dropout, or pass X.toarray()."
            )
        n_outputs = self._set_targets(y, resume, incremental)
        dtype = dtype or self._computing_dtype(X)
        rng = _wiring.random_numbers(self, continued=resume and incremental)
        network = _wiring.make_network(self, X.shape[1], n_outputs, dtype)
        _wiring.set_initial_weights(self, network, rng, resume)

        training = self._training_rows(X, y, sample_weight, dtype, incremental)
        if incremental and len(training) == 0:
            if not resume:
                self._set_fitted(network, History(), validated=False)
                self._training_state = {"not_begun": True}
            return reports
        training, held_out = self._hold_out(
            training, validation, n_outputs, dtype, rng, reports
        )
        if not resume:
            _wiring.start_at_constant(self, network, training)
        monitor = self._what_to_watch(training, held_out, reports)
        reports += self._data_warnings(training, held_out, resume, incremental)
        constant_loss = network.loss.constant_loss(*training.taken(), n_outputs)
        history, state = _wiring.run_solver(
            self,
            network,
            training,
            held_out,
            rng,
            monitor=monitor,
            constant_loss=constant_loss,
            resume=resume,
            incremental=incremental,
        )
        decisive = None if monitor == "loss" else held_out
        n_steps = history.epochs * -(-len(training) // batch_rows(self, len(training)))
        outcome = Outcome(
            self,
            network,
            training,
            decisive,
            history,
            constant_loss,
            n_steps,
            fresh=not resume,
        )
        reports += outcome.reports(incremental)
        if history.divergence and incremental:
            return reports  # as if the rows had not come
        if self.verbose and not incremental:
            print(outcome.why_it_ended(), flush=True)
        if not hasattr(self, "partial_fit"):
            # Only warm_start can go on, and that starts with a new optimizer.
            for name in ("optimizer", "average", "random_state"):
                state.pop(name, None)
        self._set_fitted(network, history, held_out is not None, resume, incremental)
        self._training_state = state
        return reports

    def _what_to_watch(
        self, training: Rows, held_out: Rows | None, reports: list[Warning]
    ) -> str:
        """Return what decides on stopping: a key of ``MONITORS``."""
        if not self.early_stopping or self.solver == "lbfgs" or held_out is None:
            return "loss"
        if self.monitor == "loss" or anything_to_distinguish(held_out):
            return f"validation_{self.monitor}"
        if anything_to_distinguish(training):
            reports.append(
                ConvergenceWarning(
                    "The score of the validation rows means nothing: it needs two rows "
                    "with different targets. Early stopping watches the validation loss "
                    "instead, as with monitor='loss'. Validate on more rows."
                )
            )
        return "validation_loss"

    def _data_warnings(
        self, training: Rows, held_out: Rows | None, resume: bool, incremental: bool
    ) -> list[Warning]:
        """Return what there is to say about the data before training."""
        found: list[Warning] = []
        short = incremental and len(training) < FEWEST_ROWS
        if not (resume or short):
            found += feature_warnings(
                training, getattr(self, "feature_names_in_", None)
            )
            if is_regressor(self):
                found += target_warnings(
                    training.taken()[0],
                    self.out_activation_ == "exp",
                    from_zero=self.weight_init == "glorot_uniform",
                )
        if is_regressor(self) and held_out and held_out.targets is not training.targets:
            found += validation_target_warnings(
                training.taken()[0], held_out.taken()[0]
            )
        if self.solver != "lbfgs" and not incremental:
            n_rows = len(training)
            if not isinstance(self.batch_size, str) and self.batch_size > n_rows:
                found.append(
                    UserWarning(
                        f"batch_size={self.batch_size} is larger than the {n_rows} "
                        f"training rows and is clipped to {n_rows}."
                    )
                )
        return found

    def _validate(
        self,
        X: Any,
        y: Any,
        reset: bool,
        dtype: np.dtype[Any] | None,
        names: tuple[str, str] = ("X", "y"),
    ) -> tuple[Array, Array]:
        """Return X in its own type, if that is numeric, and y as a dense array."""
        estimator, (X_name, y_name) = type(self).__name__, names
        if y is None:
            raise ValueError(
                f"This {estimator} estimator requires y to be passed, but the target y "
                "is None."
            )
        X = validate_X(self, X, reset, X_name)
        check_float32_range(X, dtype or self._computing_dtype(X), X_name)
        numeric = self.__sklearn_tags__().estimator_type == "regressor"
        check_type(y, y_name, NO_NUMBERS if numeric else "c")
        if getattr(getattr(y, "dtype", None), "kind", "") == "T":
            y = y.astype(object)  # scikit-learn does not know StringDType
        with lengths_explained(y_name):
            y = check_array(
                y,
                accept_sparse=True,
                ensure_2d=False,
                dtype=None,
                ensure_all_finite=False,
                input_name=y_name,
                estimator=self,
            )
        check_consistent_length(X, y)
        y = y.toarray() if issparse(y) else y
        if numeric:
            y = as_numbers(y, y_name)
        else:
            check_labels(y, y_name)
        check_finite(y, estimator, y_name)
        return X, y

    def _computing_dtype(self, X: Array) -> np.dtype[Any]:
        """Return float32 for types that it can hold exactly, float64 otherwise."""
        if isinstance(self.dtype, str) and self.dtype == "auto":
            exact = np.can_cast(X.dtype, np.float32)
            return np.dtype(np.float32 if exact else np.float64)
        return np.dtype(self.dtype)

    def _dtype_so_far(self) -> np.dtype[Any] | None:
        """Return the type that training goes on in: the one it began with, or None."""
        is_auto = isinstance(self.dtype, str) and self.dtype == "auto"
        # Weights set by hand may be lists.
        return as_arrays(self.coefs_, [])[0][0].dtype if is_auto else None

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
            weights = check_sample_weight(
                sample_weight, X.shape[0], all_zero=incremental
            )
        weights = self._weigh_classes(targets, weights, incremental)
        if weights is not None:
            by_class = getattr(self, "class_weight", None) is not None
            name = "class_weight times sample_weight" if by_class else "sample_weight"
            check_weight_range(weights, dtype, name, self._largest_loss(targets))
        if weights is None or weights.all():
            return Rows(X, targets, weights)
        if not (weights.any() or incremental):
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
        reports: list[Warning],
    ) -> tuple[Rows, Rows | None]:
        """Return the rows to train on and the rows to validate on, if any."""
        X_val, y_val, weights = validation
        if X_val is not None and y_val is not None:
            try:
                X, y = self._validate(X_val, y_val, False, dtype, ("X_val", "y_val"))
            except ValueError as error:
                if "_val" in str(error):  # names the argument already
                    raise
                raise ValueError(f"X_val or y_val: {error}") from error
            y = y.ravel() if y.shape[1:] == (1,) else y
            self._check_y_val(y, n_outputs)
            targets = self._encode(y, dtype, "y_val")
            if weights is not None:
                name = "sample_weight_val"
                weights = check_sample_weight(weights, X.shape[0], name)
                check_weight_range(weights, dtype, name, self._largest_loss(targets))
            counted = None if weights is None else np.flatnonzero(weights)
            return training, Rows(X, targets, weights, counted)
        if any(part is not None for part in validation):
            raise ValueError("X_val and y_val must be passed together")
        if not self.early_stopping or self.solver == "lbfgs":
            return training, None
        rows = np.arange(len(training)) if training.rows is None else training.rows
        train, set_aside = self._split(training.taken()[0], rng, reports)
        return (
            replace(training, rows=rows[train]),
            replace(training, rows=rows[set_aside]),
        )

    def _set_fitted(
        self,
        network: Network,
        history: History,
        validated: bool,
        resume: bool = False,
        incremental: bool = False,
    ) -> None:
        self._set_curves(history, validated, resume, incremental)
        self.coefs_, self.intercepts_ = network.parameters.copies()
        self._activation = network.activation
        self.n_layers_ = len(network.layer_units)
        self.n_outputs_ = network.layer_units[-1]
        self.n_iter_ = history.epochs
        self.t_ = history.samples_seen
        self.best_iter_ = history.best_epoch

    def _set_curves(
        self, history: History, validated: bool, resume: bool, incremental: bool
    ) -> None:
        """Add this fit's history to that of the fits before, if it went on from them."""
        new, best = history.loss_curve, min(history.loss_curve, default=math.inf)
        if not resume:
            self.loss_curve_ = new
        elif incremental:
            # In place: a call must not take longer the more there were. Copies of the
            # estimator have a list of their own, see __getstate__.
            known = getattr(self, "best_loss_", None)
            best = min(min(self.loss_curve_) if known is None else known, best)
            self.loss_curve_.extend(new)
        else:
            best = min([*self.loss_curve_, best])
            self.loss_curve_ = self.loss_curve_ + new
        self.loss_ = self.loss_curve_[-1] if self.loss_curve_ else math.nan
        self.best_loss_ = None if self.early_stopping and validated else best
        scores, losses = history.validation_scores, history.validation_losses
        if validated and resume:
            scores = self._before(self.validation_scores_, history) + scores
            losses = self._before(self.validation_loss_curve_, history) + losses
        self.validation_scores_ = scores if validated else None
        self.validation_loss_curve_ = losses if validated else None
        self.best_validation_score_ = (
            max((s for s in scores if not math.isnan(s)), default=math.nan)
            if validated
            else None
        )

    def _before(self, values: list[float] | None, history: History) -> list[float]:
        """Return a validation curve so far, one entry per epoch of the loss curve."""
        values = list(values or [])
        return values + [math.nan] * (history.epochs_before - len(values))

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        if "loss_curve_" in state:
            state["loss_curve_"] = list(state["loss_curve_"])
        return state

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


@cache
def _defaults(estimator_class: Hashable) -> dict[str, Any]:
    """Return the default of each of our own parameters; asking takes 0.1 ms.

    A subclass may have a constructor of its own, with other parameters.
    """
    own = __name__.partition(".")[0]
    ours = next(
        c
        for c in cast(type, estimator_class).__mro__
        if c.__module__.partition(".")[0] == own and "__init__" in vars(c)
    )
    parameters = inspect.signature(ours).parameters.values()
    return {parameter.name: parameter.default for parameter in parameters}
