"""The network of the page "Draw a digit", as the site's build writes it."""

import importlib
import json

import numpy as np
import pytest
from helpers import ROOT

from skmlp_scratch.nn.classification_losses import softmax
from skmlp_scratch.nn.inference import predict_logits


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Return the network and the sentence about it, without MNIST on the disk."""
    folder = tmp_path_factory.mktemp("draw")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCIKIT_LEARN_DATA", str(folder))
        patch.syspath_prepend(ROOT / "docs" / "extensions")
        importlib.import_module("draw_network").write(folder / "new")
    script = (folder / "new" / "network.js").read_text("utf-8")
    assert len(script) < 300_000
    assert script.startswith("const NETWORK = ")
    network = json.loads(script.removeprefix("const NETWORK = ").rstrip(";\n"))
    return network, (folder / "new" / "about.txt").read_text("utf-8")


def test_shapes(written):
    network, _ = written
    pixels = network["preparation"]["size"] ** 2
    assert [np.shape(W) for W in network["W"]] == [(pixels, 40), (40, 10)]
    assert [np.shape(b) for b in network["b"]] == [(40,), (10,)]
    assert np.shape(network["examples"]) == (10, pixels)
    assert 0 <= np.min(network["examples"]) < np.max(network["examples"]) <= 1


def test_probabilities_are_those_of_the_weights(written):
    network, _ = written
    X, W, b = (
        [np.array(part) for part in network[key]] for key in ("examples", "W", "b")
    )
    p = softmax(predict_logits(np.array(X), W, b, "relu"))
    np.testing.assert_allclose(network["probabilities"], p, atol=1e-6)


def test_reads_the_digits_and_says_of_which_data(written):
    network, about = written
    assert network["data"] == "scikit-learn's digits"
    assert f"**{network['data']}**" in about
    accuracy = float(about.rpartition(" reads ")[2].partition("%")[0])
    assert accuracy > 96
    assert (np.argmax(network["probabilities"], axis=1) == range(10)).sum() >= 9
