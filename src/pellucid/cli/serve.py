"""`pellucid serve`: the APIs of OpenAI, Anthropic, Gemini and Ollama, on this machine."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from . import options, output

if TYPE_CHECKING:
    import asyncio

    from ..server.serving import Server
    from ..settings import Settings

PORT = 8321
OLLAMA_PORT = 11434


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at (127.0.0.1)")
    parser.add_argument("--port", type=port, default=PORT, help=f"port ({PORT}); 0 chooses one")
    parser.add_argument(
        "--ollama", action="store_true", help=f"listen at Ollama's port too ({OLLAMA_PORT})"
    )
    add_default(parser)
    parser.add_argument(
        "--token", metavar="SECRET", help="let in only who sends this (or PELLUCID_TOKEN)"
    )
    parser.add_argument("--offline", action="store_true", help="reach no other machine")
    parser.add_argument("--no-log", action="store_true", help="keep no receipts")


def add_default(parser: argparse.ArgumentParser) -> None:
    default = parser.add_argument(
        "--default",
        metavar="NAME",
        help="the model that answers for names that are no model's here, such as gpt-4o-mini; "
        "a host's own is then asked for as HOST:NAME",
    )
    options.completes(default, options.model_names)


def port(word: str) -> int:
    if not (word.isascii() and word.isdecimal() and int(word) < 65536):
        raise argparse.ArgumentTypeError(f"{word!r} is not a port")
    return int(word)


def run(args: argparse.Namespace) -> int:
    from ..server.loop import run as run_loop
    from ..server.threads import leave

    settings = options.settings(args)
    token = args.token
    if token is None:
        token = os.environ.get("PELLUCID_TOKEN") or None
    ready_model(args.default, settings)
    run_loop(_serve(args, settings, token))
    return leave(0)


def ready_model(name: str | None, settings: Settings) -> None:
    """Fetch the model that is to answer, if it is one of this machine and not here yet."""
    from ..models.catalog import names
    from ..models.names import locate

    chosen = name or settings.model
    if chosen.lower() in names():
        with output.Fetching() as progress:
            locate(chosen, settings, progress=progress)


def make_server(
    settings: Settings, default: str | None, token: str | None, app: str | None = None
) -> Server:
    """A server as the options describe it; `app` is what receipts call its only client, who may
    show a key of its own instead of the token."""
    from ..record.store import Store
    from ..server.models import Models
    from ..server.serving import Server
    from ..settings import Folders

    store = Store(Folders.of().store) if settings.log else None
    models = Models(settings, default)
    if default is not None and models.known(default) is None:
        from ..errors import UnknownModel

        raise UnknownModel(default)
    own_keys = app is not None
    return Server(settings, models=models, token=token, store=store, app=app, own_keys=own_keys)


async def _serve(args: argparse.Namespace, settings: Settings, token: str | None) -> None:
    import asyncio

    stop = asyncio.Event()
    stop_on_signals(stop)
    async with make_server(settings, args.default, token) as server:
        port = await server.listen(args.host, args.port)
        if args.ollama and port != OLLAMA_PORT:
            await server.listen(args.host, OLLAMA_PORT)
        host = f"[{args.host}]" if ":" in args.host else args.host
        print(f"http://{host}:{port}", flush=True)
        _explain(f"http://{host}:{port}", settings, sys.stderr.isatty())
        await stop.wait()
        output.say("stopping: answers that are under way may end")


def stop_on_signals(stop: asyncio.Event) -> None:
    import asyncio
    import signal

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)


def _explain(base: str, settings: Settings, to_person: bool) -> None:
    if not to_person:
        return
    kept = "`pellucid watch` shows each call" if settings.log else "no receipts are kept"
    output.quiet(
        f"OpenAI {base}/v1 · Anthropic {base} · Gemini {base}/v1beta/openai/ · Ollama {base}\n"
        f"{kept} · Ctrl-C stops"
    )
