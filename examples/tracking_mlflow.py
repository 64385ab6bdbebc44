"""Track a fit with MLflow: every epoch's metrics, and the model without pickle.

Needs scikit-learn 1.9 or newer, and `pip install mlflow skops`. Look at the result with
`mlflow ui --backend-store-uri sqlite:///mlflow.db`.
"""

import argparse

import mlflow
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import skmlp_scratch
from skmlp_scratch import ScratchMLPClassifier
from skmlp_scratch.callbacks import OnEpochEnd

# What skops has to trust: the estimator, and the state that partial_fit goes on from.
TRUSTED = [
    "skmlp_scratch.classifier.ScratchMLPClassifier",
    "skmlp_scratch._estimator.continuation.TrainingState",
]


def log_epoch(measured):
    """Log what the epoch has measured: losses, score, learning rate, seconds."""
    metrics = dict(measured)
    mlflow.log_metrics(metrics, step=metrics.pop("epoch"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--store", default="sqlite:///mlflow.db", help="tracking URI")
    mlflow.set_tracking_uri(parser.parse_args().store)

    X, y = load_digits(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X / 16, y, random_state=0)
    net = ScratchMLPClassifier(
        learning_rate="one_cycle", learning_rate_init=0.02, max_iter=20, random_state=0
    )
    with mlflow.start_run() as run:
        mlflow.log_params(net.get_params())
        net.set_callbacks(OnEpochEnd(log_epoch))
        net.fit(X_train, y_train, X_val=X_test, y_val=y_test)
        net.set_callbacks()  # else the model would be stored with its callbacks
        model = mlflow.sklearn.log_model(
            net,
            name="model",
            serialization_format="skops",
            skops_trusted_types=TRUSTED,
            # Otherwise MLflow runs the model to find out what it imports: 10 seconds.
            pip_requirements=[f"skmlp-scratch=={skmlp_scratch.__version__}", "skops"],
        )

    history = mlflow.MlflowClient().get_metric_history(
        run.info.run_id, "validation_score"
    )
    print(f"epochs tracked: {len(history)}, last score: {history[-1].value:.3f}")
    loaded = mlflow.sklearn.load_model(model.model_uri)
    print(f"accuracy of the model from the store: {loaded.score(X_test, y_test):.3f}")


if __name__ == "__main__":
    main()
