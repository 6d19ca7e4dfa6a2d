"""kill -9 at random moments: every resume loads, and the run ends with the bits of an undisturbed one.

A process that has PyTorch loaded already is forked for each attempt, so that an attempt costs no start of PyTorch; it is killed
by the system's SIGKILL, anywhere: while data are checked, in a step, while a checkpoint, a table or a picture is written.
"""

from __future__ import annotations

import csv
import multiprocessing
import random
import sys
import time
from pathlib import Path

import pytest
import torch

from kontur.training import checkpoint
from kontur.training.run import Folder
from training import toy

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")


def train(root: Path, run: Path, channels_last: bool) -> None:
    """What the killed process does: start, or go on as `kontur train --resume` does."""
    from kontur.training import fit, load_recipe

    toy.add_tiny_here()
    torch.set_num_threads(1)
    resume = (run / "recipe.toml").exists()
    recipe = toy.recipe(
        root,
        network={"name": "tiny"},
        stages=[{"epochs": 2, "batch": 2, "crop": [32, 32]}, {"epochs": 1, "batch": 4, "crop": [48, 64]}],
        optimiser={"clip": 1.0},
        augmentation={"brightness": 0.3},
        validation={"samples": 1},
        run={"ema": 0.9, "checkpoint_minutes": 1e-6, "channels_last": channels_last},
    )
    fit(load_recipe(run / "recipe.toml") if resume else recipe, run, resume=resume)


def facts(run: Path) -> tuple[dict[str, torch.Tensor], list[dict[str, str]], dict[str, torch.Tensor]]:
    """The last checkpoint's tensors, the table without its times, the best weights."""
    place = Folder(run)
    with (run / "metrics.csv").open(newline="") as file:
        rows = [{k: v for k, v in r.items() if k not in ("seconds", "images_per_second")} for r in csv.DictReader(file)]
    return checkpoint.read_last(place.checkpoints).tensors, rows, checkpoint.read(place.best).tensors


def equal(one, other) -> bool:
    tensors = all(
        a.keys() == b.keys() and all(torch.equal(v, b[k]) for k, v in a.items())
        for a, b in ((one[0], other[0]), (one[2], other[2]))
    )
    return tensors and one[1] == other[1]


def torment(root: Path, folder: Path, kills: int, seed: int) -> tuple[int, int]:
    """Kill until `kills` have hit; returns the number of runs that were brought to their end, and of attempts."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["torch", "torchvision", "kontur.training.loop", "training.toy"])
    draw = random.Random(seed)

    def attempt(run: Path, seconds: float | None) -> tuple[bool, float]:
        process = context.Process(target=train, args=(root, run, True))
        began = time.monotonic()
        process.start()
        process.join(seconds)
        if process.exitcode is None:
            process.kill()
            process.join()
        assert process.exitcode in (0, -9), f"a resume failed with exit code {process.exitcode} after {hit} kills"
        return process.exitcode == -9, time.monotonic() - began

    hit = 0
    attempt(folder / "warm", None)
    _, usual = attempt(folder / "undisturbed", None)
    wanted = facts(folder / "undisturbed")
    runs, attempts = 0, 0
    while hit < kills:
        run = folder / f"run{runs}"
        killed, since = True, 0
        while killed:
            seconds = draw.uniform(0, usual) if hit < kills else None
            killed, took = attempt(run, seconds)
            attempts += 1
            hit += killed
            # How long an attempt takes depends on what else the machine does meanwhile.
            since = since + 1 if killed else 0
            usual *= 1.3 if since > 12 else 1.0
        usual = (usual + took) / 2
        assert equal(facts(run), wanted), f"other bits after {hit} kills"
        assert not list(run.rglob("*.tmp"))
        runs += 1
    return runs, attempts


def test_three_kills(root, tmp_path):
    runs, attempts = torment(root, tmp_path, kills=3, seed=0)
    assert attempts >= runs + 3


@pytest.mark.slow
def test_two_hundred_kills(root, tmp_path):
    runs, attempts = torment(root, tmp_path, kills=200, seed=1)
    print(f"200 kills in {attempts} attempts at {runs} runs; every resume loaded, every run ended with the same bits")
    assert attempts >= runs + 200
