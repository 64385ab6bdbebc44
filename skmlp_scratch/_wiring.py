"""From an estimator's parameters to the parts of the engine, and a run of its solver.

``est`` is the estimator throughout; it is read, never changed.
"""

import copy
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from sklearn.base import is_regressor
from sklearn.utils import check_random_state

from skmlp_scratch._data import Rows
from skmlp_scratch._outcome import anything_to_distinguish, judge
from skmlp_scratch._parameter_checks import is_budgeted
from skmlp_scratch._progress import Progress
from skmlp_scratch._threads import threads_for
from skmlp_scratch.nn.batches import Batches
from skmlp_scratch.nn.initializers import initialize
from skmlp_scratch.nn.layers import per_layer
from skmlp_scratch.nn.lbfgs import minimize_lbfgs
from skmlp_scratch.nn.losses import LOSSES
from skmlp_scratch.nn.network import Network, predict_logits
from skmlp_scratch.nn.optimizers import SGD, Adam, AdamW, Optimizer
from skmlp_scratch.nn.regularization import WeightAverage
from skmlp_scratch.nn.schedules import BUDGETED, Adaptive, Constant, InverseScaling
from skmlp_scratch.nn.training import (
    EXPLODED_EPOCHS,
    DivergenceGuard,
    History,
    Patience,
    train,
)
from skmlp_scratch.nn.typing import Array

LOSS_OF_OUTPUT = {
    "softmax": "softmax_cross_entropy",
    "logistic": "sigmoid_cross_entropy",
    "identity": "squared_error",
    "exp": "poisson",
}
# The loss of a network that has begun to learn, in units of that of a constant prediction.
BEGUN = 0.5
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
        scheme, regression = est.weight_init, is_regressor(est)
        initialize(network.parameters, scheme, rng, est.activation, regression)
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


def start_at_constant(est: Any, network: Network, training: Rows) -> None:
    """Have a new regressor predict, but for its small weights, the median of the targets.

    It then makes no difference to training how far the targets are from zero: for targets
    of mean 10 and standard deviation 1, R^2 on 18 data sets is 1.6 higher. Not the mean,
    which a single target can move. Only ``'glorot_uniform'`` starts as scikit-learn does.
    """
    as_sklearn = est.weight_init == "glorot_uniform"
    if as_sklearn or not is_regressor(est) or len(training) == 0:
        return
    targets, weights = training.taken()
    if est.out_activation_ == "exp":
        mean = np.average(targets.astype(np.float64), axis=0, weights=weights)
        network.parameters.b[-1][...] = np.log(np.where(mean > 0, mean, 1))
        return
    weights = np.ones(len(targets)) if weights is None else weights
    for output, column in enumerate(targets.T):
        network.parameters.b[-1][output] = weighted_median(column, weights)


def weighted_median(values: Array, weights: Array) -> float:
    """Return the smallest value that has half of the weight at or below it."""
    order = np.argsort(values)
    shares = np.cumsum(weights[order])
    return float(values[order[np.searchsorted(shares, shares[-1] / 2)]])


def random_numbers(est: Any, continued: bool) -> np.random.RandomState:
    """Return the source of randomness: that of the last call, if training goes on.

    A RandomState of the caller's goes on by itself; for a seed, it is kept, until
    another seed is set.
    """
    state = getattr(est, "_training_state", {})
    kept = state.get("random_state")
    if continued and kept is not None and state.get("seed") == est.random_state:
        return copy.deepcopy(kept)
    return check_random_state(est.random_state)


def run_solver(
    est: Any,
    network: Network,
    training: Rows,
    held_out: Rows | None,
    rng: np.random.RandomState,
    *,
    monitor: str,
    constant_loss: float,
    resume: bool,
    incremental: bool,
) -> tuple[History, dict[str, Any]]:
    """Train the network; return what happened, and what it takes to go on later.

    The latter is a plain dict of numbers, arrays and a RandomState.
    """
    before = getattr(est, "_training_state", {}) if resume else {}
    history = past_history(est) if resume else History()
    weighed = weigh(training, before if incremental else {})
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
            weighed["weight_total"] / weighed["rows_weighed"],
        )
        common: dict[str, Any] = {
            "validate": held_out and validator(est, network, held_out),
            "after_epoch": None,
        }
        if est.solver == "lbfgs":
            if est.verbose:
                common["after_epoch"] = Progress(est.max_iter).print_epoch
            run_lbfgs(est, network, batches, history, **common)
            return history, {}
        disturb(est, network, rng)
        state = run_epochs(
            est,
            network,
            batches,
            history,
            before,
            monitor=monitor,
            guard=make_guard(est, network, training, constant_loss, incremental),
            incremental=incremental,
            **common,
        )
    if history.divergence and incremental:
        return history, before  # as if the rows had not come
    return history, {**state, **weighed, **random_state(est, rng)}


def random_state(est: Any, rng: np.random.RandomState) -> dict[str, Any]:
    """Return what it takes to go on drawing: nothing, if the caller has the source."""
    if est.random_state is None or isinstance(est.random_state, np.random.RandomState):
        return {}
    return {"random_state": rng, "seed": est.random_state}


def weigh(training: Rows, before: dict[str, Any]) -> dict[str, Any]:
    """Return the number of rows trained on so far, and the sum of their weights."""
    _, weights = training.taken()
    total = len(training) if weights is None else weights.sum(dtype=np.float64)
    return {
        "weight_total": before.get("weight_total", 0.0) + float(total),
        "rows_weighed": before.get("rows_weighed", 0) + len(training),
    }


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
    *,
    monitor: str,
    guard: DivergenceGuard,
    incremental: bool,
    **common: Any,
) -> dict[str, Any]:
    """Train by SGD or Adam, from the state before; return the state after."""
    n_steps = int(est.max_iter) * -(-batches.n_rows // batches.batch_size)
    optimizer, schedule = make_optimizer(est, network), make_schedule(est, n_steps)
    average = make_average(est, network, before.get("average") if incremental else None)
    rate = [est.solver, est.learning_rate, est.learning_rate_init, est.power_t]
    if incremental and before.get("solver") == est.solver and "optimizer" in before:
        optimizer.state = copy.deepcopy(before["optimizer"])
    if incremental:
        go_on(schedule, before, rate, history.samples_seen)
    budgeted = is_budgeted(est.solver, est.learning_rate)
    patience = Patience(est.tol, math.inf if budgeted else est.n_iter_no_change)
    if monitor != "loss" and is_regressor(est) and est.weight_init != "glorot_uniform":
        # It starts near a constant, of R^2 0, and may need some epochs to leave it.
        patience.begins_below = BEGUN * guard.constant_loss
    watched = what_is_watched(est, monitor)
    if before.get("watched") == watched:
        patience.best, patience.failures = before["best"], before["failures"]
    if est.verbose:
        max_iter = None if incremental else est.max_iter
        common["after_epoch"] = Progress(max_iter, schedule).print_epoch
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
        "rate": rate,
        "watched": watched,
        "best": patience.best,
        "failures": 0 if budgeted else patience.failures,
        "average": average and {"t": average.t, "parameters": average.vector},
    }


def make_guard(
    est: Any,
    network: Network,
    training: Rows,
    constant_loss: float,
    incremental: bool,
) -> DivergenceGuard:
    """Return what notices divergence.

    In a stream only what is not finite is divergence: the next rows may be of any size.
    So it is where all targets are the same, which a constant predicts without loss. Where
    the learning rate is going to fall, an explosion may pass.
    """
    if incremental or not anything_to_distinguish(training):
        return DivergenceGuard()
    return DivergenceGuard(
        constant_loss,
        useful=lambda: judge(network, training).useful,
        patience=math.inf
        if is_budgeted(est.solver, est.learning_rate)
        else EXPLODED_EPOCHS,
    )


def go_on(
    schedule: Constant, before: dict[str, Any], rate: list[Any], samples_seen: int
) -> None:
    """Have a schedule go on from where it was, unless other rates were asked for."""
    if before.get("rate") == rate:
        schedule.learning_rate = before["learning_rate"]
    else:
        schedule.end_epoch(samples_seen)  # which only inverse scaling looks at


def what_is_watched(est: Any, monitor: str) -> list[Any]:
    """Return what decides on stopping: values of other things cannot be compared."""
    if monitor != "loss":
        return [monitor]
    options = ("dropout", "noise", "label_smoothing")
    return [monitor, est.solver == "adamw", *(getattr(est, o, 0.0) for o in options)]


def past_history(est: Any) -> History:
    """Return the history that goes on where that of the fits so far ends."""
    return History(
        epochs_before=len(est.loss_curve_),
        samples_seen=est.t_,
        best_epoch=est.best_iter_,
    )


def batch_rows(est: Any, n_rows: int) -> int:
    """Return how many rows a batch has."""
    if est.solver == "lbfgs":
        return LBFGS_BLOCK_ROWS
    return min(200 if isinstance(est.batch_size, str) else int(est.batch_size), n_rows)


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
        with np.errstate(over="ignore", invalid="ignore"):
            logits = predict_logits(held_out.X, W, b, network.activation, held_out.rows)
            score = est._score_logits(logits, targets, weights)
            loss, _ = loss_function.loss_and_gradient(
                logits, targets, weights, normalizer
            )
        return score, loss

    return validate
