"""What happened in a fit, in numbers and sentences: what ``training_summary`` shows."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.exceptions import NotFittedError

from skmlp_scratch._estimator.attributes import FittedAttributes
from skmlp_scratch._estimator.outcome import Outcome
from skmlp_scratch._estimator.solvers import SOLVERS, is_budgeted, is_stochastic
from skmlp_scratch._estimator.statistics import layer_statistics, weight_statistics
from skmlp_scratch.exceptions import ConstantPredictionWarning
from skmlp_scratch.summary import TrainingSummary

# With 1000 rows, a short fit to digits would take half as long again.
SUMMARY_ROWS = 250

# Each of these was tried on 72 data sets.

# The training loss still falls if it fell by this share per epoch, compared over this
# many epochs. With twice as many epochs, it ended 3% to 99% lower.
FALLING, FALLING_EPOCHS = 0.01, 5
# How far above its lowest value the validation loss has been, and for how many epochs,
# for a word about overfitting. The loss on test rows had risen, too, in 35 of 38 fits.
OVERFITTED, OVERFITTED_EPOCHS = 1.2, 5
# Share of the validation loss that went since the epoch with the best score, for a word
# about stopping too early. With monitor="loss", the loss on test rows was lower in 227
# of 234 such fits, the score lower in 14, by 0.01 at most.
TOO_EARLY = 0.05


def summarize(outcome: Outcome, warnings: Sequence[Warning]) -> dict[str, Any]:
    """Return what ``training_summary`` needs, in plain numbers, strings and lists.

    Parameters
    ----------
    outcome : Outcome
        A finished fit.
    warnings : sequence of Warning
        All that the fit warns about.
    """
    sample = outcome.problem.training.sample(SUMMARY_ROWS)
    sentences = [_ending(outcome)]
    for tell in (_training_loss, _validation, _kept):
        sentences += tell(outcome)
    for advise in (_still_falling, _overfitted, _stopped_too_early):
        sentences += advise(outcome)
    sentences += _hardly_better(outcome, warnings)
    sentences += [f"{type(warning).__name__}: {warning}" for warning in warnings]
    return {
        "layers": layer_statistics(outcome.network, sample, _penalty(outcome)),
        "sentences": sentences,
    }


def summary_of(fitted: FittedAttributes) -> TrainingSummary:
    """Return the summary of the last fit.

    Raises
    ------
    NotFittedError
        If the weights are not from a fit.
    """
    name, summary = type(fitted).__name__, vars(fitted).get("_summary", False)
    if summary is False:
        raise NotFittedError(
            f"This {name} has no training summary: its weights were set by hand, come "
            "from scikit-learn, or were fitted by an older version. Call fit."
        )
    if summary is not None:
        return TrainingSummary(summary["layers"], summary["sentences"])
    curve = fitted.loss_curve_
    known = (
        "Trained by partial_fit, or by a fit that had not ended: loss_curve_ has "
        f"{len(curve)} entries, the last is {curve[-1]:.4g}. Activations and gradients "
        "are measured at the end of fit."
    )
    layers = weight_statistics(fitted.coefs_, fitted._activation)
    return TrainingSummary(layers, [known])


def _penalty(outcome: Outcome) -> float:
    """Return what the weights are multiplied by in the gradient of ``loss_curve_``.

    Each batch has the penalty, divided by its own weight. The weights before batch
    normalisation are penalized, not those that predict.
    """
    problem, settings = outcome.problem, outcome.problem.settings
    if outcome.network.norms or SOLVERS[settings.solver].decays_weights:
        return 0.0
    _, weights = problem.training.own()
    total = len(problem.training) if weights is None else weights.sum(dtype=np.float64)
    n_terms = problem.steps_per_epoch if is_stochastic(settings.solver) else 1
    return float(settings.alpha * n_terms / total)


def _epoch(outcome: Outcome) -> str:
    return "epoch" if is_stochastic(outcome.problem.settings.solver) else "iteration"


def _ending(outcome: Outcome) -> str:
    """Return how long training took, and why it ended unless a warning says so."""
    settings, history = outcome.problem.settings, outcome.history
    trained = (
        f"{outcome.duration} with solver={settings.solver!r} on "
        f"{len(outcome.problem.training)} rows."
    )
    if history.divergence or history.interrupted:
        return trained
    why = outcome.why_it_ended().removesuffix(" Stopping.")
    if is_budgeted(settings.solver, settings.learning_rate) and not history.stopped:
        why += f" learning_rate={settings.learning_rate!r} has gone all its way."
    return f"{trained} {why}"


def _training_loss(outcome: Outcome) -> list[str]:
    """Return the course of the training loss."""
    curve = outcome.history.loss_curve
    if len(curve) < 2:
        return [f"The training loss is {loss:.4g}." for loss in curve]
    lowest = _lowest(outcome, curve)
    return [f"The training loss went from {curve[0]:.4g} to {curve[-1]:.4g}{lowest}."]


def _validation(outcome: Outcome) -> list[str]:
    """Return score and loss on the validation rows, if there are any."""
    history = outcome.history
    scores, losses = history.validation_scores, history.validation_losses
    if not losses:
        return []
    last = f"score is {scores[-1]:.4g}, the loss {losses[-1]:.4g}"
    after = f"After the last {_epoch(outcome)}, the validation"
    return [f"{after} {last}{_lowest(outcome, losses)}."]


def _lowest(outcome: Outcome, curve: list[float]) -> str:
    """Return which loss was the lowest, unless it was the last."""
    at = _at_lowest(curve)
    if at is None or not curve[at] < curve[-1]:
        return ""
    number = outcome.history.epochs_before + at + 1
    return f"; the lowest was {curve[at]:.4g} in {_epoch(outcome)} {number}"


def _at_lowest(curve: list[float]) -> int | None:
    """Return the position of the smallest value, if any is a number."""
    return None if np.isnan(curve).all() else int(np.nanargmin(curve))


def _kept(outcome: Outcome) -> list[str]:
    """Return which weights were kept, unless a warning says so."""
    history, settings = outcome.history, outcome.problem.settings
    averaged = settings.averaging and is_stochastic(settings.solver)
    weights = "moving averages of the weights" if averaged else "weights"
    if history.divergence or not history.epochs:
        return []
    if not outcome.validation:
        # An interrupt comes in the middle of an epoch.
        last = f"The {weights} of the last {_epoch(outcome)} were kept."
        return [] if history.interrupted else [last]
    number = history.best_epoch - history.epochs_before
    if number < 1:
        return [
            f"No epoch was better than epoch {history.best_epoch}, before this fit."
        ]
    values = history.validation_scores
    if outcome.problem.monitor == "validation_loss":
        values = history.validation_losses
    best = f"{outcome.problem.monitor.replace('_', ' ')} of {values[number - 1]:.4g}"
    return [
        f"The {weights} of epoch {history.best_epoch} were kept, with the best {best}."
    ]


def _still_falling(outcome: Outcome) -> list[str]:
    """Return how quickly the training loss fell at the end, if max_iter ended it."""
    history, n = outcome.history, FALLING_EPOCHS
    over = outcome.finished or history.divergence or history.interrupted
    if over or outcome.validation or len(history.loss_curve) < 2 * n:
        return []
    before, last = np.reshape(history.loss_curve[-2 * n :], (2, n)).mean(axis=1)
    rate = 1 - (last / before) ** (1 / n) if before > 0 else 0.0
    if not rate >= FALLING:
        return []
    return [
        f"The training loss was still falling, by {rate:.1%} per {_epoch(outcome)}."
    ]


def _hardly_better(outcome: Outcome, warnings: Sequence[Warning]) -> list[str]:
    """Return that the network is of little use, unless a warning says so."""
    history = outcome.history
    said = any(isinstance(warning, ConstantPredictionWarning) for warning in warnings)
    if said or history.divergence or history.interrupted:
        return []
    judgement = outcome.hardly_better()
    if judgement is None or not outcome.problem.training.anything_to_distinguish():
        return []
    constant = f"a constant prediction, whose loss is {judgement.constant_loss:.4g}"
    what = f"On the training data, the network is hardly better than {constant}."
    remedy = f"If there is something to learn from the features, {outcome.remedies()}."
    return [f"{what} {remedy}"]


def _overfitted(outcome: Outcome) -> list[str]:
    """Return that early stopping would help, if the validation loss has risen."""
    history, n = outcome.history, OVERFITTED_EPOCHS
    losses, scores = history.validation_losses, history.validation_scores
    stochastic = is_stochastic(outcome.problem.settings.solver)
    if history.divergence or outcome.validation or not (losses and stochastic):
        return []
    at, curve = _at_lowest(losses), history.loss_curve
    if at is None or len(losses) <= at + n or scores[-1] > scores[at]:
        return []
    if not (min(losses[-n:]) > OVERFITTED * losses[at] and curve[-1] < curve[at]):
        return []
    what = "The validation loss rose while the training loss fell"
    remedy = "early_stopping=True with monitor='loss' would keep the weights of epoch"
    return [f"{what}: {remedy} {history.epochs_before + at + 1}."]


def _stopped_too_early(outcome: Outcome) -> list[str]:
    """Return that the loss is better to watch, if it fell while the score did not."""
    history, losses = outcome.history, outcome.history.validation_losses
    best = history.best_epoch - history.epochs_before - 1
    by_score = history.converged and outcome.problem.monitor == "validation_score"
    if not by_score or best < 0 or _at_lowest(losses) != len(losses) - 1:
        return []
    if not losses[-1] < (1 - TOO_EARLY) * losses[best]:
        return []
    what = "The validation loss was still falling when the score ceased to improve"
    return [f"{what}: with monitor='loss', training would have gone on."]
