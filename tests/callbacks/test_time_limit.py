"""``TimeLimit``: a fit ends after the first epoch that ends after the time is up."""

import math

import numpy as np
import pytest
from doubles import needs_callbacks
from helpers import in_batches_or_at_once, numbers, quick, scaled_iris
from sklearn.exceptions import ConvergenceWarning

from skmlp_scratch.callbacks import TimeLimit

X, Y = scaled_iris()


@pytest.fixture
def clock(monkeypatch):
    """A clock that goes on by a second whenever it is read."""
    now = [0.0]

    def monotonic():
        now[0] += 1
        return now[0]

    monkeypatch.setattr("skmlp_scratch.callbacks.base.time.monotonic", monotonic)
    return now


@needs_callbacks
@in_batches_or_at_once
@pytest.mark.parametrize("seconds", [0.5, 3, np.float32(3.5)])
def test_the_fit_is_one_of_fewer_epochs(clock, seconds, solver):
    model = quick(max_iter=100, solver=solver).set_callbacks(TimeLimit(seconds))
    model.fit(X, Y)
    assert model.n_iter_ == math.ceil(seconds)
    short = quick(max_iter=model.n_iter_, solver=solver)
    with pytest.warns(ConvergenceWarning):
        short.fit(X, Y)
    np.testing.assert_array_equal(numbers(model), numbers(short))


@needs_callbacks
def test_each_fit_has_the_whole_time(clock):
    model = quick(max_iter=100).set_callbacks(TimeLimit(4))
    assert [model.fit(X, Y).n_iter_ for _ in range(2)] == [4, 4]


@needs_callbacks
def test_by_the_clock_on_the_wall():
    model = quick(max_iter=10**9, n_iter_no_change=10**9)
    model.set_callbacks(TimeLimit(0.05)).fit(X, Y)
    assert 1 <= model.n_iter_ < 10**6


@pytest.mark.parametrize("seconds", [0, -1, math.nan, "60", None, True])
def test_wrong_seconds(seconds):
    with pytest.raises(ValueError, match=f"seconds must be .* got {seconds!r}$"):
        TimeLimit(seconds)
