"""Endless streams through ``partial_fit``: any chunks and weights, in constant time."""

import copy
import pickle
from functools import partial
from time import perf_counter

import helpers
import numpy as np
import pytest
from helpers import (
    all_stochastic,
    both,
    ignore_convergence,
    numbers,
    regression_losses,
    scaled_iris,
    untimed,
    warnings_as,
)

from skmlp_scratch import ScratchMLPClassifier, ScratchMLPRegressor
from skmlp_scratch.exceptions import DivergenceError, DivergenceWarning
from skmlp_scratch.nn.losses import REGRESSION_LOSSES

quick = partial(helpers.quick, hidden_layer_sizes=(7, 6), max_iter=200)

X, y = scaled_iris()


def first(estimator):
    return {"classes": [0, 1, 2]} if isinstance(estimator, ScratchMLPClassifier) else {}


def stream(estimator, *chunks):
    """Pass chunks (X, y, weights), one call each."""
    more = first(estimator)
    for chunk in chunks:
        estimator.partial_fit(*chunk, **more)
        more = {}
    return estimator


# C.1: what is large is learnt from, what is not finite is left out


@pytest.mark.parametrize(
    ("start", "later"), [(0.0, 100.0), (1e-6, 1.0), (1.0, 1e6), (-3.0, 3e4)]
)
def test_a_stream_may_begin_with_zeros_or_grow(start, later):
    reg = quick(ScratchMLPRegressor, learning_rate_init=0.05)
    rng = np.random.default_rng(0)
    for level in [start] * 5 + [later] * 5:
        rows = rng.normal(size=(50, 3))
        reg.partial_fit(rows, level + 0.1 * rows[:, 0])
    assert len(reg.loss_curve_) == 10
    assert reg.loss_curve_[5] > reg.loss_curve_[9]


@regression_losses
def test_a_level_is_learnt_after_hundreds_of_zeros(loss):
    rng = np.random.default_rng(1)
    reg = quick(ScratchMLPRegressor, loss=loss, learning_rate_init=0.02)
    lowest = 1e-3 if REGRESSION_LOSSES[loss].lowest_excluded else 0.0
    for level in [lowest] * 200 + [5.0] * 600:
        reg.partial_fit(rng.normal(size=(1, 2)), [level])
    rows = rng.normal(size=(100, 2))
    assert abs(reg.predict(rows) - 5).mean() < 1


@both
def test_features_may_grow(estimator_class):
    estimator = quick(estimator_class)
    chunks = [(X * 10.0**power, y) for power in range(-3, 4)]
    stream(estimator, *chunks)
    assert len(estimator.loss_curve_) == len(chunks)


@both
@all_stochastic
def test_rows_that_are_too_large_leave_no_trace(solver, estimator_class):
    estimator = stream(quick(estimator_class, solver=solver), (X, y), (X, y))
    twin = copy.deepcopy(estimator)
    for _ in range(3):
        with pytest.warns(
            DivergenceWarning, match="left out, and the model is as it was"
        ):
            estimator.partial_fit(abs(X) * 5e307, y)
    for name in ("t_", "n_iter_", "loss_", "best_loss_", "best_iter_", "loss_curve_"):
        assert getattr(estimator, name) == getattr(twin, name)
    for going_on in (estimator, twin):
        going_on.partial_fit(X, y)
    # But for the order of the rows, which was drawn for the chunks left out, too.
    np.testing.assert_allclose(numbers(estimator), numbers(twin), atol=1e-12)


@both
def test_a_first_chunk_that_is_too_large_is_an_error(estimator_class):
    estimator = quick(estimator_class)
    with pytest.raises(DivergenceError):
        stream(estimator, (abs(X) * 5e307, y))
    assert not hasattr(estimator, "coefs_")
    stream(estimator, (X, y))


# C.2: weights mean the same in chunks of any size


def weighted_chunks(size, n_epochs, seed=0):
    """Return chunks in which 3/4 of the rows are of class 0, at 1/3 of the weight."""
    rng = np.random.default_rng(seed)
    for _ in range(n_epochs):
        labels = rng.permutation(np.repeat([0, 1], [300, 100]))
        weights = np.where(labels == 0, 1.0, 3.0)
        rows = np.ones((400, 1))
        for start in range(0, 400, size):
            chunk = slice(start, start + size)
            yield rows[chunk], labels[chunk], weights[chunk]


@pytest.mark.parametrize("size", [1, 2, 7, 50, 400])
def test_weights_do_not_fade_in_small_chunks(size):
    clf = ScratchMLPClassifier((), solver="sgd", learning_rate_init=0.012, momentum=0)
    clf.set_params(random_state=0, batch_size=1, alpha=0)
    for rows, labels, weights in weighted_chunks(size, 2):
        clf.partial_fit(rows, labels, weights, classes=[0, 1])
    assert clf.predict_proba([[1.0]])[0, 1] == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize("size", [1, 5])
def test_class_weight_does_not_fade_either(size):
    clf = ScratchMLPClassifier((), solver="sgd", learning_rate_init=0.012, momentum=0)
    clf.set_params(random_state=0, batch_size=1, class_weight={0: 1, 1: 3}, alpha=0)
    for rows, labels, _ in weighted_chunks(size, 2):
        clf.partial_fit(rows, labels, classes=[0, 1])
    assert clf.predict_proba([[1.0]])[0, 1] == pytest.approx(0.5, abs=0.06)


@both
def test_weights_are_relative_to_the_mean_of_the_stream(estimator_class):
    """With one step per call, a chunk's gradient counts by its weights so far."""
    options = {"solver": "sgd", "momentum": 0, "alpha": 0, "learning_rate_init": 1e-3}
    options["shuffle"] = False
    first_weights, second_weights = np.full(150, 2.0), np.full(150, 4.0)
    weighted = quick(estimator_class, **options)
    stream(weighted, (X, y, first_weights))
    before = numbers(weighted)
    weighted.partial_fit(X, y, second_weights)
    plain = quick(estimator_class, **options)
    stream(plain, (X, y))
    np.testing.assert_allclose(before, numbers(plain), atol=1e-12)
    plain.partial_fit(X, y)
    steps = numbers(weighted) - before, numbers(plain) - before
    # The mean weight is 3 by then, and the rows weigh 4.
    np.testing.assert_allclose(steps[0], 4 / 3 * steps[1], atol=1e-12)


@both
@pytest.mark.parametrize("through", [pickle.dumps, None])
def test_the_mean_weight_survives_pickling(through, estimator_class):
    one = stream(quick(estimator_class), (X, y, np.full(150, 9.0)))
    two = copy.deepcopy(one)
    if through:
        two = pickle.loads(through(two))
    for estimator in (one, two):
        estimator.partial_fit(X, y, np.ones(150))
    np.testing.assert_array_equal(numbers(one), numbers(two))


# C.3: chunks that hold only a part


@both
def test_a_chunk_without_weight_changes_nothing(estimator_class):
    estimator = stream(quick(estimator_class), (X, y))
    before = pickle.dumps(estimator)
    estimator.partial_fit(X, y, np.zeros(150))
    assert pickle.dumps(estimator) == before


def test_nor_does_one_whose_class_has_no_weight():
    clf = quick(ScratchMLPClassifier, class_weight={0: 0, 1: 1, 2: 1})
    stream(clf, (X, y))
    before = pickle.dumps(clf)
    clf.partial_fit(X[y == 0], y[y == 0])
    assert pickle.dumps(clf) == before


@both
def test_a_first_chunk_without_weight_is_the_beginning(estimator_class):
    estimator = quick(estimator_class, shuffle=False)
    stream(estimator, (X, y, np.zeros(150)))
    assert (estimator.t_, estimator.loss_curve_, estimator.n_iter_) == (0, [], 0)
    assert estimator.predict(X).shape == (150,)
    estimator.partial_fit(X.astype(np.float32), y)  # the classes are known
    assert estimator.t_ == 150
    # What that chunk held decides nothing: type, start, initial weights.
    expected = stream(quick(estimator_class, shuffle=False), (X.astype(np.float32), y))
    np.testing.assert_array_equal(numbers(estimator), numbers(expected))


CHUNKS_OF_PARTS = {
    "one class": (ScratchMLPClassifier, {}, lambda r: np.zeros(len(r), int)),
    "counts of nothing": (
        ScratchMLPRegressor,
        {"loss": "poisson"},
        lambda r: np.zeros(len(r)),
    ),
    "the same target": (ScratchMLPRegressor, {}, lambda r: np.full(len(r), 3.0)),
    "classes without weight": (
        ScratchMLPClassifier,
        {"class_weight": {0: 2, 1: 1, 2: 1}},
        lambda r: np.ones(len(r), int),
    ),
}


@pytest.mark.parametrize("part", CHUNKS_OF_PARTS)
@pytest.mark.parametrize("n_rows", [1, 30])
@pytest.mark.parametrize("warm", [False, True])
def test_a_chunk_may_hold_a_part(part, n_rows, warm):
    kind, parameters, targets = CHUNKS_OF_PARTS[part]
    estimator = quick(kind, batch_size=50, **parameters)
    if warm:
        stream(estimator, (X, y))
    chunk = X[:n_rows], targets(X[:n_rows])
    estimator.partial_fit(*chunk, **first(estimator))
    assert estimator.t_ == n_rows + 150 * warm


@pytest.mark.parametrize("marks", [[0, 0, 0], [1, 1, 1], [0, 1, 0]])
def test_a_chunk_of_one_row_with_several_labels(marks):
    clf = quick(ScratchMLPClassifier)
    for _ in range(2):
        clf.partial_fit(X[:1], [marks], classes=[0, 1, 2])
    assert clf.predict_proba(X).shape == (150, 3)


# C.4: a call costs the same, whatever came before


def measured(estimator, n_calls):
    rows, labels = X[:5], y[:5]
    times = []
    for _ in range(n_calls):
        start = perf_counter()
        estimator.partial_fit(rows, labels)
        times.append(perf_counter() - start)
    return min(times)


@both
def test_the_time_of_a_call_is_flat(estimator_class):
    estimator = stream(quick(estimator_class), (X, y))
    early = measured(estimator, 100)
    # As if there had been a million calls.
    estimator.loss_curve_.extend(np.linspace(1, 0.5, 1_000_000).tolist())
    assert measured(estimator, 100) < 2 * early


@both
def test_nothing_but_the_history_grows(estimator_class):
    estimator = stream(quick(estimator_class), (X, y))
    measured(estimator, 200)
    before = len(pickle.dumps(estimator))
    measured(estimator, 500)
    # A loss and a learning rate per call; in a pickle, a float is 9 bytes.
    assert len(pickle.dumps(estimator)) - before < 500 * 2 * 9 + 200


@both
@pytest.mark.parametrize("copy_of", [copy.copy, copy.deepcopy])
def test_a_copy_has_a_history_of_its_own(copy_of, estimator_class):
    estimator = stream(quick(estimator_class), (X, y))
    twin = copy_of(estimator)
    twin.partial_fit(X, y)
    assert (len(estimator.loss_curve_), len(twin.loss_curve_)) == (1, 2)
    estimator.partial_fit(X, y)
    assert estimator.loss_curve_ == twin.loss_curve_


@both
def test_a_failed_call_adds_nothing_to_the_history(estimator_class):
    estimator = stream(quick(estimator_class), (X, y))
    curve = list(estimator.loss_curve_)
    with pytest.raises(ValueError, match="features"):
        estimator.partial_fit(X[:, :2], y)
    assert estimator.loss_curve_ == curve


@both
def test_the_best_loss_is_that_of_all_calls(estimator_class):
    estimator = stream(quick(estimator_class), *[(X, y)] * 4, (X, y[::-1]))
    assert estimator.best_loss_ == min(estimator.loss_curve_)
    assert estimator.best_iter_ == 1 + np.argmin(estimator.loss_curve_)
    assert estimator.loss_ == estimator.loss_curve_[-1]


# C.5: what is set between calls is obeyed; what the first call settled stays


CHANGES = {
    "constant": ({}, {"learning_rate_init": 0.05}),
    "sgd": ({"solver": "sgd"}, {"learning_rate_init": 0.2}),
    "adaptive": (
        {"solver": "sgd", "learning_rate": "adaptive"},
        {"learning_rate_init": 0.2},
    ),
    "to constant": (
        {"solver": "sgd", "learning_rate": "invscaling"},
        {"learning_rate": "constant"},
    ),
    "power_t": ({"solver": "sgd", "learning_rate": "invscaling"}, {"power_t": 0.01}),
    "alpha": ({}, {"alpha": 100.0}),
    "momentum": ({"solver": "sgd"}, {"momentum": 0.1}),
    "random_state": ({"batch_size": 10}, {"random_state": 7}),
}


@both
@pytest.mark.parametrize("change", CHANGES)
def test_a_parameter_set_between_calls_is_obeyed(change, estimator_class):
    before, after = CHANGES[change]
    as_it_was = stream(quick(estimator_class, **before), (X, y), (X, y))
    changed = copy.deepcopy(as_it_was).set_params(**after)
    for estimator in (as_it_was, changed):
        estimator.partial_fit(X, y)
    assert not np.allclose(numbers(as_it_was), numbers(changed), atol=1e-6)


@both
def test_the_new_rate_is_that_of_the_next_step(estimator_class):
    options = {"solver": "sgd", "momentum": 0, "learning_rate_init": 1e-4}
    small = stream(quick(estimator_class, **options), (X, y))
    large = copy.deepcopy(small).set_params(learning_rate_init=3e-4)
    before = numbers(small)
    for estimator in (small, large):
        estimator.partial_fit(X, y)
    np.testing.assert_allclose(
        numbers(large) - before, 3 * (numbers(small) - before), atol=1e-12
    )


def test_inverse_scaling_goes_on_from_the_new_rate():
    options = {"solver": "sgd", "momentum": 0, "learning_rate": "invscaling"}
    reg = stream(quick(ScratchMLPRegressor, **options), (X, y), (X, y))
    reg.set_params(learning_rate_init=0.5).partial_fit(X, y)
    assert reg._training_state.learning_rate == pytest.approx(0.5 / 451**0.5)


@both
@pytest.mark.parametrize("later", [np.float32, np.float16, bool, np.uint8])
def test_the_computing_type_is_that_of_the_first_call(later, estimator_class):
    estimator = stream(quick(estimator_class), (X, y))
    estimator.partial_fit(abs(X).astype(later), y)
    assert {W.dtype for W in estimator.coefs_} == {np.dtype(np.float64)}
    estimator = stream(quick(estimator_class), (X.astype(np.float32), y))
    estimator.partial_fit(X, y)
    assert {W.dtype for W in estimator.coefs_} == {np.dtype(np.float32)}
    estimator.set_params(dtype="float64").partial_fit(X, y)
    assert {W.dtype for W in estimator.coefs_} == {np.dtype(np.float64)}


# C.6


@ignore_convergence
@both
def test_verbose_counts_the_calls(estimator_class, capsys):
    estimator = quick(estimator_class, verbose=True)
    estimator.fit(X, y, X_val=X, y_val=y)
    capsys.readouterr()
    for _ in range(3):
        estimator.partial_fit(X, y)
    n_epochs = estimator.t_ // 150 - 3
    assert untimed(capsys.readouterr().out) == [
        f"Iteration {n}, loss = {estimator.loss_curve_[n - 1]:.8f}"
        for n in range(n_epochs + 1, n_epochs + 4)
    ]


@both
def test_a_stream_of_rows_is_quiet(estimator_class):
    estimator = quick(estimator_class, batch_size=50)
    with warnings_as("error"):
        for row, label in zip(X, y, strict=True):
            estimator.partial_fit(1000 + row[np.newaxis], [label], **first(estimator))
    assert estimator.t_ == 150
