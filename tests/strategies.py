"""What people pass, right and wrong: values of each parameter, and what fuzzing draws.

Shapes, types and containers are drawn by hypothesis, and shrink. The numbers come from
a seed: drawing each of them would take most of the time, and they are rarely the cause.
"""

import math
from typing import NamedTuple

import numpy as np
import pandas as pd
import polars as pl
import scipy.sparse
from helpers import LEARNING_RATES, REGRESSION_LOSSES, SOLVERS, strided
from hypothesis import strategies as st

from skmlp_scratch import ScratchMLPClassifier, ScratchMLPRegressor
from skmlp_scratch.nn.activations import ACTIVATIONS

MAX_ROWS = 12
NAMES = "abcdefgh"


def one_in(n):
    """A strategy that is True once in ``n`` draws, and shrinks to False."""
    return st.integers(0, n - 1).map(lambda number: number == n - 1)


def rngs():
    return st.integers(0, 2**32 - 1).map(np.random.RandomState)


class ArrayLike:
    """Something that is no array and can be made one."""

    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype)

    def __len__(self):
        return len(self.values)

    @property
    def shape(self):
        return self.values.shape

    def __repr__(self):
        return f"ArrayLike({self.values!r})"


# Numbers, before they get a type.

NUMBERS = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "few": lambda rng, shape: rng.randint(3, size=shape).astype(float),
    "counts": lambda rng, shape: rng.poisson(2, size=shape).astype(float),
    "zeros": lambda rng, shape: np.zeros(shape),
    "constant": lambda rng, shape: np.full(shape, -3.5),
    "offset": lambda rng, shape: 1e4 + rng.standard_normal(shape),
    "large": lambda rng, shape: 1e9 * rng.standard_normal(shape),
    "huge": lambda rng, shape: 1e200 * rng.standard_normal(shape),
    "tiny": lambda rng, shape: 1e-200 * rng.standard_normal(shape),
    "scales": lambda rng, shape: (
        rng.standard_normal(shape) * 10.0 ** rng.uniform(-6, 6)
    ),
    "outlier": lambda rng, shape: with_cell(rng.standard_normal(shape), rng, 99999),
    "missing": lambda rng, shape: with_cell(rng.standard_normal(shape), rng, np.nan),
    "infinite": lambda rng, shape: with_cell(rng.standard_normal(shape), rng, -np.inf),
}
# The usual ones come more often.
NUMBER_KINDS = ["normal"] * 8 + ["few"] * 2 + list(NUMBERS)


def with_cell(values, rng, value):
    if values.size:
        values.flat[rng.randint(values.size)] = value
    return values


@st.composite
def numbers(draw, shape):
    return NUMBERS[draw(st.sampled_from(NUMBER_KINDS))](draw(rngs()), shape)


# Types and containers.

TYPES = ["f2", "f4", "f8", ">f8", "g", "i1", "i2", "i4", "i8", "u1", "u2", "u8", "?"]
ODD_TYPES = ["O", "c16", "U", "S", "M8[s]", "m8[s]"]


def typed(values, dtype):
    """Return values in another type; what it cannot hold becomes what it can."""
    if np.dtype(dtype).kind in "iuMm":
        values = np.clip(np.nan_to_num(values), 0, 100)
    with np.errstate(all="ignore"):
        return values.astype(dtype)


def read_only(array):
    array.flags.writeable = False
    return array


def as_frame(array):
    return pd.DataFrame(array, columns=list(NAMES[: array.shape[1]]))


def readable(polars):
    """Return what polars itself can make an array of; it has types that it cannot."""
    polars.to_numpy()
    return polars


def sparse(form, kind):
    """Return a function that makes a sparse matrix, of a type that SciPy can use."""

    def make(array):
        matrix = getattr(scipy.sparse, f"{form}_{kind}")(array)
        matrix.tocsr()[[0]]
        return matrix

    return make


ARRAYS = {
    "C": np.ascontiguousarray,
    "F": np.asfortranarray,
    "strided": strided,
    "reversed": lambda array: array[::-1],
    "read_only": read_only,
    "list": lambda array: array.tolist(),
    "tuple": lambda array: tuple(map(tuple, array.tolist())),
    "array_like": ArrayLike,
    "frame": as_frame,
    "nullable": lambda array: as_frame(array).convert_dtypes(),
    "unnamed": pd.DataFrame,
    "polars": lambda array: readable(
        pl.DataFrame(array, schema=list(NAMES[: array.shape[1]]))
    ),
    "unsorted": lambda array: scipy.sparse.csr_array(array[:, ::-1])[:, ::-1],
} | {
    f"{form}_{kind}": sparse(form, kind)
    for form, kind in [
        ("csr", "array"),
        ("csc", "matrix"),
        ("coo", "array"),
        ("lil", "matrix"),
        ("bsr", "array"),
    ]
}


# What constructors of containers raise.
CANNOT = (TypeError, ValueError, ArithmeticError, NotImplementedError)


@st.composite
def contained(draw, array, containers):
    """The array in a container, or as it is if the container cannot hold it."""
    container = containers[draw(st.sampled_from(sorted(containers)))]
    try:
        # Where NumPy is old, pandas compares what it casts, infinities included.
        with np.errstate(all="ignore"):
            return container(array)
    except (*CANNOT, pl.exceptions.PolarsError):
        return array


@st.composite
def features(draw, n_rows, n_features, odd=True):
    """X: mostly as it should be; once in a while of a type or shape that is refused."""
    array = draw(numbers((n_rows, n_features)))
    dtypes = TYPES + (ODD_TYPES if odd and draw(one_in(4)) else [])
    array = typed(array, draw(st.sampled_from(dtypes)))
    if odd and draw(one_in(20)):
        ragged = [*array.tolist(), [1.0] * 9]
        wrong = [array[:, 0], array[np.newaxis], array[:0], array[:, :0], array[:-1]]
        return draw(st.sampled_from([*wrong, ragged, None, "X", 3.0]))
    return draw(contained(array, ARRAYS))


# Targets.

LABELS = {
    "integers": np.array([0, 1, 2]),
    "negative": np.array([-1, 1]),
    "large": np.array([2**60, 2**60 + 1]),
    "unsigned": np.array([2**63, 2**63 + 1], dtype=np.uint64),
    "small": np.array([3, 200], dtype=np.uint8),
    "floats": np.array([0.0, 1.0, 5.0]),
    "booleans": np.array([False, True]),
    "strings": np.array(["ham", "eggs", "spam"]),
    "objects": np.array(["ham", "eggs", "spam"], dtype=object),
    "object_integers": np.array([1, 2, 3], dtype=object),
    "one": np.array([7]),
    "many": np.arange(40),
}
ODD_LABELS = {
    "bytes": np.array([b"ham", b"eggs"]),
    "object_bytes": np.array([b"ham", b"eggs"], dtype=object),
    "object_booleans": np.array([True, False], dtype=object),
    "digits": np.array(["1", "10", "2"]),
    "numpy_strings": np.array(["ham", "eggs"], dtype=np.dtypes.StringDType()),
    "dates": np.array(["2020-01-01", "2021-01-01"], dtype="M8[D]"),
    "durations": np.array([1, 2], dtype="m8[s]"),
    "no_time": np.array(["2020-01-01", "NaT"], dtype="M8[D]"),
    "fractions": np.array([0.5, 1.5]),
    "beyond_integers": np.array([0.0, 1e300]),
    "missing": np.array([0.0, np.nan]),
    "mixed": np.array(["a", 1], dtype=object),
    "none": np.array(["a", None], dtype=object),
    "tuples": np.array([(0, 1), None, (1, 0)], dtype=object)[::2],
    "complex": np.array([1j, 2j]),
    "wide_integers": np.array([2**70, 2**80], dtype=object),
}

COLUMNS = {
    "array": np.array,
    "strided": strided,
    "read_only": lambda y: read_only(y.copy()),
    "list": lambda y: y.tolist(),
    "tuple": lambda y: tuple(y.tolist()),
    "series": pd.Series,
    "categorical": lambda y: pd.Series(y).astype("category"),
    "polars": lambda y: readable(pl.Series(y.tolist())),
    "array_like": ArrayLike,
    "column": lambda y: y.reshape(-1, 1),
}


def multilabel(rng, n_rows):
    return rng.randint(2, size=(n_rows, 3))


TABLES = {
    "array": np.array,
    "F": np.asfortranarray,
    "list": lambda y: y.tolist(),
    "boolean": lambda y: y.astype(bool),
    "float": lambda y: y.astype(np.float32),
    "sparse": scipy.sparse.csr_array,
    "sparse_matrix": scipy.sparse.csc_matrix,
    "frame": as_frame,
    "polars": lambda y: pl.DataFrame(y, schema=list(NAMES[: y.shape[1]])),
    "other_values": lambda y: 2 + 3 * y,
    "minus_one": lambda y: 2 * y - 1,
    "three_values": lambda y: y + np.arange(len(y))[:, np.newaxis] % 2,
    "strings": lambda y: np.array(["no", "yes"])[y],
    "objects": lambda y: y.astype(object),
}


@st.composite
def labels(draw, n_rows):
    """The y of a classifier."""
    if draw(one_in(5)):
        y = multilabel(draw(rngs()), n_rows)
        return TABLES[draw(st.sampled_from(sorted(TABLES)))](y)
    pool = LABELS | (ODD_LABELS if draw(one_in(3)) else {})
    pool = pool[draw(st.sampled_from(sorted(pool)))]
    # The rare ones are rare.
    y = pool[np.minimum(draw(rngs()).poisson(0.8, n_rows), len(pool) - 1)]
    return draw(contained(y, COLUMNS))


@st.composite
def targets(draw, n_rows):
    """The y of a regressor."""
    n_outputs = draw(st.sampled_from([0, 0, 0, 1, 2, 3]))
    y = draw(numbers((n_rows, n_outputs) if n_outputs else n_rows))
    dtypes = TYPES + (ODD_TYPES if draw(one_in(4)) else [])
    y = typed(y, draw(st.sampled_from(dtypes)))
    if n_outputs:
        return draw(contained(y, ARRAYS))
    return draw(contained(y, COLUMNS))


WEIGHTS = {
    "uniform": lambda rng, n: rng.uniform(0.1, 3, n),
    "zeros_in_part": lambda rng, n: rng.randint(2, size=n).astype(float),
    "integers": lambda rng, n: rng.randint(1, 4, size=n),
    "booleans": lambda rng, n: rng.randint(2, size=n).astype(bool),
    "float16": lambda rng, n: rng.uniform(0, 1, n).astype(np.float16),
    "tiny": lambda rng, n: np.full(n, 1e-300),
    "subnormal": lambda rng, n: np.full(n, 5e-324),
    "huge": lambda rng, n: np.full(n, 1e300),
    "far_apart": lambda rng, n: 10.0 ** rng.uniform(-200, 200, n),
    "list": lambda rng, n: rng.uniform(0.1, 3, n).tolist(),
    "series": lambda rng, n: pd.Series(rng.uniform(0.1, 3, n)),
    "read_only": lambda rng, n: read_only(rng.uniform(0.1, 3, n)),
    "scalar": lambda rng, n: 2,
}
BAD_WEIGHTS = {
    "zeros": lambda rng, n: np.zeros(n),
    "negative": lambda rng, n: rng.uniform(-2, -1, n),
    "missing": lambda rng, n: np.full(n, np.nan),
    "infinite": lambda rng, n: np.full(n, np.inf),
    "longer": lambda rng, n: np.ones(n + 1),
    "column": lambda rng, n: np.ones((n, 1)),
    "strings": lambda rng, n: ["heavy"] * n,
    "none": lambda rng, n: [None] * n,
    "complex": lambda rng, n: np.ones(n) * 1j,
    "sparse": lambda rng, n: scipy.sparse.csr_array(np.ones((1, n))),
    "dates": lambda rng, n: np.ones(n).astype("M8[s]"),
    "string": lambda rng, n: "balanced",
}


@st.composite
def weights(draw, n_rows):
    if draw(st.booleans()):
        return None
    kinds = WEIGHTS | (BAD_WEIGHTS if draw(one_in(5)) else {})
    return kinds[draw(st.sampled_from(sorted(kinds)))](draw(rngs()), n_rows)


# Parameters. The first two tables are complete, see test_parameters.py.

NOT_REAL = (math.nan, math.inf, -math.inf, "0.1", None, True, [0.1], 1j, 10**400)
NOT_INTEGERS_ABOVE_0 = (0, -3, 2.0, math.nan, "3", None, True, [3])
NOT_BOOLEANS = (0, 1, "yes", None)

BAD_VALUES = {
    "hidden_layer_sizes": (
        *(0, -1, 2.5, True, None, "100", {5}),
        *((100, 0), (3, -2), (2.5,), (3, True), (3, None), ("3",)),
        *([[3, 4]], ((10,),), [5, [6]]),
        *(np.array([3.0]), np.array([[3]]), np.array([3, 0]), np.array([True])),
    ),
    "activation": ("softmax", "Relu", None, 1, ["Relu"], [None], {"relu"}, np.tanh),
    "solver": ("rmsprop", "Adam", None, 0),
    "alpha": (-1e-3, *NOT_REAL),
    "batch_size": ("full", *NOT_INTEGERS_ABOVE_0),
    "learning_rate": ("fast", None, 0.1, ["one_cycle"]),
    "learning_rate_init": (0, -0.1, *NOT_REAL),
    "power_t": (-1, *NOT_REAL),
    "max_iter": (math.inf, *NOT_INTEGERS_ABOVE_0),
    "shuffle": NOT_BOOLEANS,
    "random_state": (-1, 2**32, 1.5, "0", True, np.random.default_rng(0)),
    "tol": (-1e-4, *NOT_REAL),
    "verbose": (-1, 1.5, "yes", None),
    "warm_start": NOT_BOOLEANS,
    "momentum": (-0.1, 1.001, *NOT_REAL),
    "nesterovs_momentum": NOT_BOOLEANS,
    "early_stopping": NOT_BOOLEANS,
    "validation_fraction": (-0.1, 1, 1.5, *NOT_REAL),
    "beta_1": (-0.1, 1, *NOT_REAL),
    "beta_2": (-0.1, 1, *NOT_REAL),
    "epsilon": (0, -1e-8, *NOT_REAL),
    "n_iter_no_change": (-math.inf, *NOT_INTEGERS_ABOVE_0),
    "max_fun": (math.inf, *NOT_INTEGERS_ABOVE_0),
    "class_weight": (
        *("uniform", "Balanced", True, 1, 0.5, [1, 2, 3], {0, 1}),
        *({0: -1}, {0: math.nan}, {0: math.inf}, {0: None}, {0: "1"}, {0: True}),
    ),
    "monitor": ("accuracy", "Loss", None, True, ["loss"]),
    "dropout": (-0.1, 1, *NOT_REAL[:-3], *NOT_REAL[-2:], [1], [0.1, None], {0.5}),
    "noise": (-0.1, *NOT_REAL),
    "label_smoothing": (-0.1, 1, *NOT_REAL),
    "max_norm": (0, -1, *(v for v in NOT_REAL if v is not None)),
    "clip_norm": (0, -1, *(v for v in NOT_REAL if v is not None)),
    "averaging": (-0.1, 1, *NOT_REAL),
    "batch_norm": NOT_BOOLEANS,
    "weight_init": (0, -1, "zeros", *NOT_REAL),
    "dtype": (
        *("float16", "int", np.float16, np.longdouble, float, int, None, 32),
        np.array(["float32", "float64"]),
    ),
}

ALLOWED_VALUES = {
    "hidden_layer_sizes": (3, np.int64(3), (3,), [3, 4], (), [], np.array([3, 4])),
    "activation": (*ACTIVATIONS, ["gelu"], ("relu",)),
    "solver": SOLVERS,
    "alpha": (0, 1, np.float32(0.1)),
    "batch_size": ("auto", 1, 7, np.int32(150)),
    "learning_rate": LEARNING_RATES,
    "learning_rate_init": (1, 1e-300),
    "power_t": (0, 2.5),
    "max_iter": (1, np.int64(2)),
    "shuffle": (True, False, np.True_),
    "random_state": (None, 0, 2**32 - 1, np.int64(3), np.random.RandomState(0)),
    "tol": (0, 1),
    "verbose": (True, False, 0, 2, np.False_),
    "warm_start": (True, False, np.False_),
    "momentum": (0, 0.5, 1),
    "nesterovs_momentum": (True, False),
    "early_stopping": (True, False),
    "validation_fraction": (0, 0.999),
    "beta_1": (0, 0.999),
    "beta_2": (0, 0.5),
    "epsilon": (1e-300, 1),
    "n_iter_no_change": (1, math.inf, np.int64(3)),
    "max_fun": (1, np.int64(15)),
    "class_weight": (
        *(None, "balanced", {}, {0: 2}, {0: 1, 1: 0.5, 2: np.float32(0.1)}),
        {np.int64(0): 0},
    ),
    "monitor": ("score", "loss"),
    "dropout": (0, 0.5, [0.1, 0.5], (0, 0), np.float32(0.1)),
    "noise": (0, 0.3, np.float32(2)),
    "label_smoothing": (0, 0.1),
    "max_norm": (None, 2, 0.1),
    "clip_norm": (None, 1, 1e-3),
    "averaging": (0, 0.999),
    "batch_norm": (True, np.True_),
    "weight_init": ("he_uniform", "glorot_normal", 0.01, 1, np.float32(0.1)),
    "dtype": ("auto", "float32", "float64", np.float32, np.dtype("float64")),
}

# The same, and values that matter in combination.

VALID = {name: list(values) for name, values in ALLOWED_VALUES.items()}
VALID |= {
    "random_state": [0, 1, np.int64(2), 2**32 - 1],  # what gives the same bits twice
    "verbose": [False, 0],
    "max_iter": [1, 2, np.int8(3), 3],
    "n_iter_no_change": [1, 2, np.inf],
    "max_fun": [1, 15],
    "hidden_layer_sizes": [2, (), (3,), [3, 2], np.array([2, 2]), np.uint8(3)],
    "activation": [*VALID["activation"][:-2], ["gelu", "tanh"]],
    "learning_rate_init": [1e-300, 1e-3, 0.1, 1, 1e3, 1e8, 1e300, np.float32(0.01)],
    "batch_size": ["auto", 1, 2, 5, np.int64(100)],
    "alpha": [0, 1e-4, 1, 1e10],
    "validation_fraction": [0, 0.1, 0.5, 0.999],
    "class_weight": [
        *VALID["class_weight"],
        *({"ham": 2, "spam": 0}, {True: 3.0}, {0: 0, 1: 0, 2: 0}, {"a": 1, 0: 1}),
    ],
    "loss": list(REGRESSION_LOSSES),
    "quantile": [0.1, np.float32(0.5), [0.9], (0.05, 0.5, 0.95), np.array([0.2, 0.8])],
}
BAD = BAD_VALUES | {
    "loss": ["log_loss", None, 1, ["poisson"]],
    "quantile": [0, 1, -0.5, *NOT_REAL, [], [0.5, 0.1], [0.5, 0.5], [[0.5]], [None]],
}
PARAMETER_NAMES = {
    estimator: [n for n in estimator().get_params() if n not in {"max_iter", "verbose"}]
    for estimator in (ScratchMLPClassifier, ScratchMLPRegressor)
}
TINY = {"max_iter": 2, "hidden_layer_sizes": 3, "random_state": 0}


@st.composite
def parameters(draw, estimator_class, bad=True, most=5):
    """Some parameters of an estimator, once in a while a bad one among them."""
    names = st.sampled_from(PARAMETER_NAMES[estimator_class])
    chosen = draw(st.lists(names, max_size=most, unique=True))
    values = {name: draw(st.sampled_from(VALID[name])) for name in chosen}
    if "max_iter" in chosen or draw(one_in(4)):
        values["max_iter"] = draw(st.sampled_from(VALID["max_iter"]))
    if bad and draw(one_in(15)):
        name = draw(names)
        values[name] = draw(st.sampled_from(list(BAD[name])))
    return TINY | values


class Fit(NamedTuple):
    """What a fit gets, and other rows to predict."""

    parameters: dict
    X: object
    y: object
    sample_weight: object
    validation: dict
    X_new: object


@st.composite
def fits(draw, estimator_class):
    n_rows, n_features = draw(st.integers(1, MAX_ROWS)), draw(st.integers(1, 3))
    make_y = labels if estimator_class is ScratchMLPClassifier else targets
    X, y = draw(features(n_rows, n_features)), draw(make_y(n_rows))
    validation = {}
    if draw(one_in(5)):
        other = draw(st.booleans())
        validation = {
            "X_val": draw(features(n_rows, n_features)) if other else X,
            "y_val": draw(make_y(n_rows)) if other else y,
            "sample_weight_val": draw(weights(n_rows)),
        }
    X_new = draw(features(draw(st.integers(1, 4)), n_features))
    return Fit(
        draw(parameters(estimator_class)),
        *(X, y, draw(weights(n_rows)), validation, X_new),
    )
