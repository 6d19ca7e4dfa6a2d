"""Labels from one form into another, with a count of what the new form cannot hold.

    read one image ─▶ write it ─▶ read the written file ─▶ compare: Loss

Every loss is measured on what the written files say, none is assumed from the form.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.errors import InputError, OutputError
from ..core.taxonomy import Taxonomy
from .forms import FORMS, Choices, Form, form
from .labelled import LabelSet, Loss

__all__ = ["FORMS", "Conversion", "convert"]


@dataclass(frozen=True, eq=False)
class Conversion:
    """What was done. notes: changes that are no loss, such as category ids that were moved."""

    source_form: str
    target_form: str
    taxonomy: Taxonomy
    loss: Loss
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """As JSON types; `images_with_loss` holds the counts of each image that lost something."""
        return {
            "schema": 1,
            "from": self.source_form,
            "to": self.target_form,
            "images": self.loss.images,
            "categories": len(self.taxonomy),
            **self.loss.summary(),
            "notes": list(self.notes),
            "images_with_loss": self.loss.per_image,
        }


def convert(
    source: str | Path,
    target: str | Path,
    *,
    source_form: str,
    target_form: str,
    images: str | Path | None = None,
    taxonomy: Taxonomy | None = None,
    join: bool = False,
    drop_unknown: bool = False,
    skip_missing: bool = False,
    force: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Conversion:
    """Read labels in one form, write them in another, and measure what was lost.

    source, target: files of the forms coco and coco-panoptic, folders of the others (see FORMS).
    images:         the folder of photos, where the form needs their sizes (yolo).
    taxonomy:       the categories of a source that does not name its own.
    join:           to yolo: keep parts and holes of an object in one line, joined by bridges.
    drop_unknown:   to cityscapes: leave out categories that it does not name, instead of an error.
    skip_missing:   from yolo: leave out label files that have no photo, instead of an error.
    force:          overwrite; files of other names in an existing folder stay.

    Nothing is left at the target when anything goes wrong. Raises InputError, UnreadableFile, UnknownName, OutputError.
    """
    source, target = Path(source), Path(target)
    before, after = form(source_form), form(target_form)
    if not source.exists():
        raise InputError(f"{source}: no such file or folder")
    _check_target(source, target, after, force)
    choices = Choices(Path(images) if images is not None else None, taxonomy, join, skip_missing)
    labels = after.prepare(before.read(source, choices), drop_unknown)
    _make(target.parent)
    stage = Path(tempfile.mkdtemp(prefix=f".{target.name[:60]}.", suffix=".tmp", dir=target.parent))
    try:
        staged = stage / target.name
        loss = _write(labels, after.writer(staged, labels, choices), progress)
        _move(stage, target.parent)
    finally:
        shutil.rmtree(stage, ignore_errors=True)
    return Conversion(source_form, target_form, labels.taxonomy, loss, labels.notes)


def _write(labels: LabelSet, writer: Any, progress: Callable[[int, int], None] | None) -> Loss:
    loss = Loss()
    for done, image in enumerate(labels.images, 1):
        loss.add(image, writer.add(image))
        if progress is not None:
            progress(done, labels.count)
    writer.close()
    return loss


def _check_target(source: Path, target: Path, after: Form, force: bool) -> None:
    if os.path.realpath(source) == os.path.realpath(target):
        raise OutputError(f"{target}: expected another place than the source's. Choose another output.")
    if after.is_folder and target.is_file():
        raise OutputError(f"{target}: expected a folder for this form, got a file. Choose another output.")
    if not after.is_folder and (target.is_dir() or target.suffix.lower() != ".json"):
        raise OutputError(f"{target}: expected the name of a JSON file for this form, such as labels.json")
    for place in (target, target.with_suffix("")) if after.name == "coco-panoptic" else (target,):
        taken = any(place.iterdir()) if place.is_dir() else place.exists()
        if taken and not force:
            raise OutputError(f"{place}: exists already. Overwrite it with --force, or choose another output.")


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise OutputError(f"{folder}: no permission to write there. Choose another output.")
    except FileExistsError:
        raise OutputError(f"{folder}: a file stands where the folder should be. Choose another output.") from None
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(f"{folder}: cannot be made: {error.strerror or error}") from None


def _move(stage: Path, folder: Path) -> None:
    """Each file to its place; a whole folder at once where none is there yet."""
    try:
        for item in sorted(stage.iterdir()):
            place = folder / item.name
            if not place.is_dir():
                os.replace(item, place)
                continue
            for path in sorted(p for p in item.rglob("*") if p.is_file()):
                goal = place / path.relative_to(item)
                goal.parent.mkdir(parents=True, exist_ok=True)
                os.replace(path, goal)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written: {error.strerror or error}") from None
