"""COCO's panoptic form there and back, and the score of a truth against itself."""

from __future__ import annotations

import numpy as np
import pytest

from kontur.core import rle
from kontur.core.instances import Instance, Instances
from kontur.core.merging import panoptic
from kontur.core.segmentation import Segmentation
from kontur.core.taxonomy import Category, Taxonomy
from kontur.datasets import open as open_data
from kontur.io.panoptic import PanopticEntry, read_panoptic, write_panoptic
from kontur.metrics import evaluate_panoptic, panoptic_scores

TAXONOMY = Taxonomy(
    (Category(184, "tree", (1, 2, 3)), Category(1, "person", (4, 5, 6), True), Category(44, "bottle", (7, 8, 9), True)),
    ignore=None,
)


@pytest.mark.parametrize("seed", range(3))
def test_there_and_back_is_equal(tmp_path, seed):
    """Ids over 65535, one-pixel segments, void, crowds, and an image of nothing but void."""
    rng = np.random.default_rng(seed)
    entries = []
    for number in range(3):
        ids = rng.choice([0, 1, 300, 70_000, 16_777_215], (7, 9)) * (number < 2)
        ids[0, 0] = 5 * (number < 2)
        categories = {int(i): int(rng.choice([184, 1, 44])) for i in np.unique(ids) if i}
        result = Segmentation.from_ids(ids, categories=categories, taxonomy=TAXONOMY)
        entries.append(PanopticEntry(number, f"{number}.jpg", result, frozenset({300} & categories.keys())))
    write_panoptic(tmp_path / "truth.json", entries, TAXONOMY)
    file = read_panoptic(tmp_path / "truth.json")
    assert [(c.id, c.name, c.colour, c.thing) for c in file.taxonomy] == [
        (c.id, c.name, c.colour, c.thing) for c in TAXONOMY
    ]
    for wanted, got in zip(entries, file.entries(), strict=True):
        assert (got.segmentation.ids == wanted.segmentation.ids).all()
        assert got.segmentation.segments == wanted.segmentation.segments
        assert got.crowds == wanted.crowds
        assert (got.image_id, got.image_file) == (wanted.image_id, wanted.image_file)


def taken_apart(truth: Segmentation) -> tuple[Segmentation, Instances]:
    """A panoptic truth as what networks give: the categories of all pixels, and its things as instances."""
    things = {c.id for c in truth.taxonomy if c.thing}
    labels = truth.category_map(none=-1)
    semantic = Segmentation.from_categories(labels, Taxonomy(truth.taxonomy.categories, ignore=-1))
    runs = rle.encode_labels(truth.ids)
    found = [Instance(runs[s.id], s.category, 1.0) for s in truth.segments if s.category in things]
    return semantic, Instances(truth.shape, tuple(found), truth.taxonomy)


@pytest.mark.real_data
def test_a_perfect_conversion_of_the_sample_scores_exactly_1(data, tmp_path):
    """Written again, read again, and put together again from semantic and instances: PQ, SQ and RQ are 1, to the last bit."""
    root = data / "coco-panoptic-sample"
    truth = read_panoptic(root / "panoptic_examples.json")
    entries = list(truth.entries())
    assert len(entries) == 2
    write_panoptic(tmp_path / "again.json", entries, truth.taxonomy)
    scores = evaluate_panoptic(root / "panoptic_examples.json", tmp_path / "again.json")
    assert (scores.all.pq, scores.all.sq, scores.all.rq) == (1.0, 1.0, 1.0)
    for wanted, got in zip(entries, read_panoptic(tmp_path / "again.json").entries(), strict=True):
        assert (got.segmentation.ids == wanted.segmentation.ids).all()
        assert got.segmentation.segments == wanted.segmentation.segments
        assert got.crowds == wanted.crowds

    samples = open_data("coco_panoptic", root, "examples")
    truths = [sample.target for sample in samples]
    merged = [panoptic(*taken_apart(t), taxonomy=t.taxonomy, stuff_area=0) for t in truths]
    scores = panoptic_scores(merged, truths)
    assert (scores.all.pq, scores.all.sq, scores.all.rq) == (1.0, 1.0, 1.0)
