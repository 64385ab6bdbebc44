"""The displays draw what the fits and logs hold, where they are told to."""

import subprocess
import sys

import numpy as np
import pytest
from helpers import SKLEARN, ignore_convergence, quick, scaled_iris, warnings_as
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_digits
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmlp_scratch import (
    AccuracyCurveDisplay,
    LossCurveDisplay,
    ScratchMLPClassifier,
    ScratchMLPRegressor,
    WeightsDisplay,
)
from skmlp_scratch.displays.weights import usefulness_of_units

matplotlib = pytest.importorskip("matplotlib", reason="displays draw with matplotlib")
matplotlib.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.figure import Figure


@pytest.fixture(autouse=True)
def no_open_figures():
    """Close what a test has opened."""
    yield
    plt.close("all")


@pytest.fixture
def ax():
    """Axes of a figure that pyplot knows nothing of."""
    return Figure().subplots()


def in_legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def fitted_net(estimator_class=ScratchMLPClassifier, **parameters):
    X, y = scaled_iris()
    with warnings_as("ignore"):
        return quick(estimator_class, max_iter=20, **parameters).fit(X, y)


# Loss curves


@pytest.mark.parametrize("monitor", ["score", "loss"])
@pytest.mark.parametrize("estimator_class", [ScratchMLPClassifier, ScratchMLPRegressor])
def test_curves_are_the_fitted_attributes(estimator_class, monitor):
    net = fitted_net(estimator_class, early_stopping=True, monitor=monitor)
    display = LossCurveDisplay.from_estimator(net)
    drawn = {
        "loss_curve": net.loss_curve_,
        "validation_loss_curve": net.validation_loss_curve_,
        "validation_scores": net.validation_scores_,
    }
    assert display.lines_.keys() == drawn.keys()
    for name, values in drawn.items():
        line = display.lines_[name]
        np.testing.assert_array_equal(line.get_xdata(), np.arange(1, net.n_iter_ + 1))
        np.testing.assert_array_equal(line.get_ydata(), values)
    assert [*display.axes_] == ["loss", "score"]
    assert display.lines_["validation_loss_curve"].axes is display.ax_
    assert display.lines_["validation_scores"].axes is display.axes_["score"]
    assert display.figure_ is display.ax_.figure


def test_best_epoch_is_marked_in_all_axes():
    net = fitted_net(early_stopping=True, learning_rate_init=0.05)
    net.learning_rate_curve_ = [0.05] * 10 + [0.01] * (net.n_iter_ - 10)
    assert 1 < net.best_iter_ < net.n_iter_
    display = LossCurveDisplay.from_estimator(net)
    assert len(display.best_iter_lines_) == 3
    for line, ax in zip(display.best_iter_lines_, display.axes_.values(), strict=True):
        assert line.axes is ax
        assert list(line.get_xdata()) == [net.best_iter_] * 2
    assert f"best epoch: {net.best_iter_}" in in_legend(display.ax_)


@pytest.mark.parametrize(
    ("rates", "drawn"),
    [
        (None, False),
        ([0.1] * 20, False),
        ([np.nan] * 10 + [0.1] * 10, False),
        ([0.1] * 19 + [0.02], True),
    ],
)
def test_learning_rate_is_drawn_if_it_varies(rates, drawn):
    net = fitted_net()
    net.learning_rate_curve_ = rates
    display = LossCurveDisplay.from_estimator(net)
    assert ("learning_rate" in display.axes_) == drawn
    assert ("learning_rate_curve" in display.lines_) == drawn
    if drawn:
        assert list(display.lines_["learning_rate_curve"].get_ydata()) == rates


def test_curves_may_be_arrays():
    values = np.array([0.3, 0.2])
    names = ["validation_loss_curve", "validation_scores", "learning_rate_curve"]
    display = LossCurveDisplay(loss_curve=values, **dict.fromkeys(names, values))
    assert display.plot().lines_.keys() == {"loss_curve", *names}


@ignore_convergence
@pytest.mark.parametrize(
    "wrap",
    [
        lambda net: make_pipeline(StandardScaler(), net),
        lambda net: GridSearchCV(net, {"alpha": [0.1, 1]}, cv=2),
        lambda net: GridSearchCV(
            make_pipeline("passthrough", net), {"memory": [None]}, cv=2
        ),
    ],
    ids=["pipeline", "search", "search of pipeline"],
)
def test_the_network_inside_is_found(wrap):
    model = wrap(quick()).fit(*scaled_iris())
    inner = getattr(model, "best_estimator_", model)
    net = inner[-1] if hasattr(inner, "steps") else inner
    display = LossCurveDisplay.from_estimator(model)
    assert list(display.lines_["loss_curve"].get_ydata()) == net.loss_curve_
    weights = WeightsDisplay.from_estimator(model, n_units=None)
    assert sorted(weights.units) == list(range(8))


@ignore_convergence
def test_the_network_of_a_transformed_target_is_found():
    pipeline = make_pipeline(StandardScaler(), quick(ScratchMLPRegressor))
    model = TransformedTargetRegressor(pipeline, transformer=StandardScaler())
    display = LossCurveDisplay.from_estimator(model.fit(*scaled_iris()))
    curve = model.regressor_[-1].loss_curve_
    assert list(display.lines_["loss_curve"].get_ydata()) == curve


@ignore_convergence
@pytest.mark.parametrize("estimator_class", [MLPClassifier, MLPRegressor])
def test_networks_of_scikit_learn(estimator_class):
    X, y = scaled_iris()
    net = estimator_class(
        hidden_layer_sizes=8,
        early_stopping=True,
        learning_rate_init=0.02,
        random_state=0,
    ).fit(X, y)
    display = LossCurveDisplay.from_estimator(net)
    assert list(display.lines_["loss_curve"].get_ydata()) == net.loss_curve_
    assert list(display.lines_["validation_scores"].get_ydata()) == (
        net.validation_scores_
    )
    assert net.validation_scores_[display.best_iter - 1] == net.best_validation_score_
    plain = LossCurveDisplay.from_estimator(estimator_class(max_iter=3).fit(X, y))
    assert plain.best_iter_lines_ == []
    assert [*plain.axes_] == ["loss"]


def test_two_networks_in_one_picture_differ_without_colour():
    ours = fitted_net(early_stopping=True)
    other = fitted_net(early_stopping=True, random_state=1)
    first = LossCurveDisplay.from_estimator(ours, name="ours")
    n_figures = len(plt.get_fignums())
    second = LossCurveDisplay.from_estimator(other, name="other", ax=first.axes_)
    assert len(plt.get_fignums()) == n_figures
    assert second.axes_ == first.axes_
    labels = in_legend(first.ax_)
    assert labels[:2] == ["ours, training", "ours, validation"]
    assert labels[3:5] == ["other, training", "other, validation"]
    assert f"other, best epoch: {other.best_iter_}" in labels
    lines = first.ax_.lines
    assert len({(line.get_linestyle(), line.get_marker()) for line in lines[:2]}) == 2
    seen = {
        (d.lines_[n].get_linestyle(), d.lines_[n].get_marker())
        for d in (first, second)
        for n in ("loss_curve", "validation_loss_curve")
    }
    assert len(seen) == 4
    # One network, one colour.
    assert len({line.get_color() for line in second.lines_.values()}) == 1
    assert first.lines_["loss_curve"].get_color() != (
        second.lines_["loss_curve"].get_color()
    )


def test_a_single_axes_gets_the_losses_and_pyplot_is_left_alone(ax):
    display = LossCurveDisplay.from_estimator(fitted_net(early_stopping=True), ax=ax)
    assert display.ax_ is ax
    assert display.figure_ is ax.figure
    assert display.axes_ == {"loss": ax}
    assert display.lines_.keys() == {"loss_curve", "validation_loss_curve"}
    assert plt.get_fignums() == []


def test_a_dict_of_axes_must_have_one_for_the_loss(ax):
    with pytest.raises(ValueError, match=r"ax must have axes for 'loss', got.*score"):
        LossCurveDisplay.from_estimator(fitted_net(), ax={"score": ax})


def test_axes_must_be_axes():
    net, axes = fitted_net(), Figure().subplots(2)
    displays = [
        LossCurveDisplay.from_estimator(net),
        WeightsDisplay.from_estimator(net),
        AccuracyCurveDisplay(scores={"accuracy": [{1: 0.5, 2: 0.6}]}),
    ]
    for display in displays:
        with pytest.raises(TypeError, match=r"ax must be .*got ndarray.*ax=axes\[0\]"):
            display.plot(axes)
        display.plot(axes[0])
    with pytest.raises(TypeError, match="got Figure"):
        displays[0].plot({"loss": axes[0].figure})


def test_styling_of_loss_curves(ax):
    display = LossCurveDisplay.from_estimator(
        fitted_net(early_stopping=True),
        ax=ax,
        log_scale=True,
        line_kw={"lw": 3, "c": "black"},
    )
    assert ax.get_yscale() == "log"
    ax.figure.draw_without_rendering()
    for line in display.lines_.values():
        assert (line.get_linewidth(), line.get_color()) == (3, "black")
    assert display.plot(Figure().subplots(), name="net").ax_.get_yscale() == "linear"
    assert in_legend(display.ax_)[0] == "net, training"


@ignore_convergence
def test_epochs_without_validation_are_a_gap():
    X, y = scaled_iris()
    net = quick(warm_start=True).fit(X, y)
    net.set_params(early_stopping=True).fit(X, y)
    display = LossCurveDisplay.from_estimator(net)
    scores = display.lines_["validation_scores"]
    np.testing.assert_array_equal(
        np.isnan(scores.get_ydata()), [True] * 5 + [False] * 5
    )
    assert list(scores.get_xdata()) == list(range(1, 11))
    display.figure_.draw_without_rendering()


def test_a_single_call_of_partial_fit_is_a_point():
    X, y = scaled_iris()
    net = quick().partial_fit(X, y, classes=[0, 1, 2])
    display = LossCurveDisplay.from_estimator(net)
    assert display.lines_["loss_curve"].get_marker() == "o"
    assert list(display.lines_["loss_curve"].get_xdata()) == [1]
    display.figure_.draw_without_rendering()


def test_lbfgs_has_iterations(ax):
    display = LossCurveDisplay.from_estimator(fitted_net(solver="lbfgs"), ax=ax)
    assert ax.get_xlabel() == "iteration"
    assert in_legend(ax)[-1] == f"best iteration: {display.best_iter}"


@pytest.mark.parametrize("display", [LossCurveDisplay, WeightsDisplay])
def test_estimators_without_a_fitted_network(display):
    X, y = scaled_iris()
    with pytest.raises(NotFittedError):
        display.from_estimator(ScratchMLPClassifier())
    with pytest.raises(NotFittedError):
        display.from_estimator(make_pipeline(StandardScaler(), ScratchMLPClassifier()))
    with pytest.raises(TypeError, match=r"fitted network.*got DummyClassifier, which"):
        display.from_estimator(DummyClassifier().fit(X, y))
    pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    with pytest.raises(TypeError, match="got LogisticRegression in Pipeline, which"):
        display.from_estimator(pipeline)
    assert plt.get_fignums() == []


def test_lbfgs_of_scikit_learn_keeps_no_curve():
    net = MLPClassifier(solver="lbfgs", random_state=0).fit(*scaled_iris())
    with pytest.raises(TypeError, match="got MLPClassifier, which has no loss_curve_"):
        LossCurveDisplay.from_estimator(net)


# Weights


@pytest.fixture(scope="module")
def net_of_digits():
    X, y = load_digits(return_X_y=True)
    with warnings_as("ignore"):
        return quick(hidden_layer_sizes=(12, 6)).fit(X / 16, y)


def tiles(display):
    """Return the images as they are drawn, and check the frames between them."""
    mosaic = np.asarray(display.image_.get_array().filled(np.nan))
    _, height, width = display.images.shape
    assert np.isnan(mosaic[:: height + 1]).all()
    assert np.isnan(mosaic[:, :: width + 1]).all()
    found = [
        mosaic[top + 1 : top + 1 + height, left + 1 : left + 1 + width]
        for top in range(0, len(mosaic) - 1, height + 1)
        for left in range(0, mosaic.shape[1] - 1, width + 1)
    ]
    return [tile for tile in found if not np.isnan(tile).any()]


@pytest.mark.parametrize("shape", [None, (8, 8), (4, 16), (64, 1)])
def test_images_are_the_weights_in_order_of_use(net_of_digits, shape):
    display = WeightsDisplay.from_estimator(net_of_digits, image_shape=shape, n_units=7)
    assert len(display.units) == 7
    assert all(np.diff(display.usefulness) <= 0)
    for unit, tile in zip(display.units, tiles(display), strict=True):
        weights = net_of_digits.coefs_[0][:, unit].reshape(shape or (8, 8))
        np.testing.assert_array_equal(tile, weights)
    assert len(display.ax_.get_xticks()) == len(display.ax_.get_yticks()) == 0


@pytest.mark.parametrize(("n_units", "drawn"), [(1, 1), (5, 5), (12, 12), (99, 12)])
def test_number_of_units(net_of_digits, ax, n_units, drawn):
    display = WeightsDisplay.from_estimator(net_of_digits, n_units=n_units, ax=ax)
    assert len(tiles(display)) == len(display.images) == drawn


def test_colours_are_symmetric_about_zero(net_of_digits, ax):
    display = WeightsDisplay.from_estimator(net_of_digits, ax=ax)
    low, high = display.image_.get_clim()
    assert low == -high
    largest = np.abs(display.images).max()
    assert 0.5 * largest < high <= largest
    assert display.colorbar_.extend == ("both" if largest > high else "neither")
    assert plt.get_fignums() == []


@pytest.mark.parametrize("layout", [None, "constrained", "tight"])
@pytest.mark.parametrize("n_units", [1, 12])
def test_the_scale_is_as_high_as_the_image_and_in_the_figure(
    net_of_digits, layout, n_units
):
    figure = Figure(layout=layout)
    left, right = figure.subplots(1, 2)
    for ax in (left, right):
        display = WeightsDisplay.from_estimator(net_of_digits, ax=ax, n_units=n_units)
    figure.draw_without_rendering()
    image = display.image_.get_window_extent()
    # With the triangles at both ends, which are outside of its axes.
    scale = display.colorbar_.outline.get_window_extent()
    assert scale.height == pytest.approx(image.height, abs=1)
    assert scale.x0 > image.x1
    assert display.colorbar_.ax.get_tightbbox().x1 <= figure.bbox.x1


def test_styling_of_weights(net_of_digits, ax):
    display = WeightsDisplay.from_estimator(
        net_of_digits, ax=ax, cmap="gray", colorbar=False, im_kw={"vmin": -2, "vmax": 2}
    )
    assert display.image_.get_cmap().name == "gray"
    assert display.image_.get_clim() == (-2, 2)
    assert display.colorbar_ is None
    assert ax.figure.axes == [ax]
    norm = matplotlib.colors.CenteredNorm(halfrange=3)
    assert display.plot(ax, im_kw={"norm": norm}).image_.norm is norm


def test_disconnected_units_come_last():
    """Without input, without output, or with an output that leads nowhere."""
    net = fitted_net(hidden_layer_sizes=(6, 4), activation="tanh")
    W0, W1, W2 = net.coefs_
    W0[:, 1] = 0
    W1[4] = 0
    W2[2] = 0
    W1[5, [0, 1, 3]] = 0
    display = WeightsDisplay.from_estimator(net)
    assert list(display.units[3:]) == [1, 4, 5]
    assert list(display.usefulness[3:]) == [0, 0, 0]
    assert all(display.usefulness[:3] > 0)


def test_a_unit_that_adds_the_same_to_all_classes_is_of_no_use():
    net = fitted_net()
    net.coefs_[1][3] = 5.0
    X, _ = scaled_iris()
    before = net.predict_proba(X)
    display = WeightsDisplay.from_estimator(net)
    assert display.units[-1] == 3
    assert display.usefulness[-1] == pytest.approx(0)
    net.coefs_[1][3] = 0.0
    np.testing.assert_allclose(net.predict_proba(X), before, atol=1e-12)


def test_usefulness_with_one_hidden_layer_is_a_product_of_norms():
    rng = np.random.default_rng(0)
    W0, W1 = rng.normal(size=(5, 4)), rng.normal(size=(4, 3))
    found = usefulness_of_units([W0, W1], softmax=False)
    norms = np.linalg.norm(W0, axis=0) * np.linalg.norm(W1, axis=1)
    np.testing.assert_allclose(found, norms)
    W1 -= W1.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(W0, axis=0) * np.linalg.norm(W1, axis=1)
    np.testing.assert_allclose(usefulness_of_units([W0, W1 + 7], softmax=True), norms)


def test_usefulness_is_the_sum_over_all_paths():
    rng = np.random.default_rng(1)
    W0, W1, W2 = (rng.normal(size=shape) for shape in [(3, 4), (4, 2), (2, 3)])
    paths = np.einsum("iu,uv,vo->iuvo", W0, W1, W2)
    np.testing.assert_allclose(
        usefulness_of_units([W0, W1, W2], softmax=False),
        np.sqrt((paths**2).sum(axis=(0, 2, 3))),
    )


def test_usefulness_does_not_depend_on_the_scale_of_relu_units():
    net = fitted_net(hidden_layer_sizes=(6, 4))
    X, _ = scaled_iris()
    before = net.predict_proba(X), WeightsDisplay.from_estimator(net).usefulness
    scale = np.array([0.1, 1, 10, 2, 0.5, 100])
    net.coefs_[0] *= scale
    net.intercepts_[0] *= scale
    net.coefs_[1] /= scale[:, None]
    np.testing.assert_allclose(net.predict_proba(X), before[0])
    display = WeightsDisplay.from_estimator(net)
    np.testing.assert_allclose(display.usefulness, before[1])


def test_without_hidden_layers_the_units_are_the_outputs():
    net = fitted_net(hidden_layer_sizes=())
    display = WeightsDisplay.from_estimator(net)
    assert sorted(display.units) == [0, 1, 2]
    norms = np.linalg.norm(net.coefs_[0], axis=0)
    np.testing.assert_allclose(display.usefulness, norms[display.units])


def test_weights_of_zero_can_be_drawn(ax):
    net = fitted_net()
    net.coefs_[0][:] = 0
    display = WeightsDisplay.from_estimator(net, ax=ax)
    assert display.image_.get_clim() == (-1, 1)
    assert list(display.units) == list(range(8))


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((28, 28), r"n_features_in_=64, got \(28, 28\); image_shape=\(8, 8\) would"),
        ((-8, -8), r"got \(-8, -8\)"),
        ((8, 8, 1), r"got \(8, 8, 1\)"),
        ((8.0, 8.0), r"got \(8\.0, 8\.0\)"),
        (8, "got 8; image_shape"),
        ("8x8", "got '8x8'"),
    ],
)
def test_shapes_that_do_not_fit(net_of_digits, shape, message):
    with pytest.raises(ValueError, match=f"image_shape must be a height.*{message}"):
        WeightsDisplay.from_estimator(net_of_digits, image_shape=shape)
    assert plt.get_fignums() == []


def test_features_that_make_no_square():
    X, y = scaled_iris()
    with warnings_as("ignore"):
        net = quick().fit(X[:, :3], y)
    with pytest.raises(ValueError, match="n_features_in_=3 pixels make no square"):
        WeightsDisplay.from_estimator(net)
    with pytest.raises(ValueError, match=r"n_features_in_=3, got \(2, 2\)$"):
        WeightsDisplay.from_estimator(net, image_shape=(2, 2))
    assert WeightsDisplay.from_estimator(net, image_shape=(1, 3)).images.shape[1:] == (
        (1, 3)
    )


@pytest.mark.parametrize("n_units", [0, -1, 2.5, "all"])
def test_number_of_units_must_be_positive(net_of_digits, n_units):
    message = f"n_units must be a positive integer or None, got {n_units!r}"
    with pytest.raises(ValueError, match=message):
        WeightsDisplay.from_estimator(net_of_digits, n_units=n_units)


# Accuracy curves


def rows_of_fit(parent, **scores):
    """Return the rows that a ScoringMonitor records in one fit."""
    common = {"estimator_name": "Net", "sequential_subtasks": True}
    path = {"task_id_path": parent, "parent_task_id_path": parent[:-1]}
    last = {name: values[-1] for name, values in scores.items()}
    root = {**path, **common, "task_name": "fit", "task_id": parent[-1], **last}
    n_epochs = min(map(len, scores.values()))
    return [root] + [
        {
            "task_id_path": (*parent, epoch),
            "parent_task_id_path": parent,
            "task_name": "epoch",
            "task_id": epoch,
            **common,
            **{name: values[epoch] for name, values in scores.items()},
        }
        for epoch in range(n_epochs)
    ]


ONE_FIT = rows_of_fit((0,), train=[0.3, 0.8, 0.9], test=[0.2, 0.7, 0.85])


def drawn(display):
    """Return what is drawn: for each score, and each fit, epochs and values."""
    return {
        name: [(list(line.get_xdata()), list(line.get_ydata())) for line in lines]
        for name, lines in display.lines_.items()
    }


def test_scores_of_one_fit(ax):
    display = AccuracyCurveDisplay.from_log(ONE_FIT, ax=ax)
    assert drawn(display) == {
        "train": [([1, 2, 3], [0.3, 0.8, 0.9])],
        "test": [([1, 2, 3], [0.2, 0.7, 0.85])],
    }
    assert ax.get_ylim() == (0, 1)
    assert in_legend(ax) == ["train: 0.900 at the end", "test: 0.850 at the end"]
    styles = {(line.get_linestyle(), line.get_marker()) for line in ax.lines}
    assert len(styles) == 2
    assert (display.ax_, display.figure_) == (ax, ax.figure)
    assert plt.get_fignums() == []


def test_the_order_of_rows_does_not_matter(ax):
    display = AccuracyCurveDisplay.from_log(ONE_FIT[::-1], ax=ax)
    assert drawn(display)["test"] == [([1, 2, 3], [0.2, 0.7, 0.85])]


def test_a_data_frame_of_rows(ax):
    pd = pytest.importorskip("pandas", reason="a log can be a data frame")
    frame = pd.DataFrame(ONE_FIT)
    display = AccuracyCurveDisplay.from_log(frame[frame["test"] > 0.5], ax=ax)
    assert drawn(display)["test"] == [([2, 3], [0.7, 0.85])]


def test_each_fit_of_a_search_is_a_curve(ax):
    rows = rows_of_fit((0, 0, 0), score=[0.1, 0.5])
    rows += rows_of_fit((0, 0, 1), score=[0.2, 0.6, 0.7])
    # Lineage rows of a search have no scores.
    rows.append({**ONE_FIT[0], "task_name": "epoch", "estimator_name": "Search"})
    del rows[-1]["train"], rows[-1]["test"]
    display = AccuracyCurveDisplay.from_log(rows, ax=ax)
    assert drawn(display) == {
        "score": [([1, 2], [0.1, 0.5]), ([1, 2, 3], [0.2, 0.6, 0.7])]
    }
    assert in_legend(ax) == ["score: 0.500 to 0.700 at the end of 2 fits"]
    assert len({line.get_color() for line in ax.lines}) == 1


def test_two_logs_in_one_picture(ax):
    rows = rows_of_fit((0,), train=[0.5, 0.6], test=[0.4, 0.5])
    AccuracyCurveDisplay.from_log(ONE_FIT, ax=ax, name="ours", ylim=(0, 0.95))
    AccuracyCurveDisplay.from_log(rows, ax=ax, name="other", ylim="zoom")
    # The second half of all curves is seen, those of the first log, too.
    assert ax.get_ylim() == pytest.approx((0.4 - 0.025, 0.9 + 0.025))
    assert in_legend(ax)[1:3] == [
        "ours, test: 0.850 at the end",
        "other, train: 0.600 at the end",
    ]
    assert len({(line.get_linestyle(), line.get_marker()) for line in ax.lines}) == 4


class Log:
    """As much of a ScoringMonitorLog as is needed."""

    def __init__(self, data):
        self.data = data


def test_several_runs_are_several_fits(ax):
    """Their rows have the same paths."""
    display = AccuracyCurveDisplay.from_log([Log(ONE_FIT), Log(ONE_FIT)], ax=ax)
    assert [len(lines) for lines in display.lines_.values()] == [2, 2]
    assert len(ax.lines) == 4


def test_limits(ax):
    plot = AccuracyCurveDisplay.from_log(ONE_FIT, ax=ax, ylim=(0.5, 1)).plot
    assert ax.get_ylim() == (0.5, 1)
    low, high = plot(ax, ylim="zoom").ax_.get_ylim()
    # The second half begins with the second of three epochs.
    assert (low, high) == pytest.approx((0.7 - 0.01, 0.9 + 0.01))
    with pytest.raises(ValueError, match=r"ylim must be two numbers.*got 'near'"):
        plot(ax, ylim="near")


def test_scores_outside_of_0_to_1_are_seen(ax):
    rows = rows_of_fit((0,), r2=[-3.0, 0.5], loss=[1.4, 1.2])
    AccuracyCurveDisplay.from_log(rows, ax=ax)
    low, high = ax.get_ylim()
    assert low < -3.0
    assert high > 1.4


def test_styling_of_accuracies(ax):
    rows = ONE_FIT + rows_of_fit((1,), train=[0.1, 0.5], test=[0.1, 0.4])
    AccuracyCurveDisplay.from_log(rows, ax=ax, line_kw={"marker": "", "lw": 3})
    assert {(line.get_marker(), line.get_lw()) for line in ax.lines} == {("", 3)}


@pytest.mark.parametrize("log", [3, "log", {"a": 1}, [1, 2], np.zeros(3)])
def test_what_is_no_log(log):
    with pytest.raises(TypeError, match="log must be what get_logs"):
        AccuracyCurveDisplay.from_log(log)


def test_a_log_without_such_tasks():
    with pytest.raises(ValueError, match=r"named 'step'.*named \['epoch', 'fit'\]"):
        AccuracyCurveDisplay.from_log(ONE_FIT, task_name="step")
    with pytest.raises(ValueError, match="no score of a task named 'epoch'"):
        AccuracyCurveDisplay.from_log([])
    assert plt.get_fignums() == []


def toy_classifier():
    """Return an estimator that speaks scikit-learn's protocol of callbacks."""
    from sklearn.callback import CallbackSupportMixin, with_callbacks

    class Toy(CallbackSupportMixin, ClassifierMixin, BaseEstimator):
        @with_callbacks
        def fit(self, X, y):
            self.classes_ = np.unique(y)
            known = {"X": X, "y": y, "metadata": None}
            fit = self._init_callback_context(max_subtasks=4)
            fit.call_on_fit_task_begin(estimator=self, **known)
            for epoch in range(4):
                task = fit.subcontext(task_name="epoch")
                task.call_on_fit_task_begin(estimator=self, **known)
                self.n_right_ = 10 * (epoch + 1)
                task.call_on_fit_task_end(
                    estimator=self,
                    reconstruction_attributes={"n_right_": self.n_right_},
                    **known,
                )
            fit.call_on_fit_task_end(
                estimator=self, reconstruction_attributes={}, **known
            )
            return self

        def score(self, X, y):
            return self.n_right_ / 100

    return Toy()


@pytest.mark.skipif(SKLEARN < (1, 9), reason="scikit-learn has callbacks from 1.9 on")
def test_log_of_a_scoring_monitor(ax):
    from sklearn.callback import ScoringMonitor

    def scorer(estimator, X, y, **_):
        accuracy = estimator.score(X, y)
        return {"train": accuracy, "test": accuracy / 2}

    monitor = ScoringMonitor(scoring=scorer)
    toy = toy_classifier().set_callbacks(monitor)
    toy.fit(*scaled_iris())
    display = AccuracyCurveDisplay.from_log(monitor.get_logs(), ax=ax)
    assert drawn(display) == {
        "train": [([1, 2, 3, 4], [0.1, 0.2, 0.3, 0.4])],
        "test": [([1, 2, 3, 4], [0.05, 0.1, 0.15, 0.2])],
    }
    toy.fit(*scaled_iris())
    both = AccuracyCurveDisplay.from_log(monitor.get_logs(select="all"))
    assert [len(lines) for lines in both.lines_.values()] == [2, 2]


@pytest.mark.skipif(SKLEARN < (1, 9), reason="scikit-learn has callbacks from 1.9 on")
def test_log_of_a_search(ax):
    from sklearn.callback import ScoringMonitor

    monitor = ScoringMonitor(scoring=lambda net, X, y: {"score": net.score(X, y)})
    toy = toy_classifier().set_callbacks(monitor)
    GridSearchCV(toy, {}, cv=3).fit(*scaled_iris())
    log = monitor.get_logs(include_lineage=True)
    display = AccuracyCurveDisplay.from_log(log, ax=ax)
    assert drawn(display) == {"score": [([1, 2, 3, 4], [0.1, 0.2, 0.3, 0.4])] * 4}


# matplotlib


@pytest.mark.parametrize(
    "display",
    [
        LossCurveDisplay(loss_curve=[1.0]),
        WeightsDisplay(
            images=np.zeros((1, 2, 2)), units=np.zeros(1), usefulness=np.zeros(1)
        ),
        AccuracyCurveDisplay(scores={"score": [{1: 0.5}]}),
    ],
    ids=lambda display: type(display).__name__,
)
def test_without_matplotlib(display, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    name = type(display).__name__
    with pytest.raises(ImportError, match=f"{name}.plot requires matplotlib.*pip inst"):
        display.plot()


def test_the_package_does_not_import_matplotlib():
    code = "import skmlp_scratch, sys; sys.exit('matplotlib' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
