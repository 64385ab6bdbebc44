"""What a checkpoint holds: a fitted model, and the fit that left it, to go on with."""

import inspect
import reprlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np

from skmlp_scratch._estimator.attributes import FittedAttributes
from skmlp_scratch._estimator.continuation import (
    AverageState,
    NormState,
    Past,
    TrainingState,
)
from skmlp_scratch._estimator.forms import check_attributes, check_state
from skmlp_scratch._estimator.loaded import check_fitted
from skmlp_scratch._estimator.parameters import check_parameters
from skmlp_scratch._estimator.problem import Problem
from skmlp_scratch._estimator.run import Run
from skmlp_scratch._estimator.settings import Settings
from skmlp_scratch._estimator.solvers import is_budgeted, is_stochastic
from skmlp_scratch._estimator.storage import load_tree, save_tree
from skmlp_scratch._estimator.targets import Targets
from skmlp_scratch.exceptions import CheckpointError
from skmlp_scratch.nn.state import (
    bit_generator,
    set_random_state,
    set_state_of_training,
)

FORMAT, VERSION = "skmlp_scratch checkpoint", 1
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
# Fitted attributes whose names begin with an underscore.
PRIVATE = [name for name in FittedAttributes.__annotations__ if name.startswith("_")]
# Those that the check of X sets.
NAMES_OF_X = ("n_features_in_", "feature_names_in_")
STATES = {"state": TrainingState, "average": AverageState, "norm": NormState}


@dataclass
class Checkpoint:
    """The contents of a checkpoint.

    Attributes
    ----------
    estimator : str
        The name of the estimator's class.
    parameters : dict
        The parameters of the constructor.
    attributes : dict
        The fitted attributes.
    interrupted : dict or None
        What it takes to go on with the fit; None if it cannot go on.
    """

    estimator: str
    parameters: dict[str, Any]
    attributes: dict[str, Any]
    interrupted: dict[str, Any] | None

    def write(self, path: Path, before: Callable[[], None] | None = None) -> None:
        """Write all of it to a file, as a whole or not at all.

        ``before`` is called when the new file is complete, and the old one still there.
        """
        tree = {"format": FORMAT, "version": VERSION, **vars(self)}
        state = self.attributes.get("_training_state")
        try:
            check_attributes(self.attributes)
        except ValueError as error:
            raise CheckpointError(f"No file can be read again if {error}") from error
        if state is not None:
            packed = self.attributes | {"_training_state": _as_dict(state)}
            tree["attributes"] = packed
        save_tree(path, tree, before)

    @classmethod
    def read(cls, path: Path, estimator_class: type) -> Self:
        """Read a file, and check that it holds a model of a class.

        Raises
        ------
        CheckpointError
            If it is damaged, written by a newer version, or of something else.
        """
        tree = load_tree(path)
        with damage_named(path):
            if not (isinstance(tree, dict) and tree.get("format") == FORMAT):
                raise CheckpointError(
                    f"{str(path)!r} is no checkpoint of skmlp_scratch"
                )
            if tree["version"] != VERSION:
                raise CheckpointError(
                    f"{str(path)!r} has version {tree['version']!r} of the format, and "
                    f"this skmlp_scratch reads version {VERSION}. Install a newer one."
                )
            contents = cls(**{field.name: tree[field.name] for field in fields(cls)})
            name = own_class(estimator_class).__name__
            if contents.estimator != name:
                raise CheckpointError(
                    f"{str(path)!r} holds a {contents.estimator}, not a {name}"
                )
            given = contents.parameters
            if not isinstance(given, dict):
                raise TypeError("its parameters have no names")
            contents.parameters = _completed(given, estimator_class)
            state = contents.attributes.get("_training_state")
            if state is not None:
                contents.attributes["_training_state"] = _training_state(state)
            check_attributes(contents.attributes)
            others = [n for n in contents.attributes if not is_fitted(n)]
            if others:
                raise ValueError(f"no fit leaves {reprlib.repr(others)}")
        return contents


def _as_dict(state: Any) -> Any:
    """Return a dataclass as a dict, and the dataclasses in it, without copying."""
    names = [field.name for field in fields(state)]
    values = {name: getattr(state, name) for name in names}
    return {
        name: _as_dict(value) if name in STATES and value is not None else value
        for name, value in values.items()
    }


def _training_state(values: Mapping[str, Any]) -> TrainingState:
    state = TrainingState(
        **{
            name: STATES[name](**value) if name in STATES and value else value
            for name, value in values.items()
        }
    )
    check_state(state)
    return state


@contextmanager
def damage_named(path: Path) -> Iterator[None]:
    """Name the file in what goes wrong with contents of the wrong form."""
    try:
        yield
    except CheckpointError:
        raise
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as e:
        raise CheckpointError(
            f"{str(path)!r} is damaged: its contents do not fit together ({e}). Take "
            "an older checkpoint, or start anew."
        ) from e


def fitted_from(contents: Checkpoint, model: FittedAttributes, path: Path) -> None:
    """Give a new estimator the parameters and fitted attributes of a checkpoint."""
    with damage_named(path):
        check_parameters(known(contents.parameters))
        model.__dict__.update(contents.parameters)
        model.__dict__.update(contents.attributes)
        check_fitted(model)


def _completed(parameters: Mapping[str, Any], estimator_class: type) -> dict[str, Any]:
    """Return the parameters that a class has, with its defaults for those not there.

    The file may be of a subclass, or of a version, with more or fewer of them.
    """
    known_here = {
        **inspect.signature(own_class(estimator_class)).parameters,
        **inspect.signature(estimator_class).parameters,
    }
    defaults = {
        name: parameter.default
        for name, parameter in known_here.items()
        if parameter.default is not inspect.Parameter.empty
    }
    given = {name: parameters[name] for name in known_here if name in parameters}
    missing = known_here.keys() - defaults.keys() - given.keys()
    if missing:
        raise ValueError(f"it has no values for {sorted(missing)}")
    return defaults | given


def checkpoint_of(
    model: FittedAttributes,
    found: dict[str, Any],
    interrupted: dict[str, Any] | None = None,
) -> Checkpoint:
    """Return the contents of a checkpoint.

    Parameters
    ----------
    model : estimator
        The model.
    found : dict
        Fitted attributes in place of those of the model.
    interrupted : dict, default=None
        What it takes to go on with the fit.
    """
    attributes = vars(model) | found
    parameters = model.get_params(deep=False) | known(vars(model))
    return Checkpoint(
        own_class(type(model)).__name__,
        parameters,
        {name: attributes[name] for name in filter(is_fitted, attributes)},
        interrupted,
    )


def is_fitted(name: str) -> bool:
    """Return whether an attribute is one that a fit leaves."""
    return name in PRIVATE or (name.endswith("_") and not name.startswith("_"))


def own_class(estimator_class: type) -> type:
    """Return the class with our constructor, of which there may be subclasses."""
    own = __name__.partition(".")[0]
    return next(
        c
        for c in estimator_class.__mro__
        if c.__module__.partition(".")[0] == own and "__init__" in vars(c)
    )


def known(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters without those that a subclass has beside ours."""
    ours = {field.name for field in fields(Settings)}
    return {name: value for name, value in parameters.items() if name in ours}


def interrupted_fit(run: Run) -> dict[str, Any] | None:
    """Return what it takes to go on with a fit; None if it cannot go on."""
    training = run.state_of_training()
    if training is None:
        return None
    past = run.problem.past
    return {
        "past": past and _as_dict(past),
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
                past = Past(**past | {"state": _training_state(past["state"])})
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
