"""SegFormer: a hierarchical transformer without positional encoding, and a decoder of linear layers only.

Paper: Xie, Wang, Yu, Anandkumar, Alvarez & Luo, NeurIPS 2021, arXiv:2105.15203. Figure 2 and table 6 (B0):

    image (B, C, H, W) -> MixTransformer -> 32 @ /4, 64 @ /8, 160 @ /16, 256 @ /32 -> AllMLPDecoder 256 -> logits (B, K, H/4, W/4)

Differs from the paper: batch norm and ReLU after fusing, and stochastic depth left out of B0's inference as everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .network import Network


class OverlapPatches(nn.Module):
    """Section 3.1: a strided convolution whose windows overlap, then layer norm over channels."""

    def __init__(self, inputs: int, width: int, window: int, stride: int) -> None:
        super().__init__()
        self.project = nn.Conv2d(inputs, width, window, stride=stride, padding=window // 2)
        self.norm = nn.LayerNorm(width)

    def forward(self, feature: Tensor) -> tuple[Tensor, int, int]:
        """(B, C, H, W) -> tokens (B, N, width) and the (h, w) they lie on."""
        feature = self.project(feature)
        height, width = feature.shape[-2:]
        return self.norm(feature.flatten(2).transpose(1, 2)), height, width


class EfficientAttention(nn.Module):
    """Equation 2: keys and values come from a map reduced `reduction` times a side."""

    def __init__(self, width: int, heads: int, reduction: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.reduce = nn.Conv2d(width, width, reduction, stride=reduction) if reduction > 1 else None
        self.norm = nn.LayerNorm(width) if reduction > 1 else None
        self.output = nn.Linear(width, width)

    def forward(self, tokens: Tensor, height: int, width: int) -> Tensor:
        source = tokens
        if self.reduce is not None and self.norm is not None:
            source = self.reduce(_as_map(tokens, height, width)).flatten(2).transpose(1, 2)
            source = self.norm(source)
        query, key, value = (self._by_head(t) for t in (self.query(tokens), self.key(source), self.value(source)))
        attended = F.scaled_dot_product_attention(query, key, value)  # (B, heads, N, width / heads)
        return self.output(attended.transpose(1, 2).flatten(2))

    def _by_head(self, tokens: Tensor) -> Tensor:
        return tokens.unflatten(2, (self.heads, -1)).transpose(1, 2)


class MixFFN(nn.Module):
    """Equation 3: a 3x3 depth-wise convolution between the two linear layers carries the position."""

    def __init__(self, width: int, expansion: int) -> None:
        super().__init__()
        inner = width * expansion
        self.expand = nn.Linear(width, inner)
        self.mix = nn.Conv2d(inner, inner, 3, padding=1, groups=inner)
        self.reduce = nn.Linear(inner, width)

    def forward(self, tokens: Tensor, height: int, width: int) -> Tensor:
        mixed = self.mix(_as_map(self.expand(tokens), height, width))
        return self.reduce(F.gelu(mixed.flatten(2).transpose(1, 2)))


class Block(nn.Module):
    """Attention and Mix-FFN, each after a layer norm, each added to its input."""

    def __init__(self, width: int, heads: int, reduction: int, expansion: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = EfficientAttention(width, heads, reduction)
        self.feed_forward = MixFFN(width, expansion)

    def forward(self, tokens: Tensor, height: int, width: int) -> Tensor:
        tokens = tokens + self.attention(self.norm1(tokens), height, width)
        return tokens + self.feed_forward(self.norm2(tokens), height, width)


class MixTransformer(nn.Module):
    """Four stages of patches and blocks, finest first."""

    def __init__(
        self,
        channels: int,
        widths: Sequence[int] = (32, 64, 160, 256),
        depths: Sequence[int] = (2, 2, 2, 2),
        heads: Sequence[int] = (1, 2, 5, 8),
        reductions: Sequence[int] = (8, 4, 2, 1),
        expansion: int = 4,
    ) -> None:
        super().__init__()
        self.widths = tuple(widths)
        self.patches, self.blocks, self.norms = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for stage, width in enumerate(widths):
            window, stride = (7, 4) if stage == 0 else (3, 2)
            self.patches.append(OverlapPatches(channels if stage == 0 else widths[stage - 1], width, window, stride))
            self.blocks.append(
                nn.ModuleList(Block(width, heads[stage], reductions[stage], expansion) for _ in range(depths[stage]))
            )
            self.norms.append(nn.LayerNorm(width))

    def forward(self, image: Tensor) -> list[Tensor]:
        feature, features = image, []
        for patches, blocks, norm in zip(self.patches, self.blocks, self.norms, strict=True):
            tokens, height, width = patches(feature)
            for block in blocks:  # type: ignore[attr-defined]
                tokens = block(tokens, height, width)
            feature = _as_map(norm(tokens), height, width)
            features.append(feature)
        return features


class AllMLPDecoder(nn.Module):
    """Section 3.2, equation 4: the four steps of the decoder, one line each."""

    def __init__(self, widths: Sequence[int], inner: int, classes: int) -> None:
        super().__init__()
        self.unify = nn.ModuleList(nn.Conv2d(width, inner, 1) for width in widths)  # a linear layer at every pixel
        self.fuse = nn.Sequential(
            nn.Conv2d(len(widths) * inner, inner, 1, bias=False), nn.BatchNorm2d(inner), nn.ReLU()
        )
        self.dropout = nn.Dropout(0.1)
        self.classify = nn.Conv2d(inner, classes, 1)

    def forward(self, features: list[Tensor]) -> Tensor:
        quarter = features[0].shape[-2:]
        maps = [linear(feature) for linear, feature in zip(self.unify, features, strict=True)]
        maps = [F.interpolate(m, quarter, mode="bilinear", align_corners=False) for m in reversed(maps)]
        return self.classify(self.dropout(self.fuse(torch.cat(maps, dim=1))))


def _as_map(tokens: Tensor, height: int, width: int) -> Tensor:
    return tokens.transpose(1, 2).reshape(tokens.shape[0], tokens.shape[2], height, width)


def segformer_b0(classes: int, channels: int = 3) -> Network:
    """SegFormer-B0, 3.7 million parameters."""
    encoder = MixTransformer(channels)
    body = nn.Sequential(encoder, AllMLPDecoder(encoder.widths, 256, classes))
    for module in body.modules():
        if isinstance(module, nn.Linear):
            nn.init.trunc_normal_(module.weight, std=0.02)
            nn.init.zeros_(module.bias)
    # The last stage reduces its map by 1 at /32: 32 pixels a side give it one token.
    return Network(body, name="segformer_b0", classes=classes, channels=channels, least=(32, 32))
