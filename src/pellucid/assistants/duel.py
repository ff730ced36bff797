"""Models that talk with one another. Each sees its own words as the assistant's and the others'
as the user's: the same stateless call as ever, with the history told from its side."""

from __future__ import annotations

import tomllib
from collections.abc import Generator, Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from ..calls import Call
from ..errors import UsageError
from ..messages import Message, Options, Request, text_message
from ..models.base import Model
from ..prompt.budget import require_fit
from ..record.receipt import Receipt
from ..replies import Event
from ..value import value

if TYPE_CHECKING:
    from ..record.store import Store

OPENINGS = ("Hi there", "Hi")
TEMPERATURE = 0.9


@value
class Speaker:
    """`name` is how the others are told who spoke, where there are more than two."""

    name: str
    model: Model
    persona: str


@value
class Line:
    """What one of the speakers, by number, said."""

    speaker: int
    text: str


class Duel:
    """A conversation of two or more speakers, saved as one.

    `openings` are the first words of the first speakers; each is said, not generated.
    """

    def __init__(
        self,
        speakers: Sequence[Speaker],
        *,
        openings: Sequence[str] = OPENINGS,
        options: Options | None = None,
        store: Store | None = None,
    ) -> None:
        if len(speakers) < 2:
            raise UsageError("A duel needs two models at least: -m local -m local.")
        if not openings or len(openings) > len(speakers):
            raise UsageError(
                f"{len(openings)} opening words for {len(speakers)} speakers: give one at least, "
                "and one each at most."
            )
        self.speakers = tuple(speakers)
        self.lines = [Line(i, words) for i, words in enumerate(openings)]
        self.receipts: list[Receipt] = []
        given = options or Options()
        if given.temperature is None:  # the model's own is made for facts; two of those agree
            given = replace(given, temperature=TEMPERATURE)
        self._options = given
        self._store = store

    def turn(self) -> Generator[Event, None, None]:
        """The next speaker's reply, event by event. It is part of the conversation at its end."""
        number = (self.lines[-1].speaker + 1) % len(self.speakers)
        model = self.speakers[number].model
        messages = self.seen_by(number)
        request = Request(messages, options=model.settle(self._options))
        prompt = model.prepare(request)
        if prompt is not None and model.window is not None:
            require_fit(prompt, model.window, request.options.max_tokens)
        last = self.receipts[-1] if self.receipts else None
        call = Call(
            model,
            request,
            prompt,
            conversation=last.conversation if last else "",
            parent=last.id if last else None,
            replayed=len(messages) - 1 if last else 0,
            keep=self._keep,
        )
        yield from call
        assert call.receipt is not None
        self.lines.append(Line(number, call.receipt.reply.text))

    def seen_by(self, number: int) -> tuple[Message, ...]:
        """The conversation from one speaker's side."""
        me = self.speakers[number]
        messages = [text_message("system", me.persona)]
        heard: list[str] = []
        for line in self.lines:
            if line.speaker != number:
                named = f"{self.speakers[line.speaker].name}: " if len(self.speakers) > 2 else ""
                heard.append(named + line.text)
                continue
            if heard:
                messages.append(text_message("user", "\n\n".join(heard)))
                heard = []
            messages.append(text_message("assistant", line.text))
        if heard:
            messages.append(text_message("user", "\n\n".join(heard)))
        return tuple(messages)

    def _keep(self, receipt: Receipt) -> None:
        self.receipts.append(receipt)
        if self._store is not None:
            self._store.add(receipt)


def persona(name: str) -> str:
    """The system message of a ready-made persona, of a text file, or `name` itself where it is
    several words. Raises `UsageError`."""
    ready = personas()
    if name in ready:
        return ready[name]
    path = Path(name)
    if path.is_file():
        try:
            return path.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"The persona {name} cannot be read: {error}.") from error
    if " " in name.strip():
        return name
    raise UsageError(
        f"No persona is called {name!r} and no file either. Ready-made are {', '.join(ready)}; "
        "several words are taken as a system message."
    )


def personas() -> dict[str, str]:
    """The ready-made personas: name -> system message."""
    text = files(__package__).joinpath("personas.toml").read_text("utf-8")
    return {name: str(words) for name, words in tomllib.loads(text).items()}
