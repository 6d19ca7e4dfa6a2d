"""Nuclei of DSB 2018: the embedded model against Otsu with a distance-transform watershed, and against others' results.

    python benchmarks/nuclei.py DSB2018 [--split val] [--model nuclei.onnx] [--flips] [--run NAME=RUN ..] [--results NAME=PREDICTIONS.json ..]
                                [--images N] [--output FILE.md] [--picture FILE.png]

AP by COCO's ruler with up to 1,000 detections an image, over all images, and of the nuclei of three sizes; seconds an image; the peak
of memory of a process of its own; the error of the count. RUN is a folder of `kontur train` of task detection (Mask R-CNN), run in PyTorch; PREDICTIONS.json a COCO results list of other software.
The picture (photo, truth, model, watershed) shows the data set's images: keep it out of the project.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from kontur import datasets
from kontur.core import rle
from kontur.core.instances import Instance, Instances
from kontur.draw.overlay import overlay, photo
from kontur.metrics import average_precision
from kontur.metrics.average_precision import instance_scores

MOST = 1000
SIZES = {"below 100": (0, 100), "100 to 400": (100, 400), "over 400": (400, 1e10)}  # pixels


@dataclass
class Found:
    """A method's results on the split. seconds: of each image, reading left out; megabytes: the peak of its process, or NaN."""

    name: str
    instances: list[Instances]
    seconds: list[float]
    megabytes: float


def by_watershed(image, category, taxonomy) -> Instances:
    """Otsu's minority is foreground; a nucleus's score is how far its mean lies from the threshold."""
    from kontur.classical.thresholds import otsu_threshold
    from kontur.classical.watershed import watershed

    values = image.intensity()
    level = otsu_threshold(values)
    polarity = "bright" if (values > level).mean() <= 0.5 else "dark"
    result = watershed(image, markers="distance", polarity=polarity, blob_depth=1.0)
    span = max(float(np.ptp(values)), 1e-9)
    found = []
    for instance in Instances.from_segmentation(result).instances:
        x0, y0, x1, y1 = instance.box
        inside = values[y0:y1, x0:x1][rle.crop(instance.mask, instance.box)]
        if instance.area >= 12:
            found.append(Instance(instance.mask, category, min(1.0, abs(float(inside.mean()) - level) / span)))
    return Instances(result.shape, tuple(found), taxonomy)


def run(name: str, root: str, split: str, chosen: list[int], model: str, flips: bool, answers) -> None:
    """In a process of its own, so that its peak of memory is its own."""
    nuclei = datasets.open("dsb2018", root, split)
    taxonomy = nuclei.taxonomy
    category = next(iter(taxonomy)).id
    if name == "nuclei":
        from kontur.inference.models import find
        from kontur.inference.objects import object_predictor

        predictor = object_predictor(find(model), {"flips": flips, "score": 0.0})  # all, as AP wants them

        def method(image):
            result = predictor(image)
            return Instances(result.shape, tuple(replace(i, category=category) for i in result.instances), taxonomy)
    elif name == "watershed":

        def method(image):
            return by_watershed(image, category, taxonomy)
    else:
        import torch

        from kontur.training import load_run
        from kontur.training.detection import found as detected

        torch.set_num_threads(2)
        detector = load_run(model).predictor()

        def method(image):
            return detected(detector, image, taxonomy)

    method(nuclei[chosen[0]].image)  # kernels are compiled, files are read
    found, seconds = [], []
    for place in chosen:
        image = nuclei[place].image
        began = time.perf_counter()
        found.append(method(image))
        seconds.append(time.perf_counter() - began)
    answers.put(Found(name, found, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


def measured(*arguments) -> Found:
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    process = context.Process(target=run, args=(*arguments, answers))
    process.start()
    found = answers.get()
    process.join()
    return found


def from_results(name: str, path: str, annotations: Path, nuclei, chosen: list[int]) -> Found:
    """A COCO results list, its images matched by the file names of the annotations."""
    files = {Path(i["file_name"]).stem: i["id"] for i in json.loads(annotations.read_text())["images"]}
    category = next(iter(nuclei.taxonomy)).id
    listed: dict[int, list[Instance]] = {}
    for entry in json.loads(Path(path).read_text()):
        mask = rle.from_coco(entry["segmentation"])
        listed.setdefault(entry["image_id"], []).append(Instance(mask, category, float(entry["score"])))
    found = []
    for place in chosen:
        sample = nuclei[place]
        shape = sample.image.shape
        found.append(Instances(shape, tuple(listed.get(files[sample.name], [])), nuclei.taxonomy))
    return Found(name, found, [float("nan")], float("nan"))


def by_size(found: list[Instances], truths: list[Instances]) -> list[float]:
    """AP of the nuclei of each of SIZES: COCO's rule for areas, with these borders in place of its own."""
    ranges = average_precision.RANGES
    try:
        average_precision.RANGES = np.array([[0, 1e10], *SIZES.values()])
        scores = instance_scores(found, truths, max_detections=MOST)
    finally:
        average_precision.RANGES = ranges
    return [scores.APs, scores.APm, scores.APl]


def table(methods: list[Found], truths: list[Instances], where: str) -> str:
    counts = np.array([len(t) for t in truths])
    areas = np.array([i.area for t in truths for i in t.instances])
    sizes = " · ".join(f"{((areas >= a) & (areas < b)).sum()} of {name} pixels" for name, (a, b) in SIZES.items())
    lines = [
        f"# Nuclei: {where}, {len(truths)} images, {counts.sum()} nuclei ({sizes})",
        "",
        "Made by `python benchmarks/nuclei.py`. AP and AP50 by COCO's ruler, at most 1,000 detections an image. Count error: mean over",
        "the images of |found - true| (all detections of a score of 0.5 or more, or all of the watershed's), and its sum over the nuclei.",
        "",
        "| method | AP | AP50 | AP75 | "
        + " | ".join(f"AP {name}" for name in SIZES)
        + " | count error | of all | s an image | s, largest | MB |",
        "|---|" + "---|" * (len(SIZES) + 8),
    ]
    for method in methods:
        scores = instance_scores(method.instances, truths, max_detections=MOST)
        least = 0.0 if method.name == "watershed" else 0.5
        found = np.array([sum((i.score or 0) >= least for i in one.instances) for one in method.instances])
        wrong = np.abs(found - counts)
        numbers = [scores.AP, scores.AP50, scores.AP75, *by_size(method.instances, truths)]
        lines.append(
            f"| {method.name} | "
            + " | ".join(f"{n:.3f}" for n in numbers)
            + f" | {wrong.mean():.2f} | {wrong.sum() / counts.sum():.1%} | {np.mean(method.seconds):.3f} | {np.max(method.seconds):.3f} "
            + f"| {method.megabytes:.0f} |"
        )
    return "\n".join(lines) + "\n"


def picture(
    path: Path, nuclei, chosen: list[int], methods: list[Found], truths: list[Instances], rows: int = 6
) -> None:
    """Photo, truth, then each method; images spread over the split."""
    from kontur.io.pictures import write_picture

    drawn = []
    for number in np.unique(np.linspace(0, len(chosen) - 1, rows).round().astype(int)):
        image = nuclei[chosen[number]].image
        results = [truths[number], *(_sure(m.instances[number]) for m in methods)]
        row = [photo(image), *(overlay(image, r, legend=False, opacity=0.35) for r in results)]
        row = [p[:400, :400] for p in row]
        drawn.append(np.hstack([np.pad(p, ((0, 4), (0, 4), (0, 0)), constant_values=255) for p in row]))
    wide = max(d.shape[1] for d in drawn)
    write_picture(
        path, np.vstack([np.pad(d, ((0, 0), (0, wide - d.shape[1]), (0, 0)), constant_values=255) for d in drawn])
    )


def _sure(found: Instances) -> Instances:
    if all((i.score or 0) < 0.5 for i in found.instances):
        return found
    return replace(found, instances=tuple(i for i in found.instances if (i.score or 0) >= 0.5))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", help="the folder of DSB 2018")
    parser.add_argument("--split", default="val", help="test is for the figures of a release, nothing else")
    parser.add_argument("--model", default="nuclei")
    parser.add_argument("--flips", action="store_true")
    parser.add_argument("--run", action="append", default=[], metavar="NAME=RUN")
    parser.add_argument("--results", action="append", default=[], metavar="NAME=FILE")
    parser.add_argument("--images", type=int, default=0, help="only so many, spread over the split")
    parser.add_argument("--without-model", action="store_true")
    parser.add_argument("--output", type=Path)
    parser.add_argument("--picture", type=Path)
    given = parser.parse_args()
    nuclei = datasets.open("dsb2018", given.root, given.split)
    chosen = list(range(len(nuclei)))
    if given.images:
        chosen = sorted({round(i) for i in np.linspace(0, len(nuclei) - 1, given.images)})
    truths = [nuclei[place].target for place in chosen]
    names = ["watershed"] if given.without_model else ["nuclei", "watershed"]
    runs = [tuple(text.split("=", 1)) for text in given.run]
    methods = [
        measured(name, given.root, given.split, chosen, model, given.flips)
        for name, model in [*((name, given.model) for name in names), *runs]
    ]
    annotations = Path(given.root, "annotations", f"instances_{given.split}.json")
    for text in given.results:
        name, _, path = text.partition("=")
        methods.append(from_results(name, path, annotations, nuclei, chosen))
    text = table(methods, truths, f"DSB 2018 {given.split}")
    print(text)
    if given.output:
        given.output.write_text(text, encoding="utf-8")
    if given.picture:
        picture(given.picture, nuclei, chosen, methods, truths)


if __name__ == "__main__":
    main()
