"""Every mask decoded once: is it a label map, are its ids known, has it its image's size, does it show its image?

Whether a mask shows its image is told by the share of the image's variance that lies between the mask's regions: 0 for
regions that have nothing to do with the picture, 1 for flat colours cut along their borders. Two masks are taken for
swapped when each explains the other's image clearly better than its own.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InputError, KonturError, UnreadableFile
from ..core.taxonomy import Taxonomy, voc_colour
from ..io.labels import read_labels
from ..io.photos import read_image, upright
from .check_images import SIDE, ImageFacts, unreadable
from .report import Finding

SWAP_GAIN = 0.06
"""Of the image's variance: what each of two masks must explain more of the other's image than of its own."""

_FEW_PAIRS_GAIN = 0.3
_MOST_VALUES = 5  # findings of foreign values a mask
_AT_ONCE = 1000  # masks compared with one another
_MASKS_A_PRODUCT = 64


@dataclass(frozen=True, eq=False)
class MaskFacts:
    """values, counts: the file's values and their pixels. thumbnail: (SIDE, SIDE) of the file's values."""

    path: Path
    shape: tuple[int, int]
    bits: int
    values: NDArray[np.int64]
    counts: NDArray[np.int64]
    digest: bytes
    thumbnail: NDArray[np.int64]


@dataclass(frozen=True)
class Rules:
    """What a mask may hold. known: file value -> category id or the ignore id; None: nothing is known of the ids."""

    taxonomy: Taxonomy | None
    known: Mapping[int, int] | None
    train_ids: bool = False

    @classmethod
    def of(cls, taxonomy: Taxonomy | None, values: Mapping[int, int] | None, name: str) -> Rules:
        known = dict(values) if values is not None else None
        if known is None and taxonomy is not None:
            known = {c.id: c.id for c in taxonomy}
            if taxonomy.ignore is not None:
                known[taxonomy.ignore] = taxonomy.ignore
        return cls(taxonomy, known, train_ids=name.startswith("cityscapes"))

    @property
    def ignored(self) -> set[int]:
        """File values that do not count."""
        if self.known is None or self.taxonomy is None or self.taxonomy.ignore is None:
            return set()
        return {value for value, id_ in self.known.items() if id_ == self.taxonomy.ignore}


def read_mask_facts(path: Path, name: str, rules: Rules) -> MaskFacts | Finding:
    """Decode one mask; a finding when it is no label map."""
    try:
        labels = read_labels(path)
    except UnreadableFile as error:
        return unreadable(path, name, "mask", error)
    except InputError as error:
        return _no_labels(path, name, error, rules)
    return facts_of(path, labels)


def facts_of(path: Path, labels: NDArray[np.integer]) -> MaskFacts:
    """The facts of file values (H, W)."""
    low, high = int(labels.min()), int(labels.max())
    if low >= 0 and high < 1 << 20:
        found = np.bincount(labels.ravel())
        values = np.flatnonzero(found)
        counts = found[values]
    else:
        values, counts = np.unique(labels, return_counts=True)
    height, width = labels.shape
    rows, columns = ((np.arange(SIDE) + 0.5) * height / SIDE), ((np.arange(SIDE) + 0.5) * width / SIDE)
    return MaskFacts(
        path,
        (height, width),
        labels.dtype.itemsize * 8,
        values.astype(np.int64),
        counts.astype(np.int64),
        hashlib.blake2b(np.ascontiguousarray(labels).data, digest_size=16).digest(),
        labels[np.ix_(rows.astype(int), columns.astype(int))].astype(np.int64),
    )


def _no_labels(path: Path, name: str, error: KonturError, rules: Rules) -> Finding:
    reason = str(error).removeprefix(f"{path}: ")
    if "JPEG" in reason or "WebP" in reason:
        return Finding(name, "jpeg_mask", path.suffix, 1, "JPEG and WebP change values: export the mask as PNG.")
    if "whole numbers" in reason:
        return Finding(name, "float_mask", reason.split("got ")[-1].split(".")[0], 1, "Save the ids as whole numbers.")
    try:
        pixels = read_image(path).pixels
    except KonturError:
        return Finding(name, "unreadable_mask", None, 1, reason)
    if pixels.ndim == 2 or (pixels == pixels[..., :1]).all():
        return Finding(
            name, "rgb_mask", "grey in several bands", int(pixels[..., 0].size), "Keep one band of the mask."
        )
    colours, counts = np.unique(pixels[..., :3].reshape(-1, 3), axis=0, return_counts=True)
    palette = {c.colour for c in rules.taxonomy or ()} | {voc_colour(n) for n in range(256)}
    known = all(tuple(c.tolist()) in palette for c in colours)
    advice = (
        "Its colours are a palette's: save the palette's indices." if known else "Save ids in one band, not colours."
    )
    return Finding(name, "rgb_mask", f"{len(colours)} colours", int(counts.sum()), advice)


# --- one mask -------------------------------------------------------------------------------------------------------


def value_findings(mask: MaskFacts, name: str, rules: Rules, usual_bits: int) -> list[Finding]:
    """Values that are no ids, masks of background only, 16 bits where the others have 8."""
    findings: list[Finding] = []
    known = rules.known
    counts = dict(zip(mask.values.tolist(), mask.counts.tolist()))
    foreign = {} if known is None else {v: c for v, c in counts.items() if v not in known}
    too_wide = known is not None and bool(foreign) and max(known) <= 255
    if (mask.bits == 16 and (usual_bits == 8 or too_wide)) or (mask.bits > 16 and usual_bits == 8 and not foreign):
        highest = int(mask.values.max())
        for step in (257, 256):
            if highest and all(v % step == 0 for v in counts):
                advice = f"All values are multiples of {step}: divide by {step} and save 8 bits."
                break
        else:
            advice = "Save the mask with 8 bits as the others; other programs cut such values off."
        findings.append(Finding(name, "sixteen_bit_mask", highest, int(mask.counts.sum()), advice))
        return findings
    if foreign:
        return findings + _foreign(mask, name, rules, counts, foreign)
    left = {v for v in counts if v not in rules.ignored}
    if left == {0}:
        with_ignored = f" and the ignore value {sorted(counts.keys() - left)[0]}" if len(counts) > 1 else ""
        binary = " 255 is ignored here: if it means the object, save the object as 1." if 255 in counts else ""
        advice = f"The mask holds nothing but 0{with_ignored}: draw it or remove the pair.{binary}"
        findings.append(Finding(name, "empty_mask", 0, counts[0], advice))
    return findings


def _foreign(
    mask: MaskFacts, name: str, rules: Rules, counts: dict[int, int], foreign: dict[int, int]
) -> list[Finding]:
    pixels = sum(foreign.values())
    if rules.train_ids and set(foreign) == {255}:
        advice = "255 is the void of train ids: take the labelIds file, it is mapped at loading."
        return [Finding(name, "train_ids", 255, pixels, advice)]
    drawn = sum(c for v, c in counts.items() if v != 0)
    greys = {_luma(c.colour): c.id for c in rules.taxonomy or ()} | {_luma(voc_colour(255)): 255}
    if pixels > drawn / 2 and len(counts) > 1 and counts.keys() <= greys.keys() | {0}:
        value = max(foreign, key=foreign.__getitem__)
        advice = (
            f"The values are the brightness of the palette's colours ({value} for id {greys[value]}): save the indices."
        )
        return [Finding(name, "palette_as_grey", value, pixels, advice)]
    ids = sorted(rules.known or ())
    expected = f"{ids[0]} to {ids[-1]}" if ids == list(range(ids[0], ids[-1] + 1)) else ", ".join(map(str, ids[:30]))
    advice = f"Expected {expected}: correct the mask, or the taxonomy."
    most = sorted(foreign, key=lambda v: -foreign[v])[:_MOST_VALUES]
    return [Finding(name, "id_outside_taxonomy", v, foreign[v], advice) for v in most]


def _luma(colour: tuple[int, int, int]) -> int:
    """The grey that Pillow makes of a colour (ITU-R BT.601)."""
    red, green, blue = colour
    return (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16


# --- a mask and its image -------------------------------------------------------------------------------------------


def size_finding(image: ImageFacts, mask: MaskFacts, name: str, image_name: str) -> Finding | None:
    """The finding of a mask that has another size than its image, or that lies as the image did before it was turned."""
    if image.shape != mask.shape:
        (high, wide), (mask_high, mask_wide) = image.shape, mask.shape
        if image.orientation >= 5 and mask.shape == image.shape[::-1]:
            return _turned(image, image_name, name)
        value = f"{mask_wide} x {mask_high}, image {wide} x {high}"
        return Finding(name, "wrong_size", value, 1, "Make the mask anew at its image's size; do not interpolate ids.")
    if image.orientation == 1:
        return None
    # The size does not tell: does the mask fit the picture as it was stored better than as it is shown?
    stored = upright(image.thumbnail, {6: 8, 8: 6}.get(image.orientation, image.orientation), [])
    here, there = (_fit(thumbnail, mask.thumbnail) for thumbnail in (image.thumbnail, stored))
    return _turned(image, image_name, name) if there > here + 0.02 else None


def _turned(image: ImageFacts, image_name: str, mask_name: str) -> Finding:
    advice = "The image has an EXIF orientation, the mask lies as the image is stored: turn the mask, or drop the tag."
    return Finding(image_name, "exif_rotation", f"orientation {image.orientation}, mask {mask_name}", 1, advice)


def _fit(thumbnail: NDArray[np.float32], mask: NDArray[np.int64]) -> float:
    return float(_fits(_flat([thumbnail]), [mask])[0, 0])


def _flat(thumbnails: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """(P, N, 3), each image centred and of unit variance in all, so that fits are shares."""
    flat = np.stack([t.reshape(-1, 3) for t in thumbnails], axis=1)
    flat = flat - flat.mean(axis=0, keepdims=True)
    spread = np.sqrt((flat**2).sum(axis=(0, 2), keepdims=True))
    return flat / np.maximum(spread, 1e-6)


def _fits(flat: NDArray[np.float32], masks: Sequence[NDArray[np.int64]]) -> NDArray[np.float32]:
    """The share of each image's variance between the regions of each mask, (images, masks) in [0, 1]."""
    pixels, images = flat.shape[0], flat.shape[1]
    shares = np.empty((images, len(masks)), np.float32)
    for start in range(
        0, len(masks), _MASKS_A_PRODUCT
    ):  # few large products: small ones wait for one another's threads
        some = masks[start : start + _MASKS_A_PRODUCT]
        regions = [np.unique(mask.ravel(), return_inverse=True)[1].ravel() for mask in some]
        first = np.cumsum([0] + [int(r.max()) + 1 for r in regions])
        onehot = np.zeros((int(first[-1]), pixels), np.float32)
        for offset, region in zip(first, regions):
            onehot[offset + region, np.arange(pixels)] = 1
        sums = onehot @ flat.reshape(pixels, -1)  # (regions of all masks, images * 3)
        between = np.add.reduceat(sums**2 / onehot.sum(axis=1, keepdims=True), first[:-1], axis=0)
        shares[:, start : start + len(some)] = between.reshape(len(some), images, 3).sum(axis=2).T
    return shares


def swapped(pairs: Sequence[tuple[ImageFacts, MaskFacts]], names: dict[Path, str]) -> list[Finding]:
    """Masks that belong to other images of their split: two exchanged ones, or a copy of another image's mask."""
    findings = []
    for start in range(0, len(pairs), _AT_ONCE):
        block = pairs[start : start + _AT_ONCE]
        flat = _flat([image.thumbnail for image, _ in block])
        fit = _fits(flat, [mask.thumbnail for _, mask in block])
        own = np.diag(fit)
        least = _least_gain(fit)
        if least is None:
            continue
        gain = fit - own[:, None]
        both = np.minimum(gain, gain.T)
        taken: set[int] = set()
        for a, b in zip(*np.unravel_index(np.argsort(-both, axis=None)[: 4 * len(block)], both.shape)):
            if both[a, b] <= least:
                break
            if not taken & {int(a), int(b)}:
                taken |= {int(a), int(b)}
                for i, j in ((a, b), (b, a)):
                    findings.append(_swap(block[i], block[j], own[i], fit[i, j], names))
        groups = defaultdict(list)
        for n, (_, mask) in enumerate(block):
            if len(mask.values) > 1:
                groups[mask.digest].append(n)
        for group in groups.values():
            best = max(group, key=lambda n: own[n])
            for n in group:
                if n != best and n not in taken and own[best] - own[n] > least and own[n] < own[best] / 2:
                    advice = f"The same mask as {names[block[best][1].path]}, whose image it fits: put this image's own there."
                    value = names[block[best][1].path]
                    findings.append(Finding(names[block[n][1].path], "mask_of_another_image", value, 1, advice))
    return findings


def _least_gain(fit: NDArray[np.float32]) -> float | None:
    """The gain that tells of a swap, from the fits (images, masks); None where masks do not show in their images at all.

    Masks explain their own images better than those of others, or there is nothing to be told: of a few pairs only a
    great gain is taken for one.
    """
    count = len(fit)
    if count < 4:
        return _FEW_PAIRS_GAIN
    others = np.median(fit[~np.eye(count, dtype=bool)])
    return SWAP_GAIN if float(np.median(np.diag(fit)) - others) > SWAP_GAIN else None


def _swap(
    one: tuple[ImageFacts, MaskFacts],
    other: tuple[ImageFacts, MaskFacts],
    own: float,
    fit: float,
    names: dict[Path, str],
) -> Finding:
    advice = (
        f"{names[other[1].path]} explains {100 * fit:.0f} % of the variance of this image, its own mask {100 * own:.0f} %: "
        "exchange the two masks."
    )
    return Finding(names[one[1].path], "swapped_pair", names[other[1].path], 1, advice)
