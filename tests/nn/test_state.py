"""The state of training: all that changes is in it, and training goes on from it."""

import copy
import itertools
import math

import numpy as np
import pytest
from helpers import float_types, make_network, new_optimizer, optimizers

from skmlp_scratch._estimator.solvers import STOCHASTIC
from skmlp_scratch.nn.activations import ACTIVATIONS
from skmlp_scratch.nn.batches import Batches
from skmlp_scratch.nn.divergence import BestTwo, DivergenceGuard
from skmlp_scratch.nn.history import History
from skmlp_scratch.nn.losses import LOSSES
from skmlp_scratch.nn.schedules import SCHEDULES
from skmlp_scratch.nn.state import (
    BIT_GENERATORS,
    CHANGING,
    bit_generator,
    changing,
    check_form,
    set_random_state,
    set_state_of_training,
    state_of_training,
)
from skmlp_scratch.nn.stopping import Patience, Watch
from skmlp_scratch.nn.training import Step, train
from skmlp_scratch.nn.updates import ClipNorm, MaxNorm, WeightAverage
from skmlp_scratch.nn.validation import Validation

N_ROWS, N_EPOCHS = 30, 5
# What changes, but means nothing to the next epoch.
SCRATCH = {
    "Network": {
        # Buffers, and which layer writes into which: for each size of a batch anew.
        *("_buffer_rows", "_planned_rows", "_buffers", "_dbuffers"),
        *("_on_the_way_forward", "_on_the_way_back"),
        "gradient",  # every batch begins it anew
    },
    "Affine": {"X", "dW", "db"},  # the batch, and its derivatives
    "Dropout": {"_mask"},  # of the last batch
    "BatchNorm": {
        *("dgamma", "dbeta", "dmean", "dvar"),
        # Of the last batch.
        *("weights", "_shares", "_alone", "_normalized", "_inverse"),
    },
    "Batches": {"_buffer", "_uncast"},  # the rows of the last batch
}
# What is in the state by another name: parameters and generators.
ELSEWHERE = {
    "Network": {"parameters", "layers", "norms"},
    "Affine": {"W", "b"},
    "BatchNorm": {"gamma", "beta", "mean", "var"},
    "MaxNorm": {"matrices"},
    "Dropout": {"rng"},
    "GaussianNoise": {"rng"},
    "Batches": {"order", "rng"},
    "Step": {"updates", "schedule", "average"},
    "Watch": {"patience", "guard", "best", "validation"},
}


def make_parts(
    solver="adam",
    learning_rate="constant",
    *,
    dtype=np.float64,
    averaging=True,
    monitor="validation_score",
    activation="tanh",
    **network,
):
    """Return the arguments of ``train``, up to the history."""
    options = {"noise": 0.1, "dropout": (0.1, 0.2, 0.0), "batch_norm": True}
    options = options | network
    made = make_network(activation, dtype=dtype, **options)
    rng = np.random.RandomState(0)
    X = rng.standard_normal((N_ROWS, 5)).astype(dtype)
    y = rng.randint(3, size=N_ROWS)
    weights = rng.uniform(0.5, 2, N_ROWS)
    batches = Batches(X, y, 7, dtype, rng, np.arange(20), weights)
    vector = made.parameters.vector
    average = WeightAverage(0.9, vector) if averaging else None
    optimizer = new_optimizer(solver, vector)
    updates = [ClipNorm(1.0), optimizer, MaxNorm(1.0, made.parameters.W)]
    schedule = SCHEDULES[learning_rate](0.1, 3 * N_EPOCHS)
    step = Step([*updates, *[average][:averaging]], schedule, 0.01, average)
    validation = Validation(
        *(X, y[20:], made.loss),
        lambda logits, codes, _: float(np.mean(logits.argmax(axis=1) == codes)),
        np.arange(20, N_ROWS),
    )
    # So impatient that a schedule may act on a plateau.
    guard = DivergenceGuard(constant_loss=1e-9, useful=lambda: True)
    watch = Watch(Patience(0.5, 1), monitor, validation, guard)
    return made, batches, step, watch, History()


def all_parts(network, batches, step, watch, history):
    """Return every object that takes part, by a name."""
    objects = [network, batches, step, watch, history]
    objects += [step.schedule, *step.updates, watch.patience, watch.guard]
    objects += [watch.validation, network.loss, *network.layers]
    return {f"{n} {type(part).__name__}": part for n, part in enumerate(objects)}


def differ(one, other):
    """Return whether two attributes are different, looking into them."""
    if isinstance(one, np.ndarray):
        return (one.dtype, one.tobytes()) != (other.dtype, other.tobytes())
    if isinstance(one, np.random.Generator):
        one, other = (rng.bit_generator.state for rng in (one, other))
    elif isinstance(one, np.random.RandomState):
        one, other = (rng.get_state(legacy=False) for rng in (one, other))
    elif type(one).__module__.startswith("skmlp_scratch"):
        one, other = vars(one), vars(other)
    if isinstance(one, dict):
        return one.keys() != other.keys() or any(differ(one[k], other[k]) for k in one)
    if isinstance(one, list | tuple):
        return len(one) != len(other) or any(map(differ, one, other))
    return one is not other and repr(one) != repr(other)


def not_in_the_state(parts, before):
    """Return what has changed since a copy was made, and is not in the state."""
    found = []
    for name, part in all_parts(*parts).items():
        if isinstance(part, tuple(ACTIVATIONS.values())):
            continue  # there is a test of these below
        kind, old = type(part).__name__, vars(before[name])
        allowed = {*changing(part), *SCRATCH.get(kind, ()), *ELSEWHERE.get(kind, ())}
        for key, value in vars(part).items():
            if key not in allowed and (key not in old or differ(value, old[key])):
                found.append(f"{kind}.{key}")
    return found


def copied(parts):
    return {name: copy.deepcopy(part) for name, part in all_parts(*parts).items()}


def epoch_by_epoch(parts, n_epochs=N_EPOCHS, states=None):
    """Train; add a copy of the state after each epoch to a list."""

    def keep(history):
        if states is not None:
            states.append(copy.deepcopy(state_of_training(*parts)))

    train(*parts, n_epochs, keep)


SETTINGS = {
    "all": {},
    "plain": {
        "averaging": False,
        "noise": 0.0,
        "dropout": (0.0, 0.0, 0.0),
        "batch_norm": False,
        "monitor": "loss",
    },
    "by loss": {"monitor": "validation_loss"},
}
every_setting = pytest.mark.parametrize("setting", SETTINGS)
every_schedule = pytest.mark.parametrize("learning_rate", SCHEDULES)
every_solver = pytest.mark.parametrize("solver", STOCHASTIC)


@every_setting
@every_schedule
@every_solver
def test_all_that_changes_is_in_the_state(solver, learning_rate, setting):
    parts = make_parts(solver, learning_rate, **SETTINGS[setting])
    before, found = copied(parts), []

    def look(history):
        found.extend(not_in_the_state(parts, before))
        assert history.epochs == len(history.loss_curve)

    train(*parts, N_EPOCHS, look)
    assert found == []


@pytest.mark.parametrize("loss", LOSSES)
def test_a_loss_has_no_state(loss):
    made, rng = LOSSES[loss](), np.random.RandomState(0)
    before = copy.deepcopy(vars(made))
    logits = rng.standard_normal((6, 3))
    targets = rng.randint(1, 3, size=6 if loss == "softmax_cross_entropy" else (6, 3))
    for _ in range(2):
        made.loss_and_gradient(logits.copy(), targets * np.ones(1, targets.dtype))
    assert not differ(vars(made), before)


@pytest.mark.parametrize("hidden", ["t", "learning_rate", "vector", "failures"])
def test_what_is_missing_would_be_found(hidden, monkeypatch):
    parts = make_parts("sgd", "cosine")
    for kind, names in CHANGING.items():
        fewer = tuple(name for name in names if name != hidden)
        monkeypatch.setitem(CHANGING, kind, fewer)
    before, found = copied(parts), []
    train(*parts, 3, lambda _: found.extend(not_in_the_state(parts, before)))
    assert any(name.endswith(f".{hidden}") for name in found)


@every_setting
@every_schedule
@optimizers
@float_types
def test_training_goes_on_bit_for_bit(make, learning_rate, setting, dtype):
    assert_goes_on(
        solver=make.args[0],
        learning_rate=learning_rate,
        dtype=dtype,
        **SETTINGS[setting],
    )


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_what_an_activation_keeps_is_of_the_batch(activation):
    assert_goes_on(activation=activation)


def assert_goes_on(**options):
    whole, states = make_parts(**options), []
    epoch_by_epoch(whole, states=states)
    n_epochs = whole[-1].epochs
    for epoch in {1, n_epochs // 2, n_epochs} - {0}:
        parts, more = make_parts(**options), []
        # A fresh start differs in everything that was drawn.
        parts[1].rng.random_sample()
        set_state_of_training(copy.deepcopy(states[epoch - 1]), *parts)
        assert not differ(state_of_training(*parts), states[epoch - 1])
        epoch_by_epoch(parts, states=more)
        assert not differ(more, states[epoch:])
        assert not differ(parts[-1], whole[-1])
        one, other = (p[0].parameters.vector.tobytes() for p in (parts, whole))
        assert one == other


def test_the_state_is_plain():
    """Only what JSON and arrays hold, so that no file needs pickle."""
    parts, states = make_parts("adamw", "cosine"), []
    epoch_by_epoch(parts, 2, states)

    def assert_plain(value):
        if isinstance(value, dict):
            assert all(isinstance(key, str) for key in value)
            value = list(value.values())
        if isinstance(value, list | tuple):
            for part in value:
                assert_plain(part)
        else:
            assert isinstance(value, bool | int | float | str | np.ndarray | None)

    assert_plain(states[-1])


def changed(state, *keys, value):
    state = copy.deepcopy(state)
    part = state
    for key in keys[:-1]:
        part = part[key]
    part[keys[-1]] = value
    return state


BAD = [
    (("parameters",), np.zeros(3), "state, parameters: something like"),
    (("parameters",), [0.0], "parameters"),
    (("order",), np.arange(20, dtype=np.int32), "order"),
    (("order",), np.arange(20) + 1, "other rows"),
    (("order",), np.zeros(20, int), "other rows"),
    (("random_state",), None, "random_state"),
    (("random_state", "state", "pos"), 625, "MT19937 has no random number 625"),
    (("random_state", "state", "pos"), -1, "pos"),
    (("random_state", "bit_generator"), "PCG64", "MT19937 has no"),
    (("noise",), [], "noise"),
    (("noise", 0, "has_uint32"), "x", "has_uint32"),
    (("parts",), {}, "parts"),
    (("parts", "history", "epochs"), 2.5, "history, epochs"),
    (("parts", "history", "epochs"), -1, "history, epochs"),
    (("parts", "history", "epochs"), True, "history, epochs"),
    (("parts", "history", "epochs"), 10**50, "history, epochs"),
    (("parts", "history", "loss_curve"), ["x"], "loss_curve"),
    (("parts", "history", "loss_curve"), (0.5,), "loss_curve"),
    (("parts", "history", "message"), 1, "message"),
    (("parts", "history", "converged"), 0, "converged"),
    (("parts", "schedule", "learning_rate"), None, "learning_rate"),
    (("parts", "schedule", "learning_rate"), np.ones(1), "learning_rate"),
    (("parts", "patience", "best"), "inf", "best"),
    (("parts", "best", "kept"), [], "kept"),
    (("parts", "update 1", "state", "t"), -1, "update 1, state, t"),
    (("parts", "update 1", "state", "M"), None, "update 1, state, M"),
    (("parts", "update 1", "state", "more"), 1, "state"),
    (("parts", "guard", "limit"), [], "limit"),
    (("more",), 1, "state"),
]


@pytest.mark.parametrize(("keys", "value", "message"), BAD)
def test_a_state_of_another_form_is_refused(keys, value, message):
    parts, states = make_parts(), []
    epoch_by_epoch(parts, 1, states)
    parts = make_parts()
    bad = changed(states[0], *keys, value=value)
    before = copy.deepcopy(parts[0].parameters.vector)
    with pytest.raises(ValueError, match=message):
        set_state_of_training(bad, *parts)
    np.testing.assert_array_equal(parts[0].parameters.vector, before)
    set_state_of_training(states[0], *make_parts())


def test_a_state_of_other_parts_is_refused():
    parts, states = make_parts(), []
    epoch_by_epoch(parts, 1, states)
    for other in (
        make_parts(averaging=False),
        make_parts(solver="sgd"),
        make_parts(learning_rate="cosine"),
        make_parts(noise=0.0),
        make_parts(batch_norm=False),
        make_parts(dtype=np.float32),
    ):
        with pytest.raises(ValueError, match="something like"):
            set_state_of_training(states[0], *other)


GOOD_FORMS = [
    ({"a": 1}, {"a": 2}),
    (0.5, math.nan),
    (None, None),
    (None, 0.5),
    ([], [1.0, 2.0]),
    (np.empty(0), np.zeros(7, np.float32)),
    ((1, np.zeros(2)), (0, np.ones(2))),
    ("a", "b"),
    (True, False),
]
BAD_FORMS = [
    ({"a": 1}, {"b": 1}),
    ({"a": 1}, [1]),
    (0.5, None),
    (0.5, "x"),
    (1, 1.0),
    (1, True),
    (True, 1),
    (None, "x"),
    ([], ["x"]),
    ([1], [1, 2]),
    ((1,), [1]),
    (np.empty(0), np.zeros((2, 2))),
    (np.empty(0), np.zeros(2, int)),
    (np.zeros(2), np.zeros(3)),
    (np.zeros(2), np.zeros(2, np.float32)),
    (np.zeros(2), np.zeros(2, ">f8")),
    (np.zeros(2), [0.0, 0.0]),
    (object(), object()),
]


@pytest.mark.parametrize(("expected", "given"), GOOD_FORMS)
def test_forms_that_fit(expected, given):
    check_form(expected, given)


@pytest.mark.parametrize(("expected", "given"), BAD_FORMS)
def test_forms_that_do_not(expected, given):
    with pytest.raises(ValueError, match=r"^here: something like"):
        check_form(expected, given, "here")


def test_the_error_is_short():
    with pytest.raises(ValueError, match="something like") as caught:
        check_form({"a": 1}, {"b": "x" * 100_000, "c": list(range(100_000))})
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("name", BIT_GENERATORS)
def test_random_numbers_of_every_generator_go_on(name):
    rng = np.random.RandomState(getattr(np.random, name)(1))
    for n in itertools.accumulate([0, 1, 2, 621, 1, 7]):
        rng.randint(5, size=n)
        state = rng.get_state(legacy=False)
        again = np.random.RandomState(bit_generator(state))
        set_random_state(again, state)
        rng.set_state(state)
        assert again.random_sample(9).tobytes() == rng.random_sample(9).tobytes()


def test_an_unknown_generator():
    with pytest.raises(ValueError, match="unknown bit generator 'os'"):
        bit_generator({"bit_generator": "os"})


def test_best_parameters_are_kept():
    parts, states = make_parts(), []
    epoch_by_epoch(parts, 3, states)
    again = make_parts()
    set_state_of_training(copy.deepcopy(states[-1]), *again)
    assert isinstance(again[3].best, BestTwo)
    assert not differ(again[3].best.kept, states[-1]["parts"]["best"]["kept"])
