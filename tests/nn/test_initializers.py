"""Initial weights: their variance, their bounds, their order."""

import numpy as np
import pytest

from skmlp_scratch.nn.initializers import initialize
from skmlp_scratch.nn.parameters import Parameters

UNITS = (300, 200, 100)


def draw(scheme, seed=0, activation="relu", dtype=np.float64):
    parameters = Parameters(UNITS, dtype)
    parameters.vector[...] = 99
    initialize(parameters, scheme, np.random.RandomState(seed), activation)
    return parameters


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(
    ("scheme", "variance"),
    [
        ("he_normal", lambda fan_in, fan_out: 2 / fan_in),
        ("he_uniform", lambda fan_in, fan_out: 2 / fan_in),
        ("glorot_normal", lambda fan_in, fan_out: 2 / (fan_in + fan_out)),
        ("glorot_uniform", lambda fan_in, fan_out: 2 / (fan_in + fan_out)),
        (0.01, lambda fan_in, fan_out: 0.01**2),
    ],
)
def test_variance(scheme, variance, seed):
    for W in draw(scheme, seed).W:
        # The variance of n normal draws has a relative standard error of sqrt(2 / n).
        tolerance = 4 * np.sqrt(2 / W.size)
        assert W.var() == pytest.approx(variance(*W.shape), rel=tolerance)
        assert abs(W.mean()) < 4 * W.std() / np.sqrt(W.size)


@pytest.mark.parametrize("scheme", ["he_normal", "he_uniform", "glorot_normal", 0.5])
def test_biases_are_zero(scheme):
    for b in draw(scheme).b:
        assert not b.any()


def test_uniform_draws_stay_in_bounds_and_normal_draws_do_not():
    for fan_in, W in zip(UNITS, draw("he_uniform").W, strict=False):
        assert abs(W).max() <= np.sqrt(6 / fan_in)
    for fan_in, W in zip(UNITS, draw("he_normal").W, strict=False):
        assert abs(W).max() > np.sqrt(6 / fan_in)


def test_logistic_shrinks_glorot_uniform_as_in_scikit_learn():
    relu, logistic = (draw("glorot_uniform", 0, a) for a in ("relu", "logistic"))
    np.testing.assert_allclose(logistic.vector * np.sqrt(3), relu.vector, atol=1e-15)


@pytest.mark.parametrize("scheme", ["he_normal", "he_uniform", "glorot_uniform", 0.1])
def test_float32_is_the_rounded_float64(scheme):
    np.testing.assert_array_equal(
        draw(scheme, dtype=np.float32).vector, draw(scheme).vector.astype(np.float32)
    )


def test_views_share_the_vector_and_cover_it():
    parameters = Parameters((3, 4, 2))
    for number, view in enumerate(parameters.W + parameters.b, start=1):
        view[...] = number
    np.testing.assert_array_equal(
        parameters.vector, [1] * 12 + [2] * 8 + [3] * 4 + [4] * 2
    )
    np.testing.assert_array_equal(parameters.weights, [1] * 12 + [2] * 8)
    W, b = parameters.copies()
    parameters.vector[...] = 0
    assert W[0].all()
    parameters.load(W, b)
    assert parameters.vector.tolist() == [1] * 12 + [2] * 8 + [3] * 4 + [4] * 2
