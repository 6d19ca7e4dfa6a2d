"""The ruler: every metric of the field, equal to the official tool of its definition; each result names its protocol.

    counts that add  ->  scores read afterwards  ->  to_dict()        of files: evaluate_..() -> Evaluation

Each name is imported when it is first asked for, so that `import kontur.metrics` compiles nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.lazy import lazy_names

if TYPE_CHECKING:
    from .average_precision import InstanceScores, instance_scores
    from .boundaries import (
        MaskBoundaryScores,
        SurfaceDistances,
        average_surface_distance,
        boundary_iou,
        davis_f,
        davis_j,
        hausdorff95,
        mask_boundary_scores,
        surface_distances,
        trimap_iou,
    )
    from .coco_files import evaluate_instances
    from .confusion import Confusion, SemanticScores
    from .contours import ContourCounts, ContourScores, contour_scores, label_boundaries, match_boundaries, thin
    from .evaluation import Evaluation, Resampling, Table
    from .folders import (
        FolderScores,
        evaluate_boundaries,
        evaluate_contours,
        evaluate_foreground,
        evaluate_superpixels,
    )
    from .foreground import (
        ForegroundCounts,
        ForegroundScores,
        ForegroundSetScores,
        SoftMaskCounts,
        SoftMaskScores,
        foreground_scores,
        soft_mask_scores,
    )
    from .panoptic_files import evaluate_panoptic
    from .panoptic_quality import PanopticCounts, panoptic_scores
    from .regions import RegionCounts, RegionScores, RegionSetScores, region_scores
    from .semantic import evaluate_semantic
    from .superpixels import SuperpixelScores, mean_superpixel_scores, superpixel_scores

# Every public name and the module it lives in.
_PUBLIC = {
    "Confusion": "confusion",
    "SemanticScores": "confusion",
    "evaluate_semantic": "semantic",
    "PanopticCounts": "panoptic_quality",
    "panoptic_scores": "panoptic_quality",
    "evaluate_panoptic": "panoptic_files",
    "InstanceScores": "average_precision",
    "instance_scores": "average_precision",
    "evaluate_instances": "coco_files",
    "MaskBoundaryScores": "boundaries",
    "SurfaceDistances": "boundaries",
    "average_surface_distance": "boundaries",
    "boundary_iou": "boundaries",
    "davis_f": "boundaries",
    "davis_j": "boundaries",
    "hausdorff95": "boundaries",
    "mask_boundary_scores": "boundaries",
    "surface_distances": "boundaries",
    "trimap_iou": "boundaries",
    "ContourCounts": "contours",
    "ContourScores": "contours",
    "contour_scores": "contours",
    "label_boundaries": "contours",
    "match_boundaries": "contours",
    "thin": "contours",
    "FolderScores": "folders",
    "Evaluation": "evaluation",
    "Resampling": "evaluation",
    "Table": "evaluation",
    "evaluate_boundaries": "folders",
    "evaluate_contours": "folders",
    "evaluate_foreground": "folders",
    "evaluate_superpixels": "folders",
    "ForegroundCounts": "foreground",
    "ForegroundScores": "foreground",
    "ForegroundSetScores": "foreground",
    "SoftMaskCounts": "foreground",
    "SoftMaskScores": "foreground",
    "foreground_scores": "foreground",
    "soft_mask_scores": "foreground",
    "RegionCounts": "regions",
    "RegionScores": "regions",
    "RegionSetScores": "regions",
    "region_scores": "regions",
    "SuperpixelScores": "superpixels",
    "mean_superpixel_scores": "superpixels",
    "superpixel_scores": "superpixels",
}

__all__ = [
    "Confusion",
    "ContourCounts",
    "ContourScores",
    "Evaluation",
    "FolderScores",
    "ForegroundCounts",
    "ForegroundScores",
    "ForegroundSetScores",
    "InstanceScores",
    "MaskBoundaryScores",
    "PanopticCounts",
    "RegionCounts",
    "RegionScores",
    "RegionSetScores",
    "Resampling",
    "SemanticScores",
    "SoftMaskCounts",
    "SoftMaskScores",
    "SuperpixelScores",
    "SurfaceDistances",
    "Table",
    "average_surface_distance",
    "boundary_iou",
    "contour_scores",
    "davis_f",
    "davis_j",
    "evaluate_boundaries",
    "evaluate_contours",
    "evaluate_foreground",
    "evaluate_instances",
    "evaluate_panoptic",
    "evaluate_semantic",
    "evaluate_superpixels",
    "foreground_scores",
    "hausdorff95",
    "instance_scores",
    "label_boundaries",
    "mask_boundary_scores",
    "match_boundaries",
    "mean_superpixel_scores",
    "panoptic_scores",
    "region_scores",
    "soft_mask_scores",
    "superpixel_scores",
    "surface_distances",
    "thin",
    "trimap_iou",
]

__getattr__ = lazy_names(__name__, _PUBLIC)


def __dir__() -> list[str]:
    return sorted(__all__)
