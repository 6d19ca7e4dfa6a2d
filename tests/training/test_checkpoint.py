"""Checkpoints: whole or not there, checked when read."""

from __future__ import annotations

import errno
import json

import pytest
import torch

from kontur.core.errors import InputError, OutputError, UnreadableFile
from kontur.networks import build
from kontur.training import checkpoint
from kontur.training.checkpoint import Checkpoint


def made(value, **facts):
    return Checkpoint({"network.weight": torch.full((3, 2), float(value))}, {"step": value, **facts})


def test_what_is_written_is_read_back(tmp_path):
    tensors = {
        "a": torch.randn(3, 4).t(),
        "b": torch.tensor(7),
        "c": torch.get_rng_state(),
        "d": torch.tensor([float("nan")]),
    }
    checkpoint.write(tmp_path, 5, Checkpoint(tensors, {"step": 5, "state": {"best": None}}))
    back = checkpoint.read_last(tmp_path)
    assert back.facts["step"] == 5
    assert back.facts["state"] == {"best": None}
    for key, value in tensors.items():
        assert back.tensors[key].dtype == value.dtype
        assert torch.equal(back.tensors[key].nan_to_num(), value.nan_to_num())


def test_the_last_two_stay_and_the_best_stays_beside_them(tmp_path):
    for step in (1, 2, 3, 4):
        checkpoint.write(tmp_path, step, made(step))
        if step in (1, 3):
            checkpoint.write_best(tmp_path, step, made(step))
    names = sorted(p.name for p in tmp_path.iterdir())
    assert names == [
        "best-00000003.safetensors",
        "best.json",
        *(f"step-0000000{n}.{end}" for n in (3, 4) for end in ("json", "safetensors")),
    ]
    assert checkpoint.read_last(tmp_path).facts["step"] == 4
    assert checkpoint.read(tmp_path / "best.json").facts["step"] == 3


def test_tensors_without_their_json_do_not_count(tmp_path):
    """What a kill between the two files leaves."""
    checkpoint.write(tmp_path, 1, made(1))
    path = checkpoint.write(tmp_path, 2, made(2))
    path.with_suffix(".json").unlink()
    assert checkpoint.read_last(tmp_path).facts["step"] == 1


@pytest.mark.parametrize("where", [0, 9, -1])
def test_a_flipped_bit_is_found(tmp_path, where):
    path = checkpoint.write(tmp_path, 1, made(1))
    data = bytearray(path.read_bytes())
    data[where] ^= 4
    path.write_bytes(data)
    with pytest.raises(UnreadableFile, match=r"step-00000001\.safetensors.*checksum.*damaged"):
        checkpoint.read_last(tmp_path)


@pytest.mark.parametrize("damage", ["cut", "gone", "json", "empty"])
def test_other_damage_is_one_line(tmp_path, damage):
    path = checkpoint.write(tmp_path, 1, made(1))
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:50])
    elif damage == "gone":
        path.unlink()
    else:
        path.with_suffix(".json").write_text("{" if damage == "json" else "{}")
    with pytest.raises(UnreadableFile) as caught:
        checkpoint.read_last(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("fails_at", [1, 2])
def test_a_full_disk_keeps_the_last_good_one(tmp_path, monkeypatch, fails_at):
    """At the tensors, or at the JSON after them."""
    checkpoint.write(tmp_path, 1, made(1))
    real = checkpoint.atomic_write
    calls = []

    def full(path, data):
        calls.append(path)
        if len(calls) == fails_at:
            raise OutputError(f"{path}: cannot be written: the disk is full")
        real(path, data)

    monkeypatch.setattr(checkpoint, "atomic_write", full)
    with pytest.raises(OutputError, match="full"):
        checkpoint.write(tmp_path, 2, made(2))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["step-00000001.json", "step-00000001.safetensors"]
    assert checkpoint.read_last(tmp_path).facts["step"] == 1


def test_the_systems_own_error_is_one_line_and_leaves_no_temporary_file(tmp_path, monkeypatch):
    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("kontur.core.files.os.fsync", full)
    with pytest.raises(OutputError, match="the disk is full"):
        checkpoint.write(tmp_path, 1, made(1))
    assert list(tmp_path.iterdir()) == []


def test_weights_of_another_network_are_named():
    enet = build("enet", 3)
    with pytest.raises(InputError, match=r"another network: \d+ tensors do not fit, the first is"):
        checkpoint.load_network(build("erfnet", 3), enet.state_dict(), "run")
    with pytest.raises(InputError, match=r"expected \(16, 5, .*got \(16, 3,"):
        checkpoint.load_network(build("enet", 5), enet.state_dict(), "run")


def test_the_optimisers_state_comes_back(tmp_path):
    torch.manual_seed(0)
    layers = [torch.nn.Linear(3, 3) for _ in range(2)]
    layers[1].load_state_dict(layers[0].state_dict())
    optimisers = [torch.optim.AdamW(layer.parameters(), lr=0.1) for layer in layers]
    data = torch.randn(4, 5, 3)

    def step(number, which):
        optimisers[which].zero_grad()
        layers[which](data[number]).square().sum().backward()
        optimisers[which].step()

    for number in range(4):
        step(number, 0)
    for number in range(2):
        step(number, 1)
    checkpoint.write(tmp_path, 2, Checkpoint(checkpoint.optimiser_tensors(optimisers[1]), {}))
    fresh = torch.optim.AdamW(layers[1].parameters(), lr=0.1)
    checkpoint.load_optimiser(fresh, checkpoint.read_last(tmp_path).tensors)
    optimisers[1] = fresh
    for number in (2, 3):
        step(number, 1)
    assert torch.equal(layers[0].weight, layers[1].weight)


def test_facts_are_plain_json(tmp_path):
    path = checkpoint.write(tmp_path, 3, made(3, score=0.5))
    facts = json.loads(path.with_suffix(".json").read_text())
    assert facts["file"] == path.name
    assert len(facts["sha256"]) == 64
