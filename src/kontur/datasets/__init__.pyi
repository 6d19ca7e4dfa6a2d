from .catalogue import NAMES, layout, open
from .checking import check
from .report import Finding, Report
from .sample import Dataset, Layout, Sample

__all__ = [
    "Dataset",
    "Finding",
    "Layout",
    "NAMES",
    "Report",
    "Sample",
    "check",
    "layout",
    "open",
]
