"""What `nuclei` finds in scikit-image's sample photos, and what `zoom` is for: docs/figures/nuclei.png.

    python benchmarks/nuclei_gallery.py [--output FILE.png]

Three photos, each as it is, with the default zoom, and with the one that suits its objects. None is of the kind it learnt from.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import skimage
from PIL import Image

import kontur
from kontur.draw import draw_objects
from kontur.draw.overlay import photo

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = Path(skimage.__file__).parent / "data"
ROWS = (
    # photo, part (x0, y0, x1, y1), zoom
    ("ihc.png", (232, 180, 512, 390), 3.0),
    ("coins.png", (0, 0, 384, 303), 0.3),
    ("hubble_deep_field.jpg", (400, 0, 800, 300), 1.5),
)
WIDE, GAP = 300, 4


def row(name: str, part: tuple[int, int, int, int], zoom: float) -> np.ndarray:
    """(height, 3 WIDE + 2 GAP, 3)."""
    image = kontur.read_image(SAMPLES / name)
    x0, y0, x1, y1 = part
    image = kontur.Image(np.ascontiguousarray(image.pixels[y0:y1, x0:x1]))
    pictures = [photo(image)]
    for factor in (1.0, zoom):
        found = kontur.segment(image, "nuclei", zoom=factor)
        print(f"{name}: {image.width}x{image.height}, zoom {factor}, {len(found)} objects", flush=True)
        pictures.append(draw_objects(image, found, names=False, scores=False))
    size = (WIDE, round(WIDE * image.height / image.width))
    cells = [np.asarray(Image.fromarray(p).resize(size, Image.Resampling.LANCZOS)) for p in pictures]
    gap = np.full((size[1], GAP, 3), 255, np.uint8)
    return np.hstack([cells[0], gap, cells[1], gap, cells[2]])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "figures" / "nuclei.png")
    options = parser.parse_args()
    rows = [np.pad(row(*one), ((0, GAP), (0, 0), (0, 0)), constant_values=255) for one in ROWS]
    Image.fromarray(np.vstack(rows)).save(options.output, optimize=True)


if __name__ == "__main__":
    main()
