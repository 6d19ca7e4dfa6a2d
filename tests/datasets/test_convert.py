"""Labels from form to form: what is lost is counted by hand on small drawings, and by pycocotools on real files."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image as PillowImage

from kontur.core import rle
from kontur.core.errors import InputError, KonturError, OutputError, UnknownName
from kontur.datasets.convert import FORMS, convert
from kontur.io.coco import read_coco

FOLDERS = ("labels", "labelme", "voc", "yolo")


def mask(text: str) -> np.ndarray:
    """Draw a mask: # inside, one word a row."""
    return np.array([[c == "#" for c in row] for row in text.split()])


RING = mask("###... #.#... ###... ...... ......")
PAIR = mask("...... ...... ....## ...... ##....")  # two parts
UNDER = mask("...... ...... ...### ...### ......")  # 6 pixels, two of which PAIR covers too
CROWD = mask("...... ...... ...... ...... ..####")


def coco_file(path, masks, *, crowds=(), categories=None, extra_image=False):
    annotations = [
        {
            "id": n + 1,
            "image_id": 40,
            "category_id": (categories or [3] * len(masks))[n],
            "segmentation": rle.to_coco(rle.encode(m)),
            "area": int(m.sum()),
            "bbox": [0, 0, 1, 1],
            "iscrowd": int(n in crowds),
        }
        for n, m in enumerate(masks)
    ]
    height, width = masks[0].shape
    images = [{"id": 40, "file_name": "deep/photo.jpg", "height": height, "width": width}]
    if extra_image:
        images.append({"id": 41, "file_name": "empty.jpg", "height": 2, "width": 3})
    names = [{"id": 3, "name": "cell"}, {"id": 8, "name": "nucleus, dark"}]
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": names}))
    return path


def masks_of(path):
    """Decoded by pycocotools, in the file's order: (mask, category, crowd)."""
    from pycocotools import mask as peer

    return [
        (peer.decode(a["segmentation"]).astype(bool), a["category_id"], a["iscrowd"])
        for a in json.loads(path.read_text())["annotations"]
    ]


# --- by hand ---------------------------------------------------------------------------------------------------------


def test_to_yolo_by_hand(tmp_path):
    source = coco_file(tmp_path / "a.json", [RING, PAIR, CROWD], crowds={2}, extra_image=True)
    done = convert(source, tmp_path / "yolo", source_form="coco", target_form="yolo").to_dict()
    told = {"images": 2, "regions": 3, "regions_changed": 2, "regions_vanished": 1, "holes": 1, "holes_filled": 1}
    told |= {"regions_split": 1, "extra_parts": 1, "crowds": 1, "crowds_lost": 1, "lossless": False}
    assert {k: done[k] for k in told} == told
    assert done["iou_loss"] == pytest.approx(
        (1 / 9 + 0 + 1) / 3
    )  # the ring of 8 pixels is filled to 9; the crowd is gone
    assert done["iou_loss_worst"] == 1
    assert done["images_with_loss"][0]["file_name"] == "deep/photo.jpg"
    lines = (tmp_path / "yolo" / "labels" / "deep" / "photo.txt").read_text().splitlines()
    assert [line.split()[0] for line in lines] == ["0"] * 3
    assert (tmp_path / "yolo" / "labels" / "empty.txt").read_text() == ""
    names = (tmp_path / "yolo" / "data.yaml").read_text()
    assert '0: "cell"\n  1: "nucleus, dark"' in names


def test_to_yolo_joined_keeps_parts_and_holes(tmp_path):
    source = coco_file(tmp_path / "a.json", [RING, PAIR], categories=[8, 3])
    done = convert(source, tmp_path / "yolo", source_form="coco", target_form="yolo", join=True)
    assert done.loss.lossless
    convert(tmp_path / "yolo", tmp_path / "b.json", source_form="yolo", target_form="coco")
    back = masks_of(tmp_path / "b.json")
    assert [(m.tolist(), c) for m, c, _ in back] == [(RING.tolist(), 8), (PAIR.tolist(), 3)]
    image = json.loads((tmp_path / "b.json").read_text())["images"][0]
    assert image == {"id": 40, "file_name": "deep/photo.jpg", "height": 5, "width": 6}


@pytest.mark.parametrize("form", ["labels", "voc", "coco-panoptic"])
def test_overlaps_by_hand(tmp_path, form):
    """Of regions that overlap the smaller lies on top: UNDER loses two of its six pixels."""
    source = coco_file(tmp_path / "a.json", [PAIR, UNDER, CROWD], crowds={2}, categories=[8, 3, 3])
    target = tmp_path / ("out.json" if form == "coco-panoptic" else "out")
    done = convert(source, target, source_form="coco", target_form=form).to_dict()
    assert done["overlap_pixels"] == 2
    assert done["regions_changed"] == 1
    assert done["iou_loss"] == pytest.approx((2 / 6) / 3)
    assert done["crowds_lost"] == done["regions_vanished"] == done["regions_split"] == 0
    assert done["background_pixels_made_void"] == (30 - 12 if form == "coco-panoptic" else 0)
    convert(target, tmp_path / "b.json", source_form=form, target_form="coco")
    back = {(c, crowd): m for m, c, crowd in masks_of(tmp_path / "b.json")}
    assert back[8, 0].tolist() == PAIR.tolist()
    assert back[3, 0].tolist() == (UNDER & ~PAIR).tolist()
    assert back[3, 1].tolist() == CROWD.tolist()


def test_labelme_loses_nothing(tmp_path):
    source = coco_file(tmp_path / "a.json", [RING, PAIR, UNDER, CROWD], crowds={3}, categories=[8, 3, 8, 3])
    done = convert(source, tmp_path / "out", source_form="coco", target_form="labelme")
    assert done.loss.lossless
    convert(tmp_path / "out", tmp_path / "b.json", source_form="labelme", target_form="coco")
    assert str(masks_of(tmp_path / "b.json")) == str(masks_of(source))
    shapes = json.loads((tmp_path / "out" / "deep" / "photo.json").read_text())["shapes"]
    assert [s["shape_type"] for s in shapes] == ["mask", "polygon", "polygon", "polygon", "polygon"]


def test_a_covered_region_is_told_as_gone(tmp_path):
    """Equal masks: the later one in the file lies on top, the other has no pixel left."""
    source = coco_file(tmp_path / "a.json", [RING, RING])
    done = convert(source, tmp_path / "out", source_form="coco", target_form="labels").to_dict()
    assert (done["regions_vanished"], done["iou_loss"], done["iou_loss_worst"]) == (1, 0.5, 1.0)


def test_the_ids_move_up_where_0_is_the_background(tmp_path):
    (tmp_path / "y" / "labels").mkdir(parents=True)
    (tmp_path / "y" / "images").mkdir()
    (tmp_path / "y" / "labels" / "p.txt").write_text("0 0 0 0.5 0 0.5 1 0 1\n1 0.5 0 1 0 1 1 0.5 1\n")
    (tmp_path / "y" / "data.yaml").write_text("path: x\nnames: ['road', 'car']  # two\n")
    PillowImage.new("RGB", (4, 2)).save(tmp_path / "y" / "images" / "p.png")
    done = convert(tmp_path / "y", tmp_path / "voc", source_form="yolo", target_form="voc")
    assert done.loss.lossless
    assert "one higher" in done.notes[0]
    classes = np.asarray(PillowImage.open(tmp_path / "voc" / "SegmentationClass" / "p.png"))
    assert classes.tolist() == [[1, 1, 2, 2]] * 2
    convert(tmp_path / "voc", tmp_path / "c.json", source_form="voc", target_form="coco")
    assert [c.name for c in read_coco(tmp_path / "c.json").taxonomy] == ["road", "car"]


def _grey(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    PillowImage.fromarray(np.array(values, np.uint8)).save(path)


def test_cityscapes_by_hand(tmp_path):
    """Label ids 7 road, 26 car, 6 ground -> train ids 0, 13, void; back, ground and the objects are gone."""
    _grey(tmp_path / "fine" / "aachen_0_0_gtFine_labelIds.png", [[7, 7, 6, 26, 26, 26, 0]])
    instances = np.array([[7, 7, 6, 26000, 26001, 26, 0]], np.uint16)
    PillowImage.fromarray(instances).save(tmp_path / "fine" / "aachen_0_0_gtFine_instanceIds.png")
    same = convert(tmp_path / "fine", tmp_path / "copy", source_form="cityscapes", target_form="cityscapes")
    assert same.loss.lossless
    for kind in ("labelIds", "instanceIds"):
        name = f"aachen_0_0_gtFine_{kind}.png"
        old, new = (np.asarray(PillowImage.open(tmp_path / f / name)) for f in ("fine", "copy"))
        assert old.tolist() == new.tolist()
    done = convert(tmp_path / "fine", tmp_path / "train", source_form="cityscapes", target_form="cityscapes-trainids")
    trained = np.asarray(PillowImage.open(tmp_path / "train" / "aachen_0_0_gtFine_labelTrainIds.png"))
    assert trained.tolist() == [[0, 0, 255, 13, 13, 13, 255]]
    told = done.to_dict()
    assert (told["regions_merged"], told["crowds_lost"], told["background_pixels_made_void"]) == (2, 1, 2)
    convert(tmp_path / "train", tmp_path / "back", source_form="cityscapes-trainids", target_form="cityscapes")
    labels = np.asarray(PillowImage.open(tmp_path / "back" / "aachen_0_0_gtFine_labelIds.png"))
    assert labels.tolist() == [[7, 7, 0, 26, 26, 26, 0]]


def test_cityscapes_ids_are_not_guessed(tmp_path):
    _grey(tmp_path / "a" / "x_labelIds.png", [[7, 255]])
    with pytest.raises(InputError, match="may hold train ids"):
        convert(tmp_path / "a", tmp_path / "b", source_form="cityscapes", target_form="labels")
    source = coco_file(tmp_path / "a.json", [RING])
    with pytest.raises(InputError, match=r"expected those of Cityscapes .* got cell, nucleus"):
        convert(source, tmp_path / "b", source_form="coco", target_form="cityscapes")


def test_results_of_kontur_segment_are_read(tmp_path):
    """<photo>.labels.png and <photo>.json as `kontur segment` writes them: objects without categories, a background."""
    from kontur.core.segmentation import Segmentation
    from kontur.io.documents import write_document
    from kontur.io.labels import write_labels

    result = Segmentation.from_objects(np.array([[0, 1, 1], [0, 0, 2]]))
    write_labels(tmp_path / "m" / "p.labels.png", result.ids)
    write_document(tmp_path / "m" / "p.json", result)
    done = convert(tmp_path / "m", tmp_path / "c.json", source_form="labels", target_form="coco")
    assert done.loss.lossless
    assert [m.tolist() for m, *_ in masks_of(tmp_path / "c.json")] == [
        [[False, True, True], [False, False, False]],
        [[False, False, False], [False, False, True]],
    ]
    assert [c.name for c in read_coco(tmp_path / "c.json").taxonomy] == ["object"]


def test_category_pngs_are_read_with_a_taxonomy(tmp_path):
    _grey(tmp_path / "m" / "x.png", [[0, 1, 255], [0, 2, 2]])
    taxonomy = {"categories": [{"id": 0, "name": "sky"}, {"id": 1, "name": "tree"}, {"id": 2, "name": "car"}]}
    (tmp_path / "m" / "taxonomy.json").write_text(json.dumps(taxonomy))
    done = convert(tmp_path / "m", tmp_path / "c.json", source_form="labels", target_form="coco")
    assert done.loss.void_lost == 1
    assert [(c, m.tolist()) for m, c, _ in masks_of(tmp_path / "c.json")] == [
        (0, [[True, False, False], [True, False, False]]),
        (1, [[False, True, False], [False, False, False]]),
        (2, [[False, False, False], [False, True, True]]),
    ]


# --- real data -------------------------------------------------------------------------------------------------------


def _loss_by_pycocotools(before, after):
    """The mean of 1 - IoU over regions in the same order."""
    from pycocotools import mask as peer

    assert len(before) == len(after)
    losses = []
    for (one, *_), (other, *_) in zip(before, after):
        a, b = (peer.encode(np.asfortranarray(m.astype(np.uint8))) for m in (one, other))
        losses.append(1 - float(peer.iou([a], [b], [0])[0, 0]))
    return float(np.mean(losses))


@pytest.fixture
def tiny(data, tmp_path):
    """coco-tiny's validation file with its polygons filled by pycocotools, so that files compare directly."""
    from pycocotools import mask as peer

    content = json.loads((data / "coco-tiny" / "annotations" / "instances_val2017.json").read_text())
    sizes = {i["id"]: (i["height"], i["width"]) for i in content["images"]}
    for row in content["annotations"]:
        runs, size = row["segmentation"], sizes[row["image_id"]]
        if isinstance(runs, list):
            runs = peer.merge(peer.frPyObjects(runs, *size))
        elif isinstance(runs["counts"], list):
            runs = peer.frPyObjects(runs, *size)
        row["segmentation"] = {"size": list(size), "counts": runs["counts"].decode()}
    order = [i["id"] for i in content["images"]]
    content["annotations"].sort(key=lambda a: order.index(a["image_id"]))
    path = tmp_path / "filled.json"
    path.write_text(json.dumps(content))
    return data / "coco-tiny" / "annotations" / "instances_val2017.json", path


@pytest.mark.real_data
@pytest.mark.parametrize("form", ["labels", "labelme", "voc", "coco-panoptic"])
def test_coco_there_and_back_loses_what_was_told(tiny, tmp_path, form):
    source, filled = tiny
    middle = tmp_path / ("middle.json" if form == "coco-panoptic" else "middle")
    done = convert(source, middle, source_form="coco", target_form=form)
    again = convert(middle, tmp_path / "back.json", source_form=form, target_form="coco")
    assert (again.loss.changed, again.loss.crowds) == (0, done.loss.crowds)
    before, after = masks_of(filled), masks_of(tmp_path / "back.json")
    if form == "voc":  # its object numbers put the crowds behind the objects of their image
        before, after = ([r for r in rows if not r[2]] for rows in (before, after))
    else:
        assert [r[1:] for r in before] == [r[1:] for r in after]
        assert done.loss.iou_loss == pytest.approx(_loss_by_pycocotools(before, after), abs=1e-12)
    changed = sum(not np.array_equal(a[0], b[0]) for a, b in zip(before, after))
    if form == "labelme":
        assert changed == 0
        assert done.loss.lossless
    elif form != "voc":
        assert changed == done.loss.changed > 0
    images = [json.loads(p.read_text())["images"] for p in (filled, tmp_path / "back.json")]
    assert [(i["id"], i["file_name"]) for i in images[0]] == [(i["id"], i["file_name"]) for i in images[1]]


@pytest.mark.real_data
def test_coco_to_yolo_and_back(tiny, tmp_path):
    source, filled = tiny
    before = masks_of(filled)
    done = convert(source, tmp_path / "joined", source_form="coco", target_form="yolo", join=True)
    convert(tmp_path / "joined", tmp_path / "joined.json", source_form="yolo", target_form="coco")
    kept = [r for r in before if not r[2]]
    after = masks_of(tmp_path / "joined.json")
    assert [r[1] for r in kept] == [r[1] for r in after]
    assert all(np.array_equal(a[0], b[0]) for a, b in zip(kept, after))  # only the crowds are gone
    assert done.loss.changed == done.loss.vanished == done.loss.crowds_lost == len(before) - len(kept) == 5

    plain = convert(source, tmp_path / "plain", source_form="coco", target_form="yolo").loss
    convert(tmp_path / "plain", tmp_path / "plain.json", source_form="yolo", target_form="coco")
    lines = masks_of(tmp_path / "plain.json")
    assert len(lines) == sum(_parts(r[0]) for r in kept)  # a line a part
    position, merged = 0, []
    for one in kept:
        count = _parts(one[0])
        merged.append((np.any([m for m, *_ in lines[position : position + count]], axis=0),))
        position += count
    by_peer = (_loss_by_pycocotools(kept, merged) * len(kept) + plain.crowds_lost) / len(before)
    assert plain.iou_loss == pytest.approx(by_peer, abs=1e-12)
    assert plain.split == sum(_parts(r[0]) > 1 for r in kept)


def _parts(region):
    import cv2

    return cv2.connectedComponents(region.astype(np.uint8), connectivity=4)[0] - 1


@pytest.mark.real_data
@pytest.mark.parametrize("form", ["labels", "labelme", "voc"])
def test_a_panoptic_file_there_and_back_is_equal(data, tmp_path, form):
    source = data / "coco-panoptic-sample" / "panoptic_examples.json"
    done = convert(source, tmp_path / "middle", source_form="coco-panoptic", target_form=form)
    assert done.loss.lossless
    assert (done.loss.regions, done.loss.crowds) == (50, 3)
    convert(tmp_path / "middle", tmp_path / "back.json", source_form=form, target_form="coco-panoptic")
    before, after = json.loads(source.read_text()), json.loads((tmp_path / "back.json").read_text())
    for one, other in zip(before["annotations"], after["annotations"]):
        assert (one["image_id"], one["file_name"]) == (other["image_id"], other["file_name"])
        old = np.asarray(PillowImage.open(source.with_suffix("") / one["file_name"]).convert("RGB")).astype(int)
        new = np.asarray(PillowImage.open(tmp_path / "back" / other["file_name"])).astype(int)
        pairs = np.unique(np.stack([i @ [1, 256, 65536] for i in (old, new)]).reshape(2, -1), axis=1).T
        assert len({a for a, _ in pairs}) == len({b for _, b in pairs}) == len(pairs)  # one new id for each old one
        named = dict(pairs.tolist())
        assert named.get(0, 0) == 0
        told = {named[s["id"]]: (s["category_id"], s["area"], s["bbox"], s["iscrowd"]) for s in one["segments_info"]}
        assert told == {s["id"]: (s["category_id"], s["area"], s["bbox"], s["iscrowd"]) for s in other["segments_info"]}


@pytest.mark.real_data
@pytest.mark.parametrize("form", ["labels", "labelme"])
def test_voc_there_and_back_is_equal(data, tmp_path, form):
    source = data / "voc-sample" / "VOC2012"
    done = convert(source, tmp_path / "middle", source_form="voc", target_form=form)
    assert done.loss.lossless
    convert(tmp_path / "middle", tmp_path / "back", source_form=form, target_form="voc")
    for path in sorted((source / "SegmentationClass").glob("*.png")):
        classes, objects = (
            [
                np.asarray(PillowImage.open(root / folder / path.name)).astype(int)
                for root in (source, tmp_path / "back")
            ]
            for folder in ("SegmentationClass", "SegmentationObject")
        )
        assert np.array_equal(*classes), path.name
        assert (objects[1][classes[0] == 255] == 255).all()  # as in VOC's own files; the sample has 0 there
        counted = classes[0] != 255
        pairs = np.unique(np.stack([o[counted] for o in objects]), axis=1).T
        assert len({x for x, _ in pairs}) == len({y for _, y in pairs}) == len(pairs)  # renumbered from 1, nothing else


@pytest.mark.real_data
def test_yolo_polygons_become_coco_masks(data, tmp_path):
    """Each of the polygons of files with a photo, filled by pycocotools' rule."""
    from pycocotools import mask as peer

    done = convert(data / "coco128-seg", tmp_path / "c.json", source_form="yolo", target_form="coco", skip_missing=True)
    assert (done.loss.images, done.loss.regions) == (128, 929)
    assert done.loss.lossless
    file = read_coco(tmp_path / "c.json")
    for image in file.images[:40]:
        text = (data / "coco128-seg" / "labels" / image.file_name).with_suffix(".txt")
        lines = text.read_text().splitlines() if text.exists() else []
        for line, annotation in zip(lines, file.of_image(image.id), strict=True):
            points = np.array(line.split()[1:], float).reshape(-1, 2) * [image.width, image.height]
            (runs,) = peer.frPyObjects([points.ravel().tolist()], image.height, image.width)
            assert np.array_equal(peer.decode(runs).astype(bool), rle.decode(annotation.mask))


# --- errors ----------------------------------------------------------------------------------------------------------


def test_nothing_is_overwritten_without_being_told(tmp_path):
    source = coco_file(tmp_path / "a.json", [RING])
    convert(source, tmp_path / "out", source_form="coco", target_form="labels")
    with pytest.raises(OutputError, match="exists already"):
        convert(source, tmp_path / "out", source_form="coco", target_form="labels")
    other = tmp_path / "out" / "notes.txt"
    other.write_text("kept")
    convert(source, tmp_path / "out", source_form="coco", target_form="labels", force=True)
    assert other.read_text() == "kept"
    with pytest.raises(OutputError, match="another place"):
        convert(source, source, source_form="coco", target_form="coco", force=True)


def test_a_failure_leaves_nothing(tmp_path):
    (tmp_path / "y").mkdir()
    (tmp_path / "y" / "a.txt").write_text("0 0 0 1 0 1 1\n")
    (tmp_path / "y" / "b.txt").write_text("0 0 0 1 0 nan 1\n")
    for name in "ab":
        PillowImage.new("RGB", (4, 4)).save(tmp_path / "y" / f"{name}.png")
    before = sorted(p.name for p in tmp_path.iterdir())
    with pytest.raises(InputError, match=r"b\.txt: line 1"):
        convert(tmp_path / "y", tmp_path / "out", source_form="yolo", target_form="labels", images=tmp_path / "y")
    assert sorted(p.name for p in tmp_path.iterdir()) == before


@pytest.mark.parametrize("form", sorted(FORMS))
def test_sources_that_are_no_such_form(tmp_path, form):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.json").write_text('{"a": 1}')
    (tmp_path / "broken.json").write_text('{"a"')
    for source in ("none", "empty", "text.json", "broken.json"):
        with pytest.raises(KonturError) as caught:
            convert(tmp_path / source, tmp_path / "out.d", source_form=form, target_form="labels")
        assert "\n" not in str(caught.value)
        assert not (tmp_path / "out.d").exists()


def test_form_names_are_checked(tmp_path):
    source = coco_file(tmp_path / "a.json", [RING])
    with pytest.raises(UnknownName, match="label form named 'yolov8'"):
        convert(source, tmp_path / "out", source_form="coco", target_form="yolov8")
    with pytest.raises(OutputError, match="JSON file"):
        convert(source, tmp_path / "out", source_form="coco", target_form="coco")


def test_photos_of_one_name_are_refused(tmp_path):
    source = coco_file(tmp_path / "a.json", [RING], extra_image=True)
    content = json.loads(source.read_text())
    content["images"][1]["file_name"] = "deep/photo.png"
    source.write_text(json.dumps(content))
    for form in FOLDERS:
        with pytest.raises(InputError, match="name once"):
            convert(source, tmp_path / form, source_form="coco", target_form=form)
    content["images"][1]["file_name"] = "../../evil.png"
    source.write_text(json.dumps(content))
    with pytest.raises(InputError, match="inside its folder"):
        convert(source, tmp_path / "labels", source_form="coco", target_form="labels")


def test_a_folder_below_labels_finds_its_photos(tmp_path):
    for folder in ("labels/val", "images/val", "images/train"):
        (tmp_path / "y" / folder).mkdir(parents=True)
    (tmp_path / "y" / "labels" / "val" / "p.txt").write_text("0 0 0 1 0 1 1 0 1\n")
    for name in ("val/p.png", "val/nothing.png", "train/other.png"):
        PillowImage.new("RGB", (4, 2)).save(tmp_path / "y" / "images" / name)
    done = convert(tmp_path / "y" / "labels" / "val", tmp_path / "c.json", source_form="yolo", target_form="coco")
    assert (done.loss.images, done.loss.regions) == (2, 1)  # a photo without a label file shows nothing
    assert [i.file_name for i in read_coco(tmp_path / "c.json").images] == ["nothing.png", "p.png"]


@pytest.mark.parametrize("value", [None, {}, [], "x", -1, 1.5, 10**30])
@pytest.mark.parametrize("key", ["id", "category"])
def test_odd_segments_of_a_label_png(tmp_path, key, value):
    """Found by 1,500 random changes to the JSON of every form."""
    convert(coco_file(tmp_path / "a.json", [RING]), tmp_path / "m", source_form="coco", target_form="labels")
    path = tmp_path / "m" / "deep" / "photo.json"
    content = json.loads(path.read_text())
    content["segments"][0][key] = value
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"photo\.labels\.png"):
        convert(tmp_path / "m", tmp_path / "b.json", source_form="labels", target_form="coco")
