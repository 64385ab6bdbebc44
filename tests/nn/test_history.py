"""Patience: when there was no progress for long enough."""

import math

from skmlp_scratch.nn.training import (
    Patience,
)


def test_patience_counts_failures_in_a_row():
    patience = Patience(tol=0.1, n_iter_no_change=2)
    seen = []
    for value in [1.0, 0.95, 0.8, 0.75, 0.74, 0.73]:
        seen.append((patience.update(value), patience.failures, patience.exhausted))
    assert seen == [
        (True, 0, False),
        (True, 1, False),  # the best, but not by 0.1
        (True, 0, False),
        (True, 1, False),
        (True, 2, False),
        (True, 3, True),
    ]
    assert not patience.update(2.0)
    assert patience.best == 0.73


def test_a_value_that_is_not_a_number_is_a_failure():
    patience = Patience(tol=0, n_iter_no_change=2)
    assert patience.update(1.0)
    for failures in (1, 2, 3):
        assert not patience.update(math.nan)
        assert patience.failures == failures
    assert patience.exhausted
    assert patience.best == 1.0
