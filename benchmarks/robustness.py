"""Eight classical methods on 50 BSDS500 photos under six kinds of noise: covering of the human regions.

    python benchmarks/robustness.py [--photos 50] [--jobs 1]      half an hour on a busy machine
    python benchmarks/robustness.py --from OUT/robustness.json    only the table and figure, of an earlier run

Writes benchmarks/robustness.csv, benchmarks/robustness.md and docs/figures/robustness.png. The data are looked for in
$KONTUR_DATA or ../shared/data; the run is the same as
`kontur robustness --methods .. --data bsds500 --split val --limit 50`.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

import numpy as np

from kontur.compare.robustness import Robustness, Row, robustness
from kontur.compare.robustness_figure import draw_robustness
from kontur.compare.robustness_subjects import subjects
from kontur.io.pictures import write_picture
from kontur.metrics import region_scores

HERE = Path(__file__).resolve().parent
DATA = Path(os.environ.get("KONTUR_DATA", HERE.parents[1] / "shared" / "data"))
METHODS = (
    "otsu", "kmeans", "split_merge", "canny", "watershed", "felzenszwalb", "region_merging", "normalized_cut",
)  # fmt: skip


def measured(photos: int, jobs: int) -> Robustness:
    found = subjects([str(DATA / "bsds500")], split="val", limit=photos)
    return robustness(METHODS, found, jobs=jobs)


def kept(path: Path) -> Robustness:
    table = json.loads(path.read_text())
    return Robustness(table["protocol"], table["score"], tuple(Row(**row) for row in table["rows"]))


def undivided(photos: int) -> float:
    """Covering of the photo as one region: what knowing nothing scores."""
    found = subjects([str(DATA / "bsds500")], split="val", limit=photos)
    truths = [subject.load()[1] for subject in found]
    return sum(region_scores(np.ones(t[0].shape, int), t).covering for t in truths) / len(truths)


def markdown(table: Robustness, baseline: float) -> str:
    images = table.rows[0].images
    error = max(row.error or 0 for row in table.rows)
    lines = [
        f"# Covering against noise: {len(table.methods)} methods, {images} BSDS500 photos",
        "",
        f"Made by `python benchmarks/robustness.py` (validation set, the first {images} by name). {table.protocol}.",
        f"The whole photo as one region would score {baseline:.3f}; read the numbers against that.",
        f"Standard errors over photos are at most {error:.3f}; `robustness.csv` has each, and the mean number of regions.",
    ]
    for kind in table.kinds:
        rows = table.of(table.methods[0], kind)
        heads = [f"{row.strength:g}" for row in rows]
        lines += ["", f"## {kind.replace('_', ' ')}: {rows[0].option}", ""]
        lines += [f"| method | clean | {' | '.join(heads)} |", f"|---|--:|{'--:|' * len(heads)}"]
        for method in table.methods:
            values = [f"{row.mean:.3f}" for row in (table.clean(method), *table.of(method, kind))]
            lines.append(f"| {method} | {' | '.join(values)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=50)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--from", dest="json", type=Path)
    given = parser.parse_args()
    table = kept(given.json) if given.json else measured(given.photos, given.jobs)
    (HERE / "robustness.csv").write_bytes(table.csv())
    text = markdown(table, undivided(table.rows[0].images))
    (HERE / "robustness.md").write_text(text)
    write_picture(HERE.parent / "docs" / "figures" / "robustness.png", draw_robustness(table))
    print(text)


if __name__ == "__main__":
    main()
