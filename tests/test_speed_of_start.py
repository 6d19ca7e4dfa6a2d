"""Importing stays instant, in processor time, which a busy machine does not change; what is imported is tested exactly elsewhere."""

from __future__ import annotations

import subprocess
import sys


def test_import_kontur_is_instant():
    code = "import time; t = time.process_time(); import kontur; print(time.process_time() - t)"
    best = min(
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
        for _ in range(3)
    )
    assert best < 0.15
