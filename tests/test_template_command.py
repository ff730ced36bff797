"""`pellucid template`: the text, the ids, two side by side, the lint, and bad input."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from cli_home import Home
from pellucid.cli.main import main
from pellucid.messages import Message, Request, Text
from pellucid.models.formats import open_formats
from pellucid.prompt import families
from pellucid.prompt.diff import diff
from pellucid.prompt.rendition import render
from pellucid.prompt.trial import ASK, NOON, REPLY
from pellucid.settings import load
from pellucid.shapes import as_messages
from pellucid.tokens import names
from pellucid.views import templates

CHAT = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Who? <|im_end|>"},
    {"role": "assistant", "content": "I."},
    {"role": "user", "content": "Why?"},
]
TOOL = {"type": "function", "function": {"name": "tide", "description": "Reads the tide."}}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, weights_folder: Path) -> Home:
    """A home for all tests here, so that a vocabulary is built once."""
    return Home(tmp_path_factory.mktemp("home"), weights_folder)


@pytest.fixture
def home(shared: Home, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in shared.environ.items():
        monkeypatch.setenv(name, value)
    return shared.folder


@pytest.fixture
def chat(tmp_path: Path) -> str:
    path = tmp_path / "messages.json"
    path.write_text(json.dumps(CHAT))
    return str(path)


def out_of(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["template", *words]) == 0
    return capsys.readouterr().out


def test_the_text_of_a_chat(chat: str, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = out_of(capsys, "-m", "qwen2.5", chat)
    assert "    system │ Be brief." in out
    assert "generation │ <|im_start|>assistant↵" in out
    # The control token that the user spelled is not counted as one.
    assert "9 control tokens" in out


def test_the_text_as_json(chat: str, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    value = json.loads(out_of(capsys, "-m", "qwen2.5", chat, "--json"))
    assert value["template"] == "qwen2.5"
    assert value["text"].startswith("<|im_start|>system\nBe brief.<|im_end|>\n")
    assert value["text"].endswith("<|im_start|>assistant\n")
    spans = value["spans"]
    assert "".join(value["text"][s["start"] : s["end"]] for s in spans) == value["text"]
    assert [s["label"] for s in spans if s["message"] is not None] == [m["role"] for m in CHAT]
    assert value["controls"].count("<|im_end|>") == 4
    assert value["ids"] is None


def test_without_the_generation_prompt(
    chat: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = out_of(capsys, "-m", "qwen2.5", chat, "--no-generation-prompt", "--json")
    assert json.loads(out)["text"].endswith("Why?<|im_end|>\n")


def test_tools_and_thinking_are_read(
    tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "chat.json"
    call = {"id": "1", "function": {"name": "tide", "arguments": '{"at": "Skagen"}'}}
    thinking = {"role": "assistant", "reasoning_content": "A gauge!", "tool_calls": [call]}
    messages = [CHAT[1], thinking, {"role": "tool", "tool_call_id": "1", "content": "41 cm"}]
    path.write_text(json.dumps({"messages": messages, "tools": [TOOL]}))
    text = json.loads(out_of(capsys, "-m", "qwen3", str(path), "--json"))["text"]
    for words in ("Reads the tide.", "A gauge!", '{"at": "Skagen"}', "41 cm"):
        assert words in text


def test_ids_of_a_model_file(
    chat: str, smol: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    value = json.loads(out_of(capsys, "-m", str(smol), chat, "--json"))
    start, end = 1, 2
    assert value["ids"].count(start) == 5
    assert value["ids"].count(end) == 4
    out = out_of(capsys, "-m", str(smol), chat, "--ids")
    assert re.search(r"^ *1  <\|im_start\|>  scaffold, control$", out, re.M)
    out = out_of(capsys, "-m", str(smol), chat)
    assert re.search(r"^\d+ tokens: ", out, re.M)


def test_side_by_side(chat: str, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = out_of(capsys, "diff", "-m", "qwen2.5", "-m", "phi-3", chat)
    lines = out.splitlines()
    assert re.fullmatch(r" +qwen2\.5 +phi-3", lines[0])
    assert re.search(r"^ *system  Be brief\. += Be brief\.$", out, re.M)
    assert re.search(r"^ *scaffold  <\|im_start\|>system↵ +│ <\|system\|>↵$", out, re.M)
    value = json.loads(out_of(capsys, "diff", "-m", "qwen2.5,phi-3", chat, "--json"))
    assert (value["left"], value["right"]) == ("qwen2.5", "phi-3")
    assert [row["same"] for row in value["rows"] if row["label"] == "user"] == [True, True]


def test_side_by_side_with_ids(
    chat: str, smol: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    alone = json.loads(out_of(capsys, "-m", str(smol), chat, "--json"))
    words = ("diff", "-m", str(smol), "-m", "phi-3", chat)
    rows = json.loads(out_of(capsys, *words, "--json"))["rows"]
    left = [row["left"] for row in rows if row["left"]]
    assert [id for side in left for id in side["ids"]] == alone["ids"]
    assert "".join(side["text"] for side in left) == alone["text"]
    alone = json.loads(out_of(capsys, "-m", "phi-3", chat, "--json", "--ids"))
    right = [id for row in rows if row["right"] for id in row["right"]["ids"]]
    assert right == alone["ids"] and right[0] == 32006
    out = out_of(capsys, "diff", "-m", str(smol), "-m", str(smol), chat)
    assert re.search(r"^ +1 9690 198 +│ 1 9690 198$", out, re.M)


def test_a_diff_without_ids_says_why(
    chat: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["template", "diff", "-m", "phi-3", "-m", "chatml", chat]) == 0
    shown = capsys.readouterr()
    assert "chatml is shown without ids: Models of several vocabularies" in shown.err
    assert " 32006 " in shown.out and re.search(r"^chatml: .* control tokens$", shown.out, re.M)
    assert main(["template", "diff", "-m", "phi-3", "-m", "chatml", chat, "--ids"]) != 0


HELD = ["qwen2", "qwen2.5", "qwen3", "llama-2", "llama-3", "llama-3.1", "llama-3.2", "phi-3"]
HELD += ["phi-3.5", "mistral-v1", "mistral-v3", "mistral-v3-tekken", "mistral-v7", "zephyr"]
HELD += ["mistral-v7-tekken", "deepseek-r1", "deepseek-v3.1", "gpt-oss", "smollm2"]
"""Families whose vocabulary needs no Hub."""


@pytest.mark.parametrize("name", HELD)
def test_ids_are_those_of_the_rendered_text(name: str) -> None:
    """Token by token what tokenizing the text with its control tokens gives: the way of the
    authors' own libraries. Phi-3's control tokens take the white space after them with them."""
    opened = open_formats(name, load(), ids=True)
    assert opened.tokenizer is not None
    request = Request((ASK, REPLY, Message("user", (Text("\n  Is a ship in sight? "),))))
    made = render(opened.formats[0], request, now=NOON, tokenizer=opened.tokenizer)
    assert made.prompt is not None
    expected = opened.tokenizer.encode(made.text, specials=True)
    assert made.prompt.ids == expected.ids
    assert made.prompt.encoding.offsets == expected.offsets


def test_the_vocabulary_of_every_family_is_known() -> None:
    for name in families.names():
        vocabulary = families.family(name).vocabulary
        assert vocabulary == "" or names.row(vocabulary).name == vocabulary


@pytest.mark.parametrize("right", families.names())
def test_a_diff_loses_nothing(right: str) -> None:
    messages = CHAT[1:] if right == "gemma" else CHAT
    request = Request(as_messages(messages))
    sides = [
        render(families.family(name).format, request, now=datetime(2024, 7, 26))
        for name in ("llama-3.2", right)
    ]
    rows = diff(*sides)
    for n, side in enumerate(sides):
        cells = [cell for row in rows if (cell := (row.left, row.right)[n])]
        assert "".join(cell.text for cell in cells) == side.text
        spelled = [cell.text[slice(*place)] for cell in cells for place in cell.controls]
        assert spelled == [side.text[slice(*place)] for place in side.controls]
    users = [row for row in rows if row.label == "user"]
    assert all(row.left and row.right for row in users)
    shown = templates.diff("llama-3.2", right, rows, width=72)
    assert max(map(len, shown.splitlines())) <= 72


def test_text_that_would_act_on_the_terminal_does_not(home: Path) -> None:
    request = Request(as_messages("\x1b[2J boo"))
    made = render(families.family("chatml").format, request, now=datetime(2024, 7, 26))
    for color in (False, True):
        assert "\x1b[2J" not in templates.rendition(made, color=color)
        rows = diff(made, made)
        assert "\x1b[2J" not in templates.diff("a", "b", rows, color=color)
    assert "\x1b[" in templates.rendition(made, color=True)


def test_lint_of_a_family_a_file_and_a_folder(
    smol: Path, tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    named = [{"name": "default", "template": "{{ messages[0].content }}"}]
    named.append({"name": "tool_use", "template": "{{ strftime_now('%Y') }}"})
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"chat_template": named}))
    out = out_of(capsys, "lint", "zephyr", str(smol), str(tmp_path))
    assert "zephyr: 3 things found" in out
    assert f"{smol}: 2 things found" in out
    assert f"{tmp_path / 'tokenizer_config.json'}: tool_use: " in out
    value = json.loads(out_of(capsys, "lint", "qwen2.5", "--json"))
    (finding,) = value[0]["findings"]
    assert finding["kind"] == "control-from-text"


def test_lint_reports_the_others_where_one_is_unknown(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["template", "lint", "nowhere-9", "qwen2.5"]) == 1
    shown = capsys.readouterr()
    assert "qwen2.5: 1 thing found" in shown.out
    assert "known by the name 'nowhere-9'" in shown.err


@pytest.fixture(scope="module")
def folder(shared: Home) -> Home:
    """The home with files of every fault."""
    files: dict[str, Any] = {
        "chat.json": CHAT,
        "wizard.json": [{"role": "wizard", "content": "x"}],
        "list.json": [7],
        "empty.json": [],
        "other.json": {"a": 1},
        "nameless.json": {"messages": CHAT, "tools": [{"type": "function"}]},
        "calls.json": [{"role": "assistant", "content": "", "tool_calls": 7}],
        "call.json": [{"role": "assistant", "content": "", "tool_calls": [7]}],
        "parameters.json": {"messages": CHAT, "tools": [{"name": "t", "parameters": 7}]},
    }
    for name, value in files.items():
        (shared.folder / name).write_text(json.dumps(value))
    (shared.folder / "bad.json").write_text('[{"role": "user"')
    (shared.folder / "deep.json").write_text("[" * 100_000)
    (shared.folder / "binary.json").write_bytes(b'["\xff"]')
    templates_ = {
        "loop": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "outside": "{{ messages.__class__.__mro__ }}",
        "syntax": "{% if %}",
    }
    for name, text in templates_.items():
        (shared.folder / f"{name}.jinja").write_text(text)
    return shared


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("-m chatml bad.json", "bad.json is not JSON"),
        ("-m chatml deep.json", "deep.json is not JSON"),
        ("-m chatml binary.json", "Byte 2 (0xff, counted from 0) of binary.json"),
        ("-m chatml absent.json", "absent.json cannot be read"),
        ("-m chatml wizard.json", "the role 'wizard'"),
        ("-m chatml list.json", "Item 0 of the conversation is int"),
        ("-m chatml empty.json", "empty.json has no messages"),
        ("-m chatml nameless.json", "Tool 0 of nameless.json has no name"),
        ("-m chatml parameters.json", "parameters of the tool 't'"),
        ("-m chatml calls.json", "are not a list"),
        ("-m chatml call.json", "calls a tool without saying its name"),
        ("-m chatml chat.json --ids", "Models of several vocabularies use chatml"),
        ("-m chatml -m phi-3 chat.json", "2 models were named"),
        ("diff -m chatml chat.json", "Name two templates"),
        ("-m chatml other.json", 'other.json is an object with "a", but without "messages"'),
        ("-m llama3.1 chat.json", "Near it: llama-3.1"),
        ("-m gemma chat.json", "refuses this conversation: 'System role not supported'"),
        ("-m loop.jinja chat.json", "takes more than 2 s"),
        ("-m outside.jinja chat.json", "reaches outside its sandbox"),
        ("-m syntax.jinja chat.json", "syntax error in line 1"),
        ("lint absent.jinja", "absent.jinja cannot be read"),
    ],
)
def test_bad_input_is_one_sentence(
    folder: Home,
    words: str,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(folder.folder)
    assert main(["template", *words.split()]) != 0
    error = capsys.readouterr().err
    assert re.search(re.escape(said), error)
    assert len(error.strip().splitlines()) == 1


def test_lint_of_a_broken_template_fails(
    folder: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder.folder)
    assert main(["template", "lint", "outside.jinja"]) == 1
    assert "reaches outside its sandbox" in capsys.readouterr().out


def test_as_a_person_types_it(folder: Home) -> None:
    done = folder.run("template", "-m", "llama-3.1", "-", stdin=json.dumps(CHAT))
    assert done.returncode == 0
    assert "Today Date: 26 Jul 2024" in done.stdout
    done = folder.run("template", "-m", "llama-3.1", "-")
    assert done.returncode == 2
    assert "standard input is not JSON" in done.stderr
    assert folder.run("template", "--help").stdout.count("lint") >= 1
    assert folder.run("template").returncode == 2
