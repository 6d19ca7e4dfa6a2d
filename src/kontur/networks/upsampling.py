"""Nine ways to make a feature map larger, behind one interface, so that a decoder can take any of them.

    module = upsampling("carafe", channels=64, factor=2)
    module(feature, indices=None)        (B, C, H, W) -> (B, C, factor·H, factor·W)

| name | how | learned | source |
|---|---|---|---|
| nearest, bilinear, bicubic | interpolation, pixel centres aligned at half pixels | no | - |
| transposed | transposed convolution, bilinear start | yes | Long et al., arXiv:1411.4038 |
| unpool_indices | each value back to where its maximum was; zeros elsewhere | no | Badrinarayanan et al., arXiv:1511.00561 |
| unpool_fixed | each value to the top left of its cell; zeros elsewhere | no | Dosovitskiy et al., arXiv:1411.5928 |
| pixel_shuffle | channels become sub-pixels | yes | Shi et al., arXiv:1609.05158 |
| dupsampling | one linear map from a pixel to its patch | yes | Tian et al., arXiv:1903.02120 |
| carafe | each new pixel a predicted weighted sum of its source's neighbours | yes | Wang et al., arXiv:1905.02188 |
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..core.errors import InputError, OptionError, UnknownName


class Interpolation(nn.Module):
    """nearest, bilinear or bicubic; `align_corners=False`, the convention of image resizing."""

    def __init__(self, mode: str, factor: int) -> None:
        super().__init__()
        self.mode, self.factor = mode, factor

    def forward(self, feature: Tensor, indices: Tensor | None = None) -> Tensor:
        corners = None if self.mode == "nearest" else False
        return F.interpolate(feature, scale_factor=float(self.factor), mode=self.mode, align_corners=corners)


class Transposed(nn.Module):
    """Transposed convolution with a window of 2·factor (odd factors: 2·factor - 1), each channel bilinear at the start."""

    def __init__(self, channels: int, factor: int) -> None:
        super().__init__()
        kernel = bilinear_kernel(factor)
        size = kernel.shape[0]
        self.convolution = nn.ConvTranspose2d(
            channels, channels, size, stride=factor, padding=(size - factor) // 2, bias=False
        )
        with torch.no_grad():
            self.convolution.weight.zero_()
            self.convolution.weight[range(channels), range(channels)] = kernel.to(self.convolution.weight)

    def forward(self, feature: Tensor, indices: Tensor | None = None) -> Tensor:
        return self.convolution(feature)


class PoolIndices(nn.Module):
    """Max pooling that says where each maximum was: (B, C, H, W) -> values and indices, each (B, C, H/factor, W/factor).

    An index is row·W + column in its channel's map. With `ceil_mode` a last row or column that fills no window is pooled too.
    """

    def __init__(self, factor: int, *, ceil_mode: bool = False) -> None:
        super().__init__()
        self.factor, self.ceil_mode = factor, ceil_mode

    def forward(self, feature: Tensor) -> tuple[Tensor, Tensor]:
        return F.max_pool2d(feature, self.factor, ceil_mode=self.ceil_mode, return_indices=True)  # type: ignore[return-value]


class UnpoolIndices(nn.Module):
    """SegNet's: `indices` are those that `PoolIndices` gave, (B, C, H, W)."""

    def __init__(self, factor: int) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, feature: Tensor, indices: Tensor | None = None, size: torch.Size | None = None) -> Tensor:
        """size: (H, W) of the map that was pooled, where it is not factor·H × factor·W (odd sizes)."""
        if indices is None:
            raise InputError(
                "unpool_indices: expected the indices of the max pooling, got None. Pool with return_indices=True"
            )
        if indices.shape != feature.shape:
            raise InputError(
                f"unpool_indices: expected indices of the feature's shape {tuple(feature.shape)}, got {tuple(indices.shape)}"
            )
        height, width = size or (feature.shape[-2] * self.factor, feature.shape[-1] * self.factor)
        # A scatter, which exports to ONNX and needs no special kernel.
        flat = feature.new_zeros(feature.shape[0], feature.shape[1], height * width)
        flat = flat.scatter(2, indices.flatten(2), feature.flatten(2))
        return flat.view(feature.shape[0], feature.shape[1], height, width)


class UnpoolFixed(nn.Module):
    """Each value at the top left of its factor×factor cell: a transposed convolution with a fixed one-hot window."""

    def __init__(self, factor: int) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, feature: Tensor, indices: Tensor | None = None) -> Tensor:
        batch, channels, height, width = feature.shape
        cell = F.pad(
            feature.reshape(batch, channels, height, 1, width, 1), (0, self.factor - 1, 0, 0, 0, self.factor - 1)
        )
        return cell.reshape(batch, channels, height * self.factor, width * self.factor)


class PixelShuffle(nn.Module):
    """A 3x3 convolution to C·factor² channels, dealt to the factor×factor new pixels row by row."""

    def __init__(self, channels: int, factor: int) -> None:
        super().__init__()
        self.expand = nn.Conv2d(channels, channels * factor**2, 3, padding=1)
        self.factor = factor

    def forward(self, feature: Tensor, indices: Tensor | None = None) -> Tensor:
        return F.pixel_shuffle(self.expand(feature), self.factor)


class DUpsampling(nn.Module):
    """The paper's W: each pixel's C values are mapped linearly to its factor×factor patch of C channels.

    Differs from the paper: learned from scratch with the network instead of from a PCA of the label patches.
    """

    def __init__(self, channels: int, factor: int) -> None:
        super().__init__()
        self.patch = nn.Conv2d(channels, channels * factor**2, 1, bias=False)
        self.factor = factor

    def forward(self, feature: Tensor, indices: Tensor | None = None) -> Tensor:
        return F.pixel_shuffle(self.patch(feature), self.factor)


class Carafe(nn.Module):
    """Content-aware reassembly: a softmax over a k×k window is predicted for every new pixel (k = 5, as in the paper)."""

    def __init__(self, channels: int, factor: int, window: int = 5, compressed: int = 64) -> None:
        super().__init__()
        self.factor, self.window = factor, window
        self.compress = nn.Conv2d(channels, min(compressed, channels), 1)
        self.predict = nn.Conv2d(min(compressed, channels), (window * factor) ** 2, 3, padding=1)

    def forward(self, feature: Tensor, indices: Tensor | None = None) -> Tensor:
        batch, channels, height, width = feature.shape
        weights = F.pixel_shuffle(self.predict(self.compress(feature)), self.factor).softmax(dim=1)  # (B, k², fH, fW)
        neighbours = F.unfold(feature, self.window, padding=self.window // 2)  # (B, C·k², H·W)
        neighbours = neighbours.reshape(batch, channels * self.window**2, height, width)
        neighbours = F.interpolate(neighbours, scale_factor=float(self.factor), mode="nearest")
        neighbours = neighbours.reshape(batch, channels, self.window**2, height * self.factor, width * self.factor)
        return (neighbours * weights.unsqueeze(1)).sum(dim=2)


UPSAMPLINGS = {
    "nearest": lambda channels, factor: Interpolation("nearest", factor),
    "bilinear": lambda channels, factor: Interpolation("bilinear", factor),
    "bicubic": lambda channels, factor: Interpolation("bicubic", factor),
    "transposed": Transposed,
    "unpool_indices": lambda channels, factor: UnpoolIndices(factor),
    "unpool_fixed": lambda channels, factor: UnpoolFixed(factor),
    "pixel_shuffle": PixelShuffle,
    "dupsampling": DUpsampling,
    "carafe": Carafe,
}


def upsampling(name: str, channels: int, factor: int = 2) -> nn.Module:
    """A module (feature (B, C, H, W), indices=None) -> (B, C, factor·H, factor·W), by its name in the table above."""
    if name not in UPSAMPLINGS:
        raise UnknownName("upsampling", name, UPSAMPLINGS, f"Upsamplings are: {', '.join(UPSAMPLINGS)}.")
    if not isinstance(factor, int) or factor < 1:
        raise OptionError(f"option factor: expected a whole number, at least 1, got {factor!r}")
    return UPSAMPLINGS[name](channels, factor)


def extended_to(feature: Tensor, size: torch.Size) -> Tensor:
    """(B, C, h, w) -> (B, C, *size), h and w at most a few pixels short of it: the last row and column are repeated.

    Picks rows instead of padding, so that an exporter sees no choice between odd and even sizes.
    """
    rows = torch.arange(size[0], device=feature.device).clamp(max=feature.shape[-2] - 1)
    columns = torch.arange(size[1], device=feature.device).clamp(max=feature.shape[-1] - 1)
    return feature.index_select(2, rows).index_select(3, columns)


def bilinear_kernel(factor: int) -> Tensor:
    """FCN's start of a transposed convolution: (2f, 2f) for even factors, (2f-1, 2f-1) for odd ones; interpolates bilinearly."""
    size = 2 * factor - factor % 2
    centre = (size - 1) / 2
    distance = (torch.arange(size, dtype=torch.float32, device="cpu") - centre).abs()
    line = 1 - distance / factor
    return line[:, None] * line[None, :]
