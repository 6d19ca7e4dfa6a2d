"""Draw each of the nine upsamplings on the same small array, its values written in, as one PNG.

    python examples/plot_upsampling.py [docs/figures/upsampling.png]

Needs the extra `train` (PyTorch) and Pillow. The learned ones have the weights they are given below, so that the numbers can be
followed by hand.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw, ImageFont

from kontur.networks.upsampling import UPSAMPLINGS, upsampling

SMALL = torch.tensor([[[[0.0, 4.0], [8.0, 12.0]]]])
# What a 2x2 max pooling of a 4x4 array kept as the places of its maxima, for the unpooling by indices.
INDICES = torch.tensor([[[[4, 7], [9, 14]]]])
CELL, GAP, TITLE = 44, 26, 26


def enlarged(name: str) -> torch.Tensor:
    """(4, 4): SMALL made twice as large."""
    module = upsampling(name, 1)
    with torch.no_grad():
        if name == "pixel_shuffle":  # the four channels are 1, 1/2, 1/2 and 1/4 of the pixel
            module.expand.weight.zero_()
            module.expand.weight[:, 0, 1, 1] = torch.tensor([1.0, 0.5, 0.5, 0.25])
            module.expand.bias.zero_()
        if name == "dupsampling":  # a patch that falls to the right
            module.patch.weight.copy_(torch.tensor([1.0, 0.75, 1.0, 0.75]).reshape(4, 1, 1, 1))
        if name == "carafe":  # all 25 weights alike: the mean of the window, zeros outside
            module.predict.weight.zero_()
            module.predict.bias.zero_()
        return module(SMALL, INDICES)[0, 0]


def panel(draw: ImageDraw.ImageDraw, corner: tuple[int, int], title: str, values: torch.Tensor) -> None:
    """One array as coloured cells with their values; blue below 0, then from white to orange."""
    left, top = corner
    draw.text((left, top), title, fill="black", font=ImageFont.load_default(14))
    for row, line in enumerate(values.tolist()):
        for column, value in enumerate(line):
            share = min(max(value / 12, -1.0), 1.0)
            warm = (255, int(255 - 120 * share), int(255 - 215 * share))
            colour = warm if share >= 0 else (int(255 + 160 * share), int(255 + 110 * share), 255)
            x, y = left + column * CELL, top + TITLE + row * CELL
            draw.rectangle([x, y, x + CELL, y + CELL], fill=colour, outline=(120, 120, 120))
            text = f"{value:.2f}".rstrip("0").rstrip(".") if abs(value) > 0.004 else "0"
            draw.text((x + CELL / 2, y + CELL / 2), text, fill="black", anchor="mm", font=ImageFont.load_default(13))


def main() -> None:
    path = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/figures/upsampling.png")
    width, height = 4 * CELL + GAP, 4 * CELL + TITLE + GAP
    picture = Image.new("RGB", (5 * width + GAP, 2 * height + GAP), "white")
    draw = ImageDraw.Draw(picture)
    panel(draw, (GAP, GAP), "the array", SMALL[0, 0])
    for number, name in enumerate(UPSAMPLINGS, start=1):
        panel(draw, (GAP + number % 5 * width, GAP + number // 5 * height), name, enlarged(name))
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, optimize=True)
    print(path)


if __name__ == "__main__":
    torch.manual_seed(0)
    assert torch.equal(F.interpolate(SMALL, scale_factor=2.0), enlarged("nearest")[None, None])
    main()
