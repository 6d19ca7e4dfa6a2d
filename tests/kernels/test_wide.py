"""Kernels compiled for AVX2 beside those for any processor: which are taken, and that both give the same values."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import kontur

WIDE = Path(kontur.__file__).parent / "_x86_64_v3"
CODE = """
import hashlib, numpy as np, kontur, sys
from kontur.kernels import colour
image = np.random.default_rng(0).integers(0, 256, (90, 120, 3)).astype(np.uint8)
image[20:60, 30:80] = (200, 40, 90)
print("_x86_64_v3" in colour.__file__)
for name, options in (("slic", {"segments": 60}), ("felzenszwalb", {}), ("quickshift", {}), ("chan_vese", {}), ("lbp", {}), ("seeds", {"segments": 60})):
    print(name, hashlib.sha256(kontur.segment(image, name, **options).ids.tobytes()).hexdigest())
"""


def run(kernels: str) -> list[str]:
    environment = {**os.environ, "KONTUR_KERNELS": kernels}
    done = subprocess.run([sys.executable, "-c", CODE], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


@pytest.mark.skipif(not WIDE.is_dir(), reason="this platform has one build of the kernels")
def test_both_builds_give_the_same_values():
    """No sum is reordered and nothing is fused, so a wider register changes no bit."""
    plain, fitting = run("plain"), run("")
    assert plain[0] == "False"
    features = np._core._multiarray_umath.__cpu_features__ if hasattr(np, "_core") else {}
    if features.get("AVX2") and features.get("FMA3"):
        assert fitting[0] == "True"
    assert plain[1:] == fitting[1:]
