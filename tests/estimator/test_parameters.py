"""Parameters: each that is bad is named, each that is allowed works."""

import re
from functools import partial

import helpers
import numpy as np
import pytest
from helpers import assert_fit_fails_cleanly, ignore_convergence
from sklearn.datasets import load_iris
from strategies import ALLOWED_VALUES, BAD_VALUES

from skmlp_scratch import ScratchMLPClassifier, ScratchMLPRegressor
from skmlp_scratch.exceptions import InvalidParameterError

X, y = load_iris(return_X_y=True)
quick = partial(helpers.quick, hidden_layer_sizes=5, max_iter=2)

OF_CLASSIFIERS = {"class_weight", "label_smoothing"}


def table(values):
    return [
        pytest.param(name, value, id=f"{name}-{number}")
        for name in values
        for number, value in enumerate(values[name])
    ]


# What needs company, or else an IgnoredParameterWarning says so.
COMPANY = {
    "learning_rate": {"solver": "sgd", "activation": "tanh"},
    "momentum": {"solver": "sgd"},
    "random_state": {"activation": "tanh"},  # any seed may give a layer of dead ReLUs
    "nesterovs_momentum": {"solver": "sgd"},
    "power_t": {"solver": "sgd", "learning_rate": "invscaling"},
    "max_fun": {"solver": "lbfgs"},
    "monitor": {"early_stopping": True},
    "validation_fraction": {"early_stopping": True},
}


@pytest.mark.parametrize("values", [BAD_VALUES, ALLOWED_VALUES], ids=["bad", "allowed"])
def test_the_tables_have_every_parameter(values):
    assert values.keys() == ScratchMLPClassifier().get_params().keys()
    of_regressor = ScratchMLPRegressor().get_params().keys()
    assert {*values, "loss", "quantile"} - OF_CLASSIFIERS == of_regressor


@pytest.mark.parametrize("name", sorted(BAD_VALUES.keys() - OF_CLASSIFIERS))
def test_regressor_has_the_same_rules(name):
    for value in BAD_VALUES[name]:
        message = rf"(?s)^{name} must be .+, got {re.escape(repr(value))}$"
        with pytest.raises(InvalidParameterError, match=message):
            quick(ScratchMLPRegressor, **{name: value}).fit(X, y)


@pytest.mark.parametrize(("name", "value"), table(BAD_VALUES))
def test_bad_parameter_is_named_with_its_value(fitted, name, value):
    # ValueError and TypeError at once, like scikit-learn's.
    message = rf"(?s)^{name} must be .+, got {re.escape(repr(value))}$"
    for error in (ValueError, TypeError):
        assert_fit_fails_cleanly(fitted, {name: value}, (X, y), error, message)


@ignore_convergence
@pytest.mark.parametrize(("name", "value"), table(ALLOWED_VALUES))
def test_allowed_parameter_works(name, value):
    estimator = quick(**COMPANY.get(name, {}) | {name: value})
    if name == "validation_fraction":
        # The least and the largest are for a set of one's own.
        estimator.fit(X, y, X_val=X, y_val=y)
    else:
        estimator.fit(X, y)
    assert estimator.predict_proba(X).shape == (150, 3)
    assert np.isfinite(estimator.loss_)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"activation": ["relu", "tanh"]},
            "activation must have 1 entries, one for each of the 1 hidden layers, got",
        ),
        ({"activation": ["relu"], "hidden_layer_sizes": ()}, "activation must have 0"),
        ({"activation": [], "hidden_layer_sizes": (3, 3)}, "activation must have 2"),
        (
            {"dropout": [0.5]},
            "dropout must have 2 entries, one for the input and one for each of the 1 ",
        ),
        ({"dropout": (0, 0, 0)}, "dropout must have 2 entries"),
    ],
    ids=str,
)
def test_lists_have_an_entry_per_layer(fitted, parameters, message):
    assert_fit_fails_cleanly(
        fitted, parameters, (X, y), InvalidParameterError, re.escape(message)
    )
