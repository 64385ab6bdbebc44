"""The training problem that a fit solves, with all arguments checked."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from skmlp_scratch._estimator.continuation import Past
from skmlp_scratch._estimator.rows import Rows
from skmlp_scratch._estimator.settings import Settings
from skmlp_scratch._estimator.solvers import is_stochastic
from skmlp_scratch._estimator.targets import Targets

# L-BFGS uses all rows in each step; the network processes this many at a time.
LBFGS_BLOCK_ROWS = 2000
# Rows that tell the data of a fit from others.
SAMPLE_ROWS = 1000


@dataclass(frozen=True)
class Problem:
    """A training problem: settings, rows, and the fit to continue from.

    Attributes
    ----------
    settings : Settings
    targets : Targets
    training : Rows
        The rows to train on.
    held_out : Rows or None
        The rows to validate on.
    monitor : str
        The monitored quantity, a key of ``nn.stopping.MONITORS``.
    past : Past or None
        The fit that training continues from.
    incremental : bool
        Whether this is ``partial_fit``.
    random_state : dict or None
        State of the source of random numbers before ``fit`` drew any.
    """

    settings: Settings
    targets: Targets
    training: Rows
    held_out: Rows | None
    monitor: str
    past: Past | None
    incremental: bool
    random_state: dict[str, Any] | None

    @cached_property
    def constant_loss(self) -> float:
        """The loss of the best constant prediction on all training rows."""
        targets, weights = self.training.own()
        return self.targets.loss.constant_loss(targets, weights, self.targets.n_outputs)

    @cached_property
    def identity(self) -> dict[str, Any]:
        """Numbers that tell rows from others: how many, and sums over a sample."""
        found: dict[str, Any] = {}
        for name, rows in ("", self.training), ("_val", self.held_out):
            found[f"n_rows{name}"] = 0 if rows is None else len(rows)
            found |= {} if rows is None else _sums(rows, name)
        return found

    @property
    def batch_rows(self) -> int:
        """How many rows go through the network at a time."""
        if not is_stochastic(self.settings.solver):
            return LBFGS_BLOCK_ROWS
        return self.settings.batch_rows(len(self.training))

    @property
    def steps_per_epoch(self) -> int:
        """How many batches there are in an epoch."""
        return -(-len(self.training) // self.batch_rows)


def _sums(rows: Rows, name: str) -> dict[str, tuple[float, float]]:
    """Return sums that depend on the order of rows and columns, and their size."""
    sample = rows.sample(SAMPLE_ROWS)
    weights = np.ones(1) if sample.weights is None else sample.weights
    parts = {"X": sample.X, "y": sample.targets, "sample_weight": weights}
    found = {}
    for part, values in parts.items():
        row = np.linspace(1, 2, values.shape[0])
        column = np.linspace(1, 2, values.shape[1]) if values.ndim > 1 else None
        total, size = (
            float(row @ (v if column is None else v @ column))
            for v in (values.astype(np.float64), abs(values).astype(np.float64))
        )
        found[f"{part}{name}"] = (total, size)
    return found
