"""`pellucid tools`: how well a model calls tools, and what a model is told of one."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from . import options, output

if TYPE_CHECKING:
    from ..evaluate.tool_doctor import Examined


def arguments(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    doctor = verbs.add_parser(
        "doctor",
        help="ask a model a fixed set of tool questions",
        description="Ask a model a fixed set of questions, some of which need a tool: how often it "
        "calls as it should, and what goes wrong where it does not.",
    )
    options.add_model(doctor)
    doctor.add_argument(
        "-k", "--times", type=int, default=1, metavar="K", help="ask each so often (default 1)"
    )
    doctor.add_argument(
        "-t", "--temperature", type=float, default=0.0, help="of the replies (default 0)"
    )
    doctor.add_argument("--offline", action="store_true", help="reach no other machine")
    doctor.add_argument("--json", action="store_true", help="machine-readable")
    listing = verbs.add_parser("list", help="what a model is told of tools")
    listing.add_argument("tool", nargs="+", help="module:function, file.py, or one built in")
    listing.add_argument("--json", action="store_true", help="machine-readable")


def run(args: argparse.Namespace) -> int:
    return _list(args) if args.verb == "list" else _doctor(args)


def _list(args: argparse.Namespace) -> int:
    from . import toolbox

    tools = toolbox.load(args.tool, options.settings(args))
    if args.json:
        output.print_json(
            [
                {
                    "name": tool.name,
                    "description": tool.spec.description,
                    "parameters": tool.spec.parameters,
                    "acts": tool.acts,
                }
                for tool in tools
            ]
        )
        return 0
    from ..views.terminal.doctor import offered

    output.show(offered, tools)
    return 0


def _doctor(args: argparse.Namespace) -> int:
    """Interrupted, it shows what was found so far."""
    from ..errors import UsageError
    from ..evaluate.tool_doctor import CASES, examine
    from ..messages import Options

    if args.times < 1:
        raise UsageError(f"Each question is asked once or more, not {args.times} times.")
    Options(temperature=args.temperature)  # refused before a model is fetched
    model = options.model(args)
    total = len(CASES) * args.times
    examined: list[Examined] = []
    interrupted = False
    try:
        for each in examine(model, args.times, args.temperature):
            examined.append(each)
            _progress(len(examined), total, each)
    except KeyboardInterrupt:
        interrupted = True
    finally:
        _progress_end()
    if args.json:
        output.print_json(_as_json(model.name, args.temperature, examined))
    else:
        from ..views.terminal.doctor import examination

        output.show(examination, model.name, examined, total)
    if interrupted:
        raise KeyboardInterrupt
    return 0


def _progress(done: int, total: int, each: Examined) -> None:
    if sys.stderr.isatty():
        mark = "passed" if each.passed else each.verdict.kind
        print(
            f"\r\x1b[K{done} of {total}: {each.case.question[:40]} {mark}", end="", file=sys.stderr
        )


def _progress_end() -> None:
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _as_json(model: str, temperature: float, examined: list[Examined]) -> dict[str, Any]:
    from dataclasses import asdict

    from ..evaluate.tool_doctor import rates

    return {
        "model": model,
        "temperature": temperature,
        "rates": asdict(rates(examined)),
        "cases": [
            {
                "group": each.case.group,
                "question": each.case.question,
                "passed": each.passed,
                "called": each.called,
                "fact": each.fact,
                "verdict": each.verdict.kind,
                "detail": each.verdict.detail,
                "raw": list(each.raw),
            }
            for each in examined
        ],
    }
