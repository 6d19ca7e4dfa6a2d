"""Loading speed of CamVid training samples beside torchvision's transforms v2, in one process, on one thread.

    decode JPEG and PNG ▸ random scale 0.5-2 ▸ crop 321, padded ▸ flip ▸ normalise ▸ float tensor, int64 target

    python benchmarks/transforms.py [--samples 60] [--rounds 15] [--out benchmarks/transforms.md]

Rounds alternate between the candidates. Milliseconds are of the processor (all is one thread), so that other programs on the
machine count little; the ratio is the median of the rounds'.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torchvision
from PIL import Image as PillowImage
from torchvision import tv_tensors
from torchvision.transforms import v2

import kontur.datasets
from kontur.transforms import IMAGENET_MEAN, IMAGENET_STD, TransformedDataset, training_transforms

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("KONTUR_DATA", ROOT.parent / "shared" / "data")) / "camvid"
VOID = 11


def torchvision_transforms(height: int, width: int) -> v2.Compose:
    fill = {tv_tensors.Image: [round(255 * m) for m in IMAGENET_MEAN], tv_tensors.Mask: VOID}
    return v2.Compose(
        [
            v2.ScaleJitter((height, width), scale_range=(0.5, 2.0), antialias=True),
            v2.RandomCrop(321, pad_if_needed=True, fill=fill),
            v2.RandomHorizontalFlip(0.5),
            v2.ToDtype({tv_tensors.Image: torch.float32, tv_tensors.Mask: torch.int64}, scale=True),
            v2.Normalize(IMAGENET_MEAN, IMAGENET_STD),
        ]
    )


def candidates(count: int) -> dict[str, Callable[[int], object]]:
    scenes = kontur.datasets.open("camvid", DATA, split="train")
    ours = TransformedDataset(scenes, training_transforms(321, ignore=VOID), seed=1)
    images = sorted((DATA / "train").glob("*.jpg"))[:count]
    masks = sorted((DATA / "trainannot").glob("*.png"))[:count]
    height, width = scenes[0].image.shape
    theirs = torchvision_transforms(height, width)

    def with_io(index: int) -> object:
        image = tv_tensors.Image(torchvision.io.decode_image(str(images[index])))
        return theirs(image, tv_tensors.Mask(torchvision.io.decode_image(str(masks[index]))[0]))

    def with_pillow(index: int) -> object:
        image = v2.functional.pil_to_tensor(PillowImage.open(images[index]))
        mask = torch.from_numpy(np.array(PillowImage.open(masks[index])))
        return theirs(tv_tensors.Image(image), tv_tensors.Mask(mask))

    decoded = [scenes[i] for i in range(count)]
    pairs = [
        (
            tv_tensors.Image(torch.from_numpy(s.image.pixels.copy()).permute(2, 0, 1)),
            tv_tensors.Mask(torch.from_numpy(s.target.copy())),
        )
        for s in decoded
    ]
    in_memory = TransformedDataset(decoded, training_transforms(321, ignore=VOID), seed=1)
    return {
        "kontur": lambda i: ours[i],
        "v2, torchvision.io": with_io,
        "v2, Pillow": with_pillow,
        "kontur, decoded": lambda i: in_memory[i],
        "v2, decoded": lambda i: theirs(*pairs[i]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(1)
    functions = candidates(arguments.samples)
    seconds: dict[str, list[float]] = {name: [] for name in functions}
    for load in functions.values():
        load(0)
    for _ in range(arguments.rounds):
        for name, load in functions.items():
            start = time.process_time()
            for index in range(arguments.samples):
                load(index)
            seconds[name].append((time.process_time() - start) / arguments.samples)
    lines = [
        "| CamVid training sample | CPU ms, median | CPU ms, best | its time / kontur's, median |",
        "|---|---|---|---|",
    ]
    for name, times in seconds.items():
        base = seconds["kontur, decoded" if name.endswith("decoded") else "kontur"]
        ratio = np.median(np.array(times) / np.array(base))
        lines.append(f"| {name} | {1e3 * np.median(times):.2f} | {1e3 * min(times):.2f} | {ratio:.2f} |")
    text = "\n".join(lines) + "\n"
    print(text)
    if arguments.out:
        head = f"torch {torch.__version__}, torchvision {torchvision.__version__}, one thread, {arguments.rounds} rounds of "
        arguments.out.write_text(f"{head}{arguments.samples} samples.\n\n{text}")


if __name__ == "__main__":
    main()
