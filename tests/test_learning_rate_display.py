"""The picture of a learning rate search, in scikit-learn's Display convention."""

import math
import sys
from dataclasses import replace

import numpy as np
import pytest
from helpers import quick, scaled_iris

from skmlp_scratch import LearningRateDisplay, find_learning_rate

plt = pytest.importorskip("matplotlib.pyplot", reason="matplotlib draws the picture")


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def search():
    return find_learning_rate(quick(), *scaled_iris())


def test_the_picture_has_what_was_found(search):
    display = search.plot()
    assert isinstance(display, LearningRateDisplay)
    assert display.search is search
    assert display.figure_ is display.ax_.figure
    np.testing.assert_array_equal(
        display.lines_["smoothed_losses"].get_xdata(), search.rates
    )
    np.testing.assert_array_equal(
        display.lines_["smoothed_losses"].get_ydata(), search.smoothed_losses
    )
    np.testing.assert_array_equal(display.lines_["losses"].get_ydata(), search.losses)
    assert set(display.suggestion_line_.get_xdata()) == {search.suggestion}
    legend = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert legend == ["each batch", "smoothed", "suggestion"]
    assert display.ax_.get_xscale() == "log"
    assert display.ax_.get_xlabel() == "learning rate"
    assert display.ax_.get_ylabel() == "training loss"
    assert display.ax_.texts[0].get_text().strip() == f"{search.suggestion:.2g}"


def test_from_estimator_searches_and_draws(search):
    _, ax = plt.subplots()
    display = LearningRateDisplay.from_estimator(
        *(quick(), *scaled_iris()), ax=ax, line_kw={"c": "red", "lw": 3}
    )
    assert display.ax_ is ax
    assert display.lines_["smoothed_losses"].get_color() == "red"
    assert display.lines_["smoothed_losses"].get_linewidth() == 3
    assert display.search.suggestion == search.suggestion
    with_options = LearningRateDisplay.from_estimator(
        quick(), *scaled_iris(), np.ones(150), n_steps=50, min_rate=1e-5
    )
    assert with_options.search.rates[0] == 1e-5
    assert len(with_options.search.rates) <= 50


def test_the_explosion_does_not_flatten_the_fall(search):
    losses = np.append(search.losses, 1e30)
    rates = np.append(search.rates, 10.0)
    smoothed = np.append(search.smoothed_losses, 1e30)
    exploded = replace(search, rates=rates, losses=losses, smoothed_losses=smoothed)
    low, high = exploded.plot().ax_.get_ylim()
    height = np.ptp(search.smoothed_losses)
    assert low < search.smoothed_losses.min()
    assert search.smoothed_losses[0] < high < low + 2 * height


def test_two_searches_share_axes(search):
    first = search.plot()
    second = search.plot(first.ax_, line_kw={"label": "again"})
    assert second.ax_ is first.ax_
    assert second.lines_["losses"] is not first.lines_["losses"]
    assert second.lines_["smoothed_losses"].get_label() == "again"


def test_short_names_of_styles_and_axes_that_are_none(search):
    line = search.plot(line_kw={"lw": 5, "c": "black"}).lines_["smoothed_losses"]
    assert (line.get_linewidth(), line.get_color()) == (5, "black")
    with pytest.raises(TypeError, match=r"ax must be .*got list.*ax=axes\[0\]"):
        search.plot([line.axes])


def test_without_a_suggestion_there_is_no_mark(search):
    rising = np.linspace(1, 2, len(search.rates))
    found = replace(search, smoothed_losses=rising, suggestion=math.nan)
    display = found.plot()
    assert display.suggestion_line_ is None
    assert not display.ax_.texts
    display.figure_.canvas.draw()


def test_without_matplotlib_the_error_says_what_to_do(search, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match="pip install matplotlib"):
        search.plot()
