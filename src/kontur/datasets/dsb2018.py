"""Data Science Bowl 2018, stage 1: nuclei in microscopy of many kinds.

    {train,val,test}/<name>.png|jpg             grey or RGB: 455 / 64 / 66
    annotations/instances_{train,val,test}.json COCO JSON, one mask (runs) a nucleus: 25,362

Paper: Caicedo et al., Nature Methods 16, 2019 (BBBC038), with the corrected masks and this split of 585 images.
"""

from __future__ import annotations

from pathlib import Path

from .coco import instance_layout, instance_sources
from .sample import Layout, existing

COMPLETE = {"train": 455, "val": 64, "test": 66}


def dsb2018(root: str | Path) -> Layout:
    """Nuclei as `Instances`. Raises UnreadableFile for a folder without the layout."""
    return instance_layout("dsb2018", existing(root), instance_sources(existing(root)), complete=COMPLETE)
