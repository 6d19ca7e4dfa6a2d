"""Weights and image processor of a model, from its folder alone.

Safe with files of unknown origin: safetensors, or a pickle read weights-only (PyTorch builds tensors from it and refuses
everything else); code that a repository brings is never run; nothing is fetched while loading.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ..core.errors import InputError, OptionError, UnreadableFile
from .families import PROMPTED
from .reference import HubModel, read_json

_lock = threading.Lock()
_LOCAL = {"local_files_only": True, "trust_remote_code": False}


@dataclass(frozen=True, eq=False)
class Loaded:
    """A network ready to run, in float32, and the processor that makes its input. turn: one image at a time."""

    network: Any
    processor: Any
    device: str
    turn: threading.Lock = field(default_factory=threading.Lock)


def load(model: HubModel, device: str) -> Loaded:
    """The network and its processor; the last two used are kept. device: auto, cpu or cuda.

    Raises UnreadableFile for a folder that is not complete or holds something else, and OptionError for a device that is not there.
    """
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        raise OptionError("option device: expected cpu or auto, got 'cuda', but PyTorch sees no GPU here")
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    with _lock:
        return _load(model, device)


@functools.lru_cache(maxsize=2)
def _load(model: HubModel, device: str) -> Loaded:
    with _quiet(), _in_our_words(model.name):
        network = _network(model).float().eval().to(device)
        return Loaded(network, _processor(model, network), device)


def _network(model: HubModel) -> Any:
    import transformers

    safe = any(model.folder.glob("*.safetensors"))
    if not safe and not any(model.folder.glob("pytorch_model*.bin")):
        raise UnreadableFile(f"{model.folder}: expected the model's weights (model.safetensors), got none")
    # OneFormer drops out by this setting, not by `eval()`, and wants texts beside the image.
    more = {"is_training": False} if model.family.name == "OneFormer" else {}
    network, report = _class(transformers, model.family.loads).from_pretrained(
        model.folder, use_safetensors=safe, weights_only=True, output_loading_info=True, **_LOCAL, **more
    )
    missing = sorted(report["missing_keys"])
    if missing:  # transformers would go on with random numbers in their place
        raise UnreadableFile(
            f"{model.name}: expected the weights of {model.family.loads}, got a file without {len(missing)} of them "
            f"({', '.join(missing[:2])}{', ..' if len(missing) > 2 else ''}). Is it a backbone, or another task's model?"
        )
    return network


def _processor(model: HubModel, network: Any) -> Any:
    import transformers

    folder, family = model.folder, model.family
    if not any((folder / n).is_file() for n in ("preprocessor_config.json", "processor_config.json")):
        raise UnreadableFile(
            f"{folder}: expected a preprocessor_config.json (how the model wants its image), got none. Fetch the whole repository"
        )
    if family.kind == PROMPTED:
        return _class(transformers, "SamProcessor" if family.loads == "SamModel" else "Sam2Processor").from_pretrained(
            folder, **_LOCAL
        )
    if family.name != "OneFormer":
        return transformers.AutoImageProcessor.from_pretrained(folder, **_LOCAL)
    # Its list of classes lies in another repository; only training needs it, so it is not asked for.
    settings = read_json(folder / "preprocessor_config.json", f"{folder}: expected the folder of a OneFormer model")
    settings.pop("class_info_file", None)
    images = transformers.OneFormerImageProcessor.from_dict(settings)
    tokens = transformers.AutoTokenizer.from_pretrained(folder, **_LOCAL)
    return transformers.OneFormerProcessor(images, tokens, task_seq_length=network.config.task_seq_len)


def _class(transformers: Any, name: str) -> Any:
    found = getattr(transformers, name, None)
    if found is None:
        raise InputError(
            f"transformers {transformers.__version__} has no {name}. Install a newer one: pip install --upgrade 'kontur[hf]'"
        )
    return found


@contextlib.contextmanager
def cores(count: int) -> Iterator[None]:
    """PyTorch with at most so many threads; 0 changes nothing. The number is one of the whole process."""
    import torch

    before = torch.get_num_threads()
    if count:
        torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without progress bars and warnings: what matters is said as an error."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(logging.CRITICAL)
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


@contextlib.contextmanager
def _in_our_words(name: str) -> Iterator[None]:
    """What transformers, PyTorch and safetensors raise, in one line. They have no common kind of error for a wrong file."""
    try:
        yield
    except (InputError, OptionError, MemoryError):
        raise
    except Exception as error:
        reason = " ".join(str(error).split())
        if "weights_only" in reason or "Weights only" in reason:
            reason = "its weights are a pickle with more than tensors in it, which could run any program; ask for model.safetensors"
        elif "timm" in reason and isinstance(error, ImportError):
            reason = "its backbone needs timm: pip install timm"
        raise UnreadableFile(f"{name}: the model cannot be loaded: {reason[:240] or type(error).__name__}") from None
