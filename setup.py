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
import platform
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
# No flag changes a value: sums keep their order, nothing is fused; errno and floating-point traps are not asked for.
FLAGS = (
    ["/O2", "/fp:precise"]
    if sys.platform == "win32"
    else ["-O3", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math", "-g0"]
)
# Compiled a second time for processors with AVX2 (x86-64-v3); kontur/core/lazy.py takes the one that fits at import.
WIDE = {
    "kontur.classical.glcm_kernel", "kontur.classical.lbp_kernel", "kontur.classical.level_set_kernel",
    "kontur.classical.mean_shift_kernel", "kontur.graph.boundary_thinning_kernel", "kontur.kernels.colour",
    "kontur.kernels.colour_models", "kontur.kernels.graph_laplacian", "kontur.kernels.mean_field",
    "kontur.kernels.nearest_centre", "kontur.kernels.offset_votes", "kontur.kernels.pair_counts",
    "kontur.kernels.permutohedral", "kontur.metrics.boundaries_kernel", "kontur.metrics.superpixels_kernel",
    "kontur.superpixels.felzenszwalb_kernel", "kontur.superpixels.quickshift_kernel", "kontur.superpixels.slic_kernel",
    "kontur.superpixels.seeds_kernel", "kontur.superpixels.watershed_kernel",
}  # fmt: skip
WIDE_FLAGS = ["/arch:AVX2"] if sys.platform == "win32" else ["-march=x86-64-v3"]
HAS_WIDE = platform.machine().lower() in ("x86_64", "amd64")
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
            [Extension(e.name, e.sources) for e in self.extensions if not is_wide(e.name)],
            build_dir="build/bounds" if BOUNDS else "build",
            nthreads=os.cpu_count() or 1,
            compiler_directives=DIRECTIVES,
            shared_utility_qualified_name=SHARED,
        )
        own = [extension for extension in self.extensions if not is_wide(extension.name)]
        for extension, translated in zip(own, compiled, strict=True):
            extension.sources, extension.depends = translated.sources, translated.depends
        by_name = {extension.name: extension for extension in own}
        for extension in self.extensions:
            if is_wide(extension.name):  # the same C, whose module is named by its last part alone
                plain = by_name[extension.name.replace("kontur._x86_64_v3.", "kontur.")]
                extension.sources, extension.depends = plain.sources, plain.depends
                if self.inplace:
                    Path(self.get_ext_fullpath(extension.name)).parent.mkdir(parents=True, exist_ok=True)
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


def is_wide(name: str) -> bool:
    return name.startswith("kontur._x86_64_v3.")


def extension(name: str, source: str) -> Extension:
    return Extension(
        name,
        [source],
        extra_compile_args=[
            *FLAGS,
            *(WIDE_FLAGS if is_wide(name) else []),
            *shlex.split(os.environ.get("KONTUR_CFLAGS", "")),
        ],
        extra_link_args=shlex.split(os.environ.get("KONTUR_CFLAGS", "")),
        define_macros=[("Py_LIMITED_API", "0x030B0000")] if LIMITED else [],
        py_limited_api=LIMITED,
    )


def kernels() -> list[Extension]:
    os.chdir(Path(__file__).resolve().parent)
    files = {*Path("src/kontur/kernels").glob("*.py"), *Path("src/kontur").rglob("*_kernel.py")}
    paths = sorted(path.as_posix() for path in files if path.name != "__init__.py")
    extensions = [extension(path[len("src/") : -len(".py")].replace("/", "."), path) for path in paths]
    wide = [
        extension(e.name.replace("kontur.", "kontur._x86_64_v3.", 1), e.sources[0])
        for e in extensions
        if e.name in WIDE
    ]
    return [*extensions, extension(SHARED, "build/_cyutility.c"), *(wide if HAS_WIDE else [])]


setup(ext_modules=kernels(), cmdclass={"build_py": BuildPy, "build_ext": BuildExt, "bdist_wheel": Wheel})
