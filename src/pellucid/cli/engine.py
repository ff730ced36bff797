"""`pellucid engine`: the process that runs local models."""

from __future__ import annotations

import argparse
from pathlib import Path

from . import output


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=("status", "stop"), nargs="?", default="status")
    parser.add_argument("--json", action="store_true", help="machine-readable")


def run(args: argparse.Namespace) -> int:
    from ..engine import process
    from ..settings import Folders

    engines = process.running(Folders.of())
    if args.what == "stop":
        for engine in engines:
            process.stop(engine)
        print(f"{len(engines)} engine{'' if len(engines) == 1 else 's'} stopped")
        return 0
    if args.json:
        rows = [
            {"pid": e.pid, "model": e.model, "window": e.window, "threads": e.threads}
            for e in engines
        ]
        output.print_json(rows)
        return 0
    for engine in engines:
        state = "answers" if process.is_alive(engine) else "does not answer"
        print(f"{Path(engine.model).name}: process {engine.pid}, {state}")
        print(f"  address  http://{engine.address.host}:{engine.address.port}")
        print(f"  window   {engine.window:,} tokens, read {engine.batch} at a time")
        print(f"  threads  {engine.threads}: {engine.why_threads}")
        print(f"  engine   {engine.version}")
        held = process.resident(engine)
        print(f"  memory   {'unknown' if held is None else f'{held / 2**20:,.0f} MB'}")
    if not engines:
        print("no engine is running; one starts with the next call to a local model")
    return 0
