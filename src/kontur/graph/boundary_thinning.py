"""Thinning of a soft boundary map: a pixel stays where no pixel across the boundary is stronger.

Sources: Canny, "A Computational Approach to Edge Detection", TPAMI 8(6), 1986 (suppression across the edge); Dollár &
Zitnick, "Fast Edge Detection Using Structured Forests", TPAMI 37(8), 2015, arXiv:1406.5549, whose evaluation code HED,
RCF and PiDiNet use as well (triangle filter of radius 4, second derivatives, two pixels to both sides, 1 % of slack):

    strength (H, W) -> smoothed -> Hessian -> direction across the boundary -> the strongest along it -> (H, W)

Differs from that code: the direction is the Hessian's eigenvector of the greatest curvature, where the code takes
arctan(Eyy / Exx), which is that angle only at multiples of 45 degrees; of the pixels that the slack keeps side by side
across the boundary only the strongest stays, so that lines are one pixel wide; strengths near the image's rim are not
damped unless asked for (that code: over 5 pixels).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..core.hierarchy import checked_strength
from .boundary_thinning_kernel import hessian, suppressed

_RADIUS = 4  # of the triangle filter, pixels
_REACH = 2  # pixels to each side that must not be stronger
_SLACK = 1.01  # a pixel stays if a neighbour is stronger by less than this factor


def thinned(strength: NDArray, *, rim: int = 0) -> NDArray[np.float32]:
    """The strengths (H, W) float32 of the pixels on the crests of `strength` (H, W) in [0, 1]; 0 elsewhere.

    rim: crests nearer than so many pixels to the image's rim are damped, in proportion, down to 0 on it. 0: none are.

    Raises InputError for another shape and for values outside [0, 1].
    """
    strength = checked_strength(strength)
    xx, xy, yy = second_derivatives(strength)
    crests = suppressed(strength, xx, xy, yy, np.float32(_SLACK), _REACH)
    for side in (crests, crests[::-1], crests.T, crests.T[::-1]):
        for distance in range(min(rim, len(side))):
            side[distance] *= np.float32(distance / rim)
    return crests


def second_derivatives(strength: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
    """d2/dx2, d2/dxdy, d2/dy2 of the map smoothed by a triangle of radius 4: three (H, W) float32. x runs to the right.

    Derivatives are central differences of central differences, one-sided at the rim; the map is mirrored there to be
    smoothed.
    """
    from scipy.ndimage import correlate1d

    side = np.arange(1, _RADIUS + 1)
    triangle = np.concatenate([side, [_RADIUS + 1], side[::-1]]) / (_RADIUS + 1.0) ** 2
    smooth = correlate1d(correlate1d(strength, triangle, axis=0), triangle, axis=1)
    return hessian(smooth)
