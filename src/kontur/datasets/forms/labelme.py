"""labelme: a JSON an image. Nothing is lost: what polygons cannot hold is written as masks, void as `__ignore__`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from ...core import rle
from ...core.errors import InputError
from ...core.instances import Instance, Instances
from ...core.taxonomy import Category, Taxonomy
from ...io.labelme import labels_of, read_labelme_file, write_labelme
from ...io.text import read_json
from ..labelled import Held, LabelledImage, LabelledRegion, LabelSet, label_files
from ..sidecar import NAME, SidecarWriter, read_sidecar
from . import Choices

IS_FOLDER = True
VOID, BACKGROUND = "__ignore__", "_background_"  # labelme's own names for the two
_ENDINGS = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp")


def read(source: Path, choices: Choices) -> LabelSet:
    files = [(p, stem) for p, stem in label_files(source, ".json") if p.name != NAME]
    if not files:
        raise InputError(f"{source}: expected labelme's files *.json, got none but {NAME}")
    sidecar = read_sidecar(source if source.is_dir() else source.parent)
    taxonomy = choices.taxonomy or sidecar.taxonomy or _labels([p for p, _ in files])
    known = {c.name: c for c in taxonomy}
    files = sidecar.in_order(files)

    def images() -> Iterator[LabelledImage]:
        for path, stem in files:
            file = read_labelme_file(path)
            names = {c.id: c.name for c in file.instances.taxonomy or ()}
            regions, void = [], []
            for place, instance in enumerate(file.instances.instances):
                name = names[instance.category] if instance.category is not None else ""
                if name == VOID:
                    void.append(instance.mask)
                elif name != BACKGROUND:
                    if name not in known:
                        raise InputError(f"{path}: expected a label of the taxonomy, got {name!r}")
                    category = known[name]
                    crowd = place in file.crowds
                    regions.append(LabelledRegion(instance.mask, category.id, category.thing, crowd))
            photo = sidecar.photos.get(stem)
            own = PurePosixPath(file.image_file.replace("\\", "/")).name
            name = (
                photo.file_name
                if photo
                else str(PurePosixPath(stem).with_name(own or f"{PurePosixPath(stem).name}.jpg"))
            )
            whole = rle.merge(void) if void else None
            yield LabelledImage(name, file.instances.shape, tuple(regions), whole, photo.id if photo else None)

    return LabelSet(taxonomy, images(), len(files))


def _labels(files: list[Path]) -> Taxonomy:
    """The labels of all files, in the order in which they occur."""
    names = dict.fromkeys(label for path in files for label in labels_of(read_json(path)))
    kept = [n for n in names if n not in (VOID, BACKGROUND)]
    return Taxonomy.from_names(kept, things=kept, ignore=None)


class Writer:
    def __init__(self, target: Path, labels: LabelSet, choices: Choices) -> None:
        self._target = target
        self._sidecar = SidecarWriter(target, labels.taxonomy)
        free = max((c.id for c in labels.taxonomy), default=0) + 1
        self._void = Category(free, VOID, (0, 0, 0))
        self._taxonomy = Taxonomy((*labels.taxonomy, self._void), ignore=None)

    def add(self, image: LabelledImage) -> Held:
        self._sidecar.add(image)
        void = () if image.void is None else (Instance(image.void, self._void.id),)
        instances = (*(Instance(r.mask, r.category) for r in image.regions), *void)
        path = self._target / f"{image.stem}.json"
        write_labelme(
            path,
            Instances(image.shape, instances, self._taxonomy),
            image_file=PurePosixPath(image.file_name).name,
            masks=True,
            crowds={n for n, r in enumerate(image.regions, 1) if r.crowd},
        )
        back = iter(read_labelme_file(path).instances.instances)
        masks = [next(back).mask if rle.area(i.mask) else None for i in instances]
        lost = 0 if image.void is None or masks[-1] == image.void else rle.area(image.void)
        return Held(masks[: len(image.regions)], void_lost=lost)

    def close(self) -> None:
        self._sidecar.close()
