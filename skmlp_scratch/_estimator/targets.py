"""The targets: one class per row, several labels per row, or real values.

A kind of targets checks ``y`` and makes the targets. They encode, weigh, split, score
and decode, and have the loss. This module does not depend on the estimators.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from skmlp_scratch._estimator.settings import Settings
from skmlp_scratch.nn.typing import Array, Loss


@dataclass(frozen=True)
class Known:
    """What is known about the targets before ``y`` is read.

    Attributes
    ----------
    output_activation : str or None
        Output activation of the fit that training continues from, if there is one.
    n_outputs : int or None
        Number of outputs of that fit.
    loss : str or None
        The loss of that fit, if it was one of a regressor.
    classes : ndarray or None
        The classes of that fit, or of a first call without rows.
    incremental : bool
        Whether the rows are a part of a stream, which may lack some classes.
    all_classes : array-like or None
        What the caller of ``partial_fit`` passed as ``classes``.
    """

    output_activation: str | None = None
    n_outputs: int | None = None
    loss: str | None = None
    classes: Array | None = None
    incremental: bool = False
    all_classes: Any = None

    @property
    def resumes(self) -> bool:
        """Whether training continues from an earlier fit."""
        return self.output_activation is not None


class Targets(Protocol):
    """What a fit needs of its targets.

    Attributes
    ----------
    loss, validation_loss : Loss
        The loss to minimize, and the loss to compute on validation rows.
    n_outputs : int
        How many outputs the network needs.
    real : bool
        Whether they are values, not labels.
    unit_free : bool
        Whether training goes the same way for values in another unit.
    attributes : dict
        The fitted attributes that depend on the targets.
    """

    loss: Loss
    validation_loss: Loss
    n_outputs: int
    real: bool
    attributes: dict[str, Any]

    @property
    def unit_free(self) -> bool:
        """See above."""

    def check_validation(self, y: Array) -> None:
        """Raise an error unless validation targets are like the training targets."""

    def encode(self, y: Array, dtype: np.dtype[Any], name: str = "y") -> Array:
        """Return targets for the loss: class codes, or values in the given type."""

    def weigh(
        self, codes: Array, weights: Array | None, incremental: bool
    ) -> Array | None:
        """Return the weights of the rows times the class weights, if any."""

    def split(
        self, codes: Array, rng: np.random.RandomState
    ) -> tuple[Array, Array, list[Warning]]:
        """Return the positions of training and validation rows, and warnings."""

    def score(self, logits: Array, codes: Array, weights: Array | None) -> float:
        """Return the score of the estimator, given encoded targets."""

    def shares_right(
        self, logits: Array, codes: Array, weights: Array | None
    ) -> tuple[float, float] | None:
        """Return the shares of right labels and of the most frequent label, or None."""

    def largest_loss(self, codes: Array) -> float:
        """Return roughly the largest loss of a row, which limits the weights."""

    def start(self, codes: Array, weights: Array | None) -> Array | None:
        """Return the logits that training starts from; None means 0."""


class TargetKind(Protocol):
    """The kind of an estimator's targets, known before ``y`` is read."""

    def check(self, y: Array, name: str, estimator: str) -> Array:
        """Return ``y`` if it is valid; raise an error that names it otherwise."""

    def check_type(self, y: Any, name: str) -> None:
        """Raise an error if the type of the ``y`` that was passed is not allowed."""

    def targets(self, y: Array, settings: Settings, known: Known) -> Targets:
        """Return the targets for a checked ``y``."""
