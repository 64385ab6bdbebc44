"""The fitted attributes after a fit."""

import math
from typing import Any

from skmlp_scratch._estimator.continuation import Past, TrainingState
from skmlp_scratch._estimator.problem import Problem
from skmlp_scratch._estimator.settings import Settings
from skmlp_scratch._estimator.solvers import obstacle_to_partial_fit
from skmlp_scratch._estimator.targets import Targets
from skmlp_scratch.nn.history import History
from skmlp_scratch.nn.network import Network
from skmlp_scratch.nn.parameters import Parameters
from skmlp_scratch.nn.typing import Array


def fitted_attributes(
    problem: Problem, network: Network, history: History, state: TrainingState
) -> dict[str, Any]:
    """Return all fitted attributes after a fit."""
    settings = problem.settings
    obstacle = obstacle_to_partial_fit(
        settings.solver, settings.learning_rate, settings.early_stopping
    )
    W, b = network.folded()
    validated = problem.held_out is not None
    curves = _curves(
        history, problem.past, incremental=problem.incremental, validated=validated
    )
    if settings.early_stopping and validated:
        curves["best_loss_"] = None
    return {
        **_of_network([w.copy() for w in W], [v.copy() for v in b]),
        **_of_settings(settings, problem.targets),
        **curves,
        "_training_state": state.without_stream() if obstacle else state,
    }


def untrained_attributes(problem: Problem, initial: Parameters) -> dict[str, Any]:
    """Return the attributes after a first call of ``partial_fit`` without any rows."""
    return {
        **_of_network(*initial.copies()),
        **_of_settings(problem.settings, problem.targets),
        **_curves(History(), past=None, incremental=True, validated=False),
        "_training_state": TrainingState(begun=False),
    }


def _of_network(W: list[Array], b: list[Array]) -> dict[str, Any]:
    return {
        "coefs_": W,
        "intercepts_": b,
        "n_layers_": len(W) + 1,
        "n_outputs_": len(b[-1]),
    }


def _of_settings(settings: Settings, targets: Targets) -> dict[str, Any]:
    return {
        "out_activation_": targets.loss.output_activation,
        "_activation": settings.activation,
        **targets.attributes,
    }


def _curves(
    history: History, past: Past | None, *, incremental: bool, validated: bool
) -> dict[str, Any]:
    """Return this fit's history, appended to the history that it continues."""
    curve, best = history.loss_curve, min(history.loss_curve, default=math.inf)
    scores, losses = history.validation_scores, history.validation_losses
    if past:
        before = past.best_loss
        if before is None or not incremental:
            before = min(past.loss_curve, default=math.inf)
        best = min(before, best)
        if incremental:
            # In place: the time of a call must not grow with the number of calls.
            # Copies of the estimator have their own list.
            past.loss_curve.extend(curve)
            curve = past.loss_curve
        else:
            curve = past.loss_curve + curve
        if validated:
            scores = _before(past.validation_scores, history) + scores
            losses = _before(past.validation_losses, history) + losses
    rates = _learning_rates(history, past, incremental=incremental)
    known = (score for score in scores if not math.isnan(score))
    return {
        "n_iter_": history.epochs,
        "t_": history.samples_seen,
        "best_iter_": history.best_epoch,
        "loss_curve_": curve,
        "loss_": curve[-1] if curve else math.nan,
        "best_loss_": best,
        "validation_scores_": scores if validated else None,
        "validation_loss_curve_": losses if validated else None,
        "learning_rate_curve_": rates or None,
        "best_validation_score_": max(known, default=math.nan) if validated else None,
    }


def _learning_rates(
    history: History, past: Past | None, *, incremental: bool
) -> list[float]:
    """Return the learning rate of each epoch of the loss curve; NaN for L-BFGS."""
    rates, known = history.learning_rates, past.learning_rates if past else None
    if known is None and not rates:
        return []
    rates = rates or [math.nan] * len(history.loss_curve)
    if not incremental or known is None:
        return _before(known, history) + rates
    known.extend(rates)  # in place, like the loss curve
    return known


def _before(values: list[float] | None, history: History) -> list[float]:
    """Return a curve of earlier fits, with an entry per epoch of their loss curve."""
    known = list(values or [])
    return known + [math.nan] * (history.epochs_before - len(known))
