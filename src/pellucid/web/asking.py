"""Asking a model about text from the web: calls with receipts, and passages with their borders."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from ..calls import Call
from ..errors import StoreError
from ..messages import (
    Message,
    Options,
    Part,
    Request,
    ResponseFormat,
    Text,
    text_message,
)
from ..models.base import Model
from ..prompt.budget import require_fit
from ..record.receipt import Memory, Receipt
from ..replies import TextDelta

if TYPE_CHECKING:
    from ..record.store import Store


SMALL = 2 * 2**30
"""Bytes: a model in a smaller file, of some three billion parameters, copies a page rather than
summing it up, unless it is told how many sentences to write."""


class Asker:
    """Calls one model; `receipts` holds one for each call, the store too where there is one.

    `model` is a model, a name, or a function that opens one: that is done when it is first asked,
    after pages have been fetched. All calls of one asker are one conversation in the store.
    """

    def __init__(
        self,
        model: Model | str | Callable[[], Model] | None = None,
        options: Options | None = None,
        store: Store | Literal["default"] | None = "default",
    ) -> None:
        self._model = model
        self.options = options or Options(temperature=0.0, alternatives=0)
        self.receipts: list[Receipt] = []
        if store == "default":
            from .. import settings
            from ..record.store import Store

            chosen = settings.load()
            self._store = Store(settings.Folders.of().store) if chosen.log else None
        else:
            self._store = store

    @cached_property
    def model(self) -> Model:
        if self._model is None or isinstance(self._model, str):
            from ..models.names import open_model

            return open_model(self._model)
        return self._model() if callable(self._model) else self._model

    @property
    def size(self) -> int | None:
        """Bytes of the file that the model runs from; `None` where it does not run here."""
        card = getattr(self.model, "card", None)
        return None if card is None else int(card.path.stat().st_size)

    @property
    def small(self) -> bool:
        """Whether the model runs here from a small file."""
        return self.size is not None and self.size < SMALL

    @property
    def exact(self) -> bool:
        """Whether `count` counts as the model does; some providers do that out of sight."""
        return getattr(self.model, "tokenizer", None) is not None

    def count(self, text: str) -> int:
        """The tokens of a text."""
        tokenizer = getattr(self.model, "tokenizer", None)
        if tokenizer is None:
            return -(-len(text.encode("utf-8", "replace")) // 4)
        return len(tokenizer.encode(text).ids)

    def stream(
        self,
        system: str,
        parts: Sequence[Part],
        *,
        options: Options,
        form: ResponseFormat | None = None,
        examples: Sequence[tuple[Sequence[Part], str]] = (),
        left_out: Sequence[Message] = (),
    ) -> Iterator[str]:
        """The reply, a piece at a time. `examples` are messages with their answers, shown as
        earlier turns. `left_out` is kept in the receipt as what was not sent.

        Raises `PromptTooLong` before anything is sent.
        """
        shown: list[Message] = []
        for asked, answered in examples:
            shown += [Message("user", tuple(asked)), text_message("assistant", answered)]
        messages = (text_message("system", system), *shown, Message("user", tuple(parts)))
        request = Request(messages, options=self.model.settle(options), response_format=form)
        prompt = self.model.prepare(request)
        if prompt is not None and self.model.window is not None:
            require_fit(prompt, self.model.window, request.options.max_tokens)
        memory = Memory("web", tuple(left_out)) if left_out else None
        first = self.receipts[0] if self.receipts else None
        call = Call(
            self.model,
            request,
            prompt,
            conversation=first.conversation if first else "",
            memory=memory,
            keep=self._keep,
        )
        for event in call:
            if isinstance(event, TextDelta) and event.text:
                yield event.text

    def _keep(self, receipt: Receipt) -> None:
        self.receipts.append(receipt)
        if self._store is not None:
            try:
                self._store.add(receipt)
            except StoreError:
                self._store = None  # said once, and not again with every part of a page
                raise


def quoted(text: str, url: str) -> tuple[Part, Part, Part]:
    """Text of a page between two lines that it cannot forge."""
    line = border(text)
    return Text(f"{line}\n"), Text(text, source=url), Text(f"\n{line}\n")


def border(text: str) -> str:
    """A line that `text` cannot have, since it names the hash of that text."""
    return f"===== {hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()[:8]}"
