"""The pages in docs/use run as they are, from an empty folder."""

import ast
import importlib.util
import os
import re
import subprocess
import sys

import pytest
from helpers import ROOT, said_to_be_missing, wrongly_missing

for needed in ("matplotlib", "sklearn.callback"):
    pytest.importorskip(needed, reason="the pages are built with the extra `docs`")

PAGES = {page.stem: page for page in sorted((ROOT / "docs" / "use").glob("*.py"))}
# What pages need that other pages do without. They import it at their beginning.
NEEDS = {
    "plot_mixed_columns": "pandas",
    "plot_watch_stop_resume": "rich",
}
# Their parts are skipped where they are not installed.
OPTIONAL = {
    *("dask", "distributed", "mapie", "onnxruntime", "optuna"),
    *("ray", "shap", "skl2onnx", "skops"),
}
# What every page may use: what `pip install .` brings.
AT_HAND = {*sys.stdlib_module_names}
AT_HAND |= {"joblib", "numpy", "scipy", "sklearn", "skmlp_scratch"}


def run(page, folder, warnings):
    """Run a page in a folder of its own; return what it printed."""
    environment = {name: v for name, v in os.environ.items() if name != "DISPLAY"} | {
        "MPLBACKEND": "Agg",
        "RAY_TMPDIR": "/tmp",  # the names of its sockets must be short
        "SCIKIT_LEARN_DATA": str(folder),  # no MNIST
        "TMPDIR": str(folder),
    }
    result = subprocess.run(
        [sys.executable, "-W", warnings, page],
        cwd=folder,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=600,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result


def number(pattern, output):
    """Return the number in the only line that begins with this pattern."""
    (found,) = re.findall(rf"^{pattern}\s*(-?\d*\.?\d+)", output, re.MULTILINE)
    return float(found)


def percent(text, output):
    """Return the percentage before this text."""
    (found,) = re.findall(rf"([\d.]+)% {text}", output)
    return float(found)


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_page_runs(name, tmp_path):
    if name in NEEDS:
        pytest.importorskip(NEEDS[name], reason="the page is about it")
    # What other packages warn of is no fault of ours.
    others = packages(name) & OPTIONAL
    alone = not any(importlib.util.find_spec(package) for package in others)
    result = run(PAGES[name], tmp_path, "error" if alone else "default")
    if alone:
        assert result.stderr == ""
    if name in PROMISES:
        PROMISES[name](result.stdout)
    assert wrongly_missing(result.stdout) == []
    if missing := said_to_be_missing(result.stdout):
        pytest.skip(f"the page skipped what needs {', '.join(missing)}")
    printed = iter(result.stdout.splitlines())
    for line in quoted(name):
        # In the same order: what any() has passed by is gone.
        assert any(is_as_said(line, other) for other in printed), line


def quoted(name):
    """Return the lines that a page says it prints."""
    text = re.sub(r"^# ?", "", PAGES[name].read_text("utf-8"), flags=re.MULTILINE)
    block = re.compile(r"^( *)\.\. code-block:: text\n\n((?:\1 .*\n)+)", re.MULTILINE)
    blocks = [lines for _, lines in block.findall(text)]
    assert len(blocks) == text.count("code-block:: text")
    return [line for lines in blocks for line in lines.splitlines()]


NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
# What differs from run to run or from machine to machine. Optuna's next trial depends
# on the digits of all results before.
VARYING = re.compile(
    r"\d of 9 candidates are unfinished|process may use: \d+"
    r"|\d+ epochs instead|(hidden_layer_sizes|learning_rate_init|noise): [\d.]+$"
)


def is_as_said(said, printed):
    """Tell if a line has the words and, nearly, the numbers of one that is quoted.

    The kernels of BLAS change a third digit, so 5% are allowed, or one in the last
    place. Where the quoted line ends with dots, the other may go on as it likes.
    """
    said, printed = (VARYING.sub("(varies)", line) for line in (said, printed))
    said, printed = (line.replace("[ ", "[") for line in (said, printed))
    said, dots, _ = said.partition("...")
    words, others = (NUMBER.sub("#", line).split() for line in (said, printed))
    numbers, found = NUMBER.findall(said), NUMBER.findall(printed)
    if dots:
        others, found = others[: len(words)], found[: len(numbers)]
    return (
        words == others
        and len(numbers) == len(found)
        and all(map(is_near, numbers, found))
    )


def is_near(said, found):
    decimals = len(said.partition(".")[2])
    last_place = 1.01 * 10.0**-decimals if decimals else 0
    allowed = max(0.05 * abs(float(said)), last_place)
    return abs(float(found) - float(said)) <= allowed


@pytest.mark.parametrize(
    ("said", "printed", "expected"),
    [
        ("R2 0.951", "R2 0.948", True),
        ("R2 0.951", "R2 0.848", False),
        ("R2 0.951", "R3 0.951", False),
        ("R2 0.951", "r2 0.951", False),
        ("R2 0.951", "R2 0.951, good", False),
        ("parts: [ 0.02  1 ...]", "parts: [0.03 1 -4 5]", True),
        ("parts: [ 0.02  1 ...]", "parts: [0.03]", False),
        ("workers left: 1", "workers left: 2", False),
        ("7 of 9 candidates are unfinished", "2 of 9 candidates are unfinished", True),
    ],
)
def test_quotes_are_compared(said, printed, expected):
    assert is_as_said(said, printed) is expected


def test_quotes_are_found():
    pages = {name for name in PAGES if quoted(name)}
    with_quotes = ("calibrated", "explain", "streaming", "tune")
    assert pages == {"scaling_out", *(f"plot_{name}" for name in with_quotes)}


def packages(name):
    """Return the packages from which a page imports."""
    tree = ast.parse(PAGES[name].read_text("utf-8"))
    return {module.partition(".")[0] for module in imported(tree)}


def imported(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            yield node.module


@pytest.mark.parametrize("name", PAGES)
def test_imports_are_at_hand(name):
    """A page in an empty file finds what it imports, or says what to install."""
    others = packages(name) - AT_HAND
    assert others <= OPTIONAL | {*NEEDS.values(), "matplotlib"}
    introduction = ast.get_docstring(ast.parse(PAGES[name].read_text("utf-8")))
    for package in others:
        said = {"distributed": "dask"}.get(package, package)
        assert re.search(rf"pip install [^`]*\b{said}\b", introduction), package


@pytest.mark.parametrize("name", PAGES)
def test_page_is_a_page_of_the_gallery(name):
    text = PAGES[name].read_text("utf-8")
    title, line, *_ = ast.get_docstring(ast.parse(text)).splitlines()
    assert line == "=" * len(title)
    assert "\n# %%\n" in text
    for link in re.findall(r":doc:`/auto_use/(\w+)`", text):
        assert link in PAGES
    if name.startswith("plot_"):
        assert "plt.show()" in text or name == "plot_save_and_deploy"


def first_pipeline(output):
    assert number("test accuracy:", output) > 0.95
    assert "Not scaled: FeatureScaleWarning" in output
    assert "Too few epochs: ConvergenceWarning" in output
    assert re.search(r"^\d+ more epochs, test accuracy: 0.9[5-9]", output, re.MULTILINE)


def watch_stop_resume(output):
    assert re.search(r"ended after \d+ of 1000 epochs", output)
    assert "12 epochs, the same weights: True" in output
    assert "after 6 epochs" in output


def save_and_deploy(output):
    # Pickle and checkpoint always; skops if it is there.
    assert output.count("equal: True") >= 2
    assert "equal: False" not in output
    assert "the same labels: False" not in output
    if "skops is not installed" not in output:
        # The page says which two types are to be trusted.
        page = in_words("plot_save_and_deploy")
        listed = re.search(r"trusted = \[([^]]*)\]", page)[1]
        printed = re.search(r"to be trusted:\n((?:    .*\n)+)", output)[1].split()
        assert sorted(printed) == sorted(re.findall(r'"(.*?)"', listed))
    if "onnxruntime is not installed" not in output:
        # "No probability differs by more than a millionth."
        assert "the same labels: True" in output
        differences = re.findall("largest difference: (.*)", output)
        assert 0 < float(differences[-1]) < 1e-6
    before, after = re.search(r"pickle: ([\d,]+) bytes, then ([\d,]+)", output).groups()
    assert int(before.replace(",", "")) > 2.5 * int(after.replace(",", ""))


def tune(output):
    assert 0.003 < number("suggestion:", output) < 0.1
    found = re.findall(r"cross-validated accuracy: (\S+)", output)
    assert len(found) == (3 if "Optuna is not installed" in output else 4)
    assert number("the best of .* is chosen, at", output) == max(map(float, found))
    assert number("accuracy on the test rows:", output) > 0.95
    for taken, of in re.findall(r"(\d+) epochs instead of (\d+)", output):
        assert int(taken) < int(of) / 2


def mnist(output):
    assert output.startswith("scikit-learn's digits: 1797 images")
    assert number("mean", output) > 0.95


def regression(output):
    as_they_are = number("R2 with targets as they are", output)
    assert number("R2 with scaled targets", output) > as_they_are + 0.1
    assert "TargetScaleWarning" in output
    assert number("R2 of the place of the hand", output) > 0.95
    triples = re.findall(r"^(\d+), between (\d+) and (\d+)", output, re.MULTILINE)
    assert len(triples) == 3
    assert all(int(low) < int(median) < int(high) for median, low, high in triples)
    assert 85 < percent("of the test rows are inside", output) < 95
    linear = number("PoissonRegressor +explains", output)
    assert number("ScratchMLPRegressor +explains", output) > linear + 30
    assert number("smallest prediction:", output) > 0


def imbalanced(output):
    recall = [float(r) for r in re.findall(r"recall +(\S+)", output)]
    losses = [float(r) for r in re.findall(r"log-loss +(\S+)", output)]
    plain, balanced, tuned = recall
    assert min(balanced, tuned) > plain + 0.2
    assert losses[0] == losses[2] < losses[1]
    assert "the same model: True" in output
    plain, by_cost = map(int, re.findall(r"cost (\d+)$", output, re.MULTILINE))
    assert by_cost < 0.8 * plain
    assert "RareClassWarning" in output


def mixed_columns(output):
    ours = number("TabularMLPClassifier .*log-loss", output)
    best = number("the true probabilities .*log-loss", output)
    one = number("one network: .*log-loss", output)
    assert best < ours < one < number("boosting .*log-loss", output)


def sparse_text(output):
    assert number("network +accuracy", output) > 0.5
    assert "['iris' 'breast cancer']" in output


def multilabel(output):
    assert number("F1 at thresholds", output) > number("F1 at 0.5", output) > 0.7
    assert number("network .* F1", output) > number("linear models .* F1", output)


def streaming(output):
    assert min(float(a) for a in re.findall(r"accuracy.*?(0\.\d+)", output)) > 0.94


def calibrated(output):
    losses = {
        name: number(f"{name} .*log-loss", output)
        for name in ("for long", "temperature", "early stopping", "tabular")
    }
    assert list(losses.values()) == sorted(losses.values(), reverse=True)
    assert number("quantiles:", output) < 80
    if "MAPIE is not installed" not in output:
        assert 86 < number("conformal:", output) < 94
        assert 86 < percent("of the sets hold the true class", output) < 94


def explain(output):
    falls = [number(f"feature {k}: R2 falls by", output) for k in range(10)]
    assert min(falls[:5]) > 0.1
    assert max(falls[5:]) < 0.02


def scaling_out(output):
    assert "local processes, equal: True" in output
    assert "equal: False" not in output
    if "distributed is not installed" not in output:
        assert output.count("Dask, equal: True") == 2
        assert re.search(r"is killed, [1-9] of 9 candidates are unfinished", output)
        assert "workers left: 1\nnothing lost, equal: True" in output
    if "Ray is not installed" not in output:
        assert output.count("Ray, equal: True") == 2


# What a page says, it has to print.
PROMISES = {
    f"plot_{page.__name__}": page
    for page in (
        *(first_pipeline, watch_stop_resume, save_and_deploy, tune, mnist),
        *(regression, imbalanced, mixed_columns, sparse_text, multilabel),
        *(streaming, calibrated, explain),
    )
} | {"scaling_out": scaling_out}


def test_every_page_but_the_one_on_settings_has_promises():
    assert set(PAGES) - set(PROMISES) == {"plot_choose_settings"}


def guide(name):
    return (ROOT / "docs" / f"{name}.md").read_text("utf-8")


def in_words(name):
    return " ".join(PAGES[name].read_text("utf-8").replace("\n#", "\n").split())


def column(name, table, header):
    """Return a column of the only table that begins like this, by its first column."""
    rows = re.search(rf"^\| {table}.*\n(\|.*\n)+", guide(name), re.MULTILINE)[0]
    head, _, *rest = ([c.strip() for c in r.split("|")] for r in rows.splitlines())
    places = [place for place, text in enumerate(head) if text == header]
    return {row[1]: [float(row[place]) for place in places] for row in rest}


def test_figures_are_those_of_the_guides():
    """What the page on settings quotes is measured there, and may change there."""
    page = in_words("plot_choose_settings")
    of_defaults = r"better / even / worse +\|.*?(\d+) / (\d+) / (\d+)"
    better, even, worse = map(int, re.search(of_defaults, guide("defaults")).groups())
    assert (
        f"on {better + even + worse} small data sets, ours is better on {better}, "
        f"worse on {worse} and even on the other {even}"
    ) in page

    assert "best mean rank in accuracy, log-loss and RMSE" in page
    for header in ("27 tables \\| accuracy", "27 tables \\| +rmse"):
        ranks = column("tabular", header, "rank")
        ours = ranks.pop("ours")
        for others in ranks.values():
            assert all(a < b for a, b in zip(ours, others, strict=True))

    assert "a twentieth of the time of ``MLPClassifier()``" in page
    seconds = column("training", " +\\| network", "seconds, median")
    ratio = seconds["`MLPClassifier()`"][0] / seconds["`quick`"][0]
    assert 18 < ratio < 23

    megabytes = re.search(r"np.memmap of 4 GB.*?\| +([\d.]+)", guide("performance"))[1]
    for name in ("plot_choose_settings", "plot_streaming"):
        assert f"grows by some {float(megabytes):.0f} MB" in in_words(name)
