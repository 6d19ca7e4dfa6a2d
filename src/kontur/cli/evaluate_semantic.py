"""`kontur evaluate semantic`: one class id a pixel, scored by one confusion matrix over all images."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from ..core.errors import OptionError, OutputError
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


def semantic(
    truth_dir: Annotated[Path, typer.Argument(help="Folder of label files: one class id a pixel, PNG or TIFF.")],
    prediction_dir: Annotated[Path, typer.Argument(help="Folder of label files, or of `kontur segment` output.")],
    classes: Annotated[int | None, typer.Option(help="Number of classes; ids are 0..K-1.")] = None,
    ignore: Annotated[
        str | None, typer.Option(help="Truth value to leave out, or none.", show_default="255, or the taxonomy's")
    ] = None,
    taxonomy: Annotated[
        Path | None, typer.Option(help="JSON with the categories' ids and names, and the ignore id.")
    ] = None,
    matrix: Annotated[bool, typer.Option("--matrix", help="Print the confusion matrix.")] = False,
    figure: Annotated[Path | None, typer.Option(help="Write the confusion matrix as a PNG picture.")] = None,
    json_file: JsonOption = None,
    csv_file: CsvOption = None,
    worst: WorstOption = 0,
    bootstrap: BootstrapOption = 0,
    allow_missing: AllowMissingOption = False,
    jobs: JobsOption = None,
    force: ForceOption = False,
) -> None:
    """Pixel accuracy, IoU, Dice and their kin from one confusion matrix; files are paired by relative name."""
    from ..io.taxonomy import read_taxonomy
    from ..metrics.confusion import evaluate_semantic

    outputs = Outputs(json_file, csv_file, force)
    if figure is not None and figure.exists() and not force:
        raise OutputError(f"{figure}: exists already. Use --force to overwrite")
    categories = read_taxonomy(taxonomy) if taxonomy else None
    if categories is not None and ignore is not None:
        categories = replace(categories, ignore=_ignore(ignore))
    with progress("scoring") as advance:
        result = evaluate_semantic(
            truth_dir,
            prediction_dir,
            classes,
            _ignore(ignore),
            taxonomy=categories,
            allow_missing=allow_missing,
            csv=csv_file is not None,
            worst=worst,
            bootstrap=bootstrap,
            threads=jobs,
            progress=advance,
        )
    show_missing(result.missing)
    scores = result.scores
    columns = ("iou", "accuracy", "precision", "recall", "dice")
    screen.table(
        ("id", "class", *columns),
        [
            (category, name, *(number(float(getattr(scores, column)[row])) for column in columns))
            for row, (category, name) in enumerate(zip(result.ids, result.names))
        ],
        numbers=(0, 2, 3, 4, 5, 6),
    )
    screen.table(
        ("images", "pixel accuracy", "mean accuracy", "mean IoU", "frequency-weighted IoU"),
        [
            (
                result.images,
                number(scores.pixel_accuracy),
                number(scores.mean_accuracy),
                number(scores.mean_iou),
                number(scores.frequency_weighted_iou),
            )
        ],
        numbers=range(5),
    )
    if matrix:
        screen.say(scores.table(result.names))
    missed = int(scores.unpredicted.sum())
    if missed:
        screen.note(f"kontur: {missed} pixels are predicted as no class; they are counted as misses")
    show_intervals(result.intervals, bootstrap)
    show_worst(result.per_image.worst_rows, "mean_iou")
    show_protocol(result.protocol)
    outputs.write(_with_intervals(result.to_dict(), result.intervals), result.per_image)
    if figure is not None:
        from ..io.pictures import write_picture

        write_picture(figure, scores.figure(result.names))


def _ignore(text: str | None) -> int | None:
    if text is None:
        return 255
    if text.lower() == "none":
        return None
    try:
        return int(text)
    except ValueError:
        raise OptionError(f"--ignore: expected a whole number or none, got {text!r}") from None


def _with_intervals(scores: dict, intervals: dict[str, tuple[float, float]]) -> dict:
    """The JSON holds the intervals only where they were asked for."""
    return {**scores, "intervals": {k: list(v) for k, v in intervals.items()}} if intervals else scores
