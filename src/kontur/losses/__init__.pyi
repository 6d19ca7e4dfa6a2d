from .boundary import boundary_loss
from .edges import edge_loss
from .entropy import cross_entropy, effective_number, inverse_log, median_frequency
from .hard_pixels import bootstrapped_cross_entropy, focal_loss, ohem_cross_entropy
from .lovasz import lovasz_softmax
from .offsets import offset_loss
from .overlap import dice_loss, focal_tversky_loss, generalised_dice_loss, jaccard_loss, tversky_loss
from .sums import combined

__all__ = [
    "bootstrapped_cross_entropy",
    "boundary_loss",
    "combined",
    "cross_entropy",
    "dice_loss",
    "edge_loss",
    "effective_number",
    "focal_loss",
    "focal_tversky_loss",
    "generalised_dice_loss",
    "inverse_log",
    "jaccard_loss",
    "lovasz_softmax",
    "median_frequency",
    "offset_loss",
    "ohem_cross_entropy",
    "tversky_loss",
]
