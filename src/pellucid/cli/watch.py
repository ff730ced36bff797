"""`pellucid watch`: calls as they happen, whoever makes them."""

from __future__ import annotations

import argparse
import select
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from . import output

if TYPE_CHECKING:
    from ..record.receipt import Receipt
    from ..record.store import Store

PAUSE = 0.3
"""Seconds between two looks at the store."""
KEYS = "123456789"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--app", help="only calls of programs whose name begins so")
    parser.add_argument("-n", "--count", type=int, metavar="N", help="leave after so many calls")


def run(args: argparse.Namespace) -> int:
    from ..record.store import Store
    from ..settings import Folders

    with Store(Folders.of().store) as store, _keyboard() as person:
        if person:
            output.quiet("waiting for calls · 1 to 9 open one, q leaves")
        _watch(store, args.app, args.count, person)
    return 0


def _watch(store: Store, app: str | None, count: int | None, person: bool) -> None:
    began, seen = time.time(), 0
    shown: set[str] = set()
    places: dict[str, Receipt] = {}
    while count is None or seen < count:
        # A receipt is written at the end of its call, and called by when it began.
        new = [row for row in store.list(200, since=began - 3600, app=app) if row.id not in shown]
        for row in reversed(new):
            shown.add(row.id)
            receipt = store.get(row.id)
            if receipt.created + (receipt.timings.total or 0) < began:
                continue
            key = KEYS[seen % len(KEYS)]
            places[key] = receipt
            seen += 1
            output.show(_line, key if person else "", receipt)
            sys.stdout.flush()
        pressed = _pressed() if person else None
        if not person:
            time.sleep(PAUSE)
        if pressed == "q":
            return
        if pressed in places:
            from ..views import terminal

            print()
            output.show(terminal.receipt, places[pressed])
            print()


def _line(key: str, receipt: Receipt, *, color: bool = False, width: int = 80) -> str:
    from ..views import figures
    from ..views.glyphs import visible
    from ..views.terminal.receipts import part_lines
    from ..views.terminal.style import BOLD, DIM, clip, paint

    asked = next((m.text for m in reversed(receipt.request.messages) if m.text), "")
    if receipt.kind != "conversation":
        told = (*receipt.request.messages, receipt.reply.message)
        asked = " ".join(line for message in told for line in part_lines(message))
    head = f"{figures.when(receipt.created)[11:19]}  {visible(receipt.model)}"
    start = " ".join(each for each in (key and paint(key, BOLD, color), head) if each)
    words = clip(visible(" ".join(asked.split())), max(width - 40, 20))
    status = " · ".join((visible(receipt.app), *figures.status(receipt)))
    return f"{start}  {words}\n  {paint(status, DIM, color)}"


@contextmanager
def _keyboard() -> Iterator[bool]:
    """Keys one by one, where there is a person at the terminal."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        yield False
        return
    import termios
    import tty

    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)
    try:
        yield True
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _pressed() -> str | None:
    """A key, if one is pressed before it is time to look again."""
    ready, _, _ = select.select([sys.stdin], [], [], PAUSE)
    return (sys.stdin.read(1) or "q") if ready else None
