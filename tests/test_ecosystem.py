"""Inside scikit-learn's own tools, with the data that people have."""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.ensemble import BaggingClassifier
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmlp_scratch import ScratchMLPClassifier

# scikit-learn hands the filters on to its worker processes.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

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


def test_feature_names_are_kept_if_there_are_any(data):
    X, y = data
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
    pipeline = scaled_network(max_iter=2).set_output(transform=output).fit(X, y)
    assert pipeline[-1].feature_names_in_.tolist() == NAMES
    assert set(pipeline.predict(X)) <= set(IRIS.target_names)


def test_pipeline(data):
    X, y = data
    pipeline = scaled_network().fit(X, y)
    assert pipeline.score(X, y) > 0.93
    assert pipeline.predict(X).dtype.kind in "OUT"


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


@pytest.mark.parametrize("solver", ["adam", "sgd"])
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


@pytest.mark.parametrize("wrapper", [BaggingClassifier, OneVsRestClassifier])
def test_inside_another_estimator(wrapper):
    X, y = numpy_data()
    ensemble = wrapper(scaled_network()).fit(X, y)
    assert ensemble.score(X, y) > 0.9
    assert ensemble.predict_proba(X).shape == (150, 3)
