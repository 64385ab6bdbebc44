"""The tabular classifier and regressor: members, out-of-bag, weights, bad input."""

import pickle
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from helpers import recorded
from scipy.sparse import csr_array
from scipy.special import expit, softmax
from sklearn.base import clone
from sklearn.datasets import load_iris, make_classification, make_friedman1
from sklearn.metrics import accuracy_score, log_loss, r2_score

from skmlp_scratch import (
    ScratchMLPClassifier,
    ScratchMLPRegressor,
    TabularMLPClassifier,
    TabularMLPRegressor,
)
from skmlp_scratch._members import batch_rows, deal_folds, epochs
from skmlp_scratch._shared_arrays import allocator
from skmlp_scratch.exceptions import InvalidParameterError

QUICK = {"n_estimators": 4, "max_steps": 60, "random_state": 0}
BOTH = [TabularMLPClassifier, TabularMLPRegressor]


def classes(n_rows=200, n_classes=3, seed=0):
    X, y = make_classification(
        n_rows, 6, n_informative=4, n_classes=n_classes, random_state=seed
    )
    return X, np.array(["red", "green", "blue"])[y]


def values(n_rows=200, seed=0):
    return make_friedman1(n_rows, random_state=seed)


def data(estimator_class, n_rows=200, seed=0):
    make = classes if estimator_class is TabularMLPClassifier else values
    return make(n_rows, seed=seed)


def test_the_classifier_learns():
    X, y = classes(1200)
    clf = TabularMLPClassifier(random_state=0).fit(X[:800], y[:800])
    assert clf.score(X[800:], y[800:]) > 0.85
    assert len(clf.estimators_) == 8
    assert clf.classes_.tolist() == ["blue", "green", "red"]
    # What a single network makes of the same data.
    one = clf.estimators_[0]
    assert isinstance(one, ScratchMLPClassifier)
    assert one.hidden_layer_sizes == (64, 64)
    encoded = clf.preprocessor_.transform(X[800:])[:, : clf.preprocessor_.n_plain_]
    codes = np.searchsorted(clf.classes_, y[800:])
    assert log_loss(y[800:], clf.predict_proba(X[800:])) < log_loss(
        codes, one.predict_proba(encoded)
    )


def test_the_regressor_learns():
    X, y = values(1200)
    y = 1e4 + 100 * y
    reg = TabularMLPRegressor(random_state=0).fit(X[:800], y[:800])
    assert reg.score(X[800:], y[800:]) > 0.93
    assert isinstance(reg.estimators_[0], ScratchMLPRegressor)
    assert reg.oob_score_ == pytest.approx(reg.score(X[800:], y[800:]), abs=0.03)


@pytest.mark.parametrize("estimator_class", BOTH)
def test_outputs_are_the_mean_of_the_members(estimator_class):
    X, y = data(estimator_class)
    est = estimator_class(**QUICK).fit(X, y)
    encoded = est.preprocessor_.transform(X)
    n_plain = est.preprocessor_.n_plain_
    assert 0 < n_plain < encoded.shape[1]
    views = [encoded[:, :n_plain], encoded]
    method = "predict_proba" if estimator_class is TabularMLPClassifier else "predict"
    outputs = [
        getattr(member, method)(views[number % 2])
        for number, member in enumerate(est.estimators_)
    ]
    mean = np.mean(outputs, axis=0)
    if estimator_class is TabularMLPClassifier:
        np.testing.assert_allclose(est.predict_proba(X), mean, rtol=1e-12)
        labels = est.classes_[mean.argmax(axis=1)]
        np.testing.assert_array_equal(est.predict(X), labels)
        return
    z = (y - y.mean()) / y.std()
    outputs = np.clip(outputs, z.min(), z.max())
    mean = np.mean(outputs, axis=0)
    np.testing.assert_allclose(est.predict(X), mean * y.std() + y.mean(), rtol=1e-12)
    prediction, spread = est.predict(X, return_std=True)
    np.testing.assert_array_equal(prediction, est.predict(X))
    np.testing.assert_allclose(spread, np.std(outputs, axis=0) * y.std(), rtol=1e-10)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_scores_are_the_logits_of_the_probabilities(n_classes):
    X, y = classes(n_classes=n_classes)
    clf = TabularMLPClassifier(**QUICK).fit(X, y)
    p, scores = clf.predict_proba(X), clf.decision_function(X)
    expected = softmax(scores, axis=1) if n_classes == 3 else expit(scores)
    np.testing.assert_allclose(p if n_classes == 3 else p[:, 1], expected, rtol=1e-10)
    np.testing.assert_allclose(np.exp(clf.predict_log_proba(X)), p, rtol=1e-10)


@pytest.mark.parametrize("estimator_class", BOTH)
@pytest.mark.parametrize("n_estimators", [2, 4, 5])
def test_out_of_bag_is_by_members_that_never_saw_the_row(estimator_class, n_estimators):
    X, y = data(estimator_class)
    est = estimator_class(**QUICK | {"n_estimators": n_estimators}).fit(X, y)
    encoded = est.preprocessor_.transform(X)
    views = [encoded[:, : est.preprocessor_.n_plain_], encoded]
    is_classifier = estimator_class is TabularMLPClassifier
    oob = est.oob_decision_function_ if is_classifier else est.oob_prediction_
    # Every row must be some member's own word, and the shares must be equal.
    owners = np.full(len(y), -1)
    for number, member in enumerate(est.estimators_):
        if is_classifier:
            said = member.predict_proba(views[number % 2])
            own = np.isclose(said, oob, rtol=1e-4, atol=1e-6).all(axis=1)
        else:
            said = member.predict(views[number % 2]) * y.std() + y.mean()
            said = np.clip(said, y.min(), y.max())
            own = np.isclose(said, oob, rtol=1e-5)
        owners[own] = number
    assert (owners >= 0).all()
    assert np.ptp(np.bincount(owners)) <= 2
    if is_classifier:
        right = accuracy_score(y, est.classes_[oob.argmax(axis=1)])
        assert est.oob_score_ == pytest.approx(right)
    else:
        assert est.oob_score_ == pytest.approx(r2_score(y, oob))


def test_out_of_bag_scores_are_those_of_new_rows():
    rng = np.random.RandomState(0)
    X = rng.standard_normal((300, 5))
    y = rng.randint(2, size=300)  # nothing to learn
    clf = TabularMLPClassifier(random_state=0).fit(X, y)
    assert clf.oob_score_ < 0.6
    assert clf.score(X, y) > clf.oob_score_


@pytest.mark.parametrize("estimator_class", BOTH)
def test_a_single_member_holds_out_an_eighth(estimator_class):
    X, y = data(estimator_class)
    est = estimator_class(**QUICK | {"n_estimators": 1}).fit(X, y)
    is_classifier = estimator_class is TabularMLPClassifier
    oob = est.oob_decision_function_[:, 0] if is_classifier else est.oob_prediction_
    assert np.isfinite(oob).sum() == 25
    assert 0 < est.oob_score_ <= 1


@pytest.mark.parametrize("estimator_class", BOTH)
def test_the_number_of_processes_makes_no_difference(estimator_class):
    X, y = data(estimator_class, n_rows=100)
    one, two = (estimator_class(**QUICK, n_jobs=n).fit(X, y) for n in (None, 2))
    for a, b in zip(one.estimators_, two.estimators_, strict=True):
        for V, W in zip(a.coefs_, b.coefs_, strict=True):
            np.testing.assert_array_equal(V, W)
    np.testing.assert_array_equal(one.predict(X), two.predict(X))
    assert one.oob_score_ == two.oob_score_


def test_processes_share_arrays_in_files_that_are_removed():
    with allocator(2) as allocate:
        arrays = [allocate((3, 2)), allocate((3, 5))]
        files = [Path(array.filename) for array in arrays]
        assert files[0] != files[1]
        arrays[1][...] = 7
        assert all(file.exists() for file in files)
        assert not arrays[0].any()
    assert not any(file.exists() for file in files)
    assert not files[0].parent.exists()
    with allocator(None) as allocate:
        array = allocate((3, 2))
    assert type(array) is np.ndarray
    assert (array.shape, array.dtype) == ((3, 2), np.float32)


@pytest.mark.parametrize("estimator_class", BOTH)
def test_seeds(estimator_class):
    X, y = data(estimator_class, n_rows=100)
    first, again, other = (
        estimator_class(**QUICK | {"random_state": seed}).fit(X, y)
        for seed in (3, np.random.RandomState(3), 4)
    )
    weights = [est.estimators_[1].coefs_[0] for est in (first, again, other)]
    np.testing.assert_array_equal(weights[0], weights[1])
    assert not np.array_equal(weights[0], weights[2])
    assert len({est.random_state for est in first.estimators_}) == 4


def test_pickles_predict_the_same():
    X, y = classes(100)
    clf = TabularMLPClassifier(**QUICK).fit(X, y)
    again = pickle.loads(pickle.dumps(clf))
    np.testing.assert_array_equal(again.predict_proba(X), clf.predict_proba(X))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("n_rows", "n_folds"), [(100, 8), (17, 4), (9, 8), (3, 3)])
def test_folds_share_out_every_stratum(seed, n_rows, n_folds):
    rng = np.random.RandomState(seed)
    strata = rng.randint(3, size=n_rows)
    folds = deal_folds(strata, n_folds, rng)
    assert np.ptp(np.bincount(folds, minlength=n_folds)) <= 1
    for stratum in range(3):
        of_stratum = np.bincount(folds[strata == stratum], minlength=n_folds)
        assert np.ptp(of_stratum) <= 1


@pytest.mark.parametrize(
    ("n_rows", "batch", "n_epochs"),
    [
        (10, 32, 200),
        (100, 32, 128),
        (700, 32, 18),
        (800, 64, 32),
        (1600, 128, 32),
        (4000, 256, 26),
        (90_000, 256, 10),
        (10**5, 512, 10),
        (262_500, 1024, 10),
        (10**7, 1024, 10),
    ],
)
def test_budget(n_rows, batch, n_epochs):
    assert batch_rows("auto", n_rows) == batch
    assert epochs("auto", batch, n_rows) == n_epochs
    assert batch_rows(50, n_rows) == 50


@pytest.mark.parametrize(
    ("max_steps", "batch", "n_rows", "n_epochs"),
    [(100, 10, 100, 10), (100, 10, 101, 9), (5, 10, 100, 1), (19, 10, 100, 1)],
)
def test_most_steps(max_steps, batch, n_rows, n_epochs):
    assert epochs(max_steps, batch, n_rows) == n_epochs


def test_parameters_reach_the_members():
    X, y = classes(120)
    clf = TabularMLPClassifier(
        3,
        hidden_layer_sizes=(5,),
        learning_rate_init=0.01,
        alpha=0.2,
        batch_size=20,
        max_steps=21,
        n_bins=3,
    ).fit(X, y)
    for member in clf.estimators_:
        assert [W.shape[1] for W in member.coefs_] == [5, 3]
        assert member.learning_rate_init == 0.01
        assert member.alpha == 0.2
        assert member.batch_size == 20
        assert member.max_iter == 5  # of 80 rows, in 4 steps each
    assert all(len(edges) == 4 for edges in clf.preprocessor_.piecewise_.edges_)


@pytest.mark.parametrize("estimator_class", BOTH)
@pytest.mark.parametrize("n_rows", [2, 3, 7, 9])
def test_few_rows(estimator_class, n_rows):
    X, y = data(estimator_class, n_rows=200)
    est = estimator_class(random_state=0, max_steps=20).fit(X[:n_rows], y[:n_rows])
    assert len(est.estimators_) == 8
    assert np.isfinite(est.oob_score_)
    assert est.predict(X).shape == y.shape


@pytest.mark.parametrize("n_rows", [2, 3, 6])
def test_one_row_per_class(n_rows):
    X, y = np.arange(float(n_rows))[:, None], np.arange(n_rows)
    clf = TabularMLPClassifier(random_state=0).fit(X, y)
    p = clf.predict_proba(X)
    assert p.shape == (n_rows, n_rows)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert clf.oob_decision_function_.shape == p.shape


def test_a_class_in_a_single_row():
    X, y = classes(100, n_classes=2)
    y = np.where(np.arange(100) == 7, "violet", y)
    clf = TabularMLPClassifier(**QUICK).fit(X, y)
    assert clf.classes_.tolist() == ["green", "red", "violet"]
    assert {member.n_outputs_ for member in clf.estimators_} == {3}
    p = clf.predict_proba(X)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert p[:, 2].mean() < 0.2


def test_a_single_class():
    clf = TabularMLPClassifier(**QUICK).fit(np.ones((6, 2)), ["a"] * 6)
    assert clf.predict(np.zeros((2, 2))).tolist() == ["a", "a"]
    assert clf.oob_score_ == 1


def test_a_constant_target():
    reg = TabularMLPRegressor(**QUICK).fit(np.arange(20.0)[:, None], np.full(20, 3.0))
    np.testing.assert_allclose(reg.predict([[5.0]]), 3, atol=0.5)


def test_predictions_stay_in_the_range_of_the_targets():
    rng = np.random.RandomState(0)
    X = rng.standard_normal((300, 3))
    prices = np.maximum(X @ [1.0, 2.0, 3.0], 0)
    weights = np.where(prices > 5, 0.0, 1.0)
    reg = TabularMLPRegressor(random_state=0).fit(X, prices, sample_weight=weights)
    for predicted in (reg.predict(2 * X), reg.oob_prediction_):
        assert predicted.min() == pytest.approx(0, abs=1e-12)
        assert 4 < predicted.max() <= prices[weights > 0].max() + 1e-12


def test_several_outputs():
    X, y = values()
    Y = np.column_stack([y, 1000 - 50 * y])
    reg = TabularMLPRegressor(random_state=0).fit(X, Y)
    prediction, spread = reg.predict(X, return_std=True)
    assert prediction.shape == spread.shape == reg.oob_prediction_.shape == Y.shape
    assert reg.score(X, Y) > 0.9
    assert 10 < np.median(spread[:, 1] / spread[:, 0]) < 250


def test_sparse_rows():
    rng = np.random.RandomState(0)
    X = rng.standard_normal((300, 20)) * (rng.random_sample((300, 20)) < 0.2)
    y = X[:, 0] - 2 * X[:, 1] > 0
    clf = TabularMLPClassifier(random_state=0).fit(csr_array(X), y)
    assert clf.score(csr_array(X), y) > 0.95
    np.testing.assert_allclose(
        clf.predict_proba(csr_array(X)), clf.predict_proba(X), rtol=1e-6
    )


# --- Weights ------------------------------------------------------------------------


@pytest.mark.parametrize("estimator_class", BOTH)
def test_equal_weights_are_no_weights(estimator_class):
    X, y = data(estimator_class, n_rows=100)
    plain = estimator_class(**QUICK).fit(X, y)
    weighted = estimator_class(**QUICK).fit(X, y, sample_weight=np.ones(100))
    np.testing.assert_array_equal(plain.predict(X), weighted.predict(X))


@pytest.mark.parametrize("estimator_class", BOTH)
def test_rows_of_weight_zero_are_not_learnt_from(estimator_class):
    X, y = data(estimator_class, n_rows=120)
    weights = np.tile([1.0, 2.0, 0.0], 40)
    X_other, y_other = X.copy(), y.copy()
    X_other[2::3] = 1e3
    if estimator_class is TabularMLPClassifier:
        y_other[2::3] = "blue"
    else:
        y_other[2::3] = 1e6
    a = estimator_class(**QUICK).fit(X, y, sample_weight=weights)
    b = estimator_class(**QUICK).fit(X_other, y_other, sample_weight=weights)
    np.testing.assert_array_equal(a.predict(X), b.predict(X))
    assert a.oob_score_ == b.oob_score_
    # What out-of-bag says of them is still there.
    is_classifier = estimator_class is TabularMLPClassifier
    oob = a.oob_decision_function_ if is_classifier else a.oob_prediction_
    assert np.isfinite(oob).all()


def test_the_target_is_standardised_with_the_weights():
    X, y = values(60)
    weights = np.random.RandomState(0).randint(4, size=60)
    weighted = TabularMLPRegressor(**QUICK).fit(X, y, sample_weight=weights)
    repeated = np.repeat(y, weights)
    assert weighted._target_mean == pytest.approx(repeated.mean())
    assert weighted._target_scale == pytest.approx(repeated.std())


def test_scores_of_out_of_bag_use_the_weights():
    X, y = classes(100)
    weights = np.random.RandomState(0).randint(5, size=100)
    clf = TabularMLPClassifier(**QUICK).fit(X, y, sample_weight=weights)
    labels = clf.classes_[clf.oob_decision_function_.argmax(axis=1)]
    expected = accuracy_score(y, labels, sample_weight=weights)
    assert clf.oob_score_ == pytest.approx(expected)
    assert clf.oob_score_ != accuracy_score(y, labels)
    X, y = values(100)
    reg = TabularMLPRegressor(**QUICK).fit(X, y, sample_weight=weights)
    expected = r2_score(y, reg.oob_prediction_, sample_weight=weights)
    assert reg.oob_score_ == pytest.approx(expected)


def test_weights_move_the_predictions():
    rng = np.random.RandomState(0)
    X = rng.standard_normal((300, 2))
    y = rng.randint(2, size=300)
    weights = np.where(y == 1, 9.0, 1.0)
    clf = TabularMLPClassifier(random_state=0)
    assert clf.fit(X, y, sample_weight=weights).predict_proba(X)[:, 1].mean() > 0.8
    assert 0.35 < clf.fit(X, y).predict_proba(X)[:, 1].mean() < 0.65


def test_class_weights_are_weights_of_rows():
    X, y = classes(100)
    row_weights = np.random.RandomState(0).randint(1, 4, size=100)
    of_class = {"red": 3, "green": 1, "blue": 0.5}
    by_class = TabularMLPClassifier(**QUICK, class_weight=of_class)
    by_class.fit(X, y, sample_weight=row_weights)
    product = row_weights * np.array([of_class[label] for label in y])
    by_row = TabularMLPClassifier(**QUICK).fit(X, y, sample_weight=product)
    np.testing.assert_array_equal(by_class.predict_proba(X), by_row.predict_proba(X))
    balanced = TabularMLPClassifier(**QUICK, class_weight="balanced").fit(X, y)
    counts = {label: (y == label).sum() for label in of_class}
    of_class = {label: 100 / 3 / counts[label] for label in of_class}
    by_class = clone(by_class).set_params(class_weight=of_class).fit(X, y)
    np.testing.assert_array_equal(balanced.predict_proba(X), by_class.predict_proba(X))
    with pytest.raises(ValueError, match=r"not among the classes.*\['pink'\]"):
        TabularMLPClassifier(class_weight={"pink": 2}).fit(X, y)


# --- Bad input ----------------------------------------------------------------------


@pytest.mark.parametrize("estimator_class", BOTH)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_estimators", 0),
        ("n_estimators", 2.5),
        ("categorical_features", "all"),
        ("hidden_layer_sizes", (64, 0)),
        ("learning_rate_init", 0),
        ("alpha", -1),
        ("n_bins", 0),
        ("max_steps", "many"),
        ("batch_size", 0),
        ("n_jobs", 0),
        ("n_jobs", "two"),
        ("n_jobs", True),
        ("random_state", -1),
        ("verbose", "yes"),
    ],
)
def test_bad_parameters_are_named(estimator_class, name, value):
    X, y = data(estimator_class)
    est = estimator_class(**{name: value})
    with pytest.raises(InvalidParameterError, match=f"^{name} must be .*, got"):
        est.fit(X, y)
    assert vars(est) == vars(estimator_class(**{name: value}))


def test_bad_class_weight_is_named():
    with pytest.raises(
        InvalidParameterError, match=r"^class_weight must be .*, got -1"
    ):
        TabularMLPClassifier(class_weight=-1).fit(*classes())


@pytest.mark.parametrize("estimator_class", BOTH)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda X, y: (X[:1], y[:1]), "at least 2 samples.*n_samples = 1"),
        (lambda X, y: (X[:0], y[:0]), r"0 sample\(s\)"),
        (lambda X, y: (X, y[:-1]), "inconsistent numbers of samples"),
        (lambda X, y: (X, None), "requires y to be passed"),
        (lambda X, y: (X[:, 0], y), "2D array"),
        (lambda X, y: (X[:, :0], y), r"0 feature\(s\)"),
        (lambda X, y: (np.where(X[0, 0] == X, np.inf, X), y), "contains infinity"),
        (lambda X, y: (X, y, -np.ones(len(y))), "must not be negative"),
        (lambda X, y: (X, y, np.zeros(len(y))), "not be zero for all"),
        (lambda X, y: (X, y, np.ones(3)), "must have shape"),
        (lambda X, y: (X, y, np.arange(len(y)) == 0), "at least 2 samples"),
        (lambda X, y: (X + 1j, y), "Complex data not supported"),
    ],
)
def test_a_failed_fit_changes_nothing(estimator_class, change, message):
    X, y = data(estimator_class)
    est = estimator_class(**QUICK).fit(X, y)
    before, expected = dict(vars(est)), est.predict(X)
    with pytest.raises(ValueError, match=message):
        est.fit(*change(X, y))
    assert vars(est) == before
    np.testing.assert_array_equal(est.predict(X), expected)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([0.5, 1.5, 2.5, 3.5], "Unknown label type"),
        ([[0, 1], [1, 1], [0, 0], [1, 0]], "should be a 1d array"),
        ([0, 1, np.nan, 1], "NaN"),
        (np.array(["a", "b", np.nan, "a"], dtype=object), "NaN"),
    ],
)
def test_bad_labels(y, message):
    with pytest.raises(ValueError, match=message):
        TabularMLPClassifier().fit(np.arange(8.0).reshape(4, 2), y)


def test_labels_of_several_types():
    X, y = np.arange(8.0).reshape(4, 2), np.array(["a", "b", None, 1], dtype=object)
    with pytest.raises(
        TypeError, match="one type that can be sorted, got NoneType, int"
    ):
        TabularMLPClassifier().fit(X, y)


@pytest.mark.parametrize(
    ("y", "message"),
    [([0, 1, np.nan, 1], "NaN"), ([0, 1, np.inf, 1], "inf"), (list("abcd"), "convert")],
)
def test_bad_values(y, message):
    with pytest.raises(ValueError, match=message):
        TabularMLPRegressor().fit(np.arange(8.0).reshape(4, 2), y)


def test_predict_checks_the_table():
    pandas = pytest.importorskip("pandas")
    X = pandas.DataFrame({"n": [1.0, 2.0, 3.0] * 5, "town": ["a", "b", "b"] * 5})
    clf = TabularMLPClassifier(**QUICK).fit(X, [0, 1, 0] * 5)
    with pytest.raises(ValueError, match="'n' holds strings"):
        clf.predict(X.assign(n="many"))
    with pytest.raises(ValueError, match="same order"):
        clf.predict(X[["town", "n"]])
    with pytest.raises(
        ValueError, match="Feature names seen at fit time, yet now miss"
    ):
        clf.predict(X[["n"]])
    with pytest.raises(ValueError, match="'town' holds dates"):
        clf.predict(X.assign(town=pandas.Timestamp("2020-01-01")))


def test_members_give_no_warnings_of_their_own():
    rng = np.random.RandomState(0)
    X = np.column_stack([rng.standard_normal(100), np.arange(100) == 3])
    classifier, regressor = TabularMLPClassifier(**QUICK), TabularMLPRegressor(**QUICK)
    assert not recorded(classifier.fit, X, rng.randint(2, size=100))
    assert not recorded(regressor.fit, X, np.full(100, 2.0))
    # Of these, an estimator of its own would warn: nothing to learn from, dead units.
    assert not recorded(classifier.fit, X[:8], [0, 1] * 4)
    assert not recorded(regressor.fit, np.zeros((60, 3)), rng.standard_normal(60))


def test_progress(capsys):
    X, y = load_iris(return_X_y=True)
    TabularMLPClassifier(**QUICK).fit(X, y)
    assert capsys.readouterr().out == ""
    clf = TabularMLPClassifier(**QUICK, verbose=True).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5
    for number, line in enumerate(lines[:4], start=1):
        assert line.startswith(f"member {number} of 4: validation loss 0.")
    assert lines[4].startswith("4 members on 150 rows in ")
    assert lines[4].endswith(f"out-of-bag score {clf.oob_score_:.4f}")


@pytest.mark.parametrize("estimator_class", BOTH)
def test_a_table_is_encoded_once_and_not_copied_for_members(estimator_class):
    rng = np.random.RandomState(0)
    n_rows = 30_000
    X = rng.standard_normal((n_rows, 30)).astype(np.float32)
    X[:, 20:] = rng.randint(9, size=(n_rows, 10))
    y = X[:, 0] > 0
    est = estimator_class(
        4, categorical_features=range(20, 30), max_steps=1, batch_size=256
    )
    tracemalloc.start()
    est.fit(X, y)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    encoder = est.preprocessor_
    assert encoder.n_plain_ == 110
    # Both views, and a fold of one; the rest is the table itself as numbers.
    columns = encoder.transform(X[:1]).shape[1]
    views = 4 * n_rows * (encoder.n_plain_ + columns * (1 + 1 / 4))
    assert peak < views + 3 * 8 * X.size
