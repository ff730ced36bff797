"""One person's visit to an assistant: what was said, and the call that waits for them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import Any

from ...assistants.assistant import Assistant, open_assistant
from ...chat import Chat
from ...errors import UsageError
from ...replies import TextDelta
from ...tools.running import Toolbox, ToolRan
from ...tools.tool import Tool
from ...views.html.markdown import markdown
from ...views.html.markup import text as escaped
from ..desk import Desk
from .shared import follow

PATIENCE = 600.0
"""Seconds after which what nobody approved is refused."""


class Approval:
    """A call that waits for a person. Whoever leaves refuses it."""

    def __init__(self, tool: Tool, arguments: Mapping[str, Any]) -> None:
        self.words = f"{tool.name}({_arguments(arguments)})"
        self._answered = threading.Event()
        self._answer = False

    def answer(self, approved: bool) -> None:
        self._answer = self._answer or (approved and not self._answered.is_set())
        self._answered.set()

    def wait(self) -> bool:
        return self._answered.wait(PATIENCE) and self._answer


Told = str | Approval | ToolRan


class Visit:
    """One person's conversation with an assistant. `rows` are what was said: who, and HTML."""

    def __init__(self, name: str) -> None:
        self.assistant: Assistant = open_assistant(name)
        self.chat: Chat | None = None
        self.rows: list[tuple[str, str]] = []
        self.approval: Approval | None = None
        self._tell: Callable[[Told], None] = lambda told: None

    def say(self, desk: Desk, model: str, line: str) -> Iterator[str]:
        """The answer as it grows: the words of the piece that is being written, none at first."""
        if not line.strip():
            raise UsageError("The message is empty; say something.")
        self.rows.append(("user", f"<p>{escaped(line)}</p>"))
        yield ""

        def work(tell: Callable[[Told], None]) -> None:
            self._tell = tell
            chat = self.chat = self.chat or self._begin(desk, model)
            said = [m.text for m in chat.messages if m.role == "user"]
            chat.system = self.assistant.system([*said, line])
            with closing(chat.stream(line).events()) as events:
                for event in events:
                    if isinstance(event, TextDelta):
                        tell(event.text)
                    elif isinstance(event, ToolRan):
                        tell(event)

        growing = ""
        try:
            for told in follow(work):
                for each in told:
                    if isinstance(each, str):
                        growing += each
                    elif isinstance(each, Approval):
                        self.approval = each
                    else:
                        self.approval = None
                        growing = self._keep(growing)
                        self.rows.append(("tool", _ran(each)))
                yield growing
        finally:
            if self.approval is not None:
                self.approval.answer(False)
                self.approval = None
            self._keep(growing)

    def _keep(self, words: str) -> str:
        if words.strip():
            self.rows.append(("assistant", markdown(words)))
        return ""

    def _begin(self, desk: Desk, model: str) -> Chat:
        box = Toolbox(self.assistant.load_tools(), approve=self._approve)
        opened = desk.open(model)
        return Chat(opened, system=self.assistant.system(), tools=box, store=desk.store)

    def _approve(self, tool: Tool, arguments: Mapping[str, Any]) -> bool:
        approval = Approval(tool, arguments)
        self._tell(approval)
        return approval.wait()


def _ran(ran: ToolRan) -> str:
    words = f"{ran.call.name}({_arguments(_parsed(ran.call.arguments))})"
    failed = " (did not run)" if ran.result.failed else ""
    return f"<p><code>{escaped(words)}</code>{failed}</p><p>{escaped(ran.result.text)}</p>"


def _parsed(arguments: str) -> Mapping[str, Any]:
    try:
        found = json.loads(arguments)
    except ValueError:
        found = arguments
    return found if isinstance(found, dict) else {"": found}


def _arguments(arguments: Mapping[str, Any]) -> str:
    return ", ".join(f"{k}={json.dumps(v, ensure_ascii=False)}" for k, v in arguments.items())
