"""The network of the page "Draw a digit", trained while the site is built."""

import json
from pathlib import Path

import numpy as np
from sklearn.datasets import fetch_openml, get_data_home, load_digits
from sklearn.model_selection import train_test_split

from skmlp_scratch import ScratchMLPClassifier

# How each data set was made from what people had written, in pixels of the network's
# images: the side of an image, the box that a digit is scaled into, the width of a pen,
# and what is put in the middle. MNIST: 28, 20 and the centre of mass, halved here.
MNIST = {"size": 14, "box": 10, "pen": 1.3, "centre": "mass"}
DIGITS = {"size": 8, "box": 8, "pen": 1.9, "centre": "box"}


def load_images():
    """Return name, preparation, images of values from 0 to 1, and digits."""
    stored = Path(get_data_home(), "openml").rglob("*.gz")
    if any("/52667" in file.as_posix() for file in stored):  # MNIST's file
        X, y = fetch_openml("mnist_784", version=1, as_frame=False, return_X_y=True)
        X = X.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)) / 255
        return "MNIST", MNIST, X.reshape(-1, 196), y.astype(int)
    X, y = load_digits(return_X_y=True)
    return "scikit-learn's digits", DIGITS, X / 16, y


def train(X, y):
    """Return a network with 40 hidden units, its numbers rounded to be sent."""
    net = ScratchMLPClassifier(
        hidden_layer_sizes=(40,),
        learning_rate="one_cycle",
        learning_rate_init=0.02,
        batch_size=50 if len(X) < 10_000 else 200,
        noise=0.1,
        alpha=0.01,
        max_iter=30 if len(X) < 10_000 else 8,
        random_state=0,
    )
    net.fit(X, y)
    for array in (*net.coefs_, *net.intercepts_):
        array[...] = array.round(3)
    return net


def describe(net, name, preparation, X, y):
    """Return what the page gets to know, ready for JSON."""
    examples = X[[np.argmax(y == digit) for digit in range(10)]].round(3)
    hidden = np.maximum(X @ net.coefs_[0] + net.intercepts_[0], 0)
    return {
        "data": name,
        "preparation": preparation,
        "W": [W.tolist() for W in net.coefs_],
        "b": [b.tolist() for b in net.intercepts_],
        # An activation from here on is shown at full brightness.
        "bright": round(float(np.quantile(hidden[hidden > 0], 0.95)), 2),
        "examples": examples.tolist(),
        "probabilities": net.predict_proba(examples).round(6).tolist(),
    }


def write(folder):
    """Train; write the network as a script, and a sentence about it."""
    name, preparation, X, y = load_images()
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=1 / 7, random_state=0, stratify=y
    )
    net = train(X_train, y_train)
    network = describe(net, name, preparation, X_test, y_test)
    # A script: a browser does not let a page from the disk fetch JSON.
    script = f"const NETWORK = {json.dumps(network, separators=(',', ':'))};\n"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "network.js").write_text(script, "utf-8")
    (folder / "about.txt").write_text(
        f"It was trained while this site was built, on {len(X_train):,} images of "
        f"**{name}**, {preparation['size']} pixels wide and high. Of the "
        f"{len(X_test):,} others it reads {net.score(X_test, y_test):.1%} right.\n",
        "utf-8",
    )


def write_for_site(app):
    """Write the files where the page and the site look for them."""
    folder = Path(app.srcdir, "generated", "draw")
    write(folder)
    app.config.html_static_path.append("generated/draw")


def setup(app):
    """Train before the pages are read."""
    app.connect("builder-inited", write_for_site)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
