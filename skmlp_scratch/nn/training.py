"""The training loop: epochs, stopping, best weights, history."""

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from skmlp_scratch.nn.batches import Batches
from skmlp_scratch.nn.network import Network
from skmlp_scratch.nn.optimizers import Optimizer
from skmlp_scratch.nn.regularization import WeightAverage, clip_gradient, limit_norms
from skmlp_scratch.nn.schedules import Schedule
from skmlp_scratch.nn.typing import Array

# How many times larger than that of a constant prediction the objective of *every* batch
# of an epoch is if the loss has exploded. One row out of line makes one batch that large,
# and a rate too high for the first steps a few of them.
EXPLOSION = 1e3
# Adam at too high a rate has been seen to come back after five such epochs.
EXPLODED_EPOCHS = 10
# Features that are far from zero take the first epochs far from a constant.
FEWEST_EPOCHS = 3
# Enough to tell parameters before an explosion from those after it.
COMPARED_BATCHES = 50


class Divergence(ArithmeticError):
    """The loss exploded, or it or a parameter is no longer a number to work with."""

    def __init__(self, objective: float, epoch: int) -> None:
        super().__init__(f"the loss became {objective:.3g} at epoch {epoch}")
        self.objective, self.epoch = objective, epoch


@dataclass
class History:
    """What happened, epoch by epoch. Training that goes on adds to it.

    Attributes
    ----------
    epochs_before : int
        Epochs of earlier training that this history does not list.
    loss_curve : list of float
        Mean objective over the batches of each epoch.
    validation_scores, validation_losses : list of float
        Score and mean loss, without penalty, on the validation rows after each epoch;
        empty without them.
    samples_seen : int
        Rows that have gone through the network, counted once per epoch.
    best_epoch : int
        The epoch, counted from 1, with the best monitored value.
    epochs : int
        Epochs that the last call of ``train`` completed.
    converged : bool
        Whether that stopped for lack of progress.
    interrupted : bool
        Whether that was ended by KeyboardInterrupt.
    divergence : Divergence or None
        What ended that, if the loss exploded.
    message : str
        Why that ended, in the words of a solver that is not ours.
    """

    epochs_before: int = 0
    loss_curve: list[float] = field(default_factory=list)
    validation_scores: list[float] = field(default_factory=list)
    validation_losses: list[float] = field(default_factory=list)
    samples_seen: int = 0
    best_epoch: int = 0
    epochs: int = 0
    converged: bool = False
    interrupted: bool = False
    divergence: Divergence | None = None
    message: str = ""

    @property
    def total_epochs(self) -> int:
        """Return the number of the last epoch, counted along the whole loss curve."""
        return self.epochs_before + len(self.loss_curve)

    def add_epoch(
        self, loss: float, n_rows: int, validated: tuple[float, float] | None
    ) -> None:
        """Take note of an epoch: its loss and rows, and validation score and loss."""
        if validated:
            self.validation_scores.append(validated[0])
            self.validation_losses.append(validated[1])
        self.loss_curve.append(loss)
        self.samples_seen += n_rows
        self.epochs += 1


# What can decide when to stop, as a number that should fall.
MONITORS: dict[str, Callable[[History], float]] = {
    "loss": lambda history: history.loss_curve[-1],
    "validation_loss": lambda history: history.validation_losses[-1],
    "validation_score": lambda history: -history.validation_scores[-1],
}


@dataclass
class Patience:
    """Counts the epochs in a row that did not improve on the best by ``tol``.

    As in scikit-learn, training stops once *more* than ``n_iter_no_change`` epochs in a
    row failed.

    Attributes
    ----------
    tol : float
        The least decrease that counts as an improvement.
    n_iter_no_change : float
        How many epochs without one are allowed.
    begins_below : float
        Epochs with a training loss above this, and a validation score that is not above
        0, do not count as failures: a network that has not begun to learn has no progress
        to show yet.
    best : float
        The smallest value so far.
    failures : int
        Epochs without an improvement since the last one.
    """

    tol: float
    n_iter_no_change: float
    begins_below: float = math.inf
    best: float = math.inf
    failures: int = 0

    def update(self, value: float) -> bool:
        """Take note of an epoch's value; return whether it is the best so far."""
        # Put so that a value that is not a number counts as a failure.
        self.failures = 0 if value <= self.best - self.tol else self.failures + 1
        is_best = value < self.best
        if is_best:
            self.best = value
        return is_best

    @property
    def exhausted(self) -> bool:
        """Whether too many epochs have failed in a row."""
        return self.failures > self.n_iter_no_change


def train(
    network: Network,
    batches: Batches,
    optimizer: Optimizer,
    schedule: Schedule,
    patience: Patience,
    history: History,
    *,
    max_epochs: int,
    alpha: float = 0.0,
    monitor: str = "loss",
    validate: Callable[[], tuple[float, float]] | None = None,
    guard: "DivergenceGuard | None" = None,
    after_epoch: Callable[[History], None] | None = None,
    clip_norm: float | None = None,
    max_norm: float | None = None,
    average: WeightAverage | None = None,
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
    optimizer : Optimizer
        Makes the steps.
    schedule : Schedule
        Gives the learning rate, and has the last word when there is no progress.
    patience : Patience
        Decides when there is no progress.
    history : History
        Is added to.
    max_epochs : int
        The most epochs to run.
    alpha : float, default=0.0
        Strength of the penalty on the weight matrices.
    monitor : {'loss', 'validation_loss', 'validation_score'}, default='loss'
        What patience watches. If it is not the training loss, the parameters of its
        best epoch are restored at the end.
    validate : callable, default=None
        Returns score, larger is better, and loss on validation rows.
    guard : DivergenceGuard, default=None
        Notices divergence; None means one that looks for what is not finite only.
    after_epoch : callable, default=None
        Called with the history after every epoch.
    clip_norm : float, default=None
        The largest norm of a gradient; longer ones are scaled.
    max_norm : float, default=None
        The largest norm of a unit's incoming weights; longer ones are scaled.
    average : WeightAverage, default=None
        Takes the place of the parameters wherever they are validated or kept, and at
        the end; its ``vector`` is then the parameters from which training can go on.
    """
    parameters = network.parameters.vector
    with shown(average, parameters):
        snapshots = Snapshots(parameters, history.best_epoch)
    guard = guard or DivergenceGuard()
    history.epochs = 0
    try:
        for _ in range(max_epochs):
            guard.epoch = history.total_epochs + 1
            loss = train_epoch(
                network,
                batches,
                optimizer,
                schedule,
                alpha,
                guard,
                clip_norm=clip_norm,
                max_norm=max_norm,
                average=average,
            )
            with shown(average, parameters):
                # First validated, then noted: an interrupt must not come in between.
                history.add_epoch(loss, batches.n_rows, validate and validate())
                if patience.update(MONITORS[monitor](history)):
                    history.best_epoch = history.total_epochs
                    snapshots.keep(parameters, history.best_epoch)
                if (
                    loss > patience.begins_below
                    and not history.validation_scores[-1] > 0
                ):
                    patience.failures = 0
                guard.end_epoch(loss)
            schedule.end_epoch(history.samples_seen)
            if after_epoch:
                after_epoch(history)
            if patience.exhausted:
                history.converged = schedule.plateau()
                if history.converged:
                    break
                patience.failures = 0
        guard.end_training()
    except KeyboardInterrupt:
        history.interrupted = True
    except Divergence as divergence:
        history.divergence, history.converged = divergence, False
    if average:
        average.put_in_place(parameters)
    if monitor != "loss":
        snapshots.restore(parameters)
    elif history.divergence:
        history.best_epoch = snapshots.restore_sound(network, batches, alpha)


def shown(
    average: WeightAverage | None, parameters: Array
) -> AbstractContextManager[None]:
    """Have the average of the weights, if any, in the place of the parameters."""
    # Without an average, 0.6 us an epoch less than a generator that does nothing.
    return average.shown_in(parameters) if average else nullcontext()


class Snapshots:
    """The parameters of the best epoch so far, and those of the best before it."""

    def __init__(self, parameters: Array, epoch: int) -> None:
        self.kept = [(epoch, parameters.copy()), (epoch, parameters.copy())]

    def keep(self, parameters: Array, epoch: int) -> None:
        """Take a copy of the parameters of the best epoch."""
        _, buffer = self.kept.pop()
        buffer[...] = parameters
        self.kept.insert(0, (epoch, buffer))

    def restore(self, parameters: Array) -> None:
        """Put the best parameters back."""
        _, parameters[...] = self.kept[0]

    def restore_sound(self, network: Network, batches: Batches, alpha: float) -> int:
        """Put the best sound parameters back; return of which epoch they are.

        The loss of an epoch is that of its steps' beginnings. If its last step made the
        explosion, it looks like the best epoch, and the one before has to do.
        """
        objectives = []
        for _, kept in self.kept:
            network.parameters.vector[...] = kept
            some = islice(batches, COMPARED_BATCHES)
            with np.errstate(over="ignore", invalid="ignore"):
                objectives.append(
                    sum(network.loss_and_gradient(*b, alpha=alpha)[0] for b in some)
                )
        # Put so that a best one that is not a number is not sound.
        if not objectives[0] <= 2 * objectives[1]:
            self.kept.reverse()
        self.restore(network.parameters.vector)
        return self.kept[0][0]


class DivergenceGuard:
    """Raises :class:`Divergence` when training has gone astray.

    A value that is not finite ends training at its batch. An explosion is a matter of
    whole epochs: the objective of every batch is a thousand times that of the best
    constant prediction, and larger than it was at first, and the network is no use.
    Ten such epochs in a row end training. At its end one is enough, unless there were too
    few epochs to tell.

    Parameters
    ----------
    constant_loss : float, default=inf
        The loss of the best constant prediction on the training rows. If it is infinite,
        nothing counts as an explosion.
    useful : callable, default=None
        Returns whether the network, as it is, does better than a constant prediction.
        Asked only when the objectives look like an explosion.
    patience : float, default=EXPLODED_EPOCHS
        How many exploded epochs in a row end training.
    """

    def __init__(
        self,
        constant_loss: float = math.inf,
        useful: Callable[[], bool] | None = None,
        patience: float = EXPLODED_EPOCHS,
    ) -> None:
        self.constant_loss, self.useful, self.patience = constant_loss, useful, patience
        self.limit: float | None = None  # known from the first objective on
        self.smallest = math.inf  # of the objectives of this epoch
        self.epoch, self.n_epochs, self.exploded_epochs = 1, 0, 0
        self.loss = math.nan

    def check(self, objective: float) -> None:
        """Raise an error if the objective of a batch is not finite."""
        if not math.isfinite(objective):
            raise Divergence(objective, self.epoch)
        if self.limit is None:
            self.limit = max(objective, EXPLOSION * self.constant_loss)
        self.smallest = min(self.smallest, objective)

    def end_epoch(self, loss: float) -> None:
        """Raise an error if enough epochs in a row have exploded.

        Parameters
        ----------
        loss : float
            The mean objective of the epoch.
        """
        exploded = self.limit is not None and self.smallest > self.limit
        if exploded and self.useful:
            exploded = not self.useful()
        self.exploded_epochs = self.exploded_epochs + 1 if exploded else 0
        self.smallest, self.loss = math.inf, loss
        self.n_epochs += 1
        if self.exploded_epochs >= self.patience:
            raise Divergence(loss, self.epoch)

    def end_training(self) -> None:
        """Raise an error if the last epoch has exploded."""
        if self.exploded_epochs and self.n_epochs >= FEWEST_EPOCHS:
            raise Divergence(self.loss, self.epoch)


def train_epoch(
    network: Network,
    batches: Batches,
    optimizer: Optimizer,
    schedule: Schedule,
    alpha: float = 0.0,
    guard: DivergenceGuard | None = None,
    *,
    clip_norm: float | None = None,
    max_norm: float | None = None,
    average: WeightAverage | None = None,
) -> float:
    """Take one step per batch; return the mean of the batches' objectives.

    Each objective is the value before the step, and counts by its number of rows. The
    parameters are those of :func:`train`.

    Raises
    ------
    Divergence
        If the loss is no longer finite, or a parameter so large that its square is not:
        predictions multiply the parameters of two layers or more.
    """
    guard = guard or DivergenceGuard()
    parameters = network.parameters.vector
    total = 0.0
    with np.errstate(over="ignore", invalid="ignore"):
        for batch in batches:
            objective, gradient = network.loss_and_gradient(*batch, alpha=alpha)
            guard.check(objective)
            if clip_norm is not None:
                clip_gradient(gradient, clip_norm)
            optimizer.step(parameters, gradient, schedule.learning_rate)
            schedule.end_step()
            if max_norm is not None:
                limit_norms(network.parameters.W, max_norm)
            if average:
                average.update(parameters)
            total += objective * len(batch.targets)
        # The objective is taken before the step: the last step has not shown in it yet.
        # Looking for the largest is 0.5 us quicker than asking np.isfinite for all.
        largest = parameters.item(np.abs(parameters).argmax())
        if not abs(largest) < math.sqrt(np.finfo(parameters.dtype).max):
            raise Divergence(math.nan, guard.epoch)
    return total / batches.n_rows
