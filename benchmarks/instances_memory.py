"""Memory of 1,000 instances on an image of 4000 x 3000 pixels: from a network's boxes and small masks to runs, a partition, a file.

    python benchmarks/instances_memory.py

Dense masks of 1 byte a pixel would take 12 GB.
"""

from __future__ import annotations

import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from kontur.core.merging import panoptic
from kontur.core.segmentation import Segmentation
from kontur.core.taxonomy import Category, Taxonomy
from kontur.inference.mask_rcnn import mask_rcnn
from kontur.io.coco import write_coco

SHAPE, COUNT = (3000, 4000), 1000


def peak() -> float:
    """MB that this process has held at most so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    rng = np.random.default_rng(0)
    taxonomy = Taxonomy((Category(1, "nucleus", (255, 0, 0), True), Category(2, "ground", (0, 255, 0))))
    side = rng.uniform(20, 250, (COUNT, 2))
    corner = rng.uniform(-20, np.array(SHAPE[::-1]) - 100, (COUNT, 2))
    boxes = np.concatenate([corner, corner + side], axis=1).astype(np.float32)
    rows, columns = np.mgrid[:28, :28] - 13.5
    blob = 1.6 - np.hypot(rows, columns) / 11
    masks = np.clip(blob + rng.normal(0, 0.15, (COUNT, 28, 28)), 0, 1).astype(np.float32)
    scores = rng.uniform(0.5, 1, COUNT)
    base = peak()
    print(f"{'step':42}{'seconds':>9}{'process peak, MB':>18}{'above start, MB':>17}")
    print(f"{'start: NumPy and the arrays of the network':42}{'':>9}{base:18.0f}")

    def told(step: str, began: float) -> None:
        print(f"{step:42}{time.perf_counter() - began:9.2f}{peak():18.0f}{peak() - base:17.0f}")

    began = time.perf_counter()
    found = mask_rcnn(boxes, np.ones(COUNT, int), scores, masks, SHAPE, taxonomy)
    told(f"boxes and masks -> {len(found)} instances", began)
    runs = sum(len(i.mask.counts) for i in found.instances)
    print(f"    {runs} counts, {sum(i.mask.counts.nbytes for i in found.instances) / 1e6:.1f} MB")
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        write_coco(Path(folder) / "found.json", [("image.png", found)])
        told("written as COCO", began)
    began = time.perf_counter()
    ground = Segmentation.from_ids(np.ones(SHAPE, np.int32), categories={1: 2}, taxonomy=taxonomy)
    merged = panoptic(ground, found, stuff_area=4096)
    told(f"over stuff: {len(merged)} segments", began)


if __name__ == "__main__":
    main()
