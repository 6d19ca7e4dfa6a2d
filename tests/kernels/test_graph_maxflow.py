"""Minimum cut on sparse graphs: a textbook network by hand, then scipy's maximum flow."""

import numpy as np
import pytest
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import maximum_flow

from kontur.kernels.graph_maxflow import SparseGraph


def value(edges, capacity, back, terminals, side):
    total = np.where(side, np.maximum(-terminals, 0), np.maximum(terminals, 0)).sum()
    total += capacity[side[edges[:, 0]] & ~side[edges[:, 1]]].sum()
    return total + back[side[edges[:, 1]] & ~side[edges[:, 0]]].sum()


def reference(nodes, edges, capacity, back, terminals):
    source, sink = nodes, nodes + 1
    index = np.arange(nodes)
    tail = np.concatenate([edges[:, 0], edges[:, 1], np.full(nodes, source), index])
    head = np.concatenate([edges[:, 1], edges[:, 0], index, np.full(nodes, sink)])
    flow = np.concatenate([capacity, back, np.maximum(terminals, 0), np.maximum(-terminals, 0)])
    graph = coo_matrix((flow, (tail, head)), shape=(nodes + 2, nodes + 2)).tocsr().astype(np.int32)
    return maximum_flow(graph, source, sink).flow_value


def test_by_hand():
    # 0 wants the source (5), 2 wants the sink (5); the chain 0 -> 1 -> 2 is cut at its weak link 1 -> 2.
    graph = SparseGraph(3, np.array([[0, 1], [1, 2]]), np.array([4, 3]), np.array([0, 0]))
    assert graph.cut(np.array([5, 0, -5])).tolist() == [True, True, False]


@pytest.mark.parametrize("kind", [np.int64, np.float64])
@pytest.mark.parametrize("seed", range(8))
def test_value_equals_maximum_flow_also_when_solved_again(seed, kind):
    random = np.random.default_rng(seed)
    nodes, count = int(random.integers(2, 40)), int(random.integers(1, 200))
    edges = random.integers(0, nodes, (count, 2))
    edges = edges[edges[:, 0] != edges[:, 1]]
    capacity, back = random.integers(0, 30, (2, len(edges)))
    graph = SparseGraph(nodes, edges, capacity.astype(kind), back.astype(kind))
    for _ in range(3):
        terminals = random.integers(-60, 60, nodes)
        side = graph.cut(terminals)
        assert value(edges, capacity, back, terminals, side) == reference(nodes, edges, capacity, back, terminals)


def test_no_edges():
    graph = SparseGraph(3, np.zeros((0, 2), int), np.zeros(0, int))
    assert graph.cut(np.array([1, 0, -1])).tolist() == [True, False, False]
