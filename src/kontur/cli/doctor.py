"""`kontur doctor`: what is installed, what is missing and what to do about it."""

from __future__ import annotations

import importlib
import importlib.util
import os
import platform
import tempfile
from collections.abc import Mapping
from importlib import metadata

import typer
from packaging.requirements import Requirement

from .._version import __version__
from . import screen

NOT_FOR_USERS = frozenset({"dev", "bench", "docs", "all"})
"""Extras of those who work on Kontur, and the sum of the others."""


def add_to(app: typer.Typer) -> None:
    @app.command("doctor", help="Check the installation and name the cure of what is wrong.")
    def command() -> None:
        screen.say(
            f"kontur {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} processors"
        )
        modules = metadata.packages_distributions()
        rows, faults = [], []
        for extra, requirements in extras().items():
            found, missing, cures = _checked(requirements, modules)
            state = "ok" if not missing else f"missing: {', '.join(missing)}"
            if missing and not extra:
                cures.append(
                    f"core packages are missing: {', '.join(missing)}. Cure: pip install --force-reinstall kontur"
                )
            elif missing:
                state += f" (pip install 'kontur[{extra}]')"
            rows.append((extra or "core", state, ", ".join(found)))
            faults += [cure for cure in cures if cure not in faults]
        screen.table(("extra", "state", "found"), rows)
        faults += [fault for fault in (_working_folder(),) if fault]
        for fault in faults:
            screen.say(f"PROBLEM: {fault}")
        if faults:
            raise typer.Exit(2)
        screen.say("Everything that is installed works.")


def extras() -> dict[str, list[Requirement]]:
    """Extra -> what it installs here, "" for the core, by the package's own metadata."""
    found: dict[str, list[Requirement]] = {"": []}
    for text in metadata.requires("kontur") or ():
        requirement = Requirement(text)
        if requirement.name == "kontur":
            continue
        for extra in ("", *(metadata.metadata("kontur").get_all("Provides-Extra") or ())):
            wanted = requirement.marker is None or requirement.marker.evaluate({"extra": extra})
            if wanted and extra not in NOT_FOR_USERS and (not extra or requirement not in found[""]):
                found.setdefault(extra, []).append(requirement)
    return found


def _checked(
    requirements: list[Requirement], modules: Mapping[str, list[str]]
) -> tuple[list[str], list[str], list[str]]:
    """What is there with its version, what is missing, and the cures of what is too old or can't be imported."""
    found, missing, cures = [], [], []
    for requirement in requirements:
        name = requirement.name
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            missing.append(name)
            continue
        found.append(f"{name} {version}")
        if not requirement.specifier.contains(version, prereleases=True):
            cures.append(
                f"{name} {version} is installed, expected {requirement.specifier}. Cure: pip install '{requirement}'"
            )
        fault = _import_fault(name, modules)
        if fault:
            cures.append(fault)
    return found, missing, cures


def _import_fault(package: str, modules: Mapping[str, list[str]]) -> str | None:
    """Import what the package brings, as "installed" alone says little; None where it works."""
    if package in ("torch", "torchvision"):
        return _torch_pair()
    wanted = package.lower().replace("-", "_")
    own = [name for name, packages in modules.items() if wanted in {p.lower().replace("-", "_") for p in packages}]
    public = sorted((n for n in own if not n.startswith("_")), key=lambda n: (n != wanted, len(n)))
    for name in public[:1]:
        try:
            importlib.import_module(name)
        except Exception as error:  # whatever a package raises while it is imported, it does not work
            return (
                f"{package} is installed and can't be imported ({_one_line(error)}). "
                f"Cure: pip install --force-reinstall {package}"
            )
    return None


def _torch_pair() -> str | None:
    """torch and torchvision of different builds fail only when torchvision is imported."""
    if not (importlib.util.find_spec("torch") and importlib.util.find_spec("torchvision")):
        return None
    try:
        importlib.import_module("torchvision")
    except (RuntimeError, ImportError, OSError) as error:
        return (
            f"torchvision does not work with the installed torch ({_one_line(error)}). The two come from different indexes or "
            "builds. Cure: pip install --force-reinstall torch torchvision (both in one command, from one index)"
        )
    return None


def _working_folder() -> str | None:
    try:
        with tempfile.TemporaryFile(dir="."):
            return None
    except OSError:
        return "this folder cannot be written to. Cure: choose an output folder with -o"


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
