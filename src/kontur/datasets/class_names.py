"""Class names: those that a folder or file has, and whether they are the ones that are expected. Names join, never positions."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ..core.errors import InputError, UnreadableFile, short
from ..core.taxonomy import Taxonomy
from ..io.taxonomy import read_taxonomy
from ..io.text import read_lines, read_yaml
from .sample import Fault

_FILES = ("data.yaml", "dataset.yaml", "classes.txt")


def taxonomy_and_names(
    root: Path,
    taxonomy: Taxonomy | str | Path | None,
    classes: Sequence[str] | str | Path | None,
    ignore: int | None,
) -> tuple[Taxonomy | None, dict[int, str], Path | None]:
    """The taxonomy to join to; and the names that the folder itself has, by number, with the file that has them."""
    named_in = next((root / n for n in _FILES if (root / n).exists()), None)
    own: dict[int, str] = {}
    if named_in is not None:
        own = yaml_names(named_in) if named_in.suffix == ".yaml" else dict(enumerate(class_lines(named_in)))
    wanted: Taxonomy | None = None
    if taxonomy is not None:
        wanted = taxonomy if isinstance(taxonomy, Taxonomy) else read_taxonomy(taxonomy)
        if classes is not None:
            own, named_in = dict(enumerate(_class_names(root, classes))), Path(str(classes))
    elif classes is not None:
        wanted = Taxonomy.from_names(_class_names(root, classes), ignore=ignore, name=root.name)
    elif (root / "taxonomy.json").exists():
        wanted = read_taxonomy(root / "taxonomy.json")
    elif own:
        wanted = Taxonomy.from_names([own[n] for n in sorted(own)], ignore=ignore, name=root.name)
        if sorted(own) != list(range(len(own))):
            raise InputError(f"{named_in}: expected class numbers 0, 1, 2.. without gaps, got {sorted(own)[:8]}")
    return wanted, own, named_in


def _class_names(root: Path, classes: Sequence[str] | str | Path | int) -> list[str]:
    if isinstance(classes, int):  # as a recipe's TOML gives their number
        classes = str(classes)
    if not isinstance(classes, str | Path):
        return list(classes)
    for path in (Path(classes), root / classes):
        if path.is_file():
            return class_lines(path)
    if str(classes).isdigit():
        return [str(number) for number in range(int(str(classes)))]
    if isinstance(classes, str) and "," in classes:
        return [name.strip() for name in classes.split(",")]
    raise UnreadableFile(
        f"{classes}: no such file; expected a text file with a class name a line, or names with commas"
    )


def class_lines(path: Path) -> list[str]:
    """The names of a text file, one a line. Raises UnreadableFile."""
    return read_lines(path, "a text file with a class name a line")


def yaml_names(path: Path) -> dict[int, str]:
    """The `names` of a YOLO data.yaml, a list or number: name; {} when there are none.

    Raises UnreadableFile for what is no YAML, InputError for other names, and for an `nc` that is not their number.
    """
    content = read_yaml(path)
    names = content.get("names") if isinstance(content, Mapping) else None
    if names in (None, ""):
        return {}
    rows = dict(enumerate(names)) if isinstance(names, list) else names
    try:
        found = {int(number): name.strip() for number, name in rows.items()}
    except (AttributeError, ValueError):
        raise InputError(f"{path}: expected names as a list or as number: name, got {short(names)}") from None
    told = content.get("nc")
    if told is not None and (not isinstance(told, str) or not told.strip().isdigit() or int(told) != len(found)):
        raise InputError(
            f"{path}: expected nc to be the number of names, {len(found)}, got {short(told)}. Correct one."
        )
    return found


# --- are they the expected ones? ------------------------------------------------------------------------------------


def joined(
    named: Mapping[int, str], taxonomy: Taxonomy | None, where: Path | None
) -> tuple[dict[int, int], tuple[Fault, ...]]:
    """Number in the files -> id of the taxonomy, by name; and the names that do not join."""
    if taxonomy is None:
        return {number: number for number in named}, ()
    ids = {category.name: category.id for category in taxonomy}
    faults = []
    for name in named.values():
        if name not in ids:
            near = difflib.get_close_matches(name, list(ids), n=1)
            kind, advice = (
                ("misspelt_class", f"Did it mean {near[0]!r}?") if near else ("unknown_class", "Correct the name.")
            )
            faults.append(Fault(str(where), kind, name, advice))
    return {number: ids[name] for number, name in named.items() if name in ids}, tuple(faults)


def published(names: Mapping[int, str], list_: Mapping[int, str]) -> bool:
    """Whether a file's categories are mostly those of the published list, ids and names."""
    return 2 * sum(list_.get(number) == name for number, name in names.items()) > len(names)


def published_names(names: Mapping[int, str], list_: Mapping[int, str]) -> Iterator[tuple[str, str, str]]:
    """Files of the published list are held to it; in files with categories of their own only slips of the pen are told."""
    if published(names, list_):
        yield from name_findings(names, list_, by_name=False)
        return
    for number, name in names.items():
        near = difflib.get_close_matches(name, [list_.get(number, "")], n=1, cutoff=0.8)
        if near and near[0] != name and name not in list_.values():
            yield "misspelt_class", name, f"Did it mean {near[0]!r}?"


def name_findings(
    names: Mapping[int, str], expected: Mapping[int, str], *, by_name: bool
) -> Iterator[tuple[str, str, str]]:
    """(kind, value, advice) of names that are not the expected ones. by_name: the ids may differ, the names not."""
    if not expected:
        return
    absent = [n for n in expected.values() if n not in names.values()]
    for number, name in names.items():
        if name in expected.values() and (by_name or expected.get(number) == name):
            continue
        near = difflib.get_close_matches(name, absent or list(expected.values()), n=1)
        if name in expected.values():
            advice = f"Id {number} is {expected.get(number)!r}: put the names in order."
            yield "shifted_class", f"{number}: {name}", advice
        elif near:
            yield "misspelt_class", name, f"Did it mean {near[0]!r}?"
        else:
            yield "unknown_class", name, "It is no class of the taxonomy: correct the name or add the class."
