"""From an estimator's parameters to the parts of the engine, and a run of its solver.

``est`` is the estimator throughout; it is read, never changed.
"""

import copy
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from skmlp_scratch._data import Rows
from skmlp_scratch._threads import threads_for
from skmlp_scratch.exceptions import warn
from skmlp_scratch.nn.batches import Batches
from skmlp_scratch.nn.initializers import initialize
from skmlp_scratch.nn.lbfgs import minimize_lbfgs
from skmlp_scratch.nn.network import Network, predict_logits
from skmlp_scratch.nn.optimizers import SGD, Adam, Optimizer
from skmlp_scratch.nn.schedules import Adaptive, Constant, InverseScaling
from skmlp_scratch.nn.training import DivergenceGuard, History, Patience, train
from skmlp_scratch.nn.typing import Array

LOSS_OF_OUTPUT = {
    "softmax": "softmax_cross_entropy",
    "logistic": "sigmoid_cross_entropy",
    "identity": "squared_error",
    "exp": "poisson",
}
# L-BFGS sees all rows at once; this many go through the network at a time.
LBFGS_BLOCK_ROWS = 2000


def layer_sizes(est: Any) -> tuple[int, ...]:
    """Return the widths of the hidden layers."""
    return tuple(np.atleast_1d(np.asarray(est.hidden_layer_sizes, dtype=int)).tolist())


def make_network(
    est: Any, n_features: int, n_outputs: int, dtype: np.dtype[Any]
) -> Network:
    """Return a network whose weights are all zero."""
    return Network(
        [n_features, *layer_sizes(est), n_outputs],
        est.activation,
        LOSS_OF_OUTPUT[est.out_activation_],
        dtype,
    )


def set_initial_weights(
    est: Any, network: Network, rng: np.random.RandomState, resume: bool
) -> None:
    """Draw the weights or, if training goes on, take those of the last fit.

    Raises
    ------
    ValueError
        If training goes on and the architecture is another one.
    """
    if not resume:
        initialize(network.parameters, est.weight_init, rng, est.activation)
        return
    for name, old, new in [
        (
            "hidden_layer_sizes",
            tuple(len(b) for b in est.intercepts_[:-1]),
            layer_sizes(est),
        ),
        ("activation", est._activation, est.activation),
    ]:
        if old != new:
            raise ValueError(
                f"{name} changed from {old!r} to {new!r}: training cannot go on from "
                f"the weights of the last fit. Set {name} back, or call fit with "
                "warm_start=False."
            )
    network.parameters.load(est.coefs_, est.intercepts_)


def random_numbers(est: Any, continued: bool) -> np.random.RandomState:
    """Return the source of randomness: that of the last call, if training goes on.

    A RandomState of the caller's goes on by itself; for a seed, it is kept.
    """
    kept = getattr(est, "_training_state", {}).get("random_state")
    if continued and kept is not None:
        return copy.deepcopy(kept)
    return check_random_state(est.random_state)


def run_solver(
    est: Any,
    network: Network,
    training: Rows,
    held_out: Rows | None,
    rng: np.random.RandomState,
    *,
    constant_loss: float,
    resume: bool,
    incremental: bool,
) -> tuple[History, dict[str, Any]]:
    """Train the network; return what happened, and what it takes to go on later.

    The latter is a plain dict of numbers, arrays and a RandomState.
    """
    rows = batch_rows(est, len(training))
    with threads_for(network.layer_units, rows):
        batches = Batches(
            training.X,
            training.targets,
            rows,
            network.parameters.vector.dtype,
            rng if est.shuffle and est.solver != "lbfgs" else None,
            training.rows,
            training.weights,
        )
        history = past_history(est) if resume else History()
        common: dict[str, Any] = {
            "alpha": est.alpha,
            "validate": held_out and validator(est, network, held_out),
            "after_epoch": print_epoch if est.verbose else None,
        }
        if est.solver == "lbfgs":
            run_lbfgs(est, network, batches, history, **common)
            return history, {}
        before = getattr(est, "_training_state", {}) if resume else {}
        state = run_epochs(
            est, network, batches, history, before, constant_loss, incremental, **common
        )
    seeded = not (
        est.random_state is None or isinstance(est.random_state, np.random.RandomState)
    )
    return history, {**state, "random_state": rng if seeded else None}


def run_lbfgs(
    est: Any, network: Network, batches: Batches, history: History, **common: Any
) -> None:
    """Train by L-BFGS."""
    minimize_lbfgs(
        network,
        batches,
        history,
        max_iter=est.max_iter,
        max_fun=est.max_fun,
        tol=est.tol,
        **common,
    )


def run_epochs(
    est: Any,
    network: Network,
    batches: Batches,
    history: History,
    before: dict[str, Any],
    constant_loss: float,
    incremental: bool,
    **common: Any,
) -> dict[str, Any]:
    """Train by SGD or Adam, from the state before; return the state after."""
    optimizer, schedule = make_optimizer(est, network), make_schedule(est)
    if incremental and before.get("solver") == est.solver:
        optimizer.state = copy.deepcopy(before["optimizer"])
        schedule.learning_rate = before["learning_rate"]
    monitor = f"validation_{est.monitor}" if est.early_stopping else "loss"
    patience = Patience(est.tol, est.n_iter_no_change)
    if before.get("monitor") == monitor:
        patience.best, patience.failures = before["best"], before["failures"]
    guard = DivergenceGuard(
        constant_loss, before.get("limit", math.inf) if incremental else math.inf
    )
    train(
        network,
        batches,
        optimizer,
        schedule,
        patience,
        history,
        max_epochs=1 if incremental else est.max_iter,
        monitor=monitor,
        guard=guard,
        **common,
    )
    if history.divergence:
        # What the diverged steps left there would throw the next steps off as well.
        optimizer = make_optimizer(est, network)
    return {
        "solver": est.solver,
        "optimizer": optimizer.state,
        "learning_rate": schedule.learning_rate,
        "monitor": monitor,
        "best": patience.best,
        "failures": patience.failures,
        "limit": guard.limit,
    }


def past_history(est: Any) -> History:
    """Return the history of the fits so far, to be added to."""

    def aligned(values: list[float] | None) -> list[float]:
        values = list(values or [])
        return values + [math.nan] * (len(est.loss_curve_) - len(values))

    return History(
        loss_curve=list(est.loss_curve_),
        validation_scores=aligned(est.validation_scores_),
        validation_losses=aligned(est.validation_loss_curve_),
        samples_seen=est.t_,
        best_epoch=est.best_iter_,
    )


def batch_rows(est: Any, n_rows: int) -> int:
    """Return how many rows a batch has; warn if there are fewer than asked for."""
    if est.solver == "lbfgs":
        return LBFGS_BLOCK_ROWS
    if isinstance(est.batch_size, str):
        return min(200, n_rows)
    if est.batch_size > n_rows:
        warn(
            f"batch_size={est.batch_size} is larger than the {n_rows} training rows "
            f"and is clipped to {n_rows}.",
            UserWarning,
        )
    return int(min(est.batch_size, n_rows))


def make_optimizer(est: Any, network: Network) -> Optimizer:
    """Return an optimizer that has not made a step yet."""
    parameters = network.parameters.vector
    if est.solver == "sgd":
        return SGD(parameters, est.momentum, est.nesterovs_momentum)
    return Adam(parameters, est.beta_1, est.beta_2, est.epsilon)


def make_schedule(est: Any) -> Constant:
    """Return the schedule of the learning rate; only SGD has a choice."""
    if est.solver == "sgd" and est.learning_rate == "invscaling":
        return InverseScaling(est.learning_rate_init, est.power_t)
    if est.solver == "sgd" and est.learning_rate == "adaptive":
        return Adaptive(est.learning_rate_init)
    return Constant(est.learning_rate_init)


def validator(
    est: Any, network: Network, held_out: Rows
) -> Callable[[], tuple[float, float]]:
    """Return a function that scores the network, as it is, on the rows held out."""
    targets, weights = held_out.taken()
    normalizer = None if weights is None else weights.sum()

    def validate() -> tuple[float, float]:
        W, b = network.parameters.W, network.parameters.b
        logits = predict_logits(held_out.X, W, b, network.activation, held_out.rows)
        score = est._score_logits(logits, targets, weights)
        loss, _ = network.loss.loss_and_gradient(logits, targets, weights, normalizer)
        return score, loss

    return validate


def print_epoch(history: History) -> None:
    """Print a line for the epoch that has just ended."""
    line = f"Iteration {history.epochs}, loss = {history.loss_curve[-1]:.8f}"
    if history.validation_scores:
        line += f"\nValidation score: {history.validation_scores[-1]:.6f}"
    print(line, flush=True)


def predict(est: Any, X: Array) -> Array:
    """Return the logits of a fitted estimator, in bounded memory."""
    return predict_logits(X, est.coefs_, est.intercepts_, est._activation)
