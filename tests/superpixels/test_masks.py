"""A mask restricts every superpixel method: void outside, connected regions inside."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

import kontur
from kontur.core.errors import InputError, OptionError

NAMES = [row.name for row in kontur.methods("superpixels")] + ["felzenszwalb"]


@pytest.mark.parametrize("name", NAMES)
def test_regions_lie_in_the_mask_and_are_connected(name):
    image = np.random.default_rng(0).integers(0, 255, (40, 50, 3)).astype(np.uint8)
    image = ndimage.uniform_filter(image, (5, 5, 1))
    y, x = np.mgrid[:40, :50]
    mask = (y - 20) ** 2 + (x - 25) ** 2 < 15**2
    options = {} if name in ("quickshift", "felzenszwalb") else {"segments": 20}
    result = kontur.segment(image, name, mask=mask, **options)
    assert np.array_equal(result.ids > 0, mask)
    eight = np.ones((3, 3)) if name == "felzenszwalb" else None
    assert all(ndimage.label(result.mask(s.id), eight)[1] == 1 for s in result.segments)
    if options:
        grid = name in ("turbopixels", "seeds")  # whose number is that of a grid's cells that meet the mask
        assert len(result) == pytest.approx(20, rel=0.6 if grid else 0.3)
    assert "mask" not in result.provenance.options


def test_a_wrong_mask_is_named():
    image = np.zeros((8, 9), np.uint8)
    with pytest.raises(InputError, match=r"mask: expected bool \(H, W\) = \(8, 9\), got bool \(9, 8\)"):
        kontur.segment(image, "slic", mask=np.ones((9, 8), bool))
    with pytest.raises(OptionError, match="otsu takes no mask"):
        kontur.segment(image, "otsu", mask=np.ones((8, 9), bool))
