"""What docstrings name exists: dotted names of ours by import, private names in backticks in their own file."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "kontur"
DOTTED = re.compile(r"\bkontur((?:\.[A-Za-z_]\w*)+)")
PRIVATE = re.compile(r"`(_[a-z]\w+)`")
FILES = sorted(PACKAGE.rglob("*.py"))
NOT_NAMES = {"py", "json", "toml", "npz", "egg"}  # kontur.toml and the like are files


def docstrings(tree: ast.AST) -> list[str]:
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return [text for node in ast.walk(tree) if isinstance(node, kinds) and (text := ast.get_docstring(node))]


def exists(dotted: str) -> bool:
    """Whether the longest importable front has the rest as attributes."""
    found, *rest = ["kontur"], *dotted.split(".")[1:]
    place = importlib.import_module("kontur")
    for part in rest:
        try:
            place = importlib.import_module(".".join([*found, part]))
            found.append(part)
        except (ModuleNotFoundError, ImportError):
            if not hasattr(place, part):
                return False
            place = getattr(place, part)
    return True


def test_the_search_finds_what_is_wrong():
    assert exists("kontur.metrics.panoptic_quality")
    assert exists("kontur.core.segmentation.Segmentation.load")
    assert not exists("kontur.metrics.nothing_of_the_kind")


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_docstrings_name_what_exists(path):
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    for document in docstrings(tree):
        for match in DOTTED.findall(document):
            if match.rsplit(".", 1)[-1] not in NOT_NAMES:
                assert exists("kontur" + match), f"{path.name}: kontur{match}"
        code = text.replace(document, "")
        for name in PRIVATE.findall(document):
            assert re.search(rf"\b{name}\b", code), f"{path.name}: `{name}`"
