"""The classifier: the interface of ``MLPClassifier``, and its own rules.

That the numbers are the same too is for test_same_numbers.py.
"""

import inspect
import itertools
import re
import tracemalloc

import joblib
import numpy as np
import pytest
from helpers import (
    SKLEARN,
    fitted_attributes,
    float_names,
    ignore,
    ignore_convergence,
    parameters_of,
    pickled,
    quick,
    scaled_iris,
    seeds,
    sklearn_activations,
    sklearn_stochastic,
    stochastic,
    strided,
    through_joblib,
    untimed,
)
from sklearn.base import clone
from sklearn.datasets import load_digits, make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

from skmlp_scratch import ScratchMLPClassifier
from skmlp_scratch._estimator import label_targets

X, y = scaled_iris()
DIGITS, DIGIT_LABELS = load_digits(return_X_y=True)  # whole numbers from 0 to 16


def fitted_numbers(estimator):
    # One string, equal for two fits only if they agree in every bit and type.
    return joblib.hash({k: v for k, v in vars(estimator).items() if k.endswith("_")})


def noisy_digits(n_rows=400, seed=0):
    # Every fifth label is random, so that validation scores go up and down.
    rng = np.random.default_rng(seed)
    labels = DIGIT_LABELS[:n_rows].copy()
    labels[::5] = rng.integers(10, size=len(labels[::5]))
    return DIGITS[:n_rows] / 16, labels


# Interface


def test_signature_is_that_of_mlp_classifier_and_keywords_more():
    ours = parameters_of(ScratchMLPClassifier)
    common, own = ours[:-11], ours[-11:]
    theirs = parameters_of(MLPClassifier)
    if SKLEARN > (1, 9):
        # Versions newer than the one this was written for may have added some.
        ours = {p.name for p in common}
        theirs = [p for p in theirs if p.name in ours]
    assert common == theirs
    keyword = inspect.Parameter.KEYWORD_ONLY
    defaults = {
        "weight_init": "he_normal",
        "dtype": "auto",
        "class_weight": None,
        "monitor": "score",
        "dropout": 0.0,
        "noise": 0.0,
        "label_smoothing": 0.0,
        "max_norm": None,
        "clip_norm": None,
        "averaging": 0.0,
        "batch_norm": False,
    }
    assert own == [
        inspect.Parameter(name, keyword, default=default)
        for name, default in defaults.items()
    ]


@ignore_convergence
@sklearn_stochastic
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("hidden_layer_sizes", [(), (6,), (6, 5)], ids=repr)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_fitted_attributes_are_those_of_mlp_classifier(
    n_classes, hidden_layer_sizes, early_stopping, solver
):
    parameters = {
        "hidden_layer_sizes": hidden_layer_sizes,
        "early_stopping": early_stopping,
        "solver": solver,
        "max_iter": 4,
        "random_state": 0,
    }
    rows = y < n_classes
    theirs = MLPClassifier(**parameters).fit(X[rows], y[rows])
    ours = ScratchMLPClassifier(**parameters).fit(X[rows], y[rows])
    more = {"best_iter_", "learning_rate_curve_", "validation_loss_curve_"}
    assert fitted_attributes(ours) == fitted_attributes(theirs) | more
    for name in ("n_layers_", "t_", "n_iter_", "n_features_in_"):
        assert getattr(ours, name) == getattr(theirs, name), name
    for name in ("loss_", "best_loss_", "best_validation_score_"):
        is_none = getattr(theirs, name) is None
        expected = type(None) if is_none else float
        assert isinstance(getattr(ours, name), expected), name
    for name in ("loss_curve_", "validation_scores_"):
        mine, other = getattr(ours, name), getattr(theirs, name)
        assert type(mine) is type(other), name
        assert other is None or len(mine) == len(other) == 4, name
    np.testing.assert_array_equal(ours.classes_, theirs.classes_)
    # One softmax output per class; theirs is one logistic output for two classes.
    widths = [4, *hidden_layer_sizes, n_classes]
    assert [W.shape for W in ours.coefs_] == list(itertools.pairwise(widths))
    assert [b.shape for b in ours.intercepts_] == [(width,) for width in widths[1:]]
    assert ours.n_outputs_ == n_classes
    assert ours.out_activation_ == "softmax"


@ignore_convergence
@pytest.mark.parametrize("early_stopping", [False, True])
def test_fitted_numbers_belong_together(early_stopping):
    data = noisy_digits()
    estimator = quick(early_stopping=early_stopping, max_iter=9).fit(*data)
    n_training_rows = 360 if early_stopping else 400
    assert estimator.n_iter_ == len(estimator.loss_curve_) == 9
    assert estimator.t_ == 9 * n_training_rows
    assert estimator.loss_ == estimator.loss_curve_[-1]
    if early_stopping:
        assert estimator.best_loss_ is None
        assert len(estimator.validation_scores_) == 9
        best = max(estimator.validation_scores_)
        assert estimator.best_validation_score_ == best
        assert estimator.best_iter_ == 1 + estimator.validation_scores_.index(best)
        assert len(estimator.validation_loss_curve_) == 9
    else:
        assert estimator.best_loss_ == min(estimator.loss_curve_)
        best = min(estimator.loss_curve_)
        assert estimator.best_iter_ == 1 + estimator.loss_curve_.index(best)
        assert estimator.validation_scores_ is None
        assert estimator.validation_loss_curve_ is None
        assert estimator.best_validation_score_ is None


@ignore_convergence
@pytest.mark.parametrize(
    "labels",
    [
        np.array([-5, 3, 100]),
        np.array([2.0, 0.0, 1.0]),
        np.array(["versicolor", "setosa", "virginica"]),
        np.array(["b", "aa", "c"], dtype=object),
        np.array([True, False]),
        np.array([7, 1], dtype=np.int8),
    ],
    ids=lambda labels: f"{labels.dtype.name}-{len(labels)}",
)
def test_labels_of_any_type_come_back(labels):
    rows = y < len(labels)
    targets = labels[y[rows]]
    estimator = quick(max_iter=60, learning_rate_init=0.02).fit(X[rows], targets)
    predicted = estimator.predict(X[rows])
    assert predicted.dtype == estimator.classes_.dtype == labels.dtype
    np.testing.assert_array_equal(estimator.classes_, np.sort(labels))
    assert np.mean(predicted == targets) > 0.9
    columns = estimator.predict_proba(X[rows]).argmax(axis=1)
    np.testing.assert_array_equal(predicted, np.sort(labels)[columns])
    of_numbers = clone(estimator).fit(X[rows], np.argsort(np.argsort(labels))[y[rows]])
    np.testing.assert_array_equal(of_numbers.predict(X[rows]), columns)


# Learning


@seeds
@stochastic
def test_learns_iris(solver, seed):
    estimator = ScratchMLPClassifier(
        solver=solver, learning_rate_init=0.01, max_iter=2000, random_state=seed
    )
    assert estimator.fit(X, y).score(X, y) > 0.96


@ignore_convergence
@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"solver": "sgd", "learning_rate_init": 0.1},
        {"activation": "tanh"},
        {"hidden_layer_sizes": (50, 30)},
        {"early_stopping": True},
        {"dtype": "float32", "weight_init": "he_uniform"},
    ],
    ids=str,
)
def test_learns_digits(parameters):
    train, test, train_labels, test_labels = train_test_split(
        DIGITS / 16, DIGIT_LABELS, random_state=1
    )
    estimator = ScratchMLPClassifier(max_iter=60, batch_size=50, random_state=2)
    estimator.set_params(**parameters).fit(train, train_labels)
    assert estimator.score(test, test_labels) > 0.95


# Seeds and copies


@ignore_convergence
@seeds
@stochastic
@pytest.mark.parametrize("early_stopping", [False, True])
@float_names
def test_same_seed_gives_the_same_bits(dtype, early_stopping, solver, seed):
    estimator = quick(
        dtype=dtype,
        early_stopping=early_stopping,
        solver=solver,
        random_state=seed,
        batch_size=64,
    )
    first = fitted_numbers(estimator.fit(X, y))
    assert fitted_numbers(estimator.fit(X, y)) == first
    assert fitted_numbers(clone(estimator).fit(X, y)) == first
    random_state = np.random.RandomState(seed)
    assert fitted_numbers(
        estimator.set_params(random_state=random_state).fit(X, y)
    ) == (first)


@ignore_convergence
def test_other_seeds_give_other_numbers():
    results = {fitted_numbers(quick(random_state=seed).fit(X, y)) for seed in range(8)}
    assert len(results) == 8


@ignore_convergence
@pytest.mark.parametrize("random_state", [None, np.random.RandomState(3)], ids=type)
def test_without_a_fixed_seed_each_fit_is_different(random_state):
    estimator = quick(random_state=random_state)
    first = fitted_numbers(estimator.fit(X, y))
    assert fitted_numbers(estimator.fit(X, y)) != first


@ignore_convergence
def test_the_seed_decides_weights_order_and_split_each():
    def loss_curve(**parameters):
        return quick(max_iter=2, batch_size=10, **parameters).fit(X, y).loss_curve_

    fixed = {"learning_rate_init": 1e-300}
    unshuffled = loss_curve(shuffle=False, **fixed)
    # No step of any size: the mean over an epoch is the same in any order...
    np.testing.assert_allclose(loss_curve(**fixed), unshuffled, rtol=1e-12)
    # ...and with other weights, or fewer rows, it is not.
    assert abs(loss_curve(random_state=1, **fixed)[0] - unshuffled[0]) > 1e-3
    assert abs(loss_curve(early_stopping=True, **fixed)[0] - unshuffled[0]) > 1e-4
    # With steps the order matters.
    assert loss_curve() != loss_curve(shuffle=False)


@ignore_convergence
def test_refit_forgets_the_previous_fit():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(DIGITS[:200], columns=[f"pixel{i}" for i in range(64)])
    estimator = quick(early_stopping=True, activation="tanh", dtype="float32")
    estimator.fit(frame, DIGIT_LABELS[:200].astype(str))
    estimator.set_params(**quick().get_params()).fit(X, y)
    assert fitted_attributes(estimator) == fitted_attributes(quick().fit(X, y))
    assert fitted_numbers(estimator) == fitted_numbers(quick().fit(X, y))


def memory_mapped(estimator, path):
    joblib.dump(estimator, path / "estimator.joblib")
    copy = joblib.load(path / "estimator.joblib", mmap_mode="r")
    assert not copy.coefs_[0].flags.writeable
    return copy


@ignore_convergence
@seeds
@pytest.mark.parametrize("round_trip", [pickled, through_joblib, memory_mapped])
def test_copies_predict_the_same_bits(round_trip, seed, tmp_path):
    estimator = quick(hidden_layer_sizes=(9, 7), random_state=seed)
    estimator.fit(X, y.astype(str))
    more = [tmp_path] if round_trip is memory_mapped else []
    copy = round_trip(estimator, *more)
    for method in ("predict", "predict_proba", "predict_log_proba"):
        mine, other = getattr(estimator, method)(X), getattr(copy, method)(X)
        np.testing.assert_array_equal(mine, other)
    assert fitted_numbers(clone(copy).fit(X, y)) == (
        fitted_numbers(clone(estimator).fit(X, y))
    )


# Prediction


LAYERS = pytest.mark.parametrize(
    "hidden_layer_sizes", [(), (6,), (9, 4), (3, 9, 5)], ids=repr
)


@ignore_convergence
@LAYERS
@float_names
def test_a_rows_prediction_does_not_depend_on_its_company(hidden_layer_sizes, dtype):
    estimator = quick(hidden_layer_sizes=hidden_layer_sizes, dtype=dtype)
    estimator.set_params(activation="tanh").fit(X, y)
    rng = np.random.default_rng(0)
    # Prediction goes through blocks of 2000 rows.
    for n_rows in (1999, 2000, 2001, 4000, 4700):
        data = rng.normal(size=(n_rows, 4))
        order = rng.permutation(n_rows)
        for method in ("predict_proba", "predict_log_proba"):
            predict = getattr(estimator, method)
            close = {"rtol": 1e-4 if dtype == "float32" else 1e-11, "atol": 1e-30}
            together = predict(data)
            assert together.shape == (n_rows, 3)
            np.testing.assert_allclose(predict(data[order]), together[order], **close)
            for row in (0, n_rows // 2, n_rows - 1):
                alone = predict(data[row : row + 1])
                np.testing.assert_allclose(alone[0], together[row], **close)


@ignore_convergence
@ignore("DeadUnitsWarning")
@sklearn_activations
@LAYERS
def test_probabilities_are_the_networks_formula(hidden_layer_sizes, activation):
    functions = {
        "identity": lambda z: z,
        "logistic": lambda z: 1 / (1 + np.exp(-z)),
        "tanh": np.tanh,
        "relu": lambda z: z * (z > 0),
    }
    estimator = quick(hidden_layer_sizes=hidden_layer_sizes, activation=activation)
    estimator.fit(X, y)
    data = np.random.default_rng(1).normal(size=(2100, 4))
    *hidden, (W, b) = zip(estimator.coefs_, estimator.intercepts_, strict=True)
    out = data
    for W_hidden, b_hidden in hidden:
        out = functions[activation](out @ W_hidden + b_hidden)
    exponentials = np.exp(out @ W + b)
    expected = exponentials / exponentials.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(estimator.predict_proba(data), expected, rtol=1e-9)
    np.testing.assert_array_equal(estimator.predict(data), expected.argmax(axis=1))


@ignore_convergence
@float_names
@pytest.mark.parametrize("several_labels", [False, True])
def test_probabilities_never_vanish_and_keep_the_order(dtype, several_labels):
    targets = np.eye(3, dtype=int)[y] if several_labels else y
    estimator = quick(dtype=dtype).fit(X, targets)
    extreme = X * 1e4
    probabilities = estimator.predict_proba(extreme)
    logs = estimator.predict_log_proba(extreme)
    assert np.isfinite(logs).all()
    # These are too small for the type: exp(logs) is 0.
    vanishing = np.exp(logs) == 0
    assert vanishing.mean() > 0.2
    tiny = np.finfo(dtype).tiny
    assert (probabilities[vanishing] > 0).all()
    assert (probabilities[vanishing] < tiny).all()
    assert len(np.unique(probabilities[vanishing])) > 20
    by_logs = np.argsort(logs, axis=None)
    assert (np.diff(probabilities.ravel()[by_logs]) >= 0).all()
    if several_labels:
        assert (probabilities < 1).all()
    else:
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)
    # Those that are large enough are as ever.
    large = probabilities >= tiny
    np.testing.assert_allclose(probabilities[large], np.exp(logs[large]), rtol=1e-4)


@ignore_convergence
@float_names
def test_log_probabilities_are_the_logarithms(dtype):
    estimator = quick(dtype=dtype).fit(X, y)
    close = {"rtol": 1e-4, "atol": 1e-6} if dtype == "float32" else {"rtol": 1e-9}
    usual = np.log(estimator.predict_proba(X))
    np.testing.assert_allclose(estimator.predict_log_proba(X), usual, **close)


# Types and memory


@ignore_convergence
@pytest.mark.parametrize(
    ("input_type", "dtype", "computing_type"),
    [
        *((t, "auto", "f4") for t in ("?", "u1", "i1", "u2", "i2", "f2", "f4")),
        *((t, "auto", "f8") for t in ("i4", "u4", "i8", "u8", "f8", "longdouble")),
        *((t, "float32", "f4") for t in ("u1", "f4", "i8", "f8", "longdouble")),
        *((t, np.float64, "f8") for t in ("?", "u1", "f2", "f4", "f8")),
    ],
)
def test_computing_type(input_type, dtype, computing_type):
    data = (DIGITS[:200] > 8).astype(input_type)
    estimator = quick(dtype=dtype, early_stopping=True).fit(data, DIGIT_LABELS[:200])
    arrays = estimator.coefs_ + estimator.intercepts_
    assert {array.dtype for array in arrays} == {np.dtype(computing_type)}
    # The type of the rows to predict makes no difference.
    for rows in (data, data.astype(np.float64), data.astype(np.float32)):
        assert estimator.predict_proba(rows).dtype == computing_type
        assert estimator.predict_log_proba(rows).dtype == computing_type


@ignore_convergence
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize(
    ("input_type", "same_as"),
    [("u1", "f4"), ("i2", "f4"), ("f2", "f4"), ("i8", "f8"), ("i4", "f8")],
)
def test_type_of_equal_values_makes_no_difference(input_type, same_as, early_stopping):
    estimator = quick(early_stopping=early_stopping, batch_size=32)
    data, labels = DIGITS[:150], DIGIT_LABELS[:150]
    first = fitted_numbers(estimator.fit(data.astype(input_type), labels))
    assert fitted_numbers(estimator.fit(data.astype(same_as), labels)) == first


def fortran_order(data):
    return np.asfortranarray(data)


def backwards(data):
    return data[::-1].copy()[::-1]


@ignore_convergence
@pytest.mark.parametrize("input_type", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("layout", [fortran_order, strided, backwards])
def test_memory_layout_makes_no_difference(layout, input_type):
    data, labels = DIGITS[:150].astype(input_type), DIGIT_LABELS[:150]
    other = layout(data)
    assert not other.flags.c_contiguous
    expected = quick(batch_size=32).fit(data, labels)
    estimator = quick(batch_size=32).fit(other, labels)
    assert fitted_numbers(estimator) == fitted_numbers(expected)
    np.testing.assert_allclose(
        estimator.predict_proba(other), expected.predict_proba(data), atol=1e-5
    )


@ignore_convergence
@stochastic
@pytest.mark.parametrize("input_type", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("hidden_layer_sizes", [(), 8], ids=repr)
def test_data_are_only_read(hidden_layer_sizes, input_type, solver, tmp_path):
    data, labels = DIGITS[:150].astype(input_type), DIGIT_LABELS[:150].copy()
    before = data.copy(), labels.copy()
    np.save(tmp_path / "data.npy", data)
    np.save(tmp_path / "labels.npy", labels)
    on_disk = [np.load(tmp_path / f, mmap_mode="r") for f in ("data.npy", "labels.npy")]
    assert not on_disk[0].flags.writeable
    # The identity would hand on its input as it is.
    estimator = quick(
        hidden_layer_sizes=hidden_layer_sizes, activation="identity", solver=solver
    )
    for arrays in ((data, labels), on_disk):
        probabilities = estimator.fit(*arrays).predict_proba(arrays[0])
        probabilities[...] = -1
        np.testing.assert_array_equal(arrays[0], before[0])
        np.testing.assert_array_equal(arrays[1], before[1])


@ignore_convergence
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float16, np.float32])
def test_no_copy_of_the_data(dtype):
    rng = np.random.RandomState(0)
    # The sum over such float16 numbers is infinite.
    data = rng.randint(100, size=(30_000, 200)).astype(dtype)
    labels = rng.randint(2, size=len(data))
    estimator = quick(hidden_layer_sizes=8, max_iter=1)
    for call in (lambda: estimator.fit(data, labels), lambda: estimator.predict(data)):
        call()
        tracemalloc.start()
        call()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        # Copies would be of 6 million entries; a mask of them has 6 MB.
        assert peak < 5e6


# Stopping and reporting


@ignore_convergence
@pytest.mark.parametrize("verbose", [True, 1, 2])
def test_verbose_prints_a_line_per_epoch(verbose, capsys):
    estimator = quick(verbose=verbose).fit(X, y)
    assert untimed(capsys.readouterr().out) == [
        *(
            f"Iteration {epoch}, loss = {loss:.8f} ({epoch} of {estimator.max_iter})"
            for epoch, loss in enumerate(estimator.loss_curve_, start=1)
        ),
        f"All of max_iter={estimator.max_iter} epochs are done. Stopping.",
    ]


@ignore_convergence
def test_verbose_prints_the_validation_score_too(capsys):
    estimator = quick(verbose=True, early_stopping=True).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 * estimator.n_iter_ + 1
    assert lines[1::2] == [
        f"Validation score: {score:.6f}, loss = {loss:.6f}"
        for score, loss in zip(
            estimator.validation_scores_, estimator.validation_loss_curve_, strict=True
        )
    ]


@ignore_convergence
@pytest.mark.parametrize("verbose", [False, 0])
def test_quiet_by_default(verbose, capsys):
    quick(verbose=verbose, early_stopping=True).fit(X, y)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("early_stopping", "what"), [(False, "training loss"), (True, "validation score")]
)
def test_warning_if_epochs_run_out(early_stopping, what):
    message = (
        f"Stopped at max_iter=5 before the {what} ceased to improve by tol=0.0001. "
        "Raise max_iter"
    )
    estimator = quick(early_stopping=early_stopping)
    with pytest.warns(ConvergenceWarning, match="^" + re.escape(message)) as caught:
        estimator.fit(X, y)
    assert [warning.filename for warning in caught] == [__file__]


def test_no_warning_if_the_last_epoch_is_the_one_that_converges():
    converging = {"tol": 0.01, "learning_rate_init": 0.01, "n_iter_no_change": 3}
    free = quick(max_iter=1000, **converging).fit(X, y)
    assert 5 < free.n_iter_ < 1000
    exact = quick(max_iter=free.n_iter_, **converging).fit(X, y)
    assert exact.loss_curve_ == free.loss_curve_
    with pytest.warns(ConvergenceWarning):
        quick(max_iter=free.n_iter_ - 1, **converging).fit(X, y)


@pytest.mark.parametrize("n_iter_no_change", [1, 2, 5])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_stops_after_more_than_n_iter_no_change_epochs(
    early_stopping, n_iter_no_change
):
    # No epoch after the first can improve by so much.
    estimator = quick(
        early_stopping=early_stopping,
        n_iter_no_change=n_iter_no_change,
        tol=1e6,
        max_iter=50,
    ).fit(X, y)
    assert estimator.n_iter_ == n_iter_no_change + 2


@pytest.mark.parametrize("seed", range(5))
@float_names
def test_early_stopping_restores_the_best_weights(dtype, seed, monkeypatch):
    splits = []

    def recording_split(*arguments):
        splits.append(stratified_split(*arguments))
        return splits[-1]

    stratified_split = label_targets.stratified_split
    monkeypatch.setattr(label_targets, "stratified_split", recording_split)
    data, labels = noisy_digits(seed=seed)
    estimator = quick(
        early_stopping=True,
        validation_fraction=0.2,
        learning_rate_init=0.05,
        n_iter_no_change=5,
        tol=0,
        max_iter=500,
        activation="tanh",
        dtype=dtype,
        random_state=seed,
    ).fit(data, labels)
    scores = estimator.validation_scores_
    assert len(scores) == estimator.n_iter_ < 500
    assert scores[-1] < max(scores) == estimator.best_validation_score_

    ((train, validation),) = splits
    assert len(validation) == 80
    assert estimator.t_ == len(train) * estimator.n_iter_
    score = estimator.score(data[validation], labels[validation])
    assert score == estimator.best_validation_score_

    # The first of the best epochs, to the bit.
    up_to_best = clone(estimator).set_params(max_iter=1 + scores.index(max(scores)))
    with pytest.warns(ConvergenceWarning):
        up_to_best.fit(data, labels)
    for mine, other in zip(estimator.coefs_, up_to_best.coefs_, strict=True):
        np.testing.assert_array_equal(mine, other)


@ignore_convergence
def test_validation_rows_are_not_trained_on():
    data, labels = make_classification(200, 30, n_informative=5, random_state=0)
    shuffled = np.random.default_rng(0).permutation(labels)  # nothing to learn
    estimator = quick(
        early_stopping=True, validation_fraction=0.5, max_iter=300, n_iter_no_change=300
    ).set_params(learning_rate_init=0.01)
    estimator.fit(data, shuffled)
    assert estimator.loss_curve_[-1] < 0.05
    assert max(estimator.validation_scores_) < 0.75
