"""What is written is read again, by our readers or by others, and fills the same pixels; losses are measured."""

from __future__ import annotations

import csv
import itertools
import json
import math
import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from PIL import Image as Pillow
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from kontur.core import rle
from kontur.core.errors import InputError, KonturError, OutputError, UnreadableFile
from kontur.core.image import Georeference, Image
from kontur.core.instances import Instance, Instances
from kontur.core.segmentation import Segmentation
from kontur.core.taxonomy import Category, Taxonomy
from kontur.io.coco import CocoEntry, read_coco, write_coco
from kontur.io.cutout import cut_mask, write_cutout
from kontur.io.documents import write_document, write_json
from kontur.io.geojson import write_geojson
from kontur.io.labelme import read_labelme, write_labelme
from kontur.io.measurements import write_measurements
from kontur.io.svg import write_svg
from kontur.io.yolo import read_yolo, write_yolo

STREET = Taxonomy((Category(0, "road", (128, 64, 128)), Category(7, "car", (0, 0, 142), thing=True)))


def id_map(text: str) -> np.ndarray:
    """Draw an id map: one digit a pixel, one word a row."""
    return np.array([[int(c) for c in row] for row in text.split()])


# Background 1; object 2 is a ring (12 of 16 pixels) and a part of 2 pixels; object 3 lies in the ring's hole.
RING = id_map("11111111 12222111 12332111 12132121 12222121 11111111")


def foreground() -> Segmentation:
    return Segmentation.from_ids(RING, scores={2: 0.75}, background=1)


def image(shape: tuple[int, int] = RING.shape, name: str = "photo.one.jpg") -> Image:
    from pathlib import Path

    rng = np.random.default_rng(0)
    return Image(rng.integers(0, 256, (*shape, 3), dtype=np.uint8), path=Path("folder") / name)


def random_partition(seed: int) -> Segmentation:
    from scipy import ndimage

    noise = ndimage.gaussian_filter(np.random.default_rng(seed).random((40, 50)), 2)
    return Segmentation.from_labels((noise * 30).astype(int))


# --- JSON -----------------------------------------------------------------------------------------------------------------


def test_the_document_has_schema_segments_and_provenance(tmp_path):
    write_document(tmp_path / "a.json", foreground(), image())
    content = json.loads((tmp_path / "a.json").read_text())
    assert content["schema"] == 1
    assert content["file_name"] == "photo.one.jpg"
    assert (content["height"], content["width"], content["background"]) == (6, 8, 1)
    assert [(s["id"], s["area"], s["box"], s["score"]) for s in content["segments"]] == [
        (1, 31, [0, 0, 8, 6], None),
        (2, 14, [1, 1, 7, 5], 0.75),
        (3, 3, [2, 2, 4, 4], None),
    ]


def test_the_document_of_instances_keeps_their_pixels(tmp_path):
    masks = [RING == 2, RING == 3]
    instances = Instances.from_masks(masks, shape=RING.shape, categories=[7, 0], scores=[0.5, 0.25], taxonomy=STREET)
    write_document(tmp_path / "a.json", instances)
    content = json.loads((tmp_path / "a.json").read_text())
    assert [(s["id"], s["name"], s["score"]) for s in content["segments"]] == [(1, "car", 0.5), (2, "road", 0.25)]
    for segment, mask in zip(content["segments"], masks, strict=True):
        assert np.array_equal(rle.decode(rle.from_coco(segment["mask"])), mask)


def test_nan_is_no_json(tmp_path):
    with pytest.raises(OutputError, match="NaN"):
        write_json(tmp_path / "a.json", {"score": math.nan})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "write", [write_document, write_geojson, write_svg, write_labelme, write_yolo, write_cutout, write_measurements]
)
def test_what_cannot_be_written_is_one_line_and_leaves_nothing(tmp_path, write):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError) as error:
        write(tmp_path / "file" / "a.x", foreground(), image())
    assert "\n" not in str(error.value)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


# --- COCO -----------------------------------------------------------------------------------------------------------------


def test_coco_of_a_run_is_what_pycocotools_reads(tmp_path):
    categories = Segmentation.from_categories(id_map("0077 0077"), STREET)
    write_coco(tmp_path / "coco.json", [("a.jpg", categories), ("b.jpg", categories)])
    theirs = COCO(tmp_path / "coco.json")
    assert [(i["id"], i["file_name"], i["height"], i["width"]) for i in theirs.dataset["images"]] == [
        (1, "a.jpg", 2, 4),
        (2, "b.jpg", 2, 4),
    ]
    assert {c["id"]: c["name"] for c in theirs.loadCats(theirs.getCatIds())} == {0: "road", 7: "car"}
    for image_id in (1, 2):
        road, car = theirs.loadAnns(theirs.getAnnIds(imgIds=[image_id]))
        assert (road["category_id"], road["area"], road["bbox"], road["iscrowd"], road["score"]) == (
            0,
            4,
            [0, 0, 2, 2],
            0,
            1.0,
        )
        assert (car["category_id"], car["area"], car["bbox"]) == (7, 4, [2, 0, 2, 2])
        assert np.array_equal(theirs.annToMask(car), id_map("0011 0011"))
        assert isinstance(car["segmentation"]["counts"], str)
    assert len(theirs.anns) == 4


def test_coco_without_categories_and_without_background(tmp_path):
    write_coco(tmp_path / "a.json", [CocoEntry.of("a.jpg", foreground())])
    content = json.loads((tmp_path / "a.json").read_text())
    assert [c["name"] for c in content["categories"]] == ["object"]
    assert [(a["area"], a["score"]) for a in content["annotations"]] == [(14, 0.75), (3, 1.0)]  # no background
    write_coco(tmp_path / "b.json", [("a.jpg", random_partition(0))])
    content = json.loads((tmp_path / "b.json").read_text())
    assert [c["name"] for c in content["categories"]] == ["region"]
    assert sum(a["area"] for a in content["annotations"]) == 40 * 50


def test_coco_and_back_changes_nothing(tmp_path):
    partition = random_partition(1)
    write_coco(tmp_path / "coco.json", [("a.jpg", foreground()), ("b.jpg", partition)])
    found = read_coco(tmp_path / "coco.json")
    assert [i.file_name for i in found.images] == ["a.jpg", "b.jpg"]
    for segment, instance in zip(partition.segments, found.instances(2).instances, strict=True):
        assert np.array_equal(rle.decode(instance.mask), partition.mask(segment.id))
        assert instance.area == segment.area
        assert instance.box == segment.box


def test_an_empty_run_is_a_valid_file(tmp_path):
    write_coco(tmp_path / "coco.json", [])
    assert read_coco(tmp_path / "coco.json").annotations == ()


def test_one_id_with_two_names(tmp_path):
    other = Taxonomy((Category(7, "bus", (0, 0, 0)),))
    runs = [Segmentation.from_categories(np.full((2, 2), 7), t) for t in (STREET, other)]
    with pytest.raises(InputError, match="'car' and 'bus'"):
        write_coco(tmp_path / "coco.json", [("a.jpg", runs[0]), ("b.jpg", runs[1])])


def coco_file(**changes: object) -> dict:
    annotation = {
        "id": 5,
        "image_id": 1,
        "category_id": 3,
        "segmentation": [[1, 1, 3, 1, 3, 3]],
        "iscrowd": 0,
        "area": 2.0,
    }
    annotation |= {k: v for k, v in changes.items() if k in annotation}
    return {
        "images": [{"id": 1, "file_name": "a.jpg", "height": 5, "width": 6}],
        "categories": [{"id": 3, "name": "cell"}],
        "annotations": [annotation],
    } | {k: v for k, v in changes.items() if k not in annotation}


def test_polygons_runs_and_crowds_are_read(tmp_path):
    for segmentation in ([[1, 1, 3, 1, 3, 3]], {"size": [5, 6], "counts": [6, 2, 22]}):
        (tmp_path / "a.json").write_text(json.dumps(coco_file(segmentation=segmentation)))
        found = read_coco(tmp_path / "a.json")
        theirs = COCO(tmp_path / "a.json")
        assert np.array_equal(rle.decode(found.annotations[0].mask), theirs.annToMask(theirs.anns[5]))
    (tmp_path / "a.json").write_text(json.dumps(coco_file(iscrowd=1)))
    found = read_coco(tmp_path / "a.json")
    assert len(found.instances(1)) == 0
    assert len(found.instances(1, crowds=True)) == 1


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"image_id": 9}, "annotation 5.*image_id"),
        ({"category_id": 9}, "annotation 5.*category_id"),
        ({"segmentation": {"size": [5, 6], "counts": [6, 2]}}, "annotation 5.*sum"),
        ({"segmentation": {"size": [5, 5], "counts": [25]}}, "annotation 5.*size"),
        ({"segmentation": {"size": [100000, 100000], "counts": "T1"}}, "annotation 5.*megapixels"),
        ({"segmentation": {"size": [5, 6], "counts": "~"}}, "annotation 5.*characters"),
        ({"segmentation": [[1, 1, float("nan"), 1, 3, 3]]}, "annotation 5.*finite"),
        ({"segmentation": [[1, 1, 1e9, 1, 3, 3]]}, r"annotation 5.*1e\+09"),
        ({"segmentation": [[1, 1, 3]]}, "annotation 5.*even"),
        ({"segmentation": [[1, 1, 3, 3]]}, "annotation 5.*3 points"),
        ({"segmentation": []}, "annotation 5.*polygons"),
        ({"segmentation": "x"}, "annotation 5.*polygons"),
        ({"segmentation": 7}, "annotation 5.*polygons"),
        ({"annotations": [{}]}, r"annotations\[0\].*image_id"),
        ({"annotations": [7]}, "annotation"),
        ({"annotations": {}}, "lists of images"),
        ({"images": [{"id": 1}]}, r"images\[0\]: .*file_name"),
        ({"images": [{"id": 1, "file_name": "a", "height": 5, "width": 6}] * 2}, "twice"),
        ({"images": [{"id": 1, "file_name": "a", "height": 0, "width": 6}]}, "at least 1 x 1"),
        ({"categories": [{"id": 3, "name": "a"}, {"id": 3, "name": "b"}]}, "twice"),
        ({"categories": [7]}, "categories"),
    ],
)
def test_bad_coco_files(tmp_path, changes, says):
    (tmp_path / "a.json").write_text(json.dumps(coco_file(**changes)))
    with pytest.raises(InputError, match=says) as error:
        read_coco(tmp_path / "a.json")
    assert "a.json" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["", "[]", "{", "null", "\x00", "[" * 100_000])
def test_what_is_no_coco_json(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(InputError):
        read_coco(tmp_path / "a.json")
    with pytest.raises(UnreadableFile, match="no such file"):
        read_coco(tmp_path / "none.json")


@pytest.mark.real_data
def test_real_coco_masks_equal_pycocotools(data):
    path = data / "coco-tiny" / "annotations" / "instances_val2017.json"
    ours, theirs = read_coco(path), COCO(path)
    assert len(ours.annotations) == len(theirs.anns)
    assert any(a.crowd for a in ours.annotations)
    for annotation in ours.annotations:
        expected = theirs.annToRLE(theirs.anns[annotation.id])
        assert annotation.mask.to_string().encode() == rle.from_coco(expected).to_string().encode()
        assert rle.area(annotation.mask) == coco_mask.area(expected)


# --- polygons ---------------------------------------------------------------------------------------------------------------


def filled(features: list[dict], shape: tuple[int, int], undo=lambda points: points) -> np.ndarray:
    """The id map that GeoJSON features fill."""
    ids = np.zeros(shape, int)
    for feature in features:
        rings = [undo(np.array(ring)[:-1]) for polygon in feature["geometry"]["coordinates"] for ring in polygon]
        ids[rle.decode(rle.from_rings(rings, *shape))] = feature["id"]
    return ids


def test_geojson_keeps_holes_and_parts(tmp_path):
    assert write_geojson(tmp_path / "a.geojson", foreground(), image()) == 0.0
    content = json.loads((tmp_path / "a.geojson").read_text())
    assert content["iou_loss"] == 0.0
    assert "crs" not in content
    assert np.array_equal(filled(content["features"], RING.shape), np.where(RING == 1, 0, RING))
    ring = content["features"][0]
    assert ring["properties"] | {"name": "object"} == ring["properties"]
    assert [len(polygon) for polygon in ring["geometry"]["coordinates"]] == [2, 1]  # a hole, and another part
    for polygon in ring["geometry"]["coordinates"]:
        assert all(r[0] == r[-1] for r in polygon)
        assert signed_area(polygon[0]) > 0 > max((signed_area(r) for r in polygon[1:]), default=-1)


def signed_area(ring: list) -> float:
    """Positive: counter-clockwise in (x, y)."""
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in itertools.pairwise(ring)) / 2


def test_geojson_of_a_georeferenced_image_is_in_its_world_coordinates(tmp_path):
    place = Georeference("EPSG:32616", (0.5, 0.0, 733601.0, 0.0, -0.5, 3725139.0))
    write_geojson(tmp_path / "a.geojson", foreground(), Image(image().pixels, georeference=place))
    content = json.loads((tmp_path / "a.geojson").read_text())
    assert content["crs"]["properties"]["name"] == "urn:ogc:def:crs:EPSG::32616"
    outer = content["features"][0]["geometry"]["coordinates"][0][0]
    assert [733601.5, 3725138.5] in outer  # pixel corner (1, 1)
    assert signed_area(outer) > 0

    def undo(points):
        return (points - [733601.0, 3725139.0]) / [0.5, -0.5]

    assert np.array_equal(filled(content["features"], RING.shape, undo), np.where(RING == 1, 0, RING))


@pytest.mark.parametrize("seed", range(3))
def test_geojson_of_a_partition_fills_it_again(tmp_path, seed):
    partition = random_partition(seed)
    assert write_geojson(tmp_path / "a.geojson", partition) == 0.0
    content = json.loads((tmp_path / "a.geojson").read_text())
    assert np.array_equal(filled(content["features"], partition.shape), partition.ids)


def test_svg_paths_fill_the_segments_again(tmp_path):
    partition = random_partition(4)
    assert write_svg(tmp_path / "a.svg", partition, image(partition.shape, "a<&>.jpg")) == 0.0
    root = ElementTree.parse(tmp_path / "a.svg").getroot()
    assert root.attrib["viewBox"] == "0 0 50 40"
    assert root[0].text == "a<&>.jpg"
    ids = np.zeros(partition.shape, int)
    for path in root.iter("{http://www.w3.org/2000/svg}path"):
        assert path.attrib["fill-rule"] == "evenodd"
        rings = []
        for ring in path.attrib["d"].split("Z")[:-1]:
            x, y = map(int, re.match(r"M(\d+) (\d+)", ring).groups())
            points = [(x, y)]
            for step, value in re.findall(r"([HV])(\d+)", ring):
                x, y = (int(value), y) if step == "H" else (x, int(value))
                points.append((x, y))
            rings.append(np.array(points))
        ids[rle.decode(rle.from_rings(rings, *partition.shape))] = int(path.attrib["id"].removeprefix("segment-"))
    assert np.array_equal(ids, partition.ids)


def test_svg_has_the_colours_of_the_categories(tmp_path):
    write_svg(tmp_path / "a.svg", Segmentation.from_categories(id_map("0077"), STREET))
    text = (tmp_path / "a.svg").read_text()
    assert 'fill="#00008e"' in text
    assert 'data-category="car"' in text


# The hole of object 2 (3 pixels of object 3 and 1 of background) is filled: IoU 14/18. Object 3 is whole.
LOSS_BY_HAND = ((1 - 14 / 18) + 0) / 2


def test_labelme_reports_the_loss_of_filled_holes(tmp_path):
    loss = write_labelme(tmp_path / "a.labelme.json", foreground(), image())
    assert loss == pytest.approx(LOSS_BY_HAND)
    content = json.loads((tmp_path / "a.labelme.json").read_text())
    assert content["imagePath"] == "photo.one.jpg"
    assert (content["imageHeight"], content["imageWidth"]) == RING.shape
    assert [(s["label"], s["group_id"], s["shape_type"]) for s in content["shapes"]] == [
        ("object", 2, "polygon"),
        ("object", 2, "polygon"),
        ("object", 3, "polygon"),
    ]


def test_labelme_and_back(tmp_path):
    partition = Segmentation.from_categories(id_map("0077 0007 7700"), STREET)  # two parts a category, no holes
    assert write_labelme(tmp_path / "a.json", partition) == 0.0
    found = read_labelme(tmp_path / "a.json")
    names = [found.taxonomy[i.category].name for i in found.instances]
    assert names == ["road", "car"]
    for instance, category in zip(found.instances, (0, 7), strict=True):
        assert np.array_equal(rle.decode(instance.mask), partition.category_map() == category)


def test_labelme_reads_what_people_draw(tmp_path):
    import base64
    import io

    buffer = io.BytesIO()
    Pillow.fromarray(np.array([[True, False], [True, True]])).save(buffer, format="PNG")
    shapes = [
        {"label": "a", "points": [[1, 1], [4, 3]], "shape_type": "rectangle"},
        {"label": "b", "points": [[10, 10], [10, 14]], "shape_type": "circle"},
        {
            "label": "a",
            "points": [[5, 6], [6, 7]],
            "shape_type": "mask",
            "mask": base64.b64encode(buffer.getvalue()).decode(),
        },
    ]
    (tmp_path / "a.json").write_text(json.dumps({"shapes": shapes, "imageHeight": 20, "imageWidth": 20}))
    rectangle, circle, mask = read_labelme(tmp_path / "a.json").instances
    assert (rectangle.area, rectangle.box) == (6, (1, 1, 4, 3))
    assert circle.area == pytest.approx(math.pi * 16, rel=0.1)
    assert (mask.area, mask.box) == (3, (5, 6, 7, 8))
    assert [rectangle.category, circle.category, mask.category] == [0, 1, 0]


@pytest.mark.parametrize(
    "shape",
    [
        {"label": "a", "points": [[1, 1]], "shape_type": "point"},
        {"label": "a", "points": [[1, 1], [3, 4]], "shape_type": "line"},
        {"label": "a", "points": [[1, 1], [3, 4]]},
        {"label": "a", "points": [[1, 1], [3, 4], [float("nan"), 2]]},
        {"label": "a", "points": [[1, 1], [3, 4], [1e9, 2]]},
        {"label": "a", "points": None},
        {"label": 3, "points": [[1, 1], [3, 4], [5, 2]]},
        {"label": "a", "points": [[1, 1], [2, 2]], "shape_type": "mask", "mask": "????"},
        {"label": "a", "points": [[1, 1], [2, 2]], "shape_type": "mask"},
        {"label": "a", "points": [[1, 1], [2, 2]], "shape_type": "rectangle", "group_id": 2, "flags": 3}
        | {"label": None},
        7,
    ],
)
def test_bad_labelme_shapes_are_named(tmp_path, shape):
    (tmp_path / "a.json").write_text(json.dumps({"shapes": [shape], "imageHeight": 20, "imageWidth": 20}))
    with pytest.raises(InputError, match=r"a\.json: shape 0: "):
        read_labelme(tmp_path / "a.json")


@pytest.mark.parametrize("content", [[], {}, {"shapes": 3}, {"shapes": []}, {"shapes": [], "imageHeight": "a"}])
def test_bad_labelme_files(tmp_path, content):
    (tmp_path / "a.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match="expected"):
        read_labelme(tmp_path / "a.json")


def test_yolo_by_hand_and_its_loss(tmp_path):
    assert write_yolo(tmp_path / "yolo" / "a.txt", foreground()) == pytest.approx(LOSS_BY_HAND)
    lines = (tmp_path / "yolo" / "a.txt").read_text().splitlines()
    # Part of 2 pixels at column 6, rows 3 and 4, of an image of 8 x 6.
    assert lines[1] == "0 0.75 0.5 0.875 0.5 0.875 0.8333333 0.75 0.8333333"
    assert len(lines) == 3


def test_yolo_classes_are_places_in_the_taxonomy(tmp_path):
    partition = Segmentation.from_categories(id_map("0077 0077"), STREET)
    assert write_yolo(tmp_path / "a.txt", partition) == 0.0
    assert [line.split()[0] for line in (tmp_path / "a.txt").read_text().splitlines()] == ["0", "1"]
    found = read_yolo(tmp_path / "a.txt", (2, 4), STREET)
    assert [i.category for i in found.instances] == [0, 7]
    assert np.array_equal(found.mask(1), id_map("0011 0011"))


@pytest.mark.parametrize("size", [(333, 777), (4000, 3), (1, 1)])
def test_yolo_and_back_at_any_size(tmp_path, size):
    mask = np.zeros(size, bool)
    mask[size[0] // 3 : size[0] // 3 + 5, size[1] // 3 :] = True
    assert write_yolo(tmp_path / "a.txt", Segmentation.from_mask(mask)) == 0.0
    assert np.array_equal(read_yolo(tmp_path / "a.txt", size).mask(0), mask)


def test_nothing_found_is_an_empty_file_without_loss(tmp_path):
    nothing = Segmentation.from_mask(np.zeros((4, 5), bool))
    assert write_yolo(tmp_path / "a.txt", nothing) == 0.0
    assert (tmp_path / "a.txt").read_text() == ""
    assert len(read_yolo(tmp_path / "a.txt", (4, 5))) == 0


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("0 .1 .1 .5 .5", "a box"),
        ("0 .1 .1 .5 .5 .9", "even"),
        ("0 .1 .1 nan .5 .9 .9", "0, 1"),
        ("0 .1 .1 1.5 .5 .9 .9", "0, 1"),
        ("0 .1 .1 -5 .5 .9 .9", "0, 1"),
        ("a .1 .1 .5 .5 .9 .9", "numbers"),
        ("0.5 .1 .1 .5 .5 .9 .9", "whole class"),
        ("nan .1 .1 .5 .5 .9 .9", "whole class"),
        ("inf .1 .1 .5 .5 .9 .9", "whole class"),
        ("9 .1 .1 .5 .5 .9 .9", "class of 0 to 1"),
        ("0", "3 points"),
        ("0 .1 .1", "3 points"),
    ],
)
def test_bad_yolo_lines_are_named(tmp_path, line, says):
    (tmp_path / "a.txt").write_text("0 .1 .1 .5 .1 .5 .5\n\n" + line + "\n")
    with pytest.raises(InputError, match=says) as error:
        read_yolo(tmp_path / "a.txt", (10, 10), STREET)
    assert "a.txt: line 3" in str(error.value)


@pytest.mark.real_data
def test_real_yolo_files_are_read(data):
    for path in sorted((data / "coco128-seg" / "labels").rglob("*.txt"))[:15]:
        found = read_yolo(path, (480, 640))
        assert len(found) == len(path.read_text().splitlines())
        assert all(i.area > 0 for i in found.instances)


# --- cut-out and measurements -----------------------------------------------------------------------------------------


def test_the_cut_out_keeps_the_objects_pixels_and_hides_the_rest(tmp_path):
    photo = image()
    write_cutout(tmp_path / "a.png", foreground(), photo)
    pixels = np.asarray(Pillow.open(tmp_path / "a.png"))
    assert np.array_equal(pixels[..., 3] == 255, RING != 1)
    assert set(np.unique(pixels[..., 3])) == {0, 255}
    assert np.array_equal(pixels[..., :3], photo.pixels)


def test_what_is_cut_out_of_results_without_background():
    ids = id_map("1222 1222 3333")
    assert np.array_equal(cut_mask(Segmentation.from_ids(ids)), ids == 2)  # the largest
    street = Segmentation.from_categories(id_map("0000 0077"), STREET)
    assert np.array_equal(cut_mask(street), id_map("0000 0011") == 1)  # things
    two = Instances.from_masks([ids == 1, ids == 3], shape=ids.shape)
    assert np.array_equal(cut_mask(two), ids != 2)
    assert not cut_mask(Instances(ids.shape, ())).any()


def table(path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_measurements_by_hand(tmp_path):
    ids = id_map("1111 1221 1221 1221")
    values = np.arange(16, dtype=np.uint16).reshape(4, 4) * 1000
    write_measurements(tmp_path / "a.csv", Segmentation.from_ids(ids, background=1), Image(values))
    background, block = table(tmp_path / "a.csv")
    assert background["name"] == "background"
    assert {k: block[k] for k in ("id", "category", "name", "score", "area")} == {
        "id": "2", "category": "", "name": "object", "score": "", "area": "6",
    }  # fmt: skip
    assert [block[k] for k in ("x0", "y0", "x1", "y1")] == ["1", "1", "3", "4"]
    assert (block["centroid_x"], block["centroid_y"]) == ("1.5", "2")
    # An upright block of 2 x 3 pixel centres: variances (2² - 1)/12 = 1/4 and (3² - 1)/12 = 2/3.
    assert float(block["eccentricity"]) == pytest.approx(math.sqrt(1 - (1 / 4) / (2 / 3)), abs=1e-5)
    assert block["solidity"] == "1"
    assert float(block["major_axis"]) == pytest.approx(4 * math.sqrt(2 / 3), abs=1e-5)
    assert float(block["minor_axis"]) == pytest.approx(4 * math.sqrt(1 / 4), abs=1e-5)
    # Values 5 6 / 9 10 / 13 14, in thousands.
    assert [block[f"{what}_grey"] for what in ("mean", "min", "max", "total")] == ["9500", "5000", "14000", "57000"]


def test_measurements_of_instances_that_overlap_and_touch_the_border(tmp_path):
    masks = [id_map("1100 1100 0000") > 0, id_map("0000 0111 0111") > 0]
    cells = Instances.from_masks(masks, shape=(3, 4), scores=[0.9, 0.25])
    write_measurements(tmp_path / "a.csv", cells, Image(np.arange(12, dtype=np.uint8).reshape(3, 4)))
    first, second = table(tmp_path / "a.csv")
    assert [first[k] for k in ("id", "score", "area", "x0", "y0", "x1", "y1")] == ["1", "0.9", "4", "0", "0", "2", "2"]
    assert first["total_grey"] == str(0 + 1 + 4 + 5)
    assert (second["id"], second["score"], second["total_grey"]) == ("2", "0.25", str(5 + 6 + 7 + 9 + 10 + 11))
    write_measurements(tmp_path / "none.csv", Instances((3, 4), ()), Image(np.zeros((3, 4), np.uint8)))
    assert table(tmp_path / "none.csv") == []


def test_measurements_agree_with_scikit_image_on_the_whole_map(tmp_path):
    from skimage.measure import regionprops

    partition = random_partition(2)
    photo = image(partition.shape)
    write_measurements(tmp_path / "a.csv", partition, photo)
    rows = {int(row["id"]): row for row in table(tmp_path / "a.csv")}
    for region in regionprops(partition.ids, photo.pixels):
        row = rows[region.label]
        assert float(row["centroid_y"]) == pytest.approx(region.centroid[0], rel=1e-5)
        assert float(row["perimeter"]) == pytest.approx(region.perimeter, rel=1e-5)
        assert float(row["mean_green"]) == pytest.approx(region.intensity_mean[1], rel=1e-5)
        if region.area > 20:
            assert float(row["solidity"]) == pytest.approx(region.solidity, rel=1e-5)
    assert len(rows) == len(partition)


def test_lines_and_points_have_measurements(tmp_path):
    write_measurements(
        tmp_path / "a.csv", Segmentation.from_ids(id_map("1222 3445 3445")), Image(np.zeros((3, 4), np.uint8))
    )
    rows = table(tmp_path / "a.csv")
    assert [row["solidity"] for row in rows] == ["1"] * 5
    assert [row["area"] for row in rows] == ["1", "3", "2", "4", "2"]


def test_an_image_of_another_size(tmp_path):
    for write in (write_cutout, write_measurements):
        with pytest.raises(KonturError, match="size"):
            write(tmp_path / "a", foreground(), image((5, 5)))


def test_instances_that_overlap_are_exported_whole(tmp_path):
    a, b = np.zeros((6, 8), bool), np.zeros((6, 8), bool)
    a[1:5, 1:5], b[2:6, 3:8] = True, True
    both = Instances((6, 8), (Instance(rle.encode(a), 7, 0.5), Instance(rle.encode(b), 0)), STREET)
    assert write_geojson(tmp_path / "a.geojson", both) == 0.0
    first, second = json.loads((tmp_path / "a.geojson").read_text())["features"]
    assert (first["properties"]["area"], second["properties"]["area"]) == (16, 20)
    write_yolo(tmp_path / "a.txt", both)
    found = read_yolo(tmp_path / "a.txt", (6, 8), STREET)
    assert np.array_equal(found.mask(0), a)
    assert np.array_equal(found.mask(1), b)
