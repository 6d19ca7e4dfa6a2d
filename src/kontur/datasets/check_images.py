"""Every image decoded once: what a check must know of it, and pairs of images that are the same or nearly so.

Near-duplicates: difference hash (Krawetz, "Kind of Like That", 2013): a thumbnail of 17 x 16 greys, one bit for each
pair of neighbours in a row; images whose 256 bits differ in at most 10 look the same.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core.errors import KonturError
from ..core.image import Image
from ..io.photos import read_image
from .report import Finding

SIDE = 24  # of the thumbnails by which masks are compared with images
_NEAR_BITS = 10
_MOST_COMPARED = 20_000  # images; beyond, only equal hashes are found


@dataclass(frozen=True, eq=False)
class ImageFacts:
    """shape: (H, W) upright. orientation: the EXIF tag, 1 for none. digest: of the pixels. bits: the hash, (32,) uint8.

    thumbnail: (SIDE, SIDE, 3) float32.
    """

    path: Path
    split: str
    shape: tuple[int, int]
    orientation: int
    bands: int
    kind: str
    digest: bytes
    bits: NDArray[np.uint8]
    thumbnail: NDArray[np.float32]


def read_facts(path: Path, split: str, name: str) -> ImageFacts | Finding:
    """Decode one image. name: what a finding calls it."""
    try:
        image = read_image(path)
    except KonturError as error:
        return unreadable(path, name, "image", error)
    told = " ".join(image.notes)
    turned = re.search(r"orientation (\d)", told)
    digest = hashlib.blake2b(np.ascontiguousarray(image.pixels).data, digest_size=16)
    digest.update(str(image.pixels.shape).encode())
    grey, colour = _thumbnails(image)
    return ImageFacts(
        path,
        split,
        image.shape,
        int(turned.group(1)) if turned else 1,
        image.channels + ("alpha" in told),
        str(image.pixels.dtype),
        digest.digest(),
        np.packbits(grey[:, 1:] > grey[:, :-1]),
        colour,
    )


def unreadable(path: Path, name: str, what: str, error: KonturError) -> Finding:
    """The finding of a file that cannot be read. what: image or mask."""
    reason = str(error).removeprefix(f"{path}: ")
    if not path.exists():
        return Finding(name, f"missing_{what}", None, 1, f"Add the {what}.")
    size = path.stat().st_size
    if size == 0:
        return Finding(name, "empty_file", 0, 1, f"The file has 0 bytes: copy the {what} again.")
    if "cut off" in reason or "truncated" in reason:
        return Finding(name, f"truncated_{what}", f"{size} bytes", 1, f"Copy the {what} again: {reason}")
    return Finding(name, f"unreadable_{what}", f"{size} bytes", 1, f"Replace the {what}: {reason}")


def _thumbnails(image: Image) -> tuple[NDArray, NDArray[np.float32]]:
    from PIL import Image as Pillow

    pixels = image.pixels
    if pixels.dtype != np.uint8 or (pixels.ndim == 3 and pixels.shape[2] != 3):
        pixels = (image.rgb() * 255).astype(np.uint8)
    picture = Pillow.fromarray(np.ascontiguousarray(pixels))
    grey = np.asarray(picture.convert("L").resize((17, 16), Pillow.Resampling.BOX)).astype(np.int16)
    colour = np.asarray(picture.convert("RGB").resize((SIDE, SIDE), Pillow.Resampling.BOX)).astype(np.float32)
    return grey, colour


def odd_ones(images: Sequence[ImageFacts], names: dict[Path, str], mixed: bool) -> tuple[list[Finding], list[str]]:
    """Images whose number of bands or pixel type is not that of most; as a note where a set is known to mix bands."""
    findings: list[Finding] = []
    notes: list[str] = []
    for kind, values in (
        ("band_count", {i.path: i.bands for i in images}),
        ("pixel_type", {i.path: i.kind for i in images}),
    ):
        counts = Counter(values.values())
        if len(counts) < 2:
            continue
        usual = counts.most_common(1)[0][0]
        if mixed:
            notes.append(f"{kind}: " + ", ".join(f"{count} images of {value}" for value, count in counts.most_common()))
            continue
        advice = f"Most images have {usual}: convert this one, or all."
        findings += [Finding(names[p], kind, v, counts[v], advice) for p, v in values.items() if v != usual]
    return findings, notes


def same_images(images: Sequence[ImageFacts], names: dict[Path, str]) -> tuple[list[Finding], list[str]]:
    """Equal pixels in two splits are findings; in one split, and nearly equal ones, are notes."""
    findings: list[Finding] = []
    notes: list[str] = []
    groups: dict[bytes, list[ImageFacts]] = defaultdict(list)
    for image in images:
        groups[image.digest].append(image)
    inside = []
    for group in groups.values():
        first = group[0]
        for other in group[1:]:
            if other.split != first.split:
                advice = f"The same pixels as {names[first.path]}: remove it from {first.split} or {other.split}."
                findings.append(Finding(names[other.path], "duplicate_across_splits", names[first.path], 1, advice))
            else:
                inside.append(f"{names[other.path]} = {names[first.path]}")
    if inside:
        notes.append(f"duplicates within a split: {len(inside)}: {_some(inside)}")
    near = [(a, b) for a, b in _near_pairs(images) if a.split != b.split and a.digest != b.digest]
    if near:
        told = [f"{names[a.path]} ~ {names[b.path]}" for a, b in near]
        notes.append(f"near-duplicates across splits (a video, or the same place): {len(told)} pairs: {_some(told)}")
    return findings, notes


def _near_pairs(images: Sequence[ImageFacts]) -> list[tuple[ImageFacts, ImageFacts]]:
    # A picture without contrast has no bits to compare.
    images = [i for i in images if 16 < int(np.unpackbits(i.bits).sum()) < 240]
    if len(images) > _MOST_COMPARED:
        groups: dict[bytes, list[ImageFacts]] = defaultdict(list)
        for image in images:
            groups[image.bits.tobytes()].append(image)
        return [(g[0], other) for g in groups.values() for other in g[1:]]
    if not images:
        return []
    ones = np.unpackbits(np.stack([i.bits for i in images]), axis=1).astype(np.float32)
    total = ones.sum(axis=1)
    pairs = []
    for start in range(0, len(images), 1000):
        block = ones[start : start + 1000]
        differ = total[start : start + 1000, None] + total[None] - 2 * (block @ ones.T)
        rows, columns = np.nonzero(differ <= _NEAR_BITS)
        pairs += [(images[start + a], images[b]) for a, b in zip(rows.tolist(), columns.tolist()) if start + a < b]
    return pairs


def _some(lines: list[str]) -> str:
    return ", ".join(lines[:3]) + (", .." if len(lines) > 3 else "")
