"""What every loss does first: check the pair, drop the ignored pixels, in float32 or better whatever the network's precision."""

from __future__ import annotations

import torch
from torch import Tensor

from ..core.errors import InputError


def valid_pixels(logits: Tensor, target: Tensor, ignore: int) -> tuple[Tensor, Tensor]:
    """The pixels that count: logits (N, K) in at least float32 and class ids (N,) int64; N may be 0.

    logits: (B, K, H, W) before softmax, K >= 2. target: (B, H, W) integers in 0..K-1 or `ignore`.

    Raises InputError for other shapes, float targets, and ids out of range (with the ids and how many pixels), before any
    kernel can fail on them.
    """
    keep = checked(logits, target, ignore)
    classes = logits.shape[1]
    flat = at_least_single(logits).movedim(1, -1).reshape(-1, classes)
    return flat[keep.reshape(-1)], target.reshape(-1)[keep.reshape(-1)].long()


def checked(logits: Tensor, target: Tensor, ignore: int) -> Tensor:
    """The mask (B, H, W) of pixels that count, after all checks."""
    if logits.ndim != 4 or logits.shape[1] < 2:
        raise InputError(f"logits: expected (B, K, H, W) with K >= 2, got {tuple(logits.shape)}")
    _check_integers(logits, target, "integer class ids")
    keep = target != ignore
    foreign = keep & ((target < 0) | (target >= logits.shape[1]))
    if bool(foreign.any()):
        ids = torch.unique(target[foreign]).tolist()
        shown = ", ".join(map(str, ids[:5])) + (", .." if len(ids) > 5 else "")
        raise InputError(
            f"target: expected ids 0..{logits.shape[1] - 1} or {ignore} (ignore), got {shown} at {int(foreign.sum())} pixels. "
            "Check the masks with `kontur data check`"
        )
    return keep


def checked_values(logits: Tensor, target: Tensor, ignore: int, *, planes: int, most: int, what: str) -> Tensor:
    """The same for a loss of `planes` outputs and a target of whole numbers 0..most, which are `what`."""
    if logits.ndim != 4 or logits.shape[1] != planes:
        raise InputError(f"logits: expected (B, {planes}, H, W), got {tuple(logits.shape)}")
    _check_integers(logits, target, what)
    keep = target != ignore
    foreign = keep & ((target < 0) | (target > most))
    if bool(foreign.any()):
        raise InputError(
            f"target: expected {what}, 0..{most}, or {ignore} (ignore), got {int(target[foreign][0])} at {int(foreign.sum())} pixels"
        )
    return keep


def _check_integers(logits: Tensor, target: Tensor, what: str) -> None:
    wanted = (logits.shape[0], *logits.shape[2:])
    if target.shape != wanted:
        raise InputError(f"target: expected (B, H, W) = {tuple(wanted)} to match the logits, got {tuple(target.shape)}")
    if target.is_floating_point() or target.is_complex() or target.dtype == torch.bool:
        raise InputError(f"target: expected {what}, got {target.dtype}. Convert with target.long()")


def checked_weights(weights: Tensor, logits: Tensor) -> Tensor:
    """(K,) factors of the classes, on the logits' device and in their type. Raises InputError for other shapes, negative ones, NaN."""
    classes = logits.shape[1]
    if weights.shape != (classes,) or not bool(torch.isfinite(weights).all()) or bool((weights < 0).any()):
        raise InputError(f"weights: expected {classes} finite numbers of at least 0, got {weights.tolist()}")
    return weights.to(at_least_single(logits))


def at_least_single(logits: Tensor) -> Tensor:
    """Half precision becomes float32; float32 and float64 stay."""
    return logits if logits.dtype == torch.float64 else logits.float()


def nothing(logits: Tensor) -> Tensor:
    """The loss of a batch in which every pixel is ignored: 0, with gradient 0 everywhere."""
    return torch.nan_to_num(at_least_single(logits), nan=0.0, posinf=0.0, neginf=0.0).sum() * 0.0
