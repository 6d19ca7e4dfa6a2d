"""Random changes of training samples: image and target together, any number of bands, the same for a seed everywhere.

    (image, target) ─Compose▶ tensors (C, H, W), (H, W) ─RandomScaleCrop ▸ flips ▸ ColourJitter ▸ Normalise▶ network

Images are arrays (H, W) or (H, W, C), `kontur.Image` or tensors (C, H, W); targets are label maps (H, W), stacks of masks
(N, H, W) of bool, or tuples of both. What a transform moves in from outside the image is `fill` in the image, `ignore` in
label maps and False in masks.

A transform is called as `transform(image, target, random)`; all of its randomness comes from that generator. `Compose`
and `TransformedDataset` make one for each sample from (seed, epoch, index), so neither the number of workers nor the
order in which they work changes a sample.
"""

from .colour import ColourJitter
from .compose import Compose, training_transforms
from .copy_paste import CopyPaste
from .elastic import ElasticDeformation
from .flattening import RandomFlattening
from .flips import RandomHorizontalFlip, RandomVerticalFlip
from .inversion import RandomInversion
from .loading import EpochSampler, TransformedDataset
from .normalise import IMAGENET_MEAN, IMAGENET_STD, Normalise
from .quarter_turns import RandomQuarterTurn
from .rotation import RandomRotation
from .scale_crop import RandomScaleCrop

__all__ = [
    "IMAGENET_MEAN",
    "IMAGENET_STD",
    "ColourJitter",
    "Compose",
    "CopyPaste",
    "ElasticDeformation",
    "EpochSampler",
    "Normalise",
    "RandomFlattening",
    "RandomHorizontalFlip",
    "RandomInversion",
    "RandomQuarterTurn",
    "RandomRotation",
    "RandomScaleCrop",
    "RandomVerticalFlip",
    "TransformedDataset",
    "training_transforms",
]
