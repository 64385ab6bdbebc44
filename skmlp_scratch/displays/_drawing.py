"""What the displays share: matplotlib, styles, and the network in an estimator."""

from typing import Any

from sklearn.utils.validation import check_is_fitted

# Told apart without colour, too.
STYLES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
MOST_MARKERS = 12


def new_axes(display: object, **keywords: Any) -> Any:
    """Return what ``pyplot.subplots`` makes, in a figure whose labels fit."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            f"{type(display).__name__}.plot requires matplotlib. You can install it "
            "with `pip install matplotlib`"
        ) from error
    return plt.subplots(layout="constrained", **keywords)[1]


def axes_for(display: object, ax: Any) -> Any:
    """Return the axes to draw on: what was passed, or the axes of a new figure."""
    return new_axes(display) if ax is None else checked_axes(ax)


def checked_axes(ax: Any) -> Any:
    """Return the axes, or raise a TypeError if they are something else."""
    from matplotlib.axes import Axes

    if not isinstance(ax, Axes):
        raise TypeError(
            f"ax must be matplotlib Axes, got {type(ax).__name__}. Of those that "
            "plt.subplots(2) returns, pass one: ax=axes[0]"
        )
    return ax


def axes_beside(ax: Any) -> Any:
    """Return narrow axes for a colour bar, as high as the image in other axes."""
    if ax.figure.get_layout_engine():  # makes room for what stands beside axes
        return ax.inset_axes((1.03, 0, 0.04, 1))
    from mpl_toolkits.axes_grid1 import make_axes_locatable

    return make_axes_locatable(ax).append_axes("right", size="4%", pad=0.1)


def number_epochs(ax: Any, label: str = "epoch") -> None:
    """Label the x-axis, with whole numbers."""
    from matplotlib.ticker import MaxNLocator

    locator = MaxNLocator(nbins="auto", steps=[1, 2, 5, 10], integer=True)
    ax.xaxis.set_major_locator(locator)
    ax.set_xlabel(label)


def scale_logarithmically(ax: Any) -> None:
    """Give the y-axis a logarithmic scale, with short labels."""
    from matplotlib.ticker import LogLocator, NullFormatter

    ax.set_yscale("log")
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.yaxis.set_major_formatter("{x:g}")
    ax.yaxis.set_minor_formatter(NullFormatter())


def line_keywords(line_kw: dict[str, Any] | None) -> dict[str, Any]:
    """Return keywords of ``plot`` under their long names: ``linewidth`` for ``lw``."""
    from matplotlib.cbook import normalize_kwargs
    from matplotlib.lines import Line2D

    keywords: dict[str, Any] = normalize_kwargs(line_kw or {}, Line2D)
    return keywords


def marked(number: int, n_epochs: int) -> dict[str, Any]:
    """Return a marker for the line of that number, at some of its epochs."""
    step = max(n_epochs // MOST_MARKERS, 1)
    # Lines that nearly coincide have their markers at different epochs.
    start = number * step // 2 % step if step > 1 else 0
    return {
        "marker": MARKERS[number % len(MARKERS)],
        "markevery": (start, step),
        "markersize": 4,
    }


def network_in(estimator: Any, attribute: str) -> Any:
    """Return the fitted network that an estimator is, ends in or has selected.

    Parameters
    ----------
    estimator : estimator
        A network of this package or of scikit-learn, or a Pipeline, search or
        TransformedTargetRegressor with one.
    attribute : str
        The fitted attribute that is needed of it.

    Returns
    -------
    network : estimator
        It has the attribute.

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    TypeError
        If there is no network in it, or none with this attribute.
    """
    check_is_fitted(estimator)
    network = estimator
    while inner := _inner(network):
        network = inner
    if getattr(network, attribute, None) is None:
        raise TypeError(
            f"estimator must be a fitted network with {attribute}, or a Pipeline, "
            f"search or TransformedTargetRegressor with one, got "
            f"{type(network).__name__}"
            + ("" if network is estimator else f" in {type(estimator).__name__}")
            + f", which has no {attribute}"
        )
    return network


def _inner(estimator: Any) -> Any:
    for attribute in ("best_estimator_", "regressor_"):
        if hasattr(estimator, attribute):
            return getattr(estimator, attribute)
    return estimator.steps[-1][1] if hasattr(estimator, "steps") else None
