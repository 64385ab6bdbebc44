"""All parameters in one vector, and views of its parts."""

import numpy as np

from skmlp_scratch.nn.parameters import Parameters


def test_views_share_the_vector_and_cover_it():
    parameters = Parameters((3, 4, 2))
    for number, view in enumerate(parameters.W + parameters.b, start=1):
        view[...] = number
    np.testing.assert_array_equal(
        parameters.vector, [1] * 12 + [2] * 8 + [3] * 4 + [4] * 2
    )
    np.testing.assert_array_equal(parameters.matrices, [1] * 12 + [2] * 8)
    W, b = parameters.copies()
    parameters.vector[...] = 0
    assert W[0].all()
    parameters.load(W, b)
    assert parameters.vector.tolist() == [1] * 12 + [2] * 8 + [3] * 4 + [4] * 2
