"""Values and small pure parts: events, stop strings, settings, the scripted model, one call."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.calls import Call
from pellucid.chat import Chat
from pellucid.errors import EngineStopped, IncompleteReply, PellucidError, SettingsError, UsageError
from pellucid.messages import Message, Options, Request, Signature, Text, Thinking, ToolCall
from pellucid.models.scripted import Scripted
from pellucid.models.stop import StopScanner
from pellucid.prompt.values import Prompt
from pellucid.replies import (
    Event,
    Finish,
    Reply,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    Usage,
    UsageEvent,
    collect,
)
from pellucid.settings import FIELDS, Folders, load, resolve
from pellucid.shapes import as_messages

SIGNED = Signature("anthropic", "sig")


def test_collect_joins_text_thinking_and_fragments_of_calls() -> None:
    events: list[Event] = [
        ThinkingDelta("Let me "),
        ThinkingDelta("see.", SIGNED),
        TextDelta("Hel"),
        TextDelta("lo"),
        ToolCallDelta(1, "b", "second", "{"),
        ToolCallDelta(0, "a", "first", '{"x":'),
        ToolCallDelta(0, arguments="1}"),
        ToolCallDelta(1, arguments="}"),
        UsageEvent(Usage(fresh=3, cache_read=4, output=2)),
        Finish("tool_calls"),
    ]
    reply = collect(events)
    assert reply.message.parts == (
        Thinking("Let me see.", SIGNED),
        Text("Hello"),
        ToolCall("a", "first", '{"x":1}'),
        ToolCall("b", "second", "{}"),
    )
    assert (reply.finish, reply.usage.input_total, str(reply)) == ("tool_calls", 7, "Hello")


def test_a_stream_without_its_finish_event_is_no_reply() -> None:
    with pytest.raises(IncompleteReply):
        collect([TextDelta("It looks complete.")])


@given(
    st.text("abc", max_size=30),
    st.lists(st.text("abc", min_size=1, max_size=4), max_size=3),
    st.data(),
)
def test_stop_strings_under_any_chunking(text: str, stops: list[str], data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)))) | {0, len(text)})
    scanner = StopScanner(stops)
    shown = ""
    for start, end in pairwise(cuts):
        shown += scanner.feed(text[start:end])
        if scanner.found is not None:
            break
    else:
        shown += scanner.rest()
    # The stream stops at the stop string that is complete first.
    ends = [text.find(stop) + len(stop) for stop in stops if stop in text]
    if not ends:
        assert (shown, scanner.found) == (text, None)
    else:
        assert scanner.found is not None and scanner.found in text
        assert text.startswith(shown + scanner.found)
        assert not any(stop in shown for stop in stops)


def test_settings_say_where_they_came_from(tmp_path: Path) -> None:
    chosen = resolve({"PELLUCID_THREADS": "3"}, {"memory": "fit", "sources": ["hub"]}, "file")
    assert (chosen.threads, chosen.memory, chosen.sources) == (3, "fit", ("hub",))
    assert chosen.origins["threads"] == "PELLUCID_THREADS"
    assert (chosen.origins["memory"], chosen.origins["idle"]) == ("file", "default")
    assert len({field.env for field in FIELDS}) == len(FIELDS)


@pytest.mark.parametrize(
    ("environ", "file", "words"),
    [
        ({"PELLUCID_THREADS": "many"}, {}, "PELLUCID_THREADS sets threads to 'many'"),
        ({"PELLUCID_THREADS": "-1"}, {}, "not negative"),
        ({"PELLUCID_OFFLINE": "perhaps"}, {}, "true or false"),
        ({}, {"modell": "x"}, "unknown setting 'modell'"),
        ({}, {"model": 3}, "expected text"),
    ],
)
def test_wrong_settings(environ: dict[str, str], file: dict[str, object], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        resolve(environ, file, "pellucid.toml")


def test_a_settings_file(home: Path) -> None:
    folder = Folders.of().config
    folder.mkdir(parents=True)
    (folder / "pellucid.toml").write_text('memory = "last:2"\n')
    assert load().memory == "last:2"
    (folder / "pellucid.toml").write_text("memory = \n")
    with pytest.raises(SettingsError, match=r"pellucid\.toml cannot be read"):
        load()


def test_folders_follow_xdg() -> None:
    folders = Folders.of({"HOME": "/h", "XDG_DATA_HOME": "/d", "XDG_CACHE_HOME": "relative"})
    assert folders.store == Path("/d/pellucid/receipts.db")
    assert folders.cache == Path("/h/.cache/pellucid")


def test_scripted_replies_and_faults() -> None:
    model = Scripted(["One two.", EngineStopped("gone"), ("Half of", EngineStopped("lost"))])
    chat = Chat(model, store=None)
    assert list(chat.stream("Hi")) == ["One", " two."]
    with pytest.raises(EngineStopped, match="gone"):
        chat.say("And?")
    assert len(chat.messages) == 2, "a turn with no reply at all is not part of the history"
    with pytest.raises(EngineStopped, match="lost"):
        chat.say("And?")
    assert chat.messages[-1].text == "Half of"
    assert [receipt.reply.finish for receipt in chat.receipts] == ["stop", "error", "error"]
    assert [m.text for m in model.requests[1].messages] == ["Hi", "One two.", "And?"]
    with pytest.raises(UsageError, match="no reply left"):
        chat.say("More?")


class _Unfinished(Scripted):
    def stream(self, request: Request, prompt: Prompt | None) -> Iterator[Event]:
        yield TextDelta("It looks complete.")


def test_a_call_whose_stream_just_ends_is_an_error_with_a_receipt() -> None:
    call = Call(_Unfinished([]), Request(as_messages("Hi")), None)
    with pytest.raises(IncompleteReply):
        list(call)
    assert call.receipt is not None
    assert (call.receipt.reply.finish, call.receipt.reply.text) == ("error", "It looks complete.")


def test_the_store_has_the_receipt_before_the_stream_ends() -> None:
    kept: list[Reply] = []
    call = Call(
        Scripted(["Yes."]),
        Request(as_messages("Hi"), options=Options()),
        None,
        keep=lambda receipt: kept.append(receipt.reply),
    )
    for event in call:
        if isinstance(event, Finish):
            assert len(kept) == 1
    assert kept[0].text == "Yes."


def test_messages_are_values() -> None:
    message = Message("user", (Text("Hi"),))
    assert message == as_messages("Hi")[0] and hash(message) == hash(as_messages("Hi")[0])
    assert issubclass(EngineStopped, PellucidError) and UsageError("x").exit_code == 2
