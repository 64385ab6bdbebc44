"""The training loop: batch after batch, epoch after epoch."""

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np

from skmlp_scratch.nn.batches import Batches
from skmlp_scratch.nn.divergence import BestTwo
from skmlp_scratch.nn.history import Divergence, History
from skmlp_scratch.nn.network import Network
from skmlp_scratch.nn.stopping import Watch
from skmlp_scratch.nn.typing import Array, Schedule, Update
from skmlp_scratch.nn.updates import WeightAverage

# Called after every epoch; training ends if it returns True.
AfterEpoch = Callable[[History], bool | None]


@dataclass
class Step:
    """What happens to the parameters after each batch.

    Attributes
    ----------
    updates : sequence of Update
        Applied in this order to parameters and gradient: an optimizer, and what comes
        before and after it.
    schedule : Schedule
        Gives the learning rate, and has the last word when there is no progress.
    alpha : float, default=0.0
        Strength of the penalty on the weight matrices.
    average : WeightAverage, default=None
        One of the updates, if it is to take the place of the parameters wherever these
        are validated or kept, and at the end. Its ``vector`` is then what training can
        go on from.
    """

    updates: Sequence[Update]
    schedule: Schedule
    alpha: float = 0.0
    average: WeightAverage | None = None

    def averaged(self, parameters: Array) -> AbstractContextManager[None]:
        """Have the average, if there is one, in the place of the parameters."""
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

    If training diverges, the parameters of the best epoch are restored and
    ``history.divergence`` says what happened. A KeyboardInterrupt ends training.

    Parameters
    ----------
    network : Network
        Its parameters are moved.
    batches : Batches
        The training rows; each iteration over it is an epoch.
    step : Step
        What happens after each batch.
    watch : Watch
        What is looked at after each epoch.
    history : History
        Is added to.
    max_epochs : int
        The most epochs to run.
    after_epoch : callable, default=None
        Called with the history after every epoch; may return True to end training.
    """
    parameters = network.parameters.vector
    with step.averaged(parameters):
        best = BestTwo(parameters, history.best_epoch)
    history.begin()
    try:
        for _ in range(max_epochs):
            watch.guard.epoch = history.total_epochs + 1
            loss = train_epoch(network, batches, step, watch)
            with step.averaged(parameters):
                if watch.end_epoch(history, network, loss, batches.n_rows):
                    best.keep(parameters, history.best_epoch)
                watch.guard.end_epoch(loss)
            step.schedule.end_epoch(history.samples_seen)
            history.stopped = after_epoch is not None and bool(after_epoch(history))
            history.converged = watch.patience.exhausted and step.schedule.plateau()
            if history.converged or history.stopped:
                break
            if watch.patience.exhausted:
                watch.patience.failures = 0
        watch.guard.end_training()
    except KeyboardInterrupt:
        history.interrupted = True
    except Divergence as divergence:
        history.divergence, history.converged = divergence, False
    if step.average:
        step.average.swap(parameters)
    if watch.monitor != "loss":
        best.restore(parameters)
    elif history.divergence:
        history.best_epoch = best.restore_sound(network, batches, step.alpha)


def train_epoch(network: Network, batches: Batches, step: Step, watch: Watch) -> float:
    """Take one step per batch; return the mean of the batches' objectives.

    Each objective is the value before the step, and counts by its number of rows.

    Raises
    ------
    Divergence
        If the loss is no longer finite, or a parameter so large that its square is not:
        predictions multiply the parameters of two layers or more.
    """
    parameters, schedule, guard = network.parameters.vector, step.schedule, watch.guard
    total = 0.0
    with np.errstate(over="ignore", invalid="ignore"):
        for batch in batches:
            objective, gradient = network.loss_and_gradient(*batch, alpha=step.alpha)
            guard.check(objective)
            for update in step.updates:
                update.step(parameters, gradient, schedule.learning_rate)
            schedule.end_step()
            total += objective * len(batch.targets)
        # The objective is taken before the step: the last step has not shown in it yet.
        # Looking for the largest is 0.5 us quicker than asking np.isfinite for all.
        largest = parameters.item(np.abs(parameters).argmax())
        if not abs(largest) < math.sqrt(np.finfo(parameters.dtype).max):
            raise Divergence(math.nan, guard.epoch)
    return total / batches.n_rows
