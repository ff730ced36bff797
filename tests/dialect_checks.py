"""What holds for every dialect: the checks that each of their test files calls."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import groupby
from typing import Any

from hypothesis import HealthCheck, given, settings

from dialect_values import plain_requests, replies, requests
from pellucid.dialects.base import Dialect, Failure, Head
from pellucid.errors import CannotExpress, IncompleteReply, ProviderError
from pellucid.messages import (
    Message,
    Options,
    Part,
    Refusal,
    Request,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from pellucid.replies import Event, Finish, Reply, ReplyBuilder, Started, TextDelta, collect

CREATED = 1_760_000_000
FAILURE = Failure(503, "overloaded", "The engine has no room left.")


def generated(examples: int) -> settings:
    """Generated tests, as many as asked for."""
    return settings(max_examples=examples, suppress_health_check=list(HealthCheck))


def over_the_wire(value: Any) -> Any:
    return json.loads(json.dumps(value))


def head(events: Sequence[Event]) -> Head:
    """The head that says the same as the reply's own `Started`."""
    started = next((e for e in events if isinstance(e, Started)), Started())
    return Head(started.id or "reply-1", started.model or "some-model", CREATED)


# Requests


def send(dialect: Dialect, request: Request, model: str = "some-model") -> Request:
    """`request` as a server that speaks the dialect reads it. Raises `CannotExpress`."""
    for stream in (True, False):
        out = dialect.encode_request(request, model, stream=stream)
        incoming = dialect.decode_request(over_the_wire(out.body), out.path)
        assert incoming.model == model
        assert incoming.stream is stream
    assert_notes(request, incoming.request, out.notes)
    return incoming.request


def assert_notes(sent: Request, read: Request, notes: tuple[str, ...]) -> None:
    """An option that does not arrive is named in the notes."""
    for name in Options.__slots__:
        if getattr(sent.options, name) and not getattr(read.options, name):
            assert any(name in note for note in notes), f"{name} was dropped in silence"


def check_requests(dialect: Dialect, examples: int = 200, share: float = 0.1) -> None:
    """`decode(encode(x)) == narrow(x)`, or an error that names the field and the API.

    At least this `share` of conversations with everything in them can be said.
    """
    said = 0

    @generated(examples)
    @given(requests(dialect.NAME))
    def run(request: Request) -> None:
        nonlocal said
        try:
            read = send(dialect, request)
        except CannotExpress as error:
            assert error.field and error.api
            return
        assert read == dialect.narrow_request(request)
        assert dialect.narrow_request(read) == read
        said += 1

    run()
    assert said > examples * share, "the dialect refuses nearly everything"


def check_plain_requests(dialect: Dialect, examples: int = 100) -> None:
    """What every API can say survives unchanged."""

    @generated(examples)
    @given(plain_requests())
    def run(request: Request) -> None:
        assert plain(send(dialect, request)) == plain(request)

    run()


def check_request_translation(source: Dialect, target: Dialect, examples: int = 50) -> None:
    """From one dialect to the other: what every API can say survives, and the rest follows
    what both can say."""

    @generated(examples)
    @given(plain_requests(), requests(source.NAME))
    def run(request: Request, rich: Request) -> None:
        assert plain(send(target, send(source, request))) == plain(request)
        try:
            read = send(target, send(source, rich))
        except CannotExpress:
            return
        assert read == target.narrow_request(source.narrow_request(rich))

    run()


def plain(request: Request) -> Request:
    """`request` without what APIs name in ways of their own: the ids of calls, the spelling of
    arguments, and how parts are gathered into messages."""
    messages: list[Message] = []
    for message in request.messages:
        parts = [_plain_part(part) for part in message.parts]
        if messages and messages[-1].role == message.role:
            parts = [*messages.pop().parts, *parts]
        messages.append(Message(message.role, tuple(_joined(parts))))
    return replace(request, messages=tuple(messages))


def _plain_part(part: Part) -> Part:
    if isinstance(part, ToolCall):
        return ToolCall("", part.name, json.dumps(json.loads(part.arguments)))
    return replace(part, id="") if isinstance(part, ToolResult) else part


def _joined(parts: Iterable[Part]) -> list[Part]:
    """Neighbours of one kind of text joined."""
    out: list[Part] = []
    for kind, group in groupby(parts, key=type):
        if kind in (Text, Refusal, Thinking):
            texts = [part.text for part in group if isinstance(part, Text | Refusal | Thinking)]
            out.append(kind("".join(texts)))
        else:
            out += group
    return out


# Replies


def encode_stream(dialect: Dialect, events: Sequence[Event]) -> bytes:
    encoder = dialect.Encoder(head(events))
    return encoder.start() + b"".join(map(encoder.encode, events)) + encoder.end()


def decode_stream(dialect: Dialect, pieces: Iterable[bytes]) -> list[Event]:
    decoder = dialect.Decoder()
    out = [event for piece in pieces for event in decoder.feed(piece)]
    return out + decoder.close()


def check_streams(dialect: Dialect, examples: int = 200, *, interleaved: bool = True) -> None:
    """`decode(encode(x)) == narrow(x)` for streams, and no text waits for later events.

    `interleaved`: whether the dialect can mix the fragments of several calls.
    """

    @generated(examples)
    @given(replies(dialect.NAME, interleaved))
    def run(events: list[Event]) -> None:
        narrowed = dialect.narrow_events(events)
        decoded = decode_stream(dialect, [encode_stream(dialect, events)])
        assert isinstance(decoded[-1], Finish)
        assert collect(decoded) == collect(narrowed)
        assert collect(dialect.narrow_events(decoded)) == collect(decoded)
        assert_prompt(dialect, events)

    run()


def assert_prompt(dialect: Dialect, events: Sequence[Event]) -> None:
    """Every delta of text can be read as soon as it is written."""
    encoder, decoder = dialect.Encoder(head(events)), dialect.Decoder()
    decoder.feed(encoder.start())
    for event in events:
        read = decoder.feed(encoder.encode(event))
        if isinstance(event, TextDelta):
            assert "".join(e.text for e in read if isinstance(e, TextDelta)) == event.text


def check_whole_replies(
    dialect: Dialect, examples: int = 200, *, ordered: bool, interleaved: bool = True
) -> None:
    """`decode(encode(x)) == narrow(x)` for replies that come whole.

    `ordered`: whether the dialect keeps the order of texts, calls and thoughts there.
    """

    @generated(examples)
    @given(replies(dialect.NAME, interleaved))
    def run(events: list[Event]) -> None:
        body = over_the_wire(dialect.encode_reply(collect(events), head(events)))
        decoded = respelled(collect(dialect.decode_reply(body)))
        expected = respelled(collect(dialect.narrow_events(events)))
        if ordered:
            assert decoded == expected
        else:
            assert by_kind(decoded) == by_kind(expected)

    run()


def respelled(reply: Reply) -> Reply:
    """The reply with its calls' arguments spelled one way: some APIs have them as objects."""
    parts = tuple(
        replace(part, arguments=json.dumps(json.loads(part.arguments)))
        if isinstance(part, ToolCall)
        else part
        for part in reply.message.parts
    )
    return replace(reply, message=replace(reply.message, parts=parts))


def by_kind(reply: Reply) -> Reply:
    """The reply with its parts sorted by kind."""
    parts = sorted(reply.message.parts, key=lambda part: type(part).__name__)
    return replace(reply, message=replace(reply.message, parts=tuple(_joined(parts))))


def check_reply_translation(source: Dialect, target: Dialect, examples: int = 50) -> None:
    """A reply read in one dialect and written in another says what both can say."""

    @generated(examples)
    @given(replies(source.NAME, interleaved=False))
    def run(events: list[Event]) -> None:
        read = decode_stream(source, [encode_stream(source, events)])
        started = Started(head(read).id, head(read).model)  # not every dialect says both
        read = [started, *(event for event in read if not isinstance(event, Started))]
        again = collect(decode_stream(target, [encode_stream(target, read)]))
        assert again == collect(target.narrow_events(read))
        assert again.text == collect(events).text
        usage = collect(events).usage
        assert (again.usage.input_total, again.usage.output_total) == (
            usage.input_total,
            usage.output_total,
        )
        called = [
            (part.name, json.loads(part.arguments))
            for part in collect(events).message.parts
            if isinstance(part, ToolCall)
        ]
        assert called == [
            (part.name, json.loads(part.arguments))
            for part in again.message.parts
            if isinstance(part, ToolCall)
        ]

    run()


# Faults


def check_cuts(dialect: Dialect, stream: bytes, step: int = 1) -> None:
    """Cut at any byte, a stream is an error, or nothing of the reply was missing."""
    whole = collect(decode_stream(dialect, [stream]))
    for at in range(0, len(stream), step):
        builder, decoder = ReplyBuilder(), dialect.Decoder()
        try:
            for event in [*decoder.feed(stream[:at]), *decoder.close()]:
                builder.add(event)
            cut = builder.reply()
        except (IncompleteReply, ProviderError):
            assert whole.text.startswith(builder.partial("cut").text)
            continue
        assert replace(cut, notices=whole.notices) == whole, f"cut at byte {at}: {cut}"


def check_chunkings(dialect: Dialect, stream: bytes, count: int) -> None:
    """However a stream is cut into pieces, its events are the same."""
    whole = decode_stream(dialect, [stream])
    assert decode_stream(dialect, [stream[i : i + 1] for i in range(len(stream))]) == whole
    rng = random.Random(1)
    for _ in range(count):
        cuts = sorted(rng.choices(range(len(stream) + 1), k=rng.randint(1, 40)))
        pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
        assert decode_stream(dialect, pieces) == whole, cuts


def check_failures(dialect: Dialect, events: Sequence[Event]) -> None:
    """A stream that breaks after any event ends in an error of the dialect, never normally."""
    before = [event for event in events if not isinstance(event, Finish)]
    for count in range(len(before) + 1):
        encoder, decoder = dialect.Encoder(head(events)), dialect.Decoder()
        data = encoder.start() + b"".join(map(encoder.encode, before[:count]))
        got = decoder.feed(data)
        try:
            got += decoder.feed(encoder.fail(FAILURE)) + decoder.close()
        except ProviderError as error:
            assert FAILURE.message in str(error)
        else:
            raise AssertionError(f"no error after {count} events: {got}")


def check_text_before_a_failure(dialect: Dialect) -> None:
    """What came before an error is handed out first, even when both come in one piece."""
    encoder, decoder = dialect.Encoder(Head("reply-1", "some-model", CREATED)), dialect.Decoder()
    data = encoder.start() + encoder.encode(TextDelta("Half a")) + encoder.fail(FAILURE)
    assert TextDelta("Half a") in decoder.feed(data)
    try:
        decoder.close()
    except ProviderError as error:
        assert FAILURE.message in str(error)
    else:
        raise AssertionError("the error was lost")


def check_errors(dialect: Dialect) -> None:
    """An error that is written is read as the same kind, with its message."""
    kinds = {
        401: "key",
        403: "permission",
        404: "not_found",
        400: "rejected",
        413: "too_large",
        429: "rate_limit",
        503: "overloaded",
        500: "server",
    }
    for status, kind in kinds.items():
        failure = Failure(status, kind, f"Words for {kind}.")  # type: ignore[arg-type]
        body = json.dumps(dialect.encode_error(failure)).encode()
        read = dialect.decode_error(status, body)
        assert (read.status, read.kind) == (status, kind)
        assert failure.message in read.message
    for body in (b"", b"<html><h1>Bad gateway</h1></html>", b"[1]", b'"x"', b"null", b'{"a":1}'):
        assert dialect.decode_error(502, body).kind in ("server", "overloaded")
        assert dialect.decode_error(502, body).message


JUNK: tuple[Any, ...] = (None, True, -1, 1.5, "x", [], [1], {}, {"a": 1})


def check_wrong_types(dialect: Dialect, body: Any) -> None:
    """A whole reply with any one value of another type is read, or is an error of ours."""
    for path in _paths(body):
        for junk in JUNK:
            changed = over_the_wire(body)
            place = changed
            for step in path[:-1]:
                place = place[step]
            place[path[-1]] = junk
            with suppress(IncompleteReply, ProviderError):
                assert isinstance(dialect.decode_reply(changed)[-1], Finish)


def _paths(value: Any) -> Iterator[tuple[Any, ...]]:
    """The way to every value inside `value`."""
    steps = value if isinstance(value, dict) else range(len(value))
    for step in steps:
        yield (step,)
        if isinstance(value[step], dict | list):
            yield from ((step, *rest) for rest in _paths(value[step]))
