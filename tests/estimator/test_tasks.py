"""What scikit-learn's callbacks are told of a fit, and what they can do to it."""

import copy
import pickle
import warnings

import joblib
import numpy as np
import pytest
from doubles import Quiet, Recorder, needs_callbacks
from helpers import (
    SKLEARN,
    both,
    checks_of_scikit_learn,
    estimator_for,
    ignore,
    ignore_convergence,
    in_batches_or_at_once,
    interrupted,
    kinds,
    make_data,
    numbers,
    pickled,
    quick,
    scaled_iris,
)
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from skmlp_scratch import ScratchMLPClassifier, ScratchMLPRegressor
from skmlp_scratch.exceptions import DivergenceError
from skmlp_scratch.nn.network import Network

X, Y = scaled_iris()


@pytest.mark.skipif(SKLEARN >= (1, 9), reason="scikit-learn has callbacks")
@both
@ignore_convergence
def test_without_callbacks_in_scikit_learn_there_is_no_method(estimator_class):
    model = quick(estimator_class).fit(X, Y)
    assert not hasattr(model, "set_callbacks")
    assert model.n_iter_ == 5


def callbacks(test):
    """Mark all other tests here."""
    return needs_callbacks(ignore_convergence(test))


def epochs_in_order(n):
    """Return the hooks and tasks of a fit of n epochs."""
    inner = [(hook, number) for number in range(n) for hook in ("begin", "end")]
    return [
        ("setup", "fit"),
        ("begin", "fit"),
        *inner,
        ("end", "fit"),
        ("teardown", "fit"),
    ]


# The tasks


@callbacks
@both
def test_every_epoch_is_a_task_of_the_fit(estimator_class):
    recorder = Recorder()
    quick(estimator_class).set_callbacks(recorder).fit(X, Y)
    assert recorder.order == epochs_in_order(5)
    fit = recorder.seen[0].context
    assert (fit.task_name, fit.task_id, fit.parent) == ("fit", 0, None)
    assert (fit.max_subtasks, fit.sequential_subtasks) == (5, True)
    for told in recorder.epochs:
        assert told.context.parent is fit
        assert told.context.max_subtasks == 0
        assert told.context.estimator_name == estimator_class.__name__


@callbacks
def test_every_iteration_of_lbfgs_is_a_task():
    # As in LogisticRegression: one more is begun before SciPy says that it is done.
    recorder = Recorder()
    model = quick(solver="lbfgs", max_iter=500).set_callbacks(recorder).fit(X, Y)
    assert 0 < model.n_iter_ < 500
    assert recorder.order == epochs_in_order(model.n_iter_ + 1)
    assert len(recorder.epochs) == model.n_iter_


@callbacks
def test_lbfgs_begins_no_more_iterations_than_there_may_be():
    recorder = Recorder()
    quick(solver="lbfgs", max_iter=3).set_callbacks(recorder).fit(X, Y)
    assert recorder.order == epochs_in_order(3)


@callbacks
def test_no_task_is_begun_after_convergence():
    recorder = Recorder()
    model = quick(max_iter=1000, tol=0.1, n_iter_no_change=2)
    model.set_callbacks(recorder).fit(X, Y)
    assert model.n_iter_ < 1000
    assert recorder.order == epochs_in_order(model.n_iter_)


@callbacks
def test_callbacks_are_for_fit_only():
    recorder = Recorder()
    quick().set_callbacks(recorder).partial_fit(X, Y, classes=np.unique(Y))
    assert recorder.seen == []


@callbacks
def test_warm_start_counts_the_epochs_of_each_fit():
    recorder = Recorder()
    model = quick(warm_start=True).set_callbacks(recorder).fit(X, Y)
    model.fit(X, Y)
    assert recorder.order == epochs_in_order(5) * 2
    assert [len(told.fitted.loss_curve_) for told in recorder.epochs] == [*range(1, 11)]


# What hooks get


@callbacks
def test_hooks_get_what_the_caller_passed():
    pd = pytest.importorskip("pandas", reason="a data frame is passed")
    frame = pd.DataFrame(X.astype(np.float32), columns=list("abcd"))
    labels = pd.Series(np.array(["setosa", "versicolor", "virginica"])[Y])
    weights = np.ones(len(Y))
    recorder = Recorder()
    model = quick().set_callbacks(recorder).fit(frame, labels, sample_weight=weights)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for told in recorder.seen[1:-1]:
            assert told.X is frame
            assert told.y is labels
            assert told.metadata == {"sample_weight": weights}
            assert told.estimator is model
        for told in recorder.epochs:  # a warning about names would be an error
            assert 0 <= told.fitted.score(told.X, told.y, **told.metadata) <= 1


@callbacks
def test_without_weights_there_is_no_metadata():
    recorder = Recorder()
    quick().set_callbacks(recorder).fit(X, Y)
    assert {told.metadata for told in recorder.seen[1:-1]} == {None}


@callbacks
@both
def test_the_estimator_changes_at_the_end_only(estimator_class):
    def names(told):
        return {name for name in vars(told.estimator) if name.endswith("_")}

    fresh = quick(estimator_class)
    seen = []
    recorder = Recorder({"end": lambda told: seen.append(names(told))})
    fresh.set_callbacks(recorder).fit(X, Y)
    *during, at_the_end = seen
    assert during == [set()] * 5
    assert {"coefs_", "n_iter_"} <= at_the_end


@callbacks
def test_a_fitted_estimator_keeps_its_old_model_during_a_fit():
    model = quick().fit(X, Y)
    old, seen = model.predict_proba(X), []
    recorder = Recorder(
        {"end": lambda told: seen.append(told.estimator.predict_proba(X))}
    )
    model.set_params(random_state=1).set_callbacks(recorder).fit(X, Y)
    *during, last = seen
    assert all(np.array_equal(old, outputs) for outputs in during)
    np.testing.assert_array_equal(last, model.predict_proba(X))


# The fitted estimator that hooks get

# Each with what would make a copy of the running weights a wrong answer.
FITS = {
    "adam": {},
    "sgd": {"solver": "sgd", "learning_rate_init": 0.1},
    "lbfgs": {"solver": "lbfgs"},
    "early stopping": {"early_stopping": True, "learning_rate_init": 0.3},
    "averaging": {"averaging": 0.9},
    "averaged, stopping early": {
        "early_stopping": True,
        "averaging": 0.9,
        "learning_rate_init": 0.3,
    },
    "batch norm": {"batch_norm": True},
    "noise settled": {"batch_norm": True, "noise": 0.3, "dropout": 0.2},
    "validated": {"batch_norm": True, "dropout": 0.2, "early_stopping": True},
    "float32": {"dtype": "float32"},
}
fits = pytest.mark.parametrize("parameters", FITS.values(), ids=FITS)
# What is made at the end of a fit, or depends on more than the epochs so far.
OTHER = {"_summary", "_training_state", "max_iter"}


def attributes(estimator):
    """Return the attributes of a fitted estimator, but for callbacks."""
    names = vars(estimator).keys() - OTHER - {"_skl_callbacks"}
    return {name: vars(estimator)[name] for name in sorted(names)}


@callbacks
@fits
@both
def test_it_is_what_fit_would_return(estimator_class, parameters):
    recorder = Recorder()
    estimator = quick(estimator_class, max_iter=6, **parameters)
    estimator.set_callbacks(recorder).fit(X, Y)
    assert len(recorder.epochs) == 6
    for number, told in enumerate(recorder.epochs, start=1):
        ended = quick(estimator_class, **{"max_iter": number, **parameters}).fit(X, Y)
        assert joblib.hash(attributes(told.fitted)) == joblib.hash(attributes(ended))


@callbacks
@kinds
def test_it_is_what_fit_would_return_for_all_targets(kind):
    data = make_data(kind)
    recorder = Recorder()
    estimator_for(kind).set_callbacks(recorder).fit(*data)
    ended = estimator_for(kind, max_iter=3).fit(*data)
    fitted = recorder.epochs[2].fitted
    assert joblib.hash(attributes(fitted)) == joblib.hash(attributes(ended))
    np.testing.assert_array_equal(fitted.predict(data[0]), ended.predict(data[0]))


@callbacks
@fits
@both
def test_looking_on_changes_nothing(estimator_class, parameters):
    alone = quick(estimator_class, **parameters).fit(X, Y)
    watched = quick(estimator_class, **parameters).set_callbacks(Recorder()).fit(X, Y)
    del watched._skl_callbacks
    assert joblib.hash(vars(watched)) == joblib.hash(vars(alone))


@callbacks
@fits
def test_later_epochs_do_not_change_it(parameters):
    hashes = []
    recorder = Recorder(
        {"end": lambda told: hashes.append(joblib.hash(attributes(told.fitted)))}
    )
    quick(**parameters).set_callbacks(recorder).fit(X, Y)
    told = [told for told in recorder.seen if told.hook == "end"]
    assert [joblib.hash(attributes(one.fitted)) for one in told] == hashes
    assert len(set(hashes)) >= 5


@callbacks
def test_further_training_does_not_change_it():
    recorder = Recorder()
    model = quick().set_callbacks(recorder).fit(X, Y)
    last = recorder.seen[-2].fitted
    assert last is not model
    before = joblib.hash(attributes(last))
    model.set_callbacks().partial_fit(X, Y)
    assert joblib.hash(attributes(last)) == before


@callbacks
def test_it_can_be_copied_and_trained_further():
    recorder = Recorder()
    quick().set_callbacks(recorder).fit(X, Y)
    for told in [recorder.epochs[2], recorder.seen[-2]]:
        fitted = told.fitted.set_callbacks()
        for twin in (pickled(fitted), copy.deepcopy(fitted)):
            np.testing.assert_array_equal(numbers(twin), numbers(fitted))
        assert clone(fitted).get_params() == fitted.get_params()
    stopped = quick(max_iter=3).fit(X, Y)
    third = recorder.epochs[2].fitted
    for _ in range(3):
        third.partial_fit(X, Y)
        stopped.partial_fit(X, Y)
    np.testing.assert_array_equal(numbers(third), numbers(stopped))


@callbacks
def test_pickled_it_is_as_large_as_the_model():
    # Tasks are a tree: one of them would bring all others, of a search for example.
    recorder = Recorder()
    net = quick(max_iter=50).set_callbacks(recorder)
    search = GridSearchCV(net, {"alpha": [0.0, 0.1]}, cv=2).fit(X, Y)
    size = len(pickle.dumps(search.best_estimator_.set_callbacks()))
    assert len(recorder.epochs) == 5 * 50
    for told in [*recorder.epochs, recorder.seen[-2]]:
        fitted = told.fitted.set_callbacks()
        assert len(pickle.dumps(fitted)) < 1.2 * size


@callbacks
def test_nothing_of_an_earlier_fit_is_left_in_it():
    pd = pytest.importorskip("pandas", reason="a data frame is passed")
    recorder = Recorder()
    model = quick(early_stopping=True).fit(pd.DataFrame(X, columns=list("abcd")), Y)
    model.set_params(early_stopping=False).set_callbacks(recorder).fit(X, Y)
    for told in recorder.epochs:
        assert not hasattr(told.fitted, "feature_names_in_")
        assert told.fitted.validation_scores_ is None


# Ends


@callbacks
@both
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("answer", [True, np.True_])
def test_a_stop_is_a_smaller_max_iter(estimator_class, solver, answer):
    recorder = Recorder({("end", 2): answer})
    model = quick(estimator_class, max_iter=100, solver=solver)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.set_callbacks(recorder).fit(X, Y)
    assert model.n_iter_ == len(model.loss_curve_) == 3
    assert recorder.order == epochs_in_order(3)
    short = quick(estimator_class, max_iter=3, solver=solver).fit(X, Y)
    np.testing.assert_array_equal(numbers(model), numbers(short))


@callbacks
def test_a_stop_goes_back_to_the_best_epoch():
    parameters = FITS["early stopping"]
    n_iter = quick(max_iter=50, **parameters).fit(X, Y).best_iter_ + 3
    recorder = Recorder({("end", n_iter - 1): True})
    model = quick(max_iter=50, **parameters).set_callbacks(recorder).fit(X, Y)
    short = quick(max_iter=n_iter, **parameters).fit(X, Y)
    assert model.n_iter_ == n_iter == model.best_iter_ + 3
    np.testing.assert_array_equal(numbers(model), numbers(short))


@callbacks
@in_batches_or_at_once
@pytest.mark.parametrize("hook", ["begin", "end"])
def test_an_interrupt_in_a_callback_ends_training(solver, hook):
    # What was trained so far is kept, as if Ctrl-C had come during an epoch.
    recorder = Recorder({(hook, 3): interrupted})
    model = quick(max_iter=50, solver=solver).set_callbacks(recorder)
    with pytest.warns(UserWarning, match="interrupted by user"):
        model.fit(X, Y)
    n_iter = 3 if hook == "begin" else 4
    assert model.n_iter_ == n_iter
    # Every task is told to have ended, once.
    assert recorder.order == epochs_in_order(4)
    assert recorder.seen[-2].fitted is not None


@callbacks
def test_an_interrupt_in_an_epoch_is_told(monkeypatch):
    recorder = Recorder(
        {
            ("begin", 2): lambda told: monkeypatch.setattr(
                "skmlp_scratch.nn.network.Network.loss_and_gradient", interrupted
            )
        }
    )
    model = quick().set_callbacks(recorder)
    with pytest.warns(UserWarning, match="interrupted by user"):
        model.fit(X, Y)
    assert recorder.order == epochs_in_order(3)
    assert [told.task for told in recorder.epochs] == [0, 1]
    assert model.n_iter_ == 2


@callbacks
@pytest.mark.filterwarnings("ignore:Training diverged")
@pytest.mark.parametrize("epoch", [0, 30])
def test_divergence_is_the_end_of_a_fit_or_an_error(epoch, monkeypatch):
    """Early on, before it is of use, an untrained model is refused."""

    def diverge(told):
        real = Network.loss_and_gradient
        monkeypatch.setattr(
            Network, "loss_and_gradient", lambda *a, **k: (np.nan, real(*a, **k)[1])
        )

    recorder = Recorder({("begin", epoch): diverge})
    model = quick(max_iter=50, learning_rate_init=0.02).set_callbacks(recorder)
    if epoch:
        model.fit(X, Y)
        assert recorder.order == epochs_in_order(epoch + 1)
        np.testing.assert_array_equal(numbers(recorder.seen[-2].fitted), numbers(model))
    else:
        with pytest.raises(DivergenceError):
            model.fit(X, Y)
        assert recorder.order[-2:] == [("begin", 0), ("teardown", "fit")]
    # That epoch did not come to its end.
    assert len(recorder.epochs) == epoch


@callbacks
def test_a_fit_that_fails_is_torn_down(fitted):
    recorder, before = Recorder(), joblib.hash(attributes(fitted))
    spoilt = np.full_like(X, np.nan)
    fitted.set_callbacks(recorder)
    with pytest.raises(ValueError, match="NaN"):
        fitted.fit(spoilt, Y)
    assert joblib.hash(attributes(fitted)) == before
    assert recorder.order[-1] == ("teardown", "fit")
    assert ("end", "fit") not in recorder.order
    with pytest.raises(ValueError, match="alpha"):  # before anything is set up
        fitted.set_params(alpha=-1).fit(X, Y)
    assert recorder.order[-1] == ("teardown", "fit")
    assert recorder.order.count(("setup", "fit")) == 1


@callbacks
@pytest.mark.parametrize(
    "where",
    ["setup", ("begin", "fit"), ("begin", 1), ("end", 0), ("end", 1), ("end", "fit")],
    ids=str,
)
@in_batches_or_at_once
def test_a_callback_that_fails_leaves_a_fitted_model(fitted, where, solver):
    witness, failing = Recorder(), Recorder({where: RuntimeError("no more")})
    fitted.set_params(solver=solver, early_stopping=False)
    fitted.set_callbacks(witness, failing)
    before = joblib.hash(attributes(fitted))
    with pytest.raises(RuntimeError, match="no more"):
        fitted.fit(X, Y)
    assert joblib.hash(attributes(fitted)) == before
    assert not [name for name in vars(fitted) if "callback_ctx" in name]
    assert witness.order[-1] == failing.order[-1] == ("teardown", "fit")


@callbacks
def test_a_new_estimator_stays_new_if_a_callback_fails():
    model = quick().set_callbacks(Recorder({("end", "fit"): RuntimeError("no more")}))
    with pytest.raises(RuntimeError, match="no more"):
        model.fit(X, Y)
    assert not [name for name in vars(model) if name.endswith("_")]


@callbacks
def test_an_interrupt_at_the_very_end_keeps_the_model():
    model = quick().set_callbacks(Recorder({("end", "fit"): interrupted}))
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y)
    assert model.n_iter_ == 5
    assert 0 <= model.score(X, Y) <= 1


# On the estimator


@callbacks
def test_callbacks_stay_as_in_scikit_learn():
    callback = Quiet()
    model = quick().set_callbacks(callback).fit(X, Y)
    assert model._skl_callbacks == [callback]
    assert clone(model)._skl_callbacks[0] is callback
    assert type(pickled(model)._skl_callbacks[0]) is Quiet
    assert not [name for name in model.get_params() if "callback" in name]
    assert not [name for name in vars(model) if "callback_ctx" in name]
    assert "_skl_callbacks" not in vars(model.set_callbacks())


@callbacks
def test_what_is_no_callback_is_refused():
    with pytest.raises(TypeError, match="FitCallback"):
        quick().set_callbacks(print)
    with pytest.raises(TypeError, match="FitCallback"):
        quick().set_callbacks(Quiet)


@callbacks
@ignore("ConstantPredictionWarning")
@ignore("DeadUnitsWarning")
@ignore("FeatureScaleWarning")
@ignore("RareClassWarning")
@ignore("TargetScaleWarning")
@checks_of_scikit_learn(
    [
        cls(max_iter=30).set_callbacks(Quiet()) if SKLEARN >= (1, 9) else cls()
        for cls in (ScratchMLPClassifier, ScratchMLPRegressor)
    ],
    lambda estimator: {},
)
def test_scikit_learns_checks_with_a_callback(estimator, check):
    check(estimator)  # asserts for itself
