"""Sample photos: those that lie inside the installed scikit-image package; nothing is fetched."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

# name -> (file, title, width, height)
_SAMPLES = {
    "coffee": ("coffee.png", "A cup of coffee", 600, 400),
    "cat": ("chelsea.png", "A cat", 451, 300),
    "astronaut": ("astronaut.png", "An astronaut", 512, 512),
    "rocket": ("rocket.jpg", "A rocket at night", 640, 427),
    "motorcycle": ("motorcycle_left.png", "A motorcycle", 741, 500),
    "coins": ("coins.png", "Coins", 384, 303),
    "cells": ("cell.png", "A cell", 550, 660),
    "stained": ("ihc.png", "Stained tissue", 512, 512),
    "retina": ("retina.jpg", "A retina", 1411, 1411),
    "galaxies": ("hubble_deep_field.jpg", "Galaxies", 1000, 872),
    "page": ("page.png", "A printed page", 384, 191),
}


@cache
def available() -> dict[str, Path]:
    """name -> file, of those that are there."""
    spec = importlib.util.find_spec("skimage")
    if spec is None or not spec.submodule_search_locations:
        return {}
    folder = Path(spec.submodule_search_locations[0]) / "data"
    return {name: folder / row[0] for name, row in _SAMPLES.items() if (folder / row[0]).is_file()}


def listed() -> list[dict[str, Any]]:
    return [
        {"name": name, "title": title, "width": width, "height": height, "url": f"/api/samples/{name}"}
        for name, (_, title, width, height) in _SAMPLES.items()
        if name in available()
    ]
