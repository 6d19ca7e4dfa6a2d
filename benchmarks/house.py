"""The house by numbers: arrows between files, the length of a trip, and lines written twice.

    python benchmarks/house.py                    this tree
    python benchmarks/house.py --against OTHER    the same of another checkout beside it

Arrows count every import of our own, lazy and TYPE_CHECKING ones alike; a circle is a set of files that reach each other. A trip is
`kontur segment photo` in a process of its own: the files in which a function of ours was called, and the moves from one to another.
A clone is a run of six or more lines that stands in two places, blank lines, comments, imports and lone punctuation left out.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CLONE = 6
MOST_LINES, MOST_FUNCTION = 400, 80


def sources(root: Path) -> list[Path]:
    return sorted((root / "src" / "kontur").rglob("*.py"))


def module(path: Path, root: Path) -> str:
    parts = list(path.relative_to(root / "src").with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def arrows(root: Path) -> dict[str, set[str]]:
    """Module -> the modules of ours that it imports, anywhere in its text."""
    paths = {module(path, root): path for path in sources(root)}
    found: dict[str, set[str]] = {}
    for name, path in paths.items():
        package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
        targets: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                targets |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                base = package[: len(package) - node.level + 1] if node.level else []
                whole = ".".join([*base, *([node.module] if node.module else [])])
                # `from .x import y`: y where that is a module, else x
                targets |= {sub if (sub := f"{whole}.{alias.name}") in paths else whole for alias in node.names}
        found[name] = {target for target in targets if target in paths and target != name}
    return found


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """The sets of two or more modules that reach each other (Tarjan's strongly connected components)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        index[name] = low[name] = len(index)
        stack.append(name)
        for target in sorted(graph[name]):
            if target not in index:
                visit(target)
            if target in stack:
                low[name] = min(low[name], low[target])
        if low[name] == index[name]:
            place = stack.index(name)
            part = sorted(stack[place:])
            del stack[place:]
            if len(part) > 1:
                found.append(part)

    sys.setrecursionlimit(10_000)
    for name in graph:
        if name not in index:
            visit(name)
    return found


def long_files(root: Path) -> list[tuple[int, str]]:
    lengths = [(len(path.read_text(encoding="utf-8").splitlines()), module(path, root)) for path in sources(root)]
    return sorted((pair for pair in lengths if pair[0] > MOST_LINES), reverse=True)


def long_functions(root: Path) -> list[tuple[int, str]]:
    found = []
    for path in sources(root):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
                length = node.end_lineno - node.lineno + 1
                if length > MOST_FUNCTION:
                    found.append((length, f"{module(path, root)}.{node.name}"))
    return sorted(found, reverse=True)


def lines_of(path: Path) -> list[tuple[int, str]]:
    """(line number, text) of the lines that count."""
    kept, in_import = [], False
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        text = " ".join(line.split())
        if in_import or re.match(r"(from|import) ", text):
            in_import = ("(" in text or in_import) and ")" not in text
        elif text and not text.startswith("#") and re.search(r"\w", text):
            kept.append((number, text))
    return kept


def clones(root: Path) -> list[tuple[int, str, str]]:
    """(lines, place, other place) of every longest shared run of CLONE or more lines."""
    texts = {module(path, root): lines_of(path) for path in sources(root)}
    places: dict[tuple[str, ...], list[tuple[str, int]]] = defaultdict(list)
    for name, lines in texts.items():
        for start in range(len(lines) - CLONE + 1):
            places[tuple(text for _, text in lines[start : start + CLONE])].append((name, start))
    found = []
    for same in places.values():
        for number, (name, start) in enumerate(same):
            for other, begin in same[number + 1 :]:
                if start and begin and texts[name][start - 1][1] == texts[other][begin - 1][1]:
                    continue  # the run began earlier
                a, b = texts[name][start:], texts[other][begin:]
                length = next(
                    (i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x[1] != y[1]), min(len(a), len(b))
                )
                if name == other:
                    length = min(length, begin - start)
                if length >= CLONE:
                    found.append((length, f"{name}:{a[0][0]}", f"{other}:{b[0][0]}"))
    return sorted(found, reverse=True)


TRIP = """
import json, os, sys
root = os.path.join(sys.argv[1], "src", "kontur") + os.sep
entered, moves, last = {}, 0, None
def watch(frame, event, argument):
    global moves, last
    code = frame.f_code
    if event != "call" or code.co_name == "<module>" or not code.co_filename.startswith(root):
        return
    entered[code.co_filename[len(root):]] = entered.get(code.co_filename[len(root):], 0) + 1
    if code.co_filename != last:
        moves, last = moves + 1, code.co_filename
exec(sys.argv[2])
import threading
threading.setprofile(watch); sys.setprofile(watch)
try:
    exec(sys.argv[3])
except SystemExit as stop:
    assert not stop.code, stop.code
finally:
    sys.setprofile(None); threading.setprofile(None)
loaded = sorted(m for m in sys.modules if m == "kontur" or m.startswith("kontur."))
print("TRIP", json.dumps({"files": len(entered), "moves": moves, "loaded": len(loaded), "names": sorted(entered)}))
"""


def trip(root: Path, code: str, before: str = "") -> dict:
    """What a piece of code enters, in a process of its own over a small drawn photo, photo.png in its folder."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "PYTHONPATH": str(root / "src")}
        draw = "import numpy, PIL.Image as P; a = numpy.zeros((96, 96, 3), 'uint8'); a[24:72, 30:80] = 200; P.fromarray(a).save('photo.png')"
        subprocess.run([sys.executable, "-c", draw], cwd=folder, env=environment, check=True)
        done = subprocess.run(
            [sys.executable, "-c", TRIP, str(root), before, code],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
        )
        line = next((line for line in done.stdout.splitlines() if line.startswith("TRIP ")), None)
        if line is None:
            raise SystemExit(done.stdout + done.stderr)
        return json.loads(line[5:])


TRIPS = {
    'kontur.segment(photo, "otsu")': ("kontur.segment('photo.png', 'otsu')", "import kontur"),
    "kontur segment photo.png -m otsu": (
        "main(['segment', 'photo.png', '-m', 'otsu', '-q'])",
        "from kontur.cli import main",
    ),
    "kontur segment photo.png": ("main(['segment', 'photo.png', '-q'])", "from kontur.cli import main"),
}


def measure(root: Path, trips: bool) -> dict:
    graph = arrows(root)
    copied = clones(root)
    found = {
        "files": len(graph),
        "lines": sum(len(path.read_text(encoding="utf-8").splitlines()) for path in sources(root)),
        "arrows": sum(map(len, graph.values())),
        "circles": circles(graph),
        "files over 400 lines": long_files(root),
        "functions over 80 lines": long_functions(root),
        "clones": copied,
    }
    if trips:
        for name, (code, before) in TRIPS.items():
            found[name] = trip(root, code, before)
    return found


def tell(found: dict) -> None:
    for key, value in found.items():
        if isinstance(value, dict):
            print(f"{key}: {value['files']} files entered, {value['moves']} moves, {value['loaded']} modules loaded")
            print("   ", ", ".join(value["names"]))
        elif isinstance(value, list):
            print(f"{key}: {len(value)}")
            for each in value:
                print("   ", *each)
        else:
            print(f"{key}: {value}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", type=Path, help="another checkout")
    parser.add_argument("--no-trips", action="store_true")
    arguments = parser.parse_args()
    for root in filter(None, (arguments.against, ROOT)):
        print(f"== {root.name}")
        tell(measure(root.resolve(), not arguments.no_trips))


if __name__ == "__main__":
    main()
