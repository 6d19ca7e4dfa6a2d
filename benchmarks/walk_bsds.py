"""Every method on the 200 BSDS500 test photos: no error, ids in range, areas sum to the image, deterministic.

    python benchmarks/walk_bsds.py [--methods otsu,canny] [--limit N] [--jobs 1] [--split test] [--no-write]

Rows are kept in benchmarks/walk_bsds.csv and .md; a run replaces the rows of the methods it walked, no others.
A method that needs a prompt gets one made from the image's size alone: a box of the middle half if it takes boxes,
otherwise background marks on the border and a disc of radius min(H, W) / 8 in the centre. Times are of one call in one
process with other work possibly going on beside it: for the order of magnitude only.

A method that returns one region on more than 5 % of the photos must say why in its docstring, in a paragraph that
begins "One region"; the table quotes it, and the walk fails without it.
"""

from __future__ import annotations

import argparse
import csv
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as PillowImage

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

from kontur import registry  # noqa: E402
from kontur.core.prompts import Prompts  # noqa: E402
from kontur.core.segmentation import Segmentation  # noqa: E402

DATA = Path(os.environ.get("KONTUR_DATA", ROOT.parent / "shared" / "data"))
TABLE = ROOT / "benchmarks" / "walk_bsds"
TWICE = 20  # every 20th photo is segmented twice


@dataclass(frozen=True)
class Row:
    """One method over all photos. errors: calls that raised or broke a property. one_region: share in percent."""

    method: str
    task: str
    photos: int
    errors: int
    repeated: int
    median_regions: float
    one_region: float
    median_ms: float
    note: str = ""


def centre_prompts(row: registry.Method, shape: tuple[int, int]) -> Prompts | None:
    """The prompt of a method that needs one; None for all others."""
    if not row.needs_prompt:
        return None
    height, width = shape
    if "box" in row.prompts:
        return Prompts.of((width // 4, height // 4, width - width // 4, height - height // 4))
    y, x = np.ogrid[:height, :width]
    marks = np.zeros(shape, np.int32)
    marks[[0, -1]] = 1
    marks[:, [0, -1]] = 1
    marks[(y - height // 2) ** 2 + (x - width // 2) ** 2 <= (min(shape) // 8) ** 2] = 2
    return Prompts.of(scribbles=marks)


def faults(result: Any, shape: tuple[int, int], task: str) -> list[str]:
    """What a result breaks of what every result must keep."""
    if not isinstance(result, Segmentation):
        return [f"expected a Segmentation, got {type(result).__name__}"]
    found = []
    ids = result.ids
    if ids.shape != shape or ids.dtype != np.int32:
        return [f"ids: expected int32 {shape}, got {ids.dtype} {ids.shape}"]
    present = set(np.unique(ids).tolist()) - {0}
    if present != {s.id for s in result.segments} or ids.min() < 0:
        found.append("the segments are not the ids that occur")
    if sum(s.area for s in result.segments) + int((ids == 0).sum()) != ids.size:
        found.append("areas do not sum to the image")
    if task == "foreground" and (result.background != 1 or not present):
        found.append("foreground result without background 1")
    if result.provenance is None:
        found.append("no provenance")
    return found


def load(path: Path) -> np.ndarray:
    with PillowImage.open(path) as photo:
        return np.asarray(photo.convert("RGB"))


def reason(function: Callable[..., Any]) -> str:
    """The docstring's paragraph that begins "One region", on one line."""
    for paragraph in (function.__doc__ or "").split("\n\n"):
        text = " ".join(paragraph.split())
        if text.startswith("One region"):
            return text
    return ""


def walk(name: str, paths: list[Path]) -> Row:
    """Segment every photo by one method and check each result."""
    row = registry.get(name)
    function = row.load()
    regions, milliseconds, errors, repeated = [], [], [], 0
    for index, path in enumerate(paths):
        photo = load(path)
        prompts = centre_prompts(row, photo.shape[:2])
        arguments = (photo,) if prompts is None else (photo, prompts)
        try:
            if index == 0:
                function(*arguments)  # compiles and loads
            started = time.perf_counter()
            result = function(*arguments)
            milliseconds.append(1000 * (time.perf_counter() - started))
            found = faults(result, photo.shape[:2], row.task)
            if index % TWICE == 0 and not found:
                repeated += 1
                if not np.array_equal(function(*arguments).ids, result.ids):
                    found.append("two runs differ")
            regions.append(len(result.segments))
        except Exception as error:  # the table counts them; the walk goes on
            found = [f"{type(error).__name__}: {error}"]
        if found:
            errors.append(f"{name} {path.name}: {'; '.join(found)}")
    for line in errors[:5]:
        print(line, file=sys.stderr)
    share = 100 * sum(count == 1 for count in regions) / max(1, len(regions))
    note = reason(function) if share > 5 else ""
    if share > 5 and not note:
        note = "NO REASON STATED"
    return Row(
        name, row.task, len(paths), len(errors), repeated,
        statistics.median(regions) if regions else 0, round(share, 1),
        round(statistics.median(milliseconds), 1) if milliseconds else 0, note,
    )  # fmt: skip


def built(names: list[str]) -> Iterator[str]:
    """The names whose module exists and imports; the others are named on the screen."""
    for name in names:
        try:
            registry.get(name).load()
            yield name
        except (ImportError, AttributeError, SyntaxError, TypeError) as error:
            print(f"left out {name}: {error}", file=sys.stderr)


def read_rows() -> dict[str, Row]:
    path = TABLE.with_suffix(".csv")
    if not path.exists():
        return {}
    kinds = {"str": str, "int": int, "float": float}
    with path.open(newline="") as file:
        return {
            r["method"]: Row(**{f.name: kinds[str(f.type)](r[f.name]) for f in fields(Row)})
            for r in csv.DictReader(file)
        }


def write_rows(rows: dict[str, Row]) -> None:
    """The CSV and the Markdown table, in the registry's order."""
    ordered = [rows[name] for name in registry.METHODS if name in rows]
    with TABLE.with_suffix(".csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, [f.name for f in fields(Row)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(r) for r in ordered)
    lines = [
        "# Every method on the BSDS500 test photos",
        "",
        "Made by `python benchmarks/walk_bsds.py`. errors: calls that raised, or gave wrong ids, areas or second run.",
        "repeated: photos segmented twice with equal results. ms: median of one call, for the order of magnitude only.",
        "",
        "| method | task | photos | errors | repeated | median regions | one region, % of photos | ms |",
        "|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    for r in ordered:
        numbers = f"{r.photos} | {r.errors} | {r.repeated} | {r.median_regions:g} | {r.one_region:g} | {r.median_ms:g}"
        lines.append(f"| {r.method} | {r.task} | {numbers} |")
    notes = [f"- **{r.method}**: {r.note}" for r in ordered if r.note]
    if notes:
        lines += ["", "One region on more than 5 % of the photos, and why:", "", *notes]
    TABLE.with_suffix(".md").write_text("\n".join(lines) + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", help="names with commas between; by default all of the registry")
    parser.add_argument("--limit", type=int, help="only the first N photos")
    parser.add_argument("--jobs", type=int, default=1, help="methods walked at the same time")
    parser.add_argument("--split", default="test", choices=("train", "val", "test"))
    parser.add_argument("--no-write", action="store_true", help="print, keep the table as it is")
    given = parser.parse_args()
    paths = sorted((DATA / "bsds500" / "images" / given.split).glob("*.jpg"))[: given.limit]
    if not paths:
        print(f"no photos in {DATA.name}/bsds500/images/{given.split}; set KONTUR_DATA", file=sys.stderr)
        return 2
    names = list(built(given.methods.split(",") if given.methods else list(registry.METHODS)))
    write = not given.no_write and given.limit is None and given.split == "test"
    failed = 0
    with ProcessPoolExecutor(given.jobs) as pool:
        for row in pool.map(walk, names, [paths] * len(names)):
            print(
                f"{row.method:28} photos {row.photos:4}  errors {row.errors:3}  regions {row.median_regions:7g}  "
                f"one {row.one_region:5g} %  {row.median_ms:8g} ms  {row.note}",
                flush=True,
            )
            failed += row.errors > 0 or row.note == "NO REASON STATED"
            if write:  # after every method, with what other walks have written meanwhile
                write_rows(read_rows() | {row.method: row})
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
