"""CRF-RNN: the mean field of a fully connected CRF as layers behind any network, trained with it.

Paper: Zheng, Jayasumana, Romera-Paredes, Vineet, Su, Du, Huang & Torr, ICCV 2015, arXiv:1502.03240. Algorithm 1:

    scores U (B, K, H, W), image -> softmax -> [filter by two Gaussians -> weight -> compatibility -> U minus that -> softmax] x T -> logits

Differs from the paper: FCN-8s's last transposed convolution and the CRF are trained together from the start.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..core.errors import InputError
from .catalogue import build
from .network import Network
from .permutohedral import Lattice


class MeanField(nn.Module):
    """Algorithm 1 as a layer.

    sxy, srgb: standard deviations of the bilateral Gaussian, in pixels and in the image's own units; spatial_sxy: of the
    spatial one, in pixels. The weights of the two filters start at the paper's 5 and 3 on the diagonal, the compatibility at Potts.
    """

    def __init__(
        self,
        classes: int,
        *,
        sxy: float = 160.0,
        srgb: float = 0.0525,
        spatial_sxy: float = 3.0,
        iterations: int = 10,
        training_iterations: int = 5,
    ) -> None:
        super().__init__()
        self.sxy, self.srgb, self.spatial_sxy = sxy, srgb, spatial_sxy
        self.iterations, self.training_iterations = iterations, training_iterations
        self.bilateral_weight = nn.Parameter(5.0 * torch.eye(classes))
        self.spatial_weight = nn.Parameter(3.0 * torch.eye(classes))
        self.compatibility = nn.Parameter(-torch.eye(classes))

    def forward(self, scores: Tensor, image: Tensor) -> Tensor:
        """scores (B, K, H, W) before softmax, image (B, C, H, W) -> refined scores (B, K, H, W)."""
        refined = [self._one(s, i) for s, i in zip(scores, image, strict=True)]
        return torch.stack(refined)

    def _one(self, scores: Tensor, image: Tensor) -> Tensor:
        classes, height, width = scores.shape
        rows, columns = torch.meshgrid(
            torch.arange(height, device=image.device), torch.arange(width, device=image.device), indexing="ij"
        )
        place = torch.stack([columns, rows], dim=-1).reshape(-1, 2).to(image.dtype)  # (N, 2)
        colour = image.detach().flatten(1).T  # (N, C)
        spatial = NormalisedFilter(place / self.spatial_sxy)
        bilateral = NormalisedFilter(torch.cat([place / self.sxy, colour / self.srgb], dim=1))
        unary = scores.flatten(1).T  # (N, K)
        current = unary
        for _ in range(self.training_iterations if self.training else self.iterations):
            beliefs = current.softmax(dim=1)
            message = spatial(beliefs) @ self.spatial_weight.T + bilateral(beliefs) @ self.bilateral_weight.T
            current = unary - message @ self.compatibility.T
        return current.T.reshape(classes, height, width)


class NormalisedFilter:
    """Gaussian filtering divided by its response to ones, so that a constant stays as it is."""

    def __init__(self, positions: Tensor) -> None:
        self.lattice = Lattice(positions)
        self.norm = self.lattice.filter(positions.new_ones(len(positions), 1)).clamp_min(1e-20)

    def __call__(self, values: Tensor) -> Tensor:
        return self.lattice.filter(values) / self.norm


class CRFRNN(nn.Module):
    """Any network of this folder, then the mean field."""

    def __init__(self, network: Network, mean_field: MeanField) -> None:
        super().__init__()
        self.network, self.mean_field = network, mean_field

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        if torch.jit.is_tracing() or torch.compiler.is_exporting():
            raise InputError(
                "crf_rnn can't be exported: its lattice has as many points as the image asks for. Export the network before it "
                "and run kontur.graph.dense_crf.refine_probabilities on its output"
            )
        output = self.network(image)
        scores, *auxiliary = (output,) if isinstance(output, Tensor) else (output.logits, *output.auxiliary)
        return self.mean_field(scores, image), *auxiliary


def crf_rnn(
    classes: int,
    channels: int = 3,
    *,
    network: str = "fcn8s",
    sxy: float = 160.0,
    srgb: float = 0.0525,
    spatial_sxy: float = 3.0,
    iterations: int = 10,
    pretrained: bool = False,
) -> Network:
    """CRF-RNN. network: any name of the catalogue whose logits have the image's size. srgb: in the image's units; the default is
    the paper's 3 of 255 for ImageNet-normalised bands. iterations: of the mean field at inference (5 in training).
    """
    options = {"pretrained": True} if pretrained else {}
    inner = build(network, classes, channels, **options)
    if inner.keep_size and not getattr(inner.body, "padded", False):
        raise InputError(f"crf_rnn: expected a network whose logits have the image's size, got {network!r}")
    field = MeanField(classes, sxy=sxy, srgb=srgb, spatial_sxy=spatial_sxy, iterations=iterations)
    return Network(CRFRNN(inner, field), name="crf_rnn", classes=classes, channels=channels, least=inner.least)
