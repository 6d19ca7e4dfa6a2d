"""ImageNet weights: where they come from, what to do without a network, and how they fit another number of bands."""

from __future__ import annotations

from collections.abc import Callable
from urllib.error import URLError

import torch
from torch import Tensor, nn

from ...core.errors import InputError


def downloaded(name: str, url: str, fetch: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
    """What `fetch` returns; without a network, an InputError that says where to put which file."""
    try:
        return fetch()
    except (URLError, OSError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"pretrained weights of {name} could not be had ({reason}). Download {url.rsplit('/', 1)[-1]} from its publisher on a "
            f"machine with a network and put it into {torch.hub.get_dir()}/checkpoints, or build with pretrained=False"
        ) from None


def torchvision_weights(name: str) -> dict[str, Tensor]:
    """The ImageNet state of a torchvision classifier ("vgg16", "resnet50"), from torch's cache folder or the network."""
    from torchvision.models import get_model_weights

    weights = get_model_weights(name).IMAGENET1K_V1  # type: ignore[attr-defined]
    return downloaded(name, weights.url, lambda: weights.get_state_dict(progress=False, check_hash=True))


def adapt_first_layer(convolution: nn.Conv2d, channels: int) -> nn.Conv2d:
    """The same layer for another number of input bands.

    New weights are the mean of the old over their input bands, times old/new, so that an image whose bands are all alike gives
    the same activations as before. The layer is returned unchanged when `channels` is already right.
    """
    old = convolution.in_channels
    if channels == old:
        return convolution
    new = nn.Conv2d(
        channels,
        convolution.out_channels,
        convolution.kernel_size,  # type: ignore[arg-type]
        convolution.stride,  # type: ignore[arg-type]
        convolution.padding,  # type: ignore[arg-type]
        convolution.dilation,  # type: ignore[arg-type]
        bias=convolution.bias is not None,
        device=convolution.weight.device,
    )
    with torch.no_grad():
        mean = convolution.weight.mean(dim=1, keepdim=True) * (old / channels)
        new.weight.copy_(mean.expand_as(new.weight))
        if convolution.bias is not None and new.bias is not None:
            new.bias.copy_(convolution.bias)
    return new
