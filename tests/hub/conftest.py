"""Tiny models, each made once a session and only where a test asks for it. Nothing here needs a network."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory):
    """`model_folder("segformer")`: the folder of a tiny model; skips where the extra hf is not installed."""
    pytest.importorskip("transformers", reason="the extra hf (transformers) is not installed")
    from hub import tiny_models

    root = tmp_path_factory.mktemp("hub")
    made = {}

    def folder(name, **options):
        key = "-".join([name, *(f"{k}-{v}" for k, v in options.items())])
        if key not in made:
            made[key] = tiny_models.MAKERS[name](root / key, **options)
        return made[key]

    return folder
