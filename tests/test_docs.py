"""The Python examples of README and docs run, and print what their comments say."""

import re

import pytest
from helpers import ROOT, SKLEARN

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
EXAMPLES = [
    pytest.param(code, id=f"{page.name}-{number}")
    for page in PAGES
    for number, code in enumerate(
        re.findall(
            r"^```python\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE
        )
    )
]


# An example may begin with a comment that says what it needs.
NEEDS = re.compile(r"# Needs scikit-learn (\d+)\.(\d+) or newer\.\n")


@pytest.mark.parametrize("code", EXAMPLES)
def test_example(code, capsys, monkeypatch, tmp_path):
    needs = NEEDS.match(code)
    if needs and (int(needs[1]), int(needs[2])) > SKLEARN:
        pytest.skip(f"needs scikit-learn {needs[1]}.{needs[2]}")
    monkeypatch.chdir(tmp_path)  # for the files that examples write
    if "Display" in code:
        pytest.importorskip("matplotlib", reason="the example draws with matplotlib")
    if "skmlp_scratch.onnx" in code:
        pytest.importorskip("skl2onnx", reason="needs the extra 'oracles'")
    exec(compile(code, "example", "exec"), {})
    promised = re.findall(r"^print\(.*\)  # (.*)$", code, re.MULTILINE)
    printed = capsys.readouterr().out.splitlines()
    assert printed[: len(promised)] == promised


def test_examples_are_found():
    assert len(EXAMPLES) >= 4


def measured_in_readme():
    """Return the numbers in each row of README's table, and the page they are from."""
    lines = (ROOT / "README.md").read_text("utf-8").splitlines()
    rows = [line for line in lines if re.search(r"\|[^|]*\(docs/\S+\) +\|$", line)]
    for row in rows:
        _, what, here, there, source, _ = row.split("|")
        page = ROOT / re.search(r"\((docs/[\w.]+)", source)[1]
        yield what.strip(), re.findall(r"\d+\.\d+", here + there), page


MEASURED = list(measured_in_readme())


@pytest.mark.parametrize(("numbers", "page"), [m[1:] for m in MEASURED])
def test_what_readme_says_was_measured(numbers, page):
    measured = [float(n) for n in re.findall(r"\d+\.\d+", page.read_text("utf-8"))]
    for number in numbers:
        digits = len(number.partition(".")[2])
        assert any(f"{value:.{digits}f}" == number for value in measured), number


def test_readme_has_measured_figures():
    assert len(MEASURED) == 4
    assert all(len(numbers) >= 2 for _, numbers, _ in MEASURED)
