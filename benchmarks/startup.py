"""Start-up: whole processes beside a bare Python, and `ask` up to the first byte of its request.

The engine is a stub on loopback that notes when the request arrives and answers at once, so that
only our own side is on the clock.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from pellucid.cli.main import COMMANDS
from pellucid.engine import process
from pellucid.engine.child import publish
from pellucid.models.card import open_card
from pellucid.models.catalog import ModelRow, resolve
from pellucid.models.local import LocalModel
from pellucid.settings import Folders, load

from .measure import Row, interleaved, milliseconds, table

CLI = [sys.executable, "-m", "pellucid"]


def run(runs: int = 15) -> str:
    # A program that is installed has its byte code; without it, every change here is compiled anew.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    bare = [sys.executable, "-c", "pass"]
    subjects = {
        "bare": lambda: milliseconds(bare),
        "help": lambda: milliseconds([*CLI, "--help"]),
        "import": lambda: milliseconds([sys.executable, "-c", "import pellucid"]),
    }
    found = interleaved(runs, subjects)
    slowest, worst = _commands(found["bare"], max(3, runs // 5))
    ask = _ask(runs)
    rows = [
        _over("`pellucid --help` over `python -c pass`", found["help"] - found["bare"], 80),
        _over("`import pellucid` over it", found["import"] - found["bare"], 40),
        _over(f"slowest command's help (`{slowest}`) over it", worst, 120),
        _over("`pellucid ask`, engine running: start to the request's first byte", ask, 250),
    ]
    return table("Start-up", rows)


def _over(what: str, value: float, limit: float) -> Row:
    return Row(what, f"{value:.0f} ms", f"≤ {limit:.0f} ms", value <= limit)


def _commands(bare: float, runs: int) -> tuple[str, float]:
    found = interleaved(
        runs, {name: lambda name=name: milliseconds([*CLI, name, "--help"]) for name in COMMANDS}
    )
    name = max(found, key=lambda key: found[key])
    return name, found[name] - bare


def _ask(runs: int) -> float:
    with tempfile.TemporaryDirectory() as home, _Stub() as stub:
        weights = os.environ.get("PELLUCID_TEST_WEIGHTS") or _own_weights()
        cache = Path(home) / "cache" / "pellucid"
        cache.mkdir(parents=True)
        (cache / "weights").symlink_to(weights)
        environment = {
            **os.environ,
            "XDG_CACHE_HOME": f"{home}/cache",
            "XDG_DATA_HOME": f"{home}/data",
            "XDG_CONFIG_HOME": f"{home}/config",
            "XDG_STATE_HOME": f"{home}/state",
        }
        stub.stand_for_the_engine(environment)

        def once() -> float:
            began = time.perf_counter()
            subprocess.run([*CLI, "ask", "Hi"], env=environment, check=True, capture_output=True)
            return (stub.arrived - began) * 1000

        once()  # the vocabulary, the template's code and Python's own caches are there from now on
        return interleaved(runs, {"ask": once})["ask"]


def _own_weights() -> str:
    return str(Folders.of().weights)


class _Stub:
    """An engine that answers at once; `arrived` is when the request of `ask` came."""

    def __enter__(self) -> _Stub:
        self.arrived = 0.0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def stand_for_the_engine(self, environment: Mapping[str, str]) -> None:
        """Be found as the running engine of the default model."""
        settings, folders = load(environment), Folders.of(environment)
        row = resolve(settings.model)
        assert isinstance(row, ModelRow)
        card = open_card(folders.weights / row.file, row.name, folders)
        model = process.EngineModel(card.path, LocalModel(card, settings, folders).window)
        rendezvous = process._rendezvous(model, settings, folders)
        rendezvous.parent.mkdir(parents=True)
        engine = {"host": "127.0.0.1", "port": self.port, "key": "", "pid": os.getpid()}
        engine |= {"started": process._start_time(os.getpid()), "model": str(model.path)}
        engine |= {"window": model.window, "batch": 32, "threads": 1, "why_threads": ""}
        publish(rendezvous, {**engine, "version": "stub"})

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                self.arrived = time.perf_counter()
                last = {"stop": True, "tokens_predicted": 0, "stop_type": "eos", "timings": {}}
                answer = b"data: " + json.dumps(last).encode() + b"\n\n"
                length = f"Content-Length: {len(answer)}\r\n\r\n".encode()
                connection.sendall(b"HTTP/1.1 200 OK\r\n" + length + answer)


if __name__ == "__main__":
    print(run())
