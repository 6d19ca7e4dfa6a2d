"""Shared fixtures: where the real data lies, and the counting of tests it would have run."""

from __future__ import annotations

import os
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest
from hypothesis import settings

# No test depends on the machine being quiet: an example may take as long as it takes.
settings.register_profile("kontur", deadline=None)
settings.load_profile("kontur")

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("KONTUR_DATA", ROOT.parent / "shared" / "data"))


def stale_kernels(package: Path) -> list[str]:
    """Kernels whose compiled file is missing or older than their source, or than what all kernels share."""
    kernels = {*(package / "kernels").glob("*.py"), *package.glob("*/*_kernel.py")} - {
        package / "kernels" / "__init__.py"
    }
    shared = max((path.stat().st_mtime for path in package.glob("kernels/*.pxd")), default=0.0)
    stale = []
    for source in sorted(kernels):
        built = [source.with_suffix(suffix) for suffix in EXTENSION_SUFFIXES if source.with_suffix(suffix).exists()]
        twin = package / "_x86_64_v3" / source.relative_to(package)
        wide = [twin.with_suffix(suffix) for suffix in EXTENSION_SUFFIXES if twin.with_suffix(suffix).exists()]
        newest = max(source.stat().st_mtime, shared)
        if not built or min(path.stat().st_mtime for path in (*built, *wide)) < newest:
            stale.append(source.relative_to(package).as_posix())
    return stale


def pytest_configure(config: pytest.Config) -> None:
    stale = stale_kernels(ROOT / "src" / "kontur")
    if stale:
        pytest.exit(f"{len(stale)} kernels are not compiled as they are written ({stale[0]}, ..): run `make`", 2)


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real data sets; tests that ask for it are skipped where it is absent."""
    if not DATA.is_dir():
        pytest.skip(f"real data: no folder {DATA.name!r} beside the project; set KONTUR_DATA to it")
    return DATA


@pytest.fixture(scope="session")
def photos(data: Path) -> list[Path]:
    """The 200 BSDS500 test photos, sorted by name."""
    return sorted((data / "bsds500" / "images" / "test").glob("*.jpg"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Where the real data exists, a real-data test that skips itself has failed: silence would hide it."""
    report = yield
    asked = item.get_closest_marker("real_data") is not None or {"data", "photos"} & set(item.fixturenames)
    if report.skipped and asked and DATA.is_dir():
        report.outcome = "failed"
        report.longrepr = f"skipped although the real data exists: {report.longrepr}"
    return report
