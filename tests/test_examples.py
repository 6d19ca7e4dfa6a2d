"""The three examples run as they stand, offline, and leave what they say they leave."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]


def run(name: str, folder: Path, *arguments: str) -> str:
    source = os.pathsep.join(filter(None, [str(ROOT / "src"), os.environ.get("PYTHONPATH")]))
    finished = subprocess.run(
        [sys.executable, str(ROOT / "examples" / name), *arguments],
        cwd=folder, env=os.environ | {"PYTHONPATH": source}, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def picture(path: Path) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.open(path))


def test_one_call(tmp_path):
    said = run("1_one_call.py", tmp_path)
    assert "5 segments by kmeans" in said
    assert (tmp_path / "demo-out" / "coffee.npz").stat().st_size > 1000


def test_parts(tmp_path):
    said = run("2_parts.py", tmp_path)
    out = tmp_path / "demo-out"
    assert "wrote 5 files" in said
    assert picture(out / "parts.labels.png").max() > 100
    assert picture(out / "parts.overlay.png").shape == picture(out / "parts.mean.png").shape == (300, 451, 3)


def test_from_scratch(tmp_path):
    said = run("3_from_scratch.py", tmp_path)
    assert "2 segments by unlike_border" in said
    assert "refused: option distance: expected a number, 1..150" in said
    assert picture(tmp_path / "demo-out" / "scratch.overlay.png").shape == (400, 600, 3)


@pytest.mark.parametrize("name", ["1_one_call.py", "3_from_scratch.py"])
def test_with_a_photo_of_ones_own(tmp_path, name):
    from PIL import Image

    Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 30), np.uint8)).save(tmp_path / "own.png")
    assert "own.png" not in run(name, tmp_path, "own.png")
    assert (tmp_path / "demo-out").is_dir()
