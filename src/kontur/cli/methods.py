"""`kontur methods`: the list of methods, as a table or as JSON."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from .. import api, registry
from ..core.errors import UnknownName
from . import screen
from .flags import AsJson


def add_to(app: typer.Typer) -> None:
    @app.command("methods", help="List the methods: name, task, prompts, paper.")
    def command(
        task: Annotated[str | None, typer.Option(help=f"Only one task: {', '.join(registry.TASKS)}.")] = None,
        as_json: AsJson = False,
    ) -> None:
        if task is not None and task not in registry.TASKS:
            raise UnknownName("task", task, registry.TASKS, f"Tasks are: {', '.join(registry.TASKS)}.")
        rows = api.methods(task)
        if as_json:
            print(json.dumps([row.to_dict() for row in rows], ensure_ascii=False, indent=1))
            return
        screen.table(
            ("method", "task", "prompts", "paper"),
            [
                (
                    row.name,
                    row.task,
                    ", ".join(row.prompts) + (" (needed)" if row.needs_prompt else "") or "-",
                    row.paper,
                )
                for row in rows
            ],
        )
        screen.say(f"{len(rows)} methods. `kontur describe METHOD` shows one with its options.")
