#!/usr/bin/env -S uv run --script
# /// script
# dependencies = ["nox>=2025.10.14"]
# ///
"""Every check of this project, a session each. .ci/run calls all of them.

A session makes an environment of its own. With ``--no-venv`` it takes the active one:
.ci/run does so where sessions can share.
"""

import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nox

nox.needs_version = ">=2025.10.14"
nox.options.default_venv_backend = "virtualenv"

ROOT = Path(__file__).parent

# The hooks of .pre-commit-config.yaml (a test compares the names), each as its command
# and the tracked files that it gets. The programs are in the dev extra, at the same
# versions; `pre-commit run` would need GitHub, to clone the hooks.
HOOKS = {
    "check-added-large-files": ("check-added-large-files --enforce-all", "*"),
    "check-case-conflict": ("check-case-conflict", "*"),
    "check-merge-conflict": ("check-merge-conflict --assume-in-merge", "*"),
    "check-toml": ("check-toml", "*.toml"),
    "check-yaml": ("check-yaml", "*.yaml"),
    "debug-statements": ("debug-statement-hook", "*.py"),
    "end-of-file-fixer": ("end-of-file-fixer", "*"),
    "mixed-line-ending": ("mixed-line-ending", "*"),
    "trailing-whitespace": ("trailing-whitespace-fixer", "*"),
    "ruff-check": ("ruff check .", None),
    "ruff-format": ("ruff format --check .", None),
    "mypy": ("mypy", None),
    "codespell": ("codespell", "*"),
    "mdformat": ("mdformat --check", "*.md :!docs/differences.md"),
}

# The Pythons that the classifiers name, the oldest first.
PYTHONS = nox.project.python_versions(nox.project.load_toml(ROOT / "pyproject.toml"))
# The oldest versions that pyproject.toml allows. NumPy 2.0 has no wheels for the newest
# Pythons.
OLDEST = ("numpy==2.0.0", "scipy==1.13.0")
OLDEST_SKLEARN = "1.6.0"
# Where no test depends on the version of scikit-learn: the engine, which may not import
# it, and what looks at the files of the project.
WITHOUT_SKLEARN = (
    "tests/nn",
    "tests/test_benchmarks.py",
    "tests/test_docs.py",
    "tests/test_habits.py",
    "tests/test_packaging.py",
    "tests/test_style.py",
)

FIT_IRIS = """
import sys
from sklearn.datasets import load_iris
import skmlp_scratch
assert not skmlp_scratch.__file__.startswith(sys.argv[1] + "/"), skmlp_scratch.__file__
X, y = load_iris(return_X_y=True)
model = skmlp_scratch.ScratchMLPClassifier(random_state=0).fit(X, y)
assert model.score(X, y) > 0.9
print("wheel", skmlp_scratch.__version__, "fits iris")
"""

PRINT_MINOR = "import sys; print(sys.version_info.minor)"
PRINT_VERSIONS = """
import numpy, scipy, sklearn, sys
print("Python", sys.version.split()[0], "scikit-learn", sklearn.__version__)
print("NumPy", numpy.__version__, "SciPy", scipy.__version__)
"""


def interpreter(version: str) -> str | None:
    """Return a Python of that version that starts, or None.

    It may be one of pyenv's that is not switched on: then its name is in the path, too,
    and does not start.
    """
    pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser() / "versions"
    for folder in (*os.get_exec_path(), *pyenv.glob(f"{version}.*/bin")):
        program = str(Path(folder) / f"python{version}")
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            subprocess.run([program, "--version"], check=True, capture_output=True)
            return program
    return None


def newest_python() -> str | None:
    """Return the newest Python that starts, or None."""
    return next(filter(None, map(interpreter, reversed(PYTHONS))), None)


def install(session: nox.Session, *requirements: str) -> None:
    """Install with pip, which session.install refuses to do with --no-venv."""
    session.run_install("python", "-m", "pip", "install", "--quiet", *requirements)


@nox.session(default=True)
def lint(session: nox.Session) -> None:
    """Check style, types, configuration and project habits."""
    install(session, ".[dev]")
    for name, (command, patterns) in HOOKS.items():
        session.log(name)
        files = ""
        if patterns is not None:
            # The hooks are for text, by themselves in pre-commit.
            list_files = ("git", "ls-files", *patterns.split(), ":!*.png")
            files = session.run(*list_files, external=True, silent=True, log=False)
        session.run(*command.split(), *files.splitlines(), log=False)
    session.run("validate-pyproject", "pyproject.toml")
    session.run("pre-commit", "validate-config")
    session.run("repo-review", ".")


@nox.session(default=True)
def tests(session: nox.Session) -> None:
    """Run the tests against the installed package."""
    install(session, ".[test]")
    session.run("pytest", *session.posargs)


@nox.session(default=False)
def example(session: nox.Session) -> None:
    """Run the tests that skip where matplotlib is absent."""
    install(session, ".[test,examples]")
    drawing = [
        "tests/test_example.py",
        "tests/test_displays.py",
        "tests/test_docs.py",
        "tests/test_learning_rate_display.py",
        "tests/test_ecosystem.py::test_inside_partial_dependence",
    ]
    session.run("pytest", *drawing, env={"MPLBACKEND": "Agg"})


@nox.session(default=False)
def docs(session: nox.Session) -> None:
    """Build the documentation in a copy, and look at it, where there is a browser."""
    # Without the recipes' libraries, parts of pages would say that they were skipped.
    install(session, ".[docs,recipes,site,test]")
    work = (session.cache_dir / "docs").absolute()
    shutil.rmtree(work, ignore_errors=True)
    ignored = shutil.ignore_patterns("__pycache__", "auto_*", "generated")
    for folder in ("docs", "skmlp_scratch", "tests"):
        shutil.copytree(ROOT / folder, work / folder, ignore=ignored)
    for file in ("CHANGELOG.md", "CONTRIBUTING.md", "README.md", "pyproject.toml"):
        shutil.copy(ROOT / file, work)
    session.chdir(work)
    session.run("sphinx-build", "-W", "--keep-going", "docs", "site")
    session.run("pytest", "tests/test_site.py")
    session.log(f"{(work / 'site' / 'index.html').as_uri()}")


@nox.session(default=False)
def oracles(session: nox.Session) -> None:
    """Compare with other libraries at equal weights; work with other tools."""
    # A CPU build of torch known to install quickly.
    install(session, "torch==2.13.0", ".[test,oracles,integrations]")
    # Absent libraries would make the tests skip, and skipped tests prove nothing.
    session.run("python", "-c", "import mapie, onnxruntime, skl2onnx, skops, torch")
    session.run("python", "-c", "import distributed, mlflow, optuna")
    session.run("pytest", "-m", "oracle and not slow")


@nox.session(default=False)
def slow(session: nox.Session) -> None:
    """Run the tests that take long, or need MNIST or a cluster."""
    # Without the recipes' libraries, pages would skip parts, and their tests with them.
    install(session, ".[test,examples,recipes]")
    session.run("pytest", "-m", "slow")


@nox.session(default=False)
def wheel(session: nox.Session) -> None:
    """Build the wheel from the source distribution; run it, and the examples on it."""
    work = Path(session.create_tmp())
    shutil.rmtree(work, ignore_errors=True)
    install(session, "build")
    session.run("python", "-m", "build", "--outdir", str(work), ".")
    (built,) = work.glob("*.whl")
    install(session, "--force-reinstall", "--no-deps", str(built))
    install(session, f"{built}[examples]")
    session.chdir(work)  # so that the wheel is imported, not the checkout
    session.run("python", "-c", FIT_IRIS, str(ROOT))
    for script in ("mnist.py", "fast_and_accurate.py"):
        path = ROOT / "examples" / script
        session.run("python", str(path), "--data", "digits", env={"MPLBACKEND": "Agg"})


@nox.session(python=newest_python(), default=False)
def newest(session: nox.Session) -> None:
    """Run the tests with the newest Python there is, if newer than the one of nox."""
    found = session.run("python", "-c", PRINT_MINOR, silent=True, log=False)
    if int(found) <= sys.version_info.minor:
        this = f"3.{sys.version_info.minor}"
        session.skip(f"no newer Python than {this} starts, of {', '.join(PYTHONS)}")
    install(session, "--only-binary", "numpy,scipy,scikit-learn", ".[test]")
    session.run("python", "-c", PRINT_VERSIONS)
    session.run("pytest", *session.posargs)


@nox.session(python=interpreter(PYTHONS[0]), default=False)
@nox.parametrize("version", ["1.6.0", "1.7.0", "1.8.0"], ids=["1.6", "1.7", "1.8"])
def sklearn(session: nox.Session, version: str) -> None:
    """Run the tests with that scikit-learn and the oldest NumPy and SciPy.

    All of them with the oldest; else those that may depend on scikit-learn's version.
    """
    pins = (f"scikit-learn=={version}", *OLDEST)
    install(session, "--only-binary", "numpy,scipy,scikit-learn", *pins, ".[test]")
    session.run("python", "-c", PRINT_VERSIONS)
    ignored = () if version == OLDEST_SKLEARN else WITHOUT_SKLEARN
    ignore = (f"--ignore={path}" for path in ignored)
    session.run("pytest", *ignore, *session.posargs)


if __name__ == "__main__":
    nox.main()
