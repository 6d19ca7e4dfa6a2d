"""What a command costs as a whole process: CPU and wall time, the first run and the next.

    python benchmarks/startup.py [--against OTHER] [--runs 7] [--photo photo.jpg]

OTHER is another checkout. Processes of both trees take turns, so that a busy machine troubles them alike; compiled bytecode is written first.
Without a photo one of 481 x 321 pixels is drawn. Prints a table for benchmarks/startup.md.
"""

from __future__ import annotations

import argparse
import compileall
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SEGMENT = ("-m", "kontur", "segment", "photo.jpg", "-q", "--force", "-o", "out")
COMMANDS: dict[str, tuple[str, ...]] = {
    "import numpy": ("-c", "import numpy"),
    "import typer": ("-c", "import typer"),
    "import kontur": ("-c", "import kontur"),
    "kontur --version": ("-m", "kontur", "--version"),
    "kontur segment -m otsu": (*SEGMENT, "-m", "otsu"),
    "kontur segment -m slic": (*SEGMENT, "-m", "slic"),
    "kontur segment": SEGMENT,
}


def photo(path: Path, given: Path | None) -> None:
    if given is not None:
        path.write_bytes(given.read_bytes())
        return
    import numpy as np
    from PIL import Image

    rows, columns = np.mgrid[:321, :481]
    disc = np.hypot(rows - 160, columns - 240) < 110
    noise = np.random.default_rng(0).normal(0, 12, (321, 481, 3))
    Image.fromarray(np.clip(70 + 110 * disc[..., None] + noise, 0, 255).astype(np.uint8)).save(path, quality=95)


def cost(arguments: tuple[str, ...], tree: Path, folder: str) -> tuple[float, float]:
    """(CPU, wall) seconds of one process."""
    environment = {**os.environ, "PYTHONPATH": str(tree / "src")}
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", type=Path, help="another checkout")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--photo", type=Path)
    given = parser.parse_args()
    trees = [ROOT] + ([given.against.resolve()] if given.against else [])
    for tree in trees:
        compileall.compile_dir(tree / "src", quiet=2)
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors, {given.runs} runs\n")
    print("| command | tree | first CPU s | median CPU s | least CPU s | median wall s |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        photo(Path(folder, "photo.jpg"), given.photo)
        for name, arguments in COMMANDS.items():
            costs: dict[Path, list[tuple[float, float]]] = {tree: [] for tree in trees}
            for _ in range(given.runs):
                for tree in trees:
                    costs[tree].append(cost(arguments, tree, folder))
            for tree in trees:
                cpu, wall = zip(*costs[tree], strict=True)
                print(
                    f"| {name} | {'this' if tree == ROOT else 'other'} | {cpu[0]:.2f} | {statistics.median(cpu):.2f} "
                    f"| {min(cpu):.2f} | {statistics.median(wall):.2f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
