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
