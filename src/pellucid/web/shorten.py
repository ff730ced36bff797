"""A stretch of a page said in fewer words, and checked: figures, names and words that the page does
not have are not let through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .. import facts
from ..messages import Message, Options, Text
from . import languages
from .asking import Asker, quoted

SYSTEM = "You shorten texts. You repeat only what the text says and add nothing."
LEAST_WORDS = 8
LOOSE = 0.6
"""The share of a sentence's words that may be the writer's own where a manner was asked for."""
SLACK = 6
"""Words by which a sentence of the page may go over what was asked for."""


class Shortener:
    """Shortens texts with one model, in one language (a code; empty: that of the text).

    `manner` is a sentence about style, in whose name a model may choose more words of its own;
    figures and names must be the page's all the same. `quoted` counts the sentences that are the
    page's own, where the model's would not do.
    """

    def __init__(self, asker: Asker, *, page_language: str, language: str, manner: str) -> None:
        self.quoted = 0
        self._asker = asker
        self._manner = f" {manner}" if manner else ""
        self._page_language = page_language
        code = language or page_language
        self._language = languages.name(code)
        self._in_language = f" in {self._language}" if code else ""
        self._same = not language or languages.name(page_language) == languages.name(language)

    def shorten(
        self,
        text: str,
        most: int,
        *,
        title: str,
        url: str,
        left_out: Sequence[Message] = (),
        notes: tuple[str, ...] = (),
    ) -> str:
        """`text` in about `most` words. `left_out`, what was not sent, and `notes` go into the
        receipt."""
        most = max(most, LEAST_WORDS)
        if self._same and not self._manner and len(text.split()) <= most:
            return " ".join(facts.sentences(text))
        parts = (
            Text(f"Shorten this to at most {most} words. Keep figures, names and dates.\n"),
            *quoted(text, url),
            Text(f"Shortened to {most} words{self._in_language}:{self._manner}"),
        )
        options = replace(self._asker.options, max_tokens=most * 3 + 10)
        pieces = self._asker.stream(SYSTEM, parts, options=options, left_out=left_out, notes=notes)
        reply = "".join(pieces)
        said = self._checked(reply, f"{title}\n{text}", most)
        if said and not (self._same and not self._manner):
            return said
        whole = facts.completed(said, text, most + SLACK)
        if not self._same and (translated := self._translated(whole, url, options)):
            return translated
        self.quoted += len(facts.sentences(whole)) - len(facts.sentences(said))
        return whole

    def unsupported(self, said: str, known: str) -> list[str]:
        """The figures and names in `said` that the text does not have. In another language names
        are spelled otherwise; figures are not."""
        strange = facts.unsupported(said, known)
        return strange if self._same else [word for word in strange if word.isdigit()]

    def _translated(self, text: str, url: str, options: Options) -> str:
        """Sentences of the page in the language that was asked for; empty where that fails."""
        parts = (
            Text("Translate this text:\n"),
            *quoted(text, url),
            Text(f"Translation into {self._language}:"),
        )
        system = f"You translate texts into {self._language}."
        reply = "".join(self._asker.stream(system, parts, options=options))
        return self._checked(reply, text, 2 * len(text.split()))

    def _checked(self, reply: str, known: str, most: int) -> str:
        """The sentences of a reply that the page bears out, about `most` words of them."""
        kept: list[str] = []
        room = most * 1.4
        for sentence in facts.sentences(reply):
            strange = self.unsupported(sentence, known)
            own = facts.strangeness(sentence, known) if self._same else 0.0
            size = len(sentence.split())
            if (
                strange
                or own > (LOOSE if self._manner else facts.STRANGE)
                or size > room
                or not facts.is_whole(sentence)
            ):
                continue
            if sentence not in kept:
                kept.append(sentence)
                room -= size
        said = " ".join(kept)
        if not self._same and languages.detect(said) == self._page_language != "":
            return ""  # it is still in the language of the page
        return said
