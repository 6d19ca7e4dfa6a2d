"""What a network costs and how far it sees: parameters, multiply-adds, receptive field.

    parameters(network)                          trainable numbers
    multiply_adds(network, (1024, 2048))         of one image, on the meta device: no memory, no time
    receptive_field(network)                     pixels, or None for 2048 and more

Multiply-adds are those of convolutions and matrix products (half of what PyTorch's flop counter calls operations). The receptive
field is Araujo, Norris & Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill 2019, but measured: the width of
the nonzero gradient of one logit in the middle with respect to the image.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .network import Network


def parameters(network: nn.Module) -> int:
    """The number of trainable parameters."""
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


def multiply_adds(network: Network, size: tuple[int, int]) -> int:
    """Multiply-adds of one image of `size` = (H, W) pixels in eval mode. Of crf_rnn: the network before its mean field."""
    from torch.utils.flop_counter import FlopCounterMode

    from .crf_rnn import CRFRNN

    if isinstance(network.body, CRFRNN):  # how many points its lattice has only real pixels can tell
        return multiply_adds(network.body.network, size)
    on_meta = copy.deepcopy(network).to("meta").eval()
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        on_meta(torch.empty(1, network.channels, *size, device="meta"))
    return counter.get_total_flops() // 2


def receptive_field(network: Network, *, widths: tuple[int, ...] = (512, 2048)) -> int | None:
    """Pixels along one axis that a logit in the middle depends on; None when it sees to the border of the widest image.

    The network itself is changed (weights, type), so hand in one of your own. All weights are made positive, maxima means and batch
    norms neutral, so that no path to the image is shut by chance; float64 in deep ones, so that the faintest is not rounded to zero.
    Images have the least height and the `widths` in pixels, one after the other until the field ends inside.
    """
    from .crf_rnn import CRFRNN

    if isinstance(network.body, CRFRNN):  # every pixel is tied to every other
        return None
    convolutions = sum(isinstance(module, nn.Conv2d) for module in network.modules())
    dtype = torch.float64 if convolutions > 40 else torch.float32
    network.to(dtype).eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.reset_running_stats()
        for parameter in network.parameters():
            if parameter.ndim > 1:
                parameter.fill_(parameter.shape[0] / parameter.numel())  # outputs are means of inputs
            else:
                parameter.clamp_(min=0)
    height = max(network.least[0], 32)
    for width in widths:
        image = torch.rand(1, network.channels, height, width, generator=generator, dtype=dtype)
        image.requires_grad_()
        with _means_for_maxima():
            logits = network(image)
        (gradient,) = torch.autograd.grad(logits[0, 0, logits.shape[2] // 2, logits.shape[3] // 2], image)
        columns = gradient[0].abs().sum(dim=(0, 1)).nonzero()
        first, last = int(columns.min()), int(columns.max())
        if first > 0 and last < width - 1:
            return last - first + 1
    return None


@contextmanager
def _means_for_maxima() -> Iterator[None]:
    """A maximum passes the gradient of one pixel only; a mean over the same window that of all."""
    maximum = F.max_pool2d

    def mean(
        feature: Tensor,
        kernel_size: int,
        stride: int | None = None,
        padding: int = 0,
        dilation: int = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Tensor | tuple[Tensor, Tensor]:
        pooled = F.avg_pool2d(feature, kernel_size, stride, padding, ceil_mode, count_include_pad=False)
        if not return_indices:
            return pooled
        return pooled, maximum(feature, kernel_size, stride, padding, dilation, ceil_mode, return_indices=True)[1]

    F.max_pool2d = mean  # type: ignore[assignment]
    try:
        yield
    finally:
        F.max_pool2d = maximum
