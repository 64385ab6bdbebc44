"""The base class of both estimators: fitting, and what scikit-learn asks for."""

import inspect
from collections.abc import Hashable
from functools import cache
from os import PathLike
from pathlib import Path
from typing import Any, ClassVar, Self, cast

from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from skmlp_scratch._documentation import DocumentationLink
from skmlp_scratch._estimator.attributes import FittedAttributes
from skmlp_scratch._estimator.checkpoint import (
    Checkpoint,
    checkpoint_of,
    fitted_from,
    is_fitted,
    own_class,
)
from skmlp_scratch._estimator.continuation import TrainingState
from skmlp_scratch._estimator.fitting import fit
from skmlp_scratch._estimator.inputs import Call
from skmlp_scratch._estimator.parameters import (
    check_parameters,
    ignored_parameter_warnings,
    plain,
)
from skmlp_scratch._estimator.prediction import (
    last_hidden_activations,
    last_hidden_width,
    snapshot,
)
from skmlp_scratch._estimator.resuming import Interrupted
from skmlp_scratch._estimator.settings import Settings
from skmlp_scratch._estimator.solvers import is_stochastic, obstacle_to_partial_fit
from skmlp_scratch._estimator.summary import summary_of
from skmlp_scratch._estimator.targets import TargetKind
from skmlp_scratch._estimator.tasks import CallbackSupportMixin, FitTasks
from skmlp_scratch.exceptions import warn
from skmlp_scratch.nn.typing import Array
from skmlp_scratch.summary import TrainingSummary


class BaseScratchMLP(
    CallbackSupportMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    DocumentationLink,
    FittedAttributes,
):
    """Base class. A subclass has the constructor, and passes its kind of targets."""

    # With metadata routing: nobody passes a validation set that is not to be used.
    __metadata_request__fit: ClassVar[dict[str, bool]] = {
        "X_val": True,
        "y_val": True,
        "sample_weight_val": True,
    }

    def _fit_aside(self, kind: TargetKind, call: Call) -> None:
        """Train a copy of this estimator, then take over its attributes at once.

        A fit that fails changes nothing. Other threads can predict with the old model
        during the fit. The new model is complete before anything is reported.
        """
        before = dict(vars(self))
        defaults = default_parameters(cast(Hashable, type(self)))
        check_parameters({name: getattr(self, name) for name in defaults})
        kept = {name: plain(before[name]) for name in defaults if name in before}
        twin = object.__new__(type(self))
        twin.__dict__ = before | kept
        parameters = {name: getattr(twin, name) for name in defaults}
        reports = ignored_parameter_warnings(parameters, defaults)
        settings = Settings.of(parameters)
        interrupted = _read_interrupted(twin, settings, call)
        n_epochs = interrupted.n_epochs if interrupted else 0
        tasks = (
            None
            if call.incremental
            else FitTasks(self, twin, call, max(0, settings.max_iter - n_epochs))
        )
        observe = tasks.observe if tasks else None
        attributes, found = fit(
            twin, kind, settings, call, reports, observe, interrupted
        )
        twin.__dict__.update(attributes)
        learnt = {k: v for k, v in vars(twin).items() if before.get(k, twin) is not v}
        learnt = {k: v for k, v in learnt.items() if k not in kept}
        forgotten = before.keys() - vars(twin).keys()
        own = {k: v for k, v in vars(self).items() if k not in forgotten}
        # A single assignment: all attributes of one dict belong to one model.
        replaced, self.__dict__ = self.__dict__, own | learnt
        if tasks:
            tasks.end(replaced)
        for report in found:
            warn(report)

    def to_checkpoint(self, path: str | PathLike[str]) -> None:
        """Write the fitted estimator to a file, without pickle.

        The file is one that :meth:`from_checkpoint` reads, here or elsewhere: NumPy's
        ``.npz``, with arrays and JSON. It is there as a whole or not at all.

        Parameters
        ----------
        path : str or path-like
            The file, which is replaced if it is there.

        Raises
        ------
        CheckpointError
            If a parameter is an object of a kind that a checkpoint cannot hold.
        OSError
            If the file cannot be written.
        """
        checkpoint_of(snapshot(self), {}).write(Path(path))

    @classmethod
    def from_checkpoint(cls, path: str | PathLike[str]) -> Self:
        """Return a fitted estimator from a file.

        Reading a checkpoint runs no code that it might contain: it is safe for files
        from strangers, as a pickle is not.

        Parameters
        ----------
        path : str or path-like
            A file that :meth:`to_checkpoint` wrote, or the callback
            :class:`~skmlp_scratch.callbacks.Checkpoint`: the model is then the one that
            the fit would have returned, had it ended there.

        Returns
        -------
        estimator : estimator
            With the parameters and the fitted attributes of the one that was stored.

        Raises
        ------
        CheckpointError
            If the file is damaged, of another estimator, or written by a newer version.
        OSError
            If there is no such file, or it cannot be read.
        """
        model = cls.__new__(cls)
        contents = Checkpoint.read(Path(path), cls)
        fitted_from(contents, model, Path(path))
        return model

    def transform(self, X: Any) -> Array:
        """Return the activations of the last hidden layer, as features.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The data.

        Returns
        -------
        features : ndarray of shape (n_samples, n_units)
            One column for each unit of the last hidden layer, in the computing type.

        Raises
        ------
        ValueError
            If there is no hidden layer.
        """
        return last_hidden_activations(snapshot(self), X)

    def get_feature_names_out(self, input_features: Any = None) -> Array:
        """Return the names of what ``transform`` returns, numbered from 0.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Must be the names seen in ``fit``; of no other use.

        Returns
        -------
        names : ndarray of str objects
            The name of the class in lower case, and a number.

        Raises
        ------
        ValueError
            If there is no hidden layer, or ``input_features`` does not match.
        """
        check_is_fitted(self, "coefs_")
        last_hidden_width(self)
        return super().get_feature_names_out(input_features)

    @property
    def _n_features_out(self) -> int:
        try:
            return last_hidden_width(self)
        except ValueError as error:
            # dir() asks for every attribute that there is, in scikit-learn 1.9.
            raise AttributeError(str(error)) from error

    def training_summary(self) -> TrainingSummary:
        """Return what happened in the last fit: layer by layer, and in words.

        Little is known after ``partial_fit``, as the time of a call must not grow, and
        of a fit that had not ended, as in a checkpoint.

        Returns
        -------
        summary : TrainingSummary
            Print it to read it. ``summary.layers`` has activations and gradients of
            each layer, ``summary.explain()`` how the fit ended and what to try.

        Raises
        ------
        NotFittedError
            If the weights are not from a fit of this estimator.
        """
        return summary_of(snapshot(self))

    def drop_training_state(self) -> Self:
        """Drop the state that only ``partial_fit`` needs, which makes pickles smaller.

        The state of Adam is twice the size of the weights, the state of batch
        normalisation as large as they. A later ``partial_fit`` starts with a new
        optimizer and a new source of randomness.

        Returns
        -------
        self : estimator
            This estimator.
        """
        check_is_fitted(self)
        self._training_state = TrainingState()
        return self

    def __getstate__(self) -> dict[str, Any]:
        """Return the state to pickle or copy, with its own copies of the curves."""
        state = dict(super().__getstate__())
        for curve in ("loss_curve_", "learning_rate_curve_"):
            if state.get(curve) is not None:
                state[curve] = list(state[curve])
        return state

    def _takes_sparse(self) -> bool:
        # noise may have any value: tags are read before parameters are checked.
        return not is_stochastic(self.solver) or bool(self.noise == 0)

    def _has_partial_fit(self) -> bool:
        """Return True, or raise the AttributeError that says why there is none."""
        obstacle = obstacle_to_partial_fit(
            self.solver, self.learning_rate, self.early_stopping
        )
        if obstacle:
            raise AttributeError(obstacle)
        return True

    def __sklearn_tags__(self) -> Any:
        """Return the tags for scikit-learn."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = self._takes_sparse()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _read_interrupted(
    twin: BaseScratchMLP, settings: Settings, call: Call
) -> Interrupted | None:
    """Return the fit to go on with, if any; the twin then has what it had learnt."""
    if call.resume_from is None:
        return None
    if not isinstance(call.resume_from, str | PathLike):
        raise TypeError(f"resume_from must be a path, got {call.resume_from!r}")
    interrupted = Interrupted.read(Path(call.resume_from), type(twin), settings)
    kept = {k: v for k, v in vars(twin).items() if not is_fitted(k)}
    twin.__dict__ = kept | interrupted.contents.attributes
    return interrupted


@cache
def default_parameters(estimator_class: Hashable) -> dict[str, Any]:
    """Return the defaults of the parameters; finding them takes 0.1 ms.

    A user's subclass may have a constructor with other parameters.
    """
    ours = own_class(cast(type, estimator_class))
    parameters = inspect.signature(ours).parameters.values()
    return {parameter.name: parameter.default for parameter in parameters}
