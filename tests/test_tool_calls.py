"""Replies of each family of models, as they were written: cut anywhere, the same calls come out."""

from __future__ import annotations

import pytest

from pellucid.messages import Text, ToolCall
from pellucid.models.call_formats import (
    COMMAND_R,
    HERMES,
    JSON,
    LLAMA,
    MISTRAL,
    CallFormat,
    format_of,
)
from pellucid.models.tool_calls import CallScanner
from pellucid.prompt.families import family
from pellucid.replies import Finish, Reply, ReplyToken, TextDelta, ToolCallDelta, collect

NAMES = ("get_price", "get_weather")
PRICE = '{"name": "get_price", "arguments": {"city": "Zürich"}}'
OSLO = '{"name": "get_weather", "arguments": {"city": "Oslo", "unit": "celsius"}}'
PRICED = ("get_price", '{"city": "Zürich"}')
OSLOED = ("get_weather", '{"city": "Oslo", "unit": "celsius"}')
ROME = ("get_weather", '{"city": "Rome"}')

CALLS: list[tuple[CallFormat, str, str, list[tuple[str, str]]]] = [
    (HERMES, f"<tool_call>\n{PRICE}\n</tool_call>", "", [PRICED]),
    (HERMES, f"I look.\n\n<tool_call>\n{PRICE}\n</tool_call>\n<tool_call>\n{OSLO}\n</tool_call>",
     "I look.", [PRICED, OSLOED]),
    (HERMES, f"<tool_call>\n{PRICE}", "", [PRICED]),
    (HERMES, PRICE, "", [PRICED]),
    (HERMES, f"{PRICE}\n{OSLO}\n", "", [PRICED, OSLOED]),
    (HERMES, f"```json\n{PRICE}\n```", "", [PRICED]),
    (HERMES, f"```json\n{PRICE}\n```\n```json\n{OSLO}\n```", "", [PRICED, OSLOED]),
    (HERMES, f"```\n[{PRICE}, {OSLO}]\n```", "", [PRICED, OSLOED]),
    (HERMES, f"{PRICE}\nThat is the call.", "That is the call.", [PRICED]),
    (HERMES, '{"name": "get_weather", "arguments": "{\\"city\\": \\"Rome\\"}"}', "", [ROME]),
    (HERMES, f'{{"function": {PRICE}}}', "", [PRICED]),
    (HERMES, f'```json\n{{"type": "function", "function": {PRICE}}}\n```', "", [PRICED]),
    (HERMES, f'<tool_call>\n{{"id": "1", "function": {PRICE}, "type": "function"}}\n</tool_call>',
     "", [PRICED]),
    (JSON, f'[{{"type": "function", "function": {PRICE}}}, {OSLO}]', "", [PRICED, OSLOED]),
    (JSON, '{"function": "get_weather", "arguments": {"city": "Rome"}}', "", [ROME]),
    (LLAMA, '{"name": "get_weather", "parameters": {"city": "Rome"}}', "", [ROME]),
    (LLAMA, '<|python_tag|>{"name": "get_weather", "parameters": {"city": "Rome"}}', "", [ROME]),
    (LLAMA, '<|python_tag|>{"name": "get_weather", "parameters": {"city": "Rome"}}; ' + OSLO, "",
     [ROME, OSLOED]),
    (LLAMA, '<|python_tag|>get_weather.call(city="Rome")', "", [ROME]),
    (MISTRAL, f'[TOOL_CALLS] [{PRICE[:-1]}, "id": "VvvODy9mT"}}, {OSLO}]', "", [PRICED, OSLOED]),
    (MISTRAL, f"[TOOL_CALLS][{PRICE}]", "", [PRICED]),
    (MISTRAL, '[TOOL_CALLS]get_weather{"city": "Rome"}', "", [ROME]),
    (MISTRAL, 'I look.[TOOL_CALLS]get_weather[ARGS]{"city": "Rome"}'
     '[TOOL_CALLS]get_price[CALL_ID]VvvODy9mT[ARGS]{"city": "Zürich"}', "I look.", [ROME, PRICED]),
    (COMMAND_R, '<|START_ACTION|>[\n    {"tool_call_id": "0", "tool_name": "get_weather", '
     '"parameters": {"city": "Rome"}}\n]<|END_ACTION|>', "", [ROME]),
    (COMMAND_R, 'I look.\nAction: ```json\n[\n    {\n        "tool_name": "get_weather",\n'
     '        "parameters": {"city": "Rome"}\n    }\n]```', "I look.", [ROME]),
    (JSON, f"Sure: {PRICE}", "Sure:", [PRICED]),
]  # fmt: skip

TEXTS = [
    "Hello {world}, [1, 2] and a < b.  ",
    "```python\nprint({})\n```\n",
    '{"name": "Bob", "age": 3} is a person.',
    '{"name": "delete_all", "arguments": {}}',
    '<tool_call>\n{"name": "get_price", "arguments": {"city": }\n</tool_call>',
    '{"name": "get_price", "arguments": {"city": "Zür',
    '{"name": "get_price"}',
    '{"name": ["get_price"], "arguments": {}}',
    "<tool_call> is how a call begins; `<tool` is half of it",
    "[TOOL_CALLS] nothing",
    '[TOOL_CALLS]delete_all{"a": 1}',
    "[TOOL_CALLS]get_price of {Rome}",
    '{"function": {"name": "Bob"}, "arguments": {}}',
    '{"function": {"name": "delete_all", "arguments": {}}}',
    "{" * 50,
    '{"arguments": ' * 1500,
    "  \n",
    "",
]


def read(form: CallFormat, text: str, size: int) -> Reply:
    scanner = CallScanner(NAMES, form, 1)
    pieces = [text[i : i + size] for i in range(0, len(text), size)]
    deltas = [TextDelta(piece, (ReplyToken(n, piece.encode()),)) for n, piece in enumerate(pieces)]
    events = [out for event in (*deltas, Finish("stop")) for out in scanner.events(event)]
    reply = collect(events)
    assert [token.id for token in reply.tokens] == list(range(len(pieces)))
    return reply


@pytest.mark.parametrize("form,text,words,calls", CALLS)
def test_calls_are_found_wherever_the_stream_is_cut(
    form: CallFormat, text: str, words: str, calls: list[tuple[str, str]]
) -> None:
    for size in range(1, len(text) + 1):
        reply = read(form, text, size)
        found = [part for part in reply.message.parts if isinstance(part, ToolCall)]
        assert [(call.name, call.arguments) for call in found] == calls, size
        assert reply.text == words, size
        assert reply.finish == "tool_calls"
        ids = [call.id for call in found]
        assert len(set(ids)) == len(ids)
        assert all(len(id) == 9 and id.isalnum() for id in ids)


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("form", [HERMES, LLAMA, MISTRAL])
def test_what_is_no_call_of_an_offered_tool_stays_text(form: CallFormat, text: str) -> None:
    for size in {1, 2, 3, 7, max(len(text), 1)} if len(text) < 500 else {997}:
        reply = read(form, text, size)
        assert reply.message.parts == ((Text(text),) if text else ())
        assert reply.finish == "stop"


def test_text_streams_at_once_and_a_possible_call_is_held_back() -> None:
    scanner = CallScanner(NAMES, HERMES, 1)
    said = [
        [event.text for event in scanner.events(TextDelta(piece)) if isinstance(event, TextDelta)]
        for piece in ("I look", " it up.", "\n<tool", "_call>\n", PRICE[:20])
    ]
    assert said == [["I look"], [" it up."], [""], [""], [""]]
    (_, call) = scanner.events(TextDelta(PRICE[20:]))
    assert isinstance(call, ToolCallDelta)
    assert (call.name, call.arguments) == PRICED


def test_a_reply_cut_at_its_length_says_so() -> None:
    scanner = CallScanner(NAMES, HERMES, 1)
    assert [*scanner.events(TextDelta(PRICE)), *scanner.events(Finish("length"))][-1] == Finish(
        "length"
    )


@pytest.mark.parametrize(
    "name,form",
    [("qwen2.5", HERMES), ("qwen3", HERMES), ("llama-3.1", LLAMA), ("llama-3.2", LLAMA),
     ("mistral-v3", MISTRAL), ("mistral-v3-tekken", MISTRAL), ("command-r", COMMAND_R),
     ("smollm2", JSON), ("gemma", JSON)],
)  # fmt: skip
def test_the_chat_template_chooses_the_format(name: str, form: CallFormat) -> None:
    assert format_of(family(name).format.text) is form
