"""hf:NAME_OR_FOLDER -> the folder of a model, and what its config.json says. Nothing heavy is imported.

    FOLDER/config.json                 which network, its categories
    FOLDER/model.safetensors           its weights (or model-00001-of-0000N.safetensors; pytorch_model.bin, weights only)
    FOLDER/preprocessor_config.json    how it wants its image (or processor_config.json)

A name, OWNER/NAME or OWNER/NAME@REVISION, is fetched from Hugging Face to its cache, once: the JSON files, the vocabulary
and the weights at the top of the repository, no code.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.errors import InputError, MissingExtra, UnknownName, UnreadableFile
from ..core.taxonomy import Taxonomy
from .categories import names_of, taxonomy_of, things_of
from .families import PROMPTED, Family, family_of, names

PREFIX = "hf:"
EXTRA = "hf"
_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?(@[\w./-]+)?")
_LARGEST_CONFIG = 50_000_000
"""Bytes; a class list of 10,000 names takes 0.5 million."""


@dataclass(frozen=True)
class HubModel:
    """A model in a folder. name: as it was asked for, "hf:..". task: its own, where nobody asks for another.

    categories: (id, name) in rising order; things: the names of those that are things, None where that is not known.
    stamp: changes with the files, so that a model trained again is read again.
    """

    name: str
    folder: Path
    family: Family
    task: str
    categories: tuple[tuple[int, str], ...]
    things: frozenset[str] | None
    stamp: int

    @property
    def taxonomy(self) -> Taxonomy:
        return taxonomy_of(dict(self.categories), self.things, self.name)


def find(name: str) -> HubModel:
    """The model of "hf:NAME_OR_FOLDER".

    Raises MissingExtra; UnreadableFile for a folder without a model and a name that cannot be fetched; UnknownName for a
    name that Hugging Face has not; InputError for a model that segments nothing.
    """
    for package in ("torch", "torchvision", "transformers"):
        if importlib.util.find_spec(package) is None:
            raise MissingExtra(f"the model {name!r}", EXTRA)
    target = name.removeprefix(PREFIX).strip()
    if not target:
        raise UnreadableFile(
            "hf: expected a name or a folder behind it, as hf:nvidia/segformer-b0-finetuned-ade-512-512 or hf:FOLDER"
        )
    folder = Path(target).expanduser()
    if folder.is_dir():
        return _described(name, folder)
    if folder.exists():
        raise UnreadableFile(f"{folder}: expected the folder of a model (config.json, model.safetensors), got a file")
    if not _NAME.fullmatch(target) or target.startswith((".", "~")):
        raise UnreadableFile(f"{folder}: no such folder. Expected hf:FOLDER with a config.json in it, or hf:OWNER/NAME")
    return _described(name, fetched(target))


@functools.lru_cache(maxsize=32)
def fetched(target: str) -> Path:
    """The folder of OWNER/NAME or OWNER/NAME@REVISION in Hugging Face's cache; fetched where it is not there yet.

    Asked for once a process, not once an image.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    repository, _, revision = target.partition("@")
    weights = ["*.safetensors"]

    def get(patterns: list[str]) -> Path:
        found = snapshot_download(
            repository, revision=revision or None, allow_patterns=patterns, ignore_patterns=["*/*", "*.py"]
        )
        return Path(found)

    try:
        folder = get(["*.json", "*.txt", *weights])
        if not any(folder.glob("*.safetensors")):
            folder = get(["*.json", "*.txt", "pytorch_model*.bin"])
        return folder
    except GatedRepoError:
        raise UnreadableFile(
            f"hf:{target}: its owner gives it only to those who accept the terms. Accept them on its page at Hugging Face, "
            "then log in with `hf auth login`"
        ) from None
    except RevisionNotFoundError:
        raise UnreadableFile(f"hf:{target}: the model has no revision {revision!r}") from None
    except RepositoryNotFoundError:
        advice = "It is neither a folder here nor a public model at Hugging Face; expected OWNER/NAME."
        raise UnknownName("model", target, (), advice) from None
    except Exception as error:  # whatever the network of that day brings; it has many kinds of errors
        known = isinstance(error, LocalEntryNotFoundError | OfflineModeIsEnabled)
        reason = "" if known else f" ({' '.join(str(error).split())[:120] or type(error).__name__})"
        raise UnreadableFile(
            f"hf:{target}: no folder of that name here, and Hugging Face cannot be reached{reason}. Where there is a "
            f"network: hf download {repository} --local-dir FOLDER; then give the folder: -m hf:FOLDER"
        ) from None


def _described(name: str, folder: Path) -> HubModel:
    config = read_json(folder / "config.json", f"{folder}: expected the folder of a model of transformers")
    architectures = [str(a) for a in config.get("architectures") or []]
    family = family_of(architectures, str(config.get("model_type", "")))
    if family is None:
        what = " or ".join(architectures) or f"model_type {config.get('model_type')!r}"
        code = " (with code of its own, which is never run)" if config.get("auto_map") else ""
        raise InputError(
            f"{name}: {what}{code} gives no segmentation that kontur can use. It uses {', '.join(names())} and networks "
            "named ..ForSemanticSegmentation"
        )
    categories = {} if family.kind == PROMPTED else _names(name, config)
    things = things_of(categories, folder)
    return HubModel(
        name,
        folder,
        family,
        _own_task(name, folder, family, config, things),
        tuple(categories.items()),
        things,
        _stamp(folder),
    )


def read_json(path: Path, what: str) -> dict[str, Any]:
    """A JSON object. Raises UnreadableFile, which begins with `what`."""
    try:
        if path.stat().st_size > _LARGEST_CONFIG:
            raise UnreadableFile(f"{what}, got a {path.name} of {path.stat().st_size:,} bytes")
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UnreadableFile(f"{what}, got no {path.name} in it") from None
    except (OSError, ValueError, RecursionError) as error:
        raise UnreadableFile(
            f"{what}, got a {path.name} that cannot be read ({' '.join(str(error).split())[:100]})"
        ) from None
    if not isinstance(content, dict):
        raise UnreadableFile(f"{what}, got a {path.name} that holds no JSON object")
    return content


def _names(name: str, config: dict[str, Any]) -> dict[int, str]:
    try:
        return names_of(config)
    except (TypeError, ValueError, AttributeError):
        raise UnreadableFile(
            f"{name}: config.json: id2label: expected whole numbers and names, got {str(config.get('id2label'))[:60]}"
        ) from None


def _own_task(name: str, folder: Path, family: Family, config: dict[str, Any], things: frozenset[str] | None) -> str:
    """What a model was trained for. A configuration does not say it; its name mostly does, as in ..-coco-instance."""
    if len(family.tasks) == 1:
        return family.tasks[0]
    if family.name == "DETR":
        return "panoptic"
    words = f"{name} {folder.resolve().name} {config.get('_name_or_path', '')}".lower()
    for task in family.tasks:
        if task in words:
            return task
    try:
        if json.loads((folder / "preprocessor_config.json").read_text(encoding="utf-8")).get("do_split_image"):
            return "semantic"  # EoMT cuts an image into squares for this task alone
    except (OSError, ValueError, AttributeError):
        pass
    known = {str(n).strip() for n in (config.get("id2label") or {}).values()}
    return "instance" if things is not None and known == set(things) else "panoptic"


def _stamp(folder: Path) -> int:
    files = [p for p in folder.iterdir() if p.suffix in (".json", ".safetensors", ".bin")]
    return max((p.stat().st_mtime_ns for p in files), default=0)
