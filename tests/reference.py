"""A multilayer perceptron in plain Python loops: slow, and hard to get wrong.

The equations of the book, one number at a time, with nothing shared with the package.
Tests compare the package with this. To learn from: ``softmax`` and
``softmax_cross_entropy``, then ``sgd``, ``adam`` and ``adamw``, each by itself, then
``loss_and_gradient``, which is backpropagation, and ``batch_norm``.
"""

import math

# Klambauer et al. 2017, equation 14.
SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772

ACTIVATIONS = {
    "identity": (lambda x: x, lambda x: 1.0),
    "relu": (lambda x: max(x, 0.0), lambda x: 1.0 if x > 0 else 0.0),
    "tanh": (math.tanh, lambda x: 1 - math.tanh(x) ** 2),
    "logistic": (
        lambda x: 1 / (1 + math.exp(-x)),
        lambda x: math.exp(-x) / (1 + math.exp(-x)) ** 2,
    ),
    "leaky_relu": (
        lambda x: x if x > 0 else 0.01 * x,
        lambda x: 1.0 if x > 0 else 0.01,
    ),
    "elu": (
        lambda x: x if x > 0 else math.exp(x) - 1,
        lambda x: 1.0 if x > 0 else math.exp(x),
    ),
    "selu": (
        lambda x: SELU_SCALE * (x if x > 0 else SELU_ALPHA * (math.exp(x) - 1)),
        lambda x: SELU_SCALE * (1.0 if x > 0 else SELU_ALPHA * math.exp(x)),
    ),
    "gelu": (
        lambda x: x * (1 + math.erf(x / math.sqrt(2))) / 2,
        lambda x: (
            (1 + math.erf(x / math.sqrt(2))) / 2
            + x * math.exp(-x * x / 2) / math.sqrt(2 * math.pi)
        ),
    ),
    "silu": (
        lambda x: x / (1 + math.exp(-x)),
        lambda x: (1 + math.exp(-x) + x * math.exp(-x)) / (1 + math.exp(-x)) ** 2,
    ),
    "softplus": (
        lambda x: math.log(1 + math.exp(x)),
        lambda x: 1 / (1 + math.exp(-x)),
    ),
}


def softmax(z):
    """Turn the logits of one row into probabilities: positive, with the sum 1."""
    largest = max(z)  # taken off, it changes nothing, and exp() cannot overflow
    exponentials = [math.exp(v - largest) for v in z]
    return [e / sum(exponentials) for e in exponentials]


def softmax_cross_entropy(z, target):
    """Return the loss of one row, and its derivative by each logit.

    The derivative is the prediction minus the truth: 1 for the target, 0 elsewhere.
    """
    p = softmax(z)
    truth = [1.0 if k == target else 0.0 for k in range(len(z))]
    return -math.log(p[target]), [q - t for q, t in zip(p, truth, strict=True)]


def sigmoid_cross_entropy(z, target):
    """Return the loss of one row, and its derivative by each logit."""
    p = [1 / (1 + math.exp(-v)) for v in z]
    loss = -sum(
        t * math.log(q) + (1 - t) * math.log(1 - q)
        for t, q in zip(target, p, strict=True)
    )
    return loss, [q - t for t, q in zip(target, p, strict=True)]


def squared_error(z, target):
    """Return the loss of one row, and its derivative by each logit."""
    return (
        sum((v - t) ** 2 for v, t in zip(z, target, strict=True)) / 2,
        [v - t for v, t in zip(z, target, strict=True)],
    )


def poisson(z, target):
    """Return the loss of one row, and its derivative by each logit."""
    predictions = [math.exp(v) for v in z]
    loss = sum(
        p - t + (t * math.log(t / p) if t > 0 else 0)
        for t, p in zip(target, predictions, strict=True)
    )
    return loss, [p - t for t, p in zip(target, predictions, strict=True)]


def absolute_error(predictions, target):
    """Return ``sum |z - t|``, and the sign of ``z - t``."""
    errors = [z - t for z, t in zip(predictions, target, strict=True)]
    return sum(map(abs, errors)), [math.copysign(1, e) for e in errors]


def pinball(predictions, target, q=0.5):
    """Return ``sum max(q (t - z), (1 - q) (z - t))``, and its derivative by ``z``."""
    errors = [z - t for z, t in zip(predictions, target, strict=True)]
    slopes = [1 - q if e > 0 else -q for e in errors]
    return sum(s * e for s, e in zip(slopes, errors, strict=True)), slopes


def gamma(logits, target):
    """Return half the Gamma deviance of ``exp(z)``, and its derivative by ``z``."""
    ratios = [t / math.exp(z) for z, t in zip(logits, target, strict=True)]
    return sum(r - 1 - math.log(r) for r in ratios), [1 - r for r in ratios]


LOSSES = {
    "absolute_error": absolute_error,
    "quantile": pinball,
    "gamma": gamma,
    "softmax_cross_entropy": softmax_cross_entropy,
    "sigmoid_cross_entropy": sigmoid_cross_entropy,
    "squared_error": squared_error,
    "poisson": poisson,
}


def affine(W, b, x):
    """Return ``x W + b`` for one row."""
    return [sum(x[i] * W[i][j] for i in range(len(x))) + b[j] for j in range(len(b))]


def batch_norm(x, dy, gamma, beta, weights=None, epsilon=1e-5):
    """Normalise one unit's inputs x over the rows of a batch, scale and shift them.

    Return the outputs y and, of a loss with the derivatives dy by these, those by
    every x, by gamma and by beta. Three ways lead from an x to the loss: its own y,
    the mean, and the variance (Ioffe and Szegedy 2015, section 3), which the mean does
    not change. Row weights stand for rows that are there several times.
    """
    weights = [1.0] * len(x) if weights is None else weights
    shares = [w / sum(weights) for w in weights]
    mean = sum(s * v for s, v in zip(shares, x, strict=True))
    var = sum(s * (v - mean) ** 2 for s, v in zip(shares, x, strict=True))
    std = math.sqrt(var + epsilon)
    y = [gamma * (v - mean) / std + beta for v in x]
    dmean = sum(-gamma / std * d for d in dy)
    dvar = sum(
        -gamma * (v - mean) / (2 * std**3) * d for v, d in zip(x, dy, strict=True)
    )
    dx = [
        gamma / std * d + s * dmean + 2 * s * (v - mean) * dvar
        for v, d, s in zip(x, dy, shares, strict=True)
    ]
    dgamma = sum((v - mean) / std * d for v, d in zip(x, dy, strict=True))
    return y, dx, dgamma, sum(dy)


def loss_and_gradient(W, b, X, targets, activation, loss, alpha=0.0, weights=None):
    """Return the objective, and its derivatives by every weight and bias.

    Row weights divide by their own sum, as if each row stood there that many times.
    """
    f, slope = ACTIVATIONS[activation]
    weights = [1.0] * len(X) if weights is None else weights
    normalizer = sum(weights)
    dW = [[[0.0] * len(row) for row in layer] for layer in W]
    db = [[0.0] * len(layer) for layer in b]
    objective = 0.0
    for row, target, weight in zip(X, targets, weights, strict=True):
        inputs, sums = [list(row)], []
        for layer in range(len(W)):
            sums.append(affine(W[layer], b[layer], inputs[-1]))
            inputs.append([f(v) for v in sums[-1]])
        value, delta = LOSSES[loss](sums[-1], target)
        objective += weight * value / normalizer
        delta = [weight * d / normalizer for d in delta]
        for layer in reversed(range(len(W))):
            for j, d in enumerate(delta):
                db[layer][j] += d
                for i, v in enumerate(inputs[layer]):
                    dW[layer][i][j] += v * d
            if layer > 0:
                delta = [
                    sum(W[layer][i][j] * delta[j] for j in range(len(delta)))
                    * slope(sums[layer - 1][i])
                    for i in range(len(W[layer]))
                ]
    for layer in range(len(W)):
        for i, row in enumerate(W[layer]):
            for j, w in enumerate(row):
                objective += alpha * w * w / 2 / normalizer
                dW[layer][i][j] += alpha * w / normalizer
    return objective, dW, db


# Optimizers: one step for one parameter p with the gradient g. What is remembered from
# step to step is returned, to be passed to the next one; it starts as zero.


def sgd(p, g, v, rate, momentum=0.9, nesterov=True):
    """Stochastic gradient descent: roll on with the velocity v of the steps before.

    Nesterov's momentum takes the velocity's next step at once (Sutskever et al. 2013).
    """
    v = momentum * v - rate * g
    p = p + (momentum * v - rate * g if nesterov else v)
    return p, v


def adam(p, g, m, v, t, rate, beta_1=0.9, beta_2=0.999, epsilon=1e-8):
    """Adam's step number t = 1, 2, ... (Kingma and Ba 2014, algorithm 1).

    m and v are moving averages of the gradient and of its square. They start at zero,
    and so are too small at first: m_hat and v_hat are not. The epsilon is that of the
    paper's quick form, at the end of its section 2, which scikit-learn has as well:
    there it is added to the root of v, not of v_hat.
    """
    m = beta_1 * m + (1 - beta_1) * g
    v = beta_2 * v + (1 - beta_2) * g * g
    m_hat = m / (1 - beta_1**t)
    v_hat = v / (1 - beta_2**t)
    epsilon_hat = epsilon / math.sqrt(1 - beta_2**t)
    return p - rate * m_hat / (math.sqrt(v_hat) + epsilon_hat), m, v


def adamw(p, g, m, v, t, rate, decay, is_weight, **settings):
    """Adam, after a weight has shrunk by a share (Loshchilov and Hutter 2019).

    The decay is no part of the gradient, so that m and v never see it. A bias keeps its
    size: it says where a unit starts, not how steeply it reacts.
    """
    if is_weight:
        p = p - rate * decay * p
    return adam(p, g, m, v, t, rate, **settings)
