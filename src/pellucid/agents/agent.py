"""An agent: a model, instructions, tools, and other agents offered as tools."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import field

from ..errors import UsageError
from ..models.base import Model
from ..tools.tool import NAME, Tool
from ..value import value

CALLS = 50
TOKENS = 100_000


@value
class Agent:
    """`about` is what the agents that are offered this one are told of it.

    `reading` are texts by name: the task is carried out once for each of them. With `plan` the
    task is first divided among the agents in `offers`. `quotes` (0: its own words) is how many
    sentences of what it reads an answer consists of, word for word. `notebook` offers it the tools
    `remember` and `recall`. `calls` and `tokens` are the budget of a run that begins with it.
    """

    name: str
    instructions: str
    about: str = ""
    model: Model | str | None = None
    tools: tuple[Tool, ...] = ()
    offers: tuple[Agent, ...] = ()
    reading: Mapping[str, str] = field(default_factory=dict)
    plan: bool = False
    quotes: int = 0
    notebook: bool = False
    calls: int = CALLS
    tokens: int = TOKENS

    def __post_init__(self) -> None:
        """Raises `UsageError` for what does not go together."""
        if not self.instructions.strip():
            raise UsageError(f"The agent {self.name} has no instructions; they make the agent.")
        if self.plan and not self.offers:
            raise UsageError(f"The agent {self.name} plans, but is offered no agents to plan for.")
        if self.plan and (self.reading or self.tools or self.notebook):
            raise UsageError(
                f"The agent {self.name} plans: files, tools and the notebook are for the agents "
                "that carry its steps out."
            )
        if self.quotes < 0 or (self.quotes and not (self.reading or self.plan)):
            raise UsageError(f"The agent {self.name} quotes, but has no files to quote from.")
        if self.quotes and not self.plan and (self.tools or self.offers or self.notebook):
            raise UsageError(f"The agent {self.name} quotes, so it cannot use tools as well.")
        names = [tool.name for tool in self.tools] + [agent.name for agent in self.offers]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise UsageError(
                f"The agent {self.name} is offered two tools or agents called {twice}."
            )
        if odd := next((name for name in names if not re.fullmatch(NAME, name)), None):
            raise UsageError(
                f"{odd!r} is no name of an agent: letters, digits, _ and -, at most 64."
            )
        if self.calls < 1 or self.tokens < 1:
            raise UsageError(f"The budget of {self.name} allows nothing; calls and tokens are > 0.")

    def all(self) -> Iterator[Agent]:
        """This agent and those below it, each once for each time it is offered."""
        yield self
        for agent in self.offers:
            yield from agent.all()
