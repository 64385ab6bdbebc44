"""The learning rate, epoch by epoch, against the formulas written out."""

import math

import pytest

from skmlp_scratch.nn.schedules import (
    BUDGETED,
    SCHEDULES,
    Adaptive,
    Constant,
    Cosine,
    InverseScaling,
    OneCycle,
)


@pytest.mark.parametrize("name", SCHEDULES)
def test_all_are_made_of_the_same_three_numbers(name):
    schedule = SCHEDULES[name](0.3, 10, 0.25)
    assert 0 < schedule.learning_rate <= 0.3
    numbers = schedule.learning_rate_init, schedule.n_steps, schedule.power_t
    assert numbers == (0.3, 10, 0.25)
    # The rate alone will do, too.
    assert 0 < SCHEDULES[name](0.3).learning_rate <= 0.3


@pytest.mark.parametrize("rate", [0.3, 1e-9])
def test_constant(rate):
    schedule = Constant(rate)
    for epoch in range(1, 5):
        schedule.end_epoch(samples_seen=100 * epoch)
        assert schedule.learning_rate == rate
    assert schedule.plateau() is True
    assert schedule.learning_rate == rate


@pytest.mark.parametrize("power_t", [0, 0.5, 1, 2.5])
def test_inverse_scaling_counts_rows(power_t):
    schedule = InverseScaling(0.3, power_t=power_t)
    assert schedule.learning_rate == 0.3
    for samples_seen in (75, 150, 225):
        schedule.end_epoch(samples_seen)
        expected = 0.3 / (samples_seen + 1) ** power_t
        assert schedule.learning_rate == pytest.approx(expected, rel=1e-15)
    # Two epochs at once are as good as one after the other.
    at_once = InverseScaling(0.3, power_t=power_t)
    at_once.end_epoch(225)
    assert at_once.learning_rate == schedule.learning_rate
    assert schedule.plateau() is True


def test_inverse_scaling_is_by_the_root_if_not_told_otherwise():
    schedule = InverseScaling(1.0)
    schedule.end_epoch(99)
    assert schedule.learning_rate == pytest.approx(0.1)


def test_adaptive_divides_by_five_until_the_rate_is_small_enough_to_stop():
    schedule = Adaptive(0.1)
    schedule.end_epoch(1000)
    rates = [schedule.learning_rate]
    while not schedule.plateau():
        rates.append(schedule.learning_rate)
    assert rates == pytest.approx([0.1 / 5**n for n in range(9)], rel=1e-12)
    assert rates[-2] > 1e-6 >= rates[-1]
    assert schedule.learning_rate == rates[-1]


@pytest.mark.parametrize(("rate", "stops"), [(1e-6, True), (1.0001e-6, False)])
def test_adaptive_stops_at_a_millionth(rate, stops):
    assert Adaptive(rate).plateau() is stops


def rates_of(schedule, n_steps):
    rates = []
    for step in range(n_steps):
        rates.append(schedule.learning_rate)
        schedule.end_step()
        if step % 5 == 4:
            schedule.end_epoch(samples_seen=100 * step)
    return rates


def test_one_cycle_goes_up_for_a_quarter_and_down_to_zero():
    rates = rates_of(OneCycle(0.3, 80), 80)
    up = [0.3 * (t + 0.5) / 20 for t in range(20)]
    down = [0.3 * (60 - t - 0.5) / 60 for t in range(60)]
    assert rates == pytest.approx(up + down, rel=1e-12)


def test_cosine_warms_up_and_goes_down_to_zero():
    rates = rates_of(Cosine(0.3, 80), 80)
    up = [0.3 * (t + 0.5) / 4 for t in range(4)]
    down = [0.15 * (1 + math.cos(math.pi * (t + 0.5) / 76)) for t in range(76)]
    assert rates == pytest.approx(up + down, rel=1e-12)


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("n_steps", [1, 7, 100])
def test_every_rate_is_positive_and_at_most_the_initial_one(name, n_steps):
    schedule = SCHEDULES[name](0.1, n_steps)
    rates = rates_of(schedule, n_steps)
    # Whether progress ends or not, until the schedule says that training is to stop.
    for _ in range(50):
        rates.append(schedule.learning_rate)
        if schedule.plateau():
            break
    else:
        pytest.fail("no lack of progress ends training")
    if name in BUDGETED:
        rates = rates[:n_steps]
    assert all(isinstance(rate, float) and 0 < rate <= 0.1 for rate in rates)
    # Nothing of this changed what the schedule was made of.
    numbers = schedule.learning_rate_init, schedule.n_steps, schedule.power_t
    assert numbers == (0.1, n_steps, 0.5)


@pytest.mark.parametrize("name", BUDGETED)
@pytest.mark.parametrize("n_steps", [1, 2, 3, 1000])
def test_every_step_of_a_budget_moves(name, n_steps):
    schedule = SCHEDULES[name](0.1, n_steps)
    rates = rates_of(schedule, n_steps)
    assert all(0 < rate <= 0.1 for rate in rates)
    # The mean rate hardly depends on the number of steps.
    mean = sum(rates_of(SCHEDULES[name](0.1, 5000), 5000)) / 5000
    assert sum(rates) / n_steps == pytest.approx(mean, rel=1 / n_steps + 1e-4)
    # Beyond the budget nothing moves.
    assert schedule.learning_rate == pytest.approx(0, abs=1e-15)
    assert schedule.plateau() is True
