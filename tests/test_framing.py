"""Server-sent events and lines of JSON: any cut, any line end, the same events."""

from __future__ import annotations

import random

import pytest

from pellucid.dialects import fields, media, sse
from pellucid.dialects.failures import page
from pellucid.dialects.json_text import arguments_object, read_object
from pellucid.dialects.ndjson import LineDecoder
from pellucid.dialects.sse import SseDecoder
from pellucid.errors import BadReply, BadRequest, CannotExpress
from pellucid.messages import Media
from work import is_linear

LINES = [
    *(": ping", "", "event: tick", "data: {“é”: 1}", "id: 7", "", "data: one", "data:two", ""),
    *("retry: 10", "", "data: 🎈", "", "", ":", "data: [DONE]", ""),
]
EVENTS = [("tick", "{“é”: 1}"), ("", "one\ntwo"), ("", "🎈"), ("", "[DONE]")]


def pieces(data: bytes, rng: random.Random) -> list[bytes]:
    cuts = sorted(rng.sample(range(len(data) + 1), rng.randint(0, min(12, len(data)))))
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("start", [b"", sse.BOM])
def test_any_cut_gives_the_same_events(end: str, start: bytes, full: bool) -> None:
    data = start + "".join(line + end for line in LINES).encode()
    rng = random.Random(end)
    cuts = [[data], [bytes([byte]) for byte in data]]
    cuts += [pieces(data, rng) for _ in range(2000 if full else 100)]
    for cut in cuts:
        decoder = SseDecoder()
        events = [event for piece in cut for event in decoder.feed(piece)]
        assert events == EVENTS, cut
        assert decoder.close() == []


def test_mixed_line_ends() -> None:
    assert SseDecoder().feed(b"data: a\r\n\ndata: b\n\rdata: c\r\r\ndata: d\n\n") == [
        ("", "a"),
        ("", "b"),
        ("", "c"),
        ("", "d"),
    ]


def test_an_event_without_its_blank_line_comes_with_close() -> None:
    decoder = SseDecoder()
    assert decoder.feed(b"data: a\n\nevent: b\ndata: [DONE]") == [("", "a")]
    assert decoder.close() == [("b", "[DONE]")]
    decoder = SseDecoder()
    assert decoder.feed("data: é".encode()[:-1]) == []
    assert decoder.close() == []


def test_what_is_not_utf8() -> None:
    with pytest.raises(BadReply, match="UTF-8"):
        SseDecoder().feed(b"data: \xff\n\n")
    with pytest.raises(BadReply, match="UTF-8"):
        LineDecoder().feed(b"\xff\n")


def test_encoded_events_are_read_back() -> None:
    data = sse.encode('{"a":1}', "first") + sse.encode('{"b":2}')
    assert SseDecoder().feed(data) == [("first", '{"a":1}'), ("", '{"b":2}')]


def test_a_large_event_in_small_pieces_is_linear() -> None:
    data = b"data: " + b"x" * 4_000_000 + b"\n\n"

    def read(data: bytes) -> None:
        decoder = SseDecoder()
        events = [e for i in range(0, len(data), 64) for e in decoder.feed(data[i : i + 64])]
        assert len(events) == 1

    assert is_linear(read, data[: len(data) // 8] + b"\n\n", data)


def test_lines(full: bool) -> None:
    data = '{"é": 1}\n\r\n{"b": 2}\r\n{"c": "🎈"}\n'.encode()
    rng = random.Random(1)
    for cut in [[data], *(pieces(data, rng) for _ in range(2000 if full else 100))]:
        decoder = LineDecoder()
        lines = [line.strip() for piece in cut for line in decoder.feed(piece)]
        assert lines == ['{"é": 1}', '{"b": 2}', '{"c": "🎈"}']
    decoder = LineDecoder()
    assert decoder.feed(b'{"a": 1}\n{"b"') == ['{"a": 1}']
    assert decoder.close() == ['{"b"']


def test_data_urls() -> None:
    picture = Media("image", "image/png", b"\x89PNG")
    assert media.from_url("image", media.media_url(picture), "url") == picture
    plain = media.from_url("file", "data:,a%20b", "url")
    assert (plain.mime, plain.data) == ("text/plain", b"a b")
    assert media.from_url("image", "https://host/a.png", "u").url == "https://host/a.png"
    for bad in ("data:image/png;base64", "data:image/png;base64,####"):
        with pytest.raises(BadRequest) as error:
            media.from_url("image", bad, "messages[0]")
        assert error.value.field == "messages[0]"


def test_fields_name_their_place() -> None:
    body = {"n": True, "list": [{}, 3], "top_p": 2, "seed": 1.5}
    with pytest.raises(BadRequest, match=r"a\.n must be a whole number, not true or false"):
        fields.take(body, "n", int, "a")
    with pytest.raises(BadRequest, match=r"list\[1\] must be an object, not a whole number"):
        list(fields.objects(body, "list"))
    with pytest.raises(BadRequest, match=r"b\.x is missing"):
        fields.need(body, "x", str, "b")
    with pytest.raises(BadRequest, match="top_p is 2; it goes from 0 to 1"):
        fields.option("top_p", body["top_p"], "top_p")
    with pytest.raises(BadRequest, match="seed must be a whole number"):
        fields.option("seed", body["seed"], "seed")
    with pytest.raises(BadRequest):
        fields.option("temperature", float("nan"), "temperature")
    assert fields.option("max_tokens", 5.0, "max_tokens") == 5


def test_json_says_whose_fault_it_was() -> None:
    with pytest.raises(BadReply, match="not JSON: '<html>"):
        read_object(b"<html> oops")
    with pytest.raises(BadReply, match="not a JSON object"):
        read_object("[1]")
    with pytest.raises(BadReply):
        read_object("[" * 100_000)
    with pytest.raises(CannotExpress, match="tool arguments"):
        arguments_object('{"a": ', "Some API")
    assert arguments_object("", "Some API") == {}


def test_a_page_in_place_of_an_answer() -> None:
    failure = page(502, b"<html><style>a{}</style><h1>Bad gateway</h1> &amp; more</html>")
    assert (failure.kind, failure.status) == ("server", 502)
    assert "Bad gateway & more" in failure.message
    assert "without a word" in page(500, b"").message
