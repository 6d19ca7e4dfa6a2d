from .catalogue import NAMES, layout, open
from .checking import check
from .report import Finding, Report
from .sample import Dataset, Layout, Sample

__all__ = [
    "NAMES",
    "Dataset",
    "Finding",
    "Layout",
    "Report",
    "Sample",
    "check",
    "layout",
    "open",
]
