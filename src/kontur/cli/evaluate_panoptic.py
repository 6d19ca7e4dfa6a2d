"""`kontur evaluate panoptic`: panoptic quality of COCO panoptic files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import screen
from .evaluate_common import (
    AllowMissingOption,
    BootstrapOption,
    CsvOption,
    ForceOption,
    JobsOption,
    JsonOption,
    Outputs,
    WorstOption,
    number,
    progress,
    show_intervals,
    show_missing,
    show_protocol,
    show_worst,
)


def panoptic(
    truth_json: Annotated[Path, typer.Argument(help="COCO panoptic JSON.")],
    prediction_json: Annotated[Path, typer.Argument(help="COCO panoptic JSON of the predictions.")],
    truth_folder: Annotated[
        Path | None, typer.Option(help="Folder of the PNGs.", show_default="the JSON's path without its ending")
    ] = None,
    prediction_folder: Annotated[
        Path | None, typer.Option(help="Folder of the PNGs.", show_default="the JSON's path without its ending")
    ] = None,
    json_file: JsonOption = None,
    csv_file: CsvOption = None,
    worst: WorstOption = 0,
    bootstrap: BootstrapOption = 0,
    allow_missing: AllowMissingOption = False,
    jobs: JobsOption = None,
    force: ForceOption = False,
) -> None:
    """PQ, SQ and RQ for all, things, stuff and each category; PNG ids are R + 256 G + 65536 B."""
    from ..metrics.panoptic_quality import evaluate_panoptic

    outputs = Outputs(json_file, csv_file, force)
    with progress("scoring") as advance:
        result = evaluate_panoptic(
            truth_json,
            prediction_json,
            truth_folder,
            prediction_folder,
            allow_missing=allow_missing,
            csv=csv_file is not None,
            worst=worst,
            bootstrap=bootstrap,
            threads=jobs,
            progress=advance,
        )
    show_missing(result.missing)
    names = result.names or {}
    screen.table(
        ("id", "category", "PQ", "SQ", "RQ"),
        [
            (category, names.get(category, category), number(q.pq), number(q.sq), number(q.rq))
            for category, q in result.per_class.items()
            if q.n
        ],
        title="Categories that occur",
        numbers=(0, 2, 3, 4),
    )
    screen.table(
        ("", "PQ", "SQ", "RQ", "categories"),
        [
            (name, number(q.pq), number(q.sq), number(q.rq), q.n)
            for name, q in (("all", result.all), ("things", result.things), ("stuff", result.stuff))
        ],
        title=f"{result.images} images",
        numbers=(1, 2, 3, 4),
    )
    if result.unknown:
        screen.note(
            f"kontur: {result.unknown} predicted segments are of categories the truth does not list; they match nothing"
        )
    show_intervals(result.intervals or {}, bootstrap)
    if result.per_image is not None:
        show_worst(result.per_image.worst_rows, "pq")
    show_protocol(result.protocol)
    scores = result.to_dict()
    if result.intervals:
        scores["intervals"] = {name: list(ends) for name, ends in result.intervals.items()}
    outputs.write(scores, result.per_image)
