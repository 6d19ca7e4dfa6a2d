"""Labels come back as they were written, whatever the file's colours; scribbles are read as a person drew them."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow
from PIL import ImageDraw

from kontur.core.errors import InputError, KonturError, PromptError
from kontur.core.prompts import Prompts
from kontur.io.labels import (
    label_file_suffix,
    read_labels,
    read_scribbles,
    strokes_to_labels,
    write_categories,
    write_labels,
    write_palette_labels,
)

RNG = np.random.default_rng(0)


# --- label maps -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("highest", [1, 255, 256, 65535])
def test_ids_and_back_in_16_bits(tmp_path, highest):
    ids = RNG.integers(0, highest + 1, (7, 9))
    ids[0, 0] = highest
    assert label_file_suffix(ids) == ".labels.png"
    write_labels(tmp_path / "a.labels.png", ids)
    assert np.array_equal(read_labels(tmp_path / "a.labels.png"), ids)
    assert Pillow.open(tmp_path / "a.labels.png").mode == "I;16"  # for other readers, whatever the highest id


@pytest.mark.parametrize("highest", [65536, 2**31 - 1, 2**32 - 1])
def test_more_than_65535_ids_go_to_a_32_bit_tiff(tmp_path, highest):
    ids = RNG.integers(0, highest, (7, 9))
    ids[0, 0] = highest
    assert label_file_suffix(ids) == ".labels.tif"
    write_labels(tmp_path / "a.labels.tif", ids)
    assert np.array_equal(read_labels(tmp_path / "a.labels.tif"), ids)
    assert tifffile.imread(tmp_path / "a.labels.tif").dtype == np.uint32
    with pytest.raises(InputError, match=r"16-bit PNG holds ids 0 to 65535"):
        write_labels(tmp_path / "a.labels.png", ids)
    assert not (tmp_path / "a.labels.png").exists()


def test_palette_files_give_indices_not_colours(tmp_path):
    """The trap: a palette PNG read as RGB, or as grey, gives wrong labels."""
    ids = RNG.integers(0, 256, (20, 30))
    write_palette_labels(tmp_path / "a.png", ids, [(0, 0, 0), (0, 0, 0), (9, 9, 9)])  # two ids of one colour
    assert np.array_equal(read_labels(tmp_path / "a.png"), ids)
    assert np.asarray(Pillow.open(tmp_path / "a.png").convert("RGB"))[ids == 2][0].tolist() == [9, 9, 9]


@pytest.mark.parametrize(("bits", "highest"), [(1, 1), (2, 3), (4, 15)])
def test_files_of_few_bits_give_their_own_values(tmp_path, bits, highest):
    """Pillow spreads the values of 2 and 4-bit grey over 0..255."""
    ids = RNG.integers(0, highest + 1, (5, 8), dtype=np.uint8)
    palette = Pillow.fromarray(ids).convert("L")
    palette.putpalette([v for i in range(256) for v in (i, 0, i)])
    palette.save(tmp_path / "p.png", bits=bits)
    assert np.array_equal(read_labels(tmp_path / "p.png"), ids)
    grey = bytearray((tmp_path / "p.png").read_bytes())
    start = grey.index(b"PLTE") - 4
    length = int.from_bytes(grey[start : start + 4], "big")
    del grey[start : start + 12 + length]  # without its palette the same file is grey
    grey[25] = 0
    import zlib

    grey[29:33] = zlib.crc32(grey[12:29]).to_bytes(4, "big")
    (tmp_path / "g.png").write_bytes(grey)
    assert np.array_equal(read_labels(tmp_path / "g.png"), ids)


def test_tiff_labels_of_every_type(tmp_path):
    for dtype in (np.uint8, np.int16, np.uint16, np.int32, np.uint32):
        ids = RNG.integers(0, 100, (7, 9)).astype(dtype)
        tifffile.imwrite(tmp_path / "a.tif", ids)
        assert np.array_equal(read_labels(tmp_path / "a.tif"), ids)
    Pillow.fromarray(ids.astype(np.uint8)).save(tmp_path / "b.tif", compression="tiff_lzw")
    assert np.array_equal(read_labels(tmp_path / "b.tif"), ids)


def test_bmp_palette_gives_indices(tmp_path):
    ids = RNG.integers(0, 5, (6, 7), dtype=np.uint8)
    picture = Pillow.fromarray(ids).convert("L")
    picture.putpalette([v for i in range(256) for v in (255 - i, i, 7)])
    picture.save(tmp_path / "a.bmp")
    assert np.array_equal(read_labels(tmp_path / "a.bmp"), ids)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_a_mask_is_turned_as_its_photo_is(tmp_path, suffix):
    """The trap: EXIF rotation applied to the image and not to the mask."""
    exif = Pillow.Exif()
    exif[0x0112] = 6
    Pillow.fromarray(np.array([[1, 2, 3], [4, 5, 6]], np.uint8)).save(tmp_path / f"a.{suffix}", exif=exif)
    assert read_labels(tmp_path / f"a.{suffix}").tolist() == [[4, 1], [5, 2], [6, 3]]


def test_what_cannot_be_labels(tmp_path):
    colour = RNG.integers(0, 255, (8, 8, 3), dtype=np.uint8)
    Pillow.fromarray(colour).save(tmp_path / "rgb.png")
    Pillow.fromarray(colour).save(tmp_path / "rgb.bmp")
    Pillow.fromarray(colour).save(tmp_path / "rgb.tif")
    Pillow.fromarray(colour[..., 0]).save(tmp_path / "grey.jpg")
    tifffile.imwrite(tmp_path / "float.tif", np.ones((4, 4), np.float32))
    for name, says in (
        ("rgb.png", "one channel"),
        ("rgb.bmp", "one channel"),
        ("rgb.tif", "3 bands"),
        ("grey.jpg", "changes values"),
        ("float.tif", "whole numbers"),
        ("none.png", "no such file"),
    ):
        with pytest.raises(KonturError, match=says) as error:
            read_labels(tmp_path / name)
        assert name in str(error.value)
        assert "\n" not in str(error.value)


def test_a_cut_off_label_file_is_refused(tmp_path):
    write_labels(tmp_path / "a.png", RNG.integers(0, 60000, (30, 30)))
    data = (tmp_path / "a.png").read_bytes()
    for length in range(0, len(data), 97):
        (tmp_path / "b.png").write_bytes(data[:length])
        with pytest.raises(InputError):
            read_labels(tmp_path / "b.png")


def test_categories_are_8_bits_with_255_for_none(tmp_path):
    write_categories(tmp_path / "a.png", np.array([[0, 18, 255]]))
    picture = Pillow.open(tmp_path / "a.png")
    assert picture.mode == "L"
    assert np.asarray(picture).tolist() == [[0, 18, 255]]
    with pytest.raises(InputError, match="0 to 255, got 0 to 300"):
        write_categories(tmp_path / "b.png", np.array([[0, 300]]))


@pytest.mark.parametrize(
    "ids", [np.array([[-1, 2]]), np.zeros((2, 2)), np.zeros((0, 2), int), np.zeros((2, 2, 2), int)]
)
def test_ids_that_no_file_holds(tmp_path, ids):
    with pytest.raises(InputError):
        write_labels(tmp_path / "a.png", ids)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.real_data
def test_voc_palette_masks_hold_class_numbers(data):
    for path in sorted((data / "voc-sample" / "VOC2012" / "SegmentationClass").glob("*.png")):
        values = set(np.unique(read_labels(path)).tolist())
        assert 0 in values
        assert values <= {*range(21), 255}


# --- scribbles --------------------------------------------------------------------------------------------------------

RED, WHITE, GREEN, BLUE, YELLOW = (255, 0, 0), (255, 255, 255), (0, 255, 0), (0, 0, 255), (255, 255, 0)


def strokes(
    *lines: tuple[tuple[int, int, int], int], mode: str = "RGB", width: int = 5, smooth: int = 1
) -> Pillow.Image:
    """Level strokes (colour, row) on black, or on transparent for RGBA; smooth > 1 draws soft edges."""
    size = 60 * smooth
    picture = Pillow.new(mode, (size, size))
    draw = ImageDraw.Draw(picture)
    for colour, row in lines:
        fill = (*colour, 255) if mode == "RGBA" else colour
        draw.line([(8 * smooth, row * smooth), (50 * smooth, (row + 4) * smooth)], fill=fill, width=width * smooth)
    return picture.resize((60, 60), Pillow.Resampling.BOX) if smooth > 1 else picture


def label_at(labels: np.ndarray, row: int) -> int:
    return int(labels[row + 2, 29])


def test_index_files_are_the_labels(tmp_path):
    ids = np.array([[0, 1, 2], [3, 0, 7]], np.uint8)
    for name, write in (("g.png", Pillow.fromarray(ids).save), ("p.png", lambda path: write_palette_labels(path, ids))):
        write(tmp_path / name)
        labels = read_scribbles(tmp_path / name)
        assert labels.dtype == np.int32
        assert np.array_equal(labels, ids)
    tifffile.imwrite(tmp_path / "a.tif", ids)
    assert np.array_equal(read_scribbles(tmp_path / "a.tif"), ids)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_red_is_background_white_the_first_object_further_colours_by_hue(tmp_path, mode):
    picture = strokes((BLUE, 5), (RED, 15), (GREEN, 25), (WHITE, 35), (YELLOW, 45), mode=mode)
    picture.save(tmp_path / "a.png")
    labels = read_scribbles(tmp_path / "a.png")
    assert [label_at(labels, row) for row in (15, 35, 45, 25, 5)] == [1, 2, 3, 4, 5]
    marked = np.asarray(picture.convert("RGB")).any(axis=2)
    assert np.array_equal(labels > 0, marked)


def test_without_white_the_first_other_colour_is_the_first_object(tmp_path):
    strokes((RED, 10), (GREEN, 30), (BLUE, 45)).save(tmp_path / "a.png")
    labels = read_scribbles(tmp_path / "a.png")
    assert [label_at(labels, row) for row in (10, 30, 45)] == [1, 2, 3]
    assert Prompts.of(scribbles=labels).objects == 2


@pytest.mark.parametrize("ending", ["png", "jpg", "webp"])
def test_soft_edges_and_jpeg_make_no_objects_of_their_own(tmp_path, ending):
    lines = ((RED, 5), (WHITE, 17), (GREEN, 29), (BLUE, 41))
    strokes(*lines, smooth=4).save(tmp_path / f"a.{ending}", quality=90)
    labels = read_scribbles(tmp_path / f"a.{ending}")
    assert set(np.unique(labels)) == {0, 1, 2, 3, 4}
    assert [label_at(labels, row) for _, row in lines] == [1, 2, 3, 4]
    hard = np.asarray(strokes(*lines, smooth=4)).max(axis=2) > 127  # more than half covered
    assert np.mean((labels > 0) == hard) > 0.97


def test_strokes_that_cross_leave_no_mixed_colour(tmp_path):
    picture = Pillow.new("RGB", (400, 400))
    draw = ImageDraw.Draw(picture)
    draw.line([(20, 200), (380, 200)], fill=RED, width=40)
    draw.line([(200, 20), (200, 380)], fill=WHITE, width=40)
    picture.resize((100, 100), Pillow.Resampling.BICUBIC).save(tmp_path / "a.png")
    labels = read_scribbles(tmp_path / "a.png")
    assert set(np.unique(labels)) == {0, 1, 2}
    assert labels[50, 10] == 1
    assert labels[50, 50] == 2


def test_a_small_dark_stroke_away_from_its_bright_sister_is_an_object(tmp_path):
    """Nothing that a person drew is dropped as an edge: dark red touches no bright red here."""
    strokes((RED, 5), (WHITE, 20), ((0, 255, 0), 32), ((0, 110, 0), 50), width=3).save(tmp_path / "a.png")
    labels = read_scribbles(tmp_path / "a.png")
    assert [label_at(labels, row) for row in (5, 20, 50, 32)] == [1, 2, 3, 4]


def test_a_single_pixel_counts():
    pixels = np.zeros((9, 9, 4), np.uint8)
    pixels[2, 2], pixels[6, 6] = (255, 0, 0, 255), (255, 255, 255, 255)
    labels = strokes_to_labels(pixels)
    assert (labels[2, 2], labels[6, 6]) == (1, 2)
    assert np.count_nonzero(labels) == 2


def test_colours_near_red_and_white_are_red_and_white():
    pixels = np.zeros((9, 9, 4), np.uint8)
    pixels[:2], pixels[7:] = (220, 30, 40, 255), (230, 235, 225, 255)
    assert [strokes_to_labels(pixels)[row, 4] for row in (0, 4, 8)] == [1, 0, 2]


def test_transparent_pixels_are_unmarked_whatever_their_colour():
    pixels = np.full((4, 4, 4), 255, np.uint8)
    pixels[..., 3] = 0
    pixels[0, 0] = (0, 0, 255, 255)
    assert strokes_to_labels(pixels).tolist() == [[2, 0, 0, 0], *[[0] * 4] * 3]


def test_nothing_drawn_is_nothing_marked():
    assert not strokes_to_labels(np.zeros((5, 5, 4), np.uint8)).any()


def test_labels_saved_as_dark_colours_are_told(tmp_path):
    Pillow.fromarray(np.repeat(np.array([[[0], [1], [2]]], np.uint8), 3, axis=2)).save(tmp_path / "a.png")
    with pytest.raises(PromptError, match="one channel"):
        read_scribbles(tmp_path / "a.png")


@pytest.mark.real_data
def test_most_photos_are_told_from_scribbles(photos):
    refused = 0
    for path in photos[:20]:
        try:
            read_scribbles(path)
        except PromptError as error:
            refused += "Is it a photo" in str(error)
    assert refused >= 15


@pytest.mark.real_data
def test_the_grabcut_scribbles_are_indices(data):
    paths = sorted((data / "grabcut").glob("scribbles*/*.png"))
    assert len(paths) == 40
    for path in paths[:6]:
        assert set(np.unique(read_scribbles(path))) <= {0, 1, 2}
