"""
A first pipeline
================

Scale the features, then train a network.
"""

# %%
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmlp_scratch import LossCurveDisplay, ScratchMLPClassifier

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
model = make_pipeline(StandardScaler(), ScratchMLPClassifier(random_state=0))
model.fit(X_train, y_train)
print(f"test accuracy: {model.score(X_test, y_test):.3f}")

# %%
# :class:`~skmlp_scratch.LossCurveDisplay` draws how training went; the first step is a
# :class:`sklearn.preprocessing.StandardScaler`.

LossCurveDisplay.from_estimator(model[-1])
