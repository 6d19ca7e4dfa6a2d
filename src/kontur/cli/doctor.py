"""`kontur doctor`: what is installed, what is missing and what to do about it."""

from __future__ import annotations

import importlib.util
import os
import platform
import tempfile

import typer

from .._version import __version__
from ..core.packages import versions
from . import screen

EXTRAS = {
    "core": (
        "numpy",
        "scipy",
        "scikit-image",
        "scikit-learn",
        "pillow",
        "onnxruntime",
        "typer",
        "rich",
        "pydantic",
    ),
    "train": ("torch", "torchvision", "timm", "lightning-fabric", "safetensors", "onnx", "onnxscript", "tensorboard"),
    "geo": ("rasterio", "dask", "distributed"),
    "medical": ("nibabel", "pydicom", "pynrrd"),
    "web": ("fastapi", "uvicorn", "python-multipart"),
    "hf": ("transformers", "torch", "torchvision", "safetensors", "timm"),
}


def add_to(app: typer.Typer) -> None:
    @app.command("doctor", help="Check the installation and name the cure of what is wrong.")
    def command() -> None:
        screen.say(
            f"kontur {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} processors"
        )
        rows, faults = [], []
        for extra, packages in EXTRAS.items():
            versions = {p: _version(p) for p in packages}
            missing = [p for p, version in versions.items() if version is None]
            found = ", ".join(f"{p} {v}" for p, v in versions.items() if v)
            state = "ok" if not missing else f"missing: {', '.join(missing)}"
            if missing and extra == "core":
                faults.append(
                    f"core packages are missing: {', '.join(missing)}. Cure: pip install --force-reinstall kontur"
                )
            elif missing:
                state += f" (pip install 'kontur[{extra}]')"
            rows.append((extra, state, found))
        screen.table(("extra", "state", "found"), rows)
        faults += [fault for fault in (_torch_pair(), _working_folder()) if fault]
        for fault in faults:
            screen.say(f"PROBLEM: {fault}")
        if faults:
            raise typer.Exit(2)
        screen.say("Everything that is installed works.")


def _version(package: str) -> str | None:
    return versions([package]).get(package)


def _torch_pair() -> str | None:
    """torch and torchvision of different builds fail only when torchvision is imported."""
    if not (importlib.util.find_spec("torch") and importlib.util.find_spec("torchvision")):
        return None
    try:
        importlib.import_module("torchvision")
    except (RuntimeError, ImportError, OSError) as error:
        reason = " ".join(str(error).split())
        return (
            f"torchvision does not work with the installed torch ({reason}). The two come from different indexes or "
            "builds. Cure: pip install --force-reinstall torch torchvision (both in one command, from one index)"
        )
    return None


def _working_folder() -> str | None:
    try:
        with tempfile.TemporaryFile(dir="."):
            return None
    except OSError:
        return "this folder cannot be written to. Cure: choose an output folder with -o"
