"""What our callbacks share: on whom they may be set, and several fits at a time."""

import threading

import pytest
from doubles import needs_callbacks
from helpers import ignore_convergence, pickled, quick, scaled_iris
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmlp_scratch.callbacks import (
    EarlyStopping,
    MetricsLogger,
    OnEpochEnd,
    TimeLimit,
)

pytestmark = [needs_callbacks, ignore_convergence]
X, Y = scaled_iris()

ALL = {
    "EarlyStopping": lambda folder: EarlyStopping("loss", patience=1),
    "MetricsLogger": lambda folder: MetricsLogger(folder / "metrics.jsonl"),
    "OnEpochEnd": lambda folder: OnEpochEnd(len),
    "TimeLimit": lambda folder: TimeLimit(60),
}
every_callback = pytest.mark.parametrize("make", ALL.values(), ids=ALL)


@every_callback
@pytest.mark.parametrize("outer", ["Pipeline", "GridSearchCV"])
def test_set_on_what_has_no_iterations_it_says_so(make, outer, tmp_path):
    """scikit-learn calls the hooks of both, but never for an epoch."""
    model = quick()
    composite = {
        "Pipeline": make_pipeline(StandardScaler(), model),
        "GridSearchCV": GridSearchCV(model, {}, cv=2),
    }[outer]
    with pytest.raises(TypeError, match=rf"got a {outer}, .* within it\.$"):
        composite.set_callbacks(make(tmp_path)).fit(X, Y)
    model.set_callbacks(make(tmp_path))
    assert clone(composite).set_callbacks().fit(X, Y).score(X, Y) > 0


@every_callback
def test_nothing_of_a_fit_is_kept(make, tmp_path):
    callback = make(tmp_path)
    before = vars(pickled(callback)).keys()
    quick().set_callbacks(callback).fit(X, Y)
    with pytest.raises(ValueError, match="NaN"):
        quick().set_callbacks(callback).fit(X * float("nan"), Y)
    kept = {name: value for name, value in vars(callback).items() if name[0] == "_"}
    assert kept.keys() <= before
    assert not any(kept.values())


def test_one_instance_may_watch_several_fits_at_a_time():
    """Each thread waits for the others in its first epoch, so that fits do overlap."""
    together, n_iter = threading.Barrier(3, timeout=60), {}

    def seen(measured):
        if measured["epoch"] == 1:
            together.wait()

    callbacks = [
        OnEpochEnd(seen),
        EarlyStopping("loss", patience=2, min_delta=0.01),
        TimeLimit(600),
    ]

    def fit(rate):
        model = quick(max_iter=200, learning_rate_init=rate)
        n_iter[rate] = model.set_callbacks(*callbacks).fit(X, Y).n_iter_

    rates = (0.003, 0.01, 0.03)
    threads = [threading.Thread(target=fit, args=(rate,)) for rate in rates]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    alone = {}
    for rate in rates:
        model = quick(max_iter=200, learning_rate_init=rate)
        alone[rate] = model.set_callbacks(callbacks[1]).fit(X, Y).n_iter_
    assert n_iter == alone
    assert len(set(alone.values())) > 1


def test_all_of_them_watch_logistic_regression(tmp_path):
    """Which measures nothing by itself and, in scikit-learn 1.9, heeds no stop."""
    seen = []
    logger = MetricsLogger(tmp_path / "metrics.jsonl")
    model = LogisticRegression().set_callbacks(
        OnEpochEnd(seen.append),
        EarlyStopping(lambda fitted, X, y: fitted.score(X, y), patience=2),
        TimeLimit(60),
        logger,
    )
    n_iter = int(model.fit(X, Y).n_iter_[0])
    assert [measured["epoch"] for measured in seen] == list(range(1, n_iter + 1))
    assert all(measured.keys() == {"epoch", "seconds"} for measured in seen)
    lines = logger.path.read_text("utf-8").splitlines()
    assert len(lines) == n_iter
    unmeasured = LogisticRegression().set_callbacks(EarlyStopping("loss"))
    with pytest.raises(ValueError, match="LogisticRegression does not have"):
        unmeasured.fit(X, Y)
