"""PyTorch's autograd at equal weights. Needs the extra ``oracles``."""

import numpy as np
import pytest

from skmlp_scratch.nn.batches import Batches
from skmlp_scratch.nn.layers import ACTIVATIONS
from skmlp_scratch.nn.losses import LOSSES
from skmlp_scratch.nn.optimizers import SGD, Adam

torch = pytest.importorskip("torch", reason="needs the extra 'oracles'")
pytestmark = pytest.mark.oracle

TORCH_ACTIVATIONS = {
    "identity": lambda x: x,
    "logistic": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
}
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
}


def torch_objective(W, b, X, targets, activation, loss, alpha):
    """Return the objective of a batch as a node of PyTorch's graph."""
    for W_layer, b_layer in zip(W[:-1], b[:-1], strict=True):
        X = TORCH_ACTIVATIONS[activation](X @ W_layer + b_layer)
    data_term = TORCH_LOSSES[loss](X @ W[-1] + b[-1], targets)
    penalty = sum((W_layer**2).sum() for W_layer in W)
    return data_term + alpha / 2 / len(X) * penalty


@pytest.mark.parametrize("loss", sorted(LOSSES))
@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
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


@pytest.mark.parametrize("loss", sorted(LOSSES))
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
