"""The piecewise linear encoding of numbers."""

from itertools import pairwise

import numpy as np
import pytest
from helpers import float_types
from sklearn.pipeline import make_pipeline

from skmlp_scratch import PiecewiseLinearEncoder, ScratchMLPRegressor
from skmlp_scratch.exceptions import InvalidParameterError
from skmlp_scratch.piecewise_linear import automatic_bins


def encode_naively(x, edges):
    """The formula of the docstring, number by number."""
    return [
        [
            0.0 if np.isnan(v) else min(max((v - low) / (high - low), 0), 1) - 0.5
            for low, high in pairwise(edges)
        ]
        for v in x
    ]


@pytest.mark.parametrize("seed", range(3))
@float_types
def test_the_columns_are_those_of_the_formula(seed, dtype):
    rng = np.random.RandomState(seed)
    X = rng.standard_normal((200, 3)).astype(dtype)
    X[:, 1] = rng.randint(4, size=200)
    X[rng.random_sample(X.shape) < 0.1] = np.nan
    encoder = PiecewiseLinearEncoder(n_bins=5).fit(X)
    X_new = 2 * rng.standard_normal((50, 3)).astype(dtype)
    X_new[3] = np.nan
    encoded = encoder.transform(X_new)
    expected = np.hstack(
        [
            encode_naively(x, edges)
            for x, edges in zip(X_new.T, encoder.edges_, strict=True)
        ]
    )
    assert encoded.dtype == dtype
    np.testing.assert_allclose(encoded, expected, rtol=0, atol=1e-6)
    assert len(encoder.edges_[0]) == 6
    assert 2 <= len(encoder.edges_[1]) <= 4


def test_the_edges_are_quantiles():
    x = np.random.RandomState(0).permutation(100.0 + np.arange(101))
    (edges,) = PiecewiseLinearEncoder(n_bins=4).fit(x[:, None]).edges_
    np.testing.assert_array_equal(edges, [100, 125, 150, 175, 200])


@pytest.mark.parametrize("seed", range(3))
def test_a_row_of_weight_two_is_two_rows(seed):
    rng = np.random.RandomState(seed)
    X = rng.standard_normal((60, 2)).round(1)
    X[rng.random_sample(X.shape) < 0.1] = np.nan
    weights = rng.randint(4, size=60)
    weighted = PiecewiseLinearEncoder(n_bins=7).fit(X, sample_weight=weights)
    repeated = PiecewiseLinearEncoder(n_bins=7).fit(np.repeat(X, weights, axis=0))
    plain = PiecewiseLinearEncoder(n_bins=7).fit(X)
    for a, b in zip(weighted.edges_, repeated.edges_, strict=True):
        np.testing.assert_array_equal(a, b)
    assert any(
        not np.array_equal(a, b)
        for a, b in zip(weighted.edges_, plain.edges_, strict=True)
    )


def test_rows_of_weight_zero_do_not_count_for_the_number_of_bins():
    X = np.arange(200.0)[:, None]
    weights = np.arange(200) < 60
    (edges,) = PiecewiseLinearEncoder().fit(X, sample_weight=weights).edges_
    assert len(edges) == 4
    assert edges[-1] == 59


def test_features_without_two_values_give_no_column():
    X = np.array([[1.0, 5.0, np.nan, 0.0], [2.0, 5.0, np.nan, np.nan]])
    encoder = PiecewiseLinearEncoder(n_bins=1).fit(X)
    assert [len(edges) for edges in encoder.edges_] == [2, 1, 0, 1]
    np.testing.assert_array_equal(encoder.transform(X), [[-0.5], [0.5]])
    assert encoder.get_feature_names_out().tolist() == ["x0_bin0"]


def test_values_far_apart_do_not_overflow():
    X = np.array([[-1.7e308], [0.0], [1.7e308]])
    encoder = PiecewiseLinearEncoder(n_bins=1).fit(X)
    encoded = encoder.transform(X)
    assert encoded[0] == -0.5
    assert encoded[2] == 0.5
    assert np.isfinite(encoded).all()


@pytest.mark.parametrize(
    ("n_rows", "n_features", "bins"),
    [
        (1, 1, 2),
        (59, 3, 2),
        (60, 3, 3),
        (200, 3, 10),
        (320, 16, 16),
        (10**6, 16, 16),
        (10**6, 17, 15),
        (10**6, 64, 4),
        (10**6, 1000, 4),
        (45, 1000, 2),
    ],
)
def test_automatic_number_of_bins(n_rows, n_features, bins):
    assert automatic_bins(n_rows, n_features) == bins


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_in_and_out(library):
    frames = pytest.importorskip(library)
    X = frames.DataFrame({"age": [1.0, 2.0, 4.0, 4.0], "size": [0.0, None, 1.0, 2.0]})
    encoder = PiecewiseLinearEncoder(n_bins=2).set_output(transform=library)
    encoded = encoder.fit(X).transform(X)
    assert isinstance(encoded, frames.DataFrame)
    # Older versions of scikit-learn cannot read the names of polars 2.
    a, b = getattr(encoder, "feature_names_in_", ["x0", "x1"])
    names = [f"{a}_bin0", f"{a}_bin1", f"{b}_bin0", f"{b}_bin1"]
    assert list(encoded.columns) == names
    if library == "pandas":
        assert (a, b) == ("age", "size")
    assert np.asarray(encoded)[1].tolist() == [0.5, -0.5, 0, 0]


def test_names_that_are_given_later():
    encoder = PiecewiseLinearEncoder(n_bins=1).fit([[0.0, 1.0], [1.0, 2.0]])
    assert encoder.get_feature_names_out(["a", "b"]).tolist() == ["a_bin0", "b_bin0"]
    with pytest.raises(ValueError, match="input_features"):
        encoder.get_feature_names_out(["a"])


@pytest.mark.parametrize("n_bins", [0, -1, 2.0, True, "few", None, [3]])
def test_bad_number_of_bins(n_bins):
    with pytest.raises(InvalidParameterError, match="n_bins must be 'auto' or an int"):
        PiecewiseLinearEncoder(n_bins=n_bins).fit([[1.0], [2.0]])


@pytest.mark.parametrize(
    ("X", "weights", "message"),
    [
        ([[1.0], [np.inf]], None, "infinity"),
        ([1.0, 2.0], None, "2D"),
        ([["a"], ["b"]], None, "could not convert"),
        ([[1.0], [2.0]], [1, -1], "sample_weight must not be negative"),
        ([[1.0], [2.0]], [1], "sample_weight must have shape"),
        ([[1.0], [2.0]], [0, 0], "sample_weight must not be zero for all"),
    ],
)
def test_bad_data_changes_nothing(X, weights, message):
    encoder = PiecewiseLinearEncoder().fit([[1.0, 2.0], [3.0, 4.0]])
    before = dict(vars(encoder))
    with pytest.raises(ValueError, match=message):
        encoder.fit(X, sample_weight=weights)
    assert vars(encoder) == before


def test_a_kink_is_learnt_sooner():
    X = np.linspace(-1, 1, 400)[:, None]
    y = 10 * np.abs(X[:, 0] % 0.4 - 0.2)
    net = ScratchMLPRegressor(
        hidden_layer_sizes=(16,),
        learning_rate="one_cycle",
        learning_rate_init=0.02,
        batch_size=20,
        max_iter=20,
        random_state=0,
    )
    encoded = make_pipeline(PiecewiseLinearEncoder(), net).fit(X, y).score(X, y)
    assert encoded > 0.9
    assert net.fit(X, y).score(X, y) < encoded - 0.2
