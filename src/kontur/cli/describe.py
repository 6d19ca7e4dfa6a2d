"""`kontur describe METHOD`: what it does, its options with ranges, its paper, an example."""

from __future__ import annotations

from typing import Annotated

import typer

from .. import registry
from . import screen

SCALING = (
    "Pixels: uint8 is divided by 255; uint16 is stretched from its own minimum..maximum; float stays as it is inside 0..1 "
    "and is stretched otherwise. What was done stands in the result's provenance."
)


def add_to(app: typer.Typer) -> None:
    @app.command("describe", help="Explain one method: its options with ranges, its paper, an example.")
    def command(
        method: Annotated[
            str, typer.Argument(help="A name of `kontur methods`, a network's file, or hf:NAME_OR_FOLDER.")
        ],
    ) -> None:
        row = registry.get(method)
        print(f"{row.name}: {row.document}")
        print(f"\nTask:    {row.task}")
        print(f"{'File' if isinstance(row, registry.NetworkMethod) and row.model else 'Paper'}:   {row.paper}")
        if row.prompts:
            print(f"Prompts: {', '.join(row.prompts)}{' (one is needed)' if row.needs_prompt else ''}")
        if row.extra:
            print(f"Needs:   pip install 'kontur[{row.extra}]'")
        if isinstance(row, registry.NetworkMethod) and row.model is None:
            print(_model(row))
        print(SCALING + "\n")
        screen.table(
            ("option", "default", "range", "meaning"),
            [(o.name, "none" if o.default is None else o.default, o.range, o.help) for o in row.options],
        )
        print(f"\nExample: kontur segment photo.jpg -m {method}{_prompt_example(row)}{_option_example(row)}")


def _model(row: registry.NetworkMethod) -> str:
    """The terms and the card of an embedded model, or that there is none."""
    from ..inference.models import NoModels, terms

    try:
        return "\n".join([*terms(row.network, row.predictor({}).notice), ""])
    except NoModels as error:
        return f"Model:   {error}"


def _prompt_example(row: registry.Method) -> str:
    if "box" in row.prompts:
        return " --box 40,30,300,220"
    return " --scribbles marks.png" if row.needs_prompt else ""


def _option_example(row: registry.Method) -> str:
    if row.tree:
        return " --set level=0.3"
    for option in row.options:
        if option.default is not None and option.name != "seed":
            value = str(option.default).lower() if option.type is bool else option.default
            return f" --set {option.name}={value}"
    return ""
