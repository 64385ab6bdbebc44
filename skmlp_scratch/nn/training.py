"""The training loop: epochs, stopping, best weights, history."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from skmlp_scratch.nn.batches import Batches
from skmlp_scratch.nn.network import Network
from skmlp_scratch.nn.optimizers import Optimizer
from skmlp_scratch.nn.typing import Array


class DivergenceError(ArithmeticError):
    """The loss, or a parameter, is no longer a finite number."""

    def __init__(self, epoch: int, batch: int) -> None:
        super().__init__(f"the loss is not finite at epoch {epoch}, batch {batch}")
        self.epoch, self.batch = epoch, batch


@dataclass
class History:
    """What happened, epoch by epoch.

    Attributes
    ----------
    loss_curve : list of float
        Mean objective over the batches of each epoch.
    validation_scores : list of float
        Score on the validation rows after each epoch; empty without them.
    samples_seen : int
        Rows that have gone through the network, counted once per epoch.
    converged : bool
        Whether training stopped for lack of progress.
    """

    loss_curve: list[float] = field(default_factory=list)
    validation_scores: list[float] = field(default_factory=list)
    samples_seen: int = 0
    converged: bool = False


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
        self.failures = self.failures + 1 if value > self.best - self.tol else 0
        is_best = value < self.best
        self.best = min(value, self.best)
        return is_best

    @property
    def exhausted(self) -> bool:
        """Whether too many epochs have failed in a row."""
        return self.failures > self.n_iter_no_change


def train(
    network: Network,
    batches: Batches,
    optimizer: Optimizer,
    patience: Patience,
    *,
    learning_rate: float,
    max_epochs: int,
    alpha: float = 0.0,
    validation_score: Callable[[], float] | None = None,
    after_epoch: Callable[[History], None] | None = None,
) -> History:
    """Train a network in place, until it makes no more progress.

    Parameters
    ----------
    network : Network
        Its parameters are moved.
    batches : Batches
        The training rows; each iteration over it is an epoch.
    optimizer : Optimizer
        Makes the steps.
    patience : Patience
        Decides when to stop. It watches the loss or, with a validation score, the
        negative of that.
    learning_rate : float
        The step size.
    max_epochs : int
        The most epochs to run.
    alpha : float, default=0.0
        Strength of the penalty on the weight matrices.
    validation_score : callable, default=None
        Scores the network as it is, larger is better. If given, the parameters of the
        best epoch are restored at the end.
    after_epoch : callable, default=None
        Called with the history after every epoch.

    Returns
    -------
    history : History

    Raises
    ------
    DivergenceError
        If the loss of a batch, or a parameter after an epoch, is not finite.
    """
    history = History()
    parameters = network.parameters.vector
    best_parameters = parameters.copy() if validation_score else None
    for epoch in range(1, max_epochs + 1):
        loss = train_epoch(network, batches, optimizer, learning_rate, alpha, epoch)
        history.loss_curve.append(loss)
        history.samples_seen += batches.n_rows
        if validation_score:
            with np.errstate(over="ignore", invalid="ignore"):
                history.validation_scores.append(validation_score())
            loss = -history.validation_scores[-1]
        if patience.update(loss) and best_parameters is not None:
            best_parameters[...] = parameters
        if after_epoch:
            after_epoch(history)
        if patience.exhausted:
            history.converged = True
            break
    if best_parameters is not None:
        parameters[...] = best_parameters
    return history


def train_epoch(
    network: Network,
    batches: Batches,
    optimizer: Optimizer,
    learning_rate: float,
    alpha: float,
    epoch: int = 1,
) -> float:
    """Take one step per batch; return the mean of the batches' objectives.

    Each objective is the value before the step, and counts by its number of rows.
    """
    parameters: Array = network.parameters.vector
    total = 0.0
    with np.errstate(over="ignore", invalid="ignore"):
        for number, batch in enumerate(batches, start=1):
            objective, gradient = network.loss_and_gradient(
                batch.X, batch.targets, batch.weights, alpha=alpha
            )
            if not math.isfinite(objective):
                raise DivergenceError(epoch, number)
            optimizer.step(parameters, gradient, learning_rate)
            total += objective * len(batch.X)
        # The objective is taken before the step: the last step has not shown in it yet.
        if not np.isfinite(parameters).all():
            raise DivergenceError(epoch, number)
    return total / batches.n_rows
