"""BSDS ground truth files: what is in the real ones, and what damaged ones say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.io import savemat

from kontur.core.errors import UnreadableFile
from kontur.io.bsds import HumanSegmentation, boundary_percent, read_bsds_truth


def test_unreadable_truth_files(tmp_path):
    with pytest.raises(UnreadableFile, match="no such file"):
        read_bsds_truth(tmp_path / "none.mat")
    savemat(tmp_path / "other.mat", {"x": np.zeros(3)})
    savemat(tmp_path / "strange.mat", {"groundTruth": np.zeros((2, 2))})
    good = {"Segmentation": np.ones((3, 4), np.uint16), "Boundaries": np.zeros((3, 4), np.uint8)}
    cells = np.empty((1, 2), object)
    cells[0, 0], cells[0, 1] = good, good
    savemat(tmp_path / "good.mat", {"groundTruth": cells})
    (tmp_path / "text.mat").write_text("hello")
    (tmp_path / "empty.mat").write_bytes(b"")
    (tmp_path / "cut.mat").write_bytes((tmp_path / "good.mat").read_bytes()[:300])
    for name in ("other", "strange", "text", "empty", "cut"):
        with pytest.raises(UnreadableFile, match=rf"{name}.mat: expected"):
            read_bsds_truth(tmp_path / f"{name}.mat")
    assert [d.regions.shape for d in read_bsds_truth(tmp_path / "good.mat")] == [(3, 4), (3, 4)]


def test_percent_of_annotators_by_hand():
    drawn = ["1100", "1010", "1000"]
    maps = [np.array([[c == "1" for c in row]]) for row in drawn]
    percent = boundary_percent([HumanSegmentation(np.ones((1, 4), np.uint16), m) for m in maps])
    assert percent.dtype == np.uint8
    assert percent.tolist() == [[100, 33, 33, 0]]


@pytest.mark.real_data
def test_a_real_file_has_five_annotators(data):
    drawings = read_bsds_truth(data / "bsds500" / "groundTruth" / "test" / "100007.mat")
    assert [d.regions.max() for d in drawings] == [5, 7, 8, 13, 19]
    assert [d.boundaries.sum() for d in drawings] == [1626, 2062, 3221, 2660, 3747]
    assert all(d.regions.shape == (321, 481) for d in drawings)
