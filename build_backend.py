"""setuptools' build backend, which asks for zig's compiler from PyPI where the machine has no C compiler."""

from __future__ import annotations

import shlex
import shutil
import sys
import sysconfig
from typing import Any

from setuptools import build_meta
from setuptools.build_meta import *  # noqa: F403


def _compiler() -> list[str]:
    """What to install beside setuptools and Cython."""
    command = shlex.split(sysconfig.get_config_var("CC") or "cc")[0]
    if sys.platform == "win32" or shutil.which(command):
        return []
    print(f"kontur: no C compiler ({command}) was found: the build takes ziglang from PyPI", flush=True)
    return ["ziglang>=0.13"]


def get_requires_for_build_wheel(config_settings: Any = None) -> list[str]:
    return [*build_meta.get_requires_for_build_wheel(config_settings), *_compiler()]


def get_requires_for_build_editable(config_settings: Any = None) -> list[str]:
    return [*build_meta.get_requires_for_build_editable(config_settings), *_compiler()]
