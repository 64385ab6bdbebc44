"""The example that users run first, and what it does without a network."""

import importlib.util
import os
import re
import socket
import subprocess
import sys
import threading
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from urllib.error import HTTPError

import pytest

for needed in ("matplotlib", "rich", "sklearn.callback"):
    pytest.importorskip(needed, reason="the example needs the extra `examples`")

EXAMPLE = Path(__file__).parents[1] / "examples" / "mnist.py"


@pytest.fixture
def example():
    """The example as a module."""
    spec = importlib.util.spec_from_file_location("example_mnist", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    timeout = socket.getdefaulttimeout()
    spec.loader.exec_module(module)
    yield module
    socket.setdefaulttimeout(timeout)


@pytest.fixture
def no_cache(monkeypatch, tmp_path):
    """No MNIST on the disk."""
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path))


def test_example_runs_on_digits(tmp_path):
    picture = tmp_path / "picture.png"
    result = subprocess.run(
        [sys.executable, EXAMPLE, "--data", "digits", "--output", picture],
        cwd=tmp_path,
        env=os.environ | {"MPLBACKEND": "Agg"},
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    image = picture.read_bytes()
    assert image.startswith(b"\x89PNG\r\n\x1a\n")
    assert len(image) > 20_000
    assert 1200 <= int.from_bytes(image[16:20], "big") <= 1600  # the width in pixels
    for name in ("ScratchMLPClassifier", "MLPClassifier"):
        row = re.search(rf"\b{name}\D+[\d.]+\D+(0\.\d+)", result.stdout)
        assert float(row[1]) > 0.9, row
    last = re.search(r"epoch 40 .*training (0\.\d+) +test (0\.\d+)", result.stdout)
    assert float(last[1]) > float(last[2]) > 0.95
    assert re.search(
        r"Cross-validation on 1797 rows: accuracy( 0\.\d+){3}", result.stdout
    )
    assert len(re.findall(r"^  accuracy 0\.\d+ with", result.stdout, re.MULTILINE)) == 4


RECIPES = EXAMPLE.parent / "fast_and_accurate.py"


@pytest.mark.parametrize(
    ("options", "lines"),
    [
        (
            ["--recipes", "quick", "better", "--reference", "--seeds", "2"],
            [r"quick, seed 1: \d+\.\d\d s, ", *("quick", "better", "MLPClassifier")],
        ),
        (["--tune", "--candidates", "2"], [r"best of 2: 9\d\.\d+% ", "    dropout="]),
    ],
    ids=["recipes", "tune"],
)
def test_recipes_run_on_digits(options, lines, tmp_path):
    result = subprocess.run(
        [sys.executable, RECIPES, "--data", "digits", *options],
        cwd=tmp_path,
        env=os.environ | {"MPLBACKEND": "Agg"},
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    for line in lines:
        assert re.search(f"^{line}", result.stdout, re.MULTILINE), result.stdout
    for accuracy in re.findall(r" ([\d.]+)%", result.stdout):
        assert float(accuracy) > 85


TABULAR = EXAMPLE.parent / "tabular.py"


def test_tabular_example(tmp_path):
    pytest.importorskip("pandas", reason="the example is about data frames")
    picture = tmp_path / "picture.png"
    result = subprocess.run(
        [sys.executable, TABULAR, "--rows", "3000", "--output", picture],
        cwd=tmp_path,
        env=os.environ | {"MPLBACKEND": "Agg"},
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    image = picture.read_bytes()
    assert image.startswith(b"\x89PNG\r\n\x1a\n")
    assert len(image) > 20_000
    losses = {}
    for name in ("TabularMLPClassifier", "HistGradientBoosting", "the true", "Before"):
        losses[name] = float(re.search(rf"{name}.*log-loss (0\.\d+)", result.stdout)[1])
    ours, boosting, best, before = losses.values()
    assert best < ours < boosting
    assert before == pytest.approx(ours, abs=0.05)


def unreachable(*args, **kwargs):
    raise OSError("network is unreachable")


def broken_server(url, *args, **kwargs):
    raise HTTPError(str(url), 503, "Service Unavailable", {}, None)


@pytest.mark.parametrize("failure", [unreachable, broken_server])
def test_falls_back_to_digits_without_network(
    example, no_cache, monkeypatch, capsys, failure
):
    monkeypatch.setattr(example, "urlopen", failure)
    data = example.load_data("auto")
    assert data.name == "digits"
    assert len(data.X_train) + len(data.X_test) == 1797
    output = capsys.readouterr().out
    assert "MNIST is not available: openml.org cannot be reached." in output
    assert "Using scikit-learn's bundled digits instead." in output


def test_falls_back_to_digits_when_the_download_fails(
    example, no_cache, monkeypatch, capsys
):
    monkeypatch.setattr(example, "check_reachable", lambda url: None)
    monkeypatch.setattr(example, "fetch_openml", broken_server)
    assert example.load_data("auto").name == "digits"
    assert "HTTP Error 503: Service Unavailable" in capsys.readouterr().out


def test_mnist_on_request_fails_clearly_without_network(example, no_cache, monkeypatch):
    monkeypatch.setattr(example, "urlopen", unreachable)
    with pytest.raises(SystemExit, match=r"MNIST is not available.*--data digits"):
        example.load_data("mnist")


def test_hanging_name_lookup_is_noticed(example, monkeypatch):
    finish = threading.Event()

    def hang(*args, **kwargs):
        finish.wait(5)
        return nullcontext(SimpleNamespace(status=200))  # too late

    monkeypatch.setattr(example, "urlopen", hang)
    try:
        with pytest.raises(ConnectionError, match="cannot be reached"):
            example.check_reachable("https://example.invalid", seconds=0.05)
    finally:
        finish.set()
