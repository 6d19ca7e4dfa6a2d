"""Images and options at the edge of what is allowed: one sensible result or one clear error, for every method here."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image as PillowImage

from kontur import registry
from kontur.core.errors import KonturError, OptionError
from kontur.core.prompts import Prompts
from kontur.core.segmentation import Segmentation

NAMES = [
    *("threshold", "otsu", "multi_otsu", "triangle", "li", "yen", "isodata", "minimum", "niblack", "sauvola"),
    *("local_mean", "local_gaussian", "hysteresis", "region_growing", "split_merge", "watershed", "flood", "sobel"),
    *("scharr", "prewitt", "marr_hildreth", "canny", "snakes", "chan_vese", "geodesic_contours"),
]

draw = np.random.default_rng(0)
IMAGES = {
    "1x1": np.array([[7]], np.uint8),
    "1x1 rgb": np.array([[[7, 8, 9]]], np.uint8),
    "1x9": np.arange(9, dtype=np.uint8)[None] * 20,
    "9x1": np.arange(9, dtype=np.uint8)[:, None] * 20,
    "2x2": np.array([[0, 255], [255, 0]], np.uint8),
    "black": np.zeros((12, 15), np.uint8),
    "white rgb": np.full((12, 15, 3), 255, np.uint8),
    "constant float": np.full((12, 15), 0.1, np.float32),
    "16-bit": draw.integers(300, 4000, (25, 31)).astype(np.uint16),
    "16-bit full": draw.integers(0, 65536, (25, 31)).astype(np.uint16),
    "float": draw.normal(0, 1000, (25, 31)).astype(np.float32),
    "float tiny range": (1e-12 * draw.random((25, 31))).astype(np.float32),
    "float huge": (1e37 * draw.normal(0, 1, (25, 31))).astype(np.float32),
    "bool": draw.random((25, 31)) < 0.5,
    "2 bands": draw.random((25, 31, 2)).astype(np.float32),
    "5 bands": draw.integers(0, 256, (25, 31, 5)).astype(np.uint8),
    "two values": np.where(draw.random((25, 31)) < 0.1, 200, 3).astype(np.uint8),
}


def check(result: Segmentation, shape: tuple[int, int], task: str) -> None:
    assert result.ids.shape == shape
    assert result.ids.min() >= 1  # no method here leaves pixels out
    assert sum(s.area for s in result.segments) == result.ids.size
    assert result.background == 1 if task == "foreground" else result.background in (1, None)


@pytest.mark.parametrize("image", IMAGES.values(), ids=IMAGES.keys())
@pytest.mark.parametrize("name", NAMES)
def test_every_image_gives_a_whole_partition(name, image):
    row = registry.get(name)
    result = row.load()(image)
    check(result, image.shape[:2], row.task)
    assert np.array_equal(row.load()(image).ids, result.ids)
    assert any("->" in note for note in result.provenance.notes)  # how the values were scaled


@pytest.mark.parametrize("name", NAMES)
def test_a_constant_image_is_one_region(name):
    row = registry.get(name)
    for image in (np.full((20, 30), 90, np.uint8), np.full((20, 30, 3), 0.3, np.float32)):
        result = row.load()(image)
        if name in ("threshold", "snakes", "geodesic_contours"):  # a given level, a given first curve
            assert len(result) <= 2
        else:
            assert len(result) == 1


@pytest.mark.parametrize("name", NAMES)
def test_options_at_and_beyond_their_range(name):
    row = registry.get(name)
    image = draw.integers(0, 256, (16, 18)).astype(np.uint8)
    for option in row.options:
        if option.low is not None:
            with pytest.raises(OptionError, match=option.name):
                row.load()(image, **{option.name: option.low - 1})
        for value in (option.low, option.high):
            if value is None or (option.name == "iterations" and value > 1000):
                continue
            given = {option.name: value}
            if option.name in ("low", "high"):
                given = {"low": value, "high": value}
            elif option.name == "window":
                given["window"] = value | 1
            check(row.load()(image, **given), image.shape, row.task)


@pytest.mark.parametrize("name", NAMES)
def test_nan_and_empty_are_refused(name):
    function = registry.get(name).load()
    with pytest.raises(KonturError, match="NaN"):
        function(np.array([[0.0, np.nan]], np.float32))
    with pytest.raises(KonturError, match="non-empty"):
        function(np.zeros((0, 5), np.uint8))


@pytest.mark.parametrize("name", [n for n in NAMES if registry.get(n).prompts])
def test_prompts_of_every_kind(name):
    row = registry.get(name)
    image = draw.integers(0, 256, (20, 24, 3)).astype(np.uint8)
    marks = np.zeros((20, 24), np.int32)
    marks[0], marks[10, 5:9], marks[15, 15:20] = 1, 2, 3
    given = {
        "box": [Prompts.of((0, 0, 24, 20)), Prompts.of((3, 3, 4, 4)), Prompts.of([(1, 1, 9, 9), (5, 5, 20, 18)])],
        "point": [Prompts.of(point=[(0, 0, 1), (12, 12, 2)])],
        "scribbles": [Prompts.of(scribbles=marks)],
    }
    for kind in row.prompts:
        for prompts in given[kind]:
            result = row.load()(image, prompts)
            assert result.ids.min() >= 1
            if kind != "box":
                seeds = prompts.seeds((20, 24))
                assert (result.ids[seeds > 0] == seeds[seeds > 0]).all()
    outside = Prompts.of((0, 0, 25, 20)) if "box" in row.prompts else Prompts.of(point=(30, 3, 2))
    with pytest.raises(KonturError, match="inside the image"):
        row.load()(image, outside)


@pytest.mark.real_data
@pytest.mark.parametrize("name", NAMES)
def test_a_photo_is_partitioned_the_same_way_twice(name, photos):
    row = registry.get(name)
    photo = np.asarray(PillowImage.open(photos[37]))
    result = row.load()(photo)
    check(result, photo.shape[:2], row.task)
    assert len(result) > 1
    assert np.array_equal(row.load()(photo).ids, result.ids)
