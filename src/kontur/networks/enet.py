"""ENet: an early cut of resolution, bottlenecks with a cheap middle, and a decoder that only upsamples.

Paper: Paszke, Chaurasia, Kim & Culurciello, 2016, arXiv:1606.02147. Table 1, for 512x512:

    image (B, 3, H, W) -> initial 16 @ /2 -> stage 1 64 @ /4 -> stages 2, 3 128 @ /8 -> stage 4 64 @ /4 -> stage 5 16 @ /2 -> K @ /1

Differs from the paper: ReLU in the decoder (the paper's text says so, its table does not) and one PReLU weight a layer instead of
one a channel, as in the PyTorch implementation whose parameter count is the reference.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .network import Network
from .upsampling import PoolIndices, UnpoolIndices, extended_to


class Initial(nn.Module):
    """Figure 2a: 13 strided convolutions beside a max pooling of the image's own bands."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(channels, out - channels, 3, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(out)
        self.activate = nn.PReLU()

    def forward(self, image: Tensor) -> Tensor:
        pooled = F.max_pool2d(image, 3, stride=2, padding=1)
        return self.activate(self.norm(torch.cat([self.convolution(image), pooled], dim=1)))


class Bottleneck(nn.Module):
    """Figure 2b without a change of size: 1x1 down to a quarter, a convolution, 1x1 up, dropout, plus the input."""

    def __init__(
        self, width: int, dropout: float, activation: type[nn.Module], *, dilation: int = 1, asymmetric: bool = False
    ) -> None:
        super().__init__()
        inner = width // 4
        if asymmetric:
            middle = [
                *_block(inner, inner, (5, 1), activation, padding=(2, 0)),
                *_block(inner, inner, (1, 5), activation, padding=(0, 2)),
            ]
        else:
            middle = _block(inner, inner, 3, activation, padding=dilation, dilation=dilation)
        self.extension = nn.Sequential(
            *_block(width, inner, 1, activation), *middle, *_block(inner, width, 1, activation), nn.Dropout2d(dropout)
        )
        self.activate = activation()

    def forward(self, feature: Tensor) -> Tensor:
        return self.activate(feature + self.extension(feature))


class Downsampling(nn.Module):
    """Figure 2b with a 2x2 stride; the main branch is max-pooled, its indices are handed to the decoder, its width zero-padded."""

    def __init__(self, inputs: int, outputs: int, dropout: float) -> None:
        super().__init__()
        inner = inputs // 4
        self.pool = PoolIndices(2)
        self.extension = nn.Sequential(
            *_block(inputs, inner, 2, nn.PReLU, stride=2),
            *_block(inner, inner, 3, nn.PReLU, padding=1),
            *_block(inner, outputs, 1, nn.PReLU),
            nn.Dropout2d(dropout),
        )
        self.more = outputs - inputs
        self.activate = nn.PReLU()

    def forward(self, feature: Tensor) -> tuple[Tensor, Tensor]:
        pooled, indices = self.pool(feature)
        main = F.pad(pooled, (0, 0, 0, 0, 0, self.more))
        return self.activate(main + self.extension(feature)), indices


class Upsampling(nn.Module):
    """The decoder's bottleneck: unpooling by the encoder's indices beside a transposed convolution."""

    def __init__(self, inputs: int, outputs: int, dropout: float) -> None:
        super().__init__()
        inner = inputs // 4
        self.main = nn.Sequential(nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs))
        self.unpool = UnpoolIndices(2)
        self.reduce = nn.Sequential(*_block(inputs, inner, 1, nn.ReLU))
        self.enlarge = nn.ConvTranspose2d(inner, inner, 2, stride=2, bias=False)
        self.expand = nn.Sequential(
            nn.BatchNorm2d(inner),
            nn.ReLU(),
            nn.Conv2d(inner, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.Dropout2d(dropout),
        )

    def forward(self, feature: Tensor, indices: Tensor, size: torch.Size) -> Tensor:
        main = self.unpool(self.main(feature), indices, size)
        extension = extended_to(self.enlarge(self.reduce(feature)), size)
        return F.relu(main + self.expand(extension))


class ENet(nn.Module):
    """Table 1 of the paper, a line an attribute."""

    def __init__(self, classes: int, channels: int) -> None:
        super().__init__()
        self.initial = Initial(channels, 16)
        self.down1 = Downsampling(16, 64, 0.01)
        self.stage1 = nn.Sequential(*(Bottleneck(64, 0.01, nn.PReLU) for _ in range(4)))
        self.down2 = Downsampling(64, 128, 0.1)
        self.stage2 = _dilated_stage()
        self.stage3 = _dilated_stage()
        self.up4 = Upsampling(128, 64, 0.1)
        self.stage4 = nn.Sequential(*(Bottleneck(64, 0.1, nn.ReLU) for _ in range(2)))
        self.up5 = Upsampling(64, 16, 0.1)
        self.stage5 = Bottleneck(16, 0.1, nn.ReLU)
        # One more row and column than 2n - 1, cropped where the image is odd.
        self.classify = nn.ConvTranspose2d(16, classes, 3, stride=2, padding=1, output_padding=1, bias=False)

    def forward(self, image: Tensor) -> Tensor:
        """(B, C, H, W) -> logits (B, K, H, W)."""
        half = self.initial(image)
        quarter, indices1 = self.down1(half)
        quarter = self.stage1(quarter)
        eighth, indices2 = self.down2(quarter)
        eighth = self.stage3(self.stage2(eighth))
        up = self.stage4(self.up4(eighth, indices2, quarter.shape[-2:]))
        up = self.stage5(self.up5(up, indices1, half.shape[-2:]))
        return self.classify(up)[..., : image.shape[-2], : image.shape[-1]]


def _block(
    inputs: int, outputs: int, window: int | tuple[int, int], activation: type[nn.Module], **options: object
) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, window, bias=False, **options), nn.BatchNorm2d(outputs), activation()]  # type: ignore[arg-type]


def _dilated_stage() -> nn.Sequential:
    """Bottlenecks 2.1 to 2.8 of table 1; stage 3 repeats them."""
    return nn.Sequential(
        Bottleneck(128, 0.1, nn.PReLU),
        Bottleneck(128, 0.1, nn.PReLU, dilation=2),
        Bottleneck(128, 0.1, nn.PReLU, asymmetric=True),
        Bottleneck(128, 0.1, nn.PReLU, dilation=4),
        Bottleneck(128, 0.1, nn.PReLU),
        Bottleneck(128, 0.1, nn.PReLU, dilation=8),
        Bottleneck(128, 0.1, nn.PReLU, asymmetric=True),
        Bottleneck(128, 0.1, nn.PReLU, dilation=16),
    )


def enet(classes: int, channels: int = 3) -> Network:
    """ENet, 0.35 million parameters at 11 classes. channels: at most 15, since the first layer keeps the bands beside its 16."""
    return Network(ENet(classes, channels), name="enet", classes=classes, channels=channels, least=(8, 8))
