"""16-bit operations wrap and stay 16-bit; bits become floats."""

import numpy as np
import pytest
from numba import njit

from kontur.kernels.narrow import add16, distance16, float_of_bits


@njit
def _both(a, b):
    return add16(a, b), distance16(a, b)


@pytest.mark.parametrize(("a", "b"), [(3, 5), (-200, 100), (32767, 0), (-16384, 16383), (30000, 10000)])
def test_against_plain_integers(a, b):
    total, distance = _both(np.int16(a), np.int16(b))
    assert total == (a + b + 32768) % 65536 - 32768
    assert distance == abs(a - b)


@njit
def _float(bits):
    return float_of_bits(bits)


def test_float_of_bits():
    for value in (0.0, 1.0, -2.5, 1e-30):
        assert _float(np.float32(value).view(np.int32)) == np.float32(value)
