"""A TIFF through a network by windows is what it gives in memory, in files, without ever being one array."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
import tifffile

import kontur
from inference.small_networks import picker, random_network
from kontur.core.errors import InputError, OptionError, OutputError
from kontur.inference import Predictor, segment_windows
from kontur.io.labels import read_labels

PIXELS = np.random.default_rng(0).integers(0, 256, (301, 420, 3), np.uint8)


@pytest.fixture
def source(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", PIXELS, photometric="rgb", tile=(64, 64), compression="zlib", metadata=None)
    return tmp_path / "a.tif"


@pytest.mark.parametrize("options", [{}, {"flips": True, "scales": (0.5, 1)}])
def test_windows_give_what_memory_gives(tmp_path, source, options):
    taxonomy = {
        "name": "t",
        "ignore": None,
        "categories": [{"id": 10 * k, "name": f"n{k}", "colour": [k, k, k]} for k in range(4)],
    }
    path = random_network(tmp_path / "n.onnx", 5, taxonomy=json.dumps(taxonomy))
    predictor = Predictor(path, tile=128, overlap=24, **options)
    steps = []
    got = segment_windows(predictor, source, tmp_path / "l.tif", tmp_path / "c.tif", advance=lambda: steps.append(1))
    wanted = predictor(PIXELS)
    assert np.array_equal(read_labels(tmp_path / "l.tif"), wanted.ids)
    assert np.array_equal(read_labels(tmp_path / "c.tif"), wanted.category_map())
    assert got.segments == wanted.segments
    assert got.shape == wanted.shape
    assert len(steps) == len(predictor.plan(got.shape)) == 15
    content, other = got.to_dict(), wanted.to_dict()
    assert {k: v for k, v in content.items() if k != "provenance"} == {
        k: v for k, v in other.items() if k != "provenance"
    }
    assert 0 < got.tile_seconds < got.seconds


def test_the_preview_is_every_nth_pixel(tmp_path, source, monkeypatch):
    from kontur.inference import windows

    monkeypatch.setattr(windows, "PREVIEW", 100)
    predictor = Predictor(picker(tmp_path / "n.onnx"), tile=96)
    got = segment_windows(predictor, source, None)
    assert np.array_equal(got.preview, PIXELS[::5, ::5])
    assert np.array_equal(got.preview_ids, predictor(PIXELS).ids[::5, ::5])
    assert np.array_equal(got.small().ids, got.preview_ids)


def test_16_bits_are_stretched_over_the_whole_file(tmp_path):
    pixels = np.random.default_rng(1).integers(1000, 2000, (200, 300, 3)).astype(np.uint16)
    pixels[199, 299] = 60000
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", tile=(64, 64))
    predictor = Predictor(random_network(tmp_path / "n.onnx", 2), tile=96)
    segment_windows(predictor, tmp_path / "a.tif", tmp_path / "l.tif")
    assert np.array_equal(read_labels(tmp_path / "l.tif"), predictor(pixels).ids)


def test_what_windows_refuse(tmp_path, source):
    path = picker(tmp_path / "n.onnx")
    with pytest.raises(OptionError, match="option crf"):
        segment_windows(Predictor(path, crf=True), source, None)
    tifffile.imwrite(
        tmp_path / "five.tif", np.zeros((5, 40, 40), np.uint8), photometric="minisblack", planarconfig="separate"
    )
    with pytest.raises(InputError, match="got 5"):
        segment_windows(Predictor(path), tmp_path / "five.tif", tmp_path / "l.tif")
    assert not (tmp_path / "l.tif").exists()


def test_a_full_disk_leaves_no_file(tmp_path, source, monkeypatch):
    from kontur.io import tiff_windows

    def full(path, shape, dtype, tiles, tags):
        next(tiles)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tiff_windows, "_write_tiles", full)
    with pytest.raises(OutputError, match="disk is full"):
        segment_windows(
            Predictor(picker(tmp_path / "n.onnx"), tile=96), source, tmp_path / "o/l.tif", tmp_path / "o/c.tif"
        )
    assert list((tmp_path / "o").iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
def test_memory_does_not_grow_with_the_image(tmp_path):
    """16 times the pixels, 4 times the width: what grows is a band as wide as the image, here about 20 MB; the image is 192 MB."""
    code = (
        "import sys, numpy as np\n"
        "from kontur.inference import Predictor, segment_windows\n"
        "segment_windows(Predictor(sys.argv[1], tile=256, threads=1), sys.argv[2], sys.argv[3])\n"
        "print([l for l in open('/proc/self/status') if l.startswith('VmHWM')][0].split()[1])\n"
    )
    path = random_network(tmp_path / "n.onnx", 1)
    tile = np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8)
    peaks = []
    for side in (2048, 8192):
        tifffile.imwrite(
            tmp_path / "a.tif", (tile for _ in range((side // 256) ** 2)), shape=(side, side, 3), dtype=np.uint8,
            tile=(256, 256), photometric="rgb",
        )  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-c", code, str(path), str(tmp_path / "a.tif"), str(tmp_path / "l.tif")],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        peaks.append(int(done.stdout) / 1024)
    assert peaks[1] < peaks[0] + 96
    assert tifffile.TiffFile(tmp_path / "l.tif").pages.first.shape == (8192, 8192)


def test_kontur_segment_streams_what_is_too_large(tmp_path, source, monkeypatch, capsys):
    from kontur.cli import main
    from kontur.inference import windows

    def run(*arguments):
        with pytest.raises(SystemExit) as stop:
            main(["segment", "a.tif", "-m", str(path), *arguments])
        return stop.value.code, capsys.readouterr()

    path = random_network(tmp_path / "n.onnx", 2)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(windows, "STREAMED", 100_000)
    code, said = run("--set", "tile=128", "-o", "out", "--max-pixels", "1000")
    assert (code, said.err) == (0, "")
    assert "by windows; the network took" in said.out
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "a.categories.tif", "a.json", "a.labels.tif", "a.overlay.png",
    ]  # fmt: skip
    wanted = kontur.segment(PIXELS, path, tile=128)
    assert np.array_equal(read_labels("out/a.labels.tif"), wanted.ids)
    document = json.loads((tmp_path / "out/a.json").read_text())
    assert document["file_name"] == "a.tif"
    assert [s["area"] for s in document["segments"]] == [s.area for s in wanted.segments]
    assert "read and written by windows" in document["provenance"]["notes"]
    for extra, words in (
        (["--write", "svg"], "got svg"),
        (["--fill-holes"], "no --fill-holes"),
        (["--set", "crf=true"], "crf"),
    ):
        code, said = run("-o", "new", "--max-pixels", "1000", *extra)
        assert code == 2
        assert words in said.err
        assert not list(tmp_path.glob("new/*"))
    # What needs the whole image has it where it may be read whole; and so has a file that cannot be read by windows.
    assert run("-o", "whole", "--write", "labels,svg")[0] == 0
    assert np.array_equal(read_labels("whole/a.labels.png"), kontur.segment(PIXELS, path).ids)
    tifffile.imwrite("a.tif", PIXELS, photometric="rgb", extratags=[(274, 3, 1, 3, True)])
    assert run("-o", "turned", "--write", "labels")[0] == 0
    assert np.array_equal(read_labels("turned/a.labels.png"), kontur.segment(PIXELS[::-1, ::-1], path).ids)
    code, said = run("-o", "again", "--max-pixels", "1000")
    assert (code, "stored turned" in said.err) == (2, True)
