"""Reading and measuring many labels: COCO polygons against pycocotools, many segments against scikit-image.

    python benchmarks/label_reading.py            processor seconds of one process, the least of three

Polygons: one file of 200,000 made-up ones on 5,000 images; both read the JSON and sort it by image. Segments: blocks of nine pixels.
"""

from __future__ import annotations

import contextlib
import gc
import io
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from pycocotools.coco import COCO
from skimage.measure import regionprops_table

from kontur.core.image import Image
from kontur.core.segmentation import Segmentation
from kontur.io import measurements
from kontur.io.coco import read_coco
from kontur.io.regions import regions


def polygons(path: Path, count: int) -> None:
    """Write a COCO file of rounded outlines with 5 to 11 points."""
    rng = np.random.default_rng(0)
    annotations = []
    for number in range(count):
        turn = np.sort(rng.random(int(rng.integers(5, 12)))) * 2 * np.pi
        centre, radius = rng.uniform(60, 400, 2), rng.uniform(10, 50)
        outline = np.round(centre + radius * np.stack([np.cos(turn), np.sin(turn)], 1), 2).ravel().tolist()
        box = np.round([*(centre - radius), 2 * radius, 2 * radius], 2).tolist()
        row = {"id": number + 1, "image_id": number % 5000 + 1, "category_id": number % 80 + 1, "iscrowd": 0}
        annotations.append(row | {"segmentation": [outline], "area": round(3 * radius**2, 2), "bbox": box})
    images = [{"id": n + 1, "file_name": f"{n:06d}.jpg", "height": 480, "width": 640} for n in range(5000)]
    categories = [{"id": n + 1, "name": f"class {n + 1}"} for n in range(80)]
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))


def seconds(run: Callable[[], object]) -> float:
    times = []
    for _ in range(3):
        gc.collect()
        start = time.process_time()
        with contextlib.redirect_stdout(io.StringIO()):
            run()
        times.append(time.process_time() - start)
    return min(times)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "instances.json"
        polygons(path, 200_000)
        ours, theirs = seconds(lambda: read_coco(path).of_image(1)), seconds(lambda: COCO(str(path)))
    print(f"200,000 polygons: read_coco {ours:.2f} s, pycocotools {theirs:.2f} s, ratio {ours / theirs:.2f}")
    segments(128, peer=True)
    segments(257, peer=False)


def segments(side: int, *, peer: bool) -> None:
    """Measure side x side segments; peer: with scikit-image as well."""
    ids = np.kron(np.arange(1, side * side + 1).reshape(side, side), np.ones((3, 3), int))
    image = np.random.default_rng(0).random((*ids.shape, 3)).astype(np.float32)
    result = Segmentation.from_ids(ids)
    walked = seconds(lambda: list(regions(result)))
    measured = seconds(lambda: list(measurements.rows(result, Image(image))))
    told = f"{side * side:,} segments: regions {walked:.2f} s, measurements of three bands {measured:.2f} s"
    if peer:
        shape = ("perimeter", "eccentricity", "solidity", "axis_major_length", "axis_minor_length")
        names = ("label", "area", "centroid", *shape, "intensity_mean", "intensity_min", "intensity_max")
        told += f", regionprops_table {seconds(lambda: regionprops_table(ids, image, properties=names)):.2f} s"
    print(told)


if __name__ == "__main__":
    main()
