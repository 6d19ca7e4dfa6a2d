"""The files of a folder that is scored: which of them are taken, and what each form of label file says.

    labels as any tool writes them            .png .tif .bmp .gif: indices, or 0 and 255
    what `kontur segment` writes of an image  .labels.png/.tif segment ids, .categories.png/.tif category ids, and the
                                              .json beside them, which tells what the ids mean; .npz of `Segmentation.save`

A folder that `kontur segment` wrote holds overlays and the like as well; then only its label files are taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InputError, UnreadableFile
from ..core.segmentation import Segmentation
from ..io.bsds import read_bsds_truth
from ..io.labels import read_labels
from ..io.photos import read_image
from ..io.text import read_json
from .contours import label_boundaries
from .streaming import LABEL_SUFFIXES, visible_files

KONTUR_LABELS = (".labels.png", ".labels.tif")
"""Segment ids; which of them is the background, and which are objects, the JSON beside them tells."""

KONTUR_CATEGORIES = (".categories.png", ".categories.tif")

KONTUR_STRENGTHS = (".boundaries.png", ".ultrametric.png")
"""Boundary strengths that `kontur segment` writes, grey; the first kind that a folder holds is scored."""

SAVED = (".npz",)

PHOTO_SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp")

_MOST_ID = 1 << 24
_ADVICE = "Write both with `kontur segment --write labels,json`, or give masks of 0 and 255"


def form_of(folder: Path | str, forms: Sequence[tuple[str, ...]], others: tuple[str, ...]) -> tuple[str, ...]:
    """The first of the forms, each a set of endings, that a file of the folder has; `others` where none has any."""
    names = [path.name.lower() for path in visible_files(Path(folder)) if not path.name.endswith(".hierarchy.npz")]
    return next((form for form in forms if any(name.endswith(form) for name in names)), others)


def prediction_form(folder: Path | str, others: tuple[str, ...]) -> tuple[str, ...]:
    """The endings of the label maps of a folder: Kontur's own where there are any."""
    return form_of(folder, (KONTUR_LABELS, SAVED), others)


def truth_form(folder: Path | str) -> tuple[str, ...]:
    """The endings of a truth folder: BSDS files, Kontur's own labels, or any label files."""
    return form_of(folder, ((".mat",), KONTUR_LABELS), LABEL_SUFFIXES)


# --- what a file holds ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Drawing:
    """One annotator: regions (H, W) integers, boundaries (H, W) bool."""

    regions: NDArray
    boundaries: NDArray[np.bool_]


def annotators(path: Path) -> list[Drawing]:
    """The drawings of a BSDS file, or the one of a label file."""
    if path.suffix.lower() == ".mat":
        return [Drawing(d.regions, d.boundaries) for d in read_bsds_truth(path)]
    regions = read_labels(path)
    return [Drawing(regions, label_boundaries(regions))]


def regions(path: Path) -> NDArray:
    """A label map (H, W), or an array of them."""
    if path.suffix == ".npz":
        return Segmentation.load(path).ids
    return array(path) if path.suffix == ".npy" else read_labels(path)


def stack(path: Path) -> NDArray:
    """Label maps (levels, H, W); a file with one map has one level."""
    labels = regions(path)
    if labels.ndim not in (2, 3) or not np.issubdtype(labels.dtype, np.integer):
        raise InputError(
            f"{path}: expected label maps of integers (H, W) or (levels, H, W), got {labels.dtype} {labels.shape}"
        )
    return labels if labels.ndim == 3 else labels[None]


def levels(folder: Path) -> int:
    """How many levels the first .npy file has; other label files have one."""
    arrays = [path for path in visible_files(folder) if path.suffix == ".npy"]
    return len(stack(arrays[0])) if arrays else 1


def objects(path: Path) -> NDArray[np.bool_]:
    """The object's pixels, (H, W).

    Of a result of Kontur all segments but the background, of other files the non-zero pixels. Raises InputError for a
    partition, which has no background, and for labels without the JSON that would tell it.
    """
    if path.suffix == ".npz":
        saved = Segmentation.load(path)
        if saved.foreground is None:
            raise InputError(_no_background(path, saved.provenance.method if saved.provenance else None))
        return saved.foreground
    if not path.name.endswith(KONTUR_LABELS):
        return mask(path) != 0
    labels, told = read_labels(path), document_of(path)
    if told is not None:
        background = told["background"]
        if background is not None:
            return (labels != background) & (labels != 0)
        if all("mask" in segment for segment in told["segments"]):
            return labels != 0  # instances: every id is an object, and what is none is 0
        raise InputError(_no_background(path, (told.get("provenance") or {}).get("method")))
    values = set(np.unique(labels).tolist())
    if values <= {1, 2}:
        return labels == 2
    if values <= {0, 255}:
        return labels == 255
    raise InputError(
        f"{path}: expected {_document_path(path).name} beside it, which tells the background of its ids, got none. {_ADVICE}"
    )


def unknown_of(path: Path) -> NDArray:
    """The truth of an object: 0 background, 128 unknown, 255 object; of Kontur's results void is unknown."""
    if not path.name.endswith(KONTUR_LABELS):
        return mask(path)
    told = document_of(path)
    if told is None and set(np.unique(read_labels(path)).tolist()) <= {0, 128, 255}:
        return read_labels(path)
    found = objects(path)
    void = read_labels(path) == 0 if told is not None and told["background"] is not None else np.zeros_like(found)
    return np.where(found, 255, np.where(void, 128, 0)).astype(np.uint8)


def background_of(path: Path) -> int:
    """The id of a label file that is no object: the background its JSON tells, else 0."""
    told = document_of(path) if path.name.endswith(KONTUR_LABELS) else None
    return 0 if told is None or told["background"] is None else int(told["background"])


def categories(path: Path) -> NDArray:
    """Category ids (H, W) of Kontur's segment ids, as the JSON beside them tells; -1 where there is none."""
    labels, told = read_labels(path), document_of(path)
    of = {s["id"]: s.get("category") for s in told["segments"]} if told is not None else {}
    if not any(category is not None for category in of.values()):
        raise InputError(
            f"{path}: expected a result with categories, and the JSON beside it that tells them, got "
            f"{'none' if told is None else 'segments without categories'}. Score it with `kontur evaluate superpixels`, "
            "or segment with a network that names what it finds"
        )
    known = {segment: category for segment, category in of.items() if category is not None}
    table = np.full(max(known) + 2, -1, np.int32)
    table[list(known)] = list(known.values())
    return table[np.minimum(labels, len(table) - 1)]


def document_of(path: Path) -> Mapping[str, Any] | None:
    """The JSON that `kontur segment` wrote beside a label file; None where there is none of its form."""
    beside = _document_path(path)
    if not beside.is_file():
        return None
    told = read_json(beside)
    if not isinstance(told, dict) or "background" not in told or not isinstance(told.get("segments"), list):
        return None  # another program's
    segments = [s if isinstance(s, dict) else {"id": s} for s in told["segments"]]
    numbers = [told["background"], *(s.get("category") for s in segments), *(s.get("id", "none") for s in segments)]
    if any(n is not None and (type(n) is not int or not 0 <= n < _MOST_ID) for n in numbers):
        raise InputError(
            f"{beside}: expected whole numbers under {_MOST_ID} as background, ids and categories, got other values. "
            "Write it again with `kontur segment --write labels,json`"
        )
    return told


def _document_path(path: Path) -> Path:
    return path.with_name(path.name.removesuffix(path.suffix).removesuffix(".labels") + ".json")


def _no_background(path: Path, method: str | None) -> str:
    return (
        f"{path}: expected a result with a background (of foreground or instance methods), got a partition"
        f"{f' by {method}' if method else ''}, which has none. Choose such a method, or score it with "
        "`kontur evaluate superpixels`, or `semantic` where it has categories"
    )


# --- pixels -----------------------------------------------------------------------------------------------------------


def mask(path: Path) -> NDArray:
    """Indices, also of a grey mask that was stored as RGB with equal channels (one of the GrabCut truths is)."""
    try:
        return read_labels(path)
    except UnreadableFile:
        raise
    except InputError:
        grey = _equal_channels(read_image(path).pixels)
        if grey is None:
            raise
        return grey


def strengths(path: Path) -> NDArray:
    """A soft map (H, W), in the file's own values; the object of a result of Kontur is 1, the rest 0."""
    if path.name.endswith((*KONTUR_LABELS, *SAVED)):
        return objects(path)
    if path.suffix == ".npy":
        return array(path)
    grey = _equal_channels(read_image(path).pixels)
    if grey is None:
        raise InputError(
            f"{path}: expected strengths in one channel (grey), got colours. Save them as grey PNG or .npy"
        )
    return grey


def _equal_channels(pixels: NDArray) -> NDArray | None:
    if pixels.ndim == 2:
        return pixels
    return pixels[..., 0] if (pixels == pixels[..., :1]).all() else None


def array(path: Path) -> NDArray:
    """What numpy.save wrote. Raises UnreadableFile."""
    try:
        return np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise UnreadableFile(f"{path}: expected an array written by numpy.save, got: {error}") from None


def photos(folder: Path) -> dict[str, Path]:
    """Relative path without suffix -> photo."""
    if not folder.is_dir():
        raise UnreadableFile(f"{folder}: expected the folder of the photos, got no folder")
    return {
        p.relative_to(folder).with_suffix("").as_posix(): p
        for p in visible_files(folder)
        if p.suffix.lower() in PHOTO_SUFFIXES
    }
