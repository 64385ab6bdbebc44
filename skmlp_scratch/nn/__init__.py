"""The neural network itself, in NumPy: no scikit-learn in here.

Read it from the ground up: ``parameters``, ``initializers``, ``layers``, ``losses``,
then ``network``, ``optimizers``, ``batches``, then ``training`` and ``gradient_check``.
``graph`` is the idea of all this at its smallest.
"""

from skmlp_scratch.nn.gradient_check import check_gradient, numerical_gradient

__all__ = ["check_gradient", "numerical_gradient"]
