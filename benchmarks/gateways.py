"""Servers that stand where ours does, to compare it with: none of them keeps anything."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

VENV = Path.home() / ".cache" / "pellucid-benchmarks" / "litellm"
PATIENCE = 600.0
"""Seconds for pip, and for litellm to start."""
ENVIRONMENT = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    # It listens on loopback, for this one measurement.
    "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
}


class _Relay(asyncio.Protocol):
    """Bytes to and fro."""

    host = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        self.there: Any = None
        self.held = b""
        asyncio.ensure_future(self._connect())  # noqa: RUF006

    async def _connect(self) -> None:
        here = self.transport

        class Back(asyncio.Protocol):
            def data_received(self, data: bytes) -> None:
                here.write(data)

        loop = asyncio.get_running_loop()
        self.there, _ = await loop.create_connection(Back, "127.0.0.1", self.host)
        self.there.write(self.held)

    def data_received(self, data: bytes) -> None:
        if self.there is None:
            self.held += data
        else:
            self.there.write(data)

    def connection_lost(self, error: Exception | None) -> None:
        if self.there is not None:
            self.there.close()


async def relay(host: int) -> int:
    _Relay.host = host
    server = await asyncio.get_running_loop().create_server(_Relay, "127.0.0.1", 0)
    return int(server.sockets[0].getsockname()[1])


async def framework(host: int) -> int:
    import aiohttp
    from aiohttp import web

    session = aiohttp.ClientSession()

    async def handler(request: web.Request) -> web.StreamResponse:
        url = f"http://127.0.0.1:{host}{request.path}"
        async with session.post(url, data=await request.read()) as answer:
            response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
            await response.prepare(request)
            async for piece in answer.content.iter_any():
                await response.write(piece)
            await response.write_eof()
            return response

    app = web.Application()
    app.router.add_post("/{path:.*}", handler)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    return int(runner.addresses[0][1])


class Missing(Exception):
    """A gateway that cannot be had here; its text says why."""


def litellm_environment() -> Path:
    """The folder of litellm's own environment, made on first use. Raises `Missing`."""
    program = VENV / "bin" / "litellm"
    if not program.exists():
        pip = [str(VENV / "bin" / "pip"), "install", "-q", "litellm[proxy]"]
        try:
            subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
            subprocess.run(pip, check=True, capture_output=True, timeout=PATIENCE)
        except (OSError, subprocess.SubprocessError) as error:
            raise Missing(f"pip could not install it: {type(error).__name__}") from error
    return VENV


@contextlib.contextmanager
def litellm(host: int, core: int) -> Iterator[tuple[int, int]]:
    """Its proxy with one worker, on one core: port and process. Raises `Missing`."""
    program = litellm_environment() / "bin" / "litellm"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.yaml"
        config.write_text(
            "model_list:\n  - model_name: m\n    litellm_params:\n      model: openai/m\n"
            f"      api_base: http://127.0.0.1:{host}/v1\n      api_key: none\n"
        )
        child = subprocess.Popen(
            [str(program), "--config", str(config), "--host", "127.0.0.1", "--port", str(port)],
            cwd=folder,
            env={**os.environ, **ENVIRONMENT},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            os.sched_setaffinity(child.pid, {core})
            end = time.monotonic() + PATIENCE
            while not _listens(port):
                if child.poll() is not None or time.monotonic() > end:
                    raise Missing("its proxy does not start")
                time.sleep(0.2)
            yield port, child.pid
        finally:
            child.kill()
            child.wait()


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
