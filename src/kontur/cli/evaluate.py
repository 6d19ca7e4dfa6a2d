"""`kontur evaluate`: score predictions against the truth, by the official definitions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..core.errors import OptionError
from .data import ignore_value
from .evaluate_common import Common, command

if TYPE_CHECKING:
    from ..metrics.evaluation import Evaluation
else:
    Evaluation = object  # typer looks the names up; the ruler is imported when it is needed

app = typer.Typer(
    help="Score predictions against the truth, by the official definitions of each field.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def add_to(parent: typer.Typer) -> None:
    parent.add_typer(app, name="evaluate")


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
    *,
    common: Common,
) -> Evaluation:
    """Pixel accuracy, IoU, Dice and their kin from one confusion matrix; files are paired by relative name."""
    from ..io.pictures import write_picture
    from ..io.taxonomy import read_taxonomy
    from ..metrics.semantic import evaluate_semantic

    common.also(figure, lambda path: write_picture(path, result.scores.figure()))
    categories = read_taxonomy(taxonomy) if taxonomy else None
    value = 255 if ignore is None else ignore_value(ignore)
    if categories is not None and ignore is not None:
        categories = replace(categories, ignore=value)
    options = common.walk | common.rows
    result = evaluate_semantic(truth_dir, prediction_dir, classes, value, taxonomy=categories, **options)
    return replace(result, tables=(*result.tables, result.scores.matrix())) if matrix else result


def panoptic(
    truth_json: Annotated[Path, typer.Argument(help="COCO panoptic JSON.")],
    prediction_json: Annotated[Path, typer.Argument(help="COCO panoptic JSON of the predictions.")],
    truth_folder: Annotated[
        Path | None, typer.Option(help="Folder of the PNGs.", show_default="the JSON's path without its ending")
    ] = None,
    prediction_folder: Annotated[
        Path | None, typer.Option(help="Folder of the PNGs.", show_default="the JSON's path without its ending")
    ] = None,
    *,
    common: Common,
) -> Evaluation:
    """PQ, SQ and RQ for all, things, stuff and each category; PNG ids are R + 256 G + 65536 B."""
    from ..metrics.panoptic_files import evaluate_panoptic

    options = common.walk | common.rows
    return evaluate_panoptic(truth_json, prediction_json, truth_folder, prediction_folder, **options)


def instances(
    truth_json: Annotated[Path, typer.Argument(help="COCO annotation file.")],
    prediction_json: Annotated[
        Path, typer.Argument(help="COCO results list (by image id), or COCO file with scores (by file name).")
    ],
    box: Annotated[bool, typer.Option("--box", help="Compare boxes instead of masks.")] = False,
    max_detections: Annotated[
        int, typer.Option(min=1, help="Best detections of an image and category that count.")
    ] = 100,
    *,
    common: Common,
) -> Evaluation:
    """Average precision and recall of masks or boxes, equal to pycocotools."""
    from ..metrics.coco_files import evaluate_instances

    return evaluate_instances(truth_json, prediction_json, "bbox" if box else "segm", max_detections, **common.rows)


def contours(
    truth_dir: Annotated[Path, typer.Argument(help="Folder of BSDS .mat files, or of label images.")],
    prediction_dir: Annotated[Path, typer.Argument(help="Folder of boundary maps (grey, .npy) or of label maps.")],
    thresholds: Annotated[int, typer.Option(min=1, max=10_000, help="How many thresholds, i / (n + 1).")] = 99,
    tolerance: Annotated[
        float, typer.Option(help="How far boundaries may lie apart, as a share of the diagonal.")
    ] = 0.0075,
    thin: Annotated[bool, typer.Option(help="Thin predictions to lines one pixel wide first.")] = True,
    labels: Annotated[bool, typer.Option("--labels", help="Predictions are label images, not boundary maps.")] = False,
    *,
    common: Common,
) -> Evaluation:
    """Boundary precision, recall, F (ODS, OIS, AP) as BSDS500 defines them; of label maps also covering, PRI, VI."""
    from ..metrics.folders import evaluate_contours

    options = common.kept | {"thresholds": thresholds, "tolerance": tolerance, "thinned": thin, "labels": labels}
    return evaluate_contours(truth_dir, prediction_dir, **options)


def superpixels(
    truth_dir: Annotated[Path, typer.Argument(help="Folder of BSDS .mat files, or of label images.")],
    prediction_dir: Annotated[Path, typer.Argument(help="Folder of superpixel label images.")],
    images: Annotated[
        Path | None, typer.Option(help="Folder of the photos; without it explained variation is left out.")
    ] = None,
    *,
    common: Common,
) -> Evaluation:
    """Boundary recall and precision, undersegmentation errors, explained variation, compactness: means over images."""
    from ..metrics.folders import evaluate_superpixels

    return evaluate_superpixels(truth_dir, prediction_dir, images=images, **common.kept)


def foreground(
    truth_dir: Annotated[Path, typer.Argument(help="Folder of masks: 0 background, 128 unknown, 255 object.")],
    prediction_dir: Annotated[Path, typer.Argument(help="Folder of masks, of `kontur segment` output or soft masks.")],
    soft: Annotated[bool, typer.Option("--soft", help="Predictions are soft masks: MAE and max-F.")] = False,
    *,
    common: Common,
) -> Evaluation:
    """Error rate and IoU, the truth's unknown pixels left out; with --soft MAE and max-F."""
    from ..metrics.folders import evaluate_foreground

    return evaluate_foreground(truth_dir, prediction_dir, soft=soft, **common.kept)


def boundaries(
    truth_dir: Annotated[Path, typer.Argument(help="Folder of masks; non-zero pixels are the object.")],
    prediction_dir: Annotated[Path, typer.Argument(help="Folder of masks, or of `kontur segment` output.")],
    ratio: Annotated[float, typer.Option(help="Width of Boundary IoU's band, as a share of the diagonal.")] = 0.02,
    widths: Annotated[str, typer.Option(help="Widths of the trimaps in pixels, with commas.")] = "1,2,4,8",
    each_label: Annotated[bool, typer.Option("--each-label", help="Every non-zero value is one object.")] = False,
    *,
    common: Common,
) -> Evaluation:
    """Boundary IoU, DAVIS J and F, trimap IoU, Hausdorff 95 and average surface distance: means over images."""
    from ..metrics.folders import evaluate_boundaries

    try:
        bands = [int(w) for w in widths.split(",")]
    except ValueError:
        raise OptionError(f"--widths: expected whole numbers with commas, such as 1,2,4, got {widths!r}") from None
    options = common.kept | {"ratio": ratio, "widths": bands, "each_label": each_label}
    return evaluate_boundaries(truth_dir, prediction_dir, **options)


for each in (semantic, panoptic, instances, contours, superpixels, foreground, boundaries):
    # Two files have no missing images, and are scored by one thread.
    app.command()(command(each, leave_out=("allow_missing", "jobs") if each is instances else ()))
