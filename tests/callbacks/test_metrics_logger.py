"""``MetricsLogger``: a line of JSON for every epoch."""

import json
import math
import subprocess
import sys

import joblib
import pytest
from doubles import needs_callbacks
from helpers import ignore_convergence, interrupted, quick, scaled_iris
from sklearn.model_selection import GridSearchCV

from skmlp_scratch.callbacks import MetricsLogger, OnEpochEnd

pytestmark = [needs_callbacks, ignore_convergence]
X, Y = scaled_iris()


def lines_of(path):
    """Return the lines, each of which must be JSON as the standard has it."""

    def refuse(constant):
        raise AssertionError(constant)

    text = path.read_text("utf-8")
    assert text.endswith("\n")
    return [json.loads(line, parse_constant=refuse) for line in text.splitlines()]


def test_a_line_per_epoch(tmp_path):
    path, seen = tmp_path / "metrics.jsonl", []
    model = quick(early_stopping=True)
    model.set_callbacks(MetricsLogger(str(path)), OnEpochEnd(seen.append)).fit(X, Y)
    lines = lines_of(path)
    (run,) = {line.pop("run") for line in lines}
    assert len(run) == 36
    assert [line.pop("task") for line in lines] == [[0], [1], [2], [3], [4]]
    assert {line.pop("estimator") for line in lines} == {"ScratchMLPClassifier"}
    for line, measured in zip(lines, seen, strict=True):
        assert line.keys() == measured.keys()
        assert abs(line.pop("seconds") - measured.pop("seconds")) < 60
        assert line == measured


def test_lines_are_appended_and_there_at_once(tmp_path):
    path, n_lines = tmp_path / "metrics.jsonl", []
    path.write_text('{"epoch": 0}\n')
    counted = OnEpochEnd(lambda measured: n_lines.append(len(lines_of(path))))
    model = quick().set_callbacks(MetricsLogger(path), counted).fit(X, Y)
    assert n_lines == [2, 3, 4, 5, 6]
    model.fit(X, Y)
    first, *lines = lines_of(path)
    assert first == {"epoch": 0}
    assert len({line["run"] for line in lines}) == 2


def test_lines_are_there_after_an_interrupt(tmp_path):
    path = tmp_path / "metrics.jsonl"
    stop = OnEpochEnd(lambda measured: measured["epoch"] == 3 and interrupted())
    with pytest.warns(UserWarning, match="interrupted"):
        quick().set_callbacks(MetricsLogger(path), stop).fit(X, Y)
    assert [line["epoch"] for line in lines_of(path)] == [1, 2, 3]


@pytest.mark.parametrize(
    ("value", "written"), [(math.inf, None), (-math.inf, None), (1e300, 1e300)]
)
def test_infinity_is_null(tmp_path, monkeypatch, value, written):
    path = tmp_path / "metrics.jsonl"
    monkeypatch.setattr(
        "skmlp_scratch.callbacks.base.last_values",
        lambda _: {"loss": value},
    )
    quick().set_callbacks(MetricsLogger(path)).fit(X, Y)
    assert [line["loss"] for line in lines_of(path)] == [written] * 5


def test_pandas_reads_it(tmp_path):
    pd = pytest.importorskip("pandas", reason="its reader is tried")
    path = tmp_path / "metrics.jsonl"
    model = quick().set_callbacks(MetricsLogger(path)).fit(X, Y)
    frame = pd.read_json(path, lines=True)
    assert frame["loss"].to_list() == pytest.approx(model.loss_curve_)


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_the_fits_of_a_search_write_whole_lines(tmp_path, backend):
    path = tmp_path / "metrics.jsonl"
    model = quick(max_iter=20).set_callbacks(MetricsLogger(path))
    search = GridSearchCV(model, {"alpha": [0.0, 0.1]}, cv=3, n_jobs=2)
    with joblib.parallel_config(backend):
        search.fit(X, Y)
    lines = lines_of(path)
    assert len(lines) == (2 * 3 + 1) * 20
    assert len({line["run"] for line in lines}) == 1
    by_fit = {}
    for line in lines:
        *fit, epoch = line["task"]
        assert line["epoch"] == epoch + 1
        by_fit.setdefault(tuple(fit), []).append(line)
    assert len(by_fit) == 7
    for lines_of_fit in by_fit.values():
        assert [line["epoch"] for line in lines_of_fit] == list(range(1, 21))
    refit = by_fit[max(by_fit)]  # the search is task 0, the refit task 1
    assert [line["loss"] for line in refit] == search.best_estimator_.loss_curve_


APPEND = """
import sys
from types import SimpleNamespace
from skmlp_scratch.callbacks import MetricsLogger
logger = MetricsLogger(sys.argv[1])
fit = SimpleNamespace(parent=None)
task = SimpleNamespace(parent=fit, task_id=0, root_uuid=0, estimator_name="any")
for number in range(2000):
    logger.handle({"process": sys.argv[2], "number": number, "text": "x" * 200}, task)
"""


def test_lines_of_several_processes_do_not_mix(tmp_path):
    path = tmp_path / "metrics.jsonl"
    processes = [
        subprocess.Popen([sys.executable, "-c", APPEND, str(path), str(name)])
        for name in range(2)
    ]
    assert [process.wait(timeout=60) for process in processes] == [0, 0]
    lines = lines_of(path)
    for name in "01":
        mine = [line["number"] for line in lines if line["process"] == name]
        assert mine == list(range(2000))


def test_where_no_file_can_be_the_fit_does_not_begin(tmp_path):
    model = quick().set_callbacks(MetricsLogger(tmp_path / "absent" / "metrics.jsonl"))
    with pytest.raises(FileNotFoundError, match="absent"):
        model.fit(X, Y)
    with pytest.raises(IsADirectoryError):
        model.set_callbacks(MetricsLogger(tmp_path)).fit(X, Y)
    assert not hasattr(model, "coefs_")


@pytest.mark.parametrize("path", [None, 3])
def test_wrong_path(path):
    with pytest.raises(TypeError):
        MetricsLogger(path)
