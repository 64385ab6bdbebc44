"""PyTorch's autograd at equal weights. Needs the extra ``oracles``."""

import numpy as np
import pytest

from skmlp_scratch.nn.layers import ACTIVATIONS
from skmlp_scratch.nn.losses import LOSSES

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
