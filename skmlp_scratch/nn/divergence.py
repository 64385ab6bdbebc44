"""Divergence: how it is detected, and which parameters are restored afterwards."""

import math
from collections.abc import Callable
from itertools import islice

import numpy as np

from skmlp_scratch.nn.batches import Batches
from skmlp_scratch.nn.history import Divergence
from skmlp_scratch.nn.network import Network
from skmlp_scratch.nn.typing import Array

# The loss has exploded if *every* batch of an epoch has an objective this many times
# the loss of a constant prediction. An outlier makes only one batch as large, and a
# learning rate too high for the first steps only a few.
EXPLOSION = 1e3
# Adam at too high a learning rate has been seen to recover after five such epochs.
EXPLODED_EPOCHS = 10
# Features far from zero make the loss of the first epochs very large.
FEWEST_EPOCHS = 3
# Enough to tell parameters before an explosion from parameters after it.
COMPARED_BATCHES = 50


class DivergenceGuard:
    """Raises :class:`Divergence` when training diverges.

    An objective that is not finite ends training at its batch. An epoch has exploded if
    the objective of every batch is above a thousand times the loss of the best constant
    prediction, and above the first objective, and the network predicts no better than a
    constant. Ten consecutive exploded epochs end training. An exploded last epoch is
    enough, unless there were too few epochs to tell.

    Parameters
    ----------
    constant_loss : float, default=inf
        The loss of the best constant prediction on the training rows. If it is
        infinite, nothing counts as an explosion.
    useful : callable, default=None
        Returns whether the network now predicts better than a constant. Called only if
        the objectives have exploded.
    patience : float, default=EXPLODED_EPOCHS
        How many consecutive exploded epochs end training.
    """

    def __init__(
        self,
        constant_loss: float = math.inf,
        useful: Callable[[], bool] | None = None,
        patience: float = EXPLODED_EPOCHS,
    ) -> None:
        self.constant_loss, self.useful, self.patience = constant_loss, useful, patience
        self.limit: float | None = None  # set by the first objective
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
        """Raise an error if too many consecutive epochs have exploded.

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


class BestTwo:
    """Copies of the parameters of the best epoch, and of the best epoch before it.

    The loss of an epoch is computed before each of its steps, so that it does not show
    the effect of the last step. If the last step makes the loss explode, its epoch can
    still look like the best. The parameters of the best epoch before are then restored.

    Parameters
    ----------
    parameters : ndarray of shape (n_parameters,)
        The parameters before training.
    epoch : int
        The epoch that they come from.
    """

    def __init__(self, parameters: Array, epoch: int) -> None:
        self.kept = [(epoch, parameters.copy()), (epoch, parameters.copy())]

    def keep(self, parameters: Array, epoch: int) -> None:
        """Store a copy of the parameters of the best epoch."""
        _, buffer = self.kept.pop()
        buffer[...] = parameters
        self.kept.insert(0, (epoch, buffer))

    def restore(self, parameters: Array) -> None:
        """Restore the best parameters."""
        _, parameters[...] = self.kept[0]

    def restore_sound(self, network: Network, batches: Batches, alpha: float) -> int:
        """Restore the best parameters that the last step did not spoil.

        Returns
        -------
        epoch : int
            The epoch of the restored parameters.
        """
        objectives = []
        for _, kept in self.kept:
            network.parameters.vector[...] = kept
            compared = islice(batches, COMPARED_BATCHES)
            with np.errstate(over="ignore", invalid="ignore"):
                objectives.append(
                    sum(network.loss_and_gradient(*b, alpha=alpha)[0] for b in compared)
                )
        # Every comparison with NaN is False: parameters with a NaN are not sound.
        if not objectives[0] <= 2 * objectives[1]:
            self.kept.reverse()
        self.restore(network.parameters.vector)
        return self.kept[0][0]
