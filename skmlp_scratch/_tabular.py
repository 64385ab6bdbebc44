"""The base class of the tabular estimators: an ensemble over an encoded table."""

import time
from collections.abc import Iterator
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_consistent_length, check_random_state
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_is_fitted

from skmlp_scratch._columns import rows
from skmlp_scratch._documentation import DocumentationLink
from skmlp_scratch._estimator.inputs import check_sample_weight
from skmlp_scratch._estimator.parameters import POSITIVE_INTEGER, RULES, Rule
from skmlp_scratch._estimator.threads import threads_for
from skmlp_scratch._members import (
    FOLDS_OF_ONE,
    batch_rows,
    deal_folds,
    epochs,
    train_member,
)
from skmlp_scratch._rollback import unchanged_on_error
from skmlp_scratch._shared_arrays import Allocate, allocator, in_memory
from skmlp_scratch._table_encoder import BLOCK_ROWS, TableEncoder, check_table
from skmlp_scratch.exceptions import InvalidParameterError
from skmlp_scratch.nn.fast import row_blocks
from skmlp_scratch.nn.typing import Array
from skmlp_scratch.piecewise_linear import N_BINS

TABULAR_RULES: dict[str, Rule] = {
    **{
        name: RULES[name]
        for name in (
            "hidden_layer_sizes",
            "learning_rate_init",
            "alpha",
            "batch_size",
            "class_weight",
            "random_state",
            "verbose",
        )
    },
    "n_estimators": POSITIVE_INTEGER,
    "n_bins": N_BINS,
    "max_steps": N_BINS,
    "n_jobs": Rule(
        "None or an integer other than 0",
        lambda v: (
            v is None
            or POSITIVE_INTEGER.test(v)
            or (isinstance(v, int | np.integer) and POSITIVE_INTEGER.test(-v))
        ),
    ),
}


class BaseTabularMLP(DocumentationLink, BaseEstimator):
    """Base class. A subclass has the constructor and handles its targets."""

    # What is read here; the subclasses' constructors set it.
    n_estimators: int
    categorical_features: Any
    hidden_layer_sizes: Any
    learning_rate_init: float
    alpha: float
    n_bins: Any
    max_steps: Any
    batch_size: Any
    n_jobs: Any
    random_state: Any
    verbose: Any

    _network_class: type
    _output_method: str

    def _check_targets(self, y: Any) -> Array:
        """Return y as an array, or raise an error."""
        raise NotImplementedError

    def _encode_targets(self, y: Array, weights: Array) -> tuple[Array, Array, Array]:
        """Return the members' targets and weights, and the strata for the folds.

        Called once per fit; sets the attributes that say what the outputs mean.
        """
        raise NotImplementedError

    def _set_out_of_bag(self, outputs: Array, y: Array, weights: Array) -> None:
        """Set the attributes from the members' outputs for the rows they held out."""
        raise NotImplementedError

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Encode the table, and train the members on it.

        Parameters
        ----------
        X : frame of pandas or polars, array-like or sparse matrix of shape \
                (n_samples, n_features)
            The table: numbers, booleans, strings, categories, missing values.
        y : array-like of shape (n_samples,)
            Labels or values; values may have several columns.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, at least 0; those of weight 0 are left out of
            everything but the out-of-bag predictions.

        Returns
        -------
        self : estimator
            Fitted.

        Raises
        ------
        ValueError, TypeError
            If a parameter or the data is not valid. The estimator is then left as it
            was.
        """
        with unchanged_on_error(self):
            self._fit(X, y, sample_weight)
        return self

    def _fit(self, X: Any, y: Any, sample_weight: Any) -> None:
        start = time.perf_counter()
        self._check_parameters()
        X = check_table(self, X, reset=True)
        y, weights = self._check_rows(X, y, sample_weight)
        targets, training_weights, strata = self._encode_targets(y, weights)
        n_rows = int(np.count_nonzero(training_weights))
        if n_rows < 2:
            raise ValueError(
                f"{type(self).__name__} needs at least 2 samples of a weight above 0, "
                f"got n_samples = {n_rows}: every member holds some out."
            )
        rng = check_random_state(self.random_state)
        n_folds = self.n_estimators if self.n_estimators > 1 else FOLDS_OF_ONE
        # Rows of weight 0 come last, so that each fold has others, too.
        strata = np.where(training_weights > 0, strata, strata.max() + 1)
        folds = deal_folds(strata, min(n_folds, n_rows), rng)
        seeds = rng.randint(np.iinfo(np.int32).max, size=self.n_estimators)
        with allocator(self.n_jobs) as allocate:
            self._fit_preprocessor(X, training_weights)
            views = self._views(X, allocate)
            outputs = self._train(views, targets, training_weights, folds, seeds)
        self._set_out_of_bag(outputs, y, weights)
        if self.verbose:
            print(
                f"{self.n_estimators} members on {n_rows} rows in "
                f"{time.perf_counter() - start:.1f} s, out-of-bag score "
                f"{self.oob_score_:.4f}",
                flush=True,
            )

    def _check_rows(self, X: Any, y: Any, sample_weight: Any) -> tuple[Array, Array]:
        """Return targets and weights, one for each row of X."""
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is "
                "None."
            )
        y = self._check_targets(y)
        check_consistent_length(X, y)
        if sample_weight is None:
            return y, np.ones(len(y))
        return y, check_sample_weight(sample_weight, len(y))

    def _fit_preprocessor(self, X: Any, weights: Array) -> None:
        encoder = TableEncoder(self.categorical_features, self.n_bins)
        self.preprocessor_ = encoder.set_output(transform="default")
        encoder.fit(X, None, weights if np.ptp(weights) else None)

    def _check_parameters(self) -> None:
        # What categorical_features may be depends on the table, and is checked there.
        for name, value in self.get_params(deep=False).items():
            rule = TABULAR_RULES.get(name)
            if rule and not rule.test(value):
                raise InvalidParameterError(
                    f"{name} must be {rule.words}, got {value!r}"
                )

    def _views(self, X: Any, allocate: Allocate = in_memory) -> tuple[Array, Array]:
        """Return the encoded table for members at even positions, and at odd ones."""
        encoded = self.preprocessor_.encode(X, allocate)
        n_plain = self.preprocessor_.n_plain_
        if n_plain == encoded.shape[1]:
            return encoded, encoded
        # The rows of a batch are gathered quickly from C order only.
        plain = allocate((len(encoded), n_plain))
        plain[...] = encoded[:, :n_plain]
        return plain, encoded

    def _train(
        self,
        views: tuple[Array, Array],
        targets: Array,
        weights: Array,
        folds: Array,
        seeds: Array,
    ) -> Array:
        """Train all members; return the mean outputs for rows that were held out."""
        n_folds = folds.max() + 1
        jobs = []
        for number, seed in enumerate(seeds):
            held_out = folds == number % n_folds
            label = f"member {number + 1} of {len(seeds)}" if self.verbose else ""
            n_rows = int(np.count_nonzero(weights[~held_out]))
            jobs.append(
                delayed(train_member)(
                    self._network(n_rows, int(seed)),
                    views[number % 2],
                    targets,
                    weights,
                    held_out,
                    self._output_method,
                    label,
                )
            )
        with threads_for([1, 1], 1):
            results = Parallel(n_jobs=self.n_jobs)(jobs)
        self.estimators_ = [net for net, _ in results]
        totals = np.zeros((len(folds), *results[0][1].shape[1:]))
        times = np.zeros((len(folds), *[1] * (totals.ndim - 1)))
        for number, (_, outputs) in enumerate(results):
            held_out = folds == number % n_folds
            totals[held_out] += outputs
            times[held_out] += 1
        return np.divide(
            totals, times, out=np.full_like(totals, np.nan), where=times > 0
        )

    def _network(self, n_rows: int, seed: int) -> Any:
        batch = min(batch_rows(self.batch_size, n_rows), n_rows)
        return self._network_class(
            hidden_layer_sizes=self.hidden_layer_sizes,
            solver="adamw",
            alpha=self.alpha,
            learning_rate="one_cycle",
            learning_rate_init=self.learning_rate_init,
            beta_2=0.99,
            batch_size=batch,
            max_iter=epochs(self.max_steps, batch, n_rows),
            early_stopping=True,
            monitor="loss",
            random_state=seed,
        )

    def _outputs(self, X: Any) -> Iterator[list[Array]]:
        """Yield the outputs of each member for the rows of X, block by block."""
        check_is_fitted(self)
        X = check_table(self, X, reset=False)
        for block in row_blocks(X.shape[0], BLOCK_ROWS):
            views = self._views(rows(X, block))
            yield [
                getattr(member, self._output_method)(views[number % 2])
                for number, member in enumerate(self.estimators_)
            ]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        return tags
