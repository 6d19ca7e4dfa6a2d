"""The clock around a predictor is as good as the predictor: it can be copied and sent."""

from __future__ import annotations

import copy
import pickle

import pytest

pytest.importorskip("torch", reason="needs the extra train")

from kontur.training.testing import _Clock


def test_the_clock_can_be_copied_and_sent():
    for clock in (copy.copy(_Clock(len)), copy.deepcopy(_Clock(len)), pickle.loads(pickle.dumps(_Clock(len)))):
        assert clock([1, 2]) == 2
        assert clock.seconds > 0
