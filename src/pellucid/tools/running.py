"""Carrying out the calls a model asks for: approved, bounded, and never a traceback."""

from __future__ import annotations

import contextvars
import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..errors import BadArguments, UsageError
from ..messages import ToolCall, ToolResult, ToolSpec
from ..value import value
from . import printing
from .tool import Tool

LONGEST = 20_000
"""Characters of a result that a model is given: about 5,000 tokens."""

Approve = Callable[[Tool, Mapping[str, Any]], bool]
"""Asked before a tool that acts is run: the tool and its checked arguments."""

cancelled: contextvars.ContextVar[threading.Event] = contextvars.ContextVar("cancelled")
"""Inside a tool: set once nobody waits for its result any more."""
said: contextvars.ContextVar[str] = contextvars.ContextVar("said", default="")
"""Inside a tool: the user's message that led to the call, as it was written."""


@value
class ToolRan:
    """A tool has answered, or failed. `seconds` is how long it took; `approved` says that the user
    was asked before, and agreed."""

    call: ToolCall
    result: ToolResult
    seconds: float
    approved: bool = False


def approval(call: ToolCall) -> str:
    """What a receipt notes of a call that the user approved."""
    return f"The user approved {call.name} {call.arguments}."


class Toolbox:
    """The tools of a conversation, by name.

    `approve` is asked before a tool that acts; without it such a tool is refused. Those in `allow`
    are not asked about: the user named them.
    """

    def __init__(
        self,
        tools: Iterable[Tool] = (),
        *,
        approve: Approve | None = None,
        allow: Iterable[str] = (),
    ) -> None:
        self.tools: dict[str, Tool] = {}
        for tool in tools:
            if tool.name in self.tools:
                raise UsageError(f"Two tools are called {tool.name!r}; a model cannot tell them.")
            self.tools[tool.name] = tool
        self.approve = approve
        self.allow = frozenset(allow)
        unknown = self.allow - self.tools.keys()
        if unknown:
            raise UsageError(f"There is no tool called {sorted(unknown)[0]!r} to be allowed.")

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        return tuple(tool.spec for tool in self.tools.values())

    def run(
        self, calls: Sequence[ToolCall], stop: threading.Event | None = None, message: str = ""
    ) -> Iterator[ToolRan]:
        """The results of `calls`, in their order. Setting `stop` cancels what runs; `message` is
        what the user said.

        Calls run at the same time where all of their tools say that they may, and nobody is asked.
        """
        stop = stop or threading.Event()
        together = len(calls) > 1 and all(
            (tool := self.tools.get(call.name)) and tool.parallel and not self._asks(tool)
            for call in calls
        )
        if not together:
            yield from (self._run(call, stop, message) for call in calls)
            return
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(len(calls)) as pool:
            try:
                yield from pool.map(lambda call: self._run(call, stop, message), calls)
            except BaseException:
                stop.set()  # or the pool would wait for them
                raise

    def _asks(self, tool: Tool) -> bool:
        return tool.acts and tool.name not in self.allow

    def _run(self, call: ToolCall, stop: threading.Event, message: str) -> ToolRan:
        began = time.perf_counter()
        approved = False
        try:
            tool, arguments = self._checked(call)
            approved = self._approved(tool, arguments)
            found = _bounded(tool, arguments, stop, message)
            text, failed = _text(tool.name, found), False
        except _Failed as failure:
            text, failed = shortened(str(failure)), True
        seconds = time.perf_counter() - began
        return ToolRan(call, ToolResult(call.id, call.name, text, failed), seconds, approved)

    def _checked(self, call: ToolCall) -> tuple[Tool, dict[str, Any]]:
        tool = self.tools.get(call.name)
        if tool is None:
            known = ", ".join(self.tools) or "none"
            raise _Failed(f"There is no tool called {call.name!r}. There are: {known}.")
        try:
            return tool, tool.arguments(call.arguments)
        except BadArguments as error:
            raise _Failed(str(error)) from error

    def _approved(self, tool: Tool, arguments: Mapping[str, Any]) -> bool:
        """Whether the user was asked, and agreed; a refusal fails the call."""
        if not self._asks(tool):
            return False
        if self.approve is None:
            raise _Failed(f"{tool.name} was not run: it needs an approval nobody can give.")
        if not self.approve(tool, arguments):
            raise _Failed(f"{tool.name} was not run: the user did not approve it.")
        return True


class Limits:
    """Bounds on how often a turn may go back to its tools. The first repetition ends it as well:
    the same calls with the same results lead to the same calls."""

    def __init__(self, rounds: int = 8, seconds: float = 300.0) -> None:
        self._rounds = rounds
        self._end = time.monotonic() + seconds
        self._last: list[tuple[str, str, str]] | None = None

    def allow(self, ran: Sequence[ToolRan]) -> bool:
        """Whether the model may call again after these results."""
        self._rounds -= 1
        done = [(each.call.name, each.call.arguments, each.result.text) for each in ran]
        again, self._last = done == self._last, done
        return not again and self._rounds > 0 and time.monotonic() < self._end


class _Failed(Exception):
    """A sentence for the model."""


def _bounded(tool: Tool, arguments: dict[str, Any], stop: threading.Event, message: str) -> Any:
    """What the function returns, waited for as long as its tool allows.

    A coroutine is cancelled; a function that does not look at `cancelled` can only be left alone.
    """
    results: list[Any] = []
    failures: list[BaseException] = []
    ended = threading.Event()  # of this call alone: others may go on
    context = contextvars.copy_context()
    context.run(cancelled.set, ended)
    context.run(said.set, message)
    context.run(printing.divert, tool.name, LONGEST)

    def work() -> None:
        try:
            results.append(context.run(_call, tool.function, arguments, ended))
        except BaseException as failure:
            failures.append(failure)

    worker = threading.Thread(target=work, name=f"pellucid-tool-{tool.name}", daemon=True)
    worker.start()
    try:
        in_time = _ended(worker, tool.seconds, stop)
    except BaseException:
        ended.set()
        raise
    if not in_time:
        ended.set()
        why = (
            "nobody waits for it any more"
            if stop.is_set()
            else f"it takes more than {tool.seconds:g} s"
        )
        raise _Failed(f"{tool.name} was stopped: {why}.")
    if failures:
        kind, words = type(failures[0]).__name__, str(failures[0])
        raise _Failed(f"{tool.name} failed: {f'{kind}: {words}' if words else kind}")
    return results[0]


def _ended(worker: threading.Thread, seconds: float, stop: threading.Event) -> bool:
    """Whether `worker` ends before `seconds` are over and before `stop` is set."""
    end = time.monotonic() + seconds
    while worker.is_alive() and time.monotonic() < end and not stop.is_set():
        worker.join(0.05)
    return not worker.is_alive()


def _call(function: Callable[..., Any], arguments: dict[str, Any], stop: threading.Event) -> Any:
    import inspect

    found = function(**arguments)
    if not inspect.isawaitable(found):
        return found
    import asyncio

    return asyncio.run(_awaited(found, stop))


async def _awaited(found: Any, stop: threading.Event) -> Any:
    import asyncio

    task = asyncio.ensure_future(found)
    while not task.done():
        if stop.is_set():
            task.cancel()
        await asyncio.wait([task], timeout=0.05)
    return task.result()


def _text(name: str, found: Any) -> str:
    """A result as text or JSON; what is too long is cut, and says so."""
    return shortened(found if isinstance(found, str) else _json(name, found))


def shortened(text: str) -> str:
    """As much of a result as a model is given."""
    if len(text) <= LONGEST:
        return text
    return f"{text[:LONGEST]}\n[cut here: {len(text):,} characters in all]"


def _json(name: str, found: Any) -> str:
    from pydantic_core import PydanticSerializationError, to_jsonable_python

    try:
        return json.dumps(to_jsonable_python(found), ensure_ascii=False, allow_nan=False)
    except (PydanticSerializationError, ValueError, RecursionError) as error:
        raise _Failed(f"{name} returned what no JSON can say: {error}.") from error
