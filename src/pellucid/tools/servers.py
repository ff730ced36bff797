"""Tools of MCP servers: a file of servers -> tools that ask first, pinned by what they say they do.

The file is the usual one: {"mcpServers": {"name": {"command": ..} or {"url": ..}}}.
https://modelcontextprotocol.io
"""

from __future__ import annotations

import asyncio
import atexit
import hashlib
import json
import logging
import os
import threading
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import PellucidError, UsageError
from ..messages import ToolSpec
from ..settings import Folders
from . import stdio
from .running import cancelled
from .shapes import as_specs, tool_of
from .tool import Tool

if TYPE_CHECKING:
    from mcp import Client

START_SECONDS = 30.0
CALL_SECONDS = 60.0
MOST_TOOLS = 200

Say = Callable[[str], Any]


def server_tools(
    path: Path, only: str = "", *, offline: bool = False, say: Say = lambda _: None
) -> list[Tool]:
    """The tools of the servers in a `mcpServers` file, or of the one called `only`.

    A server that cannot be had, and a tool that is not what it was, are left out and named.
    Raises `UsageError` for a file that is wrong.
    """
    _silence()
    tools: list[Tool] = []
    for name, entry in _entries(path, only).items():
        try:
            server = Server(name, entry, offline=offline)
            specs = server.start()
        except ServerError as error:
            say(str(error))
            continue
        for spec in _pinned(server, specs, say):
            tools.append(tool_of(spec, partial(server.call, spec.name)))
            tools[-1].seconds = CALL_SECONDS
    return tools


class Server:
    """A connection to a server, in a thread of its own: the rest of the program is not async."""

    def __init__(self, name: str, entry: Mapping[str, Any], *, offline: bool = False) -> None:
        self.name = name
        self._failures: list[Exception] = []
        """Why the connection broke, where the transport knows."""
        self._transport = _transport(name, entry, offline, self._failures)
        self.identity = json.dumps(
            [name, entry.get("command"), entry.get("args"), entry.get("url")]
        )
        self._client: Client | None = None
        self._listed: list[dict[str, Any]] = []
        self._failure: BaseException | None = None
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._end = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name=f"mcp-{name}", daemon=True)

    def start(self) -> list[dict[str, Any]]:
        """Connect, and list the tools as the server describes them. Raises `ServerError`."""
        self._thread.start()
        in_time = self._ready.wait(START_SECONDS)
        if self._failure is not None:
            raise ServerError(self.name, f"cannot be used: {self._why(self._failure)}")
        if not in_time:
            self.close()
            raise ServerError(self.name, f"did not answer within {START_SECONDS:g} s")
        if not _OPEN:
            atexit.register(close_servers)
        _OPEN.append(self)
        return self._listed

    def call(self, tool: str, **arguments: Any) -> str:
        """What a tool answers, as text. Raises `ServerError`, where it failed as well."""
        if self._client is None or not self._thread.is_alive():
            raise ServerError(self.name, "has ended; start again to use its tools")
        asked = self._client.call_tool(tool, arguments, read_timeout_seconds=CALL_SECONDS)
        future = asyncio.run_coroutine_threadsafe(asked, self._loop)
        stop = cancelled.get(threading.Event())
        while not future.done():
            if stop.wait(0.02):
                future.cancel()
                raise ServerError(self.name, "was told to stop")
        error = future.exception()
        if error is not None:
            raise ServerError(self.name, f"failed: {self._why(error)}") from error
        result = future.result()
        text = "\n".join(_text(block) for block in result.content)
        if result.is_error:
            raise ServerError(self.name, f"says: {text}")
        return text

    def _why(self, error: BaseException) -> str:
        return _words(self._failures[-1] if self._failures else error)

    def close(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._end.set)
            self._thread.join(5)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._connected())
        except BaseException as error:
            self._failure = error
        finally:
            self._client = None
            self._ready.set()

    async def _connected(self) -> None:
        from mcp import Client

        connecting = Client(self._transport, read_timeout_seconds=START_SECONDS, cache=None)
        async with connecting as client:
            cursor = None
            while len(self._listed) < MOST_TOOLS:
                page = await client.list_tools(cursor=cursor)
                self._listed += [
                    tool.model_dump(by_alias=True, exclude_none=True) for tool in page.tools
                ]
                cursor = page.next_cursor
                if cursor is None:
                    break
            self._client = client
            self._ready.set()
            await self._end.wait()


class ServerError(PellucidError):
    """An MCP server did not do as asked."""

    def __init__(self, name: str, what: str) -> None:
        super().__init__(f"The MCP server {name} {what}.")


_OPEN: list[Server] = []


def close_servers() -> None:
    """End the servers that were started here."""
    while _OPEN:
        _OPEN.pop().close()


def _entries(path: Path, only: str) -> dict[str, dict[str, Any]]:
    try:
        entries = json.loads(path.read_text("utf-8"))["mcpServers"]
        assert isinstance(entries, dict)
        assert all(isinstance(entry, dict) for entry in entries.values())
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError, AssertionError) as error:
        raise UsageError(
            f'{path} is no file of MCP servers: {{"mcpServers": {{"name": {{"command": ..}}}}}}.'
        ) from error
    if only and only not in entries:
        raise UsageError(f"{path} has no server {only!r}; it has {', '.join(entries) or 'none'}.")
    return {only: entries[only]} if only else entries


def _transport(
    name: str, entry: Mapping[str, Any], offline: bool, failures: list[Exception]
) -> Any:
    """How to reach a server. Its environment holds no keys but those the file gives it."""
    try:
        from mcp import StdioServerParameters
    except ImportError as error:
        raise UsageError("MCP needs a package: pip install 'pellucid[mcp]'.") from error
    from pydantic import ValidationError

    if isinstance(entry.get("url"), str):
        return _http(name, entry, offline)
    try:
        given = {key: entry[key] for key in ("command", "args", "env", "cwd") if key in entry}
        parameters = StdioServerParameters(**given)
    except ValidationError as error:
        wrong = ".".join(map(str, error.errors()[0]["loc"]))
        raise UsageError(f"The MCP server {name} has a wrong {wrong}.") from error
    return stdio.connected(parameters, failures)


def _http(name: str, entry: Mapping[str, Any], offline: bool) -> Any:
    from urllib.parse import urlsplit

    from mcp.client.streamable_http import streamable_http_client
    from mcp.shared._httpx_utils import create_mcp_http_client

    url = entry["url"]
    if offline and urlsplit(url).hostname not in ("localhost", "127.0.0.1", "::1"):
        raise ServerError(name, "is on another machine, and --offline reaches none")
    headers = entry.get("headers") or {}
    if not isinstance(headers, dict) or not all(isinstance(h, str) for h in headers.values()):
        raise UsageError(f"The MCP server {name} has wrong headers: they are texts by name.")
    return streamable_http_client(url, http_client=create_mcp_http_client(headers=headers))


def _pins(path: Path) -> dict[str, dict[str, str]]:
    """What the tools of each server said when they were first used. Raises `UsageError`."""
    try:
        pins = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read: {error}. Remove it to trust anew.") from error
    if not isinstance(pins, dict) or not all(isinstance(each, dict) for each in pins.values()):
        raise UsageError(f"{path} is damaged. Remove it to trust every server of tools anew.")
    return pins


def _pinned(server: Server, listed: list[dict[str, Any]], say: Say) -> list[ToolSpec]:
    """The tools that say what they said when they were first used."""
    path = Folders.of().data / "mcp.json"
    pins = _pins(path)
    mine = pins.setdefault(server.identity, {})
    known, specs = bool(mine), []
    for tool in listed:
        said = {key: tool.get(key) for key in ("name", "description", "inputSchema")}
        digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
        name = str(tool.get("name"))
        if known and name not in mine:
            say(f"The MCP server {server.name} has a new tool, {name}.")
        if mine.setdefault(name, digest) != digest:
            say(
                f"The tool {name} of the MCP server {server.name} is not described as it was when "
                f"it was first used, so it was left out. To accept it, remove it from {path}."
            )
            continue
        try:
            (spec,) = as_specs(said, say)
            Tool(print, name=spec.name, parameters=spec.parameters)  # a name that a model can call
            specs.append(spec)
        except UsageError as error:
            say(f"A tool of the MCP server {server.name} was left out. {error}")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}")
    temporary.write_text(json.dumps(pins, indent=1), "utf-8")
    temporary.replace(path)
    return specs


def _text(block: Any) -> str:
    if block.type == "text":
        return str(block.text)
    return f"[{block.type}, which cannot be shown here]"


def _words(error: BaseException) -> str:
    """What went wrong, of all that a task group wraps around it."""
    from pydantic import ValidationError

    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, FileNotFoundError):
        return f"there is no program {error.filename}"
    if isinstance(error, ValidationError):
        worst = error.errors()[0]
        return f"its {'.'.join(map(str, worst['loc']))} is wrong: {worst['msg']}"
    words = " ".join(str(error).split())[:300]
    return words.rstrip(".") or type(error).__name__


def _silence() -> None:
    """The package writes tracebacks to standard error for every line it cannot read."""
    logger = logging.getLogger("mcp")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
