"""Limits on norms and averaged weights: what happens around a step."""

import numpy as np
import pytest
from helpers import float_types, make_batch, make_network

from skmlp_scratch.nn.batches import Batches
from skmlp_scratch.nn.optimizers import SGD
from skmlp_scratch.nn.regularization import (
    WeightAverage,
    clip_gradient,
    limit_norms,
)
from skmlp_scratch.nn.schedules import Constant
from skmlp_scratch.nn.training import History, Patience, train, train_epoch

# Norms


@float_types
def test_clipping(dtype):
    gradient = np.array([3, 0, -4], dtype)
    clip_gradient(gradient, 5.1)
    np.testing.assert_array_equal(gradient, [3, 0, -4])
    clip_gradient(gradient, 0.5)
    np.testing.assert_allclose(gradient, [0.3, 0, -0.4], rtol=1e-6)
    zero = np.zeros(3, dtype)
    clip_gradient(zero, 0.5)
    np.testing.assert_array_equal(zero, 0)


def test_incoming_weights_are_limited_unit_by_unit():
    W = np.array([[3.0, 0.3, 0.0], [4.0, 0.4, 0.0]])
    limit_norms([W], 1.0)
    np.testing.assert_allclose(W, [[0.6, 0.3, 0], [0.8, 0.4, 0]], rtol=1e-15)
    before = W.copy()
    limit_norms([W], 1.0)
    np.testing.assert_allclose(W, before, rtol=1e-15)


def test_train_epoch_clips_and_limits():
    X, y = make_batch(20)
    network = make_network()
    before = network.parameters.vector.copy()
    batches = Batches(X, y, 20, X.dtype, None)
    sgd = SGD(before, 0.0, False)
    train_epoch(network, batches, sgd, Constant(1.0), clip_norm=0.01)
    step = np.linalg.norm(network.parameters.vector - before)
    assert step == pytest.approx(0.01, rel=1e-3)
    train_epoch(network, batches, sgd, Constant(1.0), max_norm=0.7)
    for W in network.parameters.W:
        assert np.linalg.norm(W, axis=0).max() <= 0.7 * (1 + 1e-12)


# Averages


def test_average_is_the_recursion():
    rng = np.random.default_rng(0)
    start = rng.standard_normal(5)
    average, expected = WeightAverage(0.9, start), start.copy()
    for t in range(200):
        parameters = rng.standard_normal(5)
        average.update(parameters)
        decay = min(0.9, (1 + t) / (10 + t))
        expected = decay * expected + (1 - decay) * parameters
    np.testing.assert_allclose(average.vector, expected, rtol=1e-12)
    assert average.t == 200


def test_average_takes_the_place_of_the_parameters_and_gives_it_back():
    parameters = np.zeros(3)
    average = WeightAverage(0.5, parameters)
    parameters += 1
    average.update(parameters)
    averaged = average.vector.copy()
    average.take_back(parameters)  # nothing to be taken back
    np.testing.assert_array_equal(parameters, 1)
    for _ in range(2):
        average.put_in_place(parameters)
        np.testing.assert_array_equal(parameters, averaged)
        np.testing.assert_array_equal(average.vector, 1)
    average.take_back(parameters)
    np.testing.assert_array_equal(parameters, 1)
    np.testing.assert_array_equal(average.vector, averaged)

    def look_until_interrupted():
        with average.shown_in(parameters):
            np.testing.assert_array_equal(parameters, averaged)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        look_until_interrupted()
    np.testing.assert_array_equal(parameters, 1)


def test_training_validates_and_keeps_the_average_and_goes_on_from_the_parameters():
    X, y = make_batch(20)

    def run(average, **options):
        network = make_network()
        vector = network.parameters.vector
        seen, histories = [], History()
        average = average and WeightAverage(0.9, vector)
        train(
            network,
            Batches(X, y, 5, X.dtype, np.random.RandomState(0)),
            SGD(vector),
            Constant(0.1),
            Patience(0.0, 100),
            histories,
            max_epochs=6,
            validate=lambda: seen.append(vector.copy()) or (float(len(seen) == 3), 1.0),
            average=average,
            **options,
        )
        return vector, seen, average

    plain, raw, _ = run(None)
    averaged, seen, average = run(True)
    np.testing.assert_array_equal(average.vector, plain)
    np.testing.assert_array_equal(averaged, seen[-1])
    expected = make_network().parameters.vector
    assert all(abs(a - b).max() > 1e-4 for a, b in zip(seen, raw, strict=True))
    assert abs(expected - averaged).max() > 1e-3
    best, seen, _ = run(True, monitor="validation_score")
    np.testing.assert_array_equal(best, seen[2])
