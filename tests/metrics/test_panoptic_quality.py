"""Panoptic quality: by hand, against the official algorithm re-derived in plain NumPy, and what must not change it."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from kontur.core.errors import InputError, KonturError
from kontur.core.segmentation import Segmentation
from kontur.core.taxonomy import Category, Taxonomy
from kontur.kernels.pair_counts import count_id_pairs
from kontur.metrics import PanopticCounts, evaluate_panoptic, panoptic_scores
from kontur.metrics.panoptic_quality import _colour_pairs, _pairs

THINGS = {1: True, 2: True, 3: False, 4: False, 5: False}


def id_map(text: str) -> np.ndarray:
    """Draw an id map: one digit a pixel, one word a row."""
    return np.array([[int(c) for c in row] for row in text.split()])


def segmentation(ids: np.ndarray, categories: dict[int, int]) -> Segmentation:
    return Segmentation.from_ids(ids, categories=categories)


def official(truth: np.ndarray, prediction: np.ndarray, true_segments: list[dict], found_segments: list[dict]) -> dict:
    """One image by the official scorer's rules, mask by mask: category -> [IoU sum, TP, FP, FN]."""
    counts = {c: np.zeros(4) for c in THINGS}
    void = truth == 0
    matched_true, matched_found = set(), set()
    for t in true_segments:
        for p in found_segments:
            if t["iscrowd"] or t["category_id"] != p["category_id"]:
                continue
            mask, other = prediction == p["id"], truth == t["id"]
            common = np.count_nonzero(mask & other)
            union = np.count_nonzero(mask) + t["area"] - common - np.count_nonzero(mask & void)
            if common and common / union > 0.5:
                counts[t["category_id"]] += [common / union, 1, 0, 0]
                matched_true.add(t["id"])
                matched_found.add(p["id"])
    last_crowd = {}
    for t in true_segments:
        if t["iscrowd"]:
            last_crowd[t["category_id"]] = t["id"]
        elif t["id"] not in matched_true:
            counts[t["category_id"]][3] += 1
    for p in found_segments:
        if p["id"] in matched_found or p["category_id"] not in counts:
            continue
        mask = prediction == p["id"]
        excused = np.count_nonzero(mask & void)
        if p["category_id"] in last_crowd:
            excused += np.count_nonzero(mask & (truth == last_crowd[p["category_id"]]))
        if excused / np.count_nonzero(mask) <= 0.5:
            counts[p["category_id"]][2] += 1
    return counts


def official_means(counts: dict, wanted: bool | None) -> tuple[float, float, float, int]:
    rows = [c for category, c in counts.items() if c[1:].sum() and wanted in (None, THINGS[category])]
    if not rows:
        return np.nan, np.nan, np.nan, 0
    pq = np.mean([s / (tp + fp / 2 + fn / 2) for s, tp, fp, fn in rows])
    sq = np.mean([s / tp if tp else 0 for s, tp, fp, fn in rows])
    rq = np.mean([tp / (tp + fp / 2 + fn / 2) for s, tp, fp, fn in rows])
    return pq, sq, rq, len(rows)


def scene(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray, list[dict], list[dict]]:
    """A truth with void, crowds (often two of a category) and ids spread over 24 bits; a prediction that half fits."""
    shape = (int(generator.integers(5, 60)), int(generator.integers(5, 60)))
    blocks = generator.integers(0, 9, (shape[0] // 8 + 1, shape[1] // 8 + 1))
    small = np.kron(blocks, np.ones((8, 8), int))[: shape[0], : shape[1]]
    moved = np.roll(small, generator.integers(-2, 3, 2), (0, 1))
    other = np.kron(generator.integers(0, 9, blocks.shape), np.ones((8, 8), int))[: shape[0], : shape[1]]
    found_small = np.where(generator.random() < 0.5, moved, np.where(other < 4, other, moved))
    names = generator.choice(np.arange(1, 1 << 24), 20, replace=False)
    truth, prediction = np.append(0, names[:8])[small], np.append(0, names[8:16])[found_small]
    categories = generator.integers(1, 5, 8)
    true_segments = [
        {
            "id": int(i),
            "category_id": int(c),
            "area": int((truth == i).sum()),
            "iscrowd": int(generator.random() < 0.35),
        }
        for i, c in zip(names[:8], categories)
        if (truth == i).any()
    ]
    if true_segments and generator.random() < 0.3:
        true_segments[0]["area"] += 5  # the JSON's area counts, not the PNG's
    found_segments = [
        {"id": int(i), "category_id": int(c if generator.random() < 0.8 else generator.integers(1, 7))}
        for i, c in zip(names[8:16], categories)
        if (prediction == i).any()
    ]
    return truth, prediction, true_segments, found_segments


def write_set(
    folder: Path, name: str, maps: list[np.ndarray], segments: list[list[dict]], categories: bool = True
) -> Path:
    (folder / name).mkdir(parents=True, exist_ok=True)
    data: dict = {"annotations": []}
    for image, (ids, infos) in enumerate(zip(maps, segments)):
        rgb = np.stack([ids & 255, ids >> 8 & 255, ids >> 16], axis=-1).astype(np.uint8)
        PillowImage.fromarray(rgb).save(folder / name / f"{image}.png")
        data["annotations"].append({"image_id": image, "file_name": f"{image}.png", "segments_info": infos})
    if categories:
        data["images"] = [{"id": i} for i in range(len(maps))]
        data["categories"] = [{"id": i, "name": f"c{i}", "isthing": int(thing)} for i, thing in THINGS.items()]
    path = folder / f"{name}.json"
    path.write_text(json.dumps(data))
    return path


def test_by_hand():
    truth = segmentation(id_map("1110 1110 0022"), {1: 1, 2: 1})
    predicted = segmentation(id_map("7770 7700 0000"), {7: 1})  # 7 covers 5 of the 6 pixels of 1; segment 2 is missed
    result = panoptic_scores(predicted, truth)
    assert result.score == pytest.approx((5 / 6) / (1 + 1 / 2))
    assert result.all.sq == pytest.approx(5 / 6)
    assert result.all.rq == pytest.approx(1 / 1.5)


def test_half_is_no_match():
    truth = segmentation(id_map("11112222"), {1: 3, 2: 4})
    predicted = segmentation(id_map("11333322"), {1: 3, 3: 5, 2: 4})
    assert panoptic_scores(predicted, truth).score == 0  # IoU 2/4 twice


def test_void_leaves_the_union_and_excuses():
    truth = segmentation(id_map("11100000"), {1: 1})
    predicted = segmentation(id_map("11111122"), {1: 1, 2: 1})  # 1 lies half on void, 2 wholly
    result = panoptic_scores(predicted, truth)
    assert (result.all.pq, result.all.rq) == (1, 1)


def test_only_the_last_crowd_excuses(tmp_path):
    """Two crowds of a category: a prediction on the first counts as false, one on the last does not."""
    truth = id_map("111222")
    segments = [{"id": i, "category_id": 1, "area": 3, "iscrowd": 1} for i in (1, 2)]
    for on, false in ((1, 1), (2, 0)):
        found = np.where(truth == on, 9, 0)
        here = tmp_path / str(on)
        result = evaluate_panoptic(
            write_set(here, "truth", [truth], [segments]),
            write_set(here, "found", [found], [[{"id": 9, "category_id": 1}]], False),
        )
        assert result.all.n == false
    assert np.isnan(result.all.pq)  # nothing to find, nothing found


def test_equal_to_the_official_algorithm(tmp_path):
    generator = np.random.default_rng(0)
    scenes = [scene(generator) for _ in range(60)]
    expected = {c: np.zeros(4) for c in THINGS}
    for one in scenes:
        for category, counts in official(*one).items():
            expected[category] += counts
    truth = write_set(tmp_path, "truth", [s[0] for s in scenes], [s[2] for s in scenes])
    found = write_set(tmp_path, "found", [s[1] for s in scenes], [s[3] for s in scenes], False)
    result = evaluate_panoptic(truth, found, threads=2, csv=True, worst=3, bootstrap=50)
    assert min(c[1:].sum() for c in expected.values() if c.any()) > 5, "the scenes must hold matches and mistakes"
    for group, wanted in (("all", None), ("things", True), ("stuff", False)):
        quality = getattr(result, group)
        np.testing.assert_allclose(
            (quality.pq, quality.sq, quality.rq, quality.n), official_means(expected, wanted), rtol=0, atol=1e-9
        )
    for category, (iou_sum, tp, fp, fn) in expected.items():
        quality = result.per_class[category]
        if tp + fp + fn == 0:
            assert np.isnan(quality.pq)
        else:
            assert quality.pq == pytest.approx(iou_sum / (tp + fp / 2 + fn / 2), abs=1e-9)
    assert result.unknown == sum(p["category_id"] not in THINGS for s in scenes for p in s[3])
    low, high = result.intervals["all pq"]
    assert low <= result.all.pq <= high
    assert len(result.per_image.rows) == 60
    assert list(result.to_dict()) == ["all", "things", "stuff", "per_class"]
    assert set(result.to_dict()["all"]) == {"pq", "sq", "rq", "n"}
    assert set(result.to_dict()["per_class"][1]) == {"pq", "sq", "rq"}


@pytest.mark.parametrize("seed", range(5))
def test_what_changes_nothing(seed):
    generator = np.random.default_rng(seed)
    pairs = []
    for _ in range(4):
        truth, prediction, true_segments, found_segments = scene(generator)
        known = {p["id"]: min(p["category_id"], 5) for p in found_segments}
        pairs.append((truth, {t["id"]: t["category_id"] for t in true_segments}, prediction, known))

    def score(pairs):
        counts = PanopticCounts(THINGS)
        for truth, true, prediction, found in pairs:
            counts.update(segmentation(prediction, found), segmentation(truth, true))
        return counts

    def renamed(ids, categories):
        values = sorted(set(np.unique(ids)) - {0})
        new = dict(zip(values, generator.choice(np.arange(1, 10_000), len(values), replace=False).tolist()))
        table = np.vectorize(lambda i: new.get(i, 0))
        return table(ids), {new[i]: c for i, c in categories.items()}

    whole = score(pairs)
    other = score([(*renamed(t, tc), *renamed(p, pc)) for t, tc, p, pc in pairs])
    np.testing.assert_allclose(other.counts, whole.counts, atol=1e-12)
    np.testing.assert_allclose((score(pairs[:1]) + score(pairs[1:])).counts, whole.counts, atol=1e-12)


def test_taxonomy_tells_things_from_stuff():
    taxonomy = Taxonomy((Category(1, "car", (0, 0, 0), True), Category(3, "sky", (1, 1, 1))))
    truth = Segmentation.from_ids(id_map("1122"), categories={1: 1, 2: 3}, taxonomy=taxonomy)
    predicted = segmentation(id_map("1111"), {1: 1})
    result = panoptic_scores(predicted, truth)
    assert (result.things.n, result.stuff.n, result.stuff.pq) == (1, 1, 0)


@pytest.mark.parametrize("size", [1, 2, 3, 15, 16, 17, 31, 33, 500])
@pytest.mark.parametrize("longest", [1, 3, 40])
def test_pairs_equal_numpy(size, longest):
    generator = np.random.default_rng(size)
    a, b = (
        np.repeat(generator.choice([0, 1, 2, 1 << 31, (1 << 32) - 1], size), generator.integers(1, longest + 1, size))[
            :size
        ]
        for _ in range(2)
    )
    expected: dict = {}
    for pair in zip(a.tolist(), b.tolist()):
        expected[pair] = expected.get(pair, 0) + 1
    assert _pairs(a.astype(np.uint32), b.astype(np.uint32)) == expected


@pytest.mark.parametrize("size", [1, 2, 7, 8, 9, 31, 32, 33, 64, 500])
@pytest.mark.parametrize("longest", [1, 3, 90])
def test_colour_pairs_equal_id_pairs(size, longest):
    generator = np.random.default_rng(size)
    a, b = (
        np.repeat(
            generator.choice([0, 1, 1 << 8, 1 << 16, (1 << 24) - 1], size), generator.integers(1, longest + 1, size)
        )
        for _ in range(2)
    )
    maps = [ids[:size].astype(np.uint32) for ids in (a, b)]
    colours = [np.stack([ids & 255, ids >> 8 & 255, ids >> 16], axis=-1).astype(np.uint8) for ids in maps]
    assert _colour_pairs(*colours) == _pairs(*maps)


def test_more_pairs_than_the_first_table():
    generator = np.random.default_rng(0)
    a, b = generator.integers(0, 1 << 24, (2, 60_001)).astype(np.uint32)
    assert count_id_pairs(a, b, a[:-1].view(np.uint64), b[:-1].view(np.uint64), np.zeros((64, 2), np.uint64)) == -1
    assert sum(_pairs(a, b).values()) == 60_001
    assert set(_pairs(a, b)) == set(zip(a.tolist(), b.tolist()))


@pytest.mark.real_data
def test_real_sample(data, tmp_path):
    """The truth against itself is perfect, crowds aside; against a shifted copy it equals the official algorithm."""
    path = data / "coco-panoptic-sample" / "panoptic_examples.json"
    truth = json.loads(path.read_text())
    perfect = evaluate_panoptic(path, path)
    assert perfect.all.pq == perfect.things.sq == perfect.stuff.rq == 1
    found = copy.deepcopy(truth)
    (tmp_path / "found").mkdir()
    expected: dict = {}
    for annotation in found["annotations"]:
        name = annotation["file_name"]
        rgb = np.asarray(PillowImage.open(path.with_suffix("") / name)).astype(int)
        ids = rgb[..., 0] + 256 * rgb[..., 1] + 65536 * rgb[..., 2]
        shifted = np.roll(ids, (3, 14), (0, 1))
        PillowImage.fromarray(np.roll(rgb, (3, 14), (0, 1)).astype(np.uint8)).save(tmp_path / "found" / name)
        infos = [dict(s) for s in annotation["segments_info"]]
        for category in {s["category_id"] for s in infos}:
            THINGS.setdefault(category, True)
        for category, counts in official(ids, shifted, infos, infos).items():
            expected[category] = expected.get(category, 0) + counts
    (tmp_path / "found.json").write_text(json.dumps(found))
    result = evaluate_panoptic(path, tmp_path / "found.json")
    pq, sq, rq, n = official_means(expected, None)
    np.testing.assert_allclose((result.all.pq, result.all.sq, result.all.rq, result.all.n), (pq, sq, rq, n), atol=1e-9)
    assert 0.1 < pq < 0.95


# --- bad input --------------------------------------------------------------------------------------------------------


@pytest.fixture
def good(tmp_path) -> tuple[Path, Path]:
    truth = [id_map("1122 1100"), id_map("3333 3300")]
    infos = [
        [{"id": 1, "category_id": 1, "area": 4, "iscrowd": 0}, {"id": 2, "category_id": 3, "area": 2, "iscrowd": 0}],
        [{"id": 3, "category_id": 2, "area": 6, "iscrowd": 0}],
    ]
    return write_set(tmp_path, "truth", truth, infos), write_set(tmp_path, "found", truth, copy.deepcopy(infos), False)


def edit(path: Path, change) -> None:
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


def test_good_set_is_perfect(good):
    assert evaluate_panoptic(*good).all.pq == 1


@pytest.mark.parametrize(
    ("which", "change", "message"),
    [
        (1, lambda d: d["annotations"].pop(), "1 without prediction: 1"),
        (0, lambda d: d["annotations"].pop(), "1 without truth: 1"),
        (1, lambda d: d["annotations"][0].update(image_id=99), "does not know: 99"),
        (0, lambda d: d["images"].pop(), "not in its list: 1"),
        (1, lambda d: d["annotations"][1].update(image_id=0), "image 0 twice"),
        (0, lambda d: d["annotations"][0]["segments_info"][0].update(category_id=77), r"got 77 \(1 segments\)"),
        (0, lambda d: d["annotations"][0]["segments_info"][0].pop("area"), "whole number as 'area', got nothing"),
        (1, lambda d: d["annotations"][0]["segments_info"].pop(), r"0.png: expected the ids .* got 2 \(2 pixels\)"),
        (1, lambda d: d["annotations"][0]["segments_info"].append({"id": 8, "category_id": 1}), r"no pixel: \[8\]"),
        (1, lambda d: d["annotations"][0].update(file_name="../truth/0.png"), "inside the folder"),
        (1, lambda d: d["annotations"][0].pop("segments_info"), "'segments_info', a list"),
        (0, lambda d: d.pop("categories"), "'categories', a list"),
        (0, lambda d: d["categories"][0].pop("isthing"), "isthing"),
        (0, lambda d: d["annotations"][0]["segments_info"][0].update(id=float("inf")), "whole number as 'id'"),
    ],
)
def test_bad_json(good, which, change, message):
    edit(good[which], change)
    with pytest.raises(InputError, match=message):
        evaluate_panoptic(*good)


def test_bad_files(good):
    truth, found = good
    PillowImage.fromarray(np.zeros((3, 9, 3), np.uint8)).save(found.with_suffix("") / "0.png")
    with pytest.raises(InputError, match=r"\(2, 4\).*\(3, 9\)"):
        evaluate_panoptic(truth, found)
    PillowImage.fromarray(np.zeros((2, 4), np.uint8)).save(found.with_suffix("") / "0.png")
    with pytest.raises(InputError, match="expected an RGB PNG"):
        evaluate_panoptic(truth, found)
    (found.with_suffix("") / "0.png").write_bytes(b"no picture")
    with pytest.raises(KonturError, match=r"0.png: cannot be read"):
        evaluate_panoptic(truth, found)
    (found.with_suffix("") / "0.png").unlink()
    with pytest.raises(InputError, match=r"without prediction: .*0.png"):
        evaluate_panoptic(truth, found)
    assert evaluate_panoptic(truth, found, allow_missing=True).all.pq == pytest.approx(1 / 3)  # one category of three
    found.write_text("{")
    with pytest.raises(KonturError, match="expected JSON"):
        evaluate_panoptic(truth, found)


def test_segmentations_need_categories_and_one_size():
    truth = segmentation(id_map("11"), {1: 1})
    with pytest.raises(InputError, match=r"\(1, 3\).*\(1, 2\)"):
        panoptic_scores(segmentation(id_map("111"), {1: 1}), truth)
    with pytest.raises(InputError, match="expected a category"):
        panoptic_scores(Segmentation.from_ids(id_map("11")), truth)
