"""The one table of networks: name -> where its builder lives, and where it was published."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..core.errors import InputError, OptionError, UnknownName
from .network import Network


@dataclass(frozen=True)
class Entry:
    """One row. The builder is `kontur.networks.<module>.<name>(classes, channels=3, *, options) -> Network`."""

    name: str
    module: str
    paper: str
    year: int


_ROWS = (
    Entry("fcn32s", "fcn", "Long, Shelhamer & Darrell, CVPR 2015, arXiv:1411.4038", 2015),
    Entry("fcn16s", "fcn", "Long, Shelhamer & Darrell, CVPR 2015, arXiv:1411.4038", 2015),
    Entry("fcn8s", "fcn", "Long, Shelhamer & Darrell, CVPR 2015, arXiv:1411.4038", 2015),
    Entry(
        "fcn_resnet50",
        "fcn_resnet",
        "Long, Shelhamer & Darrell, CVPR 2015, arXiv:1411.4038; torchvision's ResNet form",
        2015,
    ),
    Entry("unet", "unet", "Ronneberger, Fischer & Brox, MICCAI 2015, arXiv:1505.04597", 2015),
    Entry("segnet", "segnet", "Badrinarayanan, Kendall & Cipolla, TPAMI 2017, arXiv:1511.00561", 2015),
    Entry("deconvnet", "deconvnet", "Noh, Hong & Han, ICCV 2015, arXiv:1505.04366", 2015),
    Entry("dilatednet", "dilatednet", "Yu & Koltun, ICLR 2016, arXiv:1511.07122", 2015),
    Entry("deeplab_v1", "deeplab_v1", "Chen et al., ICLR 2015, arXiv:1412.7062", 2014),
    Entry("deeplab_v2", "deeplab_v2", "Chen et al., TPAMI 2018, arXiv:1606.00915", 2016),
    Entry("deeplab_v3", "deeplab_v3", "Chen et al., 2017, arXiv:1706.05587", 2017),
    Entry("deeplab_v3plus", "deeplab_v3plus", "Chen et al., ECCV 2018, arXiv:1802.02611", 2018),
    Entry("crf_rnn", "crf_rnn", "Zheng et al., ICCV 2015, arXiv:1502.03240", 2015),
    Entry("refinenet", "refinenet", "Lin et al., CVPR 2017, arXiv:1611.06612", 2016),
    Entry("pspnet", "pspnet", "Zhao et al., CVPR 2017, arXiv:1612.01105", 2016),
    Entry("gcn", "gcn", "Peng et al., Large Kernel Matters, CVPR 2017, arXiv:1703.02719", 2017),
    Entry("enet", "enet", "Paszke et al., 2016, arXiv:1606.02147", 2016),
    Entry("linknet", "linknet", "Chaurasia & Culurciello, VCIP 2017, arXiv:1707.03718", 2017),
    Entry("fc_densenet56", "fc_densenet", "Jegou et al., CVPR Workshops 2017, arXiv:1611.09326", 2016),
    Entry("fc_densenet67", "fc_densenet", "Jegou et al., CVPR Workshops 2017, arXiv:1611.09326", 2016),
    Entry("fc_densenet103", "fc_densenet", "Jegou et al., CVPR Workshops 2017, arXiv:1611.09326", 2016),
    Entry("bisenet", "bisenet", "Yu et al., ECCV 2018, arXiv:1808.00897", 2018),
    Entry("erfnet", "erfnet", "Romera et al., IEEE T-ITS 19(1), 2018", 2018),
    Entry("segformer_b0", "segformer", "Xie et al., NeurIPS 2021, arXiv:2105.15203", 2021),
    Entry(
        "kontur_lite",
        "kontur_lite",
        "this project; encoder: Tan & Le, EfficientNet, ICML 2019, arXiv:1905.11946 (Lite)",
        2026,
    ),
)

CATALOGUE: dict[str, Entry] = {row.name: row for row in _ROWS}
"""The networks of semantic segmentation."""

# Networks of other tasks, whose outputs are not classes: (classes, channels) is what their builder makes of it.
OTHERS: dict[str, Entry] = {
    row.name: row
    for row in (
        Entry(
            "contour_net",
            "contour_net",
            "this project; Xie & Tu, HED, ICCV 2015, arXiv:1504.06375; Liu et al., RCF, CVPR 2017, arXiv:1612.02103",
            2026,
        ),
        Entry(
            "offset_net",
            "offset_net",
            "this project; Cheng et al., Panoptic-DeepLab, CVPR 2020, arXiv:1911.10194; Neven et al., CVPR 2019, arXiv:1906.11109",
            2026,
        ),
        Entry("mask_rcnn", "mask_rcnn", "He et al., ICCV 2017, arXiv:1703.06870; torchvision's form", 2017),
        Entry("mask_rcnn_v2", "mask_rcnn", "Li et al., 2021, arXiv:2111.11429; torchvision's form", 2021),
        Entry("panoptic_fpn", "panoptic_fpn", "Kirillov et al., CVPR 2019, arXiv:1901.02446", 2019),
        Entry("panoptic_deeplab", "panoptic_deeplab", "Cheng et al., CVPR 2020, arXiv:1911.10194", 2020),
    )
}
"""The networks of other tasks."""


def build(name: str, classes: int, channels: int = 3, **options: Any) -> Network:
    """A network by name, in training mode, its weights drawn by PyTorch's global random generator.

    classes: K >= 2 logits a pixel, 1 for a network of contours or of objects. channels: bands of the image. options: the builder's own, `auxiliary=False` and
    `pretrained=False` among them where the network has them; only `pretrained=True` reads a file or the network.

    mask_rcnn and panoptic_fpn take lists of images and targets instead of a batch, as their files say.

    Raises UnknownName (network or option; suggests the nearest), OptionError (classes, channels).
    """
    builder, known = _builder(name), options_of(name)
    least = 2 if name in CATALOGUE else 1
    if isinstance(classes, bool) or not isinstance(classes, int) or classes < least:
        counted = " (background counts)" if least == 2 else ""
        raise OptionError(f"option classes: expected a whole number, at least {least}{counted}, got {classes!r}")
    if isinstance(channels, bool) or not isinstance(channels, int) or channels < 1:
        raise OptionError(f"option channels: expected a whole number, at least 1, got {channels!r}")
    for option, value in list(options.items()):
        if option in ("auxiliary", "pretrained") and option not in known and value is False:
            del options[option]  # what a network does not have may be left out by name, whichever network it is
        elif option not in known:
            raise UnknownName("option", option, known, f"The options of {name} are: {', '.join(known) or 'none'}.")
    network = builder(classes, channels, **options)
    if not isinstance(network, Network) and name in CATALOGUE:
        raise InputError(f"{name}: the builder returned {type(network).__name__}, not a Network")
    return network


def options_of(name: str) -> list[str]:
    """The names of a network's own options. Raises UnknownName."""
    parameters = inspect.signature(_builder(name)).parameters.values()
    return [p.name for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY]


def _builder(name: str) -> Callable[..., Network]:
    entry = CATALOGUE.get(name) or OTHERS.get(name)
    if entry is None:
        raise UnknownName("network", name, [*CATALOGUE, *OTHERS])
    builder: Callable[..., Network] = getattr(importlib.import_module(f".{entry.module}", __package__), name)
    return builder
