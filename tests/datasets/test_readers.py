"""Ids, names and splits by hand: what the traps of other projects would get wrong is asserted here."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from kontur import Taxonomy, datasets
from kontur.core.errors import InputError, OptionError, UnknownName, UnreadableFile
from kontur.datasets import cityscapes, coco_names, voc


def save(path, pixels, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels, np.uint8)).save(path, **options)


GREY = np.full((2, 3, 3), 90, np.uint8)


# --- your own ---------------------------------------------------------------------------------------------------------


def plants(root):
    for split in ("train", "val"):
        save(root / "images" / split / "a.png", GREY)
        save(root / "masks" / split / "a.png", [[0, 1, 2], [255, 1, 1]])


def test_a_data_set_of_ones_own_in_five_lines(tmp_path):
    plants(tmp_path / "plants")
    seen = []
    root = tmp_path / "plants"
    # The five lines of docs/datasets.md.
    leaves = datasets.open("folder", root, split="train", classes=["background", "leaf", "rust"])
    for image, target, name in leaves:
        seen.append((image.shape, target.tolist(), name))
    assert seen == [((2, 3), [[0, 1, 2], [255, 1, 1]], "a")]
    assert [c.name for c in leaves.taxonomy] == ["background", "leaf", "rust"]


def test_masks_without_names_are_refused_with_the_cure(tmp_path):
    plants(tmp_path)
    with pytest.raises(OptionError, match="classes="):
        datasets.open("folder", tmp_path)


def test_an_id_outside_the_taxonomy_names_file_value_and_count(tmp_path):
    plants(tmp_path)
    leaves = datasets.open("folder", tmp_path, split="train", classes=["background", "leaf"])
    with pytest.raises(InputError, match=r"train/a\.png: expected the values 0, 1, 255, got 2 \(1 pixels\)"):
        leaves[0]


def test_wide_ids_are_not_cut_to_8_bits(tmp_path):
    save(tmp_path / "images" / "a.png", GREY)
    (tmp_path / "masks").mkdir()
    Image.fromarray(np.array([[0, 300, 1], [0, 0, 44]], np.uint16)).save(tmp_path / "masks" / "a.png")
    taxonomy = Taxonomy.from_names([str(n) for n in range(301)], ignore=None)
    assert datasets.open("folder", tmp_path, taxonomy=taxonomy)[0].target.tolist() == [[0, 300, 1], [0, 0, 44]]


def test_masks_with_a_common_ending_are_found(tmp_path):
    save(tmp_path / "images" / "a.jpg", GREY)
    save(tmp_path / "masks" / "a_mask.png", np.zeros((2, 3)))
    assert datasets.open("folder", tmp_path, classes=["ground"]).names == ("a",)


def test_names_join_and_positions_do_not(tmp_path):
    """A file lists the classes in another order than the taxonomy: ids follow the names."""
    plants(tmp_path)
    (tmp_path / "classes.txt").write_text("rust\nleaf\nbackground\n")
    taxonomy = Taxonomy.from_names(["background", "leaf", "rust"])
    target = datasets.open("folder", tmp_path, split="val", taxonomy=taxonomy)[0].target
    assert target.tolist() == [[2, 1, 0], [255, 1, 1]]


def test_a_misspelt_name_is_an_error_not_a_shift(tmp_path):
    plants(tmp_path)
    (tmp_path / "classes.txt").write_text("background\nlaef\nrust\n")
    with pytest.raises(InputError, match=r"misspelt_class \(laef\)"):
        datasets.open("folder", tmp_path, taxonomy=Taxonomy.from_names(["background", "leaf", "rust"]))


def test_images_without_a_mask_are_an_error(tmp_path):
    plants(tmp_path)
    (tmp_path / "masks" / "val" / "a.png").unlink()
    save(tmp_path / "masks" / "val" / "b.png", np.zeros((2, 3)))
    with pytest.raises(InputError, match=r"val/a\.png: missing_mask"):
        datasets.open("folder", tmp_path, classes=["background", "leaf", "rust"])


def test_an_exif_rotation_turns_image_and_target_or_is_an_error(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    upright = np.arange(6).reshape(2, 3)
    save(tmp_path / "images" / "a.png", np.rot90(upright)[..., None].repeat(3, 2) * 40, exif=exif)
    save(tmp_path / "masks" / "a.png", np.rot90(upright), exif=exif)
    image, target, _ = datasets.open("folder", tmp_path, classes=list("abcdef"))[0]
    assert image.pixels[..., 0].tolist() == (upright * 40).tolist()
    assert target.tolist() == upright.tolist()
    save(tmp_path / "masks" / "a.png", np.rot90(upright))
    with pytest.raises(InputError, match="EXIF orientation"):
        datasets.open("folder", tmp_path, classes=list("abcdef"))[0]


def test_yolo_classes_join_by_the_names_of_data_yaml(tmp_path):
    save(tmp_path / "images" / "a.png", np.zeros((10, 20, 3)))
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "a.txt").write_text("1 0 0 0.5 0 0.5 1 0 1\n")
    for names in (
        "names: [rust, leaf]\n",
        "names:\n  0: rust\n  1: 'leaf'\nnc: 2\n",
        "names:\n- rust\n- leaf\n",
        "names: {0: rust, 1: leaf}\n",
    ):
        (tmp_path / "data.yaml").write_text("train: images\n" + names)
        found = datasets.open("folder", tmp_path, taxonomy=Taxonomy.from_names(["leaf", "rust"]))[0].target
        assert [(i.category, i.area) for i in found.instances] == [(0, 100)]


def test_a_data_yaml_that_makes_no_sense_is_an_error(tmp_path):
    plants(tmp_path)
    (tmp_path / "data.yaml").write_text("names: {leaf, rust}\n")
    with pytest.raises(InputError, match="expected names as a list"):
        datasets.open("folder", tmp_path)


def test_labelme_labels_join_by_name(tmp_path):
    save(tmp_path / "a.png", np.zeros((10, 20, 3)))
    shape = {"label": "leaf", "points": [[0, 0], [10, 0], [10, 10], [0, 10]], "shape_type": "polygon"}
    content = {"shapes": [shape], "imagePath": "a.png", "imageHeight": 10, "imageWidth": 20}
    (tmp_path / "a.json").write_text(json.dumps(content))
    found = datasets.open("folder", tmp_path, taxonomy=Taxonomy.from_names(["rust", "leaf"]))[0].target
    assert [(i.category, i.area) for i in found.instances] == [(1, 100)]
    with pytest.raises(InputError, match=r"misspelt_class \(leaf\)"):
        datasets.open("folder", tmp_path, taxonomy=Taxonomy.from_names(["leav"]))


def test_one_coco_file_is_a_data_set(tmp_path):
    save(tmp_path / "images" / "a.png", np.zeros((10, 20, 3)))
    row = {"id": 1, "image_id": 5, "category_id": 9, "segmentation": [[0, 0, 10, 0, 10, 10, 0, 10]], "iscrowd": 0}
    content = {"images": [{"id": 5, "file_name": "a.png", "height": 10, "width": 20}], "annotations": [row]}
    (tmp_path / "mine.json").write_text(json.dumps(content | {"categories": [{"id": 9, "name": "leaf"}]}))
    for root in (tmp_path, tmp_path / "mine.json"):
        assert [(i.category, i.area) for i in datasets.open("folder", root)[0].target.instances] == [(9, 100)]
    found = datasets.open("folder", tmp_path, taxonomy=Taxonomy.from_names(["rust", "leaf"]))[0].target
    assert found.instances[0].category == 1


# --- names and errors --------------------------------------------------------------------------------------------------


def test_wrong_names_suggest_the_nearest(tmp_path):
    plants(tmp_path)
    with pytest.raises(UnknownName, match=r"no data set named 'camvit'.*'camvid'"):
        datasets.open("camvit", tmp_path)
    with pytest.raises(UnknownName, match=r"no split named 'trian'\. Did you mean 'train'"):
        datasets.open("folder", tmp_path, split="trian", classes=["a", "b", "c"])
    with pytest.raises(UnreadableFile, match="no such folder"):
        datasets.open("voc", tmp_path / "nowhere")
    with pytest.raises(OptionError, match="colour"):
        datasets.open("camvid", tmp_path, colour=3)


@pytest.mark.parametrize("name", [n for n in datasets.NAMES if n != "folder"])
def test_a_folder_of_another_form_says_what_was_expected(name, tmp_path):
    (tmp_path / "something").mkdir()
    with pytest.raises(UnreadableFile, match="expected"):
        datasets.open(name, tmp_path)


# --- VOC -----------------------------------------------------------------------------------------------------------------


def voc_folder(root, masks="SegmentationClass", lists=("train",)):
    for name in ("x", "y"):
        save(root / "JPEGImages" / f"{name}.jpg", GREY)
        picture = Image.fromarray(np.array([[0, 15, 255], [1, 15, 20]], np.uint8))
        picture.putpalette([c for n in range(256) for c in voc.voc_colour(n)])
        (root / masks).mkdir(parents=True, exist_ok=True)
        picture.save(root / masks / f"{name}.png")
    (root / "ImageSets" / "Segmentation").mkdir(parents=True)
    for split in lists:
        (root / "ImageSets" / "Segmentation" / f"{split}.txt").write_text("y\nx\n")


def test_voc_palettes_are_read_as_indices_in_the_order_of_the_list(tmp_path):
    voc_folder(tmp_path)
    found = datasets.open("voc", tmp_path, "train")
    assert found.names == ("y", "x")
    assert found[0].target.tolist() == [[0, 15, 255], [1, 15, 20]]
    assert found.taxonomy[15].name == "person"
    assert any("2 of the whole set's 1464" in note for note in found.notes)


def test_the_class_masks_are_not_taken_for_the_augmented_set(tmp_path):
    voc_folder(tmp_path, lists=("train", "train_aug"))
    with pytest.raises(UnreadableFile, match="SegmentationClassAug"):
        datasets.open("voc_augmented", tmp_path)
    voc_folder(tmp_path / "aug", masks="SegmentationClassAug", lists=())
    with pytest.raises(UnreadableFile, match=r"train_aug\.txt"):
        datasets.open("voc_augmented", tmp_path / "aug")
    names = [f"n{n}" for n in range(1464)]
    (tmp_path / "aug" / "ImageSets" / "Segmentation" / "train_aug.txt").write_text("\n".join(names))
    with pytest.raises(InputError, match="10,582"):
        datasets.open("voc_augmented", tmp_path / "aug")


# --- Cityscapes ------------------------------------------------------------------------------------------------------------


def city(root, ids, ending="labelIds", split="train"):
    name = "ulm_000001_000019"
    save(root / "leftImg8bit" / split / "ulm" / f"{name}_leftImg8bit.png", GREY)
    save(root / "gtFine" / split / "ulm" / f"{name}_gtFine_{ending}.png", ids)


def test_cityscapes_label_ids_become_train_ids(tmp_path):
    city(tmp_path, [[7, 8, 33], [0, 29, 26]])
    _, target, name = datasets.open("cityscapes", tmp_path)[0]
    assert target.tolist() == [[0, 1, 18], [255, 255, 13]]
    assert name == "ulm/ulm_000001_000019"


def test_train_ids_are_told_and_refused(tmp_path):
    city(tmp_path / "a", [[0, 1, 18], [255, 255, 13]], "labelTrainIds")
    with pytest.raises(UnreadableFile, match="trainIds files only"):
        datasets.open("cityscapes", tmp_path / "a")
    city(tmp_path / "b", [[0, 1, 18], [255, 255, 13]])
    with pytest.raises(InputError, match=r"255 \(2 pixels\): it holds train ids"):
        datasets.open("cityscapes", tmp_path / "b")[0]


def city_of_objects(root, ids):
    """Cars 26001 and 26002, a group of cars, road, a caravan (29, which does not count), unlabeled."""
    city(root, np.zeros((2, 3)), "color")
    path = root / "gtFine" / "train" / "ulm" / "ulm_000001_000019_gtFine_instanceIds.png"
    Image.fromarray(np.array(ids, np.uint16)).save(path)


def test_cityscapes_things_and_stuff(tmp_path):
    city_of_objects(tmp_path, [[26001, 26002, 26], [7, 29000, 0]])
    truth = datasets.open("cityscapes_panoptic", tmp_path)
    segments = truth[0].target
    assert segments.ids.tolist() == [[26001, 26002, 26], [7, 0, 0]]
    assert [(s.id, segments.taxonomy[s.category].name) for s in segments.segments] == [
        (7, "road"),
        (26, "car"),
        (26001, "car"),
        (26002, "car"),
    ]
    assert truth.layout.crowds(segments, truth.pairs[0]) == {26}
    things = datasets.open("cityscapes_objects", tmp_path)
    objects = things[0].target
    group = things.layout.crowd_objects(things.pairs[0])
    assert [i.box for i in group.instances] == [(2, 0, 3, 1)]
    assert [objects.taxonomy[i.category].name for i in objects.instances] == ["car", "car"]
    assert [objects.mask(n).tolist() for n in range(2)] == [
        [[True, False, False], [False] * 3],
        [[False, True, False], [False] * 3],
    ]
    assert not datasets.check("cityscapes_panoptic", tmp_path).findings


def test_cityscapes_segments_are_those_of_the_benchmarks_conversion(tmp_path, capsys):
    conversion = pytest.importorskip("cityscapesscripts.preparation.createPanopticImgs")
    rng = np.random.default_rng(0)
    kinds = [*range(34), 24000, 24001, 26000, 26007, 27999, 29000, 30001, 33000]
    city_of_objects(tmp_path, rng.choice(kinds, (40, 60)))
    save(tmp_path / "leftImg8bit" / "train" / "ulm" / "ulm_000001_000019_leftImg8bit.png", np.zeros((40, 60, 3)))
    conversion.convert2panoptic(str(tmp_path / "gtFine"), str(tmp_path), useTrainId=True, setNames=["train"])
    row = json.loads((tmp_path / "cityscapes_panoptic_train_trainId.json").read_text())["annotations"][0]
    truth = datasets.open("cityscapes_panoptic", tmp_path)
    segments = truth[0].target
    png = np.array(Image.open(tmp_path / "cityscapes_panoptic_train_trainId" / row["file_name"])).astype(int)
    assert (segments.ids == png @ [1, 256, 65536]).all()
    told = {s["id"]: (s["category_id"], s["area"]) for s in row["segments_info"]}
    assert {s.id: (s.category, s.area) for s in segments.segments} == told
    crowds = {s["id"] for s in row["segments_info"] if s["iscrowd"]}
    assert truth.layout.crowds(segments, truth.pairs[0]) == crowds
    assert crowds


def test_a_number_that_is_no_instance_id_is_told(tmp_path):
    city_of_objects(tmp_path, [[7001, 34, 7], [7, 7, 7]])  # roads are not counted, label 34 does not exist
    with pytest.raises(InputError, match=r"got \[34, 7001\]"):
        datasets.open("cityscapes_panoptic", tmp_path)[0]
    assert [f.kind for f in datasets.check("cityscapes_objects", tmp_path).findings] == ["id_outside_taxonomy"] * 2


def test_the_withheld_truth_of_the_test_split_is_all_ignored(tmp_path):
    city(tmp_path, [[7, 7, 7], [7, 7, 7]])
    save(tmp_path / "leftImg8bit" / "test" / "bonn" / "bonn_000000_000019_leftImg8bit.png", GREY)
    assert (datasets.open("cityscapes", tmp_path, "test")[0].target == 255).all()


def test_a_submission_holds_label_ids(tmp_path):
    city(tmp_path, [[7, 8, 33], [23, 31, 26]])
    target = datasets.open("cityscapes", tmp_path)[0].target
    cityscapes.write_submission(tmp_path / "out.png", target)
    assert np.array(Image.open(tmp_path / "out.png")).tolist() == [[7, 8, 33], [23, 31, 26]]
    with pytest.raises(InputError, match="label ids already"):
        cityscapes.write_submission(tmp_path / "out.png", np.array([[33]]))


def test_the_label_table_is_the_official_one():
    labels = pytest.importorskip("cityscapesscripts.helpers.labels").labels
    official = [
        (label.name, label.id, label.trainId, label.hasInstances, label.color) for label in labels if label.id >= 0
    ]
    assert [tuple(label) for label in cityscapes.LABELS] == official


# --- CamVid's original masks, COCO-Stuff --------------------------------------------------------------------------------------


def test_camvid_in_its_original_colours(tmp_path):
    save(tmp_path / "701_StillsRaw_full" / "a.png", GREY)
    colours = [[(128, 128, 128), (64, 0, 128), (0, 0, 0)], [(128, 64, 128), (192, 192, 0), (64, 192, 0)]]
    save(tmp_path / "LabeledApproved_full" / "a_L.png", colours)
    found = datasets.open("camvid32", tmp_path)
    names = [[found.taxonomy[i].name if i != 255 else "Void" for i in row] for row in found[0].target.tolist()]
    assert names == [["Sky", "Car", "Void"], ["Road", "VegetationMisc", "Wall"]]
    assert len(found.taxonomy) == 31
    colours[0][0] = (128, 128, 127)
    save(tmp_path / "LabeledApproved_full" / "a_L.png", colours)
    with pytest.raises(InputError, match=r"#80807f \(1 pixels\)"):
        found[0]


def test_coco_stuff_has_182_names_and_the_80_things_their_published_ids(tmp_path):
    assert len(coco_names.STUFF_AND_THINGS) == 182
    assert len(coco_names.THINGS) == 80
    assert (coco_names.THINGS[1], coco_names.THINGS[90], coco_names.STUFF_AND_THINGS[181]) == (
        "person",
        "toothbrush",
        "wood",
    )
    save(tmp_path / "val2017" / "a.jpg", GREY)
    save(tmp_path / "stuffthingmaps" / "val2017" / "a.png", [[0, 181, 255], [89, 91, 91]])
    found = datasets.open("coco_stuff", tmp_path, "val2017")
    assert found[0].target.tolist() == [[0, 181, 255], [89, 91, 91]]
    assert found.taxonomy[91].name == "banner"


@pytest.mark.real_data
def test_the_80_names_are_those_of_the_real_file(data):
    rows = json.loads((data / "coco-tiny" / "annotations" / "instances_val2017.json").read_text())["categories"]
    assert {row["id"]: row["name"] for row in rows} == coco_names.THINGS


# --- any input -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (3, 5)])
def test_pictures_of_any_size_are_read_and_checked(size, tmp_path):
    rng = np.random.default_rng(3)
    masks = {}
    for name in "abcde":
        masks[name] = rng.integers(1, 3, size).astype(np.uint8)
        save(tmp_path / "images" / f"{name}.png", rng.integers(0, 256, (*size, 3)))
        save(tmp_path / "masks" / f"{name}.png", masks[name])
    for name, target in ((n, t) for _, t, n in datasets.open("folder", tmp_path, classes=["a", "b", "c"])):
        assert target.tolist() == masks[name].tolist()
    assert datasets.check("folder", tmp_path, classes=["a", "b", "c"]).findings == ()


def test_negative_and_huge_ids_are_told(tmp_path):
    save(tmp_path / "images" / "a.png", GREY)
    (tmp_path / "masks").mkdir()
    for value in (-1, 70_000, 2**31 - 1):
        Image.fromarray(np.array([[0, 1, value], [0, 0, 1]], np.int32)).save(tmp_path / "masks" / "a.tif")
        with pytest.raises(InputError, match=f"got {value}"):
            datasets.open("folder", tmp_path, classes=["a", "b"])[0]
        report = datasets.check("folder", tmp_path, classes=["a", "b"])
        found = [(f.file, f.kind, f.value, f.count) for f in report.findings]
        assert found == [("masks/a.tif", "id_outside_taxonomy", value, 1)]


def test_a_list_that_is_no_text_is_refused(tmp_path):
    voc_folder(tmp_path)
    (tmp_path / "ImageSets" / "Segmentation" / "train.txt").write_bytes(b"\xff\xfe\x80")
    with pytest.raises(UnreadableFile, match=r"train\.txt: expected a text file"):
        datasets.open("voc", tmp_path, "train")
