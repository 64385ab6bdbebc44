"""With the tools that people track, tune and spread their fits with."""

import os
import re
import subprocess
import sys

import pytest
from doubles import needs_callbacks
from helpers import ROOT

pytestmark = [pytest.mark.oracle, needs_callbacks]
# Whatever hangs is killed then, and is an error.
SECONDS = 300


def run(command, folder):
    """Return what a process printed that ran in a folder of its own."""
    result = subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=folder,
        env=os.environ | {"PYTHONWARNINGS": "ignore"},
        capture_output=True,
        encoding="utf-8",
        timeout=SECONDS,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def only(pattern, output):
    """Return what the only line says that begins with this pattern."""
    (found,) = re.findall(f"^{pattern}", output, re.MULTILINE)
    return found


def test_mlflow_tracks_epochs_and_loads_the_model(tmp_path):
    pytest.importorskip("mlflow", reason="the example tracks with MLflow")
    pytest.importorskip("skops", reason="the model is stored with skops")
    output = run([ROOT / "examples" / "tracking_mlflow.py"], tmp_path)
    last = only(r"epochs tracked: 20, last score: (0\.\d+)$", output)
    loaded = only(r"accuracy of the model from the store: (0\.\d+)$", output)
    assert loaded == last
    assert float(last) > 0.93


def test_optuna_prunes(tmp_path):
    pytest.importorskip("optuna", reason="the example searches with Optuna")
    output = run([ROOT / "examples" / "pruning_optuna.py", "--trials", "15"], tmp_path)
    pruned = only(r"(\d+) of 15 fits given up", output)
    epochs = only(r"(\d+) epochs instead of 450$", output)
    accuracy = only(r"test accuracy: (0\.\d+)$", output)
    assert int(pruned) >= 3
    assert 15 <= int(epochs) < 400
    assert float(accuracy) > 0.93


SEARCH_WITH_DASK = """
import sys, threading, warnings
import joblib
from distributed import Client, LocalCluster
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from skmlp_scratch import ScratchMLPClassifier
from skmlp_scratch.callbacks import EarlyStopping, MetricsLogger, OnEpochEnd, TimeLimit

def accuracy(fitted_estimator, X, y):
    return fitted_estimator.score(X, y)

def search(*callbacks):
    net = ScratchMLPClassifier(hidden_layer_sizes=5, random_state=0)
    grid = GridSearchCV(net.set_callbacks(*callbacks), {"max_iter": [3, 4]}, cv=2)
    with joblib.parallel_config("dask"):
        return grid.set_params(n_jobs=2).fit(*load_iris(return_X_y=True))

if __name__ == "__main__":
    with (
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=sys.argv[1] == "processes",
            dashboard_address=None,
        ) as cluster,
        Client(cluster),
    ):
        search()
        before = threading.active_count()
        found = search(
            TimeLimit(60),
            EarlyStopping(accuracy),
            OnEpochEnd(len),
            MetricsLogger("metrics.jsonl"),
        )
        print(threading.active_count() - before, found.best_params_["max_iter"])
"""


@pytest.mark.parametrize("workers", ["processes", "threads"])
def test_a_search_with_dask(workers, tmp_path):
    pytest.importorskip("distributed", reason="the search is spread with Dask")
    script = tmp_path / "search.py"
    script.write_text(SEARCH_WITH_DASK)
    threads_left, max_iter = map(int, run([script, workers], tmp_path).split())
    assert threads_left == 0
    lines = (tmp_path / "metrics.jsonl").read_text("utf-8").splitlines()
    assert len(lines) == 2 * (3 + 4) + max_iter
