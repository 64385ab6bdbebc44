"""From tables of every kind to numbers: what is read, and what is refused."""

import datetime
from decimal import Decimal

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn import config_context

from skmlp_scratch._columns import as_levels, as_numbers
from skmlp_scratch._table_encoder import BLOCK_ROWS, MOST_LEVELS, TableEncoder
from skmlp_scratch.exceptions import InvalidParameterError

pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")

NAN = float("nan")


def mixed(library, n_repeats=10):
    """A frame with numbers, booleans, strings and categories, each with gaps."""
    columns = {
        "age": [20.0, 30.0, None, 50.0],
        "rooms": [1, 2, 3, 4],
        "owner": [True, False, True, False],
        "insured": [True, None, False, True],
        "town": ["a", "b", None, "a"],
    }
    columns = {name: values * n_repeats for name, values in columns.items()}
    frame = library.DataFrame(columns)
    colours = ["red", None, "blue", "red"] * n_repeats
    if library is pd:
        return frame.assign(colour=pd.Categorical(colours))
    return frame.with_columns(pl.Series("colour", colours, dtype=pl.Categorical))


@pytest.mark.parametrize("library", [pd, pl], ids=["pandas", "polars"])
def test_a_mixed_frame(library):
    X = mixed(library)
    encoder = TableEncoder().fit(X)
    encoded = encoder.transform(X)
    assert encoded.dtype == np.float32
    names = encoder.get_feature_names_out().tolist()
    of = dict(zip(names, encoded.T, strict=True))
    plain = [
        *("age", "rooms", "owner", "insured"),
        *("missingindicator_age", "missingindicator_insured"),
        *("town_a", "town_b", "town_None", "colour_blue", "colour_red", "colour_None"),
    ]
    assert names[: encoder.n_plain_] == plain
    assert names[encoder.n_plain_ :] == [
        *("age_bin0", "age_bin1", "rooms_bin0", "rooms_bin1"),
        *("owner_bin0", "insured_bin0"),
    ]
    # Standardised, with the median where there is nothing.
    std = np.std([20, 30, 50])
    ages = [(20 - 100 / 3) / std, (30 - 100 / 3) / std, -10 / 3 / std, (50 / 3) / std]
    np.testing.assert_allclose(of["age"][:4], ages, rtol=1e-6)
    assert of["missingindicator_age"][:4].tolist() == [0, 0, 1, 0]
    assert of["missingindicator_insured"][:4].tolist() == [0, 1, 0, 0]
    assert of["owner"][:4].tolist() == [1, -1, 1, -1]
    assert of["town_None"][:4].tolist() == [0, 0, 1, 0]
    assert of["colour_red"][:4].tolist() == [1, 0, 0, 1]
    assert of["age_bin0"][:4].tolist() == [-0.5, 0.5, 0, 0.5]
    assert of["insured_bin0"][:4].tolist() == [0.5, 0, -0.5, 0.5]


COLUMNS = {
    "pandas-Int64": pd.Series([1, None, 3], dtype="Int64"),
    "pandas-Float64": pd.Series([1, None, 3], dtype="Float64"),
    "pandas-float": pd.Series([1, None, 3]),
    "pandas-object": pd.Series([1, None, 3.0], dtype=object),
    "pandas-decimal": pd.Series([Decimal(1), None, Decimal(3)]),
    "pandas-boxed": pd.Series([1, pd.NA, 3], dtype=object),
    "polars-ints": pl.Series([1, None, 3]),
    "polars-floats": pl.Series([1.0, None, 3.0], dtype=pl.Float32),
    "polars-decimal": pl.Series(["1.0", None, "3.0"]).cast(pl.Decimal(5, 1)),
    "numpy-object": np.array([1, None, 3], dtype=object),
}


@pytest.mark.parametrize("values", COLUMNS.values(), ids=COLUMNS)
def test_numbers_of_every_type(values):
    numbers = as_numbers(values, "x")
    assert numbers.dtype == np.float64
    np.testing.assert_array_equal(numbers, [1, NAN, 3])
    assert as_levels(values, "x").tolist() == ["1", None, "3"]


@pytest.mark.parametrize(
    "values",
    [
        pd.Series(["a", None, "b"]),
        pd.Series(["a", None, "b"], dtype=object),
        pd.Series(["a", None, "b"], dtype="string"),
        pd.Series(["a", None, "b"], dtype="category"),
        pl.Series(["a", None, "b"]),
        pl.Series(["a", None, "b"], dtype=pl.Categorical),
        pl.Series(["a", None, "b"], dtype=pl.Enum(["b", "a", "c"])),
        np.array(["a", NAN, "b"], dtype=object),
    ],
    ids=lambda values: f"{type(values).__module__.split('.')[0]}-{values.dtype}",
)
def test_levels_of_every_type(values):
    assert as_levels(values, "x").tolist() == ["a", None, "b"]
    with pytest.raises(
        ValueError, match="'x' holds strings where numbers are expected"
    ):
        as_numbers(values, "x")


@pytest.mark.parametrize(
    ("values", "levels"),
    [
        (pd.Series([True, False]), ["True", "False"]),
        (pd.Series([True, None], dtype="boolean"), ["True", None]),
        (pd.Series([2, None], dtype="category"), ["2", None]),
        (np.array([2.5, NAN, 2.0]), ["2.5", None, "2"]),
        (np.array([2, 30]), ["2", "30"]),
        (
            np.array([1, "a", 2.0, np.float32(0.5)], dtype=object),
            ["1", "a", "2", "0.5"],
        ),
    ],
)
def test_levels_of_numbers_do_not_depend_on_the_type(values, levels):
    assert as_levels(values, "x").tolist() == levels


DATES = {
    "pandas": pd.Series(pd.date_range("2020", periods=3)),
    "pandas-zone": pd.Series(pd.date_range("2020", periods=3, tz="UTC")),
    "pandas-period": pd.Series(pd.period_range("2020", periods=3, freq="D")),
    "pandas-timedelta": pd.Series(pd.to_timedelta([1, 2, 3], unit="s")),
    "pandas-object": pd.Series([datetime.date(2020, 1, 1), None, None], dtype=object),
    "polars-date": pl.Series([datetime.date(2020, 1, 1), None, None]),
    "polars-datetime": pl.Series([datetime.datetime(2020, 1, 1)] * 3),
    "polars-duration": pl.Series([datetime.timedelta(1)] * 3),
    "polars-time": pl.Series([datetime.time(1)] * 3),
}


@pytest.mark.parametrize("values", DATES.values(), ids=DATES)
def test_dates_are_refused_by_name(values):
    frames = pd if isinstance(values, pd.Series) else pl
    X = frames.DataFrame({"n": [1, 2, 3], "when": values})
    with pytest.raises(
        ValueError, match=r"'when' holds dates.*skrub's DatetimeEncoder"
    ):
        TableEncoder().fit(X)


@pytest.mark.parametrize("frames", [pd, pl], ids=["pandas", "polars"])
def test_text_is_refused_by_name(frames):
    texts = [f"this is review number {n}" for n in range(50)]
    X = frames.DataFrame({"n": range(90), "review": texts[:40] + texts})
    message = "'review' is text.*50 different strings in 90 rows.*skrub's TableVec"
    with pytest.raises(ValueError, match=message):
        TableEncoder().fit(X)
    # What is said to be a category is one.
    TableEncoder(categorical_features=["review"]).fit(X)
    categories = "category" if frames is pd else pl.Categorical
    as_category = (
        X.astype({"review": categories})
        if frames is pd
        else X.cast({"review": categories})
    )
    TableEncoder().fit(as_category)
    # Half of the rows with a level of their own are still a category; and so are few.
    TableEncoder().fit(frames.DataFrame({"review": texts * 2}))
    TableEncoder().fit(frames.DataFrame({"review": texts[:40]}))


@pytest.mark.parametrize(
    "values",
    [
        pl.Series([[1, 2], [3]]),
        pl.Series([[1, 2], [3, 4]], dtype=pl.Array(pl.Int64, 2)),
        pl.Series([{"a": 1}, {"a": 2}]),
        pl.Series([b"a", b"b"]),
        pd.Series([[1, 2], [3]]),
        pd.Series([pd.Interval(0, 1)] * 2),
        pd.Series([1j, 2j]),
    ],
    ids=lambda values: f"{type(values).__module__.split('.')[0]}-{values.dtype}",
)
def test_cells_of_other_kinds_are_refused_by_name(values):
    frames = pd if isinstance(values, pd.Series) else pl
    with pytest.raises(TypeError, match=r"^Column 'odd' holds"):
        TableEncoder().fit(frames.DataFrame({"n": [1, 2], "odd": values}))


@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e39])
@pytest.mark.parametrize("kind", ["frame", "array", "sparse", "object"])
def test_numbers_too_large_are_refused(value, kind):
    X = np.array([[1.0, 2.0], [3.0, value]])
    X = {
        "frame": lambda: pd.DataFrame(X, columns=["a", "b"]),
        "array": lambda: X,
        "sparse": lambda: csr_array(X),
        "object": lambda: X.astype(object),
    }[kind]()
    with pytest.raises(ValueError, match="infinity"):
        TableEncoder().fit(X)


def test_float32_holds_what_is_just_small_enough():
    X = np.array([[0.0], [3e38], [-3e38]])
    encoded = TableEncoder().fit(X).transform(X)
    assert np.isfinite(encoded).all()


@pytest.mark.parametrize("frames", [pd, pl], ids=["pandas", "polars"])
def test_levels_never_seen_and_rare_ones_share_a_column(frames):
    town = ["a"] * 20 + ["b"] * 20 + ["c"] * 3 + [None] * 2
    X = frames.DataFrame({"town": town})
    encoder = TableEncoder().fit(X)
    names = ["town_a", "town_b", "town_infrequent_sklearn"]
    assert encoder.get_feature_names_out().tolist() == names
    new = frames.DataFrame({"town": ["b", "c", None, "never seen"]})
    encoded = encoder.transform(new)
    np.testing.assert_array_equal(encoded, [[0, 1, 0], *[[0, 0, 1]] * 3])


def test_without_rare_levels_those_never_seen_have_no_column():
    encoder = TableEncoder().fit(pd.DataFrame({"town": ["a", "b"] * 5}))
    assert encoder.transform(pd.DataFrame({"town": ["z"]})).tolist() == [[0, 0]]


def test_many_levels_are_shared_out():
    rng = np.random.RandomState(0)
    X = pd.DataFrame(
        {
            "many": rng.randint(400, size=20_000),
            "more": rng.randint(900, size=20_000),
            "few": rng.randint(10, size=20_000),
        }
    ).astype("category")
    encoder = TableEncoder().fit(X)
    assert encoder.n_plain_ == MOST_LEVELS
    counts = dict.fromkeys(X, 0)
    for name in encoder.get_feature_names_out():
        counts[name.split("_")[0]] += 1
    assert counts == {"many": 123, "more": 123, "few": 10}


def test_missing_at_predict_only():
    X = pd.DataFrame({"n": [1.0, 2.0, 3.0] * 5, "town": ["a", "b", "b"] * 5})
    encoder = TableEncoder().fit(X)
    new = pd.DataFrame({"n": [None], "town": [None]})
    encoded = encoder.transform(new)
    names = encoder.get_feature_names_out().tolist()
    assert "missingindicator_n" not in names
    np.testing.assert_array_equal(encoded, np.zeros((1, len(names))))


@pytest.mark.parametrize("frames", [pd, pl], ids=["pandas", "polars"])
def test_columns_without_information(frames):
    X = frames.DataFrame(
        {
            "nothing": [None] * 12,
            "constant": [7.0] * 12,
            "same": ["a"] * 12,
            "n": [1.0, 2.0, 3.0] * 4,
            "twin": [1.0, 2.0, 3.0] * 4,
        }
    )
    encoder = TableEncoder().fit(X)
    encoded = encoder.transform(X)
    assert np.isfinite(encoded).all()
    of = dict(zip(encoder.get_feature_names_out(), encoded.T, strict=True))
    np.testing.assert_array_equal(of["n"], of["twin"])
    assert not of["nothing"].any()
    assert not of["constant"].any()


@pytest.mark.parametrize("frames", [pd, pl], ids=["pandas", "polars"])
@pytest.mark.parametrize(
    "categorical_features",
    [["b", "c"], [1, 2], np.array([1, 2]), [False, True, True], ("c", "b")],
    ids=str,
)
def test_categories_that_are_listed(frames, categorical_features):
    X = frames.DataFrame({"a": [1, 2] * 6, "b": [3, 4] * 6, "c": ["u", "v"] * 6})
    encoder = TableEncoder(categorical_features).fit(X)
    assert encoder.is_categorical_.tolist() == [False, True, True]
    names = encoder.get_feature_names_out().tolist()
    assert names == ["a", "b_3", "b_4", "c_u", "c_v", "a_bin0"]


def test_categories_of_arrays():
    X = np.array([[1.0, 5.0], [2.0, 6.0]] * 6)
    assert not TableEncoder().fit(X).is_categorical_.any()
    encoder = TableEncoder([1]).fit(X)
    assert encoder.get_feature_names_out().tolist() == ["x0", "x1_5", "x1_6", "x0_bin0"]
    listed = [[1, "u"], [2, None], [1.5, "w"]] * 6
    for table in (listed, np.array(listed, dtype=object)):
        encoder = TableEncoder().fit(table)
        assert encoder.is_categorical_.tolist() == [False, True]
    assert TableEncoder().fit(np.array([["a", "b"]] * 6)).is_categorical_.all()


def test_the_type_of_numbers_as_levels_may_change():
    encoder = TableEncoder(["k"]).fit(pd.DataFrame({"k": [1, 2] * 6}))
    encoded = encoder.transform(pd.DataFrame({"k": [2.0, None]}))
    assert encoded.tolist() == [[0, 1], [0, 0]]


@pytest.mark.parametrize(
    ("categorical_features", "message"),
    [
        ("by_name", "'from_dtype', None, or an array-like"),
        (["c", "z"], r"names of columns of X, got \['z'\]"),
        ([0, 3], "positions from 0 to 2, got"),
        ([-1], "positions from 0 to 2, got"),
        ([True, False], r"a mask of shape \(3,\).*got shape \(2,\)"),
        ([0.5], "must be 'from_dtype', None, or an array-like"),
        ([["a"]], "must be 'from_dtype', None, or an array-like"),
        (3, "must be 'from_dtype', None, or an array-like"),
    ],
)
def test_bad_categorical_features(categorical_features, message):
    X = pd.DataFrame({"a": [1, 2], "b": [3, 4], "c": ["u", "v"]})
    with pytest.raises(InvalidParameterError, match=message):
        TableEncoder(categorical_features).fit(X)


def test_names_need_names():
    with pytest.raises(InvalidParameterError, match="where X has no column names"):
        TableEncoder(["a"]).fit(np.ones((3, 2)))


@pytest.mark.parametrize("categorical_features", [None, ["a"], []])
def test_strings_that_are_no_categories_are_refused(categorical_features):
    X = pd.DataFrame({"a": [1, 2], "c": ["u", "v"]})
    with pytest.raises(ValueError, match=r"'c' holds strings.*categorical_features"):
        TableEncoder(categorical_features).fit(X)


def test_sparse_matrices_stay_sparse():
    X = np.array([[0.0, 2.0], [0.0, 0.0], [3.0, 4.0]])
    encoder = TableEncoder().fit(csr_array(X))
    encoded = encoder.transform(csr_array(X))
    assert encoded.dtype == np.float32
    assert encoded.nnz == 3
    np.testing.assert_allclose(encoded.toarray(), X / X.std(axis=0), rtol=1e-6)
    # As dense as it may be, it is read in the same way.
    np.testing.assert_array_equal(encoder.transform(X).toarray(), encoded.toarray())
    assert encoder.get_feature_names_out().tolist() == ["x0", "x1"]
    with pytest.raises(ValueError, match="needs dense X"):
        TableEncoder([0]).fit(csr_array(X))
    with pytest.raises(ValueError, match="Sparse X contains NaN"):
        TableEncoder().fit(csr_array(np.where(X == 4, NAN, X)))
    dense = TableEncoder().fit(X)
    np.testing.assert_array_equal(
        dense.transform(csr_array(X)), dense.transform(X), strict=True
    )


@pytest.mark.parametrize("frames", [pd, pl], ids=["pandas", "polars"])
def test_blocks_of_rows_make_no_difference(frames):
    X = mixed(frames, n_repeats=BLOCK_ROWS // 4 + 2)
    encoder = TableEncoder().fit(X)
    encoded = encoder.transform(X)
    tail = encoder.transform(X[-9:])
    np.testing.assert_array_equal(encoded[-9:], tail)
    np.testing.assert_array_equal(encoded[:4], encoded[-4:])


@pytest.mark.parametrize("weights", [[1, 0, 2, 0, 1, 3], [2, 2, 2, 1, 1, 1]])
def test_weights(weights):
    numbers = [1.0, 100.0, 3.0, NAN, 5.0, 5.0]
    X = pd.DataFrame({"n": numbers, "town": list("abaabb")})
    encoder = TableEncoder().fit(X, sample_weight=np.array(weights, float))
    repeated = TableEncoder().fit(X.loc[np.repeat(X.index, weights)])
    scaler, expected = encoder.numbers_["scaler"], repeated.numbers_["scaler"]
    np.testing.assert_allclose(scaler.mean_, expected.mean_)
    np.testing.assert_allclose(scaler.scale_, expected.scale_)
    np.testing.assert_array_equal(
        encoder.piecewise_.edges_[0], repeated.piecewise_.edges_[0]
    )


@pytest.mark.parametrize("frames", [pd, pl], ids=["pandas", "polars"])
def test_a_global_output_container_does_not_matter(frames):
    X = mixed(frames)
    expected = TableEncoder().fit(X).transform(X)
    for output in ("pandas", "polars"):
        with config_context(transform_output=output):
            encoder = TableEncoder().set_output(transform="default").fit(X)
            np.testing.assert_array_equal(encoder.transform(X), expected, strict=True)


@pytest.mark.parametrize("frames", [pd, pl], ids=["pandas", "polars"])
def test_empty_frames_are_refused(frames):
    with pytest.raises(ValueError, match=r"0 sample\(s\)"):
        TableEncoder().fit(frames.DataFrame({"a": [1.0]})[:0])
    with pytest.raises(ValueError, match=r"0 (feature|sample)\(s\)"):
        TableEncoder().fit(frames.DataFrame())


@pytest.mark.parametrize("frames", [pd, pl], ids=["pandas", "polars"])
def test_numbers_beyond_the_range_are_taken_for_its_ends(frames):
    X = frames.DataFrame({"n": [1.0, 2.0, 4.0, None], "k": [5, 3, 3, 9]})
    encoder = TableEncoder().fit(X)
    new = frames.DataFrame({"n": [-100.0, 3.0, 1e30, None], "k": [-5, 4, 10**6, 9]})
    ends = frames.DataFrame({"n": [1.0, 3.0, 4.0, None], "k": [3, 4, 9, 9]})
    np.testing.assert_array_equal(encoder.transform(new), encoder.transform(ends))
    # Of a row of weight 0 it does not matter what it has.
    weights = np.array([1.0, 1.0, 1.0, 0.0])
    encoder = TableEncoder().fit(X, sample_weight=weights)
    assert encoder.highest_.tolist() == [4, 5]
