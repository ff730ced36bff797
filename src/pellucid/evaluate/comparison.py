"""One question to several models, or to one model at several settings, all at once.

Hosted models answer at the same time. Local ones take turns: two engines on the same cores are
many times slower than one.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from queue import SimpleQueue
from threading import Event as Flag
from threading import Thread

from ..chat import Chat
from ..errors import PellucidError, UsageError
from ..models.local import LocalModel
from ..record.receipt import Receipt
from ..replies import Event
from ..tools.running import ToolRan
from ..turn import Turn
from ..value import value


@value
class Answered:
    """Contender `index` is done: `error` says why it has no whole reply."""

    index: int
    error: PellucidError | None


Step = tuple[int, Event | ToolRan] | Answered
"""An event of the contender with this number, or its end."""


class Comparison:
    """`contenders` are fresh chats: each has its model, system message and options."""

    def __init__(self, question: str, contenders: Sequence[Chat]) -> None:
        if not contenders:
            raise UsageError("There is nothing to compare: name at least one model.")
        self.question = question
        self.contenders = tuple(contenders)

    @property
    def receipts(self) -> list[Receipt | None]:
        """The receipt of each contender; `None` where nothing was sent."""
        return [chat.receipts[-1] if chat.receipts else None for chat in self.contenders]

    def steps(self) -> Generator[Step, None, None]:
        """What happens, as it happens. Closing the iterator cuts every reply short."""
        steps: SimpleQueue[Step | BaseException] = SimpleQueue()
        stop = Flag()
        turns: list[Turn] = []
        local = [i for i, c in enumerate(self.contenders) if isinstance(c.model, LocalModel)]
        hosted = [i for i in range(len(self.contenders)) if i not in local]
        groups = [group for group in (local, *([i] for i in hosted)) if group]
        threads = [
            Thread(target=self._answer, args=(group, steps, turns, stop), daemon=True)
            for group in groups
        ]
        for thread in threads:
            thread.start()
        try:
            waiting = len(self.contenders)
            while waiting:
                step = steps.get()
                if isinstance(step, BaseException):
                    raise step
                waiting -= isinstance(step, Answered)
                yield step
        finally:
            stop.set()
            for turn in turns:
                turn.cancel()
            for thread in threads:
                thread.join()

    def _answer(
        self,
        group: Sequence[int],
        steps: SimpleQueue[Step | BaseException],
        turns: list[Turn],
        stop: Flag,
    ) -> None:
        for index in group:
            error: PellucidError | None = None
            turn = self.contenders[index].stream(self.question)
            turns.append(turn)
            if stop.is_set():
                return
            try:
                for event in turn.events():
                    steps.put((index, event))
            except PellucidError as failure:
                error = failure
            except BaseException as failure:
                steps.put(failure)
                return
            steps.put(Answered(index, error))
