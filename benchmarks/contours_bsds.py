"""The default method `contours` on BSDS500: boundaries and regions by this project's ruler, beside methods without learning.

    python benchmarks/contours_bsds.py [--model FILE.onnx] [--methods contours,canny,..] [--split val|test] [--jobs 2] [--write]
    python benchmarks/contours_bsds.py --tune [--run runs/contours] [--limit 40]
    python benchmarks/contours_bsds.py --figure

The network's maps are kept in --cache, one file a photo, so that a second run and all of --tune cost no network time; so
are the counts of each photo, so that a run that was stopped goes on where it was.

Boundary F (ODS, OIS, AP at 99 thresholds) of `hierarchy.boundaries` and of `hierarchy.ultrametric`; covering, PRI and VI
of its levels 0.02, 0.04 .. 0.98. With --run a run's own held out photos are taken, from whichever split they come.

A curve of each method beside it, by sweeping its main parameter, all else as it is by default; regions at each step too:

    canny           the edges, not closed, of sigma 2; high threshold 0.003..0.25 (slope a pixel), low = 0.4 high; no regions
    felzenszwalb    outlines of the regions; scale 20..50,000
    mean_shift      outlines of the regions; colour radius 2..48
    region_merging  SLIC superpixels merged: the heights of its hierarchy at 99 thresholds

--tune goes through the constants of `graph.contour_hierarchy` one at a time, each kept at its best before the next; best is
the greatest covering + F of the ultrametric - VI / 4. rim is chosen by the F of the thinned boundaries alone.

--write keeps the rows in benchmarks/contours_bsds.json and .md, and draws docs/figures/contours_bsds.png (--figure: only
draws). Methods that are not run keep their rows. Dotted in the figure: published F, which the papers give without its curve.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import json
import os
import pickle
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

from kontur.core.hierarchy import Hierarchy  # noqa: E402
from kontur.core.image import Image  # noqa: E402
from kontur.graph.oriented_watershed import contour_hierarchy  # noqa: E402
from kontur.io.bsds import HumanSegmentation, read_bsds_truth  # noqa: E402
from kontur.io.photos import read_image  # noqa: E402
from kontur.metrics.contours import ContourCounts, label_boundaries  # noqa: E402
from kontur.metrics.regions import RegionCounts  # noqa: E402

DATA = Path(os.environ.get("KONTUR_DATA", ROOT.parent / "shared" / "data")) / "bsds500"
TABLE = ROOT / "benchmarks" / "contours_bsds"
FIGURE = ROOT / "docs" / "figures" / "contours_bsds.png"
MODEL = ROOT / "src" / "kontur" / "models" / "contours.onnx"
METHODS = ("contours", "canny", "felzenszwalb", "mean_shift", "region_merging")
LEVELS = tuple(round(0.02 * i, 2) for i in range(1, 50))
PUBLISHED = {"human": 0.803, "PiDiNet": 0.807, "HED": 0.788, "gPb-owt-ucm": 0.726}
SWEPT = {
    "canny": np.geomspace(0.003, 0.25, 20),
    "felzenszwalb": np.geomspace(20, 50_000, 14),
    "mean_shift": np.geomspace(2, 48, 10),
}


@dataclass(frozen=True)
class Photo:
    """A photo and the drawings of it."""

    name: str
    path: Path
    truth: Path


@dataclass
class Scored:
    """Counts of one photo, or of several. lines: the boundaries; tree: the ultrametric map; regions: the levels."""

    lines: ContourCounts
    tree: ContourCounts | None = None
    regions: RegionCounts | None = None

    def __add__(self, other: Scored) -> Scored:
        both = [
            a if b is None else b if a is None else a + b
            for a, b in ((self.tree, other.tree), (self.regions, other.regions))
        ]
        return Scored(self.lines + other.lines, *both)  # type: ignore[arg-type]

    def row(self, levels: Any) -> dict[str, Any]:
        """What is kept of a method: scores, thresholds or settings at which they are reached, curves."""
        found: dict[str, Any] = {}
        for name, counts in (("boundaries", self.lines), ("ultrametric", self.tree)):
            if counts is None:
                continue
            scores = counts.scores()
            found[name] = {
                "ods": scores.ods, "ois": scores.ois, "ap": scores.average_precision, "threshold": scores.threshold,
                "precision": list(scores.precision_curve), "recall": list(scores.recall_curve),
            }  # fmt: skip
        if self.regions is not None:
            scores = self.regions.scores()
            found["regions"] = {
                "covering": [scores.covering_ods, scores.covering_ois, scores.covering_best],
                "rand_index": [scores.rand_index_ods, scores.rand_index_ois],
                "variation_of_information": [scores.variation_of_information_ods, scores.variation_of_information_ois],
                "covering_at": float(levels[scores.covering_level]),
                "rand_index_at": float(levels[scores.rand_index_level]),
                "variation_of_information_at": float(levels[scores.variation_of_information_level]),
            }
        return found | {"photos": self.lines.images}


def photos_of(split: str) -> list[Photo]:
    """All photos of a split, by name."""
    paths = sorted((DATA / "images" / split).glob("*.jpg"))
    return [Photo(p.stem, p, DATA / "groundTruth" / split / f"{p.stem}.mat") for p in paths]


def held_out(run: Path) -> list[Photo]:
    """The photos by which a run chose its weights."""
    from kontur.training.parts import training_samples
    from kontur.training.recipe import load_recipe

    samples = training_samples(load_recipe(run / "recipe.toml"))[1]
    pairs = [samples.sets[s].pairs[i] for s, i in samples.places]
    return [Photo(pair.name, Path(pair.image), Path(pair.target)) for pair in pairs]


# --- maps and counts, kept ---------------------------------------------------------------------------------------------


def strength_of(photo: Photo, model: Path, cache: Path, threads: int) -> np.ndarray:
    """The calibrated strength (H, W) float32 of a photo, from the cache or by the network."""
    file = cache / f"{photo.name}.npy"
    if not file.is_file():
        from kontur.inference import Predictor
        from kontur.inference.contours import boundary_strength

        predictor = Predictor(model, threads=threads)
        strength, _ = boundary_strength(predictor, read_image(photo.path), None)
        _replace(file, lambda path: np.save(path, strength))
    return np.load(file)


def _replace(file: Path, write: Callable[[Any], None]) -> None:
    """Written whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=file.parent, delete=False) as part:
        write(part)
    os.replace(part.name, file)


def kept(file: Path, make: Callable[[], Scored]) -> Scored:
    """The counts in a file, made first where they are missing."""
    if not file.is_file():
        counts = make()
        _replace(file, lambda path: pickle.dump((counts.lines, counts.tree, counts.regions), path))
        return counts
    return Scored(*pickle.loads(file.read_bytes()))  # written by this script


# --- one photo by one method -------------------------------------------------------------------------------------------


def scored_tree(tree: Hierarchy, lines: np.ndarray | None, drawings: tuple[HumanSegmentation, ...], thresholds: int,
                levels: tuple[float, ...] = LEVELS) -> Scored:  # fmt: skip
    """lines: the boundaries to score beside the ultrametric map; None: the ultrametric alone, as boundaries."""
    outlines = [d.boundaries for d in drawings]
    counts = ContourCounts(thresholds)
    counts.update(tree.ultrametric if lines is None else lines, outlines)
    closed = None
    if lines is not None:
        closed = ContourCounts(thresholds)
        closed.update(tree.ultrametric, outlines)
    regions = RegionCounts(len(levels))
    regions.update([tree.level(x) for x in levels], [d.regions for d in drawings])
    return Scored(counts, closed, regions)


@functools.cache
def code_hash() -> str:
    """Of the files that decide what a strength map's hierarchy is: counts by other constants are not taken for these."""
    files = ("graph/oriented_watershed", "graph/boundary_thinning", "kernels/region_graph")
    return hashlib.sha256(b"".join((ROOT / "src/kontur" / f"{f}.py").read_bytes() for f in files)).hexdigest()[:12]


def by_contours(photo: Photo, model: Path, cache: Path, thresholds: int, threads: int) -> Scored:
    def make() -> Scored:
        tree = contour_hierarchy(strength_of(photo, model, cache, threads))
        return scored_tree(tree, tree.boundaries, read_bsds_truth(photo.truth), thresholds)

    return kept(cache / f"counts-{thresholds}-{code_hash()}" / f"{photo.name}.pickle", make)


def by_other(photo: Photo, method: str, cache: Path, thresholds: int) -> Scored:
    """Of a method beside it. Counts of these are kept apart from the model's."""

    def make() -> Scored:
        image, drawings = read_image(photo.path), read_bsds_truth(photo.truth)
        if method == "region_merging":
            from kontur.graph.region_merging import merging_hierarchy

            return scored_tree(merging_hierarchy(image), None, drawings, thresholds)
        if method == "canny":
            counts = ContourCounts(len(SWEPT[method]))
            counts.update(np.stack(list(canny_edges(image))), [d.boundaries for d in drawings])
            return Scored(counts)
        labels = [labels_by(method, image, float(value)) for value in SWEPT[method]]
        counts, regions = ContourCounts(len(labels)), RegionCounts(len(labels))
        counts.update(np.stack([label_boundaries(ids) for ids in labels]), [d.boundaries for d in drawings])
        regions.update(labels, [d.regions for d in drawings])
        return Scored(counts, None, regions)

    return kept(cache / f"{method}-{thresholds}" / f"{photo.name}.pickle", make)


def canny_edges(image: Image) -> Iterator[np.ndarray]:
    from skimage.feature import canny

    from kontur.classical.canny import SOBEL_GAIN

    grey = image.grey().astype(np.float64)
    for high in SWEPT["canny"]:
        yield canny(grey, 2.0, SOBEL_GAIN * 0.4 * high, SOBEL_GAIN * high, mode="nearest")


def labels_by(method: str, image: Image, value: float) -> np.ndarray:
    import kontur

    return kontur.segment(image, method, **{{"felzenszwalb": "scale", "mean_shift": "colour"}[method]: value}).ids


def over_photos(one: Callable[[Photo], Scored], photos: list[Photo], jobs: int, what: str) -> Scored:
    """The sum over all photos."""
    started, total = time.perf_counter(), None
    with ProcessPoolExecutor(jobs) as pool:
        for number, scored in enumerate(pool.map(one, photos) if jobs > 1 else map(one, photos), 1):
            total = scored if total is None else total + scored
            if number % 20 == 0 or number == len(photos):
                seconds = time.perf_counter() - started
                print(f"{what}: {number} of {len(photos)} photos, {seconds:.0f} s", file=sys.stderr, flush=True)
    assert total is not None
    return total


# --- tuning -------------------------------------------------------------------------------------------------------------

STEPS: dict[str, tuple[float, ...]] = {
    "floor": (0.0, 0.25, 0.5, 0.75, 1.0),
    "aligned": (0.02, 0.1, 0.2, 0.35, 0.5, 0.8),
    "sigma": (1.0, 1.5, 2.0, 3.0),
    "size": (0.0, 0.02, 0.05, 0.1, 0.15, 0.2),
    "colour": (0.0, 0.1, 0.2, 0.35, 0.5),
    "levels": (255, 1023, 4095, 16383),
}
RIMS = (0, 3, 5, 8)
FEW_LEVELS = tuple(round(0.03 * i, 2) for i in range(1, 33))


def tuned_photo(
    photo: Photo, model: Path, cache: Path, threads: int, thresholds: int, values: dict[str, Any]
) -> Scored:
    planes = None
    if values.get("colour"):
        from kontur.kernels.colour import rgb_to_lab

        planes = np.ascontiguousarray(rgb_to_lab(read_image(photo.path).rgb()).transpose(2, 0, 1) / np.float32(100))
    strength = strength_of(photo, model, cache, threads)
    tree = contour_hierarchy(strength, planes=planes, thin=False, **values)
    return scored_tree(tree, None, read_bsds_truth(photo.truth), thresholds, FEW_LEVELS)


def rimmed_photo(photo: Photo, model: Path, cache: Path, threads: int, thresholds: int, rim: int) -> Scored:
    from kontur.graph.boundary_thinning import thinned

    counts = ContourCounts(thresholds)
    lines = thinned(strength_of(photo, model, cache, threads), rim=rim)
    counts.update(lines, [d.boundaries for d in read_bsds_truth(photo.truth)])
    return Scored(counts)


def tune(photos: list[Photo], model: Path, cache: Path, jobs: int, threads: int, only: list[str]) -> None:
    """Print a row a setting, and the best of each constant."""
    thresholds = 19
    best: dict[str, Any] = {}
    print(
        "| constant | value | F ultrametric | AP | covering (at) | PRI | VI | all |\n|---|--:|--:|--:|--:|--:|--:|--:|"
    )
    for name in only or [*STEPS, "rim"]:
        tried: dict[float, float] = {}
        for value in RIMS if name == "rim" else STEPS[name]:
            if name == "rim":
                one = functools.partial(
                    rimmed_photo, model=model, cache=cache, threads=threads, thresholds=thresholds, rim=int(value)
                )
                scores = over_photos(one, photos, jobs, f"rim {value}").lines.scores()
                tried[value] = scores.ods
                print(f"| rim | {value} | {scores.ods:.4f} | {scores.average_precision:.4f} | | | | |", flush=True)
                continue
            values = best | {name: int(value) if name == "levels" else value}
            one = functools.partial(
                tuned_photo, model=model, cache=cache, threads=threads, thresholds=thresholds, values=values
            )
            scored = over_photos(one, photos, jobs, f"{name} {value}")
            assert scored.regions is not None
            f, r = scored.lines.scores(), scored.regions.scores()
            tried[value] = r.covering_ods + f.ods - r.variation_of_information_ods / 4
            print(
                f"| {name} | {value} | {f.ods:.4f} | {f.average_precision:.4f} | {r.covering_ods:.4f} "
                f"({FEW_LEVELS[r.covering_level]}) | {r.rand_index_ods:.4f} | {r.variation_of_information_ods:.4f} | "
                f"{tried[value]:.4f} |",
                flush=True,
            )
        chosen = max(tried, key=lambda v: tried[v])
        if name != "rim":
            best[name] = int(chosen) if name == "levels" else chosen
        print(f"{name}: {chosen}", file=sys.stderr, flush=True)
    print(f"\nbest: {best}")


# --- what is kept -------------------------------------------------------------------------------------------------------


def table(rows: dict[str, dict[str, Any]]) -> str:
    lines = [
        "| method | ODS | OIS | AP | at | ODS closed | covering ODS / OIS | PRI | VI | level |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for name in (*METHODS, *(n for n in rows if n not in METHODS)):
        if name not in rows:
            continue
        row = rows[name]
        b, u, r = row["boundaries"], row.get("ultrametric"), row.get("regions")
        cells = [name, f"{b['ods']:.3f}", f"{b['ois']:.3f}", f"{b['ap']:.3f}", f"{b['threshold']:.2f}"]
        cells.append("" if u is None else f"{u['ods']:.3f}")
        if r is None:
            cells += [""] * 4
        else:
            (c, co, _), (p, po), (v, vo) = r["covering"], r["rand_index"], r["variation_of_information"]
            cells += [f"{c:.3f} / {co:.3f}", f"{p:.3f} / {po:.3f}", f"{v:.3f} / {vo:.3f}", f"{r['covering_at']:g}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def write(rows: dict[str, dict[str, Any]], split: str) -> None:
    TABLE.with_suffix(".json").write_text(json.dumps({"split": split, "methods": rows}, indent=1) + "\n")
    head = (
        f"# `contours` and other methods on BSDS500 {split}\n\nMade by `python benchmarks/contours_bsds.py`, which says how "
        "each curve was made. at: the threshold of the best F (of canny, felzenszwalb and mean_shift the place in the sweep, "
        "0..1). closed: F of the ultrametric map. level: the level or setting of the best covering.\n\n"
    )
    TABLE.with_suffix(".md").write_text(head + table(rows) + "\n")
    draw(rows, split)


def draw(rows: dict[str, dict[str, Any]], split: str) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7.5, 7.2), dpi=110)
    recall = np.linspace(0.01, 1, 300)
    for f in np.arange(0.1, 1, 0.1):  # curves of equal F
        with np.errstate(divide="ignore", invalid="ignore"):
            precision = f * recall / (2 * recall - f)
        there = (precision > 0) & (precision <= 1)
        axes.plot(recall[there], precision[there], color="0.9", lw=0.8, zorder=0)
    for number, (name, f) in enumerate(PUBLISHED.items()):
        precision = f * recall / (2 * recall - f)
        there = (precision > 0) & (precision <= 1)
        axes.plot(
            recall[there], precision[there], ls=":", lw=1.3, color=f"C{5 + number}", label=f"{name} {f} (published F)"
        )
    for number, name in enumerate(n for n in METHODS if n in rows):
        for part, style in (("boundaries", "-"), ("ultrametric", "--")):
            curve = rows[name].get(part)
            if curve is None:
                continue
            precision, found = np.array(curve["precision"]), np.array(curve["recall"])
            shown = found > 0.01
            label = f"{name}{', closed' if part == 'ultrametric' else ''}  F {curve['ods']:.3f}"
            axes.plot(
                found[shown],
                precision[shown],
                style,
                color=f"C{number}",
                lw=2 if name == "contours" else 1.4,
                label=label,
            )
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="recall", ylabel="precision", title=f"Boundaries, BSDS500 {split}")
    axes.set_aspect("equal")
    axes.legend(loc="lower left", fontsize=8)
    FIGURE.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(FIGURE, bbox_inches="tight")
    plt.close(figure)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--model", type=Path, default=MODEL, help="a boundary network's .onnx file; default the embedded one"
    )
    parser.add_argument("--methods", default="contours", help=f"of {','.join(METHODS)}, or all")
    parser.add_argument("--split", default="val", choices=("train", "val", "test"))
    parser.add_argument("--run", type=Path, help="a training run: its held out photos, in place of a split")
    parser.add_argument("--limit", type=int, help="only the first N photos")
    parser.add_argument("--thresholds", type=int, default=99)
    parser.add_argument("--jobs", type=int, default=1, help="photos worked on at the same time")
    parser.add_argument("--threads", type=int, default=1, help="of the network")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "kontur-contours-bsds")
    parser.add_argument(
        "--tune", nargs="?", const="", metavar="CONSTANT,..", help="sweep all constants, or those named"
    )
    parser.add_argument("--write", action="store_true", help="keep table and figure in the project")
    parser.add_argument("--figure", action="store_true", help="only draw the figure again")
    given = parser.parse_args()
    known = json.loads(TABLE.with_suffix(".json").read_text()) if TABLE.with_suffix(".json").is_file() else {}
    if given.figure:
        draw(known["methods"], known["split"])
        return 0
    photos = (held_out(given.run) if given.run else photos_of(given.split))[: given.limit]
    if not photos:
        print(f"no photos in {DATA.name}/images/{given.split}; set KONTUR_DATA", file=sys.stderr)
        return 2
    of_model = given.cache / "no-model"
    names = METHODS if given.methods == "all" else tuple(given.methods.split(","))
    if "contours" in names or given.tune is not None:
        of_model = given.cache / hashlib.sha256(given.model.read_bytes()).hexdigest()[:16]
    if given.tune is not None:
        tune(photos, given.model, of_model, given.jobs, given.threads, [n for n in given.tune.split(",") if n])
        return 0
    rows: dict[str, dict[str, Any]] = (
        dict(known.get("methods", {})) if given.write and known.get("split") == given.split else {}
    )
    for name in names:
        one: Callable[[Photo], Scored]
        if name == "contours":
            one = functools.partial(
                by_contours, model=given.model, cache=of_model, thresholds=given.thresholds, threads=given.threads
            )
        else:
            one = functools.partial(by_other, method=name, cache=given.cache / given.split, thresholds=given.thresholds)
        rows[name] = over_photos(one, photos, given.jobs, name).row(SWEPT.get(name, LEVELS))
        if given.write and given.limit is None and given.run is None:
            write(rows, given.split)
    print(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
