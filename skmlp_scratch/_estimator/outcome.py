"""The outcome of a fit: whether the network is useful, and the warnings about it."""

import math
from dataclasses import dataclass

from sklearn.exceptions import ConvergenceWarning

from skmlp_scratch._estimator.diagnostics import (
    SCALE_FEATURES,
    describe_outlier,
    features_are_fine,
    target_remedy,
    target_scale_warnings,
)
from skmlp_scratch._estimator.judgement import Judgement, judge
from skmlp_scratch._estimator.problem import Problem
from skmlp_scratch._estimator.rows import Rows
from skmlp_scratch._estimator.solvers import is_budgeted, is_stochastic
from skmlp_scratch.exceptions import (
    ConstantPredictionWarning,
    DeadUnitsWarning,
    DivergenceError,
    DivergenceWarning,
)
from skmlp_scratch.nn.history import Divergence, History
from skmlp_scratch.nn.network import Network

# Losses that call for a warning, in units of the loss of a constant prediction.
STAGNANT, WORSE, FAR_WORSE = 0.9, 1.05, 3
# On validation rows, a network that is useless on the training rows may get below 1.
BY_CHANCE = 0.98
FEW_STEPS = 10


@dataclass(frozen=True)
class Outcome:
    """A finished fit, and the warnings about it.

    Attributes
    ----------
    problem : Problem
    network : Network
        The trained network.
    history : History
    """

    problem: Problem
    network: Network
    history: History

    @property
    def fresh(self) -> bool:
        """Whether training began with random weights."""
        return self.problem.past is None

    @property
    def validation(self) -> Rows | None:
        """The rows that decided which weights to keep, if there are any."""
        return None if self.problem.monitor == "loss" else self.problem.held_out

    @property
    def n_steps(self) -> int:
        """How many steps the optimizer made."""
        return self.history.epochs * self.problem.steps_per_epoch

    @property
    def duration(self) -> str:
        """How long training took, in words: ``'1 epoch'``, ``'12 iterations'``."""
        n, stochastic = self.history.epochs, is_stochastic(self.problem.settings.solver)
        return f"{n} {'epoch' if stochastic else 'iteration'}{'s' * (n != 1)}"

    def reports(self) -> list[Warning]:
        """Return the warnings about how training ended and about the network.

        Raises
        ------
        DivergenceError
            If training diverged before an epoch was better than a constant prediction.
        """
        history = self.history
        if history.divergence:
            return [self._divergence(history.divergence)]
        if history.interrupted:
            return [UserWarning(self._interruption())]
        if self.problem.incremental:
            return []
        # No epoch is the best if none could be validated.
        none_is_best = self.fresh and self.validation and not history.best_epoch
        judgement = self._on_training()
        if none_is_best or not judgement.finite:
            # The last step made the loss explode, after the last loss was computed.
            divergence = Divergence(math.nan, history.total_epochs)
            return [self._divergence(divergence)]
        found = []
        if not self.finished:
            found.append(ConvergenceWarning(self._not_converged(judgement)))
        found += self._network_warnings(judgement)
        return found + self._dead_units(judgement)

    def _dead_units(self, judgement: Judgement) -> list[Warning]:
        """Return a warning if most units of a layer are 0 for all rows."""
        if judgement.dead_units and self.problem.training.anything_to_distinguish():
            number, width, share = judgement.dead_units
            return [
                DeadUnitsWarning(
                    f"{share:.0%} of the {width} units in hidden layer {number} are 0 "
                    "for all rows of the training data: ReLU passes no gradient there, "
                    "and they no longer learn. Use another activation, or "
                    f"{self.remedies(stuck=False)}."
                )
            ]
        return []

    @property
    def finished(self) -> bool:
        """Whether training converged, was stopped, or used up a budgeted schedule."""
        settings, history = self.problem.settings, self.history
        budgeted = is_budgeted(settings.solver, settings.learning_rate)
        return history.converged or history.stopped or budgeted

    def why_it_ended(self) -> str:
        """Return why training ended, in scikit-learn's words if it has any."""
        settings, history = self.problem.settings, self.history
        if history.divergence:
            return f"Training diverged: {history.divergence}. Stopping."
        if history.interrupted:
            return "Training interrupted by user."
        if history.stopped:
            return f"Training was ended by a callback after {self.duration}. Stopping."
        if not is_stochastic(settings.solver):
            return f"L-BFGS: {history.message}"
        if history.converged:
            what = (
                f"Validation {settings.monitor}" if self.validation else "Training loss"
            )
            return (
                f"{what} did not improve more than tol={settings.tol:f} for "
                f"{settings.n_iter_no_change} consecutive epochs. Stopping."
            )
        return f"All of max_iter={settings.max_iter} epochs are done. Stopping."

    def _divergence(self, divergence: Divergence) -> Warning:
        cause = describe_outlier(self.problem.training)
        cause = f" {cause}: leave that row out, or correct it." if cause else ""
        what = f"Training diverged: {divergence}."
        remedy = _sentence(self.remedies(stuck=False)) + cause
        if self.problem.incremental and not self.fresh:
            return DivergenceWarning(
                f"{what} These rows were left out, and the model is as it was. {remedy}"
            )
        judgement = self._on_training()
        if self.validation:
            judgement = judge(self.network, self.problem.targets, self.validation)
        learnt = not self.fresh or self.history.best_epoch
        if not (judgement.useful and learnt):
            raise DivergenceError(
                f"{what} It never did better than a constant prediction, whose loss is "
                f"{judgement.constant_loss:.3g}. {remedy}"
            )
        return DivergenceWarning(
            f"{what} The weights of epoch {self.history.best_epoch}, the best, were "
            f"restored. {remedy}"
        )

    def _interruption(self) -> str:
        if self.history.epochs:
            return (
                f"Training interrupted by user after {self.duration}; the model can be "
                "used as it is."
            )
        state = "untrained" if self.fresh else "hardly changed since the last fit"
        return (
            "Training interrupted by user before the first epoch ended: the network is "
            f"{state}. Call fit again."
        )

    def _not_converged(self, judgement: Judgement) -> str:
        settings, history = self.problem.settings, self.history
        if not is_stochastic(settings.solver):
            return (
                f"L-BFGS stopped after {self.duration} before it converged "
                f"(max_iter={settings.max_iter}): {history.message}. Raise max_iter or "
                "max_fun" + ("." if self._features_fine else ", or scale the features.")
            )
        early = (
            f"validation {settings.monitor}"
            if settings.early_stopping
            else "training loss"
        )
        stopped = (
            f"Stopped at max_iter={settings.max_iter} before the {early} ceased to "
            f"improve by tol={settings.tol}. "
        )
        if self.n_steps >= FEW_STEPS and not judgement.ratio <= FAR_WORSE:
            return (
                f"{stopped}The network has a loss of {judgement.loss:.3g} on the "
                "training data, where a constant prediction has "
                f"{judgement.constant_loss:.3g}. Raise max_iter, or "
                f"{self.remedies(stuck=False)}."
            )
        return (
            f"{stopped}Raise max_iter, or ignore this if max_iter is meant as a budget."
        )

    def hardly_better(self) -> Judgement | None:
        """Return the judgement if the network is hardly better than a constant."""
        constant, loss = self.problem.constant_loss, self.history.loss_curve[-1]
        # The loss of the last epoch is known, and spares most fits the judgement.
        if self.n_steps < FEW_STEPS or loss < BY_CHANCE * constant:
            return None
        judgement = self._on_training()
        useful = judgement.ratio <= BY_CHANCE or judgement.more_right
        return None if useful else judgement

    def _network_warnings(self, on_training: Judgement) -> list[Warning]:
        """Return a warning if the network is no better than a constant prediction."""
        settings = self.problem.settings
        which, rows, judgement = "training", self.problem.training, on_training
        if self.validation:
            which, rows = "validation", self.validation
            judgement = judge(self.network, self.problem.targets, rows)
        if not rows.anything_to_distinguish():
            return []
        worst = self._worst(on_training.useful or judgement.useful)
        if self.validation and not on_training.useful and self.n_steps >= FEW_STEPS:
            worst = min(worst, BY_CHANCE)
        if self.finished and not judgement.ratio <= worst:
            rose = judgement.ratio > FAR_WORSE and self._rose
            remedies = self.remedies(stuck=not rose)
            if (
                self.validation and on_training.useful
            ):  # overfitted, or the rows are unlike each other
                remedies = "raise alpha, or use validation rows like those of training"
            if settings.early_stopping and settings.monitor == "score":
                remedies += ", or let early stopping watch the loss with monitor='loss'"
            return [
                ConstantPredictionWarning(
                    f"The trained network has a loss of {judgement.loss:.3g} on the "
                    f"{which} data, where a constant prediction has "
                    f"{judgement.constant_loss:.3g}. "
                    f"{_sentence(remedies)}"
                )
            ]
        if not judgement.distinguishes:
            return [
                ConstantPredictionWarning(
                    "The trained network predicts the same for all rows of the "
                    f"{which} data. {_sentence(self.remedies())}"
                )
            ]
        return []

    def _on_training(self) -> Judgement:
        problem = self.problem
        return judge(
            self.network, problem.targets, problem.training, problem.constant_loss
        )

    def _worst(self, useful: bool) -> float:
        """Return the largest loss without a warning, in units of the constant's loss.

        A few steps are not meant to learn much, and a useful network may be
        overconfident.
        """
        if self.n_steps < FEW_STEPS:
            return FAR_WORSE
        curve = self.history.loss_curve
        if self.fresh and min(curve) > 0.999 * curve[0]:
            return STAGNANT
        return FAR_WORSE if useful else WORSE

    @property
    def _rose(self) -> bool:
        curve = self.history.loss_curve
        return self.fresh and curve[-1] > curve[0]

    @property
    def _features_fine(self) -> bool:
        return features_are_fine(self.problem.training)

    def remedies(self, stuck: bool = True) -> str:
        """Return the advice, as the end of a sentence.

        ``stuck`` says whether longer training, or a smaller penalty, might help.
        """
        settings, targets = self.problem.settings, self.problem.targets
        found = []
        if is_stochastic(settings.solver):
            direction = "raise or lower" if stuck else "lower"
            found.append(
                f"{direction} learning_rate_init={settings.learning_rate_init}"
            )
        if not self._features_fine:
            found.append(SCALE_FEATURES)
        if target_scale_warnings(self.problem):
            found.append(target_remedy(targets.loss.output_activation == "exp"))
        if stuck:
            found += ["lower alpha", "train longer"]
        return ", or ".join(found or ["raise alpha"])


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."
