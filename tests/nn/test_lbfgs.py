"""L-BFGS: the objective over all rows, how it stops, what it leaves."""

from types import SimpleNamespace

import numpy as np
import pytest
import reference
import scipy.sparse
from scipy.optimize import minimize

from skmlp_scratch.nn.batches import Batches
from skmlp_scratch.nn.gradient_check import check_gradient
from skmlp_scratch.nn.history import Divergence, History
from skmlp_scratch.nn.lbfgs import Limits, full_objective, minimize_lbfgs
from skmlp_scratch.nn.losses import LOSSES

# Strength of the penalty at which both of two methods reach the same minimum. At others
# the Gamma deviance has several, and the absolute error has its at a kink.
ALPHAS = {"gamma": 2.0, "absolute_error": 10.0}
losses = pytest.mark.parametrize("loss", sorted(LOSSES))
N = 20


@pytest.fixture
def make(make_problem):
    """Return a function that makes a network and its rows, in batches."""

    def make(loss="squared_error", batch_size=7, weighted=False, dtype=np.float64):
        network, X, targets = make_problem(
            (4, 5, 3), "tanh", loss, seed=1, n_rows=N, dtype=dtype
        )
        weights = np.random.default_rng(0).uniform(0.1, 3, N) if weighted else None
        return network, Batches(X, targets, batch_size, dtype, None, weights=weights)

    return make


def run(network, batches, history=None, **kwargs):
    history = History() if history is None else history
    limits = {"max_iter": 1000, "max_fun": 10_000, "tol": 1e-5}
    limits |= {name: kwargs.pop(name) for name in limits.keys() & kwargs.keys()}
    minimize_lbfgs(network, batches, history, Limits(**limits), **kwargs)
    return history


@pytest.mark.parametrize("loss", sorted(reference.LOSSES))
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("batch_size", [1, 7, 19, 20])
def test_objective_in_batches_is_that_of_one_batch_and_of_plain_loops(
    make, loss, weighted, batch_size
):
    network, batches = make(loss, batch_size, weighted)
    vector = network.parameters.vector.copy()
    value, gradient = full_objective(network, batches, 0.3, vector)
    weights = batches.weights
    total = N if weights is None else weights.sum()
    one, expected = network.loss_and_gradient(
        batches.X, batches.targets, weights, total, alpha=0.3
    )
    assert value == pytest.approx(one, rel=1e-12)
    np.testing.assert_allclose(gradient, expected, rtol=1e-11, atol=1e-14)
    assert not np.shares_memory(gradient, network.gradient.vector)

    naive, dW, db = reference.loss_and_gradient(
        [W.tolist() for W in network.parameters.W],
        [b.tolist() for b in network.parameters.b],
        batches.X.tolist(),
        batches.targets.tolist(),
        "tanh",
        loss,
        alpha=0.3,
        weights=None if weights is None else weights.tolist(),
    )
    assert value == pytest.approx(naive, rel=1e-10)
    flat = np.concatenate([np.ravel(array) for array in dW + db])
    np.testing.assert_allclose(gradient, flat, rtol=1e-10, atol=1e-13)


@losses
def test_gradient_of_the_objective_agrees_with_finite_differences(make, loss):
    network, batches = make(loss, weighted=True)
    start = network.parameters.vector.copy()
    check_gradient(lambda v: full_objective(network, batches, 0.3, v), start)


def test_sparse_rows_give_the_same_iterations(make):
    _, batches = make()
    X = batches.X * (abs(batches.X) > 0.5)
    results = []
    for rows in (X, scipy.sparse.csr_matrix(X)):
        other, _ = make()
        in_batches = Batches(rows, batches.targets, 7, np.float64, None)
        history = run(other, in_batches, max_iter=10)
        results.append((history.loss_curve[-1], other.parameters.vector))
    assert results[0][0] == pytest.approx(results[1][0], rel=1e-8)
    np.testing.assert_allclose(*(vector for _, vector in results), rtol=1e-4, atol=1e-6)


@losses
def test_reaches_the_minimum_that_another_method_finds(make, loss):
    network, batches = make(loss)
    start = network.parameters.vector.copy()
    alpha = ALPHAS.get(loss, 5.0)
    history = run(network, batches, alpha=alpha, tol=1e-8)
    assert history.converged
    assert "CONVERGENCE" in history.message
    other, _ = make(loss)
    found = minimize(
        lambda v: full_objective(other, batches, alpha, v),
        start,
        jac=True,
        method="BFGS",
    )
    assert history.loss_curve[-1] == pytest.approx(found.fun, rel=1e-6)


def test_history_is_that_of_the_iterations(make):
    network, batches = make()
    told = []
    history = run(
        network,
        batches,
        max_iter=6,
        after_epoch=lambda history: told.append(
            (history.epochs, network.parameters.vector.copy())
        ),
    )
    assert not history.converged
    assert "ITERATIONS" in history.message
    assert [epoch for epoch, _ in told] == [1, 2, 3, 4, 5, 6]
    assert len(history.loss_curve) == history.epochs == history.best_epoch == 6
    assert (np.diff(history.loss_curve) < 0).all()
    assert history.samples_seen == 0
    # Each entry is the objective at the parameters of that time.
    other, _ = make()
    for (_, vector), loss in zip(told, history.loss_curve, strict=True):
        value, _ = full_objective(other, batches, 0.0, vector)
        assert value == pytest.approx(loss, rel=1e-12)
    np.testing.assert_array_equal(network.parameters.vector, told[-1][1])


def test_history_goes_on(make):
    network, batches = make()
    history = run(network, batches, max_iter=4)
    run(network, batches, history, max_iter=3)
    assert history.epochs == 3
    assert len(history.loss_curve) == history.best_epoch == 7
    assert history.loss_curve[4] < history.loss_curve[3]


def test_validation_is_recorded_and_decides_nothing(make):
    network, batches = make()
    numbers = iter(range(100))
    validation = SimpleNamespace(measure=lambda network: (next(numbers), 0.5))
    history = run(network, batches, max_iter=5, validation=validation)
    assert history.validation_scores == [0, 1, 2, 3, 4]
    assert history.validation_losses == [0.5] * 5
    unwatched, _ = make()
    run(unwatched, batches, max_iter=5)
    np.testing.assert_array_equal(
        network.parameters.vector, unwatched.parameters.vector
    )


def test_max_fun_bounds_the_evaluations(make, monkeypatch):
    network, batches = make()
    evaluations = []
    loss_and_gradient = network.loss_and_gradient

    def counting(*arguments, **keywords):
        evaluations.append(1)
        return loss_and_gradient(*arguments, **keywords)

    monkeypatch.setattr(network, "loss_and_gradient", counting)
    history = run(network, batches, max_fun=5)
    assert not history.converged
    assert "EVALUATIONS" in history.message
    assert 5 * 3 <= len(evaluations) <= 8 * 3  # in three batches each


def test_tol_is_the_largest_entry_of_the_gradient(make):
    network, batches = make()
    history = run(network, batches, tol=0.01, alpha=1.0)
    assert history.converged
    _, gradient = full_objective(
        network, batches, 1.0, network.parameters.vector.copy()
    )
    assert abs(gradient).max() <= 0.01
    further, _ = make()
    assert run(further, batches, tol=1e-6, alpha=1.0).epochs > history.epochs


def test_at_a_minimum_there_is_still_a_loss(make):
    network, batches = make()
    start = network.parameters.vector.copy()
    history = run(network, batches, tol=1e9)
    assert history.converged
    assert history.epochs == 0
    value, _ = full_objective(make()[0], batches, 0.0, start)
    assert history.loss_curve == [pytest.approx(value, rel=1e-12)]
    np.testing.assert_array_equal(network.parameters.vector, start)


@pytest.mark.parametrize("answer", [True, np.True_])
def test_after_epoch_may_end_training(make, answer):
    network, batches = make()
    asked = []

    def after_epoch(history):
        asked.append(history.epochs)
        return answer if history.epochs == 3 else None

    history = run(network, batches, after_epoch=after_epoch)
    assert asked == [1, 2, 3]
    assert history.stopped is True
    assert history.epochs == len(history.loss_curve) == history.best_epoch == 3
    assert (history.converged, history.interrupted) == (False, False)
    assert history.divergence is None
    other, _ = make()
    assert not run(other, batches, max_iter=3).stopped
    np.testing.assert_array_equal(network.parameters.vector, other.parameters.vector)
    # Training goes on where it was stopped.
    run(network, batches, history, max_iter=2)
    assert history.stopped is False
    assert len(history.loss_curve) == 5


def test_interruption_leaves_the_last_iteration(make):
    network, batches = make()

    def interrupt(history):
        if history.epochs == 3:
            raise KeyboardInterrupt

    history = run(network, batches, after_epoch=interrupt)
    assert history.interrupted
    assert history.epochs == 3
    other, _ = make()
    run(other, batches, max_iter=3)
    np.testing.assert_array_equal(network.parameters.vector, other.parameters.vector)


def test_interruption_is_not_taken_for_what_ended_the_training_before(make):
    network, batches = make()

    def interrupt(history):
        raise KeyboardInterrupt

    history = run(network, batches, after_epoch=lambda history: True)
    assert (history.stopped, history.interrupted) == (True, False)
    run(network, batches, history, after_epoch=interrupt)
    assert (history.stopped, history.interrupted) == (False, True)
    assert history.message == ""


def test_interruption_within_an_iteration_leaves_the_one_before(make, monkeypatch):
    network, batches = make()
    loss_and_gradient = network.loss_and_gradient

    def interrupted(*arguments, **keywords):
        if len(history.loss_curve) == 3:
            raise KeyboardInterrupt
        return loss_and_gradient(*arguments, **keywords)

    history = History()
    monkeypatch.setattr(network, "loss_and_gradient", interrupted)
    run(network, batches, history)
    assert history.interrupted
    other, _ = make()
    run(other, batches, max_iter=3)
    np.testing.assert_array_equal(network.parameters.vector, other.parameters.vector)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_divergence_leaves_the_start(make, value):
    network, batches = make()
    start = network.parameters.vector.copy()
    X = batches.X.copy()
    X[3, 2] = value
    history = run(network, Batches(X, batches.targets, 7, X.dtype, None))
    assert isinstance(history.divergence, Divergence)
    assert not np.isfinite(history.divergence.objective)
    assert history.loss_curve == []
    np.testing.assert_array_equal(network.parameters.vector, start)


def test_float32_is_optimized_by_scipy_in_float64(make):
    network, batches = make(dtype=np.float32)
    history = run(network, batches, max_iter=20, alpha=1.0)
    assert network.parameters.vector.dtype == np.float32
    assert all(type(loss) is float for loss in history.loss_curve)
    double, in_double = make()
    expected = run(double, in_double, max_iter=20, alpha=1.0)
    assert history.loss_curve[-1] == pytest.approx(expected.loss_curve[-1], rel=1e-3)
