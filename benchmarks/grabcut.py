"""GrabCut beside OpenCV: accuracy on the 20 photos of data/grabcut, on a development set of other photos, and speed.

    python benchmarks/grabcut.py --accuracy      the 20 photos: box, both scribble sets, auto, centre box, whole image
    python benchmarks/grabcut.py --development   169 other BSDS500 train and val photos with simulated prompts
    python benchmarks/grabcut.py --boxes         133 of them, chosen by rule: on 89 the constants for boxes were fixed, 44 are for checks
    python benchmarks/grabcut.py --speed         512 x 512 and 2048 x 1536, box, 5 iterations

Error rate: wrong pixels / all pixels, the unknown band (128) left out. IoU likewise. Means over the images.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from PIL import Image as Photo
from scipy import ndimage
from scipy.io import loadmat
from skimage.draw import line

from kontur.core.image import Image
from kontur.core.prompts import Prompts
from kontur.interactive.grabcut import grabcut

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("KONTUR_DATA", ROOT.parent / "shared" / "data"))
BOX_MARGIN = 3


def twenty() -> list[str]:
    return sorted(path.stem for path in (DATA / "grabcut" / "ground-truth").glob("*.png"))


def photo(name: str) -> np.ndarray:
    (path,) = (DATA / "bsds500" / "images").glob(f"*/{name}.jpg")
    return np.array(Photo.open(path).convert("RGB"))


def box_around(mask: np.ndarray) -> tuple[int, int, int, int]:
    y, x = np.nonzero(mask)
    height, width = mask.shape
    return (
        max(0, int(x.min()) - BOX_MARGIN),
        max(0, int(y.min()) - BOX_MARGIN),
        min(width, int(x.max()) + 1 + BOX_MARGIN),
        min(height, int(y.max()) + 1 + BOX_MARGIN),
    )


def scores(found: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """(error rate in %, IoU)."""
    known, object_ = truth != 128, truth == 255
    wrong = (found != object_) & known
    return 100 * wrong.sum() / known.sum(), (found & object_).sum() / max(1, ((found | object_) & known).sum())


def opencv_box(pixels: np.ndarray, box: tuple[int, int, int, int]) -> np.ndarray:
    x0, y0, x1, y1 = box
    mask = np.zeros(pixels.shape[:2], np.uint8)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(0)
    rectangle = (x0, y0, x1 - x0, y1 - y0)
    cv2.grabCut(np.ascontiguousarray(pixels[..., ::-1]), mask, rectangle, *models, 5, cv2.GC_INIT_WITH_RECT)
    return (mask & 1) == 1


def opencv_scribbles(pixels: np.ndarray, scribbles: np.ndarray) -> np.ndarray:
    """scribbles: 1 background, 2 object; unmarked pixels start as probable foreground."""
    mask = np.full(scribbles.shape, cv2.GC_PR_FGD, np.uint8)
    mask[scribbles == 1], mask[scribbles == 2] = cv2.GC_BGD, cv2.GC_FGD
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(0)
    cv2.grabCut(np.ascontiguousarray(pixels[..., ::-1]), mask, None, *models, 5, cv2.GC_INIT_WITH_MASK)
    return (mask & 1) == 1


def report(name: str, results: list[tuple[float, float]]) -> None:
    errors, ious = zip(*results)
    print(
        f"{name:34s} n {len(results):3d}  error {np.mean(errors):6.2f} %  median {np.median(errors):6.2f} %"
        f"  IoU {np.mean(ious):.3f}",
        flush=True,
    )


# --- the 20 photos ---------------------------------------------------------------------------------------------------


def accuracy(with_opencv: bool, only_boxes: bool) -> None:
    results: dict[str, list[tuple[float, float]]] = {}
    for name in twenty():
        pixels = photo(name)
        image = Image(pixels)
        truth = np.array(Photo.open(DATA / "grabcut" / "ground-truth" / f"{name}.png").convert("L"))
        height, width = truth.shape

        def add(key: str, found: np.ndarray, truth: np.ndarray = truth) -> None:
            results.setdefault(key, []).append(scores(found, truth))

        box = box_around(truth == 255)
        add("kontur box", grabcut(image, Prompts.of(box=box)).foreground)
        if with_opencv:
            add("opencv box", opencv_box(pixels, box))
        for number in () if only_boxes else (1, 2):
            marks = np.array(Photo.open(DATA / "grabcut" / f"scribbles-set-{number}" / f"{name}-anno.png"))
            prompts = Prompts.of(scribbles=marks, background_label=2)
            add(f"kontur scribbles {number}", grabcut(image, prompts).foreground)
            add(f"kontur scribbles {number} + box", grabcut(image, Prompts((box,), (), prompts.scribbles)).foreground)
            if with_opencv:
                add(f"opencv scribbles {number}", opencv_scribbles(pixels, prompts.scribbles))
        add("kontur auto", grabcut(image).foreground)
        centre = (width // 4, height // 4, width - width // 4, height - height // 4)
        add("kontur centre box (half a side)", grabcut(image, Prompts.of(box=centre)).foreground)
        whole = (1, 1, width - 1, height - 1)
        add("kontur whole image less 1 px", grabcut(image, Prompts.of(box=whole)).foreground)
        add("(everything is background)", np.zeros(truth.shape, bool))
    for key in sorted(results):
        report(key, results[key])


# --- development: other photos, objects from human segmentations, simulated prompts ----------------------------------


def agreed_object(path: Path) -> np.ndarray | None:
    """An object that at least three people drew: 255, 128 where they disagree, 0; None if there is none.

    An object is a connected union of segments that do not touch the image's border, 3 to 45 % of the image.
    """
    maps = [g["Segmentation"][0, 0] for g in loadmat(path)["groundTruth"][0]]
    drawn = []
    for segmentation in maps:
        rim = np.unique(np.concatenate([segmentation[0], segmentation[-1], segmentation[:, 0], segmentation[:, -1]]))
        pieces, count = ndimage.label(~np.isin(segmentation, rim))
        masks = [pieces == i for i in range(1, count + 1)]
        drawn.append([m for m in masks if 0.03 < m.mean() < 0.45])
    best: list[np.ndarray] = []
    for person, masks in enumerate(drawn):
        for mask in masks:
            agreeing = [mask]
            for other in drawn[:person] + drawn[person + 1 :]:
                overlaps = [(mask & m).sum() / (mask | m).sum() for m in other]
                if overlaps and max(overlaps) > 0.85:
                    agreeing.append(other[int(np.argmax(overlaps))])
            if len(agreeing) >= 3 and (len(agreeing), mask.sum()) > (len(best), best[0].sum() if best else 0):
                best = agreeing
    if not best:
        return None
    share = np.mean(best, axis=0)
    return np.where(share >= 0.75, 255, np.where(share <= 0.25, 0, 128)).astype(np.uint8)


def stroke(marks: np.ndarray, ends: tuple[float, ...], label: int) -> None:
    rows, columns = line(*(int(v) for v in ends))
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            y, x = np.clip(rows + dy, 0, marks.shape[0] - 1), np.clip(columns + dx, 0, marks.shape[1] - 1)
            marks[y, x] = label


def longest_chord(mask: np.ndarray, random: np.random.Generator, tries: int) -> tuple[float, ...] | None:
    y, x = np.nonzero(mask)
    best, length = None, -1.0
    for _ in range(tries):
        i, j = random.integers(len(y), size=2)
        this = float(np.hypot(y[i] - y[j], x[i] - x[j]))
        if this > length and mask[line(y[i], x[i], y[j], x[j])].all():
            best, length = (y[i], x[i], y[j], x[j]), this
    return best


def inner(mask: np.ndarray, margin: float) -> np.ndarray:
    depth = ndimage.distance_transform_edt(mask)
    return depth > min(margin, depth.max() / 2)


def directions(truth: np.ndarray) -> np.ndarray:
    """The angle at which each pixel lies from the middle of the object."""
    cy, cx = np.argwhere(truth == 255).mean(0)
    y, x = np.indices(truth.shape)
    return np.arctan2(y - cy, x - cx)


def sparse_strokes(truth: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """One straight stroke on the object, three far from it: the manner of scribble set 1."""
    marks = np.zeros(truth.shape, np.int32)
    y0, x0, y1, x1 = longest_chord(inner(truth == 255, 4), random, 60)
    y, x, share = (y0 + y1) / 2, (x0 + x1) / 2, 0.65
    stroke(marks, (y + (y0 - y) * share, x + (x0 - x) * share, y + (y1 - y) * share, x + (x1 - x) * share), 2)
    far = ndimage.distance_transform_edt(truth == 0) > 12
    rows, columns = np.nonzero(far)
    angle, first = directions(truth)[far], random.uniform(0, 2 * np.pi)
    for k in range(3):
        turn = np.abs((angle - first - 2 * np.pi * k / 3 + np.pi) % (2 * np.pi) - np.pi)
        sector = np.flatnonzero(turn < np.pi / 3)
        for _ in range(300 if len(sector) >= 20 else 0):
            i, j = random.choice(sector, 2)
            ends = rows[i], columns[i], rows[j], columns[j]
            if 50 < np.hypot(ends[0] - ends[2], ends[1] - ends[3]) < 130 and far[line(*ends)].all():
                stroke(marks, ends, 1)
                break
    return marks


def rich_strokes(truth: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Up to three strokes on the object, four arcs around it: the manner of scribble set 2."""
    marks = np.zeros(truth.shape, np.int32)
    core = inner(truth == 255, 5)
    stroke(marks, longest_chord(core, random, 400), 2)
    pieces, count = ndimage.label(core & (ndimage.distance_transform_edt(marks != 2) > 12))
    sizes = ndimage.sum(pieces > 0, pieces, range(1, count + 1)) if count else []
    for k in np.argsort(-np.asarray(sizes))[:2]:
        if sizes[k] > 200:
            stroke(marks, longest_chord(pieces == k + 1, random, 400), 2)
    radius = random.uniform(10, 22)
    distance = ndimage.distance_transform_edt(truth == 0)
    ring = (distance > radius) & (distance < radius + 3)
    first = random.uniform(0, 2 * np.pi)
    for k in range(4):
        marks[ring & (((directions(truth) + np.pi - first - k * np.pi / 2) % (2 * np.pi)) < 0.62 * np.pi / 2)] = 1
    return marks


def development_set() -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """(pixels, truth, sparse strokes, rich strokes) of train and val photos that are not among the 20."""
    reserved = set(twenty())
    for part in ("train", "val"):
        for path in sorted((DATA / "bsds500" / "groundTruth" / part).glob("*.mat")):
            truth = None if path.stem in reserved else agreed_object(path)
            if truth is not None:
                random = np.random.default_rng(int(path.stem))
                yield photo(path.stem), truth, sparse_strokes(truth, random), rich_strokes(truth, random)


def boxes(with_opencv: bool) -> None:
    """Objects of 4 to 45 % of the image with a clear outline (the band where people disagree is at most 15 % of the object);
    two of three, the third left for checks.
    """
    clear = []
    for pixels, truth, _sparse, _rich in development_set():
        object_ = truth == 255
        if 0.04 < object_.mean() < 0.45 and (truth == 128).sum() <= 0.15 * object_.sum():
            clear.append((pixels, truth))
    results: dict[str, list[tuple[float, float]]] = {}
    for index, (pixels, truth) in enumerate(clear):
        box = box_around(truth == 255)
        part = "left for checks" if index % 3 == 2 else "development"
        found = grabcut(Image(pixels), Prompts.of(box=box)).foreground
        results.setdefault(f"kontur {part}", []).append(scores(found, truth))
        if with_opencv:
            results.setdefault(f"opencv {part}", []).append(scores(opencv_box(pixels, box), truth))
    for key in sorted(results):
        report(key, results[key])


def development(with_opencv: bool, every: int) -> None:
    results: dict[str, list[tuple[float, float]]] = {}
    for index, (pixels, truth, sparse, rich) in enumerate(development_set()):
        if index % every:
            continue
        box = box_around(truth == 255)
        found = {"kontur box": grabcut(Image(pixels), Prompts.of(box=box)).foreground}
        for key, marks in (("sparse", sparse), ("rich", rich)):
            found[f"kontur {key} strokes"] = grabcut(Image(pixels), Prompts.of(scribbles=marks)).foreground
            if with_opencv:
                found[f"opencv {key} strokes"] = opencv_scribbles(pixels, marks)
        found["kontur auto"] = grabcut(Image(pixels)).foreground
        if with_opencv:
            found["opencv box"] = opencv_box(pixels, box)
        for key, mask in found.items():
            results.setdefault(key, []).append(scores(mask, truth))
    for key in sorted(results):
        report(key, results[key])


# --- speed -----------------------------------------------------------------------------------------------------------


def speed(repeats: int, large_opencv: bool) -> None:
    name = "108004" if (DATA / "bsds500" / "images" / "test" / "108004.jpg").exists() else twenty()[0]
    for width, height in ((512, 512), (2048, 1536)):
        pixels = np.array(Photo.fromarray(photo(name)).resize((width, height), Photo.Resampling.BICUBIC))
        box = (width // 8, height // 8, width * 7 // 8, height * 7 // 8)
        grabcut(Image(pixels[:64, :64]), Prompts.of(box=(8, 8, 56, 56)))  # compile
        ours, theirs = [], []
        for _ in range(repeats):
            start = time.perf_counter()
            grabcut(Image(pixels), Prompts.of(box=box))
            ours.append(time.perf_counter() - start)
            if width == 512 or large_opencv:
                start = time.perf_counter()
                opencv_box(pixels, box)
                theirs.append(time.perf_counter() - start)
        line_ = f"{width}x{height}  kontur {1000 * min(ours):7.0f} ms (median {1000 * statistics.median(ours):.0f})"
        if theirs:
            line_ += f"  opencv {1000 * min(theirs):7.0f} ms  ratio {min(theirs) / min(ours):.1f}"
        print(line_, flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accuracy", action="store_true")
    parser.add_argument("--development", action="store_true")
    parser.add_argument("--boxes", action="store_true")
    parser.add_argument("--only-boxes", action="store_true", help="accuracy: without the scribbles")
    parser.add_argument("--every", type=int, default=1, help="development: every n-th image only")
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--large-opencv", action="store_true", help="speed: OpenCV at 2048x1536 too (minutes)")
    parser.add_argument("--no-opencv", action="store_true")
    chosen = parser.parse_args()
    if chosen.accuracy:
        accuracy(not chosen.no_opencv, chosen.only_boxes)
    if chosen.development:
        development(not chosen.no_opencv, chosen.every)
    if chosen.boxes:
        boxes(not chosen.no_opencv)
    if chosen.speed:
        speed(chosen.repeats, chosen.large_opencv)
