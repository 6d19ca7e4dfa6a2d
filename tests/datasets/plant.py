"""Small made-up data sets, sound ones and ones with a fault; knows nothing of Kontur, so that it can judge its checker.

A fault is a function (root, rng) -> (kind, file): it spoils one file at random in the sound data set at `root`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

HEIGHT, WIDTH = 60, 84
CLASSES = 11
COLOURS = np.array(
    [
        [150, 190, 240],
        [140, 70, 60],
        [220, 220, 140],
        [90, 90, 95],
        [170, 140, 190],
        [60, 130, 40],
        [230, 60, 50],
        [40, 60, 150],
        [200, 120, 20],
        [20, 20, 20],
        [240, 240, 240],
    ],
    float,
)
Fault = Callable[[Path, np.random.Generator], tuple[str, str]]


def scene(rng: np.random.Generator, classes: int = CLASSES) -> tuple[np.ndarray, np.ndarray]:
    """A picture (H, W, 3) and its classes (H, W): a horizon, blocks and discs, each class in its colour, with noise."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[int(rng.integers(15, 45)) :] = rng.integers(1, classes)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    for _ in range(6):
        cy, cx, ry, rx = rng.integers(0, HEIGHT), rng.integers(0, WIDTH), rng.integers(6, 18), rng.integers(6, 24)
        inside = (
            (abs(y - cy) < ry) & (abs(x - cx) < rx)
            if rng.random() < 0.5
            else ((y - cy) / ry) ** 2 + ((x - cx) / rx) ** 2 < 1
        )
        mask[inside] = rng.integers(0, classes)
    picture = COLOURS[mask] * rng.uniform(0.8, 1.05) + rng.normal(0, 8, (HEIGHT, WIDTH, 3))
    return np.clip(picture, 0, 255).astype(np.uint8), mask


def save(path: Path, pixels: np.ndarray, **options) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)


def pick(rng: np.random.Generator, paths) -> Path:
    paths = sorted(paths)
    return paths[int(rng.integers(len(paths)))]


# --- sound data sets ------------------------------------------------------------------------------------------------


def camvid(root: Path, rng: np.random.Generator) -> None:
    for split, count in (("train", 6), ("val", 3), ("test", 3)):
        for number in range(count):
            picture, mask = scene(rng)
            mask[0, : int(rng.integers(0, 30))] = 11
            save(root / split / f"{split}{number:02d}.jpg", picture, quality=92)
            save(root / f"{split}annot" / f"{split}{number:02d}.png", mask)


def voc_palette() -> list[int]:
    """PASCAL VOC's 256 colours: the bits of the index dealt to red, green and blue."""
    palette = []
    for index in range(256):
        bits = [(index >> n) & 1 for n in range(8)]
        for channel in range(3):
            palette.append(sum(bits[3 * n + channel] << (7 - n) for n in range(3) if 3 * n + channel < 8))
    return palette


def save_palette(path: Path, mask: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(mask).convert("P")
    picture.putdata(mask.ravel().tolist())
    picture.putpalette(voc_palette())
    picture.save(path)


def voc(root: Path, rng: np.random.Generator) -> None:
    base = root / "VOC2012"
    (base / "ImageSets" / "Segmentation").mkdir(parents=True)
    for split, count in (("train", 5), ("val", 4)):
        names = [f"2011_{split}{n}" for n in range(count)]
        (base / "ImageSets" / "Segmentation" / f"{split}.txt").write_text("\n".join(names) + "\n")
        for name in names:
            picture, mask = scene(rng)
            mask = np.array([0, 1, 3, 5, 7, 9, 12, 15, 17, 19, 20], np.uint8)[mask]
            mask[:, 0] = 255
            save(base / "JPEGImages" / f"{name}.jpg", picture, quality=92)
            save_palette(base / "SegmentationClass" / f"{name}.png", mask)


def folder(root: Path, rng: np.random.Generator) -> None:
    names = [f"class {chr(97 + n)}" for n in range(CLASSES)]
    (root / "classes.txt").parent.mkdir(parents=True, exist_ok=True)
    (root / "classes.txt").write_text("\n".join(names) + "\n")
    for split, count in (("train", 5), ("val", 3)):
        for number in range(count):
            picture, mask = scene(rng)
            save(root / "images" / split / f"{split}-{number}.png", picture)
            save(root / "masks" / split / f"{split}-{number}.png", mask)


def cityscapes(root: Path, rng: np.random.Generator) -> None:
    ids = np.array([7, 8, 11, 12, 13, 17, 19, 20, 21, 23, 26], np.uint8)
    for split, count in (("train", 4), ("val", 3)):
        for number in range(count):
            picture, mask = scene(rng)
            name = f"ulm_{number:06d}_000019"
            save(root / "leftImg8bit" / split / "ulm" / f"{name}_leftImg8bit.png", picture)
            save(root / "gtFine" / split / "ulm" / f"{name}_gtFine_labelIds.png", ids[mask])


COCO_NAMES = {1: "person", 3: "car", 18: "dog", 25: "giraffe"}


def runs(mask: np.ndarray) -> list[int]:
    """COCO's uncompressed run lengths, down the columns, the first outside."""
    counts, value = [0], False
    for inside in mask.T.ravel().tolist():
        if bool(inside) != value:
            counts.append(0)
            value = not value
        counts[-1] += 1
    return counts


def rectangle(rng: np.random.Generator) -> tuple[int, int, int, int]:
    x, y = int(rng.integers(0, WIDTH - 30)), int(rng.integers(0, HEIGHT - 26))
    return x, y, int(rng.integers(10, 30)), int(rng.integers(10, 26))


def coco(root: Path, rng: np.random.Generator) -> None:
    number = 100
    for split, count in (("train2017", 5), ("val2017", 4)):
        images, annotations = [], []
        for _ in range(count):
            number += int(rng.integers(1, 50))
            images.append({"id": number, "file_name": f"{number:012d}.jpg", "height": HEIGHT, "width": WIDTH})
            save(root / split / f"{number:012d}.jpg", scene(rng)[0], quality=92)
            for _ in range(3):
                x, y, w, h = rectangle(rng)
                corners = [x, y, x + w, y, x + w, y + h, x, y + h]
                row = {"id": len(annotations) + 1, "image_id": number, "category_id": int(rng.choice(list(COCO_NAMES)))}
                row |= {"segmentation": [corners], "bbox": [x, y, w, h], "area": w * h, "iscrowd": 0}
                annotations.append(row)
            x, y, w, h = rectangle(rng)
            mask = np.zeros((HEIGHT, WIDTH), bool)
            mask[y : y + h, x : x + w] = True
            crowd = {
                "id": len(annotations) + 1,
                "image_id": number,
                "category_id": 1,
                "bbox": [x, y, w, h],
                "area": w * h,
            }
            annotations.append(crowd | {"segmentation": {"size": [HEIGHT, WIDTH], "counts": runs(mask)}, "iscrowd": 1})
        categories = [{"id": i, "name": n, "supercategory": ""} for i, n in COCO_NAMES.items()]
        (root / "annotations").mkdir(exist_ok=True, parents=True)
        path = root / "annotations" / f"instances_{split}.json"
        path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))


def yolo(root: Path, rng: np.random.Generator) -> None:
    root.mkdir(parents=True, exist_ok=True)
    (root / "data.yaml").write_text("path: .\ntrain: images/train\nnames:\n  0: leaf\n  1: rust\n  2: soil\n")
    for number in range(6):
        save(root / "images" / "train" / f"plant{number}.jpg", scene(rng)[0], quality=92)
        lines = []
        for _ in range(3):
            x, y, w, h = rectangle(rng)
            corners = np.array([[x, y], [x + w, y], [x + w, y + h], [x, y + h]]) / [WIDTH, HEIGHT]
            lines.append(f"{rng.integers(0, 3)} " + " ".join(f"{v:.6f}" for v in corners.ravel()))
        path = root / "labels" / "train" / f"plant{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n")


def labelme(root: Path, rng: np.random.Generator) -> None:
    for number in range(5):
        save(root / f"shot{number}.jpg", scene(rng)[0], quality=92)
        shapes = []
        for _ in range(3):
            x, y, w, h = rectangle(rng)
            points = [[x, y], [x + w, y], [x + w, y + h], [x, y + h]]
            label = str(rng.choice(["bolt", "nut"]))
            shapes.append({"label": label, "points": points, "shape_type": "polygon", "group_id": None, "flags": {}})
        content = {
            "version": "5.5.0",
            "flags": {},
            "shapes": shapes,
            "imagePath": f"shot{number}.jpg",
            "imageData": None,
        }
        (root / f"shot{number}.json").write_text(json.dumps(content | {"imageHeight": HEIGHT, "imageWidth": WIDTH}))


# --- faults of masks and images -------------------------------------------------------------------------------------


def some_mask(root: Path, rng: np.random.Generator) -> Path:
    return pick(
        rng, [*root.glob("*annot/*.png"), *root.glob("VOC2012/SegmentationClass/*.png"), *root.glob("masks/*/*.png")]
    )


def some_image(root: Path, rng: np.random.Generator) -> Path:
    return pick(rng, [*root.glob("train/*.jpg"), *root.glob("val/*.jpg"), *root.glob("test/*.jpg")])


def values(path: Path) -> np.ndarray:
    return np.array(Image.open(path))


def wrong_size(root, rng):
    path = some_mask(root, rng)
    size = (WIDTH - int(rng.integers(1, 20)), HEIGHT + int(rng.integers(0, 9)))
    Image.open(path).resize(size, Image.Resampling.NEAREST).save(path)
    return "wrong_size", path.name


def rgb_mask(root, rng):
    path = some_mask(root, rng)
    save(path, COLOURS.astype(np.uint8)[np.minimum(values(path), 10)])
    return "rgb_mask", path.name


def grey_in_three_bands(root, rng):
    path = some_mask(root, rng)
    save(path, np.repeat(values(path)[..., None], 3, axis=2))
    return "rgb_mask", path.name


def sixteen_bit_mask(root, rng):
    path = some_mask(root, rng)
    save(path, values(path).astype(np.uint16) * int(rng.choice([1, 256, 257])))
    return "sixteen_bit_mask", path.name


def id_21(root, rng):
    path = some_mask(root, rng)
    ids = values(path)
    y, x = int(rng.integers(HEIGHT - 3)), int(rng.integers(WIDTH - 3))
    ids[y : y + 3, x : x + 3] = 21
    save(path, ids)
    return "id_outside_taxonomy", path.name


def swapped_pair(root, rng):
    one, other = rng.choice(sorted((root / "trainannot").glob("*.png")), 2, replace=False)
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)
    return "swapped_pair", one.name


def mask_copied(root, rng):
    one, other = rng.choice(sorted((root / "trainannot").glob("*.png")), 2, replace=False)
    one.write_bytes(other.read_bytes())
    return "mask_of_another_image", one.name


def truncated_image(root, rng):
    path = some_image(root, rng)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * rng.uniform(0.4, 0.95))])
    return "truncated_image", path.name


def truncated_mask(root, rng):
    path = some_mask(root, rng)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * rng.uniform(0.4, 0.95))])
    return "truncated_mask", path.name


def empty_file(root, rng):
    path = some_image(root, rng)
    path.write_bytes(b"")
    return "empty_file", path.name


def text_as_image(root, rng):
    path = some_image(root, rng)
    path.write_text("<html>404 not found</html>")
    return "unreadable_image", path.name


def exif_rotation(root, rng):
    path = some_image(root, rng)
    picture = Image.open(path)
    exif = picture.getexif()
    exif[0x0112] = int(rng.choice([3, 6, 8]))
    picture.save(path, exif=exif, quality=92)
    return "exif_rotation", path.name


def duplicate_across_splits(root, rng):
    source = pick(rng, (root / "train").glob("*.jpg"))
    split = str(rng.choice(["val", "test"]))
    (root / split / "again.jpg").write_bytes(source.read_bytes())
    (root / f"{split}annot" / "again.png").write_bytes((root / "trainannot" / f"{source.stem}.png").read_bytes())
    return "duplicate_across_splits", "again.jpg"


def missing_mask(root, rng):
    path = some_mask(root, rng)
    path.unlink()
    return "missing_mask", f"{path.stem}.jpg"


def missing_image(root, rng):
    path = some_image(root, rng)
    path.unlink()
    return "missing_image", f"{path.stem}.png"


def jpeg_mask(root, rng):
    path = some_mask(root, rng)
    Image.fromarray(values(path)).save(path, format="JPEG")
    return "jpeg_mask", path.name


def float_mask(root, rng):
    path = some_mask(root, rng)
    ids = values(path).astype(np.float32)
    path.unlink()
    Image.fromarray(ids).save(path.with_suffix(".tif"))
    return "float_mask", path.with_suffix(".tif").name


def empty_mask(root, rng):
    path = some_mask(root, rng)
    save(path, np.zeros((HEIGHT, WIDTH), np.uint8))
    return "empty_mask", path.name


def binary_255(root, rng):
    path = some_mask(root, rng)
    save(path, ((values(path) > 4) * 255).astype(np.uint8))
    return "empty_mask", path.name


def grey_image(root, rng):
    path = some_image(root, rng)
    Image.open(path).convert("L").save(path)
    return "band_count", path.name


def image_with_alpha(root, rng):
    path = pick(rng, root.glob("images/*/*.png"))
    picture = Image.open(path).convert("RGBA")
    picture.putalpha(128)
    picture.save(path)
    return "band_count", path.name


def sixteen_bit_image(root, rng):
    path = pick(rng, root.glob("images/*/*.png"))
    save(path, values(path)[..., 0].astype(np.uint16) * 200)
    return "pixel_type", path.name


def misspelt_class_of_masks(root, rng):
    names = (root / "classes.txt").read_text().splitlines()
    categories = [{"id": n, "name": name} for n, name in enumerate(names)]
    (root / "taxonomy.json").write_text(json.dumps({"categories": categories}))
    place = int(rng.integers(len(names)))
    names[place] = names[place].replace("class", "calss")
    (root / "classes.txt").write_text("\n".join(names))
    return "misspelt_class", "classes.txt"


def palette_as_grey(root, rng):
    path = some_mask(root, rng)
    Image.open(path).convert("L").save(path)
    return "palette_as_grey", path.name


def palette_as_rgb(root, rng):
    path = some_mask(root, rng)
    Image.open(path).convert("RGB").save(path)
    return "rgb_mask", path.name


def listed_twice(root, rng):
    path = root / "VOC2012" / "ImageSets" / "Segmentation" / "train.txt"
    path.write_text(path.read_text() + str(rng.choice(path.read_text().split())) + "\n")
    return "listed_twice", "train.txt"


def in_both_lists(root, rng):
    lists = root / "VOC2012" / "ImageSets" / "Segmentation"
    name = str(rng.choice((lists / "train.txt").read_text().split()))
    (lists / "val.txt").write_text((lists / "val.txt").read_text() + name + "\n")
    return "listed_in_two_splits", f"{name}.jpg"


def listed_without_image(root, rng):
    path = pick(rng, (root / "VOC2012" / "JPEGImages").glob("*.jpg"))
    path.unlink()
    return "missing_image", path.name


def train_ids(root, rng):
    path = pick(rng, root.glob("gtFine/*/*/*.png"))
    ids = np.full((HEIGHT, WIDTH), 255, np.uint8)
    ids[:, : WIDTH // 2] = rng.integers(0, 19)
    ids[: HEIGHT // 2, : WIDTH // 3] = 2
    save(path, ids)
    return "train_ids", path.name


# --- faults of annotations ------------------------------------------------------------------------------------------


def in_json(change: Callable[[dict, dict, np.random.Generator], str], crowd: bool = False) -> Fault:
    """A fault of one annotation, one object unless a crowd is asked for, in a random file."""

    def fault(root, rng):
        path = pick(rng, (root / "annotations").glob("*.json"))
        content = json.loads(path.read_text())
        row = rng.choice([a for a in content["annotations"] if bool(a["iscrowd"]) == crowd])
        kind = change(row, content, rng)
        path.write_text(json.dumps(content))
        return kind, path.name

    return fault


def _set(key: str, kind: str, make: Callable[[dict, np.random.Generator], object]):
    def change(row, content, rng):
        row[key] = make(row, rng)
        return kind

    return in_json(change)


def _misspelt(row, content, rng):
    category = rng.choice([c for c in content["categories"] if len(c["name"]) > 4])
    category["name"] = category["name"][1] + category["name"][0] + category["name"][2:]
    return "misspelt_class"


def _shifted(row, content, rng):
    one, other = content["categories"][0], content["categories"][1]
    one["name"], other["name"] = other["name"], one["name"]
    return "shifted_class"


def misspelt_in_one_split(root, rng):
    """The categories are the set's own; one file spells one of them otherwise."""
    paths = sorted((root / "annotations").glob("*.json"))
    for path in paths:
        content = json.loads(path.read_text())
        names = ["leaf", "rust", "soil", "aphid"]
        for place, category in enumerate(content["categories"]):
            category["name"] = names[place]
        path.write_text(json.dumps(content))
    path = paths[1]  # the first is taken for right
    path.write_text(path.read_text().replace("aphid", "aphdi"))
    return "misspelt_class", path.name


def _crowd_lost(row, content, rng):
    row["iscrowd"] = 0
    return "crowd_flag_lost"


def _crowd_key_lost(row, content, rng):
    del row["iscrowd"]
    return "crowd_flag_lost"


def _same_id(row, content, rng):
    row["id"] = next(a["id"] for a in content["annotations"] if a is not row and a["id"] != row["id"])
    return "duplicate_annotation_id"


def _same_object(row, content, rng):
    content["annotations"].append(row | {"id": 99999})
    return "duplicate_annotation"


def _same_image_id(row, content, rng):
    content["images"].append(content["images"][0] | {"file_name": content["images"][1]["file_name"]})
    return "duplicate_image_id"


def _short_runs(row, content, rng):
    row["segmentation"]["counts"] = row["segmentation"]["counts"][:-1]
    return "broken_runs"


def _other_runs(row, content, rng):
    row["segmentation"]["size"] = [WIDTH, HEIGHT]
    return "wrong_size"


def _polygon(shift):
    def make(row, rng):
        return [[v + shift for v in row["segmentation"][0]]]

    return make


def image_entry_size(root, rng):
    path = pick(rng, (root / "annotations").glob("*.json"))
    content = json.loads(path.read_text())
    image = rng.choice(content["images"])
    image["height"], image["width"] = HEIGHT * 2, WIDTH * 2
    path.write_text(json.dumps(content))
    return "wrong_size", image["file_name"]


def listed_in_json_only(root, rng):
    path = pick(rng, root.glob("*2017/*.jpg"))
    path.unlink()
    return "missing_image", path.name


def not_in_json(root, rng):
    save(root / "val2017" / "000000999999.jpg", scene(rng)[0])
    return "missing_annotation", "000000999999.jpg"


def no_json(root, rng):
    path = pick(rng, (root / "annotations").glob("*.json"))
    path.write_text(path.read_text()[:-200])
    return "unreadable_annotations", path.name


def in_text(kind: str, change: Callable[[list[str], np.random.Generator], list[str]]) -> Fault:
    """A fault of one line (its words) of a random YOLO file."""

    def fault(root, rng):
        path = pick(rng, (root / "labels" / "train").glob("*.txt"))
        lines = path.read_text().splitlines()
        place = int(rng.integers(len(lines)))
        lines[place] = " ".join(change(lines[place].split(), rng))
        path.write_text("\n".join(lines) + "\n")
        return kind, path.name

    return fault


def _in_pixels(words, rng):
    return [words[0], *(f"{float(w) * 80 + 3:.1f}" for w in words[1:])]


def text_without_image(root, rng):
    path = pick(rng, (root / "images" / "train").glob("*.jpg"))
    path.unlink()
    return "missing_image", f"{path.stem}.txt"


def labels_of_another(root, rng):
    one, other = rng.choice(sorted(root.glob("*.json")), 2, replace=False)
    one.write_bytes(other.read_bytes())
    return "swapped_pair", one.name


def shape_outside(root, rng):
    path = pick(rng, root.glob("*.json"))
    content = json.loads(path.read_text())
    content["shapes"][int(rng.integers(3))]["points"][0] = [-40, 5]
    path.write_text(json.dumps(content))
    return "polygon_outside", path.name


SOUND = {f.__name__: f for f in (camvid, voc, folder, cityscapes, coco, yolo, labelme)}
AS = {"yolo": "folder", "labelme": "folder"}

FAULTS: dict[str, tuple[str, Fault]] = {
    "wrong size": ("camvid", wrong_size),
    "RGB mask": ("camvid", rgb_mask),
    "grey mask in three bands": ("camvid", grey_in_three_bands),
    "16-bit mask": ("camvid", sixteen_bit_mask),
    "id 21": ("camvid", id_21),
    "swapped pair": ("camvid", swapped_pair),
    "mask copied": ("camvid", mask_copied),
    "truncated JPEG": ("camvid", truncated_image),
    "truncated mask": ("camvid", truncated_mask),
    "empty file": ("camvid", empty_file),
    "text as image": ("camvid", text_as_image),
    "EXIF rotation on the image only": ("camvid", exif_rotation),
    "duplicate across splits": ("camvid", duplicate_across_splits),
    "missing mask": ("camvid", missing_mask),
    "missing image": ("camvid", missing_image),
    "JPEG mask": ("camvid", jpeg_mask),
    "float mask": ("camvid", float_mask),
    "empty mask": ("camvid", empty_mask),
    "grey image": ("camvid", grey_image),
    "mask of 0 and 255": ("folder", binary_255),
    "image with alpha": ("folder", image_with_alpha),
    "16-bit image": ("folder", sixteen_bit_image),
    "misspelt class of masks": ("folder", misspelt_class_of_masks),
    "palette as grey": ("voc", palette_as_grey),
    "palette as RGB": ("voc", palette_as_rgb),
    "id 21 in VOC": ("voc", id_21),
    "listed twice": ("voc", listed_twice),
    "listed in two splits": ("voc", in_both_lists),
    "listed without image": ("voc", listed_without_image),
    "train ids": ("cityscapes", train_ids),
    "misspelt class": ("coco", in_json(_misspelt)),
    "misspelt class of the set's own": ("coco", misspelt_in_one_split),
    "exchanged classes": ("coco", in_json(_shifted)),
    "crowd flag lost": ("coco", in_json(_crowd_lost, crowd=True)),
    "crowd key lost": ("coco", in_json(_crowd_key_lost, crowd=True)),
    "annotation id twice": ("coco", in_json(_same_id)),
    "object twice": ("coco", in_json(_same_object)),
    "image id twice": ("coco", in_json(_same_image_id)),
    "unknown image id": ("coco", _set("image_id", "unknown_image_id", lambda row, rng: 7)),
    "unknown category id": ("coco", _set("category_id", "unknown_category_id", lambda row, rng: 2)),
    "polygon outside": ("coco", _set("segmentation", "polygon_outside", _polygon(60))),
    "polygon with NaN": ("coco", _set("segmentation", "bad_polygon", _polygon(float("nan")))),
    "polygon of two points": ("coco", _set("segmentation", "empty_polygon", lambda row, rng: [[1, 1, 5, 5]])),
    "no polygon": ("coco", _set("segmentation", "empty_polygon", lambda row, rng: [])),
    "box outside": ("coco", _set("bbox", "box_outside", lambda row, rng: [*row["bbox"][:2], 300, 20])),
    "box of half the width": (
        "coco",
        _set("bbox", "box_mismatch", lambda row, rng: [*row["bbox"][:2], row["bbox"][2] / 2, row["bbox"][3]]),
    ),
    "box of width 0": ("coco", _set("bbox", "bad_box", lambda row, rng: [*row["bbox"][:2], 0, 20])),
    "area of the box's corners": ("coco", _set("area", "area_mismatch", lambda row, rng: row["area"] * 3 + 50)),
    "short runs": ("coco", in_json(_short_runs, crowd=True)),
    "runs of another image": ("coco", in_json(_other_runs, crowd=True)),
    "size of another image": ("coco", image_entry_size),
    "listed in JSON only": ("coco", listed_in_json_only),
    "not in JSON": ("coco", not_in_json),
    "cut-off JSON": ("coco", no_json),
    "class out of range": ("yolo", in_text("id_outside_taxonomy", lambda w, rng: ["3", *w[1:]])),
    "coordinates in pixels": ("yolo", in_text("polygon_outside", _in_pixels)),
    "box among polygons": ("yolo", in_text("box_not_polygon", lambda w, rng: w[:5])),
    "odd coordinates": ("yolo", in_text("bad_polygon", lambda w, rng: w[:-1])),
    "words": ("yolo", in_text("bad_line", lambda w, rng: ["leaf", *w[1:]])),
    "labels without image": ("yolo", text_without_image),
    "labels of another image": ("labelme", labels_of_another),
    "shape outside": ("labelme", shape_outside),
}
