"""Borders as lines: worked by hand, then every side of a pixel once."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from kontur.core.image import Image
from kontur.core.segmentation import Segmentation
from kontur.io.outlines import borders, outline_picture, write_outline_svg


def id_map(text):
    return np.array([[int(c) for c in row] for row in text.split()])


def test_a_straight_border_is_one_line():
    assert borders(id_map("1122 1122 1122")) == [([(4, 0), (4, 6)], False)]


def test_three_regions_meet_at_a_junction():
    found = borders(id_map("1122 1122 3333"))
    assert not any(closed for _, closed in found)
    ends = sorted(tuple(sorted(points)) for points, _ in found)
    assert ends == [((0, 4), (4, 4)), ((4, 0), (4, 4)), ((4, 4), (8, 4))]


def test_stairs_become_a_slant():
    """The border of a diagonal step goes through the middles of the sides, and bends only at its two ends."""
    ((points, closed),) = borders(id_map("12222 11222 11122 11112"))
    assert not closed
    assert points == [(2, 0), (2, 1), (8, 7), (8, 8)]


def test_an_island_is_closed():
    ((points, closed),) = borders(id_map("1111 1221 1221 1111"))
    assert closed
    # of a square of 2 pixels the corners are cut by half a pixel: eight points
    assert sorted(points) == sorted([(3, 2), (5, 2), (6, 3), (6, 5), (5, 6), (3, 6), (2, 5), (2, 3)])


def test_one_region_has_no_border():
    assert borders(np.ones((3, 4), int)) == []


@pytest.mark.parametrize("seed", range(5))
def test_every_side_is_passed_once(seed):
    """The lines run through the middle of every side between two regions, and of no other."""
    ids = np.random.default_rng(seed).integers(0, 3, (9, 11))
    passed = []
    for points, closed in borders(ids):
        ring = points + points[:1] if closed else points
        for (ax, ay), (bx, by) in pairwise(ring):
            steps = max(abs(bx - ax), abs(by - ay))
            assert abs(bx - ax) in (0, steps)
            assert abs(by - ay) in (0, steps)
            passed += [(ax + (bx - ax) * i // steps, ay + (by - ay) * i // steps) for i in range(steps)]
        if not closed:
            passed.append(ring[-1])
    sides = {(2 * x + 2, 2 * y + 1) for y, x in zip(*np.nonzero(ids[:, 1:] != ids[:, :-1]))}
    sides |= {(2 * x + 1, 2 * y + 2) for y, x in zip(*np.nonzero(ids[1:] != ids[:-1]))}
    middles = [p for p in passed if (p[0] + p[1]) % 2]
    assert len(middles) == len(sides)
    assert set(middles) == sides


def test_the_picture_and_the_file(tmp_path):
    ids = id_map("1122 1122 1122")
    assert outline_picture(ids).tolist() == [[255, 0, 255, 255]] * 3
    assert outline_picture(np.arange(4000)[None] // 2000)[0].tolist().count(0) == 2  # thicker: seen in a small view
    write_outline_svg(tmp_path / "o.svg", Segmentation.from_labels(ids), Image(np.zeros((3, 4), np.uint8)))
    text = (tmp_path / "o.svg").read_text()
    assert 'viewBox="0 0 4 3"' in text
    assert '<path d="M2 0L2 3"/>' in text
