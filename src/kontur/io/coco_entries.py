"""The entries of a COCO file or a list of results, each checked, or the fault in its place: the one reading of this form.

    categories, images, annotations ─walk_coco▶ Category, CocoImage, CocoAnnotation or LabelFault, in the file's order

`read_coco` raises the first fault, `kontur data check` lists them all, the ruler takes the entries. Ids are whole numbers
or names (category ids whole numbers), numbers are finite, `iscrowd` is 0 or 1; text in the place of a number is a fault.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core import rle
from ..core.errors import InputError, short
from ..core.rle import RLE
from ..core.taxonomy import Category
from .taxonomy import HIGHEST, LabelFault, finite, flag, identity, walk_categories, whole

Shapes = Literal["mask", "either", "box"]

_LONGEST_OUTLINE = 10_000_000  # pixels; beyond it the slower, bounded way is taken
_AT_ONCE = 4096  # annotations whose runs are read together
_NO_LISTS = "unreadable_annotations"
_NUMBERS = frozenset((int, float))
_MOST, _FAR = 1e300, rle.MAX_COORDINATE  # of the numbers of a box and of a polygon


class CocoImage(NamedTuple):
    """One image of a file. file_name "" and a size of 0 x 0: the file does not say, which only the ruler allows."""

    id: int | str
    file_name: str
    height: int
    width: int

    @property
    def size(self) -> tuple[int, int]:
        """(H, W)."""
        return self.height, self.width


class CocoAnnotation(NamedTuple):
    """One annotation, checked. None: the file does not say.

    box: x, y, width, height in pixels. given_area: pixels, as the file says. size: the image's (H, W).
    segmentation: polygons or {size, counts} as in the file, None where the box alone stands for the object.
    """

    id: int | str | None
    image_id: int | str
    category_id: int
    crowd: bool
    score: float | None
    given_area: float | None
    box: Sequence[float] | None
    size: tuple[int, int]
    segmentation: Any
    decoded: NDArray[np.int32] | None = None

    @property
    def runs(self) -> NDArray[np.int32]:
        """(R, 2): first pixel and one past the last of each run, down the columns, rising; polygons are filled here."""
        if self.decoded is not None:
            return self.decoded
        if self.segmentation is not None:
            return filled(self.segmentation, *self.size)
        assert self.box is not None
        x, y, wide, high = self.box  # as pycocotools makes the mask of a detection that has none
        return filled([[x, y, x, y + high, x + wide, y + high, x + wide, y]], *self.size)

    @property
    def mask(self) -> RLE:
        """The mask, made when it is asked for."""
        return rle.from_bounds(self.runs.ravel(), self.size)

    @property
    def area(self) -> float:
        """Pixels: the file's own figure, which COCO's size classes go by, or the mask's."""
        return self.given_area if self.given_area is not None else float(rle.area(self.mask))


def filled(polygons: Sequence[Any], height: int, width: int) -> NDArray[np.int32]:
    """The runs (R, 2) of the union of polygons [x0, y0, x1, y1, ..], by COCO's rule. Raises InputError as `rle.from_polygons`."""
    from ..kernels.polygon_fill import fill_polygons

    rle.check_polygons(polygons, height, width)
    rings = [np.asarray(polygon, float).reshape(-1, 2) for polygon in polygons]
    points = np.concatenate(rings)
    most = 2.0 * len(points) * float(np.abs(points).max())
    if most > _LONGEST_OUTLINE and np.abs(points - np.roll(points, 1, axis=0)).sum() > _LONGEST_OUTLINE:
        return rle.runs_of(rle.from_polygons(polygons, height, width))  # which knows when it is too much
    return fill_polygons(points, np.cumsum([len(ring) for ring in rings]), height, width)


def walk_coco(
    content: Any, *, bare: bool = False, shapes: Shapes = "mask"
) -> Iterator[Category | CocoImage | CocoAnnotation | LabelFault]:
    """What a file of instances holds, entry by entry: its categories, images and annotations, each sound or a fault.

    content: what the JSON holds. bare: images may lack file_name and size, categories their names, as the ruler allows.
    shapes: "mask": every annotation needs polygons or runs; "either": a box stands in where they are missing; "box": masks
    are looked at only where there is no box.
    """
    if not isinstance(content, dict):
        yield LabelFault(
            "unreadable_annotations",
            "",
            f"expected COCO's JSON with lists of images, annotations and categories, got {short(content)}",
        )
        return
    lists: dict[str, list[Any]] = {}
    for key, kind in (("images", _NO_LISTS), ("annotations", _NO_LISTS), ("categories", "bad_category")):
        rows = content.get(key)
        if not isinstance(rows, list) or (key == "categories" and not rows and lists["annotations"]):
            got = short(rows if key in content else sorted(content)[:5])
            yield LabelFault(
                kind,
                "",
                f"expected {key!r}, a list of objects (COCO's JSON has lists of images, annotations and categories), got {got}",
            )
            if kind == _NO_LISTS:
                return
        lists[key] = rows if isinstance(rows, list) else []
    known: set[int] = set()
    yield from walk_categories(lists["categories"], known, thing=True, named=not bare)
    sizes: dict[int | str, tuple[int, int]] = {}
    yield from walk_images(lists["images"], sizes, bare)
    yield from walk_annotations(lists["annotations"], sizes, known if lists["categories"] else None, shapes=shapes)


def walk_images(
    rows: list[Any], sizes: dict[int | str, tuple[int, int]], bare: bool, *, numbered: bool = True
) -> Iterator[CocoImage | LabelFault]:
    """A list of images, each sound or a fault. sizes: filled with the (H, W) of every id. bare: see `walk_coco`.

    numbered: without it the images' places stand for their ids.
    """
    names: dict[int | str, str] = {}
    for place, row in enumerate(rows):

        def bad(text: str, kind: str = "bad_image_entry", value: Any = None, place: int = place) -> LabelFault:
            return LabelFault(kind, f"images[{place}]", text, value)

        number = identity(row.get("id")) if isinstance(row, dict) else None
        if not numbered and isinstance(row, dict):
            number = place
        if number is None:
            got = short(row.get("id") if isinstance(row, dict) else row)
            yield bad(f"expected a whole number as 'id', got {got}")
            continue
        name, given = row.get("file_name"), (row.get("height"), row.get("width"))
        size = whole(given[0]) or 0, whole(given[1]) or 0
        if not (isinstance(name, str) and name) and not (bare and name is None):
            yield bad(f"expected id, file_name, height and width, got {short(name)} as 'file_name'")
            name = None
        if min(size) < 1 and not (bare and given == (None, None)):
            told = f"{short(given[0])} x {short(given[1])}"
            yield bad(f"expected whole numbers, a size of at least 1 x 1, as height and width, got {told}")
        elif size[0] * size[1] > rle.MAX_PIXELS:
            yield bad(f"expected at most {rle.MAX_PIXELS // 1_000_000} megapixels, got {size[0]} x {size[1]}")
            size = 0, 0
        size = size if min(size) > 0 else (0, 0)
        if number in sizes:
            both = f"{names[number]} and {name}" if name else "two images"
            text = f"expected each image id once, got {short(number)} twice ({both}): give each its own id"
            yield bad(text, "duplicate_image_id", number)
            continue
        sizes[number], names[number] = size, name or ""
        yield CocoImage(number, name or "", *size)


def walk_annotations(
    rows: Iterable[Any],
    sizes: dict[int | str, tuple[int, int]],
    categories: Container[int] | None,
    *,
    shapes: Shapes = "mask",
    what: str = "annotations",
    scored: bool = False,
) -> Iterator[CocoAnnotation | LabelFault]:
    """The annotations of a file, or the entries of a list of results.

    sizes: image id -> (H, W); (0, 0) where unknown: the first runs of an image then say it for the others.
    categories: the known ids; None: not checked. scored: a score is needed, and ids need not differ (results).
    """
    seen: set[int | str | None] = set()
    every = list(rows)

    def place_of(place: int) -> str:
        row = every[place]
        number = None if scored or not isinstance(row, dict) else identity(row.get("id"))
        return f"{what}[{place}]" if number is None else f"annotation {number}"

    for first in range(0, len(every), _AT_ONCE):
        found: list[CocoAnnotation | LabelFault] = []
        for place, row in enumerate(every[first : first + _AT_ONCE], first):
            entry = _annotation(row, sizes, categories, shapes, scored)
            if not isinstance(entry, _Fault):
                number = entry.id
                if number is None or scored or number not in seen:
                    found.append(entry)
                    seen.add(number)
                    continue
                text = f"expected a different id for each annotation, got {short(number)} twice"
                entry = _Fault("duplicate_annotation_id", text, number)
            found.append(LabelFault(entry.kind, place_of(place), entry.text, entry.value))
        _decode(found, first, place_of)
        yield from found


class _Fault(NamedTuple):
    """A fault whose place is still to be named: most entries have none, and a name costs time."""

    kind: str
    text: str
    value: Any = None


def _annotation(
    row: Any,
    sizes: dict[int | str, tuple[int, int]],
    categories: Container[int] | None,
    shapes: Shapes,
    scored: bool,
) -> CocoAnnotation | _Fault:
    """The entry, or its first fault."""
    if not isinstance(row, dict):
        return _Fault("bad_annotation", f"expected an object, got {short(row)}")
    # Of most files all ids are plain whole numbers: then no function is called for them.
    get = row.get
    number, image_id, category = get("id"), get("image_id"), get("category_id")
    if number is not None and not (type(number) is int and -HIGHEST < number < HIGHEST):
        number = identity(number)
        if number is None:
            return _Fault("bad_annotation", f"expected a whole number as 'id', got {short(get('id'))}")
    if type(image_id) is not int:
        image_id = identity(image_id)
    if type(category) is not int:
        category = whole(category)
    if image_id is None or category is None:
        key = "category_id" if image_id is not None else "image_id"
        return _Fault("bad_annotation", f"expected a whole number as {key!r}, got {short(get(key))}")
    if image_id not in sizes:
        text = f"expected an image_id of this file's images, got {short(image_id)}"
        return _Fault("unknown_image_id", text, image_id)
    if categories is not None and category not in categories:
        text = f"expected a category_id of this file's categories, got {category}"
        return _Fault("unknown_category_id", text, category)
    score, area, crowd, box = get("score"), get("area"), flag(get("iscrowd")), get("bbox")
    if (score is None and scored) or (score is not None and finite(score) is None):
        return _Fault("bad_annotation", f"expected a finite number as 'score', got {short(score)}")
    if area is not None and finite(area) is None:
        return _Fault("bad_annotation", f"expected a finite number as 'area', got {short(area)}")
    if crowd is None:
        return _Fault("bad_annotation", f"expected 0 or 1 as 'iscrowd', got {short(get('iscrowd'))}")
    if box is not None and not _is_box(box):
        if box not in ([], ()):
            return _Fault("bad_box", _wrong_box(box))
        box = None
    segmentation = get("segmentation")
    if shapes != "mask" and box is not None and (shapes == "box" or not segmentation):
        segmentation = None
    elif (fault := _segmentation(segmentation, image_id, sizes, shapes)) is not None:
        return fault
    return CocoAnnotation(number, image_id, category, crowd, score, area, box, sizes[image_id], segmentation)


def _is_box(given: Any) -> bool:
    four = type(given) in (list, tuple) and len(given) == 4 and _NUMBERS.issuperset(map(type, given))
    return four and -_MOST < sum(given) < _MOST  # not so where one is NaN or infinite


def _wrong_box(box: Any) -> str:
    if isinstance(box, list | tuple) and len(box) == 4:
        wrong = next(v for v in box if finite(v) is None)
        return f"expected a finite number as 'bbox', got {short(wrong)}"
    return f"expected a bbox [x, y, width, height], got {short(box)}"


def _segmentation(
    given: Any, image_id: int | str, sizes: dict[int | str, tuple[int, int]], shapes: Shapes
) -> _Fault | None:
    """What is wrong with the form of polygons or runs; the counts of runs are read later, many at once."""
    size = sizes[image_id]
    if isinstance(given, list) and given:
        if not size[0]:
            return _Fault("bad_image_entry", "a polygon needs the image's height and width in the file, got none")
        for polygon in given:
            if not _is_polygon(polygon):
                try:
                    rle.check_polygons(given, *size)
                except InputError as error:
                    kind = "empty_polygon" if "at least 3 points" in str(error) else "bad_polygon"
                    return _Fault(kind, str(error))
                return None
        return None
    if isinstance(given, Mapping):
        try:
            own = rle.checked_size(given.get("size"))
        except InputError as error:
            if "at least" in str(error) or "megapixels" in str(error):
                return _Fault(
                    "wrong_size", f"sizes differ (H, W): mask {tuple(given['size'])} and image {size}; {error}"
                )
            return _Fault("broken_runs", str(error))
        if not size[0]:
            sizes[image_id] = own
        elif own != size:
            return _Fault(
                "wrong_size", f"sizes differ (H, W): mask {own} and image {size}: the mask is of another image"
            )
        return None
    if given == []:
        text = "expected a segmentation, polygons or {size, counts}, got no polygon: draw it or remove the annotation"
        return _Fault("empty_polygon", text)
    also = "" if shapes == "mask" else " or a bbox [x, y, width, height], got neither it nor a mask"
    text = f"expected a segmentation, polygons or {{size, counts}}, got {short(given)}{also}"
    return _Fault("bad_annotation", text)


def _is_polygon(given: Any) -> bool:
    """Whether a polygon is in order as it usually is written, told without an array, which takes long to make."""
    if (
        type(given) not in (list, tuple)
        or len(given) < 6
        or len(given) % 2
        or not _NUMBERS.issuperset(map(type, given))
    ):
        return False
    # The smallest and largest of numbers with NaN among them may be any; their sum is NaN.
    return min(given) >= -_FAR and max(given) <= _FAR and not math.isnan(sum(given))


def _decode(found: list[CocoAnnotation | LabelFault], first: int, place_of: Callable[[int], str]) -> None:
    """Give the entries their runs, those written as text all at once; a fault takes the place of a malformed one."""
    from ..kernels.instance_matching import decode_runs

    texts: dict[int, bytes] = {}
    for place, entry in enumerate(found):
        if type(entry) is CocoAnnotation and type(entry.segmentation) is not list and entry.segmentation is not None:
            counts = entry.segmentation.get("counts")
            if isinstance(counts, str | bytes):
                texts[place] = counts.encode("utf-8", "replace") if isinstance(counts, str) else counts
            else:
                found[place] = _with_runs(entry, place_of(first + place))
    if not texts:
        return
    joined = np.frombuffer(b"".join(texts.values()), np.uint8)
    pixels = np.array([math.prod(found[p].size) for p in texts], np.int64)  # type: ignore[union-attr]
    runs, offsets = np.empty((len(joined) // 2 + 1, 2), np.int32), np.zeros(len(texts) + 1, np.int64)
    sound = decode_runs(joined, np.cumsum([len(text) for text in texts.values()]), pixels, runs, offsets) < 0
    for number, place in enumerate(texts):
        entry = found[place]
        assert isinstance(entry, CocoAnnotation)
        own = runs[offsets[number] : offsets[number + 1]]
        found[place] = entry._replace(decoded=own) if sound else _with_runs(entry, place_of(first + place))


def _with_runs(entry: CocoAnnotation, where: str) -> CocoAnnotation | LabelFault:
    """One entry, its runs read with every check."""
    try:
        return entry._replace(decoded=rle.runs_of(rle.from_coco(entry.segmentation)))
    except InputError as error:
        return LabelFault("broken_runs", where, str(error))
