"""The training loop: one step per batch, one validation per epoch."""

import math
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import numpy as np

from skmlp_scratch.nn.batches import Batches
from skmlp_scratch.nn.divergence import BestTwo
from skmlp_scratch.nn.history import AfterEpoch, Divergence, History, ends
from skmlp_scratch.nn.network import Network
from skmlp_scratch.nn.regularization import Dropout, GaussianNoise
from skmlp_scratch.nn.stopping import Watch
from skmlp_scratch.nn.typing import Array, Schedule, Update
from skmlp_scratch.nn.updates import WeightAverage

# Enough for mean and variance of each layer's input: more bring nothing on MNIST.
SETTLED_ROWS = 2000


@dataclass
class Step:
    """How the parameters change after each batch.

    Attributes
    ----------
    updates : sequence of Update
        The optimizer, and the updates before and after it, in order of application.
    schedule : Schedule
        Sets the learning rate, and decides whether training ends without progress.
    alpha : float, default=0.0
        Strength of the penalty on the weight matrices.
    average : WeightAverage, default=None
        The average among the updates, if there is one. It replaces the parameters in
        validation, in stored copies and at the end of training. Its ``vector`` then
        holds the parameters without averaging, from which training can continue.
    settles : bool, default=True
        Whether batch normalisation predicts without the noise and dropout that its
        running averages have seen, see :func:`settle`. The rows of one call in a stream
        are too few for that.
    """

    updates: Sequence[Update]
    schedule: Schedule
    alpha: float = 0.0
    average: WeightAverage | None = None
    settles: bool = True

    def averaged(self, parameters: Array) -> AbstractContextManager[None]:
        """Replace the parameters by the average, if any, within a ``with`` block."""
        return self.average.swapped_in(parameters) if self.average else nullcontext()


def train(
    network: Network,
    batches: Batches,
    step: Step,
    watch: Watch,
    history: History,
    max_epochs: int,
    after_epoch: AfterEpoch | None = None,
) -> None:
    """Train a network in place, until it makes no more progress.

    If training diverges, the parameters of the best epoch are restored, and
    ``history.divergence`` is set. A KeyboardInterrupt ends training.

    If ``watch.best`` is set, training goes on where the state of all parts says that it
    was: see ``nn/state.py``.

    Parameters
    ----------
    network : Network
        The network, whose parameters are updated.
    batches : Batches
        The training rows; each iteration over it is an epoch.
    step : Step
        How the parameters change after each batch.
    watch : Watch
        Validation, early stopping and detection of divergence.
    history : History
        The record that the epochs are added to.
    max_epochs : int
        Maximum number of epochs.
    after_epoch : callable, default=None
        Called with the history after every epoch; may return True to end training. All
        parts are then in the state from which the next epoch begins.
    """
    parameters = network.parameters.vector
    if watch.best is None:
        history.begin()
        with step.averaged(parameters):
            watch.best = BestTwo(parameters, history.best_epoch)
    best = watch.best
    settles = bool(network.norms) and step.settles and watch.validation is not None
    try:
        while history.epochs < max_epochs and not history.ended:
            watch.guard.epoch = history.total_epochs + 1
            loss, rate = train_epoch(network, batches, step, watch)
            settling = settled(network, batches) if settles else nullcontext()
            with step.averaged(parameters), settling:
                if watch.end_epoch(history, network, loss, batches.n_rows, rate):
                    best.keep(parameters, history.best_epoch)
                watch.guard.end_epoch(loss)
            step.schedule.end_epoch(history.samples_seen)
            history.converged = watch.patience.exhausted and step.schedule.plateau()
            if watch.patience.exhausted and not history.converged:
                watch.patience.failures = 0
            history.stopped = ends(after_epoch, history)
        watch.guard.end_training()
    except KeyboardInterrupt:
        history.interrupted, history.converged = True, False
    except Divergence as divergence:
        history.divergence, history.converged = divergence, False
    if step.average:
        step.average.swap(parameters)
    if history.divergence and watch.monitor == "loss":
        history.best_epoch = best.restore_sound(network, batches, step.alpha)
    choose_parameters(network, batches, step, watch)
    watch.best = None


def choose_parameters(
    network: Network, batches: Batches, step: Step, watch: Watch
) -> None:
    """Set the parameters that training ends with: the best, if rows validate them."""
    if watch.monitor != "loss" and watch.best:
        watch.best.restore(network.parameters.vector)
    elif step.settles:
        settle_norms(network, batches)


@contextmanager
def as_if_ended(
    network: Network, batches: Batches, step: Step, watch: Watch
) -> Iterator[None]:
    """Have the parameters that training would end with now within a ``with`` block."""
    parameters = network.parameters.vector
    with step.averaged(parameters):
        before = parameters.copy()
        choose_parameters(network, batches, step, watch)
        try:
            yield
        finally:
            parameters[...] = before


def train_epoch(
    network: Network, batches: Batches, step: Step, watch: Watch
) -> tuple[float, float]:
    """Take one step per batch; return their mean objective, and the last rate.

    The objective of a batch is computed before the step. The mean is weighted by the
    number of rows.

    Raises
    ------
    Divergence
        If the loss is not finite, or the square of a weight or bias is not finite:
        predictions multiply the parameters of two or more layers.
    """
    parameters, schedule, guard = network.parameters.vector, step.schedule, watch.guard
    total, rate = 0.0, schedule.learning_rate
    with np.errstate(over="ignore", invalid="ignore"):
        for batch in batches:
            objective, gradient = network.loss_and_gradient(*batch, alpha=step.alpha)
            guard.check(objective)
            rate = schedule.learning_rate
            for update in step.updates:
                update.step(parameters, gradient, rate)
            schedule.end_step()
            total += objective * len(batch.targets)
        # No objective follows the last step, so that only the parameters show whether
        # it diverged. Finding the largest is 0.5 us quicker than
        # np.isfinite(...).all().
        affine = network.parameters.affine
        largest = affine.item(np.abs(affine).argmax())
        if not abs(largest) < math.sqrt(np.finfo(affine.dtype).max):
            raise Divergence(math.nan, guard.epoch)
    return total / batches.n_rows, rate


@contextmanager
def settled(network: Network, batches: Batches) -> Iterator[None]:
    """Have running averages without noise and dropout within a ``with`` block."""
    averages = [average for norm in network.norms for average in (norm.mean, norm.var)]
    before = [average.copy() for average in averages]
    settle_norms(network, batches)
    try:
        yield
    finally:
        for average, values in zip(averages, before, strict=True):
            average[...] = values


def settle_norms(network: Network, batches: Batches) -> None:
    """Rid the running averages of noise and dropout, if there are any.

    Where batches had one row, the network was trained with the averages as they are.
    """
    noisy = any(isinstance(layer, Dropout | GaussianNoise) for layer in network.layers)
    if not (network.norms and noisy and batches.batch_size > 1):
        return
    X, weights = batches.sample(SETTLED_ROWS)
    with np.errstate(over="ignore", invalid="ignore"):
        settle(network, X, weights)


def settle(network: Network, X: Array, weights: Array | None = None) -> None:
    """Set running averages to mean and variance over rows, without noise and dropout.

    Batches have noise and dropout, predictions have not: the activations that reach the
    second normalisation are then others on average, too. Ioffe and Szegedy (2015,
    arXiv:1502.03167, algorithm 2) take both from the final network as well.

    Parameters
    ----------
    network : Network
        Its running averages are set.
    X : ndarray or sparse matrix of shape (n_rows, n_features)
        Training rows, in the computing type.
    weights : ndarray of shape (n_rows,), default=None
        Row weights; None means 1.
    """
    n_seen = [norm.n_seen for norm in network.norms]
    for norm in network.norms:
        norm.n_seen, norm.weights = 0, weights
    for layer in network.layers:
        if not isinstance(layer, Dropout | GaussianNoise):
            X = layer.forward(X)
    # What later batches count beside these averages stays as it was.
    for norm, n in zip(network.norms, n_seen, strict=True):
        norm.n_seen = n
