"""Rectangles of a TIFF are what the whole reading gives there; a label file written by rows is read back as it was."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from kontur.core.errors import InputError, OutputError, UnreadableFile
from kontur.io.labels import read_labels
from kontur.io.photos import read_image
from kontur.io.tiff_windows import TiffWindows, label_tiff, tiff_size

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (75, 101), np.uint8)
COLOUR = RNG.integers(0, 256, (75, 101, 3), np.uint8)
DEEP = RNG.integers(500, 9000, (75, 101, 4)).astype(np.uint16)

FORMS = {
    "grey, one raw strip": (GREY, {"rowsperstrip": 75}),
    "grey, deflated strips": (GREY, {"compression": "zlib", "rowsperstrip": 16}),
    "colour, tiles": (COLOUR, {"photometric": "rgb", "tile": (32, 48)}),
    "colour, deflated tiles with predictor": (
        COLOUR, {"photometric": "rgb", "tile": (32, 32), "compression": "zlib", "predictor": True},
    ),
    "colour, a plane a band": (
        np.moveaxis(COLOUR, 2, 0), {"photometric": "rgb", "planarconfig": "separate", "tile": (32, 32), "compression": "zlib"},
    ),
    "colour, raw planes": (np.moveaxis(COLOUR, 2, 0), {"photometric": "rgb", "planarconfig": "separate"}),
    "16 bits, four bands, big-endian": (
        DEEP, {"photometric": "minisblack", "planarconfig": "contig", "byteorder": ">", "extrasamples": ["unspecified"] * 3},
    ),
    "16 bits, big-endian, deflated tiles": (
        DEEP[..., 0], {"photometric": "minisblack", "byteorder": ">", "tile": (16, 16), "compression": "zlib"},
    ),
    "float": ((DEEP[..., 0] / 1000).astype(np.float32), {"photometric": "minisblack", "tile": (32, 32)}),
    "alpha": (
        RNG.integers(0, 256, (75, 101, 4), np.uint8), {"photometric": "rgb", "extrasamples": ["unassalpha"], "tile": (32, 32)},
    ),
    "white is zero": (GREY, {"photometric": "miniswhite", "tile": (32, 32)}),
    "palette": (GREY, {"photometric": "palette", "colormap": RNG.integers(0, 65536, (3, 256)).astype(np.uint16)}),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_rectangles_are_those_of_the_whole(tmp_path, form):
    pixels, options = FORMS[form]
    path = tmp_path / "a.tif"
    options = dict(options)
    tifffile.imwrite(path, pixels, byteorder=options.pop("byteorder", None), metadata=None, **options)
    whole = read_image(path)
    assert tiff_size(path) == (75, 101)
    with TiffWindows(path, band_rows=20) as windows:
        assert windows.shape == whole.shape
        assert windows.bands == whole.bands
        assert windows.limits == whole.limits
        for rows, columns in ((0, 75), (0, 101)), ((0, 1), (0, 1)), ((74, 75), (100, 101)), ((15, 49), (31, 97)):
            got = windows.read(slice(*rows), slice(*columns))
            assert got.dtype == whole.pixels.dtype
            assert np.array_equal(got, whole.pixels[slice(*rows), slice(*columns)])


def test_a_tile_of_zeros_that_was_left_out(tmp_path):
    tiles = (np.full((16, 16), 7, np.uint8) if n == 0 else None for n in range(4))
    tifffile.imwrite(tmp_path / "a.tif", tiles, shape=(32, 32), dtype=np.uint8, tile=(16, 16), compression="zlib")
    with TiffWindows(tmp_path / "a.tif") as windows:
        got = windows.read(slice(10, 20), slice(10, 20))
    assert np.array_equal(got, np.where((np.arange(10, 20)[:, None] < 16) & (np.arange(10, 20) < 16), 7, 0))


def test_a_cut_off_file(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", COLOUR, photometric="rgb", tile=(32, 32), metadata=None)
    data = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(data[: len(data) - 5000])
    with TiffWindows(tmp_path / "a.tif") as windows:
        windows.read(slice(0, 20), slice(0, 101))
        with pytest.raises(UnreadableFile, match=r"a\.tif: expected a whole TIFF"):
            windows.read(slice(0, 75), slice(0, 101))


def test_forms_that_cannot_be_read_by_rectangles(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, GREY.astype(np.int64), photometric="minisblack")
    with pytest.raises(InputError, match="int64"):
        TiffWindows(path)
    tifffile.imwrite(path, GREY, extratags=[(274, 3, 1, 6, True)])
    with pytest.raises(InputError, match="upright"):
        TiffWindows(path)
    path.write_bytes(b"\x89PNG\r\n\x1a\n0000")
    with pytest.raises(InputError, match="expected a TIFF"):
        TiffWindows(path)
    assert tiff_size(path) is None
    assert tiff_size(tmp_path / "none.tif") is None


def test_nan_is_told_with_its_rows(tmp_path):
    pixels = np.zeros((600, 20), np.float32)
    pixels[300, 3] = np.nan
    tifffile.imwrite(tmp_path / "a.tif", pixels, tile=(16, 16), photometric="minisblack")
    with (
        TiffWindows(tmp_path / "a.tif") as windows,
        pytest.raises(InputError, match=r"NaN or infinite in rows 256\.\.511"),
    ):
        _ = windows.limits


@pytest.mark.parametrize(("most", "dtype"), [(200, np.uint8), (300, np.uint16), (70_000, np.uint32)])
@pytest.mark.parametrize("shape", [(1, 1), (256, 512), (600, 300)])
def test_rows_of_any_height_come_back(tmp_path, most, dtype, shape):
    ids = RNG.integers(0, most + 1, shape)
    with label_tiff(tmp_path / "new" / "a.tif", shape, most) as put:
        for rows in np.array_split(ids, [n for n in (7, 250, 251, 590) if n < shape[0]]):
            put(rows)
    got = read_labels(tmp_path / "new" / "a.tif")
    assert got.dtype == dtype
    assert np.array_equal(got, ids)
    with tifffile.TiffFile(tmp_path / "new" / "a.tif") as file:
        assert file.pages.first.tile == (256, 256)


def test_a_file_that_may_pass_4_gigabytes_is_bigtiff(tmp_path, monkeypatch):
    from kontur.io import tiff_windows

    monkeypatch.setattr(tiff_windows, "_CLASSIC", 1000)
    with label_tiff(tmp_path / "a.tif", (40, 50), 9) as put:
        put(np.ones((40, 50), np.uint8))
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert file.is_bigtiff
    assert (read_labels(tmp_path / "a.tif") == 1).all()


def test_an_error_in_the_block_leaves_nothing(tmp_path):
    def broken():
        with label_tiff(tmp_path / "a.tif", (600, 300), 9) as put:
            put(np.ones((300, 300), np.uint8))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken()
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_nothing_and_says_so(tmp_path, monkeypatch):
    from kontur.io import tiff_windows

    def full(path, shape, dtype, tiles, tags):
        next(tiles)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tiff_windows, "_write_tiles", full)

    def written():
        with label_tiff(tmp_path / "a.tif", (6000, 300), 9) as put:
            for _ in range(20):
                put(np.ones((300, 300), np.uint8))

    with pytest.raises(OutputError, match="disk is full"):
        written()
    assert list(tmp_path.iterdir()) == []


def test_where_an_image_lies_is_written_too(tmp_path):
    keys = (1, 1, 0, 1, 3072, 0, 1, 32633)
    tags = [(33550, 12, 3, (10.0, 10.0, 0.0), True), (33922, 12, 6, (0.0, 0.0, 0.0, 500.0, 900.0, 0.0), True),
            (34735, 3, 8, keys, True)]  # fmt: skip
    tifffile.imwrite(tmp_path / "a.tif", GREY, photometric="minisblack", extratags=tags, metadata=None)
    with (
        TiffWindows(tmp_path / "a.tif") as windows,
        label_tiff(tmp_path / "b.tif", (75, 101), 9, windows.geo_tags()) as put,
    ):
        put(GREY % 10)
    place = read_image(tmp_path / "b.tif").georeference
    assert place == read_image(tmp_path / "a.tif").georeference
    assert (place.crs, place.affine) == ("EPSG:32633", (10, 0, 500, 0, -10, 900))
