"""Training's throughput: images a second of our loop against torchvision's reference loop, same network, batch and size.

    python benchmarks/training.py [--network enet kontur_lite] [--batch 8] [--size 256 320] [--steps 8] [--rounds 5] [--threads 2]

Needs the extra `train` and CamVid (../shared/data or KONTUR_DATA). The reference is the loop of torchvision's
references/segmentation, written anew from its definition: a DataLoader over PIL images that are decoded, scaled by 0.5 to 2, flipped,
cropped and normalised one by one; cross-entropy of the output; SGD with momentum; the rate falls by poly each step; the loss is read
at each step. Ours is `kontur.training.fit` with the same of everything, and its own report of images a second for an epoch after the
first. The two run in turns in one process; medians are compared. Writes benchmarks/training.md.
"""

from __future__ import annotations

import argparse
import csv
import os
import platform
import random
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
import torchvision.transforms.functional as F
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import InterpolationMode

from kontur.core.files import atomic_write
from kontur.networks import build
from kontur.training import fit
from kontur.training.recipe import parse_recipe

HERE = Path(__file__).resolve().parent
DATA = Path(os.environ.get("KONTUR_DATA", HERE.parents[1] / "shared" / "data"))
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
BOUND = 0.95


class ReferenceSet(Dataset):
    """torchvision's training preset: random scale, flip, padded crop, tensor, normalise; the mask by the nearest pixel."""

    def __init__(self, root: Path, size: tuple[int, int]) -> None:
        self.files = sorted((root / "train").iterdir())
        self.masks, self.size = root / "trainannot", size

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        image = Image.open(self.files[index]).convert("RGB")
        mask = Image.open(self.masks / f"{self.files[index].stem}.png")
        scale = random.uniform(0.5, 2.0)
        size = [max(1, round(side * scale)) for side in (image.height, image.width)]
        image = F.resize(image, size)
        mask = F.resize(mask, size, interpolation=InterpolationMode.NEAREST)
        if random.random() < 0.5:
            image, mask = F.hflip(image), F.hflip(mask)
        high, wide = self.size
        padding = [0, 0, max(0, wide - image.width), max(0, high - image.height)]
        image, mask = F.pad(image, padding), F.pad(mask, padding, fill=11)
        top, left = random.randint(0, image.height - high), random.randint(0, image.width - wide)
        image, mask = F.crop(image, top, left, high, wide), F.crop(mask, top, left, high, wide)
        pixels = F.normalize(F.convert_image_dtype(F.pil_to_tensor(image), torch.float), MEAN, STD)
        return pixels, F.pil_to_tensor(mask)[0].long()


def reference(network: nn.Module, loader: DataLoader, steps: int) -> float:
    """Images a second of the second of two epochs."""
    optimiser = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.PolynomialLR(optimiser, total_iters=2 * steps, power=0.9)
    network.train()
    speed = 0.0
    for _ in range(2):
        began, images, losses = time.perf_counter(), 0, []
        for image, target in loader:
            output = network(image)
            loss = nn.functional.cross_entropy(output.logits, target, ignore_index=11)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            losses.append(loss.item())
            images += len(image)
        speed = images / (time.perf_counter() - began)
    return speed


def ours(name: str, root: Path, chosen: Any, folder: Path, channels_last: bool) -> float:
    """Images a second of the second of two epochs, as metrics.csv has it."""
    recipe = parse_recipe(
        {
            "name": "benchmark",
            "data": {"set": "camvid", "root": str(root), "train": ["train"], "val": ""},
            "network": {"name": name},
            "stages": [{"epochs": 2, "batch": chosen.batch, "crop": chosen.size}],
            "optimiser": {"name": "sgd", "rate": 0.01, "weight_decay": 1e-4},
            "run": {"threads": chosen.threads, "device": "cpu", "channels_last": channels_last},
        }
    )
    fit(recipe, folder)
    with (folder / "metrics.csv").open(newline="") as file:
        return float(list(csv.DictReader(file))[-1]["images_per_second"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", nargs="+", default=["enet", "kontur_lite"])
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--size", type=int, nargs=2, default=[256, 320], metavar=("H", "W"))
    parser.add_argument("--steps", type=int, default=8, help="of an epoch")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    lines = [
        "# Training\n",
        f"Images a second, batch {chosen.batch} of {chosen.size[0]}x{chosen.size[1]}, CamVid, {chosen.threads} threads, medians of "
        f"{chosen.rounds} runs in turns in one process; PyTorch {torch.__version__}, {platform.machine()}. Bound: {BOUND} of the reference.",
        "Made by `benchmarks/training.py`.\n",
        "| network | ours | ours, contiguous | torchvision's loop | ratio of medians | median of ratios | contiguous, ratio |",
        "|---|---|---|---|---|---|---|",
    ]
    print("\n".join(lines), flush=True)
    with tempfile.TemporaryDirectory() as place:
        root = Path(place) / "camvid"
        for kind in ("train", "trainannot"):
            (root / kind).mkdir(parents=True)
            for file in sorted((DATA / "camvid" / kind).iterdir())[: chosen.batch * chosen.steps]:
                shutil.copy(file, root / kind / file.name)
        loader = DataLoader(ReferenceSet(root, tuple(chosen.size)), chosen.batch, shuffle=True, drop_last=True)
        for name in chosen.network:
            speeds: list[list[float]] = [[], [], []]
            for number in range(chosen.rounds):
                runs = Path(place) / name
                speeds[0].append(ours(name, root, chosen, runs / f"last{number}", True))
                speeds[2].append(reference(build(name, 11), loader, chosen.steps))
                speeds[1].append(ours(name, root, chosen, runs / f"contiguous{number}", False))
            last, contiguous, other = (statistics.median(s) for s in speeds)
            ratio = statistics.median(a / b for a, b in zip(speeds[0], speeds[2], strict=True))
            lines.append(
                f"| {name} | {last:.2f} | {contiguous:.2f} | {other:.2f} | {last / other:.2f} | {ratio:.2f} | {contiguous / other:.2f} |"
            )
            print(lines[-1], flush=True)
    atomic_write(HERE / "training.md", ("\n".join(lines) + "\n").encode())


if __name__ == "__main__":
    main()
