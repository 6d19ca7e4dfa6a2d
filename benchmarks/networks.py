"""Networks' cost: parameters, GMAC, milliseconds in eager PyTorch, channels-last and ONNX Runtime; ours against torchvision's own.

    python benchmarks/networks.py [--size 180 240] [--rounds 7] [--threads 1] [NAME ...]

Needs the extras `train` and `bench`. Ours and the peer's run in turns in one process, and medians are compared; a network of the same
architecture and parameter count must take at most 1.05 times the peer's time. segmentation_models_pytorch's nearest networks are
shown beside, without a bound, where it is installed. Writes benchmarks/networks.md.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import onnxruntime
import torch
from torch import nn

from kontur.core.files import atomic_write
from kontur.networks import build
from kontur.networks.cost import multiply_adds, parameters
from kontur.networks.export import export_onnx

HERE = Path(__file__).parent
CLASSES = 21
DEFAULT = ("enet", "erfnet", "linknet", "bisenet", "segformer_b0", "kontur_lite", "fcn_resnet50", "deeplab_v3")
PEERS = {"deeplab_v3": "deeplabv3_resnet50", "fcn_resnet50": "fcn_resnet50"}
NEAREST = {"deeplab_v3": "DeepLabV3", "linknet": "Linknet", "pspnet": "PSPNet", "deeplab_v3plus": "DeepLabV3Plus"}


def in_turns(runs: Sequence[Callable[[], object]], rounds: int) -> list[list[float]]:
    """Milliseconds of each run, one after the other, `rounds` times; the first round is not counted."""
    times: list[list[float]] = [[] for _ in runs]
    for number in range(rounds + 1):
        for run, spent in zip(runs, times, strict=True):
            started = time.perf_counter()
            run()
            if number:
                spent.append(1000 * (time.perf_counter() - started))
    return times


def peer(name: str) -> nn.Module:
    from torchvision.models import segmentation

    return getattr(segmentation, PEERS[name])(weights=None, weights_backbone=None, num_classes=CLASSES, aux_loss=False)


def nearest(name: str) -> nn.Module | None:
    try:
        import segmentation_models_pytorch as smp
    except ImportError:
        return None
    encoder = "resnet18" if name == "linknet" else "resnet50"
    return getattr(smp, NEAREST[name])(encoder_name=encoder, encoder_weights=None, classes=CLASSES)


@torch.inference_mode()
def against(name: str, other: nn.Module, image: torch.Tensor, rounds: int, label: str) -> str:
    ours = build(name, CLASSES).eval()
    other.eval()
    mine, theirs = in_turns([lambda: ours(image), lambda: other(image)], rounds)
    ratio = statistics.median(mine) / statistics.median(theirs)
    pairs = statistics.median(a / b for a, b in zip(mine, theirs, strict=True))
    counts = parameters(ours), sum(p.numel() for p in other.parameters())
    return (
        f"| {name} | {label} | {counts[0]:,} | {counts[1]:,} | {statistics.median(mine):.0f} | {statistics.median(theirs):.0f} "
        f"| {ratio:.3f} | {pairs:.3f} |"
    )


def alone(name: str, image: torch.Tensor, rounds: int, threads: int) -> str:
    network = build(name, CLASSES).eval()
    height, width = image.shape[-2:]
    gmac = multiply_adds(network, (height, width)) / 1e9
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "network.onnx"
        export_onnx(network, file, size=(64, 64) if max(network.least) <= 64 else (height, width))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    pixels = image.numpy()
    last, last_image = (
        build(name, CLASSES).eval().to(memory_format=torch.channels_last),
        image.contiguous(memory_format=torch.channels_last),
    )
    with torch.inference_mode():
        runs = [lambda: network(image), lambda: last(last_image), lambda: session.run(None, {"image": pixels})]
        eager, channels_last, onnx = (statistics.median(t) for t in in_turns(runs, rounds))
    return f"| {name} | {parameters(network):,} | {gmac:.2f} | {eager:.0f} | {channels_last:.0f} | {onnx:.0f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=list(DEFAULT))
    parser.add_argument("--size", nargs=2, type=int, default=(180, 240), metavar=("H", "W"))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    torch.manual_seed(0)
    image = torch.rand(1, 3, *chosen.size)
    header = f"1x3x{chosen.size[0]}x{chosen.size[1]}, {CLASSES} classes, {chosen.threads} thread(s), medians of {chosen.rounds} rounds in turns"
    lines = [
        "# Networks\n",
        f"{header}; PyTorch {torch.__version__}, ONNX Runtime {onnxruntime.__version__}, {platform.machine()}.",
        "Made by `benchmarks/networks.py`; milliseconds of a busy machine, so look at the ratios.\n",
        "## Ours against others, in one process\n",
        "| network | peer | parameters | peer's | ms | peer's ms | ratio of medians | median of ratios |",
        "|---|---|---|---|---|---|---|---|",
    ]
    print("\n".join(lines), flush=True)

    def keep(line: str) -> None:
        lines.append(line)
        print(line, flush=True)
        atomic_write(HERE / "networks.md", ("\n".join(lines) + "\n").encode())

    for name in PEERS:
        keep(against(name, peer(name), image, chosen.rounds, "torchvision (bound 1.05)"))
    padded = torch.rand(1, 3, *(-(-side // 32) * 32 for side in chosen.size))  # SMP takes multiples of 32 only
    for name in ("linknet", "deeplab_v3"):
        other = nearest(name)
        if other is not None:
            keep(against(name, other, padded, max(3, chosen.rounds // 2), "segmentation_models_pytorch (no bound)"))
    for line in (
        "\n## Each alone\n",
        "| network | parameters | GMAC | eager ms | channels-last ms | ONNX Runtime ms |",
        "|---|---|---|---|---|---|",
    ):
        keep(line)
    for name in chosen.names:
        keep(alone(name, image, max(3, chosen.rounds // 2), chosen.threads))


if __name__ == "__main__":
    main()
