"""`kontur degrade`: damage images at stated strength, filter them, or both."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..core.errors import OptionError, OutputError
from ..core.options import checked_options, key_values
from ..files.work import Failed, Inputs, each, refuse_existing
from . import screen
from .flags import Force, Jobs, Quiet

if TYPE_CHECKING:
    from ..core.options import OptionSpec
    from ..degrade.kinds import Filter, Kind

Given = Annotated[
    list[str] | None, typer.Argument(metavar="INPUT...", help="Files, folders or globs.", show_default=False)
]


def add_to(app: typer.Typer) -> None:
    @app.command("degrade", help="Damage images: noise, blur, JPEG, low light, down-sampling; or filter them.")
    def command(
        inputs: Given = None,
        kind: Annotated[
            str | None, typer.Option("--kind", metavar="KIND", help="What to do; --list shows all.")
        ] = None,
        strength: Annotated[
            str | None, typer.Option("--strength", metavar="S", help="How much, in the unit of the kind.")
        ] = None,
        output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="The folder to write to.")] = Path(
            "kontur-degraded"
        ),
        seed: Annotated[
            int | None, typer.Option("--seed", metavar="N", help="Random seed of noise; default 0.")
        ] = None,
        filter_: Annotated[
            str | None, typer.Option("--filter", metavar="NAME", help="Filter after the damage; alone it filters only.")
        ] = None,
        set_: Annotated[list[str], typer.Option("--set", metavar="KEY=VALUE", help="Another option of the kind.")] = [],  # noqa: B006
        filter_set: Annotated[
            list[str], typer.Option("--filter-set", metavar="KEY=VALUE", help="An option of the filter.")
        ] = [],  # noqa: B006
        list_: Annotated[bool, typer.Option("--list", help="List kinds and filters with their options.")] = False,
        force: Force = False,
        jobs: Jobs = 1,
        quiet: Quiet = False,
    ) -> None:
        from ..degrade.kinds import find_filter, find_kind

        screen.set_level(quiet, 0)
        if list_:
            _list()
            return
        if not inputs:
            raise OptionError("INPUT: expected files, folders or globs, got none. See `kontur degrade --help`")
        if kind is None and filter_ is None:
            raise OptionError("expected --kind KIND, --filter NAME or both, got neither. See `kontur degrade --list`")
        damage = find_kind(kind) if kind is not None else None
        remedy = find_filter(filter_) if filter_ is not None else None
        if remedy is None and filter_set:
            raise OptionError("option --filter-set: expected --filter NAME with it, got none")
        options = _damage_options(damage, strength, seed, set_)
        filter_options = _pairs(remedy.name, remedy.options, "--filter-set", filter_set) if remedy else {}
        _run(inputs, output, damage, options, remedy, filter_options, force, jobs)


def _list() -> None:
    from ..degrade.kinds import FILTERS, KINDS

    screen.table(
        ("kind", "strength", "range", "mild to severe", "other options"),
        [
            (
                k.name,
                f"{k.strength} (default {next(o.default for o in k.options if o.name == k.strength):g})",
                next(o.range for o in k.options if o.name == k.strength),
                ", ".join(f"{value:g}" for value in k.ladder),
                ", ".join(o.name for o in k.options if o.name != k.strength) or "-",
            )
            for k in KINDS.values()
        ],
    )
    screen.say()
    screen.table(
        ("filter", "against", "options"),
        [
            (f.name, ", ".join(f.against), ", ".join(f"{o.name} ({o.range})" for o in f.options))
            for f in FILTERS.values()
        ],
    )


def _damage_options(damage: Kind | None, strength: str | None, seed: int | None, pairs: list[str]) -> dict[str, Any]:
    if damage is None:
        for name, value in (("--strength", strength), ("--seed", seed), ("--set", pairs or None)):
            if value is not None:
                raise OptionError(f"option {name}: expected --kind KIND with it, got none")
        return {}
    given: dict[str, Any] = _pairs(damage.name, damage.options, "--set", pairs)
    if strength is not None:
        given[damage.strength] = strength
    if seed is not None:
        if any(spec.name == "seed" for spec in damage.options):
            given["seed"] = seed
        else:
            screen.note(f"note: {damage.name} draws no random numbers; --seed changes nothing")
    return checked_options(damage.name, damage.options, given)


def _pairs(name: str, specs: tuple[OptionSpec, ...], option: str, pairs: list[str]) -> dict[str, Any]:
    given: dict[str, Any] = dict(key_values(option, pairs))
    checked = checked_options(name, specs, given)
    return {key: checked[key] for key in given}


def _run(
    inputs: list[str],
    output: Path,
    damage: Kind | None,
    options: Mapping[str, Any],
    remedy: Filter | None,
    filter_options: Mapping[str, Any],
    force: bool,
    jobs: int,
) -> None:
    from ..io.image_files import image_file_suffix, write_image
    from ..io.photos import read_image

    images = Inputs.find(inputs).images
    originals = {os.path.realpath(path) for path, _ in images}

    def one(path: Path, stem: Path) -> tuple[str, ...]:
        image = read_image(path)
        target = output / f"{stem}{image_file_suffix(image)}"
        if os.path.realpath(target) in originals:
            raise OutputError(f"{target}: is an input. Choose another folder with -o")
        if not force:
            refuse_existing([target])
        changed = image
        if damage is not None:
            changed = damage(changed, **options)
        if remedy is not None:
            changed = remedy(changed, **filter_options)
        write_image(target, changed)
        difference = abs(changed.pixels.astype("float64") - image.pixels).mean()
        return path.name, f"{image.width}x{image.height}", f"{difference:.4g}", str(target)

    items = screen.worked_through("degrading", each(images, one, out=output, jobs=jobs), len(images), output)
    rows = [item for item in items if not isinstance(item, Failed)]
    if rows:
        screen.table(("image", "size", "mean change", "written"), rows, numbers=(2,))
        done = [f"{d.name}({_told(o)})" for d, o in ((damage, options), (remedy, filter_options)) if d is not None]
        screen.say(f"{len(rows)} image{'s' if len(rows) != 1 else ''}: {', then '.join(done)}")
    screen.finish([item for item in items if isinstance(item, Failed)], len(images), output)


def _told(options: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in options.items() if value is not None)
