"""Prediction: the numbers of the training forward, in bounded memory."""

import numpy as np
import pytest
import reference
import scipy.sparse
from helpers import UNITS, every_network, float_types, make_batch, make_network

from skmlp_scratch.nn.inference import layer_outputs, predict_logits


@every_network
@float_types
@pytest.mark.parametrize("units", UNITS, ids=str)
def test_training_forward_equals_prediction(
    make_problem, units, activation, loss, dtype
):
    network, X, _ = make_problem(units, activation, loss, 2, n_rows=11, dtype=dtype)
    logits = network.forward(X)
    parameters = network.parameters
    for block_rows in (1, 4, 11, 100):
        predicted = predict_logits(
            X, parameters.W, parameters.b, activation, block_rows=block_rows
        )
        assert predicted.dtype == dtype
        np.testing.assert_allclose(
            predicted, logits, rtol=100 * np.finfo(dtype).eps, atol=1e-6
        )


@every_network
@pytest.mark.parametrize("units", UNITS, ids=str)
@float_types
def test_sparse_rows_equal_dense_ones(make_problem, units, activation, loss, dtype):
    network, X, _ = make_problem(units, activation, loss, 3, n_rows=11, dtype=dtype)
    X *= abs(X) > 0.7
    close = {"rtol": 1e-4 if dtype == np.float32 else 1e-12, "atol": 1e-6}
    sparse = scipy.sparse.csr_matrix(X)
    W, b = network.parameters.W, network.parameters.b
    rows = np.array([7, 0, 3, 3])
    for chosen, block_rows in ((None, 2000), (None, 4), (rows, 3)):
        expected = predict_logits(X, W, b, activation, chosen, block_rows)
        logits = predict_logits(sparse, W, b, activation, chosen, block_rows)
        assert type(logits) is np.ndarray
        assert logits.dtype == dtype
        np.testing.assert_allclose(logits, expected, **close)
    for output, expected in zip(
        layer_outputs(sparse, W, b, activation),
        layer_outputs(X, W, b, activation),
        strict=True,
    ):
        assert type(output) is np.ndarray
        np.testing.assert_allclose(output, expected, **close)


@pytest.mark.parametrize("activation", sorted(reference.ACTIVATIONS))
@pytest.mark.parametrize("units", UNITS, ids=str)
def test_layer_outputs_equal_plain_loops(make_problem, units, activation):
    network, X, _ = make_problem(units, activation, "squared_error", 5)
    W, b = network.parameters.W, network.parameters.b
    outputs = layer_outputs(X, W, b, activation)
    assert [output.shape for output in outputs] == [(7, n) for n in units[1:]]
    f, _ = reference.ACTIVATIONS[activation]
    inputs = X.tolist()
    for number, output in enumerate(outputs):
        layer = W[number].tolist(), b[number].tolist()
        inputs = [reference.affine(*layer, row) for row in inputs]
        if number < len(outputs) - 1:
            inputs = [[f(v) for v in row] for row in inputs]
        np.testing.assert_allclose(output, inputs, rtol=1e-10, atol=1e-13)


@every_network
@pytest.mark.parametrize("units", UNITS, ids=str)
def test_the_last_of_the_layer_outputs_are_the_logits(
    make_problem, units, activation, loss
):
    network, X, _ = make_problem(units, activation, loss, 2)
    before, parameters = X.copy(), network.parameters
    outputs = layer_outputs(X, parameters.W, parameters.b, activation)
    np.testing.assert_allclose(outputs[-1], network.predict(X), rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(X, before)
    for k, one in enumerate(outputs):
        assert not np.shares_memory(one, X)
        assert not any(np.shares_memory(one, other) for other in outputs[:k])


def test_each_layer_may_have_an_activation_of_its_own():
    network, (X, _) = make_network(("tanh", "relu")), make_batch()
    parameters = network.parameters
    arguments = parameters.W, parameters.b, ("tanh", "relu")
    first, second, logits = layer_outputs(X, *arguments)
    np.testing.assert_allclose(
        first, np.tanh(X @ parameters.W[0] + parameters.b[0]), rtol=1e-12
    )
    rectified = np.maximum(first @ parameters.W[1] + parameters.b[1], 0)
    np.testing.assert_allclose(second, rectified, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(logits, network.forward(X), rtol=1e-12)
    np.testing.assert_allclose(predict_logits(X, *arguments), logits, rtol=1e-12)


@pytest.mark.parametrize("given", [bool, np.uint8, np.float64])
@float_types
def test_rows_are_cast_to_the_type_of_the_weights(given, dtype):
    network = make_network(dtype=dtype)
    parameters = network.parameters
    X = np.random.default_rng(0).integers(2, size=(9, 5)).astype(given)
    arguments = parameters.W, parameters.b, "tanh"
    expected = predict_logits(X.astype(dtype), *arguments)
    logits = predict_logits(X, *arguments)
    assert logits.dtype == dtype
    np.testing.assert_array_equal(logits, expected)
    assert layer_outputs(X, *arguments)[0].dtype == dtype


def test_predictions_of_the_network_are_those_of_what_is_folded():
    network, (X, y) = make_network(batch_norm=True), make_batch(30)
    for _ in range(3):  # let the running averages move
        network.loss_and_gradient(X, y)
    logits = network.predict(X)
    np.testing.assert_array_equal(
        logits, predict_logits(X, *network.folded(), network.activation)
    )
    rows = np.array([4, 4, 0])
    np.testing.assert_allclose(network.predict(X, rows), logits[rows], rtol=1e-12)
    # By hand: normalised by the running averages.
    parameters, Y = network.parameters, X
    for number, norm in enumerate(network.norms):
        Y = Y @ parameters.W[number] + parameters.b[number]
        Y = (Y - norm.mean) / np.sqrt(norm.var + norm.epsilon)
        Y = np.tanh(norm.gamma * Y + norm.beta)
    expected = Y @ parameters.W[-1] + parameters.b[-1]
    np.testing.assert_allclose(logits, expected, rtol=1e-10, atol=1e-12)


def test_no_rows_have_no_logits():
    network, (X, _) = make_network(), make_batch()
    assert network.predict(X[:0]).shape == (0, 3)
    assert network.predict(X, np.array([], int)).shape == (0, 3)
