"""Kontur's classical methods beside their peers, in one process, on one picture at 512x512 and 2048x1536.

    python benchmarks/classical.py [--only NAME ...] [--rounds 5] [--cpu]     names: see `SECTIONS`, or --list

Each row: the median of the interleaved rounds (best in brackets), and the ratio peer / ours of the medians. Results are
merged into benchmarks/classical.json, of which benchmarks/classical.md is made; sections that are not run stay.

Times are of the wall clock. On a machine with other work use --cpu: CPU time of the process, which waiting does not
lengthen; OpenCV is then held to one thread, as a second one would count double. The table says which clock was used.

A new section is a function that yields `Row`s, registered with `@section`. Peers are imported inside; a missing one is
left out and named. The picture is scikit-image's astronaut (512x512), enlarged bicubically for the large size.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
SIZES = ("512x512", "2048x1536")
CLOCK = time.perf_counter


@dataclass(frozen=True)
class Row:
    """One comparison. times in ms; aim: the least ratio asked for (None: shown without a bound); note: quality and the like."""

    work: str
    size: str
    ours: float
    ours_best: float
    peer: str
    theirs: float | None
    theirs_best: float | None
    aim: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        return None if self.theirs is None else self.theirs / self.ours


SECTIONS: dict[str, Callable[[int], Iterator[Row]]] = {}


def section(function: Callable[[int], Iterator[Row]]) -> Callable[[int], Iterator[Row]]:
    """Register a section under its function's name. It is called with the number of rounds and yields rows."""
    SECTIONS[function.__name__] = function
    return function


@cache
def picture(size: str) -> np.ndarray:
    """(H, W, 3) uint8; "512x512" or "2048x1536" (width x height)."""
    from PIL import Image
    from skimage.data import astronaut

    width, height = map(int, size.split("x"))
    whole = Image.fromarray(astronaut())
    return np.ascontiguousarray(whole if size == "512x512" else whole.resize((width, height), Image.Resampling.BICUBIC))


def timed(work: dict[str, Callable[[], Any]], rounds: int, budget: float = 60.0) -> dict[str, tuple[float, float, Any]]:
    """name -> (median ms, best ms, result): one warm-up call each, then the works in turn, so that noise meets all alike.

    A work that has used more than `budget` seconds is not repeated.
    """
    seconds: dict[str, list[float]] = {name: [] for name in work}
    results = {}
    for turn in range(rounds + 1):
        for name, call in work.items():
            if sum(seconds[name]) > budget:
                continue
            started = CLOCK()
            results[name] = call()
            passed = CLOCK() - started
            if turn or passed > budget / 4:  # a slow peer's warm-up counts as a round
                seconds[name].append(passed)
    return {n: (1e3 * median(s), 1e3 * min(s), results[n]) for n, s in seconds.items()}


def peak_megabytes(setup: str, work: str) -> tuple[float, float]:
    """Memory (MB) of a fresh process: (in use after the statements `setup`, growth of the peak beyond that in `work`)."""
    # Linux: writing 5 to clear_refs sets the peak (VmHWM) back to what is in use.
    code = (
        "def memory(key): return next(int(l.split()[1]) for l in open('/proc/self/status') if l.startswith(key)) / 1024\n"
        f"{setup}\nopen('/proc/self/clear_refs', 'w').write('5')\nbefore = memory('VmRSS')\n"
        f"{work}\nprint(before, memory('VmHWM') - before)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    before, growth = map(float, done.stdout.split())
    return before, growth


def compare(work: str, size: str, calls: dict[str, Callable[[], Any]], aims: dict[str, float], rounds: int,
            note: Callable[[str, Any, Any], str] = lambda peer, ours, theirs: "") -> Iterator[Row]:  # fmt: skip
    """One row a peer; `calls["ours"]` is ours. note(peer, our result, the peer's result) is printed beside the times."""
    done = timed(calls, rounds)
    ours = done["ours"]
    for peer, (middle, best, result) in done.items():
        if peer != "ours":
            yield Row(work, size, ours[0], ours[1], peer, middle, best, aims.get(peer), note(peer, ours[2], result))


def explained_variation(image: np.ndarray, labels: np.ndarray) -> float:
    """Between-region share of the colour variation on RGB, in float64."""
    from kontur.metrics.superpixels import superpixel_scores

    return superpixel_scores(np.asarray(labels, np.int64), np.zeros(labels.shape, np.int64), image).explained_variation


# --- sections: superpixels and watershed ------------------------------------------------------------------------------


@section
def slic(rounds: int) -> Iterator[Row]:
    """SLIC at the peers' defaults (compactness 10, 10 iterations), arrays in, labels out."""
    from skimage.segmentation import slic as skimage_slic

    from kontur.superpixels.slic import slic_labels

    for size, segments in zip(SIZES, (400, 1600)):
        image = picture(size)
        calls: dict[str, Callable[[], Any]] = {
            "ours": lambda i=image, k=segments: slic_labels(i, k, 10.0, 10),
            "scikit-image": lambda i=image, k=segments: skimage_slic(i, k, compactness=10, start_label=1),
        }
        try:
            from fast_slic.avx2 import SlicAvx2

            for name, threads in (("fast-slic, 1 thread", 1), ("fast-slic, its threads", -1)):
                if threads < 0 and time.process_time is CLOCK:
                    continue
                calls[name] = lambda i=image, k=segments, t=threads: SlicAvx2(
                    num_components=k, compactness=10, num_threads=t
                ).iterate(i)
        except ImportError:
            print("slic: fast-slic is not installed (it needs a compiler)")

        def note(peer: str, ours: Any, theirs: Any, image: np.ndarray = image) -> str:
            return (
                f"explained variation {explained_variation(image, ours):.3f} : {explained_variation(image, theirs):.3f}, "
                f"regions {len(np.unique(ours))} : {len(np.unique(theirs))}"
            )

        aims = {"scikit-image": 10, "fast-slic, 1 thread": 0.5, "fast-slic, its threads": 0.5}
        yield from compare(f"SLIC, K = {segments}", size, calls, aims, rounds, note)


@section
def felzenszwalb(rounds: int) -> Iterator[Row]:
    """Scale 300, sigma 0.8, min size 100; memory of a whole process at the large size."""
    from kontur.superpixels.felzenszwalb import felzenszwalb_labels

    for size in SIZES:
        image = picture(size)
        calls: dict[str, Callable[[], Any]] = {"ours": lambda i=image: felzenszwalb_labels(i, 300, 0.8, 100)}
        try:
            import cv2

            peer = cv2.ximgproc.segmentation.createGraphSegmentation(0.8, 300, 100)
            calls["OpenCV GraphSegmentation"] = lambda i=image, p=peer: p.processImage(i)
        except (ImportError, AttributeError):
            print("felzenszwalb: OpenCV's GraphSegmentation needs opencv-contrib-python-headless")
        memory = ""
        if size == SIZES[1]:
            before, growth = peak_megabytes(
                "import sys\nsys.path.insert(0, 'benchmarks')\nfrom classical import picture\n"
                "from kontur.superpixels.felzenszwalb import felzenszwalb_labels\nimport numpy as np\n"
                f"felzenszwalb_labels(np.zeros((40, 40, 3), np.uint8))\nimage = picture({size!r})",
                "felzenszwalb_labels(image)",
            )
            memory = f"; peak memory {growth:.0f} MB beyond the image and the imports ({before:.0f} MB)"

        def note(peer: str, ours: Any, theirs: Any, memory: str = memory) -> str:
            return f"regions {ours.max()} : {len(np.unique(theirs))}{memory}"

        yield from compare("Felzenszwalb", size, calls, {"OpenCV GraphSegmentation": 2}, rounds, note)


@section
def watershed(rounds: int) -> Iterator[Row]:
    """Flooding from 2 markers and from a grid; ours on the 8-bit gradient, OpenCV's on the colour image as it must."""
    import cv2
    from skimage.segmentation import watershed as skimage_watershed

    from kontur.kernels.priority_flood import priority_flood

    for size in SIZES:
        image = picture(size)
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        relief = cv2.morphologyEx(grey, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
        height, width = grey.shape
        two = np.zeros((height, width), np.int32)
        two[:5] = 1
        two[height // 2 - 20 : height // 2 + 20, width // 2 - 20 : width // 2 + 20] = 2
        grid = np.zeros((height, width), np.int32)
        grid[10::40, 10::40] = np.arange(1, grid[10::40, 10::40].size + 1).reshape(grid[10::40, 10::40].shape)
        for name, markers in (("2 markers", two), ("a marker every 40 pixels", grid)):
            calls = {
                "ours": lambda r=relief, m=markers: priority_flood(r, m),
                "OpenCV": lambda i=image, m=markers: cv2.watershed(i, m.copy()),
                "scikit-image": lambda r=relief, m=markers: skimage_watershed(r, m),
            }

            def note(peer: str, ours: Any, theirs: Any) -> str:
                return f"same label at {100 * np.mean(ours == theirs):.2f} % of the pixels"

            yield from compare(f"watershed, {name}", size, calls, {"OpenCV": 1}, rounds, note)


@section
def quickshift(rounds: int) -> Iterator[Row]:
    """Kernel size 5, max distance 10, ratio 1; trees before ours are made connected."""
    from skimage.segmentation import quickshift as skimage_quickshift
    from sklearn.metrics import adjusted_rand_score

    from kontur.superpixels.quickshift import _colour_planes, quickshift_labels, trees

    image = picture("512x512")
    calls = {
        "ours": lambda: quickshift_labels(image, 5, 10, 1.0),
        "scikit-image": lambda: skimage_quickshift(image, ratio=1.0, kernel_size=5, max_dist=10),
    }

    def note(peer: str, ours: Any, theirs: Any) -> str:
        again = skimage_quickshift(image, ratio=1.0, kernel_size=5, max_dist=10, rng=1)
        root = trees(_colour_planes(image, 1.0), 5, 10)
        crop = np.s_[200:400, 200:400]  # no plateau of equal pixels here, so chance decides nothing
        part = trees(_colour_planes(image[crop], 1.0), 5, 10)
        peer_part = skimage_quickshift(image[crop], ratio=1.0, kernel_size=5, max_dist=10)
        return (
            f"adjusted Rand index {adjusted_rand_score(root.ravel(), theirs.ravel()):.3f} (peer with another seed: "
            f"{adjusted_rand_score(again.ravel(), theirs.ravel()):.3f}); on the 200x200 centre, without equal pixels, "
            f"{adjusted_rand_score(part.ravel(), peer_part.ravel()):.4f}"
        )

    yield from compare("quick shift", "512x512", calls, {"scikit-image": 5}, rounds, note)


@section
def seeds(rounds: int) -> Iterator[Row]:
    """SEEDS, shown without a bound."""
    from kontur.superpixels.seeds import seeds_labels

    for size, segments in zip(SIZES, (400, 1600)):
        image = picture(size)
        calls: dict[str, Callable[[], Any]] = {"ours": lambda i=image, k=segments: seeds_labels(i, k)}
        try:
            import cv2

            def peer(i: np.ndarray = image, k: int = segments) -> Any:
                one = cv2.ximgproc.createSuperpixelSEEDS(i.shape[1], i.shape[0], 3, k, 4, 2, 5)
                one.iterate(cv2.cvtColor(i, cv2.COLOR_RGB2Lab), 4)
                return one.getLabels()

            peer()
            calls["OpenCV"] = peer
        except (ImportError, AttributeError):
            print("seeds: OpenCV's SEEDS needs opencv-contrib-python-headless")

        def note(peer: str, ours: Any, theirs: Any, image: np.ndarray = image) -> str:
            return (
                f"explained variation {explained_variation(image, ours):.3f} : {explained_variation(image, theirs):.3f}, "
                f"regions {ours.max()} : {len(np.unique(theirs))}"
            )

        yield from compare(f"SEEDS, K = {segments}", size, calls, {}, rounds, note)


# --- sections: random walker, dense CRF, region hierarchy ---------------------------------------------------------------


_WALKER_PEER = """
import sys, time
import numpy as np
from skimage.segmentation import random_walker
image, seeds = np.load(sys.argv[1]), np.load(sys.argv[2])
started = time.perf_counter()
labels = random_walker(image, seeds, channel_axis=-1)
np.savez(sys.argv[3], labels=labels, seconds=time.perf_counter() - started)
"""


@section
def grabcut(rounds: int) -> Iterator[Row]:
    """GrabCut, a box of 3/4 of each side, 5 iterations; the large size without OpenCV, which needs most of a minute."""
    import cv2

    from kontur.core.prompts import Prompts
    from kontur.interactive.grabcut import grabcut as kontur_grabcut

    for size in SIZES:
        image = picture(size)
        width, height = map(int, size.split("x"))
        x0, y0, x1, y1 = width // 8, height // 8, width * 7 // 8, height * 7 // 8
        prompts = Prompts.of(box=(x0, y0, x1, y1))
        ours = {"ours": lambda i=image, p=prompts: kontur_grabcut(i, p)}
        if size != SIZES[0]:
            middle, best, _ = timed(ours, rounds)["ours"]
            yield Row("GrabCut, box, 5 iterations", size, middle, best, "(goal: 10 s)", None, None)
            continue

        def opencv(i: np.ndarray = image, box: tuple[int, ...] = (x0, y0, x1 - x0, y1 - y0)) -> np.ndarray:
            mask = np.zeros(i.shape[:2], np.uint8)
            models = np.zeros((1, 65)), np.zeros((1, 65))
            cv2.grabCut(np.ascontiguousarray(i[..., ::-1]), mask, box, *models, 5, cv2.GC_INIT_WITH_RECT)
            return mask

        yield from compare("GrabCut, box, 5 iterations", size, {**ours, "OpenCV": opencv}, {"OpenCV": 5.0}, rounds)


@section
def random_walker(rounds: int) -> Iterator[Row]:
    """Two seeds, beta 130; scikit-image's default mode once, stopped after 90 s; labels against a direct solve."""
    import tempfile

    from skimage.segmentation import random_walker as skimage_walker

    from kontur.graph.random_walker import walker_probabilities

    for side, limit in ((512, 90),):
        image = picture("512x512")[:: 512 // side, :: 512 // side].copy()
        seeds = np.zeros((side, side), np.int32)
        seeds[10, 10], seeds[side // 2, side // 2] = 1, 2

        def ours(i: np.ndarray = image, s: np.ndarray = seeds) -> np.ndarray:
            labels, probabilities = walker_probabilities(i, s, beta=130)
            return labels[probabilities.argmax(axis=0)]

        middle, best, result = timed({"ours": ours}, rounds)["ours"]
        exact = skimage_walker(image, seeds, channel_axis=-1, mode="bf")
        note = f"same label as the direct solve (mode 'bf') at {100 * np.mean(result == exact):.3f} % of the pixels"
        with tempfile.TemporaryDirectory() as folder:
            files = [f"{folder}/{name}" for name in ("image.npy", "seeds.npy", "out.npz")]
            np.save(files[0], image)
            np.save(files[1], seeds)
            try:
                subprocess.run([sys.executable, "-W", "ignore", "-c", _WALKER_PEER, *files], check=True, timeout=limit)
                with np.load(files[2]) as done:
                    theirs = 1e3 * float(done["seconds"])
                    note += f"; as scikit-image's default at {100 * np.mean(result == done['labels']):.3f} %"
            except subprocess.TimeoutExpired:
                theirs = 1e3 * limit
                note += f"; scikit-image was stopped after {limit} s, so the ratio is a lower bound"
        aim = 20 if side == 512 else None
        yield Row(
            "random walker, 2 seeds", f"{side}x{side}", middle, best, "scikit-image cg_j", theirs, theirs, aim, note
        )


def crf_probabilities(size: str, labels: int) -> np.ndarray:
    """(L, H, W) float32: smooth random scores, seed 0, through a softmax."""
    from scipy import ndimage

    width, height = map(int, size.split("x"))
    scores = ndimage.gaussian_filter(np.random.default_rng(0).random((labels, height, width)), (0, 6, 6))
    scores = np.exp((scores - scores.mean()) / scores.std())
    return (scores / scores.sum(axis=0)).astype(np.float32)


@section
def dense_crf(rounds: int) -> Iterator[Row]:
    """10 iterations, (sxy 3, w 3) and (sxy 80, srgb 13, w 10), from probabilities to probabilities, lattices included."""
    from kontur.graph.dense_crf import refine_probabilities

    for size in SIZES:
        for labels in (2, 21):
            if size == SIZES[1] and labels == 21:
                continue  # the peer alone would hold the machine for half a minute a round
            image, given = picture(size), crf_probabilities(size, labels)
            calls: dict[str, Callable[[], Any]] = {"ours": lambda p=given, i=image: refine_probabilities(p, i)}
            try:
                from pydensecrf.densecrf import DenseCRF2D

                def peer(p: np.ndarray = given, i: np.ndarray = image) -> np.ndarray:
                    crf = DenseCRF2D(i.shape[1], i.shape[0], len(p))
                    crf.setUnaryEnergy(-np.log(p).reshape(len(p), -1))
                    crf.addPairwiseGaussian(sxy=3, compat=3)
                    crf.addPairwiseBilateral(sxy=80, srgb=13, rgbim=i.copy(), compat=10)
                    return np.array(crf.inference(10)).reshape(p.shape)

                calls["pydensecrf"] = peer
            except ImportError:
                print("dense_crf: pydensecrf2 is not installed (it needs a compiler)")

            def note(peer: str, ours: Any, theirs: Any) -> str:
                return f"same MAP at {100 * np.mean(ours.argmax(0) == theirs.argmax(0)):.3f} % of the pixels"

            yield from compare(f"dense CRF, L = {labels}", size, calls, {"pydensecrf": 2}, rounds, note)


@section
def hierarchy(rounds: int) -> Iterator[Row]:
    """Region merging at 481x321: building the tree, and changing the level of one that is there; no peer."""
    from kontur.graph.region_merging import merging_hierarchy

    image = picture("512x512")[:321, :481].copy()
    tree = merging_hierarchy(image)
    levels = iter(np.linspace(0.05, 0.95, 10_000))
    build = timed({"ours": lambda: merging_hierarchy(image)}, rounds)["ours"]
    yield Row("merge tree", "481x321", build[0], build[1], "–", None, None, None, f"{len(tree)} leaves")
    change = timed({"ours": lambda: tree.level(float(next(levels)))}, 200)["ours"]
    yield Row("change of level", "481x321", change[0], change[1], "–", None, None, None, "at most 5 ms")


# --- keeping the results ------------------------------------------------------------------------------------------------


def write(results: dict[str, Any]) -> None:
    """classical.json, and classical.md made from it."""
    (HERE / "classical.json").write_text(json.dumps(results, indent=1) + "\n")
    lines = [
        "# Kontur beside its peers",
        "",
        "Made by `python benchmarks/classical.py`; one process, medians in ms (best in brackets). Ratio = peer / ours.",
        "",
        "| work | size | ours | peer | theirs | ratio | at least | note |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name in SECTIONS:
        for entry in results.get(name, {}).get("rows", []):
            row = Row(**entry)
            theirs = "–" if row.theirs is None else f"{row.theirs:.1f} ({row.theirs_best:.1f})"
            ratio = "–" if row.ratio is None else f"{row.ratio:.2f}"
            aim = "–" if row.aim is None else f"{row.aim:g}"
            lines.append(
                f"| {row.work} | {row.size} | {row.ours:.1f} ({row.ours_best:.1f}) | {row.peer} | {theirs} | {ratio} | {aim} | {row.note} |"
            )
    machines = [f"- {results[name]['machine']}" for name in SECTIONS if name in results]
    (HERE / "classical.md").write_text("\n".join([*lines, "", *machines]) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", action="append", choices=[*SECTIONS], help="run this section; may be given again")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cpu", action="store_true", help="CPU time instead of the wall clock; OpenCV with one thread")
    parser.add_argument("--list", action="store_true", help="name the sections and stop")
    given = parser.parse_args()
    if given.list:
        for name, function in SECTIONS.items():
            print(f"{name:14} {(function.__doc__ or '').split(chr(10))[0]}")
        return
    if given.cpu:
        global CLOCK
        CLOCK = time.process_time
        try:
            import cv2

            cv2.setNumThreads(1)
        except ImportError:
            pass
    kept = HERE / "classical.json"
    for name in given.only or SECTIONS:
        rows = []
        for row in SECTIONS[name](given.rounds):
            rows.append(asdict(row))
            ratio = "" if row.ratio is None else f"{row.ratio:8.2f}x"
            print(
                f"{row.work:32} {row.size:10} ours {row.ours:8.1f}   {row.peer:26} {row.theirs or 0:9.1f} {ratio}  {row.note}"
            )
        results = (
            json.loads(kept.read_text()) if kept.exists() else {}
        )  # another section may have been written meanwhile
        clock = "CPU time, OpenCV with one thread" if given.cpu else "wall clock"
        machine = (
            f"{name}: {platform.machine()}, Python {platform.python_version()}, {time.strftime('%Y-%m-%d')}, {clock}"
        )
        write(results | {name: {"machine": machine, "rows": rows}})


if __name__ == "__main__":
    main()
