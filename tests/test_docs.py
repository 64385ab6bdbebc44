"""The Python examples of README and docs run, and print what their comments say."""

import re

import pytest
from helpers import ROOT

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


@pytest.mark.parametrize("code", EXAMPLES)
def test_example(code, capsys):
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
