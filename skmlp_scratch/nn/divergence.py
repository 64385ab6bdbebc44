"""Divergence: how it is noticed, and which parameters are sound afterwards."""

import math
from collections.abc import Callable
from itertools import islice

import numpy as np

from skmlp_scratch.nn.batches import Batches
from skmlp_scratch.nn.history import Divergence
from skmlp_scratch.nn.network import Network
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


class BestTwo:
    """The parameters of the best epoch so far, and those of the best before it.

    Two, by the rule of the last step: the loss of an epoch is measured before each of
    its steps, so that the last one has not shown in it. If that step made the explosion,
    the epoch looks like the best, and the one before has to do.

    Parameters
    ----------
    parameters : ndarray of shape (n_parameters,)
        What there is before training.
    epoch : int
        The number of the epoch that they are of.
    """

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
        """Put the best parameters back that the last step did not spoil.

        Returns
        -------
        epoch : int
            The epoch that they are of.
        """
        objectives = []
        for _, kept in self.kept:
            network.parameters.vector[...] = kept
            compared = islice(batches, COMPARED_BATCHES)
            with np.errstate(over="ignore", invalid="ignore"):
                objectives.append(
                    sum(network.loss_and_gradient(*b, alpha=alpha)[0] for b in compared)
                )
        # Put so that a best one that is not a number is not sound.
        if not objectives[0] <= 2 * objectives[1]:
            self.kept.reverse()
        self.restore(network.parameters.vector)
        return self.kept[0][0]
