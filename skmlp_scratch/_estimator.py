"""What the estimators share: from parameters and data to a trained network."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from skmlp_scratch._parameter_checks import check_parameters
from skmlp_scratch.nn.batches import Batches
from skmlp_scratch.nn.initializers import initialize
from skmlp_scratch.nn.network import Network, predict_logits
from skmlp_scratch.nn.optimizers import SGD, Adam, Optimizer
from skmlp_scratch.nn.training import DivergenceError, History, Patience, train
from skmlp_scratch.nn.typing import Array


class BaseScratchMLP(BaseEstimator):
    """Base of the estimators. The subclass has the constructor and the targets."""

    # Declared for the type checker; the subclasses' constructors set them.
    hidden_layer_sizes: Any
    activation: str
    solver: str
    alpha: float
    batch_size: Any
    learning_rate_init: float
    max_iter: int
    shuffle: bool
    random_state: Any
    tol: float
    verbose: Any
    momentum: float
    nesterovs_momentum: bool
    early_stopping: bool
    validation_fraction: float
    beta_1: float
    beta_2: float
    epsilon: float
    n_iter_no_change: Any
    weight_init: Any
    dtype: Any

    coefs_: list[Array]
    intercepts_: list[Array]

    def _validate_fit(self, X: Any, y: Any) -> tuple[Array, Array]:
        """Check parameters and data; X keeps its type unless that is not numeric."""
        check_parameters(self.get_params(deep=False))
        X, y = validate_data(self, X, y, dtype="numeric", multi_output=False)
        _check_float32_range(X, self._computing_dtype(X))
        return X, y

    def _computing_dtype(self, X: Array) -> np.dtype[Any]:
        """Return float32 for types that it can hold exactly, float64 otherwise."""
        if isinstance(self.dtype, str) and self.dtype == "auto":
            return np.dtype(
                np.float32 if np.can_cast(X.dtype, np.float32) else np.float64
            )
        return np.dtype(self.dtype)

    def _fit_network(
        self,
        X: Array,
        targets: Array,
        n_outputs: int,
        loss: str,
        split: Callable[[np.random.RandomState], tuple[Array, Array]],
        score: Callable[[Array, Array], float],
    ) -> None:
        """Train a new network and set every fitted attribute that comes of it.

        ``split`` draws training and validation rows; ``score`` compares logits with
        targets. Both are needed for early stopping only.
        """
        sizes = np.atleast_1d(np.asarray(self.hidden_layer_sizes, dtype=int)).tolist()
        layer_units = [X.shape[1], *sizes, n_outputs]
        rng = check_random_state(self.random_state)
        network = Network(layer_units, self.activation, loss, self._computing_dtype(X))
        initialize(network.parameters, self.weight_init, rng, self.activation)

        rows, validation_score = None, None
        if self.early_stopping:
            rows, validation_rows = split(rng)
            X_val, targets_val = X[validation_rows], targets[validation_rows]

            def validation_score() -> float:
                W, b = network.parameters.W, network.parameters.b
                logits = predict_logits(X_val, W, b, self.activation)
                return score(logits, targets_val)

        n_rows = len(X) if rows is None else len(rows)
        batches = Batches(
            X,
            targets,
            self._batch_rows(n_rows),
            network.parameters.vector.dtype,
            rng if self.shuffle else None,
            rows,
        )
        patience = Patience(self.tol, self.n_iter_no_change)
        try:
            history = train(
                network,
                batches,
                self._new_optimizer(network.parameters.vector),
                patience,
                learning_rate=self.learning_rate_init,
                max_epochs=self.max_iter,
                alpha=self.alpha,
                validation_score=validation_score,
                after_epoch=_print_epoch if self.verbose else None,
            )
        except DivergenceError as error:
            raise ValueError(
                f"Training diverged: {error}. Lower learning_rate_init="
                f"{self.learning_rate_init}, or scale the features, for example with "
                "StandardScaler."
            ) from error
        self._set_fitted(network, history, patience)

    def _batch_rows(self, n_rows: int) -> int:
        """Return how many rows a batch has; warn if there are fewer than asked for."""
        if isinstance(self.batch_size, str):
            return min(200, n_rows)
        if self.batch_size > n_rows:
            warnings.warn(
                f"batch_size={self.batch_size} is larger than the {n_rows} training "
                f"rows and is clipped to {n_rows}.",
                UserWarning,
                stacklevel=_CALLER_OF_FIT,
            )
        return int(min(self.batch_size, n_rows))

    def _new_optimizer(self, parameters: Array) -> Optimizer:
        if self.solver == "sgd":
            return SGD(parameters, self.momentum, self.nesterovs_momentum)
        return Adam(parameters, self.beta_1, self.beta_2, self.epsilon)

    def _set_fitted(
        self, network: Network, history: History, patience: Patience
    ) -> None:
        self.coefs_, self.intercepts_ = network.parameters.copies()
        self.n_layers_ = len(network.layer_units)
        self.n_outputs_ = network.layer_units[-1]
        self.n_iter_ = len(history.loss_curve)
        self.t_ = history.samples_seen
        self.loss_curve_ = history.loss_curve
        self.loss_ = history.loss_curve[-1]
        early = self.early_stopping
        self.best_loss_ = None if early else patience.best
        self.best_validation_score_ = -patience.best if early else None
        self.validation_scores_ = history.validation_scores if early else None
        if not history.converged:
            warnings.warn(
                f"Stopped at max_iter={self.max_iter} before the "
                f"{'validation score' if early else 'training loss'} ceased to improve "
                f"by tol={self.tol}. "
                "Raise max_iter, or ignore this if max_iter is meant as a budget.",
                ConvergenceWarning,
                stacklevel=_CALLER_OF_FIT,
            )

    def _logits(self, X: Any) -> Array:
        """Validate X and return the logits of its rows, in bounded memory."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype="numeric", reset=False)
        _check_float32_range(X, self.coefs_[0].dtype)
        return predict_logits(X, self.coefs_, self.intercepts_, self.activation)


# _batch_rows or _set_fitted, _fit_network, fit, the caller.
_CALLER_OF_FIT = 4


@contextmanager
def unchanged_on_error(estimator: BaseEstimator) -> Iterator[None]:
    """Give an estimator back all its attributes, as they were, if the block fails.

    ``fit`` replaces attributes and never changes the objects they refer to, so that a
    shallow copy suffices.
    """
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


def _check_float32_range(X: Array, dtype: np.dtype[Any]) -> None:
    """Raise an error if finite values of X become infinite in the computing type."""
    if X.dtype.itemsize <= dtype.itemsize:
        return
    largest = max(abs(float(X.max())), abs(float(X.min())))
    if largest > float(np.finfo(dtype).max):
        raise ValueError(
            f"X contains values as large as {largest:.3g}, too large for "
            f"dtype='{dtype}'. Scale the features, or use dtype='float64'."
        )


def _print_epoch(history: History) -> None:
    epoch = len(history.loss_curve)
    line = f"Iteration {epoch}, loss = {history.loss_curve[-1]:.8f}"
    if history.validation_scores:
        line += f"\nValidation score: {history.validation_scores[-1]:.6f}"
    print(line, flush=True)
