"""Losses: the sources' numbers, derivatives, weights, extreme logits."""

import numpy as np
import pytest
import reference
from helpers import float_types, targets_for
from scipy.optimize import minimize

from skmlp_scratch.nn.classification_losses import log_softmax, softmax
from skmlp_scratch.nn.deviances import GammaDeviance, PoissonDeviance
from skmlp_scratch.nn.gradient_check import check_gradient
from skmlp_scratch.nn.losses import LOSSES
from skmlp_scratch.nn.regression_losses import (
    AbsoluteError,
    PinballLoss,
    SquaredError,
)

losses = pytest.mark.parametrize("name", sorted(LOSSES))
EXPONENTIAL = {n for n, loss in LOSSES.items() if loss.output_activation == "exp"}
WORKED_EXAMPLE = np.array(
    [
        [1, 3, 5, 7, 9, 1.5, 3.5, 5.5, 7.5, 9.5],
        [1] * 10,
        [-10, -8, -6, -4, -2, 0, 2, 4, 6, 8],
    ]
)


def make_logits_and_targets(name, seed, n_rows=6, n_outputs=4):
    rng = np.random.RandomState(seed)
    logits = 3 * rng.standard_normal((n_rows, n_outputs))
    return logits, targets_for(name, logits.shape, rng)


def test_worked_example_of_softmax_with_loss():
    # Source: the notes on Affine and Softmax-with-Loss, normalized row by row.
    loss = LOSSES["softmax_cross_entropy"]()
    targets = np.array([7, 4, 9])
    mean, gradient = loss.loss_and_gradient(WORKED_EXAMPLE, targets)
    assert mean == pytest.approx(2.35581453, abs=5e-9)
    np.testing.assert_allclose(
        gradient[[0, 1, 2], targets], [-0.3300, -0.3000, -0.0451], atol=5e-5
    )
    for row, expected in enumerate([4.61944504, 2.30258509, 0.14541346]):
        value, _ = loss.loss_and_gradient(WORKED_EXAMPLE[[row]], targets[[row]])
        assert value == pytest.approx(expected, abs=5e-9)


def test_sum_of_squared_errors():
    # Source: the notes on the two-layer network, 1/2 sum (y - t)^2.
    y = np.array([[0.1, 0.05, 0.6, 0, 0.05, 0.1, 0, 0.1, 0, 0]])
    t = np.eye(10)[[2]]
    value, gradient = SquaredError().loss_and_gradient(y, t)
    assert value == pytest.approx(0.0975)
    np.testing.assert_allclose(gradient, y - t)


@pytest.mark.parametrize("name", sorted(reference.LOSSES))
@pytest.mark.parametrize("weighted", [False, True])
def test_loss_and_gradient_equal_the_plain_formula(name, weighted):
    logits, targets = make_logits_and_targets(name, 1)
    weights = np.random.default_rng(1).uniform(0, 3, 6) if weighted else np.ones(6)
    value, gradient = LOSSES[name]().loss_and_gradient(
        logits, targets, weights if weighted else None
    )
    rows = zip(logits.tolist(), targets.tolist(), strict=True)
    losses, derivatives = zip(
        *(reference.LOSSES[name](*row) for row in rows), strict=True
    )
    assert value == pytest.approx(weights @ losses / 6, rel=1e-12)
    expected = weights[:, np.newaxis] * np.array(derivatives) / 6
    np.testing.assert_allclose(gradient, expected, rtol=1e-10, atol=1e-14)


def test_softmax_equals_the_plain_formula():
    logits, _ = make_logits_and_targets("softmax_cross_entropy", 2)
    expected = [reference.softmax(row) for row in logits.tolist()]
    np.testing.assert_allclose(softmax(logits), expected, rtol=1e-13)


@pytest.mark.parametrize(
    "name",
    ["poisson", "sigmoid_cross_entropy", "softmax_cross_entropy", "squared_error"],
)
def test_gradient_is_prediction_minus_target(name):
    # Source: the notes on activation layers: the same for all pairs, by design.
    logits, targets = make_logits_and_targets(name, 0)
    loss = LOSSES[name]()
    _, gradient = loss.loss_and_gradient(logits, targets, normalizer=1)
    onehot = np.eye(4)[targets] if targets.ndim == 1 else targets
    np.testing.assert_allclose(gradient, loss.output(logits) - onehot, atol=1e-15)


@losses
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_gradient_agrees_with_finite_differences(name, weighted, seed):
    logits, targets = make_logits_and_targets(name, seed)
    weights = np.random.default_rng(seed).uniform(0, 3, 6) if weighted else None
    loss = LOSSES[name]()
    check_gradient(
        lambda z: loss.loss_and_gradient(z, targets, weights, normalizer=2.5), logits
    )


@losses
@pytest.mark.parametrize("seed", [0, 1])
def test_integer_weights_equal_repeated_rows(name, seed):
    logits, targets = make_logits_and_targets(name, seed)
    repeats = np.array([1, 3, 0, 2, 1, 4])
    loss = LOSSES[name]()
    weighted, dweighted = loss.loss_and_gradient(
        logits, targets, repeats.astype(float), normalizer=repeats.sum()
    )
    repeated, drepeated = loss.loss_and_gradient(
        logits.repeat(repeats, axis=0), targets.repeat(repeats, axis=0)
    )
    assert weighted == pytest.approx(repeated, rel=1e-12)
    starts = np.cumsum(repeats) - repeats
    for row in np.flatnonzero(repeats):
        np.testing.assert_allclose(
            dweighted[row], repeats[row] * drepeated[starts[row]], rtol=1e-12
        )
    assert not dweighted[2].any()


@pytest.mark.parametrize("name", sorted(LOSSES.keys() - EXPONENTIAL))
def test_extreme_logits_stay_finite(name):
    logits, targets = make_logits_and_targets(name, 3)
    value, gradient = LOSSES[name]().loss_and_gradient(1e5 * logits, targets)
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("label_smoothing", [0.0, 0.2])
@float_types
@pytest.mark.parametrize("lead", [0.1, 20, 50, 59, 61, 87, 90, 200, 1e4])
def test_softmax_loss_of_a_row_that_is_far_off(lead, dtype, label_smoothing):
    # In float32, exp overflows beyond 88.7 and loses digits below -87.3.
    logits = np.array(
        [[lead, 0, 1], [1, 2, 3], [-lead, 0, -2 * lead], [0.3, 0.1, -lead]], dtype
    )
    targets = np.array([1, 1, 0, 2])
    loss = LOSSES["softmax_cross_entropy"](label_smoothing=label_smoothing)
    value, gradient = loss.loss_and_gradient(logits, targets, normalizer=1)
    assert gradient.dtype == dtype
    q = (1 - label_smoothing) * np.eye(3)[targets] + label_smoothing / 3
    expected = -(q * log_softmax(logits.astype(np.float64))).sum()
    eps = float(np.finfo(dtype).eps)
    tolerance = 16 * eps  # what is shifted by up to 60 is off by up to 16 eps
    assert value == pytest.approx(expected, rel=4 * eps)
    np.testing.assert_allclose(
        gradient, softmax(logits.astype(np.float64)) - q, rtol=0, atol=tolerance
    )
    # The rows may come in any order: each of them is looked at.
    _, backwards = loss.loss_and_gradient(logits[::-1], targets[::-1], normalizer=1)
    np.testing.assert_allclose(backwards[::-1], gradient, rtol=0, atol=tolerance)
    # A row's own gradient does not depend on the others.
    for row in range(4):
        _, alone = loss.loss_and_gradient(logits[[row]], targets[[row]])
        np.testing.assert_allclose(gradient[[row]], alone, rtol=0, atol=tolerance)
    weights = np.array([1, 2, 0, 4], dtype)
    _, weighted = loss.loss_and_gradient(logits, targets, weights, 1, out=logits)
    assert weighted is logits
    expected = gradient * weights[:, np.newaxis]
    np.testing.assert_allclose(weighted, expected, rtol=0, atol=4 * tolerance)


def test_extreme_poisson_predictions_overflow_and_vanish():
    # exp(z) is the prediction itself: no other way of computing it would help.
    loss, targets = PoissonDeviance(), np.array([[2.0]])
    with np.errstate(over="ignore"):
        value, gradient = loss.loss_and_gradient(np.array([[1e5]]), targets)
    assert value == gradient[0, 0] == np.inf
    value, gradient = loss.loss_and_gradient(np.array([[-1e5]]), targets)
    assert value == pytest.approx(2 * np.log(2) - 2 + 2e5)
    assert gradient[0, 0] == -2


def test_poisson_loss_is_half_the_deviance():
    from sklearn.metrics import mean_poisson_deviance

    rng = np.random.default_rng(0)
    logits, targets = rng.normal(size=(20, 1)), rng.poisson(1, (20, 1)).astype(float)
    weights = rng.uniform(size=20)
    value, _ = PoissonDeviance().loss_and_gradient(
        logits, targets, weights, weights.sum()
    )
    deviance = mean_poisson_deviance(targets, np.exp(logits), sample_weight=weights)
    assert value == pytest.approx(deviance / 2, rel=1e-12)
    # It is zero for a prediction that is right.
    right, _ = PoissonDeviance().loss_and_gradient(np.log([[3.0]]), np.array([[3.0]]))
    assert right == pytest.approx(0, abs=1e-12)


def test_extreme_gamma_predictions_overflow_and_vanish():
    loss, targets = GammaDeviance(), np.array([[2.0]])
    value, gradient = loss.loss_and_gradient(np.array([[1e5]]), targets)
    assert value == pytest.approx(1e5 - np.log(2) - 1)
    assert gradient[0, 0] == 1
    with np.errstate(over="ignore"):
        value, gradient = loss.loss_and_gradient(np.array([[-1e5]]), targets)
    assert value == -gradient[0, 0] == np.inf


# Against scikit-learn's metrics


def assert_equals_metric(loss, metric, targets, *, weighted, factor=1, **options):
    """Compare the loss of normal logits with a metric of scikit-learn's."""
    rng = np.random.default_rng(1)
    logits = rng.normal(size=targets.shape)
    weights = rng.uniform(size=len(targets)) if weighted else None
    normalizer = weights.sum() if weighted else None
    value, _ = loss.loss_and_gradient(logits, targets, weights, normalizer)
    expected = metric(targets, loss.output(logits), sample_weight=weights, **options)
    assert value == pytest.approx(factor * expected, rel=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_outputs", [1, 3])
def test_absolute_error_is_that_of_scikit_learn(n_outputs, weighted):
    from sklearn.metrics import mean_absolute_error

    targets = np.random.default_rng(0).normal(size=(20, n_outputs))
    assert_equals_metric(
        AbsoluteError(),
        mean_absolute_error,
        targets,
        weighted=weighted,
        factor=n_outputs,  # the metric is the mean over the outputs
    )


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("quantile", [0.05, 0.5, 0.9])
def test_pinball_loss_is_that_of_scikit_learn(quantile, n_outputs, weighted):
    from sklearn.metrics import mean_pinball_loss

    targets = np.random.default_rng(0).normal(size=(20, n_outputs))
    assert_equals_metric(
        PinballLoss(quantile),
        mean_pinball_loss,
        targets,
        weighted=weighted,
        factor=n_outputs,
        alpha=quantile,
    )


@pytest.mark.parametrize("weighted", [False, True])
def test_gamma_loss_is_half_the_deviance(weighted):
    from sklearn.metrics import mean_gamma_deviance

    targets = np.random.default_rng(0).gamma(2, size=(20, 1))
    assert_equals_metric(
        GammaDeviance(), mean_gamma_deviance, targets, weighted=weighted, factor=0.5
    )
    # It is zero for a prediction that is right.
    right, _ = GammaDeviance().loss_and_gradient(np.log([[3.0]]), np.array([[3.0]]))
    assert right == pytest.approx(0, abs=1e-12)


def test_the_pinball_loss_of_the_median_is_half_the_absolute_error():
    logits, targets = make_logits_and_targets("absolute_error", 0)
    value, gradient = AbsoluteError().loss_and_gradient(logits, targets)
    half, half_gradient = PinballLoss(0.5).loss_and_gradient(logits, targets)
    assert half == pytest.approx(value / 2, rel=1e-14)
    np.testing.assert_allclose(half_gradient, gradient / 2, rtol=1e-14)


@pytest.mark.parametrize("loss", [AbsoluteError(), PinballLoss(0.2)])
def test_there_is_no_slope_where_the_prediction_is_right(loss):
    value, gradient = loss.loss_and_gradient(np.ones((3, 2)), np.ones((3, 2)))
    assert value == 0
    np.testing.assert_array_equal(gradient, 0)


# Several quantiles

QUANTILES = [0.1, 0.5, 0.9]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_gradient_of_several_quantiles_agrees_with_finite_differences(weighted, seed):
    rng = np.random.default_rng(seed)
    logits, targets = rng.standard_normal((6, 3)), rng.standard_normal((6, 1))
    weights = rng.uniform(0, 3, 6) if weighted else None
    loss = PinballLoss(QUANTILES)
    check_gradient(
        lambda z: loss.loss_and_gradient(z, targets, weights, normalizer=2.5), logits
    )


@float_types
def test_several_quantiles_are_one_loss_each(dtype):
    rng = np.random.default_rng(0)
    logits, targets = (rng.standard_normal((6, n)).astype(dtype) for n in (3, 1))
    value, gradient = PinballLoss(QUANTILES).loss_and_gradient(logits, targets)
    assert gradient.dtype == dtype
    values, gradients = zip(
        *(
            PinballLoss(q).loss_and_gradient(logits[:, [k]], targets)
            for k, q in enumerate(QUANTILES)
        ),
        strict=True,
    )
    assert value == pytest.approx(sum(values), rel=10 * float(np.finfo(dtype).eps))
    np.testing.assert_array_equal(gradient, np.hstack(gradients))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_rows", [1, 2, 39, 40])
def test_the_best_constants_are_the_quantiles(n_rows, weighted):
    rng = np.random.default_rng(n_rows)
    targets = rng.standard_normal((n_rows, 1))
    weights = rng.integers(0, 4, n_rows) + (n_rows == 1) if weighted else None
    loss = PinballLoss(QUANTILES)
    repeats = 1 if weights is None else weights
    expected = np.quantile(targets.repeat(repeats), QUANTILES, method="inverted_cdf")
    np.testing.assert_array_equal(loss.constant(targets, weights), expected)
    np.testing.assert_array_equal(loss.start(targets, weights), expected)
    # As good as the best of the targets, where the minimum must be.
    all_losses = [
        np.average(
            np.maximum(q * (targets - z), (q - 1) * (targets - z)).ravel(),
            weights=weights,
        )
        for q in QUANTILES
        for z in targets.ravel()
    ]
    least = np.reshape(all_losses, (3, n_rows)).min(axis=1).sum()
    assert loss.constant_loss(targets, weights) == pytest.approx(least, rel=1e-12)


def test_quantiles_of_many_rows_do_not_suffer_from_the_type_of_the_weights():
    n = 300_000
    targets = np.linspace(0, 1, n)[:, np.newaxis]
    weights = np.full(n, 0.1, np.float32)
    np.testing.assert_allclose(
        PinballLoss(QUANTILES).constant(targets, weights), QUANTILES, atol=2 / n
    )


def test_several_quantiles_do_not_cross():
    logits = np.random.default_rng(0).standard_normal((20, 3))
    before = logits.copy()
    loss = PinballLoss(QUANTILES)
    predictions = loss.output(logits)
    np.testing.assert_array_equal(predictions, np.sort(before, axis=1))
    np.testing.assert_array_equal(logits, before)
    targets = np.zeros((20, 1))
    np.testing.assert_array_equal(loss.errors(logits, targets), predictions)
    # Outputs of one quantile are not quantiles of one another.
    np.testing.assert_array_equal(PinballLoss(0.3).output(logits), before)


# The best constant prediction


@losses
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_constant_loss_is_the_least_that_a_constant_reaches(name, weighted, seed):
    _, targets = make_logits_and_targets(name, seed, n_rows=40)
    weights = np.random.default_rng(seed).uniform(0, 3, 40) if weighted else None
    normalizer = weights.sum() if weighted else 40
    loss = LOSSES[name]()

    def mean_loss(constant):
        logits = np.tile(constant, (40, 1))
        return loss.loss_and_gradient(logits, targets, weights, normalizer)[0]

    # Without derivatives: some losses have kinks just there.
    found = minimize(mean_loss, np.zeros(4), method="Powell", tol=1e-12)
    assert loss.constant_loss(targets, weights) == pytest.approx(found.fun, rel=1e-9)


@losses
def test_constant_loss_with_integer_weights_is_that_of_repeated_rows(name):
    _, targets = make_logits_and_targets(name, 5)
    repeats = np.array([1, 3, 0, 2, 1, 4])
    loss = LOSSES[name]()
    assert loss.constant_loss(targets, repeats) == pytest.approx(
        loss.constant_loss(targets.repeat(repeats, axis=0)), rel=1e-12
    )


@losses
def test_constant_loss_is_zero_where_all_targets_are_equal(name):
    _, targets = make_logits_and_targets(name, 6)
    equal = np.repeat(targets[:1], 5, axis=0)
    assert LOSSES[name]().constant_loss(equal) == pytest.approx(0, abs=1e-12)


@losses
def test_in_place_equals_out_of_place(name):
    logits, targets = make_logits_and_targets(name, 4)
    before = logits.copy()
    value, gradient = LOSSES[name]().loss_and_gradient(logits, targets)
    np.testing.assert_array_equal(logits, before)
    same_value, same = LOSSES[name]().loss_and_gradient(logits, targets, out=logits)
    assert same is logits
    assert same_value == value
    np.testing.assert_array_equal(same, gradient)


def test_softmax_rows_sum_to_one_and_ignore_a_shift():
    logits = np.array([[1e4, 1e4 + 1, 0.0], [-1e4, 0, 3]])
    np.testing.assert_allclose(softmax(logits).sum(axis=1), 1, rtol=1e-15)
    np.testing.assert_allclose(softmax(logits), softmax(logits - 7), rtol=1e-12)


def test_log_softmax_is_finite_where_softmax_is_zero():
    logits = np.array([[0.0, 5000.0, 1.0]])
    assert softmax(logits)[0, 0] == 0
    np.testing.assert_allclose(log_softmax(logits), [[-5000, 0, -4999]], rtol=1e-12)
    mild = np.array([[0.0, 2.0, 1.0]])
    np.testing.assert_allclose(log_softmax(mild), np.log(softmax(mild)), rtol=1e-14)


@pytest.mark.parametrize("name", ["softmax_cross_entropy", "sigmoid_cross_entropy"])
@pytest.mark.parametrize("smoothing", [0.1, 0.5])
def test_constant_loss_with_smoothing_is_the_least_that_a_constant_reaches(
    name, smoothing
):
    loss = LOSSES[name](smoothing)
    _, targets = make_logits_and_targets(name, seed=0, n_rows=30)
    if name == "softmax_cross_entropy":
        targets %= 3  # the last of the four classes has no row

    def value(constant):
        logits = np.tile(constant, (len(targets), 1))
        return loss.loss_and_gradient(logits, targets)[0]

    found = minimize(value, np.zeros(4), tol=1e-12)
    assert loss.constant_loss(targets, None, 4) == pytest.approx(found.fun, rel=1e-9)


@pytest.mark.parametrize("name", ["softmax_cross_entropy", "sigmoid_cross_entropy"])
@pytest.mark.parametrize("weighted", [False, True])
def test_smoothed_gradient_agrees_with_finite_differences(name, weighted):
    logits, targets = make_logits_and_targets(name, seed=1)
    weights = np.random.default_rng(0).uniform(0.5, 2, size=6) if weighted else None
    loss = LOSSES[name](0.3)
    check_gradient(lambda z: loss.loss_and_gradient(z, targets, weights, 4.2), logits)
