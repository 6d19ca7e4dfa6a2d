"""Only what pyproject.toml cannot say: KONTUR_WITHOUT_MODELS=1 builds a wheel without the embedded networks.

Their weights derive from data with terms of their own (each model's card states them); the code does not need them.
"""

import os
import shutil

from setuptools import setup
from setuptools.command.build_py import build_py

WITHOUT_MODELS = os.environ.get("KONTUR_WITHOUT_MODELS", "") not in ("", "0")


class BuildPy(build_py):
    """Leaves the files of models/ out when asked to, also those of an earlier build."""

    def find_data_files(self, package: str, src_dir: str) -> list[str]:
        files = super().find_data_files(package, src_dir)
        return [file for file in files if not (WITHOUT_MODELS and file.endswith((".onnx", ".toml")))]

    def run(self) -> None:
        super().run()
        if WITHOUT_MODELS:
            shutil.rmtree(os.path.join(self.build_lib, "kontur", "models"), ignore_errors=True)


setup(cmdclass={"build_py": BuildPy})
