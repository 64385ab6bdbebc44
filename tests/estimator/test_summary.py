"""``training_summary``: numbers of the layers, and the explanation of a fit."""

import copy
import json
import re

import numpy as np
import pytest
import reference
from helpers import (
    ESTIMATORS,
    SKLEARN,
    both,
    estimator_for,
    ignore_convergence,
    interrupted,
    kinds,
    make_data,
    messages_of,
    pickled,
    quick,
    raises_and_changes_nothing,
    recorded,
    scaled_iris,
    through_joblib,
)
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import make_friedman1, make_moons
from sklearn.exceptions import NotFittedError
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import scale
from test_warnings import CASES, provoke

from skmlp_scratch import ScratchMLPClassifier, ScratchMLPRegressor
from skmlp_scratch._estimator import training
from skmlp_scratch._estimator.summary import SUMMARY_ROWS
from skmlp_scratch.callbacks import EarlyStopping
from skmlp_scratch.exceptions import ConstantPredictionWarning, DeadUnitsWarning
from skmlp_scratch.nn import numerical_gradient
from skmlp_scratch.nn.activations import ACTIVATIONS

pytestmark = ignore_convergence

X, y = scaled_iris()
MOONS = make_moons(300, noise=0.25, random_state=0)


def layers_of(estimator):
    return estimator.training_summary().layers


def explained(estimator):
    return estimator.training_summary().explain()


def norms(arrays):
    return [np.linalg.norm(array) for array in arrays]


# Gradients


def numerical_norms(estimator, objective):
    """Return the norm of each array's derivative, by central differences."""
    arrays = [*estimator.coefs_, *estimator.intercepts_]

    def value(array, moved):
        before = array.copy()
        array[...] = moved
        try:
            return objective()
        finally:
            array[...] = before

    gradients = [
        numerical_gradient(lambda moved, a=array: value(a, moved), array)
        for array in arrays
    ]
    return norms(gradients[: len(estimator.coefs_)]), norms(
        gradients[len(estimator.coefs_) :]
    )


def mean_loss(estimator, X, y, weights=None):
    if hasattr(estimator, "classes_"):
        return log_loss(y, estimator.predict_proba(X), sample_weight=weights)
    return np.average((estimator.predict(X) - y) ** 2, weights=weights) / 2


def squares(estimator):
    return sum((W**2).sum() for W in estimator.coefs_)


@pytest.mark.parametrize("kind", ["classes", "two", "values"])
@pytest.mark.parametrize("solver", ["adam", "sgd", "adamw", "lbfgs"])
@pytest.mark.parametrize("weighted", [False, True])
def test_gradient_norms_are_those_of_the_objective(kind, solver, weighted):
    data = make_data(kind)
    weights = np.random.default_rng(1).uniform(0.5, 3, 60) if weighted else None
    est = estimator_for(kind, solver=solver, alpha=2.0, dtype="float64")
    if solver != "lbfgs":
        est.set_params(batch_size=20)
    est.fit(*data, sample_weight=weights)
    # loss_curve_ is a mean over batches, each with the penalty over its own weight.
    total = 60 if weights is None else weights.sum()
    terms = {"adamw": 0, "lbfgs": 1}.get(solver, 3)

    def objective():
        penalty = 2.0 / 2 * squares(est) * terms / total
        return mean_loss(est, *data, weights) + penalty

    of_weights, of_biases = numerical_norms(est, objective)
    found = layers_of(est)
    np.testing.assert_allclose(found["gradient_norm"], of_weights, rtol=1e-6)
    np.testing.assert_allclose(found["bias_gradient_norm"], of_biases, rtol=1e-6)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradient_norms_are_those_of_the_reference(activation):
    data, labels = make_data("classes")
    est = quick(hidden_layer_sizes=(6, 4), activation=activation, alpha=0.3)
    est.fit(data, labels)
    codes = np.searchsorted(est.classes_, labels).tolist()
    _, dW, db = reference.loss_and_gradient(
        [W.tolist() for W in est.coefs_],
        [b.tolist() for b in est.intercepts_],
        data.tolist(),
        codes,
        activation,
        "softmax_cross_entropy",
        alpha=0.3,
    )
    found = layers_of(est)
    np.testing.assert_allclose(found["gradient_norm"], norms(map(np.array, dW)))
    np.testing.assert_allclose(found["bias_gradient_norm"], norms(map(np.array, db)))


def test_at_a_minimum_the_gradient_is_zero():
    est = quick(solver="lbfgs", max_iter=5000, max_fun=10**5, tol=1e-7, alpha=1.0)
    found = layers_of(est.set_params(activation="tanh").fit(X, y))
    assert max(found["gradient_norm"] + found["bias_gradient_norm"]) < 1e-4
    assert min(found["weight_norm"]) / 150 > 1e-2  # without the penalty's part


def test_with_batch_normalisation_gradients_are_by_the_weights_that_predict():
    est = quick(batch_norm=True, alpha=5.0, dropout=0.2, hidden_layer_sizes=(6, 4))
    est.fit(X, y)
    of_weights, of_biases = numerical_norms(est, lambda: mean_loss(est, X, y))
    found = layers_of(est)
    np.testing.assert_allclose(found["gradient_norm"], of_weights, rtol=1e-6)
    np.testing.assert_allclose(found["bias_gradient_norm"], of_biases, rtol=1e-6)


def test_weights_of_rows_count_as_repetitions():
    some = np.arange(0, 150, 2)  # all rows are in the sample, repeated ones, too
    weights = np.arange(75) % 3 + 1
    repeated = np.repeat(some, weights)
    options = {"solver": "lbfgs", "max_iter": 3}
    a = layers_of(quick(**options).fit(X[some], y[some], sample_weight=weights))
    b = layers_of(quick(**options).fit(X[repeated], y[repeated]))
    for name in ("weight_norm", "gradient_norm", "bias_gradient_norm"):
        np.testing.assert_allclose(a[name], b[name], rtol=1e-6)


# Activations


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"activation": ("gelu", "silu")},
        {"batch_norm": True, "noise": 0.3},
        {"dropout": 0.5, "averaging": 0.9},
        {"early_stopping": True, "learning_rate_init": 0.05},
        {"solver": "lbfgs"},
    ],
    ids=str,
)
@both
def test_activations_are_those_of_the_network_that_predicts(
    estimator_class, parameters
):
    X_val, y_val = X[::3], y[::3]
    held_out = {"X_val": X_val, "y_val": y_val} if parameters else {}
    est = quick(estimator_class, hidden_layer_sizes=(9, 6), **parameters)
    est.fit(X, y, **held_out)
    found, features = layers_of(est), est.transform(X)
    assert found["mean"][1] == pytest.approx(features.mean())
    assert found["std"][1] == pytest.approx(features.std())
    assert found["units"] == [9, 6, est.n_outputs_]
    assert found["weight_norm"] == pytest.approx(norms(est.coefs_))
    if not parameters:
        activations = np.maximum(X @ est.coefs_[0] + est.intercepts_[0], 0)
        assert found["mean"][0] == pytest.approx(activations.mean())
        assert found["std"][0] == pytest.approx(activations.std())


def test_the_output_layer_is_before_its_activation():
    est = quick().fit(X, y)
    logits = est.transform(X) @ est.coefs_[1] + est.intercepts_[1]
    found = layers_of(est)
    assert found["activation"] == ["relu", "identity"]
    assert found["mean"][1] == pytest.approx(logits.mean())
    assert found["std"][1] == pytest.approx(logits.std())


def test_some_rows_are_enough():
    data, values = make_friedman1(2500, random_state=0)
    est = quick(ScratchMLPRegressor).fit(data, values)
    rows = np.linspace(0, 2499, SUMMARY_ROWS).astype(int)
    features = est.transform(data[rows])
    assert layers_of(est)["mean"][0] == pytest.approx(features.mean(), rel=1e-12)
    assert layers_of(est)["mean"][0] != est.transform(data).mean()


@kinds
def test_sparse_rows_have_the_same_summary(kind):
    data, targets = make_data(kind)
    options = {"shuffle": False, "dtype": "float64"}
    dense = layers_of(estimator_for(kind, **options).fit(data, targets))
    rows = sparse.csr_matrix(data)
    thin = layers_of(estimator_for(kind, **options).fit(rows, targets))
    assert thin.keys() == dense.keys()
    for name, column in dense.items():
        if name != "activation":
            np.testing.assert_allclose(thin[name], column, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_small_types_need_no_more_than_rounding(dtype):
    data = np.random.default_rng(0).integers(0, 3, (80, 5)).astype(dtype)
    labels = (data.sum(axis=1) > 5).astype(int)
    est = quick().fit(data, labels)
    assert layers_of(est)["mean"][0] == pytest.approx(est.transform(data).mean())
    assert {type(value) for value in layers_of(est)["mean"]} == {float}


@pytest.mark.parametrize(
    ("activation", "bias", "dead"),
    [
        ("relu", -1e6, 0.75),
        ("relu", 1e6, 0.0),
        ("tanh", 1e3, 0.75),
        ("logistic", -1e3, 0.75),
        ("elu", -1e3, 0.75),
        ("leaky_relu", -1e6, 0.0),
        ("identity", -1e6, 0.0),
    ],
)
def test_share_of_dead_units(activation, bias, dead):
    est = quick(
        activation=activation,
        warm_start=True,
        max_iter=1,
        learning_rate_init=1e-9,
        hidden_layer_sizes=(5, 8),
    )
    recorded(est.fit, X, y)
    assert layers_of(est)["dead"] == [0, 0, 0]
    est.intercepts_[1][:6] = bias
    recorded(est.fit, X, y)
    assert layers_of(est)["dead"] == [0, dead, 0]


def test_dead_units_are_those_of_the_warning():
    est, data, labels = provoke(DeadUnitsWarning, ScratchMLPClassifier)
    (message,) = messages_of(DeadUnitsWarning, est.fit, data, labels)
    share = int(message.partition("%")[0]) / 100
    assert layers_of(est)["dead"][1] == pytest.approx(share, abs=0.005)


# How the fit ended


def test_no_progress():
    est = quick(max_iter=400, tol=0.01, n_iter_no_change=3).fit(X, y)
    assert explained(est).startswith(
        f"{est.n_iter_} epochs with solver='adam' on 150 rows. Training loss did not "
        "improve more than tol=0.010000 for 3 consecutive epochs."
    )
    assert "The weights of the last epoch were kept." in explained(est)


def test_all_epochs():
    est = quick(max_iter=1).fit(X, y)
    assert explained(est).startswith("1 epoch with solver='adam' on 150 rows. All of ")
    assert f"The training loss is {est.loss_:.4g}." in explained(est)


@pytest.mark.parametrize("schedule", ["one_cycle", "cosine"])
def test_schedule_used_up(schedule):
    est = quick(learning_rate=schedule, learning_rate_init=0.05).fit(X, y)
    assert f"learning_rate='{schedule}' has gone all its way." in explained(est)


@pytest.mark.parametrize("monitor", ["score", "loss"])
def test_early_stopping(monitor):
    est = quick(
        early_stopping=True, monitor=monitor, max_iter=500, learning_rate_init=0.05
    ).fit(*MOONS)
    text, at = explained(est), est.best_iter_ - 1
    assert f"Validation {monitor} did not improve more than tol=" in text
    curves = {"score": est.validation_scores_, "loss": est.validation_loss_curve_}
    assert (
        f"The weights of epoch {at + 1} were kept, with the best validation {monitor} "
        f"of {curves[monitor][at]:.4g}." in text
    )
    score, loss = est.validation_scores_[-1], est.validation_loss_curve_[-1]
    assert f"the validation score is {score:.4g}, the loss {loss:.4g}" in text
    lowest = int(np.argmin(est.validation_loss_curve_))
    assert (f" in epoch {lowest + 1}." in text) == (lowest != est.n_iter_ - 1)


def test_averaged_weights():
    assert "The moving averages of the weights of the last epoch were kept." in (
        explained(quick(averaging=0.9).fit(X, y))
    )


@both
@pytest.mark.parametrize("epoch", [0, 2])
def test_interrupt(estimator_class, epoch, monkeypatch):
    def interrupt(progress, history):
        if history.epochs > epoch:
            raise KeyboardInterrupt

    monkeypatch.setattr(training.Progress, "print_epoch", interrupt)
    est = quick(estimator_class, verbose=True)
    (warning,) = recorded(est.fit, X, y)
    assert str(warning.message) in explained(est)
    assert explained(est).startswith(f"{epoch + 1} epoch")


def test_interrupt_before_the_first_epoch(monkeypatch):
    monkeypatch.setattr("skmlp_scratch.nn.training.train_epoch", interrupted)
    est = quick()
    (warning,) = recorded(est.fit, X, y)
    assert explained(est).split("\n") == [
        "0 epochs with solver='adam' on 150 rows.",
        f"UserWarning: {warning.message}",
    ]


STUCK = {"hidden_layer_sizes": (20,) * 6, "activation": "logistic"}
HARDLY = "On the training data, the network is hardly better than a constant prediction"


@pytest.mark.parametrize("seed", [0, 2])
def test_a_network_that_learns_nothing_is_called_so(seed):
    est = ScratchMLPClassifier(**STUCK, random_state=seed)
    assert recorded(est.fit, X, y) == []
    assert est.score(X, y) < 0.4
    assert f"{HARDLY}, whose loss is 1.099. If there is" in explained(est)
    assert HARDLY not in explained(est.set_params(batch_norm=True).fit(X, y))


def test_a_useful_network_with_a_large_penalty_is_not_called_useless():
    penalty = {"alpha": 10.0, "learning_rate": "one_cycle", "max_iter": 100}
    est = ScratchMLPClassifier(**penalty, random_state=0).fit(X, y)
    assert est.loss_ > 0.98 * log_loss(y, np.full((len(y), 3), 1 / 3))
    assert est.score(X, y) > 0.8
    assert HARDLY not in explained(est)


def test_a_network_with_more_labels_right_is_not_called_useless():
    few = {"learning_rate": "one_cycle", "max_iter": 10, "learning_rate_init": 2e-4}
    est = ScratchMLPClassifier(**few, random_state=0)
    assert recorded(est.fit, X, y) == []
    assert log_loss(y, est.predict_proba(X)) > np.log(3)
    assert est.score(X, y) > 0.5
    assert HARDLY not in explained(est)


def test_what_a_warning_says_is_not_said_again():
    est = ScratchMLPClassifier(**STUCK, learning_rate_init=1e-7, random_state=0)
    (warning,) = recorded(est.fit, X, y)
    assert warning.category is ConstantPredictionWarning
    assert HARDLY not in explained(est)


@pytest.mark.parametrize(
    ("solver", "n", "duration"),
    [("adam", 3, "3 epochs"), ("adam", 1, "1 epoch"), ("lbfgs", 3, "3 iterations")],
)
def test_after_epoch_that_ends_training(monkeypatch, solver, n, duration):
    monkeypatch.setattr(
        training.Progress, "print_epoch", lambda self, history: history.epochs == n
    )
    est = quick(verbose=True, solver=solver).fit(X, y)
    assert explained(est).startswith(
        f"{duration} with solver='{solver}' on 150 rows. Training was ended by a "
        f"callback after {duration}.\n"
    )


def test_lbfgs():
    text = explained(quick(solver="lbfgs", max_iter=1000, alpha=1.0).fit(X, y))
    assert re.match(r"\d+ iterations with solver='lbfgs'.*L-BFGS: CONVERGENCE", text)
    assert "The weights of the last iteration were kept." in text


# Any warning, in full


@pytest.mark.parametrize("category", CASES, ids=lambda c: c.__name__)
@both
def test_every_warning_is_explained(category, estimator_class):
    est, data, targets = provoke(category, estimator_class)
    warnings = recorded(est.fit, data, targets)
    assert any(warning.category is category for warning in warnings)
    lines = explained(est).split("\n")
    said = [f"{w.category.__name__}: {w.message}" for w in warnings]
    assert lines[-len(said) :] == said


def test_without_a_warning_there_is_none():
    est = quick(max_iter=30, learning_rate="one_cycle", learning_rate_init=0.05)
    assert recorded(est.fit, X, y) == []
    assert "Warning" not in explained(est)


# Tips


def test_still_falling():
    slow = ScratchMLPClassifier(max_iter=20, random_state=0).fit(X, y)
    (rate,) = re.findall(r"still falling, by (.*)% per epoch", explained(slow))
    before, last = np.mean(np.reshape(slow.loss_curve_[-10:], (2, 5)), axis=1)
    assert float(rate) == pytest.approx(100 * (1 - (last / before) ** 0.2), abs=0.051)
    for parameters in (
        {"learning_rate_init": 1e-5},
        {"max_iter": 9},
        {"learning_rate": "one_cycle"},
        {"early_stopping": True, "monitor": "loss"},
        {"max_iter": 500, "tol": 0.01, "n_iter_no_change": 2},
    ):
        est = clone(slow).set_params(**parameters).fit(X, y)
        assert "still falling" not in explained(est), parameters


def noisy_regression():
    data, values = make_friedman1(160, noise=3.0, random_state=0)
    return scale(data), scale(values)


def test_overfitting():
    data, values = noisy_regression()
    rows, held_out = slice(80), {"X_val": data[80:], "y_val": values[80:]}
    est = ScratchMLPRegressor(random_state=0, max_iter=600, tol=0, alpha=0)
    est.fit(data[rows], values[rows], **held_out)
    lowest = 1 + int(np.argmin(est.validation_loss_curve_))
    tip = (
        "The validation loss rose while the training loss fell: early_stopping=True "
        f"with monitor='loss' would keep the weights of epoch {lowest}."
    )
    assert tip in explained(est)
    stopping = clone(est).set_params(early_stopping=True, monitor="loss")
    stopping.fit(data[rows], values[rows], **held_out)
    assert stopping.best_iter_ == lowest
    strong = clone(est).set_params(alpha=30.0)
    strong.fit(data[rows], values[rows], **held_out)
    for other in (stopping, strong):
        assert "rose while" not in explained(other)


def test_stopped_too_early():
    est = ScratchMLPClassifier(early_stopping=True, random_state=0).fit(*MOONS)
    tip = "with monitor='loss', training would have gone on."
    assert est.n_iter_ < 200
    assert tip in explained(est)
    longer = clone(est).set_params(monitor="loss").fit(*MOONS)
    assert longer.n_iter_ > est.n_iter_
    assert tip not in explained(longer)
    quickly = clone(est).set_params(learning_rate_init=0.3).fit(*MOONS)
    assert tip not in explained(quickly)


# One fit after another


def warm(**parameters):
    return ScratchMLPClassifier(
        warm_start=True, early_stopping=True, random_state=0, **parameters
    )


def test_warm_start_is_about_the_last_fit():
    est = warm(monitor="loss", max_iter=6).fit(X, y)
    first = explained(est)
    second = explained(est.fit(X, y))
    assert first != second
    assert first.startswith("6 epochs ")
    assert second.startswith("6 epochs ")
    assert "The weights of epoch 6 were kept" in first
    assert "The weights of epoch 12 were kept" in second


def test_warm_start_that_makes_nothing_better():
    est = warm(max_iter=40, learning_rate_init=0.02).fit(X, y)
    best = est.best_iter_
    est.set_params(learning_rate_init=1e-9, max_iter=3).fit(X, y)
    assert f"No epoch was better than epoch {best}, before this fit." in explained(est)


@both
def test_partial_fit_knows_weights_only(estimator_class):
    est = quick(estimator_class).fit(X, y)
    whole = layers_of(est)
    est.partial_fit(X, y)
    found = layers_of(est)
    assert found.keys() == whole.keys()
    assert found["weight_norm"] == pytest.approx(norms(est.coefs_))
    assert found["units"] == whole["units"]
    assert found["activation"] == whole["activation"]
    for name in ("mean", "std", "dead", "gradient_norm", "bias_gradient_norm"):
        assert np.isnan(found[name]).all()
    assert explained(est) == (
        "Trained by partial_fit, or by a fit that had not ended: loss_curve_ has 6 "
        f"entries, the last is {est.loss_:.4g}. Activations and gradients are measured "
        "at the end of fit."
    )
    assert layers_of(est.fit(X, y)) == whole


@pytest.mark.skipif(SKLEARN < (1, 9), reason="scikit-learn has callbacks from 1.9 on")
def test_of_a_fit_that_has_not_ended_the_weights_are_known():
    found = []

    def keep(fitted, X, y):
        found.append(fitted.training_summary())
        return 0.0

    est = quick().fit(X, y)  # whose summary is of another fit
    est.set_callbacks(EarlyStopping(keep)).fit(X, y)
    assert len(found) == est.n_iter_
    for number, summary in enumerate(found, 1):
        assert "by a fit that had not ended" in summary.explain()
        assert f"has {number} entr" in summary.explain()
    assert found[-1].layers["weight_norm"] == layers_of(est)["weight_norm"]


def test_a_fit_that_fails_leaves_the_summary():
    est = quick().fit(X, y)
    before = repr(est.training_summary())
    raises_and_changes_nothing(est, "X has 3 features", "partial_fit", X[:, :3], y)
    raises_and_changes_nothing(est, "NaN", "fit", X * np.nan, y)
    assert repr(est.training_summary()) == before


@both
def test_not_fitted(estimator_class):
    with pytest.raises(NotFittedError):
        estimator_class().training_summary()


def from_scikit_learn():
    theirs = MLPClassifier(8, max_iter=3, random_state=0)
    recorded(theirs.fit, X, y)
    return ScratchMLPClassifier.from_sklearn(theirs)


def by_hand():
    fitted, est = quick().fit(X, y), quick()
    for name in ("coefs_", "intercepts_", "out_activation_", "classes_"):
        setattr(est, name, getattr(fitted, name))
    return est


def of_an_older_version():
    est = quick().fit(X, y)
    del est.__dict__["_summary"]
    return est


@pytest.mark.parametrize("make", [from_scikit_learn, by_hand, of_an_older_version])
def test_weights_from_elsewhere_have_no_summary(make):
    est = make()
    est.predict(X)
    raises_and_changes_nothing(
        est, "no training summary.*Call fit", "training_summary", error=NotFittedError
    )
    assert explained(est.fit(X, y))


# What it is


@both
def test_copies_keep_it(estimator_class):
    est = quick(estimator_class).fit(X, y)
    shown = repr(est.training_summary())
    for other in (pickled(est), through_joblib(est), copy.deepcopy(est)):
        assert repr(other.training_summary()) == shown
    with pytest.raises(NotFittedError):
        clone(est).training_summary()


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_it_is_plain(solver):
    stored = quick(solver=solver).fit(X, y)._summary
    assert json.loads(json.dumps(stored, allow_nan=False)) == stored


@pytest.mark.oracle
@both
def test_skops_trusts_it(estimator_class):
    skops = pytest.importorskip("skops.io", reason="needs the extra 'oracles'")
    est = quick(estimator_class).fit(X, y)
    dumped = skops.dumps(est)
    again = skops.loads(dumped, trusted=skops.get_untrusted_types(data=dumped))
    assert repr(again.training_summary()) == repr(est.training_summary())


def test_changes_to_a_summary_stay_there():
    est = quick().fit(X, y)
    before = repr(est.training_summary())
    est.training_summary().layers["mean"][0] = 99.0
    assert repr(est.training_summary()) == before


def test_frame():
    pytest.importorskip("pandas", reason="needs pandas")
    est = quick(hidden_layer_sizes=(5, 4)).fit(X, y)
    frame = est.training_summary().as_frame()
    assert frame.index.name == "layer"
    assert frame.index.tolist() == [1, 2, 3]
    assert frame.to_dict("list") == layers_of(est)
    numeric = frame.select_dtypes("number").columns
    assert set(frame.columns) - set(numeric) == {"activation"}
    frame = est.partial_fit(X, y).training_summary().as_frame()
    assert frame["mean"].dtype == frame["weight_norm"].dtype == np.float64


@pytest.mark.parametrize("estimator_class", ESTIMATORS)
def test_it_prints_a_table_and_the_explanation(estimator_class):
    summary = quick(estimator_class, hidden_layer_sizes=(50, 4)).fit(X, y)
    summary = summary.training_summary()
    table, explanation = repr(summary).split("\n\n")
    head, *rows = [line.split() for line in table.split("\n")]
    assert head == ["layer", *summary.layers]
    assert [row[0] for row in rows] == ["1", "2", "3"]
    assert [int(row[1]) for row in rows] == summary.layers["units"]
    for row, norm in zip(rows, summary.layers["weight_norm"], strict=True):
        assert float(row[6]) == pytest.approx(norm, rel=0.005)
    assert len(set(map(len, table.split("\n")))) == 1
    assert explanation == summary.explain()
    assert str(summary) == repr(summary)
