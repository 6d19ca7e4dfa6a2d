"""Devices, precision and processes by Lightning Fabric, and the signals that ask for a stop."""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from lightning_fabric import Fabric

from ..core.errors import KonturError, OptionError
from .recipe import Recipe

_PRECISION: dict[str, Any] = {"fp32": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed"}


def make_fabric(recipe: Recipe) -> Fabric:
    run = recipe.run
    accelerator = {"gpu": "cuda"}.get(run.device, run.device)
    if accelerator not in ("auto", "cpu", "cuda"):
        raise OptionError(f"run.device: expected auto, cpu or gpu, got {run.device!r}")
    if accelerator == "auto":
        accelerator = "cuda" if torch.cuda.is_available() else "cpu"
    if accelerator == "cuda" and not torch.cuda.is_available():
        raise OptionError("run.device: a GPU was asked for and none is there. Use --device cpu, or run `kontur doctor`")
    if accelerator == "cuda" and run.devices > torch.cuda.device_count():
        raise OptionError(f"run.devices: expected at most {torch.cuda.device_count()} GPUs, got {run.devices}")
    if run.strategy == "fsdp" and accelerator == "cpu":
        raise OptionError("run.strategy: fsdp needs GPUs. Use --strategy ddp on the CPU")
    strategy: Any = run.strategy
    if run.devices > 1 and strategy in ("auto", "ddp"):
        strategy = "ddp_spawn"
    elif run.devices == 1 and strategy == "ddp":
        strategy = "auto"
    return Fabric(accelerator=accelerator, devices=run.devices, strategy=strategy, precision=_PRECISION[run.precision])


def launch(fabric: Fabric, run_everywhere: Any) -> None:
    """Run a function of Fabric in processes of their own. A user's error in one of them is raised here in its one line."""
    with signals() as asked:

        def pass_on() -> None:
            # Ctrl-C in a terminal reaches every process, a signal to this one only this one.
            asked.wait()
            for child in multiprocessing.active_children():
                child.terminate()  # SIGTERM, which they take as a wish to stop after the step

        threading.Thread(target=pass_on, daemon=True).start()
        try:
            fabric.launch(run_everywhere)
        except torch.multiprocessing.ProcessRaisedException as error:
            kind, _, message = str(error).strip().splitlines()[-1].partition(": ")
            if kind.startswith("kontur."):
                raise KonturError(message) from None
            raise


@contextmanager
def signals() -> Iterator[threading.Event]:
    """Ctrl-C and SIGTERM ask for a stop after the step; a second Ctrl-C is not caught any more."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return

    def ask(number: int, frame: Any) -> None:
        asked.set()
        if number == signal.SIGINT:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
