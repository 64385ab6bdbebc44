"""What is printed on the way, with ``verbose``."""

import re
from functools import partial

import helpers
import pytest
from helpers import both, ignore_convergence, scaled_iris, warnings_as
from sklearn.neural_network import MLPClassifier

from skmlp_scratch import ScratchMLPClassifier, ScratchMLPRegressor

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
    assert lines[3].endswith("(epoch 4 of 8), learning rate = 0.0002")
    assert last == "All of max_iter=8 epochs are done. Stopping."


def test_verbose_tells_the_rates_of_a_cycle(capsys):
    estimator = quick(ScratchMLPRegressor, learning_rate="one_cycle", max_iter=8)
    *lines, _ = printed(capsys, estimator.set_params(verbose=True), X, y)
    assert [("learning rate" in line) for line in lines] == [False] * 3 + [True] * 5


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
