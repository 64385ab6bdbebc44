"""``TabularMLPClassifier`` and ``TabularMLPRegressor``: from frames to predictions."""

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils import assert_all_finite, check_array
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from skmlp_scratch._estimator.labels import weights_of_classes
from skmlp_scratch._tabular import BaseTabularMLP
from skmlp_scratch.classifier import ScratchMLPClassifier
from skmlp_scratch.nn.typing import Array
from skmlp_scratch.regressor import ScratchMLPRegressor


class TabularMLPClassifier(ClassifierMixin, BaseTabularMLP):
    """An ensemble of networks that classifies the rows of a table, as it is.

    It takes frames of pandas or polars, with numbers, booleans, strings, categories and
    missing values, or arrays. There is nothing to scale, encode, impute or tune first.

    Parameters
    ----------
    n_estimators : int, default=8
        Number of members. The rows are split into as many folds, and each member is
        trained without one of the folds. A single member is trained without an eighth
        of the rows.

    categorical_features : 'from_dtype', array-like of bool, int or str, or None, \
            default='from_dtype'
        Which columns are categories. ``'from_dtype'`` means columns of strings, and of
        pandas' and polars' types ``category``, ``Categorical`` and ``Enum``. Otherwise
        a mask, positions or names of columns, or None for no columns; all other columns
        must then hold numbers.

    hidden_layer_sizes : int or sequence of int, default=(64, 64)
        Number of units in each hidden layer of a member.

    learning_rate_init : float, default=0.02
        Largest learning rate of the one-cycle schedule of each member.

    alpha : float, default=0.1
        Decoupled weight decay of AdamW.

    n_bins : int or 'auto', default='auto'
        Number of bins of each number in the piecewise linear encoding, as in
        :class:`PiecewiseLinearEncoder`.

    max_steps : int or 'auto', default='auto'
        Maximum number of steps of the optimizer in the training of a member. A member
        takes as many whole epochs as fit in, at least one. ``'auto'`` means about 400
        steps, but at least 10 and at most 200 epochs.

    batch_size : int or 'auto', default='auto'
        Number of rows in a mini-batch. ``'auto'`` means the power of two nearest to a
        sixteenth of the rows, from 32 to 256. With more than 90,000 rows, it means the
        power of two nearest to a 256th of the rows, up to 1024.

    class_weight : dict of label to float, 'balanced' or None, default=None
        Weights of the classes, multiplied into ``sample_weight``. A class that the dict
        does not name has weight 1. Keys that are no classes, as in a fold that lacks a
        class, are allowed if every class is named. ``'balanced'`` means
        ``n_samples / (n_classes * np.bincount(y))``, with rows counted by their
        ``sample_weight``.

    n_jobs : int or None, default=None
        Number of members to train at a time, in processes of joblib, each with one
        thread of linear algebra. -1 means one for each core. Results do not depend on
        it.

    random_state : int, RandomState instance or None, default=None
        Source of the folds, the initial weights and the shuffling. An int gives the
        same result, to the bit, every time on the same machine.

    verbose : bool or int, default=False
        Whether to print a line for each member, and one at the end.

    Attributes
    ----------
    estimators_ : list of ScratchMLPClassifier of length `n_estimators`
        The fitted members. Members at even positions read the first
        ``preprocessor_.n_plain_`` columns of the encoded table, the others all columns.

    preprocessor_ : TableEncoder
        The encoder of the table. ``preprocessor_.transform(X)`` is the input of the
        members, and ``preprocessor_.get_feature_names_out()`` names its columns.

    oob_score_ : float
        Accuracy of the out-of-bag predictions.

    oob_decision_function_ : ndarray of shape (n_samples, n_classes)
        Probabilities of the classes for each row, by the members that were trained
        without it; NaN where every member saw the row, which happens only with a single
        member.

    classes_ : ndarray of shape (n_classes,)
        The class labels, sorted.

    n_features_in_ : int
        Number of columns of the table.

    feature_names_in_ : ndarray of str of shape (`n_features_in_`,)
        Names of the columns, if all names are strings.

    See Also
    --------
    ScratchMLPClassifier : One network, for numbers, with all options.
    PiecewiseLinearEncoder : The encoding of numbers that half of the members read.
    sklearn.ensemble.HistGradientBoostingClassifier : Boosted trees, for the same
        kind of data.

    Notes
    -----
    Numbers are standardised. Missing numbers become the median, and an indicator column
    says where. Categories become one-hot columns, where missing is a level of its own.
    Levels with fewer than 5 rows, and the rarest where there would be more than 256
    columns, share one column; levels that ``fit`` did not see go there, too. Dates and
    text are refused.

    Each member has its own seed and its own fold of the rows. On this fold it finds the
    epoch with the smallest loss, and keeps the weights of that epoch. The folds also
    give every row a prediction by a member that was trained without it. Half of the
    members read a piecewise linear encoding [1]_ beside the numbers: as good as if all
    did, and quicker.

    References
    ----------
    .. [1] Gorishniy, Rubachev and Babenko (2022), "On Embeddings for Numerical Features
       in Tabular Deep Learning", arXiv:2203.05556.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.model_selection import train_test_split
    >>> from skmlp_scratch import TabularMLPClassifier
    >>> X, y = load_wine(return_X_y=True)
    >>> X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    >>> clf = TabularMLPClassifier(random_state=0).fit(X_train, y_train)
    >>> clf.score(X_test, y_test) > 0.95
    True
    >>> clf.oob_decision_function_.shape
    (133, 3)
    """

    _network_class = ScratchMLPClassifier
    _output_method = "predict_proba"

    def __init__(
        self,
        n_estimators: int = 8,
        *,
        categorical_features: Any = "from_dtype",
        hidden_layer_sizes: Any = (64, 64),
        learning_rate_init: float = 0.02,
        alpha: float = 0.1,
        n_bins: Any = "auto",
        max_steps: Any = "auto",
        batch_size: Any = "auto",
        class_weight: Any = None,
        n_jobs: Any = None,
        random_state: Any = None,
        verbose: Any = False,
    ) -> None:
        self.n_estimators = n_estimators
        self.categorical_features = categorical_features
        self.hidden_layer_sizes = hidden_layer_sizes
        self.learning_rate_init = learning_rate_init
        self.alpha = alpha
        self.n_bins = n_bins
        self.max_steps = max_steps
        self.batch_size = batch_size
        self.class_weight = class_weight
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def predict(self, X: Any) -> Array:
        """Return the most probable class of each row.

        Parameters
        ----------
        X : frame, array-like or sparse matrix of shape (n_samples, n_features)
            The table, with the same columns as in ``fit``.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            Class labels.
        """
        probabilities = self.predict_proba(X)
        return self.classes_[probabilities.argmax(axis=1)]

    def predict_proba(self, X: Any) -> Array:
        """Return the mean of the members' probabilities for every class.

        Parameters
        ----------
        X : frame, array-like or sparse matrix of shape (n_samples, n_features)
            The table, with the same columns as in ``fit``.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            Columns in the order of ``classes_``; each row sums to 1.
        """
        means = [np.mean(outputs, axis=0, dtype=float) for outputs in self._outputs(X)]
        return np.concatenate(means)

    def predict_log_proba(self, X: Any) -> Array:
        """Return the logarithm of every class's probability.

        Parameters
        ----------
        X : frame, array-like or sparse matrix of shape (n_samples, n_features)
            The table, with the same columns as in ``fit``.

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
            Columns in the order of ``classes_``.
        """
        return np.log(self.predict_proba(X))

    def decision_function(self, X: Any) -> Array:
        """Return scores: their softmax, or sigmoid for two classes, is predict_proba.

        Parameters
        ----------
        X : frame, array-like or sparse matrix of shape (n_samples, n_features)
            The table, with the same columns as in ``fit``.

        Returns
        -------
        scores : ndarray of shape (n_samples, n_classes), or (n_samples,)
            Logarithms of the probabilities, in the order of ``classes_``. For two
            classes, the log-odds of ``classes_[1]``.
        """
        logarithms = self.predict_log_proba(X)
        if logarithms.shape[1] == 2:
            return logarithms[:, 1] - logarithms[:, 0]
        return logarithms

    def _check_targets(self, y: Any) -> Array:
        y = column_or_1d(y, warn=True)
        assert_all_finite(y, input_name="y")
        try:
            check_classification_targets(y)
            np.unique(y)
        except TypeError as error:
            types = ", ".join(sorted({type(label).__name__ for label in y}))
            raise TypeError(
                f"y must hold labels of one type that can be sorted, got {types}. "
                "Convert them, for example with y.astype(str)."
            ) from error
        return y

    def _encode_targets(self, y: Array, weights: Array) -> tuple[Array, Array, Array]:
        self.classes_, codes = np.unique(y, return_inverse=True)
        weights = self._weigh_classes(codes, weights)
        return codes, weights, codes

    def _weigh_classes(self, codes: Array, weights: Array) -> Array:
        if self.class_weight is None:
            return weights
        if isinstance(self.class_weight, str):
            totals = np.bincount(codes, weights)
            of_class = totals.sum() / (len(totals) * np.where(totals, totals, np.inf))
        else:
            of_class = weights_of_classes(self.class_weight, self.classes_.tolist())
        return of_class[codes] * weights

    def _set_out_of_bag(self, outputs: Array, y: Array, weights: Array) -> None:
        self.oob_decision_function_ = outputs
        there = ~np.isnan(outputs).any(axis=1)
        right = self.classes_[outputs[there].argmax(axis=1)] == y[there]
        self.oob_score_ = float(np.average(right, weights=weights[there]))


class TabularMLPRegressor(RegressorMixin, BaseTabularMLP):
    """An ensemble of networks that predicts values from the rows of a table, as it is.

    It takes frames of pandas or polars, with numbers, booleans, strings, categories and
    missing values, or arrays. There is nothing to scale, encode, impute or tune first.
    The target is standardised internally.

    Parameters
    ----------
    n_estimators : int, default=8
        Number of members. The rows are split into as many folds, and each member is
        trained without one of the folds. A single member is trained without an eighth
        of the rows.

    categorical_features : 'from_dtype', array-like of bool, int or str, or None, \
            default='from_dtype'
        Which columns are categories. ``'from_dtype'`` means columns of strings, and of
        pandas' and polars' types ``category``, ``Categorical`` and ``Enum``. Otherwise
        a mask, positions or names of columns, or None for no columns; all other columns
        must then hold numbers.

    hidden_layer_sizes : int or sequence of int, default=(64, 64)
        Number of units in each hidden layer of a member.

    learning_rate_init : float, default=0.02
        Largest learning rate of the one-cycle schedule of each member.

    alpha : float, default=0.1
        Decoupled weight decay of AdamW.

    n_bins : int or 'auto', default='auto'
        Number of bins of each number in the piecewise linear encoding, as in
        :class:`PiecewiseLinearEncoder`.

    max_steps : int or 'auto', default='auto'
        Maximum number of steps of the optimizer in the training of a member. A member
        takes as many whole epochs as fit in, at least one. ``'auto'`` means about 400
        steps, but at least 10 and at most 200 epochs.

    batch_size : int or 'auto', default='auto'
        Number of rows in a mini-batch. ``'auto'`` means the power of two nearest to a
        sixteenth of the rows, from 32 to 256. With more than 90,000 rows, it means the
        power of two nearest to a 256th of the rows, up to 1024.

    n_jobs : int or None, default=None
        Number of members to train at a time, in processes of joblib, each with one
        thread of linear algebra. -1 means one for each core. Results do not depend on
        it.

    random_state : int, RandomState instance or None, default=None
        Source of the folds, the initial weights and the shuffling. An int gives the
        same result, to the bit, every time on the same machine.

    verbose : bool or int, default=False
        Whether to print a line for each member, and one at the end.

    Attributes
    ----------
    estimators_ : list of ScratchMLPRegressor of length `n_estimators`
        The fitted members. Members at even positions read the first
        ``preprocessor_.n_plain_`` columns of the encoded table, the others all columns.

    preprocessor_ : TableEncoder
        The encoder of the table. ``preprocessor_.transform(X)`` is the input of the
        members, and ``preprocessor_.get_feature_names_out()`` names its columns.

    oob_score_ : float
        R² of the out-of-bag predictions.

    oob_prediction_ : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        Mean prediction for each row, by the members that were trained without it; NaN
        where every member saw the row, which happens only with a single member.

    n_features_in_ : int
        Number of columns of the table.

    feature_names_in_ : ndarray of str of shape (`n_features_in_`,)
        Names of the columns, if all names are strings.

    See Also
    --------
    ScratchMLPRegressor : One network, for numbers, with all options.
    PiecewiseLinearEncoder : The encoding of numbers that half of the members read.
    sklearn.ensemble.HistGradientBoostingRegressor : Boosted trees, for the same
        kind of data.

    Notes
    -----
    Numbers are standardised. Missing numbers become the median, and an indicator column
    says where. Categories become one-hot columns, where missing is a level of its own.
    Levels with fewer than 5 rows, and the rarest where there would be more than 256
    columns, share one column; levels that ``fit`` did not see go there, too. Dates and
    text are refused.

    Each member has its own seed and its own fold of the rows. On this fold it finds the
    epoch with the smallest loss, and keeps the weights of that epoch. The folds also
    give every row a prediction by a member that was trained without it. Half of the
    members read a piecewise linear encoding [1]_ beside the numbers: as good as if all
    did, and quicker.

    References
    ----------
    .. [1] Gorishniy, Rubachev and Babenko (2022), "On Embeddings for Numerical Features
       in Tabular Deep Learning", arXiv:2203.05556.

    Examples
    --------
    >>> from sklearn.datasets import make_friedman1
    >>> from sklearn.model_selection import train_test_split
    >>> from skmlp_scratch import TabularMLPRegressor
    >>> X, y = make_friedman1(n_samples=500, random_state=0)
    >>> X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    >>> reg = TabularMLPRegressor(random_state=0).fit(X_train, y_train)
    >>> reg.score(X_test, y_test) > 0.9
    True
    >>> values, spread = reg.predict(X_test, return_std=True)
    """

    _network_class = ScratchMLPRegressor
    _output_method = "predict"

    def __init__(
        self,
        n_estimators: int = 8,
        *,
        categorical_features: Any = "from_dtype",
        hidden_layer_sizes: Any = (64, 64),
        learning_rate_init: float = 0.02,
        alpha: float = 0.1,
        n_bins: Any = "auto",
        max_steps: Any = "auto",
        batch_size: Any = "auto",
        n_jobs: Any = None,
        random_state: Any = None,
        verbose: Any = False,
    ) -> None:
        self.n_estimators = n_estimators
        self.categorical_features = categorical_features
        self.hidden_layer_sizes = hidden_layer_sizes
        self.learning_rate_init = learning_rate_init
        self.alpha = alpha
        self.n_bins = n_bins
        self.max_steps = max_steps
        self.batch_size = batch_size
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """Return the mean of the members' predictions, and their spread if asked.

        The prediction of a member is clipped to the range of the training targets.

        Parameters
        ----------
        X : frame, array-like or sparse matrix of shape (n_samples, n_features)
            The table, with the same columns as in ``fit``.
        return_std : bool, default=False
            Whether to return the standard deviation of the members' predictions, too.
            It is large where members disagree for want of training data. It does not
            contain the noise of the target, and is no prediction interval. For
            intervals, use conformal prediction, for example with MAPIE.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Predictions.
        std : ndarray of the same shape
            Standard deviation of the members; only with ``return_std=True``.
        """
        blocks = [np.clip(outputs, *self._target_range) for outputs in self._outputs(X)]
        mean = np.concatenate([np.mean(b, axis=0, dtype=float) for b in blocks])
        mean = mean * self._target_scale + self._target_mean
        if not return_std:
            return mean
        spread = np.concatenate([np.std(b, axis=0, dtype=float) for b in blocks])
        return mean, spread * self._target_scale

    def _check_targets(self, y: Any) -> Array:
        y = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return y

    def _encode_targets(self, y: Array, weights: Array) -> tuple[Array, Array, Array]:
        self._target_mean = np.average(y, axis=0, weights=weights)
        variance = np.average((y - self._target_mean) ** 2, axis=0, weights=weights)
        self._target_scale = np.where(variance > 0, np.sqrt(variance), 1.0)
        targets = (y - self._target_mean) / self._target_scale
        # Beyond these no member goes: of prices, none is negative.
        there = targets[weights > 0]
        self._target_range = there.min(axis=0), there.max(axis=0)
        return targets, weights, np.zeros(len(y), dtype=int)

    def _set_out_of_bag(self, outputs: Array, y: Array, weights: Array) -> None:
        outputs = np.clip(outputs, *self._target_range)
        self.oob_prediction_ = outputs * self._target_scale + self._target_mean
        there = ~np.isnan(outputs.reshape(len(y), -1)).any(axis=1)
        self.oob_score_ = float("nan")
        if np.count_nonzero(there) > 1:
            self.oob_score_ = float(
                r2_score(
                    y[there], self.oob_prediction_[there], sample_weight=weights[there]
                )
            )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
