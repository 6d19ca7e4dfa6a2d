"""What a check gathers over all files of a set: images decoded once, annotation files, findings, notes, class counts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from ..core.taxonomy import Taxonomy
from ..io.photos import SUFFIXES
from . import check_images
from .check_coco import check_coco
from .check_images import ImageFacts
from .class_names import name_findings, published
from .report import Finding, Frequency, Report
from .sample import Fault, Layout, Pair, files_in
from .tally import Tally

Progress = Callable[[int, int], None]
_T = TypeVar("_T")
_R = TypeVar("_R")
_UNIONS = ("trainval",)  # splits that others make up together


@dataclass(eq=False)
class Work:
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
            tally = tallies[split] = check_coco(json, pictures, self.name(json), wanted)
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
            for path in sorted(set(files_in(pictures, SUFFIXES)) - every):
                advice = "No annotation file lists it: add an entry, or remove the image."
                self.findings.append(Finding(self.name(path), "missing_annotation", None, 1, advice))
        facts = self.images(splits, True)
        for tally in tallies.values():
            self.findings += size_findings(self, tally, facts)
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
        keeping = [t for t in named.values() if published(t.names, list_)]
        first = next(iter([*keeping, *named.values()]), None)
        for file, tally in named.items():
            if first is None or tally is first or tally in keeping:
                continue
            for kind, value, advice in name_findings(tally.names, first.names, by_name=False):
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


def size_findings(work: Work, tally: Tally, facts: Mapping[Path, ImageFacts]) -> Iterable[Finding]:
    """Images that have another size than their annotation file says."""
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
