"""`kontur degrade`: what is written, and the one line that a mistake gets."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image as Pillow

from command_line import run
from kontur import degrade
from kontur.core.image import Image
from kontur.io.image_files import write_image
from kontur.io.photos import read_image


@pytest.fixture(autouse=True)
def loud(monkeypatch):
    from kontur.cli import screen

    monkeypatch.setattr(screen, "_quiet", False)


@pytest.fixture
def photo(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype(np.uint8)
    path = tmp_path / "photo.png"
    Pillow.fromarray(pixels).save(path)
    return path


@pytest.mark.parametrize("kind", list(degrade.KINDS))
def test_the_file_holds_what_the_function_gives(capsys, tmp_path, photo, kind):
    row = degrade.KINDS[kind]
    strength = row.ladder[2]
    code, out, err = run(capsys, "degrade", photo, "--kind", kind, "--strength", strength, "-o", tmp_path / "out")
    assert (code, err) == (0, "")
    assert f"{row.strength}={strength}" in out or f"{row.strength}={strength:.1f}" in out
    expected = degrade.degrade(read_image(photo), kind, **{row.strength: strength})
    assert (read_image(tmp_path / "out" / "photo.png").pixels == expected.pixels).all()


def test_seed_option_and_filter(capsys, tmp_path, photo):
    code, _, _ = run(
        capsys, "degrade", photo, "--kind", "salt-and-pepper", "--strength", 0.2, "--set", "salt=0.8", "--seed", 5,
        "--filter", "median", "--filter-set", "radius=2", "-o", tmp_path / "out",
    )  # fmt: skip
    assert code == 0
    damaged = degrade.salt_and_pepper_noise(read_image(photo), share=0.2, salt=0.8, seed=5)
    expected = degrade.median_filter(damaged, radius=2)
    assert (read_image(tmp_path / "out" / "photo.png").pixels == expected.pixels).all()


def test_a_folder_with_sub_folders_16_bits_and_five_bands(capsys, tmp_path):
    folder = tmp_path / "in"
    five = Image(np.full((6, 7, 5), 900, np.uint16))
    one = Image(np.full((1, 1), 7, np.uint8))
    write_image(folder / "deep" / "five.tif", five)
    write_image(folder / "one.png", one)
    code, out, err = run(capsys, "degrade", folder, "--kind", "gaussian", "-o", tmp_path / "out", "--jobs", 2)
    assert (code, err) == (0, "")
    assert "2 images" in out
    back = read_image(tmp_path / "out" / "deep" / "five.tif").pixels
    assert (back == degrade.gaussian_noise(five).pixels).all()
    assert read_image(tmp_path / "out" / "one.png").pixels.shape == (1, 1)


def test_list_names_all(capsys):
    code, out, _ = run(capsys, "degrade", "--list")
    assert code == 0
    for name in (*degrade.KINDS, *degrade.FILTERS):
        assert name in out


def test_nothing_is_overwritten_unless_forced(capsys, tmp_path, photo):
    out = tmp_path / "out"
    assert run(capsys, "degrade", photo, "--kind", "salt", "-o", out)[0] == 0
    before = (out / "photo.png").read_bytes()
    code, _, err = run(capsys, "degrade", photo, "--kind", "pepper", "-o", out)
    assert code == 2
    assert "exists already. Use --force" in err
    assert (out / "photo.png").read_bytes() == before
    assert run(capsys, "degrade", photo, "--kind", "pepper", "-o", out, "--force")[0] == 0
    assert (out / "photo.png").read_bytes() != before
    original = photo.read_bytes()
    code, _, err = run(capsys, "degrade", photo, "--kind", "pepper", "-o", photo.parent, "--force")
    assert code == 2
    assert "is an input" in err
    assert photo.read_bytes() == original


def test_a_broken_image_does_not_stop_the_others(capsys, tmp_path, photo):
    (tmp_path / "broken.png").write_bytes(photo.read_bytes()[:100])
    code, out, err = run(capsys, "degrade", tmp_path / "broken.png", photo, "--kind", "blur", "-o", tmp_path / "out")
    assert code == 2
    assert "1 of 2 images failed" in err
    assert "broken.png: expected a whole PNG" in err
    assert "1 image: blur(sigma=2.0)" in out
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["photo.png"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--kind", "gausian"], "no kind of damage named 'gausian'. Did you mean 'gaussian'?"),
        (["--kind", "salt", "--strength", "1.5"], "option share: expected a number, 0..1, got '1.5'"),
        (["--kind", "jpeg", "--strength", "high"], "option quality: expected a whole number, 1..100, got 'high'"),
        (["--kind", "salt", "--filter", "medien"], "no filter named 'medien'. Did you mean 'median'?"),
        (["--kind", "salt", "--set", "share"], "option --set: expected KEY=VALUE, got 'share'"),
        (["--kind", "salt", "--set", "shara=1"], "no option named 'shara'. Did you mean 'share'?"),
        (["--kind", "salt", "--seed", "-4"], "option seed: expected a whole number, at least 0, got -4"),
        (["--filter", "median", "--strength", "1"], "option --strength: expected --kind KIND with it, got none"),
        (
            ["--kind", "salt", "--filter-set", "radius=1"],
            "option --filter-set: expected --filter NAME with it, got none",
        ),
        ([], "expected --kind KIND, --filter NAME or both, got neither"),
    ],
)
def test_one_line_and_exit_2(capsys, tmp_path, photo, arguments, message):
    code, _, err = run(capsys, "degrade", photo, *arguments, "-o", tmp_path / "out")
    assert code == 2
    assert err.startswith("kontur: ")
    assert message in err
    assert err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_missing_inputs_and_one_name_for_two(capsys, tmp_path, photo):
    code, _, err = run(capsys, "degrade", tmp_path / "none.png", "--kind", "salt")
    assert (code, err.count("\n")) == (2, 1)
    assert "none.png: no such file" in err
    code, _, err = run(capsys, "degrade", "--kind", "salt")
    assert code == 2
    assert "expected files, folders or globs, got none" in err
    Pillow.open(photo).save(tmp_path / "photo.bmp")
    code, _, err = run(capsys, "degrade", photo, tmp_path / "photo.bmp", "--kind", "salt", "-o", tmp_path / "out")
    assert code == 2
    assert "would both be written as photo.*" in err
    assert not (tmp_path / "out").exists()
