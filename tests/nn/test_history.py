"""History: what is noted of an epoch."""

from dataclasses import replace

from skmlp_scratch.nn.history import Divergence, History


def test_epochs_are_added():
    history = History(epochs_before=3)
    assert history.total_epochs == 3
    history.add_epoch(0.5, 10, None)
    history.add_epoch(0.25, 12, (0.75, 0.125))
    assert history.loss_curve == [0.5, 0.25]
    assert history.validation_scores == [0.75]
    assert history.validation_losses == [0.125]
    assert (history.epochs, history.total_epochs) == (2, 5)
    assert history.samples_seen == 22
    assert (history.converged, history.stopped) == (False, False)


def test_how_the_last_training_ended_is_forgotten_when_another_begins():
    history = History(epochs_before=3)
    history.add_epoch(0.5, 10, (0.75, 0.125))
    before = replace(history, epochs=0)
    history.divergence, history.message = Divergence(1e9, 4), "no step to take"
    history.converged = history.stopped = history.interrupted = True
    history.begin()
    assert history == before


def test_divergence_says_what_and_when():
    divergence = Divergence(12345.678, 7)
    assert str(divergence) == "the loss became 1.23e+04 at epoch 7"
    assert (divergence.objective, divergence.epoch) == (12345.678, 7)
