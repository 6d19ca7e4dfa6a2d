"""Annotation files of any content are reported on or refused in words; the check never falls over them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from kontur import datasets
from kontur.core.errors import KonturError

from . import plant

ODD = [
    None,
    True,
    -1,
    0,
    1e9,
    float("nan"),
    float("inf"),
    "",
    "x",
    [],
    [[]],
    [[1]],
    {},
    {"a": 1},
    [None],
    [["x"] * 6],
    1 << 70,
]


def spoilt(value, rng: np.random.Generator):
    """The same JSON with one value, key or entry replaced at random."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = str(rng.choice(list(value)))
        if rng.random() < 0.15:
            return {k: v for k, v in value.items() if k != key}
        return {**value, key: spoilt(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.9:
        place = int(rng.integers(len(value)))
        return [*value[:place], spoilt(value[place], rng), *value[place + 1 :]]
    return ODD[int(rng.integers(len(ODD)))]


@pytest.mark.parametrize(("form", "pattern"), [("coco", "annotations/*.json"), ("labelme", "*.json")])
def test_any_json(form, pattern, tmp_path):
    rng = np.random.default_rng(5)
    plant.SOUND[form](tmp_path, rng)
    paths = sorted(tmp_path.glob(pattern))
    sound = [json.loads(path.read_text()) for path in paths]
    seen = 0
    for _ in range(80):
        place = int(rng.integers(len(paths)))
        content = sound[place]
        for _ in range(int(rng.integers(1, 4))):
            content = spoilt(content, rng)
        paths[place].write_text(json.dumps(content))
        try:
            seen += bool(datasets.check(plant.AS.get(form, form), tmp_path).findings)
            json.dumps(datasets.check(plant.AS.get(form, form), tmp_path).to_dict())
        except KonturError:
            seen += 1
        paths[place].write_text(json.dumps(sound[place]))
    assert seen > 40  # most random changes of a file are faults, and are told


def test_any_text(tmp_path):
    rng = np.random.default_rng(6)
    plant.yolo(tmp_path, rng)
    path = tmp_path / "labels" / "train" / "plant1.txt"
    sound = path.read_text()
    for _ in range(40):
        words = sound.split(" ")
        words[int(rng.integers(len(words)))] = str(
            rng.choice(["nan", "inf", "-1", "1e400", "x", "", "\n", "²", "0x1", "9" * 30])
        )
        path.write_text(" ".join(words))
        datasets.check("folder", tmp_path)
    path.write_bytes(b"\xff\xfe\x00")
    assert [f.kind for f in datasets.check("folder", tmp_path).findings] == ["unreadable_annotations"]
