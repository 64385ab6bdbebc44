"""The guard that tells an explosion from a row out of line."""

import math

import numpy as np
import pytest

from skmlp_scratch.nn.divergence import DivergenceGuard
from skmlp_scratch.nn.history import Divergence


@pytest.mark.parametrize("lost", [math.inf, -math.inf, math.nan])
@pytest.mark.parametrize("before", [[], [1.0, 2.0]])
def test_guard_stops_at_what_is_not_finite(before, lost):
    guard = DivergenceGuard(0.7)
    for objective in before:
        guard.check(objective)
    guard.epoch = 4
    with pytest.raises(Divergence, match="at epoch 4") as caught:
        guard.check(lost)
    assert caught.value.epoch == 4
    assert caught.value.objective is lost


def exploded_epochs(guard, *epochs):
    for objectives in epochs:
        for objective in objectives:
            guard.check(objective)
        guard.end_epoch(np.mean(objectives))
    return guard.exploded_epochs


@pytest.mark.parametrize(
    ("constant_loss", "first", "limit"), [(0.7, 2000.0, 2000.0), (0.7, 0.1, 700.0)]
)
def test_guard_compares_with_the_first_objective_and_the_constant_one(
    constant_loss, first, limit
):
    beyond = limit * 1.001
    for epoch, count in [((limit, beyond), 0), ((beyond, beyond), 1)]:
        assert exploded_epochs(DivergenceGuard(constant_loss), (first,), epoch) == count


EXPLODED, WITH_OUTLIERS = (1e9, 1e9), (1.0, 1e30, 1e9)


def test_batches_out_of_line_are_no_explosion():
    guard = DivergenceGuard(1.0, patience=2)
    assert exploded_epochs(guard, (1.0,), WITH_OUTLIERS, WITH_OUTLIERS) == 0
    guard.end_training()
    # Epochs are counted in a row.
    assert exploded_epochs(guard, EXPLODED, WITH_OUTLIERS, EXPLODED) == 1


def test_the_last_epoch_is_judged_at_the_end_unless_there_were_few():
    guard = DivergenceGuard(1.0)
    exploded_epochs(guard, (1.0,), EXPLODED)
    guard.end_training()
    exploded_epochs(guard, EXPLODED)
    with pytest.raises(Divergence, match=r"became 1e\+09"):
        guard.end_training()


def test_guard_asks_whether_the_network_is_of_use():
    answers = iter([True, False, False])
    guard = DivergenceGuard(1.0, useful=lambda: next(answers), patience=2)
    assert exploded_epochs(guard, (1.0,), EXPLODED, EXPLODED) == 1
    with pytest.raises(Divergence):
        exploded_epochs(guard, EXPLODED)


def test_a_guard_that_knows_of_no_constant_prediction_sees_no_explosion():
    assert exploded_epochs(DivergenceGuard(), (0.0,), (1e300,), (1e300,)) == 0
