"""`kontur evaluate foreground`: object masks against truth with an unknown band, or soft masks."""

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


def foreground(
    truth_dir: Annotated[Path, typer.Argument(help="Folder of masks: 0 background, 128 unknown, 255 object.")],
    prediction_dir: Annotated[Path, typer.Argument(help="Folder of masks, of `kontur segment` output or soft masks.")],
    soft: Annotated[bool, typer.Option("--soft", help="Predictions are soft masks: MAE and max-F.")] = False,
    json_file: JsonOption = None,
    csv_file: CsvOption = None,
    worst: WorstOption = 0,
    bootstrap: BootstrapOption = 0,
    allow_missing: AllowMissingOption = False,
    jobs: JobsOption = None,
    force: ForceOption = False,
) -> None:
    """Error rate and IoU, the truth's unknown pixels left out; with --soft MAE and max-F."""
    from ..metrics.folders import Resampling, evaluate_foreground

    outputs = Outputs(json_file, csv_file, force)
    with progress("scoring") as advance:
        result = evaluate_foreground(
            truth_dir,
            prediction_dir,
            soft=soft,
            allow_missing=allow_missing,
            keep=Resampling(csv_file is not None, worst, bootstrap),
            threads=jobs,
            progress=advance,
        )
    show_missing(result.missing)
    scores = [(n, number(v) if isinstance(v, float) else v) for n, v in result.values.items()]
    screen.table(("score", "value"), scores, title=f"Foreground, {result.images} images", numbers=(1,))
    show_intervals(result.intervals, bootstrap)
    show_worst(result.per_image.worst_rows, "max-F" if soft else "error rate")
    show_protocol(result.protocol)
    outputs.write(result.to_dict(), result.per_image)
