"""Targets of a classifier: one class per row, or several labels."""

from typing import Any

import numpy as np

from skmlp_scratch._estimator.labels import (
    all_classes,
    are_multilabel,
    check_labels,
    unknown_labels,
    weights_of_classes,
)
from skmlp_scratch._estimator.numbers import check_finite, check_type
from skmlp_scratch._estimator.probabilities import (
    class_probabilities,
    label_probabilities,
)
from skmlp_scratch._estimator.settings import Settings
from skmlp_scratch._estimator.split import random_split, stratified_split
from skmlp_scratch._estimator.targets import Known, Targets
from skmlp_scratch.exceptions import RareClassWarning
from skmlp_scratch.nn.classification_losses import (
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
    log_sigmoid,
    log_softmax,
)
from skmlp_scratch.nn.typing import Array, Loss


class Labels:
    """Labels of a classifier: one or several per row."""

    def check_type(self, y: Any, name: str) -> None:
        """Raise an error for complex numbers."""
        check_type(y, name, "c")

    def check(self, y: Array, name: str, estimator: str) -> Array:
        """Return labels of one type that can be sorted."""
        check_labels(y, name)
        check_finite(y, estimator, name)
        return y

    def targets(self, y: Array, settings: Settings, known: Known) -> Targets:
        """Return ``Classes``, or ``Indicators`` of several labels per row."""
        classes = known_classes(known) if known.incremental else known.classes
        several = are_multilabel(y, "y")
        if known.resumes and several != (known.output_activation == "logistic"):
            raise ValueError(
                "y changed between one label and several labels per row since the last "
                "fit. Call fit with warm_start=False."
            )
        labels = np.arange(y.shape[1]) if several else np.unique(y)
        if classes is None:
            classes = labels
        elif several:
            Indicators.check_known(labels, classes)
        else:
            Classes.check_known(labels, classes, all_of_them=not known.incremental)
        return (Indicators if several else Classes)(classes, settings)


def known_classes(known: Known) -> Array:
    """Return the classes of a stream, which its first call fixes."""
    classes = known.all_classes
    if classes is not None:
        classes = all_classes(classes)
    if known.classes is None and classes is None:
        raise ValueError("classes must be passed on the first call to partial_fit.")
    if known.classes is None:
        return np.asarray(classes)
    if classes is not None and not np.array_equal(known.classes, classes):
        raise ValueError(
            f"classes={classes!r} is not the same as on last call to partial_fit, "
            f"was: {known.classes!r}"
        )
    return known.classes


class Classes:
    """One class per row.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        The labels, sorted.
    settings : Settings
    """

    real = False
    unit_free = False

    def __init__(self, classes: Array, settings: Settings) -> None:
        self.classes, self.settings = classes, settings
        self.n_outputs = len(classes)
        self.attributes = {"classes_": classes}
        self.loss: Loss = SoftmaxCrossEntropy(settings.label_smoothing)
        self.validation_loss: Loss = SoftmaxCrossEntropy()

    @staticmethod
    def check_known(labels: Array, classes: Array, all_of_them: bool) -> None:
        """Raise an error unless the labels are among, or are all of, the classes."""
        unknown = unknown_labels(labels, classes)
        if all_of_them and (unknown.size or len(labels) != len(classes)):
            raise ValueError(
                # In scikit-learn's words.
                "warm_start can only be used where `y` has the same classes as in the "
                f"previous call to fit. Previously got {classes}, `y` has {labels}"
            )
        if unknown.size:
            raise ValueError(
                f"y has labels that are not among the classes {classes!r}: "
                f"{unknown!r}. The classes are fixed by the first call."
            )

    def check_validation(self, y: Array) -> None:
        """Raise an error unless validation targets are labels among the classes."""
        if are_multilabel(y, "y_val"):
            raise _other_kind(y, self.n_outputs)
        unknown = unknown_labels(y, self.classes)
        if unknown.size:
            raise ValueError(
                f"y_val has labels that are not among the classes {self.classes!r}: "
                f"{unknown!r}"
            )

    def encode(self, y: Array, dtype: np.dtype[Any], name: str = "y") -> Array:
        """Return the position of each label among the classes."""
        return np.searchsorted(self.classes, y)

    def weigh(
        self, codes: Array, weights: Array | None, incremental: bool
    ) -> Array | None:
        """Return the weights of the rows times the class weights, if any."""
        class_weight = self.settings.class_weight
        if class_weight is None:
            return weights
        if isinstance(class_weight, str):
            if incremental:
                raise ValueError(
                    "class_weight='balanced' needs all rows at once and is not "
                    "supported by partial_fit. Pass a dict, for example from "
                    "sklearn.utils.class_weight.compute_class_weight."
                )
            totals = np.bincount(codes, weights, minlength=self.n_outputs)
            of_class = totals.sum() / (len(totals) * np.where(totals, totals, np.inf))
        else:
            of_class = weights_of_classes(class_weight, self.classes.tolist())
        if weights is None:
            return of_class[codes]
        with np.errstate(over="ignore"):  # check_weight_range explains it
            return of_class[codes] * weights

    def split(
        self, codes: Array, rng: np.random.RandomState
    ) -> tuple[Array, Array, list[Warning]]:
        """Split rows with the share of each class kept."""
        train, held_out = stratified_split(
            codes, self.settings.validation_fraction, rng
        )
        absent = np.setdiff1d(codes, codes[held_out])
        if not absent.size:
            return train, held_out, []
        names = ", ".join(repr(label) for label in self.classes[absent].tolist())
        warning = RareClassWarning(
            f"Too few rows to have one for validation: {names}. These classes are kept "
            "in training and absent from validation. Increase validation_fraction, or "
            "pass X_val and y_val."
        )
        return train, held_out, [warning]

    def score(self, logits: Array, codes: Array, weights: Array | None) -> float:
        """Return the accuracy."""
        return float(np.average(logits.argmax(axis=1) == codes, weights=weights))

    def shares_right(
        self, logits: Array, codes: Array, weights: Array | None
    ) -> tuple[float, float] | None:
        """Return the accuracy, and the share of the most frequent class."""
        counts = np.bincount(codes, weights, minlength=logits.shape[1])
        return self.score(logits, codes, weights), counts.max() / counts.sum()

    @staticmethod
    def decode(logits: Array, classes: Array) -> Array:
        """Return the most probable class of each row."""
        return classes[logits.argmax(axis=1)]

    probabilities = staticmethod(class_probabilities)
    log_probabilities = staticmethod(log_softmax)

    def largest_loss(self, codes: Array) -> float:
        """Return 1000: logits are hardly ever further apart."""
        return 1000.0

    def start(self, codes: Array, weights: Array | None) -> Array | None:
        """Return None."""
        return None


class Indicators:
    """Several labels per row, each present or absent.

    Parameters
    ----------
    classes : ndarray of shape (n_labels,)
        The numbers of the labels.
    settings : Settings
    """

    real = False
    unit_free = False

    def __init__(self, classes: Array, settings: Settings) -> None:
        self.settings, self.n_outputs = settings, len(classes)
        self.attributes = {"classes_": classes}
        self.loss: Loss = SigmoidCrossEntropy(settings.label_smoothing)
        self.validation_loss: Loss = SigmoidCrossEntropy()

    @staticmethod
    def check_known(labels: Array, classes: Array) -> None:
        """Raise an error unless there are as many labels as classes."""
        if len(labels) != len(classes):
            raise ValueError(
                f"y has {len(labels)} labels per row, but there are {len(classes)} "
                f"classes, {classes!r}. With several labels per row, classes is "
                "np.arange(n_labels)."
            )

    def check_validation(self, y: Array) -> None:
        """Raise an error unless validation targets have as many labels."""
        if not are_multilabel(y, "y_val") or y.shape[1] != self.n_outputs:
            raise _other_kind(y, self.n_outputs)

    def encode(self, y: Array, dtype: np.dtype[Any], name: str = "y") -> Array:
        """Return 1 where a label is present, 0 elsewhere."""
        return (y != 0).astype(dtype)

    def weigh(
        self, codes: Array, weights: Array | None, incremental: bool
    ) -> Array | None:
        """Return the weights of the rows; class weights are an error."""
        if self.settings.class_weight is not None:
            raise ValueError(
                "class_weight is for one label per row; use sample_weight for "
                "multilabel targets"
            )
        return weights

    def split(
        self, codes: Array, rng: np.random.RandomState
    ) -> tuple[Array, Array, list[Warning]]:
        """Split at random."""
        fraction = self.settings.validation_fraction
        return *random_split(len(codes), fraction, rng), []

    def score(self, logits: Array, codes: Array, weights: Array | None) -> float:
        """Return the share of rows whose labels are all right."""
        right = ((logits > 0) == (codes > 0)).all(axis=1)
        return float(np.average(right, weights=weights))

    def shares_right(
        self, logits: Array, codes: Array, weights: Array | None
    ) -> tuple[float, float] | None:
        """Return the share of single labels that are right, and for a constant."""
        shares = np.average(codes > 0, axis=0, weights=weights)
        right = np.average((logits > 0) == (codes > 0), axis=0, weights=weights)
        return right.mean(), np.maximum(shares, 1 - shares).mean()

    @staticmethod
    def decode(logits: Array, classes: Array) -> Array:  # noqa: ARG004
        """Return 1 where the probability of a label is above 0.5."""
        return (logits > 0).astype(int)

    probabilities = staticmethod(label_probabilities)
    log_probabilities = staticmethod(log_sigmoid)

    def largest_loss(self, codes: Array) -> float:
        """Return 1000: logits are hardly ever larger."""
        return 1000.0

    def start(self, codes: Array, weights: Array | None) -> Array | None:
        """Return None."""
        return None


def _other_kind(y: Array, n_outputs: int) -> ValueError:
    return ValueError(
        f"y_val must be labels of the same kind as y, got an array of shape {y.shape} "
        f"for {n_outputs} outputs"
    )


# The meaning of a fitted classifier's outputs, by their activation.
BY_OUTPUT: dict[str, type[Classes] | type[Indicators]] = {
    SoftmaxCrossEntropy.output_activation: Classes,
    SigmoidCrossEntropy.output_activation: Indicators,
}
