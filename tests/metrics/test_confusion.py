"""Semantic scores: the worked example, the Cityscapes scripts' matrix, and what must not change them."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as PillowImage

from kontur.core.errors import InputError, OptionError, UnreadableFile
from kontur.core.segmentation import Segmentation
from kontur.core.taxonomy import Category, Taxonomy
from kontur.metrics import Confusion, evaluate_semantic
from kontur.metrics.streaming import Bootstrap, pair_files, stream

# Three classes, truth by row: hits 43, 45, 49; misses 7, 5, 1; false alarms 2, 6, 5.
WORKED = np.array([[43, 5, 2], [2, 45, 3], [0, 1, 49]])


def maps_of(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A prediction and a truth (1, N) whose confusion matrix is `counts`."""
    truth, prediction = (np.repeat(index.ravel(), counts.ravel())[None] for index in np.indices(counts.shape))
    return prediction.astype(np.uint8), truth.astype(np.uint8)


def plain_counts(prediction: np.ndarray, truth: np.ndarray, classes: int, ignore: int | None) -> np.ndarray:
    """(K, K + 1) by the definition, a pixel at a time."""
    counts = np.zeros((classes, classes + 1), np.int64)
    for t, p in zip(truth.ravel().tolist(), prediction.ravel().tolist()):
        if t != ignore:
            counts[t, p if 0 <= p < classes else classes] += 1
    return counts


def all_counts(confusion: Confusion) -> np.ndarray:
    return np.column_stack([confusion.counts, confusion.unpredicted])


def regions(generator: np.random.Generator, shape: tuple[int, int], values: int, cell: int = 7) -> np.ndarray:
    """Blocks of equal ids: label maps are not noise."""
    blocks = generator.integers(0, values, (shape[0] // cell + 1, shape[1] // cell + 1))
    return np.kron(blocks, np.ones((cell, cell), int))[: shape[0], : shape[1]]


def test_worked_example():
    scores = Confusion(3).update(*maps_of(WORKED)).scores()
    np.testing.assert_array_equal(scores.counts, WORKED)
    np.testing.assert_allclose(scores.iou * 100, [82.69, 80.36, 89.09], atol=0.005)
    assert scores.mean_iou * 100 == pytest.approx(84.05, abs=0.005)
    assert scores.pixel_accuracy == 137 / 150
    assert scores.mean_accuracy == pytest.approx((43 / 50 + 45 / 50 + 49 / 50) / 3)
    np.testing.assert_allclose(scores.precision, [43 / 45, 45 / 51, 49 / 54])
    np.testing.assert_allclose(scores.recall, [0.86, 0.9, 0.98])
    np.testing.assert_allclose(scores.dice, [86 / 95, 90 / 101, 98 / 104])
    assert scores.frequency_weighted_iou == pytest.approx((43 / 52 + 45 / 56 + 49 / 55) / 3)  # 50 pixels each


def test_equal_to_the_cityscapes_scripts():
    evaluation = pytest.importorskip("cityscapesscripts.evaluation.evalPixelLevelSemanticLabeling")
    generator = np.random.default_rng(0)
    truth = regions(generator, (200, 311), 34, 13).astype(np.uint8)
    prediction = np.where(regions(generator, truth.shape, 4) == 0, generator.integers(0, 34, truth.shape), truth)
    prediction[truth == 20] = 21
    truth[truth == 21] = 22  # 21 is predicted, never true; 20 is true, never hit
    prediction[prediction == 30], truth[truth == 30] = 31, 31  # 30 occurs nowhere
    theirs = evaluation.generateMatrix(evaluation.args)
    for t in np.unique(truth):
        for p in np.unique(prediction):
            theirs[t, p] = np.count_nonzero((truth == t) & (prediction == p))
    # The scripts ignore some labels; here all 34 count, as `ignoreInEval` is switched off in a copy of their table.
    kept = evaluation.id2label
    evaluation.id2label = {k: v._replace(ignoreInEval=False) for k, v in kept.items()}
    try:
        expected = [evaluation.getIouScoreForLabel(i, theirs, evaluation.args) for i in range(34)]
    finally:
        evaluation.id2label = kept
    scores = Confusion(34).update(prediction.astype(np.uint8), truth).scores()
    np.testing.assert_array_equal(scores.counts, theirs[:34, :34])
    np.testing.assert_allclose(scores.iou, expected, rtol=0, atol=1e-9)
    assert np.isnan(scores.iou[30])
    assert scores.iou[20] == scores.iou[21] == 0
    assert scores.mean_iou == pytest.approx(np.nanmean(expected), abs=1e-9)


KINDS = [np.uint8, np.int8, np.uint16, np.int16, np.int32, np.uint32, np.int64, np.uint64]


@settings(max_examples=60)
@given(
    st.integers(0, 10_000),
    st.integers(1, 40),
    st.integers(0, 400),
    st.sampled_from([None, 255, 0, 2]),
    st.sampled_from([1, 2, 5, 30]),
)
def test_counts_by_the_definition(seed, classes, size, ignore, longest):
    generator = np.random.default_rng(seed)
    runs = generator.integers(1, longest + 1, size)
    allowed = np.arange(classes) if ignore is None else np.append(np.arange(classes), ignore)
    truth = np.repeat(generator.choice(allowed, size), runs)[:size].astype(np.uint8)
    prediction = np.repeat(generator.integers(0, 256, size), generator.integers(1, longest + 1, size))[:size]
    prediction = np.where(generator.random(size) < 0.5, truth, prediction).astype(np.uint8)
    np.testing.assert_array_equal(
        all_counts(Confusion(classes, ignore).update(prediction, truth)),
        plain_counts(prediction, truth, classes, ignore),
    )


@pytest.mark.parametrize("kind", KINDS)
def test_prediction_of_another_integer_type(kind):
    generator = np.random.default_rng(1)
    truth, prediction = regions(generator, (40, 50), 5), regions(generator, (40, 50), 7)
    truth[:3] = 255
    expected = plain_counts(prediction, truth, 5, 255)
    np.testing.assert_array_equal(
        all_counts(Confusion(5).update(prediction.astype(kind), truth.astype(np.uint8))), expected
    )
    if kind is not np.int8:  # which has no 255
        np.testing.assert_array_equal(
            all_counts(Confusion(5).update(prediction.astype(np.uint8), truth.astype(kind))), expected
        )


def test_outside_predictions_are_misses():
    truth = np.array([[0, 1, 1, 1]])
    scores = Confusion(2).update(np.array([[0, 1, -1, 255]]), truth).scores()
    assert scores.unpredicted.tolist() == [0, 2]
    assert scores.iou.tolist() == [1, 1 / 3]
    assert scores.precision.tolist() == [1, 1]


def test_ignore_inside_the_classes_drops_truth_only():
    confusion = Confusion(3, ignore=0).update(np.array([1, 0, 2, 1]), np.array([0, 1, 2, 1]))
    assert confusion.counts.tolist() == [[0, 0, 0], [1, 1, 0], [0, 0, 1]]
    assert len(confusion.scores().iou) == 3


def test_ignore_none_refuses_what_is_no_class():
    with pytest.raises(InputError, match=r"truth ids: expected 0\.\.1, got 255 \(3 pixels\)"):
        Confusion(2, None).update(np.zeros(5, int), np.array([255, 0, 255, 1, 255]))


def test_classes_that_occur_nowhere():
    scores = Confusion(4).update(np.array([0, 1, 2]), np.array([0, 1, 1])).scores()
    np.testing.assert_array_equal(scores.iou, [1, 0.5, 0, np.nan])  # 2 is predicted only, 3 occurs nowhere
    assert scores.mean_iou == 0.5
    assert scores.mean_accuracy == 0.75
    empty = Confusion(2).scores()
    assert np.isnan([empty.pixel_accuracy, empty.mean_accuracy, empty.mean_iou, empty.frequency_weighted_iou]).all()


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_what_changes_nothing(seed):
    generator = np.random.default_rng(seed)
    truth, prediction = regions(generator, (30, 64), 6), regions(generator, (30, 64), 6, 5)
    truth[generator.random(truth.shape) < 0.2] = 255
    whole = Confusion(6).update(prediction, truth)
    scores = whole.scores()
    # other predictions at ignored pixels
    other = np.where(truth == 255, generator.integers(-5, 300, truth.shape), prediction)
    assert Confusion(6).update(other, truth) == whole
    # splitting the data and adding the counts
    cut = int(generator.integers(0, 31))
    parts = Confusion(6).update(prediction[:cut], truth[:cut]) + Confusion(6).update(prediction[cut:], truth[cut:])
    assert parts == whole
    # renaming the classes permutes the class scores and leaves the totals
    order = generator.permutation(6)
    renamed = Confusion(6).update(order[prediction], np.where(truth == 255, 255, order[truth % 255])).scores()
    np.testing.assert_array_equal(renamed.iou[order], scores.iou)
    assert renamed.mean_iou == pytest.approx(scores.mean_iou, abs=1e-12)
    assert renamed.pixel_accuracy == scores.pixel_accuracy


def test_segmentations_give_their_categories():
    taxonomy = Taxonomy.from_names(["sky", "road"])
    truth = np.array([[0, 0, 1], [1, 255, 1]])
    prediction = np.array([[0, 1, 1], [1, 1, 255]])
    pair = (Segmentation.from_categories(a, taxonomy) for a in (prediction, truth))
    assert Confusion(2).update(*pair) == Confusion(2).update(prediction, truth)
    with pytest.raises(InputError, match="with categories"):
        Confusion(2).update(Segmentation.from_labels(prediction), truth)


@pytest.mark.parametrize(
    ("prediction", "truth", "message"),
    [
        (np.zeros((4, 5), int), np.zeros((5, 4), int), r"\(4, 5\).*\(5, 4\)"),
        (np.zeros((4, 5, 3), int), np.zeros((4, 5), int), "colours"),
        (np.zeros((2, 2)), np.zeros((2, 2), int), "prediction: expected class ids of an integer type, got float64"),
        (np.zeros((2, 2), int), np.full((2, 2), 9), r"got 9 \(4 pixels\)"),
        (np.zeros((2, 2), np.uint8), np.full((2, 2), 9, np.uint8), r"got 9 \(4 pixels\)"),
        (np.zeros((2, 2), int), np.full((2, 2), -1), r"got -1 \(4 pixels\)"),
    ],
)
def test_bad_maps_add_nothing(prediction, truth, message):
    confusion = Confusion(3)
    with pytest.raises(InputError, match=message):
        confusion.update(prediction, truth)
    assert all_counts(confusion).sum() == 0


@pytest.mark.parametrize("options", [{"classes": 0}, {"classes": 2.5}, {"classes": True}, {"classes": 2, "ignore": -3}])
def test_bad_options(options):
    with pytest.raises(OptionError):
        Confusion(**options)


def test_matrices_of_different_kinds_do_not_add():
    with pytest.raises(InputError, match="3 classes, ignore 255 and 3 classes, ignore 0"):
        Confusion(3) + Confusion(3, 0)


def test_table_and_figure():
    scores = Confusion(3).update(*maps_of(WORKED)).scores()
    lines = scores.table(["sky", "road", "car"]).splitlines()
    assert [line.split()[-4:] for line in lines[1:]] == [
        ["43", "5", "2", "0"],
        ["2", "45", "3", "0"],
        ["0", "1", "49", "0"],
    ]
    picture = scores.figure(["sky", "road", "car"]).astype(int)
    cell, room = 44, picture.shape[0] - 8 - 3 * 44
    corners = picture[room + 3 :: cell, room + 3 :: cell][:3, :4].sum(axis=2)  # beside the numbers
    assert (np.argsort(corners, axis=1)[:, 0] == [0, 1, 2]).all()  # the largest share is the darkest


# --- files ----------------------------------------------------------------------------------------------------------


def write(folder: Path, name: str, pixels: np.ndarray, mode: str | None = None) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    image = PillowImage.fromarray(pixels.astype(np.uint8 if pixels.max(initial=0) < 256 else np.uint16))
    if mode == "P":
        image.putpalette(list(np.random.default_rng(0).permutation(256)) * 3)
    image.save(path)
    return path


@pytest.fixture
def folders(tmp_path) -> tuple[Path, Path]:
    generator = np.random.default_rng(3)
    for i in range(6):
        truth = regions(generator, (20 + i, 30), 4)
        truth[:2] = 255
        write(tmp_path / "truth", f"town{i % 2}/{i}.png", truth)
        write(tmp_path / "prediction", f"town{i % 2}/{i}.png", np.where(truth == 2, 1, truth % 255), "P")
    return tmp_path / "truth", tmp_path / "prediction"


def test_folders(folders):
    result = evaluate_semantic(*folders, 4, csv=True, worst=2, bootstrap=200, threads=2)
    whole = Confusion(4)
    for pair in pair_files(*folders).pairs:
        whole.update(np.asarray(PillowImage.open(pair.prediction)), np.asarray(PillowImage.open(pair.truth)))
    np.testing.assert_array_equal(result.scores.counts, whole.counts)
    assert list(result.to_dict()) == [
        "protocol", "pixel_accuracy", "mean_accuracy", "mean_iou", "frequency_weighted_iou", "per_class"
    ]  # fmt: skip
    assert set(result.to_dict()["per_class"][0]) == {"id", "name", "iou", "accuracy", "precision", "recall", "dice"}
    assert [row.name for row in result.per_image.rows] == sorted(row.name for row in result.per_image.rows)
    assert len(result.per_image.csv().decode().splitlines()) == 7
    by_score = sorted(result.per_image.rows, key=lambda r: r.values["mean_iou"])
    assert [r.name for r in result.per_image.worst_rows] == [r.name for r in by_score[:2]]
    low, high = result.intervals["mean_iou"]
    assert low <= result.scores.mean_iou <= high
    assert evaluate_semantic(*folders, 4, bootstrap=200, threads=1).intervals == result.intervals


def test_missing_counterparts(folders):
    truth, prediction = folders
    (prediction / "town0/0.png").unlink()
    write(prediction, "extra.png", np.zeros((3, 3)))
    with pytest.raises(InputError, match="1 without prediction: town0/0; 1 without truth: extra"):
        evaluate_semantic(truth, prediction, 4)
    result = evaluate_semantic(truth, prediction, 4, allow_missing=True)
    valid = np.asarray(PillowImage.open(truth / "town0/0.png")) != 255
    assert result.scores.unpredicted.sum() == valid.sum()
    assert "town0/0" in result.missing
    assert "extra" in result.missing


def test_bad_files(folders, tmp_path):
    truth, prediction = folders
    path = prediction / "town0/0.png"
    good = path.read_bytes()
    write(prediction, "town0/0.png", np.zeros((20, 30, 3)))
    with pytest.raises(InputError, match=r"town0/0.png: expected labels in one channel .* got RGB"):
        evaluate_semantic(truth, prediction, 4)
    path.write_bytes(good[: len(good) // 2])
    with pytest.raises(UnreadableFile, match=r"town0/0.png"):
        evaluate_semantic(truth, prediction, 4)
    path.write_bytes(b"")
    with pytest.raises(UnreadableFile, match=r"town0/0.png"):
        evaluate_semantic(truth, prediction, 4)
    write(prediction, "town0/0.png", np.zeros((21, 30)))
    with pytest.raises(InputError, match=r"town0/0.png.*\(21, 30\).*\(20, 30\)"):
        evaluate_semantic(truth, prediction, 4)
    path.write_bytes(good)
    write(truth, "town0/0.png", np.full((20, 30), 7))
    with pytest.raises(InputError, match=r"town0/0.png: truth ids: expected 0..3 or ignore 255, got 7 \(600 pixels\)"):
        evaluate_semantic(truth, prediction, 4)
    with pytest.raises(UnreadableFile, match="expected a folder"):
        evaluate_semantic(tmp_path / "nowhere", prediction, 4)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="got none"):
        evaluate_semantic(truth, tmp_path / "empty", 4)


def test_taxonomy_with_any_ids(tmp_path):
    taxonomy = Taxonomy(
        (Category(7, "road", (0, 0, 0)), Category(300, "car", (1, 1, 1)), Category(2, "sky", (2, 2, 2))), ignore=0
    )
    truth = np.array([[7, 7, 300], [2, 2, 0]])
    prediction = np.array([[7, 300, 300], [2, 999, 7]])
    write(tmp_path / "t", "a.png", truth)
    write(tmp_path / "p", "a.png", prediction)
    result = evaluate_semantic(tmp_path / "t", tmp_path / "p", taxonomy=taxonomy)
    assert [(c["id"], c["name"]) for c in result.to_dict()["per_class"]] == [(2, "sky"), (7, "road"), (300, "car")]
    np.testing.assert_array_equal(result.scores.iou, [0.5, 0.5, 0.5])
    assert result.scores.unpredicted.tolist() == [1, 0, 0]
    write(tmp_path / "t", "a.png", np.where(truth == 2, 3, truth))
    with pytest.raises(InputError, match=r"a.png: truth ids.*got 3 \(2 pixels\)"):
        evaluate_semantic(tmp_path / "t", tmp_path / "p", taxonomy=taxonomy)


def test_two_files_of_one_name(folders):
    truth, prediction = folders
    write(prediction, "town0/0.tif", np.zeros((20, 30)))
    with pytest.raises(InputError, match=r"one file a name, got 0.png and 0.tif"):
        evaluate_semantic(truth, prediction, 4)


def test_memory_does_not_grow_with_the_images(tmp_path):
    """10 images and 80: the peak differs by less than one decoded image (250 kB)."""
    picture = write(tmp_path / "one", "a.png", regions(np.random.default_rng(0), (500, 500), 4)).read_bytes()
    peaks = []
    for count in (10, 80):
        for side in ("t", "p"):
            folder = tmp_path / f"{side}{count}"
            folder.mkdir()
            for i in range(count):
                (folder / f"{i}.png").write_bytes(picture)
        evaluate_semantic(tmp_path / f"t{count}", tmp_path / f"p{count}", 4, bootstrap=10, threads=1)
        tracemalloc.start()
        evaluate_semantic(tmp_path / f"t{count}", tmp_path / f"p{count}", 4, bootstrap=10, threads=1)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 250_000


def test_stream_runs_little_ahead_and_keeps_the_order():
    started: list[int] = []
    results = stream(range(100), lambda i: started.append(i) or i * i, threads=3)
    for i in range(50):
        assert next(results) == i * i
        assert len(started) <= i + 1 + 3
    results.close()
    assert len(started) < 60


def test_bootstrap_draws_with_replacement():
    """Weights of one replicate sum to the number of images; their moments are the multinomial's."""
    images, replicates = 7, 40_000
    bootstrap = Bootstrap(images, replicates, seed=1)
    weights = np.array([bootstrap.weights() for _ in range(images)])
    assert (weights.sum(axis=0) == images).all()
    np.testing.assert_allclose(weights.mean(axis=1), 1, atol=0.03)
    np.testing.assert_allclose(weights.var(axis=1), 1 - 1 / images, atol=0.04)
    assert np.cov(weights[0], weights[6])[0, 1] == pytest.approx(-1 / images, abs=0.03)
