"""`check`: read every file of a data set and report what is wrong with it, before it costs a day of training.

    listing (layout) -> images and truth decoded, in threads -> findings of each file -> findings between files -> Report

A broken file is a finding like any other: the check goes on. Faults are findings; what is only worth knowing is a note
(partial splits, absent classes, all-ignored masks, duplicates within a split, near-duplicates, mixed bands where usual).
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from ..core.errors import InputError, KonturError, UnreadableFile
from ..core.taxonomy import Taxonomy
from ..io.bsds import read_bsds_truth
from ..io.labels import read_labels
from ..io.panoptic import read_panoptic_png
from ..io.photos import SUFFIXES
from . import camvid, check_annotations, check_images, check_masks, folder
from . import coco as coco_sets
from .check_annotations import Tally
from .check_images import ImageFacts
from .check_masks import MaskFacts, Rules
from .report import Finding, Frequency, Report
from .sample import Fault, Layout, Pair, existing

Progress = Callable[[int, int], None]
_T = TypeVar("_T")
_R = TypeVar("_R")
_UNIONS = ("trainval",)  # splits that others make up together
_FOLDER_OPTIONS = ("taxonomy", "classes", "images", "masks", "ignore")


def check(
    name: str, root: str | Path, *, jobs: int | None = None, progress: Progress | None = None, **options: Any
) -> Report:
    """Read every file of a data set.

    name: one of `kontur.datasets.NAMES`. jobs: threads, by default one a processor, at most 8.
    progress: called with (done, total) files. options: of the data set, as `kontur.datasets.open` takes them.

    Raises UnknownName for a wrong name, UnreadableFile when the folder is missing or has another form.
    """
    from . import layout

    work = _Check(Path(root), jobs or min(8, os.cpu_count() or 1), progress)
    if name in ("coco", "coco_crowds", "dsb2018"):
        complete = coco_sets.COMPLETE if name != "dsb2018" else {"train": 455, "val": 64, "test": 66}
        path = existing(root)
        files = coco_sets.instance_files(path, "instances_")
        sources = {split: (coco_sets.image_folder(path, split, json), json) for split, json in files.items()}
        work.annotation_files(sources, coco_sets.THINGS if name != "dsb2018" else {1: "nucleus"}, complete)
    elif name == "folder":
        source = folder.find(root, **{k: v for k, v in options.items() if k in _FOLDER_OPTIONS})
        work.root = source.root
        _folder(work, source)
    elif name == "coco_panoptic":
        try:
            _panoptic(work, layout(name, root, **options))
        except UnreadableFile:
            raise
        except InputError as error:  # the JSON
            work.findings.append(Finding(str(error).split(": ")[0], "bad_annotation", None, 1, str(error)))
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


@dataclass(eq=False)
class _Check:
    """What has been found so far."""

    root: Path
    jobs: int
    progress: Progress | None
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    splits: dict[str, int] = field(default_factory=dict)
    frequencies: list[Frequency] = field(default_factory=list)

    def name(self, path: Path | str) -> str:
        """A path as findings show it: below the root."""
        path = Path(path)
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else str(path)

    def listed(self, found: Layout) -> None:
        """Splits, faults and notes that the listing shows."""
        self.splits = {split: len(pairs) for split, pairs in found.splits.items()}
        self.faults((*found.missing, *found.faults))
        self.notes += [*found.notes, *found.partial]

    def faults(self, faults: Iterable[Fault]) -> None:
        self.findings += [Finding(self.name(f.file), f.kind, f.value, 1, f.advice) for f in faults]

    def each(self, function: Callable[[_T], _R], items: Iterable[_T]) -> list[_R]:
        """The function of each item, in threads, in order."""
        items = list(items)
        results = []
        with ThreadPoolExecutor(self.jobs) as pool:
            for done, result in enumerate(pool.map(function, items), 1):
                results.append(result)
                if self.progress:
                    self.progress(done, len(items))
        return results

    def images(self, splits: Mapping[str, tuple[Pair, ...]], mixed: bool) -> dict[Path, ImageFacts]:
        """Decode all images; findings of unreadable, odd and equal ones."""
        wanted: dict[Path, str] = {}
        for split in sorted(splits, key=_UNIONS.__contains__):
            for pair in splits[split]:
                first = wanted.setdefault(pair.image, split)
                if first != split and split not in _UNIONS:
                    advice = f"Take it out of {first} or {split}."
                    self.findings.append(
                        Finding(self.name(pair.image), "listed_in_two_splits", f"{first}, {split}", 1, advice)
                    )
        found = self.each(lambda i: check_images.read_facts(i[0], i[1], self.name(i[0])), wanted.items())
        self.findings += [f for f in found if isinstance(f, Finding)]
        facts = [f for f in found if isinstance(f, ImageFacts)]
        self.between(facts, mixed)
        turned = [self.name(f.path) for f in facts if f.orientation != 1]
        if turned:
            self.notes.append(
                f"images with an EXIF orientation, which is applied: {len(turned)}: {', '.join(turned[:5])}"
            )
        return {f.path: f for f in facts}

    def between(self, facts: list[ImageFacts], mixed: bool) -> None:
        names = {f.path: self.name(f.path) for f in facts}
        for findings, notes in (check_images.odd_ones(facts, names, mixed), check_images.same_images(facts, names)):
            self.findings += findings
            self.notes += notes

    def add(self, tally: Tally) -> None:
        self.findings += tally.findings
        self.notes += tally.notes

    def annotation_files(
        self,
        sources: Mapping[str, tuple[Path, Path]],
        wanted: Taxonomy | Mapping[int, str] | None,
        complete: Mapping[str, int],
    ) -> None:
        """COCO files with their images; each source is (folder of images, JSON)."""
        tallies = {}
        splits: dict[str, tuple[Pair, ...]] = {}
        for split, (pictures, json) in sources.items():
            tally = tallies[split] = check_annotations.check_coco(json, pictures, self.name(json), wanted)
            self.add(tally)
            listed = [p for p in tally.images if p.exists()]
            for path in tally.images.keys() - set(listed):
                advice = f"{json.name} lists it: add the image, or remove the entry."
                self.findings.append(Finding(self.name(path), "missing_image", json.name, 1, advice))
            splits[split] = tuple(Pair(p.stem, p, json) for p in listed)
            self.splits[split] = len(listed)
        every = {p for tally in tallies.values() for p in tally.images}
        unknown = {pictures for split, (pictures, _) in sources.items() if not tallies[split].images}  # a broken file
        for pictures in {pictures for pictures, _ in sources.values()} - unknown:
            for path in sorted(set(_images_in(pictures)) - every):
                advice = "No annotation file lists it: add an entry, or remove the image."
                self.findings.append(Finding(self.name(path), "missing_annotation", None, 1, advice))
        facts = self.images(splits, True)
        for tally in tallies.values():
            self.findings += _sizes(self, tally, facts)
        list_ = wanted if isinstance(wanted, dict) else {}
        if not isinstance(wanted, Taxonomy):
            self.compare_names({self.name(sources[split][1]): tally for split, tally in tallies.items()}, list_)
        for split, size in complete.items():
            if self.splits.get(split, 0) != size:
                self.notes.append(
                    f"split {split}: {self.splits.get(split, 0)} of the whole set's {size} images; a partial set"
                )
        self.objects(tallies.values(), {n: i for t in tallies.values() for i, n in t.names.items()})

    def compare_names(self, tallies: Mapping[str, Tally], list_: Mapping[int, str]) -> None:
        """Files of one set must have the same names: those of the first file are taken for right, or of the first that
        keeps to the published list."""
        named = {file: tally for file, tally in tallies.items() if tally.names}
        keeping = [t for t in named.values() if check_annotations.published(t.names, list_)]
        first = next(iter([*keeping, *named.values()]), None)
        for file, tally in named.items():
            if first is None or tally is first or tally in keeping:
                continue
            for kind, value, advice in check_annotations.name_findings(tally.names, first.names, by_name=False):
                if not any((f.file, f.kind, f.value) == (file, kind, value) for f in self.findings):
                    self.findings.append(Finding(file, kind, value, 1, f"Another file has other names. {advice}"))

    def objects(self, tallies: Iterable[Tally], ids: Mapping[str, int]) -> None:
        """The class table of sets whose truth is objects."""
        counts: Counter[str] = Counter()
        images: dict[str, int] = defaultdict(int)
        for tally in tallies:
            counts.update(tally.objects)
            for name, files in tally.images_with.items():
                images[name] += len(files)
        rows = sorted(ids.items(), key=lambda i: i[1]) or [(n, k) for k, n in enumerate(sorted(counts))]
        self.frequencies = [Frequency(i, n, 0, counts[n], images[n]) for n, i in rows]

    def report(self) -> Report:
        absent = [f.name for f in self.frequencies if not f.pixels and not f.objects]
        if absent and len(absent) < len(self.frequencies):
            self.notes.append(
                f"classes that do not occur: {len(absent)}: {', '.join(absent[:12])}{', ..' * (len(absent) > 12)}"
            )
        unique = dict.fromkeys(sorted(self.findings, key=lambda f: (f.file, f.kind, str(f.value))))
        return Report(self.root, self.splits, tuple(unique), tuple(self.notes), tuple(self.frequencies))


def _images_in(folder_: Path) -> list[Path]:
    return [p for p in folder_.iterdir() if p.suffix.lower() in SUFFIXES and not p.name.startswith(".")]


def _sizes(work: _Check, tally: Tally, facts: Mapping[Path, ImageFacts]) -> Iterable[Finding]:
    for path, size in tally.images.items():
        image = facts.get(path)
        if image is None or size is None or image.shape == size:
            continue
        if image.orientation >= 5 and image.shape[::-1] == size:
            advice = "The image has an EXIF orientation, its annotations were made without: drop the tag or turn them."
            yield Finding(work.name(path), "exif_rotation", f"orientation {image.orientation}", 1, advice)
        else:
            value = f"annotations {size[1]} x {size[0]}, image {image.shape[1]} x {image.shape[0]}"
            yield Finding(work.name(path), "wrong_size", value, 1, "The annotations are of an image of another size.")


# --- masks ----------------------------------------------------------------------------------------------------------


def _masks(work: _Check, found: Layout, rules: Rules) -> None:
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


def _folder(work: _Check, source: folder.Source) -> None:
    if source.form == "coco":
        work.annotation_files(source.splits, source.taxonomy, {})
        return
    _, wrong = folder.joined(source.named, source.taxonomy, source.named_in)
    work.faults(wrong)
    if source.form == "ids":
        splits, missing, orphans = folder.mask_pairs(source)
        join = folder.joined(source.named, source.taxonomy, source.named_in)[0]
        values = dict(join) if join and not wrong else None
        if values is not None and source.taxonomy is not None and source.taxonomy.ignore is not None:
            values[source.taxonomy.ignore] = source.taxonomy.ignore
        found = Layout(
            "folder", source.root, source.taxonomy, splits, "ids", _unread, values, missing=missing, faults=orphans
        )
        work.listed(found)
        _masks(work, found, Rules.of(source.taxonomy, values, "folder"))
        return
    splits, faults = folder.yolo_pairs(source) if source.form == "yolo" else folder.labelme_pairs(source)
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
                tallies.append(check_annotations.check_yolo(pair.target, work.name(pair.target), pair.name, classes))
        ids = {name: number for number, name in classes.items()}
    else:
        for pair in pairs:
            assert pair.target is not None
            name = work.name(pair.target)
            tallies.append(check_annotations.check_labelme(pair.target, name, pair.image, source.taxonomy))
            work.findings += _sizes(work, tallies[-1], facts)
        ids = {c.name: c.id for c in source.taxonomy or ()}
    for tally in tallies:
        work.add(tally)
    work.objects(tallies, ids)


def _panoptic(work: _Check, found: Layout) -> None:
    work.root = found.root
    work.listed(found)
    facts = work.images(found.splits, found.mixed_bands)
    names = {c.id: c.name for c in found.taxonomy or ()}

    def read(pair: Pair) -> Tally:
        assert pair.target is not None
        name = work.name(pair.target)
        try:
            ids = read_panoptic_png(pair.target)
        except KonturError as error:
            finding = check_images.unreadable(pair.target, name, "mask", error)
            return Tally(findings=[finding])
        tally = check_annotations.check_panoptic(ids, pair.key[1]["segments_info"], name, names)
        image = facts.get(pair.image)
        if image is not None and image.shape != ids.shape:
            value = f"{ids.shape[1]} x {ids.shape[0]}, image {image.shape[1]} x {image.shape[0]}"
            tally.findings.append(Finding(name, "wrong_size", value, 1, "The PNG is of an image of another size."))
        return tally

    tallies = work.each(read, [pair for pairs in found.splits.values() for pair in pairs])
    for tally in tallies:
        work.add(tally)
    work.objects(tallies, {c.name: c.id for c in found.taxonomy or ()})


def _bsds(work: _Check, found: Layout, facts: Mapping[Path, ImageFacts]) -> None:
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
