"""The checker itself: it must pass what is right and fail what is 0.1% wrong."""

import numpy as np
import pytest

from skmlp_scratch.nn import check_gradient, numerical_gradient


def cubic(x):
    return np.sum(x**3) + x.flat[0] * x.flat[-1]


def cubic_gradient(x):
    gradient = 3 * x**2
    gradient.flat[0] += x.flat[-1]
    gradient.flat[-1] += x.flat[0]
    return gradient


@pytest.mark.parametrize("shape", [(3,), (2, 3), (40, 50)])
def test_right_gradient_passes(shape):
    x = np.random.default_rng(0).standard_normal(shape)
    before = x.copy()
    check_gradient(lambda x: (cubic(x), cubic_gradient(x)), x)
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("shape", [(3,), (2, 3), (40, 50)])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_gradient_that_is_a_thousandth_wrong_fails(shape, seed):
    x = np.random.default_rng(seed).standard_normal(shape)
    with pytest.raises(AssertionError, match=r"analytic -?\d.*numerical -?\d"):
        check_gradient(lambda x: (cubic(x), 1.001 * cubic_gradient(x)), x)


def test_error_carries_index_and_both_values():
    x = np.array([[1.0, 2.0], [3.0, 4.0]])

    def wrong_in_one_entry(x):
        gradient = 2 * x
        gradient[1, 0] *= 1.001
        return np.sum(x**2), gradient

    with pytest.raises(
        AssertionError, match=r"index \(1, 0\): analytic 6\.006, numerical (6|5\.99)"
    ):
        check_gradient(wrong_in_one_entry, x)


def test_one_wrong_entry_among_many_shows_along_random_directions():
    x = np.random.default_rng(0).standard_normal(5000)

    def wrong_in_one_entry(x):
        gradient = 2 * x
        gradient[1234] += 1
        return np.sum(x**2), gradient

    with pytest.raises(AssertionError, match="along random direction"):
        check_gradient(wrong_in_one_entry, x)


def test_nan_fails():
    with pytest.raises(AssertionError, match="analytic nan"):
        check_gradient(lambda x: (np.sum(x), np.full(2, np.nan)), np.ones(2))


def test_wrong_shape_is_an_error():
    with pytest.raises(ValueError, match=r"the shape of x, \(2,\), got \(3,\)"):
        check_gradient(lambda x: (np.sum(x), np.ones(3)), np.ones(2))


def test_numerical_gradient_costs_two_evaluations_per_entry():
    calls = []
    x = np.arange(6.0).reshape(2, 3)
    gradient = numerical_gradient(lambda x: calls.append(1) or cubic(x), x)
    assert len(calls) == 2 * x.size
    np.testing.assert_allclose(gradient, cubic_gradient(x), rtol=1e-7, atol=1e-9)


def test_directions_cost_two_evaluations_each():
    calls = []

    def function(x):
        calls.append(1)
        return cubic(x), cubic_gradient(x)

    check_gradient(function, np.ones(50_000), n_directions=3)
    assert len(calls) == 1 + 2 * 3
