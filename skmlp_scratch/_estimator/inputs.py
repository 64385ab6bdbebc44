"""Checks of the rows to train on and to validate on, with targets and weights."""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.exceptions import DataConversionWarning
from sklearn.utils import check_array, check_consistent_length
from sklearn.utils.validation import validate_data

from skmlp_scratch._estimator.numbers import (
    NO_NUMBERS,
    as_numbers,
    check_finite,
    check_float32_range,
    check_type,
    check_weight_range,
    lengths_explained,
)
from skmlp_scratch._estimator.rows import Rows
from skmlp_scratch._estimator.settings import Settings
from skmlp_scratch._estimator.solvers import is_stochastic
from skmlp_scratch._estimator.targets import TargetKind, Targets
from skmlp_scratch.exceptions import DataTypeError
from skmlp_scratch.nn.typing import Array

# In scikit-learn's words.
COLUMN_VECTOR = (
    "A column-vector y was passed when a 1d array was expected. Please change the "
    "shape of y to (n_samples, ), for example using ravel()."
)


class ValidationSet(NamedTuple):
    """What the caller of ``fit`` passed for validation, as it is."""

    X: Any = None
    y: Any = None
    sample_weight: Any = None


NO_VALIDATION_SET = ValidationSet()


@dataclass(frozen=True)
class Call:
    """What the caller of ``fit`` or ``partial_fit`` passed, as it is.

    Attributes
    ----------
    X, y, sample_weight, classes, resume_from
        The arguments of the same names.
    validation : ValidationSet
    incremental : bool
        Whether this is ``partial_fit``.
    """

    X: Any
    y: Any
    sample_weight: Any = None
    validation: ValidationSet = NO_VALIDATION_SET
    incremental: bool = False
    classes: Any = None
    resume_from: Any = None


def validate_X(estimator: BaseEstimator, X: Any, reset: bool, name: str = "X") -> Array:
    """Return X in its own type, which is numeric; objects as float64.

    Raises
    ------
    ValueError
        If X is not a matrix of finite numbers, or does not match the X of ``fit``.
    """
    check_type(X, name, NO_NUMBERS)
    with lengths_explained(name):
        X = validate_data(
            estimator,
            X,
            accept_sparse=["csr", "csc"],
            dtype=None,
            ensure_all_finite=False,
            reset=reset,
        )
    X = as_numbers(X, name)
    check_finite(X, type(estimator).__name__, name)
    return X.tocsr() if issparse(X) else X


def check_sample_weight(
    sample_weight: Any,
    n_samples: int,
    name: str = "sample_weight",
    all_zero: bool = False,
) -> Array:
    """Return weights as float64, of shape (n_samples,).

    ``all_zero`` says whether all of them may be zero.

    Raises
    ------
    ValueError
        If their shape is wrong, or one is negative or not finite, or all are zero.
    """
    if isinstance(sample_weight, str):
        raise DataTypeError(
            f"{name} must hold numbers, one per row, got {sample_weight!r}. Have them "
            "computed by "
            "sklearn.utils.class_weight.compute_sample_weight('balanced', y)."
        )
    if np.isscalar(sample_weight):
        sample_weight = np.full(n_samples, sample_weight)
    check_type(sample_weight, name, "cmM")
    with lengths_explained(name):
        weights = check_array(
            sample_weight,
            ensure_2d=False,
            dtype=None,
            ensure_all_finite=False,
            input_name=name,
        )
    if weights.dtype.kind in "SU":  # numbers as text will do, as in scikit-learn
        weights = weights.astype(object)
    weights = as_numbers(weights, name)
    check_finite(weights, None, name)
    weights = weights.astype(np.float64)
    if weights.shape != (n_samples,):
        raise ValueError(f"{name} must have shape ({n_samples},), got {weights.shape}")
    if weights.min() < 0:
        raise ValueError(
            f"{name} must not be negative, got {weights.min()}. Leave rows out "
            "by a weight of 0."
        )
    if not (weights.any() or all_zero):
        raise ValueError(
            f"{name} must not be zero for all samples: no row would be left."
        )
    return weights


def check_rows(
    estimator: BaseEstimator,
    kind: TargetKind,
    X: Any,
    y: Any,
    *,
    reset: bool,
    names: tuple[str, str] = ("X", "y"),
) -> tuple[Array, Array]:
    """Return X in its own numeric type, and y as a dense array."""
    name_of_estimator, (X_name, y_name) = type(estimator).__name__, names
    if y is None:
        raise ValueError(
            f"This {name_of_estimator} estimator requires y to be passed, but the "
            "target y is None."
        )
    X = validate_X(estimator, X, reset, X_name)
    kind.check_type(y, y_name)
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
            estimator=estimator,
        )
    check_consistent_length(X, y)
    y = y.toarray() if issparse(y) else y
    return X, kind.check(y, y_name, name_of_estimator)


def training_data(
    estimator: BaseEstimator, kind: TargetKind, call: Call, *, reset: bool
) -> tuple[Array, Array, list[Warning]]:
    """Return X and y to train on, and warnings."""
    X, y = check_rows(estimator, kind, call.X, call.y, reset=reset)
    if y.ndim == 2 and y.shape[1] == 1:
        return X, y.ravel(), [DataConversionWarning(COLUMN_VECTOR)]
    return X, y, []


def check_density(X: Array, settings: Settings) -> None:
    """Raise an error if X is sparse and the settings add noise to it."""
    if issparse(X) and settings.noise and is_stochastic(settings.solver):
        raise ValueError(
            f"noise={settings.noise} needs dense X: no entry of a sparse matrix would "
            "stay zero. Use dropout, or pass X.toarray()."
        )


def training_rows(
    X: Array,
    codes: Array,
    call: Call,
    targets: Targets,
    dtype: np.dtype[Any],
    by_class: bool,
) -> Rows:
    """Return the rows to train on, without the rows of weight 0.

    ``by_class`` says whether there are class weights.
    """
    weights = None
    if call.sample_weight is not None:
        weights = check_sample_weight(
            call.sample_weight, X.shape[0], all_zero=call.incremental
        )
    weights = targets.weigh(codes, weights, call.incremental)
    if weights is not None:
        name = "class_weight times sample_weight" if by_class else "sample_weight"
        check_weight_range(weights, dtype, name, targets.largest_loss(codes))
    if weights is None or weights.all():
        return Rows(X, codes, weights)
    if not (weights.any() or call.incremental):
        raise ValueError(
            "class_weight times sample_weight is zero for all samples: no row "
            "would be left to train on."
        )
    return Rows(X, codes, weights, np.flatnonzero(weights))


def validation_rows(
    estimator: BaseEstimator,
    kind: TargetKind,
    validation: ValidationSet,
    targets: Targets,
    dtype: np.dtype[Any],
) -> Rows | None:
    """Return the validation rows that the caller passed, if any."""
    X_val, y_val, weights = validation
    if X_val is None or y_val is None:
        if any(part is not None for part in validation):
            raise ValueError("X_val and y_val must be passed together")
        return None
    names = ("X_val", "y_val")
    try:
        X, y = check_rows(estimator, kind, X_val, y_val, reset=False, names=names)
        check_float32_range(X, dtype, "X_val")
    except ValueError as error:
        if "_val" in str(error):  # names the argument already
            raise
        raise ValueError(f"X_val or y_val: {error}") from error
    y = y.ravel() if y.shape[1:] == (1,) else y
    targets.check_validation(y)
    codes = targets.encode(y, dtype, "y_val")
    if weights is not None:
        name = "sample_weight_val"
        weights = check_sample_weight(weights, X.shape[0], name)
        check_weight_range(weights, dtype, name, targets.largest_loss(codes))
    counted = None if weights is None else np.flatnonzero(weights)
    return Rows(X, codes, weights, counted)


def set_aside(
    training: Rows, targets: Targets, rng: np.random.RandomState
) -> tuple[Rows, Rows, list[Warning]]:
    """Split rows; return training rows, validation rows and warnings."""
    rows = np.arange(len(training)) if training.rows is None else training.rows
    train, held_out, reports = targets.split(training.own()[0], rng)
    return (
        replace(training, rows=rows[train]),
        replace(training, rows=rows[held_out]),
        reports,
    )
