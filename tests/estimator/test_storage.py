"""A file of numbers, text and arrays: what goes in comes out, or is refused."""

import math
import os
import stat
import struct
import subprocess
import sys
import time
import zipfile
from collections import OrderedDict

import numpy as np
import pytest

from skmlp_scratch._estimator.storage import (
    LEFT_BEHIND_SECONDS,
    check_writable,
    load_tree,
    save_tree,
    temporary_path,
)
from skmlp_scratch.exceptions import CheckpointError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "tree.npz"


def through_a_file(value, path):
    save_tree(path, {"value": value})
    return load_tree(path)["value"]


def random_state(bit_generator=np.random.MT19937):
    rng = np.random.RandomState(bit_generator(3))
    rng.standard_normal(3)  # one more is kept for the next call
    return rng


VALUES = {
    "none": None,
    "true": True,
    "int": -3,
    "large": 2**200,
    "float": 0.1 + 0.2,
    "minus 0": -0.0,
    "infinity": math.inf,
    "minus infinity": -math.inf,
    "text": "a \u20ac \ud800 \0 $",
    "list": [1, [2.5, []], "x", None],
    "tuple": (1, (), [(2,)]),
    "dict": {"a": {"b": {}}, "": 1},
    "dict with a dollar": {"$array": "0", "b": {"$tuple": [1]}},
    "int keys": {0: 1.0, 1: 2.0},
    "NumPy keys": {np.int64(0): 1.0, np.float32(0.5): 2},
    "tuple keys": {(1, "a"): [2], None: 3},
    "NumPy scalars": [
        np.int8(3),
        np.float32(0.1),
        np.bool_(True),
        np.datetime64("NaT", "D"),
    ],
    "dates": np.array(["2020-01-01", "NaT"], "datetime64[D]"),
    "durations": np.array([1, 2], "timedelta64[ms]"),
    "unicode": np.array(["a", "\u20ac\u20ac"]),
    "no text": np.array([""]),
    "bytes": np.array([b"a", b"bc"]),
    "objects": np.array(["a", 1, None, (1, 2), [3, 4], 2.5], object),
    "lists as objects": np.array([[1, 2], [3, 4], None], object)[:2],
    "objects in 2 dimensions": np.array([["a", "b"], ["c", "d"]], object),
    "an object": np.array("a", object),
    "no objects": np.empty((0, 2), object),
    "empty": np.empty(0),
    "empty in 2 dimensions": np.empty((0, 5), np.float32),
    "0-d": np.array(2.5),
    "bool": np.array([True, False]),
    "complex": np.array([1 + 2j]),
    "Fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "strided": np.arange(12).reshape(3, 4)[::2, ::-1],
    "big-endian": np.arange(3, dtype=">f4"),
    "half": np.arange(3, dtype=np.float16),
    "not finite": np.array([np.nan, np.inf, -np.inf, -0.0, 5e-324]),
    "records": np.zeros(2, [("a", "<f4"), ("b", "<i8", (2,))]),
    "float32": np.float32,
    "dtype": np.dtype(">f8"),
}


def assert_equal(one, other):
    assert type(one) is type(other)
    if isinstance(one, np.ndarray):
        assert one.dtype == other.dtype
        assert one.shape == other.shape
        if one.dtype.hasobject:
            assert_equal(one.tolist(), other.tolist())
        else:
            assert one.tobytes() == other.tobytes()
            assert other.flags.writeable
            assert other.flags.aligned
    elif isinstance(one, dict):
        assert_equal(list(one.items()), list(other.items()))
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for pair in zip(one, other, strict=True):
            assert_equal(*pair)
    else:
        assert repr(one) == repr(other)


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())
def test_what_goes_in_comes_out(value, path):
    assert_equal(value, through_a_file(value, path))
    assert_equal([value, {"a": value}], through_a_file([value, {"a": value}], path))


def test_nan(path):
    assert math.isnan(through_a_file(math.nan, path))


def test_memory_order_stays(path):
    array = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    assert through_a_file(array, path).flags.f_contiguous
    assert through_a_file(array.copy(), path).flags.c_contiguous


def test_what_is_made_plain(path):
    """What differs from a plain type in name only."""
    assert_equal(0.1, through_a_file(np.float64(0.1), path))
    assert_equal("a", through_a_file(np.str_("a"), path))
    assert_equal({"a": 1}, through_a_file(OrderedDict(a=1), path))


@pytest.mark.parametrize("name", ["MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64"])
def test_random_numbers_go_on(name, path):
    rng = random_state(getattr(np.random, name))
    again = through_a_file(rng, path)
    for draw in ("standard_normal", "random_sample", "standard_normal"):
        assert getattr(again, draw)(500).tobytes() == getattr(rng, draw)(500).tobytes()


class Own:
    """A class of a user's."""


@pytest.mark.parametrize(
    "value", [lambda x: x, Own(), Own, 1j, b"a", {1}, np, np.array([Own()]), float]
)
def test_the_rest_is_refused_by_name(value, path):
    path.write_bytes(b"older")
    with pytest.raises(CheckpointError, match=r"^parameters\.x holds .*, which no"):
        save_tree(path, {"parameters": {"a": 1, "x": [value]}})
    assert path.read_bytes() == b"older"
    assert list(path.parent.iterdir()) == [path]


def test_a_file_is_one_of_numpys(path):
    save_tree(path, {"a": np.arange(3), "b": "text"})
    with np.load(path, allow_pickle=False) as arrays:
        assert sorted(arrays) == ["0", "tree"]
        assert arrays["tree"].tobytes() == b'{"a": {"$array": "0"}, "b": "text"}'
    with zipfile.ZipFile(path) as archive:
        assert {m.compress_type for m in archive.infolist()} == {zipfile.ZIP_STORED}


def test_a_link_stays_a_link(path):
    target = path.with_name("target.npz")
    try:
        path.symlink_to(target)
    except OSError:
        pytest.skip("no links here")
    assert through_a_file(1, path) == 1
    assert path.is_symlink()
    assert target.is_file()


def test_the_disk_has_the_file_before_its_name(path, monkeypatch):
    """Else a crash of the system might leave a name without contents."""
    events, fsync, replace = [], os.fsync, type(path).replace

    def flush(descriptor):
        events.append("flushed")
        return fsync(descriptor)

    def rename(self, target):
        events.append("renamed")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", flush)
    monkeypatch.setattr(type(path), "replace", rename)
    save_tree(path, {}, before=lambda: events.append("before"))
    assert events[:3] == ["flushed", "before", "renamed"]
    assert events[3:] == ["flushed"] * (os.name == "posix")  # the folder


def test_a_folder_that_cannot_be_flushed(path, monkeypatch):
    fsync = os.fsync

    def flush(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(22, "Invalid argument")
        return fsync(descriptor)

    monkeypatch.setattr(os, "fsync", flush)
    assert through_a_file(1, path) == 1


@pytest.mark.parametrize("error", [OSError(28, "No space left"), KeyboardInterrupt()])
@pytest.mark.parametrize("name", ["os.fsync", "numpy.savez", "pathlib.Path.replace"])
def test_an_error_leaves_the_older_file(error, name, path, monkeypatch):
    save_tree(path, {"a": 1})

    def fail(*_, **__):
        raise error

    monkeypatch.setattr(name, fail)
    with pytest.raises(type(error)):
        save_tree(path, {"a": np.arange(1000)})
    assert load_tree(path) == {"a": 1}
    assert list(path.parent.iterdir()) == [path]


def test_an_error_before_renaming_leaves_the_older_file(path):
    save_tree(path, {"a": 1})
    with pytest.raises(ZeroDivisionError):
        save_tree(path, {"a": 2}, before=lambda: 1 / 0)
    assert load_tree(path) == {"a": 1}
    assert list(path.parent.iterdir()) == [path]


def test_what_others_left_behind_is_removed(path):
    ours, old, new, foreign = (
        path.with_name(name)
        for name in (
            temporary_path(path).name,
            ".tree.npz.new-1-1.part",
            ".tree.npz.old-2-2.part",
            ".other.npz.new-1-1.part",
        )
    )
    for file in (old, new, foreign):
        file.write_bytes(b"")
    long_ago = time.time() - LEFT_BEHIND_SECONDS - 10
    for file in (old, foreign):
        os.utime(file, (long_ago, long_ago))
    check_writable(path)
    assert not old.exists()
    assert new.exists()  # another process may be at it
    assert foreign.exists()
    assert not ours.exists()
    assert not path.exists()


def test_names_are_no_patterns(path):
    path = path.with_name("a[b].npz")
    left = path.with_name(".a[b].npz.new-1-1.part")
    left.write_bytes(b"")
    os.utime(left, (0, 0))
    check_writable(path)
    assert not left.exists()


def test_folders_and_missing_folders(path):
    for check in (check_writable, lambda p: save_tree(p, {})):
        with pytest.raises(IsADirectoryError, match="is a folder, and no file"):
            check(path.parent)
        with pytest.raises(FileNotFoundError):
            check(path / "absent" / "a.npz")
    assert list(path.parent.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="limits of files are POSIX")
def test_a_full_disk(path):
    """The system refuses to write more than some bytes: the older file stays."""
    save_tree(path, {"a": 1})
    program = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from skmlp_scratch._estimator.storage import save_tree
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    save_tree(Path(sys.argv[1]), {"a": np.zeros(10_000)})
except OSError as error:
    print(error.strerror)
"""
    command = [sys.executable, "-c", program, path]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "File too large\n"
    assert load_tree(path) == {"a": 1}
    assert list(path.parent.iterdir()) == [path]


# Files from strangers; test_checkpoint_fuzz.py has more.


def with_array(path, content, name="0.npy", tree=b'{"a": {"$array": "0"}}'):
    """Write a file with these bytes for an array."""
    header = b"\x93NUMPY\x01\x00"
    text = b"{'descr': '|u1', 'fortran_order': False, 'shape': (%d,)}" % len(tree)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, content)
        size = len(text).to_bytes(2, "little")
        archive.writestr("tree.npy", header + size + text + tree)
    return path


def npy(header, content=b""):
    header = header.encode()
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + content


def header(descr="<f8", shape="(2,)", order="False"):
    return f"{{'descr': {descr!r}, 'fortran_order': {order}, 'shape': {shape}}}"


BAD_ARRAYS = {
    "no array": b"PK",
    "cut off": npy(header(), b"1234"),
    "too long": npy(header(), bytes(17)),
    "huge": npy(header(shape=f"({10**15},)"), bytes(16)),
    "more than huge": npy(header(shape=f"({2**40}, {2**40})"), bytes(16)),
    "negative": npy(header(shape="(-2,)"), bytes(16)),
    "twice negative": npy(header(shape="(-1, -2)"), bytes(16)),
    "huge of nothing": npy(header("|V0", f"({10**15},)")),
    "objects": npy(header("|O"), b"cos\nsystem\n(S'true'\ntR."),
    "records of objects": npy(header([("a", "|O")], "(1,)"), bytes(8)),
    "code": npy("__import__('os').system('true')"),
    "nested": npy("[" * 9000 + "]" * 9000),
    "minus": npy("-" * 9000 + "1"),
    "version": b"\x93NUMPY\x09\x00\x00\x00",
}


@pytest.mark.parametrize("content", BAD_ARRAYS.values(), ids=BAD_ARRAYS.keys())
def test_arrays_that_are_none(content, path):
    with pytest.raises(CheckpointError, match="is no checkpoint"):
        load_tree(with_array(path, content))


def test_an_array_that_is_one(path):
    tree = load_tree(with_array(path, npy(header(), bytes(16))))
    assert_equal(tree, {"a": np.zeros(2)})


BAD_TREES = {
    "nested": b"[" * 100_000 + b"]" * 100_000,
    "nested dicts": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "nested tuples": b'{"$tuple":[' * 900 + b"]}" * 900 + b"]",
    "long number": b"[" + b"1" * 100_000 + b"]",
    "unknown kind": b'{"$pickle": "x"}',
    "absent array": b'{"$array": "5"}',
    "array by number": b'{"$array": []}',
    "a type": b'{"$dtype": "|O8,|O8"}',
    "a type with commas": b'{"$dtype": "' + b"f8," * 100_000 + b'"}',
    "keys that are lists": b'{"$dict": [[[], 1]]}',
    "shape": b'{"$objects": [[1000000000000], []]}',
    "random numbers": b'{"$random_state": {"bit_generator": "__class__"}}',
    "no JSON": b"{'a': 1}",
    "no ASCII": b'"\xff"',
    "nothing": b"",
}


@pytest.mark.parametrize("tree", BAD_TREES.values(), ids=BAD_TREES.keys())
def test_trees_that_are_none(tree, path):
    with pytest.raises(CheckpointError, match="is no checkpoint"):
        load_tree(with_array(path, npy(header(), bytes(16)), tree=tree))


@pytest.mark.parametrize(
    ("name", "where", "value"),
    [
        ("MT19937", ("state", "pos"), 625),
        ("MT19937", ("state", "pos"), -1),
        ("MT19937", ("state", "pos"), 10**9),
        ("MT19937", ("state", "key"), np.zeros(5, np.uint32)),
        ("MT19937", ("has_gauss",), "x"),
        ("Philox", ("buffer_pos",), -(10**9)),
        ("Philox", ("buffer_pos",), 5),
        ("SFC64", ("uinteger",), 2**70),
        ("SFC64", ("bit_generator",), "PCG64"),
    ],
)
def test_random_numbers_beyond_the_end_are_refused(name, where, value, path):
    """NumPy reads there, and some of these crash the process."""
    state = random_state(getattr(np.random, name)).get_state(legacy=False)
    part = state
    for key in where[:-1]:
        part = part[key]
    part[where[-1]] = value

    class Tampered(np.random.RandomState):
        def get_state(self, legacy=True):
            return state

    with pytest.raises(CheckpointError, match="is no checkpoint"):
        through_a_file(Tampered(), path)


def test_a_small_file_that_would_become_large(path):
    large = npy(header(shape="(1000000,)"), bytes(8_000_000))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("0.npy", large)
        archive.writestr("tree.npy", npy(header("|u1"), b"[]"))
    assert path.stat().st_size < 20_000
    with pytest.raises(CheckpointError, match="is no checkpoint"):
        load_tree(path)


def test_a_member_that_would_be_read_many_times(path):
    """All but one of the entries in the directory lead to the same member."""
    save_tree(path, {"a": np.arange(1000)})
    content = path.read_bytes()
    start, end = content.index(b"PK\x01\x02"), content.index(b"PK\x05\x06")
    second = content.index(b"PK\x01\x02", start + 1)
    directory = 99 * content[start:second] + content[second:end]
    numbers = struct.pack("<HHHHIIH", 0, 0, 100, 100, len(directory), start, 0)
    path.write_bytes(content[:start] + directory + b"PK\x05\x06" + numbers)
    with zipfile.ZipFile(path) as archive:
        assert len(archive.infolist()) == 100
    with pytest.raises(CheckpointError, match="is no checkpoint"):
        load_tree(path)


def test_an_error_of_the_disk_is_passed_on(path, monkeypatch):
    save_tree(path, {})

    def fail(*_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(type(path), "read_bytes", fail)
    with pytest.raises(OSError, match="Input/output"):
        load_tree(path)
