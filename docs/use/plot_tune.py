"""
Tune parameters
===============

How do I find a good learning rate, size and amount of regularisation?

*The pictures need* ``pip install matplotlib``. *The part on Optuna needs*
``pip install optuna`` *and scikit-learn 1.9 or newer. It is skipped without Optuna.*
"""

# %%
# First the learning rate
# -----------------------
#
# It matters most, and needs no search. :func:`~skmlp_scratch.find_learning_rate` takes
# 200 steps, each at a larger rate than the one before: small rates change nothing, good
# ones lower the loss, and too large ones let it explode. It neither fits nor changes
# your estimator.

import importlib.util
import time

import matplotlib.pyplot as plt
from scipy.stats import loguniform
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import (
    GridSearchCV,
    HalvingRandomSearchCV,
    RandomizedSearchCV,
    cross_val_score,
    train_test_split,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skmlp_scratch import ScratchMLPClassifier, find_learning_rate

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

# A plan of the learning rate ends by itself: no candidate waits for convergence.
model = make_pipeline(
    MinMaxScaler(),
    ScratchMLPClassifier(
        hidden_layer_sizes=50,
        learning_rate="one_cycle",
        batch_size=50,
        max_iter=10,
        random_state=0,
    ),
)
found = find_learning_rate(model, X_train, y_train)
print(f"suggestion: {found.suggestion:.4f}")
model.set_params(scratchmlpclassifier__learning_rate_init=found.suggestion)
found.plot()
plt.show()

# %%
# A grid
# ------
#
# :class:`~sklearn.model_selection.GridSearchCV` tries all combinations. The parameters
# of a step of a pipeline begin with its name and two underscores. ``n_jobs=-1`` takes
# all cores; on this page it is left out, so that the page takes as long everywhere.
#
# Searches see the training rows only. The test rows wait until the end of this page.

PREFIX = "scratchmlpclassifier__"
found_best = []  # by each search: cross-validated accuracy, its name, fitted model


def tell(search):
    """Fit a search, and print what it has found and what it has cost."""
    start = time.perf_counter()
    search.fit(X_train, y_train)
    seconds = time.perf_counter() - start
    n_settings = len(search.cv_results_["params"])
    print(f"{n_settings} settings tried in {seconds:.1f} s, the best:")
    for name, value in search.best_params_.items():
        short = f"{value:.3g}" if isinstance(value, float) else value
        print(f"    {name.removeprefix(PREFIX)}: {short}")
    print(f"cross-validated accuracy: {search.best_score_:.3f}")
    name = type(search).__name__
    found_best.append((search.best_score_, name, search.best_estimator_))


tell(
    GridSearchCV(
        model,
        {
            PREFIX + "hidden_layer_sizes": [(50,), (100,), (50, 50)],
            PREFIX + "activation": ["relu", "tanh"],
        },
        cv=3,
    )
)

# %%
# At random
# ---------
#
# With more than two or three parameters draw candidates from ranges instead:
# :class:`~sklearn.model_selection.RandomizedSearchCV` with as many as you can pay.
# Rates and penalties are drawn on a logarithmic scale.

SPACE = {
    PREFIX + "hidden_layer_sizes": [(50,), (100,), (100, 50)],
    PREFIX + "learning_rate_init": loguniform(0.003, 0.1),
    PREFIX + "noise": [0.0, 0.1, 0.3],
    PREFIX + "dropout": [0.0, 0.1, 0.3],
}
tell(RandomizedSearchCV(model, SPACE, n_iter=8, cv=3, random_state=0))

# %%
# Many candidates, little time for most
# -------------------------------------
#
# *Halving* gives all candidates a few epochs, keeps the best third, gives these three
# times as many, and so on. The resource to ration is ``max_iter``. With
# ``"one_cycle"`` each candidate runs a whole cycle of its own length, so that short
# fits are comparable, too.

halving = HalvingRandomSearchCV(
    model,
    SPACE,
    n_candidates=18,
    resource=PREFIX + "max_iter",
    min_resources=2,
    max_resources=18,
    cv=3,
    random_state=0,
)
tell(halving)

results = halving.cv_results_
fig, ax = plt.subplots(figsize=(6.4, 4), layout="constrained")
for turn, marker in zip(range(halving.n_iterations_), "osD", strict=True):
    rows = results["iter"] == turn
    rate = results[f"param_{PREFIX}learning_rate_init"][rows].astype(float)
    score = results["mean_test_score"][rows]
    n, epochs = halving.n_candidates_[turn], halving.n_resources_[turn]
    label = f"{n} candidates, {epochs} epochs"
    ax.plot(rate, score, "k" + marker, mfc="none", label=label)
ax.set(xscale="log", xlabel="learning_rate_init", ylabel="cross-validated accuracy")
ax.legend()
plt.show()

# %%
# Optuna
# ------
#
# `Optuna <https://optuna.org>`_ chooses the next candidate by what it has seen so far,
# and gives up in the middle on fits that are worse than most were at that epoch:
# :class:`~skmlp_scratch.callbacks.OnEpochEnd` reports each epoch to it. They are
# compared by the loss on rows held back from the training rows.

if importlib.util.find_spec("optuna"):
    import optuna

    from skmlp_scratch.callbacks import OnEpochEnd

    X_fit, X_val, y_fit, y_val = train_test_split(
        X_train, y_train, stratify=y_train, random_state=0
    )
    scaler = MinMaxScaler().fit(X_fit)
    X_fit, X_val = scaler.transform(X_fit), scaler.transform(X_val)
    longer = clone(model).set_params(**{PREFIX + "max_iter": 18})

    def objective(trial):
        """Return the validation loss at the end, or give up on the way."""

        def report(measured):
            trial.report(measured["validation_loss"], step=measured["epoch"])
            if trial.should_prune():
                raise optuna.TrialPruned

        net = clone(longer[-1]).set_params(
            hidden_layer_sizes=trial.suggest_int("hidden_layer_sizes", 20, 200),
            learning_rate_init=trial.suggest_float(
                "learning_rate_init", 0.003, 0.1, log=True
            ),
            noise=trial.suggest_float("noise", 0, 0.3),
        )
        net.set_callbacks(OnEpochEnd(report))
        net.fit(X_fit, y_fit, X_val=X_val, y_val=y_val)
        return net.validation_loss_curve_[-1]

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        sampler=optuna.samplers.TPESampler(seed=0),
        pruner=optuna.pruners.MedianPruner(n_warmup_steps=3),
    )
    study.optimize(objective, n_trials=20)
    epochs = sum(len(trial.intermediate_values) for trial in study.trials)
    print(f"{epochs} epochs instead of {20 * 18}, the best:")
    for name, value in study.best_params.items():
        print(f"    {name}: {value:.3g}")
    best = {PREFIX + name: value for name, value in study.best_params.items()}
    best = clone(longer).set_params(**best)
    accuracy = cross_val_score(best, X_train, y_train, cv=3).mean()
    print(f"cross-validated accuracy: {accuracy:.3f}")
    found_best.append((accuracy, "Optuna", best.fit(X_train, y_train)))
else:
    print("Optuna is not installed: this part was skipped.")

# %%
# .. only:: not optuna
#
#    With Optuna, it prints:
#
#    .. code-block:: text
#
#       165 epochs instead of 360, the best:
#           hidden_layer_sizes: 50
#           learning_rate_init: 0.0954
#           noise: 0.12
#       cross-validated accuracy: 0.976
#
# ``examples/pruning_optuna.py`` in the repository does it as a program.
#
# The test rows, once
# -------------------
#
# The best of many cross-validated scores is a little too good, since chance helped to
# choose it. What to expect of new rows, the test rows say, if they have had no part in
# the choice. So choose first, by cross-validation, and look at them once.

accuracy, name, chosen = max(found_best)
print(f"the best of {name} is chosen, at {accuracy:.3f}")
print(f"accuracy on the test rows: {chosen.score(X_test, y_test):.3f}")

# %%
# Searches over several processes and machines are on :doc:`/auto_use/scaling_out`.
