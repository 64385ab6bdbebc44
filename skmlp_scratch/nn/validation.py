"""Validation: score and loss, during training, on rows that are not trained on."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from skmlp_scratch.nn.network import Network
from skmlp_scratch.nn.typing import Array, Loss


@dataclass(frozen=True)
class Validation:
    """Rows to validate on, with the loss and the score to compute.

    Attributes
    ----------
    X : ndarray or sparse CSR matrix of shape (n_samples, n_features)
    targets : ndarray of shape (n_rows,) or (n_rows, n_outputs)
        Targets of the validation rows.
    loss : Loss
        The loss to compute, without penalty.
    score : callable
        Takes logits, targets and weights; returns a number, larger is better.
    rows : ndarray of int of shape (n_rows,), default=None
        Which rows of X; None means all of them.
    weights : ndarray of shape (n_rows,), default=None
        Weights of the validation rows; None means that all have the same weight.
    """

    X: Array
    targets: Array
    loss: Loss
    score: Callable[[Array, Array, Array | None], float]
    rows: Array | None = None
    weights: Array | None = None

    def measure(self, network: Network) -> tuple[float, float]:
        """Return the score and the mean loss of the network."""
        weights = self.weights
        normalizer = None if weights is None else float(weights.sum())
        with np.errstate(over="ignore", invalid="ignore"):
            logits = network.predict(self.X, self.rows)
            score = self.score(logits, self.targets, weights)
            loss, _ = self.loss.loss_and_gradient(
                logits, self.targets, weights, normalizer
            )
        return score, loss
