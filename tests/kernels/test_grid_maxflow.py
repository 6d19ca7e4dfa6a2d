"""Minimum cut on grids: by hand, then scipy's maximum flow on random grids, also after the terminals changed."""

import numpy as np
import pytest
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import maximum_flow

from kontur.kernels.grid_maxflow import STEPS, GridGraph, cut_value


def reference(terminals, links):
    directions, height, width = links.shape
    index = np.arange(height * width).reshape(height, width)
    tail, head, flow = [], [], []
    for d in range(directions):
        dy, dx = STEPS[d]
        for y in range(height):
            for x in range(width):
                if 0 <= y + dy < height and 0 <= x + dx < width:
                    tail.append(index[y, x])
                    head.append(index[y + dy, x + dx])
                    flow.append(links[d, y, x])
    source, sink = height * width, height * width + 1
    t = terminals.ravel()
    tail += [source] * t.size + list(range(t.size))
    head += list(range(t.size)) + [sink] * t.size
    flow += list(np.maximum(t, 0)) + list(np.maximum(-t, 0))
    graph = coo_matrix((flow, (tail, head)), shape=(sink + 1, sink + 1)).tocsr().astype(np.int32)
    return maximum_flow(graph, source, sink).flow_value


def test_steps_come_in_opposite_pairs():
    for d, (dy, dx) in enumerate(STEPS):
        assert STEPS[d ^ 1] == (-dy, -dx)


def test_by_hand():
    # A row of four: the ends are held (9 each), the weakest link (1) lies between the second and the third.
    links = np.zeros((4, 1, 4), np.int32)
    links[0, 0] = [3, 1, 3, 0]
    links[1, 0] = [0, 3, 1, 3]
    terminals = np.array([[9, 0, 0, -9]], np.int32)
    side = GridGraph(links).cut(terminals)
    assert side.tolist() == [[True, True, False, False]]
    assert cut_value(terminals, links, side) == 1


@pytest.mark.parametrize("directions", [4, 8])
@pytest.mark.parametrize("seed", range(20))
def test_value_equals_maximum_flow_also_when_solved_again(seed, directions):
    random = np.random.default_rng(seed)
    height, width = random.integers(1, 14, 2)
    links = random.integers(0, (5, 30, 100)[seed % 3], (directions, height, width)).astype(np.int32)
    graph = GridGraph(links)
    for _ in range(3):
        terminals = random.integers(-80, 80, (height, width)).astype(np.int32)
        assert cut_value(terminals, links, graph.cut(terminals)) == reference(terminals, links)


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1)])
def test_tiny_grids(shape):
    terminals = np.where(np.arange(np.prod(shape)).reshape(shape) % 2, -5, 5).astype(np.int32)
    assert np.array_equal(GridGraph(np.zeros((8, *shape), np.int32)).cut(terminals), terminals > 0)


def test_undecided_pixels_go_to_the_sink():
    assert not GridGraph(np.ones((8, 3, 3), np.int32)).cut(np.zeros((3, 3), np.int32)).any()
