"""A fit that goes on from a checkpoint ends as the uninterrupted one, bit for bit."""

import itertools
import os
import pickle
import zipfile
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import pytest
import scipy.sparse
from helpers import (
    ESTIMATORS,
    SKLEARN,
    both,
    make_data,
    quick,
    raises_and_changes_nothing,
)

from skmlp_scratch import ScratchMLPClassifier, ScratchMLPRegressor
from skmlp_scratch._estimator.solvers import STOCHASTIC, follows
from skmlp_scratch._estimator.storage import load_tree, save_tree
from skmlp_scratch.callbacks import Checkpoint, MetricsLogger
from skmlp_scratch.callbacks.base import Callback, is_iteration
from skmlp_scratch.exceptions import CheckpointError
from skmlp_scratch.nn.schedules import SCHEDULES
from skmlp_scratch.nn.state import BIT_GENERATORS

pytestmark = [
    pytest.mark.skipif(SKLEARN < (1, 9), reason="scikit-learn 1.9 brought callbacks"),
    pytest.mark.filterwarnings("ignore::UserWarning"),  # so short a fit
]

N_EPOCHS = 6


def assert_same(one, other, where=""):
    """Compare anything that an estimator has, to the bit."""
    assert type(one) is type(other), where
    if isinstance(one, np.ndarray):
        assert (one.dtype, one.shape) == (other.dtype, other.shape), where
        same = one.tobytes() == other.tobytes() or one.dtype.hasobject
        assert same, where
        if one.dtype.hasobject:
            assert_same(one.tolist(), other.tolist(), where)
    elif isinstance(one, dict):
        assert one.keys() == other.keys(), where
        for key in one:
            assert_same(one[key], other[key], f"{where}.{key}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), where
        for number, pair in enumerate(zip(one, other, strict=True)):
            assert_same(*pair, f"{where}[{number}]")
    elif isinstance(one, np.random.RandomState):
        states = [r.get_state(legacy=False) for r in (one, other)]
        assert_same(*states, f"{where}.state")
    elif is_dataclass(one):
        for field in fields(one):
            name = field.name
            assert_same(getattr(one, name), getattr(other, name), f"{where}.{name}")
    else:
        assert repr(one) == repr(other), where


def assert_same_model(one, other):
    """Compare all that two estimators have, callbacks aside."""
    for estimator in (one, other):
        estimator.set_callbacks()
    assert_same(vars(one), vars(other))


class Case(NamedTuple):
    """What is fitted, and to what."""

    parameters: dict
    keywords: Mapping = MappingProxyType({})
    kind: str = ""
    change: object = None

    def data(self, estimator_class):
        kind = "classes" if estimator_class is ScratchMLPClassifier else "values"
        X, y = make_data(self.kind or kind, noise=0.3)
        keywords = dict(self.keywords)
        if "X_val" in keywords:
            X_val, y_val = make_data(self.kind or kind, seed=1, n_rows=20)
            keywords |= {"X_val": X_val, "y_val": y_val}
        return self.change(X) if self.change else X, y, keywords


WEIGHTS = np.random.default_rng(0).integers(0, 3, 60)
CASES = {
    "plain": Case({}),
    "dropout": Case({"dropout": 0.3}),
    "dropout of the input": Case({"dropout": (0.2, 0.1, 0)}),
    "noise": Case({"noise": 0.1}),
    "batch norm": Case({"batch_norm": True}),
    "batch norm, noise, dropout": Case(
        {"batch_norm": True, "noise": 0.1, "dropout": 0.2}, {"X_val": True}
    ),
    "averaging": Case({"averaging": 0.9}),
    "averaging, early stopping": Case({"averaging": 0.9, "early_stopping": True}),
    "early stopping": Case({"early_stopping": True, "n_iter_no_change": 2}),
    "early stopping by loss": Case(
        {"early_stopping": True, "monitor": "loss", "batch_norm": True, "noise": 0.1}
    ),
    "validation set": Case({}, {"X_val": True}),
    "early stopping, validation set": Case({"early_stopping": True}, {"X_val": True}),
    "limits": Case({"max_norm": 0.8, "clip_norm": 0.5}),
    "sample weights": Case({}, {"sample_weight": WEIGHTS}),
    "sample weights, batch norm": Case(
        {"batch_norm": True, "early_stopping": True}, {"sample_weight": WEIGHTS}
    ),
    "sparse": Case({"dropout": 0.1}, change=scipy.sparse.csr_matrix),
    "float32": Case({"noise": 0.1}, change=lambda X: X.astype(np.float32)),
    "computed as float32": Case({"dtype": np.float32, "averaging": 0.9}),
    "Fortran order": Case({"noise": 0.1}, change=np.asfortranarray),
    "not shuffled": Case({"shuffle": False}),
    "no random_state": Case({"random_state": None, "dropout": 0.2}),
    "converges": Case({"tol": 0.5, "n_iter_no_change": 2, "max_iter": 20}),
    "no hidden layer": Case({"hidden_layer_sizes": ()}),
    "one batch": Case({"batch_size": 1000}),
    "large rate": Case({"learning_rate_init": 0.3}),
}
OF_CLASSIFIER = {
    "balanced": Case({"class_weight": "balanced"}),
    "class weights": Case({"class_weight": {5: 2, 6: 0, 7: np.float64(0.5)}}),
    "NumPy keys": Case({"class_weight": {np.int64(5): 2.0, 6: 1, 7: 1}}),
    "two classes": Case({"early_stopping": True}, kind="two"),
    "strings": Case({"class_weight": {"a": 1, "b": 2, "c": 3}}, kind="strings"),
    "multilabel": Case({"dropout": 0.1, "early_stopping": True}, kind="labels"),
    "smoothing": Case({"label_smoothing": 0.1}, {"X_val": True}),
}
OF_REGRESSOR = {
    "outputs": Case({"early_stopping": True}, kind="outputs"),
    "poisson": Case({"loss": "poisson"}, kind="counts"),
    "quantiles": Case({"loss": "quantile", "quantile": [0.1, 0.5]}, {"X_val": True}),
}
# Solvers differ in their state only: each case has the next of them.
EVERY = [
    pytest.param(estimator_class, case, solver, id=f"{kind}-{name}-{solver}")
    for (estimator_class, kind, name, case), solver in zip(
        [
            (estimator_class, estimator_class.__name__[10:], name, case)
            for estimator_class, more in zip(
                ESTIMATORS, (OF_CLASSIFIER, OF_REGRESSOR), strict=True
            )
            for name, case in (CASES | more).items()
        ],
        itertools.cycle(STOCHASTIC),
        strict=False,
    )
]


def make(estimator_class, **parameters):
    return quick(
        estimator_class,
        **{"hidden_layer_sizes": (6, 5), "max_iter": N_EPOCHS, "batch_size": 16}
        | parameters,
    )


def file_of_epoch(path, n_epochs, epoch):
    """Return which of all files that were kept is of an epoch, counted from 1."""
    age = n_epochs - epoch
    return path.with_suffix(f".{age}.npz") if age else path


def assert_resumes(estimator_class, case, path, **parameters):
    """Go on from the checkpoint of each epoch of one fit; all must end like that."""
    X, y, keywords = case.data(estimator_class)
    parameters = case.parameters | parameters
    whole = make(estimator_class, **parameters)
    whole.set_callbacks(Checkpoint(path, keep=100)).fit(X, y, **keywords)
    n_epochs = whole.n_iter_
    assert n_epochs > 2
    for epoch in (1, n_epochs // 2, n_epochs):
        file = file_of_epoch(path, n_epochs, epoch)
        stored = estimator_class.from_checkpoint(file)
        assert stored.n_iter_ == epoch
        resumed = make(estimator_class, **parameters)
        resumed.fit(X, y, **keywords, resume_from=file)
        assert_same_model(resumed, whole)


@pytest.fixture(autouse=True)
def no_flushing(monkeypatch):
    """Tests do not need the disk."""
    monkeypatch.setattr("os.fsync", lambda _: None)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.npz"


@pytest.mark.parametrize(("estimator_class", "case", "solver"), EVERY)
def test_a_resumed_fit_ends_as_the_uninterrupted_one(
    estimator_class, case, solver, path
):
    assert_resumes(estimator_class, case, path, solver=solver)


@both
@pytest.mark.parametrize(
    ("solver", "learning_rate"),
    [(s, name) for s in STOCHASTIC for name in SCHEDULES if follows(s, name)],
)
def test_schedules_go_on(estimator_class, solver, learning_rate, path):
    parameters = {"solver": solver, "learning_rate": learning_rate}
    more = {"averaging": 0.9, "tol": 0.1, "n_iter_no_change": 1, "max_iter": 12}
    assert_resumes(estimator_class, Case(parameters), path)
    assert_resumes(estimator_class, Case(parameters | more), path)


# How a fit is interrupted, and how it goes on.


class At(Callback):
    """Do something at the end of an epoch."""

    def __init__(self, epoch, act):
        self.epoch, self.act = epoch, act

    def on_fit_task_end(self, estimator, context):
        return (
            is_iteration(context) and context.task_id + 1 == self.epoch and self.act()
        )


class Died(Exception):
    """The process, let us say."""


def die():
    raise Died


@both
@pytest.mark.parametrize("warm", [False, True])
def test_interrupted_twice_in_a_row(estimator_class, warm, path):
    X, y, _ = Case({}).data(estimator_class)

    def new():
        made = make(
            estimator_class, averaging=0.9, dropout=0.1, warm_start=warm, max_iter=9
        )
        return made.fit(X[:40], y[:40]) if warm else made

    whole = new().fit(X, y)
    with pytest.raises(Died):
        new().set_callbacks(Checkpoint(path), At(3, die)).fit(X, y)
    again = new().set_callbacks(Checkpoint(path), At(4, die))
    before = pickle.dumps({k: v for k, v in vars(again).items() if k[:2] != "_s"})
    with pytest.raises(Died):
        again.fit(X, y, resume_from=path)
    after = pickle.dumps({k: v for k, v in vars(again).items() if k[:2] != "_s"})
    assert before == after
    assert estimator_class.from_checkpoint(path).n_iter_ == 7
    # A new estimator goes on from the file alone, whatever was before in a warm start.
    last = make(estimator_class, **whole.get_params()).fit(X, y, resume_from=path)
    assert_same_model(last, whole)
    # And what comes then is the same, too.
    for model in (last, whole):
        model.fit(X, y)
        model.partial_fit(X, y)
    assert_same_model(last, whole)


@both
def test_a_stream_goes_on_after_a_resumed_fit(estimator_class, path):
    X, y, _ = Case({}).data(estimator_class)
    whole = make(estimator_class, batch_norm=True, noise=0.1)
    whole.set_callbacks(Checkpoint(path, keep=9)).fit(X, y)
    resumed = make(estimator_class, batch_norm=True, noise=0.1)
    resumed.fit(X, y, resume_from=file_of_epoch(path, N_EPOCHS, 2))
    # A model from a file has the state of training as well.
    stored = estimator_class.from_checkpoint(path)
    for model in (whole, resumed, stored):
        for part in (slice(0, 30), slice(30, 60)):
            model.partial_fit(X[part], y[part])
    assert_same_model(resumed, whole)
    assert_same_model(stored, whole)


@both
def test_a_callers_random_state_is_where_it_would_be(estimator_class, path):
    X, y, _ = Case({}).data(estimator_class)
    for name in BIT_GENERATORS:
        parameters = {"dropout": 0.1, "shuffle": name != "SFC64"}
        bits = getattr(np.random, name)
        sources = [np.random.RandomState(bits(seed)) for seed in (1, 2)]
        whole, resumed = (
            make(estimator_class, random_state=source, **parameters)
            for source in sources
        )
        whole.set_callbacks(Checkpoint(path, keep=9)).fit(X, y)
        resumed.fit(X, y, resume_from=file_of_epoch(path, N_EPOCHS, 2))
        assert_same_model(resumed, whole)
        assert sources[0].random_sample() == sources[1].random_sample()


def test_a_refused_resumption_leaves_the_callers_random_state(path):
    X, y, _ = Case({}).data(ScratchMLPClassifier)
    make(ScratchMLPClassifier).set_callbacks(Checkpoint(path)).fit(X, y)
    rng = np.random.RandomState(5)
    with pytest.raises(CheckpointError):
        make(ScratchMLPClassifier, random_state=rng).fit(X + 1, y, resume_from=path)
    assert rng.random_sample() == np.random.RandomState(5).random_sample()
    other = make(
        ScratchMLPClassifier, random_state=np.random.RandomState(np.random.PCG64(1))
    )
    with pytest.raises(CheckpointError, match="another generator than MT19937"):
        other.fit(X, y, resume_from=path)


WARM = {
    "averaging": {"averaging": 0.9},
    "batch norm, noise": {"batch_norm": True, "noise": 0.1},
    "batch norm, early stopping": {"batch_norm": True, "early_stopping": True},
    "adaptive": {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.1},
    "one cycle": {"solver": "adamw", "learning_rate": "one_cycle", "dropout": 0.1},
    "a generator": {"random_state": np.random.RandomState},
}


@both
@pytest.mark.parametrize("parameters", WARM.values(), ids=WARM.keys())
def test_a_warm_start_goes_on(estimator_class, parameters, path):
    X, y, _ = Case({}).data(estimator_class)

    def new(seed=3):
        made = make(estimator_class, warm_start=True, **parameters)
        if "random_state" in parameters:
            made.set_params(random_state=np.random.RandomState(seed))
        return made

    whole = new().fit(X[:40], y[:40])
    whole.set_callbacks(Checkpoint(path, keep=9)).fit(X, y)
    n_epochs = whole.n_iter_
    other = new(4).fit(X[20:], y[20:])  # what it has learnt is forgotten
    for epoch in (1, n_epochs // 2, n_epochs):
        for resumed in (new(5), other):
            file = file_of_epoch(path, n_epochs, epoch)
            resumed.fit(X, y, resume_from=file)
            assert_same_model(resumed, whole)
    for model in (resumed, whole):
        model.fit(X, y)
    assert_same_model(resumed, whole)


def test_batch_norm_that_begins_with_a_warm_start_goes_on(path):
    X, y, _ = Case({}).data(ScratchMLPClassifier)
    whole = make(ScratchMLPClassifier, warm_start=True).fit(X, y)
    whole.set_params(batch_norm=True).set_callbacks(Checkpoint(path, keep=9)).fit(X, y)
    for epoch in (1, N_EPOCHS):
        resumed = make(ScratchMLPClassifier, warm_start=True, batch_norm=True)
        resumed.fit(X, y, resume_from=file_of_epoch(path, N_EPOCHS, epoch))
        assert_same_model(resumed, whole)


def test_a_warm_start_keeps_the_names_of_features(path):
    pd = pytest.importorskip("pandas")
    X, y, _ = Case({}).data(ScratchMLPClassifier)
    frame = pd.DataFrame(X).add_prefix("x")
    whole = make(ScratchMLPClassifier, warm_start=True).fit(frame, y)
    whole.set_callbacks(Checkpoint(path, keep=9)).fit(X, y)
    for rows in (X, frame):
        resumed = make(ScratchMLPClassifier, warm_start=True)
        resumed.fit(rows, y, resume_from=path)
        assert_same_model(resumed, whole)
    raises_and_changes_nothing(
        *(whole, "feature_names_in_", "fit", frame.add_prefix("y"), y),
        error=CheckpointError,
        resume_from=path,
    )


@both
def test_more_epochs_than_planned(estimator_class, path):
    X, y, _ = Case({}).data(estimator_class)
    first = make(estimator_class).set_callbacks(Checkpoint(path, every_n_epochs=4))
    first.fit(X, y)
    assert estimator_class.from_checkpoint(path).n_iter_ == N_EPOCHS  # the end counts
    whole = make(estimator_class, max_iter=10).fit(X, y)
    resumed = make(estimator_class, max_iter=10).fit(X, y, resume_from=path)
    assert_same_model(resumed, whole)
    finished = make(estimator_class).fit(X, y, resume_from=path)
    assert_same_model(finished, first)
    beyond = make(estimator_class, max_iter=2).fit(X, y, resume_from=path)
    assert beyond.n_iter_ == N_EPOCHS


@both
def test_more_patience_than_before(estimator_class, path):
    X, y, _ = Case({}).data(estimator_class)
    parameters = {"tol": 0.5, "max_iter": 30}
    first = make(estimator_class, n_iter_no_change=2, **parameters)
    first.set_callbacks(Checkpoint(path)).fit(X, y)
    whole = make(estimator_class, n_iter_no_change=9, **parameters).fit(X, y)
    assert first.n_iter_ < whole.n_iter_ < 30
    resumed = make(estimator_class, n_iter_no_change=9, **parameters)
    assert_same_model(resumed.fit(X, y, resume_from=path), whole)


@both
def test_a_fit_that_another_callback_has_ended_goes_on(estimator_class, path):
    X, y, _ = Case({}).data(estimator_class)
    ended = make(estimator_class, averaging=0.9, early_stopping=True)
    ended.set_callbacks(At(3, lambda: True), Checkpoint(path, every_n_epochs=5))
    ended.fit(X, y)
    assert ended.n_iter_ == 3
    stored = estimator_class.from_checkpoint(path)
    whole = make(estimator_class, averaging=0.9, early_stopping=True).fit(X, y)
    resumed = make(estimator_class, averaging=0.9, early_stopping=True)
    resumed.fit(X, y, resume_from=path)
    assert_same_model(resumed, whole)
    assert_same_model(stored, ended)


def test_an_interrupt_leaves_the_last_file(path):
    X, y, _ = Case({}).data(ScratchMLPClassifier)

    def interrupt():
        raise KeyboardInterrupt

    ended = make(ScratchMLPClassifier)
    ended.set_callbacks(Checkpoint(path), At(3, interrupt)).fit(X, y)
    whole = make(ScratchMLPClassifier).fit(X, y)
    resumed = make(ScratchMLPClassifier).fit(X, y, resume_from=path)
    assert_same_model(resumed, whole)


def test_checkpoints_change_nothing(path):
    for case in CASES.values():
        if case.parameters.get("random_state", 0) is not None:
            X, y, keywords = case.data(ScratchMLPClassifier)
            plain, watched = (
                make(ScratchMLPClassifier, **case.parameters) for _ in range(2)
            )
            watched.set_callbacks(Checkpoint(path, every_n_epochs=2))
            for model in (plain, watched):
                model.fit(X, y, **keywords)
            assert_same_model(watched, plain)


def test_the_best_epoch_in_a_file_is_that_of_a_shorter_fit(path):
    X, y, keywords = CASES["early stopping by loss"].data(ScratchMLPClassifier)
    parameters = CASES["early stopping by loss"].parameters
    model = make(ScratchMLPClassifier, **parameters)
    model.set_callbacks(Checkpoint(path, keep=9)).fit(X, y, **keywords)
    for epoch in range(1, N_EPOCHS + 1):
        short = make(ScratchMLPClassifier, **parameters | {"max_iter": epoch})
        short.fit(X, y, **keywords)
        file = file_of_epoch(path, N_EPOCHS, epoch)
        stored = ScratchMLPClassifier.from_checkpoint(file)
        stored.max_iter = epoch
        assert stored._summary is None  # it is made at the end of a fit
        stored._summary = short._summary
        assert_same_model(stored, short)


def test_int_parameters(path):
    """A learning rate of 1 is one of 1.0, also in a file."""
    case = Case({"solver": "sgd", "learning_rate_init": 1, "clip_norm": 1})
    for learning_rate in ("invscaling", "one_cycle"):
        assert_resumes(
            ScratchMLPClassifier, case, path, learning_rate=learning_rate, power_t=1
        )


# What is refused.


def other_json(path, change):
    """Write the file again, with its JSON changed."""
    tree = load_tree(path)
    change(tree)
    save_tree(path, tree)


def break_tree(*keys, value):
    def change(path):
        def put(tree):
            for key in keys[:-1]:
                tree = tree[key]
            tree[keys[-1]] = value

        other_json(path, put)

    return change


def other_file(content):
    return lambda path: path.write_bytes(content)


def foreign_npz(path):
    np.savez(path, X=np.eye(3))


def foreign_zip(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tree.npy", "no array")


def cut(path):
    path.write_bytes(path.read_bytes()[:-100])


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def model_only(path):
    ScratchMLPClassifier.from_checkpoint(path).to_checkpoint(path)


def of_regressor(path):
    X, y, _ = Case({}).data(ScratchMLPRegressor)
    make(ScratchMLPRegressor).set_callbacks(Checkpoint(path)).fit(X, y)


def folder(path):
    path.unlink()
    path.mkdir()


DAMAGE = {
    "cut off": (cut, "is no checkpoint of skmlp_scratch, or is damaged"),
    "a bit": (flip, "or is damaged"),
    "empty": (other_file(b""), "or is damaged"),
    "text": (other_file(b"weights"), "or is damaged"),
    "pickle": (other_file(pickle.dumps([1])), "or is damaged"),
    "foreign npz": (foreign_npz, "or is damaged"),
    "foreign zip": (foreign_zip, "or is damaged"),
    "another format": (break_tree("format", value="x"), "is no checkpoint"),
    "newer": (break_tree("version", value=2), "version 2 .* reads version 1. Install"),
    "regressor": (of_regressor, "holds a ScratchMLPRegressor, not a ScratchMLPClassi"),
    "parameters": (break_tree("parameters", value=[]), "is damaged"),
    "a parameter": (break_tree("parameters", "alpha", value="x"), "is damaged"),
    "weights": (break_tree("attributes", "coefs_", value=3), "coefs_ is 3"),
    "classes": (break_tree("attributes", "classes_", value="ab"), "classes_ is 'ab'"),
    "an attribute": (break_tree("attributes", "predict", value=0), "no fit leaves"),
}
OF_TRAINING = {
    "model only": (model_only, "no fit to go on with. Read it by from_checkpoint"),
    "training": (break_tree("interrupted", "training", value=0), "is damaged"),
    "no order": (
        break_tree("interrupted", "training", "order", value=np.arange(60) + 1),
        "other rows",
    ),
    "random numbers": (
        break_tree("interrupted", "random_state", "state", "pos", value=10**9),
        "MT19937 has no random number 1000000000",
    ),
    "rows": (break_tree("interrupted", "rows", value=7), "is damaged"),
}
damages = pytest.mark.parametrize(
    ("damage", "message"), DAMAGE.values(), ids=DAMAGE.keys()
)
damages_of_training = pytest.mark.parametrize(
    ("damage", "message"),
    (DAMAGE | OF_TRAINING).values(),
    ids=(DAMAGE | OF_TRAINING).keys(),
)


@pytest.fixture
def stored(path):
    """A file, and the model whose fit has left it."""
    X, y, _ = Case({}).data(ScratchMLPClassifier)
    model = make(ScratchMLPClassifier, batch_norm=True)
    model.set_callbacks(Checkpoint(path)).fit(X, y)
    return model.set_callbacks()


@damages
def test_damaged_files_are_not_read(damage, message, stored, path):
    damage(path)
    with pytest.raises(CheckpointError, match=message) as caught:
        ScratchMLPClassifier.from_checkpoint(path)
    assert str(path) in str(caught.value)


@damages_of_training
def test_damaged_files_are_not_resumed(damage, message, stored, path):
    damage(path)
    X, y, _ = Case({}).data(ScratchMLPClassifier)
    raises_and_changes_nothing(
        stored, message, "fit", X, y, error=CheckpointError, resume_from=path
    )


OTHER_PARAMETERS = {
    "hidden_layer_sizes": (6, 6),
    "activation": "tanh",
    "solver": "sgd",
    "alpha": 0.5,
    "batch_size": 17,
    "learning_rate_init": 0.1,
    "early_stopping": True,
    "dtype": "float32",
    "dropout": 0.5,
    "noise": 0.5,
    "averaging": 0.5,
    "batch_norm": False,
    "class_weight": "balanced",
    "shuffle": False,
    "beta_1": 0.5,
    "label_smoothing": 0.1,
}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", OTHER_PARAMETERS)
def test_other_parameters_are_refused(name, stored, path):
    X, y, _ = Case({}).data(ScratchMLPClassifier)
    stored.set_params(**{name: OTHER_PARAMETERS[name]})
    error = raises_and_changes_nothing(
        stored, f"{name} is ", "fit", X, y, error=CheckpointError, resume_from=path
    )
    assert f"Set {name} back, or start anew" in str(error)


def test_lbfgs_is_refused(stored, path):
    X, y, _ = Case({}).data(ScratchMLPClassifier)
    stored.set_params(solver="lbfgs")
    raises_and_changes_nothing(
        *(stored, "got solver='lbfgs'. Fit without it", "fit", X, y),
        error=CheckpointError,
        resume_from=path,
    )


def test_the_plan_of_a_rate_is_kept(path):
    X, y, _ = Case({}).data(ScratchMLPClassifier)
    model = make(ScratchMLPClassifier, learning_rate="one_cycle")
    model.set_callbacks(Checkpoint(path)).fit(X, y)
    model.set_callbacks().set_params(max_iter=7)
    raises_and_changes_nothing(
        model, "max_iter is 7", "fit", X, y, error=CheckpointError, resume_from=path
    )


def swapped(X, y):
    order = np.r_[30:60, 0:30]
    return X[order], y[order]


OTHER_DATA = {
    "fewer rows": (lambda X, y: (X[:50], y[:50]), "there are 50 training rows, and we"),
    "shifted": (lambda X, y: (X + 1, y), "other data: X is another"),
    "columns": (lambda X, y: (X[:, ::-1], y), "other data: X is another"),
    "another order": (swapped, "other data: [Xy] is another"),
    "labels": (lambda X, y: (X, y[::-1]), "other data: y is another"),
    "features": (lambda X, y: (X[:, :3], y), "n_features_in_=4, but now .* would be 3"),
    "classes": (lambda X, y: (X, y + 1), "classes_=array"),
    "fewer classes": (lambda X, y: (X, y.clip(6)), "classes_=array"),
    "names": (
        lambda X, y: (pytest.importorskip("pandas").DataFrame(X).add_prefix("x"), y),
        "feature_names_in_=None",
    ),
    "several labels": (lambda X, y: (X, np.c_[y > 5, y > 6] + 0), "classes_=array"),
}


@pytest.mark.parametrize("warm", [False, True])
@pytest.mark.parametrize(
    ("change", "message"), OTHER_DATA.values(), ids=OTHER_DATA.keys()
)
def test_other_data_is_refused(change, message, warm, path):
    X, y, _ = Case({}).data(ScratchMLPClassifier)
    model = make(ScratchMLPClassifier, warm_start=warm).fit(X, y)
    model.set_callbacks(Checkpoint(path)).fit(X, y)
    raises_and_changes_nothing(
        *(model.set_callbacks(), message, "fit", *change(X, y)),
        error=CheckpointError,
        resume_from=path,
    )


def test_another_type_is_refused(path):
    X, y, _ = Case({}).data(ScratchMLPClassifier)
    model = make(ScratchMLPClassifier).set_callbacks(Checkpoint(path)).fit(X, y)
    raises_and_changes_nothing(
        *(model.set_callbacks(), "X would be computed in float32"),
        *("fit", X.astype(np.float32), y),
        error=CheckpointError,
        resume_from=path,
    )


def test_another_seed_is_refused(path):
    X, y, _ = Case({}).data(ScratchMLPClassifier)
    model = make(ScratchMLPClassifier, random_state=0)
    model.set_callbacks(Checkpoint(path)).fit(X, y)
    model.set_callbacks().set_params(random_state=5)
    raises_and_changes_nothing(
        model, "random_state is 5", "fit", X, y, error=CheckpointError, resume_from=path
    )


def test_a_fit_that_changes_the_folder_writes_where_it_began(tmp_path, monkeypatch):
    X, y, _ = Case({}).data(ScratchMLPClassifier)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other").mkdir()
    callbacks = Checkpoint("model.npz"), MetricsLogger("metrics.jsonl")
    monkeypatch.chdir(tmp_path / "other")
    model = make(ScratchMLPClassifier).set_callbacks(*callbacks).fit(X, y)
    assert not [*(tmp_path / "other").iterdir()]
    stored = ScratchMLPClassifier.from_checkpoint(tmp_path / "model.npz")
    assert stored.loss_curve_ == model.loss_curve_
    assert len((tmp_path / "metrics.jsonl").read_text().splitlines()) == model.n_iter_


def test_other_targets_of_a_regressor_are_refused(path):
    X, y = make_data("outputs")
    model = make(ScratchMLPRegressor)
    model.set_callbacks(Checkpoint(path)).fit(X, y)
    model.set_callbacks()
    for targets, message in [(y[:, :2], "n_outputs_=3"), (2 * y, "y is another")]:
        raises_and_changes_nothing(
            model, message, "fit", X, targets, error=CheckpointError, resume_from=path
        )
    model.set_params(loss="absolute_error")
    raises_and_changes_nothing(
        model, "loss is ", "fit", X, y, error=CheckpointError, resume_from=path
    )


def test_other_weights_and_validation_rows_are_refused(path):
    X, y, _ = Case({}).data(ScratchMLPClassifier)
    parts = {"X_val": X[:9], "y_val": y[:9], "sample_weight": np.linspace(1, 2, 60)}
    model = make(ScratchMLPClassifier)
    model.set_callbacks(Checkpoint(path)).fit(X, y, **parts)
    model.set_callbacks()
    for other, message in [
        ({"sample_weight": np.linspace(2, 1, 60)}, "sample_weight is another"),
        ({"sample_weight": None}, "sample_weight is another"),
        ({"X_val": X[1:10]}, "X_val is another"),
        ({"X_val": X[:8], "y_val": y[:8]}, "8 validation rows, and were 9"),
        ({"X_val": None, "y_val": None}, "0 validation rows, and were 9"),
    ]:
        raises_and_changes_nothing(
            *(model, message, "fit", X, y),
            error=CheckpointError,
            resume_from=path,
            **parts | other,
        )


def test_what_the_system_says_is_passed_on(stored, path):
    X, y, _ = Case({}).data(ScratchMLPClassifier)
    for place, error in [
        (path.with_name("absent"), FileNotFoundError),
        (path.parent, IsADirectoryError if os.name == "posix" else OSError),
        (5, TypeError),
    ]:
        raises_and_changes_nothing(
            stored, "", "fit", X, y, error=error, resume_from=place
        )
        with pytest.raises(error):
            ScratchMLPClassifier.from_checkpoint(place)
