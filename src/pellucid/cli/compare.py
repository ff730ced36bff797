"""`pellucid compare`: one question, several models or settings, side by side."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from . import options, output

if TYPE_CHECKING:
    from ..chat import Chat
    from ..evaluate.comparison import Comparison


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("question", nargs="*", help="standard input is joined to it")
    options.add_model(parser)
    options.add_instructions(parser)
    parser.add_argument(
        "--temperature", metavar="T,T", help="several temperatures: every model at each of them"
    )
    parser.add_argument("--offline", action="store_true", help="reach no other machine")
    parser.add_argument("--json", action="store_true", help="print the receipts as JSON")
    parser.add_argument("--no-log", action="store_true", help="keep no receipts")


def run(args: argparse.Namespace) -> int:
    from ..errors import UsageError

    question = options.question(args.question)
    if not question:
        raise UsageError('Nothing was asked: pellucid compare "tell a joke" -m local,gpt-4.1-mini')
    return show(question, _contenders(args), args.json)


def show(question: str, named: list[tuple[str, Chat]], as_json: bool = False) -> int:
    """Put the question to every chat and show the answers as they grow. 1 where one failed."""
    from ..evaluate.comparison import Answered, Comparison
    from ..replies import TextDelta
    from ..views import terminal

    names = [name for name, _ in named]
    comparison = Comparison(question, [chat for _, chat in named])
    texts = [""] * len(named)
    failures: list[str] = []
    with _board(names, texts, as_json) as changed:
        for step in comparison.steps():
            if isinstance(step, Answered):
                if step.error is not None:
                    failures.append(f"{names[step.index]}: {step.error}")
                changed(step.index)
            elif isinstance(step[1], TextDelta):
                texts[step[0]] += terminal.plain(step[1].text)
                changed(None)
    if as_json:
        _print_json(comparison)
    else:
        print()
        output.show(terminal.comparison, names, comparison.receipts)
    for failure in failures:
        print(f"pellucid: {failure}", file=sys.stderr)
    return 1 if failures else 0


def _contenders(args: argparse.Namespace) -> list[tuple[str, Chat]]:
    """Every model named at every temperature given, each as a chat of its own."""
    from dataclasses import replace

    from ..chat import Chat
    from ..models.names import open_model

    chosen = options.settings(args)
    sampling = options.sampling(args.option)
    words = options.several_models(args) or [chosen.model]
    heats = _temperatures(args.temperature) if args.temperature else [sampling.temperature]
    out = []
    for word in words:
        with output.Fetching() as progress:
            model = open_model(word, chosen, say=output.say, progress=progress)
        for heat in heats:
            name = word if len(heats) == 1 else f"{word} at {heat:g}"
            chat = Chat(
                model,
                system=args.system,
                options=replace(sampling, temperature=heat),
                store="default" if chosen.log else None,
            )
            out.append((name, chat))
    return out


def _temperatures(text: str) -> list[float]:
    from ..errors import UsageError

    try:
        return [float(word) for word in text.split(",")]
    except ValueError:
        raise UsageError(f"--temperature takes numbers: 0,0.4,0.7, not {text}.") from None


@contextmanager
def _board(
    names: list[str], texts: list[str], silent: bool
) -> Iterator[Callable[[int | None], None]]:
    """Where the texts grow: side by side on a terminal; elsewhere each is printed at its end.

    What is yielded is told of every change, and of the contender that is done.
    """
    from ..views import terminal

    if silent:
        yield lambda done: None
    elif not sys.stdout.isatty():

        def finished(done: int | None) -> None:
            if done is not None:
                print(f"--- {names[done]} ---\n{texts[done].rstrip()}\n", flush=True)

        yield finished
    else:
        from rich.live import Live
        from rich.text import Text

        grows = True

        def board() -> Text:
            color, width = output.coloured(sys.stdout), output.width()
            shown = terminal.columns(names, texts, color=color, width=width)
            if grows:  # what has left the screen upwards could not be drawn again
                head, *lines = shown.split("\n")
                shown = "\n".join([head, *lines[-(output.height() - 2) :]])
            return Text.from_ansi(shown, no_wrap=True)

        with Live(get_renderable=board, refresh_per_second=12, vertical_overflow="visible"):
            try:
                yield lambda done: None
            finally:
                grows = False


def _print_json(comparison: Comparison) -> None:
    from ..record.codec import to_json

    output.print_json([None if r is None else to_json(r) for r in comparison.receipts])
