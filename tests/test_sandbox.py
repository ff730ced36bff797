"""Chat templates come out of files nobody vouches for. They render as their authors mean them to,
reach nothing, and end."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from jinja2 import TemplateError as JinjaError

import template_bombs
from chat_reference import NOW, REQUESTS, TEMPLATES, reference, rendered_by_reference
from pellucid.engine import gguf
from pellucid.errors import TemplateError
from pellucid.messages import Request
from pellucid.prompt.fence import Plain
from pellucid.prompt.sandbox import compile_template
from pellucid.prompt.variables import template_variables

DATA = Path(__file__).with_name("data")

MESSAGES = [
    {"role": "system", "content": 'Be <brief> & "kind".'},
    {"role": "user", "content": "  Hi there\n"},
    {"role": "assistant", "content": "Hello", "tool_calls": [{"name": "f", "arguments": {"a": 1}}]},
    {"role": "tool", "content": '{"a": [1, 2]}', "name": "f"},
]


def render(source: str, **variables: Any) -> str:
    return compile_template(source).render({"messages": MESSAGES, **variables}, now=NOW).text


# -- what templates can do

SNIPPETS = (DATA / "template_snippets.txt").read_text("utf-8").splitlines()


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_the_language_is_that_of_transformers(snippet: str) -> None:
    expected = reference(snippet).render(messages=MESSAGES)
    assert render(snippet) == expected


@pytest.mark.parametrize("source", ["a\n", "  {% if true %}\nx\n  {% endif %}\n", "{{ 1 }}\n\n"])
def test_blanks_around_blocks_go_as_in_transformers(source: str) -> None:
    assert render(source) == reference(source).render()


@pytest.mark.parametrize("family", TEMPLATES)
def test_published_templates_render_as_their_reference_does(family: str) -> None:
    template = TEMPLATES[family]
    for request in REQUESTS.values():
        agree(template.text, request, template.bos, template.eos)


def agree(source: str, request: Request, bos: str, eos: str) -> None:
    """The sandbox and the reference write the same, or both refuse."""
    variables = template_variables(
        request, Plain(), generation=request.generation_prompt, bos=bos, eos=eos
    )
    try:
        expected = rendered_by_reference(source, request, bos, eos)
    except (JinjaError, TypeError):  # refuses the conversation, or its shape
        with pytest.raises(TemplateError):
            compile_template(source).render(variables, now=NOW)
        return
    rendered = compile_template(source).render(variables, now=NOW)
    assert rendered.text == expected
    assert rendered.asked_clock == ("strftime_now(" in source)


def test_there_are_twenty_published_templates() -> None:
    assert len(TEMPLATES) >= 20


def test_templates_of_model_files_render_as_their_reference_does(qwen: Path, smol: Path) -> None:
    for path in (qwen, smol):
        source = gguf.read(path, arrays=False).chat_template
        assert source is not None
        for request in REQUESTS.values():
            agree(source, request, "<s>", "</s>")


@pytest.mark.parametrize(
    ("family", "expected"),
    [
        (
            "llama-3.1",
            "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nCutting Knowledge "
            "Date: December 2023\nToday Date: 26 Jul 2024\n\nYou are a helpful assistant"
            "<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nTell a light-hearted joke for "
            "a room of Data Scientists<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
        ),
        (
            "phi-3",
            "<|system|>\nYou are a helpful assistant<|end|>\n<|user|>\nTell a light-hearted joke "
            "for a room of Data Scientists<|end|>\n<|assistant|>\n",
        ),
    ],
)
def test_what_two_authors_publish_comes_out(family: str, expected: str) -> None:
    template = TEMPLATES[family]
    messages = [
        {"role": "system", "content": "You are a helpful assistant"},
        {"role": "user", "content": "Tell a light-hearted joke for a room of Data Scientists"},
    ]
    text = render(
        template.text,
        messages=messages,
        add_generation_prompt=True,
        bos_token=template.bos,
        eos_token=template.eos,
    )
    assert text == expected


# -- what templates cannot do

ESCAPES = (DATA / "template_escapes.txt").read_text("utf-8").splitlines()


@pytest.mark.parametrize("escape", ESCAPES)
def test_escapes_fail(escape: str) -> None:
    before = json.dumps(MESSAGES)
    with pytest.raises(TemplateError):
        render(escape)
    assert json.dumps(MESSAGES) == before


def test_there_are_fifty_escapes() -> None:
    assert len(set(ESCAPES)) >= 50


def test_bombs_end_in_time_and_stay_small(full: bool) -> None:
    limit = 2.0 if full else 0.3
    script = [sys.executable, template_bombs.__file__, str(limit)]
    ran = subprocess.run(script, capture_output=True, text=True, timeout=600, check=False)
    results = [json.loads(line) for line in ran.stdout.splitlines()]
    assert len(results) == len(template_bombs.BOMBS), ran.stderr
    for bomb, (seconds, _, said) in zip(template_bombs.BOMBS, results, strict=True):
        assert said.startswith("TemplateError: The chat template"), (bomb[:80], said)
        # Stopped, and not at its own end; a busy machine may take its time over that.
        assert seconds < limit + 20, (bomb[:80], seconds)
    assert results[-1][1] < 200  # megabytes, all of them together
    assert ran.stderr == ""


SWALLOWED = """
import sys
from pellucid.errors import TemplateError
from pellucid.prompt.meter import Aborted
from pellucid.prompt.sandbox import compile_template

class Dying:
    def __init__(self, error):
        self.error = error

    def __del__(self):
        raise self.error

try:
    compile_template(sys.argv[1]).render({}, now=None, seconds=0.01)
except TemplateError:
    Dying(Aborted())
    Dying(ValueError("somebody's"))
"""


def test_a_stop_swallowed_by_a_destructor_is_not_printed() -> None:
    script = [sys.executable, "-c", SWALLOWED, ENDLESS]
    ran = subprocess.run(script, capture_output=True, text=True, timeout=60, check=False)
    assert "ValueError: somebody's" in ran.stderr  # other errors still are
    assert "Aborted" not in ran.stderr


ENDLESS = template_bombs.BOMBS[0]


def test_an_endless_template_is_stopped_after_two_seconds() -> None:
    threads = threading.active_count()
    began = time.monotonic()
    with pytest.raises(TemplateError, match=r"was stopped: it takes more than 2 s"):
        render(ENDLESS)
    assert 1.9 < time.monotonic() - began < 40  # it has no end of its own
    assert threading.active_count() == threads


def test_others_render_while_one_is_endless() -> None:
    failures: list[Exception] = []

    def endless() -> None:
        try:
            compile_template(ENDLESS).render({}, now=NOW, seconds=1)
        except TemplateError as error:
            failures.append(error)

    thread = threading.Thread(target=endless)
    thread.start()
    rendered = 0
    while thread.is_alive():
        assert render("{{ messages[0].role }}") == "system"
        rendered += 1
    thread.join()
    assert len(failures) == 1
    assert rendered > 5


def test_one_rendering_pays_nothing_for_another() -> None:
    template = compile_template("{{ text ~ text }}")
    for _ in range(20):  # each spends a tenth of the allowance
        assert len(template.render({"text": "x" * 1_500_000}, now=NOW).text) == 3_000_000


def test_a_long_conversation_is_no_bomb() -> None:
    messages = [{"role": "user", "content": "x" * 100_000}] * 200
    source = "{% for m in messages %}{{ '<' + m.role + '>' + m.content + '</>' }}{% endfor %}"
    assert len(render(source, messages=messages)) == 200 * (100_000 + 9)


# -- what is said


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("a\n{% if %}", "syntax error in line 2"),
        ("{% for a in b %}", "syntax error in line 1"),
        ("{{ 'a'|frobnicate }}", "No filter named 'frobnicate'"),
        ("{% import 'a' as b %}", "cannot use 'Import'"),
        ("a\nb\n{{ nothing.role }}", "line 3: 'nothing' is undefined"),
        ("\n{{ 1 / 0 }}", "fails in line 2: ZeroDivisionError"),
        ("{{ 'a' + 1 }}", "fails in line 1: TypeError"),
        ("{{ ''.__class__ }}", "outside its sandbox in line 1: '__class__' of a str"),
        (
            "{{ raise_exception('Conversation roles must alternate user/assistant') }}",
            "refuses this conversation: 'Conversation roles must alternate user/assistant'",
        ),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "nested too deeply"),
        ("{{ 'x' * 10 ** 9 }}", "was stopped: it makes more text"),
        ("x" * 200_000, "has 200,000 characters"),
    ],
)
def test_failures_say_what_happened_and_where(source: str, said: str) -> None:
    with pytest.raises(TemplateError) as caught:
        render(source)
    assert said in str(caught.value)
    assert str(caught.value).startswith("The chat template")


def test_the_clock_is_the_callers() -> None:
    template = compile_template("{{ strftime_now('%Y-%m-%d') }}")
    rendered = template.render({}, now=datetime(1999, 12, 31))
    assert rendered.text == "1999-12-31"
    assert rendered.asked_clock
    assert not compile_template("{{ 1 }}").render({}, now=NOW).asked_clock
