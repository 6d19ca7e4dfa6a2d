"""Who may import whom, as a table of folders; and that nothing but the training side ever needs torch."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "kontur"

SEGMENTERS = {"classical", "superpixels", "graph", "interactive"}
ALLOWED: dict[str, set[str]] = {
    "_version": set(),
    "core": {"_version"},
    "kernels": set(),
    "io": {"core", "kernels"},
    "draw": {"core", "kernels", "io"},
    "metrics": {"core", "kernels", "io"},
    "superpixels": {"core", "kernels"},
    "graph": {"core", "kernels", "superpixels"},
    "classical": {"core", "kernels", "superpixels", "graph"},
    "interactive": {"core", "kernels", "superpixels", "graph"},
    "degrade": {"core"},
    "datasets": {"core", "io"},
    "transforms": {"core", "degrade"},
    "networks": {"core"},  # errors only
    "losses": {"core"},
    "inference": {"core", "kernels", "io", "graph"},
    "hub": {"core"},
    "compare": {"registry", "datasets", "metrics", "draw", "core", "io", "degrade"},
    "training": {
        "core",
        "io",
        "networks",
        "losses",
        "transforms",
        "datasets",
        "metrics",
        "draw",
        "graph",
        "inference",
        "_version",
    },
    "registry": {"core", *SEGMENTERS, "inference", "hub"},
    "files": {"core", "io", "draw", "registry", "inference"},
    "api": {"core", "registry", "io", "files"},
}
TORCH_ALLOWED = {"networks", "losses", "transforms", "training", "hub"}


def room(path: Path) -> str:
    relative = path.relative_to(PACKAGE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def imports(path: Path) -> set[str]:
    """Every module imported anywhere in a file, lazily or not, as dotted names."""
    found = set()
    package = ["kontur", *path.relative_to(PACKAGE).parent.parts]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, node.module] if node.module else base)
            found.add(module)
            found |= {f"{module}.{alias.name}" for alias in node.names}
    return found


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_folder_imports_only_what_the_table_allows(path):
    here = room(path)
    if here in ("cli", "web", "__init__", "__main__"):
        return
    assert here in ALLOWED, f"{here}: a new room; add it to the table"
    rooms = {name.split(".")[1] for name in imports(path) if name.startswith("kontur.")}
    rooms = {r for r in rooms if (PACKAGE / r).is_dir() or (PACKAGE / f"{r}.py").exists()}
    assert rooms - {here} <= ALLOWED[here], f"{path.name} imports {sorted(rooms - {here} - ALLOWED[here])}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_torch_is_imported_only_where_it_may_be(path):
    roots = {name.split(".")[0] for name in imports(path)}
    if room(path) not in TORCH_ALLOWED | {"cli"}:
        assert not roots & {"torch", "torchvision", "timm", "lightning_fabric"}
    assert not roots & {"cv2", "pycocotools", "cityscapesscripts", "faster_coco_eval"}, (
        "peers are for tests and benchmarks"
    )


BLOCK_TORCH = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "torchvision", "timm"):
            raise AssertionError(f"{name} was imported")
sys.meta_path.insert(0, Block())
"""


def test_a_segmentation_runs_with_torch_blocked(tmp_path):
    code = BLOCK_TORCH + (
        "import numpy as np, kontur\n"
        "image = np.zeros((32, 32, 3), np.uint8); image[8:24, 8:24] = 200\n"
        "for name in ('otsu', 'felzenszwalb', 'kmeans', 'slic'):\n"
        "    assert len(kontur.segment(image, name)) >= 1\n"
        "from kontur.cli import main\n"
        "main(['methods', '--json'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode in (0, None), done.stderr[-2000:]


def test_importing_kontur_imports_nothing_heavy():
    code = "import sys, kontur; print(' '.join(sorted(set(m.split('.')[0] for m in sys.modules))))"
    loaded = set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    )
    assert not loaded & {"numpy", "scipy", "skimage", "sklearn", "numba", "PIL", "torch", "typer", "onnxruntime"}


def _house():
    specification = importlib.util.spec_from_file_location("house", PACKAGE.parents[1] / "benchmarks" / "house.py")
    house = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(house)
    return house


def test_no_file_is_in_a_circle_of_imports():
    """Lazy imports and those for types count like all others."""
    house, root = _house(), PACKAGE.parents[1]
    arrows = house.arrows(root)
    assert arrows["kontur.cli.segment"] > {"kontur.files.run", "kontur.registry"}
    assert house.circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [["a", "b", "c"]]
    assert house.circles(arrows) == []


def test_no_file_over_400_lines_and_no_function_over_80():
    """Kernels have their own measure: what is compiled in one piece is one function."""
    house, root = _house(), PACKAGE.parents[1]
    kernels = {house.module(p, root) for p in FILES if p.parent.name == "kernels" or p.stem.endswith("_kernel")}
    assert [found for found in house.long_files(root) if found[1] not in kernels] == []
    assert [found for found in house.long_functions(root) if found[1].rpartition(".")[0] not in kernels] == []
