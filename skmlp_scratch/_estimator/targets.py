"""What is to be learnt: one class per row, several labels per row, or real values.

A kind of targets checks ``y``. The targets that it then makes know how to encode,
weigh, split, score and decode, and which loss they need. Nothing here knows of
estimators.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from skmlp_scratch._estimator.settings import Settings
from skmlp_scratch.nn.typing import Array, Loss


@dataclass(frozen=True)
class Known:
    """What is known of the targets before ``y`` is seen.

    Attributes
    ----------
    output_activation : str or None
        That of the fit that training goes on from; None means that there is none.
    n_outputs : int or None
        Likewise.
    classes : ndarray or None
        The classes of that fit, or of a first call without rows.
    incremental : bool
        Whether the rows are a part of a stream, which may lack some classes.
    all_classes : array-like or None
        What the caller of ``partial_fit`` passed as ``classes``.
    """

    output_activation: str | None = None
    n_outputs: int | None = None
    classes: Array | None = None
    incremental: bool = False
    all_classes: Any = None

    @property
    def resumes(self) -> bool:
        """Whether training goes on from an earlier fit."""
        return self.output_activation is not None


class Targets(Protocol):
    """What a fit asks of its targets.

    Attributes
    ----------
    loss, validation_loss : Loss
        What is minimized, and what is measured on validation rows.
    n_outputs : int
        How many outputs the network needs.
    real : bool
        Whether they are values, not labels.
    unit_free : bool
        Whether training goes the same way for values in another unit.
    attributes : dict
        What the fitted estimator has of them.
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
        """Raise an error unless validation targets are like those of training."""

    def encode(self, y: Array, dtype: np.dtype[Any], name: str = "y") -> Array:
        """Return targets for the loss: class codes, or values in the given type."""

    def weigh(
        self, codes: Array, weights: Array | None, incremental: bool
    ) -> Array | None:
        """Return the weights of the rows times those of their classes, if any."""

    def split(
        self, codes: Array, rng: np.random.RandomState
    ) -> tuple[Array, Array, list[Warning]]:
        """Return the positions of training and validation rows, and what to warn of."""

    def score(self, logits: Array, codes: Array, weights: Array | None) -> float:
        """Return what the estimator's ``score`` would, given encoded targets."""

    def shares_right(
        self, logits: Array, codes: Array, weights: Array | None
    ) -> tuple[float, float] | None:
        """Return the share of labels that are right, and of the commonest; or None."""

    def largest_loss(self, codes: Array) -> float:
        """Return about what the loss of a row can be, for weights must leave room."""

    def start(self, codes: Array, weights: Array | None) -> Array | None:
        """Return logits for the network to start from; None means 0."""


class TargetKind(Protocol):
    """What ``fit`` says of its ``y``, before it is seen."""

    def check(self, y: Array, name: str, estimator: str) -> Array:
        """Return ``y``, if it can be learnt; raise an error that names it otherwise."""

    def check_type(self, y: Any, name: str) -> None:
        """Raise an error if ``y``, as it was passed, is of a type that it cannot be."""

    def targets(self, y: Array, settings: Settings, known: Known) -> Targets:
        """Return the targets that a checked ``y`` stands for."""
