"""The base class of both estimators: fitting, and what scikit-learn asks for."""

import inspect
from collections.abc import Hashable
from functools import cache
from typing import Any, Self, cast

from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from skmlp_scratch._estimator.attributes import FittedAttributes
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
from skmlp_scratch._estimator.settings import Settings
from skmlp_scratch._estimator.solvers import is_stochastic, obstacle_to_partial_fit
from skmlp_scratch._estimator.summary import summary_of
from skmlp_scratch._estimator.targets import TargetKind
from skmlp_scratch.exceptions import warn
from skmlp_scratch.nn.typing import Array
from skmlp_scratch.summary import TrainingSummary


class BaseScratchMLP(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, FittedAttributes
):
    """Base class. A subclass has the constructor, and passes its kind of targets."""

    def _fit_aside(self, kind: TargetKind, call: Call) -> None:
        """Train a copy of this estimator, then take over its attributes at once.

        A fit that fails changes nothing. Other threads can predict with the old model
        during the fit. The new model is complete before anything is reported.
        """
        before = dict(vars(self))
        defaults = _defaults(cast(Hashable, type(self)))
        check_parameters({name: getattr(self, name) for name in defaults})
        kept = {name: plain(before[name]) for name in defaults if name in before}
        twin = object.__new__(type(self))
        twin.__dict__ = before | kept
        parameters = {name: getattr(twin, name) for name in defaults}
        reports = ignored_parameter_warnings(parameters, defaults)
        attributes, found = fit(twin, kind, Settings.of(parameters), call, reports)
        twin.__dict__.update(attributes)
        learnt = {k: v for k, v in vars(twin).items() if before.get(k, twin) is not v}
        learnt = {k: v for k, v in learnt.items() if k not in kept}
        forgotten = before.keys() - vars(twin).keys()
        own = {k: v for k, v in vars(self).items() if k not in forgotten}
        # A single assignment: all attributes of one dict belong to one model.
        self.__dict__ = own | learnt
        for report in found:
            warn(report)

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

    @property
    def _n_features_out(self) -> int:
        return last_hidden_width(self)

    def training_summary(self) -> TrainingSummary:
        """Return what happened in the last fit: layer by layer, and in words.

        After ``partial_fit`` little is known: the time of a call must not grow.

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
        """Return the state to pickle or copy, with its own copy of the loss curve."""
        state = dict(super().__getstate__())
        if "loss_curve_" in state:
            state["loss_curve_"] = list(state["loss_curve_"])
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


@cache
def _defaults(estimator_class: Hashable) -> dict[str, Any]:
    """Return the defaults of the parameters; finding them takes 0.1 ms.

    A user's subclass may have a constructor with other parameters.
    """
    own = __name__.partition(".")[0]
    ours = next(
        c
        for c in cast(type, estimator_class).__mro__
        if c.__module__.partition(".")[0] == own and "__init__" in vars(c)
    )
    parameters = inspect.signature(ours).parameters.values()
    return {parameter.name: parameter.default for parameter in parameters}
