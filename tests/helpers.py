"""What test modules share: what is enumerated, data, estimators, comparisons."""

import importlib.util
import inspect
import io
import pickle
import re
import warnings
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import joblib
import numpy as np
import pytest
import sklearn
from sklearn.datasets import load_iris
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import scale
from sklearn.utils.estimator_checks import parametrize_with_checks

from skmlp_scratch import ScratchMLPClassifier, ScratchMLPRegressor
from skmlp_scratch._estimator.settings import Settings
from skmlp_scratch._estimator.solvers import SOLVERS, STOCHASTIC, make_optimizer
from skmlp_scratch.nn.activations import ACTIVATIONS
from skmlp_scratch.nn.classification_losses import SoftmaxCrossEntropy
from skmlp_scratch.nn.fast import VECTOR_BLOCK
from skmlp_scratch.nn.initializers import initialize
from skmlp_scratch.nn.losses import LOSSES, REGRESSION_LOSSES
from skmlp_scratch.nn.network import Network
from skmlp_scratch.nn.parameters import Parameters
from skmlp_scratch.nn.schedules import BUDGETED, SCHEDULES

ROOT = Path(__file__).parents[1]
SKLEARN = tuple(map(int, sklearn.__version__.split(".")[:2]))


def said_to_be_missing(output):
    """Return what a page of docs/use says is not installed, such as "a or b"."""
    found = re.findall(r"^(.*) is not installed", output, re.MULTILINE)
    return [names.lower() for names in found]


def wrongly_missing(output):
    """Return those of them that are installed."""
    return [
        names
        for names in said_to_be_missing(output)
        if all(map(importlib.util.find_spec, names.split(" or ")))
    ]


# What there is of each kind. What is added to these lists is tested without a new test.

# For these alpha is a penalty in the loss; a weight decay is none.
PENALIZED = [name for name, solver in SOLVERS.items() if not solver.decays_weights]
# Where AdamW goes the same way as Adam, it is left out.
UNLIKE_SOLVERS = [name for name in SOLVERS if name != "adamw"]
LEARNING_RATES = tuple(SCHEDULES)

# What scikit-learn's networks have, too.
SKLEARN_SOLVERS = ("adam", "sgd", "lbfgs")
SKLEARN_STOCHASTIC = ("adam", "sgd")
SKLEARN_ACTIVATIONS = ("identity", "logistic", "tanh", "relu")

# What a network must have for predictions, labels aside.
NEEDED = ["coefs_", "intercepts_", "n_layers_", "n_outputs_", "out_activation_"]

ESTIMATORS = (ScratchMLPClassifier, ScratchMLPRegressor)

both = pytest.mark.parametrize("estimator_class", ESTIMATORS)
all_stochastic = pytest.mark.parametrize("solver", STOCHASTIC)
solvers = pytest.mark.parametrize("solver", UNLIKE_SOLVERS)
penalized_solvers = pytest.mark.parametrize("solver", PENALIZED)
stochastic = pytest.mark.parametrize(
    "solver", [solver for solver in UNLIKE_SOLVERS if solver in STOCHASTIC]
)
in_batches_or_at_once = pytest.mark.parametrize("solver", ["adam", "lbfgs"])
sklearn_solvers = pytest.mark.parametrize("solver", SKLEARN_SOLVERS)
sklearn_stochastic = pytest.mark.parametrize("solver", SKLEARN_STOCHASTIC)
sklearn_activations = pytest.mark.parametrize("activation", SKLEARN_ACTIVATIONS)


def new_optimizer(solver, vector, **parameters):
    """Return a solver's optimizer for a vector whose first entry is a weight."""
    given = {**ScratchMLPRegressor().get_params(), "alpha": 0.1, **parameters}
    views = SimpleNamespace(vector=vector, matrices=vector[:1])
    return make_optimizer(Settings.of(given | {"solver": solver}), views)


optimizers = pytest.mark.parametrize(
    "make",
    [partial(new_optimizer, solver) for solver in STOCHASTIC],
    ids=STOCHASTIC,
)
schedules = pytest.mark.parametrize("learning_rate", BUDGETED)
regression_losses = pytest.mark.parametrize("loss", REGRESSION_LOSSES)
seeds = pytest.mark.parametrize("seed", [0, 1, 42])
block_sizes = pytest.mark.parametrize(
    "size", [1, VECTOR_BLOCK, VECTOR_BLOCK + 1, 3 * VECTOR_BLOCK + 17]
)
UNITS = [(4, 3), (4, 5, 3), (4, 6, 5, 4, 3)]
every_network = pytest.mark.parametrize(
    ("activation", "loss"),
    [(a, k) for a in sorted(ACTIVATIONS) for k in sorted(LOSSES)],
)
float_types = pytest.mark.parametrize("dtype", [np.float32, np.float64])
float_names = pytest.mark.parametrize("dtype", ["float32", "float64"])

ignore_convergence = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning"
)
poisson_in_scikit_learn = pytest.mark.skipif(
    "loss" not in inspect.signature(MLPRegressor).parameters,
    reason="MLPRegressor has the parameter loss from scikit-learn 1.7 on",
)


def interrupted(*arguments, **keywords):
    """Do what Ctrl-C does, whatever was called."""
    raise KeyboardInterrupt("now")


def untimed(printed):
    """Return the lines that ``verbose`` printed, without the time that epochs took."""
    time = r"\d+\.\d s, [\d,]+ rows/s\)"
    without = re.sub(rf", {time}", ")", printed)
    return re.sub(rf" \({time}", "", without).splitlines()


# Warnings


@contextmanager
def warnings_as(action, category=Warning):
    """Have warnings be an "error", or "ignore" them, for a while."""
    with warnings.catch_warnings():
        warnings.simplefilter(action, category)
        yield


def recorded(function, *arguments, **keywords):
    """Return all warnings of a call, those that Python would hide included."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        function(*arguments, **keywords)
    return caught


def of_category(caught, category):
    """Return those of the recorded warnings that are of just this category."""
    return [warning for warning in caught if warning.category is category]


def messages_of(category, function, *arguments, **keywords):
    """Return the messages of one category of a call's warnings."""
    caught = recorded(function, *arguments, **keywords)
    return [str(warning.message) for warning in of_category(caught, category)]


def ignore(category):
    """Mark a test in which one of the package's warnings is of no interest."""
    return pytest.mark.filterwarnings(f"ignore::skmlp_scratch.exceptions.{category}")


# Data: a kind of targets for each way in which an estimator treats them

TARGETS = {
    "classes": lambda signal, rng: signal.argmax(axis=1) + 5,
    "two": lambda signal, rng: (signal[:, 0] > 0).astype(int),
    "strings": lambda signal, rng: np.array(["a", "b", "c"])[signal.argmax(axis=1)],
    "labels": lambda signal, rng: (signal > 0).astype(int),
    "values": lambda signal, rng: signal[:, 0],
    "outputs": lambda signal, rng: signal,
    "counts": lambda signal, rng: rng.poisson(np.exp(signal[:, 0] / 2)),
}
kinds = pytest.mark.parametrize("kind", TARGETS)


def is_classifier(kind):
    """Whether targets of this kind are for a classifier."""
    return kind not in ("values", "outputs", "counts")


def make_data(kind, seed=0, n_rows=60, n_features=4, noise=0.0, targets=TARGETS):
    """Return normal features and targets of the kind, from a linear signal with noise.

    The seed may be a generator, of which the caller draws more.
    """
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, n_features))
    signal = X @ rng.normal(size=(n_features, 3))
    if noise:
        signal += noise * rng.normal(size=(n_rows, 3))
    return X, targets[kind](signal, rng)


def scaled_iris():
    """Return the features of iris at standard scale, and its three classes."""
    X, y = load_iris(return_X_y=True)
    return scale(X), y


# Estimators


def quick(estimator_class=ScratchMLPClassifier, **parameters):
    """Return a small estimator that trains for a few epochs only."""
    return estimator_class(
        **{"hidden_layer_sizes": 8, "max_iter": 5, "random_state": 0} | parameters
    )


def parameters_for(kind, **parameters):
    """Return parameters of a small network for targets of this kind."""
    common = {"hidden_layer_sizes": (7, 5), "activation": "tanh", "max_iter": 5}
    loss = {"loss": "poisson"} if kind == "counts" else {}
    return common | {"random_state": 0} | loss | parameters


def estimator_for(kind, **parameters):
    """Return a small estimator for targets of this kind."""
    ours = ScratchMLPClassifier if is_classifier(kind) else ScratchMLPRegressor
    return ours(**parameters_for(kind, **parameters))


def fitted_for(kind, **parameters):
    """Return such an estimator, fitted to :func:`make_data`."""
    return estimator_for(kind, **parameters).fit(*make_data(kind))


def prediction_methods(estimator):
    """Return the names of the methods by which this estimator predicts."""
    names = ["predict", "predict_proba", "predict_log_proba", "decision_function"]
    return [name for name in names if hasattr(estimator, name)]


def numbers(estimator):
    """Return all weights and biases in one vector."""
    return np.concatenate(
        [array.ravel() for array in estimator.coefs_ + estimator.intercepts_]
    )


def fitted_attributes(estimator):
    """Return the names of what a fit left, private things aside."""
    return {n for n in vars(estimator) if n.endswith("_") and not n.startswith("_")}


def parameters_of(estimator_class):
    """Return the parameters of a constructor, without their types."""
    parameters = inspect.signature(estimator_class).parameters.values()
    return [p.replace(annotation=inspect.Parameter.empty) for p in parameters]


def pickled(estimator):
    """Return a copy that went through pickle."""
    return pickle.loads(pickle.dumps(estimator))


def through_joblib(estimator):
    """Return a copy that went through joblib."""
    buffer = io.BytesIO()
    joblib.dump(estimator, buffer)
    return joblib.load(buffer)


def raises_and_changes_nothing(
    estimator, message, method, *arguments, error=ValueError, **keywords
):
    """Call a method, which must raise this error and leave the estimator as it was."""
    before = joblib.hash(vars(estimator))
    with pytest.raises(error, match=message) as caught:
        getattr(estimator, method)(*arguments, **keywords)
    assert joblib.hash(vars(estimator)) == before
    return caught.value


def assert_fit_fails_cleanly(fitted, parameters, data, error, message):
    """Fit a new estimator and the fixture ``fitted``: an error, all is as it was."""
    X, _ = load_iris(return_X_y=True)
    fresh = quick(**{"hidden_layer_sizes": 5, "max_iter": 2} | parameters)
    usual_parameters, predictions = fitted.get_params(), fitted.predict_proba(X)
    fitted.set_params(**parameters)
    for estimator in (fresh, fitted):
        raises_and_changes_nothing(estimator, message, "fit", *data, error=error)
    assert not [name for name in vars(fresh) if name.endswith("_")]
    fitted.set_params(**usual_parameters)
    np.testing.assert_array_equal(fitted.predict_proba(X), predictions)


def checks_of_scikit_learn(estimators, expected_failures):
    """Parametrize a test by scikit-learn's own checks of these estimators.

    Before 1.9, scikit-learn hands pytest a generator and some names twice, of which
    pytest 9 disapproves.
    """
    checks = parametrize_with_checks(
        estimators, expected_failed_checks=expected_failures
    )
    cases, name_of = list(checks.args[1]), checks.kwargs["ids"]
    ids = [
        "-".join([*map(name_of, getattr(case, "values", case)), str(number)])
        for number, case in enumerate(cases)
    ]
    return pytest.mark.parametrize(checks.args[0], cases, ids=ids)


def unequal_weights(dense, sparse=None):
    """Return the checks that take a weight for repeated rows, and why that is wrong."""
    return {
        "check_sample_weight_equivalence_on_dense_data": dense,
        "check_sample_weight_equivalence_on_sparse_data": sparse or dense,
    }


# Arrays and networks


def strided(array):
    """Return the array as every other row of a larger one."""
    return array.repeat(2, axis=0)[::2]


def drawn(scheme, *, seed=0, units=(300, 200, 100), dtype=np.float64, **options):
    """Return parameters with first weights, over which nothing else is left."""
    parameters = Parameters(units, dtype)
    parameters.vector[...] = 99
    initialize(parameters, scheme, np.random.RandomState(seed), **options)
    return parameters


def fill(network, rng, activation):
    """Draw weights and biases: no unit may sit at the kink of its activation."""
    initialize(network.parameters, "he_normal", rng, activation)
    for b in network.parameters.b:
        b[...] = 0.3 * rng.standard_normal(b.shape)


def targets_for(loss, shape, rng):
    """Return targets that the loss of this name allows."""
    if loss == "softmax_cross_entropy":
        return rng.randint(shape[1], size=shape[0])
    if loss == "sigmoid_cross_entropy":
        return rng.randint(2, size=shape).astype(float)
    if REGRESSION_LOSSES[loss].lowest_excluded:
        return rng.gamma(2, size=shape)
    if REGRESSION_LOSSES[loss].lowest == 0:
        return rng.poisson(1.5, size=shape).astype(float)
    return rng.standard_normal(shape)


def generator(seed=0):
    """Return a generator for noise and dropout."""
    return np.random.Generator(np.random.SFC64(seed))


def make_network(
    activation="tanh",
    seed=0,
    dtype=np.float64,
    noise=0.0,
    dropout=(0.0, 0.0, 0.0),
    label_smoothing=0.0,
    batch_norm=False,
):
    """Return a network of three layers, with what there is in training only."""
    network = Network(
        (5, 7, 6, 3),
        activation,
        SoftmaxCrossEntropy(label_smoothing),
        dtype,
        noise=noise,
        dropout=dropout,
        batch_norm=batch_norm,
        rng=generator(),
    )
    fill(network, np.random.RandomState(seed), activation)
    return network


def make_batch(n_rows=8, dtype=np.float64):
    """Return rows and classes for that network."""
    rng = np.random.RandomState(1)
    return rng.standard_normal((n_rows, 5)).astype(dtype), rng.randint(3, size=n_rows)
