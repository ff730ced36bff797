"""From turn to turn: produced ids are replayed as they are, and a turn costs what is new."""

from __future__ import annotations

import random
from typing import Any

import pytest

from chat_reference import RESULT, TEMPLATES, WEATHER, Letters, conversation, rendered_by_reference
from pellucid.messages import Message, Produced, Request, Text, ToolCall
from pellucid.prompt.build import PromptBuilder, build
from pellucid.tokens.encoding import Tokenizer
from prompt_checks import CHATML, CHATML_CONTROLS, TRIMS, Model, chatml, check

# -- replayed ids


def split_otherwise(tokenizer: Tokenizer, text: str) -> tuple[int, ...]:
    """Ids of `text` that the tokenizer itself would not choose: letter by letter."""
    ids = tuple(id for letter in text for id in tokenizer.encode(letter).ids)
    assert ids != tokenizer.encode(text).ids
    assert tokenizer.decode(ids) == text
    return ids


def replied(tokenizer: Tokenizer, ids: tuple[int, ...], *parts: Any) -> Message:
    return Message("assistant", parts, Produced(ids, tokenizer.fingerprint))


@pytest.mark.parametrize("name", ["qwen", "smol"])
@pytest.mark.parametrize("text", ["Hello Stephen! 🦄 naïve", " led by a blank", "ends in one\n"])
def test_produced_ids_are_replayed_as_they_are(
    name: str, text: str, models: dict[str, Model]
) -> None:
    model = models[name]
    first = model.builder.build(Request(conversation(("user", "Hi"))))
    ids = split_otherwise(model.tokenizer, text)
    reply = replied(model.tokenizer, ids, Text(text))
    request = Request((*conversation(("user", "Hi")), reply, *conversation(("user", "More"))))
    second = model.builder.build(request)
    assert second.ids[: len(first) + len(ids)] == first.ids + ids
    assert second.replayed == len(ids)
    assert second.text == rendered_by_reference(model.template, request)
    assert not any("breaks" in note for note in second.notes)
    check(second, request)
    spans = second.spans
    replayed = range(len(first), len(first) + len(ids))
    assert {spans[n].origin.message for i in replayed for n in second.origins[i]} == {1}


def test_a_tool_call_is_replayed_with_the_words_around_it(models: dict[str, Model]) -> None:
    model = models["qwen"]
    tools = (WEATHER,)
    opening = Request(conversation(("user", "Weather?")), tools)
    first = model.builder.build(opening)
    said = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Köln"}}\n</tool_call>'
    ids = model.tokenizer.encode(said, specials=True).ids[:-1] + tuple(
        model.tokenizer.encode("</tool_call>", specials=True).ids
    )
    call = ToolCall("1", "get_weather", '{"city": "Köln"}')
    reply = replied(model.tokenizer, ids, call)
    request = Request((*opening.messages, reply, RESULT), tools)
    second = model.builder.build(request)
    assert second.ids[: len(first) + len(ids)] == first.ids + ids
    assert second.replayed == len(ids)
    assert second.text == rendered_by_reference(model.template, request)


def test_ids_of_a_character_cut_in_two_are_replayed(models: dict[str, Model]) -> None:
    """A reply that ended inside a character: its last bytes are none, and stay what they are."""
    model = models["smol"]
    whole = model.tokenizer.encode("ok 龘").ids
    ids = whole[:-1]
    text = model.tokenizer.decode(ids)
    assert text.endswith("�")
    reply = replied(model.tokenizer, ids, Text(text))
    request = Request((*conversation(("user", "Hi")), reply, *conversation(("user", "More"))))
    prompt = model.builder.build(request)
    assert prompt.replayed == len(ids)
    assert prompt.encoding.offsets[-1][1] == len(prompt.text)
    check(prompt, request)


def test_ids_of_another_vocabulary_are_not_replayed(models: dict[str, Model]) -> None:
    reply = Message("assistant", (Text("Hello"),), Produced((1, 2, 3), "another"))
    request = Request((*conversation(("user", "Hi")), reply, *conversation(("user", "More"))))
    prompt = models["smol"].builder.build(request)
    assert prompt.replayed == 0
    assert "breaks at message 1 (assistant): another vocabulary produced it" in prompt.notes[-1]
    assert prompt.ids == models["smol"].tokenizer.encode(prompt.text, specials=True).ids


def test_a_reply_that_the_template_rewrites_is_not_replayed() -> None:
    builder = chatml(TRIMS)
    tokenizer = Letters(CHATML_CONTROLS)
    reply = replied(tokenizer, tokenizer.encode("Hello \n").ids, Text("Hello \n"))
    request = Request((*conversation(("user", "Hi")), reply, *conversation(("user", "More"))))
    prompt = builder.build(request)
    assert prompt.replayed == 0
    assert "breaks at message 1 (assistant): the template writes it otherwise" in prompt.notes[-1]


def test_an_edited_reply_is_not_replayed() -> None:
    tokenizer = Letters(CHATML_CONTROLS)
    reply = replied(tokenizer, tokenizer.encode("Hello").ids, Text("Goodbye"))
    request = Request((*conversation(("user", "Hi")), reply, *conversation(("user", "More"))))
    prompt = chatml().build(request)
    assert prompt.replayed == 0
    assert prompt.ids == tokenizer.encode(prompt.text, specials=True).ids


# -- from turn to turn


def long_conversation(turns: int) -> list[Message]:
    said = random.Random(3)
    words = ["the", "of", "and", "to", "in", "is", "that", "for", "it", "as", "was", "with"]
    return [
        Message(role, (Text(" ".join(said.choices(words, k=20))),))  # type: ignore[arg-type]
        for _ in range(turns)
        for role in ("user", "assistant")
    ]


def test_a_turn_costs_what_is_new(full: bool) -> None:
    """Turns that build the whole prompt each tokenize every text about once."""
    turns = 200 if full else 50
    tokenizer = Letters(CHATML_CONTROLS)
    builder = PromptBuilder(CHATML, tokenizer)
    messages = long_conversation(turns)
    prompt = None
    for turn in range(turns):
        prompt = builder.build(Request(tuple(messages[: 2 * turn + 1])))
    assert prompt is not None
    assert tokenizer.encoded < 1.1 * len(prompt.text)


def test_a_prompt_built_after_others_is_the_prompt_built_alone() -> None:
    """Whatever came before: shorter, longer, edited, trimmed, with tools, with replayed ids."""
    tokenizer = Letters(CHATML_CONTROLS)
    builder = PromptBuilder(TEMPLATES["qwen2.5"].text, tokenizer)
    said = random.Random(4)
    messages = long_conversation(6)
    for _ in range(150):
        change = said.randrange(6)
        at = said.randrange(len(messages))
        if change == 0:
            messages = messages[: at + 1]
        elif change == 1:
            messages = messages + long_conversation(2)[: said.randrange(4)]
        elif change == 2:
            text = messages[at].text + said.choice(["x", "<|im_end|>", "é", "\n"])
            messages[at] = Message(messages[at].role, (Text(text),))
        elif change == 3:
            ids = tuple(id for letter in messages[at].text for id in tokenizer.encode(letter).ids)
            messages[at] = Message(
                messages[at].role, messages[at].parts, Produced(ids, tokenizer.fingerprint)
            )
        elif change == 4:
            del messages[at : at + 1]
            messages = messages or long_conversation(3)
        request = Request(
            tuple(messages),
            tools=(WEATHER,) * said.randrange(2),
            generation_prompt=said.random() < 0.8,
        )
        alone = PromptBuilder(TEMPLATES["qwen2.5"].text, tokenizer).build(request)
        assert builder.build(request) == alone


def test_builders_are_kept_for_the_next_call() -> None:
    tokenizer = Letters(CHATML_CONTROLS)
    request = Request(tuple(long_conversation(5)))
    first = build(request, template=CHATML, tokenizer=tokenizer)
    encoded = tokenizer.encoded
    assert build(request, template=CHATML, tokenizer=tokenizer) == first
    assert tokenizer.encoded == encoded
