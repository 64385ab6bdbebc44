"""Validation of the constructor parameters: one rule per parameter.

The rules are checked in ``fit``. scikit-learn has ``_parameter_constraints`` for this,
but they are private.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from skmlp_scratch._estimator.solvers import (
    READERS,
    SOLVERS,
    STOCHASTIC,
    either,
    follows,
    is_budgeted,
)
from skmlp_scratch.exceptions import (
    IgnoredParameterWarning,
    InvalidParameterError,
)
from skmlp_scratch.nn.activations import ACTIVATIONS
from skmlp_scratch.nn.initializers import INITIALIZERS
from skmlp_scratch.nn.losses import REGRESSION_LOSSES
from skmlp_scratch.nn.schedules import BUDGETED, SCHEDULES


class Rule(NamedTuple):
    """A test, and the words of the error: "<parameter> must be <words>"."""

    words: str
    test: Callable[[Any], bool]


class Need(NamedTuple):
    """A condition on other parameters: "<parameter> needs <words>"."""

    words: str
    test: Callable[[Mapping[str, Any]], bool]


def one_of(*options: str) -> Rule:
    """Allow one of the given strings."""
    words = ", ".join(repr(option) for option in options)
    prefix = "one of " if len(options) > 1 else ""
    return Rule(prefix + words, lambda v: isinstance(v, str) and v in options)


def real(words: str, test: Callable[[Any], bool]) -> Rule:
    """Allow finite real numbers that pass the test, but not booleans."""
    return Rule(words, lambda v: _is_real(v) and _is_finite(v) and test(v))


def _is_real(value: Any) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(
        value, bool
    )


def _is_finite(value: Any) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer larger than any float
        return False


def _is_integer(value: Any, least: int) -> bool:
    # Larger integers do not fit into NumPy's int64.
    return (
        isinstance(value, int | np.integer)
        and _is_real(value)
        and least <= int(value) < 2**63
    )


def _is_positive_integer(value: Any) -> bool:
    return _is_integer(value, 1)


def _is_layer_sizes(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return value.ndim == 1 and all(_is_positive_integer(v) for v in value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return all(_is_positive_integer(v) for v in value)
    return _is_positive_integer(value)


def _are_quantiles(value: Any) -> bool:
    several = isinstance(value, list | tuple) or np.ndim(value) == 1
    levels = list(value) if several else [value]
    inside = bool(levels) and all(_is_real(q) and 0 < q < 1 for q in levels)
    return inside and all(low < high for low, high in pairwise(levels))


def one_or_each(rule: Rule, words: str) -> Rule:
    """Allow values that the rule allows, and lists or tuples of such values."""
    return Rule(
        words,
        lambda v: (
            all(map(rule.test, v)) if isinstance(v, list | tuple) else rule.test(v)
        ),
    )


BOOLEAN = Rule("True or False", lambda v: isinstance(v, bool | np.bool_))
POSITIVE_INTEGER = Rule("an integer of at least 1", _is_positive_integer)
NOT_NEGATIVE = real("a finite number of at least 0", lambda v: v >= 0)
POSITIVE = real("a finite number above 0", lambda v: v > 0)
FRACTION = real("a number of at least 0 and below 1", lambda v: 0 <= v < 1)
NONE_OR_POSITIVE = Rule(
    f"None or {POSITIVE.words}", lambda v: v is None or POSITIVE.test(v)
)
ACTIVATION = one_of(*ACTIVATIONS)

RULES: dict[str, Rule] = {
    "hidden_layer_sizes": Rule(
        "a positive integer or a sequence of positive integers", _is_layer_sizes
    ),
    "activation": one_or_each(
        ACTIVATION, f"{ACTIVATION.words}, or a list of these, one per hidden layer"
    ),
    "solver": one_of(*SOLVERS),
    "alpha": NOT_NEGATIVE,
    "batch_size": Rule(
        "'auto' or an integer of at least 1",
        lambda v: _is_positive_integer(v) or (isinstance(v, str) and v == "auto"),
    ),
    "learning_rate": one_of(*SCHEDULES),
    "learning_rate_init": POSITIVE,
    "power_t": NOT_NEGATIVE,
    "max_iter": POSITIVE_INTEGER,
    "shuffle": BOOLEAN,
    "random_state": Rule(
        "None, an integer from 0 to 2**32 - 1, or a numpy.random.RandomState",
        lambda v: (
            v is None
            or isinstance(v, np.random.RandomState)
            or (_is_integer(v, 0) and v < 2**32)
        ),
    ),
    "tol": NOT_NEGATIVE,
    "verbose": Rule(
        "True, False or an integer of at least 0",
        lambda v: BOOLEAN.test(v) or _is_integer(v, 0),
    ),
    "warm_start": BOOLEAN,
    "momentum": real("a number from 0 to 1", lambda v: 0 <= v <= 1),
    "nesterovs_momentum": BOOLEAN,
    "early_stopping": BOOLEAN,
    "validation_fraction": FRACTION,
    "beta_1": FRACTION,
    "beta_2": FRACTION,
    "epsilon": POSITIVE,
    "n_iter_no_change": Rule(
        "an integer of at least 1, or infinity",
        lambda v: _is_positive_integer(v) or (_is_real(v) and v == math.inf),
    ),
    "max_fun": POSITIVE_INTEGER,
    "loss": one_of(*REGRESSION_LOSSES),
    "quantile": Rule(
        "a number above 0 and below 1, or a list of these in increasing order",
        _are_quantiles,
    ),
    "class_weight": Rule(
        "None, 'balanced' or a dict of class label to a weight of at least 0",
        lambda v: (
            v is None
            or (isinstance(v, str) and v == "balanced")
            or (isinstance(v, Mapping) and all(map(NOT_NEGATIVE.test, v.values())))
        ),
    ),
    "monitor": one_of("score", "loss"),
    "dropout": one_or_each(
        FRACTION,
        f"{FRACTION.words}, or a list of these: for the input and each hidden layer",
    ),
    "noise": NOT_NEGATIVE,
    "label_smoothing": FRACTION,
    "max_norm": NONE_OR_POSITIVE,
    "clip_norm": NONE_OR_POSITIVE,
    "averaging": FRACTION,
    "batch_norm": BOOLEAN,
    "weight_init": Rule(
        ", ".join(map(repr, INITIALIZERS)) + " or a finite number above 0",
        lambda v: v in INITIALIZERS if isinstance(v, str) else POSITIVE.test(v),
    ),
    "dtype": Rule(
        "'auto', 'float32' or 'float64'",
        lambda v: (
            isinstance(v, str | type | np.dtype)
            and v in ("auto", "float32", "float64", np.float32, np.float64)
        ),
    ),
}


def check_parameters(parameters: Mapping[str, Any]) -> None:
    """Raise an error that names the first parameter whose value breaks its rule.

    Raises
    ------
    InvalidParameterError
        The message has the parameter, its rule and its value.
    """
    for name, value in parameters.items():
        rule = RULES[name]
        if not rule.test(value):
            raise InvalidParameterError(f"{name} must be {rule.words}, got {value!r}")
    n_hidden = _n_hidden(parameters)
    for name, length, each in [
        ("activation", n_hidden, "one for each of"),
        ("dropout", n_hidden + 1, "one for the input and one for each of"),
    ]:
        value = parameters[name]
        if isinstance(value, list | tuple) and len(value) != length:
            raise InvalidParameterError(
                f"{name} must have {length} entries, {each} the {n_hidden} hidden "
                f"layers, got {value!r}"
            )


def plain(value: Any) -> Any:
    """Return NumPy numbers as Python numbers, also in lists, tuples and arrays.

    NumPy numbers keep their type in arithmetic with Python numbers:
    ``np.int8(100) * 2`` overflows, ``np.float16(0.1) * 100_000`` is infinite, and a
    float64 makes float32 data float64.
    """
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, np.floating):
        return float(value)
    if isinstance(value, np.ndarray) and value.ndim == 1:
        return plain(list(value))
    if isinstance(value, list | tuple):
        each = map(plain, value)
        return tuple(each) if isinstance(value, tuple) else list(each)
    return value


def _n_hidden(parameters: Mapping[str, Any]) -> int:
    return int(np.size(parameters["hidden_layer_sizes"]))


def _is_budgeted(parameters: Mapping[str, Any]) -> bool:
    return is_budgeted(parameters["solver"], parameters["learning_rate"])


def _needs_solver(names: Sequence[str]) -> Need:
    return Need(f"solver={either(names)}", lambda p: p["solver"] in names)


def _and(first: Need, words: str, test: Callable[[Mapping[str, Any]], bool]) -> Need:
    return Need(f"{first.words}{words}", lambda p: first.test(p) and test(p))


UNBUDGETED = f"a learning_rate that is not {either(BUDGETED)}, which use up max_iter"
FIXED_RATES = tuple(name for name in STOCHASTIC if not SOLVERS[name].adapts_rates)
BY_BATCHES = _needs_solver(STOCHASTIC)
# The condition on other parameters under which a parameter has an effect.
NEEDS: dict[str, Need] = {
    **{name: _needs_solver(readers) for name, readers in READERS.items()},
    **dict.fromkeys(
        (
            "averaging",
            "batch_size",
            "clip_norm",
            "early_stopping",
            "learning_rate_init",
            "max_norm",
            "noise",
            "shuffle",
        ),
        BY_BATCHES,
    ),
    "learning_rate": Need(
        f"solver={either(FIXED_RATES)} ({either(BUDGETED, 'and')}: "
        f"{either(STOCHASTIC)})",
        lambda p: follows(p["solver"], p["learning_rate"]),
    ),
    "power_t": _and(
        _needs_solver(FIXED_RATES),
        " and learning_rate='invscaling'",
        lambda p: p["learning_rate"] == "invscaling",
    ),
    "dropout": _and(
        BY_BATCHES,
        ", and a hidden layer to drop units of",
        lambda p: _n_hidden(p) > 0 or isinstance(p["dropout"], list | tuple),
    ),
    "batch_norm": _and(
        BY_BATCHES, ", and a hidden layer to normalise", lambda p: _n_hidden(p) > 0
    ),
    "n_iter_no_change": _and(
        BY_BATCHES, f", and {UNBUDGETED}", lambda p: not _is_budgeted(p)
    ),
    "tol": Need(UNBUDGETED, lambda p: not _is_budgeted(p)),
    **dict.fromkeys(
        ("monitor", "validation_fraction"),
        Need("early_stopping=True", lambda p: p["early_stopping"]),
    ),
    "quantile": Need("loss='quantile'", lambda p: p["loss"] == "quantile"),
}


def ignored_parameter_warnings(
    parameters: Mapping[str, Any], defaults: Mapping[str, Any]
) -> list[Warning]:
    """Return one warning about all parameters that were set without effect.

    Parameters
    ----------
    parameters, defaults : mapping of str to object
        The values by name, and the default values.
    """
    ignored = [
        f"{name}={parameters[name]!r} needs {need.words}"
        for name, need in NEEDS.items()
        if name in parameters
        and parameters[name] != defaults[name]
        and not need.test(parameters)
    ]
    if not ignored:
        return []
    return [
        IgnoredParameterWarning(
            f"Without effect in this combination: {'; '.join(ignored)}."
        )
    ]
