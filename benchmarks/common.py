"""What the benchmarks share: data, child processes, rounds, tables, and the report.

Run as a script, this is the child process: it calls one function and prints the result.
"""

import argparse
import importlib
import json
import os
import platform
import shlex
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from sklearn.datasets import fetch_openml, load_digits, load_iris
from threadpoolctl import threadpool_info

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
LIBRARIES = ["numpy", "scikit-learn", "torch", "skorch", "jax", "pytabkit"]
# The largest value of each data set, by which it is divided.
LARGEST = {"iris": 1, "digits": 16, "mnist": 255}

Key = TypeVar("Key")


def load_raw(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return X as it comes, in C order (pixels as uint8), and class codes."""
    if name == "iris":
        X, y = load_iris(return_X_y=True)
    elif name == "digits":
        X, y = load_digits(return_X_y=True)
    else:
        X, y = fetch_openml("mnist_784", version=1, as_frame=False, return_X_y=True)
        X, y = X[:60_000], y[:60_000]
    dtype = np.float32 if name == "iris" else np.uint8
    return np.ascontiguousarray(X, dtype), np.unique(y, return_inverse=True)[1]


def load_scaled(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return X as float32 in C order, pixels from 0 to 1, and class codes."""
    X, y = load_raw(name)
    return X / np.float32(LARGEST[name]), y


def array_paths(path: Any) -> tuple[str, str]:
    """Return where X and y are saved."""
    return f"{path}-X.npy", f"{path}-y.npy"


def save_arrays(path: Path, X: np.ndarray, y: np.ndarray) -> str:
    """Save X and y for children; return what :func:`read_arrays` needs."""
    for file, array in zip(array_paths(path), (X, y), strict=True):
        np.save(file, array)
    return str(path)


def read_arrays(path: str, mmap_mode: Any = None) -> tuple[np.ndarray, np.ndarray]:
    """Return what :func:`save_arrays` saved, in the same memory layout."""
    X_path, y_path = array_paths(path)
    return np.load(X_path, mmap_mode=mmap_mode), np.load(y_path)


def call_in_child(function: Callable[..., Any], **arguments: Any) -> Any:
    """Call a function of one of these files in a new process; return its result.

    Arguments and result go through JSON.
    """
    module = Path(function.__code__.co_filename).stem
    command = [sys.executable, __file__, module, function.__name__]
    result = subprocess.run(
        [*command, json.dumps(arguments)],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    if result.returncode:
        raise SystemExit(f"{function.__name__}({arguments}) failed:\n{result.stderr}")
    return json.loads(result.stdout.splitlines()[-1])


def answer(module: str, function: str, arguments: str) -> None:
    """Do, in the child, what :func:`call_in_child` asks for."""
    # Epochs are the work to be measured: fits are not meant to converge.
    warnings.filterwarnings("ignore", category=UserWarning)
    result = getattr(importlib.import_module(module), function)(**json.loads(arguments))
    print(json.dumps(result))


def seconds_of(action: Callable[[], object]) -> float:
    """Return the wall time of a call."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def medians_of_rounds(
    rounds: int, measures: Mapping[Key, Callable[[], float]]
) -> dict[Key, float]:
    """Measure A B C ... A B C ...; return the median of each.

    Whatever takes turns suffers alike from a machine that slows down.
    """
    results: dict[Key, list[float]] = {key: [] for key in measures}
    for number in range(rounds):
        for key, measure in measures.items():
            print(f"round {number + 1}/{rounds}: {key}", file=sys.stderr, flush=True)
            results[key].append(measure())
    return {key: statistics.median(values) for key, values in results.items()}


def make_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table, its columns aligned."""
    lines = [list(head), *map(list, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    lines.insert(1, rule)
    return "\n".join(
        "| "
        + " | ".join(
            cell.rjust(width) if number else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        + " |"
        for line in lines
    )


def make_parser(
    description: str | None, rounds: int | None = 5, page: Path = PAGE
) -> Any:
    """Return a parser with the options that all commands have."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    if rounds:
        parser.add_argument(
            "--rounds",
            type=int,
            default=rounds,
            help="how often each takes its turn; figures are medians (default: 5)",
        )
    parser.add_argument(
        "--write",
        type=Path,
        nargs="?",
        const=page,
        metavar="PAGE",
        help="put the table, with machine and versions, between its markers in PAGE "
        f"(default: docs/{page.name})",
    )
    return parser


def publish(section: str, table: str, page: Path | None) -> None:
    """Print a table; write it into a page, if there is one."""
    print(table, flush=True)
    if page is not None:
        script = Path(sys.argv[0]).name
        command = shlex.join(["python", f"benchmarks/{script}", *sys.argv[1:]])
        report = f"```bash\n{command}\n```\n\n{machine()}\n\n{table}"
        page.write_text(
            replace_section(page.read_text("utf-8"), section, report), "utf-8"
        )


def replace_section(page: str, section: str, text: str) -> str:
    """Return the page with this text between the markers of the section."""
    begin, end = f"<!-- {section}: begin -->", f"<!-- {section}: end -->"
    before, found, rest = page.partition(begin)
    _, found_end, after = rest.partition(end)
    if not (found and found_end):
        raise SystemExit(f"The page has no markers '{begin}' and '{end}'.")
    return f"{before}{begin}\n\n{text}\n\n{end}{after}"


def machine() -> str:
    """Return a sentence on the processor and the versions of the libraries."""
    blas = {
        f"{info['internal_api']} {info['version']}, {info.get('architecture')} kernels"
        for info in threadpool_info()
        if info["user_api"] == "blas"
    }
    installed = [f"{name} {found}" for name in LIBRARIES if (found := _version(name))]
    return (
        f"{_processor()}, {os.cpu_count()} cores, {platform.system()}; "
        f"Python {platform.python_version()}, {', '.join(installed)}; "
        f"BLAS: {', '.join(sorted(blas))}."
    )


def _version(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    """Return the processor's model, with family and model number where known."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    pairs = [line.split(":", 1) for line in lines if ":" in line]
    about = {key.strip(): value.strip() for key, value in pairs}
    name = about.get("model name", platform.machine())
    numbers = [f"{key} {about[key]}" for key in ("cpu family", "model") if key in about]
    return f"{name} ({', '.join(numbers)})" if numbers else name


if __name__ == "__main__":
    answer(*sys.argv[1:])
