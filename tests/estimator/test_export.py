"""To scikit-learn's networks and back, and on to ONNX: equal predictions."""

import inspect
from functools import partial

import helpers
import joblib
import numpy as np
import pytest
from helpers import (
    NEEDED,
    TARGETS,
    fitted_attributes,
    ignore_convergence,
    is_classifier,
    poisson_in_scikit_learn,
    sklearn_activations,
    sklearn_solvers,
    sklearn_stochastic,
)
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from skmlp_scratch import ScratchMLPClassifier, ScratchMLPRegressor

pytestmark = ignore_convergence

OURS = {True: ScratchMLPClassifier, False: ScratchMLPRegressor}
THEIRS = {True: MLPClassifier, False: MLPRegressor}

OWN_TARGETS = {
    "two_classes": lambda s, rng: np.array([-1, 1])[(s.argmax(axis=1) > 0).astype(int)],
    "classes": TARGETS["classes"],
    "strings": TARGETS["strings"],
    "two_strings": lambda s, rng: np.where(s.argmax(axis=1) > 0, "no", "yes"),
    "labels": TARGETS["labels"],
    "one_label": lambda s, rng: (s[:, :2] > [0, 9]).astype(int),
    **{kind: TARGETS[kind] for kind in ("values", "outputs", "counts")},
}
kinds = pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, marks=poisson_in_scikit_learn) if kind == "counts" else kind
        for kind in OWN_TARGETS
    ],
)
make_data = partial(helpers.make_data, n_rows=80, noise=0.3, targets=OWN_TARGETS)
parameters_for = partial(helpers.parameters_for, max_iter=10)


def fitted(kind, **parameters):
    ours = OURS[is_classifier(kind)](**parameters_for(kind, **parameters))
    return ours.fit(*make_data(kind))


def fitted_model(kind, **parameters):
    theirs = THEIRS[is_classifier(kind)](**parameters_for(kind, **parameters))
    return theirs.fit(*make_data(kind))


def assert_equal_predictions(one, other, kind, X):
    close = {"rtol": 1e-12, "atol": 1e-12}
    if not is_classifier(kind):
        np.testing.assert_allclose(one.predict(X), other.predict(X), **close)
        assert one.predict(X).shape == other.predict(X).shape
        return
    np.testing.assert_array_equal(one.predict(X), other.predict(X))
    np.testing.assert_array_equal(one.classes_, other.classes_)
    probabilities = one.predict_proba(X)
    np.testing.assert_allclose(probabilities, other.predict_proba(X), **close)
    # scikit-learn takes the logarithm of the probability: small ones are rounded.
    sure = probabilities > 1e-3
    with np.errstate(divide="ignore"):
        logs, expected = (e.predict_log_proba(X)[sure] for e in (one, other))
    np.testing.assert_allclose(logs, expected, rtol=1e-9, atol=1e-12)


def arrays(estimator):
    return estimator.coefs_ + estimator.intercepts_


# To scikit-learn


@kinds
@sklearn_solvers
@sklearn_activations
def test_to_sklearn_predicts_the_same(activation, solver, kind):
    estimator = fitted(kind, activation=activation, solver=solver)
    model = estimator.to_sklearn()
    assert type(model) is THEIRS[is_classifier(kind)]
    X = np.random.default_rng(1).normal(size=(300, 4)) * 3
    assert_equal_predictions(model, estimator, kind, X)
    X, y = make_data(kind)
    assert model.score(X, y) == pytest.approx(estimator.score(X, y), rel=1e-12)
    np.testing.assert_array_equal(np.asarray(model.predict(X)).shape, y.shape)


@kinds
@pytest.mark.parametrize("hidden_layer_sizes", [(), 6, [6, 5], np.array([3])], ids=str)
def test_every_architecture(hidden_layer_sizes, kind):
    estimator = fitted(kind, hidden_layer_sizes=hidden_layer_sizes)
    X, _ = make_data(kind, 1)
    assert_equal_predictions(estimator.to_sklearn(), estimator, kind, X)


@kinds
@pytest.mark.parametrize("early_stopping", [False, True])
def test_what_both_have_comes_along(early_stopping, kind):
    estimator = fitted(
        kind, early_stopping=early_stopping, alpha=0.5, tol=0.01, learning_rate_init=0.1
    )
    model = estimator.to_sklearn()
    parameters = estimator.get_params()
    for name, value in model.get_params().items():
        assert parameters[name] == value, name
    for name in ("n_layers_", "n_iter_", "t_", "loss_", "loss_curve_", "best_loss_"):
        assert getattr(model, name) == getattr(estimator, name), name
    for name in ("validation_scores_", "best_validation_score_", "n_features_in_"):
        assert getattr(model, name) == getattr(estimator, name), name


def test_two_outputs_become_one_logistic_unit():
    model = fitted("two_strings").to_sklearn()
    assert model.n_outputs_ == 1
    assert model.out_activation_ == "logistic"
    assert model.coefs_[-1].shape == (5, 1)
    assert model.intercepts_[-1].shape == (1,)
    assert model.classes_.tolist() == ["no", "yes"]


def test_extreme_probabilities():
    estimator = fitted("two_classes", hidden_layer_sizes=())
    X = np.linspace(-1e4, 1e4, 201)[:, np.newaxis] * estimator.coefs_[0][:, 1]
    np.testing.assert_allclose(
        estimator.to_sklearn().predict_proba(X),
        estimator.predict_proba(X),
        rtol=1e-9,
        atol=1e-15,
    )


@pytest.mark.parametrize("kind", ["classes", "values"])
def test_float32_stays_float32(kind):
    estimator = fitted(kind, dtype="float32")
    model = estimator.to_sklearn()
    assert {array.dtype for array in arrays(model)} == {np.dtype(np.float32)}
    back = type(estimator).from_sklearn(model)
    assert back.dtype == "float32"
    assert {array.dtype for array in arrays(back)} == {np.dtype(np.float32)}
    X, _ = make_data(kind, 1)
    rows = X.astype(np.float32)
    np.testing.assert_allclose(model.predict(rows), estimator.predict(rows), rtol=1e-4)
    np.testing.assert_array_equal(back.predict(X), estimator.predict(X))


@kinds
def test_feature_names_are_kept(kind):
    pandas = pytest.importorskip("pandas")
    X, y = make_data(kind)
    names = ["north", "east", "south", "west"]
    frame = pandas.DataFrame(X, columns=names)
    estimator = OURS[is_classifier(kind)](**parameters_for(kind)).fit(frame, y)
    model = estimator.to_sklearn()
    assert model.feature_names_in_.tolist() == names
    assert_equal_predictions(model, estimator, kind, frame)
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame[names[::-1]])
    assert type(estimator).from_sklearn(model).feature_names_in_.tolist() == names
    assert not hasattr(fitted(kind).to_sklearn(), "feature_names_in_")


# Back


@kinds
@sklearn_solvers
@sklearn_activations
def test_from_sklearn_predicts_the_same(activation, solver, kind):
    model = fitted_model(kind, activation=activation, solver=solver)
    estimator = OURS[is_classifier(kind)].from_sklearn(model)
    X = np.random.default_rng(1).normal(size=(300, 4)) * 3
    assert_equal_predictions(estimator, model, kind, X)
    assert estimator.weight_init == "glorot_uniform"
    assert estimator.dtype == "float64"
    ours = estimator.get_params()
    for name, value in model.get_params().items():
        assert ours[name] == value, name
    for name in ("n_iter_", "t_", "loss_", "n_layers_", "n_features_in_"):
        assert getattr(estimator, name) == getattr(model, name), name


@kinds
@sklearn_solvers
def test_a_round_trip_changes_nothing(solver, kind):
    estimator = fitted(kind, solver=solver)
    back = type(estimator).from_sklearn(estimator.to_sklearn())
    X, _ = make_data(kind, 1)
    assert_equal_predictions(back, estimator, kind, X)
    assert fitted_attributes(back) == fitted_attributes(estimator)
    assert back.best_iter_ == estimator.best_iter_
    model = fitted_model(kind, solver=solver)
    there_and_back = OURS[is_classifier(kind)].from_sklearn(model).to_sklearn()
    for mine, other in zip(arrays(there_and_back), arrays(model), strict=True):
        np.testing.assert_array_equal(mine, other)
    assert_equal_predictions(there_and_back, model, kind, X)


# Neither depends on the other


@kinds
def test_no_memory_is_shared(kind):
    estimator = fitted(kind, early_stopping=is_classifier(kind))
    model = estimator.to_sklearn()
    back = type(estimator).from_sklearn(model)
    before = [joblib.hash(vars(e)) for e in (estimator, model, back)]
    for one, *others in (
        (estimator, model, back),
        (model, estimator, back),
        (back, estimator, model),
    ):
        unchanged = [joblib.hash(vars(other)) for other in others]
        for array in arrays(one):
            array[...] = 1
        one.loss_curve_.append(0)
        if is_classifier(kind):
            one.validation_scores_.append(0)
        assert [joblib.hash(vars(other)) for other in others] == unchanged
    assert all(
        joblib.hash(vars(e)) != old
        for e, old in zip((estimator, model, back), before, strict=True)
    )


@kinds
@sklearn_stochastic
def test_training_goes_on_with_the_result(solver, kind):
    X, y = make_data(kind)
    parameters = {"solver": solver, "learning_rate_init": 0.02}
    estimator = fitted(kind, **parameters)
    model = fitted_model(kind, **parameters)
    n_rows = estimator.t_
    ours, theirs = type(estimator), type(model)
    for result in (
        estimator.to_sklearn(),
        ours.from_sklearn(model),
        ours.from_sklearn(estimator.to_sklearn()),
        ours.from_sklearn(model).to_sklearn(),
    ):
        assert isinstance(result, ours | theirs)
        score = result.score(X, y)
        for _ in range(30):
            result.partial_fit(X, y)
        assert result.score(X, y) > score
        assert result.t_ == n_rows + 30 * 80
        loss = result.loss_
        result.set_params(warm_start=True, max_iter=30).fit(X, y)
        assert result.loss_ < loss
        assert len(result.loss_curve_) == 10 + 30 + 30


@kinds
def test_warm_start_of_lbfgs_goes_on_with_the_result(kind):
    X, y = make_data(kind)
    estimator = fitted(kind, solver="lbfgs", max_iter=5)
    model = fitted_model(kind, solver="lbfgs", max_iter=5)
    for result in (estimator.to_sklearn(), type(estimator).from_sklearn(model)):
        score = result.score(X, y)
        result.set_params(warm_start=True, max_iter=20).fit(X, y)
        assert result.score(X, y) > score


@pytest.mark.parametrize("kind", ["classes", "labels", "values", "outputs"])
def test_both_go_on_with_the_same_numbers(kind):
    # After a warm start both have a new optimizer and the same order of rows.
    X, y = make_data(kind)
    estimator = fitted(kind, warm_start=True, batch_size=30)
    model = estimator.to_sklearn()
    estimator.fit(X, y)
    model.fit(X, y)
    for mine, other in zip(arrays(estimator), arrays(model), strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-8)


@kinds
def test_the_result_can_be_cloned_and_fitted_anew(kind):
    X, y = make_data(kind)
    model = clone(fitted(kind).to_sklearn()).fit(X, y)
    assert model.n_iter_ == 10
    back = clone(type(fitted(kind)).from_sklearn(model)).fit(X, y)
    assert back.n_iter_ == 10


# Subclasses with constructors of their own, and weights set by hand


class DeepClassifier(ScratchMLPClassifier):
    def __init__(self, width=10, depth=1):
        super().__init__((width,) * depth, "tanh", random_state=0, max_iter=10)
        self.width = width
        self.depth = depth


class DeepRegressor(ScratchMLPRegressor):
    def __init__(self, width=10, depth=1, *, rate=0.01, **others):
        super().__init__(
            hidden_layer_sizes=(width,) * depth, learning_rate_init=rate, **others
        )
        self.width, self.depth, self.rate = width, depth, rate


class TheirDeepClassifier(MLPClassifier):
    def __init__(self, width=10):
        super().__init__((width, width), activation="logistic", max_iter=5)
        self.width = width


@pytest.mark.parametrize(
    "kind", ["two_classes", "strings", "labels", "values", "outputs"]
)
def test_subclasses_with_constructors_of_their_own(kind):
    ours = DeepClassifier if is_classifier(kind) else DeepRegressor
    X, _ = make_data(kind, 1)
    estimator = with_fit_of(fitted(kind, alpha=0.5), ours(5, 2))
    model = estimator.to_sklearn()
    assert type(model) is THEIRS[is_classifier(kind)]
    assert model.alpha == 0.5
    assert model.hidden_layer_sizes == (7, 5)
    assert_equal_predictions(model, estimator, kind, X)
    back = ours.from_sklearn(model)
    assert type(back) is ours
    assert_equal_predictions(back, estimator, kind, X)
    assert (back.alpha, back.width, back.weight_init) == (0.5, 10, "glorot_uniform")
    assert (back.dtype, back.hidden_layer_sizes) == ("float64", (7, 5))
    assert back.activation == "tanh"


def with_fit_of(fitted, estimator):
    """Return an estimator of another class as if it had been fitted."""
    vars(estimator).update(vars(fitted))
    return estimator


def test_a_subclass_of_theirs():
    X, y = make_data("classes")
    model = TheirDeepClassifier(6).fit(X, y)
    back = ScratchMLPClassifier.from_sklearn(model)
    assert back.hidden_layer_sizes == (6, 6)
    assert back.activation == "logistic"
    assert_equal_predictions(back, model, "classes", X)


def test_a_subclass_whose_constructor_needs_arguments():
    class Needy(ScratchMLPRegressor):
        def __init__(self, width):
            super().__init__(width)
            self.width = width

    message = r"makes a Needy without arguments: .* missing 1 required .* 'width'"
    with pytest.raises(TypeError, match=message):
        Needy.from_sklearn(fitted_model("values"))
    estimator = with_fit_of(fitted("values"), Needy(5))
    X, _ = make_data("values", 1)
    assert_equal_predictions(estimator.to_sklearn(), estimator, "values", X)


def loaded_from(fitted, estimator):
    """Set just what predictions need, as if it came from a file."""
    for name in [*NEEDED, "classes_"]:
        if hasattr(fitted, name):
            setattr(estimator, name, getattr(fitted, name))
    return estimator


@kinds
@pytest.mark.parametrize("lists", [False, True])
def test_weights_set_by_hand_go_both_ways(lists, kind):
    X, _ = make_data(kind, 1)
    for source in (fitted(kind), fitted_model(kind)):
        loaded = loaded_from(source, type(source)(**parameters_for(kind)))
        if lists:
            loaded.coefs_ = [W.tolist() for W in source.coefs_]
            loaded.intercepts_ = [b.tolist() for b in source.intercepts_]
        if isinstance(source, OURS[is_classifier(kind)]):
            result = loaded.to_sklearn()
        else:
            result = OURS[is_classifier(kind)].from_sklearn(loaded)
            assert result.n_iter_ == result.t_ == 0
            assert result.loss_curve_ == []
        assert_equal_predictions(result, source, kind, X)


@kinds
def test_nothing_that_can_change_is_shared(kind):
    rng = np.random.RandomState(0)
    options = {"random_state": rng, "hidden_layer_sizes": [7, 5], "max_iter": 2}
    for source in (fitted(kind, **options), fitted_model(kind, **options)):
        if isinstance(source, OURS[is_classifier(kind)]):
            result = source.to_sklearn()
        else:
            result = OURS[is_classifier(kind)].from_sklearn(source)
        assert result.random_state is not source.random_state
        assert_same_numbers_come_next(result.random_state, source.random_state)
        result.random_state.rand(5)  # of no consequence
        state = rng.get_state()[2]
        result.fit(*make_data(kind))
        assert rng.get_state()[2] == state
        result.hidden_layer_sizes.append(3)
        assert source.hidden_layer_sizes == [7, 5]
        assert shared(vars(result), vars(source)) == []


def assert_same_numbers_come_next(one, other):
    for mine, theirs in zip(one.get_state(), other.get_state(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def shared(one, other):
    """Return the names of attributes that are one and the same changeable object."""
    changeable = (list, dict, np.ndarray, np.random.RandomState)
    values = {id(value) for value in other.values() if isinstance(value, changeable)}
    return [name for name, value in one.items() if id(value) in values]


# Errors


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("coefs_", lambda W: [W[0], W[1] * np.nan, W[2]], r"coefs_\[1\] contains NaN"),
        (
            "intercepts_",
            lambda b: [*b[:2], b[2] + np.inf],
            r"intercepts_\[2\] contains",
        ),
        ("coefs_", lambda W: [W[0].T, *W[1:]], r"coefs_\[0\] of shape \(7, 4\)"),
        ("coefs_", lambda W: W[:2], "got 2 and 3 with n_layers_=4"),
        ("coefs_", lambda W: [W[0], W[2]], "got 2 and 3"),
        ("coefs_", lambda W: [W[0].ravel(), *W[1:]], r"coefs_\[0\] of shape \(28,\)"),
        (
            "intercepts_",
            lambda b: [b[1], b[0], b[2]],
            r"intercepts_\[0\] of shape \(5,\)",
        ),
        ("n_features_in_", lambda n: n + 1, r"for 5 inputs the shapes must be"),
        ("n_layers_", lambda n: n - 1, "with n_layers_=3"),
        ("activation", lambda _: "swish", "activation must be one of .* got 'swish'"),
        ("activation", lambda _: None, "activation must be one of .* got None"),
        ("out_activation_", lambda _: "cosh", "out_activation_ must be .* got 'cosh'"),
    ],
)
@pytest.mark.parametrize(
    "kind", ["classes", "two_classes", "labels", "values", "outputs"]
)
def test_a_model_that_was_tampered_with(kind, name, change, message):
    model = fitted_model(kind)
    setattr(model, name, change(getattr(model, name)))
    before = joblib.hash(vars(model))
    with pytest.raises(ValueError, match=message):
        OURS[is_classifier(kind)].from_sklearn(model)
    assert joblib.hash(vars(model)) == before


@pytest.mark.parametrize(
    "classes", [["a"], list("abcd"), ["c", "b", "a"], ["a", "a", "b"]]
)
def test_a_model_with_other_classes(classes):
    model = fitted_model("classes")
    model.classes_ = np.array(classes)
    with pytest.raises(ValueError, match="classes_ must h"):
        ScratchMLPClassifier.from_sklearn(model)


@pytest.mark.parametrize("missing", ["coefs_", "intercepts_", "out_activation_"])
def test_a_model_that_is_not_fully_fitted(missing):
    for kind in ("classes", "values"):
        model = fitted_model(kind)
        message = f"has no {missing}. Weights of your"
        setattr(model, missing, None)
        with pytest.raises(NotFittedError, match=message):
            OURS[is_classifier(kind)].from_sklearn(model)
        delattr(model, missing)
        with pytest.raises(NotFittedError, match=message):
            OURS[is_classifier(kind)].from_sklearn(model)


@pytest.mark.parametrize("ours", OURS.values())
def test_unfitted(ours):
    with pytest.raises(NotFittedError, match=f"This {ours.__name__} instance is not"):
        ours().to_sklearn()
    theirs = THEIRS[ours is ScratchMLPClassifier]
    with pytest.raises(NotFittedError, match=f"This {theirs.__name__} instance is not"):
        ours.from_sklearn(theirs())


@pytest.mark.parametrize("ours", OURS.values())
def test_wrong_type(ours):
    theirs = THEIRS[ours is ScratchMLPClassifier].__name__
    other = THEIRS[ours is ScratchMLPRegressor]()
    for wrong in (other, ours(), None, StandardScaler(), "MLPClassifier"):
        message = f"model must be a fitted {theirs}, got {type(wrong).__name__}"
        with pytest.raises(TypeError, match=message):
            ours.from_sklearn(wrong)


def test_one_class():
    X, _ = make_data("classes")
    estimator = ScratchMLPClassifier(3, max_iter=2).fit(X, np.full(len(X), "only"))
    with pytest.raises(ValueError, match="cannot express a single class"):
        estimator.to_sklearn()
    model = MLPClassifier(3, max_iter=2).fit(X, np.full(len(X), "only"))
    back = ScratchMLPClassifier.from_sklearn(model)
    assert back.predict_proba(X).shape == (len(X), 1)
    np.testing.assert_array_equal(back.predict(X), model.predict(X))


@pytest.mark.skipif(
    "loss" in inspect.signature(MLPRegressor).parameters,
    reason="only where MLPRegressor has no Poisson loss: scikit-learn 1.6",
)
def test_poisson_that_scikit_learn_does_not_have():
    with pytest.raises(ValueError, match="poisson"):
        fitted("counts").to_sklearn()


# ONNX

ENOUGH = {"hidden_layer_sizes": (20, 10), "learning_rate_init": 0.02, "max_iter": 40}


def onnx_session(model, X):
    skl2onnx = pytest.importorskip(
        "skl2onnx", reason="needs skl2onnx (optional dependencies 'oracles')"
    )
    onnxruntime = pytest.importorskip(
        "onnxruntime", reason="needs onnxruntime (optional dependencies 'oracles')"
    )
    final = model.steps[-1][1] if isinstance(model, Pipeline) else model
    options = {id(final): {"zipmap": False}} if hasattr(final, "classes_") else None
    onnx = skl2onnx.to_onnx(model, X[:1], options=options)
    return onnxruntime.InferenceSession(
        onnx.SerializeToString(), providers=["CPUExecutionProvider"]
    )


def in_pipeline(estimator, X, y):
    """Return a fitted pipeline, and the same one with the network exported."""
    pipeline = make_pipeline(StandardScaler(), estimator).fit(X, y)
    exported = Pipeline([*pipeline.steps[:-1], ("network", pipeline[-1].to_sklearn())])
    return pipeline, exported


@pytest.mark.oracle
@pytest.mark.parametrize("piped", [False, True], ids=["alone", "in a pipeline"])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize(
    "kind", ["two_classes", "two_strings", "classes", "strings", "labels"]
)
def test_onnx_gives_the_same_probabilities(kind, activation, piped):
    X, y = make_data(kind)
    X = X.astype(np.float32)
    estimator = ScratchMLPClassifier(
        **parameters_for(kind, activation=activation, **ENOUGH)
    )
    if piped:
        estimator, model = in_pipeline(estimator, 20 * X + 5, y)
    else:
        model = estimator.fit(X, y).to_sklearn()
    rows = np.random.default_rng(1).normal(size=(200, 4)).astype(np.float32)
    rows = 20 * rows + 5 if piped else rows
    labels, probabilities = onnx_session(model, rows).run(None, {"X": rows})
    expected = estimator.predict_proba(rows)
    np.testing.assert_allclose(probabilities, expected, atol=1e-6)
    assert np.ptp(expected, axis=0).min() > 0.5  # there is something to compare
    clear = (abs(np.sort(expected, axis=1)[:, -1:] - 0.5) > 1e-5).all(axis=1)
    np.testing.assert_array_equal(labels[clear], estimator.predict(rows)[clear])


@pytest.mark.oracle
@pytest.mark.parametrize("piped", [False, True], ids=["alone", "in a pipeline"])
@pytest.mark.parametrize("kind", ["values", "outputs"])
def test_onnx_gives_the_same_values(kind, piped):
    X, y = make_data(kind)
    X = X.astype(np.float32)
    estimator = ScratchMLPRegressor(**parameters_for(kind, **ENOUGH))
    if piped:
        estimator, model = in_pipeline(estimator, X, y)
    else:
        model = estimator.fit(X, y).to_sklearn()
    rows = np.random.default_rng(1).normal(size=(200, 4)).astype(np.float32)
    (values,) = onnx_session(model, rows).run(None, {"X": rows})
    expected = estimator.predict(rows).reshape(values.shape)
    np.testing.assert_allclose(values, expected, atol=1e-5)
