"""Objects by a network file, from Python and from the command line.

The network of these tests reads its answer off the image: red is foreground, green and blue are the way to the centre in pixels, 128
for none. So every result can be said beforehand.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow
from scipy.ndimage import binary_erosion

import kontur
from inference.small_networks import convolution, picker
from kontur import Instances, registry
from kontur.cli import main
from kontur.core import rle
from kontur.core.errors import InputError, OptionError
from kontur.inference import Predictor, models, notice, open_network
from kontur.inference.objects import ObjectPredictor

NUCLEUS = {
    "name": "cells",
    "ignore": None,
    "categories": [{"id": 1, "name": "nucleus", "colour": [255, 0, 0], "thing": True}],
}
COLOUR = 255 * 8 / 256  # levels of a unit of 8 pixels


def network(path, **metadata: str):
    """1x1: four maps that are linear in the three colours."""
    weights = np.zeros((4, 3, 1, 1), np.float32)
    weights[0, 0], weights[3, 0] = 20, 20
    weights[1, 1], weights[2, 2] = 255 / 8, 255 / 8
    bias = [-10, -128 / 8, -128 / 8, -10]
    texts = {"task": "instance", "taxonomy": json.dumps(NUCLEUS), "classes": '["nucleus"]', **metadata}
    return convolution(path, weights, bias, metadata=texts)


def painted(ids: np.ndarray) -> np.ndarray:
    """An image (H, W, 3) uint8 in which the network reads these objects."""
    image = np.full((*ids.shape, 3), 128, np.uint8)
    image[..., 0] = np.where(ids > 0, 255, 0)
    y, x = np.indices(ids.shape)
    for number in np.unique(ids[ids > 0]):
        own = ids == number
        image[own, 1] = np.rint(128 + y[own].mean() - y[own])
        image[own, 2] = np.rint(128 + x[own].mean() - x[own])
    return image


def two(shape=(40, 60)) -> np.ndarray:
    """Two blocks that touch, the second at the border."""
    ids = np.zeros(shape, int)
    ids[10:20, 5:15], ids[10:24, 15 : shape[1]] = 1, 2
    return ids


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """A folder of embedded models with one in it, `nuclei`."""
    folder = tmp_path / "models"
    folder.mkdir()
    network(folder / "nuclei.onnx", name="nuclei", notice="Terms of the data.")
    monkeypatch.setattr(models, "FOLDER", folder)
    monkeypatch.setattr(notice, "_told", set())
    monkeypatch.chdir(tmp_path)
    Pillow.fromarray(painted(two())).save("cells.png")
    return folder


def code_of(*arguments: str) -> int:
    with pytest.raises(SystemExit) as end:
        main(list(arguments))
    return int(end.value.code or 0)


def test_touching_blocks_come_apart(tmp_path):
    ids = two()
    found = ObjectPredictor(open_network(network(tmp_path / "n.onnx")))(painted(ids))
    assert isinstance(found, Instances)
    assert [i.category for i in found.instances] == [1, 1]
    assert {i.area for i in found.instances} == {100, 14 * 45}
    for instance in found.instances:
        mask = rle.decode(instance.mask)
        assert len(np.unique(ids[mask])) == 1
        assert instance.score is not None
        assert 0.9 < instance.score <= 1


def test_tiles_give_what_the_whole_gives(tmp_path):
    random = np.random.default_rng(0)
    ids = np.zeros((230, 310), int)
    for number in range(1, 60):
        y, x = random.integers(0, 215), random.integers(0, 295)
        ids[y : y + 12, x : x + 14] = number
    file = open_network(network(tmp_path / "n.onnx"))
    whole = ObjectPredictor(file)(painted(ids))
    tiled = ObjectPredictor(file, tile=96)(painted(ids))
    assert [i.box for i in tiled.instances] == [i.box for i in whole.instances]
    assert any("tiles" in note for note in tiled.provenance.notes)


def test_mirrored_views_agree_where_the_network_is_consistent(tmp_path):
    """A network that knows no mirror reads a mirrored way wrong: signs are turned back, so the mean is no way at all."""
    file = open_network(network(tmp_path / "n.onnx"))
    image = painted(two())
    maps = ObjectPredictor(file).maps(image)
    views = ObjectPredictor(file, flips=True).maps(image)
    np.testing.assert_allclose(views[[0, 3]], maps[[0, 3]], atol=1e-5)
    np.testing.assert_allclose(views[1:3], 0, atol=1e-5)


@pytest.mark.parametrize("zoom", [2.0, 0.5])
def test_zoom_gives_ways_and_masks_of_the_image(tmp_path, zoom):
    """A network that sees the image at another size says ways in pixels of that size."""
    file = open_network(network(tmp_path / "n.onnx"))
    ids = np.kron(two(), np.ones((2, 2), int))
    image = painted(ids)
    ways = image[..., 1:].astype(float) - 128
    seen = image.copy()
    seen[..., 1:] = np.rint(128 + zoom * ways)
    maps = ObjectPredictor(file, zoom=zoom).maps(seen)
    assert maps.shape == (4, *ids.shape)
    inside = binary_erosion(ids == 1, iterations=4) | binary_erosion(ids == 2, iterations=4)
    np.testing.assert_allclose(8 * maps[1:3, inside], ways[inside].T, atol=1.5 / zoom)
    found = ObjectPredictor(file, zoom=zoom)(seen)
    assert len(found) == 2
    for instance in found.instances:
        mask = rle.decode(instance.mask)
        number = np.bincount(ids[mask]).argmax()
        assert (mask & (ids == number)).sum() > 0.9 * (mask | (ids == number)).sum()


def test_an_image_is_not_enlarged_beyond_memory(tmp_path):
    predictor = ObjectPredictor(open_network(network(tmp_path / "n.onnx")), zoom=8)
    with pytest.raises(OptionError, match=r"option zoom: expected at most 4\.47 for an image of 5000x2000, got 8"):
        predictor(np.broadcast_to(np.uint8(0), (2000, 5000, 3)))


def test_stretch_is_done_before_the_network(tmp_path):
    plain = ObjectPredictor(open_network(network(tmp_path / "a.onnx")))
    bright = ObjectPredictor(open_network(network(tmp_path / "b.onnx", stretch="[0, 100]")))
    dim = (painted(two()) // 4).astype(np.uint8)
    dim[..., 1:] = 32  # no way anywhere: one object a piece
    assert len(plain(dim)) == 0
    assert bright.maps(dim)[0].max() == pytest.approx(10, abs=0.1)


def test_options_of_the_decoding(tmp_path):
    file = open_network(network(tmp_path / "n.onnx", decoding='{"least": 200}'))
    image = painted(two())
    assert [i.area for i in ObjectPredictor(file)(image).instances] == [14 * 45]
    assert len(ObjectPredictor(file, min_area=50)(image)) == 2
    assert len(ObjectPredictor(file, min_area=50, score=1.0)(image)) == 0
    assert len(ObjectPredictor(file, min_area=50, threshold=1.0)(image)) == 0


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (5, 1)])
def test_small_grey_and_empty_images(tmp_path, shape):
    predictor = ObjectPredictor(open_network(network(tmp_path / "n.onnx", stretch="[1, 99.9]")))
    for image in (np.zeros(shape, np.uint8), np.zeros((*shape, 3), np.uint16), np.full(shape, 0.5, np.float32)):
        found = predictor(image)
        assert found.shape == shape
        assert len(found) == 0


def test_files_that_do_not_fit(tmp_path):
    with pytest.raises(InputError, match="1, as task instance asks for"):
        open_network(network(tmp_path / "a.onnx", taxonomy=None, classes='["a", "b"]'))
    three = picker(tmp_path / "b.onnx", task="instance", classes='["nucleus"]')
    with pytest.raises(InputError, match="4 outputs"):
        open_network(three)
    with pytest.raises(InputError, match="`decoding`"):
        open_network(network(tmp_path / "c.onnx", decoding='{"levle": 0.5}'))
    with pytest.raises(InputError, match="`stretch`"):
        open_network(network(tmp_path / "d.onnx", stretch="[99, 1]"))
    with pytest.raises(InputError, match="expected a network of objects"):
        ObjectPredictor(open_network(picker(tmp_path / "e.onnx")))
    with pytest.raises(InputError, match="task instance"):
        Predictor(network(tmp_path / "f.onnx"))(painted(two()))


def test_as_a_method(shelf):
    row = registry.get("nuclei")
    assert (row.task, row.load().__name__) == ("instance", "nuclei")
    assert {"flips", "threshold", "min_area", "score", "tile"} <= {option.name for option in row.options}
    with pytest.warns(UserWarning, match="Terms of the data"):
        found = kontur.segment("cells.png", "nuclei", min_area=20)
    assert isinstance(found, Instances)
    assert found.provenance.method == "nuclei"
    assert found.provenance.options["min_area"] == 20
    with pytest.raises(OptionError, match="threshold"):
        kontur.segment("cells.png", "nuclei", threshold=2.0)


def test_on_the_command_line(shelf, capsys):
    writes = "labels,overlay,json,coco,measurements,geojson"
    assert code_of("segment", "cells.png", "-m", "nuclei", "-o", "out", "--write", writes) == 0
    assert "Terms of the data" in capsys.readouterr().err
    with open("out/cells.measurements.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert sorted(int(row["area"]) for row in rows if row["name"] == "nucleus") == [100, 630]
    assert all(float(row["score"]) > 0.9 for row in rows)
    content = json.loads(Path("out/coco.json").read_text())
    assert [c["name"] for c in content["categories"]] == ["nucleus"]
    assert len(content["annotations"]) == 2
    assert code_of("segment", "cells.png", "-m", "nuclei", "-o", "out2", "--write", "heatmaps") == 2
    assert "heatmaps" in capsys.readouterr().err


def test_no_torch(shelf):
    code = (
        "import sys, kontur, numpy as np; kontur.segment(np.zeros((9, 9, 3), np.uint8), sys.argv[1]); "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", code, str(shelf / "nuclei.onnx")], check=True)


def test_ids_of_labels_and_of_measurements_are_the_same(shelf, capsys):
    assert code_of("segment", "cells.png", "-m", "nuclei", "--write", "labels,measurements,json") == 0
    labels = np.asarray(Pillow.open("kontur-out/cells.labels.png"))
    with open("kontur-out/cells.measurements.csv", newline="") as file:
        rows = {int(row["id"]): int(row["area"]) for row in csv.DictReader(file)}
    assert rows == {int(i): int((labels == i).sum()) for i in np.unique(labels) if i}
    told = json.loads(Path("kontur-out/cells.json").read_text())["segments"]
    assert {s["id"]: s["area"] for s in told} == rows


def test_onnxruntime_reports_to_nobody(shelf, tmp_path):
    """Its builds since 1.31 keep a queue of what they would send in the folder of temporary files and in the home."""
    home = tmp_path / "home"
    home.mkdir()
    code = "import kontur, sys; print(len(kontur.segment('cells.png', sys.argv[1])))"
    environment = {**os.environ, "TMPDIR": str(home), "HOME": str(home), "XDG_CACHE_HOME": str(home / "cache")}
    environment.pop("ORT_DISABLE_TELEMETRY", None)
    path = os.pathsep.join([str(Path(kontur.__file__).parents[1]), environment.get("PYTHONPATH", "")])
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, str(shelf / "nuclei.onnx")],
        check=True,
        env=environment | {"PYTHONPATH": path},
    )
    assert not list(home.rglob("*onnxruntime*"))
    assert not (home / ".ses").exists()
