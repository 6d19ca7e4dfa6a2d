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
