"""A fit goes down the floors of docs/architecture.md, and rows never climb back up.

The import test cannot see a function that is passed down and called from below. Here
the calls of whole fits are recorded.
"""

import sys
from functools import partial

import numpy as np
import pytest
import scipy.sparse
from helpers import SKLEARN, TARGETS, estimator_for, make_data, warnings_as
from test_floors import FLOORS, PACKAGE

from skmlp_scratch.callbacks import Checkpoint, EarlyStopping, TimeLimit

# Who is called from below, and why.
SEAMS = {
    "print_epoch": "the seam after each epoch: it gets the history",
    "score": "the metric of validation: it gets logits and encoded targets",
    "update": "what is done to each block of long vectors",
    "approach": "likewise",
    "__sklearn_tags__": "asked for by scikit-learn's checks",
    "row_losses": "a loss, by what all losses share: it gets logits and targets",
    "constant": "likewise",
    "output": "likewise",
}
# With callbacks: these hooks of theirs get rows, if they ask for them.
HOOKS = {
    "after_epoch": "the seam after each epoch",
    "_end_epoch": "the same, one floor up: it gets the fit in progress",
    "setup": "called by scikit-learn, as are the other hooks",
    "teardown": "likewise",
    "on_fit_task_begin": "likewise",
    "on_fit_task_end": "likewise",
    "_keep_older": "what Checkpoint does to older files before it renames the new one",
    "__getstate__": "the copy that scikit-learn makes for fitted_estimator",
}
N_FEATURES = 7


def module_of(frame):
    """Return the module of the package that a call comes from, or None."""
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        if name.partition(".")[0] == PACKAGE:
            return name
        frame = frame.f_back
    return None


def climbs(function, *arguments):
    """Return which functions are called from a lower floor, and whether with rows."""
    found = {}

    def watch(frame, event, _):
        name = frame.f_globals.get("__name__", "")
        if event != "call" or name not in FLOORS:
            return
        caller = module_of(frame.f_back)
        if caller in FLOORS and FLOORS[caller] < FLOORS[name]:
            function_name = frame.f_code.co_name
            found[function_name] = found.get(function_name, False) or any(
                getattr(value, "shape", ())[1:] == (N_FEATURES,)
                for value in frame.f_locals.values()
            )

    sys.setprofile(watch)
    try:
        function(*arguments)
    finally:
        sys.setprofile(None)
    return found


@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize(
    "parameters",
    [
        {"early_stopping": True, "verbose": True},
        {"solver": "lbfgs"},
        {"solver": "sgd", "averaging": 0.9, "noise": 0.1, "dropout": 0.1},
        {"warm_start": True, "batch_norm": True},
    ],
    ids=str,
)
@pytest.mark.parametrize("sparse", [False, True])
def test_rows_go_down_only(kind, parameters, sparse, capsys):
    X, y = make_data(kind, n_features=N_FEATURES)
    if sparse:
        X, parameters = scipy.sparse.csr_array(X), parameters | {"noise": 0.0}
    estimator = estimator_for(kind, **parameters)
    with warnings_as("ignore"):
        for _ in range(2):
            found = climbs(estimator.fit, X, y)
            assert found.keys() <= SEAMS.keys()
            assert not any(found.values())
        assert climbs(estimator.transform, X).keys() <= SEAMS.keys()
    capsys.readouterr()


@pytest.mark.skipif(SKLEARN < (1, 9), reason="scikit-learn has callbacks from 1.9 on")
@pytest.mark.parametrize("kind", TARGETS)
def test_with_callbacks_too(kind, tmp_path):
    X, y = make_data(kind, n_features=N_FEATURES)
    path = tmp_path / "model.npz"
    estimator = estimator_for(kind, averaging=0.9, early_stopping=True)
    estimator.set_callbacks(Checkpoint(path), TimeLimit(1000), EarlyStopping())
    with warnings_as("ignore"):
        found = climbs(estimator.fit, X, y)
        estimator.set_params(max_iter=estimator.max_iter + 2)
        resumed = climbs(partial(estimator.fit, X, y, resume_from=path))
    assert found.keys() | resumed.keys() <= SEAMS.keys() | HOOKS.keys()
    assert {"_end_epoch", "on_fit_task_end"} <= found.keys() & resumed.keys()
    with_rows = [name for name in found if found[name] or resumed.get(name)]
    assert with_rows == ["on_fit_task_end"]


def test_what_climbs_is_seen():
    X, y = make_data("values", n_features=N_FEATURES)
    estimator = estimator_for("values", early_stopping=True)
    with warnings_as("ignore"):
        found = climbs(estimator.fit, X, y)
    assert {"score", "update"} <= found.keys()
    below = {"__name__": f"{PACKAGE}.nn.typing", "np": np}
    exec("def call(function, X):\n    return function(X)", below)
    assert climbs(below["call"], estimator.predict, X) == {"predict": True}
