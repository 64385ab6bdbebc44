"""Models in files: ``to_checkpoint`` and ``from_checkpoint``, and skops."""

import os

import numpy as np
import pytest
from helpers import (
    ESTIMATORS,
    both,
    estimator_for,
    fitted_for,
    ignore_convergence,
    kinds,
    make_data,
    prediction_methods,
    quick,
)
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from skmlp_scratch import ScratchMLPClassifier, ScratchMLPRegressor
from skmlp_scratch._estimator.storage import load_tree, save_tree
from skmlp_scratch.exceptions import CheckpointError

pytestmark = ignore_convergence


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.npz"


def assert_predicts_as(again, model, X):
    assert type(again).__name__ == type(model).__name__
    for method in prediction_methods(model):
        one, other = (getattr(m, method)(X) for m in (again, model))
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    assert repr(again.get_params()) == repr(model.get_params())


@kinds
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_model_from_a_file_predicts_as_before(kind, solver, path):
    model = fitted_for(kind, solver=solver)
    X, y = make_data(kind)
    model.to_checkpoint(str(path))
    again = type(model).from_checkpoint(path)
    assert_predicts_as(again, model, X)
    assert again.score(X, y) == model.score(X, y)
    assert vars(again).keys() == vars(model).keys()
    assert again.fit(X, y).n_iter_ == model.n_iter_


@both
def test_parameters_come_back(estimator_class, path):
    classifier = estimator_class is ScratchMLPClassifier
    kind = "classes" if classifier else "values"
    only = {"class_weight": {np.int64(5): 1, 6: 2, 7: np.float32(0.5)}}
    model = estimator_for(
        kind,
        activation=["relu", "tanh"],
        hidden_layer_sizes=np.array([4, 3]),
        dropout=[0.1, 0, 0.2],
        dtype=np.float32,
        n_iter_no_change=np.inf,
        learning_rate_init=np.float32(0.01),
        random_state=np.random.RandomState(3),
        **only if classifier else {"quantile": 0.3, "loss": "quantile"},
    )
    X, y = make_data(kind)
    model.fit(X, y).to_checkpoint(path)
    again = estimator_class.from_checkpoint(path)
    parameters = again.get_params()
    assert parameters["dtype"] is np.float32
    assert parameters["n_iter_no_change"] == np.inf
    assert again.random_state.random_sample() == model.random_state.random_sample()
    clone(again).fit(X, y)
    if classifier:
        assert {type(k) for k in parameters["class_weight"]} == {np.int64, int}
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


def test_labels_of_all_kinds(path):
    X, codes = make_data("classes")
    pd = pytest.importorskip("pandas")
    for labels in (
        np.array(["a", "b\u20ac", "c"]),
        np.array(["a", "b", "c"], object),
        np.array(["2020-01-01", "2020-01-02", "2020-01-03"], "datetime64[D]"),
        np.array([-1.5, 0.0, 2.5]) * 2,
        np.array([1, 2, 3], np.int8),
        np.array([1, 2, 3], ">i4"),
    ):
        model = quick().fit(pd.DataFrame(X, columns=list("abcd")), labels[codes - 5])
        model.to_checkpoint(path)
        again = ScratchMLPClassifier.from_checkpoint(path)
        assert again.classes_.dtype == model.classes_.dtype
        assert again.classes_.tolist() == model.classes_.tolist()
        assert again.feature_names_in_.tolist() == list("abcd")
        frame = pd.DataFrame(X, columns=list("abcd"))
        assert again.predict(frame).tolist() == model.predict(frame).tolist()


def test_set_output_is_a_matter_of_the_reader(path):
    pytest.importorskip("pandas")
    model = fitted_for("classes").set_output(transform="pandas")
    X, _ = make_data("classes")
    model.to_checkpoint(path)
    again = ScratchMLPClassifier.from_checkpoint(path)
    assert isinstance(again.transform(X), np.ndarray)
    frame = again.set_output(transform="pandas").transform(X)
    np.testing.assert_array_equal(frame, model.transform(X))


@both
def test_weights_set_by_hand(estimator_class, path):
    rng = np.random.default_rng(0)
    model = estimator_class(hidden_layer_sizes=2, activation="tanh")
    model.coefs_ = [rng.normal(size=shape) for shape in [(4, 2), (2, 3)]]
    model.intercepts_ = [[0.1, 0.2], [0.3, 0.4, 0.5]]
    model.out_activation_ = "identity"
    if estimator_class is ScratchMLPClassifier:
        model.out_activation_, model.classes_ = "softmax", np.array(["a", "b", "c"])
    before = vars(model).copy()
    model.to_checkpoint(path)
    assert vars(model).keys() == before.keys()
    again = estimator_class.from_checkpoint(path)
    assert_predicts_as(again, model, rng.normal(size=(9, 4)))


def test_a_model_without_rows_yet(path):
    X, y = make_data("classes")
    model = quick().partial_fit(X, y, np.zeros(len(X)), classes=[5, 6, 7])
    model.to_checkpoint(path)
    again = ScratchMLPClassifier.from_checkpoint(path)
    for one in (again, model):
        one.partial_fit(X, y)
    np.testing.assert_array_equal(again.coefs_[0], model.coefs_[0])


class Own(ScratchMLPClassifier):
    """A user's subclass with a parameter of its own."""

    def __init__(self, extra=1, hidden_layer_sizes=(5,), max_iter=3, random_state=0):
        super().__init__(
            hidden_layer_sizes, max_iter=max_iter, random_state=random_state
        )
        self.extra = extra


def test_subclasses(path):
    X, y = make_data("classes")
    model = Own(extra={"a": (1, 2)}).fit(X, y)
    model.to_checkpoint(path)
    again = Own.from_checkpoint(path)
    assert type(again) is Own
    assert again.extra == {"a": (1, 2)}
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    # Without the parameters that the class does not have ...
    plain = ScratchMLPClassifier.from_checkpoint(path)
    assert not hasattr(plain, "extra")
    np.testing.assert_array_equal(plain.predict_proba(X), model.predict_proba(X))
    # ... and with defaults for those not in the file.
    plain.to_checkpoint(path)
    assert Own.from_checkpoint(path).extra == 1


def test_parameters_that_no_file_can_hold_are_named(path):
    X, y = make_data("classes")
    model = Own(extra=lambda x: x).fit(X, y)
    with pytest.raises(CheckpointError, match=r"^parameters\.extra holds <function"):
        model.to_checkpoint(path)
    assert not path.exists()


@both
def test_not_fitted(estimator_class, path):
    with pytest.raises(NotFittedError):
        quick(estimator_class).to_checkpoint(path)
    assert not path.exists()


def test_the_other_class_is_refused(path):
    fitted_for("values").to_checkpoint(path)
    with pytest.raises(CheckpointError, match="holds a ScratchMLPRegressor, not a Sc"):
        ScratchMLPClassifier.from_checkpoint(path)
    ScratchMLPRegressor.from_checkpoint(path)


def test_places_that_are_none(tmp_path):
    model = fitted_for("classes")
    with pytest.raises(IsADirectoryError):
        model.to_checkpoint(tmp_path)
    with pytest.raises(FileNotFoundError):
        model.to_checkpoint(tmp_path / "absent" / "model.npz")
    with pytest.raises(FileNotFoundError):
        type(model).from_checkpoint(tmp_path / "absent.npz")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(
    os.name != "posix" or os.geteuid() == 0,
    reason="permissions are POSIX, and root has all of them",
)
def test_a_folder_that_is_read_only(path):
    model = fitted_for("classes")
    model.to_checkpoint(path)
    before = path.read_bytes()
    path.parent.chmod(0o500)
    try:
        with pytest.raises(PermissionError):
            model.fit(*make_data("classes", seed=1)).to_checkpoint(path)
    finally:
        path.parent.chmod(0o700)
    assert path.read_bytes() == before


def test_settings_by_hand_that_cannot_be_read_again_are_not_written(path):
    model = fitted_for("classes")
    model.to_checkpoint(path)
    model.loss_curve_ = "none"
    with pytest.raises(CheckpointError, match="loss_curve_ is 'none'"):
        model.to_checkpoint(path)
    type(model).from_checkpoint(path)


@pytest.mark.oracle
@pytest.mark.parametrize("estimator_class", ESTIMATORS)
def test_skops_trusts_our_classes_only(estimator_class):
    skops = pytest.importorskip("skops.io", reason="needs the extra 'oracles'")
    kind = "classes" if estimator_class is ScratchMLPClassifier else "values"
    X, y = make_data(kind)
    model = quick(estimator_class, early_stopping=True, averaging=0.9, batch_norm=True)
    if hasattr(model, "set_callbacks"):
        from skmlp_scratch.callbacks import OnEpochEnd

        model.set_callbacks(OnEpochEnd(lambda measured: False)).fit(X, y)
        model.set_callbacks()  # callbacks are code, which skops would not trust
    else:
        model.fit(X, y)
    dumped = skops.dumps(model)
    unknown = skops.get_untrusted_types(data=dumped)
    assert all(name.startswith("skmlp_scratch.") for name in unknown)
    again = skops.loads(dumped, trusted=unknown)
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


@pytest.mark.parametrize(
    "summary",
    [
        3,
        {},
        {"layers": {}, "sentences": []},
        {"layers": {"units": [1], "activation": []}, "sentences": []},
        {"layers": {"units": [1], "activation": ["relu"]}, "sentences": [1]},
        {"layers": {"units": 1, "activation": "relu"}, "sentences": []},
    ],
    ids=str,
)
def test_a_summary_of_another_form_is_refused(summary, path):
    model = fitted_for("classes")
    model.to_checkpoint(path)
    tree = load_tree(path)
    tree["attributes"]["_summary"] = summary
    save_tree(path, tree)
    with pytest.raises(CheckpointError, match="_summary is"):
        ScratchMLPClassifier.from_checkpoint(path)


def test_the_summary_comes_back(path):
    model = fitted_for("classes")
    model.to_checkpoint(path)
    again = ScratchMLPClassifier.from_checkpoint(path)
    assert repr(again.training_summary()) == repr(model.training_summary())
