"""When to stop: what is watched, and whether there was no progress for long enough."""

import math
from types import SimpleNamespace

import pytest
from helpers import interrupted

from skmlp_scratch.nn.history import History
from skmlp_scratch.nn.stopping import MONITORS, Patience, Watch


def test_patience_counts_failures_in_a_row():
    patience = Patience(tol=0.1, n_iter_no_change=2)
    seen = []
    for value in [1.0, 0.95, 0.8, 0.75, 0.74, 0.73]:
        seen.append((patience.update(value), patience.failures, patience.exhausted))
    assert seen == [
        (True, 0, False),
        (True, 1, False),  # the best, but not by 0.1
        (True, 0, False),
        (True, 1, False),
        (True, 2, False),
        (True, 3, True),
    ]
    assert not patience.update(2.0)
    assert patience.best == 0.73


def test_a_value_that_is_not_a_number_is_a_failure():
    patience = Patience(tol=0, n_iter_no_change=2)
    assert patience.update(1.0)
    for failures in (1, 2, 3):
        assert not patience.update(math.nan)
        assert patience.failures == failures
    assert patience.exhausted
    assert patience.best == 1.0


# What is looked at after each epoch


def end_epochs(watch, losses):
    """End an epoch with each of the losses; return history and the answers."""
    history = History()
    best = [watch.end_epoch(history, None, loss, 10) for loss in losses]
    return history, best


def scores(*numbers):
    """Return a validation that gives these scores, and their negatives as losses."""
    numbers = iter(numbers)

    def measure(network):
        number = next(numbers)
        return number, -number

    return SimpleNamespace(measure=measure)


def test_an_epoch_is_noted_and_the_best_one_named():
    watch = Watch(Patience(tol=0, n_iter_no_change=9))
    history, best = end_epochs(watch, [3.0, 1.0, 2.0, math.nan])
    assert history.loss_curve[:3] == [3, 1, 2]
    assert best == [True, True, False, False]
    assert history.best_epoch == 2
    assert (history.epochs, history.samples_seen) == (4, 40)
    assert history.validation_scores == history.validation_losses == []
    assert watch.patience.failures == 2


@pytest.mark.parametrize("monitor", MONITORS)
def test_one_number_is_monitored_and_all_are_kept(monitor):
    watch = Watch(Patience(0, 9), monitor, scores(0.1, 0.5, 0.3))
    history, best = end_epochs(watch, [3.0, 2.0, 1.0])
    assert best == [True, True, monitor == "loss"]
    assert history.best_epoch == (3 if monitor == "loss" else 2)
    assert history.loss_curve == [3, 2, 1]
    assert history.validation_scores == [0.1, 0.5, 0.3]
    assert history.validation_losses == [-0.1, -0.5, -0.3]


def test_epochs_are_counted_along_the_whole_curve():
    history = History(epochs_before=5)
    watch = Watch(Patience(0, 9))
    assert watch.end_epoch(history, None, 1.0, 10)
    assert history.best_epoch == history.total_epochs == 6


def test_the_network_that_is_trained_is_validated():
    seen, network = [], object()
    validation = SimpleNamespace(measure=lambda n: seen.append(n) or (0.0, 0.0))
    Watch(Patience(0, 9), "loss", validation).end_epoch(History(), network, 1.0, 1)
    assert seen == [network]


def test_what_validation_does_not_finish_is_not_noted():
    history = History()
    watch = Watch(Patience(0, 9), validation=SimpleNamespace(measure=interrupted))
    with pytest.raises(KeyboardInterrupt):
        watch.end_epoch(history, None, 1.0, 10)
    assert history == History()


def test_a_network_that_has_not_begun_to_learn_has_time():
    def failures(losses, numbers):
        patience = Patience(tol=1e9, n_iter_no_change=2, untrained_above=1.0)
        end_epochs(Watch(patience, "loss", scores(*numbers)), losses)
        return patience.failures

    assert failures([5, 5, 5, 5], [-1, -1, 0, math.nan]) == 0
    assert failures([5, 5, 5, 5], [-1, -1, 0, 0.1]) == 1  # a score says it has begun
    assert failures([5, 5, 0.9, 0.9], [-1, -1, -1, -1]) == 2  # and so does the loss


def test_watches_have_a_guard_each():
    one, other = Watch(Patience(0, 1)), Watch(Patience(0, 1))
    assert one.guard is not other.guard
    assert one.guard.constant_loss == math.inf
