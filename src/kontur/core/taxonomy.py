"""The categories of a data set or a network. Names are the join key between the two, never positions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .errors import InputError, UnknownName


@dataclass(frozen=True)
class Category:
    """One category: its id in label files (0-65535), its name, its colour (RGB, 0-255), thing (countable) or stuff."""

    id: int
    name: str
    colour: tuple[int, int, int]
    thing: bool = False


@dataclass(frozen=True)
class Taxonomy:
    """Categories with unique ids and names, and the id that means "do not count" (None: there is none)."""

    categories: tuple[Category, ...]
    ignore: int | None = 255
    name: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "categories", tuple(self.categories))
        for what, values in (("id", [c.id for c in self]), ("name", [c.name for c in self])):
            twice = sorted(str(v) for v, count in Counter(values).items() if count > 1)
            if twice:
                raise InputError(f"taxonomy: expected each category {what} once, got twice: {', '.join(twice)}")
        if self.ignore is not None and any(c.id == self.ignore for c in self):
            raise InputError(
                f"taxonomy: the ignore id {self.ignore} is also a category's id. Choose another ignore id."
            )

    @classmethod
    def from_names(
        cls, names: Iterable[str], *, things: Iterable[str] = (), ignore: int | None = 255, name: str = ""
    ) -> Taxonomy:
        """Ids 0, 1, 2.. in the order of the names; colours from the PASCAL VOC bit pattern."""
        things = set(things)
        categories = tuple(Category(i, n, voc_colour(i), n in things) for i, n in enumerate(names))
        return cls(categories, ignore=ignore, name=name)

    @property
    def things(self) -> Taxonomy:
        """The categories whose objects are counted, without the stuff; ids and the ignore id stay."""
        return Taxonomy(tuple(c for c in self if c.thing), self.ignore, self.name)

    def to_dict(self) -> dict[str, Any]:
        """As JSON types, which `kontur.io.taxonomy.taxonomy_of` reads again."""
        categories = [{"id": c.id, "name": c.name, "colour": list(c.colour), "thing": c.thing} for c in self]
        return {"name": self.name, "ignore": self.ignore, "categories": categories}

    def __iter__(self):  # type: ignore[no-untyped-def]
        return iter(self.categories)

    def __len__(self) -> int:
        return len(self.categories)

    def __contains__(self, category_id: object) -> bool:
        return any(c.id == category_id for c in self.categories)

    def __getitem__(self, category_id: int) -> Category:
        for category in self.categories:
            if category.id == category_id:
                return category
        raise UnknownName("category", str(category_id), [str(c.id) for c in self], f"Ids are {[c.id for c in self]}.")

    def by_name(self, name: str) -> Category:
        for category in self.categories:
            if category.name == name:
                return category
        raise UnknownName("category", name, [c.name for c in self], f"Names are {[c.name for c in self]}.")


def voc_colour(index: int) -> tuple[int, int, int]:
    """The colour of an index in PASCAL VOC's palette: its bits dealt to red, green, blue, highest first."""
    red = green = blue = 0
    for shift in range(7, -1, -1):
        red |= (index & 1) << shift
        green |= ((index >> 1) & 1) << shift
        blue |= ((index >> 2) & 1) << shift
        index >>= 3
    return red, green, blue
