"""`kontur data show`: a contact sheet of a data set's images with their labels drawn over them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..core.errors import InputError, OutputError
from . import screen
from .flags import Quiet

if TYPE_CHECKING:
    from ..core.instances import Instances
    from ..core.segmentation import Segmentation
    from ..datasets.sample import Sample, Target


def add_to_data(data: typer.Typer) -> None:
    @data.command("show", help="A contact sheet of a data set's images with their labels.")
    def command(
        root: Annotated[Path, typer.Argument(metavar="ROOT", help="The folder of the data set.")],
        name: Annotated[str, typer.Option("--as", metavar="NAME", help="camvid, voc, coco, dsb2018, folder, ..")],
        output: Annotated[Path, typer.Option("-o", "--output", help="The PNG to write.")] = Path("contact-sheet.png"),
        split: Annotated[str | None, typer.Option(help="train, val, ..", show_default="the training split")] = None,
        count: Annotated[int, typer.Option(help="Images.", min=1, max=100)] = 12,
        seed: Annotated[int, typer.Option(help="Of the choice of images.", min=0)] = 0,
        width: Annotated[int, typer.Option(help="Of the sheet, pixels.", min=200, max=20_000)] = 1600,
        force: Annotated[bool, typer.Option("--force", help="Overwrite.")] = False,
        quiet: Quiet = False,
    ) -> None:
        import numpy as np

        from .. import datasets
        from ..draw.figures import gallery
        from ..draw.overlay import overlay, photo
        from ..io.pictures import write_picture

        if output.exists() and not force:
            raise OutputError(f"{output}: exists already. Overwrite it with --force, or choose another name.")
        found = datasets.open(name, root, split=split)
        if not len(found):
            raise InputError(f"{root}: expected images in the split {found.split!r}, got none")
        chosen = np.sort(np.random.default_rng(seed).permutation(len(found))[:count])

        def tiles():  # type: ignore[no-untyped-def]
            for place in chosen.tolist():
                sample = found[place]
                result = _result(sample.target, found.taxonomy)
                drawn = photo(sample.image) if result is None else overlay(sample.image, result, legend=False)
                yield _caption(sample, result), drawn

        write_picture(output, gallery(tiles(), len(chosen), width=width))
        screen.say(f"{found.name} {found.split}: {len(chosen)} of {len(found)} images, {output}")


def _result(target: Target, taxonomy: object) -> Segmentation | Instances | None:
    """What `overlay` draws: ids as a Segmentation, of several annotators the first."""
    import numpy as np

    from ..core.segmentation import Segmentation
    from ..core.taxonomy import Taxonomy

    if isinstance(target, tuple):
        return target[0] if target else None
    if isinstance(target, np.ndarray):
        if isinstance(taxonomy, Taxonomy):
            return Segmentation.from_categories(target, taxonomy)
        return Segmentation.from_objects(target)
    return target


def _caption(sample: Sample, result: Segmentation | Instances | None) -> str:
    from ..core.instances import Instances

    if result is None:
        return f"{sample.name}  no truth"
    if isinstance(result, Instances):
        return f"{sample.name}  {len(result)} objects"
    categories = {s.category for s in result.segments if s.category is not None}
    if categories and len(categories) == len(result.segments):
        return f"{sample.name}  {len(categories)} classes"
    return f"{sample.name}  {len(result.segments)} segments"
