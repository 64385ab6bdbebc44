"""Fixtures that several test modules use, and settings of all of them."""

import os

# Read by BLAS when NumPy is imported, here and in the processes that tests start. Two
# threads are slower than one for networks of this size, and fight over busy machines.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import copy

import numpy as np
import pytest

# So that a failed assertion there shows its values; before the import, hence here.
pytest.register_assert_rewrite("helpers")

from helpers import fill, quick, targets_for, warnings_as
from hypothesis import settings
from sklearn.datasets import load_iris

from skmlp_scratch.nn.losses import LOSSES
from skmlp_scratch.nn.network import Network

# For test_fuzz.py: the same cases in every run of the tests; new ones, 20,000 in all,
# with --hypothesis-profile=long.
settings.register_profile(
    "short", max_examples=150, derandomize=True, deadline=None, database=None
)
settings.register_profile(
    "long", max_examples=8400, deadline=None, database=None, print_blob=True
)
settings.load_profile("short")


@pytest.fixture
def make_problem():
    """Return a function that makes a network with random weights, and a batch."""

    def make(units, activation, loss, seed, n_rows=7, dtype=np.float64):
        rng = np.random.RandomState(seed)
        network = Network(units, activation, LOSSES[loss](), dtype)
        fill(network, rng, activation)
        X = rng.standard_normal((n_rows, units[0])).astype(dtype)
        targets = targets_for(loss, (n_rows, units[-1]), rng)
        if loss != "softmax_cross_entropy":
            targets = targets.astype(dtype)
        return network, X, targets

    return make


@pytest.fixture(scope="session")
def fitted_once():
    """A small classifier, fitted to iris; see ``fitted``."""
    with warnings_as("ignore"):
        return quick(hidden_layer_sizes=5, max_iter=2, early_stopping=True).fit(
            *load_iris(return_X_y=True)
        )


@pytest.fixture
def fitted(fitted_once):
    """A copy of that classifier, which may be spoilt."""
    return copy.deepcopy(fitted_once)
