"""The lint of chat templates: each kind of finding on a template made to have it, none on a clean
one, and the page of the docs that shows all families."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from pellucid.models.formats import open_formats
from pellucid.prompt import families, trial
from pellucid.prompt.families import ChatFormat
from pellucid.prompt.lint import KINDS, MEANING, Finding, Kind, lint
from pellucid.settings import load
from pellucid.views import templates

# Everything a template should do: every role, tools, and texts that cannot spell its marks.
CLEAN = """\
{%- macro safe(text) %}{{ text | replace('<|', '< |') }}{% endmacro %}
{%- for tool in tools or [] %}<|tool|>{{ tool | tojson }}<|end|>{% endfor %}
{%- for message in messages %}<|{{ message.role }}|>{{ safe(message.content) }}
{%- for call in message.tool_calls or [] %}<|call|>{{ call.function | tojson }}{% endfor %}
{%- if message.reasoning_content %}<|aside|>{{ message.reasoning_content }}{% endif %}<|end|>
{%- endfor %}
{%- if add_generation_prompt %}<|assistant|>{% endif %}"""

CONTROLS = ("<|user|>", "<|assistant|>", "<|end|>")


def format(text: str, **others: object) -> ChatFormat:
    return replace(ChatFormat("made up", text, controls=CONTROLS), **others)  # type: ignore[arg-type]


def kinds(findings: Sequence[Finding]) -> set[Kind]:
    return {finding.kind for finding in findings}


def test_a_clean_template() -> None:
    assert lint(format(CLEAN)) == []
    assert lint(format("<s>" + CLEAN, bos="<s>")) == []


ROLES = "{% for m in messages if m.role == 'user' or m.role == 'assistant' %}"

MADE: dict[str, tuple[Kind, str, dict[str, object]]] = {
    "syntax": ("broken", "{% if %}", {}),
    "endless": (
        "broken",
        "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}",
        {},
    ),
    "outside": ("broken", "{{ messages.__class__.__mro__ }}", {}),
    "fails on tools": ("broken", CLEAN.replace("message.tool_calls or []", "7"), {}),
    "bos twice": ("double-bos", "<s><s>" + CLEAN, {"bos": "<s>"}),
    "bos of both": ("double-bos", "<s>" + CLEAN, {"bos": "<s>", "adds_bos": True}),
    "bos of the tokenizer": ("missing-bos", CLEAN, {"bos": "<s>", "adds_bos": True}),
    "refuses the system": (
        "refused",
        "{% if messages[0].role == 'system' %}{{ raise_exception('no') }}{% endif %}" + CLEAN,
        {},
    ),
    "refuses two of the user": (
        "refused",
        "{% for m in messages %}{% if loop.index0 and m.role == 'user' == loop.previtem.role %}"
        "{{ raise_exception('alternate') }}{% endif %}{% endfor %}" + CLEAN,
        {},
    ),
    "refuses tools": (
        "refused",
        "{% for m in messages if m.role == 'tool' %}{{ raise_exception('no') }}{% endfor %}"
        + CLEAN,
        {},
    ),
    "drops the system": (
        "system-dropped",
        CLEAN.replace("in messages %}", "in messages if message.role != 'system' %}"),
        {},
    ),
    "drops a later system": (
        "system-dropped",
        CLEAN.replace(
            "in messages %}", "in messages if message.role != 'system' or message == messages[0] %}"
        ),
        {},
    ),
    "drops schemas": ("tools-dropped", CLEAN.replace("tools or []", "[]"), {}),
    "drops calls": ("tools-dropped", CLEAN.replace("message.tool_calls or []", "[]"), {}),
    "drops results": (
        "tools-dropped",
        CLEAN.replace("in messages %}", "in messages if message.role != 'tool' %}"),
        {},
    ),
    "no opening": (
        "no-generation-prompt",
        CLEAN.replace("{%- if add_generation_prompt %}<|assistant|>{% endif %}", ""),
        {},
    ),
    "strips replies": (
        "history-rewritten",
        CLEAN.replace(
            "safe(message.content)",
            "safe(message.content | trim if message.role == 'assistant' else message.content)",
        ),
        {},
    ),
    "drops thinking": (
        "history-rewritten",
        CLEAN.replace(
            "safe(message.content)",
            "safe(message.content.split('</think>')[-1] if not loop.last else message.content)",
        ),
        {},
    ),
    "opens with more than it keeps": (
        "history-rewritten",
        CLEAN.replace("%}<|assistant|>{% endif", "%}<|assistant|><think>{% endif"),
        {},
    ),
    "moves the system": (
        "history-rewritten",
        "{% for m in messages if m.role != 'system' %}<|{{ m.role }}|>"
        "{% if loop.last and messages[0].role == 'system' %}{{ messages[0].content }}{% endif %}"
        "{{ m.content }}<|end|>{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}",
        {},
    ),
    "moves the tools": (
        "history-rewritten",
        CLEAN.replace("tools or []", "[]").replace(
            "<|{{ message.role }}|>",
            "{% if tools and loop.last %}{{ tools | tojson }}{% endif %}<|{{ message.role }}|>",
        ),
        {},
    ),
    "lets spellings through": ("control-from-text", CLEAN.replace("< |", "<|"), {}),
    "turns in words": (
        "turns-in-plain-text",
        ROLES + "{{ m.role }}: {{ m.content }}\n{% endfor %}assistant: ",
        {},
    ),
    "a clock": ("clock", "{{ strftime_now('%Y') }}" + CLEAN, {}),
    "a ticking clock": ("clock", "{{ strftime_now('%S') }}" + CLEAN, {}),
    "a clock beside the system": (
        "clock",
        "{% if messages[0].role == 'system' %}{{ strftime_now('%d %b') }}{% endif %}" + CLEAN,
        {},
    ),
}


@pytest.mark.parametrize("name", MADE)
def test_each_kind_is_found(name: str) -> None:
    kind, text, others = MADE[name]
    found = lint(format(text, **others))
    assert kind in kinds(found)
    assert all(finding.message for finding in found)


def test_every_kind_is_tried_and_explained() -> None:
    assert {kind for kind, _, _ in MADE.values()} == set(KINDS) == set(MEANING)


ONE_FAULT = [
    *("bos twice", "bos of both", "bos of the tokenizer", "refuses two of the user"),
    *("drops schemas", "drops calls", "no opening", "strips replies", "lets spellings through"),
    *("a clock", "a ticking clock", "a clock beside the system"),
]


@pytest.mark.parametrize("name", ONE_FAULT)
def test_nothing_else_is_found(name: str) -> None:
    kind, text, others = MADE[name]
    assert kinds(lint(format(text, **others))) == {kind}


def test_a_template_that_fails_later_is_broken_and_nothing_is_raised() -> None:
    found = lint(format("{% if messages | length > 1 %}{{ 1 / 0 }}{% endif %}" + CLEAN))
    assert kinds(found) == {"broken"}
    assert any("ZeroDivisionError" in finding.example for finding in found)


def test_a_slow_template_does_not_hold_it_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "PATIENCE", 0.0)
    assert kinds(lint(format(CLEAN))) == {"broken"}


def test_a_bracket_that_ends_a_question_is_opening_enough() -> None:
    text = (
        ROLES + "{% if m.role == 'user' %}<|user|>{{ m.content }}<|/user|>"
        "{% else %} {{ m.content }}<|end|>{% endif %}{% endfor %}"
    )
    assert "no-generation-prompt" not in kinds(lint(format(text)))


def test_examples_show_what_changed() -> None:
    _, text, _ = MADE["strips replies"]
    (finding,) = lint(format(text))
    assert "' Three metres, and rising. \\n' became 'Three metres, and rising." in finding.example
    _, text, _ = MADE["a clock"]
    (finding,) = lint(format(text))
    assert "2024" in finding.example
    assert "2031" in finding.example
    assert "changes with the date" in finding.message
    (finding,) = lint(format("{{ strftime_now('%f') }}" + CLEAN))
    assert "changes with the time of day" in finding.message


def test_guessed_controls_are_called_so() -> None:
    (finding,) = lint(format(CLEAN.replace("< |", "<|"), guessed=True))
    assert "guessed" in finding.message


def test_a_real_vocabulary_is_asked(smol: Path, home: Path) -> None:
    opened = open_formats(str(smol), load())
    assert opened.tokenizer is not None
    found = lint(opened.formats[0], opened.tokenizer)
    assert kinds(found) == {"tools-dropped", "control-from-text"}
    specials = len(opened.tokenizer.specials)
    assert f"{specials} of {specials}" in found[-1].message
    safe = replace(
        opened.formats[0], text=opened.formats[0].text.replace("content'] +", "role'] +")
    )
    assert "control-from-text" not in kinds(lint(safe, opened.tokenizer))


@pytest.mark.parametrize("name", families.names())
def test_no_family_is_broken(name: str) -> None:
    assert "broken" not in kinds(lint(families.family(name).format))


def test_known_faults_of_known_families() -> None:
    def of(name: str) -> set[Kind]:
        return kinds(lint(families.family(name).format))

    assert of("qwen2.5") == {"control-from-text"}
    assert "history-rewritten" in of("deepseek-r1")
    assert "clock" in of("llama-3.2")
    assert "clock" not in of("llama-3.1")
    assert "missing-bos" in of("zephyr")
    assert "turns-in-plain-text" in of("llama-2")
    assert "refused" in of("gemma")


def test_the_page_of_the_docs_is_what_the_code_says() -> None:
    path = Path(__file__).parent.parent / "docs" / "build_templates.py"
    spec = importlib.util.spec_from_file_location("build_templates", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.PAGE.read_text("utf-8") == module.page(), "run: python docs/build_templates.py"


def test_the_view_explains_a_kind_once() -> None:
    found = [Finding("refused", "First.", "a\x1b[2Jb"), Finding("refused", "Second.")]
    shown = templates.findings("made up", found, width=60)
    assert shown.count(MEANING["refused"]) == 1
    assert shown.splitlines()[0] == "made up: 2 things found"
    assert "\x1b" not in shown
    assert templates.findings("made up", []) == "made up: nothing found"
    assert "\x1b[1m" in templates.findings("made up", found, color=True)
