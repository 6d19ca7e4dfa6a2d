from .boundary_thinning import thinned
from .dense_crf import refine_probabilities
from .oriented_watershed import contour_hierarchy
from .random_walker import walker_probabilities
from .region_merging import merging_hierarchy

__all__ = [
    "contour_hierarchy",
    "merging_hierarchy",
    "refine_probabilities",
    "thinned",
    "walker_probabilities",
]
