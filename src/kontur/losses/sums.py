"""A weighted sum of losses, as one loss."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor

from ..core.errors import InputError

Loss = Callable[..., Tensor]


def combined(parts: Sequence[tuple[float, Loss]]) -> Loss:
    """A function (logits, target, ignore=255) -> Σ factor·loss.

    >>> loss = combined([(1.0, cross_entropy), (0.5, dice_loss)])  # doctest: +SKIP
    """
    if not parts:
        raise InputError("combined: expected at least one (factor, loss), got none")

    def total(logits: Tensor, target: Tensor, *, ignore: int = 255) -> Tensor:
        terms = [factor * loss(logits, target, ignore=ignore) for factor, loss in parts]
        return sum(terms[1:], start=terms[0])

    return total
