"""`kontur evaluate instances`: COCO's twelve numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import screen
from .evaluate_common import (
    BootstrapOption,
    CsvOption,
    ForceOption,
    JsonOption,
    Outputs,
    WorstOption,
    number,
    progress,
    show_intervals,
    show_protocol,
    show_worst,
)


def instances(
    truth_json: Annotated[Path, typer.Argument(help="COCO annotation file.")],
    prediction_json: Annotated[
        Path, typer.Argument(help="COCO results list (by image id), or COCO file with scores (by file name).")
    ],
    box: Annotated[bool, typer.Option("--box", help="Compare boxes instead of masks.")] = False,
    max_detections: Annotated[
        int, typer.Option(min=1, help="Best detections of an image and category that count.")
    ] = 100,
    json_file: JsonOption = None,
    csv_file: CsvOption = None,
    worst: WorstOption = 0,
    bootstrap: BootstrapOption = 0,
    force: ForceOption = False,
) -> None:
    """Average precision and recall of masks or boxes, equal to pycocotools."""
    from ..metrics.average_precision import TOTALS, evaluate_instances

    outputs = Outputs(json_file, csv_file, force)
    with progress("scoring") as advance:
        result = evaluate_instances(
            truth_json,
            prediction_json,
            "bbox" if box else "segm",
            max_detections,
            csv=csv_file is not None,
            worst=worst,
            bootstrap=bootstrap,
            progress=advance,
        )
    screen.table(
        ("id", "category", "AP"),
        [(category, result.names.get(category, category), number(ap)) for category, ap in result.per_category.items()],
        numbers=(0, 2),
    )
    screen.table(
        ("images", *TOTALS),
        [(result.images, *(number(getattr(result, name)) for name in TOTALS))],
        numbers=range(13),
    )
    if result.unknown:
        screen.note(
            f"kontur: {result.unknown} detections are of categories the truth does not list; they match nothing"
        )
    for note in result.notes:
        screen.note(f"kontur: {note}")
    show_intervals(result.intervals, bootstrap)
    show_worst(result.per_image.worst_rows, "f1_50")
    show_protocol(result.protocol)
    scores = result.to_dict()
    if result.intervals:
        scores["intervals"] = {name: list(ends) for name, ends in result.intervals.items()}
    outputs.write(scores, result.per_image)
