"""`pellucid tokens count`: tokens of files, folders, JSON lines and standard input."""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from .. import output
from . import common

if TYPE_CHECKING:
    from ...messages import Known
    from ...record.forecast import Forecast
    from ...record.prices import Cost
    from ...tokens.counting import Counted, Source

STDIN = "standard input"
SHOWN_EVERY = 0.2
"""Seconds between two lines of progress."""
SHOWN_SKIPPED = 10
"""Names of files that were skipped; of others, the number."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "path",
        nargs="*",
        help="files; folders with all that is in them, hidden files apart; -: standard input",
    )
    common.add_vocabulary(parser)
    parser.add_argument(
        "--field",
        metavar="NAME",
        help="count this field of JSON lines (.jsonl, .ndjson, standard input); a.b leads inside",
    )
    parser.add_argument(
        "--replace", action="store_true", help="go on where bytes are not UTF-8, with U+FFFD"
    )
    parser.add_argument(
        "--specials", action="store_true", help="spellings of special tokens become those tokens"
    )
    parser.add_argument("--cost", action="store_true", help="what sending them would cost")
    parser.add_argument(
        "--turns",
        type=int,
        metavar="N",
        help="with --cost: sent anew in each of N turns of a conversation",
    )
    parser.add_argument("--json", action="store_true", help="machine-readable")


def run(args: argparse.Namespace) -> int:
    from dataclasses import asdict

    from ...errors import UsageError
    from ...tokens.counting import count_files
    from ...views import tokens
    from . import estimated

    if args.turns is not None and (args.turns < 1 or not args.cost):
        raise UsageError("--turns takes a number of turns from 1 on, and goes with --cost.")
    if not args.path and sys.stdin.isatty():
        raise UsageError("Nothing to count: pellucid tokens count docs/ -m gpt-4o")
    of = estimated.family(args)
    vocabulary = common.tokenizer(args, estimated.BASIS if of else None).name
    with ExitStack() as stack:
        sources, left_out = _sources(args.path or ["-"], args.field, stack)
        if not sources and not left_out:
            raise UsageError(f"There is no text to count in {', '.join(args.path)}.")
        total = sum(source.bytes for source in sources)
        asking = estimated.asking(args, sources)
        counted = list(
            count_files(
                sources,
                (lambda: asking) if asking else partial(estimated.counting, args),
                processes=1 if asking else 0,
                replace=args.replace,
                specials=args.specials,
                progress=stack.enter_context(_Progress(total)),
            )
        )
    _complain(counted, args.field)
    if asking and asking.problem:
        asking.complain()
    known: Known = "estimated" if of else "exact"
    if asking and not asking.problem:
        known = "reported"
    likely = estimated.likely(of) if of and known == "estimated" else None
    good = [file for file in counted if not file.problem]
    money = _forecast(args, sum(file.tokens for file in good), known) if args.cost else None
    if args.json:
        files = [
            {**asdict(file), **(_range(likely(file.tokens)) if likely else {})} for file in counted
        ]
        value = {"vocabulary": vocabulary, "known": known, "files": files}
        output.print_json({**value, "cost": _cost_json(money)} if money else value)
    elif good:
        maker = asking.maker if asking and known == "reported" else ""
        name = common.name(args) if of else vocabulary
        output.show(tokens.counts, name, good, likely, maker)
        if money is not None:
            from ...views.money import forecast

            print()
            output.show(forecast, money)
    return 0 if good and len(good) == len(counted) and not left_out else 1


def _complain(counted: Sequence[Counted], field: str | None) -> None:
    """Say what was not counted."""
    for file in counted:
        if file.problem:
            hint = "; --replace goes on" if "UTF-8" in file.problem else ""
            print(f"pellucid: {file.name}: {file.problem}{hint}", file=sys.stderr)
        elif file.lacking:
            lines = "line has" if file.lacking == 1 else "lines have"
            said = f"{file.lacking:,} {lines} no field {field!r}, not counted"
            print(f"{file.name}: {said}", file=sys.stderr)


def _forecast(args: argparse.Namespace, count: int, known: Known) -> Forecast:
    from ...record.forecast import forecast

    return forecast(common.name(args), count, known, turns=args.turns)


def _range(found: tuple[int, int]) -> dict[str, int]:
    return {"low": found[0], "high": found[1]}


def _cost_json(money: Forecast) -> dict[str, object]:
    """Amounts in US dollars, as text so that they stay exact; unknown ones are null."""

    def amount(cost: Cost | None) -> str | None:
        return None if cost is None else f"{cost.total:f}"

    chat, window = money.conversation, money.window
    price = money.price or (money.embed.price if money.embed else None)
    return {
        "known": money.known,
        "send": amount(money.send),
        "embed": amount(money.embed),
        "embedder": money.embedder,
        "turns": chat.turns if chat else None,
        "conversation": amount(chat.cost) if chat else None,
        "window": window.tokens if window else None,
        "window_source": window.source if window else None,
        "window_dated": window.dated if window else None,
        "fits": money.fits,
        "prices": price.source if price else None,
        "dated": price.dated if price else None,
    }


def _sources(paths: list[str], field: str | None, stack: ExitStack) -> tuple[list[Source], bool]:
    """The files to count, and whether one is left out that was named or cannot be read.

    What a folder holds that is no text is skipped, and that is said at the end.
    """
    from ...tokens.counting import JSON_LINES, Source, is_binary

    sources: list[Source] = []
    skipped: list[str] = []
    left_out = False
    for name, path in _files(paths, stack):
        try:
            binary, size = is_binary(path), path.stat().st_size
        except OSError as error:
            print(f"pellucid: {name} cannot be read: {error.strerror}", file=sys.stderr)
            left_out = True
            continue
        of_lines = name == STDIN or path.suffix.lower() in JSON_LINES
        if not binary:
            sources.append(Source(name, path, size, field if of_lines else None))
        elif name in (*paths, STDIN):
            print(f"pellucid: {name} is binary, or text that is not UTF-8", file=sys.stderr)
            left_out = True
        else:
            skipped.append(name)
    if skipped:
        names = ", ".join(skipped[:SHOWN_SKIPPED]) + (", …" if len(skipped) > SHOWN_SKIPPED else "")
        files = "binary file" if len(skipped) == 1 else "binary files"
        print(f"skipped {len(skipped):,} {files}: {names}", file=sys.stderr)
    return sources, left_out


def _files(paths: list[str], stack: ExitStack) -> Iterator[tuple[str, Path]]:
    """Names and files. Raises `UsageError` for what does not exist."""
    from ...errors import UsageError

    for name in paths:
        path = Path(name)
        if name == "-":
            yield STDIN, _spooled(stack)
        elif path.is_dir():
            yield from ((str(file), file) for file in _below(path))
        elif path.exists():
            yield name, path
        else:
            raise UsageError(f"There is no file or folder {name}.")


def _below(folder: Path) -> Iterator[Path]:
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        print(f"pellucid: {folder} cannot be read: {error.strerror}", file=sys.stderr)
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            if not entry.is_symlink():  # a link may lead back up
                yield from _below(entry)
        elif entry.is_file():
            yield entry


def _spooled(stack: ExitStack) -> Path:
    """Standard input as a file, so that it is counted in parts like any other."""
    import tempfile

    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pellucid-")))
    copy = folder / "stdin"
    with copy.open("wb") as file:
        shutil.copyfileobj(sys.stdin.buffer, file, 1 << 20)
    return copy


class _Progress:
    """How far the counting is and how fast, on a terminal."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._start = self._said = time.monotonic()

    def __enter__(self) -> _Progress:
        return self

    def __call__(self, done: int) -> None:
        now = time.monotonic()
        if now - self._said < SHOWN_EVERY or not sys.stderr.isatty():
            return
        self._said = now
        rate = done / (now - self._start)
        left = (self._total - done) / rate
        print(
            f"\r\x1b[K{done / self._total:.0%} of {self._total / 1e6:,.0f} MB, "
            f"{rate / 1e6:,.0f} MB/s, {left:,.0f} s left",
            end="",
            file=sys.stderr,
            flush=True,
        )

    def __exit__(self, *_: object) -> None:
        if sys.stderr.isatty():
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
