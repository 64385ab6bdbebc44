"""Limits on norms and averaged weights: what happens around a step."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from helpers import float_types, make_batch, make_network

from skmlp_scratch.nn.batches import Batches
from skmlp_scratch.nn.history import History
from skmlp_scratch.nn.optimizers import SGD
from skmlp_scratch.nn.schedules import Constant
from skmlp_scratch.nn.stopping import Patience, Watch
from skmlp_scratch.nn.training import Step, train, train_epoch
from skmlp_scratch.nn.updates import ClipNorm, MaxNorm, WeightAverage

WATCH_NOTHING = Watch(Patience(tol=0, n_iter_no_change=math.inf))

# Norms


@float_types
def test_clipping(dtype):
    gradient, parameters = np.array([3, 0, -4], dtype), np.ones(3, dtype)
    ClipNorm(5.1).step(parameters, gradient, 0.1)
    np.testing.assert_array_equal(gradient, [3, 0, -4])
    ClipNorm(0.5).step(parameters, gradient, 0.1)
    np.testing.assert_allclose(gradient, [0.3, 0, -0.4], rtol=1e-6)
    zero = np.zeros(3, dtype)
    ClipNorm(0.5).step(parameters, zero, 0.1)
    np.testing.assert_array_equal(zero, 0)
    np.testing.assert_array_equal(parameters, 1)


def test_incoming_weights_are_limited_unit_by_unit():
    vector = np.array([3.0, 0.3, 0.0, 4.0, 0.4, 0.0, 5.0])
    W, gradient = vector[:6].reshape(2, 3), np.ones(7)
    MaxNorm(1.0, [W]).step(vector, gradient, 0.1)
    np.testing.assert_allclose(W, [[0.6, 0.3, 0], [0.8, 0.4, 0]], rtol=1e-15)
    before = W.copy()
    MaxNorm(1.0, [W]).step(vector, gradient, 0.1)
    np.testing.assert_allclose(W, before, rtol=1e-15)
    assert vector[6] == 5  # a bias has no limit
    np.testing.assert_array_equal(gradient, 1)


def test_train_epoch_clips_and_limits():
    X, y = make_batch(20)
    network = make_network()
    before = network.parameters.vector.copy()
    batches = Batches(X, y, 20, X.dtype, None)
    sgd = SGD(before, 0.0, False)
    clipped = Step([ClipNorm(0.01), sgd], Constant(1.0))
    train_epoch(network, batches, clipped, WATCH_NOTHING)
    step = np.linalg.norm(network.parameters.vector - before)
    assert step == pytest.approx(0.01, rel=1e-3)
    limited = Step([sgd, MaxNorm(0.7, network.parameters.W)], Constant(1.0))
    train_epoch(network, batches, limited, WATCH_NOTHING)
    for W in network.parameters.W:
        assert np.linalg.norm(W, axis=0).max() <= 0.7 * (1 + 1e-12)


# Averages


def test_average_is_the_recursion():
    rng = np.random.default_rng(0)
    start = rng.standard_normal(5)
    average, expected = WeightAverage(0.9, start), start.copy()
    for t in range(200):
        parameters = rng.standard_normal(5)
        average.step(parameters, np.zeros(5), 0.1)
        decay = min(0.9, (1 + t) / (10 + t))
        expected = decay * expected + (1 - decay) * parameters
    np.testing.assert_allclose(average.vector, expected, rtol=1e-12)
    assert average.t == 200


def test_average_takes_the_place_of_the_parameters_and_gives_it_back():
    parameters = np.zeros(3)
    average = WeightAverage(0.5, parameters)
    parameters += 1
    average.step(parameters, np.zeros(3), 0.1)
    averaged = average.vector.copy()
    np.testing.assert_array_equal(parameters, 1)
    average.swap(parameters)
    np.testing.assert_array_equal(parameters, averaged)
    np.testing.assert_array_equal(average.vector, 1)
    average.swap(parameters)
    np.testing.assert_array_equal(parameters, 1)
    np.testing.assert_array_equal(average.vector, averaged)

    def look_until_interrupted():
        with average.swapped_in(parameters):
            np.testing.assert_array_equal(parameters, averaged)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        look_until_interrupted()
    np.testing.assert_array_equal(parameters, 1)
    np.testing.assert_array_equal(average.vector, averaged)


def test_training_validates_and_keeps_the_average_and_goes_on_from_the_parameters():
    X, y = make_batch(20)

    def run(averages, monitor="loss"):
        network = make_network()
        vector = network.parameters.vector
        seen = []

        def measure(network):
            seen.append(network.parameters.vector.copy())
            return float(len(seen) == 3), 1.0

        average = WeightAverage(0.9, vector) if averages else None
        updates = [SGD(vector), average] if averages else [SGD(vector)]
        train(
            network,
            Batches(X, y, 5, X.dtype, np.random.RandomState(0)),
            Step(updates, Constant(0.1), average=average),
            Watch(Patience(0.0, 100), monitor, SimpleNamespace(measure=measure)),
            History(),
            max_epochs=6,
        )
        return vector, seen, average

    plain, raw, _ = run(False)
    averaged, seen, average = run(True)
    np.testing.assert_array_equal(average.vector, plain)
    np.testing.assert_array_equal(averaged, seen[-1])
    expected = make_network().parameters.vector
    assert all(abs(a - b).max() > 1e-4 for a, b in zip(seen, raw, strict=True))
    assert abs(expected - averaged).max() > 1e-3
    best, seen, _ = run(True, monitor="validation_score")
    np.testing.assert_array_equal(best, seen[2])
