"""From a boundary map to a hierarchy: the time of each step, how it grows with the image, and pictures to look at.

    python benchmarks/contours_pipeline.py [--rounds 5] [--sizes 481x321,2000x1500,4000x3000] [--draw FOLDER]

Two stand-ins for the boundary network: "drawn", the mean of the human boundary maps of a BSDS500 val photo, blurred as
a network's output is; "lab", the gradient of L*a*b* at three scales, a noisy map with many weak boundaries. Larger
sizes are mirrored repeats of the map, so that the regions stay as large as they are. Milliseconds are CPU time of the
one thread, the least of `--rounds`.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

from kontur.core.hierarchy import Hierarchy  # noqa: E402
from kontur.draw import mean_colour  # noqa: E402
from kontur.graph.boundary_thinning import thinned  # noqa: E402
from kontur.graph.oriented_watershed import (  # noqa: E402
    border_normals,
    contour_hierarchy,
    oriented_strength,
    structure_tensor,
    watershed_leaves,
)
from kontur.io.bsds import read_bsds_truth  # noqa: E402
from kontur.io.photos import read_image  # noqa: E402
from kontur.kernels.region_graph import merge_tree, region_graph  # noqa: E402
from kontur.superpixels.frame import lab_planes  # noqa: E402

DATA = Path(os.environ.get("KONTUR_DATA", ROOT.parent / "shared" / "data")) / "bsds500"
PHOTOS = ("101087", "119082", "21077")


def drawn(name: str) -> np.ndarray:
    """The share of the annotators with a boundary nearby, blurred: (H, W) float32 in [0, 1]."""
    maps = [d.boundaries for d in read_bsds_truth(DATA / "groundTruth" / "val" / f"{name}.mat")]
    near = [ndimage.binary_dilation(m, iterations=1) for m in maps]
    return np.clip(1.2 * ndimage.gaussian_filter(np.mean(near, axis=0).astype(np.float32), 1.2), 0, 1)


def lab_gradient(pixels: np.ndarray) -> np.ndarray:
    """Length of the gradient of L*a*b*, scale times gradient summed over 1, 2 and 4 pixels, squeezed into [0, 1)."""
    planes, units = lab_planes(pixels)
    total = np.zeros(pixels.shape[:2], np.float32)
    for scale in (1.0, 2.0, 4.0):
        squares = np.zeros_like(total)
        for plane in planes:
            dy, dx = np.gradient(ndimage.gaussian_filter(plane.astype(np.float32) / units, scale))
            squares += dx * dx + dy * dy
        total += scale * np.sqrt(squares) / 3
    return total / (total + 8)


def repeated(strength: np.ndarray, width: int, height: int) -> np.ndarray:
    """The map in mirrored repeats."""
    more = ((0, max(height - strength.shape[0], 0)), (0, max(width - strength.shape[1], 0)))
    return np.ascontiguousarray(np.pad(strength, more, mode="symmetric")[:height, :width])


def times(strength: np.ndarray) -> dict[str, float]:
    """Milliseconds of each step and of the whole, once; how many leaves."""
    found: dict[str, float] = {}

    def timed(step: str, call: Callable[..., Any], *inputs: Any) -> Any:
        started = time.thread_time()
        result = call(*inputs)
        found[step] = 1000 * (time.thread_time() - started)
        return result

    timed("thinning", thinned, strength)
    leaves = timed("watershed", watershed_leaves, strength)
    timed("structure tensor", structure_tensor, strength)
    timed("arcs", border_normals, leaves)
    graph = timed("region graph", region_graph, leaves, *oriented_strength(strength, leaves))
    count = int(leaves.max())
    timed("merging", merge_tree, graph, np.ones(count), np.zeros((count, 0)))
    tree: Hierarchy = timed("whole", contour_hierarchy, strength)
    timed("first level", tree.level, 0.3)
    timed("level 0.3", tree.level, 0.3)
    timed("level 0.0", tree.level, 0.0)
    timed("20 regions", tree.regions, 20)
    timed("ultrametric", lambda: tree.ultrametric)
    return found | {"leaves": count}


def picture(name: str, folder: Path) -> None:
    """One row a stand-in: strength, thinned, ultrametric, three levels from fine to coarse in mean colours."""
    from PIL import Image

    photo = read_image(DATA / "images" / "val" / f"{name}.jpg")
    rows = []
    for strength in (drawn(name), lab_gradient(photo.pixels)):
        tree = contour_hierarchy(strength)
        maps = [255 - (255 * np.sqrt(m)).astype(np.uint8) for m in (strength, tree.boundaries, tree.ultrametric)]
        cells = [np.repeat(m[..., None], 3, axis=2) for m in maps]
        cells += [mean_colour(photo, tree.regions(n)) for n in (100, 25, 8)]
        rows += [np.hstack([photo.pixels, *cells[:3]]), np.hstack([mean_colour(photo, tree.level(0.3)), *cells[3:]])]
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.vstack(rows)).save(folder / f"contours_{name}.png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sizes", default="481x321,2000x1500,4000x3000")
    parser.add_argument("--draw", type=Path, help="folder for pictures of three photos; nothing is timed then")
    options = parser.parse_args()
    if options.draw:
        for name in PHOTOS:
            picture(name, options.draw)
        return
    photo = read_image(DATA / "images" / "val" / f"{PHOTOS[0]}.jpg").pixels
    strengths = {"drawn": drawn(PHOTOS[0]), "lab": lab_gradient(photo)}
    contour_hierarchy(strengths["lab"])  # compiled here
    columns: list[str] = []
    for size in options.sizes.split(","):
        width, height = map(int, size.split("x"))
        for kind, strength in strengths.items():
            large = repeated(strength, width, height)
            rounds = [times(large) for _ in range(options.rounds if width < 1000 else 1)]
            found = {step: min(each[step] for each in rounds) for step in rounds[0]}
            if not columns:
                columns = list(found)
                print(f"| map | size | {' | '.join(columns)} | whole, ns a pixel |")
                print("|---" * (len(columns) + 3) + "|")
            numbers = " | ".join(f"{found[c]:.1f}" if c != "leaves" else str(int(found[c])) for c in columns)
            print(f"| {kind} | {size} | {numbers} | {1e6 * found['whole'] / (width * height):.0f} |", flush=True)


if __name__ == "__main__":
    main()
