"""Initial weights: their variance, their bounds, their order."""

import numpy as np
import pytest
from helpers import drawn

UNITS = (300, 200, 100)


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
    for W in drawn(scheme, seed=seed).W:
        # The variance of n normal draws has a relative standard error of sqrt(2 / n).
        tolerance = 4 * np.sqrt(2 / W.size)
        assert W.var() == pytest.approx(variance(*W.shape), rel=tolerance)
        assert abs(W.mean()) < 4 * W.std() / np.sqrt(W.size)


@pytest.mark.parametrize("scheme", ["he_normal", "he_uniform", "glorot_normal", 0.5])
def test_biases_are_zero(scheme):
    for b in drawn(scheme).b:
        assert not b.any()


def test_uniform_draws_stay_in_bounds_and_normal_draws_do_not():
    for fan_in, W in zip(UNITS, drawn("he_uniform").W, strict=False):
        assert abs(W).max() <= np.sqrt(6 / fan_in)
    for fan_in, W in zip(UNITS, drawn("he_normal").W, strict=False):
        assert abs(W).max() > np.sqrt(6 / fan_in)


def test_logistic_shrinks_glorot_uniform_as_in_scikit_learn():
    relu, logistic = (
        drawn("glorot_uniform", activation=a) for a in ("relu", "logistic")
    )
    np.testing.assert_allclose(logistic.vector * np.sqrt(3), relu.vector, atol=1e-15)


@pytest.mark.parametrize("scheme", ["he_normal", "he_uniform", "glorot_uniform", 0.1])
def test_float32_is_the_rounded_float64(scheme):
    np.testing.assert_array_equal(
        drawn(scheme, dtype=np.float32).vector, drawn(scheme).vector.astype(np.float32)
    )
