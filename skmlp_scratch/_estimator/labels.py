"""Checks of a classifier's labels, one or several per row, and of class weights."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import check_array
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from skmlp_scratch._estimator.numbers import check_finite, lengths_explained
from skmlp_scratch.exceptions import DataTypeError
from skmlp_scratch.nn.typing import Array

MISSING = {"NAType", "NaTType", "NoneType"}
TO_CONVERT = ((bool, np.bool_), (int, np.integer), (float, np.floating))


def check_labels(y: Array, name: str) -> None:
    """Raise an error unless an array holds labels of a type that scikit-learn knows."""
    kind = y.dtype.kind
    found = {type(label) for label in y.flat} if kind == "O" else {y.dtype.type}
    # For lists and tuples, scikit-learn has an error of its own.
    objects = all(issubclass(t, str) for t in found) or found <= {list, tuple}
    if objects if kind == "O" else kind in "biufU":
        return
    types = ", ".join(sorted(t.__name__ for t in found))
    missing = _missing(y)
    if missing:
        raise DataTypeError(
            f"{name} must hold labels of one type that can be sorted, got {types}: it "
            f"contains {missing}. Leave out the rows without a label, or give them a "
            "label of their own."
        )
    if kind in "mM":
        return
    if all(issubclass(t, bytes) for t in found):
        raise DataTypeError(
            f"{name} must hold labels as text, got {types}. Decode them: "
            f"[label.decode() for label in {name}]."
        )
    if len(found) > 1:
        raise DataTypeError(
            f"{name} must hold labels of one type that can be sorted, got {types}. "
            f"Convert them, for example with {name}.astype(str)."
        )
    raise DataTypeError(
        f"Unknown label type: {name} must hold strings, whole numbers, booleans or "
        f"dates, got {types} in an array of dtype {y.dtype}. Convert them, for example "
        f"with {name}.astype({_type_for(*found)})."
    )


def _missing(y: Array) -> str:
    """Return the missing value among the labels, or an empty string."""
    if y.dtype.kind in "mM":
        return "NaT" if np.isnat(y).any() else ""
    for label in y.flat:
        if type(label).__name__ in MISSING:
            return str(label)
        if isinstance(label, float | np.floating) and np.isnan(label):
            return "NaN"
    return ""


def _type_for(found: type) -> str:
    names = [
        plain.__name__ for plain, own in TO_CONVERT if issubclass(found, plain | own)
    ]
    return names[0] if names else "str"


def are_multilabel(y: Array, name: str) -> bool:
    """Return whether there are several labels per row, marked by 0 and another value.

    Raises
    ------
    ValueError
        If y does not hold labels, or has several columns that are not indicators.
    """
    try:
        # scikit-learn casts numbers to integers, and not all numbers fit.
        with np.errstate(invalid="ignore"):
            check_classification_targets(y)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    if y.ndim == 1:
        return False
    if type_of_target(y) == "multilabel-indicator":  # two values at most
        least, largest = y.min(), y.max()
        if least == largest or 0 in (least, largest):
            return True
    shown = ", ".join(map(repr, np.unique(y)[:5].tolist()))
    raise ValueError(
        f"{name} has several columns with other values than 0 and 1, such as {shown}. "
        "To give a row several labels, pass a matrix of 0 and 1, for example from "
        "MultiLabelBinarizer. Fit one classifier per column with MultiOutputClassifier "
        "if each column is a target of its own."
    )


def all_classes(classes: Any) -> Array:
    """Return the classes passed to ``partial_fit``, sorted.

    For a matrix of several labels per row, they are the numbers of its columns.
    """
    with lengths_explained("classes"):
        if np.ndim(classes) == 0:
            raise DataTypeError(
                f"classes must be an array or a list of labels, got {classes!r}"
            )
        classes = check_array(
            classes,
            accept_sparse=True,
            ensure_2d=False,
            dtype=None,
            ensure_all_finite=False,
            input_name="classes",
        )
    classes = classes.toarray() if issparse(classes) else classes
    check_labels(classes, "classes")
    check_finite(classes, None, "classes")
    several = classes.ndim == 2 and classes.shape[1] > 1
    if several and are_multilabel(classes, "classes"):
        return np.arange(classes.shape[1])
    return np.unique(classes)


def unknown_labels(labels: Array, classes: Array) -> Array:
    """Return the labels that are not among the classes, sorted."""
    # NumPy would take the number 1 for the text "1".
    text_or = {"O": "text", "U": "text", "m": "durations", "M": "dates"}
    kinds = {text_or.get(values.dtype.kind, "numbers") for values in (labels, classes)}
    labels = np.unique(labels)
    if len(kinds) > 1:
        return labels
    try:
        known = np.isin(labels, classes)
    except OverflowError:  # integers from 2**63 on, before NumPy 2.1
        known = np.isin(labels, classes, kind="sort")
    return labels[~known]


def weights_of_classes(class_weight: Mapping[Any, float], classes: list[Any]) -> Array:
    """Return the weight of each class, which is 1 for classes that are not named.

    As in scikit-learn, keys that are no classes are allowed if all classes are named: a
    fold may lack a class. Otherwise the keys may be misspelt.
    """
    surplus = sorted(set(class_weight) - set(classes), key=str)
    unnamed = [c for c in classes if c not in class_weight]
    if surplus and unnamed:
        raise ValueError(
            f"class_weight has keys that are not among the classes and none for "
            f"{unnamed}. Give these a weight, for example 1, or take out what is none "
            f"of the classes {classes}: {surplus}"
        )
    return np.array([class_weight.get(c, 1) for c in classes], float)
