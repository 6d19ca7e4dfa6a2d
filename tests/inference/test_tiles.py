"""Tiles: by hand, then that they give what the whole image gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.small_networks import brightness_of_the_image, random_network, strided_network
from kontur.inference import Predictor
from kontur.inference.tiles import Plan, Span, blended


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def test_spans_by_hand():
    """64 pixels wide, 16 in common: the second starts at 48 and ends with the image."""
    plan = Plan.of((64, 100), (64, 64), 16, (16,))
    assert plan.rows == (Span(0, 64, 0),)
    assert plan.columns == (Span(0, 64, 0), Span(48, 100, 48))
    assert plan.overlaps == (0, 16)


def test_the_last_tile_sees_as_much_as_it_can_on_the_grid():
    """70 pixels: it need not start before 6, on the grid of 8 that is 8; of its 62 pixels those before 48 belong to the first."""
    assert Plan.of((1, 70), (64, 64), 16, (8,)).columns == (Span(0, 64, 0), Span(8, 70, 48))


def test_a_seam_by_hand():
    """Over four common pixels the second tile counts 0, (1 - cos 45)/2, (1 + cos 45)/2, 1."""
    plan = Plan((Span(0, 1, 0),), (Span(0, 6, 0), Span(2, 8, 2)), (0, 4))
    found = blended(plan, [np.zeros((1, 1, 6), np.float32), np.ones((1, 1, 6), np.float32)])
    row = np.empty(8)
    for y, x, scores in found:
        assert y == 0
        row[x : x + scores.shape[2]] = scores[0, 0]
    assert row == pytest.approx([0, 0, 0, 0.5 - 0.125**0.5, 0.5 + 0.125**0.5, 1, 1, 1])


sizes = st.integers(1, 400)


@given(
    sizes, sizes, st.integers(64, 130), st.integers(64, 130), st.integers(0, 32), st.sampled_from([(32, 1), (7,), (1,)])
)
@settings(max_examples=200, deadline=None)
def test_rectangles_are_disjoint_and_all_of_the_image_and_constants_stay_to_the_bit(h, w, th, tw, overlap, grids):
    plan = Plan.of((h, w), (th, tw), overlap, grids)
    value = np.float32(0.1)
    seen = np.zeros((h, w), int)
    tiles = (np.full((2, r.stop - r.start, c.stop - c.start), value, np.float32) for r, c in plan)
    for y, x, scores in blended(plan, tiles):
        seen[y : y + scores.shape[1], x : x + scores.shape[2]] += 1
        assert (scores == value).all()
    assert (seen == 1).all()
    assert all(s.stop - s.start <= size for spans, size in ((plan.rows, th), (plan.columns, tw)) for s in spans)


@given(st.integers(1, 300), st.integers(1, 300), st.integers(64, 128), st.integers(0, 6))
@settings(max_examples=25, deadline=None)
def test_the_position_of_each_pixel_survives(h, w, tile, overlap):
    """Scores that say where they are come out where they are."""
    plan = Plan.of((h, w), (tile, tile), overlap)
    y, x = np.mgrid[:h, :w].astype(np.float32)
    tiles = (np.stack([a[r.start : r.stop, c.start : c.stop] for a in (y, x)]) for r, c in plan)
    for top, left, scores in blended(plan, tiles):
        here = np.s_[top : top + scores.shape[1], left : left + scores.shape[2]]
        assert np.array_equal(scores, np.stack([y[here], x[here]]))


@pytest.mark.parametrize(
    ("size", "tile", "overlap"), [((300, 205), 96, 16), ((97, 640), 64, 32), ((150, 150), 128, 20)]
)
@pytest.mark.parametrize("options", [{}, {"flips": True}])
def test_a_network_that_sees_no_further_than_a_quarter_of_the_overlap_gives_what_the_whole_gives(
    tmp_path, size, tile, overlap, options
):
    path = random_network(tmp_path / "n.onnx", radius=overlap // 4)
    image = noise(*size)
    whole = Predictor(path, **options)
    tiled = Predictor(path, tile=tile, overlap=overlap, **options)
    assert len(whole.plan(size)) == 1
    assert len(tiled.plan(size)) >= 4
    assert tiled.probabilities(image) == pytest.approx(whole.probabilities(image), abs=2e-5)
    assert (tiled(image).ids != whole(image).ids).mean() < 1e-4  # ties to the last bit


def test_away_from_borders_the_whole_is_met_however_far_the_network_sees(tmp_path):
    """It sees 12 pixels; of the 16 in common the outer 4 count nothing. What differs lies in the overlaps."""
    path = random_network(tmp_path / "n.onnx", radius=12)
    image = noise(200, 200)
    tiled = Predictor(path, tile=128, overlap=16)
    plan = tiled.plan((200, 200))
    different = np.abs(tiled.probabilities(image) - Predictor(path).probabilities(image)).max(axis=0) > 2e-5
    near = np.zeros(200, bool)
    for span in plan.rows[1:]:
        near[span.cut - 12 : span.cut + 16 + 12] = True
    assert different.any()
    assert not different[~near][:, ~near].any()


@pytest.mark.parametrize("stride", [4, 32, 48])
def test_tiles_start_on_the_grid_of_a_strided_network(tmp_path, stride):
    predictor = Predictor(strided_network(tmp_path / "n.onnx", stride), tile=192, overlap=24)
    image = noise(501, 430)
    assert predictor.probabilities(image) == pytest.approx(Predictor(predictor.network).probabilities(image), abs=1e-5)


def test_one_colour_gives_one_result(tmp_path):
    """Even of a network that looks at the whole of what it is given: its mean is the same in each tile."""
    path = brightness_of_the_image(tmp_path / "n.onnx")
    got = Predictor(path, tile=64).probabilities(np.full((150, 260), 90, np.uint8))
    assert np.ptp(got[0]) < 1e-6  # the mean of more pixels is rounded otherwise


def test_the_light_network_in_tiles_is_nearly_the_whole(tmp_path):
    """It looks at the mean of the image, so tiles can only come near: within a tenth of how much its output varies."""
    torch = pytest.importorskip("torch")
    from kontur.networks import build
    from kontur.networks.export import export_onnx

    torch.manual_seed(0)
    export_onnx(build("kontur_lite", 11), tmp_path / "n.onnx")
    y, x = np.mgrid[:320, :416]
    image = np.stack([x % 256, y % 256, (x // 16 + y // 16) % 2 * 255], axis=2).astype(np.uint8)
    whole = Predictor(tmp_path / "n.onnx").probabilities(image)
    tiled = Predictor(tmp_path / "n.onnx", tile=256, overlap=96).probabilities(image)
    assert np.abs(tiled - whole).max() < 0.1 * (whole.max(axis=(1, 2)) - whole.min(axis=(1, 2))).max()
