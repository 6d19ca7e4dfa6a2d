"""Panoptic FPN's post-processing: the instances of its Mask R-CNN over the stuff of its semantic branch.

Paper: Kirillov et al., "Panoptic Feature Pyramid Networks", CVPR 2019, arXiv:1901.02446, section 4.1, "Panoptic inference":

    boxes, labels, scores, masks ─mask_rcnn▶ Instances ┐
    logits (S + 1, H, W) ─argmax, "other" out─▶ stuff ─┴─things over stuff, by score▶ panoptic

The merging is `kontur.core.merging.panoptic`; NumPy alone, no PyTorch.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InputError
from ..core.instances import Instances
from ..core.merging import panoptic
from ..core.segmentation import Segmentation
from ..core.taxonomy import Taxonomy


def panoptic_fpn(
    instances: Instances,
    logits: NDArray[np.floating],
    taxonomy: Taxonomy,
    *,
    score: float = 0.5,
    overlap: float = 0.5,
    stuff_area: int = 4096,
) -> Segmentation:
    """The panoptic result of one image; ids, options and errors as in `kontur.core.merging.panoptic`.

    instances: of the taxonomy's things, as `kontur.inference.mask_rcnn` gives them.
    logits:    (S + 1, H, W): plane 0 is "other" (all things), then the S stuff categories in the taxonomy's order.
    """
    stuff = [category.id for category in taxonomy if not category.thing]
    logits = np.asarray(logits)
    if logits.ndim != 3 or len(logits) != len(stuff) + 1:
        raise InputError(
            f'logits: expected ({len(stuff) + 1}, H, W), "other" and the {len(stuff)} stuff categories, got {logits.shape}'
        )
    if not np.isfinite(logits).all():
        raise InputError("expected finite numbers from the network, got NaN or infinity")
    semantic = Segmentation.from_ids(
        logits.argmax(axis=0), categories=dict(enumerate(stuff, 1)), taxonomy=taxonomy
    )  # "other" is place 0, and 0 is void
    return panoptic(semantic, instances, taxonomy=taxonomy, score=score, overlap=overlap, stuff_area=stuff_area)
