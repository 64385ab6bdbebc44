"""Is this gradient right? Compare it with finite differences.

``(f(x + h d) - f(x - h d)) / 2 h`` is the derivative of f at x along d, up to a term in
``h^2``. Coordinate by coordinate, this takes two evaluations per parameter. That is
affordable for a few hundred parameters, but not for the 39,760 of a 784-50-10 network.
Along one *random* direction it takes two evaluations at any size, and almost surely
shows any wrong entry.
"""

from collections.abc import Callable

import numpy as np

from skmlp_scratch.nn.typing import Array

_MAX_COORDINATES = 1000


def numerical_gradient(
    function: Callable[[Array], float], x: Array, step: float = 6e-6
) -> Array:
    """Approximate the gradient by central differences, coordinate by coordinate.

    Costs two evaluations of ``function`` per entry of ``x``.

    Parameters
    ----------
    function : callable
        Takes an array of the shape of ``x``, returns a number.
    x : ndarray of float64
        Where to differentiate. Left unchanged.
    step : float, default=6e-6
        ``h``, multiplied by ``max(1, |x_i|)``. The default, the cube root of the
        float64 rounding unit, balances rounding against truncation.

    Returns
    -------
    gradient : ndarray of the shape of ``x``
        Partial derivatives, one for each entry of ``x``.

    Examples
    --------
    >>> import numpy as np
    >>> from skmlp_scratch.nn import numerical_gradient
    >>> numerical_gradient(lambda x: np.sum(x**2), np.array([1.0, 2.0])).round(6)
    array([2., 4.])
    """
    x = np.array(x, dtype=np.float64)
    gradient = np.empty_like(x)
    for index in np.ndindex(x.shape):
        direction = np.zeros_like(x)
        direction[index] = 1.0
        h = step * max(1.0, abs(float(x[index])))
        gradient[index] = _slope(function, x, direction, h)
    return gradient


def check_gradient(
    function: Callable[[Array], tuple[float, Array]],
    x: Array,
    *,
    rtol: float = 1e-6,
    atol: float = 1e-9,
    n_directions: int | None = None,
    random_state: int = 0,
) -> None:
    """Raise an error unless an analytic gradient agrees with finite differences.

    Parameters
    ----------
    function : callable
        Takes an array like ``x``. Returns the value, a number, and the gradient, an
        array of the shape of ``x``. It may reuse this array in the next call.
    x : ndarray of float64
        Where to check. Left unchanged.
    rtol, atol : float, default=1e-6 and 1e-9
        Analytic and numerical derivative may differ by ``rtol`` times the larger of
        the two, plus ``atol`` times the larger of 1 and the value.
    n_directions : int, default=None
        How many random directions to compare along, at two evaluations each. None
        means every coordinate up to 1000 of them, and 10 directions above.
    random_state : int, default=0
        Seed of the directions.

    Raises
    ------
    AssertionError
        If the gradients differ. The message has the index or direction, and both
        values.
    ValueError
        If the gradient does not have the shape of ``x``.

    Examples
    --------
    >>> import numpy as np
    >>> from skmlp_scratch.nn import check_gradient
    >>> check_gradient(lambda x: (np.sum(x**2), 2 * x), np.array([1.0, 2.0]))
    >>> check_gradient(lambda x: (np.sum(x**2), 2.002 * x), np.array([1.0, 2.0]))
    Traceback (most recent call last):
    ...
    AssertionError: gradient is wrong at index (0,): analytic 2.002, numerical 2
    """
    x = np.array(x, dtype=np.float64)
    value, returned = function(x)
    gradient = np.array(returned, dtype=np.float64)
    if gradient.shape != x.shape:
        raise ValueError(
            f"the gradient must have the shape of x, {x.shape}, got {gradient.shape}"
        )
    absolute = atol * max(1.0, abs(value))

    def check(analytic: float, numerical: float, where: str) -> None:
        tolerance = absolute + rtol * max(abs(analytic), abs(numerical))
        if not abs(analytic - numerical) <= tolerance:
            raise AssertionError(
                f"gradient is wrong {where}: "
                f"analytic {analytic:.10g}, numerical {numerical:.10g}"
            )

    def value_only(x: Array) -> float:
        return function(x)[0]

    if n_directions is None and x.size <= _MAX_COORDINATES:
        numerical = numerical_gradient(value_only, x)
        for index in np.ndindex(x.shape):
            check(float(gradient[index]), float(numerical[index]), f"at index {index}")
        return
    rng = np.random.default_rng(random_state)
    for number in range(10 if n_directions is None else n_directions):
        direction = rng.standard_normal(x.shape)
        direction /= np.linalg.norm(direction)
        numerical_slope = _slope(value_only, x, direction, 6e-6)
        check(
            float(np.vdot(gradient, direction)),
            numerical_slope,
            f"along random direction {number}",
        )


def _slope(
    function: Callable[[Array], float], x: Array, direction: Array, h: float
) -> float:
    """Return the central difference of ``function`` at x along a direction."""
    forward, backward = function(x + h * direction), function(x - h * direction)
    return float(forward - backward) / (2 * h)
