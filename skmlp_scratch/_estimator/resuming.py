"""Going on with the fit that left a checkpoint: may it, and from which state."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np

from skmlp_scratch._estimator.attributes import FittedAttributes
from skmlp_scratch._estimator.checkpoint import (
    Checkpoint,
    as_dict,
    damage_named,
    known,
    training_state,
)
from skmlp_scratch._estimator.continuation import Past
from skmlp_scratch._estimator.forms import check_attributes
from skmlp_scratch._estimator.parameters import check_parameters
from skmlp_scratch._estimator.problem import Problem
from skmlp_scratch._estimator.run import Run
from skmlp_scratch._estimator.settings import Settings
from skmlp_scratch._estimator.solvers import is_budgeted, is_stochastic
from skmlp_scratch._estimator.targets import Targets
from skmlp_scratch.exceptions import CheckpointError
from skmlp_scratch.nn.state import (
    bit_generator,
    set_random_state,
    set_state_of_training,
)

# What a fit may go on with other values of.
FREE = (
    "max_fun",
    "max_iter",
    "n_iter_no_change",
    "random_state",
    "tol",
    "verbose",
    "warm_start",
)
# Rows are those of the interrupted fit if sums over them are equal to this precision:
# other machines scale features with other rounding.
SAME = 1e-4
# Those that the check of X sets.
NAMES_OF_X = ("n_features_in_", "feature_names_in_")


def interrupted_fit(run: Run) -> dict[str, Any] | None:
    """Return what it takes to go on with a fit; None if it cannot go on."""
    training = run.state_of_training()
    if training is None:
        return None
    past = run.problem.past
    return {
        "past": past and as_dict(past),
        "random_state": run.problem.random_state,
        "rows": run.problem.identity,
        "training": training,
    }


@dataclass(frozen=True)
class Interrupted:
    """An interrupted fit, which ``fit(resume_from=)`` goes on with.

    Attributes
    ----------
    path : Path
    contents : Checkpoint
    past : Past or None
        The fit that the interrupted one had continued from.
    """

    path: Path
    contents: Checkpoint
    past: Past | None

    @classmethod
    def read(cls, path: Path, estimator_class: type, settings: Settings) -> Self:
        """Read a checkpoint, and check it against the settings.

        Raises
        ------
        CheckpointError
            If the file is damaged, or of a fit with other settings.
        """
        if not is_stochastic(settings.solver):
            raise CheckpointError(
                f"resume_from={str(path)!r} needs a solver that trains by "
                f"mini-batches, got solver={settings.solver!r}. Fit without it."
            )
        contents = Checkpoint.read(path, estimator_class)
        if contents.interrupted is None:
            raise CheckpointError(
                f"{str(path)!r} holds a fitted model, and no fit to go on with. Read "
                "it by from_checkpoint."
            )
        with damage_named(path):
            parameters = known(contents.parameters)
            check_parameters(parameters)
            _check_same(Settings.of(parameters), settings, path)
            past = contents.interrupted["past"]
            if past is not None:
                past = Past(**past | {"state": training_state(past["state"])})
                _check_past(past, contents.attributes, settings)
        return cls(path, contents, past)

    @property
    def n_epochs(self) -> int:
        """The number of epochs that are done."""
        with damage_named(self.path):
            return int(self._stored("training")["parts"]["history"]["epochs"])

    def _stored(self, name: str) -> Any:
        assert self.contents.interrupted is not None
        return self.contents.interrupted[name]

    def random_numbers(self) -> np.random.RandomState:
        """Return a source of random numbers as it was before the fit drew any."""
        with damage_named(self.path):
            state = self._stored("random_state")
            rng = np.random.RandomState(bit_generator(state))
            set_random_state(rng, state)
        return rng

    def check_data(
        self, est: FittedAttributes, targets: Targets, dtype: np.dtype[Any]
    ) -> None:
        """Raise an error unless features and targets are of the interrupted fit's form.

        The estimator has the attributes that the check of X sets.
        """
        before, names = self.contents.attributes, "feature_names_in_"
        if self.past and names in before and not hasattr(est, names):
            est.__dict__[names] = before[names]  # a warm start has kept them, too
        now: dict[str, Any] = {n: getattr(est, n, None) for n in NAMES_OF_X}
        now["classes_"] = targets.attributes.get("classes_")
        now["n_outputs_"] = targets.n_outputs
        computed_in = before["coefs_"][0].dtype
        if dtype != computed_in:
            raise CheckpointError(
                f"{str(self.path)!r} is of a fit in {computed_in}, but X would be "
                f"computed in {dtype}. Pass X in the type of that fit."
            )
        for name, new in now.items():
            old: Any = before.get(name)
            if not np.array_equal(old, new):
                raise CheckpointError(
                    f"{str(self.path)!r} is of a fit with {name}={old!r}, but now "
                    f"{name} would be {new!r}. Pass the X and y of that fit."
                )

    def check_rows(self, problem: Problem) -> None:
        """Raise an error unless the rows are those of the interrupted fit."""
        with damage_named(self.path):
            before, now = self._stored("rows"), problem.identity
            for name in now | before:
                old, new = before.get(name), now.get(name)
                same = old == new
                if isinstance(old, tuple) and isinstance(new, tuple):
                    same = abs(old[0] - new[0]) <= SAME * max(old[1], new[1])
                if not same:
                    self._refuse(name, old, new)

    def _refuse(self, name: str, old: Any, new: Any) -> None:
        if isinstance(old, int) and isinstance(new, int):
            which = "validation" if name.endswith("_val") else "training"
            differs = f"there are {new} {which} rows, and were {old}"
        else:
            differs = f"{name} is another"
        raise CheckpointError(
            f"{str(self.path)!r} is of a fit to other data: {differs}. Pass the data "
            "of that fit, or train on with warm_start or partial_fit instead."
        )

    def restore(self, *parts: Any) -> None:
        """Put the parts of training into the state in which they were."""
        with damage_named(self.path):
            set_state_of_training(self._stored("training"), *parts)


def _check_past(past: Past, attributes: Mapping[str, Any], settings: Settings) -> None:
    """Raise an error unless a past fit is one of the same network."""
    check_attributes(
        {
            "coefs_": past.coefs,
            "intercepts_": past.intercepts,
            "_activation": past.activation,
            "out_activation_": past.out_activation,
            "n_outputs_": past.n_outputs,
            "loss_curve_": past.loss_curve,
            "best_loss_": past.best_loss,
            "validation_scores_": past.validation_scores,
            "validation_loss_curve_": past.validation_losses,
            "learning_rate_curve_": past.learning_rates,
            "best_iter_": past.best_iter,
            "t_": past.t,
        }
    )
    now = [*attributes["coefs_"], *attributes["intercepts_"]]
    for before, after in zip([*past.coefs, *past.intercepts], now, strict=True):
        if before.shape != after.shape or before.dtype != after.dtype:
            raise ValueError("the network is another one than before")
    past.check_architecture(settings)


def _check_same(before: Settings, now: Settings, path: Path) -> None:
    """Raise an error if a setting changed that a fit cannot go on without."""
    fixed_plan = is_budgeted(now.solver, now.learning_rate)
    for field in fields(Settings):
        name = field.name
        old, new = getattr(before, name), getattr(now, name)
        free = name in FREE and not (name == "max_iter" and fixed_plan)
        if name == "random_state":  # a seed is kept, and nothing else can be compared
            free = not (isinstance(old, int) and isinstance(new, int))
        if old == new or free:
            continue
        raise CheckpointError(
            f"{name} is {new!r}, but {str(path)!r} is of a fit with {name}={old!r}. "
            f"Set {name} back, or start anew."
        )
