"""How the kernels are compiled: what a compiled file may not do, and what is said where one is missing or stale."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import stale_kernels

PACKAGE = Path(__file__).resolve().parents[2] / "src" / "kontur"
SOURCES = sorted(
    {*PACKAGE.glob("kernels/*.py"), *PACKAGE.glob("*/*_kernel.py")} - {PACKAGE / "kernels" / "__init__.py"}
)


def negative(node: ast.expr) -> bool:
    return isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.stem)
def test_no_index_counts_from_the_end(path):
    """wraparound is off: x[-1] of a list raises, and of an array reads what lies before it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Subscript):
            indices = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            assert not any(map(negative, indices)), f"line {node.lineno}: {ast.unparse(node)}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.stem)
def test_no_division_of_two_whole_numbers(path):
    """cdivision is on: 1 / 720 is 0, as in C."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            whole = [isinstance(side, ast.Constant) and isinstance(side.value, int) for side in (node.left, node.right)]
            assert not all(whole), f"line {node.lineno}: {ast.unparse(node)}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.stem)
def test_a_helper_holds_no_lock(path):
    """Every compiled-only function runs without the interpreter's lock, so that a Python object in it cannot be compiled."""
    text = path.read_text()
    assert len(re.findall(r"^@cython\.cfunc$", text, re.M)) == len(
        re.findall(r"^@cython\.cfunc\n@cython\.nogil$", text, re.M)
    )


def copied(folder: Path) -> Path:
    """The package without what the tests do not need, so that a file of it can be taken away."""
    return Path(
        shutil.copytree(PACKAGE, folder / "kontur", ignore=shutil.ignore_patterns("models", "static", "__pycache__"))
    )


def test_a_missing_kernel_is_one_sentence(tmp_path):
    package = copied(tmp_path)
    for built in package.glob("superpixels/slic_kernel.*"):
        if built.suffix != ".py":
            built.unlink()
    code = "try:\n    import kontur\nexcept Exception as error:\n    print(type(error).__name__, error)"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.startswith("KonturError kontur.superpixels.slic_kernel is not compiled"), (
        done.stdout + done.stderr
    )
    assert "`make`" in done.stdout
    assert done.stdout.count("\n") == 1
    assert stale_kernels(package) == ["superpixels/slic_kernel.py"]


def test_a_kernel_changed_after_it_was_compiled_is_stale(tmp_path):
    package = copied(tmp_path)
    assert stale_kernels(package) == []
    later = (package / "kernels" / "overlaps.abi3.so").stat().st_mtime + 10 if os.name == "posix" else None
    if later is None:
        pytest.skip("compiled files have another name here")
    os.utime(package / "kernels" / "overlaps.py", (later, later))
    assert stale_kernels(package) == ["kernels/overlaps.py"]


def test_the_package_runs_from_a_read_only_folder_without_a_home(tmp_path):
    """No compilation, no cache: nothing is written but the result."""
    package = copied(tmp_path / "root")
    for path in [package, *package.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    code = (
        "import numpy as np, kontur; image = np.zeros((40, 40, 3), np.uint8); image[8:30, 8:30] = 200\n"
        "print([len(kontur.segment(image, name)) > 1 for name in ('felzenszwalb', 'slic', 'watershed_superpixels')])"
    )
    environment = {
        "PYTHONPATH": str(tmp_path / "root"),
        "HOME": "/nonexistent",
        "TMPDIR": "/nonexistent",
        "PATH": os.environ["PATH"],
    }
    try:
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, cwd="/")
    finally:
        for path in [package, *package.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
    assert done.stdout.strip() == "[True, True, True]", done.stderr
    assert not list(package.rglob("*.nbi"))
