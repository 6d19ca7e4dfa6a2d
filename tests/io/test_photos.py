"""Every kind of file keeps its values, or the notes say what was done to them; bad files are refused in one line."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow
from PIL import ImageOps

from kontur.core.errors import InputError, KonturError
from kontur.io.photos import find_images, read_image

RNG = np.random.default_rng(0)
COLOUR = RNG.integers(0, 256, (13, 17, 3), dtype=np.uint8)
GREY = COLOUR[..., 0].copy()
DEEP = RNG.integers(0, 65536, (13, 17, 3), dtype=np.uint16)


def smooth_photo() -> Pillow.Image:
    """Something that JPEG keeps almost as it is."""
    y, x = np.mgrid[:48, :64]
    return Pillow.fromarray(np.stack([4 * x, 5 * y, 2 * (x + y)], axis=-1).astype(np.uint8))


def write_png16(path: Path, pixels: np.ndarray, colour: int, *, filters: bool = True) -> None:
    """A 16-bit PNG by the book; row n uses filter n mod 5. Pillow cannot write 16-bit colour."""
    height, width = pixels.shape[:2]
    step = pixels.shape[2] * 2
    rows = pixels.astype(">u2").reshape(height, -1).view(np.uint8).astype(int)
    raw = bytearray()
    for y in range(height):
        kind = y % 5 if filters else 0
        up = rows[y - 1] if y else np.zeros_like(rows[0])
        left, corner = np.roll(rows[y], step), np.roll(up, step)
        left[:step] = corner[:step] = 0
        p = left + up - corner
        to_left, to_up, to_corner = abs(p - left), abs(p - up), abs(p - corner)
        paeth = np.where((to_left <= to_up) & (to_left <= to_corner), left, np.where(to_up <= to_corner, up, corner))
        guess = [0, left, up, (left + up) // 2, paeth][kind]
        raw += bytes([kind]) + ((rows[y] - guess) % 256).astype(np.uint8).tobytes()

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 0)
    body = zlib.compress(bytes(raw))
    half = len(body) // 2  # two data chunks
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", body[:half])
        + chunk(b"IDAT", body[half:])
        + chunk(b"IEND", b"")
    )


# --- what is kept -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "webp"])
@pytest.mark.parametrize("pixels", [COLOUR, GREY], ids=["colour", "grey"])
def test_lossless_files_keep_8_bit_values(tmp_path, suffix, pixels):
    path = tmp_path / f"a.{suffix}"
    Pillow.fromarray(pixels).save(path, **({"lossless": True} if suffix == "webp" else {}))
    image = read_image(path)
    expected = np.repeat(pixels[..., None], 3, axis=2) if suffix == "webp" and pixels.ndim == 2 else pixels
    assert image.pixels.dtype == np.uint8
    assert np.array_equal(image.pixels, expected)
    assert image.path == path
    assert image.notes == ()


def test_jpeg_is_decoded_as_pillow_does(tmp_path):
    smooth_photo().save(tmp_path / "a.jpg", quality=90)
    assert np.array_equal(read_image(str(tmp_path / "a.jpg")).pixels, np.asarray(Pillow.open(tmp_path / "a.jpg")))


def test_16_bit_grey_png_and_tiff_keep_their_values(tmp_path):
    for name in ("a.png", "a.tif"):
        Pillow.fromarray(DEEP[..., 0]).save(tmp_path / name)
        image = read_image(tmp_path / name)
        assert image.pixels.dtype == np.uint16
        assert np.array_equal(image.pixels, DEEP[..., 0])


def test_16_bit_colour_png_keeps_its_values_where_pillow_cuts_them(tmp_path):
    write_png16(tmp_path / "a.png", DEEP, 2)
    assert np.asarray(Pillow.open(tmp_path / "a.png")).dtype == np.uint8  # the trap
    image = read_image(tmp_path / "a.png")
    assert image.pixels.dtype == np.uint16
    assert np.array_equal(image.pixels, DEEP)


def test_16_bit_png_agrees_with_opencv_also_interlaced_and_noise_free(tmp_path):
    cv2 = pytest.importorskip("cv2")
    y, x = np.mgrid[:40, :53]
    ramp = np.stack([x * 1200, y * 1500, (x + y) * 600], axis=-1).astype(np.uint16)
    cv2.imwrite(str(tmp_path / "a.png"), ramp[..., ::-1])
    assert np.array_equal(read_image(tmp_path / "a.png").pixels, ramp)


def test_16_bit_interlaced_png(tmp_path):
    passes = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
    for height, width in ((13, 17), (1, 1), (2, 3), (5, 1)):
        pixels = DEEP[:height, :width]
        raw = b""
        for column, row, right, down in passes:
            part = pixels[row::down, column::right].astype(">u2")
            raw += b"".join(b"\0" + line.tobytes() for line in part) if part.size else b""
        write_png16(tmp_path / "plain.png", pixels, 2)
        data = bytearray((tmp_path / "plain.png").read_bytes())
        data[28] = 1  # interlaced
        data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
        body = zlib.compress(raw)
        chunk = struct.pack(">I", len(body)) + b"IDAT" + body + struct.pack(">I", zlib.crc32(b"IDAT" + body))
        end = struct.pack(">I", 0) + b"IEND" + struct.pack(">I", zlib.crc32(b"IEND"))
        (tmp_path / "a.png").write_bytes(bytes(data[:33]) + chunk + end)
        Pillow.open(tmp_path / "a.png").load()  # an independent reader takes the file as well
        assert np.array_equal(read_image(tmp_path / "a.png").pixels, pixels)


def test_16_bit_alpha_is_laid_on_white_in_16_bits(tmp_path):
    pixels = np.dstack([DEEP, np.full(DEEP.shape[:2], 65535, np.uint16)])
    write_png16(tmp_path / "a.png", pixels, 6)
    assert np.array_equal(read_image(tmp_path / "a.png").pixels, DEEP)  # opaque
    pixels[..., 3] = 0
    pixels[0, 0, 3] = 65535 // 3
    write_png16(tmp_path / "b.png", pixels, 6)
    image = read_image(tmp_path / "b.png")
    assert (image.pixels[1:] == 65535).all()
    assert np.array_equal(image.pixels[0, 0], np.rint(DEEP[0, 0] / 3 + 65535 * 2 / 3).astype(np.uint16))
    write_png16(tmp_path / "c.png", np.dstack([DEEP[..., 0], np.full(DEEP.shape[:2], 65535, np.uint16)]), 4)
    assert np.array_equal(read_image(tmp_path / "c.png").pixels, DEEP[..., 0])


def test_alpha_opaque_is_dropped_otherwise_laid_on_white(tmp_path):
    opaque = np.dstack([COLOUR, np.full(COLOUR.shape[:2], 255, np.uint8)])
    Pillow.fromarray(opaque).save(tmp_path / "a.png")
    image = read_image(tmp_path / "a.png")
    assert np.array_equal(image.pixels, COLOUR)
    assert image.notes == ("opaque alpha dropped",)
    opaque[0, 0, 3], opaque[0, 1, 3] = 0, 51  # clear, and a fifth
    Pillow.fromarray(opaque).save(tmp_path / "b.png")
    image = read_image(tmp_path / "b.png")
    assert image.pixels[0, 0].tolist() == [255, 255, 255]
    assert image.pixels[0, 1].tolist() == np.rint(COLOUR[0, 1] * 0.2 + 255 * 0.8).astype(int).tolist()
    assert np.array_equal(image.pixels[1:], COLOUR[1:])
    assert image.notes == ("alpha composited on white",)


def test_grey_with_alpha_stays_grey(tmp_path):
    both = np.dstack([GREY, np.full(GREY.shape, 255, np.uint8)])
    both[0, 0, 1] = 0
    Pillow.fromarray(both, "LA").save(tmp_path / "a.png")
    image = read_image(tmp_path / "a.png")
    assert image.channels == 1
    assert image.pixels[0, 0] == 255
    assert np.array_equal(image.pixels[1:], GREY[1:])


def test_palette_becomes_its_colours_and_clear_entries_white(tmp_path):
    picture = Pillow.fromarray(np.array([[0, 1], [2, 1]], np.uint8)).convert("L")
    picture.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    picture.save(tmp_path / "a.png")
    image = read_image(tmp_path / "a.png")
    assert image.pixels.tolist() == [[[10, 20, 30], [40, 50, 60]], [[70, 80, 90], [40, 50, 60]]]
    assert "palette" in image.notes[0]
    picture.save(tmp_path / "b.png", transparency=1)
    assert read_image(tmp_path / "b.png").pixels.tolist() == [[[10, 20, 30], [255] * 3], [[70, 80, 90], [255] * 3]]


def test_one_bit_becomes_0_and_255(tmp_path):
    for suffix in ("png", "tif", "bmp"):
        Pillow.fromarray(np.eye(9, dtype=bool)).save(tmp_path / f"a.{suffix}")
        assert np.array_equal(read_image(tmp_path / f"a.{suffix}").pixels, np.eye(9, dtype=np.uint8) * 255)


def test_cmyk_becomes_rgb_and_says_so(tmp_path):
    smooth_photo().convert("CMYK").save(tmp_path / "a.jpg", quality=95)
    image = read_image(tmp_path / "a.jpg")
    assert image.channels == 3
    assert "CMYK" in image.notes[0]
    assert np.abs(image.pixels.astype(int) - np.asarray(smooth_photo())).mean() < 3


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "tif", "webp", "png"])
def test_exif_orientation_is_applied_as_pillow_does(tmp_path, orientation, suffix):
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    smooth_photo().save(tmp_path / f"a.{suffix}", exif=exif)
    expected = np.asarray(ImageOps.exif_transpose(Pillow.open(tmp_path / f"a.{suffix}")))
    image = read_image(tmp_path / f"a.{suffix}")
    assert np.array_equal(image.pixels, expected)
    assert image.shape == ((48, 64) if orientation < 5 else (64, 48))
    assert any("rientation" in note for note in image.notes) == (orientation > 1)


def test_orientation_6_by_hand(tmp_path):
    """6: the stored picture must be turned a quarter clockwise to be upright."""
    exif = Pillow.Exif()
    exif[0x0112] = 6
    Pillow.fromarray(np.array([[1, 2, 3], [4, 5, 6]], np.uint8)).save(tmp_path / "a.png", exif=exif)
    assert read_image(tmp_path / "a.png").pixels.tolist() == [[4, 1], [5, 2], [6, 3]]


# --- TIFF ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("bands", [2, 4, 5, 7])
@pytest.mark.parametrize("layout", ["contig", "separate"])
def test_tiff_keeps_all_bands(tmp_path, dtype, bands, layout):
    pixels = RNG.integers(0, 200, (12, 10, bands)).astype(dtype)
    stored = pixels if layout == "contig" else np.moveaxis(pixels, 2, 0)
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="minisblack", planarconfig=layout, compression="zlib")
    image = read_image(tmp_path / "a.tif")
    assert image.pixels.dtype == dtype
    assert np.array_equal(image.pixels, pixels)


def test_rgb_and_infrared_are_four_bands_not_rgb_with_alpha(tmp_path):
    pixels = RNG.integers(0, 255, (12, 10, 4), dtype=np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", extrasamples=["unspecified"])
    assert np.array_equal(read_image(tmp_path / "a.tif").pixels, pixels)
    tifffile.imwrite(
        tmp_path / "b.tif", np.full((5, 5, 4), 255, np.uint16), photometric="rgb", extrasamples=["unassalpha"]
    )
    assert read_image(tmp_path / "b.tif").channels == 3


def test_16_bit_colour_tiff_keeps_its_values(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", DEEP, photometric="rgb")
    image = read_image(tmp_path / "a.tif")
    assert image.pixels.dtype == np.uint16
    assert np.array_equal(image.pixels, DEEP)


def test_float_tiff_and_integers_that_do_not_fit(tmp_path):
    values = np.linspace(-3, 1000, 20, dtype=np.float64).reshape(4, 5)
    tifffile.imwrite(tmp_path / "a.tif", values)
    assert np.array_equal(read_image(tmp_path / "a.tif").pixels, values.astype(np.float32))
    tifffile.imwrite(tmp_path / "b.tif", np.array([[-5, 7]], np.int16))
    image = read_image(tmp_path / "b.tif")
    assert image.pixels.tolist() == [[-5.0, 7.0]]
    assert image.notes == ("int16 turned into float32",)


def test_channels_that_are_pages_become_bands(tmp_path):
    stack = RNG.integers(0, 255, (3, 2, 12, 10), dtype=np.uint8)  # three planes of two channels
    tifffile.imwrite(tmp_path / "a.tif", stack, imagej=True, metadata={"axes": "ZCYX"})
    image = read_image(tmp_path / "a.tif")
    assert np.array_equal(image.pixels, np.moveaxis(stack[0], 0, 2))
    assert image.notes == ("first along Z (of 3)",)


def test_of_several_pages_the_first(tmp_path):
    pages = RNG.integers(0, 255, (3, 12, 10), dtype=np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", pages, photometric="minisblack")
    image = read_image(tmp_path / "a.tif")
    assert np.array_equal(image.pixels, pages[0])
    assert image.notes == ("first of 3 pages",)


def test_white_is_zero(tmp_path):
    for dtype, top in ((np.uint8, 255), (np.uint16, 65535)):
        tifffile.imwrite(tmp_path / "a.tif", GREY.astype(dtype), photometric="miniswhite")
        assert np.array_equal(read_image(tmp_path / "a.tif").pixels, top - GREY.astype(dtype))


def test_lzw_that_tifffile_alone_cannot_decompress(tmp_path):
    for pixels in (COLOUR, GREY, DEEP[..., 0], np.linspace(-1, 1, 20, dtype=np.float32).reshape(4, 5)):
        Pillow.fromarray(pixels).save(tmp_path / "a.tif", compression="tiff_lzw")
        image = read_image(tmp_path / "a.tif")
        assert image.pixels.dtype == pixels.dtype
        assert np.array_equal(image.pixels, pixels)


def test_16_bit_colour_that_cannot_be_decompressed_is_refused_not_cut_to_8_bits(tmp_path, monkeypatch):
    tifffile.imwrite(tmp_path / "a.tif", DEEP, photometric="rgb", compression="zlib")

    def missing(self, *args, **kwargs):
        raise ValueError("<COMPRESSION.LZW: 5> requires the 'imagecodecs' package")

    monkeypatch.setattr(tifffile.TiffPage, "asarray", missing)
    assert "Save it with deflate" in refused(tmp_path / "a.tif")


@pytest.mark.real_data
def test_a_geotiff_knows_where_it_lies(data):
    image = read_image(data / "geotiff" / "sample_geotiff.tif")
    assert image.pixels.dtype == np.uint16
    assert image.georeference is not None
    assert image.georeference.crs == "EPSG:32616"
    assert image.georeference.affine == (0.5, 0.0, 733601.0, 0.0, -0.5, 3725139.0)  # half a metre a pixel
    four = read_image(data / "geotiff" / "ms1.tif")
    assert four.channels == 4


@pytest.mark.real_data
def test_complex_sar_is_refused_with_advice(data):
    with pytest.raises(InputError, match=r"sar_hh\.tif.*amplitude"):
        read_image(data / "geotiff" / "sar_hh.tif")


# --- animated files -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["png", "webp"])
def test_of_an_animated_file_the_first_frame(tmp_path, suffix):
    frames = [Pillow.fromarray(np.full((8, 9, 3), v, np.uint8)) for v in (10, 200, 90)]
    frames[0].save(tmp_path / f"a.{suffix}", save_all=True, append_images=frames[1:], lossless=True)
    image = read_image(tmp_path / f"a.{suffix}")
    assert image.shape == (8, 9)
    assert np.abs(image.pixels.astype(int) - 10).max() <= 1
    assert "first of 3 frames" in image.notes


# --- bad files --------------------------------------------------------------------------------------------------------


def pixels_or_message(path: Path, **options: int) -> np.ndarray | str:
    try:
        return read_image(path, **options).pixels
    except KonturError as error:
        return str(error)


def refused(path: Path, **options: int) -> str:
    with pytest.raises(KonturError) as error:
        read_image(path, **options)
    message = str(error.value)
    assert "\n" not in message
    assert path.name in message
    return message


def test_missing_folder_and_empty(tmp_path):
    assert "no such file" in refused(tmp_path / "a.png")
    assert "got a folder without images" in refused(tmp_path)
    (tmp_path / "a.png").touch()
    assert "0 bytes" in refused(tmp_path / "a.png")


def test_text_renamed_png_and_other_kinds(tmp_path):
    (tmp_path / "a.png").write_text("hello, I am no image")
    assert "got text that starts with b'hello" in refused(tmp_path / "a.png")
    (tmp_path / "b.jpg").write_bytes(b"\0\0\0\x18ftypheic" + bytes(40))
    assert "HEIC" in refused(tmp_path / "b.jpg")
    Pillow.fromarray(GREY).save(tmp_path / "c.gif")
    assert "GIF" in refused(tmp_path / "c.gif")


def test_the_name_does_not_matter(tmp_path):
    smooth_photo().save(tmp_path / "a.png", format="JPEG")
    assert read_image(tmp_path / "a.png").shape == (48, 64)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("form", ["JPEG", "PNG", "BMP", "WEBP", "TIFF", "progressive", "PNG16", "TIFF16", "thumbnail"])
def test_cut_off_anywhere_is_never_shown_in_part(tmp_path, form):
    """Every length from nothing to one byte short: refused, or (bytes that hold no pixels) read as the whole file is."""
    path = tmp_path / "whole"
    if form == "PNG16":
        write_png16(path, DEEP, 2)
    elif form == "TIFF16":
        tifffile.imwrite(path, DEEP, photometric="rgb")
    elif form == "progressive":
        smooth_photo().save(path, format="JPEG", progressive=True)
    elif form == "thumbnail":  # a JPEG inside the header, with an end marker of its own
        small = io.BytesIO()
        smooth_photo().resize((8, 6)).save(small, format="JPEG")
        smooth_photo().save(path, format="JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0" + small.getvalue())
    else:
        smooth_photo().save(path, format=form)
    data, whole = path.read_bytes(), read_image(path).pixels
    cut = tmp_path / "cut"
    accepted = 0
    lengths = range(0, len(data), max(1, len(data) // 400))
    for length in [*lengths, *range(max(0, len(data) - 20), len(data))]:
        cut.write_bytes(data[:length])
        pixels = pixels_or_message(cut)
        if isinstance(pixels, str):
            assert "\n" not in pixels
            continue
        assert np.array_equal(pixels, whole), length
        accepted += 1
    assert accepted <= (20 if form == "TIFF" else 0)  # Pillow's TIFF ends with tags that hold no pixels


def test_60000_by_60000_is_refused_on_the_header(tmp_path):
    """A few bytes that claim 3.6 gigapixels: refused at once, whatever the kind."""
    path = tmp_path / "a.png"
    write_png16(path, DEEP, 2)
    data = bytearray(path.read_bytes())
    for depth in (16, 8):
        data[16:24] = struct.pack(">II", 60000, 60000)
        data[24] = depth
        data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
        path.write_bytes(data)
        assert "60000 x 60000 = 3600 megapixels" in refused(path)
    jpeg = io.BytesIO()
    smooth_photo().save(jpeg, format="JPEG")
    raw = bytearray(jpeg.getvalue())
    at = raw.index(b"\xff\xc0") + 5
    raw[at : at + 4] = struct.pack(">HH", 60000, 60000)
    (tmp_path / "a.jpg").write_bytes(raw)
    assert "3600 megapixels" in refused(tmp_path / "a.jpg")
    smooth_photo().save(tmp_path / "a.bmp")
    raw = bytearray((tmp_path / "a.bmp").read_bytes())
    raw[18:26] = struct.pack("<ii", 60000, 60000)
    (tmp_path / "a.bmp").write_bytes(raw)
    assert "3600 megapixels" in refused(tmp_path / "a.bmp")


def test_a_16_bit_png_that_unpacks_to_more_than_its_header_says_takes_no_more_memory(tmp_path):
    path = tmp_path / "bomb.png"
    write_png16(path, np.zeros((400, 400, 3), np.uint16), 2, filters=False)
    data = bytearray(path.read_bytes())
    data[16:24] = struct.pack(">II", 3, 2)
    path.write_bytes(data)
    assert read_image(path).pixels.tolist() == np.zeros((2, 3, 3)).tolist()


def test_max_pixels_is_the_callers(tmp_path):
    Pillow.fromarray(GREY).save(tmp_path / "a.png")
    assert "raise --max-pixels" in refused(tmp_path / "a.png", max_pixels=100)
    assert read_image(tmp_path / "a.png", max_pixels=GREY.size).shape == GREY.shape


def test_an_image_over_pillows_own_limit_is_read_without_touching_it(tmp_path, monkeypatch):
    monkeypatch.setattr(Pillow, "MAX_IMAGE_PIXELS", 20)
    Pillow.fromarray(GREY).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png").shape == GREY.shape
    assert Pillow.MAX_IMAGE_PIXELS == 20


def test_nan_in_a_file(tmp_path):
    values = np.ones((4, 5), np.float32)
    values[1, 2] = np.nan
    tifffile.imwrite(tmp_path / "a.tif", values)
    assert "finite" in refused(tmp_path / "a.tif")


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's, of damaged tags
def test_flipped_bytes_never_give_a_traceback(tmp_path):
    rng = np.random.default_rng(5)
    sources = []
    for form in ("JPEG", "PNG", "BMP", "WEBP", "TIFF"):
        buffer = io.BytesIO()
        smooth_photo().save(buffer, format=form)
        sources.append(buffer.getvalue())
    write_png16(tmp_path / "x.png", DEEP, 2)
    tifffile.imwrite(tmp_path / "x.tif", DEEP, photometric="rgb", compression="zlib")
    sources += [(tmp_path / "x.png").read_bytes(), (tmp_path / "x.tif").read_bytes()]
    for source in sources:
        for _ in range(60):
            data = bytearray(source)
            for at in rng.integers(0, min(len(data), 400), 3):
                data[at] = rng.integers(256)
            (tmp_path / "a").write_bytes(data)
            result = pixels_or_message(tmp_path / "a", max_pixels=10_000_000)
            assert not isinstance(result, str) or "\n" not in result


# --- finding ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def tree(tmp_path):
    for name in ("a.jpg", "b.PNG", "sub/c.tif", "sub/deep/a.jpg", "sub/notes.txt", ".hidden/d.png", "sub/.e.png"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    for own in ("a.overlay.png", "sub/c.labels.png", "sub/c.labels.tif", "b.categories.png", "a.cutout.png"):
        (tmp_path / own).write_bytes(b"x")
    return tmp_path


def stems(pairs):
    return [stem.as_posix() for _, stem in pairs]


def test_a_folder_gives_all_its_images_and_keeps_sub_folders(tree):
    assert stems(find_images([tree])) == ["a", "b", "sub/c", "sub/deep/a"]


def test_files_and_globs(tree):
    assert stems(find_images([tree / "sub" / "c.tif"])) == ["c"]
    assert stems(find_images([str(tree / "*.jpg")])) == ["a"]
    assert stems(find_images([str(tree / "**" / "*.jpg")])) == ["a", "sub/deep/a"]
    assert stems(find_images([str(tree / "sub" / "*" / "*.jpg")])) == ["deep/a"]


def test_a_file_named_twice_is_listed_once(tree):
    assert stems(find_images([tree / "a.jpg", str(tree / "*.jpg"), tree])) == ["a", "b", "sub/c", "sub/deep/a"]


def test_a_name_with_brackets_is_a_file_before_it_is_a_glob(tree):
    (tree / "a[1].jpg").write_bytes(b"x")
    assert stems(find_images([tree / "a[1].jpg"])) == ["a[1]"]


def test_inputs_that_lead_to_nothing(tree):
    (tree / "empty").mkdir()
    for given, says in (
        ("none.jpg", "no such file"),
        ("empty", "expected a folder with images"),
        ("*.webp", "no file matches"),
    ):
        with pytest.raises(InputError, match=says):
            find_images([str(tree / given)])
    with pytest.raises(InputError, match="got none"):
        find_images([])
    # Beside others they are listed, so that the others are done and reading them says what is wrong.
    pairs = find_images([tree / "none.jpg", tree / "a.jpg", tree / "empty"])
    assert stems(pairs) == ["none", "a", "empty"]
    assert "no such file" in refused(pairs[0][0])
    assert "folder without images" in refused(pairs[2][0])


def test_reading_a_jpeg_needs_no_heavy_module(tmp_path):
    """Otsu's whole process has 1.5 s, start-up included."""
    smooth_photo().save(tmp_path / "a.jpg")
    code = (
        "import sys; from kontur.io.photos import read_image; read_image(sys.argv[1]); "
        "print([m for m in ('numba', 'scipy', 'skimage', 'tifffile', 'imageio') if m in sys.modules])"
    )
    environment = {"PYTHONPATH": str(Path(__file__).resolve().parents[2] / "src")}
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "a.jpg"], capture_output=True, text=True, env=environment
    )
    assert done.stdout.strip() == "[]", done.stderr
