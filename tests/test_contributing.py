"""The examples of "Adding something" in CONTRIBUTING.md: short, and right.

Each is applied to a copy of the package. The command that follows it must find tests of
what it adds, which pass, and which fail if the example is wrong.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import NamedTuple

import pytest
from helpers import ROOT

import skmlp_scratch

pytestmark = pytest.mark.slow  # most of a minute


class Example(NamedTuple):
    """A patch, and the command that tests what it adds."""

    patch: str
    command: str


class Expected(NamedTuple):
    """A number of tests that there are at least, and a change that must be noticed."""

    n_tests: int
    right: str
    wrong: str


SECTION = (
    (ROOT / "CONTRIBUTING.md")
    .read_text("utf-8")
    .partition("\n## Adding something\n")[2]
    .partition("\n## ")[0]
)
EXAMPLES = {
    title: Example(patch, command)
    for title, patch, command in re.findall(
        r"^### (.+?)$.*?^```diff\n(.*?)^```\n\n```bash\n(.*?)^```$",
        SECTION,
        re.DOTALL | re.MULTILINE,
    )
}
EXPECTED = {
    "An activation": Expected(75, "t + self.x * (1", "t - self.x * (1"),
    "An optimizer": Expected(50, "parameters -=", "parameters +="),
    "A loss": Expected(100, "np.subtract(logits, np.log", "np.add(logits, np.log"),
    "A schedule": Expected(20, "return 1 - u", "return -u"),
}
examples = pytest.mark.parametrize("title", EXPECTED)


def expanded(word):
    """Return the words that one with braces stands for, as in a shell."""
    parts = [part.split(",") for part in re.split(r"[{}]", word)]
    return ["".join(choice) for choice in product(*parts)]


def apply(patch, folder):
    """Change files as the patch says; each of its places must be there just once."""
    for of_file in re.split(r"^--- ", patch, flags=re.MULTILINE)[1:]:
        name, _, changes = of_file.partition("\n")
        for path in map(folder.joinpath, expanded(name)):
            code = path.read_text("utf-8")
            for change in re.split(r"^@@\n", changes, flags=re.MULTILINE):
                lines = change.splitlines(keepends=True)
                old = "".join(line[1:] for line in lines if line[0] in " -")
                new = "".join(line[1:] for line in lines if line[0] in " +")
                assert code.count(old) == 1, f"{path.name}: {old}"
                code = code.replace(old, new)
            path.write_text(code, "utf-8")


@pytest.fixture
def copy(tmp_path):
    """Return a folder with a copy of the package and of its tests."""
    package = Path(skmlp_scratch.__file__).parent
    for folder in (package, ROOT / "tests"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(folder, tmp_path / folder.name, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def run(command, folder, *options):
    """Run a pytest command on what is in the folder.

    Return its exit code, how many tests passed, and what was printed.
    """
    program, *words = shlex.split(command.replace("\\\n", ""))
    assert program == "pytest"
    arguments = [argument for word in words for argument in expanded(word)]
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "no:cacheprovider",
            *options,
            *arguments,
        ],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    passed = re.search(r"(\d+) passed", done.stdout)
    n_passed = int(passed[1]) if passed else 0
    return done.returncode, n_passed, done.stdout + done.stderr


def test_there_is_an_example_of_each():
    assert EXAMPLES.keys() == EXPECTED.keys()


@examples
def test_an_example_has_under_thirty_lines(title):
    lines = EXAMPLES[title].patch.splitlines()
    assert len(lines) < 30
    # The first column says what to do with the line.
    assert max(map(len, lines)) <= 1 + 88


@examples
def test_an_example_passes_the_tests(title, copy):
    patch, command = EXAMPLES[title]
    apply(patch, copy)
    code, n_passed, printed = run(command, copy)
    assert code == pytest.ExitCode.OK, printed
    assert n_passed >= EXPECTED[title].n_tests


@examples
def test_a_wrong_example_fails_them(title, copy):
    patch, command = EXAMPLES[title]
    _, right, wrong = EXPECTED[title]
    assert patch.count(right) == 1
    apply(patch.replace(right, wrong), copy)
    code, _, printed = run(command, copy, "-x")
    assert code == pytest.ExitCode.TESTS_FAILED, printed


def test_a_name_that_the_docstrings_lack_is_noticed(copy):
    patch, command = EXAMPLES["A schedule"]
    without, separator, _ = patch.rpartition("--- ")
    assert separator
    apply(without, copy)
    code, _, printed = run(command, copy)
    assert code == pytest.ExitCode.TESTS_FAILED, printed
    failed = re.findall(r"^FAILED \S*::(\w+)", printed, re.MULTILINE)
    assert set(failed) == {"test_documented_options_are_those_of_the_tables"}
