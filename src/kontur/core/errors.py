"""The error tree. Every message says what, expected, got, and what to do, in one line.

KonturError                 everything a user can cause; the command line prints it and exits 2
├── InputError              an image, label map or file that cannot be used as it is   (also ValueError)
│   ├── UnreadableFile      missing, empty, truncated, or not what its name says
│   └── TooLarge            more pixels than were allowed, said on the header
├── OptionError             an option's name, type or range                            (also ValueError)
├── PromptError             a box, point or scribble that cannot be used               (also ValueError)
├── UnknownName             a method, option, data set or class name; suggests the nearest (also LookupError)
├── MissingExtra            an optional dependency is not installed                    (also ImportError)
└── OutputError             the result cannot be written: exists, no permission, disk full (also OSError)
"""

from __future__ import annotations

from collections.abc import Iterable


class KonturError(Exception):
    """Base of all errors that a user can cause."""


class InputError(KonturError, ValueError):
    """An image, label map or file that cannot be used as it is."""


class UnreadableFile(InputError):
    """A file that is missing, empty, truncated, or not what its name says."""


class TooLarge(InputError):
    """An image of more pixels than were allowed, refused on its header."""


class OptionError(KonturError, ValueError):
    """An option whose name, type or range is wrong."""


class PromptError(KonturError, ValueError):
    """A box, point or scribble that cannot be used."""


class UnknownName(KonturError, LookupError):
    """A name that is not in a table; the message suggests the nearest ones."""

    def __init__(self, kind: str, name: str, known: Iterable[str], advice: str | None = None) -> None:
        import difflib

        near = difflib.get_close_matches(name, list(known), n=3)
        if near:
            advice = f"Did you mean {' or '.join(map(repr, near))}?"
        elif advice is None:
            advice = f"See `kontur {kind}s`."
        super().__init__(f"no {kind} named {name!r}. {advice}")


class MissingExtra(KonturError, ImportError):
    """An optional dependency is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs the extra {extra!r}. Install it: pip install 'kontur[{extra}]'")


class OutputError(KonturError, OSError):
    """The result cannot be written."""


def short(value: object) -> str:
    """What was got, for a message: at most 60 characters."""
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
