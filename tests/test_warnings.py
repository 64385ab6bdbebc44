"""Warnings and errors about training: when, once, where they point to, and silence."""

import re
import warnings
from functools import partial

import helpers
import numpy as np
import pytest
import sklearn
from helpers import (
    all_stochastic,
    both,
    float_names,
    ignore_convergence,
    interrupted,
    numbers,
    of_category,
    recorded,
    scaled_iris,
    solvers,
    stochastic,
    untimed,
)
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils.fixes import parse_version
from sklearn.utils.multiclass import check_classification_targets

from skmlp_scratch import ScratchMLPClassifier, ScratchMLPRegressor, exceptions
from skmlp_scratch._estimator.label_targets import Classes
from skmlp_scratch._estimator.solvers import READERS, SOLVERS
from skmlp_scratch._estimator.value_targets import Values
from skmlp_scratch.exceptions import (
    ConstantPredictionWarning,
    DeadUnitsWarning,
    DivergenceError,
    DivergenceWarning,
    FeatureScaleWarning,
    IgnoredParameterWarning,
    RareClassWarning,
    TargetScaleWarning,
)
from skmlp_scratch.nn import lbfgs, training
from skmlp_scratch.nn.divergence import DivergenceGuard

quick = partial(
    helpers.quick, hidden_layer_sizes=(12, 9), activation="tanh", max_iter=2
)


X, y = scaled_iris()
DIGITS, DIGIT_LABELS = load_digits(return_X_y=True)


# One way to provoke each of the warnings


def with_features_of_many_scales(estimator_class, **parameters):
    return quick(estimator_class, **parameters), X * [1, 1e4, 1, 1], y


def with_ignored_parameters(estimator_class, **parameters):
    estimator = quick(estimator_class, momentum=0.5, max_fun=7, **parameters)
    return estimator, X, y


def with_constant_features(estimator_class, **parameters):
    return quick(estimator_class, **parameters), np.ones_like(X), y


def with_dead_units(estimator_class, **parameters):
    estimator = quick(estimator_class, activation="relu", warm_start=True, **parameters)
    recorded(estimator.fit, X, y)
    estimator.intercepts_[1][:6] = -1e6
    return estimator, X, y


def with_a_rare_class(estimator_class, **parameters):
    labels = np.where(np.arange(len(y)) == 7, 99, y)
    return quick(estimator_class, early_stopping=True, **parameters), X, labels


def with_too_few_epochs(estimator_class, **parameters):
    return quick(estimator_class, **parameters), X, y


def with_targets_of_another_scale(estimator_class, **parameters):
    return quick(estimator_class, **parameters), X, y * 1e6


def with_a_large_batch(estimator_class, **parameters):
    return quick(estimator_class, batch_size=151, **parameters), X, y


def from_a_good_model_at_a_high_rate(estimator_class, **parameters):
    estimator = quick(
        estimator_class,
        activation="relu",
        solver="sgd",
        learning_rate_init=0.05,
        batch_size=50,
        max_iter=10,
        warm_start=True,
        **parameters,
    )
    recorded(estimator.fit, X, y)
    return estimator.set_params(learning_rate_init=1e4), X, y


CASES = {
    FeatureScaleWarning: (
        with_features_of_many_scales,
        r"^The ranges of the features span \d.* to \d.*Put StandardScaler",
    ),
    IgnoredParameterWarning: (
        with_ignored_parameters,
        r"momentum=0\.5 needs solver='sgd'.*max_fun=7 needs solver='lbfgs'",
    ),
    ConstantPredictionWarning: (
        with_constant_features,
        "^The trained network predicts the same for all.*Raise or lower learning_rate",
    ),
    DeadUnitsWarning: (
        with_dead_units,
        "% of the 9 units in hidden layer 2 are 0 .*activation, or lower learning_rate",
    ),
    TargetScaleWarning: (
        with_targets_of_another_scale,
        r"^y has a mean of 1e\+06 and a .* of 8.16e\+05.*TransformedTargetRegressor\(",
    ),
    RareClassWarning: (with_a_rare_class, "^Too few rows .*: 99.*validation_fraction"),
    ConvergenceWarning: (with_too_few_epochs, "^Stopped at max_iter=2.*Raise max_iter"),
    UserWarning: (
        with_a_large_batch,
        "^batch_size=151 is larger than the 150 training",
    ),
    DivergenceWarning: (
        from_a_good_model_at_a_high_rate,
        r"^Training diverged: the loss became .*Lower learning_rate_init=1",
    ),
}
cases = pytest.mark.parametrize("category", CASES, ids=lambda c: c.__name__)


def provoke(category, estimator_class, **parameters):
    if category is RareClassWarning and estimator_class is ScratchMLPRegressor:
        pytest.skip("a regressor has no classes")
    if category is TargetScaleWarning and estimator_class is ScratchMLPClassifier:
        pytest.skip("labels have no scale")
    return CASES[category][0](estimator_class, **parameters)


@both
@cases
def test_warns_once_with_a_remedy_at_the_callers_line(category, estimator_class):
    estimator, data, targets = provoke(category, estimator_class)
    # Called in this file: that is the caller.
    caught = recorded(lambda: estimator.fit(data, targets))
    (warning,) = of_category(caught, category)
    assert re.search(CASES[category][1], str(warning.message))
    assert str(warning.message).endswith(".")
    assert warning.filename == __file__


@both
@cases
def test_is_silenced_by_its_category(category, estimator_class):
    estimator, data, targets = provoke(category, estimator_class)
    given = {w.category for w in recorded(estimator.fit, data, targets)}
    assert category in given
    estimator, data, targets = provoke(category, estimator_class)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for one in given - {UserWarning}:
            warnings.simplefilter("ignore", one)
        if category is UserWarning:
            warnings.filterwarnings("ignore", "batch_size", UserWarning)
        # A warning that was still given would be an error, and leave no result.
        assert estimator.fit(data, targets) is estimator


@both
@pytest.mark.parametrize(
    "category",
    [FeatureScaleWarning, IgnoredParameterWarning, DivergenceWarning],
    ids=lambda c: c.__name__,
)
def test_partial_fit_warns_at_the_callers_line_too(category, estimator_class):
    estimator, data, targets = provoke(category, estimator_class)
    classes = {}
    if estimator_class is ScratchMLPClassifier:
        classes["classes"] = [0, 1, 2]
    if category is DivergenceWarning:
        data = abs(data) * 5e307  # in a stream only what is not finite is divergence
    caught = recorded(lambda: estimator.partial_fit(data, targets, **classes))
    (warning,) = of_category(caught, category)
    assert warning.filename == __file__
    assert not of_category(caught, ConvergenceWarning)


@both
def test_scales_are_looked_at_in_the_first_call_of_partial_fit_only(estimator_class):
    estimator, data, targets = with_features_of_many_scales(estimator_class)
    counts = [
        len(
            of_category(
                recorded(estimator.partial_fit, data, targets, **classes),
                FeatureScaleWarning,
            )
        )
        for classes in (
            {"classes": [0, 1, 2]} if estimator_class is ScratchMLPClassifier else {},
            {},
            {},
        )
    ]
    assert counts == [1, 0, 0]


def test_every_category_has_a_case():
    categories = {
        value
        for value in vars(exceptions).values()
        if isinstance(value, type) and issubclass(value, Warning)
    }
    assert categories == set(CASES) - {UserWarning}


# No false alarm


def sparse_pixels():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, size=(300, 40)) * (rng.random((300, 40)) < 0.2)
    pixels[:, :10] = 0
    pixels[0, 10:13] = 1  # hardly ever used, and faint
    pixels[1:, 10:13] = 0
    return pixels.astype(np.uint8), rng.integers(3, size=300)


def one_hot():
    rng = np.random.default_rng(1)
    letters = rng.choice(list("abcdefghij"), size=(200, 3))
    rows = OneHotEncoder(sparse_output=False).fit_transform(letters)
    return rows, (letters[:, 0] < "e").astype(int)


ORDINARY = {
    "iris": lambda: load_iris(return_X_y=True),
    "scaled iris": lambda: (X, y),
    "digits": lambda: (DIGITS[:300], DIGIT_LABELS[:300]),
    "digits from 0 to 1": lambda: (DIGITS[:300] / 16, DIGIT_LABELS[:300]),
    "pixels": sparse_pixels,
    "pixels from 0 to 1": lambda: (sparse_pixels()[0] / 255, sparse_pixels()[1]),
    "one-hot": one_hot,
    "one class": lambda: (X, np.zeros(len(X), dtype=int)),
    "nothing to distinguish": lambda: (np.ones_like(X), np.full(len(X), 3)),
    "one row": lambda: (X[:1], y[:1]),
    "one feature": lambda: (X[:, :1], y),
    "standardized pixels": lambda: (
        StandardScaler().fit_transform(sparse_pixels()[0]),
        sparse_pixels()[1],
    ),
}


@both
@solvers
@pytest.mark.parametrize("data", ORDINARY)
def test_no_false_alarm(data, solver, estimator_class):
    data, targets = ORDINARY[data]()
    parameters = {"solver": solver, "max_iter": 15, "random_state": 0}
    if solver == "sgd" and data.max() > 4:
        # Such data need scaling.
        parameters["learning_rate_init"] = 1e-4 if data.max() < 20 else 1e-6
    caught = recorded(estimator_class(**parameters).fit, data, targets)
    assert {w.category for w in caught} <= {ConvergenceWarning}


@pytest.mark.parametrize("ratio", [900, 1100])
def test_features_may_differ_by_a_thousand(ratio):
    rows = np.random.default_rng(0).uniform(size=(50, 3)) * [1, ratio, 1]
    rows[0], rows[1] = 0, [1, ratio, 1]
    caught = recorded(
        quick(ScratchMLPClassifier).fit, rows, y[:50] + (rows[:, 0] > 0.5)
    )
    assert len(of_category(caught, FeatureScaleWarning)) == (ratio > 1000)


def test_scales_are_looked_at_in_all_parts_of_the_rows():
    # Only some of the rows are looked at, and they may be sorted.
    rows = np.random.default_rng(0).normal(size=(3000, 2))
    rows[1500:, 0] *= 1e5
    estimator = quick(ScratchMLPClassifier, max_iter=1)
    caught = recorded(estimator.fit, rows, rows[:, 1] > 0)
    assert len(of_category(caught, FeatureScaleWarning)) == 1


@pytest.mark.parametrize(("n_dead", "warns"), [(4, False), (5, True)])
def test_dead_units_are_more_than_half(n_dead, warns):
    estimator, data, targets = with_dead_units(
        ScratchMLPClassifier, learning_rate_init=1e-9
    )
    estimator.intercepts_[1][:] = 10
    estimator.intercepts_[1][:n_dead] = -1e6
    caught = recorded(estimator.fit, data, targets)
    messages = [str(w.message) for w in of_category(caught, DeadUnitsWarning)]
    assert bool(messages) == warns
    if warns:
        assert messages[0].startswith("56% of the 9 units in hidden layer 2")


def test_of_several_layers_with_dead_units_the_first_is_named():
    estimator, data, targets = with_dead_units(ScratchMLPClassifier)
    estimator.intercepts_[0][:] = -1e6
    caught = of_category(recorded(estimator.fit, data, targets), DeadUnitsWarning)
    (message,) = [str(warning.message) for warning in caught]
    assert message.startswith("100% of the 12 units in hidden layer 1")


@both
@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"learning_rate": "adaptive"}, "learning_rate='adaptive' needs solver='sgd'"),
        (
            {"learning_rate": "invscaling"},
            "learning_rate='invscaling' needs solver='sgd",
        ),
        ({"nesterovs_momentum": False}, "nesterovs_momentum=False needs solver='sgd'"),
        (
            {"power_t": 0.3, "solver": "sgd"},
            "power_t=0.3 needs solver='sgd' and learni",
        ),
        ({"beta_1": 0.5, "solver": "sgd"}, "beta_1=0.5 needs solver='adam'"),
        ({"beta_2": 0.5, "solver": "lbfgs"}, "beta_2=0.5 needs solver='adam'"),
        ({"epsilon": 0.1, "solver": "sgd"}, "epsilon=0.1 needs solver='adam'"),
        ({"batch_size": 9, "solver": "lbfgs"}, "batch_size=9 needs solver='adam', "),
        (
            {"early_stopping": True, "solver": "lbfgs"},
            "early_stopping=True needs solver",
        ),
        ({"shuffle": False, "solver": "lbfgs"}, "shuffle=False needs solver='adam', "),
        (
            {"learning_rate_init": 1.0, "solver": "lbfgs"},
            "learning_rate_init=1.0 needs",
        ),
        (
            {"n_iter_no_change": 3, "solver": "lbfgs"},
            "n_iter_no_change=3 needs solver=",
        ),
        (
            {"learning_rate": "one_cycle", "solver": "lbfgs"},
            "learning_rate='one_cycle'",
        ),
        ({"dropout": 0.5, "solver": "lbfgs"}, "dropout=0.5 needs solver='adam', "),
        ({"noise": 0.5, "solver": "lbfgs"}, "noise=0.5 needs solver='adam', "),
        ({"max_norm": 0.5, "solver": "lbfgs"}, "max_norm=0.5 needs solver='adam', "),
        ({"clip_norm": 0.5, "solver": "lbfgs"}, "clip_norm=0.5 needs solver='adam', "),
        ({"averaging": 0.5, "solver": "lbfgs"}, "averaging=0.5 needs solver='adam', "),
        ({"max_fun": 3}, "max_fun=3 needs solver='lbfgs'"),
        ({"monitor": "loss"}, "monitor='loss' needs early_stopping=True"),
        ({"validation_fraction": 0.2}, "validation_fraction=0.2 needs early_stopping="),
    ],
    ids=str,
)
def test_a_parameter_without_effect_is_named(parameters, message, estimator_class):
    estimator = quick(estimator_class, **parameters)
    (warning,) = of_category(recorded(estimator.fit, X, y), IgnoredParameterWarning)
    text = str(warning.message)
    assert message in text
    assert text.count("needs") == 1
    # It really has none.
    plain = quick(estimator_class, solver=parameters.get("solver", "adam"))
    recorded(plain.fit, X, y)
    np.testing.assert_array_equal(numbers(estimator), numbers(plain))


# Of each parameter that only some solvers read, another value than its default.
READ_BY_SOME = {
    "beta_1": 0.5,
    "beta_2": 0.5,
    "epsilon": 0.1,
    "max_fun": 1,
    "momentum": 0.5,
    "nesterovs_momentum": False,
}


def test_what_only_some_solvers_read_is_known():
    assert READ_BY_SOME.keys() == READERS.keys()


@pytest.mark.parametrize("parameter", READ_BY_SOME)
@pytest.mark.parametrize("solver", SOLVERS)
def test_a_solver_reads_what_its_record_says(solver, parameter):
    estimator = quick(solver=solver, **{parameter: READ_BY_SOME[parameter]})
    caught = of_category(recorded(estimator.fit, X, y), IgnoredParameterWarning)
    plain = quick(solver=solver)
    recorded(plain.fit, X, y)
    is_read = solver in READERS[parameter]
    assert bool(caught) is not is_read
    assert (numbers(estimator) != numbers(plain)).any() == is_read


@both
@pytest.mark.parametrize(
    "parameters",
    [
        {
            "solver": "sgd",
            "learning_rate": "invscaling",
            "power_t": 0.3,
            "momentum": 0.1,
        },
        {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 0.1, "batch_size": 9},
        {"solver": "lbfgs", "max_fun": 9},
        {"early_stopping": True, "monitor": "loss", "validation_fraction": 0.2},
        {"learning_rate": "one_cycle"},
        {"learning_rate": "cosine", "solver": "adamw", "beta_1": 0.5},
        {"dropout": 0.5, "noise": 0.1, "averaging": 0.9},
        {"max_norm": 0.5, "clip_norm": 0.5},
    ],
    ids=str,
)
def test_no_warning_of_parameters_with_effect(parameters, estimator_class):
    caught = recorded(quick(estimator_class, **parameters).fit, X, y)
    assert not of_category(caught, IgnoredParameterWarning)
    plain = quick(estimator_class, solver=parameters.get("solver", "adam"))
    if "max_fun" not in parameters:
        estimator = quick(estimator_class, **parameters)
        recorded(estimator.fit, X, y)
        recorded(plain.fit, X, y)
        assert (numbers(estimator) != numbers(plain)).any()


@pytest.mark.parametrize(
    ("parameters", "what"),
    [
        ({}, "training loss"),
        ({"early_stopping": True}, "validation score"),
        ({"early_stopping": True, "monitor": "loss"}, "validation loss"),
    ],
    ids=str,
)
def test_message_says_what_was_to_improve(parameters, what):
    estimator = quick(ScratchMLPClassifier, **parameters)
    (warning,) = recorded(estimator.fit, X, y)
    expected = (
        f"Stopped at max_iter=2 before the {what} ceased to improve by tol=0.0001"
    )
    assert str(warning.message).startswith(expected)


@pytest.mark.parametrize("parameters", [{"max_iter": 3}, {"max_fun": 3}], ids=str)
def test_lbfgs_says_what_to_raise(parameters):
    estimator = quick(
        ScratchMLPClassifier, solver="lbfgs", **{"max_iter": 900} | parameters
    )
    (warning,) = recorded(estimator.fit, X, y)
    assert warning.category is ConvergenceWarning
    assert re.match(
        r"^L-BFGS stopped after \d+ iterations before it converged .*LIMIT.*"
        "Raise max_iter or max_fun",
        str(warning.message),
    )


# Divergence


@both
@pytest.mark.parametrize(
    "parameters", [{}, {"early_stopping": True}, {"dtype": "float32"}], ids=str
)
@pytest.mark.parametrize("learning_rate_init", [10.0, 1e8, 1e300])
def test_divergence_from_the_start_is_an_error(
    learning_rate_init, parameters, estimator_class
):
    estimator = estimator_class(
        solver="sgd",
        learning_rate_init=learning_rate_init,
        max_iter=50,
        random_state=0,
        **parameters,
    )
    before = dict(vars(estimator))
    message = (
        r"^Training diverged: the loss became \S+ at epoch \d+\. It never did better "
        r"than a constant prediction, whose loss is \d\S*\. Lower learning_rate_init=1"
    )
    # No other warning, of an overflow for example, comes along.
    with pytest.raises(DivergenceError, match=message):
        estimator.fit(DIGITS, DIGIT_LABELS)
    assert vars(estimator) == before


LAST_STEPS = [
    {"learning_rate_init": 1e300},
    {"learning_rate_init": 1e300, "early_stopping": True},
    {"learning_rate_init": 1e30, "dtype": "float32"},
    {"learning_rate_init": 1e30, "dtype": "float32", "early_stopping": True},
    # No weight is that large, but their products are.
    {"learning_rate_init": 1e14, "dtype": "float32"},
    {"learning_rate_init": 1e14, "dtype": "float32", "early_stopping": True},
]
one_step = {"max_iter": 1, "batch_size": 1000, "activation": "identity"}


@pytest.mark.filterwarnings("ignore:batch_size=1000")
@both
@all_stochastic
@pytest.mark.parametrize("parameters", LAST_STEPS, ids=str)
def test_an_explosion_in_the_last_step_is_an_error(parameters, solver, estimator_class):
    # No loss is computed after that step, but predictions would be NaN.
    estimator = quick(estimator_class, solver=solver, **one_step | parameters)
    before = dict(vars(estimator))
    with pytest.raises(DivergenceError, match="It never did better than a constant"):
        estimator.fit(X, y)
    assert vars(estimator) == before


@both
def test_an_explosion_in_the_last_step_gives_a_good_network_back(estimator_class):
    estimator = quick(estimator_class, warm_start=True, max_iter=300)
    recorded(estimator.fit, X, y)
    good = numbers(estimator)
    estimator.set_params(learning_rate_init=1e300, max_iter=1)
    caught = recorded(estimator.fit, X, y)
    assert [warning.category for warning in caught] == [DivergenceWarning]
    np.testing.assert_array_equal(numbers(estimator), good)


@both
@all_stochastic
def test_a_step_of_a_stream_that_explodes_is_taken_back(solver, estimator_class):
    classes = {"classes": range(3)} if estimator_class is ScratchMLPClassifier else {}
    for rate, dtype in [(1e300, "float64"), (1e200, "float64"), (1e30, "float32")]:
        setting = {"solver": solver, "dtype": dtype, "hidden_layer_sizes": 5}
        with pytest.raises(DivergenceError):
            quick(estimator_class, **setting, learning_rate_init=rate).partial_fit(
                X, y, **classes
            )
        estimator = quick(estimator_class, **setting).partial_fit(X, y, **classes)
        twin = quick(estimator_class, **setting).partial_fit(X, y, **classes)
        estimator.set_params(learning_rate_init=rate)
        caught = recorded(estimator.partial_fit, X, y)
        assert [warning.category for warning in caught] == [DivergenceWarning]
        np.testing.assert_array_equal(numbers(estimator), numbers(twin))
        estimator.set_params(learning_rate_init=twin.learning_rate_init)
        assert np.isfinite(numbers(estimator.partial_fit(X, y))).all()


@both
def test_divergence_leaves_a_fitted_estimator_as_it_was(estimator_class):
    estimator = quick(estimator_class, solver="sgd")
    recorded(estimator.fit, X, y)
    estimator.set_params(learning_rate_init=1e30, hidden_layer_sizes=3)
    before = dict(vars(estimator))
    with pytest.raises(DivergenceError):
        estimator.fit(DIGITS, DIGIT_LABELS)
    assert vars(estimator) == before


@stochastic
def test_overflow_of_float32_is_divergence(solver):
    rows = np.float32(1e25) * X.astype(np.float32)
    estimator = quick(
        ScratchMLPRegressor, solver=solver, activation="identity", max_iter=20
    )
    with pytest.raises(DivergenceError, match=r"the loss became (inf|nan) at epoch 1"):
        estimator.fit(rows, y)
    assert not hasattr(estimator, "coefs_")


def test_divergence_of_lbfgs_says_to_scale_the_features():
    estimator = quick(ScratchMLPRegressor, solver="lbfgs", activation="identity")
    with pytest.raises(DivergenceError, match=r"Scale the features.*StandardScaler\.$"):
        estimator.fit(X * 1e200, y)


def slowly_diverging(**parameters):
    """Return a regressor whose loss falls for some epochs, and then explodes.

    The rate is a little too large for the first feature, of variance 9, and right for
    the second, of variance 1, from which there is more to learn at first.
    """
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(400, 2)) * [3, 1]
    estimator = ScratchMLPRegressor(
        hidden_layer_sizes=(),
        solver="sgd",
        momentum=0,
        batch_size=len(rows),
        learning_rate_init=0.25,
        n_iter_no_change=1000,
        max_iter=1000,
        weight_init=1e-3,
        **parameters,
    )
    return estimator, rows, 5 * rows[:, 1]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("monitor", ["training loss", "score", "loss"])
@float_names
def test_divergence_restores_the_best_epoch(dtype, monitor, seed):
    estimator, rows, targets = slowly_diverging(random_state=seed, dtype=dtype)
    if monitor != "training loss":
        estimator.set_params(early_stopping=True, monitor=monitor, batch_size=360)
    caught = recorded(estimator.fit, rows, targets)
    (warning,) = caught
    assert warning.category is DivergenceWarning
    best, n_epochs = estimator.best_iter_, estimator.n_iter_
    assert 3 < best < n_epochs < 1000
    message = str(warning.message)
    assert message.startswith("Training diverged: the loss became ")
    assert f"at epoch {n_epochs}. The weights of epoch {best}, the best," in message
    assert "Lower learning_rate_init=0.25" in message

    if monitor == "training loss":
        loss = ((estimator.predict(rows) - targets) ** 2).mean() / 2
        assert loss < 1.5 * estimator.best_loss_
    else:
        up_to_best = clone(estimator).set_params(max_iter=best)
        recorded(up_to_best.fit, rows, targets)
        np.testing.assert_array_equal(numbers(estimator), numbers(up_to_best))
    # All that happened before is there to be looked at.
    assert len(estimator.loss_curve_) == n_epochs
    assert estimator.loss_curve_[-1] > 100 * min(estimator.loss_curve_)
    assert np.isfinite(estimator.loss_curve_).all()


@both
@pytest.mark.parametrize("batch_size", [50, 150])
def test_divergence_in_a_warm_start_keeps_the_model_that_there_was(
    batch_size, estimator_class
):
    estimator, *data = from_a_good_model_at_a_high_rate(estimator_class)
    # In a batch of all rows, the loss of the first epoch is that of the good model.
    estimator.set_params(batch_size=batch_size)
    before, curve = numbers(estimator), list(estimator.loss_curve_)
    (warning,) = recorded(estimator.fit, *data)
    assert warning.category is DivergenceWarning
    np.testing.assert_array_equal(numbers(estimator), before)
    assert estimator.loss_curve_[: len(curve)] == curve
    # Counted along loss_curve_, as best_iter_ is.
    epoch = len(estimator.loss_curve_)
    assert re.search(f"at epoch ({epoch}|{epoch + 1})\\.", str(warning.message))


@both
@stochastic
def test_after_diverging_partial_fit_can_go_on(solver, estimator_class):
    estimator = quick(
        estimator_class,
        activation="relu",
        solver=solver,
        learning_rate_init=0.02,
        batch_size=50,
    )
    more = {"classes": [0, 1, 2]} if estimator_class is ScratchMLPClassifier else {}
    for _ in range(10):
        estimator.partial_fit(X, y, **more)
    score = estimator.score(X, y)
    # Of SGD, the momentum is out of all proportion after that.
    factor = 1e80 if solver == "sgd" else 5e307
    (warning,) = recorded(estimator.partial_fit, abs(X) * factor, y)
    assert warning.category is DivergenceWarning
    assert estimator.score(X, y) == score
    for _ in range(10):
        estimator.partial_fit(X, y)
    assert estimator.score(X, y) > score


# KeyboardInterrupt


def interrupt(monkeypatch, solver, call):
    """Have Ctrl-C pressed in the given epoch, or evaluation of L-BFGS's objective."""
    module, name = (
        (lbfgs, "full_objective") if solver == "lbfgs" else (training, "train_epoch")
    )
    original, calls = getattr(module, name), []

    def interrupted(*arguments, **keywords):
        calls.append(None)
        if len(calls) < call:
            return original(*arguments, **keywords)
        if solver == "lbfgs":
            original(*arguments, **keywords)  # it has moved the parameters by then
        raise KeyboardInterrupt

    monkeypatch.setattr(module, name, interrupted)


def test_a_loss_that_rose_asks_for_a_lower_rate():
    estimator = ScratchMLPClassifier(learning_rate_init=10.0, random_state=0)
    (warning,) = recorded(lambda: estimator.fit(X, y))
    assert warning.category is ConstantPredictionWarning
    assert str(warning.message).endswith("has 1.1. Lower learning_rate_init=10.0.")


@both
@solvers
@pytest.mark.parametrize("call", [1, 2, 3, 6])
def test_an_interrupted_model_can_be_used(call, solver, estimator_class, monkeypatch):
    estimator = quick(estimator_class, solver=solver, max_iter=20)
    interrupt(monkeypatch, solver, call)
    (warning,) = recorded(lambda: estimator.fit(X, y))
    monkeypatch.undo()
    assert warning.category is UserWarning
    n_epochs = estimator.n_iter_
    what = "iteration" if solver == "lbfgs" else "epoch"
    duration = f"{n_epochs} {what}{'s' if n_epochs > 1 else ''}"
    when = f"after {duration}; the model can be used as it is."
    if n_epochs == 0:
        when = "before the first epoch ended: the network is untrained. Call fit again."
    assert str(warning.message) == f"Training interrupted by user {when}"
    assert warning.filename == __file__
    if solver != "lbfgs":
        assert n_epochs == call - 1
    assert len(estimator.loss_curve_) == n_epochs < 20
    assert np.isfinite(estimator.predict(X)).all()
    # The weights are those after the last epoch that ended.
    if n_epochs:
        expected = clone(estimator).set_params(max_iter=n_epochs)
        recorded(expected.fit, X, y)
        np.testing.assert_array_equal(numbers(estimator), numbers(expected))
    # Training can go on from there.
    estimator.set_params(warm_start=True, max_iter=3)
    recorded(estimator.fit, X, y)
    assert len(estimator.loss_curve_) == n_epochs + 3
    if solver != "lbfgs":
        more = {"classes": [0, 1, 2]} if estimator_class is ScratchMLPClassifier else {}
        estimator.partial_fit(X, y, **more)


@both
@stochastic
def test_an_interrupt_within_an_epoch(solver, estimator_class, monkeypatch):
    estimator = quick(estimator_class, solver=solver, batch_size=10, max_iter=20)
    check, n_calls = DivergenceGuard.check, []

    def interrupted(self, objective):
        n_calls.append(None)
        if len(n_calls) == 15 * 2 + 8:
            raise KeyboardInterrupt
        return check(self, objective)

    monkeypatch.setattr(DivergenceGuard, "check", interrupted)
    (warning,) = recorded(estimator.fit, X, y)
    assert "interrupted by user after 2 epochs" in str(warning.message)
    assert len(estimator.loss_curve_) == estimator.n_iter_ == 2
    assert np.isfinite(estimator.predict(X)).all()


@both
@pytest.mark.parametrize("monitor", ["score", "loss"])
def test_interrupted_early_stopping_keeps_the_best_epoch(
    monitor, estimator_class, monkeypatch
):
    estimator = quick(
        estimator_class,
        early_stopping=True,
        monitor=monitor,
        learning_rate_init=1.0,
        n_iter_no_change=100,
        max_iter=100,
    )
    interrupt(monkeypatch, "adam", 31)
    (warning,) = recorded(estimator.fit, X, y)
    monkeypatch.undo()
    assert "interrupted by user after 30 epochs" in str(warning.message)
    assert 1 <= estimator.best_iter_ < 30 == len(estimator.validation_scores_)
    expected = clone(estimator).set_params(max_iter=estimator.best_iter_)
    recorded(expected.fit, X, y)
    np.testing.assert_array_equal(numbers(estimator), numbers(expected))


@both
@pytest.mark.parametrize("early_stopping", [False, True])
def test_interrupted_before_the_first_epoch_ended(
    early_stopping, estimator_class, monkeypatch
):
    estimator = quick(estimator_class, early_stopping=early_stopping)
    interrupt(monkeypatch, "adam", 1)
    recorded(estimator.fit, X, y)
    assert estimator.n_iter_ == estimator.t_ == estimator.best_iter_ == 0
    assert estimator.loss_curve_ == []
    assert np.isnan(estimator.loss_)
    assert np.isfinite(estimator.predict(X)).all()


@both
def test_interrupted_partial_fit(estimator_class, monkeypatch):
    estimator = quick(estimator_class)
    more = {"classes": [0, 1, 2]} if estimator_class is ScratchMLPClassifier else {}
    estimator.partial_fit(X, y, **more)
    before = numbers(estimator)
    interrupt(monkeypatch, "adam", 1)
    (warning,) = recorded(estimator.partial_fit, X, y)
    assert "interrupted by user" in str(warning.message)
    np.testing.assert_array_equal(numbers(estimator), before)
    assert len(estimator.loss_curve_) == 1


@both
def test_an_interrupt_outside_training_goes_on_to_the_caller(
    estimator_class, monkeypatch
):
    estimator = quick(estimator_class)
    recorded(estimator.fit, X, y)
    before = dict(vars(estimator))

    for targets in (Classes, Values):
        monkeypatch.setattr(targets, "encode", interrupted)
    with pytest.raises(KeyboardInterrupt):
        estimator.fit(X, y)
    assert vars(estimator) == before


@ignore_convergence
@solvers
@both
def test_verbose_goes_to_standard_output_only(estimator_class, solver, capsys):
    estimator = quick(estimator_class, solver=solver, verbose=True).fit(X, y)
    out, err = capsys.readouterr()
    assert err == ""
    *lines, last = untimed(out)
    assert lines == [
        f"Iteration {n}, loss = {loss:.8f} ({n} of 2)"
        for n, loss in enumerate(estimator.loss_curve_, start=1)
    ]
    assert last.startswith(
        "L-BFGS: STOP" if solver == "lbfgs" else "All of max_iter=2 epochs are done"
    )


def test_a_network_far_worse_than_a_constant_prediction_is_named():
    # On raw iris with this seed, accuracy ceases to improve while the loss is high.
    rows, labels = load_iris(return_X_y=True)
    estimator = ScratchMLPClassifier(early_stopping=True, random_state=0)
    (warning,) = of_category(
        recorded(estimator.fit, rows, labels), ConstantPredictionWarning
    )
    assert "on the validation data, where a constant prediction has 1.1." in str(
        warning.message
    )
    assert log_loss(labels, estimator.predict_proba(rows)) > 3


@pytest.mark.parametrize("n_classes", [3, 20])
def test_labels_that_look_like_numbers_to_predict(n_classes):
    # The warning is scikit-learn's, from 1.7 on; MLPClassifier does not have it.
    labels = np.arange(30) % n_classes

    def warns(function, *arguments):
        messages = [str(w.message) for w in recorded(function, *arguments)]
        return any("could represent a regression problem" in m for m in messages)

    expected = warns(check_classification_targets, labels)
    assert warns(quick(ScratchMLPClassifier).fit, X[:30], labels) == expected
    if parse_version(sklearn.__version__) >= parse_version("1.8"):
        assert expected == (n_classes == 20)
