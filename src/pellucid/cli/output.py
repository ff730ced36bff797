"""What the commands print: to people on a terminal, plain in a pipe."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..views.terminal.markdown import MarkdownStream


def say(text: str) -> None:
    """A quiet sentence to the person waiting; never part of a command's output."""
    if sys.stderr.isatty():
        print(_dim(f"… {text}"), file=sys.stderr, flush=True)


def quiet(text: str) -> None:
    """A line about a reply: dim, on standard error."""
    print(_dim(text), file=sys.stderr, flush=True)


def _dim(text: str) -> str:
    return f"\x1b[2m{text}\x1b[0m" if coloured(sys.stderr) else text


def coloured(stream: Any) -> bool:
    from ..views.terminal import wants_color

    return wants_color(stream, os.environ)


def width() -> int:
    return shutil.get_terminal_size((88, 24)).columns


def height() -> int:
    return shutil.get_terminal_size((88, 24)).lines


def piece(text: str) -> None:
    """A piece of a reply as it comes. On a terminal nothing in it acts but new lines."""
    if sys.stdout.isatty():
        from ..views.terminal import plain

        text = plain(text)
    sys.stdout.write(text)
    sys.stdout.flush()


class Markdown:
    """A reply in Markdown as it comes: drawn where there are colours, as it was written elsewhere.
    `end` it. `at_line_start` tells where the cursor stands."""

    def __init__(self) -> None:
        self.at_line_start = True
        self._stream: MarkdownStream | None = None
        if coloured(sys.stdout):
            from ..views.terminal.markdown import MarkdownStream

            self._stream = MarkdownStream()

    def piece(self, text: str) -> None:
        if self._stream is None:
            piece(text)
        else:
            text = self._stream.feed(text)
            sys.stdout.write(text)
            sys.stdout.flush()
        self._drawn(text)

    def end(self) -> None:
        if self._stream is not None:
            rest = self._stream.end()
            print(rest, end="", flush=True)
            self._drawn(rest)

    def _drawn(self, text: str) -> None:
        if text:
            self.at_line_start = text.endswith("\n")


def show(view: Callable[..., str], *values: object) -> None:
    """Print a view of these values, coloured and as wide as the terminal is."""
    print(view(*values, color=coloured(sys.stdout), width=width()).rstrip("\n"))


def print_json(value: Any) -> None:
    import json

    indent = 2 if sys.stdout.isatty() else None
    print(json.dumps(value, ensure_ascii=False, indent=indent, default=str))


class Fetching:
    """Progress of a download: a bar with rate and time left, made when the first bytes come.

    In a pipe it says a sentence at the beginning instead.
    """

    def __init__(self) -> None:
        self._bar: Any = None
        self._task: Any = None
        self._began = False

    def __enter__(self) -> Fetching:
        return self

    def __call__(self, done: int, total: int) -> None:
        if not self._began:
            self._began = True
            if sys.stderr.isatty():
                self._open(total)
            else:
                print(f"fetching {total / 1e6:.0f} MB, once", file=sys.stderr, flush=True)
        if self._bar is not None:
            self._bar.update(self._task, completed=done)

    def _open(self, total: int) -> None:
        from rich import progress
        from rich.console import Console

        self._bar = progress.Progress(
            progress.TextColumn("fetching the model, once"),
            progress.BarColumn(),
            progress.DownloadColumn(),
            progress.TransferSpeedColumn(),
            progress.TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._bar.start()
        self._task = self._bar.add_task("", total=total)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
