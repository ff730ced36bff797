"""Prompts: the ids the reference way gives, one BOS, what is noticed and what is refused."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given, settings

from chat_reference import CALL, REQUESTS, WEATHER, Letters, conversation, rendered_by_reference
from pellucid.errors import TemplateError, TokenError, UsageError
from pellucid.messages import Media, Message, Request, Text, ToolResult, ToolSpec
from pellucid.prompt.build import PromptBuilder
from prompt_checks import (
    CHATML,
    CHATML_CONTROLS,
    REWRITES,
    Model,
    chatml,
    check,
    controls,
    conversations,
    family_builder,
    span_texts,
)

# -- ids


@pytest.mark.parametrize("name", ["qwen", "smol"])
@pytest.mark.parametrize("request_name", REQUESTS)
def test_ids_are_those_of_rendering_and_tokenizing(
    name: str, request_name: str, models: dict[str, Model]
) -> None:
    model, request = models[name], REQUESTS[request_name]
    prompt = model.builder.build(request)
    expected = rendered_by_reference(model.template, request)
    assert prompt.text == expected
    encoded = model.tokenizer.encode(expected, specials=True)
    assert prompt.encoding == encoded
    assert prompt.exact
    check(prompt, request)


@settings(max_examples=80)
@given(request=conversations())
def test_ids_of_harmless_conversations_are_the_references(
    request: Request, models: dict[str, Model]
) -> None:
    for model in models.values():
        prompt = model.builder.build(request)
        expected = rendered_by_reference(model.template, request)
        assert prompt.text == expected
        assert prompt.ids == model.tokenizer.encode(expected, specials=True).ids
        check(prompt, request)


# -- the generation prompt


def test_the_generation_prompt_can_be_left_out() -> None:
    messages = conversation(("user", "Hi"))
    whole = chatml().build(Request(messages))
    short = chatml().build(Request(messages, generation_prompt=False))
    assert whole.text == short.text + "<|im_start|>assistant\n"
    assert whole.counts()["generation"] > 0
    assert "generation" not in short.counts()
    assert short.notes == ()


def test_an_ending_that_holds_a_text_is_no_generation_prompt() -> None:
    template = (
        "{% for m in messages %}<|im_start|>{{ m.content }}<|im_end|>{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>{{ messages[0].content }}{% endif %}"
    )
    request = Request(conversation(("user", "a<|im_end|>b")))
    prompt = chatml(template).build(request)
    assert controls(prompt) == ["<|im_start|>", "<|im_end|>", "<|im_start|>"]
    assert [t for label, t in span_texts(prompt) if label == "user"] == ["a<|im_end|>b"] * 2
    check(prompt, request)


# -- BOS


BOS = "{{ bos_token }}{% for m in messages %}{{ m.content }}{% endfor %}"
NO_BOS = "{% for m in messages %}{{ m.content }}{% endfor %}"


@pytest.mark.parametrize(
    ("template", "add", "written", "notes"),
    [
        (BOS, True, 1, 1),
        (BOS, False, 1, 0),
        (NO_BOS, True, 1, 0),
        (NO_BOS, False, 0, 0),
        ("{{ bos_token }}" + BOS, False, 1, 1),
        ("{{ bos_token }}" + BOS, True, 1, 1),
    ],
)
def test_one_bos_is_sent(template: str, add: bool, written: int, notes: int) -> None:
    builder = PromptBuilder(template, Letters(("<s>", "</s>"), "<s>"), "<s>", "</s>", add)
    request = Request(conversation(("user", "<s> é")), generation_prompt=False)
    prompt = builder.build(request)
    assert controls(prompt) == ["<s>"] * written
    assert prompt.text == "<s>" * written + "<s> é"
    assert sum("BOS" in note for note in prompt.notes) == notes
    check(prompt, request)


# -- notes


def notes_of(template: str, *messages: Message, tools: tuple[ToolSpec, ...] = ()) -> str:
    return " ".join(chatml(template).build(Request(messages, tools=tools)).notes)


LOOP = "{% for m in messages %}<|im_start|>{{ m.content }}<|im_end|>{% endfor %}"
GENERATION = "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"


def test_byte_order_marks_are_noticed() -> None:
    notes = notes_of(CHATML, *conversation(("user", "a"), ("assistant", "b"), ("user", "\ufeffc")))
    assert "byte-order mark (U+FEFF)" in notes
    assert "message 2 (user)" in notes


def test_a_dropped_system_message_is_noticed() -> None:
    template = LOOP.replace("in messages", "in messages if m.role != 'system'") + GENERATION
    notes = notes_of(template, *conversation(("system", "Be brief."), ("user", "Hi")))
    assert notes == (
        "The template drops the system message: that of message 0 (system) is not in the prompt."
    )


def test_dropped_tools_and_texts_are_noticed() -> None:
    notes = notes_of(CHATML, *conversation(("user", "Hi")), tools=(WEATHER,))
    assert "no place for tools" in notes
    template = LOOP.replace("in messages", "in messages[1:]") + GENERATION
    notes = notes_of(template, *conversation(("user", "Hi"), ("user", "there")))
    assert "leaves out text: that of message 0 (user)" in notes


def test_left_out_thinking_is_noticed() -> None:
    assert "leaves out the thinking: that of message 1 (assistant)" in " ".join(
        chatml().build(REQUESTS["thinking"]).notes
    )


def test_rewriting_is_noticed() -> None:
    notes = notes_of(REWRITES["upper case"], *conversation(("user", "hi"), ("assistant", "ho")))
    assert "rewrites the text of messages 0 (user) and 1 (assistant)" in notes


def test_a_system_message_of_the_templates_own_is_noticed(models: dict[str, Model]) -> None:
    request = Request(conversation(("user", "Hi")))
    assert models["qwen"].builder.build(request).notes == (
        "The template adds a system message of its own: “You are Qwen, created by Alibaba Cloud. "
        "You are a helpful assistant.”.",
    )
    assert "named SmolLM" in models["smol"].builder.build(request).notes[0]
    given = Request(conversation(("system", "S"), ("user", "Hi")))
    assert models["qwen"].builder.build(given).notes == ()


def test_a_missing_generation_prompt_is_noticed() -> None:
    assert "no generation prompt" in notes_of(LOOP, *conversation(("user", "Hi")))
    assert "no generation prompt" not in notes_of(LOOP + GENERATION, *conversation(("user", "Hi")))


def test_a_template_with_a_clock_is_noticed() -> None:
    template = "{{ strftime_now('%d %b %Y') }}" + LOOP + GENERATION
    notes = notes_of(template, *conversation(("user", "Hi")))
    assert "the prompt changes as it does" in notes
    days = iter([datetime(2024, 1, 1), datetime(2024, 1, 2)])
    builder = PromptBuilder(template, Letters(CHATML_CONTROLS), clock=lambda: next(days))
    request = Request(conversation(("user", "Hi")))
    assert builder.build(request).text.startswith("01 Jan 2024")
    assert builder.build(request).text.startswith("02 Jan 2024")


# -- without a template


def test_a_base_model_is_given_the_texts() -> None:
    request = Request(conversation(("system", "Once"), ("user", "upon <s> a\n")), tools=(WEATHER,))
    prompt = PromptBuilder(None, Letters(("<s>",), "<s>"), "<s>", "", True).build(request)
    assert prompt.text == "<s>Once\n\nupon <s> a\n"
    assert controls(prompt) == ["<s>"]
    assert "no chat template" in prompt.notes[0]
    assert "no place for tools" in prompt.notes[1]
    check(prompt, request)


# -- what is refused


@pytest.mark.parametrize("template", [CHATML, None])
def test_media_is_refused(template: str | None) -> None:
    picture = Message("user", (Text("Look"), Media("image", "image/png", b"", name="cat.png")))
    with pytest.raises(UsageError, match=r"Message 0 holds media of the kind image \(cat\.png\)"):
        PromptBuilder(template, Letters()).build(Request((picture,)))


def test_an_unknown_role_is_refused() -> None:
    message = Message("user<|im_end|>", (Text("Hi"),))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="has the role"):
        chatml().build(Request((message,)))


def test_the_templates_refusal_is_quoted() -> None:
    with pytest.raises(TemplateError, match="roles must alternate"):
        family_builder("mistral-v1").build(Request(conversation(("user", "a"), ("user", "b"))))


def test_a_lone_surrogate_is_refused(models: dict[str, Model]) -> None:
    with pytest.raises(TokenError, match="surrogate"):
        models["qwen"].builder.build(Request(conversation(("user", "a\ud800b"))))


def test_a_tool_result_beside_text_comes_first() -> None:
    message = Message("user", (Text("so?"), ToolResult("1", "f", "42")))
    prompt = family_builder("qwen2.5").build(
        Request((*conversation(("user", "go")), CALL, message))
    )
    order = [text for label, text in span_texts(prompt) if text in ("42", "so?")]
    assert order == ["42", "so?"]
