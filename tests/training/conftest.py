"""The toy data set and the tiny network for all tests of training; without PyTorch they are left out."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

collect_ignore_glob = []
try:
    import lightning_fabric  # noqa: F401
    import safetensors  # noqa: F401
    import torch
except ImportError:
    collect_ignore_glob = ["test_*.py"]
else:
    from training import toy

    @pytest.fixture(scope="session")
    def root(tmp_path_factory) -> Path:
        """Eight training scenes, two of validation, two of test."""
        return toy.data_set(tmp_path_factory.mktemp("scenes"))

    @pytest.fixture
    def tiny(monkeypatch) -> dict[str, str]:
        """The network table of a recipe for `toy.tiny`."""
        rows, modules = {}, {}
        toy.add_tiny(rows, modules)
        for name, row in rows.items():
            monkeypatch.setitem(toy.catalogue.CATALOGUE, name, row)
        for name, module in modules.items():
            monkeypatch.setitem(sys.modules, name, module)
        return {"name": "tiny"}

    @pytest.fixture(autouse=True)
    def one_thread():
        """Runs are compared bit by bit, and CI machines are small."""
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        yield
        torch.set_num_threads(before)
