"""``ScratchMLPClassifier``: labels in, labels and probabilities out."""

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.preprocessing import LabelEncoder
from sklearn.utils.multiclass import check_classification_targets

from skmlp_scratch._estimator import BaseScratchMLP, unchanged_on_error
from skmlp_scratch._validation_split import stratified_split
from skmlp_scratch.nn.losses import log_softmax, softmax
from skmlp_scratch.nn.typing import Array


class ScratchMLPClassifier(ClassifierMixin, BaseScratchMLP):
    """Multilayer perceptron classifier, trained by hand-written backpropagation.

    Hidden layers with ReLU or another activation, a softmax output with one unit per
    class, cross-entropy loss with an L2 penalty, and stochastic gradient descent or Adam
    on mini-batches. Parameters and fitted attributes are those of scikit-learn's
    :class:`~sklearn.neural_network.MLPClassifier`.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(100,)
        Number of units in each hidden layer. ``()`` means none: softmax regression.

    activation : {'identity', 'logistic', 'tanh', 'relu'}, default='relu'
        Activation of the hidden layers: ``x``, ``1 / (1 + exp(-x))``, ``tanh(x)`` or
        ``max(0, x)``.

    solver : {'adam', 'sgd'}, default='adam'
        Optimizer: Adam [1]_, or stochastic gradient descent with momentum.

    alpha : float, default=0.0001
        Strength of the L2 penalty, which is ``alpha / 2`` times the sum of all squared
        weights, divided by the number of rows in the batch.

    batch_size : int or 'auto', default='auto'
        Rows in a mini-batch; ``'auto'`` means ``min(200, n_samples)``.

    learning_rate : {'constant'}, default='constant'
        How the learning rate changes in the course of training.

    learning_rate_init : float, default=0.001
        The learning rate.

    power_t : float, default=0.5
        Not used with a constant learning rate.

    max_iter : int, default=200
        The most epochs, each of which uses every row once.

    shuffle : bool, default=True
        Whether to shuffle the rows before every epoch.

    random_state : int, RandomState instance or None, default=None
        Source of the initial weights, the validation split and the shuffling. An int
        gives the same result, to the bit, every time on the same machine.

    tol : float, default=1e-4
        Training stops when, more than ``n_iter_no_change`` epochs in a row, the training
        loss (with early stopping, the validation score) has not improved by ``tol`` on
        its best value.

    verbose : bool or int, default=False
        Whether to print a line per epoch.

    warm_start : bool, default=False
        Only False is supported.

    momentum : float, default=0.9
        Momentum of ``'sgd'``, from 0 to 1.

    nesterovs_momentum : bool, default=True
        Whether ``'sgd'`` uses Nesterov's momentum.

    early_stopping : bool, default=False
        Whether to set aside rows for validation, to stop when their accuracy no longer
        improves, and to keep the weights of the best epoch. The split is stratified; a
        class with a single row stays in training.

    validation_fraction : float, default=0.1
        How much of the rows early stopping sets aside, at least 0 and below 1.

    beta_1, beta_2 : float, default=0.9 and 0.999
        Decay rates of Adam's first and second moment, at least 0 and below 1.

    epsilon : float, default=1e-8
        Added to the root of Adam's second moment.

    n_iter_no_change : int or float('inf'), default=10
        Epochs without improvement that are allowed in a row.

    max_fun : int, default=15000
        Not used by these solvers.

    weight_init : {'he_normal', 'he_uniform', 'glorot_normal', 'glorot_uniform'} or \
            float, default='he_normal'
        How the weights are drawn. He [2]_ has variance ``2 / fan_in``, which suits ReLU;
        Glorot [3]_ has ``2 / (fan_in + fan_out)``; a number is the standard deviation
        of normal draws. Biases start at zero, except with ``'glorot_uniform'``, which
        draws all numbers exactly as ``MLPClassifier`` does.

    dtype : {'auto', 'float32', 'float64'}, default='auto'
        Type in which to compute. ``'auto'`` means float32 if it holds the values of X
        exactly (float32, float16, bool, integers of up to 16 bits), float64 otherwise.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels, sorted.

    coefs_ : list of ndarray of shape (fan_in, fan_out)
        The weight matrix of each layer.

    intercepts_ : list of ndarray of shape (fan_out,)
        The bias of each layer.

    n_layers_ : int
        Number of layers, counting input and output.

    n_outputs_ : int
        Number of output units, one per class: two for two classes.

    out_activation_ : str
        ``'softmax'``.

    n_iter_ : int
        Epochs run.

    t_ : int
        Training rows seen, over all epochs.

    loss_ : float
        Objective of the last epoch, penalty included.

    best_loss_ : float or None
        Smallest objective of an epoch; None with early stopping.

    loss_curve_ : list of float of length `n_iter_`
        Objective of each epoch.

    validation_scores_ : list of float of length `n_iter_`, or None
        Accuracy on the validation rows after each epoch; None without early stopping.

    best_validation_score_ : float or None
        The largest of them; None without early stopping.

    n_features_in_ : int
        Number of features.

    feature_names_in_ : ndarray of str of shape (`n_features_in_`,)
        Names of the features, if X has names that are all strings.

    See Also
    --------
    sklearn.neural_network.MLPClassifier : The estimator that this one stands in for.

    Notes
    -----
    With ``weight_init='glorot_uniform'``, ``dtype='float64'`` and three or more classes,
    the same ``random_state`` gives the same numbers as ``MLPClassifier``, up to
    rounding. For two classes ``MLPClassifier`` has a single logistic output unit.

    References
    ----------
    .. [1] Kingma and Ba (2014), "Adam: A Method for Stochastic Optimization",
       arXiv:1412.6980.
    .. [2] He, Zhang, Ren and Sun (2015), "Delving Deep into Rectifiers",
       arXiv:1502.01852.
    .. [3] Glorot and Bengio (2010), "Understanding the difficulty of training deep
       feedforward neural networks", AISTATS.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import train_test_split
    >>> from skmlp_scratch import ScratchMLPClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> X_train, X_test, y_train, y_test = train_test_split(X / 16, y, random_state=0)
    >>> clf = ScratchMLPClassifier(max_iter=300, random_state=0).fit(X_train, y_train)
    >>> clf.score(X_test, y_test) > 0.96
    True
    """

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: str = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: Any = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: Any = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: Any = 10,
        max_fun: int = 15000,
        weight_init: Any = "he_normal",
        dtype: Any = "auto",
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.weight_init = weight_init
        self.dtype = dtype

    def fit(self, X: Any, y: Any) -> "ScratchMLPClassifier":
        """Train on ``X`` and ``y``, from scratch.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training data. Integers and float16 are not copied as a whole: rows are cast
            batch by batch.
        y : array-like of shape (n_samples,)
            Class labels of any type that can be sorted.

        Returns
        -------
        self : ScratchMLPClassifier
            Fitted.

        Raises
        ------
        ValueError
            If a parameter or the data is not valid, or training diverges. The estimator
            is then left as it was.
        """
        with unchanged_on_error(self):
            X, y = self._validate_fit(X, y)
            self.classes_, codes = _encode_labels(y)
            self.out_activation_ = "softmax"
            self._fit_network(
                X,
                codes,
                n_outputs=len(self.classes_),
                loss="softmax_cross_entropy",
                split=lambda rng: stratified_split(
                    codes, self.validation_fraction, rng
                ),
                score=_accuracy,
            )
        return self

    def predict(self, X: Any) -> Array:
        """Return the most probable class of each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The data.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            Class labels.
        """
        codes = self._logits(X).argmax(axis=1)
        return self.classes_[codes]

    def predict_proba(self, X: Any) -> Array:
        """Return the probability of every class: the softmax of the logits.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The data.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            Columns in the order of ``classes_``; each row sums to 1.
        """
        return softmax(self._logits(X))

    def predict_log_proba(self, X: Any) -> Array:
        """Return the logarithm of every class's probability.

        It is computed from the logits, not from ``predict_proba``, and is finite even
        where the probability is too small for its type and becomes 0.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The data.

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
            Columns in the order of ``classes_``.
        """
        return log_softmax(self._logits(X))


def _encode_labels(y: Array) -> tuple[Array, Array]:
    """Return the sorted classes, and the code of each label."""
    encoder = LabelEncoder()
    try:
        check_classification_targets(y)
        codes = encoder.fit_transform(y)
    except TypeError as error:
        types = ", ".join(sorted({type(label).__name__ for label in y}))
        raise TypeError(
            f"y must hold labels of one type that can be sorted, got {types}. Convert "
            "them, for example with y.astype(str)."
        ) from error
    return encoder.classes_, codes


def _accuracy(logits: Array, codes: Array) -> float:
    return float(np.mean(logits.argmax(axis=1) == codes))
