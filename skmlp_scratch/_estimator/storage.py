"""A file of numbers, text and arrays, without pickle: NumPy's ``.npz`` and JSON.

A tree of dicts, lists, tuples, numbers, text and arrays becomes JSON, with the arrays
beside it in the same file. Reading it runs no code. Arrays take twice their size in the
file, and what JSON stands for at most some dozens of times its size: ``[]`` is an
object.
"""

import io
import json
import os
import threading
import time
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from glob import escape
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

from skmlp_scratch.exceptions import CheckpointError
from skmlp_scratch.nn.state import bit_generator, set_random_state
from skmlp_scratch.nn.typing import Array

# Nobody writes a file for that long: what is left is of a process that died.
LEFT_BEHIND_SECONDS = 3600
TREE = "tree"  # the name of the array that holds the JSON


def save_tree(
    path: Path, tree: Mapping[str, Any], before: Callable[[], None] | None = None
) -> None:
    """Write a tree to a file, which is there as a whole or not at all.

    It is written to a temporary file in the same folder, flushed to the disk, and
    renamed. Whatever goes wrong, a file that was there before stays as it was.

    Parameters
    ----------
    path : Path
        The file.
    tree : dict
        What is to be stored, with string keys.
    before : callable, default=None
        Called before the renaming.

    Raises
    ------
    CheckpointError
        If something in the tree cannot be stored.
    OSError
        If the file cannot be written.
    """
    arrays: dict[str, Array] = {}
    text = json.dumps(_packed(tree, arrays, "")).encode("ascii")
    arrays[TREE] = np.frombuffer(text, np.uint8)

    def write(file: IO[bytes]) -> None:
        np.savez(file, **arrays)  # type: ignore[arg-type]  # allow_pickle is one, too

    _write_atomically(path, write, before)


def load_tree(path: Path) -> Any:
    """Return the tree in a file.

    Raises
    ------
    CheckpointError
        If the file holds something else, or is damaged.
    OSError
        If it cannot be read.
    """
    content = path.read_bytes()  # what fails after that is for what is in there
    try:
        arrays = _read_arrays(content)
        text = arrays.pop(TREE).tobytes()
        return _unpacked(json.loads(text.decode("ascii")), arrays)
    except Exception as error:
        raise CheckpointError(
            f"{str(path)!r} is no checkpoint of skmlp_scratch, or is damaged: cut off "
            "or changed. Take an older checkpoint, or start anew."
        ) from error


# Writing


def temporary_path(path: Path, what: str = "new") -> Path:
    """Return where a file is written before it gets its name, by this thread only."""
    writer = f"{os.getpid()}-{threading.get_ident()}"
    return path.with_name(f".{path.name}.{what}-{writer}.part")


def check_writable(path: Path) -> None:
    """Raise an OSError if a file cannot be written; remove what was left of others."""
    path = path.resolve()
    _write_atomically(path, lambda file: file.write(b""), rename=False)
    for file in path.parent.glob(f".{escape(path.name)}.*.part"):
        with suppress(FileNotFoundError):  # another process removes them, too
            if time.time() - file.stat().st_mtime > LEFT_BEHIND_SECONDS:
                file.unlink()


def _write_atomically(
    path: Path,
    write: Callable[[IO[bytes]], object],
    before: Callable[[], None] | None = None,
    *,
    rename: bool = True,
) -> None:
    path = path.resolve()  # a link stays a link
    if path.is_dir():
        raise IsADirectoryError(f"{str(path)!r} is a folder, and no file to write to")
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"{str(path)!r} cannot be written: there is no such folder. Create it."
        )
    temporary = temporary_path(path)
    try:
        with temporary.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        if before:
            before()
        if rename:
            temporary.replace(path)
            _flush_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _flush_folder(folder: Path) -> None:
    """Have the new name on the disk, where systems let one flush a folder."""
    if os.name == "posix":
        with suppress(OSError):  # some network drives cannot; the file is there
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


# From a tree to JSON and back. Where JSON has no form, there is a dict with one key,
# which names the kind: {"$array": ...}.


def _packed(value: Any, arrays: dict[str, Array], where: str) -> Any:
    """Return a value in the forms that JSON has; arrays go into ``arrays``."""

    def packed(values: Any) -> list[Any]:
        return [_packed(part, arrays, where) for part in values]

    form: Any
    if value is None or isinstance(value, bool | int | float | str):
        form = value
    elif isinstance(value, list):
        form = packed(value)
    elif isinstance(value, tuple):
        form = {"$tuple": packed(value)}
    elif isinstance(value, Mapping) and all(map(_is_plain_key, value)):
        inside = f"{where}." if where else ""
        form = {k: _packed(v, arrays, f"{inside}{k}") for k, v in value.items()}
    elif isinstance(value, Mapping):
        form = {"$dict": [packed(pair) for pair in value.items()]}
    elif isinstance(value, np.random.RandomState):
        form = {"$random_state": _packed(value.get_state(legacy=False), arrays, where)}
    elif isinstance(value, np.dtype):
        form = {"$dtype": value.str}
    elif isinstance(value, type) and issubclass(value, np.generic):
        form = {"$type": np.dtype(value).str}
    elif isinstance(value, np.ndarray) and value.dtype.hasobject:
        form = {"$objects": packed([list(value.shape), value.ravel().tolist()])}
    elif isinstance(value, np.ndarray | np.generic):
        name = str(len(arrays))
        arrays[name] = np.asarray(value)
        form = {"$array" if isinstance(value, np.ndarray) else "$scalar": name}
    else:
        raise CheckpointError(
            f"{where} holds {value!r}, which no checkpoint can: only numbers, text, "
            "dates, arrays, and lists and dicts of these. Set it to one of these."
        )
    return form


def _is_plain_key(key: object) -> bool:
    return isinstance(key, str) and not key.startswith("$")


def _unpacked(value: Any, arrays: dict[str, Array]) -> Any:
    """Return what was packed."""
    if isinstance(value, list):
        return [_unpacked(part, arrays) for part in value]
    if not isinstance(value, dict):
        return value
    content = {name: _unpacked(part, arrays) for name, part in value.items()}
    kind = next(iter(value), "")
    return MAKE[kind](content[kind], arrays) if kind.startswith("$") else content


def _random_state(state: Any) -> np.random.RandomState:
    rng = np.random.RandomState(bit_generator(state))
    set_random_state(rng, state)
    return rng


def _dtype(name: str) -> np.dtype[Any]:
    if len(name) > 5:  # those of numbers have names like <f8
        raise ValueError(f"unknown type of numbers {name[:9]!r}")
    return np.dtype(name)


def _objects(shape: list[int], values: list[Any]) -> Array:
    objects = np.empty(len(values), object)
    for position, value in enumerate(values):  # else a list would be several values
        objects[position] = value
    return objects.reshape(shape)


# How what was packed as a kind of its own is made again.
MAKE: dict[str, Callable[[Any, dict[str, Array]], Any]] = {
    "$tuple": lambda values, _: tuple(values),
    "$dict": lambda pairs, _: dict(pairs),
    "$random_state": lambda state, _: _random_state(state),
    "$dtype": lambda name, _: _dtype(name),
    "$type": lambda name, _: _dtype(name).type,
    "$objects": lambda content, _: _objects(*content),
    "$array": lambda name, arrays: arrays[name],
    "$scalar": lambda name, arrays: arrays[name][()],
}


# Reading. zipfile checks the CRC of what it reads, once it has read all of it.


def _read_arrays(content: bytes) -> dict[str, Array]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = archive.infolist()
        # zipfile takes no more from a member than its size says. Without this, a small
        # file could become large, or parts of it be read many times.
        if sum(m.file_size for m in members) > len(content):
            raise ValueError("members are compressed, or overlap")
        return {
            m.filename.removesuffix(".npy"): _read_array(archive, m) for m in members
        }


def _read_array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Array:
    with archive.open(member) as file:
        version = npy.read_magic(file)
        read_header = {
            (1, 0): npy.read_array_header_1_0,
            (2, 0): npy.read_array_header_2_0,
        }[version]
        shape, fortran_order, dtype = read_header(file)
        content = file.read()
    if min(shape, default=1) < 0:  # for reshape, -1 is whatever there is
        raise ValueError("a negative size")
    # Takes neither objects nor another size than the shape says.
    array = np.frombuffer(bytearray(content), dtype)
    return array.reshape(shape, order="F" if fortran_order else "C")
