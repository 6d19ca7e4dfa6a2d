"""Graph cut, geodesic and clicks take the same prompts: a disk on a plain ground, several objects, bad input."""

import numpy as np
import pytest

from kontur.core.errors import PromptError
from kontur.core.prompts import Prompts
from kontur.interactive.clicks import clicks
from kontur.interactive.geodesic import geodesic
from kontur.interactive.graph_cut import graph_cut
from kontur.kernels.geodesic_distance import geodesic_distance

METHODS = [graph_cut, geodesic, clicks]


def scene():
    random = np.random.default_rng(0)
    y, x = np.mgrid[:60, :80]
    truth = np.zeros((60, 80), np.int32)
    truth[(y - 30) ** 2 + (x - 22) ** 2 < 14**2] = 1
    truth[18:44, 50:70] = 2
    colours = np.array([[60, 140, 60], [190, 60, 50], [50, 70, 190]])
    return np.clip(colours[truth] + random.normal(0, 8, (60, 80, 3)), 0, 255).astype(np.uint8), truth


def strokes(truth):
    marks = np.zeros(truth.shape, np.int32)
    marks[3:6, 5:75] = 1
    marks[54:57, 5:75] = 1
    marks[10:50, 42:45] = 1
    marks[29:32, 14:30] = 2
    return marks


@pytest.mark.parametrize("method", METHODS)
def test_one_object(method):
    pixels, truth = scene()
    marks = strokes(truth)
    marks[25:35, 55:65] = 1
    result = method(pixels, Prompts.of(scribbles=marks))
    assert result.background == 1
    assert (result.foreground == (truth == 1)).mean() > 0.97
    assert not result.foreground[marks == 1].any() or method is clicks


@pytest.mark.parametrize("method", METHODS)
def test_two_objects(method):
    pixels, truth = scene()
    marks = strokes(truth)
    marks[29:32, 55:65] = 3
    assert (method(pixels, Prompts.of(scribbles=marks)).ids - 1 == truth).mean() > 0.97


@pytest.mark.parametrize("method", [graph_cut, geodesic])
def test_box(method):
    pixels, truth = scene()
    result = method(pixels, Prompts.of(box=(5, 12, 40, 48)))
    assert (result.foreground == (truth == 1)).mean() > 0.97


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("prompts", [Prompts.of(point=(3, 3, 1)), Prompts.of(scribbles=np.ones((3, 3), int))])
def test_bad_prompts(method, prompts):
    with pytest.raises(PromptError):
        method(scene()[0], prompts)


@pytest.mark.parametrize("method", [graph_cut, geodesic])
def test_object_only_or_box_without_surroundings(method):
    for prompts in (Prompts.of(point=(3, 3, 2)), Prompts.of(box=(0, 0, 80, 60))):
        with pytest.raises(PromptError):
            method(scene()[0], prompts)


def test_clicks_need_no_background():
    pixels, _truth = scene()
    found = clicks(pixels, Prompts.of(point=(22, 30, 2))).foreground
    assert found[30, 22]
    assert not found[0].any()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("shape", [(1, 2), (1, 9), (9, 1), (4, 4)])
def test_tiny_and_constant(method, shape):
    prompts = Prompts.of(point=[(0, 0, 2), (shape[1] - 1, shape[0] - 1, 1)])
    result = method(np.full(shape, 9, np.uint8), prompts)
    assert result.shape == shape
    with pytest.raises(PromptError):
        method(np.full((1, 1), 9, np.uint8), Prompts.of(point=(0, 0, 2)))


def test_geodesic_distance_by_hand_and_against_dijkstra():
    # A wall of 10 between the start and the rest, with a gap in the last row.
    pixels = np.zeros((3, 5, 1), np.float32)
    pixels[:2, 2] = 10
    start = np.full((3, 5), np.inf, np.float32)
    start[0, 0] = 0
    found = geodesic_distance(pixels, start, 1.0)
    assert found[2, 2] == pytest.approx(2 * np.sqrt(2))
    assert found[0, 4] == pytest.approx(4 * np.sqrt(2), abs=1e-5)

    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import dijkstra

    pixels = np.random.default_rng(0).uniform(0, 9, (12, 15, 2)).astype(np.float32)
    index = np.arange(180).reshape(12, 15)
    rows, columns, values = [], [], []
    for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1)):
        for y in range(12 - dy):
            for x in range(max(0, -dx), 15 - max(0, dx)):
                rows.append(index[y, x])
                columns.append(index[y + dy, x + dx])
                step = 0.25 * (dy * dy + dx * dx) + ((pixels[y, x] - pixels[y + dy, x + dx]) ** 2).sum()
                values.append(np.sqrt(step))
    graph = coo_matrix((values, (rows, columns)), shape=(180, 180))
    start = np.full((12, 15), np.inf, np.float32)
    start[4, 7] = 0
    expected = dijkstra(graph, directed=False, indices=index[4, 7]).reshape(12, 15)
    assert np.allclose(geodesic_distance(pixels, start, 0.5), expected, rtol=1e-5)
