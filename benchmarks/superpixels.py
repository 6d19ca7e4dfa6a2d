"""Every superpixel method on the 200 BSDS500 test photos at about 100, 200, 400 and 800 regions.

    python benchmarks/superpixels.py [--methods slic,ers] [--limit N] [--draw]

Scores are means over a photo's annotators, then over photos; ms is the median CPU time of a call (one thread). Results
are merged into superpixels.csv, of which superpixels.md and docs/figures/superpixels.png are made (--draw: only that).
A method without a number of regions gets, for each number, the parameter whose mean over 10 validation photos is
nearest to it (`SEARCHED`). "grid" is the floor: equal rectangles.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image
from scipy.io import loadmat

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

from kontur import registry  # noqa: E402
from kontur.metrics.superpixels import mean_superpixel_scores, superpixel_scores  # noqa: E402

DATA = Path(os.environ.get("KONTUR_DATA", ROOT.parent / "shared" / "data")) / "bsds500"
CSV = ROOT / "benchmarks" / "superpixels.csv"
NUMBERS = (100, 200, 400, 800)
COLUMNS = {
    "boundary_recall": "boundary recall",
    "undersegmentation_error": "UE",
    "undersegmentation_error_np": "UE (Neubert & Protzel)",
    "achievable_accuracy": "ASA",
    "explained_variation": "explained variation",
    "compactness": "compactness",
    "boundary_precision": "boundary precision",
    "contour_density": "contour density",
}
# method -> (option, lowest, highest, other options from the number of pixels a region should have)
SEARCHED: dict[str, tuple[str, float, float, Callable[[float], dict]]] = {
    "felzenszwalb": ("scale", 1.0, 3000.0, lambda pixels: {"min_size": max(1, int(pixels / 6))}),
    "quickshift": ("max_distance", 2.0, 60.0, lambda pixels: {"kernel_size": 3.0, "ratio": 0.5}),
}
Call = Callable[[np.ndarray], np.ndarray]


def photos(split: str, count: int | None = None) -> list[tuple[np.ndarray, list[np.ndarray]]]:
    """(image (H, W, 3) uint8, the annotators' maps (H, W)) of the first `count` photos."""
    found = []
    for path in sorted((DATA / "images" / split).glob("*.jpg"))[:count]:
        truths = loadmat(DATA / "groundTruth" / split / f"{path.stem}.mat")["groundTruth"]
        maps = [np.asarray(truths[0, i]["Segmentation"][0, 0], np.int32) for i in range(truths.shape[1])]
        found.append((np.asarray(Image.open(path)), maps))
    return found


def grid(image: np.ndarray, segments: int) -> np.ndarray:
    """Equal rectangles."""
    height, width = image.shape[:2]
    down = round(np.sqrt(segments * height / width))
    across = round(segments / down)
    return np.add.outer(np.arange(height) * down // height * across, np.arange(width) * across // width)


def calls(name: str, numbers: tuple[int, ...]) -> dict[int, tuple[Call, str]]:
    """number of regions -> (the call, its options in words)."""
    if name == "grid":
        return {n: (lambda image, n=n: grid(image, n), "") for n in numbers}
    method = registry.get(name).load()
    if name not in SEARCHED:
        return {n: (lambda image, n=n: method(image, segments=n).ids, f"segments={n}") for n in numbers}
    option, lowest, highest, others = SEARCHED[name]
    sample = [image for image, _ in photos("val", 10)]
    found = {}
    for n in numbers:
        rest = others(sample[0].shape[0] * sample[0].shape[1] / n)
        low, high = lowest, highest
        for _ in range(9):
            middle = float(np.sqrt(low * high))
            count = np.mean([len(method(image, **{option: middle}, **rest)) for image in sample])
            low, high = (middle, high) if count > n else (low, middle)
        options = {option: round(middle, 3)} | rest
        found[n] = (
            lambda image, options=options: method(image, **options).ids,
            " ".join(f"{k}={v:g}" for k, v in options.items()),
        )
    return found


def measure(name: str, data: list, numbers: tuple[int, ...]) -> list[dict[str, str]]:
    rows = []
    for number, (call, options) in calls(name, numbers).items():
        call(data[0][0])  # compile
        seconds, regions, scores = [], [], []
        for image, truths in data:
            started = time.process_time()
            labels = call(image)
            seconds.append(time.process_time() - started)
            regions.append(len(np.unique(labels)))
            scores.append(mean_superpixel_scores(superpixel_scores(labels, truth, image) for truth in truths))
        mean = mean_superpixel_scores(scores)
        row = {"method": name, "asked": str(number), "regions": f"{np.mean(regions):.1f}",
               "least": str(min(regions)), "most": str(max(regions)), "photos": str(len(data))}  # fmt: skip
        row |= {key: f"{getattr(mean, key):.4f}" for key in COLUMNS}
        row |= {"ms": f"{1e3 * median(seconds):.1f}", "options": options}
        print(row, flush=True)
        rows.append(row)
    return rows


def keep(rows: list[dict[str, str]]) -> None:
    """Replace the rows of these methods and numbers."""
    old = list(csv.DictReader(CSV.open())) if CSV.exists() else []
    new = {(r["method"], r["asked"]) for r in rows}
    rows = sorted(
        [r for r in old if (r["method"], r["asked"]) not in new] + rows, key=lambda r: (r["method"], int(r["asked"]))
    )
    with CSV.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def draw() -> None:
    """superpixels.md and the curves."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    rows = list(csv.DictReader(CSV.open()))
    lines = [
        "# Superpixels on the BSDS500 test photos",
        "",
        "Made by `python benchmarks/superpixels.py`: means over annotators, then photos; ms: median CPU time, one thread,",
        "with other work on the machine (for the order of magnitude). Higher is better but for UE.",
        "",
        "| method | asked | regions (least–most) | " + " | ".join(COLUMNS.values()) + " | ms | photos |",
        "|---|---|---|" + "---|" * (len(COLUMNS) + 2),
    ]
    for r in rows:
        lines.append(
            f"| {r['method']} | {r['asked']} | {r['regions']} ({r['least']}–{r['most']}) | "
            + " | ".join(r[key] for key in COLUMNS)
            + f" | {r['ms']} | {r['photos']} |"
        )
    most = max(int(r["photos"]) for r in rows)
    fewer = [f"- {r['method']} at {r['asked']}: the first {r['photos']} photos only, so it is not to be compared with the other "
             "rows, and not drawn" for r in rows if int(r["photos"]) < most]  # fmt: skip
    searched = [f"- {r['method']} at {r['asked']}: {r['options']}" for r in rows if r["method"] in SEARCHED]
    (ROOT / "benchmarks" / "superpixels.md").write_text("\n".join([*lines, "", *fewer, *searched]) + "\n")

    shown = (
        "boundary_recall",
        "undersegmentation_error",
        "achievable_accuracy",
        "explained_variation",
        "compactness",
        "ms",
    )
    names = sorted({r["method"] for r in rows})
    colours = plt.get_cmap("tab20")(np.linspace(0, 1, 20))
    figure, axes = plt.subplots(2, 3, figsize=(13, 7.5), constrained_layout=True)
    for axis, key in zip(axes.flat, shown):
        for i, name in enumerate(names):
            own = [r for r in rows if r["method"] == name and int(r["photos"]) == most]
            axis.plot(
                [float(r["regions"]) for r in own], [float(r[key]) for r in own],
                marker="o", markersize=3, linewidth=1.3, label=name, color=colours[i % 20],
                linestyle=":" if name == "grid" else "-",
            )  # fmt: skip
        axis.set(xlabel="regions", title=COLUMNS.get(key, "CPU time, ms"), xscale="log")
        axis.set_xticks(NUMBERS, [str(n) for n in NUMBERS])
        axis.minorticks_off()
        axis.grid(alpha=0.3)
        if key == "ms":
            axis.set_yscale("log")
    axes[0, 0].legend(fontsize=7, ncol=2)
    folder = ROOT / "docs" / "figures"
    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(folder / "superpixels.png", dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    every = ["grid", *(m.name for m in registry.METHODS.values() if m.module.startswith("superpixels."))]
    parser.add_argument("--methods", default=",".join(every), help="names, separated by commas")
    parser.add_argument("--numbers", default=",".join(map(str, NUMBERS)))
    parser.add_argument("--limit", type=int, help="the first N photos only")
    parser.add_argument("--draw", action="store_true", help="only make the table and the figure again")
    given = parser.parse_args()
    if not given.draw:
        data = photos("test", given.limit)
        for name in given.methods.split(","):
            keep(measure(name, data, tuple(map(int, given.numbers.split(",")))))
    draw()


if __name__ == "__main__":
    main()
