"""``ScratchMLPClassifier``: labels in, labels and probabilities out."""

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.exceptions import NotFittedError
from sklearn.neural_network import MLPClassifier
from sklearn.utils.metaestimators import available_if

from skmlp_scratch._estimator.attributes import FittedAttributes
from skmlp_scratch._estimator.base import BaseScratchMLP
from skmlp_scratch._estimator.export import from_sklearn, to_sklearn
from skmlp_scratch._estimator.inputs import Call, ValidationSet
from skmlp_scratch._estimator.label_targets import BY_OUTPUT, Labels
from skmlp_scratch._estimator.prediction import (
    reduced_logits,
    snapshot,
    transformed_logits,
)
from skmlp_scratch._estimator.tasks import with_callbacks
from skmlp_scratch.nn.typing import Array


class ScratchMLPClassifier(ClassifierMixin, BaseScratchMLP):
    """Multilayer perceptron classifier, trained by hand-written backpropagation.

    Hidden layers with ReLU or another activation, a softmax output with one unit per
    class, cross-entropy loss with an L2 penalty; Adam or stochastic gradient descent on
    mini-batches, or L-BFGS on all rows. For multilabel targets the output is one
    sigmoid per label. It has the parameters and fitted attributes of scikit-learn's
    :class:`~sklearn.neural_network.MLPClassifier`, and more.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(100,)
        Number of units in each hidden layer. ``()`` means none: softmax regression.

    activation : {'identity', 'logistic', 'tanh', 'relu', 'leaky_relu', 'elu', 'selu', \
            'gelu', 'silu', 'softplus'} or list of str, default='relu'
        Activation function of the hidden layers. The first four are ``x``,
        ``1 / (1 + exp(-x))``, ``tanh(x)`` and ``max(0, x)``; ``MLPClassifier`` lacks
        the others. A list has one for each hidden layer.

    solver : {'adam', 'adamw', 'sgd', 'lbfgs'}, default='adam'
        Adam [1]_, Adam with decoupled weight decay [4]_, stochastic gradient descent
        with momentum, or L-BFGS. L-BFGS uses all rows in every step, which suits small
        data.

    alpha : float, default=0.0001
        Strength of the L2 penalty, which is ``alpha / 2`` times the sum of all squared
        weights, divided by the number of rows in the batch. With ``'adamw'`` there is
        no penalty, and ``alpha`` is the weight decay: each step first multiplies the
        weights by ``1 - alpha * eta``, where ``eta`` is the learning rate, whatever the
        batch size; 0.01 is usual.

    batch_size : int or 'auto', default='auto'
        Number of rows in a mini-batch. ``'auto'`` means ``min(200, n_samples)``.

    learning_rate : {'constant', 'invscaling', 'adaptive', 'one_cycle', \
            'cosine'}, default='constant'
        Schedule of the learning rate. For ``'sgd'``, ``'invscaling'`` sets it after
        each epoch to ``learning_rate_init / (t_ + 1) ** power_t``, and ``'adaptive'``
        divides it by 5 instead of stopping, until it is below 1e-6.

        The others are plans for all of ``max_iter``, which change it at every step, for
        ``'adam'`` and ``'adamw'`` too. ``'one_cycle'`` [5]_ rises linearly to
        ``learning_rate_init`` in the first quarter, then falls linearly to zero.
        ``'cosine'`` [6]_ follows half a cosine down to zero, after a warm-up of one
        twentieth. Every fit by a plan, also with ``warm_start``, takes all ``max_iter``
        epochs: neither ``tol`` nor early stopping ends it.

    learning_rate_init : float, default=0.001
        Initial learning rate; of a plan, see ``learning_rate``, the largest. Not used
        by L-BFGS.

    power_t : float, default=0.5
        Exponent of ``'invscaling'``.

    max_iter : int, default=200
        Maximum number of epochs, each of which uses every row once; for L-BFGS, of
        iterations. With a plan for ``learning_rate``, the number of epochs.

    shuffle : bool, default=True
        Whether to shuffle the rows before every epoch.

    random_state : int, RandomState instance or None, default=None
        Source of the initial weights, the validation split, the shuffling, noise and
        dropout. An int gives the same result, to the bit, every time on the same
        machine.

    tol : float, default=1e-4
        Training stops when the training loss has not improved by ``tol`` on its best
        value for more than ``n_iter_no_change`` epochs in a row. With early stopping,
        the quantity that ``monitor`` names takes the place of the training loss. L-BFGS
        stops when no entry of the gradient is larger than ``tol``.

    verbose : bool or int, default=False
        Whether to print a line per epoch, with the seconds so far, the rows per second
        on average, and the learning rate whenever it has fallen; and the reason for
        stopping at the end.

    warm_start : bool, default=False
        Whether ``fit`` starts from the weights of the last fit, with a new optimizer,
        and adds to ``loss_curve_`` and ``t_``.

    momentum : float, default=0.9
        Momentum of ``'sgd'``, from 0 to 1.

    nesterovs_momentum : bool, default=True
        Whether ``'sgd'`` uses Nesterov's momentum.

    early_stopping : bool, default=False
        Whether to stop when ``monitor`` no longer improves on the validation rows, and
        to keep the weights of the best epoch. With a plan for ``learning_rate`` it only
        keeps those weights. Without ``X_val``, some of the training rows are set aside,
        by a stratified split: a class with too few rows for it stays in training, with
        a warning. Not for L-BFGS.

    validation_fraction : float, default=0.1
        Fraction of the rows that early stopping sets aside, at least 0 and below 1.

    beta_1 : float, default=0.9
        Decay rate of Adam's first moment, at least 0 and below 1.

    beta_2 : float, default=0.999
        Decay rate of Adam's second moment, at least 0 and below 1.

    epsilon : float, default=1e-8
        Added to the square root of Adam's second moment.

    n_iter_no_change : int or float('inf'), default=10
        Number of epochs in a row without improvement that are allowed. Without effect
        with a plan for ``learning_rate``.

    max_fun : int, default=15000
        Maximum number of evaluations of the objective by L-BFGS.

    weight_init : {'he_normal', 'he_uniform', 'glorot_normal', 'glorot_uniform'} or \
            float, default='he_normal'
        How the weights are drawn. He [2]_ has variance ``2 / fan_in``, which suits
        ReLU; Glorot [3]_ has ``2 / (fan_in + fan_out)``; a number is the standard
        deviation of normal draws. With SELU, He's variance is LeCun's, ``1 / fan_in``.
        ``'glorot_uniform'`` draws all numbers exactly as ``MLPClassifier`` does, biases
        too.

        Otherwise biases start at zero. The output layer has He's variance like the
        hidden layers: with a tenth of its weights accuracy on 30 tables was the same,
        .831 against .828, and on MNIST half a point lower.

    dtype : {'auto', 'float32', 'float64'}, default='auto'
        Type in which to compute. ``'auto'`` means float32 if it holds the values of X
        exactly (float32, float16, bool, integers of up to 16 bits), float64 otherwise.

    class_weight : dict of label to float, 'balanced' or None, default=None
        Weights of the classes, multiplied into ``sample_weight``. A class that the dict
        does not name has weight 1. Keys that are no classes, as in a fold that lacks a
        class, are allowed if every class is named. ``'balanced'`` means
        ``n_samples / (n_classes * np.bincount(y))``, with rows counted by their
        ``sample_weight``.

    monitor : {'score', 'loss'}, default='score'
        Whether early stopping monitors accuracy or loss on the validation rows.

    dropout : float or list of float, default=0.0
        Probability, in training, of replacing the output of a hidden unit by 0. The
        other outputs are divided by one minus this probability [7]_. A number applies
        to all hidden layers, and not to the input; a list has one for the input and one
        for each hidden layer. There is no dropout in prediction and validation.

    noise : float, default=0.0
        Standard deviation of Gaussian noise that is added, in training, to the input
        and to what each activation gets. It is meant for scaled features: 0.1 to 0.4.
        There is no noise in prediction and validation. Needs dense X.

    label_smoothing : float, default=0.0
        How much of each target probability, from 0 to 1, is spread evenly over all
        classes in training; for multilabel targets over 0 and 1 [9]_. Scores and losses
        on validation rows are computed without it.

    max_norm : float or None, default=None
        Maximum Euclidean norm of each unit's incoming weights; longer ones are scaled
        down after every step [7]_.

    clip_norm : float or None, default=None
        Maximum Euclidean norm of the gradient of all parameters; a longer gradient is
        scaled down before the step.

    averaging : float, default=0.0
        Decay ``d`` of an exponential moving average of the parameters,
        ``a <- d a + (1 - d) p`` after each step. The average takes the place of the
        parameters in prediction and validation. In step ``t``, ``d`` is
        ``(1 + t) / (10 + t)`` where this is smaller. 0.999 averages over about the last
        1000 steps; 0 means no average.

    batch_norm : bool, default=False
        Whether to normalise the input of each activation, in training, to mean 0 and
        variance 1 over the batch, and then to scale and shift it by learnt parameters
        [8]_. After training, running averages of mean and variance, scale and shift are
        folded into ``coefs_`` and ``intercepts_``: prediction has no normalisation.
        With noise or dropout, the averages are taken anew without both, except in
        ``partial_fit``. Batches then have the same size, to within a row, instead of a
        smaller last one. A batch of one row is normalised by the running averages.

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
        ``'softmax'``, or ``'logistic'`` for multilabel targets.

    n_iter_ : int
        Number of epochs of the last fit; for L-BFGS, of iterations.

    best_iter_ : int
        The epoch, counted from 1 along ``loss_curve_``, with the best value of the
        monitored quantity. With early stopping, the weights are from this epoch.

    t_ : int
        Number of training rows seen, over all epochs; 0 for L-BFGS.

    loss_ : float
        Objective of the last epoch, penalty included.

    best_loss_ : float or None
        Smallest objective of an epoch; None with early stopping.

    loss_curve_ : list of float
        Objective of each epoch, as it was minimized: with the penalty (none for
        ``'adamw'``), noise, dropout and smoothed labels. With ``warm_start``, of all
        fits.

    validation_scores_ : list of float or None
        Accuracy on the validation rows after each epoch of ``loss_curve_``: NaN for
        epochs of an earlier fit without such rows. None if there are no such rows at
        all.

    validation_loss_curve_ : list of float or None
        Mean loss on the validation rows after each epoch, without the penalty.

    learning_rate_curve_ : list of float or None
        Learning rate of the last step of each epoch of ``loss_curve_``; None for
        L-BFGS.

    best_validation_score_ : float or None
        The largest of ``validation_scores_``.

    n_features_in_ : int
        Number of features.

    feature_names_in_ : ndarray of str of shape (`n_features_in_`,)
        Names of the features, if X has names that are all strings.

    See Also
    --------
    sklearn.neural_network.MLPClassifier : The estimator that this one stands in for.

    Notes
    -----
    The objective for a batch ``B`` of the training rows, with weights ``w`` and their
    mean ``m`` over *all* training rows, is

    ``J = (sum_{i in B} w_i loss_i + alpha / 2 sum_l ||W_l||^2) / (|B| m)``.

    With ``weight_init='glorot_uniform'``, ``dtype='float64'`` and three or more
    classes, the same ``random_state`` gives the same numbers as ``MLPClassifier``, up
    to rounding. For two classes ``MLPClassifier`` has a single logistic output unit.

    References
    ----------
    .. [1] Kingma and Ba (2014), "Adam: A Method for Stochastic Optimization",
       arXiv:1412.6980.
    .. [2] He, Zhang, Ren and Sun (2015), "Delving Deep into Rectifiers",
       arXiv:1502.01852.
    .. [3] Glorot and Bengio (2010), "Understanding the difficulty of training deep
       feedforward neural networks", AISTATS.
    .. [4] Loshchilov and Hutter (2019), "Decoupled Weight Decay Regularization",
       arXiv:1711.05101.
    .. [5] Smith (2018), "A disciplined approach to neural network hyper-parameters:
       Part 1", arXiv:1803.09820.
    .. [6] Loshchilov and Hutter (2017), "SGDR: Stochastic Gradient Descent with Warm
       Restarts", arXiv:1608.03983.
    .. [7] Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov (2014),
       "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", JMLR 15.
    .. [8] Ioffe and Szegedy (2015), "Batch Normalization: Accelerating Deep Network
       Training by Reducing Internal Covariate Shift", arXiv:1502.03167.
    .. [9] Szegedy, Vanhoucke, Ioffe, Shlens and Wojna (2016), "Rethinking the
       Inception Architecture for Computer Vision", arXiv:1512.00567.

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
        activation: Any = "relu",
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
        class_weight: Any = None,
        monitor: str = "score",
        dropout: Any = 0.0,
        noise: float = 0.0,
        label_smoothing: float = 0.0,
        max_norm: Any = None,
        clip_norm: Any = None,
        averaging: float = 0.0,
        batch_norm: bool = False,
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
        self.class_weight = class_weight
        self.monitor = monitor
        self.dropout = dropout
        self.noise = noise
        self.label_smoothing = label_smoothing
        self.max_norm = max_norm
        self.clip_norm = clip_norm
        self.averaging = averaging
        self.batch_norm = batch_norm

    @with_callbacks
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
        resume_from: Any = None,
    ) -> "ScratchMLPClassifier":
        """Train on ``X`` and ``y``: from scratch, or further with ``warm_start``.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Training data. Rows are cast to the computing type batch by batch; ``X`` is
            never converted as a whole.
        y : array-like or sparse matrix of shape (n_samples,) or (n_samples, n_labels)
            Class labels: strings, whole numbers, booleans or dates, all of one type.
            For multilabel targets, a matrix with 0 where a label is absent, and 1 or
            another single value where it is present; ``predict`` and ``score`` use 0
            and 1.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, at least 0. A row of weight 2 counts like two rows, at
            every batch size; a row of weight 0 is left out.
        X_val, y_val, sample_weight_val : array-like or sparse matrix, default=None
            A validation set, in the form of X, y and sample_weight. It sets
            ``validation_scores_`` and ``validation_loss_curve_``. Early stopping uses
            it instead of a split of the training rows. A Pipeline transforms ``X_val``
            only with ``Pipeline(..., transform_input=["X_val"])`` and metadata routing,
            where all three are requested by default.

        resume_from : str, path-like or None, default=None
            A file that the callback :class:`~skmlp_scratch.callbacks.Checkpoint` wrote
            in a fit that was interrupted. That fit is continued, from the last epoch in
            the file, and ends with the weights that it would have had. Data and
            parameters must be those of that fit; only ``max_iter`` (without a plan for
            ``learning_rate``), ``tol``, ``n_iter_no_change``, ``verbose`` and
            ``warm_start`` may have changed. Not for L-BFGS.

        Returns
        -------
        self : ScratchMLPClassifier
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or the data is not valid. The estimator is left unchanged.
        CheckpointError
            If ``resume_from`` is damaged, or of a fit with other parameters or data. It
            is a ValueError.
        DivergenceError
            If training diverges before the network is better than a constant
            prediction. Training diverges if a value is not finite. It also diverges if,
            in whole epochs, the loss of every batch is a thousand times the loss of a
            constant prediction, and the network is no better than a constant. The
            estimator is left unchanged.
        """
        validation = ValidationSet(X_val, y_val, sample_weight_val)
        call = Call(X, y, sample_weight, validation, resume_from=resume_from)
        self._fit_aside(Labels(), call)
        return self

    @available_if(BaseScratchMLP._has_partial_fit)
    def partial_fit(
        self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None
    ) -> "ScratchMLPClassifier":
        """Train on ``X`` and ``y`` for one epoch, continuing from the last call.

        The optimizer, the source of randomness and all counters keep their state
        between calls, also in a pickle. Parameters that are set between calls take
        effect in the next call. The cost of a call does not depend on earlier calls. If
        training diverges in a later call, the model is left unchanged, with a
        DivergenceWarning.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Training data. The first call decides on the computing type.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, at least 0, relative to the mean weight of all rows so
            far. If all weights are 0, nothing happens.
        classes : array-like of shape (n_classes,), default=None
            All labels that may ever occur. Needed in the first call only. For
            multilabel targets ``np.arange(n_labels)``, or a matrix like ``y``.

        Returns
        -------
        self : ScratchMLPClassifier
            The fitted estimator.

        Raises
        ------
        ValueError
            As in :meth:`fit`. Also if ``classes`` is missing in the first call or
            changes later, or if a label is not among the classes.
        DivergenceError
            As :meth:`fit`, in the first call.
        """
        call = Call(X, y, sample_weight, incremental=True, classes=classes)
        self._fit_aside(Labels(), call)
        return self

    def predict(self, X: Any) -> Array:
        """Return the most probable class of each row.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The data.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_labels)
            Class labels. For multilabel targets, 1 where the probability of a label is
            above 0.5, else 0.
        """
        fitted = snapshot(self)
        decode, classes = BY_OUTPUT[fitted.out_activation_].decode, _classes(fitted)
        return reduced_logits(fitted, X, lambda logits: decode(logits, classes))

    def predict_proba(self, X: Any) -> Array:
        """Return the probability of every class: the softmax of the logits.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The data.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            Columns in the order of ``classes_``; each row sums to 1. For multilabel
            targets the sigmoid of the logits, independent for each label, below 1.

            No probability is 0 if the logits are finite. A probability too small for
            the type is replaced by a subnormal number. The replacements are in the
            order of the logarithms, so that ranks are kept; two of them are equal only
            if their logarithms are nearly equal, to one part in 50,000 for float32, and
            in 10^12 for float64.
        """
        fitted = snapshot(self)
        output = BY_OUTPUT[fitted.out_activation_].probabilities
        return transformed_logits(fitted, X, output)

    def predict_log_proba(self, X: Any) -> Array:
        """Return the logarithm of every class's probability.

        It is computed from the logits, not from ``predict_proba``, and is finite if the
        logits are, even where the probability itself would be too small for its type.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The data.

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
            Columns in the order of ``classes_``.
        """
        fitted = snapshot(self)
        output = BY_OUTPUT[fitted.out_activation_].log_probabilities
        return transformed_logits(fitted, X, output)

    def decision_function(self, X: Any) -> Array:
        """Return the logits: the output of the last layer before the softmax.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The data.

        Returns
        -------
        scores : ndarray of shape (n_samples, n_classes), or (n_samples,)
            Logits in the order of ``classes_``. For two classes, the log-odds of
            ``classes_[1]``: the difference of the two logits.
        """
        fitted = snapshot(self)
        if fitted.out_activation_ == "softmax" and len(fitted.intercepts_[-1]) == 2:
            return reduced_logits(fitted, X, lambda z: z[:, 1] - z[:, 0])
        return transformed_logits(fitted, X)

    def to_sklearn(self) -> Any:
        """Return a fitted model of scikit-learn with equal predictions.

        Tools for :class:`~sklearn.neural_network.MLPClassifier`, such as skl2onnx, can
        read it. For two classes, the two softmax outputs become the single logistic
        unit of scikit-learn, exactly.

        Returns
        -------
        model : MLPClassifier
            A fitted model, which shares no array, list or RandomState with this
            estimator. It has the parameters of this estimator that ``MLPClassifier``
            knows. What scikit-learn lacks is replaced: the solver by ``'adam'``, the
            learning rate by ``'constant'``. Fitting the model again therefore trains it
            differently.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If this estimator is not fitted.
        ValueError
            If scikit-learn cannot express the network: an activation that it lacks, or
            hidden layers with different activations.
        """
        return to_sklearn(self, MLPClassifier)

    @classmethod
    def from_sklearn(cls, model: Any) -> "ScratchMLPClassifier":
        """Return a fitted estimator with the predictions of a scikit-learn model.

        Parameters
        ----------
        model : MLPClassifier
            A fitted model.

        Returns
        -------
        estimator : ScratchMLPClassifier
            A fitted estimator. It shares no array, list or RandomState with ``model``.
            It has the parameters of the model, ``weight_init='glorot_uniform'``, and
            the type of the model's weights as ``dtype``.

        Raises
        ------
        TypeError
            If ``model`` is of another class.
        ValueError
            If the weights are not finite or their shapes do not match, or the
            activation is unknown.
        """
        return from_sklearn(model, cls, MLPClassifier)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


def _classes(fitted: FittedAttributes) -> Array:
    """Return the labels of the outputs; those set by hand may be a list, or missing."""
    if not hasattr(fitted, "classes_"):
        raise NotFittedError(
            f"{type(fitted).__name__} has no classes_: set the labels of its outputs, "
            "or call predict_proba, which does not need them."
        )
    return np.asarray(fitted.classes_)
