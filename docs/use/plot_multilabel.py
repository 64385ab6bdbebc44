"""
Several labels per row
======================

A photograph may show a cat, a dog, both or neither. How do I predict several labels?

*The picture needs* ``pip install matplotlib``.
"""

# %%
# Pass a matrix of zeros and ones as ``y``, a column per label. The network then has an
# output for each, with a probability of its own; they do not sum to 1. One network
# learns all labels together, so that its hidden layer is shared.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_multilabel_classification
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score, hamming_loss
from sklearn.model_selection import train_test_split
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MultiLabelBinarizer, StandardScaler

from skmlp_scratch import ScratchMLPClassifier

X, y = make_multilabel_classification(
    n_samples=3000, n_features=20, n_classes=5, n_labels=2, random_state=0
)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
print(y_train[:3])

model = make_pipeline(
    StandardScaler(),
    ScratchMLPClassifier(
        learning_rate="one_cycle",
        learning_rate_init=0.01,
        max_iter=20,
        random_state=0,
    ),
)
model.fit(X_train, y_train)
print(model.predict(X_test[:3]))
print(model.predict_proba(X_test[:3]).round(2))

# %%
# Score it
# --------
#
# ``score`` is strict: a row counts if *all* of its labels are right. The Hamming loss
# is the share of single labels that are wrong, and F1 is about the labels that are
# there.

linear = make_pipeline(StandardScaler(), MultiOutputClassifier(LogisticRegression()))
linear.fit(X_train, y_train)
for name, estimator in {"network": model, "linear models": linear}.items():
    found = estimator.predict(X_test)
    print(
        f"{name:14} all right {accuracy_score(y_test, found):.3f},",
        f"Hamming loss {hamming_loss(y_test, found):.3f},",
        f"F1 {f1_score(y_test, found, average='macro'):.3f}",
    )

# %%
# A threshold for each label
# --------------------------
#
# ``predict`` says yes from a probability of 0.5 on. For labels that are rare, or that
# you would rather name once too often, choose lower ones, by rows that you can spare:

X_fit, X_val, y_fit, y_val = train_test_split(X_train, y_train, random_state=0)
p_val = model.fit(X_fit, y_fit).predict_proba(X_val)
candidates = np.linspace(0.1, 0.9, 33)
f1 = np.array(
    [f1_score(y_val, p_val > threshold, average=None) for threshold in candidates]
)
thresholds = candidates[f1.argmax(axis=0)]
p_test = model.predict_proba(X_test)
print("thresholds", thresholds.round(3))
print(f"F1 at 0.5        {f1_score(y_test, p_test > 0.5, average='macro'):.3f}")
print(f"F1 at thresholds {f1_score(y_test, p_test > thresholds, average='macro'):.3f}")

fig, ax = plt.subplots(figsize=(6.4, 4), layout="constrained")
for label, style in enumerate(["-", "--", "-.", ":", (0, (5, 1))]):
    ax.plot(candidates, f1[:, label], ls=style, label=f"label {label}")
ax.set(xlabel="threshold", ylabel="F1 on the validation rows")
ax.legend()
plt.show()

# %%
# Names instead of zeros and ones
# -------------------------------
#
# :class:`~sklearn.preprocessing.MultiLabelBinarizer` makes the matrix of lists of
# names, and names of a predicted matrix:

NAMES = ["cat", "dog", "grass", "sky", "water"]
lists = [[NAMES[i] for i in np.flatnonzero(row)] for row in y_train]
binarizer = MultiLabelBinarizer(classes=NAMES)
model.fit(X_train, binarizer.fit_transform(lists))
print(binarizer.inverse_transform(model.predict(X_test[:3])))

# %%
# ``partial_fit`` takes such matrices, too, with ``classes=np.arange(n_labels)`` in the
# first call. In ``class_weight`` and ``TabularMLPClassifier``, classes exclude each
# other: for several labels wrap the latter in a
# :class:`~sklearn.multioutput.MultiOutputClassifier`.
