"""The training loop: epochs, stopping, best weights, history."""

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

import numpy as np

from skmlp_scratch.nn.batches import Batches
from skmlp_scratch.nn.network import Network
from skmlp_scratch.nn.optimizers import Optimizer
from skmlp_scratch.nn.regularization import WeightAverage, clip_gradient, limit_norms
from skmlp_scratch.nn.schedules import Schedule
from skmlp_scratch.nn.typing import Array

# A batch's objective this many times larger than it was at first, and than that of a
# constant prediction, will not come back.
EXPLOSION = 1e3


class Divergence(ArithmeticError):
    """The loss exploded, or it or a parameter is no longer a finite number."""

    def __init__(self, objective: float, epoch: int, batch: int) -> None:
        super().__init__(f"the loss became {objective:.3g} at epoch {epoch}")
        self.objective, self.epoch, self.batch = objective, epoch, batch


@dataclass
class History:
    """What happened, epoch by epoch. Training that goes on adds to it.

    Attributes
    ----------
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
    best : float
        The smallest value so far.
    failures : int
        Epochs without an improvement since the last one.
    """

    tol: float
    n_iter_no_change: float
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

    If the loss explodes, the parameters of the best epoch are restored and
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
        Notices divergence; None means one that knows of no constant prediction.
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
    guard = guard or DivergenceGuard(0.0)
    history.epochs = 0
    try:
        for epoch in range(1, max_epochs + 1):
            guard.epoch = len(history.loss_curve) + 1
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
            history.epochs = epoch
            history.loss_curve.append(loss)
            history.samples_seen += batches.n_rows
            with shown(average, parameters):
                if validate:
                    with np.errstate(over="ignore", invalid="ignore"):
                        score, validation_loss = validate()
                    history.validation_scores.append(score)
                    history.validation_losses.append(validation_loss)
                if patience.update(MONITORS[monitor](history)):
                    history.best_epoch = len(history.loss_curve)
                    snapshots.keep(parameters, history.best_epoch)
            schedule.end_epoch(history.samples_seen)
            if after_epoch:
                after_epoch(history)
            if patience.exhausted:
                history.converged = schedule.plateau()
                if history.converged:
                    break
                patience.failures = 0
    except KeyboardInterrupt:
        history.interrupted = True
    except Divergence as divergence:
        history.divergence = divergence
    if average:
        average.put_in_place(parameters)
    if history.divergence and monitor == "loss":
        # The loss of an epoch is that of its steps' beginnings. If the next one starts
        # with an explosion, the parameters at its end were bad already.
        late = history.divergence.batch == 1
        history.best_epoch = snapshots.restore(
            parameters, len(history.loss_curve), late
        )
    elif monitor != "loss":
        snapshots.restore(parameters)


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

    def restore(
        self, parameters: Array, last_epoch: int = 0, not_the_last: bool = False
    ) -> int:
        """Put the best parameters back, or those before if the last must not be it."""
        epoch, best = self.kept[0]
        if not_the_last and epoch == last_epoch:
            epoch, best = self.kept[1]
        parameters[...] = best
        return epoch


class DivergenceGuard:
    """Raises :class:`Divergence` as soon as training has gone astray.

    Parameters
    ----------
    constant_loss : float
        The loss of the best constant prediction. Objectives are compared with this and
        with the first one, whichever is larger.
    limit : float, default=inf
        The largest objective allowed, if training goes on and it is known.
    only_finite : bool, default=False
        Whether to allow objectives of any size.
    """

    def __init__(
        self, constant_loss: float, limit: float = math.inf, only_finite: bool = False
    ) -> None:
        self.constant_loss = constant_loss
        self.limit = math.inf if only_finite else limit
        self.only_finite = only_finite
        self.epoch = 1

    def check(self, objective: float, batch: int) -> None:
        """Raise an error if the objective of a batch is not finite, or exploded."""
        if not (math.isfinite(objective) and objective <= self.limit):
            raise Divergence(objective, self.epoch, batch)
        if self.limit == math.inf and not self.only_finite:
            self.limit = EXPLOSION * max(objective, self.constant_loss)


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
        If the loss explodes, or it or a parameter is no longer finite.
    """
    guard = guard or DivergenceGuard(0.0)
    parameters = network.parameters.vector
    total = 0.0
    with np.errstate(over="ignore", invalid="ignore"):
        for number, batch in enumerate(batches, start=1):
            objective, gradient = network.loss_and_gradient(*batch, alpha=alpha)
            guard.check(objective, number)
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
        if not math.isfinite(largest):
            raise Divergence(math.nan, guard.epoch, number)
    return total / batches.n_rows
