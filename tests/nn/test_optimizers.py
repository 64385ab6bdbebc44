"""Optimizer steps against the formulas of the papers, written out plainly."""

import numpy as np
import pytest
import reference
from helpers import block_sizes, float_types, optimizers

from skmlp_scratch.nn import optimizers as optimizers_module
from skmlp_scratch.nn.optimizers import SGD, Adam, AdamW, flush_denormals


def run(optimizer, parameters, gradients, rates):
    for gradient, rate in zip(gradients, rates, strict=True):
        optimizer.step(parameters, gradient.copy(), rate)
    return parameters


@pytest.fixture(params=[(0, 20), (1, 20), (2, 100)])
def data(request):
    seed, n = request.param
    rng = np.random.default_rng(seed)
    return rng.standard_normal(6), rng.standard_normal((n, 6)), rng.uniform(size=n)


def run_plainly(data, n_remembered, step):
    """Take the steps number by number; return where that leads.

    ``step(k, t, rate, p, g, ...)`` is step ``t`` of parameter ``k``, and returns the
    parameter and what it remembers, which starts as zero.
    """
    start, gradients, rates = data
    end = []
    for k in range(len(start)):
        state = [start[k], *[0.0] * n_remembered]
        for t, (g, rate) in enumerate(zip(gradients[:, k], rates, strict=True), 1):
            p, *remembered = state
            state = step(k, t, rate, p, g, *remembered)
        end.append(state[0])
    return end


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("momentum", [0, 0.5, 0.9, 1])
def test_sgd(data, momentum, nesterov):
    def step(k, t, rate, p, g, v):
        return reference.sgd(p, g, v, rate, momentum, nesterov)

    start, gradients, rates = data
    ours = run(SGD(start, momentum, nesterov), start.copy(), gradients, rates)
    np.testing.assert_allclose(ours, run_plainly(data, 1, step), rtol=1e-12)


betas = pytest.mark.parametrize(
    ("beta_1", "beta_2"), [(0.9, 0.999), (0, 0), (0.5, 0.99), (0.9, 0.9)]
)


@betas
@pytest.mark.parametrize("epsilon", [1e-8, 0.1])
def test_adam(data, beta_1, beta_2, epsilon):
    def step(k, t, rate, p, g, m, v):
        return reference.adam(p, g, m, v, t, rate, beta_1, beta_2, epsilon)

    start, gradients, rates = data
    ours = run(Adam(start, beta_1, beta_2, epsilon), start.copy(), gradients, rates)
    np.testing.assert_allclose(ours, run_plainly(data, 2, step), rtol=1e-12)


@betas
@pytest.mark.parametrize("decay", [0, 0.01, 0.5])
def test_adamw(data, beta_1, beta_2, decay):
    n_weights = 4  # of six parameters: the other two are biases, which do not decay

    def step(k, t, rate, p, g, m, v):
        is_weight = k < n_weights
        more = {"beta_1": beta_1, "beta_2": beta_2}
        return reference.adamw(p, g, m, v, t, rate, decay, is_weight, **more)

    start, gradients, rates = data
    optimizer = AdamW(start, n_weights, decay, beta_1, beta_2)
    ours = run(optimizer, start.copy(), gradients, rates)
    np.testing.assert_allclose(ours, run_plainly(data, 2, step), rtol=1e-12)


def test_sgd_with_a_momentum_that_changes(data):
    start, gradients, rates = data
    sgd, ours = SGD(start, nesterovs_momentum=False), start.copy()
    p, v = start.copy(), np.zeros(6)
    for n, (g, rate) in enumerate(zip(gradients, rates, strict=True)):
        sgd.momentum = [0.9, 0.0, 0.5][n % 3]
        sgd.step(ours, g.copy(), rate)
        v = sgd.momentum * v - rate * g
        p = p + v
    np.testing.assert_allclose(ours, p, rtol=1e-12)


@optimizers
def test_step_is_in_place_and_keeps_float32(make):
    parameters = np.ones(3, np.float32)
    optimizer = make(parameters)
    optimizer.step(parameters, np.ones(3, np.float32), 0.1)
    assert (parameters < 1).all()
    arrays = [v for v in optimizer.state.values() if isinstance(v, np.ndarray)]
    assert arrays
    assert all(array.dtype == np.float32 for array in arrays)


@optimizers
def test_state_is_all_that_there_is_to_remember(make, data):
    start, gradients, rates = data
    whole = run(make(start), start.copy(), gradients, rates)
    first, second = make(start), make(start)
    half = run(first, start.copy(), gradients[:10], rates[:10])
    second.state = first.state
    resumed = run(second, half, gradients[10:], rates[10:])
    np.testing.assert_array_equal(resumed, whole)


@pytest.mark.parametrize("epsilon", [1e-300, 5e-324, 1e-46, 1e-40])
@pytest.mark.parametrize("beta_2", [0, 0.5, 0.999])
@pytest.mark.parametrize("weights", [0, 3])
def test_an_epsilon_too_small_for_float32_leaves_parameters_alone(
    weights, beta_2, epsilon
):
    # As a float32 it would be 0, and a unit without gradient become 0 / 0.
    parameters = np.ones(3, np.float32)
    optimizer = AdamW(parameters, weights, 0.0, 0.9, beta_2, epsilon)
    optimizer.step(parameters, np.array([0, 1, 2], np.float32), 0.25)
    optimizer.step(parameters, np.array([0, 1, 2], np.float32), 0.25)
    np.testing.assert_allclose(parameters, [1, 0.5, 0.5], rtol=1e-6)


def test_a_gradient_that_vanishes_does_not_divide_by_zero():
    parameters = np.ones(1, np.float32)
    optimizer = Adam(parameters, 0.5, 0, 1e-300)
    optimizer.step(parameters, np.ones(1, np.float32), 0.25)
    np.testing.assert_allclose(parameters, [0.75])
    # The first moment is still there; nothing is left of the second.
    optimizer.step(parameters, np.zeros(1, np.float32), 1e-38)
    rate = 1e-38 / (1 - 0.5**2)
    expected = 0.75 - rate * 0.25 / np.finfo(np.float32).tiny
    np.testing.assert_allclose(parameters, [expected], rtol=1e-5)


@optimizers
@block_sizes
@float_types
def test_optimizers_do_not_depend_on_blocks(make, size, dtype, monkeypatch):
    rng = np.random.default_rng(0)
    start, *gradients = rng.standard_normal((4, size)).astype(dtype)

    def run():
        parameters, optimizer = start.copy(), make(start)
        for gradient in gradients:
            optimizer.step(parameters, gradient.copy(), 0.1)
        return parameters

    blocked = run()
    monkeypatch.setattr(
        optimizers_module, "in_blocks", lambda update, *vectors: update(*vectors)
    )
    np.testing.assert_array_equal(blocked, run())


@float_types
def test_every_hundredth_step_drops_what_is_about_to_become_denormal(dtype):
    tiny = np.finfo(dtype).tiny
    parameters = np.array([1, 1e9 * tiny, 1e7 * tiny, -1e7 * tiny, tiny / 4], dtype)
    state = {"t": 98, "M": parameters.copy()}
    before = parameters.copy()
    flush_denormals(state, parameters)
    np.testing.assert_array_equal(parameters, before)
    flush_denormals(state, parameters)
    for array in (parameters, state["M"]):
        np.testing.assert_array_equal(array, before * [1, 1, 0, 0, 0])


@optimizers
def test_no_denormals_where_the_gradient_vanishes(make):
    parameters = np.ones(4, np.float32)
    optimizer = make(parameters)
    optimizer.step(parameters, np.ones(4, np.float32), 0.1)
    for _ in range(1500):  # 0.9 ** 1500 is far below the smallest float32
        optimizer.step(parameters, np.zeros(4, np.float32), 0.1)
        for values in optimizer.state.values():
            size = np.abs(values)
            assert not ((size > 0) & (size < np.finfo(np.float32).tiny)).any()
