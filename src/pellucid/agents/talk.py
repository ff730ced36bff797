"""A conversation of one agent inside a run: within the budget, in the trace, and to be ended."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from ..chat import Chat
from ..messages import Message
from ..record.receipt import Receipt
from ..tools.running import Toolbox
from ..tools.tool import Tool
from ..turn import Turn
from .budget import Budget
from .trace import Said

LOOK = 0.05
"""Seconds between two looks at whether a call of a tool was cancelled."""


class Ended(Exception):
    """The run was told to stop."""


class Branch:
    """What runs in one thread of a run. `cancel` ends it from another."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._turn: Turn | None = None

    def begin(self, turn: Turn) -> None:
        self._turn = turn
        self.check()

    def check(self) -> None:
        """Raises `Ended` once it was cancelled."""
        if self._stop.is_set():
            raise Ended

    def cancel(self) -> None:
        self._stop.set()
        if self._turn is not None:
            self._turn.cancel()

    @contextmanager
    def ending_with(self, event: threading.Event) -> Iterator[None]:
        """Inside, the branch is cancelled as soon as `event` is set."""
        done = threading.Event()

        def watch() -> None:
            while not done.wait(LOOK):
                if event.is_set():
                    self.cancel()
                    return

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()


class Talk(Chat):
    """A chat whose calls need the budget's leave, and whose receipts tell where in the tree they
    belong: `conversation` is the run, `app` the agent, `parent` the call that led to it."""

    def __init__(
        self,
        *args: Any,
        said: Said,
        branch: Branch,
        budget: Budget,
        run: str,
        **how: Any,
    ) -> None:
        super().__init__(*args, **how)
        self._conversation = run
        self._said = said
        self._branch = branch
        self._budget = budget

    def stream(self, text: str | Message, *, tools: Toolbox | Iterable[Tool] | None = None) -> Turn:
        turn = super().stream(text, tools=tools)
        self._branch.begin(turn)
        return turn

    def _prepare(self, *args: Any, **how: Any) -> Any:
        request, prompt, memory = super()._prepare(*args, **how)
        self._branch.check()
        self._budget.require(request, prompt)
        return request, prompt, memory

    def _keep(self, receipt: Receipt) -> None:
        parent = receipt.parent if self.receipts else self._said.after
        receipt = replace(receipt, app=f"agent {self._said.receiver}", parent=parent)
        self._said.receipts.append(receipt.id)
        self._budget.spend(receipt.reply.usage)
        super()._keep(receipt)
