"use strict";
// The forward pass, as in skmlp_scratch/nn: layers.py, activations.py and
// classification_losses.py. A matrix is an array of rows; X has a row per image.

/** Return the matrix product A B. */
function product(A, B) {
  return A.map((row) =>
    B[0].map((_, j) => row.reduce((sum, a, i) => sum + a * B[i][j], 0)),
  );
}

/** Y = X W + b for a batch of rows. */
class Affine {
  constructor(W, b) {
    this.W = W;
    this.b = b;
  }

  /** Return X W + b. */
  forward(X) {
    const out = product(X, this.W);
    return out.map((row) => row.map((value, j) => value + this.b[j]));
  }
}

/** y = max(x, 0). */
class ReLU {
  /** Return max(x, 0). */
  forward(x) {
    this.y = x.map((row) => row.map((value) => Math.max(value, 0)));
    return this.y;
  }
}

/** Return exp(z) / sum(exp(z)) for every row of logits z. */
function softmax(logits) {
  return logits.map((z) => {
    const largest = Math.max(...z); // prevents overflow
    const p = z.map((value) => Math.exp(value - largest));
    const sum = p.reduce((a, b) => a + b);
    return p.map((value) => value / sum);
  });
}

/** Affine, ReLU, Affine, softmax. */
class Network {
  constructor(W, b) {
    this.relu = new ReLU();
    this.layers = [new Affine(W[0], b[0]), this.relu, new Affine(W[1], b[1])];
  }

  /** Return the logits. */
  forward(X) {
    return this.layers.reduce((x, layer) => layer.forward(x), X);
  }

  /** Return ten probabilities for every row of X. */
  predict_proba(X) {
    return softmax(this.forward(X));
  }
}
