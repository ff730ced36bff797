"""Stretches of a page said in fewer words, and checked: figures, names and words that the page does
not have are not let through."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from .. import facts
from ..messages import Message, Part, ResponseFormat, Text
from . import glossary, languages
from .asking import Asker, border, quoted

SYSTEM = "You shorten texts. You repeat only what the text says and add nothing."
LEAST_WORDS = 8
LOOSE = 0.6
"""The share of a sentence's words that may be the writer's own where a manner was asked for."""
SLACK = 6
"""Words by which a sentence of the page may go over what was asked for."""
SCRAP = 3
"""Words: a line that is no longer, and no sentence, is left out beside others."""
SHORT = 3
"""Words: a shorter sentence is let through only as the page has it, since it may be an answer that
the page asked for."""
ONE_SENTENCE = (
    r"^((Dr|Mr|Mrs|Ms|St|No|Nr|bzw| [A-Z]| [0-9]{1,2})\. |"
    r'[^.!?。！？"\\]|[.][0-9])+[.!?。！？]$'
)
"""What a string in a schema is held to: it goes no further than to the end of a sentence."""
_TOKENS = 60
"""Of one sentence in an answer for several texts, on the average."""
_VALUE = re.compile(r'"\d+"\s*:\s*("(?:[^"\\]|\\.)*")')


class Shortener:
    """Shortens texts of one page with one model, in the language of the page (a code).

    `manner` is a sentence about how to write. Where it leaves the model `free`, more of the words
    may be its own; figures and names must be the page's all the same. `quoted` counts the sentences
    that are the page's own, where the model's would not do.
    """

    def __init__(
        self, asker: Asker, *, language: str, manner: str = "", free: bool = False
    ) -> None:
        self.quoted = 0
        self._asker = asker
        self._language = language
        self._free = free
        self._manner = f" {manner}" if manner else ""
        self._in_language = f" in {languages.name(language)}" if language else ""

    def shorten(
        self,
        text: str,
        most: int,
        *,
        title: str,
        url: str,
        left_out: Sequence[Message] = (),
    ) -> str:
        """`text` in about `most` words. `left_out` is what was not sent, for the receipt."""
        most = max(most, LEAST_WORDS)
        if self._is_short(text, most):
            return _plain(text)
        reply = "".join(self._ask(text, most, url, left_out))
        return self.mended(self.checked(reply, f"{title}\n{text}", most), text, most)

    def written(self, text: str, most: int, *, title: str, url: str) -> Iterator[str]:
        """The sentences of `shorten`, each as soon as it is whole and checked: what was shown
        stays, and sentences of the page come after it."""
        if self._is_short(text, most):
            yield from facts.sentences(_plain(text))
            return
        said: list[str] = []
        sentences = _sentences(self._ask(text, most, url))
        for sentence in self._checked(sentences, f"{title}\n{text}", most):
            said.append(sentence)
            yield sentence
        whole = " ".join(said)
        yield from facts.sentences(self.mended(whole, text, most, before="").removeprefix(whole))

    def _ask(
        self, text: str, most: int, url: str, left_out: Sequence[Message] = ()
    ) -> Iterator[str]:
        parts = (
            Text(f"Shorten this to at most {most} words. Keep figures, names and dates.\n"),
            *quoted(text, url),
            Text(f"Shortened to {most} words{self._in_language}:{self._manner}"),
        )
        options = replace(self._asker.options, max_tokens=most * 3 + 10)
        return self._asker.stream(SYSTEM, parts, options=options, left_out=left_out)

    def each(self, texts: Sequence[str], most: int, *, url: str) -> Iterator[str]:
        """What the model makes of each text, one sentence of about `most` words, not yet checked:
        all are read in one pass, and the answer is JSON that a schema holds to a sentence each.

        A text that the answer does not get to has an empty one.
        """
        if all(self._is_short(text, most) for text in texts):
            yield from texts
            return
        line = border("".join(texts))
        numbered: list[Part] = []
        for n, text in enumerate(texts, 1):
            numbered += [Text(f"[{n}]\n"), Text(text, source=url), Text("\n")]
        parts = (
            Text(
                f"Shorten each of the {len(texts)} parts of this page to one sentence of at most "
                f"{most} words. Keep figures, names and dates.\n{line}\n"
            ),
            *numbered,
            Text(f"{line}\nEach part in one sentence{self._in_language}, as JSON:{self._manner}"),
        )
        numbers = [str(n) for n in range(1, len(texts) + 1)]
        schema = {
            "type": "object",
            "properties": {n: {"type": "string", "pattern": ONE_SENTENCE} for n in numbers},
            "required": numbers,
            "additionalProperties": False,
        }
        options = replace(self._asker.options, max_tokens=self.reply_tokens(len(texts)))
        form = ResponseFormat(schema, name="parts")
        values = _values(self._asker.stream(SYSTEM, parts, options=options, form=form))
        for _ in texts:
            yield next(values, "")
        for _ in values:  # to the end, where the receipt is written
            pass

    @staticmethod
    def reply_tokens(texts: int) -> int:
        """Tokens that the answer for so many texts may take."""
        return _TOKENS * texts + 40

    def mended(self, said: str, text: str, most: int, before: str | None = None) -> str:
        """`said`, checked sentences, with sentences of the text for the figures and names that are
        missing in it and `before` it."""
        if said and self._free:
            return said
        whole = facts.completed(said, text, most + SLACK, before)
        own = facts.sentences(said)
        self.quoted += sum(sentence not in own for sentence in facts.sentences(whole))
        return whole

    def _is_short(self, text: str, most: int) -> bool:
        return not self._free and facts.length(text) <= most

    def checked(self, reply: str, known: str, most: int) -> str:
        """The sentences of a reply that what is known bears out, about `most` words of them."""
        return " ".join(self._checked(facts.sentences(reply), known, most))

    def _checked(self, sentences: Iterable[str], known: str, most: int) -> Iterator[str]:
        kept: list[str] = []
        own = facts.sentences(known)
        room = most * 1.4
        for sentence in sentences:
            size = facts.length(sentence)
            if (
                facts.unsupported(sentence, known)
                or not (self._free or self._begins_well(sentence, known))
                or facts.strangeness(sentence, known) > (LOOSE if self._free else facts.STRANGE)
                or (size < SHORT and sentence not in own)
                or size > room
                or not facts.is_whole(sentence)
            ):
                continue
            if sentence not in kept:
                kept.append(sentence)
                room -= size
                yield sentence

    def _begins_well(self, sentence: str, known: str) -> bool:
        """Whether its first word, a capital by its place, is no name that the page has not."""
        ordinary = glossary.vocabulary(self._language)
        first = next(iter(facts.words(sentence)), "")
        return (
            not ordinary
            or first in ordinary | languages.small_words(self._language)
            or facts.is_known(first, known)
        )


def _plain(text: str) -> str:
    """The sentences of a text without the scraps between them: a day, the name of a button."""
    found = facts.sentences(text)
    kept = [one for one in found if facts.is_whole(one) or facts.length(one) > SCRAP]
    return facts.joined(kept or found)


def _sentences(pieces: Iterable[str]) -> Iterator[str]:
    """The sentences of a text that is being written, each as soon as the next one begins."""
    held, done = "", 0
    for piece in pieces:
        held += piece
        found = facts.sentences(held)
        yield from found[done:-1]
        done = max(done, len(found) - 1)
    yield from facts.sentences(held)[done:]


def _values(pieces: Iterable[str]) -> Iterator[str]:
    """The strings of a JSON object that is being written, each as soon as it is whole."""
    held = ""
    for piece in pieces:
        held += piece
        while found := _VALUE.search(held):
            held = held[found.end() :]
            try:
                yield str(json.loads(found[1], strict=False))
            except ValueError:  # an escape that JSON does not know
                yield ""
