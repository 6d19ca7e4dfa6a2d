"""`kontur networks`: the table of networks, as text or as JSON. Needs no PyTorch: the figures lie in the package."""

from __future__ import annotations

import json
from importlib import resources
from typing import Annotated, Any

import typer

from . import screen


def add_to(app: typer.Typer) -> None:
    @app.command("networks", help="List the networks: paper, year, parameters, GMAC, receptive field.")
    def command(
        as_json: Annotated[bool, typer.Option("--json", help="A JSON list on stdout and nothing else.")] = False,
    ) -> None:
        rows = _table()
        if as_json:
            print(json.dumps(rows, ensure_ascii=False, indent=1))
            return
        screen.table(
            ("network", "parameters", "GMAC 360x480", "GMAC 1024x2048", "receptive field", "year", "paper"),
            [
                (
                    row["name"],
                    f"{row['parameters']:,}",
                    f"{row['gmac_360x480']:.1f}",
                    f"{row['gmac_1024x2048']:.1f}",
                    "2048 px or more" if row["receptive_field"] is None else f"{row['receptive_field']} px",
                    row["year"],
                    row["paper"],
                )
                for row in rows
            ],
            numbers=(1, 2, 3, 4),
        )
        screen.say(
            f"{len(rows)} networks, {rows[0]['classes']} classes. Build one: kontur.networks.build(NAME, classes)"
        )


def names() -> list[str]:
    """Of all networks."""
    return [row["name"] for row in _table()]


def _table() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(
        resources.files("kontur.networks").joinpath("table.json").read_text(encoding="utf-8")
    )
    return rows
