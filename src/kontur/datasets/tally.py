"""What the check of one annotation file gathers: its findings, and the classes and images that it tells of."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..io.taxonomy import LabelFault
from .report import Finding


@dataclass(eq=False)
class Tally:
    """name: what findings call the file. images: image file -> (H, W) as the file says; None: it does not."""

    name: str = ""
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    images: dict[Path, tuple[int, int] | None] = field(default_factory=dict)
    objects: Counter[str] = field(default_factory=Counter)
    images_with: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    names: dict[int, str] = field(default_factory=dict)

    def found(self, kind: str, value: Any, advice: str, count: int = 1) -> None:
        """Add a finding."""
        value = value if isinstance(value, str | int | float) or value is None else str(value)
        self.findings.append(Finding(self.name, kind, value, count, advice))

    def fault(self, fault: LabelFault, of: str = "") -> None:
        """Add what a reader would stop at, in the reader's words. of: the image it concerns, where known."""
        words = [": ".join(w for w in (fault.place + of, "" if fault.value is None else str(fault.value)) if w)]
        self.found(fault.kind, words[0] or None, fault.text)

    def count(self, label: str, image: str) -> None:
        """Count one object."""
        self.objects[label] += 1
        self.images_with[label].add(image)
