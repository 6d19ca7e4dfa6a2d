"""Random walker: a chain by hand, the exact solution of the linear system, and prompts that cannot work."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from scipy import sparse
from scipy.sparse import linalg

from kontur.core.errors import PromptError
from kontur.core.prompts import Prompts
from kontur.graph.random_walker import random_walker, walker_probabilities
from kontur.kernels.graph_laplacian import LaplacianSolver


def noisy_blocks(height=60, width=70, seed=0):
    rng = np.random.default_rng(seed)
    image = np.zeros((height, width))
    image[15:45, 20:50] = 0.6
    image[:, 60:] = 0.3
    return np.clip(image + rng.normal(0.2, 0.08, image.shape), 0, 1).astype(np.float32)


def exact(image, seeds, beta):
    """Probabilities of the first label by a direct solve, built pixel by pixel, independently of the library."""
    image = image.astype(float).reshape(*seeds.shape, -1)
    scale = beta / (10 * image.std() * np.sqrt(image.shape[2]))
    index = np.arange(seeds.size).reshape(seeds.shape)
    pairs = [(index[:, :-1], index[:, 1:], np.diff(image, axis=1)), (index[:-1], index[1:], np.diff(image, axis=0))]
    i = np.concatenate([a.ravel() for a, _, _ in pairs])
    j = np.concatenate([b.ravel() for _, b, _ in pairs])
    w = np.concatenate([np.exp(-scale * (d**2).sum(2)).ravel() + 1e-10 for _, _, d in pairs])
    adjacency = sparse.coo_matrix((w, (i, j)), (seeds.size, seeds.size))
    adjacency = (adjacency + adjacency.T).tocsr()
    laplacian = (sparse.diags(np.asarray(adjacency.sum(1)).ravel()) - adjacency).tocsr()
    marked = seeds.ravel() > 0
    first = (seeds.ravel() == seeds[seeds > 0].min()).astype(float)
    out = first.copy()
    out[~marked] = linalg.spsolve(
        laplacian[~marked][:, ~marked].tocsc(), -laplacian[~marked][:, marked] @ first[marked]
    )
    return out.reshape(seeds.shape)


def test_a_constant_chain_is_a_straight_line():
    """Between seeds at both ends of a path of equal edges, the probability falls linearly."""
    seeds = np.array([[1, 0, 0, 0, 2]])
    labels, probabilities = walker_probabilities(np.zeros((1, 5), np.uint8), seeds)
    np.testing.assert_array_equal(labels, [1, 2])
    np.testing.assert_allclose(probabilities[0, 0], [1, 0.75, 0.5, 0.25, 0], atol=1e-5)


def test_a_chain_with_one_edge_behaves_like_resistors_in_series():
    image = np.array([[0.0, 0.0, 1.0, 1.0]], np.float32)
    weak = np.exp(-5 * 1 / (10 * 0.5)) + 1e-10
    _, probabilities = walker_probabilities(image, np.array([[1, 0, 0, 2]]), beta=5)
    total = 1 + 1 / weak + 1
    np.testing.assert_allclose(probabilities[0, 0], [1, 1 - 1 / total, 1 / total, 0], rtol=1e-4)


@pytest.mark.parametrize("beta", [0.0, 90.0, 400.0])
@pytest.mark.parametrize("bands", [1, 3, 5])
def test_agrees_with_a_direct_solve(beta, bands):
    image = np.stack([noisy_blocks(seed=s) for s in range(bands)], -1)
    seeds = np.zeros(image.shape[:2], np.int32)
    seeds[30, 35], seeds[5, 5], seeds[50:55, 10] = 2, 1, 1
    _, probabilities = walker_probabilities(image, seeds, beta=beta)
    truth = exact(image, seeds, beta)
    np.testing.assert_allclose(probabilities[0], truth, atol=2e-3)
    assert ((probabilities[0] > 0.5) == (truth > 0.5)).mean() > 0.999


def test_the_solver_on_a_random_graph():
    rng = np.random.default_rng(3)
    n = 3000
    i, j = rng.integers(0, n, (2, 5 * n))
    graph = sparse.coo_matrix((10.0 ** rng.uniform(-8, 0, i.size), (i, j)), (n, n)).tocsr()
    graph = graph + graph.T
    graph.setdiag(0)
    graph.eliminate_zeros()
    extra = np.where(rng.random(n) < 0.01, 1.0, 1e-9)
    solver = LaplacianSolver(graph.indptr.astype(np.int32), graph.indices.astype(np.int32), graph.data, extra)
    matrix = sparse.diags(np.asarray(graph.sum(1)).ravel() + extra) - graph
    right = rng.random(n)
    solution = solver.solve(right, tolerance=1e-10)
    assert np.linalg.norm(matrix @ solution - right) <= 1e-9 * np.linalg.norm(right)


def test_three_labels_and_a_skipped_one():
    image = np.zeros((20, 30), np.uint8)
    image[:, 10:20], image[:, 20:] = 120, 240
    seeds = np.zeros((20, 30), np.int32)
    seeds[10, 4], seeds[3, 14], seeds[17, 25] = 1, 2, 5
    result = random_walker(image, Prompts(scribbles=seeds), beta=3000)
    np.testing.assert_array_equal(result.ids, np.repeat([[1] * 10 + [2] * 10 + [5] * 10], 20, 0))
    assert result.background == 1


def test_probabilities_sum_to_one_and_seeds_keep_their_label():
    image = noisy_blocks()
    seeds = np.zeros(image.shape, np.int32)
    seeds[30, 35], seeds[5, 5], seeds[30, 65], seeds[31, 35] = 2, 1, 3, 3
    labels, probabilities = walker_probabilities(image, seeds)
    np.testing.assert_allclose(probabilities.sum(0), 1, atol=1e-5)
    assert (labels[probabilities.argmax(0)][seeds > 0] == seeds[seeds > 0]).all()


def test_everything_marked():
    seeds = np.array([[1, 2], [2, 1]])
    np.testing.assert_array_equal(random_walker(np.zeros((2, 2), np.uint8), Prompts.of(scribbles=seeds)).ids, seeds)


@pytest.mark.parametrize("seeds", [[[1, 0, 0]], [[0, 2, 2]]])
def test_seeds_of_one_label_only(seeds):
    with pytest.raises(PromptError, match="at least two labels"):
        random_walker(np.zeros((1, 3), np.uint8), Prompts(scribbles=np.array(seeds, np.int32)))


def test_runs_without_scikit_image_and_opencv():
    code = (
        "import sys; sys.modules['skimage'] = sys.modules['cv2'] = None\n"
        "import numpy as np, kontur\n"
        "r = kontur.segment(np.arange(64, dtype=np.uint8).reshape(8, 8), 'random_walker', point=[(0, 0, 1), (7, 7, 2)])\n"
        "assert len(r) == 2\n"
        "assert len(kontur.segment(np.eye(8, dtype=np.uint8) * 9, 'dense_crf', labels=2)) >= 1\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.slow
def test_agrees_with_scikit_image():
    from skimage.segmentation import random_walker as reference

    image = noisy_blocks(120, 140)
    seeds = np.zeros(image.shape, np.int32)
    seeds[60, 70], seeds[5, 5] = 2, 1
    truth = reference(image, seeds, beta=130, mode="bf")
    ours = random_walker(image, Prompts.of(scribbles=seeds), beta=130)
    assert (ours.ids == truth).mean() >= 0.999
