"""Steps of growing size end with an explosion; the curve of losses names a rate."""

import math

import numpy as np
import pytest
from helpers import make_batch, make_network, seeds

from skmlp_scratch.nn.batches import Batches
from skmlp_scratch.nn.optimizers import SGD
from skmlp_scratch.nn.range_test import (
    EXPLOSION,
    fall_beside_noise,
    range_test,
    smooth,
    suggest,
)

RATES = np.geomspace(1e-6, 10, 200)


class Losses:
    """A network whose objectives are known beforehand."""

    def __init__(self, objectives):
        self.objectives = iter(objectives)
        self.parameters = self
        self.vector = np.zeros(1)

    def loss_and_gradient(self, *batch, alpha):
        return next(self.objectives), np.ones(1)


class Steps:
    """An update that notes the rates."""

    def __init__(self):
        self.rates = []

    def step(self, parameters, gradient, learning_rate):
        self.rates.append(learning_rate)


def take(objectives, constant_loss=0.0, rates=range(1, 100)):
    """Return objectives, whether they exploded, and the rates of the steps taken."""
    steps = Steps()
    batches = [(None,)]
    found = range_test(Losses(objectives), batches, [steps], rates, 0.0, constant_loss)
    return *found, steps.rates


def test_one_step_per_rate_over_as_many_epochs_as_it_takes():
    losses, exploded, rates = take([1.0] * 7, rates=[0.1 * n for n in range(7)])
    assert losses == [1.0] * 7
    assert not exploded
    assert rates == [0.1 * n for n in range(7)]


@pytest.mark.parametrize("objective", [math.inf, math.nan])
def test_a_loss_that_is_not_finite_ends_it(objective):
    losses, exploded, rates = take([3.0, 2.0, objective])
    assert losses == [3.0, 2.0]
    assert exploded
    assert rates == [1, 2]


@pytest.mark.parametrize("constant_loss", [0.0, 5.0])
def test_an_explosion_is_worse_than_the_best_and_than_a_constant(constant_loss):
    limit = EXPLOSION * max(1.0, constant_loss)
    below, above = (1.0 + 10 * (share * limit - 1.0) for share in (0.99, 1.01))
    start = [1.0] * 20
    assert take([*start, above], constant_loss)[:2] == ([*start, above], True)
    losses, exploded, _ = take([*start, below, *start], constant_loss, range(41))
    assert losses == [*start, below, *start]
    assert not exploded


def test_no_batch_is_drawn_that_is_not_needed():
    drawn = []

    def batches():
        for number in range(5):
            drawn.append(number)
            yield (None,)

    range_test(Losses([1.0] * 5), batches(), [Steps()], [0.1] * 3)
    assert drawn == [0, 1, 2]


def test_a_network_explodes_without_a_warning():
    network = make_network("identity")
    X, y = make_batch(8)
    batches = Batches(X, y, 4, np.float64, None)
    vector = network.parameters.vector
    optimizer = SGD(vector, 0.9, True)
    losses, exploded = range_test(
        network, batches, [optimizer], np.geomspace(1e-2, 1e6, 100).tolist()
    )
    assert exploded
    assert 10 < len(losses) < 100
    assert np.isfinite(losses).all()


def test_smoothing_keeps_constants_and_the_inside_of_a_line():
    np.testing.assert_allclose(smooth(np.full(50, 2.5)), 2.5, rtol=1e-14)
    line = np.arange(200.0)
    np.testing.assert_allclose(smooth(line)[20:-20], line[20:-20], rtol=1e-12)


@pytest.mark.parametrize("n_losses", [1, 2, 3, 10, 200])
def test_smoothing_is_the_mean_with_the_weights_of_a_bell_curve(n_losses):
    losses = np.random.default_rng(n_losses).normal(size=n_losses)
    losses[-1] = losses.min()  # nothing to be clipped
    width, place = max(0.03 * n_losses, 0.1), np.arange(n_losses)
    expected = []
    for number in range(n_losses):
        weights = np.exp(-(((place - number) / width) ** 2) / 2)
        weights[abs(place - number) > np.ceil(3 * width)] = 0
        expected.append(np.average(losses, weights=weights))
    np.testing.assert_allclose(smooth(losses), expected, rtol=1e-10, atol=1e-12)


def test_an_explosion_at_the_end_is_not_all_that_is_seen():
    losses = np.linspace(2, 1, 100)
    smoothed = smooth(np.append(losses, 1e30))
    assert smoothed.max() <= 2


def sigmoid(centre, width=1.0):
    """Return losses that fall from 2 to 1 around a rate, on a logarithmic scale."""
    return 2 - 1 / (1 + np.exp(-(np.log(RATES) - np.log(centre)) / width))


@pytest.mark.parametrize("centre", [1e-4, 1e-2, 0.05])
def test_the_suggestion_is_where_four_fifths_of_the_fall_are_done(centre):
    found = suggest(RATES, sigmoid(centre))
    # 1 / (1 + exp(-x)) = 0.8 at x = log 4
    assert found == pytest.approx(4 * centre, rel=0.1)


@seeds
def test_a_dip_further_up_is_not_the_fall(seed):
    losses = sigmoid(1e-2)
    before = suggest(RATES, losses)
    losses[np.random.RandomState(seed).randint(20, 60)] = 1.05
    assert suggest(RATES, losses) == before


def test_what_comes_after_the_minimum_does_not_count():
    losses = sigmoid(1e-2)
    losses[-40:] = 1e6
    assert suggest(RATES, losses) == pytest.approx(4e-2, rel=0.1)


def test_without_a_fall_there_is_no_suggestion():
    assert math.isnan(suggest(RATES, np.linspace(1, 2, 200)))
    assert math.isnan(suggest(RATES, np.ones(200)))
    assert math.isnan(suggest(RATES[:1], np.ones(1)))
    assert suggest(RATES[:2], np.array([2.0, 1.0])) == RATES[1]


def fall_of(losses):
    return fall_beside_noise(losses, smooth(losses))


def test_chance_alone_makes_no_clear_fall():
    rng = np.random.default_rng(0)
    chance = [fall_of(1 + 0.3 * rng.normal(size=200)) for _ in range(300)]
    assert 0.75 < np.mean(np.array(chance) < 5) < 0.87
    falls = [fall_of(sigmoid(1e-2) + 0.3 * rng.normal(size=200)) for _ in range(100)]
    assert np.mean(np.array(falls) > 5) > 0.95


def test_without_noise_every_fall_is_clear():
    assert fall_of(sigmoid(1e-2)) > 100
    assert fall_of(np.full(20, 1.0)) == math.inf
