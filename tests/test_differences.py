"""The table in docs/differences.md: every row names tests that exist.

Here are also tests of rows that have no better place, with scikit-learn at the other
side: what the table says of it must be true as well.
"""

import re
from pathlib import Path

import numpy as np
import pytest
from helpers import (
    ignore_convergence,
    quick,
    recorded,
    scaled_iris,
    sklearn_activations,
)
from sklearn.neural_network import MLPClassifier

from skmlp_scratch import ScratchMLPClassifier
from skmlp_scratch.exceptions import DivergenceError

TESTS = Path(__file__).parent
PAGE = (TESTS.parent / "docs" / "differences.md").read_text("utf-8")
KINDS = ["The same", "Better", "Different on purpose", "Not here"]
HEAD = ["what", "here", "in scikit-learn", "why", "test"]


def rows_of(kind):
    """Return the rows of one part of the table, lists of cells."""
    (part,) = re.findall(rf"^### {kind}\n(.*?)^##", PAGE, re.MULTILINE | re.DOTALL)
    head, line, *rows = (
        [cell.strip() for cell in row.strip("|").split("|")]
        for row in part.splitlines()
        if row.startswith("|")
    )
    assert head == HEAD
    assert line == ["---"] * len(HEAD)
    return rows


TABLE = {kind: rows_of(kind) for kind in KINDS}
ROWS = [(kind, row) for kind, rows in TABLE.items() for row in rows]

X, y = scaled_iris()


@pytest.mark.parametrize("kind", KINDS)
def test_the_table_is_found(kind):
    assert len(TABLE[kind]) > (5 if kind == "Not here" else 10)


def test_every_row_is_in_one_part():
    assert len(ROWS) == sum(line.startswith("| ") for line in PAGE.splitlines()) - 8
    names = [row[0] for _, row in ROWS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(("kind", "row"), ROWS, ids=[row[0] for _, row in ROWS])
def test_every_row_names_tests_that_exist(kind, row):
    assert len(row) == len(HEAD)
    assert all(row)
    named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", row[-1])
    assert len(named) == row[-1].count("::")
    # What is not there may have nothing that could be tested. Then the row says why.
    if not (kind == "Not here" and re.match("none needed: .", row[-1])):
        assert named
    for file, test in named:
        sources = [path.read_text("utf-8") for path in TESTS.rglob(file)]
        definition = re.compile(rf"^def {test}\(", re.MULTILINE)
        assert sum(map(len, map(definition.findall, sources))) == 1, (file, test)


@ignore_convergence
def test_first_weights_have_he_variance():
    unmoved = {"hidden_layer_sizes": 4000, "learning_rate_init": 1e-12, "max_iter": 1}
    ours = quick(ScratchMLPClassifier, **unmoved).fit(X, y)
    theirs = quick(MLPClassifier, **unmoved).fit(X, y)
    assert ours.coefs_[0].std() == pytest.approx(np.sqrt(2 / 4), rel=0.05)
    # A uniform distribution's deviation is its bound by the root of three.
    assert theirs.coefs_[0].std() == pytest.approx(np.sqrt(2 / 4004), rel=0.05)
    assert abs(ours.intercepts_[0]).max() < 1e-9
    assert abs(theirs.intercepts_[0]).max() > 1e-3


@ignore_convergence
def test_lbfgs_has_a_loss_curve():
    ours = quick(ScratchMLPClassifier, solver="lbfgs").fit(X, y)
    assert len(ours.loss_curve_) == ours.n_iter_ == 5
    assert (np.diff(ours.loss_curve_) < 0).all()
    assert ours.loss_curve_[-1] == ours.loss_ == ours.best_loss_
    assert not getattr(quick(MLPClassifier, solver="lbfgs").fit(X, y), "loss_curve_", 0)


def test_divergence_is_not_silent():
    absurd = {"solver": "sgd", "learning_rate_init": 10, "max_iter": 30}
    with pytest.raises(DivergenceError, match="never did better than a constant"):
        quick(ScratchMLPClassifier, **absurd).fit(X, y)
    theirs = quick(MLPClassifier, **absurd, tol=0)
    caught = recorded(theirs.fit, X, y)
    assert theirs.loss_ > np.log(3)  # that of a constant prediction
    assert not any("diverge" in str(warning.message) for warning in caught)


@ignore_convergence
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # theirs overflow
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_weights_that_are_not_finite_end_training_at_once(solver):
    absurd = {"solver": solver, "learning_rate_init": 1e300, "max_iter": 7}
    with pytest.raises(DivergenceError, match="at epoch 1"):
        quick(ScratchMLPClassifier, **absurd).fit(X, y)
    theirs = quick(MLPClassifier, **absurd)
    with pytest.raises(ValueError, match="non-finite parameter weights"):
        theirs.fit(X, y)
    # It notices when all is over.
    assert theirs.n_iter_ == len(theirs.loss_curve_) == 7
    assert not np.isfinite(theirs.loss_curve_).all()


@ignore_convergence
def test_new_width_is_not_ignored():
    wider = {"warm_start": True, "hidden_layer_sizes": 9}
    ours = quick(ScratchMLPClassifier).fit(X, y).set_params(**wider)
    with pytest.raises(ValueError, match=r"^hidden_layer_sizes changed from \(8,\) to"):
        ours.fit(X, y)
    theirs = quick(MLPClassifier).fit(X, y).set_params(**wider).fit(X, y)
    assert theirs.coefs_[0].shape == (4, 8)


@ignore_convergence
@sklearn_activations
def test_decision_function_gives_logits(activation):
    assert not hasattr(MLPClassifier, "decision_function")
    estimator = quick(ScratchMLPClassifier, activation=activation).fit(X, y)
    scores = estimator.decision_function(X)
    assert scores.shape == (150, 3)
    # The network's formula without the softmax.
    (W, W_out), (b, b_out) = estimator.coefs_, estimator.intercepts_
    functions = {
        "identity": lambda z: z,
        "logistic": lambda z: 1 / (1 + np.exp(-z)),
        "tanh": np.tanh,
        "relu": lambda z: np.maximum(z, 0),
    }
    logits = functions[activation](X @ W + b) @ W_out + b_out
    np.testing.assert_allclose(scores, logits, rtol=1e-9, atol=1e-12)


@ignore_convergence
def test_decision_function_of_two_classes_and_of_several_labels():
    rows = y < 2
    two = quick(ScratchMLPClassifier).fit(X[rows], y[rows])
    log_odds = two.decision_function(X)
    assert log_odds.shape == (150,)
    logs = two.predict_log_proba(X)
    np.testing.assert_allclose(log_odds, logs[:, 1] - logs[:, 0], rtol=1e-9)
    np.testing.assert_array_equal(two.predict(X), (log_odds > 0).astype(int))
    several = quick(ScratchMLPClassifier).fit(X, np.eye(3, dtype=int)[y])
    scores = several.decision_function(X)
    assert scores.shape == (150, 3)
    expected = 1 / (1 + np.exp(-scores))
    np.testing.assert_allclose(several.predict_proba(X), expected, rtol=1e-9)
    np.testing.assert_array_equal(several.predict(X), scores > 0)


@ignore_convergence
def test_activation_set_after_fit_changes_their_predictions_only():
    for estimator_class, stays in (
        (ScratchMLPClassifier, True),
        (MLPClassifier, False),
    ):
        estimator = quick(estimator_class).fit(X, y)
        before = estimator.predict_proba(X)
        after = estimator.set_params(activation="tanh").predict_proba(X)
        assert np.array_equal(before, after) is stays
