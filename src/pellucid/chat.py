"""A conversation. The model remembers nothing: each turn sends the history again.

The messages form a tree: taking a turn back and saying something else grows a branch, and
nothing is lost. `Chat.messages` is the path from the root to where the conversation is now.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from . import memory as memory_policies
from .errors import UsageError
from .messages import (
    Media,
    Message,
    Options,
    Request,
    ResponseFormat,
    ToolCall,
    ToolResult,
)
from .messages import text_message as _message
from .models.base import Model, Stopped, never, prepare_steered
from .prompt.budget import fits, require_fit
from .prompt.values import Prompt
from .record.receipt import Memory, Receipt
from .replies import Reply
from .shapes import as_messages
from .tools.running import Toolbox
from .tools.tool import Tool
from .turn import Turn, answered, sendable
from .value import value

if TYPE_CHECKING:
    from .record.store import Store


ENDED = "the conversation ended before"
"""Why calls at the end of a conversation that is gone on with have no results."""


@value
class _Node:
    message: Message
    parent: int | None


class Chat:
    """A conversation with one model.

    `model` is a name or a model (default: the setting), `memory` a policy (`full`, `none`,
    `last:N`, `fit`), `history` earlier messages in any accepted shape. Receipts go to `store`
    (default: the user's own, unless the setting `log` is off; `None` keeps them in memory only).
    """

    def __init__(
        self,
        model: Model | str | None = None,
        *,
        system: str | None = None,
        memory: str | None = None,
        options: Options | None = None,
        tools: Toolbox | Iterable[Tool] = (),
        history: object = (),
        store: Store | Literal["default"] | None = "default",
    ) -> None:
        from . import settings
        from .models.names import open_model

        chosen = settings.load()
        self.model: Model = open_model(model) if model is None or isinstance(model, str) else model
        self.system = system
        self.memory = memory_policies.parse_policy(memory or chosen.memory)
        self.options = options or Options()
        self.tools = tools if isinstance(tools, Toolbox) else Toolbox(tools)
        self.response_format: ResponseFormat | None = None
        self.receipts: list[Receipt] = []
        self._log = chosen.log
        self._store = store
        self._conversation = ""
        self._nodes: list[_Node] = []
        self._head: int | None = None
        for message in as_messages(history):
            if message.role == "system":
                self.system = message.text
            else:
                self._append(message)
        self._close_calls(ENDED)

    # -- the conversation so far

    @property
    def messages(self) -> tuple[Message, ...]:
        """The conversation without its system message, oldest first."""
        path: list[Message] = []
        at = self._head
        while at is not None:
            path.append(self._nodes[at].message)
            at = self._nodes[at].parent
        return tuple(reversed(path))

    def resume(self, receipt: Receipt) -> None:
        """Go on where `receipt` ended, with what its memory policy had left out as well."""
        self.forget()
        self._conversation = receipt.conversation
        sent = [*receipt.memory.dropped, *receipt.request.messages]
        if answered(receipt):
            sent.append(sendable(receipt.reply.message))
        elif sent[-1].role == "user":
            sent.pop()  # as in the conversation itself: a turn without an answer is not part of it
        for message in sent:
            if message.role == "system":
                self.system = self.system or message.text
            else:
                self._append(message)
        self._close_calls(ENDED)
        self.receipts.append(receipt)

    def _append(self, message: Message) -> None:
        self._nodes.append(_Node(message, self._head))
        self._head = len(self._nodes) - 1

    def _close_calls(self, why: str) -> None:
        """Give the calls that nobody will carry out any more a result that says so: hosts refuse a
        history of calls without results."""
        if self._head is None:
            return
        calls = [p for p in self._nodes[self._head].message.parts if isinstance(p, ToolCall)]
        if calls:
            words = "{} was not run: {}."
            results = (ToolResult(c.id, c.name, words.format(c.name, why), True) for c in calls)
            self._append(Message("tool", tuple(results)))

    # -- speaking

    def say(self, text: str | Message, *, tools: Toolbox | Iterable[Tool] | None = None) -> Reply:
        """Send one message and wait for the whole reply, the last one where tools were called.

        `tools` are those of this turn alone (default: the conversation's).
        """
        turn = self.stream(text, tools=tools)
        for _ in turn:
            pass
        return turn.reply

    def json(self, text: str | Message, schema: Mapping[str, Any] | None = None) -> Any:
        """Send one message and return the reply as data that fits the JSON `schema`.

        Without a schema any JSON object will do. Raises `UnfitReply`, which carries the text.
        """
        from .structured import ask

        return ask(self, text, schema)

    def stream(self, text: str | Message, *, tools: Toolbox | Iterable[Tool] | None = None) -> Turn:
        """Send one message; iterate over the turn for the reply's text as it comes."""
        if tools is None or isinstance(tools, Toolbox):
            return Turn(self, self._new(text), tools)
        return Turn(self, self._new(text), Toolbox(tools))

    def prompt(self, text: str | Message, *, generation: bool = True) -> Prompt | None:
        """What would be sent if `text` were said now: nothing is called.

        `None` where the provider renders the prompt out of sight. Without `generation` the words
        that open the assistant's turn are left out.
        """
        request, _ = self._request((*self.messages, self._new(text)), self.tools)
        return self.model.prepare(replace(request, generation_prompt=generation))

    def _new(self, text: str | Message) -> Message:
        if not isinstance(text, str | Message):
            raise UsageError(f"A message is text, not {type(text).__name__}.")
        message = _message("user", text) if isinstance(text, str) else text
        if not message.text.strip() and not any(isinstance(p, Media) for p in message.parts):
            raise UsageError("The message is empty; say something.")
        _require_utf8(message.text, "message")
        return message

    def _prepare(
        self,
        messages: tuple[Message, ...],
        tools: Toolbox,
        tool_choice: str = "auto",
        stopped: Stopped = never,
    ) -> tuple[Request, Prompt | None, Memory]:
        """What is sent; refused here if it does not fit."""
        request, memory = self._request(messages, tools)
        request = replace(request, tool_choice=tool_choice)
        request, prompt = prepare_steered(self.model, request, stopped)
        if prompt is not None and self.model.window is not None:
            require_fit(prompt, self.model.window, request.options.max_tokens)
        return request, prompt, memory

    def _request(self, messages: tuple[Message, ...], tools: Toolbox) -> tuple[Request, Memory]:
        """The messages that the memory policy lets through, and what it did."""
        system = (_message("system", self.system),) if self.system else ()
        _require_utf8(self.system or "", "system message")
        options = self.model.settle(self.options)
        request = Request((), tools.specs, options, response_format=self.response_format)
        fits_too = self._fits(request)
        kept = memory_policies.apply(self.memory, (*system, *messages), fits_too)
        return replace(request, messages=kept.messages), Memory(str(self.memory), kept.dropped)

    def _fits(self, request: Request) -> Callable[[tuple[Message, ...]], bool]:
        def test(messages: tuple[Message, ...]) -> bool:
            prompt = self.model.prepare(replace(request, messages=messages))
            window = self.model.window
            if prompt is None or window is None:
                return True
            return fits(prompt, window, request.options.max_tokens)

        return test

    # -- changing one's mind

    def undo(self) -> Message | None:
        """Take the last turn back; the message that was undone, or `None` at the beginning."""
        at = self._head
        while at is not None and self._nodes[at].message.role != "user":
            at = self._nodes[at].parent
        if at is None:
            return None
        self._head = self._nodes[at].parent
        return self._nodes[at].message

    def retry(self) -> Turn:
        """Ask for another reply to the last message, on a branch of its own."""
        message = self.undo()
        if message is None:
            raise UsageError("Nothing has been said yet, so there is nothing to try again.")
        return Turn(self, message)

    def branch(self, receipt: Receipt, token: int, id: int) -> Turn:
        """Go on with the reply of `receipt` as if its token number `token` had been `id`.

        What was sent then is sent again, with the ids of the reply up to there and `id` at the end
        of the prompt; the new reply is the whole of it, on a branch of its own. Local models
        alone: raises `CannotExpress` for others, and `UsageError` where the reply has no such
        beginning.
        """
        from .branch import BranchTurn, plan

        branch = plan(self.model, receipt, token, id)
        self._go_to([*receipt.memory.dropped, *receipt.request.messages[:-1]])
        return BranchTurn(self, branch)

    def _go_to(self, messages: Iterable[Message]) -> None:
        """Be where exactly these were said; what was not said here yet is added."""
        self._head = None
        for message in messages:
            if message.role == "system":
                self.system = self.system or message.text
                continue
            node = _Node(message, self._head)
            if node in self._nodes:
                self._head = self._nodes.index(node)
            else:
                self._append(message)

    def forget(self) -> None:
        """Begin again with an empty history; the system message stays."""
        self._head = None
        self._conversation = ""

    def save(self, path: Path | str) -> Path:
        """Write the conversation: a list of messages for `.json`, else Markdown."""
        path = Path(path)
        system = (_message("system", self.system),) if self.system else ()
        messages = [{"role": m.role, "content": m.text} for m in (*system, *self.messages)]
        if path.suffix == ".json":
            text = json.dumps(messages, ensure_ascii=False, indent=2) + "\n"
        else:
            text = "\n\n".join(f"**{m['role']}**\n\n{m['content']}" for m in messages) + "\n"
        try:
            path.write_text(text, "utf-8")
        except OSError as error:
            raise UsageError(f"{path} cannot be written: {error.strerror}.") from error
        return path

    def open_store(self) -> Store | None:
        """The store, opened when it is first needed: while the model reads. Raises `StoreError`."""
        if self._store == "default":
            from .record.store import Store
            from .settings import Folders

            self._store = Store(Folders.of().store) if self._log else None
        return self._store

    def _keep(self, receipt: Receipt) -> None:
        self.receipts.append(receipt)
        if store := self.open_store():
            store.add(receipt)


def _require_utf8(text: str, what: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UsageError(
            f"Character {error.start:,} (counted from 0) of the {what} is a lone surrogate: what "
            "was typed or read there is not UTF-8."
        ) from None
