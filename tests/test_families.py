"""The chat templates that ship: each renders as its authors say, and its row tells the truth."""

from __future__ import annotations

import json
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from pellucid.engine import gguf
from pellucid.errors import TemplateError, UnknownTemplate
from pellucid.messages import Request
from pellucid.prompt import families
from pellucid.prompt.rendition import render
from pellucid.prompt.trial import ASK, ASK_AGAIN, REPLY, SYSTEM, TOOL, Trial
from pellucid.shapes import as_messages, read_tools

# Each with its source: the authors' documentation, model card or library.
FACTS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "data" / "template_renderings.json").read_text("utf-8")
)


def rendered(fact: dict[str, Any]) -> str:
    request = Request(
        as_messages(fact["messages"]),
        read_tools(fact.get("tools", ()), "the fact"),
        generation_prompt=fact.get("generation_prompt", True),
    )
    now = datetime.fromisoformat(fact.get("now", "2031-01-01"))
    return render(families.family(fact["family"]).format, request, now=now).text


@pytest.mark.parametrize(
    "fact", FACTS, ids=[f"{fact['family']}-{n}" for n, fact in enumerate(FACTS)]
)
def test_the_authors_rendering(fact: dict[str, Any]) -> None:
    assert rendered(fact) == fact["text"]


def test_every_family_has_a_fact() -> None:
    assert {fact["family"] for fact in FACTS} == set(families.names())


JOKE = [
    {"role": "system", "content": "You are a helpful assistant"},
    {"role": "user", "content": "Tell a light-hearted joke for a room of Data Scientists"},
]


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (
            "llama-3.1-instruct",
            "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\n"
            "Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n"
            "You are a helpful assistant<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n"
            "Tell a light-hearted joke for a room of Data Scientists<|eot_id|>"
            "<|start_header_id|>assistant<|end_header_id|>\n\n",
        ),
        (
            "phi-3-mini-instruct",
            "<|system|>\nYou are a helpful assistant<|end|>\n<|user|>\n"
            "Tell a light-hearted joke for a room of Data Scientists<|end|>\n<|assistant|>\n",
        ),
    ],
)
def test_published_facts(model: str, text: str) -> None:
    assert rendered({"family": model, "messages": JOKE}) == text


def test_the_text_of_a_bundled_model_is_that_of_its_family(smol: Path, qwen: Path) -> None:
    for path, name in ((smol, "smollm2"), (qwen, "qwen2.5")):
        text = gguf.read(path, arrays=False).chat_template
        assert text == families.family(name).format.text


def test_files_and_rows_are_the_same() -> None:
    assert {path.stem for path in families.TEMPLATES.glob("*.jinja")} == set(families.names())


def between(text: str, one: str, other: str) -> str:
    start = text.index(one) + len(one)
    return text[start : text.index(other, start)]


@pytest.mark.parametrize("name", families.names())
def test_a_row_tells_the_truth(name: str) -> None:
    row = families.family(name)
    trial = Trial(row.format)
    try:
        text = trial.text(SYSTEM, ASK)
    except TemplateError:
        assert row.system == "refused"
    else:
        turns = trial.text(ASK, REPLY, ASK_AGAIN)
        opening = between(turns, REPLY.text, ASK_AGAIN.text).rpartition(row.eos or "\n")[2]
        apart = opening.strip().split()[-1] in between(text, SYSTEM.text, ASK.text)
        assert row.system == ("own" if apart else "merged")
    assert row.tools == (TOOL.name in trial.text(ASK, tools=[TOOL]))
    for control in (row.bos, row.eos):
        assert not control or control in row.controls
    assert row.source
    assert row.licence


def test_a_model_leads_to_one_family() -> None:
    rows = [families.family(name) for name in families.names()]
    for row in rows:
        for pattern in row.models:
            model = pattern.replace("*", "8")
            assert families.family(model) is row
            others = [r for r in rows if any(fnmatchcase(model, p) for p in r.models)]
            assert others == [row]


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("meta-llama/Llama-3.1-8B-Instruct", "llama-3.1"),
        ("Llama-3.1", "llama-3.1"),
        ("Qwen/Qwen2.5-0.5B-Instruct", "qwen2.5"),
        ("microsoft/Phi-3-mini-4k-instruct", "phi-3"),
        ("openai/gpt-oss-20b", "gpt-oss"),
    ],
)
def test_names_in_use(name: str, family: str) -> None:
    assert families.family(name).name == family


def test_an_unknown_name_is_never_guessed() -> None:
    with pytest.raises(UnknownTemplate, match=r"Near it: llama-3\.1") as near:
        families.family("llama3.1")
    assert near.value.near[0] == "llama-3.1"
    with pytest.raises(UnknownTemplate, match="Known are chatml, qwen2,"):
        families.family("xyzzy")


@pytest.mark.parametrize("name", families.names())
def test_notes_of_a_plain_question(name: str) -> None:
    """No family lacks a generation prompt: in Llama 2's and Mistral's, the mark that ends a
    question is one. The words that a template puts in front are quoted without the next turn's
    role."""
    format = families.family(name).format
    notes = " ".join(render(format, Request((ASK,)), now=datetime(2031, 1, 1)).notes)
    assert "no generation prompt" not in notes
    assert "user”" not in notes
    if name == "llama-3.1":
        assert (
            "of its own: “Cutting Knowledge Date: December 2023 Today Date: 26 Jul 2024”." in notes
        )
