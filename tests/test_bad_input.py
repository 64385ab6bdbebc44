"""What cannot work is refused, in words that help, and without a trace.

A ``fit`` that fails, for whatever reason, leaves the estimator as it was.
"""

from functools import partial

import helpers
import joblib
import numpy as np
import pytest
import scipy.sparse
from helpers import (
    assert_fit_fails_cleanly,
    ignore_convergence,
    interrupted,
    stochastic,
)
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError

from skmlp_scratch import ScratchMLPClassifier
from skmlp_scratch._estimator import fitting, training
from skmlp_scratch.exceptions import DivergenceError

quick = partial(helpers.quick, hidden_layer_sizes=5, max_iter=2)

X, y = load_iris(return_X_y=True)

PREDICTIONS = ("predict", "predict_proba", "predict_log_proba", "decision_function")


def test_noise_needs_dense_data(fitted):
    assert_fit_fails_cleanly(
        fitted,
        {"noise": 0.1},
        (scipy.sparse.csr_array(X), y),
        ValueError,
        r"^noise=0.1 needs dense X: .*Use dropout",
    )


def with_entry(value, dtype):
    spoilt = X.astype(dtype)
    spoilt[77, 2] = value
    return spoilt


DIVERGING = {"solver": "sgd", "learning_rate_init": 1e8}
DIVERGED = (
    r"^Training diverged: the loss became \S+ at epoch \d+\. It never did better than "
    r"a constant prediction, whose loss is 1\.1\. "
    r"Lower learning_rate_init={}"
)
TOO_LARGE = r"X contains values as large as {}, too large for dtype='float32'"

# name: parameters, (X, y), error, message
FAILURES = {
    "one_dimensional_X": ({}, (X[:, 0], y), ValueError, "Expected 2D array"),
    "three_dimensional_X": ({}, (X[np.newaxis], y), ValueError, "dim 3"),
    "no_rows": ({}, (X[:0], y[:0]), ValueError, r"0 sample\(s\)"),
    "no_features": ({}, (X[:, :0], y), ValueError, r"0 feature\(s\)"),
    "complex_X": ({}, (X + 0j, y), ValueError, "Complex data not supported"),
    "text_X": ({}, (X.astype(str), y), ValueError, "numeric"),
    "complex_sparse_X": (
        {},
        (scipy.sparse.csr_array(X + 0j), y),
        ValueError,
        "Complex data not supported",
    ),
    "nan_in_sparse_X": (
        {},
        (scipy.sparse.csr_array(np.where(X > 7, np.nan, X)), y),
        ValueError,
        "X contains NaN",
    ),
    "large_sparse_for_float32": (
        {"dtype": "float32"},
        (scipy.sparse.csr_array(np.where(X > 7, -4e38, X)), y),
        ValueError,
        r"X contains values as large as 4e\+38, too large for dtype='float32'",
    ),
    "too_few_targets": ({}, (X, y[:-1]), ValueError, r"\[150, 149\]"),
    "no_targets": ({}, (X, None), ValueError, "requires y to be passed"),
    "regression_targets": ({}, (X, y + 0.5), ValueError, "continuous"),
    "several_columns_of_classes": (
        {},
        (X, np.column_stack([y, y])),
        ValueError,
        "y has several columns .* Fit one classifier per column with MultiOutputCl",
    ),
    "classes_without_weight": (
        {"class_weight": {"setosa": 2}},
        (X, y),
        ValueError,
        r"^class_weight has keys .* classes \[0, 1, 2\]: \['setosa'\]$",
    ),
    "class_weight_for_several_labels": (
        {"class_weight": "balanced"},
        (X, np.eye(3, dtype=int)[y]),
        ValueError,
        "class_weight is for one label per row; use sample_weight",
    ),
    "all_classes_of_weight_0": (
        {"class_weight": {0: 0, 1: 0, 2: 0}},
        (X, y),
        ValueError,
        "class_weight times sample_weight is zero for all samples",
    ),
    "nan_in_y": ({}, (X, np.where(y, y, np.nan)), ValueError, "y contains NaN"),
    "infinity_in_y": ({}, (X, np.where(y, y, np.inf)), ValueError, "y contains inf"),
    "nan_in_object_y": (
        {},
        (X, np.where(y, "a", np.array(np.nan, object))),
        ValueError,
        "contains NaN",
    ),
    "large_positive_for_float32": (
        {"dtype": "float32"},
        (with_entry(4e38, np.float64), y),
        ValueError,
        TOO_LARGE.format(r"4e\+38"),
    ),
    "large_negative_for_float32": (
        {"dtype": np.float32},
        (with_entry(-4e38, np.float64), y),
        ValueError,
        TOO_LARGE.format(r"4e\+38"),
    ),
    "divergence": (
        DIVERGING | {"batch_size": 20, "max_iter": 50},
        (X, y),
        DivergenceError,
        DIVERGED.format(r"100000000\.0"),
    ),
    "divergence_in_the_last_step": (
        DIVERGING | {"learning_rate_init": 1e308, "max_iter": 1},
        (X * 1000, y),
        DivergenceError,
        DIVERGED.format(r"1e\+308, or scale the features, for example with StandardS"),
    ),
    "divergence_before_validation": (
        DIVERGING | {"learning_rate_init": 1e308, "early_stopping": True},
        (X * 1000, y),
        DivergenceError,
        DIVERGED.format(r"1e\+308, or scale the features, for example with StandardS"),
    ),
    "too_few_rows_for_validation": (
        {"early_stopping": True, "validation_fraction": 0.004},
        (X, y),
        ValueError,
        "leaves 1 rows of n_samples=150 .* Increase validation_fraction",
    ),
} | {
    f"{value}_in_{dtype.__name__}_X": (
        {},
        (with_entry(value, dtype), y),
        ValueError,
        f"X contains {word}",
    )
    for value, word in ((np.nan, "NaN"), (np.inf, "inf"), (-np.inf, "inf"))
    for dtype in (np.float32, np.float64)
}


@pytest.mark.parametrize("failure", FAILURES)
def test_failing_fit_says_why_and_changes_nothing(fitted, failure):
    assert_fit_fails_cleanly(fitted, *FAILURES[failure])


@pytest.mark.parametrize(
    ("module", "when"), [(fitting, "initialize"), (training, "Batches")]
)
def test_fit_interrupted_before_training_changes_nothing(
    fitted, monkeypatch, module, when
):
    # Later there is something to keep: see test_warnings.py.
    monkeypatch.setattr(module, when, interrupted)
    assert_fit_fails_cleanly(fitted, {}, (X[:, :2], y), KeyboardInterrupt, "now")


def test_validation_logits_that_overflow_are_divergence_and_make_no_warning():
    exploding = {"solver": "sgd", "activation": "identity", "max_iter": 1}
    estimator = quick(early_stopping=True, learning_rate_init=1e150, **exploding)
    with pytest.raises(DivergenceError):
        estimator.fit(X * 1000, y)


@ignore_convergence
@pytest.mark.parametrize("early_stopping", [False, True])
def test_batch_larger_than_the_data_is_clipped_with_a_warning(early_stopping):
    n_rows = 135 if early_stopping else 150
    large = quick(batch_size=n_rows + 1, early_stopping=early_stopping)
    message = rf"^batch_size={n_rows + 1} is larger .* clipped to {n_rows}\.$"
    with pytest.warns(UserWarning, match=message) as caught:
        large.fit(X, y)
    assert [w.filename for w in caught if w.category is UserWarning] == [__file__]
    exact = quick(batch_size=n_rows, early_stopping=early_stopping).fit(X, y)
    assert large.loss_curve_ == exact.loss_curve_
    assert large.batch_size == n_rows + 1


@ignore_convergence
@pytest.mark.parametrize("sizes", [(), [], np.array([], dtype=int)], ids=repr)
def test_no_hidden_layer_is_softmax_regression(sizes):
    estimator = quick(hidden_layer_sizes=sizes).fit(X, y)
    (W,), (b,) = estimator.coefs_, estimator.intercepts_
    exponentials = np.exp(X @ W + b)
    expected = exponentials / exponentials.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(estimator.predict_proba(X), expected, rtol=1e-10)


@ignore_convergence
@pytest.mark.parametrize(
    ("sizes", "shapes"),
    [
        (7, [(4, 7), (7, 3)]),
        (np.uint8(7), [(4, 7), (7, 3)]),
        ((7, 6), [(4, 7), (7, 6), (6, 3)]),
        ([7, np.int32(6)], [(4, 7), (7, 6), (6, 3)]),
        (np.array([7, 6]), [(4, 7), (7, 6), (6, 3)]),
    ],
    ids=repr,
)
def test_hidden_layer_sizes_may_be_a_number_or_any_sequence(sizes, shapes):
    estimator = quick(hidden_layer_sizes=sizes, activation="tanh").fit(X, y)
    assert [W.shape for W in estimator.coefs_] == shapes


@ignore_convergence
@stochastic
@pytest.mark.parametrize("n_rows", [1, 30])
def test_a_single_class_is_learnt_and_predicted(n_rows, solver):
    estimator = quick(solver=solver).fit(X[:n_rows], ["only"] * n_rows)
    assert estimator.predict(X).tolist() == ["only"] * 150
    np.testing.assert_array_equal(estimator.predict_proba(X), np.ones((150, 1)))
    np.testing.assert_array_equal(estimator.predict_log_proba(X), np.zeros((150, 1)))


@pytest.mark.parametrize("method", PREDICTIONS)
def test_prediction_needs_a_fit(method):
    with pytest.raises(NotFittedError, match="not fitted yet"):
        getattr(ScratchMLPClassifier(), method)(X)


@pytest.mark.parametrize("method", PREDICTIONS)
def test_prediction_needs_a_fit_also_after_one_that_failed(method):
    estimator = quick()
    with pytest.raises(ValueError, match="continuous"):
        estimator.fit(X, y + 0.5)
    with pytest.raises(NotFittedError, match="not fitted yet"):
        getattr(estimator, method)(X)


@pytest.mark.parametrize("method", PREDICTIONS)
@pytest.mark.parametrize(
    ("X_bad", "message"),
    [
        pytest.param(X[:, :3], "X has 3 features, but .* 4 features", id="too_few"),
        pytest.param(X.repeat(2, axis=1), "X has 8 features", id="too_many"),
        pytest.param(X[0], "Expected 2D array", id="one_dimensional"),
        pytest.param(X[:0], r"0 sample\(s\)", id="no_rows"),
        pytest.param(X + 0j, "Complex data not supported", id="complex"),
        pytest.param(with_entry(np.nan, np.float32), "X contains NaN", id="nan"),
        pytest.param(with_entry(np.inf, np.float64), "X contains inf", id="infinity"),
    ],
)
def test_bad_data_to_predict(fitted, method, X_bad, message):
    before = joblib.hash(vars(fitted))
    with pytest.raises(ValueError, match=message):
        getattr(fitted, method)(X_bad)
    assert joblib.hash(vars(fitted)) == before


@ignore_convergence
@pytest.mark.parametrize("method", PREDICTIONS)
def test_too_large_for_float32_at_prediction(method):
    estimator = quick(dtype="float32").fit(X, y)
    with pytest.raises(ValueError, match=TOO_LARGE.format(r"4e\+38")):
        getattr(estimator, method)(with_entry(-4e38, np.float64))


@ignore_convergence
@pytest.mark.parametrize("method", PREDICTIONS)
def test_feature_names_must_be_those_of_fit(method):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=["a", "b", "c", "d"])
    predict = getattr(quick().fit(frame, y), method)
    with pytest.raises(ValueError, match=r"(?s)feature names should match.*- e"):
        predict(frame.rename(columns={"d": "e"}))
    with pytest.raises(ValueError, match="same order"):
        predict(frame[["b", "a", "c", "d"]])
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        predict(X)


@pytest.mark.parametrize("labels", [["a", 1], ["a", None]])
def test_labels_that_cannot_be_sorted(labels):
    mixed = np.array(labels * 10, dtype=object)
    with pytest.raises(TypeError, match=r"y must hold labels of one type.*, got .*str"):
        quick().fit(X[:20], mixed)
