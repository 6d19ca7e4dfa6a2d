"""The compiled steps of Chan-Vese and of morphological geodesic contours, on arrays with a border of one pixel.

All pixels of a step are computed from the step before. Inner loops have no branch, so that they are vectorised.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "nsz", "contract"})
def evolve_chan_vese(
    image: NDArray[np.float64],
    start: NDArray[np.float64],
    mu: float,
    lambda1: float,
    lambda2: float,
    tolerance: float,
    iterations: int,
    dt: float,
) -> tuple[NDArray[np.float64], int]:
    """phi (H, W) after at most `iterations` steps, and how many were made. image: (H, W) in [0, 1]."""
    height, width = image.shape
    old = np.empty((height + 2, width + 2))
    new = np.empty((height + 2, width + 2))
    old[1:-1, 1:-1] = start
    inside, inside_sum, everything = 0.0, 0.0, 0.0
    for y in range(height):
        for x in range(width):
            positive = 1.0 if start[y, x] > 0 else 0.0
            inside += positive
            inside_sum += positive * image[y, x]
            everything += image[y, x]

    steps = 0
    tiny = 1e-16  # keeps the length of a flat gradient from being 0
    change = tolerance + 1.0
    while change > tolerance and steps < iterations:
        old[0], old[-1] = old[1], old[-2]
        old[:, 0], old[:, -1] = old[:, 1], old[:, -2]
        outside = height * width - inside
        mean_inside = inside_sum / inside if inside > 0 else 0.0
        mean_outside = (everything - inside_sum) / outside if outside > 0 else 0.0
        inside, inside_sum, squares = 0.0, 0.0, 0.0
        for y in range(height):
            above, row, below, out, values = old[y], old[y + 1], old[y + 2], new[y + 1], image[y]
            for x in range(width):
                centre, west, east, north, south = row[x + 1], row[x], row[x + 2], above[x + 1], below[x + 1]
                across, down = (east - west) / 2.0, (south - north) / 2.0
                c_east = 1.0 / np.sqrt(tiny + (east - centre) ** 2 + down**2)
                c_west = 1.0 / np.sqrt(tiny + (centre - west) ** 2 + down**2)
                c_south = 1.0 / np.sqrt(tiny + across**2 + (south - centre) ** 2)
                # Getreuer has the two differences at the same pixel here, as scikit-image.
                c_north = 1.0 / np.sqrt(tiny + across**2 + (centre - north) ** 2)
                curvature = east * c_east + west * c_west + south * c_south + north * c_north
                delta = dt / (1.0 + centre * centre)
                fit = lambda2 * (values[x] - mean_outside) ** 2 - lambda1 * (values[x] - mean_inside) ** 2
                total = c_east + c_west + c_south + c_north
                moved = (centre + delta * (mu * curvature + fit)) / (1.0 + mu * delta * total)
                out[x + 1] = moved
                squares += (moved - centre) ** 2
                positive = 1.0 if moved > 0 else 0.0
                inside += positive
                inside_sum += positive * values[x]
        change = np.sqrt(squares / (height * width))
        old, new = new, old
        steps += 1
    return old[1:-1, 1:-1].copy(), steps


@njit(cache=True, nogil=True)
def evolve_geodesic(
    down: NDArray[np.float64],
    across: NDArray[np.float64],
    free: NDArray[np.bool_],
    start: NDArray[np.bool_],
    iterations: int,
    smoothing: int,
    balloon: int,
) -> NDArray[np.bool_]:
    """u (H, W) after `iterations` steps. down, across: gradient of g. free: where the balloon works; its sign."""
    height, width = start.shape
    u = np.zeros((height + 2, width + 2), np.uint8)
    other = np.zeros((height + 2, width + 2), np.uint8)
    for y in range(height):
        for x in range(width):
            u[y + 1, x + 1] = start[y, x]
    inf_sup_first = True
    for _ in range(iterations):
        if balloon != 0:
            _inflate(u, other, free, balloon > 0)
            u, other = other, u
        _attach(u, other, down, across)
        u, other = other, u
        for _ in range(smoothing):
            if inf_sup_first:
                _inf_sup(u, other)
                _sup_inf(other, u)
            else:
                _sup_inf(u, other)
                _inf_sup(other, u)
            inf_sup_first = not inf_sup_first
    return u[1:-1, 1:-1] > 0


@njit(cache=True, nogil=True)
def _inflate(u: NDArray[np.uint8], out: NDArray[np.uint8], free: NDArray[np.bool_], grow: bool) -> None:
    """A step of 3x3 dilation or erosion where `free`; outside the image is 0."""
    for y in range(1, u.shape[0] - 1):
        above, row, below, moved, open_row = u[y - 1], u[y], u[y + 1], out[y], free[y - 1]
        if grow:
            for x in range(1, u.shape[1] - 1):
                most = max(
                    above[x - 1], above[x], above[x + 1], row[x - 1], row[x + 1], below[x - 1], below[x], below[x + 1]
                )
                moved[x] = max(row[x], most) if open_row[x - 1] else row[x]
        else:
            for x in range(1, u.shape[1] - 1):
                least = min(
                    above[x - 1], above[x], above[x + 1], row[x - 1], row[x + 1], below[x - 1], below[x], below[x + 1]
                )
                moved[x] = min(row[x], least) if open_row[x - 1] else row[x]


@njit(cache=True, nogil=True)
def _attach(
    u: NDArray[np.uint8], out: NDArray[np.uint8], down: NDArray[np.float64], across: NDArray[np.float64]
) -> None:
    """1 where grad g . grad u > 0, 0 where it is < 0; one-sided differences on the image's border."""
    height, width = down.shape
    for y in range(height):
        north, south = max(y - 1, 0), min(y + 1, height - 1)
        row_scale = 0.5 if south - north == 2 else 1.0
        for x in range(width):
            value = u[y + 1, x + 1]
            out[y + 1, x + 1] = value
            west, east = max(x - 1, 0), min(x + 1, width - 1)
            du_down = np.int64(u[south + 1, x + 1]) - np.int64(u[north + 1, x + 1])
            du_across = np.int64(u[y + 1, east + 1]) - np.int64(u[y + 1, west + 1])
            if du_down != 0 or du_across != 0:
                column_scale = 0.5 if east - west == 2 else 1.0
                along = down[y, x] * (du_down * row_scale) + across[y, x] * (du_across * column_scale)
                if along > 0:
                    out[y + 1, x + 1] = 1
                elif along < 0:
                    out[y + 1, x + 1] = 0


@njit(cache=True, nogil=True)
def _inf_sup(u: NDArray[np.uint8], out: NDArray[np.uint8]) -> None:
    """The least over four lines through a pixel of the largest of the line's three; outside the image is 0."""
    for y in range(1, u.shape[0] - 1):
        above, row, below, moved = u[y - 1], u[y], u[y + 1], out[y]
        for x in range(1, u.shape[1] - 1):
            first = min(max(above[x - 1], below[x + 1]), max(above[x + 1], below[x - 1]))
            second = min(max(above[x], below[x]), max(row[x - 1], row[x + 1]))
            moved[x] = max(row[x], min(first, second))


@njit(cache=True, nogil=True)
def _sup_inf(u: NDArray[np.uint8], out: NDArray[np.uint8]) -> None:
    """The largest over four lines through a pixel of the least of the line's three; outside the image is 0."""
    for y in range(1, u.shape[0] - 1):
        above, row, below, moved = u[y - 1], u[y], u[y + 1], out[y]
        for x in range(1, u.shape[1] - 1):
            first = max(min(above[x - 1], below[x + 1]), min(above[x + 1], below[x - 1]))
            second = max(min(above[x], below[x]), min(row[x - 1], row[x + 1]))
            moved[x] = min(row[x], max(first, second))
