"""`pellucid duel`: models that talk with one another."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from . import options, output

if TYPE_CHECKING:
    from ..assistants.duel import Duel, Speaker

DEFAULT_PERSONAS = ("argumentative", "polite", "curious")


def arguments(parser: argparse.ArgumentParser) -> None:
    options.add_model(parser)
    persona = parser.add_argument(
        "--persona",
        action="append",
        metavar="NAME",
        help="one for each model: a ready-made name, a text file, or a system message",
    )
    options.completes(persona, _personas)
    parser.add_argument("--turns", type=int, default=5, help="replies of each (default 5)")
    parser.add_argument("--open", action="append", metavar="TEXT", help="the first words of each")
    options.add_option(parser)
    parser.add_argument("--offline", action="store_true", help="reach no other machine")
    parser.add_argument("--json", action="store_true", help="print the receipts as JSON")
    parser.add_argument("--no-log", action="store_true", help="keep no receipts")


def _personas(prefix: str, **_: Any) -> list[str]:
    from ..assistants.duel import personas

    return [name for name in personas() if name.startswith(prefix)]


def run(args: argparse.Namespace) -> int:
    from ..assistants.duel import OPENINGS, Duel
    from ..errors import UsageError
    from ..record.store import Store
    from ..settings import Folders

    if args.turns < 1:
        raise UsageError(f"--turns is {args.turns}; the duel needs one at least.")
    speakers = _speakers(args)
    duel = Duel(
        speakers,
        openings=args.open or OPENINGS,
        options=options.sampling(args.option),
        store=Store(Folders.of().store) if options.settings(args).log else None,
    )
    if not args.json:
        for line in duel.lines:
            _heading(duel, line.speaker)
            print(line.text)
    for _ in range(args.turns * len(speakers)):
        _turn(duel, args.json)
    if args.json:
        from ..record.codec import to_json

        output.print_json([to_json(receipt) for receipt in duel.receipts])
    return 0


def _speakers(args: argparse.Namespace) -> list[Speaker]:
    from ..assistants.duel import Speaker, persona
    from ..errors import UsageError
    from ..models.names import open_model

    chosen = options.settings(args)
    names = args.model or [chosen.model] * max(len(args.persona or ()), 2)
    if len(names) == 1:
        names = names * 2
    given = args.persona or DEFAULT_PERSONAS[: len(names)]
    if len(given) != len(names):
        raise UsageError(
            f"{len(names)} models and {len(given)} personas: give every model a --persona."
        )
    instructions = [persona(name) for name in given]  # refused before a model is fetched
    speakers = []
    for i, (name, words) in enumerate(zip(names, instructions, strict=True)):
        with output.Fetching() as progress:
            model = open_model(name, chosen, say=output.say, progress=progress)
        speakers.append(Speaker(_title(given[i], i), model, words))
    return speakers


def _title(persona: str, number: int) -> str:
    from ..assistants.duel import personas

    return persona.capitalize() if persona in personas() else f"Speaker {number + 1}"


def _turn(duel: Duel, silent: bool) -> None:
    from ..replies import TextDelta

    speaker = (duel.lines[-1].speaker + 1) % len(duel.speakers)
    if not silent:
        _heading(duel, speaker)
    try:
        for event in duel.turn():
            if isinstance(event, TextDelta) and not silent:
                output.piece(event.text)
    finally:
        if not silent:
            print()


def _heading(duel: Duel, number: int) -> None:
    from ..views.terminal import heading

    speaker = duel.speakers[number]
    color = output.coloured(sys.stdout)
    print("\n" + heading(f"{speaker.name} · {speaker.model.name}", color=color))
