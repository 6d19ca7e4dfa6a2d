"""Texture, clustering and classification on images of every kind: a full partition, the same each time, no crash."""

from __future__ import annotations

import numpy as np
import pytest

from kontur import registry
from kontur.core.errors import PromptError
from kontur.core.prompts import Prompts

CLUSTERING = ("kmeans", "fuzzy_cmeans", "gaussian_mixture", "mean_shift", "spectral", "gabor", "lbp", "glcm")
MARKED = ("pixel_forest", "cluster_classify")


def segment(name: str, image: np.ndarray, **options):
    function = registry.get(name).load()
    if name in CLUSTERING:
        return function(image, **options)
    marks = np.ones(image.shape[:2], int)
    marks.flat[marks.size // 2 :] = 2
    return function(image, Prompts.of(scribbles=marks), **options)


def images() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    photo = np.kron(rng.integers(0, 256, (4, 5, 3)), np.ones((9, 9, 1))).astype(np.uint8)
    return {
        "1x1": photo[:1, :1],
        "1xN": photo[:1],
        "Nx1": photo[:, :1],
        "2x2": photo[8:10, 8:10],
        "constant": np.full((20, 30, 3), 77, np.uint8),
        "black 16-bit": np.zeros((20, 30), np.uint16),
        "two values": (np.indices((20, 30)).sum(axis=0) % 2 * 255).astype(np.uint8),
        "16-bit": (photo[..., 0].astype(np.uint16) * 200 + 1000),
        "float": photo[..., 0].astype(np.float32) * 1e6 - 5e7,
        "tiny range": 5000 + rng.random((20, 30)).astype(np.float32) * 1e-2,
        "2 bands": photo[..., :2],
        "5 bands": rng.random((20, 30, 5)).astype(np.float32),
    }


@pytest.mark.parametrize("kind", list(images()))
@pytest.mark.parametrize("name", CLUSTERING + MARKED)
def test_partition(name, kind):
    image = images()[kind]
    if name in MARKED and image.shape[:2] == (1, 1):
        with pytest.raises(PromptError, match="two labels"):  # one pixel cannot hold two
            segment(name, image)
        return
    result = segment(name, image)
    assert result.ids.shape == image.shape[:2]
    assert result.ids.min() >= 1
    assert [s.id for s in result.segments] == list(range(1, len(result) + 1))
    assert sum(s.area for s in result.segments) == result.ids.size
    assert (segment(name, image).ids == result.ids).all()
    assert all(s.score is None or 0 <= s.score <= 1 for s in result.segments)
    if image.ndim == 3 and image.shape[2] not in (1, 3):
        assert any("bands" in note for note in result.provenance.notes)


@pytest.mark.parametrize("name", ["kmeans", "fuzzy_cmeans", "gaussian_mixture", "mean_shift"])
def test_no_more_segments_than_distinct_colours(name):
    images_ = images()
    assert len(segment(name, images_["constant"])) == 1
    few = np.zeros((20, 30), np.uint8)
    few[:, 15:] = 255
    options = {"clusters": 10} if name != "mean_shift" else {}
    assert len(segment(name, few, **options)) == 2


@pytest.mark.parametrize("name", ["gabor", "lbp", "glcm"])
def test_a_constant_image_has_one_texture(name):
    assert len(segment(name, images()["constant"], position=0.0)) == 1


@pytest.mark.parametrize("name", ["kmeans", "gaussian_mixture"])
def test_another_seed_may_differ_but_the_same_does_not(name):
    image = np.random.default_rng(0).integers(0, 256, (50, 50, 3), np.uint8)
    assert (segment(name, image, seed=3).ids == segment(name, image, seed=3).ids).all()
    assert (segment(name, image, seed=3).ids != segment(name, image, seed=4).ids).any()


@pytest.mark.parametrize("name", ["kmeans", "gabor", "glcm", "lbp"])
def test_options_far_larger_than_the_image(name):
    image = images()["float"][:6, :7]
    options = {"clusters": 256} | ({"window": 101} if name in ("glcm", "lbp") else {})
    assert segment(name, image, **options).ids.min() >= 1


@pytest.mark.real_data
@pytest.mark.parametrize("name", CLUSTERING)
def test_three_photos(photos, name):
    from PIL import Image

    for path in (photos[3], photos[50], photos[120]):
        photo = np.asarray(Image.open(path).convert("RGB"))
        result = segment(name, photo)
        assert 2 <= len(result) <= 2000
        # The segments explain more of the colours than chance: each is more even than the photo.
        flat, ids = photo.reshape(-1, 3).astype(float), result.ids.ravel()
        area = np.bincount(ids)[1:, None]
        means = np.stack([np.bincount(ids, weights=flat[:, c])[1:] for c in range(3)], axis=1) / area
        explained = (area * (means - flat.mean(axis=0)) ** 2).sum() / ((flat - flat.mean(axis=0)) ** 2).sum()
        assert explained > (0.1 if name in ("gabor", "lbp", "glcm") else 0.6)
