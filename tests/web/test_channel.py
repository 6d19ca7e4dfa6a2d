"""Messages between the server and its workers: what is sent comes back, and nothing runs that was sent."""

from __future__ import annotations

import io
import pickle
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kontur.web import channel
from kontur.web.channel import Upload, receive, send

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(max_size=50)
    | st.builds(Upload, st.binary(max_size=9), st.text(), st.integers(0, 9)),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.text() | st.sampled_from(["$bytes", "$tuple", "$upload", "$dict"]), inner, max_size=3)
    ),
    max_leaves=12,
)


def sent(*messages):
    stream = io.BytesIO()
    for message in messages:
        send(stream, message)
    stream.seek(0)
    return stream


def test_worked_example():
    """A request with an image, and the answer to it, one after the other in one stream."""
    request = ("segment", {"image": Upload(b"\x89PNG\0", "a.png", 100, "s1"), "options": {"segments": 12}})
    stream = sent(request, ("done", (b"{}", b"\0\xff")))
    assert receive(stream) == request
    assert receive(stream) == ("done", (b"{}", b"\0\xff"))
    with pytest.raises(EOFError):
        receive(stream)


@given(VALUES)
def test_what_is_sent_comes_back(message):
    """Also dicts that look like the channel's own objects, which a client may send as options."""
    back = receive(sent(message))
    assert back == message
    assert repr(back) == repr(message)  # True is not 1, and a tuple no list


def test_what_is_no_plain_value_is_not_sent():
    with pytest.raises(TypeError, match="set is nothing that a message holds"):
        send(io.BytesIO(), {"a": {1}})


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x01",
        struct.pack("<Q", 2**60),
        struct.pack("<Q", 5) + b"[1,[]",
        struct.pack("<Q", 4) + b"nope",
        struct.pack("<Q", 18) + b'[{"$bytes":3},[1]]' + b"x",
        struct.pack("<Q", 23) + b'[{"$upload":{"a":1}},[]]'[:23],
        struct.pack("<Q", 12) + b"[0,[4000000]",
        struct.pack("<Q", len(pickle.dumps(1))) + pickle.dumps(1),
    ],
)
def test_another_language_is_the_end_of_the_process(data):
    """The server then ends it and loses its work alone."""
    with pytest.raises(EOFError):
        receive(io.BytesIO(data))


def test_the_server_unpickles_nothing():
    for path in Path(channel.__file__).parent.rglob("*.py"):
        assert "pickle" not in path.read_text(encoding="utf-8"), path.name


def test_what_the_server_keeps_comes_back(tmp_path):
    """A partition, a hierarchy, and objects with masks that overlap."""
    import numpy as np

    import kontur
    from kontur import registry
    from kontur.web.work.packing import kept_bytes, kept_result

    photo = np.zeros((30, 40, 3), np.uint8)
    photo[5:20, 8:30] = 200
    partition = kontur.segment(photo, "otsu")
    back = kept_result(tmp_path, kept_bytes(tmp_path, partition))
    assert (back.ids == partition.ids).all()
    assert (back.segments, back.provenance, back.background) == (partition.segments, partition.provenance, 1)
    first, second = np.zeros((30, 40), bool), np.zeros((30, 40), bool)
    first[2:9, 3:9], second[5:20, 5:30] = True, True
    objects = kontur.Instances.from_masks([first, second], shape=(30, 40), categories=[0, 1], scores=[0.5, None])
    again = kept_result(tmp_path, kept_bytes(tmp_path, objects))
    assert [again.mask(n).tolist() for n in (0, 1)] == [first.tolist(), second.tolist()]
    assert [(i.category, i.score) for i in again.instances] == [(0, 0.5), (1, None)]
    tree = registry.get("region_merging").run(kontur.Image(photo), None, {}, frozenset({"hierarchy"})).hierarchy
    same = kept_result(tmp_path, kept_bytes(tmp_path, tree))
    assert (same.level(0.3).ids == tree.level(0.3).ids).all()
