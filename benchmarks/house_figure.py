"""Draw the rooms of src/kontur and the imports between them, from the code: docs/figures/architecture.png.

    python benchmarks/house_figure.py

Each box is a folder (or file) with its number of files and lines; an arrow is at least one import, thicker where there are many.
Every arrow runs down: from a room to one that knows less. The script fails if one does not. Every room imports core; those arrows are
left out.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from PIL import Image, ImageDraw

import house
from kontur.draw.overlay import font

LAYERS = (
    ("cli", "web"),
    ("api", "training"),
    ("compare", "files"),
    ("registry",),
    ("hub", "interactive", "classical", "inference"),
    ("losses", "networks", "transforms", "datasets", "graph"),
    ("metrics", "draw", "degrade", "superpixels"),
    ("io",),
    ("core", "kernels"),
)
COLOURS = {
    "see": (222, 235, 247), "cut": (226, 240, 217), "learn": (252, 228, 214), "measure": (255, 242, 204), "base": (237, 237, 237)
}  # fmt: skip
KIND = {
    "cli": "see", "web": "see", "draw": "see", "api": "see", "files": "see",
    "registry": "cut", "classical": "cut", "interactive": "cut", "graph": "cut", "superpixels": "cut", "inference": "cut", "hub": "cut",
    "training": "learn", "losses": "learn", "networks": "learn", "transforms": "learn", "datasets": "learn",
    "metrics": "measure", "compare": "measure", "degrade": "measure",
}  # fmt: skip
SCALE, WIDE, HIGH, ROW, SIDE = 2, 150, 46, 96, 1180


def room(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def main() -> None:
    arrows: Counter[tuple[str, str]] = Counter()
    for source, targets in house.arrows(house.ROOT).items():
        for target in targets:
            arrows[room(source), room(target)] += 1
    files: Counter[str] = Counter()
    lines: Counter[str] = Counter()
    for path in house.sources(house.ROOT):
        name = room(house.module(path, house.ROOT))
        files[name] += 1
        lines[name] += len(path.read_text(encoding="utf-8").splitlines())
    height = 30 + ROW * len(LAYERS)
    picture = Image.new("RGB", (SIDE * SCALE, height * SCALE), "white")
    pen = ImageDraw.Draw(picture)
    place = {
        name: (SIDE * (number + 1) / (len(layer) + 1), 20 + ROW * depth + HIGH / 2)
        for depth, layer in enumerate(LAYERS)
        for number, name in enumerate(layer)
    }
    depth = {name: number for number, layer in enumerate(LAYERS) for name in layer}
    for (source, target), count in arrows.items():
        if source == target or source not in place or target not in place or target == "core":
            continue
        if depth[source] > depth[target]:
            raise SystemExit(f"{source} imports {target}, which lies above it")
        shade = 205 - min(90, 6 * count)
        (x0, y0), (x1, y1) = place[source], place[target]
        y0, y1 = (y0 + HIGH / 2, y1 - HIGH / 2) if y0 < y1 else (y0, y1)
        pen.line(
            [v * SCALE for v in (x0, y0, x1, y1)], fill=(shade, shade, shade), width=SCALE * (1 + min(3, count // 8))
        )
        pen.ellipse([v * SCALE for v in (x1 - 2.5, y1 - 2.5, x1 + 2.5, y1 + 2.5)], fill=(120, 120, 120))
    for name, (x, y) in place.items():
        box = [v * SCALE for v in (x - WIDE / 2, y - HIGH / 2, x + WIDE / 2, y + HIGH / 2)]
        pen.rounded_rectangle(
            box, 8 * SCALE, fill=COLOURS[KIND.get(name, "base")], outline=(110, 110, 110), width=SCALE
        )
        pen.text((x * SCALE, (y - 8) * SCALE), name, fill="black", font=font(15 * SCALE), anchor="mm")
        said = f"{files[name]} files, {lines[name]:,} lines" if files[name] > 1 else f"{lines[name]:,} lines"
        pen.text((x * SCALE, (y + 11) * SCALE), said, fill=(80, 80, 80), font=font(11 * SCALE), anchor="mm")
    target = house.ROOT / "docs" / "figures" / "architecture.png"
    picture.resize((SIDE, height), Image.Resampling.LANCZOS).quantize(64).save(target, optimize=True)
    print(target.relative_to(Path.cwd()) if target.is_relative_to(Path.cwd()) else target.name)


if __name__ == "__main__":
    main()
