"""Write `docs/templates.md`: the families of chat templates, and what the lint finds in each.

    python docs/build_templates.py

A test checks that the page is what this would write.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from pellucid.messages import Request
from pellucid.models.formats import open_formats
from pellucid.prompt import families
from pellucid.prompt.diff import diff
from pellucid.prompt.families import Family
from pellucid.prompt.lint import KINDS, MEANING, lint
from pellucid.prompt.rendition import render
from pellucid.settings import load
from pellucid.shapes import as_messages
from pellucid.views import templates

PAGE = Path(__file__).with_name("templates.md")

HEAD = """\
# Chat templates

A chat template turns a list of messages into the one text that a model reads. The families below
come with Pellucid; their texts are data, published by the models' authors under the models'
licences, or written for this project where the row says so. Templates inside GGUF files,
`tokenizer_config.json` and `chat_template.jinja` are read too.

{console}
The file holds a list of messages, or an object with `messages` and `tools`; `-` is standard input.
`--json` prints the text, the origin of every stretch and the control tokens. `--ids` shows the ids
too, by the family's vocabulary or that of the file; `diff` shows them wherever they can be had.

This page is written by `docs/build_templates.py`.
"""

MESSAGES = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Why is the sky blue?"},
]

OWN = """\
Two texts are not their authors'. The models of `command-r` and `mistral-v7` are published under
licences that allow no commercial use (CC-BY-NC 4.0; Mistral Research License), and so are the
templates in their repositories: what ships here was written for this project after the published
description of each format. It renders plain turns as that does, and knows neither tools nor
documents. For those, name a file of the model, whose own template is read.
"""

LINTED = """\
## What the lint finds

`pellucid template lint` renders small conversations and looks at what comes out. A finding is not
always a fault: a format without tools cannot show them, and a date in the prompt may be wanted.
"""

WAYS = """\
`control-from-text` and `double-bos` concern programs that render a prompt to text and then tokenize
the whole: Pellucid tokenizes what messages say apart from what the template says, and sends one
BOS. Where a message spells a control token it stays text.
"""


def page() -> str:
    """The whole page."""
    rows = [families.family(name) for name in families.names()]
    head = HEAD.format(console=_console())
    return "\n".join([head, _families(rows), OWN, LINTED, _kinds(), WAYS, _found(rows)])


def _console() -> str:
    """The three commands and what they print."""
    request = Request(as_messages(MESSAGES))
    now = datetime(2024, 7, 26)
    alone = render(families.family("llama-3.1").format, request, now=now)
    sides = []
    for name in ("qwen2.5", "phi-3"):
        opened = open_formats(name, load(), ids=True)
        sides.append(render(opened.formats[0], request, now=now, tokenizer=opened.tokenizer))
    found = lint(families.family("zephyr").format)
    lines = [
        f"$ echo '{json.dumps(MESSAGES)}' > messages.json",
        "$ pellucid template -m llama-3.1 messages.json",
        templates.rendition(alone),
        "$ pellucid template diff -m qwen2.5 -m phi-3 messages.json",
        templates.diff("qwen2.5", "phi-3", diff(*sides)),
        "$ pellucid template lint zephyr",
        templates.findings("zephyr", found),
    ]
    return "\n".join(["```console", *lines, "```", ""])


def _families(rows: Iterable[Family]) -> str:
    lines = [
        _row(
            f"`{row.name}`",
            ", ".join(f"`{model}`" for model in row.models),
            row.system,
            "yes" if row.tools else "no",
            _bos(row),
            row.vocabulary,
            row.licence,
            row.source,
        )
        for row in rows
    ]
    head = ("family", "models", "system message", "tools", "BOS", "vocabulary", "licence", "source")
    return _table("## Families", head, lines)


def _bos(row: Family) -> str:
    """Who puts the BOS in front: the template, the tokenizer, both or nobody."""
    writes = bool(row.bos) and "bos_token" in row.format.text
    who = [name for name, does in (("template", writes), ("tokenizer", row.adds_bos)) if does]
    return " and ".join(who) or "none"


def _kinds() -> str:
    return "\n".join(f"- `{kind}`: {MEANING[kind]}" for kind in KINDS) + "\n"


def _found(rows: Iterable[Family]) -> str:
    lines = []
    for row in rows:
        kinds = {finding.kind for finding in lint(row.format)}
        lines.append(_row(f"`{row.name}`", *("●" if kind in kinds else "" for kind in KINDS)))
    return _table("## Findings by family", ("family", *(f"`{kind}`" for kind in KINDS)), lines)


def _table(title: str, head: Sequence[str], lines: Iterable[str]) -> str:
    return "\n".join([title, "", _row(*head), _row(*("---" for _ in head)), *lines, ""])


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
