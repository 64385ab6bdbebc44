"""What both estimators share: fitting aside, and what they tell scikit-learn."""

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
from skmlp_scratch._estimator.targets import TargetKind
from skmlp_scratch.exceptions import warn
from skmlp_scratch.nn.typing import Array


class BaseScratchMLP(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, FittedAttributes
):
    """Base of the estimators. A subclass has the constructor, and passes its targets."""

    def _fit_aside(self, kind: TargetKind, call: Call) -> None:
        """Train a twin of this estimator, then take over what it has learnt, at once.

        So a fit that fails changes nothing, other threads can predict with the old model
        meanwhile, and the model is complete and kept before anything is reported.
        """
        before = dict(vars(self))
        defaults = _defaults(cast(Hashable, type(self)))
        check_parameters({name: getattr(self, name) for name in defaults})
        kept = {name: plain(before[name]) for name in defaults if name in before}
        twin = object.__new__(type(self))
        twin.__dict__ = before | kept
        parameters = {name: getattr(twin, name) for name in defaults}
        reports = ignored_parameter_warnings(parameters, defaults)
        attributes, found = fit(twin, kind, Settings.of(parameters), call)
        twin.__dict__.update(attributes)
        learnt = {k: v for k, v in vars(twin).items() if before.get(k, twin) is not v}
        learnt = {k: v for k, v in learnt.items() if k not in kept}
        forgotten = before.keys() - vars(twin).keys()
        own = {k: v for k, v in vars(self).items() if k not in forgotten}
        # One assignment: who reads several attributes of one dict reads one model.
        self.__dict__ = own | learnt
        for report in reports + found:
            warn(report)

    def transform(self, X: Any) -> Array:
        """Return the activations of the last hidden layer, as features for others.

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

    def drop_training_state(self) -> Self:
        """Forget what only ``partial_fit`` needs, which makes pickles smaller.

        Of Adam, this is twice the size of the weights. A later ``partial_fit`` starts
        with a new optimizer and a new source of randomness.

        Returns
        -------
        self : estimator
            This estimator.
        """
        check_is_fitted(self)
        self._training_state = TrainingState()
        return self

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled and copied: with a loss curve of its own."""
        state = dict(super().__getstate__())
        if "loss_curve_" in state:
            state["loss_curve_"] = list(state["loss_curve_"])
        return state

    def _takes_sparse(self) -> bool:
        # Whatever the value of noise: tags are asked for before it is checked.
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
        """Return what scikit-learn wants to know."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = self._takes_sparse()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


@cache
def _defaults(estimator_class: Hashable) -> dict[str, Any]:
    """Return the default of each of our own parameters; asking takes 0.1 ms.

    A subclass may have a constructor of its own, with other parameters.
    """
    own = __name__.partition(".")[0]
    ours = next(
        c
        for c in cast(type, estimator_class).__mro__
        if c.__module__.partition(".")[0] == own and "__init__" in vars(c)
    )
    parameters = inspect.signature(ours).parameters.values()
    return {parameter.name: parameter.default for parameter in parameters}
