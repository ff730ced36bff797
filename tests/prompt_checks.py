"""What the tests of prompts share: real models, small builders, and what holds for every prompt."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from chat_reference import NOW, TEMPLATES, Letters, conversation
from pellucid.engine import gguf
from pellucid.messages import Message, Request, Text, Thinking, ToolCall, ToolResult
from pellucid.prompt.build import PromptBuilder
from pellucid.prompt.values import Prompt
from pellucid.tokens import compiled
from pellucid.tokens.tokenizer import BpeTokenizer
from pellucid.tokens.vocabulary import from_gguf


class Model:
    """A real model's template and tokenizer."""

    def __init__(self, path: Path, folder: Path) -> None:
        file = gguf.read(path)
        compiled.build(from_gguf(file.metadata), folder / f"{path.stem}.bpe")
        assert file.chat_template is not None
        self.template = file.chat_template
        self.tokenizer = BpeTokenizer.open(folder / f"{path.stem}.bpe")
        self.builder = PromptBuilder(self.template, self.tokenizer)


def family_builder(name: str, **how: Any) -> PromptBuilder:
    template = TEMPLATES[name]
    return PromptBuilder(
        template.text,
        Letters(template.controls, template.bos),
        template.bos,
        template.eos,
        template.adds_bos,
        clock=lambda: NOW,
        **how,
    )


CHATML = TEMPLATES["chatml"].text
CHATML_CONTROLS = ("<|im_start|>", "<|im_end|>", "<|endoftext|>")

TRIMS = "{% for m in messages %}<|im_start|>{{ m.content | trim }}<|im_end|>{% endfor %}"
"""A template that trims the texts."""

REWRITES = {
    "upper case": "{% for m in messages %}<|im_start|>{{ m.content | upper }}{% endfor %}",
    "cut": "{% for m in messages %}<|im_start|>{{ m.content[:5] }}<|im_end|>{% endfor %}",
    "inner": "{% for m in messages %}<|im_start|>{{ m.content[2:-2] }}<|im_end|>{% endfor %}",
    "last part": "{% for m in messages %}<|im_start|>{{ m.content.split('.')[-1] }}{% endfor %}",
    "looks inside": "{% for m in messages %}{% if '<' in m.content %}<|im_start|>!{% else %}"
    "<|im_end|>{% endif %}{{ m.content }}{% endfor %}",
    "by length": "{% for m in messages %}<|im_start|>{{ m.content | length }}{% endfor %}",
    "escaped": "{% for m in messages %}<|im_start|>{{ m.content | e }}{% endfor %}",
    "by letter": "{% for m in messages %}{% for c in m.content %}{{ c }} {% endfor %}{% endfor %}",
}
"""Templates that change the texts, or look into them."""


def chatml(template: str = CHATML) -> PromptBuilder:
    return PromptBuilder(template, Letters(CHATML_CONTROLS), clock=lambda: NOW)


def span_texts(prompt: Prompt) -> list[tuple[str, str]]:
    return [(prompt.label(s.origin), prompt.text[s.start : s.end]) for s in prompt.spans]


def check(prompt: Prompt, request: Request) -> None:
    """What holds for every prompt."""
    encoding = prompt.encoding
    place = 0
    for span in prompt.spans:
        assert span.start == place < span.end
        place = span.end
    assert place == len(prompt.text)
    lengths = {len(encoding.ids), len(encoding.pieces), len(encoding.offsets)}
    assert lengths == {len(encoding.special)} == {len(prompt.origins)} == {len(prompt)}
    owners = [n for n, span in enumerate(prompt.spans) for _ in range(span.start, span.end)]
    for touched, (start, end) in zip(prompt.origins, encoding.offsets, strict=True):
        assert touched == tuple(range(owners[start], owners[end - 1] + 1))
    for touched, special in zip(prompt.origins, encoding.special, strict=True):
        if special and not prompt.replayed:
            kinds = {prompt.spans[n].origin.kind for n in touched}
            assert kinds <= {"scaffold", "generation"}
    if prompt.exact:
        for span in prompt.spans:
            check_origin(request, span.origin, prompt.text[span.start : span.end])


def check_origin(request: Request, origin: Any, text: str) -> None:
    """That `text` really is what its origin says."""
    if origin.kind == "tool":
        spec = request.tools[origin.tool]
        whole = json.dumps(
            {"name": spec.name, "description": spec.description, "parameters": spec.parameters},
            ensure_ascii=False,
        )
        try:
            assert json.dumps(json.loads(text), ensure_ascii=False).strip("{}") in (
                f'"type": "function", "function": {whole}'
            )
        except ValueError:
            assert text in whole or text in (spec.name, spec.description)
    elif origin.kind in ("message", "passage"):
        part = request.messages[origin.message].parts[origin.part]
        match part:
            case Text(said, None) | Thinking(said):
                assert text in (said, said.strip(), json.dumps(said, ensure_ascii=False)[1:-1])
            case Text(said, source):
                assert said in text
                assert " ".join(str(source).split()) in text
            case ToolResult(_, name, said):
                assert text in (
                    said,
                    said.strip(),
                    name,
                    json.dumps(said, ensure_ascii=False)[1:-1],
                )
            case ToolCall(_, name, arguments):
                assert text in (name, arguments) or text in json.dumps(
                    json.loads(arguments), ensure_ascii=False
                )


def controls(prompt: Prompt) -> list[str]:
    """The spellings of the control tokens of a prompt, in order."""
    encoding = prompt.encoding
    return [
        p.decode()
        for p, is_control in zip(encoding.pieces, encoding.special, strict=True)
        if is_control
    ]


LETTERS = st.characters(exclude_categories=["Cs"], exclude_characters="<>[]")
TEXTS = st.one_of(
    st.text(LETTERS, max_size=40),
    st.text(" \n\tabcDé漢🙂\ufeff\ue000\U000f0000'\"\\{}%|", max_size=20),
    st.sampled_from(["", " ", "\n\n", "a\n", "\ufeffa", "\ue000x\ue001", "\U00100000", "{{ x }}"]),
)
ROLES = st.sampled_from(["user", "assistant"])


@st.composite
def conversations(draw: st.DrawFn, texts: st.SearchStrategy[str] = TEXTS) -> Request:
    messages = [*conversation(("system", draw(texts)))] if draw(st.booleans()) else []
    for _ in range(draw(st.integers(1, 4))):
        parts: list[Any] = [Text(draw(texts))]
        if draw(st.integers(0, 3)) == 0:
            parts.append(Text(draw(texts), source=draw(texts)))
        messages.append(Message("user", tuple(parts)))
        if draw(st.booleans()):
            said: list[Any] = [Text(draw(texts))]
            if draw(st.integers(0, 3)) == 0:
                said.insert(0, Thinking(draw(texts)))
            messages.append(Message("assistant", tuple(said)))
    if messages[-1].role == "assistant":
        messages.append(Message("user", (Text(draw(texts)),)))
    return Request(tuple(messages), generation_prompt=draw(st.booleans()))
