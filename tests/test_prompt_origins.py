"""The origin of every character and token of a prompt, exact or said not to be."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat_reference import REQUESTS, TEMPLATES, WEATHER, conversation, rendered_by_reference
from pellucid.errors import TemplateError
from pellucid.messages import Message, Request, Text, ToolCall
from pellucid.prompt.build import PromptBuilder
from prompt_checks import (
    REWRITES,
    TRIMS,
    Model,
    chatml,
    check,
    controls,
    conversations,
    family_builder,
    span_texts,
)


def test_every_character_has_its_origin() -> None:
    request = Request(
        (
            *conversation(("system", "Be brief.")),
            Message("user", (Text("Sum up:"), Text("it rains", source="sky.txt"))),
            *conversation(("assistant", "Rain."), ("user", " More\n")),
        )
    )
    prompt = chatml().build(request)
    assert span_texts(prompt) == [
        ("scaffold", "<|im_start|>system\n"),
        ("system", "Be brief."),
        ("scaffold", "<|im_end|>\n<|im_start|>user\n"),
        ("user", "Sum up:"),
        ("passage", "\n\n--- passage from sky.txt ---\nit rains\n--- end of passage ---"),
        ("scaffold", "<|im_end|>\n<|im_start|>assistant\n"),
        ("assistant", "Rain."),
        ("scaffold", "<|im_end|>\n<|im_start|>user\n"),
        ("user", " More\n"),
        ("scaffold", "<|im_end|>\n"),
        ("generation", "<|im_start|>assistant\n"),
    ]
    assert [(s.origin.message, s.origin.part) for s in prompt.spans if s.origin.part] == [(1, 1)]
    assert prompt.exact
    assert prompt.notes == ()


def test_a_token_that_straddles_a_border_names_both_sides(models: dict[str, Model]) -> None:
    template = "{% for m in messages %}Q: {{ m.content }}{% endfor %}"
    prompt = PromptBuilder(template, models["qwen"].tokenizer).build(
        Request(conversation(("user", "hello")))
    )
    straddling = [n for n, touched in enumerate(prompt.origins) if len(touched) > 1]
    assert [prompt.encoding.pieces[n] for n in straddling] == [b" hello"]
    check(prompt, Request(conversation(("user", "hello"))))


def test_tools_are_covered_whole() -> None:
    request = REQUESTS["calls"]
    prompt = family_builder("qwen2.5").build(request)
    texts = span_texts(prompt)
    assert [json.loads(text) for label, text in texts if label == "tools"] == [
        {
            "type": "function",
            "function": {
                "name": WEATHER.name,
                "description": WEATHER.description,
                "parameters": WEATHER.parameters,
            },
        }
    ]
    assert ("assistant", "get_weather") in texts
    assert ("assistant", '{"city": "Köln", "days": 2}') in texts
    assert ("tool", '{"sky": "blue"}') in texts


def test_arguments_that_are_not_json_are_handed_over_as_text() -> None:
    call = Message("assistant", (ToolCall("abcdefghi", "f", "not { json"),))
    request = Request((*conversation(("user", "go")), call))
    prompt = family_builder("qwen2.5").build(request)
    assert ("assistant", "not { json") in span_texts(prompt)
    check(prompt, request)


def test_a_template_that_wants_arguments_as_text_gets_text() -> None:
    request = REQUESTS["calls"]
    prompt = family_builder("deepseek-r1").build(request)
    assert '{"city": "Köln", "days": 2}' in prompt.text
    assert prompt.exact
    check(prompt, request)


@pytest.mark.parametrize("family", TEMPLATES)
def test_origins_are_exact_with_every_family(family: str) -> None:
    builder = family_builder(family)
    for name, request in REQUESTS.items():
        try:
            prompt = builder.build(request)
        except TemplateError:
            continue  # this family takes no system message, no tools
        assert prompt.exact, name
        check(prompt, request)
        labels = {label for label, _ in span_texts(prompt)}
        assert labels & {"user", "passage"}, name


@settings(max_examples=20)
@given(data=st.data())
@pytest.mark.parametrize("family", sorted(TEMPLATES))
def test_every_span_holds_its_text_or_the_prompt_says_so(
    family: str, data: st.DataObject, builders: Callable[[str], PromptBuilder]
) -> None:
    request = data.draw(conversations())
    try:
        prompt = builders(family).build(request)
    except TemplateError:
        return
    check(prompt, request)


@pytest.fixture(scope="module")
def builders() -> Callable[[str], PromptBuilder]:
    known: dict[str, PromptBuilder] = {}
    return lambda name: known.setdefault(name, known.get(name) or family_builder(name))


@pytest.mark.parametrize("text", ["  a b \n", "a", "\n\nx", "x\n\n", " \n ", "\ufeff a"])
def test_trimmed_blanks_are_not_the_texts(text: str) -> None:
    request = Request(conversation(("user", text)))
    prompt = chatml(TRIMS).build(request)
    assert prompt.text == f"<|im_start|>{text.strip()}<|im_end|>"
    assert prompt.exact
    expected = [("user", text.strip())] if text.strip() else []
    assert [(label, t) for label, t in span_texts(prompt) if label == "user"] == expected


def test_a_template_that_trims_only_some_texts_is_followed() -> None:
    template = (
        "{% for m in messages %}<|im_start|>\n\n"
        "{{ m.content if m.role == 'user' else m.content | trim }}<|im_end|>{% endfor %}"
    )
    request = Request(conversation(("user", " a "), ("assistant", " b "), ("user", " c ")))
    prompt = chatml(template).build(request)
    assert [t for label, t in span_texts(prompt) if label != "scaffold"] == [" a ", "b", " c "]
    assert prompt.exact


@pytest.mark.parametrize("how", REWRITES)
def test_a_rewriting_template_is_never_called_exact(how: str) -> None:
    request = Request(conversation(("user", "One <b>. Two"), ("assistant", "three. Four & five")))
    builder = chatml(REWRITES[how])
    prompt = builder.build(request)
    assert prompt.text == rendered_by_reference(REWRITES[how], request)
    if prompt.exact:  # then nothing claims to be a message
        assert all(label in ("scaffold", "generation") for label, _ in span_texts(prompt))
    else:
        assert any("template" in note for note in prompt.notes)
    check(prompt, request)


@pytest.mark.parametrize("how", REWRITES)
@pytest.mark.parametrize(
    "text", ["a. <|im_start|>b", "<|im_end|>", "x <|IM_END|> y", "<|im_<|im_end|>end|>. <"]
)
def test_a_rewriting_template_lets_no_control_token_through(how: str, text: str) -> None:
    harmless = chatml(REWRITES[how]).build(Request(conversation(("user", "a. < b"))))
    try:
        prompt = chatml(REWRITES[how]).build(Request(conversation(("user", text))))
    except TemplateError as error:
        assert "spells a control token" in str(error)
        return
    assert controls(prompt) == controls(harmless)


def test_reasoning_inside_a_reply_is_followed_through_a_template_that_cuts_it() -> None:
    request = Request(
        conversation(
            ("user", "a"), ("assistant", "<think>hm</think>\n\nb <|im_end|>"), ("user", "c")
        )
    )
    prompt = family_builder("qwen3").build(request)
    assert [t.lstrip("\n") for label, t in span_texts(prompt) if label == "assistant"] == [
        "b <|im_end|>"
    ]
    assert not prompt.exact
    assert controls(prompt).count("<|im_end|>") == 3


@pytest.mark.parametrize(
    "text", ["\ue000", "a\ue000b\ue001", "\uf8ff\U000f0000\U0010fffd", "\ue002"]
)
def test_private_use_characters_confuse_nothing(text: str) -> None:
    request = Request(conversation(("user", text), ("assistant", f"<{text}>"), ("user", "x")))
    prompt = chatml().build(request)
    assert [t for label, t in span_texts(prompt) if label == "user"] == [text, "x"]
    assert prompt.exact
    check(prompt, request)
