"""What every form of label file says when it is scored: a result's own mask scores 1, and what cannot be told is refused."""

from __future__ import annotations

import copy
import json
import pickle
from dataclasses import FrozenInstanceError
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from command_line import run
from kontur.core.errors import InputError
from kontur.core.instances import Instances
from kontur.core.refine import remove_small
from kontur.core.segmentation import Segmentation
from kontur.core.taxonomy import Category, Taxonomy
from kontur.io.documents import write_document
from kontur.io.labels import write_categories, write_labels
from kontur.metrics import (
    Evaluation,
    evaluate_boundaries,
    evaluate_contours,
    evaluate_foreground,
    evaluate_instances,
    evaluate_panoptic,
    evaluate_semantic,
    evaluate_superpixels,
    foreground_scores,
    mask_boundary_scores,
)
from kontur.metrics.counts import Means, Several
from kontur.metrics.foreground import ForegroundCounts

SHAPE = (24, 32)
TAXONOMY = Taxonomy((Category(3, "road", (1, 2, 3)), Category(7, "car", (4, 5, 6), True)), 255)


def box(y0: int, y1: int, x0: int, x1: int) -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    mask[y0:y1, x0:x1] = True
    return mask


MASKS = [box(2, 9, 3, 12), box(6, 20, 10, 20), box(15, 22, 24, 31)]  # the first two overlap
UNION = np.any(MASKS, axis=0)


def save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Pillow.fromarray(np.asarray(pixels, np.uint8)).save(path)


def write(folder: Path, name: str, result: Segmentation | Instances, *, ending: str = ".labels.png") -> None:
    """As `kontur segment --write labels,json` does."""
    folder.mkdir(parents=True, exist_ok=True)
    flat = result.flatten(background=False) if isinstance(result, Instances) else result
    write_labels(folder / f"{name}{ending}", flat.ids)
    write_document(folder / f"{name}.json", result)
    save(folder / f"{name}.overlay.png", np.zeros((*SHAPE, 3)))


def instances(count: int = 3) -> Instances:
    return Instances.from_masks(MASKS[:count], shape=SHAPE, scores=[0.9, 0.8, 0.7][:count])


RESULTS = {
    "instances": (instances(), UNION),
    "one instance": (instances(1), MASKS[0]),
    "no instance": (instances(0), box(0, 0, 0, 0)),
    "instances, refined": (remove_small(instances().flatten(), 1), UNION),
    "instances everywhere": (Instances.from_masks([box(0, 24, 0, 32)], shape=SHAPE), box(0, 24, 0, 32)),
    "foreground": (Segmentation.from_mask(UNION), UNION),
    "foreground of several objects": (Segmentation.from_objects(MASKS[0] * 1 + MASKS[2] * 2), MASKS[0] | MASKS[2]),
    "foreground everywhere": (Segmentation.from_mask(box(0, 24, 0, 32)), box(0, 24, 0, 32)),
    "foreground and void": (
        Segmentation.from_ids(np.where(box(0, 3, 0, 32), 0, UNION + 1), background=1),
        UNION & ~box(0, 3, 0, 32),
    ),
    "another background": (Segmentation.from_ids(np.where(UNION, 1, 5), background=5), UNION),
}


@pytest.mark.parametrize("name", RESULTS)
@pytest.mark.parametrize("ending", [".labels.png", ".labels.tif"])
def test_a_result_s_own_mask_scores_one(tmp_path, name, ending):
    result, mask = RESULTS[name]
    write(tmp_path / "out", "a", result, ending=ending)
    save(tmp_path / "truth" / "a.png", mask * 255)
    found = evaluate_foreground(tmp_path / "truth", tmp_path / "out")
    assert found.error_rate == 0
    assert found.iou == 1 or not mask.any()
    drawn = evaluate_boundaries(tmp_path / "truth", tmp_path / "out")
    assert (drawn.davis_j, drawn.davis_f) == (1, 1)
    if mask.any():
        assert (drawn.boundary_iou, drawn.hausdorff95) == (1, 0)
    soft = evaluate_foreground(tmp_path / "truth", tmp_path / "out", soft=True)
    assert soft.mae == 0


def test_instances_in_memory_are_their_masks_together():
    assert foreground_scores(instances(), UNION).iou == 1
    assert foreground_scores(UNION, instances()).iou == 1
    assert foreground_scores(instances(2), instances()).iou == pytest.approx(197 / 246)
    scores = mask_boundary_scores(instances(), UNION)
    assert (scores.boundary_iou, scores.davis_f, scores.hausdorff95) == (1, 1, 0)


def test_a_folder_against_itself_scores_one(tmp_path):
    for name, (result, _) in RESULTS.items():
        write(tmp_path / "out", name, result)
    found = evaluate_foreground(tmp_path / "out", tmp_path / "out")
    assert (found.images, found.error_rate, found.iou) == (len(RESULTS), 0, 1)
    assert evaluate_boundaries(tmp_path / "out", tmp_path / "out").davis_j == 1
    by_label = evaluate_boundaries(tmp_path / "out", tmp_path / "out", each_label=True)
    objects = sum(len(r) if isinstance(r, Instances) else len(r.segments) - (r.background is not None and r.background in r.ids)
                  for r, _ in RESULTS.values())  # fmt: skip
    assert (by_label.objects, by_label.davis_j) == (objects, 1), "the background is no object"


def test_a_wrong_instance_costs_its_pixels(tmp_path):
    """63 + 140 - 6 shared pixels and 49: without the third, 197 of 246."""
    write(tmp_path / "out", "a", instances(2))
    save(tmp_path / "truth" / "a.png", UNION * 255)
    assert evaluate_foreground(tmp_path / "truth", tmp_path / "out").iou == pytest.approx(197 / 246)


@pytest.mark.parametrize(
    "result",
    [
        Segmentation.from_labels(np.arange(24 * 32).reshape(SHAPE) // 192),
        Segmentation.from_categories(np.where(UNION, 7, 3), TAXONOMY),
    ],
)
def test_a_partition_without_background_is_refused(tmp_path, capsys, result):
    write(tmp_path / "out", "a", result)
    save(tmp_path / "truth" / "a.png", UNION * 255)
    for command in ("foreground", "boundaries"):
        code, out, err = run(capsys, "evaluate", command, tmp_path / "truth", tmp_path / "out")
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert "a.labels.png: expected a result with a background" in err
        assert "kontur evaluate superpixels" in err, "what to do"


def test_labels_alone_are_read_where_they_can_be(tmp_path):
    """Without the JSON {1, 2} is background and object, {0, 255} a mask; what may be instances or a partition is not guessed."""
    save(tmp_path / "truth" / "a.png", UNION * 255)
    for pixels in (UNION + 1, UNION * 255):
        save(tmp_path / "out" / "a.labels.png", pixels)
        assert evaluate_foreground(tmp_path / "truth", tmp_path / "out").iou == 1
    for pixels in (MASKS[0] + 2 * MASKS[2], UNION * 1, np.where(UNION, 3, 1)):
        save(tmp_path / "out" / "a.labels.png", pixels)
        with pytest.raises(InputError, match=r"a\.labels\.png: expected a\.json beside it.*--write labels,json"):
            evaluate_foreground(tmp_path / "truth", tmp_path / "out")
    (tmp_path / "out" / "a.json").write_text('{"shapes": []}')  # another program's
    with pytest.raises(InputError, match=r"expected a\.json beside it"):
        evaluate_foreground(tmp_path / "truth", tmp_path / "out")


@pytest.mark.parametrize("value", ["1e999", "Infinity", "NaN", '"1"', "true", "1.5"])
@pytest.mark.parametrize("key", ["background", "id", "category"])
def test_a_damaged_document_is_one_sentence(tmp_path, capsys, key, value):
    write(tmp_path / "out", "a", Segmentation.from_categories(np.where(UNION, 7, 3), TAXONOMY))
    path = tmp_path / "out" / "a.json"
    path.write_text(path.read_text().replace(f'"{key}": ', f'"{key}": {value}, "was": ', 1))
    save(tmp_path / "truth" / "a.png", UNION * 255)
    for arguments in (("foreground",), ("semantic", "--classes", 8)):
        code, out, err = run(capsys, "evaluate", *arguments, tmp_path / "truth", tmp_path / "out")
        assert (code, out, err.count("\n")) == (2, "", 1)
    assert "a.json" in err


def test_a_mark_before_the_json_changes_nothing(tmp_path):
    write(tmp_path / "out", "a", instances())
    path = tmp_path / "out" / "a.json"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    save(tmp_path / "truth" / "a.png", UNION * 255)
    assert evaluate_foreground(tmp_path / "truth", tmp_path / "out").iou == 1
    truth = {
        "images": [{"id": 1, "height": 24, "width": 32}],
        "categories": [{"id": 1, "name": "x"}],
        "annotations": [],
    }
    marked = tmp_path / "truth.json"
    marked.write_bytes(b"\xef\xbb\xbf" + json.dumps(truth).encode())
    assert evaluate_instances(marked, []).images == 1


# --- semantic ---------------------------------------------------------------------------------------------------------


def test_category_maps_of_every_size_are_scored(tmp_path):
    """As `kontur segment` writes them: 8-bit PNG, TIFF of large images, or segment ids and their JSON."""
    truth = np.where(UNION, 7, 3)
    found = np.where(MASKS[0] | MASKS[1], 7, 3)  # 246 pixels of the car, 197 found
    result = Segmentation.from_categories(found, TAXONOMY)
    save(tmp_path / "truth" / "a.png", truth)
    expected = (197 / 246 + (768 - 246) / (768 - 197)) / 2
    for ending in (".categories.png", ".categories.tif", ".labels.tif", ".labels.png"):
        folder = tmp_path / ending[1:]
        write(folder, "a", result, ending=".labels.tif" if ending.endswith("tif") else ".labels.png")
        if ending == ".categories.png":
            write_categories(folder / "a.categories.png", found)
        elif ending == ".categories.tif":
            write_labels(folder / "a.categories.tif", found)
        scored = evaluate_semantic(tmp_path / "truth", folder, taxonomy=TAXONOMY)
        assert scored.mean_iou == pytest.approx(expected), ending


@pytest.mark.parametrize(
    "text",
    [
        '[{"id": 1e999, "name": "x"}]',
        '[{"id": Infinity, "name": "x"}]',
        '[{"id": NaN, "name": "x"}]',
        '[{"id": "1", "name": "x"}]',
        '[{"id": true, "name": "x"}]',
        '[{"id": 1, "name": "x", "colour": [1e999, 0, 0]}]',
        '[{"id": 1, "name": "x", "color": [NaN, 0, 0]}]',
        '{"ignore": 1e999, "categories": [{"id": 1, "name": "x"}]}',
    ],
)
def test_a_wrong_taxonomy_is_one_sentence(tmp_path, capsys, text):
    save(tmp_path / "m" / "a.png", UNION * 1)
    (tmp_path / "t.json").write_text(text)
    folders = tmp_path / "m", tmp_path / "m"
    code, out, err = run(capsys, "evaluate", "semantic", *folders, "--taxonomy", tmp_path / "t.json")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "t.json" in err


def test_an_ignore_value_that_fits_no_array_is_refused(tmp_path, capsys):
    save(tmp_path / "m" / "a.png", UNION * 1)
    folders = tmp_path / "m", tmp_path / "m"
    code, _, err = run(capsys, "evaluate", "semantic", *folders, "--classes", 2, "--ignore", 10**30)
    assert (code, err.count("\n")) == (2, 1)
    assert "ignore" in err


def test_void_has_no_category(tmp_path):
    """Segment ids of void are a miss of the true class, whatever they are."""
    found = np.where(MASKS[2], 255, np.where(UNION, 7, 3))
    write(tmp_path / "out", "a", Segmentation.from_categories(found, TAXONOMY), ending=".labels.tif")
    save(tmp_path / "truth" / "a.png", np.where(UNION, 7, 3))
    scored = evaluate_semantic(tmp_path / "truth", tmp_path / "out", taxonomy=TAXONOMY)
    assert scored.unpredicted.tolist() == [0, 49]
    assert "49 pixels are predicted as no class" in scored.notes[0]


def test_segment_ids_without_categories_are_refused_for_classes(tmp_path, capsys):
    write(tmp_path / "out", "a", instances())
    save(tmp_path / "truth" / "a.png", UNION * 1)
    code, out, err = run(capsys, "evaluate", "semantic", tmp_path / "truth", tmp_path / "out", "--classes", 2)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "expected a result with categories" in err


# --- hidden files -----------------------------------------------------------------------------------------------------


def test_nothing_hidden_is_scored(tmp_path):
    write(tmp_path / "out", "a", instances())
    save(tmp_path / "truth" / "a.png", UNION * 255)
    save(tmp_path / "classes" / "a.png", UNION * 1)
    for folder in ("out", "truth", "classes"):
        for hidden in (".ipynb_checkpoints", ".git/refs", "deep/.cache"):
            for name in ("b.png", "b.labels.png", "b.categories.png", "b.boundaries.png", "b.npz", "b.mat", "b.npy"):
                path = tmp_path / folder / hidden / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(b"not read")
        for name in ("._a.png", ".a.labels.png", ".a.npz"):
            (tmp_path / folder / name).write_bytes(b"not read")
    truth, out, classes = tmp_path / "truth", tmp_path / "out", tmp_path / "classes"
    assert evaluate_foreground(truth, out).images == 1
    assert evaluate_boundaries(truth, out).images == 1
    assert evaluate_semantic(classes, classes, 2).images == 1
    assert evaluate_superpixels(classes, out).images == 1
    contours = evaluate_contours(classes, out)
    assert contours.images == 1
    assert "taken are the files" not in contours.protocol, "a hidden .boundaries.png chooses nothing"


# --- one evaluation ---------------------------------------------------------------------------------------------------


@pytest.fixture
def evaluations(tmp_path) -> dict[str, Evaluation]:
    save(tmp_path / "m" / "a.png", UNION * 1)
    ids = np.stack([UNION * 1 + 1, *2 * [np.zeros(SHAPE, int)]], axis=-1)
    save(tmp_path / "p" / "a.png", ids)
    segments = [{"id": i, "category_id": i, "area": int((i == UNION + 1).sum()), "iscrowd": 0} for i in (1, 2)]
    panoptic = {
        "images": [{"id": 1, "file_name": "a.jpg"}],
        "annotations": [{"image_id": 1, "file_name": "a.png", "segments_info": segments}],
        "categories": [{"id": i, "name": f"c{i}", "isthing": i - 1} for i in (1, 2)],
    }
    (tmp_path / "p.json").write_text(json.dumps(panoptic))
    folders = tmp_path / "m", tmp_path / "m"
    return {
        "semantic": evaluate_semantic(*folders, 2),
        "panoptic": evaluate_panoptic(tmp_path / "p.json", tmp_path / "p.json"),
        "instances": evaluate_instances(instances(), instances()),
        "contours": evaluate_contours(*folders, labels=True),
        "superpixels": evaluate_superpixels(*folders),
        "foreground": evaluate_foreground(*folders),
        "boundaries": evaluate_boundaries(*folders),
    }


PERFECT = {
    "semantic": "mean_iou",
    "panoptic": "score",
    "instances": "AP",
    "contours": "covering_ods",
    "superpixels": "achievable_accuracy",
    "foreground": "iou",
    "boundaries": "davis_jf",
}


def test_every_evaluation_is_of_one_kind(evaluations):
    for name, found in evaluations.items():
        assert isinstance(found, Evaluation)
        assert found.images == 1, name
        assert getattr(found, PERFECT[name]) == pytest.approx(1), name
        assert found.protocol
        assert found.tables
        assert found.missing == ""
        assert json.loads(json.dumps(found.document())).keys() == found.to_dict().keys()
        with pytest.raises(FrozenInstanceError):
            found.images = 2
        with pytest.raises(AttributeError, match="no score named 'nothing'"):
            found.nothing  # noqa: B018


def test_evaluations_can_be_copied_and_sent(evaluations):
    for name, found in evaluations.items():
        for other in (copy.copy(found), copy.deepcopy(found), pickle.loads(pickle.dumps(found))):
            assert getattr(other, PERFECT[name]) == getattr(found, PERFECT[name])
            assert other.document() == found.document()


# --- counts -----------------------------------------------------------------------------------------------------------


def test_counts_scale_as_if_an_image_were_there_again():
    """Three times the first image and once the second, by weights and by adding."""
    first, second = ForegroundCounts(), ForegroundCounts()
    first.update(MASKS[0], UNION)
    second.update(MASKS[1], MASKS[2])
    weighted = first * 3 + second
    added = first + first + first + second
    assert weighted.scores() == added.scores()
    assert weighted.images == 4
    many = first * np.array([3, 0, 1]) + second * np.array([1, 2, 0])
    assert many[0].scores() == weighted.scores()
    assert many[1].scores() == (second + second).scores()
    assert many[2].scores() == first.scores()
    assert isinstance(many[1].images, int)


def test_means_leave_out_what_is_undefined():
    means = Means(("a", "b"))
    means.update(np.array([[1.0, np.nan], [2.0, np.inf], [6.0, 5.0]]))
    assert means.means() == {"a": 3.0, "b": 5.0}
    assert (means * 2).means() == means.means()
    both = Several(means, means) * np.array([1, 2]) + Several(means, means) * np.array([1, 0])
    assert [part.sums.tolist() for part in both[1].parts] == [[18.0, 10.0]] * 2
    with pytest.raises(TypeError):
        means + Several(means)
