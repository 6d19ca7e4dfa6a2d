"""The task boundary: cells, the target drawn from them, calibration, and a run from drawings to a file."""

from __future__ import annotations

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from kontur.core.errors import InputError, OptionError  # noqa: E402
from kontur.core.taxonomy import Taxonomy  # noqa: E402
from kontur.datasets import open as open_data  # noqa: E402
from kontur.inference.models import FOLDER  # noqa: E402
from kontur.inference.tiles import sigmoid  # noqa: E402
from kontur.io.bsds import HumanSegmentation, boundary_percent  # noqa: E402
from kontur.metrics.contours import label_boundaries  # noqa: E402
from kontur.training import export, fit, load_recipe, load_run, testing  # noqa: E402
from kontur.training.boundary import OUTSIDE, Boundary, Drawings, cells_of, drawn_percent  # noqa: E402
from kontur.training.calibration import calibrated  # noqa: E402


def test_cells_are_what_no_annotator_divides():
    """One draws a line after column 1, the other after row 0: four cells, and each one's regions can be read back."""
    one = np.array([[1, 1, 2], [1, 1, 2]])
    two = np.array([[5, 5, 5], [9, 9, 9]])
    cells, regions = cells_of([one, two])
    assert len(np.unique(cells)) == 4
    assert (regions[0][cells] == one).all()
    assert (regions[1][cells] == two).all()


def test_the_target_by_hand():
    """Column 1 is the first one's line, row 0 the second one's; where both meet it is 100 %."""
    cells, regions = cells_of([np.array([[1, 1, 2], [1, 1, 2]]), np.array([[5, 5, 5], [9, 9, 9]])])
    assert drawn_percent(cells, regions).tolist() == [[50, 100, 50], [0, 50, 0]]


def test_beyond_the_image_nothing_is_known_and_no_line_is_drawn():
    cells, regions = cells_of([np.array([[1, 1, 2, 2]])])
    cells[0, 3] = OUTSIDE
    assert drawn_percent(cells, regions).tolist() == [[0, 100, 0, 255]]
    cells[0, 2] = OUTSIDE
    assert drawn_percent(cells, regions).tolist() == [[0, 0, 255, 255]]


def test_lines_survive_being_shrunk():
    """Every second pixel of a map: a line that lies between two of them is drawn all the same."""
    regions = np.repeat([[1, 1, 1, 2, 2, 2]], 4, axis=0)
    cells, table = cells_of([regions])
    assert (drawn_percent(cells[::2, ::2], table) == [0, 100, 0]).all()


@pytest.mark.real_data
def test_drawings_of_bsds500(data):
    split = open_data("bsds500", data / "bsds500", "val")
    samples = Boundary().samples([split])
    assert isinstance(samples, Drawings)
    assert (len(samples), [c.name for c in samples.taxonomy]) == (100, ["boundary"])
    image, cells, _ = samples[3]
    drawings = samples.drawings(3)
    padded = [np.pad(d.regions, ((0, 1), (0, 1)), mode="edge") for d in drawings]
    wanted = np.mean([(p[:-1, :-1] != p[:-1, 1:]) | (p[:-1, :-1] != p[1:, :-1]) for p in padded], axis=0)
    target = samples.finished(3, cells)
    assert image.shape == cells.shape == target.shape
    assert (np.abs(target - 100 * wanted) <= 0.5).all()
    # The files keep thinned lines, so they have somewhat fewer pixels.
    assert (target > 0).mean() == pytest.approx((boundary_percent(drawings) > 0).mean(), rel=0.25)


def test_a_set_without_drawings_is_refused(root):
    split = open_data("folder", root, "train")
    with pytest.raises(InputError, match="drawings of several people"):
        Drawings([split], Taxonomy.from_names(["boundary"]))


def square(shift: int = 0) -> HumanSegmentation:
    regions = np.ones((40, 40), np.uint16)
    regions[10 + shift : 30 + shift, 10:30] = 2
    return HumanSegmentation(regions, label_boundaries(regions.astype(np.int32)))


def test_calibration_puts_the_useful_thresholds_between_a_tenth_and_nine_tenths():
    """A map with true lines at logit 5 and false ones at logit -3: the useful range lies between, and its middle becomes 0.5."""
    truth = square()
    false = np.zeros((40, 40), bool)
    false[5, :] = false[35, :] = false[:, 4] = False
    false[5, 2:38] = false[35, 2:38] = True
    logits = np.full((40, 40), -9, np.float32)
    logits[false] = -3
    logits[truth.boundaries] = 5
    calibration, level = calibrated([(logits, [truth])])
    strength = sigmoid(logits, calibration)
    assert strength[truth.boundaries].min() > 0.85
    assert strength[false].max() < 0.15
    assert 0 < level < 1


def test_calibration_without_any_boundary_is_the_identity():
    nothing = HumanSegmentation(np.ones((40, 40), np.uint16), np.zeros((40, 40), bool))
    calibration, _ = calibrated([(np.zeros((40, 40), np.float32), [nothing])])
    assert calibration == (1.0, 0.0)


@pytest.fixture
def bsds(tmp_path):
    """Six tiny photos of squares, two drawings each, in the layout of BSDS500."""
    from PIL import Image as Pillow
    from scipy.io import savemat

    random = np.random.default_rng(0)
    for number in range(6):
        split = "train" if number < 4 else "val"
        drawings = [square(int(random.integers(0, 8))) for _ in range(1)] * 2
        pixels = np.where(drawings[0].regions[..., None] == 2, 200, 60) + random.integers(0, 20, (40, 40, 3))
        for folder in ("images", "groundTruth"):
            (tmp_path / "bsds" / folder / split).mkdir(parents=True, exist_ok=True)
        Pillow.fromarray(pixels.astype(np.uint8)).save(tmp_path / "bsds" / "images" / split / f"{number}.jpg")
        cells = np.empty((1, 2), object)
        for k, drawing in enumerate(drawings):
            cells[0, k] = {"Segmentation": drawing.regions, "Boundaries": drawing.boundaries.astype(np.uint8)}
        savemat(tmp_path / "bsds" / "groundTruth" / split / f"{number}.mat", {"groundTruth": cells})
    return tmp_path / "bsds"


def test_from_drawings_to_a_file(bsds, tmp_path):
    """Two epochs of a small contour net; the file says what it is, and how its numbers are to be read."""
    onnx = pytest.importorskip("onnx")
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(f"""
name = "lines"
task = "boundary"
[data]
set = "bsds500"
root = "{bsds}"
[network]
name = "contour_net"
options = {{ detail = 4, widths = [4, 4, 4, 4, 4, 4] }}
[[stages]]
epochs = 2
batch = 2
crop = [32, 32]
scales = [0.8, 1.2]
[augmentation]
degrees = 5
[[loss.terms]]
name = "edge_loss"
[validation]
samples = 2
""")
    outcome = fit(load_recipe(recipe), tmp_path / "run")
    assert outcome.finished
    assert (outcome.steps, outcome.best is not None) == (4, True)
    assert "val_ods" in (tmp_path / "run" / "metrics.csv").read_text().splitlines()[0]
    assert (tmp_path / "run" / "samples" / "epoch-0002.png").is_file()
    run = load_run(tmp_path / "run")
    strength = run.predictor(flips=True).probabilities(run.validation()[0][0])
    assert strength.shape == (1, 40, 40)
    assert 0 <= strength.min() <= strength.max() <= 1
    export(tmp_path / "run", tmp_path / "lines.onnx")
    properties = {p.key: p.value for p in onnx.load(tmp_path / "lines.onnx").metadata_props}
    assert (properties["task"], json.loads(properties["classes"])) == ("boundary", ["boundary"])
    assert len(json.loads(properties["calibration"])) == 2
    assert 0 < json.loads(properties["level"]) < 1


def test_a_file_of_outlines_is_scored_another_way():
    with pytest.raises(OptionError, match="kontur evaluate contours"):
        testing.test_file(FOLDER / "contours.onnx", "bsds500:data:val")
