"""Where weights are drawn, and nowhere else.

Signals keep their size from layer to layer when the variance of the weights fits the
width of the layer: ``2 / fan_in`` behind ReLU and its relatives, which let half of it
through (He et al. 2015, arXiv:1502.01852), ``1 / fan_in`` behind SELU (LeCun et al.
1998; Klambauer et al. 2017), ``2 / (fan_in + fan_out)`` behind tanh (Glorot and Bengio
2010).

No activation follows the output layer. A network that has to meet values with it starts
best near a constant prediction, with a tenth of these weights there: large predictions at
random have to be unlearnt first.
"""

import math
from collections.abc import Sequence

import numpy as np

from skmlp_scratch.nn.layers import per_layer
from skmlp_scratch.nn.parameters import Parameters

INITIALIZERS = ("he_normal", "he_uniform", "glorot_normal", "glorot_uniform")


def initialize(
    parameters: Parameters,
    scheme: str | float,
    rng: np.random.RandomState,
    activation: str | Sequence[str] = "relu",
    output_scale: float = 1.0,
) -> None:
    """Draw all weights in place, layer by layer, each layer's bias after its weights.

    Parameters
    ----------
    parameters : Parameters
        Filled in place.
    scheme : {'he_normal', 'he_uniform', 'glorot_normal', 'glorot_uniform'} or float
        Where the weights come from:

        - ``'he_normal'``: ``N(0, g / fan_in)``, ``g`` being 2, or 1 for SELU;
        - ``'he_uniform'``: ``U(-a, a)`` with ``a = sqrt(3 g / fan_in)``;
        - ``'glorot_normal'``: ``N(0, 2 / (fan_in + fan_out))``;
        - ``'glorot_uniform'``: ``U(-a, a)`` with ``a = sqrt(6 / (fan_in + fan_out))``,
          or ``sqrt(2 / (fan_in + fan_out))`` for the logistic activation, for the
          biases too: the draws of scikit-learn's ``MLPClassifier``;
        - a number: ``N(0, number ** 2)``.

        Biases are zero, save in ``'glorot_uniform'``.
    rng : RandomState
        The source of randomness.
    activation : str or sequence of str, default='relu'
        The activation of all hidden layers, or of each. The output layer is drawn like
        the last hidden one.
    output_scale : float, default=1.0
        What He's weights of the output layer are multiplied by; no others are.
    """
    if not isinstance(activation, str):
        activation = [*activation, *activation[-1:]] or "relu"
    names = per_layer(activation, len(parameters.W))
    for W, b, name in zip(parameters.W, parameters.b, names, strict=True):
        fan_in, fan_out = W.shape
        gain = 1 if name == "selu" else 2
        b[...] = 0
        if not isinstance(scheme, str):
            W[...] = scheme * rng.standard_normal(W.shape)
        elif scheme == "he_normal":
            W[...] = math.sqrt(gain / fan_in) * rng.standard_normal(W.shape)
        elif scheme == "he_uniform":
            bound = math.sqrt(3 * gain / fan_in)
            W[...] = rng.uniform(-bound, bound, W.shape)
        elif scheme == "glorot_normal":
            W[...] = math.sqrt(2 / (fan_in + fan_out)) * rng.standard_normal(W.shape)
        else:
            factor = 2 if name == "logistic" else 6
            bound = math.sqrt(factor / (fan_in + fan_out))
            W[...] = rng.uniform(-bound, bound, W.shape)
            b[...] = rng.uniform(-bound, bound, b.shape)
    if scheme in ("he_normal", "he_uniform"):
        parameters.W[-1] *= output_scale
