"""`pellucid run -- COMMAND`: a program pointed at a server of ours, and what it really sent."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UsageError
from ..settings import Settings
from . import options, output
from .serve import add_default, make_server, ready_model

if TYPE_CHECKING:
    from ..server.serving import Server

NOT_FOUND, NOT_EXECUTABLE = 127, 126
SHOWN = 50


def arguments(parser: argparse.ArgumentParser) -> None:
    add_default(parser)
    parser.add_argument("--offline", action="store_true", help="reach no other machine")
    parser.add_argument("words", nargs=argparse.REMAINDER, metavar="-- COMMAND")


def run(args: argparse.Namespace) -> int:
    from ..server.threads import leave

    command = args.words[1:] if args.words[:1] == ["--"] else args.words
    if not command:
        raise UsageError("Which program? pellucid run -- python app.py")
    settings = options.settings(args)
    ready_model(args.default, settings)
    began, app = time.time(), app_name(command)
    with _served(settings, args.default, app) as (base, token, server):
        code = _wait_for(command, environment(base, token))
    _tell(app, began, server.refusal)
    return leave(code)


def app_name(command: Sequence[str]) -> str:
    """What receipts call a program: its script's name, or its own."""
    words = [Path(command[0]).name, *(Path(word).name for word in command[1:2])]
    return " ".join(words)


def addresses(base: str, token: str) -> dict[str, str]:
    """The variables by which clients find their APIs, and their keys, set to a server's."""
    from ..models.hosts import hosts

    found: dict[str, str] = {}
    for row in hosts():
        if not row.address:
            continue  # its clients cannot be told, and keep their key
        at = {"gemini": base, "ollama": base, "anthropic": base}.get(row.dialect, f"{base}/v1")
        found |= dict.fromkeys(row.address, at) | dict.fromkeys(row.keys, token)
    return {
        **found,
        "OPENAI_API_BASE": f"{base}/v1",  # as older clients have it
        "no_proxy": "127.0.0.1,localhost",
        "NO_PROXY": "127.0.0.1,localhost",
    }


def environment(base: str, token: str) -> dict[str, str]:
    """The program's own, but for `addresses`. Anthropic's client warns of two credentials."""
    own = {name: text for name, text in os.environ.items() if name != "ANTHROPIC_AUTH_TOKEN"}
    return {**own, **addresses(base, token)}


@contextmanager
def _served(settings: Settings, default: str | None, app: str) -> Iterator[tuple[str, str, Server]]:
    """A server in a thread, for this program alone: its address and token, and itself."""
    import asyncio
    import secrets

    from ..server.loop import run as run_loop

    token = secrets.token_urlsafe(24)
    stop, ready = asyncio.Event(), threading.Event()
    loops: list[asyncio.AbstractEventLoop] = []
    ports: list[int] = []
    servers: list[Server] = []
    failures: list[BaseException] = []

    async def serve() -> None:
        async with make_server(settings, default, token, app) as server:
            ports.append(await server.listen("127.0.0.1", 0))
            servers.append(server)
            loops.append(asyncio.get_running_loop())
            ready.set()
            await stop.wait()

    def work() -> None:
        try:
            run_loop(serve())
        except BaseException as error:
            failures.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=work, name="server")
    thread.start()
    ready.wait()
    if failures:
        raise failures[0]
    try:
        yield f"http://127.0.0.1:{ports[0]}", token, servers[0]
    finally:
        loops[0].call_soon_threadsafe(stop.set)
        thread.join()


def _wait_for(command: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run a program to its end; Ctrl-C is its affair."""
    try:
        child = subprocess.Popen(command, env=environ)
    except FileNotFoundError:
        print(f"pellucid: there is no program {command[0]!r}", file=sys.stderr)
        return NOT_FOUND
    except OSError as error:
        print(f"pellucid: {command[0]} cannot be run: {error.strerror}", file=sys.stderr)
        return NOT_EXECUTABLE
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        code = child.wait()
    finally:
        signal.signal(signal.SIGINT, before)
    return code if code >= 0 else 128 - code


def _tell(app: str, began: float, refusal: str) -> None:
    """What the program sent, or why it came to nothing, on standard error: its own output stays
    what it is."""
    from ..record.store import Store
    from ..settings import Folders
    from ..views import terminal

    with Store(Folders.of().store) as store:
        rows = store.list(None, since=began, app=app)
    color = output.coloured(sys.stderr)
    count = f"{len(rows)} call{'' if len(rows) == 1 else 's'}"
    read, wrote = sum(r.input_tokens for r in rows), sum(r.output_tokens for r in rows)
    print(f"\n{count} by {app}: {read:,} tokens in, {wrote:,} out", file=sys.stderr)
    if rows:
        table = terminal.summaries(rows[:SHOWN], color=color, width=output.width())
        print(table.rstrip("\n"), file=sys.stderr)
        print("`pellucid show ID` opens one", file=sys.stderr)
    elif refusal:
        print(f"Its last request was refused: {refusal}", file=sys.stderr)
