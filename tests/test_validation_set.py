"""Validation rows, one's own or set aside: what is recorded, and what it decides."""

import re
from functools import partial

import helpers
import numpy as np
import pytest
import sklearn
from helpers import (
    TARGETS,
    estimator_for,
    ignore_convergence,
    messages_of,
    numbers,
    quick,
    raises_and_changes_nothing,
    seeds,
    solvers,
)
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_iris,
    load_wine,
)
from sklearn.metrics import log_loss, mean_poisson_deviance
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.neural_network import MLPClassifier, _multilayer_perceptron
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from skmlp_scratch import ScratchMLPClassifier, ScratchMLPRegressor
from skmlp_scratch._estimator import label_targets
from skmlp_scratch.exceptions import FeatureScaleWarning, RareClassWarning

pytestmark = ignore_convergence

OWN_TARGETS = TARGETS | {"two": lambda signal, rng: np.where(signal[:, 0] > 0, 7, -3)}
KINDS = ["strings", "two", "labels", "values", "outputs", "counts"]
kinds = pytest.mark.parametrize("kind", KINDS)
make_estimator = partial(
    estimator_for, hidden_layer_sizes=6, activation="relu", max_iter=8
)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def make_data(kind, seed, n_rows=90):
    """Rows for training, and half as many for validation."""
    X, y = helpers.make_data(kind, seed, n_rows, noise=1.0, targets=OWN_TARGETS)
    n_train = 2 * n_rows // 3
    return X[:n_train], y[:n_train], X[n_train:], y[n_train:]


def mean_loss(estimator, kind, X, y, weights=None):
    if kind in ("values", "outputs"):
        rows = ((estimator.predict(X) - y) ** 2).reshape(len(y), -1).sum(axis=1) / 2
        return np.average(rows, weights=weights)
    if kind == "counts":
        return mean_poisson_deviance(y, estimator.predict(X), sample_weight=weights) / 2
    probabilities = estimator.predict_proba(X)
    if kind == "labels":
        return sum(
            log_loss(y[:, k], probabilities[:, k], sample_weight=weights)
            for k in range(y.shape[1])
        )
    labels = estimator.classes_
    return log_loss(y, probabilities, sample_weight=weights, labels=labels)


# What is recorded


@seeds
@solvers
@kinds
@pytest.mark.parametrize("weighted", [False, True])
def test_last_score_and_loss_are_those_of_the_fitted_estimator(
    weighted, kind, solver, seed
):
    X, y, X_val, y_val = make_data(kind, seed)
    weights = None
    if weighted:
        weights = np.random.default_rng(seed).uniform(0, 3, size=len(X_val))
    estimator = make_estimator(kind, solver=solver, random_state=seed)
    estimator.fit(X, y, X_val=X_val, y_val=y_val, sample_weight_val=weights)
    scores, losses = estimator.validation_scores_, estimator.validation_loss_curve_
    assert len(scores) == len(losses) == len(estimator.loss_curve_) == estimator.n_iter_
    expected = estimator.score(X_val, y_val, weights)
    np.testing.assert_allclose(scores[-1], expected, rtol=1e-10)
    expected = mean_loss(estimator, kind, X_val, y_val, weights)
    np.testing.assert_allclose(losses[-1], expected, rtol=1e-10)
    assert estimator.best_validation_score_ == max(scores)


@solvers
@kinds
def test_being_watched_changes_nothing(kind, solver):
    X, y, X_val, y_val = make_data(kind, 2)
    watched = make_estimator(kind, solver=solver)
    watched.fit(X, y, X_val=X_val, y_val=y_val)
    alone = make_estimator(kind, solver=solver).fit(X, y)
    np.testing.assert_array_equal(numbers(watched), numbers(alone))
    assert watched.loss_curve_ == alone.loss_curve_
    assert watched.best_iter_ == alone.best_iter_
    assert alone.validation_scores_ is None
    assert alone.validation_loss_curve_ is None
    assert alone.best_validation_score_ is None


def test_class_weight_does_not_reach_ones_own_validation_set():
    X, y, X_val, y_val = make_data("strings", 3)
    estimator = make_estimator("strings", class_weight={"a": 20})
    estimator.fit(X, y, X_val=X_val, y_val=y_val)
    score = estimator.score(X_val, y_val)
    assert estimator.validation_scores_[-1] == pytest.approx(score, rel=1e-12)


def test_validation_rows_may_be_sparse_or_a_frame():
    pandas = pytest.importorskip("pandas")
    X, y, X_val, y_val = make_data("strings", 3)
    columns = list("abcd")
    expected = make_estimator("strings").fit(X, y, X_val=X_val, y_val=y_val)
    sparse = make_estimator("strings").fit(
        csr_array(X), y, X_val=csr_array(X_val), y_val=y_val
    )
    frames = [pandas.DataFrame(rows, columns=columns) for rows in (X, X_val)]
    of_frames = make_estimator("strings").fit(
        frames[0], y, X_val=frames[1], y_val=y_val
    )
    for estimator in (sparse, of_frames):
        np.testing.assert_allclose(
            estimator.validation_loss_curve_, expected.validation_loss_curve_, rtol=1e-9
        )


# What it decides


def stops_early(kind, **parameters):
    return make_estimator(
        kind,
        **{
            "hidden_layer_sizes": 40,
            "early_stopping": True,
            "learning_rate_init": 0.05,
            "tol": 0,
            "max_iter": 300,
        }
        | parameters,
    )


BEST = {
    "score": lambda estimator: 1 + int(np.argmax(estimator.validation_scores_)),
    "loss": lambda estimator: 1 + int(np.argmin(estimator.validation_loss_curve_)),
}


@seeds
@pytest.mark.parametrize("monitor", ["score", "loss"])
@pytest.mark.parametrize("own_set", [True, False], ids=["X_val", "split"])
@kinds
def test_early_stopping_keeps_the_weights_of_the_best_epoch(
    kind, own_set, monitor, seed
):
    X, y, X_val, y_val = make_data(kind, seed)
    validation = {"X_val": X_val, "y_val": y_val} if own_set else {}
    estimator = stops_early(kind, monitor=monitor, random_state=seed)
    if kind == "counts":
        estimator.set_params(learning_rate_init=0.01)
    estimator.fit(X, y, **validation)
    assert estimator.best_iter_ == BEST[monitor](estimator)
    assert estimator.best_iter_ < estimator.n_iter_
    assert estimator.best_loss_ is None
    assert estimator.best_validation_score_ == max(estimator.validation_scores_)
    # With a set of one's own, all other rows train.
    n_train = len(X) if own_set else len(X) - 6
    assert estimator.t_ == n_train * estimator.n_iter_
    if own_set:
        best = estimator.best_iter_ - 1
        np.testing.assert_allclose(
            [estimator.score(X_val, y_val), mean_loss(estimator, kind, X_val, y_val)],
            [
                estimator.validation_scores_[best],
                estimator.validation_loss_curve_[best],
            ],
        )
    # The same weights, to the bit, if training ends there.
    up_to_best = clone(estimator).set_params(max_iter=estimator.best_iter_)
    up_to_best.fit(X, y, **validation)
    np.testing.assert_array_equal(numbers(estimator), numbers(up_to_best))
    assert up_to_best.n_iter_ == estimator.best_iter_


@kinds
def test_monitors_differ(kind):
    best_epochs = []
    for seed in range(5):
        X, y, X_val, y_val = make_data(kind, seed)
        fits = [
            stops_early(kind, monitor=monitor, learning_rate_init=0.01)
            .fit(X, y, X_val=X_val, y_val=y_val)
            .best_iter_
            for monitor in ("score", "loss")
        ]
        best_epochs.append(fits)
    by_score, by_loss = np.transpose(best_epochs)
    # R^2 of a single output is a falling function of the squared error.
    assert np.array_equal(by_score, by_loss) == (kind == "values")


@pytest.mark.parametrize("monitor", ["score", "loss"])
def test_the_validation_set_decides(monitor):
    X, y, X_val, y_val = make_data("values", 0)
    estimator = stops_early("values", monitor=monitor)
    estimator.fit(X, y, X_val=X_val, y_val=y_val)
    opposite = clone(estimator).fit(X, y, X_val=X_val, y_val=-y_val)
    # Of a target turned round, every step learns the wrong.
    assert opposite.best_iter_ < estimator.best_iter_


def test_weights_of_validation_rows_decide():
    X, y, X_val, y_val = make_data("values", 1)
    doubled = np.concatenate([X_val, X_val]), np.concatenate([y_val, -y_val])
    first_half = np.repeat([1.0, 0.0], len(X_val))
    estimator = stops_early("values", monitor="loss")
    weighted = clone(estimator).fit(
        X, y, X_val=doubled[0], y_val=doubled[1], sample_weight_val=first_half
    )
    expected = clone(estimator).fit(X, y, X_val=X_val, y_val=y_val)
    unweighted = clone(estimator).fit(X, y, X_val=doubled[0], y_val=doubled[1])
    np.testing.assert_array_equal(numbers(weighted), numbers(expected))
    assert abs(numbers(unweighted) - numbers(expected)).max() > 1e-3


def test_weights_of_training_rows_weigh_the_split_too():
    X, y, *_ = make_data("strings", 4, n_rows=300)
    weights = np.random.default_rng(0).uniform(0.1, 5, size=len(X))
    heavy, plain = (
        stops_early("strings", tol=10, max_iter=3).fit(X, y, sample_weight)
        for sample_weight in (weights, None)
    )
    n_validation = 20
    accuracies = np.array(plain.validation_scores_) * n_validation
    np.testing.assert_allclose(accuracies, accuracies.round(), atol=1e-9)
    accuracies = np.array(heavy.validation_scores_) * n_validation
    assert abs(accuracies - accuracies.round()).max() > 1e-3


def test_lbfgs_has_curves_too():
    X, y, X_val, y_val = make_data("strings", 5)
    estimator = make_estimator("strings", solver="lbfgs", max_iter=25)
    estimator.fit(X, y, X_val=X_val, y_val=y_val)
    assert len(estimator.loss_curve_) == len(estimator.validation_loss_curve_) == 25
    assert (np.diff(estimator.loss_curve_) <= 0).all()
    assert estimator.best_iter_ == 25
    # Each entry belongs to its iteration.
    shorter = clone(estimator).set_params(max_iter=9)
    shorter.fit(X, y, X_val=X_val, y_val=y_val)
    assert shorter.validation_loss_curve_ == estimator.validation_loss_curve_[:9]
    expected = mean_loss(shorter, "strings", X_val, y_val)
    assert estimator.validation_loss_curve_[8] == pytest.approx(expected)


# Through a pipeline


@kinds
def test_a_pipeline_transforms_the_validation_rows(kind):
    X, y, X_val, y_val = make_data(kind, 6)
    X, X_val = X * 50 + 10, X_val * 50 + 10
    estimator = stops_early(kind, max_iter=20)
    scaler = StandardScaler().fit(X)
    expected = clone(estimator).fit(
        scaler.transform(X), y, X_val=scaler.transform(X_val), y_val=y_val
    )
    with sklearn.config_context(enable_metadata_routing=True):
        pipeline = Pipeline(
            [("scale", StandardScaler()), ("network", estimator)],
            transform_input=["X_val"],
        ).fit(X, y, X_val=X_val, y_val=y_val)
    fitted = pipeline["network"]
    np.testing.assert_array_equal(numbers(fitted), numbers(expected))
    assert fitted.validation_scores_ == expected.validation_scores_


@kinds
def test_all_three_are_requested_by_default(kind):
    with sklearn.config_context(enable_metadata_routing=True):
        estimator = make_estimator(kind)
        requests = estimator.get_metadata_routing().fit.requests
        for name in ("X_val", "y_val", "sample_weight_val"):
            assert requests[name] is True
        assert requests["sample_weight"] is None
        # Whoever wants something else says so, as before.
        estimator.set_fit_request(X_val=False, sample_weight=True)
        requests = estimator.get_metadata_routing().fit.requests
        assert [requests[name] for name in ("X_val", "sample_weight")] == [False, True]


@kinds
def test_a_search_over_a_pipeline_hands_them_on(kind):
    X, y, X_val, y_val = make_data(kind, 6)
    X, X_val = X * 50 + 10, X_val * 50 + 10
    weights = np.random.default_rng(0).uniform(0, 2, size=len(y_val))
    folds = list(KFold(2).split(X))
    with sklearn.config_context(enable_metadata_routing=True):
        steps = [("scale", StandardScaler()), ("network", stops_early(kind))]
        search = GridSearchCV(
            Pipeline(steps, transform_input=["X_val"]),
            {"network__alpha": [0.1, 1.0]},
            cv=folds,
            error_score="raise",
        )
        search.fit(X, y, X_val=X_val, y_val=y_val, sample_weight_val=weights)
    scaler = StandardScaler().fit(X)
    expected = stops_early(kind, alpha=search.best_params_["network__alpha"])
    expected.fit(
        scaler.transform(X),
        y,
        X_val=scaler.transform(X_val),
        y_val=y_val,
        sample_weight_val=weights,
    )
    fitted = search.best_estimator_["network"]
    np.testing.assert_array_equal(numbers(fitted), numbers(expected))
    assert fitted.validation_scores_ == expected.validation_scores_


@kinds
def test_without_routing_a_pipeline_hands_them_on_untouched(kind):
    X, y, X_val, y_val = make_data(kind, 6)
    pipeline = Pipeline([("scale", StandardScaler()), ("network", stops_early(kind))])
    pipeline.fit(X, y, network__X_val=X_val, network__y_val=y_val)
    expected = stops_early(kind).fit(
        StandardScaler().fit_transform(X), y, X_val=X_val, y_val=y_val
    )
    scores = pipeline["network"].validation_scores_
    assert scores == expected.validation_scores_


# On another scale

TABLES = [load_iris, load_wine, load_breast_cancer, load_digits, load_diabetes]
UNSCALED = [load_wine, load_breast_cancer, load_digits]


def scale_messages(X, X_val, **keywords):
    """Return the warnings of a fit about the scale of features."""
    estimator = quick(ScratchMLPRegressor, hidden_layer_sizes=3, max_iter=1)
    rows = np.arange(X.shape[0]) % 5 - 2.0, np.arange(X_val.shape[0]) % 5 - 2.0
    parts = {"X_val": X_val, "y_val": rows[1]} | keywords
    messages = messages_of(FeatureScaleWarning, estimator.fit, X, rows[0], **parts)
    return [message for message in messages if "X_val" in message]


@pytest.mark.parametrize("load", TABLES)
@pytest.mark.parametrize("scaler", [None, StandardScaler(), MinMaxScaler()], ids=str)
@pytest.mark.parametrize("n_val", [1, 3, 1000])
def test_nothing_is_said_about_rows_on_one_scale(n_val, scaler, load, rng):
    X = rng.permutation(load().data[:1500])
    X, X_val = np.split(X, [-(len(X) // 4)])
    X_val = X_val[:n_val]
    if scaler:
        X, X_val = scaler.fit(X).transform(X), scaler.transform(X_val)
    assert scale_messages(X, X_val) == []


@pytest.mark.parametrize("load", UNSCALED)
@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler()], ids=str)
@pytest.mark.parametrize("n_val", [2, 1000])
def test_rows_that_were_not_scaled_are_noticed(n_val, scaler, load, rng):
    X, X_val = np.split(rng.permutation(load().data), [-100])
    (message,) = scale_messages(scaler.fit_transform(X), X_val[:n_val])
    assert re.match(r"Feature \d+ goes from -?\d.* to \d.* in X, and is about", message)
    assert 'Pipeline(..., transform_input=["X_val"])' in message


def test_the_feature_that_is_farthest_off_is_named(rng):
    pandas = pytest.importorskip("pandas", reason="needs pandas")
    X, X_val = rng.uniform(size=(200, 3)), rng.uniform(size=(50, 3))
    X_val += [5, -70, 0]
    (message,) = scale_messages(X, X_val)
    assert message.startswith("Feature 1 goes from 0.0")
    assert "and is about -69." in message
    names = ["a", "b", "c"]
    frames = (pandas.DataFrame(part, columns=names) for part in (X, X_val))
    (message,) = scale_messages(*frames)
    assert message.startswith("Feature 1 (b) goes")


def test_where_the_border_is(rng):
    X = np.linspace(0, 2, 100)[:, np.newaxis]
    # Three ranges above the largest value: 2 + 3 * 2.
    for value, n in [(7.9, 0), (8.1, 1), (-5.9, 0), (-6.1, 1)]:
        assert len(scale_messages(X, np.full((3, 1), value))) == n
    # Half of the rows are not most of them.
    assert scale_messages(X, np.array([[1.0], [1.0], [9.0], [9.0]])) == []
    assert len(scale_messages(X, np.array([[1.0], [9.0], [9.0]]))) == 1
    # One feature in a hundred may be anything.
    X, X_val = rng.uniform(size=(50, 100)), rng.uniform(size=(20, 100))
    X_val[:, 3] += 50
    assert scale_messages(X, X_val) == []
    X_val[:, 7] += 50
    assert len(scale_messages(X, X_val)) == 1


def test_what_is_no_other_scale(rng):
    # Outliers, features that are constant or rare, and pixels that would wrap around.
    X, X_val = rng.normal(size=(300, 4)), rng.normal(size=(60, 4))
    X_val[:29] = 1e9
    assert scale_messages(X, X_val) == []
    X[:, 1] = 0
    assert scale_messages(X, X_val) == []
    rare = (rng.random((300, 50)) < 0.01).astype(float)
    assert scale_messages(rare, np.ones((3, 50))) == []
    pixels = rng.integers(0, 256, size=(300, 9)).astype(np.uint8)
    assert scale_messages(pixels[:200], pixels[200:]) == []
    assert scale_messages(csr_array(X), csr_array(1e6 + X_val)) == []
    # Too few rows to know the scale of.
    assert scale_messages(X[:19], 1e6 + X_val) == []
    assert len(scale_messages(X[:20], 1e6 + X_val)) == 1
    assert scale_messages(X, 1e6 + X_val[:1]) == []
    assert len(scale_messages(X, 1e6 + X_val[:2])) == 1


def test_rows_set_aside_have_the_scale_of_the_others(rng):
    X = np.concatenate([rng.normal(size=(80, 2)), rng.normal(1e6, 1, size=(20, 2))])
    estimator = quick(ScratchMLPRegressor, early_stopping=True, validation_fraction=0.5)
    found = messages_of(FeatureScaleWarning, estimator.fit, X, rng.normal(size=100))
    assert not [message for message in found if "X_val" in message]


# The rows set aside


def rare_class_data(labels, n_rows=500, n_rare=10):
    rng = np.random.default_rng(0)
    y = rng.integers(3, size=n_rows)
    y[rng.permutation(n_rows)[:n_rare]] = 3
    return rng.normal(size=(n_rows, 2)), np.array(labels)[y]


LABELS = ["common", "frequent", "usual", "rare"]


def test_a_class_of_two_percent_is_always_validated(monkeypatch):
    # No text: in scikit-learn 1.6 MLPClassifier cannot stop early on it.
    X, y = rare_class_data(range(4))
    ours, theirs = [], []

    def recorded_split(*arguments):
        rows = stratified_split(*arguments)
        ours.append(set(y[rows[1]]))
        return rows

    def recorded_train_test_split(*arguments, **keywords):
        parts = train_test_split(*arguments, **keywords)
        theirs.append(parts[3].any(axis=0).sum())
        return parts

    stratified_split = label_targets.stratified_split
    train_test_split = _multilayer_perceptron.train_test_split
    monkeypatch.setattr(label_targets, "stratified_split", recorded_split)
    monkeypatch.setattr(
        _multilayer_perceptron, "train_test_split", recorded_train_test_split
    )
    for seed in range(50):
        parameters = {
            "hidden_layer_sizes": 1,
            "early_stopping": True,
            "max_iter": 1,
            "random_state": seed,
        }
        ScratchMLPClassifier(activation="tanh", **parameters).fit(X, y)
        MLPClassifier(**parameters).fit(X, y)
    assert len(ours) == len(theirs) == 50
    assert ours == [{0, 1, 2, 3}] * 50
    # MLPClassifier does not stratify if there are more than two classes.
    assert theirs.count(3) > 5


def rare_class_warnings(X, y, **fit_parameters):
    estimator = ScratchMLPClassifier(
        4, activation="tanh", early_stopping=True, max_iter=2, random_state=0
    )
    return messages_of(RareClassWarning, estimator.fit, X, y, **fit_parameters)


@pytest.mark.parametrize(
    ("labels", "name"), [(LABELS, "'rare'"), ([3, 1, 4, 59], "59")], ids=str
)
def test_a_class_too_rare_to_split_is_named(labels, name):
    (message,) = rare_class_warnings(*rare_class_data(labels, 100, n_rare=1))
    start = (
        f"Too few rows to have one for validation: {name}. These classes are kept in"
    )
    assert message.startswith(start)
    assert "validation_fraction" in message
    assert "X_val" in message


def test_two_classes_too_rare_are_both_named():
    X, y = rare_class_data(LABELS, 100, n_rare=2)
    y[np.flatnonzero(y == "rare")[0]] = "unique"
    (message,) = rare_class_warnings(X, y)
    assert "'rare', 'unique'. " in message


def test_no_such_warning_where_no_class_is_missing():
    X, y = rare_class_data(LABELS)
    assert rare_class_warnings(X, y) == []
    X, y = rare_class_data(LABELS, 100, n_rare=1)
    assert rare_class_warnings(X, y, X_val=X, y_val=y) == []
    everyday, names = load_digits(return_X_y=True)
    assert rare_class_warnings(everyday[:300], names[:300]) == []


# Errors


def failing_fit(kind, message, **validation):
    X, y, *_ = make_data(kind, 7)
    raises_and_changes_nothing(make_estimator(kind), message, "fit", X, y, **validation)


@kinds
def test_parts_of_a_validation_set(kind):
    _, _, X_val, y_val = make_data(kind, 7)
    together = "^X_val and y_val must be passed together"
    failing_fit(kind, together, X_val=X_val)
    failing_fit(kind, together, y_val=y_val)
    failing_fit(kind, together, sample_weight_val=np.ones(len(X_val)))
    failing_fit(kind, together, X_val=X_val.tolist())
    failing_fit(kind, together, y_val=y_val, sample_weight_val=np.ones(len(X_val)))


@kinds
def test_validation_rows_of_another_shape(kind):
    _, _, X_val, y_val = make_data(kind, 7)
    failing_fit(kind, "has 3 features.*expecting 4", X_val=X_val[:, :3], y_val=y_val)
    failing_fit(kind, "inconsistent numbers of samples", X_val=X_val[1:], y_val=y_val)
    weights = np.ones(len(X_val) - 1)
    failing_fit(
        kind,
        r"sample_weight\w* must have shape \(30,\), got \(29,\)",
        X_val=X_val,
        y_val=y_val,
        sample_weight_val=weights,
    )
    X_val[3, 1] = np.nan
    failing_fit(kind, "contains NaN", X_val=X_val, y_val=y_val)


@pytest.mark.parametrize(
    ("kind", "label"), [("strings", "zebra"), ("strings", "Aa"), ("two", 0)]
)
def test_an_unknown_validation_label_is_named(kind, label):
    _, _, X_val, y_val = make_data(kind, 7)
    y_val = y_val.astype(object if isinstance(label, str) else int)
    y_val[[4, 9]] = label
    message = rf"^y_val has labels that are not among the classes .*: .*\b{label}\b"
    failing_fit(kind, message, X_val=X_val, y_val=y_val)


@pytest.mark.parametrize("kind", ["strings", "labels", "values", "outputs"])
def test_validation_targets_of_another_kind_are_named(kind):
    _, _, X_val, _ = make_data(kind, 7)
    for other in {"strings", "labels", "values", "outputs"} - {kind}:
        is_classifier = kind in ("strings", "labels")
        if is_classifier != (other in ("strings", "labels")):
            continue
        y_val = make_data(other, 7)[3]
        failing_fit(kind, "y_val", X_val=X_val, y_val=y_val)
    if kind == "labels":
        y_val = make_data("labels", 7)[3][:, :2]
        failing_fit(kind, "y_val", X_val=X_val, y_val=y_val)


def test_poisson_needs_validation_targets_of_at_least_zero():
    _, _, X_val, y_val = make_data("counts", 7)
    failing_fit("counts", "y_val", X_val=X_val, y_val=y_val - 1)
