"""The loop: stopping, best weights, divergence."""

import math

import numpy as np
import pytest

from skmlp_scratch.nn.batches import Batches
from skmlp_scratch.nn.optimizers import SGD
from skmlp_scratch.nn.training import DivergenceError, Patience, train


@pytest.fixture
def run(make_problem):
    """Return a function that trains a small network by gradient descent."""

    def run(patience=None, learning_rate=0.1, max_epochs=10, **kwargs):
        network, X, targets = make_problem(
            (4, 5, 3), "tanh", "softmax_cross_entropy", seed=0, n_rows=30
        )
        batches = Batches(X, targets, 7, X.dtype, np.random.RandomState(0))
        patience = patience or Patience(tol=0, n_iter_no_change=math.inf)
        history = train(
            network,
            batches,
            SGD(network.parameters.vector, momentum=0),
            patience,
            learning_rate=learning_rate,
            max_epochs=max_epochs,
            **kwargs,
        )
        return network, history, patience

    return run


def test_loss_falls_and_history_is_kept(run):
    _, history, patience = run()
    assert len(history.loss_curve) == 10
    assert history.loss_curve[-1] < history.loss_curve[0]
    assert history.samples_seen == 10 * 30
    assert patience.best == min(history.loss_curve)
    assert not history.converged


@pytest.mark.parametrize("n_iter_no_change", [1, 3])
def test_stops_after_more_than_n_iter_no_change_epochs_without_progress(
    run, n_iter_no_change
):
    # With so large a tolerance only the first epoch is an improvement.
    _, history, _ = run(Patience(tol=1e9, n_iter_no_change=n_iter_no_change))
    assert len(history.loss_curve) == 1 + n_iter_no_change + 1
    assert history.converged


def test_parameters_of_the_best_epoch_are_restored(run):
    scores = iter([0.1, 0.5, 0.9, 0.9, 0.2])
    snapshots = []

    network, history, patience = run(
        max_epochs=5,
        validation_score=lambda: next(scores),
        after_epoch=lambda history: snapshots.append(history.samples_seen),
    )
    assert history.validation_scores == [0.1, 0.5, 0.9, 0.9, 0.2]
    assert patience.best == -0.9
    assert snapshots == [30, 60, 90, 120, 150]
    three_epochs, _, _ = run(max_epochs=3)
    np.testing.assert_array_equal(
        network.parameters.vector, three_epochs.parameters.vector
    )


def test_divergence_is_noticed_at_its_batch(run):
    with pytest.raises(DivergenceError, match=r"epoch 1, batch [23]") as caught:
        run(learning_rate=1e308)
    assert caught.value.epoch == 1


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
