"""`pellucid agent`: a task for an agent of a TOML file, and for those it is offered."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from . import options, output, toolbox

if TYPE_CHECKING:
    from ..agents import Outcome
    from ..agents.trace import Said
    from ..models.base import Model


def arguments(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    run = verbs.add_parser(
        "run",
        help="give it a task",
        description="Give a task to the agent of a TOML file. The answer goes to standard output, "
        "who said what to whom to standard error. Ctrl-C ends it and keeps what was done.",
    )
    run.add_argument("file", help="a TOML file with instructions, tools and other agents")
    run.add_argument("task", nargs="+", help="what it is to do")
    options.add_model(run)
    options.add_option(run)
    toolbox.add_allow(run)
    run.add_argument("--html", metavar="FILE", help="write who said what to whom as a page")
    run.add_argument("--json", action="store_true", help="print answer and trace as JSON")
    run.add_argument("--offline", action="store_true", help="reach no other machine")
    run.add_argument("--no-log", action="store_true", help="keep no receipts and no notebook")


def run(args: argparse.Namespace) -> int:
    from ..agents import Notebook, Run, open_agent
    from ..agents.notebook import place
    from ..models.names import open_model

    chosen = options.settings(args)
    agent = open_agent(args.file, lambda names: toolbox.load(names, chosen))

    def opened(name: str | None) -> Model:
        with output.Fetching() as progress:
            return open_model(name, chosen, say=output.say, progress=progress)

    running = Run(
        agent,
        model=options.one_model(args),
        options=options.sampling(args.option),
        approve=toolbox.approve,
        allow=args.allow,
        store="default" if chosen.log else None,
        notebook=Notebook(place(args.file) if chosen.log else None),
        tell=_tell,
        open_model=opened,
    )
    try:
        outcome = running.do(" ".join(args.task))
    except BaseException:
        if running.outcome is not None:
            _show(running.outcome, args)
        raise
    _show(outcome, args)
    return 0 if outcome.complete else 1


def _tell(said: Said) -> None:
    from ..views.terminal import plain

    of = f" ({said.source})" if said.source else ""
    output.say(plain(f"{said.sender} asks {said.receiver}{of}"))


def _show(outcome: Outcome, args: argparse.Namespace) -> None:
    from ..views.terminal.agents import remarks, trace

    if args.json:
        output.print_json(outcome.to_json())
    else:
        if outcome.text:
            output.piece(f"{outcome.markdown}\n")
        for line in remarks(outcome):
            print(f"pellucid: {line}", file=sys.stderr)
        color = output.coloured(sys.stderr)
        print(f"\n{trace(outcome, color=color, width=output.width())}", file=sys.stderr)
    if args.html:  # last: what was found is not lost to a folder that does not exist
        from ..errors import UsageError
        from ..views.html.agents import trace_page

        try:
            Path(args.html).write_text(trace_page(outcome), "utf-8")
        except OSError as error:
            raise UsageError(f"{args.html} cannot be written: {error.strerror}.") from error
