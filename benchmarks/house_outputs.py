"""Whether two source trees write the same files: `kontur segment` over photos by ten methods, every output hashed.

    python benchmarks/house_outputs.py OTHER [--photos 20] [--jobs 1]

OTHER is another checkout; this one is compared with it. Seconds and the version are left out of JSON before it is compared. Photos are
the first of BSDS500 val in KONTUR_DATA (or beside the project).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("KONTUR_DATA", ROOT.parent / "shared" / "data"))
WRITE = "labels,overlay,json,coco,geojson,svg,labelme,yolo,measurements,outline,mean"
METHODS: dict[str, tuple[str, ...]] = {
    "contours": ("--write", WRITE + ",boundaries,ultrametric,levels,hierarchy"),
    "otsu": ("--write", WRITE + ",cutout", "--min-area", "20", "--fill-holes"),
    "slic": ("--write", WRITE, "--set", "segments=150"),
    "felzenszwalb": ("--write", WRITE),
    "watershed": ("--write", WRITE, "--min-area", "30"),
    "kmeans": ("--write", WRITE, "--seed", "3"),
    "canny": ("--write", WRITE),
    "multi_otsu": ("--write", WRITE, "--keep-largest"),
    "nuclei": ("--write", WRITE + ",cutout"),
    "grabcut": ("--write", WRITE + ",cutout", "--box", "60,60,260,260"),
}


def written(tree: Path, method: str, photos: list[Path], jobs: int) -> dict[str, str]:
    """File -> hash of what the tree's `kontur segment` writes."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "-W",
            "ignore",
            "-m",
            "kontur",
            "segment",
            *map(str, photos),
            "-m",
            method,
            "-o",
            folder,
        ]
        environment = {**os.environ, "PYTHONPATH": str(tree / "src")}
        subprocess.run([*command, "-q", "--jobs", str(jobs), *METHODS[method]], check=True, env=environment)
        files = sorted(p for p in Path(folder).rglob("*") if p.is_file())
        return {str(p.relative_to(folder)): hashlib.sha256(content(p)).hexdigest() for p in files}


def content(path: Path) -> bytes:
    """Bytes without the run's time and version."""
    if path.suffix == ".npz":
        import numpy as np

        with np.load(path) as archive:
            parts = {name: archive[name] for name in sorted(archive.files)}
        meta = parts.pop("meta", None)
        plain = b"".join(name.encode() + part.tobytes() for name, part in parts.items())
        return plain + (without_time(json.loads(meta.tobytes())) if meta is not None else b"")
    if path.suffix in (".json", ".geojson"):
        return without_time(json.loads(path.read_text(encoding="utf-8")))
    return path.read_bytes()


def without_time(document: object) -> bytes:
    def kept(value: object) -> object:
        if isinstance(value, dict):
            return {k: kept(v) for k, v in value.items() if k not in ("seconds", "version")}
        return [kept(v) for v in value] if isinstance(value, list) else value

    return json.dumps(kept(document)).encode()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("other", type=Path)
    parser.add_argument("--photos", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=1)
    given = parser.parse_args()
    photos = sorted((DATA / "bsds500" / "images" / "val").glob("*.jpg"))[: given.photos]
    if len(photos) < given.photos:
        raise SystemExit(f"{DATA}: expected bsds500/images/val with {given.photos} photos, got {len(photos)}")
    different = 0
    for method in METHODS:
        here, there = (written(tree, method, photos, given.jobs) for tree in (ROOT, given.other))
        wrong = sorted(name for name in here.keys() | there.keys() if here.get(name) != there.get(name))
        different += len(wrong)
        print(f"{method:14} {len(here):4} files, {len(wrong)} differ {wrong[:5] if wrong else ''}", flush=True)
    raise SystemExit(1 if different else 0)


if __name__ == "__main__":
    main()
