"""The conversations of a run: each agent with its model, one budget and one place for receipts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..errors import PellucidError
from ..messages import Message, Options, Text
from ..models.base import Model
from ..tools.running import Toolbox, ToolRan
from .agent import Agent
from .budget import Budget
from .page import quotable, quoted, quoting
from .talk import Branch, Talk
from .trace import Said

if TYPE_CHECKING:
    from ..record.store import Store

MAX_TOKENS = 800
"""Of an answer, where no option says another: what the budget keeps free for it."""


class Speaking:
    """How agents are spoken to in the run called `run`. `notes` are sentences about answers."""

    def __init__(
        self,
        run: str,
        *,
        model: Model | str | None,
        open_model: Callable[[str | None], Model],
        options: Options,
        budget: Budget,
        store: Store | None,
    ) -> None:
        self.budget = budget
        self.notes: list[str] = []
        self._run = run
        self._default = model
        self._open = open_model
        self._models: dict[str | None, Model] = {}
        self._store = store
        self._options = replace(
            options,
            temperature=0.0 if options.temperature is None else options.temperature,
            max_tokens=options.max_tokens or MAX_TOKENS,
        )

    def model(self, agent: Agent) -> Model:
        """The agent's model, opened once."""
        named = agent.model if agent.model is not None else self._default
        if named is not None and not isinstance(named, str):
            return named
        if named not in self._models:
            self._models[named] = self._open(named)
        return self._models[named]

    def say(
        self, agent: Agent, said: Said, message: Message, branch: Branch, tools: Toolbox
    ) -> None:
        """Say `message` to `agent`; the answer, and the tools it calls, are put into `said`."""
        talk = self._talk(agent, said, branch, tools)
        offered = {each.name for each in agent.offers}
        known = 0
        try:
            for event in talk.stream(message).events():
                if isinstance(event, ToolRan):
                    # an agent that was asked has said so itself
                    if event.call.name not in offered or len(said.inner) == known:
                        ran = said.say(event.call.name, event.call.arguments, "tool")
                        ran.answer, ran.failed = event.result.text, event.result.failed
                    known = len(said.inner)
            branch.check()
        finally:
            if talk.receipts:
                said.answer = talk.receipts[-1].reply.text.strip()
        if not said.answer:
            raise PellucidError(f"{agent.name} said nothing.")
        if talk.receipts[-1].reply.finish == "length":
            self.notes.append(f"The answer of {agent.name} was cut at max_tokens.")

    def quote(
        self, agent: Agent, said: Said, parts: Sequence[Text], text: str, branch: Branch
    ) -> None:
        """Have `agent` choose the sentences of `text` that answer the task best."""
        known = quotable(text, agent.quotes)
        if not known:
            raise PellucidError("There is no sentence to quote.")
        how = f"\n\nTask: {said.words}\nQuote the {min(agent.quotes, len(known))} sentences"
        message = Message("user", (*parts, Text(f"{how} that answer it best. Answer with JSON.")))
        answer = self.json(agent, said, message, quoting(known, agent.quotes), branch)
        said.answer = " ".join(quoted(answer, known))

    def json(
        self,
        agent: Agent,
        said: Said,
        message: str | Message,
        schema: Mapping[str, Any],
        branch: Branch,
    ) -> Any:
        """The answer of `agent` as data that fits `schema`."""
        return self._talk(agent, said, branch, Toolbox()).json(message, schema)

    def key(self, agent: Agent, said: Said, text: str) -> str:
        """What an answer depends on: where all of it is as it was, so is the answer."""
        parts = [agent.name, agent.instructions, agent.quotes, self.model(agent).name]
        parts += [said.words, text, repr(self._options)]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def _talk(self, agent: Agent, said: Said, branch: Branch, tools: Toolbox) -> Talk:
        return Talk(
            self.model(agent),
            system=agent.instructions,
            options=self._options,
            tools=tools,
            store=self._store,
            said=said,
            branch=branch,
            budget=self.budget,
            run=self._run,
        )
