"""Make src/kontur/networks/table.json, which `kontur networks` prints: parameters, GMAC, receptive field.

python benchmarks/networks_table.py [NAME ...]       all networks, or those named (the other rows are kept)
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

from kontur.core.files import atomic_write
from kontur.networks import CATALOGUE, build
from kontur.networks.cost import multiply_adds, parameters, receptive_field

TABLE = Path(__file__).parents[1] / "src/kontur/networks/table.json"
CLASSES = 19
SIZES = ((360, 480), (1024, 2048))


def row(name: str) -> dict[str, object]:
    entry = CATALOGUE[name]
    with torch.device("meta"):
        network = build(name, CLASSES)
    gmac = {f"gmac_{h}x{w}": round(multiply_adds(network, (h, w)) / 1e9, 2) for h, w in SIZES}
    return {
        "name": name,
        "paper": entry.paper,
        "year": entry.year,
        "classes": CLASSES,
        "parameters": parameters(network),
        **gmac,
        "receptive_field": receptive_field(build(name, CLASSES)),
    }


def main() -> None:
    torch.set_num_threads(1)
    rows = {r["name"]: r for r in json.loads(TABLE.read_text())} if TABLE.exists() else {}
    for name in sys.argv[1:] or CATALOGUE:
        rows[name] = row(name)
        print(rows[name], flush=True)
        ordered = [rows[n] for n in CATALOGUE if n in rows]
        atomic_write(TABLE, (json.dumps(ordered, ensure_ascii=False, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
