"""``LossCurveDisplay``: how training went, epoch by epoch."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from skmlp_scratch.displays._drawing import (
    checked_axes,
    line_keywords,
    marked,
    network_in,
    new_axes,
    number_epochs,
    scale_logarithmically,
)

# The panels, from top to bottom, with their labels and relative heights.
PANELS = {
    "loss": ("loss", 3),
    "score": ("validation\nscore", 1.5),
    "learning_rate": ("learning\nrate", 1),
}
# So that a validation loss that nearly equals the training loss is seen on top of it.
BEHIND = {"linewidth": 3, "alpha": 0.4}


class LossCurveDisplay:
    """Loss by epoch, with validation score, best epoch and learning rate.

    Use :meth:`from_estimator` to make one. All parameters are stored as attributes.

    Parameters
    ----------
    loss_curve : sequence of float
        Training loss of each epoch.

    validation_loss_curve : sequence of float or None, default=None
        Loss on validation rows after each epoch; NaN leaves a gap.

    validation_scores : sequence of float or None, default=None
        Score on validation rows after each epoch; NaN leaves a gap.

    learning_rate_curve : sequence of float or None, default=None
        Learning rate at the end of each epoch. It is drawn if it varies.

    best_iter : int or None, default=None
        The epoch to mark, counted from 1.

    x_label : str, default='epoch'
        What the x-axis counts.

    name : str or None, default=None
        Name of the estimator in the legend.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes with the losses.

    axes_ : dict of str to matplotlib Axes
        All axes: ``'loss'`` and, where they are drawn, ``'score'`` and
        ``'learning_rate'``.

    figure_ : matplotlib Figure
        The figure with the axes.

    lines_ : dict of str to matplotlib Line2D
        The curves, each under the name of its parameter.

    best_iter_lines_ : list of matplotlib Line2D
        The vertical line at the best epoch in each of the axes; empty without it.

    See Also
    --------
    AccuracyCurveDisplay : Any scores by epoch, recorded by a callback.

    Notes
    -----
    The training loss of an epoch is a mean over its batches, while weights change; it
    has the penalty, noise and dropout in it. The validation loss is measured after the
    epoch, without all of these. So it may well be the smaller one at first.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skmlp_scratch import LossCurveDisplay, ScratchMLPClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> net = ScratchMLPClassifier(learning_rate="one_cycle", max_iter=5)
    >>> display = LossCurveDisplay.from_estimator(net.fit(X / 16, y))
    >>> list(display.axes_)
    ['loss', 'learning_rate']
    """

    def __init__(
        self,
        *,
        loss_curve: Sequence[float],
        validation_loss_curve: Sequence[float] | None = None,
        validation_scores: Sequence[float] | None = None,
        learning_rate_curve: Sequence[float] | None = None,
        best_iter: int | None = None,
        x_label: str = "epoch",
        name: str | None = None,
    ) -> None:
        self.loss_curve = loss_curve
        self.validation_loss_curve = validation_loss_curve
        self.validation_scores = validation_scores
        self.learning_rate_curve = learning_rate_curve
        self.best_iter = best_iter
        self.x_label = x_label
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        ax: Any = None,
        name: str | None = None,
        log_scale: bool = False,
        line_kw: dict[str, Any] | None = None,
    ) -> "LossCurveDisplay":
        """Draw how the training of a network went.

        Parameters
        ----------
        estimator : estimator
            A fitted network of this package or of scikit-learn, or a Pipeline, search
            or TransformedTargetRegressor with one.
        ax : matplotlib Axes, dict of str to Axes, or None, default=None
            Where to draw; see :meth:`plot`.
        name : str or None, default=None
            Name of the estimator in the legend.
        log_scale : bool, default=False
            Whether losses have a logarithmic scale.
        line_kw : dict or None, default=None
            Keywords of matplotlib's ``plot``, for all curves.

        Returns
        -------
        display : LossCurveDisplay
            The display, drawn.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        TypeError
            If it has no ``loss_curve_``, as scikit-learn's networks with L-BFGS, or
            ``ax`` is something else.
        ImportError
            If matplotlib is not installed.
        """
        network = network_in(estimator, "loss_curve_")
        scores = getattr(network, "validation_scores_", None)
        best = getattr(network, "best_iter_", None)
        if best is None and scores:
            # scikit-learn's networks end with the weights of this epoch.
            best = int(np.argmax(scores)) + 1
        is_lbfgs = getattr(network, "solver", None) == "lbfgs"
        display = cls(
            loss_curve=network.loss_curve_,
            validation_loss_curve=getattr(network, "validation_loss_curve_", None),
            validation_scores=scores,
            learning_rate_curve=getattr(network, "learning_rate_curve_", None),
            best_iter=best,
            x_label="iteration" if is_lbfgs else "epoch",
            name=name,
        )
        return display.plot(ax, log_scale=log_scale, line_kw=line_kw)

    def plot(
        self,
        ax: Any = None,
        *,
        name: str | None = None,
        log_scale: bool = False,
        line_kw: dict[str, Any] | None = None,
    ) -> "LossCurveDisplay":
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, dict of str to Axes, or None, default=None
            With None, a new figure has one axes for the losses, and below it one for
            the scores and one for the learning rate, if there are any. A single axes
            gets the losses only. A dict has axes for ``'loss'`` and what else is wanted
            of ``'score'`` and ``'learning_rate'``; the ``axes_`` of another display
            draws this one over it.
        name : str or None, default=None
            Name in the legend, instead of the one that is stored.
        log_scale : bool, default=False
            Whether losses have a logarithmic scale.
        line_kw : dict or None, default=None
            Keywords of matplotlib's ``plot``, for all curves.

        Returns
        -------
        display : LossCurveDisplay
            The display itself.

        Raises
        ------
        TypeError
            If ``ax`` is something else.
        ValueError
            If a dict of axes has none for ``'loss'``.
        ImportError
            If matplotlib is not installed.
        """
        curves = self._curves()
        self.axes_ = self._axes(ax, {panel for panel, _, _ in curves.values()})
        self.ax_ = self.axes_["loss"]
        self.figure_ = self.ax_.figure
        name = self.name if name is None else name
        prefix = f"{name}, " if name else ""
        kw = _style(self.ax_, len(self.loss_curve)) | line_keywords(line_kw)
        self.lines_ = {}
        for parameter, (panel, kind, style) in curves.items():
            if panel in self.axes_:
                values = np.asarray(getattr(self, parameter), dtype=float)
                epochs = np.arange(1, len(values) + 1)
                keywords = {"label": prefix + kind, "linestyle": style} | kw
                if parameter == "loss_curve" and "validation_loss_curve" in curves:
                    keywords = BEHIND | keywords
                (line,) = self.axes_[panel].plot(epochs, values, **keywords)
                self.lines_[parameter] = line
                kw.setdefault("color", line.get_color())
        self._mark_best(prefix, kw["color"])
        if log_scale:
            scale_logarithmically(self.ax_)
        many = len(self.ax_.get_legend_handles_labels()[0]) > 3
        self.ax_.legend(framealpha=0.9, fontsize="small" if many else None)
        return self

    def _curves(self) -> dict[str, tuple[str, str, str]]:
        """Return the panel, the kind and the line style of each curve there is."""
        curves = {"loss_curve": ("loss", "training", "-")}
        if self.validation_loss_curve is not None:
            curves["validation_loss_curve"] = ("loss", "validation", "--")
        if self.validation_scores is not None:
            curves["validation_scores"] = ("score", "validation", "--")
        rates = self.learning_rate_curve
        if rates is not None and len(set(np.array(rates)[np.isfinite(rates)])) > 1:
            curves["learning_rate_curve"] = ("learning_rate", "learning rate", "-")
        return curves

    def _axes(self, ax: Any, wanted: set[str]) -> dict[str, Any]:
        """Return the axes by panel, labelled."""
        if ax is None:
            panels = [panel for panel in PANELS if panel in wanted]
            heights = [PANELS[panel][1] for panel in panels]
            made = new_axes(
                self,
                nrows=len(panels),
                sharex=True,
                squeeze=False,
                height_ratios=heights,
            )
            ax = dict(zip(panels, made[:, 0], strict=True))
        elif not isinstance(ax, Mapping):
            ax = {"loss": ax}
        if "loss" not in ax:
            raise ValueError(
                f"ax must have axes for 'loss', got a dict with {sorted(ax)}"
            )
        axes = {panel: checked_axes(ax[panel]) for panel in PANELS if panel in ax}
        for panel, one in axes.items():
            one.set_ylabel(PANELS[panel][0])
            one.grid(alpha=0.3)
            number_epochs(one, self.x_label if panel == [*axes][-1] else "")
        return axes

    def _mark_best(self, prefix: str, color: Any) -> None:
        self.best_iter_lines_ = []
        for ax in self.axes_.values() if self.best_iter else []:
            label = f"{prefix}best {self.x_label}: {self.best_iter}"
            line = ax.axvline(self.best_iter, color=color, linestyle=":", label=label)
            self.best_iter_lines_.append(line)


def _style(ax: Any, n_epochs: int) -> dict[str, Any]:
    """Return markers, if a single epoch makes no line, or other estimators have one."""
    others = sum(line.get_label().endswith("training") for line in ax.lines)
    return marked(others, n_epochs) if others or n_epochs == 1 else {}
