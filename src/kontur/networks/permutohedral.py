"""Gaussian filtering of many channels in any number of dimensions, differentiable in the values.

Paper: Adams, Baek & Davis, "Fast High-Dimensional Filtering Using the Permutohedral Lattice", Eurographics 2010. Section 3:

    positions (N, d), values (N, C) -> splat to the corners of each position's simplex -> blur along d+1 axes -> slice -> (N, C)

This is the lattice in PyTorch operations, so that gradients pass; `kontur.kernels.permutohedral` is the same in compiled code.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


class Lattice:
    """The lattice of fixed positions; `filter` may be called many times. Positions are in units of the standard deviation."""

    def __init__(self, positions: Tensor) -> None:
        count, dimensions = positions.shape
        self.dimensions = dimensions
        with torch.no_grad():
            elevated = _elevate(positions.double())
            corner, rank = _enclosing_simplex(elevated)
            self.weights = _barycentric(elevated, corner, rank).to(positions.dtype)  # (N, d+1)
            keys = corner[:, None, :] + _canonical(dimensions, positions.device)[:, rank].permute(
                1, 0, 2
            )  # (N, d+1, d+1)
            keys = keys.reshape(-1, dimensions + 1)[:, :dimensions]
            low = keys.min(dim=0).values - dimensions - 1
            self._span = keys.max(dim=0).values - low + dimensions + 2
            if math.prod(float(s) for s in self._span) > 2.0**62:
                raise ValueError(
                    f"positions: expected a spread that fits the lattice, got spans of {self._span.tolist()} cells"
                )
            self._points, self.corners = torch.unique(self._packed(keys - low), return_inverse=True)
            self.corners = self.corners.reshape(count, dimensions + 1)
            self._neighbours = [self._neighbours_along(axis) for axis in range(dimensions + 1)]

    def filter(self, values: Tensor) -> Tensor:
        """(N, C) -> (N, C): each the Gaussian-weighted sum of all, to the lattice's accuracy."""
        channels = values.shape[1]
        splat = (values[:, None, :] * self.weights[:, :, None]).reshape(-1, channels)
        # One more row, always zero, stands for the neighbours that do not exist.
        lattice = values.new_zeros(len(self._points) + 1, channels).index_add(0, self.corners.reshape(-1), splat)
        for before, after in self._neighbours:
            blurred = lattice[:-1] + 0.5 * (lattice[before] + lattice[after])
            lattice = torch.cat([blurred, lattice[-1:]])
        scale = 1 / (1 + 2.0**-self.dimensions)
        return (lattice[self.corners] * self.weights[:, :, None]).sum(dim=1) * scale

    def _packed(self, keys: Tensor) -> Tensor:
        """One whole number a lattice point; `_span` keeps neighbouring keys apart."""
        packed = keys[:, 0]
        for axis in range(1, self.dimensions):
            packed = packed * self._span[axis] + keys[:, axis]
        return packed

    def _neighbours_along(self, axis: int) -> tuple[Tensor, Tensor]:
        """The rows of both neighbours of every point; the last row + 1 where there is none."""
        step = torch.full((1, self.dimensions), -1, dtype=torch.int64, device=self._points.device)
        if axis < self.dimensions:
            step[0, axis] = self.dimensions
        offset = self._packed(step)  # packing is linear, so a step in the lattice is a constant difference
        return self._find(self._points + offset), self._find(self._points - offset)

    def _find(self, wanted: Tensor) -> Tensor:
        rows = torch.searchsorted(self._points, wanted).clamp(max=len(self._points) - 1)
        return torch.where(self._points[rows] == wanted, rows, len(self._points))


def _elevate(positions: Tensor) -> Tensor:
    """(N, d) -> (N, d+1) on the plane of sum zero, scaled so that a blur of the lattice has standard deviation 1."""
    dimensions = positions.shape[1]
    axis = torch.arange(dimensions, dtype=positions.dtype, device=positions.device)
    scale = math.sqrt(2 / 3) * (dimensions + 1) / ((axis + 1) * (axis + 2)).sqrt()
    scaled = positions * scale
    # elevated_j = sum of the later coordinates - j times the one before it
    later = scaled.flip(1).cumsum(1).flip(1)
    later = torch.cat([later, later.new_zeros(len(later), 1)], dim=1)
    earlier = torch.cat([scaled.new_zeros(len(scaled), 1), scaled * (axis + 1)], dim=1)
    return later - earlier


def _enclosing_simplex(elevated: Tensor) -> tuple[Tensor, Tensor]:
    """The nearest point of remainder 0 and the order of the differences to it, both (N, d+1) int64."""
    size = elevated.shape[1]
    rounded = torch.round(elevated / size)
    excess = rounded.sum(dim=1, keepdim=True).long()
    corner = rounded.long() * size
    order = (elevated - corner).argsort(dim=1, descending=True, stable=True)
    rank = torch.empty_like(order).scatter_(1, order, torch.arange(size, device=order.device).expand_as(order)) + excess
    over, under = rank >= size, rank < 0
    corner = corner - size * over.long() + size * under.long()
    return corner, rank - size * over.long() + size * under.long()


def _barycentric(elevated: Tensor, corner: Tensor, rank: Tensor) -> Tensor:
    """The weights of the simplex's d+1 corners, (N, d+1), each in [0, 1], summing to 1."""
    size = elevated.shape[1]
    share = (elevated - corner) / size
    weights = elevated.new_zeros(len(elevated), size + 1)
    weights.scatter_add_(1, size - 1 - rank, share)
    weights.scatter_add_(1, size - rank, -share)
    weights[:, 0] += 1 + weights[:, size]
    return weights[:, :size]


def _canonical(dimensions: int, device: torch.device) -> Tensor:
    """Row r: what is added to a corner's coordinate of rank j to reach the corner of remainder r."""
    remainder = torch.arange(dimensions + 1, device=device)[:, None]
    rank = torch.arange(dimensions + 1, device=device)[None, :]
    return torch.where(rank <= dimensions - remainder, remainder, remainder - (dimensions + 1))
