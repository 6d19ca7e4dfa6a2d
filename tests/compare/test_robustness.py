"""Robustness: the table holds what doing it by hand gives; the command writes it, and its mistakes are one line."""

from __future__ import annotations

import csv
import functools
import importlib
import json
import zlib

import numpy as np
import pytest
from PIL import Image as Pillow

import kontur
from command_line import run
from kontur import degrade
from kontur.compare.robustness import NOISES, Subject, conditions, robustness
from kontur.compare.robustness_figure import PANEL, ROOM, draw_robustness
from kontur.core.errors import InputError, OptionError, PromptError, UnknownName
from kontur.core.image import Image
from kontur.metrics import foreground_scores, region_scores


def picture(seed):
    """A bright square on a dark ground, and its mask."""
    corner = 4 + seed
    truth = np.zeros((32, 40), np.uint8)
    truth[corner : corner + 16, corner : corner + 18] = 255
    pixels = np.where(truth[..., None] > 0, (200, 180, 90), (60, 70, 80)).astype(np.uint8)
    return pixels, truth


def subject(seed, annotators=1, regions=True):
    pixels, truth = picture(seed)
    truths = tuple((truth > 0) + np.uint8(1) if regions else truth for _ in range(annotators))
    return Subject(f"s{seed}", lambda: (Image(pixels), truths))


def test_a_cell_of_the_table_is_what_the_steps_give():
    found = robustness(["otsu"], [subject(0), subject(3)], kinds=["gaussian"], strengths={"gaussian": [0.3]}, seed=7)
    assert found.score == "covering"
    by_hand = []
    for seed in (0, 3):
        pixels, truth = picture(seed)
        noisy = degrade.gaussian_noise(pixels, sigma=0.3, seed=7 + zlib.crc32(f"s{seed} gaussian 0.3".encode()))
        by_hand.append(region_scores(kontur.segment(noisy, "otsu"), [(truth > 0) + np.uint8(1)]).covering)
    (row,) = found.of("otsu", "gaussian")
    assert (row.option, row.strength, row.images) == ("sigma", 0.3, 2)
    assert row.mean == pytest.approx(np.mean(by_hand))
    assert row.error == pytest.approx(abs(by_hand[0] - by_hand[1]) / 2)
    assert found.clean("otsu").mean == 1.0, "two even regions are found exactly"
    assert row.mean < 0.9


def test_masks_and_foreground_methods_are_scored_by_iou():
    masks = [subject(0, regions=False), subject(3, regions=False)]
    found = robustness(["otsu", "li"], masks, kinds=["salt"], strengths={"salt": [0.2]})
    assert found.score == "iou"
    assert "IoU" in found.protocol
    expected = []
    for seed in (0, 3):
        pixels, truth = picture(seed)
        noisy = degrade.salt_noise(pixels, share=0.2, seed=zlib.crc32(f"s{seed} salt 0.2".encode()))
        expected.append(foreground_scores(kontur.segment(noisy, "otsu"), truth).iou)
    assert found.of("otsu", "salt")[0].mean == pytest.approx(np.mean(expected))
    assert robustness(["otsu", "kmeans"], masks[:1], kinds=["salt"]).score == "covering"


def test_jobs_order_and_other_methods_change_no_number():
    images = [subject(i, annotators=2) for i in range(4)]
    plan = {"kinds": ["speckle", "salt"], "strengths": {"speckle": [4, 1], "salt": [0.1]}}
    one = robustness(["otsu", "kmeans"], images, **plan)
    many = robustness(["kmeans", "otsu"], images, jobs=4, **plan)
    for method in ("otsu", "kmeans"):
        for kind in ("speckle", "salt"):
            assert one.of(method, kind) == many.of(method, kind)
    assert robustness(["otsu"], images, seed=1, **plan).of("otsu", "speckle") != one.of("otsu", "speckle")


def test_a_filter_first_helps_against_its_noise():
    images = [subject(i) for i in range(3)]
    plan = {
        "kinds": ["salt_and_pepper"],
        "strengths": {"salt_and_pepper": [0.2]},
        "options": {"kmeans": {"clusters": 2}},
    }
    bare = robustness(["kmeans"], images, **plan).of("kmeans", "salt_and_pepper")[0].mean
    filtered = robustness(["kmeans"], images, denoise="median", **plan)
    assert filtered.of("kmeans", "salt_and_pepper")[0].mean > bare + 0.05
    assert "filtered by median" in filtered.protocol


def test_progress_is_called_for_each_image_and_condition():
    calls = []
    plan = conditions(["salt", "jpeg"], {"jpeg": [50]})
    robustness(["otsu"], [subject(0), subject(1)], kinds=["salt", "jpeg"], strengths={"jpeg": [50]},
               progress=lambda: calls.append(1))  # fmt: skip
    assert len(plan) == 1 + 5 + 1
    assert len(calls) == 2 * len(plan)


def test_the_six_noises_have_four_strengths_at_least():
    assert set(NOISES) >= {"gaussian", "salt", "pepper", "salt_and_pepper", "poisson", "speckle"}
    assert len(NOISES) == 6
    assert all(len(degrade.KINDS[name].ladder) >= 4 for name in NOISES)


def test_the_figure_draws_each_score_at_its_height():
    found = robustness(["otsu"], [subject(0)], kinds=["gaussian"], strengths={"gaussian": [0.5]})
    drawn = draw_robustness(found).astype(int)
    blue = (np.abs(drawn - (0, 114, 178)).sum(axis=2) < 30)[: 40 + ROOM[1] + PANEL[1] + 8]
    left, bottom = ROOM[0], 40 + ROOM[1] + PANEL[1]
    top = 1.0  # of the axis: the clean score is 1
    for place, row in ((0.25, found.clean("otsu")), (0.75, found.of("otsu", "gaussian")[0])):
        column = left + round(place * PANEL[0])
        rows = np.flatnonzero(blue[:, column])
        assert rows.mean() == pytest.approx(bottom - row.mean / top * PANEL[1], abs=2)


def test_what_is_refused():
    images = [subject(0)]
    with pytest.raises(UnknownName, match="Did you mean 'otsu'"):
        robustness(["otsuu"], images)
    with pytest.raises(PromptError, match="random_walker needs a prompt"):
        robustness(["random_walker"], images)
    with pytest.raises(InputError, match="at least one image"):
        robustness(["otsu"], [])
    with pytest.raises(OptionError, match="at least one name"):
        robustness([], images)
    with pytest.raises(OptionError, match="iou needs methods that find a foreground, got kmeans"):
        robustness(["otsu", "kmeans"], images, score="iou")
    with pytest.raises(OptionError, match="score: expected auto, covering or iou"):
        robustness(["otsu"], images, score="dice")
    with pytest.raises(OptionError, match=r"option sigma: expected a number, 0\.\.10, got 11"):
        robustness(["otsu"], images, kinds=["gaussian"], strengths={"gaussian": [11]})
    with pytest.raises(OptionError, match="expected kinds that are measured"):
        robustness(["otsu"], images, kinds=["gaussian"], strengths={"salt": [0.1]})
    with pytest.raises(OptionError, match="option clusters"):
        robustness(["kmeans"], images, options={"kmeans": {"clusters": 0}})
    bad = Subject("bad", lambda: (Image(np.zeros((4, 4), np.uint8)), (np.zeros((5, 4), int),)))
    with pytest.raises(InputError, match="bad, otsu: sizes differ"):
        robustness(["otsu"], [bad], score="covering")


# --- what goes wrong ------------------------------------------------------------------------------------------------


def fails(seed):
    """A subject whose truth raises what no reader should."""

    def load():
        raise ZeroDivisionError("a damaged file")

    return Subject(f"f{seed}", load)


@pytest.mark.parametrize("jobs", [1, 3])
def test_a_bad_truth_costs_its_image_alone(jobs):
    plan = {"kinds": ["salt"], "strengths": {"salt": [0.2]}, "jobs": jobs}
    calls = []
    found = robustness(["otsu"], [fails(1), subject(0), subject(3)], progress=lambda: calls.append(1), **plan)
    alone = robustness(["otsu"], [subject(0), subject(3)], **plan)
    assert found.rows == alone.rows
    assert found.left_out == {"f1": "ZeroDivisionError: a damaged file"}
    assert found.to_dict()["left_out"] == found.left_out
    assert "left_out" not in alone.to_dict()
    assert "mean over 2 images" in found.protocol
    assert len(calls) == 2 * 3, "the bar ends full"
    with pytest.raises(InputError, match="f1: ZeroDivisionError"):
        robustness(["otsu"], [fails(1)], **plan)


def test_an_image_that_a_kind_of_damage_refuses_costs_that_cell_alone(monkeypatch):
    from kontur.compare import robustness as module

    usual = module._damaged

    def refusing(image, kind, strength, seed):
        if kind.name == "salt" and np.asarray(image.pixels).shape[0] < 20:
            raise InputError("salt: expected a larger image")
        return usual(image, kind, strength, seed)

    monkeypatch.setattr(module, "_damaged", refusing)
    small = Subject("small", lambda: (Image(picture(0)[0][:16]), ((picture(0)[1][:16] > 0) + np.uint8(1),)))
    plan = {"kinds": ["gaussian", "salt"], "strengths": {"gaussian": [0.1], "salt": [0.2]}, "score": "covering"}
    found = robustness(["otsu"], [small, subject(0)], **plan)
    (salt,), (gaussian,) = found.of("otsu", "salt"), found.of("otsu", "gaussian")
    assert (salt.images, gaussian.images) == (1, 2)
    assert salt.failure == "small: salt: expected a larger image"
    assert salt.mean == robustness(["otsu"], [subject(0)], **plan).of("otsu", "salt")[0].mean
    assert gaussian.failure is None


@pytest.mark.parametrize("error", [ZeroDivisionError("by zero"), InputError("too\nsmall"), MemoryError()])
def test_a_raising_method_costs_its_rows_alone(monkeypatch, error):
    """kmeans raises on the brightest image only; its mean is that of the other, and no other method is touched."""
    module = importlib.import_module("kontur.classical.kmeans")
    usual = module.kmeans

    @functools.wraps(usual)
    def raising(image, **options):
        if np.asarray(image.pixels if isinstance(image, Image) else image).min() > 100:
            raise error
        return usual(image, **options)

    monkeypatch.setattr(module, "kmeans", raising)
    bright = Subject("bright", lambda: (Image(np.full((32, 40), 200, np.uint8)), (picture(0)[1],)))
    plan = {"kinds": ["gaussian"], "strengths": {"gaussian": [0.0]}, "options": {"kmeans": {"clusters": 2}}}
    found = robustness(["kmeans", "otsu"], [bright, subject(0)], score="covering", **plan)
    alone = robustness(["kmeans"], [subject(0)], score="covering", **plan)
    assert found.clean("kmeans").mean == alone.clean("kmeans").mean == 1
    assert (found.clean("kmeans").images, found.clean("otsu").images) == (1, 2)
    assert found.clean("otsu").failure is None
    assert found.failures[0].startswith("bright, kmeans: ")
    assert "\n" not in found.failures[0]
    row = next(csv.DictReader(found.csv().decode().splitlines()))
    assert row["failure"] == found.clean("kmeans").failure
    only = robustness(["kmeans", "otsu"], [bright], score="covering", **plan)
    assert np.isnan(only.clean("kmeans").mean)
    assert b',,,,0,"bright' in only.csv(), "no mean, no error, no regions of no image"
    assert draw_robustness(only).shape[2] == 3
    with pytest.raises(InputError, match="bright, kmeans: "):
        robustness(["kmeans"], [bright], score="covering", **plan)


# --- the command ----------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def loud(monkeypatch):
    from kontur.cli import screen

    monkeypatch.setattr(screen, "_quiet", False)


@pytest.fixture
def folders(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "truth").mkdir()
    for seed in range(3):
        pixels, truth = picture(seed)
        Pillow.fromarray(pixels).save(tmp_path / "images" / f"p{seed}.png")
        Pillow.fromarray(truth).save(tmp_path / "truth" / f"p{seed}.png")
    return tmp_path


def test_the_command_writes_table_and_figure(capsys, folders):
    out_dir = folders / "out"
    arguments = (
        "--methods", "otsu,kmeans", "--data", f"{folders / 'images'}:{folders / 'truth'}", "--kinds", "gaussian,salt",
        "--strengths", "gaussian=0.1,0.2,0.4,0.8", "--set", "kmeans.clusters=2", "--limit", 2, "-o", out_dir,
    )  # fmt: skip
    code, out, err = run(capsys, "robustness", *arguments)
    assert (code, err) == (0, "")
    assert "covering under gaussian (sigma)" in out
    assert "Protocol: covering" in out
    rows = list(csv.DictReader((out_dir / "robustness.csv").read_text().splitlines()))
    assert len(rows) == 2 * (1 + 4 + 5)
    table = json.loads((out_dir / "robustness.json").read_text())
    assert set(table) == {"protocol", "version", "score", "rows"}
    assert [float(r["mean"]) for r in rows] == pytest.approx([r["mean"] for r in table["rows"]], abs=1e-6)
    assert {r["images"] for r in rows} == {"2"}
    kmeans = [float(r["mean"]) for r in rows if r["method"] == "kmeans" and r["kind"] in ("clean", "gaussian")]
    assert kmeans[0] == 1.0
    assert kmeans[0] > kmeans[-1]
    with Pillow.open(out_dir / "robustness.png") as figure:
        assert figure.mode == "RGB"
    code, _, err = run(capsys, "robustness", *arguments)
    assert code == 2
    assert "robustness.csv: exists already. Use --force" in err
    assert run(capsys, "robustness", *arguments, "--force", "--jobs", 2)[0] == 0
    assert json.loads((out_dir / "robustness.json").read_text()) == table


def test_mistakes_are_one_line(capsys, folders):
    images, truth = folders / "images", folders / "truth"
    (folders / "half").mkdir()
    (folders / "half" / "p0.png").write_bytes((truth / "p0.png").read_bytes())
    both = f"{images}:{truth}"
    for arguments, message in [
        (["--methods", "otsuu", "--data", both], "Did you mean 'otsu'?"),
        (["--methods", "", "--data", both], "expected at least one name"),
        (
            ["--methods", "otsu", "--data", images],
            "expected a BSDS500 folder (images/ and groundTruth/), or IMAGES:TRUTH",
        ),
        (["--methods", "otsu", "--data", folders / "none"], "none: no such folder"),
        (["--methods", "otsu", "--data", f"{images}:{folders / 'none'}"], "none: no such file or folder"),
        (
            ["--methods", "otsu", "--data", f"{images}:{folders / 'half'}"],
            "expected a label map of every image, none for",
        ),
        (["--methods", "otsu", "--data", both, "--kinds", "gaussain"], "Did you mean 'gaussian'?"),
        (["--methods", "otsu", "--data", both, "--strengths", "salt"], "expected KIND=A,B,C with numbers, got 'salt'"),
        (
            ["--methods", "otsu", "--data", both, "--strengths", "salt=2"],
            "option share: expected a number, 0..1, got 2.0",
        ),
        (["--methods", "otsu", "--data", both, "--set", "clusters=2"], "expected METHOD.KEY=VALUE"),
        (
            ["--methods", "otsu", "--data", both, "--set", "kmeans.clusters=2"],
            "expected one of the methods otsu, got kmeans",
        ),
        (["--methods", "otsu", "--data", both, "--filter", "meadian"], "Did you mean 'median'?"),
        (["--methods", "otsu,slic", "--data", both, "--score", "iou"], "got slic. Use covering"),
    ]:
        code, _, err = run(capsys, "robustness", *arguments, "-o", folders / "out")
        assert code == 2, arguments
        assert message in err
        assert err.count("\n") == 1
        assert not (folders / "out").exists()


def test_truth_of_another_size_names_both_files(capsys, folders):
    Pillow.fromarray(np.zeros((5, 5), np.uint8)).save(folders / "truth" / "p1.png")
    code, _, err = run(
        capsys,
        "robustness",
        "--methods",
        "otsu",
        "--data",
        f"{folders / 'images'}:{folders / 'truth'}",
        "-o",
        folders / "o",
    )
    assert code == 2
    assert "p1.png: expected the size of" in err
    assert err.count("\n") == 1
    table = json.loads((folders / "o" / "robustness.json").read_text())
    assert list(table["left_out"]) == ["p1"], "the rest is measured and written"
    assert {row["images"] for row in table["rows"]} == {2}


@pytest.mark.real_data
def test_bsds500_by_its_folder(capsys, tmp_path, data):
    code, _, err = run(
        capsys, "robustness", "--methods", "otsu,felzenszwalb", "--data", data / "bsds500", "--limit", 2, "--kinds", "gaussian",
        "--strengths", "gaussian=0.05,0.5", "-o", tmp_path / "out",
    )  # fmt: skip
    assert (code, err) == (0, "")
    rows = json.loads((tmp_path / "out" / "robustness.json").read_text())["rows"]
    assert len(rows) == 2 * 3
    assert all(0.05 < row["mean"] < 0.9 and row["images"] == 2 for row in rows)
    felzenszwalb = [row["mean"] for row in rows if row["method"] == "felzenszwalb"]
    assert felzenszwalb[0] > felzenszwalb[2], "half of the range as noise lowers it"
