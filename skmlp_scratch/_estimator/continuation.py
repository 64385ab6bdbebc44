"""The state that further training continues from: in a stream or a warm start."""

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from skmlp_scratch._estimator.settings import Settings
from skmlp_scratch.nn.activations import per_layer
from skmlp_scratch.nn.history import History
from skmlp_scratch.nn.typing import Array


@dataclass
class AverageState:
    """The state of a moving average of the parameters.

    Attributes
    ----------
    t : int
        Number of steps averaged.
    parameters : ndarray of shape (n_parameters,)
        The parameters without averaging.
    """

    t: int
    parameters: Array


@dataclass
class NormState:
    """The state of batch normalisation, which is folded into the fitted attributes.

    Attributes
    ----------
    n_seen : float
        Number of rows in the running averages.
    parameters : ndarray of shape (n_parameters,)
        All parameters, without folding.
    """

    n_seen: float
    parameters: Array


@dataclass
class TrainingState:
    """What a fit keeps for the next fit, beside the fitted attributes.

    Attributes
    ----------
    begun : bool
        False after calls of ``partial_fit`` in which all rows had weight 0.
    solver : str or None
        The solver that ``optimizer`` belongs to.
    optimizer : dict or None
        State of the optimizer.
    learning_rate : float
        Learning rate of the next step.
    rate : tuple
        The parameters that determine the learning rate. If one changes, the schedule
        starts again.
    monitored : tuple
        Identifies the monitored quantity: values of different ones cannot be compared.
    best : float
        The best value so far of the monitored quantity.
    failures : int
        Number of epochs since its last improvement.
    average : AverageState or None
    norm : NormState or None
    weight_total : float
        Sum of the weights of all rows of a stream.
    rows_weighed : int
        Number of rows in ``weight_total``.
    random_state : RandomState or None
        The generator that the next call continues, if ``random_state`` is a seed.
    seed : int or None
        The seed of ``random_state``.
    """

    begun: bool = True
    solver: str | None = None
    optimizer: dict[str, Any] | None = None
    learning_rate: float = 0.0
    rate: tuple[Any, ...] = ()
    monitored: tuple[Any, ...] = ()
    best: float = np.inf
    failures: int = 0
    average: AverageState | None = None
    norm: NormState | None = None
    weight_total: float = 0.0
    rows_weighed: int = 0
    random_state: np.random.RandomState | None = None
    seed: Any = None

    def without_stream(self) -> "TrainingState":
        """Return the state for ``warm_start``, which begins with a new optimizer."""
        state = copy.copy(self)
        state.optimizer = state.average = state.random_state = None
        return state


@dataclass(frozen=True)
class Past:
    """The fit that training continues from.

    Attributes
    ----------
    coefs, intercepts, activation, out_activation, n_outputs, loss_curve, best_loss, \
            validation_scores, validation_losses, learning_rates, best_iter, t
        The fitted attributes of the same names.
    state : TrainingState
    """

    coefs: list[Array]
    intercepts: list[Array]
    activation: str | tuple[str, ...]
    out_activation: str
    n_outputs: int
    loss_curve: list[float]
    best_loss: float | None
    validation_scores: list[float] | None
    validation_losses: list[float] | None
    learning_rates: list[float] | None
    best_iter: int
    t: int
    state: TrainingState

    @property
    def dtype(self) -> np.dtype[Any]:
        """The computing type of that fit."""
        return self.coefs[0].dtype

    def history(self) -> History:
        """Return a history that continues the history of earlier fits."""
        return History(
            epochs_before=len(self.loss_curve),
            samples_seen=self.t,
            best_epoch=self.best_iter,
        )

    def check_architecture(self, settings: Settings) -> None:
        """Raise an error if the settings describe another network."""
        sizes = tuple(len(b) for b in self.intercepts[:-1])
        change: tuple[str, object, object]
        if sizes != settings.hidden_layer_sizes:
            change = "hidden_layer_sizes", sizes, settings.hidden_layer_sizes
        elif per_layer(self.activation, len(sizes)) != settings.activations:
            change = "activation", self.activation, settings.activation
        else:
            return
        name, old, new = change
        raise ValueError(
            f"{name} changed from {old!r} to {new!r}: training cannot go on from the "
            f"weights of the last fit. Set {name} back, or call fit with "
            "warm_start=False."
        )


def random_numbers(
    settings: Settings, state: TrainingState | None
) -> np.random.RandomState:
    """Return the source of randomness, which continues from call to call in a stream.

    A RandomState that the caller passed keeps its own state. For a seed, the state is
    stored here, until another seed is set.
    """
    if state and state.random_state is not None and state.seed == settings.random_state:
        return copy.deepcopy(state.random_state)
    return check_random_state(settings.random_state)


def is_callers(random_state: Any) -> bool:
    """Return whether the source of randomness keeps its state outside the estimator."""
    return random_state is None or isinstance(random_state, np.random.RandomState)
