"""The ruler beside its peers, in one process: confusion matrix, panoptic quality, average precision.

    python benchmarks/metrics.py [--write] [--only confusion panoptic instances]

Every peer's result is first shown to be equal. A time is the best of several runs (for the confusion matrix in cycles
through 24 pairs of images, 100 MB, so that no one's data lie in the nearest cache); a peak is what Python and NumPy
allocate, by tracemalloc, in a run of its own. --write keeps the table in benchmarks/metrics.md.
BSDS500 boundary matching is timed by benchmarks/metrics_bsds.py.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import io
import logging
import platform
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from kontur.metrics import evaluate_instances
from kontur.metrics.average_precision import TOTALS
from kontur.metrics.confusion import Confusion
from kontur.metrics.panoptic_quality import IOU_SUM, PanopticCounts, TrueSegment, _colour_pairs

HEIGHT, WIDTH, CLASSES = 1024, 2048, 19
OFFSET = 256**3


@dataclass
class Row:
    """One line of the table. reference: what the ratio is against."""

    work: str
    who: str
    milliseconds: float
    peak: float  # MB
    ratio: str = ""


def best(function: Callable[[], Any], runs: int = 7) -> float:
    """Milliseconds."""
    function()
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        function()
        times.append(time.perf_counter() - started)
    return min(times) * 1e3


def best_of_each(function: Callable[..., Any], data: list, runs: int = 12) -> float:
    """Milliseconds: the best time of each item in `runs` cycles through all of them, averaged over the items."""
    times = np.full(len(data), np.inf)
    for _ in range(runs):
        for i, item in enumerate(data):
            started = time.perf_counter()
            function(*item)
            times[i] = min(times[i], time.perf_counter() - started)
    return float(times.mean()) * 1e3


def peak(function: Callable[[], Any]) -> float:
    """Megabytes that the call allocates above what was there."""
    tracemalloc.start()
    function()
    top = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return top / 1e6


def cells(seed: int, cell: int) -> np.ndarray:
    """(H, W) numbers of the nearest of random points: regions with straight borders."""
    generator = np.random.default_rng(seed)
    points = generator.random(((HEIGHT // cell) * (WIDTH // cell), 2)) * [HEIGHT, WIDTH]
    yy, xx = np.mgrid[:HEIGHT, :WIDTH]
    return cKDTree(points).query(np.stack([yy.ravel(), xx.ravel()], axis=1))[1].reshape(HEIGHT, WIDTH)


# --- confusion matrix -------------------------------------------------------------------------------------------------


def bincount_matrix(prediction: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """The usual way: drop the ignored pixels, number the pairs, count."""
    valid = truth != 255
    pairs = CLASSES * truth[valid].astype(np.int64) + prediction[valid]
    return np.bincount(pairs, minlength=CLASSES * CLASSES).reshape(CLASSES, CLASSES)


def scenes(count: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Predictions and truths like street scenes: shifted borders, and a wrong region here and there.

    A row crosses about as many borders as in two CamVid label maps scaled to this size (23 changes of the pair a row).
    """
    generator = np.random.default_rng(0)
    regions, errors = cells(1, 192), cells(2, 160)
    truth = generator.integers(0, CLASSES, regions.max() + 1).astype(np.uint8)[regions]
    other = generator.integers(0, CLASSES, errors.max() + 1).astype(np.uint8)[errors]
    prediction = np.where(generator.random(errors.max() + 1)[errors] < 0.1, other, np.roll(truth, (3, 5), (0, 1)))
    truth[cells(3, 192) % 20 == 0] = 255
    return [(np.roll(prediction, 17 * i, 1), np.roll(truth, 17 * i, 1)) for i in range(count)]


def confusion() -> list[Row]:
    pairs = scenes(24)
    generator = np.random.default_rng(1)
    noise = [tuple(generator.integers(0, CLASSES, (2, HEIGHT, WIDTH), dtype=np.uint8)) for _ in range(4)]
    wide = [(prediction.astype(np.int64), truth) for prediction, truth in pairs[:8]]
    targets = np.empty((2, HEIGHT, WIDTH), np.uint8)

    def ours(prediction: np.ndarray, truth: np.ndarray) -> np.ndarray:
        return Confusion(CLASSES).update(prediction, truth).counts

    def copies(prediction: np.ndarray, truth: np.ndarray) -> None:
        np.copyto(targets[0], prediction)
        np.copyto(targets[1], truth)

    for prediction, truth in (*pairs[:2], *noise[:1], *wide[:1]):
        np.testing.assert_array_equal(ours(prediction, truth), bincount_matrix(prediction, truth))
    changes = np.mean([(np.diff(t, axis=1) != 0) | (np.diff(p, axis=1) != 0) for p, t in pairs[:4]]) * (WIDTH - 1)
    print(f"confusion: {changes:.0f} changes of the pair in a row of {WIDTH} pixels")
    rows = []
    for name, data in (("regions", pairs), ("pure noise", noise), ("regions, int64 prediction", wide)):
        times = {}
        for who, function in (("kontur", ours), ("np.bincount", bincount_matrix), ("copying both arrays", copies)):
            if who.startswith("copy") and name != "regions":
                continue
            times[who] = best_of_each(function, data)
            rows.append(Row(f"confusion matrix, {name}", who, times[who], peak(lambda f=function, d=data: f(*d[0]))))
        rows[-len(times)].ratio = f"{times['np.bincount'] / times['kontur']:.1f}x np.bincount"
        if "copying both arrays" in times:
            rows[-len(times)].ratio += f", {times['kontur'] / times['copying both arrays']:.2f}x the copies"
    return rows


# --- panoptic quality ---------------------------------------------------------------------------------------------------


def official_pair(truth: np.ndarray, prediction: np.ndarray, true: dict, found: dict, categories: int) -> np.ndarray:
    """panopticapi's algorithm of one pair of RGB arrays, written anew step by step: ids, two np.unique, two dicts."""
    counts = np.zeros((categories, 4))
    true_ids, found_ids = (
        (c := np.array(rgb, dtype=np.uint32))[..., 0] + 256 * c[..., 1] + 256 * 256 * c[..., 2]
        for rgb in (truth, prediction)
    )
    areas = {}
    for label, pixels in zip(*np.unique(found_ids, return_counts=True)):
        if label in found:
            areas[label] = pixels
    common = {}
    joint = true_ids.astype(np.uint64) * OFFSET + found_ids.astype(np.uint64)
    for label, pixels in zip(*np.unique(joint, return_counts=True)):
        common[label // OFFSET, label % OFFSET] = pixels
    matched_true, matched_found = set(), set()
    for (t, f), pixels in common.items():
        if t not in true or f not in found or true[t].crowd or true[t].category != found[f]:
            continue
        iou = pixels / (areas[f] + true[t].area - pixels - common.get((0, f), 0))
        if iou > 0.5:
            counts[found[f], 1] += 1
            counts[found[f], IOU_SUM] += iou
            matched_true.add(t)
            matched_found.add(f)
    for t, segment in true.items():
        if t not in matched_true:
            counts[segment.category, 3] += 1
    for f, category in found.items():
        if f not in matched_found and common.get((0, f), 0) / areas[f] <= 0.5:
            counts[category, 2] += 1
    return counts


def panoptic() -> list[Row]:
    generator = np.random.default_rng(0)
    small = cells(4, 160)
    moved = np.roll(small, (5, 9), (0, 1))
    parts = np.where(cells(5, 160) % 3 == 0, cells(5, 160) + small.max() + 1, moved)  # a third is split anew
    ids, segments = [], []
    for regions in (small, parts):
        names = generator.choice(np.arange(1, 1 << 24), regions.max() + 1, replace=False)
        ids.append(names[regions])
        values, areas = np.unique(ids[-1], return_counts=True)
        segments.append({int(v): TrueSegment(int(v) % 7, int(a)) for v, a in zip(values, areas)})
    truth, prediction = (np.stack([i & 255, i >> 8 & 255, i >> 16], axis=-1).astype(np.uint8) for i in ids)
    true, found = segments[0], {i: true_category(i, ids, segments[0]) for i in segments[1]}

    def ours() -> np.ndarray:
        return PanopticCounts(dict.fromkeys(range(7), True)).add(_colour_pairs(truth, prediction), true, found).counts

    def theirs() -> np.ndarray:
        return official_pair(truth, prediction, true, found, 7)

    np.testing.assert_allclose(ours(), theirs(), atol=1e-9)
    assert ours()[:, 1].sum() > 10
    print(f"panoptic: {len(true)} true and {len(found)} predicted segments, {int(ours()[:, 1].sum())} matches")
    pairs = scenes(1)[0]
    times = {"kontur": best(ours), "panopticapi's algorithm, written anew": best(theirs)}
    bincount = best(lambda: bincount_matrix(*pairs))
    work = f"panoptic quality, {HEIGHT}x{WIDTH}"
    rows = [Row(work, who, t, peak(f)) for (who, t), f in zip(times.items(), (ours, theirs))]
    ratio = {who: t / times["kontur"] for who, t in times.items()}
    rows[1].ratio = f"{rows[1].milliseconds / bincount:.1f}x np.bincount's {bincount:.1f} ms (FACTS: 4.4 to 6.4)"
    rows[0].ratio = f"{ratio[rows[1].who]:.1f}x the algorithm"
    real = real_panopticapi(truth, prediction, true, found)
    if real is not None:
        np.testing.assert_allclose(real(), ours()[:, 1].sum(), atol=1e-9)
        t = best(real)
        rows.append(Row(work, "panopticapi itself, pictures decoded", t, peak(real)))
        rows[0].ratio += f", {t / times['kontur']:.1f}x panopticapi itself"
    return rows


def true_category(segment: int, ids: list[np.ndarray], true: dict[int, TrueSegment]) -> int:
    """The category of the true segment that most of the predicted one lies on, so that matches are many."""
    values, counts = np.unique(ids[0][ids[1] == segment], return_counts=True)
    return true[int(values[counts.argmax()])].category


def real_panopticapi(truth: np.ndarray, prediction: np.ndarray, true: dict, found: dict) -> Callable[[], float] | None:
    """The peer itself (package panopticapi-lite), given pictures that are decoded already; its number of matches."""
    try:
        import panopticapi.evaluation as peer
    except ImportError:
        print("panopticapi: not installed (pip install panopticapi-lite); its algorithm written anew is timed instead")
        return None
    from PIL import Image as PillowImage

    pictures = {"t": PillowImage.fromarray(truth), "p": PillowImage.fromarray(prediction)}

    class Decoded:
        @staticmethod
        def open(path: str) -> PillowImage.Image:
            return pictures[Path(path).name]

    peer.Image = Decoded
    true_infos = [{"id": i, "category_id": s.category, "area": s.area, "iscrowd": 0} for i, s in true.items()]
    categories = {i: {"isthing": 1} for i in range(7)}

    def run() -> float:
        infos = [{"id": i, "category_id": c} for i, c in found.items()]
        pair = [
            ({"file_name": "t", "image_id": 1, "segments_info": true_infos}, {"file_name": "p", "segments_info": infos})
        ]
        with contextlib.redirect_stdout(io.StringIO()):
            stat = peer.pq_compute_single_core(0, pair, "", "", categories)
        return float(sum(stat[i].tp for i in range(7)))

    return run


# --- average precision ----------------------------------------------------------------------------------------------------


def detections(polygons: bool, images: int = 500, truths: int = 3829, found: int = 5104) -> tuple[dict, list[dict]]:
    """COCO-like: 80 categories of which one is common, blobs of 8 to 160 pixels' radius, a detection near one truth each."""
    from pycocotools import mask as coco_mask

    generator = np.random.default_rng(7)
    height, width = 480, 640

    def outline(x: float, y: float, radius: float) -> list[float]:
        angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        reach = radius * generator.uniform(0.7, 1.15, 24)
        points = np.stack([x + reach * np.cos(angle), y + reach * np.sin(angle)], axis=1)
        return np.clip(points, 0, [width - 1, height - 1]).round(2).ravel().tolist()

    def shape(ring: list[float]) -> tuple[dict, list[float], float]:
        runs = coco_mask.frPyObjects([ring], height, width)[0]
        box, area = coco_mask.toBbox(runs).tolist(), float(coco_mask.area(runs))
        return {"size": runs["size"], "counts": runs["counts"].decode()}, box, area

    truth: dict = {
        "images": [{"id": i + 1, "height": height, "width": width} for i in range(images)],
        "categories": [{"id": i + 1, "name": str(i + 1)} for i in range(80)],
        "annotations": [],
    }
    blobs = []
    for number in range(truths):
        blob = generator.uniform(0, width), generator.uniform(0, height), float(np.exp(generator.uniform(2.1, 5.1)))
        ring = outline(*blob)
        runs, box, area = shape(ring)
        category = 1 if generator.random() < 0.3 else int(generator.integers(1, 81))
        image, crowd = int(generator.integers(1, images + 1)), int(generator.random() < 0.01)
        segmentation = [ring] if polygons and not crowd else runs
        truth["annotations"].append(
            {"id": number + 1, "image_id": image, "category_id": category, "iscrowd": crowd, "area": area, "bbox": box,
             "segmentation": segmentation}
        )  # fmt: skip
        blobs.append((image, category, blob))
    results = []
    for _ in range(found):
        image, category, (x, y, radius) = blobs[int(generator.integers(0, truths))]
        runs, _, _ = shape(outline(x + generator.normal(0, radius / 8), y + generator.normal(0, radius / 8), radius))
        if generator.random() < 0.15:
            category = int(generator.integers(1, 81))
        score = round(float(generator.random()), 3)
        results.append({"image_id": image, "category_id": category, "score": score, "segmentation": runs})
    return truth, results


def instances() -> list[Row]:
    logging.disable(logging.INFO)
    rows = []
    for polygons in (False, True):
        data = detections(polygons)
        work = f"mask AP, 500 images, 3829 truths as {'polygons' if polygons else 'RLE'}, 5104 detections"
        peers = [("kontur", ours_ap, 5), ("faster-coco-eval", faster_ap, 4)]
        if not polygons:  # minutes with the memory watched
            peers.append(("pycocotools", coco_ap, 1))
        expected, times = None, {}
        for who, function, runs in peers:
            taken = []
            for _ in range(runs):
                fresh = copy.deepcopy(data)  # the peers write into what they are given
                started = time.perf_counter()
                stats = function(*fresh)
                taken.append(time.perf_counter() - started)
                expected = stats if expected is None else expected
                np.testing.assert_allclose(stats, expected, rtol=0, atol=1e-9)
            times[who] = min(taken) * 1e3
            fresh = copy.deepcopy(data)
            rows.append(Row(work, who, times[who], peak(lambda f=function, d=fresh: f(*d))))
        rows[-len(peers)].ratio = ", ".join(f"{times[w] / times['kontur']:.1f}x {w}" for w, _, _ in peers[1:])
    return rows


def ours_ap(truth: dict, found: list[dict]) -> np.ndarray:
    scores = evaluate_instances(truth, found)
    return np.array([getattr(scores, name) for name in TOTALS])


def faster_ap(truth: dict, found: list[dict]) -> np.ndarray:
    from faster_coco_eval import COCO, COCOeval_faster

    with contextlib.redirect_stdout(io.StringIO()):
        true = COCO(truth)
        evaluation = COCOeval_faster(true, true.loadRes(found), "segm")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return np.array(evaluation.stats[:12])


def coco_ap(truth: dict, found: list[dict]) -> np.ndarray:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        true = COCO()
        true.dataset = truth
        true.createIndex()
        evaluation = COCOeval(true, true.loadRes(found), "segm")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return np.array(evaluation.stats)


# --- the table ------------------------------------------------------------------------------------------------------------


def table(rows: list[Row]) -> str:
    lines = ["| work | who | best, ms | peak, MB | kontur is |", "|---|---|--:|--:|---|"]
    lines += [f"| {r.work} | {r.who} | {r.milliseconds:.2f} | {r.peak:.1f} | {r.ratio} |" for r in rows]
    return "\n".join(lines)


PARTS = {"confusion": confusion, "panoptic": panoptic, "instances": instances}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="keep the table in benchmarks/metrics.md")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    arguments = parser.parse_args()
    rows = [row for part in arguments.only for row in PARTS[part]()]
    text = table(rows)
    print(text)
    if arguments.write:
        where = (
            f"{platform.processor() or platform.machine()}, Python {platform.python_version()}, NumPy {np.__version__}"
        )
        head = f"# The ruler beside its peers\n\nMade by `python benchmarks/metrics.py --write`; {where}. "
        head += "Ratios count, not milliseconds. Confusion and panoptic at 2048×1024.\n\n"
        Path(__file__).with_suffix(".md").write_text(head + text + "\n")
