"""What is printed on the way, with ``verbose``."""

import re
from functools import partial
from types import SimpleNamespace

import helpers
import pytest
from helpers import both, ignore_convergence, scaled_iris, untimed, warnings_as
from sklearn.neural_network import MLPClassifier

from skmlp_scratch import ScratchMLPClassifier, ScratchMLPRegressor
from skmlp_scratch._estimator import progress
from skmlp_scratch.nn.history import History

pytestmark = ignore_convergence
X, y = scaled_iris()
quick = partial(helpers.quick, hidden_layer_sizes=(8,), max_iter=3)


def printed(capsys, estimator, *arguments, **keywords):
    capsys.readouterr()
    with warnings_as("ignore"):
        estimator.fit(*arguments, **keywords)
    return capsys.readouterr().out.splitlines()


def test_verbose_tells_when_the_rate_falls(capsys):
    estimator = quick(
        ScratchMLPClassifier, solver="sgd", learning_rate="adaptive", tol=10, verbose=1
    ).set_params(n_iter_no_change=1, max_iter=8)
    *lines, last = printed(capsys, estimator, X, y)
    fell = [n for n, line in enumerate(lines, 1) if "learning rate = " in line]
    assert fell == [4, 6, 8]
    (line,) = untimed(lines[3])
    assert line.endswith("(4 of 8), learning rate = 0.0002")
    assert last == "All of max_iter=8 epochs are done. Stopping."


def test_verbose_tells_the_rates_of_a_cycle(capsys):
    estimator = quick(ScratchMLPRegressor, learning_rate="one_cycle", max_iter=8)
    *lines, _ = printed(capsys, estimator.set_params(verbose=True), X, y)
    assert [("learning rate" in line) for line in lines] == [False] * 3 + [True] * 5


class Clock:
    """A clock that goes on by as many seconds whenever it is read."""

    def __init__(self, seconds):
        self.now, self.seconds = 1000.0, seconds

    def __call__(self):
        self.now += self.seconds
        return self.now


def with_clock(monkeypatch, seconds):
    clock = SimpleNamespace(perf_counter=Clock(seconds))
    monkeypatch.setattr(progress, "time", clock)


@both
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_verbose_tells_seconds_and_rows_per_second(
    solver, estimator_class, capsys, monkeypatch
):
    estimator = quick(estimator_class, solver=solver, verbose=True)
    with_clock(monkeypatch, 2.54)
    *lines, _ = printed(capsys, estimator, X, y)
    # 150 rows in 2.54 seconds, in each of the epochs.
    ends = [re.search(r" \((.*?)\)", line)[1] for line in lines]
    assert ends == [
        "1 of 3, 2.5 s, 59 rows/s",
        "2 of 3, 5.1 s, 59 rows/s",
        "3 of 3, 7.6 s, 59 rows/s",
    ]


def test_rows_set_aside_do_not_count(capsys, monkeypatch):
    estimator = quick(ScratchMLPRegressor, verbose=True, early_stopping=True)
    with_clock(monkeypatch, 0.1)
    line = printed(capsys, estimator, X, y)[0]
    assert line.endswith("(1 of 3, 0.1 s, 1,350 rows/s)")


def test_a_clock_that_stands_still(capsys, monkeypatch):
    with_clock(monkeypatch, 0.0)
    line = printed(capsys, quick(ScratchMLPRegressor, verbose=True), X, y)[0]
    assert line.endswith("(1 of 3, 0.0 s, 150,000,000 rows/s)")


@both
def test_verbose_in_a_stream(estimator_class, capsys, monkeypatch):
    estimator = quick(estimator_class, verbose=True)
    with_clock(monkeypatch, 0.5)
    classes = {"classes": [0, 1, 2]} if "class_weight" in vars(estimator) else {}
    for _ in range(3):
        estimator.partial_fit(X, y, **classes)
    losses = estimator.loss_curve_
    # The seconds are those of the call; there is no telling how many will follow.
    assert capsys.readouterr().out.splitlines() == [
        f"Iteration {n}, loss = {loss:.8f} (0.5 s, 300 rows/s)"
        for n, loss in enumerate(losses, start=1)
    ]


def test_a_warm_start_has_a_clock_of_its_own(capsys, monkeypatch):
    estimator = quick(ScratchMLPRegressor, verbose=True, warm_start=True)
    with_clock(monkeypatch, 1.0)
    printed(capsys, estimator, X, y)
    line = printed(capsys, estimator, X, y)[0]
    assert line.endswith("(1 of 3, 1.0 s, 150 rows/s)")


def test_lines_fit_in_a_hundred_columns(capsys, monkeypatch):
    # A long fit: what it is made of is the largest that is usual.
    with_clock(monkeypatch, 1234.5)
    lines = progress.Progress(100_000_000, 1000)
    rates = [0.1, 0.000123456]
    history = History(loss_curve=[0.12345678], learning_rates=rates, epochs=1000)
    lines.print_epoch(history)
    (line,) = capsys.readouterr().out.splitlines()
    assert line.endswith("1234.5 s, 81,004 rows/s), learning rate = 0.000123")
    assert len(line) <= 100


NO_PROGRESS = (
    "{} did not improve more than tol=10.000000 for 2 consecutive epochs. Stopping."
)
STOPS = {
    NO_PROGRESS.format("Training loss"): {},
    NO_PROGRESS.format("Validation score"): {"early_stopping": True},
    NO_PROGRESS.format("Validation loss"): {"early_stopping": True, "monitor": "loss"},
}


@both
@pytest.mark.parametrize("message", STOPS)
def test_verbose_tells_why_training_stopped(message, estimator_class, capsys):
    estimator = quick(estimator_class, verbose=True, n_iter_no_change=2, tol=10.0)
    estimator.set_params(max_iter=50, **STOPS[message])
    assert printed(capsys, estimator, X, y)[-1] == message


def test_those_are_the_words_of_scikit_learn(capsys):
    parameters = {"tol": 10.0, "n_iter_no_change": 2, "max_iter": 50, "verbose": True}
    theirs = printed(capsys, MLPClassifier((8,), random_state=0, **parameters), X, y)
    ours = printed(capsys, quick(ScratchMLPClassifier, **parameters), X, y)
    assert len(ours) == len(theirs)
    assert ours[-1] == theirs[-1]
    for mine, other in zip(ours[:-1], theirs[:-1], strict=True):
        start = re.match(r"Iteration \d+, loss = ", other)[0]
        assert mine.startswith(start)


def test_verbose_tells_of_divergence(capsys):
    estimator = quick(ScratchMLPClassifier, solver="sgd", learning_rate_init=1e300)
    with pytest.raises(ValueError, match="diverged"):
        printed(capsys, estimator.set_params(verbose=True), X, y)
