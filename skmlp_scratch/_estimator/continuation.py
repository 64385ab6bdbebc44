"""What it takes to go on with training: after a pickle, in a stream, from old weights."""

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
    """An average of the parameters, and what it is the average of.

    Attributes
    ----------
    t : int
        Steps that are in it.
    parameters : ndarray of shape (n_parameters,)
        The parameters behind it.
    """

    t: int
    parameters: Array


@dataclass
class NormState:
    """A network that normalises its batches; the fitted weights have that folded in.

    Attributes
    ----------
    n_seen : float
        Rows that its running averages are of.
    parameters : ndarray of shape (n_parameters,)
        All parameters, nothing folded.
    """

    n_seen: float
    parameters: Array


@dataclass
class TrainingState:
    """What a fit leaves behind for the next one, beside the fitted attributes.

    Attributes
    ----------
    begun : bool
        False after calls of ``partial_fit`` in which all rows had weight 0.
    solver : str or None
        Whose memory ``optimizer`` is.
    optimizer : dict or None
        Numbers and arrays.
    learning_rate : float
        That of the next step.
    rate : tuple
        The parameters that it comes from: with others it starts anew.
    watched : tuple
        What ``best`` is the best of: values of other things cannot be compared.
    best : float
        The best value so far of what decides on stopping.
    failures : int
        Epochs without an improvement of it.
    average : AverageState or None
    norm : NormState or None
    weight_total : float
        Sum of the weights of all rows of a stream.
    rows_weighed : int
        How many rows those are.
    random_state : RandomState or None
        Where random numbers go on, if the caller has no such source.
    seed : int or None
        What that began with.
    """

    begun: bool = True
    solver: str | None = None
    optimizer: dict[str, Any] | None = None
    learning_rate: float = 0.0
    rate: tuple[Any, ...] = ()
    watched: tuple[Any, ...] = ()
    best: float = np.inf
    failures: int = 0
    average: AverageState | None = None
    norm: NormState | None = None
    weight_total: float = 0.0
    rows_weighed: int = 0
    random_state: np.random.RandomState | None = None
    seed: Any = None

    def without_stream(self) -> "TrainingState":
        """Return what ``warm_start`` needs: it begins with a new optimizer."""
        state = copy.copy(self)
        state.optimizer = state.average = state.random_state = None
        return state


@dataclass(frozen=True)
class Past:
    """The fit that training goes on from.

    Attributes
    ----------
    coefs, intercepts, activation, out_activation, n_outputs, loss_curve, best_loss, \
            validation_scores, validation_losses, best_iter, t
        The fitted attributes that are called so.
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
    best_iter: int
    t: int
    state: TrainingState

    @property
    def dtype(self) -> np.dtype[Any]:
        """The computing type so far."""
        return self.coefs[0].dtype

    def history(self) -> History:
        """Return a history that goes on where that of the fits so far ends."""
        return History(
            epochs_before=len(self.loss_curve),
            samples_seen=self.t,
            best_epoch=self.best_iter,
        )

    def check_architecture(self, settings: Settings) -> None:
        """Raise an error if the network is to be another one than it was."""
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
    """Return the source of randomness: that of the last call of a stream, if any.

    A RandomState of the caller's goes on by itself; for a seed, one is kept, until
    another seed is set.
    """
    if state and state.random_state is not None and state.seed == settings.random_state:
        return copy.deepcopy(state.random_state)
    return check_random_state(settings.random_state)


def is_callers(random_state: Any) -> bool:
    """Return whether random numbers go on without our keeping their source."""
    return random_state is None or isinstance(random_state, np.random.RandomState)
