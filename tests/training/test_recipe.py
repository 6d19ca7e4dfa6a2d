"""Recipes: what is written is read back; what is wrong is named in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from kontur.core.errors import KonturError, OptionError, UnreadableFile
from kontur.training.recipe import load_recipe, parse_recipe
from training import toy

RECIPES = sorted((Path(__file__).resolve().parents[2] / "recipes").glob("*.toml"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda p: p.stem)
def test_every_recipe_of_the_repository_is_valid_and_round_trips(path, tmp_path):
    recipe = load_recipe(path)
    copy = tmp_path / "copy.toml"
    copy.write_text(recipe.to_toml())
    assert load_recipe(copy) == recipe
    assert recipe.name == path.stem


def test_a_resolved_recipe_holds_every_default(tmp_path):
    text = toy.recipe(Path("data")).to_toml()
    for key in ("weight_decay", "warm_up", "patience", "checkpoint_minutes", "flip", "accumulate"):
        assert f"\n{key} = " in text


def test_text_with_quotes_newlines_and_odd_keys_round_trips(tmp_path):
    path = toy.recipe_file(
        tmp_path / "odd.toml",
        Path('a "b"\\c'),
        title="één\nregel",
        data={"options": {"odd key": "x=[1]", "deep": {"a b": 1}}},
    )
    recipe = load_recipe(path)
    assert recipe.title == "één\nregel"
    assert recipe.data.root == 'a "b"\\c'
    assert recipe.data.options == {"odd key": "x=[1]", "deep": {"a b": 1}}


def test_set_replaces_values_of_any_depth(tmp_path):
    path = toy.recipe_file(tmp_path / "r.toml", Path("data"))
    recipe = load_recipe(path, ["optimiser.rate=0.25", "stages.0.epochs=7", "data.root=other place", "run.ema=0.9"])
    assert (recipe.optimiser.rate, recipe.stages[0].epochs, recipe.data.root, recipe.run.ema) == (
        0.25,
        7,
        "other place",
        0.9,
    )


@pytest.mark.parametrize(
    ("sets", "told"),
    [
        (["optimiser.rat=1"], "unknown key optimiser.rat. Did you mean rate"),
        (["optimizer.rate=1"], "unknown key optimizer. Did you mean optimiser"),
        (["stages.0.epoch=1"], "unknown key stages.0.epoch. Did you mean epochs"),
        (["loss.terms.0.nam=dice_loss"], "unknown key loss.terms.0.nam. Did you mean name"),
        (["run.zzz=1"], "Known here are device"),
        (["optimiser.rate=fast"], "optimiser.rate"),
        (["optimiser.rate=-1"], "greater than 0"),
        (["augmentation.flip=1.5"], "augmentation.flip"),
        (["stages.0.scales=[2.0, 0.5]"], "expected low, high"),
        (["augmentation.mean=[0.5, 0.5]"], "expected 1 or 3 numbers"),
        (["augmentation.std=[0.5, 0.0, 0.5]"], "positive"),
        (["stages.4.epochs=1"], "0..0"),
        (["nothing"], "expected key=value"),
        (["name.first=x"], "is a value, not a table"),
        (["stages=[]"], "stages"),
    ],
)
def test_a_wrong_value_is_named_in_one_line(tmp_path, sets, told):
    path = toy.recipe_file(tmp_path / "r.toml", Path("data"))
    with pytest.raises(OptionError) as caught:
        load_recipe(path, sets)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_key_is_named():
    with pytest.raises(OptionError, match=r"network.*missing"):
        parse_recipe({"name": "x", "data": {"set": "folder", "root": "."}, "stages": [{"epochs": 1}]})


@pytest.mark.parametrize("content", [b"name = ", b"\xff\xfe", None])
def test_what_is_no_recipe_is_refused(tmp_path, content):
    path = tmp_path / "r.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UnreadableFile, match=r"r\.toml"):
        load_recipe(path)


def test_a_folder_is_no_recipe(tmp_path):
    with pytest.raises(KonturError, match="expected a recipe"):
        load_recipe(tmp_path)


@pytest.mark.parametrize("name", ["copy_paste", "flatten"])
def test_changes_of_objects_are_for_objects(name):
    with pytest.raises(OptionError, match=f"augmentation.{name}: expected 0 with the task semantic"):
        parse_recipe(load_recipe(RECIPES[0]).model_dump() | {"task": "semantic", "augmentation": {name: 0.5}})
