"""Data as people have it: where scikit-learn works ours does, else one clear sentence.

Types of X, y and weights; marks of several labels; weights of classes a fold lacks;
numbers too large for float32; parameters that are numbers of NumPy's.
"""

import datetime
import itertools
from decimal import Decimal
from fractions import Fraction
from functools import partial

import helpers
import numpy as np
import pytest
import scipy.sparse as sp
from helpers import (
    both,
    ignore,
    ignore_convergence,
    numbers,
    raises_and_changes_nothing,
    regression_losses,
    solvers,
    warnings_as,
)
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import TimeSeriesSplit, cross_val_score
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils.class_weight import compute_class_weight

from skmlp_scratch import ScratchMLPClassifier, ScratchMLPRegressor
from skmlp_scratch._estimator.parameters import plain
from skmlp_scratch.exceptions import DataTypeError
from skmlp_scratch.nn.losses import REGRESSION_LOSSES

quick = partial(helpers.quick, hidden_layer_sizes=4, max_iter=3)


def all_numbers(estimator):
    """Weights, biases and the loss of each epoch."""
    return np.concatenate([numbers(estimator), estimator.loss_curve_])


pytestmark = ignore_convergence

N = 24
X = np.random.default_rng(0).normal(size=(N, 3))
codes = np.arange(N) % 3
labels = np.array(["a", "b", "c"])[codes]
marks = (X > 0).astype(int)
values = X @ [1.0, -2.0, 0.5]


def target(estimator_class):
    return codes if estimator_class is ScratchMLPClassifier else values


def numbered(*cases):
    """Parameter sets that have no better name than their position."""
    return [
        pytest.param(*(case if isinstance(case, tuple) else (case,)), id=str(number))
        for number, case in enumerate(cases)
    ]


def assert_equal(estimator, expected):
    np.testing.assert_array_equal(all_numbers(estimator), all_numbers(expected))


def assert_differ(estimator, other):
    assert abs(all_numbers(estimator) - all_numbers(other)).max() > 1e-6


def assert_refused(estimator, method, arguments, message, error=DataTypeError):
    """The error is raised, as a ValueError, and the estimator is as it was."""
    given, keywords = arguments
    caught = raises_and_changes_nothing(
        estimator, message, method, *given, error=error, **keywords
    )
    assert isinstance(caught, ValueError)


def of_objects(*entries):
    array = np.empty(len(entries), object)
    array[:] = entries
    return array


def frame(library, **columns):
    return pytest.importorskip(library).DataFrame(columns)


def series(entries, dtype=None, library="pandas"):
    return pytest.importorskip(library).Series(entries, dtype=dtype)


# Weights of classes that a fold lacks.

SURPLUS = {
    "int": (codes, {0: 2.0, 1: 0.5, 2: 3.0, 7: 9.0}),
    "str": (labels, {"a": 2.0, "b": 0.5, "c": 3.0, "d": 9.0}),
    "object str": (labels.astype(object), {"a": 2.0, "b": 0.5, "c": 3.0, "d": 9.0}),
    "numpy int keys": (codes, {np.int8(c): w for c, w in enumerate((2.0, 0.5, 3, 9))}),
    "numpy str keys": (
        labels,
        dict(zip(np.array(["a", "b", "c", "d"]), (2, 0.5, 3, 9), strict=True)),
    ),
    "float labels": (codes.astype(float), {0: 2.0, 1: 0.5, 2: 3.0, 3: 9.0}),
    "keys of other types": (codes, {0: 2.0, 1: 0.5, 2: 3.0, "d": 9.0, None: 1}),
}


@pytest.mark.parametrize("case", SURPLUS)
def test_a_weight_for_a_class_that_is_not_there_has_no_effect(case):
    y, class_weight = SURPLUS[case]
    weights = np.array([2.0, 0.5, 3.0])[codes]
    expected = quick().fit(X, y, weights)
    assert_equal(quick(class_weight=class_weight).fit(X, y), expected)
    assert_differ(expected, quick().fit(X, y))
    stream = quick(class_weight=class_weight).partial_fit(X, y, classes=np.unique(y))
    assert_equal(stream, quick().partial_fit(X, y, weights, classes=np.unique(y)))


def test_folds_that_lack_a_class_are_scored():
    y = np.repeat([0, 1, 2], 8)  # sorted by time: the first fold knows one class
    estimator = quick(class_weight={0: 1, 1: 2, 2: 3})
    scores = cross_val_score(
        estimator, X, y, cv=TimeSeriesSplit(3), error_score="raise"
    )
    assert np.isfinite(scores).all()


NO_WEIGHT = (
    r"class_weight has keys that .* none for \[{}\]\. Give these a weight, .*: {}"
)


@pytest.mark.parametrize(
    ("y", "class_weight", "unnamed", "surplus"),
    [
        (codes, {0: 1, 3: 1}, "1, 2", r"\[3\]"),
        (labels, {"a": 1, "b": 1, "C": 1}, "'c'", r"\['C'\]"),
        (codes.astype(str), {0: 1, 1: 1, 2: 1}, "'0', '1', '2'", r"\[0, 1, 2\]"),
        (codes, {"0": 1, 1: 1, 2: 1}, "0", r"\['0'\]"),
        (codes == 0, {True: 1, 2: 1}, "False", r"\[2\]"),
    ],
    ids=str,
)
def test_a_class_left_without_weight_beside_surplus_keys(
    y, class_weight, unnamed, surplus
):
    estimator, message = (
        quick(class_weight=class_weight),
        NO_WEIGHT.format(unnamed, surplus),
    )
    assert_refused(estimator, "fit", ((X, y), {}), message, ValueError)
    chunk = (X, y), {"classes": np.unique(y)}
    assert_refused(estimator, "partial_fit", chunk, message, ValueError)


def test_the_rule_for_class_weight_is_scikit_learns():
    for keys in itertools.chain.from_iterable(
        itertools.combinations(range(5), size) for size in range(6)
    ):
        class_weight = {key: 1.0 + key for key in keys}
        estimator = quick(class_weight=class_weight)
        try:
            weights = compute_class_weight(class_weight, classes=np.arange(3), y=codes)
        except ValueError:
            with pytest.raises(ValueError, match="class_weight"):
                estimator.fit(X, codes)
        else:
            assert_equal(estimator.fit(X, codes), quick().fit(X, codes, weights[codes]))


# Several labels per row.


@pytest.mark.parametrize("there", [1, True, 2, 255, -1, 1.0, 0.0], ids=repr)
def test_any_single_value_marks_a_label(there):
    y = marks * np.array(there)
    y = y.astype(np.uint8) if there == 255 else y
    expected = quick().fit(X, (y != 0).astype(int))
    assert_equal(quick().fit(X, y), expected)
    # As in scikit-learn.
    theirs = MLPClassifier(4, max_iter=3, random_state=0)
    assert (
        theirs.fit(X, y).loss_curve_ == clone(theirs).fit(X, (y != 0) * 1).loss_curve_
    )
    validated = quick().fit(X, marks, X_val=X, y_val=y)
    assert validated.validation_loss_curve_ == (
        quick().fit(X, marks, X_val=X, y_val=(y != 0) * 1).validation_loss_curve_
    )
    chunks = quick().partial_fit(X, y, classes=range(3))
    assert_equal(chunks, quick().partial_fit(X, (y != 0) * 1, classes=range(3)))


MARKS = {
    "1 and 2": (marks + 1, "1, 2"),
    "-1 and 1": (2 * marks - 1, "-1, 1"),
    "0, 1 and 2": (marks * np.arange(1, 4), "0, 1, 2, 3"),
    "text": (marks.astype(str), "'0', '1'"),
    "sparse, several values": (sp.csr_array(marks * np.arange(1, 4)), "0, 1, 2, 3"),
    "dates": (marks.astype("M8[D]"), "datetime"),
}


@pytest.mark.parametrize("case", MARKS)
def test_marks_that_say_nothing_are_refused(case):
    y, shown = MARKS[case]
    message = (
        rf"several columns with other values than 0 and 1, such as {shown}.*0 and 1"
    )
    fitted = quick().fit(X, marks)
    assert_refused(fitted, "fit", ((X, y), {}), "^y has " + message, ValueError)
    validation = (X, marks), {"X_val": X, "y_val": y}
    assert_refused(fitted, "fit", validation, "^y_val has " + message, ValueError)
    chunk = (X, y), {"classes": range(3)}
    assert_refused(quick(), "partial_fit", chunk, "^y has " + message, ValueError)


SPARSE = [sp.csr_array, sp.csc_matrix, sp.coo_array, sp.lil_matrix]
sparse_formats = pytest.mark.parametrize("sparse", SPARSE)


@sparse_formats
@both
def test_sparse_y_is_y(estimator_class, sparse):
    y = marks if estimator_class is ScratchMLPClassifier else marks * 0.7
    classes = {"classes": [0, 1, 2]} if estimator_class is ScratchMLPClassifier else {}
    expected = quick(estimator_class, early_stopping=True).fit(X, y, X_val=X, y_val=y)
    validated = quick(estimator_class, early_stopping=True)
    assert_equal(validated.fit(X, sparse(y), X_val=X, y_val=sparse(y)), expected)
    assert validated.validation_scores_ == expected.validation_scores_
    split = quick(estimator_class, early_stopping=True, validation_fraction=0.3)
    assert_equal(clone(split).fit(X, sparse(y)), clone(split).fit(X, y))
    stream = quick(estimator_class).partial_fit(X, sparse(y), **classes)
    assert_equal(stream, quick(estimator_class).partial_fit(X, y, **classes))


@regression_losses
@pytest.mark.parametrize("sparse", [sp.csr_array, sp.csr_matrix, sp.csc_array])
def test_unsorted_sparse_data_stay_unsorted(sparse, loss):
    def unsorted(array):
        return sparse(array[:, ::-1])[:, ::-1]

    y = marks * np.abs(X)
    if REGRESSION_LOSSES[loss].lowest_excluded:
        y = np.abs(X) + 0.1
    arguments = {"X": X * marks, "y": y, "X_val": X * marks, "y_val": y}
    given = {name: unsorted(array) for name, array in arguments.items()}
    if sparse is not sp.csc_array:
        assert not given["y"].has_sorted_indices
    before = {
        name: (matrix.data.copy(), matrix.indices.copy())
        for name, matrix in given.items()
    }
    estimator = quick(ScratchMLPRegressor, loss=loss).fit(**given)
    estimator.predict(given["X"])
    quick(ScratchMLPRegressor, loss=loss).partial_fit(given["X"], given["y"])
    for name, arrays in before.items():
        np.testing.assert_array_equal((given[name].data, given[name].indices), arrays)
    expected = quick(ScratchMLPRegressor, loss=loss).fit(**arguments)
    np.testing.assert_allclose(numbers(estimator), numbers(expected), rtol=1e-12)


@both
@solvers
@pytest.mark.parametrize("make", [np.array, sp.csr_array, sp.csc_array])
def test_data_that_cannot_be_written_to(make, solver, estimator_class):
    def locked(values):
        for array in (
            [values] if isinstance(values, np.ndarray) else vars(values).values()
        ):
            if isinstance(array, np.ndarray):
                array.flags.writeable = False
        return values

    y, weights = target(estimator_class), codes + 1.0
    given = [locked(make(X)), locked(y.copy()), locked(weights.copy())]
    validation = dict(zip(["X_val", "y_val", "sample_weight_val"], given, strict=True))
    estimator = quick(estimator_class, solver=solver).fit(*given, **validation)
    estimator.predict(given[0])
    assert_equal(
        estimator, quick(estimator_class, solver=solver).fit(make(X), y, weights)
    )


@sparse_formats
@both
def test_a_sparse_column_is_one_target(estimator_class, sparse):
    column = target(estimator_class)[:, np.newaxis]
    with warnings_as("ignore"):  # a column should be raveled
        estimator = quick(estimator_class).fit(X, sparse(column))
    assert_equal(estimator, quick(estimator_class).fit(X, target(estimator_class)))


@pytest.mark.parametrize(
    "classes",
    [
        np.eye(3),
        sp.csr_array(np.eye(3)),
        np.eye(3, dtype=int).tolist(),
        marks,
        range(3),
        [[1, 0, 0]],
    ],
    ids=["one_hot", "sparse", "list", "like_y", "range", "one_row"],
)
def test_classes_may_be_a_matrix_like_y(classes):
    expected = quick().partial_fit(X, marks, classes=[0, 1, 2])
    estimator = quick().partial_fit(X, marks, classes=classes)
    theirs = MLPClassifier().partial_fit(X, marks, classes=classes)
    assert estimator.classes_.tolist() == theirs.classes_.tolist() == [0, 1, 2]
    assert_equal(estimator, expected)
    again = estimator.partial_fit(X, sp.csr_array(marks), classes=classes)
    assert_equal(again, expected.partial_fit(X, marks))
    changed = (X, marks), {"classes": np.eye(4)}
    message = "is not the same as on last call"
    assert_refused(again, "partial_fit", changed, message, ValueError)


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ([0, 1], r"y has 3 labels per row, but there are 2 .* np\.arange\(n_labels\)"),
        ({0, 1, 2}, r"classes must be an array or a list of labels, got \{0, 1, 2\}"),
        ("abc", "classes must be an array or a list of labels, got 'abc'"),
        (3, "classes must be an array or a list of labels, got 3"),
        ([0, 1, np.nan], "classes contains NaN"),
        (["a", None], "classes must hold labels of one type .* contains None"),
        ([b"a", b"b"], "classes must hold labels as text, got bytes"),
        (of_objects(0, 1, 2), r"classes must hold .*classes\.astype\(int\)"),
        (np.array(["2020-01-01", "NaT"], "M8[D]"), "classes must .* contains NaT"),
        (
            [[1, 2], [2, 1]],
            "classes has several columns with other values than 0 and 1",
        ),
    ],
    ids=str,
)
def test_classes_that_are_none(classes, message):
    chunk = (X, marks), {"classes": classes}
    assert_refused(quick(), "partial_fit", chunk, message, ValueError)


# What is no number.

days = np.datetime64("2020-01-01", "D") + np.arange(N)
seconds = np.arange(N).astype("m8[s]")
date = datetime.date(2020, 1, 1)


def column(entry):
    """N x 3 objects, of which one column is the entry throughout."""
    mixed = X.astype(object)
    mixed[:, 1] = [entry] * N
    return mixed


DATES = r"got .*dat.*Turn dates and durations into numbers"
TIMES = r"got .*time.*Turn dates and durations into numbers"
TEXT = r"Turn text into numeric values"
NO_NUMBERS = {
    "datetime64": (lambda: np.tile(days[:, None], 3), DATES),
    "NaT": (lambda: np.full((N, 3), "NaT", "M8[ns]"), DATES),
    "timedelta64": (lambda: np.tile(seconds[:, None], 3), TIMES),
    "list of datetime64": (lambda: np.tile(days[:, None], 3).tolist(), DATES),
    "objects, datetime64": (lambda: column(days[0]), DATES),
    "objects, timedelta64": (lambda: column(seconds[1]), TIMES),
    "objects, NaT": (lambda: column(np.datetime64("NaT", "D")), DATES),
    "objects, date": (lambda: column(date), DATES),
    "objects, timedelta": (lambda: column(datetime.timedelta(1)), TIMES),
    "pandas dates": (lambda: frame("pandas", a=days, b=days, c=days), DATES),
    "pandas dates, numbers": (lambda: frame("pandas", a=days, b=values, c=0), DATES),
    "pandas times, numbers": (lambda: frame("pandas", a=seconds, b=values, c=0), TIMES),
    "pandas time zone": (
        lambda: frame("pandas", a=series(days).dt.tz_localize("UTC"), b=0, c=0),
        DATES,
    ),
    "pandas period": (
        lambda: frame("pandas", a=series(days).dt.to_period("D"), b=0, c=0),
        r"got Period.*Turn dates",
    ),
    "pandas text": (lambda: frame("pandas", a=labels, b=0, c=0), f"'a'.*{TEXT}"),
    "pandas category": (
        lambda: frame("pandas", a=series(labels, "category"), b=0, c=0),
        f"'a'.*{TEXT}",
    ),
    "polars dates": (lambda: frame("polars", a=days, b=days, c=days), r"Date.*Turn"),
    "polars dates, numbers": (
        lambda: frame("polars", a=days, b=values, c=codes),
        r"got Date\. Turn dates",
    ),
    "polars durations": (
        lambda: frame("polars", a=seconds.astype("m8[ms]"), b=values, c=codes),
        r"got Duration.*Turn dates",
    ),
    "text": (lambda: X.astype(str), f"got <U32. {TEXT}"),
    "numbers as text": (lambda: [["1", "2", "3"]] * N, f"got <U1. {TEXT}"),
    "bytes": (lambda: X.astype("S"), rf"got \|S32. {TEXT}"),
    "StringDType": (lambda: X.astype(str).astype(np.dtypes.StringDType()), TEXT),
    "objects, text": (lambda: column("high"), f"got float, str: .*'high'.*{TEXT}"),
    "objects, dict": (lambda: column({}), "got dict, float: .*Pass an array of floats"),
    "objects, complex": (lambda: column(1j), "got complex, float: Complex data not"),
    "objects, complex64": (
        lambda: column(np.complex64(1)),
        "got complex64, float: Complex data not supported",
    ),
    "pandas complex": (
        lambda: frame("pandas", a=values + 1j, b=0, c=0),
        "Complex data not supported, got complex128",
    ),
    "pandas objects, complex": (
        lambda: frame("pandas", a=series([1j] * N, object), b=0, c=0),
        "got complex, int: Complex data not supported",
    ),
    "objects, datetime": (
        lambda: column(datetime.datetime(2020, 1, 1)),
        "got datetime, float: dates are no numbers. Turn dates",
    ),
    "objects, huge": (lambda: column(10**400), "int too large to convert to float"),
    "complex": (lambda: X + 1j, "Complex data not supported, got complex128"),
    "records": (lambda: np.zeros(N, [("a", int), ("b", float)]), "got "),
    "raw bytes": (lambda: np.zeros((N, 3), "V4"), r"got \|V4"),
    "pandas NA": (
        lambda: column(pytest.importorskip("pandas").NA),
        "got NAType, float: .*Fill in what is missing, or leave it out",
    ),
}
MISSING = {
    "None": lambda: column(None),
    "list with None": lambda: column(None).tolist(),
    "Int64 with NA": lambda: frame(
        "pandas", a=series([None, *codes[1:]], "Int64"), b=values, c=0
    ),
    "boolean with NA": lambda: frame(
        "pandas", a=series([None, *(codes[1:] > 0)], "boolean"), b=values, c=0
    ),
    "Float64 with NA": lambda: frame(
        "pandas", a=series([None, *values[1:]], "Float64"), b=values, c=0
    ),
    "polars null": lambda: frame("polars", a=[None, *codes[1:]], b=values, c=codes),
}


@pytest.mark.filterwarnings("ignore:X (has|does not have valid) feature names")
@both
@pytest.mark.parametrize("case", [*NO_NUMBERS, *MISSING])
def test_X_that_holds_no_numbers(case, estimator_class):
    make, message = NO_NUMBERS.get(case, (MISSING.get(case), "contains NaN"))
    bad, y = make(), target(estimator_class)
    start = "^{} must hold numbers.* " if case in NO_NUMBERS else "^Input {} "
    whole = f"(?s){start}{message}"
    error = DataTypeError if case in NO_NUMBERS else ValueError
    classes = {"classes": range(3)} if estimator_class is ScratchMLPClassifier else {}
    fitted = quick(estimator_class).fit(X, y)
    for estimator, method, arguments, name in [
        (quick(estimator_class), "fit", ((bad, y), {}), "X"),
        (fitted, "fit", ((bad, y), {}), "X"),
        (quick(estimator_class), "partial_fit", ((bad, y), classes), "X"),
        (fitted, "predict", ((bad,), {}), "X"),
        (fitted, "score", ((bad, y), {}), "X"),
        (fitted, "fit", ((X, y), {"X_val": bad, "y_val": y}), "X_val"),
    ]:
        assert_refused(estimator, method, arguments, whole.format(name), error)


# What is no array, or not finite: the same for X, y, weights and classes.


def assert_refused_as_anything(estimator_class, rows, column, message):
    """Pass rows as X and a column as all else; each is named in its turn."""
    y = target(estimator_class)
    fitted = quick(estimator_class).fit(X, y)
    calls = [
        ("fit", ((rows, y), {}), "X"),
        ("partial_fit", ((rows, y), {}), "X"),
        ("predict", ((rows,), {}), "X"),
        ("fit", ((X, column), {}), "y"),
        ("partial_fit", ((X, column), {}), "y"),
        ("fit", ((X, y, column), {}), "sample_weight"),
        ("fit", ((X, y), {"X_val": rows, "y_val": y}), "X_val"),
        ("fit", ((X, y), {"X_val": X, "y_val": column}), "y_val"),
        (
            "fit",
            ((X, y), {"X_val": X, "y_val": y, "sample_weight_val": column}),
            "sample_weight_val",
        ),
    ]
    if estimator_class is ScratchMLPClassifier:
        calls.append(("partial_fit", ((X, y), {"classes": column}), "classes"))
    for method, arguments, name in calls:
        assert_refused(fitted, method, arguments, message.format(name), ValueError)


@both
@pytest.mark.parametrize(
    ("rows", "column"),
    numbered(
        ([[1.0, 2.0, 3.0]] * (N - 1) + [[1.0]], [[1]] * (N - 1) + [[1, 2]]),
        ([np.ones(3)] * (N - 1) + [np.ones(2)], [[0, 1]] * (N - 1) + [[1]]),
        ([(1, 2, 3), (1, 2)], [1] * (N - 1) + [[1]]),
    ),
)
def test_rows_of_different_lengths(rows, column, estimator_class):
    message = "^{} is no array: its rows have different lengths. Pass rows of the same"
    assert_refused_as_anything(estimator_class, rows, column, message)


@both
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "g"])
def test_infinities_of_both_signs(dtype, estimator_class):
    # Their sum is a NaN, of which NumPy warns.
    column = np.where(np.arange(N) % 2, -np.inf, np.inf).astype(dtype)
    rows = np.column_stack([column] * 3)
    message = "^Input {} contains infinity"
    assert_refused_as_anything(estimator_class, rows, column, message)
    assert_refused_as_anything(estimator_class, rows.tolist(), column.tolist(), message)
    if dtype != "f2":  # which SciPy does not have
        assert_refused_as_anything(estimator_class, sp.csr_array(rows), column, message)


@both
@pytest.mark.parametrize(
    ("value", "message"),
    [("nan", "NaN"), ("1e400", "infinity"), ("-1e400", "infinity")],
)
def test_longdouble_that_float64_cannot_hold(value, message, estimator_class):
    column = np.full(N, np.longdouble(value))
    rows = np.column_stack([column] * 3)
    assert_refused_as_anything(
        estimator_class, rows, column, f"^Input {{}} contains {message}"
    )


@both
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nan_in_foreign_byte_order(dtype, estimator_class):
    swapped = X.astype(np.dtype(dtype).newbyteorder())
    estimator = quick(estimator_class).fit(swapped, target(estimator_class))
    swapped[0, 0] = np.nan
    for attempt in (
        lambda: estimator.predict(swapped[:1]),
        lambda: estimator.fit(swapped, target(estimator_class)),
    ):
        with pytest.raises(ValueError, match=r"^Input X contains NaN"):
            attempt()


NUMBERS = {
    "Decimal": lambda: np.vectorize(lambda v: Decimal(float(v)), otypes="O")(X),
    "Fraction": lambda: np.vectorize(lambda v: Fraction(float(v)), otypes="O")(X),
    "objects": lambda: X.astype(object),
    "objects, text": lambda: np.vectorize(repr, otypes="O")(X.astype(object)),
    "lists of objects": lambda: [[Fraction(v) for v in row] for row in X.tolist()],
    "Float64": lambda: frame("pandas", **dict(zip("abc", X.T, strict=True))).astype(
        "Float64"
    ),
    "pandas text": lambda: frame("pandas", **dict(zip("abc", X.T, strict=True))).map(
        repr
    ),
    "polars": lambda: frame("polars", **dict(zip("abc", X.T, strict=True))),
}


@both
@pytest.mark.parametrize("case", NUMBERS)
def test_what_float_converts_is_a_number(case, estimator_class):
    same, y = NUMBERS[case](), target(estimator_class)
    estimator = quick(estimator_class).fit(same, y, X_val=same, y_val=y)
    expected = quick(estimator_class).fit(X, y, X_val=X, y_val=y)
    assert_equal(estimator, expected)
    np.testing.assert_array_equal(estimator.predict(same), expected.predict(X))


WHOLE = {
    "Int64": lambda: frame("pandas", a=series(codes, "Int64"), b=series(codes, "Int8")),
    "boolean": lambda: frame("pandas", a=series(codes, "Int64"), b=codes > 0),
    "category": lambda: frame("pandas", a=series(codes, "category"), b=codes),
    "big": lambda: of_objects(*[[int(c) + 10**20, 1] for c in codes]).tolist(),
}


@ignore("FeatureScaleWarning")
@ignore("DeadUnitsWarning")
@ignore("ConstantPredictionWarning")
@pytest.mark.parametrize("case", WHOLE)
def test_whole_numbers_of_other_types(case):
    same = WHOLE[case]()
    as_floats = np.array(
        [[float(v) for v in row] for row in np.asarray(same, dtype=object)]
    )
    estimator = quick(activation="tanh").fit(same, codes)
    expected = quick(activation="tanh").fit(as_floats, codes)
    np.testing.assert_allclose(numbers(estimator), numbers(expected), rtol=1e-12)


NO_TARGETS = {
    "datetime64": (lambda: days, DATES),
    "NaT": (lambda: np.full(N, "NaT", "M8[D]"), DATES),
    "timedelta64": (lambda: seconds, TIMES),
    "list of dates": (lambda: [date] * N, r"got date: .*Turn dates"),
    "objects, datetime64": (lambda: of_objects(*days), DATES),
    "pandas dates": (lambda: series(days), DATES),
    "pandas durations": (lambda: series(seconds), TIMES),
    "pandas, several": (lambda: frame("pandas", a=days, b=values), DATES),
    "polars dates": (lambda: series(days, None, "polars"), r"got Date\. Turn dates"),
    "text": (lambda: labels, f"got <U1. {TEXT}"),
    "numbers as text": (lambda: codes.astype(str), f"{TEXT}"),
    "list of numbers as text": (lambda: codes.astype(str).tolist(), f"{TEXT}"),
    "bytes": (lambda: labels.astype("S"), rf"got \|S1. {TEXT}"),
    "objects, text": (lambda: labels.astype(object), f"got str: .*'a'.*{TEXT}"),
    "complex": (lambda: values + 1j, "Complex data not supported"),
    "objects, complex": (
        lambda: of_objects(*(values + 1j)),
        "got complex128: Complex data not supported",
    ),
    "list of timedeltas": (
        lambda: [datetime.timedelta(1)] * N,
        "got timedelta: dates are no numbers. Turn dates",
    ),
    "tuples": (lambda: of_objects(*[(1, 2)] * N), "got tuple: .*with a sequence"),
    "pandas NA": (
        lambda: of_objects(pytest.importorskip("pandas").NA, *values[1:]),
        "got NAType, float64: .*Fill in what is missing",
    ),
}
NO_TARGET_AT_ALL = {
    "None": lambda: of_objects(None, *values[1:]),
    "list with None": lambda: [None, *values[1:]],
    "Float64 with NA": lambda: series([None, *values[1:]], "Float64"),
    "boolean with NA": lambda: series([None, *(values[1:] > 0)], "boolean"),
    "sparse": lambda: sp.csr_array(np.where(marks, np.nan, 0)),
}


@pytest.mark.parametrize("case", [*NO_TARGETS, *NO_TARGET_AT_ALL])
def test_targets_that_are_no_numbers(case):
    make, message = NO_TARGETS.get(case, (NO_TARGET_AT_ALL.get(case), "contains NaN"))
    bad, error = make(), DataTypeError if case in NO_TARGETS else ValueError
    start = "^{} must hold numbers.*" if case in NO_TARGETS else "^Input {} "
    fitted = quick(ScratchMLPRegressor).fit(X, values)
    for method, arguments, name in [
        ("fit", ((X, bad), {}), "y"),
        ("partial_fit", ((X, bad), {}), "y"),
        ("fit", ((X, values), {"X_val": X, "y_val": bad}), "y_val"),
    ]:
        whole = start.format(name) + message
        for estimator in (fitted, quick(ScratchMLPRegressor)):
            assert_refused(estimator, method, arguments, whole, error)


@pytest.mark.parametrize(
    "make",
    numbered(
        lambda: of_objects(*map(Decimal, values.tolist())),
        lambda: of_objects(*map(Fraction, values.tolist())),
        lambda: list(map(Fraction, values.tolist())),
        lambda: of_objects(*map(repr, values.tolist())),
        lambda: series(values, "Float64"),
        lambda: series(values, None, "polars"),
        lambda: sp.csr_array(np.column_stack([values, values])),
    ),
)
def test_targets_that_are_numbers_of_other_types(make):
    y = make()
    MLPRegressor(max_iter=3).fit(X, y)  # works there as well
    columns = np.column_stack([values, values]) if sp.issparse(y) else values
    assert_equal(
        quick(ScratchMLPRegressor).fit(X, y),
        quick(ScratchMLPRegressor).fit(X, columns),
    )


# What is no label.

NO_LABELS = {
    "bytes": (lambda: labels.astype("S"), r"as text, got bytes_\. Decode them"),
    "objects, bytes": (lambda: of_objects(*[b"a", b"b"] * 12), r"got bytes\. Decode"),
    "objects, int": (
        lambda: codes.astype(object),
        r"got int .*y(_val)?\.astype\(int\)",
    ),
    "objects, bool": (lambda: (codes > 0).astype(object), r"got bool .*astype\(bool\)"),
    "objects, float": (lambda: (codes / 1).astype(object), r"float .*astype\(float\)"),
    "objects, marks": (lambda: marks.astype(object), r"got int .*astype\(int\)"),
    "dates": (lambda: [date] * N, r"got date .*astype\(str\)"),
    "objects, datetime64": (
        lambda: of_objects(*days),
        r"got datetime64 .*astype\(str\)",
    ),
    "Decimal": (lambda: of_objects(*map(Decimal, codes.tolist())), "got Decimal"),
    "Fraction": (lambda: of_objects(*map(Fraction, codes.tolist())), "got Fraction"),
    "complex objects": (lambda: (codes + 1j).astype(object), "got complex "),
    "complex": (lambda: codes + 1j, "Complex data not supported"),
    "sets": (lambda: of_objects(*[{1}] * N), "got set "),
    "records": (lambda: np.zeros(N, [("a", int)]), "got void "),
    "mixed": (lambda: of_objects(*["a", 1] * 12), r"of one type .*got int, str\. Conv"),
    "text and bytes": (lambda: of_objects(*["a", b"b"] * 12), "got bytes, str"),
    "None": (
        lambda: of_objects(None, *labels[1:]),
        "contains None. Leave out the rows",
    ),
    "None, int": (lambda: [None, *codes[1:]], "contains None. Leave out the rows"),
    "NaN": (
        lambda: of_objects(np.nan, *labels[1:]),
        "contains NaN. Leave out the rows",
    ),
    "NaT": (lambda: np.array(["NaT", *days[1:]], "M8[D]"), "contains NaT. Leave out"),
    "duration NaT": (lambda: np.array(["NaT", *seconds[1:]], "m8[s]"), "contains NaT"),
    "pandas NaT": (lambda: series([None, *days[1:]]), "contains NaT. Leave out"),
    "pandas NA": (
        lambda: series([None, *labels[1:]], "string").astype(object),
        "contains <NA>. Leave out the rows",
    ),
    "pandas string NA": (
        lambda: series([None, *labels[1:]], "string"),
        "contains <NA>. Leave out the rows",
    ),
    "pandas time zone": (
        lambda: series(days).dt.tz_localize("UTC"),
        r"got Timestamp .*astype\(str\)",
    ),
    "pandas period": (lambda: series(days).dt.to_period("D"), r"got Period .*\(str\)"),
}


@pytest.mark.parametrize("case", NO_LABELS)
def test_labels_that_are_none(case):
    make, message = NO_LABELS[case]
    bad, fitted = make(), quick().fit(X, labels)
    for method, arguments, name in [
        ("fit", ((X, bad), {}), "y"),
        ("partial_fit", ((X, bad), {"classes": ["a", "b", "c"]}), "y"),
        ("fit", ((X, labels), {"X_val": X, "y_val": bad}), "y_val"),
    ]:
        whole = rf"\b{name} must hold .*{message}"
        for estimator in (fitted, quick()):
            assert_refused(estimator, method, arguments, whole)


@pytest.mark.parametrize(
    ("make", "dtype"),
    numbered(
        (lambda: days[codes], "M8[D]"),
        (lambda: seconds[codes], "m8[s]"),
        (lambda: codes.astype(str), "<U"),
        (lambda: labels.astype(object), object),
        (lambda: labels.astype(np.dtypes.StringDType()), object),
        (lambda: codes.astype(np.uint8), np.uint8),
        (lambda: codes > 0, bool),
        (lambda: series(codes, "Int64"), float),
        (lambda: series(codes > 0, "boolean"), float),
        (lambda: series(labels, "string"), object),
        (lambda: series(labels, "category"), object),
        (lambda: series(labels.tolist(), None, "polars"), "<U1"),
        (lambda: series(days[codes], None, "polars"), "M8[D]"),
    ),
)
def test_labels_of_many_types_come_back(make, dtype):
    y = make()
    estimator = quick(max_iter=400, learning_rate_init=0.03, hidden_layer_sizes=30)
    predicted = estimator.fit(X, y).predict(X)
    right = [
        a == b for a, b in zip(predicted.tolist(), np.asarray(y).tolist(), strict=True)
    ]
    assert np.mean(right) == 1
    if dtype == "<U":
        assert predicted.dtype.kind == "U"
    else:
        assert predicted.dtype == dtype
    estimator.fit(X, y, X_val=X, y_val=y)
    assert estimator.validation_scores_[-1] == 1


@pytest.mark.parametrize(
    ("known", "others"),
    [
        (codes.astype(str), codes),
        (codes, codes.astype(str)),
        (codes, days[codes]),
        (days[codes], codes),
        (days[codes], seconds[codes]),
        (labels, codes > 0),
    ],
)
def test_labels_of_another_type_than_the_classes_are_unknown(known, others):
    message = "y_val has labels that are not among the classes"
    validation = (X, known), {"X_val": X, "y_val": others}
    assert_refused(quick(), "fit", validation, message, ValueError)
    fitted = quick().partial_fit(X, known, classes=np.unique(known))
    message = "y has labels that are not among the classes"
    assert_refused(fitted, "partial_fit", ((X, others), {}), message, ValueError)


def test_the_number_1_is_not_the_text_1_among_many_labels():
    # NumPy compares few labels one by one, and many after conversion to text.
    many, y = np.zeros((100, 2)), np.arange(100) % 50
    fitted = quick().partial_fit(many, y.astype(str), classes=np.unique(y.astype(str)))
    message = "y has labels that are not among the classes"
    assert_refused(fitted, "partial_fit", ((many, y), {}), message, ValueError)


def test_the_wrong_kind_of_y_val_is_named():
    for y_val in (values, np.column_stack([values, values])):
        validation = (X, codes), {"X_val": X, "y_val": y_val}
        message = "^y_val: Unknown label type: continuous"
        assert_refused(quick(), "fit", validation, message, ValueError)


@pytest.mark.parametrize("first", [2**60, 2**62, 2**63, 2**64 - 3])
def test_large_integers_are_labels(first):
    pool = [first, first + 1, first + 2]
    y = [pool[code] for code in codes]
    for known in (pool, np.array(pool)):
        estimator = quick().partial_fit(X, y, classes=known)
        assert set(estimator.predict(X).tolist()) <= set(pool)
        assert_equal(estimator, quick().partial_fit(X, codes, classes=range(3)))
    validated = quick().fit(X, y, X_val=X, y_val=y)
    assert validated.classes_.tolist() == pool
    assert_equal(validated, quick().fit(X, codes, X_val=X, y_val=codes))
    chunk = (X, y), {"classes": pool[1:]}
    message = rf"y has labels that are not among the classes .*: array\(\[ *{first}\]"
    assert_refused(quick(), "partial_fit", chunk, f"(?s){message}", ValueError)


@pytest.mark.parametrize("label", [1e300, -1e19, 1e38, np.float32(1e20)], ids=repr)
def test_labels_that_no_integer_can_hold(label):
    y = np.where(codes, label, 0)
    for name, arguments in [
        ("y", ((X, y), {})),
        ("y_val", ((X, codes), {"X_val": X, "y_val": y})),
    ]:
        message = f"^{name}: Unknown label type: continuous"
        assert_refused(quick(), "fit", arguments, message, ValueError)


# Weights.


@both
@pytest.mark.parametrize(
    ("make", "message"),
    numbered(
        (lambda: days, DATES),
        (lambda: seconds, TIMES),
        (lambda: of_objects(*days), DATES),
        (lambda: [date] * N, r"got date: "),
        (lambda: labels, f"got str: could not convert .*{TEXT}"),
        (lambda: "balanced", "'balanced'.*compute_sample_weight"),
        (lambda: np.ones(N) + 0j, "Complex data not supported"),
        (lambda: of_objects(*[1j] * N), "got complex: Complex data not supported"),
        (lambda: days[0], DATES),
    ),
)
def test_weights_that_are_no_numbers(make, message, estimator_class):
    bad, y = make(), target(estimator_class)
    classes = {"classes": range(3)} if estimator_class is ScratchMLPClassifier else {}
    validation = {"X_val": X, "y_val": y, "sample_weight_val": bad}
    for method, arguments, name in [
        ("fit", ((X, y, bad), {}), "sample_weight"),
        ("partial_fit", ((X, y, bad), classes), "sample_weight"),
        ("fit", ((X, y), validation), "sample_weight_val"),
    ]:
        whole = f"^{name} must hold numbers.*{message}"
        assert_refused(quick(estimator_class), method, arguments, whole)


@pytest.mark.parametrize(
    "make",
    numbered(
        lambda w: w.astype(str),
        lambda w: w.astype("S"),
        lambda w: of_objects(*map(Decimal, w.tolist())),
        lambda w: series(w, "Int64"),
        lambda w: series(w, None, "polars"),
        lambda w: w.astype(np.uint8),
    ),
)
def test_weights_that_are_numbers_of_other_types(make):
    weights = codes + 1
    LogisticRegression().fit(X, codes, make(weights))  # works there as well
    assert_equal(
        quick().fit(X, codes, make(weights)), quick().fit(X, codes, weights * 1.0)
    )


# The range of the computing type.

float32 = pytest.mark.parametrize(
    ("dtype", "data"), [("float32", X), ("auto", X.astype(np.float32))]
)
LARGE = (
    r"^{} contains values as large as {}, too large for dtype='float32'\. Scale the {}"
)


@float32
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@regression_losses
@pytest.mark.parametrize("scale", [1e39, 1e300])
def test_targets_too_large_for_float32(dtype, data, method, loss, scale):
    y = np.full(N, scale)
    y[0] = 1
    estimator = quick(ScratchMLPRegressor, dtype=dtype, loss=loss)
    shown = f"{scale:.3g}".replace("+", r"\+")
    message = LARGE.format("y", shown, "targets, or use dtype='float64'")
    for bad in (y, np.column_stack([y, y]), of_objects(*y), -y):
        if REGRESSION_LOSSES[loss].lowest == 0 and bad is not y:
            continue
        assert_refused(estimator, method, ((data, bad), {}), message, ValueError)
    validation = (data, abs(values)), {"X_val": data, "y_val": y}
    message = LARGE.format("y_val", shown, "targets")
    assert_refused(estimator, "fit", validation, message, ValueError)


def test_targets_whose_squares_are_too_large():
    for dtype, scale in (("float32", 1e20), ("float64", 1e160)):
        estimator = quick(ScratchMLPRegressor, dtype=dtype)
        message = f"^y contains values as large as .* too large for dtype='{dtype}'"
        assert_refused(estimator, "fit", ((X, values * scale), {}), message, ValueError)


@pytest.mark.filterwarnings(
    "ignore::skmlp_scratch.exceptions.ConstantPredictionWarning",
    "ignore::skmlp_scratch.exceptions.TargetScaleWarning",
)
def test_large_targets_in_range_are_trained_on():
    for dtype, scale in (("float32", 1e15), ("float64", 1e100)):
        estimator = quick(ScratchMLPRegressor, dtype=dtype).fit(X, values * scale)
        assert np.isfinite(estimator.loss_curve_).all()


@float32
@both
def test_weights_too_large_for_float32(dtype, data, estimator_class):
    y, estimator = target(estimator_class), quick(estimator_class, dtype=dtype)
    weights = np.full(N, 1e39)
    message = LARGE.format(
        "sample_weight", r"1e\+39", "weights, or use dtype='float64'"
    )
    assert_refused(estimator, "fit", ((data, y, weights), {}), message, ValueError)
    validation = {"X_val": data, "y_val": y, "sample_weight_val": weights}
    message = LARGE.format("sample_weight_val", r"1e\+39", "weights")
    assert_refused(estimator, "fit", ((data, y), validation), message, ValueError)
    message = "^sample_weight has no value above 1e-50, too small for dtype='float32'"
    tiny = np.full(N, 1e-50)
    assert_refused(estimator, "fit", ((data, y, tiny), {}), message, ValueError)
    # Their sum is too large.
    huge = np.full(N, 1e38)
    message = LARGE.format("sample_weight", r"1e\+38", "weights")
    assert_refused(estimator, "fit", ((data, y, huge), {}), message, ValueError)


@float32
@pytest.mark.parametrize(
    ("class_weight", "sample_weight", "shown"),
    [(1e39, None, "39"), (1e20, 1e20, "40"), (1e200, 1e200, None)],
)
def test_products_of_weights_too_large_for_float32(
    dtype, data, class_weight, sample_weight, shown
):
    estimator = quick(dtype=dtype, class_weight={1: class_weight})
    weights = None if sample_weight is None else np.full(N, sample_weight)
    shown = rf"1e\+{shown}" if shown else "inf"
    message = LARGE.format("class_weight times sample_weight", shown, "weights")
    assert_refused(estimator, "fit", ((data, codes, weights), {}), message, ValueError)
    chunk = (data, codes, weights), {"classes": range(3)}
    assert_refused(estimator, "partial_fit", chunk, message, ValueError)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    ("dtype", "scale", "good", "bad", "loss"),
    [
        ("float64", 1e9, 1e280, 1e300, "squared_error"),
        ("float64", 1e100, 1e90, 1e110, "squared_error"),
        ("float32", 1e9, 1e15, 1e22, "squared_error"),
        ("float32", 1e9, 1e20, 1e30, "poisson"),
    ],
)
def test_weights_leave_room_for_the_losses_of_large_targets(
    dtype, scale, good, bad, loss
):
    model = quick(ScratchMLPRegressor, dtype=dtype, loss=loss, alpha=0)
    for y in (scale * np.abs(values), scale * np.abs(X)):
        weighed = clone(model).fit(X, y, np.full(N, good))
        equal = clone(model).fit(X, y)
        np.testing.assert_allclose(weighed.predict(X), equal.predict(X), rtol=1e-3)
        validation = {"X_val": X, "y_val": y, "sample_weight_val": np.full(N, bad)}
        for method, arguments, name in [
            ("fit", ((X, y, np.full(N, bad)), {}), "sample_weight"),
            ("partial_fit", ((X, y, np.full(N, bad)), {}), "sample_weight"),
            ("fit", ((X, y), validation), "sample_weight_val"),
        ]:
            message = rf"^{name} contains values as large as {bad:.0e}"
            message = message.replace("+", r"\+")
            assert_refused(weighed, method, arguments, message, ValueError)


def test_too_large_for_float32_is_fine_in_float64():
    assert np.isfinite(quick().fit(X, codes, np.full(N, 1e39)).loss_curve_).all()
    estimator = quick(class_weight={1: 1e39}).fit(X, codes)
    assert np.isfinite(estimator.loss_curve_).all()


# Parameters that are NumPy's numbers.

INTEGERS = {
    "max_iter": 100,
    "batch_size": 100,
    "n_iter_no_change": 100,
    "max_fun": 100,
    "hidden_layer_sizes": 7,
    "random_state": 100,
}
FLOATS = {
    "alpha": 0.01,
    "learning_rate_init": 0.01,
    "power_t": 0.5,
    "tol": 0.01,
    "momentum": 0.9,
    "validation_fraction": 0.2,
    "beta_1": 0.9,
    "beta_2": 0.99,
    "epsilon": 1e-4,
    "dropout": 0.2,
    "noise": 0.1,
    "label_smoothing": 0.1,
    "max_norm": 1.0,
    "clip_norm": 1.0,
    "averaging": 0.9,
    "weight_init": 0.1,
}
SETTINGS = [
    {"solver": "adamw", "learning_rate": "one_cycle"},
    {"solver": "sgd", "learning_rate": "cosine", "dtype": "float32"},
    {"solver": "sgd", "learning_rate": "invscaling"},
    {"solver": "sgd", "learning_rate": "adaptive", "dtype": "float32"},
    {"early_stopping": True},
    {"dtype": "float32", "early_stopping": True},
    {"solver": "lbfgs"},
]


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("setting", SETTINGS, ids=str)
@pytest.mark.parametrize("name", [*INTEGERS, *FLOATS])
def test_numpys_numbers_are_pythons(name, setting):
    rng = np.random.default_rng(1)
    many = rng.normal(size=(300, 3))
    y = (many[:, 0] > 0).astype(int) + (many[:, 1] > 0)
    types = [np.int8, np.uint16] if name in INTEGERS else [np.float16, np.float64]
    parameters = {"max_iter": 3, "hidden_layer_sizes": 4, "random_state": 0, **setting}
    for number_type in types:
        number = number_type((INTEGERS | FLOATS)[name])
        estimator = ScratchMLPClassifier(**parameters | {name: number}).fit(many, y)
        python = ScratchMLPClassifier(**parameters | {name: number.item()}).fit(many, y)
        assert_equal(estimator, python)
        assert estimator.coefs_[0].dtype == setting.get("dtype", "float64")
        assert getattr(estimator, name) is number


@both
def test_a_small_integer_of_epochs_makes_a_long_schedule(estimator_class):
    # 100 epochs of 3 steps are 300, more than an int8 holds.
    setting = {
        "learning_rate": "one_cycle",
        "batch_size": 8,
        "learning_rate_init": 0.02,
    }
    estimator = quick(estimator_class, max_iter=np.int8(100), **setting).fit(
        X, target(estimator_class)
    )
    assert_equal(
        estimator,
        quick(estimator_class, max_iter=100, **setting).fit(X, target(estimator_class)),
    )


def test_a_small_float_of_many_rows_is_finite():
    many = np.random.default_rng(0).normal(size=(700_000, 1)).astype(np.float32)
    for estimator_class in (ScratchMLPClassifier, ScratchMLPRegressor):
        estimator = quick(
            estimator_class,
            early_stopping=True,
            validation_fraction=np.float16(0.1),
            max_iter=1,
            hidden_layer_sizes=(),
            batch_size=100_000,
        )
        with warnings_as("ignore"):
            estimator.fit(many, (many[:, 0] > 0).astype(int))
        assert estimator.n_iter_ == 1
        assert estimator.t_ == 700_000 - np.ceil(float(np.float16(0.1)) * 700_000)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.int8(3), 3),
        (np.float32(0.5), 0.5),
        (np.longdouble(0.5), 0.5),
        (np.True_, True),
        ((np.int8(3), np.int16(4)), (3, 4)),
        ([np.float16(0.5), 0], [0.5, 0]),
        (np.array([3, 4], np.int8), [3, 4]),
        (None, None),
        ("auto", "auto"),
        (np.float32, np.float32),
    ],
)
def test_plain(value, expected):
    result = plain(value)
    assert type(result) is type(expected)
    assert result == expected
    if isinstance(expected, list | tuple):
        assert list(map(type, result)) == list(map(type, expected))
