"""Training with L-BFGS: all rows in every step, the step left to SciPy."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.optimize import OptimizeResult, minimize

from skmlp_scratch.nn.batches import Batches
from skmlp_scratch.nn.history import Divergence, History
from skmlp_scratch.nn.network import Network
from skmlp_scratch.nn.typing import Array
from skmlp_scratch.nn.validation import Validation


class Limits(NamedTuple):
    """When L-BFGS stops.

    Attributes
    ----------
    max_iter, max_fun : int
        The most iterations, and evaluations of the objective.
    tol : float
        Stop when no entry of the gradient is larger.
    """

    max_iter: int
    max_fun: int
    tol: float


def minimize_lbfgs(
    network: Network,
    batches: Batches,
    history: History,
    limits: Limits,
    alpha: float = 0.0,
    validation: Validation | None = None,
    after_epoch: Callable[[History], bool | None] | None = None,
) -> None:
    """Train a network in place by L-BFGS (Byrd, Lu, Nocedal and Zhu 1995).

    Parameters
    ----------
    network : Network
        Its parameters are moved.
    batches : Batches
        The training rows. The objective is a sum over the batches, so that memory does
        not grow with the number of rows.
    history : History
        Is added to: one entry of ``loss_curve`` per iteration, and SciPy's message.
    limits : Limits
        When to stop.
    alpha : float, default=0.0
        Strength of the penalty on the weight matrices.
    validation : Validation, default=None
        Rows to validate on after every iteration.
    after_epoch : callable, default=None
        Called with the history after every iteration; may return True to end training.
    """
    parameters = network.parameters.vector
    best = parameters.copy()
    history.begin()

    def after_iteration(intermediate_result: OptimizeResult) -> None:
        parameters[...] = intermediate_result.x
        loss = float(intermediate_result.fun)
        validated = validation.measure(network) if validation else None
        history.add_epoch(loss, 0, validated)
        history.best_epoch = history.total_epochs
        best[...] = parameters
        history.stopped = after_epoch is not None and bool(after_epoch(history))
        if history.stopped:
            raise StopIteration

    try:
        with np.errstate(over="ignore", invalid="ignore"):
            result = minimize(
                lambda vector: full_objective(network, batches, alpha, vector),
                parameters.astype(np.float64),
                method="L-BFGS-B",
                jac=True,
                callback=after_iteration,
                options={
                    "maxiter": limits.max_iter,
                    "maxfun": limits.max_fun,
                    "gtol": limits.tol,
                },
            )
    except KeyboardInterrupt:
        history.interrupted = True
    else:
        history.message, history.converged = result.message, bool(result.success)
        if not (np.isfinite(result.fun) and np.isfinite(result.x).all()):
            epoch = history.total_epochs + 1
            history.divergence = Divergence(float(result.fun), epoch)
        elif history.epochs == 0:
            # It was at a minimum already, or found no step to take.
            history.loss_curve.append(float(result.fun))
    parameters[...] = best


def full_objective(
    network: Network, batches: Batches, alpha: float, vector: Array
) -> tuple[float, Array]:
    """Return the objective over all rows, and its gradient, at the given parameters."""
    network.parameters.vector[...] = vector
    normalizer = batches.n_rows * batches.mean_weight
    objective, gradient = 0.0, np.zeros(vector.shape)
    for number, batch in enumerate(batches):
        # The penalty is there once, not once per batch.
        part, gradient_of_part = network.loss_and_gradient(
            batch.X,
            batch.targets,
            batch.weights,
            normalizer,
            alpha=0 if number else alpha,
        )
        objective += part
        gradient += gradient_of_part
    return objective, gradient
