"""`kontur evaluate boundaries`: how well the outlines of masks are met."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..core.errors import OptionError
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


def boundaries(
    truth_dir: Annotated[Path, typer.Argument(help="Folder of masks; non-zero pixels are the object.")],
    prediction_dir: Annotated[Path, typer.Argument(help="Folder of masks, or of `kontur segment` output.")],
    ratio: Annotated[float, typer.Option(help="Width of Boundary IoU's band, as a share of the diagonal.")] = 0.02,
    widths: Annotated[str, typer.Option(help="Widths of the trimaps in pixels, with commas.")] = "1,2,4,8",
    each_label: Annotated[bool, typer.Option("--each-label", help="Every non-zero value is one object.")] = False,
    json_file: JsonOption = None,
    csv_file: CsvOption = None,
    worst: WorstOption = 0,
    bootstrap: BootstrapOption = 0,
    allow_missing: AllowMissingOption = False,
    jobs: JobsOption = None,
    force: ForceOption = False,
) -> None:
    """Boundary IoU, DAVIS J and F, trimap IoU, Hausdorff 95 and average surface distance: means over images."""
    from ..metrics.folders import Resampling, evaluate_boundaries

    try:
        bands = [int(w) for w in widths.split(",")]
    except ValueError:
        raise OptionError(f"--widths: expected whole numbers with commas, such as 1,2,4, got {widths!r}") from None
    outputs = Outputs(json_file, csv_file, force)
    with progress("scoring") as advance:
        result = evaluate_boundaries(
            truth_dir,
            prediction_dir,
            ratio=ratio,
            widths=bands,
            each_label=each_label,
            allow_missing=allow_missing,
            keep=Resampling(csv_file is not None, worst, bootstrap),
            threads=jobs,
            progress=advance,
        )
    show_missing(result.missing)
    scores = [(n, number(v) if isinstance(v, float) else v) for n, v in result.values.items() if n != "trimap_iou"]
    scores += [(f"trimap_iou within {w}", number(v)) for w, v in result.trimap_iou.items()]
    screen.table(("score", "value"), scores, title=f"Boundaries, {result.images} images", numbers=(1,))
    show_intervals(result.intervals, bootstrap)
    show_worst(result.per_image.worst_rows, "Boundary IoU")
    show_protocol(result.protocol)
    outputs.write(result.to_dict(), result.per_image)
