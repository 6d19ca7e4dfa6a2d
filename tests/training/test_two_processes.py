"""Data-parallel training in two processes on the CPU, as `--devices 2` starts it."""

from __future__ import annotations

import os
import select
import signal
import socket

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from kontur.core.errors import KonturError
from kontur.training import checkpoint, fit
from kontur.training.run import Folder
from training import toy


class Watch:
    """Told of the progress in the first process; there, being unpickled makes the tiny network known."""

    def __init__(self, stop_at: int = -1) -> None:
        self.stop_at = stop_at

    def __reduce__(self):
        return _revived, (self.stop_at,)

    def __call__(self, progress) -> None:
        if progress.step == self.stop_at:
            here, there = socket.socketpair()
            there.setblocking(False)
            before = signal.set_wakeup_fd(there.fileno())
            os.kill(os.getppid(), signal.SIGTERM)  # to the parent, which passes it on
            assert select.select([here], [], [], 120)[0]
            signal.set_wakeup_fd(before)


def _revived(stop_at: int) -> Watch:
    toy.add_tiny_here()
    torch.set_num_threads(1)
    return Watch(stop_at)


def weights(run):
    return checkpoint.without_prefix(checkpoint.read_last(Folder(run).checkpoints).tensors, "network.")


@pytest.fixture
def whole_masks(tmp_path):
    """Without void, so that the mean over a batch is the mean of its halves' means."""
    root = toy.data_set(tmp_path / "scenes")
    for mask in (root / "masks").rglob("*.png"):
        pixels = np.asarray(Pillow.open(mask)).copy()
        pixels[pixels == 255] = 0
        Pillow.fromarray(pixels).save(mask)
    return root


def test_two_processes_make_the_steps_of_one(whole_masks, tmp_path, tiny):
    """Half the batch in each of two processes: the same weights but for rounding, the same steps, one set of records."""
    made = []
    for devices, batch in ((1, 4), (2, 2)):
        recipe = toy.recipe(
            whole_masks,
            network={**tiny, "options": {"norm": False}},
            stages=[{"epochs": 2, "batch": batch, "crop": [48, 64], "scales": [1.0, 1.0]}],
            optimiser={"name": "sgd", "rate": 0.1},
            run={"devices": devices, "strategy": "ddp", "checkpoint_minutes": 1e-6},
        )
        outcome = fit(recipe, tmp_path / f"{devices}", watch=Watch())
        assert (outcome.steps, outcome.finished) == (4, True)
        made.append(weights(tmp_path / f"{devices}"))
    assert all(torch.allclose(made[0][k], made[1][k], rtol=0, atol=1e-6) for k in made[0])
    lines = (tmp_path / "2" / "metrics.csv").read_text().splitlines()
    assert len(lines) == 3


@pytest.mark.slow
def test_two_processes_stop_together_and_go_on_with_the_same_bits(whole_masks, tmp_path, tiny):
    """With batch norm and dropout: each process has its own random state, and gets it back."""
    recipe = toy.recipe(
        whole_masks,
        network=tiny,
        stages=[{"epochs": 4, "batch": 2, "crop": [48, 64]}],
        run={"devices": 2, "strategy": "ddp", "checkpoint_minutes": 1e-6},
    )
    fit(recipe, tmp_path / "whole", watch=Watch())
    outcome = fit(recipe, tmp_path / "parts", watch=Watch(stop_at=4))
    assert not outcome.finished
    assert outcome.steps < 8
    assert fit(recipe, tmp_path / "parts", resume=True, watch=Watch()).finished
    one, other = weights(tmp_path / "whole"), weights(tmp_path / "parts")
    assert all(torch.equal(one[k], other[k]) for k in one)


@pytest.mark.slow
def test_an_error_in_a_process_is_one_line(whole_masks, tmp_path, tiny):
    (whole_masks / "masks" / "val" / "scene08.png").unlink()
    recipe = toy.recipe(whole_masks, network=tiny, run={"devices": 2})
    with pytest.raises(KonturError, match="scene08") as caught:
        fit(recipe, tmp_path / "run", watch=Watch())
    assert "\n" not in str(caught.value)
