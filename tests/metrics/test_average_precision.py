"""Average precision: by hand, against pycocotools to 1e-9, and what must not change it."""

from __future__ import annotations

import contextlib
import copy
import io
import json

import numpy as np
import pytest

from kontur.core import rle
from kontur.core.errors import InputError, KonturError, OptionError
from kontur.core.instances import Instances
from kontur.kernels.polygon_fill import fill_polygons
from kontur.metrics import evaluate_instances, instance_scores
from kontur.metrics.average_precision import TOTALS


def ellipse(shape: tuple[int, int], x: float, y: float, wide: float, high: float) -> np.ndarray:
    yy, xx = np.mgrid[: shape[0], : shape[1]]
    return ((xx - x) / wide) ** 2 + ((yy - y) / high) ** 2 <= 1


def data_set(seed: int, images: int = 12, compressed: bool = True, forms: bool = False) -> tuple[dict, list[dict]]:
    """Objects of all sizes, crowds, a category without truth and one without anything, tied scores, false detections.

    forms: truth masks also as uncompressed RLE and polygons.
    """
    generator = np.random.default_rng(seed)
    truth: dict = {
        "images": [],
        "annotations": [],
        "categories": [{"id": i, "name": f"c{i}"} for i in (3, 7, 9, 20, 21)],
    }
    found: list[dict] = []
    for number in range(images):
        shape = (int(generator.integers(60, 220)), int(generator.integers(60, 260)))
        image = int(1000 - 7 * number)  # falling ids: their order is not the file's
        truth["images"].append({"id": image, "height": shape[0], "width": shape[1]})
        for _ in range(int(generator.integers(0, 9))):
            category = int(generator.choice([3, 7, 9]))
            size = float(generator.choice([6, 15, 40, 90]))
            x, y = generator.uniform(0, shape[1]), generator.uniform(0, shape[0])
            mask = ellipse(shape, x, y, size, size * generator.uniform(0.5, 1))
            if not mask.any():
                continue
            runs = rle.encode(mask)
            x0, y0, x1, y1 = rle.box(runs)
            crowd = int(generator.random() < 0.15)
            form = int(generator.integers(0, 3)) if forms else 0
            shape_of = (
                rle.to_coco(runs),
                {"size": list(shape), "counts": runs.counts.tolist()},
                [
                    [float(v) for v in (x0, y0, x1, y0 + 0.4, x1 + 0.3, y1, x0, y1)],
                    [x0 + 5.0, y0, x1 + 9.5, y1, x0, y1 + 3],
                ],
            )[0 if crowd and form == 2 else form]
            truth["annotations"].append(
                {
                    "id": len(truth["annotations"]) + 1,
                    "image_id": image,
                    "category_id": category,
                    "iscrowd": crowd,
                    "segmentation": shape_of,
                    "area": float(mask.sum()),
                    "bbox": [float(v) for v in (x0, y0, x1 - x0, y1 - y0)],
                }
            )
            for _ in range(int(generator.integers(0, 4))):
                moved = ellipse(
                    shape, x + generator.normal(0, size / 8), y + generator.normal(0, size / 8), size, size * 0.8
                )
                if moved.any():
                    other = int(generator.choice([category] * 6 + [20]))
                    score = float(np.round(generator.random(), 1))  # many ties
                    found.append(
                        {
                            "image_id": image,
                            "category_id": other,
                            "score": score,
                            "segmentation": rle.to_coco(rle.encode(moved)),
                        }
                    )
    generator.shuffle(found)
    if not compressed:
        for entry in found:
            x0, y0, x1, y1 = rle.box(rle.from_coco(entry.pop("segmentation")))
            entry["bbox"] = [x0 + 0.25, y0 - 0.5, x1 - x0 + 0.125, float(y1 - y0)]
    return truth, found


def peer(truth: dict, found: list[dict], kind: str = "segm", most: int = 100) -> tuple[np.ndarray, np.ndarray]:
    """pycocotools' twelve numbers and its AP by category; NaN for its -1."""
    coco = pytest.importorskip("pycocotools.coco")
    cocoeval = pytest.importorskip("pycocotools.cocoeval")
    with contextlib.redirect_stdout(io.StringIO()):
        true = coco.COCO()
        true.dataset = copy.deepcopy(truth)
        true.createIndex()
        evaluation = cocoeval.COCOeval(true, true.loadRes(copy.deepcopy(found)), kind)
        evaluation.params.maxDets = [1, 10, most]
        evaluation.evaluate()
        evaluation.accumulate()
    precision, recall = evaluation.eval["precision"], evaluation.eval["recall"]  # (T, R, K, A, M), (T, K, A, M)

    def mean(values: np.ndarray) -> float:
        return float(values[values > -1].mean()) if (values > -1).any() else np.nan

    p, r = precision[..., 2], recall
    totals = [mean(p[..., 0]), mean(p[0, ..., 0]), mean(p[5, ..., 0]), *(mean(p[..., a]) for a in (1, 2, 3))]
    totals += [*(mean(r[:, :, 0, m]) for m in range(3)), *(mean(r[:, :, a, 2]) for a in (1, 2, 3))]
    if most == 100:  # the numbers as that tool itself sums them up
        with contextlib.redirect_stdout(io.StringIO()):
            evaluation.summarize()
        np.testing.assert_array_equal(np.nan_to_num(totals, nan=-1), evaluation.stats)
    return np.array(totals), np.array([mean(p[:, :, k, 0]) for k in range(p.shape[2])])


def numbers(scores) -> np.ndarray:
    return np.array([getattr(scores, name) for name in TOTALS])


def same(ours, theirs: tuple[np.ndarray, np.ndarray]) -> None:
    np.testing.assert_allclose(numbers(ours), theirs[0], rtol=0, atol=1e-9)
    np.testing.assert_allclose(list(ours.per_category.values()), theirs[1], rtol=0, atol=1e-9)


def square(x: int, y: int, side: int, shape=(40, 40)) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[y : y + side, x : x + side] = True
    return mask


def test_by_hand():
    """Two objects; the better detection is false, the second finds one of them exactly: precision 1/2 up to recall 1/2."""
    truth = Instances.from_masks([square(0, 0, 10), square(20, 20, 10)], shape=(40, 40), categories=[1, 1])
    found = Instances.from_masks(
        [square(0, 20, 10), square(0, 0, 10)], shape=(40, 40), categories=[1, 1], scores=[0.9, 0.8]
    )
    scores = instance_scores(found, truth)
    assert pytest.approx(0.5 * 51 / 101) == scores.AP  # recall 0, .01 .. .50
    assert scores.AR100 == 0.5
    assert scores.AR1 == 0  # only the best detection counts
    assert scores.APs == scores.AP  # 100 pixels are small
    assert np.isnan([scores.APm, scores.APl]).all()
    assert scores.per_category == {1: scores.AP}


def test_iou_chooses_the_thresholds():
    """IoU 80/120 = 0.667 counts at .50, .55, .60, .65 of ten thresholds."""
    truth = Instances.from_masks([square(0, 0, 10)], shape=(40, 40), categories=[5])
    moved = np.zeros((40, 40), bool)
    moved[:10, 2:12] = True
    scores = instance_scores(Instances.from_masks([moved], shape=(40, 40), categories=[5], scores=[1.0]), truth)
    assert pytest.approx((0.4, 1, 0)) == (scores.AP, scores.AP50, scores.AP75)


CROWDED = [  # mask, score
    (square(0, 0, 10), 0.6),  # the one object
    (square(22, 22, 6), 0.9),  # inside the crowd
    (square(30, 30, 10), 0.8),  # a quarter of it in the crowd
    (square(1, 21, 2), 0.7),  # nowhere
]


def test_crowds_by_hand():
    """Of four detections the best lies in the crowd and does not count: wrong, wrong, right, where it was wrong, wrong, wrong, right."""
    truth = Instances.from_masks([square(0, 0, 10)], shape=(40, 40), categories=[1])
    crowd = Instances.from_masks([square(20, 20, 15)], shape=(40, 40), categories=[1])
    masks, scores = zip(*CROWDED, strict=True)
    found = Instances.from_masks(masks, shape=(40, 40), categories=[1] * 4, scores=scores)
    assert pytest.approx(1 / 4) == instance_scores(found, truth).AP
    assert pytest.approx(1 / 3) == instance_scores(found, truth, crowds=crowd).AP
    nothing = Instances((40, 40), ())
    assert np.isnan(instance_scores(found, nothing, crowds=crowd).AP)  # a crowd is nothing to be found
    with pytest.raises(InputError, match=r"crowds \(20, 40\)"):
        instance_scores(found, truth, crowds=Instances((20, 40), ()))


def test_crowds_equal_pycocotools():
    """An object in the crowd's own place, and a crowd that two detections match."""
    true = [(square(0, 0, 10), 0), (square(20, 20, 15), 1), (square(21, 21, 6), 0)]
    found = [*CROWDED, (square(28, 22, 6), 0.95), (square(20, 20, 14), 0.5)]
    truth = Instances.from_masks([m for m, crowd in true if not crowd], shape=(40, 40), categories=[1, 1])
    many = Instances.from_masks([m for m, crowd in true if crowd], shape=(40, 40), categories=[1])
    scores = [s for _, s in found]
    masks = Instances.from_masks([m for m, _ in found], shape=(40, 40), categories=[1] * 6, scores=scores)

    def entry(number: int, mask: np.ndarray) -> dict:
        runs = pycocotools_mask.encode(np.asfortranarray(mask, np.uint8))
        return {"id": number, "image_id": 1, "category_id": 1, "segmentation": runs}

    pycocotools_mask = pytest.importorskip("pycocotools.mask")
    content = {
        "images": [{"id": 1, "height": 40, "width": 40}],
        "categories": [{"id": 1, "name": "one"}],
        "annotations": [
            entry(n, m) | {"iscrowd": crowd, "area": int(m.sum()), "bbox": [0, 0, 40, 40]}
            for n, (m, crowd) in enumerate(true, 1)
        ],
    }
    detections = [entry(n, m) | {"score": s} for n, (m, s) in enumerate(found)]
    theirs = peer(content, detections)
    same(instance_scores(masks, truth, crowds=many), theirs)
    assert abs(instance_scores(masks, truth).AP - theirs[0][0]) > 0.05


@pytest.mark.parametrize("seed", range(4))
def test_masks_equal_pycocotools(seed):
    truth, found = data_set(seed)
    same(evaluate_instances(truth, found), peer(truth, found))


@pytest.mark.parametrize("most", [1, 2, 10, 100])
def test_other_limits_equal_pycocotools(most):
    truth, found = data_set(9)
    same(
        evaluate_instances(truth, found, max_detections=most),
        peer(truth, found, most=most) if most >= 10 else limited(truth, found, most),
    )


def limited(truth, found, most):
    """pycocotools with the limits in rising order, as it needs them."""
    kept = []
    for image, category in {(f["image_id"], f["category_id"]) for f in found}:
        group = [f for f in found if (f["image_id"], f["category_id"]) == (image, category)]
        kept += sorted(group, key=lambda f: -f["score"])[:most]
    order = {id(f): i for i, f in enumerate(found)}
    return peer(truth, sorted(kept, key=lambda f: order[id(f)]))


@pytest.mark.parametrize("seed", range(3))
def test_boxes_equal_pycocotools(seed):
    truth, found = data_set(seed, compressed=False)
    same(evaluate_instances(truth, found, kind="bbox"), peer(truth, found, "bbox"))
    same(evaluate_instances(truth, found), peer(truth, found))  # results of boxes only: rectangles are their masks
    truth, found = data_set(seed)
    same(evaluate_instances(truth, found, "bbox"), peer(truth, found, "bbox"))  # of masks only: their boxes


@pytest.mark.parametrize("seed", range(3))
def test_all_forms_of_masks_equal_pycocotools(seed):
    truth, found = data_set(seed, forms=True)
    same(evaluate_instances(truth, found), peer(truth, found))


def test_results_with_box_and_mask_equal_pycocotools():
    """There the box's area chooses the area range, as in its loadRes."""
    truth, found = data_set(5)
    for entry in found:
        x0, y0, x1, y1 = rle.box(rle.from_coco(entry["segmentation"]))
        entry["bbox"] = [x0, y0, x1 - x0, y1 - y0]
    same(evaluate_instances(truth, found), peer(truth, found))


def test_annotation_of_id_0_equals_pycocotools():
    truth, found = data_set(2)
    for entry in truth["annotations"]:
        entry["id"] -= 1
    scores = evaluate_instances(truth, found)
    same(scores, peer(truth, found))
    assert "id 0" in scores.notes[0]


def test_full_file_with_scores_and_files(tmp_path):
    truth, found = data_set(1)
    full = {**truth, "annotations": [{**f, "id": i} for i, f in enumerate(found)]}
    for name, value in (("truth", truth), ("list", found), ("full", full)):
        (tmp_path / f"{name}.json").write_text(json.dumps(value))
    as_list = evaluate_instances(tmp_path / "truth.json", tmp_path / "list.json")
    as_file = evaluate_instances(str(tmp_path / "truth.json"), str(tmp_path / "full.json"))
    assert as_list.to_dict() == as_file.to_dict() or np.isnan(as_list.per_category[21])
    np.testing.assert_array_equal(numbers(as_list), numbers(as_file))
    assert list(as_list.to_dict()) == [*TOTALS, "per_category"]
    assert np.isnan(as_list.per_category[21])  # no truth: pycocotools prints -1


def test_a_full_file_is_paired_by_name_whatever_its_numbers():
    """Images and categories numbered from 1 in another order, as kontur writes them: the score of the results list."""
    truth, found = data_set(1)
    for image in truth["images"]:
        image["file_name"] = f"photos/{image['id']}.jpg"
    expected = numbers(evaluate_instances(truth, found))
    images = {i["id"]: n for n, i in enumerate(truth["images"], 1)}
    kinds = {c["id"]: n for n, c in enumerate(reversed(truth["categories"]), 1)}
    assert set(kinds.values()) & set(kinds)  # 3: a wrong category by id
    full = {
        "images": [{**i, "id": images[i["id"]], "file_name": f"{i['id']}.png"} for i in truth["images"]],
        "categories": [{**c, "id": kinds[c["id"]]} for c in truth["categories"]],
        "annotations": [
            {**f, "image_id": images[f["image_id"]], "category_id": kinds[f["category_id"]]} for f in found
        ],
    }
    np.testing.assert_array_equal(numbers(evaluate_instances(truth, full)), expected)
    other = [{"id": c["id"], "name": "thing"} for c in truth["categories"]]
    by_id = [{**f, "image_id": images[f["image_id"]]} for f in found]
    same_ids = evaluate_instances(truth, {**full, "categories": other, "annotations": by_id})
    np.testing.assert_array_equal(numbers(same_ids), expected)
    fewer = {**full, "images": full["images"][1:], "annotations": []}
    assert "1 images of the truth are not in prediction" in evaluate_instances(truth, fewer).notes[0]
    with pytest.raises(InputError, match="refer to images that prediction does not list"):
        evaluate_instances(truth, {**full, "images": full["images"][1:], "annotations": full["annotations"]})
    full["images"][0]["file_name"] = "a/986.png"
    with pytest.raises(InputError, match=r"got a/986.png and 986.png for the same one"):
        evaluate_instances(truth, full)
    full["images"][0]["file_name"] = "moon"
    with pytest.raises(InputError, match="expected the images of truth, got 1 that it does not list: moon"):
        evaluate_instances(truth, full)
    truth["images"][3]["file_name"] = truth["images"][1]["file_name"]
    with pytest.raises(InputError, match=r"got 1 that fit several of its images: 993.png"):
        evaluate_instances(truth, {**full, "images": full["images"][1:2], "annotations": []})


def test_instances_in_memory_equal_files():
    truth, found = data_set(4)
    for entry in truth["annotations"]:
        entry["iscrowd"] = 0
    images = sorted(image["id"] for image in truth["images"])
    sizes = {image["id"]: (image["height"], image["width"]) for image in truth["images"]}

    def instances(entries, image, scored):
        chosen = [e for e in entries if e["image_id"] == image]
        return Instances.from_masks(
            [rle.decode(rle.from_coco(e["segmentation"])) for e in chosen],
            shape=sizes[image],
            categories=[e["category_id"] for e in chosen],
            scores=[e["score"] for e in chosen] if scored else None,
        )

    memory = evaluate_instances(
        [instances(truth["annotations"], i, False) for i in images], [instances(found, i, True) for i in images]
    )
    np.testing.assert_allclose(numbers(memory), numbers(evaluate_instances(truth, found)), rtol=0, atol=1e-12)


def test_nothing_found_and_nothing_to_find():
    truth, found = data_set(0)
    none = evaluate_instances(truth, [])
    assert none.AP == none.AR100 == 0
    empty = evaluate_instances({**truth, "annotations": []}, found)
    assert np.isnan(numbers(empty)).all()
    assert np.isnan(list(empty.per_category.values())).all()


@pytest.mark.parametrize("seed", range(3))
def test_what_changes_nothing(seed):
    generator = np.random.default_rng(seed)
    truth, found = data_set(seed)
    scores = numbers(evaluate_instances(truth, found))
    # renaming categories and images; the order of the images is kept, since it decides ties
    category = {c["id"]: i for c, i in zip(truth["categories"], generator.permutation(50)[:5].tolist())}
    ids = sorted(i["id"] for i in truth["images"])
    image = dict(zip(ids, range(5, 5 + len(ids))))
    renamed, other = copy.deepcopy(truth), copy.deepcopy(found)
    for entry in (*renamed["annotations"], *other):
        entry["category_id"], entry["image_id"] = category[entry["category_id"]], image[entry["image_id"]]
    for entry in renamed["categories"]:
        entry["id"] = category[entry["id"]]
    for entry in renamed["images"]:
        entry["id"] = image[entry["id"]]
    np.testing.assert_allclose(numbers(evaluate_instances(renamed, other)), scores, atol=1e-12)
    # any rising function of the scores
    squared = [{**f, "score": f["score"] ** 2} for f in found]
    np.testing.assert_array_equal(numbers(evaluate_instances(truth, squared)), scores)


def test_unknown_categories_are_counted():
    truth, found = data_set(0)
    scores = numbers(evaluate_instances(truth, found))
    extra = [{**found[0], "category_id": 999}, {**found[1], "category_id": 998}]
    result = evaluate_instances(truth, found + extra)
    assert result.unknown == 2
    np.testing.assert_array_equal(numbers(result), scores)


def test_per_image_and_intervals():
    truth, found = data_set(6, images=20)
    result = evaluate_instances(truth, found, csv=True, worst=3, bootstrap=60)
    rows = result.per_image.rows
    counted = [a for a in truth["annotations"] if not a["iscrowd"]]
    assert sum(r.values["objects"] for r in rows) == len(counted)
    assert all(r.values["tp_50"] + r.values["fn_50"] == r.values["objects"] for r in rows)
    assert len(result.per_image.worst_rows) == 3
    for name in ("AP", "AP50", "AP75"):
        low, high = result.intervals[name]
        assert low < getattr(result, name) < high


def test_drawing_every_image_twice_is_doubling_the_set():
    """The weights of the bootstrap stand for copies of the image."""
    from kontur.kernels.instance_matching import precision_recall

    generator = np.random.default_rng(0)
    matched, order = generator.random(30) < 0.6, np.arange(30)
    ignored, rank = generator.random(30) < 0.2, np.zeros(30, np.int64)
    recalls, one, two = np.linspace(0, 1, 101), np.empty(101), np.empty(101)
    weight = generator.integers(0, 4, 30).astype(float)
    a = precision_recall(matched, ignored, order, rank, weight, 100, 50.0, recalls, one)
    copies = np.repeat(np.arange(30), weight.astype(int))
    b = precision_recall(
        matched[copies], ignored[copies], np.arange(len(copies)), np.zeros(len(copies), np.int64), np.ones(len(copies)),
        100, 50.0, recalls, two,
    )  # fmt: skip
    assert a == b
    np.testing.assert_allclose(one, two, atol=1e-12)


@pytest.mark.real_data
def test_real_annotations_equal_pycocotools(data):
    """COCO's own polygons and crowds, moved by some pixels as detections."""
    truth = json.loads((data / "coco-tiny" / "annotations" / "instances_val2017.json").read_text())
    generator = np.random.default_rng(0)
    found = []
    sizes = {i["id"]: (i["height"], i["width"]) for i in truth["images"]}
    for entry in truth["annotations"]:
        shape = entry["segmentation"]
        runs = rle.from_coco(shape) if isinstance(shape, dict) else rle.from_polygons(shape, *sizes[entry["image_id"]])
        moved = np.roll(rle.decode(runs), generator.integers(-6, 7, 2), (0, 1))
        found.append(
            {
                "image_id": entry["image_id"],
                "category_id": entry["category_id"],
                "score": float(generator.random()),
                "segmentation": rle.to_coco(rle.encode(moved)),
            }
        )
    same(evaluate_instances(truth, found), peer(truth, found))
    same(evaluate_instances(truth, found, "bbox"), peer(truth, found, "bbox"))


@pytest.mark.parametrize("seed", range(30))
def test_compiled_polygons_equal_the_plain_ones(seed):
    """Outlines that leave the image, touch themselves, lie in fifths of pixels; several rings."""
    generator = np.random.default_rng(seed)
    height, width = (int(n) for n in generator.integers(1, 60, 2))
    rings = []
    for _ in range(int(generator.integers(1, 4))):
        ring = generator.uniform(-20, 80, (int(generator.integers(3, 30)), 2))
        rings.append((ring if seed % 3 else np.round(ring * 5) / 5 if seed % 2 else np.round(ring)).ravel().tolist())
    ends = np.cumsum([len(ring) // 2 for ring in rings])
    runs = fill_polygons(np.concatenate(rings).reshape(-1, 2), ends, height, width)
    mask = np.zeros(height * width, bool)
    for start, end in runs:
        mask[start:end] = True
    expected = rle.decode(rle.from_polygons(rings, height, width))
    np.testing.assert_array_equal(mask.reshape(width, height).T, expected)


# --- bad input --------------------------------------------------------------------------------------------------------

GOOD = data_set(3)


def with_change(change) -> tuple[dict, list[dict]]:
    truth, found = copy.deepcopy(GOOD)
    change(truth, found)
    return truth, found


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t, f: f[0].update(image_id=4), "prediction: 1 entries refer to images that truth does not list: 4"),
        (lambda t, f: t["annotations"][2].update(image_id=4), "truth: 1 entries refer to images"),
        (lambda t, f: t["annotations"][2].update(category_id=77), r"truth categories: .* got 77 \(1 annotations\)"),
        (lambda t, f: f[1].pop("score"), r"\[1\]: expected a finite number as 'score', got nothing"),
        (lambda t, f: f[1].update(score=float("nan")), r"\[1\]: expected a finite number as 'score', got nan"),
        (lambda t, f: f[1]["segmentation"].update(counts="1"), r"\[1\]: RLE counts"),
        (lambda t, f: f[1]["segmentation"].update(counts="zzz~"), r"\[1\]: RLE counts"),
        (lambda t, f: f[1]["segmentation"].update(counts=[3, 4]), r"\[1\]: RLE counts: expected a sum"),
        (
            lambda t, f: f[1]["segmentation"].update(size=[3, 4]),
            r"\[1\]: sizes differ \(H, W\): mask \(3, 4\) and image",
        ),
        (lambda t, f: f[1]["segmentation"].update(size=[100000, 100000]), r"\[1\]: sizes differ"),
        (
            lambda t, f: f[1].update(segmentation=[[1.0, 2.0, float("nan"), 4, 5, 6]]),
            r"\[1\]: polygon: expected finite",
        ),
        (
            lambda t, f: f[1].update(segmentation=[[1.0, 2.0, 1e9, 4, 5, 6]]),
            r"\[1\]: polygon: expected coordinates of at",
        ),
        (lambda t, f: f[1].update(segmentation=[[1.0, 2.0]]), r"\[1\]: polygon: expected at least 3 points"),
        (lambda t, f: f[1].update(segmentation=None), r"\[1\]: expected a segmentation"),
        (lambda t, f: t["annotations"][1].update(id=t["annotations"][0]["id"]), "different id .* 1 repeated"),
        (lambda t, f: f[1].update(score=10**400), r"\[1\]: expected a finite number as 'score'"),
        (lambda t, f: f[1].update(image_id=[1]), r"entry \[1\]: expected a whole number as 'image_id', got \[1\]"),
        (lambda t, f: t["annotations"][0].pop("category_id"), "annotation 1: expected a whole number as 'category_id'"),
        (lambda t, f: t.pop("images"), "truth: expected 'images', a list"),
        (lambda t, f: t["images"][0].update(id=None), r"images\[0\]: expected a whole number as 'id', got nothing"),
        (lambda t, f: f.append(7), "prediction: expected a COCO results list"),
    ],
)
def test_bad_input(change, message):
    with pytest.raises(InputError, match=message):
        evaluate_instances(*with_change(change))


def test_bad_boxes_options_and_json(tmp_path):
    truth, found = data_set(3, compressed=False)
    found[2]["bbox"] = [1, 2, 3]
    with pytest.raises(InputError, match=r"\[2\]: expected a bbox"):
        evaluate_instances(truth, found, "bbox")
    found[2]["bbox"] = [1, 2, 3, float("inf")]
    with pytest.raises(InputError, match=r"\[2\]: expected a finite number as 'bbox', got inf"):
        evaluate_instances(truth, found, "bbox")
    with pytest.raises(OptionError, match="kind: expected 'segm' or 'bbox', got 'mask'"):
        evaluate_instances(*GOOD, kind="mask")
    with pytest.raises(OptionError, match="max_detections"):
        evaluate_instances(*GOOD, max_detections=0)
    (tmp_path / "broken.json").write_text('{"images": [')
    with pytest.raises(KonturError, match=r"broken.json: expected JSON"):
        evaluate_instances(tmp_path / "broken.json", tmp_path / "broken.json")


def test_instances_need_scores_and_one_size():
    truth = Instances.from_masks([square(0, 0, 9)], shape=(40, 40), categories=[1])
    with pytest.raises(InputError, match="expected a score"):
        instance_scores(truth, truth)
    small = Instances.from_masks([square(0, 0, 9, (20, 40))], shape=(20, 40), categories=[1], scores=[1.0])
    with pytest.raises(InputError, match=r"\(20, 40\).*\(40, 40\)"):
        instance_scores(small, truth)
