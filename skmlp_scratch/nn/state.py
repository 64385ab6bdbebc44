"""The state of training between two epochs: what it takes to go on bit for bit.

Each part of training has attributes that change from step to step. They are listed
here, by class; a test trains, and finds any that is missing. What does not change is
made anew from the settings.
"""

import reprlib
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import numpy as np

from skmlp_scratch.nn.batch_norm import BatchNorm
from skmlp_scratch.nn.batches import Batches
from skmlp_scratch.nn.divergence import BestTwo, DivergenceGuard
from skmlp_scratch.nn.history import History
from skmlp_scratch.nn.network import Network
from skmlp_scratch.nn.regularization import Dropout, GaussianNoise
from skmlp_scratch.nn.schedules import Budgeted, Constant
from skmlp_scratch.nn.stopping import Patience, Watch
from skmlp_scratch.nn.training import Step
from skmlp_scratch.nn.updates import WeightAverage

# Where random numbers may come from, and how many each makes at a time.
BIT_GENERATORS = {"MT19937": 624, "PCG64": 1, "PCG64DXSM": 1, "Philox": 4, "SFC64": 1}
# What changes in training. Arrays stand here by reference: whoever keeps a state longer
# than until the next step copies it.
CHANGING: dict[type, tuple[str, ...]] = {
    Constant: ("learning_rate",),
    Budgeted: ("learning_rate", "t"),
    WeightAverage: ("vector", "t"),
    BatchNorm: ("n_seen",),
    GaussianNoise: ("_pool", "_renewed"),
    Patience: ("best", "failures"),
    DivergenceGuard: (
        "limit",
        "smallest",
        "epoch",
        "n_epochs",
        "exploded_epochs",
        "loss",
    ),
    BestTwo: ("kept",),
    History: tuple(f.name for f in fields(History) if f.name != "divergence"),
}


def parts(
    network: Network, step: Step, watch: Watch, history: History
) -> Iterator[tuple[str, Any]]:
    """Return the parts that change, each with a name of its own."""
    yield "history", history
    yield "schedule", step.schedule
    yield "patience", watch.patience
    yield "guard", watch.guard
    yield "best", watch.best
    for number, part in enumerate(step.updates):
        yield f"update {number}", part
    for number, layer in enumerate(network.layers):
        yield f"layer {number}", layer


def changing(part: object) -> tuple[str, ...]:
    """Return the names of the attributes that change in training."""
    of_optimizer = ("state",) if hasattr(part, "state") else ()
    known = (CHANGING[c] for c in type(part).__mro__ if c in CHANGING)
    return next(known, of_optimizer)


def state_of_training(
    network: Network, batches: Batches, step: Step, watch: Watch, history: History
) -> dict[str, Any]:
    """Return numbers, strings, lists and arrays from which training can go on.

    Parameters
    ----------
    network : Network
        The network in training.
    batches : Batches
        Its rows, with their order and its random numbers.
    step : Step
        What changes the parameters.
    watch : Watch
        What ends the training.
    history : History
        What was recorded.

    Returns
    -------
    state : dict
        With string keys; nested. Arrays are those of the parts, not copies.
    """
    return {
        "parameters": network.parameters.vector,
        "order": batches.order,
        "random_state": batches.rng and batches.rng.get_state(legacy=False),
        "noise": [rng.bit_generator.state for rng in generators(network)],
        "parts": {
            name: {key: getattr(part, key) for key in changing(part)}
            for name, part in parts(network, step, watch, history)
        },
    }


def set_state_of_training(
    state: dict[str, Any],
    network: Network,
    batches: Batches,
    step: Step,
    watch: Watch,
    history: History,
) -> None:
    """Put all parts into a state that :func:`state_of_training` returned.

    Parameters
    ----------
    state : dict
        The state, whose arrays and lists become those of the parts.
    network, batches, step, watch, history : Network, Batches, Step, Watch, History
        The parts, made from the same settings and rows.

    Raises
    ------
    ValueError
        If it is the state of other parts.
    """
    vector = network.parameters.vector
    watch.best = BestTwo(vector, history.best_epoch)
    as_it_is = state_of_training(network, batches, step, watch, history)
    check_form(as_it_is, state)
    if not np.array_equal(np.sort(state["order"]), np.sort(batches.order)):
        raise ValueError("the order of the rows is one of other rows")
    if batches.rng:
        set_random_state(batches.rng, state["random_state"])
    for rng, of_generator in zip(generators(network), state["noise"], strict=True):
        rng.bit_generator.state = of_generator
    batches.order[...] = state["order"]
    vector[...] = state["parameters"]
    for name, part in parts(network, step, watch, history):
        for key in changing(part):
            setattr(part, key, state["parts"][name][key])
    # Whoever is more patient now goes on.
    history.converged = history.converged and watch.patience.exhausted


def bit_generator(state: Any) -> np.random.BitGenerator:
    """Return a new bit generator of the kind that a state is of.

    Raises
    ------
    ValueError
        If there is none.
    """
    name = state["bit_generator"]
    if name not in BIT_GENERATORS:
        raise ValueError(f"unknown bit generator {reprlib.repr(name)}")
    made: np.random.BitGenerator = getattr(np.random, name)()
    return made


def set_random_state(rng: np.random.RandomState, state: Any) -> None:
    """Set the state of a source of random numbers.

    Raises
    ------
    ValueError
        If it is the state of another one, or of none: NumPy would read beyond the end
        of its numbers, and crash, if a state says that it is there.
    """
    as_it_is = rng.get_state(legacy=False)
    check_form(as_it_is, state)
    name = as_it_is["bit_generator"]
    position = max(state["state"].get("pos", 0), state.get("buffer_pos", 0))
    if state["bit_generator"] != name or position > BIT_GENERATORS[name]:
        raise ValueError(f"{name} has no random number {position}")
    rng.set_state(state)


def check_form(expected: Any, given: Any, where: str = "state") -> None:
    """Raise a ValueError unless a state has the keys, types and shapes expected.

    Empty arrays and lists may have grown, and None may have become a number.
    """
    if isinstance(expected, dict) and isinstance(given, dict):
        fits = expected.keys() == given.keys()
        for key in expected.keys() & given.keys():
            check_form(expected[key], given[key], f"{where}, {key}")
    elif isinstance(expected, np.ndarray) and isinstance(given, np.ndarray):
        same = (expected.dtype, expected.shape) == (given.dtype, given.shape)
        grown = expected.size == 0 and given.ndim == 1 and given.dtype.kind == "f"
        fits = same or grown
    elif isinstance(expected, list | tuple) and type(expected) is type(given):
        expected = expected or [0.0] * len(given)
        fits = len(expected) == len(given)
        if fits:
            for one, other in zip(expected, given, strict=True):
                check_form(one, other, where)
    elif isinstance(expected, bool | str | int):
        fits = type(expected) is type(given)
        fits = fits and (type(expected) is not int or 0 <= given < 2**128)
    elif expected is None or isinstance(expected, float):
        fits = isinstance(given, float) or (expected is None and given is None)
    else:
        fits = False
    if not fits:
        one, other = reprlib.repr(expected), reprlib.repr(given)
        raise ValueError(f"{where}: something like {one} expected, got {other}")


def generators(network: Network) -> list[Any]:
    """Return the generators of noise and dropout; layers may share one."""
    noisy = [x for x in network.layers if isinstance(x, Dropout | GaussianNoise)]
    return [layer.rng for layer in noisy]
