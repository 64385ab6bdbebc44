"""PyTorch's autograd at equal weights. Needs the extra ``oracles``."""

import numpy as np
import pytest

from skmlp_scratch.nn.batches import Batches
from skmlp_scratch.nn.classification_losses import SoftmaxCrossEntropy
from skmlp_scratch.nn.losses import LOSSES
from skmlp_scratch.nn.network import Network
from skmlp_scratch.nn.optimizers import SGD, Adam, AdamW
from skmlp_scratch.nn.regression_losses import PinballLoss
from skmlp_scratch.nn.schedules import Cosine, OneCycle
from skmlp_scratch.nn.updates import ClipNorm

torch = pytest.importorskip("torch", reason="needs the extra 'oracles'")
pytestmark = pytest.mark.oracle

TORCH_ACTIVATIONS = {
    "identity": lambda x: x,
    "logistic": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "leaky_relu": torch.nn.functional.leaky_relu,
    "elu": torch.nn.functional.elu,
    "selu": torch.nn.functional.selu,
    "gelu": torch.nn.functional.gelu,
    "silu": torch.nn.functional.silu,
    # Torch's is linear above its threshold, 20 by default.
    "softplus": lambda x: torch.nn.functional.softplus(x, threshold=1e9),
}


def torch_pinball(z, t, quantiles=0.5):
    """Return the pinball loss, which torch does not have, by its formula."""
    q, over = torch.as_tensor(quantiles), z - t
    return torch.maximum((1 - q) * over, -q * over).sum() / len(z)


def torch_gamma(z, t):
    """Return half the Gamma deviance, which torch does not have, by its formula."""
    ratios = t / torch.exp(z)
    return (ratios - 1 - torch.log(ratios)).sum() / len(z)


TORCH_LOSSES = {
    "softmax_cross_entropy": torch.nn.functional.cross_entropy,
    "sigmoid_cross_entropy": lambda z, t: (
        torch.nn.functional.binary_cross_entropy_with_logits(z, t, reduction="sum")
        / len(z)
    ),
    "squared_error": lambda z, t: ((z - t) ** 2).sum() / 2 / len(z),
    # Half the deviance: what the targets alone add is not in torch's loss.
    "poisson": lambda z, t: (
        (
            torch.nn.functional.poisson_nll_loss(z, t, log_input=True, reduction="sum")
            + (torch.xlogy(t, t) - t).sum()
        )
        / len(z)
    ),
    "absolute_error": lambda z, t: (
        torch.nn.functional.l1_loss(z, t, reduction="sum") / len(z)
    ),
    "quantile": torch_pinball,
    "gamma": torch_gamma,
}


def torch_objective(W, b, X, targets, activation, loss, alpha):
    """Return the objective of a batch as a node of PyTorch's graph."""
    for W_layer, b_layer in zip(W[:-1], b[:-1], strict=True):
        X = TORCH_ACTIVATIONS[activation](X @ W_layer + b_layer)
    data_term = TORCH_LOSSES[loss](X @ W[-1] + b[-1], targets)
    penalty = sum((W_layer**2).sum() for W_layer in W)
    return data_term + alpha / 2 / len(X) * penalty


@pytest.mark.parametrize("loss", sorted(TORCH_LOSSES))
@pytest.mark.parametrize("activation", sorted(TORCH_ACTIVATIONS))
@pytest.mark.parametrize("units", [(4, 3), (6, 8, 7, 5, 3)], ids=str)
def test_one_pass_equals_autograd(make_problem, units, activation, loss):
    network, X, targets = make_problem(units, activation, loss, seed=3, n_rows=20)
    value, _ = network.loss_and_gradient(X, targets, alpha=0.1)
    W, b = (
        [torch.tensor(array, requires_grad=True) for array in arrays]
        for arrays in (network.parameters.W, network.parameters.b)
    )
    expected = torch_objective(
        W, b, torch.tensor(X), torch.tensor(targets), activation, loss, 0.1
    )
    expected.backward()
    assert value == pytest.approx(expected.item(), rel=1e-10)
    ours = network.gradient.W + network.gradient.b
    for array, tensor in zip(ours, W + b, strict=True):
        np.testing.assert_allclose(array, tensor.grad, rtol=1e-10, atol=1e-12)


def torch_sgd(tensors, **settings):
    return torch.optim.SGD(tensors, lr=0.05, **settings), None


def torch_adam(tensors, beta_1, beta_2, eps):
    optimizer = torch.optim.Adam(tensors, lr=0.05, betas=(beta_1, beta_2), eps=eps)

    def before_step(t):
        # The paper has two forms of Adam. Ours and scikit-learn's is the "efficient"
        # one, which adds epsilon to sqrt(v). PyTorch's adds it to the bias-corrected
        # sqrt(v / (1 - beta_2^t)): the same as the other one, at another epsilon.
        optimizer.param_groups[0]["eps"] = eps / np.sqrt(1 - beta_2**t)

    return optimizer, before_step


OPTIMIZERS = {
    "sgd": (lambda p: SGD(p, 0.0, False), torch_sgd),
    "momentum": (lambda p: SGD(p, 0.9, False), lambda t: torch_sgd(t, momentum=0.9)),
    "nesterov": (
        lambda p: SGD(p, 0.9, True),
        lambda t: torch_sgd(t, momentum=0.9, nesterov=True),
    ),
    "adam": (
        lambda p: Adam(p, 0.9, 0.999, 1e-8),
        lambda t: torch_adam(t, 0.9, 0.999, 1e-8),
    ),
    "adam_with_a_large_epsilon": (
        lambda p: Adam(p, 0.5, 0.9, 0.1),
        lambda t: torch_adam(t, 0.5, 0.9, 0.1),
    ),
}


@pytest.mark.parametrize("loss", sorted(TORCH_LOSSES))
@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_fifty_steps_on_mini_batches_equal_those_of_torch(
    make_problem, name, activation, loss
):
    network, X, targets = make_problem((6, 8, 5, 3), activation, loss, 4, n_rows=33)
    make_ours, make_theirs = OPTIMIZERS[name]
    ours = make_ours(network.parameters.vector)
    arrays = network.parameters.W + network.parameters.b
    tensors = [torch.tensor(array, requires_grad=True) for array in arrays]
    start = network.parameters.vector.copy()
    theirs, before_step = make_theirs(tensors)
    n_layers = len(network.parameters.W)
    batches = Batches(X, targets, 7, X.dtype, np.random.RandomState(0))
    steps = 0
    while steps < 50:  # ten epochs of five batches, the last one of five rows
        for batch in batches:
            steps += 1
            value, gradient = network.loss_and_gradient(*batch, alpha=0.1)
            ours.step(network.parameters.vector, gradient, 0.05)
            theirs.zero_grad()
            objective = torch_objective(
                tensors[:n_layers],
                tensors[n_layers:],
                torch.tensor(batch.X),
                torch.tensor(batch.targets),
                activation,
                loss,
                0.1,
            )
            objective.backward()
            if before_step:
                before_step(steps)
            theirs.step()
            assert value == pytest.approx(objective.item(), rel=1e-8)
    assert steps == 50
    assert abs(network.parameters.vector - start).max() > 0.01
    for array, tensor in zip(arrays, tensors, strict=True):
        np.testing.assert_allclose(array, tensor.detach(), rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.95, [0.1, 0.5, 0.9]], ids=str)
@pytest.mark.parametrize("weighted", [False, True])
def test_pinball_loss_equals_autograd_on_its_formula(quantile, weighted):
    rng = np.random.default_rng(0)
    logits, targets = rng.standard_normal((20, 3)), rng.standard_normal((20, 1))
    weights = rng.uniform(size=20) if weighted else np.ones(20)
    z = torch.tensor(logits, requires_grad=True)
    rows = zip(z.split(1), torch.tensor(targets).split(1), weights, strict=True)
    q = torch.tensor(quantile, dtype=torch.float64)
    expected = sum(weight * torch_pinball(*row, q) / 20 for *row, weight in rows)
    expected.backward()
    value, gradient = PinballLoss(quantile).loss_and_gradient(
        logits, targets, weights if weighted else None
    )
    assert value == pytest.approx(expected.item(), rel=1e-12)
    np.testing.assert_allclose(gradient, z.grad, rtol=1e-10, atol=1e-15)


def half_smoothed(z, t, smoothing):
    """Return what label smoothing makes of the sigmoid cross-entropy, by hand."""
    return TORCH_LOSSES["sigmoid_cross_entropy"](z, t + smoothing * (0.5 - t))


@pytest.mark.parametrize("smoothing", [0.1, 0.9])
@pytest.mark.parametrize("loss", ["softmax_cross_entropy", "sigmoid_cross_entropy"])
def test_label_smoothing(make_problem, loss, smoothing):
    _, logits, targets = make_problem((5, 5), "relu", loss, seed=6, n_rows=20)
    z = torch.tensor(3 * logits, requires_grad=True)
    if loss == "softmax_cross_entropy":
        expected = torch.nn.functional.cross_entropy(
            z, torch.tensor(targets), label_smoothing=smoothing
        )
    else:
        expected = half_smoothed(z, torch.tensor(targets), smoothing)
    expected.backward()
    ours = LOSSES[loss](smoothing)
    value, gradient = ours.loss_and_gradient(3 * logits, targets)
    assert value == pytest.approx(expected.item(), rel=1e-12)
    np.testing.assert_allclose(gradient, z.grad, rtol=1e-10, atol=1e-15)


def one_cycle(optimizer, n_steps):
    """Return torch's schedule and how often to call it per step.

    Ours has the rate in the middle of each step: every other point of a cycle that has
    twice as many, and starts and ends at 0.
    """
    n_points = 2 * n_steps + 1
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        max_lr=0.05,
        total_steps=n_points,
        pct_start=(n_steps / 2 + 1) / n_points,
        anneal_strategy="linear",
        cycle_momentum=False,
        div_factor=1e18,
        final_div_factor=1e18,
    )
    schedule.step()
    return schedule, 2


def cosine(optimizer, n_steps):
    """Return torch's schedule after a warm-up of three steps of sixty."""
    assert n_steps == 60
    schedules = [
        torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: (t + 1) / 6),
        torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=114),
    ]
    schedule = torch.optim.lr_scheduler.SequentialLR(optimizer, schedules, [5])
    return schedule, 2


def train_both(make_problem, units, ours, schedule, theirs, torch_schedule, **options):
    """Train two equal networks for 50 steps or more; return parameters of both."""
    clip_norm, smoothing = options.get("clip_norm"), options.get("smoothing", 0.0)
    base, X, y = make_problem(units, "tanh", "softmax_cross_entropy", 5, n_rows=33)
    network = Network(units, "tanh", SoftmaxCrossEntropy(smoothing))
    network.parameters.vector[...] = base.parameters.vector
    arrays = network.parameters.W + network.parameters.b
    tensors = [torch.tensor(array, requires_grad=True) for array in arrays]
    n_layers = len(network.parameters.W)
    ours, theirs = ours(network), theirs(tensors[:n_layers], tensors[n_layers:])
    theirs_schedule, calls = torch_schedule(theirs) if torch_schedule else (None, 0)
    clip = [ClipNorm(clip_norm)] if clip_norm else []
    n_steps, clipped = options.get("n_steps", 50), 0
    batches = Batches(X, y, 7, X.dtype, np.random.RandomState(0))
    for _ in range(n_steps // 5):
        for batch in batches:
            _, gradient = network.loss_and_gradient(*batch)
            if clip_norm:
                clipped += np.linalg.norm(gradient) > clip_norm
            rate = schedule.learning_rate if schedule else 0.05
            for update in [*clip, ours]:
                update.step(network.parameters.vector, gradient, rate)
            theirs.zero_grad()
            H = torch.tensor(batch.X)
            for W, b in zip(tensors[: n_layers - 1], tensors[n_layers:-1], strict=True):
                H = torch.tanh(H @ W + b)
            torch.nn.functional.cross_entropy(
                H @ tensors[n_layers - 1] + tensors[-1],
                torch.tensor(batch.targets),
                label_smoothing=smoothing,
            ).backward()
            if clip_norm:
                torch.nn.utils.clip_grad_norm_(tensors, clip_norm)
            if schedule:
                assert rate == pytest.approx(theirs.param_groups[0]["lr"], rel=1e-9)
            theirs.step()
            if schedule:
                schedule.end_step()
            for _ in range(calls):
                if theirs_schedule.last_epoch < getattr(
                    theirs_schedule, "total_steps", 10**6
                ):
                    theirs_schedule.step()
    if clip_norm:
        assert 0 < clipped < n_steps
    return arrays, tensors


def assert_equal(pairs):
    for array, tensor in zip(*pairs, strict=True):
        np.testing.assert_allclose(array, tensor.detach(), rtol=1e-8, atol=1e-8)


def plain_sgd(network):
    return SGD(network.parameters.vector, 0.9, True)


def torch_nesterov(W, b):
    return torch.optim.SGD([*W, *b], lr=0.05, momentum=0.9, nesterov=True)


@pytest.mark.parametrize("decay", [0.0, 0.5])
def test_adamw(make_problem, decay):
    def ours(network):
        parameters = network.parameters
        # So small an epsilon that its place in the formula makes no difference.
        return AdamW(parameters.vector, len(parameters.matrices), decay, epsilon=1e-30)

    def theirs(W, b):
        groups = [{"params": W, "weight_decay": decay}, {"params": b}]
        return torch.optim.AdamW(groups, lr=0.05, eps=1e-30, weight_decay=0.0)

    assert_equal(train_both(make_problem, (6, 8, 5, 3), ours, None, theirs, None))


@pytest.mark.parametrize("options", [{"clip_norm": 0.7}, {"smoothing": 0.2}], ids=str)
def test_clipping_and_label_smoothing(make_problem, options):
    units = (6, 8, 5, 3)
    assert_equal(
        train_both(
            make_problem, units, plain_sgd, None, torch_nesterov, None, **options
        )
    )


# Not with momentum: PyTorch multiplies the whole velocity with the rate of the step,
# Sutskever et al. and scikit-learn each gradient with the rate that it came with.
@pytest.mark.filterwarnings("ignore:Detected call of `lr_scheduler.step")
@pytest.mark.parametrize(
    ("schedule_class", "theirs", "n_steps"),
    [(OneCycle, one_cycle, 50), (Cosine, cosine, 60)],
)
def test_schedules(make_problem, schedule_class, theirs, n_steps):
    assert_equal(
        train_both(
            make_problem,
            (6, 8, 5, 3),
            lambda network: SGD(network.parameters.vector, 0.0, False),
            schedule_class(0.05, n_steps),
            lambda W, b: torch.optim.SGD([*W, *b], lr=0.05),
            lambda optimizer: theirs(optimizer, n_steps),
            n_steps=n_steps,
        )
    )
