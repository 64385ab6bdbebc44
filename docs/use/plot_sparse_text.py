"""
Text as sparse features
=======================

How do I train a network on texts?

*The picture needs* ``pip install matplotlib``.
"""

# %%
# With :class:`~sklearn.feature_extraction.text.TfidfVectorizer`, which makes a column
# of every word. Most of these are 0 for most texts, so the result is a *sparse* matrix,
# which stores only what is not 0. The network takes it as it is.
#
# scikit-learn bundles the descriptions of its data sets. Which sentence is from
# which description? That is our small set of texts, with no download.

import re
import time

import matplotlib.pyplot as plt
import numpy as np
from sklearn import datasets
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline

from skmlp_scratch import ScratchMLPClassifier

LOADERS = {
    "breast cancer": datasets.load_breast_cancer,
    "diabetes": datasets.load_diabetes,
    "digits": datasets.load_digits,
    "iris": datasets.load_iris,
    "wine": datasets.load_wine,
}
texts, labels = [], []
for name, load in LOADERS.items():
    words = re.findall("[A-Za-z]+", load().DESCR)
    pieces = [" ".join(words[i : i + 10]) for i in range(0, len(words) - 9, 10)]
    texts += pieces
    labels += [name] * len(pieces)
texts, labels = np.array(texts), np.array(labels)
print(f"{len(texts)} pieces of 10 words, for example:")
print("   ", texts[labels == "iris"][5])

# %%
# Fit
# ---
#
# ``sublinear_tf=True`` damps words that are repeated. Tf-idf rows have length 1, so
# they need no scaling. A ``StandardScaler`` would have to fill in all the zeros anyway:
# for other sparse features take :class:`~sklearn.preprocessing.MaxAbsScaler`.

model = make_pipeline(
    TfidfVectorizer(sublinear_tf=True, dtype=np.float32),
    ScratchMLPClassifier(
        hidden_layer_sizes=50,
        learning_rate="one_cycle",
        learning_rate_init=0.02,
        batch_size=32,
        max_iter=20,
        dropout=0.3,
        random_state=0,
    ),
)
start = time.perf_counter()
model.fit(texts, labels)
features = model[0].transform(texts)
stored = features.nnz / np.prod(features.shape)
print(f"{features.shape[1]} words, {stored:.1%} of the matrix stored", end=", ")
print(f"{time.perf_counter() - start:.1f} s")
print(model.predict(["the width of a petal of this flower", "cell nuclei in an image"]))

# %%
# ``dtype=np.float32`` halves the memory, and the network then computes in float32.
# ``dropout`` hides some words in each step, if it has a value for the input, too:
# ``[0.2, 0.3]``. ``noise`` would fill in the zeros, and is refused for sparse rows.
#
# Is a network worth it?
# ----------------------
#
# For texts, ask a linear model first: with a column for every word there is often
# little left for a hidden layer to find.

linear = make_pipeline(
    TfidfVectorizer(sublinear_tf=True), LogisticRegression(C=10, max_iter=1000)
)
for name, estimator in {"network": model, "linear model": linear}.items():
    scores = cross_val_score(estimator, texts, labels, cv=5)
    print(f"{name:14} accuracy {scores.mean():.3f}, standard error", end=" ")
    print(f"{scores.std(ddof=1) / len(scores) ** 0.5:.3f}")

# %%
# Sure, and right?
# ----------------
#
# What the network is sure of should be right more often than the rest.

probabilities = cross_val_predict(model, texts, labels, cv=5, method="predict_proba")
sure = probabilities.max(axis=1)
right = np.unique(labels)[probabilities.argmax(axis=1)] == labels

fig, ax = plt.subplots(figsize=(6.4, 4), layout="constrained")
ax.hist(
    [sure[right], sure[~right]],
    bins=np.linspace(0, 1, 11),
    stacked=True,
    color=["0.75", "0.25"],
    label=["right", "wrong"],
)
ax.set(xlabel="largest predicted probability", ylabel="pieces of text")
ax.legend()
plt.show()

# %%
# Vocabularies larger than memory
# -------------------------------
#
# :class:`~sklearn.feature_extraction.text.HashingVectorizer` needs no vocabulary, and
# so nothing to fit: it goes well with ``partial_fit``, see
# :doc:`/auto_use/plot_streaming`. Each of its columns has a row of weights in the first
# layer, so choose ``n_features`` such that ``n_features`` times the units of that layer
# fits into memory, four times: the weights, their gradient, and two numbers that Adam
# keeps for each.
