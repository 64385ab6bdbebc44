"""Where the time of our training steps goes: run by children of ``compare.py``."""

import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from functools import wraps
from typing import Any
from unittest.mock import patch

from common import seconds_of
from peers import fit_ours, read_task

from skmlp_scratch._estimator import training
from skmlp_scratch.nn import layers
from skmlp_scratch.nn.activations import ReLU
from skmlp_scratch.nn.batches import Batches
from skmlp_scratch.nn.losses import SoftmaxCrossEntropy
from skmlp_scratch.nn.network import Network
from skmlp_scratch.nn.optimizers import SGD, Adam

LOOP = "loop and calls"
# The functions that do a part. What they call counts for the part of what is called.
PARTS: dict[str, list[tuple[Any, str]]] = {
    "products": [(layers, "product")],
    "gathering rows": [(Batches, "_gather")],
    "optimizer": [(Adam, "step"), (SGD, "step")],
    "penalty": [(Network, "_add_penalty")],
    "loss": [(SoftmaxCrossEntropy, "loss_and_gradient")],
    "activations": [(ReLU, "forward"), (ReLU, "backward")],
    "biases": [(layers.Affine, "forward"), (layers.Affine, "backward_parameters")],
    LOOP: [(training, "train")],
}
BEFORE_AND_AFTER, WHOLE = "before and after the loop", "whole fit, without this timing"
TIMED = [*PARTS, BEFORE_AND_AFTER, WHOLE]


class Stopwatch:
    """Seconds by part, each without the parts called from within it.

    What is called outside the training loop is not a part of a step.
    """

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self.running = [BEFORE_AND_AFTER]
        self.since = time.perf_counter()

    def lap(self) -> None:
        """Add the time since the last call to the part that is running."""
        now = time.perf_counter()
        self.seconds[self.running[-1]] += now - self.since
        self.since = now

    def timed(self, function: Callable[..., Any], part: str) -> Callable[..., Any]:
        """Return the function, its time counted for a part."""

        @wraps(function)
        def run(*args: Any, **options: Any) -> Any:
            if part != LOOP and LOOP not in self.running:
                return function(*args, **options)
            self.lap()
            self.running.append(part)
            try:
                return function(*args, **options)
            finally:
                self.lap()
                self.running.pop()

        return run


def time_parts(work: dict[str, Any], data: str, dtype: str) -> dict[str, float]:
    """Return, in a child, the seconds of each part of a fit, and of the bare fit."""
    task, X, y = read_task("ours", work, data, dtype)
    fit_ours(task, X, y)
    whole = seconds_of(lambda: fit_ours(task, X, y))
    with ExitStack() as patches:
        stopwatch = Stopwatch()
        for part, functions in PARTS.items():
            for owner, name in functions:
                function = stopwatch.timed(getattr(owner, name), part)
                patches.enter_context(patch.object(owner, name, function))
        fit_ours(task, X, y)
        stopwatch.lap()
    return {**stopwatch.seconds, WHOLE: whole}
