"""Superpixels run where neither scikit-image nor OpenCV can be imported."""

import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2] / "src"

PROGRAM = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("skimage", "cv2"):
            raise ImportError(f"{name} is blocked")

sys.meta_path.insert(0, Blocked())
import numpy as np
from kontur import registry

image = np.random.default_rng(0).integers(0, 256, (40, 50, 3)).astype(np.uint8)
for name in ("slic", "slico", "felzenszwalb", "quickshift", "seeds", "watershed_superpixels"):
    result = registry.get(name).load()(image)
    assert result.ids.shape == (40, 50) and result.ids.min() == 1
    print(name, len(result))
"""


def test_without_scikit_image_and_opencv():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, env={"PYTHONPATH": str(SOURCE)}, check=False
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split("\n")) == 7
