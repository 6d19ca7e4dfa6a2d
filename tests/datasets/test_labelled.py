"""The regions of an image: painted, counted and compared by value, in the time of their pixels and not of the image's."""

from __future__ import annotations

import time

import numpy as np
import pytest
from scipy import ndimage

from kontur.core import rle
from kontur.core.taxonomy import Taxonomy
from kontur.datasets.forms import Choices, form
from kontur.datasets.labelled import (
    LabelledImage,
    LabelledRegion,
    LabelSet,
    held_masks,
    overlap,
    painted,
    parts_and_holes,
)

NAMES = Taxonomy.from_names(["background", "person", "car"], things=["person", "car"], ignore=None)


def labelled(masks, crowds=()) -> LabelledImage:
    regions = [LabelledRegion(rle.encode(m), 1 + n % 2, crowd=n in crowds) for n, m in enumerate(masks)]
    return LabelledImage("a.jpg", masks[0].shape, tuple(regions), id=1)


def some_masks(seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [
        ndimage.binary_dilation(rng.random((23, 31)) < 0.01, iterations=int(rng.integers(0, 5)))
        for _ in range(int(rng.integers(1, 9)))
    ]


@pytest.mark.parametrize("seed", range(10))
def test_painted_overlap_parts_and_holes_are_those_of_whole_masks(seed):
    masks = some_masks(seed)
    image = labelled(masks, crowds={0})
    ids, places = painted(image)
    order = sorted((n for n, m in enumerate(masks) if m.any()), key=lambda n: (n != 0, -masks[n].sum(), n))
    expected = np.zeros(masks[0].shape, int)
    for n in order:
        expected[masks[n]] = n + 1
    assert places == order
    np.testing.assert_array_equal(ids, expected)
    assert overlap(image) == np.count_nonzero(np.sum(masks, axis=0) > 1)
    for mask, region in zip(masks, image.regions, strict=True):
        padded = np.pad(mask, 1)
        parts, holes = ndimage.label(padded)[1], ndimage.label(~padded, np.ones((3, 3)))[1] - 1
        assert parts_and_holes(region.mask) == (parts, holes)
    kept = np.random.default_rng(seed).random(ids.shape) < 0.7
    for n, held in enumerate(held_masks(ids, kept, len(masks)), 1):
        wanted = kept & (ids == n)
        assert (held is None and not wanted.any()) or (rle.decode(held) == wanted).all()


def squares(side: int) -> LabelledImage:
    """side x side objects of 4 x 4 pixels, each in its own place of 8 x 8."""
    size = 8 * side, 8 * side
    window = np.ones((4, 4), bool)
    masks = [rle.encode_window(window, (8 * y + 2, 8 * x + 2), size) for y in range(side) for x in range(side)]
    return LabelledImage("a.jpg", size, tuple(LabelledRegion(m, 1 + n % 2) for n, m in enumerate(masks)), id=1)


def seconds(run) -> float:
    """Of the processor, the least of three."""
    times = []
    for _ in range(3):
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return min(times)


@pytest.mark.parametrize("name", ["painted", "coco", "cityscapes", "coco-panoptic", "labels"])
def test_four_times_the_image_and_its_objects_take_about_four_times_as_long(name, tmp_path):
    """Looking at the whole image for every object would take sixteen times as long; ten leaves room for a busy machine."""

    def run(image):
        if name == "painted":
            return lambda: (painted(image), overlap(image), [parts_and_holes(r.mask) for r in image.regions])
        labels = LabelSet(Taxonomy(tuple(c for c in NAMES if c.id), ignore=None), iter(()), 1)
        if name == "cityscapes":
            regions = tuple(LabelledRegion(r.mask, 24 + n % 2) for n, r in enumerate(image.regions))
            image = LabelledImage("a.jpg", image.shape, regions, id=1)
        count = iter(range(10))

        def write():
            place = tmp_path / f"{len(image.regions)}-{next(count)}" / "a.json"
            writer = form(name).writer(place, labels, Choices())
            held = writer.add(image)
            writer.close()
            assert all(mask == region.mask for mask, region in zip(held.masks, image.regions, strict=True))

        return write

    run(squares(4))()
    small, large = (seconds(run(squares(side))) for side in (20, 40))
    assert large < 10 * small
