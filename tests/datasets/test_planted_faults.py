"""Every planted fault is found and named; sound data sets give no finding. The generator knows nothing of the checker."""

from __future__ import annotations

import zlib

import numpy as np
import pytest

from kontur import datasets

from . import plant

WITH_OTHERS = {"swapped pair": 1, "size of another image": 1}
"""Faults that are two files' matter: the other mask; the file that gives the wrong size."""


def made(form: str, root, seed: int) -> np.random.Generator:
    rng = np.random.default_rng([zlib.crc32(form.encode()), seed])
    plant.SOUND[form](root, rng)
    return rng


def test_there_are_at_least_30_kinds():
    assert len(plant.FAULTS) >= 30


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("fault", plant.FAULTS)
def test_a_planted_fault_is_found_and_named(fault, seed, tmp_path):
    form, spoil = plant.FAULTS[fault]
    rng = made(form, tmp_path, seed)
    kind, file = spoil(tmp_path, np.random.default_rng([zlib.crc32(fault.encode()), seed, int(rng.integers(1 << 30))]))
    report = datasets.check(plant.AS.get(form, form), tmp_path)
    found = [(f.kind, f.file.split("/")[-1]) for f in report.findings]
    assert (kind, file) in found, found
    finding = report.findings[found.index((kind, file))]
    assert finding.advice
    assert finding.count >= 1
    accused = {f.split(".")[0] for _, f in found} - {file.split(".")[0]}
    assert len(accused) <= WITH_OTHERS.get(fault, 0), accused  # no other file is accused


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("form", plant.SOUND)
def test_a_sound_data_set_gives_no_finding(form, seed, tmp_path):
    made(form, tmp_path, 100 + seed)
    report = datasets.check(plant.AS.get(form, form), tmp_path)
    assert report.findings == ()
    assert sum(report.splits.values()) >= 5


def test_categories_of_ones_own_in_cocos_form_are_no_fault(tmp_path):
    """Small ids that COCO gives to other classes, and names that it does not have."""
    made("coco", tmp_path, 0)
    for path in (tmp_path / "annotations").glob("*.json"):
        text = path.read_text()
        for number, (official, own) in enumerate([("dog", "car"), ("giraffe", "nucleus"), ("person", "membrane")]):
            text = text.replace(f'"{official}"', f'"{own}{number or ""}"')
        path.write_text(
            text.replace(
                '"name": "car", "supercategory": ""}, {"id": 18', '"name": "cells", "supercategory": ""}, {"id": 18'
            )
        )
    assert datasets.check("coco", tmp_path).findings == ()


def test_a_broken_file_in_the_middle_does_not_hide_the_others(tmp_path):
    rng = made("camvid", tmp_path, 0)
    planted = {plant.truncated_image(tmp_path, rng), plant.id_21(tmp_path, rng), plant.missing_mask(tmp_path, rng)}
    found = {(f.kind, f.file.split("/")[-1]) for f in datasets.check("camvid", tmp_path).findings}
    assert len(planted & found) >= 2  # two faults may have met in one file; none stops the check
    assert "missing_mask" in {kind for kind, _ in found}
