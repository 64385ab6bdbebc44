"""The project's files agree with each other."""

import importlib.util
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


@pytest.fixture
def hatch_build():
    pytest.importorskip("hatchling", reason="builds the package")
    spec = importlib.util.spec_from_file_location(
        "hatch_build", ROOT / "hatch_build.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_readme_of_the_package_has_links_to_published_pages(hatch_build):
    address = "https://docs.example.org"
    text = hatch_build.with_links_to(address, read("README.md"))
    links = re.findall(r"\]\((.*?)\)", text)
    assert all(link.startswith("https://") for link in links)
    assert f"[Contributing]({address}/CONTRIBUTING.html)" in text
    assert f"({address}/training.html#losses-of-a-regressor)" in text
    assert f"({address}/_images/mnist.png)" in text
    assert f"[Recipes]({address}/auto_use/index.html)" in text
    assert "see LICENSE" in text


@pytest.mark.parametrize(
    ("urls", "link"),
    [
        ({}, "](docs/training.md)"),
        ({"Documentation": "https://a.example/"}, "](https://a.example/training.html)"),
    ],
)
def test_readme_is_filled_in_by_the_address(urls, link, hatch_build):
    metadata = {"urls": urls}
    hatch_build.Readme(str(ROOT), {}).update(metadata)
    assert link in metadata["readme"]["text"]
    assert metadata["readme"]["content-type"] == "text/markdown"
