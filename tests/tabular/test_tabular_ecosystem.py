"""The tabular estimators inside scikit-learn's tools, and others', on mixed frames."""

import pickle

import joblib
import numpy as np
import pytest
from helpers import SKLEARN, checks_of_scikit_learn, unequal_weights
from sklearn import config_context
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import VotingClassifier
from sklearn.inspection import PartialDependenceDisplay, permutation_importance
from sklearn.metrics import get_scorer
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline

from skmlp_scratch import (
    PiecewiseLinearEncoder,
    TabularMLPClassifier,
    TabularMLPRegressor,
)

pd = pytest.importorskip("pandas")

QUICK = {"n_estimators": 3, "max_steps": 60, "random_state": 0}


def expected_failures(estimator):
    is_encoder = isinstance(estimator, PiecewiseLinearEncoder)
    if is_encoder:
        return {}
    return unequal_weights(
        "rows that are there twice are dealt to folds by themselves; a weight is not"
    )


@checks_of_scikit_learn(
    [
        PiecewiseLinearEncoder(),
        TabularMLPClassifier(3, max_steps=60),
        TabularMLPRegressor(3, max_steps=60),
    ],
    expected_failures,
)
def test_scikit_learns_checks(estimator, check):
    check(estimator)  # asserts for itself


def people(n_rows=240, frames=pd):
    """A mixed frame with gaps, and whether somebody buys."""
    rng = np.random.RandomState(0)
    age = rng.uniform(18, 80, n_rows)
    town = rng.choice(["north", "south", "east"], n_rows)
    member = rng.random_sample(n_rows) < 0.5
    z = np.where(town == "south", 2.0, -1.0) + 2 * member + (age - 50) / 10
    y = np.where(z + rng.standard_normal(n_rows) > 0, "yes", "no")
    age[::9] = np.nan
    columns = {
        "age": age.tolist(),
        "town": [None if i % 11 == 3 else t for i, t in enumerate(town.tolist())],
        "member": member.tolist(),
    }
    if frames is not pd:
        columns["age"] = [None if np.isnan(a) else a for a in age]
    return frames.DataFrame(columns), y, z


def test_pandas_and_polars_give_the_same():
    pl = pytest.importorskip("polars")
    X, y, _ = people()
    clf = TabularMLPClassifier(**QUICK).fit(X, y)
    assert clf.feature_names_in_.tolist() == ["age", "town", "member"]
    X_polars = people(frames=pl)[0]
    of_polars = TabularMLPClassifier(**QUICK).fit(X_polars, pl.Series(y.tolist()))
    np.testing.assert_array_equal(
        clf.predict_proba(X), of_polars.predict_proba(X_polars)
    )
    assert clf.oob_score_ == of_polars.oob_score_ > 0.75
    assert of_polars.n_features_in_ == 3
    of_objects = TabularMLPClassifier(**QUICK).fit(X.to_numpy(dtype=object), y)
    np.testing.assert_array_equal(
        of_objects.predict_proba(X.to_numpy(dtype=object)), clf.predict_proba(X)
    )


def test_cross_validation():
    X, y, z = people()
    scores = cross_validate(
        TabularMLPClassifier(**QUICK),
        X,
        y,
        cv=3,
        scoring=["accuracy", "neg_log_loss", "roc_auc"],
        error_score="raise",
    )
    assert scores["test_roc_auc"].mean() > 0.8
    assert cross_val_score(TabularMLPRegressor(**QUICK), X, z, cv=3).mean() > 0.7


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_grid_search(n_jobs):
    X, y, _ = people()
    search = GridSearchCV(
        TabularMLPClassifier(**QUICK),
        {"n_estimators": [1, 4], "learning_rate_init": [1e-6, 0.02]},
        cv=2,
        n_jobs=n_jobs,
        error_score="raise",
    ).fit(X, y)
    assert search.best_params_["learning_rate_init"] == 0.02
    assert search.best_score_ > 0.75


@pytest.mark.parametrize(
    "method",
    [
        "sigmoid",
        "isotonic",
        pytest.param(
            "temperature",
            marks=pytest.mark.skipif(SKLEARN < (1, 8), reason="new in 1.8"),
        ),
    ],
)
def test_calibration(method):
    X, y, _ = people()
    clf = CalibratedClassifierCV(TabularMLPClassifier(**QUICK), method=method, cv=2)
    probabilities = clf.fit(X, y).predict_proba(X)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert clf.score(X, y) > 0.75


def test_inspection():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("Agg")
    X, y, z = people()
    # The plot sorts levels, and takes quantiles of numbers.
    X = X.assign(town=X["town"].fillna("none"), age=X["age"].fillna(50))
    clf = TabularMLPClassifier(**QUICK).fit(X, y)
    importances = permutation_importance(clf, X, y, n_repeats=2, random_state=0)
    assert importances.importances_mean.shape == (3,)
    assert importances.importances_mean.max() > 0.05
    display = PartialDependenceDisplay.from_estimator(
        clf, X, ["age", "town"], categorical_features=["town"], grid_resolution=5
    )
    average = display.pd_results[0]["average"][0]
    assert average[-1] > average[0] + 0.1
    reg = TabularMLPRegressor(**QUICK).fit(X, z)
    PartialDependenceDisplay.from_estimator(reg, X, ["age"], grid_resolution=5)
    pyplot.close("all")


def test_pipelines_and_votes():
    X, y, _ = people()
    numbers = make_pipeline(PiecewiseLinearEncoder(), TabularMLPClassifier(**QUICK))
    assert numbers.fit(X[["age"]], y).score(X[["age"]], y) > 0.6
    clf = TabularMLPClassifier(**QUICK)
    vote = VotingClassifier([("a", clf), ("b", clone(clf))], voting="soft").fit(X, y)
    assert vote.score(X, y) > 0.75


def test_a_global_output_container_does_not_matter():
    X, y, _ = people()
    expected = TabularMLPClassifier(**QUICK).fit(X, y).predict_proba(X)
    with config_context(transform_output="pandas"):
        clf = TabularMLPClassifier(**QUICK).fit(X, y)
        np.testing.assert_array_equal(clf.predict_proba(X), expected)


def test_metadata_routing():
    X, y, z = people()
    weights = np.where(y == "yes", 5.0, 1.0)
    with config_context(enable_metadata_routing=True):
        clf = TabularMLPClassifier(**QUICK)
        clf.set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        routed = make_pipeline(clf).fit(X, y, sample_weight=weights)
        scorer = get_scorer("neg_log_loss").set_score_request(sample_weight=True)
        scores = cross_validate(
            clf, X, y, params={"sample_weight": weights}, cv=2, scoring=scorer
        )
        assert np.isfinite(scores["test_score"]).all()
        reg = TabularMLPRegressor(**QUICK).set_fit_request(sample_weight=True)
        make_pipeline(reg).fit(X, z, sample_weight=weights)
    direct = TabularMLPClassifier(**QUICK).fit(X, y, sample_weight=weights)
    np.testing.assert_array_equal(routed.predict_proba(X), direct.predict_proba(X))


def test_clones_and_pickles():
    X, y, _ = people()
    clf = TabularMLPClassifier(**QUICK).fit(X, y)
    again = pickle.loads(pickle.dumps(clf))
    np.testing.assert_array_equal(again.predict_proba(X), clf.predict_proba(X))
    twin = clone(clf)
    assert not hasattr(twin, "estimators_")
    np.testing.assert_array_equal(twin.fit(X, y).predict(X), clf.predict(X))


def test_threads_of_joblib():
    X, y, _ = people()
    expected = TabularMLPClassifier(**QUICK).fit(X, y).predict_proba(X)
    with joblib.parallel_config(backend="threading"):
        clf = TabularMLPClassifier(**QUICK, n_jobs=2).fit(X, y)
    np.testing.assert_array_equal(clf.predict_proba(X), expected)


@pytest.mark.oracle
def test_skops():
    skops = pytest.importorskip("skops.io", reason="needs the extra 'oracles'")
    X, y, z = people()
    for est in (
        TabularMLPClassifier(**QUICK).fit(X, y),
        TabularMLPRegressor(**QUICK).fit(X, z),
    ):
        dumped = skops.dumps(est)
        unknown = skops.get_untrusted_types(data=dumped)
        # The type is SimpleImputer's.
        others = {name for name in unknown if not name.startswith("skmlp_scratch.")}
        assert others <= {"numpy.dtype"}
        again = skops.loads(dumped, trusted=unknown)
        np.testing.assert_array_equal(again.predict(X), est.predict(X))


# It tries the model on an array of zeros.
@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
@pytest.mark.oracle
def test_mapie():
    regression = pytest.importorskip(
        "mapie.regression", reason="needs the extra 'oracles'"
    )
    X, _, z = people()
    reg = TabularMLPRegressor(**QUICK).fit(X[:120], z[:120])
    conformal = regression.SplitConformalRegressor(
        reg, confidence_level=0.9, prefit=True
    ).conformalize(X[120:180], z[120:180])
    _, intervals = conformal.predict_interval(X[180:])
    low, high = intervals[:, 0, 0], intervals[:, 1, 0]
    assert np.mean((low <= z[180:]) & (z[180:] <= high)) > 0.75
