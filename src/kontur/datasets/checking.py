"""`check`: read every file of a data set and report what is wrong with it, before it costs a day of training.

    listing (layout) -> images and truth decoded, in threads -> findings of each file -> findings between files -> Report

A broken file is a finding like any other: the check goes on. Faults are findings; what is only worth knowing is a note
(partial splits, absent classes, all-ignored masks, duplicates within a split, near-duplicates, mixed bands where usual).
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import KonturError
from ..io.bsds import read_bsds_truth
from ..io.labels import read_labels
from ..io.panoptic import PanopticFile, panoptic_file, read_panoptic_png
from ..io.panoptic_entries import walk_panoptic
from ..io.taxonomy import LabelFault
from ..io.text import read_json
from . import camvid, check_images, check_masks, dsb2018, folder
from . import coco as coco_sets
from .catalogue import layout
from .check_coco import check_panoptic
from .check_images import ImageFacts
from .check_masks import MaskFacts, Rules
from .check_outlines import check_labelme, check_yolo
from .check_work import Progress, Work, size_findings
from .folder_layouts import Source, labelme_pairs, mask_pairs, mask_values, yolo_pairs
from .report import Finding, Frequency, Report
from .sample import Layout, Pair, existing
from .tally import Tally

_FOLDER_OPTIONS = ("taxonomy", "classes", "images", "masks", "ignore")


def check(
    name: str, root: str | Path, *, jobs: int | None = None, progress: Progress | None = None, **options: Any
) -> Report:
    """Read every file of a data set.

    name: one of `kontur.datasets.NAMES`. jobs: threads, by default one a processor, at most 8.
    progress: called with (done, total) files. options: of the data set, as `kontur.datasets.open` takes them.

    Raises UnknownName for a wrong name, UnreadableFile when the folder is missing or has another form.
    """
    work = Work(Path(root), jobs or min(8, os.cpu_count() or 1), progress)
    if name in ("coco", "coco_crowds", "dsb2018"):
        complete = coco_sets.COMPLETE if name != "dsb2018" else dsb2018.COMPLETE
        path = existing(root)
        sources = coco_sets.instance_sources(path)
        work.annotation_files(sources, coco_sets.THINGS if name != "dsb2018" else {1: "nucleus"}, complete)
    elif name == "folder":
        source = folder.find(root, **{k: v for k, v in options.items() if k in _FOLDER_OPTIONS})
        work.root = source.root
        _folder(work, source)
    elif name == "coco_panoptic":
        _panoptic(work, existing(root))
    else:
        found = layout(name, root, **options)
        work.root = found.root
        work.listed(found)
        if found.form == "bsds":
            _bsds(work, found, work.images(found.splits, found.mixed_bands))
        elif found.form == "objects" and found.values is None:
            _masks(work, found, Rules(None, None))
        else:
            _masks(work, found, Rules.of(found.taxonomy, found.values, name))
    return work.report()


# --- masks ----------------------------------------------------------------------------------------------------------


def _masks(work: Work, found: Layout, rules: Rules) -> None:
    facts = work.images(found.splits, found.mixed_bands)
    pairs = [pair for pairs in found.splits.values() for pair in pairs if pair.target is not None]
    pairs = list({pair.target: pair for pair in pairs}.values())

    def read(pair: Pair) -> MaskFacts | Finding:
        assert pair.target is not None
        name = work.name(pair.target)
        if found.form == "colours":
            return _colour_mask(pair.target, name)
        return check_masks.read_mask_facts(pair.target, name, rules)

    if found.form == "colours":
        rules = Rules.of(found.taxonomy, None, found.name)
    masks = work.each(read, pairs)
    sound = [m for m in masks if isinstance(m, MaskFacts)]
    work.findings += [m for m in masks if isinstance(m, Finding)]
    usual = Counter(m.bits for m in sound).most_common(1)[0][0] if sound else 8
    together: dict[str, list[tuple[ImageFacts, MaskFacts]]] = defaultdict(list)
    ignored = []
    split_of = {pair.target: split for split, pairs_ in found.splits.items() for pair in pairs_}
    for pair, mask in zip(pairs, masks, strict=True):
        if not isinstance(mask, MaskFacts):
            continue
        name = work.name(mask.path)
        work.findings += check_masks.value_findings(mask, name, rules, usual)
        if rules.ignored and set(mask.values.tolist()) <= rules.ignored:
            ignored.append(name)
        image = facts.get(pair.image)
        if image is not None:
            wrong = check_masks.size_finding(image, mask, name, work.name(pair.image))
            if wrong is not None:
                work.findings.append(wrong)
            if wrong is None or wrong.kind == "wrong_size":
                together[split_of[pair.target]].append((image, mask))
    if ignored:
        work.notes.append(f"all-ignored masks: {len(ignored)}: {', '.join(ignored[:5])}{', ..' * (len(ignored) > 5)}")
    names = {mask.path: work.name(mask.path) for mask in sound}
    for group in together.values():
        work.findings += check_masks.swapped(group, names)
    work.frequencies = _pixels(sound, rules)
    if rules.taxonomy is None and found.form != "objects":
        values = sorted({v for m in sound for v in m.values.tolist()})
        told = ", ".join(map(str, values[:20])) + (", .." if len(values) > 20 else "")
        work.notes.append(f"no taxonomy was given, so ids are not checked; ids found: {told}")


def _colour_mask(path: Path, name: str) -> MaskFacts | Finding:
    try:
        return check_masks.facts_of(path, camvid.ids_of_colours(path))
    except KonturError as error:
        reason = str(error).removeprefix(f"{path}: ")
        if "colours, got" in reason:
            value = reason.split("got ")[1].split(". ")[0]
            return Finding(
                name, "id_outside_taxonomy", value, 1, "Not a colour of the set: was it resized or saved as JPEG?"
            )
        return check_images.unreadable(path, name, "mask", error)


def _pixels(masks: list[MaskFacts], rules: Rules) -> list[Frequency]:
    pixels: Counter[int] = Counter()
    images: Counter[int] = Counter()
    for mask in masks:
        here: Counter[int] = Counter()
        for value, count in zip(mask.values.tolist(), mask.counts.tolist()):
            id_ = value if rules.known is None else rules.known.get(value)
            if id_ is not None:
                here[id_] += count
        pixels.update(here)
        images.update(here.keys())
    if rules.taxonomy is None:
        return [Frequency(i, str(i), pixels[i], 0, images[i]) for i in sorted(pixels)]
    return [Frequency(c.id, c.name, pixels[c.id], 0, images[c.id]) for c in rules.taxonomy]


# --- other forms ----------------------------------------------------------------------------------------------------


def _folder(work: Work, source: Source) -> None:
    if source.form == "coco":
        work.annotation_files(source.splits, source.taxonomy, {})
        return
    values, wrong = mask_values(source)
    work.faults(wrong)
    if source.form == "ids":
        splits, missing, orphans = mask_pairs(source)
        found = Layout(
            "folder", source.root, source.taxonomy, splits, "ids", _unread, values, missing=missing, faults=orphans
        )
        work.listed(found)
        _masks(work, found, Rules.of(source.taxonomy, values, "folder"))
        return
    splits, faults = yolo_pairs(source) if source.form == "yolo" else labelme_pairs(source)
    work.splits = {split: len(pairs) for split, pairs in splits.items()}
    work.faults(faults)
    facts = work.images(splits, True)
    pairs = [pair for pairs in splits.values() for pair in pairs]
    tallies = []
    if source.form == "yolo":
        classes = dict(source.named) or {n: c.name for n, c in enumerate(source.taxonomy or ())}
        without = [pair for pair in pairs if pair.target is None or not pair.target.exists()]
        if without:
            named = ", ".join(work.name(pair.image) for pair in without[:5])
            work.notes.append(f"images without a text file, so without objects: {len(without)}: {named}")
        for pair in pairs:
            if pair.target is not None and pair.target.exists():
                tallies.append(check_yolo(pair.target, work.name(pair.target), pair.name, classes))
        ids = {name: number for number, name in classes.items()}
    else:
        for pair in pairs:
            assert pair.target is not None
            name = work.name(pair.target)
            tallies.append(check_labelme(pair.target, name, pair.image, source.taxonomy))
            work.findings += size_findings(work, tallies[-1], facts)
        ids = {c.name: c.id for c in source.taxonomy or ()}
    for tally in tallies:
        work.add(tally)
    work.objects(tallies, ids)


def _panoptic(work: Work, root: Path) -> None:
    """COCO's panoptic form: first the JSON files, every entry; then the PNGs of what is sound."""
    work.root = root
    contents: dict[Path, PanopticFile] = {}
    for json in coco_sets.panoptic_files(root).values():
        tally = Tally(work.name(json))
        try:
            content = read_json(json)
        except KonturError as error:
            tally.found("unreadable_annotations", None, str(error).removeprefix(f"{json}: "))
        else:
            entries = list(walk_panoptic(content, scored=True, named=True))
            for entry in entries:
                if isinstance(entry, LabelFault):
                    tally.fault(entry)
            contents[json] = panoptic_file(json, entries)
        work.add(tally)
    found = coco_sets.panoptic_layout(root, contents)
    work.listed(found)
    facts = work.images(found.splits, found.mixed_bands)
    names = {c.id: c.name for c in found.taxonomy or ()}

    def read(pair: Pair) -> Tally:
        assert pair.target is not None
        name = work.name(pair.target)
        try:
            ids = read_panoptic_png(pair.target)
        except KonturError as error:
            return Tally(name, [check_images.unreadable(pair.target, name, "mask", error)])
        tally = check_panoptic(ids, pair.key[1], name, names)
        image = facts.get(pair.image)
        if image is not None and image.shape != ids.shape:
            value = f"{ids.shape[1]} x {ids.shape[0]}, image {image.shape[1]} x {image.shape[0]}"
            tally.found("wrong_size", value, "The PNG is of an image of another size.")
        return tally

    tallies = work.each(read, [pair for pairs in found.splits.values() for pair in pairs])
    for tally in tallies:
        work.add(tally)
    work.objects(tallies, {c.name: c.id for c in found.taxonomy or ()})


def _bsds(work: Work, found: Layout, facts: Mapping[Path, ImageFacts]) -> None:
    def read(pair: Pair) -> list[Finding]:
        assert pair.target is not None
        name = work.name(pair.target)
        try:
            people = read_bsds_truth(pair.target)
        except KonturError as error:
            return [check_images.unreadable(pair.target, name, "mask", error)]
        shape = people[0].regions.shape
        image = facts.get(pair.image)
        if image is not None and image.shape != shape:
            value = f"{shape[1]} x {shape[0]}, image {image.shape[1]} x {image.shape[0]}"
            return [Finding(name, "wrong_size", value, 1, "Take the file of this image.")]
        empty = [n for n, person in enumerate(people, 1) if not np.any(person.regions)]
        return [Finding(name, "empty_mask", f"person {n}", 1, "The drawing has no region.") for n in empty]

    for findings in work.each(read, [pair for pairs in found.splits.values() for pair in pairs]):
        work.findings += findings


def _unread(pair: Pair, size: tuple[int, int]) -> np.ndarray:
    assert pair.target is not None
    return read_labels(pair.target)
