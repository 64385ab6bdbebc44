"""What fitted attributes and states may be: those in a file may be anything."""

import reprlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from skmlp_scratch._estimator.continuation import (
    AverageState,
    NormState,
    TrainingState,
)

Test = Callable[[Any], bool]


def _is(*kinds: type) -> Test:
    return lambda value: isinstance(value, kinds)


def _or_none(test: Test) -> Test:
    return lambda value: value is None or test(value)


def _is_count(value: Any) -> bool:
    return isinstance(value, int | np.integer) and 0 <= int(value) < 2**63


def _is_number(value: Any) -> bool:
    return isinstance(value, float | np.floating) or _is_count(value)


def _are_numbers(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_number, value))


def _is_vector(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.ndim == 1


def _are_floats(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype in (np.float32, np.float64)


def _are_weights(value: Any) -> bool:
    several = isinstance(value, list) and bool(value) and all(map(_are_floats, value))
    return several and len({array.dtype for array in value}) == 1


def _is_summary(value: Any) -> bool:
    """Return whether it is a table, and sentences."""
    if not (isinstance(value, dict) and value.keys() == {"layers", "sentences"}):
        return False
    layers, sentences = value["layers"], value["sentences"]
    columns = [*layers.values()] if isinstance(layers, dict) else []
    return (
        all(isinstance(column, list) for column in columns)
        and len({len(column) for column in columns}) == 1
        and {"units", "activation"} <= layers.keys()
        and isinstance(sentences, list)
        and all(isinstance(sentence, str) for sentence in sentences)
    )


ATTRIBUTES: dict[str, Test] = {
    **dict.fromkeys(("coefs_", "intercepts_"), _are_weights),
    **dict.fromkeys(("n_outputs_", "n_layers_", "n_iter_", "t_"), _is_count),
    **dict.fromkeys(("best_iter_", "n_features_in_"), _is_count),
    "loss_": _is_number,
    **dict.fromkeys(("best_loss_", "best_validation_score_"), _or_none(_is_number)),
    "loss_curve_": _are_numbers,
    "validation_scores_": _or_none(_are_numbers),
    "validation_loss_curve_": _or_none(_are_numbers),
    "learning_rate_curve_": _or_none(_are_numbers),
    **dict.fromkeys(("out_activation_", "_loss"), _is(str)),
    "_activation": _is(str, tuple),
    **dict.fromkeys(("classes_", "feature_names_in_"), _is_vector),
    "_quantiles": _or_none(_is_vector),
    "_training_state": _is(TrainingState),
    "_summary": _or_none(_is_summary),
}
STATES: dict[str, Test] = {
    "begun": _is(bool),
    "solver": _or_none(_is(str)),
    "optimizer": _or_none(_is(dict)),
    **dict.fromkeys(("learning_rate", "best", "weight_total", "n_seen"), _is_number),
    **dict.fromkeys(("failures", "rows_weighed", "t"), _is_count),
    **dict.fromkeys(("rate", "monitored"), _is(tuple)),
    "average": _or_none(_is(AverageState)),
    "norm": _or_none(_is(NormState)),
    "parameters": lambda value: _are_floats(value) and _is_vector(value),
    "random_state": _or_none(_is(np.random.RandomState)),
    "seed": _or_none(_is_count),
}


def check_attributes(attributes: Mapping[str, Any]) -> None:
    """Raise a ValueError if a fitted attribute is of the wrong kind."""
    _check(attributes, ATTRIBUTES)


def check_state(state: TrainingState) -> None:
    """Raise a ValueError if something in the state of training is."""
    for part in (state, state.average, state.norm):
        _check({} if part is None else vars(part), STATES)


def _check(values: Mapping[str, Any], tests: Mapping[str, Test]) -> None:
    for name, value in values.items():
        if name in tests and not tests[name](value):
            raise ValueError(f"{name} is {reprlib.repr(value)}")
