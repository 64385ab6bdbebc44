"""What came of a fit: whether the network is of use, and the warnings that say so."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import is_regressor
from sklearn.exceptions import ConvergenceWarning

from skmlp_scratch._data import Rows
from skmlp_scratch._diagnostics import (
    SAMPLE_ROWS,
    SCALE_FEATURES,
    SCALE_TARGETS,
    features_are_fine,
    row_out_of_line,
    target_warnings,
)
from skmlp_scratch._parameter_checks import is_budgeted
from skmlp_scratch.exceptions import (
    ConstantPredictionWarning,
    DeadUnitsWarning,
    DivergenceError,
    DivergenceWarning,
)
from skmlp_scratch.nn.layers import per_layer
from skmlp_scratch.nn.losses import SigmoidCrossEntropy, SoftmaxCrossEntropy
from skmlp_scratch.nn.network import Network
from skmlp_scratch.nn.training import Divergence, History
from skmlp_scratch.nn.typing import Array

LARGEST_SHARE_OF_DEAD_UNITS = 0.5
# Losses, in units of that of a constant prediction, that are worth a word.
STAGNANT, WORSE, FAR_WORSE = 0.9, 1.05, 3
# On validation rows a network that is of no use on those of training may get below 1, too.
BY_CHANCE = 0.98
FEW_STEPS = 10


@dataclass(frozen=True)
class Judgement:
    """How a network does on a sample of rows, beside the best constant prediction.

    Attributes
    ----------
    loss, constant_loss : float
        Their mean losses.
    ratio : float
        The one divided by the other or, if that is smaller, by 0.9 of the other, without
        the row in a hundred that the network predicts worst: it may be so far out of line
        that no network could predict it.
    more_right : bool
        Whether more labels are right than by calling all rows the commonest, although the
        loss is larger.
    distinguishes : bool
        Whether the network predicts different things for different rows, or need not.
    finite : bool
        Whether what it predicts are finite numbers.
    dead_units : tuple of int, int and float, or None
        The first ReLU layer in which most units are 0 for all rows: its number, counted
        from 1, its width, and the share of these units.
    """

    loss: float
    constant_loss: float
    ratio: float
    more_right: bool
    distinguishes: bool
    finite: bool
    dead_units: tuple[int, int, float] | None

    @property
    def useful(self) -> bool:
        """Whether the network is better than a constant prediction."""
        return self.finite and (self.ratio < 1 or self.more_right)


def judge(
    network: Network, data: Rows, constant_loss: float | None = None
) -> Judgement:
    """Compare a network with the best constant prediction, on a sample of rows.

    A sample may lack what is rare, and then be too easy for a constant: if the loss of
    the best constant prediction for all rows is given, and larger, it takes its place.
    """
    sample = data.some(SAMPLE_ROWS)
    targets, weights = sample.targets, sample.weights
    dtype = network.parameters.vector.dtype
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        logits = network.forward(sample.X.astype(dtype, copy=False)).copy()
        loss, constant = _losses(network, logits, targets, weights)
        constant = max(constant, constant_loss or 0)
        ratio, more_right = np.float64(loss) / constant, False
        if not ratio < 1:
            # Better on most rows, but not on all, has to be clearly so.
            ratio = np.fmin(ratio, _ratio_of_most(network, logits, sample) / 0.9)
            more_right = _more_labels_right(network, logits, targets, weights)
        spread = np.ptp(logits, axis=0).max()
        same = spread <= 10 * np.finfo(dtype).eps * np.abs(logits).max()
    return Judgement(
        loss,
        constant,
        float(ratio),
        more_right,
        not same or not anything_to_distinguish(sample),
        bool(np.isfinite(logits).all()),
        _dead_units(network),
    )


def _ratio_of_most(network: Network, logits: Array, sample: Rows) -> float:
    """Return the ratio of the losses without the row in a hundred predicted worst."""
    # The derivative of every loss is prediction minus target.
    _, errors = network.loss.loss_and_gradient(logits.copy(), sample.targets)
    by_error = np.argsort(np.abs(errors).sum(axis=1), kind="stable")
    kept = by_error[: len(by_error) - len(by_error) // 100 - (len(by_error) >= 10)]
    weights = None if sample.weights is None else sample.weights[kept]
    loss, constant = _losses(network, logits[kept], sample.targets[kept], weights)
    return np.float64(loss) / constant


def _dead_units(network: Network) -> tuple[int, int, float] | None:
    """Return what there is to say of the units in the last batch that went through."""
    *hidden, _ = network.outputs
    names = per_layer(network.activation, len(hidden))
    for number, (name, output) in enumerate(zip(names, hidden, strict=True), start=1):
        if name != "relu":
            continue
        share = 1 - output.any(axis=0).mean()
        if share > LARGEST_SHARE_OF_DEAD_UNITS:
            return number, output.shape[1], share
    return None


def _losses(
    network: Network, logits: Array, targets: Array, weights: Array | None
) -> tuple[float, float]:
    """Return the mean losses of a network and of the best constant prediction."""
    normalizer = None if weights is None else weights.sum()
    loss, _ = network.loss.loss_and_gradient(logits, targets, weights, normalizer)
    return loss, network.loss.constant_loss(targets, weights, logits.shape[1])


def _more_labels_right(
    network: Network, logits: Array, targets: Array, weights: Array | None
) -> bool:
    """Return whether more labels are right than by calling all rows the commonest.

    By three standard errors: networks that exploded do have some right by chance.
    """
    if isinstance(network.loss, SoftmaxCrossEntropy):
        counts = np.bincount(targets, weights, minlength=logits.shape[1])
        commonest = counts.max() / counts.sum()
        right = np.average(logits.argmax(axis=1) == targets, weights=weights)
    elif isinstance(network.loss, SigmoidCrossEntropy):
        shares = np.average(targets > 0, axis=0, weights=weights)
        commonest = np.maximum(shares, 1 - shares).mean()
        right = np.average(
            (logits > 0) == (targets > 0), axis=0, weights=weights
        ).mean()
    else:
        return False
    error = np.sqrt(commonest * (1 - commonest) / targets.size)
    return bool(right > commonest + 3 * error)


@dataclass(frozen=True)
class Outcome:
    """A fit that has ended, and what there is to say about it.

    Attributes
    ----------
    est : estimator
        Its parameters are read.
    network : Network
        After training.
    training : Rows
        The rows trained on.
    validation : Rows or None
        The rows that decided which weights to keep, if there are any.
    history : History
    constant_loss : float
        That of the best constant prediction on all training rows.
    n_steps : int
        Steps of the optimizer.
    fresh : bool
        Whether training began with random weights.
    """

    est: Any
    network: Network
    training: Rows
    validation: Rows | None
    history: History
    constant_loss: float
    n_steps: int
    fresh: bool

    def reports(self, incremental: bool) -> list[Warning]:
        """Return the warnings about how training ended and about the network.

        Raises
        ------
        DivergenceError
            If training diverged, and left nothing that beats a constant prediction.
        """
        history = self.history
        if history.divergence:
            return [self._divergence(history.divergence, incremental)]
        if history.interrupted:
            return [UserWarning(self._interruption())]
        if incremental:
            return []
        # No epoch is the best if none could be validated.
        none_is_best = self.fresh and self.validation and not history.best_epoch
        judgement = self._on_training()
        if none_is_best or not judgement.finite:
            # The last step made the explosion: no loss has shown it yet.
            divergence = Divergence(math.nan, history.total_epochs)
            return [self._divergence(divergence, incremental)]
        found = []
        if not self.at_its_end:
            found.append(ConvergenceWarning(self._shortness(judgement)))
        found += self._network_warnings(judgement)
        if judgement.dead_units and anything_to_distinguish(self.training):
            number, width, share = judgement.dead_units
            found.append(
                DeadUnitsWarning(
                    f"{share:.0%} of the {width} units in hidden layer {number} are 0 for "
                    "all rows of the training data: ReLU passes no gradient there, and "
                    "they no longer learn. Use another activation, or "
                    f"{self.remedies(stuck=False)}."
                )
            )
        return found

    @property
    def at_its_end(self) -> bool:
        """Whether training took itself to be at its end."""
        return self.history.converged or is_budgeted(
            self.est.solver, self.est.learning_rate
        )

    def why_it_ended(self) -> str:
        """Return a line on that; where scikit-learn has words for it, in these."""
        est, history = self.est, self.history
        if history.divergence:
            return f"Training diverged: {history.divergence}. Stopping."
        if history.interrupted:
            return "Training interrupted by user."
        if est.solver == "lbfgs":
            return f"L-BFGS: {history.message}"
        if history.converged:
            what = f"Validation {est.monitor}" if self.validation else "Training loss"
            return (
                f"{what} did not improve more than tol={est.tol:f} for "
                f"{est.n_iter_no_change} consecutive epochs. Stopping."
            )
        return f"All of max_iter={est.max_iter} epochs are done. Stopping."

    def _divergence(self, divergence: Divergence, incremental: bool) -> Warning:
        cause = row_out_of_line(self.training)
        cause = f" {cause}: leave that row out, or correct it." if cause else ""
        what = f"Training diverged: {divergence}."
        remedy = _sentence(self.remedies(stuck=False)) + cause
        if incremental and not self.fresh:
            return DivergenceWarning(
                f"{what} These rows were left out, and the model is as it was. {remedy}"
            )
        judgement = self._on_training()
        if self.validation:
            judgement = judge(self.network, self.validation)
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
        n_epochs = self.history.epochs
        if n_epochs:
            return (
                f"Training interrupted by user after {n_epochs} epochs; the model can be "
                "used as it is."
            )
        state = "untrained" if self.fresh else "hardly changed since the last fit"
        return (
            "Training interrupted by user before the first epoch ended: the network is "
            f"{state}. Call fit again."
        )

    def _shortness(self, judgement: Judgement) -> str:
        est, history = self.est, self.history
        if est.solver == "lbfgs":
            return (
                f"L-BFGS stopped after {history.epochs} iterations before it converged "
                f"(max_iter={est.max_iter}): {history.message}. Raise max_iter or "
                "max_fun" + ("." if self._features_fine else ", or scale the features.")
            )
        early = f"validation {est.monitor}" if est.early_stopping else "training loss"
        stopped = (
            f"Stopped at max_iter={est.max_iter} before the {early} ceased to improve by "
            f"tol={est.tol}. "
        )
        if self.n_steps >= FEW_STEPS and not judgement.ratio <= FAR_WORSE:
            return (
                f"{stopped}The network has a loss of {judgement.loss:.3g} on the training "
                f"data, where a constant prediction has {judgement.constant_loss:.3g}. "
                f"Raise max_iter, or {self.remedies(stuck=False)}."
            )
        return (
            f"{stopped}Raise max_iter, or ignore this if max_iter is meant as a budget."
        )

    def _network_warnings(self, on_training: Judgement) -> list[Warning]:
        """Return a warning if the network is no better than a constant prediction."""
        which, rows, judgement = "training", self.training, on_training
        if self.validation:
            which, rows = "validation", self.validation
            judgement = judge(self.network, rows)
        if not anything_to_distinguish(rows):
            return []
        worst = self._worst(on_training.useful or judgement.useful)
        if self.validation and not on_training.useful and self.n_steps >= FEW_STEPS:
            worst = min(worst, BY_CHANCE)
        if self.at_its_end and not judgement.ratio <= worst:
            remedies = self.remedies()
            if self.validation and on_training.useful:  # overfitted, or of another kind
                remedies = "raise alpha, or use validation rows like those of training"
            if self.est.early_stopping and self.est.monitor == "score":
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
        return judge(self.network, self.training, self.constant_loss)

    def _worst(self, useful: bool) -> float:
        """Return the largest loss that is not worth a word, in units of the constant's.

        A few steps are not meant to learn much, and a useful network may be overconfident.
        """
        if self.n_steps < FEW_STEPS:
            return FAR_WORSE
        curve = self.history.loss_curve
        if self.fresh and min(curve) > 0.999 * curve[0]:
            return STAGNANT
        return FAR_WORSE if useful else WORSE

    @property
    def _features_fine(self) -> bool:
        return features_are_fine(self.training)

    def remedies(self, stuck: bool = True) -> str:
        """Return what to try, as the end of a sentence.

        ``stuck`` says that training longer, or less penalty, might help.
        """
        est = self.est
        found = []
        if est.solver != "lbfgs":
            direction = "raise or lower" if stuck else "lower"
            found.append(f"{direction} learning_rate_init={est.learning_rate_init}")
        if not self._features_fine:
            found.append(SCALE_FEATURES)
        targets = self.training.taken()[0]
        if is_regressor(est) and target_warnings(
            targets, est.out_activation_ == "exp", est.weight_init == "glorot_uniform"
        ):
            found.append(SCALE_TARGETS)
        if stuck:
            found += ["lower alpha", "train longer"]
        return ", or ".join(found or ["raise alpha"])


def anything_to_distinguish(rows: Rows) -> bool:
    """Return whether there are two rows with different targets."""
    return len(rows) > 1 and bool(np.ptp(rows.taken()[0], axis=0).any())


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."
