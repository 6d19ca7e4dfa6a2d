from .exporting import export
from .loop import fit
from .recipe import Recipe, load_recipe
from .run import load_run
from .scoring import evaluate
from .testing import test_file, test_run

__all__ = [
    "Recipe",
    "evaluate",
    "export",
    "fit",
    "load_recipe",
    "load_run",
    "test_file",
    "test_run",
]
