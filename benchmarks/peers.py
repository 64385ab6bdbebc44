"""The same fit by every library, and its floor: the bare matrix products.

All use ReLU or sigmoid layers, softmax, cross-entropy, Adam or SGD, the same batches
and epochs, shuffled, and none stops early. The functions run in child processes of
``compare.py`` and ``scaling.py``.
"""

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
from common import call_in_child, read_arrays, seconds_of
from sklearn.base import ClassifierMixin
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

from skmlp_scratch import ScratchMLPClassifier

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Work:
    """What is fitted, and how.

    Attributes
    ----------
    data : str
        Name of the data set.
    hidden : tuple of int
        Widths of the hidden layers.
    batch, epochs : int
        Rows in a batch, and epochs in a fit.
    solver : {'adam', 'sgd'}
        SGD is with Nesterov's momentum.
    activation : {'relu', 'logistic'}
        Of the hidden layers.
    dropout, noise : float
        Of our estimator; no other has them.
    """

    data: str
    hidden: tuple[int, ...]
    batch: int
    epochs: int
    solver: str = "adam"
    learning_rate: float = 1e-3
    momentum: float = 0.9
    alpha: float = 1e-4
    activation: str = "relu"
    dropout: float = 0.0
    noise: float = 0.0

    def steps(self, n_rows: int) -> int:
        """Return the number of steps in a fit of so many rows."""
        return self.epochs * -(-n_rows // self.batch)

    def layer_units(self, X: Array, y: Array) -> list[int]:
        """Return the width of every layer."""
        return [X.shape[1], *self.hidden, int(y.max()) + 1]


def fit_estimator(estimator_class: type, work: Work, X: Array, y: Array) -> Any:
    """Fit one of the two estimators, which share their parameters."""
    return make_estimator(estimator_class, work).fit(X, y)


def make_estimator(estimator_class: type, work: Work) -> ClassifierMixin:
    """Return an estimator that does the work without stopping early."""
    ours_only = {"dropout": work.dropout, "noise": work.noise}
    return estimator_class(
        work.hidden,
        activation=work.activation,
        solver=work.solver,
        alpha=work.alpha,
        batch_size=work.batch,
        learning_rate_init=work.learning_rate,
        momentum=work.momentum,
        max_iter=work.epochs,
        tol=0.0,
        n_iter_no_change=work.epochs + 1,
        random_state=0,
        **{name: value for name, value in ours_only.items() if value},
    )


def fit_ours(work: Work, X: Array, y: Array) -> None:
    """Fit ScratchMLPClassifier."""
    fit_estimator(ScratchMLPClassifier, work, X, y)


def fit_sklearn(work: Work, X: Array, y: Array) -> None:
    """Fit MLPClassifier."""
    fit_estimator(MLPClassifier, work, X, y)


def torch_model(units: list[int], work: Work, dtype: str) -> Any:
    """Return a torch module."""
    import torch

    activation = {"relu": torch.nn.ReLU, "logistic": torch.nn.Sigmoid}[work.activation]
    layers: list[Any] = []
    for fan_in, fan_out in pairwise(units):
        layers += [
            torch.nn.Linear(fan_in, fan_out, dtype=getattr(torch, dtype)),
            activation(),
        ]
    return torch.nn.Sequential(*layers[:-1])


def torch_optimizer(work: Work) -> tuple[type, dict[str, Any]]:
    """Return a fused torch optimizer, the penalty being its weight decay."""
    import torch

    options = {
        "lr": work.learning_rate,
        "weight_decay": work.alpha / work.batch,
        "fused": True,
    }
    if work.solver == "adam":
        return torch.optim.Adam, options
    nesterov = work.momentum > 0
    return torch.optim.SGD, options | {"momentum": work.momentum, "nesterov": nesterov}


def fit_torch(work: Work, X: Array, y: Array) -> None:
    """Train by a plain PyTorch loop that leaves loading and batching to tensors."""
    import torch

    model = torch_model(work.layer_units(X, y), work, X.dtype.name)
    optimizer_class, options = torch_optimizer(work)
    optimizer = optimizer_class(model.parameters(), **options)
    loss = torch.nn.CrossEntropyLoss()
    inputs, targets = torch.from_numpy(X), torch.from_numpy(y)
    for _ in range(work.epochs):
        for rows in torch.randperm(len(inputs)).split(work.batch):
            optimizer.zero_grad()
            logits = model(inputs.index_select(0, rows))
            loss(logits, targets.index_select(0, rows)).backward()
            optimizer.step()


def fit_skorch(work: Work, X: Array, y: Array) -> None:
    """Fit skorch's classifier, without callbacks and validation."""
    import torch
    from skorch import NeuralNetClassifier

    optimizer_class, options = torch_optimizer(work)
    NeuralNetClassifier(
        torch_model(work.layer_units(X, y), work, X.dtype.name),
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=optimizer_class,
        **{f"optimizer__{name}": value for name, value in options.items()},
        max_epochs=work.epochs,
        batch_size=work.batch,
        iterator_train__shuffle=True,
        train_split=None,
        callbacks="disable",
        verbose=0,
    ).fit(X, y)


def jax_step(work: Work) -> Callable[..., Any]:
    """Return a function that makes one step of Adam or SGD."""
    import jax
    import jax.numpy as jnp

    activate = {"relu": jax.nn.relu, "logistic": jax.nn.sigmoid}[work.activation]
    tree_map, eta, mu = jax.tree.map, work.learning_rate, work.momentum

    def objective(layers: Any, X: Any, y: Any) -> Any:
        for W, b in layers[:-1]:
            X = activate(X @ W + b)
        scores = jax.nn.log_softmax(X @ layers[-1][0] + layers[-1][1])
        penalty = 0.5 * work.alpha / len(y) * sum((W * W).sum() for W, _ in layers)
        return penalty - jnp.take_along_axis(scores, y[:, None], axis=1).mean()

    def step(state: Any, X: Any, y: Any) -> Any:
        layers, m, v, t = state
        g, t = jax.grad(objective)(layers, X, y), t + 1
        if work.solver == "sgd":
            m = tree_map(lambda m, g: mu * m - eta * g, m, g)
            return tree_map(lambda p, m, g: p + mu * m - eta * g, layers, m, g), m, v, t
        m = tree_map(lambda m, g: 0.9 * m + 0.1 * g, m, g)
        v = tree_map(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
        rate = eta * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        move = tree_map(lambda m, v: rate * m / (jnp.sqrt(v) + 1e-8), m, v)
        return tree_map(lambda p, d: p - d, layers, move), m, v, t

    return step


@cache
def jax_epoch(work: Work) -> Callable[..., Any]:
    """Return a compiled function that runs one epoch."""
    import jax

    step = jax_step(work)

    def epoch(state: Any, X: Any, y: Any, order: Any) -> Any:
        whole = len(order) // work.batch * work.batch
        batches = order[:whole].reshape(-1, work.batch)
        state, _ = jax.lax.scan(
            lambda state, rows: (step(state, X[rows], y[rows]), None), state, batches
        )
        rest = order[whole:]
        return step(state, X[rest], y[rest]) if len(rest) else state

    return jax.jit(epoch, donate_argnums=0)


def fit_jax(work: Work, X: Array, y: Array) -> None:
    """Train by JAX, a compiled scan over each epoch's batches."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", X.dtype == np.float64)
    rng = np.random.default_rng(0)
    layers = [
        (
            jnp.asarray(rng.normal(0, (2 / n) ** 0.5, (n, m)), X.dtype),
            jnp.zeros(m, X.dtype),
        )
        for n, m in pairwise(work.layer_units(X, y))
    ]
    zeros = [jax.tree.map(jnp.zeros_like, layers) for _ in range(2)]
    state = (layers, *zeros, jnp.zeros((), X.dtype))
    inputs, targets = jnp.asarray(X), jnp.asarray(y)
    # Compiled once for warm-up and fit, which differ in their number of epochs.
    epoch = jax_epoch(replace(work, epochs=1))
    for _ in range(work.epochs):
        state = epoch(state, inputs, targets, rng.permutation(len(X)))
    jax.block_until_ready(state)


def multiply_only(work: Work, X: Array, y: Array) -> None:
    """Do the matrix products of the fit, and nothing else, into given arrays."""
    rng = np.random.default_rng(0)
    units = work.layer_units(X, y)

    def random(*shape: int) -> Array:
        return rng.random(shape, np.float32).astype(X.dtype)

    inputs = [random(work.batch, width) for width in units]
    douts = [random(work.batch, width) for width in units]
    weights = [random(*shape) for shape in pairwise(units)]
    outs, dinputs = (
        [np.empty_like(A) for A in inputs],
        [np.empty_like(A) for A in inputs],
    )
    dweights = [np.empty_like(W) for W in weights]
    for _ in range(work.epochs):
        for start in range(0, len(X), work.batch):
            n = min(work.batch, len(X) - start)
            for i, W in enumerate(weights):
                inputs[i][:n].dot(W, out=outs[i + 1][:n])
                inputs[i][:n].T.dot(douts[i + 1][:n], out=dweights[i])
                if i > 0:
                    douts[i + 1][:n].dot(W.T, out=dinputs[i][:n])


FITS: dict[str, Callable[[Work, Array, Array], None]] = {
    "ours": fit_ours,
    "sklearn32": fit_sklearn,
    "sklearn64": fit_sklearn,
    "torch": fit_torch,
    "skorch": fit_skorch,
    "jax": fit_jax,
    "floor": multiply_only,
}
# These two are named by their type; all others compute in the one that is asked for.
DTYPES = {"sklearn32": "float32", "sklearn64": "float64"}


def read_task(
    peer: str, work: dict[str, Any], data: str, dtype: str
) -> tuple[Work, Array, Array]:
    """Return, in a child, what it is to fit, in the peer's type."""
    X, y = read_arrays(data)
    work["hidden"] = tuple(work["hidden"])
    return Work(**work), X.astype(DTYPES.get(peer, dtype), copy=False), y


def time_fit(
    peer: str, work: dict[str, Any], data: str, dtype: str, warm_up_on_all: bool = False
) -> float:
    """Return, in a child, the seconds of one fit, after a short one to warm up."""
    task, X, y = read_task(peer, work, data, dtype)
    # JAX compiles for the number of rows; for others two batches are enough.
    all_rows = warm_up_on_all or peer == "jax"
    n_warm = len(X) if all_rows else min(2 * task.batch, len(X))
    rows = np.linspace(0, len(X) - 1, n_warm).astype(int)
    fit = FITS[peer]
    fit(replace(task, epochs=1), X if all_rows else X[rows], y[rows])
    if peer != "floor":
        return seconds_of(lambda: fit(task, X, y))
    seconds = []
    for threads in {1, os.cpu_count()}:
        with threadpool_limits(threads, "blas"):
            seconds.append(seconds_of(lambda: fit(task, X, y)))
    return min(seconds)


def fit_seconds(
    peer: str, work: Work, data: str, dtype: str, warm_up_on_all: bool = False
) -> float:
    """Return the seconds of one fit, in a process of its own."""
    return call_in_child(
        time_fit,
        peer=peer,
        work=asdict(work),
        data=data,
        dtype=dtype,
        warm_up_on_all=warm_up_on_all,
    )


CANDIDATES = {
    "hidden_layer_sizes": [(50,), (100,)],
    "alpha": [1e-4, 1e-3, 1e-2],
    "learning_rate_init": [1e-3, 1e-2],
}


def time_search(peer: str, work: dict[str, Any], data: str, dtype: str) -> float:
    """Return, in a child, the seconds of a search by two workers, already started."""
    task, X, y = read_task(peer, work, data, dtype)
    estimator_class = ScratchMLPClassifier if peer == "ours" else MLPClassifier

    def search(epochs: int) -> None:
        estimator = make_estimator(estimator_class, replace(task, epochs=epochs))
        GridSearchCV(estimator, CANDIDATES, cv=3, n_jobs=2).fit(X, y)

    search(epochs=1)
    return seconds_of(lambda: search(task.epochs))


def search_seconds(peer: str, work: Work, data: str, dtype: str) -> float:
    """Return the seconds of one search, in a process of its own."""
    return call_in_child(
        time_search, peer=peer, work=asdict(work), data=data, dtype=dtype
    )
