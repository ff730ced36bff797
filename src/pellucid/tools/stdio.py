"""An MCP server run as a program: JSON-RPC on its standard input and output, a message a line.

As the official package's own way, but bounded: that one keeps a line that never ends, however long
it gets. https://modelcontextprotocol.io/specification/2025-06-18/basic/transports#stdio
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from ..errors import PellucidError

if TYPE_CHECKING:
    from asyncio.subprocess import Process

    from mcp import StdioServerParameters

LINE_BYTES = 16_000_000
JUNK_LINES = 10_000
"""Lines that are no messages, after which a server is left alone."""
GRACE = 2.0
"""Seconds in which a server may end by itself once its input is closed."""


class Flooded(PellucidError):
    """A server writes without end what is no message."""


@contextlib.asynccontextmanager
async def connected(
    parameters: StdioServerParameters, failures: list[Exception]
) -> AsyncIterator[Any]:
    """The streams of a server that runs as long as the block. A server that floods is ended as if
    it had crashed, and `failures` says why."""
    import anyio
    from mcp.client.stdio import get_default_environment

    process = await asyncio.create_subprocess_exec(
        parameters.command,
        *parameters.args,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**get_default_environment(), **(parameters.env or {})},
        cwd=parameters.cwd,
        limit=LINE_BYTES,
        start_new_session=True,
    )
    to_us, read = anyio.create_memory_object_stream[Any](0)
    write, from_us = anyio.create_memory_object_stream[Any](0)

    async def receive() -> None:
        with contextlib.suppress(anyio.BrokenResourceError):
            async with to_us:
                try:
                    async for message in _messages(process):
                        await to_us.send(message)
                except Flooded as flooded:
                    failures.append(flooded)
                    _kill(process)

    async def send() -> None:
        assert process.stdin is not None
        with contextlib.suppress(ConnectionError):
            async for message in from_us:
                text = message.message.model_dump_json(by_alias=True, exclude_unset=True)
                process.stdin.write(text.encode() + b"\n")
                await process.stdin.drain()

    tasks = [asyncio.create_task(work()) for work in (receive, send)]
    try:
        yield read, write
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        for stream in (read, write, to_us, from_us):
            stream.close()
        await asyncio.shield(_end(process))


async def _messages(process: Process) -> AsyncIterator[Any]:
    """The messages of a server; lines that are none are skipped. Raises `Flooded`."""
    from mcp.shared.message import SessionMessage
    from mcp.types.jsonrpc import jsonrpc_message_adapter

    assert process.stdout is not None
    junk = 0
    while True:
        try:
            line = await process.stdout.readuntil(b"\n")
        except asyncio.LimitOverrunError as error:
            raise Flooded(f"it writes a line of more than {LINE_BYTES:,} bytes") from error
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        try:
            yield SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False))
        except ValueError:
            junk += 1
            if junk > JUNK_LINES:
                raise Flooded(
                    f"it writes more than {JUNK_LINES:,} lines that say nothing"
                ) from None


async def _end(process: Process) -> None:
    """Close the input of a server, and kill it with what it started if it does not end by that."""
    assert process.stdin is not None and process.stdout is not None
    process.stdin.close()
    for _ in range(2):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GRACE):
                while await process.stdout.read(2**16):  # or it could not end for what it says
                    pass
                await process.wait()
        _kill(process)  # and what it started, which may have outlived it


def _kill(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
