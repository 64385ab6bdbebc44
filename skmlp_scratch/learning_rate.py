"""Finding a learning rate: a short training whose rate grows, and its picture."""

import copy
import math
import operator
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import Pipeline

from skmlp_scratch._estimator.base import BaseScratchMLP, default_parameters
from skmlp_scratch._estimator.continuation import TrainingState
from skmlp_scratch._estimator.diagnostics import data_warnings
from skmlp_scratch._estimator.fitting import make_network, understand
from skmlp_scratch._estimator.inputs import Call
from skmlp_scratch._estimator.label_targets import Labels
from skmlp_scratch._estimator.parameters import (
    check_parameters,
    ignored_parameter_warnings,
    plain,
)
from skmlp_scratch._estimator.problem import Problem
from skmlp_scratch._estimator.settings import Settings
from skmlp_scratch._estimator.solvers import (
    SOLVERS,
    STOCHASTIC,
    either,
    is_stochastic,
    make_optimizer,
)
from skmlp_scratch._estimator.threads import threads_for
from skmlp_scratch._estimator.training import (
    make_batches,
    make_updates,
    weighed_so_far,
)
from skmlp_scratch._estimator.value_targets import RealValues
from skmlp_scratch.classifier import ScratchMLPClassifier
from skmlp_scratch.displays._drawing import axes_for, line_keywords
from skmlp_scratch.exceptions import DivergenceError, warn
from skmlp_scratch.nn.network import Network
from skmlp_scratch.nn.range_test import fall_beside_noise, range_test, smooth, suggest
from skmlp_scratch.nn.typing import Array
from skmlp_scratch.regressor import ScratchMLPRegressor

MIN_RATE, MAX_RATE, N_STEPS = 1e-6, 10.0, 200
FEWEST_STEPS = 10
# The fall of the loss, in standard errors, that chance rarely makes.
CLEAR_FALL = 5


@dataclass(frozen=True)
class LearningRateSearch:
    """What :func:`find_learning_rate` found; all parameters are attributes.

    Parameters
    ----------
    rates : ndarray of shape (n_steps_taken,)
        The learning rate of each step. If the loss exploded, the last ones are missing.

    losses : ndarray of shape (n_steps_taken,)
        The training loss of each batch just before its step: the same objective as in
        ``loss_curve_``.

    smoothed_losses : ndarray of shape (n_steps_taken,)
        The losses, each averaged with its neighbours.

    suggestion : float
        A value for ``learning_rate_init``; NaN if the loss did not fall.

    diverged_at : float or None
        The last of the rates if the loss exploded there.

    See Also
    --------
    find_learning_rate : Makes one, with an example.
    """

    rates: Array = field(repr=False)
    losses: Array = field(repr=False)
    smoothed_losses: Array = field(repr=False)
    suggestion: float
    diverged_at: float | None

    def plot(
        self, ax: Any = None, *, line_kw: dict[str, Any] | None = None
    ) -> "LearningRateDisplay":
        """Draw the losses over the learning rates.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw; None means a new figure.
        line_kw : dict or None, default=None
            Keywords of matplotlib's ``plot``, for the smoothed losses.

        Returns
        -------
        display : LearningRateDisplay
            The display, drawn.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        return LearningRateDisplay(self).plot(ax, line_kw=line_kw)


def find_learning_rate(
    estimator: Any,
    X: Any,
    y: Any,
    sample_weight: Any = None,
    *,
    min_rate: float = MIN_RATE,
    max_rate: float = MAX_RATE,
    n_steps: int = N_STEPS,
) -> LearningRateSearch:
    """Suggest a learning rate, after one short training whose rate grows at each step.

    This is the learning rate range test of Smith (2015), arXiv:1506.01186. The steps
    are those that ``estimator.fit`` would take first, with its network, loss, solver,
    batches, weights, noise and dropout, but for the rate. The estimator itself is not
    fitted, and stays as it is; what an earlier fit has learnt is not used.

    The suggestion is the rate at which the smoothed loss has done 80% of its fall. On
    29 data sets this did better than the steepest point of the curve and other rules
    (docs/training.md, "Finding a learning rate").

    Parameters
    ----------
    estimator : ScratchMLPClassifier, ScratchMLPRegressor or Pipeline
        The estimator that is to be trained, with a ``solver`` that has a learning rate.
        Of a pipeline that ends in one, copies of the steps before are fitted to
        transform X.
    X : array-like or sparse matrix of shape (n_samples, n_features)
        Training data, as for ``fit``.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Labels or target values, as for ``fit``.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows, as for ``fit``.
    min_rate, max_rate : float, default=1e-6 and 10.0
        The rates of the first and the last step. Each is the same factor larger than
        the one before.
    n_steps : int, default=200
        Number of steps, at least 10. An epoch has as many steps as batches; a test of
        more steps than that takes several epochs.

    Returns
    -------
    search : LearningRateSearch
        The suggestion, and the curve that it was read from. ``search.plot()`` draws it.

    Raises
    ------
    TypeError
        If the estimator is none of these.
    ValueError
        If the solver has no learning rate, or if a parameter or the data is not valid.
    DivergenceError
        If the very first loss is not finite.

    Warns
    -----
    ConvergenceWarning
        If the loss did not fall, or by little more than chance, or still fell at
        ``max_rate``. What ``fit`` has to say about parameters and data is said here,
        too.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skmlp_scratch import ScratchMLPClassifier, find_learning_rate
    >>> X, y = load_digits(return_X_y=True)
    >>> net = ScratchMLPClassifier(random_state=0)
    >>> search = find_learning_rate(net, X / 16, y)
    >>> 1e-3 < search.suggestion < 1e-1
    True
    >>> net = net.set_params(learning_rate_init=search.suggestion).fit(X / 16, y)
    """
    _check_range(min_rate, max_rate, n_steps)
    net, steps_before = _split(estimator)
    twin, settings, reports = _unfitted_twin(net)
    if steps_before is not None:
        X = clone(steps_before).fit_transform(X, y)
    kind = Labels() if isinstance(net, ScratchMLPClassifier) else RealValues()
    problem, initial, rng, found = understand(
        twin, kind, settings, Call(X, y, sample_weight)
    )
    reports += found + data_warnings(problem, getattr(twin, "feature_names_in_", None))
    network = make_network(problem, initial, rng)
    rates = np.geomspace(min_rate, max_rate, n_steps)
    losses, exploded = _take_steps(problem, network, rng, rates)
    search = _search(rates, losses, exploded)
    for report in reports + _complaints(search, n_steps):
        warn(report)
    return search


def _check_range(min_rate: Any, max_rate: Any, n_steps: Any) -> None:
    """Raise an error unless the rates grow and the steps are enough to see it."""
    try:
        in_order = 0 < min_rate < max_rate < math.inf
    except (TypeError, ValueError):
        in_order = False
    if not in_order:
        raise ValueError(
            "min_rate and max_rate must be finite numbers with 0 < min_rate < "
            f"max_rate, got min_rate={min_rate!r} and max_rate={max_rate!r}"
        )
    try:
        enough = operator.index(n_steps) >= FEWEST_STEPS
    except TypeError:
        enough = False
    if not enough:
        raise ValueError(
            f"n_steps must be an integer of at least {FEWEST_STEPS}, got {n_steps!r}"
        )


def _split(estimator: Any) -> tuple[BaseScratchMLP, Pipeline | None]:
    """Return the network's estimator, and the steps of a pipeline before it, if any."""
    net, steps_before = estimator, None
    if isinstance(estimator, Pipeline):
        net = estimator.steps[-1][1]
        steps_before = estimator[:-1] if len(estimator.steps) > 1 else None
    if not isinstance(net, ScratchMLPClassifier | ScratchMLPRegressor):
        what = repr(net) if isinstance(net, type) else type(net).__name__
        ends = "a Pipeline that ends in " if net is not estimator else ""
        raise TypeError(
            "estimator must be a ScratchMLPClassifier or ScratchMLPRegressor, or a "
            f"Pipeline that ends in one, got {ends}{what}. Pass the estimator inside "
            "of it, unfitted, with the X and y that it is to be trained on."
        )
    return net, steps_before


def _unfitted_twin(
    net: BaseScratchMLP,
) -> tuple[BaseScratchMLP, Settings, list[Warning]]:
    """Return a copy without what a fit has learnt, its parameters, and warnings."""
    defaults = default_parameters(cast(Hashable, type(net)))
    parameters = {name: getattr(net, name) for name in defaults}
    check_parameters(parameters)
    if not is_stochastic(net.solver):
        raise ValueError(
            f"solver={net.solver!r} has no learning rate to find. Use "
            f"solver={either(STOCHASTIC)}, or fit without."
        )
    # A RandomState that is drawn from must not be the caller's.
    parameters = {name: copy.deepcopy(plain(v)) for name, v in parameters.items()}
    # What a fit has learnt, and what is private, has an underscore at one end.
    twin = object.__new__(type(net))
    own = {k: v for k, v in vars(net).items() if k.strip("_") == k}
    twin.__dict__ = own | parameters
    reports = ignored_parameter_warnings(parameters, defaults)
    return twin, Settings.of(parameters), reports


def _take_steps(
    problem: Problem, network: Network, rng: np.random.RandomState, rates: Array
) -> tuple[list[float], bool]:
    """Return the loss before each step, and whether it exploded."""
    settings = problem.settings
    weight_total, rows_weighed = weighed_so_far(problem, TrainingState())
    with threads_for(network.layer_units, problem.batch_rows):
        batches = make_batches(problem, network, rng, weight_total / rows_weighed)
        optimizer = make_optimizer(settings, network.parameters)
        return range_test(
            network,
            batches,
            make_updates(settings, network, optimizer, None),
            rates.tolist(),
            0.0 if SOLVERS[settings.solver].decays_weights else settings.alpha,
            problem.constant_loss,
        )


def _search(rates: Array, losses: list[float], exploded: bool) -> LearningRateSearch:
    """Return the result, with the suggestion."""
    if not losses:
        raise DivergenceError(
            "The loss is not finite at the first step already, whatever the learning "
            "rate. Scale the features, and the targets of a regressor, for example by "
            "StandardScaler."
        )
    taken = rates[: len(losses)]
    smoothed = smooth(np.array(losses))
    return LearningRateSearch(
        taken,
        np.array(losses),
        smoothed,
        suggest(taken, smoothed),
        float(taken[-1]) if exploded else None,
    )


def _complaints(search: LearningRateSearch, n_steps: int) -> list[Warning]:
    """Return what makes the suggestion doubtful."""
    first, last = float(search.rates[0]), float(search.rates[-1])
    if math.isnan(search.suggestion):
        return [
            ConvergenceWarning(
                f"The loss did not fall at any learning rate from {first:.2g} to "
                f"{last:.2g}: there is no suggestion. Have a look at the curve, "
                "search.plot(). Begin with a smaller min_rate if it rises from the "
                "start, and see whether features and targets are scaled."
            )
        ]
    if fall_beside_noise(search.losses, search.smoothed_losses) < CLEAR_FALL:
        return [
            ConvergenceWarning(
                "The loss fell by little more than batches differ anyway: the "
                f"suggestion of {search.suggestion:.2g} may be chance. Take more steps "
                f"than n_steps={n_steps}, or larger batches, and have a look at the "
                "curve, search.plot()."
            )
        ]
    at_the_end = search.smoothed_losses.argmin() == len(search.rates) - 1
    # A loss that has long come close to 0 may still fall a little.
    if search.diverged_at is None and at_the_end and 10 * search.suggestion > last:
        return [
            ConvergenceWarning(
                f"The loss still falls at max_rate={last:.2g}: larger rates may do "
                "better. Use a larger max_rate."
            )
        ]
    return []


class LearningRateDisplay:
    """The loss over the learning rate, with the suggestion marked.

    It is recommended to create one by :meth:`from_estimator`, or by
    ``find_learning_rate(...).plot()``.

    Parameters
    ----------
    search : LearningRateSearch
        What :func:`find_learning_rate` returned.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes of the picture.
    figure_ : matplotlib Figure
        Its figure.
    lines_ : dict of str to matplotlib Line2D
        ``'losses'`` of single batches, faint, and ``'smoothed_losses'``.
    suggestion_line_ : matplotlib Line2D or None
        The line at the suggested rate.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skmlp_scratch import LearningRateDisplay, ScratchMLPClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> net = ScratchMLPClassifier(random_state=0)
    >>> display = LearningRateDisplay.from_estimator(net, X / 16, y)
    >>> display.ax_.get_xscale()
    'log'
    """

    def __init__(self, search: LearningRateSearch) -> None:
        self.search = search

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        ax: Any = None,
        line_kw: dict[str, Any] | None = None,
        **search_params: Any,
    ) -> "LearningRateDisplay":
        """Run :func:`find_learning_rate`, and draw what it found.

        Parameters
        ----------
        estimator : ScratchMLPClassifier, ScratchMLPRegressor or Pipeline
            The estimator that is to be trained; it is not fitted.
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Training data, as for ``fit``.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Labels or target values, as for ``fit``.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, as for ``fit``.
        ax : matplotlib Axes or None, default=None
            Where to draw; None means a new figure.
        line_kw : dict or None, default=None
            Keywords of matplotlib's ``plot``, for the smoothed losses.
        **search_params : dict
            ``min_rate``, ``max_rate`` and ``n_steps`` of :func:`find_learning_rate`.

        Returns
        -------
        display : LearningRateDisplay
            The display, drawn. Its ``search`` has the suggestion.

        Raises
        ------
        TypeError, ValueError, DivergenceError
            As :func:`find_learning_rate`. A TypeError, too, if ``ax`` is something
            else.
        ImportError
            If matplotlib is not installed.
        """
        search = find_learning_rate(estimator, X, y, sample_weight, **search_params)
        return cls(search).plot(ax, line_kw=line_kw)

    def plot(
        self, ax: Any = None, *, line_kw: dict[str, Any] | None = None
    ) -> "LearningRateDisplay":
        """Draw the losses over the learning rates.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw; None means a new figure.
        line_kw : dict or None, default=None
            Keywords of matplotlib's ``plot``, for the smoothed losses.

        Returns
        -------
        display : LearningRateDisplay
            The display itself.

        Raises
        ------
        TypeError
            If ``ax`` is something else.
        ImportError
            If matplotlib is not installed.
        """
        self.ax_ = ax = axes_for(self, ax)
        self.figure_ = ax.figure
        search = self.search
        faint = {"color": "0.75", "markersize": 4, "label": "each batch"}
        style = {"color": "C0", "linewidth": 2, "label": "smoothed"}
        (losses,) = ax.plot(search.rates, search.losses, ".", **faint)
        (smoothed,) = ax.plot(
            search.rates, search.smoothed_losses, **style | line_keywords(line_kw)
        )
        self.lines_ = {"losses": losses, "smoothed_losses": smoothed}
        self.suggestion_line_ = None
        if not math.isnan(search.suggestion):
            self.suggestion_line_ = ax.axvline(
                search.suggestion, color="C1", linestyle="--", label="suggestion"
            )
            # To the left, where the loss is yet to fall, there is room above the curve.
            ax.annotate(
                f"{search.suggestion:.2g} ",
                (search.suggestion, 0.97),
                xycoords=ax.get_xaxis_transform(),
                ha="right",
                va="top",
                color="C1",
                fontweight="bold",
            )
        ax.set(xscale="log", xlabel="learning rate", ylabel="training loss")
        ax.grid(alpha=0.3)
        ax.set_ylim(*_limits(search.smoothed_losses))
        ax.legend(framealpha=0.9, loc="lower left")
        return self


def _limits(smoothed_losses: Array) -> tuple[float | None, float | None]:
    """Return the losses to show: the fall, with a margin, and how the explosion begins.

    An explosion to any height would flatten all that matters.
    """
    fall = smoothed_losses[: smoothed_losses.argmin() + 1]
    height = float(fall.max() - fall[-1])
    if height == 0:
        return None, None
    return float(fall[-1]) - 0.2 * height, float(fall.max()) + 0.3 * height
