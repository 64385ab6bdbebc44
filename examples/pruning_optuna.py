"""Search with Optuna, which gives up hopeless fits after a few epochs.

Needs scikit-learn 1.9 or newer, and `pip install optuna`.
"""

import argparse

import optuna
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skmlp_scratch import ScratchMLPClassifier
from skmlp_scratch.callbacks import OnEpochEnd

X, y = load_digits(return_X_y=True)
X, X_test, y, y_test = train_test_split(X / 16, y, random_state=0)
X_train, X_val, y_train, y_val = train_test_split(X, y, random_state=1)


def objective(trial):
    """Return the validation loss at the end, or give up on the way."""

    def report(measured):
        trial.report(measured["validation_loss"], step=measured["epoch"])
        if trial.should_prune():
            raise optuna.TrialPruned(f"after epoch {measured['epoch']}")

    net = ScratchMLPClassifier(
        hidden_layer_sizes=trial.suggest_int("units", 10, 200, log=True),
        learning_rate="one_cycle",
        learning_rate_init=trial.suggest_float("rate", 1e-4, 0.1, log=True),
        noise=trial.suggest_float("noise", 0, 0.3),
        max_iter=30,
        random_state=0,
    )
    net.set_callbacks(OnEpochEnd(report))
    net.fit(X_train, y_train, X_val=X_val, y_val=y_val)
    trial.set_user_attr("test accuracy", net.score(X_test, y_test))
    return net.validation_loss_curve_[-1]


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--trials", type=int, default=30)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        direction="minimize",
        sampler=optuna.samplers.TPESampler(seed=0),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=3),
    )
    study.optimize(objective, n_trials=parser.parse_args().trials)

    epochs = sum(len(trial.intermediate_values) for trial in study.trials)
    pruned = [t for t in study.trials if t.state == optuna.trial.TrialState.PRUNED]
    print(f"{len(pruned)} of {len(study.trials)} fits given up on the way")
    print(f"{epochs} epochs instead of {30 * len(study.trials)}")
    print(f"best: {study.best_params}")
    print(f"test accuracy: {study.best_trial.user_attrs['test accuracy']:.3f}")


if __name__ == "__main__":
    main()
