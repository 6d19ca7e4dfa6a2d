"""Categories."""

from __future__ import annotations

from kontur import Taxonomy


def test_things_of_a_taxonomy():
    streets = Taxonomy.from_names(["sky", "car", "road", "person"], things=["car", "person"], name="streets")
    assert [(c.id, c.name) for c in streets.things] == [(1, "car"), (3, "person")]
    assert (streets.things.ignore, streets.things.name) == (255, "streets")
