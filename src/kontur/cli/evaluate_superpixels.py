"""`kontur evaluate superpixels`: label maps against true regions, one map or several annotators an image."""

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


def superpixels(
    truth_dir: Annotated[Path, typer.Argument(help="Folder of BSDS .mat files, or of label images.")],
    prediction_dir: Annotated[Path, typer.Argument(help="Folder of superpixel label images.")],
    images: Annotated[
        Path | None, typer.Option(help="Folder of the photos; without it explained variation is left out.")
    ] = None,
    json_file: JsonOption = None,
    csv_file: CsvOption = None,
    worst: WorstOption = 0,
    bootstrap: BootstrapOption = 0,
    allow_missing: AllowMissingOption = False,
    jobs: JobsOption = None,
    force: ForceOption = False,
) -> None:
    """Boundary recall and precision, undersegmentation errors, explained variation, compactness: means over images."""
    from ..metrics.folders import Resampling, evaluate_superpixels

    outputs = Outputs(json_file, csv_file, force)
    with progress("scoring") as advance:
        result = evaluate_superpixels(
            truth_dir,
            prediction_dir,
            images=images,
            allow_missing=allow_missing,
            keep=Resampling(csv_file is not None, worst, bootstrap),
            threads=jobs,
            progress=advance,
        )
    show_missing(result.missing)
    scores = [(name, number(value)) for name, value in result.values.items()]
    screen.table(("score", "value"), scores, title=f"Superpixels, {result.images} images", numbers=(1,))
    show_intervals(result.intervals, bootstrap)
    show_worst(result.per_image.worst_rows, "achievable accuracy")
    show_protocol(result.protocol)
    outputs.write(result.to_dict(), result.per_image)
