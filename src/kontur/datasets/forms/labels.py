"""Label PNG: one channel of ids, <photo>.labels.png, with <photo>.json that says what each id is (as `kontur segment`).

Files without a JSON hold category ids of a taxonomy (dataset.json, taxonomy.json or --taxonomy), else one object an id.
A pixel holds one id: of regions that overlap the smaller wins. Void has an id of its own, named in the JSON.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core import rle
from ...core.errors import InputError
from ...core.taxonomy import Category, Taxonomy
from ...io.labels import label_file_suffix, read_labels, write_labels
from ...io.taxonomy import read_taxonomy, taxonomy_of
from ...io.text import read_json, write_json
from ..labelled import Held, LabelledImage, LabelledRegion, LabelSet, label_files, painted, void_mask
from ..sidecar import SidecarWriter, read_sidecar
from . import Choices

IS_FOLDER = True
_OBJECT = Taxonomy((Category(1, "object", (66, 133, 244), True),), ignore=None)


def read(source: Path, choices: Choices) -> LabelSet:
    files = _files(source)
    folder = source if source.is_dir() else source.parent
    sidecar = read_sidecar(folder)
    documents = {stem: _document(path) for path, stem in files}
    given = choices.taxonomy or sidecar.taxonomy
    if given is None and (folder / "taxonomy.json").is_file():
        given = read_taxonomy(folder / "taxonomy.json")
    taxonomy = given or next((t for t in map(_taxonomy, documents.values()) if t is not None), None)
    files = sidecar.in_order(files)
    things = {c.id: c.thing for c in taxonomy or _OBJECT}

    def images() -> Iterator[LabelledImage]:
        for path, stem in files:
            ids = read_labels(path)
            photo, document = sidecar.photos.get(stem), documents[stem]
            name = photo.file_name if photo else (document or {}).get("file_name") or f"{stem}.jpg"
            if document is not None:
                regions, void = _of_segments(path, ids, document, things)
            elif taxonomy is not None:
                regions, void = _of_categories(path, ids, taxonomy)
            else:
                regions, void = tuple(LabelledRegion(m, 1) for m in rle.encode_labels(ids).values()), None
            shape = (int(ids.shape[0]), int(ids.shape[1]))
            yield LabelledImage(str(name), shape, regions, void, photo.id if photo else None)

    known = Taxonomy(taxonomy.categories, ignore=None, name=taxonomy.name) if taxonomy is not None else _OBJECT
    return LabelSet(known, images(), len(files))


def _files(source: Path) -> list[tuple[Path, str]]:
    for ending in (".labels.png", ".labels.tif", ".png", ".tif"):
        if not source.is_dir() or any(source.rglob(f"*{ending}")):
            if not source.is_dir() and not source.name.endswith(ending):
                continue
            found = label_files(source, ending)
            if ending == ".labels.png":
                found += (
                    label_files(source, ".labels.tif") if source.is_dir() and any(source.rglob("*.labels.tif")) else []
                )
            return [(p, s) for p, s in found if not s.endswith((".categories", ".overlay", ".cutout"))]
    return label_files(source, ".labels.png")


def _document(path: Path) -> dict[str, Any] | None:
    beside = path.with_name(path.name.split(".labels.")[0].removesuffix(path.suffix) + ".json")
    if not beside.is_file():
        return None
    content = read_json(beside)
    if not isinstance(content, dict) or not isinstance(content.get("segments"), list):
        raise InputError(f"{beside}: expected the segments of {path.name}, got another content")
    return content


def _taxonomy(document: dict[str, Any] | None) -> Taxonomy | None:
    whole = (document or {}).get("taxonomy")
    return taxonomy_of(whole, "taxonomy") if isinstance(whole, dict) and whole.get("categories") else None


def _of_segments(
    path: Path, ids: NDArray[np.integer], document: dict[str, Any], things: dict[int, bool]
) -> tuple[tuple[LabelledRegion, ...], rle.RLE | None]:
    runs = rle.encode_labels(ids)
    void = runs.pop(document["void"], None) if isinstance(document.get("void"), int) else None
    regions = []
    for row in document["segments"]:
        number = row.get("id") if isinstance(row, dict) else None
        if not isinstance(number, int) or number not in runs:
            raise InputError(f"{path}: expected pixels of segment {number} of the JSON, got none")
        mask = runs.pop(number)
        if number == document.get("background"):
            continue
        category = row.get("category")
        category = 1 if category is None else category
        if not isinstance(category, int) or category not in things:
            raise InputError(f"{path}: segment {number}: expected a category of the taxonomy, got {category}")
        single = bool(row.get("object", things[category]))
        regions.append(LabelledRegion(mask, category, single, row.get("crowd") is True))
    if runs:
        raise InputError(f"{path}: expected the ids of the JSON, got {sorted(runs)[:8]} as well")
    return tuple(regions), void


def _of_categories(
    path: Path, ids: NDArray[np.integer], taxonomy: Taxonomy
) -> tuple[tuple[LabelledRegion, ...], rle.RLE | None]:
    runs = rle.encode_labels(ids)
    if 0 in taxonomy and (ids == 0).any() and taxonomy[0].name != "background":
        runs[0] = rle.encode(ids == 0)
    void = runs.pop(taxonomy.ignore, None) if taxonomy.ignore is not None else None
    foreign = [v for v in runs if v not in taxonomy]
    if foreign:
        raise InputError(f"{path}: expected ids of the taxonomy or its ignore id {taxonomy.ignore}, got {foreign[:8]}")
    return tuple(LabelledRegion(mask, value, object=False) for value, mask in sorted(runs.items())), void


class Writer:
    """Ids are the regions' places, from 1; void is the number after the last."""

    def __init__(self, target: Path, labels: LabelSet, choices: Choices) -> None:
        self._target, self._taxonomy = target, labels.taxonomy
        self._sidecar = SidecarWriter(target, labels.taxonomy)

    def add(self, image: LabelledImage) -> Held:
        self._sidecar.add(image)
        ids, _ = painted(image)
        void = void_mask(image, ids)
        void_id = len(image.regions) + 1 if void.any() else None
        if void_id is not None:
            ids[void] = void_id
        names = {c.id: c.name for c in self._taxonomy}
        runs = rle.encode_labels(ids)
        segments = []
        for number, region in enumerate(image.regions, 1):
            if number in runs:
                mask = runs[number]
                row = {"id": number, "area": rle.area(mask), "box": list(rle.box(mask)), "category": region.category}
                row |= {"score": None, "name": names[region.category], "crowd": region.crowd, "object": region.object}
                segments.append(row)
        height, width = image.shape
        document = {"schema": 1, "file_name": image.file_name, "height": height, "width": width, "background": None}
        write_json(self._target / f"{image.stem}.json", document | {"void": void_id, "segments": segments}, indent=1)
        path = self._target / f"{image.stem}{label_file_suffix(ids)}"
        write_labels(path, ids)
        back = rle.encode_labels(read_labels(path))
        masks = [back.get(n) for n in range(1, len(image.regions) + 1)]
        lost = 0 if image.void is None else rle.area(image.void) - int(np.count_nonzero(void))
        return Held(masks, sum(r.crowd for r, m in zip(image.regions, masks) if m is None), void_lost=lost)

    def close(self) -> None:
        self._sidecar.close()
