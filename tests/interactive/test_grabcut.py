"""GrabCut: energy, prompts, several objects, soft border, auto, bad input."""

import subprocess
import sys

import numpy as np
import pytest

from kontur.core.errors import OptionError, PromptError
from kontur.core.prompts import Prompts
from kontur.interactive.grabcut import GrabCut, _place_cost, _reach_cost, grabcut
from kontur.interactive.prompt_labels import box_labels
from kontur.interactive.propose import propose_boxes


def scene(shape=(60, 80), seed=0):
    """A red disk and a blue square on textured green; (pixels, truth 0 background, 1 disk, 2 square)."""
    random = np.random.default_rng(seed)
    height, width = shape
    y, x = np.mgrid[:height, :width]
    truth = np.zeros(shape, np.int32)
    truth[(y - 30) ** 2 + (x - 22) ** 2 < 14**2] = 1
    truth[18:44, 50:70] = 2
    colours = np.array([[60, 140, 60], [190, 60, 50], [50, 70, 190]])
    pixels = colours[truth] + random.normal(0, 18, (*shape, 3))
    return np.clip(pixels, 0, 255).astype(np.uint8), truth


def test_box_cuts_out_the_disk():
    pixels, truth = scene()
    result = grabcut(pixels, Prompts.of(box=(5, 12, 40, 48)))
    assert result.background == 1
    wrong = result.foreground != (truth == 1)
    assert wrong.mean() < 0.004  # a few pixels of the rim at most


def test_strokes_cut_out_the_disk():
    pixels, truth = scene()
    marks = np.zeros(truth.shape, np.int32)
    marks[28:32, 15:30] = 2
    marks[5:8, 5:75] = 1
    marks[50:53, 5:75] = 1
    marks[10:50, 45:48] = 1
    marks[25:35, 55:65] = 1
    assert (grabcut(pixels, Prompts.of(scribbles=marks)).foreground != (truth == 1)).mean() < 0.004


@pytest.mark.parametrize("way", ["boxes", "strokes"])
def test_several_objects_at_once(way):
    pixels, truth = scene()
    if way == "boxes":
        prompts = Prompts.of(box=[(5, 12, 40, 48), (46, 14, 75, 48)])
    else:
        prompts = Prompts.of(point=[(22, 30, 2), (60, 30, 3), (3, 3, 1), (44, 30, 1), (76, 56, 1)])
    result = grabcut(pixels, prompts)
    assert [s.id for s in result.segments] == [1, 2, 3]
    assert (result.ids - 1 != truth).mean() < 0.01


@pytest.mark.parametrize(
    "prompts", [Prompts.of(box=(5, 12, 40, 48)), Prompts.of(box=[(5, 12, 40, 48), (42, 10, 78, 50)])]
)
@pytest.mark.parametrize("seed", range(4))
def test_energy_never_rises(prompts, seed):
    random = np.random.default_rng(seed)
    pixels = np.clip(scene(seed=seed)[0] + random.normal(0, 30, (60, 80, 3)), 0, 255).astype(np.uint8)
    state = GrabCut(pixels, iterations=10, seed=seed)
    state.refine(prompts)
    state.labels = box_labels(prompts.boxes, (60, 80))  # the first labels are too good here: begin again from the boxes
    state.refine(prompts)
    energies = np.array(state.energies)
    assert len(energies) >= 2
    assert (np.diff(energies) <= 1e-6 * np.abs(energies[:-1])).all()


@pytest.mark.real_data
def test_energy_never_rises_on_photos(photos):
    from PIL import Image as Photo

    for path in photos[:3]:
        state = GrabCut(np.array(Photo.open(path)), iterations=8)
        height, width = state.shape
        state.refine(Prompts.of(box=(width // 4, height // 4, width * 3 // 4, height * 3 // 4)))
        energies = np.array(state.energies)
        assert (np.diff(energies) <= 1e-6 * np.abs(energies[:-1])).all()


def test_cost_by_place_in_the_box():
    cost = _place_cost(((10, 20, 31, 41),), 2, (60, 50))
    assert (cost[0] == 0).all()
    assert cost[1, 30, 20] == np.float32(-0.7)  # the middle
    assert cost[1, 30, 30] == pytest.approx((20 / 21) ** 2 - 0.7)  # the middle of the right side
    assert cost[1, 20, 10] == 1  # a corner, 2 (20 / 21)^2 - 0.7 = 1.11 before the bound
    assert cost[1, 0, 0] == 1


def test_cost_by_what_the_outside_reaches():
    """A dark square on a grey ground in a box: the ground in the box is near the outside, the square is behind its edge."""
    pixels = np.full((40, 60, 3), 120, np.float32)
    pixels[14:26, 20:40] = 20
    allowed = np.ones((2, 40, 60), bool)
    allowed[1] = False
    allowed[1, 8:32, 12:48] = True
    cost = _reach_cost(pixels, allowed)
    assert (cost[0] == 0).all()
    assert (cost[1][~allowed[1]] == 1).all()
    # Distances at half the size: 2 a step, 100 sqrt(3) at the edge (2 of its own). Of 216 pixels in the box 60 are the square,
    # so the 90th percentile lies in it, between 179 and 187; half of it is neutral.
    assert (cost[1, 14:26, 20:40] <= -0.9).all()
    assert cost[1, 20, 14] == pytest.approx(1 - 4 / 91, abs=0.01)  # two steps from the outside


@pytest.mark.parametrize("box", [(1, 1, 59, 39), (0, 0, 60, 39), (29, 19, 30, 20)])
def test_cost_by_reach_of_extreme_boxes(box):
    """No background left at half the size, or no object: finite, and the outside is never favoured."""
    pixels = np.random.default_rng(0).uniform(0, 255, (40, 60, 3)).astype(np.float32)
    allowed = np.ones((2, 40, 60), bool)
    allowed[1] = False
    allowed[1, box[1] : box[3], box[0] : box[2]] = True
    cost = _reach_cost(pixels, allowed)
    assert np.isfinite(cost).all()
    assert (cost[1][~allowed[1]] >= 0).all()


def test_refinement_goes_on_from_the_last_state():
    pixels, truth = scene()
    state = GrabCut(pixels)
    first = state.refine(Prompts.of(box=(5, 10, 75, 50)))
    assert (first.foreground == (truth > 0)).mean() > 0.98
    # The square is not wanted: one click takes it away, the disk stays.
    second = state.refine(Prompts.of(point=[(60, 30, 1), (54, 24, 1), (66, 40, 1)]))
    assert (second.foreground == (truth == 1)).mean() > 0.98


def test_marks_are_obeyed_and_nothing_leaves_the_box():
    pixels, truth = scene()
    marks = np.zeros(truth.shape, np.int32)
    marks[30, 22] = 1  # in the middle of the disk
    result = grabcut(pixels, Prompts.of(box=(5, 12, 40, 48), scribbles=marks))
    assert not result.foreground[30, 22]
    assert not result.foreground[:12].any()
    assert not result.foreground[:, 40:].any()


def test_soft_border():
    pixels, _truth = scene()
    state = GrabCut(pixels)
    state.refine(Prompts.of(box=(5, 12, 40, 48)))
    alpha = state.alpha_matte(radius=3)
    assert alpha.dtype == np.float32
    assert alpha.min() == 0
    assert alpha.max() == 1
    assert alpha[30, 22] == 1
    assert alpha[30, 60] == 0
    assert ((alpha > 0.05) & (alpha < 0.95)).any()
    # A pixel half object, half background is about half.
    pixels = np.full((40, 40, 3), (60, 140, 60), np.uint8)
    pixels[:, 20:] = (190, 60, 50)
    pixels[:, 20] = (125, 100, 55)
    state = GrabCut(pixels)
    state.refine(Prompts.of(box=(10, 0, 40, 40)))
    assert abs(state.alpha_matte(radius=4)[20, 20] - 0.5) < 0.2


def test_auto_finds_the_object_alone():
    pixels, truth = scene()
    pixels[truth == 2] = pixels[truth == 0][: (truth == 2).sum()]
    (box,) = propose_boxes(pixels)
    assert box[0] <= 12
    assert box[2] >= 32
    assert (grabcut(pixels).foreground == (truth == 1)).mean() > 0.97
    assert np.array_equal(grabcut(pixels, auto=True).ids, grabcut(pixels).ids)


def test_same_seed_same_result_any_bands_and_depths():
    pixels, truth = scene()
    box = Prompts.of(box=(5, 12, 40, 48))
    first = grabcut(pixels, box, seed=3).ids
    assert np.array_equal(first, grabcut(pixels, box, seed=3).ids)
    grey = pixels[..., 0]
    seven = np.concatenate([pixels, pixels, pixels[..., :1]], axis=2).astype(np.float32)
    for other in (grey, pixels.astype(np.uint16) * 257, seven):
        assert (grabcut(other, box).foreground == (truth == 1)).mean() > 0.97


@pytest.mark.parametrize(
    "prompts",
    [
        Prompts.of(box=(5, 5, 5, 9)),
        Prompts.of(box=(5, 5, 90, 30)),
        Prompts.of(box=(0, 0, 80, 60)),
        Prompts.of(point=(3, 3, 1)),
        Prompts.of(point=(3, 3, 2)),
        Prompts.of(scribbles=np.ones((10, 10), int)),
        Prompts.of(box=(5, 5, 20, 20), point=[(10, 10, 2), (50, 30, 3)]),
    ],
    ids=["empty", "outside", "no background", "background only", "object only", "other size", "no box for 3"],
)
def test_bad_prompts_are_one_line(prompts):
    with pytest.raises(PromptError) as error:
        grabcut(scene()[0], prompts)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (1, 9), (9, 1), (2, 2), (3, 3)])
def test_tiny_images(shape):
    pixels = np.random.default_rng(0).integers(0, 255, (*shape, 3)).astype(np.uint8)
    for prompts in (None, Prompts.of(box=(0, 0, 1, 1)), Prompts.of(point=[(0, 0, 2), (shape[1] - 1, shape[0] - 1, 1)])):
        if shape == (1, 1) or (prompts is None and max(shape) == 2):  # no room for a box and background around it
            with pytest.raises(PromptError):
                grabcut(pixels, prompts)
        else:
            result = grabcut(pixels, prompts)
            assert result.shape == shape
            assert set(np.unique(result.ids)) <= {1, 2}


def test_constant_image_gives_the_box_or_the_nearest_stroke():
    pixels = np.full((30, 40, 3), 90, np.uint8)
    marks = Prompts.of(point=[(5, 15, 2), (35, 15, 1)])
    foreground = grabcut(pixels, marks).foreground
    assert foreground[:, :15].all()
    assert not foreground[:, 26:].any()
    assert set(np.unique(grabcut(pixels, Prompts.of(box=(10, 10, 20, 20))).ids)) <= {1, 2}
    assert grabcut(pixels).shape == (30, 40)


def test_option_range():
    with pytest.raises(OptionError):
        grabcut(scene()[0], Prompts.of(box=(5, 12, 40, 48)), components=0)


def test_runs_without_scikit_image_opencv_and_scikit_learn():
    program = (
        "import sys\n"
        "class Block:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in ('skimage', 'cv2', 'sklearn', 'torch'): raise ImportError(name)\n"
        "sys.meta_path.insert(0, Block())\n"
        "import numpy as np, kontur\n"
        "from kontur.core.prompts import Prompts\n"
        "from kontur.interactive.grabcut import grabcut\n"
        "from kontur.interactive.graph_cut import graph_cut\n"
        "from kontur.interactive.geodesic import geodesic\n"
        "from kontur.graph.alpha_expansion import alpha_expansion\n"
        "image = np.zeros((20, 20, 3), np.uint8); image[5:15, 5:15] = 200\n"
        "box = Prompts.of(box=(3, 3, 17, 17))\n"
        "assert grabcut(image, box).foreground.sum() == 100\n"
        "graph_cut(image, box), geodesic(image, box), alpha_expansion(image, labels=2)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=300)


def test_the_flow_and_the_distances_of_earlier_strokes_change_nothing():
    """A session that keeps them and one that begins each refinement without them cut alike, to the pixel."""
    random = np.random.default_rng(3)
    y, x = np.mgrid[:90, :130]
    disc = (x - 60) ** 2 + (y - 45) ** 2 < 30**2
    picture = (random.integers(0, 90, (90, 130, 3)) + np.where(disc[..., None], (110, 70, 50), (60, 80, 90))).astype(
        np.uint8
    )
    kept = GrabCut(picture, iterations=3)
    boxes, seeds = ((20, 5, 100, 85),), np.zeros((90, 130), np.int32)
    before, labels = None, None
    for place, label in (((40, 60), 2), ((10, 25), 1), ((70, 95), 1), ((45, 75), 2)):
        seeds = seeds.copy()
        seeds[place[0] : place[0] + 3, place[1] - 4 : place[1] + 4] = label
        prompts = Prompts(boxes, (), seeds)
        fresh = GrabCut(picture, iterations=3)
        if before is not None:
            fresh.resume(labels, before)
        fresh.refine(prompts)
        kept.refine(prompts)
        assert np.array_equal(fresh.labels, kept.labels)
        before, labels = prompts, kept.labels
    assert 0.5 < (labels == 1)[disc].mean() < 1  # strokes were given to take from it, and it is no trivial cut
    kept.resume(fresh.labels, prompts)  # .. and back to no strokes at all: held pixels are let go
    kept.restart()
    alone = GrabCut(picture, iterations=3)
    assert np.array_equal(kept.refine(Prompts(boxes)).ids, alone.refine(Prompts(boxes)).ids)
