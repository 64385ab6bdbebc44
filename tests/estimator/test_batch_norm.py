"""``batch_norm=True``: what users see of it, which is little besides the training."""

import pickle
import re
from functools import partial

import helpers
import joblib
import numpy as np
import pytest
from helpers import (
    TARGETS,
    both,
    ignore_convergence,
    is_classifier,
    kinds,
    make_data,
    messages_of,
    numbers,
    pickled,
    poisson_in_scikit_learn,
    prediction_methods,
    raises_and_changes_nothing,
    recorded,
    scaled_iris,
    seeds,
)
from scipy.sparse import csr_array
from sklearn.datasets import load_digits

from skmlp_scratch import ScratchMLPClassifier
from skmlp_scratch.exceptions import (
    DivergenceError,
    DivergenceWarning,
    IgnoredParameterWarning,
)

quick = partial(helpers.quick, hidden_layer_sizes=(7, 6), batch_norm=True)
estimator_for = partial(helpers.estimator_for, batch_norm=True)

pytestmark = ignore_convergence

X, y = scaled_iris()
# Steps so small that weights hardly move, on all rows at once.
RESTING = {"learning_rate_init": 1e-12, "batch_size": len(X)}
OPTIONS = {
    "plain": {},
    "sgd": {"solver": "sgd", "learning_rate_init": 0.05},
    "average": {"averaging": 0.9},
    "noise": {"noise": 0.2, "dropout": 0.1, "dtype": "float32"},
    "limits": {"solver": "adamw", "clip_norm": 1.0, "max_norm": 3.0},
}
options = pytest.mark.parametrize("name", OPTIONS)


def digits():
    """Return images from 0 to 1 and classes, those to train on and those to test on."""
    images, classes = load_digits(return_X_y=True)
    images = (images / 16).astype(np.float32)
    return images[:1341], classes[:1341], images[1341:], classes[1341:]


def outputs(estimator, rows=X):
    """Return what it predicts before it is made into labels."""
    return getattr(estimator, prediction_methods(estimator)[-1])(rows)


def first_call(estimator):
    """Return the further arguments of the first call of partial_fit."""
    of_classifier = isinstance(estimator, ScratchMLPClassifier)
    return {"classes": np.unique(y)} if of_classifier else {}


def chunks(estimator, n_calls, between=lambda estimator: estimator):
    """Fit chunks of 40 rows each."""
    more = first_call(estimator)
    for number in range(n_calls):
        rows = np.random.RandomState(number).choice(len(X), 40, replace=False)
        estimator = between(estimator.partial_fit(X[rows], y[rows], **more))
        more = {}
    return estimator


# What it learns


@seeds
def test_digits(seed):
    images, classes, test_images, test_classes = digits()
    estimator = ScratchMLPClassifier(
        (64, 64), batch_norm=True, learning_rate_init=0.01, max_iter=20
    )
    estimator.set_params(random_state=seed).fit(images, classes)
    assert estimator.coefs_[0].dtype == np.float32
    assert estimator.score(images, classes) > 0.995
    assert estimator.score(test_images, test_classes) > 0.92


@kinds
@options
def test_targets_of_every_kind(name, kind):
    rows, targets = make_data(kind, n_rows=200)
    estimator = estimator_for(
        kind, **{"learning_rate_init": 0.02, "max_iter": 60} | OPTIONS[name]
    ).fit(rows, targets)
    least = 0.7 if is_classifier(kind) else 0.2 if kind == "counts" else 0.5
    assert estimator.score(rows, targets) > least
    without = helpers.fitted_for(kind)
    assert [W.shape for W in estimator.coefs_] == [W.shape for W in without.coefs_]
    assert [b.shape for b in estimator.intercepts_] == [
        b.shape for b in without.intercepts_
    ]
    assert helpers.fitted_attributes(estimator) == helpers.fitted_attributes(without)


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, marks=poisson_in_scikit_learn) if kind == "counts" else kind
        for kind in TARGETS
    ],
)
def test_scikit_learn_predicts_the_same(kind):
    rows, targets = make_data(kind)
    estimator = estimator_for(kind).fit(rows, targets)
    theirs, ours = (e.predict(rows) for e in (estimator.to_sklearn(), estimator))
    if is_classifier(kind):
        np.testing.assert_array_equal(theirs, ours)
    else:
        np.testing.assert_allclose(theirs, ours, rtol=1e-9)


def test_features_and_targets_in_any_unit():
    # That is what normalisation is for; without it, the second score is a half.
    images, classes, *_ = digits()
    common = {"max_iter": 10, "batch_norm": True, "random_state": 0}
    with helpers.warnings_as("ignore"):
        for unit in (1, 1e-2, 1e4, 1e14):
            rows = images * np.float32(unit)
            estimator = ScratchMLPClassifier((64, 64), **common).fit(rows, classes)
            assert estimator.coefs_[0].dtype == np.float32
            assert estimator.score(rows, classes) > 0.9


@pytest.mark.parametrize("batch_size", [268, 670, 1340])
def test_no_row_disturbs_that_would_be_alone_in_the_last_batch(batch_size):
    images, classes, test_images, test_classes = digits()
    assert len(images) % batch_size == 1
    estimator = ScratchMLPClassifier(
        (64, 64),
        batch_norm=True,
        learning_rate_init=0.01,
        batch_size=batch_size,
        max_iter=40,
        random_state=0,
    ).fit(images, classes)
    assert estimator.score(test_images, test_classes) > 0.92


@both
@options
def test_batches_of_one_row(name, estimator_class):
    # Normalised by running averages that nothing moves.
    parameters = OPTIONS[name] | {"learning_rate_init": 0.001}
    estimator = quick(estimator_class, batch_size=1, max_iter=20, **parameters)
    estimator.fit(X, y)
    assert estimator.loss_curve_[-1] < estimator.loss_curve_[0]
    norm = estimator._training_state.norm
    assert norm.n_seen == 0
    assert estimator.score(X, y) > 0.6


def test_a_single_row_at_all():
    estimator = quick().partial_fit(X[:1], y[:1], classes=[0, 1, 2])
    assert np.isfinite(estimator.partial_fit(X[1:2], y[1:2]).predict_proba(X)).all()


# Rows and weights


@both
@pytest.mark.parametrize("solver", ["adam", "sgd"])
@seeds
def test_integer_weights_equal_repeated_rows_to_the_last_prediction(
    seed, solver, estimator_class
):
    repeats = np.random.default_rng(seed).integers(0, 3, len(X))
    assert 150 > np.count_nonzero(repeats) < repeats.sum() < 200  # a single batch
    estimator, other = (
        quick(estimator_class, random_state=seed, solver=solver, max_iter=20)
        for _ in range(2)
    )
    estimator.fit(X, y, sample_weight=repeats)
    other.fit(X.repeat(repeats, axis=0), y.repeat(repeats))
    assert estimator.loss_ == pytest.approx(other.loss_, rel=1e-6)
    np.testing.assert_allclose(outputs(estimator), outputs(other), rtol=1e-5, atol=1e-7)


@both
@pytest.mark.parametrize("heavy", [1e3, 1e6, 1e12])
def test_few_rows_with_nearly_all_of_the_weight(heavy, estimator_class):
    weights = np.ones(len(X))
    weights[::25] = heavy
    estimator = quick(estimator_class, batch_size=25, max_iter=50)
    estimator.fit(X, y, sample_weight=weights)
    assert np.isfinite(outputs(estimator)).all()
    assert max(abs(W).max() for W in estimator.coefs_) < 100


@both
@options
def test_sparse_rows_equal_dense_ones(name, estimator_class):
    if "noise" in OPTIONS[name]:
        pytest.skip("noise refuses sparse data")
    rows = X * (abs(X) > 0.5)
    dense = quick(estimator_class, **OPTIONS[name]).fit(rows, y)
    sparse = quick(estimator_class, **OPTIONS[name]).fit(csr_array(rows), y)
    np.testing.assert_allclose(outputs(sparse), outputs(dense), rtol=1e-6, atol=1e-9)


# Going on


@both
@options
@seeds
def test_a_pickle_in_between_makes_no_difference(seed, name, estimator_class):
    common = {"batch_size": 30, "random_state": seed, **OPTIONS[name]}
    estimator = chunks(quick(estimator_class, **common), 5)
    through_pickle = chunks(quick(estimator_class, **common), 5, between=pickled)
    np.testing.assert_array_equal(numbers(through_pickle), numbers(estimator))
    assert through_pickle.loss_curve_ == estimator.loss_curve_


@both
def test_one_fit_more_equals_one_epoch_more(estimator_class):
    # With a solver that has no memory and an order that stays.
    common = {"solver": "sgd", "momentum": 0.0, "shuffle": False, "batch_size": 40}
    estimator = quick(estimator_class, warm_start=True, max_iter=3, **common).fit(X, y)
    estimator.set_params(max_iter=2).fit(X, y)
    at_once = quick(estimator_class, max_iter=5, **common).fit(X, y)
    np.testing.assert_array_equal(numbers(estimator), numbers(at_once))
    assert estimator.loss_curve_ == at_once.loss_curve_


@both
@pytest.mark.parametrize("learning_rate", ["constant", "one_cycle"])
def test_warm_start_goes_on(learning_rate, estimator_class):
    estimator = quick(estimator_class, warm_start=True, max_iter=20)
    estimator.set_params(learning_rate=learning_rate, learning_rate_init=0.01)
    curve = estimator.fit(X, y).loss_curve_
    estimator.fit(X, y)
    assert estimator.loss_curve_[:20] == curve
    assert estimator.loss_curve_[20] < 1.1 * curve[-1] < curve[0]
    assert estimator.loss_ < curve[-1]


@both
@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_switching_on_or_off_starts_where_the_last_fit_ended(
    method, before, estimator_class
):
    estimator = quick(estimator_class, batch_norm=before, max_iter=30).fit(X, y)
    expected, loss = outputs(estimator), estimator.loss_
    estimator.set_params(batch_norm=not before, warm_start=True, max_iter=1, **RESTING)
    getattr(estimator, method)(X, y)
    np.testing.assert_allclose(outputs(estimator), expected, rtol=1e-6, atol=1e-8)
    assert (estimator._training_state.norm is None) is before
    assert estimator.loss_ == pytest.approx(loss, rel=0.2)
    curve = estimator.set_params(learning_rate_init=0.001, max_iter=20).fit(X, y)
    assert curve.loss_ < loss


@both
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_without_its_state_it_starts_where_the_last_fit_ended(method, estimator_class):
    estimator = quick(estimator_class, max_iter=30, warm_start=True).fit(X, y)
    expected = outputs(estimator)
    estimator.drop_training_state().set_params(max_iter=1, **RESTING)
    getattr(estimator, method)(X, y)
    np.testing.assert_allclose(outputs(estimator), expected, rtol=1e-6, atol=1e-8)


@both
@pytest.mark.parametrize("averaging", [0.0, 0.9])
@pytest.mark.parametrize("in_place", [False, True])
def test_weights_set_by_hand_are_respected(in_place, averaging, estimator_class):
    estimator, other = (
        chunks(quick(estimator_class, averaging=averaging, random_state=seed), 3)
        for seed in (0, 1)
    )
    if in_place:
        for mine, theirs in zip(estimator.coefs_, other.coefs_, strict=True):
            mine[...] = theirs
        for mine, theirs in zip(estimator.intercepts_, other.intercepts_, strict=True):
            mine[...] = theirs
    else:
        estimator.coefs_, estimator.intercepts_ = other.coefs_, other.intercepts_
    expected = outputs(other)
    estimator.set_params(**RESTING).partial_fit(X, y)
    np.testing.assert_allclose(outputs(estimator), expected, rtol=1e-6, atol=1e-8)


def test_a_stream_that_switches_on_with_a_single_row():
    estimator = quick(batch_norm=False, max_iter=30).fit(X, y)
    score = estimator.score(X, y)
    estimator.set_params(batch_norm=True, **RESTING).partial_fit(X[:1], y[:1])
    assert estimator.score(X, y) == score


@both
@pytest.mark.parametrize("averaging", [0.0, 0.9])
def test_the_fitted_weights_are_the_state_folded(averaging, estimator_class):
    estimator = chunks(quick(estimator_class, averaging=averaging), 3)
    vector = estimator._training_state.norm.parameters
    sizes = [W.size for W in estimator.coefs_]
    starts = np.cumsum([0, *sizes, *(len(b) for b in estimator.intercepts_)])
    W = vector[: sizes[0]].reshape(estimator.coefs_[0].shape)
    gamma, beta, mean, var = vector[starts[-1] : starts[-1] + 4 * 7].reshape(4, 7)
    b = vector[starts[3] : starts[4]]
    scale = gamma / np.sqrt(var + 1e-5)
    np.testing.assert_allclose(estimator.coefs_[0], W * scale, rtol=1e-12)
    expected = (b - mean) * scale + beta
    np.testing.assert_allclose(estimator.intercepts_[0], expected, rtol=1e-9)


@both
def test_state_is_one_more_vector_and_is_dropped_on_request(estimator_class):
    rows = np.tile(X, (1, 20))
    common = {"hidden_layer_sizes": (100,), "learning_rate": "one_cycle"}
    estimator = quick(estimator_class, **common).fit(rows, y)
    size = numbers(estimator).nbytes
    assert len(pickle.dumps(estimator)) < 2.2 * size
    estimator.drop_training_state()
    assert len(pickle.dumps(estimator)) < 1.1 * size


@both
@seeds
@pytest.mark.parametrize("averaging", [0.0, 0.9])
@pytest.mark.parametrize("of_noise", [{"noise": 0.5}, {"dropout": 0.3}], ids=str)
def test_noise_and_dropout_do_not_shift_what_predictions_are_normalised_by(
    of_noise, averaging, seed, estimator_class
):
    estimator = quick(estimator_class, averaging=averaging, max_iter=10, **of_noise)
    estimator.set_params(activation="tanh", batch_size=30, random_state=seed).fit(X, y)
    vector, activations = estimator._training_state.norm.parameters, X
    further = vector[-4 * (7 + 6) :]
    layers = np.split(further, [7, 14, 21, 28, 34, 40, 46])
    for number, (gamma, beta) in enumerate([layers[:2], layers[4:6]]):
        W, b = estimator.coefs_[number], estimator.intercepts_[number]
        sums = activations @ W + b
        np.testing.assert_allclose(sums.mean(axis=0), beta, rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(sums.std(axis=0), abs(gamma), rtol=1e-3)
        activations = np.tanh(sums)


# Stopping


@both
@seeds
@pytest.mark.parametrize("of_noise", [{}, {"noise": 0.2, "averaging": 0.9}], ids=str)
def test_early_stopping_brings_the_averages_of_the_best_epoch_back(
    of_noise, seed, estimator_class
):
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(300, 4))
    signal = rows[:, 0] + rng.normal(size=300)
    targets = (signal > 0) * 1 if estimator_class is ScratchMLPClassifier else signal
    estimator = quick(
        estimator_class, max_iter=60, learning_rate_init=0.05, early_stopping=True
    ).set_params(random_state=seed, n_iter_no_change=20, monitor="loss", **of_noise)
    held_out = rows[200:], targets[200:]
    estimator.fit(rows[:200], targets[:200], X_val=held_out[0], y_val=held_out[1])
    losses = estimator.validation_loss_curve_
    assert estimator.best_iter_ < len(losses)
    assert losses[estimator.best_iter_ - 1] == min(losses) < losses[-1]
    if estimator_class is ScratchMLPClassifier:
        chosen = estimator.predict_proba(held_out[0])[np.arange(100), held_out[1]]
        loss = -np.log(chosen).mean()
    else:
        loss = ((estimator.predict(held_out[0]) - held_out[1]) ** 2).mean() / 2
    assert loss == pytest.approx(min(losses), rel=1e-9)


EXPLODING = {"solver": "sgd", "learning_rate_init": 1e200}


@both
def test_divergence_in_a_stream_leaves_everything_as_it_was(estimator_class):
    estimator = chunks(quick(estimator_class, averaging=0.9, batch_size=20), 3)
    before = joblib.hash(vars(estimator.set_params(**EXPLODING)))
    with pytest.warns(DivergenceWarning, match="the model is as it was"):
        estimator.partial_fit(X, y)
    assert joblib.hash(vars(estimator)) == before


@both
def test_divergence_from_the_start_is_an_error(estimator_class):
    estimator = quick(estimator_class, **EXPLODING)
    raises_and_changes_nothing(
        estimator, "Training diverged", "fit", X, y, error=DivergenceError
    )


# Where it has no effect


@both
@pytest.mark.parametrize(
    "parameters", [{"solver": "lbfgs"}, {"hidden_layer_sizes": ()}], ids=str
)
def test_where_it_has_no_effect(parameters, estimator_class):
    estimator = quick(estimator_class, **parameters)
    messages = messages_of(IgnoredParameterWarning, estimator.fit, X, y)
    assert len(messages) == 1
    assert re.search("batch_norm.*hidden layer", messages[0])
    without = quick(estimator_class, batch_norm=False, **parameters)
    assert not [
        w for w in recorded(without.fit, X, y) if "batch_norm" in str(w.message)
    ]
    np.testing.assert_array_equal(numbers(estimator), numbers(without))


@both
def test_neither_true_nor_false(estimator_class):
    estimator = quick(estimator_class, batch_norm="yes")
    raises_and_changes_nothing(estimator, "batch_norm", "fit", X, y)


@both
@pytest.mark.parametrize("averaging", [0.0, 0.9])
def test_validation_rows_do_not_change_training(averaging, estimator_class):
    # The last batch has one row, which is normalised by the running averages.
    parameters = {"batch_size": 2, "noise": 0.2, "averaging": averaging}
    rows, targets = X[:101], y[:101]
    alone = quick(estimator_class, **parameters).fit(rows, targets)
    validated = quick(estimator_class, **parameters)
    validated.fit(rows, targets, X_val=X[:50], y_val=y[:50])
    assert validated.loss_curve_ == alone.loss_curve_
    np.testing.assert_array_equal(helpers.numbers(validated), helpers.numbers(alone))
