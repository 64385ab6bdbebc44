"""scikit-learn's own callbacks, within its own pipelines and searches."""

import os
import re
import subprocess
import sys
import warnings

import joblib
import numpy as np
import pytest
from doubles import needs_callbacks
from helpers import (
    SKLEARN,
    both,
    ignore,
    ignore_convergence,
    numbers,
    quick,
    scaled_iris,
)
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.metrics import r2_score
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    KFold,
    train_test_split,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmlp_scratch import TabularMLPClassifier
from skmlp_scratch.callbacks import EarlyStopping, TimeLimit

if SKLEARN >= (1, 9):
    from sklearn.callback import ProgressBar, ScoringMonitor

pytestmark = [needs_callbacks, ignore_convergence, ignore("ConstantPredictionWarning")]
X, Y = scaled_iris()
# scikit-learn hands the filters on to its worker processes.
backends = pytest.mark.parametrize("backend", ["threading", "loky"])


def epochs_of(monitor):
    """Return the rows of the epochs, which are the tasks without tasks of their own."""
    return [row for row in monitor.get_logs().data if row["task_name"] == "epoch"]


# ScoringMonitor


def test_accuracy_on_training_and_test_rows_after_each_epoch():
    train, test, y_train, y_test = train_test_split(X, Y, random_state=0)

    def accuracies(fitted_estimator, X, y, **metadata):
        return {
            "train": fitted_estimator.score(X, y),
            "test": fitted_estimator.score(test, y_test),
        }

    monitor = ScoringMonitor(scoring=accuracies)
    parameters = {"learning_rate_init": 0.02}
    quick(max_iter=8, **parameters).set_callbacks(monitor).fit(train, y_train)
    rows = epochs_of(monitor)
    assert [row["task_id"] for row in rows] == list(range(8))
    for epoch, row in enumerate(rows, start=1):
        model = quick(max_iter=epoch, **parameters).fit(train, y_train)
        assert row["train"] == model.score(train, y_train)
        assert row["test"] == model.score(test, y_test)
    assert len({row["test"] for row in rows}) > 2


@both
@pytest.mark.parametrize("scoring", ["r2", ["r2", "neg_mean_absolute_error"]])
def test_scorers_by_name(estimator_class, scoring):
    monitor = ScoringMonitor(scoring=scoring)
    model = quick(estimator_class).set_callbacks(monitor).fit(X, Y)
    rows = epochs_of(monitor)
    assert len(rows) == 5
    assert rows[-1]["r2"] == r2_score(Y, model.predict(X))
    assert ("neg_mean_absolute_error" in rows[-1]) == (scoring != "r2")


def test_scores_are_weighted_as_the_fit():
    weights = np.where(Y == 0, 100.0, 1.0)
    monitor = ScoringMonitor(scoring="accuracy")
    model = quick(max_iter=3).set_callbacks(monitor).fit(X, Y, sample_weight=weights)
    *_, last = epochs_of(monitor)
    assert last["accuracy"] == model.score(X, Y, weights) != model.score(X, Y)


def test_a_frame_in_a_pipeline_gives_no_warning():
    pd = pytest.importorskip("pandas", reason="a data frame is passed")
    frame = pd.DataFrame(X, columns=list("abcd"))
    monitor = ScoringMonitor(scoring="accuracy")
    net = quick().set_callbacks(monitor)
    labels = np.array(["setosa", "versicolor", "virginica"])[Y]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "Stopped at max_iter")
        make_pipeline(StandardScaler().set_output(transform="pandas"), net).fit(
            frame, labels
        )
    assert len(epochs_of(monitor)) == 5


@backends
def test_every_fit_of_a_search_is_scored(backend):
    monitor = ScoringMonitor(scoring="accuracy")
    pipeline = make_pipeline(StandardScaler(), quick().set_callbacks(monitor))
    grid = {"scratchmlpclassifier__alpha": [0.0, 0.1]}
    search = GridSearchCV(pipeline, grid, cv=3, n_jobs=2)
    with joblib.parallel_config(backend):
        search.fit(X, Y)
    by_fit = {}
    for row in epochs_of(monitor):
        by_fit.setdefault(row["parent_task_id_path"], []).append(row["accuracy"])
    assert len(by_fit) == 2 * 3 + 1
    assert all(len(scores) == 5 for scores in by_fit.values())
    refit = by_fit[max(by_fit)]
    assert refit[-1] == search.score(X, Y)


# ProgressBar


@pytest.fixture
def bars(capsys):
    """Return a function that fits with bars, and returns a line for each of them."""
    pytest.importorskip("rich", reason="scikit-learn draws its bars with rich")

    def fit(estimator):
        estimator.set_callbacks(ProgressBar(max_propagation_depth=None)).fit(X, Y)
        lines = capsys.readouterr().out.splitlines()
        return [line for line in lines if line.strip()]

    return fit


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch):
    """Room for the names of all tasks."""
    monkeypatch.setenv("COLUMNS", "200")


def finished(lines, pattern):
    """Count the bars of tasks with such a name; all must have come to their end."""
    found = [line for line in lines if re.search(pattern, line)]
    assert all("100%" in line for line in found), found
    return len(found)


@pytest.mark.parametrize(
    "parameters",
    [{}, {"solver": "lbfgs"}, {"max_iter": 500, "tol": 0.1, "n_iter_no_change": 2}],
    ids=["to the end", "lbfgs", "converged"],
)
def test_a_bar(bars, parameters):
    lines = bars(quick(**parameters))
    assert len(lines) == finished(lines, "^ScratchMLPClassifier - fit .*━") == 1


def test_bars_of_a_pipeline(bars):
    lines = bars(make_pipeline(StandardScaler(), quick()))
    assert finished(lines, "^Pipeline - fit ") == 1
    assert finished(lines, r"fit-final-estimator \| ScratchMLPClassifier - fit #1") == 1


@backends
def test_bars_of_a_search(bars, backend):
    with joblib.parallel_config(backend):
        lines = bars(GridSearchCV(quick(), {"alpha": [0.0, 0.1]}, cv=2, n_jobs=2))
    assert finished(lines, r"^ +GridSearchCV - candidate.* \| ScratchMLP.* - fit") == 4
    assert finished(lines, r"^ +GridSearchCV - refit.* \| ScratchMLP.* - fit #1") == 1
    assert finished(lines, "") == len(lines) == 7


def test_bars_of_halving(bars):
    search = HalvingGridSearchCV(
        quick(),
        {"alpha": [0.0, 0.1, 1.0]},
        resource="max_iter",
        max_resources=9,
        cv=KFold(2, shuffle=True, random_state=0),
    )
    lines = bars(search)
    n_fits = 2 * sum(search.n_candidates_) + 1
    assert finished(lines, r"\| ScratchMLPClassifier - fit") == n_fits


def test_with_the_bars_of_a_search_go_callbacks_of_the_network(bars):
    callbacks = TimeLimit(60), EarlyStopping("loss", patience=2, min_delta=10)
    net = quick(max_iter=50).set_callbacks(*callbacks)
    search = GridSearchCV(net, {"alpha": [0.0, 0.1]}, cv=2)
    lines = bars(search)
    assert finished(lines, r"\| ScratchMLPClassifier - fit") == 5
    assert search.best_estimator_.n_iter_ == 3


def test_tables_have_no_epochs_to_show(bars):
    """The networks in it are trained aside: scikit-learn says that it hears nothing."""
    model = make_pipeline(StandardScaler(), TabularMLPClassifier(max_steps=10))
    with pytest.warns(UserWarning, match="Tabular.* does not support callbacks"):
        lines = bars(model)
    assert finished(lines, "^Pipeline - fit ") == 1
    assert model.score(X, Y) > 0.3


# What is left behind

SEARCHES = """
import os, threading
import joblib, numpy
from joblib.externals.loky import get_reusable_executor
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from skmlp_scratch import ScratchMLPClassifier
from skmlp_scratch.callbacks import EarlyStopping, MetricsLogger, OnEpochEnd, TimeLimit

def accuracy(fitted_estimator, X, y):
    return fitted_estimator.score(X, y)

def left():
    get_reusable_executor().shutdown(wait=True)
    with open(f"/proc/{os.getpid()}/task/{os.getpid()}/children") as children:
        return len(children.read().split()), threading.active_count()

def search(backend, *callbacks):
    net = ScratchMLPClassifier(hidden_layer_sizes=5, max_iter=5)
    with joblib.parallel_config(backend):
        grid = {"alpha": [0.0, 0.1]}
        found = GridSearchCV(net.set_callbacks(*callbacks), grid, cv=2, n_jobs=2)
        found.fit(*load_iris(return_X_y=True))

for backend in ("threading", "multiprocessing", "loky"):
    search(backend)
    before = left()
    path = f"{backend}.jsonl"
    search(
        backend,
        TimeLimit(60),
        EarlyStopping(accuracy),
        OnEpochEnd(len),
        MetricsLogger(path),
    )
    print(backend, *(numpy.array(left()) - before), len(open(path).readlines()))
"""


@pytest.mark.slow
@pytest.mark.skipif(
    not os.path.exists("/proc/self/task"),
    reason="Linux lists the children of a process",
)
def test_searches_leave_no_process_and_no_thread(tmp_path):
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SEARCHES],
        cwd=tmp_path,
        env=os.environ | {"PYTHONWARNINGS": "ignore"},
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    # No child and no thread more than without callbacks; five fits of five epochs.
    assert result.stdout.splitlines() == [
        "threading 0 0 25",
        "multiprocessing 0 0 25",
        "loky 0 0 25",
    ]


def test_the_same_weights_with_all_of_them(bars):
    alone = quick().fit(X, Y)
    monitor = ScoringMonitor(scoring="accuracy")
    watched = quick().set_callbacks(ProgressBar(), monitor).fit(X, Y)
    np.testing.assert_array_equal(numbers(watched), numbers(alone))
