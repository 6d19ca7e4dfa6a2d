"""Which networks of transformers can be used, by the class that their config.json names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

SEMANTIC, QUERIES, PROMPTED = "semantic", "queries", "prompted"
"""The kinds: a category a pixel; queries with a class and a mask each; objects by boxes and points."""
TASKS = ("semantic", "instance", "panoptic")


@dataclass(frozen=True)
class Family:
    """Networks that are used alike.

    loads:     the class of transformers that reads the weights.
    threshold: the least score of an object, where nobody says otherwise.
    """

    name: str
    kind: str
    loads: str
    paper: str
    threshold: float = 0.5

    @property
    def tasks(self) -> tuple[str, ...]:
        """What it can give."""
        return {SEMANTIC: ("semantic",), QUERIES: TASKS, PROMPTED: ("foreground",)}[self.kind]


_SAM2 = "Ravi et al., SAM 2, ICLR 2025, arXiv:2408.00714"
_EOMT = "Kerssies et al., Your ViT is Secretly an Image Segmentation Model, CVPR 2025, arXiv:2503.19108"
_BY_CLASS = {
    "SegformerForSemanticSegmentation": Family(
        "SegFormer", SEMANTIC, "SegformerForSemanticSegmentation", "Xie et al., SegFormer, NeurIPS 2021, arXiv:2105.15203"
    ),
    "MaskFormerForInstanceSegmentation": Family(
        "MaskFormer", QUERIES, "MaskFormerForInstanceSegmentation",
        "Cheng, Schwing & Kirillov, MaskFormer, NeurIPS 2021, arXiv:2107.06278",
    ),
    "Mask2FormerForUniversalSegmentation": Family(
        "Mask2Former", QUERIES, "Mask2FormerForUniversalSegmentation",
        "Cheng et al., Mask2Former, CVPR 2022, arXiv:2112.01527",
    ),
    "OneFormerForUniversalSegmentation": Family(
        "OneFormer", QUERIES, "OneFormerForUniversalSegmentation", "Jain et al., OneFormer, CVPR 2023, arXiv:2211.06220"
    ),
    "EomtForUniversalSegmentation": Family("EoMT", QUERIES, "EomtForUniversalSegmentation", _EOMT, 0.8),
    "EomtDinov3ForUniversalSegmentation": Family("EoMT", QUERIES, "EomtDinov3ForUniversalSegmentation", _EOMT, 0.8),
    "DetrForSegmentation": Family(
        "DETR", QUERIES, "DetrForSegmentation", "Carion et al., DETR, ECCV 2020, arXiv:2005.12872, section 4.4"
    ),
    "SamModel": Family(
        "SAM", PROMPTED, "SamModel", "Kirillov et al., Segment Anything, ICCV 2023, arXiv:2304.02643", 0.88
    ),
    "Sam2Model": Family("SAM 2", PROMPTED, "Sam2Model", _SAM2, 0.88),
    # What the published SAM 2 repositories name; the image model is a part of the video model.
    "Sam2VideoModel": Family("SAM 2", PROMPTED, "Sam2Model", _SAM2, 0.88),
}  # fmt: skip

# Older configurations name no class; these are what their model_type is trained for in segmentation.
_BY_TYPE = {
    "maskformer": "MaskFormerForInstanceSegmentation",
    "mask2former": "Mask2FormerForUniversalSegmentation",
    "oneformer": "OneFormerForUniversalSegmentation",
    "eomt": "EomtForUniversalSegmentation",
    "sam": "SamModel",
    "sam2": "Sam2Model",
    "sam2_video": "Sam2VideoModel",
}


def family_of(architectures: list[str], model_type: str) -> Family | None:
    """The family of a configuration; None where it is no segmentation network that can be used.

    Every other network for semantic segmentation (BEiT, UPerNet, DPT, MobileViT, ..) is used as SegFormer is.
    """
    for name in architectures or [_BY_TYPE.get(model_type, "")]:
        if name in _BY_CLASS:
            return _BY_CLASS[name]
        if name.endswith("ForSemanticSegmentation"):
            return Family(name.removesuffix("ForSemanticSegmentation"), SEMANTIC, name, f"{name} of transformers")
    return None


def names() -> Iterator[str]:
    """The families, each once."""
    yield from dict.fromkeys(family.name for family in _BY_CLASS.values())
