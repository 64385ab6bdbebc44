"""Batch normalisation: the layer by itself, in the network, and folded away."""

import numpy as np
import pytest
import reference
import scipy.sparse
from helpers import float_types, make_batch, make_network, seeds

from skmlp_scratch.nn.activations import ACTIVATIONS
from skmlp_scratch.nn.batch_norm import BatchNorm
from skmlp_scratch.nn.batches import Batches
from skmlp_scratch.nn.fast import even_blocks
from skmlp_scratch.nn.gradient_check import check_gradient
from skmlp_scratch.nn.history import History
from skmlp_scratch.nn.optimizers import SGD
from skmlp_scratch.nn.schedules import Constant
from skmlp_scratch.nn.stopping import Patience, Watch
from skmlp_scratch.nn.training import Step, settle, train

REGULARIZERS = {"noise": 0.5, "dropout": (0.2, 0.5, 0.3), "label_smoothing": 0.1}
weighted = pytest.mark.parametrize("weighted", [False, True])


def make_layer(n_units=4, dtype=np.float64, seed=0):
    """Return a layer with drawn scale, shift and running averages."""
    layer = BatchNorm(
        list(np.zeros((4, n_units), dtype)), list(np.ones((4, n_units), dtype))
    )
    spread(layer, np.random.default_rng(seed))
    return layer


def spread(layer, rng):
    """Draw scale, shift and running averages, all far from where they start."""
    n_units = len(layer.gamma)
    layer.gamma[...] = rng.uniform(0.5, 1.5, n_units) * rng.choice([-1, 1], n_units)
    layer.beta[...], layer.mean[...] = rng.normal(size=(2, n_units))
    layer.var[...] = rng.uniform(0.5, 2, n_units)


def make_normalizing(activation="tanh", **options):
    """Return a network that normalises, with such layers."""
    network = make_network(activation, batch_norm=True, **options)
    for number, layer in enumerate(network.norms):
        spread(layer, np.random.default_rng(number))
    return network


def make_weights(n_rows, is_weighted, dtype=np.float64):
    """Return row weights, or None."""
    if not is_weighted:
        return None
    return np.random.default_rng(n_rows).uniform(0.2, 3, n_rows).astype(dtype)


def averages(network):
    """Return all running averages in one vector."""
    return np.concatenate([v for n in network.norms for v in (n.mean, n.var)])


# The layer


@weighted
@pytest.mark.parametrize("n_rows", [2, 3, 8])
def test_the_layer_equals_plain_loops(n_rows, weighted):
    layer, weights = make_layer(), make_weights(n_rows, weighted)
    x, dout = np.random.default_rng(0).normal(3, 2, size=(2, n_rows, 4))
    before = x.copy(), dout.copy()
    layer.weights = weights
    y, dx = layer.forward(x), layer.backward(dout)
    for unit in range(4):
        expected = reference.batch_norm(
            x[:, unit].tolist(),
            dout[:, unit].tolist(),
            layer.gamma[unit],
            layer.beta[unit],
            None if weights is None else weights.tolist(),
        )
        found = y[:, unit], dx[:, unit], layer.dgamma[unit], layer.dbeta[unit]
        for ours, theirs in zip(found, expected, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)
    np.testing.assert_array_equal(layer.dmean, 0)
    np.testing.assert_array_equal(layer.dvar, 0)
    np.testing.assert_array_equal((x, dout), before)


@weighted
def test_a_batch_comes_out_with_mean_beta_and_deviation_gamma(weighted):
    layer = make_layer()
    layer.weights = make_weights(50, weighted)
    y = layer.forward(np.random.default_rng(0).normal(-5, 30, size=(50, 4)))
    mean = np.average(y, axis=0, weights=layer.weights)
    np.testing.assert_allclose(mean, layer.beta, rtol=1e-12)
    var = np.average((y - mean) ** 2, axis=0, weights=layer.weights)
    # Not quite, for epsilon.
    np.testing.assert_allclose(np.sqrt(var), abs(layer.gamma), rtol=1e-7)


@float_types
def test_working_in_place_makes_no_difference(dtype):
    x, dout = np.random.default_rng(0).normal(size=(2, 9, 4)).astype(dtype)
    one, other = make_layer(dtype=dtype), make_layer(dtype=dtype)
    y, dx = one.forward(x), one.backward(dout)
    assert other.forward(x, out=x) is x
    assert other.backward(dout, out=dout) is dout
    np.testing.assert_array_equal(x, y)
    np.testing.assert_array_equal(dout, dx)
    assert y.dtype == dx.dtype == dtype


def test_mean_and_variance_of_float32_far_from_zero():
    x = np.random.default_rng(0).normal(10_000, 1, size=(500, 4)).astype(np.float32)
    layer, exact = make_layer(dtype=np.float32), make_layer()
    np.testing.assert_allclose(layer.forward(x), exact.forward(x * 1.0), atol=5e-3)
    np.testing.assert_allclose(layer.mean, exact.mean, rtol=1e-6)
    # E[x^2] - E[x]^2 would be wrong by several times the variance itself.
    np.testing.assert_allclose(layer.var, exact.var, rtol=1e-4)


def test_a_constant_unit_becomes_its_shift():
    layer = make_layer()
    y = layer.forward(np.full((6, 4), 1e3))
    np.testing.assert_allclose(y, [layer.beta] * 6, rtol=1e-9)
    assert np.isfinite(layer.backward(np.ones((6, 4)))).all()


# Running averages


def test_running_averages_are_of_rows_of_which_older_ones_count_less():
    layer, rng = make_layer(), np.random.default_rng(0)
    sizes = [8, 3, 20, 20, 2]
    batches = [rng.normal(rng.normal(), 2, size=(n, 4)) for n in sizes]
    for batch in batches:
        layer.forward(batch)
    counts = [n * 0.9**age for n, age in zip(sizes, range(4, -1, -1), strict=True)]
    means = np.average([x.mean(axis=0) for x in batches], axis=0, weights=counts)
    variances = np.average([x.var(axis=0) for x in batches], axis=0, weights=counts)
    np.testing.assert_allclose(layer.mean, means, rtol=1e-12)
    np.testing.assert_allclose(layer.var, variances, rtol=1e-12)
    assert layer.n_seen == pytest.approx(sum(counts))


@pytest.mark.parametrize("weights", [None, [3.0], [1e9, 1, 2, 1]], ids=str)
def test_a_row_alone_is_normalised_by_the_running_averages(weights):
    layer = make_layer()
    before = layer.mean.copy(), layer.var.copy()
    x, dout = np.random.default_rng(0).normal(size=(2, len(weights or "a"), 4))
    layer.weights = None if weights is None else np.array(weights)
    slope = layer.gamma / np.sqrt(layer.var + 1e-5)
    np.testing.assert_allclose(
        layer.forward(x), (x - layer.mean) * slope + layer.beta, rtol=1e-12
    )
    np.testing.assert_allclose(layer.backward(dout), dout * slope, rtol=1e-12)
    np.testing.assert_array_equal((layer.mean, layer.var), before)
    assert layer.n_seen == 0


def test_light_rows_among_heavy_ones_count_little():
    # Ten of weight 1000 count as ten, whatever there is of weight 1.
    rng = np.random.default_rng(0)
    x = rng.normal(size=(30, 4))
    x[10:] += 5
    layer, heavy = make_layer(), make_layer()
    layer.weights = np.repeat([1e6, 1.0], [10, 20])
    layer.forward(x)
    heavy.forward(x[:10])
    assert layer.n_seen == pytest.approx(10, rel=1e-4)
    np.testing.assert_allclose(layer.mean, heavy.mean, atol=1e-4)
    np.testing.assert_allclose(layer.var, heavy.var, rtol=1e-3)


@float_types
def test_folding_equals_normalising_by_the_running_averages(dtype):
    layer, rng = make_layer(dtype=dtype), np.random.default_rng(1)
    X, W = rng.normal(size=(7, 3)).astype(dtype), rng.normal(size=(3, 4)).astype(dtype)
    b = rng.normal(size=4).astype(dtype)
    folded_W, folded_b = layer.folded(W, b)
    assert folded_W.dtype == folded_b.dtype == dtype
    expected = np.vstack([layer.forward(row) for row in np.split(X @ W + b, 7)])
    close = {"rtol": 1e-4, "atol": 1e-5} if dtype == np.float32 else {"rtol": 1e-10}
    np.testing.assert_allclose(X @ folded_W + folded_b, expected, **close)


@float_types
@pytest.mark.parametrize("n_rows", [1, 2, 40])
def test_unfolding_passes_everything_on(n_rows, dtype):
    x = np.random.default_rng(0).normal(3, 2, size=(n_rows, 4)).astype(dtype)
    x[:, 2] = 7
    layer = make_layer(dtype=dtype)
    layer.mean[...], layer.var[...], layer.beta[...] = 0, 1, 0  # as in a new one
    layer.unfold(x)
    rtol = 1e-5 if dtype == np.float32 else 1e-12
    W, b = layer.folded(np.eye(4, dtype=dtype), np.zeros(4, dtype))
    np.testing.assert_allclose(x @ W + b, x, rtol=rtol)
    np.testing.assert_allclose(layer.forward(x), x, rtol=rtol)
    assert layer.gamma[0] > 0.1  # there is something to go on with, also from one row


def test_running_averages_go_on_from_the_rows_of_unfolding():
    x = np.random.default_rng(0).normal(3, 2, size=(50, 4))
    layer = make_layer()
    layer.unfold(x[:40])
    layer.forward(x[40:])
    means = x[:40].mean(axis=0), x[40:].mean(axis=0)
    expected = np.average(means, axis=0, weights=[0.9 * 40, 10])
    np.testing.assert_allclose(layer.mean, expected, rtol=1e-12)


# In the network


@weighted
@pytest.mark.parametrize("n_rows", [3, 8, 25])
@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_gradient_agrees_with_finite_differences(activation, n_rows, weighted):
    network, (X, y) = make_normalizing(activation), make_batch(n_rows)
    weights = make_weights(n_rows, weighted)

    def objective(vector):
        network.parameters.vector[...] = vector
        return network.loss_and_gradient(X, y, weights, alpha=0.1)

    start = network.parameters.vector.copy()
    check_gradient(objective, start)
    objective(start)
    for norm in network.norms:
        assert abs(norm.dgamma).max() > 1e-6
    # What these biases add is taken off with the mean.
    for db in network.gradient.b[:2]:
        np.testing.assert_allclose(db, 0, atol=1e-12)


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
@seeds
def test_gradient_of_a_row_alone_is_that_at_constant_averages(activation, seed):
    network, (X, y) = make_normalizing(activation, seed=seed), make_batch(1)
    moved = network.parameters.vector.copy()
    # All but these are parameters to be learnt.
    for norm in network.norms:
        norm.mean[...] = norm.var[...] = np.nan
    learnt = np.isfinite(network.parameters.vector)
    assert np.count_nonzero(~learnt) == 2 * (7 + 6)

    def objective(some):
        moved[learnt] = some
        network.parameters.vector[...] = moved
        value, gradient = network.loss_and_gradient(X, y, alpha=0.1)
        np.testing.assert_array_equal(gradient[~learnt], 0)
        np.testing.assert_array_equal(network.parameters.vector, moved)
        return value, gradient[learnt]

    check_gradient(objective, moved[learnt])


@pytest.mark.parametrize("activation", ["tanh", "relu", ("gelu", "softplus")])
def test_gradient_with_noise_and_dropout_agrees_with_finite_differences(activation):
    X, y = make_batch(9)

    def objective(vector):
        # The same seed, hence the same masks and noise, at every evaluation.
        network = make_normalizing(activation, **REGULARIZERS)
        network.parameters.vector[...] = vector
        return network.loss_and_gradient(X, y, alpha=0.1)

    check_gradient(objective, make_normalizing(activation).parameters.vector)


def test_noise_and_dropout_come_on_top():
    kinds = [type(layer).__name__ for layer in make_normalizing(**REGULARIZERS).layers]
    first = ["GaussianNoise", "Dropout"]
    hidden = ["Affine", "BatchNorm", "GaussianNoise", "Tanh", "Dropout"]
    assert kinds == [*first, *hidden, *hidden, "Affine"]


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@seeds
def test_integer_weights_equal_repeated_rows(activation, seed):
    X, y = make_batch(12)
    repeats = np.random.default_rng(seed).integers(0, 4, len(X))
    network, other = make_normalizing(activation), make_normalizing(activation)
    weighted, gradient = network.loss_and_gradient(
        X, y, repeats.astype(float), normalizer=repeats.sum(), alpha=0.3
    )
    repeated, expected = other.loss_and_gradient(
        X.repeat(repeats, axis=0), y.repeat(repeats), alpha=0.3
    )
    assert weighted == pytest.approx(repeated, rel=1e-12)
    np.testing.assert_allclose(gradient, expected, rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(averages(network), averages(other), rtol=1e-12)
    np.testing.assert_allclose(network.predict(X), other.predict(X), rtol=1e-10)


def test_the_scale_of_weights_makes_no_difference_to_the_averages():
    X, y = make_batch()
    weights = make_weights(len(X), True)
    network, other = make_normalizing(), make_normalizing()
    network.loss_and_gradient(X, y, weights)
    other.loss_and_gradient(X, y, 1e-6 * weights)
    np.testing.assert_allclose(averages(network), averages(other), rtol=1e-12)


@float_types
@pytest.mark.parametrize("activation", ["tanh", "relu", ("gelu", "softplus")])
def test_prediction_equals_the_chain_with_running_averages(activation, dtype):
    network = make_normalizing(activation, dtype=dtype)
    X, _ = make_batch(30, dtype)
    # Row by row, the chain itself takes the running averages.
    expected = np.vstack([network.forward(row).copy() for row in np.split(X, 30)])
    close = {"rtol": 1e-4, "atol": 1e-5} if dtype == np.float32 else {"rtol": 1e-9}
    predicted = network.predict(X)
    assert predicted.dtype == dtype
    np.testing.assert_allclose(predicted, expected, **close)
    regularized = make_normalizing(activation, dtype=dtype, **REGULARIZERS)
    np.testing.assert_array_equal(regularized.predict(X), predicted)


def test_prediction_of_the_only_batch_equals_the_training_forward():
    # Its own mean and variance are then the running averages.
    network = make_normalizing()
    X, _ = make_batch(30)
    logits = network.forward(X).copy()
    np.testing.assert_allclose(network.predict(X), logits, rtol=1e-9)


def test_folding_leaves_the_parameters_alone():
    network = make_normalizing()
    before = network.parameters.vector.copy()
    for array in [*network.folded()[0][:2], *network.folded()[1][:2]]:
        array[...] = 0
    np.testing.assert_array_equal(network.parameters.vector, before)


@float_types
def test_sparse_rows_equal_dense_ones(dtype):
    X, y = make_batch(11, dtype)
    X *= abs(X) > 0.7
    network, other = make_normalizing(dtype=dtype), make_normalizing(dtype=dtype)
    value, gradient = network.loss_and_gradient(X, y)
    same, same_gradient = other.loss_and_gradient(scipy.sparse.csr_array(X), y)
    close = {"rtol": 1e-9, "atol": 1e-12}
    if dtype == np.float32:
        close = {"rtol": 1e-4, "atol": 1e-6}
    assert same == pytest.approx(value, rel=close["rtol"])
    np.testing.assert_allclose(same_gradient, gradient, **close)


@weighted
def test_batches_of_several_sizes_in_float32(weighted):
    network = make_normalizing(dtype=np.float32, **REGULARIZERS)
    for n_rows in (8, 3, 8, 20, 1, 2):
        X, y = make_batch(n_rows, np.float32)
        weights = make_weights(n_rows, weighted, np.float32)
        value, gradient = network.loss_and_gradient(X, y, weights, alpha=0.1)
        assert np.isfinite(value)
        assert np.isfinite(gradient).all()
        assert gradient.dtype == network.parameters.vector.dtype == np.float32
        assert network.norms[0]._normalized.dtype == np.float32


def test_settling_takes_averages_of_these_rows_without_noise_and_dropout():
    network, clean = make_normalizing(**REGULARIZERS), make_normalizing()
    X, _ = make_batch(50)
    weights = make_weights(50, True)
    network.forward(X)
    noisy, n_seen = averages(network), network.norms[0].n_seen
    settle(network, X, weights)
    expected = clean.forward(X, weights)
    assert abs(noisy - averages(clean)).max() > 0.1
    np.testing.assert_allclose(averages(network), averages(clean), rtol=1e-12)
    np.testing.assert_allclose(network.predict(X), expected, rtol=1e-9)
    assert network.norms[0].n_seen == n_seen  # later batches count as before
    for ours, theirs in zip(network.norms, clean.norms, strict=True):
        np.testing.assert_array_equal(
            (ours.gamma, ours.beta), (theirs.gamma, theirs.beta)
        )


# Batches


@pytest.mark.parametrize("n_rows", [1, 2, 7, 10, 11, 400, 401])
@pytest.mark.parametrize("block_rows", [1, 2, 5, 10, 200])
def test_even_blocks(n_rows, block_rows):
    blocks = list(even_blocks(n_rows, block_rows))
    rows = np.concatenate([np.arange(n_rows)[block] for block in blocks])
    np.testing.assert_array_equal(rows, np.arange(n_rows))
    assert len(blocks) == -(-n_rows // block_rows)
    lengths = [block.stop - block.start for block in blocks]
    assert max(lengths) <= block_rows
    assert max(lengths) - min(lengths) <= 1
    assert lengths == sorted(lengths, reverse=True)  # one change of size per epoch


def test_no_row_is_left_alone_in_the_last_batch():
    X, y = np.arange(41.0)[:, np.newaxis], np.arange(41)
    batches = Batches(X, y, 10, X.dtype, np.random.RandomState(0), even=True)
    for _ in range(2):
        served = [
            (batch.X.copy(), batch.targets, batch.normalizer) for batch in batches
        ]
        assert [len(batch[0]) for batch in served] == [9, 8, 8, 8, 8]
        assert [normalizer for *_, normalizer in served] == [9, 8, 8, 8, 8]
        np.testing.assert_array_equal(
            np.vstack([batch[0] for batch in served]).ravel(),
            np.concatenate([batch[1] for batch in served]),
        )


# In training


class Explosion:
    """An update that spoils the parameters, at one of its steps."""

    def __init__(self, step):
        self.steps_left = step

    def step(self, parameters, gradient, learning_rate):
        self.steps_left -= 1
        if self.steps_left == 0:
            parameters *= 1e200


@pytest.mark.parametrize("step", [7, 8, 9])
def test_divergence_brings_back_the_running_averages_of_the_best_epoch(step):
    X, y = make_batch(40)

    def trained(n_epochs, *further):
        network = make_normalizing()
        batches = Batches(X, y, 20, X.dtype, None, even=True)
        history = History()
        train(
            network,
            batches,
            Step([SGD(network.parameters.vector), *further], Constant(0.01)),
            Watch(Patience(0, np.inf)),
            history,
            n_epochs,
        )
        return network.parameters.vector, history

    expected, _ = trained(3)
    parameters, history = trained(10, Explosion(step))
    assert history.divergence
    if step == 8:  # the last of its epoch: the check at the end of that one sees it
        assert history.divergence.epoch == 4
    np.testing.assert_array_equal(parameters, expected if step < 9 else trained(4)[0])


# PyTorch at equal weights. Needs the extra ``oracles``.


def torch_network(network):
    """Return the same network in PyTorch, in its training mode."""
    torch = pytest.importorskip("torch", reason="needs the extra 'oracles'")
    modules = []
    for number, (W, b) in enumerate(
        zip(network.parameters.W, network.parameters.b, strict=True)
    ):
        affine = torch.nn.Linear(*W.shape, dtype=torch.float64)
        affine.weight.data, affine.bias.data = torch.tensor(W.T), torch.tensor(b)
        modules.append(affine)
        if number < len(network.norms):
            ours = network.norms[number]
            theirs = torch.nn.BatchNorm1d(W.shape[1], dtype=torch.float64)
            theirs.weight.data = torch.tensor(ours.gamma)
            theirs.bias.data = torch.tensor(ours.beta)
            theirs.running_mean[...] = torch.tensor(ours.mean)
            theirs.running_var[...] = torch.tensor(ours.var)
            modules += [theirs, torch.nn.Tanh()]
    return torch.nn.Sequential(*modules)


@pytest.mark.oracle
@seeds
def test_twenty_steps_equal_those_of_torch(seed):
    torch = pytest.importorskip("torch", reason="needs the extra 'oracles'")
    network, n_rows = make_normalizing(seed=seed), 9
    theirs, rng = torch_network(network), np.random.default_rng(seed)
    norms = [layer for layer in theirs if isinstance(layer, torch.nn.BatchNorm1d)]
    for norm in network.norms:
        norm.n_seen = n_rows / norm.momentum  # as if there had been many batches
        norm.var *= (n_rows - 1) / n_rows
    optimizer = torch.optim.SGD(theirs.parameters(), lr=0.1)
    start = network.parameters.vector.copy()
    for _ in range(20):
        X, y = rng.normal(size=(n_rows, 5)), rng.integers(3, size=n_rows)
        value, gradient = network.loss_and_gradient(X, y)
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(
            theirs(torch.tensor(X)), torch.tensor(y)
        )
        loss.backward()
        assert value == pytest.approx(loss.item(), rel=1e-8)
        affines = [layer for layer in theirs if isinstance(layer, torch.nn.Linear)]
        pairs = [
            *zip(network.gradient.W, (a.weight.grad.T for a in affines), strict=True),
            *zip(network.gradient.b, (a.bias.grad for a in affines), strict=True),
            *(
                (o.dgamma, t.weight.grad)
                for o, t in zip(network.norms, norms, strict=True)
            ),
            *(
                (o.dbeta, t.bias.grad)
                for o, t in zip(network.norms, norms, strict=True)
            ),
        ]
        for array, tensor in pairs:
            np.testing.assert_allclose(array, tensor, rtol=1e-7, atol=1e-10)
        network.parameters.vector[...] -= 0.1 * gradient
        optimizer.step()
    assert abs(network.parameters.vector - start).max() > 0.1
    for ours, norm in zip(network.norms, norms, strict=True):
        np.testing.assert_allclose(ours.mean, norm.running_mean, rtol=1e-8)
        # PyTorch divides by n - 1 here, and by n in the batches.
        var = norm.running_var.numpy() * (n_rows - 1) / n_rows
        np.testing.assert_allclose(ours.var, var, rtol=1e-8)
        norm.running_var[...] = torch.tensor(ours.var)
    theirs.eval()
    X, _ = make_batch(30)
    expected = theirs(torch.tensor(X)).detach()
    np.testing.assert_allclose(network.predict(X), expected, rtol=1e-8, atol=1e-10)
