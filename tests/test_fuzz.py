"""Whatever is passed, in whatever order: it works, or one of our errors says why not.

A short run is part of the tests; CONTRIBUTING.md has the command for a long one.
"""

import copy
import dis
import itertools
import re
import warnings
from functools import partial
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
import sklearn
from helpers import pickled
from hypothesis import given, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule
from sklearn.base import clone
from sklearn.exceptions import (
    ConvergenceWarning,
    DataConversionWarning,
    NotFittedError,
)
from sklearn.utils import check_scalar
from strategies import BAD, PARAMETER_NAMES, TINY, features, fits, parameters, weights

import skmlp_scratch
from skmlp_scratch import ScratchMLPClassifier, ScratchMLPRegressor, exceptions
from skmlp_scratch.exceptions import (
    DataTypeError,
    DivergenceError,
    InvalidParameterError,
)

# Not their subclasses, which NumPy and SciPy have some of.
ERRORS = (
    *(ValueError, TypeError, NotFittedError),
    *(InvalidParameterError, DivergenceError, DataTypeError),
)
SOURCES = tuple(str(Path(p.__file__).parent) for p in (skmlp_scratch, sklearn))
SUBJECTS = {
    *("X", "y", "array", "class", "classes", "feature", "features", "samples", "data"),
    *("sample_weight", "X_val", "y_val", "sample_weight_val", "fitted", "diverged"),
    *(name for names in PARAMETER_NAMES.values() for name in names),
}
# What NumPy, SciPy and Python say among themselves.
INTERNAL = re.compile(
    r"truth value|ufunc|broadcast|unhashable|not subscriptable|has no attribute|"
    r"unsupported operand|not supported between|setting an array element|"
    r"out of bounds|zero-size|could not be promoted|has no len|sparse array length|"
    r"could not convert string|argument must be|cannot interpret|is not iterable"
)
OUR_WARNINGS = tuple(
    warning
    for warning in vars(exceptions).values()
    if isinstance(warning, type)
    and issubclass(warning, UserWarning)
    and warning.__module__ == exceptions.__name__
)
WARNINGS = (*OUR_WARNINGS, ConvergenceWarning, DataConversionWarning)
PLAIN_WARNINGS = re.compile(
    r"batch_size=\S+ is larger than the|does not have valid feature names|"
    r"was fitted without feature names|unique classes is greater than 50%|"
    r"The score of the validation rows means nothing"
)
PARTIAL_FIT = re.compile(r"^partial_fit (is only available|does not support) ")


def is_raised_on_purpose(error):
    """Whether a ``raise`` of this package or of scikit-learn is where it comes from."""
    end = error.__traceback__
    while end.tb_next:
        end = end.tb_next
    code = end.tb_frame.f_code
    instructions = {i.offset: i.opname for i in dis.get_instructions(code)}
    return (
        code.co_filename.startswith(SOURCES)
        and instructions[end.tb_lasti] == "RAISE_VARARGS"
    )


def complaint_about(error):
    """Return what is wrong with an error; nothing if it is documented and helps."""
    message = str(error)
    # available_if puts an AttributeError around ours.
    if type(error) is AttributeError and PARTIAL_FIT.search(str(error.__cause__)):
        return ""
    if type(error) not in ERRORS:
        return "undocumented"
    if not is_raised_on_purpose(error):
        return "raised by no check"
    # Of those two classes all messages are ours, and may quote.
    ours = isinstance(error, InvalidParameterError | DataTypeError)
    if INTERNAL.search(message) and not ours:
        return "speaks of internal things"
    if not SUBJECTS & set(re.findall(r"\w+", message)):
        return "names nothing"
    return ""


def check_warning(warning):
    message = str(warning.message)
    assert issubclass(warning.category, WARNINGS) or (
        warning.category is UserWarning and PLAIN_WARNINGS.search(message)
    ), f"{warning.category.__name__}: {message} ({warning.filename}:{warning.lineno})"


def fingerprint(argument):
    """Return a value that changes with any byte or flag of an argument."""
    # Containers are taken apart: what they cache, pandas and SciPy too, may change.
    if isinstance(argument, pd.DataFrame | pl.DataFrame):
        return [(name, fingerprint(argument[name])) for name in argument.columns]
    if isinstance(argument, pd.Series | pl.Series):
        argument = (argument.to_list(), str(argument.dtype), argument.name)
    elif scipy.sparse.issparse(argument):
        arrays = [v for v in vars(argument).values() if isinstance(v, np.ndarray)]
        return [argument.shape, *map(fingerprint, arrays)]
    return joblib.hash(argument), str(getattr(argument, "flags", ""))


def attempt(action, *arguments, **keywords):
    """Return the result of a call, or its error, which must be one that is documented.

    Its warnings must be documented, too, and its arguments stay as they are.
    """
    given_ = [*arguments, *keywords.values()]
    before = [fingerprint(argument) for argument in given_]
    result = error = None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = action(*arguments, **keywords)
        except Exception as caught_error:  # noqa: BLE001  what it is, is asked below
            error = caught_error
    assert [fingerprint(argument) for argument in given_] == before, "changed"
    for warning in caught:
        check_warning(warning)
    if error is not None:
        complaint = complaint_about(error)
        if complaint:
            raise AssertionError(f"{complaint}: {error!r}") from error
    return result, error


@pytest.mark.parametrize(
    ("action", "complaint"),
    [
        (lambda X: {}["X"], "undocumented: KeyError"),
        (lambda X: X.nothing, "undocumented: AttributeError"),
        (lambda X: X + np.array("X"), "undocumented: UFuncTypeError"),
        (lambda X: X + np.zeros(7), "raised by no check: ValueError"),
        (lambda X: float("X"), "raised by no check: .*float: 'X'"),
        (lambda X: check_scalar(X[0], "it", float, min_val=1), "names nothing"),
        (lambda X: X / 0, "RuntimeWarning: divide by zero"),
        (lambda X: warnings.warn("X", FutureWarning, stacklevel=2), "FutureWarning: X"),
        (lambda X: X.sort(), "changed"),
        (lambda X: X.setflags(write=False), "changed"),
    ],
    ids=itertools.count(),
)
def test_faults_are_noticed(action, complaint):
    with pytest.raises(AssertionError, match=complaint):
        attempt(action, np.array([0.5, -1.0]))


def test_documented_errors_pass():
    assert attempt(lambda X: X.sum(), np.ones(2)) == (2, None)
    model = ScratchMLPClassifier(alpha=-1, early_stopping=True)
    for action, error_class in [
        (model.predict, NotFittedError),
        (lambda X: model.fit(X, [0, 1]), InvalidParameterError),
        (lambda X: ScratchMLPClassifier().fit(X, [0]), ValueError),
        (lambda X: model.partial_fit(X, [0, 1]), AttributeError),
    ]:
        _, error = attempt(action, np.eye(2))
        assert type(error) is error_class


def attempt_predictions(model, X, like_training=True):
    """Check everything that a fitted model predicts; return it, or None if refused.

    Rows that are far from those of training may be predicted to be infinite.
    """
    predictions, error = attempt(model.predict, X)
    if error:
        return None
    predicted = [predictions]
    if isinstance(model, ScratchMLPClassifier):
        check_labels(model, predictions)
        predicted += check_probabilities(model, X, predictions)
    else:
        n_outputs = model.n_outputs_
        assert predictions.shape[1:] == ((n_outputs,) if n_outputs > 1 else ())
        assert not np.isnan(predictions).any()
        assert np.isfinite(predictions).all() or not like_training
    return [array.tobytes() for array in predicted if array.dtype != object]


def is_multilabel(model):
    return model.out_activation_ == "logistic"


def check_labels(model, predictions):
    if is_multilabel(model):
        assert predictions.shape[1] == model.n_outputs_
        assert np.isin(predictions, (0, 1)).all()
    else:
        assert predictions.ndim == 1
        assert set(predictions.tolist()) <= set(model.classes_.tolist())


def check_probabilities(model, X, predictions):
    """Check what belongs to predicted labels; return it."""
    (proba, _), (log_proba, _), (scores, _) = (
        attempt(getattr(model, method), X)
        for method in ("predict_proba", "predict_log_proba", "decision_function")
    )
    assert proba.shape == log_proba.shape == (len(predictions), model.n_outputs_)
    assert (proba > 0).all()
    assert (proba <= 1).all()
    assert np.isfinite(scores).all()
    assert np.isfinite(log_proba).all()
    assert (log_proba <= 0).all()
    if not is_multilabel(model):
        np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-5)
        best = proba[np.arange(len(proba)), proba.argmax(axis=1)]
        chosen = np.searchsorted(model.classes_, predictions)
        np.testing.assert_array_equal(proba[np.arange(len(proba)), chosen], best)
    return [proba, log_proba, scores]


def bits(model):
    """Return the numbers of a fitted model, to be compared to the bit."""
    if not hasattr(model, "coefs_"):
        return None
    arrays = [*model.coefs_, *model.intercepts_, np.array(model.loss_curve_)]
    return [array.tobytes() for array in arrays], model.n_iter_, model.t_


def check_fit(estimator_class, case):
    model = estimator_class(**case.parameters)
    arguments = (case.X, case.y, case.sample_weight)
    fitted, error = attempt(model.fit, *arguments, **case.validation)
    if error:
        note(f"Refused: {error}")
        assert not [name for name in vars(model) if name.endswith("_")]
        return
    assert fitted is model
    again, _ = attempt(clone(model).fit, *arguments, **case.validation)
    assert bits(again) == bits(model)
    before = joblib.hash(vars(model))
    assert attempt_predictions(model, case.X) == attempt_predictions(again, case.X)
    attempt_predictions(model, case.X_new, like_training=False)
    assert joblib.hash(vars(model)) == before, "prediction changed the model"


@given(fits(ScratchMLPClassifier))
def test_fit_of_a_classifier(case):
    check_fit(ScratchMLPClassifier, case)


@given(fits(ScratchMLPRegressor))
def test_fit_of_a_regressor(case):
    check_fit(ScratchMLPRegressor, case)


# Sequences of calls.

CLASSES = np.array(["eggs", "ham", "spam"])
SEEDS = st.integers(0, 2**32 - 1)
ROWS = st.integers(1, 6)


def invoke(model, method, *arguments, **keywords):
    return getattr(model, method)(*arguments, **keywords)


class Calls(RuleBasedStateMachine):
    """One estimator, whose pickled twin must go the same way in every call."""

    estimator_class = None

    def __init__(self):
        super().__init__()
        self.model = self.estimator_class(**TINY)

    def is_fitted(self):
        return hasattr(self.model, "coefs_")

    def chunk(self, n_rows, seed):
        """Return good X and y; with other columns than in the last fit they are bad."""
        rng = np.random.RandomState(seed)
        X = rng.standard_normal((n_rows, 2))
        if self.estimator_class is ScratchMLPClassifier:
            return X, CLASSES[rng.randint(3, size=n_rows)]
        return X, rng.uniform(0, 5, n_rows)

    def predictions(self):
        if not self.is_fitted():
            return None
        shape = 5, self.model.n_features_in_
        return attempt_predictions(
            self.model, np.random.RandomState(0).standard_normal(shape)
        )

    def call(self, method, *arguments, **keywords):
        """Call a method of the model and its twin; return the error, if any."""
        twin = pickled(self.model)
        before, predictions = joblib.hash(vars(self.model)), self.predictions()
        result, error = attempt(
            partial(invoke, self.model, method), *arguments, **keywords
        )
        _, of_twin = attempt(partial(invoke, twin, method), *arguments, **keywords)
        assert type(error) is type(of_twin)
        if error:
            assert joblib.hash(vars(self.model)) == before, f"changed by {error!r}"
            assert self.predictions() == predictions
        else:
            assert result is self.model
            assert bits(self.model) == bits(twin)
            self.predictions()  # they can be made
        return error

    @rule(n_rows=ROWS, seed=SEEDS, data=st.data())
    def fit(self, n_rows, seed, data):
        self.call("fit", *self.chunk(n_rows, seed), data.draw(weights(n_rows)))

    @rule(n_rows=ROWS, seed=SEEDS, data=st.data(), classes=st.booleans())
    def partial_fit(self, n_rows, seed, data, classes):
        keywords = {}
        if classes and self.estimator_class is ScratchMLPClassifier:
            keywords["classes"] = CLASSES
        chunk = self.chunk(n_rows, seed)
        error = self.call("partial_fit", *chunk, data.draw(weights(n_rows)), **keywords)
        hidden = isinstance(error, AttributeError)
        assert hidden == (not hasattr(self.model, "partial_fit"))

    @rule(data=st.data(), method=st.sampled_from(["fit", "partial_fit"]))
    def anything(self, data, method):
        case = data.draw(fits(self.estimator_class))
        before = self.model.get_params()
        self.model.set_params(**case.parameters)
        keywords = case.validation if method == "fit" else {}
        if self.call(method, case.X, case.y, case.sample_weight, **keywords):
            self.model.set_params(**before)

    @rule(data=st.data())
    def set_parameters(self, data):
        predictions = self.predictions()
        self.model.set_params(
            **data.draw(parameters(self.estimator_class, bad=False, most=3))
        )
        assert self.predictions() == predictions

    @rule(data=st.data())
    def bad_parameter(self, data):
        name = data.draw(st.sampled_from(PARAMETER_NAMES[self.estimator_class]))
        before = self.model.get_params()
        self.model.set_params(**{name: data.draw(st.sampled_from(list(BAD[name])))})
        error = self.call("fit", *self.chunk(4, 0))
        assert isinstance(error, InvalidParameterError)
        self.model.set_params(**before)

    @rule(data=st.data())
    def predict(self, data):
        X = data.draw(features(data.draw(ROWS), 2))
        before = joblib.hash(vars(self.model))
        if self.is_fitted():
            attempt_predictions(self.model, X, like_training=False)
        else:
            assert isinstance(attempt(self.model.predict, X)[1], NotFittedError)
        assert joblib.hash(vars(self.model)) == before

    @rule(copier=st.sampled_from([copy.copy, copy.deepcopy, pickled]))
    def take_a_copy(self, copier):
        predictions, fitted = self.predictions(), self.is_fitted()
        self.model = copier(self.model)
        assert self.is_fitted() == fitted
        assert self.predictions() == predictions

    @rule()
    def start_anew(self):
        before = {n: repr(v) for n, v in self.model.get_params().items()}
        self.model = clone(self.model)
        assert not self.is_fitted()
        assert {n: repr(v) for n, v in self.model.get_params().items()} == before

    @precondition(is_fitted)
    @rule()
    def drop_training_state(self):
        predictions = self.predictions()
        self.model.drop_training_state()
        assert self.predictions() == predictions

    @precondition(is_fitted)
    @rule()
    def go_through_sklearn(self):
        theirs, error = attempt(self.model.to_sklearn)
        if error:
            return
        ours, _ = attempt(self.estimator_class.from_sklearn, theirs)
        X = np.random.RandomState(1).standard_normal((5, self.model.n_features_in_))
        if hasattr(ours, "feature_names_in_"):
            X = pd.DataFrame(X, columns=ours.feature_names_in_)
        expected = self.model.predict(X)
        for predictions in (theirs.predict(X), ours.predict(X)):
            if expected.dtype.kind == "f":
                np.testing.assert_allclose(predictions, expected, rtol=1e-3)
            else:
                assert (predictions == expected).mean() > 0.5


class ClassifierCalls(Calls):
    estimator_class = ScratchMLPClassifier


class RegressorCalls(Calls):
    estimator_class = ScratchMLPRegressor


test_calls_of_a_classifier = ClassifierCalls.TestCase
test_calls_of_a_regressor = RegressorCalls.TestCase
# A sequence takes as long as some five fits.
test_calls_of_a_classifier.settings = test_calls_of_a_regressor.settings = settings(
    max_examples=settings.default.max_examples // 5, stateful_step_count=20
)
