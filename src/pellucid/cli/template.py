"""`pellucid template`: the text a chat becomes, two templates side by side, and what is wrong
with one."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import options, output

if TYPE_CHECKING:
    from ..messages import Request
    from ..models.formats import Formats
    from ..prompt.rendition import Rendition

SHOW = "show"
IDS = ("the token ids too", "stop where the ids, which are shown too, cannot be had")
MESSAGES = 'a JSON file of messages, or {"messages": [..], "tools": [..]}; -: standard input'


def arguments(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", metavar="VERB")
    show = verbs.add_parser(SHOW, help="the text a chat becomes (a file alone means this)")
    diff = verbs.add_parser("diff", help="two templates side by side")
    lint = verbs.add_parser("lint", help="what goes wrong with a template")
    for verb in (show, diff):
        model = verb.add_argument(
            "-m",
            "--model",
            action="append",
            required=True,
            metavar="NAME",
            help="a family of templates, a model, or a file that has a template",
        )
        options.completes(model, _names)
        verb.add_argument("messages", help=MESSAGES)
        verb.add_argument(
            "--no-generation-prompt",
            action="store_true",
            help="leave out the words that open the assistant's turn",
        )
        verb.add_argument("--ids", action="store_true", help=IDS[verb is diff])
        verb.add_argument("--offline", action="store_true", help="reach no other machine")
    template = lint.add_argument(
        "template",
        nargs="+",
        help="a family, a model, a GGUF file, a tokenizer_config.json or a .jinja file",
    )
    options.completes(template, _names)
    lint.add_argument("--offline", action="store_true", help="reach no other machine")
    for verb in (show, diff, lint):
        verb.add_argument("--json", action="store_true", help="machine-readable")
    options.default_verb(parser, SHOW, ("diff", "lint"))


def _names(prefix: str, **_: Any) -> list[str]:
    from ..prompt.families import names

    return [name for name in names() if name.startswith(prefix)]


def run(args: argparse.Namespace) -> int:
    return {SHOW: _show, "diff": _diff, "lint": _lint}[args.verb](args)


def _show(args: argparse.Namespace) -> int:
    from ..views import templates, terminal

    rendition = _rendition(options.one_model(args) or "", args, _request(args), args.ids)
    if args.json:
        output.print_json(_as_json(rendition))
    elif rendition.prompt is not None and args.ids:
        output.show(terminal.tokens, rendition.prompt.encoding, rendition.prompt)
    elif rendition.prompt is not None:
        output.show(terminal.prompt, rendition.prompt)
    else:
        output.show(templates.rendition, rendition)
    return 0


def _diff(args: argparse.Namespace) -> int:
    from ..errors import UsageError
    from ..prompt.diff import diff
    from ..views import templates

    names = options.several_models(args)
    if len(names) != 2:
        raise UsageError("Name two templates: pellucid template diff -m qwen2.5 -m phi-3 FILE")
    request = _request(args)
    left, right = (_with_ids(name, args, request) for name in names)
    rows = diff(left, right)
    if args.json:
        from dataclasses import asdict

        sides = {"left": left.name, "right": right.name}
        output.print_json({**sides, "rows": [{**asdict(row), "same": row.same} for row in rows]})
    else:
        output.show(templates.diff, left.name, right.name, rows)
    return 0


def _lint(args: argparse.Namespace) -> int:
    from dataclasses import asdict

    from ..errors import PellucidError
    from ..prompt.lint import lint
    from ..views import templates

    broken = False
    found = []
    for name in args.template:
        try:
            formats = _formats(name, args)
        except PellucidError as error:
            print(f"pellucid: {error}", file=sys.stderr)
            broken = True
            continue
        found += [(format.name, lint(format, formats.tokenizer)) for format in formats.formats]
    if args.json:
        output.print_json(
            [{"template": name, "findings": [asdict(f) for f in fs]} for name, fs in found]
        )
    for n, (name, findings) in enumerate(found):
        broken |= any(finding.kind == "broken" for finding in findings)
        if not args.json:
            if n:
                print()
            output.show(templates.findings, name, findings)
    return 1 if broken else 0


def _formats(name: str, args: argparse.Namespace, ids: bool = False) -> Formats:
    from ..models.formats import open_formats

    with output.Fetching() as progress:
        return open_formats(name, options.settings(args), ids=ids, progress=progress)


def _with_ids(name: str, args: argparse.Namespace, request: Request) -> Rendition:
    """With ids where they can be had; if not, `--ids` makes that an error, or else it is said."""
    from ..errors import ModelError, TokenError, UsageError

    try:
        return _rendition(name, args, request, ids=True)
    except (ModelError, TokenError, UsageError) as error:
        if args.ids:
            raise
        made = _rendition(name, args, request, ids=False)
        print(f"pellucid: {name} is shown without ids: {error}", file=sys.stderr)
        return made


def _rendition(name: str, args: argparse.Namespace, request: Request, ids: bool) -> Rendition:
    from datetime import datetime

    from ..errors import UsageError
    from ..prompt.rendition import render
    from ..prompt.sources import choose

    formats = _formats(name, args, ids)
    if ids and formats.tokenizer is None:
        raise UsageError(formats.without_ids)
    format = choose(formats.formats, tools=bool(request.tools))
    return render(format, request, now=datetime.now(), tokenizer=formats.tokenizer)


def _request(args: argparse.Namespace) -> Request:
    """The conversation in the file. Raises `UsageError` saying what is wrong with it."""
    from dataclasses import replace

    from ..errors import UsageError
    from ..shapes import as_request

    where = "standard input" if args.messages == "-" else args.messages
    if args.messages == "-":
        text = options.standard_input()
    else:
        try:
            text = options.utf8(Path(args.messages).read_bytes(), where)
        except OSError as error:
            raise UsageError(f"{where} cannot be read: {error.strerror}.") from error
    request = as_request(text, where)
    return replace(request, generation_prompt=not args.no_generation_prompt)


def _as_json(rendition: Rendition) -> dict[str, Any]:
    encoding = rendition.prompt.encoding if rendition.prompt else None
    return {
        "template": rendition.name,
        "text": rendition.text,
        "ids": encoding.ids if encoding else None,
        "controls": [rendition.text[slice(*place)] for place in rendition.controls],
        "spans": [
            {
                "start": span.start,
                "end": span.end,
                "label": rendition.label(span.origin),
                "message": span.origin.message,
                "part": span.origin.part,
                "tool": span.origin.tool,
            }
            for span in rendition.spans
        ],
        "exact": rendition.exact,
        "notes": rendition.notes,
    }
