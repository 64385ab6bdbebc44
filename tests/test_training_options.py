"""Schedules, adamw, regularisation, activations and averaging, from the estimators."""

import pickle
import re
from functools import partial

import helpers
import joblib
import numpy as np
import pytest
import scipy.sparse
from helpers import (
    all_stochastic,
    both,
    ignore,
    ignore_convergence,
    in_batches_or_at_once,
    new_optimizer,
    numbers,
    recorded,
    schedules,
    warnings_as,
)
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor

from skmlp_scratch import ScratchMLPClassifier, ScratchMLPRegressor
from skmlp_scratch._estimator.solvers import either
from skmlp_scratch.exceptions import DivergenceError, IgnoredParameterWarning
from skmlp_scratch.nn.activations import ACTIVATIONS
from skmlp_scratch.nn.schedules import BUDGETED, SCHEDULES

quick = partial(helpers.quick, hidden_layer_sizes=16, max_iter=4, batch_size=50)

X, y = load_digits(return_X_y=True)
X = (X / 16).astype(np.float32)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

SETTINGS = {
    "dropout": {"dropout": 0.3},
    "dropout of the input": {"dropout": [0.2, 0.0]},
    "noise": {"noise": 0.2},
    "max_norm": {"max_norm": 1.0},
    "clip_norm": {"clip_norm": 0.5},
    "averaging": {"averaging": 0.99},
    "adamw": {"solver": "adamw", "alpha": 0.1},
    "one_cycle": {"learning_rate": "one_cycle"},
    "cosine": {"learning_rate": "cosine"},
    "gelu": {"activation": "gelu"},
}
settings = pytest.mark.parametrize("name", SETTINGS)


# Something to regress on: likeness to the first digit.
LIKENESS = X @ X[0]
LIKENESS = (LIKENESS - LIKENESS.mean()) / LIKENESS.std()
L_train, L_test = train_test_split(LIKENESS, random_state=0)


# All of them


@ignore_convergence
@both
@settings
def test_each_learns_repeatably_and_differently_from_the_default(name, estimator_class):
    make = {"max_iter": 40, **SETTINGS[name]}
    target = y_train if estimator_class is ScratchMLPClassifier else L_train
    one = quick(estimator_class, **make).fit(X_train, target)
    same = quick(estimator_class, **make).fit(X_train, target)
    plain = quick(estimator_class, max_iter=40).fit(X_train, target)
    target = y_test if estimator_class is ScratchMLPClassifier else L_test
    np.testing.assert_array_equal(numbers(one), numbers(same))
    assert abs(numbers(one) - numbers(plain)).max() > 1e-3
    assert one.score(X_test, target) > 0.75


@ignore_convergence
@settings
def test_prediction_is_the_plain_forward_pass(name):
    estimator = quick(**SETTINGS[name]).fit(X_train, y_train)
    first = estimator.predict_proba(X_test)
    np.testing.assert_array_equal(estimator.predict_proba(X_test), first)
    if name != "gelu":
        # The network by itself, in scikit-learn's hands.
        theirs = estimator.to_sklearn().predict_proba(X_test)
        np.testing.assert_allclose(first, theirs, atol=1e-5)


@ignore_convergence
@pytest.mark.parametrize("name", ["dropout", "noise", "averaging", "adamw"])
@both
def test_partial_fit_goes_on_after_pickling(name, estimator_class):
    def train(between):
        estimator, more = quick(estimator_class, **SETTINGS[name]), {}
        if estimator_class is ScratchMLPClassifier:
            more = {"classes": np.unique(y)}
        for _ in range(3):
            estimator = between(estimator.partial_fit(X_train, y_train, **more))
        return estimator

    one = train(lambda estimator: estimator)
    other = train(lambda estimator: pickle.loads(pickle.dumps(estimator)))
    np.testing.assert_array_equal(numbers(one), numbers(other))
    assert one.loss_curve_[-1] < one.loss_curve_[0]


@ignore_convergence
def test_with_all_of_them_off_as_many_random_numbers_are_drawn_as_in_scikit_learn():
    ours, theirs = np.random.RandomState(0), np.random.RandomState(0)
    quick(random_state=ours, weight_init="glorot_uniform").fit(X_train, y_train)
    quick(MLPClassifier, random_state=theirs).fit(X_train, y_train)
    assert ours.rand() == theirs.rand()


@ignore_convergence
@pytest.mark.parametrize("name", [n for n in SETTINGS if n != "gelu"])
def test_all_start_from_the_same_weights_and_split(name):
    # One step of a batch of all rows, too small to be seen.
    options = {"max_iter": 1, "learning_rate_init": 1e-30, "batch_size": 1000}
    options |= {"early_stopping": True, "alpha": 0.0, "max_norm": 100.0}
    plain = quick(**options).fit(X_train[:1300], y_train[:1300])
    regularized = quick(**options | {**SETTINGS[name], "max_norm": 100.0})
    regularized.fit(X_train[:1300], y_train[:1300])
    np.testing.assert_allclose(numbers(regularized), numbers(plain), atol=1e-20)
    assert regularized.validation_scores_ == plain.validation_scores_
    if "dropout" in name or "noise" in name:
        assert regularized.loss_ > plain.loss_ + 0.01


# Schedules


@ignore("ConstantPredictionWarning")
@schedules
@all_stochastic
def test_a_budget_is_used_up_without_a_warning(solver, learning_rate):
    # By tol, MLPClassifier would stop after twelve epochs, and warn after three.
    labels = np.random.default_rng(0).integers(2, size=200)
    estimator = quick(
        solver=solver,
        learning_rate=learning_rate,
        learning_rate_init=1e-5,
        max_iter=15,
        alpha=0.0,
    )
    with warnings_as("error", ConvergenceWarning):
        estimator.fit(X[:200], labels)
    assert estimator.n_iter_ == 15


@ignore_convergence
@schedules
def test_early_stopping_keeps_the_best_epoch_and_runs_to_the_end(learning_rate):
    # Every third label is random, so that validation scores go up and down.
    rng = np.random.default_rng(0)
    labels = np.where(rng.random(len(y)) < 0.3, rng.integers(10, size=len(y)), y)
    estimator = quick(
        hidden_layer_sizes=100,
        learning_rate=learning_rate,
        learning_rate_init=0.02,
        max_iter=40,
    ).set_params(early_stopping=True)
    estimator.fit(X[:600], labels[:600], X_val=X[600:], y_val=labels[600:])
    assert estimator.n_iter_ == len(estimator.validation_scores_) == 40
    best = int(np.argmax(estimator.validation_scores_))
    assert estimator.best_iter_ == best + 1 < 30
    assert estimator.score(X[600:], labels[600:]) == pytest.approx(
        estimator.validation_scores_[best]
    )


@ignore_convergence
@all_stochastic
@schedules
def test_each_step_has_the_rate_of_its_schedule(learning_rate, solver, monkeypatch):
    optimizer = type(new_optimizer(solver, np.zeros(3)))
    step, rates = optimizer.step, []

    def recorded(self, parameters, gradient, rate):
        rates.append(rate)
        step(self, parameters, gradient, rate)

    monkeypatch.setattr(optimizer, "step", recorded)
    # Six batches of 50 rows and one of 10, in four epochs.
    quick(solver=solver, learning_rate=learning_rate, learning_rate_init=0.01).fit(
        X[:310], y[:310]
    )
    schedule, expected = SCHEDULES[learning_rate](0.01, 28), []
    for _ in range(28):
        expected.append(schedule.learning_rate)
        schedule.end_step()
    assert rates == expected


@schedules
@both
def test_partial_fit_has_no_budget(learning_rate, estimator_class):
    estimator = quick(estimator_class, learning_rate=learning_rate)
    assert not hasattr(estimator, "partial_fit")
    with pytest.raises(AttributeError) as error:
        estimator.partial_fit  # noqa: B018
    message = f"partial_fit does not support learning_rate='{learning_rate}', .*Use"
    assert re.search(message, str(error.value.__cause__))
    assert hasattr(
        estimator.set_params(solver="adam", learning_rate="constant"), "partial_fit"
    )


@schedules
@pytest.mark.parametrize("parameters", [{"tol": 0.1}, {"n_iter_no_change": 3}], ids=str)
def test_what_a_budget_does_not_look_at_is_named(parameters, learning_rate):
    estimator = quick(learning_rate=learning_rate, **parameters)
    name = next(iter(parameters))
    message = f"{name}=.* needs .*a learning_rate that is not {either(BUDGETED)}"
    with pytest.warns(IgnoredParameterWarning, match=message):
        estimator.fit(X_train, y_train)


# adamw


@ignore_convergence
@pytest.mark.parametrize("batch_size", [10, 100])
def test_decay_does_not_depend_on_the_batch_size(batch_size):
    # Constant features of 0 leave the weights of the first layer without a gradient.
    data = np.zeros((100, 3), np.float32)
    labels = np.arange(100) % 2
    start = quick(
        solver="adamw", alpha=0.0, learning_rate_init=1e-300, activation="tanh"
    )
    options = {"batch_size": batch_size, "weight_init": "he_normal", "dtype": "float64"}
    with warnings_as("ignore"):
        before = start.set_params(**options).fit(data, labels).coefs_[0]
        start.set_params(alpha=0.5, learning_rate_init=0.01).fit(data, labels)
    n_steps = 4 * 100 // batch_size
    np.testing.assert_allclose(
        start.coefs_[0], before * (1 - 0.01 * 0.5) ** n_steps, rtol=1e-10
    )


@ignore_convergence
def test_without_decay_adamw_is_adam_without_penalty():
    adam = quick(alpha=0.0).fit(X_train, y_train)
    adamw = quick(solver="adamw", alpha=0.0).fit(X_train, y_train)
    np.testing.assert_array_equal(numbers(adam), numbers(adamw))
    assert adamw.loss_curve_ == adam.loss_curve_


# Activations


@ignore_convergence
@both
@pytest.mark.parametrize(
    "activation", [*ACTIVATIONS, ["gelu", "tanh"], ("identity", "relu")], ids=str
)
def test_activation_of_each_layer(activation, estimator_class):
    hidden = (16, 12) if not isinstance(activation, str) else 16
    target = y_train if estimator_class is ScratchMLPClassifier else L_train
    estimator = quick(
        estimator_class, activation=activation, hidden_layer_sizes=hidden, max_iter=30
    ).fit(X_train, target)
    assert estimator.get_params()["activation"] is activation
    assert estimator.score(X_train, target) > 0.75
    H = X_test.astype(float)
    names = [activation] if isinstance(activation, str) else activation
    for name, W, b in zip(names, estimator.coefs_, estimator.intercepts_, strict=False):
        H = ACTIVATIONS[name]().forward(H @ W + b)
    expected = H @ estimator.coefs_[-1] + estimator.intercepts_[-1]
    if estimator_class is ScratchMLPClassifier:
        np.testing.assert_allclose(
            estimator.decision_function(X_test), expected, atol=1e-4
        )
    else:
        np.testing.assert_allclose(estimator.predict(X_test), expected[:, 0], atol=1e-4)


@ignore_convergence
def test_a_list_of_the_same_is_the_same():
    one = quick(activation="tanh", hidden_layer_sizes=(8, 8), warm_start=True)
    each = quick(activation=["tanh", "tanh"], hidden_layer_sizes=(8, 8))
    one.fit(X_train, y_train)
    np.testing.assert_array_equal(numbers(one), numbers(each.fit(X_train, y_train)))
    assert each.to_sklearn().activation == "tanh"
    # Training goes on from one to the other.
    one.set_params(activation=("tanh", "tanh")).fit(X_train, y_train)
    with pytest.raises(ValueError, match=r"^activation changed from .* to 'relu'"):
        one.set_params(activation="relu").fit(X_train, y_train)


@pytest.mark.parametrize("scheme", ["he_normal", "he_uniform"])
def test_selu_has_the_scale_of_lecun(scheme):
    estimator = quick(
        activation=["selu", "relu"],
        hidden_layer_sizes=(400, 300),
        weight_init=scheme,
        learning_rate_init=1e-300,
    )
    with warnings_as("ignore"):
        estimator.fit(X_train, y_train)
    for W, gain in zip(estimator.coefs_, (1, 2, 2), strict=True):
        assert W.var() == pytest.approx(gain / len(W), rel=0.1)


@ignore_convergence
@pytest.mark.parametrize(
    ("estimator_class", "theirs"),
    [(ScratchMLPClassifier, "MLPClassifier"), (ScratchMLPRegressor, "MLPRegressor")],
)
@pytest.mark.parametrize(
    ("activation", "message"),
    [
        ("gelu", "{} has no activation 'gelu'. It can express networks with one of "),
        (["elu", "silu"], "{} has no activation 'elu', 'silu'"),
        (["relu", "tanh"], "{} has one activation for all hidden layers, not"),
    ],
    ids=str,
)
def test_to_sklearn_says_what_it_cannot_express(
    activation, message, estimator_class, theirs
):
    sizes = 8 if isinstance(activation, str) else (8, 8)
    estimator = quick(estimator_class, activation=activation, hidden_layer_sizes=sizes)
    estimator.fit(X_train, y_train)
    with pytest.raises(ValueError, match=re.escape(message.format(theirs))):
        estimator.to_sklearn()


@ignore_convergence
@pytest.mark.parametrize(
    ("estimator_class", "theirs"),
    [(ScratchMLPClassifier, MLPClassifier), (ScratchMLPRegressor, MLPRegressor)],
)
def test_to_sklearn_gives_a_model_that_can_be_fitted(estimator_class, theirs):
    estimator = quick(
        estimator_class, solver="adamw", learning_rate="one_cycle", dropout=0.1
    )
    model = estimator.fit(X_train, y_train).to_sklearn()
    assert isinstance(model, theirs)
    assert (model.solver, model.learning_rate) == ("adam", "constant")
    model.partial_fit(X_train, y_train).set_params(max_iter=2).fit(X_train, y_train)


# Dropout, noise, label smoothing, averaging


@ignore_convergence
def test_dropout_of_sparse_data_is_that_of_the_entries():
    options = {"dropout": [0.3, 0.0], "max_iter": 40}
    estimator = quick(**options).fit(scipy.sparse.csr_array(X_train), y_train)
    plain = quick(max_iter=40).fit(scipy.sparse.csr_array(X_train), y_train)
    assert abs(numbers(estimator) - numbers(plain)).max() > 1e-3
    assert estimator.score(scipy.sparse.csr_array(X_test), y_test) > 0.85


@ignore_convergence
def test_a_number_drops_hidden_units_only():
    number = quick(dropout=0.3, hidden_layer_sizes=(9, 8)).fit(X_train, y_train)
    each = quick(dropout=[0, 0.3, 0.3], hidden_layer_sizes=(9, 8))
    np.testing.assert_array_equal(numbers(number), numbers(each.fit(X_train, y_train)))
    with pytest.warns(
        IgnoredParameterWarning, match="dropout=0.3 needs .*hidden layer"
    ):
        quick(dropout=0.3, hidden_layer_sizes=()).fit(X_train, y_train)


@ignore_convergence
@in_batches_or_at_once
@pytest.mark.parametrize("multilabel", [False, True])
def test_label_smoothing_keeps_probabilities_from_the_ends(multilabel, solver):
    target, right = y_train, np.eye(10, dtype=bool)[y_train]
    if multilabel:
        right = np.column_stack([y_train < 3, y_train > 6])
        target = right.astype(int)
    options = {} if solver == "lbfgs" else {"batch_size": 50}

    def typical(smoothing):
        """Return the median probability of what is right."""
        estimator = ScratchMLPClassifier(
            64,
            solver=solver,
            label_smoothing=smoothing,
            max_iter=100,
            alpha=0.0,
            random_state=0,
            **options,
        ).fit(X_train, target)
        return np.median(estimator.predict_proba(X_train)[right])

    # The best prediction for a sure class is 1 - s + s / n_classes.
    expected = 0.9 if multilabel else 0.82
    assert typical(0.2) == pytest.approx(expected, abs=0.02)
    assert typical(0.0) > 0.99


@ignore_convergence
def test_validation_losses_are_not_smoothed():
    estimator = quick(label_smoothing=0.3, max_iter=3)
    estimator.fit(X_train, y_train, X_val=X_test, y_val=y_test)
    logarithms = estimator.predict_log_proba(X_test)
    expected = -logarithms[np.arange(len(y_test)), y_test].mean()
    assert estimator.validation_loss_curve_[-1] == pytest.approx(expected, rel=1e-5)


@ignore_convergence
@both
def test_averages_are_validated_and_predict(estimator_class):
    estimator = quick(estimator_class, averaging=0.9, max_iter=6)
    estimator.fit(X_train, y_train, X_val=X_test, y_val=y_test)
    plain = quick(estimator_class, max_iter=6).fit(X_train, y_train)
    assert estimator.loss_curve_ == plain.loss_curve_
    assert estimator.score(X_test, y_test) == pytest.approx(
        estimator.validation_scores_[-1], rel=1e-6
    )
    state = estimator._training_state.average
    np.testing.assert_array_equal(state.parameters, numbers(plain))
    assert state.t == 6 * -(-len(X_train) // 50)


@ignore_convergence
def test_averaging_of_partial_fit_is_that_of_fit():
    together = quick(averaging=0.9, max_iter=5, shuffle=False).fit(X_train, y_train)
    one_by_one = quick(averaging=0.9, shuffle=False)
    for _ in range(5):
        one_by_one.partial_fit(X_train, y_train, classes=np.unique(y))
    np.testing.assert_array_equal(numbers(one_by_one), numbers(together))
    one_by_one.drop_training_state()
    one_by_one.partial_fit(X_train, y_train)


def test_the_best_epoch_is_kept_of_the_average():
    estimator = quick(averaging=0.5, max_iter=60, early_stopping=True)
    estimator.set_params(learning_rate="cosine", hidden_layer_sizes=30)
    estimator.fit(X_train, y_train, X_val=X_test, y_val=y_test)
    assert estimator.score(X_test, y_test) == pytest.approx(
        estimator.best_validation_score_
    )


def test_divergence_leaves_nothing_behind():
    estimator = quick(averaging=0.9, warm_start=True, solver="sgd", max_iter=20)
    with warnings_as("ignore"):
        estimator.fit(X_train, y_train)
        before = estimator.score(X_test, y_test)
        estimator.set_params(learning_rate_init=1e4).fit(X_train, y_train)
    assert np.isfinite(numbers(estimator)).all()
    assert estimator.score(X_test, y_test) == pytest.approx(before, abs=0.2)
    assert estimator._training_state.average is None


@ignore_convergence
@pytest.mark.parametrize(
    "parameters", [{"learning_rate": "cosine"}, {"early_stopping": True}], ids=str
)
def test_state_that_only_partial_fit_could_use_is_not_kept(parameters):
    estimator = quick(hidden_layer_sizes=200, averaging=0.9, **parameters)
    estimator.fit(X_train, y_train)
    assert len(pickle.dumps(estimator)) < 1.1 * numbers(estimator).nbytes
    # Told that there will be no more of that, it starts afresh.
    estimator.set_params(learning_rate="constant", early_stopping=False)
    estimator.partial_fit(X_train, y_train)
    assert estimator._training_state.optimizer


@ignore_convergence
def test_a_list_is_copied():
    activation = ["tanh"]
    estimator = quick(activation=activation).fit(X_train, y_train)
    before = estimator.predict_proba(X_test)
    activation[0] = "relu"
    np.testing.assert_array_equal(estimator.predict_proba(X_test), before)


@ignore_convergence
@ignore("DivergenceWarning")
def test_divergence_in_partial_fit_brings_the_average_back():
    estimator = quick(averaging=0.9)
    for _ in range(2):
        estimator.partial_fit(X_train, y_train, classes=np.unique(y))
    before = numbers(estimator)
    estimator.partial_fit(np.float32(3e38) * X_train, y_train)
    np.testing.assert_array_equal(numbers(estimator), before)
    # It goes on as if those rows had not come.
    others = quick(averaging=0.9)
    for classes in (np.unique(y), None, None):
        others.partial_fit(X_train, y_train, classes=classes)
    estimator.partial_fit(X_train, y_train)
    np.testing.assert_array_equal(numbers(estimator), numbers(others))


@ignore_convergence
@pytest.mark.parametrize(
    "change",
    [{"label_smoothing": 0.3}, {"noise": 0.5}, {"dropout": 0.5}, {"solver": "adamw"}],
    ids=str,
)
def test_warm_start_with_another_loss_does_not_compare_it_with_the_old_one(change):
    estimator = quick(max_iter=60, warm_start=True, alpha=0.01).fit(X_train, y_train)
    if change == {"solver": "adamw"}:
        estimator._training_state.best = -1.0  # nothing can be better than this
    estimator.set_params(max_iter=30, **change).fit(X_train, y_train)
    assert estimator.n_iter_ == 30


@ignore_convergence
@ignore("ConstantPredictionWarning")
def test_a_budget_leaves_no_failures_behind():
    estimator = quick(
        learning_rate="one_cycle", learning_rate_init=1e-30, max_iter=20
    ).set_params(warm_start=True)
    estimator.fit(X_train, y_train)
    estimator.set_params(learning_rate="constant").fit(X_train, y_train)
    assert estimator.n_iter_ > 10


@ignore_convergence
@ignore("TargetScaleWarning")
def test_clipping_gets_over_a_row_that_would_end_training():
    target = L_train.copy()
    target[-1] = 1e6
    options = {
        "solver": "sgd",
        "batch_size": 10,
        "learning_rate_init": 0.01,
        "max_iter": 10,
    }
    with pytest.raises(
        DivergenceError, match=r"y\[1346\] = 1e\+06 is .* times as large"
    ):
        quick(ScratchMLPRegressor, **options).fit(X_train, target)
    clipped = quick(ScratchMLPRegressor, clip_norm=1.0, **options).fit(X_train, target)
    assert clipped.n_iter_ == 10
    assert clipped.score(X_train[:-1], target[:-1]) > 0.95


def test_a_rare_class_is_no_reason_to_warn():
    # A sample of the rows, which is what is looked at, lacks it.
    labels = np.zeros(3000, dtype=int)
    labels[1] = 1
    data = np.random.default_rng(0).standard_normal((3000, 3)).astype(np.float32)
    estimator = quick(learning_rate="one_cycle", max_iter=10, activation="tanh")
    estimator.set_params(learning_rate_init=0.02)
    assert not recorded(estimator.fit, data, labels)


# Tuning


def test_grid_search_over_all_of_them():
    search = GridSearchCV(
        quick(max_iter=3, learning_rate="one_cycle"),
        [
            {"dropout": [0.0, 0.2, [0.1, 0.2]], "noise": [0.0, 0.1]},
            {"activation": ["gelu", ["silu"]], "label_smoothing": [0.1]},
            {"solver": ["adamw"], "alpha": [0.01], "max_norm": [None, 2.0]},
            {"averaging": [0.9], "clip_norm": [1.0]},
        ],
        cv=2,
    ).fit(X_train, y_train)
    assert len(search.cv_results_["params"]) == 11
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    with joblib.parallel_config(backend="threading"):
        search.set_params(n_jobs=2).fit(X_train, y_train)
