"""metrics.csv, the TensorBoard log and the pictures of a run."""

from __future__ import annotations

import csv
import sys

import numpy as np
import pytest
from PIL import Image as Pillow

from kontur.core.errors import InputError, OutputError
from kontur.core.taxonomy import Taxonomy
from kontur.training.pictures import draw_samples
from kontur.training.report import Report


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_rows_join_columns_as_they_come(tmp_path):
    report = Report(tmp_path / "run")
    report.append({"step": 1, "epoch": 0.5, "loss": 2.0})
    report.append({"step": 2, "epoch": 1, "loss": 1 / 3, "val_miou": 0.25, "iou_a, b": 0.5})
    report.append({"step": 3, "loss": 1.0})
    found = rows(tmp_path / "run" / "metrics.csv")
    assert [r["step"] for r in found] == ["1", "2", "3"]
    assert [r["val_miou"] for r in found] == ["", "0.25", ""]
    assert found[1]["iou_a, b"] == "0.5"
    assert float(found[1]["loss"]) == 1 / 3  # the very same number


def test_a_second_report_goes_on_where_the_first_ended(tmp_path):
    first = Report(tmp_path)
    for step in range(1, 6):
        first.append({"step": step, "loss": 1 / step})
    first.close()
    second = Report(tmp_path)
    second.truncate_after(3)
    second.append({"step": 4, "loss": 9.0, "val_miou": 0.5})
    assert [(r["step"], r["loss"]) for r in rows(tmp_path / "metrics.csv")[3:]] == [("4", "9.0")]


def test_half_a_row_of_a_killed_run_is_dropped(tmp_path):
    Report(tmp_path).append({"step": 1, "loss": 2.0})
    with (tmp_path / "metrics.csv").open("ab") as file:
        file.write(b"2,0.")
    report = Report(tmp_path)
    report.append({"step": 2, "loss": 0.5})
    assert [r["loss"] for r in rows(tmp_path / "metrics.csv")] == ["2.0", "0.5"]


@pytest.mark.parametrize("content", [b"a,b\n1,2\n", b"step,loss\n1\n", b"\xff\xfe\x00\n"])
def test_another_file_in_its_place_is_refused(tmp_path, content):
    (tmp_path / "metrics.csv").write_bytes(content)
    with pytest.raises(InputError, match=r"metrics\.csv"):
        Report(tmp_path)


def test_a_full_disk_leaves_whole_rows(tmp_path, monkeypatch):
    report = Report(tmp_path)
    report.append({"step": 1, "loss": 2.0})
    before = (tmp_path / "metrics.csv").read_bytes()

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("kontur.training.report.os.fsync", full)
    with pytest.raises(OutputError, match="No space"):
        report.append({"step": 2, "loss": 1.0})
    assert (tmp_path / "metrics.csv").read_bytes() == before


def test_tensorboard_reads_the_same_numbers(tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    report = Report(tmp_path)
    for step in range(1, 5):
        report.append({"step": step, "loss": step / 7, "val_miou": 0.1 * step, "iou_sky": 0.2})
    report.truncate_after(2)
    report.append({"step": 3, "loss": 5.0})
    report.close()
    log = accumulator.EventAccumulator(str(tmp_path / "tensorboard"))
    log.Reload()
    assert [(e.step, e.value) for e in log.Scalars("train/loss")] == [
        (1, np.float32(1 / 7)),
        (2, np.float32(2 / 7)),
        (3, 5.0),
    ]
    assert {"val/miou", "iou/sky"} <= set(log.Tags()["scalars"])


def test_without_tensorboard_the_rest_goes_on(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard.compat.proto", None)
    report = Report(tmp_path)
    report.append({"step": 1, "loss": 1.0})
    assert len(rows(tmp_path / "metrics.csv")) == 1
    assert not (tmp_path / "tensorboard").exists()


def test_the_curve_of_the_score_rises_where_the_score_rises(tmp_path):
    """The blue line is looked for in the picture: at the left low, at the right high, and in proportion."""
    report = Report(tmp_path)
    report.curves()
    assert not (tmp_path / "curves.png").exists()  # nothing to draw yet
    for step in range(0, 101, 10):
        report.append({"step": step, "epoch": step / 10, "loss": 1.0, "val_miou": step / 100, "learning_rate": 1e-3})
    report.curves()
    picture = np.asarray(Pillow.open(tmp_path / "curves.png")).astype(int)
    blue = (np.abs(picture - (0, 114, 178)).sum(axis=2) < 60)[50:405, 622:1078]  # inside the right axes
    heights = [np.flatnonzero(blue[:, x]).mean() for x in (60, 228, 400)]
    wanted = [360 - 366 * x / 460 for x in (60, 228, 400)]
    assert heights == pytest.approx(wanted, abs=6)


def test_samples_show_each_class_in_its_colour_and_hatch_void(tmp_path):
    taxonomy = Taxonomy.from_names(["ground", "square"])
    image = np.full((36, 36, 3), 200, np.uint8)
    truth = np.zeros((36, 36), np.uint8)
    truth[:, 18:] = 255
    prediction = np.ones((36, 36), np.uint8)
    Report(tmp_path).samples(7, draw_samples([image], [truth], [prediction], taxonomy))
    picture = np.asarray(Pillow.open(tmp_path / "samples" / "epoch-0007.png"))
    top = picture[26 : 26 + 360]
    assert (top[:, 6:366] == 200).all()
    assert (top[:, 372:540] == taxonomy[0].colour).all()
    assert (top[:, 738:1098] == taxonomy[1].colour).all()
    void = top[:, 560:732]
    assert set(np.unique(void)) == {36, 150}
    assert 0.1 < (void == 150).mean() < 0.15  # one diagonal in eight


def test_samples_that_do_not_belong_together_are_refused():
    taxonomy = Taxonomy.from_names(["a", "b"])
    image, mask = np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8), np.uint8)
    with pytest.raises(InputError, match="as many"):
        draw_samples([image], [mask], [], taxonomy)
    with pytest.raises(InputError, match="size"):
        draw_samples([image], [mask], [mask[:4]], taxonomy)
