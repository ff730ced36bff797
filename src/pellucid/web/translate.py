"""Text said in another language, sentence by sentence, and checked: a translation has the figures
and names of its sentence, little of its words and, where a small model was given words of the other
language, most of these. A sentence whose translations all fail stays as it was."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice

from .. import facts
from ..engine import weights
from ..messages import Part, Text
from . import examples, glossary, languages
from .asking import Asker

LEFT_OVER = 0.2
"""The share of the longer words in small letters that a translation may have as they were."""
SAID = 0.7
"""The share of the words given to a small model that its translation must have, in some form."""
TRIES = (0.0, 0.4)
"""The temperatures at which a small model is asked for a sentence until it passes."""
LARGE = "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"
"""The larger one of the models that are fetched with nothing but a name."""
EXAMPLE = "https://site.example/"
"""Where the sentences of examples are said to come from."""
_MILLION = re.compile(r"\bmil(?:l?i?[oó]n|h[ãõ]|joen)", re.I)
"""In each of these languages: what small models make a thousand times as much of."""
_LEAK = 4
"""Words of an example in a row that no translation has by chance."""


class Translator:
    """Translates what was said of pages into `target`, a code; empty for no translation. `failed`
    counts the sentences left as they were, `done` the others."""

    def __init__(self, asker: Asker, target: str) -> None:
        self.failed = self.done = 0
        self._asker = asker
        self._target = target

    def translates(self, source: str) -> bool:
        """Whether a text in the language `source` (a code; empty: not known) is to be changed."""
        return self._target not in ("", source)

    def translated(self, text: str, source: str, url: str) -> str:
        """`text`, which is in the language `source`, in the other language; each sentence as it
        was where its translation fails."""
        return facts.joined(self.sentences(text, source, url)) if self.translates(source) else text

    def sentences(self, text: str, source: str, url: str) -> Iterator[str]:
        """The same, a sentence at a time, for a text that is to be changed."""
        for sentence in facts.sentences(text):
            yield self._sentence(sentence, source, url)

    def notes(self) -> Iterator[str]:
        if self.failed:
            what = "One sentence stands" if self.failed == 1 else f"{self.failed} sentences stand"
            yield f"{what} in the language of the page: the translation failed its check."
        if self.done and self._asker.small:
            smaller = (self._asker.size or 0) < weights.known(LARGE).bytes
            better = " The model `large`, which runs here too, makes fewer." if smaller else ""
            yield f"A model this small makes mistakes of grammar and sense in translation.{better}"

    def _sentence(self, sentence: str, source: str, url: str) -> str:
        """The first translation that passes, or the sentence."""
        target, small = self._target, self._asker.small
        words: dict[str, str] = {}
        if helped := small and glossary.knows(source, target):
            words = glossary.words(sentence, source, target)
        task, shown = self._task(source, helped)
        parts = _asked(sentence, words, url)
        for seed, temperature in enumerate(TRIES if small else TRIES[:1]):
            options = replace(self._asker.options, max_tokens=len(sentence.encode()) // 2 + 30)
            if seed:
                options = replace(options, temperature=temperature, seed=seed)
            pieces = self._asker.stream(task, parts, options=options, examples=shown)
            reply = glossary.elided(" ".join("".join(pieces).split()), target)
            if sentence[:1].isupper():
                reply = reply[:1].upper() + reply[1:]
            if _holds(sentence, reply, source, target) and (
                _says(sentence, reply, words, source, target)
                if helped
                else _is_changed(sentence, reply)
            ):
                self.done += 1
                return reply
        self.failed += 1
        return sentence

    def _task(self, source: str, helped: bool) -> tuple[str, list[tuple[Sequence[Part], str]]]:
        """What a model is told, and shown as turns that were answered."""
        target = self._target
        between = f"from {languages.name(source) or 'its language'} into {languages.name(target)}"
        task = f"You are a translator {between}. Answer with the translation alone."
        known = examples.SEVERAL if helped else examples.ONE
        shown = [
            (_asked(own, glossary.words(own, source, target) if helped else {}, EXAMPLE), said)
            for own, said in zip(known.get(source, ()), known.get(target, ()), strict=False)
        ]
        return f"{task} Keep figures and names.", shown


def _asked(sentence: str, words: Mapping[str, str], url: str) -> Sequence[Part]:
    """A sentence of a page as a passage, what is known of its words behind it."""
    known = "; ".join(f"{word} = {other}" for word, other in words.items())
    return Text(sentence, source=url), *([Text(f"\n\n({known})")] if known else [])


def _holds(sentence: str, reply: str, source: str, target: str) -> bool:
    """Whether a reply can pass for the translation of a sentence in the language `source`."""
    if len(reply) > 2 * len(sentence) + 20 or 2 * facts.length(reply) < facts.length(sentence):
        return False
    if set(facts.figures(reply)) != set(facts.figures(sentence)):
        return False
    if source and languages.detect(reply) == source:
        return False
    both = source in examples.ONE and target in examples.ONE
    if both and bool(_MILLION.search(reply)) != bool(_MILLION.search(sentence)):
        return False
    if "---" in reply:  # the lines around a passage
        return False
    shown = (*examples.ONE.get(target, ()), *examples.SEVERAL.get(target, ()))
    if _runs(reply) & set().union(*map(_runs, shown)):
        return False
    proper = set(glossary.proper_names(source)) if source in examples.SEVERAL else set()
    names = set(_names(sentence, source)) - proper
    words = set(facts.words(reply))
    return 4 * sum(not set(facts.words(name)) <= words for name in names) <= len(names)


def _names(sentence: str, source: str) -> list[str]:
    """The names in a sentence; none of German, which writes every noun as others write names."""
    return [] if source == "de" else facts.names(sentence)


def _is_changed(sentence: str, reply: str) -> bool:
    """Whether a reply has little of the sentence as it was."""
    plain = {word for word in re.findall(r"[^\W\d_]{4,}", sentence) if word.islower()}
    return len(plain & set(facts.words(reply))) <= LEFT_OVER * len(plain)


def _says(sentence: str, reply: str, known: Mapping[str, str], source: str, target: str) -> bool:
    """Whether a reply has most of the words that were given, the figures as they are written
    there, no month, day or country that is not given, and no word as it was."""
    given = " ".join(known.values())
    plain = {word for word in re.findall(r"[^\W\d_]{2,}", sentence) if word.islower()}
    plain |= set(facts.words(" ".join(known)))
    plain -= set(facts.words(" ".join(_names(sentence, source))))
    begun, begins = sentence.split()[:2], reply.split()[:2]
    if begun[:1] == begins[:1] and begun != begins:  # as in "The Fabrik", not in "Le Havre"
        plain |= {begun[0].lower()} & languages.small_words(source)
    own = glossary.vocabulary(target) | languages.small_words(target) | set(facts.words(given))
    if (plain - own) & set(facts.words(reply)) or (target != "en" and "'s" in reply):
        return False
    if not all(
        number in reply for number in glossary.numbers(glossary.localised(sentence, source, target))
    ):
        return False
    if glossary.proper(given, target) != glossary.proper(reply, target):
        return False
    low = reply.lower()
    long = [word for word in known.values() if len(word) > 4]  # and so not "have", "will", "sind"
    return sum(_stem(word) in low for word in long) >= SAID * len(long)


def _stem(form: str) -> str:
    """What is likely to stay of a word, or of the longest of several, as it is inflected."""
    word = max(form.lower().split(), key=len)
    return word[: max(4, len(word) - 3)][:7]


def _runs(text: str) -> set[tuple[str, ...]]:
    words = facts.words(text)
    return set(zip(*(islice(words, n, None) for n in range(_LEAK)), strict=False))
