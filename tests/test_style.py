"""Sizes: functions, their arguments and the files of the engine stay small."""

import ast
from pathlib import Path

import pytest

import skmlp_scratch

ROOT = Path(skmlp_scratch.__file__).parent
FILES = {path.relative_to(ROOT).as_posix(): path for path in sorted(ROOT.rglob("*.py"))}
MOST_LINES_OF_CODE, MOST_ARGUMENTS, MOST_LINES_OF_A_FILE = 40, 8, 250


def lines_of_code(function, lines):
    """Return how many lines a function has, docstring, comments and blanks aside."""
    first = 1 if ast.get_docstring(function) is not None else 0
    if not function.body[first:]:
        return 0
    start, stop = function.body[first].lineno - 1, function.end_lineno
    code = [line.strip() for line in lines[start:stop]]
    return sum(bool(line) and not line.startswith("#") for line in code)


def arguments(function):
    """Return the names of a function's arguments, self and cls aside."""
    given = function.args
    names = [a.arg for a in given.posonlyargs + given.args + given.kwonlyargs]
    return [name for name in names if name not in ("self", "cls")]


def too_large(source):
    """Return the functions of a file that are too long, or take too much."""
    lines, found = source.splitlines(), []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.FunctionDef) or node.name == "__init__":
            continue
        if lines_of_code(node, lines) > MOST_LINES_OF_CODE:
            found.append(f"{node.name}: {lines_of_code(node, lines)} lines of code")
        if len(arguments(node)) > MOST_ARGUMENTS:
            found.append(f"{node.name}: {len(arguments(node))} arguments")
    return found


@pytest.mark.parametrize("file", FILES)
def test_functions_are_short_and_take_few_arguments(file):
    assert too_large(FILES[file].read_text("utf-8")) == []


@pytest.mark.parametrize("file", [file for file in FILES if file.startswith("nn/")])
def test_files_of_the_engine_are_short(file):
    assert len(FILES[file].read_text("utf-8").splitlines()) <= MOST_LINES_OF_A_FILE


def test_what_is_too_large_is_found():
    long = "def f():\n" + "    pass\n" * 41
    wide = f"def g(self, {', '.join('abcdefghi')}):\n    # why\n    pass\n"
    assert too_large(long + wide) == ["f: 41 lines of code", "g: 9 arguments"]
    assert too_large(long.replace("    pass\n", "", 1)) == []
