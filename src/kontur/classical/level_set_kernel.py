"""The compiled steps of Chan-Vese and of morphological geodesic contours, on arrays with a border of one pixel.

All pixels of a step are computed from the step before. Inner loops have no branch, so that they are vectorised.
"""

# mypy: ignore-errors

import cython
import numpy as np
from cython import bint, cast, void
from cython.cimports.kontur.kernels.common import cf64, cu8, f64, i64, u8
from cython.cimports.libc.math import sqrt


@cython.locals(
    inside=f64, inside_sum=f64, everything=f64, positive=f64, tiny=f64, change=f64, outside=f64, mean_inside=f64,
    mean_outside=f64, squares=f64, centre=f64, west=f64, east=f64, north=f64, south=f64, across=f64, down=f64,
    c_east=f64, c_west=f64, c_south=f64, c_north=f64, curvature=f64, delta=f64, fit=f64, total=f64, moved=f64,
    height=i64, width=i64, y=i64, x=i64, steps=i64, old=f64[:, ::1], new=f64[:, ::1], above=cf64[::1], row=cf64[::1],
    below=cf64[::1], values=cf64[::1], out=f64[::1]
)  # fmt: skip
def evolve_chan_vese(
    image: cf64[:, ::1], start: cf64[:, ::1], mu: f64, lambda1: f64, lambda2: f64, tolerance: f64, iterations: i64,
    dt: f64
):  # fmt: skip
    """phi (H, W) after at most `iterations` steps, and how many were made. image: (H, W) in [0, 1]."""
    height, width = image.shape[0], image.shape[1]
    old = np.empty((height + 2, width + 2))
    new = np.empty((height + 2, width + 2))
    old[1 : height + 1, 1 : width + 1] = start
    inside, inside_sum, everything = 0.0, 0.0, 0.0
    with cython.nogil:
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
            old[0], old[height + 1] = old[1], old[height]
            old[:, 0], old[:, width + 1] = old[:, 1], old[:, width]
            outside = height * width - inside
            mean_inside = inside_sum / inside if inside > 0 else 0.0
            mean_outside = (everything - inside_sum) / outside if outside > 0 else 0.0
            inside, inside_sum, squares = 0.0, 0.0, 0.0
            for y in range(height):
                above, row, below, out, values = old[y], old[y + 1], old[y + 2], new[y + 1], image[y]
                for x in range(width):
                    centre, west, east, north, south = row[x + 1], row[x], row[x + 2], above[x + 1], below[x + 1]
                    across, down = (east - west) / 2.0, (south - north) / 2.0
                    c_east = 1.0 / sqrt(tiny + ((east - centre) * (east - centre)) + (down * down))
                    c_west = 1.0 / sqrt(tiny + ((centre - west) * (centre - west)) + (down * down))
                    c_south = 1.0 / sqrt(tiny + (across * across) + ((south - centre) * (south - centre)))
                    # Getreuer has the two differences at the same pixel here, as scikit-image.
                    c_north = 1.0 / sqrt(tiny + (across * across) + ((centre - north) * (centre - north)))
                    curvature = east * c_east + west * c_west + south * c_south + north * c_north
                    delta = dt / (1.0 + centre * centre)
                    fit = lambda2 * ((values[x] - mean_outside) * (values[x] - mean_outside)) - lambda1 * (
                        (values[x] - mean_inside) * (values[x] - mean_inside)
                    )
                    total = c_east + c_west + c_south + c_north
                    out[x + 1] = (centre + delta * (mu * curvature + fit)) / (1.0 + mu * delta * total)
                # Sums keep their order, which can't be vectorised, so they have a loop of their own.
                for x in range(width):
                    moved = out[x + 1]
                    squares += (moved - row[x + 1]) * (moved - row[x + 1])
                    positive = 1.0 if moved > 0 else 0.0
                    inside += positive
                    inside_sum += positive * values[x]
            change = sqrt(squares / (height * width))
            old, new = new, old
            steps += 1
    return old.base[1 : height + 1, 1 : width + 1].copy(), steps


@cython.locals(inf_sup_first=cython.bint, height=i64, width=i64, y=i64, x=i64, _=i64, u=u8[:, ::1], other=u8[:, ::1])
def evolve_geodesic(
    down: cf64[:, ::1], across: cf64[:, ::1], free: cu8[:, ::1], start: cu8[:, ::1], iterations: i64, smoothing: i64,
    balloon: i64
):  # fmt: skip
    """u (H, W) after `iterations` steps. down, across: gradient of g. free: where the balloon works; its sign."""
    height, width = start.shape[0], start.shape[1]
    u = np.zeros((height + 2, width + 2), np.uint8)
    other = np.zeros((height + 2, width + 2), np.uint8)
    with cython.nogil:
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
    return u.base[1 : height + 1, 1 : width + 1] > 0


@cython.cfunc
@cython.nogil
@cython.locals(
    y=i64, x=i64, most=u8, least=u8, above=cu8[::1], row=cu8[::1], below=cu8[::1], open_row=cu8[::1], moved=u8[::1]
)
def _inflate(u: cu8[:, ::1], out: u8[:, ::1], free: cu8[:, ::1], grow: bint) -> void:
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


@cython.cfunc
@cython.nogil
@cython.locals(
    row_scale=f64, column_scale=f64, along=f64, height=i64, width=i64, y=i64, north=i64, south=i64, x=i64, west=i64,
    east=i64, du_down=i64, du_across=i64, value=u8
)  # fmt: skip
def _attach(u: cu8[:, ::1], out: u8[:, ::1], down: cf64[:, ::1], across: cf64[:, ::1]) -> void:
    """1 where grad g . grad u > 0, 0 where it is < 0; one-sided differences on the image's border."""
    height, width = down.shape[0], down.shape[1]
    for y in range(height):
        north, south = max(y - 1, 0), min(y + 1, height - 1)
        row_scale = 0.5 if south - north == 2 else 1.0
        for x in range(width):
            value = u[y + 1, x + 1]
            out[y + 1, x + 1] = value
            west, east = max(x - 1, 0), min(x + 1, width - 1)
            du_down = cast(i64, u[south + 1, x + 1]) - cast(i64, u[north + 1, x + 1])
            du_across = cast(i64, u[y + 1, east + 1]) - cast(i64, u[y + 1, west + 1])
            if du_down != 0 or du_across != 0:
                column_scale = 0.5 if east - west == 2 else 1.0
                along = down[y, x] * (du_down * row_scale) + across[y, x] * (du_across * column_scale)
                if along > 0:
                    out[y + 1, x + 1] = 1
                elif along < 0:
                    out[y + 1, x + 1] = 0


@cython.cfunc
@cython.nogil
@cython.locals(y=i64, x=i64, first=u8, second=u8, above=cu8[::1], row=cu8[::1], below=cu8[::1], moved=u8[::1])
def _inf_sup(u: cu8[:, ::1], out: u8[:, ::1]) -> void:
    """The least over four lines through a pixel of the largest of the line's three; outside the image is 0."""
    for y in range(1, u.shape[0] - 1):
        above, row, below, moved = u[y - 1], u[y], u[y + 1], out[y]
        for x in range(1, u.shape[1] - 1):
            first = min(max(above[x - 1], below[x + 1]), max(above[x + 1], below[x - 1]))
            second = min(max(above[x], below[x]), max(row[x - 1], row[x + 1]))
            moved[x] = max(row[x], min(first, second))


@cython.cfunc
@cython.nogil
@cython.locals(y=i64, x=i64, first=u8, second=u8, above=cu8[::1], row=cu8[::1], below=cu8[::1], moved=u8[::1])
def _sup_inf(u: cu8[:, ::1], out: u8[:, ::1]) -> void:
    """The largest over four lines through a pixel of the least of the line's three; outside the image is 0."""
    for y in range(1, u.shape[0] - 1):
        above, row, below, moved = u[y - 1], u[y], u[y + 1], out[y]
        for x in range(1, u.shape[1] - 1):
            first = max(min(above[x - 1], below[x + 1]), min(above[x + 1], below[x - 1]))
            second = max(min(above[x], below[x]), min(row[x - 1], row[x + 1]))
            moved[x] = min(row[x], max(first, second))
