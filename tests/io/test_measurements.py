"""Measurements against scikit-image's `regionprops`, segment by segment; and of many segments in the time of their pixels."""

from __future__ import annotations

import time
import warnings

import numpy as np
import pytest
from skimage.measure import regionprops
from skimage.morphology import convex_hull_image

from kontur.core.image import Image
from kontur.core.instances import Instances
from kontur.core.segmentation import Segmentation
from kontur.io import measurements
from kontur.io.regions import regions


def by_hand(mask: np.ndarray, image: np.ndarray) -> list[float]:
    """Centroid, shape and values of one mask (H, W) as scikit-image has them."""
    (found,) = regionprops(mask.astype(np.uint8))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        hull = max(found.image.shape) if min(found.image.shape) == 1 else convex_hull_image(found.image).sum()
    y, x = found.centroid
    shape = [found.perimeter, found.eccentricity, found.area / hull, found.axis_major_length, found.axis_minor_length]
    values = [v for band in image[mask].T for v in (band.mean(), band.min(), band.max(), band.sum(dtype=float))]
    return [x, y, *shape, *values]


def numbers(line) -> list[float]:
    return [float(v) for v in line[9:]]


@pytest.mark.parametrize("seed", range(40))
def test_any_partition_is_measured_as_scikit_image_does(seed, monkeypatch):
    rng = np.random.default_rng(seed)
    size = rng.integers(1, 16, 2)
    ids = rng.integers(0, 5, size).astype(np.int32)
    if seed % 3 == 0:
        ids = np.kron(rng.integers(0, 5, size // 3 + 1), np.ones((3, 3), int)).astype(np.int32)  # blobs
    if seed % 3 == 1:
        ids = np.sort(ids, axis=seed % 2)  # bands
    if seed % 2:
        monkeypatch.setattr(measurements, "_AT_ONCE", 7)  # batches of few segments
    image = rng.integers(0, 255, (*ids.shape, 2)).astype(np.uint8)
    lines = list(measurements.rows(Segmentation.from_ids(ids), Image(image)))[1:]
    assert [line[0] for line in lines] == [i for i in np.unique(ids).tolist() if i]
    for line in lines:
        # Figures are written with six digits.
        np.testing.assert_allclose(numbers(line), by_hand(ids == line[0], image), rtol=6e-6, atol=1e-6)


def test_instances_that_overlap_are_measured_each_for_itself():
    yy, xx = np.mgrid[:30, :40]
    masks = [(yy - 12) ** 2 + (xx - c) ** 2 < r * r for c, r in ((15, 9), (22, 6), (4, 10))]
    image = np.random.default_rng(1).random((30, 40)).astype(np.float32)
    lines = list(measurements.rows(Instances.from_masks(masks, shape=(30, 40)), Image(image)))[1:]
    for line, mask in zip(lines, masks, strict=True):
        np.testing.assert_allclose(numbers(line), by_hand(mask, image[..., None]), rtol=6e-6, atol=1e-6)


def seconds(run) -> float:
    """Of the processor, the least of three."""
    times = []
    for _ in range(3):
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return min(times)


def scattered(count: int) -> Segmentation:
    """`count` segments of 9 pixels, in blocks."""
    side = int(np.sqrt(count))
    return Segmentation.from_ids(np.kron(np.arange(1, side * side + 1).reshape(side, side), np.ones((3, 3), int)))


@pytest.mark.parametrize("work", ["regions", "measurements"])
def test_four_times_the_segments_take_about_four_times_as_long(work):
    """Quadratic work would take sixteen times as long; ten leaves room for a busy machine."""

    def run(result):
        image = Image(np.zeros(result.shape, np.uint8))
        return lambda: list(regions(result) if work == "regions" else measurements.rows(result, image))

    run(scattered(100))()
    small, large = (seconds(run(scattered(count))) for count in (2500, 10_000))
    assert large < 10 * small


def test_more_segments_than_sixteen_bits_hold():
    result = scattered(66_049)
    lines = list(measurements.rows(result, Image(np.ones(result.shape, np.uint8))))
    assert len(lines) == 1 + 257**2
    assert lines[-1][0] == 257**2
    assert lines[-1][4] == 9
    assert numbers(lines[-1])[2:5] == [8, 0, 1]  # perimeter, eccentricity, solidity of a square of 3 x 3
