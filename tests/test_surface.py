"""What is public: the names and signatures are those written here and in docs/api.md; the README's snippets and the examples run."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from PIL import Image as Pillow

import kontur
from kontur import registry
from kontur.api import Partition

ROOT = Path(__file__).resolve().parents[1]
SIGNATURES = {
    "Category": "(id, name, colour, thing=False)",
    "Done": "(path, files=(), shape=(0, 0), segments=0, objects=None, seconds=0.0, losses=<factory>, note='', skipped=False)",
    "Failed": "(path, error, cause=None)",
    "Hierarchy": "(leaves, merges, heights, default=0.5, provenance=None, thinned=None)",
    "Image": "(pixels, bands=(), georeference=None, path=None, notes=())",
    "InputError": None,
    "Instance": "(mask, category=None, score=None)",
    "Instances": "(shape, instances, taxonomy=None, provenance=None)",
    "KonturError": None,
    "Option": "(help, low=None, high=None, unit='')",
    "OptionError": None,
    "Outcome": "(result, hierarchy=None, probabilities=None)",
    "Prompts": "(boxes=(), points=(), scribbles=None)",
    "Provenance": "(method, options=<factory>, version='VERSION', seconds=0.0, notes=())",
    "Refinements": "(fill_holes=False, smooth=0, min_area=0, keep_largest=False)",
    "Segment": "(id, area, box, category=None, score=None)",
    "Segmentation": "(ids, segments, taxonomy=None, provenance=None, background=None)",
    "Taxonomy": "(categories, ignore=255, name='')",
    "__version__": None,
    "contours": "(image, *, model=None, **options)",
    "methods": "(task=None)",
    "overlay": "(image, result, *, opacity=0.45, boundaries=True, legend=None, labels=False)",
    "read_image": "(path, *, max_pixels=500000000)",
    "segment": "(image, method=None, *, box=None, point=None, scribbles=None, background_label=1, **options)",
    "segment_files": "(inputs, method=None, *, options=None, prompts=None, refine=None, write=('labels', 'overlay', 'json'), "
    "out='kontur-out', jobs=1, existing='refuse', max_pixels=500000000)",
}
"""Public name -> parameters with their defaults, None where there are none. A change here is a change for every user."""


def signature(name: str) -> str | None:
    thing = getattr(kontur, name)
    if not callable(thing) or (isinstance(thing, type) and issubclass(thing, Exception)):
        return None
    parameters = [p.replace(annotation=p.empty) for p in inspect.signature(thing).parameters.values()]
    return str(inspect.Signature(parameters)).replace(kontur.__version__, "VERSION")


def test_the_public_names_are_those_listed():
    assert sorted(kontur.__all__) == sorted(SIGNATURES) == sorted(set(dir(kontur)))


@pytest.mark.parametrize("name", sorted(SIGNATURES))
def test_a_public_name_has_the_signature_listed(name):
    assert signature(name) == SIGNATURES[name]


def test_docs_list_every_public_name_and_no_other():
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `kontur\.(\w+)", text, re.MULTILINE)
    assert sorted(listed) == sorted(SIGNATURES)


def test_every_method_with_one_kind_of_result_is_known_to_the_types():
    assert set(get_args(Partition)) == {*registry.METHODS, "street"}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The files that the README's snippets and the examples name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("kontur.inference.notice._told", {"contours", "street", "nuclei"})
    y, x = np.mgrid[:120, :160]
    disc = (y - 60) ** 2 + (x - 70) ** 2 < 40**2
    photo = np.where(disc[..., None], (200, 60, 40), (30, 60, 90)).astype(np.uint8)
    (tmp_path / "photos").mkdir()
    for name in ("photo.jpg", "photos/one.jpg", "photos/two.jpg"):
        Pillow.fromarray(photo).save(tmp_path / name)
    Pillow.fromarray(photo).resize((640, 480)).save(tmp_path / "cat.jpg")
    for kind, pixels in (("images", photo), ("masks", disc.astype(np.uint8))):
        (tmp_path / "plants" / kind / "train").mkdir(parents=True)
        Pillow.fromarray(pixels).save(tmp_path / "plants" / kind / "train" / "leaf.png")
    return tmp_path


BEFORE = """import numpy as np
from numpy.typing import NDArray
pairs: list[tuple[NDArray[np.uint8], NDArray[np.uint8]]] = [(np.zeros((4, 4), np.uint8), np.zeros((4, 4), np.uint8))]
"""
"""What a snippet of the README takes for granted."""


def snippets(name: str) -> list[str]:
    found = re.findall(r"```python\n(.*?)```", (ROOT / name).read_text(encoding="utf-8"), re.DOTALL)
    assert found
    return found


TEXTS = ("README.md", "README.zh-CN.md", "docs/api.md")


@pytest.mark.parametrize("name", TEXTS)
def test_the_snippets_run(folder, name):
    for text in snippets(name):
        exec(compile(BEFORE + text, name, "exec"), {})


@pytest.mark.slow
@pytest.mark.parametrize("name", TEXTS)
def test_the_snippets_pass_mypy_strict(folder, name):
    pytest.importorskip("mypy")
    for number, text in enumerate(snippets(name)):
        (folder / f"snippet{number}.py").write_text(BEFORE + text, encoding="utf-8")
    files = sorted(map(str, folder.glob("snippet*.py")))
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "--ignore-missing-imports", *files],
        capture_output=True, text=True, env=os.environ | {"MYPYPATH": str(ROOT / "src")},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def with_examples() -> list[str]:
    """The modules of ours whose docstrings have examples that are run."""
    found = []
    for path in sorted((ROOT / "src" / "kontur").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)]
        examples = [e for n in nodes for e in doctest.DocTestParser().get_examples(ast.get_docstring(n) or "")]
        if any(doctest.SKIP not in example.options for example in examples):
            parts = path.relative_to(ROOT / "src").with_suffix("").parts
            found.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return found


def test_examples_are_found():
    assert {"kontur", "kontur.api", "kontur.files.run"} <= set(with_examples())


@pytest.mark.parametrize("name", with_examples())
def test_the_examples_of_docstrings_run(folder, name):
    done = doctest.testmod(importlib.import_module(name), extraglobs={"kontur": kontur})
    assert (done.attempted > 0, done.failed) == (True, 0)
