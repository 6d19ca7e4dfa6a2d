"""Region merging: a graph merged by hand, agreement with a slow merger, nested and connected levels on photos."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from kontur.graph.region_merging import merging_hierarchy, region_merging
from kontur.kernels.region_graph import merge_tree, region_graph, region_sums


def connected(ids):
    return all(ndimage.label(ids == i)[1] == 1 for i in np.unique(ids))


def test_the_graph_by_hand():
    ids = np.array([[1, 1, 2], [3, 3, 2]])
    graph = region_graph(ids, np.array([[0, 5.0], [0, 7.0]]), np.array([[1.0, 2.0, 9.0]]))
    np.testing.assert_array_equal(graph.ends, [[0, 1], [0, 2], [1, 2]])
    np.testing.assert_array_equal(graph.length, [1, 2, 1])
    np.testing.assert_array_equal(graph.strength, [5, 3, 7])


def test_merging_by_hand():
    """1 and 3 share the weakest border (mean 1.5); their borders to 2 then average to (5 + 7) / 2."""
    ids = np.array([[1, 1, 2], [3, 3, 2]])
    graph = region_graph(ids, np.array([[0, 5.0], [0, 7.0]]), np.array([[1.0, 2.0, 9.0]]))
    merges, costs = merge_tree(graph, *region_sums(ids, np.zeros((1, 2, 3))))
    np.testing.assert_array_equal(merges, [[0, 2], [1, 3]])
    np.testing.assert_array_equal(costs, [1.5, 6])


def slow_merge(ids, planes, across, down, border, colour, size):
    """The same rule, everything measured again on the pixels after each merge."""
    ids = ids.copy()
    node = {int(i): int(i) - 1 for i in np.unique(ids)}
    n, costs, merges = len(node), [], []
    while len(node) > 1:
        best = None
        values = {}
        for a, b, w in ((ids[:, :-1], ids[:, 1:], across), (ids[:-1], ids[1:], down)):
            for p, q, v in zip(a.ravel(), b.ravel(), w.ravel()):
                if p != q:
                    values.setdefault((min(p, q), max(p, q)), []).append(v)
        for (p, q), strengths in values.items():
            area = (ids == p).sum(), (ids == q).sum()
            mean = [planes[:, ids == r].mean(axis=1) for r in (p, q)]
            cost = border * np.mean(strengths) + colour * np.linalg.norm(mean[0] - mean[1])
            cost *= (area[0] * area[1] / (area[0] + area[1])) ** size
            best = min(best or (np.inf,), (cost, p, q))
        cost, p, q = best
        ids[ids == q] = p
        merges.append(sorted((node[p], node.pop(q))))
        node[p] = n + len(merges) - 1
        costs.append(cost)
    return merges, np.maximum.accumulate(costs)


@pytest.mark.parametrize("weights", [(1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (2.0, 1.0, 0.3)])
@pytest.mark.parametrize("seed", range(3))
def test_agrees_with_measuring_everything_again(weights, seed):
    rng = np.random.default_rng(seed)
    seeds = np.zeros((14, 17), int)
    seeds.ravel()[rng.choice(seeds.size, 20, replace=False)] = np.arange(1, 21)
    at = ndimage.distance_transform_edt(seeds == 0, return_distances=False, return_indices=True)
    ids = seeds[tuple(at)]
    planes, across, down = rng.random((2, 14, 17)), rng.random((14, 16)), rng.random((13, 17))
    border, colour, size = weights
    merges, costs = merge_tree(
        region_graph(ids, across, down), *region_sums(ids, planes), border=border, colour=colour, size=size
    )
    slow_merges, slow_costs = slow_merge(ids, planes, across, down, *weights)
    np.testing.assert_allclose(costs, slow_costs, rtol=1e-9)
    np.testing.assert_array_equal(merges, slow_merges)


def test_flat_parts_are_the_last_regions():
    truth = np.zeros((60, 90), int)
    truth[:, 30:60], truth[:, 60:], truth[20:40, 70:85] = 1, 2, 3
    image = np.array([(0, 0, 0), (200, 40, 40), (20, 20, 20), (40, 200, 40)], np.uint8)[truth]
    result = region_merging(image, regions=4)
    overlap = np.array([[((result.ids == i) & (truth == t)).sum() for t in range(4)] for i in range(1, 5)])
    assert overlap.max(axis=1).sum() >= 0.99 * truth.size
    assert sorted(overlap.argmax(axis=1)) == [0, 1, 2, 3]


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1), (2, 2), (40, 40)])
def test_small_and_constant_images(shape):
    assert len(region_merging(np.full(shape, 9, np.uint8))) == 1
    assert len(region_merging(np.full(shape, 9, np.uint8), regions=10**6)) == len(
        merging_hierarchy(np.full(shape, 9, np.uint8))
    )


@pytest.mark.real_data
def test_levels_of_a_photo_are_nested_and_connected(photos):
    from PIL import Image

    tree = merging_hierarchy(np.asarray(Image.open(photos[3])))
    finer = tree.level(0)
    for x in (0.1, 0.3, 0.5, 0.7, 0.9):
        level = tree.level(x)
        assert connected(level.ids)
        assert len(np.unique(finer.ids.astype(np.int64) * 10**6 + level.ids)) == len(finer)
        finer = level
    assert [len(tree.regions(n)) for n in (1, 7, 100)] == [1, 7, 100]
