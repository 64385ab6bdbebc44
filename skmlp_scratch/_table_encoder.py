"""The input of networks from a table: scaled numbers, one-hot and piecewise columns."""

from typing import Any, Self

import numpy as np
from scipy.sparse import csr_array, issparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils.validation import check_is_fitted, validate_data

from skmlp_scratch._categorical_features import categorical_mask
from skmlp_scratch._columns import (
    as_levels,
    as_numbers,
    check_size,
    column,
    column_names,
    is_frame,
    rows,
)
from skmlp_scratch._shared_arrays import Allocate, in_memory
from skmlp_scratch.nn.fast import row_blocks
from skmlp_scratch.nn.typing import Array
from skmlp_scratch.piecewise_linear import PiecewiseLinearEncoder

# Rows that are encoded at a time, which limits the memory for temporary arrays.
BLOCK_ROWS = 4096
# Levels with fewer rows share a column, also with unknown levels.
FEWEST_ROWS_OF_LEVEL = 5
# The most one-hot columns; features with many levels lose the rarer ones first.
MOST_LEVELS = 256


class TableEncoder(TransformerMixin, BaseEstimator):
    """Encode a frame or an array, of which columns may be categories, as float32.

    The columns that come out are, in this order: numbers, clipped to the range seen in
    ``fit`` and standardised, where missing ones are the median; for each number that
    had missing ones in ``fit``, a column that says where; categories one-hot, where
    missing is a level; and the :class:`~skmlp_scratch.PiecewiseLinearEncoder` of the
    numbers, for which missing is halfway. Sparse matrices have numbers only, which are
    scaled and stay sparse.

    Parameters
    ----------
    categorical_features, n_bins
        As of :class:`~skmlp_scratch.TabularMLPClassifier`.

    Attributes
    ----------
    is_categorical_ : ndarray of bool of shape (n_features,)
        Which columns are categories.
    sparse_ : bool
        Whether it was fitted on a sparse matrix; then it gives sparse matrices.
    numbers_ : Pipeline, StandardScaler or None
        The fitted imputer and scaler of the numbers; for sparse matrices the scaler
        only; None without numbers.
    one_hot_ : OneHotEncoder or None
        The fitted encoder of the categories; None without categories.
    piecewise_ : PiecewiseLinearEncoder or None
        The encoding of the numbers, fitted; None without any, and for sparse matrices.
    lowest_, highest_ : ndarray of shape (n_numbers,)
        The range of the numbers in ``fit``, which numbers are clipped to; not for
        sparse matrices.
    n_plain_ : int
        How many columns come before those of the piecewise linear encoding.
    n_features_in_ : int
        Number of columns of the table.
    feature_names_in_ : ndarray of str of shape (`n_features_in_`,)
        Their names, if they have names that are all strings.
    """

    def __init__(
        self, categorical_features: Any = "from_dtype", n_bins: Any = "auto"
    ) -> None:
        self.categorical_features = categorical_features
        self.n_bins = n_bins

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Detect the categories, and fit the encoders.

        Parameters
        ----------
        X : frame, array-like or sparse matrix of shape (n_samples, n_features)
            The table.
        y : None
            Ignored.
        sample_weight : ndarray of shape (n_samples,), default=None
            Weights of the rows; those of weight 0 are left out.

        Returns
        -------
        self : TableEncoder
            Fitted.
        """
        X = check_table(self, X, reset=True)
        self._names = np.array(column_names(X), dtype=object)
        self.is_categorical_ = categorical_mask(X, self.categorical_features)
        self.sparse_ = issparse(X)
        self.numbers_: Any = None
        self.one_hot_: Any = None
        self.piecewise_: Any = None
        if self.sparse_:
            self.numbers_ = StandardScaler(with_mean=False)
            self.numbers_.set_output(transform="default")
            self.numbers_.fit(X.astype(np.float64), None, sample_weight)
            self.n_plain_ = self._n_columns = X.shape[1]
            return self
        kept = slice(None) if sample_weight is None else np.flatnonzero(sample_weight)
        weights = None if sample_weight is None else sample_weight[kept]
        plain = 0
        if not self.is_categorical_.all():
            plain += self._fit_numbers(self._read_numbers(X)[kept], weights)
        if self.is_categorical_.any():
            plain += self._fit_levels(self._read_levels(X)[kept])
        self.n_plain_ = plain
        self._n_columns = len(self.get_feature_names_out())
        return self

    def transform(self, X: Any) -> Array:
        """Encode a table, block after block of its rows.

        Parameters
        ----------
        X : frame, array-like or sparse matrix of shape (n_samples, n_features)
            The table.

        Returns
        -------
        encoded : ndarray or CSR array of float32, of shape (n_samples, n_columns)
            The encoded rows.
        """
        return self.encode(X, in_memory)

    def encode(self, X: Any, allocate: Allocate) -> Array:
        """Do what ``transform`` does, into an array that is made by ``allocate``."""
        check_is_fitted(self)
        X = check_table(self, X, reset=False)
        if self.sparse_:
            if not issparse(X):
                X = csr_array(self._read_numbers(X))
            return self.numbers_.transform(X.astype(np.float64)).astype(np.float32)
        encoded = allocate((X.shape[0], self._n_columns))
        for block in row_blocks(X.shape[0], BLOCK_ROWS):
            start = 0
            for part in self._parts(rows(X, block)):
                encoded[block, start : start + part.shape[1]] = part
                start += part.shape[1]
        return encoded

    def get_feature_names_out(self, input_features: Any = None) -> Array:
        """Return the names of the columns that come out.

        Parameters
        ----------
        input_features : None
            Ignored: the names are those of ``fit``.

        Returns
        -------
        names : ndarray of str objects
            ``age``, ``missingindicator_age``, ``colour_red``, ``age_bin0`` and so on.
        """
        check_is_fitted(self)
        of_numbers = self._names[~self.is_categorical_]
        of_levels = self._names[self.is_categorical_]
        if self.sparse_:
            return self._names
        parts = [
            (self.numbers_, of_numbers),
            (self.one_hot_, of_levels),
            (self.piecewise_, of_numbers),
        ]
        names = [part.get_feature_names_out(names) for part, names in parts if part]
        return np.concatenate(names)

    def _parts(self, X: Any) -> list[Array]:
        if issparse(X):
            X = X.toarray()
        parts = []
        if self.numbers_ is not None:
            numbers = np.clip(self._read_numbers(X), self.lowest_, self.highest_)
            parts.append(self.numbers_.transform(numbers))
        if self.one_hot_ is not None:
            parts.append(self.one_hot_.transform(self._read_levels(X)))
        if self.piecewise_ is not None:
            parts.append(self.piecewise_.transform(numbers))
        return parts

    def _fit_numbers(self, numbers: Array, weights: Array | None) -> int:
        """Fit the encoders of the numbers; return the number of plain columns."""
        # Missing ones do not count, and of nothing but them the result is missing.
        self.lowest_ = np.fmin.reduce(numbers, axis=0)
        self.highest_ = np.fmax.reduce(numbers, axis=0)
        imputer = SimpleImputer(
            strategy="median", add_indicator=True, keep_empty_features=True
        )
        # Scaled first, so that the indicators stay 0 and 1. Fitted one by one: a
        # Pipeline hands no weights on if metadata routing is enabled.
        scaler = StandardScaler().set_output(transform="default")
        imputer.set_output(transform="default")
        with np.errstate(invalid="ignore"):  # a column may have no numbers at all
            scaler.fit(numbers, None, weights)
        imputer.fit(scaler.transform(numbers))
        self.numbers_ = Pipeline([("scaler", scaler), ("imputer", imputer)])
        self.piecewise_ = PiecewiseLinearEncoder(self.n_bins)
        self.piecewise_.set_output(transform="default").fit(numbers, None, weights)
        return numbers.shape[1] + len(imputer.indicator_.features_)

    def _fit_levels(self, levels: Array) -> int:
        """Fit the one-hot encoding; return how many columns it gives."""
        counts = np.array([len(set(column)) for column in levels.T])
        most = most_levels(counts)
        self.one_hot_ = OneHotEncoder(
            handle_unknown="infrequent_if_exist",
            min_frequency=FEWEST_ROWS_OF_LEVEL,
            max_categories=most + 1,  # with that of the others
            sparse_output=False,
            dtype=np.float32,
        )
        self.one_hot_.set_output(transform="default").fit(levels)
        return len(self.one_hot_.get_feature_names_out())

    def _read_numbers(self, X: Any) -> Array:
        if not is_frame(X) and X.dtype.kind in "biuf":
            numbers = X[:, ~self.is_categorical_].astype(np.float64)
            return check_size(numbers, "X")
        return np.column_stack(
            [
                as_numbers(column(X, j), self._names[j])
                for j in np.flatnonzero(~self.is_categorical_).tolist()
            ]
        )

    def _read_levels(self, X: Any) -> Array:
        return np.column_stack(
            [
                as_levels(column(X, j), self._names[j])
                for j in np.flatnonzero(self.is_categorical_).tolist()
            ]
        )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = True
        return tags


def check_table(estimator: Any, X: Any, reset: bool) -> Any:
    """Return a frame as it is, and anything else as a matrix of some type.

    What this sees to: ``n_features_in_`` and ``feature_names_in_`` are set, or compared
    with, and there is something in X.
    """
    if is_frame(X):
        for what, n in zip(("sample(s)", "feature(s)"), X.shape, strict=True):
            if n == 0:
                raise ValueError(
                    f"Found array with 0 {what} (shape={X.shape}) while a minimum of 1 "
                    f"is required by {type(estimator).__name__}."
                )
        return validate_data(estimator, X, reset=reset, skip_check_array=True)
    if isinstance(X, list | tuple):
        # Strings among numbers would make strings of them all.
        X = np.array(X, dtype=object)
    X = validate_data(
        estimator,
        X,
        dtype=None,
        accept_sparse="csr",
        ensure_all_finite=False,
        reset=reset,
    )
    if issparse(X):
        if not np.isfinite(X.data).all():
            raise ValueError(
                "Sparse X contains NaN or infinity. Replace such values, or pass "
                "X.toarray(), in which NaN counts as missing."
            )
        check_size(X.data, "X")
    return X


def most_levels(counts: Array) -> int:
    """Return how many levels a feature may have before its rarest share a column.

    Parameters
    ----------
    counts : ndarray of int
        How many levels each feature has.
    """
    most = 1
    while most < counts.max():
        wider = np.where(counts <= most + 1, counts, most + 2)
        if wider.sum() > MOST_LEVELS:
            break
        most += 1
    return most
