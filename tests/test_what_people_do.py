"""What people do with an estimator: subclass it, watch it, interrupt it, share it."""

import copy
import pickle
import sys
import threading
import timeit
from functools import partial

import helpers
import numpy as np
import pytest
from helpers import (
    both,
    ignore,
    ignore_convergence,
    interrupted,
    numbers,
    recorded,
    scaled_iris,
    warnings_as,
)
from sklearn.base import clone, is_classifier
from sklearn.datasets import make_friedman1
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import scale

from skmlp_scratch import ScratchMLPClassifier, ScratchMLPRegressor
from skmlp_scratch._estimator.progress import Progress
from skmlp_scratch.exceptions import (
    ConstantPredictionWarning,
    IgnoredParameterWarning,
    InvalidParameterError,
)
from skmlp_scratch.nn import training
from skmlp_scratch.nn.validation import Validation

quick = partial(helpers.quick, hidden_layer_sizes=(8,), max_iter=3)

pytestmark = ignore_convergence
X, y = scaled_iris()


# D.1: subclasses with a constructor of their own


class Deep(ScratchMLPClassifier):
    def __init__(self, width=10, depth=1):
        super().__init__((width,) * depth, max_iter=3, random_state=0)
        self.width, self.depth = width, depth


class DeepRegressor(ScratchMLPRegressor):
    def __init__(self, *, width=10, learning_rate_init=0.01):
        super().__init__(
            hidden_layer_sizes=(width,),
            learning_rate_init=learning_rate_init,
            max_iter=3,
            random_state=0,
        )
        self.width = width


class Computed(ScratchMLPClassifier):
    """The usual way to search over widths: other parameters follow from ours."""

    def __init__(self, width=10, depth=1):
        self.width, self.depth = width, depth
        super().__init__(max_iter=3, random_state=0)

    @property
    def hidden_layer_sizes(self):
        return (self.width,) * self.depth

    @hidden_layer_sizes.setter
    def hidden_layer_sizes(self, value):
        pass


class Settled(ScratchMLPClassifier):
    """A subclass of a subclass, without parameters."""

    def __init__(self):
        super().__init__(hidden_layer_sizes=(4, 4), max_iter=3, random_state=0)


class Renamed(Deep):
    """A subclass without a constructor."""


SUBCLASSES = {
    Deep: ScratchMLPClassifier((10,), max_iter=3, random_state=0),
    DeepRegressor: ScratchMLPRegressor(
        hidden_layer_sizes=(10,), learning_rate_init=0.01, max_iter=3, random_state=0
    ),
    Computed: ScratchMLPClassifier((10,), max_iter=3, random_state=0),
    Settled: ScratchMLPClassifier((4, 4), max_iter=3, random_state=0),
    Renamed: ScratchMLPClassifier((10,), max_iter=3, random_state=0),
}


@pytest.mark.parametrize("subclass", SUBCLASSES)
def test_a_subclass_has_a_constructor_of_its_own(subclass):
    expected = clone(SUBCLASSES[subclass]).fit(X, y)
    estimator = clone(subclass()).fit(X, y)
    np.testing.assert_array_equal(numbers(estimator), numbers(expected))
    for copied in (copy.deepcopy(estimator), pickle.loads(pickle.dumps(estimator))):
        np.testing.assert_array_equal(copied.predict(X), expected.predict(X))
    classes = {"classes": [0, 1, 2]} if hasattr(estimator, "classes_") else {}
    assert subclass().partial_fit(X, y, **classes).t_ == 150
    theirs = estimator.to_sklearn()
    np.testing.assert_allclose(theirs.predict(X), expected.predict(X), rtol=1e-6)
    back = subclass.from_sklearn(theirs)
    np.testing.assert_allclose(back.predict(X), expected.predict(X), rtol=1e-6)


def test_searching_over_the_parameters_of_a_subclass():
    search = GridSearchCV(Computed(), {"width": [2, 6], "depth": [1, 2]}, cv=2)
    search.set_params(error_score="raise").fit(X, y)
    best = search.best_estimator_
    assert [len(b) for b in best.intercepts_[:-1]] == [best.width] * best.depth


def test_our_parameters_are_checked_in_a_subclass_too():
    estimator = Deep().set_params(width=5)
    estimator.hidden_layer_sizes = (5, 0)
    with pytest.raises(InvalidParameterError, match="hidden_layer_sizes must be"):
        estimator.fit(X, y)
    estimator.hidden_layer_sizes, estimator.momentum = (5,), 0.1
    with pytest.warns(IgnoredParameterWarning, match=r"momentum=0\.1 needs"):
        estimator.fit(X, y)


# D.2: code without a module


@both
@pytest.mark.parametrize("names", [{}, {"__name__": "x"}, {"__name__": 3}], ids=str)
def test_code_that_is_executed(names, estimator_class):
    namespace = dict(names) | {
        "e": quick(estimator_class, momentum=0.1),
        "X": X,
        "y": y,
    }
    with pytest.warns(IgnoredParameterWarning):
        exec("e.fit(X, y)", namespace)
    with pytest.warns(IgnoredParameterWarning):
        eval("e.fit(X, y)", namespace)
    with pytest.warns(IgnoredParameterWarning):
        timeit.timeit("e.fit(X, y)", number=1, globals=namespace)
    assert hasattr(namespace["e"], "coefs_")


def test_a_warning_from_a_thread():
    caught = []

    def target():
        # Called here, so that this file is the caller.
        estimator = quick(ScratchMLPClassifier, momentum=0.1)
        caught.extend(recorded(lambda: estimator.fit(X, y)))

    thread = threading.Thread(target=target)
    thread.start()
    thread.join()
    assert any(w.category is IgnoredParameterWarning for w in caught)
    assert {w.filename for w in caught} == {__file__}


# D.3: the model is kept before anything is reported


def rare(labels):
    return np.where(np.arange(len(labels)) == 7, 99, labels)


REPORTED = {
    "epochs run out": ({}, X, y),
    "batch size": ({"batch_size": 151}, X, y),
    "ignored parameter": ({"momentum": 0.1}, X, y),
    "scales": ({}, X * [1, 1e4, 1, 1], y),
    "offset": ({}, X + 1000, y),
    "rare class": ({"early_stopping": True}, X, rare(y)),
    "constant": ({}, np.ones_like(X), y),
    "column": ({}, X, y.reshape(-1, 1)),
}


@pytest.mark.parametrize("what", REPORTED)
def test_a_warning_made_an_error_leaves_the_new_model(what):
    parameters, rows, labels = REPORTED[what]
    quietly = quick(ScratchMLPClassifier, **parameters)
    with warnings_as("ignore"):
        quietly.fit(rows, labels)
    estimator = quick(ScratchMLPClassifier, **parameters)
    with warnings_as("error"), pytest.raises(Warning):
        estimator.fit(rows, labels)
    np.testing.assert_array_equal(numbers(estimator), numbers(quietly))
    assert estimator.loss_curve_ == quietly.loss_curve_
    assert sorted(vars(estimator)) == sorted(vars(quietly))


@both
def test_targets_of_another_scale_made_an_error(estimator_class):
    reg = quick(ScratchMLPRegressor)
    message = "TransformedTargetRegressor"
    with warnings_as("error"), pytest.raises(Warning, match=message):
        reg.fit(X, y * 1e6)
    assert reg.predict(X).shape == (150,)


# D.7: where the score means nothing


UNDEFINED = {
    "one row": (X[:1], y[:1], None),
    "constant targets": (X[:40], np.full(40, 2.0), None),
    "one row of weight": (X[:3], y[[0, 60, 120]], [0, 1, 0]),
    "constant where it counts": (X[:4], [1, 1, 1, 5], [1, 1, 1, 0]),
}


@pytest.mark.parametrize("case", UNDEFINED)
def test_early_stopping_watches_the_loss_where_the_score_means_nothing(case):
    rows, targets, weights = UNDEFINED[case]
    val = {"X_val": rows, "y_val": targets, "sample_weight_val": weights}
    reg = quick(ScratchMLPRegressor, early_stopping=True, max_iter=60)
    with pytest.warns(
        ConvergenceWarning, match="it needs two rows with different targets"
    ):
        reg.fit(X, y, **val)
    by_loss = clone(reg).set_params(monitor="loss").fit(X, y, **val)
    np.testing.assert_array_equal(numbers(reg), numbers(by_loss))
    assert reg.best_iter_ == 1 + np.argmin(reg.validation_loss_curve_)
    assert len(reg.validation_scores_) == reg.n_iter_


@pytest.mark.parametrize("n_rows", [1, 3])
def test_nor_does_the_accuracy_of_one_class(n_rows):
    val = {"X_val": X[:n_rows], "y_val": y[:n_rows]}
    clf = quick(ScratchMLPClassifier, early_stopping=True, max_iter=40)
    with pytest.warns(ConvergenceWarning, match="watches the validation loss instead"):
        clf.fit(X, y, **val)
    by_loss = clone(clf).set_params(monitor="loss").fit(X, y, **val)
    np.testing.assert_array_equal(numbers(clf), numbers(by_loss))


def test_a_set_aside_that_is_constant():
    counts = np.zeros(200)
    counts[:3] = 1  # most of 20 rows drawn have none of these
    rows = np.random.default_rng(0).normal(size=(200, 2))
    reg = quick(ScratchMLPRegressor, early_stopping=True, max_iter=40)
    with pytest.warns(ConvergenceWarning, match="watches the validation loss instead"):
        reg.fit(rows, counts)


def test_several_outputs_of_which_one_varies_have_a_score():
    targets = np.column_stack([y, np.ones(150)])
    reg = quick(ScratchMLPRegressor, early_stopping=True, max_iter=5)
    reg.fit(X, targets, X_val=X, y_val=targets)
    assert np.isfinite(reg.validation_scores_).all()


# D.10: one model at a time


# What scikit-learn 1.9 adds to an estimator while it is fitted.
OF_CALLBACKS = {"_callback_fit_ctx", "_skl_callbacks_to_teardown"}


@both
def test_nothing_changes_until_the_fit_is_complete(estimator_class):
    estimator = quick(estimator_class).fit(X, y)
    before = dict(vars(estimator))
    seen = []

    def look(history):
        seen.append({k: vars(estimator)[k] is v for k, v in before.items()})
        added = vars(estimator).keys() - before.keys()
        assert added <= OF_CALLBACKS

    estimator.set_params(verbose=True, hidden_layer_sizes=(5,))
    before = dict(vars(estimator))
    original = Progress.print_epoch
    try:
        Progress.print_epoch = lambda self, history: look(history)
        estimator.fit(X[:, :2], y + 5)
    finally:
        Progress.print_epoch = original
    assert len(seen) == 3
    assert all(all(same.values()) for same in seen)
    assert estimator.coefs_[0].shape == (2, 5)


@both
def test_a_fit_leaves_the_attributes_that_others_read(estimator_class):
    # A prediction reads the dict of attributes that was there when it began.
    estimator = quick(estimator_class).fit(X, y)
    being_read, as_it_was = vars(estimator), dict(vars(estimator))
    estimator.fit(X[:, :2], y + 5)
    assert all(being_read[name] is value for name, value in as_it_was.items())
    assert being_read.keys() - as_it_was.keys() <= OF_CALLBACKS
    assert vars(estimator).keys() == as_it_was.keys()
    assert estimator.n_features_in_ == 2


@both
def test_predicting_while_another_thread_refits(estimator_class):
    few, many = (y > 0).astype(int), np.arange(150) % 7
    estimator = quick(estimator_class, max_iter=2).fit(X, few)
    labels = set(many.tolist())
    stop, problems = threading.Event(), []

    def predict():
        while not stop.is_set():
            try:
                predictions = estimator.predict(X)
            except (IndexError, ValueError) as error:
                problems.append(error)
                return
            if is_classifier(estimator) and not labels.issuperset(predictions.tolist()):
                problems.append(predictions)

    threads = [threading.Thread(target=predict) for _ in range(2)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for number in range(40):
            estimator.set_params(hidden_layer_sizes=(3 + number % 5,))
            estimator.fit(X, (few, many)[number % 2])
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        sys.setswitchinterval(interval)
    assert problems == []


@both
def test_parameters_set_during_a_fit_stay(estimator_class):
    estimator = quick(estimator_class, verbose=True)
    original = Progress.print_epoch
    try:
        Progress.print_epoch = lambda self, history: estimator.set_params(tol=0.5)
        estimator.fit(X, y)
    finally:
        Progress.print_epoch = original
    assert estimator.tol == 0.5
    assert estimator.n_iter_ == 3


@both
def test_an_interrupt_during_validation_leaves_whole_epochs(
    estimator_class, monkeypatch
):
    estimator = quick(estimator_class, max_iter=20, early_stopping=True)
    measure, calls = Validation.measure, []

    def interrupted(*arguments):
        calls.append(None)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return measure(*arguments)

    monkeypatch.setattr(Validation, "measure", interrupted)
    with pytest.warns(UserWarning, match="interrupted by user after 3 epochs"):
        estimator.fit(X, y)
    lengths = {
        len(estimator.loss_curve_),
        len(estimator.validation_scores_),
        len(estimator.validation_loss_curve_),
        estimator.n_iter_,
    }
    assert lengths == {3}


# D.11: an interrupt before the first epoch ended


@both
@pytest.mark.parametrize("warm_start", [False, True])
def test_an_interrupt_before_the_first_epoch_ended_says_so(
    warm_start, estimator_class, monkeypatch
):
    estimator = quick(estimator_class, warm_start=warm_start).fit(X, y)

    monkeypatch.setattr(training, "train_epoch", interrupted)
    what = "hardly changed since the last fit" if warm_start else "untrained"
    with pytest.warns(
        UserWarning, match=f"before the first epoch ended.*{what}"
    ) as seen:
        estimator.fit(X, y)
    assert not any("can be used as it is" in str(w.message) for w in seen)


# Other classes


@pytest.mark.parametrize(
    "labels",
    [y + 1, np.minimum(y, 1), y.astype(str)],
    ids=["others", "fewer", "text"],
)
def test_warm_start_with_other_classes_in_scikit_learns_words(labels):
    messages = []
    for estimator_class in (ScratchMLPClassifier, MLPClassifier):
        estimator = estimator_class((8,), max_iter=2, warm_start=True).fit(X, y)
        with pytest.raises(ValueError, match="warm_start can only be used") as error:
            estimator.fit(X, labels)
        messages.append(str(error.value))
    assert messages[0] == messages[1]


# No model of no use without a word


def test_a_network_that_never_learns_is_named():
    X_friedman, target = make_friedman1(300, random_state=0)
    for estimator in (
        quick(ScratchMLPClassifier, learning_rate_init=1e-8, max_iter=100),
        quick(ScratchMLPRegressor, learning_rate_init=1e-8, max_iter=100),
    ):
        targets = (
            (target > target.mean()) if "Class" in type(estimator).__name__ else target
        )
        with pytest.warns(
            ConstantPredictionWarning, match="Raise or lower learning_rate"
        ):
            estimator.fit(scale(X_friedman), targets)


@ignore("FeatureScaleWarning")
def test_a_healthy_fold_is_scored_as_it_is():
    X_friedman, target = make_friedman1(300, random_state=0)
    X_friedman = scale(X_friedman)
    X_friedman[5, 3] = 99999
    scores = cross_val_score(
        ScratchMLPRegressor(max_iter=30, random_state=0),
        X_friedman,
        scale(target),
        cv=5,
        error_score="raise",
    )
    assert np.isfinite(scores).all()
