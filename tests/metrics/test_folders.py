"""Folders of contours, superpixels, foreground and boundaries: equal to the library calls, and every bad input said."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from command_line import exit_code
from kontur.core.errors import InputError, UnreadableFile
from kontur.core.segmentation import Segmentation
from kontur.metrics import (
    ContourCounts,
    RegionCounts,
    Resampling,
    evaluate_boundaries,
    evaluate_contours,
    evaluate_foreground,
    evaluate_superpixels,
    foreground_scores,
    label_boundaries,
    mask_boundary_scores,
    mean_superpixel_scores,
    region_scores,
    soft_mask_scores,
    superpixel_scores,
)

SHAPE = (40, 60)
NAMES = ("a", "b", "deep/c")


def voronoi(random: np.random.Generator, count: int) -> np.ndarray:
    points = random.random((count, 2)) * SHAPE
    grid = np.stack(np.mgrid[: SHAPE[0], : SHAPE[1]], axis=-1)
    return ((grid[:, :, None] - points) ** 2).sum(-1).argmin(-1)


def save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.astype(np.uint16) if pixels.max() > 255 else pixels.astype(np.uint8)).save(path)


def save_mat(path: Path, drawings: list[np.ndarray]) -> None:
    cells = np.empty((1, len(drawings)), object)
    for i, regions in enumerate(drawings):
        cells[0, i] = {"Segmentation": regions.astype(np.uint16) + 1, "Boundaries": label_boundaries(regions)}
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, {"groundTruth": cells})


@pytest.fixture
def drawn(tmp_path) -> dict[str, list[np.ndarray]]:
    """Three BSDS files of two annotators each in tmp_path/truth."""
    random = np.random.default_rng(0)
    maps = {name: [voronoi(random, 5), voronoi(random, 4)] for name in NAMES}
    for name, drawings in maps.items():
        save_mat(tmp_path / "truth" / f"{name}.mat", drawings)
    return maps


def test_contours_of_boundary_maps(tmp_path, drawn):
    random = np.random.default_rng(1)
    counts = ContourCounts(9)
    for name, drawings in drawn.items():
        strength = random.integers(0, 256, SHAPE) * (random.random(SHAPE) < 0.3)
        save(tmp_path / "maps" / f"{name}.png", strength)
        counts.update(strength / 255, [label_boundaries(d) for d in drawings])
    result = evaluate_contours(
        tmp_path / "truth", tmp_path / "maps", thresholds=9, keep=Resampling(csv=True, worst=1, bootstrap=20)
    )
    assert result.to_dict() == counts.scores().to_dict()
    assert result.ods == counts.scores().ods
    low, high = result.intervals["ods"]
    assert low <= result.ods <= high
    assert [row.name for row in result.per_image.rows] == sorted(NAMES)
    assert result.per_image.worst_rows[0].values["f"] == min(row.values["f"] for row in result.per_image.rows)


def test_contours_of_label_maps(tmp_path, drawn):
    random = np.random.default_rng(2)
    counts, regions = ContourCounts([0.5]), []
    for name, drawings in drawn.items():
        labels = voronoi(random, 8)
        save(tmp_path / "labels" / f"{name}.labels.png", labels + 1)
        save(tmp_path / "labels" / f"{name}.overlay.png", np.zeros((*SHAPE, 3)))  # not a prediction
        (tmp_path / "saved" / name).parent.mkdir(parents=True, exist_ok=True)
        Segmentation.from_labels(labels).save(tmp_path / "saved" / f"{name}.npz")
        counts.update(label_boundaries(labels), [label_boundaries(d) for d in drawings])
        regions.append(region_scores(labels, drawings))
    result = evaluate_contours(tmp_path / "truth", tmp_path / "labels")
    assert result.ods == counts.scores().ods
    assert result.covering_ods == pytest.approx(np.mean([r.covering for r in regions]))
    assert result.rand_index_ois == pytest.approx(np.mean([r.rand_index for r in regions]))
    expected = np.mean([r.variation_of_information for r in regions])
    assert result.variation_of_information_ods == pytest.approx(expected)
    assert evaluate_contours(tmp_path / "truth", tmp_path / "saved").values == result.values | {
        "average_precision": ANY
    }


def test_contours_of_the_soft_maps_that_segment_writes(tmp_path, drawn):
    """The files as they are named, whatever else lies in the folder; what was taken is said."""
    random = np.random.default_rng(7)
    counts = {ending: ContourCounts(9) for ending in ("boundaries", "ultrametric")}
    folder = tmp_path / "run"
    for name, drawings in drawn.items():
        for ending, count in counts.items():
            strength = random.integers(0, 256, SHAPE) * (random.random(SHAPE) < 0.3)
            save(folder / f"{name}.{ending}.png", strength)
            count.update(strength / 255, [label_boundaries(d) for d in drawings])
        save(folder / f"{name}.labels.png", voronoi(random, 8) + 1)
        (folder / f"{name}.hierarchy.npz").write_bytes(b"not read")
    for ending, count in counts.items():
        result = evaluate_contours(tmp_path / "truth", folder, thresholds=9)
        assert result.ods == count.scores().ods
        assert f"*.{ending}.png" in result.protocol
        for path in folder.rglob(f"*.{ending}.png"):
            path.unlink()
    assert "covering_ods" in evaluate_contours(tmp_path / "truth", folder).values  # the labels that are left


def test_contours_of_a_hierarchy(tmp_path, drawn):
    random = np.random.default_rng(6)
    counts, regions = ContourCounts([0, 1, 2]), RegionCounts(3)
    for name, drawings in drawn.items():
        fine = voronoi(random, 16)
        levels = np.stack([fine, fine // 2, fine // 6])
        (tmp_path / "levels" / name).parent.mkdir(parents=True, exist_ok=True)
        np.save(tmp_path / "levels" / f"{name}.npy", levels)
        counts.update(np.stack([label_boundaries(m) for m in levels]), [label_boundaries(d) for d in drawings])
        regions.update(list(levels), drawings)
    result = evaluate_contours(tmp_path / "truth", tmp_path / "levels", labels=True, keep=Resampling(bootstrap=5))
    assert result.to_dict() | {"protocol": ""} == counts.scores().to_dict() | regions.scores().to_dict() | {
        "protocol": ""
    }
    assert set(result.intervals) >= {"ods", "covering_ods", "variation_of_information_ois"}
    np.save(tmp_path / "levels" / "b.npy", levels[:2])
    with pytest.raises(InputError, match=r"b\.npy.*\(3, H, W\)"):
        evaluate_contours(tmp_path / "truth", tmp_path / "levels", labels=True)


class _Any:
    """Equal to everything: NaN is not equal to itself."""

    def __eq__(self, other: object) -> bool:
        return True


ANY = _Any()


def test_superpixels(tmp_path, drawn):
    random = np.random.default_rng(3)
    expected = []
    for name, drawings in drawn.items():
        labels, photo = voronoi(random, 300), random.integers(0, 256, (*SHAPE, 3))
        save(tmp_path / "superpixels" / f"{name}.png", labels)
        save(tmp_path / "photos" / f"{name}.png", photo)
        expected.append(mean_superpixel_scores(superpixel_scores(labels, d + 1, photo) for d in drawings))
    result = evaluate_superpixels(tmp_path / "truth", tmp_path / "superpixels", images=tmp_path / "photos")
    mean = mean_superpixel_scores(expected).to_dict()
    for name, value in mean.items():
        if name != "protocol":
            assert result.values[name] == pytest.approx(value), name
    blind = evaluate_superpixels(tmp_path / "truth", tmp_path / "superpixels")
    assert math.isnan(blind.explained_variation)
    assert blind.boundary_recall == result.boundary_recall
    (tmp_path / "photos" / "b.png").unlink()
    with pytest.raises(InputError, match="no photo named b"):
        evaluate_superpixels(tmp_path / "truth", tmp_path / "superpixels", images=tmp_path / "photos")


def test_foreground_forms(tmp_path):
    random = np.random.default_rng(4)
    alone = []
    for name in NAMES:
        truth = random.choice([0, 128, 255], SHAPE)
        mask = random.random(SHAPE) < 0.5
        save(tmp_path / "truth" / f"{name}.png", truth)
        save(tmp_path / "masks" / f"{name}.png", mask * 255)
        save(tmp_path / "colour" / f"{name}.png", np.repeat(mask[..., None] * 255, 3, axis=2))  # grey, stored as RGB
        save(tmp_path / "kontur" / f"{name}.labels.png", mask + 1)
        (tmp_path / "saved" / name).parent.mkdir(parents=True, exist_ok=True)
        Segmentation.from_mask(mask).save(tmp_path / "saved" / f"{name}.npz")
        alone.append(foreground_scores(mask, truth))
    results = [evaluate_foreground(tmp_path / "truth", tmp_path / d) for d in ("masks", "colour", "kontur", "saved")]
    assert results[0].error_rate == pytest.approx(np.mean([s.error_rate for s in alone]))
    assert results[0].iou == pytest.approx(np.mean([s.iou for s in alone]))
    assert results[0].pixels == sum(s.pixels for s in alone)
    assert all(r.to_dict() == results[0].to_dict() for r in results)
    soft = evaluate_foreground(tmp_path / "truth", tmp_path / "masks", soft=True)
    masks = [np.asarray(Image.open(tmp_path / "masks" / f"{n}.png")) for n in NAMES]
    truths = [np.asarray(Image.open(tmp_path / "truth" / f"{n}.png")) for n in NAMES]
    assert soft.mae == pytest.approx(np.mean([soft_mask_scores(m, t).mae for m, t in zip(masks, truths)]))


def test_boundaries_by_image_and_by_object(tmp_path):
    random = np.random.default_rng(5)
    by_image, by_object = [], []
    for name in NAMES:
        truth, prediction = voronoi(random, 3), voronoi(random, 3)
        save(tmp_path / "truth" / f"{name}.png", truth)
        save(tmp_path / "masks" / f"{name}.png", prediction)
        by_image.append(mask_boundary_scores(prediction > 0, truth > 0))
        by_object += [mask_boundary_scores(prediction == v, truth == v) for v in (1, 2)]
    for each_label, expected in ((False, by_image), (True, by_object)):
        result = evaluate_boundaries(tmp_path / "truth", tmp_path / "masks", each_label=each_label)
        assert result.objects == len(expected)
        for name in ("boundary_iou", "davis_j", "davis_f", "hausdorff95", "average_surface_distance"):
            assert result.values[name] == pytest.approx(np.mean([getattr(s, name) for s in expected])), name
        assert result.trimap_iou["2"] == pytest.approx(np.mean([s.trimap_iou[2] for s in expected]))


@pytest.mark.parametrize("threads", [1, 4])
def test_threads_change_nothing(tmp_path, drawn, threads):
    for name, drawings in drawn.items():
        save(tmp_path / "maps" / f"{name}.png", label_boundaries(drawings[0]) * 255)
    one = evaluate_contours(tmp_path / "truth", tmp_path / "maps", thresholds=3, threads=threads)
    assert one.precision == 1


def test_missing_predictions_are_misses_when_allowed(tmp_path, drawn, capsys):
    for name in NAMES[:2]:
        save(tmp_path / "maps" / f"{name}.png", label_boundaries(drawn[name][0]) * 255)
    save(tmp_path / "maps" / "extra.png", np.zeros(SHAPE))
    assert exit_code("evaluate", "contours", tmp_path / "truth", tmp_path / "maps") == 2
    printed = capsys.readouterr()
    assert "deep/c" in printed.err
    assert "extra" in printed.err
    assert printed.out == ""
    result = evaluate_contours(tmp_path / "truth", tmp_path / "maps", thresholds=3, allow_missing=True)
    full = evaluate_contours(tmp_path / "truth", tmp_path / "maps", thresholds=3, allow_missing=True, threads=1)
    assert result.to_dict() == full.to_dict()
    assert result.images == 3
    assert "deep/c" in result.missing
    assert result.recall < 0.9  # of c nothing was found


def test_the_command_line_writes_json_and_csv(tmp_path, drawn, capsys):
    for name, drawings in drawn.items():
        save(tmp_path / "maps" / f"{name}.png", label_boundaries(drawings[0]) * 255)
        save(tmp_path / "labels" / f"{name}.png", drawings[0])
    scores, rows = tmp_path / "out" / "scores.json", tmp_path / "out" / "rows.csv"
    assert (
        exit_code("evaluate", "contours", tmp_path / "truth", tmp_path / "maps", "--json", scores, "--csv", rows) == 0
    )
    printed = capsys.readouterr().out
    assert "ods" in printed
    assert "Protocol: BSDS500" in printed
    content = json.loads(scores.read_text())
    assert content["precision"] == 1
    assert content["images"] == 3
    assert len(content["precision_curve"]) == len(content["thresholds"]) == 99
    assert "one-to-one" in content["protocol"]
    assert rows.read_text().splitlines()[0].startswith("image,f,precision")
    assert len(rows.read_text().splitlines()) == 4
    assert exit_code("evaluate", "contours", tmp_path / "truth", tmp_path / "maps", "--json", scores) == 2  # exists
    assert "--force" in capsys.readouterr().err

    assert (
        exit_code("evaluate", "superpixels", tmp_path / "truth", tmp_path / "labels", "--json", scores, "--force") == 0
    )
    content = json.loads(scores.read_text())
    assert content["explained_variation"] is None
    assert set(content) == {"protocol", "images"} | {
        "boundary_recall",
        "boundary_precision",
        "undersegmentation_error",
        "undersegmentation_error_np",
        "undersegmentation_error_levinshtein",
        "achievable_accuracy",
        "explained_variation",
        "compactness",
        "contour_density",
    }
    for command in ("foreground", "boundaries"):
        labels = [tmp_path / "maps", tmp_path / "maps"]
        assert exit_code("evaluate", command, *labels, "--json", scores, "--force", "--worst", 1, "--bootstrap", 9) == 0
        content = json.loads(scores.read_text())
        assert content["iou" if command == "foreground" else "boundary_iou"] == 1
        assert content["protocol"]


def test_bad_input_is_one_line_before_any_number(tmp_path, drawn, capsys):
    for name, drawings in drawn.items():
        save(tmp_path / "maps" / f"{name}.png", drawings[0])
        save(tmp_path / "masks" / f"{name}.png", (drawings[0] > 1) * 255)

    def error(*arguments: object) -> str:
        assert exit_code("evaluate", *arguments) == 2
        printed = capsys.readouterr()
        assert printed.out == ""
        assert printed.err.count("\n") == 1
        return printed.err

    def replaced(folder: str, name: str, pixels: np.ndarray) -> Path:
        path = tmp_path / folder / f"{name}.png"
        save(path, pixels)
        return path

    truth, maps, masks = (tmp_path / d for d in ("truth", "maps", "masks"))
    replaced("maps", "b", np.zeros((50, 60)))
    line = error("contours", truth, maps)
    assert "b.png" in line
    assert "50x60" in line
    assert "40x60" in line
    assert "50x60" in error("contours", truth, maps, "--labels")
    assert "50x60" in error("superpixels", truth, maps)
    assert "50x60" in error("foreground", masks, maps)
    assert "50x60" in error("boundaries", masks, maps)
    assert "50x60" in error("boundaries", masks, maps, "--each-label")
    colours = np.random.default_rng(0).integers(0, 256, (*SHAPE, 3))
    replaced("maps", "b", colours)
    for command in (("contours", truth), ("superpixels", truth), ("foreground", masks), ("boundaries", masks)):
        assert "b.png: expected" in error(*command, maps)
    (maps / "b.png").write_bytes(b"\x89PNG\r\n\x1a\n cut")
    assert "b.png" in error("superpixels", truth, maps)
    replaced("maps", "b", np.zeros(SHAPE))
    (truth / "b.mat").write_bytes((truth / "a.mat").read_bytes()[:500])
    assert "b.mat: expected a BSDS ground truth file" in error("contours", truth, maps)
    assert "expected a folder" in error("contours", tmp_path / "none", maps)
    replaced("masks", "b", np.full(SHAPE, 77))
    assert "got 1 values: 77" in error("foreground", masks, maps)
    assert "--widths" in error("boundaries", masks, masks, "--widths", "a")


def test_unreadable_arrays(tmp_path, drawn):
    for name in NAMES:
        (tmp_path / "maps" / name).parent.mkdir(parents=True, exist_ok=True)
        np.save(tmp_path / "maps" / f"{name}.npy", np.zeros(SHAPE))
    assert evaluate_contours(tmp_path / "truth", tmp_path / "maps", thresholds=2).ods == 0
    (tmp_path / "maps" / "a.npy").write_bytes(b"nothing")
    with pytest.raises(UnreadableFile, match=r"a\.npy"):
        evaluate_contours(tmp_path / "truth", tmp_path / "maps")
    np.save(tmp_path / "maps" / "a.npy", np.full(SHAPE, 3.0))
    with pytest.raises(InputError, match=r"a\.npy.*3\.\.3"):
        evaluate_contours(tmp_path / "truth", tmp_path / "maps")
