"""The default method: how long from a file to regions, how it grows, what another level costs, how much memory it takes.

    python benchmarks/contours_default.py [--model FILE.onnx] [--rounds 15] [--threads 2] [--sizes 481x321,2000x1500,4000x3000]
    python benchmarks/contours_default.py --memory 10000x10000 [--megapixels none]

In one warm process, medians by the clock: reading the JPEG, the network (with what goes in and comes out of it), map to
hierarchy, the level's regions; the whole as `kontur.segment(path)` does it. Sizes beyond the first are mirrored repeats of
the photo, with the default (shrunk for the network to 2 megapixels) and with megapixels=none (tiles at full size).
--memory: the highest resident memory of a process of its own that segments an array of that size, the image itself in it.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

import kontur  # noqa: E402
from kontur.graph.oriented_watershed import contour_hierarchy  # noqa: E402
from kontur.inference import Predictor  # noqa: E402
from kontur.inference.contours import boundary_strength  # noqa: E402
from kontur.io.photos import read_image  # noqa: E402
from kontur.io.pictures import write_picture  # noqa: E402

DATA = Path(os.environ.get("KONTUR_DATA", ROOT.parent / "shared" / "data")) / "bsds500"
MODEL = ROOT / "src" / "kontur" / "models" / "contours.onnx"
PHOTO = DATA / "images" / "val" / "119082.jpg"


def milliseconds(rounds: int, call: Callable[[], Any]) -> tuple[float, Any]:
    """Median of some calls, and the last result."""
    taken, result = [], None
    for _ in range(rounds):
        started = time.perf_counter()
        result = call()
        taken.append(1000 * (time.perf_counter() - started))
    return statistics.median(taken), result


def repeated(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    """The photo in mirrored repeats, (height, width, 3)."""
    more = ((0, max(height - pixels.shape[0], 0)), (0, max(width - pixels.shape[1], 0)), (0, 0))
    return np.ascontiguousarray(np.pad(pixels, more, mode="symmetric")[:height, :width])


def row(path: Path, model: Path, threads: int, megapixels: float | None, rounds: int) -> dict[str, float]:
    options = {"threads": threads, "megapixels": megapixels}
    found: dict[str, float] = {}
    predictor = Predictor(model, threads=threads)
    kontur.segment(path, model, **options)  # compiles, opens, warms
    found["read"], image = milliseconds(rounds, lambda: read_image(path))
    found["network"], (strength, _) = milliseconds(rounds, lambda: boundary_strength(predictor, image, megapixels))
    found["hierarchy"], tree = milliseconds(rounds, lambda: contour_hierarchy(strength, thin=False))
    found["first level"] = milliseconds(1, tree.level)[0]
    found["whole"], result = milliseconds(rounds, lambda: kontur.segment(path, model, **options))
    found["with thinning"] = milliseconds(rounds, lambda: contour_hierarchy(strength))[0]
    found["level 0.3"] = milliseconds(rounds, lambda: tree.level(0.3))[0]
    found["level 0"] = milliseconds(rounds, lambda: tree.level(0))[0]
    found["20 regions"] = milliseconds(rounds, lambda: tree.regions(20))[0]
    return found | {
        "leaves": len(tree),
        "regions": len(result),
        "whole, ns a pixel": 1e6 * found["whole"] / strength.size,
    }


def peak_of_one(size: str, model: Path, threads: int, megapixels: float | None) -> None:
    width, height = map(int, size.split("x"))
    image = repeated(read_image(PHOTO).pixels, width, height)
    started = time.perf_counter()
    result = kontur.segment(image, model, threads=threads, megapixels=megapixels)
    seconds = time.perf_counter() - started
    status = Path("/proc/self/status").read_text().splitlines()
    peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    print(
        f"| {size} | {megapixels} | {len(result)} | {seconds:.1f} s | {peak / 1024:.0f} MB | {1024 * peak / (width * height):.0f} bytes a pixel |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--rounds", type=int, default=15, help="of the first size; a fifth of it at larger ones")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--sizes", default="481x321,2000x1500,4000x3000")
    parser.add_argument("--memory", metavar="WxH", help="only the memory of one image")
    parser.add_argument("--megapixels", default="2", help="of --memory: what the network sees at most, or none")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    shrunk = None if given.megapixels == "none" else float(given.megapixels)
    if given.inside:
        peak_of_one(given.memory, given.model, given.threads, shrunk)
        return
    if given.memory:
        subprocess.run([sys.executable, __file__, *sys.argv[1:], "--inside"], check=True)
        return
    columns: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        for number, size in enumerate(given.sizes.split(",")):
            width, height = map(int, size.split("x"))
            path = PHOTO
            if number:
                path = Path(folder) / f"{size}.png"
                write_picture(path, repeated(read_image(PHOTO).pixels, width, height))
            for megapixels in (2.0, None) if width * height > 2e6 else (2.0,):
                found = row(path, given.model, given.threads, megapixels, max(1, given.rounds // (5 if number else 1)))
                if not columns:
                    columns = list(found)
                    print(f"| size | network sees | {' | '.join(columns)} |\n|---{'|--:' * (len(columns) + 1)}|")
                seen = "all" if megapixels is None or width * height <= 2e6 else "2 MP"
                print(f"| {size} | {seen} | {' | '.join(f'{found[c]:.1f}' for c in columns)} |", flush=True)


if __name__ == "__main__":
    main()
