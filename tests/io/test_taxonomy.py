"""Taxonomy files: our own form, COCO's category lists, and what is refused."""

from __future__ import annotations

import json

import pytest

from kontur.core.errors import InputError, UnreadableFile
from kontur.io.taxonomy import read_taxonomy


def test_own_form_with_defaults(tmp_path):
    path = tmp_path / "t.json"
    categories = [{"id": 3, "name": "sky", "colour": [1, 2, 3], "thing": True}, {"id": 1, "name": "road"}]
    path.write_text(json.dumps({"name": "town", "ignore": None, "categories": categories}))
    taxonomy = read_taxonomy(path)
    assert (taxonomy.name, taxonomy.ignore) == ("town", None)
    assert (taxonomy[3].colour, taxonomy[3].thing) == ((1, 2, 3), True)
    assert (taxonomy[1].colour, taxonomy[1].thing) == ((128, 0, 0), False)  # VOC's colour 1


def test_cocos_category_list(tmp_path):
    path = tmp_path / "t.json"
    path.write_text(json.dumps([{"supercategory": "x", "color": [9, 8, 7], "isthing": 1, "id": 1, "name": "person"}]))
    category = read_taxonomy(path)[1]
    assert (category.name, category.colour, category.thing) == ("person", (9, 8, 7), True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[", "cannot be parsed"),
        ("[]", "expected categories"),
        ('{"categories": [{"id": "1", "name": "a"}]}', r"categories\[0\]: expected an object with an id"),
        ('[{"id": 70000, "name": "a"}]', "id 0..65535"),
        ('[{"id": 1, "name": "a", "colour": [1, 2]}]', "expected a colour"),
        ('[{"id": 1e999, "name": "a"}]', "id 0..65535"),
        ('[{"id": true, "name": "a"}]', "id 0..65535"),
        ('[{"id": 1, "name": "a", "colour": [1e999, 0, 0]}]', "expected a colour"),
        ('[{"id": 1, "name": "a", "colour": [NaN, 0, 0]}]', "expected a colour"),
        ('[{"id": 1, "name": "a", "thing": "0"}]', "isthing 0 or 1, got '0'"),
        ('[{"id": 1, "name": "a"}, {"id": 1, "name": "b"}]', r"each category id once, got 1 twice \('a' and 'b'\)"),
        ('[{"id": 1, "name": "a"}, {"id": 2, "name": "a"}]', r"each category name once, got 'a' twice \(ids 1 and 2\)"),
        ('{"ignore": 1e999, "categories": [{"id": 1, "name": "a"}]}', "as ignore, got inf"),
        ('{"ignore": 1.5, "categories": [{"id": 1, "name": "a"}]}', "as ignore, got 1.5"),
        ('{"ignore": 1, "categories": [{"id": 1, "name": "a"}]}', "t.json: taxonomy: the ignore id 1"),
    ],
)
def test_refused(tmp_path, text, message):
    path = tmp_path / "t.json"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_taxonomy(path)
    with pytest.raises(UnreadableFile, match="no such file"):
        read_taxonomy(tmp_path / "nowhere.json")
