"""What a checkpoint holds: a fitted model, and what it takes to go on with the fit."""

import inspect
import reprlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

from skmlp_scratch._estimator.attributes import FittedAttributes
from skmlp_scratch._estimator.continuation import (
    AverageState,
    NormState,
    TrainingState,
)
from skmlp_scratch._estimator.forms import check_attributes, check_state
from skmlp_scratch._estimator.loaded import check_fitted
from skmlp_scratch._estimator.parameters import check_parameters
from skmlp_scratch._estimator.settings import Settings
from skmlp_scratch._estimator.storage import load_tree, save_tree
from skmlp_scratch.exceptions import CheckpointError

FORMAT, VERSION = "skmlp_scratch checkpoint", 1
# Fitted attributes whose names begin with an underscore.
PRIVATE = [name for name in FittedAttributes.__annotations__ if name.startswith("_")]
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
            packed = self.attributes | {"_training_state": as_dict(state)}
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
                contents.attributes["_training_state"] = training_state(state)
            check_attributes(contents.attributes)
            others = [n for n in contents.attributes if not is_fitted(n)]
            if others:
                raise ValueError(f"no fit leaves {reprlib.repr(others)}")
        return contents


def as_dict(state: Any) -> Any:
    """Return a dataclass as a dict, and the dataclasses in it, without copying."""
    names = [field.name for field in fields(state)]
    values = {name: getattr(state, name) for name in names}
    return {
        name: as_dict(value) if name in STATES and value is not None else value
        for name, value in values.items()
    }


def training_state(values: Mapping[str, Any]) -> TrainingState:
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
