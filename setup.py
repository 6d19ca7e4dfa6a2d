"""What pyproject.toml cannot say: how the kernels are compiled, and a wheel without the embedded networks.

The kernels are Python files that Cython compiles ahead of time: all of kontur/kernels, and every *_kernel.py. One wheel a
platform serves every CPython from 3.11 on (the stable ABI).

KONTUR_WITHOUT_MODELS=1   leaves the embedded networks out. Their weights derive from data with terms of their own (each
                          model's card states them); the code does not need them.
KONTUR_BOUNDS=1           a debug build: every index is checked, and an index out of bounds raises IndexError.
KONTUR_CFLAGS             flags for the C compiler beside those below, e.g. "-fsanitize=undefined,address".
"""

import importlib.util
import os
import shlex
import shutil
import sys
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py


def asked(name: str) -> bool:
    return os.environ.get(name, "") not in ("", "0")


WITHOUT_MODELS, BOUNDS = asked("KONTUR_WITHOUT_MODELS"), asked("KONTUR_BOUNDS")
SHARED = "kontur.kernels._cyutility"  # what Cython needs for arrays, once for all modules
LIMITED = "t" not in sys.abiflags if hasattr(sys, "abiflags") else True  # a free-threaded Python has no stable ABI
FLAGS = ["/O2", "/fp:precise"] if sys.platform == "win32" else ["-O3", "-ffp-contract=off", "-g0"]
DIRECTIVES = {
    "language_level": 3,
    "boundscheck": BOUNDS,
    "initializedcheck": BOUNDS,
    "wraparound": False,
    "cdivision": True,
    # Helpers of a kernel raise nothing, so that no caller has to ask after an exception; only a check of bounds does.
    "legacy_implicit_noexcept": not BOUNDS,
    "freethreading_compatible": True,
}


class BuildPy(build_py):
    """Leaves the files of models/ out when asked to, also those of an earlier build."""

    def find_data_files(self, package: str, src_dir: str) -> list[str]:
        files = super().find_data_files(package, src_dir)
        return [file for file in files if not (WITHOUT_MODELS and file.endswith((".onnx", ".toml")))]

    def run(self) -> None:
        super().run()
        if WITHOUT_MODELS:
            shutil.rmtree(os.path.join(self.build_lib, "kontur", "models"), ignore_errors=True)


class BuildExt(build_ext):
    """Compiles on all cores; with zig's compiler where there is no other."""

    def finalize_options(self) -> None:
        super().finalize_options()
        self.parallel = self.parallel or os.cpu_count()

    def run(self) -> None:
        """Translate the kernels to C: here, and not whenever a build asks what it will need."""
        compiled = cythonize(
            [Extension(extension.name, extension.sources) for extension in self.extensions],
            build_dir="build/bounds" if BOUNDS else "build",
            nthreads=os.cpu_count() or 1,
            compiler_directives=DIRECTIVES,
            shared_utility_qualified_name=SHARED,
        )
        for extension, translated in zip(self.extensions, compiled, strict=True):
            extension.sources, extension.depends = translated.sources, translated.depends
        super().run()

    def build_extensions(self) -> None:
        command = getattr(self.compiler, "compiler_so", None)  # None: Microsoft's, which setuptools finds itself
        if command and not shutil.which(command[0]):
            if importlib.util.find_spec("ziglang") is None:
                raise SystemExit(
                    f"no C compiler ({command[0]}): install one, or `pip install ziglang`, and build again"
                )
            print(
                f"kontur: no C compiler ({command[0]}) was found; the kernels are compiled by zig's, from PyPI",
                flush=True,
            )
            zig = [sys.executable, "-m", "ziglang", "cc"]
            self.compiler.set_executables(compiler_so=[*zig, "-fPIC"], linker_so=[*zig, "-shared"])
        super().build_extensions()


class Wheel(bdist_wheel):
    def finalize_options(self) -> None:
        if LIMITED:
            self.py_limited_api = "cp311"
        super().finalize_options()


def extension(name: str, source: str) -> Extension:
    return Extension(
        name,
        [source],
        extra_compile_args=[*FLAGS, *shlex.split(os.environ.get("KONTUR_CFLAGS", ""))],
        extra_link_args=shlex.split(os.environ.get("KONTUR_CFLAGS", "")),
        define_macros=[("Py_LIMITED_API", "0x030B0000")] if LIMITED else [],
        py_limited_api=LIMITED,
    )


def kernels() -> list[Extension]:
    os.chdir(Path(__file__).resolve().parent)
    files = {*Path("src/kontur/kernels").glob("*.py"), *Path("src/kontur").rglob("*_kernel.py")}
    paths = sorted(path.as_posix() for path in files if path.name != "__init__.py")
    extensions = [extension(path[len("src/") : -len(".py")].replace("/", "."), path) for path in paths]
    return [*extensions, extension(SHARED, "build/_cyutility.c")]


setup(ext_modules=kernels(), cmdclass={"build_py": BuildPy, "build_ext": BuildExt, "bdist_wheel": Wheel})
