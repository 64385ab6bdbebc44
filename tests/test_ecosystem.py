"""Inside scikit-learn's own tools, with the data that people have."""

from functools import partial

import numpy as np
import pytest
from helpers import SKLEARN, ignore, ignore_convergence, stochastic
from sklearn import config_context
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import (
    load_iris,
    make_friedman1,
    make_multilabel_classification,
)
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.inspection import PartialDependenceDisplay, permutation_importance
from sklearn.linear_model import Ridge
from sklearn.metrics import get_scorer
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    KFold,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    learning_curve,
)
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler, scale
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.tree import DecisionTreeClassifier

from skmlp_scratch import ScratchMLPClassifier, ScratchMLPRegressor

# scikit-learn hands the filters on to its worker processes.
pytestmark = ignore_convergence

IRIS = load_iris()
NAMES = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
SPECIES = IRIS.target_names[IRIS.target]


def numpy_data():
    return IRIS.data, SPECIES


def pandas_data():
    pandas = pytest.importorskip("pandas")
    return pandas.DataFrame(IRIS.data, columns=NAMES), pandas.Series(SPECIES)


def polars_data():
    polars = pytest.importorskip("polars")
    return polars.DataFrame(IRIS.data, schema=NAMES), polars.Series(SPECIES.tolist())


@pytest.fixture(params=[numpy_data, pandas_data, polars_data])
def data(request):
    return request.param()


def network(**parameters):
    return ScratchMLPClassifier(
        **{
            "hidden_layer_sizes": 12,
            "activation": "tanh",
            "learning_rate_init": 0.02,
            "max_iter": 100,
            "random_state": 0,
        }
        | parameters
    )


def scaled_network(**parameters):
    return make_pipeline(StandardScaler(), network(**parameters))


def test_every_container_gives_the_numbers_of_an_array(data):
    X, y = data
    of_frame, of_array = network().fit(X, y), network().fit(*numpy_data())
    probabilities = of_frame.predict_proba(X)
    expected = of_array.predict_proba(IRIS.data)
    np.testing.assert_allclose(probabilities, expected, rtol=1e-10)
    np.testing.assert_array_equal(of_frame.classes_, IRIS.target_names)
    np.testing.assert_array_equal(of_frame.predict(X), of_array.predict(IRIS.data))


def skip_unless_names_are_read(X):
    # Older versions read them by the interchange protocol.
    has_protocol = isinstance(X, np.ndarray) or hasattr(X, "__dataframe__")
    if SKLEARN < (1, 9) and not has_protocol:
        pytest.skip("polars 2 needs scikit-learn 1.9 for feature names")


def test_feature_names_are_kept_if_there_are_any(data):
    X, y = data
    skip_unless_names_are_read(X)
    estimator = network(max_iter=2).fit(X, y)
    assert estimator.n_features_in_ == 4
    if isinstance(X, np.ndarray):
        assert not hasattr(estimator, "feature_names_in_")
        return
    assert estimator.feature_names_in_.tolist() == NAMES
    assert estimator.feature_names_in_.dtype == object
    with pytest.raises(ValueError, match="same order"):
        estimator.predict(X[NAMES[::-1]])


@pytest.mark.parametrize(
    ("data", "output"),
    [(pandas_data, "pandas"), (polars_data, "polars")],
    indirect=["data"],
    ids=["pandas", "polars"],
)
def test_feature_names_go_through_a_pipeline(data, output):
    X, y = data
    skip_unless_names_are_read(X)
    pipeline = scaled_network(max_iter=2).set_output(transform=output).fit(X, y)
    assert pipeline[-1].feature_names_in_.tolist() == NAMES
    assert set(pipeline.predict(X)) <= set(IRIS.target_names)


def test_pipeline(data):
    X, y = data
    pipeline = scaled_network().fit(X, y)
    assert pipeline.score(X, y) > 0.93
    assert pipeline.predict(X).dtype.kind in "OUT"


# It says that a network which did not learn anything is of no use.
@ignore("ConstantPredictionWarning")
def test_grid_search_in_two_processes(data):
    X, y = data
    search = GridSearchCV(
        scaled_network(),
        {
            "scratchmlpclassifier__hidden_layer_sizes": [(), (3, 3), 12],
            "scratchmlpclassifier__learning_rate_init": [1e-9, 0.02],
        },
        cv=3,
        n_jobs=2,
        error_score="raise",
    ).fit(X, y)
    assert search.best_params_["scratchmlpclassifier__learning_rate_init"] == 0.02
    assert search.best_score_ > 0.9
    assert search.cv_results_["mean_test_score"].min() < 0.8
    assert set(search.predict(X)) == set(IRIS.target_names)


@stochastic
def test_cross_validation_in_two_processes(data, solver):
    X, y = data
    model = scaled_network(solver=solver, learning_rate_init=0.05)
    scores = cross_val_score(model, X, y, cv=4, n_jobs=2, error_score="raise")
    assert scores.shape == (4,)
    assert scores.min() > 0.8


@pytest.mark.parametrize("method", ["predict_proba", "predict_log_proba"])
def test_processes_change_no_number(method):
    X, y = numpy_data()
    one, two = (
        cross_val_predict(
            scaled_network(max_iter=10), X, y, cv=3, n_jobs=n_jobs, method=method
        )
        for n_jobs in (1, 2)
    )
    # Up to rounding: BLAS may run another number of threads in a worker.
    np.testing.assert_allclose(two, one, rtol=1e-6)


# One test for each of scikit-learn's tools: for labels and, where there is one, values

FRIEDMAN = make_friedman1(120, n_features=6, noise=0.1, random_state=0)


def regression_network(**parameters):
    return ScratchMLPRegressor(
        **{
            "hidden_layer_sizes": 12,
            "activation": "tanh",
            "solver": "lbfgs",
            "max_iter": 40,
            "alpha": 1,
            "random_state": 0,
        }
        | parameters
    )


TASKS = {
    "classifier": (network, IRIS.data, SPECIES, 0.9),
    "regressor": (regression_network, *FRIEDMAN, 0.7),
}


@pytest.fixture(params=TASKS)
def task(request):
    make, X, y, good_score = TASKS[request.param]
    return make, X, y, good_score


def test_inside_a_pipeline(task):
    make, X, y, good_score = task
    pipeline = make_pipeline(StandardScaler(), make()).fit(X[::2], y[::2])
    assert pipeline.score(X[1::2], y[1::2]) > good_score
    assert pipeline[-1].n_features_in_ == X.shape[1]


@pytest.mark.parametrize(
    "search_class", [GridSearchCV, partial(HalvingGridSearchCV, random_state=0)]
)
def test_inside_a_search(search_class, task):
    make, X, y, good_score = task
    pipeline = Pipeline([("scale", StandardScaler()), ("network", make())])
    search = search_class(
        pipeline,
        {"network__max_iter": [1, 2, 60]},
        cv=KFold(3, shuffle=True, random_state=0),
        error_score="raise",
    ).fit(X, y)
    assert search.best_params_ == {"network__max_iter": 60}
    scores = search.cv_results_["mean_test_score"]
    assert scores.max() - scores.min() > 0.3
    assert search.score(X, y) > good_score


def test_inside_cross_validate(task):
    make, X, y, good_score = task
    results = cross_validate(
        make_pipeline(StandardScaler(), make()),
        X,
        y,
        cv=KFold(4, shuffle=True, random_state=0),
        return_train_score=True,
        return_estimator=True,
        error_score="raise",
    )
    assert results["test_score"].min() > good_score - 0.2
    assert (results["train_score"] >= results["test_score"] - 0.1).all()
    assert len({id(estimator[-1].coefs_) for estimator in results["estimator"]}) == 4


@pytest.mark.parametrize("exploit_incremental_learning", [False, True])
def test_inside_a_learning_curve(exploit_incremental_learning, task):
    make, X, y, good_score = task
    if exploit_incremental_learning:
        # Each size is one call of partial_fit.
        make = partial(make, solver="sgd", batch_size=1, learning_rate_init=0.003)
    sizes, train_scores, test_scores = learning_curve(
        make(activation="tanh"),
        scale(X),
        y,
        train_sizes=[0.2, 1.0],
        cv=KFold(3, shuffle=True, random_state=0),
        shuffle=True,
        random_state=0,
        exploit_incremental_learning=exploit_incremental_learning,
        error_score="raise",
    )
    assert sizes.tolist() == [len(X) * 2 // 15, len(X) * 2 // 3]
    assert train_scores.shape == test_scores.shape == (2, 3)
    if not exploit_incremental_learning:
        assert test_scores[1].mean() > good_score - 0.1
    assert test_scores[1].mean() > test_scores[0].mean()


def calibrated(method):
    def make(estimator):
        return CalibratedClassifierCV(estimator, method=method, cv=3)

    return make


def stacking(estimator):
    members = [("tree", DecisionTreeClassifier(max_depth=2)), ("network", estimator)]
    return StackingClassifier(members, final_estimator=network(hidden_layer_sizes=()))


def voting(kind):
    def make(estimator):
        members = [("one", estimator), ("other", clone(estimator))]
        members[1][1].set_params(scratchmlpclassifier__random_state=1)
        return VotingClassifier(members, voting=kind)

    return make


ENSEMBLES = {
    "CalibratedClassifierCV, sigmoid": calibrated("sigmoid"),
    "CalibratedClassifierCV, isotonic": calibrated("isotonic"),
    "BaggingClassifier": lambda e: BaggingClassifier(e, 4, random_state=0),
    "StackingClassifier": stacking,
    "VotingClassifier, soft": voting("soft"),
    "VotingClassifier, hard": voting("hard"),
    "OneVsRestClassifier": OneVsRestClassifier,
    "OneVsOneClassifier": OneVsOneClassifier,
    "AdaBoostClassifier": lambda e: AdaBoostClassifier(e[-1], n_estimators=3),
}


@pytest.mark.parametrize("ensemble", ENSEMBLES)
def test_inside_an_ensemble(ensemble):
    X, y = scale(IRIS.data), SPECIES
    train, test = np.arange(150) % 3 > 0, np.arange(150) % 3 == 0
    model = ENSEMBLES[ensemble](scaled_network()).fit(X[train], y[train])
    assert model.score(X[test], y[test]) > 0.88
    assert model.classes_.tolist() == IRIS.target_names.tolist()
    if hasattr(model, "predict_proba"):
        probabilities = model.predict_proba(X[test])
        assert probabilities.shape == (50, 3)
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)


REGRESSION_ENSEMBLES = {
    "BaggingRegressor": lambda e: BaggingRegressor(e, 4, random_state=0),
    "StackingRegressor": lambda e: StackingRegressor([("a", e), ("b", Ridge())]),
    "VotingRegressor": lambda e: VotingRegressor([("a", e), ("b", Ridge())]),
    "AdaBoostRegressor": lambda e: AdaBoostRegressor(e, n_estimators=3, random_state=0),
    "TransformedTargetRegressor": lambda e: TransformedTargetRegressor(
        e, transformer=StandardScaler()
    ),
}


@pytest.mark.parametrize("ensemble", REGRESSION_ENSEMBLES)
def test_inside_a_regression_ensemble(ensemble):
    X, y = FRIEDMAN
    X = scale(X)
    model = REGRESSION_ENSEMBLES[ensemble](regression_network()).fit(X[:80], y[:80])
    assert model.score(X[80:], y[80:]) > 0.6
    assert model.predict(X).shape == (120,)


def several_labels():
    X, y = make_multilabel_classification(
        150, 8, n_classes=3, n_labels=2, random_state=0
    )
    return scale(X), y


@pytest.mark.parametrize("chain", [False, True])
def test_inside_a_classifier_chain(chain):
    X, y = several_labels()
    model = scaled_network()
    if chain:
        model = ClassifierChain(model, order=[2, 0, 1])
    else:
        model = MultiOutputClassifier(model)
    model.fit(X[:100], y[:100])
    assert model.predict(X).shape == (150, 3)
    # Of all rows, some have all labels right; by chance it would be about one in eight.
    assert (model.predict(X[100:]) == y[100:]).all(axis=1).mean() > 0.4
    assert (model.predict(X[100:]) == y[100:]).mean() > 0.7


def test_inside_self_training():
    X, y = scale(IRIS.data), IRIS.target.copy()
    unlabelled = np.arange(150) % 10 > 0
    model = SelfTrainingClassifier(scaled_network(), threshold=0.9)
    model.fit(X, np.where(unlabelled, -1, y))
    assert model.score(X[unlabelled], y[unlabelled]) > 0.8
    assert (model.labeled_iter_ > 0).sum() > 50
    assert set(model.classes_) == {0, 1, 2}


def test_inside_permutation_importance(task):
    make, X, y, _ = task
    rng = np.random.default_rng(0)
    X = np.column_stack([scale(X), rng.normal(size=len(X))])
    estimator = make(alpha=1).fit(X, y)
    importance = permutation_importance(
        estimator, X, y, n_repeats=3, random_state=0
    ).importances_mean
    assert importance.shape == (X.shape[1],)
    assert importance.max() > 0.1
    assert importance[-1] < importance.max() / 5  # the noise


def test_inside_partial_dependence(task):
    pytest.importorskip("matplotlib", reason="needs matplotlib to draw")
    import matplotlib as mpl

    mpl.use("Agg")
    make, X, y, _ = task
    estimator = make().fit(scale(X), y)
    target = "virginica" if make is network else None
    display = PartialDependenceDisplay.from_estimator(
        estimator, scale(X), features=[2, 3], target=target, grid_resolution=5
    )
    assert display.axes_.shape == (1, 2)
    curves = np.array([result.average[0] for result in display.pd_results])
    assert curves.shape == (2, 5)
    assert np.ptp(curves, axis=1).max() > 0.1
    mpl.pyplot.close("all")


# Metadata routing and output containers


def test_weights_are_routed_through_a_pipeline(task):
    make, X, y, _ = task
    X = scale(X)
    weights = np.random.default_rng(0).uniform(0, 2, size=len(y))
    expected = make().fit(X, y, weights).predict(X)
    with config_context(enable_metadata_routing=True):
        estimator = make().set_fit_request(sample_weight=True)
        routed = make_pipeline(estimator).fit(X, y, sample_weight=weights)
        with pytest.raises(ValueError, match=r"sample_weight.* not explicitly set"):
            make_pipeline(make()).fit(X, y, sample_weight=weights)
        scaler = StandardScaler().set_fit_request(sample_weight=True)
        ignoring = make_pipeline(scaler, make().set_fit_request(sample_weight=False))
        ignoring.fit(X, y, sample_weight=weights)
    np.testing.assert_array_equal(routed.predict(X), expected)
    rows = scaler.transform(X)
    expected = make().fit(rows, y).predict(rows)
    np.testing.assert_array_equal(ignoring.predict(X), expected)


def test_weights_are_routed_through_cross_validate(task):
    make, X, y, _ = task
    X = scale(X)
    folds = KFold(3, shuffle=True, random_state=0)
    weights = np.random.default_rng(0).uniform(0, 2, size=len(y))
    with config_context(enable_metadata_routing=True):
        estimator = make().set_fit_request(sample_weight=True)
        scorer = get_scorer("accuracy" if make is network else "r2")
        scores = cross_validate(
            make_pipeline(estimator),
            X,
            y,
            cv=folds,
            scoring=scorer.set_score_request(sample_weight=True),
            params={"sample_weight": weights},
            error_score="raise",
        )["test_score"]
    expected = [
        make()
        .fit(X[train], y[train], weights[train])
        .score(X[test], y[test], weights[test])
        for train, test in folds.split(X)
    ]
    np.testing.assert_allclose(scores, expected, rtol=1e-9)


def test_partial_fit_requests():
    with config_context(enable_metadata_routing=True):
        estimator = network().set_partial_fit_request(classes=True, sample_weight=True)
        request = estimator.get_metadata_routing().partial_fit.requests
    assert request == {"classes": True, "sample_weight": True}


def test_pandas_output_of_all_transformers(task):
    pytest.importorskip("pandas", reason="needs pandas")
    make, X, y, good_score = task
    with config_context(transform_output="pandas"):
        pipeline = make_pipeline(StandardScaler(), make()).fit(X, y)
        predicted = pipeline.predict(X)
        assert isinstance(predicted, np.ndarray)
        assert pipeline.score(X, y) > good_score
    assert pipeline[-1].feature_names_in_.tolist() == [
        f"x{number}" for number in range(X.shape[1])
    ]
    plain = make_pipeline(StandardScaler(), make()).fit(X, y)
    np.testing.assert_array_equal(predicted, plain.predict(X))


def test_grid_search_over_solvers_and_losses():
    X, y = FRIEDMAN
    search = GridSearchCV(
        make_pipeline(StandardScaler(), regression_network()),
        {
            "scratchmlpregressor__loss": ["squared_error", "poisson"],
            "scratchmlpregressor__solver": ["adam", "lbfgs"],
        },
        cv=3,
        error_score="raise",
    ).fit(X, y)
    assert search.best_params_["scratchmlpregressor__solver"] == "lbfgs"
    assert search.best_score_ > 0.7
