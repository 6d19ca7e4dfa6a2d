"""One image through the network of `street`: eager PyTorch, channels-last, ONNX Runtime; medians in one process.

    python benchmarks/inference.py [--size 360 480] [--threads 2] [--rounds 8]

Needs the extra `train`. PyTorch's network is built as recipes/street.toml says, with drawn weights, since speed does not depend on
them; ONNX Runtime runs the embedded file itself (float16 storage) and an export of the drawn network (float32). The contenders take
turns in a drawn order, with a pause before each, as the threads of ONNX Runtime spin for a while after a run. Writes benchmarks/inference.md.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime
import torch

from kontur.core.files import atomic_write
from kontur.networks import build
from kontur.networks.export import export_onnx
from kontur.training.recipe import load_recipe

HERE = Path(__file__).resolve().parent
BOUND = 2.5  # times eager PyTorch


def session(path: Path, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, nargs=2, default=(360, 480))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=8)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    table = load_recipe(HERE.parent / "recipes" / "street.toml").network
    eager = build(table.name, 11, table.channels, **table.options).eval()
    last = build(table.name, 11, table.channels, **table.options).eval().to(memory_format=torch.channels_last)
    with tempfile.TemporaryDirectory() as folder:
        single = Path(folder) / "single.onnx"
        export_onnx(eager, single)
        files = {"ONNX Runtime, float32 file": single}
        files["ONNX Runtime, street.onnx"] = HERE.parent / "src" / "kontur" / "models" / "street.onnx"
        sessions = {name: session(path, given.threads) for name, path in files.items()}
    image = torch.rand(1, 3, *given.size)
    image_last, array = image.to(memory_format=torch.channels_last), np.ascontiguousarray(image.numpy())
    runs = {"eager PyTorch": lambda: eager(image), "PyTorch, channels-last": lambda: last(image_last)}
    for name, each in sessions.items():
        runs[name] = lambda each=each: each.run(["logits"], {"image": array})
    times: dict[str, list[float]] = {name: [] for name in runs}
    with torch.no_grad():
        for _ in range(given.rounds):
            for name in random.sample(list(runs), len(runs)):
                time.sleep(0.3)
                runs[name]()
                for _ in range(5):
                    began = time.perf_counter()
                    runs[name]()
                    times[name].append(1000 * (time.perf_counter() - began))
    base = statistics.median(times["eager PyTorch"])
    height, width = given.size
    lines = [
        f"# The network of `street`, one image of {height}x{width}, {given.threads} threads",
        "",
        f"Medians and best of {5 * given.rounds} runs in one process; the bound is {BOUND}x eager PyTorch. Load before: {os.getloadavg()[0]:.1f}.",
        f"PyTorch {torch.__version__}, ONNX Runtime {onnxruntime.__version__}. Made by `python benchmarks/inference.py`.",
        "",
        "| engine | median, ms | best, ms | times eager |",
        "|---|---|---|---|",
    ]
    for name, each in times.items():
        median = statistics.median(each)
        lines.append(f"| {name} | {median:.1f} | {min(each):.1f} | {base / median:.2f} |")
    print("\n".join(lines))
    atomic_write(HERE / "inference.md", ("\n".join(lines) + "\n").encode())


if __name__ == "__main__":
    main()
