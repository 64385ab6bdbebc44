"""``AccuracyCurveDisplay``: scores by epoch, as a callback recorded them."""

from numbers import Real
from typing import Any

import numpy as np

from skmlp_scratch.displays._drawing import (
    STYLES,
    axes_for,
    line_keywords,
    marked,
    number_epochs,
)

# The other keys of a row in the log of a ScoringMonitor.
NOT_SCORES = {
    "task_id_path",
    "parent_task_id_path",
    "estimator_name",
    "task_name",
    "task_id",
    "sequential_subtasks",
}


class AccuracyCurveDisplay:
    """Accuracy, or any other scores, by epoch: of one fit or of several.

    Use :meth:`from_log` to make one. All parameters are stored as attributes.

    Parameters
    ----------
    scores : dict of str to list of dict
        For each score, and in it for each fit, the values by epoch, counted from 1.

    name : str or None, default=None
        Name of the estimator in the legend.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes with the curves.

    figure_ : matplotlib Figure
        The figure with the axes.

    lines_ : dict of str to list of matplotlib Line2D
        The curves of each score, one for each fit.

    See Also
    --------
    LossCurveDisplay : The losses and scores that a network keeps by itself.

    Examples
    --------
    >>> from skmlp_scratch import AccuracyCurveDisplay
    >>> accuracies = {1: 0.83, 2: 0.91, 3: 0.94}
    >>> display = AccuracyCurveDisplay(scores={"accuracy": [accuracies]}).plot()
    >>> display.ax_.get_xlabel()
    'epoch'
    """

    def __init__(
        self, *, scores: dict[str, list[dict[int, float]]], name: str | None = None
    ) -> None:
        self.scores = scores
        self.name = name

    @classmethod
    def from_log(
        cls,
        log: Any,
        *,
        ax: Any = None,
        name: str | None = None,
        task_name: str = "epoch",
        ylim: Any = None,
        line_kw: dict[str, Any] | None = None,
    ) -> "AccuracyCurveDisplay":
        """Draw what ``sklearn.callback.ScoringMonitor`` has recorded.

        Parameters
        ----------
        log : ScoringMonitorLog, list of them, list of dict, or DataFrame
            What ``monitor.get_logs()`` returns, also with ``select='all'``, or rows of
            its ``data`` or ``data_as_pandas``. Rows of the same parent task are one
            fit.
        ax : matplotlib Axes or None, default=None
            Where to draw; with None, in a new figure. What is on it already stays.
        name : str or None, default=None
            Name of the estimator in the legend.
        task_name : str, default='epoch'
            The name of the tasks to draw. Rows of other tasks are left out.
        ylim : (float, float), 'zoom' or None, default=None
            Limits of the y-axis; see :meth:`plot`.
        line_kw : dict or None, default=None
            Keywords of matplotlib's ``plot``, for all curves.

        Returns
        -------
        display : AccuracyCurveDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If ``log`` or ``ax`` is something else.
        ValueError
            If no task of this name has a score, or ``ylim`` is another string.
        ImportError
            If matplotlib is not installed.
        """
        runs = _runs(log)
        scores = _scores(runs, task_name)
        if not scores:
            names = {str(row.get("task_name")) for rows in runs for row in rows}
            raise ValueError(
                f"log has no score of a task named {task_name!r}; its tasks are named "
                f"{sorted(names)}"
            )
        return cls(scores=scores, name=name).plot(ax, ylim=ylim, line_kw=line_kw)

    def plot(
        self,
        ax: Any = None,
        *,
        name: str | None = None,
        ylim: Any = None,
        line_kw: dict[str, Any] | None = None,
    ) -> "AccuracyCurveDisplay":
        """Draw a curve for each score and fit.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw; with None, in a new figure.
        name : str or None, default=None
            Name in the legend, instead of the one that is stored.
        ylim : (float, float), 'zoom' or None, default=None
            Limits of the y-axis. None means 0 and 1, or wider if a score is not in
            between. ``'zoom'`` fits the limits to the second half of each curve on the
            axes, where curves that began far below differ little.
        line_kw : dict or None, default=None
            Keywords of matplotlib's ``plot``, for all curves.

        Returns
        -------
        display : AccuracyCurveDisplay
            The display itself.

        Raises
        ------
        TypeError
            If ``ax`` is something else.
        ValueError
            If ``ylim`` is another string.
        ImportError
            If matplotlib is not installed.
        """
        if isinstance(ylim, str) and ylim != "zoom":
            raise ValueError(f"ylim must be two numbers, 'zoom' or None, got {ylim!r}")
        self.ax_ = axes_for(self, ax)
        self.figure_ = self.ax_.figure
        name = self.name if name is None else name
        prefix = f"{name}, " if name else ""
        keywords = line_keywords(line_kw)
        # Other styles than those of curves that are there.
        first = len(self.ax_.get_legend_handles_labels()[0])
        self.lines_ = {
            score: self._plot_score(score, first + number, prefix, keywords)
            for number, score in enumerate(self.scores)
        }
        number_epochs(self.ax_)
        self.ax_.set(ylabel="score", ylim=_limits(ylim, self.ax_.lines))
        self.ax_.grid(alpha=0.3)
        self.ax_.legend(framealpha=0.9)
        return self

    def _plot_score(
        self, score: str, number: int, prefix: str, line_kw: dict[str, Any]
    ) -> list[Any]:
        """Draw the curves of one score, in one style, with one entry in the legend."""
        curves = self.scores[score]
        keywords = {"linestyle": STYLES[number % len(STYLES)]} | line_kw
        if len(curves) > 1:
            keywords = {"linewidth": 1, "alpha": 0.6} | keywords
        label, lines = prefix + _label(score, curves), []
        for curve in curves:
            epochs = sorted(curve)
            values = [curve[epoch] for epoch in epochs]
            style = {"label": label} | marked(number, len(epochs)) | keywords
            (line,) = self.ax_.plot(epochs, values, **style)
            lines.append(line)
            keywords.setdefault("color", line.get_color())
            label = "_nolegend_"
        return lines


def _runs(log: Any) -> list[Any]:
    """Return the rows of each run."""
    runs = log if isinstance(log, list) else [log]
    if runs and all(isinstance(getattr(run, "data", None), list) for run in runs):
        return [run.data for run in runs]
    rows = log.to_dict("records") if hasattr(log, "to_dict") else log
    if isinstance(rows, list) and all(isinstance(row, dict) for row in rows):
        return [rows]
    raise TypeError(
        "log must be what get_logs() of a ScoringMonitor returns, or rows of it as "
        f"dicts or as a data frame, got {type(log).__name__}"
    )


def _scores(runs: list[Any], task_name: str) -> dict[str, list[dict[int, float]]]:
    """Return the values by epoch, for each score and, in it, each fit."""
    fits: dict[str, dict[Any, dict[int, float]]] = {}
    for number, rows in enumerate(runs):
        for row in rows:
            if row.get("task_name") != task_name:
                continue
            fit = number, row["parent_task_id_path"]
            for name, value in row.items():
                if name not in NOT_SCORES and isinstance(value, Real):
                    curve = fits.setdefault(name, {}).setdefault(fit, {})
                    curve[row["task_id"] + 1] = float(value)
    return {name: [*curves.values()] for name, curves in fits.items()}


def _label(name: str, curves: list[dict[int, float]]) -> str:
    """Return the name of a score with its last values."""
    last = [curve[max(curve)] for curve in curves]
    if len(curves) == 1:
        return f"{name}: {last[0]:.3f} at the end"
    between = f"{min(last):.3f} to {max(last):.3f}"
    return f"{name}: {between} at the end of {len(curves)} fits"


def _limits(ylim: Any, lines: Any) -> Any:
    """Return the limits of the y-axis, for all curves that are on the axes."""
    zoom = isinstance(ylim, str)
    if ylim is not None and not zoom:
        return ylim
    # The part of each curve that is to be seen starts here.
    first = 0.5 if zoom else 0.0
    seen = [
        value
        for line in lines
        for epoch, value in zip(*line.get_data(), strict=True)
        if epoch >= first * max(line.get_xdata()) and np.isfinite(value)
    ]
    low, high = min(seen, default=0.0), max(seen, default=1.0)
    margin = 0.05 * (high - low) or 0.01
    if zoom:
        return low - margin, high + margin
    return 0 if low >= 0 else low - margin, 1 if high <= 1 else high + margin
