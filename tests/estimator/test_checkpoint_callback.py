"""The files of ``Checkpoint``: which there are, and what happens if they cannot be."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers import SKLEARN, numbers, quick, recorded, scaled_iris

from skmlp_scratch import ScratchMLPClassifier
from skmlp_scratch.callbacks import Checkpoint
from skmlp_scratch.callbacks.base import Callback, is_iteration

pytestmark = [
    pytest.mark.skipif(SKLEARN < (1, 9), reason="scikit-learn 1.9 brought callbacks"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
on_errors = pytest.mark.parametrize("on_error", ["raise", "warn"])


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.npz"


def model_with(*callbacks, **parameters):
    return quick(max_iter=6, **parameters).set_callbacks(*callbacks)


def names(folder):
    """Return the names of all files, those that begin with a dot, too."""
    return sorted(os.listdir(folder))


def epochs(folder, pattern="*.npz"):
    """Return of which epoch each file is."""
    return {
        file.name: ScratchMLPClassifier.from_checkpoint(file).n_iter_
        for file in folder.glob(pattern)
    }


class BeforeEpoch(Callback):
    """Do something at the beginning of an epoch, counted from 1."""

    def __init__(self, epoch, act):
        self.epoch, self.act = epoch, act

    def on_fit_task_begin(self, estimator, context):
        if is_iteration(context) and context.task_id + 1 == self.epoch:
            self.act()


# Which files there are.


@pytest.mark.parametrize(
    ("keep", "every", "expected"),
    [
        (1, 1, {"model.npz": 6}),
        (1, 4, {"model.npz": 6}),
        (2, 4, {"model.npz": 6, "model.1.npz": 4}),
        (3, 1, {"model.npz": 6, "model.1.npz": 5, "model.2.npz": 4}),
        (3, 2, {"model.npz": 6, "model.1.npz": 4, "model.2.npz": 2}),
        (9, 3, {"model.npz": 6, "model.1.npz": 3}),
        (1, 100, {"model.npz": 6}),
    ],
)
def test_which_files_there_are(keep, every, expected, path):
    model_with(Checkpoint(path, every, keep)).fit(*scaled_iris())
    assert epochs(path.parent) == expected
    assert names(path.parent) == sorted(expected)


def test_every_file_is_whole_at_any_time(path):
    seen = []

    def look():
        seen.append(epochs(path.parent))

    watch = [BeforeEpoch(epoch, look) for epoch in range(1, 7)]
    model_with(Checkpoint(path, 2, 2), *watch).fit(*scaled_iris())
    one, two = {"model.npz": 2}, {"model.npz": 4, "model.1.npz": 2}
    assert seen == [{}, {}, one, one, two, two]


def test_names_without_a_suffix(path):
    path = path.with_name("model")
    model_with(Checkpoint(str(path), 2, 2)).fit(*scaled_iris())
    assert epochs(path.parent, "*") == {"model": 6, "model.1": 4}


def test_older_files_of_a_link(path):
    """They are beside the file that the link leads to, and no links to the newest."""
    folder = path.with_name("disk")
    folder.mkdir()
    try:
        path.symlink_to(folder / "real.npz")
    except OSError:
        pytest.skip("no links here")
    model_with(Checkpoint(path, 2, 3)).fit(*scaled_iris())
    assert epochs(folder) == {"real.npz": 6, "real.1.npz": 4, "real.2.npz": 2}
    assert names(path.parent) == ["disk", "model.npz"]


def test_where_no_file_can_have_two_names(path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EPERM, "no links")

    monkeypatch.setattr("skmlp_scratch.callbacks.checkpoint.link", refuse)
    model_with(Checkpoint(path, 2, 3)).fit(*scaled_iris())
    assert epochs(path.parent) == {"model.npz": 6, "model.1.npz": 4, "model.2.npz": 2}


class Crash(BaseException):
    """The end of the process."""


@pytest.mark.parametrize("n_renamings", range(1, 6))
def test_a_crash_between_renamings_leaves_the_newest(n_renamings, path, monkeypatch):
    X, y = scaled_iris()
    whole = model_with().fit(X, y)
    model_with(Checkpoint(path, 1, 3)).fit(X, y)
    replace, renamed = Path.replace, []

    def crash(self, target):
        renamed.append(target)
        if len(renamed) == n_renamings:
            raise Crash
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", crash)
    with pytest.raises(Crash):
        model_with(Checkpoint(path, 1, 3)).fit(X, y)
    monkeypatch.undo()
    assert path in [path.parent / name for name in epochs(path.parent)]
    resumed = model_with(Checkpoint(path, 1, 3)).fit(X, y, resume_from=path)
    np.testing.assert_array_equal(numbers(resumed), numbers(whole))
    assert set(epochs(path.parent)) <= {"model.npz", "model.1.npz", "model.2.npz"}


# What happens if they cannot be.


def assert_goes_on_or_ends(on_error, checkpoint, error, fit):
    """Fit: an error, or warnings and the model that there would have been."""
    model = model_with(*fit, checkpoint)
    X, y = scaled_iris()
    if on_error == "raise":
        with pytest.raises(error) as caught:
            model.fit(X, y)
        assert not hasattr(model, "coefs_")
        (note,) = caught.value.__notes__
        assert f"No checkpoint in {str(checkpoint.path)!r}" in note
        return [str(caught.value)]
    messages = [str(w.message) for w in recorded(model.fit, X, y)]
    np.testing.assert_array_equal(numbers(model), numbers(model_with().fit(X, y)))
    found = [m for m in messages if "No checkpoint in" in m]
    assert found
    assert all(repr(str(checkpoint.path)) in m for m in found)
    assert all(m.endswith("The fit goes on.") for m in found)
    return found


@on_errors
def test_a_folder(on_error, path):
    path.mkdir()
    checkpoint = Checkpoint(path, on_error=on_error)
    messages = assert_goes_on_or_ends(on_error, checkpoint, IsADirectoryError, [])
    assert "is a folder, and no file to write to" in messages[0]
    assert names(path.parent) == ["model.npz"]
    assert names(path) == []


@on_errors
def test_a_folder_that_is_not_there(on_error, path):
    absent = path.parent / "absent" / "model.npz"
    checkpoint = Checkpoint(absent, on_error=on_error)
    messages = assert_goes_on_or_ends(on_error, checkpoint, FileNotFoundError, [])
    assert "model.npz' cannot be written: there is no such folder" in messages[0]
    assert names(path.parent) == []


@on_errors
def test_a_folder_that_vanishes(on_error, path):
    folder = path.parent / "here"
    folder.mkdir()
    checkpoint = Checkpoint(folder / "model.npz", on_error=on_error)
    go = BeforeEpoch(4, lambda: shutil.rmtree(folder))
    assert_goes_on_or_ends(on_error, checkpoint, FileNotFoundError, [go])
    assert names(path.parent) == []


@on_errors
@pytest.mark.skipif(
    os.name != "posix" or os.geteuid() == 0,
    reason="permissions are POSIX, and root has all of them",
)
def test_a_folder_that_becomes_read_only(on_error, path):
    checkpoint = Checkpoint(path, on_error=on_error)
    go = BeforeEpoch(4, lambda: path.parent.chmod(0o500))
    try:
        assert_goes_on_or_ends(on_error, checkpoint, PermissionError, [go])
    finally:
        path.parent.chmod(0o700)
    assert epochs(path.parent) == {"model.npz": 3}


FAILURES = {
    "disk full": (errno.ENOSPC, ["os.fsync", "numpy.savez"]),
    "quota": (errno.EDQUOT if hasattr(errno, "EDQUOT") else errno.EIO, ["os.fsync"]),
    "read-only": (errno.EROFS, ["pathlib.Path.open", "pathlib.Path.replace"]),
    "not permitted": (errno.EACCES, ["pathlib.Path.open", "pathlib.Path.replace"]),
}


@on_errors
@pytest.mark.parametrize("keep", [1, 3])
@pytest.mark.parametrize(
    ("code", "where"),
    [(code, where) for code, places in FAILURES.values() for where in places],
)
def test_a_disk_that_fails(code, where, keep, on_error, path, monkeypatch):
    """From the fourth epoch on: the file of the third is still there, and whole."""

    def fail(*_, **__):
        raise OSError(code, os.strerror(code))

    go = BeforeEpoch(4, lambda: monkeypatch.setattr(where, fail))
    checkpoint = Checkpoint(path, keep=keep, on_error=on_error)
    messages = assert_goes_on_or_ends(on_error, checkpoint, OSError, [go])
    monkeypatch.undo()
    assert os.strerror(code) in messages[0]
    assert epochs(path.parent)["model.npz"] == 3
    assert set(epochs(path.parent)) <= {"model.npz", "model.1.npz", "model.2.npz"}
    assert all(name in epochs(path.parent) for name in names(path.parent))
    X, y = scaled_iris()
    resumed = model_with().fit(X, y, resume_from=path)
    np.testing.assert_array_equal(numbers(resumed), numbers(model_with().fit(X, y)))


def test_a_disk_with_room_again(path, monkeypatch):
    """A warning for each epoch without a file; then there is one again."""

    def fail(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    bad = BeforeEpoch(3, lambda: monkeypatch.setattr("os.fsync", fail))
    good = BeforeEpoch(5, monkeypatch.undo)
    checkpoint = Checkpoint(path, keep=9, on_error="warn")
    messages = assert_goes_on_or_ends("warn", checkpoint, OSError, [bad, good])
    assert len(messages) == 2
    expected = {"model.npz": 6, "model.1.npz": 5, "model.2.npz": 2, "model.3.npz": 1}
    assert epochs(path.parent) == expected


@pytest.mark.skipif(os.name != "posix", reason="limits of files are POSIX")
def test_a_system_that_refuses_large_files(path):
    """The real thing: the file of the first epochs is below the limit."""
    program = """
import resource, signal, sys, warnings
from sklearn.datasets import load_iris
from skmlp_scratch import ScratchMLPClassifier
from skmlp_scratch.callbacks import Checkpoint
from skmlp_scratch.callbacks.base import Callback
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
warnings.simplefilter("ignore")
X, y = load_iris(return_X_y=True)
model = ScratchMLPClassifier(max_iter=3, random_state=0)
model.set_callbacks(Checkpoint(sys.argv[1])).fit(X, y)
resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))
warnings.simplefilter("error", UserWarning)
model.set_params(max_iter=5, tol=0)
for on_error in ("raise", "warn"):
    model.set_callbacks(Checkpoint(sys.argv[1], on_error=on_error))
    try:
        model.fit(X, y)
    except (OSError, UserWarning) as error:
        print(type(error).__name__, error)
"""
    command = [sys.executable, "-c", program, path]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    raised, warned = done.stdout.splitlines()
    assert raised.startswith("OSError")
    assert warned.startswith("UserWarning No checkpoint in")
    assert "File too large" in raised
    assert "File too large" in warned
    assert epochs(path.parent) == {"model.npz": 3}
    assert names(path.parent) == ["model.npz"]
