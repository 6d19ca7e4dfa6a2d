"""`kontur data convert`: labels from one form into another, and what was lost on the way."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..core.errors import OutputError
from . import screen
from .flags import Quiet

if TYPE_CHECKING:
    from ..datasets.convert import Conversion

_FORMS = "coco, coco-panoptic, voc, cityscapes, cityscapes-trainids, yolo, labelme, labels"


def add_to_data(data: typer.Typer) -> None:
    @data.command("convert", help=f"Write labels in another form and report what it cannot hold. Forms: {_FORMS}.")
    def command(
        source: Annotated[Path, typer.Argument(metavar="INPUT", help="A JSON (coco, coco-panoptic) or a folder.")],
        target: Annotated[Path, typer.Argument(metavar="OUTPUT", help="A JSON (coco, coco-panoptic) or a folder.")],
        source_form: Annotated[str, typer.Option("--from", metavar="FORM", help="The form of INPUT.")],
        target_form: Annotated[str, typer.Option("--to", metavar="FORM", help="The form of OUTPUT.")],
        images: Annotated[
            Path | None,
            typer.Option(help="Folder of the photos, for their sizes (yolo).", show_default="images/ beside"),
        ] = None,
        taxonomy: Annotated[
            Path | None, typer.Option(help="JSON of the categories, where INPUT does not name its own.")
        ] = None,
        join: Annotated[
            bool, typer.Option("--join", help="To yolo: parts and holes in one line, joined by bridges.")
        ] = False,
        drop_unknown: Annotated[
            bool, typer.Option("--drop-unknown", help="To cityscapes: leave out categories it does not name.")
        ] = False,
        skip_missing: Annotated[
            bool, typer.Option("--skip-missing", help="From yolo: leave out label files without a photo.")
        ] = False,
        report: Annotated[Path | None, typer.Option(help="Write the counts as JSON.")] = None,
        force: Annotated[bool, typer.Option("--force", help="Overwrite.")] = False,
        quiet: Quiet = False,
    ) -> None:
        from ..datasets.convert import convert
        from ..io.taxonomy import read_taxonomy
        from ..io.text import write_json

        if report is not None and report.exists() and not force:
            raise OutputError(f"{report}: exists already. Overwrite it with --force, or choose another name.")
        done = convert(
            source,
            target,
            source_form=source_form,
            target_form=target_form,
            images=images,
            taxonomy=read_taxonomy(taxonomy) if taxonomy is not None else None,
            join=join,
            drop_unknown=drop_unknown,
            skip_missing=skip_missing,
            force=force,
        )
        if report is not None:
            write_json(report, done.to_dict(), indent=1)
        _show(done, target)


def _show(done: Conversion, target: Path) -> None:
    loss = done.loss
    screen.say(f"{done.source_form} -> {done.target_form}: {loss.images} images, {loss.regions} regions, {target}")
    for note in done.notes:
        screen.say(f"note: {note}")
    if loss.empty:
        screen.say(f"note: {loss.empty} regions without a pixel left out")
    if loss.lossless:
        screen.say("nothing lost: every mask read back from the output is equal")
        return
    lines = (
        (loss.changed, f"regions changed: mean IoU loss {loss.iou_loss:.4f} over all, worst {loss.iou_worst:.4f}"),
        (loss.vanished, "of these gone altogether"),
        (loss.split, f"regions split into their parts ({loss.parts} parts beyond the first)"),
        (loss.merged, "regions merged with others of their category"),
        (loss.holes_filled, f"of {loss.holes} holes filled"),
        (loss.crowds_lost, f"of {loss.crowds} crowds lost"),
        (loss.overlap_pixels if loss.changed else 0, "pixels claimed by several regions"),
        (loss.void_lost, "void pixels lost: they now count"),
        (loss.background_made_void, "background pixels made void"),
    )
    screen.say("lost:")
    screen.table(("count", "what"), [(f"{count:,}", what) for count, what in lines if count], numbers=(0,))
