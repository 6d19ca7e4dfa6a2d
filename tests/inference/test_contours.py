"""The default method: outlines by a network, worked by hand with networks of one weight; odd images; the command line."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow
from scipy import ndimage

import kontur
from command_line import run
from inference.small_networks import convolution, picker
from kontur import registry
from kontur.core.errors import InputError, OptionError, UnknownName
from kontur.core.image import Image
from kontur.inference import Predictor, models, notice
from kontur.inference import contours as module
from kontur.inference.contours import boundary_strength
from kontur.inference.models import Model, NoModels
from kontur.inference.network_file import NetworkFile

NOTICE = "Learnt from drawings."


def boundary_network(path: Path, **metadata: str) -> Path:
    """The logit is 8 (red - 0.5): where red is 1 there is an outline, where it is 0 there is none."""
    taxonomy = {
        "name": "b",
        "ignore": None,
        "categories": [{"id": 0, "name": "boundary", "colour": [9, 9, 9], "thing": False}],
    }
    weights = np.array([8, 0, 0], np.float32).reshape(1, 3, 1, 1)
    usual = {"task": "boundary", "classes": '["boundary"]', "taxonomy": json.dumps(taxonomy), "notice": NOTICE}
    return convolution(path, weights, np.array([-4]), metadata={**usual, **metadata})


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """A folder of embedded models with `contours` alone in it; the working folder is the one above."""
    folder = tmp_path / "models"
    folder.mkdir()
    boundary_network(folder / "contours.onnx", level="0.6", name="contours")
    (folder / "contours.toml").write_text('name = "contours"\ntask = "boundary"\n\n[recipe]\nsecret = 1\n')
    monkeypatch.setattr(models, "FOLDER", folder)
    monkeypatch.setattr(notice, "_told", {"contours"})
    monkeypatch.chdir(tmp_path)
    return folder


def rooms(walls=((10, 255), (20, 160)), shape=(12, 30)):
    """An image whose red columns are walls between rooms."""
    image = np.zeros((*shape, 3), np.uint8)
    for column, red in walls:
        image[:, column, 0] = red
    return image


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


# --- from logits to levels --------------------------------------------------------------------------------------------


def test_three_rooms_by_hand(shelf):
    """Walls of red 1 and 160/255: logits 4 and 1.02, strengths 0.982 and 0.735, rooms 0.018."""
    tree = kontur.contours(rooms())
    strong, weak = sigmoid(4), sigmoid(8 * 160 / 255 - 4)
    inside = sigmoid(-4) / 2  # half of it is taken off a border
    np.testing.assert_allclose(tree.heights, [weak - inside, strong - inside], rtol=1e-5)
    assert tree.default == 0.6
    assert [len(tree.level(x)) for x in (0, 0.6, 0.8, 0.99)] == [3, 3, 2, 1]
    np.testing.assert_allclose(tree.boundaries[:, 10], strong, rtol=1e-5)
    assert len(kontur.segment(rooms())) == 3  # the file's level, the default method
    assert len(kontur.segment(rooms(), level=0.8)) == 2
    assert len(kontur.segment(rooms(), "contours", regions=1, level=0.1)) == 1
    np.testing.assert_array_equal(kontur.segment(rooms(), regions=2).ids, tree.regions(2).ids)


def test_the_files_calibration_decides_what_a_logit_means(tmp_path):
    path = boundary_network(tmp_path / "n.onnx", calibration="[0.5, 0.25]")
    strength, _ = boundary_strength(Predictor(path), Image(rooms()), None)
    np.testing.assert_allclose(
        strength[0, [0, 10, 20]], sigmoid(0.5 * np.array([-4, 4, 8 * 160 / 255 - 4]) + 0.25), rtol=1e-5
    )
    for views in ({"flips": True}, {"tile": 64, "overlap": 8}):
        wide = np.tile(rooms(), (8, 7, 1))
        plain, _ = boundary_strength(Predictor(path), Image(wide), None)
        other, _ = boundary_strength(Predictor(path, **views), Image(wide), None)
        np.testing.assert_allclose(other, plain, atol=2e-6)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("calibration", "[1]", "two numbers, a above 0"),
        ("calibration", "[-1, 0]", "two numbers, a above 0"),
        ("calibration", "[1, NaN]", "two numbers, a above 0"),
        ("level", "1.5", r"a number in 0\.\.1"),
        ("level", "true", r"a number in 0\.\.1"),
        ("taxonomy", '{"name": "b", "categories": []}', "categor"),
        ("task", "edges", "semantic or boundary"),
    ],
)
def test_metadata_that_cannot_be(tmp_path, key, value, said):
    with pytest.raises(InputError, match=said):
        NetworkFile(boundary_network(tmp_path / "n.onnx", **{key: value}))


def test_a_boundary_file_of_ones_own(shelf):
    path = boundary_network(shelf.parent / "mine.onnx", level="0.9")
    assert len(kontur.contours(rooms(), model=path).level()) == 2
    result = kontur.segment(rooms(), path)
    assert (len(result), result.provenance.method) == (2, "mine")
    assert registry.get(str(path)).task == "regions"
    with pytest.raises(InputError, match="expected a network of task boundary, got colours"):
        kontur.contours(rooms(), model=picker(shelf.parent / "colours.onnx"))
    with pytest.raises(InputError, match="expected a network of task boundary, got otsu"):
        kontur.contours(rooms(), model="otsu")
    with pytest.raises(InputError, match="expected a semantic network, got one of"):
        kontur.inference.Predictor(path)(rooms())


def test_how_a_hierarchy_came_to_be(shelf):
    tree = kontur.contours(rooms(), flips=True)
    origin = tree.provenance
    assert origin.method == "contours"
    assert origin.options["flips"] is True
    assert not {"level", "regions"} & set(origin.options)
    assert origin.version == kontur.__version__
    assert origin.seconds > 0
    assert NOTICE in origin.notes
    tree.save("tree.npz")
    again = kontur.Hierarchy.load("tree.npz")
    assert again.provenance == origin
    np.testing.assert_array_equal(again.level().ids, tree.level().ids)
    with pytest.raises(UnknownName, match="no option named 'level'"):
        kontur.contours(rooms(), level=0.2)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(0, 1), st.floats(0, 1))
def test_levels_are_nested_and_their_regions_connected(seed, x, y):
    """For any two levels the finer one's regions lie inside the coarser one's, and every region is one piece."""
    strength = ndimage.gaussian_filter(np.random.default_rng(seed).random((19, 23)), 1.0)
    red = (255 * (strength - strength.min()) / np.ptp(strength)).astype(np.uint8)
    image = np.stack([red, red, red], axis=2)
    tree = module.ContourPredictor(_network().path).run(Image(image), want=frozenset({"hierarchy"})).hierarchy
    fine, coarse = (tree.level(level).ids for level in sorted((x, y)))
    for ids in (fine, coarse):
        assert all(ndimage.label(ids == i)[1] == 1 for i in np.unique(ids))
    assert all(len(np.unique(coarse[fine == i])) == 1 for i in np.unique(fine))


_kept: list[Model] = []


def _network() -> Model:
    """One file for all examples: hypothesis takes no fixture of a function."""
    if not _kept:
        import tempfile

        folder = Path(tempfile.mkdtemp())
        _kept.append(Model("n", boundary_network(folder / "n.onnx", notice="")))
    return _kept[0]


# --- images of any kind -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (5000, 1), (2, 3)])
@pytest.mark.parametrize("bands", [1, 2, 4, 7])
def test_odd_images(shelf, shape, bands):
    pixels = np.random.default_rng(0).integers(0, 65536, (*shape, bands)).astype(np.uint16)
    result = kontur.segment(pixels, "contours")
    assert result.ids.shape == shape
    assert sum(s.area for s in result.segments) == shape[0] * shape[1]


def test_one_colour_is_one_region_whatever_the_network_says(shelf):
    for image in (np.full((9, 40, 3), 255, np.uint8), np.full((600, 3), 7, np.uint16), np.ones((1, 1), np.float32)):
        result = kontur.segment(image, "contours", level=0)
        assert len(result) == 1
        assert "an image of one colour: no outlines" in result.provenance.notes


def test_what_is_used_of_other_bands_is_said(shelf):
    image = Image(
        np.dstack([np.zeros((12, 30), np.uint8)] * 2 + [rooms()]), bands=("nir", "swir", "red", "green", "blue")
    )
    result = kontur.segment(image, "contours")
    assert len(result) == 3
    assert "the network sees bands red, green, blue of 5" in result.provenance.notes
    notes = kontur.segment(np.ascontiguousarray(rooms()[..., :2]), "contours").provenance.notes
    assert "the network sees bands band1, band2 of 2" in notes
    assert kontur.segment(rooms()[..., 0], "contours").ids.max() == 3  # grey goes in three times


def test_large_images_are_shrunk_for_the_network_and_regions_have_their_own_size(shelf):
    wide = np.repeat(np.repeat(rooms(((9, 255), (20, 160)), (40, 40)), 10, axis=0), 10, axis=1)  # walls 10 pixels wide
    tree = kontur.contours(wide, megapixels=0.04)
    assert tree.shape == (400, 400)
    assert "the network sees 200x200 of 400x400 pixels" in tree.provenance.notes
    ids = tree.regions(3).ids
    borders = np.flatnonzero(ids[200, 1:] != ids[200, :-1])
    assert np.all(np.abs(borders - np.array([95, 205])) <= 6), "inside the walls"
    assert "pixels" not in " ".join(kontur.contours(wide, megapixels="none").provenance.notes)


def test_shrinking_averages_every_pixel():
    pixels = np.random.default_rng(1).integers(0, 256, (1301, 700, 3), dtype=np.uint8)
    network = NetworkFile(_network().path)
    channels = module.Channels.of(("red", "green", "blue"), (0.0, 255.0), network.metadata)
    small = module._shrunk(pixels, channels, (130, 70))
    assert small.shape == (3, 130, 70)
    np.testing.assert_allclose(small.mean(axis=(1, 2)), (pixels / 255).mean(axis=(0, 1)), atol=0.002)


def test_enlarging_in_bands_is_enlarging_at_once():
    strength = np.random.default_rng(2).random((61, 90), np.float32)
    whole = np.asarray(Pillow.fromarray(strength).resize((451, 1333), Pillow.Resampling.BILINEAR))
    np.testing.assert_allclose(module._enlarged(strength, (1333, 451)), whole, atol=1e-5)


# --- builds with and without the model --------------------------------------------------------------------------------


def test_a_build_without_models_falls_back_with_one_note(shelf, capsys):
    (shelf / "contours.onnx").unlink()
    image = rooms()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        assert kontur.segment(image).provenance.method == "felzenszwalb"
    assert len(said) == 1
    assert "felzenszwalb takes the place of contours" in str(said[0].message)
    with pytest.raises(NoModels, match="made without models"):
        kontur.segment(image, "contours")
    with pytest.raises(NoModels, match="made without models"):
        kontur.contours(image)
    assert "contours" not in [row.name for row in kontur.methods()]
    Pillow.fromarray(image).save("photo.png")
    code, out, err = run(capsys, "segment", "photo.png")
    assert (code, err.count("\n")) == (0, 1)
    assert "felzenszwalb takes the place of contours" in err
    assert "method: felzenszwalb (the default" in out
    code, out, err = run(capsys, "segment", "photo.png", "-m", "contours", "-o", "other")
    assert (code, err.count("\n"), "made without models" in err) == (2, 1, True)
    assert not Path("other").exists()
    assert "made without models" in run(capsys, "describe", "contours")[1]


def test_the_default_of_a_full_build(shelf, capsys):
    assert registry.default() == ("contours", "")
    assert [row.name for row in kontur.methods()].count("contours") == 1
    out = run(capsys, "describe", "contours")[1]
    for words in ("--set level=0.3", NOTICE, "The model's card", "Arbeláez", "megapixels"):
        assert words in out
    assert "secret" not in out


# --- the command line -------------------------------------------------------------------------------------------------


def test_every_output_from_one_run_of_the_network(shelf, capsys, monkeypatch):
    Pillow.fromarray(rooms()).save("photo.png")
    calls = []
    once = module.boundary_strength
    monkeypatch.setattr(module, "boundary_strength", lambda *a, **k: calls.append(1) or once(*a, **k))
    writes = "labels,json,outline,mean,boundaries,ultrametric,levels,hierarchy"
    code, out, err = run(capsys, "segment", "photo.png", "--write", writes, "--set", "level=0.8")
    assert (code, err, len(calls)) == (0, "", 1)
    assert "method: contours (the default" in out
    assert sorted(p.name for p in Path("kontur-out").iterdir()) == [
        "photo.boundaries.png", "photo.hierarchy.npz", "photo.json", "photo.labels.png", "photo.levels.png",
        "photo.mean.png", "photo.outline.png", "photo.outline.svg", "photo.ultrametric.png",
    ]  # fmt: skip
    tree = kontur.Hierarchy.load("kontur-out/photo.hierarchy.npz")
    labels = np.asarray(Pillow.open("kontur-out/photo.labels.png"))
    np.testing.assert_array_equal(labels, tree.level(0.8).ids)
    assert tree.provenance.method == "contours"
    assert not {"level", "regions"} & set(tree.provenance.options)
    picture = np.asarray(Pillow.open("kontur-out/photo.ultrametric.png"))
    np.testing.assert_array_equal(picture, np.rint(tree.ultrametric * 255))
    document = json.loads(Path("kontur-out/photo.json").read_text())
    assert document["provenance"]["options"]["level"] == 0.8
    # Of two rooms with the mean colour of each, and one line between them
    assert len(np.unique(np.asarray(Pillow.open("kontur-out/photo.mean.png")).reshape(-1, 3), axis=0)) == 2
    assert (np.asarray(Pillow.open("kontur-out/photo.outline.png")) == 0).sum() == 12
    assert Path("kontur-out/photo.outline.svg").read_text().count("<path") == 1
    code, _, err = run(capsys, "segment", "photo.png", "--write", "hierarchy")
    assert (code, "photo.hierarchy.npz: exists already" in err) == (2, True)


def test_a_number_of_regions(shelf, capsys):
    Pillow.fromarray(rooms()).save("photo.png")
    assert run(capsys, "segment", "photo.png", "--set", "regions=2", "--write", "labels")[0] == 0
    assert np.asarray(Pillow.open("kontur-out/photo.labels.png")).max() == 2


def test_outputs_that_a_method_cannot_give(shelf, capsys):
    Pillow.fromarray(rooms()).save("photo.png")
    for arguments, said in (
        (("-m", "otsu", "--write", "levels"), "levels is of a hierarchy of regions; otsu makes none"),
        (("--write", "heatmaps"), "write boundaries or ultrametric"),
        (("--set", "level=2"), "option level: expected a number, 0..1"),
        (("--set", "regions=0"), "option regions: expected a whole number"),
        (("--box", "0,0,3,3"), "contours takes no box"),
    ):
        code, _, err = run(capsys, "segment", "photo.png", *arguments)
        assert (code, err.count("\n"), said in err) == (2, 1, True), err


def test_the_terms_are_told_once(shelf, capsys, monkeypatch):
    monkeypatch.setattr(notice, "_told", set())
    for name in ("a", "b"):
        Pillow.fromarray(rooms()).save(f"{name}.png")
    code, out, err = run(capsys, "segment", "a.png", "b.png", "--write", "labels", "--jobs", "2")
    assert (code, err) == (0, "")
    assert out.endswith(f"contours: {NOTICE}\n")
    monkeypatch.setattr(notice, "_told", set())
    code, _, err = run(capsys, "segment", "a.png", "-m", "contours", "--force")
    assert (code, err) == (0, f"contours: {NOTICE}\n")


def test_region_merging_writes_its_hierarchy_too(shelf, capsys):
    Pillow.fromarray(rooms()).save("photo.png")
    code, _, err = run(capsys, "segment", "photo.png", "-m", "region_merging", "--write", "labels,hierarchy,levels")
    assert (code, err) == (0, "")
    tree = kontur.Hierarchy.load("kontur-out/photo.hierarchy.npz")
    np.testing.assert_array_equal(np.asarray(Pillow.open("kontur-out/photo.labels.png")), tree.level(0.5).ids)
    assert tree.provenance.method == "region_merging"


def test_scales_that_are_no_numbers(shelf):
    with pytest.raises(OptionError, match="option scales: expected numbers"):
        kontur.segment(rooms(), "contours", scales="1,x")
