"""BSDS500 boundary matching: 200 test images at 30 thresholds on 2 threads, and one pair of maps beside scipy.

    python benchmarks/metrics_bsds.py [--images N]

The predictions are the gradient magnitude of a Gaussian (sigma 2), a real soft map with many pixels at low thresholds;
making them and reading the files is timed apart. The bar: within 10 minutes on 2 cores.
"""

from __future__ import annotations

import argparse
import math
import os
import resource
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import maximum_bipartite_matching
from scipy.spatial import cKDTree

from kontur.io.bsds import read_bsds_truth
from kontur.metrics.contours import ContourCounts, ContourScores, match_boundaries, thin
from kontur.metrics.streaming import stream

DATA = Path(os.environ.get("KONTUR_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
THRESHOLDS = 30
THREADS = 2


def soft_map(photo: Path) -> np.ndarray:
    grey = np.asarray(Image.open(photo).convert("L"), np.float64)
    gradient = ndimage.gaussian_gradient_magnitude(grey, 2.0)
    return gradient / gradient.max()


def load(photo: Path) -> tuple[np.ndarray, list[np.ndarray]]:
    truth = DATA / "bsds500" / "groundTruth" / "test" / f"{photo.stem}.mat"
    return soft_map(photo), [drawing.boundaries for drawing in read_bsds_truth(truth)]


def whole_set(photos: list[Path]) -> tuple[ContourScores, float, float, int]:
    """Scores, seconds of the matching alone (wall), seconds of everything, pairs of maps."""
    total, matching, pairs = ContourCounts(THRESHOLDS), 0.0, 0
    started = time.perf_counter()
    for first in range(0, len(photos), 20):  # twenty images are read, then scored, so that the two times are apart
        loaded = [load(photo) for photo in photos[first : first + 20]]
        pairs += sum(len(truths) for _, truths in loaded) * THRESHOLDS
        begun = time.perf_counter()
        for counts in stream(loaded, _count, threads=THREADS):
            total += counts
        matching += time.perf_counter() - begun
    return total.scores(), matching, time.perf_counter() - started, pairs


def _count(image: tuple[np.ndarray, list[np.ndarray]]) -> ContourCounts:
    counts = ContourCounts(THRESHOLDS)
    counts.update(*image)
    return counts


def one_pair(photo: Path) -> Iterator[tuple[float, int, float, int, float, int]]:
    """At rising thresholds: threshold, predicted pixels, our ms, our pairs, scipy's ms, scipy's pairs."""
    strength, truths = load(photo)
    truth = truths[0]
    reach = 0.0075 * math.hypot(*truth.shape)
    for threshold in (0.5, 0.3, 0.2):
        lines = thin(strength >= threshold)
        ours = min(_timed(lambda lines=lines: match_boundaries(lines, truth)) for _ in range(5))
        found = int(match_boundaries(lines, truth)[0].sum())
        begun = time.perf_counter()
        a, b = np.argwhere(lines), np.argwhere(truth)
        near = cKDTree(a).sparse_distance_matrix(cKDTree(b), reach, output_type="coo_matrix")
        graph = csr_matrix((np.ones(near.nnz, bool), (near.row, near.col)), near.shape)
        matched = int((maximum_bipartite_matching(graph) >= 0).sum())
        yield threshold, int(lines.sum()), ours * 1e3, found, (time.perf_counter() - begun) * 1e3, matched


def _timed(work) -> float:  # type: ignore[no-untyped-def]
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=200)
    wanted = parser.parse_args().images
    photos = sorted((DATA / "bsds500" / "images" / "test").glob("*.jpg"))
    photos = photos[:: max(1, len(photos) // wanted)][:wanted]
    ContourCounts(2).update(*load(photos[0]))  # compile

    print("| threshold | predicted pixels | ours, ms | scipy, ms | ratio | pairs, ours = scipy |")
    print("|---|---|---|---|---|---|")
    for threshold, pixels, ours, found, peer, matched in one_pair(photos[0]):
        print(f"| {threshold} | {pixels} | {ours:.2f} | {peer:.0f} | {peer / ours:.0f}x | {found} = {matched} |")

    scores, matching, everything, pairs = whole_set(photos)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"\n{len(photos)} images, {THRESHOLDS} thresholds, {THREADS} threads, {pairs} pairs of maps: matching and thinning "
        f"{matching:.1f} s ({matching / pairs * 1e3 * THREADS:.2f} ms of one core a pair), with reading and the gradient "
        f"{everything:.1f} s; peak memory {memory:.0f} MiB"
    )
    print(f"gradient magnitude: ODS {scores.ods:.3f}, OIS {scores.ois:.3f}, AP {scores.average_precision:.3f}")


if __name__ == "__main__":
    main()
