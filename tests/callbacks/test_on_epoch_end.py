"""``OnEpochEnd``: what an epoch has measured, for a function."""

import numpy as np
import pytest
from doubles import needs_callbacks
from helpers import both, ignore_convergence, quick, scaled_iris

from skmlp_scratch.callbacks import Checkpoint, OnEpochEnd

pytestmark = ignore_convergence
X, Y = scaled_iris()
BY_CURVE = {
    "loss": "loss_curve_",
    "validation_loss": "validation_loss_curve_",
    "validation_score": "validation_scores_",
    "learning_rate": "learning_rate_curve_",
}


@needs_callbacks
@both
@pytest.mark.parametrize("validated", [True, False])
@pytest.mark.parametrize("solver", ["sgd", "lbfgs"])
def test_the_function_gets_what_the_estimator_measures(
    estimator_class, solver, validated
):
    seen = []
    model = quick(estimator_class, solver=solver, learning_rate="adaptive")
    model.set_params(**({} if solver == "sgd" else {"learning_rate": "constant"}))
    held_out = {"X_val": X[::3], "y_val": Y[::3]} if validated else {}
    model.set_callbacks(OnEpochEnd(seen.append)).fit(X, Y, **held_out)
    assert [measured.pop("epoch") for measured in seen] == [1, 2, 3, 4, 5]
    seconds = [measured.pop("seconds") for measured in seen]
    assert sorted(seconds) == seconds
    assert 0 <= seconds[0] < seconds[-1] < 60
    curves = {
        name: getattr(model, curve)
        for name, curve in BY_CURVE.items()
        if getattr(model, curve) is not None
    }
    assert len(curves) == 1 + (solver == "sgd") + 2 * validated
    assert seen == [
        dict(zip(curves, values, strict=True))
        for values in zip(*curves.values(), strict=True)
    ]
    assert {type(value) for measured in seen for value in measured.values()} == {float}


@needs_callbacks
@pytest.mark.parametrize(
    ("answer", "n_iter"),
    [(True, 2), (np.True_, 2), (1, 5), ("stop", 5), (None, 5), (False, 5)],
)
def test_only_true_ends_the_fit(answer, n_iter):
    model = quick().set_callbacks(
        OnEpochEnd(lambda measured: answer if measured["epoch"] == 2 else None)
    )
    assert model.fit(X, Y).n_iter_ == n_iter


@needs_callbacks
def test_an_error_of_the_function_is_the_error_of_the_fit(fitted):
    class Pruned(Exception):
        pass

    def prune(measured):
        raise Pruned(measured["epoch"])

    before = fitted.predict_proba(X)
    with pytest.raises(Pruned, match=r"^1$"):
        fitted.set_callbacks(OnEpochEnd(prune)).fit(X, Y)
    np.testing.assert_array_equal(fitted.predict_proba(X), before)


@needs_callbacks
def test_a_resumed_fit_counts_on(tmp_path):
    path, seen = tmp_path / "model.npz", []
    quick(max_iter=3).set_callbacks(Checkpoint(path)).fit(X, Y)
    model = quick(max_iter=6).set_callbacks(OnEpochEnd(seen.append))
    model.fit(X, Y, resume_from=path)
    assert [measured["epoch"] for measured in seen] == [4, 5, 6]


@needs_callbacks
def test_a_warm_start_counts_from_one():
    seen = []
    model = quick(max_iter=2, warm_start=True).set_callbacks(OnEpochEnd(seen.append))
    model.fit(X, Y).fit(X, Y)
    assert [measured["epoch"] for measured in seen] == [1, 2, 1, 2]
    assert [measured["loss"] for measured in seen] == model.loss_curve_


@pytest.mark.parametrize("function", [None, "print", 1])
def test_what_cannot_be_called_is_refused(function):
    with pytest.raises(TypeError, match=f"function must be callable, got {function!r}"):
        OnEpochEnd(function)
