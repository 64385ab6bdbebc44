"""Prediction: no zeros, few bytes, quick checks, one model at a time."""

import threading
import tracemalloc
import warnings
from copy import deepcopy

import helpers
import joblib
import numpy as np
import pytest
import scipy.sparse
from helpers import (
    estimator_for,
    fitted_for,
    float_names,
    ignore_convergence,
    make_data,
    prediction_methods,
)
from scipy.special import expit, log_expit, log_softmax, softmax
from sklearn import config_context

from skmlp_scratch import ScratchMLPClassifier, ScratchMLPRegressor
from skmlp_scratch._estimator import prediction
from skmlp_scratch.nn.classification_losses import log_sigmoid

RNG = np.random.default_rng(0)
X, _ = make_data("counts", RNG)
TARGETS = {kind: make_data(kind)[1] for kind in helpers.TARGETS}

pytestmark = ignore_convergence


def by_hand(logits, out_activation, dtype):
    """Return a classifier whose logits are its input."""
    n = logits.shape[1]
    estimator = ScratchMLPClassifier(())
    estimator.coefs_, estimator.intercepts_ = [np.eye(n, dtype=dtype)], [np.zeros(n)]
    estimator.intercepts_ = [np.zeros(n, dtype)]
    estimator.out_activation_, estimator.classes_ = out_activation, np.arange(n)
    return estimator


# No probability is 0


@float_names
@pytest.mark.parametrize("out_activation", ["softmax", "logistic"])
def test_no_probability_is_0_whatever_the_logits(out_activation, dtype):
    largest = np.finfo(dtype).max
    depths = np.geomspace(1, largest, 3000, dtype=np.longdouble).astype(dtype)
    logits = np.zeros((3000, 3), dtype)
    logits[:, 0], logits[:, 1] = -depths, -1
    if out_activation == "softmax":
        # A gap that is twice the largest number.
        logits = np.vstack([logits, np.array([[-largest, 0, largest]], dtype)])
    estimator = by_hand(logits, out_activation, dtype)
    probabilities = estimator.predict_proba(logits)
    logarithms = estimator.predict_log_proba(logits)
    assert probabilities.dtype == logarithms.dtype == dtype
    assert (probabilities > 0).all()
    assert np.isfinite(logarithms).all()
    assert (np.diff(probabilities[:3000, 0]) <= 0).all()
    tiny = np.finfo(dtype).tiny
    low = np.exp(logarithms.astype(np.longdouble)) < 0.5 * tiny
    assert low.sum() > 2000
    assert (probabilities[low] < tiny).all()
    # Ten numbers per factor of ten, or more: none of them tie.
    assert len(np.unique(probabilities[:3000, 0][low[:3000, 0]])) == low[:3000, 0].sum()


@float_names
@pytest.mark.parametrize("out_activation", ["softmax", "logistic"])
def test_nearly_equal_logarithms_keep_their_order(out_activation, dtype):
    step = 2e-5 if dtype == "float32" else 1e-12
    for depth in (200, 1e3, 1e7, 1e30) if dtype == "float32" else (900, 1e9, 1e300):
        logits = np.zeros((2, 2), dtype)
        logits[:, 0] = -depth, -depth * (1 + step)
        first, second = by_hand(logits, out_activation, dtype).predict_proba(logits)[
            :, 0
        ]
        assert first > second > 0


@float_names
def test_probabilities_that_the_type_holds_are_as_ever(dtype):
    logits = RNG.normal(size=(500, 6), scale=20).astype(dtype)
    exact = logits.astype(float)
    close = {"rtol": 200 * np.finfo(dtype).eps, "atol": 0}
    for out_activation, probability, logarithm in (
        ("softmax", lambda z: softmax(z, axis=1), lambda z: log_softmax(z, axis=1)),
        ("logistic", expit, log_expit),
    ):
        estimator = by_hand(logits, out_activation, dtype)
        probabilities, expected = estimator.predict_proba(logits), probability(exact)
        normal = expected > np.finfo(dtype).tiny
        assert (probabilities < np.finfo(dtype).tiny)[~normal].all()
        np.testing.assert_allclose(probabilities[normal], expected[normal], **close)
        logarithms = estimator.predict_log_proba(logits)
        close_logs = {"rtol": close["rtol"], "atol": 4 * np.finfo(dtype).eps}
        np.testing.assert_allclose(logarithms, logarithm(exact), **close_logs)


def test_a_row_that_overflows_does_not_harm_the_others():
    rows = np.array([[-2000.0, 0], [-3000.0, 1], [1e308, 1e308]])
    for out_activation in ("softmax", "logistic"):
        estimator = by_hand(rows, out_activation, "float64")
        expected = estimator.predict_proba(rows[:2])
        estimator.coefs_ = [np.eye(2), np.eye(2)]
        estimator.intercepts_ = [np.zeros(2), np.zeros(2)]
        # Unlike zero times a number, zero times infinity is NaN.
        estimator.coefs_[0] *= 4
        estimator.coefs_[1] /= 4
        estimator.activation = "identity"
        with np.errstate(all="ignore"):
            probabilities = estimator.predict_proba(rows)
        assert np.isnan(probabilities[2]).any()
        np.testing.assert_array_equal(probabilities[:2], expected)


@float_names
@pytest.mark.parametrize("other", [1.0, np.nan])
def test_no_probability_of_a_label_is_1(other, dtype):
    rows = np.array([[30.0, 40, 800, np.finfo(dtype).max]] * 2, dtype)
    estimator = by_hand(rows, "logistic", dtype)
    rows[1, 0] = other
    with config_context(assume_finite=True):  # lets NaN through
        probabilities = estimator.predict_proba(rows)
    below_one = np.nextafter(np.ones((), dtype), np.zeros((), dtype))
    np.testing.assert_array_equal(probabilities[0, 1:], below_one)
    assert np.isnan(probabilities[1]).all() == np.isnan(other)


@pytest.mark.parametrize("out_activation", ["softmax", "logistic"])
def test_a_logit_of_minus_infinity_has_no_negative_probability(out_activation):
    rows = np.array([[-1e308, 1.0]])
    estimator = by_hand(rows, out_activation, "float64")
    estimator.coefs_[0] *= 4
    with np.errstate(all="ignore"):
        first, second = estimator.predict_proba(rows)[0]
    assert 0 < first < np.finfo(float).tiny < second


@float_names
def test_log_sigmoid(dtype):
    z = np.concatenate([np.linspace(-800, 800, 3001), [-1e30, 1e30, 0]]).astype(dtype)
    expected = log_expit(z.astype(float))
    close = {"rtol": 4 * np.finfo(dtype).eps, "atol": np.finfo(dtype).tiny}
    np.testing.assert_allclose(log_sigmoid(z), expected, **close)
    assert log_sigmoid(z).dtype == dtype


# Memory


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("kind", ["softmax", "logistic", "exp"])
def test_memory_is_that_of_the_result(kind, sparse):
    n_rows, n_outputs = 20_000, 150
    estimator = ScratchMLPRegressor(3) if kind == "exp" else ScratchMLPClassifier(3)
    estimator.coefs_ = [RNG.normal(size=(5, 3)), RNG.normal(size=(3, n_outputs))]
    estimator.intercepts_ = [np.zeros(3), np.zeros(n_outputs)]
    estimator.out_activation_ = kind
    if kind != "exp":
        estimator.classes_ = np.arange(n_outputs)
    rows = RNG.normal(size=(n_rows, 5))
    rows = scipy.sparse.csr_matrix(rows) if sparse else rows
    for name in prediction_methods(estimator):
        method = getattr(estimator, name)
        method(rows[:10])
        tracemalloc.start()
        result = method(rows)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        # A block of 2000 logits, each of 2.4 MB, where all take 24; a mask or two.
        assert peak < result.nbytes + 8e6, name
        assert len(result) == n_rows


@pytest.mark.parametrize("kind", ["classes", "two", "labels", "values", "counts"])
@pytest.mark.parametrize("rows", [1, 7, 60])
def test_pieces_make_no_difference(monkeypatch, rows, kind):
    estimator = fitted_for(kind)
    expected = {
        name: getattr(estimator, name)(X) for name in prediction_methods(estimator)
    }
    monkeypatch.setattr(prediction, "PIECE_ENTRIES", rows * estimator.n_outputs_)
    monkeypatch.setattr(prediction, "BLOCK_ROWS", rows)
    for name, whole in expected.items():
        result = getattr(estimator, name)(X)
        assert result.dtype == whole.dtype
        if whole.dtype.kind == "f":
            np.testing.assert_allclose(result, whole, rtol=1e-10)
        else:
            np.testing.assert_array_equal(result, whole)


# Checks of the rows: a few plain ones do without scikit-learn's


def not_called(*args, **kwargs):
    raise AssertionError("validate_X was called")


@pytest.mark.parametrize("kind", ["classes", "labels", "values"])
@pytest.mark.parametrize("computing_type", ["float32", "float64"])
@float_names
def test_plain_rows_are_checked_at_once(monkeypatch, dtype, computing_type, kind):
    estimator = fitted_for(kind, dtype=computing_type)
    plain = X[:3].astype(dtype)
    rows = [
        plain[:1],
        plain,
        np.asfortranarray(plain),
        np.repeat(plain, 2, axis=0)[::2],
        plain.tolist(),
    ]
    results = [estimator.predict(row) for row in rows]
    with monkeypatch.context() as patch:
        patch.setattr(prediction, "FEW_ENTRIES", 0)
        for row, result in zip(rows, results, strict=True):
            np.testing.assert_array_equal(estimator.predict(row), result)
    monkeypatch.setattr(prediction, "validate_X", not_called)
    for row in rows:
        for name in prediction_methods(estimator):
            getattr(estimator, name)(row)
    # What is not plain is checked as ever.
    for other in (plain.astype(int), np.ma.array(plain), plain.astype(str).tolist()):
        with pytest.raises(AssertionError, match="validate_X was called"):
            estimator.predict(other)


def outcome(call):
    """Return what happened, in words or numbers."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = call().tolist()
        except (ValueError, TypeError) as error:
            result = f"{type(error).__name__}: {error}"
    return result, [f"{w.category.__name__}: {w.message}" for w in caught]


def changed(value, dtype=float):
    row = X[:2].astype(dtype)
    row[1, 2] = value
    return row


ROWS = {
    "NaN": changed(np.nan),
    "infinity": changed(np.inf),
    "minus infinity in float32": changed(-np.inf, np.float32),
    "beyond float32": changed(1e39),
    "below float32": changed(-1e39),
    "nearly beyond float32": changed(float(np.finfo(np.float32).max)),
    "sum overflows": np.full((2, 4), np.finfo(np.float32).max, np.float32),
    "few features": X[:1, :3],
    "many features": np.hstack([X, X])[:1],
    "no features": X[:1, :0],
    "no rows": X[:0],
    "one dimension": X[0],
    "three dimensions": X[np.newaxis],
    "number": np.float64(3),
    "complex": X[:1].astype(complex),
    "object": X[:1].astype(object),
    "strings": X[:1].astype(str),
    "swapped bytes": X[:1].astype(">f8"),
    "sparse": scipy.sparse.csc_matrix(X[:3]),
    "None": None,
}


@pytest.mark.parametrize("rows", ROWS.values(), ids=ROWS)
@pytest.mark.parametrize("computing_type", ["float32", "float64"])
def test_the_short_check_says_what_the_long_one_says(monkeypatch, computing_type, rows):
    for kind in ("classes", "values"):
        estimator = fitted_for(kind, dtype=computing_type)
        with np.errstate(all="ignore"):
            short = outcome(lambda e=estimator: e.predict(rows))
            with monkeypatch.context() as patch:
                patch.setattr(prediction, "FEW_ENTRIES", 0)
                long = outcome(lambda e=estimator: e.predict(rows))
        assert repr(short) == repr(long)


def test_feature_names_are_checked_for_a_single_row():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=list("abcd"))
    named = estimator_for("classes").fit(frame, TARGETS["classes"])
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        named.predict(X[:1])
    with pytest.raises(ValueError, match="feature names should match"):
        named.predict(frame[list("abdc")][:1])
    with pytest.warns(UserWarning, match="X has feature names, but"):
        fitted_for("classes").predict(frame[:1])


def test_assume_finite_is_obeyed():
    estimator = fitted_for("values")
    with config_context(assume_finite=True):
        assert np.isnan(estimator.predict(changed(np.nan))).tolist() == [False, True]
    with pytest.raises(ValueError, match="Input X contains NaN"):
        estimator.predict(changed(np.nan))


# One model at a time, while another thread fits


def replace(estimator, other):
    """Do what a fit does at its end: all attributes change at once."""
    estimator.__dict__ = vars(other)


@pytest.mark.parametrize("at", ["validate_X", "predict_logits", "as_arrays"])
@pytest.mark.parametrize("before", ["classes", "two", "labels"])
@pytest.mark.parametrize("after", ["classes", "two", "labels", "strings"])
def test_a_fit_that_ends_during_a_prediction(monkeypatch, after, before, at):
    old = fitted_for(before)
    new_X = np.hstack([X, X])
    other = estimator_for(after, hidden_layer_sizes=3).fit(new_X, TARGETS[after])
    rows = X.tolist()  # not plain
    for name in [*prediction_methods(old), "score"]:
        arguments = [rows, TARGETS[before]] if name == "score" else [rows]
        expected = getattr(old, name)(*arguments)
        estimator = deepcopy(old)
        function = getattr(prediction, at)

        def ends_now(*args, e=estimator, f=function, **kwargs):
            replace(e, other)
            return f(*args, **kwargs)

        with monkeypatch.context() as patch:
            patch.setattr(prediction, at, ends_now)
            np.testing.assert_array_equal(
                getattr(estimator, name)(*arguments), expected
            )
        # From now on it is the new model.
        np.testing.assert_array_equal(estimator.predict(new_X), other.predict(new_X))


@pytest.mark.parametrize("at", ["validate_X", "predict_logits"])
def test_a_regressor_fitted_during_a_prediction(monkeypatch, at):
    for before, after in (("values", "outputs"), ("counts", "values")):
        old, other = fitted_for(before), fitted_for(after, hidden_layer_sizes=3)
        expected, estimator = old.predict(X.tolist()), deepcopy(old)
        function = getattr(prediction, at)

        def ends_now(*args, e=estimator, o=other, f=function, **kwargs):
            replace(e, o)
            return f(*args, **kwargs)

        with monkeypatch.context() as patch:
            patch.setattr(prediction, at, ends_now)
            np.testing.assert_array_equal(estimator.predict(X.tolist()), expected)


def test_threads_that_predict_while_another_one_fits():
    models = [
        fitted_for("classes"),
        fitted_for("strings", hidden_layer_sizes=3),
        fitted_for("two", hidden_layer_sizes=(9, 9, 2), activation="relu"),
        fitted_for("labels", dtype="float32"),
    ]
    right = {
        name: {joblib.hash(getattr(model, name)(X)) for model in models}
        for name in prediction_methods(models[0])
    }
    estimator = deepcopy(models[0])
    failures, done = [], threading.Event()

    def predict(name):
        while not done.is_set():
            try:
                result = joblib.hash(getattr(estimator, name)(X))
            except (ValueError, IndexError, AttributeError) as error:
                failures.append(error)
                return
            if result not in right[name]:
                failures.append(name)

    threads = [threading.Thread(target=predict, args=[name]) for name in right]
    for thread in threads:
        thread.start()
    for turn in range(400):
        estimator.__dict__ = dict(vars(models[turn % len(models)]))
        estimator.predict(X)
    done.set()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_snapshot_stays_as_it_is():
    estimator, other = fitted_for("classes"), fitted_for("two")
    snapshot = prediction.snapshot(estimator)
    assert vars(snapshot) is vars(estimator)  # nothing is copied
    replace(estimator, other)
    assert len(snapshot.classes_) == 3
    assert len(estimator.classes_) == 2
