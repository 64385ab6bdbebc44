"""The network against finite differences and against plain loops."""

import numpy as np
import pytest
import reference
import scipy.sparse
from helpers import UNITS, every_network, float_types, make_batch, make_network

from skmlp_scratch.nn.gradient_check import check_gradient
from skmlp_scratch.nn.layers import Affine
from skmlp_scratch.nn.network import Network


@every_network
@pytest.mark.parametrize("units", UNITS, ids=str)
@pytest.mark.parametrize("seed", [0, 1])
def test_gradient_agrees_with_finite_differences(
    make_problem, units, activation, loss, seed
):
    network, X, targets = make_problem(units, activation, loss, seed)
    weights = np.random.default_rng(seed).uniform(0.5, 2, len(X)) if seed else None

    def objective(vector):
        network.parameters.vector[...] = vector
        return network.loss_and_gradient(X, targets, weights, alpha=0.1)

    check_gradient(objective, network.parameters.vector)


@pytest.mark.parametrize("loss", sorted(reference.LOSSES))
@pytest.mark.parametrize("activation", sorted(reference.ACTIVATIONS))
@pytest.mark.parametrize("units", UNITS, ids=str)
def test_one_pass_equals_plain_loops(make_problem, units, activation, loss):
    network, X, targets = make_problem(units, activation, loss, seed=5)
    value, _ = network.loss_and_gradient(X, targets, alpha=0.1)
    expected, dW, db = reference.loss_and_gradient(
        [W.tolist() for W in network.parameters.W],
        [b.tolist() for b in network.parameters.b],
        X.tolist(),
        targets.tolist(),
        activation,
        loss,
        alpha=0.1,
    )
    assert value == pytest.approx(expected, rel=1e-10)
    for ours, theirs in zip(
        network.gradient.W + network.gradient.b, dW + db, strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-13)


@every_network
@pytest.mark.parametrize("seed", [0, 1])
def test_integer_weights_equal_repeated_rows(make_problem, activation, loss, seed):
    network, X, targets = make_problem((4, 5, 3), activation, loss, seed)
    repeats = np.random.default_rng(seed).integers(0, 4, len(X))
    weighted, gradient = network.loss_and_gradient(
        X, targets, repeats.astype(float), normalizer=repeats.sum(), alpha=0.3
    )
    gradient = gradient.copy()
    repeated, expected = network.loss_and_gradient(
        X.repeat(repeats, axis=0), targets.repeat(repeats, axis=0), alpha=0.3
    )
    assert weighted == pytest.approx(repeated, rel=1e-12)
    np.testing.assert_allclose(gradient, expected, rtol=1e-12, atol=1e-14)


def test_batches_of_any_size_share_the_buffers(make_problem):
    network, X, targets = make_problem((4, 5, 3), "relu", "softmax_cross_entropy", 0)
    whole, gradient = network.loss_and_gradient(X, targets)
    gradient = gradient.copy()
    network.loss_and_gradient(X[:3], targets[:3])
    buffers = network._buffers
    again, same = network.loss_and_gradient(X, targets)
    assert again == whole
    np.testing.assert_array_equal(same, gradient)
    assert network._buffers is buffers
    fresh, _, _ = make_problem((4, 5, 3), "relu", "softmax_cross_entropy", 0)
    expected, expected_gradient = fresh.loss_and_gradient(X[:3], targets[:3])
    value, gradient = network.loss_and_gradient(X[:3], targets[:3])
    assert value == expected
    np.testing.assert_array_equal(gradient, expected_gradient)


def test_input_is_not_written_to(make_problem):
    network, X, targets = make_problem((4, 5, 3), "tanh", "squared_error", 0)
    X.flags.writeable = targets.flags.writeable = False
    network.loss_and_gradient(X, targets)  # raises if it writes
    assert network.gradient.vector.any()


@every_network
@pytest.mark.parametrize("units", UNITS, ids=str)
@float_types
def test_sparse_rows_equal_dense_ones(make_problem, units, activation, loss, dtype):
    network, X, targets = make_problem(
        units, activation, loss, 3, n_rows=11, dtype=dtype
    )
    X *= abs(X) > 0.7
    close = {"rtol": 1e-4 if dtype == np.float32 else 1e-12, "atol": 1e-6}
    value, gradient = network.loss_and_gradient(X, targets, alpha=0.1)
    gradient = gradient.copy()
    sparse = scipy.sparse.csr_matrix(X)
    same, same_gradient = network.loss_and_gradient(sparse, targets, alpha=0.1)
    assert same == pytest.approx(value, rel=close["rtol"])
    assert same_gradient.dtype == dtype
    np.testing.assert_allclose(same_gradient, gradient, **close)


def test_float32_stays_float32(make_problem):
    network, X, targets = make_problem(
        (4, 5, 3), "relu", "softmax_cross_entropy", 0, dtype=np.float32
    )
    _, gradient = network.loss_and_gradient(
        X, targets, np.ones(7, np.float32), alpha=0.1
    )
    assert gradient.dtype == network.forward(X).dtype == np.float32


@pytest.mark.parametrize("seed", [0, 1])
def test_gradient_check_on_three_images_of_the_two_layer_network(seed):
    # Source: the notes on computational graphs, 784-50-10 on three MNIST-shaped images.
    rng = np.random.RandomState(seed)
    X = rng.uniform(size=(3, 784)) * (rng.uniform(size=(3, 784)) < 0.2)
    targets = np.array([5, 0, 4])
    network = Network((784, 50, 10), "relu")
    network.parameters.matrices[...] = 0.01 * rng.standard_normal(39_700)
    assert network.parameters.vector.size == 39_760

    def objective(vector):
        network.parameters.vector[...] = vector
        return network.loss_and_gradient(X, targets)

    check_gradient(objective, network.parameters.vector)

    # Mean difference per parameter array, on some of the coordinates of each.
    _, gradient = objective(network.parameters.vector.copy())
    gradient, vector = gradient.copy(), network.parameters.vector.copy()
    for start, stop in [
        (0, 39_200),
        (39_200, 39_700),
        (39_700, 39_750),
        (39_750, 39_760),
    ]:
        some = rng.choice(np.arange(start, stop), 10, replace=False)
        differences = []
        for index in some:
            step = np.zeros_like(vector)
            step[index] = 1e-5
            slope = (objective(vector + step)[0] - objective(vector - step)[0]) / 2e-5
            differences.append(abs(slope - gradient[index]))
        assert np.mean(differences) < 1e-9


def test_penalty_is_added_to_all_weights():
    network = Network((800, 700, 10))
    rng = np.random.RandomState(0)
    network.parameters.vector[...] = rng.standard_normal(network.parameters.vector.size)
    X, targets = rng.standard_normal((3, 800)), np.array([1, 2, 3])
    _, without = network.loss_and_gradient(X, targets)
    expected = without.copy()
    expected[: network.parameters.matrices.size] += (
        0.5 / 3 * network.parameters.matrices
    )
    _, gradient = network.loss_and_gradient(X, targets, alpha=0.5)
    np.testing.assert_allclose(gradient, expected, rtol=1e-13, atol=1e-14)


# In place


def spied_on(network):
    """Note for each layer what comes in and where the result should go, both ways."""
    calls, within = {"forward": [], "backward": []}, []

    def spy(layer, way):
        call = getattr(layer, way)

        def noting(x, out=None):
            if not within:  # what a layer calls itself does not count
                calls[way].append((layer, x, out))
            within.append(layer)
            result = call(x, out=out)
            within.pop()
            return result

        setattr(layer, way, noting)

    for layer in {id(layer): layer for layer in network.layers}.values():
        spy(layer, "forward")
        spy(layer, "backward")
    return calls


EVERYTHING = {"noise": 0.1, "dropout": (0.2, 0.5, 0.3), "batch_norm": True}


@pytest.mark.parametrize("options", [{}, {"dropout": (0, 0.5, 0.3)}, EVERYTHING])
@pytest.mark.parametrize("n_rows", [8, 3, 1])
def test_layers_see_by_identity_that_they_work_in_place(n_rows, options):
    network = make_network(("gelu", "silu"), **options)
    network.loss_and_gradient(*make_batch(8))
    calls = spied_on(network)
    network.loss_and_gradient(*make_batch(n_rows))

    first = next(k for k, la in enumerate(network.layers) if isinstance(la, Affine))
    assert [layer for layer, _, _ in calls["forward"]] == network.layers
    # X belongs to somebody else.
    assert all(out is None for _, _, out in calls["forward"][:first])
    for layer, x, out in calls["forward"][first:]:
        assert len(out) == n_rows
        if layer.in_place:
            assert x is out
        else:
            assert not np.shares_memory(x, out)

    assert [layer for layer, _, _ in calls["backward"]] == network.layers[:first:-1]
    for layer, dout, out in calls["backward"]:
        assert len(out) == n_rows
        if isinstance(layer, Affine):
            assert not np.shares_memory(dout, out)
        else:
            assert dout is out


@pytest.mark.parametrize("activation", ["gelu", "silu", ("gelu", "silu")], ids=str)
@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("n_rows", [8, 3])
def test_gradient_in_a_part_of_the_buffers_with_dropout_before_and_after(
    n_rows, batch_norm, activation
):
    X, y = make_batch(n_rows)
    options = {"dropout": (0.2, 0.5, 0.3), "batch_norm": batch_norm}

    def objective(vector):
        network = make_network(activation, **options)
        network.loss_and_gradient(*make_batch(20))
        network.parameters.vector[...] = vector
        return network.loss_and_gradient(X, y, alpha=0.1)

    check_gradient(objective, make_network(activation, **options).parameters.vector)
