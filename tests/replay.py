"""Record what every kernel call gives, to compare two builds of the kernels: a pytest plugin and a command.

    KONTUR_REPLAY=before PYTHONPATH=tests pytest -p replay       records into the folder `before`
    python tests/replay.py compare before after [TOLERANCE]      exit 1 where one call of both gave two answers
    python tests/replay.py pairs before [FUNCTION]               calls the stored inputs again, one process, with CPU time

A call is known by its function and a hash of its arguments (type, shape, order, bytes); what it gave is a hash of the
result and of the arguments afterwards, since kernels write into their arguments. Beside the hashes a few whole calls a
function are kept as pickles: the first ones of each combination of types and whenever one is twice as large as any before.
"""

import copy
import functools
import hashlib
import importlib
import importlib.machinery
import json
import math
import os
import pickle
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

KEPT_A_TYPE = 6
LARGEST_KEPT = 200_000_000  # bytes


def fingerprint(value: Any, digest: Any = None) -> str:
    """A hash of a nest of arrays, tuples and numbers: types, shapes, order in memory and bytes."""
    digest = digest or hashlib.blake2b(digest_size=12)
    if isinstance(value, np.ndarray):
        order = "C" if value.flags.c_contiguous else "F" if value.flags.f_contiguous else "A"
        digest.update(f"{value.dtype.str}{value.shape}{order}".encode())
        digest.update(np.ascontiguousarray(value).data if value.dtype != object else pickle.dumps(value))
    elif isinstance(value, (tuple, list)):
        digest.update(f"({len(value)}".encode())
        for part in value:
            fingerprint(part, digest)
    else:
        plain = value.item() if isinstance(value, np.generic) else value
        digest.update(f"{type(plain).__name__}{plain!r}".encode())
    return digest.hexdigest()


def plain(value: Any) -> bool:
    """Whether it is made of arrays and numbers alone: what compiled code hands to its own functions may be a view."""
    if isinstance(value, (tuple, list)):
        return all(map(plain, value))
    return value is None or isinstance(value, (np.ndarray, np.generic, int, float, str, bytes))


def values_of(value: Any) -> list[float]:
    """A few numbers of each float array, to judge by a tolerance what the hashes can only call different."""
    if isinstance(value, (tuple, list)):
        return [number for part in value for number in values_of(part)]
    if isinstance(value, (float, np.floating)):
        return [float(value)]
    if isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.size:
        flat = np.asarray(value, np.float64).ravel()
        few = flat[np.linspace(0, flat.size - 1, min(16, flat.size)).astype(int)]
        return [float(np.abs(flat).max()), float(flat.mean()), *map(float, few)]
    return []


def size_of(value: Any) -> int:
    if isinstance(value, (tuple, list)):
        return sum(map(size_of, value))
    return value.nbytes if isinstance(value, np.ndarray) else 8


def types_of(value: Any) -> str:
    if isinstance(value, (tuple, list)):
        return "(" + ",".join(map(types_of, value)) + ")"
    if isinstance(value, np.ndarray):
        return f"{value.dtype.str}{value.ndim}{'C' if value.flags.c_contiguous else 'A'}{'' if value.flags.writeable else 'r'}"
    return type(value).__name__


class Recorder:
    """Writes one line a new call to FOLDER/calls-PID.jsonl, and a few whole calls to FOLDER/pairs/."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "pairs").mkdir(parents=True, exist_ok=True)
        self.pid = 0
        self.seen: set[tuple[str, str]] = set()
        self.kept: dict[str, int] = defaultdict(int)
        self.largest: dict[str, int] = defaultdict(int)

    def call(self, name: str, function: Callable[..., Any], args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        given = (*args, *keywords.values())
        key = fingerprint(given) if plain(given) else ""
        if not key or (name, key) in self.seen:
            return function(*args, **keywords)
        self.seen.add((name, key))
        size, kind = size_of(given), name + types_of(given)
        keep = (
            not keywords and size <= LARGEST_KEPT and (self.kept[kind] < KEPT_A_TYPE or size > 2 * self.largest[kind])
        )
        before = copy.deepcopy(args) if keep else None
        result = function(*args, **keywords)
        line = [name, key, fingerprint(result), fingerprint(given), values_of((result, given))]
        if self.pid != os.getpid():  # also after a fork
            self.pid = os.getpid()
            self.file = (self.folder / f"calls-{self.pid}.jsonl").open("a")
        self.file.write(json.dumps(line) + "\n")
        self.file.flush()
        if keep:
            self.kept[kind] += 1
            self.largest[kind] = max(size, self.largest[kind])
            with (self.folder / "pairs" / f"{name}-{key}.pickle").open("wb") as file:
                pickle.dump((name, before, result, args), file, protocol=5)
        return result


def watch(recorder: Recorder) -> None:
    """Put every function that a compiled module of Kontur defines behind the recorder, when the module is loaded."""
    loaded = importlib.machinery.ExtensionFileLoader.exec_module

    def exec_module(self: Any, module: ModuleType) -> None:
        loaded(self, module)
        if module.__name__.startswith("kontur."):
            for name, value in list(vars(module).items()):
                if type(value).__name__ in ("cython_function_or_method", "fused_cython_function"):
                    recorded = functools.partial(_recorded, recorder, f"{module.__name__}.{name}", value)
                    setattr(module, name, functools.wraps(value)(lambda *args, _f=recorded, **words: _f(args, words)))

    importlib.machinery.ExtensionFileLoader.exec_module = exec_module  # type: ignore[method-assign]


def _recorded(recorder: Recorder, name: str, function: Any, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    return recorder.call(name, function, args, keywords)


def pytest_configure(config: Any) -> None:
    if "KONTUR_REPLAY" in os.environ:
        watch(Recorder(Path(os.environ["KONTUR_REPLAY"]).absolute()))


def compare(before: Path, after: Path, tolerance: float) -> int:
    """Print what differs between two recordings; 1 where anything does."""
    lines: list[dict[tuple[str, str], list[Any]]] = []
    for folder in (before, after):
        calls = [json.loads(line) for path in sorted(folder.glob("calls-*.jsonl")) for line in path.open()]
        lines.append({(call[0], call[1]): call[2:] for call in calls})
    common = lines[0].keys() & lines[1].keys()
    different: dict[str, int] = defaultdict(int)
    near: dict[str, int] = defaultdict(int)
    for key in common:
        old, new = lines[0][key], lines[1][key]
        if old[:2] != new[:2]:
            alike = len(old[2]) == len(new[2]) and all(
                a == b or (a != a and b != b) or abs(a - b) <= tolerance * max(abs(a), abs(old[2][0]), 1e-30)
                for a, b in zip(old[2], new[2])
            )
            (near if alike and old[2] else different)[key[0]] += 1
    print(f"{len(lines[0])} calls before, {len(lines[1])} after, {len(common)} of both with equal arguments")
    for word, counts in (("differ in the last digits", near), ("DIFFER", different)):
        for name, number in sorted(counts.items()):
            print(f"{word}: {name}, {number} calls")
    return 1 if different else 0


def pairs(folder: Path, wanted: str) -> int:
    """Call the kept calls again, print the CPU time of each function's largest, and what differs; 1 where anything does."""
    rows: dict[str, tuple[int, float, int]] = {}
    wrong = 0
    for path in sorted((folder / "pairs").glob(f"*{wanted}*.pickle")):
        name, before, result, after = pickle.loads(path.read_bytes())
        module, _, attribute = name.rpartition(".")
        function = getattr(importlib.import_module(module), attribute)
        best = math.inf
        for _ in range(3):
            args = copy.deepcopy(before)
            began = time.process_time()
            got = function(*args)
            best = min(best, time.process_time() - began)
        equal = fingerprint(got) == fingerprint(result) and fingerprint(args) == fingerprint(after)
        wrong += not equal
        calls, slowest, unequal = rows.get(name, (0, 0.0, 0))
        rows[name] = (calls + 1, max(slowest, best), unequal + (not equal))
    for name, (calls, slowest, unequal) in rows.items():
        print(f"{name:70s} {calls:4d} calls {1000 * slowest:10.3f} ms" + (f"   {unequal} DIFFER" if unequal else ""))
    return 1 if wrong else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["compare"] and len(sys.argv) in (4, 5):
        sys.exit(compare(Path(sys.argv[2]), Path(sys.argv[3]), float(sys.argv[4]) if len(sys.argv) == 5 else 0.0))
    if sys.argv[1:2] == ["pairs"] and len(sys.argv) in (3, 4):
        sys.exit(pairs(Path(sys.argv[2]), sys.argv[3] if len(sys.argv) == 4 else ""))
    sys.exit(__doc__)
