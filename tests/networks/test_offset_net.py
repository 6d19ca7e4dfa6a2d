"""The offset network: its size, its resolution, its export."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from kontur.core.errors import OptionError  # noqa: E402
from kontur.networks import build  # noqa: E402


@pytest.mark.parametrize("size", [(1, 1), (33, 47), (64, 96)])
def test_any_size_at_full_resolution(size):
    network = build("offset_net", 1).eval()
    with torch.no_grad():
        assert network(torch.rand(2, 3, *size)).shape == (2, 4, *size)


def test_neighbouring_pixels_are_told_apart():
    """Full resolution is not an enlarged half: all four pixels of a block have an output of their own."""
    network = build("offset_net", 1).eval()
    with torch.no_grad():
        logits = network(torch.rand(1, 3, 64, 64))[0, 0]
    blocks = logits.reshape(32, 2, 32, 2)
    assert (blocks[:, 0, :, 0] - blocks[:, 1, :, 1]).abs().min() > 0


def test_fewer_than_ten_megabytes():
    network = build("offset_net", 1)
    assert sum(p.numel() for p in network.parameters()) * 4 < 15e6  # halved when stored as float16


def test_wrong_options():
    with pytest.raises(OptionError, match="classes"):
        build("offset_net", 2)
    with pytest.raises(OptionError, match="width"):
        build("offset_net", 1, width=0)
