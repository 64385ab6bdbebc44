"""The solvers: one record for each, with all properties that differ.

To add an optimizer, write its class in ``nn/optimizers.py`` and give it a row in
``SOLVERS``.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from skmlp_scratch._estimator.settings import Settings
from skmlp_scratch.nn import optimizers
from skmlp_scratch.nn.parameters import Parameters
from skmlp_scratch.nn.schedules import BUDGETED, SCHEDULES, Constant


@dataclass(frozen=True)
class Solver:
    """The properties of a solver.

    Attributes
    ----------
    optimizer : callable or None
        The class of the optimizer. None means that SciPy computes the steps, from all
        rows.
    reads : tuple of str
        Parameters of the estimator that only some solvers read, this one among them.
        The optimizer has parameters with the same names.
    decays_weights : bool
        Whether ``alpha`` is the strength of a weight decay, not of a penalty. The
        optimizer then has the parameters ``n_matrix_entries`` and ``decay``, too.
    adapts_rates : bool
        Whether each parameter has its own learning rate: only constant and budgeted
        schedules suit it.
    """

    optimizer: Callable[..., optimizers.Optimizer] | None
    reads: tuple[str, ...]
    decays_weights: bool = False
    adapts_rates: bool = False

    @property
    def stochastic(self) -> bool:
        """Whether it trains on mini-batches, and allows ``partial_fit``."""
        return self.optimizer is not None


MOMENTS = ("beta_1", "beta_2", "epsilon")
SOLVERS: dict[str, Solver] = {
    "adam": Solver(optimizers.Adam, MOMENTS, adapts_rates=True),
    "adamw": Solver(optimizers.AdamW, MOMENTS, adapts_rates=True, decays_weights=True),
    "sgd": Solver(optimizers.SGD, ("momentum", "nesterovs_momentum")),
    "lbfgs": Solver(None, ("max_fun",)),
}
STOCHASTIC = tuple(name for name, solver in SOLVERS.items() if solver.stochastic)
# The solvers that read each of the parameters that only some solvers read.
READERS = {
    parameter: tuple(name for name, s in SOLVERS.items() if parameter in s.reads)
    for solver in SOLVERS.values()
    for parameter in solver.reads
}


def is_stochastic(name: Any) -> bool:
    """Return whether a solver uses mini-batches; True for unknown solvers."""
    return name not in SOLVERS or SOLVERS[name].stochastic


def is_budgeted(solver: Any, learning_rate: Any) -> bool:
    """Return whether the learning rate follows a plan for all of ``max_iter``."""
    known = isinstance(learning_rate, str) and learning_rate in BUDGETED
    return known and is_stochastic(solver)


def follows(solver: str, learning_rate: str) -> bool:
    """Return whether a solver follows a schedule; otherwise its rate is constant."""
    if not is_stochastic(solver):
        return False
    return SCHEDULES[learning_rate].for_adaptive or not SOLVERS[solver].adapts_rates


def obstacle_to_partial_fit(
    solver: Any, learning_rate: Any, early_stopping: Any
) -> str | None:
    """Return why there can be no ``partial_fit``, if there cannot."""
    if not is_stochastic(solver):
        return (
            f"partial_fit is only available for solver={either(STOCHASTIC, 'and')}, "
            f"got solver={solver!r}"
        )
    if is_budgeted(solver, learning_rate):
        return (
            f"partial_fit does not support learning_rate={learning_rate!r}, which "
            "plans for max_iter epochs in one fit. Use learning_rate='constant', or "
            "fit."
        )
    if early_stopping:
        return "partial_fit does not support early_stopping=True"
    return None


def make_optimizer(settings: Settings, parameters: Parameters) -> optimizers.Optimizer:
    """Return a new optimizer."""
    solver = SOLVERS[settings.solver]
    if solver.optimizer is None:
        raise ValueError(f"solver={settings.solver!r} has no optimizer of its own")
    options = {name: getattr(settings, name) for name in solver.reads}
    if solver.decays_weights:
        options |= {
            "n_matrix_entries": len(parameters.matrices),
            "decay": settings.alpha,
        }
    return solver.optimizer(parameters.vector, **options)


def make_schedule(settings: Settings, n_steps: int) -> Constant:
    """Return the schedule of the learning rate."""
    name = settings.learning_rate
    schedule = SCHEDULES[name] if follows(settings.solver, name) else Constant
    return schedule(settings.learning_rate_init, n_steps, settings.power_t)


def either(names: Iterable[str], conjunction: str = "or") -> str:
    """Return names as they stand in a sentence: ``'adam', 'adamw' or 'sgd'``."""
    *first, last = map(repr, names)
    return f"{', '.join(first)} {conjunction} {last}" if first else last
