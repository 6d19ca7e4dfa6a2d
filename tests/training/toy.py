"""A data set small enough to learn in seconds: bright squares and dark discs on grey, and recipes for it."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn

from kontur.networks import catalogue
from kontur.networks.network import Network
from kontur.training.recipe import Recipe, parse_recipe

CLASSES = ("ground", "square", "disc")


def scene(number: int, size: tuple[int, int] = (48, 64)) -> tuple[np.ndarray, np.ndarray]:
    """An RGB picture and its mask: 0 ground, 1 a bright square, 2 a dark disc, 255 a strip at the top that does not count."""
    random = np.random.default_rng(number)
    mask = np.zeros(size, np.uint8)
    rows, columns = np.indices(size)
    side = int(random.integers(10, 18))
    y, x = int(random.integers(4, size[0] - side)), int(random.integers(0, size[1] // 2 - side))
    mask[y : y + side, x : x + side] = 1
    radius = int(random.integers(6, 11))
    cy, cx = (
        int(random.integers(radius + 3, size[0] - radius)),
        int(random.integers(size[1] // 2 + radius, size[1] - radius)),
    )
    mask[(rows - cy) ** 2 + (columns - cx) ** 2 <= radius**2] = 2
    grey = np.choose(mask, [120, 220, 40])
    picture = np.clip(grey[..., None] + random.normal(0, 8, (*size, 3)), 0, 255).astype(np.uint8)
    mask[:2] = 255
    return picture, mask


def data_set(root: Path, train: int = 8, val: int = 2, test: int = 2, size: tuple[int, int] = (48, 64)) -> Path:
    """images/{train,val,test}, masks/{train,val,test} and classes.txt."""
    number = 0
    for split, count in (("train", train), ("val", val), ("test", test)):
        for _ in range(count):
            picture, mask = scene(number, size)
            for kind, pixels in (("images", picture), ("masks", mask)):
                folder = root / kind / split
                folder.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(folder / f"scene{number:02d}.png")
            number += 1
    (root / "classes.txt").write_text("\n".join(CLASSES) + "\n")
    return root


def content(root: Path, **tables: Any) -> dict[str, Any]:
    """The content of a recipe for `data_set(root)`: ENet, 2 epochs of 4 steps. tables: merged into it, a table at a time."""
    base: dict[str, Any] = {
        "name": "toy",
        "data": {"set": "folder", "root": str(root), "terms": "drawn by a test"},
        "network": {"name": "enet"},
        "stages": [{"epochs": 2, "batch": 2, "crop": [32, 32], "scales": [0.8, 1.2]}],
        "optimiser": {"rate": 5e-3},
        "validation": {"samples": 0},
        "run": {"threads": 1, "device": "cpu"},
    }
    for key, value in tables.items():
        base[key] = {**base[key], **value} if isinstance(value, dict) and isinstance(base.get(key), dict) else value
    return base


def recipe(root: Path, **tables: Any) -> Recipe:
    return parse_recipe(content(root, **tables))


def recipe_file(path: Path, root: Path, **tables: Any) -> Path:
    path.write_text(recipe(root, **tables).to_toml())
    return path


def tiny(classes: int, channels: int = 3, *, norm: bool = True, auxiliary: bool = False) -> Network:
    """Two convolutions and a dropout: all that a loop has to carry (weights, statistics, random state), in milliseconds."""
    body: list[nn.Module] = [nn.Conv2d(channels, 8, 5, padding=2)]
    body += [nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout2d(0.2)] if norm else [nn.Tanh()]
    body.append(nn.Conv2d(8, classes, 1))
    return Network(_Twice(body) if auxiliary else nn.Sequential(*body), name="tiny", classes=classes, channels=channels)


class _Twice(nn.Module):
    """The logits and a second, auxiliary head."""

    def __init__(self, body: list[nn.Module]) -> None:
        super().__init__()
        self.body, self.last = nn.Sequential(*body[:-1]), body[-1]
        self.second = nn.Conv2d(8, body[-1].out_channels, 1)

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        feature = self.body(image)
        return self.last(feature), self.second(feature)


def add_tiny(catalogue_: dict[str, Any], modules: dict[str, Any]) -> None:
    """Makes `build("tiny", ..)` work: a row in the table of networks and the module it names."""
    module = types.ModuleType("kontur.networks.tiny")
    module.tiny = tiny
    modules["kontur.networks.tiny"] = module
    catalogue_["tiny"] = catalogue.Entry("tiny", "tiny", "a test", 2026)


def add_tiny_here() -> None:
    """For a process of its own."""
    add_tiny(catalogue.CATALOGUE, sys.modules)
