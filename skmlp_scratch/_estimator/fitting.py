"""The steps of a fit: from the caller's arguments to a trained network.

The steps are: check the rows, encode the targets, draw the initial weights, select the
validation rows, build the network, train it. The results are attributes and warnings.
"""

from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skmlp_scratch._estimator.attributes import FittedAttributes
from skmlp_scratch._estimator.continuation import Past, TrainingState, random_numbers
from skmlp_scratch._estimator.diagnostics import data_warnings
from skmlp_scratch._estimator.inputs import (
    Call,
    check_density,
    set_aside,
    training_data,
    training_rows,
    validation_rows,
)
from skmlp_scratch._estimator.loaded import as_arrays, complete_for_training
from skmlp_scratch._estimator.numbers import check_float32_range
from skmlp_scratch._estimator.outcome import Outcome
from skmlp_scratch._estimator.problem import Problem
from skmlp_scratch._estimator.results import fitted_attributes, untrained_attributes
from skmlp_scratch._estimator.resuming import Interrupted
from skmlp_scratch._estimator.rows import Rows
from skmlp_scratch._estimator.run import Observe
from skmlp_scratch._estimator.settings import Settings
from skmlp_scratch._estimator.solvers import is_stochastic
from skmlp_scratch._estimator.summary import summarize
from skmlp_scratch._estimator.targets import Known, TargetKind, Targets
from skmlp_scratch._estimator.training import solve
from skmlp_scratch.exceptions import CheckpointError
from skmlp_scratch.nn.inference import layer_outputs
from skmlp_scratch.nn.initializers import initialize
from skmlp_scratch.nn.layers import Affine
from skmlp_scratch.nn.network import Network
from skmlp_scratch.nn.parameters import Parameters
from skmlp_scratch.nn.typing import Array

# Enough rows for the mean and variance of a layer's input.
NORM_ROWS = 1000


def fit(
    est: FittedAttributes,
    kind: TargetKind,
    settings: Settings,
    call: Call,
    reports: list[Warning],
    observe: Observe | None = None,
    interrupted: Interrupted | None = None,
) -> tuple[dict[str, Any], list[Warning]]:
    """Train a network; return the fitted attributes and the warnings, all there are.

    The estimator is unchanged, except for what the check of X sets.

    Parameters
    ----------
    est : estimator
    kind : TargetKind
    settings : Settings
    call : Call
        What was passed to the estimator.
    reports : list of Warning
        What there is to report already.
    observe : callable, default=None
        Told after every epoch; may end training.
    interrupted : Interrupted, default=None
        The fit to go on with. The estimator has the attributes of its checkpoint.
    """
    problem, initial, rng, found = understand(est, kind, settings, call, interrupted)
    reports = reports + found
    if call.incremental and len(problem.training) == 0:
        nothing_yet = problem.past is None
        return untrained_attributes(problem, initial) if nothing_yet else {}, reports
    reports += data_warnings(problem, getattr(est, "feature_names_in_", None))
    network = make_network(problem, initial, rng)
    restore = None
    if interrupted:
        interrupted.check_rows(problem)
        restore = interrupted.restore
        rng = handed_over(rng, settings)
    run = solve(problem, network, rng, observe, restore)
    history = run.history
    outcome = Outcome(problem, network, history)
    reports += outcome.reports()
    if history.divergence and call.incremental:
        return {}, reports  # the model stays as it was
    if settings.verbose and not call.incremental:
        print(outcome.why_it_ended(), flush=True)
    # A call of partial_fit may have a single row: it is not worth a summary.
    summary = None if call.incremental else summarize(outcome, reports)
    attributes = fitted_attributes(problem, network, history, run.training_state())
    return attributes | {"_summary": summary}, reports


def understand(
    est: FittedAttributes,
    kind: TargetKind,
    settings: Settings,
    call: Call,
    interrupted: Interrupted | None = None,
) -> tuple[Problem, Parameters, np.random.RandomState, list[Warning]]:
    """Check all that was passed; return the problem, and the first parameters.

    Returns
    -------
    problem : Problem
    initial : Parameters
        Drawn at random, or those of the fit that training continues from.
    rng : RandomState
        The source of all further random numbers.
    reports : list of Warning
    """
    past = interrupted.past if interrupted else past_fit(est, settings, call)
    fresh = past is None or interrupted is not None
    X, y, reports = training_data(est, kind, call, reset=fresh)
    check_density(X, settings)
    dtype = computing_dtype(X, settings, past)
    check_float32_range(X, dtype)
    known = Known() if interrupted else known_targets(est, past, call)
    targets = kind.targets(y, settings, known)
    if interrupted:
        interrupted.check_data(est, targets, dtype)
        rng = interrupted.random_numbers()
    else:
        state = past.state if past and call.incremental else None
        rng = random_numbers(settings, state)
    # Only fit can be resumed, and a call of partial_fit should be quick.
    random_state = None if call.incremental else rng.get_state(legacy=False)
    units = [X.shape[1], *settings.hidden_layer_sizes, targets.n_outputs]
    initial = initial_parameters(Parameters(units, dtype), settings, targets, past, rng)
    codes, by_class = targets.encode(y, dtype), settings.class_weight is not None
    training = training_rows(X, codes, call, targets, dtype, by_class)
    held_out = validation_rows(est, kind, call.validation, targets, dtype)
    if held_out is None and settings.early_stopping and is_stochastic(settings.solver):
        training, held_out, found = set_aside(training, targets, rng)
        reports += found
    monitor, found = choose_monitor(settings, training, held_out)
    problem = Problem(
        settings,
        targets,
        training,
        held_out,
        monitor,
        past,
        call.incremental,
        random_state,
    )
    return problem, initial, rng, reports + found


def past_fit(est: FittedAttributes, settings: Settings, call: Call) -> Past | None:
    """Return the fit that training continues from, if there is one.

    Attributes missing beside weights that were set by hand are added to the estimator.
    """
    state = getattr(est, "_training_state", TrainingState())
    goes_on = call.incremental or settings.warm_start
    if not (goes_on and hasattr(est, "coefs_") and state.begun):
        return None
    if not hasattr(est, "_activation"):
        complete_for_training(est)
    coefs, intercepts = as_arrays(est.coefs_, est.intercepts_)
    past = Past(
        coefs=coefs,
        intercepts=intercepts,
        activation=est._activation,
        out_activation=est.out_activation_,
        n_outputs=est.n_outputs_,
        loss_curve=est.loss_curve_,
        best_loss=getattr(est, "best_loss_", None),
        validation_scores=est.validation_scores_,
        validation_losses=est.validation_loss_curve_,
        # Missing in pickles of older versions.
        learning_rates=getattr(est, "learning_rate_curve_", None),
        best_iter=est.best_iter_,
        t=est.t_,
        state=est._training_state,
    )
    past.check_architecture(settings)
    return past


def handed_over(
    rng: np.random.RandomState, settings: Settings
) -> np.random.RandomState:
    """Return the caller's source of random numbers, if any, in the state of another."""
    if not isinstance(settings.random_state, np.random.RandomState):
        return rng
    state = rng.get_state(legacy=False)
    try:
        settings.random_state.set_state(state)
    except ValueError as error:
        raise CheckpointError(
            f"random_state draws from another generator than {state['bit_generator']}, "
            "which that of the interrupted fit did. Pass one like that."
        ) from error
    return settings.random_state


def computing_dtype(X: Array, settings: Settings, past: Past | None) -> np.dtype[Any]:
    """Return the computing type: the past one, unless the settings have one."""
    if past and settings.dtype is None:
        return past.dtype
    return settings.computing_dtype(X)


def known_targets(est: FittedAttributes, past: Past | None, call: Call) -> Known:
    """Return what is known about the targets before ``y`` is read."""
    goes_on = past is not None or call.incremental
    return Known(
        output_activation=past.out_activation if past else None,
        n_outputs=past.n_outputs if past else None,
        loss=getattr(est, "_loss", None),
        classes=getattr(est, "classes_", None) if goes_on else None,
        incremental=call.incremental,
        all_classes=call.classes,
    )


def initial_parameters(
    parameters: Parameters,
    settings: Settings,
    targets: Targets,
    past: Past | None,
    rng: np.random.RandomState,
) -> Parameters:
    """Draw the weights or, if training continues, copy the weights of the last fit."""
    if past:
        parameters.load(past.coefs, past.intercepts)
    else:
        initialize(
            parameters, settings.weight_init, rng, settings.activation, targets.real
        )
    return parameters


def choose_monitor(
    settings: Settings, training: Rows, held_out: Rows | None
) -> tuple[str, list[Warning]]:
    """Return the monitored quantity, a key of ``MONITORS``, and warnings."""
    stops_early = settings.early_stopping and is_stochastic(settings.solver)
    if not stops_early or held_out is None:
        return "loss", []
    if settings.monitor == "loss" or held_out.anything_to_distinguish():
        return f"validation_{settings.monitor}", []
    reports: list[Warning] = []
    if training.anything_to_distinguish():
        reports.append(
            ConvergenceWarning(
                "The score of the validation rows means nothing: it needs two rows "
                "with different targets. Early stopping watches the validation loss "
                "instead, as with monitor='loss'. Validate on more rows."
            )
        )
    return "validation_loss", reports


def make_network(
    problem: Problem, initial: Parameters, rng: np.random.RandomState
) -> Network:
    """Return the network to be trained, with its initial parameters."""
    settings, targets, past = problem.settings, problem.targets, problem.past
    by_batches = is_stochastic(settings.solver)
    noisy = by_batches and (settings.noise > 0 or any(settings.dropout))
    # The Generator draws float32 numbers and integers quickly, unlike RandomState.
    seed = rng.randint(2**31 - 1) if noisy else 0
    network = Network(
        initial.layer_units,
        settings.activation,
        targets.loss,
        initial.vector.dtype,
        noise=settings.noise if noisy else 0.0,
        dropout=settings.dropout if noisy else (),
        batch_norm=settings.batch_norm and by_batches,
        rng=np.random.Generator(np.random.SFC64(seed)),
    )
    network.parameters.load(initial.W, initial.b)
    if past is None:
        start = targets.start(*problem.training.own())
        if start is not None:
            network.parameters.b[-1][...] = start
    elif network.norms:
        resume_norms(network, past, problem.training)
    return network


def resume_norms(network: Network, past: Past, training: Rows) -> None:
    """Continue batch normalisation from its own state, or from weights without it.

    In the latter case, it is the identity at first.
    """
    parameters, norm = network.parameters, past.state.norm
    if norm and len(norm.parameters) == len(parameters.vector):
        parameters.vector[...] = norm.parameters
        W, b = network.folded()
        unchanged = map(np.array_equal, [*W, *b], [*past.coefs, *past.intercepts])
        if all(unchanged):
            for layer in network.norms:
                layer.n_seen = norm.n_seen
            return
        parameters.load(past.coefs, past.intercepts)
    sample = training.sample(NORM_ROWS).X
    outputs = [
        sample,
        *layer_outputs(sample, past.coefs, past.intercepts, past.activation),
    ]
    for number, layer in enumerate(network.norms):
        affine = Affine(past.coefs[number], past.intercepts[number])
        layer.unfold(affine.forward(outputs[number].astype(past.dtype, copy=False)))
