"""COCO's text of run lengths: printable characters of six bits each.

From the fourth on, a count is written as its difference to the last but one, in groups of five bits, low ones first. Each
group is one character from "0" (48) on; its sixth bit says that more follow.

Source: the `counts` of COCO's annotation files, as pycocotools' `mask` writes them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .errors import InputError


def text_of(counts: NDArray[np.uint32]) -> str:
    """The text of counts (N,)."""
    values = counts.astype(np.int64)
    values[3:] -= counts[1:-2].astype(np.int64)
    groups = []
    more = np.ones(len(values), bool)
    written = []
    while more.any():
        group = values & 0x1F
        values = values >> 5
        written.append(more)
        more = more & np.where(group & 0x10, values != -1, values != 0)
        groups.append(group | np.where(more, 0x20, 0))
    text = (np.stack(groups, axis=1) + 48).astype(np.uint8)
    return text[np.stack(written, axis=1)].tobytes().decode("ascii")


def counts_of(text: str | bytes) -> NDArray[np.int64]:
    """The counts (N,) of a text. Raises InputError for foreign characters and for text that is cut off."""
    try:
        raw = text.encode("ascii") if isinstance(text, str) else bytes(text)
    except UnicodeEncodeError:
        raise InputError("RLE counts: expected COCO's characters '0' to 'o', got others than ASCII") from None
    codes = np.frombuffer(raw, np.uint8).astype(np.int64) - 48
    if ((codes < 0) | (codes > 63)).any():
        foreign = chr(raw[int(np.argmax((codes < 0) | (codes > 63)))])
        raise InputError(f"RLE counts: expected COCO's characters '0' to 'o', got {foreign!r}")
    more = (codes & 0x20) != 0
    if not len(codes) or more[-1]:
        raise InputError(
            f"RLE counts: the text of {len(raw)} characters ends in the middle of a number. It was cut off."
        )
    ends = np.flatnonzero(~more)
    starts = np.concatenate([[0], ends[:-1] + 1])
    lengths = ends - starts + 1
    if lengths.max() > 7:  # 33 bits (a difference of two uint32) fit in seven groups of five
        raise InputError(f"RLE counts: expected numbers of at most 7 characters, got one of {int(lengths.max())}")
    shift = 5 * (np.arange(len(codes)) - np.repeat(starts, lengths))
    values = np.add.reduceat((codes & 0x1F) << shift, starts)
    values -= np.where(codes[ends] & 0x10, np.int64(1) << (5 * lengths), 0)  # the last group's fifth bit is the sign
    values[1::2] = np.cumsum(values[1::2])
    values[2::2] = np.cumsum(values[2::2])
    return values
