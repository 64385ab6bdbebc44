"""Whatever is in a file: it is read, or a CheckpointError says that it cannot be.

No code is executed, no other file opened, and memory is bounded by the file's size. A
short run is part of the tests; ``--hypothesis-profile=long`` makes 8400 files of each
kind.
"""

import copy
import io
import json
import os
import random
import struct
import sys
import tracemalloc
import warnings
import zipfile
from contextlib import suppress
from functools import cache

import numpy as np
import pytest
from helpers import ROOT, SKLEARN, make_data, quick
from hypothesis import given
from hypothesis import strategies as st

from skmlp_scratch import ScratchMLPRegressor
from skmlp_scratch.callbacks import Checkpoint
from skmlp_scratch.exceptions import CheckpointError, DivergenceError

# What the objects that a file stands for may take, in sizes of the file: the JSON text
# of an empty dict has two characters, and the dict 64 bytes, twice. And what errors,
# ZipFile and NumPy take for themselves.
FACTOR, OVERHEAD = 100, 500_000
FORBIDDEN = ("open", "exec", "os.", "pickle.", "subprocess.", "socket.", "marshal.")
LIBRARIES = (sys.prefix, sys.base_prefix, str(ROOT), os.path.dirname(np.__file__))
heard = []  # what the audit hook hears; None while nobody listens
listening = [False]


def hear(event, arguments):
    if listening[0] and event.startswith(FORBIDDEN):
        heard.append((event, arguments))


sys.addaudithook(hear)


def of_library(event):
    """Return whether Python reads its own files, as for a late import or a warning."""
    name, (first, *more) = event
    file = getattr(first, "co_filename", first)
    reads = name == "exec" or (name == "open" and more[0] in ("r", "rb"))
    return reads and str(file).startswith((*LIBRARIES, "<frozen"))


# Files that are all right.


def classifier():
    """Return a fit that has everything, and comes after another one."""
    model = quick(
        hidden_layer_sizes=(3,),
        batch_size=10,
        max_iter=4,
        dropout=0.1,
        averaging=0.9,
        batch_norm=True,
        early_stopping=True,
        warm_start=True,
        class_weight={5: 1, np.int64(6): 2.0, 7: 1},
        random_state=np.random.RandomState(0),
    )
    return model, make_data("classes", n_rows=30)


def regressor():
    """Return a fit of another class, with less."""
    model = quick(
        ScratchMLPRegressor,
        hidden_layer_sizes=(),
        solver="sgd",
        learning_rate="cosine",
        max_iter=4,
        loss="quantile",
        quantile=[0.2, 0.5],
    )
    return model, make_data("values", n_rows=30)


MAKE = [classifier, regressor]


@cache
def good_files(folder):
    """Return of each of them the bytes of a file, the fitted model, and its rows."""
    found = []
    for make in MAKE:
        model, (X, y) = make()
        path = folder / "good.npz"
        model.fit(X, y)
        if SKLEARN < (1, 9):
            model.to_checkpoint(path)
        else:
            model.set_callbacks(Checkpoint(path, keep=2)).fit(X, y).set_callbacks()
            path = folder / "good.1.npz"  # with an epoch to go
        found.append((path.read_bytes(), model, X, y))
    return found


# Files with other bytes.


def a_place(rng, content):
    return rng.randrange(len(content) + 1)


def flip_bits(rng, content):
    changed = bytearray(content)
    for _ in range(rng.choice([1, 1, 2, 8, 100])):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def cut(rng, content):
    return content[: a_place(rng, content)]


def remove(rng, content):
    one, other = sorted(a_place(rng, content) for _ in range(2))
    return content[:one] + content[other:]


def insert(rng, content):
    place = a_place(rng, content)
    more = rng.choice([rng.randbytes(rng.randrange(300)), bytes(1000), content])
    return content[:place] + more + content[place:]


def swap_blocks(rng, content):
    a, b, c = sorted(a_place(rng, content) for _ in range(3))
    return content[:a] + content[b:c] + content[a:b] + content[c:]


def other_text(rng, content):
    """Change text that is there: names, headers of arrays, JSON."""
    words = [b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06", b".npy", b"NUMPY", b"shape"]
    words += [b"False", b"<f8", b"(", b",", b"{", b'"$array"', b'"', b"null", b"0"]
    word = rng.choice(words)
    return content.replace(word, rng.choice([*words, rng.randbytes(len(word))]), 3)


def other_numbers(rng, content):
    """Put other sizes, offsets, checksums and methods into the zip's directory."""
    changed = bytearray(content)
    places = [i for i in range(len(content)) if content[i : i + 2] == b"PK"]
    for _ in range(rng.choice([1, 1, 2, 5])):
        place = rng.choice(places) + rng.randrange(4, 46)
        values = [0, 1, 0xFFFFFFFF, 0x7FFFFFFF, len(content), rng.getrandbits(32)]
        if place + 4 <= len(changed):
            struct.pack_into("<I", changed, place, rng.choice(values))
    return bytes(changed)


OF_BYTES = [flip_bits, cut, remove, insert, swap_blocks, other_text, other_numbers]


# Files with right checksums, and other contents.


def parts_of(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    arrays = {
        name.removesuffix(".npy"): np.load(io.BytesIO(member))
        for name, member in members.items()
    }
    return json.loads(arrays.pop("tree").tobytes()), arrays


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def file_of(members, compression=zipfile.ZIP_STORED):
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", compression) as file:
        warnings.simplefilter("ignore")  # of names that come twice
        for name, member in members:
            file.writestr(name, member)
    return buffer.getvalue()


def places_in(tree, found):
    """Return (dict or list, key) of everything in a tree."""
    pairs = tree.items() if isinstance(tree, dict) else enumerate(tree)
    for key, value in list(pairs):
        found.append((tree, key))
        if isinstance(value, dict | list):
            places_in(value, found)
    return found


def nested(kind, depth):
    value = 1
    for _ in range(depth):
        value = {kind: value} if kind else [value]
    return value


class Evil:
    """An object whose pickle would call print."""

    def __reduce__(self):
        return print, ("executed",)


VALUES = [
    *(None, True, False, 0, 1, -1, 2, 2**31, 2**63, -(2**63), 10**400, 0.5, -1.5),
    *(float("nan"), float("inf"), 1e308, -1e308, 5e-324, "", "x", "relu", "0" * 999),
    *([], {}, [[]], [0], [0.5] * 4, ["x"], {"a": 1}, [None] * 50),
    *({"$array": "0"}, {"$array": "1"}, {"$array": "x"}, {"$array": 0}),
    *({"$scalar": "0"}, {"$scalar": "5"}, {"$tuple": []}, {"$tuple": [1, 2]}),
    *({"$tuple": 5}, {"$dict": [[1, 2]]}, {"$dict": [1]}, {"$dict": [[[], 1]]}),
    *({"$dtype": "O"}, {"$dtype": "<f4"}, {"$type": "<f8"}, {"$type": "V9"}),
    *({"$objects": [[10**9], []]}, {"$objects": [[2], ["a", None]]}),
    *({"$objects": [[-1], [1]]}, {"$objects": [[0], []]}, {"$random_state": {}}),
    *({"$x": 1}, {"$tuple": [], "more": 1}, {"more": 1, "$tuple": []}),
]


def change_tree(rng, tree, arrays):
    """Change something in the tree, whatever it is."""
    for _ in range(rng.choice([1, 1, 1, 2, 5])):
        places = places_in(tree, [])
        holder, key = rng.choice(places)
        other, other_key = rng.choice(places)
        how = rng.randrange(7)
        if how == 0:
            del holder[key]
        elif how == 1 and isinstance(holder, dict):
            holder[rng.choice(["", "x", "$tuple", "alpha", "coefs_", "fit"])] = holder[
                key
            ]
        elif how == 2:
            holder[key] = copy.deepcopy(other[other_key])
        elif how == 3:
            kind = rng.choice([None, "a", "$tuple"])
            holder[key] = nested(kind, rng.choice([3, 20]))
        elif how == 4 and type(holder[key]) in (int, float):
            factor = rng.choice([-1, 2, 1000, 1e300, 0.5])
            holder[key] = type(holder[key])(min(holder[key] * factor, 1e300))
        elif how == 5 and isinstance(holder, list):
            holder *= rng.choice([2, 3])
        else:
            holder[key] = copy.deepcopy(rng.choice(VALUES))


def change_array(rng, tree, arrays):
    """Have other numbers, types or shapes in an array."""
    for _ in range(rng.choice([1, 1, 3])):
        name = rng.choice(list(arrays))
        array = arrays[name].copy()
        how = rng.randrange(6)
        if how == 0:
            types = [
                "<f4",
                ">f8",
                "f2",
                "g",
                "i8",
                "u1",
                "c16",
                "?",
                "U3",
                "S2",
                "M8[s]",
            ]
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                with suppress(TypeError, ValueError):  # records, objects
                    array = array.real.astype(rng.choice(types))
        elif how == 1 and array.size and array.dtype.kind in "iuf":
            bad = (
                [np.nan, np.inf, -np.inf, 1e30] if array.dtype.kind == "f" else [0, 77]
            )
            array.reshape(-1)[rng.randrange(array.size)] = rng.choice(bad)
        elif how == 2:
            array = array.reshape(-1)[: rng.randrange(array.size + 1)]
        elif how == 3:
            array = array.reshape(rng.choice([(-1,), (1, -1), (-1, 1), (1, 1, -1)]))
        elif how == 4:
            array = arrays[rng.choice(list(arrays))]
        else:
            array = rng.choice(
                [
                    *(np.zeros(0), np.array(1.5), np.zeros((0, 3)), np.zeros((3, 0))),
                    *(np.array(["a"]), np.array([Evil()], object), np.arange(30)),
                    np.zeros(2, [("a", "f8"), ("b", "O")]),
                ]
            )
        arrays[name] = array


def other_header(rng, member):
    """Have the header of an array promise something else."""
    shapes = [b"(99,)", b"(1000000000000,)", b"(-1,)", b"(1,)", b"()", b"(2, 2**9)"]
    start, end = member.find(b"("), member.find(b")") + 1
    return member[:start] + rng.choice(shapes) + member[end:]


def of_contents(rng, content):
    tree, arrays = parts_of(content)
    for _ in range(rng.choice([1, 1, 2])):
        rng.choice([change_tree, change_tree, change_array])(rng, tree, arrays)
    text = json.dumps(tree).encode()
    if rng.random() < 0.05:
        depth = rng.choice([200, 900, 1100, 5000])
        text = text.replace(b"null", b"[" * depth + b"]" * depth, rng.choice([1, 9]))
    if rng.random() < 0.05:
        junk = rng.choice(
            [b"[" * 20_000, b"1" * 5000, b'{"a":' * 20_000, b"[],", b"{},"]
        )
        text = rng.choice([junk * rng.choice([1, 50]), text + junk, b"[" + junk * 99])
    members = [(f"{name}.npy", npy(array)) for name, array in arrays.items()]
    members.append(("tree.npy", npy(np.frombuffer(text, np.uint8))))
    how = rng.randrange(20)
    if how == 0:
        number = rng.randrange(len(members))
        members[number] = (members[number][0], other_header(rng, members[number][1]))
    elif how == 1:
        names = ["../../etc/x.npy", "/tmp/x", "x", "0", "tree.npy", "a" * 999]
        members.append((rng.choice(names), rng.choice(members)[1]))
    elif how == 2:
        members[rng.randrange(len(members))] = ("0.npy", npy(np.zeros(300_000)))
        return file_of(members, zipfile.ZIP_DEFLATED)
    elif how == 3:
        return shared(file_of(members), rng)
    return file_of(members)


def shared(content, rng):
    """Have all entries of the directory lead to the same member."""
    changed, place = bytearray(content), content.find(b"PK\x01\x02")
    while place >= 0:
        changed[place + 42 : place + 46] = bytes(4)
        place = content.find(b"PK\x01\x02", place + 4)
    return bytes(changed)


# What may come of them.


def attempt(act, path, size):
    """Return what comes of a file, None after a CheckpointError; check the rest."""
    heard.clear()
    tracemalloc.start()
    listening[0] = True
    try:
        found = act()
    except (CheckpointError, DivergenceError):  # the latter from numbers like 1e300
        found = None
    finally:
        listening[0] = False
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert [e for e in heard if e[1][:1] != (str(path),) and not of_library(e)] == []
    assert peak <= FACTOR * size + OVERHEAD
    return found


def check(folder, seed, mutate):
    rng = random.Random(seed)
    good, model, X, y = rng.choice(good_files(folder))
    content, model = mutate(rng, good), copy.deepcopy(model)
    path = folder / "mutated.npz"
    path.write_bytes(content)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        found = attempt(lambda: type(model).from_checkpoint(path), path, len(content))
        if found is not None:
            with suppress(Exception):
                found.predict(X)  # need not be possible, but must not crash
        before = [array.tobytes() for array in model.coefs_]
        resumed = attempt(lambda: model.fit(X, y, resume_from=path), path, len(content))
        if resumed is None:
            assert [array.tobytes() for array in model.coefs_] == before
    return found is not None, resumed is not None


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzz")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        good_files(folder)
        for seed in range(20):  # what Python imports on the way takes memory, once
            for mutate in (cut, of_contents, lambda rng, content: content):
                with suppress(AssertionError):
                    check(folder, seed, mutate)
    return folder


SEEDS = st.integers(0, 2**32 - 1)


def test_the_files_are_good(folder):
    for seed in range(9):
        read, resumed = check(folder, seed, lambda rng, content: content)
        assert read
        assert resumed or SKLEARN < (1, 9)


@given(seed=SEEDS, mutate=st.sampled_from(OF_BYTES))
def test_files_with_other_bytes(mutate, seed, folder):
    check(folder, seed, mutate)


@given(seed=SEEDS)
def test_files_with_other_contents(seed, folder):
    check(folder, seed, of_contents)


def test_the_alarm_works(folder):
    path = folder / "mutated.npz"

    def act():
        (folder / "good.npz").open().close()

    with pytest.raises(AssertionError):
        attempt(act, path, 10)
    with pytest.raises(AssertionError):
        attempt(lambda: np.zeros(10**6), path, 10)
