"""``TrainingSummary``: what happened in a fit, to read and to compute with."""

from collections.abc import Mapping, Sequence
from typing import Any


class TrainingSummary:
    """What happened in a fit: numbers for each layer, and an explanation in words.

    ``training_summary()`` of an estimator returns it. Printed, it is a table, followed
    by the explanation.

    All numbers are of the network that predicts: its weights are those in ``coefs_``,
    there is neither noise nor dropout, and batch normalisation is folded into weights
    and biases. They are taken on training rows: all, or 250 evenly spaced ones if
    there are more.

    Parameters
    ----------
    layers : dict of str to list
        See below.
    sentences : sequence of str
        The sentences of the explanation.

    Attributes
    ----------
    layers : dict of str to list
        Columns with an entry for each layer; the output layer comes last. After
        ``partial_fit``, and of a fit that had not ended, only the first two columns and
        ``weight_norm`` are known, and all other entries are NaN.

        - ``units``: number of units.
        - ``activation``: ``'identity'`` for the output layer, whose numbers are of its
          output before softmax, sigmoid or exponential.
        - ``mean``, ``std``: mean and standard deviation of the activations, over the
          rows and the units, without row weights.
        - ``dead``: share of the units that learn nothing from any of the rows, because
          the slope of their activation is below 0.01 for all of them. For ReLU, these
          are the units that are always 0; for tanh and the like, saturated ones.
        - ``weight_norm``: root of the sum of squares of the weights.
        - ``gradient_norm``, ``bias_gradient_norm``: root of the sum of squares of the
          derivatives of the objective with respect to weights and biases. The
          objective is that of ``loss_curve_``: the mean loss, weighted by rows, and
          the penalty ``alpha``. With ``batch_norm=True`` and ``solver='adamw'`` it is
          the mean loss only: in the former case, the penalty is on weights before
          folding.
    """

    def __init__(
        self, layers: Mapping[str, Sequence[Any]], sentences: Sequence[str]
    ) -> None:
        self.layers = {name: list(column) for name, column in layers.items()}
        self._sentences = tuple(sentences)

    def explain(self) -> str:
        """Return how the fit ended, what it warned about, and what to try.

        Returns
        -------
        explanation : str
            A line for each thing to say. Warnings are there in full, those that are
            silenced, too.
        """
        return "\n".join(self._sentences)

    def as_frame(self) -> Any:
        """Return ``layers`` as a data frame of pandas.

        Returns
        -------
        frame : DataFrame of shape (n_layers, 8)
            The index is the number of the layer, counted from 1.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        import pandas as pd

        index = pd.RangeIndex(1, len(self.layers["units"]) + 1, name="layer")
        return pd.DataFrame(self.layers, index=index)

    def __repr__(self) -> str:
        columns = {"layer": range(1, len(self.layers["units"]) + 1), **self.layers}
        cells = [[name, *map(_shown, column)] for name, column in columns.items()]
        widths = [max(map(len, column)) for column in cells]
        lines = [
            "  ".join(map(str.rjust, row, widths)) for row in zip(*cells, strict=True)
        ]
        return "\n".join([*lines, "", *self._sentences])


def _shown(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
