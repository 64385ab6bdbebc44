"""A fit in progress, between two epochs: what it would return, how it would go on."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from skmlp_scratch._estimator.continuation import (
    AverageState,
    NormState,
    TrainingState,
    is_callers,
)
from skmlp_scratch._estimator.problem import Problem
from skmlp_scratch._estimator.results import fitted_attributes
from skmlp_scratch._estimator.settings import Settings
from skmlp_scratch._estimator.solvers import SOLVERS, is_budgeted, make_optimizer
from skmlp_scratch.nn.batches import Batches
from skmlp_scratch.nn.history import History
from skmlp_scratch.nn.network import Network
from skmlp_scratch.nn.optimizers import Optimizer
from skmlp_scratch.nn.state import state_of_training
from skmlp_scratch.nn.stopping import Watch
from skmlp_scratch.nn.training import Step, as_if_ended


class Parts(NamedTuple):
    """The parts of training by mini-batches."""

    step: Step
    watch: Watch
    optimizer: Optimizer


@dataclass
class Run:
    """A fit in progress.

    Attributes
    ----------
    problem : Problem
    network : Network
    batches : Batches
    history : History
    rng : RandomState
        The source of random numbers.
    weighed : tuple of float and int
        The sum of the weights of the rows trained on so far, and their number.
    parts : Parts or None
        None for L-BFGS.
    last_state : dict or None
        The state of training after the last epoch, once there has been one and somebody
        observes the fit.
    """

    problem: Problem
    network: Network
    batches: Batches
    history: History
    rng: np.random.RandomState
    weighed: tuple[float, int]
    parts: Parts | None = None
    last_state: dict[str, Any] | None = None

    def state_of_training(self) -> dict[str, Any] | None:
        """Return the state from which the next epoch begins; None for L-BFGS."""
        if self.parts is None or self.last_state:
            return self.last_state
        step, watch, _ = self.parts
        return state_of_training(self.network, self.batches, step, watch, self.history)

    def fitted_attributes(self) -> dict[str, Any]:
        """Return the attributes that the fit would leave if it ended now, as copies."""
        if self.parts is None:
            return self._attributes()
        step, watch, _ = self.parts
        with as_if_ended(self.network, self.batches, step, watch):
            return self._attributes()

    def _attributes(self) -> dict[str, Any]:
        state = copy.deepcopy(self.training_state())
        found = fitted_attributes(self.problem, self.network, self.history, state)
        copies = {
            name: list(value) if isinstance(value, list) else value
            for name, value in found.items()
        }
        return copies | {"_summary": None}  # what the twin may have is of another fit

    def training_state(self) -> TrainingState:
        """Return the state for a later fit, after the end of training."""
        if self.parts is None:
            return TrainingState()
        problem, settings = self.problem, self.problem.settings
        (step, watch, optimizer), average = self.parts, self.parts.step.average
        if self.history.divergence:
            # After divergence, their state would make the next steps diverge, too.
            optimizer = make_optimizer(settings, self.network.parameters)
            average = None
        budgeted = is_budgeted(settings.solver, settings.learning_rate)
        state = TrainingState(
            solver=settings.solver,
            optimizer=optimizer.state,
            learning_rate=step.schedule.learning_rate,
            rate=origin_of_rate(settings),
            monitored=monitored_quantity(problem),
            best=watch.patience.best,
            failures=0 if budgeted else watch.patience.failures,
            average=AverageState(average.t, average.vector) if average else None,
            norm=norm_state(self.network),
        )
        state.weight_total, state.rows_weighed = self.weighed
        if not is_callers(settings.random_state):
            state.random_state, state.seed = self.rng, settings.random_state
        return state


# Told after every epoch; returns whether to end training.
Observe = Callable[[Run], bool]


def origin_of_rate(settings: Settings) -> tuple[str, str, float, float]:
    """Return the parameters that determine the learning rate."""
    return (
        settings.solver,
        settings.learning_rate,
        settings.learning_rate_init,
        settings.power_t,
    )


def monitored_quantity(problem: Problem) -> tuple[object, ...]:
    """Identify the monitored quantity: values of different ones cannot be compared."""
    settings = problem.settings
    if problem.monitor != "loss":
        return (problem.monitor, settings.loss, settings.quantile)
    return (
        problem.monitor,
        SOLVERS[settings.solver].decays_weights,
        settings.loss,
        settings.quantile,
        settings.batch_norm,
        settings.dropout,
        settings.noise,
        settings.label_smoothing,
    )


def norm_state(network: Network) -> NormState | None:
    """Return the state of batch normalisation, if any, for further training."""
    if not network.norms:
        return None
    return NormState(network.norms[0].n_seen, network.parameters.vector.copy())
