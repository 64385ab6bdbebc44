"""Columns of a table of any kind, as numbers or as levels of a category.

Frames of pandas and polars are read through what they have in common, so that neither
has to be there. Missing values are NaN among numbers and None among levels.
"""

import datetime
from decimal import Decimal
from numbers import Real
from types import NoneType
from typing import Any

import numpy as np

from skmlp_scratch.nn.typing import Array

CATEGORY_DTYPES = ("category", "Categorical", "Enum")
# A column of strings with more levels than this, and in more than half of its rows one
# of its own, is text: nothing can be learnt from its levels.
MOST_LEVELS_OF_FEW_ROWS = 40
LARGEST = float(np.finfo(np.float32).max)
DATES = (
    datetime.date,
    datetime.time,
    datetime.timedelta,
    np.datetime64,
    np.timedelta64,
)
KNOWN = (str, bool, np.bool_, Real, Decimal)
NO_VALUES = ("NoneType", "NAType", "NaTType")


def is_frame(X: Any) -> bool:
    """Return whether X has columns with a type each."""
    return all(hasattr(X, name) for name in ("columns", "dtypes", "shape"))


def column(X: Any, number: int) -> Any:
    """Return a column of a frame or an array."""
    return X.iloc[:, number] if hasattr(X, "iloc") else X[:, number]


def rows(X: Any, which: slice) -> Any:
    """Return some rows of a frame or a matrix."""
    return X.iloc[which] if hasattr(X, "iloc") else X[which]


def column_names(X: Any) -> list[str]:
    """Return what to call the columns."""
    if is_frame(X):
        return [str(name) for name in X.columns]
    return [f"x{number}" for number in range(X.shape[1])]


def has_category_dtype(values: Any) -> bool:
    """Return whether a column says of itself that it is categorical."""
    return str(values.dtype).partition("(")[0] in CATEGORY_DTYPES


def holds_levels(values: Any, name: str) -> bool:
    """Return whether a column holds levels, by its type; raise an error for text."""
    if has_category_dtype(values):
        return True
    if not _has_strings(_array(values, name)):
        return False
    n_levels, n_there = _count_levels(as_levels(values, name))
    if n_levels > MOST_LEVELS_OF_FEW_ROWS and n_levels > n_there / 2:
        raise ValueError(
            f"Column {name!r} is text, not a category: {n_levels} different strings in "
            f"{n_there} rows. Drop it, or turn it into numbers first, for example with "
            "skrub's TableVectorizer or StringEncoder; to pool its rare levels, give "
            "it a category dtype or list it in categorical_features."
        )
    return True


def _count_levels(levels: Array) -> tuple[int, int]:
    there = levels[levels != np.array(None)]
    return len(set(there)), len(there)


def as_numbers(values: Any, name: str) -> Array:
    """Return a column as float64, with NaN where a value is missing.

    Raises
    ------
    ValueError
        If it holds strings, or a number that float32 cannot hold.
    """
    array = _array(values, name)
    if array.dtype.kind == "O":
        if _has_strings(array):
            raise ValueError(
                f"Column {name!r} holds strings where numbers are expected. Convert "
                "it, or name it in categorical_features (of NumPy arrays, by position)."
            )
        array = np.array([np.nan if _is_missing(v) else v for v in array], dtype=float)
    return check_size(array.astype(np.float64), f"Column {name!r}")


def check_size(numbers: Array, what: str) -> Array:
    """Return numbers as they are, if float32 can hold them all; NaN is no matter."""
    if (np.abs(numbers) > LARGEST).any():
        raise ValueError(
            f"{what} contains infinity or a value too large for float32. Replace such "
            "values, for example by NaN, which counts as missing."
        )
    return numbers


def as_levels(values: Any, name: str) -> Array:
    """Return a column as an array of strings, with None where a value is missing.

    Numbers that are equal have equal strings, whatever their type.
    """
    array = _array(values, name)
    if array.dtype.kind == "O":
        if _types(array) <= {str, NoneType}:
            return array
        return np.array([_level(v) for v in array], dtype=object)
    unique, codes = np.unique(array, return_inverse=True)
    return np.array([_level(v) for v in unique.tolist()], dtype=object)[codes]


def _level(value: Any) -> str | None:
    if isinstance(value, str):
        return value
    if _is_missing(value):
        return None
    if isinstance(value, float | np.floating | Decimal) and value % 1 == 0:
        return str(int(value))
    return str(value)


def _array(values: Any, name: str) -> Array:
    """Return a column as an array: numbers, or objects of known kinds.

    Raises
    ------
    ValueError, TypeError
        If it holds dates, or values of a type that is neither number nor string.
    """
    array = np.asarray(values)
    if array.ndim != 1:
        raise TypeError(
            f"Column {name!r} holds several values in each cell ({values.dtype}). Make "
            "columns of them."
        )
    if array.dtype.kind in "biuf":
        return array
    if array.dtype.kind in "UT":
        return array.astype(object)
    types = _types(array) if array.dtype.kind == "O" else {array.dtype.type}
    if any(issubclass(t, DATES) or t.__name__ == "Period" for t in types):
        raise ValueError(
            f"Column {name!r} holds dates or times ({values.dtype}), which have to be "
            "turned into numbers first, for example with skrub's DatetimeEncoder or "
            "TableVectorizer."
        )
    for t in types:
        if not (issubclass(t, KNOWN) or t.__name__ in NO_VALUES):
            raise TypeError(
                f"Column {name!r} holds values of type {t.__name__}: every argument "
                "must be a string or a number."
            )
    return array


def _types(array: Array) -> set[type]:
    return set(map(type, array.tolist()))


def _has_strings(array: Array) -> bool:
    return array.dtype.kind == "O" and any(issubclass(t, str) for t in _types(array))


def _is_missing(value: Any) -> bool:
    return type(value).__name__ in NO_VALUES or bool(value != value)  # noqa: PLR0124
