"""The learning rate, epoch by epoch, against the formulas written out."""

import pytest

from skmlp_scratch.nn.schedules import Adaptive, Constant, InverseScaling


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
    schedule = InverseScaling(0.3, power_t)
    assert schedule.learning_rate == 0.3
    for samples_seen in (75, 150, 225):
        schedule.end_epoch(samples_seen)
        expected = 0.3 / (samples_seen + 1) ** power_t
        assert schedule.learning_rate == pytest.approx(expected, rel=1e-15)
    # Two epochs at once are as good as one after the other.
    at_once = InverseScaling(0.3, power_t)
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
