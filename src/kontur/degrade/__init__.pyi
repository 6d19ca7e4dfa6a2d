from .bilateral import bilateral_filter
from .blurring import blur
from .compression import jpeg
from .darkness import low_light
from .gaussian import gaussian_noise
from .impulses import pepper_noise, salt_and_pepper_noise, salt_noise
from .kinds import FILTERS, KINDS, Filter, Kind, apply_filter, degrade, find_filter, find_kind
from .lee import lee_filter
from .median import median_filter
from .patches import non_local_means_filter
from .poisson import poisson_noise
from .refined_lee import refined_lee_filter
from .resolution import down_sampling
from .speckle import speckle_noise

__all__ = [
    "FILTERS",
    "KINDS",
    "Filter",
    "Kind",
    "apply_filter",
    "bilateral_filter",
    "blur",
    "degrade",
    "down_sampling",
    "find_filter",
    "find_kind",
    "gaussian_noise",
    "jpeg",
    "lee_filter",
    "low_light",
    "median_filter",
    "non_local_means_filter",
    "pepper_noise",
    "poisson_noise",
    "refined_lee_filter",
    "salt_and_pepper_noise",
    "salt_noise",
    "speckle_noise",
]
