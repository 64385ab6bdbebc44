"""Checks of numbers: types, finite values, and the range of the computing type."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import assert_all_finite

from skmlp_scratch.exceptions import DataTypeError
from skmlp_scratch.nn.fast import row_blocks
from skmlp_scratch.nn.typing import Array

FINITE_BLOCK_ROWS = 2000
# NumPy's codes for types that are not real numbers, without objects.
NO_NUMBERS = "cmMSTUV"
COMPLEX = {"complex", "complex64", "complex128", "clongdouble"}
DATES = {"datetime64", "timedelta64"}
DATES |= {"date", "datetime", "time", "timedelta"}
DATES |= {"NaTType", "Period", "Timedelta", "Timestamp"}


def check_type(values: Any, name: str, kinds: str) -> None:
    """Raise an error if an array, or a data frame's column, is of one of these kinds.

    polars would convert dates beside numbers to numbers, and the error of pandas would
    not name them. Text in a data frame may be numbers, as in scikit-learn.
    """
    if hasattr(values, "columns"):
        dtypes = getattr(values, "dtypes", ())
        kinds = "".join({*"cmM"} & {*kinds})
    else:
        dtypes = [getattr(values, "dtype", None)]
    for dtype in dtypes:
        of_dates = getattr(dtype, "is_temporal", bool)()  # in polars
        kind = "M" if of_dates else getattr(dtype, "kind", "")
        if kind and kind in kinds:
            what = "numbers. Complex data not supported" if kind == "c" else "numbers"
            found = DATES if kind in "mM" else {"str"} if kind in "STU" else set()
            raise DataTypeError(
                f"{name} must hold {what}, got {dtype}. {_remedy(found)}"
            )


def as_numbers(values: Array, name: str) -> Array:
    """Return an array of real numbers: unchanged or, for objects, as float64.

    As in scikit-learn, objects may be anything that ``float()`` converts, also strings.
    """
    check_type(values, name, NO_NUMBERS)
    if values.dtype.kind != "O":
        return values
    found = {type(value).__name__ for value in values.flat}
    # float() would accept some dates, and NumPy would drop imaginary parts.
    if DATES & found:
        reason = "dates are no numbers"
    elif COMPLEX & found:
        reason = "Complex data not supported"
    else:
        try:
            return values.astype(np.float64)
        except (TypeError, ValueError, OverflowError) as error:
            reason = str(error).rstrip(".")
    raise DataTypeError(
        f"{name} must hold numbers, got {', '.join(sorted(found))}: {reason}. "
        f"{_remedy(found)}"
    )


def _remedy(found: set[str]) -> str:
    if found & DATES:
        return (
            "Turn dates and durations into numbers, for example into days by "
            "(dates - dates.min()) / np.timedelta64(1, 'D')."
        )
    if "str" in found:
        return "Turn text into numeric values: astype(float), or encoded categories."
    if "NAType" in found:
        return "Fill in what is missing, or leave it out."
    return "Pass an array of floats."


@contextmanager
def lengths_explained(name: str) -> Iterator[None]:
    """Replace NumPy's error about rows of different lengths by a clearer one."""
    try:
        yield
    except ValueError as error:
        if "inhomogeneous" not in str(error):
            raise
        raise ValueError(
            f"{name} is no array: its rows have different lengths. Pass rows of the "
            "same length."
        ) from error


def check_finite(X: Array, estimator_name: str | None, name: str = "X") -> None:
    """Raise scikit-learn's error if X has a NaN or an infinity.

    The check makes masks of the size of its input if a first test, the sum, is not
    finite. For large float16 data it never is, hence the blocks of rows. NumPy's
    warning about infinities of both signs in the sum would not help the caller.
    """
    # scikit-learn 1.6 overlooks NaN in longdouble and in foreign byte order.
    if X.dtype.char == "g" or (X.dtype.kind == "f" and not X.dtype.isnative):
        with np.errstate(over="ignore"):
            X = X.astype(np.float64)
    blocks = [X]
    if not issparse(X):
        blocks = [X[block] for block in row_blocks(len(X), FINITE_BLOCK_ROWS)]
    with np.errstate(over="ignore", invalid="ignore"):
        for block in blocks:
            assert_all_finite(block, estimator_name=estimator_name, input_name=name)


def check_float32_range(X: Array, dtype: np.dtype[Any], name: str = "X") -> None:
    """Raise an error if finite values of X become infinite in the computing type."""
    if X.dtype.itemsize > dtype.itemsize:
        limit = float(np.finfo(dtype).max)
        check_largest(X, limit, dtype, name, "Scale the features")


def check_target_range(
    targets: Array, squared: bool, dtype: np.dtype[Any], name: str
) -> None:
    """Raise an error if the sum of the targets' losses leaves the computing type.

    Squared errors of a constant prediction are below ``(2 largest)^2``. The largest
    term of the Poisson loss is ``y log(y)``, where the logarithm is below 1000.
    """
    limit = float(np.finfo(dtype).max) / targets.size
    limit = math.sqrt(limit) / 2 if squared else limit / 1000
    check_largest(targets, limit, dtype, name, "Scale the targets")


def check_weight_range(
    weights: Array, dtype: np.dtype[Any], name: str, largest_loss: float
) -> None:
    """Raise an error if weighted losses, or their sum, leave the computing type.

    ``largest_loss`` is roughly the largest loss of a row.
    """
    limit = float(np.finfo(dtype).max) / (largest_loss * weights.size)
    check_largest(weights, limit, dtype, name, "Scale the weights")
    largest = weights.max()
    if 0 < largest < np.finfo(dtype).tiny:
        raise ValueError(
            f"{name} has no value above {largest:.3g}, too small for dtype='{dtype}'. "
            "Scale the weights."
        )


def check_largest(
    X: Array, limit: float, dtype: np.dtype[Any], name: str, remedy: str
) -> None:
    """Raise an error if the magnitude of a value is above a limit."""
    values: Array = X.data if issparse(X) else X  # type: ignore[assignment]
    if values.size == 0:
        return
    largest = max(abs(float(values.max())), abs(float(values.min())))
    if largest > limit:
        wider = ", or use dtype='float64'" if dtype == np.float32 else ""
        raise ValueError(
            f"{name} contains values as large as {largest:.3g}, too large for "
            f"dtype='{dtype}'. {remedy}{wider}."
        )
