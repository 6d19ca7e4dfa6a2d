"""The fair table: scores worked by hand, costs of stand-ins that are known, and rows that survive anything."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image as Pillow

import kontur.datasets
from compare.stand_ins import install
from kontur.compare import onnx_cost
from kontur.compare.contenders import contender, parse_methods
from kontur.compare.fair import compare
from kontur.compare.fitting import fit_image, fit_labels
from kontur.compare.rulers import best_labels, ruler_of
from kontur.compare.trial_process import Settings
from kontur.core.errors import InputError, OptionError, PromptError, UnknownName, UnreadableFile
from kontur.core.image import Image
from kontur.datasets.spec import open_spec, parse_spec
from kontur.metrics import Confusion


def id_map(text):
    """One character a pixel, one word a row; "." is 255."""
    return np.array([[255 if c == "." else int(c) for c in row] for row in text.split()], np.uint8)


HALVES = np.where(np.arange(6) < 3, 40, 200).astype(np.uint8) * np.ones((4, 1), np.uint8)  # dark left, bright right

# Left half: 7 a, 4 b, 1 ignored -> named a. Right half: 5 a, 1 b, 6 c -> named c.
FIRST = id_map("000000 000102 011022 11.222")
SECOND = id_map("111000 111000 111000 111000")  # left 12 b, right 12 a: both right


def write_set(root, masks, classes, images=None):
    (root / "images").mkdir(parents=True)
    (root / "masks").mkdir()
    for number, mask in enumerate(masks):
        image = HALVES if images is None else images[number]
        Pillow.fromarray(image).save(root / "images" / f"i{number}.png")
        Pillow.fromarray(mask).save(root / "masks" / f"i{number}.png")
    (root / "classes.txt").write_text("\n".join(classes))
    return root


@pytest.fixture
def halves(tmp_path):
    return kontur.datasets.open("folder", write_set(tmp_path / "set", [FIRST, SECOND], "abc"))


def row_of(data, method, **more):
    (row,) = compare([contender(method)], data, **more).rows
    return row


# --- scores ---------------------------------------------------------------------------------------------------------


def test_the_upper_bound_of_regions_by_hand(halves):
    left, right = FIRST[:, :3], FIRST[:, 3:]
    assert [int((left == v).sum()) for v in (0, 1, 255)] == [7, 4, 1], "as the comment says"
    assert [int((right == v).sum()) for v in (0, 1, 2)] == [5, 1, 6]
    found = compare([contender("otsu")], halves)
    (row,) = found.rows
    # Both images: a: 7 + 12 found of 12 + 12 true, 11 + 12 given. b: 12 of 5 + 12, 12 given. c: 6 of 6, 12 given.
    a, b, c = 19 / (24 + 23 - 19), 12 / 17, 6 / 12
    assert row.score == pytest.approx((a + b + c) / 3, abs=1e-15)
    assert [entry["iou"] for entry in row.scores["per_class"]] == pytest.approx([a, b, c], abs=1e-15)
    assert row.scores["pixel_accuracy"] == pytest.approx((7 + 6 + 24) / 47)
    assert row.class_agnostic
    assert (row.metric, row.task, row.kind, row.error) == ("mIoU", "foreground", "classical", None)
    first, second = found.per_image
    # Of the first alone: a 7 of 12, 11 given; b 0; c 6 of 6, 12 given. c is absent from the second.
    assert first.scores["otsu"] == pytest.approx((7 / 16 + 0 + 6 / 12) / 3)
    assert second.scores["otsu"] == 1.0
    assert row.score != pytest.approx((first.scores["otsu"] + second.scores["otsu"]) / 2), "not a mean over images"


def test_no_other_naming_of_the_regions_has_more_pixels_right():
    rng = np.random.default_rng(0)
    ids, truth = rng.integers(0, 4, (9, 11)), rng.integers(0, 4, (9, 11))  # 3 classes, 3 = ignored; 0 = no region
    bound = Confusion(3, 3).update(best_labels(ids, truth, 3), truth).scores().pixel_accuracy
    names = np.stack(np.meshgrid(*[range(3)] * 3), -1).reshape(-1, 3)
    others = [
        Confusion(3, 3).update(np.concatenate([[-1], chosen])[ids], truth).scores().pixel_accuracy for chosen in names
    ]
    assert len(others) == 27
    assert bound == max(others)


def test_ties_take_the_first_category_and_ignored_pixels_have_no_say():
    ids = id_map("1122 1122 3300")
    truth = id_map("1022 1044 4410")  # 4 classes, 4 = ignored
    assert best_labels(ids, truth, 4).tolist() == [[0, 0, 2, 2], [0, 0, 2, 2], [0, 0, -1, -1]]


def test_category_ids_need_not_begin_at_zero(tmp_path):
    taxonomy = kontur.Taxonomy(
        (
            kontur.Category(3, "low", (9, 9, 9)),
            kontur.Category(7, "high", (1, 1, 1)),
            kontur.Category(9, "none", (2, 2, 2)),
        ),
        0,
    )
    write_set(tmp_path / "set", [id_map("333777 333777 333777 330777")], "x")
    (tmp_path / "set" / "classes.txt").unlink()
    row = row_of(kontur.datasets.open("folder", tmp_path / "set", taxonomy=taxonomy), "otsu")
    assert row.score == 1.0
    assert [entry["id"] for entry in row.scores["per_class"]] == [3, 7, 9]


def test_an_object_against_its_background_by_hand(tmp_path):
    # The bright half has 12 pixels; the object is 8 of them and 2 dark ones, one bright pixel is ignored.
    mask = id_map("001111 001111 00011. 000000")
    data = kontur.datasets.open("folder", write_set(tmp_path / "set", [mask], ["background", "leaf"]))
    both = compare([contender("otsu"), contender("kmeans:clusters=2")], data)
    otsu, kmeans = both.rows
    assert otsu.metric == "foreground IoU"
    assert otsu.score == pytest.approx(8 / (11 + 2))
    assert not otsu.class_agnostic, "it says itself what is object"
    assert kmeans.score == pytest.approx(8 / (11 + 2)), "of the bright half most is leaf"
    assert kmeans.class_agnostic
    assert otsu.scores["error_rate"] == pytest.approx((3 + 2) / 23)


def test_boundaries_by_hand(tmp_path):
    from scipy.io import savemat

    image = np.where(np.arange(60) < 30, 40, 200).astype(np.uint8) * np.ones((40, 1), np.uint8)
    regions = np.digitize(np.arange(60), [15, 30]).astype(np.uint16) * np.ones((40, 1), np.uint16) + 1
    boundaries = np.zeros((40, 60), np.uint8)
    boundaries[:, [14, 29]] = 1  # the pixel before each new region
    for name in ("images/test", "groundTruth/test"):
        (tmp_path / name).mkdir(parents=True)
    Pillow.fromarray(image).save(tmp_path / "images/test/7.png")
    human = {"Segmentation": regions, "Boundaries": boundaries}
    cell = np.empty((1, 1), object)
    cell[0, 0] = human
    savemat(tmp_path / "groundTruth/test/7.mat", {"groundTruth": cell})
    row = row_of(open_spec(f"bsds500:{tmp_path}:test"), "otsu")
    assert row.metric == "boundary F"
    assert (row.scores["precision"], row.scores["recall"]) == (1.0, 0.5), "one of two lines, nothing else"
    assert row.score == pytest.approx(2 / 3)
    # The covering: left half 30 wide covers 15 and 15 by half each, the right half is exact.
    assert row.scores["covering"] == pytest.approx((15 * 0.5 + 15 * 0.5 + 30) / 60)
    assert not row.class_agnostic


def test_images_and_truth_are_brought_to_one_size(monkeypatch, tmp_path):
    install(monkeypatch, tmp_path)
    data = kontur.datasets.open("folder", write_set(tmp_path / "set", [FIRST], "abc"))
    twice = compare([contender("otsu"), contender("tells_size")], data, settings=Settings(size=(8, 12)))
    otsu, told = twice.rows
    assert told.error == "(8, 12) uint8", "the method sees the size asked for"
    # Doubled, every truth pixel is four; Otsu's border may move by the smoothing, but not over a whole old pixel.
    assert otsu.score == pytest.approx((7 / 16 + 0 + 6 / 12) / 3, abs=0.03)
    assert (twice.per_image[0].height, twice.per_image[0].width) == (8, 12)
    assert fit_labels(id_map("12 34"), (4, 4)).tolist() == id_map("1122 1122 3344 3344").tolist()
    assert fit_labels(id_map("1234"), (1, 2)).tolist() == [[2, 4]]
    deep = Image(np.arange(24, dtype=np.uint16).reshape(2, 3, 4) * 1000)
    fitted = fit_image(deep, (4, 6))
    assert (fitted.shape, fitted.pixels.dtype, fitted.channels) == ((4, 6), np.uint16, 4)
    assert fit_image(Image(np.full((5, 7), 0.25, np.float32)), (3, 4)).pixels == pytest.approx(0.25)


# --- networks -------------------------------------------------------------------------------------------------------


@pytest.fixture
def network(tmp_path):
    """ONNX files of one 1x1 convolution: three logits that are the three channels."""
    onnx = pytest.importorskip("onnx", reason="ONNX files are made with onnx, of the extra train")
    helper = onnx.helper

    def make(name, classes, **metadata):
        weights = onnx.numpy_helper.from_array(np.eye(3, dtype=np.float32).reshape(3, 3, 1, 1), "weights")
        bias = onnx.numpy_helper.from_array(np.zeros(3, np.float32), "bias")
        image = helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, ["b", 3, "h", "w"])
        logits = helper.make_tensor_value_info("logits", onnx.TensorProto.FLOAT, ["b", 3, "h", "w"])
        node = helper.make_node("Conv", ["image", "weights", "bias"], ["logits"])
        graph = helper.make_graph([node], "by_hand", [image], [logits], [weights, bias])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        texts = {"network": "by_hand", "classes": json.dumps(classes), "channels": "3", "least": "[1, 1]", **metadata}
        helper.set_model_props(model, texts)
        path = tmp_path / f"{name}.onnx"
        path.write_bytes(model.SerializeToString())
        return path

    return make


def test_a_network_is_scored_by_its_names_and_its_cost_is_counted(tmp_path, network):
    strongest = id_map("000111 000111 000222 000222")
    mask = strongest.copy()
    mask[0, :2] = 1  # two pixels of b that the network calls a, one ignored
    mask[3, 5] = 255
    image = np.eye(3, dtype=np.uint8)[strongest] * np.uint8(200)
    data = kontur.datasets.open("folder", write_set(tmp_path / "set", [mask], "abc", [image]))
    for name, classes in (("straight", "abc"), ("turned", "abc"), ("foreign", "abx")):
        network(name, list(classes))
    found = compare(
        parse_methods(
            f"{tmp_path / 'straight.onnx'},Mirrored={tmp_path / 'straight.onnx'}:flips=true,{tmp_path / 'foreign.onnx'}"
        ),
        data,
    )
    straight, mirrored, foreign = found.rows
    assert (straight.name, straight.kind, straight.task) == ("straight", "network", "semantic")
    assert not straight.class_agnostic
    a, b, c = 10 / 12, 6 / 8, 5 / 5
    assert straight.score == pytest.approx((a + b + c) / 3)
    assert straight.parameters == 3 * 3 + 3
    assert straight.gmac == pytest.approx(24 * 3 * 3 / 1e9)
    assert mirrored.name == "Mirrored"
    assert mirrored.score == straight.score, "each pixel is seen alone"
    assert mirrored.gmac == pytest.approx(2 * straight.gmac)
    assert foreign.score is None
    assert "unknown x" in foreign.error
    assert "missing c" in foreign.error


def test_names_are_joined_wherever_they_stand(tmp_path, network):
    strongest = id_map("000111 000111 000222 000222")
    image = np.eye(3, dtype=np.uint8)[strongest] * np.uint8(200)
    # The network's first logit is c, its last a: the truth has the ids of a, b, c.
    data = kontur.datasets.open("folder", write_set(tmp_path / "set", [2 - strongest], "abc", [image]))
    assert row_of(data, str(network("turned", ["c", "b", "a"]))).score == 1.0


def test_multiply_adds_equal_pytorch_s_count(tmp_path):
    pytest.importorskip("torch", reason="needs the extra train")
    pytest.importorskip("onnx", reason="needs the extra train")
    from kontur.networks import build, cost
    from kontur.networks.export import export_onnx

    network = build("segformer_b0", classes=5).eval()  # convolutions whole and by channel, matrix products
    path = tmp_path / "network.onnx"
    export_onnx(network, path, size=(64, 96))
    assert onnx_cost.multiply_adds(path, (96, 64)) == cost.multiply_adds(network, (96, 64))
    assert onnx_cost.parameters(path) == pytest.approx(cost.parameters(network), rel=0.01), "batch norm is folded"
    cut = tmp_path / "cut.onnx"
    cut.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(UnreadableFile, match="expected an ONNX file"):
        onnx_cost.parameters(cut)


@pytest.mark.parametrize(
    ("operator", "inputs", "output", "expected"),
    [
        ("Conv", [[1, 6, 9, 9], [4, 3, 5, 5]], [1, 4, 7, 7], 4 * 49 * 3 * 25),  # two groups
        ("ConvTranspose", [[1, 4, 5, 5], [4, 3, 2, 2]], [1, 3, 10, 10], 4 * 25 * 3 * 4),
        ("MatMul", [[2, 7, 5], [5, 3]], [2, 7, 3], 2 * 7 * 3 * 5),
        ("Gemm", [[7, 5], [3, 5]], [7, 3], 7 * 3 * 5),
        ("Relu", [[1, 4, 5, 5]], [1, 4, 5, 5], 0),
    ],
)
def test_multiply_adds_of_a_node_by_hand(operator, inputs, output, expected):
    shapes = {"input_type_shape": [{"float": i} for i in inputs], "output_type_shape": [{"float": output}]}
    assert onnx_cost.of_node({"op_name": operator, **shapes}) == expected


# --- costs and failures -----------------------------------------------------------------------------------------------


def test_latency_is_of_the_call_alone_without_the_warm_up(monkeypatch, tmp_path, halves):
    install(monkeypatch, tmp_path)
    found = compare([contender("sleeps")], halves, settings=Settings(warm_up=2, repeat=3))
    (row,) = found.rows
    assert 0.03 <= row.latency_median < 0.25
    assert row.latency_median <= row.latency_p95
    assert row.images_per_second == pytest.approx(2 / sum(i.seconds["sleeps"] for i in found.per_image), rel=1e-2)
    assert row.cpu_share < 0.5, "asleep, not busy"
    slow = row_of(halves, "sleeps", settings=Settings(warm_up=0), limit=1)
    assert slow.latency_median >= 0.3, "nothing warmed it up"


def test_memory_is_each_method_s_own(monkeypatch, tmp_path, halves):
    install(monkeypatch, tmp_path)
    held = np.ones(300_000_000, np.uint8)  # what this process holds must not count
    grows, after = compare([contender("grows"), contender("prints")], halves).rows
    assert after.error is None, "what a method prints is not taken for an answer"
    assert after.peak_memory_mb < 200
    assert 195 < grows.peak_memory_mb - after.peak_memory_mb < 260
    assert held.size


def test_a_failing_method_loses_only_its_row(monkeypatch, tmp_path, halves):
    install(monkeypatch, tmp_path)
    calls = []
    names = ["dies", "dies_second", "refuses", "breaks", "smaller", "otsu"]
    found = compare([contender(name) for name in names], halves, progress=lambda: calls.append(1))
    errors = {row.name: row.error for row in found.rows}
    assert "exit code 7" in errors["dies"]
    assert errors["dies_second"].startswith("i1: its process was killed by signal 6")
    assert errors["refuses"] == "this image: expected something else"
    assert errors["breaks"] == "ZeroDivisionError: division by zero"
    assert errors["smaller"].startswith("sizes differ: expected regions (4, 6)")
    assert errors["otsu"] is None
    assert found.rows[-1].score is not None
    assert all(row.score is None and row.latency_median is None for row in found.rows[:-1])
    assert len(calls) == 2 * len(names), "the bar ends full"
    assert set(found.per_image[0].scores) == {"dies_second", "otsu"}


def damaged(root, number, kind):
    """One file of a set spoilt in one way."""
    mask, image = root / "masks" / f"i{number}.png", root / "images" / f"i{number}.png"
    if kind == "cut off":
        mask.write_bytes(mask.read_bytes()[:40])
    elif kind == "empty":
        mask.write_bytes(b"")
    elif kind == "colours":
        Pillow.fromarray(np.random.default_rng(0).integers(0, 255, (4, 6, 3)).astype(np.uint8)).save(mask)
    elif kind == "another size":
        Pillow.fromarray(np.zeros((5, 6), np.uint8)).save(mask)
    elif kind == "unknown class":
        Pillow.fromarray(np.full((4, 6), 99, np.uint8)).save(mask)
    else:
        image.write_bytes(b"no photo")


@pytest.mark.parametrize("kind", ["cut off", "empty", "colours", "another size", "unknown class", "no photo"])
@pytest.mark.parametrize("number", [0, 1])
def test_a_bad_item_is_a_row_and_the_rest_is_measured(tmp_path, kind, number):
    """The scores are those of the other image alone, whichever of the two is bad."""
    root = write_set(tmp_path / "set", [FIRST, SECOND], "abc")
    alone = compare(
        [contender("otsu")],
        kontur.datasets.open("folder", write_set(tmp_path / "one", [(SECOND, FIRST)[number]], "abc")),
    )
    data = kontur.datasets.open("folder", root)
    damaged(root, number, kind)
    calls = []
    found = compare([contender("otsu"), contender("kmeans:clusters=2")], data, progress=lambda: calls.append(1))
    bad, good = found.per_image[number], found.per_image[1 - number]
    assert bad.error
    assert "\n" not in bad.error
    assert (bad.scores, good.error) == ({}, None)
    assert found.rows[0].score == pytest.approx(alone.rows[0].score)
    assert all(row.error is None and row.score == found.rows[0].score for row in found.rows)
    assert len(calls) == 4, "the bar ends full"
    assert found.conditions["images_failed"] == 1
    assert [image["error"] is None for image in found.to_dict()["per_image"]] == [i != number for i in (0, 1)]
    assert list(found.sheet.rows) == [1 - number]


def test_nothing_that_can_be_read_is_said(tmp_path):
    root = write_set(tmp_path / "set", [FIRST, SECOND], "abc")
    data = kontur.datasets.open("folder", root)
    for number in (0, 1):
        damaged(root, number, "empty")
    with pytest.raises(UnreadableFile, match=r"i0\.png"):
        compare([contender("otsu")], data)


def test_a_method_that_hangs_is_stopped(monkeypatch, tmp_path, halves):
    install(monkeypatch, tmp_path)
    assert row_of(halves, "hangs", settings=Settings(timeout=2)).error == "no answer within 2 s (--timeout); stopped"


def test_threads_are_the_same_for_all(monkeypatch, tmp_path, halves):
    install(monkeypatch, tmp_path)
    assert row_of(halves, "tells_threads", settings=Settings(threads=2)).error == "2 2 2"
    assert row_of(halves, "tells_threads").error == "1 1 1"


# --- arguments --------------------------------------------------------------------------------------------------------


def test_methods_with_options_and_labels():
    one, two, three = parse_methods(
        "otsu, SLIC + merging=region_merging:regions=60:superpixels=300 ,kmeans:clusters=3,otsu"
    )
    assert (one.name, dict(one.options)) == ("otsu", {})
    assert (two.name, two.target) == ("SLIC + merging", "region_merging")
    assert dict(two.options) == {"regions": 60, "superpixels": 300}
    assert (three.name, dict(three.options)) == ("kmeans:clusters=3", {"clusters": 3})
    same = parse_methods("A=otsu,A=li")
    assert [c.name for c in same] == ["A=otsu", "A=li"], "a label given twice tells nothing apart"


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        (" , ", OptionError, "expected names with commas"),
        ("otsuu", UnknownName, "no method named 'otsuu'. Did you mean 'otsu'"),
        ("otsu:x", UnknownName, "no method named 'otsu:x'"),
        ("kmeans:cluster=3", UnknownName, "Did you mean 'clusters'"),
        ("kmeans:clusters=0", OptionError, "option clusters: expected a whole number"),
        ("kmeans:clusters=3:seed", OptionError, "expected NAME:KEY=VALUE"),
        ("grabcut,random_walker", PromptError, "random_walker needs a prompt"),
        ("nothing/there.onnx", UnreadableFile, "no such file"),
    ],
)
def test_wrong_methods(text, error, message):
    with pytest.raises(error, match=message):
        parse_methods(text)


def test_data_in_one_word(tmp_path):
    write_set(tmp_path / "set", [FIRST], "abc")
    assert parse_spec(f"folder:{tmp_path}/set:all") == ("folder", tmp_path / "set", "all")
    assert parse_spec(f"folder:{tmp_path}/set") == ("folder", tmp_path / "set", None)
    (tmp_path / "a:b").mkdir()
    assert parse_spec(f"folder:{tmp_path}/a:b") == ("folder", tmp_path / "a:b", None), "a folder with a colon"
    for text, error, message in (
        ("camvid", OptionError, "expected NAME:ROOT:SPLIT"),
        (f"camvd:{tmp_path}", UnknownName, "Did you mean 'camvid'"),
        (f"folder:{tmp_path}/none:all", UnreadableFile, "no such folder"),
    ):
        with pytest.raises(error, match=message):
            parse_spec(text)


def test_data_without_a_ruler(tmp_path):
    (tmp_path / "coco").mkdir()
    Pillow.fromarray(HALVES).save(tmp_path / "coco" / "i0.png")
    square = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 2, 2], "area": 4, "iscrowd": 0,
              "segmentation": [[0, 0, 2, 0, 2, 2, 0, 2]]}  # fmt: skip
    content = {
        "images": [{"id": 1, "file_name": "i0.png", "height": 4, "width": 6}],
        "annotations": [square],
        "categories": [{"id": 1, "name": "thing"}],
    }
    (tmp_path / "coco" / "all.json").write_text(json.dumps(content))
    data = kontur.datasets.open("folder", tmp_path / "coco")
    with pytest.raises(InputError, match=r"got instances\. Score results with `kontur evaluate instances`"):
        ruler_of(data)


@pytest.mark.real_data
def test_camvid_and_bsds500(data):
    street = open_spec(f"camvid:{data / 'camvid'}:test")
    otsu, felzenszwalb = compare(parse_methods("otsu,felzenszwalb"), street, limit=3, sheet=2).rows
    assert otsu.score < felzenszwalb.score < 1, "two regions cannot hold eleven classes"
    assert otsu.peak_memory_mb < felzenszwalb.peak_memory_mb, "Otsu needs no compiled kernels"
    photos = compare(parse_methods("felzenszwalb"), open_spec(f"bsds500:{data / 'bsds500'}:val"), limit=2)
    assert 0.3 < photos.rows[0].score < 0.9
