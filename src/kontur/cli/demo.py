"""`kontur demo`: cut a real photo in a few ways and say where the pictures are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .. import api, registry
from ..core.errors import InputError, OutputError
from ..core.image import Image
from ..core.segmentation import Segmentation
from ..inference import notice
from . import screen

# The default, then one method of each kind: threshold, clustering, superpixels, edges, interactive.
BESIDE = ("otsu", "kmeans", "slic", "watershed", "grabcut")
PHOTO = "coffee.png"  # a cup, 600x400, CC0, comes with scikit-image


def add_to(app: typer.Typer) -> None:
    @app.command(
        "demo",
        help="Cut a sample photo (or your own) by six methods, and say what was found and where the pictures are.",
    )
    def command(
        photo: Annotated[Path | None, typer.Argument(help="A photo; by default a sample of scikit-image.")] = None,
        output: Annotated[Path, typer.Option("-o", "--output", help="The folder for the pictures.")] = Path(
            "kontur-demo"
        ),
        force: Annotated[bool, typer.Option("--force", help="Overwrite earlier pictures.")] = False,
    ) -> None:
        from ..draw.figures import contact_sheet
        from ..draw.levels import fine_to_coarse
        from ..draw.overlay import overlay
        from ..io.photos import read_image
        from ..io.pictures import write_picture

        path = photo or _sample()
        image = read_image(path)
        default, without_models = registry.default()
        if without_models:
            screen.note(f"note: {without_models}")
        first = registry.get(default)
        told: list[str] = []
        if isinstance(first, registry.NetworkMethod):
            notice.tell(first.name, first.predictor({}).notice, told.append)
        shown = (default, *BESIDE)
        figures = ("levels", "sheet") if first.tree else ("sheet",)
        targets = {name: output / f"{path.stem}.{name}.png" for name in (*shown, *figures)}
        taken = [str(t) for t in targets.values() if t.exists()]
        if taken and not force:
            raise OutputError(f"{taken[0]}: exists already. Use --force to overwrite or -o for another folder")
        screen.say(f"{path.name}: {image.width}x{image.height} pixels, {image.channels} band(s)")
        results: dict[str, Segmentation] = {}
        rows = []
        with screen.progress("cutting", len(shown)) as advance:
            for name in shown:
                if name == default and first.tree:
                    outcome = first.run(image, want=frozenset({"hierarchy"}))
                    assert isinstance(outcome.result, Segmentation)
                    assert outcome.hierarchy is not None
                    result = outcome.result
                    write_picture(targets["levels"], fine_to_coarse(image, outcome.hierarchy))
                else:
                    result = _segmented(image, name)
                results[name] = result
                write_picture(targets[name], overlay(image, result))
                rows.append((name, registry.get(name).task, len(result), _share(result), targets[name]))
                advance()
        write_picture(targets["sheet"], contact_sheet(image, results))
        screen.table(("method", "task", "segments", "found", "picture"), rows, numbers=(2,))
        screen.say(f"All side by side: {targets['sheet']}")
        if "levels" in targets:
            screen.say(f"The regions of {default} from fine to coarse: {targets['levels']}")
        for text in told:
            screen.say(text)
        screen.say("Next: kontur segment YOUR_PHOTO.jpg      (kontur methods lists every method)")


def _segmented(image: Image, name: str) -> Segmentation:
    result = api.segment(image, name)
    assert isinstance(result, Segmentation)
    return result


def _sample() -> Path:
    from importlib.util import find_spec

    found = find_spec("skimage")
    path = Path(found.origin).parent / "data" / PHOTO if found and found.origin else None
    if path is None or not path.is_file():
        raise InputError("the sample photo of scikit-image is not installed. Give a photo: kontur demo PHOTO")
    return path


def _share(result: Segmentation) -> str:
    if result.foreground is not None:
        return f"objects cover {result.foreground.mean():.0%}"
    areas = sorted(segment.area for segment in result.segments)
    return f"median region {areas[len(areas) // 2]} pixels"
