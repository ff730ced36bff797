"""The conversation of one tab of a browser: its receipts as a tree, and where in it the tab is.

Nothing is kept beside the receipts: every turn builds its `Chat` from the receipt it follows, so
model, system message and settings may change from turn to turn, and a reload finds everything.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import field, replace

from ..chat import Chat
from ..errors import PellucidError, UsageError
from ..messages import Message, Options, Text
from ..models.base import Model
from ..record.ids import new_id
from ..record.receipt import Receipt
from ..replies import Event
from ..tools.running import ToolRan
from ..turn import Turn, answered
from ..value import value
from .desk import Desk
from .live import Live, seen, spoken

EVERY = 0.06
"""Seconds between two looks of the page at a reply that is being written."""

OPENING = "opening the model"

SHOWN = 60
"""Turns of a long conversation that are on the page; those before them are folded away."""


@value
class Setup:
    """How the next turn is asked."""

    model: str
    system: str = ""
    memory: str = "full"
    options: Options = field(default_factory=Options)


@value
class Step:
    """A turn on the way to where the tab is: what was said, and the call that answered.

    `place` counts the `siblings` (other answers, other words at this point) from 0. `alone` is the
    answer to the same words without the history, where that was asked for.
    """

    receipt: Receipt
    siblings: tuple[str, ...]
    place: int
    alone: Receipt | None = None


class Session:
    def __init__(self, desk: Desk, id: str = "") -> None:
        self.desk = desk
        self.id = id or new_id(time.time())
        self.receipts: dict[str, Receipt] = {}
        self.opening: tuple[Message, ...] = ()
        """What was imported: said before the first call."""
        self.head: str | None = None
        self.selected: str | None = None
        self.panel = ""
        self.shown = SHOWN
        self.live: Live | None = None
        self.editing: str | None = None
        self._before: dict[str, str | None] = {}
        self._alone: set[str] = set()
        self._turn: Turn | None = None
        self._stopped = False
        self._model: tuple[str, Model] | None = None
        self._doing: Callable[[str], None] = lambda _: None
        for receipt in desk.conversation(id) if id else ():
            self._add(receipt)
        self.selected = self.head

    @property
    def messages(self) -> tuple[Message, ...]:
        """Everything said up to where the tab is, the system message first."""
        if self.head is None:
            return self.opening
        receipt = self.receipts[self.head]
        system = tuple(m for m in receipt.request.messages if m.role == "system")
        return (*system, *spoken(receipt), receipt.reply.message)

    # -- the tree

    def _add(self, receipt: Receipt) -> None:
        self.receipts[receipt.id] = receipt
        before = receipt.parent
        while before is not None and not self._follows(receipt, before):
            before = self._before.get(before)
        self._before[receipt.id] = before
        if self._is_alone(receipt):
            self._alone.add(receipt.id)
        else:
            self.head = receipt.id

    def _is_alone(self, receipt: Receipt) -> bool:
        """Whether this was asked without the history, to be seen beside an answer with it."""
        if receipt.memory.policy != "none" or not receipt.memory.dropped:
            return False
        said = spoken(receipt)[-1]
        return any(
            spoken(r)[-1] == said and r.memory.policy != "none"
            for r in self._after(self._before[receipt.id])
        )

    def _after(self, receipt: str | None) -> list[Receipt]:
        """The turns that follow one, oldest first, without those asked alone."""
        return [
            r
            for r in self.receipts.values()
            if self._before.get(r.id, "") == receipt and r.id not in self._alone
        ]

    def _follows(self, receipt: Receipt, before: str) -> bool:
        """Whether the history of a receipt ends with what an earlier one sent and received."""
        earlier = self.receipts.get(before)
        if earlier is None or not answered(earlier):
            return False
        said, path = spoken(earlier), spoken(receipt)
        place = len(said)
        return len(path) > place and (path[place - 1], path[place]) == (
            said[-1],
            earlier.reply.message,
        )

    def steps(self) -> tuple[Step, ...]:
        """The turns from the beginning to where the tab is."""
        path: list[Step] = []
        at = self.head
        while at is not None:
            path.append(self._step(self.receipts[at]))
            at = self._before[at]
        return tuple(reversed(path))

    def _step(self, receipt: Receipt) -> Step:
        siblings = tuple(r.id for r in self._after(self._before[receipt.id]))
        said = spoken(receipt)[-1]
        beside = (self.receipts[id] for id in sorted(self._alone, reverse=True))
        alone = (
            r
            for r in beside
            if self._before[r.id] == self._before[receipt.id] and spoken(r)[-1] == said
        )
        return Step(receipt, siblings, siblings.index(receipt.id), next(alone, None))

    def go(self, receipt: str) -> None:
        """Be at the newest turn that follows `receipt`. Raises `UsageError`."""
        self._require(receipt)
        while after := self._after(receipt):
            receipt = after[-1].id
        self.head = self.selected = receipt

    def fork(self, receipt: str) -> None:
        """Be right after `receipt`: what is said next grows a branch there."""
        self._require(receipt)
        self.head = self.selected = receipt

    def undo(self) -> Message | None:
        """Take the last turn back; what was said in it."""
        if self.head is None:
            return None
        said = spoken(self.receipts[self.head])[-1]
        self.head = self.selected = self._before[self.head]
        return said

    def _require(self, receipt: str) -> Receipt:
        if receipt not in self.receipts:
            raise UsageError("That turn is not part of this conversation.")
        return self.receipts[receipt]

    # -- speaking

    def say(self, message: Message, setup: Setup) -> Iterator[Live]:
        """Say something after the turn where the tab is."""
        yield from self._ask(message, setup, self.head)

    def retry(self, receipt: str, setup: Setup) -> Iterator[Live]:
        """Another answer to what `receipt` answered."""
        said = spoken(self._require(receipt))[-1]
        yield from self._ask(said, setup, self._before[receipt])

    def edit(self, receipt: str, text: str, setup: Setup) -> Iterator[Live]:
        """Other words in the place of those that `receipt` answered; what went along stays."""
        said = spoken(self._require(receipt))[-1]
        along = tuple(p for p in said.parts if not (isinstance(p, Text) and p.source is None))
        message = Message("user", (Text(text), *along))
        yield from self._ask(message, setup, self._before[receipt])

    def alone(self, receipt: str, setup: Setup) -> Iterator[Live]:
        """What `receipt` answered, asked again without the history."""
        said = spoken(self._require(receipt))[-1]
        setup = replace(setup, memory="none")
        yield from self._ask(said, setup, self._before[receipt], alone=True)

    def branch(self, receipt: str, token: int, id: int, setup: Setup) -> Iterator[Live]:
        """The reply of `receipt`, gone on with as if its token number `token` had been `id`."""
        found = self._require(receipt)
        before = self._before[receipt]
        yield from self._run(
            Live(spoken(found)[-1]), lambda: self._chat(setup, before).branch(found, token, id)
        )

    def stop(self) -> None:
        """End the turn under way; what came is kept."""
        self._stopped = True
        if self._turn is not None:
            self._turn.cancel()

    def _ask(
        self, message: Message, setup: Setup, before: str | None, alone: bool = False
    ) -> Iterator[Live]:
        yield from self._run(
            Live(message, alone=alone),
            lambda: self._chat(setup, before).stream(message),
        )

    def _run(self, live: Live, begin: Callable[[], Turn]) -> Iterator[Live]:
        """A turn in a thread of its own, as the page sees it: a few looks a second."""
        if self.live is not None:
            raise UsageError("A reply is being written; stop it first, or wait for its end.")
        came: queue.SimpleQueue[Event | ToolRan | str | PellucidError | None] = queue.SimpleQueue()
        self._stopped, self._doing = False, came.put
        self.live = live = replace(live, doing=OPENING)

        def work() -> None:
            try:
                self._turn = begin()
                if self._stopped:
                    self._turn.cancel()
                came.put("reading the prompt")
                for event in self._turn.events():
                    came.put(event)
            except PellucidError as error:
                came.put(error)
            finally:
                came.put(None)

        thread = threading.Thread(target=work, name="turn", daemon=True)
        thread.start()
        try:
            yield live
            while True:
                event = came.get()
                ended = False
                while True:
                    if event is None:
                        ended = True
                        break
                    live = seen(live, event)
                    try:
                        event = came.get_nowait()
                    except queue.Empty:
                        break
                self.live = live
                if ended:
                    break
                yield live
                time.sleep(EVERY)
        finally:
            if thread.is_alive():
                self.stop()
            thread.join()
            self.live = None
            self._end(live)
        yield live

    def _end(self, live: Live) -> None:
        turn, self._turn = self._turn, None
        for receipt in turn.chat.receipts if turn else ():
            if receipt.id in self.receipts:
                continue
            self._add(receipt)
            self.desk.keep(receipt)
            self.selected = self.head

    def _chat(self, setup: Setup, before: str | None) -> Chat:
        chat = Chat(
            self._opened(setup.model),
            memory=setup.memory,
            options=setup.options,
            history=self.opening if before is None else (),
            store=self.desk.store,
        )
        if before is not None:
            chat.resume(self.receipts[before])
        chat.system = setup.system or None
        chat._conversation = self.id
        return chat

    def _opened(self, name: str) -> Model:
        if self._model is None or self._model[0] != name:
            model = self.desk.open(name, say=lambda text: self._doing(text), progress=self._fetched)
            self._model = name, model
        return self._model[1]

    def _fetched(self, done: int, total: int) -> None:
        self._doing(f"fetching the model: {done / 1e6:,.0f} of {total / 1e6:,.0f} MB")
