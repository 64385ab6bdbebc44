"""``EarlyStopping``: a fit ends that no longer improves."""

import math
import warnings

import numpy as np
import pytest
from doubles import needs_callbacks
from helpers import (
    ignore_convergence,
    in_batches_or_at_once,
    numbers,
    quick,
    scaled_iris,
)

from skmlp_scratch import ScratchMLPRegressor
from skmlp_scratch.callbacks import Checkpoint, EarlyStopping

X, Y = scaled_iris()
VALIDATION = {"X_val": X[::3], "y_val": Y[::3]}


def last_epoch(values, patience, min_delta=0.0, sign=1):
    """Return after how many epochs it is to end, found by looking at all of them."""
    for n in range(patience + 1, len(values) + 1):
        best = sign * values[0]
        last = 0
        for number, value in enumerate(values[:n]):
            if sign * value > best + min_delta:
                best, last = sign * value, number
        if n - 1 - last >= patience:
            return n
    return len(values)


@needs_callbacks
@ignore_convergence
@pytest.mark.parametrize("min_delta", [0.0, 0.02])
@pytest.mark.parametrize("patience", [1, 3])
@pytest.mark.parametrize(
    ("monitor", "curve", "sign"),
    [
        ("loss", "loss_curve_", -1),
        ("validation_loss", "validation_loss_curve_", -1),
        ("validation_score", "validation_scores_", 1),
    ],
)
def test_what_our_estimators_measure(monitor, curve, sign, patience, min_delta):
    # In small batches, so that the loss goes up, too.
    parameters = {"max_iter": 60, "learning_rate_init": 0.1, "batch_size": 5}
    parameters["n_iter_no_change"] = 1000
    whole = quick(**parameters).fit(X, Y, **VALIDATION)
    callback = EarlyStopping(monitor, patience, min_delta)
    model = quick(**parameters).set_callbacks(callback)
    model.fit(X, Y, **VALIDATION)
    n_iter = last_epoch(getattr(whole, curve), patience, min_delta, sign)
    assert n_iter < 60
    assert model.n_iter_ == n_iter
    short = quick(**{**parameters, "max_iter": n_iter}).fit(X, Y, **VALIDATION)
    np.testing.assert_array_equal(numbers(model), numbers(short))


@needs_callbacks
@in_batches_or_at_once
def test_a_score_of_the_callers(solver):
    scores = iter([0.1, 0.5, math.nan, 0.5, 0.6, 0.55, math.nan, 0.6, 1.0])
    asked = []

    def monitor(fitted_estimator, features, labels):
        assert features is X
        assert labels is Y
        asked.append(fitted_estimator)
        return next(scores)

    model = quick(max_iter=100, solver=solver)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.set_callbacks(EarlyStopping(monitor, patience=3)).fit(X, Y)
    assert model.n_iter_ == len(asked) == 8
    np.testing.assert_array_equal(numbers(asked[-1]), numbers(model))


@needs_callbacks
def test_as_the_parameter_early_stopping_but_for_the_weights():
    """It ends where the parameter does, with the weights of the last epoch."""
    parameters = {"max_iter": 500, "learning_rate_init": 0.05, "tol": 0.0}
    by_parameter = quick(
        early_stopping=True, monitor="loss", n_iter_no_change=4, **parameters
    ).fit(X, Y, **VALIDATION)
    by_callback = quick(n_iter_no_change=500, **parameters)
    by_callback.set_callbacks(EarlyStopping(patience=5)).fit(X, Y, **VALIDATION)
    assert by_callback.n_iter_ == by_parameter.n_iter_ < 500
    curve = by_callback.validation_loss_curve_
    assert curve == by_parameter.validation_loss_curve_
    assert curve[-1] > min(curve)


@needs_callbacks
def test_a_warm_start_begins_with_patience():
    model = quick(max_iter=50, learning_rate_init=0.05, warm_start=True)
    model.set_callbacks(EarlyStopping("loss", patience=3, min_delta=10))
    assert [model.fit(X, Y).n_iter_ for _ in range(2)] == [4, 4]


@needs_callbacks
@ignore_convergence
def test_a_resumed_fit_ends_where_it_would_have(tmp_path):
    path = tmp_path / "model.npz"
    parameters = {"max_iter": 60, "learning_rate_init": 0.05, "n_iter_no_change": 1000}

    def stopping():
        return EarlyStopping("validation_loss", patience=3, min_delta=0.01)

    whole = quick(**parameters).set_callbacks(stopping()).fit(X, Y, **VALIDATION)
    first = quick(**{**parameters, "max_iter": whole.n_iter_ - 2})
    first.set_callbacks(Checkpoint(path)).fit(X, Y, **VALIDATION)
    resumed = quick(**parameters).set_callbacks(stopping())
    resumed.fit(X, Y, **VALIDATION, resume_from=path)
    assert resumed.n_iter_ == whole.n_iter_
    np.testing.assert_array_equal(numbers(resumed), numbers(whole))


@needs_callbacks
def test_without_validation_rows_it_says_what_to_do():
    for estimator_class in (type(quick()), ScratchMLPRegressor):
        model = quick(estimator_class).set_callbacks(EarlyStopping())
        with pytest.raises(ValueError, match=r"'validation_loss'.*X_val=\.\.\."):
            model.fit(X, Y)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"monitor": "accuracy"},
            r"or a callable.*got 'accuracy'$",
        ),
        ({"monitor": "learning_rate"}, "got 'learning_rate'$"),
        ({"monitor": None}, "got None$"),
        ({"monitor": ["loss"]}, r"got \['loss'\]$"),
        ({"patience": 0}, "patience must be an int of at least 1, got 0$"),
        ({"patience": 2.0}, "patience .* got 2.0$"),
        ({"patience": True}, "patience .* got True$"),
        ({"min_delta": -0.1}, "min_delta must be a number from 0, got -0.1$"),
        ({"min_delta": math.nan}, "min_delta .* got nan$"),
        ({"min_delta": "0"}, "min_delta .* got '0'$"),
    ],
)
def test_wrong_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        EarlyStopping(**parameters)


@needs_callbacks
def test_a_monitor_must_return_a_number():
    model = quick().set_callbacks(EarlyStopping(lambda *_: None))
    with pytest.raises(ValueError, match="monitor must return a number, got None"):
        model.fit(X, Y)
