"""Detectors from a file: what PyTorch finds is what ONNX Runtime and NumPy find."""

from __future__ import annotations

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

import kontur  # noqa: E402
from inference.small_networks import convolution  # noqa: E402
from kontur.core.errors import InputError, OptionError, UnreadableFile  # noqa: E402
from kontur.core.image import Image  # noqa: E402
from kontur.core.taxonomy import Taxonomy  # noqa: E402
from kontur.inference.detectors import DetectorFile, open_detector  # noqa: E402
from kontur.inference.mask_rcnn import mask_rcnn as instances_of  # noqa: E402
from kontur.inference.panoptic_fpn import panoptic_fpn as merged  # noqa: E402
from kontur.networks.export_detector import export_detector  # noqa: E402
from kontur.networks.mask_rcnn import mask_rcnn  # noqa: E402
from kontur.networks.panoptic_fpn import panoptic_fpn  # noqa: E402

SMALL = {"encoder": "resnet18", "width": 16, "size": (64, 96), "anchors": (8, 16, 32, 64, 128), "frozen": False}
MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)
NAMES = ("cat", "sky", "dog", "road", "car")
ALL = Taxonomy.from_names(NAMES, things=("cat", "dog", "car"))
THINGS = Taxonomy(tuple(c for c in ALL if c.thing))


def write(network, path, taxonomy):
    more = {"name": "beasts", "task": "detection", "taxonomy": json.dumps(taxonomy.to_dict()), "notice": "some terms"}
    names = [c.name for c in taxonomy]
    return export_detector(network, path, size=(48, 64), class_names=names, mean=MEAN, std=STD, metadata=more)


@pytest.fixture(scope="module")
def detector(tmp_path_factory):
    torch.manual_seed(0)
    network = mask_rcnn(3, score=0.0, detections=20, **SMALL)
    path = tmp_path_factory.mktemp("files") / "beasts.onnx"
    write(network, path, THINGS)
    return network, path


def image(height=50, width=70):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def seen(pixels):
    tensor = (torch.from_numpy(pixels).float() / 255 - torch.tensor(MEAN)) / torch.tensor(STD)
    return [tensor.permute(2, 0, 1)]


def test_instances_are_pytorchs(detector):
    network, path = detector
    pixels = image()
    with torch.no_grad():
        (found,) = network.eval()(seen(pixels))
    arrays = [found[k].numpy() for k in ("boxes", "labels", "scores", "masks")]
    wanted = instances_of(*arrays, (50, 70), THINGS)
    got = DetectorFile(path).detect(pixels)
    assert 0 < len(got) == len(wanted)
    assert [i.category for i in got.instances] == [i.category for i in wanted.instances]
    assert [i.score for i in got.instances] == pytest.approx([i.score for i in wanted.instances], abs=1e-5)
    assert all(a.mask == b.mask for a, b in zip(got.instances, wanted.instances))
    assert {i.category for i in got.instances} <= {0, 2, 4}
    assert got.provenance.method == "beasts"


def test_it_is_a_method_like_others(detector):
    _, path = detector
    with pytest.warns(UserWarning, match="some terms"):
        result = kontur.segment(Image(image()), str(path), score=0.0)
    assert len(result) == len(DetectorFile(path).detect(image(), score=0.0))
    assert result.provenance.method == "beasts"
    with pytest.raises(OptionError, match="option score"):
        kontur.segment(Image(image()), str(path), score=7)
    assert open_detector(path) is open_detector(path)


def test_the_command_writes_objects_with_their_own_categories(detector, tmp_path):
    from kontur.cli import main
    from kontur.io.pictures import write_picture

    write_picture(tmp_path / "photo.png", image())
    arguments = [
        "segment",
        "-m",
        str(detector[1]),
        "--write",
        "coco",
        "--set",
        "score=0.0",
        "-o",
        str(tmp_path / "out"),
    ]
    with pytest.raises(SystemExit) as ended:
        main([*arguments, str(tmp_path / "photo.png")])
    assert not ended.value.code
    written = json.loads((tmp_path / "out" / "coco.json").read_text())
    wanted = DetectorFile(detector[1]).detect(image(), score=0.0)
    assert len(written["annotations"]) == len(wanted)
    assert [c["name"] for c in written["categories"]] == ["cat", "dog", "car"]


def test_what_does_not_fit_is_named(detector, tmp_path):
    _, path = detector
    with pytest.raises(InputError, match="expected an image of 3 bands, got 5"):
        DetectorFile(path).detect(np.zeros((40, 40, 5), np.uint8))
    with pytest.raises(InputError, match="as Panoptic FPN has"):
        DetectorFile(path).panoptic(image())
    with pytest.raises(UnreadableFile):
        DetectorFile(tmp_path / "none.onnx")
    with pytest.raises(UnreadableFile, match="no such file"):
        open_detector(tmp_path / "none.onnx")
    semantic = convolution(tmp_path / "semantic.onnx", np.ones((2, 1, 1, 1)))
    with pytest.raises(InputError, match="the outputs boxes, labels, scores, masks"):
        DetectorFile(semantic)


@pytest.mark.slow
def test_panoptic_results_are_pytorchs(tmp_path):
    torch.manual_seed(1)
    network = panoptic_fpn(5, things=3, score=0.0, detections=20, **SMALL)
    write(network, tmp_path / "p.onnx", ALL)
    pixels = image()
    with torch.no_grad():
        (found,), (logits,) = network.eval()(seen(pixels))
    arrays = [found[k].numpy() for k in ("boxes", "labels", "scores", "masks")]
    wanted = merged(instances_of(*arrays, (50, 70), THINGS, score=0.2), logits.numpy(), ALL, score=0.2, stuff_area=100)
    got = DetectorFile(tmp_path / "p.onnx").panoptic(pixels, score=0.2, stuff_area=100)
    assert (got.category_map() == wanted.category_map()).mean() > 0.9
    stuff = np.isin(wanted.category_map(), (1, 3))
    assert stuff.any()
    assert (got.category_map() == wanted.category_map())[stuff].mean() > 0.9
