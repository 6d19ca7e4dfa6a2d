"""How region merging's constants were chosen: covering (ODS) on BSDS500 val photos, never on test.

python benchmarks/tune_region_merging.py [--limit 40]
"""

from __future__ import annotations

import argparse
import itertools
import os
from pathlib import Path

import numpy as np

from kontur.core.hierarchy import Hierarchy
from kontur.core.segmentation import Segmentation
from kontur.graph import region_merging
from kontur.io.bsds import read_bsds_truth
from kontur.io.photos import read_image
from kontur.kernels.region_graph import merge_tree, region_graph, region_sums
from kontur.metrics.regions import RegionCounts
from kontur.superpixels.frame import lab_planes
from kontur.superpixels.slic import slic_labels

DATA = Path(os.environ.get("KONTUR_DATA", Path(__file__).resolve().parents[2] / "shared" / "data")) / "bsds500"
LEVELS = np.geomspace(10, 2000, 24)  # costs up to which regions are merged


def prepared(path: Path):
    """What does not depend on the constants: leaves, graph, sums."""
    from scipy import ndimage

    image = read_image(path)
    leaves = slic_labels(image.pixels, max(200, image.height * image.width // 100), 10.0)
    planes, units = lab_planes(image.pixels)
    smooth = np.stack([ndimage.gaussian_filter(p.astype(np.float32), 1.0) for p in planes]) / np.float32(units)
    graph = region_graph(leaves, *region_merging.contrast(smooth))
    area, sums = region_sums(leaves, smooth)
    truth = DATA / "groundTruth" / "val" / f"{path.stem}.mat"
    return leaves, graph, area, sums, [t.regions for t in read_bsds_truth(truth)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=int, default=40)
    photos = sorted((DATA / "images" / "val").glob("*.jpg"))[: parser.parse_args().limit]
    ready = [prepared(path) for path in photos]
    for size, border, colour in itertools.product((0.1, 0.2, 0.35, 0.5), (1.0, 2.0, 4.0), (0.5, 1.0, 2.0)):
        if (border, colour) in ((1.0, 0.5), (2.0, 1.0), (4.0, 2.0)) and (border, colour) != (2.0, 1.0):
            continue  # the same ratio: only the scale of the levels differs
        counts = RegionCounts(len(LEVELS))
        for leaves, graph, area, sums, truths in ready:
            merges, costs = merge_tree(graph, area.copy(), sums.copy(), border=border, colour=colour, size=size)
            heights = np.maximum.accumulate(costs / (costs + 1)).astype(np.float32)
            hierarchy = Hierarchy(leaves, merges, heights, default=0.5)
            scale = (border + colour) / 3.0
            maps: list[Segmentation] = [hierarchy.level(float(x * scale / (x * scale + 1))) for x in LEVELS]
            counts.update([m.ids for m in maps], truths)
        scores = counts.scores()
        covering = [round(float(v), 4) for v in (scores.covering_ods, scores.covering_ois)]
        print(
            f"size {size:.2f} border {border:.0f} colour {colour:.1f}  covering ODS, OIS {covering}  {scores.to_dict()}",
            flush=True,
        )


if __name__ == "__main__":
    main()
