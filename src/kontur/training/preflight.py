"""What is looked at before step 0, so that a fault costs a minute and not a day.

check_data         every image and mask of the data set, once for a content: its hash is the key
class_frequencies  pixels of each class, for the weights of `kontur.losses`
overfit_one_batch  whether network, loss and data can learn at all: one batch must become known by heart
memory_estimate    weights, gradients, optimiser and what is kept for the backward pass, without running it
"""

from __future__ import annotations

import copy
import hashlib
import json
import math
import os
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..core.errors import InputError, KonturError, UnreadableFile
from ..core.files import atomic_write
from ..datasets import Dataset, check
from ..networks import Network, build
from .recipe import Recipe
from .samples import Samples

Progress = Callable[[int, int], None]

# Findings with which a training gives what it should all the same; they are told, and nothing stops.
HARMLESS = frozenset(
    {"missing_image", "listed_in_two_splits", "duplicate_across_splits", "empty_mask", "exif_rotation"}
)
_NAMED = 3  # faults an error names before it counts the rest


# --- the data -------------------------------------------------------------------------------------------------------


def data_hash(data: Iterable[Dataset | Samples]) -> str:
    """SHA-256, as 64 hexadecimal digits, over the samples' names, the bytes of all their files, and the categories.

    Files are read in pieces and in threads. Raises UnreadableFile for a file that is gone.
    """
    datasets = _datasets(data)
    files = sorted({path for each in datasets for pair in each.pairs for path in (pair.image, pair.target) if path})
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        digests = dict(zip(files, pool.map(_file_digest, files), strict=True))
    whole = hashlib.sha256()
    for each in datasets:
        taxonomy = each.taxonomy
        categories = [] if taxonomy is None else [(c.id, c.name) for c in taxonomy]
        head = [each.name, each.split, categories, None if taxonomy is None else taxonomy.ignore]
        whole.update(json.dumps(head, ensure_ascii=False).encode())
        for pair in each.pairs:
            truth = digests[pair.target] if pair.target else ""
            whole.update(json.dumps([pair.name, digests[pair.image], truth], ensure_ascii=False).encode())
    return whole.hexdigest()


def _datasets(data: Iterable[Dataset | Samples]) -> list[Dataset]:
    """The splits behind, each once."""
    found: dict[tuple[str, str, str], Dataset] = {}
    for each in data:
        for split in each.sets if isinstance(each, Samples) else [each]:
            found.setdefault((split.name, str(split.layout.root), split.split), split)
    return list(found.values())


def _file_digest(path: Path) -> str:
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UnreadableFile(f"{path}: cannot be read: {error.strerror or error}") from None


class CheckedData(NamedTuple):
    """digest: `data_hash` of the data sets. remarks: one line each, what is worth knowing and stops nothing."""

    digest: str
    remarks: tuple[str, ...]


def check_data(
    *data: Dataset | Samples,
    options: Mapping[str, Any] | None = None,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> CheckedData:
    """`kontur.datasets.check` on the folders of these data sets: every image and mask is decoded.

    options: those the sets were opened with. cache: a JSON file that keeps the result under the data's hash, so that a
    resume does not check again what has not changed. progress: called with (done, total) files.

    Raises InputError that names the first faults, counts them all and says how to see them.
    """
    datasets = _datasets(data)
    digest = data_hash(datasets)
    known = _cached(cache)
    if known.get("digest") == digest and isinstance(known.get("remarks"), list):
        return CheckedData(digest, tuple(map(str, known["remarks"])))
    remarks: list[str] = []
    for name, root in sorted({(each.name, each.layout.root) for each in datasets}):
        report = check(name, root, progress=progress, **dict(options or {}))
        faults = [f for f in report.findings if f.kind not in HARMLESS]
        if faults:
            told = "; ".join(f"{f.file}: {f.kind}{'' if f.value is None else f' {f.value}'}" for f in faults[:_NAMED])
            more = f"; and {len(faults) - _NAMED} more" if len(faults) > _NAMED else ""
            noun = "fault" if len(faults) == 1 else "faults"
            raise InputError(
                f"{root}: expected masks and images without faults, got {len(faults)} {noun}: {told}{more}. "
                f"Correct them; `kontur data check {root} --as {name}{_flags(options or {})}` lists all"
            )
        remarks += [f"{f.file}: {f.kind}, {f.value}. {f.advice}" for f in report.findings]
        remarks += report.notes
    if cache is not None:
        content = {"digest": digest, "remarks": remarks}
        atomic_write(cache, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())
    return CheckedData(digest, tuple(remarks))


def _flags(options: Mapping[str, Any]) -> str:
    """A data set's options as `kontur data check` takes them."""
    words = {
        key: ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
        for key, value in options.items()
    }
    return "".join(f" --{key} {shlex.quote(word)}" for key, word in words.items())


def _cached(cache: Path | None) -> dict[str, Any]:
    try:
        found = json.loads(cache.read_bytes()) if cache is not None else {}
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


class ClassFrequencies(NamedTuple):
    """pixels: of each class, (K,). images: all counted pixels of the images in which the class occurs, (K,). int64 tensors.

    `kontur.losses.median_frequency(*class_frequencies(samples))` is the weight of Eigen & Fergus.
    """

    pixels: Tensor
    images: Tensor


def class_frequencies(samples: Samples, *, progress: Progress | None = None) -> ClassFrequencies:
    """How often each class occurs. Ignored pixels do not count, neither as pixels of a class nor of an image."""
    classes = len(samples.taxonomy)

    def counts(index: int) -> NDArray[np.int64]:
        target = samples[index][1].ravel()
        return np.bincount(target[target < classes], minlength=classes).astype(np.int64)

    pixels, images = np.zeros(classes, np.int64), np.zeros(classes, np.int64)
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for done, each in enumerate(pool.map(counts, range(len(samples))), 1):
            pixels += each
            images[each > 0] += each.sum()
            if progress:
                progress(done, len(samples))
    return ClassFrequencies(torch.from_numpy(pixels), torch.from_numpy(images))


# --- whether it learns ----------------------------------------------------------------------------------------------


class Overfitted(NamedTuple):
    """The loss of one batch before the first step and after the last."""

    first: float
    last: float


def overfit_one_batch(
    network: nn.Module,
    loss: Callable[[Any, Tensor], Tensor],
    samples: Any,
    keys: Sequence[Any],
    ignore: int,
    *,
    steps: int = 50,
    rate: float = 1e-3,
) -> Overfitted:
    """Train a copy of the network on one batch alone, with Adam; its loss must fall below half of its first value.

    loss: of the network's output in training mode and the targets (B, H, W). samples[key] -> (image (C, H, W), target (H, W),
    ..), and keys: of the batch. The network, its gradients and PyTorch's random state are as before afterwards.

    Raises InputError when the loss does not fall or is not finite, or when every pixel of the batch is ignored.
    """
    device = next(network.parameters()).device
    chosen = [samples[key][:2] for key in keys]
    images = torch.stack([image for image, _ in chosen]).to(device)
    targets = torch.stack([target for _, target in chosen]).to(device)
    if bool((targets == ignore).all()):
        raise InputError("overfit one batch: expected pixels that count, got a batch in which every pixel is ignored")
    pupil = copy.deepcopy(network).train()
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []), torch.enable_grad():
        optimiser = torch.optim.Adam(pupil.parameters(), lr=rate)
        losses: list[float] = []
        for _ in range(steps + 1):
            optimiser.zero_grad(set_to_none=True)
            value = loss(pupil(images), targets)
            losses.append(float(value.detach()))
            if not math.isfinite(losses[-1]) or len(losses) > steps:
                break
            value.backward()
            optimiser.step()
    first = losses[0]
    last = float(np.mean(losses[-5:]))  # dropout makes a single one jump
    if not math.isfinite(losses[-1]):
        raise InputError(
            f"overfit one batch: expected a finite loss, got {losses[-1]} at step {len(losses) - 1}. "
            "Check mean and std of the normalisation and the loss"
        )
    if last > first / 2:
        raise InputError(
            f"overfit one batch: expected the loss of one batch under {first / 2:.3g} after {steps} steps, got {last:.3g} "
            f"(from {first:.3g}). Do masks and images belong together, and does the loss fit the network?"
        )
    return Overfitted(first, last)


# --- whether it fits ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Memory:
    """Bytes that training takes beside the program itself (about 400 MB of PyTorch)."""

    parameters: int  # weights and buffers
    gradients: int
    optimiser: int  # its state, and the average of the weights
    activations: int  # what the backward pass needs of the forward pass
    transient: int  # what lives for one layer at a time

    @property
    def total(self) -> int:
        return self.parameters + self.gradients + self.optimiser + self.activations + self.transient

    def __str__(self) -> str:
        return (
            f"{_size(self.total)} (weights {_size(self.parameters)}, gradients {_size(self.gradients)}, "
            f"optimiser {_size(self.optimiser)}, activations {_size(self.activations + self.transient)})"
        )


def memory_estimate(
    network: Network,
    batch: int,
    size: tuple[int, int],
    *,
    states: int = 2,
    average: bool = False,
) -> Memory:
    """What a training step of `batch` images of size (H, W) takes in float32, without computing it.

    states: numbers the optimiser keeps a weight, 2 for AdamW, 1 for SGD with momentum. average: whether an average of
    the weights is kept. The forward pass runs on PyTorch's meta device, where tensors have no memory; what autograd
    keeps for the backward pass is counted, each storage once. A network that cannot run there (crf_rnn) runs one image
    in truth, and its count is multiplied by the batch.
    """
    weights = sum(p.numel() * p.element_size() for p in network.parameters())
    trained = sum(p.numel() * p.element_size() for p in network.parameters() if p.requires_grad)
    buffers = sum(b.numel() * b.element_size() for b in network.buffers())
    try:
        kept, largest = _kept(copy.deepcopy(network).to("meta"), (batch, network.channels, *size), "meta")
    except (NotImplementedError, RuntimeError):
        with torch.random.fork_rng(devices=[]):
            kept, largest = _kept(copy.deepcopy(network).to("cpu"), (1, network.channels, *size), "cpu")
        kept, largest = kept * batch, largest * batch
    # The loss keeps the logits in float32 and their softmax, and takes a copy of the counted pixels.
    logits = 4 * batch * network.classes * size[0] * size[1]
    return Memory(
        weights + buffers,
        trained,
        states * trained + (weights + buffers if average else 0),
        kept + 2 * logits,
        # At the peak a layer's gradient, that of its input, and one more for the convolution's rearranged image.
        3 * max(largest, logits),
    )


def _kept(network: Network, shape: tuple[int, ...], device: str) -> tuple[int, int]:
    """Bytes that autograd keeps of a forward pass, and of the largest tensor among them; weights are not counted."""
    own = {t.untyped_storage()._cdata for t in (*network.parameters(), *network.buffers())}
    seen: dict[int, tuple[int, Any]] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            # The storage is held, or another would get its number.
            seen[storage._cdata] = (storage.nbytes(), storage)
        return tensor

    image = torch.zeros(shape, device=device)
    with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        network.train()(image)
    sizes = [nbytes for nbytes, _ in seen.values()]
    return sum(sizes), max(sizes, default=0)


def available_memory(device: torch.device | str = "cpu") -> int | None:
    """Bytes that are free for this process on the device: of the machine, or of its control group where that is less.

    None where the system does not say.
    """
    device = torch.device(device)
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    found = [*_proc_available(), *_group_available()]
    return min(found) if found else None


def _proc_available() -> Iterable[int]:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return [int(line.split()[1]) * 1024]
    except (OSError, ValueError, IndexError):
        pass
    try:
        return [os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    except (AttributeError, ValueError, OSError):
        return []


def _group_available() -> Iterable[int]:
    for limit, used in (
        ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ):
        try:
            most = int(Path(limit).read_text())
            return [most - int(Path(used).read_text())] if most < 1 << 60 else []
        except (OSError, ValueError):
            continue
    return []


def memory_check(recipe: Recipe, classes: int, device: torch.device | str = "cpu") -> Memory:
    """The largest estimate of a recipe's stages. Raises KonturError when it takes more than nine tenths of what is free."""
    table = recipe.network
    with torch.random.fork_rng(devices=[]):
        network = build(table.name, classes, table.channels, **table.options)
    states = 2 if recipe.optimiser.name == "adamw" else 1
    every = [
        memory_estimate(network, stage.batch, stage.crop, states=states, average=recipe.run.ema > 0)
        for stage in recipe.stages
    ]
    needed = max(every, key=lambda memory: memory.total)
    free = available_memory(device)
    if free is not None and needed.total > 0.9 * free:
        raise KonturError(
            f"memory: a step needs about {needed}, expected less than nine tenths of the {_size(free)} that are free on "
            f"{device}. Take a smaller batch (with optimiser.accumulate for the same step), a smaller crop or another network"
        )
    return needed


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
