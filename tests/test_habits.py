"""What the tools promise in one place is what they do in the others."""

import ast
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
CONFIG = (ROOT / ".pre-commit-config.yaml").read_text("utf-8")
NOXFILE = ast.parse((ROOT / "noxfile.py").read_text("utf-8"))
RUN = (ROOT / ".ci" / "run").read_text("utf-8")
# Where the package that has the hooks is not called like their repository.
PACKAGES = {"mirrors-mypy": "mypy", "ruff-pre-commit": "ruff"}


def dev_pins():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    pins = project["optional-dependencies"]["dev"]
    return {pin for pin in pins if "==" in pin}


def pre_commit_pins():
    repos = re.findall(r"- repo: https://\S+/(\S+)\n\s+rev: v?(\S+)", CONFIG)
    pins = {f"{PACKAGES.get(name, name)}=={revision}" for name, revision in repos}
    for plugins in re.findall(r"additional_dependencies: \[(.*)\]", CONFIG):
        # mypy's additional dependencies are not tools: they only have a floor.
        pins |= {plugin for plugin in plugins.split(", ") if ">=" not in plugin}
    return pins


def sessions():
    functions = [node for node in NOXFILE.body if isinstance(node, ast.FunctionDef)]
    decorated = [node for node in functions if node.decorator_list]
    return {node.name for node in decorated}


def test_pins_of_dev_equal_those_of_pre_commit():
    assert dev_pins() == pre_commit_pins()


def test_lint_runs_every_pre_commit_hook():
    (hooks,) = [
        ast.literal_eval(node.value)
        for node in NOXFILE.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "HOOKS"
    ]
    assert set(hooks) == set(re.findall(r"- id: (\S+)", CONFIG))
    # The file that mdformat leaves out is the same in both.
    (excluded,) = re.findall(r"exclude: \^(\S+)\$", CONFIG)
    assert hooks["mdformat"][1].endswith(f" :!{excluded.replace(chr(92), '')}")


def test_ci_run_calls_every_session():
    chains = re.findall(r"^in_\w+=\((.*)\)$", RUN, re.MULTILINE)
    called = set(re.findall(r'"([a-z]+)', " ".join(chains)))
    called |= set(re.findall(r"--session ([a-z]+)$", RUN, re.MULTILINE))
    # `tests` is the README's command, which .ci/run runs as it is written there.
    assert called | {"tests"} == sessions()


def test_what_the_legs_leave_out_is_there():
    (left_out,) = [
        ast.literal_eval(node.value)
        for node in NOXFILE.body
        if isinstance(node, ast.Assign)
        and ast.unparse(node.targets[0]) == "WITHOUT_SKLEARN"
    ]
    assert [path for path in left_out if not (ROOT / path).exists()] == []


def test_the_oldest_classified_python_is_the_one_required():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    found = re.findall(r"Python :: 3\.(\d+)", "\n".join(project["classifiers"]))
    assert project["requires-python"] == f">=3.{found[0]}"
    assert found == sorted(found)


def test_ci_run_names_every_version_of_scikit_learn():
    (function,) = [
        node for node in NOXFILE.body if getattr(node, "name", "") == "sklearn"
    ]
    (parametrize,) = [
        d for d in function.decorator_list if "parametrize" in ast.unparse(d)
    ]
    (ids,) = [ast.literal_eval(k.value) for k in parametrize.keywords if k.arg == "ids"]
    assert sorted(re.findall(r"sklearn\(([\d.]+)\)", RUN)) == ids
