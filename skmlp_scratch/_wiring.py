"""From an estimator's parameters to the parts of the engine, and a run of its solver.

``est`` is the estimator throughout; it is read, never changed.
"""

import copy
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from skmlp_scratch._data import Rows
from skmlp_scratch._parameter_checks import is_budgeted
from skmlp_scratch._threads import threads_for
from skmlp_scratch.exceptions import warn
from skmlp_scratch.nn.batches import Batches
from skmlp_scratch.nn.initializers import initialize
from skmlp_scratch.nn.layers import per_layer
from skmlp_scratch.nn.lbfgs import minimize_lbfgs
from skmlp_scratch.nn.losses import LOSSES
from skmlp_scratch.nn.network import Network, predict_logits
from skmlp_scratch.nn.optimizers import SGD, Adam, AdamW, Optimizer
from skmlp_scratch.nn.regularization import WeightAverage
from skmlp_scratch.nn.schedules import BUDGETED, Adaptive, Constant, InverseScaling
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
        label_smoothing=getattr(est, "label_smoothing", 0.0),
    )


def disturb(est: Any, network: Network, rng: np.random.RandomState) -> None:
    """Give a network the noise and dropout that it is to be trained with, if any."""
    dropout = est.dropout
    if not isinstance(dropout, Sequence):
        dropout = (0.0, *[dropout] * len(network.activations))
    if est.noise or any(dropout):
        # One that draws float32 numbers and integers quickly, unlike the legacy one.
        generator = np.random.Generator(np.random.SFC64(rng.randint(2**31 - 1)))
        network.disturb(est.noise, dropout, generator)


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
    sizes = tuple(len(b) for b in est.intercepts_[:-1])
    before, now = (per_layer(a, len(sizes)) for a in (est._activation, est.activation))
    if sizes != layer_sizes(est):
        change = "hidden_layer_sizes", sizes, layer_sizes(est)
    elif before != now:
        change = "activation", est._activation, est.activation
    else:
        network.parameters.load(est.coefs_, est.intercepts_)
        return
    name, old, new = change
    raise ValueError(
        f"{name} changed from {old!r} to {new!r}: training cannot go on from the weights "
        f"of the last fit. Set {name} back, or call fit with warm_start=False."
    )


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
            "validate": held_out and validator(est, network, held_out),
            "after_epoch": print_epoch if est.verbose else None,
        }
        if est.solver == "lbfgs":
            run_lbfgs(est, network, batches, history, **common)
            return history, {}
        disturb(est, network, rng)
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
        alpha=est.alpha,
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
    n_steps = est.max_iter * -(-batches.n_rows // batches.batch_size)
    optimizer, schedule = make_optimizer(est, network), make_schedule(est, n_steps)
    average = make_average(est, network, before.get("average") if incremental else None)
    if incremental and before.get("solver") == est.solver and "optimizer" in before:
        optimizer.state = copy.deepcopy(before["optimizer"])
        schedule.learning_rate = before["learning_rate"]
    monitor = f"validation_{est.monitor}" if est.early_stopping else "loss"
    budgeted = is_budgeted(est.solver, est.learning_rate)
    patience = Patience(est.tol, math.inf if budgeted else est.n_iter_no_change)
    watched = what_is_watched(est, monitor)
    if before.get("watched") == watched:
        patience.best, patience.failures = before["best"], before["failures"]
    limit = before.get("limit", math.inf) if incremental else math.inf
    # Clipping is there to get over exploding batches.
    guard = DivergenceGuard(constant_loss, limit, only_finite=est.clip_norm is not None)
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
        clip_norm=est.clip_norm,
        max_norm=est.max_norm,
        average=average,
        alpha=0.0 if est.solver == "adamw" else est.alpha,
        **common,
    )
    if history.divergence:
        # What the diverged steps left there would throw the next steps off as well.
        optimizer, average = make_optimizer(est, network), None
    return {
        "solver": est.solver,
        "optimizer": optimizer.state,
        "learning_rate": schedule.learning_rate,
        "watched": watched,
        "best": patience.best,
        "failures": 0 if budgeted else patience.failures,
        "limit": guard.limit,
        "average": average and {"t": average.t, "parameters": average.vector},
    }


def what_is_watched(est: Any, monitor: str) -> list[Any]:
    """Return what decides on stopping: values of other things cannot be compared."""
    if monitor != "loss":
        return [monitor]
    options = ("dropout", "noise", "label_smoothing")
    return [monitor, est.solver == "adamw", *(getattr(est, o, 0.0) for o in options)]


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
    moments = est.beta_1, est.beta_2, est.epsilon
    if est.solver == "adamw":
        n_weights = len(network.parameters.weights)
        return AdamW(parameters, n_weights, est.alpha, *moments)
    return Adam(parameters, *moments)


def make_average(
    est: Any, network: Network, before: dict[str, Any] | None
) -> WeightAverage | None:
    """Return the average of the weights, if any, which may go on from an earlier one.

    If it does, the network has the averaged weights; it gets those behind them back.
    """
    if not est.averaging:
        return None
    parameters = network.parameters.vector
    average = WeightAverage(est.averaging, parameters, before["t"] if before else 0)
    if before:
        parameters[...] = before["parameters"]
    return average


def make_schedule(est: Any, n_steps: int) -> Constant:
    """Return the schedule of the learning rate."""
    if is_budgeted(est.solver, est.learning_rate):
        return BUDGETED[est.learning_rate](est.learning_rate_init, n_steps)
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
    loss_function = LOSSES[LOSS_OF_OUTPUT[est.out_activation_]]()  # nothing smoothed
    normalizer = None if weights is None else weights.sum()

    def validate() -> tuple[float, float]:
        W, b = network.parameters.W, network.parameters.b
        logits = predict_logits(held_out.X, W, b, network.activation, held_out.rows)
        score = est._score_logits(logits, targets, weights)
        loss, _ = loss_function.loss_and_gradient(logits, targets, weights, normalizer)
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
