"""Time against pixels, 0.1 to 50 megapixels, log-log: SLIC, watershed, Felzenszwalb and the dense CRF cost what they should.

    python benchmarks/linear.py [--only slic,watershed] [--largest 50]

The picture is scikit-image's astronaut, mirrored side by side, so that a pixel costs the same at every size. CPU seconds
of one thread, best of three up to 3 megapixels, one call above. Results are merged into benchmarks/linear.csv, of which
docs/figures/linear_cost.png is made; the exponent is the slope of the least-squares line through the logarithms.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))
CSV = ROOT / "benchmarks" / "linear.csv"
SIZES = (0.1, 0.3, 1.0, 3.0, 10.0, 50.0)


def picture(megapixels: float) -> np.ndarray:
    """(H, W, 3) uint8, 4:3."""
    from skimage.data import astronaut

    tile = astronaut()
    tile = np.concatenate([tile, tile[:, ::-1]], axis=1)
    tile = np.concatenate([tile, tile[::-1]])
    height = round((megapixels * 1e6 * 3 / 4) ** 0.5)
    width = round(height * 4 / 3)
    return np.ascontiguousarray(np.tile(tile, (-(-height // 1024), -(-width // 1024), 1))[:height, :width])


def slic(image: np.ndarray) -> Callable[[], object]:
    from kontur.superpixels.slic import slic_labels

    segments = max(1, image.shape[0] * image.shape[1] // 2000)
    return lambda: slic_labels(image, segments)


def felzenszwalb(image: np.ndarray) -> Callable[[], object]:
    from kontur.superpixels.felzenszwalb import felzenszwalb_labels

    return lambda: felzenszwalb_labels(image)


def watershed(image: np.ndarray) -> Callable[[], object]:
    """Flooding from a marker every 40 pixels, on the 8-bit gradient."""
    from kontur.kernels.priority_flood import priority_flood

    grey = image.max(axis=2).astype(np.int16)
    relief = (np.abs(np.gradient(grey, axis=0)) + np.abs(np.gradient(grey, axis=1))).clip(0, 255).astype(np.uint8)
    markers = np.zeros(grey.shape, np.int32)
    places = markers[20::40, 20::40]
    places[:] = np.arange(1, places.size + 1).reshape(places.shape)
    return lambda: priority_flood(relief, markers)


def dense_crf(image: np.ndarray) -> Callable[[], object]:
    """Two labels, 10 iterations, lattices included; the probability follows the red band."""
    from kontur.graph.dense_crf import refine_probabilities

    red = image[..., 0].astype(np.float32) / 510 + np.float32(0.25)
    probabilities = np.stack([1 - red, red])
    return lambda: refine_probabilities(probabilities, image)


WORK: dict[str, Callable[[np.ndarray], Callable[[], object]]] = {
    "slic": slic,
    "felzenszwalb": felzenszwalb,
    "watershed": watershed,
    "dense_crf": dense_crf,
}


def measure(name: str, largest: float) -> list[dict[str, str]]:
    WORK[name](picture(0.01))()  # compile
    rows = []
    for megapixels in SIZES:
        if megapixels > largest:
            break
        image = picture(megapixels)
        call = WORK[name](image)
        seconds = []
        for _ in range(3 if megapixels <= 3 else 1):
            started = time.process_time()
            call()
            seconds.append(time.process_time() - started)
        pixels = image.shape[0] * image.shape[1]
        rows.append({"method": name, "pixels": str(pixels), "seconds": f"{min(seconds):.5f}"})
        print(
            name,
            f"{pixels / 1e6:.2f} MP  {min(seconds):.3f} s  {1e9 * min(seconds) / pixels:.0f} ns a pixel",
            flush=True,
        )
    return rows


def exponent(rows: list[dict[str, str]]) -> float:
    """The slope of log seconds against log pixels from 0.3 megapixels on (below, fixed costs show)."""
    points = [(float(r["pixels"]), float(r["seconds"])) for r in rows if float(r["pixels"]) > 2e5]
    return float(np.polyfit(*np.log(np.array(points).T), 1)[0])


def draw(rows: list[dict[str, str]]) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(7, 5), constrained_layout=True)
    for name in dict.fromkeys(r["method"] for r in rows):
        own = [r for r in rows if r["method"] == name]
        pixels, seconds = ([float(r[key]) for r in own] for key in ("pixels", "seconds"))
        (line,) = axis.loglog(np.array(pixels) / 1e6, seconds, marker="o", label=f"{name}: pixels^{exponent(own):.2f}")
        # A straight line of slope 1 through the point at one megapixel.
        middle = min(range(len(pixels)), key=lambda i: abs(np.log(pixels[i] / 1e6)))
        axis.loglog(
            np.array(pixels) / 1e6, np.array(pixels) * seconds[middle] / pixels[middle],
            color=line.get_color(), linestyle=":", linewidth=1,
        )  # fmt: skip
        print(name, f"exponent {exponent(own):.3f}")
    axis.set(xlabel="megapixels", ylabel="CPU seconds, one thread", title="dotted: exactly linear")
    axis.grid(alpha=0.3, which="both")
    axis.legend()
    folder = ROOT / "docs" / "figures"
    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(folder / "linear_cost.png", dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", default=",".join(WORK), help="names, separated by commas")
    parser.add_argument("--largest", type=float, default=50.0, help="megapixels")
    given = parser.parse_args()
    old = list(csv.DictReader(CSV.open())) if CSV.exists() else []
    names = given.only.split(",")
    rows = [r for r in old if r["method"] not in names]
    for name in names:
        rows += measure(name, given.largest)
    with CSV.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["method", "pixels", "seconds"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    draw(rows)


if __name__ == "__main__":
    main()
