"""ONNX models compute what the networks compute. Needs the extra ``oracles``."""

import os
import subprocess
import sys

import numpy as np
import pytest
from helpers import (
    TARGETS,
    float_types,
    ignore,
    ignore_convergence,
    is_classifier,
    make_data,
    parameters_for,
)
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    BaggingClassifier,
    StackingClassifier,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmlp_scratch import ScratchMLPClassifier, ScratchMLPRegressor
from skmlp_scratch.nn.activations import ACTIVATIONS
from skmlp_scratch.nn.inference import predict_logits

pytestmark = [ignore_convergence, ignore("DeadUnitsWarning")]
EXTRA = "needs the extra 'oracles'"


def test_without_skl2onnx_the_error_names_it(tmp_path):
    (tmp_path / "skl2onnx.py").write_text("raise ImportError")
    code = "import skmlp_scratch.onnx"
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    last = done.stderr.splitlines()[-1]
    assert last.startswith("ImportError: skmlp_scratch.onnx needs the package skl2onnx")


# With skl2onnx

KINDS = TARGETS | {
    "two_strings": lambda s, rng: np.where(s[:, 0] > 0, "no", "yes"),
    "large": lambda s, rng: s.argmax(axis=1) + 2**40,
    "whole": lambda s, rng: s.argmax(axis=1) - 1.0,
    "truth": lambda s, rng: s[:, 0] > 0,
    "small": lambda s, rng: s.argmax(axis=1).astype(np.uint8),
    "one": lambda s, rng: np.full(len(s), "only"),
    "one_label": lambda s, rng: (s[:, :2] > [0, 9]).astype(int),
    "positive": lambda s, rng: rng.gamma(2, size=len(s)),
    "quantiles": lambda s, rng: s[:, 0],
}
REGRESSORS = {
    "values": {},
    "outputs": {},
    "counts": {"loss": "poisson"},
    "positive": {"loss": "gamma"},
    "quantiles": {"loss": "quantile", "quantile": [0.1, 0.5, 0.9]},
}
kinds = pytest.mark.parametrize("kind", KINDS)
oracle = pytest.mark.oracle


def estimator_for(kind, **parameters):
    common = parameters_for("values", max_iter=20, learning_rate_init=0.03)
    if kind in REGRESSORS:
        return ScratchMLPRegressor(**common | REGRESSORS[kind] | parameters)
    return ScratchMLPClassifier(**common | parameters)


def converted(model, X, **options):
    """Return a function from rows to the outputs of the converted model."""
    skl2onnx = pytest.importorskip("skl2onnx", reason=EXTRA)
    onnxruntime = pytest.importorskip("onnxruntime", reason=EXTRA)
    pytest.importorskip("skmlp_scratch.onnx", reason=EXTRA)
    options = options or ({"zipmap": False} if hasattr(model, "classes_") else {})
    onnx = skl2onnx.to_onnx(model, X[:1], options=options)
    session = onnxruntime.InferenceSession(
        onnx.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return lambda rows: session.run(None, {"X": rows})


def assert_same_predictions(model, X, atol):
    outputs = converted(model, X)(X)
    if not hasattr(model, "classes_"):
        expected = model.predict(X)
        assert outputs[0].shape == expected.reshape(len(X), -1).shape
        np.testing.assert_allclose(
            outputs[0], expected.reshape(len(X), -1), atol=atol, rtol=atol
        )
        assert outputs[0].dtype == X.dtype
        return
    labels, probabilities = outputs
    expected = model.predict_proba(X)
    np.testing.assert_allclose(probabilities, expected, atol=atol)
    np.testing.assert_array_equal(labels, model.predict(X))
    assert probabilities.dtype == X.dtype


def tolerance(dtype, activation="tanh"):
    return 1e-9 if dtype == np.float64 and "gelu" not in activation else 1e-5


@oracle
@kinds
@float_types
@pytest.mark.parametrize("activation", [*ACTIVATIONS, ["gelu", "relu"]], ids=str)
def test_every_activation(activation, dtype, kind):
    X, y = make_data(kind, n_rows=80, targets=KINDS)
    model = estimator_for(kind, activation=activation).fit(X.astype(dtype), y)
    # Far enough out for exponentials to overflow, were they not limited.
    rows = np.concatenate([X, 300 * X]) if kind not in ("counts", "positive") else X
    rows = rows.astype(dtype)
    assert_same_predictions(model, rows, tolerance(dtype, activation))


@oracle
@kinds
@float_types
@pytest.mark.parametrize("hidden_layer_sizes", [(), 6, (5, 4, 3)], ids=str)
def test_in_a_pipeline_whatever_the_depth(hidden_layer_sizes, dtype, kind):
    X, y = make_data(kind, n_rows=80, targets=KINDS)
    X = (20 * X + 5).astype(dtype)
    options = {"batch_norm": bool(hidden_layer_sizes)}
    net = estimator_for(kind, hidden_layer_sizes=hidden_layer_sizes, **options)
    model = make_pipeline(StandardScaler(), net).fit(X, y)
    assert_same_predictions(model, X, tolerance(dtype))


@oracle
@kinds
def test_the_type_of_the_input_decides(kind):
    X, y = make_data(kind, n_rows=80, targets=KINDS)
    for trained_on in (np.float32, np.float64):
        model = estimator_for(kind).fit(X.astype(trained_on), y)
        for given in (np.float32, np.float64):
            outputs = converted(model, X.astype(given))(X.astype(given))
            assert outputs[-1].dtype == given
    whole = np.round(3 * X).astype(np.int64)
    outputs = converted(model, whole)(whole)
    assert outputs[-1].dtype == np.float32
    predict = model.predict if kind in REGRESSORS else model.predict_proba
    np.testing.assert_allclose(
        outputs[-1], predict(whole).reshape(outputs[-1].shape), atol=1e-5, rtol=1e-5
    )


@oracle
def test_quantiles_never_cross():
    X, y = make_data("quantiles", targets=KINDS)
    model = estimator_for("quantiles", max_iter=1).fit(X, y)
    model.intercepts_[-1] = model.intercepts_[-1][[1, 2, 0]]
    logits = predict_logits(X, model.coefs_, model.intercepts_, "tanh")
    assert (np.diff(logits, axis=1) < 0).any()
    (values,) = converted(model, X)(X)
    assert (np.diff(values, axis=1) >= 0).all()
    np.testing.assert_allclose(values, model.predict(X), rtol=1e-9, atol=1e-9)


@oracle
@pytest.mark.parametrize("kind", ["classes", "two", "strings", "two_strings"])
def test_raw_scores_are_decision_function(kind):
    X, y = make_data(kind, targets=KINDS)
    model = estimator_for(kind).fit(X, y)
    _, scores = converted(model, X, zipmap=False, raw_scores=True)(X)
    expected = model.decision_function(X)
    if expected.ndim == 1:
        expected = np.column_stack([-expected, expected])
    np.testing.assert_allclose(scores, expected, atol=1e-9)


@oracle
def test_the_other_options():
    X, y = make_data("strings")
    X = X.astype(np.float32)
    model = estimator_for("strings").fit(X, y)
    expected = model.predict_proba(X)
    labels, mappings = converted(model, X, zipmap=True)(X)
    np.testing.assert_array_equal(labels, model.predict(X))
    for mapping, row in zip(mappings, expected, strict=True):
        assert mapping == pytest.approx(dict(zip("abc", row, strict=True)), abs=1e-5)
    labels, *columns = converted(model, X, zipmap="columns")(X)
    np.testing.assert_allclose(np.column_stack(columns), expected, atol=1e-5)
    labels, _ = converted(model, X, zipmap=False, nocl=True)(X)
    np.testing.assert_array_equal(labels, expected.argmax(axis=1))
    *_, names = converted(model, X, zipmap=False, output_class_labels=True)(X)
    assert names.tolist() == ["a", "b", "c"]


@oracle
@float_types
@pytest.mark.parametrize("kind", ["classes", "two", "strings", "two_strings"])
@pytest.mark.parametrize(
    "wrap",
    [
        lambda net: GridSearchCV(
            make_pipeline(StandardScaler(), net),
            {"scratchmlpclassifier__alpha": [0.1, 1]},
            cv=2,
        ),
        lambda net: CalibratedClassifierCV(net, cv=2),
        lambda net: VotingClassifier(
            [("a", net), ("b", net)], voting="soft", flatten_transform=False
        ),
        lambda net: BaggingClassifier(net, 2, random_state=0),
        lambda net: StackingClassifier(
            [("a", net)], LogisticRegression(solver="newton-cg"), cv=2
        ),
    ],
    ids=["search", "calibrated", "voting", "bagging", "stacking"],
)
def test_inside_other_classifiers(wrap, kind, dtype):
    X, y = make_data(kind, n_rows=80, targets=KINDS)
    model = wrap(estimator_for(kind)).fit(X.astype(dtype), y)
    assert_same_predictions(model, X.astype(dtype), tolerance(dtype))


@oracle
def test_inside_a_voting_regressor():
    X, y = make_data("values")
    nets = [(str(seed), estimator_for("values", random_state=seed)) for seed in (0, 1)]
    assert_same_predictions(VotingRegressor(nets).fit(X, y), X, 1e-9)


@oracle
@pytest.mark.parametrize("kind", ["strings", "labels", "values", "outputs", "counts"])
def test_weights_set_by_hand(kind):
    X, y = make_data(kind)
    model, loaded = estimator_for(kind).fit(X, y), estimator_for(kind)
    loaded.coefs_ = [W.tolist() for W in model.coefs_]
    loaded.intercepts_ = [b.tolist() for b in model.intercepts_]
    loaded.out_activation_ = model.out_activation_
    if is_classifier(kind):
        loaded.classes_ = model.classes_
    before = set(vars(loaded))
    assert_same_predictions(loaded, X, 1e-9)
    assert set(vars(loaded)) == before


@oracle
def test_dates_are_no_labels_of_onnx():
    X, y = make_data("classes")
    dates = np.array(["2020-01-01", "2021-01-01", "2022-01-01"], "M8[D]")[y - 5]
    model = estimator_for("classes").fit(X, dates)
    with pytest.raises(ValueError, match=r"classes_ of type datetime64\[D\]. Fit to"):
        converted(model, X)
