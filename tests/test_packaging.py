"""The project's files agree with each other."""

import re
import tomllib

import pytest
from helpers import ROOT


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("tool", "hooks"),
    [("ruff", "astral-sh/ruff-pre-commit"), ("mypy", "pre-commit/mirrors-mypy")],
)
def test_tool_pins_equal_pre_commit_revisions(tool, hooks):
    extras = tomllib.loads(read("pyproject.toml"))["project"]["optional-dependencies"]
    (pin,) = [d for d in extras["dev"] if d.startswith(f"{tool}==")]
    config = read(".pre-commit-config.yaml")
    rev = re.search(rf"{hooks}\n\s+rev: v(\S+)", config)
    assert rev is not None
    assert pin == f"{tool}=={rev[1]}"


@pytest.mark.parametrize(
    "command",
    [
        'pip install ".[examples]" && python examples/mnist.py',
        'pip install ".[test]" && pytest',
    ],
    ids=["example", "test"],
)
def test_readme_has_the_command_in_its_own_block(command):
    assert f"```bash\n{command}\n```" in read("README.md")


def test_changelog_has_an_unreleased_section():
    assert "\n## Unreleased\n" in read("CHANGELOG.md")
