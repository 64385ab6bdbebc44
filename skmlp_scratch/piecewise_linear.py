"""``PiecewiseLinearEncoder``: a number as its way through the bins of its feature."""

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from skmlp_scratch._documentation import DocumentationLink
from skmlp_scratch._estimator.inputs import check_sample_weight
from skmlp_scratch._estimator.parameters import POSITIVE_INTEGER, Rule
from skmlp_scratch._rollback import unchanged_on_error
from skmlp_scratch.exceptions import InvalidParameterError
from skmlp_scratch.nn.typing import Array

ROWS_PER_BIN = 20
FEWEST_BINS, MOST_BINS = 2, 16
# With many features there are fewer bins each, down to a limit, for so many columns.
MOST_COLUMNS, FEWEST_OF_MANY = 256, 4

N_BINS = Rule(
    "'auto' or an integer of at least 1",
    lambda v: POSITIVE_INTEGER.test(v) or (isinstance(v, str) and v == "auto"),
)


class PiecewiseLinearEncoder(
    OneToOneFeatureMixin, TransformerMixin, DocumentationLink, BaseEstimator
):
    """Encode each number by how far it is through each bin of its feature.

    The edges ``e_0 < e_1 < ...`` of the bins are quantiles of the feature. Bin ``j``
    gives one column [1]_,

    ``clip((x - e_j) / (e_{j+1} - e_j), 0, 1) - 0.5``

    which is -0.5 below the bin, 0.5 above it, and grows linearly within. With such
    columns as input, the first weights of a network can bend its output at every edge.
    From the number alone, the network has to learn where to bend.

    Parameters
    ----------
    n_bins : int or 'auto', default='auto'
        Number of bins of each feature, before edges that coincide are merged.
        ``'auto'`` means one bin for every 20 rows, at least 2 and at most 16. If there
        would be more than 256 columns in all, it means fewer, but at least 4.

    Attributes
    ----------
    edges_ : list of ndarray of shape (n_edges,)
        The edges of each feature's bins, ascending. A feature without two different
        values has less than two edges, and gives no column.

    n_features_in_ : int
        Number of features.

    feature_names_in_ : ndarray of str of shape (`n_features_in_`,)
        Names of the features, if X has names that are all strings.

    See Also
    --------
    sklearn.preprocessing.KBinsDiscretizer : Encodes only the bin of a number.
    sklearn.preprocessing.SplineTransformer : With ``degree=1``, hat functions on the
        same edges, which span the same functions.

    Notes
    -----
    Missing values (NaN) become 0, halfway through, in all columns of their feature: an
    imputer before the encoder is not needed. Numbers outside the range of the training
    data are encoded like the ends of this range. A network needs the scaled number
    beside the encoding.

    References
    ----------
    .. [1] Gorishniy, Rubachev and Babenko (2022), "On Embeddings for Numerical Features
       in Tabular Deep Learning", arXiv:2203.05556.

    Examples
    --------
    >>> from skmlp_scratch import PiecewiseLinearEncoder
    >>> X = [[0.0], [1.0], [2.0], [6.0]]
    >>> encoder = PiecewiseLinearEncoder(n_bins=2).fit(X)
    >>> encoder.edges_
    [array([0., 1., 6.])]
    >>> encoder.transform([[0.5], [2.0], [float("nan")]])
    array([[ 0. , -0.5],
           [ 0.5, -0.3],
           [ 0. ,  0. ]])
    """

    def __init__(self, n_bins: Any = "auto") -> None:
        self.n_bins = n_bins

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Find the edges of the bins.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The data; NaN is allowed.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows in the quantiles, at least 0. A row of weight 2 counts
            like two rows.

        Returns
        -------
        self : PiecewiseLinearEncoder
            The fitted encoder.

        Raises
        ------
        ValueError
            If ``n_bins`` or the data is not valid.
        """
        if not N_BINS.test(self.n_bins):
            raise InvalidParameterError(
                f"n_bins must be {N_BINS.words}, got {self.n_bins!r}"
            )
        with unchanged_on_error(self):
            X = self._validate(X, reset=True)
            weights = np.ones(len(X))
            if sample_weight is not None:
                weights = check_sample_weight(sample_weight, len(X))
            n_bins = self.n_bins
            if isinstance(n_bins, str):
                n_bins = automatic_bins(int(np.count_nonzero(weights)), X.shape[1])
            levels = np.linspace(0, 1, n_bins + 1)
            self.edges_ = [_edges(x, weights, levels) for x in X.T]
        return self

    def transform(self, X: Any) -> Array:
        """Encode numbers.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The data; NaN is allowed.

        Returns
        -------
        encoded : ndarray of shape (n_samples, n_columns)
            One column for each bin, feature after feature; float32 if X is float32.
        """
        check_is_fitted(self)
        X = self._validate(X, reset=False)
        n_bins = self._bins()
        encoded = np.empty((len(X), sum(n_bins)), X.dtype)
        start = 0
        for x, edges, n in zip(X.T, self.edges_, n_bins, strict=True):
            if n == 0:
                continue
            # Where x is on the way through all bins, each of length 1.
            way = np.interp(x, edges, np.arange(n + 1.0))
            columns = np.clip(way[:, None] - np.arange(n), 0, 1) - 0.5
            columns[np.isnan(way)] = 0
            encoded[:, start : start + n] = columns
            start += n
        return encoded

    def get_feature_names_out(self, input_features: Any = None) -> Array:
        """Return the names of the columns: ``age_bin0``, ``age_bin1`` and so on.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the features, if they were not seen in ``fit``.

        Returns
        -------
        names : ndarray of str objects
            One for each column.
        """
        check_is_fitted(self)
        names = super().get_feature_names_out(input_features)
        return np.array(
            [
                f"{name}_bin{number}"
                for name, n in zip(names, self._bins(), strict=True)
                for number in range(n)
            ],
            dtype=object,
        )

    def _bins(self) -> list[int]:
        return [max(len(edges) - 1, 0) for edges in self.edges_]

    def _validate(self, X: Any, reset: bool) -> Array:
        return validate_data(
            self,
            X,
            dtype=[np.float64, np.float32],
            ensure_all_finite="allow-nan",
            reset=reset,
        )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def automatic_bins(n_rows: int, n_features: int) -> int:
    """Return how many bins each feature gets."""
    bins = min(max(n_rows // ROWS_PER_BIN, FEWEST_BINS), MOST_BINS)
    return min(bins, max(MOST_COLUMNS // n_features, FEWEST_OF_MANY))


def _edges(x: Array, weights: Array, levels: Array) -> Array:
    """Return the different quantiles of the values that are there and have a weight."""
    there = ~np.isnan(x) & (weights > 0)
    if not there.any():
        return np.empty(0)
    # This method alone knows weights, and its quantiles are values of x.
    quantiles = np.quantile(
        x[there], levels, weights=weights[there], method="inverted_cdf"
    )
    return np.unique(quantiles).astype(np.float64)
