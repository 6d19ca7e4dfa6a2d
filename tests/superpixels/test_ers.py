"""Entropy rate superpixels: the greedy of the paper step by step on a small image, counts, connectedness."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from kontur.core.errors import InputError
from kontur.superpixels.ers import _similarity, ers, ers_labels
from kontur.superpixels.frame import lab_planes


def connected(ids):
    return all(ndimage.label(ids == i)[1] == 1 for i in np.unique(ids))


def greedy(bands, segments, balance, sigma):
    """No queue: of all edges between two trees, the best gain of the objective computed from its definition."""
    planes, units = lab_planes(bands)
    height, width = planes.shape[1:]
    index = np.arange(height * width).reshape(height, width)
    across = _similarity(np.diff(planes.astype(np.float32), axis=2), sigma * units)
    down = _similarity(np.diff(planes.astype(np.float32), axis=1), sigma * units)
    edges = [(int(a), int(b), float(w)) for a, b, w in zip(index[:, :-1].flat, index[:, 1:].flat, across.flat)]
    edges += [(int(a), int(b), float(w)) for a, b, w in zip(index[:-1].flat, index[1:].flat, down.flat)]
    n = height * width
    total = np.zeros(n)
    for a, b, w in edges:
        total[[a, b]] += w

    def xlogx(p):
        return p * np.log(p) if p > 1e-12 else 0.0

    def entropy_rate(chosen):
        rest = total.copy()
        value = 0.0
        for a, b, w in chosen:
            rest[[a, b]] -= w
            value -= sum(total[v] / total.sum() * xlogx(w / total[v]) for v in (a, b))
        return value - sum(total[v] / total.sum() * xlogx(rest[v] / total[v]) for v in range(n))

    def evenness(part):
        sizes = np.bincount(part)
        sizes = sizes[sizes > 0]
        return -sum(xlogx(s / n) for s in sizes) - len(sizes)

    part, chosen = np.arange(n), []
    first = max(entropy_rate([e]) for e in edges)
    joined = part.copy()
    joined[edges[0][1]] = joined[edges[0][0]]
    strength = balance * segments * first / (evenness(joined) - evenness(part))
    while len(np.unique(part)) > segments:
        here = entropy_rate(chosen) + strength * evenness(part)
        best = (-np.inf, None)
        for e in edges:
            if part[e[0]] != part[e[1]]:
                after = np.where(part == part[e[1]], part[e[0]], part)
                gain = entropy_rate([*chosen, e]) + strength * evenness(after) - here
                best = max(best, (gain, e))
        chosen.append(best[1])
        part = np.where(part == part[best[1][1]], part[best[1][0]], part)
    return part.reshape(height, width)


@pytest.mark.parametrize("seed", [0, 1])
def test_agrees_with_the_greedy_without_a_queue(seed):
    bands = np.random.default_rng(seed).random((5, 6)).astype(np.float32)
    ours, truth = ers_labels(bands, 5, 0.5, 20.0), greedy(bands, 5, 0.5, 20.0)
    pairs = np.unique(np.stack([ours.ravel(), truth.ravel()]), axis=1)
    assert pairs.shape[1] == 5


def test_follows_an_edge():
    image = np.full((30, 40), 50, np.uint8)
    image[:, 17:] = 200
    ids = ers(image, segments=8).ids
    assert not set(np.unique(ids[:, :17])) & set(np.unique(ids[:, 17:]))


@pytest.mark.parametrize("segments", [1, 2, 7, 50])
@pytest.mark.parametrize("bands", [1, 3, 6])
def test_exact_number_and_connected(segments, bands):
    image = np.random.default_rng(0).integers(0, 256, (25, 31, bands)).astype(np.uint8)
    ids = ers(image, segments=segments).ids
    assert ids.max() == segments
    assert connected(ids)


def test_even_sizes_with_more_balance():
    image = np.random.default_rng(0).integers(0, 256, (40, 40)).astype(np.uint8)
    spread = [np.bincount(ers(image, segments=20, balance=b).ids.ravel())[1:].std() for b in (0.0, 5.0)]
    assert spread[1] < 0.8 * spread[0]


@pytest.mark.parametrize("shape", [(1, 1), (1, 20), (20, 1), (6, 6)])
def test_tiny_constant_and_more_than_pixels(shape):
    assert ers(np.full(shape, 3, np.uint16), segments=1000).ids.max() == shape[0] * shape[1]
    assert ers(np.full(shape, 3, np.uint16), segments=1).ids.max() == 1


@pytest.mark.real_data
def test_a_photo(photos):
    from PIL import Image

    result = ers(np.asarray(Image.open(photos[0])), segments=300)
    assert len(result) == 300
    assert connected(result.ids)


@pytest.mark.parametrize("name", ["ers", "turbopixels", "normalized_cut"])
def test_a_mask_restricts_them(name):
    """Two separate pieces, one of them tiny: nothing outside, every piece covered, all connected."""
    from kontur.superpixels.normalized_cut import ncut_labels
    from kontur.superpixels.turbopixels import turbopixel_labels

    labels = {"ers": ers_labels, "turbopixels": turbopixel_labels, "normalized_cut": ncut_labels}[name]
    image = np.random.default_rng(2).integers(0, 256, (50, 60, 3)).astype(np.uint8)
    mask = np.zeros((50, 60), bool)
    mask[5:40, 5:40] = True
    mask[45:47, 50:52] = True
    ids = labels(image, 20, mask=mask)
    assert ((ids > 0) == mask).all()
    assert abs(len(np.unique(ids[mask])) - 20) <= 4
    assert all(ndimage.label(ids == i)[1] == 1 for i in np.unique(ids[mask]))
    assert not labels(image, 20, mask=np.zeros((50, 60), bool)).any()
    with pytest.raises(InputError, match="mask"):
        labels(image, 20, mask=np.ones((5, 6), bool))
