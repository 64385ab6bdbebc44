"""``WeightsDisplay``: what the units of the first layer look for in an image."""

import math
from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np

from skmlp_scratch.displays._drawing import axes_beside, axes_for, network_in
from skmlp_scratch.nn.typing import Array

# Mosaics are about this much wider than high.
ASPECT = 4 / 3
# One weight in a thousand may be beyond the scale, so that others keep their contrast.
WITHIN_SCALE = 0.999


class WeightsDisplay:
    """The first layer's weights of each hidden unit as an image, most useful first.

    Use :meth:`from_estimator` to make one. All parameters are stored as attributes.

    Parameters
    ----------
    images : ndarray of shape (n_units, height, width)
        The weights from each pixel to each unit, in the order in which to draw them.

    units : ndarray of shape (n_units,)
        The number of each of these units: its column in ``coefs_[0]``.

    usefulness : ndarray of shape (n_units,)
        How useful each of these units is, as the notes below define it.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes with the images.

    figure_ : matplotlib Figure
        The figure with the axes.

    image_ : matplotlib AxesImage
        All images in one, row by row, with a pixel of NaN between them.

    colorbar_ : matplotlib Colorbar or None
        The scale of the weights.

    Notes
    -----
    How useful a unit is, is told from the weights alone. What goes through a unit is
    scaled by the weights along its way: the usefulness is the square root of the sum,
    over all paths from an input to an output through the unit, of the squared product
    of the weights on the path [1]_. With one hidden layer this is the norm of the
    incoming weights times the norm of the outgoing ones. With ReLU, and other
    activations for which ``f(c x) = c f(x)`` for positive ``c``, dividing all that goes
    into a unit by a number and multiplying its outgoing weights by it changes neither
    the network nor the usefulness. A unit that is connected to no input, or through no
    path to an output, has 0. Before softmax, what a unit adds to all classes alike
    changes no probability and is left out.

    A unit that biases keep at 0 for all rows is not noticed.

    References
    ----------
    .. [1] Neyshabur, Salakhutdinov and Srebro (2015), "Path-SGD: Path-Normalized
       Optimization in Deep Neural Networks", arXiv:1506.02617.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skmlp_scratch import ScratchMLPClassifier, WeightsDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> net = ScratchMLPClassifier(learning_rate="one_cycle", max_iter=5)
    >>> display = WeightsDisplay.from_estimator(net.fit(X / 16, y), n_units=6)
    >>> display.images.shape  # of the six most useful units
    (6, 8, 8)
    """

    def __init__(self, *, images: Array, units: Array, usefulness: Array) -> None:
        self.images = images
        self.units = units
        self.usefulness = usefulness

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        image_shape: tuple[int, int] | None = None,
        n_units: int | None = 20,
        ax: Any = None,
        cmap: Any = "RdBu_r",
        colorbar: bool = True,
        im_kw: dict[str, Any] | None = None,
    ) -> "WeightsDisplay":
        """Draw the weights from the features, which are pixels, to the first units.

        Parameters
        ----------
        estimator : estimator
            A fitted network of this package or of scikit-learn, or a Pipeline, search
            or TransformedTargetRegressor with one. Without hidden layers, the
            units are the outputs.
        image_shape : (int, int) or None, default=None
            Height and width of the images whose pixels, row by row, are the features.
            With None, they are taken for squares.
        n_units : int or None, default=20
            How many units to draw at most; None means all.
        ax : matplotlib Axes or None, default=None
            Where to draw; with None, in a new figure.
        cmap : str or matplotlib Colormap, default='RdBu_r'
            Colours from negative to positive weights; see :meth:`plot`.
        colorbar : bool, default=True
            Whether to draw the scale.
        im_kw : dict or None, default=None
            Keywords of matplotlib's ``imshow``, such as ``vmin`` and ``vmax``.

        Returns
        -------
        display : WeightsDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If the image has not as many pixels as there are features, or ``n_units`` is
            not a positive integer.
        NotFittedError
            If the estimator is not fitted.
        TypeError
            If it has no ``coefs_``, or ``ax`` is something else.
        ImportError
            If matplotlib is not installed.
        """
        network = network_in(estimator, "coefs_")
        W = network.coefs_[0]
        shape = _checked_shape(image_shape, len(W))
        if not (n_units is None or _is_positive_integer(n_units)):
            raise ValueError(
                f"n_units must be a positive integer or None, got {n_units!r}"
            )
        usefulness = usefulness_of_units(
            network.coefs_, softmax=network.out_activation_ == "softmax"
        )
        # Stable: units of equal use stay in order.
        order = np.argsort(-usefulness, kind="stable")[:n_units]
        display = cls(
            images=W.T[order].reshape(-1, *shape),
            units=order,
            usefulness=usefulness[order],
        )
        return display.plot(ax, cmap=cmap, colorbar=colorbar, im_kw=im_kw)

    def plot(
        self,
        ax: Any = None,
        *,
        cmap: Any = "RdBu_r",
        colorbar: bool = True,
        im_kw: dict[str, Any] | None = None,
    ) -> "WeightsDisplay":
        """Draw the images row by row, on one scale that is symmetric about 0.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw; with None, in a new figure.
        cmap : str or matplotlib Colormap, default='RdBu_r'
            Colours from negative to positive weights. The default is blue, white, red.
            ``'gray'`` keeps both signs apart where there is no colour.
        colorbar : bool, default=True
            Whether to draw the scale.
        im_kw : dict or None, default=None
            Keywords of matplotlib's ``imshow``, such as ``vmin`` and ``vmax``.

        Returns
        -------
        display : WeightsDisplay
            The display itself.

        Raises
        ------
        TypeError
            If ``ax`` is something else.
        ImportError
            If matplotlib is not installed.
        """
        self.ax_ = axes_for(self, ax)
        self.figure_ = self.ax_.figure
        sizes = np.abs(self.images)
        limit = float(np.quantile(sizes, WITHIN_SCALE)) or float(sizes.max()) or 1.0
        given = im_kw or {}
        # matplotlib takes either a norm or limits.
        limits = {} if "norm" in given else {"vmin": -limit, "vmax": limit}
        keywords = {"cmap": cmap, "interpolation": "nearest"} | limits | given
        self.image_ = self.ax_.imshow(_mosaic(self.images), **keywords)
        self.ax_.set(xticks=[], yticks=[], facecolor="0.2")
        self.ax_.set_title("First-layer weights")
        self.colorbar_ = None
        if colorbar:
            extend = "both" if sizes.max() > self.image_.norm.vmax else "neither"
            scale = axes_beside(self.ax_)
            self.colorbar_ = self.figure_.colorbar(
                self.image_, cax=scale, extend=extend
            )
        return self


def usefulness_of_units(coefs: Sequence[Array], *, softmax: bool) -> Array:
    """Return how useful each unit of the first layer is, by the weights on its paths.

    Parameters
    ----------
    coefs : list of ndarray of shape (fan_in, fan_out)
        The weight matrix of each layer.
    softmax : bool
        Whether the outputs are those of softmax.

    Returns
    -------
    usefulness : ndarray of shape (n_units,)
        Root of the sum of squared products of weights, over all paths through a unit.
    """
    first, *others = [np.asarray(W, dtype=np.float64) for W in coefs]
    if others and softmax:
        others[-1] = others[-1] - others[-1].mean(axis=1, keepdims=True)
    ways_out = np.ones(len(coefs[-1].T))
    for W in reversed(others):
        ways_out = W**2 @ ways_out
    return np.sqrt((first**2).sum(axis=0) * ways_out)


def _checked_shape(image_shape: Any, n_features: int) -> tuple[int, int]:
    """Return a height and a width, or raise a ValueError."""
    side = math.isqrt(n_features)
    is_square = side * side == n_features
    if image_shape is None and is_square:
        return side, side
    if image_shape is None:
        raise ValueError(
            f"n_features_in_={n_features} pixels make no square; pass the height and "
            "width of the images as image_shape"
        )
    shape = tuple(np.atleast_1d(image_shape).tolist())
    sizes = len(shape) == 2 and all(map(_is_positive_integer, shape))
    if not sizes or math.prod(shape) != n_features:
        advice = f"; image_shape=({side}, {side}) would fit" if is_square else ""
        raise ValueError(
            "image_shape must be a height and a width whose product is "
            f"n_features_in_={n_features}, got {image_shape!r}{advice}"
        )
    return shape[0], shape[1]


def _is_positive_integer(value: object) -> bool:
    return isinstance(value, Integral) and int(value) >= 1


def _mosaic(images: Array) -> Array:
    """Return all images in one, row by row, with a pixel of NaN around each."""
    n_images, height, width = images.shape
    n_columns = _columns(n_images, math.sqrt(n_images * ASPECT * height / width))
    n_rows = math.ceil(n_images / n_columns)
    framed = np.full((n_rows * n_columns, height + 1, width + 1), np.nan)
    framed[:n_images, 1:, 1:] = images
    grid = framed.reshape(n_rows, n_columns, height + 1, width + 1)
    mosaic = grid.swapaxes(1, 2).reshape(n_rows * (height + 1), -1)
    return np.pad(mosaic, [(0, 1), (0, 1)], constant_values=np.nan)


def _columns(n_images: int, ideal: float) -> int:
    """Return a number near the ideal one that leaves few places empty."""
    most = min(math.ceil(1.4 * ideal), n_images)
    numbers = range(min(math.ceil(0.7 * ideal), most), most + 1)
    return min(numbers, key=lambda n: (-n_images % n, abs(n - ideal)))
