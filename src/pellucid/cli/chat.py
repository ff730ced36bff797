"""`pellucid chat`: a conversation in the terminal, or in a pipe, where each line is a turn."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from . import options, output, slash, toolbox

if TYPE_CHECKING:
    from ..chat import Chat
    from ..messages import Part
    from ..turn import Turn


def arguments(parser: argparse.ArgumentParser) -> None:
    options.add_talk(parser)
    toolbox.arguments(parser)
    parser.add_argument("--no-log", action="store_true", help="keep no receipts")


def run(args: argparse.Namespace) -> int:
    options.one_model(args)
    parts = options.attached(args.attach)
    chat = options.chat(args)
    chat.open_store()  # one that cannot be used is said before the first turn
    typed = sys.stdin.isatty()
    if typed:
        print(f"{chat.model.name} · /help lists the commands, Ctrl-D ends")
    failures = 0
    for line in typed_lines() if typed else piped_lines():
        failures += not take(chat, line, parts)
        if not slash.is_command(line):
            parts = ()
    return 1 if failures and not typed else 0


def typed_lines() -> Iterator[str]:
    """What a person types, a line at a time, until Ctrl-D."""
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401  (gives input() editing and history)
    while True:
        try:
            line = input("\n> ").strip()
        except EOFError:
            print()
            return
        except KeyboardInterrupt:
            print("\nCtrl-D ends the conversation.")
            continue
        except UnicodeDecodeError:
            print("pellucid: that was not UTF-8; please type it again.", file=sys.stderr)
            continue
        if line:
            yield line


def piped_lines() -> Iterator[str]:
    """The lines of standard input that are not empty. Raises `UsageError` for bad UTF-8."""
    for number, data in enumerate(sys.stdin.buffer, 1):
        line = options.utf8(data, f"line {number} of standard input").strip()
        if line:
            yield line


def take(chat: Chat, line: str, parts: tuple[Part, ...] = (), *, markdown: bool = False) -> bool:
    """One line: a command, or a turn that `parts` go along with. False when it failed; the
    conversation goes on. `markdown`: replies are drawn as such on a terminal."""
    from ..errors import PellucidError

    try:
        if slash.is_command(line):
            turn = slash.run(chat, line)
        else:
            turn = chat.stream(options.message(line, parts))
        return turn is None or answer(turn, markdown=markdown)
    except PellucidError as error:
        print(f"pellucid: {error}", file=sys.stderr)
        return False


def answer(turn: Turn, *, markdown: bool = False) -> bool:
    """Stream a reply, then its line of figures. Ctrl-C stops the reply, not the program."""
    from ..replies import Progress, TextDelta
    from ..tools.running import ToolRan
    from ..views import terminal

    waiting = _Waiting()
    drawn = output.Markdown() if markdown else None
    events = turn.events()
    try:
        with _interruptible():
            for event in events:
                if isinstance(event, Progress):
                    waiting.show(event.done, event.total)
                elif isinstance(event, TextDelta):
                    waiting.clear()
                    (drawn or output).piece(event.text)
                elif isinstance(event, ToolRan):
                    waiting.clear()
                    toolbox.show(event)
    except KeyboardInterrupt:
        waiting.clear()
        events.close()
    finally:
        waiting.clear()
        if drawn is not None:
            drawn.end()
        if turn.receipt is not None:
            print()
            if sys.stdout.isatty():
                output.quiet(terminal.status_line(turn.receipt))
    return True


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C raise here even where a parent process had it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class _Waiting:
    """How far a long prompt has been read, on one line that goes away."""

    LONG = 64

    def __init__(self) -> None:
        self._shown = False

    def show(self, done: int, total: int) -> None:
        if total - done > self.LONG and sys.stderr.isatty():
            sys.stderr.write(f"\r\x1b[2K… reading {done:,} of {total:,} tokens")
            sys.stderr.flush()
            self._shown = True

    def clear(self) -> None:
        if self._shown:
            sys.stderr.write("\r\x1b[2K")
            sys.stderr.flush()
            self._shown = False
