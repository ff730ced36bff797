"""What agents found, put together: each sentence checked, sources set by code, not by a model."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .. import facts
from ..value import value

QUOTED_WORDS = 40
"""Words of a file that stand where nothing of an answer was borne out by it."""
LISTED = re.compile(r"^\W*(?:sources?|references?)\b\W*(?:$|:)", re.IGNORECASE | re.MULTILINE)
"""Where a list of sources begins."""
LOOSE = 0.6
"""The share of a sentence's longer words a source may lack; above it is another's, or no one's."""


@value
class Finding:
    """What the agent `author` answered; `source` is the file it had read, if any."""

    author: str
    text: str
    source: str = ""


Number = Callable[[str], int]
"""The number of a source in the list at the end."""


def sentences(text: str) -> list[str]:
    """The sentences of a file whose lines may be broken anywhere, each once."""
    joined = re.sub(r"(?<=\S)[ \t]*\n(?=[^\W_])", " ", re.sub(r"(?m)^#.*$\n?", "\n", text))
    return list(dict.fromkeys(facts.sentences(joined)))


def quotable(text: str, most: int) -> list[str]:
    """The sentences an answer of `most` of them may choose from: twice as many, those with the
    most figures and names, in the order of the text."""
    found = sentences(text)
    return sorted(sorted(found, key=facts.weight, reverse=True)[: 2 * most], key=found.index)


def quoting(found: Sequence[str], most: int) -> dict[str, Any]:
    """The schema of an answer that consists of `most` of these sentences."""
    count = min(most, len(found))
    items = {"type": "array", "items": {"enum": list(found)}, "minItems": count, "maxItems": count}
    return {
        "type": "object",
        "properties": {"sentences": items},
        "required": ["sentences"],
        "additionalProperties": False,
    }


def quoted(answer: Mapping[str, Any], found: Sequence[str]) -> list[str]:
    """The sentences chosen, in their order. A small model chooses one twice: in its second place
    stands the one with the most figures and names."""
    chosen = list(dict.fromkeys(answer["sentences"]))
    others = sorted(found, key=facts.weight, reverse=True)
    chosen += [each for each in others if each not in chosen]
    return sorted(chosen[: len(answer["sentences"])], key=list(found).index)


def borne_out(answer: str, text: str, task: str) -> tuple[str, list[str]]:
    """An answer without the sentences whose figures or names are not in the text, and those
    sentences. Where none is left, the text's own weightiest ones stand instead. Sources that a
    model names are dropped without a word: the true ones are known."""
    known = f"{task}\n{text}"
    answer = re.sub(r"\s*\[\d+\]", "", LISTED.split(answer)[0]).strip()
    if not facts.unsupported(answer, known):
        return answer, []
    said = facts.sentences(answer)
    strange = [sentence for sentence in said if facts.unsupported(sentence, known)]
    kept = " ".join(sentence for sentence in said if sentence not in strange)
    return kept or facts.completed("", text, QUOTED_WORDS), strange


def page(answer: str, findings: Sequence[Finding], number: Number, *, quotes: bool = False) -> str:
    """An answer with the source of each sentence, and below it what was found in the sources that
    it does not speak of; where it `quotes`, everything that was found and is not in it."""
    named = [finding for finding in findings if finding.source]
    head = "\n".join(_cited(line, named, number) for line in answer.splitlines()).strip()
    rest = []
    for finding in named if head else findings:
        text, cited = finding.text, f" [{number(finding.source)}]" if finding.source else ""
        if head and quotes:
            text = " ".join(each for each in sentences(text) if each not in answer)
        elif cited and cited in head:
            continue
        if text:
            rest.append(f"- {text}{cited}")
    if not head and len(findings) == 1:
        rest = [line.removeprefix("- ") for line in rest]
    return "\n\n".join(part for part in (head, "\n".join(rest)) if part)


def _cited(line: str, findings: Sequence[Finding], number: Number) -> str:
    """A line of an answer, the numbers of their sources behind its sentences."""
    mark = re.match(r"\s*(?:#+\s.*|(?:[-*•>]|\d+\.)\s+)?", line)
    assert mark is not None
    said = facts.sentences(line[mark.end() :])
    cited = [
        f"{sentence} [{number(finding.source)}]"
        if (finding := _of(sentence, findings))
        else sentence
        for sentence in said
    ]
    return mark[0] + " ".join(cited)


def _of(sentence: str, findings: Sequence[Finding]) -> Finding | None:
    """The finding that a sentence was made from."""
    for each in findings:
        if sentence in each.text:
            return each
    bearing = [each for each in findings if not facts.unsupported(sentence, each.text)]
    best = min(bearing, key=lambda each: facts.strangeness(sentence, each.text), default=None)
    if best is None or facts.strangeness(sentence, best.text) > LOOSE:
        return None
    return best
