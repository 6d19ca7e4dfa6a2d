"""`kontur evaluate contours`: boundary maps, or the outlines of label maps, against human drawings."""

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


def contours(
    truth_dir: Annotated[Path, typer.Argument(help="Folder of BSDS .mat files, or of label images.")],
    prediction_dir: Annotated[Path, typer.Argument(help="Folder of boundary maps (grey, .npy) or of label maps.")],
    thresholds: Annotated[int, typer.Option(min=1, max=10_000, help="How many thresholds, i / (n + 1).")] = 99,
    tolerance: Annotated[
        float, typer.Option(help="How far boundaries may lie apart, as a share of the diagonal.")
    ] = 0.0075,
    thin: Annotated[bool, typer.Option(help="Thin predictions to lines one pixel wide first.")] = True,
    labels: Annotated[bool, typer.Option("--labels", help="Predictions are label images, not boundary maps.")] = False,
    json_file: JsonOption = None,
    csv_file: CsvOption = None,
    worst: WorstOption = 0,
    bootstrap: BootstrapOption = 0,
    allow_missing: AllowMissingOption = False,
    jobs: JobsOption = None,
    force: ForceOption = False,
) -> None:
    """Boundary precision, recall, F (ODS, OIS, AP) as BSDS500 defines them; of label maps also covering, PRI, VI."""
    from ..metrics.folders import Resampling, evaluate_contours

    outputs = Outputs(json_file, csv_file, force)
    with progress("scoring") as advance:
        result = evaluate_contours(
            truth_dir,
            prediction_dir,
            thresholds=thresholds,
            tolerance=tolerance,
            thinned=thin,
            labels=labels,
            allow_missing=allow_missing,
            keep=Resampling(csv_file is not None, worst, bootstrap),
            threads=jobs,
            progress=advance,
        )
    show_missing(result.missing)
    scores = [(name, number(value)) for name, value in result.values.items() if isinstance(value, float)]
    screen.table(("score", "value"), scores, title=f"Contours, {result.images} images", numbers=(1,))
    show_intervals(result.intervals, bootstrap)
    show_worst(result.per_image.worst_rows, "F")
    show_protocol(result.protocol)
    outputs.write(result.to_dict(), result.per_image)
