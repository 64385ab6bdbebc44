"""The benchmark commands run, and put their tables where they should."""

import importlib
import importlib.util
import json
import os
import re
import runpy
import subprocess
import sys
import time
import warnings
from dataclasses import asdict

import joblib
import numpy as np
import pytest
from doubles import needs_callbacks
from helpers import ROOT, sklearn_stochastic
from sklearn.dummy import DummyRegressor

from skmlp_scratch import ScratchMLPClassifier, callbacks
from skmlp_scratch.exceptions import DivergenceError

BENCHMARKS = ROOT / "benchmarks"
PAGE = ROOT / "docs" / "performance.md"
SECTIONS = [
    "compare-adam-float32",
    "compare-adam-float32-haswell",
    "compare-adam-float64",
    "compare-sgd-float32",
    "parts-adam-float32",
    "parts-adam-float64",
    "parts-sgd-float32",
    "source",
    "drift",
    "regularized",
    "layouts",
    "search",
    "memory",
    "scaling",
    "threads",
]
SECTION_PAGES = [
    *((section, PAGE) for section in SECTIONS),
    ("callbacks", PAGE.with_name("callbacks.md")),
    ("defaults", PAGE.with_name("defaults.md")),
    ("divergence", PAGE.with_name("divergence.md")),
    ("learning-rate", PAGE.with_name("training.md")),
]
MODULES = ("common", "defaults", "divergence", "learning_rate", "parts", "peers")


def cells(output):
    """Return head and rows of the table in what a command printed."""
    lines = [line for line in output.splitlines() if line.startswith("|")]
    head, rule, *rows = [[c.strip() for c in line.split("|")[1:-1]] for line in lines]
    assert all(set(cell) <= {"-", ":"} for cell in rule)
    return head, rows


def call_here(function, **arguments):
    """Do what a child would do, in this process, which saves the time of imports."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        result = function(**json.loads(json.dumps(arguments)))
    return json.loads(json.dumps(result))


@pytest.fixture
def run(monkeypatch, capsys):
    """Return a function that runs a command without processes of its own."""
    for module in MODULES:
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.syspath_prepend(BENCHMARKS)
    common = importlib.import_module("common")
    monkeypatch.setattr(common, "call_in_child", call_here)

    def run(script, *options):
        monkeypatch.setattr(sys, "argv", [script, *options])
        with warnings.catch_warnings():
            runpy.run_path(str(BENCHMARKS / script), run_name="__main__")
        return cells(capsys.readouterr().out)

    yield run
    for module in MODULES:
        sys.modules.pop(module, None)


@pytest.fixture
def common(monkeypatch):
    """The module that the commands share."""
    spec = importlib.util.spec_from_file_location(
        "benchmarks_common", BENCHMARKS / "common.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_compare(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(PAGE.read_text("utf-8"), "utf-8")
    result = subprocess.run(
        [
            *(sys.executable, "-W", "error", BENCHMARKS / "compare.py"),
            *("--data", "iris", "--peers", "ours", "sklearn32", "floor"),
            *("--rounds", "1", "--epochs", "2", "--write", page),
        ],
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    head, rows = cells(result.stdout)
    assert head[1:] == ["ours", "sklearn32", "floor", "ours / floor"]
    ((name, ours, sklearn, floor, to_floor),) = rows
    assert name == "iris-10, batch 50"
    ms, ratio = re.fullmatch(r"([\d.]+) \(([\d.]+)\)", sklearn).groups()
    # The printed times are rounded to 0.001 ms.
    assert float(ratio) == pytest.approx(float(ms) / float(ours), rel=0.05)
    assert float(to_floor) == pytest.approx(float(ours) / float(floor), rel=0.2)
    section = page.read_text("utf-8").partition("<!-- compare-adam-float32: begin -->")[
        2
    ]
    section = section.partition("<!-- compare-adam-float32: end -->")[0]
    assert sklearn in section
    assert "python benchmarks/compare.py --data iris" in section
    assert re.search(r"\d cores.*numpy \d.*scikit-learn \d.*BLAS: ", section)


@pytest.mark.oracle
@pytest.mark.parametrize("peer", ["torch", "skorch"])
@pytest.mark.parametrize(("solver", "dtype"), [("adam", "float32"), ("sgd", "float64")])
def test_compare_with_torch(peer, solver, dtype, run):
    pytest.importorskip(peer)
    head, rows = run(
        "compare.py",
        *("--data", "iris", "--peers", peer, "--solver", solver),
        *("--rounds", "1", "--epochs", "2", "--dtype", dtype),
    )
    assert head[1:] == ["ours", peer]
    assert len(rows) == 1


def test_search(run, monkeypatch):
    peers = importlib.import_module("peers")
    monkeypatch.setattr(peers, "CANDIDATES", {"alpha": [1e-4, 1e-3]})
    with joblib.parallel_config(backend="threading"):
        head, rows = run("compare.py", "--search", "--epochs", "1", "--rounds", "1")
    assert head[1:] == ["seconds", "ratio to ours"]
    assert [row[0] for row in rows] == ["ours", "sklearn32"]


def test_drift(run):
    head, rows = run("compare.py", "--drift", "--works", "iris-10", "--rounds", "1")
    assert head[-1] == "late / early"
    assert [row[0] for row in rows] == [
        "iris-10, adam, alpha=0",
        "iris-10, adam, alpha=0.0001",
    ]
    assert all(float(row[-1]) > 0 for row in rows)


def test_layouts(run):
    head, rows = run(
        "compare.py", "--layouts", "--works", "digits-100", "--rounds", "1"
    )
    assert head == ["digits, (100,), 50 epochs", "seconds", "to C order"]
    assert [row[0] for row in rows] == ["float32-C", "float32-F", "uint8-C", "uint8-F"]
    assert [row[2] for row in rows[::2]] == ["1.000", "1.000"]


@sklearn_stochastic
def test_parts(run, solver):
    head, rows = run(
        "compare.py",
        *("--parts", "--works", "iris-10", "digits-100"),
        *("--solver", solver, "--rounds", "1", "--epochs", "2"),
    )
    assert head == ["µs per step", "iris-10", "digits-100"]
    *parts, (whole, *_) = rows
    assert whole == "whole fit, without this timing"
    assert len(parts) == 9
    assert all(float(cell) > 0 for _, *cells in rows for cell in cells)


def test_parts_add_up_to_the_whole(run):
    parts = importlib.import_module("parts")
    stopwatch = parts.Stopwatch()
    inner = stopwatch.timed(lambda: time.sleep(0.02), "inner")
    loop = stopwatch.timed(lambda: (time.sleep(0.01), inner(), inner()), parts.LOOP)
    start = time.perf_counter()
    inner()
    loop()
    stopwatch.lap()
    total = time.perf_counter() - start
    assert 0.04 <= stopwatch.seconds["inner"] <= total - 0.03
    assert 0.01 <= stopwatch.seconds[parts.LOOP] <= total - 0.06
    assert 0.02 <= stopwatch.seconds[parts.BEFORE_AND_AFTER] <= total - 0.05
    assert sum(stopwatch.seconds.values()) == pytest.approx(total, abs=0.005)


def test_after_timing_the_parts_all_functions_are_as_before(run, monkeypatch):
    parts, peers = (importlib.import_module(name) for name in ("parts", "peers"))
    step, patched = parts.Adam.step, []

    def fit(*_):
        patched.append(parts.Adam.step is not step)
        if len(patched) == 3:
            raise KeyError

    monkeypatch.setattr(parts, "read_task", lambda *_: (None, None, None))
    monkeypatch.setattr(parts, "fit_ours", fit)
    with pytest.raises(KeyError):
        parts.time_parts(asdict(peers.Work("iris", (3,), 50, 1)), "", "float32")
    assert patched == [False, False, True]
    assert parts.Adam.step is step


def test_other_kernels_need_a_new_process(run, monkeypatch, tmp_path):
    page, started = tmp_path / "page.md", []
    page.write_text(
        "".join(
            f"<!-- {name}: begin -->\nold\n<!-- {name}: end -->\n"
            for name in ("compare-adam-float32", "compare-adam-float32-haswell")
        ),
        "utf-8",
    )
    monkeypatch.setattr(os, "execve", lambda *arguments: started.append(arguments))
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Zen")
    options = ("--kernels", "Haswell", "--data", "iris", "--peers", "floor")
    options += ("--rounds", "1", "--epochs", "1", "--write", str(page))
    run("compare.py", *options)
    ((_, argv, environment),) = started
    assert argv[2:] == list(options)
    assert environment["OPENBLAS_CORETYPE"] == "Haswell"
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    run("compare.py", *options)
    assert len(started) == 1
    avx512, avx2 = page.read_text("utf-8").split("<!-- compare-adam-float32-haswell")[
        :2
    ]
    assert "old" in avx512
    assert "iris-10" in avx2


def test_regularized(run):
    head, rows = run(
        "compare.py", "--regularized", "--works", "iris-10", "--rounds", "1"
    )
    assert head[1:] == ["plain", "dropout=0.5", "noise=0.3"]
    assert rows[0][1].endswith("(1.00)")
    assert all(re.fullmatch(r"\d+\.\d{3} \(\d+\.\d\d\)", cell) for cell in rows[0][1:])


def test_memory(run):
    sizes = ["--gigabytes", "0.01", "--rows", "3000"]
    head, rows = run("memory.py", "--data", "digits", *sizes)
    assert head[1:] == ["ours", "MLPClassifier"]
    assert len(rows) == 8
    fitted, dropped, budgeted = rows[-3:]
    # MLPClassifier keeps Adam's two moments beside the parameters, and the best ones.
    assert float(fitted[1]) >= 3
    assert float(fitted[2]) >= 3
    assert 1 <= float(dropped[1]) < 1.6
    assert 1 <= float(budgeted[1]) < 1.6


def test_scaling(run):
    head, rows = run(
        "scaling.py",
        *("--rows", "100", "--hidden", "4", "--features", "5"),
        *("--rounds", "1", "--epochs", "1"),
    )
    assert head == ["size", "seconds", "ratio", "exponent"]
    assert [row[0] for row in rows[1:]] == [
        "rows × 4",
        "rows × 16",
        "hidden × 4",
        "features × 4",
    ]


def test_threads(run):
    head, rows = run(
        "threads.py",
        *("--rows", "100", "--hidden", "4", "--features", "5"),
        *("--rounds", "1", "--epochs", "1", "--peers", "ours"),
    )
    n_cores = joblib.cpu_count()
    assert head == [
        "seconds of a fit",
        f"idle, {n_cores} thread{'s' * (n_cores > 1)}",
        "idle, 1 thread",
        f"busy, {n_cores} thread{'s' * (n_cores > 1)}",
        "busy, 1 thread",
    ]
    assert rows[0][0] == "ours"
    assert all(re.fullmatch(r"\d+\.\d\d", cell) for cell in rows[0][1:])


@needs_callbacks
def test_callbacks(run):
    pytest.importorskip("rich", reason="one of the callbacks is scikit-learn's bar")
    head, rows = run("callbacks.py", "--works", "iris", "--rounds", "1")
    assert head == ["µs per epoch", "iris, 150 rows, 10 units"]
    names = [row[0] for row in rows]
    assert names[:2] == ["an epoch without", "one that asks for nothing"]
    assert {*callbacks.__all__, "ProgressBar", "ScoringMonitor"} == set(names[2:])
    assert float(rows[0][1]) > 0
    assert all(re.fullmatch(r"[+-][\d,]+", row[1]) for row in rows[1:])


def test_defaults(run, tmp_path):
    page = tmp_path / "page.md"
    page.write_text("<!-- defaults: begin -->\n<!-- defaults: end -->\n", "utf-8")
    options = ("--sets", "iris", "diabetes", "--seeds", "2", "--write", str(page))
    head, rows = run("defaults.py", *options)
    assert head[1:5] == ["score", "theirs, ours", "difference", "ours is"]
    *sets, counts = rows
    assert [row[:2] for row in sets] == [["iris", "accuracy"], ["diabetes", "R²"]]
    for half in (slice(2, 5), slice(5, 8)):
        verdicts = [row[half][2] for row in sets]
        for scores, difference, _ in (row[half] for row in sets):
            theirs, ours = map(float, scores.split(", "))
            assert float(difference.split()[0]) == pytest.approx(
                ours - theirs, abs=2e-3
            )
        assert counts[half][2] == " / ".join(
            str(verdicts.count(verdict)) for verdict in ("better", "even", "worse")
        )
    assert "python benchmarks/defaults.py --sets iris" in page.read_text("utf-8")


def test_a_difference_is_one_if_chance_would_not_make_it(run):
    compare = importlib.import_module("defaults").compare
    noise = np.array([0.1, -0.1] * 5)
    for shift, expected in [(0.2, "better"), (-0.2, "worse"), (0.05, "even")]:
        theirs = np.linspace(0, 1, 10)  # splits differ by more than the models
        found = np.column_stack([theirs, theirs + noise + shift])
        mean, error, verdict = compare(found)
        assert mean == pytest.approx(shift)
        assert error == pytest.approx(0.1 / 3)
        assert verdict == expected


def test_learning_rate(run):
    options = ("--sets", "iris", "waist of an athlete", "--seeds", "1")
    head, rows = run("learning_rate.py", *options)
    assert head[1:5] == ["adam", "adam, one cycle", "sgd", "all"]
    assert rows[0][0] == "80% of the fall (`suggestion`)"
    numbers = np.array([row[1:] for row in rows], float)
    by_rule = dict(zip([row[0] for row in rows], numbers, strict=True))
    assert len(by_rule) == 7
    np.testing.assert_allclose(numbers[:, :3].mean(axis=1), numbers[:, 3], atol=1.1e-3)
    assert (numbers[:, 3] <= numbers[:, 4]).all()
    assert (numbers <= 1).all()
    # 0.01 is a rate of the grid, so that it cannot be better than the best of it.
    assert (by_rule["0.01"] >= 0).all()


def test_rules_that_read_a_rate_from_a_curve(run):
    rules = importlib.import_module("learning_rate")
    rates = np.geomspace(1e-6, 10, 200)
    fall = 2 - 1 / (1 + np.exp(-(np.log(rates) - np.log(1e-2))))
    losses = np.append(fall[:180], np.full(20, 5.0))
    search = rules.LearningRateSearch(rates, losses, losses, 0.04, 10.0)
    assert rules.steepest(search) == pytest.approx(1e-2, rel=0.1)
    assert rules.tenth(search) == pytest.approx(rates[179] / 10)
    # The valley is as long as the losses fall, and its middle is half of that away.
    assert rules.valley(search) == pytest.approx(rates[90], rel=0.2)
    assert next(rule(search) for rule in rules.RULES.values()) == 0.04


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_regret_counts_from_the_best_of_the_grid(run, monkeypatch):
    rules = importlib.import_module("learning_rate")
    monkeypatch.setattr(rules, "GRID", np.array([0.01]))
    iris = rules.SETS["iris"]
    rows = rules.split(iris, 0)
    found = rules.regrets(rows, iris.regression, {}, 32, 0)
    by_rule = dict(zip(rules.RULES, found, strict=True))
    assert by_rule["0.01"] == 0
    losses = [
        rules.validation_loss(
            ScratchMLPClassifier(batch_size=32, max_iter=25, random_state=0), rows, rate
        )
        for rate in (0.001, 0.01)
    ]
    expected = (losses[0] - losses[1]) / rows.constant_loss
    assert by_rule["0.001"] == pytest.approx(expected)
    assert rows.constant_loss == pytest.approx(np.log(3), rel=0.01)
    np.testing.assert_allclose(rules.split(iris, 0, 10).X.std(axis=0), 10)


def test_divergence(run):
    kinds = ["ordinary, regression", "balanced, 10 of 2,000 rows"]
    head, rows = run("divergence.py", "--quick", "--kinds", *kinds)
    assert head[1:5] == ["fits", "fine", "warned", "refused"]
    numbers = np.array([row[1:] for row in rows], int)
    assert [row[0] for row in rows] == [*kinds, "all"]
    assert numbers[:, 0].tolist() == [13, 13, 26]
    np.testing.assert_array_equal(numbers[:, 1:4].sum(axis=1), numbers[:, 0])
    np.testing.assert_array_equal(numbers[:-1].sum(axis=0), numbers[-1])
    assert numbers[0, 1] > 0
    assert numbers[0, 3] > 0


def test_false_alarms_and_silent_failures_are_found(run, monkeypatch):
    divergence = importlib.import_module("divergence")
    fit_ours = divergence.fit_ours
    kind = divergence.KINDS["ordinary, regression"]()
    options = divergence.COMMON | {"solver": "adam", "learning_rate_init": 0.01}
    too_fast = options | {"learning_rate_init": 1e8}
    enough = options | {"tol": 0.1}
    assert divergence.judge(kind, enough) == ("fine", "")
    assert divergence.judge(kind, options) == ("warned", "")
    assert divergence.judge(kind, too_fast) == ("error", "")

    def refuse(kind, options):
        if "clip_norm" in options:
            return fit_ours(kind, options)
        raise DivergenceError

    monkeypatch.setattr(divergence, "fit_ours", refuse)
    assert divergence.judge(kind, enough) == ("error", "false alarm")
    assert divergence.judge(kind, too_fast) == ("error", "")

    def learn_nothing(kind, options):
        return DummyRegressor(strategy="constant", constant=9).fit(kind.X, kind.y)

    monkeypatch.setattr(divergence, "fit_ours", learn_nothing)
    assert divergence.judge(kind, enough) == ("fine", "silent failure")


TABULAR_PAGE = ROOT / "docs" / "tabular.md"


def test_tabular(run, tmp_path, monkeypatch):
    pytest.importorskip("pandas")
    page, cache = tmp_path / "page.md", tmp_path / "results.json"
    page.write_text(TABULAR_PAGE.read_text("utf-8"), "utf-8")
    options = ["--sets", "wine", "diabetes", "--peers", "ours", "boosting", "linear"]
    options += ["--cache", str(cache), "--write", str(page)]
    monkeypatch.setattr(sys, "argv", ["tabular.py", *options])
    runpy.run_path(str(BENCHMARKS / "tabular.py"), run_name="__main__")
    results = json.loads(cache.read_text("utf-8"))
    assert set(results) == {"sklearn::wine", "sklearn::diabetes"}
    wine, diabetes = results.values()
    assert all(r["accuracy"] > 0.9 and r["log_loss"] < 0.3 for r in wine.values())
    assert all(0.6 < r["rmse"] < 0.9 for r in diabetes.values())
    section = page.read_text("utf-8").partition("<!-- tabular: begin -->")[2]
    section = section.partition("<!-- tabular: end -->")[0]
    assert "python benchmarks/tabular.py --sets wine diabetes" in section
    assert f"{wine['ours']['log_loss']:.4f}" in section
    assert "| wine (sklearn)" in section
    assert "178 × 13" in section
    # What is in the cache is not measured again.
    wine["ours"] |= {"accuracy": 0.1234, "log_loss": 9.0}
    cache.write_text(json.dumps(results), "utf-8")
    runpy.run_path(str(BENCHMARKS / "tabular.py"), run_name="__main__")
    assert "0.1234" in page.read_text("utf-8")


def test_tabular_large(run):
    pytest.importorskip("pandas")
    head, rows = run("tabular.py", "--large", "200", "300", "--sets", "diabetes")
    assert head[1:] == ["ours", "boosting", "boosting1000"]
    assert [row[0] for row in rows] == ["diabetes, 200 rows", "diabetes, 300 rows"]
    for row in rows:
        for cell in row[1:]:
            (error,) = re.fullmatch(r"(0\.\d+) \(\d+\.\d s\)", cell).groups()
            assert 0.6 < float(error) < 1


def test_tabular_summary(run):
    tabular = runpy.run_path(str(BENCHMARKS / "tabular.py"))
    tables = tabular["CLASSIFICATION"][:3]
    results = {
        f"{table.package}::{table.item}": {
            "ours": {"accuracy": 0.9, "seconds": 1},
            "MLP": {"accuracy": accuracy, "seconds": 4},
        }
        for table, accuracy in zip(tables, [0.8, 0.95, 0.7], strict=True)
    }
    lines = tabular["summary"](results, tables, ["ours", "MLP"], {"accuracy": 1})
    head, _, ours, mlp = [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in lines.splitlines()
    ]
    assert head[0] == "3 tables"
    assert ours[1:3] == ["0.9000", "1.33"]
    assert mlp[1:3] == ["0.8167", "1.67"]
    assert mlp[3].startswith("2, 1, ")
    assert (ours[-1], mlp[-1]) == ("1.00", "4.00")


def test_the_tables_are_listed_once():
    pytest.importorskip("pandas")
    sets = runpy.run_path(str(BENCHMARKS / "tabular_sets.py"))
    tables = [*sets["CLASSIFICATION"], *sets["REGRESSION"]]
    assert len(sets["CLASSIFICATION"]) >= 25
    assert len(sets["REGRESSION"]) >= 25
    assert len({table.item for table in tables}) == len(tables)
    X, y = sets["load_table"](tables[0])
    assert X.shape == (569, 30)
    assert set(y) == {0, 1}


def test_section_is_replaced_and_the_rest_kept(common):
    page = "before\n<!-- a: begin -->\nold\n<!-- a: end -->\nafter\n"
    once = common.replace_section(page, "a", "new")
    assert once == "before\n<!-- a: begin -->\n\nnew\n\n<!-- a: end -->\nafter\n"
    assert common.replace_section(once, "a", "new") == once
    with pytest.raises(SystemExit, match="no markers '<!-- b: begin -->'"):
        common.replace_section(page, "b", "new")


def test_failing_child_is_reported(common):
    with pytest.raises(SystemExit, match="No such file"):
        common.call_in_child(common.read_arrays, path="/nowhere")


def test_rounds_are_interleaved_and_medians_taken(common):
    calls, times = [], iter([5.0, 1.0, 2.0, 7.0, 9.0, 3.0])

    def measure(name):
        return lambda: calls.append(name) or next(times)

    medians = common.medians_of_rounds(3, {"a": measure("a"), "b": measure("b")})
    assert calls == ["a", "b", "a", "b", "a", "b"]
    assert medians == {"a": 5.0, "b": 3.0}


def assert_has_one_section(page, section, common):
    text = page.read_text("utf-8")
    assert text.count(f"<!-- {section}: begin -->") == 1
    assert text.count(f"<!-- {section}: end -->") == 1
    replaced = common.replace_section(text, section, "A table.")
    between = f"<!-- {section}: begin -->\n\nA table.\n\n<!-- {section}: end -->"
    assert between in replaced
    # What stands around it, other sections included, stays.
    before, after = replaced.split(between)
    assert text.startswith(before)
    assert text.endswith(after)


@pytest.mark.parametrize(("section", "page"), SECTION_PAGES)
def test_page_has_the_markers(section, page, common):
    assert_has_one_section(page, section, common)


@pytest.mark.parametrize("section", ["tabular", "tabular-large"])
def test_page_of_tables_has_the_markers(section, common):
    assert_has_one_section(TABULAR_PAGE, section, common)
