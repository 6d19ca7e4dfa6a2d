"""Files are whole or not there at all, and have the permissions that the process gives to new files."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kontur.core.errors import OutputError
from kontur.core.files import atomic_path, atomic_write

PACKAGE = Path(__file__).resolve().parents[2] / "src" / "kontur"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_worked_example(tmp_path):
    """A file appears with its content, and a failure in the middle leaves the old one and nothing beside it."""
    target = tmp_path / "new" / "file.txt"
    atomic_write(target, b"one")

    def half_way() -> None:
        with atomic_path(target) as temporary:
            temporary.write_bytes(b"tw")
            raise OSError("half-way")

    with pytest.raises(OutputError, match="cannot be written"):
        half_way()
    assert target.read_bytes() == b"one"
    assert os.listdir(target.parent) == ["file.txt"]


def test_permissions_follow_the_umask(tmp_path):
    """In a process of its own, whose umask nobody else has: rw for the owner alone."""
    code = "import os, sys; from pathlib import Path; from kontur.core.files import atomic_write\nos.umask(0o077)\natomic_write(Path(sys.argv[1]), b'x')"
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "private")], check=True)
    assert mode(tmp_path / "private") == 0o600
    (tmp_path / "plain").touch()
    atomic_write(tmp_path / "ours", b"x")
    assert mode(tmp_path / "ours") == mode(tmp_path / "plain")


def test_nobody_touches_the_umask():
    """It belongs to the process: setting it for a moment is seen by every thread, and from two threads it can stay set."""
    for path in PACKAGE.rglob("*.py"):
        assert "umask(" not in path.read_text(encoding="utf-8"), path


def test_permissions_from_many_threads(tmp_path):
    """All files of a run with many workers, and one made after it."""
    (tmp_path / "plain").touch()
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda n: atomic_write(tmp_path / f"file{n}", b"x"), range(400)))
    (tmp_path / "after").touch()
    assert {mode(path) for path in tmp_path.iterdir()} == {mode(tmp_path / "plain")}


@pytest.mark.parametrize("name", ["a" * 250, "文" * 80, os.fsdecode(b"d\xff.png"), "new\nline", "-o"])
def test_names_of_any_kind(tmp_path, name):
    atomic_write(tmp_path / name, b"x")
    assert [os.fsencode(n) for n in os.listdir(tmp_path)] == [os.fsencode(name)]
