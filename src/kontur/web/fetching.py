"""Images of Label Studio's tasks: `data:` URIs, and files of the one Label Studio that the server was told of.

No other address is asked, no redirect is followed, no local file is opened: whoever sends a task decides what it names.
"""

from __future__ import annotations

import base64
import http.client
import re
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from .limits import Problem

_SECONDS = 15.0
_PLAIN = "/%?:@!$&'()*+,;=~"
"""Characters that stay in the path and the query of an address; what is quoted already, too."""


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


def image_of_task(task: dict[str, Any], config: str, most: int, address: str | None, key: str) -> bytes:
    """The bytes of the image that the labelling configuration shows; where it names none, of the first that the task has.

    Raises Problem.
    """
    data = task.get("data")
    named = [v for v in data.values() if isinstance(v, str)] if isinstance(data, dict) else []
    if not named:
        raise Problem(422, "task: expected data with an image, got none")
    shown = re.search(r"""<Image\b[^<>]{0,2000}?\bvalue\s{0,9}=\s{0,9}["']\$([^"'<>]{1,200})["']""", config)
    if shown is not None and isinstance(data, dict) and isinstance(data.get(shown[1]), str):
        named = [data[shown[1]]]
    reference = next((v for v in named if v.startswith(("data:", "http:", "https:", "/"))), named[0])
    if reference.startswith("data:"):
        head, _, content = reference.partition(",")
        try:
            image = base64.b64decode(content, validate=True) if head.endswith(";base64") else b""
        except ValueError:
            image = b""
        if not image:
            raise Problem(422, "task: expected its image as a data: URI in base64, got something else")
        if len(image) > most:
            raise _too_long(most)
        return image
    if address is None:
        raise Problem(422, "task: images come as data: URIs, or this server is started with --label-studio URL")
    try:
        wanted, home = urlsplit(urljoin(address, reference)), urlsplit(address)
        wanted = wanted._replace(path=quote(wanted.path, _PLAIN), query=quote(wanted.query, _PLAIN))
    except ValueError:
        raise Problem(422, "task: expected the address of its image, got something else") from None
    if (wanted.scheme, wanted.netloc) != (home.scheme, home.netloc) or home.scheme not in ("http", "https"):
        raise Problem(422, "task: its image lies elsewhere than in the Label Studio that this server was told of")
    return _fetched(wanted.geturl(), most, key)


def _fetched(url: str, most: int, key: str) -> bytes:
    headers = {"Authorization": f"Token {key}"} if key else {}
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Stay)
    try:
        with opener.open(urllib.request.Request(url, headers=headers), timeout=_SECONDS) as answer:
            image: bytes = answer.read(most + 1)
    except (http.client.HTTPException, OSError, ValueError):
        raise Problem(
            422, "task: Label Studio did not give its image; check --label-studio and KONTUR_LABEL_STUDIO_KEY"
        ) from None
    if len(image) > most:
        raise _too_long(most)
    return image


def _too_long(most: int) -> Problem:
    return Problem(413, f"The image is too large: at most {most / 1e6:g} MB are taken. Use a smaller image.")
