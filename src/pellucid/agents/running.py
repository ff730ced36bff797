"""A task given to an agent: planned, carried out, put together; within a budget, on the record."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Literal

from ..errors import BudgetSpent, PellucidError, StoreError, UsageError
from ..messages import Message, Options, Text
from ..models.base import Model
from ..record.ids import new_id
from ..tools.running import Approve, Toolbox, cancelled
from ..tools.tool import Tool
from . import planning
from .agent import Agent
from .budget import Budget
from .notebook import Notebook
from .outcome import Outcome
from .page import Finding, borne_out, page
from .speaking import Speaking
from .talk import Branch, Ended
from .trace import Said

if TYPE_CHECKING:
    from ..record.store import Store

SECONDS = 600.0
"""How long an agent that is called as a tool may take."""
LINGER = 2.0
"""Seconds that calls which were cancelled have to write their receipts."""
UNTIL_THEN = "What was done until then is kept."


def run(agent: Agent, task: str, **how: Any) -> Outcome:
    """Give `task` to `agent` and wait for what it comes to. `how` is as for `Run`."""
    return Run(agent, **how).do(task)


class Run:
    """One task for one agent. `outcome` is there at the end, and also when it was interrupted.

    `model` is for agents that name none; `options` hold for all. Tools that act ask `approve`,
    unless they are in `allow`. Receipts go to `store`, what was found to `notebook` (default: one
    that ends with the run). `tell` is called as somebody is spoken to. Models are opened by
    `open_model` from their names.
    """

    def __init__(
        self,
        agent: Agent,
        *,
        model: Model | str | None = None,
        options: Options | None = None,
        approve: Approve | None = None,
        allow: Iterable[str] = (),
        store: Store | Literal["default"] | None = "default",
        notebook: Notebook | None = None,
        tell: Callable[[Said], None] = lambda _: None,
        open_model: Callable[[str | None], Model] | None = None,
    ) -> None:
        from ..models import names

        self.agent = agent
        self.id = new_id(time.time())
        self.outcome: Outcome | None = None
        self._allow = frozenset(allow)
        known = {tool.name for each in agent.all() for tool in each.tools}
        if unknown := sorted(self._allow - known):
            raise UsageError(f"There is no tool called {unknown[0]!r} to be allowed.")
        self._speaking = Speaking(
            self.id,
            model=model,
            open_model=open_model or names.open_model,
            options=options or Options(),
            budget=Budget(agent.calls, agent.tokens),
            store=_opened() if store == "default" else store,
        )
        self._approve = approve
        self._notebook = notebook or Notebook()
        self._tell = tell
        self._sources: list[str] = []
        self._problems: list[str] = []
        self._branch = Branch()
        self._elsewhere: list[threading.Event] = []
        """Set as agents that were called as tools, in threads of their own, end."""

    def cancel(self) -> None:
        """End the run from another thread; `do` returns what was done so far."""
        self._branch.cancel()

    def do(self, task: str) -> Outcome:
        """Carry out `task`. What fails, or does not fit the budget, is said in the outcome.

        Raises `UsageError`, and what there is to say about a model that cannot be had.
        """
        if not task.strip():
            raise UsageError("The agent was given no task; say what it is to do.")
        for agent in self.agent.all():
            self._speaking.model(agent)  # one that cannot be had is known before any is asked
        you = Said("", "you", task)
        findings: list[Finding] = []
        try:
            self._carry_out(self.agent, task, you, self._branch, findings)
        except BudgetSpent as spent:
            self._problems.append(f"{spent} {UNTIL_THEN}")
        except Ended:
            self._problems.append(f"The run was stopped. {UNTIL_THEN}")
        except BaseException as error:
            self._problems.append(str(error) or f"The run was interrupted. {UNTIL_THEN}")
            self._end(you, findings)
            raise
        return self._end(you, findings)

    def _end(self, you: Said, findings: list[Finding]) -> Outcome:
        for ended in self._elsewhere:
            ended.wait(LINGER)
        alone = len(findings) == 1 and not findings[0].source
        you.answer = findings[0].text if alone else page("", findings, self._number)
        self.outcome = Outcome(
            run=self.id,
            text=you.answer,
            sources=tuple(self._sources),
            problems=tuple(self._problems),
            notes=tuple(self._speaking.notes),
            calls=self._speaking.budget.calls,
            tokens=self._speaking.budget.tokens,
            trace=you,
        )
        return self.outcome

    # -- a task for an agent

    def _carry_out(
        self,
        agent: Agent,
        task: str,
        caller: Said,
        branch: Branch,
        findings: list[Finding],
        after: str | None = None,
    ) -> None:
        """Have `agent` do `task`, once for each file it reads, and add what it found. The call
        `after` led to it.

        An agent that fails leaves a sentence; what others found is kept.
        """
        for source, text in agent.reading.items() or [("", "")]:
            branch.check()
            said = caller.say(agent.name, task, source=source, after=after)
            self._tell(said)
            try:
                if agent.plan:
                    self._plan(agent, said, branch, findings)
                else:
                    self._answer(agent, said, text, branch)
                    findings.append(Finding(agent.name, said.answer, source))
            except (BudgetSpent, Ended, StoreError) as error:
                said.failed, said.answer = True, said.answer or str(error) or "It was stopped."
                raise
            except PellucidError as error:
                said.failed, said.answer = True, str(error)
                of = f" ({source})" if source else ""
                self._problems.append(f"{agent.name}{of} failed: {error}")

    def _answer(self, agent: Agent, said: Said, text: str, branch: Branch) -> None:
        """Have an agent do its task itself; what it answers is kept in the notebook."""
        alone = not (agent.tools or agent.offers or agent.notebook)
        key = self._speaking.key(agent, said, text) if alone else ""
        kept = self._notebook.kept(key) if key else None
        if kept is not None:
            said.kept, said.answer = True, kept
        elif agent.quotes:
            parts = [Text(text, source=said.source)]
            self._speaking.quote(agent, said, parts, text, branch)
        else:
            passage = (Text(text, source=said.source), Text("\n\n")) if said.source else ()
            message = Message("user", (*passage, Text(said.words)))
            self._speaking.say(agent, said, message, branch, self._tools(agent, said))
            if said.source:
                self._check(agent, said, text)
        if said.source:
            self._number(said.source)
        if kept is None:
            self._notebook.write(agent.name, said.answer, source=said.source, key=key)

    # -- dividing a task, and putting together what was found

    def _plan(self, agent: Agent, said: Said, branch: Branch, findings: list[Finding]) -> None:
        """Divide the task, have the steps carried out, and answer from what was found."""
        asked = said.say(agent.name, "Divide the task.", "plan", after=said.after)
        self._tell(asked)
        words = planning.question(agent, said.words)
        plan = self._speaking.json(agent, asked, words, planning.schema(agent), branch)
        steps = planning.steps(agent, plan)
        asked.answer = "\n".join(f"{n}. {s.agent.name}: {s.task}" for n, s in enumerate(steps, 1))
        said.after = asked.receipts[-1]
        found: list[Finding] = []
        try:
            for step in steps:
                self._carry_out(step.agent, step.task, said, branch, found, said.after)
            if found:
                self._put_together(agent, said, found, branch)
        finally:
            said.answer = page(said.answer, found, self._number, quotes=agent.quotes > 0)
            if said.answer:
                findings.append(Finding(agent.name, said.answer))

    def _put_together(self, agent: Agent, said: Said, found: list[Finding], branch: Branch) -> None:
        parts = [Text(each.text, source=each.source or each.author) for each in found]
        text = "\n\n".join(each.text for each in found)
        if agent.quotes:
            self._speaking.quote(agent, said, parts, text, branch)
            return
        head, task = Text("This was found:\n\n"), Text(f"\n\nAnswer from it: {said.words}")
        self._speaking.say(agent, said, Message("user", (head, *parts, task)), branch, Toolbox())
        if any(each.source for each in found):
            self._check(agent, said, text)

    def _check(self, agent: Agent, said: Said, text: str) -> None:
        """Leave out of an answer what the text it was made from does not bear out."""
        said.answer, strange = borne_out(said.answer, text, said.words)
        of = said.source or "what was found"
        self._speaking.notes += [
            f"Left out of the answer of {agent.name}, as {of} does not say it: {sentence}"
            for sentence in strange
        ]

    # -- agents as tools

    def _tools(self, agent: Agent, said: Said) -> Toolbox:
        """An agent's tools, and the agents it is offered as tools."""
        own = [*agent.tools, *(self._notebook.tools(agent.name) if agent.notebook else ())]
        tools = [*own, *(self._as_tool(each, said) for each in agent.offers)]
        allow = self._allow & {tool.name for tool in tools}
        return Toolbox(tools, approve=self._approve, allow=allow)

    def _as_tool(self, agent: Agent, caller: Said) -> Tool:
        def ask(task: str) -> str:
            """Ask it.

            Args:
                task: what it is to do, in a sentence
            """
            branch, ended = Branch(), threading.Event()
            self._elsewhere.append(ended)
            findings: list[Finding] = []
            try:
                with branch.ending_with(cancelled.get()):
                    after = caller.receipts[-1]
                    self._carry_out(agent, task, caller, branch, findings, after)
            finally:
                ended.set()
            if not findings:
                return f"{agent.name} has no answer: {caller.inner[-1].answer}"
            return "\n\n".join(f"{f.source}: {f.text}" if f.source else f.text for f in findings)

        about = agent.about or agent.instructions
        return Tool(ask, name=agent.name, description=about, seconds=SECONDS)

    def _number(self, source: str) -> int:
        """The number of a source in the list at the end; 0 is of none."""
        if source and source not in self._sources:
            self._sources.append(source)
        return self._sources.index(source) + 1 if source else 0


def _opened() -> Store | None:
    """The user's own store, unless receipts are turned off."""
    from .. import settings
    from ..record.store import Store

    return Store(settings.Folders.of().store) if settings.load().log else None
