"""Importing this module teaches skl2onnx to convert the two networks to ONNX.

They are converted wherever skl2onnx meets them: alone, at the end of a pipeline, in a
search, calibrated, voting. The options of a classifier are those that skl2onnx has for
scikit-learn's: ``zipmap``, ``nocl``, ``output_class_labels`` and ``raw_scores``.
Predictions of a regressor have the shape (n_samples, n_outputs). There is no converter
for the estimators for tables, and none for ``PiecewiseLinearEncoder``.

Inputs of type float64 are computed in float64, all others in float32. The error
function of GELU is float32 always, as onnxruntime has no other: predictions for float64
are exact to about 1e-7.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from skmlp_scratch._estimator.attributes import FittedAttributes
from skmlp_scratch._estimator.loaded import as_arrays
from skmlp_scratch._estimator.prediction import snapshot
from skmlp_scratch.classifier import ScratchMLPClassifier
from skmlp_scratch.nn.activations import SELU, LeakyReLU, per_layer
from skmlp_scratch.nn.typing import Array
from skmlp_scratch.regressor import ScratchMLPRegressor

try:
    from skl2onnx import update_registered_converter
    from skl2onnx.common.data_types import (
        DoubleTensorType,
        FloatTensorType,
        Int64TensorType,
        StringTensorType,
    )
    from skl2onnx.common.utils_classifier import get_label_classes
    from skl2onnx.proto import onnx_proto
except ImportError as error:
    raise ImportError(
        "skmlp_scratch.onnx needs the package skl2onnx: pip install skl2onnx, and "
        "onnxruntime to run what it writes"
    ) from error

__all__: list[str] = []

Types = onnx_proto.TensorProto


class _Graph:
    """Nodes that are added one by one, each a function of names or numbers.

    Parameters
    ----------
    scope, container : objects of skl2onnx
        They make up names, and collect the nodes.
    float_type : int
        The type in which to compute, float32 or float64, as ONNX numbers it.
    """

    def __init__(self, scope: Any, container: Any, float_type: int) -> None:
        self.scope, self.container, self.float_type = scope, container, float_type

    def constant(self, values: Any, onnx_type: int | None = None) -> str:
        """Return the name of a constant; its type is that of the computation."""
        name: str = self.scope.get_unique_variable_name("constant")
        if onnx_type is None:
            onnx_type = self.float_type
        values = np.asarray(values)
        self.container.add_initializer(name, onnx_type, values.shape, values.ravel())
        return name

    def node(
        self, kind: str, *inputs: str | float, out: str | None = None, **attributes: Any
    ) -> str:
        """Return the name of the result of a node."""
        name: str = out or self.scope.get_unique_variable_name(kind.lower())
        names = [i if isinstance(i, str) else self.constant(i) for i in inputs]
        self.container.add_node(
            kind,
            names,
            name,
            name=self.scope.get_unique_operator_name(kind),
            **attributes,
        )
        return name


def _elu(graph: _Graph, x: str) -> str:
    """Return ``exp(min(x, 0)) - 1``, which is 0 above 0."""
    return graph.node("Sub", graph.node("Exp", graph.node("Min", x, 0.0)), 1.0)


def _selu(graph: _Graph, x: str) -> str:
    """Return ``scale (max(x, 0) + alpha (exp(min(x, 0)) - 1))``."""
    below = graph.node("Mul", _elu(graph, x), SELU.alpha)
    return graph.node(
        "Mul", graph.node("Add", graph.node("Relu", x), below), SELU.scale
    )


def _gelu(graph: _Graph, x: str) -> str:
    """Return ``x / 2 (1 + erf(x / sqrt(2)))``, the error function in float32."""
    scaled = graph.node("Mul", x, math.sqrt(0.5))
    erf = graph.node("Erf", graph.node("Cast", scaled, to=Types.FLOAT))
    erf = graph.node("Cast", erf, to=graph.float_type)
    half = graph.node("Mul", x, 0.5)
    return graph.node("Mul", half, graph.node("Add", erf, 1.0))


def _softplus(graph: _Graph, x: str) -> str:
    """Return ``max(x, 0) + log(1 + exp(-abs(x)))``, without overflow."""
    tail = graph.node("Exp", graph.node("Neg", graph.node("Abs", x)))
    tail = graph.node("Log", graph.node("Add", tail, 1.0))
    return graph.node("Add", graph.node("Relu", x), tail)


# Plain arithmetic: for float64, onnxruntime has neither ELU nor softplus.
ACTIVATION_NODES: dict[str, Callable[[_Graph, str], str]] = {
    "identity": lambda graph, x: graph.node("Identity", x),
    "logistic": lambda graph, x: graph.node("Sigmoid", x),
    "tanh": lambda graph, x: graph.node("Tanh", x),
    "relu": lambda graph, x: graph.node("Relu", x),
    "leaky_relu": lambda graph, x: graph.node(
        "Max", x, graph.node("Mul", x, LeakyReLU.slope)
    ),
    "elu": lambda graph, x: graph.node("Max", x, _elu(graph, x)),
    "selu": _selu,
    "gelu": _gelu,
    "silu": lambda graph, x: graph.node("Mul", x, graph.node("Sigmoid", x)),
    "softplus": _softplus,
}
OUTPUT_NODES = {
    "softmax": "Softmax",
    "logistic": "Sigmoid",
    "identity": "Identity",
    "exp": "Exp",
}


def _start(scope: Any, operator: Any, container: Any) -> tuple[_Graph, str]:
    """Return a graph in the type of the input, and the name of the input in it."""
    double = isinstance(operator.inputs[0].type, DoubleTensorType)
    graph = _Graph(scope, container, Types.DOUBLE if double else Types.FLOAT)
    x = operator.inputs[0].full_name
    return graph, graph.node("Cast", x, to=graph.float_type)


def _logits(graph: _Graph, x: str, fitted: FittedAttributes) -> str:
    """Return the name of the logits."""
    activations = per_layer(fitted._activation, len(fitted.coefs_) - 1)
    names = [*activations, "identity"]
    layers = zip(*as_arrays(fitted.coefs_, fitted.intercepts_), names, strict=True)
    for W, b, name in layers:
        product = graph.node("MatMul", x, graph.constant(W))
        affine = graph.node("Add", product, graph.constant(b))
        x = ACTIVATION_NODES[name](graph, affine)
    return x


def convert_classifier(scope: Any, operator: Any, container: Any) -> None:
    """Add the nodes from features to labels and probabilities."""
    graph, x = _start(scope, operator, container)
    model = operator.raw_operator
    fitted = snapshot(model)
    logits = _logits(graph, x, fitted)
    labels, scores = (output.full_name for output in operator.outputs)
    multilabel = fitted.out_activation_ == "logistic"
    if multilabel:
        present = graph.node("Greater", logits, 0.0)
        graph.node("Cast", present, out=labels, to=Types.INT64)
    else:
        classes, onnx_type = _labels(get_label_classes(scope, model))
        largest = graph.node("ArgMax", logits, axis=1, keepdims=0)
        graph.node("Gather", graph.constant(classes, onnx_type), largest, out=labels)
    if not container.get_options(model, {"raw_scores": False})["raw_scores"]:
        kind = OUTPUT_NODES[fitted.out_activation_]
        attributes = {} if multilabel else {"axis": 1}
        graph.node(kind, logits, out=scores, **attributes)
    elif not multilabel and len(fitted.intercepts_[-1]) == 2:
        # As skl2onnx has it for scikit-learn's models: the log-odds of both classes.
        differences = graph.constant([[1.0, -1.0], [-1.0, 1.0]])
        graph.node("MatMul", logits, differences, out=scores)
    else:
        graph.node("Identity", logits, out=scores)


def convert_regressor(scope: Any, operator: Any, container: Any) -> None:
    """Add the nodes from features to predictions, of shape (n_samples, n_outputs)."""
    graph, x = _start(scope, operator, container)
    fitted = snapshot(operator.raw_operator)
    logits, out = _logits(graph, x, fitted), operator.outputs[0].full_name
    if fitted._quantiles is not None and len(fitted._quantiles) > 1:
        unused = scope.get_unique_variable_name("order")
        k = graph.constant([len(fitted._quantiles)], Types.INT64)
        container.add_node("TopK", [logits, k], [out, unused], axis=1, largest=0)
    else:
        graph.node(OUTPUT_NODES[fitted.out_activation_], logits, out=out)


def classifier_shapes(operator: Any) -> None:
    """Set types and shapes of labels and probabilities."""
    n_rows = operator.inputs[0].get_first_dimension()
    fitted = snapshot(operator.raw_operator)
    n_outputs = len(fitted.intercepts_[-1])
    labels, scores = operator.outputs
    scores.type.shape = [n_rows, n_outputs]
    if fitted.out_activation_ == "logistic":
        labels.set_type(Int64TensorType([n_rows, n_outputs]))
        return
    classes = get_label_classes(operator.scope_inst, operator.raw_operator)
    strings = _labels(classes)[1] == Types.STRING
    labels.set_type((StringTensorType if strings else Int64TensorType)([n_rows]))


def regressor_shapes(operator: Any) -> None:
    """Set type and shape of the predictions."""
    features = operator.inputs[0].type
    double = isinstance(features, DoubleTensorType)
    n_outputs = len(snapshot(operator.raw_operator).intercepts_[-1])
    shape = [operator.inputs[0].get_first_dimension(), n_outputs]
    operator.outputs[0].set_type(
        (DoubleTensorType if double else FloatTensorType)(shape)
    )


def _labels(classes: Any) -> tuple[Array, int]:
    """Return labels as ONNX stores them, and their type."""
    values = np.array(np.asarray(classes).tolist())
    if values.dtype.kind in "iubf" and (values == values.astype(np.int64)).all():
        return values.astype(np.int64), Types.INT64
    if values.dtype.kind == "U":
        return np.char.encode(values, "utf-8"), Types.STRING
    raise ValueError(
        "ONNX knows whole numbers and strings as labels, got classes_ of type "
        f"{np.asarray(classes).dtype}. Fit to strings: y.astype(str)."
    )


update_registered_converter(
    ScratchMLPClassifier,
    "SkmlpScratchMLPClassifier",
    classifier_shapes,
    convert_classifier,
    options={
        "zipmap": [True, False, "columns"],
        "nocl": [True, False],
        "output_class_labels": [False, True],
        "raw_scores": [True, False],
    },
)
update_registered_converter(
    ScratchMLPRegressor,
    "SkmlpScratchMLPRegressor",
    regressor_shapes,
    convert_regressor,
)
