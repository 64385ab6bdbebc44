"""The loop: stopping, best weights, schedules, divergence, interruption."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from skmlp_scratch.nn.batches import Batches
from skmlp_scratch.nn.divergence import EXPLOSION, DivergenceGuard
from skmlp_scratch.nn.history import Divergence, History
from skmlp_scratch.nn.optimizers import SGD
from skmlp_scratch.nn.schedules import Adaptive, Constant, InverseScaling
from skmlp_scratch.nn.stopping import Patience, Watch
from skmlp_scratch.nn.training import Step, train, train_epoch


def endless():
    """Return a patience that never ends."""
    return Patience(tol=0, n_iter_no_change=math.inf)


@pytest.fixture
def problem(make_problem):
    """Return a function that makes a small network, its batches and optimizer."""

    def make():
        network, X, targets = make_problem(
            (4, 5, 3), "tanh", "softmax_cross_entropy", seed=0, n_rows=30
        )
        batches = Batches(X, targets, 7, X.dtype, np.random.RandomState(0))
        return network, batches, SGD(network.parameters.vector, momentum=0)

    return make


@pytest.fixture
def run(problem):
    """Return a function that trains that network."""

    def run(
        patience=None,
        schedule=None,
        max_epochs=10,
        history=None,
        setting=None,
        after_epoch=None,
        **watched,
    ):
        network, batches, optimizer = setting or problem()
        patience = patience or endless()
        history = History() if history is None else history
        step = Step([optimizer], schedule or Constant(0.1))
        watch = Watch(patience, **watched)
        train(network, batches, step, watch, history, max_epochs, after_epoch)
        return network.parameters.vector.copy(), history, patience

    return run


def values(numbers):
    """Return a validation that gives these scores, and their squares as losses."""
    numbers = iter(numbers)

    def measure(network):
        number = next(numbers)
        return number, number**2

    return SimpleNamespace(measure=measure)


def test_loss_falls_and_history_is_kept(run):
    _, history, patience = run()
    assert len(history.loss_curve) == history.epochs == history.best_epoch == 10
    assert history.loss_curve[-1] < history.loss_curve[0]
    assert history.samples_seen == 10 * 30
    assert patience.best == min(history.loss_curve)
    assert (history.converged, history.interrupted) == (False, False)
    assert history.divergence is None
    assert history.validation_scores == history.validation_losses == []


def test_history_and_patience_go_on(run, problem):
    setting = problem()
    history, patience = History(), endless()
    for _ in range(2):
        run(patience, max_epochs=5, history=history, setting=setting)
    at_once, whole, _ = run()
    np.testing.assert_array_equal(setting[0].parameters.vector, at_once)
    assert history.loss_curve == whole.loss_curve
    assert history.samples_seen == whole.samples_seen
    assert history.best_epoch == 10
    assert history.epochs == 5


def test_the_loss_of_an_epoch_is_the_mean_over_its_rows(problem):
    network, batches, _ = problem()
    objectives = [
        network.loss_and_gradient(*batch, alpha=0.3)[0] * len(batch.targets)
        for batch in batches
    ]
    # A rate of 0 leaves the network as it is; 30 rows make batches of 7 and one of 2.
    network, batches, optimizer = problem()
    step = Step([optimizer], Constant(0.0), alpha=0.3)
    loss, rate = train_epoch(network, batches, step, Watch(endless()))
    assert rate == 0
    assert loss == pytest.approx(sum(objectives) / 30, rel=1e-12)


@pytest.mark.parametrize("n_iter_no_change", [1, 3])
def test_stops_after_more_than_n_iter_no_change_epochs_without_progress(
    run, n_iter_no_change
):
    # With so large a tolerance only the first epoch is an improvement.
    _, history, _ = run(Patience(tol=1e9, n_iter_no_change=n_iter_no_change))
    assert len(history.loss_curve) == 1 + n_iter_no_change + 1
    assert history.converged


def test_schedule_is_told_of_every_epoch_and_asked_before_stopping(run):
    told, steps = [], []
    schedule = SimpleNamespace(
        learning_rate=0.1,
        end_step=lambda: steps.append(1),
        end_epoch=told.append,
        plateau=lambda: told.append("plateau") or len(told) > 9,
    )
    _, history, _ = run(Patience(tol=1e9, n_iter_no_change=1), schedule)
    assert len(steps) == 7 * 5
    assert told == [30, 60, 90, "plateau", 120, 150, "plateau", 180, 210, "plateau"]
    assert len(history.loss_curve) == 7
    assert history.converged


def test_the_rate_of_the_schedule_is_that_of_the_steps(run):
    slow, _, _ = run(schedule=InverseScaling(0.1, power_t=1.0), max_epochs=2)
    first, _, _ = run(schedule=Constant(0.1), max_epochs=1)
    constant, _, _ = run(schedule=Constant(0.1), max_epochs=2)
    ratio = np.linalg.norm(slow - first) / np.linalg.norm(constant - first)
    assert ratio == pytest.approx(1 / 31, rel=0.05)


def test_adaptive_goes_on_until_its_rate_is_small(run):
    schedule = Adaptive(1e-4)
    _, history, _ = run(Patience(1e9, 1), schedule, max_epochs=1000)
    assert history.converged
    # 1e-4 / 5^3 is below 1e-6: three divisions and a stop, after 2 epochs each.
    assert len(history.loss_curve) == 1 + 4 * 2
    assert schedule.learning_rate == pytest.approx(1e-4 / 125)
    _, history, _ = run(Patience(1e9, 1), Adaptive(1e-4), max_epochs=8)
    assert not history.converged


SCORES = [0.1, 0.5, 0.9, 0.9, -1.2]  # the best is the third


@pytest.mark.parametrize(
    ("monitor", "best_epoch"),
    [("validation_score", 3), ("validation_loss", 1), ("loss", 5)],
)
def test_parameters_of_the_best_epoch_are_restored(run, monitor, best_epoch):
    told = []
    vector, history, patience = run(
        max_epochs=5,
        monitor=monitor,
        validation=values(SCORES),
        after_epoch=lambda history: told.append(history.samples_seen),
    )
    assert history.validation_scores == SCORES
    assert history.validation_losses == [score**2 for score in SCORES]
    assert told == [30, 60, 90, 120, 150]
    assert history.best_epoch == best_epoch
    best = {
        "validation_score": -0.9,
        "validation_loss": 0.1**2,
        "loss": history.loss_curve[-1],
    }
    assert patience.best == best[monitor]
    expected, _, _ = run(max_epochs=best_epoch)
    np.testing.assert_array_equal(vector, expected)


def test_validation_alone_decides_nothing(run):
    watched, history, _ = run(validation=values(range(10)))
    unwatched, _, _ = run()
    np.testing.assert_array_equal(watched, unwatched)
    assert history.validation_scores == list(range(10))


# Ended from outside


@pytest.mark.parametrize("answer", [True, np.True_])
def test_after_epoch_may_end_training(run, answer):
    asked = []

    def after_epoch(history):
        asked.append(history.epochs)
        return answer if history.epochs == 3 else None

    vector, history, _ = run(after_epoch=after_epoch)
    assert asked == [1, 2, 3]
    assert history.stopped is True
    assert history.epochs == len(history.loss_curve) == history.best_epoch == 3
    assert (history.converged, history.interrupted) == (False, False)
    assert history.divergence is None
    expected, unasked, _ = run(max_epochs=3)
    assert unasked.stopped is False
    np.testing.assert_array_equal(vector, expected)


def test_training_goes_on_where_it_was_ended(run, problem):
    setting, history = problem(), History()
    run(setting=setting, history=history, after_epoch=lambda history: True)
    assert (history.epochs, history.stopped) == (1, True)
    vector, _, _ = run(setting=setting, history=history, max_epochs=4)
    assert (history.epochs, history.stopped) == (4, False)
    expected, at_once, _ = run(max_epochs=5)
    np.testing.assert_array_equal(vector, expected)
    assert history.loss_curve == at_once.loss_curve


def test_ended_training_restores_the_best_epoch_of_validation(run):
    vector, history, _ = run(
        monitor="validation_score",
        validation=values(SCORES),
        after_epoch=lambda history: history.epochs == 4,
    )
    assert (history.stopped, history.epochs, history.best_epoch) == (True, 4, 3)
    expected, _, _ = run(max_epochs=3)
    np.testing.assert_array_equal(vector, expected)


def test_ended_training_is_still_judged_by_its_last_epoch(run):
    _, history, _ = run(
        schedule=Explodes(epochs=4),
        guard=DivergenceGuard(1.1),
        after_epoch=lambda history: history.epochs == 7,
    )
    assert history.stopped
    assert history.divergence.epoch == history.epochs == 7
    assert history.best_epoch == 4


# Divergence


def test_what_is_not_finite_ends_training_at_its_batch(run, problem):
    network, batches, optimizer = problem()
    steps = []

    def step(*arguments):
        steps.append(arguments)
        type(optimizer).step(optimizer, *arguments)

    setting = network, batches, SimpleNamespace(step=step)
    vector, history, _ = run(schedule=Constant(1e308), setting=setting)
    network, _, _ = problem()
    assert isinstance(history.divergence, Divergence)
    assert history.divergence.epoch == 1
    assert len(steps) in (1, 2)
    assert str(history.divergence).endswith("at epoch 1")
    assert history.loss_curve == []
    assert (history.epochs, history.best_epoch, history.samples_seen) == (0, 0, 0)
    np.testing.assert_array_equal(vector, network.parameters.vector)


class Explodes(Constant):
    """A rate of 0.1 for a few epochs, then one that no network survives."""

    def __init__(self, epochs):
        super().__init__(0.1)
        self.rows = 30 * epochs

    def end_epoch(self, samples_seen):
        if samples_seen >= self.rows:
            self.learning_rate = 1e9


def test_an_explosion_restores_the_best_epoch(run):
    vector, history, _ = run(schedule=Explodes(epochs=4), guard=DivergenceGuard(1.1))
    # It is judged at the end of training; until then it might have passed.
    assert history.divergence.epoch == history.epochs == 10
    assert history.divergence.objective == history.loss_curve[-1]
    assert history.divergence.objective > EXPLOSION * history.loss_curve[0]
    assert history.best_epoch == 4
    expected, _, _ = run(max_epochs=4)
    np.testing.assert_array_equal(vector, expected)
    assert not history.converged


@pytest.mark.parametrize("patience", [1, 3])
def test_enough_exploded_epochs_end_training(run, patience):
    guard = DivergenceGuard(1.1, patience=patience)
    vector, history, _ = run(schedule=Explodes(epochs=4), guard=guard, max_epochs=50)
    # The first batch of the fifth epoch comes before the first bad step.
    assert history.divergence.epoch == history.epochs == 5 + patience
    expected, _, _ = run(max_epochs=4)
    np.testing.assert_array_equal(vector, expected)


def test_an_explosion_in_the_last_step_of_the_best_epoch_is_not_restored(problem):
    network, seven, optimizer = problem()
    rng = np.random.RandomState(0)  # one step per epoch
    batches = Batches(seven.X, seven.targets, 30, seven.dtype, rng)
    history = History()

    class LastStepExplodes(Constant):
        def end_epoch(self, samples_seen):
            self.learning_rate = 1e9 if samples_seen == 3 * 30 else 0.1

    train(
        network,
        batches,
        Step([optimizer], LastStepExplodes(0.1)),
        Watch(endless(), guard=DivergenceGuard(1.5)),
        history,
        max_epochs=6,
    )
    # The loss of the fourth epoch is the smallest, and its step is the bad one.
    assert np.argmin(history.loss_curve) == 3
    assert history.best_epoch == 3
    assert np.abs(network.parameters.vector).max() < 10


def test_an_explosion_restores_the_best_by_what_is_monitored(run):
    vector, history, _ = run(
        schedule=Explodes(epochs=4),
        monitor="validation_score",
        validation=values([0.1, 0.9, 0.2, 0.3, 0, 0, 0, 0, 0, 0]),
        guard=DivergenceGuard(1.1),
    )
    assert history.divergence.epoch == 10
    assert history.best_epoch == 2
    expected, _, _ = run(max_epochs=2)
    np.testing.assert_array_equal(vector, expected)


@pytest.mark.parametrize("lost", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("parameter", ["first", "last"])
def test_divergence_in_the_last_step_is_noticed_too(problem, parameter, lost):
    network, batches, _ = problem()
    steps = []

    def step(parameters, gradient, learning_rate):
        steps.append(learning_rate)
        if len(steps) == 5:  # of five batches
            parameters[0 if parameter == "first" else -1] = lost

    with pytest.raises(Divergence, match="nan at epoch 1"):
        train_epoch(
            network,
            batches,
            Step([SimpleNamespace(step=step)], Constant(0.1)),
            Watch(endless()),
        )
    assert len(steps) == 5


# Interruption


def interrupt_at(epoch):
    def after_epoch(history):
        if history.epochs == epoch:
            raise KeyboardInterrupt

    return after_epoch


def test_interruption_leaves_what_was_learnt(run):
    vector, history, _ = run(after_epoch=interrupt_at(3))
    assert history.interrupted
    assert not history.converged
    assert history.epochs == len(history.loss_curve) == 3
    expected, _, _ = run(max_epochs=3)
    np.testing.assert_array_equal(vector, expected)


def test_interruption_is_not_taken_for_what_ended_the_training_before(run, problem):
    setting, history = problem(), History()
    run(setting=setting, history=history, after_epoch=lambda history: True)
    run(setting=setting, history=history, after_epoch=interrupt_at(1))
    assert (history.stopped, history.interrupted) == (False, True)
    run(Patience(1e9, 1), setting=setting, history=history)
    assert (history.converged, history.interrupted) == (True, False)


def test_interruption_restores_the_best_epoch_of_validation(run):
    vector, history, _ = run(
        monitor="validation_score",
        validation=values([0.1, 0.9, 0.2, 0.3]),
        after_epoch=interrupt_at(4),
    )
    assert history.interrupted
    expected, _, _ = run(max_epochs=2)
    np.testing.assert_array_equal(vector, expected)


def test_interruption_within_an_epoch(run, problem):
    network, batches, optimizer = problem()
    take_step, calls = optimizer.step, []

    def step(*arguments):
        calls.append(arguments)
        if len(calls) == 8:  # the third batch of the second epoch
            raise KeyboardInterrupt
        take_step(*arguments)

    setting = network, batches, SimpleNamespace(step=step)
    vector, history, _ = run(setting=setting)
    assert history.interrupted
    assert (history.epochs, history.samples_seen) == (1, 30)
    one_epoch, _, _ = run(max_epochs=1)
    assert not np.array_equal(vector, one_epoch)
    assert np.isfinite(vector).all()


def test_other_errors_go_through(run):
    def fail(history):
        raise RuntimeError("of the caller's")

    with pytest.raises(RuntimeError, match="of the caller's"):
        run(after_epoch=fail)


def test_patience_starts_again_after_a_plateau(run):
    patience = Patience(tol=1e9, n_iter_no_change=2)
    run(patience, Adaptive(0.1), max_epochs=4)
    # One improvement and three failures made a plateau.
    assert patience.failures == 0
    run(patience, Adaptive(0.1), max_epochs=2)
    assert patience.failures == 2
