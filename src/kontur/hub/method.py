"""Which predictor runs a model of the hub, and what is to be said of it."""

from __future__ import annotations

from typing import Any

from .families import PROMPTED, SEMANTIC
from .reference import HubModel


def predictor_class(model: HubModel) -> Any:
    """The class of its predictor; no weights are read."""
    if model.family.kind == PROMPTED:
        from .promptable import PromptablePredictor

        return PromptablePredictor
    from .predict import QueryPredictor, SemanticPredictor

    return SemanticPredictor if model.family.kind == SEMANTIC else QueryPredictor


def document(model: HubModel) -> str:
    """What a model is, in words: its network, what it gives, its categories."""
    family = model.family
    lines = [f"{family.name}, run by transformers.", "", f"Folder:  {model.folder}"]
    if family.kind == PROMPTED:
        lines.append(
            "Gives:   an object for each box or set of points; without any, overlapping instances of no category"
        )
        return "\n".join(lines)
    lines.append(f"Gives:   {', '.join(family.tasks)}; its own is {model.task}")
    names = [name for _, name in model.categories]
    if model.things is None:
        known = "not known; give the stuff by --set stuff=.." if family.kind != SEMANTIC else "not known"
        return "\n".join([*lines, f"Classes: {', '.join(names)}", f"Things:  {known}"])
    stuff = [name for name in names if name not in model.things]
    things = [name for name in names if name in model.things]
    return "\n".join([*lines, f"Things:  {', '.join(things)}", f"Stuff:   {', '.join(stuff) or 'none'}"])
