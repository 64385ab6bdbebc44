"""A run of the solver: its parts are constructed, and the network is trained."""

import copy
import math
from collections.abc import Callable

import numpy as np

from skmlp_scratch._estimator.continuation import TrainingState
from skmlp_scratch._estimator.judgement import judge
from skmlp_scratch._estimator.problem import Problem
from skmlp_scratch._estimator.progress import Progress
from skmlp_scratch._estimator.run import (
    Observe,
    Parts,
    Run,
    monitored_quantity,
    origin_of_rate,
)
from skmlp_scratch._estimator.settings import Settings
from skmlp_scratch._estimator.solvers import (
    SOLVERS,
    is_budgeted,
    is_stochastic,
    make_optimizer,
    make_schedule,
)
from skmlp_scratch._estimator.threads import threads_for
from skmlp_scratch.nn.batches import Batches
from skmlp_scratch.nn.divergence import EXPLODED_EPOCHS, DivergenceGuard
from skmlp_scratch.nn.history import AfterEpoch, History
from skmlp_scratch.nn.lbfgs import Limits, minimize_lbfgs
from skmlp_scratch.nn.network import Network
from skmlp_scratch.nn.optimizers import Optimizer
from skmlp_scratch.nn.schedules import Constant
from skmlp_scratch.nn.stopping import Patience, Watch
from skmlp_scratch.nn.training import Step, train
from skmlp_scratch.nn.typing import Update
from skmlp_scratch.nn.updates import ClipNorm, MaxNorm, WeightAverage
from skmlp_scratch.nn.validation import Validation

# Training loss above which a network counts as untrained, in units of the loss of a
# constant prediction.
UNTRAINED = 0.5


def solve(
    problem: Problem,
    network: Network,
    rng: np.random.RandomState,
    observe: Observe | None = None,
    restore: Callable[..., None] | None = None,
) -> Run:
    """Train the network.

    Parameters
    ----------
    problem : Problem
    network : Network
        Its parameters are updated.
    rng : RandomState
        Shuffles the rows.
    observe : callable, default=None
        Told after every epoch; may end training.
    restore : callable, default=None
        Puts the parts of training into the state of an interrupted fit.

    Returns
    -------
    run : Run
        After its end: its history, and its state for further training.
    """
    past = problem.past
    history = past.history() if past else History()
    before = past.state if past else TrainingState()
    weighed = weighed_so_far(problem, before)
    with threads_for(network.layer_units, problem.batch_rows):
        mean_weight = weighed[0] / weighed[1]
        batches = make_batches(problem, network, rng, mean_weight)
        run = Run(problem, network, batches, history, rng, weighed)
        if is_stochastic(problem.settings.solver):
            solve_by_batches(run, before, observe, restore)
        else:
            solve_at_once(run, observe)
    return run


def weighed_so_far(problem: Problem, before: TrainingState) -> tuple[float, int]:
    """Return the sum of the weights of the rows trained on so far, and their number."""
    rows = problem.training
    _, weights = rows.own()
    total = len(rows) if weights is None else weights.sum(dtype=np.float64)
    if not problem.incremental:
        return float(total), len(rows)
    return before.weight_total + float(total), before.rows_weighed + len(rows)


def make_batches(
    problem: Problem,
    network: Network,
    rng: np.random.RandomState,
    mean_weight: float,
) -> Batches:
    """Return the training rows in batches."""
    settings, rows = problem.settings, problem.training
    shuffled = settings.shuffle and is_stochastic(settings.solver)
    return Batches(
        rows.X,
        rows.targets,
        problem.batch_rows,
        network.parameters.vector.dtype,
        rng if shuffled else None,
        rows.rows,
        rows.weights,
        mean_weight,
        # A last batch of a few rows would have no mean and variance to speak of.
        even=bool(network.norms),
    )


def solve_at_once(run: Run, observe: Observe | None) -> None:
    """Train by L-BFGS."""
    settings = run.problem.settings
    minimize_lbfgs(
        run.network,
        run.batches,
        run.history,
        Limits(settings.max_iter, settings.max_fun, settings.tol),
        settings.alpha,
        make_validation(run.problem),
        make_after_epoch(run, observe),
    )


def solve_by_batches(
    run: Run,
    before: TrainingState,
    observe: Observe | None,
    restore: Callable[..., None] | None,
) -> None:
    """Train by mini-batches, from the state before."""
    problem, network, settings = run.problem, run.network, run.problem.settings
    if not has_parameters_of(network, before):
        before = before.without_stream()
    optimizer, schedule = continued(problem, network, before)
    average = make_average(problem, network, before)
    watch = make_watch(problem, network, before)
    step = Step(
        make_updates(settings, network, optimizer, average),
        schedule,
        0.0 if SOLVERS[settings.solver].decays_weights else settings.alpha,
        average,
        settles=not problem.incremental,
    )
    run.parts = Parts(step, watch, optimizer)
    parts = (network, run.batches, step, watch, run.history)
    if restore:
        restore(*parts)
    max_epochs = 1 if problem.incremental else settings.max_iter
    train(*parts, max_epochs, make_after_epoch(run, observe))


def make_after_epoch(run: Run, observe: Observe | None) -> AfterEpoch | None:
    """Return what is to happen after each epoch, if anything."""
    settings = run.problem.settings
    progress: AfterEpoch | None = None
    if settings.verbose:
        max_iter = None if run.problem.incremental else settings.max_iter
        progress = Progress(len(run.problem.training), max_iter).print_epoch
    if not observe:
        return progress

    def after_epoch(history: History) -> bool:
        if progress:
            progress(history)
        stop = observe(run)
        if stop or history.ended or history.epochs == settings.max_iter:
            # What ends training goes on to change the parts.
            run.last_state = copy.deepcopy(run.state_of_training())
        return stop

    return after_epoch


def continued(
    problem: Problem, network: Network, before: TrainingState
) -> tuple[Optimizer, Constant]:
    """Return optimizer and schedule, which continue from call to call in a stream."""
    settings = problem.settings
    n_steps = settings.max_iter * problem.steps_per_epoch
    optimizer = make_optimizer(settings, network.parameters)
    schedule = make_schedule(settings, n_steps)
    if not problem.incremental:
        return optimizer, schedule
    if before.optimizer and before.solver == settings.solver:
        optimizer.state = copy.deepcopy(before.optimizer)
    if before.rate == origin_of_rate(settings):
        schedule.learning_rate = before.learning_rate
    else:
        schedule.end_epoch(problem.past.t if problem.past else 0)
    return optimizer, schedule


def make_average(
    problem: Problem, network: Network, before: TrainingState
) -> WeightAverage | None:
    """Return the average of the parameters, if any, which continues in a stream.

    If it continues, the network has the averaged parameters at first. Here they are
    replaced by the parameters without averaging, from which training continues.
    """
    if not problem.settings.averaging:
        return None
    parameters = network.parameters.vector
    kept = before.average if problem.incremental else None
    if kept is None:
        return WeightAverage(problem.settings.averaging, parameters)
    average = WeightAverage(problem.settings.averaging, parameters, kept.t)
    parameters[...] = kept.parameters
    return average


def has_parameters_of(network: Network, before: TrainingState) -> bool:
    """Return whether optimizer and average, if any, are of the network's parameters.

    Not where batch normalisation is new, is gone, or began anew from fitted weights.
    """
    if before.norm is None or not network.norms:
        return not (before.norm or network.norms)
    return np.array_equal(before.norm.parameters, network.parameters.vector)


def make_updates(
    settings: Settings,
    network: Network,
    optimizer: Optimizer,
    average: WeightAverage | None,
) -> list[Update]:
    """Return the updates between the gradient and the next batch, in order."""
    clip = [] if settings.clip_norm is None else [ClipNorm(settings.clip_norm)]
    limit = (
        []
        if settings.max_norm is None
        else [MaxNorm(settings.max_norm, network.parameters.W)]
    )
    return [*clip, optimizer, *limit, *([average] if average else [])]


def make_watch(problem: Problem, network: Network, before: TrainingState) -> Watch:
    """Return what is monitored after each epoch."""
    settings = problem.settings
    budgeted = is_budgeted(settings.solver, settings.learning_rate)
    patience = Patience(
        settings.tol, math.inf if budgeted else settings.n_iter_no_change
    )
    as_sklearn = settings.starts_as_sklearn or not problem.targets.real
    guard = make_guard(problem, network)
    if problem.monitor != "loss" and not as_sklearn:
        # It starts near a constant prediction, and may need some epochs to improve on
        # it.
        patience.untrained_above = UNTRAINED * guard.constant_loss
    if before.monitored == monitored_quantity(problem):
        patience.best, patience.failures = before.best, before.failures
    return Watch(patience, problem.monitor, make_validation(problem), guard)


def make_guard(problem: Problem, network: Network) -> DivergenceGuard:
    """Return the detector of divergence.

    In a stream, only values that are not finite are divergence: the next rows may be of
    any size. The same holds if all targets are equal, which a constant predicts without
    loss. With a budgeted schedule, an explosion may pass when the learning rate falls.
    """
    settings, training = problem.settings, problem.training
    if problem.incremental or not training.anything_to_distinguish():
        return DivergenceGuard()
    budgeted = is_budgeted(settings.solver, settings.learning_rate)
    return DivergenceGuard(
        problem.constant_loss,
        useful=lambda: judge(network, problem.targets, training).useful,
        patience=math.inf if budgeted else EXPLODED_EPOCHS,
    )


def make_validation(problem: Problem) -> Validation | None:
    """Return the validation rows, with the loss and score to compute on them."""
    held_out, targets = problem.held_out, problem.targets
    if held_out is None:
        return None
    codes, weights = held_out.own()
    return Validation(
        held_out.X,
        codes,
        targets.validation_loss,
        targets.score,
        held_out.rows,
        weights,
    )
