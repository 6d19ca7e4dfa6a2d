"""A large TIFF through a network by windows: its time against the sum of its tiles' time, and the peak of memory.

    python benchmarks/tiles.py NETWORK.onnx [--side 8000] [--threads 0] [--tile 1024] [--tiff FILE]

The tiles' time is measured alone, before the image: the median of some runs of a tile of each shape, times how many there are.
On a machine that does other work too, compare the seconds of the processor (with --threads 1: idle threads spin).
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

from kontur.inference import Predictor, segment_windows


def make(path: Path, side: int) -> None:
    """A deflated, tiled RGB TIFF of smooth noise; 200 different tiles of 256 x 256, again and again."""
    import tifffile

    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (200, 32, 32, 3), np.uint8)
    tiles = np.clip(coarse.repeat(8, axis=1).repeat(8, axis=2) + rng.integers(0, 8, (200, 256, 256, 3)), 0, 255)
    tiles = tiles.astype(np.uint8)
    across = -(-side // 256)
    tifffile.imwrite(
        path, (tiles[(i * 7 + i // across) % 200] for i in range(across**2)), shape=(side, side, 3), dtype=np.uint8,
        tile=(256, 256), photometric="rgb", compression="zlib", compressionargs={"level": 1}, maxworkers=1,
    )  # fmt: skip


def tiles_alone(predictor: Predictor, shape: tuple[int, int], runs: int) -> tuple[float, float]:
    """Seconds of the wall clock and of the processor for all tiles of an image."""
    counts = Counter((r.stop - r.start, c.stop - c.start) for r, c in predictor.plan(shape))
    rng = np.random.default_rng(0)
    walls, processors = 0.0, 0.0
    for (high, wide), count in counts.items():
        tile = rng.normal(size=(predictor.metadata.channels, high, wide)).astype(np.float32)
        predictor.tile_scores(tile)
        wall, processor = [], []
        for _ in range(runs if count > 1 else 2):
            began, work = time.perf_counter(), time.process_time()
            predictor.tile_scores(tile)
            wall.append(time.perf_counter() - began)
            processor.append(time.process_time() - work)
        walls += count * statistics.median(wall)
        processors += count * statistics.median(processor)
    return walls, processors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", type=Path)
    parser.add_argument("--side", type=int, default=8000)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--tile", type=int, default=1024)
    parser.add_argument("--overlap", type=int, default=None)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--tiff", type=Path, default=None, help="an image of your own; --side is ignored")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source = given.tiff or Path(folder, "image.tif")
        if given.tiff is None:
            make(source, given.side)
        predictor = Predictor(given.network, tile=given.tile, overlap=given.overlap, threads=given.threads)
        from kontur.io.tiff_windows import tiff_size

        size = tiff_size(source)
        assert size is not None
        alone, alone_processor = tiles_alone(predictor, size, given.runs)
        print(
            f"{size[1]} x {size[0]}: {len(predictor.plan(size))} tiles; alone {alone:.1f} s, processor {alone_processor:.1f} s",
            flush=True,
        )
        began, work = time.perf_counter(), time.process_time()
        result = segment_windows(predictor, source, Path(folder, "labels.tif"), Path(folder, "categories.tif"))
        wall, processor = time.perf_counter() - began, time.process_time() - work
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"by windows {wall:.1f} s (of it in the network {result.tile_seconds:.1f}), processor {processor:.1f} s; against the tiles "
            f"{wall / alone:.3f}, processor {processor / alone_processor:.3f}; peak {peak:.0f} MB"
        )


if __name__ == "__main__":
    main()
